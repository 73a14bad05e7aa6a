/**
 * A simulation that knows exactly who had seen what: every write remembers the write that it replaced and all that its
 * device had seen of the cell. From it follows which values the log of conflicts of a real device must hold.
 */
import { compareStamps, type Row as IncomingRow, type Packet, type Stamp } from '../packet/packet.js';

export interface Write {
  /** Its value, which no other write has; writes of later steps have larger ones. */
  value: bigint;
  /** It took the cell away with its row; then it has only its place in the order of values. */
  deletes: boolean;
  device: number;
  /** The write that it took the place of. */
  replaced: Write | undefined;
  /** What its device had seen of the cell, in the generation of the row. */
  seen: ReadonlySet<Write>;
}

interface Cell {
  current: Write | undefined;
  seen: Set<Write>;
}

interface Row {
  cl: bigint;
  cells: Map<string, Cell>;
  /** What made it dead. */
  deletion?: Deletion;
}

interface Deletion {
  stamp: Stamp;
  /** As a write of each column. */
  writes: Map<string, Write>;
}

const COLUMNS = ['a', 'b'];

/** The write, what it replaced, what that replaced, and so on. */
function* path(write: Write): Generator<Write> {
  for (let at: Write | undefined = write; at; at = at.replaced) yield at;
}

/** Neither author had seen the other write. */
export function areConcurrent(a: Write, b: Write): boolean {
  return !a.seen.has(b) && !b.seen.has(a);
}

export class World {
  private readonly writes = new Map<bigint, Write>();
  private readonly stamps = new Map<Write, Stamp>();
  private readonly deletions: Deletion[] = [];
  private value = 0n;

  /** A new write over what is in a cell; values grow. */
  write(device: number, { current, seen }: Cell, deletes = false): Write {
    const write = { value: ++this.value, deletes, device, replaced: current, seen: new Set(seen) };
    this.writes.set(write.value, write);
    return write;
  }

  addDeletion(deletion: Deletion): void {
    this.deletions.push(deletion);
  }

  findDeletion(stamp: Stamp): Deletion {
    const found = this.deletions.find((each) => compareStamps(each.stamp, stamp) === 0);
    if (!found) throw new Error('a deletion by nobody');
    return found;
  }

  find(value: bigint): Write {
    const write = this.writes.get(value);
    if (!write) throw new Error(`nobody wrote ${value}`);
    return write;
  }

  /** Learns the stamps that the writes got from packets. */
  learn(packets: readonly Packet[]): void {
    for (const { row } of rowsOf(packets)) {
      for (const { stamp, value } of row.columns.values()) {
        if (value.type === 'integer') this.stamps.set(this.find(value.integer), stamp);
      }
    }
  }

  wins(a: Write, b: Write): boolean {
    const [stamp, other] = [this.stamps.get(a), this.stamps.get(b)];
    if (!stamp || !other) throw new Error('a write without a stamp');
    return compareStamps(stamp, other) > 0;
  }
}

function rowsOf(packets: readonly Packet[]) {
  return packets.flatMap(({ tables }) =>
    tables.flatMap(({ rows }) =>
      rows.map((row) => {
        const [key] = row.key;
        if (key?.type !== 'text') throw new Error('a key that is no text');
        return { key: key.bytes.toString(), row };
      }),
    ),
  );
}

export class SimulatedDevice {
  private readonly rows = new Map<string, Row>();
  /** What its log must hold: the winner by the loser. */
  readonly log = new Map<Write, Write>();

  constructor(
    private readonly world: World,
    private readonly number: number,
  ) {}

  private row(key: string): Row {
    const row = this.rows.get(key) ?? { cl: 0n, cells: new Map() };
    this.rows.set(key, row);
    return row;
  }

  private cell(row: Row, column: string): Cell {
    const cell = row.cells.get(column) ?? { current: undefined, seen: new Set() };
    row.cells.set(column, cell);
    return cell;
  }

  isAlive(key: string): boolean {
    return this.row(key).cl % 2n === 1n;
  }

  insert(key: string): void {
    this.row(key).cl += 1n;
    this.row(key).cells.clear();
  }

  /** Deletes a row; the stamp is the one that the deletion got. */
  remove(key: string, stamp: Stamp): void {
    const row = this.row(key);
    const writes = COLUMNS.map(
      (column) => [column, this.world.write(this.number, this.cell(row, column), true)] as const,
    );
    const deletion = { stamp, writes: new Map(writes) };
    this.world.addDeletion(deletion);
    this.die(row, row.cl + 1n, deletion);
  }

  private die(row: Row, cl: bigint, deletion: Deletion): void {
    row.cl = cl;
    row.cells.clear();
    row.deletion = deletion;
  }

  /** Writes a cell of a living row. Returns the value to write. */
  write(key: string, column: string): bigint {
    const cell = this.cell(this.row(key), column);
    const write = this.world.write(this.number, cell);
    cell.seen.add(write);
    cell.current = write;
    return write.value;
  }

  receive(packets: readonly Packet[]): void {
    this.world.learn(packets);
    for (const { key, row } of rowsOf(packets)) {
      if (row.cl % 2n === 1n) this.receiveLiving(this.row(key), row);
      else this.receiveDead(this.row(key), row);
    }
  }

  private receiveLiving(row: Row, incoming: IncomingRow): void {
    const writes = [...incoming.columns].flatMap(([column, { value }]) =>
      value.type === 'integer' ? [[column, this.world.find(value.integer)] as const] : [],
    );
    if (incoming.cl === row.cl - 1n) {
      for (const [column, write] of writes) this.compare(row.deletion?.writes.get(column), write);
    }
    if (incoming.cl < row.cl) return;
    if (incoming.cl > row.cl) row.cells.clear();
    row.cl = incoming.cl;
    for (const [column, write] of writes) this.merge(this.cell(row, column), write);
  }

  private receiveDead(row: Row, incoming: IncomingRow): void {
    if (incoming.cl < row.cl) return;
    const deletion = this.world.findDeletion(incoming.stamp);
    if (incoming.cl === row.cl + 1n) {
      for (const [column, { current }] of row.cells) this.compare(deletion.writes.get(column), current);
    }
    const other = incoming.cl === row.cl ? row.deletion : undefined;
    if (!other || compareStamps(other.stamp, deletion.stamp) < 0) this.die(row, incoming.cl, deletion);
  }

  /** Notes the loser where it lost in a conflict. */
  private compare(winner: Write | undefined, loser: Write | undefined): void {
    if (!winner || !loser || !isConflict(winner, loser) || this.log.has(loser)) return;
    this.log.set(loser, winner);
  }

  private merge(cell: Cell, coming: Write): void {
    const here = cell.current;
    for (const write of [...coming.seen, coming]) cell.seen.add(write);
    if (here === coming) return;
    if (here === undefined) {
      cell.current = coming;
      return;
    }
    const comes = this.world.wins(coming, here);
    const [winner, loser] = comes ? [coming, here] : [here, coming];
    cell.current = winner;
    this.compare(winner, loser);
  }
}

/**
 * A value is lost in a conflict when nobody replaced it on the winner's path, nor the same device a later one of its
 * own. Checked against plain causality: such a loser is concurrent with a write on the path, and a loser that is
 * concurrent with the winner is always one.
 */
function isConflict(winner: Write, loser: Write): boolean {
  if (winner.device === loser.device) return false;
  const onPath = [...path(winner)];
  const covered = onPath.some(({ device, value }) => device === loser.device && value >= loser.value);
  if (!covered && !onPath.some((write) => areConcurrent(write, loser)))
    throw new Error(`${loser.value} would be kept, but everybody on the path had seen it`);
  if (covered && areConcurrent(winner, loser))
    throw new Error(`${loser.value} would not be kept, but is concurrent with ${winner.value}`);
  return !covered;
}
