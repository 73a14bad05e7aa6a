/**
 * checks.ts: what must hold when a history is over and everything works again: devices come to rest within a number of
 * rounds, and then they agree, nothing is lost, and nothing is there that nobody wrote.
 */
import { describeRow } from '../model/describe.js';
import { decodePayload } from '../packet/decode.js';
import type { Packet } from '../packet/packet.js';
import { literal as valueLiteral } from '../packet/value.js';
import type { SimulatedDevice } from './device.js';
import { schemaNamed } from './schema.js';
import { Broken, type Stage } from './stage.js';
import { type Content, contentOf, sameRow } from './truth.js';
import type { World } from './world.js';

const SYNC = 'SELECT cloudsync_network_sync()';
/** Triggers note the time in milliseconds, as a REAL; in microseconds. */
const CLOCK_GRAIN = 2000n;

/** Synchronises all devices in turn until a whole round moves nothing. */
export async function comeToRest(world: Stage): Promise<void> {
  const rounds = 4 * world.devices.length + 8;
  let report: string[] = [];
  for (let round = 0; round < rounds; round++) {
    report = [];
    for (const device of world.devices) {
      const { result, error } = await world.finish(device, SYNC);
      const { sent, received } = JSON.parse(error === '' ? result : '{"sent":{},"received":{}}') as {
        sent: { batches?: number };
        received: { rows?: number };
      };
      if (sent.batches !== 0 || received.rows !== 0) report.push(`${device.name}: ${error || result}`);
    }
    world.count('rounds to rest');
    if (report.length === 0) return;
  }
  throw new Broken('liveness', `after ${rounds} rounds: ${report.join(' | ')}`);
}

/** Compares everybody with everybody, and with what was noted while the history was played. */
export async function checkEverything(world: World): Promise<void> {
  const contents = world.devices.map((device) => contentOf(device.main, world.tables));
  const [first] = contents as unknown as [Content];
  contents.forEach((content, index) => {
    expectSame('convergence', `d0 and d${index}`, first, content);
  });
  const { constrained } = schemaNamed(world.plan.schema);
  if (!constrained) checkContent(world, first);
  const packets = world.devices.map((device) => stateOf(device));
  const [expected] = packets as unknown as [Packet[]];
  const lines = describe(expected);
  packets.forEach((state, index) => {
    const found = describe(state);
    if (found.join('\n') !== lines.join('\n'))
      throw new Broken('convergence of clocks', `d0 and d${index}\n${difference(lines, found)}`);
  });
  if (!constrained) checkStamps(world, expected);
  for (const device of world.devices) checkDevice(world, device);
}

function checkDevice(world: World, device: SimulatedDevice): void {
  const unsent = device.main.prepare('SELECT cloudsync_network_has_unsent_changes()').pluck().get();
  if (unsent !== 0n) throw new Broken('empty queue', `${device.name} still has unsent changes`);
  world.checkIntegrity(device);
}

/** A device that joins from nothing gets what the others have. */
export async function checkNewcomer(world: World): Promise<void> {
  const content = contentOf((world.devices[0] as SimulatedDevice).main, world.tables);
  const lines = describe(stateOf(world.devices[0] as SimulatedDevice));
  const newcomer = world.addDevice();
  for (const column of world.added) world.addColumn(newcomer, column);
  const { error } = await world.finish(newcomer, SYNC);
  if (error !== '') throw new Broken('newcomer', error);
  expectSame('newcomer', 'd0 and the newcomer', content, contentOf(newcomer.main, world.tables));
  const found = describe(stateOf(newcomer));
  if (found.join('\n') !== lines.join('\n')) throw new Broken('newcomer', difference(lines, found));
}

function expectSame(promise: string, who: string, a: Content, b: Content): void {
  for (const place of new Set([...a.keys(), ...b.keys()])) {
    if (sameRow(a.get(place), b.get(place))) continue;
    throw new Broken(promise, `${who}: ${place}: ${show(a, place)} and ${show(b, place)}`);
  }
}

function show(content: Content, place: string): string {
  const row = content.get(place);
  return row === undefined ? 'no row' : [...row].map(([column, value]) => `${column}=${value}`).join(' ');
}

/** Rows that one device alone has written are as it left them; no cell holds what nobody wrote. */
function checkContent(world: World, content: Content): void {
  const { truth } = world;
  for (const [place, known] of truth.rows) {
    if (known.isLossy || known.writers.size !== 1) continue;
    world.count('rows of one writer');
    const row = content.get(place);
    const expected = known.row;
    const isSame =
      (expected === undefined) === (row === undefined) &&
      [...(expected ?? [])].every(([column, value]) => row?.get(column) === value);
    if (!isSame) {
      const wanted =
        expected === undefined ? 'no row' : [...expected].map((cell) => cell.join('=')).join(' ');
      throw new Broken(
        'nothing lost',
        `${place}: ${[...known.writers]} wrote ${wanted}; now ${show(content, place)}`,
      );
    }
  }
  for (const [place, row] of content) {
    for (const [column, value] of row) {
      if (value === 'NULL' || truth.wasWritten(place, column, value)) continue;
      throw new Broken('nothing invented', `${place}: nobody wrote ${column}=${value}`);
    }
  }
}

/** A cell that was never deleted carries a stamp that is not older than the newest write of it. */
function checkStamps(world: World, packets: readonly Packet[]): void {
  for (const { tables } of packets) {
    for (const table of tables) {
      for (const row of table.rows) {
        const place = `${table.name} ${row.key.map(valueLiteral).join(',')}`;
        const known = world.truth.rows.get(place);
        if (known === undefined || known.isLossy || row.cl !== 1n || row.deleted.size > 0) continue;
        for (const [column, cell] of row.columns) {
          const written = Math.max(0, ...(known.written.get(column)?.values() ?? []));
          world.count('cells compared with their newest write');
          if (cell.stamp.clock < BigInt(written) - CLOCK_GRAIN)
            throw new Broken(
              'newest write wins',
              `${place} ${column}: stamp ${cell.stamp.clock}, written ${written}`,
            );
        }
      }
    }
  }
}

function stateOf(device: SimulatedDevice): Packet[] {
  device.setClock();
  return decodePayload(device.main.prepare('SELECT cloudsync_payload_encode(0)').pluck().get() as Buffer);
}

/** The clocks as lines. Bases are advice; a live row of an add-wins table may keep columns that a deletion has seen. */
function describe(packets: readonly Packet[]): string[] {
  const lines = packets.flatMap(({ tables }) =>
    tables.flatMap((table) =>
      table.rows.map((row) => {
        const { bases: _, ...bare } = row;
        return describeRow(table, bare);
      }),
    ),
  );
  return lines.sort();
}

function difference(a: readonly string[], b: readonly string[]): string {
  const only = (sign: string, these: readonly string[], those: readonly string[]) =>
    these.filter((line) => !those.includes(line)).map((line) => `${sign} ${line}`);
  return [...only('-', a, b), ...only('+', b, a)].slice(0, 12).join('\n');
}
