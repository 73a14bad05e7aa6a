/** dispatch.ts: from the number of a function to its implementation. */
import { hasFailed, failWith } from '../sql/failure';
import * as payload from './payload_functions';
import {
  F_CLEANUP,
  F_DB_VERSION,
  F_DISABLE,
  F_ENABLE,
  F_INIT,
  F_IS_ENABLED,
  F_IS_SYNC,
  F_PAYLOAD_APPLY,
  F_PAYLOAD_ENCODE,
  F_PAYLOAD_LOAD,
  F_PAYLOAD_PAGE,
  F_PAYLOAD_SAVE,
  F_SET,
  F_SET_COLUMN,
  F_SET_TABLE,
  F_SITEID,
  F_STATUS,
  F_TERMINATE,
  F_UUID,
  F_VERSION,
} from './registry';
import * as state from './state_functions';
import * as table from './table_functions';
import { result_null } from '../host';

/** Functions without effect may be called while the core runs a statement (from a trigger of the application). */
export function mayNest(id: i32): bool {
  return id == F_UUID || id == F_IS_SYNC || id == F_VERSION || id == F_SITEID || id == F_IS_ENABLED || id == F_TERMINATE;
}

/** Runs a function that needs no network. */
export function dispatch(id: i32, count: i32): void {
  if (id == F_INIT) table.init(count);
  else if (id == F_CLEANUP) table.cleanup();
  else if (id == F_ENABLE) table.enable();
  else if (id == F_DISABLE) table.disable();
  else if (id == F_IS_ENABLED) table.isEnabled();
  else if (id == F_SET) table.setDatabase();
  else if (id == F_SET_TABLE) table.setTable();
  else if (id == F_SET_COLUMN) table.setColumn();
  else dispatchState(id, count);
}

function dispatchState(id: i32, count: i32): void {
  if (id == F_VERSION) state.version();
  else if (id == F_SITEID) state.siteId();
  else if (id == F_DB_VERSION) state.databaseVersion();
  else if (id == F_UUID) state.uuid();
  else if (id == F_IS_SYNC) state.isSync(count);
  else if (id == F_TERMINATE) result_null();
  else if (id == F_STATUS) state.status();
  else if (id == F_PAYLOAD_ENCODE) payload.payloadEncode(count);
  else if (id == F_PAYLOAD_APPLY) payload.payloadApply();
  else if (id == F_PAYLOAD_SAVE) payload.payloadSave(count);
  else if (id == F_PAYLOAD_LOAD) payload.payloadLoad();
  else if (id == F_PAYLOAD_PAGE) payload.payloadPage();
  else if (!hasFailed()) failWith('this function is not available');
}
