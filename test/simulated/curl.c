/*
 * curl.c: stands in for libcurl. The library that is built from this folder has libcurl's soname, so the extension,
 * which opens libcurl by that name at its first request, gets this one when it is loaded already. A request is handed
 * to the coroutine that makes it (coroutine.h), whose starter decides what comes back. Types and numbers are libcurl's.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "coroutine.h"

enum {
  OPTION_HTTPGET = 80,
  OPTION_POST = 47,
  OPTION_WRITEDATA = 10001,
  OPTION_URL = 10002,
  OPTION_ERRORBUFFER = 10010,
  OPTION_POSTFIELDS = 10015,
  OPTION_HTTPHEADER = 10023,
  OPTION_HEADERDATA = 10029,
  OPTION_WRITEFUNCTION = 20011,
  OPTION_HEADERFUNCTION = 20079,
  OPTION_POSTFIELDSIZE_LARGE = 30120,
  TYPE_POINTER = 10000,
  TYPE_FUNCTION = 20000,
  TYPE_LARGE = 30000,

  INFO_RESPONSE_CODE = 0x200002,
  INFO_CONTENT_TYPE = 0x100012,
  INFO_RETRY_AFTER = 0x600039,

  CODE_OK = 0,
  CODE_COULDNT_CONNECT = 7,
  CODE_WRITE_ERROR = 23,

  ERROR_TEXT_SIZE = 256,
  HEADERS_SIZE = 4096,
  /** Bodies come in pieces of this size. */
  PIECE_SIZE = 1000,
};

struct curl_slist {
  char *line;
  struct curl_slist *next;
};

typedef size_t (*write_function)(char *data, size_t one, size_t size, void *context);

typedef struct {
  http_question question;
  const struct curl_slist *lines;
  char headers[HEADERS_SIZE];
  char *error_text;
  write_function write;
  void *write_context;
  write_function header;
  void *header_context;
  long status;
  int64_t retry_after;
  char content_type[128];
} easy;

int curl_global_init(long flags);
void *curl_easy_init(void);
int curl_easy_setopt(void *handle, int option, ...);
int curl_easy_perform(void *handle);
int curl_easy_getinfo(void *handle, int info, ...);
const char *curl_easy_strerror(int code);
void curl_easy_reset(void *handle);
void curl_easy_cleanup(void *handle);
struct curl_slist *curl_slist_append(struct curl_slist *list, const char *line);
void curl_slist_free_all(struct curl_slist *list);

int curl_global_init(long flags) {
  (void)flags;
  return CODE_OK;
}

void *curl_easy_init(void) { return calloc(1, sizeof(easy)); }

void curl_easy_cleanup(void *handle) { free(handle); }

void curl_easy_reset(void *handle) { memset(handle, 0, sizeof(easy)); }

static void set_pointer(easy *easy, int option, void *value) {
  if (option == OPTION_URL) easy->question.url = value;
  if (option == OPTION_ERRORBUFFER) easy->error_text = value;
  if (option == OPTION_POSTFIELDS) easy->question.body = value;
  if (option == OPTION_HTTPHEADER) easy->lines = value;
  if (option == OPTION_WRITEDATA) easy->write_context = value;
  if (option == OPTION_HEADERDATA) easy->header_context = value;
}

int curl_easy_setopt(void *handle, int option, ...) {
  easy *easy = handle;
  va_list arguments;
  va_start(arguments, option);
  if (option >= TYPE_LARGE) {
    int64_t value = va_arg(arguments, int64_t);
    if (option == OPTION_POSTFIELDSIZE_LARGE) easy->question.body_size = (uint32_t)value;
  } else if (option >= TYPE_FUNCTION) {
    write_function value = va_arg(arguments, write_function);
    if (option == OPTION_WRITEFUNCTION) easy->write = value;
    if (option == OPTION_HEADERFUNCTION) easy->header = value;
  } else if (option >= TYPE_POINTER) {
    set_pointer(easy, option, va_arg(arguments, void *));
  } else {
    long value = va_arg(arguments, long);
    if (option == OPTION_POST) easy->question.is_post = value != 0;
    if (option == OPTION_HTTPGET && value != 0) easy->question.is_post = false;
  }
  va_end(arguments);
  return CODE_OK;
}

static void join_headers(easy *easy) {
  size_t used = 0;
  for (const struct curl_slist *each = easy->lines; each != NULL; each = each->next) {
    size_t size = strlen(each->line);
    if (used + size + 2 > HEADERS_SIZE) abort();
    memcpy(easy->headers + used, each->line, size);
    easy->headers[used + size] = '\n';
    used += size + 1;
  }
  easy->headers[used] = '\0';
  easy->question.headers = easy->headers;
}

static void copy_short(char *target, size_t size, const char *text) {
  size_t length = strlen(text);
  if (length >= size) length = size - 1;
  memcpy(target, text, length);
  target[length] = '\0';
}

int curl_easy_perform(void *handle) {
  easy *easy = handle;
  join_headers(easy);
  const http_reply *reply = coroutine_ask(&easy->question);
  if (reply == NULL) return CODE_COULDNT_CONNECT;
  if (reply->status == 0) {
    if (easy->error_text != NULL) copy_short(easy->error_text, ERROR_TEXT_SIZE, reply->text);
    return reply->code;
  }
  easy->status = reply->status;
  easy->retry_after = reply->retry_after;
  copy_short(easy->content_type, sizeof(easy->content_type), reply->text);
  char header_end[] = "\r\n";
  if (easy->header(header_end, 1, 2, easy->header_context) != 2) return CODE_WRITE_ERROR;
  for (uint32_t at = 0; at < reply->body_size;) {
    uint32_t size = reply->body_size - at < PIECE_SIZE ? reply->body_size - at : PIECE_SIZE;
    char piece[PIECE_SIZE];
    memcpy(piece, (const char *)reply->body + at, size);
    if (easy->write(piece, 1, size, easy->write_context) != size) return CODE_WRITE_ERROR;
    at += size;
  }
  /* A connection that breaks in the middle of the body. */
  return reply->code;
}

int curl_easy_getinfo(void *handle, int info, ...) {
  easy *easy = handle;
  va_list arguments;
  va_start(arguments, info);
  if (info == INFO_RESPONSE_CODE) *va_arg(arguments, long *) = easy->status;
  if (info == INFO_RETRY_AFTER) *va_arg(arguments, int64_t *) = easy->retry_after;
  if (info == INFO_CONTENT_TYPE) *va_arg(arguments, const char **) = easy->content_type;
  va_end(arguments);
  return CODE_OK;
}

const char *curl_easy_strerror(int code) {
  return code == CODE_COULDNT_CONNECT ? "could not connect" : "the transfer failed";
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *line) {
  struct curl_slist *added = malloc(sizeof(*added));
  char *copy = malloc(strlen(line) + 1);
  if (added == NULL || copy == NULL) abort();
  memcpy(copy, line, strlen(line) + 1);
  *added = (struct curl_slist){copy, NULL};
  struct curl_slist **end = &list;
  while (*end != NULL) end = &(*end)->next;
  *end = added;
  return list;
}

void curl_slist_free_all(struct curl_slist *list) {
  while (list != NULL) {
    struct curl_slist *next = list->next;
    free(list->line);
    free(list);
    list = next;
  }
}
