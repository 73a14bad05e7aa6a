/**
 * errors.ts: what the answers that are no success mean for the session. docs/PROTOCOL.md has the table.
 */
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { fail, failWith } from '../sql/failure';
import { Text } from '../sql/text';
import { endpoint } from './endpoint';

const CODE_MAX: u32 = 64;
const DETAIL_MAX: u32 = 1024;

/** What a refusal for want of space means, and what helps. */
export const SERVER_FULL: string =
  'the database is full on the server; ask its operator to allow more, or delete rows there';

/** The failure for a body that is not what was asked for. */
export function badAnswer(): bool {
  return failWith(
    'the answer of the server cannot be understood; extension and server may be of different versions',
  );
}

export class ServerError {
  code: Slice = new Slice(0, 0);
  detail: Slice = new Slice(0, 0);
  extra: i64 = 0;

  /** Reads [code, detail, extra]; an answer of another kind (a proxy's page) leaves everything empty. */
  constructor(
    public status: i32,
    kind: i32,
    body: Slice,
  ) {
    if (status == 0) {
      this.detail = new Slice(body.pointer, body.size < DETAIL_MAX ? body.size : DETAIL_MAX);
    } else if (kind == 1) {
      const reader = new Reader(body.pointer, body.pointer + body.size);
      if (reader.array(3) != 3) reader.reject();
      const code = reader.string(CODE_MAX);
      const detail = reader.string(DETAIL_MAX);
      const extra = reader.integer();
      if (!reader.bad) {
        this.code = code;
        this.detail = detail;
        this.extra = extra;
      }
    }
  }

  /** True when the same request may succeed later. */
  get isTransient(): bool {
    const status = this.status;
    return (
      status == 0 ||
      status == 408 ||
      status == 425 ||
      status == 429 ||
      status == 500 ||
      (status >= 502 && status <= 504)
    );
  }

  /** True when the server has no space for what is sent, and has taken nothing of it. */
  get isFull(): bool {
    return this.status == 507 && this.code.is('quota');
  }

  /** Records the failure that the user sees. */
  report(): void {
    const status = this.status;
    const text = new Text(512);
    if (status == 0) text.add('the server ').bytes(endpoint()).add(' cannot be reached');
    else text.add('the server ').bytes(endpoint()).add(' answered ').number(status);
    if (this.detail.size > 0) text.add(' (').bytes(this.detail).add(')');
    text.add('; ').add(this.advice()).add('. Changes stay in the database and are sent later');
    fail(text);
  }

  private advice(): string {
    const status = this.status;
    if (status == 401)
      return 'set a valid token or key with cloudsync_network_set_token() or cloudsync_network_set_apikey()';
    if (status == 403) return 'the credential does not allow this; ask the administrator of the server';
    if (status == 404)
      return 'check the address and the name of the database; only an admin or schema key can create it';
    if (status >= 300 && status < 400)
      return 'it redirects; give the final address to cloudsync_network_init()';
    if (status == 415 || status == 426)
      return 'extension and server are of different versions; update the older one';
    if (status == 413)
      return 'a single row is larger than the server accepts; raise its limit or make the row smaller';
    if (this.isFull) return SERVER_FULL;
    if (this.isTransient) return 'try again later';
    if (this.code.size == 0) return 'this does not look like a cloudsync server; check the address';
    return 'this is not expected; look at the log of the server';
  }
}
