/**
 * server.mjs: starts the built server as a process of its own, on a free port of this machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { at } from '../scripts/tools.mjs';

/** Only the end of what the server has logged is kept: under load it logs every request. */
const LOG_CHARACTERS = 4000;

/** A benchmark is the flood that limits of requests are there to stop: 0 = any number. */
const UNLIMITED = { CLOUDSYNC_RATE_DEVICE: '0', CLOUDSYNC_RATE_SUBJECT: '0', CLOUDSYNC_RATE_ADDRESS: '0' };

function untilListening(child, log) {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const url = /^listening on (\S+)$/m.exec(output)?.[1];
      if (url) resolve({ url, key: /^admin key .*: (csk_\S+)$/m.exec(output)?.[1] });
    });
    child.once('close', (code) => {
      reject(new Error(`the server ended with code ${code} before it listened:\n${output}${log()}`));
    });
  });
}

/**
 * Starts a server.
 * @param folder a new folder for its data
 * @param words further arguments
 * @returns { url, key: an admin key, process, log(): the end of its log, stop() }
 */
export async function startServer(folder, words = []) {
  const program = at('dist', 'server', 'main.js');
  const child = spawn(process.execPath, [program, 'serve', '--data', folder, '--port', '0', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...UNLIMITED },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log = (log + text).slice(-LOG_CHARACTERS);
  });
  const { url, key } = await untilListening(child, () => log);
  return {
    url,
    key,
    process: child,
    log: () => log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    },
  };
}
