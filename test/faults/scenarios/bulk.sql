-- A transaction of many rows, whose log is folded in several rounds, and its packets.
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
SELECT cloudsync_init('todos');

@body
BEGIN;
INSERT INTO todos WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
SELECT printf('key-%04d', i), 'a title of some length, number ' || i, i % 3, zeroblob(i % 50) FROM n;
UPDATE todos SET done = done + 1 WHERE id LIKE '%7';
DELETE FROM todos WHERE id LIKE '%9';
COMMIT;

SELECT cloudsync_db_version();

SELECT length(cloudsync_payload_encode());

UPDATE todos SET title = hex(zeroblob(30)) WHERE id LIKE '%1';

SELECT cloudsync_payload_page(0, 0, 4096, NULL);
