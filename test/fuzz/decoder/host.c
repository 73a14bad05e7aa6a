/*
 * host.c: what stands behind the imports of the fuzzed core: a database with our own tables and nothing in them.
 * A statement is its number; what it returns is decided by its text. Values that are bound come back as columns.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"

/** What a statement gives. */
typedef enum { NOTHING, ONE, FORMAT, NEW_SITE, ECHO } kind;

enum {
  /** More than are ever open at once. */
  STATEMENTS = 4096,
  SQLITE_NULL = 5,
  ROW = 100,
  DONE = 101,
};

typedef struct {
  kind kind;
  bool stepped;
} statement;

static statement statements[STATEMENTS];
static uint32_t prepared;
static uint64_t sites;
static uint64_t random_state;

/** The value that was bound last. */
static struct {
  uint32_t type;
  uint64_t word;
  uint32_t pointer, size;
} bound;

static w2c_core *core;

void host_reset(w2c_core *instance) {
  core = instance;
  prepared = 0;
  sites = 0;
  random_state = 1;
  bound.type = SQLITE_NULL;
}

/** Address of a piece of linear memory; a piece that is not inside is a defect of the core. */
static uint8_t *memory_at(uint32_t pointer, uint32_t size) {
  if ((uint64_t)pointer + size > core->w2c_memory.size) wasm_rt_trap(WASM_RT_TRAP_OOB);
  return core->w2c_memory.data + pointer;
}

static bool contains(const uint8_t *text, uint32_t size, const char *word) {
  return memmem(text, size, word, strlen(word)) != NULL;
}

static kind kind_of(const uint8_t *sql, uint32_t size) {
  if (contains(sql, size, "SELECT ?1") && size == 9) return ECHO;
  if (contains(sql, size, "RETURNING id")) return NEW_SITE;
  if (contains(sql, size, "name='cloudsync_settings'")) return ONE;
  if (contains(sql, size, "key='format'")) return FORMAT;
  return NOTHING;
}

u32 w2c_host_sql_prepare(struct w2c_host *host, u32 sql, u32 size) {
  (void)host;
  uint32_t index = prepared++ % STATEMENTS;
  statements[index] = (statement){kind_of(memory_at(sql, size), size), false};
  return index + 1;
}

static statement *statement_of(u32 handle) {
  if (handle == 0 || handle > STATEMENTS) wasm_rt_trap(WASM_RT_TRAP_OOB);
  return &statements[handle - 1];
}

u32 w2c_host_sql_step(struct w2c_host *host, u32 handle) {
  (void)host;
  statement *statement = statement_of(handle);
  if (statement->kind == NOTHING || statement->stepped) return DONE;
  statement->stepped = true;
  return ROW;
}

u64 w2c_host_sql_column_integer(struct w2c_host *host, u32 handle, u32 index) {
  (void)host, (void)index;
  switch (statement_of(handle)->kind) {
    case NEW_SITE:
      return ++sites;
    case FORMAT:
      return w2c_core_fuzz_format(core);
    case ECHO:
      return bound.word;
    default:
      return 1;
  }
}

u64 w2c_host_sql_column_real(struct w2c_host *host, u32 handle, u32 index) {
  return w2c_host_sql_column_integer(host, handle, index);
}

u32 w2c_host_sql_column_type(struct w2c_host *host, u32 handle, u32 index) {
  (void)host, (void)index;
  kind kind = statement_of(handle)->kind;
  return kind == ECHO ? bound.type : kind == NOTHING ? SQLITE_NULL : 1;
}

u32 w2c_host_sql_column_size(struct w2c_host *host, u32 handle, u32 index) {
  (void)host, (void)index;
  return statement_of(handle)->kind == ECHO ? bound.size : 0;
}

u32 w2c_host_sql_column_copy(struct w2c_host *host, u32 handle, u32 index, u32 target, u32 capacity) {
  (void)host, (void)index;
  if (statement_of(handle)->kind != ECHO) return 0;
  uint32_t size = bound.size < capacity ? bound.size : capacity;
  memmove(memory_at(target, size), memory_at(bound.pointer, size), size);
  return size;
}

static u32 bind(u32 handle, uint32_t type, uint64_t word, uint32_t pointer, uint32_t size) {
  statement_of(handle);
  memory_at(pointer, size);
  bound.type = type;
  bound.word = word;
  bound.pointer = pointer;
  bound.size = size;
  return 0;
}

/** The row never fits, so its columns are asked for one by one. */
u32 w2c_host_sql_row(struct w2c_host *host, u32 handle, u32 first, u32 count, u32 target, u32 capacity) {
  (void)host, (void)handle, (void)first, (void)count, (void)target, (void)capacity;
  return 0;
}

u32 w2c_host_sql_bind_integer(struct w2c_host *host, u32 handle, u32 index, u64 value) {
  (void)host, (void)index;
  return bind(handle, 1, value, 0, 0);
}

u32 w2c_host_sql_bind_real(struct w2c_host *host, u32 handle, u32 index, u64 bits) {
  (void)host, (void)index;
  return bind(handle, 2, bits, 0, 0);
}

u32 w2c_host_sql_bind_text(struct w2c_host *host, u32 handle, u32 index, u32 data, u32 size) {
  (void)host, (void)index;
  return bind(handle, 3, 0, data, size);
}

u32 w2c_host_sql_bind_blob(struct w2c_host *host, u32 handle, u32 index, u32 data, u32 size) {
  (void)host, (void)index;
  return bind(handle, 4, 0, data, size);
}

u32 w2c_host_sql_bind_null(struct w2c_host *host, u32 handle, u32 index) {
  (void)host, (void)index;
  return bind(handle, SQLITE_NULL, 0, 0, 0);
}

void w2c_host_sql_reset(struct w2c_host *host, u32 handle) {
  (void)host;
  statement_of(handle)->stepped = false;
}

void w2c_host_sql_finalize(struct w2c_host *host, u32 handle) {
  (void)host;
  statement_of(handle);
}

u32 w2c_host_sql_error(struct w2c_host *host, u32 target, u32 capacity) {
  (void)host;
  memory_at(target, capacity);
  return 0;
}

u64 w2c_host_time_microseconds(struct w2c_host *host) {
  (void)host;
  return 1790000000000000;
}

void w2c_host_random_bytes(struct w2c_host *host, u32 target, u32 size) {
  (void)host;
  uint8_t *bytes = memory_at(target, size);
  for (u32 i = 0; i < size; i++) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (uint8_t)(random_state >> 56);
  }
}

/** Which planted flaw is chosen; only a core with planted flaws asks (test/canaries). */
u32 w2c_host_flaw(struct w2c_host *host) {
  (void)host;
  static int chosen = -1;
  if (chosen < 0) {
    const char *number = getenv("CLOUDSYNC_FLAW_NUMBER");
    chosen = number == NULL ? 0 : atoi(number);
  }
  return (u32)chosen;
}

u32 w2c_host_argument_copy(struct w2c_host *host, u32 index, u32 offset, u32 target, u32 size) {
  (void)host, (void)index, (void)offset;
  memory_at(target, size);
  return 0;
}

/* Imports that no reader of bytes needs, or that have nothing to do here. */
u64 w2c_host_argument_integer(struct w2c_host *host, u32 index) { return (void)host, (void)index, 0; }
u64 w2c_host_argument_real(struct w2c_host *host, u32 index) { return (void)host, (void)index, 0; }
u32 w2c_host_argument_size(struct w2c_host *host, u32 index) { return (void)host, (void)index, 0; }
u32 w2c_host_argument_type(struct w2c_host *host, u32 index) { return (void)host, (void)index, SQLITE_NULL; }
u32 w2c_host_file_close(struct w2c_host *host, u32 file, u32 sync) { return (void)host, (void)file, (void)sync, 0; }
u32 w2c_host_file_open(struct w2c_host *host, u32 path, u32 size, u32 mode) {
  return (void)host, (void)path, (void)size, (void)mode, (u32)-1;
}
u32 w2c_host_file_read(struct w2c_host *host, u32 file, u32 target, u32 size) {
  return (void)host, (void)file, (void)target, (void)size, 0;
}
u32 w2c_host_file_remove(struct w2c_host *host, u32 path, u32 size) {
  return (void)host, (void)path, (void)size, 0;
}
u32 w2c_host_file_rename(struct w2c_host *host, u32 from, u32 from_size, u32 to, u32 to_size) {
  return (void)host, (void)from, (void)from_size, (void)to, (void)to_size, 0;
}
u32 w2c_host_file_write(struct w2c_host *host, u32 file, u32 data, u32 size) {
  return (void)host, (void)file, (void)data, (void)size, 0;
}
u32 w2c_host_result_append(struct w2c_host *host, u32 data, u32 size) {
  return (void)host, (void)data, (void)size, 0;
}
void w2c_host_result_blob(struct w2c_host *host, u32 data, u32 size) { (void)host, (void)data, (void)size; }
void w2c_host_result_text(struct w2c_host *host, u32 data, u32 size) { (void)host, (void)data, (void)size; }
void w2c_host_result_error(struct w2c_host *host, u32 code, u32 data, u32 size) {
  (void)host, (void)code, (void)data, (void)size;
}
void w2c_host_result_integer(struct w2c_host *host, u64 value) { (void)host, (void)value; }
void w2c_host_result_null(struct w2c_host *host) { (void)host; }
u32 w2c_host_secret_is_set(struct w2c_host *host) { return (void)host, 1; }
void w2c_host_secret_set(struct w2c_host *host, u32 slot, u32 data, u32 size) {
  (void)host, (void)slot, (void)data, (void)size;
}
void w2c_host_sleep_milliseconds(struct w2c_host *host, u32 milliseconds) { (void)host, (void)milliseconds; }
u32 w2c_host_sql_autocommit(struct w2c_host *host) { return (void)host, 1; }
u64 w2c_host_sql_changes(struct w2c_host *host) { return (void)host, 0; }
u32 w2c_host_sql_foreign_key_violations(struct w2c_host *host) { return (void)host, 0; }
u32 w2c_host_sql_readonly(struct w2c_host *host) { return (void)host, 0; }
u32 w2c_host_sql_statement_writes(struct w2c_host *host) { return (void)host, 0; }
u32 w2c_host_sql_triggers(struct w2c_host *host, u32 enable) { return (void)host, (void)enable, 1; }
