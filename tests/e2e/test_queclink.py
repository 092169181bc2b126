# SPDX-License-Identifier: MIT
"""Queclink: simulated trackers, whose tracks must be what they sent; answers at the right time; reports that come twice; commands."""
import datetime
import socket

import pytest

import simulated
import queclink  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
HEAD = "060502,860000000000017,van1"


def clock(ago_s=0):
    return f"{datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s):%Y%m%d%H%M%S}"


def place(time):
    return f"1,10.0,90,5.0,-30.250000,-20.500000,{time},0260,0002,1A2B,0C4D,00"


def message(start, content, count, time=None):
    return f"{start},{HEAD},{content}{',' if content else ''}{time or clock()},{count:04X}$".encode()


def read_answer(peer):
    return simulated.read_until(peer, b"$")


def split(stream):
    return [frame + b"$" for frame in stream.split(b"$")[:-1]]


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, _ = simulated.run(avld, "queclink", udp)
    columns, reports = ["odometer_m", "battery_percent", "inputs", "outputs", "power_v", "battery_v"], []
    for stream in streams:
        state = queclink.Device()
        for frame in split(stream):
            out = queclink.decode(frame, state)[0]
            if "latitude" in out:
                reports.append({**dict.fromkeys(["ignition"] + columns), **out})
    simulated.check_tracks(database, reports, columns + ["satellites"])


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(message("+ACK:GTHBD", "", 0xAD))
        assert read_answer(peer) == b"+SACK:GTHBD,060502,00AD$"
        peer.sendall(message("+RESP:GTFRI", f"13650,10,1,{place(clock(20))},1234.5,,,,,98,220100,,,", 0xA7))
        assert read_answer(peer) == b"+SACK:00A7$"
        # Two messages in one segment, of which the first has lost its end.
        peer.sendall(message("+RESP:GTSOS", f"0,0,1,{place(clock(10))},75", 0xA8)[:-1] + message("+RESP:GTPNA", "", 0xA9))
        assert [read_answer(peer) for _ in range(2)] == [b"+SACK:00A8$", b"+SACK:00A9$"]
    database.wait(POSITIONS, 2)
    database.wait("SELECT count(*)::int FROM avld.alarms WHERE alarm IN ('sos', 'powerOn')", 2)
    assert database.query("SELECT ident, s.protocol FROM avld.devices d JOIN avld.device_state s ON d.id = device_id") == [
        ("860000000000017", "queclink")]


def test_a_report_that_comes_again_from_the_buffer_is_stored_once(avld, database):
    time = clock(10)
    live = message("+RESP:GTFRI", f"0,0,2,{place(clock(20))},{place(time)},76", 0xB0, time)
    other = message("+RESP:GTFRI", f"0,0,1,{place(time)},76", 0xB1, time)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(live + live.replace(b"+RESP", b"+BUFF") + other)
        assert [read_answer(peer) for _ in range(3)] == [b"+SACK:00B0$", b"+SACK:00B0$", b"+SACK:00B1$"]
    database.wait(POSITIONS, 3)


def test_a_datagram_has_several_messages(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        peer.settimeout(30)
        peer.send(message("+ACK:GTHBD", "", 1) + message("+RESP:GTFRI", f"0,0,1,{place(clock(10))},76", 2)[:-1])
        answers = b""
        while answers.count(b"$") < 2:
            answers += peer.recv(4096)
        assert sorted(split(answers)) == [b"+SACK:0002$", b"+SACK:GTHBD,060502,0001$"]
    database.wait(POSITIONS, 1)


def test_commands(daemons, database):
    allow = "engineStop engineResume outputControl positionSingle rebootDevice getVersion custom"
    with simulated.obeying(daemons, database, "queclink", allow, 12) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            database.wait(f"SELECT outputs FROM avld.latest_positions WHERE device_id = {device}", 1)
            simulated.send(database, device, "engineResume")
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "getVersion")
            simulated.send(database, device, "custom", '{"text": "AT+GTFRI=gv300,1,,,,,,,30,,,,,,,,,,,,0011$"}')
            simulated.send(database, device, "rebootDevice")
            simulated.send(database, device, "custom", '{"text": "AT+GTRTO=$,1$"}', "failed")
