/*
 * changes_aggregate.h: the aggregate cloudsync_payload_encode over rows of cloudsync_changes.
 */
#ifndef CLOUDSYNC_CHANGES_AGGREGATE_H
#define CLOUDSYNC_CHANGES_AGGREGATE_H

#include "sqlite.h"

/** Registers the aggregate. Returns an SQLite result code. */
int changes_aggregate_register(sqlite3 *database);

/** Takes it away again. */
void changes_aggregate_unregister(sqlite3 *database);

#endif
