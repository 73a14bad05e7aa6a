/**
 * stamps.ts: a vector of stamps, one per column of a table: who wrote the column last, and when. A stamp is a Lamport
 * clock and the ordinal of a site; clock 0 is "nobody has told us". Kept in raw memory, because every merged row
 * passes through here.
 */
import { compareSites } from '../catalog/sites';
import { arenaAllocate } from '../runtime/arena';

/** Compares two stamps: negative, 0 or positive. */
export function compareStamps(clock: i64, site: i32, otherClock: i64, otherSite: i32): i32 {
  if (clock != otherClock) return clock < otherClock ? -1 : 1;
  return compareSites(site, otherSite);
}

export class Stamps {
  private clocks: usize;
  private sites: usize;

  constructor(public width: i32) {
    this.clocks = arenaAllocate(<usize>width * 8);
    this.sites = arenaAllocate(<usize>width * 4);
    this.clear();
  }

  clear(): void {
    memory.fill(this.clocks, 0, <usize>this.width * 8);
    memory.fill(this.sites, 0, <usize>this.width * 4);
  }

  /** True when all of them are "nobody has told us". */
  get isEmpty(): bool {
    for (let i = 0; i < this.width; i++) if (this.clock(i) != 0) return false;
    return true;
  }

  clock(index: i32): i64 {
    return load<i64>(this.clocks + ((<usize>index) << 3));
  }

  site(index: i32): i32 {
    return load<i32>(this.sites + ((<usize>index) << 2));
  }

  set(index: i32, clock: i64, site: i32): void {
    store<i64>(this.clocks + ((<usize>index) << 3), clock);
    store<i32>(this.sites + ((<usize>index) << 2), site);
  }

  fill(clock: i64, site: i32): void {
    for (let i = 0; i < this.width; i++) this.set(i, clock, site);
  }

  /** Compares the stamp at `index` with another one. */
  compare(index: i32, clock: i64, site: i32): i32 {
    return compareStamps(this.clock(index), this.site(index), clock, site);
  }

  /** Takes the larger of two stamps at `index`. True when that changed it. */
  raise(index: i32, clock: i64, site: i32): bool {
    if (this.compare(index, clock, site) >= 0) return false;
    this.set(index, clock, site);
    return true;
  }

  /** Index of the smallest stamp that there is; 0 when there is none. */
  smallest(): i32 {
    let best = 0;
    for (let i = 1; i < this.width; i++) {
      if (this.clock(i) == 0) continue;
      if (this.clock(best) == 0 || this.compare(i, this.clock(best), this.site(best)) < 0) best = i;
    }
    return best;
  }

  /** Index of the largest stamp. */
  largest(): i32 {
    let best = 0;
    for (let i = 1; i < this.width; i++) {
      if (this.compare(i, this.clock(best), this.site(best)) > 0) best = i;
    }
    return best;
  }
}
