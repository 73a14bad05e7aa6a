/**
 * scope-scan.ts: decides what a device must be told so that it has exactly the rows that its principal sees. It reads
 * the entries of the principal's scopes behind the places where the device was, and those of scopes that were lost.
 * The device keeps no record of why it has a row, so the server decides that it must forget one: when no scope of the
 * principal is left by which the device has it already. If another scope will show it, that one sends it whole later.
 *
 * The result is a list of steps in reading order. A page may end behind any of them, because every step says how far
 * the device has read with it.
 */

import { isVisible, liveEntries } from './principal-scopes.js';
import { type PushedPlace, pushedRowsAfter } from './pushed-rows.js';
import type { Progress, ScopeCursor } from './scope-cursor.js';
import type { Scoped } from './scoped.js';
import { isAlive, type TrackedTable } from './tracked-tables.js';

/** What a step has for the device: a row as far as it is newer than `since` (0 = whole), or a row to forget. */
export type News =
  | { kind: 'put'; table: TrackedTable; pk: Buffer; since: number }
  | { kind: 'forget'; table: TrackedTable; pk: Buffer };

/** `progress` undefined: the scope is no longer in the cursor. */
export type Step = { news: News | undefined } & (
  | { scope: number; progress: Progress | undefined }
  | { pushed: PushedPlace }
);

interface Entry {
  entry: number;
  tbl: number;
  pk: Buffer;
  first_seq: number;
  enter_seq: number;
  seq: number;
  live: number;
}

const LAST = Number.MAX_SAFE_INTEGER;

export class ScopeScan {
  readonly steps: Step[] = [];
  /** The device has read everything when it has taken all steps. */
  readonly isComplete: boolean;
  readonly #scoped: Scoped;
  readonly #site: Uint8Array;
  /** Seq up to which the index is complete. */
  readonly #head: number;
  /** The scopes of the principal. */
  readonly #own: ReadonlySet<number>;
  /** How far each scope was read, with the steps so far. */
  readonly #scopes: Map<number, Progress>;
  readonly #pushed: PushedPlace;
  #entriesLeft: number;

  /** @param entries how many entries may be read at most */
  constructor(
    scoped: Scoped,
    site: Uint8Array,
    cursor: ScopeCursor,
    view: { head: number; own: ReadonlySet<number> },
    entries: number,
  ) {
    this.#scoped = scoped;
    this.#site = site;
    this.#head = view.head;
    this.#own = view.own;
    this.#scopes = new Map(cursor.scopes);
    this.#pushed = cursor.pushed;
    this.#entriesLeft = entries;
    this.isComplete = this.#takeBackLost() && this.#readOwn() && this.#readPushed();
  }

  /** Takes back what the device may have from scopes that its principal has lost. False when the page is full. */
  #takeBackLost(): boolean {
    this.#noteLost();
    for (const [scope, progress] of [...this.#scopes]) {
      // What was begun is brought to its end, even if the principal has the scope again: then it starts over there.
      if (progress.state !== 'leaving') continue;
      const { base, told, place } = progress;
      const isRead = this.#eachEntry(scope, place, (entry) => {
        const isKnown = entry.first_seq <= base && (entry.live === 1 || entry.seq > told);
        this.#step(scope, { ...progress, place: placeOf(entry) }, isKnown ? this.#leave(entry) : undefined);
      });
      if (!isRead) return false;
      this.#step(scope, undefined, undefined);
    }
    return true;
  }

  /**
   * Notes all lost scopes before any row is taken back: a row that one of them takes back was perhaps in another too,
   * which the principal may have again before the next page, and by which the device does not have it any more.
   */
  #noteLost(): void {
    for (const [scope, progress] of [...this.#scopes]) {
      if (this.#own.has(scope) || progress.state === 'leaving') continue;
      this.#step(scope, leavingFrom(progress), undefined);
    }
  }

  /** Reads the principal's scopes to their ends. False when the page is full. */
  #readOwn(): boolean {
    for (const scope of this.#own) {
      const progress: Progress = this.#scopes.get(scope) ?? { state: 'caughtUp', base: 0 };
      const { base } = progress;
      const isBegun = progress.state === 'reading';
      const started = isBegun ? progress.started : this.#head;
      let place = isBegun ? progress.place : { seq: base, entry: LAST };
      const isRead = this.#eachEntry(scope, place, (entry) => {
        // An entry that ended before this reading began can only be known to the device from earlier ones.
        const known = entry.seq <= started ? base : place.seq;
        let news: News | undefined;
        if (entry.live === 1) news = this.#put(entry, entry.enter_seq > base ? 0 : base);
        else if (entry.first_seq <= known) news = this.#leave(entry);
        place = placeOf(entry);
        this.#step(scope, { state: 'reading', base, started, place }, news);
      });
      if (!isRead) return false;
      this.#step(scope, { state: 'caughtUp', base: this.#head }, undefined);
    }
    return true;
  }

  /** Reads what the device itself has pushed; its scopes are read to their ends. False when the page is full. */
  #readPushed(): boolean {
    const rows = pushedRowsAfter(this.#scoped.database, this.#site, this.#pushed, this.#entriesLeft + 1);
    for (const row of rows) {
      if (this.#entriesLeft <= 0) return false;
      this.#entriesLeft -= 1;
      const isForgotten = row.forgotten === 1;
      const isVisible = this.#isVisible(row);
      let news: News | undefined;
      if (isVisible && isForgotten) news = this.#put(row, 0);
      if (!isVisible && !isForgotten) news = this.#leave(row);
      this.steps.push({ pushed: { batch: row.batch, id: row.id }, news });
    }
    return true;
  }

  /** Visits the entries of a scope behind a place. False when the page is full before their end. */
  #eachEntry(scope: number, after: { seq: number; entry: number }, visit: (entry: Entry) => void): boolean {
    // A comparison of (seq, entry) as a pair would not use the index within one seq, and a deploy gives all rows one.
    const places: [string, number[]][] = [
      ['seq = ? AND entry > ?', [after.seq, after.entry]],
      ['seq > ?', [after.seq]],
    ];
    for (const [where, parameters] of places) {
      const sql =
        'SELECT entry, tbl, pk, first_seq, enter_seq, seq, live FROM cloudsync_scope_rows' +
        ` WHERE scope = ? AND ${where} ORDER BY seq, entry LIMIT ?`;
      const statement = this.#scoped.database.prepare<number[], Entry>(sql);
      for (const entry of statement.all(scope, ...parameters, this.#entriesLeft + 1)) {
        if (this.#entriesLeft <= 0) return false;
        this.#entriesLeft -= 1;
        visit(entry);
      }
    }
    return true;
  }

  #step(scope: number, progress: Progress | undefined, news: News | undefined): void {
    if (progress === undefined) this.#scopes.delete(scope);
    else this.#scopes.set(scope, progress);
    this.steps.push({ scope, progress, news });
  }

  #put({ tbl, pk }: Pick<Entry, 'tbl' | 'pk'>, since: number): News | undefined {
    const table = this.#scoped.tables.byId(tbl);
    return table && { kind: 'put', table, pk, since };
  }

  /** What tells the device that it must not have a row any more; nothing when it has it by another scope. */
  #leave({ tbl, pk }: Pick<Entry, 'tbl' | 'pk'>): News | undefined {
    const table = this.#scoped.tables.byId(tbl);
    if (table === undefined || this.#hasOtherwise(table, pk)) return undefined;
    const clock = table.findClockOf(pk);
    const isDeleted = clock !== undefined && !isAlive(clock.causalLength);
    return isDeleted ? { kind: 'put', table, pk, since: 0 } : { kind: 'forget', table, pk };
  }

  /** Whether the device has the row, surely, by a scope that its principal has. */
  #hasOtherwise(table: TrackedTable, pk: Buffer): boolean {
    return liveEntries(this.#scoped, table, { pk }).some((entry) => {
      const progress = this.#own.has(entry.scope) ? this.#scopes.get(entry.scope) : undefined;
      if (progress === undefined || progress.state === 'leaving') return false;
      if (entry.enter_seq <= progress.base) return true;
      if (progress.state === 'caughtUp') return false;
      const { seq, entry: id } = progress.place;
      return entry.seq < seq || (entry.seq === seq && entry.entry <= id);
    });
  }

  #isVisible({ tbl, pk }: Pick<Entry, 'tbl' | 'pk'>): boolean {
    const table = this.#scoped.tables.byId(tbl);
    return table !== undefined && isVisible(this.#scoped, this.#own, table, { pk });
  }
}

/** The state of a scope that its principal has lost. */
function leavingFrom(progress: Exclude<Progress, { state: 'leaving' }>): Progress {
  const place = { seq: 0, entry: 0 };
  if (progress.state === 'caughtUp') {
    return { state: 'leaving', base: progress.base, told: progress.base, place };
  }
  // Entries of the same seq lie behind the place, too.
  const { seq } = progress.place;
  return { state: 'leaving', base: seq, told: seq - 1, place };
}

function placeOf({ seq, entry }: Entry): { seq: number; entry: number } {
  return { seq, entry };
}

/** The cursor of a device that has taken steps. */
export function advance(cursor: ScopeCursor, steps: readonly Step[]): Pick<ScopeCursor, 'scopes' | 'pushed'> {
  const scopes = new Map(cursor.scopes);
  let pushed = cursor.pushed;
  for (const step of steps) {
    if ('pushed' in step) pushed = step.pushed;
    else if (step.progress === undefined) scopes.delete(step.scope);
    else scopes.set(step.scope, step.progress);
  }
  return { scopes, pushed };
}
