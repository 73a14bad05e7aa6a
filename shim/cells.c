/*
 * cells.c: reads cells; cells.h has the format.
 */
#include "cells.h"

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
