# SPDX-License-Identifier: MIT
"""Shared by the soak tests: the end-to-end harness under another name, the table of results, figures of a process."""
import datetime
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
FULL = os.environ.get("AVLD_SOAK") == "full"

sys.path.insert(0, str(HERE.parent / "e2e"))  # pt502, gt06
if "e2e" not in sys.modules:  # under its own name its conftest.py would shadow ours
    spec = importlib.util.spec_from_file_location("e2e", HERE.parent / "e2e" / "conftest.py")
    sys.modules["e2e"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["e2e"])

import books  # noqa: E402
import pt502  # noqa: E402
from e2e import AVLD, PATIENCE_S, Daemon, Database, free_port, remove_folder, wait_for  # noqa: E402, F401


def rounds(short, full):
    return full if FULL else short


def series(count, ident="5020001", offset_s=0):
    """Returns `count` different records, a second apart, newest first."""
    now = pt502.now(offset_s)
    return b"".join(pt502.record(ident=ident, time=now - datetime.timedelta(seconds=n)) for n in range(count))


class Results:
    """The table: one line for each injected fault."""

    def __init__(self):
        self.rows = []

    def add(self, fault, what, count, sent, stored, missing=None, twice=None, note=""):
        missing = max(0, sent - stored) if missing is None else missing
        twice = max(0, stored - sent) if twice is None else twice
        self.rows.append((fault, what, count, sent, stored, missing, twice, note))
        assert (missing, twice) == (0, 0), f"fault {fault}, {what}: {missing} missing, {twice} twice"

    def lines(self):
        yield "fault  what                                       rounds      sent    stored  missing  twice"
        for fault, what, count, sent, stored, missing, twice, note in sorted(self.rows, key=lambda row: str(row[0]).rjust(2)):
            yield f"{fault:>5}  {what:<42} {count:>6} {sent:>9} {stored:>9} {missing:>8} {twice:>6}  {note}".rstrip()


def compare(database, expected, table="positions"):
    """expected: ident -> number of records, whose odometers count from 0. Returns (stored, missing, twice)."""
    rows = database.query(f"""SELECT ident, count(*), count(DISTINCT odometer_m),
            count(DISTINCT odometer_m) FILTER (WHERE odometer_m >= 0)
        FROM avld.{table} p JOIN avld.devices d ON d.id = device_id GROUP BY 1""")
    found = {ident: (count, distinct) for ident, count, distinct, _ in rows}
    stored = sum(count for count, _ in found.values())
    twice = sum(count - distinct for count, distinct in found.values())
    missing = sum(max(0, number - found.get(ident, (0, 0))[1]) for ident, number in expected.items())
    invented = sum(max(0, distinct - expected.get(ident, 0)) for ident, (_, distinct) in found.items())
    assert invented == 0, f"{invented} stored records were never sent"
    return stored, missing, twice


def wait_stored(database, expected, patience_s=120):
    """Waits until nothing is missing. Returns the result of compare."""
    def asked():
        result = compare(database, expected)
        return result if result[1] == 0 else None
    try:
        return wait_for(asked, "all records to be stored", patience_s)
    except BaseException:
        print(compare(database, expected))
        raise


def status_of(pid, *names):
    """Returns figures of /proc/PID/status, in kB."""
    figures = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in names:
                figures[name] = int(value.split()[0])
    return figures


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def metrics(daemon):
    """Returns the metrics, and checks that the books balance."""
    with urllib.request.urlopen(f"http://{daemon.settings['http.listen']}/metrics", timeout=10) as answer:
        return books.read(answer.read().decode())


def health(daemon):
    """Returns the HTTP status and the page /health."""
    try:
        with urllib.request.urlopen(f"http://{daemon.settings['http.listen']}/health", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def journal(folder, *arguments):
    """Runs avld journal on a folder."""
    return subprocess.run([AVLD, "journal", str(folder), *arguments], capture_output=True, text=True, timeout=60)


def dump(folder, *arguments):
    """Returns the entries of a journal."""
    done = journal(folder, "--dump", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def frames_of(entries):
    """Returns the frames of the reports, in order, without line ends (a read may split CR and LF)."""
    return [bytes.fromhex(entry["frame"]).rstrip() for entry in entries if entry["kind"] == "report"]
