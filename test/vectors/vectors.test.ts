/**
 * Golden packets: bytes that every version must read, with what they mean beside them. NAME.bin is a payload;
 * NAME.json holds the tables that it is applied to, its decoded content, and what an empty database holds
 * after applying it. A file here changes only together with the format version in the header.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describePackets, describeRow } from '../model/describe.js';
import { decodePayload } from '../packet/decode.js';
import type { Algorithm, Packet } from '../packet/packet.js';
import {
  applyPayload,
  dumpTable,
  fullState,
  heldChanges,
  initTable,
  openDatabase,
} from '../support/database.js';

interface Vector {
  tables: Array<{ name: string; algorithm: Algorithm; create: string }>;
  packets: unknown;
  metadata: string[];
  data: Record<string, string[]>;
}

const directory = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(directory)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => name.slice(0, -4));

function load(name: string): { payload: Buffer; vector: Vector } {
  const vector = JSON.parse(readFileSync(`${directory}${name}.json`, 'utf8')) as Vector;
  return { payload: readFileSync(`${directory}${name}.bin`), vector };
}

/** A packet as JSON can hold it: rows as text lines. */
function summary({ site, since, upto, tables }: Packet): unknown {
  const groups = tables.map(({ rows, ...table }) => ({
    ...table,
    rows: rows.map((row) => describeRow(table, row)),
  }));
  return { site, since: Number(since), upto: Number(upto), tables: groups };
}

test('there are golden packets', () => {
  expect(names.length).toBeGreaterThanOrEqual(6);
});

test.each(names)('%s decodes to what it always meant', (name) => {
  const { payload, vector } = load(name);
  expect(decodePayload(payload).map(summary)).toEqual(vector.packets);
});

test.each(names)('%s applied to an empty database gives what it always gave', (name) => {
  const { payload, vector } = load(name);
  const db = openDatabase();
  for (const table of vector.tables) {
    db.exec(table.create);
    initTable(db, table.name, table.algorithm, true);
  }
  applyPayload(db, payload);
  for (const { name: table } of vector.tables) expect(dumpTable(db, table)).toEqual(vector.data[table]);
  expect(describePackets(fullState(db))).toEqual(vector.metadata);
  expect(heldChanges(db)).toEqual([]);
  db.close();
});
