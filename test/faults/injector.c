/*
 * injector.c: makes things fail at a chosen point: allocations of SQLite, growth of the core's memory, calls of the
 * disk, statements by interrupt; or ends the process or the power of the device.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/** Counts calls and says which of them fail. */
typedef struct {
  bool is_counting;
  uint64_t count;
  /** The call that fails; 0 = none. */
  uint64_t point;
  bool forever;
  bool fired;
} meter;

static meter memory_meter;
static meter core_meter;
static meter step_meter;
static bool interrupts_hard;
static uint64_t calls_before[CALL_KINDS];
static uint64_t faults_before;
static int ends_before;

static bool fails(meter *meter) {
  if (!meter->is_counting) return false;
  meter->count++;
  bool is_now = meter->point > 0 && (meter->count == meter->point || (meter->forever && meter->fired));
  if (is_now) meter->fired = true;
  return is_now;
}

/* --- SQLite's allocations --- */

static sqlite3_mem_methods real_memory;

static void *failing_malloc(int size) { return fails(&memory_meter) ? NULL : real_memory.xMalloc(size); }

static void *failing_realloc(void *old, int size) {
  return fails(&memory_meter) ? NULL : real_memory.xRealloc(old, size);
}

/** Without lookaside, so that every allocation is one that can fail. */
void injector_start(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
  sqlite3_mem_methods methods = real_memory;
  methods.xMalloc = failing_malloc;
  methods.xRealloc = failing_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

/* --- the library's allocations from the C library: the core's linear memory --- */

static uintptr_t library_begin;
static uintptr_t library_end;

static int note_library(struct dl_phdr_info *info, size_t size, void *base) {
  (void)size;
  if (info->dlpi_addr != (uintptr_t)base) return 0;
  library_begin = info->dlpi_addr;
  for (int index = 0; index < info->dlpi_phnum; index++) {
    uintptr_t end = info->dlpi_addr + info->dlpi_phdr[index].p_vaddr + info->dlpi_phdr[index].p_memsz;
    if (info->dlpi_phdr[index].p_type == PT_LOAD && end > library_end) library_end = end;
  }
  return 1;
}

void injector_watch_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *entry = library == NULL ? NULL : dlsym(library, "sqlite3_cloudsync_init");
  Dl_info info;
  if (entry != NULL && dladdr(entry, &info) != 0) dl_iterate_phdr(note_library, info.dli_fbase);
}

#if defined(HARNESS_STATIC)
/* The shim's runtime.c is compiled to call these. */
void *core_calloc(size_t count, size_t size);
void *core_realloc(void *old, size_t size);

void *core_calloc(size_t count, size_t size) { return fails(&core_meter) ? NULL : calloc(count, size); }

void *core_realloc(void *old, size_t size) { return fails(&core_meter) ? NULL : realloc(old, size); }
#else
/* These take the place of the C library's for the whole process; only the library under test is ever refused. */
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool is_from_library(const void *caller) {
  return (uintptr_t)caller >= library_begin && (uintptr_t)caller < library_end;
}

void *calloc(size_t count, size_t size) {
  if (is_from_library(__builtin_return_address(0)) && fails(&core_meter)) return NULL;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  if (is_from_library(__builtin_return_address(0)) && fails(&core_meter)) return NULL;
  return __libc_realloc(old, size);
}
#endif

/* --- waiting --- */

enum { SLEEPS = 64 };
static const int64_t LONG_TIME = 10000000;

/** A lock that was taken only once must leave no trace, so the clock stands; one that is never free is given up. */
static int sleep_without_time(void *context, int microseconds) {
  static int sleeps;
  disk *disk = context;
  if (++sleeps % SLEEPS == 0) disk_set_clock(disk, disk_clock(disk) + LONG_TIME);
  return microseconds;
}

void injector_watch_sleep(disk *disk) { disk_set_sleep_hook(disk, sleep_without_time, disk); }

/* --- interrupts --- */

/** Called before every few instructions of a statement; a result that is not 0 interrupts it. */
static int progress(void *database) {
  if (!fails(&step_meter)) return 0;
  if (!interrupts_hard) return 1;
  sqlite3_interrupt(database);
  return 0;
}

void injector_attach(sqlite3 *database) { sqlite3_progress_handler(database, 1, progress, database); }

/* --- all kinds --- */

static meter *meter_of(const char *kind) {
  if (strcmp(kind, "memory") == 0) return &memory_meter;
  if (strcmp(kind, "core") == 0) return &core_meter;
  if (strncmp(kind, "interrupt", 9) == 0) return &step_meter;
  return NULL;
}

bool is_end(const char *kind) { return strcmp(kind, "kill") == 0 || strncmp(kind, "power", 5) == 0; }

bool is_known_kind(const char *kind) {
  return meter_of(kind) != NULL || is_end(kind) || fault_kind_named(kind) != NULL;
}

static call_kind end_kind(const char *kind) { return strcmp(kind, "power-sync") == 0 ? CALL_SYNC : CALL_ANY; }

void injector_arm(disk *disk, const fault *fault) {
  meter *meters[] = {&memory_meter, &core_meter, &step_meter};
  for (int index = 0; index < 3; index++) {
    memset(meters[index], 0, sizeof(*meters[index]));
    meters[index]->is_counting = true;
  }
  for (int kind = 0; kind < CALL_KINDS; kind++) calls_before[kind] = disk_calls(disk, kind);
  faults_before = disk_faults(disk);
  ends_before = disk_ends(disk);
  if (fault == NULL) return;
  meter *meter = meter_of(fault->name);
  interrupts_hard = strcmp(fault->name, "interrupt-hard") == 0;
  if (meter != NULL) {
    meter->point = fault->point;
    meter->forever = fault->forever;
  } else if (is_end(fault->name)) {
    bool loses_power = strcmp(fault->name, "kill") != 0;
    disk_stop_at(disk, end_kind(fault->name), fault->point, loses_power, fault->seed);
  } else {
    disk_fault(disk, fault_kind_named(fault->name), fault->point, fault->forever);
  }
}

void injector_disarm(disk *disk) {
  memory_meter.is_counting = false;
  core_meter.is_counting = false;
  step_meter.is_counting = false;
  ends_before = disk_ends(disk);
  disk_fault_off(disk);
}

bool injector_ended(disk *disk) { return disk_ends(disk) > ends_before; }

bool injector_fired(disk *disk) {
  return memory_meter.fired || core_meter.fired || step_meter.fired || disk_faults(disk) > faults_before ||
         injector_ended(disk);
}

uint64_t injector_count(disk *disk, const char *kind) {
  const meter *meter = meter_of(kind);
  if (meter != NULL) return meter->count;
  call_kind call = is_end(kind) ? end_kind(kind) : fault_kind_named(kind)->kind;
  return disk_calls(disk, call) - calls_before[call];
}

bool injector_explains(const char *kind, int code, const char *sql) {
  int primary = code & 0xff;
  /* SQLite's own ALTER TABLE says no more than that a text could not be parsed. */
  bool alters = strstr(sql, "ALTER TABLE") != NULL;
  if (alters && strncmp(kind, "interrupt", 9) == 0 && primary == SQLITE_ERROR) return true;
  if (strcmp(kind, "memory") == 0 || strcmp(kind, "core") == 0) {
    /* FTS5 takes a page or a row of its own for damaged that it had no memory to read. */
    return primary == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM || code == SQLITE_CORRUPT_VTAB;
  }
  if (strncmp(kind, "interrupt", 9) == 0) return primary == SQLITE_INTERRUPT;
  /* Who is dead may say what he likes: a schema that is remembered, say, that there is no such column. */
  if (is_end(kind)) return true;
  int own = fault_kind_named(kind)->code & 0xff;
  if (primary == own) return true;
  /* So may SQLite itself where it could not read again a schema that another connection has changed. */
  if (primary == SQLITE_ERROR && strstr(sql, "cloudsync_") == NULL) return true;
  /* FTS5 takes a page of its own that it could not read for damage. */
  if (own == SQLITE_IOERR && code == SQLITE_CORRUPT_VTAB) return true;
  /* A lock of WAL that is never free is reported as this. */
  return own == SQLITE_BUSY && primary == SQLITE_PROTOCOL;
}
