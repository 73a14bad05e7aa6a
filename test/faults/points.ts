/**
 * points.ts: how a band plays points of faults: which there are in every scenario, which of them this run takes, and
 * the harness processes that play them. A short run takes an even sample that begins elsewhere with every seed; a long
 * one takes all, and then all again with further faults behind each, or other damage.
 */
import { spawn } from 'node:child_process';
import { basename, relative, resolve } from 'node:path';
import { filesBelow } from '../../scripts/tools.mjs';
import { extensionFile } from '../native/programs.js';
import type { BandRun } from '../support/band_run.ts';

const root = resolve(import.meta.dirname, '../..');

export const scenarios = filesBelow(resolve(import.meta.dirname, 'scenarios'));

export type Journal = 'wal' | 'normal' | 'delete';

/** A kind of fault: its name and mode as the harness takes them, and the kind of calls at which it can happen. */
export interface Kind {
  name: string;
  mode: 'once' | 'forever';
  counted: string;
}

/** Each kind once and for ever. */
export function bothModes(...kinds: (string | [name: string, counted: string])[]): Kind[] {
  return kinds.flatMap((kind) => {
    const [name, counted] = typeof kind === 'string' ? [kind, kind] : kind;
    return [
      { name, counted, mode: 'once' as const },
      { name, counted, mode: 'forever' as const },
    ];
  });
}

/** What one process plays. */
interface Group {
  scenario: string;
  journal: Journal;
  /** Points of each kind, and how many of them were chosen. */
  kinds: { kind: Kind; points: number; chosen: number }[];
}

interface JobReport {
  failures: { point: number; message: string }[];
  points: number;
  fired: number;
  errors: number;
  nevertheless: number;
  lost: number;
}

interface Ended {
  status: number | null;
  signal: string | null;
  lines: string[];
  /** The end of what it said on stderr. */
  last: string;
}

export interface Harness {
  program: string;
  /** `-`: the extension is linked in. */
  library: string;
}

/** Runs the harness to its end, without keeping what it says about each point. */
export function runHarness(harness: Harness, args: string[]): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(harness.program, [harness.library, ...args], { cwd: root });
    let output = '';
    let last = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      last = (last + text).slice(-6000);
    });
    child.on('error', failed);
    child.on('close', (status, signal) =>
      done({ status, signal, last, lines: output.split('\n').filter((line) => line !== '') }),
    );
  });
}

export async function countPoints(harness: Harness, scenario: string, journal: Journal) {
  const ended = await runHarness(harness, [scenario, journal, 'count']);
  if (ended.status !== 0) throw new Error(`${basename(scenario)}: ${ended.last}`);
  return JSON.parse(ended.lines[0] ?? '') as Record<string, number>;
}

/** Every point of the kinds in every scenario. */
async function findGroups(harness: Harness, kinds: Kind[], journals: Journal[]): Promise<Group[]> {
  const groups: Group[] = [];
  for (const scenario of scenarios) {
    for (const journal of journals) {
      const counts = await countPoints(harness, scenario, journal);
      const found = kinds.map((kind) => ({ kind, points: counts[kind.counted] ?? 0, chosen: 0 }));
      groups.push({ scenario, journal, kinds: found.filter(({ points }) => points > 0) });
    }
  }
  return groups;
}

/**
 * Chooses `count` of all points. A kind has a share by the root of its points, so that one that has few (growth of the
 * core's memory, say) is not lost among those that have thousands.
 */
function choose(groups: Group[], count: number): void {
  const all = groups.flatMap(({ kinds }) => kinds);
  const share = (points: number, scale: number) => Math.min(points, scale * Math.sqrt(points));
  let low = 0;
  let high = Math.sqrt(Math.max(...all.map(({ points }) => points)));
  for (let round = 0; round < 60; round++) {
    const scale = (low + high) / 2;
    const sum = all.reduce((total, { points }) => total + share(points, scale), 0);
    if (sum < count) low = scale;
    else high = scale;
  }
  let wanted = 0;
  let chosen = 0;
  for (const each of all) {
    wanted += share(each.points, high);
    each.chosen = Math.min(each.points, Math.max(0, Math.round(wanted) - chosen));
    chosen += each.chosen;
  }
  // What rounding has left over goes where there is room.
  for (const each of all) {
    const more = Math.min(each.points - each.chosen, count - chosen);
    each.chosen += more;
    chosen += more;
  }
}

/** The jobs of a group as arguments of the harness. */
function jobsOf(group: Group, seed: number, depth: number): string[] {
  return group.kinds.flatMap(({ kind, points, chosen }) => {
    if (chosen === 0) return [];
    const stride = Math.max(1, Math.floor(points / chosen));
    const first = 1 + (seed % Math.max(1, points - stride * (chosen - 1)));
    return [`${kind.name}/${kind.mode}/${first}/${stride}/${chosen}/${depth}`];
  });
}

/**
 * Plays the points of a band, as many as planned.
 * @param depth 0: one fault at each point at first; otherwise every point has that seed (of damage or more faults)
 */
export async function playPoints(
  run: BandRun,
  harness: Harness,
  kinds: Kind[],
  journals: Journal[],
  depth = 0,
): Promise<string[]> {
  const groups = await findGroups(harness, kinds, journals);
  const total = groups.flatMap((group) => group.kinds).reduce((sum, { points }) => sum + points, 0);
  run.add('points there are', total);
  const failures: string[] = [];
  for (let round = 0; run.count < run.planned; round++) {
    const count = Math.min(total, run.planned - run.count);
    choose(groups, count);
    for (const group of groups) {
      const jobs = jobsOf(group, run.seed, depth === 0 ? round : depth + round);
      if (jobs.length > 0) failures.push(...(await playGroup(run, harness, group, jobs)));
    }
  }
  return failures;
}

async function playGroup(run: BandRun, harness: Harness, group: Group, jobs: string[]): Promise<string[]> {
  const scenario = relative(root, group.scenario);
  const command = [relative(root, harness.program), harness.library, scenario, group.journal].join(' ');
  const ended = await runHarness(harness, [scenario, group.journal, ...jobs]);
  const failures: string[] = [];
  ended.lines.forEach((line, index) => {
    const report = JSON.parse(line) as JobReport;
    const [name, mode, , , , depth] = (jobs[index] ?? '').split('/');
    run.count += report.points;
    run.add('faults', report.fired);
    run.add('errors', report.errors);
    run.add('done nevertheless', report.nevertheless);
    run.add('transactions lost', report.lost);
    for (const { point, message } of report.failures) {
      failures.push(`${message}\n    replay: ${command} ${name}/${mode}/${point}/1/1/${depth}`);
    }
  });
  if (ended.status !== 0) {
    const point = ended.last.match(/point (\S+)\n(?![\s\S]*point \S+\n)/)?.[1];
    const how = ended.signal ?? `status ${ended.status}`;
    failures.push(`the process ended by ${how}\n    replay: ${command} ${point}\n${ended.last.slice(-4000)}`);
  }
  run.failures += failures.length;
  return failures;
}

/** The harness with the extension that is delivered. */
export function delivered(program: string): Harness {
  return { program, library: extensionFile };
}

/** Long enough for that many points on a busy machine, within what a timer can count. */
export function timeLimit(points: number): number {
  return Math.min(300_000 + points * 500, 2 ** 31 - 1);
}
