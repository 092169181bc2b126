# SPDX-License-Identifier: MIT
"""The environment of the measurements: a database in the PostgreSQL of pg_virtualenv, daemons connected to it, and the
kernel's numbers of a process."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.request

import psycopg2

AVLD = os.environ["AVLD"]
FOLDER = pathlib.Path(os.environ["BENCH_FOLDER"])  # on a disk, not in memory
NAME = "avld_bench"
CONNINFO = f"dbname={NAME}"
TABLES = "avld.positions, avld.statuses, avld.alarms, avld.rejects, avld.connections, avld.device_state"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options)


def wait(ask, what, patience_s=300, pause_s=0.005):
    """Polls until the answer is true and returns it."""
    end = time.monotonic() + patience_s
    while not (answer := ask()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience_s} s for {what}")
        time.sleep(pause_s)
    return answer


def connect(name=NAME):
    conn = psycopg2.connect(f"dbname={name}")
    conn.autocommit = True
    return conn


def query(sql, *args, name=NAME):
    conn = connect(name)
    try:
        with conn.cursor() as cursor:
            cursor.execute(sql, args or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        conn.close()


def one(sql, *args):
    return query(sql, *args)[0][0]


def make_database():
    query(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", name="postgres")
    query(f"CREATE DATABASE {NAME}", name="postgres")
    run(AVLD, "migrate", "-c", "/dev/null", "-o", f"database.conninfo={CONNINFO}")


def empty_tables():
    query(f"TRUNCATE {TABLES}")
    query("CHECKPOINT")


def open_database(is_open):
    query(f"ALTER DATABASE {NAME} ALLOW_CONNECTIONS {is_open}", name="postgres")
    if not is_open:
        query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", NAME, name="postgres")


def cpu_s(pid):
    """Returns the CPU seconds of all threads of the process so far."""
    total_ns = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def backends_cpu_s():
    pids = query("SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'avld%%'", NAME,
                 name="postgres")
    return sum(cpu_s(pid) for pid, in pids)


class Daemon:
    """avld serve with its own journal. Use it in a with statement."""

    def __init__(self, **settings):
        self.journal = FOLDER / "journal"
        self.settings = {
            "server.listen": "127.0.0.1:0",
            "server.max_connections": "30000",
            "devices.new_per_minute": "0",
            "devices.new_per_address": "0",
            "server.max_connections_per_ip": "0",
            "database.conninfo": CONNINFO,
            "journal.dir": str(self.journal),
            "http.listen": "127.0.0.1:18880",
            "log.level": "warning",
        }
        self.settings.update({name.replace("__", "."): str(value) for name, value in settings.items()})
        self.ready_s = None
        self.process = None

    def __enter__(self):
        shutil.rmtree(self.journal, ignore_errors=True)
        self.start()
        return self

    def start(self):
        command = [AVLD, "serve", "-c", "/dev/null"]
        for key, value in self.settings.items():
            command += ["-o", f"{key}={value}"]
        begin = time.monotonic()
        with open(FOLDER / "avld.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        self.ready_s = time.monotonic() - begin
        if not line.startswith("ready "):
            raise RuntimeError(f"avld serve did not start, see {FOLDER}/avld.log")
        self.pid = self.process.pid
        self.port = int(line.split()[2].rsplit(":", 1)[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.journal, ignore_errors=True)

    def count_frames(self):
        return self.metric("frames_total")

    def metrics(self):
        """The values by name, without the labels: of a family with labels the sum."""
        url = f"http://{self.settings['http.listen']}/metrics"
        with urllib.request.urlopen(url, timeout=30) as page:
            lines = [line.rpartition(" ") for line in page.read().decode().splitlines() if not line.startswith("#")]
        found = {}
        for name, _, value in lines:
            name = name.partition("{")[0].removeprefix("avld_")
            found[name] = found.get(name, 0.) + float(value)
        return found

    def metric(self, name):
        return self.metrics()[name]

    def wait_connected(self):
        wait(lambda: self.metric("database_connected"), "the database", pause_s=0.02)

    def wait_stored(self, positions, pause_s=0.02):
        """Waits until positions has so many rows. Returns the time."""
        wait(lambda: self.metric("positions_total") >= positions, f"{positions} positions", pause_s=pause_s)
        return time.monotonic()

    def simulate(self, **options):
        """Starts avld simulate against the daemon."""
        return simulate(f"127.0.0.1:{self.port}", **options)


def simulate(target, udp=False, **options):
    command = [AVLD, "simulate", "--to", target] + (["--udp"] if udp else [])
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
