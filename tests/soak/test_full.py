# SPDX-License-Identifier: MIT
"""Fault 4: the journal at its quota, and on a disk that is full."""
import contextlib
import ctypes
import errno
import itertools
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

import pt502
from harness import dump, frames_of, free_port, health, metrics, open_files, rounds, series, wait_for, wait_stored
from test_kill import fixed_port
from trackers import Gt06, Pt502


class Flood(threading.Thread):
    """A tracker that sends a long log once, as fast as TCP allows."""

    def __init__(self, port, device, records):
        super().__init__(daemon=True)
        self.port, self.device, self.records = port, device, records
        self.sent = 0  # bytes accepted by the kernel
        self.closed = self.broken = False
        tracker = Pt502(port, device, 1)
        self.data = b"".join(tracker.record(n) for n in range(records))
        self.peer = socket.create_connection(("127.0.0.1", port), timeout=600)

    def run(self):
        view = memoryview(self.data)
        try:
            while self.sent < len(view):
                self.sent += self.peer.send(view[self.sent:self.sent + 8192])
            self.peer.shutdown(socket.SHUT_WR)
            self.closed = self.peer.recv(1) == b""
        except OSError:
            self.broken = True


def socket_of(process, number):
    """Returns another process's socket, of its pidfd and its descriptor, as one of this process too."""
    pidfd_getfd = 438  # of Linux 5.6 on; the C library of Debian 12 has no function for it
    fd = ctypes.CDLL(None, use_errno=True).syscall(pidfd_getfd, process, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=fd)


def sockets_of(pid):
    """Returns avld's sockets of connections by the peer's port: what avld leaves unread can be read from them after its end."""
    process = os.pidfd_open(pid)
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                own = socket_of(process, int(number))
                found[own.getpeername()[1]] = own
        except (OSError, IndexError) as error:  # closed meanwhile, or a socket without such a peer
            if getattr(error, "errno", None) in (errno.EPERM, errno.ENOSYS):
                pytest.skip(f"another process's socket cannot be used here: {error}")
    os.close(process)
    return found


def rest_of(stream):
    """Returns how many bytes can still be read from it, up to the end of the stream."""
    stream.settimeout(60)
    size = 0
    while part := stream.recv(65536):
        size += len(part)
    return size


def wait_blocked(floods, patience_s=60):
    """Waits until nothing is sent any more: the senders' windows are full."""
    seen = []

    def blocked():
        seen.append([flood.sent for flood in floods])
        return len(seen) > 60 and seen[-1] == seen[-60]
    wait_for(blocked, "the senders to be blocked", patience_s)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here (root may)")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk):
    with contextlib.suppress(OSError), open(disk / "other", "wb", buffering=0) as other:
        while True:
            other.write(bytes(4096))


@pytest.fixture(params=["quota", "disk"])
def full_soon(request, daemons, proxy, database):
    """A daemon whose journal has room for 4 to 8 MB and whose database is unreachable."""
    proxy.block()
    options = {"database.conninfo": proxy.conninfo(database), "http.listen": f"127.0.0.1:{free_port()}"}
    if request.param == "quota":
        options["journal.max_size"] = "4M"
    else:
        options["journal.dir"] = str(request.getfixturevalue("small_disk") / "journal")
    return fixed_port(daemons, options)


def test_full_and_room_again(full_soon, proxy, database, results, request):
    """TCP is not read and loses nothing, dropped UDP is counted, and each change is logged once."""
    avld = full_soon
    floods = [Flood(avld.port, f"502300{n}", 20000) for n in range(4)]
    gt06 = Gt06(avld.port, "860000000000033", 500)
    for sender in [*floods, gt06]:
        sender.start()
    wait_for(lambda: metrics(avld)["avld_journal_full"] == 1, "the journal to be full", 60)
    wait_blocked(floods)
    acknowledged = len(gt06.acknowledged)
    before = metrics(avld)["avld_udp_no_room_total"]
    datagrams = 500
    for number in range(datagrams):
        avld.send_udp(pt502.record(ident="5020099", tail=f"A/00010,00000/0/{number}//fa7/"))
    wait_for(lambda: metrics(avld)["avld_udp_no_room_total"] - before == datagrams, "all datagrams to be counted")
    status, page = health(avld)
    assert (status, page["status"], page["reasons"][0]["reason"]) == (503, "failing", "journal_full")
    wait_for(lambda: "udp_loss" in [reason["reason"] for reason in health(avld)[1]["reasons"]], "the loss to be named")
    assert len(gt06.acknowledged) == acknowledged
    assert not any(flood.broken for flood in floods) and gt06.breaks == 0  # one that was read to its end may be closed
    avld.process.send_signal(signal.SIGHUP)
    files = open_files(avld.process.pid)
    assert avld.logged().count("journal is full") == 1, avld.logged()
    proxy.unblock()
    gt06.finish()
    for sender in [*floods, gt06]:
        sender.join(120)
    assert all(flood.closed for flood in floods)
    expected = {flood.device: flood.records for flood in floods}
    expected[gt06.device] = gt06.made
    stored, missing, twice = wait_stored(database, expected)
    assert open_files(avld.process.pid) <= files + 8
    avld.end()
    log = avld.logged()
    assert log.count("journal is full") == log.count("journal has room again") < 50
    results.add(4, f"full by {request.node.callspec.params['full_soon']}", 1, sum(expected.values()), stored, missing, twice,
                f"{datagrams} datagrams dropped and counted")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_read_is_in_the_journal(full_soon, proxy, database, end):
    """With a full journal and an idle loop, every byte read from a socket is in the journal, except for an incomplete
    record, however the process ends."""
    avld = full_soon
    floods = [Flood(avld.port, f"502310{n}", 20000) for n in range(4)]
    for flood in floods:
        flood.start()
    avld.wait_log("journal is full", 60)
    wait_blocked(floods)
    assert not any(flood.broken for flood in floods)
    sockets = sockets_of(avld.process.pid)
    avld.end(end, None)
    frames = frames_of(dump(avld.settings["journal.dir"]))
    for flood in floods:
        left = sockets.get(flood.peer.getsockname()[1])  # None: it was read to its end, and closed
        size = len(flood.data) - (rest_of(left) if left else 0)
        was_read = [record.strip() for record in flood.data[:size].split(b"\r")][:-1]  # complete ones
        own = [frame for frame in frames if flood.device.encode() in frame]
        lost = next((n for n, pair in enumerate(itertools.zip_longest(was_read, own)) if pair[0] != pair[1]), None)
        assert lost is None, f"{flood.device}: {len(was_read)} records were read, {len(own)} journalled; they differ at {lost}"
    proxy.unblock()
    avld.start()
    database.wait("SELECT count(*)::int FROM avld.positions", len(frames))


def test_disk_filled_by_others(daemons, proxy, database, small_disk, results):
    """Another program fills the disk and frees it again."""
    options = {"database.conninfo": proxy.conninfo(database), "journal.dir": str(small_disk / "journal")}
    avld = fixed_port(daemons, options)
    tracker = Gt06(avld.port, "860000000000041", 2000)
    tracker.start()
    for turn in range(rounds(1, 10)):
        full = avld.logged().count("journal is full")
        fill(small_disk)
        proxy.block()
        wait_for(lambda: avld.logged().count("journal is full") > full, "the journal to be full", 60)
        os.unlink(small_disk / "other")
        wait_for(lambda: avld.logged().count("journal has room again") == avld.logged().count("journal is full"),
                 "room to be noticed")
        done = len(tracker.acknowledged)
        wait_for(lambda: len(tracker.acknowledged) > done + 50, "reading to resume")
        proxy.unblock()
        done = len(tracker.acknowledged)  # or the journal alone could fill the disk in the next turn
        database.wait(f"SELECT (count(*) > {done})::int FROM avld.positions", 1)
    assert tracker.breaks == 0
    tracker.finish()
    tracker.join(60)
    stored, missing, twice = wait_stored(database, {tracker.device: tracker.made})
    avld.end()
    results.add(4, "disk filled by others", rounds(1, 10), tracker.made, stored, missing, twice)


def test_start_on_a_full_disk(daemons, proxy, database, small_disk):
    """Killed and restarted on a full disk: it accepts no data and stores what its journal holds."""
    avld = fixed_port(daemons, {"database.conninfo": proxy.conninfo(database), "journal.dir": str(small_disk / "journal")})
    proxy.block()
    avld.send_tcp(series(1000))
    avld.kill()
    fill(small_disk)
    avld.start()
    proxy.unblock()
    database.wait("SELECT count(*)::int FROM avld.positions", 1000)
    os.unlink(small_disk / "other")
    avld.send_tcp(pt502.record(ident="5020002"))
    database.wait("SELECT count(*)::int FROM avld.positions", 1001)
    avld.end()
