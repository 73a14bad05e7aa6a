/**
 * architecture.test.ts: what ARCHITECTURE.md says about the sources is true: the functions, classes and tables that it
 * names exist, and imports between the parts of the core go only downwards in its table of layers.
 */
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, textOf } from './blocks.js';

const document = textOf('ARCHITECTURE.md');

/** Paths of all files below a folder of the repository, relative to the repository. */
function filesBelow(folder: string): string[] {
  const entries = readdirSync(resolve(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

test('every name in backquotes is a word of the sources', () => {
  const sources = ['src', 'shim', 'scripts'].flatMap(filesBelow).map(textOf).join('\n');
  const words = new Set(sources.match(/\w+/g));
  const names = [...document.matchAll(/`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`/g)].map(([, name]) => name ?? '');
  expect(names.length).toBeGreaterThan(80);
  const unknown = names.filter((name) => !name.split('.').every((word) => words.has(word)));
  // The table of the examples and the key columns after the first are not in the sources.
  expect([...new Set(unknown)].filter((name) => !/^todos_|^pk\d$/.test(name))).toEqual([]);
});

/** The layers from the top down: the paths that the table names in each row. */
function layers(): string[][] {
  const section = /### Who may import whom([\s\S]*?)\n##/.exec(document)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| [a-z ]+ \| (.*) \|$/gm)].map(([, cell]) => cell ?? '');
  return rows
    .map((cell) => [...cell.replace(/\(.*\)/, '').matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? ''))
    .slice(1);
}

/** The files of the core that a file of the core imports. */
function importsOf(file: string): string[] {
  const targets = [...textOf(file).matchAll(/from '(\.[^']+)'/g)].map(([, target]) => target ?? '');
  return targets.map((target) => relative(root, resolve(root, file, '..', `${target}.ts`)));
}

describe('the layers of the core', () => {
  const order = layers();
  const layerOf = (file: string) => order.findIndex((paths) => paths.some((path) => file.startsWith(path)));

  test('every file has its place', () => {
    expect(order.length).toBe(9);
    expect(filesBelow('src/core').filter((file) => file.endsWith('.ts') && layerOf(file) < 0)).toEqual([]);
  });

  test('imports go downwards', () => {
    const wrong = filesBelow('src/core')
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
      .filter(({ file, target }) => layerOf(target) < layerOf(file))
      // The one exception that the table names.
      .filter(
        ({ file, target }) =>
          !(file.startsWith('src/core/clock/') && target === 'src/core/capture/tables.ts'),
      );
    expect(wrong).toEqual([]);
  });
});
