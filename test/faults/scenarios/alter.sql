-- Changes of the schema: noticed, between begin and commit, and of a table that is made anew.
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
INSERT INTO todos WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
SELECT printf('key-%03d', i), 'title ' || i, i % 2, zeroblob(i * 3) FROM n;
SELECT cloudsync_init('todos');

@body
ALTER TABLE todos ADD COLUMN size REAL DEFAULT 1.5;

ALTER TABLE todos RENAME COLUMN note TO remark;

SELECT cloudsync_db_version();

UPDATE todos SET size = 2 WHERE id < 'key-008';

BEGIN;
SELECT cloudsync_begin_alter('todos');
ALTER TABLE todos DROP COLUMN done;
UPDATE todos SET remark = 'moved' WHERE id = 'key-002';
SELECT cloudsync_commit_alter('todos');
COMMIT;

SELECT cloudsync_begin_alter('todos');

ALTER TABLE todos RENAME TO tasks;

SELECT cloudsync_commit_alter('tasks');

DROP TABLE tasks;

CREATE TABLE tasks(id TEXT PRIMARY KEY NOT NULL, title TEXT);

INSERT INTO tasks VALUES ('new', 'row');

SELECT cloudsync_payload_encode();
