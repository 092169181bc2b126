# SPDX-License-Identifier: MIT
"""TK103: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
import datetime
import re

import pytest

import simulated
import tk103  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "600000000017"


def position(state="01000000", speed="010.0"):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now:%y%m%d}A2030.0000S03015.0000E{speed}{now:%H%M%S}090.00{state}L0001E240)"


def read_frame(peer, end=b")"):
    return simulated.read_until(peer, end).decode()


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, _ = simulated.run(avld, "tk103", udp)
    reports = []
    for stream in streams:
        state = tk103.Device()
        reports += [tk103.decode(frame, state)[0] for frame in re.findall(rb"[(][^)]*[)]", stream)]
    simulated.check_tracks(database, reports, ["odometer_m"])


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(f"({ID}BP00860000000000017HSO)".encode())
        assert read_frame(peer) == f"({ID}AP01HSO)"
        peer.sendall(f"({ID}BP05860000000000017{position()}".encode())
        assert read_frame(peer) == f"({ID}AP05)"
        peer.sendall(f"({ID}BO012{position()}".encode())
        assert read_frame(peer) == f"({ID}AS012)"
        # A position, and a log-in in comma style, have no answer.
        peer.sendall(f"({ID}BR00{position('11000000')}({ID},BP05,)({ID}BP00HSO)".encode())
        assert read_frame(peer) == f"({ID}AP01HSO)"
    database.wait(POSITIONS, 3)
    assert database.query("SELECT alarm FROM avld.alarms") == [("sos",)]
    assert database.query("SELECT ident, s.protocol FROM avld.devices d JOIN avld.device_state s ON d.id = device_id") == [(ID, "tk103")]


def test_panic_begins_an_alarm_once(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        for number, state in enumerate(("01000000", "01200000", "01200000", "01000000")):
            peer.sendall(f"({ID}BR01{position(state, f'{number:05}')}".encode())
        peer.sendall(f"({ID}BP00HSO)".encode())
        read_frame(peer)
    database.wait(POSITIONS, 4)
    assert database.query("SELECT alarm, a.speed_kmh::int FROM avld.alarms a") == [("sos", 1)]


def test_commands(daemons, database):
    allow = "engineStop engineResume positionSingle getVersion custom"
    with simulated.obeying(daemons, database, "tk103", allow, 10) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "getVersion")
            simulated.send(database, device, "custom", '{"text": "AX01"}')
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "engineResume")
        # Each engine was stopped for a while: its state had the bit of the relay.
        database.wait("SELECT count(DISTINCT device_id)::int FROM avld.positions WHERE extra @> '{\"blocked\": true}'", 2)


def test_a_command_in_comma_style(daemons, database):
    avld = daemons({"commands.allow": "positionSingle"}).start()
    with avld.tcp() as peer:
        peer.settimeout(30)
        now = datetime.datetime.now(datetime.timezone.utc)
        peer.sendall(f"(860000000000017,ZC07,{now:%d%m%y},A,2030.0000S,03015.0000E,0.5,{now:%H%M%S},90.0,35.1,9)".encode())
        database.wait(POSITIONS, 1)
        database.query("INSERT INTO avld.commands(device_id, command) SELECT id, 'positionSingle' FROM avld.devices")
        assert read_frame(peer, b"]sms2,*getposl*,[end]") == "[begin]sms2,*getposl*,[end]"
        peer.sendall(f"(860000000000017,ZC03,{now:%d%m%y},{now:%H%M%S},$Lat (S 20.5)$)".encode())
        database.wait("SELECT state FROM avld.commands", "confirmed")
