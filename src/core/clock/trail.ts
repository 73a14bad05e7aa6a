/**
 * trail.ts: finds rows without looking them up by their keys, where they are wanted in the order in which they were
 * written once. That is how rows mostly come: a log, a feed and a packet follow the order of writing, and so do the
 * rowids of a table and the seqs of its clocks. A look-up by a random key is a descent of an index with a cache miss on
 * every page; the step to the next row costs a fraction of that.
 *
 * A guess is never trusted: the next row counts only when its key is the one that is wanted, byte by byte. When it is
 * not, the trail is lost and the caller looks the row up. After some rows that were looked up the trail is tried anew;
 * each time it is lost that takes twice as many, so rows in random order pay next to nothing.
 */
import { keyNames } from '../capture/tables';
import { affinityOf } from '../catalog/affinity';
import { Table } from '../catalog/table';
import { RowCells } from '../bytes/row_cells';
import { Writer } from '../bytes/writer';
import { arenaMark, arenaRelease } from '../runtime/arena';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { bindKey, whereKey } from './keys';

/** Rows that are looked up before the next one is guessed: at first, and at most. */
const PATIENCE_FIRST: i32 = 8;
const PATIENCE_MAX: i32 = 2048;

export class Trail {
  /** The next row may be guessed. */
  active: bool = false;
  /** The columns behind those of the key, after `follow`. */
  cells: RowCells;
  private scan: Statement = new Statement(null);
  private places: Statement = new Statement(null);
  private patience: i32 = PATIENCE_FIRST;
  private lookups: i32 = 0;

  /**
   * @param scanSql rows after the place ?1 in the order of their places: the key, then others, of which `cells` get
   *   `others`
   * @param placeSql the place of the row with the key ?1...
   */
  constructor(
    private table: Table,
    private scanSql: Text,
    private placeSql: Text,
    others: i32,
  ) {
    this.cells = new RowCells(table.keys.length + others);
  }

  /** The statement whose row `follow` found. */
  get handle(): i32 {
    return this.scan.handle;
  }

  /** True when the next row is the one with that encoded key; then its other columns can be read. */
  follow(key: usize, size: u32): bool {
    if (!this.active) return false;
    if (this.scan.step() && this.isAt(key, size)) return true;
    this.scan.reset();
    this.active = false;
    this.lookups = 0;
    if (this.patience < PATIENCE_MAX) this.patience *= 2;
    return false;
  }

  private isAt(key: usize, size: u32): bool {
    const mark = arenaMark();
    this.cells.load(this.scan.handle, 0);
    const found = new Writer(64);
    for (let i = 0; i < this.table.keys.length; i++) this.cells.write(found);
    const same = found.size == size && memory.compare(found.start, key, size) == 0;
    arenaRelease(mark);
    return same;
  }

  /** A row was looked up and found; after enough of them its place is where the trail is taken up. */
  lookedUp(key: usize): void {
    if (++this.lookups < this.patience) return;
    this.lookups = 0;
    if (this.scan.handle == 0 && !this.prepare()) return;
    bindKey(this.places, 1, this.table, key);
    if (this.places.step()) {
      this.scan.integer(1, this.places.columnInteger(0));
      this.active = true;
    }
    this.places.reset();
  }

  /** False for tables without rowids: then there is no trail. */
  private prepare(): bool {
    if (this.scan.attemptToPrepare(this.scanSql) && this.places.attemptToPrepare(this.placeSql)) return true;
    this.patience = i32.MAX_VALUE;
    this.close();
    return false;
  }

  /** Finalizes the statements. */
  close(): void {
    this.scan.close();
    this.places.close();
    this.active = false;
  }
}

/** The rows of the clock table in the order of seq; behind the key seq, cl, clock, site and cols. */
export function clockTrail(table: Table): Trail {
  const scan = keyNames(new Text(512).add('SELECT '), table, '').add(',seq,cl,clock,site,cols FROM ');
  scan.main(table.clockName).add(' WHERE seq>?1 ORDER BY seq');
  const place = new Text(512).add('SELECT seq FROM ').main(table.clockName).add(' WHERE ');
  return new Trail(table, scan, whereKey(place, table, 1), 0);
}

/**
 * The rows of the data table in the order of their rowids; behind the key the columns of the table, or none. Null when
 * the key is the rowid: then looking rows up is quick.
 */
export function dataTrail(table: Table, withValues: bool): Trail | null {
  const keys = table.keys;
  if (keys.length == 1 && affinityOf(keys[0].declaredType, false) == 'INTEGER') return null;
  const columns = table.columns;
  const scan = new Text(1024).add('SELECT ');
  const place = new Text(512).add('SELECT _rowid_ FROM ').main(table.name).add(' WHERE ');
  for (let i = 0; i < keys.length; i++) {
    scan.add(i > 0 ? ',' : '').name(keys[i].name);
    place
      .add(i > 0 ? ' AND ' : '')
      .name(keys[i].name)
      .add('=?')
      .number(i + 1);
  }
  for (let i = 0; withValues && i < columns.length; i++) scan.add(',').name(columns[i].name);
  scan.add(' FROM ').main(table.name).add(' NOT INDEXED WHERE _rowid_>?1 ORDER BY _rowid_');
  return new Trail(table, scan, place, withValues ? columns.length : 0);
}
