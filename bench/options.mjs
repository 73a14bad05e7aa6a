/**
 * options.mjs: the command line of the benchmarks.
 */
import { parseArgs } from 'node:util';

/** A mistake on the command line: printed without a stack trace. */
export class UsageError extends Error {}

function positiveInteger(name, text, smallest) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= smallest) return value;
  throw new UsageError(`--${name} needs a whole number of at least ${smallest}, not "${text}"`);
}

function parse(options, args) {
  try {
    return parseArgs({ args, options, allowPositionals: false }).values;
  } catch (cause) {
    throw new UsageError(cause.message, { cause });
  }
}

/** Options of run.mjs. `json` is a path or undefined. */
export function runOptions(args) {
  const values = parse(
    {
      rows: { type: 'string', default: '50000' },
      rounds: { type: 'string', default: '7' },
      clock: { type: 'string', default: 'cpu' },
      json: { type: 'string' },
      strict: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
    },
    args,
  );
  if (!['cpu', 'wall'].includes(values.clock)) {
    throw new UsageError(`--clock is cpu or wall, not "${values.clock}"`);
  }
  return {
    ...values,
    rows: positiveInteger('rows', values.rows, 100),
    rounds: positiveInteger('rounds', values.rounds, 1),
  };
}

/** Options of large.mjs. */
export function largeOptions(args) {
  const values = parse(
    {
      rows: { type: 'string', default: '1000000' },
      json: { type: 'string' },
      strict: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
    },
    args,
  );
  return { ...values, rows: positiveInteger('rows', values.rows, 1000) };
}

/** Options of policies.mjs. */
export function policiesOptions(args) {
  const values = parse(
    {
      rows: { type: 'string', default: '100000' },
      devices: { type: 'string', default: '1000' },
      databases: { type: 'string', default: '100' },
      requests: { type: 'string', default: '1536' },
      changes: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '10' },
      only: { type: 'string' },
      json: { type: 'string' },
      strict: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      readme: { type: 'boolean', default: false },
    },
    args,
  );
  if (values.only !== undefined && (values.record || values.readme)) {
    throw new UsageError('--record and --readme need all steps, so they do not go with --only');
  }
  return {
    ...values,
    rows: positiveInteger('rows', values.rows, 100),
    devices: positiveInteger('devices', values.devices, 4),
    databases: positiveInteger('databases', values.databases, 1),
    requests: positiveInteger('requests', values.requests, 3),
    changes: positiveInteger('changes', values.changes, 3),
    seconds: positiveInteger('seconds', values.seconds, 1),
  };
}
