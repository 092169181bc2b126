# SPDX-License-Identifier: MIT
"""Attacks beside honest trackers: for each, a run of 200 trackers (500 reports/s) alone, then one beside the attack.

    make soak ONLY=hostile                                     all, and a table
    make soak ONLY=hostile PYTEST_ADDOPTS="-k udp_random"      one
    make soak ONLY=hostile HOSTILE_TABLE=docs/security.md      writes the rows measured into the table of that page

The goal of each: honest trackers lose nothing and nothing is stored twice; the 99th percentiles of "visible" and of the
acknowledgement are at most twice those of the run before, or 150 ms more (less than that is noise of a machine with two
cores); memory, tables and log stay within the line's limits; a log line and a counter name the cause.

make check runs the lines of SHORT for a few seconds each, and asserts what does not depend on the machine's speed."""
import dataclasses
import os
import pathlib

import pytest

import measure
from harness import FULL, Daemon, free_port

# The lines for make check: of this file, and of test_hostile_state.py. HOSTILE_SHORT="idle thief" chooses others. The most
# telling of the others: invented_connections never_read udp_invented udp_amplification journal_moved photo_budget.
SHORT = os.environ.get("HOSTILE_SHORT", "idle slowloris hostile_text photos few_descriptors newcomers "
                       "random_bytes many_days thief http_closed alter_table").split()
SHORT_S = 2
FLOOR_S = 0.15
SHORT_VISIBLE_S = 5.0  # instead of twice the control run, on a machine that runs other tests meanwhile


@dataclasses.dataclass
class Line:
    name: str
    title: str
    attack: str = ""            # of hostile.py; the name if empty
    seconds: int = 10
    options: tuple = ()         # of the attack
    short: tuple = None         # its options in make check
    settings: dict = dataclasses.field(default_factory=dict)
    fleet: tuple = ()           # options of honest.py
    before_s: int = 0           # the trackers connect so long after the attack began
    rss_mb: int = 64            # above that of the run before
    tables_mb: float = 4        # the four tables together
    rows: int = 5000            # the four tables together
    log_lines: int = 20
    named: bool = True          # a log line and a counter name the cause
    counter: str = ""           # this one
    log: str = ""               # a line with this text

    def program(self):
        return self.attack or self.name


LINES = [
    Line("idle", "9,000 idle connections", before_s=4, short=("count=2000",), named=False),
    Line("slowloris", "2,000 connections that send a byte a second", before_s=2, named=False),
    Line("connect_storm", "2,000 connects/s", named=False),
    Line("reset_mid_frame", "2,000 resets in the middle of a frame/s", named=False),
    Line("invented_connections", "9,990 connections of one address, one frame of an invented ident each", before_s=5,
         short=("count=3000",), named=False, rows=30000, tables_mb=16),  # within devices.new_per_address
    Line("random_bytes", "20 connections of endless random bytes"),
    Line("endless_full", "20 connections: `BF FB FFFF`, then bytes for ever"),
    Line("endless_long", "20 connections: `79 79 FFFF`, then bytes for ever"),
    Line("never_read", "50 connections at full speed that never read"),
    Line("heartbeat_flood", "1 connection of heart-beats at full speed", counter="avld_peers_above_share_total",
         log="conn above its share"),
    Line("udp_invented", "100,000 invented idents over UDP in 5 s", options=("rate=20000",), seconds=5, fleet=("udp=20",)),
    Line("udp_invented_many", "2,050,000 invented idents over UDP at 55,000/s", "udp_invented", options=("rate=55000",),
         short=("rate=20000",), seconds=37, fleet=("udp=20",)),
    Line("udp_invented_smart", "the same beside 50 Smart Report trackers", "udp_invented", options=("rate=55000",),
         short=("rate=20000",), seconds=37, fleet=("smart=50",)),
    Line("udp_random", "10,000 random datagrams of 480 B/s", fleet=("udp=20",)),
    Line("udp_text", "20,000 datagrams of text of 1,400 B/s", fleet=("udp=20",)),
    Line("udp_garbage", "60,000 random datagrams of 1,400 B/s", fleet=("udp=20",)),
    Line("gt06_before_login", "20,000 GT06 positions before log-in/s over UDP", fleet=("udp=20",)),
    Line("refused_idents", "100,000 idents with `unknown = refuse`", options=("rate=20000",), seconds=5,
         settings={"devices.unknown": "refuse"}),
    Line("scanners", "10,000 scanner probes of 200 addresses", log_lines=40, counter="avld_scanners_total", log="scanners probes="),
    Line("hostile_text", "hostile text in every field", rows=20000, tables_mb=8, named=False),
    Line("many_days", "400 records of 400 days by one tracker"),
    Line("photos", "300 trackers announce photos of 1 MiB", settings={"media.photos": "on"}, named=False),
]

HEAD = ("| attack | honest lost, twice | visible p50, p99 ms (alone) | acknowledged p99 ms (alone) | memory MB | tables MB, rows | log lines "
        "| named by | verdict |\n|---|---|---|---|---|---|---|---|---|\n")
BEGIN, END = "<!-- measured by make soak ONLY=hostile -->\n", "<!-- end -->\n"


def write_table(rows):
    """Puts rows (title -> text) into the table of $HOSTILE_TABLE; rows that were not measured stay."""
    path = os.environ.get("HOSTILE_TABLE")
    if not path:
        return
    path = pathlib.Path(__file__).parents[2] / path
    text = path.read_text()
    head, rest = text.split(BEGIN, 1)
    table, tail = rest.split(END, 1)
    kept = {line.split("|")[1].strip(): line for line in table.splitlines()[2:] if line.startswith("|")}
    kept.update(rows)
    path.write_text(head + BEGIN + HEAD + "".join(line + "\n" for line in kept.values()) + END + tail)


def ms(seconds):
    return f"{seconds * 1000:,.0f}"


def judge(line, alone, beside):
    """Returns what is not as it should be."""
    faults = []

    def expect(good, text):
        if not good:
            faults.append(text)
    expect(beside.lost == 0, f"{beside.lost} honest reports lost")
    expect(beside.twice == 0, f"{beside.twice} stored twice")
    expect(beside.refused == 0 and beside.unfinished == 0,
           f"{beside.refused} honest connections refused, {beside.unfinished} not finished")
    for what in ("visible", "acks"):
        got = beside.p(what, 0.99)
        most = max(2 * alone.p(what, 0.99), alone.p(what, 0.99) + FLOOR_S) if FULL else SHORT_VISIBLE_S
        expect(got <= most, f"{what} p99 {ms(got)} ms > {ms(most)}")
    base = alone.rss_mb
    expect(beside.rss_mb - base <= line.rss_mb, f"memory +{beside.rss_mb - base:.0f} MB > {line.rss_mb}")
    tables_mb, rows = grown(beside)
    expect(tables_mb <= line.tables_mb, f"tables +{tables_mb:.1f} MB > {line.tables_mb}")
    expect(rows <= line.rows, f"+{rows} rows > {line.rows}")
    expect(beside.tables["partitions"][1] <= 40, f"+{beside.tables['partitions'][1]} partitions")
    expect(len(beside.log) <= line.log_lines, f"{len(beside.log)} log lines > {line.log_lines}")
    expect(not beside.controls, f"control bytes in the log: {beside.controls}")
    if line.named:
        expect([text for text in beside.log if "conn closed" not in text], "no log line names the cause")
        expect(beside.counters, "no counter names the cause")
    expect(not FULL or not line.counter or counted(line, beside), f"{line.counter} does not count it")
    expect(not FULL or any(line.log in text for text in beside.log + [""]), f"no log line \"{line.log}\"")
    return faults


def grown(figures):
    tables = [figures.tables[name] for name in measure.TABLES]
    return sum(size for size, _ in tables) / 1e6, sum(rows for _, rows in tables)


def counted(line, figures):
    """The counter that names the cause: the line's, or the one that grew most."""
    return next((text for text in figures.counters if text.startswith(line.counter)), "").split(" ")[0]


def row_of(line, alone, beside, faults):
    tables_mb, rows = grown(beside)
    udp = f" (UDP: {beside.udp_lost} of {beside.udp_made})" if beside.udp_made else ""
    named = counted(line, beside)
    return " | ".join([
        f"| {line.title}", f"{beside.lost}, {beside.twice}{udp}",
        f"{ms(beside.p('visible', 0.5))}, {ms(beside.p('visible', 0.99))} ({ms(alone.p('visible', 0.5))}, {ms(alone.p('visible', 0.99))})",
        f"{ms(beside.p('acks', 0.99))} ({ms(alone.p('acks', 0.99))})", f"{alone.rss_mb:.0f} → {beside.rss_mb:.0f}",
        f"+{tables_mb:.1f}, +{rows}", str(len(beside.log)), f"`{named}`" if named else "", "good" if not faults else "; ".join(faults)]) + " |"


@pytest.fixture(scope="module")
def table():
    rows = {}
    yield rows
    if rows:
        print("\n" + HEAD + "\n".join(rows.values()))
    write_table(rows)


@pytest.fixture
def daemon(own_database, tmp_path):
    """Starts the daemon with settings; the others are the defaults of a real one."""
    made = []

    def make(settings, nofile=20000):
        made.append(Daemon(own_database, tmp_path, {
            "http.listen": f"127.0.0.1:{free_port()}", "database.batch_interval": "100ms", "journal.segment_size": "64M",
            **settings}))
        return made[-1].start(wrap=["prlimit", f"--nofile={nofile}:{nofile}"])
    yield make
    for avld in made:
        if avld.process and avld.process.poll() is None:
            avld.process.kill()
            avld.process.wait()


@pytest.mark.parametrize("line", [line for line in LINES if FULL or line.name in SHORT], ids=lambda line: line.name)
def test_attack(line, daemon, own_database, tmp_path, table, results):
    seconds = line.seconds if FULL else SHORT_S
    options = line.options if FULL or line.short is None else line.short
    if line.settings.get("devices.unknown") == "refuse":
        own_database.query("""INSERT INTO avld.devices(ident) SELECT (5021000 + n)::text FROM generate_series(1, 199) n
            UNION ALL SELECT (860000000050000 + n)::text FROM generate_series(0, 199) n""")
    avld = daemon(line.settings)

    def attack(duration):
        return measure.start("hostile.py", line.program(), avld.port, duration, *options)

    alone = measure.Run(avld, own_database, tmp_path, min(seconds, 10) if FULL else 0.5, 1, line.fleet).go()
    assert (alone.lost, alone.twice, alone.refused) == (0, 0, 0), "without an attack"
    beside = measure.Run(avld, own_database, tmp_path, seconds, 200000, line.fleet).go(attack, line.before_s if FULL else line.before_s / 4)
    faults = judge(line, alone, beside)
    table[line.title] = row_of(line, alone, beside, faults)
    note = (f"visible p99 {ms(beside.p('visible', 0.99))} ms, alone {ms(alone.p('visible', 0.99))}; acks {ms(beside.p('acks', 0.99))}, "
            f"alone {ms(alone.p('acks', 0.99))}")
    print(line.name, beside.attack, note, "trackers late p99", ms(beside.late_p99), "alone", ms(alone.late_p99),
          "drained in", beside.drained_s, "breaks", beside.breaks, "smart lost", beside.lost_smart, beside.tables, beside.counters[:6], *beside.log[:10],
          sep="\n  ")
    assert not faults, "; ".join(faults)
    avld.end()
    results.add(15, line.title[:42], 1, beside.made, beside.made - beside.lost + beside.twice, beside.lost, beside.twice, note)
