/*
 * play.c: one run of a scenario's body: recorded without a fault, or with one, then finished without it and compared.
 *
 * A step that fails must leave the database exactly as it was before, or as it is after the step. Then the application
 * does what applications do: on the same connection, or on a new one, it does the step again. In the end everything
 * must be as if there had been no fault, down to the packets; nothing may have leaked.
 */
#include <string.h>

#include "harness.h"

/** 2030-01-01; each step has a second of its own. */
static const int64_t CLOCK_START = 1893456000000000;
static const int64_t CLOCK_STEP = 1000000;

/** Same clock, same random bytes: a step that is done again does the same. */
static int do_step(device *device, const step *step, int number, uint64_t *hash, char *message) {
  disk *disk = step->place == ON_OTHER ? device->other_disk : device->disk;
  disk_set_default(disk);
  disk_set_clock(disk, CLOCK_START + number * CLOCK_STEP);
  disk_seed(disk, (uint64_t)number + 1);
  return device_do(device, step, hash, message);
}

static bool uses_second(const scenario *scenario) {
  for (int index = 0; index < scenario->body_count; index++) {
    if (scenario->body[index].place == ON_SECOND) return true;
  }
  return false;
}

static bool open_all(record *record, char *message) {
  int code = device_open(record->device, ON_DEVICE);
  if (code == SQLITE_OK && uses_second(record->scenario)) code = device_open(record->device, ON_SECOND);
  if (code != SQLITE_OK) sqlite3_snprintf(MESSAGE_SIZE, message, "cannot be opened: %s", sqlite3_errstr(code));
  return code == SQLITE_OK;
}

static bool close_all(record *record, char *message) {
  if (device_close(record->device)) return true;
  sqlite3_snprintf(MESSAGE_SIZE, message, "a connection cannot be closed");
  return false;
}

/** Begins a run: the files as prepared, and open connections. */
static bool begin_run(record *record, char *message) {
  disk_copy(record->prepared, record->device->disk);
  disk_fault_off(record->device->disk);
  return open_all(record, message);
}

/** Opens the database anew and takes all that is in it, folded and as packets. */
static bool end_run(record *record, uint64_t *state, uint64_t *result, char *message) {
  static const step encode = {.place = ON_DEVICE, .opens = true, .sql = "SELECT cloudsync_payload_encode()"};
  if (!close_all(record, message)) return false;
  int code = do_step(record->device, &encode, STEPS_MAX, result, message);
  /* Where no table is synchronised there are no packets: that is an answer too. */
  if (code != SQLITE_OK && code != SQLITE_ERROR) return false;
  if (record->device->connections[ON_DEVICE] == NULL) return false;
  if (!state_is_sound(record->device->connections[ON_DEVICE], message)) return false;
  *state = state_hash(record->device->disk, true, message);
  return *state != 0 && close_all(record, message);
}

bool play_record(record *record, char *message) {
  scenario *scenario = record->scenario;
  device *device = record->device;
  uint64_t hash = 0;
  for (int index = 0; index < scenario->preparation_count; index++) {
    int code = do_step(device, &scenario->preparation[index], index - STEPS_MAX, &hash, message);
    if (code != SQLITE_OK) return false;
  }
  if (!close_all(record, message)) return false;
  disk_copy(device->disk, record->prepared);
  if (!begin_run(record, message)) return false;
  injector_arm(device->disk, NULL);
  record->states[0] = state_hash(device->disk, true, message);
  for (int index = 0; index < scenario->body_count; index++) {
    int code = do_step(device, &scenario->body[index], index, &record->results[index], message);
    if (code != SQLITE_OK) return false;
    record->states[index + 1] = state_hash(device->disk, true, message);
    if (record->states[index + 1] == 0) return false;
  }
  injector_disarm(device->disk);
  return end_run(record, &record->final_state, &record->final_result, message);
}

void play_count(record *record) {
  char message[MESSAGE_SIZE];
  uint64_t hash = 0;
  if (!begin_run(record, message)) return;
  injector_arm(record->device->disk, NULL);
  for (int index = 0; index < record->scenario->body_count; index++) {
    do_step(record->device, &record->scenario->body[index], index, &hash, message);
  }
  injector_disarm(record->device->disk);
  close_all(record, message);
}

/** A run with a fault. */
typedef struct {
  record *record;
  const fault *fault;
  outcome *outcome;
  /** The step that is done now. */
  int step;
  /** Faults still to come after the first one: each at some point of what follows. */
  int more_faults;
  uint64_t random;
} run;

static bool fail(run *run, const char *what) {
  char detail[MESSAGE_SIZE];
  sqlite3_snprintf(sizeof(detail), detail, "%s", run->outcome->message);
  sqlite3_snprintf(MESSAGE_SIZE, run->outcome->message, "step %d: %s: %s", run->step + 1, what, detail);
  return false;
}

/** Is a transaction open on the connection of the step? */
static bool is_in_transaction(const run *run) {
  sqlite3 *database = run->record->device->connections[run->record->scenario->body[run->step].place];
  return database != NULL && !sqlite3_get_autocommit(database);
}

/** Ends the transaction of a step that has failed, if SQLite has not done so. */
static void roll_back(const run *run) {
  sqlite3 *database = run->record->device->connections[run->record->scenario->body[run->step].place];
  if (is_in_transaction(run)) sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
}

/**
 * Finds out where the database is: before the step or behind it, or, when the newest transactions may be lost,
 * behind an earlier one. The next step to do is that which follows.
 */
static bool find_place(run *run, bool may_lose) {
  const record *record = run->record;
  uint64_t state = state_hash(record->device->disk, true, run->outcome->message);
  if (state == 0) return fail(run, "after the fault the database is damaged");
  if (state == record->states[run->step]) return true;
  if (state == record->states[run->step + 1]) {
    run->outcome->done_nevertheless++;
    run->step++;
    return true;
  }
  for (int index = run->step - 1; may_lose && index >= 0; index--) {
    if (state != record->states[index]) continue;
    run->outcome->lost_steps += run->step - index;
    run->step = index;
    return true;
  }
  return fail(run, "the database is neither as before the step nor as after it");
}

/** Arms the next fault of a run that has several. */
static void arm_again(run *run) {
  if (run->more_faults-- <= 0) return;
  run->random = run->random * 6364136223846793005u + 1442695040888963407u;
  fault next = *run->fault;
  next.point = 1 + (run->random >> 33) % 300;
  next.forever = false;
  injector_arm(run->record->device->disk, &next);
}

/** After a step has failed: is the error that of the fault, and where are we? */
static bool recover(run *run, int code) {
  record *record = run->record;
  char *message = run->outcome->message;
  bool ends = is_end(run->fault->name);
  const char *sql = record->scenario->body[run->step].sql;
  if (!injector_fired(record->device->disk)) return fail(run, "it failed without a fault");
  if (!injector_explains(run->fault->name, code, sql)) return fail(run, "the error is not that of the fault");
  run->outcome->errors++;
  run->outcome->fired = true;
  bool begins = strncmp(sql, "BEGIN", 5) == 0;
  if (!begins && !ends && is_in_transaction(run)) return fail(run, "a transaction was left open");
  /* Half of the points go on with the same connection, half close it while the fault lasts. */
  bool reopens = ends || run->fault->point % 2 == 0;
  if (reopens && !close_all(record, message)) return fail(run, "after the fault");
  injector_disarm(record->device->disk);
  if (!reopens) roll_back(run);
  if (reopens && !open_all(record, message)) return fail(run, "after the fault");
  if (!find_place(run, ends && !record->device->journal->is_durable)) return false;
  arm_again(run);
  return true;
}

static bool play_body(run *run) {
  record *record = run->record;
  const scenario *scenario = record->scenario;
  while (run->step < scenario->body_count) {
    uint64_t result = 0;
    int code = do_step(record->device, &scenario->body[run->step], run->step, &result, run->outcome->message);
    if (code != SQLITE_OK) {
      if (!recover(run, code)) return false;
    } else if (result != record->results[run->step]) {
      return fail(run, "it succeeded with another result");
    } else {
      run->step++;
    }
  }
  return true;
}

/** Everything must be as without the fault. */
static bool check_end(run *run) {
  record *record = run->record;
  uint64_t state = 0;
  uint64_t result = 0;
  run->outcome->fired = run->outcome->fired || injector_fired(record->device->disk);
  injector_disarm(record->device->disk);
  if (!end_run(record, &state, &result, run->outcome->message)) return fail(run, "in the end");
  if (is_end(run->fault->name) && !record->device->journal->is_durable && run->outcome->errors == 0) return true;
  if (state != record->final_state) return fail(run, "in the end the tables differ");
  if (result != record->final_result) return fail(run, "in the end the packets differ");
  return true;
}

void play_fault(record *record, const fault *fault, outcome *outcome) {
  memset(outcome, 0, sizeof(*outcome));
  sqlite3_int64 memory_before = sqlite3_memory_used();
  run run = {.record = record, .fault = fault, .outcome = outcome, .random = fault->seed};
  run.more_faults = fault->seed > 0 && !is_end(fault->name) ? 2 : 0;
  if (begin_run(record, outcome->message)) {
    injector_arm(record->device->disk, fault);
    outcome->is_ok = play_body(&run) && check_end(&run);
  }
  injector_disarm(record->device->disk);
  if (!outcome->is_ok) {
    char ignored[MESSAGE_SIZE];
    close_all(record, ignored);
    return;
  }
  sqlite3_int64 leaked = sqlite3_memory_used() - memory_before;
  if (leaked == 0) return;
  outcome->is_ok = false;
  sqlite3_snprintf(MESSAGE_SIZE, outcome->message, "%lld bytes of SQLite's memory leaked", leaked);
}
