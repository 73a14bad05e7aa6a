/**
 * tidy.test.ts: the rules of the house that a program can check: length of files, functions and lines, no cycles
 * among imports, no words that announce unfinished work, and a first line that says what a file is.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
/** The formatter keeps code within 110 columns; comments and AssemblyScript, which it leaves alone, may use 120. */
const COLUMNS_MAX = 120;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const files = ['src', 'shim', 'test', 'scripts', 'bench']
  .map((folder) => join(root, folder))
  .filter((folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined)
  .flatMap(filesBelow)
  .filter((file) => /\.(ts|mjs|c|h)$/.test(file));

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n');
}

/** Reports as `path:line detail`, so that a failure names every place at once. */
function place(file: string, line: number, detail: unknown): string {
  return `${relative(root, file)}:${line} ${detail}`;
}

/** Line counts of all functions of a TypeScript, JavaScript or AssemblyScript file. */
function scriptFunctions(file: string): { line: number; length: number }[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: { line: number; length: number }[] = [];
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ts.Node): void => {
    const isTestBlock = ts.isCallExpression(node.parent ?? node) && file.endsWith('.test.ts');
    if (ts.isFunctionLike(node) && 'body' in node && node.body && !isTestBlock) {
      const line = lineOf(node.getStart(source));
      found.push({ line, length: lineOf(node.getEnd()) - line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The same for C as it is formatted here: a body starts with `{` at the end of a line and ends with `}` alone. */
function cFunctions(file: string): { line: number; length: number }[] {
  const found: { line: number; length: number }[] = [];
  let start = 0;
  linesOf(file).forEach((text, index) => {
    if (/^\w.*\)\s*\{$/.test(text) || /^ {4,}\w.*\)\s*\{$/.test(text)) start = start || index + 1;
    if (text === '}' && start > 0) {
      found.push({ line: start, length: index + 2 - start });
      start = 0;
    }
  });
  return found;
}

/** Files that a file imports or includes, as far as they are files of this repository. */
function dependenciesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const pattern = /\.[ch]$/.test(file)
    ? /^#include "([\w.-]+)"/gm
    : /^(?:import|export)\s(?!type)[^;]*?from '(\.[^']+)'|^import '(\.[^']+)'/gm;
  const names = [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '');
  return names.flatMap((name) => {
    const target = resolve(dirname(file), name);
    return [target, `${target}.ts`, target.replace(/\.js$/, '.ts')]
      .filter((path) => files.includes(path))
      .slice(0, 1);
  });
}

function findCycles(): string[] {
  const graph = new Map(files.map((file) => [file, dependenciesOf(file)]));
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    const position = path.indexOf(file);
    if (position >= 0) {
      cycles.push([...path.slice(position), file].map((name) => relative(root, name)).join(' -> '));
      return;
    }
    if (finished.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
  return cycles;
}

describe('every source file', () => {
  test('is seen by these checks', () => {
    const seen = files.map((file) => relative(root, file));
    expect(seen).toEqual(
      expect.arrayContaining(['src/core/host.ts', 'shim/call.c', 'test/native/tidy.test.ts']),
    );
    expect(findFunctionCount('shim/call.c')).toBeGreaterThan(8);
    expect(dependenciesOf(join(root, 'shim/call.c'))).toContain(join(root, 'shim/call.h'));
    expect(dependenciesOf(join(root, 'scripts/build.mjs'))).toContain(join(root, 'scripts/tools.mjs'));
  });

  test(`has at most ${FILE_LINES_MAX} lines`, () => {
    const long = files.filter((file) => linesOf(file).length > FILE_LINES_MAX + 1);
    expect(long.map((file) => place(file, 1, linesOf(file).length))).toEqual([]);
  });

  test(`has functions of at most ${FUNCTION_LINES_MAX} lines`, () => {
    const long = files.flatMap((file) =>
      functionsOf(file)
        .filter((found) => found.length > FUNCTION_LINES_MAX)
        .map((found) => place(file, found.line, found.length)),
    );
    expect(long).toEqual([]);
  });

  test(`has lines of at most ${COLUMNS_MAX} columns`, () => {
    const long = files.flatMap((file) =>
      linesOf(file).flatMap((text, index) => {
        const columns = [...text].length;
        return columns > COLUMNS_MAX ? [place(file, index + 1, columns)] : [];
      }),
    );
    expect(long).toEqual([]);
  });

  test('starts with a comment that says what it is', () => {
    const silent = files.filter((file) => !/^(#!.*\n)?\/[*/]/.test(readFileSync(file, 'utf8')));
    expect(silent.map((file) => relative(root, file))).toEqual([]);
  });

  test('of the server asks the machine for nothing but through src/server/surroundings.ts', () => {
    const asking =
      /\b(Date\.now\(|new Date\(\)|Math\.random|performance\.|setTimeout\(|setInterval\(|statSync\()/;
    const importing = /\brandom(Bytes|UUID|Int|FillSync)\b.*from 'node:crypto'/;
    const server = files.filter((file) => relative(root, file).startsWith('src/server/'));
    const found = server
      // What an operator calls by hand is about real files of this machine.
      .filter((file) => !/\/(surroundings\.ts|operations\/\w+\.ts)$/.test(file))
      .flatMap((file) =>
        linesOf(file).flatMap((text, index) =>
          asking.test(text) || importing.test(text) ? [place(file, index + 1, text.trim())] : [],
        ),
      );
    expect(server.length).toBeGreaterThan(30);
    expect(found).toEqual([]);
  });

  test('announces no unfinished work', () => {
    const words = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].map((word) => `\\b${word}\\b`).join('|'),
    );
    const found = files.flatMap((file) =>
      linesOf(file).flatMap((text, index) => (words.test(text) ? [place(file, index + 1, text.trim())] : [])),
    );
    expect(found).toEqual([]);
  });

  test('is part of no cycle of imports', () => {
    expect(findCycles()).toEqual([]);
  });
});

function functionsOf(file: string): { line: number; length: number }[] {
  return /\.[ch]$/.test(file) ? cFunctions(file) : scriptFunctions(file);
}

function findFunctionCount(path: string): number {
  return functionsOf(join(root, path)).length;
}
