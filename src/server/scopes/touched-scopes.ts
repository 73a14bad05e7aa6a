/**
 * touched-scopes.ts: in which scopes something has changed since somebody asked last, so that only those are told who
 * see one of them. Kept in memory, beside the index: after a start, and after a transaction that was rolled back, it
 * says too much, never too little.
 */
export class TouchedScopes {
  readonly #scopes = new Set<number>();
  #isAny = true;
  /** The head of the index as this connection has seen it last. */
  #head = 0;

  add(scope: number): void {
    if (!this.#isAny) this.#scopes.add(scope);
  }

  /** The index was complete up to `from` and is now up to `to`. Another connection may have brought it to `from`. */
  move(from: number, to: number): void {
    if (from !== this.#head) this.addAny();
    this.#head = to;
  }

  /** Some principals may have other scopes than before. */
  addAny(): void {
    this.#isAny = true;
    this.#scopes.clear();
  }

  /** What was touched since the last call. */
  take(): readonly number[] | 'any' {
    const touched = this.#isAny ? 'any' : [...this.#scopes];
    this.#isAny = false;
    this.#scopes.clear();
    return touched;
  }
}
