/*
 * main.c: the fuzzer of the readers of bytes, one process, guided by coverage where the compiler offers it.
 *
 *     decoder <corpus> <crashers> <finds> <count> <seed>   runs all files, then `count` mutations of them; inputs
 *                                                          that fail, and the first that reach new code, go to <finds>
 *     decoder run <target> <file>                          runs one file and says what becomes of it
 *
 * The last line of the output is a report for the test. Exit code 0: nothing failed; 1: something did.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "corpus.h"
#include "mutate.h"
#include "run.h"

/** So many failing inputs are kept; then it ends. */
enum { FAILURES_MAX = 20 };

static const char *const outcome_names[] = {"refused", "accepted", "broken", "trapped", "memory"};

/** How often each target gets an input, in the order of their names. */
static const uint32_t weights[TARGETS] = {34, 30, 8, 3, 6, 6, 2, 1, 1, 1, 2, 6};

static struct {
  uint64_t count, failures, files, finds;
  uint64_t accepted[TARGETS], ran[TARGETS];
} total;

static uint8_t bytes[INPUT_MAX];
static uint32_t size;
static int target;
static const char *finds;

static void report(void) {
  printf("{\"count\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"files\":%" PRIu64 ",\"finds\":%" PRIu64
         ",\"edges\":%u,\"accepted\":{",
         total.count, total.failures, total.files, total.finds, edges_reached());
  for (int i = 0; i < TARGETS; i++) {
    printf("%s\"%s\":[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "", target_names[i], total.accepted[i], total.ran[i]);
  }
  printf("}}\n");
  fflush(stdout);
}

static void failed(const char *label, const char *what) {
  total.failures++;
  save_input(finds, target, label, total.count, bytes, size);
  fprintf(stderr, "FAILED input %" PRIu64 " of %u bytes for %s: %s; kept as %s/%s-%s-%" PRIu64 ".bin\n", total.count,
          size, target_names[target], what, finds, target_names[target], label, total.count);
}

/** The signal handler's end: the process cannot go on, because the input does not end. */
static void too_slow(void) {
  failed("slow", "takes too long");
  report();
  _exit(1);
}

static void judge(outcome outcome) {
  total.ran[target]++;
  if (outcome == ACCEPTED) total.accepted[target]++;
  else if (outcome == BROKEN) failed("broken", "written and read again it is something else");
  else if (outcome != REFUSED) failed("crash", trap_text());
}

static bool run_file(int file_target, const uint8_t *content, uint32_t length, const char *name) {
  target = file_target;
  size = length;
  memcpy(bytes, content, length);
  uint64_t before = total.failures;
  total.files++;
  judge(run_input(target, bytes, size, false));
  if (total.failures != before) fprintf(stderr, "  that was the file %s\n", name);
  return corpus_add(target, content, length);
}

static void keep_find(void) {
  if (!corpus_add(target, bytes, size)) return;
  total.finds++;
  if (total.finds < 2000) save_input(finds, target, "find", total.count, bytes, size);
}

static int choose_target(void) {
  uint32_t place = random_below(100);
  int chosen = 0;
  while (place >= weights[chosen]) place -= weights[chosen++];
  return chosen;
}

static void fuzz(uint64_t count) {
  edges_are_new();
  while (total.count < count && total.failures < FAILURES_MAX) {
    total.count++;
    target = choose_target();
    size = mutate(target, bytes);
    judge(run_input(target, bytes, size, random_below(2) == 0));
    if (edges_are_new()) keep_find();
  }
}

static int run_one(const char *name, const char *path) {
  char prefix[64];
  snprintf(prefix, sizeof(prefix), "%s-", name);
  target = target_of(prefix);
  if (target < 0 || !read_input(path, bytes, &size)) return 2;
  outcome outcome = run_input(target, bytes, size, false);
  printf("%s%s%s\n", outcome_names[outcome], outcome >= TRAPPED ? ": " : "", outcome >= TRAPPED ? trap_text() : "");
  return outcome >= BROKEN;
}

int main(int argument_count, char **arguments) {
  if (argument_count == 4 && strcmp(arguments[1], "run") == 0) return run_one(arguments[2], arguments[3]);
  if (argument_count != 6) {
    fprintf(stderr, "decoder <corpus> <crashers> <finds> <count> <seed> | decoder run <target> <file>\n");
    return 2;
  }
  finds = arguments[3];
  random_seed(strtoull(arguments[5], NULL, 10));
  run_watch(too_slow);
  for (int folder = 1; folder <= 2; folder++) {
    if (visit_folder(arguments[folder], run_file) < 0) {
      perror(arguments[folder]);
      return 2;
    }
  }
  for (int i = 0; i < TARGETS; i++) {
    if (corpus_count(i) == 0) corpus_add(i, (const uint8_t *)"", 0);
  }
  fuzz(strtoull(arguments[4], NULL, 10));
  report();
  return total.failures > 0;
}
