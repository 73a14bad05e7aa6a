/**
 * files.test.ts: the files of the admin page as the server gives them out: without a key, with a strict policy, and
 * nothing else.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../support/server.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ arguments: ['--log-level', 'warn'] });
});
afterAll(async () => {
  await server.stop();
});

describe.each([
  ['/admin', 'text/html'],
  ['/admin/main.js', 'text/javascript'],
  ['/admin/style.css', 'text/css'],
  ['/admin/icon.svg', 'image/svg+xml'],
])('%s', (path, type) => {
  test('has its type, and a policy that lets nothing else in', async () => {
    const response = await fetch(server.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain(type);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });
});

test('the page holds nothing but references to its own files', async () => {
  const html = await (await fetch(`${server.url}/admin`)).text();
  expect(html).not.toMatch(
    /https?:|\son\w+=|style=|<script(?! type="module" src="admin\/main.js"><\/script>)/,
  );
});

test('with a slash at the end it is the same page', async () => {
  const response = await fetch(`${server.url}/admin/`);
  expect([response.status, response.url]).toEqual([200, `${server.url}/admin`]);
});

test.each(['/admin/index.html', '/admin/api.ts', '/admin/..%2fserver%2fmain.js', '/admin/%2e%2e/main.js'])(
  '%s is not found',
  async (path) => {
    expect((await fetch(server.url + path)).status).toBe(404);
  },
);
