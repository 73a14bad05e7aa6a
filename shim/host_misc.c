/*
 * host_misc.c: the core's imports for time, randomness, waiting and credentials (src/core/host.ts).
 */
#include "host.h"

#include <time.h>

#include "session.h"

enum { VFS_VERSION_WITH_INTEGER_TIME = 2 };

/** Milliseconds between the epoch of SQLite's clock (noon of November 24th, 4714 before Christ) and 1970. */
static const sqlite3_int64 JULIAN_MILLISECONDS_OF_1970 = 210866760000000;

/** The operating system's clock. Were it to fail, 0 makes the core's clock go on from the largest one it has seen. */
static u64 system_microseconds(void) {
  struct timespec now;
  if (timespec_get(&now, TIME_UTC) != TIME_UTC) return 0;
  return (u64)now.tv_sec * 1000000 + (u64)now.tv_nsec / 1000;
}

/*
 * The clock of the connection's VFS, which is the one that the triggers read as julianday('now'). One clock for both
 * means that an application with a VFS of its own, such as a simulation, decides about all of our time.
 */
u64 w2c_host_time_microseconds(struct w2c_host *host) {
  sqlite3 *database = connection_of(host)->database;
  sqlite3_vfs *vfs = NULL;
  sqlite3_int64 milliseconds = 0;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_VFS_POINTER, &vfs) != SQLITE_OK || vfs == NULL ||
      vfs->iVersion < VFS_VERSION_WITH_INTEGER_TIME || vfs->xCurrentTimeInt64 == NULL ||
      vfs->xCurrentTimeInt64(vfs, &milliseconds) != SQLITE_OK) {
    return system_microseconds();
  }
  milliseconds -= JULIAN_MILLISECONDS_OF_1970;
  return milliseconds < 0 ? 0 : (u64)milliseconds * 1000;
}

void w2c_host_random_bytes(struct w2c_host *host, u32 target, u32 size) {
  uint8_t *destination = connection_memory(connection_of(host), target, size);
  if (destination != NULL) sqlite3_randomness((int)size, destination);
}

void w2c_host_sleep_milliseconds(struct w2c_host *host, u32 milliseconds) {
  connection *connection = connection_of(host);
  if (connection->failure == FAILURE_NONE && (s32)milliseconds > 0) session_sleep(connection, milliseconds);
}

void w2c_host_secret_set(struct w2c_host *host, u32 slot, u32 data, u32 size) {
  connection *connection = connection_of(host);
  uint8_t *source = connection_memory(connection, data, size);
  if (connection->failure == FAILURE_NONE) connection_set_secret(connection, (int)slot, source, size);
}

u32 w2c_host_secret_is_set(struct w2c_host *host) { return connection_of(host)->secret != NULL; }
