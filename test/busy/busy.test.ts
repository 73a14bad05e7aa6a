/**
 * busy.test.ts: the band busy: two to four processes on one file that write, fold, checkpoint, read for long and sync
 * at the same time, with long and with short patience. A call succeeds or says that it can be made again; it waits for
 * a bounded time; nothing of a failed one is there, everything of a successful one is; and in the end all is synced.
 *
 * How the processes interleave is not repeatable; CLOUDSYNC_SEED=<seed> repeats what each of them does.
 */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { requireClocksFit, requireEqualFiles, requireWhole } from '../kill/check.js';
import { buildKillPrograms, type KillPrograms } from '../kill/programs.js';
import { runVictim } from '../kill/victim.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { BandRun } from '../support/band_run.js';
import { openDatabase } from '../support/database.js';
import { type Job, jobsOf } from './work.js';

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, n INTEGER, text TEXT)';
const STEPS = 40;
/** Five seconds of waiting for a writer, and what the step itself takes on a busy machine. */
const CALL_MS_MAX = 15_000;
/** What a call may say: that it can be made again. */
const RETRYABLE = /database is locked|another connection is writing|database table is locked/;

const workspace = useWorkspace();
let run: BandRun;
let programs: KillPrograms;
beforeAll(() => {
  run = new BandRun('busy');
  programs = buildKillPrograms();
}, 180_000);
afterAll(() => run.finish());

/** Plays one job in a process of its own. Adds the rows that must be there afterwards. */
async function work(file: string, job: Job, settings: string, expected: Set<string>): Promise<void> {
  let last = performance.now();
  let longest = 0;
  const { steps } = await runVictim({
    programs,
    file,
    script: `${file}.${job.name}`,
    steps: [`${job.settings}; ${settings}`, ...job.pieces.map(({ sql }) => sql)],
    onStep: () => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    },
  });
  for (const { number, ok, text } of steps) {
    const piece = job.pieces[number - 1];
    if (!ok && !RETRYABLE.test(text)) throw new Error(`${job.name}: ${text}`);
    if (ok) for (const row of piece?.rows ?? []) expected.add(row);
    run.add(ok ? 'done' : 'refused as busy');
    run.count += 1;
  }
  if (steps.length !== job.pieces.length + 1)
    throw new Error(`${job.name} ended after ${steps.length} steps`);
  if (longest > CALL_MS_MAX) throw new Error(`a call of ${job.name} took ${Math.round(longest)} ms`);
  run.detail['longest call, ms'] = Math.max(run.detail['longest call, ms'] ?? 0, Math.round(longest));
}

/** The calm after the round: exactly what was acknowledged is there, here and on the server. */
function judge(device: Device, expected: ReadonlySet<string>, serverFile: string): void {
  for (let round = 0; ; round++) {
    const report = device.sync();
    if (report.sent.batches === 0 && report.received.rows === 0) break;
    if (round === 5) throw new Error('the device does not come to rest');
  }
  const found = new Set(device.rows("SELECT id FROM notes WHERE id <> 'shared'"));
  device.close();
  const lost = [...expected].filter((id) => !found.has(id));
  const torn = [...found].filter((id) => !expected.has(id));
  if (lost.length > 0) throw new Error(`committed and lost: ${lost.join(', ')}`);
  if (torn.length > 0) throw new Error(`there although their step failed: ${torn.join(', ')}`);
  const db = openDatabase({ source: device.file });
  requireWhole(db);
  requireClocksFit(db);
  db.close();
  requireEqualFiles(device.file, serverFile);
}

async function playRound(round: number): Promise<void> {
  const random = randomNumbers(run.seed + round);
  const database = `busy-${round}`;
  const made = new Device(workspace.path('busy')).run(NOTES).connect(workspace.server, database);
  made.run(`PRAGMA journal_mode = ${random() < 0.5 ? 'WAL' : 'DELETE'}`);
  made.value("SELECT cloudsync_init('notes')");
  made.run("INSERT INTO notes VALUES('shared', 0, '')").close();
  const settings = `PRAGMA synchronous = OFF; SELECT cloudsync_network_set_apikey('${workspace.server.key}')`;
  const expected = new Set<string>();
  const jobs = jobsOf(round, STEPS, random);
  run.add(`rounds of ${jobs.length} processes`);
  await Promise.all(jobs.map((job) => work(made.file, job, settings, expected)));
  const device = new Device(made.file);
  device.value('SELECT cloudsync_network_set_apikey(?)', workspace.server.key);
  judge(device, expected, workspace.serverFile(database));
  for (const suffix of ['', '-wal', '-shm', '-journal', ...jobs.map(({ name }) => `.${name}`)])
    rmSync(made.file + suffix, { force: true });
}

test('several processes on one file', { timeout: 24 * 3_600_000 }, async () => {
  const failures: string[] = [];
  for (let round = 0; run.count < run.planned && failures.length < 20; round++) {
    try {
      await playRound(round);
    } catch (error) {
      run.failures += 1;
      failures.push(`CLOUDSYNC_SEED=${run.seed + round}: ${(error as Error).message}`);
    }
  }
  expect(failures.join('\n')).toBe('');
  expect(run.detail['refused as busy'], 'nobody was in the way of anybody').toBeGreaterThan(0);
});
