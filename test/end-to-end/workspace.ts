/**
 * workspace.ts: what the end-to-end tests of one file share: a folder for their databases and one server. Each test
 * uses databases of its own names on the server, so that tests do not see each other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type RunningServer, type ServerOptions, startServer } from '../support/server.js';

export interface Workspace {
  readonly server: RunningServer;
  /** Starts the server again on its port and data, after a test has stopped or killed it. */
  restart(): Promise<void>;
  /** A path that nobody else uses. */
  path(name: string): string;
  /** The server's file of a database. */
  serverFile(database: string): string;
}

/** Makes a folder and starts a server before the tests of this file, and removes both after them. */
export function useWorkspace(...serverArguments: string[]): Workspace {
  let folder = '';
  let server: RunningServer | undefined;
  let paths = 0;
  const running = (): RunningServer => {
    if (server === undefined) throw new Error('the server runs only while tests do');
    return server;
  };
  const start = (options: ServerOptions) =>
    startServer({
      ...options,
      dataDirectory: join(folder, 'server'),
      arguments: ['--log-level', 'warn', ...serverArguments],
    });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cloudsync-end-to-end-'));
    server = await start({});
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });
  return {
    get server() {
      return running();
    },
    restart: async () => {
      const { url, key } = running();
      server = await start({ key, port: Number(new URL(url).port) });
    },
    path: (name) => join(folder, `${++paths}-${name}`),
    serverFile: (database) => join(running().dataDirectory, 'databases', `${database}.db`),
  };
}
