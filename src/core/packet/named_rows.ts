/**
 * named_rows.ts: lists of rows by their names, as servers and devices exchange them: a msgpack array of
 * [table str, key bin], the key as in cloudsync_changes.pk. Nobody vouches for them.
 */
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { NAME_MAX, PACKET_MAX } from './limits';

/** Rows in one list. */
const ROWS_MAX: u32 = 1 << 20;

export class NamedRows {
  /** The name of the table and the encoded key, after `next`. */
  table: Slice = new Slice(0, 0);
  key: Slice = new Slice(0, 0);
  private left: u32;

  constructor(private reader: Reader) {
    this.left = reader.array(ROWS_MAX);
  }

  get ended(): bool {
    return this.left == 0;
  }

  /** Goes to the next row. False at the end and when the list is damaged (`reader.bad`). */
  next(): bool {
    if (this.left == 0 || this.reader.bad) return false;
    this.left--;
    if (this.reader.array(2) != 2) this.reader.reject();
    this.table = this.reader.string(NAME_MAX);
    this.key = this.reader.binary(PACKET_MAX);
    return !this.reader.bad;
  }
}
