/**
 * build.mjs: builds what is out of date, stage by stage:
 *
 *     src/core/*.ts  --asc-->  build/core.wasm  --wasm2c-->  build/core.c
 *     build/core.c, shim/*.c  --node-gyp, C compiler-->  build/Release/cloudsync.so (.dylib, .dll)
 *     src/node, src/server, src/admin-page  --tsc-->  dist/
 *
 * A stage is up to date when its outputs exist and the fingerprint of its inputs is the one that was recorded
 * when it was last built. Nothing is printed when nothing is to do.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { withLock } from './lock.mjs';
import {
  at,
  filesBelow,
  fingerprint,
  hasProgram,
  nodeHeadersFolder,
  Problem,
  runTool,
  say,
} from './tools.mjs';

const EXTENSIONS = { darwin: 'dylib', win32: 'dll' };

/** The loadable extension for this platform. */
export const extensionFile = at('build', 'Release', `cloudsync.${EXTENSIONS[process.platform] ?? 'so'}`);

function versionOf(packageName) {
  return JSON.parse(readFileSync(at('node_modules', packageName, 'package.json'), 'utf8')).version;
}

function compileCore() {
  // The transform is not in asconfig.json because the compiler resolves it there as the name of a package.
  const args = [
    '--config',
    'asconfig.json',
    '--target',
    'release',
    '--transform',
    './scripts/asc-transform.mjs',
  ];
  runTool('assemblyscript/bin/asc.js', args, 'compile the core');
}

function translateCore() {
  const args = [at('build', 'core.wasm'), '--module-name', 'core', '--output', at('build', 'core.c')];
  runTool('wabt/bin/wasm2c', args, 'translate the core to C');
}

function checkCompiler() {
  if (process.platform === 'win32') return;
  const compiler = process.env.CC ?? 'cc';
  if (!hasProgram(compiler)) {
    throw new Problem(`no C compiler (${compiler}) found: install gcc or clang (Debian: build-essential)`);
  }
  if (!hasProgram('make')) throw new Problem('make not found: install it (Debian: build-essential)');
  if (!hasProgram('python3')) throw new Problem('python3 not found: node-gyp needs it, install it');
}

function compileExtension() {
  checkCompiler();
  const headers = nodeHeadersFolder();
  const args = [
    'configure',
    'build',
    '--release',
    '--loglevel=error',
    ...(headers ? [`--nodedir=${headers}`] : []),
  ];
  runTool('node-gyp/bin/node-gyp.js', args, 'compile the extension');
}

function compileTypeScript() {
  // Compiled beside and put in place at once, so that a program that is running from dist/ never misses a file.
  const [target, fresh, former] = [at('dist'), at('build', 'dist.new'), at('build', 'dist.old')];
  for (const folder of [fresh, former]) rmSync(folder, { recursive: true, force: true });
  const args = ['-p', 'tsconfig.json', '--outDir', fresh];
  runTool('typescript/bin/tsc', args, 'compile src/node and src/server');
  compileAdminPage(fresh);
  // npm makes the command of the package executable only when it links it.
  chmodSync(join(fresh, 'server', 'main.js'), 0o755);
  if (existsSync(target)) renameSync(target, former);
  renameSync(fresh, target);
  rmSync(former, { recursive: true, force: true });
}

/** The admin page has types of its own: it runs in a browser, whose names the server must not know. */
function compileAdminPage(target) {
  const page = at('src', 'admin-page');
  const args = ['-p', join(page, 'tsconfig.json'), '--outDir', target];
  runTool('typescript/bin/tsc', args, 'compile src/admin-page');
  const files = filesBelow(page).filter((file) => /\.(html|css|svg)$/.test(file));
  for (const file of files) copyFileSync(file, join(target, 'admin-page', basename(file)));
}

/** The stages in order. Each names its inputs: files or folders, and texts such as versions of tools. */
function stages() {
  return [
    {
      name: 'core.wasm',
      inputs: [at('src', 'core'), at('asconfig.json'), at('scripts', 'asc-transform.mjs')],
      texts: [versionOf('assemblyscript')],
      outputs: [at('build', 'core.wasm')],
      build: compileCore,
    },
    {
      name: 'core.c',
      inputs: [at('build', 'core.wasm')],
      texts: [versionOf('wabt')],
      outputs: [at('build', 'core.c'), at('build', 'core.h')],
      build: translateCore,
    },
    {
      name: 'extension',
      inputs: [at('build', 'core.c'), at('build', 'core.h'), at('shim'), at('binding.gyp')],
      texts: [versionOf('node-gyp'), versionOf('better-sqlite3'), process.arch, process.env.CC ?? ''],
      outputs: [extensionFile],
      build: compileExtension,
    },
    {
      name: 'dist',
      inputs: [
        at('src', 'node'),
        at('src', 'server'),
        at('src', 'admin-page'),
        at('tsconfig.json'),
        at('package.json'),
      ],
      texts: [versionOf('typescript')],
      outputs: [at('dist')],
      build: compileTypeScript,
    },
  ];
}

function ensureStage(stage) {
  const record = at('build', 'fingerprints', stage.name);
  const current = fingerprint(stage.inputs, stage.texts);
  const recorded = existsSync(record) ? readFileSync(record, 'utf8') : '';
  if (current === recorded && stage.outputs.every((output) => existsSync(output))) return;
  say(`building ${stage.name}`);
  rmSync(record, { force: true });
  stage.build();
  writeFileSync(record, current);
}

/** Builds what is out of date. Two builds at the same time in the same folder wait for each other. */
export function ensureBuilt() {
  mkdirSync(at('build', 'fingerprints'), { recursive: true });
  withLock(at('build', 'lock'), () => {
    for (const stage of stages()) ensureStage(stage);
  });
}
