# SPDX-License-Identifier: MIT
"""Simulated trackers of one protocol: what they sent must be in SQL as the slow reference reads it, and they obey commands."""
import collections
import contextlib
import itertools
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

from conftest import AVLD

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))

POSITIONS = "SELECT count(*)::int FROM avld.positions"
TIME = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
MEASURED = ["speed_kmh", "course_deg", "ignition"]


class Recorder:
    """A proxy between simulate and avld that keeps the bytes the trackers sent."""

    def __init__(self, port, udp, lost=()):
        self.lost = set(lost)  # numbers of the datagrams that do not arrive
        self.target = ("127.0.0.1", port)
        self.streams = collections.defaultdict(bytearray)  # a TCP connection or a UDP sender: its bytes
        self.udp = udp
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        if not udp:
            self.socket.listen(200)
        threading.Thread(target=self.serve_udp if udp else self.serve_tcp, daemon=True).start()

    def serve_tcp(self):
        while True:
            client, address = self.socket.accept()
            server = socket.create_connection(self.target)
            for source, sink, keep in ((client, server, address), (server, client, None)):
                threading.Thread(target=self.pump, args=(source, sink, keep), daemon=True).start()

    def pump(self, source, sink, keep):
        try:
            while data := source.recv(65536):
                if keep:
                    self.streams[keep] += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve_udp(self):
        forwards = {}

        def return_replies(forward, address):
            while True:
                try:
                    self.socket.sendto(forward.recv(65536), address)
                except OSError:
                    return
        for number in itertools.count():
            data, address = self.socket.recvfrom(65536)
            if address not in forwards:
                forwards[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                forwards[address].connect(self.target)
                threading.Thread(target=return_replies, args=(forwards[address], address), daemon=True).start()
            self.streams[address] += data
            if number not in self.lost:
                forwards[address].send(data)


def run(avld, protocol, udp, lost=()):
    """20 trackers send 2,000 reports. Returns the bytes of each conversation, and what the program printed."""
    recorder = Recorder(avld.port, udp, lost)
    done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", protocol, "--devices", "20",
                           "--count", "2000", "--rate", "1000", "--seed", "5"] + ["--udp"] * udp,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return [bytes(stream) for stream in recorder.streams.values()], done.stdout


def check_tracks(database, reports, more=()):
    """Compares positions and alarms in SQL with reports of a reference. more: columns beside those of every protocol.
    Returns the number of positions and the alarms."""
    columns, sent, alarms = MEASURED + list(more), {}, set()
    for out in reports:
        if "latitude" in out:
            key = out["ident"], out["device_time"]
            sent[key] = out["latitude"] / 1e7, out["longitude"] / 1e7, *(out[column] for column in columns)
            alarms |= {(*key, alarm) for alarm in out["alarms"]}
    database.wait(POSITIONS, len(sent))
    names = ", ".join(f"p.{column}" for column in columns)
    found = {row[:2]: row[2:] for row in database.query(
        f"SELECT ident, {TIME.format('p.fixed_at')}, p.latitude, p.longitude, {names} "
        "FROM avld.positions p JOIN avld.devices d ON d.id = device_id")}
    assert found.keys() == sent.keys() and len(found) > 1900
    for key, values in sent.items():
        assert found[key] == pytest.approx(values, abs=0.006) and found[key][:2] == pytest.approx(values[:2], abs=1e-6)
    assert alarms and alarms == set(database.query(
        f"SELECT ident, {TIME.format('occurred_at')}, alarm FROM avld.alarms a JOIN avld.devices d ON d.id = device_id"))
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    return len(found), alarms


@contextlib.contextmanager
def obeying(daemons, database, protocol, allow, obeyed):
    """Two trackers that report. Gives the daemon and the ids of the devices. In all they must obey so many commands."""
    avld = daemons({"commands.allow": allow, "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", protocol, "--devices", "2"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 2)
        yield avld, [row[0] for row in database.query("SELECT id FROM avld.devices ORDER BY id")]
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed %d commands" % obeyed in out, out + err


def send(database, device, command, args="{}", state="confirmed"):
    """Waits until the command has that state."""
    number = database.one("INSERT INTO avld.commands(device_id, command, args) VALUES (%s, %s, %s) RETURNING id", device, command, args)
    database.wait(f"SELECT state FROM avld.commands WHERE id = {number}", state)


def read_until(peer, end):
    data = b""
    while not data.endswith(end):
        byte = peer.recv(1)
        assert byte, f"closed after {data!r}"
        data += byte
    return data
