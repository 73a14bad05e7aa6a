/**
 * principal-tables.ts: the tables that say which scopes a principal has. SQLite is asked: which tables a statement
 * opens is in its program.
 */
import { foldName } from '../store/tables.js';
import type { Scoped } from './scoped.js';

interface Instruction {
  opcode: string;
  p2: number;
}

/** Of the programs of queries: the instructions that open a table or an index. */
const OPENS = ['OpenRead', 'ReopenIdx'];

/** Folded names of the tables in which a change may give or take scopes. */
export function principalTables({ compiled, database }: Scoped): Set<string> {
  const queries = [...compiled.tables.values()].flatMap(({ branches }) =>
    branches.map((branch) => branch.principalKeys),
  );
  const tableAt = database.prepare<[number], { tbl_name: string }>(
    'SELECT tbl_name FROM main.sqlite_schema WHERE rootpage = ?',
  );
  const names = new Set<string>();
  for (const query of new Set(queries)) {
    for (const { opcode, p2 } of database.sqlite.prepare<[], Instruction>(`EXPLAIN ${query}`).all()) {
      const table = OPENS.includes(opcode) ? tableAt.get(p2) : undefined;
      if (table !== undefined) names.add(foldName(table.tbl_name));
    }
  }
  return names;
}
