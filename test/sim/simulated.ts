/**
 * simulated.ts: the functions of test/simulated (disk, clock, coroutines) as TypeScript sees them: called on a
 * connection of its own, which answers whatever happens to the connections of the devices.
 */
import Database from 'better-sqlite3';
import { buildSimulated } from '../simulated/build.js';

type Argument = string | number | Buffer | null;

const library = buildSimulated();
const controller = new Database(':memory:');
controller.loadExtension(library);
const statements = new Map<string, Database.Statement<unknown[], unknown>>();

/** Calls the SQL function `simulated_<name>`. */
export function simulate(name: string, ...values: Argument[]): unknown {
  let statement = statements.get(name);
  if (statement === undefined) {
    const places = values.map(() => '?').join(', ');
    statement = controller.prepare<unknown[], unknown>(`SELECT simulated_${name}(${places})`).pluck();
    statements.set(name, statement);
  }
  // better-sqlite3 binds a number as REAL, a bigint as INTEGER.
  return statement.get(...values.map((value) => (typeof value === 'number' ? BigInt(value) : value)));
}

/** Makes the functions known on a connection of a device. */
export function loadSimulated(connection: Database.Database): void {
  connection.loadExtension(library);
}

/** Runs an action whose opens go to a simulated disk. */
export function onDisk<Result>(disk: string, action: () => Result): Result {
  simulate('disk_default', disk);
  return action();
}

/** What a device waits for, or how its SQL ended. */
export type Stop =
  | { kind: 'request'; isPost: boolean; url: string; headers: string; body: Buffer }
  | { kind: 'sleep'; microseconds: number }
  | { kind: 'end'; result: string; error: string };

/** The reply to a request. Status 0: none came, for the reason in `text`; `code` is libcurl's number of the error. */
export interface Reply {
  status: number;
  code: number;
  retryAfter: number;
  /** Content type, or the reason. */
  text: string;
  body: Buffer;
}

export const NO_REPLY: Reply = {
  status: 0,
  code: 7,
  retryAfter: 0,
  text: 'could not connect',
  body: Buffer.alloc(0),
};

export function startDevice(device: string, sql: string): Stop {
  return readStop(simulate('start', device, sql) as Buffer);
}

export function resumeDevice(device: string, reply: Reply): Stop {
  const { status, code, retryAfter, text, body } = reply;
  return readStop(simulate('resume', device, status, code, retryAfter, text, body) as Buffer);
}

/** The layout is in test/simulated/coroutine.c. */
function readStop(bytes: Buffer): Stop {
  const number = bytes.readInt32LE(1);
  const parts: Buffer[] = [];
  for (let at = 5; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at);
    parts.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  const [first, second, body] = parts as [Buffer, Buffer, Buffer];
  if (bytes[0] === 1) {
    return { kind: 'request', isPost: number !== 0, url: `${first}`, headers: `${second}`, body };
  }
  if (bytes[0] === 2) return { kind: 'sleep', microseconds: number };
  return { kind: 'end', result: `${first}`, error: `${second}` };
}
