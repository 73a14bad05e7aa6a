/**
 * lookups.ts: what somebody who waits for news knows of the database, kept up to date. For most, a higher head is
 * news. For a principal that sees some rows only it is none by itself: the state is looked up again, and only when the
 * change touched a scope of the principal, so that a commit does not cost a look-up for everybody who waits.
 */
import type { Change } from '../store/store.js';

/** What a look-up says at least. */
export interface State {
  head: number;
  /** The scopes of a principal that sees some rows only. */
  scopes: readonly number[] | undefined;
}

export interface LookupOptions<Found extends State> {
  /** Whether policies decide what the principal sees, where there are any. */
  isRestricted: boolean;
  lookUp: () => Promise<Found>;
  onFound: (found: Found) => void;
  /** The head has grown, and the principal sees everything. */
  onGrowth: (head: number) => void;
  onError: (error: Error) => void;
}

export class Lookups<Found extends State> {
  readonly #options: LookupOptions<Found>;
  #state: { head: number; scopes: ReadonlySet<number> | undefined } | undefined;
  /** The newest change that was heard of while there was no state to compare it with. */
  #missed: Change | undefined;
  #isOver = false;

  constructor(options: LookupOptions<Found>) {
    this.#options = options;
  }

  /** Looks the state up. Changes that are heard meanwhile count afterwards. */
  look(): void {
    this.#state = undefined;
    this.#options.lookUp().then(
      (found) => this.begin(found),
      (error: Error) => {
        if (!this.#isOver) this.#options.onError(error);
      },
    );
  }

  /** Goes on from a state that was looked up. */
  begin(found: Found): void {
    if (this.#isOver) return;
    const { head, scopes } = found;
    this.#state = { head, scopes: scopes && new Set(scopes) };
    this.#options.onFound(found);
    const missed = this.#missed;
    this.#missed = undefined;
    if (missed !== undefined) this.hear(missed);
  }

  hear(change: Change): void {
    if (this.#isOver) return;
    const state = this.#state;
    if (state === undefined) {
      // Of several missed changes it is not kept which scopes they touched together.
      const scopes = change.scopes && (this.#missed === undefined ? change.scopes : 'any');
      this.#missed = { head: Math.max(this.#missed?.head ?? 0, change.head), scopes };
      return;
    }
    if (change.head <= state.head) return;
    const isPartial = this.#options.isRestricted && (state.scopes ?? change.scopes) !== undefined;
    if (isPartial && isTouched(state.scopes, change)) {
      this.look();
      return;
    }
    state.head = change.head;
    if (!isPartial) this.#options.onGrowth(change.head);
  }

  end(): void {
    this.#isOver = true;
  }
}

function isTouched(own: ReadonlySet<number> | undefined, { scopes }: Change): boolean {
  if (own === undefined || scopes === undefined || scopes === 'any') return true;
  return scopes.some((scope) => own.has(scope));
}
