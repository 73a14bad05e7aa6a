/**
 * tokens.ts: cuts the text of policies into SQLite's tokens, each with its offset, and hands them out one by one. No
 * parser from npm is used: the one that knows SQLite's dialect well has a licence that does not fit ours.
 */
import { PolicyError } from '../policy-error.js';

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'blob' | 'sign' | 'end';
  /** As it is written; a quoted name without its quotes. */
  text: string;
  offset: number;
}

const SPACE = /(?:\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))*/y;
const KINDS: readonly [Token['kind'], RegExp][] = [
  ['blob', /[xX]'(?:[0-9a-fA-F]{2})*'/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['number', /0[xX][0-9a-fA-F]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['string', /'(?:[^']|'')*'/y],
  ['quoted', /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ['sign', /->>|->|\|\||<<|>>|<=|>=|<>|==|!=|[-+*/%&|<>=~(),.;]/y],
];

/** A stack this deep is more than anybody writes, and less than what recursion can take. */
const DEPTH_MAX = 200;

export class TokenStream {
  readonly #tokens: Token[];
  #position = 0;
  #depth = 0;

  /** @throws PolicyError at the first character that begins no token */
  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#position + ahead, last)] as Token;
  }

  next(): Token {
    const token = this.peek();
    this.#position += 1;
    return token;
  }

  get isAtEnd(): boolean {
    return this.peek().kind === 'end';
  }

  /** Whether the next tokens are these keywords (any case) or signs. */
  sees(...words: string[]): boolean {
    return words.every((word, index) => {
      const token = this.peek(index);
      return (token.kind === 'word' || token.kind === 'sign') && token.text.toUpperCase() === word;
    });
  }

  /** Passes over these keywords or signs when they are next. */
  take(...words: string[]): boolean {
    if (!this.sees(...words)) return false;
    this.#position += words.length;
    return true;
  }

  /** @throws PolicyError when something else is next */
  require(...words: string[]): void {
    if (!this.take(...words)) throw this.unexpected(words.join(' '));
  }

  /** A name, quoted or not. */
  name(what: string): string {
    const token = this.peek();
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.unexpected(what);
    this.#position += 1;
    return token.text;
  }

  unexpected(wanted: string): PolicyError {
    const token = this.peek();
    const found = token.kind === 'end' ? 'the text ends' : `"${token.text}" stands`;
    return new PolicyError(token.offset, `${found} where ${wanted} is expected`);
  }

  /** Runs a part of the parser one level deeper. @throws PolicyError when that is too deep */
  nested<Result>(parse: () => Result): Result {
    if (this.#depth === DEPTH_MAX) {
      throw new PolicyError(this.peek().offset, 'the expression is nested too deeply');
    }
    this.#depth += 1;
    try {
      return parse();
    } finally {
      this.#depth -= 1;
    }
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = match(SPACE, text, 0).length;
  while (offset < text.length) {
    const token = tokenAt(text, offset);
    tokens.push(token.kind === 'quoted' ? { ...token, text: unquote(token.text) } : token);
    offset += token.text.length;
    offset += match(SPACE, text, offset).length;
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

function tokenAt(text: string, offset: number): Token {
  for (const [kind, pattern] of KINDS) {
    const found = match(pattern, text, offset);
    if (found !== '') return { kind, text: found, offset };
  }
  const sign = text[offset];
  const isQuote = sign === "'" || sign === '"' || sign === '`' || sign === '[';
  throw new PolicyError(offset, isQuote ? `the quote ${sign} is not closed` : `"${sign}" means nothing here`);
}

function unquote(text: string): string {
  const quote = text[0] ?? '';
  const inner = text.slice(1, -1);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}

function match(pattern: RegExp, text: string, offset: number): string {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? '';
}
