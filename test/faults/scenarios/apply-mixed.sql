-- Both sides have written: all kinds of changes against each other, with a full-text index of the application.
@other
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
SELECT cloudsync_init('todos');
INSERT INTO todos WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
SELECT printf('key-%03d', i), 'title ' || i, i % 2, zeroblob(i * 3) FROM n;

@other @keep start
SELECT cloudsync_payload_encode();

CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
SELECT cloudsync_init('todos');
SELECT cloudsync_payload_apply(kept('start'));

CREATE VIRTUAL TABLE words USING fts5(title, content=todos, content_rowid=rowid);
CREATE TRIGGER words_insert AFTER INSERT ON todos BEGIN
INSERT INTO words(rowid, title) VALUES (new.rowid, new.title); END;
CREATE TRIGGER words_delete AFTER DELETE ON todos BEGIN
INSERT INTO words(words, rowid, title) VALUES ('delete', old.rowid, old.title); END;
CREATE TRIGGER words_update AFTER UPDATE ON todos BEGIN
INSERT INTO words(words, rowid, title) VALUES ('delete', old.rowid, old.title);
INSERT INTO words(rowid, title) VALUES (new.rowid, new.title); END;
INSERT INTO words(words) VALUES ('rebuild');

@other
UPDATE todos SET title = 'theirs' WHERE id BETWEEN 'key-005' AND 'key-015';
DELETE FROM todos WHERE id BETWEEN 'key-018' AND 'key-022';
INSERT INTO todos(id, title) VALUES ('shared', 'theirs'), ('only-theirs', 'x');

@other @keep mixed
SELECT cloudsync_payload_encode();

UPDATE todos SET title = 'ours', done = 4 WHERE id BETWEEN 'key-010' AND 'key-020';
DELETE FROM todos WHERE id BETWEEN 'key-004' AND 'key-006';
INSERT INTO todos(id, title) VALUES ('shared', 'ours');

@body
SELECT cloudsync_payload_apply(kept('mixed'));

SELECT count(*) FROM words('theirs');

UPDATE todos SET title = 'last word' WHERE id = 'shared';

SELECT cloudsync_payload_encode();
