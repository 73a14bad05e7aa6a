/**
 * Invariant 8: no packet, however wrong, crashes, half applies or changes anything. Every wrong packet is
 * refused with an SQL error that starts with "cloudsync: ", and the connection goes on working.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describePackets } from '../model/describe.js';
import { applyPayload, type Connection, dumpMetadata, single, snapshot } from '../support/database.js';
import { decodePayload } from './decode.js';
import { encodePacket, fixChecksum } from './encode.js';
import { row, sampleDatabase, samplePacket, stamp, TABLES } from './samples.js';
import { blob, integer, NULL, text } from './value.js';
import * as wrong from './wrong_packets.js';

const SLOW_MILLISECONDS = 300_000;

let db: Connection;
let before: string;

beforeEach(() => {
  db = sampleDatabase();
  before = snapshot(db, TABLES);
});

afterEach(() => db.close());

/**
 * The message of the error, or undefined when the payload was accepted. Any other kind of error fails the
 * test.
 */
function refusal(payload: Buffer): string | undefined {
  try {
    applyPayload(db, payload);
    return undefined;
  } catch (error) {
    expect((error as Error).message).toMatch(/^cloudsync: \S/);
    return (error as Error).message;
  }
}

function expectRefused(name: string, payload: Buffer): void {
  expect(refusal(payload), name).toBeDefined();
  expect(snapshot(db, TABLES), name).toBe(before);
}

/** The connection still works: a good packet applies and a local write is captured. */
function expectWorking(): void {
  applyPayload(db, encodePacket(samplePacket()));
  db.exec("UPDATE notes SET title = 'after the storm' WHERE id = 'own'");
  expect(dumpMetadata(db).join('\n')).toContain('after the storm');
  expect(single(db, 'SELECT title FROM notes WHERE id = ?', 'whole')).toBe('a\0b');
  expect(single(db, 'PRAGMA integrity_check')).toBe('ok');
}

describe('invariant 8: wrong packets are refused and change nothing', () => {
  test('the sample itself is accepted, compressed or not', () => {
    const packet = samplePacket();
    for (const table of packet.tables) for (const each of table.rows) each.key[0] = text(`new ${each.cl}`);
    expect(refusal(encodePacket(packet, { compress: false }))).toBeUndefined();
    expectWorking();
  });

  const families = {
    header: wrong.wrongHeaders,
    'LZ4 block': wrong.wrongBlocks,
    'MessagePack item': wrong.wrongItems,
    dictionary: wrong.wrongDictionaries,
    row: wrong.wrongRows,
    base: wrong.wrongBases,
  };

  for (const [family, make] of Object.entries(families)) {
    test.each(Object.entries(make()))(`${family}: %s`, (name, payload) => {
      expectRefused(name, payload);
      expectWorking();
    });
  }

  test('truncated at every offset', () => {
    for (const options of [{ compress: false }, { compress: true }]) {
      const packet = encodePacket(samplePacket(), options);
      for (let size = 1; size < packet.length; size++)
        expectRefused(`${size} bytes`, packet.subarray(0, size));
    }
    expectWorking();
  });

  test('followed by bytes that are no packet', () => {
    const packet = encodePacket(samplePacket());
    expect(refusal(Buffer.concat([packet, Buffer.from('C')]))).toBeDefined();
    expect(refusal(Buffer.concat([packet, packet.subarray(0, 40)]))).toBeDefined();
    expectWorking();
  });

  test('every bit flipped, checksum left as it was', { timeout: SLOW_MILLISECONDS }, () => {
    for (const options of [{ compress: false }, { compress: true }]) {
      const packet = encodePacket(samplePacket(), options);
      for (let bit = 0; bit < packet.length * 8; bit++) expectRefused(`bit ${bit}`, flipped(packet, bit));
    }
    expectWorking();
  });

  test.each(['plain', 'compressed'])(
    'every bit flipped, checksum fixed: refused wherever the independent decoder refuses (%s)',
    { timeout: SLOW_MILLISECONDS },
    (kind) => {
      const packet = encodePacket(samplePacket(), { compress: kind === 'compressed' });
      let refused = 0;
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const payload = fixChecksum(flipped(packet, bit));
        const reason = decoderRefusal(payload);
        db.exec('SAVEPOINT trial');
        const answer = refusal(payload);
        if (reason !== undefined && answer === undefined) {
          throw new Error(`bit ${bit} was accepted; the decoder says: ${reason}`);
        }
        if (answer !== undefined) refused++;
        if (answer !== undefined) expect(snapshot(db, TABLES), `bit ${bit}`).toBe(before);
        db.exec('ROLLBACK TO trial; RELEASE trial');
        expect(snapshot(db, TABLES), `bit ${bit} after the rollback`).toBe(before);
      }
      expect(refused).toBeGreaterThan(packet.length);
      expectWorking();
    },
  );

  test.each([
    ['NULL', null],
    ['a number', 5n],
    ['text', 'CSP'],
  ])('%s in place of a BLOB', (_name, argument) => {
    expect(() => single(db, 'SELECT cloudsync_payload_apply(?)', argument)).toThrow(/^cloudsync: /);
    expect(snapshot(db, TABLES)).toBe(before);
    expectWorking();
  });
});

describe('what is not wrong is accepted', () => {
  test('an empty payload and a packet without rows change nothing', () => {
    const packet = { ...samplePacket(), tables: [] };
    expect(refusal(Buffer.alloc(0))).toBeUndefined();
    expect(refusal(encodePacket(packet))).toBeUndefined();
    expect(snapshot(db, TABLES)).toBe(before);
  });

  test('clocks of nearly a day ahead, causal lengths and values at their limits', {
    timeout: SLOW_MILLISECONDS,
  }, () => {
    const packet = samplePacket();
    const clock = BigInt(Date.now()) * 1000n + 86_400_000_000n - 60_000_000n;
    const rows = packet.tables[0]?.rows ?? [];
    rows.push(row([text('ahead'), integer(1)], stamp(clock), { title: NULL, body: integer(1) }));
    rows.push(row([text('reborn'), integer(1)], stamp(5), { body: integer(1) }, 2n ** 20n - 1n));
    rows.push(row([text('large'), integer(1)], stamp(6), { body: blob(Buffer.alloc(1 << 24)) }));
    expect(refusal(encodePacket(packet))).toBeUndefined();
    expect(single(db, "SELECT count(*) FROM notes WHERE id IN ('ahead', 'reborn')")).toBe(2n);
    expect(single(db, "SELECT length(body) FROM notes WHERE id = 'large'")).toBe(1n << 24n);
    db.exec("UPDATE notes SET body = 'local' WHERE id = 'ahead'");
    expect(dumpMetadata(db).find((line) => line.includes("'ahead'"))).toContain("body='local'");
  });

  test('the sample decodes to what was encoded', () => {
    expect(describePackets(decodePayload(encodePacket(samplePacket())))).toEqual(
      describePackets([samplePacket()]),
    );
  });
});

function flipped(packet: Buffer, bit: number): Buffer {
  const copy = Buffer.from(packet);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

function decoderRefusal(payload: Buffer): string | undefined {
  try {
    decodePayload(payload);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
