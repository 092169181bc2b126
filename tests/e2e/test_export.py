# SPDX-License-Identifier: MIT
"""avld export: the files against the tables, interrupted and repeated runs, its errors; and all of docs/retention.md."""
import csv
import datetime
import gzip
import io
import json
import os
import pathlib
import pty
import re
import resource
import shutil
import subprocess
import uuid

import psycopg2
import pytest

from conftest import AVLD, admin, drop_role, wait_for

PAGE = pathlib.Path("docs/retention.md")
NASTY = '=a,"\n/é\\'  # an ident
DAYS = ("2025-03-04", "2025-03-05")
BEFORE = ("--before", "2025-03-06")
# Each of three trackers reports once a minute, on two days of which only the first has a partition.
FILL = """
    INSERT INTO avld.devices (ident, name) VALUES ('5021234', 'Kite'), (%(nasty)s, E'"Dory",\\n\\u2028;'), ('5021236', NULL);
    SELECT avld.ensure_partitions('2025-03-04', '2025-03-04');
    INSERT INTO avld.positions (device_id, fixed_at, received_at, device_time, latitude, longitude, odometer_m, dedup, altitude_m, speed_kmh,
        course_deg, valid, ignition, stored, time_source, event, driver, extra)
    SELECT d.id, t.at, t.at + interval '1.234567 s', CASE WHEN n %% 7 = 0 THEN t.at - interval '1 day' END, 48 + n / 30000.0, -11.3 + n * 1e-7,
        9007199254740993 + n, hashint8extended(n, 1), n * 0.1::real, n / 7.0, CASE WHEN n %% 3 > 0 THEN n %% 360 END, n %% 5 > 0, n %% 2 = 0,
        n %% 10 = 0, 'device', CASE n %% 3 WHEN 0 THEN '' WHEN 1 THEN 'POS' END, CASE WHEN n %% 4 = 0 THEN E'a\\r\\n"b", \\\\N\\\\.' END,
        CASE WHEN n %% 2 = 0 THEN '{"a": "x\\n\\"\\u0001\\u2028", "n": null, "d": 1.10, "deep": [{"e": 1e300}]}'::jsonb END
    FROM avld.devices d, generate_series(0, 2879) n, LATERAL (SELECT timestamptz '2025-03-04Z' + n * interval '1 min' AS at) t;
    INSERT INTO avld.statuses (device_id, reported_at, received_at, dedup, stored, time_source, event, extra)
        SELECT 1, timestamptz '2025-03-05Z' + n * interval '1 h', timestamptz '2025-03-05Z', n, false, 'device', 'HB', '{"firmware": "V4"}'
        FROM generate_series(0, 23) n;
    INSERT INTO avld.alarms (device_id, occurred_at, received_at, dedup, stored, alarm)
        VALUES (2, '2025-03-05 12:00Z', '2025-03-05 12:00Z', 1, false, 'sos')
"""
TABLES = {"positions": "fixed_at", "statuses": "reported_at", "alarms": "occurred_at"}


def command(database, *arguments):
    return [AVLD, "export", "-c", "/dev/null", "-o", f"database.conninfo={database.conninfo}", *map(str, arguments)]


def run(database, *arguments, code=0, **kwargs):
    done = subprocess.run(command(database, *arguments), capture_output=True, text=True, **kwargs)
    assert done.returncode == code, done.stdout[:2000] + done.stderr
    return done


@pytest.fixture
def fleet(database):
    conn = psycopg2.connect(database.conninfo)
    with conn, conn.cursor() as cursor:
        cursor.execute(FILL, {"nasty": NASTY})
    conn.close()
    return database


def rows_of(database, table, day):
    """The rows of a day as text, which JSON of PostgreSQL makes exact."""
    time = TABLES[table]
    return database.query(f"SELECT to_jsonb(t)::text FROM avld.{table} t WHERE {time} >= %s AND {time} < %s ORDER BY device_id, {time}, dedup",
                          f"{day}Z", f"{datetime.date.fromisoformat(day) + datetime.timedelta(1)}Z")


def read(path):
    return gzip.open(path, "rt", newline="").read() if path.suffix == ".gz" else path.read_text()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


ALL = ["alarms-2025-03-05.csv.gz", "positions-2025-03-04.csv.gz", "positions-2025-03-05.csv.gz", "statuses-2025-03-05.csv.gz"]


def read_back(database, path, table):
    """Reads a file into an empty table of the same columns, as the page shows it; returns the rows as text."""
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", database.name], capture_output=True, text=True, input=f"""
        CREATE TEMPORARY TABLE file AS SELECT d.ident, d.name, p.* FROM avld.devices d, avld.{table} p LIMIT 0;
        \\copy file FROM PROGRAM 'gzip -cdf {path}' WITH (FORMAT csv, HEADER match)
        CREATE TABLE public.back AS SELECT * FROM file""")
    assert done.returncode == 0, done.stderr
    rows = database.query(f"SELECT (to_jsonb(f) - 'ident' - 'name')::text FROM public.back f ORDER BY device_id, {TABLES[table]}, dedup")
    idents = database.query("SELECT count(*)::int FROM public.back b JOIN avld.devices d ON d.id = b.device_id AND d.ident = b.ident"
                            " AND d.name IS NOT DISTINCT FROM b.name")
    assert idents == [(len(rows),)]
    database.query("DROP TABLE public.back")
    return rows


def test_the_files_have_exactly_the_rows_of_the_tables(fleet, tmp_path):
    """Also rows in the DEFAULT partition, a day of several partitions, columns that the owner added, and a session with other
    ways of writing values."""
    fleet.query("ALTER TABLE avld.positions ADD \"a'b\" interval DEFAULT '1 day 2 s', ADD seen timestamptz DEFAULT '2025-03-30 01:30Z'")
    fleet.query(f"ALTER DATABASE {fleet.name} SET extra_float_digits = -10; ALTER DATABASE {fleet.name} SET TimeZone = 'Europe/Berlin';"
                f"ALTER DATABASE {fleet.name} SET DateStyle = 'German'; ALTER DATABASE {fleet.name} SET bytea_output = 'escape'")
    folder = tmp_path / "days"
    done = run(fleet, *BEFORE, "--output", folder)
    assert names(folder) == ALL
    assert re.sub(r"\d+$", "N", done.stdout, flags=re.M) == (
        "positions days=2 rows=8640 written=2 already_there=0 bytes_written=N\n"
        "statuses days=1 rows=24 written=1 already_there=0 bytes_written=N\nalarms days=1 rows=1 written=1 already_there=0 bytes_written=N\n")
    assert "avld export: positions-2025-03-04.csv.gz: 4320 rows, " in done.stderr and "\r" not in done.stderr
    fleet.query(f"ALTER DATABASE {fleet.name} RESET ALL")
    del fleet.kept.conn
    for name in ALL:
        table, day = name.partition(".")[0].split("-", 1)
        assert read_back(fleet, folder / name, table) == rows_of(fleet, table, day)
        table_rows = list(csv.DictReader(io.StringIO(read(folder / name), newline="")))
        assert len(table_rows) == len(rows_of(fleet, table, day)) and {row["ident"] for row in table_rows} <= {"5021234", NASTY, "5021236"}
        assert all(re.fullmatch(rf"{day}T\d\d:\d\d:\d\d\.\d{{6}}Z", row[TABLES[table]]) for row in table_rows)
        assert (folder / name).stat().st_mode & 0o777 == 0o640
    # the same bytes each time, wherever the rows are
    assert fleet.one("SELECT count(*)::int FROM avld.positions_default") == 4320
    fleet.query("SELECT avld.ensure_partitions('2025-03-05', '2025-03-05', '1 hour')")
    again = tmp_path / "again"
    run(fleet, *BEFORE, "--output", again)
    assert all((again / name).read_bytes() == (folder / name).read_bytes() for name in ALL)


def test_geojson_has_every_column(fleet, tmp_path):
    fleet.query("INSERT INTO avld.positions (device_id, fixed_at, received_at, latitude, longitude, dedup, valid, stored, time_source)"
                " VALUES (99, '2025-03-03Z', now(), 'NaN', 0, -5, true, false, 'device'), (99, '2025-03-03Z', now(), 91, 0, -6, true, false,"
                " 'device'), (99, '2025-03-03Z', now(), -1e-7, 180, -7, true, false, 'device')")
    run(fleet, *BEFORE, "--output", tmp_path, "--format", "geojson", "--plain")
    assert names(tmp_path) == [name.replace(".csv.gz", ".geojson") for name in sorted([*ALL, "positions-2025-03-03.csv.gz"])]
    for path in tmp_path.iterdir():
        table, day = path.stem.split("-", 1)
        page = json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))
        assert page["type"] == "FeatureCollection" and {feature["type"] for feature in page["features"]} == {"Feature"}
        expected = [json.loads(row) for row, in rows_of(fleet, table, day)]
        assert len(page["features"]) == len(expected) > 0
        for feature, row in zip(page["features"], expected, strict=True):
            properties, place = feature["properties"], feature["geometry"]
            at = [row.pop(key, None) for key in ("longitude", "latitude")]
            assert place == ({"type": "Point", "coordinates": at} if "NaN" not in at and None not in at and at[1] <= 90 else None)
            assert properties.pop("ident") in ("5021234", NASTY, "5021236", None)
            assert properties.pop("dedup") == str(row.pop("dedup")) and list(properties)[0] == "name"
            properties.pop("name")
            for key in [key for key in row if key.endswith("_at") or key == "device_time"]:
                mine, other = properties.pop(key), row.pop(key)
                assert (mine and datetime.datetime.fromisoformat(mine.replace("Z", "+00:00"))) == (other and datetime.datetime.fromisoformat(
                    re.sub(r"\.(\d+)", lambda match: "." + match[1].ljust(6, "0"), other)))
            assert properties == row
    if shutil.which("ogrinfo"):
        done = subprocess.run(["ogrinfo", "-so", "-al", tmp_path / "positions-2025-03-04.geojson"], capture_output=True, text=True, check=True)
        assert "Feature Count: 4320" in done.stdout and "Geometry: Point" in done.stdout and "ERROR" not in done.stdout + done.stderr


def test_one_tracker_and_a_range(fleet, tmp_path):
    done = run(fleet, *BEFORE, "--from", "2025-03-05", "--output", tmp_path, "--ident", NASTY, "--tables", "positions,alarms")
    assert names(tmp_path) == ["alarms-2025-03-05-%3Da%2C%22%0A%2Fé%5C.csv.gz", "positions-2025-03-05-%3Da%2C%22%0A%2Fé%5C.csv.gz"]
    assert done.stdout.startswith("positions days=1 rows=1440 ") and "statuses" not in done.stdout
    assert {row["ident"] for row in csv.DictReader(io.StringIO(read(tmp_path / names(tmp_path)[1]), newline=""))} == {NASTY}
    done = run(fleet, *BEFORE, "--output", tmp_path, "--ident", "502123", code=1)
    assert "no tracker has the ident 502123; --ident must match the whole ident" in done.stderr
    done = run(fleet, "--before", "2025-03-01", "--output", tmp_path / "none")
    assert "no rows before 2025-03-01" in done.stderr and names(tmp_path / "none") == []


def test_a_repeated_run_continues(fleet, tmp_path):
    run(fleet, *BEFORE, "--output", tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / ALL[1]).unlink()
    (tmp_path / f".{ALL[1]}.part").write_bytes(b"of a run that was killed")
    done = run(fleet, *BEFORE, "--output", tmp_path)
    assert "avld export: positions-2025-03-05.csv.gz: already there, 4320 rows" in done.stderr
    assert "positions days=2 rows=8640 written=1 already_there=1" in done.stdout and names(tmp_path) == ALL
    assert {name for name in ALL if (tmp_path / name).stat().st_mtime_ns == before[name]} == set(ALL) - {ALL[1]}
    # more rows in the table
    fleet.query("INSERT INTO avld.alarms (device_id, occurred_at, received_at, dedup, stored,"
                " alarm) VALUES (1, '2025-03-05 13:00Z', now(), 2, false, 'sos')")
    done = run(fleet, *BEFORE, "--output", tmp_path, code=1)
    assert "alarms-2025-03-05.csv.gz: has 1 rows, the table 2: reports came late; --force replaces it" in done.stderr
    assert "1 of 4 files are not what the table has" in done.stderr
    done = run(fleet, *BEFORE, "--output", tmp_path, "--force")
    assert "alarms days=1 rows=2 written=1 already_there=0" in done.stdout and "positions days=2 rows=8640 written=0 already_there=2" in done.stdout
    # fewer
    kept = (tmp_path / ALL[3]).read_bytes()
    fleet.query("DELETE FROM avld.statuses WHERE reported_at > '2025-03-05 12:00Z'")
    for option in ([], ["--force"]):
        done = run(fleet, *BEFORE, "--output", tmp_path, *option, "--drop-sql", code=1)
        assert "statuses-2025-03-05.csv.gz: has 24 rows, the table 13: not replaced" in done.stderr and "DO $$" not in done.stdout
    assert (tmp_path / ALL[3]).read_bytes() == kept


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:2000] + b"\0" * 50 + data[2050:], lambda data: b"",
                                    lambda data: gzip.compress(gzip.decompress(data)[:-1], mtime=0)])
def test_a_damaged_file_is_not_taken_for_a_complete_one(fleet, tmp_path, damage):
    run(fleet, *BEFORE, "--output", tmp_path)
    path = tmp_path / ALL[1]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    done = run(fleet, *BEFORE, "--output", tmp_path, code=1)
    assert f"{ALL[1]}: not a complete file of avld export; --force replaces it" in done.stderr
    assert path.read_bytes() == damage(whole)
    run(fleet, *BEFORE, "--output", tmp_path, "--force")
    assert path.read_bytes() == whole


def test_usage_errors(fleet, tmp_path):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    folder = ("--output", tmp_path / "x")
    for arguments, text in (
            ([], "missing --before DAY"), (BEFORE, "missing --output DIR"),
            (["--before", "soon", *folder], "invalid day 'soon' for --before; examples are 2026-11-22 and 30d (ago)"),
            (["--before", "2025-03-06T10:00:00Z", *folder], "invalid day"), (["--before", "2025-02-29", *folder], "invalid day"),
            (["--before", today + datetime.timedelta(1), *folder], "includes the current day (UTC), which is not complete; the latest is "),
            ([*BEFORE, "--from", "2025-03-06", *folder], "--from must be before --before"),
            ([*BEFORE, "--format", "parquet", *folder], "invalid format 'parquet' for --format; csv or geojson"),
            ([*BEFORE, "--tables", "positions,media", *folder], "invalid table 'media' for --tables; positions, statuses, alarms"),
            ([*BEFORE, "--tables", "", *folder], "invalid table ''"),
            ([*BEFORE, "--drop-sql", "--tables", "positions", *folder], "--drop-sql needs positions and statuses"),
            ([*BEFORE, "--drop-sql", "--ident", "5021234", *folder], "--drop-sql and --ident exclude each other")):
        done = run(fleet, *arguments, code=2)
        assert text in done.stderr and done.stdout == ""
    assert not (tmp_path / "x").exists()
    run(fleet, "--before", today, *folder)
    assert names(tmp_path / "x") == ALL


def test_errors_of_files(fleet, tmp_path):
    (tmp_path / "file").write_text("")
    for folder, text in ((tmp_path / "file", "Not a directory"), ("/dev/full", "Not a directory"), (tmp_path / "a/b", "No such file")):
        assert f"{folder}: {text}" in run(fleet, *BEFORE, "--output", folder, code=1).stderr
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / ALL[0]).mkdir()
    done = run(fleet, *BEFORE, "--output", folder, code=1)
    assert f"{folder / ALL[0]}: Invalid argument" in done.stderr and names(folder) == ALL
    # no room for a day: what an interrupted run has written stays, and the next one continues
    short = tmp_path / "short"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    done = run(fleet, *BEFORE, "--output", short, code=1, preexec_fn=limit, restore_signals=False)
    assert f"{short}/positions-2025-03-04.csv.gz: File too large" in done.stderr and names(short) == []
    assert "free disk space and run it again" in done.stderr and "positions days=1 rows=0 written=0" in done.stdout
    with open("/dev/full", "w") as full:
        done = subprocess.run(command(fleet, *BEFORE, "--output", short), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "stdout: No space left on device" in done.stderr and names(short) == ALL
    # a folder in which even root cannot make files
    assert re.search("/sys/kernel/positions-2025-03-04.csv.gz: (Permission denied|Read-only file system|Operation not permitted)",
                     run(fleet, *BEFORE, "--output", "/sys/kernel", code=1).stderr)


def test_errors_of_the_database(fleet, tmp_path):
    done = subprocess.run([AVLD, "export", "-c", "/dev/null", "-o", "database.conninfo=host=/nonexistent", *BEFORE, "--output", tmp_path / "x"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "cannot connect to the database" in done.stderr and "database.conninfo is from -o" in done.stderr
    assert not (tmp_path / "x").exists()
    name = "avld_" + uuid.uuid4().hex[:8]
    admin(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    options = ["-o", f"database.conninfo=host=localhost user={name} password=x {fleet.conninfo}", *BEFORE, "--output"]
    try:
        done = subprocess.run([AVLD, "export", "-c", "/dev/null", *options, tmp_path / "days"], capture_output=True, text=True)
        assert done.returncode == 1 and f"GRANT avld_reader TO {name}" in done.stderr
        for verb in (["map", "--all", "--output"], ["media", "--export"]):
            done = subprocess.run([AVLD, *verb, tmp_path / "none", "-c", "/dev/null", *options[:2]], capture_output=True, text=True)
            assert done.returncode == 1 and f"GRANT avld_reader TO {name}" in done.stderr
        for group, folder in (("avld_reader", "days"), ("avld_writer", "again")):
            admin(f"GRANT {group} TO {name}")
            done = subprocess.run([AVLD, "export", "-c", "/dev/null", *options, tmp_path / folder], capture_output=True, text=True)
            assert done.returncode == 0 and names(tmp_path / folder) == ALL, done.stderr
            admin(f"REVOKE {group} FROM {name}")
    finally:
        drop_role(name)
    empty = "avld_" + uuid.uuid4().hex[:12]
    admin(f"CREATE DATABASE {empty}")
    done = subprocess.run([AVLD, "export", "-c", "/dev/null", "-o", f"database.conninfo=dbname={empty}", *BEFORE, "--output", tmp_path],
                          capture_output=True, text=True)
    admin(f"DROP DATABASE {empty}")
    assert done.returncode == 1 and "'avld migrate' creates them" in done.stderr


def test_one_run_at_a_time_and_a_lost_connection(fleet, tmp_path):
    """The first run stops in the middle of a file: the table of its trackers is locked."""
    locker = psycopg2.connect(fleet.conninfo)
    try:
        with locker.cursor() as cursor:
            cursor.execute("LOCK TABLE avld.statuses")
            first = subprocess.Popen(command(fleet, *BEFORE, "--output", tmp_path), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            waiting = ("SELECT pid FROM pg_stat_activity WHERE application_name = 'avld export' AND datname = current_database()"
                       " AND wait_event_type = 'Lock'")
            pid = wait_for(lambda: fleet.one(waiting), "the first run")
            done = run(fleet, *BEFORE, "--output", tmp_path, code=1)
            assert f"{tmp_path}: another avld export writes to this folder" in done.stderr
            fleet.query("SELECT pg_terminate_backend(%s)", pid)
            assert "terminating connection" in first.communicate()[1] and first.returncode == 1
    finally:
        locker.close()
    assert names(tmp_path) == ALL[1:3]
    assert "written=0 already_there=2" in run(fleet, *BEFORE, "--output", tmp_path).stdout and names(tmp_path) == ALL


def test_rows_that_a_file_cannot_have_are_an_error(fleet, tmp_path):
    """A year before Christ looks as one after."""
    fleet.query("INSERT INTO avld.alarms (device_id, occurred_at, received_at, dedup, stored, alarm)"
                " VALUES (1, '0099-03-05 12:00Z BC', now(), 1, false, 'sos')")
    done = run(fleet, *BEFORE, "--output", tmp_path, "--tables", "alarms", code=1)
    assert "rows of this day were deleted meanwhile; run it again" in done.stderr and names(tmp_path) == []


def test_progress_on_a_terminal(fleet, tmp_path):
    fleet.query("INSERT INTO avld.positions (device_id, fixed_at, received_at, latitude, longitude, dedup, valid, stored, time_source)"
                " SELECT 1, '2025-03-04Z', now(), 0, 0, n, true, false, 'device' FROM generate_series(1, 300000) n")
    master, slave = pty.openpty()
    process = subprocess.Popen(command(fleet, *BEFORE, "--output", tmp_path), stderr=slave, stdout=subprocess.DEVNULL)
    os.close(slave)
    shown = b""
    try:
        while data := os.read(master, 4096):
            shown += data
    except OSError:
        pass  # its end
    os.close(master)
    assert process.wait() == 0
    assert re.search(rb"\r\x1b\[Kavld export: positions-2025-03-04.csv.gz: \d+ rows, \d+\.\d [kM]B\r\x1b\[K", shown)
    assert b"avld export: positions-2025-03-04.csv.gz: 304320 rows, " in shown


# ---- the page ------------------------------------------------------------------------------------------

def blocks(kind, heading=None):
    text = PAGE.read_text()
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.S | re.M)


class Page:
    """Runs the page's commands on the fleet, with a folder for /srv."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        (folder / "bin").mkdir()
        (folder / "srv").mkdir()
        (folder / "bin/avld").write_text(f"""#!/bin/sh
verb=$1; shift; exec {pathlib.Path(AVLD).resolve()} $verb -c /dev/null -o 'database.conninfo={database.conninfo}' "$@"\n""")
        (folder / "bin/avld").chmod(0o755)

    def place(self, text):
        return text.replace("/srv/", f"{self.folder}/srv/").replace("-d avld", f"-d {self.database.name}")

    def shell(self, text):
        return subprocess.run(["bash", "-e", "-c", self.place(text)], capture_output=True, text=True, cwd=self.folder,
                              env={**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})

    def psql(self, text):
        if self.database.query("SHOW server_version_num")[0][0] < "150000":
            text = text.replace("HEADER match", "HEADER")
        done = subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", self.database.name], input=self.place(text), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def page(fleet, tmp_path):
    return Page(fleet, tmp_path)


def test_the_page_exports_drops_and_restores(page, fleet):
    before = {name: rows_of(fleet, *name.partition(".")[0].split("-", 1)) for name in ALL}
    export, = blocks("sh", "Export old days first")
    done = page.shell(export)
    shown, = blocks("text", "Export old days first")

    def without_sizes(text):
        return re.sub(r"[\d.]+ [kM]B|(?<=bytes_written=)\d+", "N", text)
    assert without_sizes(done.stderr + done.stdout) == without_sizes(shown)

    # a report that comes after the export stops the drop
    fleet.query("INSERT INTO avld.statuses (device_id, reported_at, received_at, dedup, stored, time_source) VALUES (1, '2025-03-05 11:00:01Z',"
                " now(), 77, false, 'device')")
    drop, = blocks("sh", "Drop what is in files")
    done = page.shell(drop)
    assert done.returncode == 1 and "statuses-2025-03-05.csv.gz: has 24 rows, the table 25" in done.stderr
    fleet.query("DELETE FROM avld.statuses WHERE dedup = 77")
    sql = page.shell(drop.splitlines()[0].replace(">drop.sql", "")).stdout
    fleet.query("INSERT INTO avld.statuses (device_id, reported_at, received_at, dedup, stored, time_source) VALUES (1, '2025-03-05 11:00:01Z',"
                " now(), 77, false, 'device')")
    with pytest.raises(psycopg2.Error, match="avld.statuses has 25 rows before 2025-03-06, the files have 24: nothing is dropped"):
        fleet.query(sql)
    fleet.query("DELETE FROM avld.statuses WHERE dedup = 77")
    assert {name: rows_of(fleet, *name.partition(".")[0].split("-", 1)) for name in ALL} == before
    # newer rows stay
    fleet.query("INSERT INTO avld.positions (device_id, fixed_at, received_at, latitude, longitude, dedup, valid, stored, time_source)"
                " VALUES (1, '2025-03-06Z', now(), 0, 0, 1, true, false, 'device')")
    done = page.shell(drop)
    assert done.returncode == 0, done.stderr
    assert [fleet.one(f"SELECT count(*)::int FROM avld.{table}") for table in TABLES] == [1, 0, 0]
    assert fleet.one("SELECT count(*)::int FROM avld.list_partitions()") == 0

    # back again, also where the tracker is gone and where half of the day is left
    restore, = blocks("sql", "Read a day back")
    ids = fleet.query("SELECT id, ident, name FROM avld.devices ORDER BY id")
    page.psql(restore)
    assert rows_of(fleet, "positions", DAYS[0]) == before["positions-2025-03-04.csv.gz"]
    assert fleet.query("SELECT DISTINCT tableoid::regclass::text FROM avld.positions WHERE fixed_at < '2025-03-05Z'") == [("avld.positions_20250304",)]
    fleet.query("DELETE FROM avld.positions WHERE fixed_at < '2025-03-04 12:00Z'; DELETE FROM avld.devices WHERE ident = '5021236'")
    fleet.query("DELETE FROM avld.positions WHERE device_id NOT IN (SELECT id FROM avld.devices)")
    page.psql(restore)
    assert fleet.query("SELECT id, ident, name FROM avld.devices ORDER BY id")[:2] == ids[:2]
    assert fleet.query("SELECT ident, count(*)::int FROM avld.positions JOIN avld.devices d ON d.id = device_id WHERE fixed_at < '2025-03-05Z'"
                       " GROUP BY 1 ORDER BY 1") == sorted((ident, 1440) for _, ident, _ in ids)
    page.psql(restore)
    assert fleet.one("SELECT count(*)::int FROM avld.positions") == 4321
    for table in ("statuses", "alarms"):
        other = restore.replace("positions", table).replace("2025-03-04", "2025-03-05")
        page.psql(other)
        assert rows_of(fleet, table, DAYS[1]) == before[f"{table}-2025-03-05.csv.gz"]


def test_days_are_dropped_while_trackers_report(page, fleet, daemons):
    avld = daemons({"database.batch_interval": "1ms", "database.batch_rows": "200"}).start()
    drop, = blocks("sh", "Drop what is in files")
    process = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--devices", "20", "--count", "6000", "--rate", "3000"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    fleet.wait("SELECT count(*) > 8640 FROM avld.positions", True)
    done = page.shell(drop)
    assert done.returncode == 0, done.stderr
    assert process.wait() == 0
    fleet.wait("SELECT count(*)::int FROM avld.positions", 6000)
    assert fleet.one("SELECT count(*)::int FROM avld.positions WHERE fixed_at < '2025-03-06Z'") == 0


def test_the_page_removes_one_tracker(page, fleet):
    fleet.query("INSERT INTO avld.rejects (received_at, ident, reason, frame) VALUES (now(), '5021234', 'x', ''), (now(), NULL, 'x', '$POS,5021234,'),"
                " (now(), '5021236', 'x', '');"
                "INSERT INTO avld.connections VALUES (now(), now(), 'x', 'tcp', NULL, '5021234', 0, 0, 0, 'x');"
                "INSERT INTO avld.media (device_id, taken_at, received_at, content_type, complete, dedup, bytes)"
                " SELECT id, now(), now(), 'image/jpeg', true, 1, '' FROM avld.devices;"
                "INSERT INTO avld.device_state (device_id, last_seen) SELECT id, now() FROM avld.devices;"
                "INSERT INTO avld.commands (device_id, command) SELECT id, 'getVersion' FROM avld.devices")
    kind, = blocks("sh", "Remove one tracker")
    assert page.shell(kind).returncode == 0
    assert names(page.folder / "srv/avld-5021234") == [
        "positions-2025-03-04-5021234.csv", "positions-2025-03-05-5021234.csv", "statuses-2025-03-05-5021234.csv"]
    sql, = blocks("sql", "Remove one tracker")
    gone = fleet.one("SELECT id FROM avld.devices WHERE ident = '5021234'")
    page.psql(sql)
    tables = fleet.query("SELECT table_name FROM information_schema.columns WHERE table_schema = 'avld' AND column_name = 'device_id'"
                         " AND table_name IN (SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition)")
    assert len(tables) >= 7
    for table, in tables:
        assert fleet.one(f"SELECT count(*)::int FROM avld.{table} WHERE device_id = %s", gone) == 0
        assert f"DELETE FROM avld.{table} " in sql
    for table, in fleet.query("SELECT table_name FROM information_schema.columns WHERE table_schema = 'avld' AND column_name = 'ident'"
                              " AND table_name IN (SELECT relname FROM pg_class WHERE relkind = 'r')"):
        assert fleet.one(f"SELECT count(*)::int FROM avld.{table} WHERE ident = '5021234'") == 0
        assert f"DELETE FROM avld.{table} " in sql
    assert fleet.query("SELECT ident FROM avld.rejects") == [("5021236",)]
    assert [fleet.one(f"SELECT count(*)::int FROM avld.{table}") for table in ("positions", "media", "devices")] == [5760, 2, 2]


def test_the_pages_numbers_and_other_blocks(page):
    text = PAGE.read_text()
    bytes_each = int(re.search(r"One takes (\d+) bytes: 149 in the table and 55 in its index", text)[1])
    assert f"| **{bytes_each}** | |" in pathlib.Path("docs/performance.md").read_text()
    rows = re.findall(r"^\| (\d+) s \| (\d+) MB \| (\d+) MB \|$", text, re.M)
    assert [row[0] for row in rows] == ["10", "30", "60"]
    for every, *sizes in rows:
        assert [int(size) for size in sizes] == [round(hours * 3600 / int(every) * 365 * bytes_each / 1e6) for hours in (8, 24)]
    sizes = page.psql(blocks("sql", "What grows")[0])
    assert "positions" in sizes and "(5 rows)" in sizes
    tables = re.findall(r"\*\*Days are those of\*\* (.*?), in UTC", text)[0]
    assert re.findall(r"`(\w+)`", tables) == list(TABLES.values())
    # each block is run by some test
    assert (len(blocks("sh")), len(blocks("sql")), len(blocks("ini")), len(blocks("text"))) == (3, 3, 2, 1)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_the_pages_timer(page, fleet):
    text = PAGE.read_text()
    units = dict(re.findall(r"^`/etc/systemd/system/([\w.-]+)`:\n\n```ini\n(.*?)^```", text, re.S | re.M))
    assert set(units) == {"avld-export.service", "avld-export.timer"}
    # its command, with the program and the folder of the test
    line = re.search(r"^ExecStart=/usr/bin/avld export -c /etc/avld/avld.ini (.*)$", units["avld-export.service"], re.M)[1]
    done = page.shell("avld export " + line.replace("/var/lib/avld/days", "/srv/days"))
    assert done.returncode == 0 and "no rows before" in done.stderr
    for name, unit in units.items():
        (page.folder / name).write_text(unit.replace("/usr/bin/avld", f"{page.folder}/bin/avld").replace("User=avld", "User=root"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *(page.folder / name for name in units)], capture_output=True, text=True)
    if "Failed to" in done.stderr and "bus" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0 and not done.stderr, done.stderr
