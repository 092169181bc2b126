# SPDX-License-Identifier: MIT
"""H02: simulated trackers, whose tracks must be what they sent; answers at the right time; commands."""
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
import h02  # noqa: E402  the slow reference

POSITIONS = "SELECT count(*)::int FROM avld.positions"


def now_frame(ident="8600000017", kind="V1", word="FFFFFFFF"):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"*HQ,{ident},{kind},{now:%H%M%S},A,2030.0000,S,03015.0000,E,10.00,090,{now:%d%m%y},{word}#".encode()


def read_frame(peer):
    data = b""
    while not data.endswith(b"#"):
        byte = peer.recv(1)
        assert byte, f"closed after {data!r}"
        data += byte
    return data


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    recorder = Recorder(avld.port, udp)
    done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", "h02", "--devices", "20",
                           "--count", "2000", "--rate", "1000", "--seed", "5"] + ["--udp"] * udp,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, alarms = {}, set()
    for stream in recorder.streams.values():
        state = h02.Device()
        for frame in re.findall(rb"[*][^#]*#", stream):
            out = h02.decode(frame, state)[0]
            if "latitude" in out:
                key = out["ident"], out["device_time"]
                sent[key] = out["latitude"] / 1e7, out["longitude"] / 1e7, out["speed_kmh"], out["course_deg"], out["ignition"]
                alarms |= {(*key, alarm) for alarm in out["alarms"]}
    database.wait(POSITIONS, len(sent))
    text = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    found = {row[:2]: row[2:] for row in database.query(
        f"SELECT ident, {text.format('p.fixed_at')}, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.ignition "
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
    avld = daemons({"commands.allow": "engineStop engineResume positionSingle custom", "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", "h02", "--devices", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 2)
        devices = [row[0] for row in database.query("SELECT id FROM avld.devices ORDER BY id")]
        for device in devices:
            for command, args in (("engineStop", "{}"), ("custom", '{"text": "SCF,0,0"}'), ("engineResume", "{}")):
                database.query("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, %s, %s)", device, command, args)
                database.wait("SELECT count(*)::int FROM avld.commands WHERE state <> 'confirmed'", 0)
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed 6 commands" in out, out + err
