/**
 * visibility.test.ts: a row has a key in common with a principal exactly when SQLite says so by the policy itself;
 * the queries for one row and for all rows agree; and what changes its keys is found through the dependencies.
 */
import { afterAll, expect, test } from 'vitest';
import { AuthFunctions } from '../../src/server/policies/auth-functions.js';
import { compilePolicies } from '../../src/server/policies/compile.js';
import type { Branch, TablePolicies } from '../../src/server/policies/compiled.js';
import { Random } from '../sim/random.js';
import { BandRun } from '../support/band_run.js';
import type { Connection } from '../support/database.js';
import { somePolicies } from './grammar.js';
import { changeRow, makeWorld, somePrincipal, type World } from './worlds.js';

const PRINCIPALS = 4;
const ROUNDS = 3;

const run = new BandRun('policies');
afterAll(() => run.finish());

/** A tuple of values as text: equal texts for equal types and bytes. */
function textOf(values: readonly unknown[]): string {
  return JSON.stringify(
    values.map((value) => [typeof value, Buffer.isBuffer(value) ? value.toString('hex') : String(value)]),
  );
}

function tuples(db: Connection, sql: string, ...parameters: unknown[]): unknown[][] {
  return db
    .prepare(sql)
    .raw()
    .all(...parameters) as unknown[][];
}

/** For each branch the keys of each row: `row text -> key texts`. */
function keysOfRows(db: Connection, { branches }: TablePolicies): Map<Branch, Map<string, Set<string>>> {
  const keys = new Map<Branch, Map<string, Set<string>>>();
  for (const branch of branches) {
    const rows = new Map<string, Set<string>>();
    for (const [id, ...key] of tuples(db, branch.allKeys)) {
      expect(key.length).toBe(branch.width);
      const row = textOf([id]);
      rows.set(row, (rows.get(row) ?? new Set()).add(textOf(key)));
    }
    keys.set(branch, rows);
  }
  return keys;
}

function visibleByKeys(db: Connection, policies: TablePolicies): string[] {
  const visible = new Set<string>();
  for (const [branch, rows] of keysOfRows(db, policies)) {
    const held = new Set(tuples(db, branch.principalKeys).map(textOf));
    for (const [row, keys] of rows) if ([...keys].some((key) => held.has(key))) visible.add(row);
  }
  return [...visible].sort();
}

/** Every row's keys by the query for one row. */
function checkSingleRows(db: Connection, policies: TablePolicies): void {
  const all = keysOfRows(db, policies);
  for (const [id] of tuples(db, `SELECT id FROM ${policies.table}`)) {
    for (const branch of policies.branches) {
      const single = new Set(tuples(db, branch.rowKeys, id).map(textOf));
      expect(single).toEqual(all.get(branch)?.get(textOf([id])) ?? new Set());
    }
  }
}

/** The values of all rows of a table in some columns, each with its row. */
function linksOf(db: Connection, table: string, columns: readonly string[]): Map<string, unknown[]> {
  const list = columns.map((column) => `"${column}"`).join(', ');
  return new Map(
    tuples(db, `SELECT id, * FROM (SELECT id, ${list} FROM ${table})`).map(([id, , ...values]) => [
      textOf([id]),
      values,
    ]),
  );
}

function contents(db: Connection, table: string): Map<string, string> {
  return new Map(tuples(db, `SELECT * FROM ${table}`).map((row) => [textOf([row[0]]), textOf(row)]));
}

/** Changes the world and checks that every row with other keys is a changed one, or one that a dependency finds. */
function checkDependencies(random: Random, world: World, policies: TablePolicies): void {
  const { db } = world;
  const names = world.tables.map(({ name }) => name);
  const dependencies = policies.branches.flatMap((branch) => branch.dependencies);
  const links = () => dependencies.map(({ table, columns }) => linksOf(db, table, columns));
  const [before, linksBefore] = [keysOfRows(db, policies), links()];
  const rowsBefore = names.map((name) => contents(db, name));
  for (let count = random.between(1, 4); count > 0; count -= 1) changeRow(random, world);
  const [after, linksAfter] = [keysOfRows(db, policies), links()];
  const changed = names.map((name, index) => differing(rowsBefore[index], contents(db, name)));
  const found = new Set(changed[names.indexOf(policies.table)]);
  dependencies.forEach(({ table, affected }, index) => {
    for (const row of changed[names.indexOf(table)] ?? []) {
      for (const values of [linksBefore[index]?.get(row), linksAfter[index]?.get(row)]) {
        if (values === undefined) continue;
        for (const key of tuples(db, affected, ...values)) found.add(textOf(key));
      }
    }
  });
  for (const branch of policies.branches) {
    const moved = differing(textsOf(before.get(branch)), textsOf(after.get(branch)));
    expect([...moved].filter((row) => !found.has(row))).toEqual([]);
  }
}

function textsOf(keys: Map<string, Set<string>> | undefined): Map<string, string> {
  return new Map([...(keys ?? [])].map(([row, set]) => [row, [...set].sort().join()]));
}

function differing(
  before: Map<string, string> = new Map(),
  after: Map<string, string> = new Map(),
): Set<string> {
  const rows = new Set([...before.keys(), ...after.keys()]);
  return new Set([...rows].filter((row) => before.get(row) !== after.get(row)));
}

function play(seed: number): void {
  const random = new Random(seed, 'policies');
  const world = makeWorld(random);
  const { db } = world;
  try {
    const auth = new AuthFunctions(db);
    const { text, oracles } = somePolicies(random);
    const { policies, errors } = compilePolicies(db, text);
    run.add(errors.length > 0 ? 'texts with a refusal' : 'texts compiled');
    for (const { message } of errors)
      expect(message).toMatch(
        /collation|alternatives|circle|different types|NOT before|no equality|a join|no equality leads/,
      );
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const each of policies.tables.values()) {
        const table = each.table;
        const isBroken = errors.length > 0 && each.branches.length === 0;
        if (isBroken) continue;
        const oracle = oracles.get(table)?.oracle ?? 'FALSE';
        for (let count = 0; count < PRINCIPALS; count += 1) {
          const principal = somePrincipal(random);
          auth.asPrincipal(principal, () => {
            const expected = tuples(db, `SELECT id FROM ${table} WHERE ${oracle}`).map(textOf).sort();
            const actual = visibleByKeys(db, each);
            const note = `${table}: ${oracle}\n${JSON.stringify(principal.claims)}\n${text}`;
            expect(actual, note).toEqual(expected);
            run.add('rows compared', expected.length);
          });
        }
        run.add('branches', each.branches.length);
        checkSingleRows(db, each);
        checkDependencies(random, world, each);
      }
    }
  } finally {
    db.close();
  }
}

test('keys in common are visibility', { timeout: 60_000 + run.planned * 1000 }, () => {
  while (run.count < run.planned) {
    const seed = run.seed + run.count;
    run.count += 1;
    try {
      play(seed);
    } catch (error) {
      run.failures += 1;
      throw new Error(`CLOUDSYNC_SEED=${seed}`, { cause: error });
    }
  }
});
