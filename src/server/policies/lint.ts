/**
 * lint.ts: what is allowed in a policy file and still worth a second look: holes that are easily overlooked, and
 * costs that grow with the data.
 */
import type Database from 'better-sqlite3';
import { foldName } from '../store/tables.js';
import type { Compilation } from './compile.js';
import type { TablePolicies } from './compiled.js';
import type { Alternative } from './compiler/normal-form.js';
import { describe } from './describe.js';
import { indexHints } from './index-hints.js';
import type { Source } from './language/syntax.js';
import { placeOf } from './policy-error.js';

export interface Finding {
  kind: 'error' | 'warning' | 'note';
  line: number;
  column: number;
  message: string;
}

/** Everything that is to be said about a text, in its order. */
export function findingsOf(sqlite: Database.Database, text: string, compilation: Compilation): Finding[] {
  const at = (kind: Finding['kind'], offset: number, message: string): Finding => {
    return { kind, ...placeOf(text, offset), message };
  };
  const errors = compilation.errors.map(({ offset, message, remedy }) =>
    at('error', offset, remedy === '' ? message : `${message}; ${remedy}`),
  );
  const findings = [...errors, ...aboutStatements(compilation, at), ...aboutTables(sqlite, compilation, at)];
  return findings.sort((left, right) => left.line - right.line || left.column - right.column);
}

type Maker = (kind: Finding['kind'], offset: number, message: string) => Finding;

function aboutStatements({ statements }: Compilation, at: Maker): Finding[] {
  return statements.flatMap(({ name, command, check, offset, using }) => {
    const isWrite = command === 'UPDATE' || command === 'ALL';
    if (!isWrite || check !== null || using === null) return [];
    const message = `policy ${name} has no WITH CHECK: USING counts for the row as it will be as well`;
    return [at('note', offset, message)];
  });
}

function aboutTables(sqlite: Database.Database, compilation: Compilation, at: Maker): Finding[] {
  const { policies, statements, alternatives } = compilation;
  const findings: Finding[] = [];
  const offsetOf = (table: string) =>
    statements.find((statement) => foldName(statement.table) === foldName(table))?.tableOffset ?? 0;
  const deciding = new Map<string, Set<string>>();
  for (const table of policies.tables.values()) {
    const offset = offsetOf(table.table);
    const isRead = table.branches.length > 0;
    for (const branch of table.branches) {
      const alternative = alternatives.get(branch);
      if (alternative === undefined) continue;
      for (const [kind, message] of costsOf(alternative)) findings.push(at(kind, offset, message));
      for (const name of tablesOf(alternative)) {
        deciding.set(name, (deciding.get(name) ?? new Set<string>()).add(table.table));
      }
    }
    for (const { table: name, columns, occasion } of isRead ? indexHints(sqlite, table) : []) {
      const message = `an index on ${name}(${columns.join(', ')}) would help: ${name} is read as a whole ${occasion}`;
      findings.push(at('warning', offset, message));
    }
  }
  for (const [name, tables] of deciding) {
    const message = aboutDeciding(name, [...tables], policies.tables.get(foldName(name)));
    findings.push(at('note', offsetOf([...tables][0] ?? ''), message));
  }
  return unique(findings);
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}

function costsOf(alternative: Alternative): [Finding['kind'], string][] {
  const { links, principalConditions, principalSources, rowSources } = alternative;
  const found: [Finding['kind'], string][] = [];
  const text = describe(alternative);
  if (links.length === 0 && principalConditions.length === 0) {
    found.push(['warning', `these rows are shown to everybody who may use the database: ${text}`]);
  }
  const many = rowSources.filter((source) => !leadsToOneRow(source, alternative));
  if (many.length > 0) {
    const names = many.map(nameOf).join(' and ');
    found.push(['note', `a row gets one key for each row of ${names} that belongs to it: ${text}`]);
  }
  if (principalSources.length > 1) {
    const names = principalSources.map(nameOf).join(' and ');
    found.push(['warning', `somebody gets one scope for each combination of rows of ${names}: ${text}`]);
  } else if (principalSources[0]?.view !== undefined && links.length > 0) {
    found.push([
      'note',
      `somebody gets one scope for each of his rows of ${nameOf(principalSources[0])}: ${text}`,
    ]);
  }
  return found;
}

function nameOf({ view, call }: Source): string {
  return view?.name ?? call?.name ?? 'a query';
}

/** Whether a column of the source that is unique is compared with something else. */
function leadsToOneRow(source: Source, { rowConditions }: Alternative): boolean {
  return rowConditions.some((condition) => {
    if (condition.kind !== 'binary' || condition.operator !== '=') return false;
    return [condition.left, condition.right].some(
      (side) =>
        side.kind === 'column' &&
        side.source === source &&
        source.view?.columns.get(foldName(side.name))?.isUnique === true,
    );
  });
}

function tablesOf({ rowSources, principalSources }: Alternative): string[] {
  return [...rowSources, ...principalSources].flatMap(({ view }) => (view === undefined ? [] : [view.name]));
}

/** Who may write a table that says who sees what can give himself everything. */
function aboutDeciding(name: string, tables: readonly string[], policies: TablePolicies | undefined): string {
  const decides = `${name} decides who sees rows of ${tables.join(', ')}`;
  const { insertCheck = null, updateCheck = null } = policies ?? {};
  if (insertCheck === null && updateCheck === null) {
    return `${decides}, and has no policy for writing: only keys that bypass the policies can change it`;
  }
  return `${decides}: see to it that its own policies let nobody write a row for himself who should not`;
}
