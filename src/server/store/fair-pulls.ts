/**
 * fair-pulls.ts: a store that works on so many pulls at the same time and no more: the pages that they make are the
 * largest things that the server holds in memory. Pulls beyond that wait, and databases take turns, so that one whose
 * devices all ask at once does not hold up the others.
 */
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import type { Principal } from '../principal.js';
import type { Surroundings } from '../surroundings.js';
import type { Change, OperationName, Operations, SyncStore } from './store.js';

/** Lets a pull that waits begin. */
type Begin = () => void;

export class FairPulls implements SyncStore {
  readonly #store: SyncStore;
  readonly #atOnce: number;
  readonly #surroundings: Surroundings;
  /** Pulls that wait, per database in order of arrival; the order of the map is the order of turns. */
  readonly #waiting = new Map<string, Set<Begin>>();
  #waitingCount = 0;
  #running = 0;

  /** @param atOnce pulls that are worked on at the same time */
  constructor(store: SyncStore, atOnce: number, surroundings: Surroundings) {
    this.#store = store;
    this.#atOnce = atOnce;
    this.#surroundings = surroundings;
  }

  async run<Name extends OperationName>(
    name: Name,
    principal: Principal,
    database: string,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['result']> {
    if (name !== 'pull') return this.#store.run(name, principal, database, input);
    if (this.#running < this.#atOnce) this.#running += 1;
    else await this.#turn(database);
    try {
      return await this.#store.run(name, principal, database, input);
    } finally {
      this.#pass();
    }
  }

  onChange(listener: (database: string, change: Change) => void): void {
    this.#store.onChange(listener);
  }

  names(): Promise<string[]> {
    return this.#store.names();
  }

  ready(): Promise<void> {
    return this.#store.ready();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Resolves when it is the turn of this pull. @throws SyncError busy when that takes too long */
  #turn(database: string): Promise<void> {
    if (this.#waitingCount >= LIMITS.waitingPulls) throw tooBusy();
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(database) ?? new Set();
      this.#waiting.set(database, waiting);
      const leave = () => {
        waiting.delete(begin);
        this.#waitingCount -= 1;
        if (waiting.size === 0 && this.#waiting.get(database) === waiting) this.#waiting.delete(database);
      };
      const begin = () => {
        leave();
        stopTimer();
        resolve();
      };
      const stopTimer = this.#surroundings.after(LIMITS.pullTurnMilliseconds, () => {
        leave();
        reject(tooBusy());
      });
      waiting.add(begin);
      this.#waitingCount += 1;
    });
  }

  /** Hands the place of a pull that has ended to the next one; its database goes to the end of the turns. */
  #pass(): void {
    for (const [database, waiting] of this.#waiting) {
      const [begin] = waiting;
      if (begin === undefined) continue;
      this.#waiting.delete(database);
      this.#waiting.set(database, waiting);
      begin();
      return;
    }
    this.#running -= 1;
  }
}

function tooBusy(): SyncError {
  return new SyncError('busy', 'too many devices pull at the same time; try again');
}
