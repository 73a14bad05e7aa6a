/*
 * cells.h: SQLite values in the form in which the core and the shim exchange rows (src/core/bytes/cell.ts):
 * one byte for the type, eight bytes (little endian, as everywhere in the core) for the integer, the real
 * or the size, then the bytes of a TEXT or BLOB.
 */
#ifndef CLOUDSYNC_CELLS_H
#define CLOUDSYNC_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "sqlite.h"

/** Bytes of the cell at `cell`, of which `left` bytes are there; 0 when it does not end within them. */
size_t cell_size(const uint8_t *cell, size_t left);

/** Cells one after another, from sqlite3_malloc64. */
typedef struct {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} cell_buffer;

/**
 * Appends a value; `limit` is the size that the buffer may reach. SQLITE_OK, SQLITE_TOOBIG or SQLITE_NOMEM.
 */
int cell_append(cell_buffer *buffer, sqlite3_value *value, size_t limit);

/** Makes a cell the result of an SQL function or of a column of a virtual table. */
void cell_result(sqlite3_context *context, const uint8_t *cell);

#endif
