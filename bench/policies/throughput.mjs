/**
 * throughput.mjs: what policies cost per push and pull: the same devices with the same rows on a database without
 * policies, on one where everybody has rows of his own, and on one where rows belong to the members of projects. All of
 * them are users with tokens; in each, a push is one row and a pull brings ten. The three take turns, so that what else
 * the machine does meets them alike.
 */
import { randomUUID } from 'node:crypto';
import { timeOfAll } from '../throughput.mjs';
import { ADD_MEMBER, ADD_TASK, COUNT_TASKS, MEMBERSHIP, OWN_ROWS } from './application.mjs';

const LOADS = [1, 16, 256];
const MEMBERS_PER_PROJECT = 16;
const ROWS_PER_PULL = 10;
/** How often the databases take turns. */
const TURNS = 3;

/** Ratios of times, which depend on what else the machine does. */
const BAND = 0.3;

/**
 * The databases that are compared. `news` says which rows of [project, owner] the users are to find: each of them sees
 * one of the entries.
 */
const KINDS = [
  { name: 'without policies', news: () => [['elsewhere', 'nobody']] },
  { name: 'own rows', policies: OWN_ROWS, news: (users) => users.map(({ person }) => ['elsewhere', person]) },
  {
    name: 'membership',
    policies: MEMBERSHIP,
    news: (users) => [...new Set(users.map(({ project }) => project))].map((project) => [project, 'nobody']),
  },
];

function usersOf(count) {
  return Array.from({ length: count }, (_, i) => ({
    person: `person ${i}`,
    project: `project ${Math.floor(i / MEMBERS_PER_PROJECT)}`,
  }));
}

/** A database with its members and policies, and a device of each user with its packets. */
async function prepare(stage, kind, users, pushes) {
  const database = `load-${users.length}-${KINDS.indexOf(kind)}`;
  const admin = await stage.loadDevice(database);
  await admin.push(
    admin.packet((db) => {
      const add = db.prepare(ADD_MEMBER);
      for (const { person, project } of users) add.run(randomUUID(), project, person);
    }),
  );
  if (kind.policies !== undefined) await stage.deploy(database, kind.policies);
  const devices = [];
  for (const { person, project } of users) {
    const device = await stage.loadDevice(database, person);
    const insert = device.db.prepare(ADD_TASK);
    const packets = Array.from({ length: pushes }, (_, i) =>
      device.packet(() => insert.run(randomUUID(), project, person, `task ${i}`)),
    );
    devices.push({ device, packets });
  }
  return { kind, users, admin, devices };
}

/** Adds the rows that the pulls will bring, and makes sure that they do: no more, no less. */
async function addNews({ kind, users, admin, devices }) {
  for (const { device } of devices) await device.pullAll();
  await admin.push(
    admin.packet((db) => {
      const add = db.prepare(ADD_TASK);
      for (const [project, owner] of kind.news(users)) {
        for (let i = 0; i < ROWS_PER_PULL; i++) add.run(randomUUID(), project, owner, `news ${i}`);
      }
    }),
  );
  const [{ device, packets }] = devices;
  const { packets: news } = await device.pull(false);
  const found = device.merged(news, COUNT_TASKS) - packets.length;
  if (found !== ROWS_PER_PULL) throw new Error(`${kind.name}: ${found} new rows instead of ${ROWS_PER_PULL}`);
}

/** Requests per second in each database, where all of them take turns. */
async function perSecond(databases, each, work) {
  const times = databases.map(() => 0);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [index, { devices }] of databases.entries()) {
      times[index] += await timeOfAll(devices, each, (device, i) => work(device, turn * each + i));
    }
  }
  return databases.map(({ devices }, index) => (TURNS * each * devices.length * 1e3) / times[index]);
}

async function measureLoad(stage, count, requests) {
  const each = Math.ceil(requests / count / TURNS);
  const users = usersOf(count);
  const databases = [];
  for (const kind of KINDS) databases.push(await prepare(stage, kind, users, each * TURNS));
  const pushed = await perSecond(databases, each, ({ device, packets }, i) => device.push(packets[i]));
  for (const database of databases) await addNews(database);
  const pulled = await perSecond(databases, each, ({ device }) => device.pull(false));
  for (const { admin, devices } of databases) {
    admin.close();
    for (const { device } of devices) device.close();
  }
  return { pushed, pulled };
}

export async function measureThroughputOfPolicies({ stage, options, figures }) {
  for (const count of LOADS.filter((load) => load <= options.devices)) {
    const { pushed, pulled } = await measureLoad(stage, count, options.requests);
    for (const [index, { name }] of KINDS.entries()) {
      const ratios = [pushed[index] / pushed[0], pulled[index] / pulled[0]];
      const texts = ratios.map((ratio) => (index === 0 ? '' : ` (${ratio.toFixed(2)}x)`));
      const text =
        `${pushed[index].toFixed(0).padStart(7)} pushes/s${texts[0]}  ` +
        `${pulled[index].toFixed(0).padStart(6)} pulls/s${texts[1]}`;
      const label = index === 0 ? `${count} device${count > 1 ? 's' : ''}, ${name}` : `  ${name}`;
      // One number for both, because that is what has to stay as it is.
      const compared =
        index === 0 ? undefined : { value: Math.sqrt(ratios[0] * ratios[1]), band: BAND, larger: true };
      figures.add(`throughput${count}on${index}`, label, text, compared);
    }
  }
}
