/*
 * main.c: the fault harness as a program. It plays jobs of one scenario and prints a line of JSON for each:
 *
 *     faults LIBRARY SCENARIO JOURNAL count
 *     faults LIBRARY SCENARIO JOURNAL KIND/once|forever/FIRST/STRIDE/COUNT/SEED ...
 *
 * LIBRARY is the extension, or - when it is linked into this program; JOURNAL is wal, normal or delete. A job plays
 * COUNT points of a kind of fault, from FIRST in steps of STRIDE. With a SEED (not 0) other faults follow the first
 * one, and a power loss does other damage. The point that is played stands on stderr, in case the program ends there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

typedef struct {
  char kind[NAME_SIZE];
  char mode[NAME_SIZE];
  unsigned long long first;
  unsigned long long stride;
  unsigned long long count;
  unsigned long long seed;
} job;

static const char *const COUNTED[] = {
    "memory", "core",   "interrupt",      "kill",   "power-sync", "read", "write", "sync",     "truncate", "size",
    "open",   "delete", "directory-sync", "access", "lock",       "shm",  "shm-lock",
};

static void print_counts(const record *record) {
  printf("{");
  for (size_t index = 0; index < sizeof(COUNTED) / sizeof(COUNTED[0]); index++) {
    uint64_t count = injector_count(record->device->disk, COUNTED[index]);
    printf("%s\"%s\":%llu", index == 0 ? "" : ",", COUNTED[index], (unsigned long long)count);
  }
  printf("}\n");
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text >= ' ') putchar(*text);
  }
  putchar('"');
}

static void say_point(const job *job, unsigned long long point) {
  char line[128];
  int size = snprintf(line, sizeof(line), "point %s/%s/%llu/1/1/%llu\n", job->kind, job->mode, point, job->seed);
  if (write(STDERR_FILENO, line, (size_t)size) != size) exit(2);
}

static void play_job(record *record, const job *job) {
  unsigned long long fired = 0, errors = 0, nevertheless = 0, lost = 0, failures = 0;
  printf("{\"failures\":[");
  for (unsigned long long index = 0; index < job->count; index++) {
    fault fault = {.name = job->kind, .forever = strcmp(job->mode, "forever") == 0};
    fault.point = job->first + index * job->stride;
    fault.seed = job->seed == 0 && !is_end(job->kind) ? 0 : job->seed * 1000003 + fault.point;
    say_point(job, fault.point);
    outcome outcome;
    play_fault(record, &fault, &outcome);
    fired += outcome.fired;
    errors += (unsigned long long)outcome.errors;
    nevertheless += (unsigned long long)outcome.done_nevertheless;
    lost += (unsigned long long)outcome.lost_steps;
    if (outcome.is_ok) continue;
    printf("%s{\"point\":%llu,\"message\":", failures++ == 0 ? "" : ",", (unsigned long long)fault.point);
    print_text(outcome.message);
    printf("}");
  }
  printf("],\"points\":%llu,\"fired\":%llu,\"errors\":%llu,\"nevertheless\":%llu,\"lost\":%llu}\n", job->count,
         fired, errors, nevertheless, lost);
}

static bool read_job(const char *text, job *job) {
  int fields = sscanf(text, "%31[^/]/%31[^/]/%llu/%llu/%llu/%llu", job->kind, job->mode, &job->first, &job->stride,
                      &job->count, &job->seed);
  return fields == 6 && job->first > 0 && is_known_kind(job->kind);
}

static void free_device(device *device) {
  for (int index = 0; index < device->kept_count; index++) free(device->kept[index].data);
}

int main(int count, char **arguments) {
  if (count < 5 || journal_named(arguments[3]) == NULL) {
    fputs("usage: faults LIBRARY SCENARIO wal|normal|delete count | KIND/once|forever/FIRST/STRIDE/COUNT/SEED ...\n",
          stderr);
    return 2;
  }
  injector_start();
  if (strcmp(arguments[1], "-") != 0) injector_watch_library(arguments[1]);
  static scenario scenario;
  scenario_read(&scenario, arguments[2]);
  static device device;
  device.library = arguments[1];
  device.journal = journal_named(arguments[3]);
  device.disk = disk_make("device");
  injector_watch_sleep(device.disk);
  device.other_disk = disk_make("other");
  static record record;
  record.scenario = &scenario;
  record.device = &device;
  record.prepared = disk_make("prepared");
  char message[MESSAGE_SIZE] = "";
  if (!play_record(&record, message)) {
    fprintf(stderr, "%s fails without a fault: %s\n", arguments[2], message);
    return 1;
  }
  if (strcmp(arguments[4], "count") == 0) {
    play_count(&record);
    print_counts(&record);
  }
  for (int index = 4; index < count && strcmp(arguments[4], "count") != 0; index++) {
    job job;
    if (!read_job(arguments[index], &job)) return 2;
    play_job(&record, &job);
  }
  scenario_free(&scenario);
  free_device(&device);
  disk_reset(device.disk);
  disk_reset(device.other_disk);
  disk_reset(record.prepared);
  return 0;
}
