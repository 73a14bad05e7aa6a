/**
 * waits.ts: the requests that wait for a change. They live in the main thread and occupy no worker: each is a
 * map entry and a timer, and is woken by the store's announcement that a database has grown.
 */
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import type { Change, Operations } from '../store/store.js';
import type { Surroundings } from '../surroundings.js';
import { Lookups } from './lookups.js';

export type WaitOutcome = 'changed' | 'timeout';

/** One request that waits. */
interface Waiter {
  hear: (change: Change) => void;
  end: (outcome: WaitOutcome | Error) => void;
}

export interface WaitOptions {
  seconds: number;
  /** Whether policies decide what the waiter sees, where there are any. */
  isRestricted: boolean;
  /**
   * Finds the position of the waiter and the present head. It runs after the waiter has been entered, so a change that
   * is announced in between is not missed.
   */
  lookUp: () => Promise<Operations['peek']['result']>;
  /** Ends the wait early, because the client has gone. */
  signal: AbortSignal;
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

  /** Wakes those for whom a change is news. */
  announce(database: string, change: Change): void {
    for (const waiter of this.#waiters.get(database) ?? []) waiter.hear(change);
  }

  /**
   * Waits until there is something in a database behind the position of the waiter.
   *
   * @throws SyncError busy when too many wait, or when the server stops; what `lookUp` throws
   */
  async wait(database: string, options: WaitOptions): Promise<WaitOutcome> {
    if (this.#isClosing) throw stopping();
    if (this.#count >= LIMITS.openWaits)
      throw new SyncError('busy', 'too many requests wait for changes; try again');
    const { seconds, isRestricted, lookUp, signal } = options;
    return new Promise<WaitOutcome>((resolve, reject) => {
      let position = Number.POSITIVE_INFINITY;
      const onGrowth = (head: number) => {
        if (head > position) end('changed');
      };
      const lookups = new Lookups({
        isRestricted,
        lookUp,
        onGrowth,
        onFound: (found) => {
          position = found.position;
          onGrowth(found.head);
        },
        onError: end,
      });
      const leave = this.#enter(database, { hear: (change) => lookups.hear(change), end });
      const stopTimer = this.#surroundings.after(seconds * 1000, () => end('timeout'));
      const abandon = () => end('timeout');
      signal.addEventListener('abort', abandon, { once: true });
      function end(outcome: WaitOutcome | Error): void {
        lookups.end();
        leave();
        stopTimer();
        signal.removeEventListener('abort', abandon);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      }
      lookups.look();
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

function stopping(): SyncError {
  return new SyncError('busy', 'the server is stopping; try again');
}
