-- Tables begin to be tracked: empty, with rows, with every algorithm; and are paused.
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);
INSERT INTO todos WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
SELECT printf('key-%03d', i), 'title ' || i, i % 2, zeroblob(i * 3) FROM n;
CREATE TABLE visit(person TEXT, place TEXT, at REAL, PRIMARY KEY(person, place)) WITHOUT ROWID;
CREATE TABLE entry(id TEXT PRIMARY KEY NOT NULL, amount INTEGER) STRICT;

@body
SELECT cloudsync_init('todos');

SELECT cloudsync_init('visit', 'aws');

SELECT cloudsync_init('entry', 'gos');

INSERT INTO visit VALUES ('ann', 'rome', 1.5), ('ben', 'oslo', 2.5);

SELECT cloudsync_disable('todos');

UPDATE todos SET done = 3 WHERE id < 'key-005';

SELECT cloudsync_enable('todos');

SELECT cloudsync_is_enabled('todos'), cloudsync_db_version();

SELECT cloudsync_set_table('entry', 'send', 'off');

INSERT INTO entry VALUES ('e', 5);

SELECT cloudsync_set_table('entry', 'send', 'on');
