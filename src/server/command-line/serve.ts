/**
 * serve.ts: `cloudsync serve`: starts the server, and stops it in order on SIGTERM or SIGINT.
 *
 * The standard output carries a few lines for people and programs (the first admin key; the addresses); logs go
 * to the error output.
 */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { lockDataDirectory, openDataDirectory } from '../data-directory.js';
import { createApp } from '../http/app.js';
import { createOperatorApp } from '../http/operator-app.js';
import { Readiness } from '../http/readiness.js';
import { Credentials } from '../keys/credentials.js';
import { KeyStore } from '../keys/key-store.js';
import { LIMITS } from '../limits.js';
import { createLogger } from '../log.js';
import { addStandingFigures } from '../metrics/figures.js';
import { MeteredStore } from '../metrics/metered-store.js';
import { Metrics } from '../metrics/metrics.js';
import { FairPulls } from '../store/fair-pulls.js';
import { WorkerStore } from '../store/worker-store.js';
import { MACHINE } from '../surroundings.js';
import { Revocations } from '../tokens/revocations.js';
import { TokenVerifier } from '../tokens/token-verifier.js';
import { readServeOptions, SERVE_HELP } from './serve-options.js';

/** Runs the server until it is told to stop. Resolves when everything is closed. */
export async function serve(words: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const options = readServeOptions(words, environment);
  if (options === undefined) {
    process.stdout.write(SERVE_HELP);
    return;
  }
  const logger = createLogger(options.logLevel);
  const directory = openDataDirectory(options.data);
  const unlock = lockDataDirectory(directory);
  const keys = new KeyStore(directory.keys, (error) =>
    logger.warn({ err: error }, 'the use of a key was not noted'),
  );
  const revocations = new Revocations(directory.keys);
  const metrics = new Metrics();
  const readiness = new Readiness();
  const threads = await WorkerStore.open({
    databases: directory.databases,
    workers: options.workers,
    allowance: { quota: options.quota, deviceDays: options.deviceDays },
    onProblem: (error) => logger.error({ err: error }, error.message),
  });
  const store = new MeteredStore(new FairPulls(threads, options.pullsAtOnce, MACHINE), metrics);
  const tokens = new TokenVerifier(options.issuers, revocations, MACHINE.now, (result) =>
    metrics.issuerKeysFetched(result),
  );
  const app = createApp({
    ...options,
    store,
    authenticator: new Credentials(keys, tokens),
    logger,
    metrics,
    readiness,
    credentials: { keys: () => keys.list(), revokedSubjects: () => revocations.list() },
  });
  let operatorApp: FastifyInstance | undefined;
  const hasStopped = stopOnSignal(app, readiness, options.drainSeconds, async () => {
    await threads.close();
    await operatorApp?.close();
    keys.close();
    revocations.close();
    unlock();
  });
  await app.listen({ host: options.host, port: options.port });
  printFirstKey(keys);
  if (options.metricsPort !== undefined) {
    addStandingFigures(metrics, threads, directory);
    operatorApp = createOperatorApp({ store, metrics, readiness, logger });
    await operatorApp.listen({ host: options.metricsHost, port: options.metricsPort });
    process.stdout.write(`metrics on ${addressOf(operatorApp)}/metrics\n`);
  }
  process.stdout.write(`listening on ${addressOf(app)}\n`);
  await hasStopped;
}

/** Makes the admin key of a new data directory. */
function printFirstKey(keys: KeyStore): void {
  if (keys.list().some((key) => key.role === 'admin')) return;
  const { text } = keys.add({ role: 'admin', database: '*', label: 'made on first start' });
  process.stdout.write(`admin key (keep it, it will not be shown again): ${text}\n`);
}

function addressOf(app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/**
 * On the first signal: not ready any more; after `drainSeconds`, in which load balancers notice, no new requests, those
 * in progress finish, then `release`. A second signal ends at once.
 */
function stopOnSignal(
  app: FastifyInstance,
  readiness: Readiness,
  drainSeconds: number,
  release: () => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isStopping = false;
    const close = () => {
      const keepConnections = MACHINE.after(LIMITS.drainMilliseconds, () => app.server.closeAllConnections());
      app.close().then(release).finally(keepConnections).then(resolve, reject);
    };
    const stop = (signal: string) => {
      if (isStopping) process.exit(1);
      isStopping = true;
      app.log.info(`stopping on ${signal}`);
      readiness.drain();
      if (drainSeconds === 0) close();
      else MACHINE.after(drainSeconds * 1000, close);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
