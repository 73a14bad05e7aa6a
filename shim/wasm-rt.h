/*
 * wasm-rt.h: the run-time library that C code translated by wasm2c expects, in our own small form.
 *
 * It keeps the sandbox of WebAssembly (every access is checked against the size of the linear memory, the
 * depth of calls and the size of memory are limited) and is fit for a guest in somebody else's process: no
 * signal handlers, no reserved address space, no abort(). What goes wrong becomes a trap: a jump to the
 * guard that call.c set around the entry into the core.
 *
 * The names are given by wasm2c. Tables and function references are declared because the translated code
 * mentions their types; the core uses none, so nothing implements them.
 */
#ifndef CLOUDSYNC_WASM_RT_H
#define CLOUDSYNC_WASM_RT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "cloudsync needs a little-endian processor: linear memory is shared with C as it is"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WASM_RT_NO_RETURN __attribute__((noreturn))
#else
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#define WASM_RT_NO_RETURN __declspec(noreturn)
#endif

#if defined(_MSC_VER)
#define WASM_RT_THREAD_LOCAL __declspec(thread)
#else
#define WASM_RT_THREAD_LOCAL _Thread_local
#endif

/* The BSD forms do not save the signal mask, which would cost a system call at every entry. */
#if defined(__APPLE__)
#define WASM_RT_SETJMP(buffer) _setjmp(buffer)
#define WASM_RT_LONGJMP(buffer, value) _longjmp(buffer, value)
#else
#define WASM_RT_SETJMP(buffer) setjmp(buffer)
#define WASM_RT_LONGJMP(buffer, value) longjmp(buffer, value)
#endif

#define wasm_rt_memcpy memcpy

#define WASM_RT_USE_SEGUE 0
#define WASM_RT_MEMCHECK_GUARD_PAGES 0
#define WASM_RT_SANITY_CHECKS 0

/*
 * Calls are counted per connection, not per thread: a trigger that calls one of our functions while the core
 * runs a statement adds to the depth of the same connection. The core does not recurse; 256 is far above its
 * need and far below what the smallest usual C stack (128 KiB) holds.
 */
#define WASM_RT_STACK_DEPTH_COUNT 1
#define WASM_RT_MAX_CALL_STACK_DEPTH 256
#define wasm_rt_call_stack_depth (instance->w2c_host_instance->call_depth)

/** What translated code reads of the host; connection.h embeds it as its first member. */
struct w2c_host {
  uint32_t call_depth;
};

/** Why the translated code stopped. Numbers from 1, because setjmp returns 0 when it sets the guard. */
typedef enum {
  WASM_RT_TRAP_OOB = 1,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
  WASM_RT_TRAP_EXHAUSTION,
  /** Ours: there is no memory for a new instance. */
  WASM_RT_TRAP_MEMORY,
} wasm_rt_trap_t;

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64 } wasm_rt_type_t;

/** A linear memory. `data` moves when the memory grows. */
typedef struct {
  uint8_t *data;
  uint64_t pages;
  uint64_t max_pages;
  uint64_t size;
} wasm_rt_memory_t;

typedef const char *wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void **instance_ptr, void *tail_call_stack, struct wasm_rt_tailcallee_t *next);
} wasm_rt_tailcallee_t;
typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void *module_instance;
} wasm_rt_funcref_t;
typedef void *wasm_rt_externref_t;
typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t max_size;
  uint32_t size;
} wasm_rt_funcref_table_t;
typedef struct {
  wasm_rt_externref_t *data;
  uint32_t max_size;
  uint32_t size;
} wasm_rt_externref_table_t;
#define wasm_rt_externref_null_value NULL
static const wasm_rt_funcref_t wasm_rt_funcref_null_value = {NULL, NULL, {NULL}, NULL};

/** Where a trap on this thread jumps to; set and restored by the guard in call.c. */
extern WASM_RT_THREAD_LOCAL jmp_buf *wasm_rt_trap_target;

/** Leaves the translated code. Only called between a guard and the code that it guards. */
WASM_RT_NO_RETURN void wasm_rt_trap(wasm_rt_trap_t code);

/** Allocates zeroed memory; traps with WASM_RT_TRAP_MEMORY when there is none. */
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is_64,
                             uint32_t page_size);

/** memory.grow: returns the size before in pages, or 0xFFFFFFFF when the limit or the machine says no. */
uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta_pages);

void wasm_rt_free_memory(wasm_rt_memory_t *memory);

/** Translated code asks in an assertion whether the library is ready; there is nothing to prepare. */
static inline bool wasm_rt_is_initialized(void) { return true; }

#endif
