#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""avld migrate: twice, at once, interrupted, with few rights, and where it must refuse. Run by tests/sql/run."""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, finish, migrate, ok, query, start, wait_for_lock, wait_until  # noqa: E402

ROLES = ("avld_writer", "avld_reader", "avld_operator")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/schema/sql")
STEPS = sorted(name[:-4] for name in os.listdir(FOLDER) if re.fullmatch(r"\d{3}_\w+\.sql", name))
LAST = int(STEPS[-1][:3])
VERSIONS = "SELECT string_agg(version || ' ' || name, ',' ORDER BY version) FROM avld.schema_version"
ALL = ",".join(f"{int(step[:3])} {step}" for step in STEPS)


def made(steps):
    return re.compile("^" + "".join(rf"migrated to {int(step[:3])} \({step}\) in \d+ ms\n" for step in steps) + "$")


MADE = made(STEPS)
UP_TO_DATE = f"schema is up to date (version {LAST})\n"
WAITING = "waiting for another migration of this database to end\n"


def has_schema(session):
    return query(session, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'avld')")


def test_twice(databases):
    name = databases.make("twice")
    code, out, err = migrate(name)
    ok(code == 0 and MADE.match(out) and err == "", "a new database: migrated", code, out, err)
    equal(migrate(name), (0, UP_TO_DATE, ""), "again: up to date")
    equal(query(connect(name), VERSIONS), ALL, "one row for each in schema_version")


def test_dry_run(databases):
    name = databases.make("dry")
    session = connect(name)
    code, sql, err = migrate(name, "--dry-run")
    ok(code == 0 and "CREATE TABLE avld.positions" in sql and err == "", "--dry-run prints SQL", code, err)
    ok(not has_schema(session), "--dry-run changes nothing")
    piped = subprocess.run(["psql", "-qX", "-d", name], input=sql, capture_output=True, text=True)
    ok(piped.returncode == 0 and not piped.stderr, "psql takes it", piped.stderr)
    equal(query(session, VERSIONS), ALL, "and that is the migration")
    equal(migrate(name), (0, UP_TO_DATE, ""), "avld thinks so too")
    equal(migrate(name, "--dry-run"), (0, "-- " + UP_TO_DATE, ""), "--dry-run with nothing to do")


def test_at_once(databases):
    name = databases.make("at_once")
    holder = connect(name, autocommit=False)
    query(holder, "SELECT pg_advisory_xact_lock(1635151972, 1)")
    runs = [start(name) for _ in range(3)]
    wait_for_lock(databases.admin, name, 3)
    holder.commit()
    results = [finish(run) for run in runs]
    ok(all(code == 0 and err == "" for code, _, err in results), "three at once: all good", results)
    lines = [line for _, out, _ in results for line in out.splitlines(keepends=True) if line != WAITING]
    ok(made(STEPS).match("".join(sorted(line for line in lines if line != UP_TO_DATE))), "each step is made once, by one of them",
       results)
    ok(all(out.startswith(WAITING) for _, out, _ in results), "they say that they wait", results)
    equal(query(connect(name), VERSIONS), ALL, "one row for each in schema_version")


def stop_half_way(session, tag="CREATE VIEW"):
    """From now on a migration stops where it has made half of it, until advisory lock 42 is free."""
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
    second = start(name)  # the server has not noticed yet that the first is dead
    wait_for_lock(databases.admin, name, 2)
    ok(not has_schema(session), "killed half-way: nothing is seen of it")
    query(session, "DROP EVENT TRIGGER stop")
    query(session, "SELECT pg_advisory_unlock(42)")
    code, out, err = finish(second)
    ok(code == 0 and out.startswith(WAITING) and MADE.match(out[len(WAITING):]), "the next run makes it all", code, out, err)
    equal(query(session, VERSIONS), ALL, "one row for each in schema_version")


def test_cut_off(databases):
    name = databases.make("cut_off")
    session = connect(name)
    stop_half_way(session)
    run = start(name)
    wait_for_lock(databases.admin, name)
    query(databases.admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE datname = %s AND wait_event_type = 'Lock'", name)
    code, out, err = finish(run)
    ok(code == 1 and out == "" and "001_initial: FATAL:  terminating connection" in err, "connection cut: the error is told",
       code, out, err)
    wait_until(databases.admin, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = %s", name)
    ok(not has_schema(session), "nothing is left of it")
    query(session, "DROP EVENT TRIGGER stop")
    code, out, err = migrate(name)
    ok(code == 0 and MADE.match(out), "the next run makes it all", code, out, err)


def fill(session):
    """What an older avld may have left, in words that every version knows."""
    query(session, """
        SELECT avld.ensure_partitions('2024-05-01', '2024-05-01');
        INSERT INTO avld.devices (ident, name) VALUES ('5020001', 'Buoy'), ('5020002', NULL);
        INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, extra, dedup)
        SELECT id, at, at, 'device', true, 43.5, 7.25 + n / 1e4, false, '{"a": "\u00e9"}', n
        FROM avld.devices, generate_series(1, 3) AS n, LATERAL (SELECT timestamptz '2024-05-01 23:00+00' + n * interval '30 min') AS t (at)
        WHERE ident = '5020001';
        INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup) VALUES (1, now(), now(), 'device', false, 1);
        INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
        VALUES (1, '2024-05-01 23:30+00', '2024-05-01 23:30+00', 'sos', false, 1);
        INSERT INTO avld.device_state (device_id, last_seen) VALUES (1, '2024-05-02 00:30+00');
        INSERT INTO avld.rejects VALUES (now(), '192.0.2.1:4000', 'tcp', NULL, NULL, 'unknown protocol', '\\x00ff');
        INSERT INTO avld.connections VALUES (now(), now(), '192.0.2.1:4000', 'tcp', NULL, NULL, 2, 0, 1, 'closed by peer');
        INSERT INTO avld.unknown_devices VALUES ('5020009', 'pt502', '192.0.2.1:4000', now(), now(), 1);
        INSERT INTO avld.checkpoint VALUES ('avld', '00000000-0000-4000-8000-000000000001', 4096)""")


KEPT = """SELECT string_agg(rows, E'\\n') FROM (
    SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.devices AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.positions AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.statuses AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.alarms AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.device_state AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.rejects AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.connections AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.unknown_devices AS t)
    UNION ALL SELECT (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM avld.checkpoint AS t)
) AS t (rows)"""


def test_upgrade(databases):
    """From each earlier version with rows in it; also when the first try is killed."""
    empty = databases.make("upgrade")
    _, script, _ = migrate(empty, "--dry-run")
    parts = script.split("COMMIT;\n")
    for done_steps in range(1, len(STEPS)):
        name = databases.make(f"upgrade{done_steps}")
        subprocess.run(["psql", "-qX", "-d", name], input="COMMIT;\n".join(parts[:done_steps]) + "COMMIT;\n", check=True, text=True)
        session = connect(name)
        equal(query(session, VERSIONS), ",".join(ALL.split(",")[:done_steps]), f"from {done_steps}: made")
        fill(session)
        before = query(session, KEPT)
        stop_half_way(session, "CREATE FUNCTION")
        killed = start(name)
        wait_for_lock(databases.admin, name)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        query(session, "DROP EVENT TRIGGER stop; SELECT pg_advisory_unlock(42)")
        code, out, err = migrate(name)
        ok(code == 0 and made(STEPS[done_steps:]).match(out.removeprefix(WAITING)), f"from {done_steps}, at the second try", code, out, err)
        equal(query(session, VERSIONS), ALL, f"from {done_steps}: all versions")
        equal(query(session, KEPT), before, f"from {done_steps}: no row has changed")
        equal(query(session, "SELECT count(*) FROM avld.track('5020001', '2024-05-01', '2024-05-03')"), 3,
              f"from {done_steps}: its track")
        equal(query(session, "SELECT alarm FROM avld.latest_positions WHERE ident = '5020001'"), "sos",
              f"from {done_steps}: its alarm")
        equal(query(session, "SELECT has_table_privilege('avld_reader', 'avld.latest_positions', 'SELECT')"), True,
              f"from {done_steps}: readers read")


def test_refused_half_way(databases):
    name = databases.make("refused")
    session = connect(name)
    query(session, "CREATE SCHEMA avld; CREATE TABLE avld.rejects ()")
    code, out, err = migrate(name)
    equal((code, out, err), (1, "", 'avld migrate: 001_initial: ERROR:  relation "rejects" already exists\n'),
          "an error in the SQL: the server's words")
    equal(query(session, "SELECT count(*) FROM pg_class WHERE relnamespace = 'avld'::regnamespace"), 1,
          "nothing is left of it")


def test_newer(databases):
    name = databases.make("newer")
    migrate(name)
    query(connect(name), "INSERT INTO avld.schema_version (version, name) VALUES (1000, '1000_later')")
    wanted = ("avld migrate: the schema is version 1000, made by a newer avld; "
              f"this one knows versions up to {LAST}: upgrade it\n")
    equal(migrate(name), (1, "", wanted), "a newer schema is refused")
    equal(migrate(name, "--dry-run"), (1, "", wanted), "by --dry-run too")


def test_few_rights(databases):
    """The owner of a database who may not create roles, where they are missing. Roles are the cluster's: set aside so long."""
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
        ok(code == 0 and MADE.match("".join(out.splitlines(keepends=True)[-len(STEPS):])), "no right to create roles: migrated", code, out, err)
        equal(re.findall(r"^NOTICE:  no role (\w+):", out, re.M), list(ROLES), "each role that is missing is told")

        code, out, err = migrate(given, options=f"-c role={owner}")
        ok(code == 1 and f"001_initial: ERROR:  permission denied for database {given}\n" in err,
           "somebody else's database: refused", code, out, err)
        query(session, f"CREATE SCHEMA avld AUTHORIZATION {owner}")
        code, out, err = migrate(given, options=f"-c role={owner}")
        ok(code == 0 and MADE.match("".join(out.splitlines(keepends=True)[-len(STEPS):])), "an empty schema of one's own will do", code, out, err)

        for role in ROLES:
            query(admin, f"CREATE ROLE {role} NOLOGIN")
        query(session, f"SET ROLE {owner}; SELECT avld.grant_rights()")
        equal(query(session, "SELECT has_table_privilege('avld_reader', 'avld.positions', 'SELECT')"), True,
              "roles made later get their rights by grant_rights")
        query(session, "RESET ROLE; SET ROLE avld_writer")
        equal(query(session, "SELECT avld.ensure_partitions('2024-05-01', '2024-05-01')"), 2,
              "the daemon's role makes days, though the owner is nobody special")
        equal(migrate(given, options=f"-c role={owner}"), (0, UP_TO_DATE, ""), "up to date needs no rights but reading")
        code, out, err = migrate(given, options="-c role=pg_monitor")
        ok(code == 1 and "cannot read the schema's version: ERROR:  permission denied for schema avld\n" in err,
           "a stranger is told why", code, out, err)
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
    """What is set for a user or database does not reach the migration."""
    name = databases.make("settings")
    session = connect(name)
    query(session, f"""
        CREATE SCHEMA trap; CREATE FUNCTION trap.length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
        ALTER DATABASE "{name}" SET search_path = trap, pg_catalog;
        ALTER DATABASE "{name}" SET default_transaction_read_only = on;
        ALTER DATABASE "{name}" SET default_transaction_isolation = serializable;
        ALTER DATABASE "{name}" SET statement_timeout = '5ms';
        ALTER DATABASE "{name}" SET "TimeZone" = 'Pacific/Kiritimati';
        ALTER DATABASE "{name}" SET standard_conforming_strings = off""")
    # The statements outside of the transaction are short, but 5 ms is not for ever: a machine may stall.
    code, out, err = 1, "", "statement timeout"
    while code and "statement timeout" in err and "001_initial" not in err:
        code, out, err = migrate(name)
    ok(code == 0 and MADE.match(out), "hostile settings: migrated", code, out, err)


def test_usage(databases):
    missing = f"avld_test_{os.getpid()}_missing"
    code, out, err = migrate(missing)
    lines = err.splitlines()
    ok(code == 1 and out == "" and f'FATAL:  database "{missing}" does not exist' in lines[0],
       "no such database: the server's words", code, out, err)
    equal(lines[1:], ["avld migrate: database.conninfo is from -o", f"avld migrate: make it first: createdb {missing}"],
          "where the setting is from, and what to do")
    code, out, err = migrate("template1", "--no-such-option")
    ok(code == 2 and out == "" and "--no-such-option" in err, "an unknown option: 2", code, out, err)
    code, out, err = migrate("template1", "--help")
    ok(code == 0 and "--dry-run" in out and err == "", "--help", code, out, err)


with Databases() as all_databases:
    for test in [value for key, value in list(globals().items()) if key.startswith("test_")]:
        test(all_databases)
done()
