# SPDX-License-Identifier: MIT
"""What one peer may cost the others: turns, pauses while the database is behind, connections that make room, UDP replies."""
import socket
import threading
import time

import pytest

import gt06
import pt502
from conftest import Database, wait_for
from test_http import free_port, metrics

COUNT = "SELECT count(*)::int FROM avld.positions"


@pytest.fixture
def monitored(daemons):
    def make(settings=()):
        port = free_port()
        avld = daemons({"http.listen": f"127.0.0.1:{port}", **dict(settings)}).start()
        avld.wait_log("database ready")
        return avld, lambda name: metrics(port)[f"avld_{name}"]
    return make


def connect(avld, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", avld.port), 30, (source, 0))


class Flood(threading.Thread):
    """Sends the bytes again and again over one connection until it is closed, with a pause between."""

    def __init__(self, peer, data, read, pause_s=0):
        super().__init__(daemon=True)
        self.peer, self.data, self.sent, self.pause_s = peer, data, 0, pause_s
        if read:
            threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while self.peer.recv(1 << 16):
                pass
        except OSError:
            pass

    def run(self):
        try:
            while True:
                self.sent += self.peer.send(self.data)
                time.sleep(self.pause_s)
        except OSError:
            pass


def heartbeats(count=4000):
    return b"".join(gt06.heartbeat(n) for n in range(1, count + 1))


def test_a_tracker_is_acknowledged_before_the_frames_of_a_flood_are_processed(monitored):
    avld, metric = monitored()
    with connect(avld) as honest:
        honest.sendall(gt06.login("860000000000025"))
        gt06.read_exactly(honest, 10)
        honest.sendall(gt06.position(2))
        wait_for(lambda: metric("devices") == 1, "the device")
        floods = []
        for n in range(8):
            peer = connect(avld)
            peer.sendall(gt06.login(f"86100000000000{n}"[:15]))
            floods.append(Flood(peer, heartbeats(), True))
        for flood in floods:
            flood.start()
        wait_for(lambda: metric("frames_total") > 20000, "the flood")
        for serial in range(3, 53):
            before = metric("frames_total")
            honest.sendall(gt06.heartbeat(serial))
            gt06.read_exactly(honest, 10)
            # A turn of the loop processes 4,096 frames of all others together, and the request itself takes some turns.
            assert metric("frames_total") - before < 8 * 16384, "frames of others in between"
        for flood in floods:
            flood.peer.close()


def test_a_peer_above_its_share_for_long_is_named_once_and_counted(monitored):
    """But not one that uploads what is within its share."""
    avld, metric = monitored()
    with connect(avld) as honest, connect(avld) as peer:
        honest.sendall(b"".join(pt502.record("5020001", time=moment) for moment in pt502.last(4000)))
        wait_for(lambda: metric("frames_total") >= 4000, "the upload")
        peer.sendall(gt06.login("861000000000001"))
        flood = Flood(peer, heartbeats(200), True, 0.02)
        flood.start()
        avld.wait_log("conn above its share")
        line = next(line for line in avld.logged().splitlines() if "conn above its share" in line)
        assert metric("peers_above_share_total") == 1
        assert "peer=127.0.0.1:" in line and "protocol=gt06 ident=861000000000001 seconds=5" in line
        rate = int(line.split("frames_per_s=")[1].split()[0])
        assert rate > 100, "above its share"
        before = metric("frames_total")
        wait_for(lambda: metric("frames_total") > before + 3 * rate, "more of the flood")
    assert avld.logged().count("conn above its share") == 1


def test_connections_that_never_read_end_soon_and_are_not_read_meanwhile(monitored, database):
    avld, metric = monitored()
    floods = []
    for n in range(5):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", avld.port))
        peer.sendall(gt06.login(f"86100000000001{n}"))
        floods.append(Flood(peer, heartbeats(), False))
        floods[-1].start()
    wait_for(lambda: metric("frames_total") > 5000, "the flood")
    counts = []

    def stands_still():
        counts.append(metric("frames_total"))
        return len(counts) > 20 and counts[-1] == counts[-20]
    wait_for(stands_still, "the connections not to be read any more")
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'does not read its replies'", 5)
    assert metric("connections") == 0


def set_slowness(database, statement):
    """The statement runs for each stored position. Replacing the function locks no table, as dropping a trigger would."""
    database.query("CREATE OR REPLACE FUNCTION avld.slowly() RETURNS trigger LANGUAGE plpgsql AS "
                   f"$$BEGIN {statement}; RETURN NEW; END$$")


def slow_database(database):
    """Makes each stored position take a millisecond."""
    set_slowness(database, "PERFORM pg_sleep(0.0005)")
    database.query("CREATE TRIGGER slowly BEFORE INSERT ON avld.positions FOR EACH ROW EXECUTE FUNCTION avld.slowly()")


def test_a_flood_is_paused_while_the_database_is_behind_and_a_tracker_is_not(monitored, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020001'), ('5020002')")
    slow_database(database)
    avld, metric = monitored({"database.batch_rows": "200"})
    times = iter(pt502.last(200000, -3600))
    with connect(avld) as honest, connect(avld) as flood:
        records = b"".join(pt502.record("5020001", time=next(times)) for _ in range(12000))
        sender = threading.Thread(target=flood.sendall, args=(records,), daemon=True)
        sender.start()
        avld.wait_log("conn paused peer=127.0.0.1:")
        assert metric("pauses_total") >= 1
        for number in range(1, 6):
            before = metric("reports_total")
            honest.sendall(pt502.record("5020002"))
            wait_for(lambda: metric("reports_total") > before, "the honest report to be read")
        database.wait("SELECT count(*)::int > 0 FROM avld.positions p JOIN avld.devices d ON d.id = p.device_id WHERE ident = '5020002'",
                      True)
        received = metric("reports_total")
        assert received < 11000, "most of the flood is still in its socket"
        set_slowness(database, "NULL")
        database.wait("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = p.device_id WHERE ident = '5020001'",
                      12000)
        sender.join()
        wait_for(lambda: metric("peers_paused") == 0, "the pause to end")
    assert 1 <= avld.logged().count("conn paused") <= 3, "one a minute"


def test_datagrams_above_the_share_are_dropped_and_counted_while_the_database_is_behind(monitored, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020001'), ('5020002')")
    slow_database(database)
    avld, metric = monitored({"database.batch_rows": "200"})
    times = iter(pt502.last(200000, -3600))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        def drops_after_more():
            for _ in range(1000):
                flood.sendto(pt502.record("5020001", time=next(times)), ("127.0.0.1", avld.port))
            return metric("udp_over_share_total")
        wait_for(drops_after_more, "datagrams to be dropped")
    avld.send_udp(pt502.record("5020002"))
    set_slowness(database, "NULL")
    database.wait("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = p.device_id WHERE ident = '5020002'", 1)
    assert avld.logged().count("udp datagrams dropped") == 1


def test_without_a_database_nobody_is_paused(daemons):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}, of=Database("avld_nowhere")).start()
    avld.send_tcp(b"".join(pt502.record(time=moment) for moment in pt502.last(30000)))
    wait_for(lambda: metrics(port)["avld_reports_total"] == 30000, "all reports")
    assert metrics(port)["avld_pauses_total"] == 0


def test_a_new_device_that_is_silent_after_its_first_report_is_closed_early(daemons, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020009')")
    avld = daemons({"server.login_timeout": "2s"}).start()
    avld.wait_log("database ready")
    with connect(avld) as new, connect(avld) as known, connect(avld) as talking:
        new.sendall(pt502.record("5020001"))
        known.sendall(pt502.record("5020009"))
        talking.sendall(pt502.record("5020003", time=pt502.now(-5)))
        database.wait(COUNT, 3)
        wait_for(lambda: talking.send(b"\n") and database.one("SELECT clock_timestamp() > last_seen + '1.1 s' FROM avld.device_state"
                 " JOIN avld.devices ON id = device_id WHERE ident = '5020003'"), "the next second")
        talking.sendall(pt502.record("5020003"))
        assert new.recv(1) == b""
        database.wait("SELECT string_agg(ident, ' ') FROM avld.connections WHERE reason = 'silent after its first report'", "5020001")
        for peer in (known, talking):
            peer.sendall(pt502.record("5020009" if peer is known else "5020003", time=pt502.now(-9)))
        database.wait(COUNT, 6)


def test_silent_strangers_make_room(monitored, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020009')")
    avld, metric = monitored({"server.max_connections": "3"})
    entered = []

    def enters(ident):
        """Connects, and returns true if the daemon has not closed the connection when it has the report."""
        peer = connect(avld)
        try:
            peer.sendall(pt502.record(ident))
            peer.settimeout(0.2)
            if peer.recv(1) == b"":
                return False
        except TimeoutError:
            entered.append(peer)
            return True
        except OSError:
            return False
    with connect(avld) as known, connect(avld) as silent, connect(avld) as once:
        known.sendall(pt502.record("5020009"))
        once.sendall(pt502.record("5020001"))
        database.wait(COUNT, 2)
        assert not enters("5020002"), "strangers get two seconds"
        wait_for(lambda: enters("5020003"), "one of them to make room")
        wait_for(lambda: enters("5020004"), "the other to make room")
        assert silent.recv(1) == b"" and once.recv(1) == b""
        assert metric("connections_evicted_total") == 2
        known.sendall(pt502.record("5020009", time=pt502.now(-9)))
        database.wait("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = p.device_id WHERE ident = '5020009'", 2)
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'made room for another connection'", 2)
    avld.wait_log("conn closed to make room")
    for peer in entered:
        peer.close()


def test_an_address_at_its_limit_makes_room_with_its_own_connections(monitored):
    avld, metric = monitored({"server.max_connections_per_ip": "1"})
    with connect(avld, "127.0.0.2") as other, connect(avld):
        def enters():
            with connect(avld):
                return metric("connections_evicted_total") == 1
        wait_for(enters, "the silent connection of the same address to make room")
        other.sendall(pt502.record())
        wait_for(lambda: metric("reports_total") == 1, "the connection of the other address")


def test_no_reply_is_larger_than_its_datagram_before_proof(monitored):
    avld, metric = monitored()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(10)
        peer.connect(("127.0.0.1", avld.port))
        datagram = gt06.login() + gt06.frame(0x8A, b"", 2) * 50
        peer.send(datagram)
        reply = peer.recv(4096)
        assert reply.startswith(gt06.answer(0x01, 1)) and len(reply) <= len(datagram)
        wait_for(lambda: metric("udp_withheld_total") > 0, "the other replies to be withheld")
        peer.send(gt06.heartbeat(3))
        assert peer.recv(4096) == gt06.answer(0x13, 3), "the next datagram, so there was no other one between"


def test_a_proved_sender_gets_a_reply_larger_than_its_datagram(monitored):
    avld, metric = monitored()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(10)
        peer.connect(("127.0.0.1", avld.port))
        peer.send(gt06.login())
        assert peer.recv(4096) == gt06.answer(0x01, 1)
        question = gt06.frame(0x8A, b"", 2)
        peer.send(question)
        assert len(peer.recv(4096)) > len(question)
    assert metric("udp_withheld_total") == 0
