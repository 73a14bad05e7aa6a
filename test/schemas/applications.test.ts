/**
 * applications.test.ts: three schemas in the style of real applications, edited by people on four devices
 * for thousands of transactions while changes travel late, twice and out of order; afterwards all devices
 * are equal.
 *
 * CLOUDSYNC_EDITS=n sets the number of transactions of each run, CLOUDSYNC_SEED the seed.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { useWorkspace } from '../end-to-end/workspace.js';
import type { Algorithm } from '../packet/packet.js';
import { type Connection, dumpMetadata, dumpTable, openDatabase } from '../support/database.js';
import { exchangeAll } from '../support/exchange.js';
import { LONG, propertyOptions } from '../support/random.js';
import type { Application } from './application.js';
import { CRM } from './crm.js';
import { BY_SERVER, connect } from './exchanges.js';
import {
  byLetters,
  bySync,
  difference,
  expectEqualDevices,
  expectRest,
  expectSound,
  Fleet,
  heldRows,
} from './fleet.js';
import { NOTES } from './notes.js';
import type { Operator, Tally } from './operator.js';
import { POINT_OF_SALE } from './point-of-sale.js';
import { randomNumbers } from './random-numbers.js';

const EDITS = Number(process.env['CLOUDSYNC_EDITS'] ?? (LONG ? 6_000 : 1_000));
const EDITS_WITH_SERVER = Math.ceil(EDITS / 5);
const ROUNDS = LONG ? 8 : 2;

const workspace = useWorkspace();
const fleets: Fleet[] = [];
let databases = 0;

/** The exchange of a device that has no other. */
const nothing = () => undefined;

afterEach(() => {
  for (const fleet of fleets.splice(0)) fleet.close();
});

function open(...parameters: ConstructorParameters<typeof Fleet>): Fleet {
  const fleet = new Fleet(...parameters);
  fleets.push(fleet);
  return fleet;
}

/** What has been done, and what is there in the end: a run that did nothing shows nothing. */
function report(fleet: Fleet): void {
  const { application, devices } = fleet;
  const tallies = [...fleet.tallies()];
  const sum = (of: keyof Tally) => tallies.reduce((total, [, tally]) => total + tally[of], 0);
  const db = devices[0] as Connection;
  const rows = [...application.tables.keys()].reduce(
    (total, table) => total + dumpTable(db, table).length,
    0,
  );
  const held = heldRows(db).length;
  console.log(
    `${application.name}: ${sum('done')} done, ${sum('refused')} refused, ${rows} rows, ${held} held`,
  );
  if (LONG) console.log(tallies.map(([name, { done, refused }]) => `${name} ${done}-${refused}`).join(', '));
  // Where everybody works on few rows much is refused: taken, spent, or deleted by somebody else.
  expect(sum('done') * 4).toBeGreaterThan(sum('refused'));
  expect(rows).toBeGreaterThan(application.tables.size);
}

/**
 * Every kind of work takes effect: what has not yet is tried more often, between other work that makes way
 * for it.
 */
function expectAllWorkDone({ application, operators }: Fleet): void {
  const operator = operators[0] as Operator;
  const alone = application.works.filter(({ needsOthers }) => !needsOthers);
  const undone = () => alone.filter(({ name }) => !operator.tallies.get(name)?.done);
  for (let tries = 0; tries < 300 && undone().length > 0; tries++) {
    for (const work of undone()) operator.attempt(work);
    operator.work(alone);
  }
  expect(undone().map(({ name }) => name)).toEqual([]);
}

/** The work that settles what is held has been done as well. */
function expectSettled(fleet: Fleet): void {
  const tallies = fleet.tallies();
  for (const { name, needsOthers } of fleet.application.works) {
    if (needsOthers) expect([name, tallies.get(name)?.done]).not.toEqual([name, 0]);
  }
}

describe.each([NOTES, POINT_OF_SALE, CRM])('$name', (application) => {
  test.each([false, true])('one device, foreign_keys=%s: the schema keeps its promises', (foreignKeys) => {
    const { seed } = propertyOptions(`${application.name} on one device`, 1);
    const fleet = open(application, foreignKeys, randomNumbers(seed), 1);
    fleet.begin(nothing);
    fleet.work(EDITS / 2, nothing);
    expectSound(fleet, true);
    expectAllWorkDone(fleet);
    report(fleet);
  });

  test.each([false, true])('four devices by payloads, foreign_keys=%s', (foreignKeys) => {
    const { seed } = propertyOptions(`${application.name}, foreign_keys=${foreignKeys}`, 1);
    const fleet = open(application, foreignKeys, randomNumbers(seed));
    fleet.begin(exchangeAll);
    for (let round = 0; round < ROUNDS; round++) {
      fleet.work(EDITS / ROUNDS, byLetters);
      expectSound(fleet, false);
      exchangeAll(fleet.devices);
      expectSound(fleet, true);
      expectEqualDevices(fleet);
      expectRest(fleet);
    }
    if (EDITS >= 800) expectSettled(fleet);
    report(fleet);
  });

  test.each([false, true])('four devices through a server, foreign_keys=%s', (foreignKeys) => {
    const { seed } = propertyOptions(`${application.name} with a server, foreign_keys=${foreignKeys}`, 1);
    const fleet = open(application, foreignKeys, randomNumbers(seed));
    const database = `application${++databases}`;
    connect(fleet.devices, workspace.server, database);
    fleet.begin(BY_SERVER.exchange);
    fleet.work(EDITS_WITH_SERVER, bySync);
    BY_SERVER.exchange(fleet.devices);
    expectSound(fleet, true);
    expectEqualDevices(fleet);
    expectRelayed(fleet, workspace.serverFile(database));
    report(fleet);
  });
});

/** The same work where other rules decide about deletions: every table but the journals has the algorithm. */
function under(algorithm: Algorithm, application: Application): Application {
  const tables = new Map(application.tables);
  for (const [table, own] of tables) if (own !== 'gos') tables.set(table, algorithm);
  return { ...application, tables };
}

describe.each([NOTES, CRM])('$name', (application) => {
  test.each(['aws', 'dws'] as const)('four devices by payloads, all tables %s', (algorithm) => {
    const { seed } = propertyOptions(`${application.name}, ${algorithm}`, 1);
    const fleet = open(under(algorithm, application), true, randomNumbers(seed));
    fleet.begin(exchangeAll);
    fleet.work(EDITS / 4, byLetters);
    exchangeAll(fleet.devices);
    expectSound(fleet, true);
    expectEqualDevices(fleet);
    expectRest(fleet);
    report(fleet);
  });
});

/**
 * The server knows every row with all its values, whatever it can show itself: it lacks triggers and
 * indexes.
 */
function expectRelayed({ devices }: Fleet, file: string): void {
  const server = openDatabase({ source: file });
  try {
    expect(difference(dumpMetadata(devices[0] as Connection), dumpMetadata(server))).toEqual([]);
  } finally {
    server.close();
  }
}
