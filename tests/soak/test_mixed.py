# SPDX-License-Identifier: MIT
"""All protocols on one port, over TCP and UDP, through restarts, kill -9 and outages of the database: every tracker's track in
SQL is what it drove."""
import collections
import csv
import random
import re
import subprocess

import pytest

from harness import AVLD, rounds, wait_for
from test_kill import fixed_port

PROTOCOLS = [name for name in subprocess.run([AVLD, "protocols"], capture_output=True, text=True, check=True).stdout.split("\n")
             if name and not name.startswith(" ")]
# Their positions have no acknowledgement: after a break a tracker can only send its last three records again, so a kill loses
# what it had sent in a burst before that.
UNACKNOWLEDGED = {"pt502", "gps103", "watch", "suntech"}
# Their answers have no number: over UDP one that is late is taken for that to a record whose datagram the kill has dropped.
UNNUMBERED = {"h02", "tk103", "suntech", "wialon_ips"}
NEAR_DEG = 3e-6  # 0.0001 minute, half of it up or down, and the rounding of both sides
TIME = "to_char(p.fixed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"


def simulate(port, track, udp, devices, count, rate, seed):
    return subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{port}", "--protocol", "all", "--devices", str(devices),
                             "--count", str(count), "--rate", str(rate), "--seed", str(seed), "--track", str(track)]
                            + ["--udp"] * udp, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_tracks(*files):
    """(ident, time in seconds) -> (latitude, longitude), and ident -> protocol."""
    driven, protocols = {}, {}
    for file in files:
        with open(file, newline="") as lines:
            for ident, protocol, time, latitude, longitude, _ in csv.reader(lines):
                protocols[ident] = protocol
                driven[ident, time[:19]] = float(latitude), float(longitude)
    return driven, protocols


def has_made(track, least):
    """True once so many reports have been made."""
    with open(track) as lines:
        return sum(1 for _ in lines) >= least


def test_a_mixed_fleet_arrives_whole(daemons, proxy, database, tmp_path, results):
    chance = random.Random(14)
    turns, devices, rate = rounds(6, 60), 3 * len(PROTOCOLS), 4 * 3 * len(PROTOCOLS)
    count = rate * rounds(20, 200)
    avld = fixed_port(daemons, {"database.conninfo": proxy.conninfo(database)})
    fleets = [(tmp_path / name, simulate(avld.port, tmp_path / name, udp, devices, count, rate, seed))
              for name, udp, seed in (("tcp", False, 21), ("udp", True, 22))]
    for turn in range(turns):
        least = (turn + 1) * count // (turns + 2)
        wait_for(lambda: any(run.poll() is not None for _, run in fleets) or
                 all(path.exists() and has_made(path, least) for path, _ in fleets), "reports", 120)
        if turn % 3 == 2:  # the database is unreachable, and comes back during the next turn
            proxy.block()
        elif turn % 3 == 0:
            proxy.unblock()
        if chance.random() < 0.6:
            avld.kill()
        else:
            avld.end()
        avld.start()
    proxy.unblock()
    for path, run in fleets:
        out, err = run.communicate(timeout=240)
        assert run.returncode == 0, out + err
        numbers = re.search(r"(\d+) sent again\n.* (\d+) missing, (\d+) unexpected replies", out)
        again, missing, unexpected = map(int, numbers.groups())
        # Over UDP a record is sent again when its answer is late, and then both are answered.
        assert missing == 0 and unexpected <= (again if path.name == "udp" else 0), out
    driven, protocols = read_tracks(*(path for path, _ in fleets))
    assert set(protocols.values()) == set(PROTOCOLS)

    over_udp = read_tracks(fleets[1][0])[0]
    sure = {key for key in driven if protocols[key[0]] not in UNACKNOWLEDGED
            and not (key in over_udp and protocols[key[0]] in UNNUMBERED)}

    def read_stored():
        return {row[:2]: row[2:] for row in database.query(
            f"SELECT ident, {TIME}, latitude, longitude FROM avld.positions p JOIN avld.devices d ON d.id = device_id")}

    def stored():
        found = read_stored()
        return found if found.keys() >= sure else None

    def missing_reports():
        return "all reports: " + ", ".join(f"{protocols[key[0]]} over {'udp' if key in over_udp else 'tcp'} {key}"
                                           for key in sorted(sure - read_stored().keys())[:20])
    found = wait_for(stored, missing_reports, 60)
    avld.end()
    found = stored()
    assert found.keys() <= driven.keys(), "invented"
    assert len(found) > 0.75 * len(driven)
    for key, place in found.items():
        assert place == pytest.approx(driven[key], abs=NEAR_DEG), (key, protocols[key[0]])
    rows = database.one("SELECT count(*)::int FROM avld.positions")
    assert rows == len(found), "stored twice"
    # A restarted avld does not know the senders of datagrams: a GT06 logs in again when it gets no answers.
    assert database.query("SELECT DISTINCT reason FROM avld.rejects WHERE reason NOT IN ('incomplete frame', 'before login') "
                          "AND reason !~ '^left out: [^:]*: ((incomplete frame|before login) [0-9]+(, )?)+$'") == []
    table = collections.Counter(protocols[ident] for ident, _ in found)
    lost = len(driven) - len(found)
    results.add(14, "mixed fleet: kills, restarts, outages", turns, len(driven), rows, missing=len(sure - found.keys()),
                note=f"{lost} without an acknowledgement of their own lost; " +" ".join(f"{name} {table[name]}" for name in PROTOCOLS))
