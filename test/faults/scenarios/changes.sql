-- The table cloudsync_changes: read, picked for packets, inserted into.
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
UPDATE todos SET title = 'theirs' WHERE id < 'key-005';
DELETE FROM todos WHERE id = 'key-020';

@other
SELECT cloudsync_db_version();

@other @keep picked
SELECT cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id, cl, seq)
FROM cloudsync_changes WHERE db_version > 30;

@body
SELECT count(*), sum(length(col_value)), max(db_version) FROM cloudsync_changes WHERE tbl = 'todos';

SELECT cloudsync_payload_apply(kept('picked'));

SELECT cloudsync_db_version();

INSERT INTO cloudsync_changes(tbl, pk, col_name, col_value, col_version, site_id, cl)
SELECT 'todos', pk, 'title', 'by a row', col_version + 1000, site_id, cl
FROM (SELECT * FROM cloudsync_changes WHERE col_name = 'title' ORDER BY db_version LIMIT 1);

INSERT INTO todos(id) VALUES ('z');

SELECT cloudsync_db_version();
