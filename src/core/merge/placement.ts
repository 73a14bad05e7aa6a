/**
 * placement.ts: one attempt to show a held row. Where tables refer to each other in a circle, the held rows that it
 * refers to come with it (a row and its ancestors, a ring of rows), and its claim counts for all of them. A visible row
 * that is in the way has to leave when its claim is younger, and no visible row below it has an older one.
 */
import { nextSeq } from '../catalog/counters';
import { ForeignKey } from '../catalog/foreign_keys';
import { canonicalKey, HeldRows } from '../catalog/held_rows';
import { ReferenceGroups } from '../catalog/reference_groups';
import { Table } from '../catalog/table';
import { ColumnSet } from '../bytes/column_set';
import { isAmong, Slice } from '../bytes/slice';
import { ClockTable } from '../clock/clock_table';
import { RowClock } from '../clock/row_clock';
import { hasFailed } from '../sql/failure';
import { sliceOf } from '../sql/text';
import { childKeys, parentKey, RowValues } from './row_values';
import { Rank, RowRanks } from './row_ranks';
import { IN_CONFLICT, SHOWN, Visibility } from './visibility';

/** Why a row is held that another one has displaced, until its next turn says more. */
const DISPLACED = 'UNIQUE constraint failed';

/** A held row that is to be shown. */
export class Member {
  constructor(
    public table: Table,
    public held: HeldRows,
    public key: Slice,
    public values: ColumnSet,
  ) {}
}

/** The rank of a living row by its encoded key. */
function rankOf(table: Table, ranks: RowRanks, key: Slice): Rank {
  const clocks = new ClockTable(table, false);
  const clock = new RowClock(table);
  clocks.read(key.pointer, clock);
  clocks.close();
  return ranks.of(clock, key);
}

export class Placement {
  /** The row, and behind each member the held rows that it refers to. */
  members: Array<Member> = [];
  /** The reference that keeps the row out: its parent is neither visible nor comes along. */
  broken: ForeignKey | null = null;

  constructor(
    private visibility: Visibility,
    private groups: ReferenceGroups,
    private claim: Rank,
  ) {}

  /** Collects the row and what comes with it. False when a reference stays broken (`broken`), and on errors. */
  gather(member: Member): bool {
    this.members.push(member);
    const row = new RowValues(member.table, member.key.pointer, member.values);
    const keys = this.visibility.foreignKeysInForce();
    for (let i = 0; i < keys.length && !hasFailed(); i++) {
      const child: Table | null = keys[i].child;
      if (child == null || child.id != member.table.id) continue;
      if (row.refersToItself(keys[i]) || row.findsParent(keys[i])) continue;
      if (this.bring(keys[i], member.table, row)) continue;
      // Only a reference of the row itself is an occasion to act on it.
      if (this.members[0] == member) this.broken = keys[i];
      return false;
    }
    return !hasFailed();
  }

  /** The parent comes along, or is among the members already. */
  private bring(foreign: ForeignKey, table: Table, row: RowValues): bool {
    const parent: Table | null = foreign.parent;
    if (parent == null || !this.groups.inCircle(table, parent)) return false;
    const encoded = parentKey(foreign, row);
    if (encoded == null) return false;
    const key = canonicalKey(parent, encoded.start);
    if (this.isMember(parent, key)) return true;
    const held = new HeldRows(parent);
    const values = new ColumnSet(parent.width);
    return held.read(key.pointer, values) && this.gather(new Member(parent, held, key, values));
  }

  /** Shows all members, parents first. False when one of them has to stay away; then the caller undoes it. */
  place(): bool {
    for (let i = this.members.length - 1; i >= 0; i--) {
      if (!this.placeOne(this.members[i])) return false;
    }
    return this.visibility.referencesHold();
  }

  private placeOne(member: Member): bool {
    let result = this.visibility.show(member.table, member.key.pointer, member.values);
    while (result == IN_CONFLICT) {
      const other = canonicalKey(member.table, this.visibility.other.pointer);
      if (this.isMember(member.table, other) || this.hasOlderClaim(member.table, other)) {
        this.visibility.explainConflict(member.table, member.key.pointer, member.values);
        return false;
      }
      if (hasFailed()) return false;
      if (!this.visibility.hide(member.table, other.pointer, sliceOf(DISPLACED))) return false;
      result = this.visibility.show(member.table, member.key.pointer, member.values);
    }
    return result == SHOWN && member.held.drop(member.key.pointer);
  }

  /** In tables with a filter: rows that are visible again get a new seq, so that the filter judges them. */
  announceFiltered(): void {
    for (let i = 0; i < this.members.length; i++) {
      const member = this.members[i];
      if (member.table.filter.size == 0) continue;
      const clocks = new ClockTable(member.table, false);
      const clock = new RowClock(member.table);
      const found = clocks.read(member.key.pointer, clock) && clock.found;
      const oldSeq = clock.seq;
      if (found) clock.seq = nextSeq();
      if (found) clocks.write(member.key.pointer, clock, oldSeq);
      clocks.close();
    }
  }

  private isMember(table: Table, key: Slice): bool {
    for (let i = 0; i < this.members.length; i++) {
      if (this.members[i].table.id == table.id && this.members[i].key.equals(key)) return true;
    }
    return false;
  }

  /** The visible row has an older claim, or in a circle of tables a row that would have to leave with it. */
  private hasOlderClaim(table: Table, key: Slice): bool {
    return this.isOlder(table, key) || this.isOlderBelow(table, key, []);
  }

  private isOlder(table: Table, key: Slice): bool {
    return rankOf(table, new RowRanks(table), key).compare(this.claim) < 0;
  }

  private isOlderBelow(table: Table, key: Slice, seen: Array<Slice>): bool {
    const keys = this.visibility.referringTo(table);
    for (let i = 0; i < keys.length && !hasFailed(); i++) {
      const child: Table | null = keys[i].child;
      if (child == null || !this.groups.inCircle(child, table)) continue;
      const found = childKeys(keys[i], table, key.pointer);
      for (let k = 0; k < found.length; k++) {
        const below = canonicalKey(child, found[k].start);
        if (isAmong(seen, below)) continue;
        seen.push(below);
        if (this.isOlder(child, below) || this.isOlderBelow(child, below, seen)) return true;
      }
    }
    return false;
  }
}
