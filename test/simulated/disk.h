/*
 * disk.h: a simulated disk: a VFS of SQLite whose files live in memory, with a clock, random bytes and locks of its
 * own. It loses power or is killed on demand, at a call that one can name, and any of its calls can be made to fail.
 * Nothing of it reaches the real file system, and a seed repeats everything.
 *
 * Built into a loadable extension (simulated.c, whose SQL functions do the same as the functions here) or, with
 * SQLITE_CORE defined, linked with SQLite into a program. Several disks can exist, for instance one for each device.
 */
#ifndef SIMULATED_DISK_H
#define SIMULATED_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "sqlite3ext.h"

#if !defined(SQLITE_CORE)
extern const sqlite3_api_routines *sqlite3_api;
#endif

typedef struct disk disk;

/** The kinds of calls that are counted and can be made to fail. CALL_ANY stands for all of them. */
typedef enum {
  CALL_READ,
  CALL_WRITE,
  CALL_SYNC,
  CALL_TRUNCATE,
  CALL_SIZE,
  CALL_OPEN,
  CALL_DELETE,
  CALL_DIRECTORY_SYNC,
  CALL_ACCESS,
  CALL_LOCK,
  CALL_SHM_MAP,
  CALL_SHM_LOCK,
  CALL_ANY,
  CALL_KINDS,
} call_kind;

/** A way to fail: its name in SQL, the kind of call that fails, and the result code that a real disk gives then. */
typedef struct {
  const char *name;
  call_kind kind;
  int code;
} fault_kind;

/** All of them, ended by an entry without a name; simulated.c's documentation lists them. */
extern const fault_kind fault_kinds[];

/** NULL when there is none of that name. */
const fault_kind *fault_kind_named(const char *name);

/** Finds the disk of that name, or makes it and registers the VFS. NULL when memory is short. */
disk *disk_make(const char *name);

/** NULL when there is none. */
disk *disk_named(const char *name);

/**
 * Opens that follow in this process, and sqlite3_sleep and the seed of sqlite3_randomness, which ask the default VFS,
 * go to this disk; NULL restores the VFS that was the default before any disk was made.
 */
int disk_set_default(disk *disk);

/** Forgets files, faults, hooks, counts and settings; handles that are open die. The clock begins at 0 again. */
void disk_reset(disk *disk);

/** Number of handles that are open and alive. */
int disk_handles(disk *disk);

/* --- clock, sleep, random bytes --- */

/** Microseconds since 1970. The clock moves only by this and by sleeping. */
void disk_set_clock(disk *disk, int64_t microseconds);
int64_t disk_clock(disk *disk);

/** Instead of moving the clock, a sleep calls this, which answers the microseconds slept. NULL takes it away. */
typedef int (*sleep_hook)(void *context, int microseconds);
void disk_set_sleep_hook(disk *disk, sleep_hook hook, void *context);

/** Seeds the random bytes of the disk and makes SQLite's own generator, one for the process, begin anew. */
void disk_seed(disk *disk, uint64_t seed);

/* --- files --- */

/** Content of a file, or NULL; good until the next call. */
const uint8_t *disk_file_read(disk *disk, const char *path, uint64_t *size);

/** Makes or replaces a file, durably. SQLITE_BUSY when it is open. */
int disk_file_write(disk *disk, const char *path, const void *bytes, uint64_t size);

/** Deletes a file, durably. SQLITE_BUSY when it is open, SQLITE_NOTFOUND when it is not there. */
int disk_file_delete(disk *disk, const char *path);

/** Makes the files of a disk copies of those of another one, as they would be after a kill. Handles on `to` die. */
void disk_copy(disk *from, disk *to);

/** Name of the n-th file, or NULL behind the last one. */
const char *disk_file_name(disk *disk, int index);

/** Writes that would let all files together exceed this fail with SQLITE_FULL; 0 = no limit. */
void disk_set_capacity(disk *disk, uint64_t bytes);

/**
 * Does a write that power loss interrupts leave the rest of its sector alone? True at first, as SQLite believes of
 * disks on Unix. Files ask at their opening.
 */
void disk_set_powersafe(disk *disk, bool is_powersafe);

/* --- ends --- */

/** kill -9: all handles die, their locks are gone; everything that was written stays. */
void disk_crash(disk *disk);

/** As disk_crash, and what has not been synced is kept, lost, torn or garbled, file names too, as the seed says. */
void disk_power_loss(disk *disk, uint64_t seed);

/** Loses power (or, without, is killed) just before the nth call (from 1) of this kind from now on; 0 = never. */
void disk_stop_at(disk *disk, call_kind kind, uint64_t nth, bool loses_power, uint64_t seed);

/** How often it has crashed or lost power since it was made or reset. */
int disk_ends(disk *disk);

/* --- faults --- */

/** The nth call (from 1) from now on fails, and with `forever` all that follow. One fault of each name at a time. */
void disk_fault(disk *disk, const fault_kind *fault, uint64_t nth, bool forever);

/** Takes all faults, the stop and the call hook away. */
void disk_fault_off(disk *disk);

/** Calls of this kind since the disk was made or reset. */
uint64_t disk_calls(disk *disk, call_kind kind);

/** Calls that a fault has made fail since the disk was made or reset. */
uint64_t disk_faults(disk *disk);

/** Called before each counted call, with the disk locked: it must call nothing of SQLite or of the disk. A result
 * that is not SQLITE_OK fails the call. */
typedef int (*call_hook)(void *context, call_kind kind);
void disk_set_call_hook(disk *disk, call_hook hook, void *context);

#endif
