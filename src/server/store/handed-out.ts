/**
 * handed-out.ts: what each device was given last, for an administrator who wants to know how far behind it is. Kept in
 * memory: a pull must cost no write, and after a restart the next pull of a device tells again.
 */
import { LIMITS } from '../limits.js';
import { isScopeCursor } from '../scopes/scope-cursor.js';
import type { Surroundings } from '../surroundings.js';
import { decodeCursor } from './cursor.js';

interface Note {
  /** Milliseconds since 1970. */
  at: number;
  cursor: Uint8Array;
}

export class HandedOut {
  readonly #surroundings: Surroundings;
  readonly #cursorSecret: Buffer;
  /** By site in hex; the map's order is that of the last pulls. */
  readonly #notes = new Map<string, Note>();

  constructor(surroundings: Surroundings, cursorSecret: Buffer) {
    this.#surroundings = surroundings;
    this.#cursorSecret = cursorSecret;
  }

  /** @param cursor the one that a page ended with */
  note(site: Uint8Array, cursor: Uint8Array): void {
    const name = Buffer.from(site).toString('hex');
    this.#notes.delete(name);
    this.#notes.set(name, { at: this.#surroundings.now(), cursor });
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > LIMITS.notedDevices && oldest !== undefined) this.#notes.delete(oldest);
  }

  /** When the device was last given a page; null when that is not known. */
  lastPull(site: string): number | null {
    return this.#notes.get(site)?.at ?? null;
  }

  /** The seq up to which the device was given everything; null when it is not known, or the device sees some rows. */
  position(site: string): number | null {
    const cursor = this.#notes.get(site)?.cursor;
    if (cursor === undefined || cursor.length === 0 || isScopeCursor(cursor)) return null;
    return decodeCursor(cursor, this.#cursorSecret).position;
  }
}
