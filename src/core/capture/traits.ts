/**
 * traits.ts: what a table of the user is like, and whether it can be synchronised. Every refusal says why and what to
 * do instead.
 */
import { Column, readColumns } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { fail, hasFailed } from '../sql/failure';
import { executeLiteral, queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { executeUnsettling } from '../sql/transaction';

export class Traits {
  /** The name as the schema spells it. */
  name: Slice = new Slice(0, 0);
  strict: bool = false;
  withoutRowid: bool = false;
  /** Key columns accept NULL (an old rule of SQLite that rowid tables have): our triggers must refuse it. */
  nullableKeys: bool = false;
  keys: Array<Column> = [];
  columns: Array<Column> = [];

  /** A lone key of an integer type. */
  get integerKey(): bool {
    return this.keys.length == 1 && isIntegerType(this.keys[0].declaredType);
  }
}

function refuse(name: Slice, why: string): Traits | null {
  fail(new Text().add("'").bytes(name).add("' ").add(why));
  return null;
}

/** Reads the traits of a table of the main database; null with a failure when it cannot be synchronised at all. */
export function readTraits(name: Slice): Traits | null {
  const traits = new Traits();
  const statement = new Statement(
    new Text().add(
      "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema='main' AND name=?1 COLLATE NOCASE",
    ),
  );
  const found = statement.text(1, name).step();
  const type = found ? statement.columnBytes(1) : new Slice(0, 0);
  if (found) {
    traits.name = statement.columnBytes(0);
    traits.withoutRowid = statement.columnInteger(2) != 0;
    traits.strict = statement.columnInteger(3) != 0;
  }
  statement.close();
  if (hasFailed()) return null;
  if (!found) return refuse(name, 'is no table of the main database; create it first');
  if (type.is('view')) return refuse(name, 'is a view; synchronise the tables it reads from');
  if (!type.is('table')) return refuse(name, 'is a virtual table; synchronise the table that it indexes');
  if (isReserved(traits.name))
    return refuse(name, 'belongs to SQLite or to cloudsync; choose a table of your own');
  traits.columns = readColumns(traits.name, traits.keys);
  if (traits.keys.length == 0) {
    return refuse(
      name,
      'has no PRIMARY KEY; add one, for instance id TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16))))',
    );
  }
  return checkKeys(traits) ? traits : null;
}

/**
 * Collation must be BINARY, because replicas have to agree which keys are the same. No pragma tells the collation of a
 * column; an index on it without rows does. NULL in keys is found out here too.
 */
function checkKeys(traits: Traits): bool {
  const probe = new Text().add('CREATE INDEX main.cloudsync_probe ON ').name(traits.name).add('(');
  for (let i = 0; i < traits.keys.length; i++) probe.add(i > 0 ? ',' : '').name(traits.keys[i].name);
  if (!executeUnsettling(probe.add(') WHERE 0'))) return false;
  const collated = queryInteger(new Text().add(OTHER_COLLATIONS), 0) != 0;
  if (!executeLiteral('DROP INDEX main.cloudsync_probe')) return false;
  if (collated) {
    refuse(
      traits.name,
      'has a key with another collation than BINARY; rebuild the table without COLLATE on the key',
    );
    return false;
  }
  if (traits.withoutRowid || traits.strict) return true;
  const nullable = new Statement(
    new Text().add(
      'SELECT 1 FROM pragma_table_xinfo(?1, \'main\') WHERE pk>0 AND "notnull"=0' +
        // The alias of the rowid has no index of its own and is never NULL.
        " AND EXISTS(SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin='pk')",
    ),
  );
  traits.nullableKeys = nullable.text(1, traits.name).step();
  nullable.close();
  return !traits.nullableKeys || !hasNullKeys(traits);
}

/** Collations of the key columns, as declared and as the key's index has them. */
const OTHER_COLLATIONS =
  "SELECT 1 FROM pragma_index_xinfo('cloudsync_probe', 'main') WHERE key=1 AND coll<>'BINARY' UNION ALL" +
  ' SELECT 1 FROM pragma_index_list((SELECT tbl_name FROM main.sqlite_schema' +
  " WHERE name='cloudsync_probe'), 'main') AS l," +
  " pragma_index_xinfo(l.name, 'main') AS x WHERE l.origin='pk' AND x.key=1 AND x.coll<>'BINARY' AND x.name IN" +
  " (SELECT name FROM pragma_index_xinfo('cloudsync_probe', 'main') WHERE key=1)";

function hasNullKeys(traits: Traits): bool {
  const sql = new Text().add('SELECT 1 FROM ').main(traits.name);
  for (let i = 0; i < traits.keys.length; i++) {
    sql
      .add(i > 0 ? ' OR ' : ' WHERE ')
      .name(traits.keys[i].name)
      .add(' IS NULL');
  }
  if (queryInteger(sql.add(' LIMIT 1'), 0) == 0) return hasFailed();
  refuse(
    traits.name,
    'has rows whose key is NULL; give them a key first, for instance with cloudsync_uuid()',
  );
  return true;
}

function startsWith(name: Slice, prefix: string): bool {
  if (name.size < <u32>prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if ((load<u8>(name.pointer + i) | (prefix.charCodeAt(i) == 95 ? 0 : 32)) != prefix.charCodeAt(i))
      return false;
  }
  return true;
}

function isReserved(name: Slice): bool {
  if (startsWith(name, 'sqlite_') || startsWith(name, 'cloudsync_')) return true;
  const statement = new Statement(
    new Text().add('SELECT 1 FROM main.cloudsync_tables WHERE ?1 IN (clock_table, log_table)'),
  );
  const found = statement.text(1, name).step();
  statement.close();
  return found;
}

/** Integer types by their whole name: POINT and PRINT contain INT and are none. */
function isIntegerType(type: Slice): bool {
  const names: StaticArray<string> = [
    'int',
    'integer',
    'tinyint',
    'smallint',
    'mediumint',
    'bigint',
    'int2',
    'int4',
    'int8',
    'unsigned big int',
  ];
  for (let i = 0; i < names.length; i++) {
    if (type.size == <u32>names[i].length && startsWith(type, names[i])) return true;
  }
  return false;
}
