/*
 * curl.h: the part of libcurl's stable binary interface that we use, and its loading at run time, so that the
 * extension can be built without libcurl's headers and loaded where libcurl is missing.
 */
#ifndef CLOUDSYNC_CURL_H
#define CLOUDSYNC_CURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void CURL;
struct curl_slist;

/** Options and facts by libcurl's numbers; a number says what type its value has: 0 long, 10000 pointer,
 * 20000 function, 30000 64-bit integer. */
enum {
  CURLOPT_POST = 47,
  CURLOPT_NOPROGRESS = 43,
  CURLOPT_FOLLOWLOCATION = 52,
  CURLOPT_SSL_VERIFYPEER = 64,
  CURLOPT_HTTPGET = 80,
  CURLOPT_SSL_VERIFYHOST = 81,
  CURLOPT_NOSIGNAL = 99,
  CURLOPT_TIMEOUT_MS = 155,
  CURLOPT_CONNECTTIMEOUT_MS = 156,
  CURLOPT_PROTOCOLS = 181,
  CURLOPT_WRITEDATA = 10001,
  CURLOPT_URL = 10002,
  CURLOPT_ERRORBUFFER = 10010,
  CURLOPT_POSTFIELDS = 10015,
  CURLOPT_USERAGENT = 10018,
  CURLOPT_HTTPHEADER = 10023,
  CURLOPT_HEADERDATA = 10029,
  CURLOPT_XFERINFODATA = 10057,
  CURLOPT_WRITEFUNCTION = 20011,
  CURLOPT_HEADERFUNCTION = 20079,
  CURLOPT_XFERINFOFUNCTION = 20219,
  CURLOPT_POSTFIELDSIZE_LARGE = 30120,

  CURLINFO_RESPONSE_CODE = 0x200002,
  CURLINFO_CONTENT_TYPE = 0x100012,
  CURLINFO_RETRY_AFTER = 0x600039,

  CURLPROTO_HTTP = 1,
  CURLPROTO_HTTPS = 2,

  CURLE_OK = 0,
  CURL_ERROR_SIZE = 256,
  CURL_GLOBAL_DEFAULT = 3,
};

/** libcurl's functions; their types are libcurl's own, with int for its enumerations. */
typedef struct {
  int (*global_init)(long flags);
  CURL *(*easy_init)(void);
  int (*easy_setopt)(CURL *curl, int option, ...);
  int (*easy_perform)(CURL *curl);
  int (*easy_getinfo)(CURL *curl, int info, ...);
  const char *(*easy_strerror)(int code);
  void (*easy_reset)(CURL *curl);
  void (*easy_cleanup)(CURL *curl);
  struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
  void (*slist_free_all)(struct curl_slist *list);
} curl_functions;

/** libcurl's functions, loaded at the first call in this process. NULL when there is no usable libcurl. */
const curl_functions *curl_load(void);

#endif
