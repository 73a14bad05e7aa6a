/**
 * device-process.mjs: a device with the extension in a process of its own (device-program.mjs), as the benchmark sees
 * it. A process because a synchronisation blocks the one that runs it, and several devices have to work at once.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('device-program.mjs', import.meta.url));

export class DeviceProcess {
  #child = fork(PROGRAM);
  /** Requests without an answer yet, in their order: the device answers in the same. */
  #waiting = [];

  constructor() {
    this.#child.on('message', ({ result, error }) => {
      const { resolve, reject } = this.#waiting.shift();
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.#child.once('close', (code) => {
      for (const { reject } of this.#waiting) reject(new Error(`a device ended with code ${code}`));
    });
  }

  #ask(request) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(request);
    });
  }

  /** Opens its database and names the server: { path, definitions, url, apikey or token }. */
  open(settings) {
    return this.#ask({ action: 'open', settings });
  }

  /**
   * Runs a statement.
   * @returns { value: the first one of its first row, start, end: milliseconds of a clock that all processes share }
   */
  run(sql, ...parameters) {
    return this.#ask({ action: 'run', sql, parameters });
  }

  /** Synchronises again and again, each time waiting for changes of others, until a query has this value. As run. */
  syncUntil(sql, value) {
    return this.#ask({ action: 'syncUntil', sql, value });
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}
