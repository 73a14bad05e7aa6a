/**
 * The tests' own packet code is tested first: known answers for XXH64 and LZ4, and every packet that the
 * encoder can make is read back unchanged.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { propertyOptions } from '../support/random.js';
import { decodePayload } from './decode.js';
import { encodePacket } from './encode.js';
import { compress, decompress, sequence } from './lz4.js';
import { readItem, writeItem } from './msgpack.js';
import type { Packet, Row } from './packet.js';
import { blob, integer, literal, NULL, real, text, type Value } from './value.js';
import { xxh64 } from './xxh64.js';

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(NULL),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(integer),
  fc.integer({ min: -70000, max: 70000 }).map(integer),
  fc.double({ noNaN: true }).map(real),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => text(Buffer.from(bytes))),
  fc.uuid().map((uuid) => text(uuid)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => blob(Buffer.from(bytes))),
);

describe('the test codec', () => {
  test('XXH64 gives the published values', () => {
    expect(xxh64(Buffer.alloc(0), 0n)).toBe(0xef46db3751d8e999n);
    expect(xxh64(Buffer.from('abc'), 0n)).toBe(0x44bc2cf5ad770999n);
    expect(xxh64(Buffer.from('Nobody inspects the spammish repetition'), 0n)).toBe(0xfbcea83c8a378bf1n);
  });

  test('LZ4 reads a block written by hand', () => {
    const block = Buffer.concat([sequence(Buffer.from('ab'), 2, 20), sequence(Buffer.from('tail!'))]);
    expect(decompress(block, 27).toString()).toBe(`${'ab'.repeat(11)}tail!`);
  });

  test('LZ4 restores what it compressed', () => {
    const property = fc.property(fc.uint8Array({ max: 3, maxLength: 2000 }), (input) => {
      expect(decompress(compress(Buffer.from(input)), input.length)).toEqual(Buffer.from(input));
    });
    fc.assert(property, propertyOptions('LZ4', 200));
  });

  test('MessagePack items are read back as they were written', () => {
    const property = fc.property(values, (value) => {
      expect(literal(readItem(writeItem(value)) as Value)).toBe(literal(value));
    });
    fc.assert(property, propertyOptions('MessagePack', 2000));
  });

  test('a packet with every kind of row is read back unchanged', () => {
    const sites = ['00'.repeat(16), 'ab'.repeat(16), 'ff'.repeat(16)];
    const stamp = (clock: number, site: number) => ({ clock: BigInt(clock), site: sites[site] as string });
    const row = (key: string, cl: number, clock: number, site: number): Row => ({
      key: [text(key), integer(-5)],
      cl: BigInt(cl),
      stamp: stamp(clock, site),
      columns: new Map(),
      deleted: new Map(),
    });
    const whole = row('whole', 1, 900, 2);
    for (const name of ['a', 'b']) whole.columns.set(name, { stamp: whole.stamp, value: text(name) });
    const partial = row('partial', 3, 500, 0);
    partial.columns.set('b', { stamp: partial.stamp, value: NULL });
    const mixed = row('mixed', 1, 700, 1);
    mixed.columns.set('a', { stamp: stamp(700, 1), value: real(-0) });
    mixed.columns.set('b', { stamp: stamp(2, 2), value: blob('00ff') });
    const dead = row('dead', 2, 2 ** 52, 1);
    dead.deleted.set('b', stamp(1, 0));
    const base = { floor: 0n, stamps: [] };
    whole.bases = new Map([
      ['a', base],
      ['b', base],
    ]);
    mixed.bases = new Map([['a', { floor: 3n, stamps: [stamp(600, 2), stamp(4, 0)] }]]);
    const packet: Packet = {
      site: sites[1] as string,
      since: 7n,
      upto: 2n ** 40n,
      tables: [
        {
          name: 'Ünï "t"',
          algorithm: 'aws',
          keyColumns: ['k', 'n'],
          columns: ['a', 'b'],
          rows: [whole, partial],
        },
        { name: 'empty', algorithm: 'gos', keyColumns: ['k'], columns: [], rows: [] },
        { name: 'u', algorithm: 'aws', keyColumns: ['k', 'n'], columns: ['a', 'b'], rows: [mixed, dead] },
      ],
    };
    expect(
      decodePayload(Buffer.concat([encodePacket(packet), encodePacket(packet, { compress: false })])),
    ).toEqual([packet, packet]);
  });
});
