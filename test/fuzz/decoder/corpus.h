/*
 * corpus.h: the inputs that are mutated, by target: seeds from files, and mutations that reached code which none had
 * reached before.
 */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /** Largest input. */
  INPUT_MAX = 1 << 17,
  TARGETS = 12,
};

typedef struct {
  uint8_t *bytes;
  uint32_t size;
} input;

/** Names of the targets in the order of test/fuzz/core/index.ts; a file of the corpus begins with one and a '-'. */
extern const char *const target_names[TARGETS];

/** The target of a file by its name, -1 when it names none. */
int target_of(const char *name);

/** Adds a copy. False when the target has its share, or memory is short. */
bool corpus_add(int target, const uint8_t *bytes, uint32_t size);

int corpus_count(int target);
const input *corpus_get(int target, int index);

/** Reads a whole file. False with a message when it cannot be read or is too large. */
bool read_input(const char *path, uint8_t *buffer, uint32_t *size);

/** Writes a file named `target-label-number.bin` into the folder. */
void save_input(const char *folder, int target, const char *label, uint64_t number, const uint8_t *bytes,
                uint32_t size);

/** Calls `visit` for each file of a folder whose name begins with a target. Returns how many, -1 when unreadable. */
int visit_folder(const char *folder, bool (*visit)(int target, const uint8_t *bytes, uint32_t size, const char *name));

#endif
