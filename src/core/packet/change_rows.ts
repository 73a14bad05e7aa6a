/**
 * change_rows.ts: the feed as rows of the table cloudsync_changes: one row for every changed column of a
 * living row, one for a deletion, one for a living row of key columns only. A row is nine cells
 * (bytes/cell.ts):
 *
 *     tbl, pk (key values as msgpack items), col_name, col_value, col_version (the clock), db_version (the seq at which
 *     the column changed here), site_id (who wrote it), cl, seq (the same number as db_version)
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
import { Feed, Oversized } from './feed';
import { Feeds } from './feeds';

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
  if (image.count == 0) {
    writeTextCell(target, feed.table.name);
    writeBlobCell(target, feed.key);
    writeNullCell(target);
    writeNullCell(target);
    writeStamp(target, feed, image.clock, feed.clock.seq, image.site);
    return;
  }
  for (let i = 0; i < image.width; i++) {
    if (!image.includes(i)) continue;
    writeTextCell(target, feed.table.name);
    writeBlobCell(target, feed.key);
    writeTextCell(target, feed.table.columns[i].name);
    writeColumnCell(target, feed.valueHandle(), feed.valueColumn(i));
    writeStamp(target, feed, image.stamps.clock(i), feed.clock.columnSeq(i), image.stamps.site(i));
  }
}

/** The cells col_version, db_version, site_id, cl and seq. */
function writeStamp(target: Writer, feed: Feed, clock: i64, seq: i64, site: i32): void {
  writeIntegerCell(target, clock);
  writeIntegerCell(target, seq);
  writeBlobCell(target, siteBytes(site));
  writeIntegerCell(target, feed.image.cl);
  writeIntegerCell(target, seq);
}
