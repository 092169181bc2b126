# SPDX-License-Identifier: MIT
"""Watch: simulated watches, whose tracks must be what they sent; answers at the right time; states that become alarms; photos;
commands; a length that is too large."""
import datetime
import random

import simulated
import watch  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "8600000017"


def frame(content, maker="3G", index="", length=None):
    data = content if isinstance(content, bytes) else content.encode()
    return f"[{maker}*{ID}*{index}{len(data) if length is None else length:04X}*".encode() + data + b"]"


def position(word="UD", status="00000000", speed="10.0"):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{word},{now:%d%m%y},{now:%H%M%S},A,20.500000,S,30.250000,E,{speed},90.0,-1,9,80,70,100,0,{status},0,0"


def read_frame(peer):
    return simulated.read_until(peer, b"]")


def test_tracks_are_what_was_sent(avld, database):
    streams, _ = simulated.run(avld, "watch", False)
    reports = []
    for stream in streams:
        state = watch.Device()
        for _, one in watch.cut(stream):
            out = watch.decode(one, state)[0]
            reports.append({"ignition": None, **out})
    simulated.check_tracks(database, reports, ["satellites", "gsm_percent", "battery_percent"])


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("LK"))
        assert read_frame(peer) == frame("LK")
        peer.sendall(frame("LK,100,0,70", "ZJ", "0012*"))
        assert read_frame(peer) == frame("LK", "ZJ", "0012*")
        peer.sendall(frame(position("AL", "00010000")))
        assert read_frame(peer) == frame("AL")
        # A position has no answer. Two frames in one segment.
        peer.sendall(frame(position(speed="11.0")) + frame("INIT,1,2"))
        assert read_frame(peer) == frame("INIT,1")
    database.wait(POSITIONS, 2)
    assert database.query("SELECT alarm FROM avld.alarms") == [("sos",)]
    assert database.query("SELECT ident, s.protocol FROM avld.devices d JOIN avld.device_state s ON d.id = device_id") == [(ID, "watch")]


def test_a_state_is_an_alarm_when_it_begins_also_after_a_restart(avld, database):
    for number, status in enumerate(("00000001", "00000001", "00000003")):
        with avld.tcp() as peer:
            peer.settimeout(30)
            peer.sendall(frame(position(status=status, speed=f"{number}.0")) + frame("LK"))
            read_frame(peer)
        database.wait(POSITIONS, number + 1)
        avld.end()
        avld.start()
    assert database.query("SELECT alarm, speed_kmh::int FROM avld.alarms ORDER BY 2") == [("lowBattery", 0), ("geofenceExit", 2)]


def test_a_length_that_is_too_large_delays_its_frame(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("LK") + frame("LK,5,0,70", length=400) + frame(position()) + frame("TKQ"))
        # Nothing follows, so the frames are cut by their brackets. Counters are answered once they are stored.
        assert sorted(read_frame(peer) for _ in range(3)) == sorted([frame("LK"), frame("LK"), frame("TKQ")])
        database.wait(POSITIONS, 1)
        peer.sendall(frame("LK,6,0,70", length=200) + frame("TKQ2"))
    database.wait("SELECT count(*)::int FROM avld.statuses WHERE extra @> '{\"steps\": 6}'", 1)
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_a_photo_is_stored(daemons, database):
    avld = daemons({"media.photos": "on"}).start()
    photo = b"\xff\xd8" + random.Random(17).randbytes(9000) + b"\xff\xd9"
    escaped = photo
    for raw, code in ((b"}", b"}\x01"), (b"[", b"}\x02"), (b"]", b"}\x03"), (b",", b"}\x04"), (b"*", b"}\x05")):
        escaped = escaped.replace(raw, code)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("LK"))
        read_frame(peer)
        now = datetime.datetime.now(datetime.timezone.utc)
        peer.sendall(frame(f"img,5,{now:%y%m%d%H%M%S},".encode() + escaped))
        database.wait("SELECT count(*)::int FROM avld.media", 1)
    stored, complete = database.query("SELECT bytes, complete FROM avld.media")[0]
    assert bytes(stored) == photo and complete


def test_commands(daemons, database):
    allow = "positionSingle positionPeriodic rebootDevice setTimezone custom"
    with simulated.obeying(daemons, database, "watch", allow, 10) as (_, devices):
        for device in devices:
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "positionPeriodic", '{"seconds": 600}')
            simulated.send(database, device, "setTimezone", '{"hours": 2}')
            simulated.send(database, device, "custom", '{"text": "SOS1,15551234567"}')
            simulated.send(database, device, "rebootDevice")
            simulated.send(database, device, "custom", '{"text": "POWEROFF"}', "failed")


def test_a_command_has_the_index_of_the_device(daemons, database):
    avld = daemons({"commands.allow": "positionPeriodic"}).start()
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame(position(), "ZJ", "0007*"))
        database.wait(POSITIONS, 1)
        database.query("INSERT INTO avld.commands(device_id, command, args) SELECT id, 'positionPeriodic', '{\"seconds\": 60}' FROM avld.devices")
        assert read_frame(peer) == frame("UPLOAD,60", "ZJ", "0001*")
        peer.sendall(frame("UPLOAD", "ZJ", "0008*"))
        database.wait("SELECT state FROM avld.commands", "confirmed")
