/**
 * pages.ts: makes packets of the changes of all tables, in the order of their seq: the feed that payloads, pushes and
 * pulls are cut from.
 */
import { currentSeq } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { rankTables } from '../catalog/ranks';
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { Encoder } from './encoder';
import { FeedFilter, Oversized } from './feed';
import { Feeds } from './feeds';

export class Pages {
  private feeds: Feeds;
  /** The packets made so far reach to this seq. */
  upto: i64;
  /** Nothing is left behind `upto`. */
  complete: bool = false;
  /** Values that the newest packet had to leave behind. */
  oversized: Array<Oversized> = [];
  /** The largest stamp in the newest packet. */
  newestStamp: i64 = 0;
  /** Rows in the packets made so far. */
  rows: i64 = 0;

  /** Begins after `filter.start`. Inside a transaction, with counters and sites loaded and the logs folded. */
  constructor(
    tables: Array<Table>,
    filter: FeedFilter,
    private aim: u32,
  ) {
    this.upto = filter.start;
    rankTables(tables);
    this.feeds = new Feeds(tables, filter);
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
      const feed = this.feeds.next();
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
    this.newestStamp = encoder.newestStamp;
    return encoder.finish(since, this.upto);
  }

  close(): void {
    this.feeds.close();
  }
}
