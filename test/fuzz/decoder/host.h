/* host.h: the imports of the fuzzed core start anew with an instance. */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include "core.h"

/** Forgets what the run before has left. */
void host_reset(w2c_core *instance);

#endif
