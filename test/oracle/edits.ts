/**
 * edits.ts: follows what people write: no edit may vanish silently. An edit is settled when it was sent (what the
 * server does with it is then for watch.ts to check), when it stands in cloudsync_rejected, or when a newer one
 * replaced it.
 */
import type Database from 'better-sqlite3';
import type { Packet } from '../packet/packet.js';
import { literal } from '../packet/value.js';
import type { StageTable } from '../sim/stage.js';
import { type Content, changedPlaces } from '../sim/truth.js';
import { placeOf, readKey, rowsOf } from './answers.js';

/** The column whose values tell which write they come from. */
const MARKED = 'note';
const DELETED = 'deleted';
/** Triggers note the time in milliseconds, as a REAL; in microseconds. */
const CLOCK_GRAIN = 2000;

interface RejectedRow {
  tbl: string;
  pk: Buffer;
  operation: string;
  columns: string;
  code: string;
}

interface OpenEdit {
  /** Of the marked column. */
  value: string;
  time: number;
  isNew: boolean;
  /** How often the row had been made or deleted by then, as far as the device knew. */
  generation: number;
}

/** What a server has of a row, to compare an edit with. */
export interface Newest {
  generation: number;
  stamp: number;
}

/** The edits of one device. */
export class Edits {
  /** By row: the newest value of its marked column that was neither sent nor replaced, or that it was deleted. */
  readonly #open = new Map<string, OpenEdit>();
  /** Denied rows, by batch. */
  readonly #denied = new Map<string, ReadonlySet<string>>();

  /** A local transaction was committed. */
  committed(before: Content, after: Content, time: number, generations: ReadonlyMap<string, number>): void {
    for (const place of changedPlaces(before, after)) {
      const value = after.get(place)?.get(MARKED);
      const isNew = !before.has(place) || this.#open.get(place)?.isNew === true;
      // A row that was made and deleted before anything of it was sent is nobody's business.
      if (value === undefined && isNew) this.#open.delete(place);
      else if (value !== before.get(place)?.get(MARKED)) {
        this.#open.set(place, {
          value: value ?? DELETED,
          time,
          isNew,
          generation: generations.get(place) ?? 1,
        });
      }
    }
  }

  /** What a device has sent is on its way until it is acknowledged, whatever happens. */
  sent(packets: readonly Packet[]): void {
    for (const { place, row } of rowsOf(packets)) {
      const open = this.#open.get(place);
      const cell = row.columns.get(MARKED);
      const value = row.cl % 2n === 0n ? DELETED : cell && literal(cell.value);
      if (open !== undefined && value === open.value) this.#open.delete(place);
    }
  }

  /** The device was told that rows of a batch are denied. */
  denied(batch: string, places: ReadonlySet<string>): void {
    this.#denied.set(batch, places);
  }

  /** What is missing of all this: edits that nobody knows of, refusals that were not recorded. */
  missing(db: Database.Database, newest: (place: string) => Newest | undefined): string[] {
    const rejected = rejectedRows(db);
    const places = rejected.map(({ tbl, pk }) => placeOf(tbl, readKey(pk)));
    const values = rejected.map(({ operation, columns }, index) => {
      const value = (JSON.parse(columns) as Record<string, unknown>)[MARKED];
      return `${places[index]} ${operation === 'delete' ? DELETED : `'${value}'`}`;
    });
    const lost = [...this.#open]
      .filter(([place, { value }]) => !values.includes(`${place} ${value}`))
      .filter(([place, edit]) => !isReplaced(edit, newest(place)))
      .map(([place, { value }]) => `${place} ${value} vanished`);
    const refusals = [...this.#denied.values()].flatMap((denied) => [...denied]);
    const unrecorded = refusals
      .filter((place) => count(places, place) < count(refusals, place))
      .map(
        (place) =>
          `${place} was denied ${count(refusals, place)} times, recorded ${count(places, place)} times`,
      );
    return [...lost, ...unrecorded];
  }
}

/** A later write has won, or the row has been deleted since, which wins whenever it was. */
function isReplaced({ time, generation }: OpenEdit, newest: Newest | undefined): boolean {
  return newest !== undefined && (newest.generation > generation || newest.stamp >= time - CLOCK_GRAIN);
}

/** By row: how often it was made or deleted, as far as the clocks of a database say. */
export function generationsOf(db: Database.Database, tables: readonly StageTable[]): Map<string, number> {
  return new Map(
    tables.flatMap(({ name, keys }) => {
      const key = keys.map((_, index) => `quote(pk${index})`).join(" || ',' || ");
      const rows = db.prepare<[], [string, bigint]>(`SELECT ${key}, cl FROM ${name}_cloudsync`).raw().all();
      return rows.map(([row, generation]): [string, number] => [`${name} ${row}`, Number(generation)]);
    }),
  );
}

/** By row: the newest stamp of its marked column. */
export function stampsOf(db: Database.Database): Map<string, number> {
  const sql = 'SELECT tbl, pk, col_version FROM cloudsync_changes WHERE col_name = ?';
  const rows = db.prepare<[string], [string, Buffer, bigint]>(sql).raw().all(MARKED);
  return new Map(rows.map(([table, pk, stamp]) => [placeOf(table, readKey(pk)), Number(stamp)]));
}

function count(all: readonly string[], one: string): number {
  return all.filter((each) => each === one).length;
}

function rejectedRows(db: Database.Database): RejectedRow[] {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cloudsync_rejected'").get();
  if (exists === undefined) return [];
  return db
    .prepare<[], RejectedRow>('SELECT tbl, pk, operation, columns, code FROM cloudsync_rejected')
    .all();
}
