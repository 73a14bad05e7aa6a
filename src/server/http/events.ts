/**
 * events.ts: streams of pokes (server-sent events), for clients that keep one connection instead of asking again and
 * again. A poke says that something has changed in what its principal sees of the database, and nothing about it: the
 * client pulls, by the way on which everything is judged.
 *
 * The id of a poke stands for the state of what the principal sees without telling it. A client that comes back with
 * the last id that it has seen (Last-Event-ID) is poked at once when there is another state by now.
 */
import { createHmac } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { LIMITS } from '../limits.js';
import type { Change, Operations } from '../store/store.js';
import type { Surroundings } from '../surroundings.js';
import { Lookups } from './lookups.js';
import { tooMany } from './rate-limits.js';

const SECRET_BYTES = 32;
const ID_BYTES = 12;
/** How long a client waits before it connects again. */
const RETRY_MILLISECONDS = 1_000;
const RETRY_SECONDS_WHEN_FULL = 20;
/** The longest time of a timer, 24 days; a stream that is older begins anew. */
const TIMER_MAX = 2 ** 31 - 1;

export type SeenState = Operations['version']['result'];

export interface Listener {
  database: string;
  subject: string;
  /** The device's site id. */
  site: string;
  /** When its credential ends, in milliseconds since 1970. */
  expires: number | undefined;
  /** Whether policies decide what it sees, where there are any. */
  isRestricted: boolean;
  lookUp: () => Promise<SeenState>;
}

export class Events {
  readonly #surroundings: Surroundings;
  /** So that ids of different servers, and of one before and after a start, are not compared. */
  #secret: Buffer | undefined;
  readonly #streams = new Map<string, Set<EventStream>>();
  /** How many streams a subject, and a device of it, has open. */
  readonly #counts = new Map<string, number>();
  #open = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Streams that are open. */
  get open(): number {
    return this.#open;
  }

  /** Pokes those who listen to a database and see something of a change. */
  announce(database: string, change: Change): void {
    for (const stream of this.#streams.get(database) ?? []) stream.hear(change);
  }

  /**
   * Opens a stream, which hears of changes from now on. It ends with the credential and with the server, and when its
   * reader destroys it.
   *
   * @throws SyncError rate_limited when the device or its subject has too many
   */
  listen(listener: Listener): EventStream {
    const leave = this.#enter(listener);
    const { database } = listener;
    const idOf = (version: string) => this.#idOf(database, version);
    const stream = new EventStream(this.#surroundings, idOf, listener);
    const streams = this.#streams.get(database) ?? new Set();
    this.#streams.set(database, streams.add(stream));
    stream.output.once('close', () => {
      leave();
      streams.delete(stream);
      if (streams.size === 0 && this.#streams.get(database) === streams) this.#streams.delete(database);
    });
    return stream;
  }

  /** Ends all streams, because the server stops. */
  close(): void {
    for (const streams of this.#streams.values()) {
      for (const stream of streams) stream.end('stopping');
    }
  }

  #idOf(database: string, version: string): string {
    this.#secret ??= this.#surroundings.randomBytes(SECRET_BYTES);
    const digest = createHmac('sha256', this.#secret).update(`${database} ${version}`).digest();
    return digest.subarray(0, ID_BYTES).toString('base64url');
  }

  /** Counts a stream in. Returns the function that counts it out. */
  #enter({ subject, site }: Listener): () => void {
    const places = [
      { place: `${subject}\n${site}`, most: LIMITS.eventStreamsPerSite, whose: 'this device' },
      { place: subject, most: LIMITS.eventStreamsPerSubject, whose: 'this key or user' },
    ];
    for (const { place, most, whose } of places) {
      if ((this.#counts.get(place) ?? 0) >= most) {
        throw tooMany(`${whose} has ${most} streams open already`, RETRY_SECONDS_WHEN_FULL);
      }
    }
    const change = (difference: number) => {
      this.#open += difference;
      for (const { place } of places) {
        const count = (this.#counts.get(place) ?? 0) + difference;
        if (count === 0) this.#counts.delete(place);
        else this.#counts.set(place, count);
      }
    };
    change(1);
    return () => change(-1);
  }
}

/** One open stream. The first poke goes out at once, those that follow soon after go together: they say the same. */
class EventStream {
  readonly output = new PassThrough();
  readonly #surroundings: Surroundings;
  readonly #idOf: (version: string) => string;
  readonly #lookups: Lookups<SeenState>;
  #stopPause: (() => void) | undefined;
  #stopKeepAlive: (() => void) | undefined;
  /** The state that was told last: one that is announced twice is no news. */
  #told: string | undefined;
  /** The newest state that was announced during the pause. */
  #missed: string | undefined;

  constructor(surroundings: Surroundings, idOf: (version: string) => string, listener: Listener) {
    const { expires, isRestricted, lookUp } = listener;
    this.#surroundings = surroundings;
    this.#idOf = idOf;
    this.#lookups = new Lookups({
      isRestricted,
      lookUp,
      onFound: ({ version }) => this.#poke(version),
      onGrowth: (head) => this.#poke(String(head)),
      // The client connects again, and is told then what the matter is.
      onError: () => this.output.destroy(),
    });
    const left = expires === undefined ? TIMER_MAX : expires - surroundings.now();
    const stopExpiry = surroundings.after(Math.min(Math.max(0, left), TIMER_MAX), () => this.end('expired'));
    this.#keepAlive();
    this.output.once('close', () => {
      stopExpiry();
      this.#lookups.end();
      this.#stopKeepAlive?.();
      this.#stopPause?.();
    });
  }

  /**
   * Begins to speak, once it is known that the listener may listen.
   *
   * @param found the present state
   * @param lastSeen the id of the last poke that the client has seen
   */
  begin(found: SeenState, lastSeen: string | undefined): void {
    const id = this.#idOf(found.version);
    this.#write(`retry: ${RETRY_MILLISECONDS}\nid: ${id}\n\n`);
    if (lastSeen === undefined || lastSeen === id) this.#told = found.version;
    this.#lookups.begin(found);
  }

  hear(change: Change): void {
    this.#lookups.hear(change);
  }

  #poke(version: string): void {
    if (version === this.#told) return;
    if (this.#stopPause !== undefined) {
      this.#missed = version;
      return;
    }
    this.#told = version;
    this.#write(`event: poke\nid: ${this.#idOf(version)}\ndata:\n\n`);
    this.#stopPause = this.#surroundings.after(LIMITS.pokeMilliseconds, () => {
      const missed = this.#missed;
      this.#stopPause = undefined;
      this.#missed = undefined;
      if (missed !== undefined) this.#poke(missed);
    });
  }

  end(reason: 'expired' | 'stopping'): void {
    if (!this.output.writableEnded) this.output.end(`event: end\ndata: ${reason}\n\n`);
  }

  /** Who does not read what was written gets nothing more, and is cut off when that lasts. */
  #keepAlive(): void {
    this.#stopKeepAlive = this.#surroundings.after(LIMITS.eventKeepAliveMilliseconds, () => {
      if (this.output.writableNeedDrain) {
        this.output.destroy();
        return;
      }
      this.#write(':\n\n');
      this.#keepAlive();
    });
  }

  #write(text: string): void {
    if (!this.output.writableNeedDrain && !this.output.writableEnded) this.output.write(text);
  }
}
