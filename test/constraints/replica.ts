/**
 * A replica of a random history: a database in memory with the extension, checked against the reference model
 * after every operation: its tables and its held rows must be what the model makes of its merged state.
 *
 * Clocks are far ahead of the wall time, so they count on by one and a history plays the same way each time.
 */
import { judge, type LivingRow, livingRow, type TableRules } from '../model/constraints.js';
import { describeData } from '../model/describe.js';
import { isAlive } from '../model/merge.js';
import { decodePayload } from '../packet/decode.js';
import type { Packet } from '../packet/packet.js';
import { identity } from '../packet/value.js';
import {
  applyPayload,
  type Connection,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { enforcesForeignKeys, type Kind, tablesOf } from './kind.js';
import {
  describeState,
  lacking,
  readHeld,
  readLines,
  rowsByTable,
  type StampRegister,
  type State,
  stateOf,
} from './state.js';

const SITES = ['77', '22', 'ee', '11'].map((byte) => byte.repeat(16));
const HOUR = 3_600_000_000;
/** Six hours ahead: less than the day that a receiver accepts. */
const FIRST_CLOCK = BigInt((Math.floor((Date.now() * 1000) / HOUR) + 6) * HOUR);

export const REPLICAS_MAX = SITES.length;

const prepared = new Map<string, Buffer>();

/** The bytes of an empty database of a kind, so that a history need not create it anew. */
function preparedDatabase(kind: Kind, index: number): Buffer {
  const label = `${kind.name} ${index}`;
  let bytes = prepared.get(label);
  if (bytes === undefined) {
    const db = openDatabase();
    for (const sql of kind.prepare ?? []) db.exec(sql);
    for (const { create, rules } of tablesOf(kind, index)) {
      for (const sql of create) db.exec(sql);
      initTable(db, rules.name, kind.algorithm);
    }
    db.exec(`UPDATE cloudsync_sites SET site = x'${SITES[index]}'`);
    db.exec(`UPDATE cloudsync_settings SET value = ${FIRST_CLOCK} WHERE key = 'clock'`);
    bytes = db.serialize();
    db.close();
    prepared.set(label, bytes);
  }
  return bytes;
}

export class ConstrainedReplica {
  readonly db: Connection;
  readonly name: string;
  readonly site: string;
  readonly enforced: boolean;
  /** Arrival numbers at which its changes were read: where a delta can start. */
  readonly positions: bigint[] = [0n];
  /** Some row was held here at some time. */
  hasHeld = false;
  private readonly rules: readonly TableRules[];
  private readonly algorithm: string;
  private known: State = new Map();
  /** The tables as the statements of the application left them, while nothing else has happened since. */
  private written: Map<string, string> | undefined;
  private before = new Map<string, string>();
  private hasPending = false;

  constructor(
    private readonly kind: Kind,
    index: number,
    replicas: number,
    private readonly register: StampRegister,
  ) {
    this.name = `R${index}`;
    this.site = SITES[index] as string;
    this.algorithm = kind.algorithm ?? 'cls';
    this.enforced = enforcesForeignKeys(kind, index, replicas);
    this.rules = tablesOf(kind, index).map(({ rules }) => rules);
    this.db = openDatabase({
      source: preparedDatabase(kind, index),
      foreignKeys: this.enforced,
      recursiveTriggers: kind.recursiveTriggers ?? false,
    });
  }

  close(): void {
    this.db.close();
  }

  /**
   * Runs statements in one transaction. What a constraint refuses did not happen.
   * @returns the refusal
   */
  edit(statements: readonly string[]): string | undefined {
    let refusal: string | undefined;
    try {
      this.db.exec(statements.length > 1 ? `BEGIN; ${statements.join('; ')}; COMMIT` : (statements[0] ?? ''));
    } catch (error) {
      if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error;
      refusal = (error as Error).message;
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
    }
    this.written = this.lines();
    this.hasPending = true;
    return refusal;
  }

  /**
   * Gives the first held row of a table another value. The answer must be whether the row is visible then.
   * @param value an SQL literal
   */
  resolve(table: string, column: string, value: string): string {
    if (this.hasPending) this.inspect();
    const first = `SELECT id FROM cloudsync_held WHERE tbl = '${table}' AND waits = 0 ORDER BY pk LIMIT 1`;
    const id = single(this.db, first);
    if (id === undefined) return 'nothing held';
    const answer = single(this.db, `SELECT cloudsync_resolve(${id}, '${column}', ${value})`);
    const isHeld = single(this.db, `SELECT count(*) FROM cloudsync_held WHERE id = ${id}`) === 1n;
    if (answer !== (isHeld ? 0n : 1n)) this.fail(`cloudsync_resolve says ${answer}, held is ${isHeld}`);
    this.inspect();
    return isHeld ? 'still held' : 'visible';
  }

  /** The changes after one of the positions (0 = everything). */
  pack(position: number): Buffer {
    const payload = encodePayload(this.db, this.positions[position % this.positions.length] ?? 0n);
    this.inspect();
    return payload;
  }

  changesAfter(since: bigint): Buffer {
    if (this.hasPending) this.inspect();
    return encodePayload(this.db, since);
  }

  /** Merges, and looks at the outcome only when there was something new: the caller compares everything at the end. */
  receiveAgain(payload: Buffer): void {
    if (this.hasPending) this.inspect();
    const before = this.version();
    applyPayload(this.db, payload);
    if (this.version() !== before) this.inspect(decodePayload(payload), this.hasReferences());
  }

  receive(payload: Buffer): void {
    const packets = decodePayload(payload);
    // With local writes that are not folded yet, or with foreign keys, the merge may make stamps of its own.
    const mayEdit = this.hasPending || this.hasReferences();
    const before = this.version();
    applyPayload(this.db, payload);
    // Where nothing moved, everything is as it was at the last look.
    if (!this.hasPending && this.version() === before) return;
    this.written = undefined;
    this.inspect(packets, mayEdit);
  }

  /** The arrival number, as the last operation left it: asking the extension would fold. */
  version(): bigint {
    return single(this.db, "SELECT value FROM cloudsync_settings WHERE key = 'seq'") as bigint;
  }

  /** Everything that can differ between replicas, as lines. */
  describe(): { tables: string[]; metadata: string[]; held: string[] } {
    return {
      tables: [...this.lines().values()].sort(),
      metadata: describeState(this.known),
      held: this.heldRows(),
    };
  }

  /** Compares the database with the model. Folds. */
  inspect(arrived: readonly Packet[] = [], mayEdit = true): void {
    const state = stateOf(decodePayload(encodePayload(this.db)));
    const version = this.version();
    if (this.positions.at(-1) !== version) this.positions.push(version);
    this.checkMetadata(state, arrived, mayEdit);
    const lines = this.lines();
    if (this.written) this.checkLocalWrites(state, this.written);
    const verdict = judge(this.rules, rowsByTable(state), this.enforced);
    const expected = new Map(verdict.visible.map((row) => [row.name, lineOf(row)]));
    this.expectSame('tables', [...lines.values()], [...expected.values()]);
    this.expectSame(
      'held rows',
      this.heldRows(),
      verdict.held.map(({ name }) => name),
    );
    if (verdict.held.length > 0) this.hasHeld = true;
    this.kind.invariant?.(this.db);
    this.known = state;
    this.before = lines;
    this.written = undefined;
    this.hasPending = false;
  }

  /**
   * No living row refers to a deleted one: the foreign key's own action has deleted or changed the row, or has brought
   * its parent back. Left out are SET DEFAULT, whose default may be a deleted row, and references of several columns,
   * which two replicas may have written apart.
   */
  checkActions(): void {
    for (const rules of this.rules) {
      for (const { columns, parent, onDelete } of rules.references) {
        const parents = this.known.get(parent)?.rows;
        if (onDelete === 'SET DEFAULT' || columns.length > 1 || !this.refersToKey(rules, parent)) continue;
        for (const row of this.known.get(rules.name)?.rows.values() ?? []) {
          const { name, values } = livingRow(rules, row);
          const found = parents?.get(identity(columns.map(values)));
          if (isAlive(row) && found && !isAlive(found)) this.fail(`${name} refers to a deleted row`);
        }
      }
    }
  }

  private refersToKey(child: TableRules, parent: string): boolean {
    const reference = child.references.find((each) => each.parent === parent);
    const target = this.rules.find(({ name }) => name === parent);
    return reference?.parentColumns.join() === target?.keyColumns.join();
  }

  /** What SQLite itself says about the database. */
  checkIntegrity(): void {
    const complaints = this.db.pragma('integrity_check') as Array<{ integrity_check: string }>;
    if (complaints[0]?.integrity_check !== 'ok') this.fail(`integrity_check: ${JSON.stringify(complaints)}`);
    const dangling = this.enforced ? (this.db.pragma('foreign_key_check') as unknown[]) : [];
    if (dangling.length > 0) this.fail(`foreign_key_check finds ${dangling.length} rows without a parent`);
  }

  private hasReferences(): boolean {
    return this.rules.some(({ references }) => references.length > 0);
  }

  private lines(): Map<string, string> {
    return new Map(
      this.rules.flatMap(({ name, keyColumns, columns }) => [
        ...readLines(this.db, name, keyColumns, [...columns.keys()]),
      ]),
    );
  }

  private heldRows(): string[] {
    const width = (table: string) => this.rules.find(({ name }) => name === table)?.keyColumns.length ?? 0;
    return readHeld(this.db, width);
  }

  /** Nothing that was known or arrived is forgotten, and nothing comes from nowhere. */
  private checkMetadata(state: State, arrived: readonly Packet[], mayEdit: boolean): void {
    // A dead row of an `aws` table forgets its values, so there the comparison waits for the exchange at the end.
    if (this.algorithm !== 'aws') {
      const lost = [...lacking(state, this.known), ...lacking(state, stateOf(arrived))];
      if (lost.length > 0) this.fail(`lost:\n${lost.join('\n')}`);
    }
    for (const { stamp, place } of this.register.enter(state)) {
      if (stamp.site !== this.site) this.fail(`${place} has a stamp that its site ${stamp.site} never made`);
      if (!mayEdit) this.fail(`${place} has a new stamp ${stamp.clock}, but nothing was written here`);
    }
  }

  /** What the application wrote is in the state, whatever became of other rows meanwhile. */
  private checkLocalWrites(state: State, written: ReadonlyMap<string, string>): void {
    const living = this.rules.flatMap((rules) =>
      [...(state.get(rules.name)?.rows.values() ?? [])].filter(isAlive).map((row) => livingRow(rules, row)),
    );
    const alive = new Map(living.map((row) => [row.name, lineOf(row)]));
    for (const [name, line] of written) {
      const now = alive.get(name);
      if (now !== line) this.fail(`wrote ${line}\n  the clocks say ${now ?? 'that it is dead'}`);
    }
    for (const name of this.before.keys()) {
      if (!written.has(name) && alive.has(name)) this.fail(`${name} was deleted here, but lives`);
    }
  }

  private expectSame(what: string, actual: readonly string[], expected: readonly string[]): void {
    const missing = expected.filter((line) => !actual.includes(line));
    const surplus = actual.filter((line) => !expected.includes(line));
    if (missing.length + surplus.length === 0 && actual.length === expected.length) return;
    const lines = [
      ...missing.map((line) => `  missing ${line}`),
      ...surplus.map((line) => `  surplus ${line}`),
    ];
    this.fail(`${what} are not what the merged state demands\n${lines.join('\n')}`);
  }

  private fail(message: string): never {
    throw new Error(`${this.name}: ${message}`);
  }
}

function lineOf({ rules, row, values }: LivingRow): string {
  const cells = [...rules.columns.keys()].map((column) => [column, values(column)] as const);
  return `${rules.name} ${describeData(row.key, cells)}`;
}
