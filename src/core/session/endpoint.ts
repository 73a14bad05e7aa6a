/**
 * endpoint.ts: what a database remembers about its server: the address, how far it has sent and received. All of it
 * lies in cloudsync_settings, so that any connection can go on where another one stopped. Credentials are not among it.
 *
 *     network.url         the address of the database on the server, up to and with /v1/db/{name}
 *     network.epoch       the server's history that cursor and batch belong to (16 bytes)
 *     network.registered  digest of the tables the server was last told about; absent = register first
 *     network.missing     tables that the server did not have at that time
 *     network.batch       number of the last batch that the server has acknowledged
 *     network.mark        checksum of that batch's packet: which one it was
 *     network.sent        rows up to this seq have been sent
 *     network.since       own changes up to this seq are on the server, wherever their rows stand now: where the
 *                         sending that is under way began. It follows network.sent with a batch that reaches the end
 *     network.clock       own stamps up to this clock are on the server, and network.batch_clock those that are there
 *                         when it has the batch that waits
 *     network.everything  up to this seq changes of all sites are sent, not only own ones (after a merge by hand, or
 *                         when the server is a new one or has lost data)
 *     network.newest      the largest stamp that the server has taken from this device, and network.batch_newest that
 *                         of the batch that waits
 *     network.cursor      how far we have received, in the server's words
 */
import { sendEverything } from '../catalog/send_settings';
import {
  removeSetting,
  setBlob,
  setInteger,
  setText,
  settingBytes,
  settingInteger,
} from '../catalog/settings';
import { Slice } from '../bytes/slice';
import { xxh64 } from '../bytes/xxh64';
import { fail } from '../sql/failure';
import { executeLiteral } from '../sql/statement';
import { sliceOf, Text } from '../sql/text';

export const EPOCH_SIZE: u32 = 16;

const URL_MAX: u32 = 2048;
/** So much of a wrong address is repeated in the message. */
const QUOTED_MAX: u32 = 200;

function refuseUrl(url: Slice, why: string): Text | null {
  const text = new Text()
    .add("the address '")
    .bytes(new Slice(url.pointer, url.size < QUOTED_MAX ? url.size : QUOTED_MAX));
  fail(
    text
      .add(url.size > QUOTED_MAX ? "...' " : "' ")
      .add(why)
      .add('; expected https://host[:port]/database'),
  );
  return null;
}

function hasPrefix(text: Slice, prefix: string): bool {
  return text.size > <u32>prefix.length && new Slice(text.pointer, prefix.length).is(prefix);
}

/** True for the characters that may stand in an address: printable ASCII without space, quotes and < > \ ^ ` { | }. */
function isAddressByte(byte: u32): bool {
  if (byte <= 32 || byte >= 127) return false;
  return !(
    byte == 34 ||
    byte == 60 ||
    byte == 62 ||
    byte == 92 ||
    byte == 94 ||
    byte == 96 ||
    (byte >= 123 && byte <= 125)
  );
}

/** Turns the address that the user gives into the one that requests go to; null with a failure when it is none. */
export function endpointUrl(given: Slice): Text | null {
  const schemeSize: u32 = hasPrefix(given, 'https://') ? 8 : hasPrefix(given, 'http://') ? 7 : 0;
  if (schemeSize == 0) return refuseUrl(given, 'does not begin with https:// or http://');
  if (given.size > URL_MAX) return refuseUrl(given, 'is too long');
  let size = given.size;
  while (size > schemeSize && load<u8>(given.pointer + size - 1) == 47) size--;
  let slash: u32 = 0;
  for (let i = schemeSize; i < size; i++) {
    const byte = <u32>load<u8>(given.pointer + i);
    if (byte == 64)
      return refuseUrl(
        new Slice(given.pointer, schemeSize),
        'has a user name or password in it; set a token instead',
      );
    if (byte == 63 || byte == 35) return refuseUrl(given, 'has a query or fragment');
    if (!isAddressByte(byte)) return refuseUrl(given, 'has a character that does not belong there');
    if (byte == 47) slash = i;
  }
  if (slash <= schemeSize) return refuseUrl(given, 'names no database');
  const head = new Slice(given.pointer, slash);
  const name = new Slice(given.pointer + slash + 1, size - slash - 1);
  const url = new Text(size + 16).bytes(head);
  const complete = head.size > 6 && new Slice(head.pointer + head.size - 6, 6).is('/v1/db');
  if (!complete) url.add('/v1/db');
  return url.add('/').bytes(name);
}

/** Sets the address. Another address than before is another server: sending and receiving start from the beginning. */
export function setEndpoint(url: Slice): bool {
  const before = settingBytes('network.url');
  if (before.equals(url)) return true;
  return forgetServer() && setText(sliceOf('network.url'), url);
}

/** Forgets all that is known about the server, also its address. */
export function forgetServer(): bool {
  return removeSetting('network.url') && rewind();
}

function sendFromStart(): bool {
  return (
    executeLiteral('DELETE FROM main.cloudsync_outbox') &&
    setInteger('network.sent', 0) &&
    setInteger('network.since', 0)
  );
}

/** Sending and receiving start again, at batch 1; the server is asked for its epoch again. */
function startOver(): bool {
  return (
    removeSetting('network.epoch') &&
    removeSetting('network.registered') &&
    removeSetting('network.missing') &&
    removeSetting('network.cursor') &&
    removeSetting('network.clock') &&
    removeSetting('network.mark') &&
    sendFromStart() &&
    setInteger('network.batch', 0)
  );
}

/** Sends and receives everything again; the server and its count of batches stay. */
export function resetPositions(): bool {
  return removeSetting('network.cursor') && sendFromStart() && sendEverything();
}

/** The server has lost what it had: everything that this database knows is sent again, whoever wrote it. */
export function rewind(): bool {
  return startOver() && sendEverything();
}

export function forgetRegistration(): bool {
  return removeSetting('network.registered');
}

export function endpoint(): Slice {
  return settingBytes('network.url');
}

export function epoch(): Slice {
  return settingBytes('network.epoch');
}

/** A number for the epoch that can be compared. */
export function epochDigest(): i64 {
  const value = epoch();
  return <i64>xxh64(value.pointer, value.size, 0);
}

export function sentSeq(): i64 {
  return settingInteger('network.sent', 0);
}

export function sinceSeq(): i64 {
  return settingInteger('network.since', 0);
}

/** Own stamps with a larger clock are not on the server, unless their row is among those sent. */
export function sentClock(): i64 {
  return settingInteger('network.clock', 0);
}

/** The largest clock when the waiting batch was made. */
export function batchClock(): i64 {
  return settingInteger('network.batch_clock', 0);
}

/** Notes of the batch that is made the clock of this moment and the largest stamp that it carries. */
export function noteBatch(clock: i64, newest: i64): bool {
  return setInteger('network.batch_clock', clock) && setInteger('network.batch_newest', newest);
}

/** The largest stamp that the server has taken from this device. */
export function newestTaken(): i64 {
  return settingInteger('network.newest', 0);
}

/** Of the own stamps only those up to the clock count as sent. */
export function limitSentClock(clock: i64): bool {
  return sentClock() <= clock || setInteger('network.clock', clock);
}

export function everythingSeq(): i64 {
  return settingInteger('network.everything', 0);
}

export function acknowledgedBatch(): i64 {
  return settingInteger('network.batch', 0);
}

/** Checksum of the packet of the last batch that the server has acknowledged; of size 0 when there was none. */
export function acknowledgedMark(): Slice {
  return settingBytes('network.mark');
}

export function cursor(): Slice {
  return settingBytes('network.cursor');
}

export function setCursor(value: Slice): bool {
  return setBlob('network.cursor', value);
}

/** Records that the server has the batch, all rows up to `upto`, and all own changes up to `since`. */
export function acknowledge(batch: i64, since: i64, upto: i64): bool {
  return (
    // The checksum in the header of the packet (docs/PROTOCOL.md section 1.1).
    executeLiteral(
      "INSERT OR REPLACE INTO main.cloudsync_settings SELECT 'network.mark',substr(packet,17,8)" +
        ' FROM main.cloudsync_outbox',
    ) &&
    executeLiteral('DELETE FROM main.cloudsync_outbox') &&
    setInteger('network.batch', batch) &&
    setInteger('network.since', since) &&
    setInteger('network.sent', upto) &&
    // Only a batch that reaches the end has everything up to a clock.
    (since < upto || setInteger('network.clock', batchClock())) &&
    setInteger('network.newest', max(newestTaken(), settingInteger('network.batch_newest', 0)))
  );
}
