/*
 * disk.c: the simulated disks of this process and their VFS methods: opening, deleting and naming files, time, sleep
 * and random bytes. disk.h has the contract.
 */
#include "disk.h"

#include <stdlib.h>
#include <string.h>

#include "disk_state.h"

/** 1970 on SQLite's clock, which counts milliseconds from noon of November 24, 4714 BC. */
static const sqlite3_int64 EPOCH_MILLISECONDS = 210866760000000;
static const double DAY_MILLISECONDS = 86400000.0;

static pthread_mutex_t disks_mutex = PTHREAD_MUTEX_INITIALIZER;
static disk *disks;

static disk *disk_of(sqlite3_vfs *vfs) { return (disk *)vfs->pAppData; }

/** The file to open: an existing one, a new one, or NULL with the result in `code`. */
static node *node_to_open(disk *disk, const char *name, int flags, int *code) {
  *code = count_call(disk, CALL_OPEN);
  if (*code != SQLITE_OK) return NULL;
  node *found = name == NULL ? NULL : node_find(disk, name);
  if (found != NULL || name == NULL || (flags & SQLITE_OPEN_CREATE)) {
    return found != NULL ? found : node_make(disk, name);
  }
  *code = SQLITE_CANTOPEN;
  return NULL;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags) {
  disk *disk = disk_of(vfs);
  handle *opened = (handle *)file;
  memset(opened, 0, sizeof(*opened));
  pthread_mutex_lock(&disk->mutex);
  int code = SQLITE_OK;
  node *node = node_to_open(disk, name, flags, &code);
  if (node != NULL) {
    node->handles++;
    opened->base.pMethods = &file_methods;
    opened->disk = disk;
    opened->node = node;
    opened->epoch = disk->epoch;
    opened->is_powersafe = disk->is_powersafe;
    opened->is_temporary = name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (out_flags != NULL) *out_flags = flags;
  }
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory) {
  disk *disk = disk_of(vfs);
  pthread_mutex_lock(&disk->mutex);
  int code = count_call(disk, CALL_DELETE);
  if (code == SQLITE_OK) {
    node *node = node_find(disk, name);
    if (node == NULL) {
      code = SQLITE_IOERR_DELETE_NOENT;
    } else {
      node_unlink(disk, node, false);
      /* Power may be lost here; the node may be gone then. */
      if (sync_directory) code = count_call(disk, CALL_DIRECTORY_SYNC);
      if (sync_directory && code == SQLITE_OK) directory_sync(disk);
    }
  }
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

/** As on Unix a file that is empty counts as one that does not exist. */
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
  (void)flags;
  disk *disk = disk_of(vfs);
  pthread_mutex_lock(&disk->mutex);
  int code = count_call(disk, CALL_ACCESS);
  const node *node = node_find(disk, name);
  *result = code == SQLITE_OK && node != NULL && node->content.size > 0;
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path) {
  (void)vfs;
  size_t length = strlen(name);
  if (length + 2 > (size_t)size) return SQLITE_CANTOPEN;
  const char *slash = name[0] == '/' ? "" : "/";
  strcpy(path, slash);
  strcat(path, name);
  return SQLITE_OK;
}

static void *vfs_library_open(sqlite3_vfs *vfs, const char *name) {
  sqlite3_vfs *real = disk_of(vfs)->real;
  return real->xDlOpen(real, name);
}

static void vfs_library_error(sqlite3_vfs *vfs, int size, char *message) {
  sqlite3_vfs *real = disk_of(vfs)->real;
  real->xDlError(real, size, message);
}

static void (*vfs_library_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void) {
  sqlite3_vfs *real = disk_of(vfs)->real;
  return real->xDlSym(real, library, name);
}

static void vfs_library_close(sqlite3_vfs *vfs, void *library) {
  sqlite3_vfs *real = disk_of(vfs)->real;
  real->xDlClose(real, library);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *target) {
  disk *disk = disk_of(vfs);
  pthread_mutex_lock(&disk->mutex);
  for (int index = 0; index < size; index++) target[index] = (char)random_next(&disk->random_state);
  pthread_mutex_unlock(&disk->mutex);
  return size;
}

/** The hook is called without the lock, because it may switch to other work. */
static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
  disk *disk = disk_of(vfs);
  if (disk->sleep != NULL) return disk->sleep(disk->sleep_context, microseconds);
  disk_set_clock(disk, disk_clock(disk) + microseconds);
  return microseconds;
}

static int vfs_time_milliseconds(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
  *milliseconds = EPOCH_MILLISECONDS + disk_clock(disk_of(vfs)) / 1000;
  return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *vfs, double *days) {
  sqlite3_int64 milliseconds = 0;
  int code = vfs_time_milliseconds(vfs, &milliseconds);
  *days = (double)milliseconds / DAY_MILLISECONDS;
  return code;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *message) {
  (void)vfs;
  (void)size;
  (void)message;
  return 0;
}

static const sqlite3_vfs vfs_methods = {
    .iVersion = 2,
    .szOsFile = sizeof(handle),
    .mxPathname = PATH_MAX_SIZE,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_path,
    .xDlOpen = vfs_library_open,
    .xDlError = vfs_library_error,
    .xDlSym = vfs_library_symbol,
    .xDlClose = vfs_library_close,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time_days,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_time_milliseconds,
};

/** Finds a disk among all; NULL when there is none. */
static disk *find(const char *name) {
  for (disk *each = disks; each != NULL; each = each->next) {
    if (strcmp(each->vfs.zName, name) == 0) return each;
  }
  return NULL;
}

disk *disk_named(const char *name) {
  pthread_mutex_lock(&disks_mutex);
  disk *found = find(name);
  pthread_mutex_unlock(&disks_mutex);
  return found;
}

/** Disks live until the process ends: a VFS may be used by connections that nobody here knows of. */
disk *disk_make(const char *name) {
  disk *made = disk_named(name);
  if (made != NULL) return made;
  made = allocate(sizeof(*made));
  memset(made, 0, sizeof(*made));
  char *kept_name = allocate(strlen(name) + 1);
  strcpy(kept_name, name);
  made->vfs = vfs_methods;
  made->vfs.zName = kept_name;
  made->vfs.pAppData = made;
  pthread_mutex_init(&made->mutex, NULL);
  made->is_powersafe = true;
  pthread_mutex_lock(&disks_mutex);
  made->real = disks != NULL ? disks->real : sqlite3_vfs_find(NULL);
  made->next = disks;
  disks = made;
  pthread_mutex_unlock(&disks_mutex);
  return sqlite3_vfs_register(&made->vfs, 0) == SQLITE_OK ? made : NULL;
}

int disk_set_default(disk *disk) {
  if (disk != NULL) return sqlite3_vfs_register(&disk->vfs, 1);
  return disks == NULL ? SQLITE_OK : sqlite3_vfs_register(disks->real, 1);
}

void disk_reset(disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  end_crash(disk);
  nodes_free(disk);
  disk->clock = 0;
  disk->random_state = 0;
  disk->capacity = 0;
  disk->is_powersafe = true;
  disk->sleep = NULL;
  disk->hook = NULL;
  disk->ends = 0;
  disk->faults = 0;
  memset(disk->calls, 0, sizeof(disk->calls));
  memset(disk->plans, 0, sizeof(disk->plans));
  memset(&disk->stop, 0, sizeof(disk->stop));
  pthread_mutex_unlock(&disk->mutex);
}

void disk_set_clock(disk *disk, int64_t microseconds) {
  pthread_mutex_lock(&disk->mutex);
  disk->clock = microseconds;
  pthread_mutex_unlock(&disk->mutex);
}

int64_t disk_clock(disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  int64_t clock = disk->clock;
  pthread_mutex_unlock(&disk->mutex);
  return clock;
}

void disk_set_sleep_hook(disk *disk, sleep_hook hook, void *context) {
  disk->sleep = hook;
  disk->sleep_context = context;
}

void disk_seed(disk *disk, uint64_t seed) {
  pthread_mutex_lock(&disk->mutex);
  disk->random_state = seed;
  pthread_mutex_unlock(&disk->mutex);
  sqlite3_randomness(0, NULL);
}
