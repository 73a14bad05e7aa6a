-- Row filters: set, crossed in both directions by edits and merges, changed, cleared.
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
UPDATE todos SET done = 1 - done WHERE id < 'key-012';

@other @keep edits
SELECT cloudsync_payload_encode();

@body
SELECT cloudsync_set_filter('todos', 'done = 1');

SELECT cloudsync_payload_apply(kept('edits'));

UPDATE todos SET done = 1 - done WHERE id > 'key-020';

SELECT cloudsync_payload_encode();

SELECT cloudsync_set_filter('todos', 'length(title) > 7');

SELECT cloudsync_set_column('todos', 'note', 'send', 'off');

UPDATE todos SET note = x'ff' WHERE id = 'key-002';

SELECT cloudsync_clear_filter('todos');

SELECT cloudsync_set_column('todos', 'note', 'send', 'on');

SELECT cloudsync_payload_encode();
