/**
 * points.ts: the named points at which a process is killed: the calls of SQLite to its files, as one run without a kill
 * counted them.
 */
import { readFileSync } from 'node:fs';

/**
 * Where in a call of each kind a process dies. Moments that leave the same bytes behind are played once: after a write
 * is the same as in the middle of the next one, or before the sync that follows; a sync does nothing that a kill could
 * undo.
 */
const PLACES: Record<string, readonly string[]> = {
  open: ['after'],
  write: ['half'],
  sync: ['before'],
  truncate: ['before', 'after'],
  delete: ['before', 'after'],
  lock: ['before'],
  shmlock: ['before'],
};

/** The counts of a run: calls by kind and file ("write-wal"). */
export function readCounts(file: string): Map<string, number> {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(
    lines.map((line) => line.split(' ') as [string, string]).map(([name, n]) => [name, Number(n)]),
  );
}

/** All points of a run, as POINTS_KILL takes them. */
export function pointsOf(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].flatMap(([name, count]) => {
    const places = PLACES[name.split('-')[0] ?? ''] ?? [];
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    return numbers.flatMap((number) => places.map((place) => `${name}:${number}:${place}`));
  });
}

/** The number of all calls of a run. */
export function callsOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
