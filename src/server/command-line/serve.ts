/**
 * serve.ts: `cloudsync serve`: starts the server, and stops it in order on SIGTERM or SIGINT.
 *
 * The standard output carries two lines for people and programs (the first admin key; the address); logs go
 * to the error output.
 */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { lockDataDirectory, openDataDirectory } from '../data-directory.js';
import { createApp } from '../http/app.js';
import { Credentials } from '../keys/credentials.js';
import { KeyStore } from '../keys/key-store.js';
import { LIMITS, PACKET_BYTES_MAX } from '../limits.js';
import { createLogger, LOG_LEVELS, type LogLevel } from '../log.js';
import { WorkerStore } from '../store/worker-store.js';
import { MACHINE } from '../surroundings.js';
import type { IssuerSettings } from '../tokens/issuer-settings.js';
import { Revocations } from '../tokens/revocations.js';
import { TokenVerifier } from '../tokens/token-verifier.js';
import { readConfigurationFile } from './configuration-file.js';
import {
  describeOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readNumber,
  UsageError,
} from './options.js';

const OPTIONS = {
  config: {
    value: 'FILE',
    help: 'JSON file with these options and the issuers of tokens',
    environment: 'CLOUDSYNC_CONFIG',
  },
  data: { value: 'DIR', help: 'data directory; created when missing', environment: 'CLOUDSYNC_DATA' },
  port: { value: 'N', help: 'TCP port; 0 picks a free one', environment: 'CLOUDSYNC_PORT' },
  host: { value: 'ADDRESS', help: 'address', environment: 'CLOUDSYNC_HOST', fallback: '127.0.0.1' },
  workers: { value: 'N', help: 'worker threads', environment: 'CLOUDSYNC_WORKERS', fallback: '2' },
  'log-level': {
    value: 'LEVEL',
    help: `one of ${LOG_LEVELS.join(', ')}`,
    environment: 'CLOUDSYNC_LOG_LEVEL',
    fallback: 'info',
  },
  'max-packet': {
    value: 'BYTES',
    help: 'largest packet that a device may push',
    environment: 'CLOUDSYNC_MAX_PACKET',
    fallback: String(PACKET_BYTES_MAX),
  },
  'request-timeout': {
    value: 'SECONDS',
    help: 'by then a whole request must have arrived',
    environment: 'CLOUDSYNC_REQUEST_TIMEOUT',
    fallback: '30',
  },
} satisfies OptionTable;

export const SERVE_HELP = `usage: cloudsync serve --data DIR --port N [options]

Serves the databases in DIR. On the first start it makes a key with role admin and prints it once.

${describeOptions(OPTIONS)}
`;

interface ServeOptions {
  data: string;
  port: number;
  host: string;
  workers: number;
  logLevel: LogLevel;
  packetMax: number;
  requestSeconds: number;
  issuers: IssuerSettings[];
}

/** Runs the server until it is told to stop. Resolves when everything is closed. */
export async function serve(words: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const options = readOptions(words, environment);
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
  const store = await WorkerStore.open({
    databases: directory.databases,
    workers: options.workers,
    onProblem: (error) => logger.error({ err: error }, error.message),
  });
  const app = createApp({
    store,
    authenticator: new Credentials(keys, new TokenVerifier(options.issuers, revocations, MACHINE.now)),
    logger,
    packetMax: options.packetMax,
    requestSeconds: options.requestSeconds,
    credentials: { keys: () => keys.list(), revokedSubjects: () => revocations.list() },
  });
  const hasStopped = stopOnSignal(app, async () => {
    await store.close();
    keys.close();
    revocations.close();
    unlock();
  });
  await app.listen({ host: options.host, port: options.port });
  printFirstKey(keys);
  process.stdout.write(`listening on ${addressOf(app)}\n`);
  await hasStopped;
}

function readOptions(words: string[], environment: NodeJS.ProcessEnv): ServeOptions | undefined {
  const { values: typed, operands, wantsHelp } = readArguments(OPTIONS, words, environment);
  if (wantsHelp) return undefined;
  const names = Object.keys(OPTIONS).filter((name) => name !== 'config');
  const file =
    typed.config === undefined
      ? { options: {}, issuers: [] }
      : readConfigurationFile(typed.config, names, environment);
  const { values } = readArguments(OPTIONS, words, environment, file.options);
  if (operands.length > 0) throw new UsageError(`serve takes no argument "${operands[0]}"`);
  if (values.data === undefined) throw new UsageError('serve needs --data DIR');
  if (values.port === undefined) throw new UsageError('serve needs --port N');
  const number = (name: keyof typeof OPTIONS, fallback: string, minimum: number, maximum: number) =>
    readNumber(name, values[name] ?? fallback, minimum, maximum);
  return {
    data: values.data,
    port: number('port', values.port, 0, 65_535),
    host: values.host ?? OPTIONS.host.fallback,
    workers: number('workers', OPTIONS.workers.fallback, 1, LIMITS.workers),
    logLevel: readChoice('log-level', values['log-level'] ?? OPTIONS['log-level'].fallback, LOG_LEVELS),
    packetMax: number('max-packet', OPTIONS['max-packet'].fallback, LIMITS.packetBytesMin, PACKET_BYTES_MAX),
    requestSeconds: number('request-timeout', OPTIONS['request-timeout'].fallback, 1, 3600),
    issuers: file.issuers,
  };
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
 * On the first signal: no new requests, those in progress finish, then `release`. A second signal ends at
 * once.
 */
function stopOnSignal(app: FastifyInstance, release: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let isStopping = false;
    const stop = (signal: string) => {
      if (isStopping) process.exit(1);
      isStopping = true;
      app.log.info(`stopping on ${signal}`);
      const keepConnections = MACHINE.after(LIMITS.drainMilliseconds, () => app.server.closeAllConnections());
      app.close().then(release).finally(keepConnections).then(resolve, reject);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
