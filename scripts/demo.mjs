#!/usr/bin/env node
/**
 * demo.mjs: what `npm start` shows: two devices edit their own SQLite files offline and become equal through a real
 * server on 127.0.0.1. First a shopping list, small enough to read; then the chinook database, every table compared
 * row by row. Ends by itself: exit code 0 when all tables are equal, 1 with a message when anything differs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chinookDemo } from './demo/chinook.mjs';
import { startServer } from './demo/server.mjs';
import { shoppingDemo } from './demo/shopping.mjs';

async function demo(folder) {
  const server = await startServer(join(folder, 'server'));
  try {
    console.log(`A server (a process of its own) listens on ${server.url}.\n`);
    await shoppingDemo(folder, server);
    chinookDemo(folder, server);
  } finally {
    await server.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'cloudsync-demo-'));
try {
  await demo(folder);
  console.log('\nEverything is equal. To type it yourself, see README.md.');
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
