/**
 * two-processes.test.ts: programs without the extension write to a file while another process with the
 * extension encodes from it and applies to it: every committed write arrives, and nobody waits for ever.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { extensionFile, python, sqlite } from '../native/programs.js';
import { dumpTable, single } from '../support/database.js';
import { closeAll, open, replica, syncAndCompare } from './replicas.js';

const SCHEMA = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a)';
const WRITES = 150;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloudsync-processes-'));
  file = join(folder, 'app.db');
});

afterEach(() => {
  closeAll();
  rmSync(folder, { recursive: true });
});

/** Waits for the end of a process and returns what it printed; it must have succeeded. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`a process ended with code ${code}`);
  return output;
}

/**
 * Every write is a transaction of its own: an insert, an update of the shared row, now and then a delete.
 * Between them it pauses as applications do: with a rollback journal, one that never pauses keeps everybody
 * else out.
 */
const PYTHON_WRITER = `import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=30)
for number in range(${WRITES}):
    with connection:
        connection.execute("INSERT INTO t VALUES(?, ?)", ("python %d" % number, number))
        connection.execute("UPDATE t SET a = ? WHERE id = 'shared'", ("python %d" % number,))
        if number % 10 == 9:
            connection.execute("DELETE FROM t WHERE id = ?", ("python %d" % (number - 5),))
    time.sleep(0.005)
print(connection.execute("SELECT count(*) FROM t WHERE id LIKE 'python %'").fetchone()[0])`;

function shellWriter(): string {
  const statements = Array.from({ length: WRITES }, (_, i) => `INSERT INTO t VALUES('shell ${i}', ${i});`);
  return [
    '.timeout 30000',
    '.bail on',
    ...statements,
    "SELECT count(*) FROM t WHERE id LIKE 'shell %';",
  ].join('\n');
}

test.skipIf(!python || !sqlite).each(['wal', 'delete'])(
  'sqlite3 and Python write while another process encodes and applies, journal_mode=%s',
  async (journal) => {
    const peerFile = join(folder, 'peer.db');
    const [db, peer] = [file, peerFile].map((source) => replica(SCHEMA, ['t'], { source })) as [
      ReturnType<typeof open>,
      ReturnType<typeof open>,
    ];
    db.pragma(`journal_mode = ${journal}`);
    db.exec("INSERT INTO t VALUES('shared', 'start')");
    syncAndCompare([db, peer], 't');
    closeAll();

    const syncer = spawn(
      process.execPath,
      [join(import.meta.dirname, 'syncer.mjs'), file, peerFile, extensionFile],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const synced = outputOf(syncer);
    const shell = spawn(sqlite ?? '', [file], { stdio: ['pipe', 'pipe', 'inherit'] });
    shell.stdin?.end(shellWriter());
    const script = spawn(python ?? '', ['-c', PYTHON_WRITER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [byShell, byScript] = (await Promise.all([outputOf(shell), outputOf(script)])).map(Number) as [
      number,
      number,
    ];
    syncer.stdin?.end();
    const result = JSON.parse(await synced) as { rounds: number; busy: number; longest: number };

    expect([byShell, byScript]).toEqual([WRITES, WRITES - WRITES / 10]);
    expect(result.rounds).toBeGreaterThan(1);
    // No call waited longer than it may for the other processes.
    expect(result.longest).toBeLessThan(8_000);
    const [left, right] = [open({ source: file }), open({ source: peerFile })];
    expect(left.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(dumpTable(right, 't')).toEqual(dumpTable(left, 't'));
    const count = (pattern: string) => single(right, 'SELECT count(*) FROM t WHERE id LIKE ?', pattern);
    expect(count('shell %')).toBe(BigInt(WRITES));
    expect(count('python %')).toBe(BigInt(byScript));
    expect(count('peer %')).toBe(BigInt(result.rounds));
    expect(syncAndCompare([left, right], 't').length).toBe(byShell + byScript + result.rounds + 1);
  },
);
