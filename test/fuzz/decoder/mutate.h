/* mutate.h: random numbers from a seed, and changes of bytes that know what MessagePack looks like. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stdint.h>

#include "corpus.h"

void random_seed(uint64_t seed);

/** A number below `limit` (at least 1). */
uint32_t random_below(uint32_t limit);

/** Fills `buffer` with a mutation of one of the target's inputs; returns its size. */
uint32_t mutate(int target, uint8_t *buffer);

#endif
