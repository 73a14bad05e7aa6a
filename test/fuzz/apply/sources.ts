/**
 * sources.ts: valid packets of many kinds, to be changed, and the databases that get them.
 */
import { decodePayload, splitPayload } from '../../packet/decode.js';
import type { Packet } from '../../packet/packet.js';
import { samplePacket } from '../../packet/samples.js';
import { applyPayload, type Connection, encodePayload, initTable, single } from '../../support/database.js';
import { connect, makeWorld, SCHEMA, trackAll, write } from '../world.js';

/** What three devices that exchange their changes send, step by step. */
function packetsOfDevices(): Buffer[] {
  const devices = ['44', '55', '22'].map((who) => ({ who, db: connect() }));
  for (const { db } of devices) trackAll(db);
  const payloads: Buffer[] = [];
  for (let round = 0; round < 3; round++) {
    for (const { who, db } of devices) {
      write(db, who);
      if (round > 0) db.exec("DELETE FROM notes WHERE id = 'shared'; UPDATE marks SET y = y || 'x'");
      if (round > 1) db.exec("DELETE FROM marks WHERE id = x'00'; DELETE FROM tasks WHERE a = 3");
      const payload = encodePayload(db);
      payloads.push(payload);
      for (const other of devices) if (other.db !== db) applyPayload(other.db, payload);
    }
  }
  for (const { db } of devices) db.close();
  return payloads;
}

/** Packets of tables that the databases do not have. */
function packetsOfStrangers(): Buffer[] {
  const db = connect();
  db.exec(`CREATE TABLE wide(id TEXT PRIMARY KEY NOT NULL, ${Array.from({ length: 40 }, (_, i) => `c${i}`).join()});
    CREATE TABLE "strange ""name"""("k ""1""" TEXT NOT NULL, "select", PRIMARY KEY("k ""1"""));
    CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, title, extra, stars)`);
  initTable(db, 'wide', 'aws');
  initTable(db, 'strange "name"');
  initTable(db, 'notes');
  db.exec(`INSERT INTO wide(id, c0, c39) VALUES('w', 1, 'last'); UPDATE wide SET c7 = 5; DELETE FROM wide;
    INSERT INTO wide(id, c3) VALUES('w', 2); INSERT INTO "strange ""name""" VALUES('x', 'y');
    INSERT INTO notes VALUES('from afar', 'the same title', 1, 2), ('shared', 'shared', 2, 3)`);
  const payload = encodePayload(db);
  db.close();
  return [payload];
}

/** Decoded, one packet each. */
export function sourcePackets(): Packet[] {
  const payloads = [...packetsOfDevices(), ...packetsOfStrangers()];
  return [
    samplePacket(),
    ...payloads.flatMap(splitPayload).map((bytes) => decodePayload(bytes)[0] as Packet),
  ];
}

/** Databases as bytes: empty, full, with another schema, with triggers of the application, paused, being altered. */
export function targetDatabases(): Buffer[] {
  return [
    target((db) => trackAll(db)),
    makeWorld().serialize(),
    target((db) => db.exec('CREATE TABLE unrelated(x)')),
    target((db) => {
      db.exec(SCHEMA.replace('title UNIQUE, body', 'title').replace('x, y, z', 'z NOT NULL, y'));
      for (const table of ['notes', 'marks', 'pairs'])
        initTable(db, table, table === 'marks' ? 'aws' : 'cls');
      writeSome(db);
    }),
    target((db) => {
      trackAll(db);
      write(db, '11');
      db.exec(`CREATE TRIGGER echo AFTER INSERT ON notes BEGIN INSERT OR IGNORE INTO pairs VALUES(new.id, 'echo'); END;
        CREATE TRIGGER refuse BEFORE INSERT ON tasks WHEN new.a > 2 BEGIN SELECT RAISE(ABORT, 'too large'); END;
        CREATE TRIGGER stamp AFTER UPDATE ON notes BEGIN UPDATE notes SET stars = 1 WHERE id = new.id; END`);
    }),
    target((db) => {
      trackAll(db);
      write(db, '11');
      single(db, "SELECT cloudsync_disable('notes')");
      single(db, "SELECT cloudsync_begin_alter('marks')");
    }),
  ];
}

function writeSome(db: Connection): void {
  db.exec("INSERT INTO notes(id, stars) VALUES('shared', 1); INSERT INTO pairs VALUES('p', 'q')");
}

function target(prepare: (db: Connection) => void): Buffer {
  const db = connect();
  prepare(db);
  const bytes = db.serialize();
  db.close();
  return bytes;
}
