/** dispatch.ts: from the number of a function to its implementation. */
import * as alter from './alter_functions';
import * as changes from './changes_functions';
import * as conflict from './conflict_functions';
import * as held from './held_functions';
import * as filter from './filter_functions';
import * as network from './network_functions';
import * as payload from './payload_functions';
import {
  F_BEGIN_ALTER,
  F_CHANGES_ENCODE,
  F_CHANGES_INSERT,
  F_CHANGES_PAGE,
  F_CLEANUP,
  F_CLEAR_FILTER,
  F_COMMIT_ALTER,
  F_DB_VERSION,
  F_DISABLE,
  F_ENABLE,
  F_INIT,
  F_IS_ENABLED,
  F_IS_SYNC,
  F_NETWORK_CHECK_CHANGES,
  F_NETWORK_CLEANUP,
  F_NETWORK_HAS_UNSENT_CHANGES,
  F_NETWORK_INIT,
  F_NETWORK_LOGOUT,
  F_NETWORK_RESET_SYNC_VERSION,
  F_NETWORK_SEND_CHANGES,
  F_NETWORK_SET_APIKEY,
  F_NETWORK_SET_TOKEN,
  F_NETWORK_STATUS,
  F_NETWORK_SYNC,
  F_PAYLOAD_APPLY,
  F_PAYLOAD_ENCODE,
  F_PAYLOAD_LOAD,
  F_PAYLOAD_PAGE,
  F_PAYLOAD_ROWS,
  F_PAYLOAD_SAVE,
  F_PAYLOAD_TAKE,
  F_RESOLVE,
  F_RESTORE,
  F_SET,
  F_SET_COLUMN,
  F_SET_FILTER,
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
  return (
    id == F_UUID ||
    id == F_IS_SYNC ||
    id == F_VERSION ||
    id == F_SITEID ||
    id == F_IS_ENABLED ||
    id == F_TERMINATE
  );
}

/** Runs a function. True when it has begun a network session that the host drives. */
export function dispatch(id: i32, count: i32): bool {
  if (id == F_NETWORK_SYNC) return network.networkSync(count);
  if (id == F_NETWORK_SEND_CHANGES) return network.networkSendChanges();
  if (id == F_NETWORK_CHECK_CHANGES) return network.networkCheckChanges();
  if (id <= F_SET_COLUMN) dispatchTable(id, count);
  else if (id <= F_CHANGES_ENCODE) dispatchState(id, count);
  else dispatchNetwork(id, count);
  return false;
}

function dispatchTable(id: i32, count: i32): void {
  if (id == F_INIT) table.init(count);
  else if (id == F_CLEANUP) table.cleanup();
  else if (id == F_ENABLE) table.enable();
  else if (id == F_DISABLE) table.disable();
  else if (id == F_IS_ENABLED) table.isEnabled();
  else if (id == F_SET) table.setDatabase();
  else if (id == F_SET_TABLE) table.setTable();
  else if (id == F_SET_COLUMN) table.setColumn();
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
  else if (id == F_CHANGES_PAGE) changes.changesPage();
  else if (id == F_CHANGES_ENCODE) changes.changesEncode();
}

function dispatchNetwork(id: i32, count: i32): void {
  if (id == F_NETWORK_INIT) network.networkInit();
  else if (id == F_NETWORK_SET_TOKEN) network.networkSetToken();
  else if (id == F_NETWORK_SET_APIKEY) network.networkSetApiKey();
  else if (id == F_NETWORK_HAS_UNSENT_CHANGES) network.networkHasUnsentChanges();
  else if (id == F_NETWORK_RESET_SYNC_VERSION) network.networkResetSyncVersion();
  else if (id == F_NETWORK_LOGOUT) network.networkLogout(count);
  else if (id == F_NETWORK_STATUS) network.networkStatus();
  else if (id == F_NETWORK_CLEANUP) network.networkCleanup();
  else dispatchLater(id, count);
}

function dispatchLater(id: i32, count: i32): void {
  if (id == F_BEGIN_ALTER) alter.begin();
  else if (id == F_COMMIT_ALTER) alter.commit();
  else if (id == F_RESOLVE) held.resolve();
  else if (id == F_SET_FILTER) filter.setFilter();
  else if (id == F_CLEAR_FILTER) filter.clearFilter();
  else if (id == F_RESTORE) conflict.restore();
  else if (id == F_CHANGES_INSERT) changes.changesInsert();
  else if (id == F_PAYLOAD_TAKE) payload.payloadTake(count);
  else if (id == F_PAYLOAD_ROWS) payload.payloadRows();
  else assert(false);
}
