/**
 * server.mjs: the server of the demo: the same program that `npx cloudsync serve` runs, as a child process on a free
 * port of 127.0.0.1.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { at } from '../tools.mjs';

/**
 * Starts the server and waits until it listens.
 * @param {string} dataFolder where the server keeps its databases; created
 * @returns {Promise<{ url: string, key: string, stop(): Promise<void> }>} its address and the key that it printed
 * @throws {Error} with the server's own words when it ends before it listens
 */
export async function startServer(dataFolder) {
  const words = [at('dist', 'server', 'main.js'), 'serve', '--data', dataFolder, '--port', '0'];
  const child = spawn(process.execPath, [...words, '--log-level', 'warn'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithDemo = () => child.kill('SIGKILL');
  process.once('exit', endWithDemo);
  const output = await outputUntilListening(child);
  return {
    url: /^listening on (\S+)$/m.exec(output)[1],
    key: /^admin key .*: (\S+)$/m.exec(output)[1],
    async stop() {
      const hasEnded = once(child, 'close');
      child.kill('SIGTERM');
      const [code] = await hasEnded;
      process.removeListener('exit', endWithDemo);
      if (code !== 0) throw new Error(`the server ended with code ${code}`);
    },
  };
}

function outputUntilListening(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (/^listening on \S+\n/m.test(output)) resolve(output);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      reject(new Error(`the server ended with code ${code} before it listened:\n${errors}`)),
    );
  });
}
