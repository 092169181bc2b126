# SPDX-License-Identifier: MIT
"""Standard streams that are closed, and output that cannot be written: an error, and no other file is hit instead."""
import subprocess

import pytest
from conftest import AVLD

FRAME = b"$POS,5021234,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126,,,A/00010,00000/0,0,0,0/1200//fa7/\r\n"
SHORT = (["--version"], ["--help"], ["serve", "--help"], ["protocols"], ["check", "--settings", "-c", "/dev/null"], ["decode"])


def avld(arguments, redirection):
    """Returns the exit code and standard error. redirection: of the shell, after the command."""
    done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", AVLD, *arguments], input=FRAME, capture_output=True)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("arguments", SHORT, ids=" ".join)
def test_output_that_is_lost_is_a_failure(arguments):
    for redirection in (">/dev/full", ">&-"):
        code, error = avld(arguments, redirection)
        assert code == 1 and error.endswith(": cannot write to stdout\n"), (redirection, code, error)
    assert avld(arguments, "")[0] == 0


def test_nothing_is_printed_into_the_connection_to_the_database(database, tmp_path):
    database.query("INSERT INTO avld.devices (ident) VALUES ('1')")
    database.query("INSERT INTO avld.alarms SELECT id, now(), now(), 48, 11, 1, 0, true, false, 'sos' FROM avld.devices")
    for name in ("leaflet.js", "leaflet.css"):
        (tmp_path / name).write_text("")
    settings = ["-c", "/dev/null", "-o", f"database.conninfo={database.conninfo}"]
    code, error = avld(["map", "--all", "--output", "-", "--leaflet", str(tmp_path), *settings], ">&-")
    assert code == 1 and error.startswith("avld map: -: ") and "message type" not in error
    code, error = avld(["export", "--before", "0d", "--output", str(tmp_path / "days"), *settings], ">&-")
    assert code == 1 and "avld export: stdout: " in error


def test_decode_reads_a_closed_stdin():
    code, error = avld(["decode"], "<&-")
    assert code == 1 and error == "avld decode: cannot read standard input: Bad file descriptor\n"


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-", "<&- >&-"])
def test_the_daemon_needs_no_stdout(daemons, database, redirection):
    avld = daemons().spawn(wrap=["sh", "-c", f'exec "$@" {redirection}', "sh"])
    avld.wait_log(" INFO ready ")
    database.wait("SELECT count(*)::int FROM avld.checkpoint", 1)
    avld.end()
