/**
 * schema.ts: draws the tables of a history: rows with owners, children of them, lists of members and shares; keys of
 * every kind, and columns whose types need not fit what they are compared with.
 */
import type { Random } from '../sim/random.js';
import type { StageTable } from '../sim/stage.js';

export type ColumnRole = 'key' | 'owner' | 'org' | 'flag' | 'note' | 'kind' | 'parent';

export interface OracleColumn {
  name: string;
  /** As declared; empty for none. */
  type: string;
  role: ColumnRole;
  /** Values of a key column come from this list; those of a parent column from that of the parent's key. */
  values: readonly string[];
}

export interface OracleTable extends StageTable {
  columns: readonly OracleColumn[];
  /** The table that the column `parent` (of a list: the column `what`) refers to. */
  parent: OracleTable | undefined;
  /** Whether its rows say who belongs to what: columns `who` and `what`. */
  isList: boolean;
}

/** Keys of one table: few, so that devices write the same rows. */
const KEYS = 6;
/** Share of columns whose type does not fit what they are compared with. */
const ODD_TYPES = 0.2;

export function drawSchema(random: Random): OracleTable[] {
  const tables: OracleTable[] = [];
  const count = random.between(2, 5);
  for (let index = 0; index < count; index++) tables.push(drawTable(tables, index, random));
  return tables;
}

/** The key of a table when it is one column. */
export function soleKey({ columns }: OracleTable): OracleColumn | undefined {
  const keys = columns.filter(({ role }) => role === 'key');
  return keys.length === 1 ? keys[0] : undefined;
}

export function columnOf({ columns }: OracleTable, role: ColumnRole): OracleColumn | undefined {
  return columns.find((column) => column.role === role);
}

function drawTable(others: readonly OracleTable[], index: number, random: Random): OracleTable {
  const parents = others.filter((other) => !other.isList && soleKey(other) !== undefined);
  const parent = parents.length > 0 && random.chance(0.8) ? random.pick(parents) : undefined;
  if (parent !== undefined && random.chance(0.45)) return drawList(parent, index, random);
  const name = `t${index}`;
  const columns = drawKey(name, others.length > 0, random);
  if (parent !== undefined) columns.push(referring('parent', parent, random));
  if (random.chance(0.9))
    columns.push(column('owner', 'owner', random.pick(['TEXT', 'TEXT', 'INTEGER', ''])));
  if (random.chance(0.6)) columns.push(column('org', 'org', random.pick(['TEXT', 'INTEGER', ''])));
  if (random.chance(0.6)) columns.push(column('flag', 'flag', 'INTEGER'));
  columns.push(column('note', 'note', 'TEXT'));
  return finished(name, columns, parent, false);
}

/** A list of who belongs to what; its key is the pair, or one of its own. */
function drawList(parent: OracleTable, index: number, random: Random): OracleTable {
  const name = `l${index}`;
  const what = referring('what', parent, random);
  const who = column('who', 'owner', random.chance(ODD_TYPES) ? '' : 'TEXT');
  const rest = [column('kind', 'kind', 'TEXT'), column('note', 'note', 'TEXT')];
  if (random.chance(0.5)) {
    const isFirst = random.chance(0.5);
    const pair = isFirst ? [what, who] : [who, what];
    const keys = pair.map((each) => each.name);
    return { ...finished(name, [what, who, ...rest], parent, true, keys) };
  }
  return finished(name, [...drawKey(name, false, random), what, who, ...rest], parent, true);
}

function drawKey(name: string, mayBeComposite: boolean, random: Random): OracleColumn[] {
  const numbers = Array.from({ length: KEYS }, (_, each) => `${each + 1}`);
  const texts = numbers.map((number) => `'${name}k${number}'`);
  const uuids = numbers.map((number) => `'0190${name.padStart(4, '0')}-0000-7000-8000-00000000000${number}'`);
  const kind = random.weighted({ text: 4, integer: 2, uuid: 2, composite: mayBeComposite ? 1 : 0 });
  const key = (own: string, type: string, values: readonly string[]): OracleColumn => {
    return { name: own, type, role: 'key', values };
  };
  if (kind === 'text') return [key('id', 'TEXT', texts)];
  if (kind === 'integer') return [key('id', 'INTEGER', numbers)];
  if (kind === 'uuid')
    return [
      key(
        'id',
        'TEXT',
        uuids.map((uuid) => uuid.replace(/[tl]/g, 'a')),
      ),
    ];
  return [key('part', 'TEXT', texts.slice(0, 3)), key('nr', 'INTEGER', numbers.slice(0, 3))];
}

function referring(name: string, parent: OracleTable, random: Random): OracleColumn {
  const { type, values } = soleKey(parent) as OracleColumn;
  const declared = random.chance(ODD_TYPES) ? random.pick(['TEXT', 'INTEGER', '']) : type;
  return { name, type: declared, role: 'parent', values };
}

function column(name: string, role: ColumnRole, type: string): OracleColumn {
  return { name, type, role, values: [] };
}

function finished(
  name: string,
  columns: readonly OracleColumn[],
  parent: OracleTable | undefined,
  isList: boolean,
  pair: readonly string[] = [],
): OracleTable {
  const keys = pair.length > 0 ? pair : columns.filter(({ role }) => role === 'key').map((each) => each.name);
  const definitions = columns.map((each) => {
    return `${each.name} ${each.type}${keys.includes(each.name) ? ' NOT NULL' : ''}`.replace('  ', ' ');
  });
  const create = `CREATE TABLE ${name}(${definitions.join(', ')}, PRIMARY KEY(${keys.join(', ')}))`;
  return { name, create, keys, columns, parent, isList };
}
