/**
 * stage.mjs: what one step of the benchmark plays on: a server that trusts tokens, and devices in processes of their
 * own. Whatever the step comes to, `end` leaves none of it.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import { at } from '../../scripts/tools.mjs';
import { startServer } from '../server.mjs';
import { LoadDevice } from '../server-client.mjs';
import { DEFINITIONS } from './application.mjs';
import { DeviceProcess } from './device-process.mjs';

const execute = promisify(execFile);

const ISSUER = 'https://identity.example';
const AUDIENCE = 'cloudsync';

export class Stage {
  #devices = [];

  /** @param folder a new folder for everything */
  static async open(folder) {
    mkdirSync(folder, { recursive: true });
    const stage = new Stage();
    stage.folder = folder;
    stage.data = join(folder, 'server');
    stage.secret = randomBytes(32).toString('hex');
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, stage.secret);
    const issuer = {
      issuer: ISSUER,
      audiences: [AUDIENCE],
      algorithms: ['HS256'],
      secretFile,
      databases: '*',
    };
    const settings = join(folder, 'settings.json');
    writeFileSync(settings, JSON.stringify({ tokens: [issuer] }));
    stage.server = await startServer(stage.data, ['--config', settings]);
    return stage;
  }

  /** The server as a user reaches it: `key` is a token. */
  async asUser(person) {
    const token = new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(person)
      .setIssuedAt()
      .setExpirationTime('2h');
    return { url: this.server.url, key: await token.sign(Buffer.from(this.secret)) };
  }

  /** A device that speaks the protocol itself, registered. Without a person it has the key of the administrator. */
  async loadDevice(database, person) {
    const server = person === undefined ? this.server : await this.asUser(person);
    const device = new LoadDevice(server, database, DEFINITIONS);
    await device.register();
    return device;
  }

  /**
   * A device with the extension, in a process of its own.
   * @param url of the server, where it is not reached directly
   */
  async device(name, database, person, url = this.server.url) {
    const device = new DeviceProcess();
    this.#devices.push(device);
    const { key } = person === undefined ? this.server : await this.asUser(person);
    const credential = person === undefined ? { apikey: key } : { token: key };
    const path = join(this.folder, `${name}.db`);
    await device.open({ path, definitions: DEFINITIONS, url: `${url}/${database}`, ...credential });
    return device;
  }

  /** Puts policies into force in a database that the server has, by the command that operators use. */
  async deploy(database, text) {
    const file = join(this.folder, `${database}.sql`);
    writeFileSync(file, text);
    const words = ['policy', 'deploy', '--data', this.data, '--db', database, file];
    await execute(process.execPath, [at('dist', 'server', 'main.js'), ...words]);
  }

  /** Resident bytes of the server's process now, and at most so far; undefined where the system does not tell. */
  memory() {
    let text;
    try {
      text = readFileSync(`/proc/${this.server.process.pid}/status`, 'utf8');
    } catch {
      return undefined;
    }
    const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
    return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
  }

  async end() {
    this.kill();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends the devices at once, whatever they are doing. */
  kill() {
    for (const device of this.#devices) device.kill();
  }
}
