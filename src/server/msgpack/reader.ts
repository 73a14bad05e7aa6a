/**
 * reader.ts: a strict reader for request bodies: the canonical MessagePack subset of docs/PROTOCOL.md. The
 * caller asks for the item that must come next, so nesting is as deep as the caller's code and no deeper, and
 * nothing is built that was not asked for. Every length is compared with its limit and with the bytes that
 * are left before it is used: a short body cannot make the server allocate much, whatever its headers claim.
 */
import { SyncError } from '../errors.js';

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes after an item's first byte hold its length or value; the smallest value that needs this form. */
interface WideForm {
  size: 1 | 2 | 4 | 8;
  minimum: number;
}

const ARRAY_FORMS = new Map<number, WideForm>([
  [0xdc, { size: 2, minimum: 16 }],
  [0xdd, { size: 4, minimum: 0x1_0000 }],
]);
const TEXT_FORMS = new Map<number, WideForm>([
  [0xd9, { size: 1, minimum: 32 }],
  [0xda, { size: 2, minimum: 0x100 }],
  [0xdb, { size: 4, minimum: 0x1_0000 }],
]);
const BINARY_FORMS = new Map<number, WideForm>([
  [0xc4, { size: 1, minimum: 0 }],
  [0xc5, { size: 2, minimum: 0x100 }],
  [0xc6, { size: 4, minimum: 0x1_0000 }],
]);
const UNSIGNED_FORMS = new Map<number, WideForm>([
  [0xcc, { size: 1, minimum: 0x80 }],
  [0xcd, { size: 2, minimum: 0x100 }],
  [0xce, { size: 4, minimum: 0x1_0000 }],
  [0xcf, { size: 8, minimum: 0x1_0000_0000 }],
]);

export class MessageReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads an array header; returns the number of items, at most `limit`. */
  array(what: string, limit: number): number {
    const length = this.#length(what, 'an array', 0x90, 0x9f, ARRAY_FORMS);
    if (length > limit) throw this.#refused(what, `${length} items, at most ${limit} are allowed`);
    if (length > this.#left()) throw this.#refused(what, `${length} items, but the body ends before them`);
    return length;
  }

  /** Reads an array header that must announce exactly `length` items. */
  tuple(what: string, length: number): void {
    const actual = this.array(what, 0xffff_ffff);
    if (actual !== length) throw this.#refused(what, `an array of ${actual}, expected ${length}`);
  }

  /** Reads an array header of `length` items, or of one more: whether the optional last one is there. */
  tupleWithOption(what: string, length: number): boolean {
    const actual = this.array(what, 0xffff_ffff);
    if (actual !== length && actual !== length + 1)
      throw this.#refused(what, `an array of ${actual}, expected ${length} or ${length + 1}`);
    return actual > length;
  }

  /** Reads an unsigned integer of at most 2^53 - 1. */
  unsigned(what: string, limit = Number.MAX_SAFE_INTEGER): number {
    const value = this.#length(what, 'an unsigned integer', 0x00, 0x7f, UNSIGNED_FORMS);
    if (value > limit) throw this.#refused(what, `${value}, at most ${limit} is allowed`);
    return value;
  }

  /** Reads text of at most `limit` bytes; it must be valid UTF-8. */
  text(what: string, limit: number): string {
    const bytes = this.#take(what, this.#length(what, 'text', 0xa0, 0xbf, TEXT_FORMS), limit);
    try {
      return textDecoder.decode(bytes);
    } catch {
      throw this.#refused(what, 'not valid UTF-8');
    }
  }

  /** Reads a byte string of at most `limit` bytes. The result is a view into the body. */
  binary(what: string, limit: number): Uint8Array {
    return this.#take(what, this.#length(what, 'a byte string', undefined, undefined, BINARY_FORMS), limit);
  }

  /** Reads a byte string of exactly `size` bytes. The result is a view into the body. */
  fixedBinary(what: string, size: number): Uint8Array {
    const bytes = this.binary(what, size);
    if (bytes.length !== size) throw this.#refused(what, `${bytes.length} bytes, expected ${size}`);
    return bytes;
  }

  /** Ends the reading: there must be no byte left. */
  end(what: string): void {
    if (this.#left() > 0) throw this.#refused(what, `${this.#left()} bytes after its end`);
  }

  /** Reads the head of an item: a value or length inside the first byte, or in the bytes after it. */
  #length(
    what: string,
    kind: string,
    shortFirst: number | undefined,
    shortLast: number | undefined,
    forms: ReadonlyMap<number, WideForm>,
  ): number {
    const first = this.#bytes[this.#offset];
    if (first === undefined) throw this.#refused(what, `the body ends where ${kind} is expected`);
    this.#offset += 1;
    if (shortFirst !== undefined && shortLast !== undefined && first >= shortFirst && first <= shortLast) {
      return first - shortFirst;
    }
    const form = forms.get(first);
    if (form === undefined) throw this.#refused(what, `type byte 0x${first.toString(16)}, expected ${kind}`);
    if (form.size > this.#left()) throw this.#refused(what, 'the body ends inside it');
    const value = this.#number(form.size);
    if (value < form.minimum) throw this.#refused(what, 'a longer form than necessary');
    if (value > Number.MAX_SAFE_INTEGER) throw this.#refused(what, 'larger than 2^53 - 1');
    return value;
  }

  #number(size: WideForm['size']): number {
    const at = this.#offset;
    this.#offset += size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return Number(this.#view.getBigUint64(at));
  }

  #take(what: string, size: number, limit: number): Uint8Array {
    if (size > limit) throw this.#refused(what, `${size} bytes, at most ${limit} are allowed`);
    if (size > this.#left()) throw this.#refused(what, `${size} bytes, but the body ends before them`);
    this.#offset += size;
    return this.#bytes.subarray(this.#offset - size, this.#offset);
  }

  #left(): number {
    return this.#bytes.length - this.#offset;
  }

  #refused(what: string, problem: string): SyncError {
    return new SyncError('bad_request', `request body, ${what}: ${problem} (byte ${this.#offset})`);
  }
}
