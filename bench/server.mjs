/**
 * server.mjs: starts the built server as a process of its own, on a free port of this machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { at } from '../scripts/tools.mjs';

function untilListening(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const url = /^listening on (\S+)$/m.exec(output)?.[1];
      if (url) resolve({ url, key: /^admin key .*: (csk_\S+)$/m.exec(output)?.[1] });
    });
    child.once('close', (code) => {
      reject(new Error(`the server ended with code ${code} before it listened:\n${output}${errors}`));
    });
  });
}

/** The load comes from one address and with one key: what is measured is the server and not its limits. */
const UNLIMITED = ['device', 'subject', 'address'].flatMap((name) => [`--rate-${name}`, '0']);

/**
 * Starts a server.
 * @param folder a new folder for its data
 * @returns { url, key: an admin key, stop() }
 */
export async function startServer(folder) {
  const program = at('dist', 'server', 'main.js');
  const child = spawn(process.execPath, [program, 'serve', '--data', folder, '--port', '0', ...UNLIMITED], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { url, key } = await untilListening(child);
  return {
    url,
    key,
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
    },
  };
}
