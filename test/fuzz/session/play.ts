/**
 * play.ts: the child that plays the band fuzz-session: a device syncs with a server that says anything; after ten
 * sessions a sound server must bring everything right.
 */
import { applyPayload, single } from '../../support/database.js';
import { checkDatabase, contents } from '../apply/checks.js';
import { type Case, playCases } from '../child/cases.js';
import { Random } from '../child/random.js';
import { prepareAnswers, readRequests } from '../curl/answers.js';
import { type PlannedAnswer, plannedAnswers } from './answers.js';
import { Device, type Exchange, isSuccess, itemsOf, packetsOfOthers } from './device.js';

const SESSIONS_PER_DEVICE = 10;
/** Each kind of request is answered eight times; whoever asks more often than this goes round in circles. */
const REQUESTS_MAX = 60;
const SOUND_SESSIONS_MAX = 2;

const packets = packetsOfOthers();

const SESSIONS = [
  'SELECT cloudsync_network_sync()',
  'SELECT cloudsync_network_sync(0, 3)',
  'SELECT cloudsync_network_sync(0, 100)',
  'SELECT cloudsync_network_sync(30000, 1)',
  'SELECT cloudsync_network_send_changes()',
  'SELECT cloudsync_network_check_changes()',
];

/** The error message, or undefined. */
function runSession(device: Device, sql: string): string | undefined {
  try {
    JSON.parse(single(device.db, sql) as string);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith('cloudsync: ') || /internal error/.test(message)) throw error;
    return message;
  }
}

/** Plays a session; what was sent and answered in it. */
function exchanges(
  device: Device,
  sql: string,
  answers: PlannedAnswer[],
): { error?: string; list: Exchange[] } {
  prepareAnswers(answers);
  const error = runSession(device, sql);
  const list = readRequests().map((request) => ({ request, answer: answers[request.answer] }));
  if (list.length > REQUESTS_MAX) throw new Error(`${list.length} requests in one session`);
  if (device.db.inTransaction) throw new Error('a transaction was left open');
  return error === undefined ? { list } : { error, list };
}

const TRANSIENT = [408, 425, 429, 500, 502, 503, 504];
const LONGEST_PAUSE_MS = 60_000;

/** Between two tries there is the pause that the server asked for, at most a minute, or a random one. */
function checkPauses(list: readonly Exchange[]): void {
  for (let i = 1; i < list.length; i++) {
    const { answer } = list[i - 1] as Exchange;
    const slept = (list[i] as Exchange).request.sleptMilliseconds;
    const retried = answer !== undefined && (answer.transport || TRANSIENT.includes(answer.status));
    if (slept > LONGEST_PAUSE_MS) throw new Error(`a pause of ${slept} ms`);
    if (!retried || answer.transport) continue;
    const asked = answer.retryAfter ?? 0n;
    const isKnown = asked > 0n && asked < 2n ** 31n;
    const wanted = isKnown ? Math.min(Number(asked) * 1000, LONGEST_PAUSE_MS) : 0;
    if (slept < wanted) throw new Error(`a pause of ${slept} ms where the server asked for ${asked} s`);
  }
}

/** What the device may take for acknowledged goes to the server. */
function deliverAcknowledged(device: Device, list: readonly Exchange[]): void {
  for (const exchange of list) {
    if (!isSuccess(exchange, 'push')) continue;
    const [, , batch, packet] = itemsOf(exchange.request.body) ?? [];
    const [number, verdicts, ...rest] = itemsOf(exchange.answer?.body ?? Buffer.alloc(0)) ?? [];
    if (batch?.type !== 'integer' || packet?.type !== 'blob') throw new Error('a push that cannot be read');
    const isAcknowledged = number?.type === 'integer' && number.integer === batch.integer;
    if (isAcknowledged && verdicts?.type === 'array' && rest.length <= 1)
      applyPayload(device.server, packet.bytes);
  }
}

/** All that merges change. Packets that are applied by hand are to be sent on, which a setting says. */
function merged(device: Device): string {
  return contents(device.db).replace(/.*network\.everything.*/, '');
}

/** The cursor is where it was, or nowhere, or where a page put it all of which is merged. */
function checkCursor(device: Device, before: unknown, list: readonly Exchange[]): void {
  const cursor = device.setting('network.cursor') as Buffer | undefined;
  if (cursor === undefined || (before instanceof Buffer && before.equals(cursor))) return;
  const pages = list
    .filter((exchange) => isSuccess(exchange, 'pull'))
    .map(({ answer }) => itemsOf(answer?.body ?? Buffer.alloc(0)) ?? [])
    .filter((frames) => {
      const last = frames.at(-1);
      const value = last?.type === 'array' ? last.items[1] : undefined;
      return value?.type === 'blob' && value.bytes.equals(cursor);
    });
  if (pages.length === 0) throw new Error(`the cursor ${cursor.toString('hex')} came from nowhere`);
  // Of several pages with one cursor, those that do not lead on are refused.
  if (!list.some(takesRows) && !pages.some((page) => isMerged(device, page))) {
    throw new Error('the cursor covers a packet that was not merged');
  }
}

/** What came before may have been forgotten again: the answer refuses a row, or names rows to forget. */
function takesRows({ answer }: Exchange): boolean {
  const [, verdicts] = itemsOf(answer?.body ?? Buffer.alloc(0)) ?? [];
  const lists = [...(itemsOf(answer?.body ?? Buffer.alloc(0)) ?? []), verdicts];
  return lists.some(
    (each) =>
      each?.type === 'array' &&
      each.items.some(
        (item, i) =>
          (i === 0 && item.type === 'integer' && item.integer === 2n) ||
          (item.type === 'array' && item.items.length === 4),
      ),
  );
}

/** The packets of the page, once more, change nothing. */
function isMerged(device: Device, page: NonNullable<ReturnType<typeof itemsOf>>): boolean {
  const after = merged(device);
  device.db.exec('BEGIN');
  for (const frame of page) {
    const packet = frame.type === 'array' ? frame.items[1] : undefined;
    if (frame !== page.at(-1) && packet?.type === 'blob') applyPayload(device.db, packet.bytes);
  }
  const again = merged(device);
  device.db.exec('ROLLBACK');
  return again === after;
}

function playSession(device: Device, seed: number, each?: Case): void {
  const random = new Random(seed);
  if (random.oneIn(2)) device.writeLocally();
  const before = device.setting('network.cursor');
  const answers = plannedAnswers(random, device.serverState(packets), false);
  const { error, list } = exchanges(device, random.pick(SESSIONS), answers);
  deliverAcknowledged(device, list);
  device.checkOwnRows();
  checkPauses(list);
  checkCursor(device, before, list);
  checkDatabase(device.db);
  each?.add(error === undefined ? 'ended well' : 'ended with an error');
  each?.add('requests', list.length);
}

/** Whatever happened before, a sound server makes it good: liveness, and nothing was lost on the way. */
function playSoundSessions(device: Device, each: Case): void {
  let error: string | undefined = '';
  for (let left = SOUND_SESSIONS_MAX; left > 0 && error !== undefined; left--) {
    const answers = plannedAnswers(new Random(each.seed), device.serverState(packets), true);
    const played = exchanges(device, 'SELECT cloudsync_network_sync()', answers);
    error = played.error;
    deliverAcknowledged(device, played.list);
  }
  if (error !== undefined) throw new Error(`not even a sound server helps: ${error}`);
  device.checkEverythingSent();
  each.add('devices brought right');
}

let current: { device: Device; next: number } | undefined;

function play(each: Case): void {
  const from = each.seed - (each.seed % SESSIONS_PER_DEVICE);
  if (current?.next !== each.seed || each.seed === from) {
    current?.device.close();
    current = { device: new Device(), next: from };
    for (; current.next < each.seed; current.next++) playSession(current.device, current.next);
  }
  current.next++;
  playSession(current.device, each.seed, each);
  if (current.next % SESSIONS_PER_DEVICE === 0) playSoundSessions(current.device, each);
}

playCases(play);
