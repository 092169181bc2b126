# SPDX-License-Identifier: MIT
"""GPS103: simulated trackers, whose tracks must be what they sent; answers at the right time; commands; a photo."""
import datetime
import re

import pytest

from gt06 import read_exactly
import simulated
import gps103  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "860000000000017"


def sentence(keyword="tracker", zone_h=3, ident=ID):
    now = datetime.datetime.now(datetime.timezone.utc)
    local = now + datetime.timedelta(hours=zone_h)
    return (f"imei:{ident},{keyword},{local:%y%m%d%H%M%S},,F,{now:%H%M%S}.000,A,2030.0000,S,03015.0000,E,10.00,90,,1,0,,,;").encode()


def read(peer, count):
    return read_exactly(peer, count).decode()


def stop(ident=ID):
    return f"**,imei:{ident},E;"


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, printed = simulated.run(avld, "gps103", udp)
    reports, helps, heartbeats = [], set(), 0
    for stream in streams:
        state = gps103.Device()
        for frame in re.findall(rb"[^;]*;", stream):
            out, *answer = gps103.decode(frame, state)
            heartbeats += frame[:1].isdigit()
            if answer:
                helps.add(frame)
            reports.append(out)
    # Answered are the heartbeats and "help me".
    assert re.search(r"acknowledged (\d+) of (\d+) frames, 0 missing, 0 unexpected", printed).groups() == (
        str(heartbeats + len(helps)),) * 2
    count, alarms = simulated.check_tracks(database, reports)
    assert count == 2000 and {alarm[2] for alarm in alarms} >= {"sos", "overspeed"}


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(f"##,imei:{ID},A;".encode())
        assert read(peer, 4) == "LOAD"
        peer.sendall(f"{ID};".encode())
        assert read(peer, 2) == "ON"
        peer.sendall(sentence("door alarm") + sentence("help me"))  # the first has no answer
        assert read(peer, len(stop())) == stop()
        database.wait(POSITIONS, 2)  # the answer came after the report was safe
    assert set(database.query("SELECT alarm FROM avld.alarms")) == {("door",), ("sos",)}


def test_digits_alone_are_accepted_from_known_devices(avld, database):
    avld.wait_log("database ready")  # before that every device counts as known
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(f"{ID}\n".encode())
        assert peer.recv(10) == b""  # closed: other protocols begin like that
    with avld.tcp() as peer:
        peer.sendall(sentence())
        database.wait(POSITIONS, 1)
    for text in (f"{ID}\n", ID):  # digits alone are complete when nothing follows
        with avld.tcp() as peer:
            peer.settimeout(30)
            peer.sendall(text.encode())
            assert read(peer, 2) == "ON"


def test_commands(daemons, database):
    with simulated.obeying(daemons, database, "gps103", "engineStop engineResume positionSingle custom", 8) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "custom", '{"text": "F,0400m"}')
            simulated.send(database, device, "engineResume")
            simulated.send(database, device, "positionSingle")
        simulated.send(database, devices[0], "custom", '{"text": "N"}', state="failed")
        events = {row[0] for row in database.query("SELECT event FROM avld.positions")}
        assert {"jt", "ft", "kt"} <= events


def test_a_model_chooses_numbers_and_a_terminator(daemons, database):
    avld = daemons({"commands.allow": "positionPeriodic"}).start()
    database.query("INSERT INTO avld.devices(ident, model) VALUES (%s, '403 numbers;')", ID)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(sentence())
        database.wait(POSITIONS, 1)
        database.query("SELECT avld.send_command(%s, 'positionPeriodic', '{\"seconds\": 60}')", ID)
        text = f"**,imei:{ID},101,01m;"
        assert read(peer, len(text)) == text
        peer.sendall(sentence("101"))
        database.wait("SELECT count(*)::int FROM avld.commands WHERE state = 'confirmed'", 1)


def test_a_photo_is_stored(daemons, database):
    avld = daemons({"media.photos": "on"}).start()
    photo = b"\xff\xd8" + bytes(range(256)) * 3 + b"\xff\xd9"
    parts = [photo[at:at + 300] for at in range(0, len(photo), 300)]
    with avld.tcp() as peer:
        peer.sendall(sentence(f"vt{len(parts)}"))
        for number, part in enumerate(parts):
            peer.sendall(f"imei:{ID},vr,{(number.to_bytes(2, 'little') + bytes(2) + part + bytes(2)).hex()};".encode())
        database.wait("SELECT count(*)::int FROM avld.media", 1)
    assert bytes(database.one("SELECT bytes FROM avld.media")) == photo
    assert database.one(POSITIONS) == 1 and database.one("SELECT count(*)::int FROM avld.statuses") == 0
