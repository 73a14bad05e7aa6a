/*
 * call.h: the guarded ways into the core. Nothing else calls its exports.
 *
 * A trap in the core ends the guarded call only: these functions return false (or 0), the connection is marked as
 * failed, and the outermost call turns that into an SQL error, puts the connection back in order and discards the
 * instance. The next call works on a new one.
 */
#ifndef CLOUDSYNC_CALL_H
#define CLOUDSYNC_CALL_H

#include "connection.h"

/** What the core wants done next in a network session; the layout is the core's Action (src/core/index.ts). */
typedef struct {
  uint32_t kind;
  uint32_t method;
  uint32_t url;
  uint32_t url_size;
  uint32_t headers;
  uint32_t headers_size;
  uint32_t body;
  uint32_t body_size;
  uint32_t timeout_milliseconds;
  uint32_t response_max;
  uint32_t sleep_milliseconds;
} session_action;

/** How the core describes one of its SQL functions; the layout is the core's. Sizes in bytes. */
typedef struct {
  uint32_t name;
  uint32_t name_size;
  int32_t arguments_min;
  int32_t arguments_max;
  uint32_t flags;
  uint32_t help;
  uint32_t help_size;
} function_description;

/** Makes the instance if there is none. False: failed, as everywhere below. */
bool core_start(connection *connection);

/** Frees the instance; the next core_start makes a new one. */
void core_discard(connection *connection);

bool core_function_count(connection *connection, int *count);
bool core_function_describe(connection *connection, int index, function_description *description);

/** Serves one SQL call. `*drive` is set when a network session has to be driven to its end. */
bool core_call(connection *connection, int index, int argument_count, bool nested, bool *drive);

bool core_session_next(connection *connection, session_action *action);

/** Hands the outcome of an exchange over; `body` is copied into the core's memory. */
bool core_session_answer(connection *connection, int status, int retry_after_seconds, bool is_msgpack,
                         const uint8_t *body, uint32_t size);

#endif
