# SPDX-License-Identifier: MIT
"""kill -9 of servers under load, each in turn: nothing is missing, nothing is twice, no prepared transaction is left.

AVLD_KILLS is their number (default 5). A process of the server is killed, by a program that the server runs: the postmaster then
ends all others and recovers from its WAL, as after a power failure."""
import contextlib
import csv
import os
import signal
import subprocess

import psycopg2

from conftest import AVLD, wait_for
from test_daemon import fixture_start  # noqa: F401

KILLS = int(os.environ.get("AVLD_KILLS", "5"))
TIME = "to_char(p.fixed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"


def crash(server):
    """Returns once the server is back."""
    with contextlib.closing(server.connect()) as session:
        cursor = session.cursor()
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        with contextlib.suppress(psycopg2.Error):
            cursor.execute(f"COPY (SELECT) TO PROGRAM 'kill -9 {cursor.fetchone()[0]}'")

    def is_back():
        try:
            server.run("SELECT 1")
            return True
        except psycopg2.OperationalError:
            return False
    wait_for(is_back, "the server to recover")


def read_track(path):
    with open(path, newline="", encoding="ascii") as lines:
        return {(row[0], row[2][:19]) for row in csv.reader(lines)}


def test_kills_of_servers(start, tmp_path):
    database, servers, track = start.database, start.engine.servers, tmp_path / "track"
    daemon = start("avld")
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{daemon.port}", "--protocol", "gt06", "--devices", "20", "--rate",
                                 "1000", "--track", str(track)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for turn in range(KILLS):
        before = daemon.number("positions_total")
        wait_for(lambda before=before: daemon.number("positions_total") > before + 300, "rows between two kills")
        crash(servers[turn % len(servers)])
    trackers.send_signal(signal.SIGINT)
    out, err = trackers.communicate(timeout=60)
    assert trackers.returncode == 0 and " 0 missing" in out, out + err
    driven = read_track(track)
    wait_for(lambda: daemon.number("journal_waiting_bytes") == 0, "all to be stored")
    stored = database.rows(f"SELECT d.ident, {TIME} FROM avld.positions p JOIN avld.devices d ON d.id = device_id")
    assert len(stored) == len(set(stored)), "twice"
    assert set(stored) == driven, (len(driven - set(stored)), "missing", len(set(stored) - driven), "invented")
    print(f"{KILLS} kills, {len(stored)} positions, {daemon.logged().count('database unreachable')} outages seen")
    daemon.end()
    if start.engine.name == "citus":
        servers[0].run("SELECT recover_prepared_transactions()", database.name)  # Citus does so once a minute
    assert [count_prepared(server, database.name) for server in servers] == [0] * len(servers)


def count_prepared(server, database):
    with contextlib.closing(server.connect()) as session:
        cursor = session.cursor()
        cursor.execute("SELECT count(*) FROM pg_prepared_xacts WHERE database = %s", (database,))
        return cursor.fetchone()[0]
