/**
 * The reference model of constraints under merge: from the merged state of a database (rows with stamps and
 * values) and a description of its constraints, which living rows the tables show and which are held. A pure
 * function, so that replicas with equal states show equal tables whatever order the packets came in. Written
 * to be read beside the rules, not to be fast: every call judges the whole database anew, and nothing of it is
 * shared with the core.
 *
 * Tables that refer to each other in a cycle form a group. Groups are judged parents first; within a group an older
 * row goes first and takes the ancestors with it that are not visible yet.
 */
import { writeItem } from '../packet/msgpack.js';
import { compareStamps, laterStamp, type Row, type Stamp } from '../packet/packet.js';
import { identity, NULL, type Value } from '../packet/value.js';
import { isAlive } from './merge.js';

/** Reads a column of a row, key columns too. */
export type Values = (column: string) => Value;

/** A unique index beside the primary key. */
export interface UniqueKey {
  /** All columns that take part, also those in expressions and in the condition. */
  columns: readonly string[];
  /** The values that are compared; without it those of the columns. Two NULLs are never equal. */
  terms?: (row: Values) => Value[];
  /** The condition of a partial index. */
  covers?: (row: Values) => boolean;
}

export type Action = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';

/** A foreign key. */
export interface Reference {
  columns: readonly string[];
  parent: string;
  parentColumns: readonly string[];
  onDelete: Action;
}

/** What a table demands of its rows. */
export interface TableRules {
  name: string;
  keyColumns: readonly string[];
  /** The columns beside the key, each with the value that it shows while nobody has told one. */
  columns: ReadonlyMap<string, Value>;
  /** NOT NULL, CHECK, types, RAISE: whether the table takes the row by itself. */
  accepts?: (row: Values) => boolean;
  uniqueKeys: readonly UniqueKey[];
  references: readonly Reference[];
}

/** A living row. */
export interface LivingRow {
  rules: TableRules;
  row: Row;
  values: Values;
  /** Table and key as text. */
  name: string;
}

export interface Verdict {
  visible: LivingRow[];
  held: LivingRow[];
}

interface Candidate extends LivingRow {
  /** Age in conflicts about unique values; undefined where none is possible. */
  rank: Stamp | undefined;
  keyBytes: Buffer;
  accepted: boolean;
  decision: 'open' | 'visible' | 'held';
}

/** The name of a row in verdicts. */
export function rowName(table: string, key: readonly Value[]): string {
  return `${table}(${identity(key)})`;
}

/**
 * Judges all living rows.
 * @param state the merged state, table by table
 * @param enforced PRAGMA foreign_keys of the connection that merges
 */
export function judge(
  tables: readonly TableRules[],
  state: ReadonlyMap<string, readonly Row[]>,
  enforced: boolean,
): Verdict {
  const judgement = new Judgement(tables, state, enforced);
  for (const group of groups(tables)) judgement.decideGroup(group);
  return judgement.verdict();
}

class Judgement {
  private readonly candidates = new Map<string, Candidate[]>();
  private readonly all: Candidate[] = [];

  constructor(
    tables: readonly TableRules[],
    state: ReadonlyMap<string, readonly Row[]>,
    private readonly enforced: boolean,
  ) {
    for (const rules of tables) {
      const rows = (state.get(rules.name) ?? []).filter(isAlive).map((row) => candidate(rules, row));
      this.candidates.set(rules.name, rows);
      this.all.push(...rows);
    }
  }

  decideGroup(group: readonly TableRules[]): void {
    const rows = group.flatMap(({ name }) => this.candidates.get(name) ?? []).sort(byAge);
    for (const row of rows) {
      if (row.decision !== 'open') continue;
      const together = new Set<Candidate>();
      const isShown = this.collect(row, together) && !this.conflicts(together);
      if (isShown) for (const each of together) each.decision = 'visible';
      else row.decision = 'held';
    }
  }

  verdict(): Verdict {
    return {
      visible: this.all.filter(({ decision }) => decision === 'visible'),
      held: this.all.filter(({ decision }) => decision === 'held'),
    };
  }

  /** Collects the row and its ancestors that are not visible yet. False when one of them can never be. */
  private collect(row: Candidate, together: Set<Candidate>): boolean {
    if (row.decision === 'visible' || together.has(row)) return true;
    if (row.decision === 'held' || !row.accepted) return false;
    together.add(row);
    if (!this.enforced) return true;
    return row.rules.references.every((reference) => {
      const parents = this.parents(row, reference);
      if (parents === undefined) return true;
      const parent = parents.find(({ decision }) => decision === 'visible') ?? parents.find(isPossible);
      return parent !== undefined && this.collect(parent, together);
    });
  }

  /** The living rows that a row refers to, oldest first; undefined where it refers to none. */
  private parents(row: Candidate, reference: Reference): Candidate[] | undefined {
    const wanted = reference.columns.map(row.values);
    if (wanted.some(isNull)) return undefined;
    const rows = this.candidates.get(reference.parent) ?? [];
    const same = rows.filter(
      ({ values }) => identity(reference.parentColumns.map(values)) === identity(wanted),
    );
    return same.sort(byAge);
  }

  /** True when rows that would become visible together take a unique value from each other or from a visible row. */
  private conflicts(together: ReadonlySet<Candidate>): boolean {
    return [...together].some((row) => {
      const others = this.candidates.get(row.rules.name) ?? [];
      return others.some(
        (other) =>
          other !== row && (other.decision === 'visible' || together.has(other)) && isSame(row, other),
      );
    });
  }
}

function isNull(value: Value): boolean {
  return value.type === 'null';
}

function isPossible({ accepted, decision }: Candidate): boolean {
  return accepted && decision === 'open';
}

/** True when some unique index takes two rows of a table for equal. */
function isSame(one: Candidate, other: Candidate): boolean {
  return one.rules.uniqueKeys.some(({ columns, terms, covers }) => {
    if (covers && !(covers(one.values) && covers(other.values))) return false;
    const read = (row: Candidate) => (terms ? terms(row.values) : columns.map(row.values));
    const mine = read(one);
    return !mine.some(isNull) && identity(mine) === identity(read(other));
  });
}

export function livingRow(rules: TableRules, row: Row): LivingRow {
  return { rules, row, values: valuesOf(rules, row), name: rowName(rules.name, row.key) };
}

function candidate(rules: TableRules, row: Row): Candidate {
  const living = livingRow(rules, row);
  return {
    ...living,
    rank: rankOf(rules, row),
    keyBytes: Buffer.concat(row.key.map(writeItem)),
    accepted: rules.accepts?.(living.values) ?? true,
    decision: 'open',
  };
}

/** What the table shows of a row: what was told, else the default. */
function valuesOf(rules: TableRules, row: Row): Values {
  return (column) => {
    const place = rules.keyColumns.indexOf(column);
    if (place >= 0) return row.key[place] ?? NULL;
    return row.columns.get(column)?.value ?? rules.columns.get(column) ?? NULL;
  };
}

/** The newest stamp among the columns of unique keys; where none of them has one the oldest stamp of the row. */
function rankOf(rules: TableRules, row: Row): Stamp | undefined {
  if (rules.uniqueKeys.length === 0) return undefined;
  const columns = new Set(rules.uniqueKeys.flatMap((key) => [...key.columns]));
  const stamps = [...columns].flatMap((column) => row.columns.get(column)?.stamp ?? []);
  if (stamps.length > 0) return stamps.reduce(laterStamp);
  const told = [...row.columns.values()].map(({ stamp }) => stamp);
  return told.reduce((oldest, stamp) => (compareStamps(stamp, oldest) < 0 ? stamp : oldest), row.stamp);
}

/** Older rows first; rows that cannot conflict last. */
function byAge(a: Candidate, b: Candidate): number {
  if (a.rank === undefined || b.rank === undefined) return Number(!a.rank) - Number(!b.rank);
  if (a.rank !== b.rank && compareStamps(a.rank, b.rank) !== 0) return compareStamps(a.rank, b.rank);
  if (a.rules !== b.rules) return a.rules.name < b.rules.name ? -1 : 1;
  return Buffer.compare(a.keyBytes, b.keyBytes);
}

/** The tables, parents before children; tables that refer to each other in a cycle are one group. */
function groups(tables: readonly TableRules[]): TableRules[][] {
  const reaches = (from: TableRules, to: TableRules, seen = new Set<TableRules>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return from.references.some(({ parent }) => {
      const next = tables.find(({ name }) => name === parent);
      return next !== undefined && reaches(next, to, seen);
    });
  };
  const left = [...tables];
  const ordered: TableRules[][] = [];
  while (left.length > 0) {
    // A group comes next when all that it reaches reaches it.
    const next = left.find((table) => left.every((other) => !reaches(table, other) || reaches(other, table)));
    if (!next) throw new Error('model: tables without an order');
    const group = left.filter((other) => reaches(next, other));
    for (const table of group) left.splice(left.indexOf(table), 1);
    ordered.push(group);
  }
  return ordered;
}
