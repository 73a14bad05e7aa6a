/**
 * Which local writes a row algorithm refuses: `gos` every update and delete, `dws` the return of a deleted
 * key.
 */
import type { LogEntry } from '../model/local.js';
import { isAlive } from '../model/merge.js';
import type { ModelReplica } from '../model/replica.js';
import type { Algorithm } from '../packet/packet.js';
import { identity } from '../packet/value.js';
import type { Write } from './writes.js';

export interface RefusalContext {
  algorithm: Algorithm;
  model: ModelReplica;
  /** Writes that were logged but not folded yet. */
  pending: readonly LogEntry[];
}

function samePlace(a: LogEntry, b: LogEntry): boolean {
  return a.table === b.table && identity(a.key) === identity(b.key);
}

/** True when the statement breaks a rule that holds without exception. */
export function refusalRequired(context: RefusalContext, entries: readonly LogEntry[]): boolean {
  const { algorithm, model, pending } = context;
  if (algorithm === 'gos') return entries.some((entry) => entry.kind !== 'insert');
  if (algorithm !== 'dws') return false;
  return entries.some((entry) => {
    const known = model.row(entry.table, entry.key);
    const last = pending.filter((other) => samePlace(other, entry)).at(-1);
    const dead = last === undefined ? !isAlive(known) : last.kind === 'delete';
    return entry.kind === 'insert' && known !== undefined && dead;
  });
}

/**
 * True when the statement may be refused. Besides what must be: `dws` and `gos` may take REPLACE over a live
 * row for the deletion that it is, `dws` may remember a key that was deleted before anybody heard of it, and
 * `gos` need not look whether an update changes anything.
 */
export function refusalAllowed(context: RefusalContext, write: Write, entries: readonly LogEntry[]): boolean {
  if (refusalRequired(context, entries)) return true;
  const { algorithm, model, pending } = context;
  if (algorithm === 'gos' && write.op !== 'insert') return true;
  if (algorithm !== 'dws' && algorithm !== 'gos') return false;
  return entries.some((entry) => {
    const known = [...pending, ...entries].some((other) => other !== entry && samePlace(other, entry));
    return entry.kind === 'insert' && (known || model.row(entry.table, entry.key) !== undefined);
  });
}
