/** table_functions.ts: cloudsync_init, cleanup, enable, disable, is_enabled and the settings. */
import { setSending } from '../capture/announce';
import { readTraits } from '../capture/traits';
import { disableTable, enableTable, rememberSchema, trackTable, untrackTable } from '../capture/track';
import { conflictsExist, ensureConflicts, pruneConflicts } from '../catalog/conflicts';
import { catalogExists, SITE_SIZE } from '../catalog/schema';
import { ownSite, siteBytes } from '../catalog/sites';
import { setText } from '../catalog/settings';
import {
  ALGORITHM_AWS,
  ALGORITHM_CLS,
  ALGORITHM_DWS,
  ALGORITHM_GOS,
  findTable,
  loadTables,
  Table,
} from '../catalog/table';
import { Slice } from '../bytes/slice';
import {
  argument_copy,
  argument_integer,
  argument_size,
  argument_type,
  result_integer,
  result_text,
} from '../host';
import { arenaAllocate } from '../runtime/arena';
import {
  beginAlteringOperation,
  beginOperation,
  beginTrackedOperation,
  endOperation,
  releaseWaiting,
  tables,
  trackedTable,
} from '../operation';
import { fail, hasFailed } from '../sql/failure';
import { sliceOf, Text } from '../sql/text';
import { TYPE_INTEGER, TYPE_TEXT } from '../sql/types';
import { argumentInteger, argumentText } from './arguments';

function algorithmOf(name: Slice): i32 {
  if (name.is('cls')) return ALGORITHM_CLS;
  if (name.is('dws')) return ALGORITHM_DWS;
  if (name.is('aws')) return ALGORITHM_AWS;
  if (name.is('gos')) return ALGORITHM_GOS;
  fail(new Text().add("there is no algorithm '").bytes(name).add("'; choose cls, dws, aws or gos"));
  return -1;
}

export function init(count: i32): void {
  const name = argumentText(0, 'the table');
  if (hasFailed()) return;
  const algorithm = count > 1 ? algorithmOf(argumentText(1, 'the algorithm')) : ALGORITHM_CLS;
  const force = argumentInteger(2, count, 0, 0, 1, 'force');
  if (hasFailed() || !beginOperation()) return;
  const ok = initTable(name, algorithm, count > 1, force != 0);
  const site = new Text().hex(siteBytes(ownSite()).pointer, SITE_SIZE);
  if (endOperation(ok)) result_text(site.pointer, site.size);
}

function initTable(name: Slice, algorithm: i32, chosen: bool, force: bool): bool {
  const traits = readTraits(name);
  if (traits == null) return false;
  const table = findTable(tables, traits.name);
  if (table != null) {
    if (!chosen || table.algorithm == algorithm) return true;
    const text = new Text()
      .add("table '")
      .bytes(table.name)
      .add("' is tracked with another algorithm already; ");
    return fail(text.add('call cloudsync_cleanup first to change it on every device'));
  }
  if (traits.integerKey && !force) {
    const text = new Text()
      .add("table '")
      .bytes(traits.name)
      .add("' has a lone integer key: two devices would give the same");
    text.add(
      ' number to different rows. Use a TEXT key with cloudsync_uuid(), or pass force: cloudsync_init(',
    );
    return fail(text.quoted(traits.name).add(", 'cls', 1)"));
  }
  return trackTable(traits, algorithm) && releaseWaiting();
}

const CLEANUP: i32 = 0;
const ENABLE: i32 = 1;
const DISABLE: i32 = 2;

function change(what: i32): void {
  const name = argumentText(0, 'the table');
  // The way out of a change that leads nowhere must not begin with finishing it.
  if (hasFailed() || !(what == CLEANUP ? beginAlteringOperation() : beginTrackedOperation())) return;
  const table = trackedTable(name);
  let ok = table != null;
  if (table != null) {
    if (what == CLEANUP) ok = untrackTable(table);
    else if (what == DISABLE) ok = !table.enabled || disableTable(table);
    else ok = table.enabled || (enableTable(table) && releaseWaiting());
  }
  if (endOperation(ok)) result_integer(1);
}

export function cleanup(): void {
  change(CLEANUP);
}

export function enable(): void {
  change(ENABLE);
}

export function disable(): void {
  change(DISABLE);
}

export function isEnabled(): void {
  const name = argumentText(0, 'the table');
  if (hasFailed()) return;
  const table = catalogExists() ? findTable(loadTables(), name) : null;
  if (!hasFailed()) result_integer(table != null && table.enabled ? 1 : 0);
}

/** The last argument of a setting function as text, whether it came as text or as an integer. */
function settingValue(index: i32): Slice {
  const type = argument_type(index);
  if (type == TYPE_INTEGER) return new Text().number(argument_integer(index)).slice();
  if (type != TYPE_TEXT) {
    fail(new Text().add('the value must be a text or an integer'));
    return new Slice(0, 0);
  }
  const size = argument_size(index);
  const target = arenaAllocate(size);
  argument_copy(index, 0, target, size);
  return new Slice(target, size);
}

function unknownKey(key: Slice, known: string): bool {
  return fail(new Text().add("there is no setting '").bytes(key).add("'; known: ").add(known));
}

/** 'on' and 'off', also as 1 and 0. */
function isSwitch(value: Slice): bool {
  if (value.is('on') || value.is('off') || value.is('1') || value.is('0')) return true;
  return fail(new Text().add("the value must be 'on' or 'off'"));
}

function isOn(value: Slice): bool {
  return value.is('on') || value.is('1');
}

/** A whole number from `min` to `max`; `name` names the setting in the error. */
function isNumber(value: Slice, name: string, min: i64, max: i64): bool {
  let number: i64 = 0;
  for (let i: u32 = 0; i < value.size && i < 9; i++) {
    const digit = <i64>load<u8>(value.pointer + i) - 48;
    if (digit < 0 || digit > 9) number = -1000000000;
    number = number * 10 + digit;
  }
  if (value.size > 0 && value.size < 9 && number >= min && number <= max) return true;
  return fail(new Text().add(name).add(' must be a number from ').number(min).add(' to ').number(max));
}

const DATABASE_SETTINGS =
  'batch_bytes (1024 to 4194304), conflicts.max_rows (1 to 1000000), conflicts.max_days (1 to 36500)';

export function setDatabase(): void {
  const key = argumentText(0, 'the key');
  const value = settingValue(1);
  if (hasFailed()) return;
  if (key.is('batch_bytes')) isNumber(value, 'batch_bytes', 1024, 4194304);
  else if (key.is('conflicts.max_rows')) isNumber(value, 'conflicts.max_rows', 1, 1000000);
  else if (key.is('conflicts.max_days')) isNumber(value, 'conflicts.max_days', 1, 36500);
  else unknownKey(key, DATABASE_SETTINGS);
  storeSetting(new Text().add('set.').bytes(key), value);
}

export function setTable(): void {
  const name = argumentText(0, 'the table');
  const key = argumentText(1, 'the key');
  const value = settingValue(2);
  if (hasFailed()) return;
  const keeping = key.is('conflicts') && value.is('keep');
  if (key.is('send')) isSwitch(value);
  else if (!key.is('conflicts')) unknownKey(key, 'send (on, off), conflicts (keep, off)');
  else if (!keeping && !value.is('off')) fail(new Text().add("the value must be 'keep' or 'off'"));
  if (!hasFailed() && beginTrackedOperation()) {
    const table = trackedTable(name);
    const ok =
      table != null &&
      (key.is('send') ? table.open() && setSending(table, -1, isOn(value)) : setKeeping(table, keeping));
    if (endOperation(ok)) result_integer(1);
  }
}

/** Making the table of conflicts is no change of the schema that concerns anybody. */
function setKeeping(table: Table, keeping: bool): bool {
  const setting = new Text().add('table.').number(table.id).add('.conflicts');
  if (!setText(setting.slice(), sliceOf(keeping ? 'keep' : 'off'))) return false;
  return !keeping || conflictsExist() || (ensureConflicts() && rememberSchema());
}

export function setColumn(): void {
  const name = argumentText(0, 'the table');
  const column = argumentText(1, 'the column');
  const key = argumentText(2, 'the key');
  const value = settingValue(3);
  if (hasFailed()) return;
  if (!key.is('send')) unknownKey(key, 'send (on, off)');
  else isSwitch(value);
  if (hasFailed() || !beginTrackedOperation()) return;
  const table = trackedTable(name);
  let index = -1;
  if (table != null && table.open()) index = table.columnIndex(column);
  if (table != null && index < 0) {
    fail(
      new Text().add("table '").bytes(name).add("' has no column '").bytes(column).add("' besides its key"),
    );
  }
  if (endOperation(index >= 0 && setSending(table!, index, isOn(value)))) result_integer(1);
}

function storeSetting(key: Text, value: Slice): void {
  if (hasFailed() || !beginOperation()) return;
  const ok = setText(key.slice(), value) && (!conflictsExist() || pruneConflicts());
  if (endOperation(ok)) result_integer(1);
}
