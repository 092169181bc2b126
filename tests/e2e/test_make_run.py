# SPDX-License-Identifier: MIT
"""make run: a private PostgreSQL with settings for this machine, and avld on it. The build and the installation of packages are
left out: tools/run is copied beside a link to the program."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import psycopg2
import pytest

import pt502
from conftest import AVLD, PATIENCE_S, wait_for

RUN = pathlib.Path(__file__).parents[2] / "tools/run"
RUN_PATIENCE_S = 120  # initdb and checkpoints, on the disk


class Run:
    """One make run, in a session of its own."""

    def __init__(self, folder, log):
        # PGPORT: whoever uses another PostgreSQL has such a setting.
        environment = {**os.environ, "BUILD": "build", "PORT": "0", "MAKE": "true", "PGPORT": "1", "PGHOST": "127.0.0.1"}
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([folder / "tools/run"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=environment, start_new_session=True,
                                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # in the background
        wait_for(lambda: "Ctrl-C stops it." in self.said() or self.process.poll() is not None, "make run",
                 RUN_PATIENCE_S)
        assert self.process.poll() is None, self.said()
        self.socket = self.said().split("psql -h ")[1].split()[0]
        self.port = int(self.said().split("==> ready tcp ")[1].split()[0].rpartition(":")[2])

    def said(self):
        return self.log.read_text(errors="replace")

    def query(self, sql):
        conn = psycopg2.connect(host=self.socket, port=5432, user="avld", dbname="avld")
        with conn, conn.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall()
        conn.close()
        return rows

    def stop(self):
        os.killpg(self.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert self.process.wait(RUN_PATIENCE_S) == 0, self.said()


@pytest.fixture
def folder():
    """A folder that the user of the server can enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="avld_run_"))
    folder.chmod(0o755)
    for name in ("tools", "build"):
        (folder / name).mkdir()
    shutil.copy(RUN, folder / "tools/run")
    (folder / "tools/deps").write_text("#!/bin/sh\n")
    (folder / "tools/deps").chmod(0o755)
    (folder / "build/avld").symlink_to(pathlib.Path(AVLD).resolve())
    yield folder
    shutil.rmtree(folder)


def memory_mb():
    """Returns the memory that this process may use."""
    with open("/proc/meminfo") as lines:
        found = int(next(line for line in lines if line.startswith("MemTotal:")).split()[1]) // 1024
    limit = pathlib.Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and limit.read_text().strip().isdigit():
        found = min(found, int(limit.read_text()) >> 20)
    return found


def test_make_run_sets_postgresql_up_for_the_machine(folder):
    first = Run(folder, folder / "first.log")
    try:
        found = dict(first.query("SELECT name, setting FROM pg_settings"))
        assert int(found["shared_buffers"]) * 8 // 1024 == min(8192, max(128, memory_mb() // 4))
        disk = os.statvfs(folder)
        assert 1024 <= int(found["max_wal_size"]) <= 16384
        assert int(found["max_wal_size"]) <= max(1024, disk.f_blocks * disk.f_frsize / 10 / 2**20), "more than a tenth of the disk"
        assert found["checkpoint_timeout"] == "1800"
        assert found["wal_compression"] in ("lz4", "on", "pglz")
        assert (found["synchronous_commit"], found["fsync"], found["full_page_writes"]) == ("on", "on", "on")
        assert found["listen_addresses"] == ""
        check = subprocess.run([AVLD, "check", "-o", f"database.conninfo=host={first.socket} port=5432 user=avld dbname=avld",
                                "-o", f"journal.dir={folder}/other"], capture_output=True, text=True)
        named = [line.split()[2] for line in check.stdout.splitlines() if line.startswith("note: PostgreSQL: ")]
        assert not {"checkpoint_timeout", "wal_compression"} & set(named), check.stdout
        with socket.create_connection(("127.0.0.1", first.port), PATIENCE_S) as peer:
            peer.sendall(pt502.record())
            wait_for(lambda: first.query("SELECT count(*) FROM avld.positions") == [(1,)], "the position")
    finally:
        first.stop()
    again = Run(folder, folder / "again.log")
    try:
        assert again.query("SELECT count(*) FROM avld.positions") == [(1,)], "the data stays"
        assert "creating" not in again.said()
    finally:
        again.stop()
    assert not (folder / "build/run/postgresql/data/postmaster.pid").exists(), "the server has ended"
