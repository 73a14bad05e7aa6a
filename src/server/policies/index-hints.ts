/**
 * index-hints.ts: which indexes the queries of policies want. SQLite is asked how it would run them; where it would
 * read a whole table, or make an index for the one time, the columns that are compared are named.
 */
import type Database from 'better-sqlite3';
import type { TablePolicies } from './compiled.js';

export interface IndexHint {
  table: string;
  columns: string[];
  /** When the table is read as a whole. */
  occasion: string;
}

/** The hints for one table's policies, each index once. */
export function indexHints(sqlite: Database.Database, { table, branches }: TablePolicies): IndexHint[] {
  const hints = new Map<string, IndexHint>();
  const look = (sql: string, occasion: string) => {
    for (const found of scansOf(sqlite, sql)) {
      const name = `${found.table}(${found.columns.join()})`;
      if (!hints.has(name)) hints.set(name, { ...found, occasion });
    }
  };
  for (const branch of branches) {
    look(branch.rowKeys, `for every changed row of ${table}`);
    look(branch.principalKeys, 'whenever somebody syncs');
    for (const dependency of branch.dependencies) {
      look(dependency.affected, `for every changed row of ${dependency.table}`);
    }
  }
  return [...hints.values()];
}

/**
 * An index that has all columns is read from end to end like the table itself; so is one of which only a range is asked
 * for, because that keys are not NULL is a range.
 */
const READ_AS_A_WHOLE = /^SCAN (s\d+)\b|^SEARCH (s\d+) USING (?:AUTOMATIC|[^=]*$)/;

function scansOf(sqlite: Database.Database, sql: string): { table: string; columns: string[] }[] {
  const parameters = (sql.match(/\?/g) ?? []).map(() => null);
  const plan = sqlite.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
  const tables = new Map(
    [...sql.matchAll(/"((?:[^"]|"")+)" AS (s\d+)/g)].map(([, table = '', alias = '']) => [alias, table]),
  );
  return plan.flatMap(({ detail }) => {
    const alias = READ_AS_A_WHOLE.exec(detail);
    const name = alias?.[1] ?? alias?.[2] ?? '';
    const table = tables.get(name);
    const columns = comparedColumns(sql, name);
    return table === undefined || columns.length === 0 ? [] : [{ table, columns }];
  });
}

/** The columns of a source that an equality compares in a query of ours. */
function comparedColumns(sql: string, alias: string): string[] {
  const column = `${alias}\\."((?:[^"]|"")+)"`;
  const pattern = new RegExp(`\\(${column} = |[^=]= ${column}\\)|${column} = \\?|\\(${column} IN \\(`, 'g');
  const names = [...sql.matchAll(pattern)].flatMap((match) =>
    match.slice(1).filter((name) => name !== undefined),
  );
  return [...new Set(names)];
}
