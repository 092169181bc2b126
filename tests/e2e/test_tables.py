# SPDX-License-Identifier: MIT
"""Tables that somebody alters while the daemon runs: the column is named with its remedy, nothing is lost, no row is blamed."""
import datetime
import json
import subprocess

import pt502
import pytest
from conftest import AVLD, wait_for
from test_http import free_port, get

COUNT = "SELECT count(*)::int FROM avld.positions"
BEGIN = pt502.now()


def send(avld, number):
    avld.send_tcp(pt502.record(time=BEGIN - datetime.timedelta(seconds=number)))


ALTERED = {
    "adc1 is bigint": ("ALTER TABLE avld.positions ALTER adc1 TYPE bigint", "ALTER TABLE avld.positions ALTER adc1 TYPE integer",
                       "avld.positions.adc1 is bigint, expected integer: ALTER TABLE avld.positions ALTER COLUMN adc1 TYPE integer"),
    "satellites is text": ("ALTER TABLE avld.positions ALTER satellites TYPE text",
                           "ALTER TABLE avld.positions ALTER satellites TYPE smallint USING satellites::smallint",
                           "avld.positions.satellites is text, expected smallint"),
    "odometer_m is gone": ("ALTER TABLE avld.positions RENAME odometer_m TO metres", "ALTER TABLE avld.positions RENAME metres TO odometer_m",
                           "avld.positions.odometer_m is missing, expected bigint"),
    "a column asks": ("ALTER TABLE avld.positions ADD fleet text NOT NULL DEFAULT 'x'; ALTER TABLE avld.positions ALTER fleet DROP DEFAULT",
                      "ALTER TABLE avld.positions DROP fleet",
                      "avld.positions.fleet is NOT NULL without a default"),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_column_is_named_and_nothing_is_lost(daemons, database, case):
    alter, mend, message = ALTERED[case]
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}).start()
    send(avld, 0)
    database.wait(COUNT, 1)
    database.query(alter)
    for number in range(1, 6):
        send(avld, number)
    avld.wait_log(message)
    assert avld.logged().count(message) == 1
    assert "insufficient data" not in avld.logged() and "database unreachable" not in avld.logged()
    health = json.loads(get(port, "/health")[1])
    assert health["status"] == "degraded" and message in health["problem"]
    assert health["reasons"][0] == {"reason": "tables_changed", "text": health["problem"]}
    checked = subprocess.run([AVLD, "check", "-c", "/dev/null", "-o", f"database.conninfo={database.conninfo}", "-o",
                              f"journal.dir={avld.folder}/other"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1 and message in checked.stdout
    database.query(mend)
    database.wait(COUNT, 6)
    wait_for(lambda: json.loads(get(port, "/health")[1]) == {"status": "ok", "database": "connected", "reasons": []}, "health")
    avld.wait_log("database accepts writes again")
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_a_column_altered_before_the_start_is_named(daemons, database):
    database.query("ALTER TABLE avld.connections ALTER frames TYPE integer")
    avld = daemons().start()
    send(avld, 0)
    avld.wait_log("avld.connections.frames is integer, expected bigint")
    database.query("ALTER TABLE avld.connections ALTER frames TYPE bigint")
    database.wait(COUNT, 1)


@pytest.mark.parametrize("table,column,kind", [("devices", "networks", "cidr[]"), ("device_state", "other_peer", "text"),
                                               ("device_state", "two_peers_at", "timestamp with time zone")])
def test_a_column_renamed_before_the_start_is_named(daemons, database, table, column, kind):
    database.query(f"ALTER TABLE avld.{table} RENAME {column} TO gone")
    avld = daemons().start()
    send(avld, 0)
    avld.wait_log(f"avld.{table}.{column} is missing, expected {kind}")
    database.query(f"ALTER TABLE avld.{table} RENAME gone TO {column}")
    database.wait(COUNT, 1)


def test_what_the_owner_may_add_is_no_fault(daemons, database):
    database.query("ALTER TABLE avld.devices ADD fleet text, ADD colour text NOT NULL DEFAULT 'red';"
                   "ALTER TABLE avld.positions ALTER event TYPE varchar(40);"
                   "CREATE DOMAIN count AS integer; ALTER TABLE avld.positions ALTER inputs TYPE count")
    avld = daemons().start()
    send(avld, 0)
    database.wait(COUNT, 1)


def test_repeats_are_stored_past_a_column_with_a_default(daemons, database):
    """Repeats go through stages, which need no value for a column that avld does not fill."""
    for table in ("positions", "statuses", "alarms", "media_parts"):
        database.query(f"ALTER TABLE avld.{table} ADD fleet text NOT NULL DEFAULT 'x'")
    avld = daemons().start()
    send(avld, 1)
    database.wait(COUNT, 1)
    avld.end()  # what is remembered of it
    avld.start()
    avld.send_tcp(b"".join(pt502.record(time=BEGIN - datetime.timedelta(seconds=number)) for number in range(3)))
    database.wait("SELECT count(*)::int FROM avld.connections", 2)
    assert database.one("SELECT count(DISTINCT fixed_at)::int FROM avld.positions WHERE fleet = 'x'") == 3
    assert database.query("SELECT reason FROM avld.rejects") == []
    avld.end()
