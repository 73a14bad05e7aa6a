/**
 * answers.ts: builds the stand-in for libcurl (curl.c), writes the file of its answers and reads the file of the
 * requests that it got. Both lie in the folder of the child process that plays the cases.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const ANSWERS = 'answers';
const REQUESTS = 'requests';

/** Kinds of requests, as curl.c numbers them. */
export const KINDS = ['sites', 'schema', 'push', 'pull', 'wait'] as const;
export type Kind = (typeof KINDS)[number];

export const PROTOCOL_TYPE = 'application/vnd.cloudsync+msgpack';

export interface Answer {
  kind: Kind;
  status: number;
  body: Buffer;
  contentType?: string;
  retryAfter?: bigint;
  /** An error code of libcurl: then there is no answer. */
  transport?: number;
}

export interface Request {
  kind: Kind | 'other';
  body: Buffer;
  /** Number of the answer that it got, -1 when it was refused because there was none. */
  answer: number;
  /** How long the session slept before it. */
  sleptMilliseconds: number;
}

/** Compiles the stand-in; the environment under which a child uses it. */
export function buildStandIn(): Record<string, string> {
  const folder = join(root, 'build/test/fuzz');
  mkdirSync(folder, { recursive: true });
  const library = join(folder, 'libcurl.so.4');
  execFileSync('cc', [
    ...['-std=gnu11', '-O1', '-fPIC', '-shared', '-Wall', '-Wextra', '-Wl,-soname,libcurl.so.4'],
    ...['-I', join(root, 'shim'), join(import.meta.dirname, 'curl.c'), '-o', library],
  ]);
  return { LD_PRELOAD: library, CLOUDSYNC_FUZZ_ANSWERS: ANSWERS, CLOUDSYNC_FUZZ_REQUESTS: REQUESTS };
}

let generation = 0;

/** Puts the answers in place for the next requests, and forgets the requests so far. */
export function prepareAnswers(answers: readonly Answer[]): void {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(++generation, 0);
  head.writeUInt32LE(answers.length, 4);
  writeFileSync(ANSWERS, Buffer.concat([head, ...answers.map(writeAnswer)]));
  writeFileSync(REQUESTS, '');
}

function writeAnswer(answer: Answer): Buffer {
  const type = Buffer.from(answer.contentType ?? PROTOCOL_TYPE, 'latin1');
  const head = Buffer.alloc(22);
  head[0] = KINDS.indexOf(answer.kind);
  head[1] = answer.transport ?? 0;
  head.writeInt32LE(answer.status, 2);
  head.writeBigInt64LE(answer.retryAfter ?? 0n, 6);
  head.writeUInt32LE(type.length, 14);
  head.writeUInt32LE(answer.body.length, 18);
  return Buffer.concat([head, type, answer.body]);
}

/** The requests since `prepareAnswers`. */
export function readRequests(): Request[] {
  const bytes = existsSync(REQUESTS) ? readFileSync(REQUESTS) : Buffer.alloc(0);
  const requests: Request[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at + 9);
    requests.push({
      kind: KINDS[bytes[at] as number] ?? 'other',
      answer: bytes.readInt32LE(at + 1),
      sleptMilliseconds: bytes.readUInt32LE(at + 5),
      body: bytes.subarray(at + 13, at + 13 + size),
    });
    at += 13 + size;
  }
  return requests;
}
