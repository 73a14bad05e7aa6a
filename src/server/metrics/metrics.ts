/**
 * metrics.ts: every figure of the server that an operator can watch, by name, in Prometheus' text form. No label names
 * a tenant, a user or a device: their number is unbounded, and who may read metrics need not know them.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** From an answer out of memory to a wait that was held for its full time. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A figure that is asked for when somebody looks, by its labels; without labels the key is empty. */
export type Reading = () => Figures | Promise<Figures>;
type Figures = Iterable<readonly [label: string, value: number]>;

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = this.#histogram(
    'cloudsync_http_request_seconds',
    'Time from the arrival of a request to the end of its answer.',
    ['route', 'status'],
    REQUEST_SECONDS,
  );
  readonly #rowsPushed = this.#counter('cloudsync_pushed_rows_total', 'Rows in accepted pushes.');
  readonly #bytesPushed = this.#counter('cloudsync_pushed_bytes_total', 'Bytes of accepted packets.');
  readonly #repeats = this.#counter('cloudsync_repeated_pushes_total', 'Pushes answered from the record.');
  readonly #bytesPulled = this.#counter('cloudsync_pulled_bytes_total', 'Bytes of packets given out.');
  readonly #pages = this.#counter('cloudsync_pulled_pages_total', 'Pages given out.');
  readonly #verdicts = this.#counter('cloudsync_verdicts_total', 'Rows of pushes by verdict.', ['code']);
  readonly #refusedCredentials = this.#counter(
    'cloudsync_refused_credentials_total',
    'Requests refused for their credential.',
    ['reason'],
  );
  readonly #refusedRates = this.#counter(
    'cloudsync_rate_limited_total',
    'Requests refused because too many came.',
    ['limit'],
  );
  readonly #keyFetches = this.#counter(
    'cloudsync_issuer_key_fetches_total',
    'Fetches of public keys from issuers of tokens.',
    ['result'],
  );

  /** Adds the figures of the process itself: event-loop lag, memory, processor time, garbage collection. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Adds a figure that is read when somebody looks. */
  addReading(name: string, help: string, read: Reading, label?: string): void {
    const gauge = new Gauge({
      name: `cloudsync_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
      async collect() {
        const figures = await read();
        gauge.reset();
        for (const [key, value] of figures) gauge.set(label === undefined ? {} : { [label]: key }, value);
      },
    });
  }

  requestEnded(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status }, seconds);
  }

  /** @param verdicts the codes of all verdicts of the answer */
  pushed(rows: number, bytes: number, verdicts: readonly string[]): void {
    this.#rowsPushed.inc(rows);
    this.#bytesPushed.inc(bytes);
    for (const code of verdicts) this.#verdicts.inc({ code });
  }

  repeated(): void {
    this.#repeats.inc();
  }

  pulled(bytes: number): void {
    this.#pages.inc();
    this.#bytesPulled.inc(bytes);
  }

  credentialRefused(reason: string): void {
    this.#refusedCredentials.inc({ reason });
  }

  rateLimited(limit: string): void {
    this.#refusedRates.inc({ limit });
  }

  issuerKeysFetched(result: 'ok' | 'failed'): void {
    this.#keyFetches.inc({ result });
  }

  /** All figures, and the media type of the text. */
  async report(): Promise<{ text: string; type: string }> {
    return { text: await this.#registry.metrics(), type: this.#registry.contentType };
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: number[],
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.#registry] });
  }
}
