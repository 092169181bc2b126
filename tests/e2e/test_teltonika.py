# SPDX-License-Identifier: MIT
"""Teltonika: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
import pathlib
import signal
import struct
import subprocess
import sys
import time

import pytest

from conftest import AVLD
from gt06 import read_exactly
from test_two_protocols import Recorder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))
import teltonika  # noqa: E402  the slow reference

POSITIONS = "SELECT count(*)::int FROM avld.positions"
LOGIN = b"\0\x0f860000000000017"


def record(number=0, ago_s=60, elements=b"\1\xef\1\0\0\0"):
    ms = int((time.time() - ago_s) * 1000) + number
    return struct.pack(">QBiihHBHBB", ms, 0, 302500000, -205000000, 12, 90, 9, 42, 0, 1) + elements


def packet(*records):
    return teltonika.seal(bytes([8, len(records)]) + b"".join(records) + bytes([len(records)]))


def split(stream, udp):
    """The frames in what a simulated tracker sent."""
    while stream:
        head = int.from_bytes(stream[:2], "big")
        size = head + 2 if head else int.from_bytes(stream[4:8], "big") + 12
        yield bytes(stream[:size])
        stream = stream[size:]


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    recorder = Recorder(avld.port, udp)
    done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", "teltonika", "--devices", "20",
                           "--count", "2000", "--rate", "1000", "--seed", "5"] + ["--udp"] * udp,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, alarms = {}, set()
    for stream in recorder.streams.values():
        state = teltonika.Device()
        for frame in split(stream, udp):
            out = teltonika.decode_datagram(frame, state)[0] if udp else teltonika.decode(frame, state)[0]
            if "latitude" in out:
                key = out["ident"], out["device_time"]
                sent[key] = (out["latitude"] / 1e7, out["longitude"] / 1e7, out["speed_kmh"], out["course_deg"], out["ignition"],
                             out["odometer_m"], out["outputs"], out["power_v"], out["gsm_percent"])
                alarms |= {(*key, alarm) for alarm in out["alarms"]}
    database.wait(POSITIONS, len(sent))
    text = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    found = {row[:2]: row[2:] for row in database.query(
        f"SELECT ident, {text.format('p.fixed_at')}, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.ignition, p.odometer_m, "
        "p.outputs, p.power_v, p.gsm_percent FROM avld.positions p JOIN avld.devices d ON d.id = device_id")}
    assert found.keys() == sent.keys() and len(found) > 1900
    for key, values in sent.items():
        assert found[key] == pytest.approx(values, abs=0.006) and found[key][:2] == pytest.approx(values[:2], abs=1e-6)
    assert alarms and alarms == set(database.query(
        f"SELECT ident, {text.format('occurred_at')}, alarm FROM avld.alarms a JOIN avld.devices d ON d.id = device_id"))
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.sendall(b"\xff" + LOGIN)
        assert read_exactly(peer, 1) == b"\1"
        first = packet(*(record(n) for n in range(255)))
        peer.sendall(b"\xff\xff" + first)
        assert read_exactly(peer, 4) == b"\0\0\0\xff"
        broken = bytearray(packet(record()))
        broken[-1] ^= 1
        peer.sendall(bytes(broken) + packet() + first)  # not answered; at once; sent again: answered, and stored once
        assert read_exactly(peer, 8) == b"\0\0\0\0\0\0\0\xff"
    database.wait(POSITIONS, 255)
    database.wait("SELECT reason FROM avld.rejects", "bad checksum")


def test_a_refused_tracker_is_told(daemons, database):
    database.query("INSERT INTO avld.devices(ident, state) VALUES ('860000000000017', 'blocked')")
    avld = daemons().start()
    with avld.tcp() as peer:
        peer.sendall(b"\0\x0f860000000000025" + packet(record()))
        assert read_exactly(peer, 5) == b"\1\0\0\0\1"
    database.wait(POSITIONS, 1)  # the devices are loaded before that
    with avld.tcp() as peer:
        peer.sendall(LOGIN)
        assert read_exactly(peer, 1) == b"\0"
        assert peer.recv(1) == b""
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'device is blocked'", 1)


def test_records_before_the_login_are_not_acknowledged(avld, database):
    with avld.tcp() as peer:
        peer.sendall(packet(record()))
        assert peer.recv(1) == b""
    database.wait("SELECT reason FROM avld.rejects", "before login")


def test_the_end_of_an_overspeed_is_recognised_after_a_restart(daemons, database):
    daemon = daemons().start()

    def event(ago_s, kmh):
        head = record(ago_s=ago_s)[:24]
        return packet(head + b"\xff\1\1\xff" + bytes([kmh, 0, 0, 0]))
    for packets in ([event(60, 95), event(50, 90)], [event(30, 92)]):
        with daemon.tcp() as peer:
            peer.sendall(LOGIN + b"".join(packets))
            assert read_exactly(peer, 1 + 4 * len(packets))[-4:] == b"\0\0\0\1"
        daemon.kill()
        daemon.start()
    database.wait(POSITIONS, 3)
    assert database.query("SELECT alarm, speed_kmh::int FROM avld.alarms ORDER BY occurred_at") == [("overspeed", 42), ("overspeed", 42)]


def test_commands(daemons, database):
    avld = daemons({"commands.allow": "engineStop engineResume positionSingle custom", "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", "teltonika", "--devices", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 2)
        devices = [row[0] for row in database.query("SELECT id FROM avld.devices ORDER BY id")]
        for device in devices:
            for command, args in (("engineStop", "{}"), ("custom", '{"text": "getinfo"}'), ("engineResume", "{}")):
                database.query("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, %s, %s)", device, command, args)
                database.wait("SELECT count(*)::int FROM avld.commands WHERE state <> 'confirmed'", 0)
        database.wait("SELECT count(*)::int FROM avld.statuses WHERE extra ->> 'result' = 'DOUT1:1 Timeout:INFINITY'", 2)
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed 6 commands" in out, out + err
