/**
 * index_text.ts: takes the CREATE INDEX text of an index apart: its terms and its WHERE. No pragma tells the
 * expressions of an index, so the triggers of capture/evictions.ts repeat the index's own words.
 *
 * The words have to mean the same inside a trigger. So comments go, the table's name before a column goes
 * (the trigger reads columns from a subquery), and "text" in double quotes that is no column becomes 'text':
 * that old habit of SQLite works for an index that was made with it, but not in the triggers of every
 * connection.
 */
import { Slice } from '../bytes/slice';
import { Text } from '../sql/text';

const TAB: u32 = 9;
const CARRIAGE_RETURN: u32 = 13;
const NEWLINE: u32 = 10;
const SPACE: u32 = 32;
const DOUBLE_QUOTE: u32 = 34;
const DOLLAR: u32 = 36;
const SINGLE_QUOTE: u32 = 39;
const OPEN: u32 = 40;
const CLOSE: u32 = 41;
const STAR: u32 = 42;
const COMMA: u32 = 44;
const MINUS: u32 = 45;
const DOT: u32 = 46;
const SLASH: u32 = 47;
const BRACKET: u32 = 91;
const CLOSING_BRACKET: u32 = 93;
const UNDERSCORE: u32 = 95;
const BACKTICK: u32 = 96;

function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

/** Bytes of names, keywords and numbers. */
function isWord(byte: u32): bool {
  return (byte | 32) - 97 < 26 || isDigit(byte) || byte == UNDERSCORE || byte == DOLLAR || byte >= 128;
}

function isSpace(byte: u32): bool {
  return byte == SPACE || (byte >= TAB && byte <= CARRIAGE_RETURN);
}

export class IndexText {
  /** The terms between the parentheses, without ASC and DESC. */
  terms: Array<Slice> = [];
  /** The condition of a partial index, empty when there is none. */
  condition: Slice = new Slice(0, 0);
  private at: u32 = 0;
  private depth: i32 = 0;

  constructor(
    private sql: Slice,
    /** All columns of the table. */
    private columns: Array<Slice>,
  ) {
    while (this.at < sql.size && this.byte(0) != OPEN) this.at = this.tokenEnd();
    this.at += 1;
    this.depth = 1;
    while (this.depth > 0 && this.at < sql.size) this.terms.push(this.readPart());
    // What follows is WHERE, with spaces and comments before it.
    while (this.at < sql.size && !isWord(this.byte(0))) this.at = this.tokenEnd();
    this.at = this.tokenEnd();
    this.depth = 1;
    if (this.at < sql.size) this.condition = this.readPart();
  }

  /** The byte `ahead` of the current one; 0 behind the end. */
  private byte(ahead: u32): u32 {
    const index = this.at + ahead;
    return index < this.sql.size ? <u32>load<u8>(this.sql.pointer + index) : 0;
  }

  private slice(from: u32, to: u32): Slice {
    return new Slice(this.sql.pointer + from, to - from);
  }

  /** Where the token that begins here ends: a word, a quoted name or text, a comment, or one byte. */
  private tokenEnd(): u32 {
    const size = this.sql.size;
    const first = this.byte(0);
    let end = this.at + 1;
    const start = this.sql.pointer;
    if (isWord(first)) {
      while (end < size && isWord(load<u8>(start + end))) end++;
    } else if (first == SINGLE_QUOTE || first == DOUBLE_QUOTE || first == BACKTICK || first == BRACKET) {
      const quote = first == BRACKET ? CLOSING_BRACKET : first;
      // A doubled quote reads as two tokens side by side, which comes to the same here.
      while (end < size && <u32>load<u8>(start + end) != quote) end++;
      end++;
    } else if (first == MINUS && this.byte(1) == MINUS) {
      while (end < size && <u32>load<u8>(start + end) != NEWLINE) end++;
    } else if (first == SLASH && this.byte(1) == STAR) {
      end += 2;
      while (end < size) {
        if (<u32>load<u8>(start + end) == SLASH && <u32>load<u8>(start + end - 1) == STAR) break;
        end++;
      }
      end++;
    }
    return end < size ? end : size;
  }

  /** Reads up to the comma or parenthesis that ends this part and goes behind it. */
  private readPart(): Slice {
    const part = new Text(128);
    while (this.at < this.sql.size) {
      const first = this.byte(0);
      const start = this.at;
      this.at = this.tokenEnd();
      if (this.depth == 1 && first == COMMA) break;
      if (first == OPEN) this.depth++;
      else if (first == CLOSE && --this.depth == 0) break;
      if (!this.isComment(start) && !this.isDirection(start, part)) this.copy(part, start);
      else part.add(' ');
    }
    return part.slice();
  }

  private isComment(start: u32): bool {
    const token = this.slice(start, this.at);
    if (token.size < 2) return false;
    const two = <u32>load<u8>(token.pointer) | ((<u32>load<u8>(token.pointer + 1)) << 8);
    return two == (MINUS | (MINUS << 8)) || two == (SLASH | (STAR << 8));
  }

  /** ASC or DESC behind a term; as the first word it is a column of that name. */
  private isDirection(start: u32, part: Text): bool {
    if (this.depth != 1 || part.size == 0) return false;
    const token = this.slice(start, this.at);
    const asc = new Text(4).add('asc').slice();
    const desc = new Text(4).add('desc').slice();
    return token.equalsIgnoreCase(asc) || token.equalsIgnoreCase(desc);
  }

  private copy(part: Text, start: u32): void {
    let token = this.slice(start, this.at);
    const first = <u32>load<u8>(token.pointer);
    const quoted = first == DOUBLE_QUOTE || first == BACKTICK || first == BRACKET;
    if (first == DOUBLE_QUOTE) {
      // Here a doubled quote has to stay inside.
      while (this.byte(0) == DOUBLE_QUOTE) this.at = this.tokenEnd();
      token = this.slice(start, this.at);
    }
    if ((quoted || (isWord(first) && !isDigit(first))) && this.skipDot()) return;
    if (first == DOUBLE_QUOTE) this.copyDoubleQuoted(part, token);
    else if (isSpace(first)) part.add(part.size > 0 ? ' ' : '');
    else part.bytes(token);
  }

  /** Goes behind the dot when the name just read is the table's, before a column. */
  private skipDot(): bool {
    let ahead: u32 = 0;
    while (isSpace(this.byte(ahead))) ahead++;
    if (this.byte(ahead) != DOT) return false;
    this.at += ahead + 1;
    return true;
  }

  private copyDoubleQuoted(part: Text, token: Slice): void {
    const name = new Text(token.size);
    for (let i: u32 = 1; i + 1 < token.size; i++) {
      const byte = <u32>load<u8>(token.pointer + i);
      if (byte == DOUBLE_QUOTE) i++;
      name.writer.byte(byte);
    }
    const slice = name.slice();
    for (let i = 0; i < this.columns.length; i++) {
      if (!this.columns[i].equalsIgnoreCase(slice)) continue;
      part.name(slice);
      return;
    }
    part.quoted(slice);
  }
}
