/*
 * faults.c: replacements (linked with --wrap) for functions of the C library that fail on demand: always for
 * dlopen, and for an allocation while the environment variable CLOUDSYNC_TEST_FAIL has its name.
 */
#include <stdlib.h>
#include <string.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);

static int is_failing(const char *name) {
  const char *wanted = getenv("CLOUDSYNC_TEST_FAIL");
  return wanted != NULL && strcmp(wanted, name) == 0;
}

void *__wrap_dlopen(const char *name, int flags) {
  (void)name;
  (void)flags;
  return NULL;
}

void *__wrap_calloc(size_t count, size_t size) { return is_failing("calloc") ? NULL : __real_calloc(count, size); }

void *__wrap_realloc(void *memory, size_t size) {
  return is_failing("realloc") ? NULL : __real_realloc(memory, size);
}
