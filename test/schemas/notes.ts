/**
 * notes.ts: how people work with the notes application (notes.sql), and what its full-text index must look
 * like.
 */
import { type Connection, single } from '../support/database.js';
import { type Application, readSchemaFile } from './application.js';
import { type Operator, VOCABULARY, type Work } from './operator.js';

const SEARCHED = 5;

function insertNotebook(operator: Operator): void {
  const parent = operator.chance(0.6) ? operator.any('notebooks', 'id')?.['id'] : null;
  operator.run(
    'INSERT INTO notebooks(id, parent_id, name, position) VALUES(?, ?, ?, ?)',
    operator.newId('book'),
    parent ?? null,
    operator.words(1),
    operator.below(10),
  );
}

/** Into another notebook that does not lie within it, or to the top. */
function nestNotebook(operator: Operator): void {
  const notebook = operator.any('notebooks', 'id');
  if (notebook === undefined) return;
  const outside = `id NOT IN (WITH RECURSIVE inside(id) AS (SELECT ? UNION
    SELECT n.id FROM notebooks AS n JOIN inside ON n.parent_id = inside.id) SELECT id FROM inside)`;
  const parent = operator.chance(0.8) ? operator.any('notebooks', 'id', outside, notebook['id']) : undefined;
  operator.run('UPDATE notebooks SET parent_id = ? WHERE id = ?', parent?.['id'] ?? null, notebook['id']);
}

function insertNote(operator: Operator): void {
  const id = operator.newId('note');
  const notebook = operator.any('notebooks', 'id')?.['id'] ?? null;
  operator.run(
    'INSERT INTO notes(id, notebook_id, title, body, created_at) VALUES(?, ?, ?, ?, ?)',
    id,
    operator.chance(0.8) ? notebook : null,
    operator.words(2),
    operator.words(1 + operator.below(30)),
    new Date().toISOString(),
  );
  for (let count = operator.below(4); count > 0; count--) tagNote(operator, id);
}

/** With a tag of that name, made when there is none. */
function tagNote(operator: Operator, note = operator.any('notes', 'id')?.['id']): void {
  if (note === undefined) return;
  const name = operator.words(1);
  operator.run('INSERT OR IGNORE INTO tags VALUES(?, ?, NULL)', operator.newId('tag'), name);
  operator.run('INSERT OR IGNORE INTO note_tags SELECT ?, id FROM tags WHERE name = ?', note, name);
}

/** Everything that had one tag gets the other, and the first one goes. */
function mergeTags(operator: Operator): void {
  const [from, to] = [operator.any('tags', 'id')?.['id'], operator.any('tags', 'id')?.['id']];
  if (from === undefined || from === to) return;
  operator.run('UPDATE OR IGNORE note_tags SET tag_id = ? WHERE tag_id = ?', to, from);
  operator.run('DELETE FROM tags WHERE id = ?', from);
}

function renameTag(operator: Operator): void {
  const tag = operator.any('tags', 'id');
  const conflict = operator.chance(0.2) ? 'OR REPLACE ' : '';
  operator.run(`UPDATE ${conflict}tags SET name = ? WHERE id = ?`, operator.words(1), tag?.['id']);
}

function attach(operator: Operator): void {
  const note = operator.any('notes', 'id');
  if (note === undefined) return;
  const values = [operator.newId('file'), note['id'], `${operator.words(1)}.png`, operator.bytes(300)];
  operator.run(
    `INSERT INTO attachments(id, note_id, name, content) VALUES(?, ?, ?, ?)
     ON CONFLICT(note_id, name) DO UPDATE SET content = excluded.content`,
    ...values,
  );
}

/**
 * An update of one row of a table, chosen at random; `values` gives what the placeholders of `set` stand
 * for.
 */
function update(table: string, set: string, values: (operator: Operator) => unknown[]): Work['perform'] {
  return (operator) => {
    const row = operator.any(table, 'id');
    operator.run(`UPDATE ${table} SET ${set} WHERE id = ?`, ...values(operator), row?.['id']);
  };
}

function remove(table: string): Work['perform'] {
  return (operator) => {
    operator.run(`DELETE FROM ${table} WHERE id = ?`, operator.any(table, 'id')?.['id']);
  };
}

const WORKS: readonly Work[] = [
  { name: 'new notebook', weight: 6, perform: insertNotebook },
  { name: 'rename notebook', weight: 3, perform: update('notebooks', 'name = ?', (o) => [o.words(1)]) },
  { name: 'nest notebook', weight: 5, perform: nestNotebook },
  { name: 'delete notebook', weight: 2, perform: remove('notebooks') },
  { name: 'new note', weight: 12, perform: insertNote },
  { name: 'edit note', weight: 14, perform: update('notes', 'body = ?', (o) => [o.words(20)]) },
  {
    name: 'retitle and shorten note',
    weight: 6,
    perform: update('notes', 'title = ?, body = substr(body, 1, 40)', (o) => [o.words(3)]),
  },
  {
    name: 'move note',
    weight: 6,
    perform: update('notes', 'notebook_id = ?', (o) => [o.any('notebooks', 'id')?.['id'] ?? null]),
  },
  { name: 'pin note', weight: 4, perform: update('notes', 'is_pinned = 1 - is_pinned', () => []) },
  { name: 'trash note', weight: 4, perform: update('notes', 'is_trashed = 1 - is_trashed', () => []) },
  {
    name: 'empty trash',
    weight: 1,
    perform: (operator) => void operator.run('DELETE FROM notes WHERE is_trashed'),
  },
  { name: 'delete note', weight: 2, perform: remove('notes') },
  { name: 'tag note', weight: 8, perform: (operator) => tagNote(operator) },
  { name: 'rename tag', weight: 3, perform: renameTag },
  {
    name: 'rename held tag',
    weight: 4,
    needsOthers: true,
    perform: (operator) => operator.settle('tags', 'name', operator.words(2)),
  },
  { name: 'merge tags', weight: 1, perform: mergeTags },
  { name: 'delete tag', weight: 1, perform: remove('tags') },
  { name: 'attach', weight: 5, perform: attach },
  {
    name: 'move attachment',
    weight: 2,
    perform: update('attachments', 'note_id = ?', (o) => [o.any('notes', 'id')?.['id'] ?? null]),
  },
  { name: 'delete attachment', weight: 2, perform: remove('attachments') },
];

/** Asks the index itself, then finds words by it and by reading all notes. */
function check(db: Connection): void {
  db.exec("INSERT INTO notes_fts(notes_fts, rank) VALUES('integrity-check', 1)");
  const notes = db.prepare('SELECT id, title, body FROM notes ORDER BY id').all() as Array<{
    id: string;
    title: string;
    body: string;
  }>;
  const search = db
    .prepare(
      `SELECT n.id FROM notes_fts AS f JOIN notes AS n ON n.rowid = f.rowid
       WHERE notes_fts MATCH ? ORDER BY n.id`,
    )
    .pluck();
  for (const word of VOCABULARY.slice(0, SEARCHED)) {
    const read = notes
      .filter(({ title, body }) => `${title} ${body}`.split(' ').includes(word))
      .map(({ id }) => id);
    const found = search.all(word);
    if (found.join() !== read.join())
      throw new Error(`the index finds '${word}' in ${found}, it is in ${read}`);
  }
  const wrong = single(db, 'SELECT count(*) FROM attachments WHERE size <> length(content)');
  if (wrong !== 0n) throw new Error(`${wrong} attachments show a wrong size`);
}

export const NOTES: Application = {
  name: 'notes',
  schema: readSchemaFile('notes.sql'),
  tables: new Map([
    ['notebooks', 'cls'],
    ['notes', 'cls'],
    ['tags', 'cls'],
    ['note_tags', 'cls'],
    ['attachments', 'cls'],
  ]),
  begin: (operator) => {
    for (let i = 0; i < 8; i++) {
      operator.run('INSERT INTO notebooks VALUES(?, NULL, ?, ?)', operator.newId('book'), VOCABULARY[i], i);
    }
    for (let i = 0; i < 20; i++) insertNote(operator);
  },
  works: WORKS,
  check,
};
