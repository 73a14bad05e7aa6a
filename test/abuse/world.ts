/**
 * world.ts: what the malicious clients of the band http-abuse find: a real server with a database, an honest device
 * that has pushed to it, and a key of their own that is good for little.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { accepted, Client, newSite } from '../server/client.js';
import { Device, NOTES } from '../server/device.js';
import { addKey, type RunningServer, startServer } from '../support/server.js';

export const PACKET_MAX = 64 * 1024;
/** Seconds until the server gives a slow request up. */
export const REQUEST_SECONDS = 1;

export interface World {
  server: RunningServer;
  /** With the admin key. */
  honest: Device;
  /** A packet that the honest device has pushed as its last batch, and the one before it. */
  pushed: Buffer[];
  /** Has a key of role service for this database, and a registered site of its own. */
  attacker: Client;
  attackerSite: Buffer;
  /** A device of the attacker's: it can make valid packets. */
  attackerDevice: Device;
  /** A key of role service for another database. */
  stranger: Client;
  /** Everything in the database file of the server but the times of last use. */
  digest(): string;
}

export async function makeWorld(): Promise<World> {
  const server = await startServer({
    arguments: [
      ...['--max-packet', String(PACKET_MAX), '--request-timeout', String(REQUEST_SECONDS)],
      ...['--log-level', 'debug', '--workers', '1'],
    ],
  });
  const honest = new Device(new Client(server.url, server.key, 'abused'), NOTES);
  await honest.register();
  const pushed: Buffer[] = [];
  for (const id of ['one', 'two']) {
    honest.write(id, 'honest');
    const packet = honest.packet();
    accepted(await honest.push(packet));
    pushed.push(packet);
  }
  const key = (database: string) => addKey(server.dataDirectory, '--role', 'service', '--db', database);
  const attacker = new Client(server.url, key('abused'), 'abused');
  const attackerDevice = new Device(attacker, NOTES);
  await attackerDevice.register();
  attackerDevice.write('attack', 'secret payload of the attacker');
  const stranger = new Client(server.url, key('elsewhere'), 'abused');
  const file = join(server.dataDirectory, 'databases', 'abused.db');
  return {
    ...{ server, honest, pushed, attacker, attackerDevice, stranger },
    attackerSite: attackerDevice.site,
    digest: () => digestOf(file),
  };
}

/** A site that is not registered. */
export const unknownSite = newSite;

/** Of everything but the times and places at which devices were heard of: those change with a registration. */
function digestOf(file: string): string {
  const db = new Database(file, { readonly: true });
  const hash = createHash('sha256');
  try {
    const tables = db
      .prepare(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name <> 'cloudsync_server_readers' ORDER BY name",
      )
      .all() as { name: string; sql: string }[];
    for (const { name, sql } of tables) {
      hash.update(`${name}\0${sql}\0`);
      const rows = db.prepare(`SELECT * FROM "${name}"`).all() as Record<string, unknown>[];
      for (const { last_seen: _, ...row } of rows) hash.update(JSON.stringify(row));
    }
  } finally {
    db.close();
  }
  return hash.digest('hex');
}

/** Resident memory of a process in MiB; undefined where the system does not tell. */
export function residentMiB(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kib === undefined ? undefined : Number(kib) / 1024;
}
