/*
 * curl.c: a stand-in for libcurl whose answers come from a file, for fuzzing the network session in one process. It is
 * preloaded under the name libcurl.so.4, so that the extension finds it in place of the real one; it also takes the
 * place of nanosleep(), so that pauses cost no time and can be measured.
 *
 * CLOUDSYNC_FUZZ_ANSWERS names the file of the answers (answers.ts writes it): a generation, the number of answers,
 * then the answers, each for one kind of request. A request takes the next one of its kind; when there is none it is
 * refused for good, which ends the session. CLOUDSYNC_FUZZ_REQUESTS names the file to which the requests are appended.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "curl.h"

/** Kinds of requests by the end of their path. */
static const char *const kinds[] = {"/sites", "/schema", "/push", "/pull", "/wait"};

enum { KINDS = 5, ANSWERS_MAX = 256, FORBIDDEN = 403, COULD_NOT_CONNECT = 7 };

/** As in the file, little endian, without gaps; the content type and the body follow. */
typedef struct __attribute__((packed)) {
  uint8_t kind;
  /** 0, or libcurl's error code. */
  uint8_t transport;
  int32_t status;
  int64_t retry_after;
  uint32_t type_size;
  uint32_t body_size;
} answer_head;

/** As in the file of requests; the body follows. `answer` is the number of the answer, -1 for the refusal. */
typedef struct __attribute__((packed)) {
  uint8_t kind;
  int32_t answer;
  uint32_t slept_milliseconds;
  uint32_t body_size;
} request_head;

typedef struct {
  const answer_head *head;
  bool is_used;
} answer;

/** The one handle that a connection makes. */
typedef struct {
  char url[4096];
  size_t (*write)(char *data, size_t one, size_t size, void *context);
  void *context;
  size_t (*header)(char *line, size_t one, size_t size, void *context);
  void *header_context;
  const char *body;
  int64_t body_size;
  char *error;
  const answer_head *answered;
} handle;

static uint8_t *script;
static size_t script_size;
static uint32_t generation;
static answer answers[ANSWERS_MAX];
static uint32_t answers_count;
static uint64_t slept_nanoseconds;

int nanosleep(const struct timespec *time, struct timespec *left) {
  (void)left;
  slept_nanoseconds += (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
  return 0;
}

/** Takes the answers out of the script; whatever is not whole is left out. */
static void find_answers(void) {
  answers_count = 0;
  for (size_t at = 8; at + sizeof(answer_head) <= script_size && answers_count < ANSWERS_MAX;) {
    const answer_head *head = (const answer_head *)(script + at);
    at += sizeof(answer_head) + head->type_size + head->body_size;
    if (at <= script_size) answers[answers_count++] = (answer){head, false};
  }
}

/** Reads the file of answers again when it is another one. */
static void load_script(void) {
  const char *path = getenv("CLOUDSYNC_FUZZ_ANSWERS");
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  if (file == NULL) return;
  uint32_t current = 0;
  bool is_new = fread(&current, sizeof(current), 1, file) == 1 && (script == NULL || current != generation);
  if (is_new && fseek(file, 0, SEEK_END) == 0) {
    script_size = (size_t)ftell(file);
    rewind(file);
    free(script);
    script = malloc(script_size);
    if (script == NULL || fread(script, 1, script_size, file) != script_size) abort();
    generation = current;
    find_answers();
  }
  fclose(file);
}

static int kind_of(const char *url) {
  const char *end = strchr(url, '?');
  size_t length = end == NULL ? strlen(url) : (size_t)(end - url);
  for (int kind = 0; kind < KINDS; kind++) {
    size_t size = strlen(kinds[kind]);
    if (length >= size && memcmp(url + length - size, kinds[kind], size) == 0) return kind;
  }
  return KINDS;
}

static void record(const handle *handle, int kind, int number) {
  const char *path = getenv("CLOUDSYNC_FUZZ_REQUESTS");
  FILE *file = path == NULL ? NULL : fopen(path, "ab");
  if (file == NULL) return;
  uint32_t size = handle->body == NULL ? 0 : (uint32_t)handle->body_size;
  request_head head = {(uint8_t)kind, number, (uint32_t)(slept_nanoseconds / 1000000), size};
  slept_nanoseconds = 0;
  if (fwrite(&head, sizeof(head), 1, file) != 1 || fwrite(handle->body, 1, size, file) != size) abort();
  fclose(file);
}

int curl_global_init(long flags) { return (void)flags, CURLE_OK; }

CURL *curl_easy_init(void) { return calloc(1, sizeof(handle)); }

static void set_pointer(handle *handle, int option, void *value) {
  if (option == CURLOPT_URL) snprintf(handle->url, sizeof(handle->url), "%s", (const char *)value);
  if (option == CURLOPT_WRITEDATA) handle->context = value;
  if (option == CURLOPT_POSTFIELDS) handle->body = value;
  if (option == CURLOPT_ERRORBUFFER) handle->error = value;
  if (option == CURLOPT_WRITEFUNCTION) memcpy(&handle->write, &value, sizeof(value));
  if (option == CURLOPT_HEADERFUNCTION) memcpy(&handle->header, &value, sizeof(value));
  if (option == CURLOPT_HEADERDATA) handle->header_context = value;
}

int curl_easy_setopt(CURL *curl, int option, ...) {
  handle *handle = curl;
  va_list values;
  va_start(values, option);
  if (option == CURLOPT_POSTFIELDSIZE_LARGE) handle->body_size = va_arg(values, int64_t);
  else if (option >= 10000 && option < 30000) set_pointer(handle, option, va_arg(values, void *));
  va_end(values);
  return CURLE_OK;
}

/** Hands the body over in pieces of growing size, as a network does. */
static bool deliver(handle *handle, const char *body, uint32_t size) {
  for (uint32_t at = 0, piece = 1; at < size; at += piece, piece *= 4) {
    if (piece > size - at) piece = size - at;
    if (handle->write((char *)(uintptr_t)(body + at), 1, piece, handle->context) != piece) return false;
  }
  return true;
}

int curl_easy_perform(CURL *curl) {
  handle *handle = curl;
  load_script();
  int kind = kind_of(handle->url);
  int number = -1;
  for (uint32_t i = 0; i < answers_count && number < 0; i++) {
    if (!answers[i].is_used && answers[i].head->kind == kind) number = (int)i;
  }
  record(handle, kind, number);
  handle->answered = number < 0 ? NULL : answers[number].head;
  char header_end[] = "\r\n";
  if (number < 0) {
    handle->header(header_end, 1, 2, handle->header_context);
    return CURLE_OK;
  }
  answers[number].is_used = true;
  const answer_head *head = answers[number].head;
  if (head->transport != 0) return head->transport;
  handle->header(header_end, 1, 2, handle->header_context);
  const char *body = (const char *)(head + 1) + head->type_size;
  return deliver(handle, body, head->body_size) ? CURLE_OK : COULD_NOT_CONNECT;
}

int curl_easy_getinfo(CURL *curl, int info, ...) {
  static char type[256];
  const answer_head *head = ((handle *)curl)->answered;
  va_list values;
  va_start(values, info);
  if (info == CURLINFO_RESPONSE_CODE) *va_arg(values, long *) = head == NULL ? FORBIDDEN : head->status;
  if (info == CURLINFO_RETRY_AFTER) *va_arg(values, int64_t *) = head == NULL ? 0 : head->retry_after;
  if (info == CURLINFO_CONTENT_TYPE) {
    uint32_t size = head == NULL ? 0 : head->type_size;
    if (size >= sizeof(type)) size = sizeof(type) - 1;
    if (head != NULL) memcpy(type, head + 1, size);
    type[size] = '\0';
    *va_arg(values, const char **) = size == 0 ? NULL : type;
  }
  va_end(values);
  return CURLE_OK;
}

const char *curl_easy_strerror(int code) { return (void)code, "a failure of the transport"; }

void curl_easy_reset(CURL *curl) {
  handle *handle = curl;
  handle->body = NULL;
  handle->body_size = 0;
}

void curl_easy_cleanup(CURL *curl) { free(curl); }

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *line) {
  static char item;
  return (void)list, (void)line, (struct curl_slist *)&item;
}

void curl_slist_free_all(struct curl_slist *list) { (void)list; }
