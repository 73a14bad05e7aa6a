/**
 * surroundings.ts: everything that the server takes from outside besides HTTP and SQLite: the time, random bytes,
 * timers, and which file lies under a name. It is handed in, so that a simulation can put its own in place;
 * test/native/tidy.test.ts sees to it that nothing else in the server asks the machine.
 */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';

export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  randomBytes(size: number): Buffer;
  /** Runs an action later. Returns what calls it off. */
  after(milliseconds: number, action: () => void): () => void;
  /** What tells a file from another one that is put in its place; undefined when there is none. */
  fileIdentity(file: string): string | undefined;
}

/** The machine that the server runs on. */
export const MACHINE: Surroundings = {
  now: () => Date.now(),
  randomBytes,
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
  fileIdentity(file) {
    const status = statSync(file, { throwIfNoEntry: false });
    return status && `${status.dev}:${status.ino}`;
  },
};
