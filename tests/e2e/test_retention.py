# SPDX-License-Identifier: MIT
"""Retention: old days of positions and statuses, old rows of other tables, late data of dropped days; also under load."""
import datetime
import socket
import time

import gt06
import pt502
import psycopg2
import pytest
from conftest import wait_for

POSITIONS = "SELECT count(*)::int FROM avld.positions"
TOO_OLD = "SELECT count(*)::int FROM avld.rejects WHERE reason = 'older than database.retention'"
DAY_S = 86400


def has_day(database, time, table="positions"):
    return database.one("SELECT to_regclass('avld.' || %s) IS NOT NULL", f"{table}_{time:%Y%m%d}")


# ---- late data ---------------------------------------------------------------------------------------

def test_late_data_of_a_dropped_day_is_rejected(daemons, database):
    """Also in the first report of a tracker; partitions of days within retention are made."""
    avld = daemons({"database.retention": "30d"}).start()
    old, kept, today = pt502.now(-31 * DAY_S), pt502.now(-29 * DAY_S), pt502.now(-5)
    avld.send_tcp(pt502.record(time=old, event="IN1") + pt502.record(time=old, event="IN1"))
    database.wait(TOO_OLD, 1)  # the repeat gets no second reject
    avld.send_tcp(pt502.record(time=kept) + pt502.record(time=today, event="IN1"))
    database.wait(POSITIONS, 2)
    wait_for(lambda: has_day(database, kept), "the partition")
    assert not has_day(database, old) and not has_day(database, old, "statuses")
    assert database.query("SELECT count(*)::int, min(occurred_at) FROM avld.alarms WHERE alarm = 'sos'") == [(1, today)]
    assert database.query("SELECT ident, protocol, transport FROM avld.rejects") == [("5020001", "pt502", "tcp")]
    assert database.one("SELECT fixed_at FROM avld.device_state") == today
    database.wait("SELECT count(*)::int FROM ONLY avld.positions_default", 0)


def test_the_edge_of_retention_is_the_day(daemons, database):
    avld = daemons({"database.retention": "30d"}).start()
    midnight = pt502.now().replace(hour=0, minute=0, second=0) - datetime.timedelta(days=30)
    avld.send_tcp(pt502.record(time=midnight) + pt502.record(time=midnight - datetime.timedelta(seconds=1)))
    database.wait(POSITIONS, 1)
    database.wait(TOO_OLD, 1)
    assert database.one("SELECT fixed_at FROM avld.positions") == midnight


def test_old_records_update_last_seen(daemons, database):
    avld = daemons({"database.retention": "30d"}).start()
    avld.send_tcp(pt502.record(time=pt502.now(-40 * DAY_S), fix="V"))
    database.wait(TOO_OLD, 1)
    assert database.query("SELECT fixed_at, last_seen > now() - interval '1 min' FROM avld.device_state") == [(None, True)]


def test_late_data_is_kept_without_retention(avld, database):
    old = pt502.now(-390 * DAY_S)
    avld.send_tcp(pt502.record(time=old))
    database.wait(POSITIONS, 1)
    wait_for(lambda: has_day(database, old), "the partition")
    assert database.one(TOO_OLD) == 0


# ---- many days ----------------------------------------------------------------------------------------

DAYS = "SELECT count(*)::int FROM avld.list_partitions() WHERE parent = 'avld.positions'::regclass"
NEAR = 4  # yesterday to the day after tomorrow


def test_a_device_makes_few_partitions_and_its_rows_are_found(daemons, database):
    """A device may make 3 days in an hour, all devices 24; the other rows are in DEFAULT, where retention finds them."""
    avld = daemons({"database.retention": "1000d"}).start()
    avld.send_tcp(b"".join(pt502.record(time=pt502.now(-n * DAY_S)) for n in range(3, 393)))
    started = time.monotonic()
    database.wait(POSITIONS, 390)
    assert time.monotonic() - started < 5
    database.wait(DAYS, NEAR + 3)
    avld.wait_log("reports of many days without a partition")
    assert database.one("SELECT count(*)::int FROM avld.positions WHERE fixed_at < now() - interval '2 days 12 hours'") == 390
    for n in range(2, 30):
        avld.send_tcp(b"".join(pt502.record(f"50200{n:02d}", time=pt502.now(-(n * 13 + day) * DAY_S)) for day in range(10)))
    database.wait(POSITIONS, 390 + 280)
    database.wait(DAYS, NEAR + 24, 120)
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.positions_default") > 500
    avld = daemons({"database.retention": "30d"}).start()
    database.wait("SELECT count(*)::int FROM avld.positions WHERE fixed_at < current_date - 31", 0)
    assert database.one(DAYS) < NEAR + 24
    database.wait("SELECT count(*)::int FROM ONLY avld.positions_default WHERE fixed_at < current_date - 31", 0)


@pytest.mark.parametrize("interval, parts", [("6h", 4), ("1h", 24)])
def test_a_day_of_positions_may_have_parts(daemons, database, interval, parts):
    avld = daemons({"database.partition_interval": interval, "database.retention": "100d"}).start()
    time = pt502.now()
    avld.send_tcp(pt502.record(time=time) * 2 + pt502.record(time=pt502.now(-50 * DAY_S)))
    database.wait(POSITIONS, 2)
    hour = time.hour - time.hour % (24 // parts)
    database.wait("SELECT max(tableoid::regclass::text) FROM avld.positions", f"avld.positions_{time:%Y%m%d}_{hour:02d}", 60)
    assert database.one("SELECT count(*)::int FROM pg_partition_tree(%s) WHERE isleaf", f"avld.positions_{time:%Y%m%d}") == parts
    assert database.one("SELECT count(*)::int FROM pg_partition_tree(%s)", f"avld.statuses_{time:%Y%m%d}") == 1
    avld.end()


def test_a_partition_that_cannot_be_made_delays_other_rows_a_little(daemons, database):
    avld = daemons({"database.retention": "1000d"}).start()
    avld.send_tcp(pt502.record())
    database.wait(POSITIONS, 1)
    reader = psycopg2.connect(database.conninfo)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM avld.positions_default")  # and holds its lock until the transaction ends
        avld.send_tcp(pt502.record(time=pt502.now(-100 * DAY_S)))
        delays = []
        for n, moment in enumerate(pt502.last(39, -60), 1):
            started = time.monotonic()
            avld.send_tcp(pt502.record(time=moment))
            database.wait(POSITIONS, 2 + n)
            delays.append(time.monotonic() - started)
            time.sleep(0.05)
        avld.wait_log("cannot make partitions, rows go to the DEFAULT partition sqlstate=57014")
        assert sorted(delays)[-1] < 1
    reader.close()
    assert database.one("SELECT count(*)::int FROM avld.positions_default") == 1


# ---- old rows and days --------------------------------------------------------------------------------

OLD_ROWS = """
    INSERT INTO avld.rejects (received_at, reason, frame) SELECT now() - n * interval '30 d', 'x', '' FROM generate_series(1, 5) n;
    INSERT INTO avld.connections SELECT now() - n * interval '30 d', now() - n * interval '30 d', 'x', 'tcp', NULL, NULL, 0, 0, 0, 'x'
        FROM generate_series(1, 5) n;
    INSERT INTO avld.unknown_devices SELECT 'u' || n, NULL, NULL, now() - interval '1 y', now() - n * interval '30 d', 1
        FROM generate_series(1, 5) n;
    INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
        SELECT 1, now() - n * interval '30 d', now(), 'sos', false, 1 FROM generate_series(1, 5) n;
    INSERT INTO avld.devices (ident) VALUES ('5020001');
    INSERT INTO avld.commands (device_id, command) SELECT id, 'getVersion' FROM avld.devices, generate_series(1, 5);
    UPDATE avld.commands SET state = 'failed', ended_at = now() - id * interval '30 d';
    SELECT avld.ensure_partitions(d, d) FROM unnest(ARRAY[current_date - 100, current_date - 50]) d
    """
TABLES = ("rejects", "connections", "unknown_devices", "alarms", "commands")


def counts(database):
    return {table: database.one(f"SELECT count(*)::int FROM avld.{table}") for table in TABLES}


def test_tables_that_strangers_fill_have_a_retention_by_default(daemons, database):
    database.query(OLD_ROWS)
    avld = daemons().start()
    avld.wait_log("rows older than database.unknown_devices_retention deleted table=unknown_devices count=3")
    assert counts(database) == {"rejects": 2, "connections": 2, "unknown_devices": 2, "alarms": 5, "commands": 5}
    assert has_day(database, pt502.now(-100 * DAY_S))


def test_each_table_has_its_own_retention(daemons, database):
    database.query(OLD_ROWS)
    avld = daemons({"database.retention": "60d", "database.rejects_retention": "0", "database.connections_retention": "31d",
                    "database.unknown_devices_retention": "61d", "database.alarms_retention": "100d",
                    "database.commands_retention": "130d"}).start()
    avld.wait_log("rows older than database.commands_retention deleted table=commands count=1")
    assert counts(database) == {"rejects": 5, "connections": 1, "unknown_devices": 2, "alarms": 3, "commands": 4}
    assert not has_day(database, pt502.now(-100 * DAY_S)) and has_day(database, pt502.now(-50 * DAY_S))
    assert "partitions older than database.retention dropped count=2" in avld.logged()


OLD_IN_DEFAULT = """
    INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
        SELECT 1, t.at, now(), 'device', true, 0, 0, false, n FROM generate_series(1, {rows}) n, (SELECT {at} AS at) t;
    INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
        SELECT 1, t.at, now(), 'device', false, n FROM generate_series(1, {rows}) n, (SELECT {at} AS at) t
    """


def test_rows_in_default_expire_by_day(daemons, database):
    """Rows of the first day kept stay, whatever the time of day."""
    midnight = "date_trunc('day', now(), 'UTC') - interval '60 d'"
    database.query(OLD_IN_DEFAULT.format(rows=3, at=f"{midnight} - interval '1 s'"))
    database.query(OLD_IN_DEFAULT.format(rows=4, at=midnight))
    avld = daemons({"database.retention": "60d"}).start()
    avld.wait_log("rows older than database.retention deleted table=positions count=3")
    avld.wait_log("rows older than database.retention deleted table=statuses count=3")
    assert database.query("SELECT (SELECT count(*)::int FROM ONLY avld.positions_default),"
                          " (SELECT count(*)::int FROM ONLY avld.statuses_default)") == [(4, 4)]


def test_a_failed_deletion_is_logged_and_stops_nothing_else(daemons, database):
    database.query(OLD_ROWS)
    database.query("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not these'; END$$;"
                   "CREATE TRIGGER no BEFORE DELETE ON avld.rejects FOR EACH STATEMENT EXECUTE FUNCTION no()")
    avld = daemons().start()
    avld.wait_log('cannot delete old rows, trying again in an hour table=rejects reason="not these"')
    avld.wait_log("rows older than database.unknown_devices_retention deleted table=unknown_devices count=3")
    avld.send_tcp(pt502.record())
    database.wait(POSITIONS, 1)


# ---- retention blocks nothing -----------------------------------------------------------------------------

def test_batches_are_stored_between_the_steps(daemons, database):
    """300,000 old rejects, 100,000 old rows in DEFAULT and 200 old days are deleted while trackers report: batches alternate
    with the steps. Small batches, so that there are many of them however slow the machine is."""
    database.query(OLD_IN_DEFAULT.format(rows=50000, at="now() - interval '400 d'"))
    database.query("INSERT INTO avld.rejects (received_at, reason, frame) SELECT now() - interval '200 d' + n * interval '1 s',"
                   " 'x', '' FROM generate_series(1, 300000) n")
    database.query("SELECT avld.ensure_partitions(current_date - 300, current_date - 101)")
    database.query("CREATE TABLE steps (stored bigint);"  # makes each step take 0.1 s
                   "CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.1);"
                   " INSERT INTO public.steps SELECT count(*) FROM avld.positions; RETURN NULL; END$$;"
                   "CREATE TRIGGER step AFTER DELETE ON avld.rejects FOR EACH STATEMENT EXECUTE FUNCTION step();"
                   "CREATE TRIGGER step AFTER DELETE ON avld.positions_default FOR EACH STATEMENT EXECUTE FUNCTION step()")
    avld = daemons({"database.retention": "100d", "database.batch_rows": "500"}).start()
    avld.simulate("--devices", 50, "--count", 20000, "--rate", 5000)
    database.wait(POSITIONS, 20000)
    avld.wait_log("rows older than database.retention deleted table=positions count=50000")
    avld.wait_log("rows older than database.rejects_retention deleted table=rejects count=300000")
    avld.wait_log("partitions older than database.retention dropped count=400")
    steps, batches = database.query("SELECT count(*)::int, count(DISTINCT stored)::int FROM steps")[0]
    assert steps >= 6 + 31 and batches > 5  # statements that make partitions delete from DEFAULT too
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_a_long_query_delays_the_drop_but_not_the_batches(daemons, database):
    """A long query keeps the days: DROP gives up after 2 s, batches are stored, old rows are deleted."""
    database.query(OLD_ROWS)
    reader = psycopg2.connect(database.conninfo)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM avld.positions")
        avld = daemons({"database.retention": "60d"}).start()
        avld.send_tcp(pt502.record())
        database.wait(POSITIONS, 1)
        avld.wait_log("cannot drop old partitions, trying again in an hour")
        avld.wait_log("rows older than database.rejects_retention deleted table=rejects count=3")
        avld.send_tcp(pt502.record(time=pt502.now(-10)))
        database.wait(POSITIONS, 2)
    reader.close()
    assert has_day(database, pt502.now(-100 * DAY_S))


def test_locked_rows_are_left_to_the_next_hour(daemons, database):
    database.query(OLD_ROWS)
    holder = psycopg2.connect(database.conninfo)
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM avld.rejects WHERE received_at < now() - interval '140 d' FOR UPDATE")
        avld = daemons().start()
        avld.wait_log("rows older than database.rejects_retention deleted table=rejects count=2")
    holder.close()


# ---- two instances with one database -------------------------------------------------------------------

def test_trackers_may_move_between_two_instances(daemons, database, tmp_path):
    """Each tracker alternates between the two and sends its log to both."""
    options = {"database.retention": "300d", "database.connections_per_minute": 1000}
    pair = [daemons({**options, "database.instance": name}, folder=tmp_path / name).start() for name in ("east", "west")]
    idents = [f"50200{n:02d}" for n in range(1, 21)]
    times = pt502.last(60)
    logs = pt502.last(40, -3 * DAY_S)
    for turn in range(6):
        for n, ident in enumerate(idents):
            data = b"".join(pt502.record(ident=ident, time=time) for time in times[50 - 10 * turn:60 - 10 * turn])
            pair[(n + turn) % 2].send_tcp(data)
    sockets = []
    for ident in idents:  # sends the log to both at once
        data = b"".join(pt502.record(ident=ident, time=time, event="IN1") for time in logs)
        for avld in pair:
            peer = avld.tcp()
            peer.sendall(data)
            sockets.append(peer)
    for peer in sockets:
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass
        peer.close()
    with pair[0].tcp() as here:  # finally one tracker connects to the first after it was on the second
        pair[1].send_tcp(pt502.record(ident=idents[0], time=times[0]))
        here.sendall(pt502.record(ident=idents[0], time=times[0]))
        database.wait("SELECT connected AND instance = 'east' FROM avld.device_state s JOIN avld.devices d ON d.id = device_id "
                      f"WHERE ident = '{idents[0]}'", True)
        for avld in pair:
            avld.end()
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'closed by peer'", 6 * 20 + 2 * 20 + 1)
    assert database.query("SELECT count(*)::int, count(DISTINCT (device_id, fixed_at))::int FROM avld.positions") == [(2000, 2000)]
    assert database.query("SELECT count(*)::int, count(DISTINCT (device_id, occurred_at))::int FROM avld.alarms") == [(800, 800)]
    assert database.one("SELECT count(*)::int FROM avld.devices") == 20
    assert database.query("SELECT count(*)::int, min(fixed_at), max(fixed_at) FROM avld.device_state WHERE NOT connected") == [
        (20, times[0], times[0])]
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    assert database.query("SELECT instance FROM avld.checkpoint ORDER BY 1") == [("east",), ("west",)]
    for avld in pair:  # nothing is pending, and nothing is written again
        avld.start()
        avld.send_tcp(pt502.record(ident=idents[1], time=times[0]))
    database.wait("SELECT count(*)::int FROM avld.connections", 6 * 20 + 2 * 20 + 1 + 1 + 2)
    assert database.one(POSITIONS) == 2000


def test_a_late_end_does_not_close_another_instances_connection(daemons, database, tmp_path):
    east, west = [daemons({"database.instance": name}, folder=tmp_path / name).start() for name in ("east", "west")]
    state = "SELECT connected || ' ' || instance FROM avld.device_state"
    old = east.tcp()
    old.sendall(gt06.login() + gt06.position(2))
    database.wait(state, "true east")
    with west.tcp() as new:
        new.sendall(gt06.login() + gt06.position(3, pt502.now(1)))
        database.wait(state, "true west")
        old.close()
        database.wait("SELECT count(*)::int FROM avld.connections", 1)
        assert database.one(state) == "true west"
    database.wait(state, "false west")
    assert database.one(POSITIONS) == 2
