# SPDX-License-Identifier: MIT
"""Notifications of alarms, and the examples of docs/integrating.md with the programs that they are for."""
import datetime
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import uuid

import psycopg2
import pytest

import gt06
import pt502
from conftest import PATIENCE_S, Database, admin, drop_role, wait_for
from test_http import free_port, metrics
from test_metrics import without_macros
from test_osmand import get

ALARMS = "SELECT count(*)::int FROM avld.alarms"
ROWS = """SELECT json_build_object('ident', d.ident, 'alarm', alarm, 'event', event, 'latitude', latitude, 'longitude', longitude,
    'speed_kmh', speed_kmh, 'valid', valid, 'stored', stored, 'device_id', device_id, 'dedup', dedup::text), occurred_at, received_at
    FROM avld.alarms JOIN avld.devices d ON d.id = device_id"""
SENT, LEFT_OUT = "avld_alarm_notifications_total", "avld_alarm_notifications_left_out_total"


class Listener:
    def __init__(self, database):
        self.database = database
        self.conn = psycopg2.connect(database.conninfo)
        self.conn.autocommit = True
        self.conn.cursor().execute("LISTEN avld_alarms")

    def read(self):
        """Returns what was notified before now. Notifications come in the order of commits."""
        self.database.query("NOTIFY avld_alarms, 'end'")
        texts = []
        while "end" not in texts:
            assert select.select([self.conn], [], [], PATIENCE_S)[0], texts
            self.conn.poll()
            texts += [notify.payload for notify in self.conn.notifies]
            self.conn.notifies.clear()
        assert texts.pop() == "end" and all(len(text) < 500 for text in texts)
        return [json.loads(text) for text in texts]


def key(alarm):
    return alarm["device_id"], alarm["occurred_at"], alarm["alarm"], alarm["dedup"]


def rows(database):
    """Returns what the notifications of all rows must be."""
    return sorted(({**row, "occurred_at": occurred.isoformat(), "received_at": received.isoformat()}
                   for row, occurred, received in database.query(ROWS)), key=key)


def texts_of(told):
    """Writes the times as Python does."""
    def iso(text):
        return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc).isoformat()
    return sorted(({**alarm, "occurred_at": iso(alarm["occurred_at"]), "received_at": iso(alarm["received_at"])} for alarm in told), key=key)


def test_each_new_alarm_is_notified_once(daemons, database):
    port = free_port()
    avld = daemons({"database.notify_alarms": "yes", "http.listen": f"127.0.0.1:{port}"}).start()
    listener = Listener(database)
    times = pt502.last(10, -60)
    records = [pt502.record(event="IN1", time=times[0]), pt502.record(event="IN1", time=times[1], end=b"#\n"),
               pt502.record(event="CPA", time=times[2], fix="V", lat=",", lon=",", speed="", course="")]
    frames = gt06.login() + gt06.alarm(2, time=times[3])
    avld.send_tcp(b"".join(records + records) + pt502.record(time=times[4]))
    avld.send_tcp(frames)
    with avld.tcp() as peer:
        peer.sendall(get(ident="p" * 32, alarm="sos"))
        assert peer.recv(100).startswith(b"HTTP/1.1 200")
    database.wait(ALARMS, 5)
    told = texts_of(listener.read())
    assert told == rows(database) and {alarm["alarm"] for alarm in told} == {"sos", "powerCut"}
    assert {alarm["ident"] for alarm in told} == {"5020001", "860000000000017", "p" * 32}
    counted = metrics(port)
    assert counted[SENT] == counted["avld_alarms_total"] == 5 and counted[LEFT_OUT] == 0

    # Repeats that only the database finds, new alarms among them, and rows that it refuses: of positions by line, of alarms without.
    avld.end()
    database.query("ALTER TABLE avld.positions ADD CHECK (speed_kmh < 100); ALTER TABLE avld.alarms ADD CHECK (latitude < 60)")
    avld.start()
    avld.send_tcp(b"".join(records) + pt502.record(event="IN1", time=times[5]) + pt502.record(event="IN1", time=times[6], speed="90.00") +
                  pt502.record(event="IN1", time=times[7], lat="6100.0000,N") + pt502.record(event="IN1", time=times[8]))
    avld.send_tcp(frames)
    database.wait(ALARMS, 7)
    database.wait("SELECT count(*)::int FROM avld.rejects", 2)
    wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
    assert told + texts_of(listener.read()) == [*told, *(row for row in rows(database) if row not in told)]
    counted = metrics(port)
    assert counted[SENT] == counted["avld_alarms_total"] == 2 and counted[LEFT_OUT] == 0


def test_kills_neither_lose_nor_double_a_notification(daemons, database):
    avld = daemons({"database.notify_alarms": "yes", "database.batch_rows": "20", "database.batch_interval": "1ms"})
    listener = Listener(database)
    records = [pt502.record(event="IN1", time=time) for time in pt502.last(240, -60)]
    for first in range(0, 240, 60):
        avld.start()
        stored = database.one(ALARMS)
        with avld.tcp() as peer:
            peer.sendall(b"".join(records[first:first + 60]))
            wait_for(lambda before=stored: database.one(ALARMS) > before, "some of the alarms")
            avld.kill()
    avld.start()
    avld.send_tcp(b"".join(records))
    database.wait(ALARMS, 240)
    told = texts_of(listener.read())
    assert told == rows(database)


SHADOW = """
    CREATE SCHEMA shadow;
    CREATE TABLE shadow.state AS SELECT 0.6::float8 AS usage, false AS full;
    CREATE FUNCTION shadow.pg_notification_queue_usage() RETURNS float8 LANGUAGE sql AS 'SELECT usage FROM shadow.state';
    CREATE FUNCTION shadow.pg_notify(channel text, words text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT s.full FROM shadow.state AS s) THEN
            RAISE 'too many notifications in the NOTIFY queue' USING ERRCODE = 'program_limit_exceeded';
        END IF;
        PERFORM pg_catalog.pg_notify(channel, words);
    END $$"""


def test_alarms_are_stored_whatever_becomes_of_notifications(daemons, database):
    """The queue is shown to the daemon as half full, empty, and full."""
    port = free_port()
    database.query(SHADOW)
    options = {"database.conninfo": database.conninfo + " options=-csearch_path=shadow,pg_catalog", "http.listen": f"127.0.0.1:{port}"}
    records = [pt502.record(event="IN1", time=time) for time in pt502.last(5, -60)]
    listener = Listener(database)

    def send(number, told):
        avld.send_tcp(records[number])
        database.wait(ALARMS, number + 1)
        assert len(listener.read()) == told
        wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
        return metrics(port)

    avld = daemons(options).start()
    counted = send(0, 0)  # off by default
    assert counted["avld_alarms_total"] == 1 and counted[SENT] == counted[LEFT_OUT] == 0
    avld.end()
    avld = daemons({**options, "database.notify_alarms": "yes"}).start()
    counted = send(1, 0)
    assert counted[SENT] == 0 and counted[LEFT_OUT] == 1
    avld.wait_log("alarms are stored without notification, the notification queue of PostgreSQL is half full")
    database.query("UPDATE shadow.state SET usage = 0.4")
    counted = send(2, 1)
    assert counted[SENT] == 1 and counted[LEFT_OUT] == 1
    database.query("UPDATE shadow.state SET \"full\" = true")
    counted = send(3, 0)
    avld.wait_log("the database refused alarms with notifications, sending them without for_s=60 sqlstate=54000")
    assert counted[SENT] == 1 and counted[LEFT_OUT] == 2 and counted["avld_retries_total"] == 1
    counted = send(4, 0)  # not tried at once again
    assert counted[SENT] == 1 and counted[LEFT_OUT] == 3 and counted["avld_retries_total"] == 1
    assert counted["avld_refused_total"] == 0 and counted["avld_alarms_total"] == 4


# ---- docs/integrating.md

PAGE = (pathlib.Path(__file__).parents[2] / "docs/integrating.md").read_text()


class Section:
    """The examples of a section. `names` replaces those of the page: host, port, database, roles, files."""

    def __init__(self, heading, names=()):
        self.text = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)[1]
        self.left = re.findall(r"^```(\w+)\n(.*?)^```", self.text, re.S | re.M)
        self.names = names

    def take(self, kind):
        """Returns the next example, which must be of this kind."""
        found, text = self.left.pop(0)
        assert found == kind, text
        for pattern, new in dict(self.names).items():
            text = re.sub(pattern, new, text, flags=re.M)
        return text

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        assert kind or not self.left, f"not tested: {self.left}"


def test_each_section_has_a_test():
    tested = re.findall(r'Section\("(.*?)"', pathlib.Path(__file__).read_text())
    assert tested == [heading for heading in re.findall(r"^## (.*)$", PAGE, re.M) if heading != "QGIS"]


@pytest.fixture
def reader():
    """Makes the role of the page. Requested before `database`, so that it is dropped after it."""
    name = "reader_" + uuid.uuid4().hex[:8]
    create = re.search(r"^CREATE ROLE reader .*$", PAGE, re.M)[0]
    admin(create.replace("reader LOGIN", f"{name} LOGIN"))
    yield name
    drop_role(name)


def names_of(database, reader):
    host, port = os.environ.get("PGHOST", "localhost"), os.environ.get("PGPORT", "5432")
    return {r"db\.example\.net": host, r"\b5432\b": port, r"\breader\b": reader, r"dbname '?avld'": f"dbname '{database.name}'",
            r"dbname=avld\b": f"dbname={database.name}", r"(psql -\w+d|pg_recvlogical -d) avld": rf"\g<1> {database.name}"}


def psql(database, sql):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database.name], input=sql, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr + sql
    return done.stdout


class Output:
    """Reads what a program prints, as it comes."""

    def __init__(self, process):
        self.process, self.text = process, ""

    def wait(self, words, more=None):
        while words not in self.text:
            if more:
                self.process.stdin.write(more)
            assert select.select([self.process.stdout], [], [], 1 if more else PATIENCE_S)[0] or more, self.text
            got = os.read(self.process.stdout.fileno(), 65536)
            assert got, f"ended: {self.text}"
            self.text += got.decode()


def start(arguments, **more):
    return Output(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **more))


def stop(output):
    output.process.kill()
    output.process.wait()
    output.process.stdin.close()
    output.process.stdout.close()


def test_alarms_in_psql_and_python(reader, daemons, database, tmp_path):
    avld = daemons({"database.notify_alarms": "yes"}).start()
    times = pt502.last(4, -60)
    names = {**names_of(database, reader), r"user=\w+": f"user={reader} password='change me'"}
    with Section("Alarms as they come", names) as section:
        listening = start(["psql", "-Xd", database.name])
        listening.process.stdin.write((section.take("sql") + "\\echo ready\n").encode())
        listening.wait("ready")
        avld.send_tcp(pt502.record(event="IN1", time=times[0]))
        database.wait(ALARMS, 1)
        listening.wait('" received from server process', b";\n")
        shown = section.take("text").strip()
        wanted = re.escape(shown).replace(r"\.\.\.", ".*").replace("5021234", "5020001")
        assert re.search(wanted, listening.text), listening.text
        stop(listening)
        told = json.loads(re.search(r'payload "(.*)" received', listening.text)[1])
        members = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?`) \|", section.text, re.M)))
        assert sorted(members) == sorted(told)

        psql(database, section.take("sql"))
        program = tmp_path / "alarms.py"
        program.write_text(section.take("python"))
        for number in (1, 2):  # one alarm that came before it ran, and one as it comes
            running = start([sys.executable, program])
            running.wait(f"{times[2 * number - 2]}")
            avld.send_tcp(pt502.record(event="IN1", time=times[2 * number - 1]))
            running.wait(f"{times[2 * number - 1]}")
            database.wait("SELECT count(*)::int FROM handled_alarms", 2 * number)
            stop(running)
            assert running.text.count("5020001 None sos") == 2
            if number == 1:
                avld.send_tcp(pt502.record(event="IN1", time=times[2]))
                database.wait(ALARMS, 3)


def test_logical_decoding(reader, daemons, database):
    if database.one("SHOW wal_level") != "logical":
        pytest.skip("the server has not wal_level = logical")
    slot, copy = "trackers_" + uuid.uuid4().hex[:8], Database("avld_copy_" + uuid.uuid4().hex[:8])
    avld = daemons().start()
    avld.wait_log("database ready")
    times = pt502.last(4, -60)
    login = {"user": "PGUSER", "password": "PGPASSWORD"}
    names = {**names_of(database, reader), r"\btrackers\b": slot,
             r"user=copier password=secret": " ".join(f"{word}={os.environ[name]}" for word, name in login.items() if name in os.environ),
             r"^(    PUBLICATION \w+);": r"\g<1> WITH (create_slot = false);"}  # both databases are on one server
    with Section("Every new row: logical decoding", names) as section:
        database.query(section.take("sql"))
        avld.send_tcp(pt502.record(event="IN1", time=times[0]))
        database.wait(ALARMS, 1)
        changes = [row[0] for row in database.query(section.take("sql"))]
        assert len(changes) == 2 and sum("avld.alarms" in change and "sos" in change for change in changes) == 1
        arguments = section.take("sh").split()
        following = start(arguments)
        avld.send_tcp(pt502.record(event="IN1", time=times[1]))
        following.wait("table avld.alarms: INSERT:")
        following.process.terminate()
        stop(following)
        wait_for(lambda: not database.one("SELECT active FROM pg_replication_slots WHERE slot_name = %s", slot), "the slot to be free")
        database.query(section.take("sql"))

        database.query(section.take("sql"))
        database.query("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", slot)
        admin(f"CREATE DATABASE {copy.name} TEMPLATE template0")
        try:
            for statement in section.take("sql").split(";\n")[:-1]:  # no transaction block
                copy.query(statement)
            copy.wait(ALARMS, 2)
            copy.wait("SELECT count(*)::int FROM avld.positions WHERE valid", 2)
            avld.send_tcp(pt502.record(event="IN1", time=times[2]))
            copy.wait("SELECT count(*)::int FROM avld.positions JOIN avld.alarms USING (device_id, dedup) JOIN avld.devices d ON d.id = device_id", 3)
        finally:
            copy.query(f"DROP SUBSCRIPTION IF EXISTS {slot}")
            admin(f"DROP DATABASE {copy.name} WITH (FORCE)")


def test_foreign_tables(reader, daemons, database):
    avld = daemons().start()
    avld.send_tcp(pt502.record(event="IN1", time=pt502.now(-60)))
    database.wait(ALARMS, 1)
    database.wait("SELECT count(*)::int FROM avld.latest_positions", 1)
    names = names_of(database, reader)
    other = Database("avld_other_" + uuid.uuid4().hex[:8])
    admin(f"CREATE DATABASE {other.name} TEMPLATE template0")
    try:
        with Section("From another database: postgres_fdw", names) as section:
            psql(other, section.take("sql"))
            assert psql(other, section.take("sql")).startswith("5020001|sos|")
        assert other.one("SELECT count(*)::int FROM gps.positions WHERE fixed_at > now() - interval '1 day'") == 1
    finally:
        admin(f"DROP DATABASE {other.name} WITH (FORCE)")
    with tempfile.NamedTemporaryFile("w", dir="/tmp", suffix=".csv") as file:
        file.write("ident,driver,phone\n5020001,Anna,+49 1\n")
        file.flush()
        os.chmod(file.name, 0o644)  # the server reads it
        with Section("Your own lists: file_fdw", {r"/srv/drivers\.csv": file.name}) as section:
            assert psql(database, section.take("sql")).startswith("5020001|Anna|+49 1|sos|48.1173|")


def test_files_and_grafana(reader, daemons, database, tmp_path):
    avld = daemons().start()
    avld.send_tcp(b"".join(pt502.record(event="IN1", time=time) for time in pt502.last(3, -60)))
    database.wait(ALARMS, 3)
    names = {**names_of(database, reader), "5021234": "5020001"}
    with Section("Files: GPX, GeoJSON, CSV and others", names) as section:
        subprocess.run(["bash", "-ec", section.take("sh")], cwd=tmp_path, check=True)
        assert (tmp_path / "track.gpx").read_text().count("<trkpt") == 3
        assert len(json.loads((tmp_path / "track.geojson").read_text())["features"]) == 4
        assert len((tmp_path / "track.csv").read_text().splitlines()) == 4
        converted = section.take("sh")
        if shutil.which("ogr2ogr"):
            subprocess.run(["bash", "-ec", converted], cwd=tmp_path, check=True)
            assert (tmp_path / "track.kml").read_text().count("<Placemark") == 4
            assert (tmp_path / "track.gpkg").stat().st_size > 0
    with Section("Grafana", names) as section:
        assert f"\n    user: {reader}\n" in section.take("yaml")
        conn = psycopg2.connect(database.conninfo)
        with conn.cursor() as cursor:
            cursor.execute("SET ROLE avld_reader")
            cursor.execute(without_macros(section.take("sql")))
            assert sum(row[2] for row in cursor.fetchall()) == 3
        conn.close()
