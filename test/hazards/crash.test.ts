/**
 * crash.test.ts: kill -9 of a process that writes, folds and applies, at random moments. Afterwards the file
 * is sound, every committed write is in the next payload, and nothing is half there (hazards, "Local
 * capture": crash).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { extensionFile } from '../native/programs.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import {
  arrivalNumber,
  type Connection,
  dumpMetadata,
  dumpTable,
  encodePayload,
  heldChanges,
  single,
} from '../support/database.js';
import { deliver } from '../support/exchange.js';
import { LONG, propertyOptions } from '../support/random.js';
import { closeAll, open, replica } from './replicas.js';

const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)';
const KILLS = LONG ? 150 : 12;
const PAYLOADS = 400;
const ROWS_OF_A_PAYLOAD = 40;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-crash-'));
  file = join(folder, 'app.db');
});

afterEach(() => {
  closeAll();
  rmSync(folder, { recursive: true });
});

/** Payload N has the rows pN-0 ... of another device. */
function makePayloads(path: string): void {
  mkdirSync(path);
  const other = replica(SCHEMA, ['t']);
  let cursor = 0n;
  const insert = other.prepare('INSERT INTO t VALUES(?, ?)');
  for (let number = 0; number < PAYLOADS; number++) {
    for (let row = 0; row < ROWS_OF_A_PAYLOAD; row++) insert.run(`p${number}-${row}`, 'x'.repeat(100));
    writeFileSync(join(path, `${number}.csp`), encodePayload(other, cursor));
    cursor = arrivalNumber(other);
  }
}

/** Runs the victim, kills it after some milliseconds, and returns the lines that it printed. */
async function killOne(extension: string, first: number, milliseconds: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'victim.mjs');
  const payloads = join(folder, 'payloads');
  const child = spawn(process.execPath, [script, file, extension, String(first), payloads], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const isClosed = once(child, 'close');
  // The moment counts from the first committed step, so that a slow start of the process cannot hide it.
  await once(child.stdout, 'data');
  setTimeout(() => child.kill('SIGKILL'), milliseconds);
  expect(await isClosed).toEqual([null, 'SIGKILL']);
  return output.split('\n').slice(0, -1);
}

/** What must hold after any crash. `rows` are the keys of rows known to be committed. */
function expectSound(
  db: Connection,
  reader: Connection,
  since: bigint,
  committed: readonly string[],
): bigint {
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(arrivalNumber(db)).toBeGreaterThanOrEqual(since);
  const cursor = deliver(db, reader, since);
  const keys = new Set(reader.prepare('SELECT id FROM t').pluck().all());
  expect(committed.filter((key) => !keys.has(key))).toEqual([]);
  expect(dumpTable(reader, 't')).toEqual(dumpTable(db, 't'));
  expect(dumpMetadata(reader)).toEqual(dumpMetadata(db));
  expect(heldChanges(db)).toEqual([]);
  // Nothing torn: pairs are whole and counted, payloads are whole.
  const number = (sql: string) => single(db, sql) as bigint;
  const pairs = number("SELECT count(*) FROM t WHERE id LIKE 'w%-a'");
  expect(number("SELECT count(*) FROM t WHERE id LIKE 'w%-b'")).toBe(pairs);
  expect(number("SELECT a FROM t WHERE id = 'counter'")).toBe(pairs);
  const parts = "SELECT count(*) AS n FROM t WHERE id LIKE 'p%' GROUP BY substr(id, 1, instr(id, '-'))";
  expect(number(`SELECT count(*) FROM (${parts}) WHERE n <> ${ROWS_OF_A_PAYLOAD}`)).toBe(0n);
  return cursor;
}

/** The rows that a line of the victim says are committed. */
function rowsOf(line: string): string[] {
  const [step, number] = line.split(' ');
  if (step === 'w') return [`w${number}-a`, `w${number}-b`];
  return step === 'p' ? Array.from({ length: ROWS_OF_A_PAYLOAD }, (_, i) => `p${number}-${i}`) : [];
}

test.each([
  ['with the extension', 'wal'],
  ['with the extension', 'delete'],
  ['without the extension', 'wal'],
  ['without the extension', 'delete'],
])('a process %s is killed at random moments, journal_mode=%s', async (kind, journal) => {
  const { seed } = propertyOptions(`kill -9 of a process ${kind}, ${journal}`, 1);
  const random = randomNumbers(seed);
  // A commit with a rollback journal takes longer, and there must be some before each kill.
  const longest = journal === 'wal' ? 60 : 200;
  makePayloads(join(folder, 'payloads'));
  const db = replica(SCHEMA, ['t'], { source: file });
  db.pragma(`journal_mode = ${journal}`);
  db.exec("INSERT INTO t VALUES('counter', 0)");
  const reader = replica(SCHEMA, ['t']);
  let cursor = deliver(db, reader);
  db.close();
  const seen = { w: 0, f: 0, p: 0 };
  let first = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = await killOne(
      kind === 'with the extension' ? extensionFile : '-',
      first,
      random() * longest,
    );
    for (const line of lines) seen[line[0] as keyof typeof seen]++;
    const again = open({ source: file });
    cursor = expectSound(again, reader, cursor, lines.flatMap(rowsOf));
    again.close();
    // The next victim starts above every number that this one can have used.
    first += lines.length + 1;
  }
  expect(seen.w).toBeGreaterThanOrEqual(KILLS);
  if (kind === 'with the extension') expect(Math.min(seen.f, seen.p)).toBeGreaterThan(0);
});
