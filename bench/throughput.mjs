/**
 * throughput.mjs: how many pushes and pulls a server takes per second over loopback, with few and many devices, on one
 * database and on many. Every push is one row and durable before it is answered (synchronous = FULL); every pull brings
 * ten rows.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './server.mjs';
import { LoadDevice } from './server-client.mjs';

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

async function perSecond(devices, total, work) {
  const each = Math.ceil(total / devices.length);
  const start = performance.now();
  await Promise.all(
    devices.map(async (device) => {
      for (let i = 0; i < each; i++) await work(device);
    }),
  );
  return (each * devices.length * 1e3) / (performance.now() - start);
}

async function measureLoad(server, { devices: count, databases }) {
  const name = (index) => `load-${count}-${databases}-${index % databases}`;
  const pushes = Math.ceil(PUSHES / count);
  const devices = Array.from({ length: count }, (_, i) => new LoadDevice(server, name(i), pushes, i + 1));
  const others = Array.from(
    { length: databases },
    (_, i) => new LoadDevice(server, name(i), ROWS_PER_PULL, 1000 + i),
  );
  for (const device of [...devices, ...others]) await device.register();
  const pushed = await perSecond(devices, PUSHES, (device) => device.push());
  for (const device of devices) while (!(await device.pull(true)));
  for (const other of others) for (let i = 0; i < ROWS_PER_PULL; i++) await other.push();
  const pulled = await perSecond(devices, PULLS, (device) => device.pull(false));
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
