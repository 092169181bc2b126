# SPDX-License-Identifier: MIT
"""H02: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
import datetime
import re

import pytest

import simulated
import h02  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS


def now_frame(ident="8600000017", kind="V1", word="FFFFFFFF"):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"*HQ,{ident},{kind},{now:%H%M%S},A,2030.0000,S,03015.0000,E,10.00,090,{now:%d%m%y},{word}#".encode()


def split(stream):
    """The records of a tracker: texts, and binary ones of 32 bytes, which may have a # in them."""
    while stream:
        length = 32 if stream[:1] == b"$" else stream.index(b"#") + 1
        yield stream[:length]
        stream = stream[length:]


def read_frame(peer):
    return simulated.read_until(peer, b"#")


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, _ = simulated.run(avld, "h02", udp)
    reports = []
    for stream in streams:
        state = h02.Device()
        reports += [h02.decode(frame, state)[0] for frame in split(stream)]
    binary = sum(out["event"] == "$" for out in reports)
    assert binary == 0 if udp else binary > 600
    simulated.check_tracks(database, reports)


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(b"*HQ,8600000017,HTBT,87#")
        assert read_frame(peer) == b"*HQ,8600000017,HTBT#"
        peer.sendall(now_frame())
        assert re.fullmatch(rb"[*]HQ,8600000017,V4,V1,20\d{12}#", read_frame(peer))
        peer.sendall(now_frame(kind="V5") + b"*HQ,,HTBT#")  # V5 has no answer
        assert read_frame(peer) == b"*HQ,8600000017,HTBT#"
    database.wait(POSITIONS, 2)


def test_a_latched_alarm_is_reported_once(avld, database):
    for word in ("FFFFFFFF", "FFFFFFFD", "FFFFFFFD"):  # each over a connection of its own
        with avld.tcp() as peer:
            peer.settimeout(30)
            peer.sendall(now_frame(word=word))
            read_frame(peer)
    database.wait("SELECT count(*)::int FROM avld.alarms", 1)
    assert database.one("SELECT alarm FROM avld.alarms") == "sos"


def test_commands(daemons, database):
    with simulated.obeying(daemons, database, "h02", "engineStop engineResume positionSingle custom", 6) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "custom", '{"text": "SCF,0,0"}')
            simulated.send(database, device, "engineResume")
