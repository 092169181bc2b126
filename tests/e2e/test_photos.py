# SPDX-License-Identifier: MIT
"""Photos of a PT-502: requested part by part, stored whole, exported as files."""
import random
import re
import signal
import socket
import subprocess

import pytest

import pt502
from conftest import AVLD, wait_for

PART = 960
IDENT = "5020001"
ROW = ("SELECT d.ident, m.taken_at, m.latitude, m.longitude, m.camera, m.content_type, m.complete, m.bytes"
       " FROM avld.media m JOIN avld.devices d ON d.id = m.device_id ORDER BY m.taken_at, m.camera")
COUNT = "SELECT count(*)::int FROM avld.media"


@pytest.fixture
def avld(daemons):
    return daemons({"media.photos": "on"}).start()


def jpeg(size, seed=1):
    """A JPEG as far as avld checks it, full of bytes that could be mistaken for terminators."""
    inside = random.Random(seed).choices(b"\r\n$#@\xbf\xfb\x00\xff" + bytes(range(256)), k=size - 4)
    return b"\xff\xd8" + bytes(inside) + b"\xff\xd9"


class Camera:
    """A PT-502 with a camera; over TCP, or with udp=True over UDP."""

    def __init__(self, daemon, ident=IDENT, udp=False):
        self.ident = ident
        self.udp = udp
        self.received = b""
        if udp:
            self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.peer.connect(("127.0.0.1", daemon.port))
        else:
            self.peer = daemon.tcp()
        self.peer.settimeout(30)

    def send(self, event="POS", **kwargs):
        self.peer.sendall(pt502.record(self.ident, event, **kwargs))

    def announce(self, photo, camera=None, **kwargs):
        self.send(f"PHO{len(photo)}" + ("" if camera is None else f"-{camera}"), **kwargs)

    def request(self):
        """Returns the server's next request: (offset, count)."""
        while b"\r\n" not in self.received:
            more = self.peer.recv(4096)
            assert more, f"closed after {self.received!r}"
            self.received += more
        line, self.received = self.received.split(b"\r\n", 1)
        offset, count = re.fullmatch(rb"#PHD(\d+),(\d+)", line).groups()
        return int(offset), int(count)

    def send_part(self, photo, offset, count):
        self.peer.sendall(pt502.full(b"$PHD%d,%d,%s\r\n" % (offset, count, photo[offset:offset + count])))

    def send_parts(self, photo, start=0):
        for expected in range(start, len(photo), PART):
            offset, count = self.request()
            assert (offset, count) == (expected, min(PART, len(photo) - expected))
            self.send_part(photo, offset, count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def export(database, folder, *options, code=0):
    done = subprocess.run([AVLD, "media", "-c", "/dev/null", "-o", f"database.conninfo={database.conninfo}",
                           "--export", str(folder), *options], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done


# ---- complete photos

@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_photo_is_stored_whole_while_positions_arrive(avld, database, udp):
    photo, time = jpeg(10000), pt502.now()
    with Camera(avld, udp=udp) as camera:
        camera.announce(photo, 2, time=time)
        for n, start in enumerate(range(0, len(photo), PART)):
            offset, count = camera.request()
            camera.send(time=pt502.now(n + 1))
            camera.send_part(photo, offset, count)
            camera.send_part(photo, offset, count)  # twice
        database.wait(COUNT, 1)
        database.wait("SELECT count(*)::int FROM avld.positions", 1 + n + 1)
    ident, taken_at, latitude, longitude, number, content_type, complete, got = database.query(ROW)[0]
    assert (ident, number, content_type, complete) == (IDENT, 2, "image/jpeg", True)
    assert taken_at == time and round(latitude, 6) == 48.1173 and round(longitude, 6) == 11.516667
    assert bytes(got) == photo
    assert database.one("SELECT count(*)::int FROM avld.media_parts") == 0
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    assert database.one("SELECT count(*)::int FROM avld.media m JOIN avld.positions p"
                        " ON p.device_id = m.device_id AND p.fixed_at = m.taken_at AND p.event = 'PHO'") == 1


def test_photo_of_the_largest_size_is_fetched_and_a_larger_one_is_not(avld, database):
    photo = jpeg(1 << 20)  # 16 pieces, more than a file of this journal holds
    with Camera(avld) as camera:
        camera.send("PHO1048577", time=pt502.now(-1))
        camera.send("PHO0-1", time=pt502.now(-2))
        camera.announce(photo, fix="V")
        camera.send_parts(photo)
        database.wait(COUNT, 1)
    *_, latitude, longitude, number, _, complete, got = database.query(ROW)[0]
    assert (latitude, longitude, number, complete) == (None, None, None, True)
    assert bytes(got) == photo


def test_many_photos_are_fetched_at_once(avld, database):
    photos = {f"502000{n}": jpeg(3000 + n, n) for n in range(8)}
    cameras = {ident: Camera(avld, ident, udp=int(ident) % 2 == 1) for ident in photos}
    for ident, camera in cameras.items():
        camera.announce(photos[ident])
    for start in range(0, 3000, PART):
        for ident, camera in cameras.items():
            camera.send_part(photos[ident], *camera.request())
    database.wait(COUNT, len(photos))
    for row in database.query(ROW):
        assert bytes(row[-1]) == photos[row[0]] and row[-2]
    for camera in cameras.values():
        camera.peer.close()


def test_photo_sent_again_is_one_row(avld, database):
    photo, time = jpeg(2000), pt502.now()
    for _ in range(2):
        with Camera(avld) as camera:
            camera.announce(photo, time=time)
            camera.send_parts(photo)
            camera.announce(photo, time=pt502.now(60))  # when the next one is requested, this one is stored
            camera.request()
    database.wait("SELECT count(*)::int FROM avld.connections", 2)
    assert len(database.query(ROW)) == 1


# ---- faults

@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_lost_part_is_requested_again(avld, database, udp):
    photo = jpeg(2500)
    with Camera(avld, udp=udp) as camera:
        camera.announce(photo)
        camera.send_part(photo, *camera.request())
        assert camera.request() == (960, 960)  # lost
        camera.send_parts(photo, 960)  # 10 s later
        database.wait(COUNT, 1)
    assert bytes(database.one("SELECT bytes FROM avld.media WHERE complete")) == photo


def test_complete_photo_replaces_an_incomplete_one(avld, database):
    photo, time = jpeg(2500), pt502.now()
    with Camera(avld) as camera:
        camera.announce(photo, 1, time=time)
        camera.send_part(photo, *camera.request())
        camera.request()
    database.wait(COUNT, 1)  # the connection ended before the last part
    *_, complete, got = database.query(ROW)[0]
    assert not complete and bytes(got) == photo[:960]
    with Camera(avld) as camera:
        camera.announce(photo, 1, time=time)
        camera.send_parts(photo)
        database.wait(COUNT + " WHERE complete", 1)
    assert len(database.query(ROW)) == 1 and bytes(database.query(ROW)[0][-1]) == photo


def test_photo_that_is_not_a_jpeg_is_incomplete(avld, database):
    photo = b"GIF89a" + bytes(1000)
    with Camera(avld) as camera:
        camera.announce(photo)
        camera.send_parts(photo)
        database.wait(COUNT + " WHERE NOT complete", 1)
    assert bytes(database.query(ROW)[0][-1]) == photo


def test_photos_are_off_by_default(daemons, database):
    avld = daemons().start()
    photo = jpeg(1000)
    with Camera(avld) as camera:
        camera.announce(photo)
        camera.send_part(photo, 0, 960)
        database.wait("SELECT reason FROM avld.rejects", "photo data: not asked for")
        camera.peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            camera.request()
    assert database.query(ROW) == []


def test_blocked_device_sends_no_photo(avld, database):
    photo = jpeg(1000)
    database.query("INSERT INTO avld.devices (ident, state) VALUES (%s, 'blocked')", IDENT)
    avld.end()
    avld.start()
    avld.send_tcp(pt502.record("5020002"))
    database.wait("SELECT count(*)::int FROM avld.positions", 1)  # the devices are loaded
    with Camera(avld) as camera:
        camera.announce(photo)
        assert camera.peer.recv(100) == b""
    database.wait("SELECT reason FROM avld.rejects", "device is blocked")


# ---- the daemon stops or is killed

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_photo_is_fetched_again_after_a_restart(avld, database, number):
    photo, time = jpeg(3000), pt502.now()
    with Camera(avld) as camera:
        camera.announce(photo, time=time)
        camera.send_part(photo, *camera.request())
        camera.request()
        avld.end(number, None)
    avld.start()
    with Camera(avld) as camera:
        camera.send_part(photo, 960, 960)
        camera.announce(photo, time=time)
        camera.send_parts(photo)
        database.wait(COUNT + " WHERE complete", 1)
    assert bytes(database.query(ROW)[0][-1]) == photo and len(database.query(ROW)) == 1


def test_photos_survive_kills_between_journal_and_database(daemons, database):
    """The pieces of a photo are in several transactions, and the daemon is killed again and again."""
    avld = daemons({"media.photos": "on", "database.batch_rows": "2", "database.batch_interval": "5ms"}).start()
    photos = [jpeg(300000 + n, n) for n in range(4)]
    times = pt502.last(len(photos))
    for photo, time in zip(photos, times):
        with Camera(avld) as camera:
            camera.announce(photo, 3, time=time)
            camera.send_parts(photo)
            camera.announce(photo[:7], time=time)  # a request for this one: the photo before is in the journal
            camera.request()
        avld.kill()
        avld.start()
    database.wait(COUNT + " WHERE complete", len(photos))
    assert [bytes(row[-1]) for row in database.query(ROW)] == photos[::-1]
    assert database.one("SELECT count(*)::int FROM avld.media_parts") == 0


# ---- files

def test_export_writes_files_once(avld, database, tmp_path):
    photos = [jpeg(2000, n) for n in range(3)]
    time = pt502.now()
    for n, (ident, camera_number, size) in enumerate([(IDENT, 1, 2000), (IDENT, None, 2000), ("5020002", 1, 2000)]):
        with Camera(avld, ident) as camera:
            camera.announce(photos[n], camera_number, time=time)
            camera.send_parts(photos[n])
            database.wait(COUNT, n + 1)
    stamp = time.strftime("%Y%m%dT%H%M%SZ")
    names = [f"{IDENT}_{stamp}_1.jpg", f"{IDENT}_{stamp}.jpg", f"5020002_{stamp}_1.jpg"]
    folder = tmp_path / "photos"
    done = export(database, folder, "--ident", IDENT)
    assert "written=2 already_there=0" in done.stdout and done.stderr == ""
    assert "no photo of ident nope;" in export(database, folder, "--ident", "nope").stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(names[:2])
    assert "written=1 already_there=2" in export(database, folder).stdout
    for name, photo in zip(names, photos):
        assert (folder / name).read_bytes() == photo
    (folder / names[0]).write_bytes(b"mine")  # never overwritten
    assert "written=1 already_there=2" in export(database, folder).stdout
    assert (folder / names[0]).read_bytes() == b"mine"
    assert (folder / names[0].replace(".jpg", "_2.jpg")).read_bytes() == photos[0]
    assert "written=0 already_there=3" in export(database, folder).stdout
    assert len(list(folder.iterdir())) == 4
    # idents that would leave the folder
    database.query("UPDATE avld.devices SET ident = '../../x y' WHERE ident = '5020002'")
    export(database, folder, "--ident=../../x y")
    assert (folder / f"-.-..-x-y_{stamp}_1.jpg").read_bytes() == photos[2]


def test_export_reports_errors(database, tmp_path):
    assert "missing" in subprocess.run([AVLD, "media"], capture_output=True, text=True).stderr
    assert subprocess.run([AVLD, "media", "--export"], capture_output=True).returncode == 2
    assert subprocess.run([AVLD, "media", "-o", "database.conninfo=dbname=x"], capture_output=True).returncode == 2
    (tmp_path / "file").write_text("")
    assert "file" in export(database, tmp_path / "file", code=1).stderr
    database.query("DROP TABLE avld.media")
    error = export(database, tmp_path / "photos", code=1).stderr
    assert "avld.media" in error and "'avld migrate' creates them" in error


@pytest.mark.parametrize("options", [[], ["--udp"], ["--deltas", "--gaps"]], ids=" ".join)
def test_simulated_trackers_send_photos(avld, database, options):
    avld.simulate("--devices", 3, "--count", 300, "--rate", 0, "--photos", *options)
    wait_for(lambda: database.one(COUNT + " WHERE complete") >= 3, "photos of simulated trackers")
