-- Deletions against edits, with the other algorithms.
@other
CREATE TABLE dws(id TEXT PRIMARY KEY NOT NULL, a, b);
CREATE TABLE aws(id TEXT PRIMARY KEY NOT NULL, a, b);
CREATE TABLE gos(id TEXT PRIMARY KEY NOT NULL, a, b);
SELECT cloudsync_init('dws', 'dws'), cloudsync_init('aws', 'aws'), cloudsync_init('gos', 'gos');
INSERT INTO dws VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
INSERT INTO aws SELECT * FROM dws;
INSERT INTO gos SELECT * FROM dws;

@other @keep start
SELECT cloudsync_payload_encode();

CREATE TABLE dws(id TEXT PRIMARY KEY NOT NULL, a, b);
CREATE TABLE aws(id TEXT PRIMARY KEY NOT NULL, a, b);
CREATE TABLE gos(id TEXT PRIMARY KEY NOT NULL, a, b);
SELECT cloudsync_init('dws', 'dws'), cloudsync_init('aws', 'aws'), cloudsync_init('gos', 'gos');
SELECT cloudsync_payload_apply(kept('start'));

@other
DELETE FROM dws WHERE id < 3;
DELETE FROM aws WHERE id < 3;
INSERT INTO gos VALUES (4, 4, 4);

@other @keep deletions
SELECT cloudsync_payload_encode();

UPDATE dws SET a = 'edit' WHERE id = 1;
UPDATE aws SET a = 'edit' WHERE id = 1;

@body
SELECT cloudsync_payload_apply(kept('deletions'));

INSERT INTO aws VALUES (2, 'revived', NULL);

DELETE FROM dws WHERE id = 3;

SELECT cloudsync_payload_encode();
