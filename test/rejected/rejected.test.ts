/**
 * rejected.test.ts: what a device does when the server does not accept its edits, or takes rows away: it gives its own
 * version up, keeps what it had written in cloudsync_rejected, and what comes again comes whole.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Algorithm } from '../packet/packet.js';
import { row, ServerProcess, Stage } from './stage.js';

const T = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, a, b)';
const opened: Stage[] = [];

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});

afterAll(() => server.stop());

afterEach(() => {
  for (const stage of opened.splice(0)) stage.close();
});

async function open(
  schema = T,
  tables: readonly [string, Algorithm][] = [['t', 'cls']],
  options: { foreignKeys?: boolean } = {},
): Promise<Stage> {
  const stage = await Stage.open(server, schema, tables, options);
  opened.push(stage);
  return stage;
}

const rows = (stage: Stage) => stage.here('SELECT * FROM t ORDER BY id');

describe.each<Algorithm>(['cls', 'dws', 'aws'])(
  'an edit that the server does not accept (%s)',
  (algorithm) => {
    test('an update: the row is as the server has it, the values are kept', async () => {
      const stage = await open(T, [['t', algorithm]]);
      stage.device.exec("INSERT INTO t VALUES('x', 1, 1), ('y', 2, 2)");
      stage.sync();
      await stage.tell({ deny: [[row('t', 'x'), 'denied']] });
      stage.device.exec("UPDATE t SET a = 'mine' WHERE id = 'x'; UPDATE t SET a = 'ours' WHERE id = 'y'");
      expect(stage.sync()).toMatchObject({ refused: 1, rejected: 1 });
      expect(rows(stage)).toEqual(['x|1|1', 'y|ours|2']);
      expect(await stage.there('SELECT * FROM t ORDER BY id')).toEqual(rows(stage));
      expect(stage.rejected()).toEqual([
        ...[{ tbl: 't', operation: 'update', columns: '{"a":"mine"}', code: 'denied' }].map((entry) => ({
          ...entry,
          reason: 'not denied by the list',
        })),
      ]);
      // It is final: nothing is sent again, and an edit that is accepted goes through.
      expect(stage.here('SELECT cloudsync_network_has_unsent_changes()')).toEqual(['0']);
      await stage.tell({ deny: [] });
      stage.device.exec("UPDATE t SET a = 'again' WHERE id = 'x'");
      expect(stage.sync()).toMatchObject({ refused: 0, rejected: 1 });
      expect(await stage.there("SELECT a FROM t WHERE id = 'x'")).toEqual(['again']);
    });

    test('an insert: the row goes', async () => {
      const stage = await open(T, [['t', algorithm]]);
      await stage.tell({ deny: [[row('t', 'x'), 'constraint']] });
      stage.device.exec("INSERT INTO t VALUES('x', 1.5, x'0aff')");
      stage.sync();
      expect([rows(stage), stage.clocks('t')]).toEqual([[], []]);
      const columns = '{"a":1.5,"b":{"blob":"0aff"}}';
      expect(stage.rejected()).toMatchObject([{ operation: 'insert', columns, code: 'constraint' }]);
      // The same key later is a new row.
      await stage.tell({ deny: [] });
      stage.device.exec("INSERT INTO t VALUES('x', 2, NULL)");
      stage.sync();
      expect(await stage.there('SELECT * FROM t')).toEqual(['x|2|']);
    });

    test('a deletion: the row comes back', async () => {
      const stage = await open(T, [['t', algorithm]]);
      stage.device.exec("INSERT INTO t VALUES('x', 1, 1)");
      stage.sync();
      await stage.tell({ deny: [[row('t', 'x'), 'denied']] });
      stage.device.exec("DELETE FROM t WHERE id = 'x'");
      stage.sync();
      expect(rows(stage)).toEqual(['x|1|1']);
      expect(stage.rejected()).toMatchObject([{ operation: 'delete', columns: '{}' }]);
      await stage.tell({ deny: [] });
      stage.device.exec("DELETE FROM t WHERE id = 'x'");
      stage.sync();
      expect(await stage.there('SELECT * FROM t')).toEqual([]);
    });

    test('an update of a row that the device may not see: the row goes', async () => {
      const stage = await open(T, [['t', algorithm]]);
      stage.device.exec("INSERT INTO t VALUES('x', 1, 1)");
      stage.sync();
      await stage.tell({ hide: [row('t', 'x')], deny: [[row('t', 'x'), 'denied']] });
      stage.device.exec('UPDATE t SET b = 5');
      expect(stage.sync()).toMatchObject({ refused: 1, rejected: 1 });
      expect([rows(stage), stage.clocks('t')]).toEqual([[], []]);
      expect(stage.rejected()).toMatchObject([{ operation: 'update', columns: '{"b":5}', code: 'denied' }]);
      await stage.tell({ show: [row('t', 'x')], deny: [] });
      stage.sync();
      expect(rows(stage)).toEqual(['x|1|1']);
    });

    test('all columns updated: the server shows the row, so it was no insert', async () => {
      const stage = await open(T, [['t', algorithm]]);
      await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 1)" });
      stage.sync();
      await stage.tell({ deny: [[row('t', 'x'), 'denied']] });
      stage.device.exec('UPDATE t SET a = 2, b = 2');
      stage.sync();
      expect(rows(stage)).toEqual(['x|1|1']);
      expect(stage.rejected()).toMatchObject([{ operation: 'update', columns: '{"a":2,"b":2}' }]);
    });
  },
);

describe('a row that leaves', () => {
  test('goes without a trace, and comes back whole', async () => {
    const stage = await open();
    await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 1), ('y', 2, 2)" });
    stage.sync();
    stage.device.exec("UPDATE t SET a = 'mine' WHERE id = 'x'");
    stage.sync();
    await stage.tell({ hide: [row('t', 'x')] });
    expect(stage.sync()).toMatchObject({ received: { rows: 1 }, rejected: 0 });
    expect([rows(stage), stage.clocks('t')]).toEqual([['y|2|2'], ['y|1']]);
    expect(stage.here('SELECT cloudsync_network_has_unsent_changes()')).toEqual(['0']);
    await stage.tell({ sql: "UPDATE t SET b = 'new' WHERE id = 'x'" });
    await stage.tell({ show: [row('t', 'x')] });
    stage.sync();
    expect(rows(stage)).toEqual(['x|mine|new', 'y|2|2']);
    expect(stage.rejected()).toEqual([]);
  });

  test('with an edit that was not sent: that is kept', async () => {
    const stage = await open();
    await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 1), ('y', 2, 2), ('z', 3, 3)" });
    stage.sync();
    await stage.tell({ hide: [row('t', 'x'), row('t', 'y'), row('t', 'z'), row('t', 'unknown')] });
    stage.device.exec("UPDATE t SET b = 9 WHERE id = 'x'; DELETE FROM t WHERE id = 'y'");
    expect(stage.receive()).toMatchObject({ rejected: 2 });
    expect([rows(stage), stage.clocks('t')]).toEqual([[], []]);
    expect(stage.rejected()).toMatchObject([
      { operation: 'update', columns: '{"b":9}', code: 'left' },
      { operation: 'delete', columns: '{}', code: 'left' },
    ]);
  });

  test('accepted, but not to be seen: it goes, unless there is more to keep', async () => {
    const stage = await open();
    await stage.tell({ hide: [row('t', 'x')] });
    stage.device.exec("INSERT INTO t VALUES('x', 1, 1)");
    expect(stage.sync()).toMatchObject({ refused: 0, rejected: 0 });
    expect([rows(stage), stage.clocks('t')]).toEqual([[], []]);
    expect(await stage.there('SELECT * FROM t')).toEqual(['x|1|1']);
  });

  test('dead here: its deletion is forgotten', async () => {
    const stage = await open();
    stage.device.exec("INSERT INTO t VALUES('x', 1, 1)");
    stage.sync();
    stage.device.exec('DELETE FROM t');
    stage.sync();
    expect(stage.clocks('t')).toEqual(['x|2']);
    await stage.tell({ hide: [row('t', 'x')] });
    stage.sync();
    expect([stage.clocks('t'), stage.rejected()]).toEqual([[], []]);
  });

  test('everything leaves: reset, and what may be seen comes again', async () => {
    const stage = await open();
    await stage.tell({ sql: "INSERT INTO t VALUES('x', 1, 1), ('y', 2, 2)" });
    stage.sync();
    stage.device.exec("INSERT INTO t VALUES('z', 3, 3)");
    await stage.tell({ hide: [row('t', 'x')], reset: true });
    stage.receive();
    expect(rows(stage)).toEqual(['y|2|2']);
    expect(stage.rejected()).toMatchObject([{ operation: 'insert', columns: '{"a":3,"b":3}', code: 'left' }]);
  });

  test('in pages: nothing is lost between them', async () => {
    const stage = await open();
    await stage.tell({ sql: "INSERT INTO t SELECT 'r' || value, 1, 1 FROM json_each('[1,2,3,4,5,6,7]')" });
    stage.sync();
    const hide = [1, 2, 3, 4, 5].map((n) => row('t', `r${n}`));
    await stage.tell({ hide, pageRows: 2 });
    stage.sync();
    const { requests } = await stage.tell({});
    expect(requests.filter(({ url }) => url.endsWith('/pull')).length).toBe(3);
    expect(rows(stage)).toEqual(['r6|1|1', 'r7|1|1']);
  });
});
