/**
 * programs.ts: the programs through which the replicas of a test work on their files: better-sqlite3 in this process,
 * the sqlite3 command line and Python, each with the extension loaded, and the sqlite3 command line without it. They
 * do not wait for the disk (synchronous = OFF): no test here cuts the power.
 */
import { spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { load } from '../../src/node/index.js';
import { extensionFile, python, runProgram, sqlite } from '../native/programs.js';

/** Runs SQL statements on a database file and returns the first column of every result row, in order. */
export type SqlProgram = (file: string, statements: readonly string[]) => string[];

function inThisProcess(file: string, statements: readonly string[]): string[] {
  const database = new Database(file);
  try {
    load(database);
    database.pragma('synchronous = OFF');
    return statements.flatMap((sql) => {
      const statement = database.prepare(sql);
      if (statement.reader) return statement.pluck().all().map(String);
      statement.run();
      return [];
    });
  } finally {
    database.close();
  }
}

/** Statements as the command line reads them; it stops at the first error. */
function script(statements: readonly string[], extension: boolean): string {
  const settings = ['.bail on', '.timeout 10000', '.headers off', '.mode list', 'PRAGMA synchronous = OFF;'];
  if (extension) settings.push(`.load ${extensionFile}`);
  return `${[...settings, ...statements.map((sql) => `${sql};`)].join('\n')}\n`;
}

function lines(output: string): string[] {
  return output === '' ? [] : output.split('\n');
}

function throughCommandLine(extension: boolean): SqlProgram {
  return (file, statements) => lines(runProgram('sqlite3', [file], script(statements, extension)));
}

const PYTHON_PROGRAM = `
import json, sqlite3, sys
file, extension, statements = json.load(sys.stdin)
connection = sqlite3.connect(file, timeout=10, isolation_level=None)
connection.enable_load_extension(True)
connection.load_extension(extension)
connection.execute("PRAGMA synchronous = OFF")
for sql in statements:
    for row in connection.execute(sql):
        print(row[0])
`;

function throughPython(file: string, statements: readonly string[]): string[] {
  const input = JSON.stringify([file, extensionFile, statements]);
  return lines(runProgram(python ?? 'python3', ['-c', PYTHON_PROGRAM], input));
}

/** The programs of this machine that can sync, by name. */
export const syncingPrograms: ReadonlyMap<string, SqlProgram> = new Map<string, SqlProgram>([
  ['better-sqlite3', inThisProcess],
  ...(sqlite ? ([['sqlite3', throughCommandLine(true)]] as const) : []),
  ...(python ? ([['python', throughPython]] as const) : []),
]);

/** A program that knows nothing of cloudsync; undefined when there is no sqlite3 command line. */
export const plainProgram: SqlProgram | undefined = sqlite ? throughCommandLine(false) : undefined;

/** What a program that has ended left behind. */
export interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** Runs statements in the sqlite3 command line while this process goes on, as a server must that answers them. */
export function startSqlite(file: string, statements: readonly string[]): Promise<Ended> {
  const child = spawn('sqlite3', [file], { stdio: 'pipe' });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.end(script(statements, true));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: output.trim(), errors }));
  });
}
