/**
 * feeds.ts: the feeds of several tables as one, in the order of seq: from it packets are made (pages.ts)
 * and the rows of cloudsync_changes.
 */
import { currentSeq } from '../catalog/counters';
import { failUnsettled } from '../catalog/filters';
import { readSendSettings } from '../catalog/send_settings';
import { Table } from '../catalog/table';
import { queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { Feed, FeedFilter } from './feed';

export class Feeds {
  private feeds: Array<Feed> = [];

  /** Leaves out tables that are being altered, gone or kept on this device, and what changed in paused ones. */
  constructor(tables: Array<Table>, filter: FeedFilter) {
    const changed: Array<Table> = [];
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i];
      if (table.altering || !hasChanges(table, filter.start)) continue;
      if (table.open() && !table.missing) changed.push(table);
    }
    readSendSettings(changed);
    for (let i = 0; i < changed.length; i++) {
      const table = changed[i];
      const feed = openFeed(table, filter, true);
      if (feed != null && feed.advance()) this.feeds.push(feed);
    }
  }

  /**
   * The feed whose waiting change has the smallest seq; null at the end. The caller advances it when done
   * with it.
   */
  next(): Feed | null {
    let best: Feed | null = null;
    for (let i = 0; i < this.feeds.length; i++) {
      const feed = this.feeds[i];
      if (feed.ready && (best == null || feed.clock.seq < best.clock.seq)) best = feed;
    }
    return best;
  }

  close(): void {
    for (let i = 0; i < this.feeds.length; i++) this.feeds[i].close();
  }
}

/** The feed of a table that is open and whose send settings have been read; null when it stays on this device. */
export function openFeed(table: Table, filter: FeedFilter, inOrder: bool): Feed | null {
  if (table.kept) return null;
  if (table.filter.size > 0 && table.settledSeq < currentSeq()) failUnsettled(table);
  return new Feed(table, filter, inOrder);
}

function hasChanges(table: Table, since: i64): bool {
  const sql = new Text()
    .add('SELECT 1 FROM ')
    .main(table.clockName)
    .add(' WHERE seq>')
    .number(since)
    .add(' LIMIT 1');
  return queryInteger(sql, 0) != 0;
}
