/**
 * lock.mjs: lets one process at a time into a piece of work, across processes of one machine.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { say } from './tools.mjs';

const WAIT_MILLISECONDS = 200;

function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    return error.code === 'EPERM';
  }
}

/** Tries to create the lock file with our process id in it. */
function tryLock(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock if its process is gone; true when it is free now. An empty one is just being written: held. */
function removeStaleLock(path) {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    if (owner === 0 || isAlive(owner)) return false;
    rmSync(path, { force: true });
    return true;
  } catch (error) {
    if (error.code === 'ENOENT') return true;
    throw error;
  }
}

/** Runs `work` while holding the lock file; waits for another holder, and takes over from one that has died. */
export function withLock(path, work) {
  let isAnnounced = false;
  while (!tryLock(path)) {
    if (removeStaleLock(path)) continue;
    if (!isAnnounced) say('waiting for another build in this folder');
    isAnnounced = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MILLISECONDS);
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
}
