/**
 * affinity.ts: the type that the key columns of our own tables are declared with, so that a key compares there exactly
 * as in the user's table. SQLite's rules: "Datatypes In SQLite", section 3.1.
 */
import { Slice } from '../bytes/slice';

/** ASCII case-insensitive search of an upper-case literal. */
function contains(text: Slice, part: string): bool {
  const length = <u32>part.length;
  if (length > text.size) return false;
  for (let start: u32 = 0; start <= text.size - length; start++) {
    let i: u32 = 0;
    while (i < length && (load<u8>(text.pointer + start + i) & 0xdf) == part.charCodeAt(i)) i++;
    if (i == length) return true;
  }
  return false;
}

/**
 * Affinity of a declared type: 'INTEGER', 'TEXT', 'BLOB', 'REAL' or 'NUMERIC'. In a STRICT table the type ANY keeps
 * values as they are, elsewhere it is an unknown word and means NUMERIC.
 */
export function affinityOf(declaredType: Slice, strict: bool): string {
  if (contains(declaredType, 'INT')) return 'INTEGER';
  if (contains(declaredType, 'CHAR') || contains(declaredType, 'CLOB') || contains(declaredType, 'TEXT'))
    return 'TEXT';
  if (declaredType.size == 0 || contains(declaredType, 'BLOB')) return 'BLOB';
  if (contains(declaredType, 'REAL') || contains(declaredType, 'FLOA') || contains(declaredType, 'DOUB'))
    return 'REAL';
  if (strict && contains(declaredType, 'ANY')) return 'BLOB';
  return 'NUMERIC';
}
