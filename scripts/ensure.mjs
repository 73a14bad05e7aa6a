#!/usr/bin/env node
/**
 * ensure.mjs COMMAND [arguments]: the one entry of all npm scripts. Installs and builds what is missing or out of
 * date, then runs the command. Plain Node, so that it works on a fresh clone.
 *
 *     build       nothing more
 *     start       the demo
 *     test        the checks and all tests; with arguments only the tests they select (as for vitest)
 *     test-long   all tests, the random ones much longer
 *     soak        the bands of evidence for longer, with a record in test/LEDGER.md
 *     bench       the benchmark
 *     check       types, lint, format
 */
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { at, Problem, run } from './tools.mjs';

const NODE_MINIMUM = [20, 17];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return;
  throw new Problem(`needs Node ${NODE_MINIMUM.join('.')} or later; this is ${process.versions.node}`);
}

function runNode(path, args = [], env = {}) {
  return run([process.execPath, at(...path.split('/')), ...args], { env });
}

function check() {
  const types = runNode('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.check.json']);
  const style = runNode('node_modules/@biomejs/biome/bin/biome', [
    'ci',
    ...(process.stdout.isTTY ? [] : ['--colors=off']),
  ]);
  return types || style;
}

function runTests(args, env = {}) {
  const isComplete = args.length === 0;
  const status = isComplete ? check() : 0;
  if (status !== 0) throw new Problem('the checks failed (npm run check), so the tests were not run');
  const environment = isComplete ? { ...env, CLOUDSYNC_COMPLETE_RUN: '1' } : env;
  return runNode('node_modules/vitest/vitest.mjs', ['run', ...args], environment);
}

const commands = {
  build: () => 0,
  start: (args) => runNode('scripts/demo.mjs', args),
  test: (args) => runTests(args),
  'test-long': (args) => runTests(args, { CLOUDSYNC_LONG: '1' }),
  soak: (args) => runNode('scripts/soak.mjs', args),
  bench: (args) => runNode('bench/run.mjs', args),
  check,
};

function main([name, ...args]) {
  const command = commands[name];
  if (!command)
    throw new Problem(`unknown command "${name}"; there are: ${Object.keys(commands).join(', ')}`);
  checkNode();
  ensureInstalled();
  ensureBuilt();
  return command(args);
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`cloudsync: ${error.message}\n`);
  process.exitCode = 1;
}
