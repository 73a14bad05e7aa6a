/*
 * victim.c: the client process of the kill tests: runs a script of SQL statements on a database file and reports each
 * as soon as it has returned, so that the parent knows at any moment what was acknowledged. It links SQLite itself and
 * loads the real extension; a Node process would need ten times as long to start.
 *
 *     victim DATABASE EXTENSION POINTS SCRIPT     POINTS: the library of points.c, or - for none
 *
 * One line of the script is one or several statements without line break, which count as one step. Output, a line for
 * each step: `N ok VALUE` (the first column of the last row) or `N error MESSAGE`; N counts from 0. A step that fails
 * does not end the script; it is rolled back when it left a transaction open.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MILLISECONDS = 10000, VALUE_MAX = 400 };

/** Prints a message and ends the process. */
static void give_up(const char *what, const char *why) {
  fprintf(stderr, "victim: %s: %s\n", what, why);
  exit(2);
}

static void load(sqlite3 *db, const char *library) {
  char *message = NULL;
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
  if (sqlite3_load_extension(db, library, NULL, &message) != SQLITE_OK) give_up(library, message);
}

/** The default VFS has to be there before the database is opened. */
static void load_points(const char *library) {
  sqlite3 *memory = NULL;
  if (sqlite3_open(":memory:", &memory) != SQLITE_OK) give_up(library, "no memory");
  load(memory, library);
  sqlite3_close(memory);
}

/** Keeps the first column of the newest row. */
static int keep_value(void *context, int columns, char **values, char **names) {
  (void)names;
  if (columns > 0) snprintf(context, VALUE_MAX, "%s", values[0] == NULL ? "" : values[0]);
  return 0;
}

/** Reports in one write, which a kill cannot tear. */
static void report(long step, const char *outcome, const char *text) {
  char line[VALUE_MAX + 64];
  int length = snprintf(line, sizeof(line), "%ld %s %.*s\n", step, outcome, VALUE_MAX, text);
  for (char *at = line; at < line + length - 1; at++) {
    if (*at == '\n') *at = ' ';
  }
  if (write(STDOUT_FILENO, line, (size_t)length) != length) give_up("output", "cannot be written");
}

static void run_step(sqlite3 *db, long step, const char *sql) {
  char value[VALUE_MAX] = "";
  char *message = NULL;
  if (sqlite3_exec(db, sql, keep_value, value, &message) == SQLITE_OK) {
    report(step, "ok", value);
    return;
  }
  /* A call that fails must not leave a transaction behind; only a BEGIN of the script's own may. */
  int is_open = !sqlite3_get_autocommit(db);
  if (is_open && strncmp(sql, "BEGIN", 5) != 0) {
    report(step, "error", "a transaction was left open");
  } else {
    report(step, "error", message == NULL ? "unknown" : message);
  }
  sqlite3_free(message);
  if (is_open) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

int main(int count, char **arguments) {
  if (count != 5) give_up("arguments", "DATABASE EXTENSION POINTS SCRIPT");
  if (strcmp(arguments[3], "-") != 0) load_points(arguments[3]);
  sqlite3 *db = NULL;
  if (sqlite3_open(arguments[1], &db) != SQLITE_OK) give_up(arguments[1], sqlite3_errmsg(db));
  sqlite3_busy_timeout(db, BUSY_MILLISECONDS);
  load(db, arguments[2]);
  FILE *script = fopen(arguments[4], "r");
  if (script == NULL) give_up(arguments[4], "cannot be opened");
  char *line = NULL;
  size_t capacity = 0;
  for (long step = 0; getline(&line, &capacity, script) > 0; step++) run_step(db, step, line);
  free(line);
  fclose(script);
  if (sqlite3_close(db) != SQLITE_OK) give_up("close", sqlite3_errmsg(db));
  return 0;
}
