/*
 * mutate.c: takes an input of the corpus and changes it in one to eight places: bits, bytes and numbers, lengths and
 * heads of MessagePack items, runs of bytes moved, doubled, removed or taken from another input.
 */
#include "mutate.h"

#include <string.h>

/** Larger inputs cost time without showing more; most mutations grow less. */
enum { COMMON_SIZE_MAX = 4096 };

static uint64_t state = 1;

void random_seed(uint64_t seed) { state = seed * 2 + 1; }

/** xorshift64*. */
static uint64_t random_word(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1d;
}

uint32_t random_below(uint32_t limit) { return (uint32_t)(((random_word() >> 32) * limit) >> 32); }

typedef struct {
  uint8_t *bytes;
  uint32_t size;
} buffer;

static uint32_t run_in(const buffer *buffer, uint32_t at) {
  uint32_t rest = buffer->size - at;
  uint32_t length = 1 + random_below(random_below(4) == 0 ? 256 : 16);
  return length < rest ? length : rest;
}

static void insert(buffer *buffer, uint32_t at, const uint8_t *bytes, uint32_t count) {
  if (count > INPUT_MAX - buffer->size) return;
  memmove(buffer->bytes + at + count, buffer->bytes + at, buffer->size - at);
  memcpy(buffer->bytes + at, bytes, count);
  buffer->size += count;
}

static void erase(buffer *buffer, uint32_t at, uint32_t count) {
  memmove(buffer->bytes + at, buffer->bytes + at + count, buffer->size - at - count);
  buffer->size -= count;
}

static const uint8_t edge_bytes[] = {0x00, 0x01, 0x0f, 0x10, 0x1f, 0x20, 0x7f,
                                     0x80, 0x8f, 0x90, 0xa0, 0xc0, 0xe0, 0xff};

/** Heads of MessagePack items with the numbers behind them, the first byte is how many follow. */
static const uint8_t heads[][10] = {
    {1, 0x90},       {1, 0x91},       {1, 0x94},       {1, 0x96},       {1, 0x9f},       {1, 0xa0},
    {1, 0xc0},       {1, 0xc2},       {1, 0x80},       {1, 0xc1},       {2, 0xc4, 0},    {2, 0xc4, 1},
    {2, 0xc4, 16},   {2, 0xc4, 255},  {2, 0xcc, 0x80}, {2, 0xcc, 0xff}, {2, 0xd0, 0x80}, {2, 0xd9, 32},
    {2, 0xd9, 36},   {2, 0xd8, 1},    {2, 0xd8, 2},
    {3, 0xcd, 1, 0}, {3, 0xcd, 0xff, 0xff},            {3, 0xd1, 0x80, 0},
    {3, 0xdc, 0, 16},                 {3, 0xdc, 0xff, 0xff},            {3, 0xda, 1, 0},
    {3, 0xda, 0xff, 0xff},            {3, 0xc5, 1, 0}, {3, 0xc5, 0xff, 0xff},
    {5, 0xdd, 0, 1, 0, 0},            {5, 0xdd, 0xff, 0xff, 0xff, 0xff},
    {5, 0xdb, 0, 1, 0, 0},            {5, 0xdb, 0xff, 0xff, 0xff, 0xff},
    {5, 0xc6, 0, 1, 0, 0},            {5, 0xc6, 0xff, 0xff, 0xff, 0xff},
    {5, 0xce, 0, 1, 0, 0},            {5, 0xce, 0xff, 0xff, 0xff, 0xff},
    {5, 0xd2, 0x80, 0, 0, 0},         {9, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0},
    {9, 0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    {9, 0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    {9, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    {9, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0},
    {9, 0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 1},
    {9, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0},
    {9, 0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0},
};

static void put_head(buffer *buffer, uint32_t at, bool over) {
  const uint8_t *head = heads[random_below(sizeof(heads) / sizeof(heads[0]))];
  if (!over || head[0] > buffer->size - at) insert(buffer, at, head + 1, head[0]);
  else memcpy(buffer->bytes + at, head + 1, head[0]);
}

/** Adds a small number to a byte, or to a number of 2, 4 or 8 bytes in either order. */
static void add_number(buffer *buffer, uint32_t at) {
  uint32_t width = 1u << random_below(4);
  if (width > buffer->size - at) width = 1;
  bool big = random_below(2) == 0;
  uint64_t value = 0;
  for (uint32_t i = 0; i < width; i++) value = value << 8 | buffer->bytes[at + (big ? i : width - 1 - i)];
  uint32_t step = 1 + random_below(random_below(2) == 0 ? 4 : 300);
  value = random_below(2) == 0 ? value + step : value - step;
  for (uint32_t i = 0; i < width; i++) {
    buffer->bytes[at + (big ? width - 1 - i : i)] = (uint8_t)(value >> (8 * i));
  }
}

/** Changes the length of the next array, str or bin: in its head, or in the byte behind it. */
static void change_length(buffer *buffer, uint32_t at) {
  for (uint32_t i = at; i + 1 < buffer->size && i < at + 64; i++) {
    uint8_t head = buffer->bytes[i];
    bool small = head >= 0x90 && head <= 0xbf;
    bool sized = (head >= 0xc4 && head <= 0xc6) || (head >= 0xd9 && head <= 0xdd);
    if (!small && !sized) continue;
    uint32_t place = small ? i : i + 1;
    buffer->bytes[place] = (uint8_t)(buffer->bytes[place] + (random_below(2) == 0 ? 1 : 255));
    return;
  }
}

static void take_from_other(buffer *buffer, int target, uint32_t at) {
  const input *other = corpus_get(target, (int)random_below((uint32_t)corpus_count(target)));
  if (other->size == 0) return;
  uint32_t from = random_below(other->size);
  uint32_t length = 1 + random_below(other->size - from);
  if (random_below(2) == 0) {
    insert(buffer, at, other->bytes + from, length);
    return;
  }
  uint32_t room = INPUT_MAX - at;
  if (length > room) length = room;
  memcpy(buffer->bytes + at, other->bytes + from, length);
  if (at + length > buffer->size) buffer->size = at + length;
}

static void move_run(buffer *buffer, uint32_t at) {
  uint32_t length = run_in(buffer, at);
  uint32_t to = random_below(buffer->size - length + 1);
  memmove(buffer->bytes + to, buffer->bytes + at, length);
}

static void double_run(buffer *buffer, uint32_t at) {
  uint8_t copy[512];
  uint32_t length = run_in(buffer, at);
  memcpy(copy, buffer->bytes + at, length);
  insert(buffer, at, copy, length);
}

static void change_once(buffer *buffer, int target) {
  if (buffer->size == 0) {
    put_head(buffer, 0, false);
    return;
  }
  uint32_t at = random_below(buffer->size);
  switch (random_below(13)) {
    case 0:
    case 1:
      buffer->bytes[at] ^= (uint8_t)(1u << random_below(8));
      break;
    case 2:
      buffer->bytes[at] = (uint8_t)random_below(256);
      break;
    case 3:
      buffer->bytes[at] = edge_bytes[random_below(sizeof(edge_bytes))];
      break;
    case 4:
    case 5:
      add_number(buffer, at);
      break;
    case 6:
      change_length(buffer, at);
      break;
    case 7:
      put_head(buffer, at, random_below(2) == 0);
      break;
    case 8:
      erase(buffer, at, run_in(buffer, at));
      break;
    case 9:
      double_run(buffer, at);
      break;
    case 10:
      move_run(buffer, at);
      break;
    case 11:
      take_from_other(buffer, target, at);
      break;
    default:
      if (random_below(4) == 0) buffer->size = at;
      else buffer->bytes[at] ^= 0x80;
  }
}

/** An input of the target: the newest ones more often, large ones seldom. */
static const input *choose(int target) {
  uint32_t count = (uint32_t)corpus_count(target);
  const input *chosen = NULL;
  for (int tries = 0; tries < 8; tries++) {
    uint32_t span = random_below(3) == 0 ? count / 4 + 1 : count;
    chosen = corpus_get(target, (int)(count - 1 - random_below(span)));
    if (chosen->size <= COMMON_SIZE_MAX || random_below(64) == 0) break;
  }
  return chosen;
}

uint32_t mutate(int target, uint8_t *bytes) {
  const input *parent = choose(target);
  buffer buffer = {bytes, parent->size};
  memcpy(bytes, parent->bytes, parent->size);
  uint32_t changes = 1 + random_below(1u << random_below(4));
  for (uint32_t i = 0; i < changes; i++) change_once(&buffer, target);
  return buffer.size;
}
