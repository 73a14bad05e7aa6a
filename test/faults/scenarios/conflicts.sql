-- The log of conflicts: what lost is kept, restored, bounded.
@other
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
SELECT cloudsync_init('todos');
SELECT cloudsync_set_table('todos', 'conflicts', 'keep');
INSERT INTO todos WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
SELECT printf('key-%03d', i), 'title ' || i, i % 2, zeroblob(i * 3) FROM n;

@other @keep start
SELECT cloudsync_payload_encode();

CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
SELECT cloudsync_init('todos');
SELECT cloudsync_set_table('todos', 'conflicts', 'keep');
SELECT cloudsync_payload_apply(kept('start'));

@other
UPDATE todos SET title = 'theirs' WHERE id < 'key-010';
DELETE FROM todos WHERE id = 'key-012';

@other @keep edits
SELECT cloudsync_payload_encode();

UPDATE todos SET title = 'ours' WHERE id BETWEEN 'key-005' AND 'key-015';

@body
SELECT cloudsync_payload_apply(kept('edits'));

SELECT cloudsync_restore((SELECT min(id) FROM cloudsync_conflicts WHERE col_name = 'title'));

SELECT cloudsync_set('conflicts.max_rows', 2);

UPDATE todos SET title = 'and on' WHERE id = 'key-008';

SELECT cloudsync_payload_encode();

SELECT cloudsync_set_table('todos', 'conflicts', 'off');
