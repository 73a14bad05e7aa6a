/*
 * disk_lock.c: the locks between the handles of one file of a simulated disk, by the rules of SQLite's unix VFS, and
 * the shared memory of WAL.
 */
#include <stdlib.h>
#include <string.h>

#include "disk_state.h"

static bool is_dead(const handle *handle) { return handle->epoch != handle->disk->epoch; }

/** Takes the lock, or says SQLITE_BUSY; EXCLUSIVE then leaves PENDING, which keeps new readers out. */
static int take_lock(handle *handle, int level) {
  node *node = handle->node;
  const struct handle *writer = node->writer;
  if (level == SQLITE_LOCK_SHARED) {
    if (writer != NULL && writer->lock_level >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
    node->sharers++;
    handle->lock_level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
  }
  if (writer != NULL && writer != handle) return SQLITE_BUSY;
  node->writer = handle;
  if (level == SQLITE_LOCK_EXCLUSIVE && node->sharers > 1) {
    handle->lock_level = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  handle->lock_level = level;
  return SQLITE_OK;
}

int file_lock(sqlite3_file *file, int level) {
  handle *locking = (handle *)file;
  disk *disk = locking->disk;
  pthread_mutex_lock(&disk->mutex);
  int result = SQLITE_IOERR;
  if (!is_dead(locking)) {
    result = SQLITE_OK;
    if (locking->lock_level < level) {
      result = count_call(disk, CALL_LOCK);
      if (result == SQLITE_OK) result = take_lock(locking, level);
    }
  }
  pthread_mutex_unlock(&disk->mutex);
  return result;
}

void release_lock(handle *handle, int level) {
  if (handle->lock_level <= level) return;
  node *node = handle->node;
  if (node->writer == handle) node->writer = NULL;
  if (level == SQLITE_LOCK_NONE) node->sharers--;
  handle->lock_level = level;
}

int file_unlock(sqlite3_file *file, int level) {
  handle *unlocking = (handle *)file;
  pthread_mutex_lock(&unlocking->disk->mutex);
  int result = SQLITE_IOERR;
  if (!is_dead(unlocking)) {
    release_lock(unlocking, level);
    result = SQLITE_OK;
  }
  pthread_mutex_unlock(&unlocking->disk->mutex);
  return result;
}

int file_check_reserved(sqlite3_file *file, int *is_reserved) {
  handle *asking = (handle *)file;
  pthread_mutex_lock(&asking->disk->mutex);
  int result = is_dead(asking) ? SQLITE_IOERR : SQLITE_OK;
  *is_reserved = result == SQLITE_OK && asking->node->writer != NULL;
  pthread_mutex_unlock(&asking->disk->mutex);
  return result;
}

static shared_memory *use_shm(handle *handle) {
  if (handle->shared_memory != NULL) return handle->shared_memory;
  node *node = handle->node;
  if (node->shared_memory == NULL) {
    node->shared_memory = allocate(sizeof(shared_memory));
    memset(node->shared_memory, 0, sizeof(shared_memory));
  }
  handle->shared_memory = node->shared_memory;
  handle->next_user = node->shared_memory->users;
  node->shared_memory->users = handle;
  return handle->shared_memory;
}

static void add_region(shared_memory *memory, int size) {
  size_t count = (size_t)memory->regions_count;
  void **regions = allocate(sizeof(void *) * (count + 1));
  if (count > 0) memcpy(regions, memory->regions, sizeof(void *) * count);
  free(memory->regions);
  regions[count] = allocate((size_t)size);
  memset(regions[count], 0, (size_t)size);
  memory->regions = regions;
  memory->regions_count++;
}

int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **address) {
  handle *mapping = (handle *)file;
  disk *disk = mapping->disk;
  pthread_mutex_lock(&disk->mutex);
  *address = NULL;
  int result = is_dead(mapping) ? SQLITE_IOERR : count_call(disk, CALL_SHM_MAP);
  if (result == SQLITE_OK) {
    shared_memory *memory = use_shm(mapping);
    while (extend && memory->regions_count <= region) add_region(memory, size);
    if (region < memory->regions_count) *address = memory->regions[region];
  }
  pthread_mutex_unlock(&disk->mutex);
  return result;
}

/** Does another handle hold one of these locks (exclusive only, or any)? */
static bool shm_conflicts(const handle *own, uint16_t mask, bool also_shared) {
  for (const handle *other = own->shared_memory->users; other != NULL; other = other->next_user) {
    if (other == own) continue;
    if ((other->shm_exclusive & mask) != 0 || (also_shared && (other->shm_shared & mask) != 0)) return true;
  }
  return false;
}

static int shm_take(handle *handle, uint16_t mask, int flags) {
  bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
  if (shm_conflicts(handle, mask, !is_shared)) return SQLITE_BUSY;
  if (is_shared) {
    handle->shm_shared |= mask;
  } else {
    handle->shm_exclusive |= mask;
  }
  return SQLITE_OK;
}

int file_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  handle *locking = (handle *)file;
  disk *disk = locking->disk;
  uint16_t mask = (uint16_t)(((1u << (offset + count)) - 1) & ~((1u << offset) - 1));
  pthread_mutex_lock(&disk->mutex);
  int result = SQLITE_IOERR;
  if (!is_dead(locking)) {
    result = SQLITE_OK;
    if (flags & SQLITE_SHM_UNLOCK) {
      locking->shm_shared &= (uint16_t)~mask;
      locking->shm_exclusive &= (uint16_t)~mask;
    } else {
      result = count_call(disk, CALL_SHM_LOCK);
      if (result == SQLITE_OK) result = shm_take(locking, mask, flags);
    }
  }
  pthread_mutex_unlock(&disk->mutex);
  return result;
}

void file_shm_barrier(sqlite3_file *file) {
  disk *disk = ((handle *)file)->disk;
  pthread_mutex_lock(&disk->mutex);
  pthread_mutex_unlock(&disk->mutex);
}

void release_shm(handle *handle) {
  shared_memory *memory = handle->shared_memory;
  if (memory == NULL) return;
  struct handle **link = &memory->users;
  while (*link != handle) link = &(*link)->next_user;
  *link = handle->next_user;
  handle->shared_memory = NULL;
  handle->shm_shared = 0;
  handle->shm_exclusive = 0;
  if (memory->users != NULL) return;
  if (!is_dead(handle)) handle->node->shared_memory = NULL;
  for (int index = 0; index < memory->regions_count; index++) free(memory->regions[index]);
  free(memory->regions);
  free(memory);
}

int file_shm_unmap(sqlite3_file *file, int delete_it) {
  (void)delete_it;
  handle *leaving = (handle *)file;
  pthread_mutex_lock(&leaving->disk->mutex);
  release_shm(leaving);
  pthread_mutex_unlock(&leaving->disk->mutex);
  return SQLITE_OK;
}
