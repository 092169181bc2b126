#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The attacks of test_hostile.py, each in a process of its own with low priority:

    hostile.py NAME PORT SECONDS [OPTION=VALUE]...

Runs one for SECONDS and prints what it did as JSON. Honest trackers have other addresses than SOURCE and MANY. The bytes are prepared
before the first is sent, so that an attack takes little processor time of a machine with two cores."""
import itertools
import json
import os
import pathlib
import random
import resource
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))

import gt06  # noqa: E402
import pt502  # noqa: E402

SOURCE = "127.0.3.1"
MANY = [f"127.0.4.{n}" for n in range(1, 201)]
CHUNK = 64 << 10
chance = random.Random(15)


class Attack:
    def __init__(self, port, seconds, options):
        self.target, self.seconds, self.options = ("127.0.0.1", port), seconds, options
        self.begin = time.monotonic()
        self.end = self.begin + seconds
        self.selector = selectors.EpollSelector()
        self.done = {"connections": 0, "closed": 0, "sent": 0, "received": 0, "datagrams": 0}

    # ---- TCP

    def connect(self, source=SOURCE):
        """Returns a connection that does not block, or None if there are no more ports."""
        peer = socket.socket()
        peer.setblocking(False)
        try:
            peer.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            peer.bind((source, 0))
            peer.connect_ex(self.target)
        except OSError:
            peer.close()
            return None
        self.done["connections"] += 1
        return peer

    def stream(self, connections, make, read=True, again=True):
        """Connections that send make() for ever: make returns a head, and a block that is repeated. One that is closed
        connects again."""
        def add():
            peer = self.connect()
            if peer:
                head, block = make()
                events = selectors.EVENT_WRITE | (selectors.EVENT_READ if read else 0)
                self.selector.register(peer, events, [memoryview(head) if head else memoryview(block), block, 0])
        for _ in range(connections):
            add()
        while time.monotonic() < self.end:
            for key, events in self.selector.select(0.1):
                peer, state = key.fileobj, key.data
                try:
                    if events & selectors.EVENT_READ:
                        data = peer.recv(1 << 18)
                        self.done["received"] += len(data)
                        if not data:
                            raise ConnectionError
                    if events & selectors.EVENT_WRITE:
                        count = peer.send(state[0])
                        self.done["sent"] += count
                        state[0] = state[0][count:] or memoryview(state[1])
                except BlockingIOError:
                    continue
                except OSError:
                    self.selector.unregister(peer)
                    peer.close()
                    self.done["closed"] += 1
                    if again:
                        add()

    def hold(self, count, data, sources=(SOURCE,), rate=None, drip=None):
        """Opens connections, sends data(n) on each, and keeps them open. drip: a byte a second on each."""
        held = []
        for n, source in zip(range(count), itertools.cycle(sources)):
            if rate:
                time.sleep(max(0, self.begin + n / rate - time.monotonic()))
            peer = self.connect(source)
            if not peer or time.monotonic() > self.end:
                break
            peer.setblocking(True)
            peer.settimeout(1)
            text = data(n)
            try:
                if text:
                    peer.sendall(text)
                    self.done["sent"] += len(text)
            except OSError:
                pass
            peer.setblocking(False)
            held.append(peer)
        self.done["held"] = len(held)
        while time.monotonic() < self.end:
            time.sleep(min(1, max(0, self.end - time.monotonic())))
            for peer in held if drip else ():
                try:
                    peer.send(drip)
                except OSError:
                    pass

    # ---- UDP

    def datagrams(self, make, rate, sockets=1, sources=(SOURCE,)):
        """Sends make(n) at a rate per second, and reads no replies."""
        peers = []
        for n in range(sockets):
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            peer.bind((sources[n % len(sources)], 0))
            peer.connect(self.target)
            peer.setblocking(False)
            peers.append(peer)
        sent = size = 0
        count = int(rate * self.seconds)
        while sent < count and time.monotonic() < self.end + 0.5 * self.seconds:
            due = min(count, int((time.monotonic() - self.begin) * rate) + 1)
            for n in range(sent, min(due, sent + 2000)):
                data = make(n)
                try:
                    peers[n % sockets].send(data)
                except OSError:
                    continue
                size += len(data)
            sent = max(sent, min(due, sent + 2000))
            if sent >= due:
                time.sleep(0.002)
        self.done["datagrams"], self.done["sent"] = sent, size


def idle(attack):
    attack.hold(attack.options.get("count", 9000), lambda n: b"")


def slowloris(attack):
    attack.hold(attack.options.get("count", 2000), lambda n: b"$POS,50", drip=b"1")


def connect_storm(attack):
    n = 0
    while time.monotonic() < attack.end:
        due = (time.monotonic() - attack.begin) * 2000
        while n < due:
            peer = attack.connect()
            if peer:
                peer.close()
            n += 1
        time.sleep(0.002)


def reset_mid_frame(attack):
    """2,000 connections a second that end with a reset in the middle of a frame."""
    n = 0
    half = pt502.record()[:40]
    while time.monotonic() < attack.end:
        due = (time.monotonic() - attack.begin) * 2000
        while n < due:
            peer = attack.connect()
            n += 1
            if not peer:
                continue
            peer.setblocking(True)
            peer.settimeout(1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                peer.sendall(half)
            except OSError:
                pass
            peer.close()
        time.sleep(0.002)


def invented_connections(attack):
    attack.hold(attack.options.get("count", 9990), lambda n: pt502.record(f"{8000000 + n}"))


def random_bytes(attack):
    block = chance.randbytes(1 << 20)
    attack.stream(20, lambda: (b"", block))


def endless_full(attack):
    block = chance.randbytes(1 << 20)
    attack.stream(20, lambda: (b"\xbf\xfb\x00\xff\xff", block))


def endless_long(attack):
    block = chance.randbytes(1 << 20)
    attack.stream(20, lambda: (b"\x79\x79\xff\xff", block))


def heartbeats():
    return b"".join(gt06.heartbeat(n) for n in range(1, 4001))


def never_read(attack):
    block, serial = heartbeats(), itertools.count()
    attack.stream(50, lambda: (gt06.login(f"{861000000000000 + next(serial)}"), block), read=False)


def heartbeat_flood(attack):
    block = heartbeats()
    attack.stream(1, lambda: (gt06.login("861000000000001"), block))


def udp_invented(attack):
    """Reports of invented trackers, each once; a hundred sockets of one address."""
    head, tail = pt502.record("1111111").split(b"1111111")
    attack.datagrams(lambda n: head + b"%07d" % (1000000 + n) + tail,
                     attack.options["rate"], 100)


def udp_random(attack):
    pieces = [chance.randbytes(480) for _ in range(500)]
    attack.datagrams(lambda n: pieces[n % 500], 10000, 10)


def udp_garbage(attack):
    pieces = [chance.randbytes(1400) for _ in range(500)]
    attack.datagrams(lambda n: pieces[n % 500], 60000, 10)


def udp_text(attack):
    pieces = [b"hello world, this is no tracker %d " % n * 40 for n in range(500)]
    pieces = [piece[:1400] for piece in pieces]
    attack.datagrams(lambda n: pieces[n % 500], 20000, 10)


def gt06_before_login(attack):
    pieces = [gt06.position(n) for n in range(1, 501)]
    attack.datagrams(lambda n: pieces[n % 500], 20000, 100)


def refused_idents(attack):
    head, tail = pt502.record("1111111").split(b"1111111")
    attack.datagrams(lambda n: head + b"%07d" % (1000000 + n) + tail, attack.options["rate"], 100)


PROBES = [
    bytes.fromhex("16030100c8010000c40303") + bytes(190),                                     # TLS
    b"SSH-2.0-Go\r\n",
    b"GET / HTTP/1.1\r\nHost: 192.0.2.1:8888\r\nUser-Agent: Mozilla/5.0 zgrab/0.x\r\nAccept: */*\r\n\r\n",
    b"POST /boaform/admin/formLogin HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd",
    bytes.fromhex("030000130ee000000000000100080003000000"),                                  # RDP
    bytes.fromhex("00000045ff534d4272000000001801c8") + bytes(53),                            # SMB
    b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\nFrom: <sip:nm@nm>;tag=root\r\n\r\n",
    b"MGLNDD_192.0.2.1_8888\n",
    b"\x00\x0e\x38\x7e\x9b\x2c\x0d\x52",
]


def scanners(attack):
    """2,000 connections a second from 200 addresses; each waits for an answer for up to two seconds."""
    n, peers = 0, []
    count = attack.options.get("count", 10000)
    while time.monotonic() < attack.end:
        due = min(count, (time.monotonic() - attack.begin) * count / attack.seconds * 1.2)
        while n < due:
            peer = attack.connect(MANY[n % len(MANY)])
            if peer:
                peer.setblocking(True)
                peer.settimeout(1)
                try:
                    peer.sendall(PROBES[n // len(MANY) % len(PROBES)])
                except OSError:
                    pass
                peers.append((time.monotonic(), peer))
            n += 1
        while peers and peers[0][0] < time.monotonic() - 2:
            peers.pop(0)[1].close()
        time.sleep(0.002)


BAD_TEXT = [b"'; DROP TABLE avld.positions; --", b"\\x00\\N\\.", b"\t\x01\x02\x1b[31m\x7f", b"\xff\xfe\xc0\x80", b"%s%n%x", b"\x00",
            b'"}],"a":{"b":"', b"A" * 300, "\u202e\u2028".encode(), b"1e999", b"-0", b"NaN", b"\r", b"99999999999999999999"]


def hostile_text(attack):
    """Records with hostile text in each field in turn, over TCP and UDP."""
    frames = []
    for text in BAD_TEXT:
        fields = pt502.record("8100001").rstrip().split(b",")
        for n in range(len(fields)):
            frames.append(b",".join(fields[:n] + [text] + fields[n + 1:]) + b"\r\n")
            frames.append(b",".join(fields[:n] + [fields[n] + text] + fields[n + 1:]) + b"\r\n")
        frames.append(b"*HQ,8100001234," + text + b",121300,A,2233.1234,N,11404.1234,E,000.1,000,010101,FFFFFFFF#")
        frames.append(b"(081234567890BP00" + text + b"HSO)")
        frames.append(b"##,imei:" + text + b",A;imei:" + text + b",tracker,0809231929," + text + b",F,112909.397,A,2234.4669,N,11354.3287,E,0.11,;")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((SOURCE, 0))
    while time.monotonic() < attack.end:
        peer = attack.connect()
        peer.setblocking(True)
        peer.settimeout(2)
        for frame in frames:
            try:
                peer.sendall(frame)
            except OSError:
                peer.close()
                peer = attack.connect()
                peer.setblocking(True)
                peer.settimeout(2)
            udp.sendto(frame, attack.target)
            attack.done["sent"] += 2 * len(frame)
            time.sleep(0.0005)
        peer.close()


def many_days(attack):
    """One known tracker sends 400 records of 400 days."""
    import datetime
    now = pt502.now()
    data = b"".join(pt502.record("8200001", time=now - datetime.timedelta(days=n)) for n in range(400))
    attack.hold(1, lambda n: data)


def photos(attack):
    """300 trackers announce photos of 1 MiB and send a part every few seconds, or none."""
    attack.hold(300, lambda n: pt502.record(f"{8300000 + n}", "PHO1048576"), sources=MANY)


def photos_held(attack):
    """300 trackers announce photos of 1 MiB; the first 68 send a bit more than half of theirs at once, which takes all memory
    for photos, and then a part every five seconds."""
    half, cameras = (512 << 10) + 20 * 960, {}

    def answer(peer, text):
        offset, count = map(int, text[4:].split(b","))
        peer.send(pt502.full(b"$PHD%d,%d,%s\r\n" % (offset, count, bytes(count))))
    for n in range(300):
        peer = attack.connect(MANY[n % len(MANY)])
        peer.setblocking(True)
        peer.settimeout(2)
        peer.sendall(pt502.record(f"{8300000 + n}", "PHO1048576"))
        if n < 68:
            cameras[peer] = [b"", 0, None]  # received; bytes of the photo sent; the request that is not answered yet
            attack.selector.register(peer, selectors.EVENT_READ)
        else:
            cameras[peer] = None
    due = time.monotonic() + 5
    while time.monotonic() < attack.end:
        for key, _ in attack.selector.select(0.2):
            state = cameras[key.fileobj]
            try:
                state[0] += key.fileobj.recv(65536)
            except OSError:
                continue
            *lines, state[0] = state[0].split(b"\r\n")
            for text in lines:
                if not text.startswith(b"#PHD"):
                    continue
                if state[1] >= half:
                    state[2] = text
                    continue
                state[1] += int(text.split(b",")[1])
                answer(key.fileobj, text)
        if time.monotonic() >= due:
            due += 5
            for peer, state in cameras.items():
                if state and state[2]:
                    answer(peer, state[2])
                    state[2] = None
    attack.done["sent"] = sum(state[1] for state in cameras.values() if state)


ATTACKS = {call.__name__: call for call in (
    idle, slowloris, connect_storm, reset_mid_frame, invented_connections, random_bytes, endless_full, endless_long, never_read,
    heartbeat_flood, udp_invented, udp_random, udp_garbage, udp_text, gt06_before_login, refused_idents, scanners,
    hostile_text, many_days, photos, photos_held)}


def main(name, port, seconds, *options):
    os.nice(10)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attack = Attack(int(port), float(seconds), {key: int(value) for key, value in (option.split("=") for option in options)})
    attack.begin = time.monotonic()
    attack.end = attack.begin + attack.seconds
    ATTACKS[name](attack)
    print(json.dumps(attack.done))


if __name__ == "__main__":
    main(*sys.argv[1:])
