# SPDX-License-Identifier: MIT
"""Fault 5: damage to the journal. A start reports what it found, copies it aside, invents nothing."""
import contextlib
import os
import random
import shutil
import signal
import struct

import pytest

import pt502
from harness import Database, dump, frames_of, journal, rounds, series, wait_for

UNREACHABLE = Database("avld_nobody")
UNREACHABLE.conninfo = "host=127.0.0.1 port=1 dbname=nobody"
HEADER = 128  # of a segment
TAIL = 112 + 280 + 200  # of the last segment: the entry of the connection's end, a record, and most of another


def segments(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".seg"))


def used(path):
    """Returns the bytes of the file up to the last that is not zero, rounded up to a multiple of 8."""
    data = path.read_bytes().rstrip(b"\0")
    return -(-len(data) // 8) * 8


class Sample:
    """A journal with 4300 reports in two segments, as a killed daemon leaves it, and its entries."""

    def __init__(self, daemons, folder):
        avld = daemons({"database.conninfo": UNREACHABLE.conninfo}, folder=folder).start()
        records = [pt502.record(tail=f"A/00010,00000/0/{n}//fa7/") for n in range(4300)]
        avld.send_tcp(b"".join(records))
        self.folder = folder / "journal"
        # Written by a thread: a start notices from it that the newest segment is missing.
        wait_for(lambda: f"last {segments(self.folder)[-1][:16]}\n" in (self.folder / "journal.meta").read_text(),
                 "journal.meta to name the newest segment")
        avld.kill()
        self.entries = dump(self.folder)
        self.frames = frames_of(self.entries)
        assert self.frames == [record.rstrip() for record in records]
        written = [name for name in segments(self.folder) if used(self.folder / name) > HEADER]
        assert len(written) >= 2
        self.first, self.last = written[0], written[-1]
        self.end = used(self.folder / self.last)
        first = int(self.last[:16], 16)
        self.starts = {entry["lsn"] - first for entry in self.entries if entry["lsn"] > first}

    def copy(self, to):
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to, ignore=shutil.ignore_patterns("trace.sock"))
        return to


@pytest.fixture
def sample(daemons, tmp_path):
    return Sample(daemons, tmp_path / "sample")


def restart(daemons, folder):
    """Starts a daemon on a damaged journal and kills it. Returns what it logged about the journal."""
    settings = {"database.conninfo": UNREACHABLE.conninfo, "journal.dir": str(folder)}
    avld = daemons(settings, folder=folder.parent / "run").start()
    logged = avld.logged()
    avld.kill()
    avld.log_path.unlink()
    return [line for line in logged.splitlines() if "journal" in line and "journal open" not in line]


class Tally:
    """A row of the table of results: records written and records read. None may be lost without a log line."""

    def __init__(self, sample):
        self.sample, self.rounds, self.lost = sample, 0, 0

    def add(self, lost):
        self.rounds += 1
        self.lost += lost

    def report(self, results, what):
        there = self.rounds * len(self.sample.frames)
        results.add(5, what, self.rounds, there, there - self.lost, 0, 0, f"{self.lost} damaged and reported")


def check(daemons, folder, sample, what, silent=False):
    """Checks that avld journal reports damage without changing anything, and that the daemon reports what it lost.

    Returns the number of records lost, what the daemon logged, what avld journal printed."""
    before = {name: os.stat(folder / name).st_mtime_ns for name in os.listdir(folder)}
    shown = journal(folder)
    assert shown.returncode in (0, 1), what
    assert {name: os.stat(folder / name).st_mtime_ns for name in os.listdir(folder)} == before, f"{what}: written to"
    logged = restart(daemons, folder)
    entries = dump(folder)
    frames = frames_of(entries)
    known = iter(sample.frames)
    assert all(frame in known for frame in frames), f"{what}: an invented record, or a wrong order"
    lost = len(sample.frames) - len(frames)
    assert lost == 0 or logged or silent, f"{what}: {lost} records lost and not reported"
    return lost, logged, shown.stdout


def test_cut_at_every_byte_of_the_last_entries(daemons, sample, tmp_path, results):
    cuts = range(sample.end - TAIL, sample.end, rounds(41, 1))
    tally = Tally(sample)
    for cut in cuts:
        folder = sample.copy(tmp_path / "cut")
        os.truncate(folder / sample.last, cut)
        lost, logged, _ = check(daemons, folder, sample, f"cut at {cut}")
        assert lost <= 4, f"cut at {cut}: {lost} lost"
        tally.add(lost)
        assert any("cut short" in line for line in logged), logged
    tally.report(results, "last segment cut at every byte")


def test_zeros_from_every_byte_of_the_last_entries(daemons, sample, tmp_path, results):
    """As after a power failure: the file has its length, its end was never written."""
    cuts = range(sample.end - TAIL, sample.end, rounds(41, 1))
    tally = Tally(sample)
    for cut in cuts:
        folder = sample.copy(tmp_path / "cut")
        with open(folder / sample.last, "r+b") as file:
            file.seek(cut)
            file.write(bytes(sample.end - cut))
        # Complete entries turned into zeros look as if they had never been written.
        invisible = used(folder / sample.last) in sample.starts
        lost, logged, _ = check(daemons, folder, sample, f"zeros from {cut}", invisible)
        assert lost <= 4, f"zeros from {cut}: {lost} lost"
        tally.add(lost)
    tally.report(results, "zeros from every byte")


def test_flipped_bits(daemons, sample, tmp_path, results):
    """Anywhere in the newest segment: at most one entry is lost, and its bytes are set aside."""
    chance = random.Random(5)
    tally = Tally(sample)
    for _ in range(rounds(12, 300)):
        folder = sample.copy(tmp_path / "flip")
        with open(folder / sample.last, "r+b") as file:
            at = chance.randrange(HEADER, sample.end)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
        lost, logged, shown = check(daemons, folder, sample, f"bit flipped at {at}")
        assert lost <= 2, f"bit at {at}: {lost} lost"
        tally.add(lost)
        if lost:
            aside = [name for name in os.listdir(folder) if name.startswith("damaged-")]
            assert aside, (at, logged)
            assert any(name in line for name in aside for line in logged), (at, logged, aside)
            assert "DAMAGE" in shown, shown
    tally.report(results, "one bit flipped")


def test_flipped_bits_in_an_older_segment(daemons, sample, tmp_path, database, results):
    """Damage in an older segment is found when it is read: the rest is stored, the log names the damage."""
    chance = random.Random(6)
    tally = Tally(sample)
    for turn in range(rounds(2, 20)):
        folder = sample.copy(tmp_path / "old")
        with open(folder / sample.first, "r+b") as file:
            file.seek(chance.randrange(HEADER, used(folder / sample.first)))
            file.write(b"\x55\xaa")
        avld = daemons({"journal.dir": str(folder), "database.instance": f"turn{turn}"}, folder=tmp_path / "run").start()
        avld.wait_log("database ready")
        database.query("UPDATE avld.devices SET name = 'x'")
        avld.end()
        log = avld.logged()
        assert "everything is in the database" in log
        stored = database.one("SELECT count(*)::int FROM avld.positions")
        assert len(sample.frames) - 2 <= stored <= len(sample.frames)
        assert stored == len(sample.frames) or "damaged-" in log, log
        tally.add(len(sample.frames) - stored)
        if stored < len(sample.frames):
            assert any(name.startswith("damaged-") for name in os.listdir(folder))
        database.query("TRUNCATE avld.positions, avld.connections, avld.device_state")
        avld.log_path.unlink()
    tally.report(results, "damage in an older segment")


def test_a_segment_is_missing(daemons, sample, tmp_path):
    for name in (sample.first, sample.last):
        folder = sample.copy(tmp_path / "missing")
        os.unlink(folder / name)
        lost, logged, shown = check(daemons, folder, sample, f"{name} missing")
        assert lost > 0 and any(name in line and "missing" in line for line in logged), logged
        assert name in shown and "DAMAGE" in shown


def test_meta_is_missing_or_damaged(daemons, sample, tmp_path):
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b""),
                   lambda path: path.write_bytes(path.read_bytes().replace(b"closed", b"clozed"))):
        folder = sample.copy(tmp_path / "meta")
        damage(folder / "journal.meta")
        lost, logged, _ = check(daemons, folder, sample, "journal.meta")
        assert lost == 0 and any("journal.meta" in line for line in logged), logged


def test_other_files(daemons, sample, tmp_path):
    folder = sample.copy(tmp_path / "others")
    (folder / "notes.txt").write_text("notes")
    (folder / "0000000000001234.seg").write_bytes(b"")
    (folder / "00000000ffff0000.seg").write_bytes(b"\x7fELF" + bytes(5000))
    (folder / "a folder").mkdir()
    lost, logged, _ = check(daemons, folder, sample, "other files")
    assert lost == 0
    for name in ("notes.txt", "0000000000001234.seg", "00000000ffff0000.seg", "a folder"):
        assert any(name in line for line in logged), (name, logged)
    assert (folder / "notes.txt").read_text() == "notes" and (folder / "a folder").is_dir()
    assert (folder / "00000000ffff0000.seg.damaged").exists()


def contents(folder):
    """Returns name -> bytes, without the lock and unfinished files of a killed process."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock" and path.suffix != ".tmp"}


def test_a_segment_of_a_newer_version(daemons, sample, tmp_path):
    """The daemon does not start and changes nothing."""
    folder = sample.copy(tmp_path / "newer")
    with open(folder / sample.last, "r+b") as file:
        file.seek(8)
        file.write(struct.pack("<I", 2))
    before = contents(folder)
    avld = daemons({"database.conninfo": UNREACHABLE.conninfo, "journal.dir": str(folder)}, folder=tmp_path / "run").spawn()
    assert avld.process.wait(30) == 1
    assert "version 2" in avld.logged() and sample.last in avld.logged()
    assert contents(folder) == before
    shown = journal(folder)
    assert shown.returncode == 1 and "version 2" in shown.stderr


def test_the_rest_is_stored(daemons, sample, tmp_path, database):
    """The readable entries are stored, once, and the daemon continues with new LSNs."""
    folder = sample.copy(tmp_path / "journal")
    with open(folder / sample.last, "r+b") as file:
        file.seek(sample.end - 1000)
        file.write(b"\xff" * 300)
    avld = daemons({"journal.dir": str(folder)}, folder=tmp_path / "run").start()
    stored = len(frames_of(dump(folder)))
    assert 0 < len(sample.frames) - stored <= 4
    database.wait("SELECT count(*)::int FROM avld.positions", stored)
    avld.send_tcp(series(100, "5020002"))
    avld.kill()
    avld.start()
    database.wait("SELECT count(*)::int FROM avld.positions", stored + 100)
    avld.end()
    assert wait_for(lambda: "everything is in the database" in avld.logged(), "the daemon to end")


def test_cut_short_while_it_runs(daemons, database, results):
    """Someone truncates the file being written: the daemon says so and dies, the next start continues."""
    avld = daemons().start(wrap=["prlimit", "--core=0"])
    avld.send_tcp(series(100))
    database.wait("SELECT count(*)::int FROM avld.positions", 100)
    folder = avld.folder / "journal"
    newest = max(path for path in folder.glob("*.seg") if used(path) > HEADER)
    os.truncate(newest, 0)
    with contextlib.suppress(OSError):
        avld.send_tcp(series(100, "5020002"))
    assert avld.process.wait(30) == -signal.SIGBUS
    explained = [line for line in avld.logged().splitlines() if "signal=SIGBUS" in line]
    assert len(explained) == 1 and str(folder) in explained[0] and "cut the file short" in explained[0], avld.logged()
    avld.start()
    avld.send_tcp(series(100, "5020003"))
    database.wait("SELECT count(*)::int FROM avld.positions WHERE device_id IN "
                  "(SELECT id FROM avld.devices WHERE ident <> '5020002')", 200)
    assert newest.name in avld.logged()  # the finding about it
    avld.end()
    results.add(5, "file cut short while it runs", 1, 200, 200)
