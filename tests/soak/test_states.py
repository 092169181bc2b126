# SPDX-License-Identifier: MIT
"""Fault 1, for device_state: while the writer does not keep up, it is written later than positions."""
import contextlib
import datetime

import pytest

import pt502
from e2e import admin
from harness import free_port, metrics, rounds, wait_for
from test_kill import fixed_port

DEVICES = 12_000  # more than one batch writes
BEHIND = "SELECT (lsn > state_lsn)::int FROM avld.checkpoint"
DIFFERENT = """SELECT count(*)::int FROM avld.devices d LEFT JOIN avld.device_state s ON s.device_id = d.id LEFT JOIN (
    SELECT DISTINCT ON (device_id) device_id, fixed_at, odometer_m, latitude FROM avld.positions
    ORDER BY device_id, fixed_at DESC) p ON p.device_id = d.id
    WHERE (s.fixed_at, s.odometer_m, s.latitude) IS DISTINCT FROM (p.fixed_at, p.odometer_m, p.latitude)"""


@contextlib.contextmanager
def backlog(database):
    """Meanwhile the database is unreachable, so that nobody is kept waiting for it."""
    admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'")
    try:
        yield
    finally:
        admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")


def turn_of_all(number, start):
    """One record of each device, in turn."""
    time = start + datetime.timedelta(seconds=number)
    return b"".join(pt502.record(ident=f"{5200000 + device}", time=time, tail=f"A/00010,00000/0/{number + 1}//fa7/")
                    for device in range(DEVICES))


@pytest.mark.parametrize("end", ["kill", "restart of the database's backend"])
def test_device_state_is_the_newest_position(daemons, database, results, end):
    avld = fixed_port(daemons, {"database.batch_rows": "1000", "server.max_connections_per_ip": "0", "devices.new_per_minute": "0",
                               "devices.new_per_address": "0", "http.listen": f"127.0.0.1:{free_port()}"})
    start = pt502.now(-3600).replace(microsecond=0)
    turns = rounds(2, 50)
    seen_behind = 0
    for number in range(turns):
        before = metrics(avld)["avld_reports_total"]
        with backlog(database):
            avld.send_tcp(turn_of_all(number, start))
            wait_for(lambda: metrics(avld)["avld_reports_total"] - before == DEVICES, "all records")  # noqa: B023
        wait_for(lambda: database.one(BEHIND) == 1 or metrics(avld)["avld_journal_waiting_bytes"] == 0, "states to be due")
        seen_behind += database.one(BEHIND)
        if end == "kill":
            avld.kill()
            avld.start()
        else:
            database.one("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        database.wait("SELECT count(*)::int FROM avld.positions", DEVICES * (number + 1), patience_s=120)
        database.wait(DIFFERENT, 0)
    avld.end()
    assert seen_behind > 0
    assert database.one("SELECT count(*)::int FROM avld.checkpoint WHERE state_lsn <> lsn") == 0
    stored = database.one("SELECT count(*)::int FROM avld.device_state")
    results.add(1, f"device_state after a {end}", turns, DEVICES, stored)
