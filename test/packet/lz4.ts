/**
 * The LZ4 block format in both directions, written for the tests from the format's description. The
 * compressor looks for the last place with the same four bytes and takes it; it keeps the format's end rules
 * (the last five bytes are literals, the last match starts at least twelve bytes before the end).
 */

const MINIMUM_MATCH = 4;
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;

/**
 * Decompresses one block.
 * @param block the compressed bytes
 * @param size the size that the result must have
 * @throws Error when the block is malformed or gives another size
 */
export function decompress(block: Buffer, size: number): Buffer {
  const output = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  const next = () => {
    if (from >= block.length) throw new Error('LZ4: the block ends early');
    return block[from++] as number;
  };
  const extended = (nibble: number) => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) more = next();
    return length;
  };
  for (;;) {
    const token = next();
    const literals = extended(token >> 4);
    if (from + literals > block.length) throw new Error('LZ4: literals run over the end of the block');
    if (to + literals > size) throw new Error('LZ4: the result is longer than declared');
    block.copy(output, to, from, from + literals);
    from += literals;
    to += literals;
    if (from === block.length) break;
    const distance = next() | (next() << 8);
    if (distance === 0 || distance > to) throw new Error(`LZ4: distance ${distance} at ${to}`);
    const length = extended(token & 15) + MINIMUM_MATCH;
    if (to + length > size) throw new Error('LZ4: the result is longer than declared');
    for (let i = 0; i < length; i++, to++) output[to] = output[to - distance] as number;
  }
  if (to !== size) throw new Error(`LZ4: the result has ${to} bytes, declared are ${size}`);
  return output;
}

/**
 * One sequence of a block: literals, then (unless it is the last) a match of `length` bytes at `distance`.
 */
export function sequence(literals: Buffer, distance = 0, length = MINIMUM_MATCH): Buffer {
  const tail = (value: number) => {
    const bytes: number[] = [];
    let rest = value - 15;
    for (; rest >= 255; rest -= 255) bytes.push(255);
    return rest < 0 ? bytes : [...bytes, rest];
  };
  const extra = distance === 0 ? 0 : length - MINIMUM_MATCH;
  const token = (Math.min(literals.length, 15) << 4) | Math.min(extra, 15);
  const match = distance === 0 ? [] : [distance & 255, distance >> 8, ...tail(extra)];
  return Buffer.concat([Buffer.from([token, ...tail(literals.length)]), literals, Buffer.from(match)]);
}

/** Compresses to one block; the result may be longer than the input. */
export function compress(input: Buffer): Buffer {
  const blocks: Buffer[] = [];
  const last = new Map<number, number>();
  let start = 0;
  let at = 0;
  while (at + MATCH_LIMIT < input.length) {
    const word = input.readUInt32LE(at);
    const candidate = last.get(word);
    last.set(word, at);
    if (candidate === undefined || at - candidate > 65535) {
      at++;
      continue;
    }
    let length = MINIMUM_MATCH;
    while (at + length < input.length - LAST_LITERALS && input[at + length] === input[candidate + length])
      length++;
    blocks.push(sequence(input.subarray(start, at), at - candidate, length));
    at += length;
    start = at;
  }
  blocks.push(sequence(input.subarray(start)));
  return Buffer.concat(blocks);
}
