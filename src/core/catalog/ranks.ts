/**
 * ranks.ts: orders tracked tables so that parents come before children, as far as foreign keys have no cycle.
 */
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { findTable, Table } from './table';

class Reference {
  constructor(
    public child: Table,
    public parent: Table,
  ) {}
}

function loadReferences(tables: Array<Table>): Array<Reference> {
  const references: Array<Reference> = [];
  const statement = new Statement(
    new Text().add(
      'SELECT t.name, f."table" FROM main.cloudsync_tables AS t, pragma_foreign_key_list(t.name, \'main\') AS f',
    ),
  );
  while (statement.step()) {
    const child = findTable(tables, statement.columnBytes(0));
    const parent: Table | null = findTable(tables, statement.columnBytes(1));
    if (child != null && parent != null && child.id != parent.id)
      references.push(new Reference(child, parent));
  }
  statement.close();
  return references;
}

/** True when a tracked table refers to another one. */
export function hasReferences(tables: Array<Table>): bool {
  return loadReferences(tables).length > 0;
}

/** Sets `rank` of every table and returns the largest. Cycles end after as many rounds as there are tables. */
export function rankTables(tables: Array<Table>): i32 {
  const references = loadReferences(tables);
  for (let round = 0; round < tables.length; round++) {
    let changed = false;
    for (let i = 0; i < references.length; i++) {
      const reference = references[i];
      if (reference.child.rank > reference.parent.rank) continue;
      reference.child.rank = reference.parent.rank + 1;
      changed = true;
    }
    if (!changed) break;
  }
  let last = 0;
  for (let i = 0; i < tables.length; i++) if (tables[i].rank > last) last = tables[i].rank;
  return last;
}
