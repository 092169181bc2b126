# SPDX-License-Identifier: MIT
"""avld simulate with servers that misbehave: which records it sends again, and how it ends."""
import re
import signal
import socket
import subprocess
import threading

from conftest import AVLD, PATIENCE_S, wait_for


class Server:
    """Accepts PT-502 connections; closes or resets each of the first `breaks` at its first bytes."""

    def __init__(self, breaks=0, reset=False):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.breaks, self.reset = breaks, reset
        self.streams = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            stream = bytearray()
            self.streams.append(stream)
            ends = len(self.streams) <= self.breaks
            threading.Thread(target=self.read, args=(peer, stream, ends), daemon=True).start()

    def read(self, peer, stream, ends):
        with peer:
            while data := peer.recv(4096):
                stream += data
                if ends:
                    if self.reset:
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return

    def records(self):
        """Returns all whole records, including repeated ones."""
        return [record for stream in self.streams
                for record in re.findall(rb"\$[A-Z0-9]{3},[^$\r]*\r\n", bytes(stream))]


def simulate(port, *arguments):
    return subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{port}", *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process, code):
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, out + err
    return out, err


def numbers(out):
    return [int(n) for n in re.search(
        r"sent (\d+) reports from (\d+) devices over \w+ in .* (\d+) reconnects, (\d+) sent again", out).groups()]


def test_sends_exactly_the_count():
    server = Server()
    out, _ = end(simulate(server.port, "--count", 1003, "--devices", 10, "--rate", 0), 0)
    assert numbers(out) == [1003, 10, 0, 0]
    records = server.records()
    assert len(records) == len(set(records)) == 1003
    assert len(server.streams) == 10


def test_the_same_seed_makes_the_same_trackers():
    routes = []
    for seed in (5, 5, 6):
        server = Server()
        end(simulate(server.port, "--count", 60, "--devices", 3, "--rate", 0, "--seed", seed), 0)
        routes.append(sorted((f[1], f[4], f[6], f[8]) for f in (r.split(b",") for r in server.records())))
    assert routes[0] == routes[1]
    assert not {route[0] for route in routes[0]} & {route[0] for route in routes[2]}


def test_a_broken_connection_loses_no_report():
    for reset in (False, True):
        server = Server(breaks=2, reset=reset)
        out, _ = end(simulate(server.port, "--count", 40, "--devices", 2, "--rate", 40), 0)
        sent, _, reconnects, again = numbers(out)
        assert (sent, reconnects) == (40, 2)
        assert again >= 2
        assert len(set(server.records())) == 40
        assert len(server.records()) == 40 + again


def test_an_unreachable_server():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for udp in ((), ("--udp",)):
        _, err = end(simulate(port, "--count", 2, "--rate", 0, *udp), 1)
        assert f"cannot reach 127.0.0.1:{port}: Connection refused" in err


def test_an_interrupt_ends_it_in_order():
    server = Server()
    process = simulate(server.port, "--devices", 5, "--rate", 200)
    wait_for(lambda: len(server.records()) > 20, "reports")
    process.send_signal(signal.SIGINT)
    out, _ = end(process, 0)
    assert numbers(out)[0] == len(server.records())


def test_a_track_that_cannot_be_written_is_an_error():
    server = Server()
    for file, error in (("/dev/full", "is incomplete"), ("/nonexistent/x", "No such file or directory")):
        done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{server.port}", "--devices", "1", "--count", "200", "--rate", "0",
                               "--track", file], capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 1 and f"--track {file}" in done.stderr and error in done.stderr, done.stderr


def test_bad_usage():
    for arguments in ((), ("--to", "localhost"), ("--to", "::1:8888"), ("--to", "a:0"),
                      ("--to", "a:1", "--rate", "-1"), ("--to", "a:1", "--devices", "0"),
                      ("--to", "a:1", "--count", "x"), ("--to", "a:1", "--protocol", "none"),
                      ("--to", "a:1", "--seed", "1000000"), ("--to", "a:1", "more"), ("--wrong",),
                      ("--to", "a:1", "--count", "99999999", "--devices", "1", "--rate", "0")):
        done = subprocess.run([AVLD, "simulate", *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith("avld simulate: ") or "simulate: unrecognized" in done.stderr
