/**
 * rows_packet.ts: one packet of rows that somebody has named, each as far as it is newer than some seq: what a server
 * sends of rows that a device may see. In contrast to the feed, the order of the changes plays no part.
 */
import { rankTables } from '../catalog/ranks';
import { readSendSettings } from '../catalog/send_settings';
import { ownSite } from '../catalog/sites';
import { findTable, Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { isKeyOf } from '../clock/keys';
import { hasFailed } from '../sql/failure';
import { Encoder } from './encoder';
import { Feed, FeedFilter, Oversized } from './feed';
import { openFeed } from './feeds';
import { NamedRows } from './named_rows';

export class RowsPacket {
  /** Names of the list that have been used. */
  used: u32 = 0;
  /** Values that the packet had to leave behind. */
  oversized: Array<Oversized> = [];
  private opened: Array<Table> = [];
  private feeds: Array<Feed | null> = [];

  /** Inside an operation, with counters and sites loaded and the logs folded. */
  constructor(
    private tables: Array<Table>,
    private filter: FeedFilter,
  ) {
    rankTables(tables);
  }

  /**
   * The packet of the next rows of the list, of about `aim` bytes and of at least one row. Null when there is nothing
   * to send of the rows used, and on errors. Names of nothing are passed over; the deletion of a row goes along
   * whatever `since` says, because the asker may have been shown the row later than that.
   */
  make(rows: NamedRows, aim: u32): Slice | null {
    const encoder = new Encoder(ownSite(), aim + 4096);
    while (encoder.size < aim && rows.next()) {
      this.used++;
      const table = findTable(this.tables, rows.table);
      const feed: Feed | null = table == null ? null : this.feedOf(table);
      if (hasFailed()) return null;
      if (feed == null || !isKeyOf(feed.table, rows.key) || !feed.seek(rows.key.pointer)) continue;
      if (!feed.write(encoder, this.oversized)) return null;
    }
    return hasFailed() || encoder.isEmpty ? null : encoder.finish(0, 0);
  }

  /** Null for tables of which nothing is sent. */
  private feedOf(table: Table): Feed | null {
    for (let i = 0; i < this.opened.length; i++) if (this.opened[i].id == table.id) return this.feeds[i];
    let feed: Feed | null = null;
    if (!table.altering && table.open() && !table.missing) {
      readSendSettings([table]);
      feed = openFeed(table, this.filter, false);
    }
    this.opened.push(table);
    this.feeds.push(feed);
    return feed;
  }

  close(): void {
    for (let i = 0; i < this.feeds.length; i++) if (this.feeds[i] != null) this.feeds[i]!.close();
  }
}
