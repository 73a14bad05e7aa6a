/** state_functions.ts: version, site id, counters, keys, status. */
import { catalogExists, SITE_SIZE } from '../catalog/schema';
import { currentSeq } from '../catalog/counters';
import { whyUnsettled } from '../catalog/filters';
import { ownSite, siteBytes } from '../catalog/sites';
import { Table } from '../catalog/table';
import { makeUuid, unpackUuid, UUID_SIZE, UUID_TEXT_SIZE } from '../bytes/uuid';
import { result_integer, result_null, result_text } from '../host';
import { heldCount } from '../merge/held';
import { mergingTable } from '../merge/merging';
import { arenaAllocate } from '../runtime/arena';
import { beginReading, endOperation, tables } from '../operation';
import { hasFailed } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';
import { argumentText } from './arguments';

/** Version of the extension; a test compares it with package.json. */
const VERSION = '0.1.0';

export function version(): void {
  const text = sliceOf(VERSION);
  result_text(text.pointer, text.size);
}

/** NULL before the first cloudsync_init. Read without a transaction, so that triggers may call it. */
export function siteId(): void {
  if (!catalogExists()) {
    if (!hasFailed()) result_null();
    return;
  }
  const statement = new Statement(
    new Text().add(
      'SELECT lower(hex(site)) FROM main.cloudsync_sites WHERE id=' +
        "(SELECT value FROM main.cloudsync_settings WHERE key='site')",
    ),
  );
  if (statement.step()) {
    const site = statement.columnBytes(0);
    result_text(site.pointer, site.size);
  }
  statement.close();
}

export function databaseVersion(): void {
  if (!catalogExists()) {
    if (!hasFailed()) result_integer(0);
    return;
  }
  if (!beginReading()) return;
  const seq = currentSeq();
  if (endOperation(true)) result_integer(seq);
}

export function uuid(): void {
  const packed = arenaAllocate(UUID_SIZE);
  const text = arenaAllocate(UUID_TEXT_SIZE);
  makeUuid(packed);
  unpackUuid(packed, text);
  result_text(text, UUID_TEXT_SIZE);
}

export function isSync(count: i32): void {
  const current = mergingTable();
  if (count == 0) {
    result_integer(current == null ? 0 : 1);
    return;
  }
  const name = argumentText(0, 'the table');
  if (!hasFailed()) result_integer(current != null && current.equalsIgnoreCase(name) ? 1 : 0);
}

function describeTable(json: Text, table: Table): void {
  json.add('{"name":').json(table.name);
  json
    .add(',"algorithm":"')
    .add(algorithmName(table.algorithm))
    .add('","enabled":')
    .add(table.enabled ? 'true' : 'false');
  const alive = new Text().add('SELECT count(*) FROM ').main(table.clockName).add(' WHERE cl%2=1');
  const dead = new Text().add('SELECT count(*) FROM ').main(table.clockName).add(' WHERE cl%2=0');
  json.add(',"rows":').number(queryInteger(alive, 0)).add(',"deleted":').number(queryInteger(dead, 0));
  if (table.filter.size > 0) {
    json.add(',"filter":').json(table.filter);
    if (table.settledSeq < currentSeq() && table.open()) {
      json.add(',"filter_error":').json(whyUnsettled(table).slice());
    }
  }
  json.add('}');
}

function algorithmName(algorithm: i32): string {
  const names: StaticArray<string> = ['cls', 'dws', 'aws', 'gos'];
  return algorithm >= 0 && algorithm < names.length ? names[algorithm] : 'unknown';
}

export function status(): void {
  if (!catalogExists()) {
    if (hasFailed()) return;
    const none = sliceOf('{"tables":[]}');
    result_text(none.pointer, none.size);
    return;
  }
  if (!beginReading()) return;
  const json = new Text(1024).add('{"site":"').hex(siteBytes(ownSite()).pointer, SITE_SIZE);
  json.add('","db_version":').number(currentSeq());
  json.add(',"sites":').number(queryInteger(new Text().add('SELECT count(*) FROM main.cloudsync_sites'), 0));
  json.add(',"held":').number(heldCount()).add(',"tables":[');
  for (let i = 0; i < tables.length; i++) {
    if (i > 0) json.add(',');
    describeTable(json, tables[i]);
  }
  json.add(']}');
  if (endOperation(true)) result_text(json.pointer, json.size);
}
