/*
 * serve.h: what SQLite calls when SQL calls one of our functions.
 */
#ifndef CLOUDSYNC_SERVE_H
#define CLOUDSYNC_SERVE_H

#include "sqlite.h"

/** The implementation of every registered function; its user data is a function_entry. */
void serve_function(sqlite3_context *context, int argument_count, sqlite3_value **arguments);

#endif
