/**
 * filters.test.ts: the hazard "set or change a filter after rows were sent; row moves out of the filter",
 * outcome by outcome. The rules themselves are in test/filters.
 */
import { afterEach, describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpTable,
  encodePayload,
  single,
} from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { closeAll, expectEqual, replica } from './replicas.js';

afterEach(closeAll);

const NOTES = 'CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL, state TEXT, body TEXT)';

/** Two replicas of which both have the rows, and the filter of the first. */
function sharing(): [Connection, Connection, (expression: string | null) => unknown] {
  const [here, there] = [replica(NOTES, ['t']), replica(NOTES, ['t'])];
  here.exec("INSERT INTO t VALUES('a', 'open', '1'), ('b', 'shut', '1'), ('c', 'open', '1')");
  exchangeAll([here, there]);
  return [
    here,
    there,
    (expression) =>
      expression === null
        ? single(here, "SELECT cloudsync_clear_filter('t')")
        : single(here, "SELECT cloudsync_set_filter('t', ?)", expression),
  ];
}

describe('set or change a filter after rows were sent; row moves out of the filter', () => {
  test('no version goes backwards', () => {
    const [here, , filter] = sharing();
    const numbers = [arrivalNumber(here)];
    const next = (work: () => unknown) => {
      work();
      numbers.push(arrivalNumber(here));
    };
    next(() => filter("state = 'open'"));
    next(() => here.exec("UPDATE t SET state = 'shut'"));
    next(() => filter("state = 'shut'"));
    next(() => here.exec("UPDATE t SET state = 'open'"));
    next(() => filter(null));
    expect(numbers).toEqual([...numbers].sort((one, other) => Number(one - other)));
    expect(single(here, 'SELECT count(*) - count(DISTINCT seq) FROM t_cloudsync')).toBe(0n);
  });

  test('rows do not come back from the dead', () => {
    const [here, there, filter] = sharing();
    filter("state = 'open'");
    here.exec("DELETE FROM t WHERE id <> 'c'; UPDATE t SET state = 'shut'");
    exchangeAll([here, there]);
    filter("state = 'shut'");
    exchangeAll([here, there]);
    here.exec('DELETE FROM t');
    filter("state = 'nothing'");
    filter(null);
    exchangeAll([here, there]);
    expect(dumpTable(there, 't')).toEqual([]);
    expectEqual([here, there], 't');
  });

  test('nothing is untracked silently', () => {
    const [here, there, filter] = sharing();
    filter("state = 'open'");
    here.exec("UPDATE t SET body = '2'; INSERT INTO t VALUES('d', 'shut', '2')");
    exchangeAll([here, there]);
    expect(dumpTable(there, 't')).not.toEqual(dumpTable(here, 't'));
    filter("state = 'none'");
    here.exec("UPDATE t SET body = '3' WHERE id = 'a'");
    exchangeAll([here, there]);
    filter(null);
    exchangeAll([here, there]);
    expectEqual([here, there], 't');
  });

  test('a bad expression changes nothing and says why', () => {
    const [here, there, filter] = sharing();
    filter("state = 'open'");
    const before = encodePayload(here);
    expect(() => filter('stat = 1')).toThrow(/filter for table 't' is refused: no such column: stat/);
    expect(() => filter('state = ')).toThrow(/refused: .*(syntax error|incomplete input)/);
    expect(encodePayload(here).equals(before)).toBe(true);
    here.exec("INSERT INTO t VALUES('d', 'open', '2'), ('e', 'shut', '2')");
    const cursor = arrivalNumber(there);
    applyPayload(there, encodePayload(here));
    expect(arrivalNumber(there)).toBe(cursor + 1n);
  });

  test('the row that moves out is equal everywhere in what made it move, and stays where it is', () => {
    const [here, there, filter] = sharing();
    filter("state = 'open'");
    here.exec("UPDATE t SET state = 'shut' WHERE id = 'a'");
    exchangeAll([here, there]);
    here.exec("UPDATE t SET body = 'later' WHERE id = 'a'");
    there.exec("UPDATE t SET state = 'gone' WHERE id = 'a'");
    exchangeAll([here, there]);
    expect(there.prepare("SELECT * FROM t WHERE id = 'a'").raw().get()).toEqual(['a', 'gone', '1']);
    expect(here.prepare("SELECT * FROM t WHERE id = 'a'").raw().get()).toEqual(['a', 'gone', 'later']);
  });
});
