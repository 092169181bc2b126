#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""enable_postgis and what ogr2ogr makes of its views. Where PostGIS or ogr2ogr (Debian: gdal-bin) is missing, that part is skipped
with a note. Run by tests/sql/run."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, migrate, ok, query  # noqa: E402

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
    print(f"# {name}: left out", file=sys.stderr)


def test_missing(name):
    session = connect(name)
    try:
        query(session, "SELECT avld.enable_postgis()")
        ok(False, "without PostGIS: an error")
    except psycopg2.Error as error:
        equal((error.pgcode, error.diag.message_primary), ("0A000", "PostGIS is not installed on this server"), "without PostGIS: says so")
        ok("postgis-3" in (error.diag.message_hint or ""), "and which package is missing", error.diag.message_hint)


def test_views(name):
    session = connect(name)
    query(session, FILL)
    query(session, "SELECT avld.enable_postgis()")
    query(session, "SELECT avld.enable_postgis()")
    equal(query(session, "SELECT string_agg(f_table_name || ' ' || type || ' ' || srid, ', ' ORDER BY f_table_name) FROM ("
                         "SELECT f_table_name, type, srid FROM geography_columns UNION ALL SELECT f_table_name, type, srid"
                         " FROM geometry_columns) AS t"),
          "latest_positions_geo Point 4326, positions_geo Point 4326, tracks_geo LINESTRING 4326", "twice: three views, each with its type")
    equal(query(session, "SELECT count(*) FROM avld.positions_geo"), 4, "positions_geo")
    equal(query(session, "SELECT string_agg(day || ' ' || positions || ' ' || ST_AsText(track), '; ') FROM avld.tracks_geo"),
          "2024-05-01 2 LINESTRING(7.25 43.501,7.25 43.502)", "tracks_geo: of each day its valid fixes; one fix is no line")
    equal(query(session, "SELECT round(ST_Distance(place, ST_Point(7.25, 43.6)::geography)) FROM avld.latest_positions_geo"
                         " WHERE ident = '5020001'"), 11110, "metres on the ellipsoid")
    query(session, "SET ROLE avld_reader")
    equal(query(session, "SELECT count(*) FROM avld.latest_positions_geo WHERE place IS NOT NULL"), 2, "a reader reads them")
    equal(query(session, "SELECT count(*) FROM avld.tracks_geo"), 1, "tracks, too")
    query(session, "RESET ROLE")
    equal(query(session, "SELECT bool_and(obj_description(c, 'pg_class') IS NOT NULL) FROM unnest(ARRAY['avld.positions_geo',"
                         " 'avld.latest_positions_geo', 'avld.tracks_geo']::regclass[]) AS c"), True, "each has its comment")


def ogr(target, kind, name, view):
    return subprocess.run(["ogr2ogr", "-f", kind, target, f"PG:dbname={name} schemas=avld", view], capture_output=True, text=True)


def test_ogr2ogr(name):
    with tempfile.TemporaryDirectory() as folder:
        for view, features in (("positions_geo", 4), ("latest_positions_geo", 3), ("tracks_geo", 1)):
            path = os.path.join(folder, view)
            run = ogr(path + ".geojson", "GeoJSON", name, view)
            ok(run.returncode == 0 and not run.stderr, f"{view}: GeoJSON without a word", run.stderr)
            with open(path + ".geojson", encoding="utf-8") as file:
                made = json.load(file)
            equal(len(made["features"]), features, f"{view}: all of it")
            run = ogr(path + ".gpkg", "GPKG", name, view)
            ok(run.returncode == 0 and not run.stderr, f"{view}: GeoPackage without a word", run.stderr)
            run = subprocess.run(["ogrinfo", "-so", path + ".gpkg", view], capture_output=True, text=True)
            ok(f"Feature Count: {features}" in run.stdout, f"{view}: all of it", run.stdout)
            if view == "latest_positions_geo":
                equal(sorted(str(f["properties"]["name"]) for f in made["features"]), ["Möwe <\"&>", "None", "never seen"], "names as they are")


with Databases() as databases:
    database = databases.make("postgis")
    equal(migrate(database)[0], 0, "migrated")
    if not query(connect(database), "SELECT true FROM pg_available_extensions WHERE name = 'postgis'"):
        test_missing(database)
        skip("PostGIS is not installed: its views")
    else:
        test_views(database)
        if shutil.which("ogr2ogr"):
            test_ogr2ogr(database)
        else:
            skip("no ogr2ogr: GeoPackage and GeoJSON")
done()
