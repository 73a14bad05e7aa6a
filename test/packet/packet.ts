/**
 * The content of a packet as plain objects: what decode.ts makes of the bytes, what encode.ts turns into
 * bytes, and what the reference model merges. The terms are those of docs/PROTOCOL.md.
 */
import type { Value } from './value.js';

/** Row algorithms in the order of their numbers in a packet. */
export const ALGORITHMS = ['cls', 'dws', 'aws', 'gos'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Lamport clock and site; `site` is 32 lower-case hex digits, so that text order is byte order. */
export interface Stamp {
  clock: bigint;
  site: string;
}

/** A column's value and the stamp of the write that gave it. */
export interface Cell {
  stamp: Stamp;
  value: Value;
}

/** What the author of a write had before them: stamps up to the floor are unknown, of these sites it knew these. */
export interface Base {
  floor: bigint;
  /** One for each site, the largest clock first. */
  stamps: Stamp[];
}

/** One row: its causal length, its stamp, and what is known (in a packet: told) about its columns. */
export interface Row {
  key: Value[];
  cl: bigint;
  stamp: Stamp;
  columns: Map<string, Cell>;
  /** `aws`: per column the largest stamp that a deletion has seen. */
  deleted: Map<string, Stamp>;
  /** The bases of columns that travel with one. */
  bases?: Map<string, Base>;
}

/** A table as a packet names it, with the rows that the packet carries. */
export interface Table {
  name: string;
  algorithm: Algorithm;
  keyColumns: string[];
  columns: string[];
  rows: Row[];
}

export interface Packet {
  site: string;
  since: bigint;
  upto: bigint;
  tables: Table[];
}

/** Orders stamps: by clock, then by the bytes of the site. Negative, 0 or positive. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.clock !== b.clock) return a.clock < b.clock ? -1 : 1;
  return a.site < b.site ? -1 : a.site > b.site ? 1 : 0;
}

/** The larger of two stamps; one that is missing is below every other. */
export function laterStamp(a: Stamp | undefined, b: Stamp): Stamp {
  return a !== undefined && compareStamps(a, b) >= 0 ? a : b;
}
