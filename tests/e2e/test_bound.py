# SPDX-License-Identifier: MIT
"""Who may speak for a device: networks, a connection of its own before datagrams, commands, and how two peers show."""
import socket
import uuid

import psycopg2
import pytest

import pt502
from conftest import admin, drop_role, wait_for
from test_commands import STATE, Tracker, known, row, send

IDENT = "5020001"
ELSEWHERE = "not from the device's networks"
COUNT = "SELECT count(*)::int FROM avld.positions"
LATEST = "SELECT fixed_at, transport, peer, connected, latitude::int FROM avld.latest_positions"
HERE, THERE = "127.0.0.1", "127.0.0.2"


def udp(address=HERE):
    """A sender from that address."""
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((address, 0))
    peer.settimeout(30)
    return peer


def tcp(avld, address):
    return socket.create_connection((HERE, avld.port), 30, (address, 0))


def name(peer):
    return "%s:%d" % peer.getsockname()


def rejected(database):
    return database.one("SELECT count(*)::int FROM avld.rejects WHERE ident = %s AND reason = %s", IDENT, ELSEWHERE)


def change(avld, database, sql, times):
    database.query(sql)
    wait_for(lambda: avld.logged().count("devices read again") == times, "the change to be read")


# ---- networks

def test_networks_bind_a_device_at_once(avld, database):
    with tcp(avld, THERE) as peer, udp(THERE) as sender, udp() as own:
        peer.sendall(pt502.record(time=pt502.now(-60)))
        database.wait(COUNT, 1)
        state = database.query(LATEST)
        change(avld, database, "UPDATE avld.devices SET networks = '{127.0.0.1}'", 1)
        peer.sendall(pt502.record(time=pt502.now(-50)))
        assert peer.recv(1) == b""
        sender.sendto(pt502.record(time=pt502.now(-49), event="IN1"), (HERE, avld.port))
        wait_for(lambda: rejected(database) == 2, "both rejects")
        database.wait("SELECT count(*)::int FROM avld.connections WHERE reason LIKE 'not from the device%'", 1)
        database.wait("SELECT connected FROM avld.device_state", False)
        assert [(*r[:3], r[4]) for r in database.query(LATEST)] == [(*r[:3], r[4]) for r in state]
        assert database.one("SELECT count(*)::int FROM avld.alarms") == 0
        assert database.query("SELECT DISTINCT split_part(peer, ':', 1) FROM avld.rejects") == [(THERE,)]
        assert "see avld.devices.networks" in database.one(
            "SELECT next_step FROM avld.diagnose(%s) WHERE finding = %s", IDENT, "rejected: " + ELSEWHERE)
        own.sendto(pt502.record(time=pt502.now(-40)), (HERE, avld.port))
        database.wait(COUNT, 2)
        change(avld, database, "UPDATE avld.devices SET networks = '{10.0.0.0/8,127.0.0.0/30}'", 2)
        sender.sendto(pt502.record(time=pt502.now(-30)), (HERE, avld.port))
        database.wait(COUNT, 3)
        change(avld, database, "UPDATE avld.devices SET networks = NULL", 3)
        sender.sendto(pt502.record(time=pt502.now(-20)), (HERE, avld.port))
        database.wait(COUNT, 4)
    assert rejected(database) == 2


def test_networks_over_a_dual_stack_socket(daemons, database):
    """The peer is ::ffff:127.0.0.1 there."""
    database.query("INSERT INTO avld.devices (ident, networks) VALUES ('5020001', '{127.0.0.0/8}'), ('5020002', '{::1}'),"
                   " ('5020003', '{::/0}')")
    avld = daemons({"server.listen": "*:0"}).start()
    avld.wait_log("database ready")
    for ident in ("5020001", "5020002", "5020003"):
        avld.send_udp(pt502.record(ident=ident))
        avld.send_udp(pt502.record(ident=ident), host="::1")
    database.wait("SELECT string_agg(ident || ' ' || peer, ',' ORDER BY ident) FROM (SELECT ident, regexp_replace(peer, ':[0-9]+$', '') "
                  "AS peer FROM avld.rejects) r", "5020001 [::1],5020002 127.0.0.1,5020003 127.0.0.1")
    database.wait(COUNT, 3)


def test_networks_after_a_restart_and_a_bad_protocol(avld, database):
    avld.end()
    database.query("INSERT INTO avld.devices (ident, networks) VALUES ('5020001', '{192.0.2.0/24}')")
    database.query("INSERT INTO avld.devices (ident, protocol) VALUES ('5020002', 'telepathy')")
    avld.start()
    avld.wait_log("device is rejected: bad value in avld.devices.protocol ident=5020002")
    avld.send_tcp(pt502.record())
    avld.send_tcp(pt502.record("5020002"))
    database.wait("SELECT string_agg(reason, ',' ORDER BY ident) FROM avld.rejects",
                  ELSEWHERE + ",not the protocol set for the device")


# ---- a connection before datagrams

def test_a_thief_by_udp_moves_nothing(daemons, database):
    avld = daemons({"commands.allow": "getVersion, outputControl"}).start()
    with Tracker(avld) as tracker, udp(THERE) as thief:
        def steal(**kwargs):
            thief.sendto(pt502.record(lat="1007.0380,N", **kwargs), (HERE, avld.port))
        tracker.say(time=pt502.now(-30))
        known(database)
        state = database.query(LATEST)
        for offset in (590, 0, -5):
            steal(time=pt502.now(offset), event="IN1")
        database.wait(COUNT, 4)
        assert database.query(LATEST) == state
        assert database.query("SELECT peer, other_peer, two_peers_at IS NOT NULL FROM avld.device_state") == [
            (state[0][2], name(thief), True)]

        one = send(database, "getVersion")
        assert tracker.line() == "#VER"
        database.wait(STATE.format(one), "sent")
        steal(time=pt502.now(-4))
        thief.sendto(b"$OK\r\n", (HERE, avld.port))  # the sender identifies the device
        database.wait(COUNT, 5)
        assert row(database, one)["state"] == "sent"
        tracker.peer.sendall(b"$VER PT-502\r\n")
        database.wait(STATE.format(one), "confirmed")
        two = send(database, "outputControl", index=2, value=1)
        assert tracker.line() == "#OPC2,1"
        steal(time=pt502.now(-3), tail="A/00010,01000/0,0,0,0/1200//fa7/")
        database.wait(COUNT, 6)
        assert row(database, two)["state"] == "sent"
        tracker.outputs("01000", time=pt502.now())
        database.wait(STATE.format(two), "confirmed")
        thief.setblocking(False)
        with pytest.raises(BlockingIOError):
            thief.recv(100)

        finding = "SELECT detail FROM avld.diagnose(%s) WHERE finding = %s"
        detail = database.one(finding, IDENT, "heard from two addresses")
        assert name(thief) in detail and state[0][2] in detail
        assert "km from" in database.one(finding, IDENT, "jumps")
        assert database.query("SELECT finding FROM avld.diagnose() WHERE ident = %s ORDER BY 1", IDENT) == [
            ("heard from two addresses",), ("jumps",)]


def test_a_stamp_ahead_does_not_stay_the_latest(avld, database):
    """Without a connection a datagram is the latest state, but not longer than until the next fix."""
    with udp(THERE) as thief:
        thief.sendto(pt502.record(time=pt502.now(590), lat="1007.0380,N"), (HERE, avld.port))
        database.wait("SELECT latitude::int FROM avld.latest_positions", 10)
        assert database.one("SELECT p.fixed_at > now() + interval '5 min' AND s.fixed_at <= now() "
                            "FROM avld.positions p JOIN avld.device_state s USING (device_id)")
        with Tracker(avld) as tracker:
            tracker.say(time=pt502.now(1))
            database.wait("SELECT latitude::int || ' ' || transport FROM avld.latest_positions", "48 tcp")


def test_datagrams_count_again_after_the_connection(avld, database):
    with udp() as sender:
        with Tracker(avld) as tracker:
            tracker.say(time=pt502.now(-60))
            known(database)
        database.wait("SELECT connected FROM avld.device_state", False)
        time = pt502.now(-5)
        sender.sendto(pt502.record(time=time), (HERE, avld.port))
        database.wait("SELECT transport FROM avld.device_state", "udp")
        assert database.query(LATEST)[0][:3] == (time, "udp", name(sender))


# ---- commands over UDP

def test_a_command_needs_two_datagrams_from_one_address(daemons, database):
    avld = daemons({"commands.allow": "getVersion"}).start()
    with udp() as own, udp(THERE) as thief:
        def say(peer, offset):
            peer.sendto(pt502.record(time=pt502.now(offset)), (HERE, avld.port))
        say(own, -60)
        known(database)
        one = send(database, "getVersion")
        avld.wait_log(f"command queued id={one}")
        say(thief, -50)
        database.wait(COUNT, 2)
        say(own, -40)
        database.wait(COUNT, 3)
        assert row(database, one)["state"] == "queued"
        say(own, -30)
        assert own.recv(100) == b"#VER\r\n"
        database.wait(STATE.format(one), "sent")
        say(thief, -20)
        thief.sendto(b"$OK\r\n", (HERE, avld.port))
        database.wait("SELECT count(*)::int FROM avld.statuses WHERE extra->>'text' = '$OK'", 1)
        assert row(database, one)["state"] == "sent"
        own.sendto(b"$VER x\r\n", (HERE, avld.port))
        database.wait(STATE.format(one), "confirmed")


def test_the_address_is_known_after_a_restart(daemons, database):
    avld = daemons({"commands.allow": "getVersion"}).start()
    with udp() as own:
        own.sendto(pt502.record(time=pt502.now(-60)), (HERE, avld.port))
        known(database)
        avld.end()
        one = send(database, "getVersion")
        avld.start()
        avld.wait_log(f"command queued id={one}")
        own.sendto(pt502.record(time=pt502.now(-40)), (HERE, avld.port))
        assert own.recv(100) == b"#VER\r\n"


# ---- two peers

def test_two_udp_senders_show(avld, database):
    with udp() as own, udp(THERE) as other:
        for n, peer in enumerate((own, other, own)):
            peer.sendto(pt502.record(time=pt502.now(n - 10)), (HERE, avld.port))
            database.wait(COUNT, n + 1)
            database.wait("SELECT peer FROM avld.device_state", name(peer))
            assert database.one("SELECT two_peers_at IS NOT NULL FROM avld.device_state") == (n == 2)
        detail = database.one("SELECT detail FROM avld.diagnose(%s) WHERE finding = 'heard from two addresses'", IDENT)
        assert name(own) in detail and name(other) in detail


def test_a_sender_that_moves_is_not_two(avld, database):
    for n in range(4):
        with udp() as peer:
            peer.sendto(pt502.record(time=pt502.now(n - 10)), (HERE, avld.port))
            database.wait("SELECT peer FROM avld.device_state", name(peer))
    assert database.query("SELECT finding FROM avld.diagnose('5020001') WHERE severity = 'warning'") == []


def test_two_connections_that_fight_show(avld, database):
    peers = [tcp(avld, (HERE, THERE)[n % 2]) for n in range(4)]
    for n, peer in enumerate(peers):
        peer.sendall(pt502.record(time=pt502.now(n - 10)))
        database.wait(COUNT, n + 1)
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'device connected again'", 3)
    detail = database.one("SELECT detail FROM avld.diagnose(%s) WHERE finding = 'heard from two addresses'", IDENT)
    assert name(peers[2]) in detail and name(peers[1]) in detail
    for peer in peers:
        peer.close()


# ---- the role of the daemon

@pytest.fixture
def role():
    """A role that may do what the daemon may."""
    who = "bound_" + uuid.uuid4().hex[:8]
    admin(f"CREATE ROLE {who} LOGIN PASSWORD 'x'; GRANT avld_writer TO {who}")
    yield who
    drop_role(who)


def test_the_daemon_cannot_drop_what_is_younger_than_the_least_retention(daemons, database, role):
    def days():
        return database.one("SELECT count(*)::int FROM avld.list_partitions() WHERE starts_at < now() - interval '4 days'")
    database.query("SELECT avld.ensure_partitions(d, d) FROM unnest(ARRAY[current_date - 20, current_date - 5]) d")
    options = {"database.conninfo": f"{database.conninfo} user={role} password=x", "database.retention": "3d"}
    avld = daemons(options).start()
    avld.wait_log("cannot drop old partitions, trying again in an hour")
    assert "the owner of the schema can lower it with avld.set_least_retention" in avld.logged()
    assert days() == 4
    thief = psycopg2.connect(options["database.conninfo"])
    with thief.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT avld.drop_partitions(current_date)")
    thief.close()
    avld.end()
    database.query("SELECT avld.set_least_retention('3 days')")
    avld.start()
    avld.wait_log("partitions older than database.retention dropped count=4")
    assert days() == 0
    avld.end()
