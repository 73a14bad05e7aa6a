/**
 * replicas.test.ts: three to eight replicas edit the same rows and exchange in random order, through a real server and
 * through files, worked on by different programs; one of them never meets the server. In the end all have equal tables
 * and equal clocks, the server too.
 */
import { expect, test } from 'vitest';
import { randomNumbers } from '../schemas/random-numbers.js';
import { LONG, propertyOptions } from '../support/random.js';
import { expectEqual } from './compare.js';
import type { SyncReport } from './device.js';
import { plainProgram, type SqlProgram, syncingPrograms } from './programs.js';
import { RandomEdits, SCHEMA, TABLE_NAMES } from './random-edits.js';
import { useWorkspace } from './workspace.js';

const workspace = useWorkspace();

class Replica {
  readonly file: string;
  readonly #program: SqlProgram;
  readonly #edits: RandomEdits;
  readonly #connect: string[];
  /** The newest arrival number that each other replica has from us by file. */
  readonly #given = new Map<Replica, string>();

  constructor(number: number, program: SqlProgram, random: () => number, database: string) {
    this.file = workspace.path(`replica-${number}`);
    this.#program = program;
    this.#edits = new RandomEdits(number, random);
    this.#connect = [
      `SELECT cloudsync_network_init('${workspace.server.url}/${database}')`,
      `SELECT cloudsync_network_set_apikey('${workspace.server.key}')`,
    ];
    program(this.file, [...(number % 2 === 0 ? ['PRAGMA journal_mode = WAL'] : []), ...SCHEMA]);
  }

  edit(program = this.#program): void {
    program(this.file, this.#edits.next());
  }

  sync(): SyncReport {
    const results = this.#program(this.file, [...this.#connect, 'SELECT cloudsync_network_sync()']);
    return JSON.parse(results.at(-1) ?? '');
  }

  /** Gives another replica what is new since the last time, through a file. */
  give(other: Replica): void {
    const path = workspace.path('changes.csp');
    const since = this.#given.get(other) ?? '0';
    const saved = `SELECT cloudsync_payload_save('${path}', ${since})`;
    const [, version] = this.#program(this.file, [saved, 'SELECT cloudsync_db_version()']);
    other.#program(other.file, [`SELECT cloudsync_payload_load('${path}')`]);
    this.#given.set(other, version ?? '0');
  }
}

interface Counts {
  edits: number;
  syncs: number;
  files: number;
}

function work(replicas: readonly Replica[], random: () => number, steps: number): Counts {
  const counts = { edits: 0, syncs: 0, files: 0 };
  const any = () => replicas[Math.floor(random() * replicas.length)] as Replica;
  for (let step = 0; step < steps; step++) {
    const [replica, choice] = [any(), random()];
    if (choice < 0.6) {
      replica.edit(random() < 0.2 ? plainProgram : undefined);
      counts.edits++;
    } else if (choice < 0.85 && replica !== replicas.at(-1)) {
      replica.sync();
      counts.syncs++;
    } else {
      const other = any();
      if (other === replica) continue;
      replica.give(other);
      counts.files++;
    }
  }
  return counts;
}

/** Syncs all until nothing moves; the last one, which the server does not know, gets and gives by file. */
function settle(replicas: readonly Replica[]): void {
  const [first, island] = [replicas[0] as Replica, replicas.at(-1) as Replica];
  for (let round = 0; round < 5; round++) {
    island.give(first);
    const reports = replicas.slice(0, -1).map((replica) => replica.sync());
    first.give(island);
    if (reports.every(({ sent, received }) => sent.batches === 0 && received.rows === 0)) return;
  }
  throw new Error('the replicas keep changing each other');
}

test('replicas that have exchanged everything are equal, whatever the order and the way', () => {
  const { seed, numRuns } = propertyOptions('replicas', 2);
  const programs = [...syncingPrograms.values()];
  for (let run = 0; run < numRuns; run++) {
    const random = randomNumbers(seed + run);
    // Few and many in turn: few exchange each change often, many by long ways.
    const count = run % 2 === 0 ? 3 + Math.floor(random() * 3) : 6 + Math.floor(random() * 3);
    const database = `replicas_${run}`;
    const replicas = Array.from({ length: count }, (_, number) => {
      // One after another, so that every program that there is takes part.
      return new Replica(number, programs[number % programs.length] as SqlProgram, random, database);
    });
    const counts = work(replicas, random, LONG ? 400 : 120);
    settle(replicas);
    const files = [...replicas.map(({ file }) => file), workspace.serverFile(database)];
    const content = expectEqual(files, TABLE_NAMES);
    const rows = TABLE_NAMES.reduce((sum, table) => sum + (content[table]?.length ?? 0), 0);
    const { edits, syncs, files: exchanged } = counts;
    console.log(
      `run ${run}: ${count} replicas, ${edits} transactions, ${syncs} syncs, ${exchanged} files, ${rows} rows`,
    );
    expect(counts.edits, 'transactions').toBeGreaterThan(20);
    expect(counts.syncs, 'syncs').toBeGreaterThan(5);
    expect(counts.files, 'files').toBeGreaterThan(2);
    expect(rows, 'rows').toBeGreaterThan(30);
  }
});
