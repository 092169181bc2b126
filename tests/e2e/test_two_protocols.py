# SPDX-License-Identifier: MIT
"""GT06 and PT-502 on one port: the first bytes decide, replies come when they are due."""
import datetime
import os
import signal
import socket
import struct
import subprocess

import pytest

import gt06
import pt502
from conftest import AVLD, wait_for
from simulated import Recorder
from test_http import free_port, metrics

POSITIONS = "SELECT count(*)::int FROM avld.positions"
STATUSES = "SELECT count(*)::int FROM avld.statuses"


def test_login_heartbeat_position_alarm(avld, database):
    time = pt502.now(-30)
    with avld.tcp() as peer:
        for sent, expected in [(gt06.login(), gt06.answer(0x01, 1)), (gt06.heartbeat(2), gt06.answer(0x13, 2)),
                               (gt06.position(3, time), gt06.answer(0x12, 3)),
                               (gt06.alarm(4, time=time), gt06.answer(0x26, 4))]:
            peer.sendall(sent)
            assert gt06.read_exactly(peer, 10) == expected
    database.wait(POSITIONS, 2)
    rows = database.query("SELECT ident, p.fixed_at, p.latitude, p.longitude, p.speed_kmh::int, p.course_deg::int "
                          "FROM avld.positions p JOIN avld.devices d ON d.id = device_id ORDER BY p.event")
    assert rows[0] == ("860000000000017", time, -20.5, 30.25, 42, 90)
    assert database.query("SELECT alarm, occurred_at FROM avld.alarms") == [("sos", time)]
    beats = database.query("SELECT ignition, battery_percent, gsm_percent FROM avld.statuses WHERE event = '13'")
    assert beats == [(True, 83, 75)]
    assert database.query("SELECT protocol, transport FROM avld.device_state") == [("gt06", "tcp")]


def test_frames_byte_by_byte(avld, database):
    stream = gt06.login() + b"".join(gt06.position(n, time) for n, time in enumerate(pt502.last(28), 2)) + gt06.heartbeat(30)
    expected = gt06.answer(1, 1) + gt06.answer(0x13, 30)
    with avld.tcp() as peer:
        for n in range(len(stream)):
            peer.sendall(stream[n:n + 1])
        answers = gt06.read_exactly(peer, 300)
    assert sorted(answers[n:n + 10] for n in range(0, 300, 10)) == sorted(
        [expected[:10], expected[10:]] + [gt06.answer(0x12, n) for n in range(2, 30)])
    database.wait(POSITIONS, 28)


def test_a_bad_checksum_gets_no_reply(avld, database):
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2, bad_crc=True) + gt06.position(3))
        assert gt06.read_exactly(peer, 20) == gt06.answer(1, 1) + gt06.answer(0x12, 3)
    database.wait(POSITIONS, 1)
    database.wait("SELECT reason FROM avld.rejects", "bad checksum")
    assert database.one("SELECT ident FROM avld.rejects") == "860000000000017"


def test_a_bad_checksum_shows_no_protocol(avld, database):
    avld.send_tcp(gt06.position(1, bad_crc=True))
    database.wait("SELECT reason FROM avld.rejects", "unknown protocol")


def test_a_record_sent_again_with_a_new_serial_is_one_row(avld, database):
    time = pt502.now(-30)
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2, time) + gt06.position(7, time))
        assert gt06.read_exactly(peer, 30)[10:] == gt06.answer(0x12, 2) + gt06.answer(0x12, 7)
        peer.sendall(gt06.heartbeat(8))
        gt06.read_exactly(peer, 10)
    database.wait(STATUSES, 2)  # login and heartbeat
    assert database.one(POSITIONS) == 1


def test_data_before_login_is_rejected(avld, database):
    with avld.tcp() as peer:
        peer.sendall(gt06.position(1))
        database.wait("SELECT reason FROM avld.rejects", "before login")
        peer.sendall(gt06.login() + gt06.position(2))
        assert gt06.read_exactly(peer, 20) == gt06.answer(1, 1) + gt06.answer(0x12, 2)
    database.wait(POSITIONS, 1)


@pytest.mark.parametrize("sync", ["reply", "interval", "off"])
def test_every_sync_mode_replies(daemons, database, sync):
    avld = daemons({"journal.sync": sync}).start()
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2))
        assert gt06.read_exactly(peer, 20) == gt06.answer(1, 1) + gt06.answer(0x12, 2)
    database.wait(POSITIONS, 1)


def test_over_udp_the_sender_is_remembered(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for each in (peer, other):
            each.connect(("127.0.0.1", avld.port))
            each.settimeout(30)
        peer.send(gt06.login())
        assert peer.recv(100) == gt06.answer(1, 1)
        other.send(pt502.record())
        peer.send(gt06.position(2))
        assert peer.recv(100) == gt06.answer(0x12, 2)
        peer.send(pt502.record(ident="5020002"))  # one address may change its protocol
        peer.send(gt06.login(serial=3))
        assert peer.recv(100) == gt06.answer(1, 3)
    database.wait(POSITIONS, 3)


def test_replies_come_from_the_address_the_datagram_was_sent_to(daemons):
    avld = daemons({"server.listen": "*:0"}).start()
    for host in ("127.0.0.1", "127.0.0.77", "::1"):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(30)
            peer.sendto(gt06.login(), (host, avld.port))
            data, sender = peer.recvfrom(100)
            assert data == gt06.answer(1, 1) and sender[0] == host


def test_the_owner_may_set_the_protocol(daemons, database):
    database.query("INSERT INTO avld.devices(ident, protocol) VALUES ('5020001', 'gt06'), "
                   "('860000000000017', 'gt06')")
    avld = daemons().start()
    avld.send_tcp(pt502.record(ident="5020002"))
    database.wait(POSITIONS, 1)  # the devices have been read by now
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'not the protocol set for the device'", 1)
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2))
        assert gt06.read_exactly(peer, 20) == gt06.answer(1, 1) + gt06.answer(0x12, 2)
    database.wait("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = device_id "
                  "WHERE ident = '860000000000017'", 1)
    assert database.one("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = device_id "
                        "WHERE ident = '5020001'") == 0


def test_only_configured_protocols_are_accepted(daemons, database):
    avld = daemons({"server.protocols": "gt06"}).start()
    avld.send_tcp(pt502.record())
    database.wait("SELECT reason FROM avld.rejects", "unknown protocol")


@pytest.mark.parametrize("data,reason", [(b"A" * 511 + b"B", "unknown protocol"), (b"$PO", "incomplete frame")])
def test_bytes_without_a_protocol_are_rejected(daemons, database, data, reason):
    """The first bytes are kept, and the connection is closed."""
    avld = daemons({"server.login_timeout": "1s"}).start()
    with avld.tcp() as peer:
        peer.sendall(data)
        assert peer.recv(1) == b""
    database.wait("SELECT reason FROM avld.rejects", reason)
    assert data.startswith(bytes(database.one("SELECT frame FROM avld.rejects")))


# ---- simulated and stored data are the same ----------------------------------------------------------

def angle(text, side):
    degrees, minutes = divmod(float(text), 100)
    return (degrees + minutes / 60) * (-1 if side in "SW" else 1)


def read_pt502(stream):
    """Yields ((ident, time), (lat, lon, km/h)) of each record; a separate decoder, as simple as possible."""
    at = 0
    while (at := stream.find(b"$", at)) >= 0:
        fields = stream[at:stream.find(b"\n", at)].decode().split(",")
        at += 1
        time = datetime.datetime.strptime(fields[10] + fields[2], "%d%m%y%H%M%S.%f")
        yield ((fields[1], time.replace(tzinfo=datetime.timezone.utc)),
               (angle(fields[4], fields[5]), angle(fields[6], fields[7]), float(fields[8]) * 1.852))


def read_gt06(stream):
    ident, at = None, 0
    while at < len(stream):
        length, kind = stream[at + 2], stream[at + 3]
        body = stream[at + 4:at + length - 1]
        at += length + 5
        if kind == 0x01:
            ident = body[:8].hex()[1:]
        if kind in (0x12, 0x22, 0x16, 0x26):
            time = datetime.datetime(2000 + body[0], *body[1:6], tzinfo=datetime.timezone.utc)
            lat, lon, kmh, word = struct.unpack(">IIBH", body[7:18])
            yield ((ident, time), (lat / 1800000 * (1 if word & 1 << 10 else -1),
                                   lon / 1800000 * (-1 if word & 1 << 11 else 1), float(kmh)))


@pytest.mark.parametrize("udp", [False, True])
def test_50_of_each_on_one_port(avld, database, udp):
    recorder = Recorder(avld.port, udp)
    arguments = [AVLD, "simulate", "--to", f"127.0.0.1:{recorder.port}", "--protocol", "mixed", "--devices", "100",
                 "--count", "5000", "--rate", "2500", "--seed", "3"] + (["--udp"] if udp else [])
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent = {}
    for stream in recorder.streams.values():
        sent.update(read_gt06(stream) if stream.startswith(b"\x78\x78") else read_pt502(stream))
    database.wait("SELECT count(*)::int FROM avld.positions", 5000, 60)
    found = {(row[0], row[1]): row[2:] for row in database.query(
        "SELECT ident, p.fixed_at, p.latitude, p.longitude, p.speed_kmh FROM avld.positions p "
        "JOIN avld.devices d ON d.id = device_id")}
    assert found.keys() == sent.keys() and len(found) == 5000
    for key, values in sent.items():
        assert found[key] == pytest.approx(values, abs=0.006) and found[key][:2] == pytest.approx(values[:2], abs=1e-6)
    assert len({ident for ident, _ in found}) == 100
    assert database.query("SELECT protocol, count(*)::int FROM avld.device_state GROUP BY 1 ORDER BY 1") == [
        ("gt06", 50), ("pt502", 50)]
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


# ---- the loop never blocks ---------------------------------------------------------------------------

def test_a_stopped_database_delays_no_replies(avld, database):
    start = pt502.now()
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2, start))
        gt06.read_exactly(peer, 20)
        database.wait(POSITIONS, 1)
        backend = database.one("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                               "AND application_name = 'avld'")
        os.kill(backend, signal.SIGSTOP)
        try:
            for n in range(3, 100):
                peer.sendall(gt06.position(n, start - datetime.timedelta(seconds=n)))
                assert gt06.read_exactly(peer, 10) == gt06.answer(0x12, n)
        finally:
            os.kill(backend, signal.SIGCONT)
    database.wait(POSITIONS, 98)


def test_a_peer_that_does_not_read_delays_no_others(avld, database):
    with avld.tcp() as deaf, avld.tcp() as peer:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(gt06.login("860000000000025"))
        deaf.settimeout(30)
        beats = gt06.heartbeat(2) * 500
        try:
            for _ in range(2000):  # replies pile up until avld closes the connection
                deaf.sendall(beats)
        except OSError:
            pass
        peer.sendall(gt06.login() + gt06.position(2))
        assert gt06.read_exactly(peer, 20) == gt06.answer(1, 1) + gt06.answer(0x12, 2)
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'does not read its replies'", 1)


def test_silent_connections_are_probed_by_the_kernel(avld):
    """Keepalive is on: the kernel runs a timer for an idle connection."""
    with avld.tcp() as peer:
        peer.sendall(gt06.login())
        gt06.read_exactly(peer, 10)

        def timer():
            for line in open("/proc/net/tcp"):
                fields = line.split()
                if fields[1].endswith(f":{avld.port:04X}") and fields[3] == "01":
                    return fields[5].split(":")[0]
        wait_for(lambda: timer() == "02", "a keepalive timer")


# ---- the end of a connection -------------------------------------------------------------------------

CONNECTED = ("SELECT coalesce(string_agg(ident, ' ' ORDER BY ident), '') FROM avld.device_state s "
             "JOIN avld.devices d ON d.id = device_id WHERE connected")
OTHER = "not the protocol set for the device"


def read_all(peer):
    data = b""
    try:
        while more := peer.recv(4096):
            data += more
    except ConnectionResetError:
        pass
    return data


@pytest.mark.parametrize("form", ["one by one", "one frame"])
def test_closing_a_connection_disconnects_all_its_devices(avld, database, form):
    records = [pt502.record(ident=f"502000{n}") for n in (1, 2, 3)]
    with avld.tcp() as peer:
        peer.sendall(pt502.full(b"".join(records)) if form == "one frame" else b"".join(records + records[:1]))
        database.wait(CONNECTED, "5020001 5020002 5020003")
    database.wait(CONNECTED, "")
    assert database.one("SELECT count(*)::int FROM avld.connections") == 1


def test_devices_of_a_gateway_have_no_connection(avld, database):
    records = [pt502.record(ident=f"50200{n:02d}") for n in range(12)]
    with avld.tcp() as peer:
        peer.sendall(b"".join(records))
        database.wait(POSITIONS, 12)
        peer.sendall(b"".join(pt502.record(ident=f"50200{n:02d}", time=pt502.now(-9)) for n in range(12)))
        database.wait(POSITIONS, 24)
        assert database.one(CONNECTED) == ""
    database.wait("SELECT count(*)::int FROM avld.connections", 1)
    database.wait(CONNECTED, "")


def test_a_device_that_is_blocked_while_connected_is_not_connected(avld, database):
    with avld.tcp() as peer:
        peer.sendall(pt502.record())
        database.wait(CONNECTED, "5020001")
        database.query("UPDATE avld.devices SET state = 'blocked'")

        def closed():
            try:
                peer.sendall(pt502.record(time=pt502.now(-5)))
                peer.settimeout(0.2)
                return peer.recv(1) == b""
            except socket.timeout:
                return False
            except OSError:
                return True
        wait_for(closed, "the end")
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'device is blocked' AND rejects = 1", 1)
    database.wait(CONNECTED, "")


def test_a_datagram_right_before_the_close_does_not_hide_it(daemons, database):
    port = free_port()
    avld = daemons({"database.batch_interval": "1s", "http.listen": f"127.0.0.1:{port}"}).start()
    newest, earlier = pt502.last(2)
    with avld.tcp() as peer:
        peer.sendall(pt502.record(time=newest))
        database.wait(CONNECTED, "5020001")
        avld.send_udp(pt502.record(time=earlier))
        wait_for(lambda: metrics(port)["avld_reports_total"] == 2, "the datagram")
    database.wait("SELECT count(*)::int FROM avld.connections", 1)
    database.wait(POSITIONS, 2)
    assert database.query("SELECT connected, transport FROM avld.device_state") == [(False, "tcp")]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_refused_protocol_leaves_only_a_reject(avld, database, transport):
    database.query("INSERT INTO avld.devices(ident, protocol) VALUES ('860000000000017', 'gt06'), ('5020001', 'gt06')")
    state = ("SELECT s.protocol || ' ' || last_seen || ' ' || peer || ' ' || connected FROM avld.device_state s "
             "JOIN avld.devices d ON d.id = device_id WHERE ident = '860000000000017'")
    with avld.tcp() as peer:
        peer.sendall(gt06.login())
        assert gt06.read_exactly(peer, 10) == gt06.answer(1, 1)
        database.wait(STATUSES, 1)
        before = database.one(state)
        for n, ident in enumerate(("860000000000017", "5020001")):
            (avld.send_tcp if transport == "tcp" else avld.send_udp)(pt502.record(ident=ident))
            database.wait(f"SELECT count(*)::int FROM avld.rejects WHERE reason = '{OTHER}'", n + 1)
            if transport == "tcp":
                database.wait(f"SELECT sum(rejects)::int FROM avld.connections WHERE reason = '{OTHER}'", n + 1)
        assert database.one(state) == before
        assert database.one("SELECT count(*)::int FROM avld.device_state") == 1


@pytest.mark.parametrize("sync", ["reply", "interval"])
@pytest.mark.parametrize("end", ["framing", "refused"])
def test_replies_due_are_sent_before_the_connection_is_closed(daemons, database, sync, end):
    database.query("INSERT INTO avld.devices(ident, state) VALUES ('860000000000025', 'blocked')")
    avld = daemons({"journal.sync": sync}).start()
    avld.send_tcp(pt502.record())
    database.wait(POSITIONS, 1)  # the devices have been read by now
    last = b"junk " * 400 if end == "framing" else gt06.login("860000000000025", 4)
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.position(2) + gt06.heartbeat(3) + last)
        answers = read_all(peer)
    assert sorted(answers[n:n + 10] for n in range(0, len(answers), 10)) == sorted(
        gt06.answer(kind, n) for kind, n in ((1, 1), (0x12, 2), (0x13, 3)))
    database.wait(POSITIONS, 2)
    database.wait("SELECT count(*)::int FROM avld.connections WHERE rejects > 0", 1)


def test_junk_over_udp_has_no_protocol_and_no_ident(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        peer.send(pt502.record())
        database.wait(POSITIONS, 1)
        for junk in (b"hello sea", b"x" * 5000):
            peer.send(junk)
        database.wait("SELECT count(*)::int FROM avld.rejects", 2)
    assert database.query("SELECT reason, protocol, ident FROM avld.rejects ORDER BY reason") == [
        ("datagram too long", None, None), ("unknown protocol", None, None)]


def test_30_s_without_a_protocol_close_the_connection(daemons, database):
    """Even if login_timeout is longer; that one applies once a protocol is found."""
    avld = daemons({"server.login_timeout": "5m"}).start()
    with avld.tcp() as known, avld.tcp() as unknown:
        known.sendall(gt06.position(1))
        unknown.sendall(b"$PO")
        unknown.settimeout(60)
        assert unknown.recv(1) == b""
        known.sendall(gt06.login(serial=2))
        assert gt06.read_exactly(known, 10) == gt06.answer(1, 2)
    database.wait("SELECT reason FROM avld.connections WHERE ident IS NULL", "no protocol found in time")
    assert bytes(database.one("SELECT frame FROM avld.rejects WHERE reason = 'incomplete frame'")) == b"$PO"
