/**
 * deleted_stamps.ts: what the deletions of an `aws` row have seen, as a value of cloudsync_changes: per column that has
 * such a stamp its name (str), clock (uint) and site (bin), MessagePack items one after another. Columns go by name,
 * because their order differs from device to device.
 */
import { CLOCK_MAX } from '../catalog/counters';
import { SITE_SIZE } from '../catalog/schema';
import { siteBytes } from '../catalog/sites';
import { Table } from '../catalog/table';
import { writeBinary, writeString, writeUnsigned } from '../bytes/msgpack';
import { Reader } from '../bytes/reader';
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';
import { Stamps } from '../clock/stamps';
import { NAME_MAX } from './limits';

export function writeDeletedStamps(table: Table, deleted: Stamps): Slice {
  const target = new Writer(64);
  for (let i = 0; i < table.columns.length; i++) {
    if (deleted.clock(i) == 0) continue;
    const name = table.columns[i].name;
    writeString(target, name.pointer, name.size);
    writeUnsigned(target, deleted.clock(i));
    writeBinary(target, siteBytes(deleted.site(i)).pointer, SITE_SIZE);
  }
  return new Slice(target.start, target.size);
}

/** Reads the stamps of such a value one after another; nobody vouches for it. */
export class DeletedStampReader {
  name: Slice = new Slice(0, 0);
  clock: i64 = 0;
  site: Slice = new Slice(0, 0);
  private reader: Reader;

  constructor(value: Slice) {
    this.reader = new Reader(value.pointer, value.pointer + value.size);
  }

  /** False at the end and when the value is damaged. */
  next(): bool {
    const reader = this.reader;
    if (reader.bad || reader.left == 0) return false;
    this.name = reader.string(NAME_MAX);
    this.clock = <i64>reader.unsigned(CLOCK_MAX);
    this.site = reader.binary(SITE_SIZE);
    if (this.name.size == 0 || this.clock == 0 || this.site.size != SITE_SIZE) reader.reject();
    return !reader.bad;
  }

  get isDamaged(): bool {
    return this.reader.bad;
  }
}
