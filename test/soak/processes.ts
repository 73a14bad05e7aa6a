/**
 * processes.ts: what a running process holds: memory and open files, read from /proc where there is one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Holdings {
  kibibytes: number;
  handles: number;
}

/** False where the system does not tell what its processes hold. */
export const canLook = existsSync('/proc/self/status');

/** Undefined when the process has ended. */
export function holdingsOf(pid: number): Holdings | undefined {
  if (!existsSync(`/proc/${pid}/fd`)) return undefined;
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kibibytes === undefined) return undefined;
  return { kibibytes: Number(kibibytes), handles: readdirSync(`/proc/${pid}/fd`).length };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** How much more the last quarter of a series holds than its second quarter; the first one warms up. */
export function growth(series: readonly number[]): number {
  const quarter = series.length >> 2;
  return median(series.slice(3 * quarter)) - median(series.slice(quarter, 2 * quarter));
}
