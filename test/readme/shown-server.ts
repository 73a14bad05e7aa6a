/**
 * shown-server.ts: a server that is started by a line of README.md, in a folder that has what the README promises
 * after a build: `build`, this package and what the examples import installed. Only port and key differ from what is
 * shown.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Block, exchanges, root } from './blocks.js';

const SHOWN_PORT = '8080';
const SHOWN_KEY = 'csk_...';
const SITE_ID = /^[0-9a-f]{32}$/gm;

export class ShownServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'cloudsync-readme-'));
  /** What it printed until it listened, as the README shows it. */
  printed = '';
  #process: ChildProcess | undefined;
  #port = '';
  #key = '';

  /** @param packages that the examples import, beside our own */
  constructor(packages: readonly string[]) {
    const modules = join(this.folder, 'node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    symlinkSync(join(root, 'build'), join(this.folder, 'build'));
    symlinkSync(root, join(modules, 'cloudsync'));
    for (const name of packages) symlinkSync(join(root, 'node_modules', name), join(modules, name));
    symlinkSync(join('..', 'cloudsync', 'dist', 'server', 'main.js'), join(modules, '.bin', 'cloudsync'));
  }

  /** Starts it by the first line of a block, on a free port, and waits until it listens. */
  async start(block: Block): Promise<void> {
    const [first] = exchanges(block);
    const line = (first?.typed ?? '').replace(SHOWN_PORT, '0');
    // A process group of its own, because npx starts the server as a child.
    this.#process = spawn('sh', ['-c', line], {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = await this.#outputUntilListening(this.#process);
    this.#port = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(output)?.[1] ?? '';
    this.#key = /^admin key .*: (csk_\S+)$/m.exec(output)?.[1] ?? '';
    this.printed = this.asShown(output);
  }

  async #outputUntilListening(child: ChildProcess): Promise<string> {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    while (!/^listening on .*\n/m.test(output)) {
      if (child.exitCode !== null) throw new Error(`the server of the README ended: ${output}${this.#log()}`);
      await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), once(child, 'exit')]);
    }
    return output;
  }

  #log(): string {
    return readFileSync(join(this.folder, 'server.log'), 'utf8');
  }

  /** A line of the README with the real port and key. */
  real(line: string): string {
    return line.replaceAll(SHOWN_PORT, this.#port).replaceAll(SHOWN_KEY, this.#key);
  }

  /** What is printed, with everything that differs from run to run as the README shows it; site ids as `SITE`. */
  asShown(text: string): string {
    return text
      .replaceAll(this.#port, SHOWN_PORT)
      .replaceAll(this.#key, SHOWN_KEY)
      .replaceAll(SITE_ID, 'SITE');
  }

  /** Ends it, and removes the folder. */
  async stop(): Promise<void> {
    const { pid, exitCode } = this.#process ?? {};
    if (pid !== undefined && exitCode === null) {
      const ended = once(this.#process as ChildProcess, 'exit');
      process.kill(-pid, 'SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true });
  }
}
