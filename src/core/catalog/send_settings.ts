/**
 * send_settings.ts: tables and columns that the user keeps on this device: cloudsync_set_table(table, 'send', 'off')
 * and cloudsync_set_column(table, column, 'send', 'off'). What arrives for them is merged as usual. And the opposite:
 * what is sent although others wrote it.
 */
import { currentSeq } from './counters';
import { setInteger } from './settings';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { Table } from './table';

function anyIsOff(): bool {
  const sql = new Text().add(
    "SELECT 1 FROM main.cloudsync_settings WHERE key GLOB '*.send' AND value IN ('off','0')",
  );
  return queryInteger(sql, 0) != 0;
}

function isOff(statement: Statement, key: Text): bool {
  const found = statement.text(1, key.slice()).step();
  statement.reset();
  return found;
}

/** Sets `kept` on the tables and columns that do not leave this device. The tables must be open. */
export function readSendSettings(tables: Array<Table>): void {
  if (!anyIsOff()) return;
  const statement = new Statement(
    new Text().add("SELECT 1 FROM main.cloudsync_settings WHERE key=?1 AND value IN ('off','0')"),
  );
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    table.kept = isOff(statement, new Text().add('table.').number(table.id).add('.send'));
    for (let k = 0; k < table.columns.length; k++) {
      const column = table.columns[k];
      column.kept = isOff(
        statement,
        new Text().add('column.').number(table.id).add('.').number(column.id).add('.send'),
      );
    }
  }
  statement.close();
}

/**
 * What is there now may be unknown to the server (merged by hand, or known to it under another name): it is sent,
 * whoever wrote it.
 */
export function sendEverything(): bool {
  return setInteger('network.everything', currentSeq());
}
