# SPDX-License-Identifier: MIT
"""Trackers for measurements that `avld simulate` cannot do: one frame per read, sockets that stay open, frames whose time
of sending is recorded."""
import datetime
import multiprocessing
import socket
import threading
import time


def ident_of(number):
    return b"5%012d" % number


def frame(number, when_s):
    """Returns a PT-502 position of that time."""
    when = datetime.datetime.fromtimestamp(when_s, datetime.timezone.utc)
    return b"$POS,%s,%s%03d,A,4807.0380,N,01131.0000,E,22.40,84.40,%s,,,A/00010,00000/0,0,0,0/1200//fa7/\r\n" % (
        ident_of(number), when.strftime("%H%M%S.").encode(), when.microsecond // 1000, when.strftime("%d%m%y").encode())


def open_connections(port, count):
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def close_all(sockets):
    for peer in sockets:
        peer.close()


def send_bursts(port, connections, bursts, every_s, first_number=1):
    """Sends one frame per connection in turn, so that the daemon reads single frames."""
    sockets = open_connections(port, connections)
    # Device times increase by a second per burst, so that all records differ.
    base_s = time.time() - bursts - 60
    due = time.monotonic()
    for burst in range(bursts):
        frames = [frame(first_number + i, base_s + burst) for i in range(connections)]
        # Waits at least this long after the last burst, so that the daemon has read it.
        due = max(due, time.monotonic()) + every_s
        time.sleep(max(0, due - time.monotonic()))
        for peer, data in zip(sockets, frames):
            peer.send(data)
    close_all(sockets)


class Crowd:
    """Many idle connections, spread over processes because of the limit of open files."""

    def __init__(self, port, processes=2):
        self.members = []
        for index in range(processes):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_hold, args=(theirs, port, index, processes), daemon=True)
            process.start()
            self.members.append((ours, process))

    def grow(self, total):
        """Waits until there are so many connections, each of which has sent one report."""
        for index, (pipe, _) in enumerate(self.members):
            pipe.send(total * (index + 1) // len(self.members) - total * index // len(self.members))
        for pipe, _ in self.members:
            pipe.recv()

    def end(self):
        for pipe, process in self.members:
            pipe.send(None)
            process.join()


def _hold(pipe, port, index, processes):
    sockets = []
    while (want := pipe.recv()) is not None:
        while len(sockets) < want:
            peer = socket.create_connection(("127.0.0.1", port))
            peer.send(frame(1 + index + processes * len(sockets), time.time()))
            sockets.append(peer)
        pipe.send(True)
    close_all(sockets)


def _send_paced(port, devices, rate, seconds, pipe):
    """Records (device, device time in ms) -> time at which its last byte was sent."""
    sockets = open_connections(port, devices)
    for number, peer in enumerate(sockets, 1):
        peer.send(frame(number, time.time() - 60))
    pipe.send(True)
    pipe.recv()
    sent = []
    begin = time.monotonic()
    for n in range(int(rate * seconds)):
        left = begin + n / rate - time.monotonic()
        if left > 0:
            time.sleep(left)
        now = time.time()
        number = n % devices
        sockets[number].send(frame(number + 1, now))
        sent.append((number + 1, int(now * 1000 + 1e-6), time.monotonic()))
    pipe.send(sent)
    pipe.recv()
    close_all(sockets)


class Pacer:
    """Sends frames at a fixed rate from a separate process."""

    def __init__(self, port, devices, rate, seconds):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_send_paced, args=(port, devices, rate, seconds, theirs),
                                               daemon=True)
        self.process.start()
        self.pipe.recv()

    def go(self):
        self.pipe.send(True)

    def is_done(self):
        return self.pipe.poll()

    def result(self):
        sent = self.pipe.recv()
        self.pipe.send(True)
        self.process.join()
        return sent


class Sink:
    """A server that discards what it reads, to measure the client alone."""

    def __init__(self, udp=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        if not udp:
            self.socket.listen(4096)
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._drain, args=(peer,), daemon=True).start()

    @staticmethod
    def _drain(peer):
        buffer = bytearray(1 << 20)
        with peer:
            try:
                while peer.recv_into(buffer):
                    pass
            except OSError:
                pass

    def close(self):
        self.socket.close()
