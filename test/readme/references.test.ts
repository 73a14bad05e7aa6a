/**
 * references.test.ts: what the documents say about the sources is true: the table of functions is the registry, and
 * every file, folder and npm command that they name exists.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, textOf } from './blocks.js';

interface FunctionFacts {
  name: string;
  least: number;
  most: number;
  help: string;
}

/** The entries of the registry, read from its source. */
function registry(): FunctionFacts[] {
  const pattern = /entry\(\s*F_\w+,\s*'(\w+)',\s*(\d+),\s*(\d+),\s*[\w| ]+,\s*'((?:[^'\\]|\\.)*)',?\s*\)/g;
  return [...textOf('src/core/functions/registry.ts').matchAll(pattern)].map(
    ([, name, least, most, help]) => ({
      name: name ?? '',
      least: Number(least),
      most: Number(most),
      help: help ?? '',
    }),
  );
}

/** Rows of the README's table of functions: `name(a[, b])` and the help. */
function shownFunctions(): FunctionFacts[] {
  const rows = [...textOf('README.md').matchAll(/^\| `(cloudsync_\w+)\(([^`]*)\)` \| (.*) \|$/gm)];
  const withoutSettings = rows.filter(([, , parameters]) => !parameters?.includes("'"));
  return withoutSettings.map(([, name = '', parameters = '', help = '']) => {
    const required = parameters.replace(/\[.*\]/, '');
    return { name, least: countWords(required), most: countWords(parameters), help };
  });
}

function countWords(text: string): number {
  return text.match(/\w+/g)?.length ?? 0;
}

test('the table of functions in README.md is the registry', () => {
  const entries = registry();
  const constants = textOf('src/core/functions/registry.ts').match(/^export const F_\w+/gm) ?? [];
  expect(entries).toHaveLength(constants.length);
  expect(entries.length).toBeGreaterThan(25);
  expect(shownFunctions()).toEqual(entries);
});

/** Words in backquotes or links that look like paths of the repository. */
function namedPaths(document: string): string[] {
  const text = textOf(document);
  const quoted = [...text.matchAll(/`([\w./*-]+)`/g)].map(([, word]) => word ?? '');
  const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target ?? '');
  const top =
    /^(?:src|shim|test|bench|docs|scripts|build)\/|^(?:[A-Z]+\.md|package\.json|asconfig\.json|binding\.gyp)$/;
  return [...new Set([...quoted, ...links].filter((word) => top.test(word)))];
}

/** Names in ARCHITECTURE.md that are relative to a folder given before them stand with their whole path. */
describe.each(['README.md', 'ARCHITECTURE.md'])('%s', (document) => {
  test('names only files and folders that exist', () => {
    const paths = namedPaths(document);
    expect(paths.length).toBeGreaterThan(10);
    const missing = paths.filter((path) => {
      const folder = path.includes('*') ? dirname(path) : path;
      return !existsSync(resolve(root, folder));
    });
    // What the build makes need not be there when only this test runs.
    expect(missing.filter((path) => !path.startsWith('build/'))).toEqual([]);
  });

  test('names only npm commands that exist', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const builtIn = ['install', 'ci'];
    const named = [...textOf(document).matchAll(/`npm (?:run )?([\w:-]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !(name in scripts) && !builtIn.includes(name))).toEqual([]);
  });
});
