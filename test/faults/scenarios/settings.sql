-- Settings of the network and of synchronisation, without a server: what is stored, started again, forgotten.
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

@body
SELECT cloudsync_network_init('http://127.0.0.1:1/database');

SELECT cloudsync_network_set_token('secret'), cloudsync_network_status();

SELECT cloudsync_network_has_unsent_changes();

UPDATE todos SET done = 2 WHERE id = 'key-001';

SELECT cloudsync_network_has_unsent_changes();

SELECT cloudsync_set('batch_bytes', 2048);

SELECT cloudsync_network_reset_sync_version();

SELECT cloudsync_network_cleanup();

SELECT cloudsync_status();
