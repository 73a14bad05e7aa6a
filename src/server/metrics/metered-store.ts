/**
 * metered-store.ts: a store that counts what passes through it: rows and bytes, and the verdicts over rows. It stands
 * before the real store, so that neither routes nor threads need to know of metrics.
 */
import { LIMITS, PACKET_BYTES_MAX } from '../limits.js';
import { MessageReader } from '../msgpack/reader.js';
import type { Principal } from '../principal.js';
import type { Change, OperationName, Operations, SyncStore } from '../store/store.js';
import type { Metrics } from './metrics.js';

/** A verdict says at most so much about a row; what is written here comes from our own store. */
const VERDICTS_MAX = 1_000_000;

export class MeteredStore implements SyncStore {
  readonly #store: SyncStore;
  readonly #metrics: Metrics;

  constructor(store: SyncStore, metrics: Metrics) {
    this.#store = store;
    this.#metrics = metrics;
  }

  async run<Name extends OperationName>(
    name: Name,
    principal: Principal,
    database: string,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['result']> {
    const result = await this.#store.run(name, principal, database, input);
    if (name === 'push') {
      this.#countPush(input as Operations['push']['input'], result as Operations['push']['result']);
    } else if (name === 'pull') {
      const { packets } = result as Operations['pull']['result'];
      this.#metrics.pulled(packets.reduce((bytes, packet) => bytes + packet.length, 0));
    }
    return result;
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

  #countPush(input: Operations['push']['input'], result: Operations['push']['result']): void {
    if (result.replayed) this.#metrics.repeated();
    else this.#metrics.pushed(result.rows, input.packet.length, verdictsOf(result.answer));
  }
}

/** The codes of the verdicts in an answer to a push (docs/PROTOCOL.md section 3). */
function verdictsOf(answer: Uint8Array): string[] {
  const reader = new MessageReader(answer);
  const codes: string[] = [];
  reader.array('answer', 3);
  reader.unsigned('batch');
  for (let left = reader.array('verdicts', VERDICTS_MAX); left > 0; left -= 1) {
    reader.tuple('verdict', 4);
    reader.text('table', LIMITS.nameBytes);
    reader.binary('key', PACKET_BYTES_MAX);
    codes.push(reader.text('code', LIMITS.nameBytes));
    reader.text('detail', PACKET_BYTES_MAX);
  }
  return codes;
}
