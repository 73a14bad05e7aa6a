/**
 * The reference model of one database: which rows it knows, in which state, and which of them changed since
 * when.
 *
 * Clocks come from the wall time, so the model cannot know them before a replica has chosen them. A local
 * write gets a provisional stamp, above every real one; `learn` reads the real one from the replica's next
 * packet and puts it into the same object, which all cells of that write share. Everything else is predicted.
 */
import {
  type Algorithm,
  type Cell,
  compareStamps,
  laterStamp,
  type Packet,
  type Row,
  type Stamp,
} from '../packet/packet.js';
import { compareValues, identity, type Value } from '../packet/value.js';
import { combine, type LogEntry, type StampedEntry } from './local.js';
import { isAlive, mergeRow } from './merge.js';

const PROVISIONAL = 2n ** 60n;
/** Stands for the row as a whole among the names of its columns. */
const WHOLE_ROW: unique symbol = Symbol('row');
type RowPart = string | typeof WHOLE_ROW;

interface TrackedRow {
  row: Row;
  /** The model's own version number of the last change, per column and for the row. */
  changedAt: Map<RowPart, number>;
}

export interface ModelTable {
  name: string;
  algorithm: Algorithm;
  keyColumns: readonly string[];
  columns: readonly string[];
  rows: Map<string, TrackedRow>;
}

/** A row of a delta as the model expects it: the state, and the columns that must travel. */
export interface ExpectedRow {
  table: ModelTable;
  row: Row;
}

export class ModelReplica {
  readonly tables = new Map<string, ModelTable>();
  /** Grows with every change; the model's counterpart of the replica's arrival numbers. */
  version = 0;
  /** The largest clock this replica has seen or made. */
  clock = 0n;
  private provisional: StampedEntry[] = [];

  constructor(readonly site: string) {}

  addTable(
    name: string,
    algorithm: Algorithm,
    keyColumns: readonly string[],
    columns: readonly string[],
  ): void {
    this.tables.set(name, { name, algorithm, keyColumns, columns, rows: new Map() });
  }

  row(table: string, key: readonly Value[]): Row | undefined {
    return this.table(table).rows.get(identity(key))?.row;
  }

  private table(name: string): ModelTable {
    const table = this.tables.get(name);
    if (!table) throw new Error(`model: no table ${name}`);
    return table;
  }

  /** Merges a packet. Returns the number of rows that changed. */
  apply(packet: Packet): number {
    let changed = 0;
    for (const { name, rows } of packet.tables) {
      const table = this.table(name);
      for (const theirs of rows) {
        for (const stamp of stampsOf(theirs)) if (stamp.clock > this.clock) this.clock = stamp.clock;
        const mine = table.rows.get(identity(theirs.key))?.row;
        const merged = mergeRow(table.algorithm, table.columns.length === 0, mine, theirs);
        if (this.replace(table, merged)) changed++;
      }
    }
    return changed;
  }

  /**
   * Folds the log: local writes since the last fold, in their order.
   * @param value reads the data table as it is now
   */
  fold(entries: readonly LogEntry[], value: (entry: LogEntry, column: string) => Value): void {
    const touched = new Map<string, { table: ModelTable; before: Row | undefined; log: StampedEntry[] }>();
    for (const entry of entries) {
      const table = this.table(entry.table);
      const place = `${entry.table} ${identity(entry.key)}`;
      const before = table.rows.get(identity(entry.key))?.row;
      const stamped = {
        entry,
        stamp: { clock: PROVISIONAL + BigInt(this.provisional.length), site: this.site },
      };
      this.provisional.push(stamped);
      const group = touched.get(place);
      if (group) group.log.push(stamped);
      else touched.set(place, { table, before, log: [stamped] });
    }
    for (const { table, before, log } of touched.values()) {
      const row = combine(table.algorithm, before, log);
      const last = log.at(-1);
      if (!row || !last) continue;
      for (const [name, cell] of row.columns) {
        if (cell.stamp.clock >= PROVISIONAL)
          row.columns.set(name, { ...cell, value: value(last.entry, name) });
      }
      this.replace(table, row);
    }
  }

  /**
   * Takes over the real stamps of the local writes from the replica's own packets.
   * @throws Error when a stamp breaks a rule: another site, not larger than all seen, not in the order of the
   *   writes
   */
  learn(packets: readonly Packet[]): void {
    const learned = new Map<Stamp, Stamp>();
    for (const table of packets.flatMap((packet) => packet.tables)) {
      for (const actual of table.rows) {
        const expected = this.row(table.name, actual.key);
        if (!expected) continue;
        learnStamp(learned, expected.stamp, actual.stamp);
        for (const [name, cell] of expected.columns)
          learnStamp(learned, cell.stamp, actual.columns.get(name)?.stamp);
        for (const [name, stamp] of expected.deleted) learnStamp(learned, stamp, actual.deleted.get(name));
      }
    }
    const seen = this.clock;
    for (const table of this.tables.values()) {
      // Each table has its own log, so stamps follow the order of the writes per table.
      let statement = -1;
      let floor = seen;
      let highest = seen;
      for (const { stamp, entry } of this.provisional.filter((write) => write.entry.table === table.name)) {
        if (entry.statement !== statement) floor = highest;
        statement = entry.statement;
        const actual = learned.get(stamp);
        if (!actual) continue;
        this.settle(stamp, actual, floor);
        if (stamp.clock > highest) highest = stamp.clock;
      }
    }
    const clocks = [...learned.values()].map((stamp) => stamp.clock);
    if (new Set(clocks).size !== clocks.length) throw new Error(`two local writes share a clock: ${clocks}`);
    this.provisional = [];
  }

  /**
   * Gives a provisional stamp its real clock, which must be above `floor`, all that was seen before its
   * statement.
   */
  private settle(stamp: Stamp, actual: Stamp, floor: bigint): void {
    if (actual.site !== this.site) throw new Error(`a local write has a stamp of site ${actual.site}`);
    if (actual.clock <= floor) {
      throw new Error(`a local write has clock ${actual.clock}, but ${floor} was seen before it`);
    }
    stamp.clock = actual.clock;
    if (actual.clock > this.clock) this.clock = actual.clock;
  }

  /** Puts a row in its new state in place and notes what changed. Returns false when nothing did. */
  private replace(table: ModelTable, row: Row): boolean {
    const place = identity(row.key);
    const tracked = table.rows.get(place);
    const changes = changedParts(tracked?.row, row);
    if (changes.length === 0) return false;
    this.version++;
    const sameLife = tracked !== undefined && tracked.row.cl === row.cl;
    const changedAt: TrackedRow['changedAt'] = new Map(sameLife ? tracked.changedAt : []);
    for (const part of changes) changedAt.set(part, this.version);
    // The key keeps the form in which this replica saw it first: 1 and 1.0 are the same key.
    table.rows.set(place, { row: { ...row, key: tracked?.row.key ?? row.key }, changedAt });
    return true;
  }

  /** What a packet with the changes after `since` must hold, row by row; 0 = everything. */
  delta(since: number): ExpectedRow[] {
    const rows: ExpectedRow[] = [];
    for (const table of this.tables.values()) {
      for (const { row, changedAt } of table.rows.values()) {
        if (![...changedAt.values()].some((version) => version > since)) continue;
        const fresh = [...row.columns].filter(([name]) => (changedAt.get(name) ?? 0) > since);
        rows.push({ table, row: { ...row, columns: new Map(fresh) } });
      }
    }
    return rows;
  }

  /** The rows that the data table must show: key and told columns. */
  liveRows(table: string): Row[] {
    return [...this.table(table).rows.values()].map(({ row }) => row).filter(isAlive);
  }
}

function learnStamp(learned: Map<Stamp, Stamp>, expected: Stamp, actual: Stamp | undefined): void {
  if (expected.clock < PROVISIONAL || actual === undefined) return;
  const known = learned.get(expected);
  if (known && compareStamps(known, actual) !== 0) {
    throw new Error(`columns written together have the stamps ${known.clock} and ${actual.clock}`);
  }
  learned.set(expected, actual);
}

function stampsOf(row: Row): Stamp[] {
  return [row.stamp, ...[...row.columns.values()].map((cell) => cell.stamp), ...row.deleted.values()];
}

function sameCell(a: Cell | undefined, b: Cell): boolean {
  return a !== undefined && compareStamps(a.stamp, b.stamp) === 0 && compareValues(a.value, b.value) === 0;
}

/** The parts of a row that a change touches: names of columns, and the row itself. */
function changedParts(before: Row | undefined, after: Row): RowPart[] {
  const everything: RowPart[] = [WHOLE_ROW, ...after.columns.keys()];
  if (before === undefined || before.cl !== after.cl) return everything;
  const deletedGrew = [...after.deleted].some(([name, stamp]) => {
    const old = before.deleted.get(name);
    return old === undefined || compareStamps(laterStamp(old, stamp), old) > 0;
  });
  // A live row whose deletion stamps grow is announced again as a whole.
  if (deletedGrew) return everything;
  const cells = [...after.columns].filter(([name, cell]) => !sameCell(before.columns.get(name), cell));
  const names: RowPart[] = cells.map(([name]) => name);
  const stampMatters = after.columns.size === 0 && compareStamps(before.stamp, after.stamp) !== 0;
  return stampMatters ? [WHOLE_ROW, ...names] : names;
}
