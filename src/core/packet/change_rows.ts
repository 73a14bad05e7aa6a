/**
 * change_rows.ts: the feed as rows of the table cloudsync_changes: one row for every changed column of a
 * living row, one for a deletion, one for a living row of key columns only. A row is nine cells
 * (bytes/cell.ts):
 *
 *     tbl, pk (key values as msgpack items), col_name, col_value, col_version (the clock), db_version (the seq at which
 *     the column changed here), site_id (who wrote it), cl, seq (the same number as db_version)
 *
 * What the deletions of an `aws` row have seen is the value of its deletion (packet/deleted_stamps.ts). A living row
 * that such a deletion has not taken away has both: the columns, and after them the deletion.
 *
 * What does not travel is not shown: tables and columns that stay on this device, values too large for a
 * packet.
 */
import { siteBytes } from '../catalog/sites';
import {
  writeBlobCell,
  writeColumnCell,
  writeIntegerCell,
  writeNullCell,
  writeTextCell,
} from '../bytes/cell';
import { Writer } from '../bytes/writer';
import { hasFailed } from '../sql/failure';
import { writeDeletedStamps } from './deleted_stamps';
import { Feed, Oversized } from './feed';
import { Feeds } from './feeds';

/** Causal length of a dead row of an `aws` table. */
const DEAD: i64 = 2;

export class ChangeRows {
  /** Rows of the feed up to this seq have been written. */
  position: i64 = 0;
  complete: bool = false;

  constructor(private feeds: Feeds) {}

  /**
   * Writes rows until there are about `aim` bytes, and never only some of the columns of one row. False on
   * errors.
   */
  write(target: Writer, aim: u32): bool {
    while (target.size < aim && !hasFailed()) {
      const feed = this.feeds.next();
      if (feed == null) {
        this.complete = true;
        break;
      }
      this.position = feed.clock.seq;
      // The values that are too large are reported when a packet is made.
      const oversized: Array<Oversized> = [];
      if (feed.take(oversized)) writeChanges(target, feed);
      feed.advance();
    }
    return !hasFailed();
  }
}

function writeChanges(target: Writer, feed: Feed): void {
  const image = feed.image;
  if (image.count == 0) writeRow(target, feed, image.clock, image.site, image.cl);
  for (let i = 0; i < image.width; i++) {
    if (!image.includes(i)) continue;
    writeTextCell(target, feed.table.name);
    writeBlobCell(target, feed.key);
    writeTextCell(target, feed.table.columns[i].name);
    writeColumnCell(target, feed.valueHandle(), feed.valueColumn(i));
    writeStamp(target, image.stamps.clock(i), feed.clock.columnSeq(i), image.stamps.site(i), image.cl);
  }
  const deleted = image.deleted;
  if (image.count == 0 || deleted == null) return;
  const newest = deleted.largest();
  writeRow(target, feed, deleted.clock(newest), deleted.site(newest), DEAD);
}

/** The row itself: dead, or of key columns only. */
function writeRow(target: Writer, feed: Feed, clock: i64, site: i32, cl: i64): void {
  const deleted = feed.image.deleted;
  writeTextCell(target, feed.table.name);
  writeBlobCell(target, feed.key);
  writeNullCell(target);
  if (deleted == null) writeNullCell(target);
  else writeBlobCell(target, writeDeletedStamps(feed.table, deleted));
  writeStamp(target, clock, feed.clock.seq, site, cl);
}

/** The cells col_version, db_version, site_id, cl and seq. */
function writeStamp(target: Writer, clock: i64, seq: i64, site: i32, cl: i64): void {
  writeIntegerCell(target, clock);
  writeIntegerCell(target, seq);
  writeBlobCell(target, siteBytes(site));
  writeIntegerCell(target, cl);
  writeIntegerCell(target, seq);
}
