/*
 * serve.c: serves one SQL function call from beginning to end.
 *
 * The outermost call owns the connection's borrowed things: when it ends, by success, error or trap, every
 * statement is finalized and every file closed, so that sqlite3_close() always succeeds. When it has failed, what
 * it left half done is also undone: savepoint or transaction, the trigger switch, and the instance itself.
 */
#include "serve.h"

#include "call.h"
#include "host.h"
#include "session.h"

/** An instance whose memory has grown beyond this is not kept between calls: idle connections stay small. */
enum { IDLE_MEMORY_MAX = 512 * 1024 };

/**
 * Undoes the open work of a failed call: the transaction that it started or, within a transaction of the
 * application, the core's savepoint, whose name is agreed with src/core/sql. There is at most one: a nested call
 * cannot open a savepoint, as SQLite refuses that while a statement writes. Errors mean that there is none.
 *
 * The core has prepared what undoes it, so that this needs no memory: it may be memory that the call failed for.
 */
static void roll_back(connection *connection) {
  sqlite3 *database = connection->database;
  if (sqlite3_get_autocommit(database)) return;
  host_sql_reset_all(connection);
  if (connection->was_autocommit) {
    if (!host_sql_run_prepared(connection, "ROLLBACK")) sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
  } else if (!host_sql_run_prepared(connection, "ROLLBACK TO cloudsync") ||
             !host_sql_run_prepared(connection, "RELEASE cloudsync")) {
    sqlite3_exec(database, "ROLLBACK TO cloudsync; RELEASE cloudsync", NULL, NULL, NULL);
  }
}

static void begin_outermost(connection *connection) {
  connection->failure = FAILURE_NONE;
  connection->was_autocommit = sqlite3_get_autocommit(connection->database) != 0;
  connection->lost_transaction = SQLITE_OK;
  connection->triggers_before = -1;
}

static void end_outermost(connection *connection) {
  if (connection->failure != FAILURE_NONE) roll_back(connection);
  host_sql_finalize_all(connection);
  host_file_close_all(connection);
  if (connection->failure != FAILURE_NONE) {
    core_discard(connection);
  } else if (connection->core.w2c_memory.size > IDLE_MEMORY_MAX) {
    core_discard(connection);
  }
  host_sql_restore_triggers(connection);
}

static void report_failure(connection *connection, sqlite3_context *context) {
  if (connection->failure == FAILURE_MEMORY) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (connection->failure == FAILURE_INTERRUPTED) {
    sqlite3_result_error(context, "cloudsync: interrupted", -1);
    sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    return;
  }
  char *text = sqlite3_mprintf("cloudsync: internal error (%s); this is a defect, please report it; "
                               "the change in progress was rolled back",
                               connection->failure_text);
  if (text == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  sqlite3_result_error(context, text, -1);
  sqlite3_free(text);
}

void serve_function(sqlite3_context *context, int argument_count, sqlite3_value **arguments) {
  function_entry *function = sqlite3_user_data(context);
  connection *connection = function->connection;
  bool nested = connection->frame != NULL;
  call_frame frame = {connection->frame, context, arguments, argument_count, false, NULL, 0, 0};
  connection->frame = &frame;
  if (!nested) begin_outermost(connection);

  bool drive = false;
  if (core_start(connection) && core_call(connection, function->index, argument_count, nested, &drive) && drive) {
    session_drive(connection);
  }

  if (connection->failure == FAILURE_NONE && !frame.has_result && frame.appended != NULL) {
    sqlite3_result_blob64(context, frame.appended, frame.appended_size, sqlite3_free);
  } else {
    sqlite3_free(frame.appended);
  }
  connection->frame = frame.outer;
  if (!nested) end_outermost(connection);
  if (connection->failure != FAILURE_NONE) report_failure(connection, context);
}
