/**
 * waits.ts: the requests that wait for a change. They live in the main thread and occupy no worker: each is a
 * map entry and a timer, and is woken by the store's announcement that a database has grown.
 */
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import type { Surroundings } from '../surroundings.js';

export type WaitOutcome = 'changed' | 'timeout';

/** One request that waits. */
interface Waiter {
  /** The waiter is woken when the head goes beyond this; infinite while it is being looked up. */
  position: number;
  /** The highest head that it has heard of. */
  head: number;
  /** Looks up again, where the head alone does not say that there is something for the waiter. */
  lookAgain: (() => void) | undefined;
  end: (outcome: WaitOutcome | Error) => void;
}

export class Waits {
  readonly #surroundings: Surroundings;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #count = 0;
  #isClosing = false;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Requests that wait. */
  get open(): number {
    return this.#count;
  }

  /** Wakes those who wait for a position below `head`. */
  announce(database: string, head: number): void {
    for (const waiter of this.#waiters.get(database) ?? []) hear(waiter, head);
  }

  /**
   * Waits until the head of a database goes beyond a position.
   *
   * @param lookUp finds the position of the waiter and the present head. It runs after the waiter has been
   *   entered, so a change that is announced in between is not missed.
   * @param signal ends the wait early, because the client has gone
   * @throws SyncError busy when too many wait, or when the server stops; what `lookUp` throws
   */
  async wait(
    database: string,
    seconds: number,
    lookUp: () => Promise<{ position: number; head: number; isPartial: boolean }>,
    signal: AbortSignal,
  ): Promise<WaitOutcome> {
    if (this.#isClosing) throw stopping();
    if (this.#count >= LIMITS.openWaits)
      throw new SyncError('busy', 'too many requests wait for changes; try again');
    return new Promise<WaitOutcome>((resolve, reject) => {
      const waiter: Waiter = { position: Number.POSITIVE_INFINITY, head: 0, lookAgain: undefined, end };
      const leave = this.#enter(database, waiter);
      const stopTimer = this.#surroundings.after(seconds * 1000, () => end('timeout'));
      const abandon = () => end('timeout');
      signal.addEventListener('abort', abandon, { once: true });
      let isOver = false;
      function end(outcome: WaitOutcome | Error): void {
        isOver = true;
        leave();
        stopTimer();
        signal.removeEventListener('abort', abandon);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      }
      function look(): void {
        waiter.position = Number.POSITIVE_INFINITY;
        lookUp().then(({ position, head, isPartial }) => {
          if (isOver) return;
          waiter.position = position;
          waiter.lookAgain = isPartial && position >= head ? look : undefined;
          hear(waiter, head);
        }, end);
      }
      look();
    });
  }

  /** Ends all waits, because the server stops. */
  close(): void {
    this.#isClosing = true;
    for (const waiters of this.#waiters.values()) {
      for (const waiter of waiters) waiter.end(stopping());
    }
  }

  /** Enters a waiter; returns the function that takes it out. */
  #enter(database: string, waiter: Waiter): () => void {
    const waiters = this.#waiters.get(database) ?? new Set();
    this.#waiters.set(database, waiters);
    waiters.add(waiter);
    this.#count += 1;
    return () => {
      if (!waiters.delete(waiter)) return;
      this.#count -= 1;
      if (waiters.size === 0 && this.#waiters.get(database) === waiters) this.#waiters.delete(database);
    };
  }
}

function hear(waiter: Waiter, head: number): void {
  waiter.head = Math.max(waiter.head, head);
  if (waiter.head <= waiter.position) return;
  if (waiter.lookAgain === undefined) waiter.end('changed');
  else waiter.lookAgain();
}

function stopping(): SyncError {
  return new SyncError('busy', 'the server is stopping; try again');
}
