/**
 * Wrong packets by name: each breaks one rule of docs/PROTOCOL.md section 1 and is right in everything else,
 * with a checksum that fits. The receiver must refuse every one of them.
 */
import { bodyItems, encodePacket, type FrameOptions, frame } from './encode.js';
import { sequence } from './lz4.js';
import { array, type Output, raw, writeItem } from './msgpack.js';
import { ALGORITHMS, type Packet } from './packet.js';
import { row, SITES, samplePacket, stamp } from './samples.js';
import { blob, integer, NULL, real, text } from './value.js';

const MEBIBYTE = 1 << 20;
const DAY_MICROSECONDS = 86_400_000_000n;

export type WrongPackets = Record<string, Buffer>;

/** The sample's items with the one at `path` replaced. */
function replaced(path: readonly number[], item: Output): Output {
  const put = (parent: Output, [index, ...rest]: readonly number[]): Output => {
    if (index === undefined) return item;
    if (parent.type !== 'array' || index > parent.items.length)
      throw new Error(`the sample has no item ${path}`);
    const items = [...parent.items];
    items[index] = put(items[index] ?? NULL, rest);
    return { type: 'array', items };
  };
  return put(bodyItems(samplePacket()), path);
}

function withItem(path: readonly number[], item: Output): Buffer {
  return frame(writeItem(replaced(path, item)));
}

function withPacket(change: (packet: Packet) => void): Buffer {
  const packet = samplePacket();
  change(packet);
  return encodePacket(packet);
}

// The sample's body: where its parts are.
const SITE = [0];
const SINCE = [1];
const SITE_LIST = [3];
const TABLE_LIST = [4];
const FIRST_TABLE = [4, 0];
const GROUPS = [5];
const FIRST_GROUP = [5, 0];

/** A body with one group of table 0 that holds these items after the table's index. */
function group(...items: Output[]): Buffer {
  return withItem(FIRST_GROUP, array([integer(0), ...items]));
}

const KEY = [text('k'), integer(7)];

export function wrongHeaders(): WrongPackets {
  const body = writeItem(bodyItems(samplePacket()));
  const framed = (options: FrameOptions) => frame(body, options);
  const plain = { compress: false };
  const sizes = (size: number) => [
    framed({ rawSize: size }),
    framed({ ...plain, storedSize: size, rawSize: size }),
  ];
  const [over, overStored] = sizes(20 * MEBIBYTE + 1) as [Buffer, Buffer];
  const [huge, hugeStored] = sizes(2 ** 32 - 1) as [Buffer, Buffer];
  return {
    'another magic': framed({ magic: 'CSQ' }),
    'version 0': framed({ version: 0 }),
    'version 2': framed({ version: 2 }),
    'flag 2': framed({ flags: 3 }),
    'flag 128': framed({ ...plain, flags: 128 }),
    'reserved bytes': framed({ reserved: 0x010000 }),
    'LZ4 flag on a plain body': framed({ ...plain, flags: 1 }),
    'no LZ4 flag on a compressed body': framed({ flags: 0 }),
    'raw size one too large': framed({ rawSize: body.length + 1 }),
    'raw size one too small': framed({ rawSize: body.length - 1 }),
    'raw size 0': framed({ rawSize: 0 }),
    'stored size one too large': framed({ storedSize: 25 }),
    'an empty body': frame(Buffer.alloc(0), plain),
    'raw size over the limit': over,
    'stored size over the limit': overStored,
    'raw size 4 GiB': huge,
    'stored size 4 GiB': hugeStored,
    'a wrong checksum': framed({ checksum: 1n }),
  };
}

export function wrongBlocks(): WrongPackets {
  const block = (stored: Buffer, rawSize: number) => frame(Buffer.alloc(0), { stored, rawSize, flags: 1 });
  const zeros = (size: number) => sequence(Buffer.from([0]), 1, size);
  return {
    'LZ4: distance 0': block(Buffer.from([0x10, 0x90, 0, 0, 0x10, 0x90]), 300),
    'LZ4: distance before the start': block(sequence(Buffer.from([0x90]), 2, 200), 300),
    'LZ4: ends with a match': block(sequence(Buffer.from([0x90]), 1, 299), 300),
    'LZ4: literals run over the block': block(Buffer.from([0xf0, 200, 1, 2]), 300),
    'LZ4: length bytes without an end': block(
      Buffer.concat([Buffer.from([0xf0]), Buffer.alloc(90, 255)]),
      5000,
    ),
    'LZ4: ends inside a distance': block(Buffer.from([0x10, 0x90, 1]), 300),
    'LZ4: an empty block': block(Buffer.alloc(0), 300),
    'LZ4: gives less than declared': block(Buffer.concat([zeros(200), sequence(Buffer.alloc(5))]), 300),
    'LZ4: gives more than declared': block(Buffer.concat([zeros(2000), sequence(Buffer.alloc(5))]), 300),
    'LZ4: a bomb': block(Buffer.concat([zeros(19 * MEBIBYTE), sequence(Buffer.alloc(5))]), 300),
    'LZ4: a bomb that is declared': block(
      Buffer.concat([zeros(19 * MEBIBYTE), sequence(Buffer.alloc(5))]),
      19 * MEBIBYTE + 6,
    ),
  };
}

/** Encodings that MessagePack allows and the canonical subset does not, or that nothing allows. */
export function wrongItems(): WrongPackets {
  const hex: Record<string, string> = {
    false: 'c2',
    true: 'c3',
    'the unused byte': 'c1',
    'float 32': 'ca3fc00000',
    'an empty map': '80',
    'map 16': 'de0000',
    'uint 8 of 5': 'cc05',
    'uint 16 of 255': 'cd00ff',
    'uint 32 of 65535': 'ce0000ffff',
    'uint 64 of 2^32-1': 'cf00000000ffffffff',
    'uint 64 of 2^63': 'cf8000000000000000',
    'int 8 of 5': 'd005',
    'int 8 of -32': 'd0e0',
    'int 16 of -128': 'd1ff80',
    'int 32 of -32768': 'd2ffff8000',
    'int 64 of 1': 'd30000000000000001',
    'str 8 of 1 byte': 'd90161',
    'str 16 of 1 byte': 'da000161',
    'str 32 of 1 byte': 'db0000000161',
    'bin 16 of 1 byte': 'c5000161',
    'bin 32 of 1 byte': 'c60000000161',
    'an array': '90',
    'ext 1 of one byte': 'd40101',
    'ext 2 of 16 bytes': `d802${'ab'.repeat(16)}`,
    'ext 8 of 16 bytes': `c71001${'ab'.repeat(16)}`,
    'a timestamp': 'd6ff00000000',
    NaN: 'cb7ff8000000000000',
    'a UUID as str': `d924${Buffer.from('00000000-0000-4000-8000-000000000001').toString('hex')}`,
    'str of 4 GiB': 'dbffffffff61',
    'bin of 2 GiB': 'c67fffffff61',
    'array of 4 GiB': 'ddffffffff',
    'ten thousand arrays inside each other': '91'.repeat(10_000),
  };
  const wrong = Object.entries(hex).map(([name, bytes]) => [`value: ${name}`, wholeRow(raw(bytes))]);
  return {
    ...Object.fromEntries(wrong),
    'bytes after the body': frame(Buffer.concat([writeItem(bodyItems(samplePacket())), Buffer.from([0xc0])])),
    'array 16 of six items': frame(
      Buffer.concat([Buffer.from('dc0006', 'hex'), writeItem(bodyItems(samplePacket())).subarray(1)]),
    ),
    'a value over 16 MiB': wholeRow(blob(Buffer.alloc(16 * MEBIBYTE + 1))),
    'a body over 20 MiB': wholeRow(blob(Buffer.alloc(20 * MEBIBYTE))),
  };
}

/** A row of table 0 with both columns; the second has this value. */
function wholeRow(value: Output): Buffer {
  return group(integer(1), ...KEY, integer(1000), NULL, value);
}

export function wrongDictionaries(): WrongPackets {
  const names = (count: number) => array(Array.from({ length: count }, (_, i) => text(`c${i}`)));
  const table = (name: Output, algorithm: Output, keys: Output, columns: Output) =>
    withItem(FIRST_TABLE, array([name, algorithm, keys, columns]));
  const id = array([text('id'), text('part')]);
  const columns = array([text('title'), text('body')]);
  const site = blob(SITES[0]);
  return {
    'five items': frame(writeItem({ type: 'array', items: bodyItems(samplePacket()).items.slice(0, 5) })),
    'seven items': withItem([6], NULL),
    'the body is no array': frame(writeItem(integer(6)), { compress: false }),
    'site of 15 bytes': withItem(SITE, blob('11'.repeat(15))),
    'site as text': withItem(SITE, text('1234567890123456')),
    'since is nil': withItem(SINCE, NULL),
    'since is negative': withItem(SINCE, integer(-1)),
    'since above upto': withItem(SINCE, integer(10)),
    'a site twice': withItem(SITE_LIST, array([site, blob(SITES[1]), blob(SITES[2]), site])),
    'a listed site of 17 bytes': withItem([...SITE_LIST, 0], blob('11'.repeat(17))),
    'sites are no array': withItem(SITE_LIST, site),
    'tables are no array': withItem(TABLE_LIST, NULL),
    'a table twice': withItem([...TABLE_LIST, 1], array([text('notes'), integer(0), id, columns])),
    'a table of three items': withItem(FIRST_TABLE, array([text('notes'), integer(0), id])),
    'a table of five items': withItem([...FIRST_TABLE, 4], NULL),
    'algorithm 4': table(text('notes'), integer(ALGORITHMS.length), id, columns),
    'algorithm -1': table(text('notes'), integer(-1), id, columns),
    'no key columns': table(text('notes'), integer(0), array([]), columns),
    '65 key columns': table(text('notes'), integer(0), names(65), columns),
    '2001 columns': table(text('notes'), integer(0), id, names(2001)),
    'a column twice': table(text('notes'), integer(0), id, array([text('title'), text('title')])),
    'a key column twice': table(text('notes'), integer(0), array([text('id'), text('id')]), columns),
    'a key column among the columns': table(
      text('notes'),
      integer(0),
      id,
      array([text('title'), text('id')]),
    ),
    'an empty table name': table(text(''), integer(0), id, columns),
    'a table name of 1025 bytes': table(text('n'.repeat(1025)), integer(0), id, columns),
    'a table name that is no UTF-8': table(text(Buffer.from('ff', 'hex')), integer(0), id, columns),
    'a table name that is a number': table(integer(1), integer(0), id, columns),
    'an empty column name': table(text('notes'), integer(0), id, array([text('title'), text('')])),
  };
}

export function wrongRows(): WrongPackets {
  const clock = integer(1000);
  const now = BigInt(Date.now()) * 1000n;
  const at = (value: bigint) =>
    withPacket(({ tables }) => tables[0]?.rows.push(row(KEY, stamp(value), { body: NULL })));
  const causal = (cl: bigint) => withPacket(({ tables }) => tables[0]?.rows.push(row(KEY, stamp(1), {}, cl)));
  const addWins = (cl: bigint) =>
    withPacket(({ tables }) => tables[1]?.rows.push(row([text('k')], stamp(1), {}, cl)));
  const bitmap = (hex: string) => group(integer(2), ...KEY, clock, blob(hex), NULL);
  return {
    'a table index out of range': withItem(FIRST_GROUP, array([integer(2), integer(0), ...KEY, clock])),
    'a negative table index': withItem(FIRST_GROUP, array([integer(-1), integer(0), ...KEY, clock])),
    'a group without a table': withItem(FIRST_GROUP, array([])),
    'a group that is no array': withItem(FIRST_GROUP, NULL),
    'groups are no array': withItem(GROUPS, NULL),
    'two groups of one table': withItem([...GROUPS, 1], array([integer(0), integer(0), ...KEY, clock])),
    'a group that ends inside a row': group(integer(1), ...KEY, clock, NULL),
    'a group that ends after a tag': group(integer(1)),
    'tag 128': group(integer(128), ...KEY, clock),
    'tag -1': group(integer(-1), ...KEY, clock),
    'a tag that is nil': group(NULL, ...KEY, clock),
    'columns 3': group(integer(3), ...KEY, clock, NULL, NULL),
    'a NULL key': group(integer(0), text('k'), NULL, clock),
    'an array as key': group(integer(0), text('k'), array([]), clock),
    'a real clock': group(integer(0), ...KEY, real(1000)),
    'a negative clock': group(integer(0), ...KEY, integer(-1)),
    'clock 2^53': at(2n ** 53n),
    'clock 2^63 - 1': at(2n ** 63n - 1n),
    'clock 2^53 - 1, far ahead': at(2n ** 53n - 1n),
    'a clock one day and a minute ahead': at(now + DAY_MICROSECONDS + 60_000_000n),
    'a clock that falls below 0 by its difference': group(
      ...[integer(1), ...KEY, clock, NULL, NULL],
      ...[integer(1), text('l'), integer(8), integer(-1001), NULL, NULL],
    ),
    'clocks that overflow by their difference': group(
      ...[integer(0), ...KEY, integer(2n ** 52n)],
      ...[integer(0), text('l'), integer(8), integer(2n ** 63n - 1n)],
    ),
    'a site index out of range': group(integer(17), ...KEY, clock, integer(3), NULL, NULL),
    'a negative site index': group(integer(17), ...KEY, clock, integer(-1), NULL, NULL),
    'a column clock above 2^53': group(
      integer(5),
      ...KEY,
      clock,
      integer(2n ** 53n),
      integer(0),
      NULL,
      integer(0),
    ),
    'a column clock below 0': group(integer(5), ...KEY, clock, integer(-1001), integer(0), NULL, integer(0)),
    'a column site out of range': group(integer(5), ...KEY, clock, integer(0), integer(9), NULL, integer(0)),
    'an empty bitmap': bitmap(''),
    'a bitmap that ends with zero': bitmap('0200'),
    'a bitmap of zero': bitmap('00'),
    'a bitmap with a column out of range': bitmap('04'),
    'a bitmap as text': group(integer(2), ...KEY, clock, text('\x02'), NULL),
    'cl 0': group(integer(8), ...KEY, integer(0), clock),
    'cl -1': group(integer(8), ...KEY, integer(-1), clock),
    'cl over the limit': causal(2n ** 40n + 2n),
    'cl far above the receiver': causal(2n ** 20n + 2n),
    'cl 2^63 - 1': causal(2n ** 63n - 1n),
    'aws: cl 3': addWins(3n),
    'aws: cl 4': addWins(4n),
    'an even cl with columns': group(integer(9), ...KEY, integer(2), clock, NULL, NULL),
    'deletion stamps outside aws': group(integer(32), ...KEY, clock, blob('01'), integer(0), integer(0)),
  };
}

/** A row of table 0 with the column `title` at clock 1000, and these items after it as its bases. */
export function wrongBases(): WrongPackets {
  const bases = (...items: Output[]) => group(integer(66), ...KEY, integer(1000), blob('01'), NULL, ...items);
  const one = (floor: bigint, ...stamps: Array<[difference: bigint, site: number]>) =>
    bases(
      integer(1),
      blob('01'),
      integer(floor),
      integer(stamps.length),
      ...stamps.flatMap(([difference, site]) => [integer(difference), integer(site)]),
    );
  const empty = [blob('01'), integer(0), integer(0)];
  return {
    'bases: no group': bases(integer(0)),
    'bases: more groups than columns': bases(integer(2), ...empty, ...empty),
    'bases: a group too few': bases(integer(1)),
    'bases: a number of groups below 0': bases(integer(-1)),
    'bases: of no column': bases(integer(1), blob(''), integer(0), integer(0)),
    'bases: of an absent column': bases(integer(1), blob('02'), integer(0), integer(0)),
    'bases: of a column out of range': bases(integer(1), blob('04'), integer(0), integer(0)),
    'bases: of a column twice': group(
      ...[integer(65), ...KEY, integer(1000), NULL, NULL],
      ...[integer(2), ...empty, ...empty],
    ),
    'bases: a negative floor': one(-1n),
    'bases: floor 2^53': one(2n ** 53n),
    'bases: a negative number of sites': bases(integer(1), blob('01'), integer(0), integer(-1)),
    'bases: 17 sites': one(0n, ...Array.from({ length: 17 }, (_, i) => [BigInt(-i), 0] as [bigint, number])),
    'bases: a site out of range': one(0n, [-1n, 9]),
    'bases: a site twice': one(0n, [-1n, 1], [-2n, 1]),
    'bases: a clock below 0': one(0n, [-1001n, 1]),
    'bases: a clock at the floor': one(500n, [-500n, 1]),
    'bases: a clock above that of the row': one(0n, [1n, 1]),
    'bases: clocks that rise': one(0n, [-2n, 1], [-1n, 2]),
    'bases: of a deleted row, more groups than columns': group(
      ...[integer(72), ...KEY, integer(2), integer(1000)],
      ...[integer(3), ...empty, ...empty, ...empty],
    ),
  };
}
