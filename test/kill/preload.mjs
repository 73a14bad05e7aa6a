/**
 * preload.mjs: loaded into the server's process by `node --import`: puts the library of points.c under SQLite before
 * the server opens its first database. The default VFS belongs to the process, so worker threads have it too.
 */
import { isMainThread } from 'node:worker_threads';
import Database from 'better-sqlite3';

if (isMainThread) new Database(':memory:').loadExtension(process.env.POINTS_LIBRARY).close();
