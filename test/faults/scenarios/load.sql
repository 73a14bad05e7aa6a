-- Loading the extension: into an empty file, and into one with tracked tables; local writes before and after.
CREATE TABLE todos(id TEXT PRIMARY KEY NOT NULL, title TEXT, done INTEGER DEFAULT 0, note BLOB);

@body @open

SELECT cloudsync_init('todos');

@open

INSERT INTO todos(id, title) VALUES ('a', 'first');

@open
SELECT cloudsync_db_version();

@open
SELECT cloudsync_version(), cloudsync_siteid(), cloudsync_status();
