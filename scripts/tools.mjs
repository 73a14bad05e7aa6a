/**
 * tools.mjs: small helpers of the scripts: running programs, finding files, fingerprints, errors for people.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** An error that a person can act on: printed without a stack trace. */
export class Problem extends Error {}

/** Path of a file of the repository from its parts. */
export function at(...parts) {
  return join(root, ...parts);
}

/** Says on stderr what is being done; stdout belongs to the command. */
export function say(text) {
  process.stderr.write(`cloudsync: ${text}\n`);
}

/**
 * Runs a program to its end.
 * @param {string[]} command program and arguments
 * @param {{ quiet?: boolean, env?: Record<string, string> }} [options] quiet: show its output only if it fails
 * @returns {number} exit status
 */
export function run(command, options = {}) {
  const [program, ...args] = command;
  const result = spawnSync(program, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) throw new Problem(`cannot run ${program}: ${result.error.message}`);
  if (options.quiet && result.status !== 0) process.stderr.write(`${result.stdout}${result.stderr}`);
  return result.status ?? 1;
}

/** Runs a program of node_modules that must succeed; `purpose` completes the sentence "cannot ...". */
export function runTool(path, args, purpose, env = {}) {
  const status = run([process.execPath, at('node_modules', ...path.split('/')), ...args], {
    quiet: true,
    env,
  });
  if (status !== 0) throw new Problem(`cannot ${purpose} (see the messages above)`);
}

/** Is there a program of this name that answers `--version`? */
export function hasProgram(name) {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** All files below a folder or the file itself, sorted; empty when there is nothing. */
export function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => filesBelow(join(path, entry.name)));
}

/** A fingerprint of texts and of the names and contents of all files at or below the given paths. */
export function fingerprint(paths, texts = []) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of paths.flatMap((path) => filesBelow(path))) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Folder with Node's C headers if this installation brings them, so that node-gyp need not download any. */
export function nodeHeadersFolder() {
  const prefix = resolve(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include', 'node', 'common.gypi')) ? prefix : undefined;
}
