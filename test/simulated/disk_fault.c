/*
 * disk_fault.c: the counted calls of a simulated disk, and which of them fail or end everything.
 */
#include <string.h>

#include "disk_state.h"

/*
 * A short read is no error to SQLite but the end of the file, so it stands for a disk that lies: nothing is promised
 * then except that nobody crashes.
 */
const fault_kind fault_kinds[] = {
    {"read", CALL_READ, SQLITE_IOERR_READ},
    {"short-read", CALL_READ, SQLITE_IOERR_SHORT_READ},
    {"write", CALL_WRITE, SQLITE_IOERR_WRITE},
    {"full", CALL_WRITE, SQLITE_FULL},
    {"sync", CALL_SYNC, SQLITE_IOERR_FSYNC},
    {"truncate", CALL_TRUNCATE, SQLITE_IOERR_TRUNCATE},
    {"size", CALL_SIZE, SQLITE_IOERR_FSTAT},
    {"open", CALL_OPEN, SQLITE_CANTOPEN},
    {"delete", CALL_DELETE, SQLITE_IOERR_DELETE},
    {"directory-sync", CALL_DIRECTORY_SYNC, SQLITE_IOERR_DIR_FSYNC},
    {"access", CALL_ACCESS, SQLITE_IOERR_ACCESS},
    {"lock", CALL_LOCK, SQLITE_BUSY},
    {"lock-error", CALL_LOCK, SQLITE_IOERR_LOCK},
    {"shm", CALL_SHM_MAP, SQLITE_IOERR_SHMMAP},
    {"shm-lock", CALL_SHM_LOCK, SQLITE_BUSY},
    {"shm-lock-error", CALL_SHM_LOCK, SQLITE_IOERR_SHMLOCK},
    {"any", CALL_ANY, SQLITE_IOERR},
    {NULL, CALL_ANY, SQLITE_OK},
};

_Static_assert(sizeof(fault_kinds) / sizeof(fault_kinds[0]) <= FAULTS_MAX, "a plan for each way to fail");

const fault_kind *fault_kind_named(const char *name) {
  for (const fault_kind *each = fault_kinds; each->name != NULL; each++) {
    if (strcmp(each->name, name) == 0) return each;
  }
  return NULL;
}

/** Ends everything when this call is the one. */
static bool stops(disk *disk, call_kind kind) {
  stop_plan *stop = &disk->stop;
  if (stop->left == 0 || (stop->kind != kind && stop->kind != CALL_ANY)) return false;
  if (--stop->left > 0) return false;
  if (stop->loses_power) {
    end_power_loss(disk, stop->seed);
  } else {
    end_crash(disk);
  }
  return true;
}

/** Counts down; true when the call fails. */
static bool is_due(fault_plan *plan) {
  if (plan->left == 0) return false;
  if (plan->left > 1) {
    plan->left--;
    return false;
  }
  if (!plan->forever) plan->left = 0;
  return true;
}

int count_call(disk *disk, call_kind kind) {
  disk->calls[kind]++;
  disk->calls[CALL_ANY]++;
  if (stops(disk, kind)) return SQLITE_IOERR;
  int result = disk->hook == NULL ? SQLITE_OK : disk->hook(disk->hook_context, kind);
  for (const fault_kind *each = fault_kinds; each->name != NULL; each++) {
    if (each->kind != kind && each->kind != CALL_ANY) continue;
    if (!is_due(&disk->plans[each - fault_kinds])) continue;
    disk->faults++;
    if (result == SQLITE_OK) result = each->code;
  }
  return result;
}

void disk_fault(disk *disk, const fault_kind *fault, uint64_t nth, bool forever) {
  pthread_mutex_lock(&disk->mutex);
  disk->plans[fault - fault_kinds] = (fault_plan){.left = nth, .forever = forever};
  pthread_mutex_unlock(&disk->mutex);
}

void disk_fault_off(disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  memset(disk->plans, 0, sizeof(disk->plans));
  memset(&disk->stop, 0, sizeof(disk->stop));
  disk->hook = NULL;
  pthread_mutex_unlock(&disk->mutex);
}

void disk_stop_at(disk *disk, call_kind kind, uint64_t nth, bool loses_power, uint64_t seed) {
  pthread_mutex_lock(&disk->mutex);
  disk->stop = (stop_plan){.kind = kind, .left = nth, .loses_power = loses_power, .seed = seed};
  pthread_mutex_unlock(&disk->mutex);
}

void disk_set_call_hook(disk *disk, call_hook hook, void *context) {
  pthread_mutex_lock(&disk->mutex);
  disk->hook = hook;
  disk->hook_context = context;
  pthread_mutex_unlock(&disk->mutex);
}

uint64_t disk_calls(disk *disk, call_kind kind) { return disk->calls[kind]; }

uint64_t disk_faults(disk *disk) { return disk->faults; }
