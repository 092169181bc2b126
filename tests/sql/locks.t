#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Locks of partition functions and of avld migrate: who waits for whom, and for how long. Run by tests/sql/run."""
import os
import sys
import threading

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, finish, migrate, ok, query, start, wait_for_lock  # noqa: E402

INSERT = ("INSERT INTO avld.positions"
          " (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
          " VALUES (1, %s, now(), 'device', true, 43.5, 7.25, false, 1)")
ENSURE = "SELECT avld.ensure_partitions(%s, %s)"


class Concurrent(threading.Thread):
    """Runs a query in another session; .result() is its value, or the SQLSTATE of its error."""

    def __init__(self, session, sql, *args):
        super().__init__(daemon=True)
        self.work = (session, sql, *args)
        self.value = None
        self.start()

    def run(self):
        try:
            self.value = query(*self.work)
        except psycopg2.Error as error:
            self.value = error.pgcode

    def result(self):
        self.join(30)
        return "still waiting" if self.is_alive() else self.value


def test_two_daemons(databases, name):
    first, second = connect(name, autocommit=False), connect(name)
    equal(query(first, ENSURE, "2024-05-01", "2024-05-10"), 20, "one daemon creates ten days")
    other = Concurrent(second, ENSURE, "2024-05-01", "2024-05-11")
    wait_for_lock(databases.admin, name)
    first.commit()
    equal(other.result(), 2, "another one waits, then creates the missing days")
    equal(query(first, "SELECT count(*) FROM avld.list_partitions()"), 22, "each day exists once")
    first.rollback()


def test_writing_during_creation(_, name):
    writer, other = connect(name, autocommit=False), connect(name)
    query(writer, INSERT, "2024-05-01 10:00+00")
    equal(Concurrent(other, ENSURE, "2024-05-12", "2024-05-12").result(), 2, "a day is created while another session writes into an older day")
    query(writer, INSERT, "2024-05-12 10:00+00")
    equal(query(writer, "SELECT count(*) FROM avld.positions_20240512"), 1, "the next row of that session goes into the new partition")
    writer.commit()

    query(writer, ENSURE, "2024-05-13", "2024-05-13")
    equal(Concurrent(other, INSERT, "2024-05-02 10:00+00").result(), None, "a session writes while days are being created")
    writer.commit()


def test_row_in_flight(databases, name):
    """A row for a day that is being created waits, then fails with 23514, and is accepted when it is sent again."""
    maker, writer = connect(name, autocommit=False), connect(name)
    query(writer, INSERT, "2024-06-01 10:00+00")
    equal(query(maker, ENSURE, "2024-06-01", "2024-06-01"), 2, "a day with a row in DEFAULT is created")
    row = Concurrent(writer, INSERT, "2024-06-01 11:00+00")
    wait_for_lock(databases.admin, name)
    maker.commit()
    seen = row.result()
    ok(seen in (None, "23514"), "a row of that day waits for the commit", seen)
    if seen:
        equal(Concurrent(writer, INSERT, "2024-06-01 11:00+00").result(), None, "and is accepted when it is sent again")
    equal(query(writer, "SELECT count(*) FROM avld.positions_20240601"), 2, "both rows are in the partition of their day")
    equal(query(writer, "SELECT count(*) FROM avld.positions_default"), 0, "DEFAULT has no rows")


def test_reader_blocks(databases, name):
    reader, other = connect(name, autocommit=False), connect(name)
    query(reader, "SELECT count(*) FROM avld.positions")
    equal(Concurrent(other, ENSURE, "2024-07-01", "2024-07-01").result(), "55P03", "with a reader of DEFAULT, ensure_partitions fails after 2 s")
    equal(Concurrent(other, "SELECT avld.drop_partitions('2024-05-02')").result(), "55P03", "drop_partitions, too")
    equal(Concurrent(other, "SELECT avld.drop_partitions('2024-05-01')").result(), 0, "with nothing to drop it does not wait")
    equal(Concurrent(other, ENSURE, "2024-05-01", "2024-05-02").result(), 0, "with nothing to create ensure_partitions does not wait")
    reader.rollback()
    equal(query(other, ENSURE, "2024-07-01", "2024-07-01"), 2, "after the reader has ended, a day is created")
    equal(query(other, "SELECT avld.drop_partitions('2024-05-02')"), 2, "and a day is dropped")
    equal(query(other, "SHOW lock_timeout"), "0", "lock_timeout of the session is unchanged")


def test_largest_call(_, name):
    equal(query(connect(name), ENSURE, "2022-01-01", "2023-03-26"), 900, "450 days in one call work with the default settings of the server")


OPEN = """SELECT count(*) FROM avld.positions; SELECT count(*) FROM avld.device_state; SELECT avld.diagnose();
    INSERT INTO avld.devices (ident) VALUES (%s); INSERT INTO avld.rejects VALUES (now(), NULL, 'tcp', NULL, NULL, 'x', 'x')"""
OF_ANOTHER = "UPDATE avld.schema_version SET name = 'functions of another avld' WHERE version = 0"


def test_migrate_with_nothing_to_do(_, name):
    other = connect(name, autocommit=False)
    query(other, "SELECT count(*) FROM avld.latest_positions")
    query(other, OPEN, "5020001")
    query(other, INSERT, "2024-05-05 10:00+00")
    query(other, "LOCK TABLE avld.positions, avld.devices, avld.device_state IN EXCLUSIVE MODE")
    code, out, err = migrate(name)
    ok(code == 0 and out.startswith("schema is up to date") and err == "", "with nothing to do, migrate waits for no lock", code, out, err)
    other.rollback()


def test_migrate_functions(databases, name):
    """The functions change while the daemon and readers have open transactions on all tables."""
    other, writer, stopper = connect(name, autocommit=False), connect(name, autocommit=False), connect(name)
    query(stopper, OF_ANOTHER)
    query(other, OPEN, "5020002")
    query(other, INSERT, "2024-05-05 11:00+00")
    code, out, err = migrate(name)
    ok(code == 0 and out.startswith("functions and views updated") and err == "", "functions are replaced beside open transactions",
       code, out, err)
    other.commit()

    query(stopper, OF_ANOTHER)
    query(stopper, "CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS"
                   " 'BEGIN PERFORM pg_advisory_xact_lock(42); END'; CREATE EVENT TRIGGER stop ON ddl_command_end"
                   " WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION public.stop(); SELECT pg_advisory_lock(42)")
    run = start(name)
    wait_for_lock(databases.admin, name)
    equal(Concurrent(writer, INSERT, "2024-05-05 12:00+00").result(), None, "reports are stored while functions are being replaced")
    equal(Concurrent(writer, OPEN, "5020003").result(), None, "tables are read and written, functions called")
    equal(Concurrent(writer, ENSURE, "2024-05-20", "2024-05-20").result(), 2, "days are created")
    writer.commit()
    query(stopper, "DROP EVENT TRIGGER stop; DROP FUNCTION public.stop(); SELECT pg_advisory_unlock(42)")
    code, out, err = finish(run)
    ok(code == 0 and out.startswith("functions and views updated"), "then the migration succeeds", code, out, err)


with Databases() as all_databases:
    database = all_databases.make("locks")
    equal(migrate(database)[0], 0, "migrated")
    for test in [value for key, value in list(globals().items()) if key.startswith("test_")]:
        test(all_databases, database)
done()
