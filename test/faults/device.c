/*
 * device.c: the connections of the device under test: opening with the extension, and doing a step.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/** The clock moves by this from step to step, so that a step that is done again has the time that it had. */
static const char FILE_NAME[] = "/device.db";

#if defined(HARNESS_STATIC)
int sqlite3_cloudsync_init(sqlite3 *database, char **error, const sqlite3_api_routines *api);
#endif

static void kept_function(sqlite3_context *context, int count, sqlite3_value **arguments) {
  (void)count;
  const device *device = sqlite3_user_data(context);
  const char *name = (const char *)sqlite3_value_text(arguments[0]);
  for (int index = 0; name != NULL && index < device->kept_count; index++) {
    const kept_value *kept = &device->kept[index];
    if (strcmp(kept->name, name) == 0) sqlite3_result_blob(context, kept->data, kept->size, SQLITE_STATIC);
  }
}

static void keep(device *device, const char *name, sqlite3_stmt *statement) {
  int index = 0;
  while (index < device->kept_count && strcmp(device->kept[index].name, name) != 0) index++;
  if (index == KEPT_MAX) abort();
  if (index == device->kept_count) device->kept_count++;
  kept_value *kept = &device->kept[index];
  free(kept->data);
  strcpy(kept->name, name);
  const void *data = sqlite3_column_blob(statement, 0);
  kept->size = sqlite3_column_bytes(statement, 0);
  kept->data = malloc((size_t)kept->size + 1);
  if (kept->size > 0) memcpy(kept->data, data, (size_t)kept->size);
}

static int load_extension(const device *device, sqlite3 *database) {
  char *error = NULL;
#if defined(HARNESS_STATIC)
  (void)device;
  int code = sqlite3_cloudsync_init(database, &error, NULL);
#else
  int code = sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
  if (code == SQLITE_OK) code = sqlite3_load_extension(database, device->library, NULL, &error);
  /* SQLite says only "error" when an entry point fails; out of memory is in the message, or there is not even one. */
  if (code == SQLITE_ERROR && (error == NULL || strstr(error, "out of memory") != NULL)) code = SQLITE_NOMEM;
#endif
  sqlite3_free(error);
  return code;
}

int device_open(device *device, place place) {
  disk *disk = place == ON_OTHER ? device->other_disk : device->disk;
  const char *vfs = place == ON_OTHER ? "other" : "device";
  disk_set_default(disk);
  sqlite3 *database = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  int code = sqlite3_open_v2(FILE_NAME, &database, flags, vfs);
  device->connections[place] = database;
  if (code != SQLITE_OK) return code;
  sqlite3_extended_result_codes(database, 1);
  injector_attach(database);
  code = load_extension(device, database);
  if (code != SQLITE_OK) return code;
  code = sqlite3_create_function_v2(database, "kept", 1, SQLITE_UTF8, device, kept_function, NULL, NULL, NULL);
  if (code != SQLITE_OK) return code;
  /* A cache of a few pages, so that transactions write before they commit. */
  char *sql = sqlite3_mprintf("PRAGMA journal_mode=%s; PRAGMA synchronous=%s; PRAGMA cache_size=20; "
                              "PRAGMA foreign_keys=1",
                              device->journal->mode, device->journal->synchronous);
  if (sql == NULL) return SQLITE_NOMEM;
  code = sqlite3_exec(database, sql, NULL, NULL, NULL);
  sqlite3_free(sql);
  return code;
}

static bool close_place(device *device, place place) {
  int code = sqlite3_close(device->connections[place]);
  if (code == SQLITE_OK) device->connections[place] = NULL;
  return code == SQLITE_OK;
}

bool device_close(device *device) {
  bool is_closed = true;
  for (int place = 0; place < 3; place++) is_closed = close_place(device, place) && is_closed;
  return is_closed;
}

static uint64_t hash_row(uint64_t hash, sqlite3_stmt *statement) {
  for (int column = 0; column < sqlite3_column_count(statement); column++) {
    int type = sqlite3_column_type(statement, column);
    hash = hash_bytes(hash, &type, sizeof(type));
    const void *data = sqlite3_column_blob(statement, column);
    if (data != NULL) hash = hash_bytes(hash, data, (size_t)sqlite3_column_bytes(statement, column));
  }
  return hash;
}

/** One statement to its end; `rest` moves behind it. */
static int run_statement(device *device, const step *step, const char **rest, uint64_t *hash) {
  sqlite3 *database = device->connections[step->place];
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(database, *rest, -1, &statement, rest);
  if (code != SQLITE_OK || statement == NULL) return code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    *hash = hash_row(*hash, statement);
    /* Out of memory while a value is read shows only here. */
    if (sqlite3_errcode(database) == SQLITE_NOMEM) break;
    if (step->keep[0] != '\0') keep(device, step->keep, statement);
  }
  if (code == SQLITE_ROW) code = SQLITE_NOMEM;
  int final_code = sqlite3_finalize(statement);
  return code == SQLITE_DONE ? final_code : code;
}

int device_do(device *device, const step *step, uint64_t *hash, char *message) {
  disk_set_default(step->place == ON_OTHER ? device->other_disk : device->disk);
  *hash = 0;
  int code = SQLITE_OK;
  if (step->opens || device->connections[step->place] == NULL) {
    if (!close_place(device, step->place)) return SQLITE_BUSY;
    code = device_open(device, step->place);
    /* Closing and opening can get over an end; but the process that would go on is dead. */
    if (code == SQLITE_OK && injector_ended(device->disk)) code = SQLITE_IOERR;
    if (code != SQLITE_OK) sqlite3_snprintf(MESSAGE_SIZE, message, "opening: %s", sqlite3_errstr(code));
  }
  const char *rest = step->sql;
  while (code == SQLITE_OK && *rest != '\0') {
    code = run_statement(device, step, &rest, hash);
    if (code != SQLITE_OK) {
      const char *error = sqlite3_errmsg(device->connections[step->place]);
      sqlite3_snprintf(MESSAGE_SIZE, message, "%s (%d)", error, code);
    }
  }
  return code;
}
