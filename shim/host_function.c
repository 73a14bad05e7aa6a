/*
 * host_function.c: the core's imports about the SQL call that is being served (src/core/host.ts): its arguments
 * and its result. They work on the innermost call of the connection.
 */
#include "host.h"

enum { APPEND_CAPACITY_MIN = 4096 };

static sqlite3_value *argument_of(struct w2c_host *host, u32 index) {
  connection *connection = connection_of(host);
  if (connection->failure != FAILURE_NONE) return NULL;
  if (connection->frame != NULL && index < (u32)connection->frame->argument_count) {
    return connection->frame->arguments[index];
  }
  connection_fail(connection, FAILURE_DEFECT, "an argument was read that the SQL call does not have");
  return NULL;
}

/** The call that takes a result, or NULL when the connection's call has failed. */
static call_frame *frame_of(struct w2c_host *host) {
  connection *connection = connection_of(host);
  return connection->failure == FAILURE_NONE ? connection->frame : NULL;
}

u32 w2c_host_argument_type(struct w2c_host *host, u32 index) {
  sqlite3_value *argument = argument_of(host, index);
  return argument == NULL ? SQLITE_NULL : (u32)sqlite3_value_type(argument);
}

u64 w2c_host_argument_integer(struct w2c_host *host, u32 index) {
  sqlite3_value *argument = argument_of(host, index);
  return argument == NULL ? 0 : (u64)sqlite3_value_int64(argument);
}

u64 w2c_host_argument_real(struct w2c_host *host, u32 index) {
  sqlite3_value *argument = argument_of(host, index);
  double value = argument == NULL ? 0 : sqlite3_value_double(argument);
  u64 bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/** Bytes of a TEXT (as UTF-8) or BLOB argument; NULL and size 0 for other types and for an empty BLOB. */
static const uint8_t *argument_bytes(struct w2c_host *host, u32 index, u32 *size) {
  sqlite3_value *argument = argument_of(host, index);
  *size = 0;
  if (argument == NULL) return NULL;
  int type = sqlite3_value_type(argument);
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) return NULL;
  const uint8_t *bytes =
      type == SQLITE_TEXT ? sqlite3_value_text(argument) : (const uint8_t *)sqlite3_value_blob(argument);
  *size = bytes == NULL ? 0 : (u32)sqlite3_value_bytes(argument);
  if (bytes == NULL && type == SQLITE_TEXT) connection_fail(connection_of(host), FAILURE_MEMORY, NULL);
  return bytes;
}

u32 w2c_host_argument_size(struct w2c_host *host, u32 index) {
  u32 size;
  argument_bytes(host, index, &size);
  return size;
}

u32 w2c_host_argument_copy(struct w2c_host *host, u32 index, u32 offset, u32 target, u32 size) {
  u32 available;
  const uint8_t *bytes = argument_bytes(host, index, &available);
  if (bytes == NULL || offset >= available) return 0;
  u32 copied = size < available - offset ? size : available - offset;
  uint8_t *destination = connection_memory(connection_of(host), target, copied);
  if (destination == NULL) return 0;
  memcpy(destination, bytes + offset, copied);
  return copied;
}

void w2c_host_result_null(struct w2c_host *host) {
  call_frame *frame = frame_of(host);
  if (frame == NULL) return;
  frame->has_result = true;
  sqlite3_result_null(frame->context);
}

void w2c_host_result_integer(struct w2c_host *host, u64 value) {
  call_frame *frame = frame_of(host);
  if (frame == NULL) return;
  frame->has_result = true;
  sqlite3_result_int64(frame->context, (sqlite3_int64)value);
}

void w2c_host_result_text(struct w2c_host *host, u32 data, u32 size) {
  uint8_t *source = connection_memory(connection_of(host), data, size);
  call_frame *frame = frame_of(host);
  if (frame == NULL) return;
  frame->has_result = true;
  sqlite3_result_text64(frame->context, (char *)source, size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void w2c_host_result_blob(struct w2c_host *host, u32 data, u32 size) {
  uint8_t *source = connection_memory(connection_of(host), data, size);
  call_frame *frame = frame_of(host);
  if (frame == NULL) return;
  frame->has_result = true;
  sqlite3_result_blob64(frame->context, source, size, SQLITE_TRANSIENT);
}

void w2c_host_result_error(struct w2c_host *host, u32 code, u32 data, u32 size) {
  uint8_t *source = connection_memory(connection_of(host), data, size);
  call_frame *frame = frame_of(host);
  if (frame == NULL) return;
  frame->has_result = true;
  sqlite3_result_error(frame->context, (char *)source, (int)size);
  sqlite3_result_error_code(frame->context, (int)code);
}

u32 w2c_host_result_append(struct w2c_host *host, u32 data, u32 size) {
  connection *connection = connection_of(host);
  uint8_t *source = connection_memory(connection, data, size);
  call_frame *frame = frame_of(host);
  if (frame == NULL) return SQLITE_NOMEM;
  uint64_t needed = frame->appended_size + size;
  if (needed > (uint64_t)sqlite3_limit(connection->database, SQLITE_LIMIT_LENGTH, -1)) return SQLITE_TOOBIG;
  if (needed > frame->appended_capacity || frame->appended == NULL) {
    uint64_t capacity = frame->appended_capacity * 2;
    if (capacity < needed) capacity = needed;
    if (capacity < APPEND_CAPACITY_MIN) capacity = APPEND_CAPACITY_MIN;
    uint8_t *larger = sqlite3_realloc64(frame->appended, capacity);
    if (larger == NULL) return SQLITE_NOMEM;
    frame->appended = larger;
    frame->appended_capacity = capacity;
  }
  memcpy(frame->appended + frame->appended_size, source, size);
  frame->appended_size = needed;
  return SQLITE_OK;
}
