/**
 * build.ts: builds the copy of the repository with the planted flaws, in build/flawed. Without CLOUDSYNC_FLAW it is
 * like the original; tests run in it with `vitest --root build/flawed`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { FLAWS, type Flaw } from './flaws.js';

const root = resolve(import.meta.dirname, '../..');
/** The folder of the copy. */
export const flawedRoot = join(root, 'build/flawed');

const COPIED = ['src', 'shim', 'test', 'scripts', 'package.json', 'package-lock.json', 'asconfig.json'];
const COPIED_TOO = ['binding.gyp', 'tsconfig.json', 'vitest.config.ts'];

/** The import by which the flawed core asks which flaw is chosen, and its implementation in the shim. */
const IMPORT_DECLARATION =
  '\n/** Number of the flaw that is chosen, from 1; 0 for none. */\nexport declare function flaw(): i32;\n';
const chosenFlaw = () => `
#include <stdlib.h>
int flaw_chosen(void) {
  static const char *const names[] = {${FLAWS.map(({ name }) => `"${name}"`).join(', ')}};
  const char *chosen = getenv("CLOUDSYNC_FLAW");
  for (int at = 0; chosen != NULL && at < ${FLAWS.length}; at++) {
    if (strcmp(names[at], chosen) == 0) return at + 1;
  }
  return 0;
}
`;

/** The condition "this flaw is chosen" in the language of the file. */
function conditionFor({ name, file }: Flaw): string {
  const number = FLAWS.findIndex((flaw) => flaw.name === name) + 1;
  if (file.startsWith('src/core/')) return `(flaw() == ${number})`;
  return file.startsWith('shim/')
    ? `(flaw_chosen() == ${number})`
    : `(process.env['CLOUDSYNC_FLAW'] === '${name}')`;
}

function declarationFor(file: string): string {
  if (file.startsWith('src/core/'))
    return `import { flaw } from '${relative(dirname(file), 'src/core/host')}';\n`.replace(
      "'host'",
      "'./host'",
    );
  return file.startsWith('shim/') ? 'int flaw_chosen(void);\n' : '';
}

function plant(flaw: Flaw): void {
  const path = join(flawedRoot, flaw.file);
  const source = readFileSync(path, 'utf8');
  if (source.split(flaw.find).length !== 2) {
    throw new Error(`flaw ${flaw.name}: ${flaw.file} must contain this text once: ${flaw.find}`);
  }
  writeFileSync(
    path,
    source.replace(flaw.find, () => flaw.replace.replaceAll('FLAW', conditionFor(flaw))),
  );
}

function append(file: string, text: string): void {
  const path = join(flawedRoot, file);
  writeFileSync(path, readFileSync(path, 'utf8') + text);
}

function prepend(file: string, text: string): void {
  const path = join(flawedRoot, file);
  writeFileSync(path, text + readFileSync(path, 'utf8'));
}

/** Copies, plants all flaws and builds. What has not changed since the last time is not built again. */
export function buildFlawed(): void {
  mkdirSync(flawedRoot, { recursive: true });
  for (const name of [...COPIED, ...COPIED_TOO]) {
    rmSync(join(flawedRoot, name), { recursive: true, force: true });
    cpSync(join(root, name), join(flawedRoot, name), { recursive: true });
  }
  // Test programs that have nothing of ours in them need not be compiled again.
  if (existsSync(join(root, 'build/test'))) {
    cpSync(join(root, 'build/test'), join(flawedRoot, 'build/test'), { recursive: true });
  }
  rmSync(join(flawedRoot, 'node_modules'), { force: true });
  symlinkSync(join(root, 'node_modules'), join(flawedRoot, 'node_modules'));
  append('src/core/host.ts', IMPORT_DECLARATION);
  append(
    'shim/host_misc.c',
    `${chosenFlaw()}\nu32 w2c_host_flaw(struct w2c_host *host) {\n  (void)host;\n  return (u32)flaw_chosen();\n}\n`,
  );
  for (const flaw of FLAWS) plant(flaw);
  for (const file of new Set(FLAWS.map((flaw) => flaw.file))) prepend(file, declarationFor(file));
  execFileSync(process.execPath, [join(flawedRoot, 'scripts/ensure.mjs'), 'build'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
