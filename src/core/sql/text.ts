/**
 * text.ts: builds SQL statements and messages. Every identifier that reaches SQL goes through `name`, every literal
 * text through `quoted`; there is no other quoting in the core. Methods return the builder, so that a statement reads
 * from left to right.
 */
import { Slice } from '../bytes/slice';
import { Writer } from '../bytes/writer';

export class Text {
  writer: Writer;

  constructor(capacity: u32 = 256) {
    this.writer = new Writer(capacity);
  }

  get pointer(): usize {
    return this.writer.start;
  }

  get size(): u32 {
    return this.writer.size;
  }

  slice(): Slice {
    return new Slice(this.writer.start, this.writer.size);
  }

  add(literal: string): Text {
    this.writer.literal(literal);
    return this;
  }

  bytes(slice: Slice): Text {
    this.writer.bytes(slice.pointer, slice.size);
    return this;
  }

  number(value: i64): Text {
    this.writer.decimal(value);
    return this;
  }

  hex(pointer: usize, size: u32): Text {
    this.writer.hex(pointer, size);
    return this;
  }

  /** An identifier in double quotes. */
  name(slice: Slice): Text {
    return this.enclosed(slice, 34);
  }

  /** A name in the main database: "main"."name". */
  main(slice: Slice): Text {
    return this.add('main.').name(slice);
  }

  /** A text literal in single quotes. */
  quoted(slice: Slice): Text {
    return this.enclosed(slice, 39);
  }

  private enclosed(slice: Slice, quote: u32): Text {
    const writer = this.writer;
    writer.byte(quote);
    for (let i: u32 = 0; i < slice.size; i++) {
      const byte = <u32>load<u8>(slice.pointer + i);
      if (byte == quote) writer.byte(quote);
      writer.byte(byte);
    }
    writer.byte(quote);
    return this;
  }

  /** A JSON string with its quotes. Bytes that are no printable ASCII below 0x20 become \u00XX. */
  json(slice: Slice): Text {
    const writer = this.writer;
    writer.byte(34);
    for (let i: u32 = 0; i < slice.size; i++) {
      const byte = <u32>load<u8>(slice.pointer + i);
      if (byte == 34 || byte == 92) {
        writer.byte(92);
        writer.byte(byte);
      } else if (byte < 0x20) {
        writer.literal('\\u00');
        writer.hex(slice.pointer + i, 1);
      } else {
        writer.byte(byte);
      }
    }
    writer.byte(34);
    return this;
  }
}

/** A literal as bytes. */
export function sliceOf(literal: string): Slice {
  return new Text(<u32>literal.length + 1).add(literal).slice();
}
