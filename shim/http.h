/*
 * http.h: one HTTP exchange through libcurl.
 */
#ifndef CLOUDSYNC_HTTP_H
#define CLOUDSYNC_HTTP_H

#include "connection.h"

/** A request as the core words it. `headers` are lines "Name: value\r\n"; nothing is terminated by NUL. */
typedef struct {
  bool is_post;
  const uint8_t *url;
  uint32_t url_size;
  const uint8_t *headers;
  uint32_t headers_size;
  const uint8_t *body;
  uint32_t body_size;
  uint32_t timeout_milliseconds;
  uint32_t response_max;
} http_request;

/** The server's answer; or, with status 0, that there was none, and `body` says why in words. */
typedef struct {
  int status;
  /** What Retry-After asks for; -1 = nothing. */
  int retry_after_seconds;
  /** The content type is the protocol's own. */
  bool is_msgpack;
  /** From sqlite3_malloc64. */
  uint8_t *body;
  uint32_t body_size;
} http_response;

/**
 * Sends the request, with the connection's credential, and waits for the answer. TLS certificates are always
 * verified; redirects are not followed, so that the credential goes to the configured server only. Keeps the
 * network connection open for the next exchange. Marks the call as failed when memory is short or the
 * application interrupts.
 */
void http_exchange(connection *connection, const http_request *request, http_response *response);

void http_response_free(http_response *response);

/** Closes the network connection. NULL is allowed. */
void http_client_free(struct http_client *client);

#endif
