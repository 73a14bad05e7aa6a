/*
 * extension.c: the entry point of the loadable extension. It makes the connection's object, asks the core which
 * SQL functions there are, and registers them, the aggregate and the virtual table. sqlite3_cloudsync_init is the
 * only symbol that the library shows.
 */
#include "call.h"
#include "changes_aggregate.h"
#include "changes_vtab.h"
#include "serve.h"

SQLITE_EXTENSION_INIT1

/** Oldest SQLite that is supported: the oldest that we test with. */
enum { SQLITE_VERSION_MIN = 3040000 };

enum {
  FUNCTION_NAME_MAX = 255,
  /** Bits of function_description.flags. */
  FLAG_DIRECTONLY = 1,
  FLAG_INNOCUOUS = 2,
  FLAG_DETERMINISTIC = 4,
};

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

EXPORTED int sqlite3_cloudsync_init(sqlite3 *database, char **error, const sqlite3_api_routines *api);

/** Destructor of one registered function. */
static void release_function(void *entry) { connection_release(((function_entry *)entry)->connection); }

/** Reads how the core describes a function; `name` is a copy that ends with NUL. */
static bool describe(connection *connection, int index, function_description *description, char *name) {
  if (!core_function_describe(connection, index, description)) return false;
  const uint8_t *source = connection_memory(connection, description->name, description->name_size);
  if (source == NULL || description->name_size > FUNCTION_NAME_MAX) return false;
  memcpy(name, source, description->name_size);
  name[description->name_size] = '\0';
  return true;
}

/** Registers one function once for every number of arguments it takes, so that SQLite refuses the others. */
static int register_function(connection *connection, int index) {
  function_description description;
  char name[FUNCTION_NAME_MAX + 1];
  if (!describe(connection, index, &description, name)) return SQLITE_INTERNAL;
  int flags = SQLITE_UTF8;
  if (description.flags & FLAG_DIRECTONLY) flags |= SQLITE_DIRECTONLY;
  if (description.flags & FLAG_INNOCUOUS) flags |= SQLITE_INNOCUOUS;
  if (description.flags & FLAG_DETERMINISTIC) flags |= SQLITE_DETERMINISTIC;
  for (int arity = description.arguments_min; arity <= description.arguments_max; arity++) {
    /* One reference for each registration: SQLite calls the destructor for each, also when this fails. */
    connection->references++;
    int code = sqlite3_create_function_v2(connection->database, name, arity, flags,
                                          &connection->functions[index], serve_function, NULL, NULL,
                                          release_function);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

/** Takes the functions below `count` away again, so that a failed load leaves nothing behind. */
static void unregister_functions(connection *connection, int count) {
  for (int index = 0; index < count; index++) {
    function_description description;
    char name[FUNCTION_NAME_MAX + 1];
    if (!describe(connection, index, &description, name)) return;
    for (int arity = description.arguments_min; arity <= description.arguments_max; arity++) {
      sqlite3_create_function_v2(connection->database, name, arity, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
    }
  }
}

static int register_all(connection *connection) {
  int count = 0;
  int code = SQLITE_INTERNAL;
  if (core_start(connection) && core_function_count(connection, &count)) {
    code = connection_make_functions(connection, count) ? SQLITE_OK : SQLITE_NOMEM;
  }
  for (int index = 0; code == SQLITE_OK && index < count; index++) {
    code = register_function(connection, index);
    if (code != SQLITE_OK) unregister_functions(connection, index + 1);
  }
  if (code == SQLITE_OK) {
    code = changes_aggregate_register(connection->database);
    if (code == SQLITE_OK) code = changes_vtab_register(connection->database);
    if (code != SQLITE_OK) {
      changes_aggregate_unregister(connection->database);
      unregister_functions(connection, count);
    }
  }
  return connection->failure == FAILURE_MEMORY ? SQLITE_NOMEM : code;
}

/** Is the extension there already? Then loading it again must change nothing, least of all forget a token. */
static bool is_loaded(sqlite3 *database) {
  static const char query[] = "SELECT 1 FROM pragma_function_list WHERE name = 'cloudsync_version'";
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, query, sizeof(query), &statement, NULL) != SQLITE_OK) return false;
  bool is_there = sqlite3_step(statement) == SQLITE_ROW;
  sqlite3_finalize(statement);
  return is_there;
}

/**
 * Called by SQLite when the extension is loaded into a connection. Returns SQLITE_OK or a result code, then with
 * a message in `*error` (to be freed by SQLite).
 */
int sqlite3_cloudsync_init(sqlite3 *database, char **error, const sqlite3_api_routines *api) {
  SQLITE_EXTENSION_INIT2(api);
  if (sqlite3_libversion_number() < SQLITE_VERSION_MIN) {
    *error = sqlite3_mprintf("cloudsync: needs SQLite 3.40 or later, this program has %s", sqlite3_libversion());
    return SQLITE_ERROR;
  }
  if (is_loaded(database)) return SQLITE_OK;
  connection *connection = connection_new(database);
  int code = connection == NULL ? SQLITE_NOMEM : register_all(connection);
  if (connection != NULL) connection_release(connection);
  if (code != SQLITE_OK) *error = sqlite3_mprintf("cloudsync: cannot be loaded: %s", sqlite3_errstr(code));
  return code;
}
