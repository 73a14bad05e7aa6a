/**
 * send_settings.ts: tables and columns that the user keeps on this device: cloudsync_set_table(table, 'send', 'off')
 * and cloudsync_set_column(table, column, 'send', 'off'). What arrives for them is merged as usual; switched on again,
 * they are announced anew (capture/announce.ts). And the opposite: what is sent although others wrote it.
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

function selectOff(): Statement {
  return new Statement(
    new Text().add("SELECT 1 FROM main.cloudsync_settings WHERE key=?1 AND value IN ('off','0')"),
  );
}

function isOff(statement: Statement, key: Text): bool {
  const found = statement.text(1, key.slice()).step();
  statement.reset();
  return found;
}

/** The setting's key: table.<id>.send, or column.<id>.<id of the column>.send where `index` is not negative. */
export function sendSetting(table: Table, index: i32): Text {
  const key = new Text()
    .add(index < 0 ? 'table.' : 'column.')
    .number(table.id)
    .add('.');
  if (index >= 0) key.number(table.columns[index].id).add('.');
  return key.add('send');
}

/** True when the table (`index` -1) or the column at `index` stays on this device. */
export function isKept(table: Table, index: i32): bool {
  const statement = selectOff();
  const kept = isOff(statement, sendSetting(table, index));
  statement.close();
  return kept;
}

/** Sets `kept` on the tables and columns that do not leave this device. The tables must be open. */
export function readSendSettings(tables: Array<Table>): void {
  if (!anyIsOff()) return;
  const statement = selectOff();
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    table.kept = isOff(statement, sendSetting(table, -1));
    for (let k = 0; k < table.columns.length; k++) {
      table.columns[k].kept = isOff(statement, sendSetting(table, k));
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
