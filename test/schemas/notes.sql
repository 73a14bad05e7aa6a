-- notes.sql: a notes application: nested notebooks, tags, attachments, full-text search.

CREATE TABLE notebooks(
  id TEXT PRIMARY KEY NOT NULL,
  parent_id TEXT REFERENCES notebooks(id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK(length(trim(name)) > 0),
  position INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX notebooks_by_name ON notebooks(ifnull(parent_id, ''), name COLLATE NOCASE);

CREATE TABLE notes(
  id TEXT PRIMARY KEY NOT NULL,
  notebook_id TEXT REFERENCES notebooks(id) ON DELETE SET NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT '',
  is_pinned INTEGER NOT NULL DEFAULT 0 CHECK(is_pinned IN (0, 1)),
  is_trashed INTEGER NOT NULL DEFAULT 0 CHECK(is_trashed IN (0, 1)),
  words INTEGER GENERATED ALWAYS AS (length(body) - length(replace(body, ' ', '')) + 1) STORED,
  created_at TEXT NOT NULL,
  updated_at TEXT,
  CHECK(NOT (is_pinned AND is_trashed))
);
CREATE INDEX notes_by_notebook ON notes(notebook_id, is_trashed);

CREATE TABLE tags(
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  color TEXT
);

CREATE TABLE note_tags(
  note_id TEXT NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  tag_id TEXT NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
  PRIMARY KEY(note_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX note_tags_by_tag ON note_tags(tag_id);

CREATE TABLE attachments(
  id TEXT PRIMARY KEY NOT NULL,
  note_id TEXT NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  content BLOB NOT NULL,
  size INTEGER GENERATED ALWAYS AS (length(content)) VIRTUAL,
  UNIQUE(note_id, name)
);

CREATE VIEW tagged_notes AS
  SELECT n.id, n.title, group_concat(t.name, ', ') AS tags
  FROM notes AS n JOIN note_tags AS nt ON nt.note_id = n.id JOIN tags AS t ON t.id = nt.tag_id
  WHERE NOT n.is_trashed GROUP BY n.id;

-- The index must see every write, also those of a merge: these triggers take no guard.
CREATE VIRTUAL TABLE notes_fts USING fts5(title, body, content = 'notes', content_rowid = 'rowid');
CREATE TRIGGER notes_fts_insert AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts(rowid, title, body) VALUES(NEW.rowid, NEW.title, NEW.body);
END;
CREATE TRIGGER notes_fts_delete AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts(notes_fts, rowid, title, body) VALUES('delete', OLD.rowid, OLD.title, OLD.body);
END;
CREATE TRIGGER notes_fts_update AFTER UPDATE OF id, title, body ON notes BEGIN
  INSERT INTO notes_fts(notes_fts, rowid, title, body) VALUES('delete', OLD.rowid, OLD.title, OLD.body);
  INSERT INTO notes_fts(rowid, title, body) VALUES(NEW.rowid, NEW.title, NEW.body);
END;

-- Without a guard on purpose: a merge undoes what this trigger does to a merged note.
CREATE TRIGGER notes_touch AFTER UPDATE OF title, body, notebook_id ON notes
WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE notes SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ') || ' ' || hex(randomblob(4)) WHERE id = NEW.id;
END;
