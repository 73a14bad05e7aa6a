/**
 * bases.ts: what the author of a write had before them: the log of conflicts (merge/conflicts.ts) asks whether the
 * write was made without knowledge of another one. Stamps alone do not say it: the larger of two stamps may belong to
 * somebody who overwrote the other value knowingly, or to somebody who never saw it.
 *
 * A write takes the place of one value, that value took the place of another one, and so on: the path of the write.
 * Its base lists, for every site but its own, the newest stamp of that site on the path. A value that is not covered
 * by it was never overwritten knowingly: it lost only by the rule of the merge. Without a limit that would be exact; a
 * base lists BASE_SITES_MAX sites and has a floor: about stamps up to that clock nothing is known.
 *
 * Bases are made by fold (clock/replacing.ts) in tables that keep conflicts, travel with their cells and are kept in
 * the clock row. They never influence a merge.
 */
import { Varints } from '../bytes/varints';
import { Writer } from '../bytes/writer';

/** Sites in one base. */
export const BASE_SITES_MAX: i32 = 16;

/** The base of one write. It is never changed once it is made, so that columns may share it. */
export class Base {
  count: i32 = 0;
  private clocks: StaticArray<i64>;
  private sites: StaticArray<i32>;

  /** `room`: how many sites `add` will give it. */
  constructor(
    /** About stamps with a clock up to this one nothing is known. */
    public floor: i64,
    room: i32,
  ) {
    this.clocks = new StaticArray<i64>(room);
    this.sites = new StaticArray<i32>(room);
  }

  /** Adds the newest stamp of one more site on the path; the largest comes first. */
  add(clock: i64, site: i32): void {
    this.clocks[this.count] = clock;
    this.sites[this.count] = site;
    this.count++;
  }

  clock(index: i32): i64 {
    return this.clocks[index];
  }

  site(index: i32): i32 {
    return this.sites[index];
  }

  lists(site: i32): bool {
    for (let i = 0; i < this.count; i++) if (this.sites[i] == site) return true;
    return false;
  }

  /** True when it is certain that the value with this stamp, of another site, is not on the write's path. */
  misses(clock: i64, site: i32): bool {
    if (clock <= this.floor) return false;
    for (let i = 0; i < this.count; i++) if (this.sites[i] == site) return this.clocks[i] < clock;
    return true;
  }

  equals(other: Base): bool {
    if (this.floor != other.floor || this.count != other.count) return false;
    for (let i = 0; i < this.count; i++) {
      if (this.clocks[i] != other.clocks[i] || this.sites[i] != other.sites[i]) return false;
    }
    return true;
  }

  pack(target: Writer): void {
    target.varint(this.floor);
    target.varint(this.count);
    for (let i = 0; i < this.count; i++) {
      target.varint(this.clocks[i]);
      target.varint(this.sites[i]);
    }
  }
}

/** Reads what `pack` wrote. */
export function unpackBase(input: Varints): Base {
  const floor = input.next();
  const count = input.next();
  if (count > BASE_SITES_MAX) input.damaged = true;
  const base = new Base(floor, input.damaged ? 0 : <i32>count);
  for (let i: i64 = 0; i < count && !input.damaged; i++) {
    const clock = input.next();
    base.add(clock, <i32>input.next());
  }
  return base;
}

/**
 * The base of a write of `own` over a value with the stamp given, whose own base is `former` (null = unknown). A
 * device's first write decides for those that follow it: what arrived between them and lost was not seen by the first.
 */
export function baseOver(clock: i64, site: i32, former: Base | null, own: i32): Base {
  if (former == null) return new Base(clock, 0);
  if (site == own) return former;
  const room = former.count < BASE_SITES_MAX ? former.count + 1 : BASE_SITES_MAX;
  const base = new Base(former.floor, room);
  base.add(clock, site);
  for (let i = 0; i < former.count; i++) {
    if (former.site(i) == own || former.site(i) == site) continue;
    if (base.count == room) {
      base.floor = former.clock(i);
      break;
    }
    base.add(former.clock(i), former.site(i));
  }
  return base;
}

/** The bases of a row's columns. Where a row is read anew they are cleared first: they lie in the arena. */
export class Bases {
  private list: StaticArray<Base | null>;
  /** How many columns have one. */
  count: i32 = 0;

  constructor(private width: i32) {
    this.list = new StaticArray<Base | null>(width);
  }

  /** The base of a column; null = unknown. */
  get(index: i32): Base | null {
    return this.list[index];
  }

  set(index: i32, base: Base | null): void {
    if (this.list[index] != null) this.count--;
    if (base != null) this.count++;
    this.list[index] = base;
  }

  clear(): void {
    for (let i = 0; this.count > 0 && i < this.width; i++) this.set(i, null);
  }

  /** For each column the first one with an equal base, -1 where it is unknown: such a group is written once. */
  leaders(): StaticArray<i32> {
    const leaders = new StaticArray<i32>(this.width);
    for (let i = 0; i < this.width; i++) leaders[i] = this.leader(i);
    return leaders;
  }

  private leader(index: i32): i32 {
    const base = this.list[index];
    if (base == null) return -1;
    for (let i = 0; i < index; i++) {
      const other = this.list[i];
      if (other != null && (other == base || other.equals(base))) return i;
    }
    return index;
  }
}

/** How many groups `leaders` names. */
export function groupCount(leaders: StaticArray<i32>): i32 {
  let groups = 0;
  for (let i = 0; i < leaders.length; i++) if (leaders[i] == i) groups++;
  return groups;
}
