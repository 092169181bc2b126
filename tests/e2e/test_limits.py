# SPDX-License-Identifier: MIT
"""What strangers can do to the tables: rows of rejects and connections are limited, and delay no report."""
import datetime
import os
import socket
import threading
import time

import pt502
from conftest import wait_for

SOURCES = 8
A_MINUTE = 20  # rows of one source
PER_SECOND = 38  # rows of sources that have not proved themselves; the daemon's seconds begin at any time
BEGIN = pt502.now()


def record(number):
    return pt502.record(time=BEGIN - datetime.timedelta(seconds=number))


def test_a_stranger_makes_a_few_rows_and_a_summary(daemons, database):
    avld = daemons({"database.rejects_per_minute": 5, "database.connections_per_minute": 5}).start()
    for _ in range(40):
        avld.send_tcp(b"\x01 no tracker, and no service that is scanned for\r\n")
    avld.wait_log("rows left out table=avld.rejects")
    avld.wait_log("rows left out table=avld.connections")
    avld.end()
    assert database.query("SELECT reason LIKE 'left out: 35 in %% s: %% 35', length(frame) FROM avld.rejects WHERE reason LIKE 'left out%%'") == [(True, 0)]
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 6
    assert database.one("SELECT count(*)::int FROM avld.connections") == 6
    assert database.query("SELECT DISTINCT peer FROM avld.connections WHERE reason LIKE 'left out: 35 in %'") == [("127.0.0.1:0",)]


def test_a_flapping_tracker_keeps_its_rows_beside_a_scanner_of_its_address(daemons, database):
    avld = daemons({"database.connections_per_minute": 5}).start()
    avld.send_tcp(record(0))
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    for _ in range(40):
        avld.send_tcp(b"")
    for number in range(1, 9):
        avld.send_tcp(record(number))
    database.wait("SELECT count(*)::int FROM avld.positions", 9)
    avld.end()
    kinds = "SELECT ident, reason LIKE 'left out%', count(*)::int FROM avld.connections GROUP BY 1, 2 ORDER BY 1, 2"
    # the device was no row of avld.devices yet when it first closed, or it was: then that is one of its five
    rows = {(ident, summary): count for ident, summary, count in database.query(kinds)}
    assert rows[("5020001", False)] in (5, 6) and rows[("5020001", True)] == 1
    assert rows[(None, True)] == 1 and rows[(None, False)] <= 5
    assert database.one("SELECT connected FROM avld.device_state") is False


def flood(avld, end, source):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((source, 0))
        rubbish = [b"\x01" + os.urandom(1399) for _ in range(25)]
        while time.monotonic() < end:
            for datagram in rubbish:
                peer.sendto(datagram, ("127.0.0.1", avld.port))
            time.sleep(0.01)


def test_a_flood_of_rejects_delays_no_report(avld, database):
    """Batches hold so few rejects that positions are as fresh as without them."""
    end = time.monotonic() + 6
    floods = [threading.Thread(target=flood, args=(avld, end, f"127.0.0.{n}")) for n in range(2, 2 + SOURCES)]
    for thread in floods:
        thread.start()
    delays = []
    with avld.tcp() as tracker:
        for number in range(1000):
            if time.monotonic() > end:
                break
            sent = time.monotonic()
            tracker.sendall(record(number))
            wait_for(lambda wanted=number + 1: database.one("SELECT count(*)::int FROM avld.positions") == wanted,
                     "the report", 10)
            delays.append(time.monotonic() - sent)
    for thread in floods:
        thread.join()
    assert len(delays) > 10 and sorted(delays)[len(delays) // 2] < 0.5
    avld.end()
    rows, most = database.query("""SELECT sum(n)::int, max(n)::int FROM
        (SELECT count(*) AS n FROM avld.rejects GROUP BY date_trunc('second', received_at)) s""")[0]
    assert SOURCES <= rows <= SOURCES * (A_MINUTE + 1) + 1 and most <= 2 * PER_SECOND + SOURCES + 1
    assert database.one("SELECT max(length(frame)) FROM avld.rejects") <= 512
