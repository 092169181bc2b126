# SPDX-License-Identifier: MIT
"""Idents that are new, invented or refused, and peers that are no trackers."""
import itertools
import socket

import gt06
import psycopg2
import pt502
from conftest import wait_for
from test_deltas import Tracker
from test_http import free_port, metrics

POSITIONS = "SELECT count(*)::int FROM avld.positions"
DEVICES = "SELECT count(*)::int FROM avld.devices"


def sockets(kind, port, addresses):
    """Returns a connected socket for each of the local addresses."""
    made = []
    for address in addresses:
        sock = socket.socket(socket.AF_INET, kind)
        sock.bind((address, 0))
        sock.connect(("127.0.0.1", port))
        made.append(sock)
    return made


def serving(daemons, options=()):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}", **dict(options)}).start()
    avld.wait_log("database ready")
    return avld, port


def test_a_fleet_of_new_trackers_loses_no_report(daemons, database):
    """1,000 trackers that log in at once: over TCP and UDP, from addresses of their own and from one; the default limits."""
    avld, http = serving(daemons)
    own = [f"127.{1 + n // 250}.1.{1 + n % 250}" for n in range(250)]
    nat = ["127.9.9.9"] * 250
    sent, number = 0, itertools.count(5040000)
    for kind, addresses in itertools.product((socket.SOCK_STREAM, socket.SOCK_DGRAM), (own, nat)):
        peers = [(sock, next(number)) for sock in sockets(kind, avld.port, addresses)]
        for time in pt502.last(2):
            for sock, ident in peers:
                sock.send(pt502.record(ident=str(ident), time=time))
                sent += 1
        database.wait(POSITIONS, sent)
        for sock, _ in peers:
            sock.close()
    counted = metrics(http)
    assert counted["avld_new_devices_total"] == 1000 and counted["avld_new_devices_refused_total"] == 0
    assert counted["avld_rejects_total"] == 0 and counted["avld_udp_lost_total"] == 0


def test_a_first_user_simulates_1000_devices(daemons, database):
    avld, http = serving(daemons)
    avld.simulate("--devices", 1000, "--rate", 0, "--count", 3000)
    avld.simulate("--devices", 1000, "--rate", 2000, "--count", 3000, "--udp", "--seed", 2)
    wait_for(lambda: metrics(http)["avld_reports_total"] >= 6000, "the reports")
    assert metrics(http)["avld_rejects_total"] == 0 and metrics(http)["avld_new_devices_held_total"] == 0


def flood(port, count, address="127.0.0.2", first=6000000):
    """Sends a report each of `count` invented idents over UDP."""
    [sock] = sockets(socket.SOCK_DGRAM, port, [address])
    record = pt502.record(ident="0000000").replace(b"0000000", b"%07d")
    for n in range(count):
        sock.send(record % (first + n))
    sock.close()


def test_invented_idents_are_held_and_one_heard_again_is_stored(daemons, database):
    avld, http = serving(daemons, {"devices.new_per_address": "25"})  # 100 heard once
    flood(avld.port, 400)
    wait_for(lambda: metrics(http)["avld_new_devices_held_total"] == 300, "300 to be on trial")
    database.wait(POSITIONS, 100)
    assert database.one(DEVICES) == 100
    # Among them is an honest one: its first report was held, unacknowledged, and is stored with the second.
    [sock] = sockets(socket.SOCK_DGRAM, avld.port, ["127.0.0.2"])
    sock.settimeout(30)
    sock.send(gt06.login(imei="860000000000017"))
    sock.send(gt06.login(imei="860000000000017"))
    assert sock.recv(100)
    sock.send(pt502.record(ident="6000399", event="SOS"))
    database.wait("SELECT count(*)::int FROM avld.positions JOIN avld.devices ON id = device_id "
                  "WHERE ident = '6000399'", 2)
    # Neither are others kept out, nor the same address over TCP.
    avld.send_tcp(pt502.record(ident="5020001"))
    avld.send_udp(pt502.record(ident="5020002"))
    database.wait("SELECT count(*)::int FROM avld.devices WHERE ident IN ('5020001', '5020002')", 2)
    avld.wait_log("too many new devices limit=devices.new_per_address")
    assert avld.logged().count("too many new devices") == 1
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects WHERE reason = 'too many new devices'") > 0


def test_a_connection_of_a_new_tracker_beyond_the_limit_is_closed_until_there_is_room(daemons, database):
    avld, http = serving(daemons, {"devices.new_per_address": "1"})
    for n in range(60):
        avld.send_tcp(pt502.record(ident=str(5040000 + n)))
    database.wait(DEVICES, 60)
    for sock in sockets(socket.SOCK_STREAM, avld.port, ["127.0.0.1"]):
        sock.settimeout(30)
        sock.send(pt502.record(ident="5050000"))
        assert sock.recv(100) == b""
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'too many new devices' AND ident = '5050000'", 1)
    avld.send_tcp(pt502.record(ident="5040000", event="SOS"))  # a known one
    database.wait("SELECT count(*)::int FROM avld.positions WHERE event = 'SOS'", 1)
    assert metrics(http)["avld_new_devices_refused_total"] == 1


def test_devices_of_the_journal_are_not_new_after_a_restart(daemons, database):
    avld = daemons({"devices.new_per_address": "1"}).start()
    avld.send_udp(*[pt502.record(ident=str(5040000 + n)) for n in range(4)])
    database.wait(POSITIONS, 4)
    avld.end()
    avld.start()
    avld.wait_log("database ready")
    avld.send_udp(*[pt502.record(ident=str(5040000 + n), event="SOS") for n in range(4)])
    database.wait(POSITIONS, 8)


def test_references_outlast_invented_idents(daemons, database):
    """Trackers with Smart Report lose nothing beside more idents than are remembered."""
    avld, _ = serving(daemons, {"devices.remembered": "100", "devices.new_per_address": "25"})
    trackers = [(Tracker(str(5021000 + n)), avld.tcp()) for n in range(50)]
    for tracker, peer in trackers:
        peer.sendall(tracker.record(0))
    stored = "SELECT count(*)::int FROM avld.positions JOIN avld.devices ON id = device_id WHERE ident LIKE '5021%'"
    database.wait(stored, 50)
    for number in range(1, 4):
        flood(avld.port, 1000, first=6000000 + 1000 * number)
        for tracker, peer in trackers:
            peer.sendall(tracker.delta(number))
        database.wait(stored, 50 * (number + 1))
    for _, peer in trackers:
        peer.close()


PROBES = {"tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32), "ssh": b"SSH-2.0-Go\r\n",
          "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "masscan": b"MGLNDD_192.0.2.1_8888\n",
          "rdp": b"\x03\x00\x00\x13\x0e\xe0" + bytes(13), "smb": b"\x00\x00\x00\xa4\xffSMB" + bytes(28),
          "sip": b"OPTIONS sip:nm SIP/2.0\r\n\r\n"}


def test_scanners_are_counted_and_leave_rows_once(daemons, database):
    avld, http = serving(daemons)
    for _ in range(5):
        for address, probe in itertools.product(("127.0.0.1", "127.0.0.2"), PROBES.values()):
            [sock] = sockets(socket.SOCK_STREAM, avld.port, [address])
            sock.settimeout(30)
            sock.send(probe)
            try:
                assert sock.recv(100).startswith(b"HTTP/1.1 400 " if probe == PROBES["http"] else b"")
                assert sock.recv(100) == b""  # closed at once
            except ConnectionResetError:
                pass
            sock.close()
    counted = metrics(http)
    avld.wait_log(" INFO scanners probes=")
    line = next(line for line in avld.logged().splitlines() if "scanners probes=" in line)
    assert " addresses=" in line and ' kinds="' in line and " example=127.0.0." in line
    for kind in PROBES:
        assert counted[f'avld_scanners_total{{kind="{kind}"}}'] == 10
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason LIKE 'scanner: %'", 2)
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'unknown protocol'", 2)
    avld.end()
    lines = [line for line in avld.logged().splitlines() if "INFO scanners probes=" in line]
    assert len(lines) <= 3 and sum(int(line.split("probes=")[1].split()[0]) for line in lines) == 70
    assert "conn closed" not in avld.logged()
    assert database.one("SELECT count(*)::int FROM avld.connections") == 2
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 2


def hold_devices(database):
    """Makes a start wait for avld.devices until the connection that is returned is closed."""
    lock = psycopg2.connect(database.conninfo)
    lock.cursor().execute("LOCK TABLE avld.devices IN ACCESS EXCLUSIVE MODE")
    return lock


def test_nothing_is_read_before_the_devices_are_known(daemons, database):
    """An unknown ident is refused in the first moment, too."""
    lock = hold_devices(database)
    avld = daemons({"devices.unknown": "refuse"}).start()
    with socket.create_connection(("127.0.0.1", avld.port)) as peer:
        peer.sendall(pt502.record(ident="5020001"))
        lock.close()
        database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'unknown device'", 1)
        peer.settimeout(30)
        assert peer.recv(100) == b""


def test_devices_that_cannot_be_read_stop_nobody_for_long(daemons, database):
    lock = hold_devices(database)
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}).start()
    avld.send_tcp(pt502.record(ident="5020001"))
    wait_for(lambda: metrics(port)["avld_reports_total"] == 1, "the report to be read")
    lock.close()
    database.wait("SELECT count(*)::int FROM avld.positions", 1)


def test_what_has_arrived_before_the_devices_are_known_is_read_at_a_stop(daemons, database):
    lock = hold_devices(database)
    avld = daemons().start()
    with socket.create_connection(("127.0.0.1", avld.port)) as peer:
        peer.sendall(pt502.record(ident="5020001"))
        avld.process.terminate()
        avld.wait_log("stopping signal")
        lock.close()
        avld.process.wait(30)
    daemons().start()
    database.wait("SELECT count(*)::int FROM avld.positions", 1)


def test_unknown_devices_are_limited_to_10000_rows(daemons, database):
    """Those heard once, longest ago, give way to new ones."""
    database.query("INSERT INTO avld.unknown_devices SELECT 'once' || n, NULL, NULL, now() - n * interval '1 min', "
                   "now() - n * interval '1 min', 1 FROM generate_series(1, 9990) n")
    database.query("INSERT INTO avld.unknown_devices SELECT 'often' || n, NULL, NULL, now() - interval '9 d', "
                   "now() - interval '9 d', 2 FROM generate_series(1, 5) n")
    avld = daemons({"devices.unknown": "refuse", "database.rejects_per_minute": 100}).start()
    avld.wait_log("database ready")
    for n in range(20):
        avld.send_tcp(pt502.record(ident=str(5040000 + n)))
    database.wait("SELECT count(*)::int FROM avld.unknown_devices WHERE ident LIKE '5040%'", 20)
    avld.send_tcp(pt502.record(ident="5040000"))
    database.wait("SELECT count::int FROM avld.unknown_devices WHERE ident = '5040000'", 2)
    assert database.one("SELECT count(*)::int FROM avld.unknown_devices") == 10000
    assert database.one("SELECT count(*)::int FROM avld.unknown_devices WHERE ident LIKE 'often%'") == 5
    assert database.one("SELECT max(substr(ident, 5)::int) FROM avld.unknown_devices WHERE ident LIKE 'once%'") == 9975
