#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Partitions while others read and write: who waits for whom, and for how long. Run by tests/sql/run."""
import os
import sys
import threading

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, migrate, ok, query, wait_for_lock  # noqa: E402

INSERT = ("INSERT INTO avld.positions"
          " (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
          " VALUES (1, %s, now(), 'device', true, 43.5, 7.25, false, 1)")
ENSURE = "SELECT avld.ensure_partitions(%s, %s)"


class Beside(threading.Thread):
    """A query in a session of its own; .result() is its value, or the SQLSTATE of its error."""

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
    equal(query(first, ENSURE, "2024-05-01", "2024-05-10"), 20, "one daemon makes ten days")
    other = Beside(second, ENSURE, "2024-05-01", "2024-05-11")
    wait_for_lock(databases.admin, name)
    first.commit()
    equal(other.result(), 2, "the other waits, then makes what is still missing")
    equal(query(first, "SELECT count(*) FROM avld.list_partitions()"), 22, "each day once")
    first.rollback()


def test_ingest_goes_on(_, name):
    writer, other = connect(name, autocommit=False), connect(name)
    query(writer, INSERT, "2024-05-01 10:00+00")
    equal(Beside(other, ENSURE, "2024-05-12", "2024-05-12").result(), 2, "made while another writes into an older day")
    query(writer, INSERT, "2024-05-12 10:00+00")
    equal(query(writer, "SELECT count(*) FROM avld.positions_20240512"), 1, "whose next row goes into the new one")
    writer.commit()

    query(writer, ENSURE, "2024-05-13", "2024-05-13")
    equal(Beside(other, INSERT, "2024-05-02 10:00+00").result(), None, "writing goes on while days are being made")
    writer.commit()


def test_row_in_flight(databases, name):
    """A row for a day that is being made: it waits, then is refused with 23514, and goes in when it comes again."""
    maker, writer = connect(name, autocommit=False), connect(name)
    query(writer, INSERT, "2024-06-01 10:00+00")
    equal(query(maker, ENSURE, "2024-06-01", "2024-06-01"), 2, "a day that DEFAULT has a row of")
    row = Beside(writer, INSERT, "2024-06-01 11:00+00")
    wait_for_lock(databases.admin, name)
    maker.commit()
    seen = row.result()
    ok(seen in (None, "23514"), "a row of that day waits for the commit", seen)
    if seen:
        equal(Beside(writer, INSERT, "2024-06-01 11:00+00").result(), None, "and goes in when it comes again")
    equal(query(writer, "SELECT count(*) FROM avld.positions_20240601"), 2, "both rows are in their day")
    equal(query(writer, "SELECT count(*) FROM avld.positions_default"), 0, "none in DEFAULT")


def test_reader_in_the_way(databases, name):
    reader, other = connect(name, autocommit=False), connect(name)
    query(reader, "SELECT count(*) FROM avld.positions")
    equal(Beside(other, ENSURE, "2024-07-01", "2024-07-01").result(), "55P03", "a reader of DEFAULT: gives up after 2 s")
    equal(Beside(other, "SELECT avld.drop_partitions('2024-05-02')").result(), "55P03", "drop_partitions alike")
    equal(Beside(other, "SELECT avld.drop_partitions('2024-05-01')").result(), 0, "with nothing to drop it waits for nobody")
    equal(Beside(other, ENSURE, "2024-05-01", "2024-05-02").result(), 0, "nor does ensure_partitions with nothing to make")
    reader.rollback()
    equal(query(other, ENSURE, "2024-07-01", "2024-07-01"), 2, "once it is gone: made")
    equal(query(other, "SELECT avld.drop_partitions('2024-05-02')"), 2, "dropped")
    equal(query(other, "SHOW lock_timeout"), "0", "the session's lock_timeout is as before")


def test_most(_, name):
    equal(query(connect(name), ENSURE, "2022-01-01", "2023-03-26"), 900, "450 days in one call fit the server's defaults")


with Databases() as all_databases:
    database = all_databases.make("locks")
    equal(migrate(database)[0], 0, "migrated")
    for test in [value for key, value in list(globals().items()) if key.startswith("test_")]:
        test(all_databases, database)
done()
