/**
 * random-edits.ts: tables of every row algorithm and random legal edits of them as SQL text, so that any program can
 * run them. Keys collide between replicas on purpose where the algorithm allows it.
 */

/** Table name, definition, row algorithm. */
const TABLES = [
  [
    'items',
    'CREATE TABLE items(id TEXT PRIMARY KEY NOT NULL, title TEXT, amount INTEGER DEFAULT 1, data)',
    'cls',
  ],
  [
    'places',
    'CREATE TABLE places(a INTEGER NOT NULL, b TEXT NOT NULL, c REAL, PRIMARY KEY(a, b)) WITHOUT ROWID',
    'cls',
  ],
  ['tags', 'CREATE TABLE tags(item TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(item, tag))', 'aws'],
  ['drafts', 'CREATE TABLE drafts(id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT)', 'aws'],
  ['tickets', 'CREATE TABLE tickets(id TEXT PRIMARY KEY NOT NULL, state TEXT)', 'dws'],
  ['journal', 'CREATE TABLE journal(id TEXT PRIMARY KEY NOT NULL, entry TEXT)', 'gos'],
] as const;

export const TABLE_NAMES = TABLES.map(([name]) => name);

/** Creates and tracks the tables. */
export const SCHEMA: readonly string[] = TABLES.flatMap(([name, definition, algorithm]) => [
  definition,
  `SELECT cloudsync_init('${name}', '${algorithm}')`,
]);

export class RandomEdits {
  private made = 0;

  /**
   * @param replica makes keys that only this replica gives, where an algorithm needs them
   * @param random numbers in [0, 1)
   */
  constructor(
    private readonly replica: number,
    private readonly random: () => number,
  ) {}

  /** One transaction with up to eight edits. */
  next(): string[] {
    const edits = Array.from({ length: 1 + this.below(8) }, () => this.edit());
    return ['BEGIN IMMEDIATE', ...edits, this.random() < 0.9 ? 'COMMIT' : 'ROLLBACK'];
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick(...items: string[]): string {
    return items[this.below(items.length)] as string;
  }

  private value(): string {
    const number = this.below(1000);
    return this.pick(
      'NULL',
      `${number}`,
      `${number}.5`,
      `'text ${number}'`,
      `'é''${number}'`,
      `x'00ff${number % 10}a'`,
    );
  }

  /** A key that only this replica ever uses. */
  private ownKey(): string {
    return `'${this.replica}-${++this.made}'`;
  }

  private sharedKey(): string {
    return `'k${this.below(12)}'`;
  }

  private edit(): string {
    const kinds = [
      this.editItems,
      this.editPlaces,
      this.editTags,
      this.editDrafts,
      this.editTickets,
      this.editJournal,
    ];
    return (kinds[this.below(kinds.length)] as () => string).call(this);
  }

  private editItems(): string {
    const key = this.sharedKey();
    return this.pick(
      `INSERT INTO items(id, title) VALUES(${key}, ${this.value()})` +
        ' ON CONFLICT(id) DO UPDATE SET title = excluded.title',
      `INSERT OR REPLACE INTO items VALUES(${key}, ${this.value()}, ${this.below(9)}, ${this.value()})`,
      `UPDATE items SET amount = amount + 1, data = ${this.value()} WHERE id = ${key}`,
      `UPDATE items SET title = ${this.value()} WHERE id = ${key}`,
      `UPDATE OR IGNORE items SET id = ${this.sharedKey()} WHERE id = ${key}`,
      `DELETE FROM items WHERE id = ${key}`,
    );
  }

  private editPlaces(): string {
    const key = `${this.below(3)}, 'p${this.below(3)}'`;
    return this.pick(
      `INSERT OR IGNORE INTO places VALUES(${key}, ${this.below(99)}.25)`,
      `UPDATE places SET c = c + 0.5 WHERE (a, b) = (${key})`,
      `DELETE FROM places WHERE (a, b) = (${key})`,
    );
  }

  private editTags(): string {
    const key = `${this.sharedKey()}, 't${this.below(3)}'`;
    return this.pick(
      `INSERT OR IGNORE INTO tags VALUES(${key})`,
      `INSERT OR IGNORE INTO tags VALUES(${key})`,
      `DELETE FROM tags WHERE (item, tag) = (${key})`,
    );
  }

  private editDrafts(): string {
    const key = this.sharedKey();
    return this.pick(
      `INSERT OR IGNORE INTO drafts VALUES(${key}, ${this.value()}, ${this.value()})`,
      `UPDATE drafts SET ${this.pick('a', 'b')} = ${this.value()} WHERE id = ${key}`,
      `DELETE FROM drafts WHERE id = ${key}`,
    );
  }

  private editTickets(): string {
    const anyTicket = `(SELECT id FROM tickets ORDER BY id LIMIT 1 OFFSET ${this.below(6)})`;
    return this.pick(
      `INSERT INTO tickets VALUES(${this.ownKey()}, ${this.value()})`,
      `UPDATE tickets SET state = ${this.value()} WHERE id = ${anyTicket}`,
      `DELETE FROM tickets WHERE id = ${anyTicket}`,
    );
  }

  private editJournal(): string {
    return `INSERT INTO journal VALUES(${this.ownKey()}, ${this.value()})`;
  }
}
