-- Packets with deletions, of rows that are here, that were never here, and that are edited here.
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
DELETE FROM todos WHERE id < 'key-010';
INSERT INTO todos(id) VALUES ('short');
DELETE FROM todos WHERE id = 'short';
INSERT INTO todos(id, title) VALUES ('key-001', 'once more');

@other @keep deletions
SELECT cloudsync_payload_encode();

UPDATE todos SET done = 7 WHERE id = 'key-004';

@body
SELECT cloudsync_payload_apply(kept('deletions'));

INSERT INTO todos(id, title) VALUES ('key-005', 'back again');

SELECT cloudsync_payload_encode();
