/*
 * sqlite.h: SQLite's interface as a loadable extension sees it: every sqlite3_* name goes through the table of
 * functions that SQLite hands over when it loads the extension. extension.c owns the variable, all others refer
 * to it.
 */
#ifndef CLOUDSYNC_SQLITE_H
#define CLOUDSYNC_SQLITE_H

#include "sqlite3ext.h"

extern const sqlite3_api_routines *sqlite3_api;

#endif
