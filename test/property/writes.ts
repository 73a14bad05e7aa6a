/**
 * Local writes for histories: what an application may do to a table, as data that fast-check can shrink, the
 * SQL that does it, and the log entries that it must leave by the rules of docs/PROTOCOL.md section 2.
 */
import fc from 'fast-check';
import type { LogEntry } from '../model/local.js';
import { compareValues, identity, literal, type Value } from '../packet/value.js';
import { type DataRow, quoted } from '../support/database.js';
import type { Shape } from './shapes.js';

/** What a statement does with a row that is already there. */
export type Conflict = '' | 'OR REPLACE' | 'OR IGNORE';

/** Numbers stand for keys, columns and values; they wrap around, so that one write fits every shape. */
export type Write =
  | { op: 'insert'; conflict: Conflict; rows: Array<{ key: number; values: number }>; columns: number }
  | { op: 'upsert'; key: number; columns: number; values: number }
  | { op: 'update'; target: number | 'all' | 'none'; columns: number; values: number }
  | { op: 'touch'; columns: number }
  | { op: 'rekey'; conflict: Conflict; from: number; to: number }
  | { op: 'delete'; target: number | 'all' };

const key = fc.nat({ max: 3 });
const columns = fc.nat({ max: 1000 });
const values = fc.nat({ max: 1000 });
const conflict = fc.constantFrom<Conflict>('', 'OR REPLACE', 'OR IGNORE');

export const writes: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('insert' as const),
      conflict,
      rows: fc.array(fc.record({ key, values }), { minLength: 1, maxLength: 3 }),
      columns,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('upsert' as const), key, columns, values }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('update' as const),
      target: fc.oneof(key, fc.constantFrom('all' as const, 'none' as const)),
      columns,
      values,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('touch' as const), columns }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('rekey' as const), conflict, from: key, to: key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('delete' as const),
      target: fc.oneof({ weight: 4, arbitrary: key }, { weight: 1, arbitrary: fc.constant('all' as const) }),
    }),
  },
);

function keyOf(shape: Shape, index: number): Value[] {
  return shape.keys[index % shape.keys.length] as Value[];
}

/** Some of the columns, picked by the bits of `choice`; at least one when there is one. */
function someColumns(shape: Shape, choice: number): Shape['columns'] {
  const picked = shape.columns.filter((_, i) => (choice >> (i % 10)) & 1);
  return picked.length > 0 ? picked : shape.columns.slice(0, 1);
}

/** A value for every one of `columns`, as `name` and SQL literal. */
function assignments(columns: Shape['columns'], values: number): Array<{ name: string; sql: string }> {
  return columns.map(({ name, values: choices }, i) => ({
    name: quoted(name),
    sql: literal(choices[(values + i) % choices.length] as Value),
  }));
}

function whereKey(shape: Shape, key: readonly Value[]): string {
  return shape.keyColumns.map((name, i) => `${quoted(name)} = ${literal(key[i] as Value)}`).join(' AND ');
}

/** The SQL statement of a write; undefined when the shape has nothing that it could do. */
export function writeSql(shape: Shape, write: Write): string | undefined {
  const table = quoted(shape.table);
  const set = (choice: number, values: number) =>
    assignments(someColumns(shape, choice), values).map(({ name, sql }) => `${name} = ${sql}`);
  switch (write.op) {
    case 'insert':
    case 'upsert': {
      const rows = write.op === 'insert' ? write.rows : [write];
      const columns = someColumns(shape, write.columns);
      const names = [...shape.keyColumns, ...columns.map(({ name }) => name)].map(quoted);
      const tuples = rows.map((row) => {
        const cells = assignments(columns, row.values).map(({ sql }) => sql);
        return `(${[...keyOf(shape, row.key).map(literal), ...cells].join(', ')})`;
      });
      const verb = write.op === 'insert' ? `INSERT ${write.conflict}` : 'INSERT';
      const insert = `${verb} INTO ${table}(${names}) VALUES ${tuples.join(', ')}`;
      if (write.op === 'insert') return insert;
      const target = shape.keyColumns.map(quoted);
      const updates = columns.map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`);
      return `${insert} ON CONFLICT(${target}) DO ${updates.length > 0 ? `UPDATE SET ${updates}` : 'NOTHING'}`;
    }
    case 'update': {
      if (shape.columns.length === 0) return undefined;
      const { target } = write;
      const where = target === 'all' ? '1' : target === 'none' ? '0' : whereKey(shape, keyOf(shape, target));
      return `UPDATE ${table} SET ${set(write.columns, write.values)} WHERE ${where}`;
    }
    case 'touch': {
      const names = [...shape.keyColumns, ...someColumns(shape, write.columns).map(({ name }) => name)].map(
        quoted,
      );
      return `UPDATE ${table} SET ${names.map((name) => `${name} = ${name}`)}`;
    }
    case 'rekey': {
      const to = keyOf(shape, write.to);
      const target = shape.keyColumns.map((name, i) => `${quoted(name)} = ${literal(to[i] as Value)}`);
      return `UPDATE ${write.conflict} ${table} SET ${target} WHERE ${whereKey(shape, keyOf(shape, write.from))}`;
    }
    case 'delete': {
      const where = write.target === 'all' ? '' : ` WHERE ${whereKey(shape, keyOf(shape, write.target))}`;
      return `DELETE FROM ${table}${where}`;
    }
  }
}

/** What a statement must do: fail on its primary key, or succeed and leave these entries. */
export type Outcome = 'constraint' | Array<Omit<LogEntry, 'statement'>>;

/**
 * Predicts a write.
 * @param before the data table before the statement
 * @param after the data table after it; only consulted for which values of a live row changed
 * @param recursive PRAGMA recursive_triggers: whether REPLACE tells delete triggers about the row that it
 *   removes
 */
export function predict(
  shape: Shape,
  write: Write,
  before: DataRow[],
  after: DataRow[],
  recursive: boolean,
): Outcome {
  const present = new Set(before.map((row) => identity(row.key)));
  const entry = (kind: LogEntry['kind'], key: Value[], columns: readonly string[] = []) => {
    const names = kind === 'insert' ? shape.columns.map(({ name }) => name) : columns;
    return { kind, table: shape.table, key, columns: names };
  };
  const place = (key: Value[], conflict: Conflict): Outcome => {
    const taken = present.has(identity(key));
    if (taken && conflict !== 'OR REPLACE') return conflict === '' ? 'constraint' : [];
    present.add(identity(key));
    return taken && recursive ? [entry('delete', key), entry('insert', key)] : [entry('insert', key)];
  };
  switch (write.op) {
    case 'insert': {
      const outcomes = write.rows.map((row) => place(keyOf(shape, row.key), write.conflict));
      return outcomes.includes('constraint') ? 'constraint' : (outcomes as LogEntry[][]).flat();
    }
    case 'upsert': {
      const key = keyOf(shape, write.key);
      return present.has(identity(key)) ? updates(before, after, entry) : [entry('insert', key)];
    }
    case 'update':
    case 'touch':
      return updates(before, after, entry);
    case 'rekey': {
      const [from, to] = [keyOf(shape, write.from), keyOf(shape, write.to)];
      if (!present.has(identity(from)) || identity(from) === identity(to)) return [];
      const placed = place(to, write.conflict);
      if (placed === 'constraint' || placed.length === 0) return placed;
      // REPLACE first removes the row in the way, then the row that moves leaves its old key.
      return [...placed.slice(0, -1), entry('delete', from), ...placed.slice(-1)];
    }
    case 'delete': {
      const gone = write.target === 'all' ? before : before.filter((row) => isKey(shape, write.target, row));
      return gone.map((row) => entry('delete', row.key));
    }
  }
}

function isKey(shape: Shape, index: number | 'all', row: DataRow): boolean {
  return index !== 'all' && identity(row.key) === identity(keyOf(shape, index));
}

function updates<Entry>(
  before: DataRow[],
  after: DataRow[],
  entry: (kind: 'update', key: Value[], columns: readonly string[]) => Entry,
): Entry[] {
  const later = new Map(after.map((row) => [identity(row.key), row]));
  return before.flatMap((row) => {
    const now = later.get(identity(row.key));
    if (!now) throw new Error(`an update lost the row ${identity(row.key)}`);
    const changed = [...row.columns].filter(([name, value]) => {
      const other = now.columns.get(name);
      return other === undefined || compareValues(value, other) !== 0;
    });
    return changed.length > 0
      ? [
          entry(
            'update',
            row.key,
            changed.map(([name]) => name),
          ),
        ]
      : [];
  });
}
