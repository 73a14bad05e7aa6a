/*
 * session.c: the loop between the core's session machine and the outside: ask for the next action, do it, hand
 * the outcome back. All decisions (what to send, whether to try again, how long to wait) are the core's.
 */
#include "session.h"

#include "call.h"
#include "http.h"

enum { ACTION_DONE = 0, ACTION_HTTP = 1, ACTION_SLEEP = 2 };

/** Longest wait in one piece: how soon an interrupt is noticed. */
enum { SLEEP_SLICE_MILLISECONDS = 50 };

void session_sleep(connection *connection, uint32_t milliseconds) {
  while (milliseconds > 0 && !connection_interrupted(connection)) {
    uint32_t slice = milliseconds < SLEEP_SLICE_MILLISECONDS ? milliseconds : SLEEP_SLICE_MILLISECONDS;
    sqlite3_sleep((int)slice);
    milliseconds -= slice;
  }
}

static bool exchange(connection *connection, const session_action *action) {
  http_request request = {
      .is_post = action->method == 1,
      .url = connection_memory(connection, action->url, action->url_size),
      .url_size = action->url_size,
      .headers = connection_memory(connection, action->headers, action->headers_size),
      .headers_size = action->headers_size,
      .body = connection_memory(connection, action->body, action->body_size),
      .body_size = action->body_size,
      .timeout_milliseconds = action->timeout_milliseconds,
      .response_max = action->response_max,
  };
  if (connection->failure != FAILURE_NONE) return false;
  http_response response = {0};
  http_exchange(connection, &request, &response);
  bool handed_over = connection->failure == FAILURE_NONE &&
                     core_session_answer(connection, response.status, response.retry_after_seconds,
                                         response.is_msgpack, response.body, response.body_size);
  http_response_free(&response);
  return handed_over;
}

void session_drive(connection *connection) {
  session_action action;
  while (core_session_next(connection, &action)) {
    if (action.kind == ACTION_DONE) return;
    if (action.kind == ACTION_SLEEP) {
      session_sleep(connection, action.sleep_milliseconds);
    } else if (action.kind != ACTION_HTTP) {
      connection_fail(connection, FAILURE_DEFECT, "the network session asked for an unknown action");
    } else if (!exchange(connection, &action)) {
      return;
    }
  }
}
