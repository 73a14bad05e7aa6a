/*
 * disk_end.c: how it ends for everybody who has files of a simulated disk open: killed, or without power.
 */
#include <string.h>

#include "disk_state.h"

/** How likely the writes of one power loss are to be kept, in percent; drawn for each power loss. */
static const int KEEP_CHANCES[] = {0, 20, 50, 80, 95};

uint64_t random_next(uint64_t *state) {
  uint64_t value = (*state += 0x9e3779b97f4a7c15);
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

static bool chance(uint64_t *random, int percent) { return (int)(random_next(random) % 100) < percent; }

/** All handles die; locks, shared memory and files that only handles held are gone. */
static void kill_handles(disk *disk) {
  disk->epoch++;
  disk->ends++;
  node *next = NULL;
  for (node *node = disk->nodes; node != NULL; node = next) {
    next = node->next;
    node->handles = 0;
    node->sharers = 0;
    node->writer = NULL;
    node->shared_memory = NULL;
    node_release(disk, node);
  }
}

void end_crash(disk *disk) { kill_handles(disk); }

/** Fills the sectors of a write, or some of them, with garbage; those that it only touches are its own affair when
 * the disk is powersafe. */
static void garble(disk *disk, node *node, const operation *write, uint64_t *random) {
  uint64_t begin = write->offset;
  uint64_t end = write->offset + write->size;
  if (!disk->is_powersafe) {
    begin -= begin % SECTOR_SIZE;
    end += (SECTOR_SIZE - end % SECTOR_SIZE) % SECTOR_SIZE;
  }
  for (uint64_t at = begin; at < end; at++) {
    uint8_t byte = (uint8_t)random_next(random);
    bytes_write(&node->durable, at, &byte, 1);
  }
}

/** Writes those sectors that chance chooses; the others keep what they had. */
static void tear(node *node, const operation *write, uint64_t *random) {
  uint64_t at = 0;
  while (at < write->size) {
    uint64_t size = SECTOR_SIZE - (write->offset + at) % SECTOR_SIZE;
    if (size > write->size - at) size = write->size - at;
    if (random_next(random) % 2 == 0) bytes_write(&node->durable, write->offset + at, write->data + at, size);
    at += size;
  }
}

/** Gives every unsynced write its fate; what results is the content from now on. */
static void lose(disk *disk, node *node, int keep_chance, uint64_t *random) {
  for (const operation *each = node->first_unsynced; each != NULL; each = each->next) {
    bool is_kept = chance(random, keep_chance);
    if (each->is_truncate) {
      if (is_kept) bytes_truncate(&node->durable, each->offset);
    } else if (is_kept) {
      bytes_write(&node->durable, each->offset, each->data, each->size);
    } else if (chance(random, 25)) {
      garble(disk, node, each, random);
    } else if (chance(random, 33)) {
      tear(node, each, random);
    }
  }
  operations_free(node);
  bytes_copy(&node->content, &node->durable);
}

/** The file that the directory on the disk has under this name although it was deleted, or NULL. */
static node *find_deleted(disk *disk, const char *name) {
  for (node *node = disk->nodes; node != NULL; node = node->next) {
    if (!node->is_linked && node->is_name_durable && strcmp(node->name, name) == 0) return node;
  }
  return NULL;
}

/** Decides which file a name has afterwards: the new one, the deleted one, or none. */
static void settle_name(disk *disk, node *node, uint64_t *random) {
  if (node->is_linked && !node->is_name_durable) {
    struct node *deleted = find_deleted(disk, node->name);
    node->is_linked = random_next(random) % 2 == 0;
    node->is_name_durable = node->is_linked;
    if (node->is_linked && deleted != NULL) deleted->is_name_durable = false;
  } else if (!node->is_linked && node->is_name_durable && node_find(disk, node->name) == NULL) {
    node->is_linked = random_next(random) % 2 == 0;
    node->is_name_durable = node->is_linked;
  }
}

void end_power_loss(disk *disk, uint64_t seed) {
  uint64_t random = seed;
  int keep_chance = KEEP_CHANCES[random_next(&random) % (sizeof(KEEP_CHANCES) / sizeof(KEEP_CHANCES[0]))];
  kill_handles(disk);
  for (node *node = disk->nodes; node != NULL; node = node->next) lose(disk, node, keep_chance, &random);
  for (node *node = disk->nodes; node != NULL; node = node->next) {
    if (node->is_linked) settle_name(disk, node, &random);
  }
  for (node *node = disk->nodes; node != NULL; node = node->next) {
    if (!node->is_linked) settle_name(disk, node, &random);
  }
  directory_sync(disk);
}

void disk_crash(disk *disk) {
  pthread_mutex_lock(&disk->mutex);
  end_crash(disk);
  pthread_mutex_unlock(&disk->mutex);
}

void disk_power_loss(disk *disk, uint64_t seed) {
  pthread_mutex_lock(&disk->mutex);
  end_power_loss(disk, seed);
  pthread_mutex_unlock(&disk->mutex);
}

int disk_ends(disk *disk) { return disk->ends; }
