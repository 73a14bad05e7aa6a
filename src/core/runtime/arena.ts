/**
 * arena.ts: the memory manager of the core, given to the compiler as its runtime.
 *
 * The core keeps no state between calls, so nothing ever needs to be freed one by one: objects are laid out one after
 * another, a function that works in a loop takes a mark before and releases everything above it after each round, and
 * the outermost call starts from an empty arena. There is no garbage collector and no free list; what is released is
 * simply written over. So an object that outlives a release must not be given anything allocated after the mark: what a
 * loop needs in every round (statements, buffers that may grow) is made before the mark or anew in each round.
 * Growth is in steps of what is needed plus 64 KiB, never by doubling.
 *
 * Layout of a managed object (as the compiler expects it):
 *
 *     -20 size of the block  -16 unused  -12 unused  -8 class id  -4 size in bytes  0 the object
 */
import { abortOutOfMemory } from './abort';

const HEADER: usize = 20;
const GROW_PAGES: i32 = 1;

// @ts-ignore: decorator
@lazy let start: usize = (__heap_base + 15) & ~15;
// @ts-ignore: decorator
@lazy let top: usize = start;
// @ts-ignore: decorator
@lazy let base: usize = 0;

/** Position that `arenaRelease` can go back to. */
export function arenaMark(): usize {
  return top;
}

/** Gives back everything allocated since `mark` was taken. */
export function arenaRelease(mark: usize): void {
  assert(mark >= start && mark <= top);
  top = mark;
}

/** Empties the arena, down to what module initialisation has put there. */
export function arenaReset(): void {
  if (base == 0) base = top;
  top = base;
}

/**
 * Reserves `size` bytes, aligned to 16, not cleared. Traps as "out of memory" when the memory cannot grow; callers
 * check sizes that come from outside against the limits first.
 */
export function arenaAllocate(size: usize): usize {
  const block = top;
  const available = (<usize>memory.size() << 16) - block;
  if (size > available) growBy(size - available);
  top = (block + size + 15) & ~15;
  const end = <usize>memory.size() << 16;
  if (top > end) growBy(16);
  return block;
}

function growBy(missing: usize): void {
  if (missing > 0x7fff0000) abortOutOfMemory();
  const pages = <i32>((missing + 0xffff) >>> 16);
  if (memory.grow(pages + GROW_PAGES) < 0 && memory.grow(pages) < 0) abortOutOfMemory();
}

// @ts-ignore: decorator
@unsafe @global
export function __alloc(size: usize): usize {
  const block = arenaAllocate(size + 16);
  store<u32>(block + 12, <u32>size);
  return block + 16;
}

// @ts-ignore: decorator
@unsafe @global
export function __realloc(pointer: usize, size: usize): usize {
  const old = <usize>load<u32>(pointer - 4);
  if (size <= old) return pointer;
  const moved = __alloc(size);
  memory.copy(moved, pointer, old);
  return moved;
}

// @ts-ignore: decorator
@unsafe @global
export function __free(pointer: usize): void {}

// @ts-ignore: decorator
@unsafe @global
export function __new(size: usize, id: u32): usize {
  const block = arenaAllocate(size + 32);
  const object = block + 32;
  store<u32>(object - HEADER, <u32>size);
  store<u32>(object - 8, id);
  store<u32>(object - 4, <u32>size);
  memory.fill(object, 0, size);
  return object;
}

// @ts-ignore: decorator
@unsafe @global
export function __renew(pointer: usize, size: usize): usize {
  const old = <usize>load<u32>(pointer - 4);
  if (size <= <usize>load<u32>(pointer - HEADER)) {
    store<u32>(pointer - 4, <u32>size);
    return pointer;
  }
  const moved = __new(size, load<u32>(pointer - 8));
  memory.copy(moved, pointer, old);
  return moved;
}

// @ts-ignore: decorator
@unsafe @global
export function __link(parent: usize, child: usize, expectMultiple: bool): void {}

// @ts-ignore: decorator
@unsafe @global
export function __pin(pointer: usize): usize {
  return pointer;
}

// @ts-ignore: decorator
@unsafe @global
export function __unpin(pointer: usize): void {}

// @ts-ignore: decorator
@unsafe @global
export function __visit(pointer: usize, cookie: u32): void {}

// @ts-ignore: decorator
@unsafe @global
export function __collect(): void {}
