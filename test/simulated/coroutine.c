/*
 * coroutine.c: coroutine.h, by ucontext, and its SQL functions:
 *
 *     simulated_register(device)         on a connection of the device: this is the one that runs its SQL. The device
 *                                        has the name of its disk
 *     simulated_start(device, sql)       on any other connection: runs the SQL until it waits or ends
 *     simulated_resume(device, status, code, retry_after, text, body)   goes on, after a request with this reply
 *     simulated_forget(device)           after the SQL has ended: the connection is going to be closed
 *
 * start and resume answer with a BLOB: a byte that says what for the device stopped (below), an int32 that belongs to
 * it, and three texts or blobs, each after its size as uint32; all little endian.
 *
 *     1  request    is it a POST     URL          headers    body
 *     2  sleep      microseconds     -            -          -
 *     3  end        result code      result       error      -
 */
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "coroutine.h"

enum { STOPPED_TO_ASK = 1, STOPPED_TO_SLEEP = 2, STOPPED_AT_END = 3 };
enum { STACK_SIZE = 1024 * 1024, NAME_SIZE = 32, DEVICES_MAX = 64 };

typedef struct {
  char name[NAME_SIZE];
  sqlite3 *database;
  disk *disk;
  bool is_running;
  ucontext_t inside;
  ucontext_t outside;
  void *stack;
  char *sql;
  int stopped;
  int number;
  http_question question;
  http_reply reply;
  char *result;
  char *error;
} device;

static device devices[DEVICES_MAX];
static device *current;

static device *find(const char *name) {
  for (int i = 0; i < DEVICES_MAX; i++) {
    if (devices[i].database != NULL && strcmp(devices[i].name, name) == 0) return &devices[i];
  }
  return NULL;
}

/** Gives control back to the starter until somebody resumes. */
static void stop(device *device, int why, int number) {
  device->stopped = why;
  device->number = number;
  current = NULL;
  swapcontext(&device->inside, &device->outside);
}

const http_reply *coroutine_ask(const http_question *question) {
  device *device = current;
  if (device == NULL) return NULL;
  device->question = *question;
  stop(device, STOPPED_TO_ASK, question->is_post);
  return &device->reply;
}

/** Sleeps of whoever is no coroutine only move the clock. */
static int sleep_in_coroutine(void *context, int microseconds) {
  device *device = context;
  if (device != current) {
    disk_set_clock(device->disk, disk_clock(device->disk) + microseconds);
    return microseconds;
  }
  stop(device, STOPPED_TO_SLEEP, microseconds);
  return microseconds;
}

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  if (copy == NULL) abort();
  return memcpy(copy, text, size);
}

/** The body of every coroutine: one statement, whose first value is the result. */
static void run(void) {
  device *device = current;
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(device->database, device->sql, -1, &statement, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const char *text = (const char *)sqlite3_column_text(statement, 0);
      device->result = copy_text(text == NULL ? "" : text);
      code = SQLITE_OK;
    }
  }
  if (code != SQLITE_OK && code != SQLITE_DONE) device->error = copy_text(sqlite3_errmsg(device->database));
  sqlite3_finalize(statement);
  device->is_running = false;
  stop(device, STOPPED_AT_END, code);
}

static void put_number(uint8_t **at, uint32_t number) {
  for (int i = 0; i < 4; i++) *(*at)++ = (uint8_t)(number >> (8 * i));
}

static void put_bytes(uint8_t **at, const void *bytes, uint32_t size) {
  put_number(at, size);
  if (size > 0) memcpy(*at, bytes, size);
  *at += size;
}

static void answer(sqlite3_context *context, const device *device) {
  bool asks = device->stopped == STOPPED_TO_ASK;
  bool ended = device->stopped == STOPPED_AT_END;
  const char *first = asks ? device->question.url : ended && device->result != NULL ? device->result : "";
  const char *second = asks ? device->question.headers : ended && device->error != NULL ? device->error : "";
  uint32_t body_size = asks ? device->question.body_size : 0;
  uint32_t sizes[2] = {(uint32_t)strlen(first), (uint32_t)strlen(second)};
  size_t size = 17 + sizes[0] + sizes[1] + body_size;
  uint8_t *bytes = malloc(size);
  if (bytes == NULL) abort();
  uint8_t *at = bytes;
  *at++ = (uint8_t)device->stopped;
  put_number(&at, (uint32_t)device->number);
  put_bytes(&at, first, sizes[0]);
  put_bytes(&at, second, sizes[1]);
  put_bytes(&at, device->question.body, body_size);
  sqlite3_result_blob64(context, bytes, size, free);
}

static void switch_to(sqlite3_context *context, device *device) {
  if (current != NULL) {
    sqlite3_result_error(context, "a device cannot run inside another one", -1);
    return;
  }
  disk_set_default(device->disk);
  current = device;
  swapcontext(&device->outside, &device->inside);
  answer(context, device);
}

static void free_texts(device *device) {
  free(device->sql);
  free(device->result);
  free(device->error);
  device->sql = device->result = device->error = NULL;
}

static void register_function(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  const char *name = (const char *)sqlite3_value_text(values[0]);
  disk *disk = name == NULL ? NULL : disk_named(name);
  device *free_place = NULL;
  for (int i = 0; i < DEVICES_MAX && free_place == NULL; i++) {
    if (devices[i].database == NULL) free_place = &devices[i];
  }
  if (disk == NULL || strlen(name) >= NAME_SIZE || find(name) != NULL || free_place == NULL) {
    sqlite3_result_error(context, "simulated_register: no such disk, registered already, or too many", -1);
    return;
  }
  device *device = free_place;
  memcpy(device->name, name, strlen(name) + 1);
  device->database = sqlite3_context_db_handle(context);
  device->disk = disk;
  disk_set_sleep_hook(disk, sleep_in_coroutine, device);
}

/** The device that a function names first, or NULL after an error. */
static device *device_of(sqlite3_context *context, sqlite3_value *name, bool is_running) {
  const char *text = (const char *)sqlite3_value_text(name);
  device *device = text == NULL ? NULL : find(text);
  if (device == NULL || device->is_running != is_running) {
    sqlite3_result_error(context, "no such device, or it is not in the state for this", -1);
    return NULL;
  }
  return device;
}

static void start_function(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  device *device = device_of(context, values[0], false);
  const char *sql = (const char *)sqlite3_value_text(values[1]);
  if (device == NULL || sql == NULL) return;
  if (device->stack == NULL) device->stack = malloc(STACK_SIZE);
  if (device->stack == NULL || getcontext(&device->inside) != 0) abort();
  free_texts(device);
  device->sql = copy_text(sql);
  device->is_running = true;
  device->inside.uc_stack.ss_sp = device->stack;
  device->inside.uc_stack.ss_size = STACK_SIZE;
  device->inside.uc_link = NULL;
  makecontext(&device->inside, run, 0);
  switch_to(context, device);
}

static void resume_function(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  device *device = device_of(context, values[0], true);
  if (device == NULL) return;
  const char *text = (const char *)sqlite3_value_text(values[4]);
  device->reply = (http_reply){
      .status = sqlite3_value_int(values[1]),
      .code = sqlite3_value_int(values[2]),
      .retry_after = sqlite3_value_int(values[3]),
      .text = text == NULL ? "" : text,
      .body = sqlite3_value_blob(values[5]),
      .body_size = (uint32_t)sqlite3_value_bytes(values[5]),
  };
  switch_to(context, device);
}

static void forget_function(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  device *device = device_of(context, values[0], false);
  if (device == NULL) return;
  disk_set_sleep_hook(device->disk, NULL, NULL);
  free_texts(device);
  device->database = NULL;
}

int coroutine_functions(sqlite3 *db) {
  static const struct {
    const char *name;
    int arguments;
    void (*function)(sqlite3_context *, int, sqlite3_value **);
  } functions[] = {
      {"simulated_register", 1, register_function},
      {"simulated_start", 2, start_function},
      {"simulated_resume", 6, resume_function},
      {"simulated_forget", 1, forget_function},
  };
  int code = SQLITE_OK;
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]) && code == SQLITE_OK; i++) {
    code = sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments,
                                      SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, functions[i].function, NULL, NULL,
                                      NULL);
  }
  return code;
}
