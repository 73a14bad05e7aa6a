/*
 * cells.c: reads and writes cells; cells.h has the format.
 */
#include "cells.h"

#include <stdbool.h>
#include <string.h>

enum { CELL_HEAD = 9 };

static uint64_t word_of(const uint8_t *cell) {
  uint64_t word;
  memcpy(&word, cell + 1, sizeof(word));
  return word;
}

size_t cell_size(const uint8_t *cell, size_t left) {
  if (left < CELL_HEAD) return 0;
  if (cell[0] != SQLITE_TEXT && cell[0] != SQLITE_BLOB) return CELL_HEAD;
  uint64_t size = word_of(cell);
  return size > left - CELL_HEAD ? 0 : CELL_HEAD + (size_t)size;
}

void cell_result(sqlite3_context *context, const uint8_t *cell) {
  uint64_t word = word_of(cell);
  const uint8_t *bytes = cell + CELL_HEAD;
  double real;
  switch (cell[0]) {
    case SQLITE_INTEGER:
      sqlite3_result_int64(context, (sqlite3_int64)word);
      break;
    case SQLITE_FLOAT:
      memcpy(&real, &word, sizeof(real));
      sqlite3_result_double(context, real);
      break;
    case SQLITE_TEXT:
      sqlite3_result_text64(context, (const char *)bytes, word, SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
    case SQLITE_BLOB:
      sqlite3_result_blob64(context, bytes, word, SQLITE_TRANSIENT);
      break;
    default:
      sqlite3_result_null(context);
  }
}

/** The bytes of a TEXT or BLOB, and the eight bytes that come before them in the cell. */
static const void *content_of(sqlite3_value *value, uint64_t *word) {
  const void *bytes = NULL;
  double real;
  *word = 0;
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      *word = (uint64_t)sqlite3_value_int64(value);
      break;
    case SQLITE_FLOAT:
      real = sqlite3_value_double(value);
      memcpy(word, &real, sizeof(real));
      break;
    case SQLITE_TEXT:
      bytes = sqlite3_value_text(value);
      *word = (uint64_t)sqlite3_value_bytes(value);
      break;
    case SQLITE_BLOB:
      bytes = sqlite3_value_blob(value);
      *word = (uint64_t)sqlite3_value_bytes(value);
      break;
  }
  return bytes;
}

/** Makes room for `size` more bytes. */
static bool reserve(cell_buffer *buffer, size_t size) {
  if (buffer->size + size <= buffer->capacity) return true;
  size_t capacity = buffer->capacity * 2 + size;
  uint8_t *larger = sqlite3_realloc64(buffer->bytes, capacity);
  if (larger == NULL) return false;
  buffer->bytes = larger;
  buffer->capacity = capacity;
  return true;
}

int cell_append(cell_buffer *buffer, sqlite3_value *value, size_t limit) {
  int type = sqlite3_value_type(value);
  uint64_t word;
  const void *bytes = content_of(value, &word);
  bool has_bytes = type == SQLITE_TEXT || type == SQLITE_BLOB;
  size_t size = has_bytes ? (size_t)word : 0;
  if (has_bytes && size > 0 && bytes == NULL) return SQLITE_NOMEM;
  if (buffer->size + CELL_HEAD + size > limit) return SQLITE_TOOBIG;
  if (!reserve(buffer, CELL_HEAD + size)) return SQLITE_NOMEM;
  uint8_t *cell = buffer->bytes + buffer->size;
  cell[0] = (uint8_t)type;
  memcpy(cell + 1, &word, sizeof(word));
  if (size > 0) memcpy(cell + CELL_HEAD, bytes, size);
  buffer->size += CELL_HEAD + size;
  return SQLITE_OK;
}
