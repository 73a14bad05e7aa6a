/*
 * runtime.c: traps and linear memory for the translated core; wasm-rt.h says what is special about it.
 */
#include <stdlib.h>

#include "wasm-rt.h"

enum { PAGE_SIZE_BYTES = 65536 };

WASM_RT_THREAD_LOCAL jmp_buf *wasm_rt_trap_target;

void wasm_rt_trap(wasm_rt_trap_t code) { WASM_RT_LONGJMP(*wasm_rt_trap_target, (int)code); }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is_64,
                             uint32_t page_size) {
  (void)is_64;
  (void)page_size;
  memory->data = calloc((size_t)pages, PAGE_SIZE_BYTES);
  if (memory->data == NULL) wasm_rt_trap(WASM_RT_TRAP_MEMORY);
  memory->pages = pages;
  memory->max_pages = max_pages;
  memory->size = pages * PAGE_SIZE_BYTES;
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta_pages) {
  const uint64_t refused = UINT32_MAX;
  uint64_t old_pages = memory->pages;
  if (delta_pages > memory->max_pages - old_pages) return refused;
  uint64_t new_size = (old_pages + delta_pages) * PAGE_SIZE_BYTES;
  uint8_t *data = realloc(memory->data, (size_t)new_size);
  if (data == NULL) return refused;
  memset(data + memory->size, 0, (size_t)(new_size - memory->size));
  memory->data = data;
  memory->pages = old_pages + delta_pages;
  memory->size = new_size;
  return old_pages;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  free(memory->data);
  memory->data = NULL;
  memory->pages = 0;
  memory->size = 0;
}
