/**
 * packets.ts: packets with one thing wrong or dangerous in them, for malicious clients and malicious servers alike.
 */
import { encodePacket, frame } from '../packet/encode.js';
import type { Packet } from '../packet/packet.js';
import { row } from '../packet/samples.js';
import { blob, text, type Value } from '../packet/value.js';

const AUTHOR = 'ab'.repeat(16);
const DAY_US = 86_400_000_000;

export interface Options {
  table?: string;
  keyColumns?: string[];
  columns?: Record<string, Value>;
  /** Microseconds ahead of now. */
  ahead?: number;
  cl?: bigint;
  rows?: number;
  algorithm?: 'cls' | 'aws';
}

/** A packet with rows of the table notes, as far as nothing else is wanted. */
export function packetWith(options: Options = {}): Buffer {
  const { table = 'notes', keyColumns = ['id'], columns = { title: text('evil') }, rows = 1 } = options;
  const at = { clock: BigInt(Date.now() * 1000 + (options.ahead ?? 0)), site: AUTHOR };
  const made = Array.from({ length: rows }, (_, i) => {
    const key = keyColumns.map(() => text(`evil-${i}`));
    return row(key, at, (options.cl ?? 1n) % 2n === 0n ? {} : columns, options.cl ?? 1n);
  });
  const packet: Packet = {
    site: AUTHOR,
    since: 0n,
    upto: 0n,
    tables: [
      {
        name: table,
        algorithm: options.algorithm ?? 'cls',
        keyColumns,
        columns: Object.keys(columns),
        rows: made,
      },
    ],
  };
  return encodePacket(packet);
}

const good = () => packetWith();

/** Packets that must be refused, and change nothing. */
export const BAD_PACKETS: readonly [string, () => Buffer][] = [
  ['zeros', () => Buffer.alloc(1000)],
  ['a packet of a later version', () => frame(Buffer.from([0x96]), { version: 2 })],
  ['a packet that is cut', () => good().subarray(0, 40)],
  ['a wrong checksum', () => frame(Buffer.from([0x90]), { checksum: 1n })],
  ['a bomb: 4 GiB raw', () => frame(Buffer.alloc(64), { flags: 1, rawSize: 0xffffffff, compress: false })],
  [
    'a bomb: 20 MiB out of 64 bytes',
    () => frame(Buffer.alloc(64), { flags: 1, rawSize: 20 << 20, compress: false }),
  ],
  ['a count of 2^32 rows', () => frame(Buffer.from('96c410ddffffffff', 'hex'))],
  ['arrays in arrays without end', () => frame(Buffer.alloc(60_000, 0x91), { compress: false })],
  ['a clock two days ahead', () => packetWith({ ahead: 2 * DAY_US })],
  ['the largest clock', () => packetWith({ ahead: 2 ** 53 - 2 - Date.now() * 1000 })],
  ['a causal length over the limit', () => packetWith({ cl: 2n ** 40n + 1n })],
  ['a causal length that jumps', () => packetWith({ cl: 2n ** 21n + 1n })],
];

/** Packets that are well made and go where they must not: what they carry is held, and no table has it. */
export const MISPLACED_PACKETS: readonly [string, () => Buffer][] = [
  ...[
    'sqlite_schema',
    'sqlite_master',
    'cloudsync_settings',
    'cloudsync_server_sites',
    'cloudsync_server_state',
  ].map((table): [string, () => Buffer] => [
    `rows of the table ${table}`,
    () => packetWith({ table, keyColumns: ['name'], columns: { value: blob('00') } }),
  ]),
  ['rows of a table that nobody has', () => packetWith({ table: 'nowhere' })],
  ['a table named like an attack', () => packetWith({ table: `notes"; DROP TABLE notes; --` })],
  ['another key', () => packetWith({ keyColumns: ['title'], columns: { body: text('x') } })],
  ['another algorithm', () => packetWith({ algorithm: 'aws' })],
];

/** A row of a table that is there, with a column that is not: the row is taken, the column waits. */
export const strangeColumn = (): Buffer =>
  packetWith({ columns: { title: text('taken'), "title = '' WHERE 1; --": text('x') } });
