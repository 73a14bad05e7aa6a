/*
 * disk_functions.c: the simulated disk in SQL. `name` is a disk's; numbers of calls count from 1.
 *
 *     simulated_disk(name)                        makes the disk, or finds it
 *     simulated_disk_default(name)                opens that follow go there; '' = the real files again
 *     simulated_reset(name)                       as new
 *     simulated_handles(name)                     handles that are open and alive
 *     simulated_clock(name), simulated_clock_set(name, microseconds)
 *     simulated_seed(name, seed)
 *     simulated_files(name)                       names, as a JSON array
 *     simulated_file(name, path)                  content, or NULL
 *     simulated_file_write(name, path, content), simulated_file_delete(name, path)
 *     simulated_copy(from, to)                    the files of `to` become those of `from`
 *     simulated_capacity(name, bytes)             0 = no limit
 *     simulated_powersafe(name, 0 or 1)
 *     simulated_crash(name), simulated_power_loss(name, seed)
 *     simulated_crash_at(name, kind, nth), simulated_power_loss_at(name, kind, nth, seed)
 *     simulated_ends(name)                        crashes and power losses so far
 *     simulated_fault(name, kind, nth, forever)   kinds: see disk_fault.c
 *     simulated_fault_off(name)                   no more faults, and nothing planned
 *     simulated_calls(name, kind), simulated_faults(name)
 */
#include "disk_functions.h"

#include <string.h>

static const char *text(sqlite3_value *value) {
  const char *text = (const char *)sqlite3_value_text(value);
  return text == NULL ? "" : text;
}

static uint64_t number(sqlite3_value *value) { return (uint64_t)sqlite3_value_int64(value); }

disk *disk_argument(sqlite3_context *context, sqlite3_value **arguments) {
  disk *found = disk_named(text(arguments[0]));
  if (found == NULL) sqlite3_result_error(context, "no simulated disk of this name", -1);
  return found;
}

/** The kind that an argument names; NULL after an error was reported. */
static const fault_kind *kind_argument(sqlite3_context *context, sqlite3_value *value) {
  const fault_kind *kind = fault_kind_named(text(value));
  if (kind == NULL) sqlite3_result_error(context, "no such kind of fault", -1);
  return kind;
}

/** Reports a result code that is an error. */
static void result_code(sqlite3_context *context, int code) {
  if (code != SQLITE_OK) sqlite3_result_error_code(context, code);
}

static void make(sqlite3_context *context, int count, sqlite3_value **arguments) {
  (void)count;
  if (disk_make(text(arguments[0])) == NULL) sqlite3_result_error_nomem(context);
}

static void set_default(sqlite3_context *context, int count, sqlite3_value **arguments) {
  (void)count;
  disk *disk = NULL;
  if (text(arguments[0])[0] != '\0') {
    disk = disk_argument(context, arguments);
    if (disk == NULL) return;
  }
  result_code(context, disk_set_default(disk));
}

/* The functions of one disk: each gets it, and the arguments behind its name. */

static void reset(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  (void)arguments;
  disk_reset(disk);
}

static void handles(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)arguments;
  sqlite3_result_int(context, disk_handles(disk));
}

static void get_clock(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)arguments;
  sqlite3_result_int64(context, disk_clock(disk));
}

static void set_clock(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  disk_set_clock(disk, sqlite3_value_int64(arguments[0]));
}

static void seed(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  disk_seed(disk, number(arguments[0]));
}

static void files(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)arguments;
  sqlite3_str *list = sqlite3_str_new(sqlite3_context_db_handle(context));
  for (int index = 0; disk_file_name(disk, index) != NULL; index++) {
    sqlite3_str_appendf(list, "%s\"%w\"", index == 0 ? "[" : ",", disk_file_name(disk, index));
  }
  if (sqlite3_str_length(list) == 0) sqlite3_str_appendall(list, "[");
  sqlite3_str_appendall(list, "]");
  sqlite3_result_text(context, sqlite3_str_finish(list), -1, sqlite3_free);
}

static void file(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  uint64_t size = 0;
  const uint8_t *content = disk_file_read(disk, text(arguments[0]), &size);
  if (content != NULL) sqlite3_result_blob64(context, content, size, SQLITE_TRANSIENT);
}

static void file_write(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  const void *content = sqlite3_value_blob(arguments[1]);
  uint64_t size = (uint64_t)sqlite3_value_bytes(arguments[1]);
  result_code(context, disk_file_write(disk, text(arguments[0]), content, size));
}

static void file_delete(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  result_code(context, disk_file_delete(disk, text(arguments[0])));
}

static void copy(disk *from, sqlite3_context *context, sqlite3_value **arguments) {
  disk *to = disk_argument(context, arguments);
  if (to == from) sqlite3_result_error(context, "a disk cannot be copied to itself", -1);
  else if (to != NULL) disk_copy(from, to);
}

static void capacity(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  disk_set_capacity(disk, number(arguments[0]));
}

static void powersafe(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  disk_set_powersafe(disk, sqlite3_value_int(arguments[0]) != 0);
}

static void crash(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  (void)arguments;
  disk_crash(disk);
}

static void power_loss(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  disk_power_loss(disk, number(arguments[0]));
}

static void crash_at(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  const fault_kind *kind = kind_argument(context, arguments[0]);
  if (kind != NULL) disk_stop_at(disk, kind->kind, number(arguments[1]), false, 0);
}

static void power_loss_at(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  const fault_kind *kind = kind_argument(context, arguments[0]);
  if (kind != NULL) disk_stop_at(disk, kind->kind, number(arguments[1]), true, number(arguments[2]));
}

static void ends(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)arguments;
  sqlite3_result_int(context, disk_ends(disk));
}

static void fault(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  const fault_kind *kind = kind_argument(context, arguments[0]);
  if (kind != NULL) disk_fault(disk, kind, number(arguments[1]), sqlite3_value_int(arguments[2]) != 0);
}

static void fault_off(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)context;
  (void)arguments;
  disk_fault_off(disk);
}

static void calls(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  const fault_kind *kind = kind_argument(context, arguments[0]);
  if (kind != NULL) sqlite3_result_int64(context, (sqlite3_int64)disk_calls(disk, kind->kind));
}

static void faults(disk *disk, sqlite3_context *context, sqlite3_value **arguments) {
  (void)arguments;
  sqlite3_result_int64(context, (sqlite3_int64)disk_faults(disk));
}

typedef void (*disk_function)(disk *disk, sqlite3_context *context, sqlite3_value **arguments);

/** The functions of one disk. `arity` counts the name. */
static const struct entry {
  const char *name;
  int arity;
  disk_function function;
} entries[] = {
    {"simulated_reset", 1, reset},
    {"simulated_handles", 1, handles},
    {"simulated_clock", 1, get_clock},
    {"simulated_clock_set", 2, set_clock},
    {"simulated_seed", 2, seed},
    {"simulated_files", 1, files},
    {"simulated_file", 2, file},
    {"simulated_file_write", 3, file_write},
    {"simulated_file_delete", 2, file_delete},
    {"simulated_copy", 2, copy},
    {"simulated_capacity", 2, capacity},
    {"simulated_powersafe", 2, powersafe},
    {"simulated_crash", 1, crash},
    {"simulated_power_loss", 2, power_loss},
    {"simulated_crash_at", 3, crash_at},
    {"simulated_power_loss_at", 4, power_loss_at},
    {"simulated_ends", 1, ends},
    {"simulated_fault", 4, fault},
    {"simulated_fault_off", 1, fault_off},
    {"simulated_calls", 2, calls},
    {"simulated_faults", 1, faults},
};

static void call_entry(sqlite3_context *context, int count, sqlite3_value **arguments) {
  (void)count;
  disk *disk = disk_argument(context, arguments);
  const struct entry *entry = sqlite3_user_data(context);
  if (disk != NULL) entry->function(disk, context, arguments + 1);
}

int simulated_register(sqlite3 *database, const char *name, int arity, sql_function function) {
  int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
  return sqlite3_create_function_v2(database, name, arity, flags, NULL, function, NULL, NULL, NULL);
}

int disk_functions_register(sqlite3 *database) {
  int code = simulated_register(database, "simulated_disk", 1, make);
  if (code == SQLITE_OK) code = simulated_register(database, "simulated_disk_default", 1, set_default);
  for (size_t index = 0; code == SQLITE_OK && index < sizeof(entries) / sizeof(entries[0]); index++) {
    const struct entry *entry = &entries[index];
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    code = sqlite3_create_function_v2(database, entry->name, entry->arity, flags, (void *)(uintptr_t)entry,
                                      call_entry, NULL, NULL, NULL);
  }
  return code;
}
