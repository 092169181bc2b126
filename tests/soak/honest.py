#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Honest trackers, many in one process: half PT-502, half GT06, over TCP, each from an address of its own, but a fifth of
them behind one address, like a carrier's NAT. The odometer numbers the reports.

    honest.py PORT SECONDS FIRST OUTPUT [trackers=200] [rate=500] [smart=0] [udp=0]

FIRST is the number of each tracker's first report. Prints "connected" once all have logged in and "ends" when the last report
is made, then waits for what is not acknowledged, and writes OUTPUT (JSON): made[ident] = times at which reports FIRST,
FIRST + 1, ... were made; acks = seconds from then to the acknowledgement.

A tracker whose connection breaks connects again and sends what was not acknowledged (GT06) or its last reports (PT-502).
smart=50 adds PT-502s that send each report as a delta to the one before. udp=20 adds PT-502s over UDP."""
import datetime
import heapq
import json
import pathlib
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))

import gt06  # noqa: E402
import pt502  # noqa: E402

NAT = "127.0.2.1"
RESENT = 100          # reports a PT-502 sends again after a break
RETRY_S = 0.5
FINISH_S = 60
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=3)

CRC = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x8408 if value & 1 else 0)
    CRC.append(value)


def crc(data):
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ CRC[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF


def time_of(number):
    return START + datetime.timedelta(seconds=number % 10000)


class Tracker:
    """One TCP connection, not blocking."""

    def __init__(self, fleet, number, ident):
        self.fleet, self.ident = fleet, ident
        self.source = NAT if number % 5 == 0 else f"127.0.1.{1 + number % 250}"
        self.made = []           # times of the reports
        self.peer, self.out, self.received = None, bytearray(), b""
        self.ready = False       # logged in
        self.ended = False
        self.breaks = self.refused = 0

    def connect(self):
        self.peer = socket.socket()
        self.peer.setblocking(False)
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer.bind((self.source, 0))
        self.peer.connect_ex(("127.0.0.1", self.fleet.port))
        self.out, self.received, self.ready, self.heard = bytearray(self.greeting()), b"", False, False
        self.fleet.selector.register(self.peer, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.writing = True

    def broken(self):
        self.drop()
        if self.ended:
            return
        self.breaks += 1
        self.refused += not self.heard
        self.fleet.later(RETRY_S, self.connect)

    def drop(self):
        if self.peer:
            self.fleet.selector.unregister(self.peer)
            self.peer.close()
            self.peer = None

    def handle(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self.connected()
                self.flush()
            if events & selectors.EVENT_READ:
                data = self.peer.recv(4096)
                if not data:
                    return self.closed()
                self.heard = True
                self.read(data)
        except BlockingIOError:
            pass
        except OSError:
            self.broken()

    def closed(self):
        self.broken()

    def connected(self):
        pass

    def send(self, data):
        self.out += data
        if self.peer:
            self.flush()

    def flush(self):
        try:
            while self.out:
                del self.out[:self.peer.send(self.out)]
        except BlockingIOError:
            pass
        except OSError:
            return self.broken()
        if bool(self.out) != self.writing:
            self.writing = bool(self.out)
            self.fleet.selector.modify(self.peer, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0), self)

    def report(self):
        self.made.append(time.time())
        self.send_report(len(self.made) - 1)


class Pt502(Tracker):
    def greeting(self):
        self.finishing = False
        return b"".join(self.record(n) for n in range(max(0, len(self.made) - RESENT), len(self.made)))

    def record(self, number):
        number += self.fleet.first
        return pt502.record(self.ident, time=time_of(number), tail=f"A/00010,00000/0,0,0,0/{number}//fa7/")

    def connected(self):
        self.ready = True

    def send_report(self, number):
        if self.peer:
            self.send(self.record(number))

    def read(self, data):
        pass

    def finish(self):
        """Everything has arrived when the server, which reads up to the end, closes."""
        if self.peer and self.ready and not self.out and not self.finishing:
            self.finishing = True
            try:
                self.peer.shutdown(socket.SHUT_WR)
            except OSError:
                self.broken()

    def closed(self):
        self.ended = self.finishing
        self.broken()


class Smart(Pt502):
    """Sends the first report of a connection whole and the others as deltas, each to the one before."""

    def send_report(self, number):
        if not self.peer:
            return
        record = self.record(number)
        self.send(pt502.full(pt502.delta(self.record(number - 1), record)) if number > self.whole else record)

    def greeting(self):
        self.whole = len(self.made)
        return super().greeting()


class Udp(Pt502):
    """Sends each report once; what the kernel drops is lost."""

    def connect(self):
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind((self.source, 0))
        self.peer.connect(("127.0.0.1", self.fleet.port))
        self.ready = True

    def send_report(self, number):
        self.peer.send(self.record(number))

    def finish(self):
        self.ended = True


class Gt06(Tracker):
    """Sends a report again on the next connection until it is acknowledged."""

    def greeting(self):
        self.pending = {} if not hasattr(self, "pending") else self.pending  # report -> not acknowledged
        self.serials = {}                                                    # serial of this connection -> report
        self.serial = 1
        return self.frame(0x01, bytes.fromhex("0" + self.ident))

    def frame(self, kind, body):
        inner = bytes([len(body) + 5, kind]) + body + struct.pack(">H", self.serial)
        return b"\x78\x78" + inner + struct.pack(">H", crc(inner)) + b"\r\n"

    def position(self, number):
        self.serial = self.serial % 65535 + 1
        self.serials[self.serial] = number
        number += self.fleet.first
        body = gt06.gps(time_of(number), -20.5, 30.25, 42, 90) + gt06.CELL + bytes([1, 0, 0]) + struct.pack(">I", number)
        return self.frame(0x22, body)

    def send_report(self, number):
        self.pending[number] = True
        if self.ready:
            self.send(self.position(number))

    def read(self, data):
        self.received += data
        while len(self.received) >= 10:
            kind, serial = self.received[3], struct.unpack(">H", self.received[4:6])[0]
            self.received = self.received[10:]
            if kind == 0x01:
                self.ready = True
                for number in sorted(self.pending):
                    self.send(self.position(number))
            elif self.serials.get(serial) in self.pending:
                number = self.serials.pop(serial)
                del self.pending[number]
                self.fleet.acks.append(time.time() - self.made[number])

    def finish(self):
        if not self.pending:
            self.ended = True
            self.drop()


class Fleet:
    def __init__(self, port, seconds, first, trackers=200, rate=500, smart=0, udp=0):
        self.port, self.seconds, self.first = port, seconds, first
        self.selector = selectors.EpollSelector()
        self.acks, self.late, self.timers, self.timer = [], [], [], 0
        self.trackers = [Pt502(self, n, f"{5021000 + n}") if n % 2 else Gt06(self, n, f"{860000000050000 + n}")
                         for n in range(trackers)]
        self.smart = [Smart(self, n, f"{5022000 + n}") for n in range(smart)]
        self.udp = [Udp(self, n, f"{5023000 + n}") for n in range(udp)]
        self.all = self.trackers + self.smart + self.udp
        self.rate = rate

    def later(self, delay_s, call):
        self.timer += 1
        heapq.heappush(self.timers, (time.monotonic() + delay_s, self.timer, call))

    def turn(self, until):
        """Waits for events until a time at most."""
        if self.timers:
            until = min(until, self.timers[0][0])
        for key, events in self.selector.select(max(0, until - time.monotonic())):
            if key.data.peer is key.fileobj:
                key.data.handle(events)
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()

    def reports(self, senders, rate, start):
        """(when, sender), one at a time and in turn."""
        return ((start + k / rate, senders[k % len(senders)]) for k in range(int(self.seconds * rate)))

    def run(self):
        for tracker in self.all:
            tracker.connect()
        patience = time.monotonic() + 5  # then it makes reports with those that are connected
        while not all(tracker.ready for tracker in self.trackers) and time.monotonic() < patience:
            self.turn(patience)
        print("connected", flush=True)
        start = time.monotonic()
        plans = [self.reports(self.trackers, self.rate, start)]
        plans += [self.reports(self.smart, len(self.smart) / 8, start)] if self.smart else []
        plans += [self.reports(self.udp, len(self.udp) * 2, start)] if self.udp else []
        for due, tracker in heapq.merge(*plans, key=lambda plan: plan[0]):
            while time.monotonic() < due:
                self.turn(due)
            self.late.append(time.monotonic() - due)
            tracker.report()
        print("ends", flush=True)
        end = time.monotonic() + FINISH_S
        while time.monotonic() < end:
            for tracker in self.all:
                if not tracker.ended:
                    tracker.finish()
            if all(tracker.ended for tracker in self.all):
                break
            self.turn(time.monotonic() + 0.05)

    def result(self):
        late = sorted(self.late)
        return {"made": {tracker.ident: tracker.made for tracker in self.trackers + self.smart},
                "udp": {tracker.ident: tracker.made for tracker in self.udp},
                "smart": [tracker.ident for tracker in self.smart], "acks": self.acks,
                "breaks": sum(tracker.breaks for tracker in self.all),
                "refused": sum(tracker.refused for tracker in self.trackers),
                "unfinished": sum(not tracker.ended for tracker in self.all),
                "late_p99": late[len(late) * 99 // 100]}


def main(port, seconds, first, output, *options):
    fleet = Fleet(int(port), float(seconds), int(first), **{key: int(value) for key, value in
                                                           (option.split("=") for option in options)})
    fleet.run()
    pathlib.Path(output).write_text(json.dumps(fleet.result()))


if __name__ == "__main__":
    main(*sys.argv[1:])
