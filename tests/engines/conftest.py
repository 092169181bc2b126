# SPDX-License-Identifier: MIT
"""Tests of avld's schema on Citus and on TimescaleDB. They run where such servers are found, by conninfos of superusers:

    AVLD_TIMESCALEDB   one server
    AVLD_CITUS         the coordinator, then the workers, separated by semicolons

Without them each test is skipped. Each test has its own database; where results are compared, a plain one on the same server has the
same rows. Roles are named after this process. All of it is dropped at the end."""
import contextlib
import os
import subprocess
import time

import psycopg2
import psycopg2.extensions
import pytest

AVLD = os.environ.get("AVLD", "build/avld")
NAMES = {"timescaledb": "AVLD_TIMESCALEDB", "citus": "AVLD_CITUS"}
OWNER, DAEMON, READER = (f"avld_test_{os.getpid()}_{what}" for what in ("owner", "daemon", "reader"))
PATIENCE_S = 60
FILL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fill.sql")


class Server:
    """One PostgreSQL server."""

    def __init__(self, conninfo):
        self.conninfo = conninfo
        parts = psycopg2.extensions.parse_dsn(conninfo)
        self.host, self.port = parts.get("host", "localhost"), int(parts.get("port", 5432))

    def connect(self, database="postgres", user=None):
        more = {"user": user} if user else {}
        session = psycopg2.connect(self.conninfo, dbname=database, **more)
        session.autocommit = True
        return session

    def run(self, sql, database="postgres"):
        with contextlib.closing(self.connect(database)) as session:
            session.cursor().execute(sql)

    def value(self, sql, *args):
        with contextlib.closing(self.connect()) as session:
            cursor = session.cursor()
            cursor.execute(sql, args or None)
            return cursor.fetchone()[0]

    def setting(self, name):
        return self.value("SELECT current_setting(%s)", name)


class Database:
    """A database of a server, with the schema avld, which belongs to OWNER."""

    def __init__(self, server, name, workers=()):
        self.server, self.name, self.workers = server, name, workers

    def connect(self, user=OWNER):
        return self.server.connect(self.name, user)

    def rows(self, sql, *args, user=OWNER):
        with contextlib.closing(self.connect(user)) as session:
            cursor = session.cursor()
            cursor.execute(sql, args or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql, *args, user=OWNER):
        return self.rows(sql, *args, user=user)[0][0]

    def lines(self, sql, *args):
        return [row[0] for row in self.rows(sql, *args)]

    def migrate(self):
        """Runs avld migrate as the owner; returns its output."""
        conninfo = f"{self.server.conninfo} user={OWNER} dbname={self.name}"
        run = subprocess.run([AVLD, "migrate", "-o", f"database.conninfo={conninfo}"], capture_output=True, text=True, timeout=PATIENCE_S)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def fill(self, newest="2026-11-26 12:00+00"):
        with open(FILL, encoding="ascii") as file, contextlib.closing(self.connect()) as session:
            cursor = session.cursor()
            cursor.execute("SELECT set_config('avld.newest', %s, false)", (newest,))
            cursor.execute(file.read())

    def refused(self, sql, user=OWNER):
        """Runs what must fail; returns SQLSTATE and DETAIL."""
        with pytest.raises(psycopg2.Error) as caught:
            self.rows(sql, user=user)
        return caught.value.pgcode, caught.value.diag.message_detail or ""

    def hashes(self):
        """Count and hash of all rows of each table."""
        return {table: self.rows(f"SELECT count(*), sum(hashtextextended((to_jsonb(t) - '{{created_at,expires_at}}'::text[])::text, 0)) FROM avld.{table} AS t")
                for table in ("positions", "statuses", "alarms", "devices", "device_state", "rejects", "connections", "commands", "media")}

    def shape(self):
        """What must be the same after a change of engine and back: columns, comments, rights, keys and indexes."""
        comments = self.rows("""
            SELECT c.relname::text, coalesce(a.attname::text, ''), d.description FROM pg_description AS d
            JOIN pg_class AS c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
            LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.attnum > 0
            WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND c.relname !~ '_([0-9]+|default)$' ORDER BY 1, 2""")
        rights = self.rows("""
            SELECT c.relname::text, c.relowner::regrole::text, a.grantee::regrole::text, a.privilege_type FROM pg_class AS c
            CROSS JOIN LATERAL aclexplode(c.relacl) AS a
            WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND c.relname !~ '_[0-9]+$'
            ORDER BY 1, 2, 3, 4""")
        columns = self.rows("""
            SELECT c.relname::text, c.attname::text, c.type FROM (
                SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) || a.attnotnull || a.attidentity::text AS type
                FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                    AND c.relname !~ '_[0-9]+$') AS c ORDER BY 1, 2""")
        indexes = self.rows("""
            SELECT i.indexname::text, replace(replace(i.indexdef, ' ON ONLY ', ' ON '), '''', '') FROM pg_indexes AS i
            WHERE i.schemaname = 'avld' AND i.tablename IN ('positions', 'statuses') ORDER BY 1""")
        return {"comments": comments, "rights": rights, "columns": columns, "indexes": indexes}


class Engine:
    """The servers of one engine; makes databases on them."""

    def __init__(self, name, conninfos):
        self.name = name
        self.servers = [Server(c.strip()) for c in conninfos.split(";") if c.strip()]
        self.made = []

    def plain(self, schema=True):
        """A database without an engine, with the schema or not."""
        name = f"avld_test_{os.getpid()}_{len(self.made)}"
        self.made.append(name)
        self.servers[0].run(f'CREATE DATABASE {name} OWNER {OWNER}')
        database = Database(self.servers[0], name, self.servers[1:])
        if schema:
            database.migrate()
        return database

    def prepare(self, database, nodes=None):
        """What a superuser does before: extension, and the first so many other nodes, or all."""
        if self.name == "timescaledb":
            database.server.run("CREATE EXTENSION timescaledb", database.name)
            return
        for server in self.servers[1:]:
            server.run(f"CREATE DATABASE {database.name}")
        for server in self.servers:
            server.run("CREATE EXTENSION citus", database.name)
        first, *others = self.servers
        first.run(f"SELECT citus_set_coordinator_host('{first.host}', {first.port})", database.name)
        for server in others[:nodes]:
            self.add_node(database, server)

    def add_node(self, database, server):
        self.servers[0].run(f"SELECT citus_add_node('{server.host}', {server.port})", database.name)

    def ready(self):
        """A database that enable() can be called in."""
        database = self.plain()
        self.prepare(database)
        return database

    def enable(self, database, arguments=""):
        return database.lines(f"SELECT avld.enable_{self.name}({arguments})")

    def disable(self, database):
        return database.lines(f"SELECT avld.disable_{self.name}()")

    def drop(self, name):
        for server in self.servers:
            server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def drop_all(self):
        for name in self.made:
            self.drop(name)


GROUPS = ("avld_writer", "avld_reader", "avld_operator")


def make_roles(servers):
    for server in servers:
        for group in GROUPS:
            server.run(f"DO $$ BEGIN CREATE ROLE {group} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        server.run(f"CREATE ROLE {OWNER} LOGIN; CREATE ROLE {DAEMON} LOGIN; CREATE ROLE {READER} LOGIN")
        server.run(f"GRANT avld_writer TO {DAEMON}; GRANT avld_reader TO {READER}")


def drop_roles(servers):
    for server in servers:
        server.run(f"DROP ROLE IF EXISTS {OWNER}, {DAEMON}, {READER}")


@contextlib.contextmanager
def running(name):
    conninfos = os.environ.get(NAMES[name])
    if not conninfos:
        pytest.skip(f"{NAMES[name]} is not set")
    engine = Engine(name, conninfos)
    for server in engine.servers:
        left = server.value("SELECT string_agg(format('%s in %s', gid, database), ', ') FROM pg_prepared_xacts")
        assert not left, f"{server.host}:{server.port} has prepared transactions, which moves of shards would wait for: {left}"
    make_roles(engine.servers)
    try:
        yield engine
    finally:
        engine.drop_all()
        drop_roles(engine.servers)


@pytest.fixture(scope="session", name="citus")
def fixture_citus():
    with running("citus") as engine:
        yield engine


@pytest.fixture(scope="session", name="timescaledb")
def fixture_timescaledb():
    with running("timescaledb") as engine:
        yield engine


@pytest.fixture(name="engine", params=sorted(NAMES))
def fixture_engine(request):
    return request.getfixturevalue(request.param)


def wait_for(ask, what):
    end = time.monotonic() + PATIENCE_S
    while not ask():
        assert time.monotonic() < end, what
        time.sleep(0.05)
