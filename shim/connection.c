/*
 * connection.c: life and failure of the per-connection object; connection.h describes its parts.
 */
#include "connection.h"

#include "http.h"

connection *connection_new(sqlite3 *database) {
  connection *connection = sqlite3_malloc64(sizeof(*connection));
  if (connection == NULL) return NULL;
  memset(connection, 0, sizeof(*connection));
  connection->database = database;
  connection->references = 1;
  connection->triggers_before = -1;
  return connection;
}

bool connection_make_functions(connection *connection, int count) {
  connection->functions = sqlite3_malloc64((sqlite3_uint64)count * sizeof(function_entry) + 1);
  if (connection->functions == NULL) return false;
  for (int index = 0; index < count; index++) {
    connection->functions[index] = (function_entry){connection, index};
  }
  connection->functions_count = count;
  return true;
}

/** The compiler may drop a memset of memory that is freed next; it may not drop volatile writes. */
static void overwrite(void *memory, size_t size) {
  volatile uint8_t *byte = memory;
  while (size-- > 0) *byte++ = 0;
}

static void forget_secret(connection *connection) {
  if (connection->secret == NULL) return;
  overwrite(connection->secret, connection->secret_size);
  sqlite3_free(connection->secret);
  connection->secret = NULL;
  connection->secret_size = 0;
}

void connection_release(connection *connection) {
  if (--connection->references > 0) return;
  if (connection->has_core) wasm2c_core_free(&connection->core);
  forget_secret(connection);
  http_client_free(connection->http);
  sqlite3_free(connection->statements);
  sqlite3_free(connection->functions);
  sqlite3_free(connection);
}

uint8_t *connection_memory_for(connection *connection, uint32_t pointer, uint32_t size, const char *user) {
  wasm_rt_memory_t *memory = &connection->core.w2c_memory;
  if ((uint64_t)pointer + size <= memory->size) return memory->data + pointer;
  char text[FAILURE_TEXT_SIZE];
  sqlite3_snprintf(sizeof(text), text, "%s: %u bytes at %u are not the core's memory", user, size, pointer);
  connection_fail(connection, FAILURE_DEFECT, text);
  return NULL;
}

void connection_fail(connection *connection, failure reason, const char *text) {
  if (connection->failure != FAILURE_NONE) return;
  connection->failure = reason;
  sqlite3_snprintf(FAILURE_TEXT_SIZE, connection->failure_text, "%s", text == NULL ? "" : text);
}

bool connection_interrupted(connection *connection) {
  /* sqlite3_is_interrupted came with SQLite 3.41; before it, an interrupt is seen by the next SQL statement. */
  if (sqlite3_libversion_number() < 3041000 || !sqlite3_is_interrupted(connection->database)) return false;
  connection_fail(connection, FAILURE_INTERRUPTED, NULL);
  return true;
}

void connection_set_secret(connection *connection, int slot, const uint8_t *data, uint32_t size) {
  if (size == 0 && slot != connection->secret_slot) return;
  forget_secret(connection);
  connection->secret_slot = slot;
  if (size == 0) return;
  connection->secret = sqlite3_malloc64(size);
  if (connection->secret == NULL) {
    connection_fail(connection, FAILURE_MEMORY, NULL);
    return;
  }
  memcpy(connection->secret, data, size);
  connection->secret_size = size;
}
