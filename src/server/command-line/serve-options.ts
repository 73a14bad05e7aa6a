/**
 * serve-options.ts: the settings of `cloudsync serve`: one table that the command line, the environment, the
 * configuration file, the help text and the README's table (test/server/configuration.test.ts) all come from.
 */
import { isIP } from 'node:net';
import { LIMITS, PACKET_BYTES_MAX } from '../limits.js';
import { LOG_LEVELS, type LogLevel } from '../log.js';
import type { IssuerSettings } from '../tokens/issuer-settings.js';
import { readConfigurationFile } from './configuration-file.js';
import {
  describeOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readNumber,
  UsageError,
} from './options.js';

export const SERVE_OPTIONS = {
  config: {
    value: 'FILE',
    help: 'JSON file with these options and the issuers of tokens',
    environment: 'CLOUDSYNC_CONFIG',
  },
  data: { value: 'DIR', help: 'data directory; created when missing', environment: 'CLOUDSYNC_DATA' },
  port: { value: 'N', help: 'TCP port; 0 picks a free one', environment: 'CLOUDSYNC_PORT' },
  host: { value: 'ADDRESS', help: 'address', environment: 'CLOUDSYNC_HOST', fallback: '127.0.0.1' },
  'metrics-port': {
    value: 'N',
    help: 'TCP port of metrics and health; without it there are no metrics',
    environment: 'CLOUDSYNC_METRICS_PORT',
  },
  'metrics-host': {
    value: 'ADDRESS',
    help: 'address of metrics and health',
    environment: 'CLOUDSYNC_METRICS_HOST',
    fallback: '127.0.0.1',
  },
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
  'drain-seconds': {
    value: 'SECONDS',
    help: 'from SIGTERM on /readyz says 503, and so long requests are still taken',
    environment: 'CLOUDSYNC_DRAIN_SECONDS',
    fallback: '0',
  },
  'trusted-proxies': {
    value: 'LIST',
    help: 'addresses or networks, with commas, whose X-Forwarded-For is believed',
    environment: 'CLOUDSYNC_TRUSTED_PROXIES',
  },
  'rate-device': {
    value: 'N',
    help: 'requests of one device in 10 seconds; 0 = any number',
    environment: 'CLOUDSYNC_RATE_DEVICE',
    fallback: '3000',
  },
  'rate-subject': {
    value: 'N',
    help: 'requests of one key or user in 10 seconds; 0 = any number',
    environment: 'CLOUDSYNC_RATE_SUBJECT',
    fallback: '10000',
  },
  'rate-address': {
    value: 'N',
    help: 'requests from one address in 10 seconds; 0 = any number',
    environment: 'CLOUDSYNC_RATE_ADDRESS',
    fallback: '20000',
  },
  'pulls-at-once': {
    value: 'N',
    help: 'pulls that are worked on at the same time',
    environment: 'CLOUDSYNC_PULLS_AT_ONCE',
    fallback: '64',
  },
  'quota-bytes': {
    value: 'BYTES',
    help: 'size up to which pushes may grow one database; 0 = any',
    environment: 'CLOUDSYNC_QUOTA_BYTES',
    fallback: '0',
  },
  'quota-rows': {
    value: 'N',
    help: 'rows in one push; 0 = any number',
    environment: 'CLOUDSYNC_QUOTA_ROWS',
    fallback: '0',
  },
  'device-days': {
    value: 'DAYS',
    help: 'a device that was silent for longer starts over when it returns',
    environment: 'CLOUDSYNC_DEVICE_DAYS',
    fallback: '180',
  },
} satisfies OptionTable;

export const SERVE_HELP = `usage: cloudsync serve --data DIR --port N [options]

Serves the databases in DIR. On the first start it makes a key with role admin and prints it once.

${describeOptions(SERVE_OPTIONS)}
`;

export interface ServeOptions {
  data: string;
  port: number;
  host: string;
  /** Undefined: no metrics. */
  metricsPort: number | undefined;
  metricsHost: string;
  workers: number;
  logLevel: LogLevel;
  packetMax: number;
  requestSeconds: number;
  drainSeconds: number;
  trustedProxies: string[];
  /** Requests in a window of `LIMITS.rateSeconds`; 0 = any number. */
  rates: { device: number; subject: number; address: number };
  pullsAtOnce: number;
  /** Bytes of one database, rows of one push; 0 = any. */
  quota: { bytes: number; rows: number };
  deviceDays: number;
  issuers: IssuerSettings[];
}

type OptionName = keyof typeof SERVE_OPTIONS;

/**
 * Reads the settings from where they stand.
 *
 * @returns undefined when help is wanted
 * @throws UsageError saying what is wrong or missing
 */
export function readServeOptions(words: string[], environment: NodeJS.ProcessEnv): ServeOptions | undefined {
  const { values: typed, operands, wantsHelp } = readArguments(SERVE_OPTIONS, words, environment);
  if (wantsHelp) return undefined;
  const names = Object.keys(SERVE_OPTIONS).filter((name) => name !== 'config');
  const file =
    typed.config === undefined
      ? { options: {}, issuers: [] }
      : readConfigurationFile(typed.config, names, environment);
  const { values } = readArguments(SERVE_OPTIONS, words, environment, file.options);
  if (operands.length > 0) throw new UsageError(`serve takes no argument "${operands[0]}"`);
  if (values.data === undefined) throw new UsageError('serve needs --data DIR');
  if (values.port === undefined) throw new UsageError('serve needs --port N');
  return { data: values.data, ...readSettings(values), issuers: file.issuers };
}

/** @param values texts by option; what has a fallback is there */
function readSettings(values: Partial<Record<OptionName, string>>): Omit<ServeOptions, 'data' | 'issuers'> {
  const text = (name: OptionName) => values[name] ?? '';
  const number = (name: OptionName, minimum: number, maximum: number) =>
    readNumber(name, text(name), minimum, maximum);
  const quotaRows = number('quota-rows', 0, LIMITS.quotaRowsMax);
  if (quotaRows > 0 && quotaRows < LIMITS.quotaRowsMin) {
    // A device halves a batch that is refused, down to one kilobyte, and some rows are in that.
    throw new UsageError(
      `--quota-rows ${quotaRows}: 0, or a whole number from ${LIMITS.quotaRowsMin} on, is expected`,
    );
  }
  return {
    port: number('port', 0, 65_535),
    host: text('host'),
    metricsPort: values['metrics-port'] === undefined ? undefined : number('metrics-port', 0, 65_535),
    metricsHost: text('metrics-host'),
    workers: number('workers', 1, LIMITS.workers),
    logLevel: readChoice('log-level', text('log-level'), LOG_LEVELS),
    packetMax: number('max-packet', LIMITS.packetBytesMin, PACKET_BYTES_MAX),
    requestSeconds: number('request-timeout', 1, 3600),
    drainSeconds: number('drain-seconds', 0, 3600),
    trustedProxies: readNetworks('trusted-proxies', text('trusted-proxies')),
    rates: {
      device: number('rate-device', 0, LIMITS.rateMax),
      subject: number('rate-subject', 0, LIMITS.rateMax),
      address: number('rate-address', 0, LIMITS.rateMax),
    },
    pullsAtOnce: number('pulls-at-once', 1, LIMITS.waitingPulls),
    quota: { bytes: number('quota-bytes', 0, Number.MAX_SAFE_INTEGER), rows: quotaRows },
    deviceDays: number('device-days', 1, 36_500),
  };
}

/** Reads addresses and networks (`10.0.0.0/8`) with commas between them. */
function readNetworks(option: OptionName, text: string): string[] {
  const networks = text.split(',').filter((each) => each !== '');
  for (const network of networks) {
    const [address = '', bits, ...surplus] = network.split('/');
    const most = isIP(address) === 4 ? 32 : 128;
    const isGood =
      bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most);
    if (isIP(address) === 0 || !isGood || surplus.length > 0) {
      throw new UsageError(`--${option}: "${network}" is no address and no network like 10.0.0.0/8`);
    }
  }
  return networks;
}
