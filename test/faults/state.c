/*
 * state.c: what is in a database: a hash of everything, and whether what cloudsync keeps fits together.
 */
#include <string.h>

#include "harness.h"

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
  const uint8_t *bytes = data;
  hash ^= 0xcbf29ce484222325 + size;
  for (size_t index = 0; index < size; index++) hash = (hash ^ bytes[index]) * 0x100000001b3;
  return hash;
}

/** Adds all rows of a query; false when it fails. */
static bool hash_query(sqlite3 *database, const char *sql, uint64_t *hash) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) return false;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    for (int column = 0; column < sqlite3_column_count(statement); column++) {
      int type = sqlite3_column_type(statement, column);
      *hash = hash_bytes(*hash, &type, sizeof(type));
      const void *data = sqlite3_column_blob(statement, column);
      int size = sqlite3_column_bytes(statement, column);
      *hash = hash_bytes(*hash, data == NULL ? "" : data, (size_t)size);
    }
  }
  return sqlite3_finalize(statement) == SQLITE_OK;
}

static bool hash_all(sqlite3 *database, uint64_t *hash) {
  if (!hash_query(database, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name", hash)) {
    return false;
  }
  sqlite3_stmt *tables = NULL;
  const char *sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' ORDER BY name";
  bool is_ok = sqlite3_prepare_v2(database, sql, -1, &tables, NULL) == SQLITE_OK;
  while (is_ok && sqlite3_step(tables) == SQLITE_ROW) {
    char *query = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY 1, 2", sqlite3_column_text(tables, 0));
    /* A table of one column has no second one to sort by. */
    is_ok = hash_query(database, query, hash);
    sqlite3_free(query);
    if (!is_ok) {
      query = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY 1", sqlite3_column_text(tables, 0));
      is_ok = hash_query(database, query, hash);
      sqlite3_free(query);
    }
  }
  return sqlite3_finalize(tables) == SQLITE_OK && is_ok;
}

static bool is_intact(sqlite3 *database, char *message) {
  sqlite3_stmt *statement = NULL;
  bool is_ok = sqlite3_prepare_v2(database, "PRAGMA integrity_check(5)", -1, &statement, NULL) == SQLITE_OK &&
               sqlite3_step(statement) == SQLITE_ROW;
  const char *answer = is_ok ? (const char *)sqlite3_column_text(statement, 0) : sqlite3_errmsg(database);
  is_ok = is_ok && strcmp(answer, "ok") == 0;
  if (!is_ok) sqlite3_snprintf(MESSAGE_SIZE, message, "integrity_check: %s", answer);
  sqlite3_finalize(statement);
  return is_ok;
}

uint64_t state_hash(disk *disk, bool checks_integrity, char *message) {
  (void)disk;
  uint64_t hash = 1;
  sqlite3 *database = NULL;
  bool is_ok = sqlite3_open_v2("/device.db", &database, SQLITE_OPEN_READWRITE, "device") == SQLITE_OK;
  if (is_ok && checks_integrity && !is_intact(database, message)) {
    sqlite3_close(database);
    return 0;
  }
  is_ok = is_ok && hash_all(database, &hash);
  if (!is_ok) sqlite3_snprintf(MESSAGE_SIZE, message, "cannot be read: %s", sqlite3_errmsg(database));
  sqlite3_close(database);
  return is_ok ? hash : 0;
}

/** True when the query answers 0 or nothing. */
static bool is_zero(sqlite3 *database, const char *sql, const char *what, char *message) {
  sqlite3_stmt *statement = NULL;
  bool is_ok = sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK;
  if (is_ok && sqlite3_step(statement) == SQLITE_ROW) is_ok = sqlite3_column_int64(statement, 0) == 0;
  if (sqlite3_finalize(statement) != SQLITE_OK) is_ok = false;
  if (!is_ok) sqlite3_snprintf(MESSAGE_SIZE, message, "%s (%s; %s)", what, sql, sqlite3_errmsg(database));
  return is_ok;
}

/** "d.key = c.pk0 AND ..." for a table. From sqlite3_malloc. */
static char *key_condition(sqlite3 *database, const char *table) {
  sqlite3_stmt *keys = NULL;
  char *sql = sqlite3_mprintf("SELECT group_concat(printf('d.\"%%w\" IS c.pk%%d', name, pk - 1), ' AND ') "
                              "FROM pragma_table_info(%Q) WHERE pk > 0",
                              table);
  char *condition = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &keys, NULL) == SQLITE_OK && sqlite3_step(keys) == SQLITE_ROW) {
    condition = sqlite3_mprintf("%s", sqlite3_column_text(keys, 0));
  }
  sqlite3_finalize(keys);
  sqlite3_free(sql);
  return condition;
}

typedef struct {
  const char *name;
  sqlite3_int64 id;
  const char *clocks;
  const char *log;
} tracked_table;

/** A living clock has a row in the table or is held, and every row has a living clock; nothing is left in the log. */
static bool is_table_sound(sqlite3 *database, const tracked_table *table, char *message) {
  char *condition = key_condition(database, table->name);
  char *without_row = sqlite3_mprintf(
      "SELECT (SELECT count(*) FROM \"%w\" c WHERE cl %% 2 = 1 AND NOT EXISTS (SELECT 1 FROM \"%w\" d "
      "WHERE %s)) - (SELECT count(*) FROM cloudsync_held WHERE table_id = %lld)",
      table->clocks, table->name, condition, table->id);
  char *without_clock = sqlite3_mprintf(
      "SELECT count(*) FROM \"%w\" d WHERE NOT EXISTS (SELECT 1 FROM \"%w\" c WHERE cl %% 2 = 1 AND %s)",
      table->name, table->clocks, condition);
  char *log = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table->log);
  char *seq = sqlite3_mprintf(
      "SELECT count(*) FROM \"%w\" WHERE seq > (SELECT value FROM cloudsync_settings WHERE key = 'seq')",
      table->clocks);
  bool is_sound = is_zero(database, without_row, "a living clock without a row", message) &&
                  is_zero(database, without_clock, "a row without a living clock", message) &&
                  is_zero(database, log, "a log that is not folded", message) &&
                  is_zero(database, seq, "a seq above the counter", message);
  sqlite3_free(condition);
  sqlite3_free(without_row);
  sqlite3_free(without_clock);
  sqlite3_free(log);
  sqlite3_free(seq);
  return is_sound;
}

bool state_is_sound(sqlite3 *database, char *message) {
  sqlite3_stmt *tables = NULL;
  const char *sql = "SELECT name, id, clock_table, log_table FROM cloudsync_tables";
  /* Without our tables there is nothing of ours to be wrong. */
  if (sqlite3_prepare_v2(database, sql, -1, &tables, NULL) != SQLITE_OK) return true;
  bool is_sound = true;
  while (is_sound && sqlite3_step(tables) == SQLITE_ROW) {
    tracked_table table = {.name = (const char *)sqlite3_column_text(tables, 0),
                           .id = sqlite3_column_int64(tables, 1),
                           .clocks = (const char *)sqlite3_column_text(tables, 2),
                           .log = (const char *)sqlite3_column_text(tables, 3)};
    is_sound = is_table_sound(database, &table, message);
  }
  sqlite3_finalize(tables);
  return is_sound;
}
