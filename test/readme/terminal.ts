/**
 * terminal.ts: a sqlite3 program with somebody at its keyboard: a line is typed, what is printed until the next prompt
 * is the answer.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { exchanges, namedBlocks } from './blocks.js';
import type { ShownServer } from './shown-server.js';

const PROMPT = 'sqlite> ';

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #printed = '';
  /** Called when something was printed or the program has ended. */
  #wake: () => void = () => undefined;

  /** @param command the line that starts the program: "sqlite3 phone.db" */
  constructor(command: string, folder: string) {
    const [program = '', ...words] = command.split(' ');
    // Without a terminal the program would neither show prompts nor print at once; -interactive makes it do both.
    this.#child = spawn(program, ['-interactive', ...words], {
      cwd: folder,
      // Wide and without features, so that line editing repeats a line as it was typed.
      env: { ...process.env, TERM: 'dumb', COLUMNS: '1000', HOME: folder },
      stdio: 'pipe',
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text;
        this.#wake();
      });
    }
    this.#child.once('exit', () => this.#wake());
  }

  /** Waits for the first prompt. */
  async open(): Promise<void> {
    await this.#untilPrompt();
  }

  /** Types a line and returns what the program prints, without prompt and echo. */
  async type(line: string): Promise<string> {
    this.#printed = '';
    this.#child.stdin.write(`${line}\n`);
    const text = await this.#untilPrompt();
    // Programs built with line editing repeat what is typed.
    return text.startsWith(`${line}\n`) ? text.slice(line.length + 1) : text;
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  async #untilPrompt(): Promise<string> {
    while (!this.#printed.endsWith(PROMPT)) {
      if (this.#child.exitCode !== null) throw new Error(`the program ended: ${this.#printed}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#printed.slice(0, -PROMPT.length);
  }
}

/**
 * Types the blocks of those terminals in the order of README.md, and compares what is printed with what is shown.
 *
 * @param instead what the test types and sees instead of words of the README that differ from run to run
 * @returns lines that were typed
 */
export async function typeBlocks(
  server: ShownServer,
  names: readonly string[],
  instead: ReadonlyMap<string, string> = new Map(),
): Promise<number> {
  const terminals = new Map<string, Terminal>();
  let lines = 0;
  for (const block of namedBlocks().filter(({ kind, name }) => kind === 'run' && names.includes(name))) {
    for (const { typed, printed } of exchanges(block)) {
      const terminal = terminals.get(block.name);
      if (terminal === undefined) {
        expect(typed).toBe(`sqlite3 ${block.name}.db`);
        const opened = new Terminal(typed, server.folder);
        await opened.open();
        terminals.set(block.name, opened);
        continue;
      }
      let line = server.real(typed);
      for (const [shown, real] of instead) line = line.replaceAll(shown, real);
      const answer = server.asShown(await terminal.type(line));
      expect(answer, `${block.name}: ${typed}`).toBe(server.asShown(printed));
      lines += 1;
    }
  }
  for (const terminal of terminals.values()) await terminal.close();
  return lines;
}
