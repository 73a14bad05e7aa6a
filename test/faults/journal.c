/*
 * journal.c: the ways to journal that the harness plays: two that lose nothing with the power, and WAL as most
 * applications use it, which may lose the newest transactions.
 */
#include <string.h>

#include "harness.h"

static const journal journals[] = {
    {"wal", "WAL", "FULL", true},
    {"normal", "WAL", "NORMAL", false},
    {"delete", "DELETE", "EXTRA", true},
};

const journal *journal_named(const char *name) {
  for (size_t index = 0; index < sizeof(journals) / sizeof(journals[0]); index++) {
    if (strcmp(journals[index].name, name) == 0) return &journals[index];
  }
  return NULL;
}
