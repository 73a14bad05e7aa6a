/**
 * install.mjs: makes sure that node_modules is what package-lock.json says.
 */
import { existsSync, readFileSync } from 'node:fs';
import { at, nodeHeadersFolder, Problem, run, say } from './tools.mjs';

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/** Compares what is locked with npm's own record of what it installed. */
function isInstalled() {
  const record = at('node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = packagesOf(record);
  return Object.entries(packagesOf(at('package-lock.json'))).every(
    ([path, wanted]) => path === '' || wanted.optional || installed[path]?.version === wanted.version,
  );
}

/** Installs the dependencies when they are missing or not those of the lock file. */
export function ensureInstalled() {
  if (isInstalled()) return;
  say('installing the dependencies (npm install)');
  const headers = nodeHeadersFolder();
  const npm = process.env.npm_execpath;
  const command = npm ? [process.execPath, npm] : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, as ours may.
  const status = run([...command, 'install', '--no-save', '--no-audit', '--no-fund'], {
    quiet: true,
    env: headers ? { npm_config_nodedir: headers } : {},
  });
  if (status !== 0) throw new Problem('npm install failed (see the messages above)');
}
