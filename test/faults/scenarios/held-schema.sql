-- Rows of tables and columns that are not here yet: held until the schema has them.
@other
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, extra TEXT);
CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL, value);
SELECT cloudsync_init('todos'), cloudsync_init('other');
INSERT INTO todos VALUES ('a', 'one', 'more'), ('b', 'two', 'more');
INSERT INTO other VALUES ('x', 1), ('y', 2);

@other @keep rows
SELECT cloudsync_payload_encode();

CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT);
SELECT cloudsync_init('todos');

@body
SELECT cloudsync_payload_apply(kept('rows'));

ALTER TABLE todos ADD COLUMN extra TEXT;

SELECT cloudsync_db_version();

CREATE TABLE other(id TEXT PRIMARY KEY NOT NULL, value);

SELECT cloudsync_init('other');

SELECT cloudsync_payload_encode();
