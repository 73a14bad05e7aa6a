/*
 * disk_file.c: the methods of an open file of a simulated disk, except locks (disk_lock.c). Every method begins in the
 * same way: a dead handle answers SQLITE_IOERR, and the call is counted and may be made to fail.
 */
#include <string.h>

#include "disk_state.h"

/** Locks the disk, refuses dead handles, counts the call. SQLITE_OK: the caller works, then unlocks. */
static int begin_call(handle *handle, call_kind kind) {
  disk *disk = handle->disk;
  pthread_mutex_lock(&disk->mutex);
  int result = handle->epoch == disk->epoch ? count_call(disk, kind) : SQLITE_IOERR;
  if (result != SQLITE_OK) pthread_mutex_unlock(&disk->mutex);
  return result;
}

static void end_call(handle *handle) { pthread_mutex_unlock(&handle->disk->mutex); }

static int file_close(sqlite3_file *file) {
  handle *closing = (handle *)file;
  disk *disk = closing->disk;
  pthread_mutex_lock(&disk->mutex);
  release_shm(closing);
  if (closing->epoch == disk->epoch) {
    release_lock(closing, SQLITE_LOCK_NONE);
    node *node = closing->node;
    node->handles--;
    if (closing->is_temporary && node->is_linked) node_unlink(disk, node, false);
    else node_release(disk, node);
  }
  file->pMethods = NULL;
  pthread_mutex_unlock(&disk->mutex);
  return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *target, int size, sqlite3_int64 offset) {
  handle *reading = (handle *)file;
  int result = begin_call(reading, CALL_READ);
  if (result == SQLITE_IOERR_SHORT_READ) memset(target, 0, (size_t)size);
  if (result != SQLITE_OK) return result;
  const bytes *content = &reading->node->content;
  uint64_t start = (uint64_t)offset;
  uint64_t there = start >= content->size ? 0 : content->size - start;
  uint64_t count = there < (uint64_t)size ? there : (uint64_t)size;
  if (count > 0) memcpy(target, content->data + start, count);
  end_call(reading);
  if (count == (uint64_t)size) return SQLITE_OK;
  memset((uint8_t *)target + count, 0, (uint64_t)size - count);
  return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
  handle *writing = (handle *)file;
  int result = begin_call(writing, CALL_WRITE);
  if (result != SQLITE_OK) return result;
  disk *disk = writing->disk;
  node *node = writing->node;
  uint64_t end = (uint64_t)offset + (uint64_t)size;
  uint64_t growth = end > node->content.size ? end - node->content.size : 0;
  if (disk->capacity > 0 && growth > 0 && nodes_size(disk) + growth > disk->capacity) {
    result = SQLITE_FULL;
  } else {
    node_write(node, (uint64_t)offset, data, (uint64_t)size);
  }
  end_call(writing);
  return result;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  handle *cutting = (handle *)file;
  int result = begin_call(cutting, CALL_TRUNCATE);
  if (result != SQLITE_OK) return result;
  node_truncate(cutting->node, (uint64_t)size);
  end_call(cutting);
  return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags) {
  (void)flags;
  handle *syncing = (handle *)file;
  int result = begin_call(syncing, CALL_SYNC);
  if (result != SQLITE_OK) return result;
  node_sync(syncing->disk, syncing->node);
  end_call(syncing);
  return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  handle *asking = (handle *)file;
  int result = begin_call(asking, CALL_SIZE);
  if (result != SQLITE_OK) return result;
  *size = (sqlite3_int64)asking->node->content.size;
  end_call(asking);
  return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument) {
  (void)file;
  if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
  *(int *)argument = 0;
  return SQLITE_OK;
}

static int file_sector_size(sqlite3_file *file) {
  (void)file;
  return SECTOR_SIZE;
}

static int file_characteristics(sqlite3_file *file) {
  return ((handle *)file)->is_powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};
