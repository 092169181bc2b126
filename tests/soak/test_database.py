# SPDX-License-Identifier: MIT
"""Fault 2: connections to the database cut at any byte, backends and servers killed. Fault 3: the database unreachable for
long."""
import contextlib
import os
import random
import signal
import socket
import subprocess
import time

import pytest

import pt502
from harness import AVLD, free_port, metrics, rounds, status_of, wait_for, wait_stored
from proxy import TO_CLIENT, TO_SERVER
from trackers import Fleet, Pt502
from test_kill import fixed_port

POSITIONS = 30
TABLES = {"positions": POSITIONS + 1, "statuses": 2, "alarms": 2, "rejects": 1, "connections": 1}


def burst(number):
    """Returns records for each table; rounds differ only in the time."""
    time = pt502.now(-86400 + 60 * number % 80000)
    positions = [pt502.record(time=time, tail=f"A/00010,00000/0/{number * 100 + n}//fa7/") for n in range(POSITIONS)]
    sos = pt502.record(event="IN1", time=time, tail=f"A/00010,00000/0/{number * 100 + 50}//fa7/")
    power_cut = pt502.record(event="CPA", time=time, fix="V", lat=",", lon=",", speed="", course="",
                             tail=f"A/00010,00000/0/{number * 100 + 51}//fa7/")
    text = b"$FUS5020001,ABC_V%d,3.4\r\r" % number
    clock = pt502.stamp(time)[0].encode()
    bad = pt502.record(time=time).replace(clock, b"250000.000")
    return b"".join(positions) + positions[0] + sos + power_cut + sos + text + bad  # two of the records twice


class Walk:
    """Rounds of the same burst with a cut in each; after each round the database must hold all of it once."""

    def __init__(self, avld, database, proxy):
        self.avld, self.database, self.proxy = avld, database, proxy
        self.count = 0

    def rows(self):
        return dict(self.database.query(" UNION ALL ".join(
            f"SELECT '{table}', count(*)::int FROM avld.{table}" for table in TABLES)))

    def round(self):
        self.avld.send_tcp(burst(self.count))
        self.count += 1
        expected = {table: rows * self.count for table, rows in TABLES.items()}
        wait_for(lambda: self.rows() == expected or any(self.rows()[t] > expected[t] for t in TABLES),
                 f"round {self.count}: {expected}, is {self.rows()}")
        assert self.rows() == expected

    def measure(self, start=lambda: None):
        """Returns the bytes of a round in each direction."""
        self.proxy.count()
        start()
        self.round()
        return self.proxy.count()

    def cut_everywhere(self, total, cuts, start=lambda: None):
        done = 0
        for direction in (TO_SERVER, TO_CLIENT):
            step = max(1, -(-total[direction] // cuts))
            for number, after in enumerate(range(0, total[direction], step)):
                self.proxy.arm(direction, after + 1, ("close", "reset", "half")[number % 3])
                start()
                self.round()
                self.proxy.disarm()
                done += 1
        return done


@pytest.fixture
def walk(daemons, proxy, database):
    many = {"database.rejects_per_minute": 10000, "database.connections_per_minute": 10000}  # every round has a row of each
    avld = daemons({"database.conninfo": proxy.conninfo(database), **many}).start()
    walk = Walk(avld, database, proxy)
    walk.round()
    return walk


def report(results, walk, what, cuts):
    sent = walk.count * (sum(TABLES.values()))
    stored = sum(walk.rows().values())
    results.add(2, what, cuts, sent, stored)
    walk.avld.end()
    assert "lost" in walk.avld.logged() or "database unreachable" in walk.avld.logged()


def test_a_batch_survives_a_cut_at_any_byte(walk, results):
    """In both directions, from the fence to the answer to the commit."""
    total = walk.measure()
    report(results, walk, "cut at every part of a batch", walk.cut_everywhere(total, rounds(7, 120)))


def test_connecting_survives_a_cut_at_any_byte(walk, results):
    """From the first byte of a new connection to the first batch stored over it."""
    again = walk.proxy.drop_all
    total = walk.measure(again)
    report(results, walk, "cut at every part of connecting", walk.cut_everywhere(total, rounds(5, 80), again))


def test_a_half_open_session_of_our_own_is_terminated(walk, results):
    """The server does not notice the end of the connection: it holds the lock for a session whose answers never arrived."""
    walk.proxy.count()
    walk.proxy.drop_all()
    walk.round()
    answers = walk.proxy.count()[TO_CLIENT]
    cuts = range(1, answers, rounds(answers // 8, 20))
    for after in cuts:
        walk.proxy.arm(TO_CLIENT, after, "half")
        walk.proxy.drop_all()
        walk.round()
        walk.proxy.disarm()
    report(results, walk, "half open while connecting", len(cuts))


def test_a_commit_whose_answer_is_lost_is_not_repeated(walk):
    """The batch is sent and committed; the last byte of the answer is lost."""
    def one(number):
        walk.avld.send_udp(pt502.record(time=pt502.now(-100 * number), ident="5020002"))
        walk.database.wait("SELECT count(*)::int FROM avld.positions JOIN avld.devices d ON d.id = device_id "
                           "WHERE ident = '5020002'", number)
    one(1)
    walk.proxy.count()
    one(2)
    wait_for(lambda: walk.proxy.passed[TO_CLIENT] > 100, "the answer")
    walk.proxy.arm(TO_CLIENT, walk.proxy.count()[TO_CLIENT] - 1)
    one(3)
    walk.avld.wait_log("only the answer was lost")
    one(4)


def kill_backend(cluster, database):
    pids = cluster.admin(f"SELECT pid FROM pg_stat_activity WHERE datname = '{database.name}' AND application_name = 'avld'")
    for pid, in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop_and_start(cluster, database):
    cluster.stop("immediate")
    cluster.start()


@pytest.mark.parametrize("fault,turns", [(kill_backend, rounds(2, 50)), (stop_and_start, rounds(3, 50))],
                         ids=["kill_backend", "stop_immediate"])
def test_a_server_that_dies_under_load_loses_nothing(daemons, cluster, own_database, results, fault, turns):
    chance = random.Random(2)
    avld = fixed_port(daemons, {"database.conninfo": own_database.conninfo + " application_name=avld"})
    avld.database = own_database
    fleet = Fleet(avld.port)
    for turn in range(turns):
        time.sleep(chance.uniform(0, 0.5))  # any phase of a batch or of connecting
        fault(cluster, own_database)
        if chance.random() < 0.3:
            avld.process.send_signal(signal.SIGHUP)
    expected = fleet.finish()
    stored, missing, twice = wait_stored(own_database, expected)
    assert sum(tracker.breaks for tracker in fleet.trackers) == 0, "connections of trackers broke"
    avld.end()
    results.add(2, fault.__name__.replace("_", " ") + " under load", turns, sum(expected.values()), stored, missing, twice)


def test_terminated_backends_under_load_lose_nothing(daemons, database, results):
    """An administrator terminates the session at any moment."""
    chance = random.Random(3)
    avld = fixed_port(daemons)
    fleet = Fleet(avld.port)
    turns = rounds(10, 100)
    for turn in range(turns):
        time.sleep(chance.uniform(0, 0.15))
        database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE datname = current_database() AND pid <> pg_backend_pid()")
    expected = fleet.finish()
    stored, missing, twice = wait_stored(database, expected)
    avld.end()
    results.add(2, "pg_terminate_backend under load", turns, sum(expected.values()), stored, missing, twice)


def rows_stored(avld):
    """Returns the daemon's count: queries would slow the database down."""
    return metrics(avld)["avld_positions_total"]


def test_an_unreachable_database_fills_the_journal_only(daemons, proxy, database, results):
    """The journal grows, memory does not; the backlog drains while new reports arrive."""
    seconds, rate = rounds(6, 60), rounds(5000, 15000)
    avld = fixed_port(daemons, {"database.conninfo": proxy.conninfo(database), "journal.segment_size": "16M",
                                  "http.listen": f"127.0.0.1:{free_port()}"})
    trackers = [Pt502(avld.port, f"502200{n}", 50) for n in range(3)]
    for tracker in trackers:
        tracker.start()
    # Uses everything that grows with use: a batch of full size, the window, the buffers.
    avld.simulate("--devices", 50, "--rate", 0, "--count", 30000, "--seed", 7)
    database.wait("SELECT (count(*) >= 30000)::int FROM avld.positions", 1, 60)
    proxy.block()
    load = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--devices", "50", "--rate", str(rate),
                             "--count", str(rate * seconds), "--seed", "8"], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    sizes = [status_of(avld.process.pid, "VmRSS", "RssAnon")]
    while load.poll() is None:
        time.sleep(0.5)
        sizes.append(status_of(avld.process.pid, "VmRSS", "RssAnon"))
    assert load.returncode == 0, load.stderr.read()
    load.stderr.close()
    for name, most in (("VmRSS", 0.2), ("RssAnon", 0.1)):  # VmRSS has the journal's pages that are mapped ahead: more or fewer
        low, high = min(size[name] for size in sizes), max(size[name] for size in sizes)
        assert high - low <= most * low, f"{name} from {low} to {high} kB"
    assert sum(tracker.breaks for tracker in trackers) == 0
    backlog = rate * seconds
    proxy.unblock()
    more = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--devices", "50", "--rate", "2000",
                             "--count", "4000", "--seed", "9"], stderr=subprocess.DEVNULL)
    avld.wait_log("database connection restored", 60)  # the back-off is not measured
    started = time.monotonic()
    wait_for(lambda: rows_stored(avld) >= 30000 + backlog, "the backlog", 240)
    took = time.monotonic() - started
    assert more.wait(60) == 0
    for tracker in trackers:
        tracker.finish()
    for tracker in trackers:
        tracker.join(60)
    total = 30000 + backlog + 4000 + sum(tracker.made for tracker in trackers)
    database.wait(f"SELECT (count(*) >= {total})::int FROM avld.positions", 1, 60)
    avld.end()
    assert took < seconds, f"{backlog} records took {took:.1f} s to drain"
    assert avld.logged().count("database unreachable") == 1 and avld.logged().count("database connection restored") == 1
    stored = database.one("SELECT count(*) FROM avld.positions")
    low, high = min(size["VmRSS"] for size in sizes), max(size["VmRSS"] for size in sizes)
    results.add(3, f"database unreachable for {seconds} s under load", 1, total, stored,
                note=f"RSS {low}..{high} kB, {backlog / took:.0f} records/s drained")


def test_a_host_that_does_not_answer_is_passed_over(daemons, database):
    """libpq alone would wait for it for two minutes, and the daemon gives up before that."""
    with socket.socket() as silent, contextlib.ExitStack() as stack:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        for _ in range(4):  # its queue is full: further connections get no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        hosts = f"host=127.0.0.1,127.0.0.1 port={port},{os.environ['PGPORT']}"
        avld = daemons({"database.conninfo": f"{hosts} dbname={database.name}"}).start()
        avld.send_tcp(pt502.record())
        database.wait("SELECT count(*)::int FROM avld.positions", 1)
        avld.end()
