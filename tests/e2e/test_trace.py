# SPDX-License-Identifier: MIT
"""avld trace, [log] trace and avld status --watch: what support sees of one tracker, live."""
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading

import pytest

import gt06
import pt502
from conftest import AVLD, PATIENCE_S, free_port, wait_for

IMEI = "860000000000017"


class Verb:
    """A verb that runs on; its lines are read as they come."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([AVLD, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = [], []
        self.threads = [threading.Thread(target=self.read, args=args, daemon=True)
                        for args in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def read(pipe, lines):
        for line in pipe:
            lines.append(line.rstrip("\n"))

    def wait_for(self, ask, what):
        return wait_for(ask, lambda: f"{what}: {self.out[-20:]} {self.err}")

    def end(self, number=signal.SIGINT):
        """Sends the signal (0: none), returns the exit code."""
        if number:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        for thread in self.threads:
            thread.join(PATIENCE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Trace(Verb):
    def __init__(self, daemon, ident, *options):
        super().__init__("trace", "-c", "/dev/null", "-o", f"journal.dir={daemon.settings['journal.dir']}", *options, ident)
        self.wait_for(lambda: self.err, "a word on standard error")

    def events(self, kind=None):
        found = [json.loads(line) for line in list(self.out)]
        return [event for event in found if kind in (None, event["event"])]

    def wait(self, kind, count=1):
        return self.wait_for(lambda: len(self.events(kind)) >= count and self.events(kind), f"{count} x {kind}")


@pytest.fixture
def watch():
    made = []

    def make(*arguments, verb=Trace):
        made.append(verb(*arguments))
        return made[-1]
    yield make
    for verb in made:
        if verb.process.poll() is None:
            verb.end(signal.SIGKILL)


def socket_of(daemon):
    return os.path.join(daemon.settings["journal.dir"], "trace.sock")


def connect(daemon):
    """A client that is not avld trace."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE_S)
    client.connect(socket_of(daemon))
    return client


def decode(frame):
    """What avld decode prints of the frame."""
    done = subprocess.run([AVLD, "decode"], input=frame, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_pt502_over_tcp(avld, watch):
    trace = watch(avld, "5020001", "--json")
    assert "avld does not know it yet" in trace.err[0]
    record = pt502.record()
    with avld.tcp() as peer:
        port = peer.getsockname()[1]
        peer.sendall(record)
        event = trace.wait("frame")[0]
        assert bytes.fromhex(event["frame"]) == record and event["bytes"] == len(record)
        assert (event["ident"], event["transport"], event["peer"]) == ("5020001", "tcp", f"127.0.0.1:{port}")
        assert (event["protocol"], event["outcome"]) == ("pt502", "position")
        assert event["decoded"] == [line for line in decode(record) if "ident" in line]
        avld.database.wait("SELECT count(*) FROM avld.positions", 1)
        assert trace.wait("stored")[0]["lsn"] >= event["lsn"]
        peer.sendall(b"$POS,5020001,996100.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126\r\n")
        event = trace.wait("frame", 2)[1]
        assert event["outcome"] == "rejected"
        avld.database.wait("SELECT reason FROM avld.rejects", event["decoded"][0]["reject"])
    ended = trace.wait("disconnected")[0]
    assert (ended["reason"], ended["frames"], ended["rejects"]) == ("closed by peer", 1, 1)
    assert [event["event"] for event in trace.events()][:3] == ["watching", "connection", "frame"]
    # The device is known now.
    again = watch(avld, "5020001")
    assert "it has no connection now" in again.err[0]
    assert again.end() == 0 and trace.end() == 0


def test_gt06_text(avld, watch):
    """The log-in shows, and its reply; a bad sum; the output for people."""
    trace = watch(avld, IMEI)
    with avld.tcp() as peer:
        peer.sendall(gt06.login(IMEI))
        assert gt06.read_exactly(peer, 10) == gt06.answer(1, 1)
        peer.sendall(gt06.position(2))
        assert gt06.read_exactly(peer, 10) == gt06.answer(0x12, 2)
        peer.sendall(gt06.position(3, bad_crc=True))
        text = trace.wait_for(lambda: sum(" frame tcp " in line for line in trace.out) == 3 and "\n".join(trace.out), "three frames")
        connected = watch(avld, IMEI)
        assert f"connected from 127.0.0.1:{peer.getsockname()[1]}" in connected.err[0]
    for word in "disconnected", "committed":
        trace.wait_for(lambda word=word: any(word in line for line in trace.out), word)
    text = "\n".join(trace.out)
    assert re.search(r"^\S+Z connection tcp 127\.0\.0\.1:\d+, open since \S+Z$", text, re.M), text
    assert re.search(rf"^\S+Z frame tcp \S+ gt06 bytes=18 -> status, lsn \d+\n  frame   {gt06.login(IMEI).hex()}\n"
                     r"  report  .*\n" rf"  reply   {gt06.answer(1, 1).hex()}, sent at once$", text, re.M), text
    assert re.search(r"-> position, lsn \d+\n  frame   7878.*\n  report  \{\"protocol\":\"gt06\",\"ident\":\"860000000000017\"", text), text
    assert re.search(r"-> rejected.*\n  frame   7878.*\n  reject  \{\"protocol\":\"gt06\",\"reject\":\"bad checksum\"", text), text
    assert re.search(r" committed: the database has the frames up to lsn \d+$", text, re.M), text
    assert re.search(r" disconnected tcp \S+: closed by peer \(since \S+Z, bytes=\d+ frames=2 rejects=1\)$", text, re.M), text
    assert trace.end() == 0


def test_before_the_ident(avld, watch):
    """A GT06 that sends a position before its log-in: shown when it logs in."""
    trace = watch(avld, IMEI, "--json")
    other = watch(avld, "5020001", "--json")
    early, login = gt06.heartbeat(1), gt06.login(IMEI, 2)
    with avld.tcp() as peer:
        peer.sendall(early)
        peer.sendall(login)
        frames = trace.wait("frame", 2)
        assert [bytes.fromhex(event["frame"]) for event in frames] == [early, login]
        assert "ident" not in frames[0] and frames[1]["ident"] == IMEI
    assert not other.events("frame")


def test_udp(avld, watch):
    trace = watch(avld, "5020001", "--json", "--count", "2")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(pt502.record(), ("127.0.0.1", avld.port))
        first = trace.wait("frame")[0]
        peer.sendto(pt502.record(time=pt502.now(-5)), ("127.0.0.1", avld.port))
    assert trace.end(0) == 0
    assert first["transport"] == "udp"
    assert len(trace.events("frame")) == 2 and len(trace.events("connection")) == 1


def test_refused(daemons, watch):
    avld = daemons({"devices.unknown": "refuse"}).start()
    trace = watch(avld, IMEI, "--json")
    with avld.tcp() as peer:
        peer.sendall(gt06.login(IMEI))
        event = trace.wait("frame")[0]
    assert (event["outcome"], event["reason"]) == ("refused", "unknown device")


def test_command(daemons, watch):
    avld = daemons({"commands.allow": "positionSingle"}).start()
    trace = watch(avld, IMEI, "--json")
    with avld.tcp() as peer:
        peer.sendall(gt06.login(IMEI) + gt06.position(2))
        gt06.read_exactly(peer, 20)
        avld.database.wait("SELECT count(*) FROM avld.positions", 1)
        avld.database.query("SELECT avld.send_command(%s, 'positionSingle')", IMEI)
        event = trace.wait("command")[0]
        assert (event["ident"], event["id"]) == (IMEI, avld.database.one("SELECT id FROM avld.commands"))
        sent = bytes.fromhex(event["frame"])
        assert gt06.read_exactly(peer, len(sent)) == sent


def test_password(avld, watch):
    """The password of a log-in is not shown."""
    trace = watch(avld, "860000000000025", "--json")
    with avld.tcp() as peer:
        peer.sendall(b"#L#860000000000025;Sesame\r\n")
        event = trace.wait("frame")[0]
    assert bytes.fromhex(event["frame"]) == b"#L#860000000000025;******\r\n"


def test_text_of_trackers(daemons, watch):
    """What is not printable ASCII is escaped, for terminals and logs; in JSON it means the same as in avld decode."""
    avld = daemons({"log.trace": "phone-017"}).start()
    trace = watch(avld, "phone-017", "--json")
    request = (b"GET /?id=phone-017&lat=52.5&lon=21.25&timestamp=%d&note=%%C2%%9B31m%%E2%%80%%AE%%F0%%9F%%9A%%97%%1B%%22%%C3%%A9 HTTP/1.1\r\n\r\n"
               % pt502.now().timestamp())
    with avld.tcp() as peer:
        peer.sendall(request)
        event = trace.wait("frame")[0]
        assert event["decoded"] == [line for line in decode(request) if "ident" in line]
        assert event["decoded"][0]["extra"]["note"] == "\x9b31m\u202e\U0001f697\x1b\"\xe9"
        avld.wait_log("\\ud83d\\ude97")
    lines = [line for line in trace.out + avld.logged().splitlines() if "phone-017" in line]
    assert lines and all(line.isascii() and line.isprintable() for line in lines)


def test_slow_watcher(avld, watch):
    """Who does not read loses events and is told how many; the daemon goes on."""
    with connect(avld) as slow:
        slow.sendall(b"5020001\n")
        trace = watch(avld, "5020001", "--json", "--count", "1000")
        times = pt502.last(20000)
        with avld.tcp() as peer:
            for start in range(0, 20000, 2000):
                peer.sendall(b"".join(pt502.record(time=time) for time in times[start:start + 2000]))
                avld.database.wait("SELECT count(*) FROM avld.positions", start + 2000)
        seen, lost = 0, 0
        with contextlib.closing(slow.makefile()) as lines:
            for line in lines:
                event = json.loads(line)
                seen += event["event"] == "frame"
                lost += event["event"] == "lost" and event["count"]
                if seen + lost >= 20000:  # `lost` counts other events too
                    break
    assert 0 < seen < 20000
    assert trace.end(0) == 0
    assert len(trace.events("frame")) == 1000


def test_too_many(avld, watch):
    clients = [connect(avld) for _ in range(8)]
    for client in clients:
        client.sendall(b"5020001\n")
        assert b'"watching"' in client.recv(4096)
    trace = watch(avld, "5020001")
    assert trace.end(0) == 1
    assert "8 traces are under way; end one of them" in trace.err[0]
    clients.pop().close()
    wait_for(lambda: "watching" in watch(avld, "5020001").err[0], "room for a trace")
    for client in clients:
        client.close()


def test_bad_clients(avld):
    for line in (b"x" * 33, b"no ident\n", b"\n", b"\xff\n"):
        with connect(avld) as client:
            client.sendall(line)
            answer = client.makefile().read()
            assert '"refused"' in answer and "not an ident" in answer, line


def test_socket(daemons, watch, tmp_path):
    """Private; replaced after kill -9; removed at the end; the journal does not mind it; also in a folder with a long path."""
    folder = tmp_path / ("long" * 30) / ("path" * 30)
    folder.parent.mkdir()
    avld = daemons(folder=folder).start()
    mode = os.stat(socket_of(avld)).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    trace = watch(avld, "5020001")
    journal = subprocess.run([AVLD, "journal", avld.settings["journal.dir"]], capture_output=True, text=True, check=True)
    assert "trace.sock" not in journal.stdout + journal.stderr
    avld.kill()
    assert trace.end(0) == 1 and "the connection is lost" in trace.err[-1]
    assert os.path.exists(socket_of(avld))
    stale = subprocess.run([AVLD, "trace", "-c", "/dev/null", "-o", f"journal.dir={avld.settings['journal.dir']}", "5020001"],
                           capture_output=True, text=True)
    assert stale.returncode == 1 and "avld is not running with this journal.dir" in stale.stderr
    avld.start()
    trace = watch(avld, "5020001")
    avld.send_tcp(pt502.record())
    trace.wait_for(lambda: any("-> position" in line for line in trace.out), "the frame")
    avld.end()
    assert trace.end(0) == 1 and "avld has ended" in trace.err[-1]
    assert not os.path.exists(socket_of(avld))
    assert "not part of the journal" not in avld.logged() and "the trace socket" not in avld.logged()


def test_usage(tmp_path):
    def run(*arguments):
        done = subprocess.run([AVLD, "trace", "-c", "/dev/null", "-o", f"journal.dir={tmp_path}/none", *arguments],
                              capture_output=True, text=True)
        return done.returncode, done.stderr
    code, error = run()
    assert code == 2 and "missing IDENT" in error
    code, error = run("no ident")
    assert code == 2 and "'no ident' is no ident" in error
    code, error = run("5020001", "--count", "0")
    assert code == 2 and "--count 0" in error
    code, error = run("5020001")
    assert code == 1 and f"{tmp_path}/none/trace.sock (journal.dir: -o): No such file" in error and "start it" in error


def test_log(daemons):
    avld = daemons({"log.trace": f"5020001, {IMEI}"}).start()
    record = pt502.record()
    avld.send_tcp(record)
    avld.send_tcp(pt502.record(ident="5020002"))
    avld.wait_log('trace ident=5020001 event={"event":"disconnected"')
    lines = [line.partition("INFO ")[2] for line in avld.logged().splitlines() if " trace ident=" in line]
    assert any(f'"frame":"{record.hex()}"' in line and '"outcome":"position"' in line for line in lines)
    assert not any("5020002" in line for line in lines)
    with avld.tcp() as peer:  # at most 120 lines a minute
        peer.sendall(b"".join(pt502.record(time=time) for time in pt502.last(500)))
        avld.database.wait("SELECT count(*) >= 500 FROM avld.positions", True)
    assert avld.logged().count(" trace ident=5020001") <= 122
    bad = subprocess.run([AVLD, "check", "-c", "/dev/null", "-o", "log.trace=1 2 3 4 5"], capture_output=True, text=True)
    assert bad.returncode == 2 and "write at most 4" in bad.stderr


def test_status_watch(daemons, watch):
    listen = f"127.0.0.1:{free_port()}"
    avld = daemons({"http.listen": listen}).start()
    status = watch("status", "-c", "/dev/null", "-o", f"http.listen={listen}", "--watch", verb=Verb)
    status.wait_for(lambda: any("frames received" in line for line in status.out), "the status")
    avld.send_tcp(b"".join(pt502.record(time=time) for time in pt502.last(50)))
    status.wait_for(lambda: any(re.search(r"^ +50 +\+\d+/s  frames received$", line) for line in status.out), "the rate")
    avld.end()
    assert status.end(0) == 1
    assert f"no answer from http.listen={listen}" in status.err[-1]
    avld.start()
    status = watch("status", "-c", "/dev/null", "-o", f"http.listen={listen}", "--watch", verb=Verb)
    status.wait_for(lambda: any("frames received" in line for line in status.out), "the status")
    assert status.end() == 0 and not status.err


def test_status_on_a_terminal(daemons):
    """Drawn again in place, and no longer than the window."""
    listen = f"127.0.0.1:{free_port()}"
    daemons({"http.listen": listen}).start()
    control, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 120, 0, 0))
    process = subprocess.Popen([AVLD, "status", "-c", "/dev/null", "-o", f"http.listen={listen}", "--watch"], stdout=terminal)
    os.close(terminal)
    drawn = b""
    while drawn.count(b"\x1b[H\x1b[J") < 3:
        drawn += os.read(control, 65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    os.close(control)
    page = drawn.split(b"\x1b[H\x1b[J")[1]
    assert page.count(b"\n") == 19 and page.startswith(b"avld ")
    assert re.search(rb"\n\.\.\. \d+ more lines; the window is too low\r\n$", page), page
