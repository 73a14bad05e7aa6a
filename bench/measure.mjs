/**
 * measure.mjs: runs all phases of all systems, round by round.
 *
 * The systems alternate phase by phase, in turned order every second round, so that whatever else the machine does
 * hits them alike: what is compared later is always two times of the same round.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionMemory, loadTime } from './connections.mjs';
import { CLOCKS, commitCount, PHASES, Round } from './phases.mjs';
import { makeWorkload } from './workload.mjs';

/** After this phase the databases hold the inserted rows and their bookkeeping, nothing else: sizes are taken. */
const SIZES_AFTER = 'encode';

function takeSizes(round, measured) {
  measured.bytesPerRow = round.bytesPerRow();
  if (round.payload !== null) measured.sizes.packet = round.payload.length / round.workload.inserts.length;
}

function keepTime(measured, phase, seconds, rows) {
  if (seconds === undefined) return;
  measured.perRow[phase] ??= [];
  measured.perRow[phase].push(seconds / (phase === 'insertWithCommits' ? commitCount(rows) : rows));
}

/** Runs all phases once for all systems. */
function runRound({ systems, workload, clock, measured }, folder, turned) {
  const rounds = systems.map((system) => {
    const own = join(folder, system.name);
    mkdirSync(own);
    return new Round(system, own, workload, clock);
  });
  const order = rounds.map((_, index) => index);
  if (turned) order.reverse();
  for (const phase of PHASES) {
    for (const index of order) {
      const seconds = rounds[index].run(phase);
      keepTime(measured[index], phase, seconds, workload.inserts.length);
      if (phase === SIZES_AFTER) takeSizes(rounds[index], measured[index]);
    }
  }
  for (const round of rounds) round.close();
}

/** Memory and loading; needs a database of the system with all rows. */
function measureConnections({ systems, workload, clock, measured }, folder) {
  const [plain] = systems;
  systems.forEach((system, index) => {
    if (system.adapter === null) return;
    const own = join(folder, `connections-${system.name}`);
    mkdirSync(own);
    const round = new Round(system, own, workload, clock);
    round.insert();
    round.fold();
    round.encode();
    round.close();
    const path = join(own, 'source.db');
    const { sizes } = measured[index];
    sizes.idleMemory = connectionMemory(plain, system, path, 'nothing');
    sizes.usedMemory = connectionMemory(plain, system, path, 'encode');
    sizes.loadTime = loadTime(plain, system);
    sizes.librarySize = statSync(system.file).size;
  });
}

/**
 * Measures all systems, plain SQLite first.
 * @param systems from systems.mjs
 * @param options rows, rounds, clock (a key of CLOCKS)
 * @param say called with a line about the progress
 * @returns per system { perRow: by phase the seconds per row of each round, sizes: by key of figures.mjs, bytesPerRow }
 */
export function measureAll(systems, { rows, rounds, clock }, say) {
  const measured = systems.map(() => ({ perRow: {}, sizes: {}, bytesPerRow: 0 }));
  const run = { systems, measured, workload: makeWorkload(rows), clock: CLOCKS[clock] };
  const folder = mkdtempSync(join(tmpdir(), 'cloudsync-bench-'));
  try {
    for (let i = 0; i < rounds; i++) {
      say(`round ${i + 1} of ${rounds}`);
      const own = join(folder, String(i));
      mkdirSync(own);
      runRound(run, own, i % 2 === 1);
      rmSync(own, { recursive: true });
    }
    say('connections');
    measureConnections(run, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const { sizes, bytesPerRow } of measured.slice(1)) {
    sizes.metadata = bytesPerRow - measured[0].bytesPerRow;
  }
  return measured;
}
