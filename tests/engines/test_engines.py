# SPDX-License-Identifier: MIT
"""enable_citus, enable_timescaledb and the way back: what is missing is listed, no row, comment or right is lost, and every function
gives the same on each engine."""
import contextlib

import psycopg2
import pytest

from conftest import DAEMON, OWNER, READER

# Each with fixed times, so that two databases can be compared.
QUESTIONS = {
    "track": "SELECT * FROM avld.track('5020001', '2026-11-20', '2026-11-27')",
    "distance_km": "SELECT d.ident, avld.distance_km(d.ident, '2026-11-22', '2026-11-26') FROM avld.devices AS d ORDER BY 1",
    "trips": "SELECT * FROM avld.trips('5020002', '2026-11-20', '2026-11-27')",
    "stops": "SELECT * FROM avld.stops('5020003', '2026-11-20', '2026-11-27')",
    "daily_summary": "SELECT * FROM avld.daily_summary('5020004', '2026-11-20', '2026-11-27', 'Europe/Berlin')",
    "last_known": "SELECT * FROM avld.last_known('5020005', '2026-11-24 03:00+00')",
    "last_known, long ago": "SELECT * FROM avld.last_known('5020005', '2027-11-24')",
    "last_known, unknown": "SELECT * FROM avld.last_known('no such', '2026-11-24')",
    "within": "SELECT * FROM avld.within(45, 7, 46, 8, '2026-11-23', '2026-11-25') AS t ORDER BY t::text",
    "near": "SELECT * FROM avld.near(45.1, 7.05, 5000, '2026-11-23', '2026-11-25') AS t ORDER BY t::text",
    "track_geojson": "SELECT avld.track_geojson('5020006', '2026-11-24', '2026-11-25')::text",
    "track_gpx": "SELECT avld.track_gpx('5020006', '2026-11-24', '2026-11-25')",
    "alarms_since": "SELECT * FROM avld.alarms_since('2026-11-20') AS t ORDER BY t::text",
    "usual_silences": "SELECT * FROM avld.usual_silences(ARRAY(SELECT id FROM avld.devices ORDER BY id),"
                      " ARRAY(SELECT '2026-11-26 11:00+00'::timestamptz FROM avld.devices)) AS t ORDER BY 1",
    "usual_silences of none": "SELECT * FROM avld.usual_silences('{}', '{}')",
    "usual_silence": "SELECT avld.usual_silence(3, '2026-11-25')",
    "latest_positions": "SELECT ident, fixed_at, latitude, longitude, alarm, alarm_at FROM avld.latest_positions ORDER BY ident",
    "diagnose()": "SELECT severity, ident, finding FROM avld.diagnose() ORDER BY 1, 2, 3",
    "diagnose(ident)": "SELECT d.ident, t.severity, t.finding FROM avld.devices AS d, avld.diagnose(d.ident) AS t ORDER BY 1, 2, 3",
    "find_jumps": "SELECT d.ident, t.count FROM avld.devices AS d, avld.find_jumps(d.id) AS t ORDER BY 1",
    "distance_km beside rows": "SELECT round(sum(avld.distance_km(45, 7, latitude, longitude))::numeric, 6) FROM avld.positions",
    "find_strangers": "SELECT address, count FROM avld.find_strangers(5) ORDER BY 1",
    "newest rows": "SELECT DISTINCT ON (device_id) device_id, fixed_at, dedup FROM avld.positions ORDER BY device_id, fixed_at DESC, dedup DESC",
    "days": "SELECT (fixed_at AT TIME ZONE 'UTC')::date, count(*), max(speed_kmh) FROM avld.positions GROUP BY 1 ORDER BY 1",
}


def answers(database):
    found = {}
    for name, sql in QUESTIONS.items():
        found[name] = database.rows(sql)
    return found


def same(got, wanted):
    for name, rows in wanted.items():
        assert got[name] == rows, name
    assert sum(len(rows) for rows in wanted.values()) > 1000


def test_nothing_is_done_while_something_is_missing(engine):
    database = engine.plain()
    state, detail = database.refused(f"SELECT avld.enable_{engine.name}()")
    assert state == "55000" and f"CREATE EXTENSION {engine.name};" in detail
    assert engine.disable(database) == [{"citus": "positions and statuses are not distributed: nothing to do",
                                         "timescaledb": "positions and statuses are no hypertables: nothing to do"}[engine.name]]
    engine.prepare(database)
    database.server.run(f"CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                        f"CREATE TRIGGER mine BEFORE INSERT ON avld.positions FOR EACH ROW EXECUTE FUNCTION public.f();", database.name)
    state, detail = database.refused(f"SELECT avld.enable_{engine.name}()")
    assert state == "55000" and "DROP TRIGGER mine ON avld.positions;" in detail
    assert database.refused(f"SELECT avld.enable_{engine.name}()", user=READER)[0] == "42501"
    assert database.refused(f"SELECT avld.enable_{engine.name}()", user=DAEMON)[0] == "42501"
    assert database.value("SELECT avld.engine()") == "postgresql"
    database.rows("DROP TRIGGER mine ON avld.positions")
    engine.enable(database)
    assert database.value("SELECT avld.engine()") == engine.name


def test_there_and_back(engine):
    """With rows: no row, comment, right or index is lost, on either way; both can be called again."""
    database = engine.plain()
    database.fill()
    rows, shape, wanted = database.hashes(), database.shape(), answers(database)
    engine.prepare(database)
    said = engine.enable(database)
    assert database.value("SELECT avld.engine()") == engine.name, said
    assert database.hashes() == rows
    there = database.shape()
    for what in ("comments", "rights", "columns"):
        assert there[what] == shape[what], what
    assert there["indexes"] == shape["indexes"]
    same(answers(database), wanted)

    assert len(engine.enable(database)) >= 2
    assert database.hashes() == rows
    added = database.value("INSERT INTO avld.devices (ident) VALUES ('5020013') RETURNING id")
    assert added == 13, "numbers go on"
    database.rows("DELETE FROM avld.devices WHERE id = 13")

    engine.disable(database)
    assert database.value("SELECT avld.engine()") == "postgresql"
    assert database.hashes() == rows
    assert database.shape() == shape
    assert database.value("SELECT obj_description('avld.positions_default'::regclass, 'pg_class')").startswith("Rows whose day")
    same(answers(database), wanted)
    assert database.value("INSERT INTO avld.devices (ident) VALUES ('5020013') RETURNING id") == 14, "numbers go on"
    assert database.value("SELECT count(*) FROM avld.list_partitions()") >= 8
    assert len(engine.disable(database)) == 1


def test_empty_tables(engine):
    """Enabled while empty, filled afterwards: the same answers as without."""
    plain = engine.plain()
    plain.fill()
    database = engine.ready()
    engine.enable(database)
    database.fill()
    assert database.hashes() == plain.hashes()
    same(answers(database), answers(plain))


def test_migrate_keeps_it(engine):
    database = engine.ready()
    engine.enable(database)
    database.fill()
    rows, shape = database.hashes(), database.shape()
    database.rows("UPDATE avld.schema_version SET name = 'functions of another avld' WHERE version = 0")
    assert "functions and views updated" in database.migrate()
    assert database.value("SELECT avld.engine()") == engine.name
    assert database.hashes() == rows and database.shape() == shape


def test_roles_and_retention(engine):
    """The daemon's role makes and drops partitions and deletes; a reader reads; neither owns anything."""
    database = engine.ready()
    engine.enable(database)
    database.fill()
    database.rows("SELECT avld.set_least_retention('1 day')")
    put = ("INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
           " SELECT n, %s, %s, 'device', true, 45, 7, false, 1 FROM generate_series(1, 30) AS n")
    for at in ("2026-11-10 12:00+00", "2001-01-01 12:00+00"):
        database.rows(put, at, at, user=DAEMON)
    before = database.value("SELECT count(*) FROM avld.positions")
    made = database.value("SELECT avld.ensure_partitions('2026-11-09', '2026-11-10', '1 hour')", user=DAEMON)
    assert made == (4 if engine.name == "citus" else 0)
    assert database.value("SELECT count(*) FROM avld.positions") == before
    assert database.value("SELECT avld.ensure_partitions('2026-11-09', '2026-11-10', '1 hour')", user=DAEMON) == 0
    assert database.value("SELECT avld.drop_partitions('2026-11-11')", user=DAEMON) >= 1
    assert database.value("SELECT count(*) FROM avld.positions WHERE fixed_at BETWEEN '2026-11-10' AND '2026-11-11'") == 0
    for table in ("positions", "statuses", "alarms", "rejects", "connections", "unknown_devices", "commands", "media"):
        while database.value("SELECT avld.delete_before(%s, '2026-11-11', 1000)", table, user=DAEMON) >= 1000:
            pass
    assert database.value("SELECT count(*) FROM avld.positions") == before - 60
    assert database.value("SELECT count(*) FROM avld.rejects WHERE received_at < '2026-11-11'") == 0
    assert database.value("SELECT count(*) FROM avld.positions", user=READER) == before - 60
    assert len(database.rows("SELECT * FROM avld.track('5020001', '2026-11-20', '2026-11-27')", user=READER)) > 100
    assert database.value("SELECT count(*) FROM avld.list_partitions()", user=READER) >= 4
    assert database.value("SELECT avld.engine()", user=READER) == engine.name
    assert database.refused("DELETE FROM avld.positions", user=DAEMON)[0] == "42501"
    assert database.refused("INSERT INTO avld.rejects (received_at, reason, frame) VALUES (now(), '', '')", user=READER)[0] == "42501"


def test_postgis_views(engine):
    """tracks_geo has the same lines, whether it was there before or is made afterwards."""
    database = engine.plain()
    if not database.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"):
        pytest.skip("the server has no PostGIS")
    database.server.run("CREATE EXTENSION postgis", database.name)
    database.rows("SELECT avld.enable_postgis()")
    database.fill()
    lines = "SELECT t.* FROM avld.tracks_geo AS t WHERE day BETWEEN '2026-11-23' AND '2026-11-26' ORDER BY device_id, day"
    places = "SELECT count(*), sum(hashtext(p.place::text)) FROM avld.positions_geo AS p"
    wanted, points, shape = database.rows(lines), database.rows(places), database.shape()
    assert len(wanted) == 40
    engine.prepare(database)
    if engine.name == "citus":
        state, detail = database.refused("SELECT avld.enable_citus()")
        assert state == "55000" and detail.count("CREATE EXTENSION postgis;") == len(database.workers)
        for server in database.workers:
            server.run("SET citus.enable_ddl_propagation = off; CREATE EXTENSION postgis", database.name)
    engine.enable(database)
    assert database.rows(lines) == wanted and database.rows(places) == points
    assert database.rows("SELECT count(*) FROM avld.latest_positions_geo", user=READER) == [(12,)]
    assert len(database.rows(lines + " LIMIT 3", user=READER)) == 3
    database.rows("SELECT avld.enable_postgis()")
    assert database.rows(lines) == wanted
    engine.disable(database)
    assert database.rows(lines) == wanted and database.rows(places) == points
    assert database.shape()["comments"] == shape["comments"]


# --- TimescaleDB ------------------------------------------------------------------------------------------

def test_hypertable_details(timescaledb):
    database = timescaledb.plain()
    database.fill()
    database.rows("CREATE VIEW avld.mine AS SELECT ident FROM avld.devices JOIN avld.positions ON device_id = id;"
                  f"GRANT SELECT (latitude) ON avld.positions TO {DAEMON}; GRANT SELECT ON avld.statuses TO {READER} WITH GRANT OPTION")
    timescaledb.prepare(database)
    state, detail = database.refused("SELECT avld.enable_timescaledb()")
    assert state == "55000" and "DROP VIEW avld.mine;" in detail
    database.rows("DROP VIEW avld.mine")
    rights = database.shape()["rights"]
    said = timescaledb.enable(database, "NULL, '6 hours'")
    assert said[0].startswith("positions is a hypertable with chunks of 06:00:00; rows moved: ")
    assert database.shape()["rights"] == rights
    assert database.value("SELECT attacl::text FROM pg_attribute WHERE attrelid = 'avld.positions'::regclass AND attname = 'latitude'") \
        == f"{{{DAEMON}=r/{OWNER}}}"
    bounds = database.rows("SELECT DISTINCT ends_at - starts_at, starts_at::time AT TIME ZONE 'UTC' FROM avld.list_partitions()")
    assert {str(length) for length, _ in bounds} == {"6:00:00"}
    # the days of positions, whole ones
    days = database.rows("SELECT starts_at, ends_at FROM avld.list_days()")
    assert len(days) == len({day for day, _ in days}) and all((end - start).total_seconds() == 86400 for start, end in days)
    assert database.value("SELECT count(*) FROM timescaledb_information.dimensions WHERE hypertable_schema = 'avld'") == 2
    timescaledb.enable(database, "NULL, '12 hours'")
    assert database.lines("SELECT time_interval::text FROM timescaledb_information.dimensions WHERE hypertable_schema = 'avld'") == ["12:00:00"] * 2
    for arguments in ("NULL, '1 minute'", "NULL, NULL", "'-1 day'"):
        assert database.refused(f"SELECT avld.enable_timescaledb({arguments})")[0] == "22023"


def test_columnstore(timescaledb):
    """Compressed chunks give the same answers, take late rows, refuse repeats, and can be dropped."""
    database = timescaledb.ready()
    said = timescaledb.enable(database, "'2 days'")
    if any(line.startswith("no columnstore") for line in said):
        pytest.skip("this TimescaleDB has no columnstore")
    database.fill()
    rows, wanted = database.hashes(), answers(database)
    jobs = "SELECT config ->> 'compress_after' FROM timescaledb_information.jobs WHERE hypertable_schema = 'avld' AND owner::text = %s"
    assert database.lines(jobs, OWNER) == ["2 days", "2 days"]
    database.rows("SELECT public.compress_chunk(c) FROM public.show_chunks('avld.positions') AS c")
    assert database.hashes() == rows
    same(answers(database), wanted)
    put = ("INSERT INTO avld.positions SELECT (jsonb_populate_record(p, jsonb_build_object('dedup', p.dedup + %s))).* FROM avld.positions AS p"
           " WHERE p.device_id = 1 AND p.fixed_at = (SELECT max(fixed_at) FROM avld.positions WHERE device_id = 1)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.rows(put, 0)
    database.rows(put, 100000)
    assert database.hashes()["positions"][0][0] == rows["positions"][0][0] + 1
    timescaledb.enable(database, "NULL")
    assert database.lines(jobs, OWNER) == []
    database.rows("DELETE FROM avld.positions WHERE dedup > 100000")
    timescaledb.disable(database)
    assert database.hashes() == rows


# --- Citus ------------------------------------------------------------------------------------------------

def test_citus_layout(citus):
    database = citus.ready()
    database.fill()
    said = citus.enable(database)
    assert f"positions and statuses are distributed by device, {2 * len(citus.servers[1:])} shards on {len(citus.servers[1:])} nodes" in said
    kinds = dict(database.rows("SELECT logicalrelid::text, partmethod::text FROM pg_dist_partition WHERE logicalrelid::text !~ '_[0-9]+$'"))
    assert {name for name, kind in kinds.items() if kind == "h"} == {"avld.positions", "avld.positions_default", "avld.statuses",
                                                                    "avld.statuses_default"}
    assert {name for name, kind in kinds.items() if kind == "n"} == {"avld." + name for name in (
        "alarms", "checkpoint", "commands", "connections", "device_state", "devices", "limits", "media", "media_parts", "rejects",
        "schema_version", "unknown_devices")}
    assert database.value("SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'") == 1
    assert database.value("SELECT current_setting('citus.multi_shard_modify_mode')") == "sequential"
    # a partition that took rows out of DEFAULT leaves no copy of them on the coordinator
    database.rows("INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
                  " SELECT n, '2026-12-24', now(), 'device', true, 1, 1, false, 1 FROM generate_series(1, 20) AS n")
    database.rows("SELECT avld.ensure_partitions('2026-12-24', '2026-12-24')")
    local = database.value("SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent IN ('avld.positions'::regclass, 'avld.statuses'::regclass)")
    assert local == 0
    for server in citus.servers[1:]:
        with contextlib.closing(server.connect(database.name, OWNER)) as session:
            cursor = session.cursor()
            cursor.execute("SELECT (SELECT count(*) FROM avld.devices), (SELECT count(*) FROM avld.positions WHERE fixed_at = '2026-12-24')")
            assert cursor.fetchone() == (12, 20), "each worker reads all tables"
    assert database.refused("SELECT avld.enable_citus(0)")[0] == "22023"


def test_migrate_after_citus(citus):
    """avld migrate in a database that has Citus already: an owner who is no superuser needs a schema that a superuser has made."""
    database = citus.plain(schema=False)
    citus.prepare(database)
    database.server.run(f"CREATE SCHEMA avld AUTHORIZATION {OWNER};"
                        "GRANT USAGE ON SCHEMA avld TO avld_writer, avld_reader, avld_operator", database.name)
    database.migrate()
    citus.enable(database)
    database.fill()
    assert len(database.rows("SELECT * FROM avld.track('5020001', '2026-11-20', '2026-11-27')", user=READER)) > 100


def test_roles_that_workers_lack(citus):
    """A role made before the nodes were added is not on them; what to run there is said, and is right."""
    database = citus.ready()
    role = f"{DAEMON}_late"
    citus.servers[0].run(f"CREATE ROLE {role} LOGIN; GRANT avld_writer TO {role}")
    try:
        state, detail = database.refused("SELECT avld.enable_citus()")
        assert state == "55000" and detail.count("lacks what this node has") == len(citus.servers[1:])
        for line, server in zip(sorted(detail.splitlines()), sorted(citus.servers[1:], key=lambda s: s.port)):
            assert f"worker {server.host}:{server.port} " in line and f"CREATE ROLE {role} LOGIN; GRANT avld_writer TO {role};" in line
            server.run(line[line.index("SET citus"):], database.name)
        citus.enable(database)
        database.rows("INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)"
                      " SELECT n, now(), now(), 'device', true, 1, 1, false, 1 FROM generate_series(1, 20) AS n", user=role)
    finally:
        for server in citus.servers:
            server.run(f"DROP DATABASE {database.name} WITH (FORCE)")
        for server in citus.servers:
            server.run(f"DROP ROLE IF EXISTS {role}")


def test_days_in_parts(citus):
    """A day that is partitioned by hours cannot be distributed: the statements that are printed make it whole."""
    database = citus.ready()
    database.rows("SELECT avld.ensure_partitions('2026-11-24', '2026-11-24', '6 hours')")
    database.fill()
    rows = database.hashes()
    state, detail = database.refused("SELECT avld.enable_citus()")
    assert state == "55000" and "avld.positions_20261124 has partitions of its own" in detail
    database.rows(detail[detail.index("BEGIN;"):])
    citus.enable(database)
    assert database.hashes() == rows
