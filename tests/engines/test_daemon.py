# SPDX-License-Identifier: MIT
"""The daemon on Citus and TimescaleDB: every record once, whatever is repeated, refused or cut off; counters are true; retention."""
import contextlib
import datetime
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

from conftest import AVLD, DAEMON, PATIENCE_S, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import pt502  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def records(first, count, device=1, **kwargs):
    """Records of different seconds, the newest some minutes ago."""
    return b"".join(pt502.record(ident=str(5020000 + device), time=NOW - datetime.timedelta(seconds=300 + n), **kwargs)
                    for n in range(first, first + count))


class Daemon:
    """One avld serve, as the role of the daemon."""

    def __init__(self, database, folder, instance, **options):
        self.folder = folder / instance
        self.folder.mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.http = f"127.0.0.1:{free.getsockname()[1]}"
        settings = {"server.listen": "127.0.0.1:0", "http.listen": self.http, "database.instance": instance,
                    "database.conninfo": f"{database.server.conninfo} dbname={database.name} user={DAEMON}",
                    "database.batch_interval": "20ms", "journal.dir": str(self.folder / "journal"), "log.level": "debug"}
        settings.update({key.replace("__", "."): value for key, value in options.items()})
        arguments = [AVLD, "serve", "-c", "/dev/null"]
        for key, value in settings.items():
            arguments += ["-o", f"{key}={value}"]
        self.log_path = self.folder / "log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), self.logged()
        self.port = int(line.strip().rsplit(":", 1)[1])

    def logged(self):
        return self.log_path.read_text(errors="replace")

    def send(self, *pieces):
        """Each over a connection of its own, which is closed in order."""
        for piece in pieces:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as peer:
                peer.sendall(piece)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(4096):
                    pass

    def number(self, name):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=PATIENCE_S) as page:
            return int(re.search(rf"^avld_{name} (\d+)$", page.read().decode(), re.M)[1])

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE_S) is not None
        self.process.stdout.close()


@pytest.fixture(name="start")
def fixture_start(engine, tmp_path):
    """A function that starts a daemon on a database of this test, which is its attribute."""
    database = engine.ready()
    engine.enable(database)
    daemons = []

    def start(instance, **options):
        daemons.append(Daemon(database, tmp_path, instance, **options))
        return daemons[-1]

    start.database, start.engine = database, engine
    yield start
    for daemon in daemons:
        if daemon.process.poll() is None:
            daemon.end(signal.SIGKILL)


def positions(database):
    return database.value("SELECT count(*) FROM avld.positions")


def test_repeats(start):
    """What another instance has stored already is left out, and counted; connections end, and others are stored after that."""
    database = start.database
    first = start("first")
    first.send(*[records(0, 100, device) for device in range(1, 6)])
    wait_for(lambda: positions(database) == 500, "500 rows")
    assert f" database ready instance=first engine={start.engine.name} " in first.logged()
    first.send(records(0, 60), records(100, 50))
    wait_for(lambda: positions(database) == 550, "550 rows")
    wait_for(lambda: first.number("duplicates_total") == 60, "repeats that the daemon remembers")
    wait_for(lambda: database.rows("SELECT connected, count(*) FROM avld.device_state GROUP BY 1") == [(False, 5)], "all disconnected")
    first.end()

    second = start("second")
    second.send(b"".join(records(50, 100, device) for device in (1,)), *[records(50, 100, device) for device in range(2, 6)])
    wait_for(lambda: second.number("positions_total") + second.number("duplicates_total") == 500, "all are stored or left out")
    assert second.number("duplicates_total") == 300
    assert positions(database) == 750
    assert database.value("SELECT count(DISTINCT (device_id, fixed_at, dedup)) FROM avld.positions") == 750
    assert "cannot write" not in second.logged()
    second.end()


def test_alarms_are_notified(start):
    """Each once, although a repeat is sent by another instance."""
    database = start.database
    with contextlib.closing(database.connect()) as session:
        session.cursor().execute("LISTEN avld_alarms")

        def heard(count):
            session.poll()
            return len(session.notifies) >= count

        for instance, first in (("first", 0), ("second", 3)):
            daemon = start(instance, database__notify_alarms="yes")
            daemon.send(records(first, 5, event="IN1"))
            wait_for(lambda n=first + 5: heard(n), "notifications")
            daemon.end()
        assert database.value("SELECT count(*) FROM avld.alarms") == 8 == len(session.notifies)


def test_commands(start):
    """NOTIFY wakes the daemon, which sends a command with the next frame; its state is kept."""
    database = start.database
    daemon = start("avld", commands__allow="positionSingle")
    daemon.send(records(0, 5))
    wait_for(lambda: positions(database) == 5, "5 rows")
    with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE_S) as peer:
        peer.sendall(records(10, 1))
        wait_for(lambda: positions(database) == 6, "6 rows")
        number = database.value("SELECT avld.send_command('5020001', 'positionSingle')")
        peer.settimeout(PATIENCE_S)
        assert peer.recv(4096), "a command arrives"
        wait_for(lambda: database.value("SELECT state FROM avld.commands WHERE id = %s", number) in ("sent", "confirmed"), "it is sent")
    daemon.end()


def test_days_without_a_partition(start):
    """A record of a day that has none: the daemon makes it, and the row moves there."""
    database = start.database
    daemon = start("avld")
    day = NOW - datetime.timedelta(days=9)
    daemon.send(pt502.record(time=day), records(0, 1))
    wait_for(lambda: database.value("SELECT count(*) FROM avld.list_partitions() WHERE parent = 'avld.positions'::regclass"
                                    " AND %s >= starts_at AND %s < ends_at", day, day) == 1, "a partition of that day")
    wait_for(lambda: positions(database) == 2, "2 rows")
    if start.engine.name == "citus":
        wait_for(lambda: database.value("SELECT count(*) FROM avld.positions_default") == 0, "DEFAULT is empty")
    daemon.end()
    assert "cannot make partitions" not in daemon.logged(), daemon.logged()


def test_a_row_that_is_refused(start):
    """It becomes a reject, and the others are stored."""
    database = start.database
    database.rows("ALTER TABLE avld.positions ADD CONSTRAINT not_there CHECK (latitude < 60)")
    daemon = start("avld")
    daemon.send(records(0, 20) + records(20, 1, lat="6507.0380,N") + records(21, 20))
    wait_for(lambda: positions(database) == 40, "40 rows")
    wait_for(lambda: database.value("SELECT count(*) FROM avld.rejects") == 1, "one reject")
    assert "not_there" in database.value("SELECT reason FROM avld.rejects")
    daemon.end()


def end_sessions(servers, database, until):
    """Ends the sessions of that database on these servers, again and again."""
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(contextlib.closing(server.connect())) for server in servers]
        while not until.wait(0.01):
            for session in sessions:
                session.cursor().execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                                         " AND backend_type = 'client backend'", (database.name,))


def test_nodes_that_are_cut_off(start):
    """While sessions are ended again and again, each record is stored once, and the faults count as unreachable. Of Citus, first those
    of the workers only."""
    database, servers = start.database, start.engine.servers
    daemon = start("avld")
    for turn, chosen in enumerate((servers[1:] or servers, servers)):
        until = threading.Event()
        thread = threading.Thread(target=end_sessions, args=(chosen, database, until))
        thread.start()
        try:
            for part in range(4):
                daemon.send(*(records((4 * turn + part) * 1500, 1500, device) for device in range(1, 5)))
        finally:
            until.set()
            thread.join()
    wait_for(lambda: positions(database) == 48000, "48,000 rows")
    assert database.value("SELECT count(*) FROM (SELECT DISTINCT device_id, fixed_at, dedup FROM avld.positions) AS p") == 48000
    for server in servers:
        with contextlib.closing(server.connect(database.name)) as session:
            cursor = session.cursor()
            wait_for(lambda c=cursor: c.execute("SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()")
                     or c.fetchone()[0] == 0, "no prepared transaction is left")
    daemon.end()
    assert database.value("SELECT count(*) FROM avld.rejects") == 0
    assert "sqlstate=58030" not in daemon.logged() and "database unreachable" in daemon.logged(), daemon.logged()


def test_kills(start):
    """The daemon is killed in mid-batch, again and again: nothing is lost, nothing is there twice."""
    database = start.database
    for turn in range(5):
        daemon = start("avld")
        daemon.send(records(turn * 300, 300, 1), records(turn * 300, 300, 2))
        daemon.end(signal.SIGKILL)
    daemon = start("avld")
    wait_for(lambda: positions(database) == 3000, "3000 rows")
    daemon.end()
    assert positions(database) == 3000


def check(database):
    run = subprocess.run([AVLD, "check", "-c", "/dev/null", "-o", "journal.dir=/nonexistent/journal", "-o", "server.listen=127.0.0.1:0", "-o",
                          f"database.conninfo={database.server.conninfo} dbname={database.name} user={DAEMON}"],
                         capture_output=True, text=True, timeout=PATIENCE_S)
    return run.stdout


def test_check(start):
    """avld check names the engine, and a worker that refuses the daemon's role."""
    database = start.database
    said = check(database)
    assert re.search({"citus": r"^ok Citus \S+: positions and statuses in \d+ shards on \d+ nodes$",
                      "timescaledb": r"^ok TimescaleDB \S+: positions and statuses in 0 chunks, 0 of them compressed$"}[start.engine.name],
                     said, re.M), said
    assert "problem: -o: database" not in said
    for server in start.engine.servers[1:]:
        server.run(f"SET citus.enable_ddl_propagation = off; REVOKE avld_writer FROM {DAEMON}", database.name)
        try:
            said = check(database)
            remedy = re.search(r"worker (\S+) does not let \S+ store: as a superuser there, (.*)", said)
            assert remedy and remedy[1] == f"{server.host}:{server.port}", said
        finally:
            server.run(remedy[2] if remedy else f"GRANT avld_writer TO {DAEMON}", database.name)
        assert "does not let" not in check(database)


def test_retention(start):
    """database.retention drops old days, and old rows that have no day."""
    database = start.database
    database.rows("SELECT avld.set_least_retention('1 day')")
    database.rows("SELECT avld.ensure_partitions(current_date - 20, current_date - 20)")
    for days in (20, 30, 1):
        database.rows("INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
                      " SELECT n, now() - %s * interval '1 day', now(), 'device', true, 45, 7, false, 1 FROM generate_series(1, 20) AS n", days)
    daemon = start("avld", database__retention="10d", database__partition_interval="1h")
    wait_for(lambda: positions(database) == 20, "old rows are gone")
    daemon.send(records(0, 10))
    wait_for(lambda: positions(database) == 30, "10 new rows")
    daemon.end()
    assert not re.search(r" (WARNING|ERROR) (?!stopped)", daemon.logged()), daemon.logged()


def test_enabled_while_it_runs(engine, tmp_path):
    """There and back under a running daemon: it waits meanwhile, and nothing is lost or there twice."""
    database = engine.plain()
    engine.prepare(database)
    daemon = Daemon(database, tmp_path, "avld")
    try:
        until, sent = threading.Event(), []

        def report():
            while not until.is_set():
                daemon.send(records(20 * len(sent), 20))
                sent.append(20)

        thread = threading.Thread(target=report)
        thread.start()
        try:
            wait_for(lambda: positions(database) > 100, "some rows")
            engine.enable(database)
            there = len(sent)
            wait_for(lambda: len(sent) > there + 5, "more records")
            wait_for(lambda: positions(database) > 20 * there, "more rows")
            engine.disable(database)
        finally:
            until.set()
            thread.join()
        wait_for(lambda: positions(database) == sum(sent), "all rows")
    finally:
        daemon.end()
    assert positions(database) == sum(sent)
    assert database.value("SELECT count(*) FROM avld.rejects") == 0
