-- Local writes of all kinds, and their fold.
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, code INTEGER UNIQUE);
SELECT cloudsync_init('todos');

@body
INSERT INTO todos VALUES ('a', 'one', 0, 1), ('b', 'two', 0, 2), ('c', 'three', 1, 3);

SELECT cloudsync_db_version();

UPDATE todos SET title = title || '!', done = 1 WHERE id <> 'b';

INSERT INTO todos VALUES ('b', 'again', 1, 7) ON CONFLICT(id) DO UPDATE SET title = excluded.title;

INSERT OR REPLACE INTO todos VALUES ('d', 'takes the code of a', 0, 1);

DELETE FROM todos WHERE id = 'c';

SELECT cloudsync_db_version();

INSERT INTO todos(id, title) VALUES ('c', 'back');

UPDATE todos SET id = 'e' WHERE id = 'd';

SELECT cloudsync_payload_encode();
