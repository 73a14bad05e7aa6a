/**
 * message-format.test.ts: the server's reader and writer of MessagePack, without a server: they agree with
 * another implementation, and the reader refuses everything that is not canonical, too long, cut off or
 * hostile, without allocating for it.
 */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { SyncError } from '../../src/server/errors.js';
import { readPull, readPush, readRegister, readSchema } from '../../src/server/http/messages.js';
import { MessageReader } from '../../src/server/msgpack/reader.js';
import { MessageWriter } from '../../src/server/msgpack/writer.js';
import { propertyOptions } from '../support/random.js';

const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });

const LIMIT = 1 << 20;

function reader(...bytes: number[]): MessageReader {
  return new MessageReader(Uint8Array.from(bytes));
}

describe('agreement with msgpackr', () => {
  test.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff])('unsigned %i', (value) => {
    expect(new MessageWriter().unsigned(value).finish()).toEqual(Buffer.from(packr.pack(value)));
    expect(new MessageReader(packr.pack(value)).unsigned('number')).toBe(value);
  });

  test.each([0x1_0000_0000, 2 ** 53 - 1])('unsigned %i takes eight bytes', (value) => {
    const bytes = new MessageWriter().unsigned(value).finish();
    expect(packr.unpack(bytes)).toBe(BigInt(value));
    expect(new MessageReader(bytes).unsigned('number')).toBe(value);
  });

  test.each([0, 1, 31, 32, 255, 256, 65_535, 65_536])('text and byte string of %i bytes', (size) => {
    const text = 'x'.repeat(size);
    const bytes = Buffer.alloc(size, 0xc1);
    const written = new MessageWriter().array(2).text(text).binary(bytes).finish();
    expect(written).toEqual(Buffer.from(packr.pack([text, bytes])));
    const back = new MessageReader(written);
    back.tuple('pair', 2);
    expect(back.text('text', LIMIT)).toBe(text);
    expect(Buffer.from(back.binary('bytes', LIMIT)).equals(bytes)).toBe(true);
    back.end('pair');
  });

  test.each([0, 15, 16, 65_535, 65_536])('array of %i items', (length) => {
    const writer = new MessageWriter().array(length);
    for (let item = 0; item < length; item += 1) writer.unsigned(1);
    expect(writer.finish()).toEqual(Buffer.from(packr.pack(Array(length).fill(1))));
    expect(new MessageReader(writer.finish()).array('array', LIMIT)).toBe(length);
  });

  test('a value that is no unsigned integer is not written', () => {
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => new MessageWriter().unsigned(value)).toThrow(RangeError);
    }
  });
});

describe('refusals of the reader', () => {
  const cases: [string, () => unknown, RegExp][] = [
    ['a longer form of a number', () => reader(0xcc, 0x7f).unsigned('n'), /longer form/],
    [
      'a longer form of a wide number',
      () => reader(0xcf, 0, 0, 0, 0, 255, 255, 255, 255).unsigned('n'),
      /longer/,
    ],
    ['a longer form of a text length', () => reader(0xd9, 1, 65).text('t', 9), /longer form/],
    ['a longer form of a byte length', () => reader(0xc5, 0, 1, 65).binary('b', 9), /longer form/],
    ['a longer form of an array length', () => reader(0xdc, 0, 1, 0).array('a', 9), /longer form/],
    ['a number above 2^53 - 1', () => reader(0xcf, 0, 32, 0, 0, 0, 0, 0, 0).unsigned('n'), /2\^53/],
    ['a negative number', () => reader(0xff).unsigned('n'), /type byte 0xff/],
    ['a float', () => reader(0xcb, 0, 0, 0, 0, 0, 0, 0, 0).unsigned('n'), /type byte 0xcb/],
    ['nil', () => reader(0xc0).unsigned('n'), /type byte 0xc0/],
    ['a map', () => reader(0x80).array('a', 9), /type byte 0x80/],
    ['text where bytes are expected', () => reader(0xa1, 65).binary('b', 9), /expected a byte string/],
    ['bytes where text is expected', () => reader(0xc4, 1, 65).text('t', 9), /expected text/],
    ['text that is not UTF-8', () => reader(0xa2, 0xc3, 0x28).text('t', 9), /UTF-8/],
    ['text over the limit', () => reader(0xa2, 65, 65).text('t', 1), /at most 1/],
    ['bytes over the limit', () => reader(0xc4, 2, 65, 65).binary('b', 1), /at most 1/],
    ['items over the limit', () => reader(0x92, 0, 0).array('a', 1), /at most 1/],
    ['a number over the limit', () => reader(5).unsigned('n', 4), /at most 4/],
    ['bytes of another size', () => reader(0xc4, 1, 65).fixedBinary('b', 2), /expected 2/],
    ['an array of another length', () => reader(0x92, 0, 0).tuple('a', 3), /expected 3/],
    ['bytes after the end', () => reader(1, 1).end('all'), /2 bytes after/],
    ['an empty body', () => reader().array('a', 9), /the body ends/],
    ['4 GiB of text in 5 bytes', () => reader(0xdb, 255, 255, 255, 255).text('t', LIMIT), /at most/],
    ['4 GiB of bytes in 5 bytes', () => reader(0xc6, 255, 255, 255, 255).binary('b', 2 ** 33), /body ends/],
    ['4 G of items in 5 bytes', () => reader(0xdd, 255, 255, 255, 255).array('a', 2 ** 33), /body ends/],
  ];

  test.each(cases)('%s', (_name, read, words) => {
    expect(read).toThrow(SyncError);
    expect(read).toThrow(words);
  });

  test('a body that is cut off anywhere', () => {
    const body = new MessageWriter()
      .array(3)
      .text('abc'.repeat(100))
      .binary(Buffer.alloc(300))
      .unsigned(70_000)
      .finish();
    const readAll = (bytes: Uint8Array) => {
      const all = new MessageReader(bytes);
      all.tuple('all', 3);
      return [all.text('text', LIMIT), all.binary('bytes', LIMIT), all.unsigned('number'), all.end('all')];
    };
    expect(readAll(body)).toHaveLength(4);
    for (let size = 0; size < body.length; size += 1) {
      expect(() => readAll(body.subarray(0, size)), `cut to ${size} bytes`).toThrow(SyncError);
    }
  });
});

describe('request bodies', () => {
  const site = Buffer.alloc(16, 7);
  const bodies: [string, (body: Uint8Array) => unknown, unknown][] = [
    ['registration', readRegister, [site, [['notes', 0, ['id', 'title']]]]],
    ['schema', readSchema, [site, [['notes', 2, 'CREATE TABLE notes(id)']]]],
    ['push', (body) => readPush(body, 4096, undefined), [site, site, 300, Buffer.alloc(40, 9)]],
    ['pull', readPull, [site, site, 5, Buffer.alloc(33, 9), 70_000]],
  ];

  test.each(bodies)('%s: a valid body is read; cut off anywhere it is refused', (_name, read, value) => {
    const body = packr.pack(value);
    expect(read(body)).toHaveProperty('site');
    for (let size = 0; size < body.length; size += 1) {
      expect(() => read(body.subarray(0, size)), `cut to ${size} bytes`).toThrow(SyncError);
    }
  });

  test.each(bodies)('%s: changed bytes are read or refused, never a defect', (_name, read, value) => {
    const body = packr.pack(value);
    const change = fc.record({ at: fc.nat(body.length - 1), byte: fc.nat(255) });
    const property = fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = Buffer.from(body);
      for (const { at, byte } of changes) changed[at] = byte;
      try {
        read(changed);
      } catch (error) {
        if (!(error instanceof SyncError) || error.errorName !== 'bad_request') throw error;
      }
    });
    fc.assert(property, propertyOptions('messages', 5000));
  });
});
