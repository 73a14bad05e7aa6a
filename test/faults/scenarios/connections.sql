-- Two connections to one file, each with the extension: what one writes the other folds, and the schema too.
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

@other
UPDATE todos SET title = 'theirs' WHERE id < 'key-010';

@other @keep edits
SELECT cloudsync_payload_encode();

@body
UPDATE todos SET done = 6 WHERE id = 'key-001';

@second
SELECT cloudsync_db_version();

@second
INSERT INTO todos(id, title) VALUES ('second', 'written by the second');

SELECT cloudsync_payload_apply(kept('edits'));

@second
ALTER TABLE todos ADD COLUMN more TEXT;

UPDATE todos SET more = 'x' WHERE id = 'key-002';

@second
SELECT cloudsync_payload_apply(kept('edits'));

@second
SELECT cloudsync_payload_encode();
