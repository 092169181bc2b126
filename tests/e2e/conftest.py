# SPDX-License-Identifier: MIT
"""End-to-end tests: the real daemon against a real PostgreSQL.

Run inside `pg_virtualenv -t` (as make check does); the PG* variables name the cluster, AVLD the binary.
Each test has its own database, copied from one that `avld migrate` made. Tests never sleep for a fixed time: they
wait for the ready line, for rows, for the end of a process.
"""
import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid

import psycopg2
import pytest

pytest.register_assert_rewrite("simulated")
AVLD = os.environ.get("AVLD", "build/avld")
# With the sanitizers, only the daemon looks for leaks at its end: that takes longer than most of the other verbs.
DAEMON_ASAN_OPTIONS = os.environ.get("ASAN_OPTIONS", "")
os.environ["ASAN_OPTIONS"] = DAEMON_ASAN_OPTIONS + ":detect_leaks=0"
PATIENCE_S = 30  # before a test fails; a passing test never waits this long


def wait_for(ask, what, patience_s=PATIENCE_S):
    """Asks until the answer is true; returns it. The longer it waits the more rarely it asks, and it sleeps at least as long as the
    question took: the time is the server's."""
    start = time.monotonic()
    while True:
        begin = time.monotonic()
        answer = ask()
        if answer:
            return answer
        now = time.monotonic()
        if now > start + patience_s:
            pytest.fail(f"waited {patience_s} s for {what() if callable(what) else what}")
        time.sleep(min(max(0.01, now - begin, (now - start) / 10), 0.25))


def remove_folder(folder):
    """The daemon may make or rename a file there meanwhile."""
    def removed():
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
        return not os.path.lexists(folder)
    wait_for(removed, f"{folder} to be removed")


def free_port():
    """Returns a free port below those that the kernel assigns to clients: none of these may get it before avld has it, or while
    avld is down."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as bounds:
        first = int(bounds.read().split()[0])
    for _ in range(1000):
        port = random.randrange(first // 2, first)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
            return port
    pytest.fail("no free port")


class Database:
    def __init__(self, name):
        self.name = name
        self.conninfo = f"dbname={name}"
        self.kept = threading.local()

    def query(self, sql, *args):
        """Returns all rows. Each thread keeps its connection, because a new one costs the server more than most queries.
        With autocommit, so that each query sees the newest state. Connects again if a test has ended the connection."""
        conn = getattr(self.kept, "conn", None)
        if conn is not None and not conn.closed:
            try:
                return rows_of(conn, sql, args)
            except psycopg2.Error as error:
                if error.pgcode and not conn.closed:  # without a code, it is the connection that failed
                    raise
        conn = self.kept.conn = psycopg2.connect(self.conninfo)
        conn.autocommit = True
        return rows_of(conn, sql, args)

    def one(self, sql, *args):
        rows = self.query(sql, *args)
        return rows[0][0] if rows else None

    def wait(self, sql, expected, patience_s=PATIENCE_S):
        """Waits until the query's single value is the one expected."""
        wait_for(lambda: self.one(sql) == expected, lambda: f"{sql}: {expected!r}, is {self.one(sql)!r}", patience_s)


def rows_of(conn, sql, args):
    with conn.cursor() as cursor:
        cursor.execute(sql, args or None)
        return cursor.fetchall() if cursor.description else []


@functools.cache
def admin_connection():
    """Kept open: a connection costs the server more than most of these statements."""
    conn = psycopg2.connect("dbname=postgres")
    conn.autocommit = True
    return conn


@functools.cache
def strategy():
    """How to copy the template: as files. Since PostgreSQL 15 it is written to the WAL by default, at twice the cost."""
    return " STRATEGY file_copy" if admin_connection().server_version >= 150000 else ""


def admin(sql):
    with admin_connection().cursor() as cursor:
        cursor.execute(sql)


def drop_role(name):
    """Waits until its sessions have removed their temporary tables, which hold the role."""
    with admin_connection().cursor() as cursor:
        wait_for(lambda: cursor.execute("SELECT FROM pg_stat_activity WHERE usename = %s", (name,)) or not cursor.fetchall(),
                 f"the end of the sessions of {name}")
    admin(f"DROP ROLE {name}")


@pytest.fixture(scope="session")
def template():
    name = "avld_template_" + uuid.uuid4().hex[:8]
    admin(f"CREATE DATABASE {name}")
    subprocess.run([AVLD, "migrate", "-o", f"database.conninfo=dbname={name}"], check=True,
                   capture_output=True)
    yield name
    admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database(template):
    name = "avld_" + uuid.uuid4().hex[:12]
    admin(f"CREATE DATABASE {name} TEMPLATE {template}{strategy()}")
    yield Database(name)
    admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Daemon:
    """One `avld serve`. start() waits for its ready line."""

    def __init__(self, database, folder, options=()):
        self.database = database
        self.folder = folder
        self.settings = {
            "server.listen": "127.0.0.1:0",
            "database.conninfo": database.conninfo,
            "database.batch_interval": "20ms",
            "journal.dir": str(folder / "journal"),
            "journal.segment_size": "1M",
            "http.listen": "",
        }
        self.settings.update(options)
        self.file = "/dev/null"  # without the settings of this machine
        self.process = None
        self.port = None
        self.log_path = folder / "avld.log"

    def spawn(self, wrap=(), env=None):
        arguments = list(wrap) + [AVLD, "serve", "-c", self.file]
        for key, value in self.settings.items():
            arguments += ["-o", f"{key}={value}"]
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=self.log,
                                        env={**os.environ, "ASAN_OPTIONS": DAEMON_ASAN_OPTIONS, **(env or {})})
        return self

    def start(self, **kwargs):
        self.spawn(**kwargs)
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), f"no ready line: {line!r}\n{self.logged()}"
        self.ready = line.strip()
        self.port = int(self.ready.rsplit(":", 1)[1])
        return self

    def logged(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text, patience_s=PATIENCE_S):
        wait_for(lambda: text in self.logged(), lambda: f"{text!r} in the log:\n{self.logged()[-2000:]}", patience_s)

    def end(self, number=signal.SIGTERM, code=0):
        self.process.send_signal(number)
        got = self.process.wait(PATIENCE_S)
        assert code is None or got == code, f"exit code {got}\n{self.logged()[-4000:]}"
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def kill(self):
        self.end(signal.SIGKILL, None)

    def tcp(self, host="127.0.0.1"):
        return socket.create_connection((host, self.port), PATIENCE_S)

    def send_tcp(self, data):
        """Sends over one connection and closes it in order."""
        with self.tcp() as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(4096):
                pass

    def send_udp(self, *datagrams, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as peer:
            for datagram in datagrams:
                peer.sendto(datagram, (host, self.port))

    def simulate(self, *arguments, code=0):
        done = subprocess.run([AVLD, "simulate", "--to", f"127.0.0.1:{self.port}", *map(str, arguments)],
                              capture_output=True, text=True, timeout=300)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def daemons(database, tmp_path):
    """Makes daemons, not yet started: daemons({"server.listen": ...}). Kills those still running after the test."""
    made = []

    def make(options=(), folder=None, of=None):
        place = folder or tmp_path
        place.mkdir(exist_ok=True)
        daemon = Daemon(of or database, place, options)
        made.append(daemon)
        return daemon
    yield make
    for daemon in made:
        print(daemon.logged()[-6000:])  # pytest shows it if the test has failed
        if daemon.process and daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()


@pytest.fixture
def avld(daemons):
    return daemons().start()
