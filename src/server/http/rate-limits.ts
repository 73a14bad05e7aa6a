/**
 * rate-limits.ts: how many requests are taken in a window of time: from one address, of one key or user, of one device.
 * The limits stop floods and devices that have gone wrong; ordinary use is far below them. What is refused costs next
 * to nothing: address and subject are counted before the body is read.
 */
import { isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { principalOf } from './authentication.js';
import { askingSite } from './messages.js';

/** Requests in a window; 0 = any number. */
export interface Rates {
  device: number;
  subject: number;
  address: number;
}

export const ANY_RATE: Rates = { device: 0, subject: 0, address: 0 };

/** Counts for one kind of asker. */
export class RateLimit {
  readonly #name: keyof Rates;
  readonly #most: number;
  readonly #limiter: RateLimiterMemory | undefined;
  readonly #onRefused: (limit: keyof Rates) => void;

  /** @param onRefused told of each refusal */
  constructor(name: keyof Rates, rates: Rates, onRefused: (limit: keyof Rates) => void) {
    this.#name = name;
    this.#most = rates[name];
    this.#onRefused = onRefused;
    if (this.#most === 0) return;
    this.#limiter = new RateLimiterMemory({ points: this.#most, duration: LIMITS.rateSeconds });
  }

  /**
   * Counts one request.
   *
   * @param reply gets the headers that say when to come again
   * @throws SyncError rate_limited
   */
  async count(asker: string, reply: FastifyReply): Promise<void> {
    if (this.#limiter === undefined) return;
    try {
      await this.#limiter.consume(asker);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.#onRefused(this.#name);
      const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      reply.header('ratelimit-policy', `"${this.#name}";q=${this.#most};w=${LIMITS.rateSeconds}`);
      reply.header('ratelimit', `"${this.#name}";r=0;t=${seconds}`);
      throw tooMany(`more than ${this.#most} requests in ${LIMITS.rateSeconds} seconds`, seconds);
    }
  }
}

/** @param seconds after which the client may try again */
export function tooMany(what: string, seconds: number): SyncError {
  return new SyncError('rate_limited', `${what}; try again later`, seconds);
}

/** Adds the limit by address, before anything else is looked at. */
export function addAddressLimit(app: FastifyInstance, limit: RateLimit): void {
  app.addHook('onRequest', async (request, reply) => limit.count(networkOf(request.ip), reply));
}

/** Adds the limits by subject and by device, to routes that authenticate. */
export function addSubjectLimits(app: FastifyInstance, subject: RateLimit, device: RateLimit): void {
  app.addHook('onRequest', async (request, reply) => subject.count(principalOf(request).subject, reply));
  app.addHook('preHandler', async (request, reply) => {
    const site = askingSite(request.body, request.query as Record<string, unknown>);
    // Within its subject: who names another one's site uses up nothing of it.
    if (site !== undefined) await device.count(deviceOf(request, site), reply);
  });
}

function deviceOf(request: FastifyRequest, site: string): string {
  return `${principalOf(request).subject} ${site}`;
}

/** What one subscriber has of addresses: one of IPv4, a network of 64 bits of IPv6. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: zeros }, () => '0'), ...last];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
