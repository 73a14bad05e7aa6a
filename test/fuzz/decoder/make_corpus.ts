/**
 * make_corpus.ts: writes the seeds of the band fuzz-decoder into test/fuzz/corpus: for every reader what is smallest,
 * typical, at a limit and one over it, made from real packets and answers. Files that are there stay as they are.
 *
 *     node --import ./test/fuzz/child/register.mjs test/fuzz/decoder/make_corpus.ts
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame, decodePayload, splitPayload } from '../../packet/decode.js';
import { bodyItems, encodePacket } from '../../packet/encode.js';
import { compress } from '../../packet/lz4.js';
import { array, type Output, writeItem } from '../../packet/msgpack.js';
import type { Packet } from '../../packet/packet.js';
import { row, SITES, samplePacket, stamp } from '../../packet/samples.js';
import { blob, integer, NULL, real, text, type Value } from '../../packet/value.js';
import * as wrong from '../../packet/wrong_packets.js';
import { sourcePackets } from '../apply/sources.js';
import { Random } from '../child/random.js';
import { plannedAnswers } from '../session/answers.js';
import { connect, trackAll, write } from '../world.js';

const FOLDER = join(import.meta.dirname, '../corpus');
const VECTORS = join(import.meta.dirname, '../../vectors');
/** Larger seeds only make the fuzzer slow. */
const SIZE_MAX = 16 * 1024;

function seed(target: string, name: string, bytes: Buffer): void {
  const file = join(
    FOLDER,
    `${target}-${name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .slice(0, 60)}.bin`,
  );
  if (bytes.length <= SIZE_MAX && !existsSync(file)) writeFileSync(file, bytes);
}

/** As a packet, compressed or not, and as the bare body. */
function seedPacket(name: string, packet: Packet): void {
  seed('packet', name, encodePacket(packet));
  seed('packet', `${name} plain`, encodePacket(packet, { compress: false }));
  seed('body', name, writeItem(bodyItems(packet)));
}

function withTable(change: (table: Packet['tables'][number]) => void): Packet {
  const packet = samplePacket();
  packet.tables.length = 1;
  const table = packet.tables[0];
  if (table) {
    table.rows = [row([text('k'), integer(1)], stamp(1000), { title: text('t'), body: NULL })];
    change(table);
  }
  return packet;
}

function packetsAtLimits(): void {
  const empty = { site: SITES[0], since: 0n, upto: 0n, tables: [] };
  seedPacket('no tables', empty);
  seedPacket('largest positions', { ...empty, since: 2n ** 53n - 1n, upto: 2n ** 53n - 1n });
  for (const size of [1, 31, 32, 255, 256, 1024, 1025])
    seedPacket(
      `name of ${size}`,
      withTable((table) => Object.assign(table, { name: 'n'.repeat(size) })),
    );
  for (const count of [1, 7, 8, 9, 16, 64, 65])
    seedPacket(
      `keys ${count}`,
      withTable((table) => {
        table.keyColumns = Array.from({ length: count }, (_, i) => `k${i}`);
        for (const each of table.rows) each.key = table.keyColumns.map((_, i) => integer(i));
      }),
    );
  for (const count of [1, 7, 8, 9, 15, 16, 17, 2000, 2001])
    seedPacket(
      `columns ${count}`,
      withTable((table) => {
        table.columns = Array.from({ length: count }, (_, i) => `c${i}`);
        const last = `c${count - 1}`;
        table.rows = [row([text('k'), integer(1)], stamp(9), { [last]: integer(1) })];
      }),
    );
  for (const cl of [1n, 2n, 3n, 2n ** 40n, 2n ** 40n + 1n])
    seedPacket(
      `causal length ${cl}`,
      withTable((table) => table.rows.push(row([text('x'), integer(1)], stamp(5), {}, cl))),
    );
  for (const clock of [0n, 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n])
    seedPacket(
      `clock ${clock}`,
      withTable((table) => table.rows.push(row([text('x'), integer(1)], stamp(clock), { body: NULL }))),
    );
}

const VALUES: Record<string, Value> = {
  null: NULL,
  ...Object.fromEntries(
    [0n, 127n, 128n, 255n, 256n, 65535n, 65536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n].flatMap((n) => [
      [`integer ${n}`, integer(n)],
      [`integer minus ${n}`, integer(-n - 1n)],
    ]),
  ),
  ...Object.fromEntries(
    [0, -0, 1.5, 1e308, -1e308, 5e-324, Infinity, -Infinity].map((n) => [
      `real ${Object.is(n, -0) ? 'minus 0' : n}`,
      real(n),
    ]),
  ),
  ...Object.fromEntries([0, 1, 31, 32, 35, 37, 255, 256].map((n) => [`text of ${n}`, text('x'.repeat(n))])),
  ...Object.fromEntries([0, 1, 16, 255, 256].map((n) => [`blob of ${n}`, blob(Buffer.alloc(n, 7))])),
  uuid: text('0190a1b2-0000-7000-8000-000000000011'),
  'no uuid': text('0190A1B2-0000-7000-8000-000000000011'),
};

function values(): void {
  for (const [name, value] of Object.entries(VALUES)) seed('values', name, writeItem(value));
  seed('values', 'all', Buffer.concat(Object.values(VALUES).map(writeItem)));
}

function wrongPackets(): void {
  const families = [
    wrong.wrongHeaders,
    wrong.wrongBlocks,
    wrong.wrongItems,
    wrong.wrongDictionaries,
    wrong.wrongRows,
    wrong.wrongBases,
  ];
  for (const make of families)
    for (const [name, bytes] of Object.entries(make())) seed('packet', `wrong ${name}`, bytes);
}

function pieces(): void {
  const varints = [
    '',
    '00',
    '7f',
    '8001',
    'ff7f',
    '808080808080808001',
    'ffffffffffffffff7f',
    'ffffffffffffffffff01',
    '80',
    '0102030405',
  ];
  for (const hex of varints) seed('varints', hex === '' ? 'empty' : hex, Buffer.from(hex, 'hex'));
  const raws = [
    Buffer.alloc(1),
    Buffer.alloc(13),
    Buffer.alloc(300),
    Buffer.from('abcdefghijklmnopqrstuvwxyz'.repeat(9)),
    new Random(5).bytes(500),
  ];
  raws.forEach((raw, i) => {
    const size = Buffer.alloc(2);
    size.writeUInt16LE(raw.length);
    seed('lz4', `block ${i}`, Buffer.concat([size, compress(raw)]));
  });
  const name = writeItem(text('title'));
  const one = Buffer.concat([name, writeItem(integer(5)), writeItem(blob(SITES[0]))]);
  seed('deleted', 'one', one);
  seed('deleted', 'two', Buffer.concat([one, one]));
  seed('deleted', 'cut off', one.subarray(0, one.length - 1));
}

/** One value as the host hands it over in rows of cloudsync_changes. */
function cell(value: unknown): Buffer {
  const head = Buffer.alloc(9);
  const bytes =
    typeof value === 'string' ? Buffer.from(value) : value instanceof Buffer ? value : Buffer.alloc(0);
  head[0] =
    typeof value === 'bigint'
      ? 1
      : typeof value === 'number'
        ? 2
        : typeof value === 'string'
          ? 3
          : value === null
            ? 5
            : 4;
  if (typeof value === 'bigint') head.writeBigInt64LE(value, 1);
  else if (typeof value === 'number') head.writeDoubleLE(value, 1);
  else head.writeBigUInt64LE(BigInt(bytes.length), 1);
  return Buffer.concat([head, bytes]);
}

function changes(): void {
  const db = connect();
  trackAll(db);
  write(db, '11');
  db.exec("DELETE FROM marks WHERE id = x'00'; DELETE FROM notes WHERE id = 'shared'");
  const rows = db.prepare('SELECT * FROM cloudsync_changes').raw().all() as unknown[][];
  rows.slice(0, 24).forEach((values, i) => {
    seed('changes', `row ${i}`, Buffer.concat(values.map(cell)));
  });
  seed('changes', 'all', Buffer.concat(rows.flat().map(cell)));
  seed('changes', 'cut off', Buffer.concat(rows.flat().map(cell)).subarray(0, 200));
  db.close();
}

const TARGET_OF = {
  sites: 'registration',
  schema: 'publication',
  push: 'push',
  pull: 'page',
  wait: 'error',
} as const;

function answers(packets: readonly Buffer[]): void {
  const state = { epoch: Buffer.alloc(16, 0xab), batch: 3n, packets };
  for (const sound of [true, false])
    plannedAnswers(new Random(7), state, sound).forEach(({ kind, body }, i) => {
      seed(
        TARGET_OF[kind],
        `${sound ? 'sound' : 'fuzzed'} ${i}`,
        kind === 'wait' ? Buffer.concat([Buffer.from([200]), body]) : body,
      );
    });
  for (const status of [200, 400, 401, 404, 409, 413, 429, 503]) {
    const body: Output = array([text('gap'), text('detail'), integer(status)]);
    seed('error', `status ${status}`, Buffer.concat([Buffer.from([status >> 1]), writeItem(body)]));
  }
}

mkdirSync(FOLDER, { recursive: true });
for (const name of readdirSync(VECTORS).filter((each) => each.endsWith('.bin')))
  splitPayload(readFileSync(join(VECTORS, name))).forEach((bytes, i) => {
    seed('packet', `vector ${name} ${i}`, bytes);
    seed('body', `vector ${name} ${i}`, decodeFrame(bytes));
  });
seedPacket('sample', samplePacket());
sourcePackets().forEach((packet, i) => {
  seedPacket(`device ${i}`, packet);
});
packetsAtLimits();
values();
wrongPackets();
pieces();
changes();
answers(
  sourcePackets()
    .slice(0, 6)
    .map((packet) => encodePacket(packet)),
);
const files = readdirSync(FOLDER);
// What can be decoded is decoded once, so that a slip above is noticed.
const accepted = files.filter(
  (name) => name.startsWith('packet-') && isAccepted(readFileSync(join(FOLDER, name))),
);
console.log(`${files.length} seeds, ${accepted.length} of them packets that the independent decoder accepts`);

function isAccepted(bytes: Buffer): boolean {
  try {
    return decodePayload(bytes).length > 0;
  } catch {
    return false;
  }
}
