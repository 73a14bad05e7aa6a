/*
 * changes_vtab.c: the eponymous virtual table cloudsync_changes. It knows nothing of changes: the core
 * makes the rows (src/core/packet/change_rows.ts), a page of them with each call of
 * cloudsync_changes_page(position, since, table, site). A cursor keeps a copy of its page and the position
 * where the next one begins, because other calls into the core may come between two rows. What xBestIndex
 * promises only narrows what the core reads; SQLite checks every row again. A row that is inserted goes to
 * the core as cells, by cloudsync_changes_insert(row). DIRECTONLY: no view or trigger of a database file
 * can use the table.
 */
#include "changes_vtab.h"

#include <stdbool.h>
#include <string.h>

#include "cells.h"

/** The columns, in the order of the cells of a row. */
static const char DECLARATION[] =
    "CREATE TABLE changes(tbl TEXT, pk BLOB, col_name TEXT, col_value, col_version INTEGER, "
    "db_version INTEGER, site_id BLOB, cl INTEGER, seq INTEGER)";

enum { COLUMN_TBL = 0, COLUMN_DB_VERSION = 5, COLUMN_SITE_ID = 6, COLUMN_SEQ = 8, COLUMN_COUNT = 9 };

/** xUpdate: of an INSERT, two NULLs (old and new rowid) come before the columns; a DELETE has one argument. */
enum { ARGUMENT_COLUMNS = 2, ARGUMENTS_OF_DELETE = 1 };

/** Bits of idxNum: which arguments xFilter gets, in this order. */
enum { BY_VERSION_AFTER = 1, BY_VERSION_FROM = 2, BY_TABLE = 4, BY_SITE = 8 };

/** A page begins with u64, the position of the next one, and u8, 1 when there is none. */
enum { PAGE_HEAD = 9, SITE_SIZE = 16 };

typedef struct {
  sqlite3_vtab base;
  sqlite3 *database;
} changes_table;

typedef struct {
  sqlite3_vtab_cursor base;
  /** What is asked for; NULL = all. From sqlite3_value_dup. */
  sqlite3_value *table;
  sqlite3_value *site;
  sqlite3_int64 since;
  /** A copy of the page, and where the current row begins in it; from sqlite3_malloc64. */
  uint8_t *page;
  size_t page_size;
  size_t offset;
  sqlite3_int64 position;
  bool is_last_page;
  sqlite3_int64 rowid;
} changes_cursor;

static int connect(sqlite3 *database, void *unused, int argument_count, const char *const *arguments,
                   sqlite3_vtab **result, char **error) {
  (void)unused, (void)argument_count, (void)arguments, (void)error;
  int code = sqlite3_declare_vtab(database, DECLARATION);
  if (code != SQLITE_OK) return code;
  sqlite3_vtab_config(database, SQLITE_VTAB_DIRECTONLY);
  changes_table *table = sqlite3_malloc64(sizeof(*table));
  if (table == NULL) return SQLITE_NOMEM;
  memset(table, 0, sizeof(*table));
  table->database = database;
  *result = &table->base;
  return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *table) {
  sqlite3_free(table);
  return SQLITE_OK;
}

/** The bit of a constraint that the core can use, or 0. The core compares names of tables as SQLite does. */
static int bit_of(sqlite3_index_info *info, int index) {
  const struct sqlite3_index_constraint *constraint = &info->aConstraint[index];
  if (!constraint->usable) return 0;
  bool is_equal = constraint->op == SQLITE_INDEX_CONSTRAINT_EQ;
  if (constraint->iColumn == COLUMN_DB_VERSION) {
    if (constraint->op == SQLITE_INDEX_CONSTRAINT_GT) return BY_VERSION_AFTER;
    return is_equal || constraint->op == SQLITE_INDEX_CONSTRAINT_GE ? BY_VERSION_FROM : 0;
  }
  if (!is_equal) return 0;
  if (constraint->iColumn == COLUMN_SITE_ID) return BY_SITE;
  if (constraint->iColumn != COLUMN_TBL) return 0;
  const char *collation = sqlite3_vtab_collation(info, index);
  bool is_known = sqlite3_stricmp(collation, "BINARY") == 0 || sqlite3_stricmp(collation, "NOCASE") == 0;
  return is_known ? BY_TABLE : 0;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
  (void)table;
  int usage[BY_SITE + 1] = {0};
  for (int index = 0; index < info->nConstraint; index++) {
    int bit = bit_of(info, index);
    if (bit != 0 && usage[bit] == 0) usage[bit] = index + 1;
  }
  info->estimatedCost = 1e6;
  info->estimatedRows = 100000;
  int arguments = 0;
  for (int bit = BY_VERSION_AFTER; bit <= BY_SITE; bit *= 2) {
    if (usage[bit] == 0) continue;
    info->aConstraintUsage[usage[bit] - 1].argvIndex = ++arguments;
    info->idxNum |= bit;
    info->estimatedCost /= bit == BY_SITE ? 2 : 10;
    info->estimatedRows /= bit == BY_SITE ? 2 : 10;
  }
  return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **result) {
  (void)table;
  changes_cursor *cursor = sqlite3_malloc64(sizeof(*cursor));
  if (cursor == NULL) return SQLITE_NOMEM;
  memset(cursor, 0, sizeof(*cursor));
  *result = &cursor->base;
  return SQLITE_OK;
}

/** Forgets the scan that the cursor stood in. */
static void reset_cursor(changes_cursor *cursor) {
  sqlite3_value_free(cursor->table);
  sqlite3_value_free(cursor->site);
  sqlite3_free(cursor->page);
  sqlite3_vtab_cursor base = cursor->base;
  memset(cursor, 0, sizeof(*cursor));
  cursor->base = base;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
  reset_cursor((changes_cursor *)base);
  sqlite3_free(base);
  return SQLITE_OK;
}

/** Takes over the page that the core has made. */
static int keep_page(changes_cursor *cursor, sqlite3_stmt *statement) {
  const uint8_t *page = sqlite3_column_blob(statement, 0);
  size_t size = (size_t)sqlite3_column_bytes(statement, 0);
  if (page == NULL || size < PAGE_HEAD) return SQLITE_INTERNAL;
  sqlite3_free(cursor->page);
  cursor->page = sqlite3_malloc64(size);
  if (cursor->page == NULL) return SQLITE_NOMEM;
  memcpy(cursor->page, page, size);
  memcpy(&cursor->position, page, sizeof(cursor->position));
  cursor->is_last_page = page[PAGE_HEAD - 1] != 0;
  cursor->page_size = size;
  cursor->offset = PAGE_HEAD;
  return SQLITE_OK;
}

static void report(sqlite3_vtab *table, const char *message) {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", message);
}

/** Asks the core for the page after `position`. */
static int read_page(changes_cursor *cursor) {
  changes_table *table = (changes_table *)cursor->base.pVtab;
  sqlite3_stmt *statement = NULL;
  static const char call[] = "SELECT cloudsync_changes_page(?1, ?2, ?3, ?4)";
  int code = sqlite3_prepare_v2(table->database, call, sizeof(call), &statement, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_int64(statement, 1, cursor->position);
    sqlite3_bind_int64(statement, 2, cursor->since);
    if (cursor->table != NULL) code = sqlite3_bind_value(statement, 3, cursor->table);
    if (cursor->site != NULL && code == SQLITE_OK) code = sqlite3_bind_value(statement, 4, cursor->site);
  }
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code == SQLITE_ROW) code = keep_page(cursor, statement);
  int end = sqlite3_finalize(statement);
  if (end != SQLITE_OK) code = end;
  if (code != SQLITE_OK) report(&table->base, sqlite3_errmsg(table->database));
  return code;
}

/** Reads pages until there is a row, or no more page. */
static int find_row(changes_cursor *cursor) {
  int code = SQLITE_OK;
  while (code == SQLITE_OK && cursor->offset >= cursor->page_size && !cursor->is_last_page) {
    code = read_page(cursor);
  }
  return code;
}

/** The least seq that a bound on db_version leaves, less one. What is no integer bounds nothing here. */
static sqlite3_int64 since_of(sqlite3_value *bound, bool is_from) {
  if (sqlite3_value_type(bound) != SQLITE_INTEGER) return 0;
  sqlite3_int64 value = sqlite3_value_int64(bound);
  if (value <= 0) return 0;
  return is_from ? value - 1 : value;
}

static int filter(sqlite3_vtab_cursor *base, int bits, const char *unused, int argument_count,
                  sqlite3_value **arguments) {
  (void)unused, (void)argument_count;
  changes_cursor *cursor = (changes_cursor *)base;
  reset_cursor(cursor);
  for (int bit = BY_VERSION_AFTER; bit <= BY_SITE; bit *= 2) {
    if (!(bits & bit)) continue;
    sqlite3_value *argument = *arguments++;
    if (bit == BY_VERSION_AFTER || bit == BY_VERSION_FROM) {
      sqlite3_int64 since = since_of(argument, bit == BY_VERSION_FROM);
      if (since > cursor->since) cursor->since = since;
      continue;
    }
    /* What cannot be the name of a table or a site narrows nothing; SQLite finds that no row fits it. */
    int type = sqlite3_value_type(argument);
    bool is_name = bit == BY_TABLE && type == SQLITE_TEXT && sqlite3_value_bytes(argument) > 0;
    bool is_site = bit == BY_SITE && type == SQLITE_BLOB && sqlite3_value_bytes(argument) == SITE_SIZE;
    if (!is_name && !is_site) continue;
    sqlite3_value **kept = is_name ? &cursor->table : &cursor->site;
    *kept = sqlite3_value_dup(argument);
    if (*kept == NULL) return SQLITE_NOMEM;
  }
  return find_row(cursor);
}

/**
 * Address of cell `index` of the current row; with COLUMN_COUNT the next row. NULL when the page is
 * damaged.
 */
static const uint8_t *cell_of(const changes_cursor *cursor, int index) {
  size_t at = cursor->offset;
  for (int i = 0; i < index; i++) {
    size_t size = cell_size(cursor->page + at, cursor->page_size - at);
    if (size == 0) return NULL;
    at += size;
  }
  return cursor->page + at;
}

static int next(sqlite3_vtab_cursor *base) {
  changes_cursor *cursor = (changes_cursor *)base;
  const uint8_t *end = cell_of(cursor, COLUMN_COUNT);
  if (end == NULL) return SQLITE_INTERNAL;
  cursor->offset = (size_t)(end - cursor->page);
  cursor->rowid++;
  return find_row(cursor);
}

static int is_end(sqlite3_vtab_cursor *base) {
  const changes_cursor *cursor = (const changes_cursor *)base;
  return cursor->offset >= cursor->page_size;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int index) {
  const changes_cursor *cursor = (const changes_cursor *)base;
  const uint8_t *cell = cell_of(cursor, index);
  size_t left = cell == NULL ? 0 : cursor->page_size - (size_t)(cell - cursor->page);
  if (cell_size(cell, left) == 0) return SQLITE_INTERNAL;
  cell_result(context, cell);
  return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *result) {
  *result = ((changes_cursor *)base)->rowid;
  return SQLITE_OK;
}

/** Gives an inserted row to the core, which answers with its number. */
static int insert(changes_table *table, const cell_buffer *cells, sqlite3_int64 *rowid) {
  sqlite3_stmt *statement = NULL;
  static const char call[] = "SELECT cloudsync_changes_insert(?1)";
  int code = sqlite3_prepare_v2(table->database, call, sizeof(call), &statement, NULL);
  if (code == SQLITE_OK) code = sqlite3_bind_blob64(statement, 1, cells->bytes, cells->size, SQLITE_STATIC);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *rowid = sqlite3_column_int64(statement, 0);
  int end = sqlite3_finalize(statement);
  if (end != SQLITE_OK) code = end;
  if (code == SQLITE_ROW) return SQLITE_OK;
  report(&table->base, sqlite3_errmsg(table->database));
  return code;
}

static int update(sqlite3_vtab *base, int argument_count, sqlite3_value **arguments, sqlite3_int64 *rowid) {
  changes_table *table = (changes_table *)base;
  if (argument_count == ARGUMENTS_OF_DELETE || sqlite3_value_type(arguments[0]) != SQLITE_NULL) {
    report(base, "cloudsync: what is in cloudsync_changes cannot be updated or deleted: it shows changes, and "
                 "INSERT merges one; write to the table that tbl names");
    return SQLITE_READONLY;
  }
  cell_buffer cells = {0};
  int limit = sqlite3_limit(table->database, SQLITE_LIMIT_LENGTH, -1);
  int code = SQLITE_OK;
  for (int i = 0; i < COLUMN_COUNT && code == SQLITE_OK; i++) {
    /* The number of its arrival elsewhere means nothing here: NULL. */
    int index = i == COLUMN_DB_VERSION || i == COLUMN_SEQ ? 0 : ARGUMENT_COLUMNS + i;
    code = cell_append(&cells, arguments[index], (size_t)limit);
  }
  if (code == SQLITE_OK) code = insert(table, &cells, rowid);
  sqlite3_free(cells.bytes);
  return code;
}

int changes_vtab_register(sqlite3 *database) {
  /* Without xCreate: it exists in every database and cannot be made by CREATE VIRTUAL TABLE. */
  static const sqlite3_module module = {
      .xConnect = connect,
      .xBestIndex = best_index,
      .xDisconnect = disconnect,
      .xOpen = open_cursor,
      .xClose = close_cursor,
      .xFilter = filter,
      .xNext = next,
      .xEof = is_end,
      .xColumn = column,
      .xRowid = rowid,
      .xUpdate = update,
  };
  return sqlite3_create_module_v2(database, "cloudsync_changes", &module, NULL, NULL);
}
