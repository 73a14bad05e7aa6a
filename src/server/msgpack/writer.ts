/**
 * writer.ts: writes answers in the canonical MessagePack subset of docs/PROTOCOL.md: every item in its
 * shortest form. It collects the pieces and joins them once, so that a packet of some megabytes is copied
 * once.
 */
export class MessageWriter {
  readonly #pieces: Uint8Array[] = [];

  array(length: number): this {
    if (length < 16) return this.#head(0x90 | length);
    return length < 0x1_0000 ? this.#head(0xdc, 2, length) : this.#head(0xdd, 4, length);
  }

  /** @param value an integer from 0 to 2^53 - 1 */
  unsigned(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an unsigned integer: ${value}`);
    if (value < 0x80) return this.#head(value);
    if (value < 0x100) return this.#head(0xcc, 1, value);
    if (value < 0x1_0000) return this.#head(0xcd, 2, value);
    return value < 0x1_0000_0000 ? this.#head(0xce, 4, value) : this.#head(0xcf, 8, value);
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    const size = bytes.length;
    if (size < 32) this.#head(0xa0 | size);
    else if (size < 0x100) this.#head(0xd9, 1, size);
    else if (size < 0x1_0000) this.#head(0xda, 2, size);
    else this.#head(0xdb, 4, size);
    this.#pieces.push(bytes);
    return this;
  }

  binary(bytes: Uint8Array): this {
    const size = bytes.length;
    if (size < 0x100) this.#head(0xc4, 1, size);
    else if (size < 0x1_0000) this.#head(0xc5, 2, size);
    else this.#head(0xc6, 4, size);
    this.#pieces.push(bytes);
    return this;
  }

  /** Adds an item that is encoded already. */
  encoded(item: Uint8Array): this {
    this.#pieces.push(item);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #head(first: number, size = 0, value = 0): this {
    const head = Buffer.alloc(1 + size);
    head[0] = first;
    if (size === 8) head.writeBigUInt64BE(BigInt(value), 1);
    else if (size > 0) head.writeUIntBE(value, 1, size);
    this.#pieces.push(head);
    return this;
  }
}
