# SPDX-License-Identifier: MIT
"""avld serve: a start that fails undoes everything, so that the next start is an ordinary one."""
import os
import socket

import pt502
import pytest

from conftest import PATIENCE_S


@pytest.fixture
def stored(daemons, database):
    """The folder of a daemon that has stored one report and was stopped."""
    avld = daemons().start()
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    avld.end()
    return avld.folder


@pytest.fixture
def taken():
    """An address that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]


def closed(folder):
    """Whether the journal was closed in order; otherwise the next start takes it for a crash."""
    lines = (folder / "journal" / "journal.meta").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)["closed"] != "-"


def warnings(avld, since):
    return [line for line in avld.logged()[since:].splitlines() if " WARNING " in line or " ERROR " in line]


@pytest.mark.parametrize("setting", ["server.listen", "http.listen"])
def test_a_failed_start_closes_the_journal(daemons, database, stored, taken, setting):
    failed = daemons({setting: taken}).spawn()
    assert failed.process.wait(PATIENCE_S) == 1
    assert failed.process.stdout.read() == b""
    assert taken.rsplit(":", 1)[1] in failed.logged()
    assert closed(stored)

    since = len(failed.logged())
    avld = daemons().start()
    assert not closed(stored)
    avld.send_tcp(pt502.record(speed="23.00"))  # another record, whatever the second
    database.wait("SELECT count(*)::int FROM avld.positions", 2)
    avld.end()
    assert warnings(avld, since) == []


def test_a_failed_start_of_a_new_journal_leaves_no_doubt(daemons, database, tmp_path, taken):
    failed = daemons({"http.listen": taken}).spawn()
    assert failed.process.wait(PATIENCE_S) == 1
    since = len(failed.logged())
    avld = daemons().start()
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    avld.end()
    assert warnings(avld, since) == []


def notifications(peer):
    """Yields what the daemon sends to systemd, as it arrives."""
    while True:
        yield from peer.recv(4096).decode().splitlines()


def test_systemd_is_notified(daemons):
    """Readiness, the watchdog fed from the loop, and the line of systemctl status."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        name = f"avld-test-{os.getpid()}"
        systemd.bind("\0" + name)
        systemd.settimeout(PATIENCE_S)
        avld = daemons().start(env={"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "1000000"})
        notified = notifications(systemd)
        assert next(notified) == "READY=1"
        seen = set()
        while not seen >= {"WATCHDOG=1", "STATUS=0 connections, 0 B pending, database connected"}:
            seen.add(next(notified))
        with avld.tcp():
            while next(notified) != "STATUS=1 connection, 0 B pending, database connected":
                pass
        avld.end()
        assert "STOPPING=1" in notified


def test_the_log_names_the_engine(daemons):
    """What keeps positions; tests/engines has the other ones."""
    avld = daemons().start()
    avld.wait_log("engine=postgresql devices=0 ")
