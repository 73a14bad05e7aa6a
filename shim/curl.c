/*
 * curl.c: finds libcurl at the first network call. It is never unloaded: the TLS libraries below it do not
 * survive that.
 */
#include "curl.h"

#include <string.h>

#include "platform.h"
#include "sqlite.h"

static curl_functions functions;
static bool loaded;

/** Takes a function's address out of the library. A copy by bytes, as C has no cast from object to function. */
static bool take(void *library, const char *name, void *function) {
  void *address = platform_library_symbol(library, name);
  memcpy(function, &address, sizeof(address));
  return address != NULL;
}

static bool take_all(void *library) {
  return take(library, "curl_global_init", &functions.global_init) &&
         take(library, "curl_easy_init", &functions.easy_init) &&
         take(library, "curl_easy_setopt", &functions.easy_setopt) &&
         take(library, "curl_easy_perform", &functions.easy_perform) &&
         take(library, "curl_easy_getinfo", &functions.easy_getinfo) &&
         take(library, "curl_easy_strerror", &functions.easy_strerror) &&
         take(library, "curl_easy_reset", &functions.easy_reset) &&
         take(library, "curl_easy_cleanup", &functions.easy_cleanup) &&
         take(library, "curl_slist_append", &functions.slist_append) &&
         take(library, "curl_slist_free_all", &functions.slist_free_all) &&
         functions.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const curl_functions *curl_load(void) {
  /* SQLite's own mutex for extensions: connections on several threads may come here at once. */
  sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
  sqlite3_mutex_enter(mutex);
  for (int name = 0; !loaded && platform_curl_names[name] != NULL; name++) {
    void *library = platform_library_open(platform_curl_names[name]);
    loaded = library != NULL && take_all(library);
  }
  bool is_usable = loaded;
  sqlite3_mutex_leave(mutex);
  return is_usable ? &functions : NULL;
}
