/*
 * scenario.c: reads a scenario: paragraphs of SQL separated by empty lines. The first lines of a paragraph may be
 * comments, and words that say where and how it is done:
 *
 *     @body        from here on it is the body, whose steps meet the faults; before, it is preparation
 *     @second      on the second connection to the same file
 *     @other       on another device, which only takes part in the preparation
 *     @open        opens the connection anew, with the extension
 *     @keep NAME   keeps the value that the last statement answers; kept('NAME') is it in later paragraphs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void stop(const char *path, const char *why) {
  fprintf(stderr, "%s: %s\n", path, why);
  exit(2);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) stop(path, "cannot be read");
  size_t capacity = 1 << 20;
  char *text = malloc(capacity);
  size_t size = text == NULL ? 0 : fread(text, 1, capacity - 1, file);
  if (text == NULL || size == capacity - 1) stop(path, "is too large");
  text[size] = '\0';
  fclose(file);
  return text;
}

/** Reads the words of a line that begins with @. */
static void read_words(step *step, char *line, bool *is_body, const char *path) {
  for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
    if (strcmp(word, "@body") == 0) {
      *is_body = true;
    } else if (strcmp(word, "@second") == 0) {
      step->place = ON_SECOND;
    } else if (strcmp(word, "@other") == 0) {
      step->place = ON_OTHER;
    } else if (strcmp(word, "@open") == 0) {
      step->opens = true;
    } else if (strcmp(word, "@keep") == 0) {
      const char *name = strtok(NULL, " ");
      if (name == NULL || strlen(name) >= NAME_SIZE) stop(path, "@keep needs a short name");
      strcpy(step->keep, name);
    } else {
      stop(path, word);
    }
  }
}

static void add_paragraph(scenario *scenario, char *paragraph, bool *is_body, const char *path) {
  step step = {.place = ON_DEVICE};
  char *text = paragraph;
  while (*text == '@' || strncmp(text, "--", 2) == 0) {
    char *end = strchr(text, '\n');
    char *next = end == NULL ? text + strlen(text) : end + 1;
    if (end != NULL) *end = '\0';
    if (*text == '@') read_words(&step, text, is_body, path);
    text = next;
  }
  step.sql = text;
  if (*text == '\0' && !step.opens) return;
  int *count = *is_body ? &scenario->body_count : &scenario->preparation_count;
  if (*count == STEPS_MAX) stop(path, "has too many paragraphs");
  (*is_body ? scenario->body : scenario->preparation)[(*count)++] = step;
}

void scenario_read(scenario *scenario, const char *path) {
  memset(scenario, 0, sizeof(*scenario));
  scenario->text = read_file(path);
  bool is_body = false;
  char *paragraph = scenario->text;
  while (paragraph != NULL) {
    while (*paragraph == '\n') paragraph++;
    char *end = strstr(paragraph, "\n\n");
    if (end != NULL) *end = '\0';
    add_paragraph(scenario, paragraph, &is_body, path);
    paragraph = end == NULL ? NULL : end + 2;
  }
  if (scenario->body_count == 0) stop(path, "has no body");
}

void scenario_free(scenario *scenario) { free(scenario->text); }
