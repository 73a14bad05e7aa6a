/*
 * disk_contents.c: reading and replacing the files of a simulated disk from outside, and its settings.
 */
#include <string.h>

#include "disk_state.h"

const uint8_t *disk_file_read(disk *disk, const char *path, uint64_t *size) {
  pthread_mutex_lock(&disk->mutex);
  const node *node = node_find(disk, path);
  static const uint8_t nothing[1] = {0};
  *size = node == NULL ? 0 : node->content.size;
  const uint8_t *data = node == NULL ? NULL : *size == 0 ? nothing : node->content.data;
  pthread_mutex_unlock(&disk->mutex);
  return data;
}

/** Replaces the content, durably. */
static void set_content(disk *disk, node *node, const void *data, uint64_t size) {
  operations_free(node);
  node->content.size = 0;
  bytes_write(&node->content, 0, data, size);
  bytes_copy(&node->durable, &node->content);
  node_sync(disk, node);
}

int disk_file_write(disk *disk, const char *path, const void *data, uint64_t size) {
  pthread_mutex_lock(&disk->mutex);
  node *node = node_find(disk, path);
  int code = node != NULL && node->handles > 0 ? SQLITE_BUSY : SQLITE_OK;
  if (code == SQLITE_OK) {
    set_content(disk, node != NULL ? node : node_make(disk, path), data, size);
  }
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

int disk_file_delete(disk *disk, const char *path) {
  pthread_mutex_lock(&disk->mutex);
  node *node = node_find(disk, path);
  int code = node == NULL ? SQLITE_NOTFOUND : node->handles > 0 ? SQLITE_BUSY : SQLITE_OK;
  if (code == SQLITE_OK) node_unlink(disk, node, true);
  pthread_mutex_unlock(&disk->mutex);
  return code;
}

void disk_copy(disk *from, disk *to) {
  pthread_mutex_lock(&from->mutex);
  pthread_mutex_lock(&to->mutex);
  end_crash(to);
  nodes_free(to);
  for (const node *node = from->nodes; node != NULL; node = node->next) {
    if (node->is_linked) set_content(to, node_make(to, node->name), node->content.data, node->content.size);
  }
  pthread_mutex_unlock(&to->mutex);
  pthread_mutex_unlock(&from->mutex);
}

const char *disk_file_name(disk *disk, int index) {
  const char *name = NULL;
  pthread_mutex_lock(&disk->mutex);
  for (const node *node = disk->nodes; node != NULL && name == NULL; node = node->next) {
    if (node->is_linked && index-- == 0) name = node->name;
  }
  pthread_mutex_unlock(&disk->mutex);
  return name;
}

int disk_handles(disk *disk) {
  int count = 0;
  pthread_mutex_lock(&disk->mutex);
  for (const node *node = disk->nodes; node != NULL; node = node->next) count += node->handles;
  pthread_mutex_unlock(&disk->mutex);
  return count;
}

void disk_set_capacity(disk *disk, uint64_t size) {
  pthread_mutex_lock(&disk->mutex);
  disk->capacity = size;
  pthread_mutex_unlock(&disk->mutex);
}

void disk_set_powersafe(disk *disk, bool is_powersafe) {
  pthread_mutex_lock(&disk->mutex);
  disk->is_powersafe = is_powersafe;
  pthread_mutex_unlock(&disk->mutex);
}
