-- Foreign keys: rows that wait for their parent, deletions that cascade or are blocked.
@other
CREATE TABLE list(id TEXT PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE item(id TEXT PRIMARY KEY NOT NULL, list_id TEXT REFERENCES list(id) ON DELETE CASCADE, text TEXT);
CREATE TABLE tag(id TEXT PRIMARY KEY NOT NULL, item_id TEXT REFERENCES item(id) ON DELETE RESTRICT);
SELECT cloudsync_init('list'), cloudsync_init('item'), cloudsync_init('tag');
INSERT INTO list VALUES ('l1', 'one'), ('l2', 'two'), ('l3', 'three');
INSERT INTO item VALUES ('i1', 'l1', 'x'), ('i2', 'l2', 'y'), ('i3', 'l2', 'z');

@other @keep start
SELECT cloudsync_payload_encode();

CREATE TABLE list(id TEXT PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE item(id TEXT PRIMARY KEY NOT NULL, list_id TEXT REFERENCES list(id) ON DELETE CASCADE, text TEXT);
CREATE TABLE tag(id TEXT PRIMARY KEY NOT NULL, item_id TEXT REFERENCES item(id) ON DELETE RESTRICT);
SELECT cloudsync_init('list'), cloudsync_init('item'), cloudsync_init('tag');
SELECT cloudsync_payload_apply(kept('start'));

@other
DELETE FROM list WHERE id = 'l1';
DELETE FROM item WHERE id = 'i3';
DELETE FROM list WHERE id = 'l3';

@other @keep deletions
SELECT cloudsync_payload_encode();

@other
INSERT INTO list VALUES ('l4', 'four');

@other
INSERT INTO item VALUES ('i4', 'l4', 'w');

@other @keep later
SELECT cloudsync_payload_encode();

INSERT INTO item VALUES ('i5', 'l3', 'late'), ('i6', 'l1', 'late too');
INSERT INTO tag VALUES ('t1', 'i3');

@body
SELECT cloudsync_payload_apply(kept('deletions'));

SELECT cloudsync_payload_apply(kept('later'));

DELETE FROM tag;

DELETE FROM list WHERE id = 'l4';

SELECT cloudsync_payload_encode();
