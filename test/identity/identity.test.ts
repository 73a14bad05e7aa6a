/**
 * identity.test.ts: the band identity: every way in which a database comes to exist twice or falls back in time, with
 * unsent writes on none, one or both sides, and a server that is there at once or only later. Nothing unsent is lost,
 * everybody has an identity of their own in the end, and all become equal.
 *
 *     CLOUDSYNC_CASE='<name>' npx vitest run test/identity     plays the cells whose names begin so
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Device } from '../end-to-end/device.js';
import { useWorkspace } from '../end-to-end/workspace.js';
import { requireEqualFiles } from '../kill/check.js';
import { randomNumbers } from '../schemas/random-numbers.js';
import { BandRun } from '../support/band_run.js';
import { openDatabase } from '../support/database.js';

const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, a, b)';
const FOLD = 'SELECT cloudsync_db_version()';
const ROUNDS_MAX = 8;

const COPIES = [
  'older copy restored',
  'copy beside',
  'original returns',
  'copied with -wal',
  'copied without -wal',
] as const;
const UNSENT = ['on none', 'on the original', 'on the copy', 'on both'] as const;
const REACHABLE = ['at once', 'later'] as const;
const SERVERS = [
  'as it was',
  'restored, older than the copy',
  'restored, as old as the copy',
  'emptied',
] as const;
type Cell = {
  copy: (typeof COPIES)[number];
  unsent: (typeof UNSENT)[number];
  reachable: (typeof REACHABLE)[number];
  server: (typeof SERVERS)[number];
};

const only = process.env['CLOUDSYNC_CASE'] ?? '';
const nameOf = ({ copy, unsent, reachable, server }: Cell) =>
  `${copy}, unsent ${unsent}, reachable ${reachable}, server ${server}`;
const CELLS: readonly Cell[] = COPIES.flatMap((copy) =>
  UNSENT.flatMap((unsent) =>
    REACHABLE.flatMap((reachable) => SERVERS.map((server) => ({ copy, unsent, reachable, server }))),
  ),
);

const workspace = useWorkspace();
let run: BandRun;
beforeAll(() => {
  run = new BandRun('identity');
});
afterAll(() => run.finish());

/** One cell being played. */
class Play {
  readonly database: string;
  /** Keys of all rows that somebody has committed in a file that still exists. */
  readonly written = new Set<string>();
  readonly other: Device;
  original: Device;
  copy: Device | undefined;

  constructor(
    readonly cell: Cell,
    number: number,
    readonly random: () => number,
  ) {
    this.database = `cell-${number}`;
    this.original = this.#make('original');
    this.other = this.#make('other');
    this.write(this.original, 'first');
    this.write(this.other, 'of-the-other');
    this.settle(this.original, this.other);
  }

  #make(name: string): Device {
    const device = new Device(workspace.path(name)).run(NOTES).connect(workspace.server, this.database);
    device.value("SELECT cloudsync_init('notes')");
    return device;
  }

  /** Some rows of its own, an edit of a row that all have, and sometimes a look that folds them. */
  write(device: Device, prefix: string): void {
    const count = 1 + Math.floor(this.random() * 4);
    for (let i = 0; i < count; i++) {
      device.run(`INSERT INTO notes VALUES('${prefix}-${i}', 'by ${prefix}', ${i})`);
      this.written.add(`${prefix}-${i}`);
    }
    const column = this.random() < 0.5 ? 'a' : 'b';
    device.run(`UPDATE notes SET ${column} = '${prefix}' WHERE id = 'first-0'`);
    if (this.random() < 0.5) device.value(FOLD);
  }

  /** Opens a copy of files as they lie there, perhaps in the middle of a transaction. */
  #open(file: string): Device {
    const device = new Device(file);
    device.value('SELECT cloudsync_network_set_apikey(?)', workspace.server.key);
    return device;
  }

  #copyFiles(suffixes: readonly string[]): string {
    const file = workspace.path('copy');
    for (const suffix of suffixes) {
      if (existsSync(this.original.file + suffix)) copyFileSync(this.original.file + suffix, file + suffix);
    }
    return file;
  }

  /** Makes the copy. What was only in a file that is left behind does not count as written. */
  makeCopy(): void {
    const { original } = this;
    const isMiddle = this.cell.copy.startsWith('copied');
    if (!isMiddle) {
      original.value('PRAGMA wal_checkpoint(TRUNCATE)');
      this.copy = this.#open(this.#copyFiles(['']));
      return;
    }
    // What is in the database file itself; then more, in the WAL alone; then a transaction that has not ended.
    original.value('PRAGMA wal_checkpoint(TRUNCATE)');
    original.run("INSERT INTO notes VALUES('in-the-wal', 1, 1)");
    this.written.add('in-the-wal');
    original.run('BEGIN');
    original.run("INSERT INTO notes VALUES('in-the-middle', 1, 1)");
    const file = this.#copyFiles(this.cell.copy === 'copied with -wal' ? ['', '-wal'] : ['']);
    original.run('ROLLBACK');
    this.copy = this.#open(file);
    expect(this.copy.value('PRAGMA integrity_check')).toBe('ok');
    const hasWal = this.copy.value("SELECT count(*) FROM notes WHERE id = 'in-the-wal'");
    expect(hasWal).toBe(this.cell.copy === 'copied with -wal' ? 1 : 0);
  }

  settle(...devices: readonly Device[]): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const reports = devices.map((one) => one.sync());
      if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
    }
    throw new Error('the devices keep changing each other');
  }
}

/** Puts an older file, or none, in the place of the server's. */
function replaceServerFile(file: string, backup: string | undefined): void {
  const fresh = `${file}.new`;
  if (backup !== undefined) copyFileSync(backup, fresh);
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  if (backup === undefined) return;
  copyFileSync(fresh, file);
  rmSync(fresh);
}

function backUp(file: string): string {
  const backup = workspace.path('backup');
  const db = openDatabase({ source: file, extension: false });
  db.exec(`VACUUM INTO '${backup}'`);
  db.close();
  return backup;
}

/** The life of the original after the copy was made. */
function goOn(play: Play): void {
  const { original, other, cell } = play;
  if (cell.copy === 'original returns') {
    // The copy lives on for long; the original stays in a drawer and comes back as it was.
    const copy = play.copy as Device;
    for (let i = 0; i < 3; i++) {
      play.write(copy, `month-${i}`);
      play.settle(copy, other);
    }
    return;
  }
  play.write(original, 'after-the-copy');
  play.settle(original, other);
}

/** Rows that only the lost file had and that never left it are gone, by the nature of a restore. */
function unsent(play: Play): void {
  const { cell, original } = play;
  const copy = play.copy as Device;
  const isLost = cell.copy === 'older copy restored';
  if (cell.unsent === 'on the original' || cell.unsent === 'on both') {
    const before = new Set(play.written);
    play.write(original, 'unsent-original');
    if (isLost) for (const id of play.written) if (!before.has(id)) play.written.delete(id);
  }
  if (cell.unsent === 'on the copy' || cell.unsent === 'on both') play.write(copy, 'unsent-copy');
}

/** What everybody tries while the server is away: it fails, and nothing may come of it. */
function tryInVain(devices: readonly Device[]): void {
  for (const device of devices) {
    const url = device.value("SELECT value FROM cloudsync_settings WHERE key = 'network.url'") as string;
    const move = device.database.prepare("UPDATE cloudsync_settings SET value = ? WHERE key = 'network.url'");
    move.run(url.replace(/:\d+\//, ':1/'));
    expect(() => device.sync()).toThrow(/cannot be reached/);
    move.run(url);
  }
}

function playCell(cell: Cell, number: number, random: () => number): void {
  const play = new Play(cell, number, random);
  const serverFile = workspace.serverFile(play.database);
  const backup = cell.server.startsWith('restored') ? backUp(serverFile) : undefined;
  if (cell.server === 'restored, older than the copy') {
    play.write(play.original, 'after-the-backup');
    play.settle(play.original, play.other);
  }
  play.makeCopy();
  goOn(play);
  unsent(play);
  const { original, other } = play;
  const copy = play.copy as Device;
  const isGone = cell.copy === 'older copy restored';
  if (isGone) original.close();
  const present = isGone ? [copy, other] : random() < 0.5 ? [original, copy, other] : [copy, original, other];
  if (cell.reachable === 'later') {
    tryInVain(present);
    play.write(copy, 'meanwhile');
  }
  if (cell.server !== 'as it was') replaceServerFile(serverFile, backup);
  play.settle(...present);
  const sites = present.map(({ site }) => site);
  if (new Set(sites).size !== present.length) throw new Error(`identities are shared: ${sites.join(', ')}`);
  play.write(copy, 'in-the-end');
  play.settle(...present);
  const keys = new Set(copy.rows('SELECT id FROM notes'));
  const lost = [...play.written].filter((id) => !keys.has(id));
  for (const device of present) device.close();
  if (lost.length > 0) throw new Error(`lost: ${lost.join(', ')}`);
  if (keys.size !== play.written.size) throw new Error('there are rows that nobody has written');
  for (const { file } of present) requireEqualFiles(file, serverFile);
  for (const { file } of present)
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}

test('every cell', { timeout: 24 * 3_600_000 }, async () => {
  const failures: string[] = [];
  for (let number = 0; number < run.planned; number++) {
    const cell = CELLS[number % CELLS.length] as Cell;
    if (!nameOf(cell).startsWith(only)) continue;
    const seed = run.seed + number;
    try {
      playCell(cell, number, randomNumbers(seed));
    } catch (error) {
      run.failures += 1;
      const again = `CLOUDSYNC_CASE='${nameOf(cell)}' CLOUDSYNC_SEED=${run.seed} npx vitest run test/identity`;
      failures.push(`${nameOf(cell)}: ${(error as Error).message}\n  again: ${again}`);
    }
    run.count += 1;
    run.add(cell.copy);
    // The devices sync in this thread; the reporter wants to be heard now and then.
    await new Promise(setImmediate);
  }
  expect(failures.join('\n')).toBe('');
});
