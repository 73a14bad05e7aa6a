/** varints.ts: reads variable-length integers (as bytes/writer.ts writes them) from bytes of our own tables. */

export class Varints {
  /** The bytes ended within a number, or it was too long: damage is noticed, not trusted. */
  damaged: bool = false;

  constructor(
    public position: usize,
    public end: usize,
  ) {}

  get atEnd(): bool {
    return this.position >= this.end;
  }

  next(): i64 {
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < 63 && this.position < this.end; shift += 7) {
      const byte = <u64>load<u8>(this.position++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return <i64>value;
    }
    this.damaged = true;
    return 0;
  }
}
