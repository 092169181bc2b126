# SPDX-License-Identifier: MIT
"""Fault 6: a power failure. What was not synced is lost; what was acknowledged is not."""
import random
import shutil
import time
import uuid

import pytest

from harness import rounds, wait_for, wait_stored
from test_disk import env, faults  # noqa: F401  (fixtures)
from test_kill import fixed_port
from trackers import Fleet


def lose_power(journal, disk):
    """Reduces the folder to the names and bytes that were synced last."""
    names = dict(reversed(line.split(" ", 1)) for line in (disk / "names").read_text().splitlines())
    sizes = {path.name: path.stat().st_size for path in journal.iterdir()}
    shutil.rmtree(journal)
    journal.mkdir()
    for name, inode in names.items():
        kept = disk / inode
        if kept.exists():
            shutil.copyfile(kept, journal / name)
        else:  # its name was synced, its bytes were not
            (journal / name).write_bytes(bytes(sizes.get(name, 0)))
    shutil.rmtree(disk)
    disk.mkdir()


@pytest.mark.parametrize("unreachable", [False, True], ids=["database_reachable", "database_unreachable"])
def test_power_failure(daemons, proxy, database, faults, env, results, unreachable):  # noqa: F811
    """Acknowledged records are stored once. The database may be ahead of the journal then: nothing is stored twice either,
    and no LSN is used again, so that no new record is taken for a stored one."""
    chance = random.Random(66)
    disk, boot = faults / "disk", faults / "boot"
    disk.mkdir()
    boot.write_text(str(uuid.uuid4()))
    if unreachable:
        proxy.block()
    avld = fixed_port(daemons, {"database.conninfo": proxy.conninfo(database)})
    avld.kill()
    avld.start(env=env)
    fleet = Fleet(avld.port, pt502s=2, gt06s=4)
    turns = rounds(5, 100)
    for turn in range(turns):
        time.sleep(chance.uniform(0.05, 0.4))
        avld.kill()
        acknowledged = sum(len(tracker.acknowledged) for tracker in fleet.trackers[2:])
        if not (disk / "names").exists():
            avld.start(env=env)
            continue
        lose_power(avld.folder / "journal", disk)
        boot.write_text(str(uuid.uuid4()))
        avld.start(env=env)
        wait_for(lambda: sum(len(tracker.acknowledged) for tracker in fleet.trackers[2:]) > acknowledged, "trackers to continue")
    proxy.unblock()
    expected = fleet.finish()
    stored, missing, twice = wait_stored(database, expected)
    avld.end()
    what = f"power failure, database {'unreachable' if unreachable else 'reachable'}"
    results.add(6, what, turns, sum(expected.values()), stored, missing, twice)
