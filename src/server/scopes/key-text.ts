/**
 * key-text.ts: the key of a row for people: its values as SQL literals, shortened where they are long.
 */
import { LIMITS } from '../limits.js';
import { decodeValues, type SqlValue } from './values.js';

/** @param key values one after another, as in cloudsync_changes.pk */
export function keyText(key: Buffer): string {
  const text = decodeValues(key).map(literal).join(', ');
  return text.length <= LIMITS.keyCharacters ? text : `${text.slice(0, LIMITS.keyCharacters)}…`;
}

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'object') return `x'${value.toString('hex')}'`;
  return String(value);
}
