/**
 * world.ts: what the tests of the administration look at: a real server with devices that have synchronised, some of
 * them with names that try to be markup.
 */
import { Device } from '../end-to-end/device.js';
import { addKey, type RunningServer, runProgram, startServer } from '../support/server.js';

/** Text that would run as a script where somebody reads it as markup. */
export const HOSTILE = '<img src=x onerror="document.title=\'hit\'"><script>document.title="hit"</script>';
/** A subject of a thousand characters. */
export const LONG_NAME = `${'long '.repeat(199)}name!`;

export interface World {
  server: RunningServer;
  /** Devices of the database "home": the first belongs to the admin key, the others to HOSTILE and LONG_NAME. */
  devices: Device[];
  /** A key of role service, of role schema, of role admin for the database "work" alone, and one that was revoked. */
  serviceKey: string;
  schemaKey: string;
  workKey: string;
  revokedKey: string;
}

/** Starts a server and lets devices synchronise with the databases "home" and "work". */
export async function startWorld(): Promise<World> {
  const server = await startServer({ arguments: ['--log-level', 'warn'] });
  const add = (...options: string[]) => addKey(server.dataDirectory, ...options);
  const keys = [server.key, add('--subject', HOSTILE, '--label', HOSTILE), add('--subject', LONG_NAME)];
  const devices = keys.map((key, index) => {
    const device = new Device()
      .run('CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER)')
      .run(`CREATE TABLE "${HOSTILE.replaceAll('"', '""')}"(id TEXT PRIMARY KEY NOT NULL, x)`);
    device.value("SELECT cloudsync_init('todos')");
    device.value('SELECT cloudsync_init(?)', HOSTILE);
    device.run(`INSERT INTO todos VALUES ('row ${index}', 'secret title', 0)`);
    device.connect(server, 'home', key).sync();
    return device;
  });
  const work = new Device().run('CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, body TEXT)');
  work.value("SELECT cloudsync_init('notes')");
  work.connect(server, 'work').sync();
  work.close();
  const revokedKey = add('--role', 'admin', '--label', 'lost');
  const revoked = runProgram('key', 'revoke', '--data', server.dataDirectory, keyId(revokedKey));
  if (revoked.code !== 0) throw new Error(revoked.errors);
  return {
    server,
    devices,
    serviceKey: add('--role', 'service'),
    schemaKey: add('--role', 'schema'),
    workKey: add('--role', 'admin', '--db', 'work'),
    revokedKey,
  };
}

/** The part of a key that is no secret. */
export function keyId(key: string): string {
  return key.split('_')[1] ?? '';
}

export async function stopWorld(world: World): Promise<void> {
  for (const device of world.devices) device.close();
  await world.server.stop();
}
