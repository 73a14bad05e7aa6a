/**
 * rows.ts: reads the body of a packet to its end, touching all that a merge touches, and writes its rows again by the
 * real encoder: read once more they must say the same (a stamp with clock 0 says nothing).
 */
import { bindValue, compareValues, valueSize } from '../../../src/core/bytes/value';
import { Slice } from '../../../src/core/bytes/slice';
import { xxh64 } from '../../../src/core/bytes/xxh64';
import { Table } from '../../../src/core/catalog/table';
import { Decoder, IncomingRow } from '../../../src/core/packet/decoder';
import { Encoder, RowImage } from '../../../src/core/packet/encoder';
import { unseal } from '../../../src/core/packet/envelope';
import { hasFailed } from '../../../src/core/sql/failure';
import { Statement } from '../../../src/core/sql/statement';
import { Text } from '../../../src/core/sql/text';
import { ACCEPTED, BROKEN, REFUSED } from './outcome';

/** Larger bodies are only read: writing them again would make the time of an input hard to bound. */
const WRITTEN_AGAIN_MAX: u32 = 1 << 16;

/** Sum over what all rows say, in any order of the rows. */
let meaning: u64 = 0;

export function runRows(body: Slice): i32 {
  const again = body.size <= WRITTEN_AGAIN_MAX;
  const decoder = new Decoder(body);
  if (!decoder.begin()) return REFUSED;
  const encoder = new Encoder(decoder.site, 256);
  readRows(decoder, again ? encoder : null);
  if (hasFailed()) return REFUSED;
  if (!again) return ACCEPTED;
  const before = meaning;
  const packet = encoder.finish(decoder.since, decoder.upto);
  const written = unseal(packet);
  if (written == null) return BROKEN;
  const second = new Decoder(written);
  if (!second.begin()) return BROKEN;
  readRows(second, null);
  const same = second.site == decoder.site && second.since == decoder.since && second.upto == decoder.upto;
  return !hasFailed() && same && meaning == before ? ACCEPTED : BROKEN;
}

function readRows(decoder: Decoder, encoder: Encoder | null): void {
  meaning = 0;
  const statement = new Statement(new Text().add('SELECT ?1'));
  while (decoder.nextGroup()) {
    const table = decoder.tables[decoder.table];
    const head = meaningOfTable(table);
    for (let row = decoder.nextRow(); row != null; row = decoder.nextRow()) {
      meaning += meaningOfRow(head, row, statement);
      if (encoder != null) write(encoder, table, row);
    }
  }
  statement.close();
}

function mix(before: u64, value: u64): u64 {
  return rotl<u64>(before ^ (value * 0x9e3779b97f4a7c15), 29) * 0xbf58476d1ce4e5b9;
}

function mixBytes(before: u64, bytes: Slice): u64 {
  return mix(before, xxh64(bytes.pointer, bytes.size, bytes.size));
}

function meaningOfTable(table: Table): u64 {
  let sum = mixBytes(table.algorithm, table.name);
  for (let i = 0; i < table.keys.length; i++) sum = mixBytes(sum, table.keys[i].name);
  for (let i = 0; i < table.columns.length; i++) sum = mixBytes(sum, table.columns[i].name);
  return sum;
}

function meaningOfRow(head: u64, row: IncomingRow, statement: Statement): u64 {
  let sum = mixBytes(mix(head, row.cl), row.key);
  sum = mix(mix(sum, row.clock), row.site);
  for (let i = 0; i < row.width; i++) {
    if (row.includes(i)) {
      const item = row.value(i);
      bindValue(statement, 1, item);
      if (compareValues(item, item) != 0) unreachable();
      sum = mixBytes(mix(mix(sum, row.stamps.clock(i)), row.stamps.site(i)), new Slice(item, valueSize(item)));
    }
    if (row.hasDeleted && row.deleted.clock(i) != 0) {
      sum = mix(mix(mix(sum, i), row.deleted.clock(i)), row.deleted.site(i));
    }
    const base = row.bases.get(i);
    if (base == null) continue;
    sum = mix(mix(mix(sum, i), base.floor), base.count);
    for (let k = 0; k < base.count; k++) sum = mix(mix(sum, base.clock(k)), base.site(k));
  }
  return sum;
}

/** As merge/held.ts writes a row that it has to keep. */
function write(encoder: Encoder, table: Table, row: IncomingRow): void {
  const image = new RowImage(table.width);
  image.cl = row.cl;
  image.clock = row.clock;
  image.site = row.site;
  if (row.hasDeleted) image.deleted = row.deleted;
  for (let i = 0; i < row.width; i++) {
    image.bases.set(i, row.bases.get(i));
    if (row.includes(i)) image.include(i, row.stamps.clock(i), row.stamps.site(i));
  }
  encoder.beginRow(table, row.key, image);
  for (let i = 0; i < row.width; i++) {
    if (row.includes(i)) encoder.column(image, i).bytes(row.value(i), valueSize(row.value(i)));
  }
  encoder.endRow(image);
}
