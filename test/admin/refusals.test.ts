/**
 * refusals.test.ts: the record of refused writes in a database file: what is kept of a refusal, and the bounds.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keyText } from '../../src/server/scopes/key-text.js';
import { encodeValues } from '../../src/server/scopes/values.js';
import { SyncDatabase } from '../../src/server/store/database.js';
import {
  countRefusals,
  listRefusals,
  type Refusal,
  recordRefusals,
} from '../../src/server/store/refusals.js';

const SITE = Buffer.alloc(16, 0xab);

let database: SyncDatabase;
beforeEach(() => {
  database = new SyncDatabase('refusals', ':memory:');
});
afterEach(() => {
  database.close();
});

function refusal(id: number | string, detail = 'why'): Refusal {
  const pk = encodeValues([typeof id === 'number' ? BigInt(id) : id]);
  return { table: 'tasks', pk, code: 'denied', detail };
}

test('a refusal is kept with device, row and reason', () => {
  recordRefusals(database, SITE, 'ada', [refusal(1), refusal('two')]);
  expect(listRefusals(database, 0, 10)).toEqual([
    {
      at: expect.any(Number),
      site: 'ab'.repeat(16),
      subject: 'ada',
      table: 'tasks',
      key: "'two'",
      code: 'denied',
      detail: 'why',
    },
    expect.objectContaining({ key: '1' }),
  ]);
});

test('the newest 10,000 are kept', () => {
  for (let batch = 0; batch < 12; batch += 1) {
    recordRefusals(
      database,
      SITE,
      'ada',
      Array.from({ length: 1_000 }, (_, index) => refusal(batch * 1_000 + index)),
    );
  }
  expect(countRefusals(database)).toBe(10_000);
  expect(listRefusals(database, 0, 1)[0]?.key).toBe('11999');
  expect(listRefusals(database, 9_999, 10).map(({ key }) => key)).toEqual(['2000']);
});

test('of a large batch the first 1,000 are kept', () => {
  recordRefusals(
    database,
    SITE,
    'ada',
    Array.from({ length: 5_000 }, (_, index) => refusal(index)),
  );
  expect(countRefusals(database)).toBe(1_000);
  expect(listRefusals(database, 0, 1)[0]?.key).toBe('999');
});

test('long keys and reasons are cut', () => {
  recordRefusals(database, SITE, 'ada', [refusal('k'.repeat(100_000), 'r'.repeat(100_000))]);
  const [kept] = listRefusals(database, 0, 1);
  expect([kept?.key.length, kept?.detail.length]).toEqual([201, 1_000]);
});

test('nothing is written where nothing was refused', () => {
  const changes = () => database.sqlite.prepare('SELECT total_changes()').pluck().get();
  const before = changes();
  recordRefusals(database, SITE, 'ada', []);
  expect(changes()).toBe(before);
});

test('keys are shown as SQL literals', () => {
  const key = encodeValues([-5n, 9007199254740993n, 1.5, "it's", Buffer.from([0, 255]), null]);
  expect(keyText(key)).toBe("-5, 9007199254740993, 1.5, 'it''s', x'00ff', NULL");
});
