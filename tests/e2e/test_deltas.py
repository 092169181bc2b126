# SPDX-License-Identifier: MIT
"""The PT-502's deltas ("Smart Report") and its log, through the daemon into the tables."""
import json
import socket
import subprocess

import pytest

import pt502
from conftest import AVLD, wait_for

COUNT = "SELECT count(*)::int FROM avld.positions"
REJECTS = "SELECT count(*)::int FROM avld.rejects"
TRACK = """SELECT odometer_m::int, stored FROM avld.positions p JOIN avld.devices d ON d.id = device_id
           WHERE ident = %s ORDER BY fixed_at"""


class Tracker:
    """Makes records ten seconds apart, the newest of now; each says its number as odometer."""

    def __init__(self, ident="5021050", count=20):
        self.ident, self.start = ident, pt502.now(-10 * count)

    def record(self, number, end=b"\r\n"):
        time = self.start + pt502.datetime.timedelta(seconds=10 * number)
        return pt502.record(ident=self.ident, time=time, lat=f"5412.{1000 + 137 * number:04d},N",
                            lon=f"00748.{2000 + 253 * number:04d},E",
                            speed=f"{20 + number * 7 % 30}.{number * 37 % 100:02d}",
                            course=f"{number * 143 % 360}.{number * 71 % 100:02d}",
                            tail=f"A/00010,00000/0,0,0,0/{number}//f{'0123456789abcdef'[number % 16]}7/", end=end)

    def stored(self, number):
        return self.record(number, b"#\n")

    def delta(self, number):
        return pt502.delta(self.record(number - 1), self.record(number))


@pytest.fixture
def tracker():
    return Tracker()


def test_deltas_over_tcp(avld, database, tracker):
    with avld.tcp() as peer:
        peer.sendall(tracker.record(0) + pt502.full(tracker.delta(1)) + tracker.delta(2) + tracker.delta(3))
        database.wait(COUNT, 4)  # the last one is whole when nothing follows
        peer.sendall(pt502.full(tracker.record(4) + tracker.delta(5)))
        database.wait(COUNT, 6)
    assert database.query(TRACK, tracker.ident) == [(n, False) for n in range(6)]
    assert database.one(REJECTS) == 0


def test_any_split_of_bare_deltas_gives_the_same(avld, database, tracker):
    with avld.tcp() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = tracker.record(0) + b"".join(map(tracker.delta, range(1, 8)))
        for at in range(len(stream)):
            peer.sendall(stream[at:at + 1])
        database.wait(COUNT, 8)
    assert database.one(REJECTS) == 0


def test_deltas_over_udp(avld, database, tracker):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        for number in range(6):
            peer.send(tracker.delta(number) if number % 4 else tracker.record(number))
        peer.send(tracker.delta(5))  # twice
        peer.send(pt502.full(tracker.delta(6)))
        database.wait(COUNT, 7)
    assert database.query(TRACK, tracker.ident) == [(n, False) for n in range(7)]


def test_a_rebuilt_record_is_the_one_sent_whole(avld, database, tracker):
    avld.send_tcp(tracker.record(0) + tracker.delta(1))
    database.wait(COUNT, 2)
    avld.send_tcp(tracker.record(1) + tracker.record(2))
    database.wait(COUNT, 3)


def test_after_a_gap_the_live_one_comes_first(avld, database, tracker):
    avld.send_tcp(tracker.record(0) + tracker.delta(1))
    database.wait(COUNT, 2)
    alarm = tracker.stored(4).replace(b"$POS", b"$IN1")
    with avld.tcp() as peer:
        live = pt502.delta(tracker.stored(5), tracker.record(6))
        peer.sendall(pt502.full(live) + pt502.full(tracker.delta(7)))
        peer.sendall(tracker.stored(2) + tracker.stored(3))
        database.wait(COUNT, 4)
        peer.sendall(pt502.full(alarm + tracker.stored(5)))
        database.wait(COUNT, 8)
        assert database.query(TRACK, tracker.ident) == [(n, 2 <= n < 6) for n in range(8)]
    assert database.one("SELECT odometer_m::int FROM avld.latest_positions") == 7
    assert database.query("SELECT alarm, stored, occurred_at FROM avld.alarms") == [
        ("sos", True, tracker.start + pt502.datetime.timedelta(seconds=40))]


def test_a_connection_that_opens_with_deltas(avld, database, tracker):
    avld.send_tcp(tracker.record(0) + tracker.record(1))
    database.wait(COUNT, 2)
    with avld.tcp() as peer:
        for number in range(2, 14):  # enough to tell by what changes in them whose they are
            peer.sendall(pt502.full(tracker.delta(number)))
        database.wait(COUNT, 14)
        assert database.one("SELECT connected FROM avld.device_state") is True
    with avld.tcp() as peer:
        peer.sendall(pt502.full(tracker.delta(14)) + tracker.record(15))
        database.wait(COUNT, 16)
    assert database.query(TRACK, tracker.ident) == [(n, False) for n in range(16)]


def test_deltas_that_fit_another_ones_record_are_not_its(avld, database):
    """Both stand still; one's record was lost, and the other's newest has the same check."""
    def parked(ident, number, odometer):
        return pt502.record(ident=ident, time=start + pt502.datetime.timedelta(seconds=30 * number), speed="0.00",
                            course="0.00", tail=f"A/00000,00000/0,0,0,0/{odometer}//fa7/")

    def step(ident, number, odometer):
        return pt502.delta(parked(ident, number - 1, odometer), parked(ident, number, odometer))

    start = pt502.now(-600)
    odometer = next(n for n in range(1000, 9000) if step("6101", 2, n) == step("6202", 2, 5100))
    with avld.tcp() as peer, avld.tcp() as deltas:
        peer.sendall(parked("6101", 1, odometer))
        avld.send_tcp(parked("6202", 0, 5100))
        database.wait(COUNT, 2)
        for number in range(2, 10):
            deltas.sendall(pt502.full(step("6202", number, 5100)))
        peer.sendall(parked("6101", 2, odometer))  # it has not been replaced
        database.wait(COUNT, 3)
        deltas.sendall(parked("6202", 1, 5100))
        database.wait(COUNT, 12)
    assert database.query("""SELECT ident, count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = device_id
                             GROUP BY 1 ORDER BY 1""") == [("6101", 2), ("6202", 10)]


def test_across_a_restart(avld, database, tracker):
    others = [Tracker(f"50210{n}") for n in range(60, 70)]
    for other in others:
        avld.send_tcp(other.record(0) + other.delta(1))
    database.wait(COUNT, 20)
    avld.end()
    avld.start()
    assert "device memory restored devices=10 records=20" in avld.logged()
    for other in others:
        avld.send_tcp(other.record(1) + other.delta(2) + other.delta(3))
    database.wait(COUNT, 40)
    avld.kill()
    avld.start()
    for other in others:
        avld.send_udp(other.record(3), other.record(5))
    database.wait(COUNT, 50)


def test_what_finds_no_reference_is_kept(avld, database, tracker):
    wanted = pt502.delta(tracker.stored(4), tracker.record(5))
    avld.send_tcp(tracker.record(0) + wanted)
    database.wait(REJECTS, 1)
    assert database.query("SELECT reason, ident, protocol FROM avld.rejects") == [
        ("delta: reference not seen", tracker.ident, "pt502")]
    assert bytes(database.one("SELECT frame FROM avld.rejects")) == wanted


def redecode(avld, code=0):
    done = subprocess.run([AVLD, "journal", avld.settings["journal.dir"], "--redecode"], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_redecode_recovers_what_was_rejected_once(daemons, database, tracker):
    avld = daemons({"journal.retain": "1d"}).start()
    avld.send_tcp(tracker.record(0) + pt502.full(pt502.delta(tracker.stored(4), tracker.record(5))) +
                  pt502.full(tracker.delta(6)) + b"$POS,5021059,101500.0")
    database.wait(REJECTS, 3)
    assert "is in use by process" in redecode(avld, 1)
    avld.send_tcp(b"".join(tracker.stored(n) for n in range(1, 5)))  # it comes after all
    database.wait(COUNT, 5)
    avld.end()
    assert "recovered      2 reports, 0 of them recovered before" in redecode(avld)
    assert "recovered      2 reports, 2 of them recovered before" in redecode(avld)
    avld.start()
    database.wait(COUNT, 7)
    assert database.query(TRACK, tracker.ident) == [(n, 0 < n < 5) for n in range(7)]
    avld.end()
    assert "nothing to store" in redecode(avld)


def test_what_was_refused_stays_out(daemons, database, tracker):
    database.query("INSERT INTO avld.devices(ident, state) VALUES (%s, 'blocked')", tracker.ident)
    avld = daemons({"journal.retain": "1d"}).start()
    avld.send_tcp(pt502.record(ident="5021057"))
    database.wait(COUNT, 1)
    avld.send_tcp(tracker.record(0))
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'device is blocked'", 1)
    avld.end()
    assert "recovered      0 reports" in redecode(avld)


def test_waiting_deltas_keep_a_connection(daemons, database, tracker):
    """Who it is comes out with the first record, be it after login_timeout."""
    avld = daemons({"server.login_timeout": "1s"}).start()
    with avld.tcp() as silent, avld.tcp() as peer:
        peer.sendall(pt502.full(pt502.delta(tracker.stored(0), tracker.record(1))))
        assert silent.recv(1) == b""
        peer.sendall(tracker.stored(0))
        database.wait(COUNT, 2)


def test_remembered_devices_are_limited(daemons, database):
    avld = daemons({"devices.remembered": "3"}).start()
    trackers = [Tracker(f"502107{n}") for n in range(4)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        for one in trackers:
            peer.send(one.record(0))
        database.wait(COUNT, 4)
        peer.send(trackers[3].delta(1))
        database.wait(COUNT, 5)
    with avld.tcp() as peer:
        peer.sendall(trackers[0].record(2) + trackers[0].delta(1))  # forgotten: 0 is not there any more
        database.wait(COUNT, 6)
    database.wait(REJECTS, 1)


def test_decode_reads_a_stream_with_deltas(tracker):
    stream = tracker.record(0) + b"".join(map(tracker.delta, range(1, 5)))
    done = subprocess.run([AVLD, "decode"], input=stream, capture_output=True, check=True)
    assert [json.loads(line)["odometer_m"] for line in done.stdout.splitlines()] == list(range(5))

@pytest.mark.parametrize("options", [["--deltas"], ["--gaps"], ["--deltas", "--gaps"], ["--deltas", "--gaps", "--udp"]])
def test_simulated_trackers_speak_deltas_and_upload_their_log(avld, database, options):
    avld.simulate("--devices", 8, "--count", 2000, "--rate", 2000, *options)
    database.wait(COUNT, 2000)
    assert database.one(REJECTS) == 0
    assert (database.one("SELECT count(*)::int FROM avld.positions WHERE stored") > 0) == ("--gaps" in options)
    assert database.one("""SELECT count(*)::int FROM avld.latest_positions l WHERE fixed_at <>
        (SELECT max(fixed_at) FROM avld.positions p WHERE p.device_id = l.device_id)""") == 0
