/**
 * picked_changes.ts: makes packets of rows of cloudsync_changes that somebody has picked, or brought from another
 * database. Neighbouring rows about the same data row become one row of the packet.
 *
 * A row of an `aws` table means little without the stamps that its deletions have seen. They come as the value of a
 * row of their own, which may not have been picked; where it is missing, the clocks of this database add them.
 */
import { ownSite } from '../catalog/sites';
import { ALGORITHM_AWS, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { hasFailed } from '../sql/failure';
import { Change, ChangeReader } from './change_reader';
import { Encoder, RowImage } from './encoder';
import { PACKET_AIM, ROW_MAX } from './limits';
import { PacketStream } from './source';

export class PickedChanges implements PacketStream {
  /** The row of the packet that is being put together; null = none. */
  private table: Table | null = null;
  private first: Change = new Change();
  private image: RowImage = new RowImage(1);
  private values: Array<Slice> = [];
  private bytes: u32 = 0;

  /** `knowsDeletions`: the rows were read in this database, whose clocks know their deletions. Open tables. */
  constructor(
    private changes: ChangeReader,
    private knowsDeletions: bool,
  ) {}

  /** The next packet, or null at the end and after a failure. It may be released afterwards. */
  next(): Slice | null {
    const encoder = new Encoder(ownSite(), PACKET_AIM + 4096);
    while (encoder.size + this.bytes < PACKET_AIM && !this.changes.atEnd) {
      const change = this.changes.next();
      if (change == null) return null;
      if (!this.belongs(change)) {
        if (!this.flush(encoder)) return null;
        this.begin(change);
      }
      this.add(change);
    }
    if (!this.flush(encoder) || encoder.isEmpty) return null;
    return encoder.finish(0, 0);
  }

  /** Does the change go into the row that is being put together? */
  private belongs(change: Change): bool {
    if (this.table == null) return false;
    const first = this.first;
    if (this.table!.id != change.table!.id || !first.key.equals(change.key)) return false;
    if (change.deleted != null) return first.alive && this.image.deleted == null;
    if (change.column < 0 || this.image.includes(change.column)) return false;
    const size = first.key.size + this.bytes + change.value.size;
    return first.cl == change.cl && size <= ROW_MAX;
  }

  private begin(change: Change): void {
    this.table = change.table;
    this.first = change;
    this.image = new RowImage(change.table!.width);
    this.image.cl = change.cl;
    this.image.clock = change.clock;
    this.image.site = change.site;
    this.values = new Array<Slice>(change.table!.width);
  }

  private add(change: Change): void {
    if (change.deleted != null) this.image.deleted = change.deleted;
    if (change.column < 0) return;
    this.image.include(change.column, change.clock, change.site);
    this.values[change.column] = change.value;
    this.bytes += change.value.size;
  }

  private flush(encoder: Encoder): bool {
    const table = this.table;
    if (table == null) return !hasFailed();
    const image = this.image;
    const mayMiss = this.knowsDeletions && table.algorithm == ALGORITHM_AWS && !table.keyOnly;
    if (mayMiss && image.deleted == null && !addDeleted(table, this.first.key, image)) return false;
    encoder.beginRow(table, this.first.key, image);
    for (let i = 0; image.count > 0 && i < image.width; i++) {
      if (image.includes(i)) encoder.column(image, i).bytes(this.values[i].pointer, this.values[i].size);
    }
    encoder.endRow(image);
    this.table = null;
    this.bytes = 0;
    return true;
  }
}

/** Puts the deleted stamps of a row that this database knows into the image. */
function addDeleted(table: Table, key: Slice, image: RowImage): bool {
  const clock = new RowClock(table);
  const clocks = new ClockTable(table, false);
  const ok = clocks.read(key.pointer, clock);
  if (ok && clock.hasDeleted) image.deleted = clock.deleted;
  clocks.close();
  return ok;
}
