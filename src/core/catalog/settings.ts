/** settings.ts: reads and writes rows of cloudsync_settings. */
import { Slice } from '../bytes/slice';
import { Statement } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';

function select(key: string): Statement {
  const statement = new Statement(new Text().add('SELECT value FROM main.cloudsync_settings WHERE key=?1'));
  statement.text(1, sliceOf(key));
  return statement;
}

/** An integer setting, or `otherwise` when it is not set. */
export function settingInteger(key: string, otherwise: i64): i64 {
  const statement = select(key);
  const value = statement.step() && !statement.isNull(0) ? statement.columnInteger(0) : otherwise;
  statement.close();
  return value;
}

/** A text or blob setting; of size 0 when it is not set. */
export function settingBytes(key: string): Slice {
  const statement = select(key);
  const value = statement.step() && !statement.isNull(0) ? statement.columnBytes(0) : new Slice(0, 0);
  statement.close();
  return value;
}

function replace(key: Slice): Statement {
  const statement = new Statement(
    new Text().add('INSERT OR REPLACE INTO main.cloudsync_settings VALUES(?1,?2)'),
  );
  statement.text(1, key);
  return statement;
}

function finish(statement: Statement): bool {
  const ok = statement.run();
  statement.close();
  return ok;
}

export function setInteger(key: string, value: i64): bool {
  return finish(replace(sliceOf(key)).integer(2, value));
}

export function setText(key: Slice, value: Slice): bool {
  return finish(replace(key).text(2, value));
}

export function setBlob(key: string, value: Slice): bool {
  return finish(replace(sliceOf(key)).blob(2, value.pointer, value.size));
}

export function removeSetting(key: string): bool {
  const statement = new Statement(new Text().add('DELETE FROM main.cloudsync_settings WHERE key=?1'));
  return finish(statement.text(1, sliceOf(key)));
}
