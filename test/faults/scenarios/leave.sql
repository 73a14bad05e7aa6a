-- Tables leave: cleanup of one, tracking it again, then a logout that wipes what was synchronised.
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

CREATE TABLE visit(person TEXT, place TEXT, PRIMARY KEY(person, place));
SELECT cloudsync_init('visit');
INSERT INTO visit VALUES ('ann', 'rome');

@body
UPDATE todos SET done = 8 WHERE id = 'key-007';

SELECT cloudsync_cleanup('visit');

SELECT cloudsync_init('visit');

DELETE FROM todos WHERE id = 'key-009';

SELECT cloudsync_network_logout(1);

-- The new site id is random, and SQLite draws random bytes of its own when it does a step again.
UPDATE cloudsync_sites SET site = x'00112233445566778899aabbccddeeff';

INSERT INTO todos(id, title) VALUES ('fresh', 'after the logout');

SELECT cloudsync_payload_encode();

SELECT cloudsync_cleanup('todos');

SELECT cloudsync_cleanup('visit');
