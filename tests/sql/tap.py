# SPDX-License-Identifier: MIT
"""Shared by the .t files: TAP on stdout, sessions, runs of avld migrate, and waiting for a state of the server."""
import os
import subprocess
import sys
import time

import psycopg2

AVLD = os.environ.get("AVLD", "build/avld")
PATIENCE_S = 30
OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "old")
OLD_STEPS = sorted(name[:-4] for name in os.listdir(OLD) if name.endswith(".sql"))  # the migrations of avld 0.1.0
count = 0
failed = 0


def ok(good, name, *seen):
    global count, failed
    count += 1
    print("ok" if good else "not ok", count, "-", name, flush=True)
    if not good:
        failed += 1
        print("# not ok:", name, file=sys.stderr)
        for what in seen:
            print("#  ", repr(what), file=sys.stderr, flush=True)


def equal(got, wanted, name):
    ok(got == wanted, name, got, wanted)


def done():
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


def connect(database, autocommit=True):
    session = psycopg2.connect(dbname=database)
    session.autocommit = autocommit
    return session


def query(session, sql, *args):
    """Returns the first column of the first row, or None."""
    cursor = session.cursor()
    cursor.execute(sql, args or None)
    row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def wait_until(session, sql, *args):
    """Waits until the query returns true."""
    end = time.monotonic() + PATIENCE_S
    while not query(session, sql, *args):
        if time.monotonic() > end:
            raise TimeoutError(sql)
        time.sleep(0.01)


def wait_for_lock(session, database, waiting=1):
    """Waits until so many sessions of the database wait for a lock."""
    wait_until(session, "SELECT count(*) = %s FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
               waiting, database)


def start(database, *args, options=""):
    """Starts avld migrate in the background."""
    conninfo = f"dbname={database} options='{options}'"
    return subprocess.Popen([AVLD, "migrate", "-o", f"database.conninfo={conninfo}", *args],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """Waits for a started process; returns its exit code, stdout, stderr."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def migrate(database, *args, options=""):
    return finish(start(database, *args, options=options))


def migrate_old(database, version):
    """Runs the migrations of avld 0.1.0 up to that version, as it did: each in a transaction with its row."""
    sql = ""
    for step in OLD_STEPS[:version]:
        with open(os.path.join(OLD, step + ".sql"), encoding="ascii") as file:
            sql += (f"BEGIN; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL TimeZone = 'UTC';\n{file.read()}"
                    f"INSERT INTO avld.schema_version (version, name) VALUES ({int(step[:3])}, '{step}'); COMMIT;\n")
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", database], input=sql, check=True, text=True)


class Databases:
    """Creates databases named after this process, and drops them at the end."""

    def __init__(self):
        self.admin = connect("template1")
        self.made = []

    def __enter__(self):
        return self

    def make(self, suffix, owner=None):
        name = f"avld_test_{os.getpid()}_{suffix}"
        query(self.admin, f'CREATE DATABASE "{name}" TEMPLATE template0' + (f' OWNER "{owner}"' if owner else ""))
        self.made.append(name)
        return name

    def __exit__(self, *_):
        for name in self.made:
            query(self.admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
