/**
 * compare.ts: the end of every end-to-end test: databases that have exchanged everything hold the same rows and the
 * same clocks, nothing is held, and SQLite finds the files whole.
 */
import { expect } from 'vitest';
import { dumpMetadata, dumpTable, heldChanges, openDatabase } from '../support/database.js';

/** Every table of a database file, each row as a line, then the clocks of all rows. Checks the file on the way. */
function contentOf(file: string, tables: readonly string[]): Record<string, string[]> {
  const db = openDatabase({ source: file });
  try {
    expect(db.pragma('integrity_check', { simple: true }), file).toBe('ok');
    expect(heldChanges(db), `held in ${file}`).toEqual([]);
    const content = Object.fromEntries(tables.map((table) => [table, dumpTable(db, table)]));
    return { ...content, 'the clocks': dumpMetadata(db) };
  } finally {
    db.close();
  }
}

/**
 * Compares databases table by table, row by row.
 * @returns the rows of each table, which are the same everywhere, so that the test can look whether they are right
 */
export function expectEqual(files: readonly string[], tables: readonly string[]): Record<string, string[]> {
  const [first, ...others] = files;
  if (first === undefined) throw new Error('there is nothing to compare');
  const expected = contentOf(first, tables);
  for (const file of others) {
    const content = contentOf(file, tables);
    for (const [name, lines] of Object.entries(expected)) {
      expect(content[name], `${name}: ${file} against ${first}`).toEqual(lines);
    }
  }
  return expected;
}
