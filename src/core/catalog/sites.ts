/**
 * sites.ts: site ids by ordinal. Stamps in the database hold a small number instead of 16 bytes; cloudsync_sites says
 * which site it is. Ordinal 0 means "nobody". The list is read once per outermost call.
 */
import { Slice } from '../bytes/slice';
import { failWith } from '../sql/failure';
import { queryInteger, Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { SITE_SIZE } from './schema';
import { settingInteger } from './settings';

let siteByOrdinal: Array<Slice> = [];
let own: i32 = 0;

export function loadSites(): void {
  siteByOrdinal = [new Slice(0, 0)];
  own = <i32>settingInteger('site', 0);
  const statement = new Statement(new Text().add('SELECT id, site FROM main.cloudsync_sites ORDER BY id'));
  while (statement.step()) {
    const ordinal = <i32>statement.columnInteger(0);
    const site = statement.columnBytes(1);
    if (ordinal <= 0 || ordinal > 1000000 || site.size != SITE_SIZE) {
      failWith('the table cloudsync_sites is damaged; restore the database from a copy');
      break;
    }
    while (siteByOrdinal.length <= ordinal) siteByOrdinal.push(siteByOrdinal[0]);
    siteByOrdinal[ordinal] = site;
  }
  statement.close();
}

/** Ordinal of this database's own site. */
export function ownSite(): i32 {
  return own;
}

/** The 16 bytes of a site. */
export function siteBytes(ordinal: i32): Slice {
  return siteByOrdinal[ordinal >= 0 && ordinal < siteByOrdinal.length ? ordinal : 0];
}

/** The ordinal of a site, or 0 when this database has never met it. */
export function findSite(site: usize): i32 {
  for (let i = 1; i < siteByOrdinal.length; i++) {
    const known = siteByOrdinal[i];
    if (known.size == SITE_SIZE && memory.compare(known.pointer, site, SITE_SIZE) == 0) return i;
  }
  return 0;
}

/** The ordinal of a site, giving it one when it is new. 0 after a failure. Inside a write transaction. */
export function internSite(site: usize): i32 {
  const found = findSite(site);
  if (found != 0) return found;
  const insert = new Statement(
    new Text().add('INSERT INTO main.cloudsync_sites(site) VALUES(?1) RETURNING id'),
  );
  const ordinal = insert.blob(1, site, SITE_SIZE).step() ? <i32>insert.columnInteger(0) : 0;
  insert.close();
  if (ordinal != 0) {
    while (siteByOrdinal.length < ordinal) siteByOrdinal.push(siteByOrdinal[0]);
    siteByOrdinal.push(new Slice(site, SITE_SIZE));
  }
  return ordinal;
}

/** Order of two sites by their bytes; "nobody" is below all. */
export function compareSites(a: i32, b: i32): i32 {
  if (a == b) return 0;
  const first = siteBytes(a);
  const second = siteBytes(b);
  if (first.size != second.size) return first.size < second.size ? -1 : 1;
  return memory.compare(first.pointer, second.pointer, first.size);
}

/**
 * Notes that changes of these sites have come up to `seq`, and not from them: `sender` is who brought them (0 for
 * unknown). A copy of a database may write under the site id of its original, and whoever relays such a change brings
 * the original something new under its own name. False on errors.
 */
export function noteRelayed(sites: Array<i32>, sender: i32, seq: i64): bool {
  const update = new Statement(new Text().add('UPDATE main.cloudsync_sites SET relayed=?2 WHERE id=?1'));
  let ok = true;
  for (let i = 0; ok && i < sites.length; i++) {
    if (sites[i] != sender)
      ok = update
        .integer(1, <i64>sites[i])
        .integer(2, seq)
        .run();
  }
  update.close();
  return ok;
}

/** True when all changes of a site that came after `since` were brought by itself, so that it has them. */
export function hasBroughtItself(ordinal: i32, since: i64): bool {
  const sql = new Text().add('SELECT relayed FROM main.cloudsync_sites WHERE id=').number(ordinal);
  return queryInteger(sql, 0) <= since;
}
