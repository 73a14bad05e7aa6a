/** network_functions.ts: the cloudsync_network_* functions; the exchange itself is session/machine.ts. */
import { wipeTables } from '../capture/wipe';
import { catalogExists, failWithoutCatalog } from '../catalog/schema';
import { settingBytes, settingInteger } from '../catalog/settings';
import { result_integer, result_text, secret_is_set, secret_set } from '../host';
import { beginOperation, beginReading, beginTrackedOperation, endOperation, tables } from '../operation';
import { failWith, hasFailed } from '../sql/failure';
import { Text } from '../sql/text';
import {
  acknowledgedBatch,
  endpoint,
  endpointUrl,
  forgetServer,
  resetPositions,
  sentSeq,
  setEndpoint,
} from '../session/endpoint';
import { beginSession } from '../session/machine';
import { hasUnsent, waitingBatch } from '../session/outbox';
import { argumentInteger, argumentText } from './arguments';

const SLOT_TOKEN: i32 = 0;
const SLOT_KEY: i32 = 1;
const RETRIES_DEFAULT: i64 = 3;
const RETRIES_MAX: i64 = 100;
const WAIT_MAX_MS: i64 = 3600000;

export function networkInit(): void {
  const given = argumentText(0, 'the address');
  if (hasFailed()) return;
  const url = endpointUrl(given);
  if (url == null || !beginOperation()) return;
  if (endOperation(setEndpoint(url.slice()))) result_integer(1);
}

function setSecret(slot: i32, what: string): void {
  const secret = argumentText(0, what);
  for (let i: u32 = 0; i < secret.size; i++) {
    const byte = <u32>load<u8>(secret.pointer + i);
    if (byte <= 32 || byte >= 127)
      failWith('a credential consists of printable ASCII characters without spaces');
  }
  if (hasFailed()) return;
  secret_set(slot, secret.pointer, secret.size);
  result_integer(1);
}

export function networkSetToken(): void {
  setSecret(SLOT_TOKEN, 'the token');
}

export function networkSetApiKey(): void {
  setSecret(SLOT_KEY, 'the API key');
}

export function networkHasUnsentChanges(): void {
  if (!beginReading()) return;
  const unsent = hasUnsent();
  if (endOperation(!hasFailed())) result_integer(unsent ? 1 : 0);
}

/** These three answer true when a session has begun, which the host then drives. */
export function networkSendChanges(): bool {
  return beginSession(true, false, 0, <i32>RETRIES_DEFAULT);
}

export function networkCheckChanges(): bool {
  return beginSession(false, true, 0, <i32>RETRIES_DEFAULT);
}

export function networkSync(count: i32): bool {
  const wait = argumentInteger(0, count, 0, 0, WAIT_MAX_MS, 'wait_ms');
  const retries = argumentInteger(1, count, RETRIES_DEFAULT, 0, RETRIES_MAX, 'max_retries');
  return !hasFailed() && beginSession(true, true, <i32>wait, <i32>retries);
}

export function networkResetSyncVersion(): void {
  if (!beginTrackedOperation()) return;
  if (endOperation(resetPositions())) result_integer(1);
}

export function networkLogout(count: i32): void {
  const force = argumentInteger(0, count, 0, 0, 1, 'force');
  if (hasFailed() || !beginTrackedOperation()) return;
  let ok = true;
  if (force == 0 && hasUnsent()) {
    ok = failWith(
      'there are changes that have not been sent; sync first, or lose them with cloudsync_network_logout(1)',
    );
  }
  ok = ok && wipeTables(tables) && forgetServer();
  if (!endOperation(ok)) return;
  secret_set(SLOT_TOKEN, 0, 0);
  result_integer(1);
}

export function networkStatus(): void {
  if (!catalogExists()) {
    if (!hasFailed()) failWithoutCatalog();
    return;
  }
  if (!beginReading()) return;
  const waiting = waitingBatch();
  const unsent = hasUnsent();
  const json = new Text(512).add('{"url":').json(endpoint());
  json.add(',"credential":').add(secret_is_set() != 0 ? 'true' : 'false');
  json.add(',"registered":').add(settingInteger('network.registered', 0) != 0 ? 'true' : 'false');
  json.add(',"batch":').number(acknowledgedBatch()).add(',"sent":').number(sentSeq());
  json.add(',"waiting":').add(waiting != null ? 'true' : 'false');
  json.add(',"unsent":').add(unsent ? 'true' : 'false');
  json.add(',"missing":').json(settingBytes('network.missing')).add('}');
  if (endOperation(!hasFailed())) result_text(json.pointer, json.size);
}

export function networkCleanup(): void {
  if (!beginTrackedOperation()) return;
  if (!endOperation(forgetServer())) return;
  secret_set(SLOT_TOKEN, 0, 0);
  result_integer(1);
}
