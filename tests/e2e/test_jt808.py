# SPDX-License-Identifier: MIT
"""JT/T 808: simulated terminals, whose tracks must be what they sent; answers at the right time; batches, parts, photos;
commands."""
import datetime
import re

import pytest

import simulated
import jt808  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
NUMBER = bytes.fromhex("086000000017")
FRAME = re.compile(rb"~[^~]+~")


def frame(kind, serial, body=b"", flags=0, part=b""):
    header = bytes.fromhex(kind) + (len(body) | flags).to_bytes(2, "big") + NUMBER + serial.to_bytes(2, "big") + part
    return jt808.wrap(header + body)


def block(seconds=0, alarm=0):
    local = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8, seconds=seconds)
    place = bytes.fromhex("00000003033f9aa0011e1a30000c0064005a")
    return alarm.to_bytes(4, "big") + place + bytes.fromhex(f"{local:%y%m%d%H%M%S}")


def answer(kind, serial, body):
    return jt808.wrap(bytes.fromhex(kind) + len(body).to_bytes(2, "big") + NUMBER + serial.to_bytes(2, "big") + body)


def general(own, serial, kind):
    return answer("8001", own, serial.to_bytes(2, "big") + bytes.fromhex(kind) + b"\0")


def read(peer, *frames):
    want, data = b"".join(frames), b""
    while len(data) < len(want):
        piece = peer.recv(len(want) - len(data))
        assert piece, f"closed after {data!r}"
        data += piece
    assert data.hex() == want.hex()


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, _ = simulated.run(avld, "jt808", udp)
    reports = []
    for stream in streams:
        state = jt808.Device()
        reports += [jt808.decode(data, state)[0] for data in FRAME.findall(stream)]
    simulated.check_tracks(database, reports, ["odometer_m", "satellites"])


def test_answers(avld, database):
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("0100", 1, bytes(37)))
        read(peer, answer("8100", 0, b"\0\1\0" + b"86000000017"))
        peer.sendall(frame("0102", 2, b"86000000017") + frame("0002", 3))
        read(peer, general(1, 2, "0102"), general(2, 3, "0002"))
        bad = bytearray(frame("0200", 4, block()))
        bad[20] ^= 1
        peer.sendall(bytes(bad) + frame("0200", 5, block()))  # no answer to a wrong check
        read(peer, general(3, 5, "0200"))
    database.wait(POSITIONS, 1)
    database.wait("SELECT reason FROM avld.rejects", "bad checksum")


def test_a_device_that_is_refused_is_told_so(daemons, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('86000000018')")
    avld = daemons({"devices.unknown": "refuse"}).start()
    known = bytes.fromhex("0200001c0860000000180001") + block()
    avld.send_tcp(jt808.wrap(known))
    database.wait(POSITIONS, 1)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("0100", 1, bytes(37)))
        read(peer, answer("8100", 0, b"\0\1\4"))
    database.wait("SELECT ident FROM avld.unknown_devices", "86000000017")


def test_a_batch_sent_again_is_stored_once(avld, database):
    records = [block(-90), block(-60), block(-30)]
    body = b"\0\3\1" + b"".join(len(one).to_bytes(2, "big") + one for one in records)
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame("0704", 1, body))
        read(peer, general(0, 1, "0704"))
        peer.sendall(frame("0704", 2, body) + frame("0200", 3, records[1]))  # its answer was lost
        read(peer, general(1, 2, "0704"), general(2, 3, "0200"))
    with avld.tcp() as peer:
        peer.settimeout(30)
        parts = [body[:40], body[40:]]
        peer.sendall(frame("0704", 5, parts[1], 0x2000, b"\0\2\0\2"))
        missing = answer("8003", 1, b"\0\4\1\0\1")
        got = b""
        while len(got) < len(general(0, 5, "0704")) + len(missing):
            got += peer.recv(100)
        assert missing in got and general(0, 5, "0704") in got
        peer.sendall(frame("0704", 4, parts[0], 0x2000, b"\0\2\0\1"))
        read(peer, general(2, 4, "0704"))
    database.wait("SELECT count(*)::int FROM avld.positions WHERE event = '0704' AND stored", 3)
    assert database.one(POSITIONS) == 3
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_a_latched_alarm_is_reported_once(avld, database):
    for seconds in (-3, -2, -1):  # each over a connection of its own
        with avld.tcp() as peer:
            peer.settimeout(30)
            peer.sendall(frame("0200", 1, block(seconds, alarm=1)))
            read(peer, general(0, 1, "0200"))
    database.wait(POSITIONS, 3)
    database.wait("SELECT count(*)::int FROM avld.alarms", 1)
    assert database.one("SELECT alarm FROM avld.alarms") == "sos"


def test_a_login_that_the_database_refuses_is_kept_without_its_code(daemons, database):
    code = b"s3cret-code"
    avld = daemons().start()
    database.query("ALTER TABLE avld.statuses ADD CHECK (event <> '0102')")
    body = bytes([len(code)]) + code + b"860000000000017" + b"v1.0".ljust(20, b"\0")
    head = bytes.fromhex("0102") + (len(body) | 0x4000).to_bytes(2, "big") + b"\1" + bytes.fromhex("00000000086000000017")
    avld.send_tcp(jt808.wrap(head + b"\0\2" + body))
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason LIKE '%statuses_event_check%'", 1)
    frame = bytes(database.one("SELECT frame FROM avld.rejects"))
    assert code not in frame and b"*" * len(code) + b"860000000000017" in frame
    avld.end()


def test_a_photo_in_parts(daemons, database):
    avld = daemons({"media.photos": "on"}).start()
    photo = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 10 + b"\xff\xd9"
    whole = b"\0\0\0\x2a" + b"\0\0\1\2" + block() + photo
    parts = [whole[at:at + 900] for at in range(0, len(whole), 900)]
    with avld.tcp() as peer:
        peer.settimeout(30)
        for i, part in enumerate(parts):
            peer.sendall(frame("0801", 7 + i, part, 0x2000, len(parts).to_bytes(2, "big") + (i + 1).to_bytes(2, "big")))
            last = [answer("8800", i + 1, b"\0\0\0\x2a")] if i == len(parts) - 1 else []
            read(peer, general(i, 7 + i, "0801"), *last)
    database.wait("SELECT count(*)::int FROM avld.media WHERE complete", 1)
    stored, camera, latitude = database.query("SELECT bytes, camera, latitude FROM avld.media")[0]
    assert bytes(stored) == photo and camera == 2 and latitude == pytest.approx(54.5)
    assert database.one("SELECT event FROM avld.positions") == "0801"


def test_commands(daemons, database):
    allow = "engineStop engineResume positionSingle positionPeriodic custom"
    with simulated.obeying(daemons, database, "jt808", allow, 10) as (avld, devices):
        simulated.send(database, devices[0], "engineStop", state="failed")  # without a model there is no word for the relay
        database.query("UPDATE avld.devices SET model = 'G10LS'")
        avld.wait_log("devices read again")
        for device in devices:
            simulated.send(database, device, "engineStop")
            simulated.send(database, device, "custom", '{"text": "STATUS"}')
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "positionPeriodic", '{"seconds": 30}')
            simulated.send(database, device, "engineResume")
        assert database.one("SELECT count(*)::int FROM avld.positions WHERE extra->>'blocked' = 'true'") > 0
