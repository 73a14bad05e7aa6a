/**
 * figures.mjs: the figures of the table: what each is made of, what it is compared with and the goal.
 *
 * A figure that has `phases` is a ratio: the time of these phases per row, against the time of the phase `against` (the
 * same phases without it) of plain SQLite per row. The others are sizes, given as they are. `goal` and `atLeast` (the
 * least that has to be reached) are upper bounds; figures without them are for information.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

const constrained = { goal: 2.5 };
const updates = { goal: 1.6, atLeast: 1.8 };

export const FIGURES = [
  { key: 'insert', label: 'insert, one transaction', phases: ['insert'], goal: 1.3, atLeast: 1.4 },
  { key: 'updateOne', label: 'update one column', phases: ['updateOne'], ...updates },
  { key: 'updateFive', label: 'update five columns', phases: ['updateFive'], ...updates },
  { key: 'delete', label: 'delete', phases: ['delete'], goal: 1.7, atLeast: 1.8 },
  { key: 'commits', label: 'insert, one commit per row', phases: ['insertWithCommits'], goal: 1.3 },
  { key: 'oneUnique', label: 'insert, one unique index', phases: ['insertOneUnique'], ...constrained },
  { key: 'twoUnique', label: 'insert, two unique indexes', phases: ['insertTwoUnique'], ...constrained },
  { key: 'reference', label: 'insert, a foreign key', phases: ['insertReference'], ...constrained },
  {
    key: 'uniqueAndReference',
    label: 'insert, unique and foreign key',
    phases: ['insertBoth'],
    ...constrained,
  },
  {
    key: 'inMemory',
    label: '  with temp_store = MEMORY',
    phases: ['insertBothInMemory'],
    ...constrained,
  },
  {
    key: 'encode',
    label: 'fold + encode all / insert',
    phases: ['fold', 'encode'],
    against: 'insert',
    goal: 1.2,
    atLeast: 2,
  },
  { key: 'fold', label: '  of this the fold', phases: ['fold'], against: 'insert' },
  {
    key: 'apply',
    label: 'apply all / insert',
    phases: ['apply'],
    against: 'insert',
    goal: 2.5,
    atLeast: 3.5,
  },
  { key: 'reapply', label: 're-apply / insert', phases: ['reapply'], against: 'insert', goal: 0.8 },
  {
    key: 'encodeChanges',
    label: 'fold + encode one column / insert',
    phases: ['encodeChanges'],
    against: 'insert',
  },
  { key: 'applyChanges', label: 'apply one column / insert', phases: ['applyChanges'], against: 'insert' },
  { key: 'metadata', label: 'metadata, bytes per row', unit: 'bytes', goal: 120, atLeast: 140 },
  { key: 'packet', label: 'packet, bytes per row', unit: 'bytes', goal: 38, atLeast: 45 },
  { key: 'idleMemory', label: 'memory per idle connection', unit: 'KiB', scale: KIB, goal: MIB },
  { key: 'usedMemory', label: '  after encoding everything', unit: 'KiB', scale: KIB },
  { key: 'loadTime', label: 'loading the extension', unit: 'microseconds', scale: 1e-6 },
  { key: 'librarySize', label: 'size of the extension', unit: 'KiB', scale: KIB },
];

function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Per round the seconds per row of some phases together; undefined when the system has none of them. */
function roundsOf(measured, phases) {
  const lists = phases.map((phase) => measured.perRow[phase]).filter((times) => times !== undefined);
  return lists[0]?.map((_, round) => lists.reduce((sum, times) => sum + times[round], 0));
}

/**
 * A figure of one system: of ratios the median over the rounds, each of two times of the same round.
 * @param figure one of FIGURES
 * @param measured { perRow: by phase the seconds per row of each round, sizes: the other figures by key }
 * @param plain the same of plain SQLite
 * @returns { value: a ratio or a size, microsecondsPerRow: the median, for a ratio }; undefined when not measured
 */
export function figureOf(figure, measured, plain) {
  if (!figure.phases) {
    const value = measured.sizes[figure.key];
    return value === undefined ? undefined : { value };
  }
  const times = roundsOf(measured, figure.phases);
  if (times === undefined) return undefined;
  const base = plain.perRow[figure.against ?? figure.phases[0]];
  const value = median(times.map((time, round) => time / base[round]));
  return { value, microsecondsPerRow: median(times) * 1e6 };
}
