/*
 * harness.h: the parts of the fault harness, a program that plays a scenario again and again on a simulated disk, each
 * time with a fault at another point, and compares what comes out with the run without a fault.
 */
#ifndef FAULTS_HARNESS_H
#define FAULTS_HARNESS_H

#include "../simulated/disk.h"

enum {
  STEPS_MAX = 80,
  KEPT_MAX = 16,
  NAME_SIZE = 32,
  MESSAGE_SIZE = 600,
};

/* --- scenario.c: a scenario as it stands in its file --- */

typedef enum { ON_DEVICE, ON_SECOND, ON_OTHER } place;

/** A paragraph of a scenario: statements that are done again together when one of them fails. */
typedef struct {
  place place;
  /** Opens the connection again and loads the extension before the statements. */
  bool opens;
  /** Keeps the value of the last row under this name, for the SQL function kept(name). */
  char keep[NAME_SIZE];
  char *sql;
} step;

typedef struct {
  char *text;
  step preparation[STEPS_MAX];
  int preparation_count;
  step body[STEPS_MAX];
  int body_count;
} scenario;

/** Reads the file; ends the process with a message when it cannot. */
void scenario_read(scenario *scenario, const char *path);
void scenario_free(scenario *scenario);

/* --- journal.c: how a database is journaled, and how much of that survives a power loss --- */

typedef struct {
  const char *name;
  const char *mode;
  const char *synchronous;
  /** A committed transaction survives a power loss. */
  bool is_durable;
} journal;

const journal *journal_named(const char *name);

/* --- injector.c: what can be made to fail --- */

/** A kind of fault: memory, core, interrupt, interrupt-hard, kill, power, power-sync, or one of the disk's. */
typedef struct {
  const char *name;
  bool forever;
  uint64_t point;
  uint64_t seed;
} fault;

/** Wraps SQLite's allocator; before anything else is done with SQLite. */
void injector_start(void);

/** The library whose allocations from the C library are the kind "core". */
void injector_watch_library(const char *path);

bool is_known_kind(const char *kind);

/** Does this kind end the process that it happens to, instead of failing one call? */
bool is_end(const char *kind);

/** Counts from here on, and lets the fault happen at its point; without one only counts. */
void injector_arm(disk *disk, const fault *fault);
void injector_disarm(disk *disk);

/** Has the fault happened? */
bool injector_fired(disk *disk);

/** Has the fault ended everything that was open? */
bool injector_ended(disk *disk);

/** Calls of a kind since injector_arm. */
uint64_t injector_count(disk *disk, const char *kind);

/** Lets waiting for locks end without changing the time that is written into the database. */
void injector_watch_sleep(disk *disk);

/** Installs the progress handler of the kinds of interrupts. */
void injector_attach(sqlite3 *database);

/** Is this result code one that the fault may have in these statements? */
bool injector_explains(const char *kind, int code, const char *sql);

/* --- device.c: connections --- */

typedef struct {
  uint8_t *data;
  int size;
  char name[NAME_SIZE];
} kept_value;

/** A database file on a simulated disk and its connections. */
typedef struct {
  disk *disk;
  /** NULL: the extension is linked into this program. */
  const char *library;
  const journal *journal;
  /** By place; those of ON_OTHER are on a disk of their own. */
  sqlite3 *connections[3];
  disk *other_disk;
  kept_value kept[KEPT_MAX];
  int kept_count;
} device;

/** Opens the connection of a place with the extension. A result code. */
int device_open(device *device, place place);

/** Closes all connections; false when SQLite refuses. */
bool device_close(device *device);

/** Does the statements of a step; `hash` gets a hash of all rows that they answered. A result code. */
int device_do(device *device, const step *step, uint64_t *hash, char *message);

/* --- state.c: what is in a database --- */

/** A hash of the schema and all rows of the file, seen by a connection without the extension. 0 = it cannot be read,
 * and `message` says why. */
uint64_t state_hash(disk *disk, bool checks_integrity, char *message);

/** Our invariants, on a database that has just been folded. False: `message` says which one fails. */
bool state_is_sound(sqlite3 *database, char *message);

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);

/* --- play.c: runs --- */

/** What a scenario comes to without faults, for one kind of journal. */
typedef struct {
  scenario *scenario;
  device *device;
  /** Holds the files as they are before the body. */
  disk *prepared;
  uint64_t states[STEPS_MAX + 1];
  uint64_t results[STEPS_MAX];
  uint64_t final_state;
  uint64_t final_result;
  kept_value kept[KEPT_MAX];
  int kept_count;
} record;

/** Prepares the database and plays the body without a fault. False: `message` says what went wrong. */
bool play_record(record *record, char *message);

typedef struct {
  bool is_ok;
  /** The fault happened; a step failed because of it; its work was done nevertheless. */
  bool fired;
  int errors;
  int done_nevertheless;
  /** Transactions that were committed and have vanished with the power. */
  int lost_steps;
  char message[MESSAGE_SIZE];
} outcome;

/** Plays the body once more with a fault. */
void play_fault(record *record, const fault *fault, outcome *outcome);

/** Counts the points of each kind in a run without faults. */
void play_count(record *record);

#endif
