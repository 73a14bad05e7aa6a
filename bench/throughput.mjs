/**
 * throughput.mjs: how many pushes and pulls a server takes per second over loopback, with few and many devices, on one
 * database and on many. Every push is one row and durable before it is answered (synchronous = FULL); every pull brings
 * ten rows.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './server.mjs';
import { LoadDevice } from './server-client.mjs';
import { CREATE_TABLE, INSERT, rowMaker, TABLE } from './workload.mjs';

/** Devices, and databases that they are spread over. */
const LOADS = [
  { devices: 1, databases: 1 },
  { devices: 16, databases: 1 },
  { devices: 256, databases: 1 },
  { devices: 16, databases: 16 },
  { devices: 256, databases: 16 },
];

/** Requests of each kind in one load, and rows that each pull brings. */
const PUSHES = 1536;
const PULLS = 1536;
const ROWS_PER_PULL = 10;

/**
 * Lets devices work at the same time, each one request after another.
 * @param each requests of each device
 * @param work sends the request with this number of a device
 * @returns milliseconds
 */
export async function timeOfAll(devices, each, work) {
  const start = performance.now();
  await Promise.all(
    devices.map(async (device) => {
      for (let i = 0; i < each; i++) await work(device, i);
    }),
  );
  return performance.now() - start;
}

async function perSecond(devices, total, work) {
  const each = Math.ceil(total / devices.length);
  return (each * devices.length * 1e3) / (await timeOfAll(devices, each, work));
}

/** A device and its packets, one for each push. */
function deviceWithPackets(server, database, pushes, seed) {
  const device = new LoadDevice(server, database, { [TABLE]: CREATE_TABLE });
  const makeRow = rowMaker(seed);
  const insert = device.db.prepare(INSERT);
  const packets = Array.from({ length: pushes }, () =>
    device.packet(() => insert.run([randomUUID(), ...makeRow().slice(1)])),
  );
  device.close();
  return { device, packets };
}

async function measureLoad(server, { devices: count, databases }) {
  const name = (index) => `load-${count}-${databases}-${index % databases}`;
  const pushes = Math.ceil(PUSHES / count);
  const loaders = Array.from({ length: count }, (_, i) => deviceWithPackets(server, name(i), pushes, i + 1));
  const others = Array.from({ length: databases }, (_, i) =>
    deviceWithPackets(server, name(i), ROWS_PER_PULL, 1000 + i),
  );
  for (const { device } of [...loaders, ...others]) await device.register();
  const pushed = await perSecond(loaders, PUSHES, ({ device, packets }, i) => device.push(packets[i]));
  for (const { device } of loaders) await device.pullAll();
  for (const { device, packets } of others) for (const packet of packets) await device.push(packet);
  const pulled = await perSecond(loaders, PULLS, ({ device }) => device.pull(false));
  return { pushed, pulled };
}

/** Measures all loads. Calls `report(label, pushes per second, pulls per second)` for each. */
export async function measureThroughput(folder, report) {
  const data = join(folder, 'throughput');
  const server = await startServer(data);
  try {
    for (const load of LOADS) {
      const { pushed, pulled } = await measureLoad(server, load);
      report(load, pushed, pulled);
    }
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}
