-- Rows with the same unique values: held, resolved, and back when the value is free.
@other
CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, name TEXT NOT NULL CHECK (length(name) < 20));
SELECT cloudsync_init('users');
INSERT INTO users VALUES ('a', 'one@x', 'Ann'), ('b', 'two@x', 'Ben'), ('c', 'three@x', 'Cid');

@other @keep users
SELECT cloudsync_payload_encode();

CREATE TABLE users(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, name TEXT NOT NULL CHECK (length(name) < 20));
SELECT cloudsync_init('users');
INSERT INTO users VALUES ('p', 'two@x', 'Pam'), ('q', 'three@x', 'Quinn'), ('r', 'four@x', 'Rob');

@body
SELECT cloudsync_payload_apply(kept('users'));

SELECT cloudsync_resolve((SELECT min(id) FROM cloudsync_held), 'email', 'five@x');

DELETE FROM users WHERE email = 'three@x';

SELECT cloudsync_db_version();

UPDATE users SET email = 'one@y' WHERE email = 'one@x';

SELECT cloudsync_payload_encode();
