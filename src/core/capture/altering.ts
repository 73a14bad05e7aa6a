/**
 * altering.ts: what is kept between cloudsync_begin_alter and cloudsync_commit_alter: a mark in the settings,
 * and a copy of the table as it was, `todos_cloudsync_before`, with the key as pk0, pk1, ... and every column
 * under its stable id as c0, c1, ... So the end of the change can tell exactly which rows and values the
 * change has touched.
 */
import { affinityOf } from '../catalog/affinity';
import { readColumns, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { execute, queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { keyDeclarations, keyNames } from './tables';

/** Nobody has looked at the changes of the table since the change began. */
const UNSEEN: i32 = 1;
/** Somebody may have read on past changes of the table: they are announced again at the end. */
const PASSED_OVER: i32 = 2;

function settingKey(table: Table): Slice {
  return new Text().add('table.').number(table.id).add('.altering').slice();
}

function mark(table: Table, value: i32): bool {
  table.altering = true;
  const sql = new Text()
    .add('INSERT OR REPLACE INTO main.cloudsync_settings VALUES(')
    .quoted(settingKey(table));
  return execute(sql.add(',').number(value).add(')'));
}

export function markAltering(table: Table): bool {
  return mark(table, UNSEEN);
}

/** An operation goes on without the table. */
export function passOver(table: Table): bool {
  return mark(table, PASSED_OVER);
}

export function wasPassedOver(table: Table): bool {
  const sql = new Text()
    .add('SELECT value FROM main.cloudsync_settings WHERE key=')
    .quoted(settingKey(table));
  return queryInteger(sql, 0) == PASSED_OVER;
}

export function copyName(table: Table): Slice {
  return new Text().bytes(table.clockName).add('_before').slice();
}

export function hasCopy(table: Table): bool {
  const sql = new Text()
    .add('SELECT count(*) FROM pragma_table_info(')
    .quoted(copyName(table))
    .add(",'main')");
  return queryInteger(sql, 0) > 0;
}

/** Copies the open table. Its columns stand in the order in which they are declared. */
export function createCopy(table: Table, strict: bool): bool {
  const declared = readColumns(table.name, []);
  const create = new Text(1024).add('CREATE TABLE ').main(copyName(table)).add('(');
  keyDeclarations(create, table, strict, '');
  const fill = new Text(1024).add('INSERT INTO ').main(copyName(table)).add(' SELECT ');
  for (let i = 0; i < table.keys.length; i++) fill.add(i > 0 ? ',' : '').name(table.keys[i].name);
  for (let i = 0; i < declared.length; i++) {
    const index = table.columnIndex(declared[i].name);
    if (index < 0) continue;
    create
      .add(',c')
      .number(table.columns[index].id)
      .add(' ')
      .add(affinityOf(declared[i].declaredType, strict));
    fill.add(',').name(declared[i].name);
  }
  keyNames(create.add(',PRIMARY KEY('), table, '').add(')) WITHOUT ROWID');
  return execute(create) && execute(fill.add(' FROM ').main(table.name)) && !hasFailed();
}

/** Removes the copy and the mark. */
export function forgetAlter(table: Table): bool {
  table.altering = false;
  const sql = new Text().add('DELETE FROM main.cloudsync_settings WHERE key=').quoted(settingKey(table));
  return execute(new Text().add('DROP TABLE IF EXISTS ').main(copyName(table))) && execute(sql);
}
