# SPDX-License-Identifier: MIT
"""A PostgreSQL cluster that tests can stop, kill and start."""
import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import psycopg2

from harness import AVLD, Database


def programs():
    """Returns the folder of the newest server's programs."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return pathlib.Path(max(found, key=lambda path: int(path.split("/")[4]))).parent


def is_running(pid):
    """Returns true unless the process has ended, also if nobody has asked for its status yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def patiently(ask, patience_s=30):
    """Returns what `ask` returns; retries while the server notices that it has crashed, and starts."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except psycopg2.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class OwnDatabase(Database):
    def __init__(self, name, cluster):
        super().__init__(name)
        self.conninfo = f"host={cluster.folder} port={cluster.port} user={cluster.user} dbname={name}"

    def query(self, sql, *args):
        return patiently(lambda: super(OwnDatabase, self).query(sql, *args))


class Cluster:
    port = 5433  # only in the socket's name: TCP is off

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="avld_soak_"))
        self.data = self.folder / "data"
        self.bin = programs()
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nport = {self.port}\n"
                       "fsync = off\nmax_wal_size = '4GB'\nmax_connections = 40\ntrack_commit_timestamp = on\n")
        self.running = False

    def run(self, program, *arguments):
        """Runs a program as a user that may run a server."""
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        done = subprocess.run([*as_user, self.bin / program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        assert done.returncode == 0, done.stdout

    def start(self):
        if self.running:
            return
        log = self.folder / "log"
        try:
            self.run("pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "60", "start")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-2000:]}") from None
        self.running = True

    def stop(self, mode="immediate"):
        if not self.running:
            return
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")
        self.running = False

    def kill(self):
        """Kills all processes of the server at once."""
        leader = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(leader, signal.SIGSTOP)  # or it starts another one, which keeps the memory of all in use
        children = subprocess.run(["pgrep", "-P", str(leader)], stdout=subprocess.PIPE, text=True).stdout.split()
        for pid in [leader, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 30
        while any(is_running(pid) for pid in [leader, *children]):
            assert time.monotonic() < end, "a killed process is still there"
            time.sleep(0.01)
        # Where nobody asks for its status, its process still counts as running.
        (self.data / "postmaster.pid").unlink()
        (self.folder / f".s.PGSQL.{self.port}.lock").unlink()
        self.running = False

    def admin(self, sql, database="postgres"):
        def ask():
            conn = psycopg2.connect(OwnDatabase(database, self).conninfo)
            conn.autocommit = True
            with conn.cursor() as cursor:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description else []
            conn.close()
            return rows
        return patiently(ask)

    def make_database(self):
        database = OwnDatabase("avld_" + uuid.uuid4().hex[:12], self)
        self.admin(f"CREATE DATABASE {database.name}")
        subprocess.run([AVLD, "migrate", "-o", f"database.conninfo={database.conninfo}"], check=True,
                       capture_output=True)
        return database

    def drop(self, database):
        self.admin(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)
