#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""avld migrate: repeated, concurrent, interrupted, with few rights, on databases of avld 0.1.0 and of newer ones. Run by tests/sql/run."""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import (OLD_STEPS, Databases, connect, done, equal, finish, migrate, migrate_old, ok, query, start,  # noqa: E402
                 wait_for_lock, wait_until)

ROLES = ("avld_writer", "avld_reader", "avld_operator")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/schema/sql/tables")
STEPS = sorted(name[:-4] for name in os.listdir(FOLDER) if re.fullmatch(r"\d{3}_\w+\.sql", name))
FIRST, LAST = STEPS[0], int(STEPS[-1][:3])
VERSIONS = ("SELECT string_agg(version || ' ' || regexp_replace(name, ' [0-9a-f]{16}$', ' HASH'), ',' ORDER BY version)"
            " FROM avld.schema_version")
DONE = re.compile(rf"^migrated to {LAST} \({STEPS[-1]}\) in \d+ ms\n$")
UPDATED = re.compile(rf"^functions and views updated \(version {LAST}\) in \d+ ms\n$")
UP_TO_DATE = f"schema is up to date (version {LAST})\n"
WAITING = "waiting for another migration of this database\n"
HINT = "run avld migrate as the owner of the schema avld; if there is none, as the owner of the database\n"


def versions(steps):
    """The rows of schema_version after these steps and the functions."""
    return ",".join(["0 functions HASH"] + [f"{int(step[:3])} {step}" for step in steps])


ALL = versions(STEPS)


def has_schema(session):
    return query(session, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'avld')")


def test_repeated(databases):
    name = databases.make("repeated")
    code, out, err = migrate(name)
    ok(code == 0 and DONE.match(out) and err == "", "migrates a new database", code, out, err)
    equal(migrate(name), (0, UP_TO_DATE, ""), "a second run finds nothing to do")
    equal(query(connect(name), VERSIONS), ALL, "schema_version has a row per step, and one for the functions")


def test_dry_run(databases):
    name = databases.make("dry")
    session = connect(name)
    code, sql, err = migrate(name, "--dry-run")
    ok(code == 0 and "CREATE TABLE IF NOT EXISTS avld.positions" in sql and err == "", "--dry-run prints SQL", code, err)
    ok(not has_schema(session), "--dry-run changes nothing")
    piped = subprocess.run(["psql", "-qX", "-d", name], input=sql, capture_output=True, text=True)
    ok(piped.returncode == 0 and not piped.stderr, "psql runs that SQL", piped.stderr)
    equal(query(session, VERSIONS), ALL, "that SQL is the whole migration")
    equal(migrate(name), (0, UP_TO_DATE, ""), "after it avld migrate finds nothing to do")
    equal(migrate(name, "--dry-run"), (0, "-- " + UP_TO_DATE, ""), "--dry-run with nothing to do prints a comment")
    query(session, "UPDATE avld.schema_version SET name = 'functions of another avld' WHERE version = 0")
    code, sql, err = migrate(name, "--dry-run")
    ok(code == 0 and "FUNCTION avld.track(" in sql and "CREATE TABLE IF NOT EXISTS" not in sql and err == "",
       "--dry-run prints the functions alone if only they differ", code, err)
    piped = subprocess.run(["psql", "-qX", "-d", name], input=sql, capture_output=True, text=True)
    ok(piped.returncode == 0 and not piped.stderr, "psql runs that SQL, too", piped.stderr)
    equal(migrate(name), (0, UP_TO_DATE, ""), "and avld migrate finds nothing to do")


def test_concurrent(databases):
    name = databases.make("concurrent")
    holder = connect(name, autocommit=False)
    query(holder, "SELECT pg_advisory_xact_lock(1635151972, 1)")
    runs = [start(name) for _ in range(3)]
    wait_for_lock(databases.admin, name, 3)
    holder.commit()
    results = [finish(run) for run in runs]
    ok(all(code == 0 and err == "" for code, _, err in results), "three runs at once succeed", results)
    outputs = sorted(out.removeprefix(WAITING) for _, out, _ in results)
    ok(DONE.match(outputs[0]) and outputs[1:] == [UP_TO_DATE] * 2, "one of them migrates, the others find nothing to do", results)
    ok(all(out.startswith(WAITING) for _, out, _ in results), "each reports that it waits", results)
    equal(query(connect(name), VERSIONS), ALL, "each step has one row in schema_version")


def stop_half_way(session, tag="CREATE VIEW"):
    """Makes a migration stop after half of its statements, until advisory lock 42 is free."""
    query(session, f"""
        CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(42); END';
        CREATE EVENT TRIGGER stop ON ddl_command_end WHEN TAG IN ('{tag}') EXECUTE FUNCTION public.stop();
        SELECT pg_advisory_lock(42)""")


def test_killed(databases):
    name = databases.make("killed")
    session = connect(name)
    stop_half_way(session)
    first = start(name)
    wait_for_lock(databases.admin, name)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = start(name)  # the server has not noticed yet that the first one is dead
    wait_for_lock(databases.admin, name, 2)
    ok(not has_schema(session), "a killed run leaves nothing")
    query(session, "DROP EVENT TRIGGER stop")
    query(session, "SELECT pg_advisory_unlock(42)")
    code, out, err = finish(second)
    ok(code == 0 and out.startswith(WAITING) and DONE.match(out[len(WAITING):]), "the next run migrates", code, out, err)
    equal(query(session, VERSIONS), ALL, "each step has one row in schema_version")


def test_connection_lost(databases):
    name = databases.make("lost")
    session = connect(name)
    stop_half_way(session)
    run = start(name)
    wait_for_lock(databases.admin, name)
    query(databases.admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE datname = %s AND wait_event_type = 'Lock'", name)
    code, out, err = finish(run)
    ok(code == 1 and out == "" and "functions/90_views: FATAL:  terminating connection" in err,
       "a lost connection is an error that names the file", code, out, err)
    wait_until(databases.admin, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = %s", name)
    ok(not has_schema(session), "it leaves nothing")
    query(session, "DROP EVENT TRIGGER stop")
    code, out, err = migrate(name)
    ok(code == 0 and DONE.match(out), "the next run migrates", code, out, err)


def fill(session, version):
    """Rows in every table, as the daemon of that version may have left them."""
    query(session, """
        SELECT avld.ensure_partitions('2024-05-01', '2024-05-01');
        INSERT INTO avld.devices (ident, name) VALUES ('5020001', 'Buoy'), ('5020002', NULL);
        INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, extra, dedup)
        SELECT id, at, at, 'device', true, 43.5, 7.25 + n / 1e4, false, '{"a": "\u00e9"}', n
        FROM avld.devices, generate_series(1, 3) AS n, LATERAL (SELECT timestamptz '2024-05-01 23:00+00' + n * interval '30 min') AS t (at)
        WHERE ident = '5020001';
        INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
        VALUES (1, now(), now(), 'device', false, 1), (1, '2024-05-01 10:00+00', now(), 'device', false, 1);
        INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
        VALUES (1, '2024-05-01 23:30+00', '2024-05-01 23:30+00', 'sos', false, 1);
        INSERT INTO avld.device_state (device_id, last_seen, fixed_at) VALUES (1, '2024-05-02 00:30+00', now());
        INSERT INTO avld.rejects VALUES (now(), '192.0.2.1:4000', 'tcp', NULL, NULL, 'unknown protocol', '\\x00ff');
        INSERT INTO avld.connections VALUES (now(), now(), '192.0.2.1:4000', 'tcp', NULL, NULL, 2, 0, 1, 'closed by peer');
        INSERT INTO avld.unknown_devices VALUES ('5020009', 'pt502', '192.0.2.1:4000', now(), now(), 1);
        INSERT INTO avld.checkpoint VALUES ('avld', '00000000-0000-4000-8000-000000000001', 4096)""")
    if version >= 3:
        query(session, """
            INSERT INTO avld.commands (device_id, command, args)
            VALUES (1, 'outputControl', '{"index": 2, "value": 1}'), (1, 'getVersion', '{}');
            UPDATE avld.commands SET state = 'sent', attempts = 1, sent_at = now() WHERE id = 1""")
    if version >= 4:
        query(session, """
            INSERT INTO avld.media (device_id, taken_at, received_at, content_type, complete, dedup, bytes)
            VALUES (1, now(), now(), 'image/jpeg', true, 1, '\\xffd8');
            INSERT INTO avld.media_parts (key, part, parts, device_id, taken_at, received_at, content_type, complete, dedup, bytes)
            VALUES (7, 0, 2, 1, now(), now(), 'image/jpeg', true, 2, '\\xffd8')""")


def rows(session):
    """Table -> its rows as text without NULLs (so new columns make no difference), of all tables but schema_version."""
    cursor = session.cursor()
    cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'avld'::regnamespace AND relkind IN ('r', 'p')"
                   " AND NOT relispartition AND relname <> 'schema_version'")
    return {table: query(session, f"SELECT string_agg(r::text, E'\\n' ORDER BY r::text)"
                           f" FROM {table} AS t, jsonb_strip_nulls(to_jsonb(t)) AS r")
            for (table,) in cursor.fetchall()}


def dump(name):
    """The schema by pg_dump; newer ones add a key of their own at both ends."""
    run = subprocess.run(["pg_dump", "-s", name], check=True, capture_output=True, text=True)
    return [line for line in run.stdout.splitlines() if not re.match(r"\\(un)?restrict ", line)]


def without_order(lines):
    """A dump in which columns of a table, and what is said of them, are in no order: tables keep that of the version that created
    them."""
    parts = []
    for part in "\n".join(lines).split("\n--\n-- Name: "):
        head, begins, columns = part.partition(" (\n")
        if begins and re.search(r"CREATE TABLE avld\.\w+$", head):
            columns, ends, rest = columns.partition("\n)")
            part = head + begins + ",\n".join(sorted(columns.split(",\n"))) + ends + rest
        parts.append(part)
    return sorted(parts)


def test_upgrade(databases):
    """From each version of avld 0.1.0, with rows in every table, after a first run that is killed."""
    fresh = databases.make("fresh")
    migrate(fresh)
    query(connect(fresh), "SELECT avld.ensure_partitions('2024-05-01', '2024-05-01')")
    wanted = without_order(dump(fresh))
    equal([step[:3] for step in OLD_STEPS], [f"{n:03}" for n in range(1, 9)], "avld 0.1.0 has eight versions")
    for version in range(1, len(OLD_STEPS) + 1):
        name = databases.make(f"upgrade{version}")
        migrate_old(name, version)
        session = connect(name)
        fill(session, version)
        before = rows(session)
        ok(all(before.values()), f"from {version}: every table has rows", before)
        stop_half_way(session, "CREATE FUNCTION")
        killed = start(name)
        wait_for_lock(databases.admin, name)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        query(session, "DROP EVENT TRIGGER stop; DROP FUNCTION public.stop(); SELECT pg_advisory_unlock(42)")
        code, out, err = migrate(name)
        ok(code == 0 and DONE.match(out.removeprefix(WAITING)) and err == "", f"from {version}: the second run migrates", code, out, err)
        equal(query(session, VERSIONS), versions(OLD_STEPS[:version] + STEPS), f"from {version}: schema_version keeps its rows")
        after = rows(session)
        equal({table: after[table] for table in before}, before, f"from {version}: no row has changed")
        ok(not any(after[table] for table in after.keys() - before.keys()), f"from {version}: new tables are empty")
        equal(without_order(dump(name)), wanted, f"from {version}: pg_dump -s prints what it prints of a new database")
        equal(query(session, "SELECT count(*) FROM avld.track('5020001', '2024-05-01', '2024-05-03')"), 3,
              f"from {version}: the track of a device")
        equal(query(session, "SELECT alarm FROM avld.latest_positions WHERE ident = '5020001'"), "sos",
              f"from {version}: the alarm of a device")
        ok(query(session, "SELECT avld.send_command('5020001', 'positionSingle')"), f"from {version}: a new command")
        equal(query(session, "SELECT has_table_privilege('avld_reader', 'avld.latest_positions', 'SELECT')"), True,
              f"from {version}: readers may read")
        equal(migrate(name), (0, UP_TO_DATE, ""), f"from {version}: another run finds nothing to do")


def test_upgrade_from_the_baseline(databases):
    """A database that has all of version 9 and nothing of the steps after it."""
    fresh, name = databases.make("fresh10"), databases.make("baseline")
    migrate(fresh)
    migrate(name)
    session = connect(name)
    query(session, """
        ALTER TABLE avld.devices DROP COLUMN model, DROP COLUMN secret;
        ALTER TABLE avld.devices DROP COLUMN networks;
        ALTER TABLE avld.device_state DROP COLUMN other_peer, DROP COLUMN other_peer_at, DROP COLUMN two_peers_at;
        DROP TABLE avld.limits;
        ALTER TABLE avld.checkpoint DROP COLUMN state_lsn;
        ALTER TABLE avld.commands DROP COLUMN correlation;
        GRANT SELECT ON avld.devices TO avld_reader, avld_operator;
        DELETE FROM avld.schema_version WHERE version > 9;
        INSERT INTO avld.devices (ident, name) VALUES ('5020001', 'Buoy')""")
    code, out, err = migrate(name)
    ok(code == 0 and DONE.match(out) and err == "", "migrates from version 9", code, out, err)
    equal(query(session, VERSIONS), ALL, "from version 9: each step has one row in schema_version")
    equal(dump(name), dump(fresh), "from version 9: pg_dump -s prints what it prints of a new database")
    equal(query(session, "SELECT model IS NULL AND secret IS NULL AND networks IS NULL AND name = 'Buoy' FROM avld.devices"), True,
          "from version 9: devices have no model and no secret")


def test_upgrade_of_changed_tables(databases):
    """What the owner has dropped or replaced does not come back, and what others have added does not matter."""
    name = databases.make("changed")
    migrate_old(name, 8)
    session = connect(name)
    owner = f"avld_test_{os.getpid()}_owner"
    query(session, f"CREATE ROLE {owner} NOSUPERUSER CREATEROLE")
    try:
        query(session, f"""
            DROP TABLE avld.positions_default;
            DROP INDEX avld.positions_fixed_at;
            CREATE VIEW public.fleet AS SELECT ident, alarm FROM avld.latest_positions;
            CREATE TABLE avld.notes (note text);
            CREATE FUNCTION avld.note() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
            REVOKE ALL ON FUNCTION avld.note() FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION avld.diagnose() TO PUBLIC;
            ALTER DATABASE "{name}" OWNER TO {owner};
            ALTER SCHEMA avld OWNER TO {owner}""")
        query(session, f"""
            DO $$ DECLARE item record; BEGIN
                FOR item IN SELECT oid::regclass AS r FROM pg_class WHERE relnamespace = 'avld'::regnamespace
                    AND relkind IN ('r', 'p', 'v') AND relname <> 'notes' LOOP
                    EXECUTE format('ALTER TABLE %s OWNER TO {owner}', item.r); END LOOP;
                FOR item IN SELECT oid::regprocedure AS f FROM pg_proc WHERE pronamespace = 'avld'::regnamespace
                    AND proname <> 'note' LOOP
                    EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', item.f); END LOOP;
                ALTER TYPE avld.fix OWNER TO {owner}; END $$""")
        code, out, err = migrate(name, options=f"-c role={owner}")
        ok(code == 0 and DONE.match(out) and err == "", "tables and functions of others do not stop a migration", code, out, err)
        equal(query(session, "SELECT count(*) FROM pg_class WHERE oid IN (to_regclass('avld.positions_default'),"
                             " to_regclass('avld.positions_fixed_at'))"), 0, "what its owner dropped is not created again")
        equal(query(session, "SELECT count(*) FROM public.fleet"), 0, "views on latest_positions survive")
        equal(query(session, "SELECT has_function_privilege('public', 'avld.diagnose()', 'EXECUTE')"), True,
              "a right that the owner has granted survives")
        equal(query(session, "SELECT has_table_privilege('avld_reader', 'avld.notes', 'SELECT')"), False,
              "readers get no right on a table of another owner")
    finally:
        query(session, f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}; DROP ROLE {owner}")


def test_functions(databases):
    name = databases.make("functions")
    migrate(name)
    session = connect(name)
    before = dump(name)
    applied = query(session, "SELECT applied_at FROM avld.schema_version WHERE version > 0")
    query(session, """
        DROP FUNCTION avld.say_span(interval);
        CREATE OR REPLACE FUNCTION avld.stops_engine(command text, args jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
        COMMENT ON FUNCTION avld.stops_engine(text, jsonb) IS 'never';
        DROP TRIGGER notify ON avld.commands;
        UPDATE avld.schema_version SET name = 'functions 0123456789abcdef' WHERE version = 0""")
    code, out, err = migrate(name)
    ok(code == 0 and UPDATED.match(out) and err == "", "functions of another avld are replaced", code, out, err)
    equal(dump(name), before, "all of them, with their comments, rights and triggers")
    equal(query(session, "SELECT applied_at FROM avld.schema_version WHERE version > 0"), applied, "no step of tables runs again")
    equal(migrate(name), (0, UP_TO_DATE, ""), "another run finds nothing to do")
    query(session, "UPDATE avld.schema_version SET name = 'functions of an error' WHERE version = 0;"
                   " DROP FUNCTION avld.track_gpx; CREATE FUNCTION avld.track_gpx(ident text, since timestamptz, until timestamptz)"
                   " RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    code, out, err = migrate(name)
    ok(code == 1 and out == "" and err.startswith("avld migrate: functions/60_exports: ERROR:  cannot change return type"),
       "an error names the file", code, out, err)
    equal(query(session, "SELECT name FROM avld.schema_version WHERE version = 0"), "functions of an error", "and changes nothing")


def test_foreign_schema(databases):
    name = databases.make("foreign")
    session = connect(name)
    query(session, "CREATE SCHEMA avld; CREATE TABLE avld.rejects ()")
    code, out, err = migrate(name)
    equal((code, out, err), (1, "", f"avld migrate: {FIRST}: ERROR:  schema avld has tables, but not those of avld: there is no"
                                    " avld.schema_version\nHINT:  Rename that schema, or use another database.\n"
                             + "".join(re.findall(r"CONTEXT:.*\n", err))),
          "a schema avld that avld migrate did not create is an error")
    equal(query(session, "SELECT count(*) FROM pg_class WHERE relnamespace = 'avld'::regnamespace"), 1,
          "it is left as it was")


def test_newer(databases):
    name = databases.make("newer")
    migrate(name)
    query(connect(name), "INSERT INTO avld.schema_version (version, name) VALUES (1000, '1000_later')")
    wanted = f"avld migrate: the schema has version 1000, this avld supports versions up to {LAST}: install a newer avld\n"
    equal(migrate(name), (1, "", wanted), "a newer schema is an error")
    equal(migrate(name, "--dry-run"), (1, "", wanted), "with --dry-run, too")


def test_few_rights(databases):
    """The owner of a database may not create roles, and they are missing. All databases share the roles: they are renamed meanwhile."""
    admin = databases.admin
    owner = f"avld_test_{os.getpid()}_owner"
    query(admin, f"CREATE ROLE {owner}")
    name = databases.make("rights", owner)
    given = databases.make("given")
    session = connect(given)
    away = [role for role in ROLES if query(admin, "SELECT true FROM pg_roles WHERE rolname = %s", role)]
    for role in away:
        query(admin, f"ALTER ROLE {role} RENAME TO {role}_away")
    try:
        code, out, err = migrate(name, options=f"-c role={owner}")
        ok(code == 0 and DONE.match(out.splitlines(keepends=True)[-1]), "migrates without the right to create roles", code, out, err)
        equal(re.findall(r"^NOTICE:  no role (\w+):", out, re.M), list(ROLES), "reports each missing role")

        code, out, err = migrate(given, options=f"-c role={owner}")
        ok(code == 1 and f"{FIRST}: ERROR:  permission denied for database {given}\n" in err and err.endswith(HINT),
           "a database of another owner: the server's error, and what to do", code, out, err)
        query(session, f"CREATE SCHEMA avld AUTHORIZATION {owner}")
        code, out, err = migrate(given, options=f"-c role={owner}")
        ok(code == 0 and DONE.match(out.splitlines(keepends=True)[-1]), "an empty schema of its own is enough", code, out, err)

        for role in ROLES:
            query(admin, f"CREATE ROLE {role} NOLOGIN")
        query(session, f"SET ROLE {owner}; SELECT avld.grant_rights()")
        equal(query(session, "SELECT has_table_privilege('avld_reader', 'avld.positions', 'SELECT')"), True,
              "grant_rights grants to roles that were created later")
        query(session, "RESET ROLE; SET ROLE avld_writer")
        equal(query(session, "SELECT avld.ensure_partitions('2024-05-01', '2024-05-01')"), 2,
              "the role of the daemon creates partitions that an ordinary owner owns")
        equal(migrate(given, options=f"-c role={owner}"), (0, UP_TO_DATE, ""), "a run with nothing to do needs only SELECT")
        code, out, err = migrate(given, options="-c role=pg_monitor")
        ok(code == 1 and err == "avld migrate: cannot read the schema's version: ERROR:  permission denied for schema avld\n"
           + "".join(re.findall(r"LINE .*\n.*\n", err)) + HINT, "a user without rights: the server's error, and what to do", code, out, err)
    finally:
        for database in (given, name):
            query(connect(database), f"DROP OWNED BY {owner} CASCADE")
        for role in ROLES:
            query(admin, f"DROP ROLE IF EXISTS {role}")
        for role in away:
            query(admin, f"ALTER ROLE {role}_away RENAME TO {role}")
        query(admin, f'DROP DATABASE "{name}"')
        query(admin, f"DROP ROLE {owner}")


def test_settings(databases):
    """Settings of the user or the database do not affect the migration."""
    name = databases.make("settings")
    session = connect(name)
    query(session, f"""
        CREATE SCHEMA trap; CREATE FUNCTION trap.length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
        ALTER DATABASE "{name}" SET search_path = trap, pg_catalog;
        ALTER DATABASE "{name}" SET default_transaction_read_only = on;
        ALTER DATABASE "{name}" SET default_transaction_isolation = serializable;
        ALTER DATABASE "{name}" SET statement_timeout = '100ms';
        ALTER DATABASE "{name}" SET "TimeZone" = 'Pacific/Kiritimati';
        ALTER DATABASE "{name}" SET standard_conforming_strings = off""")
    query(session, """
        CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(0.2); END';
        CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.slow()""")
    # A statement of the migration takes longer. Those before it take 1 ms, on a busy machine perhaps more than 100.
    code, out, err = 1, "", "canceling statement"
    while code and "canceling statement" in err and FIRST not in err:
        code, out, err = migrate(name)
    ok(code == 0 and DONE.match(out), "migrates in spite of hostile settings", code, out, err)


def test_usage(databases):
    missing = f"avld_test_{os.getpid()}_missing"
    code, out, err = migrate(missing)
    lines = err.splitlines()
    ok(code == 1 and out == "" and f'FATAL:  database "{missing}" does not exist' in lines[0],
       "a missing database: the server's error", code, out, err)
    equal(lines[1:], ["avld migrate: database.conninfo is from -o", f"avld migrate: create it first: createdb {missing}"],
          "then the origin of the setting, and what to do")
    code, out, err = migrate("template1", "--no-such-option")
    ok(code == 2 and out == "" and "--no-such-option" in err, "an unknown option: exit status 2", code, out, err)
    code, out, err = migrate("template1", "--help")
    ok(code == 0 and "--dry-run" in out and err == "", "--help", code, out, err)


with Databases() as all_databases:
    for test in [value for key, value in list(globals().items()) if key.startswith("test_")]:
        test(all_databases)
done()
