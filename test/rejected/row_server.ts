/**
 * row_server.ts: a server that decides row by row, as a child process: `node --import register.mjs row_server.ts`. It
 * has no policies but lists: rows that the one device may not see, and rows whose edits it does not accept. Its state
 * is a database of its own, so that its answers are those of the extension's functions for servers.
 *
 * Tests steer it by POST /control with a Command as JSON. It prints its port when it is ready.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodePayload } from '../packet/decode.js';
import { decode, encode, MEDIA_TYPE } from '../server/client.js';
import { arrivalNumber, initTable, openDatabase, single } from '../support/database.js';
import { encodeKey } from '../support/named_rows.js';
import type { Command, Picture, Report } from './commands.js';

const EPOCH = Buffer.alloc(16, 9);
const PAGE_BYTES = 65536;

/** "table/key in hex" */
type Name = string;

/** All that it knows; made anew for each test. */
class State {
  readonly db = openDatabase();
  readonly hidden = new Set<Name>();
  readonly denied = new Map<Name, string>();
  readonly leaving = new Set<Name>();
  readonly entering = new Set<Name>();
  position = 0n;
  batch = 0;
  resets = false;
  /** Texts in accepted rows. */
  readonly texts = new Set<string>();
  cursorBytes = 24;
  pageRows = 1000;
  /** Answers to give in place of the right ones, by the last part of the path. */
  readonly scripts = new Map<string, Buffer[]>();
}

let state = new State();
const requests: Report['requests'] = [];

function nameOf(table: string, key: Buffer): Name {
  return `${table}/${key.toString('hex')}`;
}

function split(name: Name): [string, Buffer] {
  const slash = name.lastIndexOf('/');
  return [name.slice(0, slash), Buffer.from(name.slice(slash + 1), 'hex')];
}

/** Packets of rows, whole or as far as they are newer. */
function packetsOf(names: readonly Name[], since: bigint, site: Buffer | null): Buffer[] {
  const packets: Buffer[] = [];
  for (let left = names.map(split); left.length > 0; ) {
    const sql = 'SELECT cloudsync_payload_rows(?, ?, ?, ?)';
    const result = single(state.db, sql, encode(left), since, site, BigInt(PAGE_BYTES)) as Buffer;
    if (result.length > 4) packets.push(result.subarray(4));
    left = left.slice(result.readUInt32LE(0));
  }
  return packets;
}

function push(body: unknown[]): unknown {
  const [site, , number, packet] = body as [Buffer, Buffer, number, Buffer];
  if (number === state.batch + 1) state.batch = number;
  // A trial says which rows it changes.
  const head = arrivalNumber(state.db);
  state.db.exec('SAVEPOINT trial');
  single(state.db, 'SELECT cloudsync_payload_take(?, ?, NULL)', packet, site);
  const changed = changedAfter(head);
  state.db.exec('ROLLBACK TO trial; RELEASE trial');
  const refused = new Map(
    changed.flatMap((name) => {
      const code = state.denied.get(name);
      return code === undefined ? [] : [[name, code] as const];
    }),
  );
  // A living row that comes to nothing against one that the device does not know is refused as well: the device would
  // keep it for ever.
  const living = livingRows();
  for (const name of rowsIn(packet)) {
    const isUnknown = state.hidden.has(name) || !living.has(name);
    if (!changed.includes(name) && isUnknown) refused.set(name, 'denied');
  }
  const names = [...refused.keys()];
  single(state.db, 'SELECT cloudsync_payload_take(?, ?, ?)', packet, site, encode(names.map(split)));
  noteTexts(packet, names);
  const unseen = changed.filter((name) => state.hidden.has(name) && !refused.has(name));
  const verdicts = [
    ...[...refused].map(([name, code]) => [...split(name), code, `not ${code} by the list`]),
    ...unseen.map((name) => [...split(name), 'gone', '']),
  ];
  for (const name of unseen) state.leaving.delete(name);
  const shown = packetsOf(
    names.filter((name) => !state.hidden.has(name)),
    0n,
    null,
  );
  return [number, verdicts, shown[0] ?? Buffer.alloc(0)];
}

/** Names of the living rows in a packet. */
function rowsIn(packet: Buffer): Name[] {
  const tables = decodePayload(packet).flatMap((each) => each.tables);
  return tables.flatMap(({ name, rows }) =>
    rows.filter(({ cl }) => cl % 2n === 1n).map(({ key }) => nameOf(name, encodeKey(key))),
  );
}

function livingRows(): Set<Name> {
  const sql = 'SELECT DISTINCT tbl, pk FROM cloudsync_changes WHERE cl % 2 = 1';
  const rows = state.db.prepare(sql).all() as { tbl: string; pk: Buffer }[];
  return new Set(rows.map(({ tbl, pk }) => nameOf(tbl, pk)));
}

function noteTexts(packet: Buffer, refused: readonly Name[]): void {
  for (const { name, rows } of decodePayload(packet).flatMap(({ tables }) => tables)) {
    for (const { key, columns } of rows) {
      if (refused.includes(nameOf(name, encodeKey(key)))) continue;
      for (const { value } of columns.values())
        if (value.type === 'text') state.texts.add(value.bytes.toString());
    }
  }
}

function picture(): Picture {
  const names = changedAfter(0n).filter((name) => !state.hidden.has(name));
  const packets = packetsOf(names, 0n, null).map((packet) => packet.toString('hex'));
  return { packets, texts: [...state.texts] };
}

/** Names of all rows that changed after a seq, dead ones too. */
function changedAfter(since: bigint): Name[] {
  const sql = 'SELECT DISTINCT tbl, pk FROM cloudsync_changes WHERE db_version > ?';
  const rows = state.db.prepare(sql).all(since) as { tbl: string; pk: Buffer }[];
  return rows.map(({ tbl, pk }) => nameOf(tbl, pk));
}

function pull(site: Buffer): unknown {
  const frames: unknown[] = [];
  if (state.resets) {
    frames.push([4]);
    state.leaving.clear();
    state.position = 0n;
  }
  const gone = [...state.leaving].slice(0, state.pageRows);
  if (gone.length > 0) frames.push([2, gone.map(split)]);
  for (const name of gone) state.leaving.delete(name);
  const complete = state.leaving.size === 0;
  if (complete) {
    const whole = [...state.entering].filter((name) => !state.hidden.has(name));
    const changed = changedAfter(state.position).filter(
      (name) => !state.hidden.has(name) && !state.entering.has(name),
    );
    const puts = [
      ...packetsOf(whole, 0n, null),
      ...packetsOf(changed, state.position, state.resets ? null : site),
    ];
    frames.push(...puts.map((packet) => [1, packet]));
    state.entering.clear();
    state.position = arrivalNumber(state.db);
    state.resets = false;
  }
  const cursor = Buffer.alloc(state.cursorBytes, Number(state.position) % 251);
  cursor.writeUInt32LE(state.leaving.size, 0);
  return [...frames, [5, cursor, complete ? 1 : 0]];
}

function answerTo(path: string, body: unknown[]): unknown {
  if (path === 'sites') return [EPOCH, state.batch, 1000, 0, 1 << 20, []];
  if (path === 'push') return push(body);
  if (path === 'pull') return pull(body[0] as Buffer);
  return path === 'schema' ? [] : undefined;
}

function obey(command: Command): unknown {
  if (command.schema !== undefined) {
    state.db.close();
    state = new State();
    state.db.exec(command.schema);
    for (const [table, algorithm] of command.tables ?? []) initTable(state.db, table, algorithm, true);
  }
  for (const name of command.hide ?? []) {
    if (!state.hidden.has(name)) state.leaving.add(name);
    state.hidden.add(name);
    state.entering.delete(name);
  }
  for (const name of command.show ?? []) {
    if (state.hidden.delete(name) && !state.leaving.delete(name)) state.entering.add(name);
  }
  if (command.deny !== undefined) {
    state.denied.clear();
    for (const [name, code] of command.deny) state.denied.set(name, code);
  }
  if (command.reset) state.resets = true;
  if (command.cursorBytes !== undefined) state.cursorBytes = command.cursorBytes;
  if (command.pageRows !== undefined) state.pageRows = command.pageRows;
  for (const [path, hex] of command.answers ?? []) {
    state.scripts.set(path, [...(state.scripts.get(path) ?? []), Buffer.from(hex, 'hex')]);
  }
  if (command.picture) return picture();
  if (command.sql === undefined) return null;
  const statement = state.db.prepare(command.sql);
  if (!statement.reader) return statement.run().changes;
  return JSON.parse(JSON.stringify(statement.raw().all(), plain));
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

function reply(response: ServerResponse, path: string, body: unknown[]): void {
  const scripted = state.scripts.get(path)?.shift();
  const answer = scripted ?? answerTo(path, body);
  if (answer === undefined) response.writeHead(204).end();
  else
    response
      .writeHead(200, { 'content-type': MEDIA_TYPE })
      .end(Buffer.isBuffer(answer) ? answer : encode(answer));
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const bytes = Buffer.concat(chunks);
    const path = /\/([a-z]+)(?:\?|$)/.exec(request.url ?? '')?.[1] ?? '';
    if (path === 'control') {
      const result = obey(JSON.parse(bytes.toString()) as Command);
      const report: Report = { result, requests: requests.splice(0) };
      response.writeHead(200).end(JSON.stringify(report));
      return;
    }
    requests.push({ method: request.method ?? '', url: request.url ?? '', bytes: bytes.length });
    reply(response, path, bytes.length > 0 ? (decode(bytes) as unknown[]) : []);
  });
});

server.listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port);
});
