# SPDX-License-Identifier: MIT
"""Suntech: simulated trackers, whose tracks must be what they sent; answers at the right time, over TCP and UDP; binary frames;
crash reports in parts; commands of each form."""
import datetime
import socket

import pytest

import simulated
import suntech  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "860000017"


def now(ago=0):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)


def text(kind="STT", end="2;0184", ago=0, ident=ID, family="ST300"):
    return (f"{family}{kind};{ident};45;315;{now(ago):%Y%m%d;%H:%M:%S};1a2b3c;-23.550520;-046.633308;047.300;271.00;11;1;1234567;13.65;100010;"
            f"{end}\r").encode()


def universal(kind="STT", end="2;1;0185", ago=0):
    return (f"{kind};0{ID};3FFFFF;52;1.0.17;1;{now(ago):%Y%m%d;%H:%M:%S};0000697;724;11;4EDA;33;-5.795000;-35.209440;47.30;271.00;11;1;"
            f"00000101;00000001;{end}\r").encode()


def binary(ago=0):
    when = now(ago)
    body = bytes([0x08, 0x60, 0, 0, 0x17]) + (1 << 4 | 1 << 5 | 1 << 11 | 1 << 12 | 1 << 16).to_bytes(3, "big")
    body += bytes([when.year - 2000, when.month, when.day, when.hour, when.minute, when.second])
    body += bytes.fromhex("80586cb8821940e001")
    return b"\x81" + len(body).to_bytes(2, "big") + body


def crash(ago=0):
    """The two frames of a crash report."""
    when = now(ago)
    data = bytes([when.year - 2000, when.month, when.day, when.hour, when.minute, when.second])
    data += bytes.fromhex("d0c08bfc407703eb7a12dc69fbff7700fd00") * 4
    return [b"CRR;0%s;%d;2;%04d;" % (ID.encode(), number, len(part)) + part + b";D5\r" for number, part in enumerate((data[:40], data[40:]), 1)]


def read_line(peer):
    return simulated.read_until(peer, b"\r")


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, printed = simulated.run(avld, "suntech", udp)
    assert "0 missing, 0 unexpected replies" in printed
    reports = []
    for stream in streams:
        state = suntech.Device()
        for line in stream.split(b"\r")[:-1]:
            reports += [out for out in suntech.decode(line + b"\r", state) if "ident" in out]
    simulated.check_tracks(database, reports, ["satellites", "battery_v", "power_v", "odometer_m", "inputs", "outputs"])


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        # Only an emergency has an answer, and it is stored by then, as is what came before.
        peer.sendall(text(ago=9) + text("ALT", "41", ago=8) + f"ST300ALV;{ID}\r".encode() + text("EMG", "1", ago=7))
        assert read_line(peer) == f"ST300CMD;{ID};02;AckEmerg\r".encode()
        peer.sendall(b"-Error\r" + text("EMG", "1", ago=6, family="SA200") + b"\n")
        assert read_line(peer) == f"SA200CMD;{ID};02;AckEmerg\r".encode()
    database.wait(POSITIONS, 4)
    assert sorted(database.query("SELECT alarm FROM avld.alarms")) == [("powerCut",), ("sos",), ("sos",)]
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_datagrams_are_acknowledged(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(30)
        peer.connect(("127.0.0.1", avld.port))
        for datagram, answer in ((text(ago=9)[:-1], f"ST300ACK;{ID}\r".encode()), (text("EMG", "1", ago=8), f"ST300ACK;{ID}\r".encode()),
                                 (universal(ago=7), f"ACK;0{ID}\r".encode()), (binary(ago=6), bytes.fromhex("150860000017")),
                                 (text(ago=5), f"ST300ACK;{ID}\r".encode())):
            peer.send(datagram)
            assert peer.recv(2048) == answer
    database.wait(POSITIONS, 5)


def test_a_crash_report_in_two_parts(avld, database):
    first, second = crash(20)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(first + universal(ago=3) + second + text("EMG", "1", ago=2))
        read_line(peer)
    database.wait(POSITIONS, 6)
    assert database.one("SELECT count(*)::int FROM avld.positions WHERE event = 'CRR' AND extra ? 'gSensor'") == 4
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_commands(daemons, database):
    allow = "engineStop engineResume positionSingle getVersion custom"
    with simulated.obeying(daemons, database, "suntech", allow, 10) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "getVersion")
            simulated.send(database, device, "engineResume")
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "custom", '{"text": "RPT;180;60"}')


def test_a_universal_device_gets_its_own_form(daemons, database):
    avld = daemons({"commands.allow": "rebootDevice"}).start()
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(universal())
        database.wait(POSITIONS, 1)
        database.query("INSERT INTO avld.commands(device_id, command) SELECT id, 'rebootDevice' FROM avld.devices")
        assert read_line(peer) == f"CMD;0{ID};03;03\r".encode()
        peer.sendall(f"RES;0{ID};03;03;\r".encode())
        database.wait("SELECT state FROM avld.commands", "confirmed")
