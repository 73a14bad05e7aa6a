/*
 * host_sql.c: the core's imports that run SQL (src/core/host.ts, "statements"). A handle is the position of the
 * statement in the connection's table plus one; positions of finalized statements are used again.
 */
#include "cells.h"
#include "host.h"

/** What an import answers when the call has already failed or its arguments are wrong. */
enum { REFUSED = SQLITE_ABORT };

/** Up to here a statement is prepared without memory of our own. */
enum { SHORT_SQL_SIZE = 256 };

static sqlite3_stmt *statement_of(struct w2c_host *host, u32 handle) {
  connection *connection = connection_of(host);
  if (connection->failure != FAILURE_NONE) return NULL;
  if (handle >= 1 && handle <= (u32)connection->statements_count) {
    sqlite3_stmt *statement = connection->statements[handle - 1];
    if (statement != NULL) return statement;
  }
  connection_fail(connection, FAILURE_DEFECT, "a statement was used that is not open");
  return NULL;
}

/** Finds a free position in the table; -1 when it cannot grow. */
static int free_position(connection *connection) {
  for (int position = 0; position < connection->statements_count; position++) {
    if (connection->statements[position] == NULL) return position;
  }
  if (connection->statements_count == connection->statements_capacity) {
    int capacity = connection->statements_capacity == 0 ? 16 : connection->statements_capacity * 2;
    sqlite3_stmt **larger =
        sqlite3_realloc64(connection->statements, (sqlite3_uint64)capacity * sizeof(sqlite3_stmt *));
    if (larger == NULL) return -1;
    connection->statements = larger;
    connection->statements_capacity = capacity;
  }
  connection->statements[connection->statements_count] = NULL;
  return connection->statements_count++;
}

u32 w2c_host_sql_prepare(struct w2c_host *host, u32 sql, u32 size) {
  connection *connection = connection_of(host);
  if (connection->failure != FAILURE_NONE) return (u32)-REFUSED;
  uint8_t *source = connection_memory(connection, sql, size);
  if (source == NULL) return (u32)-REFUSED;
  int position = free_position(connection);
  char short_text[SHORT_SQL_SIZE];
  bool is_short = size < SHORT_SQL_SIZE;
  char *text = position < 0 ? NULL : is_short ? short_text : sqlite3_malloc64((sqlite3_uint64)size + 1);
  if (text == NULL) return (u32)-SQLITE_NOMEM;
  /* A copy, because preparing may call back into the core (planner statistics), which may move its memory. */
  memcpy(text, source, size);
  text[size] = '\0';
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v3(connection->database, text, (int)size + 1, 0, &statement, NULL);
  if (!is_short) sqlite3_free(text);
  if (code != SQLITE_OK) return (u32)-code;
  if (statement == NULL) return (u32)-SQLITE_MISUSE;
  connection->statements[position] = statement;
  return (u32)position + 1;
}

u32 w2c_host_sql_bind_null(struct w2c_host *host, u32 handle, u32 index) {
  sqlite3_stmt *statement = statement_of(host, handle);
  return statement == NULL ? REFUSED : (u32)sqlite3_bind_null(statement, (int)index);
}

u32 w2c_host_sql_bind_integer(struct w2c_host *host, u32 handle, u32 index, u64 value) {
  sqlite3_stmt *statement = statement_of(host, handle);
  return statement == NULL ? REFUSED : (u32)sqlite3_bind_int64(statement, (int)index, (sqlite3_int64)value);
}

u32 w2c_host_sql_bind_real(struct w2c_host *host, u32 handle, u32 index, u64 bits) {
  sqlite3_stmt *statement = statement_of(host, handle);
  double value;
  memcpy(&value, &bits, sizeof(value));
  return statement == NULL ? REFUSED : (u32)sqlite3_bind_double(statement, (int)index, value);
}

u32 w2c_host_sql_bind_text(struct w2c_host *host, u32 handle, u32 index, u32 data, u32 size) {
  sqlite3_stmt *statement = statement_of(host, handle);
  uint8_t *source = connection_memory(connection_of(host), data, size);
  if (statement == NULL || source == NULL) return REFUSED;
  return (u32)sqlite3_bind_text64(statement, (int)index, (char *)source, size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

u32 w2c_host_sql_bind_blob(struct w2c_host *host, u32 handle, u32 index, u32 data, u32 size) {
  sqlite3_stmt *statement = statement_of(host, handle);
  uint8_t *source = connection_memory(connection_of(host), data, size);
  if (statement == NULL || source == NULL) return REFUSED;
  return (u32)sqlite3_bind_blob64(statement, (int)index, source, size, SQLITE_TRANSIENT);
}

u32 w2c_host_sql_step(struct w2c_host *host, u32 handle) {
  sqlite3_stmt *statement = statement_of(host, handle);
  if (statement == NULL) return REFUSED;
  connection *connection = connection_of(host);
  sqlite3 *database = connection->database;
  bool is_lost = connection->lost_transaction != SQLITE_OK && sqlite3_get_autocommit(database);
  if (is_lost && !sqlite3_stmt_readonly(statement)) return (u32)connection->lost_transaction;
  bool had_transaction = !sqlite3_get_autocommit(database);
  int code = sqlite3_step(statement);
  bool is_error = code != SQLITE_ROW && code != SQLITE_DONE;
  if (is_error && had_transaction && sqlite3_get_autocommit(database)) connection->lost_transaction = code;
  return connection->failure == FAILURE_NONE ? (u32)code : REFUSED;
}

void w2c_host_sql_reset(struct w2c_host *host, u32 handle) {
  sqlite3_stmt *statement = statement_of(host, handle);
  if (statement == NULL) return;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
}

void w2c_host_sql_finalize(struct w2c_host *host, u32 handle) {
  sqlite3_stmt *statement = statement_of(host, handle);
  if (statement == NULL) return;
  connection_of(host)->statements[handle - 1] = NULL;
  sqlite3_finalize(statement);
}

u32 w2c_host_sql_column_type(struct w2c_host *host, u32 handle, u32 index) {
  sqlite3_stmt *statement = statement_of(host, handle);
  return statement == NULL ? SQLITE_NULL : (u32)sqlite3_column_type(statement, (int)index);
}

u64 w2c_host_sql_column_integer(struct w2c_host *host, u32 handle, u32 index) {
  sqlite3_stmt *statement = statement_of(host, handle);
  return statement == NULL ? 0 : (u64)sqlite3_column_int64(statement, (int)index);
}

u64 w2c_host_sql_column_real(struct w2c_host *host, u32 handle, u32 index) {
  sqlite3_stmt *statement = statement_of(host, handle);
  double value = statement == NULL ? 0 : sqlite3_column_double(statement, (int)index);
  u64 bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/** Bytes of a TEXT (as UTF-8) or BLOB column; NULL and size 0 for other types and for an empty BLOB. */
static const void *column_bytes(struct w2c_host *host, u32 handle, u32 index, u32 *size) {
  sqlite3_stmt *statement = statement_of(host, handle);
  *size = 0;
  if (statement == NULL) return NULL;
  int type = sqlite3_column_type(statement, (int)index);
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) return NULL;
  const void *bytes = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(statement, (int)index)
                                          : sqlite3_column_blob(statement, (int)index);
  if (bytes != NULL) {
    *size = (u32)sqlite3_column_bytes(statement, (int)index);
  } else if (type == SQLITE_TEXT || sqlite3_errcode(connection_of(host)->database) == SQLITE_NOMEM) {
    connection_fail(connection_of(host), FAILURE_MEMORY, NULL);
  }
  return bytes;
}

u32 w2c_host_sql_column_size(struct w2c_host *host, u32 handle, u32 index) {
  u32 size;
  column_bytes(host, handle, index, &size);
  return size;
}

u32 w2c_host_sql_column_copy(struct w2c_host *host, u32 handle, u32 index, u32 target, u32 capacity) {
  u32 size;
  const void *bytes = column_bytes(host, handle, index, &size);
  if (size > capacity) size = capacity;
  uint8_t *destination = connection_memory(connection_of(host), target, size);
  if (bytes == NULL || destination == NULL) return 0;
  memcpy(destination, bytes, size);
  return size;
}

/*
 * sqlite3_column_value returns an unprotected value, which other threads could change; SQLite holds the mutex of the
 * connection while it runs the function of ours that this is a part of.
 */
u32 w2c_host_sql_row(struct w2c_host *host, u32 handle, u32 first, u32 count, u32 target, u32 capacity) {
  connection *connection = connection_of(host);
  sqlite3_stmt *statement = statement_of(host, handle);
  uint8_t *destination = connection_memory(connection, target, capacity);
  if (statement == NULL || destination == NULL) return 0;
  cell_buffer row = {.bytes = destination, .capacity = capacity};
  for (u32 i = 0; i < count; i++) {
    int code = cell_append(&row, sqlite3_column_value(statement, (int)(first + i)), capacity);
    if (code == SQLITE_OK) continue;
    if (code == SQLITE_NOMEM) connection_fail(connection, FAILURE_MEMORY, NULL);
    return 0;
  }
  return (u32)row.size;
}

u32 w2c_host_sql_error(struct w2c_host *host, u32 target, u32 capacity) {
  connection *connection = connection_of(host);
  int lost = connection->lost_transaction;
  const char *message = lost != SQLITE_OK ? sqlite3_errstr(lost) : sqlite3_errmsg(connection->database);
  size_t length = message == NULL ? 0 : strlen(message);
  u32 size = length > capacity ? capacity : (u32)length;
  uint8_t *destination = connection_memory(connection, target, size);
  if (destination == NULL || size == 0) return 0;
  memcpy(destination, message, size);
  return size;
}

u64 w2c_host_sql_changes(struct w2c_host *host) {
  return (u64)sqlite3_changes64(connection_of(host)->database);
}

u32 w2c_host_sql_autocommit(struct w2c_host *host) {
  return sqlite3_get_autocommit(connection_of(host)->database) != 0;
}

u32 w2c_host_sql_statement_writes(struct w2c_host *host) {
  sqlite3 *database = connection_of(host)->database;
  sqlite3_stmt *statement = sqlite3_next_stmt(database, NULL);
  while (statement != NULL && (!sqlite3_stmt_busy(statement) || sqlite3_stmt_readonly(statement))) {
    statement = sqlite3_next_stmt(database, statement);
  }
  return statement != NULL;
}

u32 w2c_host_sql_readonly(struct w2c_host *host) {
  return sqlite3_db_readonly(connection_of(host)->database, "main") == 1;
}

/** Sets the trigger switch (0 or 1; -1 only asks) and returns how it stands then. */
static int trigger_switch(connection *connection, int enable) {
  int state = 1;
  sqlite3_db_config(connection->database, SQLITE_DBCONFIG_ENABLE_TRIGGER, enable, &state);
  return state;
}

u32 w2c_host_sql_triggers(struct w2c_host *host, u32 enable) {
  connection *connection = connection_of(host);
  int before = trigger_switch(connection, -1);
  if (connection->failure != FAILURE_NONE || (s32)enable < 0) return (u32)before;
  if (connection->triggers_before < 0) connection->triggers_before = before;
  /* SQLite re-prepares every statement when the switch is touched: leave it alone when nothing changes. */
  if ((enable != 0) != (before != 0)) trigger_switch(connection, enable != 0);
  return (u32)before;
}

void host_sql_restore_triggers(connection *connection) {
  int before = connection->triggers_before;
  connection->triggers_before = -1;
  if (before >= 0 && trigger_switch(connection, -1) != before) trigger_switch(connection, before);
}

u32 w2c_host_sql_foreign_key_violations(struct w2c_host *host) {
  int violations = 0;
  int unused_highwater = 0;
  sqlite3_db_status(connection_of(host)->database, SQLITE_DBSTATUS_DEFERRED_FKS, &violations, &unused_highwater,
                    0);
  return violations != 0;
}

void host_sql_reset_all(connection *connection) {
  for (int position = 0; position < connection->statements_count; position++) {
    sqlite3_reset(connection->statements[position]);
  }
}

bool host_sql_run_prepared(connection *connection, const char *sql) {
  for (int position = 0; position < connection->statements_count; position++) {
    sqlite3_stmt *statement = connection->statements[position];
    if (statement == NULL || strcmp(sqlite3_sql(statement), sql) != 0) continue;
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
  }
  return false;
}

void host_sql_finalize_all(connection *connection) {
  for (int position = 0; position < connection->statements_count; position++) {
    sqlite3_finalize(connection->statements[position]);
  }
  connection->statements_count = 0;
}
