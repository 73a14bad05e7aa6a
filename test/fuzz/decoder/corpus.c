/*
 * corpus.c: keeps inputs in memory, reads and writes them as files; corpus.h has the contract.
 */
#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS_PER_TARGET = 8192, PATH_SIZE = 4096 };

const char *const target_names[TARGETS] = {
    "packet",  "body",          "values",      "varints",      "lz4",         "changes",
    "deleted", "error",         "registration", "publication", "push",        "page",
};

static input inputs[TARGETS][INPUTS_PER_TARGET];
static int counts[TARGETS];

int target_of(const char *name) {
  for (int target = 0; target < TARGETS; target++) {
    size_t length = strlen(target_names[target]);
    if (strncmp(name, target_names[target], length) == 0 && name[length] == '-') return target;
  }
  return -1;
}

bool corpus_add(int target, const uint8_t *bytes, uint32_t size) {
  if (counts[target] == INPUTS_PER_TARGET) return false;
  uint8_t *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) return false;
  memcpy(copy, bytes, size);
  inputs[target][counts[target]++] = (input){copy, size};
  return true;
}

int corpus_count(int target) { return counts[target]; }

const input *corpus_get(int target, int index) { return &inputs[target][index]; }

bool read_input(const char *path, uint8_t *buffer, uint32_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return false;
  }
  *size = (uint32_t)fread(buffer, 1, INPUT_MAX, file);
  bool whole = feof(file) != 0 || fgetc(file) == EOF;
  fclose(file);
  if (!whole) fprintf(stderr, "%s is larger than %d bytes\n", path, INPUT_MAX);
  return whole;
}

void save_input(const char *folder, int target, const char *label, uint64_t number, const uint8_t *bytes,
                uint32_t size) {
  char path[PATH_SIZE];
  snprintf(path, sizeof(path), "%s/%s-%s-%llu.bin", folder, target_names[target], label,
           (unsigned long long)number);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size) perror(path);
  if (file != NULL) fclose(file);
}

int visit_folder(const char *folder, bool (*visit)(int target, const uint8_t *bytes, uint32_t size, const char *name)) {
  static uint8_t buffer[INPUT_MAX];
  struct dirent **entries = NULL;
  int count = scandir(folder, &entries, NULL, alphasort);
  int visited = count < 0 ? -1 : 0;
  for (int i = 0; i < count; i++) {
    char path[PATH_SIZE];
    int target = target_of(entries[i]->d_name);
    uint32_t size = 0;
    snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
    if (target >= 0 && read_input(path, buffer, &size)) {
      visit(target, buffer, size, entries[i]->d_name);
      visited++;
    }
    free(entries[i]);
  }
  free(entries);
  return visited;
}
