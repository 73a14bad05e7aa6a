/**
 * random_steps.ts: a scenario out of a seed: random writes, folds, merges and changes of the schema without a server,
 * with what the tables hold after each step, found out on a copy in memory.
 */
import { readFileSync } from 'node:fs';
import { encodePayload, openDatabase } from '../support/database.js';
import { dumpTables } from './check.js';
import { payloadOfPeer } from './scenarios.js';
import type { Reference } from './stage.js';

type Numbers = () => number;

/** Makes steps from a seed; keeps count so that keys are new. */
class Author {
  #made = 0;
  #columns = 0;

  constructor(
    readonly random: Numbers,
    readonly payload: string,
  ) {}

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item;
  }

  #note(): string {
    return this.#pick(['n1', 'n2', 'n3', 'n4', 'p1', `w${Math.floor(this.random() * (this.#made + 1))}`]);
  }

  #write(): string {
    const fresh = `w${++this.#made}`;
    const color = this.#pick(['red', 'green', 'white', 'black', fresh]);
    return this.#pick([
      `INSERT INTO notes(id, a) VALUES('${fresh}', ${this.#made})`,
      `UPDATE notes SET a = '${fresh}' WHERE id = '${this.#note()}'`,
      `UPDATE notes SET a = a || 'x', b = '${fresh}' WHERE id > '${this.#note()}'`,
      `DELETE FROM notes WHERE id = '${this.#note()}'`,
      `REPLACE INTO tags(id, name) VALUES('${fresh}', '${color}')`,
      `INSERT OR IGNORE INTO tags(id, note, name) SELECT '${fresh}', id, '${color}' FROM notes WHERE id = 'n1'`,
      `UPDATE notes SET id = '${fresh}' WHERE id = '${this.#note()}'` +
        ' AND NOT EXISTS(SELECT 1 FROM tags WHERE note = notes.id)',
    ]);
  }

  step(): string {
    const kind = this.random();
    if (kind < 0.45) return this.#write();
    if (kind < 0.6) return `BEGIN; ${this.#write()}; ${this.#write()}; ${this.#write()}; COMMIT`;
    if (kind < 0.75) return 'SELECT length(cloudsync_payload_encode())';
    if (kind < 0.88) return `SELECT cloudsync_payload_apply(${this.payload})`;
    if (kind < 0.93) return `ALTER TABLE notes ADD COLUMN c${++this.#columns}`;
    return `PRAGMA wal_checkpoint(${this.#pick(['PASSIVE', 'TRUNCATE'])})`;
  }
}

/** Where the header of a database file says that it has a WAL, which a database in memory cannot have. */
const [WRITE_VERSION, READ_VERSION, WITH_ROLLBACK_JOURNAL] = [18, 19, 1];

/** @param prepared a closed database file that the steps begin with */
export function randomWork(prepared: string, random: Numbers): Reference {
  const author = new Author(random, payloadOfPeer());
  const steps = Array.from({ length: 4 + Math.floor(random() * 8) }, () => author.step());
  const bytes = readFileSync(prepared);
  bytes[WRITE_VERSION] = bytes[READ_VERSION] = WITH_ROLLBACK_JOURNAL;
  const db = openDatabase({ source: bytes, foreignKeys: true });
  try {
    const tables = [dumpTables(db)];
    for (const step of steps) {
      db.exec(step);
      tables.push(dumpTables(db));
    }
    encodePayload(db);
    return { steps, tables: [...tables, dumpTables(db)] };
  } finally {
    db.close();
  }
}
