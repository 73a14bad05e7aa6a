/**
 * manual-clock.ts: surroundings whose time passes only when a test says so.
 */
import { randomBytes } from 'node:crypto';
import type { Surroundings } from '../../src/server/surroundings.js';

interface Timer {
  at: number;
  action: () => void;
}

export class ManualClock implements Surroundings {
  #now = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<Timer>();

  /** Timers that have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  now = (): number => this.#now;

  randomBytes = (size: number): Buffer => randomBytes(size);

  after = (milliseconds: number, action: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  fileIdentity = (): string => 'the same file';

  /** Lets time pass and runs what is due, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      const [next] = due;
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.action();
    }
    this.#now = end;
  }
}
