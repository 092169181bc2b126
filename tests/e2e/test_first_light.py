# SPDX-License-Identifier: MIT
"""A PT-502 reports over TCP and UDP, and SQL shows its track."""
import datetime
import os
import re
import signal
import socket
import subprocess

import pytest

import gt06
import pt502
from conftest import AVLD, Database, admin, wait_for

COUNT = "SELECT count(*)::int FROM avld.positions"


def test_ready_line(avld):
    assert re.fullmatch(r"ready tcp 127\.0\.0\.1:(\d+) udp 127\.0\.0\.1:\1", avld.ready)


@pytest.mark.parametrize("transports,expected", [
    ("tcp", r"ready tcp 127\.0\.0\.1:\d+"), ("udp", r"ready udp 127\.0\.0\.1:\d+")])
def test_one_transport(daemons, transports, expected):
    assert re.fullmatch(expected, daemons({"server.transports": transports}).start().ready)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("framing", ["bare", "full"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\r", b"# \n".replace(b" ", b""), b""])
def test_every_framing_gives_the_same_row(avld, database, transport, framing, end):
    if transport == "tcp" and framing == "bare" and end == b"":
        pytest.skip("a record on a stream needs its line end")
    time = pt502.now()
    data = pt502.record(time=time, end=end)
    data = pt502.full(data) if framing == "full" else data
    (avld.send_tcp if transport == "tcp" else avld.send_udp)(data)
    database.wait(COUNT, 1)
    row = database.query("""
        SELECT ident, p.fixed_at, p.event, valid, p.latitude, p.longitude, p.speed_kmh::float, p.course_deg::float,
               p.satellites, p.ignition, p.inputs, p.outputs, p.adc1, p.adc4, p.odometer_m, p.battery_percent,
               p.gsm_percent, p.driver, p.stored, p.device_time, p.time_source, transport
        FROM avld.positions p JOIN avld.devices d ON d.id = device_id
        JOIN avld.device_state USING (device_id)""")
    assert row == [("5020001", time, "POS", True, pytest.approx(48.1173), pytest.approx(11.5166667),
                    pytest.approx(41.48), pytest.approx(84.4), 7, True, 8, 0, 0, 0, 1200, 100, 67, None,
                    end == b"#\n", None, "device", transport)]


def test_ipv6_and_ipv4_on_one_port(daemons, database):
    avld = daemons({"server.listen": "*:0"}).start()
    assert re.fullmatch(r"ready tcp \[::\]:(\d+) udp \[::\]:\1", avld.ready)
    for number, host in enumerate(["127.0.0.1", "::1"]):
        with avld.tcp(host) as peer:
            peer.sendall(pt502.record(ident=f"502010{number}"))
        avld.send_udp(pt502.record(ident=f"502020{number}"), host=host)
    database.wait(COUNT, 4)
    peers = dict(database.query("SELECT ident, peer FROM avld.device_state s JOIN avld.devices d ON d.id = device_id"))
    assert peers["5020100"].startswith("127.0.0.1:") and peers["5020101"].startswith("[::1]:")
    assert peers["5020200"].startswith("127.0.0.1:") and peers["5020201"].startswith("[::1]:")


def test_any_split_gives_the_same_rows(avld, database):
    time = pt502.now(-600)
    records = [pt502.record(time=time + datetime.timedelta(seconds=n), tail=f"A/00010,00000/0/{n}//fa7/")
               for n in range(6)]
    stream = (b"\r\n\r\n" + records[0] + pt502.full(records[1] + records[2]) + records[3] + b"\n\n" +
              pt502.full(records[4]) + records[5])
    with avld.tcp() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(stream)):
            peer.sendall(stream[n:n + 1])
    database.wait(COUNT, 6)
    assert [r[0] for r in database.query("SELECT odometer_m FROM avld.positions ORDER BY fixed_at")] == list(range(6))
    database.wait("SELECT count(*)::int FROM avld.connections", 1)
    assert database.query("SELECT frames, rejects, bytes FROM avld.connections")[0][1:] == (0, len(stream))


def test_a_record_sent_twice_is_one_row(daemons, database):
    time = pt502.now(-60)
    live, stored = pt502.record(time=time), pt502.record(time=time, end=b"#\n")
    other = pt502.record(time=time, speed="23.00")  # same second, another record
    avld = daemons().start()
    avld.send_tcp(live + live + other)
    database.wait(COUNT, 2)
    avld.send_tcp(stored + live)
    avld.send_udp(live, pt502.record(ident="5020002"))
    database.wait(COUNT, 3)
    avld.end()
    avld.start()  # the cache of recent records is gone: the database finds the duplicates
    avld.send_tcp(stored + live + other)
    avld.send_udp(live, pt502.record(ident="5020003"))
    database.wait(COUNT, 4)
    assert database.one("SELECT count(*)::int FROM avld.positions p JOIN avld.devices d ON d.id = device_id "
                        "WHERE ident = '5020001'") == 2


def test_alarms_and_statuses(avld, database):
    time = pt502.now(-60)
    sos = pt502.record(event="IN1", time=time)
    nofix = pt502.record(event="CPA", time=time, fix="V", lat=",", lon=",", speed="", course="")
    avld.send_tcp(sos + sos + nofix + b"$FUS5020001,ABC_V1.2,3.4\r\r")
    database.wait("SELECT count(*)::int FROM avld.statuses", 2)
    alarms = database.query("SELECT alarm, event, occurred_at, latitude, valid, stored FROM avld.alarms ORDER BY alarm")
    assert alarms == [("powerCut", "CPA", time, None, None, False),
                      ("sos", "IN1", time, pytest.approx(48.1173), True, False)]
    assert database.query("SELECT event, extra FROM avld.statuses ORDER BY event") == [
        ("CPA", None), ("FUS", {"firmware": "ABC_V1.2", "version": "3.4"})]


def test_older_records_never_replace_the_latest(avld, database):
    newest = pt502.now(-10)
    late = [pt502.record(time=newest - datetime.timedelta(seconds=60 * n), lat="4700.0000,N", end=b"#\n")
            for n in range(1, 5)]
    avld.send_tcp(pt502.record(time=newest) + b"".join(late))
    database.wait(COUNT, 5)
    avld.send_tcp(late[0].replace(b"22.40", b"22.50"))
    database.wait(COUNT, 6)
    assert database.query("SELECT fixed_at, latitude FROM avld.latest_positions") == [
        (newest, pytest.approx(48.1173))]


@pytest.mark.parametrize("time,source", [
    (datetime.datetime(1980, 1, 6, 1, 2, 3, tzinfo=datetime.timezone.utc), "received"),
    (pt502.now() - datetime.timedelta(weeks=1024), "rollover"),
    (pt502.now() + datetime.timedelta(days=300), "received")])
def test_a_wrong_clock_is_corrected_or_replaced(avld, database, time, source):
    good = pt502.now()
    avld.send_tcp(pt502.record(time=good) + pt502.record(time=time, lat="4700.0000,N"))
    database.wait(COUNT, 2)
    row = database.query("SELECT fixed_at, device_time FROM avld.positions WHERE time_source = %s", source)
    # The parameters were made when the tests were collected, perhaps long ago.
    assert len(row) == 1 and abs((row[0][0] - pt502.now()).total_seconds()) < 3600 and row[0][1] == time
    assert database.one("SELECT count(*)::int FROM avld.positions_default") == 0


@pytest.mark.parametrize("data,reason", [
    (b"GET / HTTP/1.1\r\nHost: sea\r\n\r\n", "unknown protocol"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "unknown protocol"),
    (b"$POS,5020001,101500.0", "incomplete frame"),
    (b"@", "incomplete frame")])
def test_undecodable_bytes_are_kept_as_rejects(avld, database, data, reason):
    avld.send_tcp(data)
    database.wait("SELECT count(*)::int FROM avld.rejects", 1)
    rows = database.query("SELECT reason, transport, peer, frame FROM avld.rejects")
    assert rows[0][:2] == (reason, "tcp") and rows[0][2].startswith("127.0.0.1:")
    assert bytes(rows[0][3]) == data
    database.wait("SELECT count(*)::int FROM avld.connections WHERE rejects = 1", 1)


@pytest.mark.parametrize("change,reason", [
    ({"ident": "50A"}, "bad value: ident"), ({"ident": "123"}, "bad value: ident"),
    ({"time": None, "date": "310426"}, "bad value: date"), ({"clock": "240000.000"}, "bad value: time")])
def test_invalid_records_are_rejected_with_the_field(avld, database, change, reason):
    good, bad = pt502.record(), pt502.record(ident=change.get("ident", "5020001"))
    fields = bad.split(b",")
    if "date" in change:
        fields[10] = change["date"].encode()
    if "clock" in change:
        fields[2] = change["clock"].encode()
    bad = b",".join(fields)
    avld.send_tcp(good + bad)
    database.wait(COUNT, 1)
    database.wait("SELECT reason FROM avld.rejects", reason)
    assert bytes(database.one("SELECT frame FROM avld.rejects")) == bad
    assert database.one("SELECT protocol FROM avld.rejects") == "pt502"


def test_udp_garbage_is_a_reject(avld, database):
    avld.send_udp(b"hello sea", pt502.record())
    database.wait(COUNT, 1)
    database.wait("SELECT reason || ' ' || transport FROM avld.rejects", "unknown protocol udp")


def test_a_device_that_connects_again_closes_the_older_connection(avld, database):
    first, second = avld.tcp(), avld.tcp()
    first.sendall(pt502.record(time=pt502.now(-5)))
    database.wait(COUNT, 1)
    database.wait("SELECT connected FROM avld.device_state", True)
    second.sendall(pt502.record())
    assert first.recv(1) == b""
    database.wait(COUNT, 2)
    database.wait("SELECT reason FROM avld.connections", "device connected again")
    database.wait("SELECT connected FROM avld.device_state", True)
    second.close()
    database.wait("SELECT connected FROM avld.device_state", False)


def test_login_timeout(daemons, database):
    database.query("INSERT INTO avld.devices (ident) VALUES ('5020001')")  # a new device gets no more time than a silent peer
    avld = daemons({"server.login_timeout": "1s"}).start()
    with avld.tcp() as silent, avld.tcp() as talking:
        talking.sendall(pt502.record())
        assert silent.recv(1) == b""
        talking.sendall(pt502.record(ident="5020002"))
        database.wait(COUNT, 2)
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'login timeout'", 1)


def test_idle_timeout(daemons, database):
    avld = daemons({"server.idle_timeout": "10s"}).start()
    with avld.tcp() as peer:
        peer.sendall(pt502.record())
        assert peer.recv(1) == b""
    database.wait("SELECT reason FROM avld.connections", "idle timeout")


def test_limits_of_connections(daemons, database):
    avld = daemons({"server.max_connections": "2"}).start()
    with avld.tcp() as one, avld.tcp() as two, avld.tcp() as three:
        assert three.recv(1) == b""
        for n, peer in enumerate((one, two)):
            peer.sendall(pt502.record(ident=f"502000{n}"))
        database.wait(COUNT, 2)
        # the first is in SQL at once; those that follow within the minute make one more row
        database.wait("SELECT reason || ' ' || rejects FROM avld.connections WHERE bytes = 0", "server.max_connections reached 1")
        for _ in range(5):
            with avld.tcp() as another:
                assert another.recv(1) == b""
    avld.wait_log("server.max_connections reached")
    avld.end()
    assert database.query("SELECT rejects, reason, split_part(peer, ':', 1), ident, protocol, bytes, frames, opened_at <= closed_at"
                          " FROM avld.connections WHERE frames = 0 ORDER BY opened_at") == [
        (n, "server.max_connections reached", "127.0.0.1", None, None, 0, 0, True) for n in (1, 5)]
    assert database.query("SELECT severity, ident, split_part(detail, ',', 1) FROM avld.diagnose() WHERE finding ="
                          " 'connections refused: server.max_connections reached'") == [("warning", None, "6 in the last day")]


def test_limit_per_address(daemons, database):
    avld = daemons({"server.max_connections_per_ip": "1"}).start()
    with avld.tcp() as one, avld.tcp() as two:
        assert two.recv(1) == b""
        one.sendall(pt502.record())
        database.wait(COUNT, 1)
        database.wait("SELECT reason FROM avld.connections", "server.max_connections_per_ip reached")

    def again():
        with avld.tcp() as peer:  # allowed again once the first has closed
            try:
                peer.sendall(pt502.record(ident="5020009"))
                peer.settimeout(0.2)
                peer.recv(1)
                return False
            except socket.timeout:
                return True
            except OSError:
                return False
    wait_for(again, "a connection to be accepted again")


def test_out_of_descriptors(daemons, database):
    """With too few descriptors it warns once, pauses, and accepts the others when some are free."""
    avld = daemons().start(wrap=["prlimit", "--nofile=90:90"])
    peers = [avld.tcp() for _ in range(60)]
    for n, peer in enumerate(peers):
        peer.sendall(pt502.record(ident=f"50300{n:02d}"))
    avld.wait_log("cannot accept connections")
    for peer in peers[:40]:
        peer.close()
    database.wait(COUNT, 60)
    assert avld.logged().count("cannot accept connections") < 5
    for peer in peers[40:]:
        peer.close()


def test_unknown_devices_can_be_refused(daemons, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020001')")
    avld = daemons({"devices.unknown": "refuse"}).start()
    avld.send_tcp(pt502.record())
    database.wait(COUNT, 1)
    for _ in range(3):
        avld.send_tcp(pt502.record(ident="5020666"))
    database.wait("SELECT count::int FROM avld.unknown_devices WHERE ident = '5020666'", 3)
    assert database.one(COUNT) == 1
    assert database.one("SELECT count(*)::int FROM avld.devices") == 1
    database.query("INSERT INTO avld.devices(ident) VALUES ('5020666')")

    def accepted():
        avld.send_tcp(pt502.record(ident="5020666"))
        return database.one(COUNT) > 1
    wait_for(accepted, "the new device to be accepted")


def test_blocked_devices(daemons, database):
    database.query("INSERT INTO avld.devices(ident, state) VALUES ('5020001', 'blocked')")
    avld = daemons().start()
    avld.send_tcp(pt502.record(ident="5020002"))
    database.wait(COUNT, 1)
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'device is blocked'", 1)
    assert database.one(COUNT) == 1


def test_a_port_in_use_is_an_error(avld, daemons, tmp_path):
    second = daemons({"server.listen": f"127.0.0.1:{avld.port}"}, folder=tmp_path / "second").spawn()
    assert second.process.wait(30) == 1
    assert second.process.stdout.read() == b""
    assert f"port {avld.port} is taken" in second.logged()


def test_sigterm_stores_everything_received(avld, database):
    peers = [avld.tcp() for _ in range(10)]
    for n, peer in enumerate(peers):
        peer.sendall(b"".join(pt502.record(ident=f"502000{n}", time=time) for time in pt502.last(100)))
    avld.end()
    assert database.one(COUNT) == 1000
    assert database.one("SELECT count(*)::int FROM avld.connections WHERE reason = 'shutdown'") == 10
    assert "everything is in the database" in avld.logged()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_without_database(daemons, tmp_path, template, number):
    """The journal keeps unstored data for the next start."""
    absent = Database("avld_absent_" + tmp_path.name.replace("-", "_").lower())
    avld = daemons(of=absent).start()
    avld.send_tcp(pt502.record())
    wait_for(lambda: "does not exist" in avld.logged(), "the error")
    avld.end(number)
    assert "the journal keeps" in avld.logged()
    admin(f"CREATE DATABASE {absent.name} TEMPLATE {template}")
    try:
        avld.start()
        absent.wait(COUNT, 1)
        avld.end()
    finally:
        admin(f"DROP DATABASE {absent.name} WITH (FORCE)")


def test_kill_loses_nothing_and_doubles_nothing(avld, database):
    for turn in range(5):
        avld.send_tcp(b"".join(pt502.record(ident="5020001", time=time)
                               for time in pt502.last(500, -1000 * turn)))
        avld.kill()
        avld.start()
    database.wait(COUNT, 2500)


def test_an_old_schema_is_refused_or_migrated(daemons, tmp_path):
    name = "avld_empty_" + str(os.getpid())
    admin(f"CREATE DATABASE {name}")
    try:
        empty = Database(name)
        avld = daemons(of=empty).spawn()
        assert avld.process.wait(30) == 1
        assert "avld migrate" in avld.logged()
        avld = daemons({"database.migrate": "yes"}, of=empty).start()
        avld.send_tcp(pt502.record())
        empty.wait(COUNT, 1)
        avld.end()
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_unknown_settings_are_an_error(daemons):
    avld = daemons({"server.lisen": "x"}).spawn()
    assert avld.process.wait(30) == 2
    assert "server.lisen" in avld.logged() and "listen" in avld.logged()


def test_good_frames_leave_nothing_in_the_log(avld, database):
    avld.send_tcp(b"".join(pt502.record(time=time) for time in pt502.last(100)))
    database.wait(COUNT, 100)
    avld.end()
    assert "5020001" not in avld.logged()
    assert "4807" not in avld.logged()


def test_100_000_over_100_connections(avld, database):
    avld.simulate("--devices", 100, "--count", 100000, "--rate", 0)
    database.wait(COUNT, 100000, 120)
    assert database.one("SELECT count(*)::int FROM avld.devices") == 100
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    assert database.one("SELECT count(*)::int FROM avld.latest_positions") == 100
    wrong = database.one("""SELECT count(*)::int FROM avld.latest_positions l
        WHERE fixed_at <> (SELECT max(fixed_at) FROM avld.positions p WHERE p.device_id = l.device_id)""")
    assert wrong == 0


def test_10_000_over_udp(avld, database):
    avld.simulate("--devices", 10, "--count", 10000, "--rate", 5000, "--udp")
    database.wait(COUNT, 10000, 120)
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_decode_shows_what_serve_stores():
    given = b"$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126,,,A/00010,00000/0,0,0,0/1200//fa7/\r\n"
    done = subprocess.run([AVLD, "decode"], input=given, capture_output=True, check=True)
    assert done.stdout.decode() == (
        '{"protocol":"pt502","ident":"5020001","event":"POS","device_time":"2026-11-22T10:15:00.000Z","valid":true,'
        '"latitude":48.1173000,"longitude":11.5166667,"speed_kmh":41.48,"course_deg":84.40,"satellites":7,'
        '"ignition":true,"inputs":8,"outputs":0,"adc":[0,0,0,0],"odometer_m":1200,"battery_percent":100,'
        '"gsm_percent":67,"alarms":[],"stored":false}\n')


def test_changes_of_devices_apply_at_once(avld, database):
    """Without a restart: a device is blocked, unblocked, restricted to a protocol, deleted."""
    def count():
        return database.one(COUNT)
    with avld.tcp() as peer:
        peer.sendall(pt502.record(time=pt502.now(-60)))
        database.wait(COUNT, 1)
        database.query("UPDATE avld.devices SET state = 'blocked'")
        avld.wait_log("devices read again")
        peer.sendall(pt502.record(time=pt502.now(-50)))
        assert peer.recv(1) == b""
    database.wait("SELECT reason FROM avld.rejects", "device is blocked")
    database.query("UPDATE avld.devices SET state = 'active'")
    wait_for(lambda: avld.logged().count("devices read again") == 2, "the change to be read")
    avld.send_tcp(pt502.record(time=pt502.now(-40)))
    database.wait(COUNT, 2)
    database.query("UPDATE avld.devices SET protocol = 'gt06'")
    wait_for(lambda: avld.logged().count("devices read again") == 3, "the change to be read")
    avld.send_udp(pt502.record(time=pt502.now(-30)))
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'not the protocol set for the device'", 1)
    database.query("DELETE FROM avld.devices")
    wait_for(lambda: avld.logged().count("devices read again") == 4, "the change to be read")
    avld.send_tcp(pt502.record(time=pt502.now(-20)))
    database.wait(COUNT, 3)
    assert database.one("SELECT count(*)::int FROM avld.devices") == 1


def test_a_model_is_read_at_once(avld, database):
    """Also for an open connection. No decoder uses it where this can be seen: the daemon reads it, and stores as before."""
    with avld.tcp() as peer:
        peer.sendall(pt502.record(time=pt502.now(-60)))
        database.wait(COUNT, 1)
        database.query("UPDATE avld.devices SET model = 'PT-502'")
        avld.wait_log("devices read again")
        peer.sendall(pt502.record(time=pt502.now(-50)))
        database.wait(COUNT, 2)
        database.query("UPDATE avld.devices SET model = NULL")
        wait_for(lambda: avld.logged().count("devices read again") == 2, "the change to be read")
        peer.sendall(pt502.record(time=pt502.now(-40)))
        database.wait(COUNT, 3)


BEATS = "SELECT count(*)::int FROM avld.statuses WHERE event = '13'"


def test_a_model_decides_where_gt06_bytes_do_not(avld, database):
    """At once, for an open connection: the power of an R11's heartbeat."""
    def beat(serial):
        frame = gt06.frame(0x13, bytes.fromhex("460b120400"), serial)
        peer.sendall(frame)
        return gt06.read_exactly(peer, 10)

    newest = "SELECT power_v FROM avld.statuses ORDER BY received_at DESC LIMIT 1"
    with avld.tcp() as peer:
        peer.sendall(gt06.login())
        gt06.read_exactly(peer, 10)
        beat(2)
        database.wait(BEATS, 1)
        assert database.one(newest) is None
        database.query("UPDATE avld.devices SET model = 'R11'")
        avld.wait_log("devices read again")
        beat(3)
        database.wait(BEATS, 2)
        assert float(database.one(newest)) == 28.34
        database.query("UPDATE avld.devices SET model = NULL")
        wait_for(lambda: avld.logged().count("devices read again") == 2, "the change to be read")
        beat(4)
        database.wait(BEATS, 3)
        assert database.one(newest) is None


def test_zone_of_a_gt06_survives_a_restart(avld, database):
    """A first record after the restart is an old one, in local time."""
    zone = datetime.timedelta(hours=8)
    login = gt06.frame(0x01, bytes.fromhex("0860000000000017" "2001" "3201"), 1)
    beat = bytes.fromhex("4604030102")
    live, old = pt502.now(-5), pt502.now(-90000)
    with avld.tcp() as peer:
        peer.sendall(login + gt06.position(2, live + zone) + gt06.frame(0x13, beat, 3))
        database.wait(BEATS, 1)
    avld.end()
    avld.start()
    with avld.tcp() as peer:
        peer.sendall(login + gt06.position(2, old + zone) + gt06.frame(0x13, beat[:1] + b"\x03" + beat[2:], 3))
        database.wait(BEATS, 2)
    assert database.query("SELECT fixed_at FROM avld.positions WHERE event = '12' ORDER BY received_at") == [(live,), (old,)]


def test_the_longest_gt06_frame_is_stored(avld, database):
    """A picture of 65,541 bytes; its bytes are in the journal, all of them."""
    picture = gt06.long_frame(0x41, b"\r\nxx" + bytes(65541 - 15), 2)
    assert len(picture) == 65541
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(gt06.login() + picture + gt06.heartbeat(3))
        assert b"\x79\x79\x00\x05\x41" in gt06.read_exactly(peer, 10 + 11 + 10)
    database.wait(BEATS, 1)
    assert database.one("SELECT count(*)::int FROM avld.statuses WHERE event = '41'") == 1
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    shown = subprocess.run([AVLD, "journal", avld.settings["journal.dir"], "--dump"], capture_output=True, check=True).stdout
    assert picture.hex().encode() in shown


def test_an_alarm_of_gt06_heartbeats_is_one_until_it_clears_also_over_a_restart(avld, database):
    def beat(*codes):
        with avld.tcp() as peer:
            peer.settimeout(30)
            for serial, data in enumerate([gt06.login(), *(gt06.heartbeat(serial, code) for serial, code in enumerate(codes, 2))]):
                peer.sendall(data)
                gt06.read_exactly(peer, 10)

    alarms = "SELECT count(*)::int FROM avld.alarms WHERE alarm = 'sos'"
    beat(0, 1, 1)
    database.wait(BEATS, 3)
    assert database.one(alarms) == 1
    avld.end()
    avld.start()
    beat(1)
    database.wait(BEATS, 4)
    assert database.one(alarms) == 1
    avld.kill()
    avld.start()
    beat(1, 0)
    database.wait(BEATS, 6)
    assert database.one(alarms) == 1
    avld.end()
    avld.start()
    beat(1)
    database.wait(alarms, 2)


def test_an_alarm_of_a_gt06_that_is_blocked_is_raised_once_it_is_not(avld, database):
    """Over UDP, where the conversation outlives the refusal, and over TCP."""
    def is_read(count):
        wait_for(lambda: avld.logged().count("devices read again") == count, "the change to be read")

    rejects = "SELECT count(*)::int FROM avld.rejects WHERE reason = 'device is blocked'"
    with avld.tcp() as peer:
        peer.sendall(gt06.login() + gt06.heartbeat(2))
        database.wait(BEATS, 1)
        database.query("UPDATE avld.devices SET state = 'blocked'")
        is_read(1)
        peer.sendall(gt06.heartbeat(3, code=1))
        assert gt06.read_exactly(peer, 20) and peer.recv(1) == b""
    avld.send_udp(gt06.login() + gt06.heartbeat(4, code=1))
    database.wait(rejects, 3)
    database.query("UPDATE avld.devices SET state = 'active'")
    is_read(2)
    avld.send_udp(gt06.login() + gt06.heartbeat(5, code=1), gt06.heartbeat(6, code=1))
    database.wait(BEATS, 3)
    assert database.query("SELECT alarm FROM avld.alarms") == [("sos",)]


def test_a_secret_applies_at_once(avld, database):
    """To a protocol without passwords: set, it refuses the device, also over an open connection and over UDP; removed, it
    does not. A right password cannot be sent before a decoder has one."""
    def rejected():
        return database.one("SELECT count(*)::int FROM avld.rejects WHERE reason = 'wrong secret' AND ident = '5020001'")
    with avld.tcp() as peer:
        peer.sendall(pt502.record(time=pt502.now(-60)))
        database.wait(COUNT, 1)
        database.query("SELECT avld.set_secret('5020001', 'parrot')")
        avld.wait_log("devices read again")
        peer.sendall(pt502.record(time=pt502.now(-50)))
        assert peer.recv(1) == b""
    wait_for(lambda: rejected() == 1, "the record to be rejected")
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'wrong secret'", 1)
    avld.send_udp(pt502.record(time=pt502.now(-40)))
    wait_for(lambda: rejected() == 2, "the datagram to be rejected")
    finding = "SELECT next_step FROM avld.diagnose('5020001') WHERE finding = 'rejected: wrong secret'"
    assert "avld.set_secret('5020001', ...)" in database.one(finding)
    database.query("SELECT avld.set_secret('5020001', NULL)")
    wait_for(lambda: avld.logged().count("devices read again") == 2, "the change to be read")
    avld.send_udp(pt502.record(time=pt502.now(-30)))
    avld.send_tcp(pt502.record(time=pt502.now(-20)))
    database.wait(COUNT, 3)
    assert rejected() == 2
    assert "parrot" not in avld.logged()


def test_the_host_of_a_service_is_resolved_off_the_loop(daemons, database, tmp_path):
    """By c-ares, like one in conninfo; libpq itself would block on the name server. The error's wording shows which
    library looked it up; .onion names are refused without asking a name server."""
    services = tmp_path / "services"
    services.write_text("[boat]\nhost=nobody.onion\n")
    avld = daemons({"database.conninfo": f"service=boat {database.conninfo}"}).start(env={"PGSERVICEFILE": str(services)})
    avld.wait_log('"host name \\"nobody.onion\\"')
    avld.send_tcp(pt502.record())
    services.write_text(f"[boat]\nhost=localhost\nport={os.environ['PGPORT']}\n")
    database.wait(COUNT, 1)
    assert "could not translate" not in avld.logged()
