-- Functions within a transaction of the application, savepoints, and what is rolled back.
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
UPDATE todos SET title = 'of the other' WHERE id > 'key-020';
DELETE FROM todos WHERE id < 'key-004';

@other @keep changes
SELECT cloudsync_payload_encode();

@body
BEGIN;
INSERT INTO todos(id, title) VALUES ('x', 'mine');
SAVEPOINT inner;
SELECT cloudsync_payload_apply(kept('changes'));
UPDATE todos SET done = 9;
ROLLBACK TO inner;
RELEASE inner;
SELECT cloudsync_db_version();
COMMIT;

BEGIN;
UPDATE todos SET done = 5 WHERE id = 'key-010';
SELECT cloudsync_payload_apply(kept('changes'));
DELETE FROM todos WHERE id = 'key-011';
COMMIT;

SELECT cloudsync_db_version();
