/*
 * host.h: what the files that implement the core's imports (host_*.c) offer to the rest of the shim. The imports
 * themselves are declared by the translated core (core.h) and documented in src/core/host.ts.
 *
 * Common to all imports: they never jump out, they check handles and memory before use, and once the call has
 * failed they do nothing and report an error, so that a core whose nested call has trapped comes to an end
 * without touching the database any more.
 */
#ifndef CLOUDSYNC_HOST_H
#define CLOUDSYNC_HOST_H

#include "connection.h"

/** Finalizes all statements of the call that ends. */
void host_sql_finalize_all(connection *connection);

/** Ends what all statements of the call are doing. */
void host_sql_reset_all(connection *connection);

/** Runs the statement of this text if the call has it prepared. False when there is none, or when it fails. */
bool host_sql_run_prepared(connection *connection, const char *sql);

/** Puts the trigger switch back when the core left it changed. */
void host_sql_restore_triggers(connection *connection);

/** Closes files that the call left open. */
void host_file_close_all(connection *connection);

#endif
