/*
 * connection.h: all that the shim keeps for one database connection: the instance of the core, the SQL call that
 * is being served, and what the core has borrowed for the duration of a call (statements, files).
 *
 * One connection object is shared by all functions that are registered on the connection and counted by
 * reference; SQLite frees it through the destructors of the functions when the connection closes.
 */
#ifndef CLOUDSYNC_CONNECTION_H
#define CLOUDSYNC_CONNECTION_H

#include <stdio.h>

#include "core.h"
#include "sqlite.h"

struct http_client;

enum {
  /** Files that one call may have open. The core needs one; a second leaves room for a copy. */
  FILES_MAX = 4,
  FAILURE_TEXT_SIZE = 256,
};

/** Why the current outermost call cannot go on. Once set, every import refuses to work until the call ends. */
typedef enum {
  FAILURE_NONE,
  /** A trap, or an import was used against its rules: a defect of ours; `failure_text` says where. */
  FAILURE_DEFECT,
  FAILURE_MEMORY,
  /** The application called sqlite3_interrupt() while we were waiting. */
  FAILURE_INTERRUPTED,
} failure;

/** One SQL function call that is being served. Calls nest: a trigger may call us while the core runs SQL. */
typedef struct call_frame {
  struct call_frame *outer;
  sqlite3_context *context;
  sqlite3_value **arguments;
  int argument_count;
  bool has_result;
  /** Result that is being collected by result_append; from sqlite3_malloc64. */
  uint8_t *appended;
  uint64_t appended_size;
  uint64_t appended_capacity;
} call_frame;

/** The user data of one registered function: which one it is, on which connection. */
typedef struct {
  struct connection *connection;
  int index;
} function_entry;

typedef struct connection {
  /** First member: the core hands &host back to every import. */
  struct w2c_host host;
  sqlite3 *database;
  int references;

  bool has_core;
  w2c_core core;

  call_frame *frame;
  failure failure;
  char failure_text[FAILURE_TEXT_SIZE];
  /** State of the connection when the outermost call began, to be put back if the call fails. */
  bool was_autocommit;
  /**
   * The error with which SQLite has rolled the transaction back by itself (no memory, disk full, interrupt), or
   * SQLITE_OK. What the core still writes on its way to the end would be committed alone: it is refused with it.
   */
  int lost_transaction;
  /** Triggers on (1) or off (0) before the core switched them; -1 = not touched. */
  int triggers_before;

  sqlite3_stmt **statements;
  int statements_count;
  int statements_capacity;
  FILE *files[FILES_MAX];

  /** Token or API key for the network, in memory only. `secret_slot` says which of the two. */
  char *secret;
  uint32_t secret_size;
  int secret_slot;
  struct http_client *http;

  /** One entry for each function of the core; from sqlite3_malloc64. */
  function_entry *functions;
  int functions_count;
} connection;

/** Allocates the object with one reference and without functions. NULL when memory is short. */
connection *connection_new(sqlite3 *database);

/** Makes the entries for `count` functions. False when memory is short. */
bool connection_make_functions(connection *connection, int count);

/** Gives one reference back; the last one frees the core, the secret and the network connection. */
void connection_release(connection *connection);

/** The connection that an import works for. */
static inline connection *connection_of(struct w2c_host *host) { return (connection *)host; }

/**
 * Address in C of `size` bytes at `pointer` of the linear memory, or NULL when they are not all inside, which is a
 * defect of the core and fails the call. The address is good until the next call into SQLite or the core. The
 * message names the function that asked, hence the macro.
 */
#define connection_memory(connection, pointer, size) connection_memory_for(connection, pointer, size, __func__)
uint8_t *connection_memory_for(connection *connection, uint32_t pointer, uint32_t size, const char *user);

/** Marks the current call as failed; the first reason wins. `text` may be NULL. */
void connection_fail(connection *connection, failure reason, const char *text);

/** True when the application has asked to interrupt; then the call is marked as failed. */
bool connection_interrupted(connection *connection);

/** Keeps (size > 0) or forgets (size 0) a credential. Overwrites the old one before it is freed. */
void connection_set_secret(connection *connection, int slot, const uint8_t *data, uint32_t size);

#endif
