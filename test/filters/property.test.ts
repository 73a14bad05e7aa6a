/**
 * Random histories with three replicas: `device` has a filter that changes; `editor` gets what the device
 * sends, edits it and sends all back; `reader` gets what the device sends, at other times. What the reader
 * must hold is worked out from the device's rows at the moments when it looks at them, by the rules of
 * README.md. At the end the filter is cleared and all three must be equal.
 *
 * Every value is written once only, so that a value that is the same was not written.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  encodePayload,
  initTable,
  openDatabase,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { propertyOptions } from '../support/random.js';

const COLUMNS = ['born', 'state', 'body'] as const;
const FILTERS = ["state LIKE 'open%'", "state NOT LIKE 'open%'", "body LIKE '%0'", null] as const;

type Row = Record<(typeof COLUMNS)[number], string | null>;

type Step =
  | {
      step: 'edit';
      by: 'device' | 'editor';
      id: string;
      what: 'state' | 'body' | 'both' | 'insert' | 'delete';
    }
  | { step: 'look' | 'read' | 'exchange' | 'rebuild' }
  | { step: 'filter'; filter: (typeof FILTERS)[number] };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      step: fc.constant('edit' as const),
      by: fc.constantFrom('device' as const, 'device' as const, 'editor' as const),
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      what: fc.constantFrom('state', 'body', 'both', 'insert', 'insert', 'delete'),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({ step: fc.constantFrom('look' as const, 'read' as const, 'exchange' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('rebuild' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('filter' as const), filter: fc.constantFrom(...FILTERS) }),
  },
);

/** What is known of one key. */
interface Known {
  /** The row as the device saw it when it looked last; null when there was none. */
  seen: Row | null;
  inside: boolean;
  /** Whether the reader has read on since the row came in first; it may know the row then. */
  entered: 'never' | 'unread' | 'read';
  /** What the reader is still to be told: a deletion, and values of the row in that life. */
  deletion: boolean;
  pending: Partial<Row>;
  /** The causal length of `seen`, of `pending`, of `held`: a row that comes back begins with nothing. */
  life: bigint;
  pendingLife: bigint;
  heldLife: bigint;
  /** What the reader must hold. */
  held: Row | null;
}

class Histories {
  private device = database();
  private editor = database();
  private reader = database();
  private known = new Map<string, Known>();
  private filter: string | null = null;
  private values = 0;
  private readerCursor = 0n;
  private editorCursor = 0n;

  run(steps: readonly Step[]): void {
    this.setFilter(FILTERS[0]);
    for (const step of steps) this.perform(step);
    this.setFilter(null);
    this.read();
    exchangeAll([this.device, this.editor, this.reader]);
    expect(dumpMetadata(this.editor)).toEqual(dumpMetadata(this.device));
    expect(dumpMetadata(this.reader)).toEqual(dumpMetadata(this.device));
  }

  close(): void {
    for (const db of [this.device, this.editor, this.reader]) db.close();
  }

  private perform(step: Step): void {
    if (step.step === 'edit') this.edit(step.by === 'device' ? this.device : this.editor, step);
    else if (step.step === 'filter') this.setFilter(step.filter);
    else if (step.step === 'look') this.look();
    else if (step.step === 'read') this.read();
    else if (step.step === 'rebuild') this.rebuild();
    else this.exchange();
  }

  private edit(db: Connection, { id, what }: Step & { step: 'edit' }): void {
    this.values++;
    const state = `${this.values % 2 ? 'open' : 'shut'}${this.values}`;
    if (what === 'delete') db.prepare('DELETE FROM notes WHERE id = ?').run(id);
    else if (what === 'state') db.prepare('UPDATE notes SET state = ? WHERE id = ?').run(state, id);
    else if (what === 'body') db.prepare('UPDATE notes SET body = ? WHERE id = ?').run(`${this.values}`, id);
    else if (what === 'both')
      db.prepare('UPDATE notes SET state = ?, body = ? WHERE id = ?').run(state, `${this.values}`, id);
    else
      db.prepare('INSERT OR IGNORE INTO notes(id, born, state, body) VALUES(?, ?, ?, ?)').run(
        id,
        `n${this.values}`,
        state,
        `${this.values}`,
      );
  }

  /** The device's table is rebuilt with its columns in another order; no row changes by it. */
  private rebuild(): void {
    this.look();
    this.device.exec(`BEGIN; SELECT cloudsync_begin_alter('notes');
      CREATE TABLE fresh(id TEXT PRIMARY KEY NOT NULL, body TEXT, born TEXT, state TEXT);
      INSERT INTO fresh SELECT id, body, born, state FROM notes;
      DROP TABLE notes; ALTER TABLE fresh RENAME TO notes; SELECT cloudsync_commit_alter('notes'); COMMIT`);
  }

  /** The device folds and settles. */
  private look(): void {
    arrivalNumber(this.device);
    for (const id of 'abcd') this.settle(id, this.knownOf(id));
  }

  private knownOf(id: string): Known {
    const known: Known = this.known.get(id) ?? {
      seen: null,
      inside: true,
      entered: 'never',
      deletion: false,
      pending: {},
      life: 0n,
      pendingLife: 0n,
      heldLife: 0n,
      held: null,
    };
    this.known.set(id, known);
    return known;
  }

  private rowOf(db: Connection, id: string): Row | null {
    return (
      (db.prepare('SELECT born, state, body FROM notes WHERE id = ?').get(id) as Row | undefined) ?? null
    );
  }

  private matches(id: string): boolean {
    if (this.filter === null) return true;
    return single(this.device, `SELECT (${this.filter}) IS TRUE FROM notes WHERE id = ?`, id) === 1n;
  }

  private settle(id: string, known: Known): void {
    const row = this.rowOf(this.device, id);
    const before = known.seen;
    known.seen = row;
    if (row === null) {
      if (before !== null) known.deletion = true;
      known.inside = this.filter === null;
      known.entered = 'never';
      known.pending = {};
      return;
    }
    const changed = COLUMNS.filter((column) => before === null || before[column] !== row[column]);
    if (changed.length === 0) return;
    const wasInside = known.inside && before !== null;
    const inside = this.matches(id);
    // A merge of two inserts may exchange any columns; that is no other life.
    known.life = single(this.device, 'SELECT cl FROM notes_cloudsync WHERE pk0 = ?', id) as bigint;
    if (before === null) known.deletion = false;
    if (inside && known.entered === 'never') known.entered = 'unread';
    if (!inside && known.entered !== 'read') known.pending = {};
    const leaves = wasInside && !inside && known.entered === 'read';
    const told = inside && !wasInside ? COLUMNS : inside || leaves ? changed : [];
    for (const column of changed) delete known.pending[column];
    for (const column of told) known.pending[column] = row[column];
    if (told.length > 0) known.pendingLife = known.life;
    known.inside = inside;
  }

  private setFilter(filter: string | null): void {
    this.look();
    const first = this.filter === null;
    this.filter = filter;
    if (filter === null) single(this.device, "SELECT cloudsync_clear_filter('notes')");
    else single(this.device, "SELECT cloudsync_set_filter('notes', ?)", filter);
    for (const [id, known] of this.known) {
      if (known.seen === null) {
        known.inside = filter === null;
        continue;
      }
      const inside = this.matches(id);
      if (first) known.entered = 'read';
      if (known.inside && !inside) {
        known.pending = {};
        known.entered = 'never';
      }
      if (!known.inside && inside) {
        if (known.entered === 'never') known.entered = 'unread';
        known.pending = { ...known.seen };
        known.pendingLife = known.life;
      }
      known.inside = inside;
    }
  }

  /** The reader is brought up to date and compared with what it must hold. */
  private read(): void {
    this.look();
    applyPayload(this.reader, encodePayload(this.device, this.readerCursor || 1n));
    this.readerCursor = arrivalNumber(this.device);
    for (const [id, known] of this.known) {
      if (known.deletion) known.held = null;
      if (Object.keys(known.pending).length > 0) {
        const fresh = known.held === null || known.heldLife !== known.pendingLife;
        known.heldLife = known.pendingLife;
        const base = fresh ? { born: null, state: null, body: null } : known.held;
        known.held = { ...(base as Row), ...known.pending };
      }
      known.deletion = false;
      known.pending = {};
      if (known.entered === 'unread') known.entered = 'read';
      expect(this.rowOf(this.reader, id), `row ${id} with the filter ${this.filter}`).toEqual(known.held);
    }
  }

  /** The editor gets what the device sends, and the device all that the editor has. */
  private exchange(): void {
    this.look();
    applyPayload(this.editor, encodePayload(this.device, this.editorCursor || 1n));
    this.editorCursor = arrivalNumber(this.device);
    applyPayload(this.device, encodePayload(this.editor));
    this.look();
  }
}

function database(): Connection {
  const db = openDatabase();
  db.exec('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, born TEXT, state TEXT, body TEXT)');
  // Takes number 1, so that a reader can begin after it: from 0 only rows that match are given.
  db.exec("INSERT INTO notes VALUES('first', '', 'open', '0')");
  initTable(db, 'notes');
  db.exec("DELETE FROM notes WHERE id = 'first'");
  arrivalNumber(db);
  return db;
}

test('the reader holds what the filter lets out, and after it is cleared all are equal', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const histories = new Histories();
      try {
        histories.run(steps);
      } finally {
        histories.close();
      }
    }),
    propertyOptions('filters', 40),
  );
}, 600_000);
