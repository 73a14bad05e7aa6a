/**
 * watch.ts: stands beside the server, looks at every request before and after it, and compares what the server did
 * with what the mirror says it has to do: verdicts, what became of the rows, and that no answer holds anything that its
 * receiver was never allowed to see.
 */
import type Database from 'better-sqlite3';
import { decodePayload } from '../packet/decode.js';
import type { Packet } from '../packet/packet.js';
import { literal } from '../packet/value.js';
import type { Question, SimulatedServer } from '../sim/server.js';
import type { Reply } from '../sim/simulated.js';
import { Broken } from '../sim/stage.js';
import { type Content, changedPlaces, contentOf, sameContent } from '../sim/truth.js';
import {
  isOurs,
  type PushRequest,
  placeOf,
  readKey,
  readPullAnswer,
  readPush,
  readPushAnswer,
  rowsOf,
  WATCHED,
} from './answers.js';
import { type Images, Mirror } from './mirror.js';
import { type Claims, claimsOf, type Person } from './people.js';
import type { Policies } from './policies.js';
import type { OracleTable } from './schema.js';

/** What a batch must do. */
interface Expected {
  denied: ReadonlySet<string>;
  /**
   * Rows that it leaves as they are, and that its sender does not see. Whether they are denied depends on what he has
   * seen before; the answer may tell nothing about them either way.
   */
  open: ReadonlySet<string>;
  content: Content;
}

/** What came of a request, for who follows the device. */
export type Seen =
  | { kind: 'pushed'; batch: string; denied: ReadonlySet<string> }
  /** `content`: what the user sees at that moment; undefined when pages are left. */
  | { kind: 'pulled'; content: Content | undefined };

export class Watch {
  readonly mirror: Mirror;
  readonly #tables: readonly OracleTable[];
  readonly #people: readonly Person[];
  readonly #server: () => SimulatedServer;
  /** Tokens that devices have at present. */
  readonly #tokens: () => readonly string[];
  /** By user: rows and cells that the user could see at some time. */
  readonly #shown = new Map<string, Set<string>>();
  /** Verdicts of batches that the server has taken, by site, number and content. */
  readonly #taken = new Map<string, Expected>();
  /** What the server may have instead of what the mirror has: a request was interrupted. */
  #possible: Expected[] = [];

  constructor(
    tables: readonly OracleTable[],
    people: readonly Person[],
    server: () => SimulatedServer,
    tokens: () => readonly string[],
  ) {
    this.#tables = tables;
    this.#people = people;
    this.#server = server;
    this.#tokens = tokens;
    this.mirror = new Mirror(tables);
  }

  /** Everybody who has a token at present has been able to see what the policies show now. */
  show(): void {
    for (const token of new Set(this.#tokens())) {
      const claims = claimsOf(this.#people, token);
      if (claims === undefined) continue;
      const shown = this.#shownTo(claims);
      for (const [place, row] of this.mirror.visible(claims)) {
        shown.add(place);
        for (const [column, value] of row) shown.add(`${place} ${column} ${value}`);
      }
    }
  }

  /** Something other than a device has changed the server's rows. */
  adopt(): void {
    this.settle();
    this.mirror.replace(this.#content());
    this.show();
  }

  /** Policies are in force from now on. */
  deployed(policies: Policies): void {
    this.settle();
    this.mirror.setPolicies(policies);
    this.show();
  }

  /** The server has an older state again, with the policies of that time. */
  restored(policies: Policies | undefined): void {
    this.#possible = [];
    this.mirror.setPolicies(policies);
    this.adopt();
  }

  /** Before a request is sent: what the server has to do with it. */
  asks(question: Question): Expected | undefined {
    if (!WATCHED.test(question.url) || !this.#server().isUp) return undefined;
    this.settle();
    return question.url.endsWith('/push') ? this.#expect(question) : undefined;
  }

  /** After it: what it did, and whether the answer is right; `reply` has the status 0 when that never arrived. */
  answered(question: Question, expected: Expected | undefined, reply: Reply): Seen | undefined {
    if (!WATCHED.test(question.url)) return undefined;
    if (expected !== undefined) {
      this.#possible.push(expected);
      if (this.#server().isUp) this.settle(isOurs(reply));
    }
    if (!isOurs(reply)) return undefined;
    const claims = this.#claimsOf(question);
    if (question.url.endsWith('/pull')) return this.#pulled(claims, reply);
    return this.#pushed(claims, readPush(question.body), reply);
  }

  #expect(question: Question): Expected | undefined {
    const push = readPush(question.body);
    const db = this.#server().database;
    const sql = 'SELECT last_batch FROM cloudsync_server_sites WHERE site = ?';
    const last = db.prepare<[Buffer], number>(sql).pluck().get(push.site);
    if (last === undefined || BigInt(last) + 1n !== push.batch) return undefined;
    const images = this.#images(db, push);
    if (images === undefined) return undefined;
    const { mirror } = this;
    const before = mirror.content;
    const claims = this.#claimsOf(question);
    let denied: ReadonlySet<string> = new Set();
    if (claims !== undefined && mirror.hasPolicies) {
      denied = mirror.judge(claims, images);
      this.#told(
        claims,
        [...images.keys()].filter((place) => !denied.has(place)),
      );
    } else mirror.replace(merged(before, images));
    const { content } = mirror;
    mirror.replace(before);
    const expected = { denied, open: this.#withoutEffect(push, images, claims), content };
    this.#taken.set(nameOf(push), expected);
    return expected;
  }

  /** What becomes of a row that somebody was allowed to write is no secret for him. */
  #told(claims: Claims, places: readonly string[]): void {
    const shown = this.#shownTo(claims);
    for (const place of places) shown.add(place);
  }

  #withoutEffect({ packet }: PushRequest, images: Images, claims: Claims | undefined): Set<string> {
    const visible = this.mirror.visible(claims);
    const places = rowsOf(decodePayload(packet)).map(({ place }) => place);
    const before = this.mirror.content;
    const isOpen = (place: string) =>
      !visible.has(place) &&
      (!images.has(place) || (!before.has(place) && images.get(place)?.row === undefined));
    return new Set(places.filter(isOpen));
  }

  /** The rows that a packet changes, as they would be if all of it were taken. */
  #images(db: Database.Database, push: PushRequest): Images | undefined {
    db.exec('BEGIN IMMEDIATE');
    try {
      const head = db.prepare('SELECT cloudsync_db_version()').pluck().safeIntegers().get();
      db.prepare('SELECT cloudsync_payload_take(?, ?)').get(push.packet, push.site);
      const content = contentOf(db, this.#tables);
      const images: Images = new Map();
      const forged = forgedPlaces(db, push, head);
      for (const table of this.#tables) {
        for (const place of touchedPlaces(db, table, head)) {
          images.set(place, { table, row: content.get(place), isForged: forged.has(place) });
        }
      }
      return images;
    } finally {
      db.exec('ROLLBACK');
    }
  }

  #content(): Content {
    return contentOf(this.#server().database, this.#tables);
  }

  /** The server has what the mirror has, or what a request that was interrupted makes of it. */
  settle(isTaken = false): void {
    if (this.#possible.length === 0) return;
    const content = this.#content();
    const { mirror } = this;
    const found = this.#possible.find((expected) => sameContent(expected.content, content));
    const isKept = !isTaken && sameContent(mirror.content, content);
    if (found === undefined && !isKept) {
      const wanted = this.#possible[0]?.content ?? mirror.content;
      throw new Broken('the server has what was allowed', difference(wanted, content, 'allowed', 'there'));
    }
    this.#possible = [];
    mirror.replace(content);
    this.show();
  }

  #pushed(claims: Claims | undefined, push: PushRequest, reply: Reply): Seen {
    const batch = nameOf(push);
    const expected = this.#taken.get(batch);
    const { verdicts, packets } = readPushAnswer(reply.body);
    const denied = new Set(verdicts.filter(({ code }) => code === 'denied').map(({ place }) => place));
    const wanted = expected?.denied ?? new Set<string>();
    const wrong = [
      ...[...wanted].filter((place) => !denied.has(place)).map((place) => `${place} must be denied`),
      ...[...denied]
        .filter((place) => !wanted.has(place) && !expected?.open.has(place))
        .map((place) => `${place} must not be denied`),
      ...verdicts
        .filter(({ code }) => code !== 'denied' && code !== 'gone')
        .map(({ place, code }) => `${place} is ${code}`),
    ];
    if (wrong.length > 0)
      throw new Broken('verdicts', `${claims?.sub ?? 'the service'}: ${wrong.join('; ')}`);
    this.#requireShown(claims, packets, []);
    return { kind: 'pushed', batch, denied };
  }

  #pulled(claims: Claims | undefined, reply: Reply): Seen {
    const { packets, untagged, isComplete } = readPullAnswer(reply.body);
    this.#requireShown(claims, packets, untagged);
    return { kind: 'pulled', content: isComplete ? this.mirror.visible(claims) : undefined };
  }

  /** No cell and no key in an answer that the user could never see. */
  #requireShown(claims: Claims | undefined, packets: readonly Packet[], untagged: readonly string[]): void {
    if (claims === undefined || !this.mirror.hasPolicies) return;
    const shown = this.#shownTo(claims);
    const leaks = untagged.filter((place) => !shown.has(place)).map((place) => `${place} is to be forgotten`);
    for (const { place, row } of rowsOf(packets)) {
      if (!shown.has(place)) leaks.push(`${place} (causal length ${row.cl})`);
      if (row.cl % 2n === 0n) continue;
      for (const [column, { value }] of row.columns) {
        const cell = `${place} ${column} ${literal(value)}`;
        if (!shown.has(cell)) leaks.push(cell);
      }
    }
    if (leaks.length > 0) throw new Broken('no leak', `${claims.sub} was told of ${leaks.join('; ')}`);
  }

  #shownTo({ sub }: Claims): Set<string> {
    const shown = this.#shown.get(sub) ?? new Set();
    this.#shown.set(sub, shown);
    return shown;
  }

  #claimsOf({ headers }: Question): Claims | undefined {
    return claimsOf(this.#people, /^authorization: bearer (.*)$/im.exec(headers)?.[1]?.trim() ?? '');
  }
}

function nameOf({ site, batch, packet }: PushRequest): string {
  return `${site.toString('hex')} ${batch} ${packet.toString('base64')}`;
}

/** The rows with newer cells of a device of somebody else. */
function forgedPlaces(db: Database.Database, { site }: PushRequest, head: unknown): Set<string> {
  const ofOthers = 'subject <> (SELECT subject FROM cloudsync_server_sites WHERE site = @site)';
  const sql =
    'SELECT DISTINCT tbl, pk FROM cloudsync_changes WHERE db_version > @head' +
    ` AND site_id IN (SELECT site FROM cloudsync_server_sites WHERE ${ofOthers}` +
    ' UNION ALL SELECT unhex(cloudsync_siteid()))';
  const rows = db.prepare<unknown[], { tbl: string; pk: Buffer }>(sql).all({ site, head });
  return new Set(rows.map(({ tbl, pk }) => placeOf(tbl, readKey(pk))));
}

/** The rows whose clocks are newer than a head; literals as contents have them. */
function touchedPlaces(db: Database.Database, { name, keys }: OracleTable, head: unknown): string[] {
  const columns = keys.map((_, index) => `quote(pk${index})`).join(" || ',' || ");
  const sql = `SELECT ${columns} FROM ${name}_cloudsync WHERE seq > ?`;
  return db
    .prepare<unknown[], string>(sql)
    .pluck()
    .all(head)
    .map((key) => `${name} ${key}`);
}

function merged(content: Content, images: Images): Content {
  const result = new Map(content);
  for (const [place, { row }] of images) {
    if (row === undefined) result.delete(place);
    else result.set(place, row);
  }
  return result;
}

/** Where two contents differ, for messages. */
export function difference(left: Content, right: Content, leftName: string, rightName: string): string {
  const show = (content: Content, place: string) => {
    const row = content.get(place);
    return row === undefined ? 'no row' : [...row].map(([column, value]) => `${column}=${value}`).join(' ');
  };
  return changedPlaces(left, right)
    .map((place) => `${place}: ${leftName} ${show(left, place)}, ${rightName} ${show(right, place)}`)
    .join('; ');
}
