/*
 * simulated.c: the entry point of the loadable extension that simulates a device's surroundings. It stays loaded:
 * a VFS must outlive the connection that made it.
 */
#include "coroutine.h"
#include "disk_functions.h"

SQLITE_EXTENSION_INIT1

int sqlite3_simulated_init(sqlite3 *database, char **error, const sqlite3_api_routines *api);

int sqlite3_simulated_init(sqlite3 *database, char **error, const sqlite3_api_routines *api) {
  (void)error;
  SQLITE_EXTENSION_INIT2(api);
  int code = disk_functions_register(database);
  if (code == SQLITE_OK) code = coroutine_functions(database);
  return code == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : code;
}
