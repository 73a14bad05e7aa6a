/**
 * fan-out.mjs: one change and many devices that wait for it. The device that changes and one of those that wait have
 * the extension; the others speak the protocol themselves: they wait, pull and note the time. So the figures have the
 * work of all these clients in them, which share the machine with the server.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../statistics.mjs';
import { ADD_TASK } from './application.mjs';
import { now } from './clock.mjs';
import { KINDS_OF_PROJECT, openProject } from './project.mjs';

/** Changes of which the medians are taken. */
const CHANGES = 5;
/** For all devices to send their requests; a pull behind them says that the server has taken them in. */
const PAUSE_MILLISECONDS = 500;
const WAIT_SECONDS = 55;

const TITLE = "SELECT title FROM tasks WHERE id = 'the task'";

async function prepareDevices(stage, database, people) {
  const devices = [];
  for (const person of people) {
    const device = await stage.loadDevice(database, person);
    await device.pullAll();
    device.close();
    devices.push(device);
  }
  return devices;
}

/** Waits and pulls until a page brings something. Returns the moment. */
async function arrivalAt(device) {
  for (;;) {
    if (!(await device.wait(WAIT_SECONDS))) continue;
    const packets = await device.pullAll();
    if (packets.length > 0) return now();
  }
}

async function measureKind(stage, kind, count) {
  const name = `fan-out-${kind.key}`;
  const people = Array.from({ length: count - 1 }, (_, i) => `person ${i}`);
  const { database, admin } = await openProject(stage, name, kind, [...people, 'the writer', 'the reader']);
  const writer = await stage.device(`${name}-writer`, database, 'the writer');
  const reader = await stage.device(`${name}-reader`, database, 'the reader');
  await writer.run(ADD_TASK, 'the task', 'the project', 'the writer', 'new');
  await writer.run('SELECT cloudsync_network_sync()');
  await reader.syncUntil(TITLE, 'new');
  const devices = await prepareDevices(stage, database, people);
  const change = async (title) => {
    await pause(PAUSE_MILLISECONDS);
    await admin.pullAll();
    const { start } = await writer.run("UPDATE tasks SET title = ? WHERE id = 'the task'", title);
    await writer.run('SELECT cloudsync_network_sync()');
    return start;
  };
  const rounds = [];
  for (let i = 0; i < CHANGES; i++) {
    const real = reader.syncUntil(TITLE, `change ${i}`).then(({ end }) => end);
    const arrivals = devices.map(arrivalAt);
    const [start, ...moments] = await Promise.all([change(`change ${i}`), real, ...arrivals]);
    const times = moments.map((moment) => moment - start);
    rounds.push({ first: Math.min(...times), half: median(times), last: Math.max(...times), real: times[0] });
  }
  admin.close();
  return (part) => median(rounds.map((round) => round[part]));
}

export async function measureFanOut({ stage, options, figures }) {
  for (const kind of KINDS_OF_PROJECT) {
    const medianOf = await measureKind(stage, kind, options.devices);
    const [first, half, last, real] = ['first', 'half', 'last', 'real'].map((part) =>
      medianOf(part).toFixed(0),
    );
    const raw = `${first.padStart(7)} ms the first, ${half} ms half of them, ${last} ms the last`;
    const text = `${raw}; ${real} ms one with the extension`;
    figures.add(`fanOut-${kind.key}`, `one change to ${options.devices} devices, ${kind.name}`, text);
  }
}
