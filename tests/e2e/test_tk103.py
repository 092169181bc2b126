# SPDX-License-Identifier: MIT
"""TK103: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
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
import tk103  # noqa: E402  the slow reference

POSITIONS = "SELECT count(*)::int FROM avld.positions"
ID = "600000000017"


def position(state="01000000", speed="010.0"):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now:%y%m%d}A2030.0000S03015.0000E{speed}{now:%H%M%S}090.00{state}L0001E240)"


def read_frame(peer, end=b")"):
    data = b""
    while not data.endswith(end):
        byte = peer.recv(1)
        assert byte, f"closed after {data!r}"
        data += byte
    return data.decode()


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    recorder = Recorder(avld.port, udp)
    done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", "tk103", "--devices", "20",
                           "--count", "2000", "--rate", "1000", "--seed", "5"] + ["--udp"] * udp,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, alarms = {}, set()
    for stream in recorder.streams.values():
        state = tk103.Device()
        for frame in re.findall(rb"[(][^)]*[)]", stream):
            out = tk103.decode(frame, state)[0]
            if "latitude" in out:
                key = out["ident"], out["device_time"]
                sent[key] = (out["latitude"] / 1e7, out["longitude"] / 1e7, out["speed_kmh"], out["course_deg"], out["ignition"],
                             out["odometer_m"])
                alarms |= {(*key, alarm) for alarm in out["alarms"]}
    database.wait(POSITIONS, len(sent))
    text = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    found = {row[:2]: row[2:] for row in database.query(
        f"SELECT ident, {text.format('p.fixed_at')}, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.ignition, p.odometer_m "
        "FROM avld.positions p JOIN avld.devices d ON d.id = device_id")}
    assert found.keys() == sent.keys() and len(found) > 1900
    for key, values in sent.items():
        assert found[key] == pytest.approx(values, abs=0.006) and found[key][:2] == pytest.approx(values[:2], abs=1e-6)
    assert alarms and alarms == set(database.query(
        f"SELECT ident, {text.format('occurred_at')}, alarm FROM avld.alarms a JOIN avld.devices d ON d.id = device_id"))
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


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
    avld = daemons({"commands.allow": "engineStop engineResume positionSingle getVersion custom",
                    "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", "tk103", "--devices", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 2)
        devices = [row[0] for row in database.query("SELECT id FROM avld.devices ORDER BY id")]
        for device in devices:
            for command, args in (("engineStop", "{}"), ("getVersion", "{}"), ("custom", '{"text": "AX01"}'), ("positionSingle", "{}"),
                                  ("engineResume", "{}")):
                database.query("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, %s, %s)", device, command, args)
                database.wait("SELECT count(*)::int FROM avld.commands WHERE state <> 'confirmed'", 0)
        # Each engine was stopped for a while: its state had the bit of the relay.
        database.wait("SELECT count(DISTINCT device_id)::int FROM avld.positions WHERE extra @> '{\"blocked\": true}'", 2)
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed 10 commands" in out, out + err


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
