/**
 * page.ts: reads a page of changes, a list of frames (docs/PROTOCOL.md section 3), and does what they say in one
 * transaction, together with the cursor that covers them: packets are merged, rows that this device may not see any
 * more are forgotten.
 */
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { beginPage } from '../merge/completion';
import { mergeOne } from '../merge/payload_merge';
import { beginOperation, endOperation, finishExchange } from '../operation';
import { HEADER_SIZE } from '../packet/envelope';
import { PACKET_MAX } from '../packet/limits';
import { NamedRows } from '../packet/named_rows';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { failWith, hasFailed } from '../sql/failure';
import { badAnswer } from './errors';
import { cursor, setCursor } from './endpoint';
import { ForgottenRows, settleForgotten } from './forgotten_rows';
import { RESETS_MAX, session } from './state';

/** A cursor may name hundreds of scopes. */
const CURSOR_MAX: u32 = 1 << 20;
const FRAMES_MAX: u32 = 100000;
const ITEMS_MAX: u32 = 16;

/** Pages without a row, one after another, of which none is the last; a server of ours sends no such page at all. */
const EMPTY_PAGES_MAX: i64 = 100;

const FRAME_PUT: u64 = 1;
const FRAME_UNTAG: u64 = 2;
const FRAME_RESET: u64 = 4;
const FRAME_CURSOR: u64 = 5;

/** The newest page was the last one. */
export let pageComplete: bool = false;

/** Rows that the page has brought, and rows that it has taken away. */
let put: i64 = 0;
let forgotten: i64 = 0;

/** Sets `pageComplete`. */
export function readPage(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  const count = reader.array(FRAMES_MAX);
  pageComplete = false;
  put = 0;
  forgotten = 0;
  if (count == 0) return badAnswer();
  if (!beginOperation()) return false;
  const lastOfSeveral = beginPage(isLastPage(body));
  let ended = false;
  for (let i: u32 = 0; i < count && !reader.bad && !hasFailed() && !ended; i++) ended = readFrame(reader);
  if (!hasFailed() && (!ended || reader.bad || reader.left != 0)) badAnswer();
  if (!hasFailed()) lastOfSeveral ? finishExchange() : settleForgotten(forgotten);
  if (!endOperation(!hasFailed())) return false;
  session().receivedRows += put + forgotten;
  session().receivedSincePush += put + forgotten;
  return true;
}

/** True when it was the last frame of the page: the cursor. */
function readFrame(reader: Reader): bool {
  const items = reader.array(ITEMS_MAX);
  const type = items > 0 ? reader.unsigned(255) : 0;
  if (type == FRAME_PUT && items == 2) {
    mergePut(reader.binary(PACKET_MAX + HEADER_SIZE), reader.bad);
  } else if (type == FRAME_UNTAG && items == 2) {
    forgetRows(reader);
  } else if (type == FRAME_RESET && items == 1) {
    forgetAll();
  } else if (type == FRAME_CURSOR && items == 3) {
    const position = reader.binary(CURSOR_MAX);
    pageComplete = reader.unsigned(1) == 1;
    return !reader.bad && leadsOn(position) && setCursor(position);
  } else {
    failWith('the server sends a kind of change that this extension does not know; update the extension');
  }
  return false;
}

function mergePut(packet: Slice, bad: bool): void {
  if (bad) return;
  const rows = mergeOne(packet);
  if (rows > 0) put += rows;
}

function forgetRows(reader: Reader): void {
  const rows = new ForgottenRows();
  const names = new NamedRows(reader);
  const mark = arenaMark();
  while (!hasFailed() && names.next()) {
    rows.leave(names.table, names.key);
    arenaRelease(mark);
  }
  forgotten += rows.count;
  rows.close();
}

/** A server that takes everything away again and again would keep us asking for ever. */
function forgetAll(): void {
  if (++session().resets > RESETS_MAX) {
    failWith('the server takes everything from this device again and again; look at its log');
    return;
  }
  const rows = new ForgottenRows();
  rows.leaveAll();
  forgotten += rows.count;
  rows.close();
}

/** A server whose pages lead nowhere would keep us asking for ever. */
function leadsOn(position: Slice): bool {
  const state = session();
  state.emptyPages = put + forgotten > 0 ? 0 : state.emptyPages + 1;
  if (pageComplete || (!position.equals(cursor()) && state.emptyPages <= EMPTY_PAGES_MAX)) return true;
  return failWith('the server announces more changes again and again and sends none; look at its log');
}

/** True when the page says that none follows. What is wrong with it is found out when it is read. */
function isLastPage(body: Slice): bool {
  const reader = new Reader(body.pointer, body.pointer + body.size);
  for (let left = reader.array(FRAMES_MAX); left > 0 && !reader.bad; left--) {
    const items = reader.array(ITEMS_MAX);
    const type = reader.unsigned(255);
    if (type == FRAME_CURSOR && items == 3) {
      reader.binary(CURSOR_MAX);
      return reader.unsigned(1) == 1;
    }
    if (type == FRAME_PUT) reader.binary(PACKET_MAX + HEADER_SIZE);
    if (type == FRAME_UNTAG) skipRows(reader);
  }
  return false;
}

function skipRows(reader: Reader): void {
  const names = new NamedRows(reader);
  const mark = arenaMark();
  while (names.next()) arenaRelease(mark);
}
