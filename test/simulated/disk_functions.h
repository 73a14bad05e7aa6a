/*
 * disk_functions.h: the SQL functions of the simulated disk.
 */
#ifndef SIMULATED_DISK_FUNCTIONS_H
#define SIMULATED_DISK_FUNCTIONS_H

#include "disk.h"

/** Registers them on a connection; all are DIRECTONLY. */
int disk_functions_register(sqlite3 *database);

/** Registers one more function in the same manner. */
typedef void (*sql_function)(sqlite3_context *context, int count, sqlite3_value **arguments);
int simulated_register(sqlite3 *database, const char *name, int arity, sql_function function);

/** The disk that the first argument names; NULL after an error was reported. */
disk *disk_argument(sqlite3_context *context, sqlite3_value **arguments);

#endif
