# SPDX-License-Identifier: MIT
"""One run of the honest trackers, alone or beside an attack, and what it cost: figures of the daemon and its tables."""
import json
import os
import re
import subprocess
import sys
import threading
import time
import unicodedata

from harness import FULL, HERE, metrics, status_of

TABLES = ("rejects", "connections", "unknown_devices", "devices")
# Reports become visible when their transaction commits: the server's own time of that, to the microsecond, without a
# query while the run lasts. It is the clock of this machine, as are the times at which reports are made.
REPORTS = """SELECT ident, odometer_m::int, extract(epoch FROM pg_xact_commit_timestamp(p.xmin))::float8
    FROM avld.positions p JOIN avld.devices d ON d.id = p.device_id
    WHERE ident = ANY(%s) AND odometer_m BETWEEN %s AND %s"""
HONEST = re.compile(r"avld_(frames|reports|positions|udp_datagrams|journal_|database_|batch|rows|uptime|.*seconds|process_|replies"
                    r"|received_bytes|frame_outcomes|fillers|connections_(opened|closed)|devices_connected"
                    r"|bytes_|conversations|connections$|devices$|log_|statuses|alarms|duplicates)")


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


class Figures:
    """made, lost, twice; visible and acks: seconds; rss_mb: the largest; tables: name -> (bytes, rows) that it grew by."""

    def __init__(self):
        self.notes = []

    def p(self, what, part):
        return percentile(getattr(self, what), part)


class Sampler(threading.Thread):
    """Watches the daemon's memory."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.largest, self.stopped = pid, 0, threading.Event()

    def run(self):
        while not self.stopped.wait(0.1):
            try:
                self.largest = max(self.largest, status_of(self.pid, "VmRSS").get("VmRSS", 0))
            except OSError:
                return


def sizes(database):
    """Bytes and rows of the tables that strangers fill, and the number of partitions."""
    found = {table: database.query(f"SELECT pg_total_relation_size('avld.{table}')::float8, count(*)::int FROM avld.{table}")[0]
             for table in TABLES}
    found["partitions"] = (0.0, database.one("SELECT count(*)::int FROM pg_inherits"))
    return found


def controls(text):
    """What a terminal would not print as it is: control characters except the line ends, invisible ones, bytes that are no UTF-8."""
    found = {char for char in text.decode(errors="surrogateescape") if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return sorted(map(ascii, found - {"\n"}))


def counters(daemon):
    try:
        return metrics(daemon)
    except OSError:
        return {}


def grown_counters(before, after):
    """Names of the counters that grew, most first, without those that honest trackers increase."""
    grown = {name: value - before.get(name, 0) for name, value in after.items() if "_total" in name}
    return [f"{name} {int(count)}" for name, count in sorted(grown.items(), key=lambda item: -item[1])
            if count > 0 and not HONEST.match(name)]


def start(program, *arguments):
    return subprocess.Popen([sys.executable, HERE / program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


class Run:
    """One run: Run(daemon, database, folder, seconds, first).go(attack) returns its figures."""

    def __init__(self, daemon, database, folder, seconds, first, fleet=()):
        self.daemon, self.database, self.seconds, self.first, self.fleet = daemon, database, seconds, first, fleet
        self.output = folder / f"honest_{first}.json"
        self.log_start = os.path.getsize(daemon.log_path)

    def honest(self):
        return start("honest.py", self.daemon.port, self.seconds, self.first, self.output, *self.fleet)

    def go(self, attack=None, attack_first_s=0):
        """attack(seconds) starts the attack and returns its process; attack_first_s: how long before the trackers connect."""
        before, tables = counters(self.daemon), sizes(self.database)
        sampler = Sampler(self.daemon.process.pid)
        sampler.start()
        hostile = None
        if attack and attack_first_s:
            hostile = attack(self.seconds + attack_first_s)
            time.sleep(attack_first_s)
        honest = self.honest()
        assert honest.stdout.readline() == "connected\n"
        if attack and not hostile:
            hostile = attack(self.seconds)
        honest.wait(self.seconds + 180)
        figures = Figures()
        if hostile:
            figures.attack = json.loads(hostile.communicate(timeout=120)[0])
        self.count(figures, json.loads(self.output.read_text()))
        figures.drained_s = self.drain()
        sampler.stopped.set()
        figures.rss_mb = max(sampler.largest, status_of(self.daemon.process.pid, "VmRSS").get("VmRSS", 0)) / 1024
        after = sizes(self.database)
        figures.tables = {name: (after[name][0] - tables[name][0], after[name][1] - tables[name][1]) for name in after}
        with open(self.daemon.log_path, "rb") as log:
            log.seek(self.log_start)
            text = log.read()
        figures.log = text.decode(errors="replace").splitlines()
        figures.controls = controls(text)
        figures.counters = grown_counters(before, counters(self.daemon))
        return figures

    def count(self, figures, sent, patience_s=90 if FULL else 60):
        """Waits for the honest reports and compares them with what was made."""
        made = sent["made"]
        last = self.first + 99999
        figures.made = sum(len(times) for times in made.values())
        end, progress = time.monotonic() + patience_s, 0
        while True:
            rows = self.database.query(REPORTS, list(made), self.first, last)
            found = {(ident, number): seen for ident, number, seen in rows}
            missing = {(ident, self.first + n) for ident, times in made.items() for n in range(len(times))} - found.keys()
            if not missing or time.monotonic() > end:
                break
            if len(found) == progress and counters(self.daemon).get("avld_journal_waiting_bytes") == 0:
                end = min(end, time.monotonic() + 3)  # rejected, or never received
            progress = len(found)
            time.sleep(0.3)
        figures.lost, figures.twice = len(missing), len(rows) - len(found)
        figures.lost_smart = sum(ident in sent["smart"] for ident, _ in missing)
        figures.visible = [seen - made[ident][number - self.first] for (ident, number), seen in found.items()
                           if ident in made and number - self.first < len(made[ident])]
        figures.acks = sent["acks"]
        for what in ("breaks", "refused", "unfinished", "late_p99"):
            setattr(figures, what, sent[what])
        udp = sent["udp"]
        rows = self.database.query(REPORTS, list(udp), self.first, last) if udp else []
        figures.udp_made, figures.udp_lost = sum(map(len, udp.values())), sum(map(len, udp.values())) - len(rows)

    def drain(self, patience_s=60):
        """Waits until the journal is empty, so that all rows of the attack are in the tables. Returns the seconds."""
        begin = time.monotonic()
        while time.monotonic() < begin + patience_s:
            if counters(self.daemon).get("avld_journal_waiting_bytes", 0) == 0:
                break
            time.sleep(0.2)
        return time.monotonic() - begin
