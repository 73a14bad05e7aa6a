/* run.h: one input through one reader of the fuzzed core. */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { REFUSED, ACCEPTED, BROKEN, TRAPPED, TOO_MUCH_MEMORY } outcome;

/** Runs an input. With `fix` checksums are made to fit first, in `bytes` too. */
outcome run_input(int target, uint8_t *bytes, uint32_t size, bool fix);

/** Why the last input trapped. */
const char *trap_text(void);

/** Called when one input takes too long; it must not return. */
void run_watch(void (*too_slow)(void));

/** Edges of the core's control flow that were reached so far; 0 when it was compiled without their tracing. */
uint32_t edges_reached(void);

/** True when edges were reached since the last call. */
bool edges_are_new(void);

#endif
