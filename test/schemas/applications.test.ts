/**
 * applications.test.ts: three schemas in the style of real applications, edited by people on four devices
 * for thousands of transactions while changes travel late, twice and out of order; afterwards all devices
 * are equal.
 *
 * CLOUDSYNC_EDITS=n sets the number of transactions of each run, CLOUDSYNC_SEED the seed.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { useWorkspace } from '../end-to-end/workspace.js';
import { exchangeAll } from '../support/exchange.js';
import { LONG, propertyOptions } from '../support/random.js';
import { CRM } from './crm.js';
import { BY_SERVER, connect } from './exchanges.js';
import { byLetters, bySync, expectEqualDevices, expectRest, expectSound, Fleet, heldRows } from './fleet.js';
import { NOTES } from './notes.js';
import type { Operator } from './operator.js';
import { POINT_OF_SALE } from './point-of-sale.js';
import { randomNumbers } from './random-numbers.js';

const EDITS = Number(process.env['CLOUDSYNC_EDITS'] ?? (LONG ? 20_000 : 1_500));
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

function report(fleet: Fleet): void {
  const tallies = [...fleet.tallies()];
  const held = heldRows(fleet.devices[0] as (typeof fleet.devices)[0]).length;
  const words = tallies.map(
    ([name, { done, refused }]) => `${name} ${done}${refused > 0 ? `-${refused}` : ''}`,
  );
  console.log(`${fleet.application.name}: done-refused: ${words.join(', ')}; ${held} rows held at the end`);
}

/**
 * Every kind of work takes effect: what has not yet is tried more often, between other work that makes way
 * for it.
 */
function expectAllWorkDone({ application, operators }: Fleet): void {
  const operator = operators[0] as Operator;
  const undone = () => application.works.filter(({ name }) => !operator.tallies.get(name)?.done);
  for (let tries = 0; tries < 300 && undone().length > 0; tries++) {
    for (const work of undone()) operator.attempt(work);
    operator.work(application.works);
  }
  expect(undone().map(({ name }) => name)).toEqual([]);
}

describe.each([NOTES, POINT_OF_SALE, CRM])('$name', (application) => {
  test.each([false, true])(
    'one device, foreign_keys=%s: the schema keeps its own promises',
    (foreignKeys) => {
      const { seed } = propertyOptions(`${application.name} on one device`, 1);
      const fleet = open(application, foreignKeys, randomNumbers(seed), 1);
      fleet.begin(nothing);
      fleet.work(EDITS / 2, nothing);
      expectSound(fleet, true);
      expectAllWorkDone(fleet);
      report(fleet);
    },
  );

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
    report(fleet);
  });

  test.each([false, true])('four devices through a server, foreign_keys=%s', (foreignKeys) => {
    const { seed } = propertyOptions(`${application.name} with a server, foreign_keys=${foreignKeys}`, 1);
    const fleet = open(application, foreignKeys, randomNumbers(seed));
    connect(fleet.devices, workspace.server, `application${++databases}`);
    fleet.begin(BY_SERVER.exchange);
    fleet.work(EDITS_WITH_SERVER, bySync);
    BY_SERVER.exchange(fleet.devices);
    expectSound(fleet, true);
    expectEqualDevices(fleet);
    report(fleet);
  });
});
