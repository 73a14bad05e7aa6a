/*
 * coroutine.h: SQL of a simulated device that runs on a stack of its own, so that the caller gets control back
 * whenever the device waits: for the answer to an HTTP request, or in a sleep. Many devices can wait at once, and one
 * thread decides which goes on, so a seed repeats every interleaving.
 */
#ifndef SIMULATED_COROUTINE_H
#define SIMULATED_COROUTINE_H

#include "disk.h"

/** What a device asks for while it waits. Pointers are the device's own and good until it goes on. */
typedef struct {
  bool is_post;
  const char *url;
  /** Lines that end with a line break. */
  const char *headers;
  const void *body;
  uint32_t body_size;
} http_question;

/** What it is told. Status 0: no answer came; `text` says why, and `code` is libcurl's number for that. */
typedef struct {
  int status;
  int code;
  int retry_after;
  /** The content type, or the words. */
  const char *text;
  const void *body;
  uint32_t body_size;
} http_reply;

/**
 * Hands a request of the coroutine that is running to whoever started it and waits.
 * @return the reply, good until the coroutine waits again; NULL when no coroutine is running
 */
const http_reply *coroutine_ask(const http_question *question);

/** Adds the SQL functions simulated_register, _start, _resume and _forget to a connection. */
int coroutine_functions(sqlite3 *db);

#endif
