/**
 * shared-file.test.ts: several processes on one database file while one or all of them sync: nobody is refused, nothing
 * that is written is missed, nothing is sent twice.
 */
import { describe, expect, test } from 'vitest';
import { expectEqual } from './compare.js';
import { Device } from './device.js';
import { useWorkspace } from './workspace.js';
import { NOTES, Writer } from './writers.js';

const workspace = useWorkspace();

const ROWS = 60;

/** A file with the tracked table in a journal mode. */
function makeFile(database: string, journal: string): Device {
  const made = new Device(workspace.path('shared')).connect(workspace.server, database);
  made.run(NOTES);
  made.value("SELECT cloudsync_init('notes')");
  made.run("INSERT INTO notes VALUES('shared', 0, '')");
  made.sync();
  expect(made.value(`PRAGMA journal_mode = ${journal}`)).toBe(journal);
  return made;
}

function keysOf(...tags: string[]): string[] {
  return tags.flatMap((tag) => Array.from({ length: ROWS }, (_, i) => `${tag}-${i + 1}`));
}

/** Lets the writers work to their end, then looks whether another device gets everything. */
async function expectEverything(
  database: string,
  file: Device,
  tags: string[],
  writers: Writer[],
): Promise<void> {
  for (const writer of writers) await writer.finish();
  for (const writer of writers) expect(writer.reported('failed')).toEqual([]);
  file.sync();
  const other = new Device(workspace.path('other')).run(NOTES).connect(workspace.server, database);
  other.value("SELECT cloudsync_init('notes')");
  other.sync();
  expect(other.rows('SELECT id FROM notes ORDER BY id')).toEqual([...keysOf(...tags), 'shared'].sort());
  const shared = "SELECT n FROM notes WHERE id = 'shared'";
  expect(other.value(shared)).toBe(tags.length * ROWS);
  file.close();
  other.close();
  expectEqual([file.file, other.file, workspace.serverFile(database)], ['notes']);
}

describe.each(['wal', 'delete'])('journal mode %s', (journal) => {
  test('one process syncs, others write with and without the extension', async () => {
    const database = `one_syncs_${journal}`;
    const file = makeFile(database, journal);
    const common = {
      file: file.file,
      url: `${workspace.server.url}/${database}`,
      key: workspace.server.key,
      count: ROWS,
    };
    const writers = [
      new Writer({ ...common, tag: 'syncing' }),
      new Writer({ ...common, tag: 'extension', sync: false }),
      new Writer({ ...common, tag: 'plain', sync: false, extension: false }),
    ];
    await expectEverything(database, file, ['syncing', 'extension', 'plain'], writers);
  });

  test('two processes sync at the same time', async () => {
    const database = `two_sync_${journal}`;
    const file = makeFile(database, journal);
    const common = {
      file: file.file,
      url: `${workspace.server.url}/${database}`,
      key: workspace.server.key,
      count: ROWS,
    };
    const site = file.site;
    const writers = ['first', 'second'].map((tag) => new Writer({ ...common, tag }));
    await expectEverything(database, file, ['first', 'second'], writers);
    const again = new Device(file.file);
    expect(again.site).toBe(site);
    again.close();
  });
});
