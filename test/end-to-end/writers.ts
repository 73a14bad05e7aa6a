/**
 * writers.ts: starts writer.mjs as a process of its own and follows what it reports, for tests that kill clients or let
 * several work on one file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./writer.mjs', import.meta.url));

/** The table that writers write to, with the row that all of them change. */
export const NOTES = 'CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, n INTEGER, text TEXT)';

export interface WriterOptions {
  file: string;
  /** Address of the server's database, and the key. */
  url: string;
  key: string;
  tag: string;
  count: number;
  extension?: boolean;
  sync?: boolean;
}

export class Writer {
  /** Everything reported so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #errors = '';

  constructor(options: WriterOptions) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#child, 'close');
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    onTestFinished(() => {
      this.#child.kill('SIGKILL');
    });
  }

  /** The keys of all lines that begin with a word. */
  reported(word: 'committed' | 'synced' | 'failed'): string[] {
    return this.lines
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => line.slice(word.length + 1));
  }

  /** Waits for a line. Throws with the writer's errors when it ends before. */
  async waitFor(line: string): Promise<void> {
    let ended = false;
    this.#closed.then(() => {
      ended = true;
    });
    while (!this.lines.includes(line)) {
      if (ended) throw new Error(`the writer ended before "${line}": ${this.#errors}`);
      await new Promise((resolve) => {
        this.#child.stdout?.once('data', resolve);
        this.#closed.then(resolve);
      });
    }
  }

  /** Sends SIGKILL and waits until everything that it had reported is here. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Waits for the end. Throws when it was no success. */
  async finish(): Promise<void> {
    await this.#closed;
    if (this.#child.exitCode !== 0)
      throw new Error(`a writer failed (${this.#child.exitCode}): ${this.#errors}`);
  }
}
