/**
 * format.ts: numbers, sizes and times for people.
 */
import type { Count } from '../server/administration.js';
import { element } from './dom.js';

const NUMBER = new Intl.NumberFormat('en');
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const SIZE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
/** Units of time with their seconds, the largest first. */
const TIME_UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

export function formatCount({ value, isLeast }: Count): string {
  return isLeast ? `over ${formatNumber(value)}` : formatNumber(value);
}

export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(SIZE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${SIZE_UNITS[power]}`;
}

/** How long ago a time is, with the time itself as a tooltip; a dash when there is none. */
export function timeElement(milliseconds: number | null): HTMLElement {
  if (milliseconds === null) return element('span', { class: 'quiet' }, '–');
  const exact = new Date(milliseconds).toISOString();
  const title = exact.slice(0, 19).replace('T', ' ');
  return element('time', { datetime: exact, title: `${title} UTC` }, ago(milliseconds));
}

function ago(milliseconds: number): string {
  const seconds = (milliseconds - Date.now()) / 1000;
  const [unit, size] = TIME_UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
  return unit === 'second' ? 'just now' : RELATIVE.format(Math.round(seconds / size), unit);
}

/** Text of any length on one line; whole as a tooltip. */
export function shortText(text: string): HTMLElement {
  return element('span', { class: 'short', title: text }, text);
}

/** An id that is longer than people compare: its beginning, whole as a tooltip and for copying. */
export function shortId(id: string): HTMLElement {
  return element('code', { class: 'short id', title: id }, id);
}

/** A word in a small coloured frame. */
export function badge(text: string, kind: 'good' | 'warning' | 'bad' | 'plain'): HTMLElement {
  return element('span', { class: `badge ${kind}` }, text);
}
