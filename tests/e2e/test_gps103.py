# SPDX-License-Identifier: MIT
"""GPS103: simulated trackers, whose tracks must be what they sent; answers at the right time; commands; a photo."""
import datetime
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from conftest import AVLD
from test_two_protocols import Recorder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))
import gps103  # noqa: E402  the slow reference

POSITIONS = "SELECT count(*)::int FROM avld.positions"
ID = "860000000000017"


def sentence(keyword="tracker", zone_h=3, ident=ID):
    now = datetime.datetime.now(datetime.timezone.utc)
    local = now + datetime.timedelta(hours=zone_h)
    return (f"imei:{ident},{keyword},{local:%y%m%d%H%M%S},,F,{now:%H%M%S}.000,A,2030.0000,S,03015.0000,E,10.00,90,,1,0,,,;").encode()


def read(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        assert more, f"closed after {data!r}"
        data += more
    return data.decode()


def stop(ident=ID):
    return f"**,imei:{ident},E;"


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    recorder = Recorder(avld.port, udp)
    done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", "gps103", "--devices", "20",
                           "--count", "2000", "--rate", "1000", "--seed", "5"] + ["--udp"] * udp,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, alarms, helps, heartbeats = {}, set(), set(), 0
    for stream in recorder.streams.values():
        state = gps103.Device()
        for frame in re.findall(rb"[^;]*;", stream):
            out, *answer = gps103.decode(frame, state)
            heartbeats += frame[:1].isdigit()
            if answer:
                helps.add(frame)
            if "latitude" in out:
                key = out["ident"], out["device_time"]
                sent[key] = out["latitude"] / 1e7, out["longitude"] / 1e7, out["speed_kmh"], out["course_deg"], out["ignition"]
                alarms |= {(*key, alarm) for alarm in out["alarms"]}
    # Answered are the heartbeats and "help me".
    assert re.search(r"acknowledged (\d+) of (\d+) frames, 0 missing, 0 unexpected", done.stdout).groups() == (
        str(heartbeats + len(helps)),) * 2
    database.wait(POSITIONS, len(sent))
    text = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    found = {row[:2]: row[2:] for row in database.query(
        f"SELECT ident, {text.format('p.fixed_at')}, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.ignition "
        "FROM avld.positions p JOIN avld.devices d ON d.id = device_id")}
    assert found.keys() == sent.keys() and len(found) == 2000
    for key, values in sent.items():
        assert found[key] == pytest.approx(values, abs=0.006) and found[key][:2] == pytest.approx(values[:2], abs=1e-6)
    assert {alarm[2] for alarm in alarms} >= {"sos", "overspeed"} and alarms == set(database.query(
        f"SELECT ident, {text.format('occurred_at')}, alarm FROM avld.alarms a JOIN avld.devices d ON d.id = device_id"))
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


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
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(f"{ID}\n".encode())
        assert read(peer, 2) == "ON"


def test_commands(daemons, database):
    avld = daemons({"commands.allow": "engineStop engineResume positionSingle custom", "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", "gps103", "--devices", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 2)
        devices = [row[0] for row in database.query("SELECT id FROM avld.devices ORDER BY id")]
        for device in devices:
            for command, args in (("engineStop", "{}"), ("custom", '{"text": "F,0400m"}'), ("engineResume", "{}"),
                                  ("positionSingle", "{}")):
                database.query("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, %s, %s)", device, command, args)
                database.wait("SELECT count(*)::int FROM avld.commands WHERE state <> 'confirmed'", 0)
        database.query("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, 'custom', '{\"text\": \"N\"}')", devices[0])
        database.wait("SELECT count(*)::int FROM avld.commands WHERE state = 'failed'", 1)
        events = {row[0] for row in database.query("SELECT event FROM avld.positions")}
        assert {"jt", "ft", "kt"} <= events
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed 8 commands" in out, out + err


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
