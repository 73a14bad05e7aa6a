/**
 * http.test.ts: the shim's HTTP client against a real server on 127.0.0.1. The stand-in core's function fetch()
 * drives one exchange and returns `status|retry after|is msgpack|body`.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildStandIn, type StandIn } from './stand-in.ts';

let standIn: StandIn;
let server: Worker;
let origin: string;
let database: Database.Database;

beforeAll(async () => {
  standIn = buildStandIn();
  server = new Worker(new URL('./http-server.mjs', import.meta.url));
  const [port] = await once(server, 'message');
  origin = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await server.terminate();
  standIn.remove();
});
beforeEach(() => {
  database = new Database(':memory:');
  database.loadExtension(standIn.file);
  return () => database.close();
});

interface Request {
  method?: 'GET' | 'POST';
  headers?: string;
  body?: string;
  timeoutMs?: number;
  responseMax?: number;
}

function fetchText(url: string, request: Request = {}): string {
  const { method = 'GET', headers = '', body = '', timeoutMs = 5000, responseMax = 1 << 20 } = request;
  const statement = database.prepare<unknown[], string>('SELECT fetch(?, ?, ?, ?, ?, ?)').pluck();
  const code = BigInt(method === 'POST' ? 1 : 0);
  return statement.get(code, url, headers, body, BigInt(timeoutMs), BigInt(responseMax)) ?? '';
}

function fetchEcho(request: Request = {}) {
  const text = fetchText(`${origin}/echo`, request);
  expect(text).toMatch(/^200\|-1\|0\|/);
  return JSON.parse(text.slice('200|-1|0|'.length)) as {
    method: string;
    headers: Record<string, string>;
    body: string;
    connection: number;
  };
}

function setSecret(slot: 0 | 1, secret: string): unknown {
  return database.prepare('SELECT secret(?, ?)').pluck().get(BigInt(slot), secret);
}

describe('requests', () => {
  test('GET and POST carry method, headers and body', () => {
    const get = fetchEcho({ headers: 'Accept: a/b\r\nX-One: 1\r\n' });
    expect(get.method).toBe('GET');
    expect(get.headers).toMatchObject({ accept: 'a/b', 'x-one': '1', 'user-agent': 'cloudsync' });
    const post = fetchEcho({ method: 'POST', headers: 'Content-Type: x/y\r\n', body: 'hello' });
    expect(post).toMatchObject({ method: 'POST', body: 'hello' });
    expect(post.headers).toMatchObject({ 'content-type': 'x/y', 'content-length': '5' });
  });

  test('a large body is sent whole and without asking permission first', () => {
    const body = 'b'.repeat(500_000);
    const post = fetchEcho({ method: 'POST', body });
    expect(post.headers['expect']).toBeUndefined();
    expect(post.body).toBe(body);
  });

  test('the network connection is used again', () => {
    const first = fetchEcho();
    expect(fetchEcho({ method: 'POST', body: 'x' }).connection).toBe(first.connection);
    expect(fetchEcho().connection).toBe(first.connection);
  });

  test('a GET after a POST has no body', () => {
    fetchEcho({ method: 'POST', body: 'x' });
    expect(fetchEcho()).toMatchObject({ method: 'GET', body: '' });
  });
});

describe('credentials', () => {
  test('a token or an API key travels as a bearer; one replaces the other; the empty one forgets', () => {
    expect(fetchEcho().headers['authorization']).toBeUndefined();
    expect(setSecret(0, 'token-1')).toBe(1);
    expect(fetchEcho().headers['authorization']).toBe('Bearer token-1');
    expect(setSecret(1, 'key-2')).toBe(1);
    expect(fetchEcho().headers['authorization']).toBe('Bearer key-2');
    expect(setSecret(0, '')).toBe(1);
    expect(setSecret(1, '')).toBe(0);
    expect(fetchEcho().headers['authorization']).toBeUndefined();
  });

  test('a credential with a line break is refused before anything is sent', () => {
    setSecret(0, 'a\r\nX-Forged: 1');
    expect(fetchText(`${origin}/echo`)).toBe('0|-1|0|the token or API key contains control characters');
  });

  test('a redirect is not followed', () => {
    setSecret(0, 'token');
    expect(fetchText(`${origin}/redirect`)).toBe('302|-1|0|');
  });
});

describe('answers', () => {
  test('status, Retry-After in both forms, and the content type', () => {
    expect(fetchText(`${origin}/status/503`)).toBe('503|7|0|later');
    expect(fetchText(`${origin}/status/429`)).toBe('429|7|0|later');
    expect(fetchText(`${origin}/type`)).toBe('200|-1|1|');
    const seconds = Number(fetchText(`${origin}/date`).split('|')[1]);
    expect(seconds).toBeGreaterThan(20);
    expect(seconds).toBeLessThanOrEqual(30);
  });

  test('an answer at the limit is taken, one byte more is a failure that says so', () => {
    expect(fetchText(`${origin}/bytes/1000`, { responseMax: 1000 })).toBe(`200|-1|0|${'x'.repeat(1000)}`);
    expect(fetchText(`${origin}/bytes/1001`, { responseMax: 1000 })).toBe(
      "0|-1|0|the server's answer is larger than the 1000 bytes allowed",
    );
    expect(fetchText(`${origin}/bytes/3`)).toBe('200|-1|0|xxx');
  });
});

describe('failures of the transport', () => {
  test('nobody listens', () => {
    expect(fetchText('http://127.0.0.1:9/')).toMatch(/^0\|-1\|0\|.*connect/i);
  });

  test('no answer within the time', () => {
    const start = Date.now();
    expect(fetchText(`${origin}/silent`, { timeoutMs: 300 })).toMatch(/^0\|-1\|0\|.*timed out/i);
    expect(Date.now() - start).toBeLessThan(3000);
  });

  test('an answer that breaks off', () => {
    expect(fetchText(`${origin}/broken`)).toMatch(/^0\|-1\|0\|.+/);
    expect(fetchEcho().method).toBe('GET');
  });

  test('an answer cut anywhere, by an orderly end of the connection', () => {
    let size = 0;
    while (fetchText(`${origin}/cut/${size}`).startsWith('0|-1|0|')) {
      expect(size).toBeLessThan(200);
      size += 5;
    }
    expect(size).toBeGreaterThan(100);
    expect(fetchText(`${origin}/cut/${size}`)).toBe('200|-1|1|body');
  });

  test.each(['ftp://127.0.0.1/', 'file:///etc/hosts', 'nonsense://x', ''])('%s is not fetched', (url) => {
    expect(fetchText(url)).toMatch(/^0\|-1\|0\|.+/);
  });

  test('a TLS connection to a server without TLS', () => {
    expect(fetchText(origin.replace('http:', 'https:'))).toMatch(/^0\|-1\|0\|.*(SSL|TLS)/i);
  });
});
