/**
 * counters.ts: the two counters of a database: `seq`, the local arrival number of changes, and the Lamport clock.
 * They are read at the start of a write transaction, kept here while it runs, and written back before it ends; a
 * rollback takes them back together with the changes that used them.
 *
 * The clock is a Lamport clock (Lamport 1978, "Time, clocks, and the ordering of events in a distributed system") whose
 * steps also follow wall time: clock = max(clock + 1, microseconds of the write). So of two concurrent writes the later
 * one in wall time usually wins.
 */
import { setInteger, settingInteger } from './settings';

/** Largest clock: 2^53 - 1, so that every host language can hold it exactly. */
export const CLOCK_MAX: i64 = 9007199254740991;

let seq: i64 = 0;
let clock: i64 = 0;
let savedSeq: i64 = 0;
let savedClock: i64 = 0;

export function loadCounters(): void {
  seq = settingInteger('seq', 0);
  clock = settingInteger('clock', 0);
  savedSeq = seq;
  savedClock = clock;
}

export function saveCounters(): bool {
  if (seq != savedSeq && !setInteger('seq', seq)) return false;
  if (clock != savedClock && !setInteger('clock', clock)) return false;
  savedSeq = seq;
  savedClock = clock;
  return true;
}

export function currentSeq(): i64 {
  return seq;
}

export function nextSeq(): i64 {
  seq += 1;
  return seq;
}

/** Reserves `count` numbers and returns the one before the first of them. */
export function takeSeqs(count: i64): i64 {
  seq += count;
  return seq - count;
}

/** Takes a number of nextSeq back that was not used. */
export function restoreSeq(value: i64): void {
  seq = value;
}

/** The clock of a local write at `microseconds` of wall time. It stops at CLOCK_MAX, which no wall clock reaches. */
export function nextClock(microseconds: i64): i64 {
  const next = clock + 1;
  clock = microseconds > next ? microseconds : next;
  if (clock > CLOCK_MAX) clock = CLOCK_MAX;
  return clock;
}

/** The largest clock that this database has given or seen. */
export function currentClock(): i64 {
  return clock;
}

/** A merge has seen `seen`: later local writes must be larger. */
export function liftClock(seen: i64): void {
  if (seen > clock) clock = seen;
}
