/**
 * index.ts: the Node helper: finds the native extension of this package and loads it into a database of
 * better-sqlite3 or of node:sqlite. It has no dependency on either; it uses only the loading functions that
 * both offer.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What `load` needs of a database. `enableLoadExtension` exists in node:sqlite, not in better-sqlite3. */
export interface ExtensionLoader {
  loadExtension(path: string): unknown;
  enableLoadExtension?(allow: boolean): unknown;
}

const FILE_SUFFIX: Partial<Record<NodeJS.Platform, string>> = { darwin: '.dylib', win32: '.dll' };

/**
 * The absolute path of the extension for this platform. This module lies two directories below the package's
 * root, in `src/node` as well as in `dist/node`, so that one relative path serves both.
 *
 * @throws Error when the extension has not been built.
 */
export function extensionPath(): string {
  const fileName = `cloudsync${FILE_SUFFIX[process.platform] ?? '.so'}`;
  const path = fileURLToPath(new URL(`../../build/Release/${fileName}`, import.meta.url));
  if (!existsSync(path)) {
    throw new Error(
      `cloudsync: the extension is missing at ${path}; run npm run build in the package's directory`,
    );
  }
  return path;
}

/**
 * Loads the extension into an open database, so that its SQL functions (`cloudsync_init` and the others) work
 * on it. Loading it twice is harmless. A node:sqlite database must have been opened with `{ allowExtension:
 * true }`; the permission to load further extensions is taken back afterwards.
 *
 * @param database a `Database` of better-sqlite3 or a `DatabaseSync` of node:sqlite
 * @throws Error when the extension has not been built, when it cannot be loaded, or when the argument is no
 *   database
 */
export function load(database: ExtensionLoader): void {
  if (typeof database?.loadExtension !== 'function') {
    throw new TypeError('cloudsync: load(database) needs an open database of better-sqlite3 or node:sqlite');
  }
  const path = extensionPath();
  if (typeof database.enableLoadExtension !== 'function') {
    database.loadExtension(path);
    return;
  }
  try {
    database.enableLoadExtension(true);
  } catch (cause) {
    const message = 'cloudsync: this database refuses extensions; open it with new DatabaseSync(path, ';
    throw new Error(`${message}{ allowExtension: true })`, { cause });
  }
  try {
    database.loadExtension(path);
  } finally {
    database.enableLoadExtension(false);
  }
}
