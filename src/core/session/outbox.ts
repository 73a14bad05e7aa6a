/**
 * outbox.ts: the batch on its way to the server. It is made and written to cloudsync_outbox in one short transaction,
 * so that no lock is held while the network works, and sent byte for byte the same until the server has answered: the
 * server recognises a repeat by its number and digest.
 */
import { currentClock } from '../catalog/counters';
import { ownSite } from '../catalog/sites';
import { Slice } from '../bytes/slice';
import { reportOversized } from '../merge/held';
import { beginOperation, endOperation, tables } from '../operation';
import { FeedFilter } from '../packet/feed';
import { Pages } from '../packet/pages';
import { hasFailed } from '../sql/failure';
import { executeLiteral, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { acknowledge, acknowledgedBatch, everythingSeq, noteBatch, sentSeq, sinceSeq } from './endpoint';

export class Batch {
  constructor(
    public number: i64,
    /** network.since and network.sent once the server has the batch. */
    public since: i64,
    public upto: i64,
    public packet: Slice,
  ) {}
}

/** The batch that waits for its answer, or null. */
export function waitingBatch(): Batch | null {
  const statement = new Statement(
    new Text().add('SELECT batch, since, upto, packet FROM main.cloudsync_outbox ORDER BY batch LIMIT 1'),
  );
  let batch: Batch | null = null;
  if (statement.step()) {
    batch = new Batch(
      statement.columnInteger(0),
      statement.columnInteger(1),
      statement.columnInteger(2),
      statement.columnBytes(3),
    );
  }
  statement.close();
  return batch;
}

/**
 * Own changes, and those of all sites while what is being sent began before network.everything: a row of somebody else
 * that is changed here meanwhile stands behind it.
 */
function unsentChanges(): FeedFilter {
  const filter = new FeedFilter();
  filter.since = sinceSeq();
  filter.position = sentSeq();
  filter.onlySite = filter.since < everythingSeq() ? 0 : ownSite();
  return filter;
}

/**
 * The batch to send now: the one that waits, or a new one of about `aim` raw bytes. Null when there is nothing to send,
 * and on errors (hasFailed()).
 */
export function nextBatch(aim: u32): Batch | null {
  if (!beginOperation()) return null;
  let batch = waitingBatch();
  if (batch == null) batch = makeBatch(aim);
  return endOperation(!hasFailed()) ? batch : null;
}

function makeBatch(aim: u32): Batch | null {
  const filter = unsentChanges();
  const pages = new Pages(tables, filter, aim);
  let packet: Slice | null = null;
  while (packet == null && !pages.complete && !hasFailed()) packet = pages.next();
  reportOversized(pages.oversized);
  pages.close();
  if (hasFailed() || !noteBatch(currentClock(), pages.newestStamp)) return null;
  const since = pages.complete ? pages.upto : filter.since;
  if (packet == null) {
    acknowledge(acknowledgedBatch(), since, pages.upto);
    return null;
  }
  const batch = new Batch(acknowledgedBatch() + 1, since, pages.upto, packet);
  const insert = new Statement(
    new Text().add('INSERT INTO main.cloudsync_outbox(batch,since,upto,packet) VALUES(?1,?2,?3,?4)'),
  );
  insert.integer(1, batch.number).integer(2, since).integer(3, batch.upto);
  insert.blob(4, packet.pointer, packet.size).run();
  insert.close();
  return batch;
}

/** Gives the waiting batch up, which the server has refused as too large; its changes go into smaller ones. */
export function discardWaitingBatch(): bool {
  return beginOperation() && endOperation(executeLiteral('DELETE FROM main.cloudsync_outbox'));
}

/** True when changes wait to be sent. Inside an operation. */
export function hasUnsent(): bool {
  if (waitingBatch() != null) return true;
  const pages = new Pages(tables, unsentChanges(), 1);
  let packet: Slice | null = null;
  while (packet == null && !pages.complete && !hasFailed()) packet = pages.next();
  pages.close();
  return packet != null;
}
