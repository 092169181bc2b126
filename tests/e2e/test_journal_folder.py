# SPDX-License-Identifier: MIT
"""A journal folder that is moved or removed while the daemon runs: noticed within seconds, used again, nothing acknowledged lost."""
import datetime
import json
import shutil
import time

import gt06
import pt502
import pytest
from conftest import remove_folder, wait_for
from test_http import free_port, get

COUNT = "SELECT count(*)::int FROM avld.positions"
BEGIN = pt502.now(-100)


def send(avld, first, count):
    avld.send_tcp(b"".join(pt502.record(time=BEGIN - datetime.timedelta(seconds=n)) for n in range(first, first + count)))


def health(port):
    return json.loads(get(port, "/health")[1])


@pytest.fixture
def watched(daemons, database):
    """A daemon that has stored one report, and its port of /health."""
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}", "journal.max_size": "64M"}).start()
    send(avld, 0, 1)
    database.wait(COUNT, 1)
    return avld, port, avld.folder / "journal"


def away(database):
    database.query("ALTER TABLE avld.positions RENAME TO hidden")  # nothing can be stored


def back(database):
    database.query("ALTER TABLE avld.hidden RENAME TO positions")


def test_a_folder_moved_away_and_back(watched, database):
    avld, port, folder = watched
    folder.rename(folder.with_name("elsewhere"))
    avld.wait_log("was moved away")
    page = health(port)
    assert page["status"] == "degraded" and "was moved away" in page["problem"]
    assert page["reasons"][0] == {"reason": "journal_folder", "text": page["problem"]}
    send(avld, 1, 100)
    database.wait(COUNT, 101)
    folder.with_name("elsewhere").rename(folder)
    avld.wait_log("is back")
    wait_for(lambda: health(port)["status"] == "ok", "health")
    avld.end()
    avld.start()
    send(avld, 101, 10)
    database.wait(COUNT, 111)


@pytest.mark.parametrize("recreated", [False, True])
def test_a_folder_removed_with_unsent_reports(watched, database, recreated):
    """Several segments of acknowledged reports: all are stored without a restart, and those that follow."""
    avld, port, folder = watched
    away(database)
    for n in range(4):
        send(avld, 1 + n * 6000, 6000)
    avld.wait_log("avld.positions is missing")
    assert len(list(folder.glob("*.seg"))) >= 4
    if recreated:
        shutil.move(folder, folder.with_name("elsewhere"))
        folder.mkdir()
        avld.wait_log("was moved, and is there again")
    else:
        remove_folder(folder)
        avld.wait_log("was removed, and made again")
    wait_for(lambda: list(folder.glob("*.seg")), "a segment in the new folder")
    send(avld, 24001, 6000)
    back(database)
    database.wait(COUNT, 30001, 60)
    with avld.tcp() as tracker:  # and replies go on
        tracker.sendall(gt06.login())
        assert tracker.recv(100)
    wait_for(lambda: health(port) == {"status": "ok", "database": "connected", "reasons": []}, "health")
    avld.end()
    assert (folder / "journal.meta").exists()
    avld.start()
    send(avld, 30001, 10)
    database.wait(COUNT, 30011)
    avld.end()
    assert "lost" not in avld.logged()


def test_files_removed_from_the_folder(watched, database):
    avld, _, folder = watched
    away(database)
    send(avld, 1, 100)
    for file in folder.iterdir():
        file.unlink(missing_ok=True)  # a segment that is being made may have got its name meanwhile
    avld.wait_log("has lost files of this journal")
    send(avld, 101, 100)
    back(database)
    database.wait(COUNT, 201)
    avld.end()
    avld.start()
    send(avld, 201, 10)
    database.wait(COUNT, 211)


def test_a_folder_that_cannot_be_made_again_is_used_when_it_is_there(watched, database):
    avld, port, folder = watched
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")  # a file, so that no folder can be made
    remove_folder(folder.with_name("elsewhere"))
    avld.wait_log("was removed and cannot be made again")
    assert "cannot be made again" in health(port)["problem"]
    send(avld, 1, 50)
    folder.unlink()
    avld.wait_log("new files are written there")
    send(avld, 51, 50)
    database.wait(COUNT, 101)


def test_another_journal_in_its_place_is_not_used(watched, daemons, database, tmp_path):
    avld, port, folder = watched
    other = daemons({"database.instance": "other"}, folder=tmp_path / "other").start()
    other.end()
    folder.rename(folder.with_name("elsewhere"))
    shutil.move(tmp_path / "other" / "journal", folder)
    avld.wait_log("another journal, which is not used")
    time.sleep(2)  # it is asked for again, and said once
    assert avld.logged().count("another journal, which is not used") == 1
    send(avld, 1, 50)
    database.wait(COUNT, 51)
    remove_folder(folder)
    folder.with_name("elsewhere").rename(folder)
    avld.wait_log("is back")
