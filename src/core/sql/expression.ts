/**
 * expression.ts: looks at the text of an SQL expression before it goes into a statement of ours. The text
 * comes from the user or from the database file, so it may not be one expression (`1) OR (1`), reach other
 * tables, or call what is not SQLite's own. Whether it means something is for SQLite to say; this check says
 * that it cannot mean more.
 */
import { Slice } from '../bytes/slice';
import { Text } from './text';

/**
 * Built-in functions that always give the same result for the same arguments. Dates are not among them: 'now'
 * is not.
 */
const FUNCTIONS =
  ' abs ceil ceiling char coalesce concat concat_ws floor format glob hex ifnull iif instr json' +
  ' json_array_length json_extract json_quote json_type json_valid length like likelihood likely lower' +
  ' ltrim max min mod nullif octet_length printf quote replace round rtrim sign sqrt substr substring trim' +
  ' trunc typeof unhex unicode unlikely upper ';

/** Keywords that may stand before a parenthesis. */
const BEFORE_PARENTHESIS =
  ' and between case cast collate else escape glob in is isnull like not notnull null or then when ';

/** Other keywords that may stand in an expression; in quotes they are names. */
const KEYWORDS = ' as distinct end false from true ';

/** Keywords that make more of it than a look at one row. */
const FORBIDDEN =
  ' current_date current_time current_timestamp exists match over raise regexp select values with ';

const DOLLAR: u32 = 36;
const QUOTE: u32 = 39;
const DOUBLE_QUOTE: u32 = 34;
const OPEN: u32 = 40;
const CLOSE: u32 = 41;
const DOT: u32 = 46;
const DASH: u32 = 45;
const SLASH: u32 = 47;
const STAR: u32 = 42;
const SEMICOLON: u32 = 59;
const BRACKET: u32 = 91;
const BRACKET_END: u32 = 93;
const BACKTICK: u32 = 96;

function isSpace(byte: u32): bool {
  return byte == 32 || (byte >= 9 && byte <= 13);
}

function isDigit(byte: u32): bool {
  return byte >= 48 && byte <= 57;
}

function isWord(byte: u32): bool {
  const letter = byte | 32;
  return (letter >= 97 && letter <= 122) || isDigit(byte) || byte == 95 || byte == DOLLAR || byte >= 128;
}

/** ? : @ $ # begin a parameter. */
function isParameter(byte: u32): bool {
  return byte == 63 || byte == 58 || byte == 64 || byte == DOLLAR || byte == 35;
}

/** True when the list, words between spaces, has the word; ASCII case does not matter. */
function listed(list: string, word: Slice): bool {
  const end = <u32>list.length;
  for (let at: u32 = 0; at + word.size + 1 < end; at++) {
    if (list.charCodeAt(at) != 32 || list.charCodeAt(at + 1 + word.size) != 32) continue;
    let i: u32 = 0;
    while (i < word.size && list.charCodeAt(at + 1 + i) == lower(<u32>load<u8>(word.pointer + i))) i++;
    if (i == word.size) return true;
  }
  return false;
}

function lower(byte: u32): i32 {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/** A name of a column, or of what it is qualified with, where it stands in the text. */
export class NameInExpression {
  constructor(
    public start: u32,
    public end: u32,
    public name: Slice,
    /** In double quotes: SQLite takes one that names no column for a text. The caller says which there are. */
    public doubleQuoted: bool,
    /** A dot follows. */
    public qualifies: bool,
  ) {}
}

/** Reads an expression from its begin to its end. */
export class ExpressionCheck {
  /** Why the text is refused; null when it is not. */
  reason: Text | null = null;
  names: Array<NameInExpression> = [];
  private at: u32 = 0;
  private depth: i32 = 0;
  private afterIn: bool = false;
  /** Inside CAST(x AS ...: what follows is a type. */
  private inType: bool = false;
  private afterCollate: bool = false;

  constructor(private text: Slice) {
    while (this.at < text.size && this.reason == null) this.token();
    if (this.reason == null && this.depth > 0) this.refuse('a parenthesis is not closed');
    if (this.reason == null && this.afterIn) this.refuse('IN needs a list in parentheses');
  }

  private byte(offset: u32): u32 {
    return this.at + offset < this.text.size ? <u32>load<u8>(this.text.pointer + this.at + offset) : 0;
  }

  private refuse(why: string): void {
    if (this.reason == null) this.reason = new Text().add(why);
  }

  private token(): void {
    const byte = this.byte(0);
    if (isSpace(byte)) {
      this.at++;
      return;
    }
    if (this.afterIn && byte != OPEN) this.refuse('IN needs a list in parentheses, not a table');
    this.afterIn = false;
    if (isDigit(byte)) this.skipWord();
    else if (isWord(byte) && byte != DOLLAR) this.word();
    else if (byte == QUOTE || byte == DOUBLE_QUOTE || byte == BACKTICK) this.quoted(byte, byte);
    else if (byte == BRACKET) this.quoted(byte, BRACKET_END);
    else this.symbol(byte);
  }

  private symbol(byte: u32): void {
    const next = this.byte(1);
    if (byte == OPEN) this.depth++;
    else if (byte == CLOSE) this.close();
    else if (byte == SEMICOLON) this.refuse('there must be one expression only, without ;');
    else if (byte == DASH && next == DASH) this.refuse('comments are not allowed');
    else if (byte == SLASH && next == STAR) this.refuse('comments are not allowed');
    else if (isParameter(byte)) this.refuse('parameters have no value here');
    else if (byte < 32) this.refuse('there is a control character in it');
    this.at++;
  }

  private close(): void {
    this.inType = false;
    if (--this.depth < 0) this.refuse('a parenthesis is closed that was not opened');
  }

  /** The next byte that is no space. */
  private ahead(): u32 {
    let ahead: u32 = 0;
    while (isSpace(this.byte(ahead))) ahead++;
    return this.byte(ahead);
  }

  private addName(start: u32, name: Slice, doubleQuoted: bool): void {
    if (!this.inType && !this.afterCollate) {
      this.names.push(new NameInExpression(start, this.at, name, doubleQuoted, this.ahead() == DOT));
    }
    this.afterCollate = false;
  }

  private skipWord(): u32 {
    const start = this.at;
    while (this.at < this.text.size && isWord(this.byte(0))) this.at++;
    return start;
  }

  /**
   * A keyword, a name, or a function when a parenthesis follows. A blob literal (x'..') is a word and a text.
   */
  private word(): void {
    const start = this.skipWord();
    const word = new Slice(this.text.pointer + start, this.at - start);
    const called = this.ahead() == OPEN;
    if (listed(FORBIDDEN, word)) {
      this.reason = new Text().bytes(word).add(' cannot be used: only the columns of the row itself count');
    } else if (called && !listed(FUNCTIONS, word) && !listed(BEFORE_PARENTHESIS, word)) {
      const reason = new Text().add("the function '").bytes(word).add("' cannot be used; only functions of");
      this.reason = reason.add(' SQLite that always give the same result for the same values');
    } else if (
      !called &&
      !this.isBlob(word) &&
      !listed(BEFORE_PARENTHESIS, word) &&
      !listed(KEYWORDS, word)
    ) {
      this.addName(start, word, false);
    }
    this.afterIn = listed(' in ', word);
    if (listed(' as ', word)) this.inType = true;
    if (listed(' collate ', word)) this.afterCollate = true;
  }

  private isBlob(word: Slice): bool {
    return word.size == 1 && listed(' x ', word) && this.byte(0) == QUOTE;
  }

  private quoted(open: u32, close: u32): void {
    const name = new Text();
    const start = this.at++;
    while (this.at < this.text.size) {
      const byte = this.byte(0);
      this.at++;
      if (byte == close && (open == BRACKET || this.byte(0) != close)) {
        this.closeQuoted(open, start, name);
        return;
      }
      if (byte == close) this.at++;
      name.writer.byte(byte);
    }
    this.refuse('a quote is not closed');
  }

  private closeQuoted(open: u32, start: u32, name: Text): void {
    if (open == QUOTE) return;
    this.addName(start, name.slice(), open == DOUBLE_QUOTE);
    if (this.ahead() == OPEN) this.refuse('a function must not be named in quotes');
  }
}
