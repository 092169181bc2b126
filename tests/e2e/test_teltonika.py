# SPDX-License-Identifier: MIT
"""Teltonika: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
import struct
import time

import pytest

from gt06 import read_exactly
import simulated
import teltonika  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
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
    streams, _ = simulated.run(avld, "teltonika", udp)
    reports = []
    for stream in streams:
        state = teltonika.Device()
        decode = teltonika.decode_datagram if udp else teltonika.decode
        reports += [decode(frame, state)[0] for frame in split(stream, udp)]
    simulated.check_tracks(database, reports, ["odometer_m", "outputs", "power_v", "gsm_percent"])


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
    with simulated.obeying(daemons, database, "teltonika", "engineStop engineResume positionSingle custom", 6) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "custom", '{"text": "getinfo"}')
            simulated.send(database, device, "engineResume")
        database.wait("SELECT count(*)::int FROM avld.statuses WHERE extra ->> 'result' = 'DOUT1:1 Timeout:INFINITY'", 2)
