-- Packets with edits of rows that are here.
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
UPDATE todos SET title = 'edited', note = x'0102' WHERE id < 'key-011';
UPDATE todos SET done = done + 1 WHERE id > 'key-008';

@other @keep edits
SELECT cloudsync_payload_encode();

@body
SELECT cloudsync_payload_apply(kept('edits'));

UPDATE todos SET title = 'answered' WHERE id = 'key-003';

SELECT cloudsync_payload_encode(10);
