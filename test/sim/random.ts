/**
 * random.ts: the random numbers of one history. Each purpose has a stream of its own, so that a change in what one of
 * them draws does not reshuffle the others.
 */

/** xoshiro128**, seeded from a text. */
export class Random {
  readonly #state: Uint32Array;

  /** @param purpose names the stream */
  constructor(seed: number, purpose: string) {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(`${purpose} ${seed}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      hash = (hash + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    });
  }

  /** 32 random bits. */
  bits(): number {
    const [a, b, c, d] = this.#state as unknown as [number, number, number, number];
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#state[1] = b ^ third;
    this.#state[0] = a ^ fourth;
    this.#state[2] = third ^ (b << 9);
    this.#state[3] = (fourth << 11) | (fourth >>> 21);
    return result;
  }

  /** From 0 up to, and without, 1. */
  fraction(): number {
    return this.bits() / 2 ** 32;
  }

  /** From 0 up to, and without, the bound. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** Both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  /** One of the names, with these weights. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    throw new Error('all weights are 0');
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at++) bytes[at] = this.bits() & 0xff;
    return bytes;
  }
}
