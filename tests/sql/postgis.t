#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""enable_postgis, its views through upgrades, and what ogr2ogr reads from them. Skips, with a note, what needs PostGIS or ogr2ogr
(Debian: gdal-bin) where they are missing. Run by tests/sql/run."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, migrate, migrate_old, ok, query  # noqa: E402

FILL = """
    SELECT avld.ensure_partitions('2024-05-01', '2024-05-02');
    INSERT INTO avld.devices (ident, name) VALUES ('5020001', 'Möwe <"&>'), ('5020002', NULL), ('5020003', 'never seen');
    INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, extra, dedup)
    SELECT d.id, t.at, t.at, 'device', n <> 3, 43.5 + n / 1e3, 7.25, false, '{"a": 1}', n
    FROM avld.devices AS d, generate_series(1, 4) AS n, LATERAL (SELECT timestamptz '2024-05-01 23:00+00' + n * interval '20 min') AS t (at)
    WHERE d.ident = '5020001';
    INSERT INTO avld.device_state (device_id, last_seen, fixed_at, latitude, longitude)
    SELECT id, '2024-05-02', '2024-05-02', 43.5, 7.25 FROM avld.devices WHERE ident < '5020003'"""


def skip(name):
    ok(True, f"{name} # SKIP")
    print(f"# {name}: skipped", file=sys.stderr)


def test_missing(name):
    session = connect(name)
    try:
        query(session, "SELECT avld.enable_postgis()")
        ok(False, "enable_postgis without PostGIS is an error")
    except psycopg2.Error as error:
        equal((error.pgcode, error.diag.message_primary), ("0A000", "PostGIS is not installed on this server"), "the error names PostGIS")
        ok("postgis-3" in (error.diag.message_hint or ""), "its hint names the package", error.diag.message_hint)


def test_views(name):
    session = connect(name)
    query(session, FILL)
    query(session, "SELECT avld.enable_postgis()")
    query(session, "SELECT avld.enable_postgis()")
    equal(query(session, "SELECT string_agg(f_table_name || ' ' || type || ' ' || srid, ', ' ORDER BY f_table_name) FROM ("
                         "SELECT f_table_name, type, srid FROM geography_columns UNION ALL SELECT f_table_name, type, srid"
                         " FROM geometry_columns) AS t"),
          "latest_positions_geo Point 4326, positions_geo Point 4326, tracks_geo LINESTRING 4326", "enable_postgis, called twice, creates three views, each with its type")
    equal(query(session, "SELECT count(*) FROM avld.positions_geo"), 4, "positions_geo has all positions")
    equal(query(session, "SELECT string_agg(day || ' ' || positions || ' ' || ST_AsText(track), '; ') FROM avld.tracks_geo"),
          "2024-05-01 2 LINESTRING(7.25 43.501,7.25 43.502)", "tracks_geo has the valid fixes of each day; one fix is no line")
    equal(query(session, "SELECT round(ST_Distance(place, ST_Point(7.25, 43.6)::geography)) FROM avld.latest_positions_geo"
                         " WHERE ident = '5020001'"), 11110, "distances are metres on the ellipsoid")
    query(session, "SET ROLE avld_reader")
    equal(query(session, "SELECT count(*) FROM avld.latest_positions_geo WHERE place IS NOT NULL"), 2, "a reader may read latest_positions_geo")
    equal(query(session, "SELECT count(*) FROM avld.tracks_geo"), 1, "and tracks_geo")
    query(session, "RESET ROLE")
    equal(query(session, "SELECT bool_and(obj_description(c, 'pg_class') IS NOT NULL) FROM unnest(ARRAY['avld.positions_geo',"
                         " 'avld.latest_positions_geo', 'avld.tracks_geo']::regclass[]) AS c"), True, "each view has a comment")


def outdate(session):
    query(session, "UPDATE avld.schema_version SET name = 'functions of another avld' WHERE version = 0")


def columns(session, view):
    return query(session, "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass(%s)", view)


def test_upgrade(databases):
    """The views, and a view of the owner on them, survive an upgrade; they follow a change of their tables."""
    name = databases.make("postgis_old")
    migrate_old(name, 8)
    session = connect(name)
    query(session, FILL)
    query(session, "SELECT avld.enable_postgis(); CREATE VIEW public.places AS SELECT ident, place FROM avld.positions_geo")
    code, out, err = migrate(name)
    ok(code == 0 and out.startswith("migrated to ") and err == "", "a database with the views is upgraded", code, out, err)
    equal(query(session, "SELECT count(*) FROM public.places"), 4, "a view on positions_geo survives")
    equal(query(session, "SELECT count(*) FROM avld.latest_positions_geo"), 3, "latest_positions_geo has all devices")
    equal(columns(session, "avld.tracks_geo"), "device_id ident name day started_at ended_at positions track", "tracks_geo is there")

    query(session, "DROP VIEW public.places; ALTER TABLE avld.positions ADD COLUMN depth_m real")
    outdate(session)
    code, out, err = migrate(name)
    ok(code == 0 and err == "", "after a change of positions the views are created again", code, out, err)
    ok(columns(session, "avld.positions_geo").endswith(" dedup depth_m place"), "positions_geo has the new column",
       columns(session, "avld.positions_geo"))
    equal(query(session, "SET ROLE avld_reader; SELECT count(*) FROM avld.positions_geo"), 4, "a reader may still read it")
    query(session, "RESET ROLE")

    owner = f"avld_test_{os.getpid()}_gis"
    query(session, f"CREATE ROLE {owner} CREATEROLE; ALTER DATABASE {name} OWNER TO {owner}")
    try:
        query(session, f"""
            DO $$ DECLARE item record; BEGIN
                ALTER SCHEMA avld OWNER TO {owner};
                FOR item IN SELECT oid::regclass AS r FROM pg_class WHERE relnamespace = 'avld'::regnamespace
                    AND relkind IN ('r', 'p', 'v') AND relname NOT LIKE '%_geo' LOOP
                    EXECUTE format('ALTER TABLE %s OWNER TO {owner}', item.r); END LOOP;
                FOR item IN SELECT oid::regprocedure AS f FROM pg_proc WHERE pronamespace = 'avld'::regnamespace LOOP
                    EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', item.f); END LOOP; END $$""")
        outdate(session)
        code, out, err = migrate(name, options=f"-c role={owner}")
        ok(code == 0 and err == "" and out.startswith("NOTICE:  view avld."), "views of another owner are reported and left as they are",
           code, out, err)
    finally:
        query(session, f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}; DROP ROLE {owner}")


def ogr(target, kind, name, view):
    return subprocess.run(["ogr2ogr", "-f", kind, target, f"PG:dbname={name} schemas=avld", view], capture_output=True, text=True)


def test_ogr2ogr(name):
    with tempfile.TemporaryDirectory() as folder:
        for view, features in (("positions_geo", 4), ("latest_positions_geo", 3), ("tracks_geo", 1)):
            path = os.path.join(folder, view)
            run = ogr(path + ".geojson", "GeoJSON", name, view)
            ok(run.returncode == 0 and not run.stderr, f"{view}: GeoJSON without warnings", run.stderr)
            with open(path + ".geojson", encoding="utf-8") as file:
                made = json.load(file)
            equal(len(made["features"]), features, f"{view}: GeoJSON has all rows")
            run = ogr(path + ".gpkg", "GPKG", name, view)
            ok(run.returncode == 0 and not run.stderr, f"{view}: GeoPackage without warnings", run.stderr)
            run = subprocess.run(["ogrinfo", "-so", path + ".gpkg", view], capture_output=True, text=True)
            ok(f"Feature Count: {features}" in run.stdout, f"{view}: GeoPackage has all rows", run.stdout)
            if view == "latest_positions_geo":
                equal(sorted(str(f["properties"]["name"]) for f in made["features"]), ["Möwe <\"&>", "None", "never seen"], "names are unchanged")


with Databases() as databases:
    database = databases.make("postgis")
    equal(migrate(database)[0], 0, "migrated")
    if not query(connect(database), "SELECT true FROM pg_available_extensions WHERE name = 'postgis'"):
        test_missing(database)
        skip("views of PostGIS: PostGIS is not installed")
    else:
        test_views(database)
        test_upgrade(databases)
        if shutil.which("ogr2ogr"):
            test_ogr2ogr(database)
        else:
            skip("GeoPackage and GeoJSON: no ogr2ogr")
done()
