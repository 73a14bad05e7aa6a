/**
 * bands.ts: the table of the bands of evidence: each looks for one kind of damage by one means, with a short length
 * that every complete test run plays and a long one for `npm run soak`. A complete run fails when a band played fewer
 * cases than planned here (test/reporter.ts): tests that quietly do less are the easiest way to be wrong.
 */

export interface Band {
  /** Lower case and hyphens; the name of its report in build/bands and of its rows in test/LEDGER.md. */
  name: string;
  /** What it shows, in a few words. */
  shows: string;
  /** What one case is, in the plural. */
  unit: string;
  /** The test file that plays it, and this band only. */
  file: string;
  /** Cases of a complete test run. */
  short: number;
  /** Cases of a long run. */
  long: number;
}

export const BANDS: readonly Band[] = [
  {
    name: 'model',
    shows: 'replicas follow the reference model after every step, and are equal at the end',
    unit: 'histories',
    file: 'test/property/history.test.ts',
    short: 400,
    long: 100_000,
  },
  {
    name: 'constraints-references',
    shows: 'with foreign keys, the tables are a function of the merged state, in any order of arrival',
    unit: 'histories',
    file: 'test/constraints/references.test.ts',
    short: 500,
    long: 40_000,
  },
  {
    name: 'constraints-unique',
    shows: 'the same with unique keys',
    unit: 'histories',
    file: 'test/constraints/unique.test.ts',
    short: 400,
    long: 30_000,
  },
  {
    name: 'constraints-rows',
    shows: 'the same with CHECK, NOT NULL, STRICT and RAISE',
    unit: 'histories',
    file: 'test/constraints/rows.test.ts',
    short: 300,
    long: 20_000,
  },
  {
    name: 'constraints-combined',
    shows: 'the same where constraints meet',
    unit: 'histories',
    file: 'test/constraints/combined.test.ts',
    short: 100,
    long: 10_000,
  },
  {
    name: 'simulator',
    shows: 'devices agree and lose nothing under network, crash, disk, clock and copy faults',
    unit: 'histories',
    file: 'test/sim/simulator.test.ts',
    short: 1500,
    long: 100_000,
  },
  {
    name: 'determinism',
    shows: 'a seed of the simulator repeats its history to the last byte',
    unit: 'seeds played twice',
    file: 'test/sim/determinism.test.ts',
    short: 50,
    long: 10_000,
  },
  {
    name: 'oracle',
    shows:
      'devices show what the policies show their users, and no refused edit vanishes, whatever goes wrong',
    unit: 'histories',
    file: 'test/oracle/oracle.test.ts',
    short: 100,
    long: 20_000,
  },
  {
    name: 'fuzz-decoder',
    shows:
      'no bytes from elsewhere trap the core, take long or much memory; what is accepted survives being rewritten',
    unit: 'inputs',
    file: 'test/fuzz/decoder/decoder.test.ts',
    short: 4_000_000,
    long: 1_000_000_000,
  },
  {
    name: 'fuzz-session',
    shows:
      'no answer of a server crashes or traps, loses local changes or moves the cursor beyond what was merged',
    unit: 'sessions',
    file: 'test/fuzz/session/session.test.ts',
    short: 1000,
    long: 1_000_000,
  },
  {
    name: 'fuzz-apply',
    shows: 'a packet with changed contents is refused and changes nothing, or is merged by all rules',
    unit: 'packets',
    file: 'test/fuzz/apply/apply.test.ts',
    short: 2500,
    long: 2_000_000,
  },
  {
    name: 'fuzz-sql',
    shows: 'no SQL crashes or traps, whatever the function, its arguments, the schema and the names in it',
    unit: 'programs',
    file: 'test/fuzz/sql/sql.test.ts',
    short: 600,
    long: 500_000,
  },
  {
    name: 'fuzz-database',
    shows: 'no damage to our own tables in a database file crashes or traps',
    unit: 'damaged databases',
    file: 'test/fuzz/database/database.test.ts',
    short: 300,
    long: 20_000,
  },
  {
    name: 'fuzz-bits',
    shows: 'no flipped bits in a database file crash or trap',
    unit: 'damaged files',
    file: 'test/fuzz/bits/bits.test.ts',
    short: 250,
    long: 200_000,
  },
  {
    name: 'kill-client',
    shows: 'kill -9 of a client at every named point and at random moments loses and tears nothing',
    unit: 'kills',
    file: 'test/kill/client.test.ts',
    short: 900,
    long: 10_000,
  },
  {
    name: 'kill-server',
    shows: 'a server that dies under load loses nothing that it acknowledged and counts no batch twice',
    unit: 'deaths of the server',
    file: 'test/kill/server.test.ts',
    short: 40,
    long: 1_000,
  },
  {
    name: 'http-abuse',
    shows: 'malicious clients and malicious servers get the expected refusal, change nothing and cost little',
    unit: 'cases',
    file: 'test/abuse/http.test.ts',
    short: 150,
    long: 5_000,
  },
  {
    name: 'identity',
    shows: 'copied and restored files, and restored servers, lose nothing unsent and share no identity',
    unit: 'cells',
    file: 'test/identity/identity.test.ts',
    short: 160,
    long: 16_000,
  },
  {
    name: 'busy',
    shows: "processes on one file that are in each other's way lose and tear nothing and wait a bounded time",
    unit: 'calls',
    file: 'test/busy/busy.test.ts',
    short: 2_000,
    long: 100_000,
  },
  {
    name: 'soak-memory',
    shows: 'a server and eight clients behind a faulty proxy: memory, open files and databases do not grow',
    unit: 'syncs',
    file: 'test/soak/memory.test.ts',
    short: 1_500,
    long: 200_000,
  },
  {
    name: 'faults-memory',
    shows: 'no allocation that fails leaves anything half done, lost or leaked',
    unit: 'points',
    file: 'test/faults/memory.test.ts',
    short: 5000,
    long: 500_000,
  },
  {
    name: 'faults-io',
    shows: 'no disk call that fails, no full disk, no lock, no kill leaves anything half done or lost',
    unit: 'points',
    file: 'test/faults/io.test.ts',
    short: 4000,
    long: 500_000,
  },
  {
    name: 'faults-interrupt',
    shows: 'no interrupt leaves anything half done or lost',
    unit: 'points',
    file: 'test/faults/interrupt.test.ts',
    short: 3000,
    long: 500_000,
  },
  {
    name: 'power-loss',
    shows: 'no power loss tears a transaction or loses a durable one',
    unit: 'points',
    file: 'test/faults/power.test.ts',
    short: 4000,
    long: 100_000,
  },
  {
    name: 'sanitizer-address',
    shows: 'no wrong access, no undefined behaviour and no leak in the shim and the core',
    unit: 'points',
    file: 'test/faults/address.test.ts',
    short: 800,
    long: 100_000,
  },
  {
    name: 'sanitizer-thread',
    shows: 'connections on several threads do not race',
    unit: 'rounds',
    file: 'test/faults/thread.test.ts',
    short: 80,
    long: 20_000,
  },
  {
    name: 'policies',
    shows:
      'rows and principals have keys in common exactly when SQLite says by the policy that they are visible',
    unit: 'worlds',
    file: 'test/policies/visibility.test.ts',
    short: 300,
    long: 20_000,
  },
];

/** @throws Error when there is no band of that name */
export function bandNamed(name: string): Band {
  const band = BANDS.find((each) => each.name === name);
  if (band === undefined) throw new Error(`no band "${name}" in test/support/bands.ts`);
  return band;
}
