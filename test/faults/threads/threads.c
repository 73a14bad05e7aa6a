/*
 * threads.c: connections on several threads at once, for ThreadSanitizer: each thread has connections of its own, to a
 * file of its own and to one that all share, in WAL mode. All load the extension at the same moment, and ask for
 * libcurl at the same moment; then they write, fold, make packets and merge those of the others. Prints the rounds.
 *
 *     threads FOLDER THREADS ROUNDS
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"

int sqlite3_cloudsync_init(sqlite3 *database, char **error, const void *api);

/*
 * SQLite reads the head of the shared wal-index without a lock, on purpose, and checks what it has read; it tells only
 * clang's ThreadSanitizer so (SQLITE_NO_TSAN). None of these functions calls the extension.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
  return "race:^walIndexRecover$\nrace:^walIndexWriteHdr$\nrace:^walIndexTryHdr$\n";
}

enum { THREADS_MAX = 64, BUSY_MILLISECONDS = 120000 };

/** The newest packets of a thread, which the others merge. */
typedef struct {
  pthread_mutex_t mutex;
  void *data;
  int size;
} mailbox;

typedef struct {
  int number;
  int threads;
  int rounds;
  const char *folder;
} worker;

static mailbox mailboxes[THREADS_MAX];
static pthread_barrier_t start;

static void stop(const char *what, sqlite3 *database) {
  fprintf(stderr, "threads: %s: %s\n", what, database == NULL ? "" : sqlite3_errmsg(database));
  exit(1);
}

static void run(sqlite3 *database, const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) stop(sql, database);
}

static sqlite3 *open_file(const char *folder, const char *name) {
  char path[512];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  sqlite3 *database = NULL;
  if (sqlite3_open(path, &database) != SQLITE_OK) stop(path, database);
  sqlite3_busy_timeout(database, BUSY_MILLISECONDS);
  if (sqlite3_cloudsync_init(database, NULL, NULL) != SQLITE_OK) stop("the extension", database);
  run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                "CREATE TABLE IF NOT EXISTS note(id TEXT PRIMARY KEY NOT NULL, text TEXT, count INTEGER);"
                "SELECT cloudsync_init('note')");
  return database;
}

/** Leaves the packets of this thread for the others. */
static void send(const worker *worker, sqlite3 *database) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, "SELECT cloudsync_payload_encode()", -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW) {
    stop("encode", database);
  }
  int size = sqlite3_column_bytes(statement, 0);
  void *copy = malloc((size_t)size + 1);
  if (copy == NULL) stop("no memory", NULL);
  if (size > 0) memcpy(copy, sqlite3_column_blob(statement, 0), (size_t)size);
  sqlite3_finalize(statement);
  mailbox *box = &mailboxes[worker->number];
  pthread_mutex_lock(&box->mutex);
  free(box->data);
  box->data = copy;
  box->size = size;
  pthread_mutex_unlock(&box->mutex);
}

/** Merges what the next thread has left. */
static void receive(const worker *worker, sqlite3 *database) {
  mailbox *box = &mailboxes[(worker->number + 1) % worker->threads];
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, "SELECT cloudsync_payload_apply(?1)", -1, &statement, NULL) != SQLITE_OK) {
    stop("apply", database);
  }
  pthread_mutex_lock(&box->mutex);
  sqlite3_bind_blob(statement, 1, box->data, box->size, SQLITE_TRANSIENT);
  bool has_some = box->size > 0;
  pthread_mutex_unlock(&box->mutex);
  if (has_some && sqlite3_step(statement) != SQLITE_ROW) stop("apply", database);
  sqlite3_finalize(statement);
}

static void write_rows(const worker *worker, sqlite3 *database, int round) {
  char *sql = sqlite3_mprintf("INSERT INTO note VALUES('%d-%d', hex(randomblob(20)), %d) ON CONFLICT DO NOTHING;"
                              "UPDATE note SET count = count + 1 WHERE id LIKE '%%%d';"
                              "DELETE FROM note WHERE count > 40",
                              worker->number, round % 50, round, round % 10);
  run(database, sql);
  sqlite3_free(sql);
}

static void *work(void *argument) {
  const worker *worker = argument;
  char name[64];
  snprintf(name, sizeof(name), "own-%d.db", worker->number);
  pthread_barrier_wait(&start);
  sqlite3 *own = open_file(worker->folder, name);
  sqlite3 *shared = open_file(worker->folder, "shared.db");
  run(own, "SELECT cloudsync_network_init('http://127.0.0.1:1/none')");
  pthread_barrier_wait(&start);
  /* Nobody listens there; what counts is that all threads load libcurl now. */
  sqlite3_exec(own, "SELECT cloudsync_network_sync(0, 0)", NULL, NULL, NULL);
  for (int round = 0; round < worker->rounds; round++) {
    write_rows(worker, own, round);
    write_rows(worker, shared, round);
    run(shared, "SELECT cloudsync_db_version()");
    send(worker, own);
    receive(worker, own);
    receive(worker, shared);
    if (round % 5 == 4) {
      sqlite3_close(shared);
      shared = open_file(worker->folder, "shared.db");
    }
  }
  if (sqlite3_close(own) != SQLITE_OK || sqlite3_close(shared) != SQLITE_OK) stop("close", own);
  return NULL;
}

static void check_shared(const char *folder) {
  sqlite3 *database = open_file(folder, "shared.db");
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW ||
      strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0) {
    stop("the shared file is damaged", database);
  }
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

int main(int count, char **arguments) {
  int threads = count == 4 ? atoi(arguments[2]) : 0;
  if (threads < 1 || threads > THREADS_MAX) stop("usage: threads FOLDER THREADS ROUNDS", NULL);
  /* SQLite looks at its flag "initialized" without a lock first, on purpose; that is not what is looked for here. */
  if (sqlite3_initialize() != SQLITE_OK) stop("SQLite does not start", NULL);
  static worker workers[THREADS_MAX];
  pthread_t handles[THREADS_MAX];
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  for (int index = 0; index < threads; index++) pthread_mutex_init(&mailboxes[index].mutex, NULL);
  for (int index = 0; index < threads; index++) {
    workers[index] = (worker){index, threads, atoi(arguments[3]), arguments[1]};
    if (pthread_create(&handles[index], NULL, work, &workers[index]) != 0) stop("no thread", NULL);
  }
  for (int index = 0; index < threads; index++) pthread_join(handles[index], NULL);
  check_shared(arguments[1]);
  for (int index = 0; index < threads; index++) free(mailboxes[index].data);
  printf("%d\n", threads * atoi(arguments[3]));
  return 0;
}
