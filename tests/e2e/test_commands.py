# SPDX-License-Identifier: MIT
"""Commands: from a row of avld.commands to the tracker, and their result in the row."""
import json
import signal
import socket
import struct
import subprocess

import psycopg2
import pytest

import gt06
import pt502
from conftest import AVLD, admin, wait_for
from test_http import metrics

ALLOW = ("engineStop, engineResume, outputControl, positionSingle, positionPeriodic, alarmSpeed, rebootDevice, "
         "requestPhoto, setTimezone, getVersion, custom")
IDENT = "5020001"
SLOW, FAST = "2.00", "22.40"  # knots
STATE = "SELECT state FROM avld.commands WHERE id = {}"


@pytest.fixture
def avld(daemons):
    return daemons({"commands.allow": ALLOW}).start()


class Tracker:
    """A PT-502 on a TCP connection."""

    def __init__(self, daemon, ident=IDENT):
        self.ident = ident
        self.peer = daemon.tcp()
        self.peer.settimeout(30)
        self.heard = b""

    def say(self, **kwargs):
        self.peer.sendall(pt502.record(self.ident, **kwargs))

    def outputs(self, bits, **kwargs):
        self.say(tail=f"A/00010,{bits}/0,0,0,0/1200//fa7/", **kwargs)

    def line(self):
        """Returns the server's next line."""
        while b"\r\n" not in self.heard:
            more = self.peer.recv(4096)
            assert more, f"closed after {self.heard!r}"
            self.heard += more
        line, self.heard = self.heard.split(b"\r\n", 1)
        return line.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def known(database, ident=IDENT):
    """Waits until the device is in the table with a fix."""
    database.wait(f"SELECT count(*)::int FROM avld.latest_positions WHERE ident = '{ident}' AND fixed_at IS NOT NULL", 1)


def send(database, command, ident=IDENT, ttl="5 min", **args):
    return database.one("SELECT avld.send_command(%s, %s, %s, %s::interval)", ident, command, json.dumps(args), ttl)


def row(database, command):
    keys = ("state", "attempts", "reason", "reply")
    return dict(zip(keys, database.query(f"SELECT {', '.join(keys)} FROM avld.commands WHERE id = %s", command)[0]))


def age(database, command, seconds):
    """Makes the command look as if created and sent that much earlier."""
    database.query("UPDATE avld.commands SET created_at = created_at - past, expires_at = expires_at - past,"
                   " sent_at = sent_at - past FROM (SELECT %s * interval '1 s' AS past) p WHERE id = %s",
                   seconds, command)


def free_address():
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{port.getsockname()[1]}"


def metric(address, name):
    return metrics(address.split(":")[1])[f"avld_{name}"]


# ---- sending

def test_at_once_on_a_live_connection(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        version = send(database, "getVersion")
        assert tracker.line() == "#VER"
        database.wait(STATE.format(version), "sent")
        tracker.peer.sendall(b"$VER PT-502 V1.07 \"x\"\r\n")
        database.wait(STATE.format(version), "confirmed")
    assert row(database, version) == {"state": "confirmed", "attempts": 1, "reason": None,
                                      "reply": "$VER PT-502 V1.07 \"x\""}
    assert database.one("SELECT created_at <= sent_at AND sent_at <= ended_at AND created_by = session_user"
                        " FROM avld.commands")
    assert database.one("SELECT count(*)::int FROM avld.statuses WHERE extra->>'text' LIKE '$VER%%'") == 1
    assert f"command sent id={version} ident={IDENT} command=getVersion" in avld.logged()


def test_at_the_next_frame_of_a_new_connection(avld, database):
    avld.send_tcp(pt502.record())
    known(database)
    version = send(database, "getVersion")
    avld.wait_log(f"command queued id={version}")
    with Tracker(avld) as tracker:
        tracker.say(time=pt502.now(1))
        assert tracker.line() == "#VER"
        database.wait(STATE.format(version), "sent")


def test_udp_to_the_address_it_sends_from(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(30)
        peer.sendto(pt502.record(), ("127.0.0.1", avld.port))
        known(database)
        one = send(database, "alarmSpeed", kmh=90)
        avld.wait_log(f"command queued id={one}")
        peer.sendto(pt502.record(time=pt502.now(1)), ("127.0.0.1", avld.port))
        assert peer.recvfrom(4096) == (b"#SPD90\r\n", ("127.0.0.1", avld.port))
        database.wait(STATE.format(one), "sent")
        peer.sendto(b"$OK\r\n", ("127.0.0.1", avld.port))  # a text has no ident: the sender identifies the device
        database.wait(STATE.format(one), "confirmed")
        peer.sendto(b"OK\r\n", ("127.0.0.1", avld.port))
        database.wait("SELECT reason FROM avld.rejects", "unknown protocol")


def test_every_command(avld, database):
    words = [("engineResume", {}, "#OPC1,0"), ("outputControl", {"index": 2, "value": 1}, "#OPC2,1"),
             ("positionSingle", {}, "#RCP"), ("positionPeriodic", {"seconds": 30}, "#PTI30"),
             ("positionPeriodic", {"seconds": 30.0}, "#PTI30"),
             ("alarmSpeed", {"kmh": 120}, "#SPD120"), ("rebootDevice", {}, "#RST0"), ("rebootDevice", {"what": 2}, "#RST2"),
             ("requestPhoto", {}, "#PHO"), ("setTimezone", {"hours": -3}, "#TMZ-3"), ("getVersion", {}, "#VER"),
             ("custom", {"text": "AN1,5"}, "#AN1,5"), ("custom", {"text": "#IME"}, "#IME")]
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        for n, (command, args, expected) in enumerate(words):
            one = send(database, command, **args)
            assert tracker.line() == expected
            if command == "outputControl":
                tracker.outputs("01000", time=pt502.now(n + 1))
            elif command == "engineResume":
                tracker.outputs("00000", time=pt502.now(n + 1))
            else:
                tracker.peer.sendall(b"$OK\r\n")
            database.wait(STATE.format(one), "confirmed")
    logged = avld.logged()
    for line in ["sent id=2 ident=5020001 command=outputControl args=\"index=2 value=1\" attempts=1",
                 "confirmed id=2 ident=5020001 command=outputControl args=\"index=2 value=1\" attempts=1",
                 "sent id=12 ident=5020001 command=custom attempts=1",
                 "confirmed id=3 ident=5020001 command=positionSingle attempts=1"]:
        assert f"command {line}\n" in logged
    assert "AN1" not in logged  # a custom text may contain a password


def test_custom_texts_are_logged_for_debugging(daemons, database):
    avld = daemons({"commands.allow": "custom", "log.level": "debug"}).start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        send(database, "custom", text="AN1,5")
        assert tracker.line() == "#AN1,5"
    avld.wait_log('command sent id=1 ident=5020001 command=custom args="AN1,5" attempts=1')


def test_two_devices(avld, database):
    with Tracker(avld) as one, Tracker(avld, "5020002") as two:
        one.say()
        two.say()
        known(database)
        known(database, "5020002")
        first, second = send(database, "getVersion"), send(database, "alarmSpeed", "5020002", kmh=50)
        assert one.line() == "#VER"
        assert two.line() == "#SPD50"
        two.peer.sendall(b"$OK two\r\n")
        database.wait(STATE.format(second), "confirmed")
        assert row(database, first)["state"] == "sent"
        one.peer.sendall(b"$OK one\r\n")
        database.wait(STATE.format(first), "confirmed")
        assert row(database, second)["reply"] == "$OK two"


# ---- confirmation, repetition, expiry

def test_an_output_is_confirmed_by_what_is_reported(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "outputControl", index=3, value=1)
        assert tracker.line() == "#OPC3,1"
        tracker.peer.sendall(b"$OK\r\n")
        tracker.outputs("00000", time=pt502.now(1))
        tracker.outputs("00100", end=b"#\n", time=pt502.now(-5))  # from the log: past, not current
        database.wait("SELECT count(*)::int FROM avld.positions", 3)
        assert row(database, one)["state"] == "sent"
        tracker.outputs("00100", time=pt502.now(-3600))  # the same, not marked as stored
        database.wait("SELECT count(*)::int FROM avld.positions", 4)
        assert row(database, one)["state"] == "sent"
        tracker.outputs("00100", time=pt502.now(2))
        database.wait(STATE.format(one), "confirmed")


def test_an_output_that_is_not_reported_is_not_confirmed(avld, database):
    with Tracker(avld) as tracker:
        tracker.outputs("0")
        known(database)
        one = send(database, "outputControl", index=3, value=0)
        assert tracker.line() == "#OPC3,0"
        tracker.outputs("0", time=pt502.now(1))
        database.wait("SELECT count(*)::int FROM avld.positions", 2)
        assert row(database, one)["state"] == "sent"
        tracker.outputs("000", time=pt502.now(2))
        database.wait(STATE.format(one), "confirmed")


def test_a_photo_that_was_not_taken_is_no_confirmation(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "requestPhoto")
        assert tracker.line() == "#PHO"
        tracker.say(event="PHO0", time=pt502.now(1))
        database.wait("SELECT count(*)::int FROM avld.positions", 2)
        assert row(database, one)["state"] == "sent"
        tracker.say(event="PHO", time=pt502.now(2))
        database.wait(STATE.format(one), "confirmed")


def test_a_position_confirms_its_request(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "positionSingle")
        assert tracker.line() == "#RCP"
        tracker.say(time=pt502.now(1))
        database.wait(STATE.format(one), "confirmed")


def test_a_refusal(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "positionPeriodic", seconds=10)
        assert tracker.line() == "#PTI10"
        tracker.peer.sendall(b"$PTI Error\r\n")
        database.wait(STATE.format(one), "failed")
    assert row(database, one) == {"state": "failed", "attempts": 1, "reason": "refused by the tracker",
                                  "reply": "$PTI Error"}


def test_one_at_a_time_in_order(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        commands = [send(database, "alarmSpeed", kmh=kmh) for kmh in (50, 60, 70)]
        for command, kmh in zip(commands, (50, 60, 70)):
            assert tracker.line() == f"#SPD{kmh}"
            tracker.say(time=pt502.now(kmh))  # does not release the next command
            states = [row(database, other)["state"] for other in commands if other > command]
            assert states == ["queued"] * len(states)
            assert not tracker.heard
            tracker.peer.sendall(b"$OK\r\n")
            database.wait(STATE.format(command), "confirmed")


def test_expires_unsent(avld, database):
    avld.send_tcp(pt502.record())
    known(database)
    one = send(database, "getVersion", ttl="2 s")
    database.wait(STATE.format(one), "expired")
    assert row(database, one) == {"state": "expired", "attempts": 0, "reply": None,
                                  "reason": "never sent: the device was not heard, or busy with another command"}
    with Tracker(avld) as tracker:  # an expired command is not sent
        tracker.say(time=pt502.now(1))
        two = send(database, "alarmSpeed", kmh=50)
        assert tracker.line() == "#SPD50"
        database.wait(STATE.format(two), "sent")


def test_expires_unconfirmed_while_the_connection_is_gone(avld, database):
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "getVersion", ttl="3 s")
        assert tracker.line() == "#VER"
        database.wait(STATE.format(one), "sent")
    database.wait(STATE.format(one), "expired")
    assert row(database, one)["reason"] == "sent 1 time, no confirmation"


def test_sent_again_at_most_three_times(daemons, database):
    """Half a minute between attempts: the rows are aged while the daemon is down."""
    avld = daemons({"commands.allow": ALLOW})
    avld.start()
    times = iter(pt502.last(8))
    avld.send_tcp(pt502.record(time=next(times)))
    known(database)
    one = send(database, "getVersion", ttl="10 min")
    for attempt in (1, 2, 3):
        with Tracker(avld) as tracker:
            tracker.say(time=next(times))
            assert tracker.line() == "#VER"
            database.wait(f"SELECT attempts FROM avld.commands WHERE id = {one}", attempt)
            tracker.say(time=next(times))  # not at once
            database.wait("SELECT count(*)::int FROM avld.positions", 1 + 2 * attempt)
            assert not tracker.heard
        avld.end()
        age(database, one, 31)
        avld.start()
        avld.wait_log("database ready")
    with Tracker(avld) as tracker:
        tracker.say(time=next(times))
        two = send(database, "alarmSpeed", kmh=50)  # it has been given up and blocks nothing
        assert tracker.line() == "#SPD50"
        database.wait(STATE.format(two), "sent")
        assert row(database, one)["attempts"] == 3
        tracker.peer.sendall(b"$OK\r\n")
        database.wait(STATE.format(two), "confirmed")
        tracker.peer.sendall(b"$VER 1\r\n")  # late
        database.wait(STATE.format(one), "confirmed")


def test_a_reboot_is_sent_once(daemons, database):
    avld = daemons({"commands.allow": ALLOW}).start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "rebootDevice")
        assert tracker.line() == "#RST0"
        database.wait(STATE.format(one), "sent")
    avld.end()
    age(database, one, 31)
    avld.start()
    avld.wait_log("database ready")
    with Tracker(avld) as tracker:
        tracker.say(time=pt502.now(1))
        send(database, "getVersion")
        assert tracker.line() == "#VER"
    assert row(database, one)["attempts"] == 1


@pytest.mark.parametrize("how", ["end", "kill"])
def test_restart_between_sent_and_confirmed(daemons, database, how):
    avld = daemons({"commands.allow": ALLOW}).start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "outputControl", index=2, value=1)
        assert tracker.line() == "#OPC2,1"
        getattr(avld, how)()
    avld.start()
    database.wait(STATE.format(one), "sent")
    with Tracker(avld) as tracker:
        tracker.say(time=pt502.now(1))
        database.wait("SELECT count(*)::int FROM avld.positions", 2)
        tracker.outputs("01000", time=pt502.now(2))
        database.wait(STATE.format(one), "confirmed")
        assert not tracker.heard
    assert row(database, one)["attempts"] == 1


def test_the_journal_counts_after_an_outage_of_the_database(daemons, database):
    """A command sent and confirmed during an outage is not sent again after a kill."""
    avld = daemons({"commands.allow": ALLOW, "database.batch_interval": "60s", "database.batch_rows": "1"}).start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "getVersion")
        assert tracker.line() == "#VER"
        lock = psycopg2.connect(database.conninfo)
        lock.cursor().execute("LOCK avld.statuses IN ACCESS EXCLUSIVE MODE")
        tracker.peer.sendall(b"$VER 1\r\n")
        avld.wait_log(f"command confirmed id={one}")
        avld.kill()
    lock.close()
    avld.settings["database.batch_interval"] = "20ms"
    avld.start()
    with Tracker(avld) as tracker:
        tracker.say(time=pt502.now(1))
        database.wait(STATE.format(one), "confirmed")
        database.wait("SELECT count(*)::int FROM avld.positions", 2)
        assert not tracker.heard
    assert row(database, one)["attempts"] == 1


def test_cancelled(avld, database):
    avld.send_tcp(pt502.record())
    known(database)
    one = send(database, "getVersion")
    avld.wait_log(f"command queued id={one}")
    assert database.one("SELECT avld.cancel_command(%s)", one)
    avld.wait_log(f"command withdrawn id={one} ident={IDENT} command=getVersion")
    with Tracker(avld) as tracker:
        tracker.say(time=pt502.now(1))
        send(database, "alarmSpeed", kmh=50)
        assert tracker.line() == "#SPD50"
    assert row(database, one)["state"] == "failed"
    assert not database.one("SELECT avld.cancel_command(%s)", one)


# ---- permission and safety

def test_the_instance_with_the_tracker_decides(daemons, database, tmp_path):
    """Of two instances on one database, the one without the tracker leaves its commands alone, whatever it allows."""
    strict, other = [daemons({"commands.allow": allow, "database.instance": name}, folder=tmp_path / name).start()
                     for name, allow in (("strict", ""), ("other", ALLOW))]
    with Tracker(other) as tracker:
        tracker.say()
        database.wait("SELECT instance FROM avld.device_state", "other")
        command = send(database, "getVersion")
        assert tracker.line() == "#VER"
        database.wait(f"SELECT state FROM avld.commands WHERE id = {command}", "sent")
    with Tracker(strict) as tracker:  # this instance does not allow it
        tracker.say(time=pt502.now(1))
        database.wait("SELECT instance FROM avld.device_state", "strict")
        second = send(database, "getVersion")
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {second}", "not in commands.allow")
        assert row(database, command)["state"] == "sent"


def test_nothing_is_allowed_by_default(daemons, database):
    avld = daemons().start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        one = send(database, "getVersion")
        database.wait(STATE.format(one), "failed")
        assert row(database, one)["reason"] == "not in commands.allow"
        assert not tracker.heard


@pytest.mark.parametrize("command,args", [("outputControl", {"index": 1, "value": 1}), ("custom", {"text": "OPC1, 1"})])
def test_the_engine_is_not_stopped_by_another_name(daemons, database, command, args):
    avld = daemons({"commands.allow": "outputControl, custom"}).start()
    with Tracker(avld) as tracker:
        tracker.say(speed=SLOW)
        known(database)
        one = send(database, command, **args)
        database.wait(STATE.format(one), "failed")
        assert row(database, one)["reason"] == "stops the engine, and engineStop is not in commands.allow"


def test_engine_stop_waits_until_it_is_slow(avld, database):
    with Tracker(avld) as tracker:
        tracker.say(speed=FAST)
        known(database)
        stop = send(database, "engineStop")
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {stop}",
                      "waits for a speed up to commands.engine_stop_max_kmh")
        other = send(database, "getVersion")  # overtakes the queued stop
        assert tracker.line() == "#VER"
        tracker.peer.sendall(b"$OK\r\n")
        database.wait(STATE.format(other), "confirmed")
        tracker.say(speed=FAST, time=pt502.now(1))
        tracker.say(speed="", time=pt502.now(2))
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {stop}", "waits for a fix with a speed")
        assert row(database, stop)["state"] == "queued"
        tracker.say(speed=SLOW, fix="V", time=pt502.now(3))  # not a valid fix
        database.wait("SELECT count(*)::int FROM avld.positions", 4)
        assert row(database, stop)["state"] == "queued"
        tracker.say(speed=SLOW, time=pt502.now(4))
        assert tracker.line() == "#OPC1,1"
        database.wait(STATE.format(stop), "sent")
        assert row(database, stop)["reason"] is None
        tracker.outputs("10000", speed=SLOW, time=pt502.now(5))
        database.wait(STATE.format(stop), "confirmed")


def test_engine_stop_is_not_sent_on_an_old_fix(avld, database):
    """The fix is fresh when the command is created and old when the tracker reports again."""
    avld.send_tcp(pt502.record(speed=SLOW))
    known(database)
    stop = send(database, "engineStop")
    avld.wait_log(f"command queued id={stop}")
    avld.end()
    database.query("UPDATE avld.device_state SET fixed_at = fixed_at - interval '3 min'")
    avld.start()
    avld.wait_log("database ready")
    with Tracker(avld) as tracker:
        tracker.say(speed=SLOW, time=pt502.now(-150))  # late, and live
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {stop}",
                      "waits for a fix that is not older than 2 minutes")
        tracker.say(speed=SLOW)
        assert tracker.line() == "#OPC1,1"


@pytest.mark.parametrize("batch_rows", ["1", "10000"])
def test_engine_stop_waits_for_reports_not_stored_yet(daemons, database, batch_rows):
    """The database has a slow fix, but the newer, faster ones in the journal count."""
    address = free_address()
    avld = daemons({"commands.allow": ALLOW, "http.listen": address, "database.batch_rows": batch_rows}).start()
    operator = psycopg2.connect(database.conninfo)
    operator.autocommit = True
    with Tracker(avld) as tracker:
        tracker.say(speed="1.00", time=pt502.now(-30))
        known(database)
        admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
              f"WHERE datname = '{database.name}' AND application_name LIKE 'avld%'")
        for time in pt502.last(20)[::-1]:
            tracker.say(speed="60.00", time=time)
        wait_for(lambda: metric(address, "reports_total") == 21, "the reports")
        with operator.cursor() as cursor:
            cursor.execute("SELECT avld.send_command(%s, 'engineStop'), avld.send_command(%s, 'getVersion')", [IDENT] * 2)
            stop, other = cursor.fetchone()
        operator.close()
        admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
        assert tracker.line() == "#VER"
        tracker.peer.sendall(b"$OK\r\n")
        database.wait(STATE.format(other), "confirmed")
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {stop}",
                      "waits for a speed up to commands.engine_stop_max_kmh")
        assert not tracker.heard
        tracker.say(speed=SLOW, time=pt502.now(1))
        assert tracker.line() == "#OPC1,1"


def test_engine_stop_is_sent_once_everything_received_is_stored(daemons, database):
    """Without further reports the fix stored in the database counts."""
    avld = daemons({"commands.allow": ALLOW, "database.batch_interval": "1s"}).start()
    with Tracker(avld) as tracker, Tracker(avld, "5020002") as other:
        tracker.say(speed=SLOW)
        known(database)
        other.say()  # in the journal only, while the command is read
        stop = send(database, "engineStop")
        assert tracker.line() == "#OPC1,1"
        database.wait(STATE.format(stop), "sent")


def test_engine_resume_withdraws_the_stop(avld, database):
    with Tracker(avld) as tracker:
        tracker.say(speed=FAST)
        known(database)
        stop = send(database, "engineStop")
        database.wait(f"SELECT reason FROM avld.commands WHERE id = {stop}",
                      "waits for a speed up to commands.engine_stop_max_kmh")
        resume = send(database, "engineResume")
        assert tracker.line() == "#OPC1,0"
        database.wait(STATE.format(stop), "failed")
        assert row(database, stop)["reason"] == "withdrawn: engineResume came after it"
        tracker.outputs("00000", speed=SLOW, time=pt502.now(1))
        database.wait(STATE.format(resume), "confirmed")
        assert not tracker.heard


def test_refused_in_sql(avld, database):
    avld.send_tcp(pt502.record(time=pt502.now(-150)))
    known(database)
    database.wait("SELECT count(*)::int FROM avld.device_state", 1)
    for command, args, ttl, message in [
            ("engineStop", {}, "5 min", "must be at most 2 minutes old"),
            ("engineStop", {}, "16 min", "must expire within 15 minutes"),
            ("engineHalt", {}, "5 min", "unknown command 'engineHalt'"),
            ("positionPeriodic", {}, "5 min", "\"seconds\" is missing"),
            ("custom", {"text": "VER\r\nOPC1,1"}, "5 min", "without line ends"),
            ("getVersion", {"x": 1}, "5 min", "unknown argument \"x\""),
            ("getVersion", {}, "31 days", "between 1 second and 30 days")]:
        with pytest.raises(psycopg2.Error, match=message.replace("(", r"\(")):
            send(database, command, ttl=ttl, **args)
    with pytest.raises(psycopg2.Error, match="unknown device '5029999'"):
        send(database, "getVersion", "5029999")
    assert database.one("SELECT count(*)::int FROM avld.commands") == 0


def test_the_daemon_rejects_bad_rows_too(avld, database):
    """The owner of the table can write anything into it."""
    avld.send_tcp(pt502.record(speed=SLOW))
    known(database)
    database.query("ALTER TABLE avld.commands DISABLE TRIGGER accept")
    for command, args, ttl, reason in [
            ("custom", {"text": "VER\r\nOPC1,1"}, 300,
             "text has a line end or another byte that is not printable ASCII"),
            ("engineStop", {}, 1000, "stops the engine: must expire within 15 minutes"),
            ("factoryReset", {}, 60, "not in commands.allow"), ("dance", {}, 60, "no such command"),
            ("alarmSpeed", {"kmh": "1e9"}, 60, "an argument is no whole number")]:
        one = database.one("INSERT INTO avld.commands (device_id, command, args, expires_at) SELECT id, %s, %s,"
                           " now() + %s * interval '1 s' FROM avld.devices RETURNING id", command, json.dumps(args), ttl)
        database.wait(STATE.format(one), "failed")
        assert row(database, one)["reason"] == reason
    one = database.one("INSERT INTO avld.commands (device_id, command) VALUES (999, 'getVersion') RETURNING id")
    database.wait(STATE.format(one), "failed")
    assert row(database, one)["reason"] == "the device is not in avld.devices"


def test_engine_stop_is_for_operators(avld, database):
    avld.send_tcp(pt502.record(speed=SLOW))
    known(database)
    session = psycopg2.connect(database.conninfo)
    session.autocommit = True
    cursor = session.cursor()
    cursor.execute("SET ROLE avld_reader")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT avld.send_command('5020001', 'getVersion')")
    cursor.execute("RESET ROLE; SET ROLE avld_operator; SELECT avld.send_command('5020001', 'engineStop')")
    stop = cursor.fetchone()[0]
    session.close()
    with Tracker(avld) as tracker:
        tracker.say(speed=SLOW, time=pt502.now(1))
        assert tracker.line() == "#OPC1,1"
    database.wait(STATE.format(stop), "sent")


# ---- GT06

def gt06_command(peer):
    head = gt06.read_exactly(peer, 3)
    frame = head + gt06.read_exactly(peer, head[2] + 2)
    assert frame[3] == 0x80 and struct.unpack(">H", frame[-4:-2])[0] == gt06.crc(frame[2:-4])
    length = frame[4]
    return struct.unpack(">I", frame[5:9])[0], frame[9:5 + length].decode()


def gt06_reply(flag, text, serial):
    inner = b"\x21" + struct.pack(">I", flag) + b"\x01" + text + struct.pack(">H", serial)
    inner = struct.pack(">H", len(inner) + 2) + inner
    return b"\x79\x79" + inner + struct.pack(">H", gt06.crc(inner)) + b"\r\n"


def test_gt06(avld, database):
    imei = "860000000000017"
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(gt06.login() + gt06.position(2, kmh=3))
        gt06.read_exactly(peer, 20)
        known(database, imei)
        stop = send(database, "engineStop", imei)
        flag, text = gt06_command(peer)
        assert (flag, text) == (stop, "Relay,1#")
        database.wait(STATE.format(stop), "sent")
        assert database.one("SELECT correlation FROM avld.commands WHERE id = %s", stop) == flag
        peer.sendall(gt06_reply(flag + 1, b"not ours", 3))
        peer.sendall(gt06_reply(flag, b"RELAY:ON OK!", 4))
        database.wait(STATE.format(stop), "confirmed")
        assert row(database, stop)["reply"] == "RELAY:ON OK!"
        # a status confirms as well
        resume = send(database, "engineResume", imei)
        assert gt06_command(peer) == (resume, "Relay,0#")
        peer.sendall(gt06.frame(0x13, bytes.fromhex("8605030002"), 5) + gt06.frame(0x13, bytes.fromhex("0605030002"), 6))
        database.wait(STATE.format(resume), "confirmed")
        photo = send(database, "requestPhoto", imei)
        database.wait(STATE.format(photo), "failed")
        assert row(database, photo)["reason"] == "protocol gt06 has no such command"
        custom = send(database, "custom", imei, text="STATUS#")
        gt06.read_exactly(peer, 20)  # the answers to the heartbeats
        assert gt06_command(peer) == (custom, "STATUS#")


def test_gt06_with_its_log_in(avld, database):
    imei = "860000000000017"
    avld.send_tcp(gt06.login() + gt06.position(2))
    known(database, imei)
    one = send(database, "getVersion", imei)
    avld.wait_log(f"command queued id={one}")
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(gt06.login(serial=9))
        assert gt06.read_exactly(peer, 10) == gt06.answer(0x01, 9)
        assert gt06_command(peer) == (one, "VERSION#")


# ---- simulated trackers

@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_simulated_trackers_execute_commands(daemons, database, udp):
    avld = daemons({"commands.allow": ALLOW, "commands.engine_stop_max_kmh": "300"}).start()
    trackers = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", "mixed",
                                 "--devices", "4"] + ["--udp"] * udp, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE fixed_at > now() - interval '1 min'", 4)
        idents = [row[0] for row in database.query("SELECT ident FROM avld.devices ORDER BY length(ident), ident")]
        commands = [send(database, command, ident, **args) for ident in idents for command, args in
                    [("engineStop", {}), ("getVersion", {}), ("positionSingle", {}), ("positionPeriodic", {"seconds": 5})]]
        confirmed = f"SELECT count(*)::int FROM avld.commands WHERE state = 'confirmed' AND id <= {commands[-1]}"
        database.wait(confirmed, len(commands))
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE outputs = 1 AND length(ident) = 7", 2)
        for ident in idents:
            send(database, "engineResume", ident)
        database.wait("SELECT count(*)::int FROM avld.commands WHERE state = 'confirmed'", len(commands) + 4)
        database.wait("SELECT count(*)::int FROM avld.latest_positions WHERE outputs = 0 AND length(ident) = 7", 2)
        replies = {row[0] for row in database.query("SELECT reply FROM avld.commands WHERE reply IS NOT NULL")}
        assert replies == {"$VER PT-502 V1.07", "$OK", "OK!", "RELAY:ON OK!", "RELAY:OFF OK!"}
    finally:
        trackers.send_signal(signal.SIGINT)
        out, err = trackers.communicate(timeout=30)
    assert b"obeyed 20 commands" in out, out + err


def test_counted(daemons, database):
    address = free_address()
    avld = daemons({"commands.allow": "getVersion", "http.listen": address}).start()
    with Tracker(avld) as tracker:
        tracker.say()
        known(database)
        send(database, "getVersion")
        assert tracker.line() == "#VER"
        assert metric(address, "commands_open") == metric(address, "commands_sent_total") == 1
        tracker.peer.sendall(b"$OK\r\n")
        wait_for(lambda: metric(address, "commands_confirmed_total") == 1, "the confirmation")
        assert metric(address, "commands_open") == 0
