/**
 * Exchanging packets between databases without a network: everything with everybody until nothing moves.
 */
import { applyPayload, arrivalNumber, type Connection, encodePayload } from './database.js';

/** Sends the changes of `from` after `since` to `to`. Returns the cursor for the next time. */
export function deliver(from: Connection, to: Connection, since: bigint = 0n): bigint {
  applyPayload(to, encodePayload(from, since));
  return arrivalNumber(from);
}

/**
 * Sends everything from every database to every other until a whole round changes no arrival number.
 * @throws Error when that takes more rounds than any correct exchange does: two per replica and one that
 *   finds nothing
 */
export function exchangeAll(databases: readonly Connection[]): void {
  const numbers = () => databases.map(arrivalNumber).join();
  for (let round = 0; round < 2 * databases.length + 1; round++) {
    const before = numbers();
    for (const from of databases) {
      for (const to of databases) if (from !== to) deliver(from, to);
    }
    if (numbers() === before) return;
  }
  throw new Error('the exchange does not come to rest: replicas keep changing each other');
}
