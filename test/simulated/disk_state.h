/*
 * disk_state.h: what a simulated disk consists of; for the files disk*.c only.
 *
 * All memory comes from malloc, never from SQLite, so that tests can count and fail SQLite's allocations without
 * touching the disk. Where malloc fails the test cannot go on, and the process ends with a message.
 */
#ifndef SIMULATED_DISK_STATE_H
#define SIMULATED_DISK_STATE_H

#include <pthread.h>
#include <stddef.h>

#include "disk.h"

enum {
  SECTOR_SIZE = 512,
  SHM_LOCKS = 8,
  PATH_MAX_SIZE = 512,
  /** Ways to fail in fault_kinds. */
  FAULTS_MAX = 20,
};

typedef struct {
  uint8_t *data;
  uint64_t size;
  uint64_t capacity;
} bytes;

/** A write or truncate that has not been synced. */
typedef struct operation {
  struct operation *next;
  bool is_truncate;
  /** Where it writes, or the size after the truncate. */
  uint64_t offset;
  uint64_t size;
  uint8_t data[];
} operation;

/**
 * The shared memory of a file in WAL mode. Freed with the last handle that uses it, which may be a dead one: SQLite
 * keeps pointers into it until it closes the file.
 */
typedef struct shared_memory {
  void **regions;
  int regions_count;
  struct handle *users;
} shared_memory;

/** A file: what a process sees of it, and what is certainly on the disk. */
typedef struct node {
  struct node *next;
  char *name;
  bytes content;
  bytes durable;
  operation *first_unsynced;
  operation *last_unsynced;
  uint64_t unsynced_bytes;
  /** Has the name now; without, it was deleted or is anonymous. */
  bool is_linked;
  /** The directory on the disk has this file under its name. Not linked as well: the deletion may be lost. */
  bool is_name_durable;
  int handles;
  /** Handles with a SHARED lock or more, and the one with RESERVED or more. */
  int sharers;
  struct handle *writer;
  /** Shared memory of WAL, while handles use it. */
  struct shared_memory *shared_memory;
} node;

/** An open file as SQLite sees it: its sqlite3_file. */
typedef struct handle {
  sqlite3_file base;
  disk *disk;
  node *node;
  /** Alive while it is the disk's. */
  int epoch;
  int lock_level;
  bool is_temporary;
  bool is_powersafe;
  shared_memory *shared_memory;
  uint16_t shm_shared;
  uint16_t shm_exclusive;
  struct handle *next_user;
} handle;

typedef struct {
  /** Calls until it fails; 0 = off. */
  uint64_t left;
  bool forever;
} fault_plan;

typedef struct {
  call_kind kind;
  uint64_t left;
  bool loses_power;
  uint64_t seed;
} stop_plan;

struct disk {
  sqlite3_vfs vfs;
  /** The VFS that was the default at first: it loads extensions. */
  sqlite3_vfs *real;
  struct disk *next;
  pthread_mutex_t mutex;
  node *nodes;
  int epoch;
  int ends;
  int64_t clock;
  uint64_t random_state;
  uint64_t capacity;
  bool is_powersafe;
  sleep_hook sleep;
  void *sleep_context;
  call_hook hook;
  void *hook_context;
  uint64_t calls[CALL_KINDS];
  uint64_t faults;
  fault_plan plans[FAULTS_MAX];
  stop_plan stop;
};

/** The next number of a random stream (splitmix64). */
uint64_t random_next(uint64_t *state);

/** malloc or the end of the process. */
void *allocate(size_t size);

/* disk_fault.c: counts a call and decides whether it fails; the disk is locked. SQLITE_OK or the code to return. */
int count_call(disk *disk, call_kind kind);

/* disk_node.c: files and their content; the disk is locked. */
node *node_find(disk *disk, const char *name);
node *node_make(disk *disk, const char *name);
void node_unlink(disk *disk, node *node, bool is_directory_synced);
void node_release(disk *disk, node *node);
void node_write(node *node, uint64_t offset, const void *data, uint64_t size);
void node_truncate(node *node, uint64_t size);
void node_sync(disk *disk, node *node);
void directory_sync(disk *disk);
uint64_t nodes_size(const disk *disk);
void nodes_free(disk *disk);
void bytes_write(bytes *bytes, uint64_t offset, const void *data, uint64_t size);
void bytes_truncate(bytes *bytes, uint64_t size);
void bytes_copy(bytes *to, const bytes *from);
void operations_free(node *node);
void node_free(disk *disk, node *node);

/* disk_end.c: the ends; the disk is locked. */
void end_crash(disk *disk);
void end_power_loss(disk *disk, uint64_t seed);

/* disk_file.c: the methods of an open file. */
extern const sqlite3_io_methods file_methods;

/* disk_lock.c: locks and shared memory, as methods and for closing. */
int file_lock(sqlite3_file *file, int level);
int file_unlock(sqlite3_file *file, int level);
int file_check_reserved(sqlite3_file *file, int *is_reserved);
int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **address);
int file_shm_lock(sqlite3_file *file, int offset, int count, int flags);
void file_shm_barrier(sqlite3_file *file);
int file_shm_unmap(sqlite3_file *file, int delete_it);
void release_lock(handle *handle, int level);
void release_shm(handle *handle);

#endif
