/*
 * changes_vtab.h: the virtual table cloudsync_changes.
 */
#ifndef CLOUDSYNC_CHANGES_VTAB_H
#define CLOUDSYNC_CHANGES_VTAB_H

#include "sqlite.h"

/** Makes the table cloudsync_changes known to the connection. Returns an SQLite result code. */
int changes_vtab_register(sqlite3 *database);

#endif
