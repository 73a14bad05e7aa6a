/**
 * pages.ts: makes packets of the changes of all tables, in the order of their seq: the feed that payloads, pushes and
 * pulls are cut from.
 */
import { currentSeq } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { readSendSettings } from '../catalog/send_settings';
import { rankTables } from '../catalog/ranks';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { queryInteger } from '../sql/statement';
import { Text } from '../sql/text';
import { Encoder } from './encoder';
import { Feed, FeedFilter, Oversized } from './feed';

export class Pages {
  private feeds: Array<Feed> = [];
  /** The packets made so far reach to this seq. */
  upto: i64;
  /** Nothing is left behind `upto`. */
  complete: bool = false;
  /** Values that the newest packet had to leave behind. */
  oversized: Array<Oversized> = [];
  /** Rows in the packets made so far. */
  rows: i64 = 0;

  /** Begins after `filter.since`. Inside a transaction, with counters and sites loaded and the logs folded. */
  constructor(
    tables: Array<Table>,
    filter: FeedFilter,
    private aim: u32,
  ) {
    this.upto = filter.since;
    rankTables(tables);
    const changed: Array<Table> = [];
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i];
      if (!table.enabled || table.altering || !hasChanges(table, filter.since)) continue;
      if (table.open() && !table.missing) changed.push(table);
    }
    readSendSettings(changed);
    for (let i = 0; i < changed.length; i++) {
      const table = changed[i];
      if (table.kept) continue;
      const feed = new Feed(table, filter);
      if (feed.advance()) this.feeds.push(feed);
    }
  }

  /**
   * Makes the next packet of about `aim` bytes. Null at the end, on errors (hasFailed()), and when the changes passed
   * were none that the filter wants; `upto` and `complete` say how far it came. What it allocates may be released
   * before the next call.
   */
  next(): Slice | null {
    const since = this.upto;
    const encoder = new Encoder(ownSite(), this.aim + 4096);
    this.oversized = [];
    while (encoder.size < this.aim) {
      const feed = this.nextFeed();
      if (feed == null) {
        this.complete = !hasFailed();
        if (this.complete) this.upto = currentSeq();
        break;
      }
      this.upto = feed.clock.seq;
      if (!feed.write(encoder, this.oversized)) return null;
      feed.advance();
    }
    if (hasFailed() || encoder.isEmpty) return null;
    this.rows += encoder.rowCount;
    return encoder.finish(since, this.upto);
  }

  /** The feed whose waiting change has the smallest seq. */
  private nextFeed(): Feed | null {
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

function hasChanges(table: Table, since: i64): bool {
  const sql = new Text().add('SELECT 1 FROM ').main(table.clockName).add(' WHERE seq>').number(since).add(' LIMIT 1');
  return queryInteger(sql, 0) != 0;
}
