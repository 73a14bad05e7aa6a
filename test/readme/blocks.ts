/**
 * blocks.ts: reads the code blocks of README.md that an HTML comment before them names (`<!-- run: phone -->`).
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(resolve(root, path), 'utf8');
}

/** A code block of README.md. */
export interface Block {
  /** "run", "output" or "file". */
  kind: string;
  /** Which terminal, program or file: "phone", "python", "team.json". */
  name: string;
  text: string;
}

/** All named blocks in their order. */
export function namedBlocks(): Block[] {
  const pattern = /<!-- (run|output|file): ([\w.]+) -->\n```\w+\n([\s\S]*?)```\n/g;
  return [...textOf('README.md').matchAll(pattern)].map(([, kind = '', name = '', text = '']) => ({
    kind,
    name,
    text,
  }));
}

/**
 * The block of that kind and name.
 * @throws Error README.md has none
 */
export function blockNamed(kind: string, name: string): Block {
  const found = namedBlocks().find((one) => one.kind === kind && one.name === name);
  if (found === undefined) throw new Error(`README.md has no block "${kind}: ${name}"`);
  return found;
}

/** Something typed at a prompt, and what is printed until the next prompt. */
export interface Exchange {
  typed: string;
  printed: string;
}

const PROMPT = /^(?:\$|sqlite>) /;

/** Takes a terminal session apart. */
export function exchanges(block: Block): Exchange[] {
  const list: Exchange[] = [];
  for (const line of block.text.split('\n').slice(0, -1)) {
    const last = list.at(-1);
    if (PROMPT.test(line)) list.push({ typed: line.replace(PROMPT, ''), printed: '' });
    else if (last !== undefined) last.printed += `${line}\n`;
    else throw new Error(`README.md: the block "${block.name}" begins without a prompt`);
  }
  return list;
}
