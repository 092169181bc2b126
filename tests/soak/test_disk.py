# SPDX-License-Identifier: MIT
"""Fault 6: fdatasync fails or blocks. Fault 11: the clock jumps, or trackers have a wrong one."""
import datetime
import fcntl
import signal
import socket
import struct
import termios
import threading
import time

import pytest

import gt06
import pt502
from harness import free_port, metrics, rounds, series, wait_for
from test_kill import fixed_port
from trackers import Pt502

COUNT = "SELECT count(*)::int FROM avld.positions"
WAIT_S = 5


@pytest.fixture
def faults(tmp_path, preload):
    """The folder whose files are faults (faults.c)."""
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder


@pytest.fixture
def env(faults, preload):
    return {**preload, "AVLD_FAULTS": str(faults)}


class Gt06Peer:
    """One GT06 tracker, step by step."""

    def __init__(self, avld, imei="860000000000051"):
        self.peer = avld.tcp()
        self.peer.sendall(gt06.login(imei, 1))
        assert gt06.read_exactly(self.peer, 10) == gt06.answer(1, 1)
        self.serial = 1

    def send(self, time):
        self.serial += 1
        self.peer.sendall(gt06.position(self.serial, time))
        return gt06.answer(0x12, self.serial)

    def hears_nothing(self, seconds):
        self.peer.settimeout(seconds)
        try:
            return self.peer.recv(1) is None
        except socket.timeout:
            return True


def test_a_slow_disk_delays_acknowledgements_only(daemons, database, faults, env, results):
    avld = daemons().start(env=env)
    tracker = Gt06Peer(avld)
    answer = tracker.send(pt502.now(-5000))
    assert gt06.read_exactly(tracker.peer, 10) == answer
    (faults / "sync-waits").touch()
    started = time.monotonic()
    count = rounds(20, 200)
    now = pt502.now()
    answers = [tracker.send(now - datetime.timedelta(seconds=n)) for n in range(count)]
    avld.send_tcp(series(100))
    database.wait(COUNT, 1 + count + 100)  # stored nevertheless
    other = Gt06Peer(avld, "860000000000052")  # a log-in is answered at once
    assert time.monotonic() - started < WAIT_S
    while time.monotonic() - started < WAIT_S:
        assert tracker.hears_nothing(0.5), "acknowledged before it was on disk"
    (faults / "sync-waits").unlink()
    tracker.peer.settimeout(30)
    for answer in answers:
        assert gt06.read_exactly(tracker.peer, 10) == answer
    other.peer.close()
    avld.end()
    results.add(6, "fdatasync blocks for 5 s", 1, count + 101, database.one(COUNT))


def test_files_that_are_made_slowly(daemons, database, faults, env, results):
    """While the next segment is being made the loop continues: unread data stays in the sockets, and the journal is not
    reported as full."""
    http = f"127.0.0.1:{free_port()}"
    avld = daemons({"http.listen": http}).start(env=env)
    avld.send_tcp(series(1))
    database.wait(COUNT, 1)
    (faults / "files-wait").touch()
    records = 12000  # three segments
    tracker = Pt502(avld.port, "5020002", 1)
    flood = threading.Thread(target=avld.send_tcp, args=(b"".join(tracker.record(n) for n in range(records)),))
    flood.start()
    stored = []

    def paused():
        stored.append(database.one(COUNT))
        return len(stored) > 40 and stored[-1] > 1 and stored[-1] == stored[-40]
    wait_for(paused, "the first segment to be full", 60)
    assert stored[-1] < records
    datagrams = 300
    for number in range(datagrams):
        avld.send_udp(pt502.record(ident="5020003", time=pt502.now(-number), tail=f"A/00010,00000/0/{number}//fa7/"))
    with avld.tcp():
        pass  # connects and disconnects
    seen = metrics(avld)
    assert seen["avld_journal_full"] == 0 and database.one(COUNT) == stored[-1]
    (faults / "files-wait").unlink()
    flood.join(60)
    database.wait(COUNT, 1 + records + datagrams)
    assert metrics(avld)["avld_udp_no_room_total"] == 0 and metrics(avld)["avld_udp_lost_total"] == 0
    avld.end()
    assert "journal is full" not in avld.logged()
    results.add(6, "segments are made slowly", 1, 1 + records + datagrams, database.one(COUNT))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_shutdown_while_files_are_made_slowly(daemons, database, faults, env, end):
    """SIGTERM: it waits for the file and reads what was received. SIGKILL: it loses nothing that it had read."""
    avld = daemons().start(env=env)
    avld.send_tcp(series(1))
    database.wait(COUNT, 1)
    (faults / "files-wait").touch()
    tracker = Pt502(avld.port, "5020002", 1)
    peer = avld.tcp()
    sent = b"".join(tracker.record(n) for n in range(6000))
    peer.sendall(sent)
    stored = []

    def paused():
        stored.append(database.one(COUNT))
        return len(stored) > 40 and stored[-1] > 1 and stored[-1] == stored[-40]
    wait_for(paused, "the first segment to be full", 60)
    # What the kernel of avld's side has not taken yet cannot be read.
    left = struct.unpack("i", fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4)))[0]
    records = sent[:len(sent) - left].count(b"\n")
    avld.process.send_signal(end)
    (faults / "files-wait").unlink()
    avld.end(end, None)
    if end == signal.SIGTERM:
        assert "journal is full" not in avld.logged()
    before = database.one(COUNT)
    avld.start(env=env)
    if end == signal.SIGTERM:
        database.wait(f"SELECT (count(*) > {records})::int FROM avld.positions", 1)
    else:
        assert database.one(COUNT) >= before
        avld.send_tcp(series(10, "5020004"))
        database.wait("SELECT count(*)::int FROM avld.positions JOIN avld.devices d ON d.id = device_id "
                      "WHERE d.ident = '5020004'", 10)
    peer.close()
    avld.end()
    assert "damaged" not in avld.logged() and "missing" not in avld.logged()


def test_sigterm_while_the_disk_is_slow(daemons, database, faults, env):
    avld = daemons().start(env=env)
    (faults / "sync-waits").touch()
    avld.send_tcp(series(100))
    avld.process.send_signal(signal.SIGHUP)
    avld.process.send_signal(signal.SIGTERM)
    avld.wait_log("stopped")
    (faults / "sync-waits").unlink()
    assert avld.process.wait(30) == 0
    assert database.one(COUNT) == 100, avld.logged()


@pytest.mark.parametrize("sync", ["reply", "interval"])
def test_a_failing_disk_ends_the_process(daemons, database, faults, env, results, sync):
    """It ends with an error before anything is acknowledged. What was received is stored after the next start."""
    avld = fixed_port(daemons, {"journal.sync": sync, "journal.sync_interval": "100ms"})
    avld.kill()
    avld.start(env=env)
    tracker = Gt06Peer(avld)
    answer = tracker.send(pt502.now(-100))
    assert gt06.read_exactly(tracker.peer, 10) == answer
    (faults / "sync-waits").touch()
    tracker.send(pt502.now(-99))
    database.wait(COUNT, 2)  # received, and not yet synced
    (faults / "sync-fails").touch()
    (faults / "sync-waits").unlink()
    heard = b""
    tracker.peer.settimeout(30)
    try:
        while more := tracker.peer.recv(100):
            heard += more
    except ConnectionError:
        pass
    assert sync != "reply" or heard == b"", "acknowledged before it was on disk"
    assert avld.process.wait(30) != 0
    assert "cannot be synced to disk" in avld.logged() and "Input/output error" in avld.logged()
    (faults / "sync-fails").unlink()
    avld.start(env=env)
    database.wait(COUNT, 2)
    avld.end()
    results.add(6, f"fdatasync fails, sync = {sync}", 1, 2, database.one(COUNT))


def test_a_disk_that_fails_from_the_start(daemons, database, faults, env):
    (faults / "sync-fails").touch()
    avld = daemons().spawn(env=env)
    assert avld.process.wait(30) != 0
    assert "Input/output error" in avld.logged() and avld.process.stdout.read() == b""


# ---- fault 11

def latest(database, ident="5020001"):
    return database.query("SELECT fixed_at, latitude FROM avld.latest_positions WHERE ident = %s", ident)[0]


@pytest.mark.parametrize("jump", [3600, -3600])
def test_the_clock_jumps(daemons, database, faults, env, results, jump):
    """By an hour, there and back, twice: all is stored once, timers run, stored segments are deleted."""
    avld = daemons({"journal.sync_interval": "100ms"}).start(env=env)
    clock = faults / "clock"
    sent = 0
    for offset in (0, jump, 0, jump):
        clock.with_suffix(".new").write_text(str(offset))
        clock.with_suffix(".new").rename(clock)
        now = pt502.now(offset)
        for turn in range(rounds(3, 30)):
            records = [pt502.record(time=now - datetime.timedelta(seconds=n + 300 * turn),
                                    tail=f"A/00010,00000/0/{sent + n}//fa7/") for n in range(250)]
            avld.send_tcp(b"".join(records) * 2)
            sent += 250
            database.wait("SELECT count(DISTINCT odometer_m)::int FROM avld.positions", sent)
        received = database.one("SELECT max(received_at) FROM avld.positions WHERE odometer_m >= %s", sent - 250)
        assert abs((received - now).total_seconds()) < 60
        wait_for(lambda: len(list((avld.folder / "journal").glob("*.seg"))) <= 3, "the stored segments to be deleted")
    avld.end()
    stored, distinct = database.query("SELECT count(*), count(DISTINCT odometer_m) FROM avld.positions")[0]
    newest = database.one("SELECT max(fixed_at) FROM avld.positions")
    assert latest(database)[0] == newest
    assert database.one("SELECT count(*)::int FROM avld.list_partitions()") <= 10
    results.add(11, f"the clock jumps by {jump:+} s", 4, sent, stored, sent - distinct, stored - distinct)


def test_the_clock_jumps_while_the_database_is_unreachable(daemons, proxy, database, faults, env):
    """Reconnecting, batches and the deletion of stored segments do not depend on the time of day."""
    avld = daemons({"database.conninfo": proxy.conninfo(database)}).start(env=env)
    database.wait("SELECT count(*)::int FROM avld.checkpoint", 1)
    proxy.block()
    avld.send_tcp(series(20000))
    avld.wait_log("database unreachable")
    (faults / "clock").write_text("-3600")
    proxy.unblock()
    started = time.monotonic()
    database.wait(COUNT, 20000)
    assert time.monotonic() - started < 20
    wait_for(lambda: len(list((avld.folder / "journal").glob("*.seg"))) <= 3, "the stored segments to be deleted")
    (faults / "clock").write_text("3600")
    avld.send_tcp(series(100, "5020002", offset_s=3600))
    database.wait(COUNT, 20100)
    avld.end()


def test_partitions_are_made_after_the_clock_was_set_back(daemons, database, faults, env):
    """Ten days back: what was to run a second later does not wait for ten days."""
    clock = faults / "clock"
    ahead = 10 * 86400
    clock.write_text(str(ahead))
    avld = daemons().start(env=env)
    avld.send_tcp(pt502.record(time=pt502.now(ahead) - datetime.timedelta(days=5)))
    of_day = "SELECT count(*)::int FROM avld.positions WHERE tableoid <> 'avld.positions_default'::regclass"
    database.wait(of_day, 1)
    clock.with_suffix(".new").write_text("0")
    clock.with_suffix(".new").rename(clock)
    wait_for(lambda: avld.send_tcp(pt502.record()) or database.one(of_day) > 1, "a partition of today")
    avld.end()


def test_clocks_of_trackers(daemons, database, results):
    """1980, 2079, one GPS week cycle back: stored by the time of receipt, with the time sent; the latest position is the
    newest plausible one."""
    avld = daemons().start()
    utc = datetime.timezone.utc
    year_1980 = [datetime.datetime(1980, 1, 6, tzinfo=utc) + datetime.timedelta(days=n) for n in range(300)]
    year_2079 = [datetime.datetime(2079, 1, 1, tzinfo=utc) + datetime.timedelta(days=n) for n in range(300)]
    cycle_back = [pt502.now(-10 - n) - datetime.timedelta(weeks=1024) for n in range(300)]
    good = [pt502.record(time=pt502.now(-4000 + n), lat="4800.0000,N", tail=f"A/00010,00000/0/{n}//fa7/") for n in range(300)]
    wrong = [pt502.record(time=time, lat="0100.0000,N", tail=f"A/00010,00000/0/{1000 + n}//fa7/")
             for n, time in enumerate(year_1980 + year_2079 + cycle_back)]
    avld.send_tcp(b"".join(record for four in zip(good, *[wrong[n::3] for n in range(3)]) for record in four))
    database.wait(COUNT, 1200)
    assert database.one("SELECT count(*)::int FROM avld.list_partitions()") <= 10  # today and its neighbours, two tables
    assert database.one("SELECT count(*)::int FROM avld.positions_default") == 0
    sources = dict(database.query("SELECT time_source, count(*)::int FROM avld.positions GROUP BY 1"))
    assert sources == {"device": 300, "rollover": 300, "received": 600}, sources
    assert database.one("SELECT count(*)::int FROM avld.positions WHERE device_time IN "
                        "(SELECT device_time FROM avld.positions WHERE time_source = 'received')") == 600
    # The latest position is not frozen: the next good report replaces it.
    newest = pt502.now(5)
    avld.send_tcp(pt502.record(time=newest, lat="4812.0000,N"))
    database.wait("SELECT latitude::numeric(6,2)::text FROM avld.latest_positions", "48.20")
    # Nor is it replaced by an old report from a tracker's log, with a right or a wrong clock.
    for time_of in (pt502.now(-9000), year_1980[3], cycle_back[5] - datetime.timedelta(days=1)):
        avld.send_tcp(pt502.record(time=time_of, lat="0200.0000,N", end=b"#\n"))
    database.wait(COUNT, 1204)
    assert latest(database) == (newest, pytest.approx(48.2))
    results.add(11, "trackers in 1980, 2079, a cycle back", 1, 1204, database.one(COUNT))
