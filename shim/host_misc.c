/*
 * host_misc.c: the core's imports for time, randomness, waiting and credentials (src/core/host.ts).
 */
#include "host.h"

#include <time.h>

#include "session.h"

u64 w2c_host_time_microseconds(struct w2c_host *host) {
  (void)host;
  struct timespec now;
  /* Cannot fail for TIME_UTC; were it to, 0 makes the core's clock continue from the largest one it has seen. */
  if (timespec_get(&now, TIME_UTC) != TIME_UTC) return 0;
  return (u64)now.tv_sec * 1000000 + (u64)now.tv_nsec / 1000;
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
