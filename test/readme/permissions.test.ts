/**
 * permissions.test.ts: docs/PERMISSIONS.md has a line for each of the 35 problems, and names tests that exist.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { root, textOf } from './blocks.js';

const LINES = textOf('docs/PERMISSIONS.md')
  .split('\n')
  .filter((line) => /^\| \d/.test(line));

/** The tests that the last cell of a line names: a file, then titles in it, then the next file. */
function namedTests(line: string): { file: string; title: string }[] {
  const cell = line.split(' | ').at(-1) ?? '';
  const named: { file: string; title: string }[] = [];
  let file = '';
  for (const [, path, title] of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (path !== undefined) file = path;
    else named.push({ file, title: title ?? '' });
  }
  return named;
}

test('every problem has a line', () => {
  const numbers = LINES.map((line) => Number(/^\| (\d+) /.exec(line)?.[1]));
  expect(numbers).toEqual(Array.from({ length: 35 }, (_, index) => index + 1));
});

test.each(LINES.map((line) => [line.split(' | ')[1] ?? '', line]))('%s: its tests exist', (_name, line) => {
  const named = namedTests(line);
  expect(named.length).toBeGreaterThan(0);
  for (const { file, title } of named) {
    expect(existsSync(resolve(root, file)), file).toBe(true);
    expect(textOf(file).includes(title), `${file}: ${title}`).toBe(true);
  }
});
