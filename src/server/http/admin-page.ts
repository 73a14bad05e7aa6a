/**
 * admin-page.ts: serves the admin page: the files that the build made of src/admin-page, read once. They hold no data;
 * what the page shows, it asks for with the administrator's key.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyInstance } from 'fastify';

const FILES = new URL('../../admin-page/', import.meta.url);
const INDEX = 'index.html';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing but its own files runs in the page, nothing can frame it, and it speaks with this server alone. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';" +
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';" +
    " require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};

/** Adds the page at /admin and its files below it. */
export function addAdminPage(app: FastifyInstance): void {
  for (const name of readdirSync(FILES)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const body = readFileSync(new URL(name, FILES));
    const path = name === INDEX ? '/admin' : `/admin/${name}`;
    app.get(path, async (_request, reply) => reply.headers(HEADERS).type(type).send(body));
  }
  // The page names its files relative to /admin, so that it also works below a path of a proxy.
  app.get('/admin/', async (_request, reply) => reply.redirect('../admin', 308));
}
