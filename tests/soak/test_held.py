# SPDX-License-Identifier: MIT
"""Fault 12: kill -9 while frames wait for their reference and photos are received. Each round has trackers of its own."""
import datetime
import random
import socket

import pt502
from harness import free_port, metrics, rounds, wait_for

PART = 960


class Deltas:
    """A PT-502 that sends two deltas before its log, which has the record that the first refers to."""

    def __init__(self, daemon, ident):
        self.daemon, self.ident = daemon, ident
        self.start = pt502.now(-3600)
        self.peer = daemon.tcp()

    def record(self, number, end=b"\r\n"):
        return pt502.record(ident=self.ident, time=self.start + datetime.timedelta(seconds=10 * number),
                            lat=f"5412.{1000 + 137 * number:04d},N", lon=f"00748.{2000 + 253 * number:04d},E",
                            speed=f"{20 + number * 7 % 30}.{number * 37 % 100:02d}",
                            course=f"{number * 143 % 360}.{number * 71 % 100:02d}",
                            tail=f"A/00010,00000/0,0,0,0/{number}//f{'0123456789abcdef'[number % 16]}7/", end=end)

    def hold(self):
        """Returns the number of frames sent."""
        live = pt502.delta(self.record(4, b"#\n"), self.record(5))
        self.peer.sendall(self.record(0) + pt502.full(live) + pt502.full(pt502.delta(self.record(5), self.record(6))))
        return 3

    def come_back(self):
        self.peer.close()
        with self.daemon.tcp() as peer:
            peer.sendall(b"".join(self.record(number, b"#\n") for number in range(1, 5)))


class Camera:
    """A PT-502 that announces a photo and sends some of its parts."""

    def __init__(self, daemon, ident, parts, sent):
        self.daemon, self.ident, self.parts, self.sent = daemon, ident, parts, sent
        inside = bytes(random.Random(ident).choices(range(256), k=PART * parts - 4))
        self.photo = b"\xff\xd8" + inside + b"\xff\xd9"
        self.announcement = pt502.record(ident, f"PHO{len(self.photo)}", time=pt502.now(-60))
        self.peer = daemon.tcp()

    def send(self, peer, count):
        """Sends so many parts, each when it is asked for."""
        peer.settimeout(30)
        peer.sendall(self.announcement)
        with peer.makefile("rb") as requests:
            for part in range(count):
                offset, size = map(int, requests.readline()[4:].split(b","))
                assert (offset, size) == (part * PART, PART)
                peer.sendall(pt502.full(b"$PHD%d,%d,%s\r\n" % (offset, size, self.photo[offset:offset + size])))
            if count < self.parts:
                assert requests.readline()  # the next request: avld has the last part

    def hold(self):
        self.send(self.peer, self.sent)
        return 1 + self.sent

    def come_back(self):
        self.peer.close()
        with self.daemon.tcp() as peer:
            self.send(peer, self.parts)
            peer.shutdown(socket.SHUT_WR)
            assert peer.recv(1) == b""


POSITIONS = """SELECT ident, array_agg(odometer_m::int ORDER BY odometer_m) FROM avld.positions p
               JOIN avld.devices d ON d.id = device_id WHERE event = 'POS' GROUP BY 1"""
MEDIA = "SELECT ident, complete, bytes FROM avld.media m JOIN avld.devices d ON d.id = device_id"


def test_kills_lose_nothing_that_is_held(daemons, database, results):
    """The second kill comes at a random moment of the start, of the return of the trackers, or after it."""
    chance = random.Random(12)
    avld = daemons({"media.photos": "on", "http.listen": f"127.0.0.1:{free_port()}"}).start()
    turns, kills = rounds(50, 250), 0
    tracks, photos = {}, {}
    for turn in range(turns):
        trackers = [Deltas(avld, f"51{turn:04d}{n}") for n in range(3)]
        cameras = [Camera(avld, f"52{turn:04d}{n}", 6, chance.randrange(1, 6)) for n in range(2)]
        before = metrics(avld)["avld_frames_total"]
        sent = sum(tracker.hold() for tracker in trackers + cameras)
        wait_for(lambda: metrics(avld)["avld_frames_total"] >= before + sent, "all to be read")
        avld.kill()
        kills += 1
        if chance.random() < 0.5:
            avld.spawn()
            wait_for(lambda: chance.random() < 0.2, "a random moment of the start")
            avld.kill()
        else:
            avld.start()
            avld.kill()
        kills += 1
        avld.start()
        for tracker in trackers:
            tracker.come_back()
            tracks[tracker.ident] = list(range(7))
        for camera in cameras:
            photos[camera.ident] = (False, camera.photo[:camera.sent * PART])
            if chance.random() < 0.5:
                camera.come_back()
                photos[camera.ident] = (True, camera.photo)
            else:
                camera.peer.close()
    wait_for(lambda: dict(database.query(POSITIONS)) == tracks, "all records")
    wait_for(lambda: {ident: (complete, bytes(got)) for ident, complete, got in database.query(MEDIA)} == photos,
             "all photos")
    stored = sum(map(len, dict(database.query(POSITIONS)).values())) + database.one("SELECT count(*)::int FROM avld.media")
    assert database.query("SELECT reason, ident FROM avld.rejects") == []
    assert database.one("SELECT count(*)::int FROM avld.media_parts") == 0
    results.add(12, "kill -9 with held frames and photos", kills, sum(map(len, tracks.values())) + len(photos), stored)
