# SPDX-License-Identifier: MIT
"""Journals written by earlier releases are read by this one: tests/unit/data keeps one of each released format.

journal-vN.tar.xz is the folder as a killed daemon left it, with its database unreachable all the time;
journal-vN.jsonl is what `avld journal --dump` of that release printed. A new format adds a pair and leaves the others
unchanged."""
import datetime
import json
import pathlib
import subprocess
import tarfile

import pytest

import pt502
from conftest import AVLD

DATA = pathlib.Path(__file__).parent.parent / "unit" / "data"
ARCHIVES = sorted(DATA.glob("journal-v*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def kept(request, tmp_path):
    """The unpacked folder, and its entries."""
    name = request.param.name.removesuffix(".tar.xz")
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path)
    return tmp_path / name, [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


def test_an_archive_exists():
    assert ARCHIVES


def test_dump(kept):
    folder, entries = kept
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = subprocess.run([AVLD, "journal", folder, "--dump"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # A later release may print more about an entry, but nothing less or different.
    assert [{key: entry.get(key) for key in old} for entry, old in zip(found, entries)] == entries
    assert len(found) == len(entries)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_stored(kept, daemons, database):
    folder, entries = kept
    kinds = {kind: sum(entry["kind"] == kind for entry in entries) for kind in ("report", "reject", "disconnected")}
    avld = daemons({"journal.dir": str(folder)}).start()
    database.wait("SELECT (SELECT count(*) FROM avld.positions)::int + (SELECT count(*) FROM avld.statuses)::int",
                  kinds["report"])
    database.wait("SELECT count(*)::int FROM avld.rejects", kinds["reject"])
    database.wait("SELECT count(*)::int FROM avld.connections", kinds["disconnected"])
    avld.end()
    assert "ERROR" not in avld.logged()


def test_frames_are_decoded_again(kept):
    """`avld decode` reads the frames that --dump prints."""
    folder, entries = kept
    frames = [bytes.fromhex(entry["frame"]) for entry in entries if entry["kind"] == "report" and entry["protocol"] == "pt502"]
    done = subprocess.run([AVLD, "decode"], input=b"".join(frames), capture_output=True, timeout=60)
    decoded = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(decoded) == len(frames) and not any("reject" in line for line in decoded)
    assert [line["ident"] for line in decoded] == [
        entry["ident"] for entry in entries if entry["kind"] == "report" and entry["protocol"] == "pt502"]


def test_a_live_journal(daemons, database):
    """While the daemon writes: pending entries, and those of one tracker or time."""
    avld = daemons({"database.conninfo": "host=127.0.0.1 port=1 dbname=nobody"}).start()
    avld.send_tcp(pt502.record() + pt502.record(ident="5020002"))
    folder = avld.folder / "journal"

    def look(*arguments):
        done = subprocess.run([AVLD, "journal", folder, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
    assert "damage    none" in look() and "pending" in look()
    reports = [json.loads(line) for line in look("--ident", "5020002").splitlines()]
    assert {entry["ident"] for entry in reports} == {"5020002"} and "report" in {entry["kind"] for entry in reports}
    assert len(look("--since", "1h").splitlines()) >= 5 and look("--since", "2099-01-01") == ""
    avld.end()


def test_retained_as_a_raw_log(daemons, database):
    """Entries stored before are found by --ident and --since, and decoded again."""
    avld = daemons({"journal.retain": "1h"}).start()
    now = pt502.now()
    sought = pt502.record(ident="5020099", time=now)
    avld.send_tcp(sought)
    avld.send_tcp(b"".join(pt502.record(time=now - datetime.timedelta(seconds=n)) for n in range(8000)))  # several segments
    database.wait("SELECT count(*)::int FROM avld.positions", 8001)
    avld.end()
    folder = avld.folder / "journal"
    done = subprocess.run([AVLD, "journal", folder, "--ident", "5020099", "--since", "10m"], capture_output=True, text=True,
                          timeout=60)
    frames = [bytes.fromhex(entry["frame"]) for entry in map(json.loads, done.stdout.splitlines())
              if entry["kind"] == "report"]
    assert frames == [sought]
    decoded = subprocess.run([AVLD, "decode"], input=frames[0], capture_output=True, timeout=60)
    assert json.loads(decoded.stdout)["ident"] == "5020099"
