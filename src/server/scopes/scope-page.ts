/**
 * scope-page.ts: makes a page of the steps of a scan: packets of the rows to put, the list of rows to forget. It ends
 * with the step behind which the page would become too large.
 */
import { packRows, rowName } from './row-list.js';
import type { News, Step } from './scope-scan.js';
import type { Scoped } from './scoped.js';

export interface PageContent {
  /** How many of the steps the page covers. */
  steps: number;
  packets: Buffer[];
  forgotten: News[];
}

type Put = News & { kind: 'put' };

/** What a row costs beside its key in the list of rows to forget, about. */
const FORGOTTEN_ROW_BYTES = 40;

export function makePage(
  scoped: Scoped,
  steps: readonly Step[],
  site: Uint8Array,
  bytes: number,
): PageContent {
  const page: PageContent = { steps: 0, packets: [], forgotten: [] };
  const sent = new Map<string, number>();
  let left = bytes;
  while (page.steps < steps.length && left > 0) {
    const { run, forgotten, end } = takeRun(steps, page.steps, sent);
    const puts = run.map(({ put }) => put);
    const [first] = puts;
    let covered = end;
    if (first !== undefined) {
      const asker = first.since > 0 ? site : null;
      const { used, packet } = packRows(scoped.database, puts, {
        since: first.since,
        site: asker,
        bytes: left,
      });
      if (packet.length > 0) page.packets.push(packet);
      left -= packet.length;
      covered = run[used]?.step ?? end;
      if (used < run.length) left = 0;
    }
    const kept = forgotten.filter(({ step }) => step < covered);
    page.forgotten.push(...kept.map(({ row }) => row));
    left -= kept.reduce((sum, { row }) => sum + row.pk.length + FORGOTTEN_ROW_BYTES, 0);
    page.steps = covered;
  }
  return page;
}

/** The steps from `start` whose rows fit into one packet, because all of them are wanted from the same seq on. */
function takeRun(steps: readonly Step[], start: number, sent: Map<string, number>) {
  const run: { put: Put; step: number }[] = [];
  const forgotten: { row: News; step: number }[] = [];
  let end = start;
  for (; end < steps.length; end += 1) {
    const news = steps[end]?.news;
    if (news === undefined) continue;
    if (news.kind === 'forget') {
      forgotten.push({ row: news, step: end });
      continue;
    }
    if (run[0] !== undefined && run[0].put.since !== news.since) break;
    const name = rowName(news.table.id, news.pk);
    // Another scope has shown it in this page already, with at least as much of it.
    if ((sent.get(name) ?? Number.POSITIVE_INFINITY) <= news.since) continue;
    sent.set(name, news.since);
    run.push({ put: news, step: end });
  }
  return { run, forgotten, end };
}
