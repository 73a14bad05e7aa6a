/**
 * The canonical MessagePack subset of docs/PROTOCOL.md: a strict reader and a writer. msgpackr, which checks
 * the result (decode.ts), cannot stand in for them: it gives strings where TEXT may be any bytes, and numbers
 * where 1 and 1.0 differ.
 */
import { text, uuidBytes, uuidText, type Value } from './value.js';

/** One item: a value, or an array of items. */
export type Item = Value | { readonly type: 'array'; readonly items: readonly Item[] };

/** An item to write; `raw` bytes are written as they are, which is how tests make wrong packets. */
export type Output =
  | Value
  | { readonly type: 'array'; readonly items: readonly Output[] }
  | { readonly type: 'raw'; readonly bytes: Buffer };

export function array(items: readonly Output[]): Output {
  return { type: 'array', items };
}

export function raw(hex: string | Buffer): Output {
  return { type: 'raw', bytes: typeof hex === 'string' ? Buffer.from(hex, 'hex') : hex };
}

/**
 * Reads one item that fills `bytes` completely.
 * @throws Error when the bytes are anything but canonical
 */
export function readItem(bytes: Buffer): Item {
  const reader = new Reader(bytes);
  const item = reader.item(0);
  if (reader.at !== bytes.length)
    throw new Error(`msgpack: ${bytes.length - reader.at} bytes after the item`);
  return item;
}

class Reader {
  at = 0;
  constructor(private readonly bytes: Buffer) {}

  private take(size: number): Buffer {
    if (this.at + size > this.bytes.length)
      throw new Error(`msgpack: the item at ${this.at} runs over the end`);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /**
   * A big-endian unsigned number of `size` bytes that must be at least `least`, else a shorter form exists.
   */
  private unsigned(size: number, least: bigint): bigint {
    const value = BigInt(`0x${this.take(size).toString('hex')}`);
    if (value < least) throw new Error(`msgpack: ${value} has a shorter form`);
    return value;
  }

  private signed(size: number, most: bigint): Item {
    const value = BigInt.asIntN(8 * size, this.unsigned(size, 0n));
    if (value > most) throw new Error(`msgpack: ${value} has a shorter form`);
    return { type: 'integer', integer: value };
  }

  private positive(size: number, least: bigint): Item {
    const value = this.unsigned(size, least);
    if (value >= 2n ** 63n) throw new Error(`msgpack: ${value} is no SQLite integer`);
    return { type: 'integer', integer: value };
  }

  private string(size: bigint): Item {
    const bytes = this.take(Number(size));
    if (uuidBytes(bytes)) throw new Error('msgpack: a canonical UUID must travel as ext 1');
    return text(bytes);
  }

  private binary(size: bigint): Item {
    return { type: 'blob', bytes: this.take(Number(size)) };
  }

  private array(size: bigint, depth: number): Item {
    const items: Item[] = [];
    for (let i = 0n; i < size; i++) items.push(this.item(depth + 1));
    return { type: 'array', items };
  }

  item(depth: number): Item {
    if (depth > 16) throw new Error('msgpack: nested too deeply');
    const head = Number(this.unsigned(1, 0n));
    if (head < 0x80) return { type: 'integer', integer: BigInt(head) };
    if (head >= 0xe0) return { type: 'integer', integer: BigInt(head - 256) };
    if (head >= 0xa0 && head < 0xc0) return this.string(BigInt(head & 31));
    if (head >= 0x90 && head < 0xa0) return this.array(BigInt(head & 15), depth);
    switch (head) {
      case 0xc0:
        return { type: 'null' };
      case 0xc4:
        return this.binary(this.unsigned(1, 0n));
      case 0xc5:
        return this.binary(this.unsigned(2, 256n));
      case 0xc6:
        return this.binary(this.unsigned(4, 65536n));
      case 0xcb:
        return { type: 'real', real: this.take(8).readDoubleBE() };
      case 0xcc:
        return this.positive(1, 128n);
      case 0xcd:
        return this.positive(2, 256n);
      case 0xce:
        return this.positive(4, 65536n);
      case 0xcf:
        return this.positive(8, 2n ** 32n);
      case 0xd0:
        return this.signed(1, -33n);
      case 0xd1:
        return this.signed(2, -129n);
      case 0xd2:
        return this.signed(4, -32769n);
      case 0xd3:
        return this.signed(8, -(2n ** 31n) - 1n);
      case 0xd8: {
        if (this.unsigned(1, 0n) !== 1n) throw new Error('msgpack: unknown extension type');
        return text(uuidText(this.take(16)));
      }
      case 0xd9:
        return this.string(this.unsigned(1, 32n));
      case 0xda:
        return this.string(this.unsigned(2, 256n));
      case 0xdb:
        return this.string(this.unsigned(4, 65536n));
      case 0xdc:
        return this.array(this.unsigned(2, 16n), depth);
      case 0xdd:
        return this.array(this.unsigned(4, 65536n), depth);
      default:
        throw new Error(`msgpack: type byte 0x${head.toString(16)} is not in the subset`);
    }
  }
}

/** Head byte and big-endian number of `size` bytes. */
function prefixed(head: number, size: number, value: bigint): Buffer {
  const digits = BigInt.asUintN(8 * size, value).toString(16);
  return Buffer.concat([Buffer.from([head]), Buffer.from(digits.padStart(2 * size, '0'), 'hex')]);
}

function writeInteger(value: bigint): Buffer {
  if (value >= -32n && value < 128n) return Buffer.from([Number(BigInt.asUintN(8, value))]);
  if (value > 0n) {
    const [head, size] =
      value < 256n ? [0xcc, 1] : value < 65536n ? [0xcd, 2] : value < 2n ** 32n ? [0xce, 4] : [0xcf, 8];
    return prefixed(head, size, value);
  }
  const [head, size] =
    value >= -128n ? [0xd0, 1] : value >= -32768n ? [0xd1, 2] : value >= -(2n ** 31n) ? [0xd2, 4] : [0xd3, 8];
  return prefixed(head, size, value);
}

/**
 * The head of a str, bin or array; `forms` are its head bytes for 8, 16 and 32 bit sizes (0 = there is none).
 */
function writeSize(size: number, forms: readonly [number, number, number]): Buffer {
  if (forms[0] !== 0 && size < 256) return prefixed(forms[0], 1, BigInt(size));
  if (size < 65536) return prefixed(forms[1], 2, BigInt(size));
  return prefixed(forms[2], 4, BigInt(size));
}

/** Writes one item in its canonical form. */
export function writeItem(item: Output): Buffer {
  switch (item.type) {
    case 'null':
      return Buffer.from([0xc0]);
    case 'integer':
      return writeInteger(item.integer);
    case 'real': {
      const bytes = Buffer.alloc(9, 0xcb);
      bytes.writeDoubleBE(item.real, 1);
      return bytes;
    }
    case 'text': {
      const uuid = uuidBytes(item.bytes);
      if (uuid) return Buffer.concat([Buffer.from([0xd8, 1]), uuid]);
      const { length } = item.bytes;
      const head = length < 32 ? Buffer.from([0xa0 | length]) : writeSize(length, [0xd9, 0xda, 0xdb]);
      return Buffer.concat([head, item.bytes]);
    }
    case 'blob':
      return Buffer.concat([writeSize(item.bytes.length, [0xc4, 0xc5, 0xc6]), item.bytes]);
    case 'array': {
      const { length } = item.items;
      const head = length < 16 ? Buffer.from([0x90 | length]) : writeSize(length, [0, 0xdc, 0xdd]);
      return Buffer.concat([head, ...item.items.map(writeItem)]);
    }
    case 'raw':
      return item.bytes;
  }
}
