/**
 * cases.ts: the child's half of a band that is played in child processes (play.ts is the parent's): plays a run of
 * cases one after another and says before each which one it is, so that the parent knows it when the process crashes
 * or hangs.
 */
import { openSync, writeSync } from 'node:fs';
import { PROGRESS_DIGITS, type Report } from './protocol.js';

/** Processor time that one case may take. */
const CASE_SECONDS_MAX = 5;
/** Memory of the process that no series of cases may need. */
const MEMORY_MAX = 1.5 * 2 ** 30;
const CASES_BETWEEN_CHECKS = 50;

export interface Case {
  /** From 0, within the whole run of the band. */
  number: number;
  /** Where its random numbers begin. */
  seed: number;
  /** Adds to a figure of the report. */
  add(name: string, amount?: number): void;
}

function checkMemory(): void {
  const bytes = process.memoryUsage.rss();
  if (bytes > MEMORY_MAX) throw new Error(`the process has grown to ${bytes} bytes`);
}

/** Plays what the command line asks for: file for the progress, first case, cases, seed of case 0. */
export function playCases(play: (each: Case) => void): void {
  const [progressFile = '', ...numbers] = process.argv.slice(2);
  const [first = 0, count = 0, seed = 0] = numbers.map(Number);
  const progress = openSync(progressFile, 'r+');
  const report: Report = { done: true, failures: [], detail: {} };
  const add = (name: string, amount = 1) => {
    report.detail[name] = (report.detail[name] ?? 0) + amount;
  };
  for (let number = first; number < first + count; number++) {
    writeSync(progress, String(number).padEnd(PROGRESS_DIGITS), 0);
    const before = process.cpuUsage();
    try {
      play({ number, seed: seed + number, add });
      const { user, system } = process.cpuUsage(before);
      if (user + system > CASE_SECONDS_MAX * 1e6) throw new Error(`takes ${(user + system) / 1e6} s`);
      if (number % CASES_BETWEEN_CHECKS === 0) checkMemory();
    } catch (error) {
      report.failures.push({ number, what: String((error as Error).stack ?? error).slice(0, 2000) });
      if (report.failures.length >= 10) break;
    }
  }
  writeSync(1, `${JSON.stringify(report)}\n`);
}
