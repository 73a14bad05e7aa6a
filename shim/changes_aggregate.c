/*
 * changes_aggregate.c: cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version,
 * site_id, cl, seq), the aggregate beside the scalar function of that name. It collects the rows as cells,
 * because the core keeps nothing from one call to the next, and lets the core make packets of them at the
 * end (cloudsync_changes_encode).
 */
#include "changes_aggregate.h"

#include <stdbool.h>

#include "cells.h"

static const char NAME[] = "cloudsync_payload_encode";

/** The columns of cloudsync_changes. */
enum { ARGUMENT_COUNT = 9 };

typedef struct {
  cell_buffer cells;
  /** A row could not be added: then there is nothing to be made of the others. */
  bool has_failed;
} picked_rows;

static void add_row(sqlite3_context *context, int argument_count, sqlite3_value **arguments) {
  picked_rows *rows = sqlite3_aggregate_context(context, sizeof(*rows));
  if (rows == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  int limit = sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1);
  int code = SQLITE_OK;
  for (int i = 0; i < argument_count && code == SQLITE_OK; i++) {
    code = cell_append(&rows->cells, arguments[i], (size_t)limit);
  }
  rows->has_failed = rows->has_failed || code != SQLITE_OK;
  if (code == SQLITE_NOMEM) sqlite3_result_error_nomem(context);
  if (code == SQLITE_TOOBIG) {
    static const char message[] = "cloudsync: the changes are larger than a value may be; encode fewer at a time";
    sqlite3_result_error(context, message, -1);
    sqlite3_result_error_code(context, code);
  }
}

/** Lets the core make the packets; its result or error becomes ours. */
static void encode(sqlite3_context *context, const picked_rows *rows) {
  sqlite3 *database = sqlite3_context_db_handle(context);
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(database, "SELECT cloudsync_changes_encode(?1)", -1, &statement, NULL);
  if (code == SQLITE_OK) {
    /* A pointer that is not NULL: no rows are an empty BLOB. */
    const void *bytes = rows == NULL || rows->cells.bytes == NULL ? NAME : (const void *)rows->cells.bytes;
    code = sqlite3_bind_blob64(statement, 1, bytes, rows == NULL ? 0 : rows->cells.size, SQLITE_STATIC);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) sqlite3_result_value(context, sqlite3_column_value(statement, 0));
  }
  int end = sqlite3_finalize(statement);
  if (code == SQLITE_ROW && end == SQLITE_OK) return;
  sqlite3_result_error(context, sqlite3_errmsg(database), -1);
  sqlite3_result_error_code(context, end == SQLITE_OK ? code : end);
}

/** SQLite calls this at the end of every group, and after a failure too. */
static void finish(sqlite3_context *context) {
  picked_rows *rows = sqlite3_aggregate_context(context, 0);
  if (rows == NULL || !rows->has_failed) encode(context, rows);
  if (rows != NULL) sqlite3_free(rows->cells.bytes);
}

int changes_aggregate_register(sqlite3 *database) {
  const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
  return sqlite3_create_function_v2(database, NAME, ARGUMENT_COUNT, flags, NULL, NULL, add_row, finish, NULL);
}

void changes_aggregate_unregister(sqlite3 *database) {
  sqlite3_create_function_v2(database, NAME, ARGUMENT_COUNT, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
}
