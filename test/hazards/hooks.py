"""hooks.py: an application that has installed every hook SQLite offers, and works with cloudsync at the same
time.

Arguments: the extension and a database file with a tracked table t(id, a). Prints one JSON object with what
the hooks saw and what the functions of cloudsync returned. Written against SQLite's C interface, because
Python's own module offers only some of the hooks.
"""
import ctypes
import ctypes.util
import json
import sys

extension, file = sys.argv[1:]
sqlite = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
POINTER = ctypes.c_void_p
TEXT = ctypes.c_char_p
seen = {"commit": 0, "rollback": 0, "update": [], "wal": 0, "authorizer": 0, "progress": 0, "trace": 0}


def counter(name, result=0):
    def count(*_):
        seen[name] += 1
        return result

    return count


def on_update(_context, _operation, _database, table, _rowid):
    seen["update"].append(table.decode())


FUNCTION = ctypes.CFUNCTYPE
# Any address that is not NULL; no hook looks at it.
CONTEXT = POINTER(4096)
hooks = {
    "sqlite3_commit_hook": FUNCTION(ctypes.c_int, POINTER)(counter("commit")),
    "sqlite3_rollback_hook": FUNCTION(None, POINTER)(counter("rollback", None)),
    "sqlite3_update_hook": FUNCTION(
        None, POINTER, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int64
    )(on_update),
    "sqlite3_wal_hook": FUNCTION(ctypes.c_int, POINTER, POINTER, TEXT, ctypes.c_int)(counter("wal")),
    "sqlite3_set_authorizer": FUNCTION(
        ctypes.c_int, POINTER, ctypes.c_int, TEXT, TEXT, TEXT, TEXT
    )(counter("authorizer")),
}
on_progress = FUNCTION(ctypes.c_int, POINTER)(counter("progress"))
on_trace = FUNCTION(ctypes.c_int, ctypes.c_uint, POINTER, POINTER, POINTER)(counter("trace"))


def check(code):
    if code != 0:
        sqlite.sqlite3_errmsg.restype = ctypes.c_char_p
        raise SystemExit(f"SQLite error {code}: {sqlite.sqlite3_errmsg(database)}")


def run(sql):
    rows = []
    on_row = FUNCTION(ctypes.c_int, POINTER, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), POINTER)(
        lambda _context, count, values, _names: rows.append([values[i].decode() for i in range(count)]) or 0
    )
    check(sqlite.sqlite3_exec(database, sql.encode(), on_row, None, None))
    return rows


database = POINTER()
check(sqlite.sqlite3_open(file.encode(), ctypes.byref(database)))
check(sqlite.sqlite3_enable_load_extension(database, 1))
for name, hook in hooks.items():
    function = getattr(sqlite, name)
    function.restype = POINTER if name != "sqlite3_set_authorizer" else ctypes.c_int
    function(database, hook, CONTEXT)
sqlite.sqlite3_progress_handler(database, 10, on_progress, None)
sqlite.sqlite3_trace_v2(database, 1, on_trace, None)
check(sqlite.sqlite3_load_extension(database, extension.encode(), None, None))

run("PRAGMA journal_mode = WAL")
run("INSERT INTO t VALUES('hooked', 1); UPDATE t SET a = 2; BEGIN; DELETE FROM t; ROLLBACK")
before = dict(seen, update=list(seen["update"]))
[[payload]] = run("SELECT hex(cloudsync_payload_encode())")
[[rows]] = run(f"SELECT cloudsync_payload_apply(x'{payload}')")
run("INSERT INTO t VALUES('after', 3); BEGIN; INSERT INTO t VALUES('undone', 4); ROLLBACK")
[[payload]] = run("SELECT hex(cloudsync_payload_encode())")

# A call that takes a hook away returns the context that the hook was installed with.
returning = [name for name in hooks if name != "sqlite3_set_authorizer"]
changed = [name for name in returning if getattr(sqlite, name)(database, None, None) != CONTEXT.value]
report = {"before": before, "after": seen, "rows": int(rows), "payload": payload, "changed": changed}
print(json.dumps(report))
check(sqlite.sqlite3_close(database))
