# SPDX-License-Identifier: MIT
"""Fault 6, the disk's other side: a loss of power. What was not synced is gone; what was acknowledged is not."""
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
    """The folder as the disk has it: the names and the bytes that were synced last. Returns what is gone."""
    gone = []
    names = dict(reversed(line.split(" ", 1)) for line in (disk / "names").read_text().splitlines())
    for path in journal.iterdir():
        if path.name not in names and path.name != "lock":
            gone.append(path.name)
    sizes = {path.name: path.stat().st_size for path in journal.iterdir()}
    shutil.rmtree(journal)
    journal.mkdir()
    for name, inode in names.items():
        kept = disk / inode
        if kept.exists():
            shutil.copyfile(kept, journal / name)
        else:  # its name was safe, its bytes never
            (journal / name).write_bytes(bytes(sizes.get(name, 0)))
    shutil.rmtree(disk)
    disk.mkdir()
    return gone


@pytest.mark.parametrize("away", [False, True], ids=["database_there", "database_away"])
def test_loss_of_power(daemons, proxy, database, faults, env, results, away):  # noqa: F811
    """Acknowledged records are there once. The database may be ahead of the journal then: nothing is twice either, and no
    position in the journal is used again, so that no new record is taken for a stored one."""
    chance = random.Random(66)
    disk, boot = faults / "disk", faults / "boot"
    disk.mkdir()
    boot.write_text(str(uuid.uuid4()))
    if away:
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
        wait_for(lambda: sum(len(tracker.acknowledged) for tracker in fleet.trackers[2:]) > acknowledged, "trackers to go on")
    proxy.unblock()
    expected = fleet.finish()
    stored, missing, twice = wait_stored(database, expected)
    avld.end()
    results.add(6, f"power lost, database {'away' if away else 'there'}", turns, sum(expected.values()), stored, missing, twice)
