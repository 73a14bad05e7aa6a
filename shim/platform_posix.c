/*
 * platform_posix.c: platform.h for Linux, macOS and other POSIX systems.
 */
#include "platform.h"

#include <dlfcn.h>
#include <unistd.h>

#if defined(__APPLE__)
const char *const platform_curl_names[] = {"libcurl.4.dylib", "libcurl.dylib", NULL};
#else
const char *const platform_curl_names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4",
                                           "libcurl.so", NULL};
#endif

void *platform_library_open(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }

void *platform_library_symbol(void *library, const char *name) { return dlsym(library, name); }

FILE *platform_file_open(const char *path, bool for_writing) {
  /* "e": the descriptor is closed in programs that the application starts meanwhile. */
  return fopen(path, for_writing ? "wbe" : "rbe");
}

bool platform_file_sync(FILE *file) { return fflush(file) == 0 && fsync(fileno(file)) == 0; }

bool platform_file_rename(const char *from, const char *to) { return rename(from, to) == 0; }

bool platform_file_remove(const char *path) { return unlink(path) == 0; }
