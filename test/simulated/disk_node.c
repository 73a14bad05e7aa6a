/*
 * disk_node.c: the files of a simulated disk: what a process sees, what is certainly on the disk, and the writes
 * between the two.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_state.h"

/** A system writes back what lies around for long; this also bounds the memory of databases that never sync. */
enum { UNSYNCED_BYTES_MAX = 4 * 1024 * 1024 };

static void require_memory(const void *memory) {
  if (memory != NULL) return;
  fputs("simulated disk: out of memory\n", stderr);
  abort();
}

void *allocate(size_t size) {
  void *memory = malloc(size);
  require_memory(memory);
  return memory;
}

static void reserve(bytes *bytes, uint64_t size) {
  if (size <= bytes->capacity) return;
  uint64_t capacity = bytes->capacity * 2 > size ? bytes->capacity * 2 : size;
  bytes->data = realloc(bytes->data, capacity);
  require_memory(bytes->data);
  bytes->capacity = capacity;
}

void bytes_truncate(bytes *bytes, uint64_t size) {
  reserve(bytes, size);
  if (size > bytes->size) memset(bytes->data + bytes->size, 0, size - bytes->size);
  bytes->size = size;
}

void bytes_write(bytes *bytes, uint64_t offset, const void *data, uint64_t size) {
  if (size == 0) return;
  if (offset + size > bytes->size) bytes_truncate(bytes, offset + size);
  memcpy(bytes->data + offset, data, size);
}

void bytes_copy(bytes *to, const bytes *from) {
  to->size = 0;
  bytes_write(to, 0, from->data, from->size);
}

node *node_find(disk *disk, const char *name) {
  for (node *node = disk->nodes; node != NULL; node = node->next) {
    if (node->is_linked && strcmp(node->name, name) == 0) return node;
  }
  return NULL;
}

/** Makes an empty file; an anonymous one without a name. */
node *node_make(disk *disk, const char *name) {
  node *made = allocate(sizeof(node));
  memset(made, 0, sizeof(*made));
  made->is_linked = name != NULL;
  made->name = allocate(name == NULL ? 1 : strlen(name) + 1);
  strcpy(made->name, name == NULL ? "" : name);
  made->next = disk->nodes;
  disk->nodes = made;
  return made;
}

void operations_free(node *node) {
  while (node->first_unsynced != NULL) {
    operation *operation = node->first_unsynced;
    node->first_unsynced = operation->next;
    free(operation);
  }
  node->last_unsynced = NULL;
  node->unsynced_bytes = 0;
}

void node_free(disk *disk, node *gone) {
  node **link = &disk->nodes;
  while (*link != gone) link = &(*link)->next;
  *link = gone->next;
  operations_free(gone);
  free(gone->content.data);
  free(gone->durable.data);
  free(gone->name);
  free(gone);
}

void nodes_free(disk *disk) {
  while (disk->nodes != NULL) node_free(disk, disk->nodes);
}

/** Frees a file that nobody can see any more. */
void node_release(disk *disk, node *node) {
  if (node->handles == 0 && !node->is_linked && !node->is_name_durable) node_free(disk, node);
}

void node_unlink(disk *disk, node *node, bool is_directory_synced) {
  node->is_linked = false;
  if (is_directory_synced) directory_sync(disk);
  else node_release(disk, node);
}

static void apply(node *node, const operation *operation) {
  if (operation->is_truncate) {
    bytes_truncate(&node->durable, operation->offset);
  } else {
    bytes_write(&node->durable, operation->offset, operation->data, operation->size);
  }
}

static void apply_first(node *node) {
  operation *first = node->first_unsynced;
  apply(node, first);
  node->first_unsynced = first->next;
  if (first->next == NULL) node->last_unsynced = NULL;
  node->unsynced_bytes -= first->size;
  free(first);
}

static void note(node *node, bool is_truncate, uint64_t offset, const void *data, uint64_t size) {
  operation *made = allocate(sizeof(operation) + size);
  *made = (operation){.is_truncate = is_truncate, .offset = offset, .size = size};
  if (size > 0) memcpy(made->data, data, size);
  if (node->last_unsynced == NULL) {
    node->first_unsynced = made;
  } else {
    node->last_unsynced->next = made;
  }
  node->last_unsynced = made;
  node->unsynced_bytes += size;
  while (node->unsynced_bytes > UNSYNCED_BYTES_MAX) apply_first(node);
}

void node_write(node *node, uint64_t offset, const void *data, uint64_t size) {
  bytes_write(&node->content, offset, data, size);
  note(node, false, offset, data, size);
}

void node_truncate(node *node, uint64_t size) {
  bytes_truncate(&node->content, size);
  note(node, true, size, NULL, 0);
}

/** The disk knows now which names there are. */
void directory_sync(disk *disk) {
  node *next = NULL;
  for (node *node = disk->nodes; node != NULL; node = next) {
    next = node->next;
    node->is_name_durable = node->is_linked;
    node_release(disk, node);
  }
}

/**
 * The first sync of a new file syncs the directory: SQLite's unix VFS does that for journals and WAL files, and the
 * file systems in use do it for all files.
 */
void node_sync(disk *disk, node *node) {
  while (node->first_unsynced != NULL) apply_first(node);
  if (node->is_linked && !node->is_name_durable) directory_sync(disk);
}

uint64_t nodes_size(const disk *disk) {
  uint64_t size = 0;
  for (const node *node = disk->nodes; node != NULL; node = node->next) {
    if (node->is_linked || node->handles > 0) size += node->content.size;
  }
  return size;
}
