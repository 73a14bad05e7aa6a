/**
 * reference_groups.ts: which tables refer to each other in a circle (a table that refers to itself is the smallest
 * one). Parents' tables cannot be settled before their children's there; merge/placement.ts takes such rows together.
 */
import { ForeignKey } from './foreign_keys';
import { Table } from './table';

export class ReferenceGroups {
  constructor(private keys: Array<ForeignKey>) {}

  /** True when rows of `child` can refer, over any number of steps, to rows of `parent` and the other way round. */
  inCircle(child: Table, parent: Table): bool {
    return this.reaches(child, parent, []) && (child.id == parent.id || this.reaches(parent, child, []));
  }

  private reaches(from: Table, to: Table, seen: Array<i64>): bool {
    for (let i = 0; i < this.keys.length; i++) {
      const child: Table | null = this.keys[i].child;
      const parent: Table | null = this.keys[i].parent;
      if (child == null || parent == null || child.id != from.id) continue;
      if (parent.id == to.id) return true;
      if (seen.includes(parent.id)) continue;
      seen.push(parent.id);
      if (this.reaches(parent, to, seen)) return true;
    }
    return false;
  }
}
