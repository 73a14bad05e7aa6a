/*
 * run.c: the guard around the fuzzed core. A trap costs the instance, as in the extension. Which edges of the control
 * flow have been reached is told by the compiler's tracing (-fsanitize-coverage=trace-pc), only in the translated core.
 */
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "core.h"
#include "host.h"
#include "wasm-rt.h"

enum {
  EDGES = 1 << 16,
  /** Linear memory: several times the largest packet, and far below what would hurt. */
  MEMORY_MAX = 160 * 1024 * 1024,
  TICK_MICROSECONDS = 50000,
  /** Ticks of processor time for one input. The largest packets take one. */
  TICKS_MAX = 30,
};

static w2c_core core;
static struct w2c_host host;
static bool is_started;
static char text[256];

static uint8_t reached[EDGES];
static uint32_t reached_count;
static uint32_t reported_count;
static uintptr_t former_place;

void __sanitizer_cov_trace_pc(void);

/** Called at the begin of every block of the translated core. */
void __sanitizer_cov_trace_pc(void) {
  uintptr_t place = (uintptr_t)__builtin_return_address(0);
  place ^= place >> 16;
  uint8_t *edge = &reached[(place ^ former_place) & (EDGES - 1)];
  former_place = place >> 1;
  if (*edge != 0) return;
  *edge = 1;
  reached_count++;
}

uint32_t edges_reached(void) { return reached_count; }

bool edges_are_new(void) {
  bool are_new = reached_count != reported_count;
  reported_count = reached_count;
  return are_new;
}

static volatile uint64_t runs;
static uint64_t runs_at_tick;
static int ticks;
static void (*report_slow)(void);

static void tick(int signal) {
  (void)signal;
  ticks = runs == runs_at_tick ? ticks + 1 : 0;
  runs_at_tick = runs;
  if (ticks > TICKS_MAX) report_slow();
}

void run_watch(void (*too_slow)(void)) {
  report_slow = too_slow;
  signal(SIGPROF, tick);
  struct itimerval interval = {{0, TICK_MICROSECONDS}, {0, TICK_MICROSECONDS}};
  setitimer(ITIMER_PROF, &interval, NULL);
}

const char *trap_text(void) { return text; }

static void describe_trap(int code) {
  const wasm_rt_memory_t *memory = &core.w2c_memory;
  uint32_t at = *w2c_core_abort_file(&core);
  char file[100];
  size_t length = 0;
  for (; at != 0 && length + 1 < sizeof(file) && at + 1 < memory->size && memory->data[at] >= 0x20; at += 2) {
    file[length++] = (char)memory->data[at];
  }
  file[length] = '\0';
  snprintf(text, sizeof(text), "trap %d, reason %u, %s:%u:%u", code, *w2c_core_abort_reason(&core), file,
           *w2c_core_abort_line(&core), *w2c_core_abort_column(&core));
}

static void discard(void) {
  if (is_started) wasm2c_core_free(&core);
  is_started = false;
  host.call_depth = 0;
}

static outcome perform(int target, uint8_t *bytes, uint32_t size, bool fix) {
  if (!is_started) {
    memset(&core, 0, sizeof(core));
    is_started = true;
    wasm2c_core_instantiate(&core, &host);
  }
  host_reset(&core);
  uint32_t pointer = w2c_core_fuzz_input(&core, size);
  memcpy(core.w2c_memory.data + pointer, bytes, size);
  if (fix) {
    w2c_core_fuzz_fix(&core, (uint32_t)target, pointer, size);
    memcpy(bytes, core.w2c_memory.data + pointer, size);
  }
  former_place = 0;
  return (outcome)w2c_core_fuzz_run(&core, (uint32_t)target, pointer, size);
}

outcome run_input(int target, uint8_t *bytes, uint32_t size, bool fix) {
  jmp_buf guard;
  runs++;
  wasm_rt_trap_target = &guard;
  int trap = WASM_RT_SETJMP(guard);
  if (trap != 0) {
    describe_trap(trap);
    discard();
    return TRAPPED;
  }
  outcome outcome = perform(target, bytes, size, fix);
  if (core.w2c_memory.size <= MEMORY_MAX) return outcome;
  snprintf(text, sizeof(text), "%llu bytes of linear memory", (unsigned long long)core.w2c_memory.size);
  discard();
  return TOO_MUCH_MEMORY;
}
