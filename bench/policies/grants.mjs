/**
 * grants.mjs: what it costs to let a user into a project of many rows, and to put him out again: on the server, which
 * must not depend on the number of rows, and until the device has the rows or has lost them. Before that, what it costs
 * to put the policies into force in a database that has these rows.
 */
import { randomUUID } from 'node:crypto';
import { median } from '../statistics.mjs';
import { ADD_MEMBER, COUNT_TASKS, FILL_TASKS, MEMBERSHIP, REMOVE_MEMBER } from './application.mjs';
import { CountingProxy } from './counting-proxy.mjs';

const DATABASE = 'projects';
/** The small project has this part of the rows of the large one. */
const SMALL_PART = 100;
/** Grants, and then revocations, of which the median is taken. */
const GRANTS = 15;
/** Grants before those, in which the server prepares its statements. */
const WARM_UP = 2;

const BAND_OF_TIMES = 0.4;
const BAND_OF_SIZES = 0.05;

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Fills the projects from a real device. Returns it. */
async function fill(stage, projects) {
  const owner = await stage.device('owner', DATABASE);
  for (const [project, rows] of projects) await owner.run(FILL_TASKS, rows, project);
  await owner.run('SELECT cloudsync_network_sync()');
  owner.kill();
}

/**
 * The first request of a user behind the deploy, of whom it is asked which rows he sees: before it is answered, the
 * index of scopes is made.
 */
async function measureDeploy({ stage, figures }, rows) {
  const stranger = await stage.loadDevice(DATABASE, 'a stranger');
  const seconds = (await timed(() => stage.deploy(DATABASE, MEMBERSHIP))) / 1e3;
  let packets;
  const milliseconds = await timed(async () => {
    packets = await stranger.pullAll();
  });
  if (stranger.merged(packets, COUNT_TASKS) !== 0) throw new Error('a stranger sees rows');
  stranger.close();
  const perRow = (milliseconds * 1e3) / rows;
  const text =
    `${(milliseconds / 1e3).toFixed(2).padStart(7)} s for the index of scopes, ${perRow.toFixed(1)} us per row; ` +
    `${seconds.toFixed(2)} s for the command`;
  figures.add('deploy', `policies put into force on ${rows} rows`, text);
}

/** Milliseconds of the pushes of many membership rows, and of their deletion, by project. */
async function timeGrants(admin, projects) {
  const times = new Map(projects.map(([project]) => [project, { grant: [], revoke: [] }]));
  const members = [];
  for (let i = 0; i < WARM_UP + GRANTS; i++) {
    for (const [project] of projects) {
      const id = randomUUID();
      const packet = admin.packet((db) => db.prepare(ADD_MEMBER).run(id, project, `person ${i}`));
      const time = await timed(() => admin.push(packet));
      members.push({ id, project });
      if (i >= WARM_UP) times.get(project).grant.push(time);
    }
  }
  for (const { id, project } of members) {
    const packet = admin.packet((db) => db.prepare(REMOVE_MEMBER).run(id));
    times.get(project).revoke.push(await timed(() => admin.push(packet)));
  }
  return times;
}

async function measureServer({ figures }, admin, projects) {
  const times = await timeGrants(admin, projects);
  for (const [kind, label] of [
    ['grant', 'a member more, on the server'],
    ['revoke', 'a member less, on the server'],
  ]) {
    const medians = projects.map(([project]) => median(times.get(project)[kind]));
    const texts = projects.map(([, rows], i) => `${medians[i].toFixed(1)} ms with ${rows} rows`);
    const compared = { value: medians[1] / medians[0], band: BAND_OF_TIMES };
    figures.add(`${kind}Server`, label, `  ${texts.join(', ')}`, compared);
  }
}

/** One device of one user, from outside into the large project and out again. */
async function measureDevice({ stage, figures }, admin, [project, rows]) {
  const proxy = await CountingProxy.start(stage.server.url);
  const reader = await stage.device('reader', DATABASE, 'the reader', proxy.url);
  const member = randomUUID();
  const steps = [
    { key: 'grant', label: `${rows} rows arrive at the device`, sql: ADD_MEMBER, goal: rows },
    { key: 'revoke', label: `${rows} rows leave the device`, sql: REMOVE_MEMBER, goal: 0 },
  ];
  for (const { key, label, sql, goal } of steps) {
    const parameters = key === 'grant' ? [member, project, 'the reader'] : [member];
    await admin.push(admin.packet((db) => db.prepare(sql).run(...parameters)));
    const before = proxy.received;
    const { start, end } = await reader.syncUntil(COUNT_TASKS, goal);
    const bytes = proxy.received - before;
    const text =
      `${((end - start) / 1e3).toFixed(2).padStart(7)} s  ${(bytes / 1e6).toFixed(2)} MB, ` +
      `${(bytes / rows).toFixed(1)} bytes per row`;
    figures.add(`${key}Device`, label, text, { value: bytes / rows, band: BAND_OF_SIZES });
  }
  proxy.stop();
}

export async function measureGrants(run) {
  const { stage, options } = run;
  const projects = [
    ['the small project', Math.ceil(options.rows / SMALL_PART)],
    ['the large project', options.rows],
  ];
  await fill(stage, projects);
  await measureDeploy(run, projects[0][1] + projects[1][1]);
  const admin = await stage.loadDevice(DATABASE);
  await measureServer(run, admin, projects);
  await measureDevice(run, admin, projects[1]);
  admin.close();
}
