/*
 * points.c: a loadable library for tests: a VFS around the default one that counts what SQLite does to its files and
 * kills the process with SIGKILL at one of these points. So every place between two steps of the product can be
 * reached, and the product needs no hook for it. Once loaded it stays, as the default VFS of the whole process.
 *
 *     POINTS_KILL=kind-file:number:where   dies at the number-th call (from 1) of that kind on that sort of file;
 *                                          kind: open write sync truncate delete lock shmlock, or `any` for all;
 *                                          file: main wal journal other, or `any`; where: before after half
 *     POINTS_COUNT=path                    writes the counts there when the process ends by itself
 *
 * `half` is for writes: the first half of the bytes gets to the file. Syncs are counted and not done: what the
 * operating system has survives a kill, and only a loss of power would need more.
 */
#include <sqlite3ext.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SQLITE_EXTENSION_INIT1

enum kind { OPEN, WRITE, SYNC, TRUNCATE, DELETE, LOCK, SHMLOCK, KINDS };
enum sort { MAIN, WAL, JOURNAL, OTHER, SORTS };
enum where { BEFORE, AFTER, HALF };

/** The place of this lock among those of the WAL index; SQLite's file format documents it. */
enum { WAL_WRITE_LOCK = 0 };

static const char *const kind_names[KINDS] = {"open", "write", "sync", "truncate", "delete", "lock", "shmlock"};
static const char *const sort_names[SORTS] = {"main", "wal", "journal", "other"};
static const char *const where_names[] = {"before", "after", "half"};

static atomic_long counts[KINDS][SORTS];
static atomic_long wanted_so_far;

/** What was asked for by POINTS_KILL; -1 stands for `any`, number 0 for never. */
static struct {
  int kind;
  int sort;
  long number;
  enum where where;
} wanted;

/** An open file: the real one lies behind this in memory. */
typedef struct {
  sqlite3_file base;
  sqlite3_file *real;
  enum sort sort;
} file;

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/** Counts a call. True when it is the one to die at, and it is for the caller to say where in it. */
static int is_the_point(enum kind kind, enum sort sort) {
  atomic_fetch_add(&counts[kind][sort], 1);
  if (wanted.number == 0 || (wanted.kind >= 0 && wanted.kind != (int)kind)) return 0;
  if (wanted.sort >= 0 && wanted.sort != (int)sort) return 0;
  return atomic_fetch_add(&wanted_so_far, 1) + 1 == wanted.number;
}

/** Runs one call with the chance to die before or after it. */
#define AT_POINT(kind, sort, call)                                 \
  do {                                                             \
    int is_point = is_the_point((kind), (sort));                   \
    if (is_point && wanted.where != AFTER) die();                  \
    int code = (call);                                             \
    if (is_point) die();                                           \
    return code;                                                   \
  } while (0)

static file *opened(sqlite3_file *base) { return (file *)base; }
static sqlite3_file *real_of(sqlite3_file *base) { return opened(base)->real; }

static int close_file(sqlite3_file *base) { return real_of(base)->pMethods->xClose(real_of(base)); }

static int read_file(sqlite3_file *base, void *buffer, int size, sqlite3_int64 offset) {
  return real_of(base)->pMethods->xRead(real_of(base), buffer, size, offset);
}

static int write_file(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset) {
  sqlite3_file *real = real_of(base);
  int is_point = is_the_point(WRITE, opened(base)->sort);
  if (is_point && wanted.where == BEFORE) die();
  int written = is_point && wanted.where == HALF ? size / 2 : size;
  int code = real->pMethods->xWrite(real, bytes, written, offset);
  if (is_point) die();
  return code;
}

static int truncate_file(sqlite3_file *base, sqlite3_int64 size) {
  AT_POINT(TRUNCATE, opened(base)->sort, real_of(base)->pMethods->xTruncate(real_of(base), size));
}

static int sync_file(sqlite3_file *base, int flags) {
  (void)flags;
  AT_POINT(SYNC, opened(base)->sort, SQLITE_OK);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
  return real_of(base)->pMethods->xFileSize(real_of(base), size);
}

/** Locks for writing only: a reader that dies leaves nothing behind. */
static int lock_file(sqlite3_file *base, int level) {
  sqlite3_file *real = real_of(base);
  if (level < SQLITE_LOCK_RESERVED) return real->pMethods->xLock(real, level);
  AT_POINT(LOCK, opened(base)->sort, real->pMethods->xLock(real, level));
}

static int unlock_file(sqlite3_file *base, int level) {
  return real_of(base)->pMethods->xUnlock(real_of(base), level);
}

static int check_reserved(sqlite3_file *base, int *result) {
  return real_of(base)->pMethods->xCheckReservedLock(real_of(base), result);
}

static int control(sqlite3_file *base, int operation, void *argument) {
  return real_of(base)->pMethods->xFileControl(real_of(base), operation, argument);
}

static int sector_size(sqlite3_file *base) { return real_of(base)->pMethods->xSectorSize(real_of(base)); }

static int characteristics(sqlite3_file *base) {
  return real_of(base)->pMethods->xDeviceCharacteristics(real_of(base));
}

static int shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **memory) {
  return real_of(base)->pMethods->xShmMap(real_of(base), page, size, extend, memory);
}

/** The lock of the one who writes to the WAL: taken where a transaction begins to write, given up after COMMIT. */
static int shm_lock(sqlite3_file *base, int offset, int count, int flags) {
  sqlite3_file *real = real_of(base);
  if (offset != WAL_WRITE_LOCK) return real->pMethods->xShmLock(real, offset, count, flags);
  AT_POINT(SHMLOCK, opened(base)->sort, real->pMethods->xShmLock(real, offset, count, flags));
}

static void shm_barrier(sqlite3_file *base) { real_of(base)->pMethods->xShmBarrier(real_of(base)); }

static int shm_unmap(sqlite3_file *base, int remove) {
  return real_of(base)->pMethods->xShmUnmap(real_of(base), remove);
}

static const sqlite3_io_methods methods = {
    2,           close_file,      read_file, write_file,  truncate_file,   sync_file, file_size, lock_file,
    unlock_file, check_reserved,  control,   sector_size, characteristics, shm_map,   shm_lock,  shm_barrier,
    shm_unmap,   .xFetch = NULL};

static sqlite3_vfs *default_vfs;

static enum sort sort_of(int flags) {
  if (flags & SQLITE_OPEN_MAIN_DB) return MAIN;
  if (flags & SQLITE_OPEN_WAL) return WAL;
  return flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL) ? JOURNAL : OTHER;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *flags_out) {
  (void)vfs;
  file *made = opened(base);
  made->real = (sqlite3_file *)(made + 1);
  made->sort = sort_of(flags);
  int is_point = is_the_point(OPEN, made->sort);
  if (is_point && wanted.where != AFTER) die();
  int code = default_vfs->xOpen(default_vfs, name, made->real, flags, flags_out);
  if (is_point) die();
  made->base.pMethods = made->real->pMethods == NULL ? NULL : &methods;
  return code;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs;
  size_t length = strlen(name);
  enum sort sort = length > 4 && strcmp(name + length - 4, "-wal") == 0 ? WAL : JOURNAL;
  AT_POINT(DELETE, sort, default_vfs->xDelete(default_vfs, name, sync));
}

static void write_counts(void) {
  FILE *out = fopen(getenv("POINTS_COUNT"), "w");
  if (out == NULL) return;
  for (int kind = 0; kind < KINDS; kind++) {
    for (int sort = 0; sort < SORTS; sort++) {
      fprintf(out, "%s-%s %ld\n", kind_names[kind], sort_names[sort], atomic_load(&counts[kind][sort]));
    }
  }
  fclose(out);
}

/** The place of a word in a list; -1 for `any`, -2 when it is not there. */
static int find(const char *word, const char *const *names, int count) {
  if (strcmp(word, "any") == 0) return -1;
  for (int i = 0; i < count; i++) {
    if (strcmp(word, names[i]) == 0) return i;
  }
  return -2;
}

/** Reads POINTS_KILL. False when it is not understood: a test must not pass because nothing was killed. */
static int read_wish(const char *wish) {
  char kind[16], sort[16], where[16];
  if (sscanf(wish, "%15[a-z]-%15[a-z]:%ld:%15[a-z]", kind, sort, &wanted.number, where) != 4) return 0;
  wanted.kind = find(kind, kind_names, KINDS);
  wanted.sort = find(sort, sort_names, SORTS);
  int place = find(where, where_names, 3);
  wanted.where = (enum where)place;
  return wanted.kind > -2 && wanted.sort > -2 && place >= 0 && wanted.number > 0;
}

int sqlite3_points_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  (void)db;
  static sqlite3_vfs vfs;
  SQLITE_EXTENSION_INIT2(api);
  if (default_vfs != NULL) return SQLITE_OK_LOAD_PERMANENTLY;
  const char *wish = getenv("POINTS_KILL");
  if (wish != NULL && !read_wish(wish)) {
    *message = sqlite3_mprintf("POINTS_KILL=%s is not understood", wish);
    return SQLITE_ERROR;
  }
  default_vfs = sqlite3_vfs_find(NULL);
  vfs = *default_vfs;
  vfs.zName = "points";
  vfs.pNext = NULL;
  vfs.szOsFile = (int)sizeof(file) + default_vfs->szOsFile;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  if (getenv("POINTS_COUNT") != NULL) atexit(write_counts);
  int code = sqlite3_vfs_register(&vfs, 1);
  return code == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : code;
}
