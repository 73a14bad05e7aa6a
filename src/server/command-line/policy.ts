/**
 * policy.ts: `cloudsync policy`: checks, explains, tests and deploys the policies of a database. It works on the
 * database file directly; a running server takes new policies over with the next request.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openDataDirectory } from '../data-directory.js';
import { DATABASE_NAME, LIMITS } from '../limits.js';
import { activeText, deployPolicies } from '../policies/active-policies.js';
import { AuthFunctions } from '../policies/auth-functions.js';
import { type Compilation, compilePolicies } from '../policies/compile.js';
import { describe } from '../policies/describe.js';
import { failureOf, principalOf, readExpectations } from '../policies/expectations.js';
import { findingsOf } from '../policies/lint.js';
import { reportVisibility } from '../policies/visible-rows.js';
import { MACHINE } from '../surroundings.js';
import { describeOptions, type OptionTable, readArguments, UsageError } from './options.js';

const OPTIONS = {
  data: { value: 'DIR', help: 'data directory of the server', environment: 'CLOUDSYNC_DATA' },
  db: { value: 'NAME', help: 'the database' },
  policies: { value: 'FILE', help: 'explain, test: policies to use instead of those in force' },
  user: { value: 'ID', help: 'explain: the user, as the claim sub of a token names him' },
  claims: { value: 'JSON', help: 'explain: the other claims of the token' },
} satisfies OptionTable;

export const POLICY_HELP = `usage: cloudsync policy check --data DIR --db NAME FILE
       cloudsync policy deploy --data DIR --db NAME FILE
       cloudsync policy explain --data DIR --db NAME [--user ID] [--claims JSON] [--policies FILE]
       cloudsync policy test --data DIR --db NAME [--policies FILE] EXPECTATIONS

check says what is wrong with a file of CREATE POLICY statements, and what is worth a second look. deploy checks it and
puts it into force; from then on tokens and anon keys read and write what it allows. explain shows which rows a user
sees, and by which part of the policies. test tries the expectations of a JSON file. The exit code is 1 when there is an
error, or an expectation that does not hold.

${describeOptions(OPTIONS)}
`;

type Values = Partial<Record<keyof typeof OPTIONS, string>>;

/**
 * Runs one policy command and prints its result.
 *
 * @returns the exit code
 * @throws UsageError when the command is incomplete or names something that does not exist
 */
export function managePolicies(words: string[], environment: NodeJS.ProcessEnv): number {
  const { values, operands, wantsHelp } = readArguments(OPTIONS, words, environment);
  if (wantsHelp) {
    process.stdout.write(POLICY_HELP);
    return 0;
  }
  const [action, file, ...surplus] = operands;
  if (action !== 'check' && action !== 'deploy' && action !== 'explain' && action !== 'test') {
    throw new UsageError('policy needs one of the words check, deploy, explain, test');
  }
  const last = action === 'explain' ? file : surplus[0];
  if (last !== undefined) throw new UsageError(`policy ${action} takes no argument "${last}"`);
  const sqlite = openDatabase(values, action === 'deploy');
  try {
    if (action === 'explain') return explain(sqlite, values);
    if (file === undefined) throw new UsageError(`policy ${action} needs a FILE`);
    return action === 'test' ? test(sqlite, values, file) : check(sqlite, file, action === 'deploy');
  } finally {
    sqlite.close();
  }
}

function openDatabase({ data, db }: Values, isWriting: boolean): Database.Database {
  if (data === undefined) throw new UsageError('policy needs --data DIR');
  if (db === undefined || !DATABASE_NAME.test(db)) {
    throw new UsageError('policy needs --db NAME: 1 to 64 characters from a-z, 0-9, - and _');
  }
  if (!existsSync(data)) throw new UsageError(`there is no data directory ${data}`);
  const file = join(openDataDirectory(data).databases, `${db}.db`);
  if (!existsSync(file)) throw new UsageError(`there is no database ${db}`);
  return new Database(file, { readonly: !isWriting, timeout: LIMITS.databaseLockMilliseconds });
}

function readText(file: string): string {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  return readFileSync(file, 'utf8');
}

function check(sqlite: Database.Database, file: string, isDeploying: boolean): number {
  const text = readText(file);
  new AuthFunctions(sqlite);
  const compilation = compilePolicies(sqlite, text);
  const findings = findingsOf(sqlite, text, compilation);
  for (const { kind, line, column, message } of findings) {
    process.stdout.write(`${file}:${line}:${column}: ${kind}: ${message}\n`);
  }
  const { policies, statements, errors } = compilation;
  const warnings = findings.filter(({ kind }) => kind === 'warning').length;
  process.stdout.write(`${statements.length} policies, ${errors.length} errors, ${warnings} warnings\n`);
  if (errors.length > 0) return 1;
  if (isDeploying) {
    const version = deployPolicies(sqlite, text, policies.hash, MACHINE.now());
    process.stdout.write(`version ${version} is in force\n`);
  }
  return 0;
}

/** The policies that explain and test are about. */
function chosenPolicies(sqlite: Database.Database, values: Values): Compilation {
  const text = values.policies === undefined ? activeText(sqlite) : readText(values.policies);
  if (text === undefined) {
    throw new UsageError(
      'the database has no policies, so everybody sees everything; --policies FILE tries a file',
    );
  }
  const compilation = compilePolicies(sqlite, text);
  const [error] = compilation.errors;
  if (error !== undefined) throw new UsageError(`${error.message}; policy check says more`);
  return compilation;
}

function explain(sqlite: Database.Database, values: Values): number {
  const auth = new AuthFunctions(sqlite);
  const { policies, alternatives } = chosenPolicies(sqlite, values);
  const principal = principalOf(values.user, readClaims(values.claims));
  const report = sqlite.transaction(() =>
    auth.asPrincipal(principal, () => reportVisibility(sqlite, policies)),
  );
  for (const { table, rows, visible, keys, branches } of report()) {
    const more = keys.length < visible ? ', ...' : '';
    const list = keys.length === 0 ? '' : `: ${keys.map((key) => `(${key})`).join(', ')}${more}`;
    process.stdout.write(`${table}: ${visible} of ${rows} rows${list}\n`);
    for (const { branch, scopes, rows: shown } of branches) {
      const alternative = alternatives.get(branch);
      const text = alternative === undefined ? branch.id : describe(alternative);
      process.stdout.write(`  rows ${shown}, scopes ${scopes}: ${text}\n`);
    }
  }
  return 0;
}

function readClaims(text = '{}'): Record<string, unknown> {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--claims is no JSON: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return { ...claims };
  throw new UsageError('--claims: an object is expected');
}

function test(sqlite: Database.Database, values: Values, file: string): number {
  const auth = new AuthFunctions(sqlite);
  const { policies } = chosenPolicies(sqlite, values);
  const expectations = readFile(file);
  const failures = sqlite.transaction(() =>
    expectations.map((expectation) => failureOf(sqlite, auth, policies, expectation)),
  )();
  failures.forEach((failure, index) => {
    if (failure === undefined) return;
    process.stdout.write(`expectation ${index + 1}: ${JSON.stringify(expectations[index])}\n  ${failure}\n`);
  });
  const failed = failures.filter((failure) => failure !== undefined).length;
  process.stdout.write(`${expectations.length} expectations, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}

function readFile(file: string): ReturnType<typeof readExpectations> {
  try {
    return readExpectations(readText(file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
