# SPDX-License-Identifier: MIT
"""Trackers that behave like real ones: a thread each; the odometer numbers the records from 0."""
import datetime
import socket
import struct
import threading
import time

import gt06
import pt502

LAST_RECORDS = 10000  # more than the sockets of both sides can hold unread


class Tracker(threading.Thread):
    """Connects and sends; connects again when the connection breaks, until finish or abort."""

    def __init__(self, port, device, rate):
        super().__init__(daemon=True)
        self.port, self.device, self.rate = port, device, rate
        self.made = 0        # records made so far: 0 .. made - 1
        self.breaks = 0
        self.finishing = threading.Event()
        self.aborting = threading.Event()
        self.start_time = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=2)

    def time_of(self, number):
        return self.start_time + datetime.timedelta(seconds=number)

    def run(self):
        while not self.aborting.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as peer:
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    peer.settimeout(None)
                    if self.talk(peer):
                        return
            except OSError:
                pass
            self.breaks += 1
            time.sleep(0.02)  # a tracker waits before it connects again

    def finish(self):
        self.finishing.set()

    def abort(self):
        self.aborting.set()

    def pace(self, started, done):
        """Sleeps until record `done` of this connection is due."""
        ahead = started + done / self.rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


class Pt502(Tracker):
    """Gets no acknowledgements: after a broken connection it sends its last records again."""

    def record(self, number):
        return pt502.record(ident=self.device, time=self.time_of(number), tail=f"A/00010,00000/0,0,0,0/{number}//fa7/")

    def talk(self, peer):
        for first in range(max(0, self.made - LAST_RECORDS), self.made, 200):
            peer.sendall(b"".join(self.record(n) for n in range(first, min(first + 200, self.made))))
        started, done = time.monotonic(), 0
        while not self.finishing.is_set():
            if self.aborting.is_set():
                return True
            chunk = 10
            records = [self.record(self.made + n) for n in range(chunk)]
            self.made += chunk  # counted before it is sent: the tracker has logged it
            peer.sendall(b"".join(records))
            done += chunk
            self.pace(started, done)
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(60)
        return peer.recv(1) == b""  # avld has read all; otherwise the records are sent again


class Gt06(Tracker):
    """Sends a record again until it is acknowledged, never after that."""

    WINDOW = 8

    def __init__(self, port, device, rate):
        super().__init__(port, device, rate)
        self.pending = {}    # number -> serial on this connection
        self.acknowledged = set()
        self.serial = 0

    def frame(self, number):
        self.serial = self.serial % 65535 + 1
        self.pending[number] = self.serial
        body = gt06.gps(self.time_of(number), -20.5, 30.25, 42, 90) + gt06.CELL + bytes([1, 0, 0])
        return gt06.frame(0x22, body + struct.pack(">I", number), self.serial)

    def read_answer(self, peer):
        head = gt06.read_exactly(peer, 10)
        assert head[:3] == b"\x78\x78\x05" and gt06.answer(head[3], struct.unpack(">H", head[4:6])[0]) == head, head.hex()
        return head[3], struct.unpack(">H", head[4:6])[0]

    def handle_answer(self, peer):
        kind, serial = self.read_answer(peer)
        assert kind == 0x22
        number = next(n for n, s in self.pending.items() if s == serial)
        del self.pending[number]
        self.acknowledged.add(number)

    def talk(self, peer):
        try:
            return self.converse(peer)
        except AssertionError as broken:
            if "closed after" in str(broken):
                return False
            raise

    def converse(self, peer):
        peer.settimeout(60)
        self.serial += 1
        peer.sendall(gt06.login(self.device, self.serial & 0xFFFF))
        assert self.read_answer(peer)[0] == 0x01
        for number in sorted(self.pending):
            peer.sendall(self.frame(number))
        started, done = time.monotonic(), 0
        while self.pending or not self.finishing.is_set():
            if self.aborting.is_set():
                return True
            while len(self.pending) < self.WINDOW and not self.finishing.is_set():
                number, self.made = self.made, self.made + 1
                peer.sendall(self.frame(number))
                done += 1
            self.handle_answer(peer)
            self.pace(started, done)
        return True


class Fleet:
    """Trackers of both protocols."""

    def __init__(self, port, pt502s=3, gt06s=3, rate=400):
        self.trackers = [Pt502(port, f"50210{n:02d}", rate) for n in range(pt502s)]
        self.trackers += [Gt06(port, f"8600000000021{n:02d}", rate) for n in range(gt06s)]
        for tracker in self.trackers:
            tracker.start()

    def expected(self):
        return {tracker.device: tracker.made for tracker in self.trackers}

    def sent(self):
        return sum(tracker.made for tracker in self.trackers)

    def finish(self, patience_s=120):
        """Lets each send its remaining records. Returns ident -> number of records."""
        for tracker in self.trackers:
            tracker.finish()
        for tracker in self.trackers:
            tracker.join(patience_s)
            assert not tracker.is_alive(), f"{tracker.device} is stuck at record {tracker.made}"
        return self.expected()

    def abort(self):
        for tracker in self.trackers:
            tracker.abort()
