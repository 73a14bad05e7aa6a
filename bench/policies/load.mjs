/**
 * load.mjs: many devices on one server with many databases: what the process of the server holds, and how long a round
 * of synchronisation takes (a push of one row, a pull of what the others have brought) while every device makes one
 * every few seconds, and when all of them make one at the same moment. A round that has to wait for the server counts
 * from the moment when it was due.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { median, quantile } from '../statistics.mjs';
import { ADD_TASK, MEMBERSHIP } from './application.mjs';
import { openProject } from './project.mjs';

const ROUNDS = 2;
/** Databases that are prepared at the same time: the command that deploys is a process of its own. */
const LANES = 2;
const BAND_OF_MEMORY = 0.3;
const MIB = 1024 * 1024;

/** Devices, each of a user of its own, in the databases in turn. */
async function prepareDevices(stage, options) {
  const databases = Array.from({ length: options.databases }, (_, i) => `tenant-${i}`);
  const peopleOf = databases.map((_, index) => {
    const count = Math.floor((options.devices - index - 1) / databases.length) + 1;
    return Array.from({ length: Math.max(count, 0) }, (_, i) => `person ${i}`);
  });
  const devices = [];
  const queue = databases.entries();
  const lane = async () => {
    for (const [index, database] of queue) {
      const { admin } = await openProject(stage, database, { policies: MEMBERSHIP }, peopleOf[index]);
      admin.close();
      for (const person of peopleOf[index]) devices.push(await prepareDevice(stage, database, person));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return devices;
}

async function prepareDevice(stage, database, person) {
  const device = await stage.loadDevice(database, person);
  const insert = device.db.prepare(ADD_TASK);
  const packets = Array.from({ length: ROUNDS + 1 }, (_, i) =>
    device.packet(() => insert.run(randomUUID(), 'the project', person, `task ${i}`)),
  );
  device.close();
  await device.pullAll();
  return { device, packets };
}

/** Makes a round of synchronisation. Returns its milliseconds, counted from the moment when it was due. */
async function syncRound({ device, packets }, number, due) {
  await device.push(packets[number]);
  await device.pullAll();
  return performance.now() - due;
}

/**
 * All devices make their rounds, spread evenly over the time between two.
 * @param seconds between the rounds of a device
 * @returns milliseconds of each round
 */
async function rounds(devices, seconds) {
  const start = performance.now();
  const times = await Promise.all(
    devices.map(async (device, index) => {
      const own = [];
      for (let number = 0; number < ROUNDS; number++) {
        const due = start + (number + index / devices.length) * seconds * 1e3;
        await pause(Math.max(0, due - performance.now()));
        own.push(await syncRound(device, number, due));
      }
      return own;
    }),
  );
  return times.flat();
}

export async function measureManyDevices({ stage, options, figures }) {
  const idle = stage.memory();
  const devices = await prepareDevices(stage, options);
  const registered = stage.memory();
  const steady = await rounds(devices, options.seconds);
  const start = performance.now();
  const together = await Promise.all(devices.map((device) => syncRound(device, ROUNDS, start)));
  const loaded = stage.memory();
  const label = `${options.devices} devices on ${options.databases} databases`;
  const timesText = (times) =>
    `${median(times).toFixed(1).padStart(7)} ms median, ${quantile(times, 0.99).toFixed(1)} ms at 99 % of the rounds`;
  figures.add('loadSteady', `${label}, a round each ${options.seconds} s`, timesText(steady));
  figures.add('loadTogether', '  all of them at the same moment', timesText(together));
  if (idle === undefined) return;
  const [before, after, now, peak] = [idle.now, registered.now, loaded.now, loaded.peak].map((bytes) =>
    (bytes / MIB).toFixed(0),
  );
  const calm = `${before.padStart(7)} MiB idle, ${after} MiB all registered`;
  const text = `${calm}, ${now} MiB after the load, ${peak} MiB peak`;
  figures.add('loadMemory', '  memory of the server', text, {
    value: loaded.peak / MIB,
    band: BAND_OF_MEMORY,
  });
}
