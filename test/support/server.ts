/**
 * server.ts: starts the built server as a real process, for the tests of every part. The command line is the
 * one that users type.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

export interface ServerOptions {
  /** An existing data directory, for a restart. Without it a new one is made, which `stop` removes. */
  dataDirectory?: string;
  /** The key to use with an existing data directory; without it an admin key is added. */
  key?: string;
  /** Default 0: a free port. */
  port?: number;
  /** Further arguments of `cloudsync serve`. */
  arguments?: string[];
  /** Further environment variables of its process. */
  environment?: Record<string, string>;
}

export interface RunningServer {
  /** `http://127.0.0.1:port` */
  url: string;
  /** `http://127.0.0.1:port` of metrics and health; empty without `--metrics-port`. */
  operatorUrl: string;
  /** A key with role admin. */
  key: string;
  dataDirectory: string;
  process: ChildProcess;
  /** Everything that the server has written to its error output so far. */
  log(): string;
  /** Sends SIGTERM and waits for the end. Returns the exit code. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL and waits for the end. The data directory stays. */
  kill(): Promise<void>;
}

/** Starts a server and waits until it listens. Throws with its output when it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'cloudsync-server-'));
  const serve = ['serve', '--data', dataDirectory, '--port', String(options.port ?? 0)];
  const child = spawn(process.execPath, [PROGRAM, ...serve, ...(options.arguments ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  const killWithTests = () => child.kill('SIGKILL');
  process.once('exit', killWithTests);
  child.once('exit', () => process.removeListener('exit', killWithTests));
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const output = await outputUntilListening(child, () => errors);
  const printedKey = /^admin key .*: (csk_\S+)$/m.exec(output)?.[1];
  return {
    url: /^listening on (\S+)$/m.exec(output)?.[1] ?? '',
    operatorUrl: /^metrics on (\S+)\/metrics$/m.exec(output)?.[1] ?? '',
    key: printedKey ?? options.key ?? addKey(dataDirectory, '--role', 'admin'),
    dataDirectory,
    process: child,
    log: () => errors,
    stop: async () => {
      const code = await end(child, 'SIGTERM');
      if (options.dataDirectory === undefined) rmSync(dataDirectory, { recursive: true });
      return code;
    },
    kill: async () => {
      await end(child, 'SIGKILL');
    },
  };
}

/** Runs the command line to its end. */
export function runProgram(...words: string[]): { code: number | null; output: string; errors: string } {
  const result = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8' });
  return { code: result.status, output: result.stdout, errors: result.stderr };
}

/** Adds a key by the command line. Returns its text. */
export function addKey(dataDirectory: string, ...options: string[]): string {
  const { code, output, errors } = runProgram('key', 'add', '--data', dataDirectory, ...options);
  const text = /csk_\S+/.exec(output)?.[0];
  if (code !== 0 || text === undefined) throw new Error(`key add failed: ${errors}${output}`);
  return text;
}

function outputUntilListening(child: ChildProcess, errors: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (/^listening on \S+\n/m.test(output)) resolve(output);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      reject(new Error(`the server ended with code ${code} before it listened:\n${output}${errors()}`));
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const hasClosed = once(child, 'close');
  child.kill(signal);
  await hasClosed;
  return child.exitCode;
}
