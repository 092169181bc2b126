# SPDX-License-Identifier: MIT
"""A TCP proxy between avld and PostgreSQL that counts bytes and cuts connections at a chosen byte.

    avld ---- to server ---->  |  ---- to server ----> PostgreSQL
         <--- to client -----  |  <--- to client -----

arm(direction, after, how) cuts once `after` more bytes have passed in that direction: exactly so many reach the other
side. how: "close" closes both ends in order, "reset" resets both, "half" closes avld's end and leaves the server's open
until its backend is terminated, "hang" leaves both open and passes nothing more.
"""
import contextlib
import os
import selectors
import socket
import struct
import threading

TO_SERVER, TO_CLIENT = 0, 1


class Link:
    def __init__(self, client, server):
        self.ends = [client, server]  # sockets to read from; index = direction
        self.hangs = False


class Proxy:
    def __init__(self, host, port):
        self.host, self.server_port = host, port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.RLock()
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = os.pipe()
        self.links = []
        self.orphans = []  # open ends of links that were cut "half" or "hang"
        self.passed = [0, 0]
        self.armed = None
        self.cuts = 0
        self.blocked = False  # reject new links
        self.silent = False  # accept them and send nothing
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.selector.register(self.wake_read, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def conninfo(self, database):
        return (f"host=127.0.0.1 port={self.port} dbname={database.name} sslmode=disable gssencmode=disable"
                f" user={os.environ.get('PGUSER', 'postgres')}")

    # ---- called by tests

    def arm(self, direction, after, how="close"):
        with self.lock:
            self.armed = [direction, after, how]

    def disarm(self):
        with self.lock:
            self.armed = None

    def count(self):
        """Returns the bytes passed since the last call: [to server, to client]."""
        with self.lock:
            passed, self.passed = self.passed, [0, 0]
            return passed

    def block(self):
        """Makes the database unreachable: cuts all links and rejects new ones."""
        with self.lock:
            self.blocked = True
            self.drop_all()

    def unblock(self):
        with self.lock:
            self.blocked = self.silent = False
            self.drop_all()  # hanging and silent ones

    def drop_all(self, how="reset"):
        with self.lock:
            for link in list(self.links):
                self.cut(link, how)
            for end in self.orphans:
                end.close()
            self.orphans.clear()

    def close(self):
        with self.lock:
            self.drop_all()
            self.blocked = True
        os.write(self.wake_write, b"x")
        self.thread.join()
        self.listener.close()
        os.close(self.wake_read)
        os.close(self.wake_write)
        self.selector.close()

    # ---- in the thread

    def run(self):
        while True:
            for key, _ in self.selector.select():
                with self.lock:
                    if key.fileobj == self.wake_read:
                        return
                    if key.fileobj is self.listener:
                        self.accept()
                    elif key.fileobj.fileno() >= 0 and key.data[0] in self.links:
                        self.forward(*key.data)

    def accept(self):
        client, _ = self.listener.accept()
        if self.blocked:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        if self.silent:
            self.orphans.append(client)
            return
        server = self.connect()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        self.links.append(link)
        for direction, end in enumerate(link.ends):
            self.selector.register(end, selectors.EVENT_READ, (link, direction))

    def connect(self):
        if self.host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self.host}/.s.PGSQL.{self.server_port}")
            return server
        return socket.create_connection((self.host, self.server_port))

    def forward(self, link, direction):
        try:
            data = link.ends[direction].recv(65536)
        except OSError:
            data = b""
        if not data:
            self.cut(link, "close")
            return
        armed = self.armed if self.armed and self.armed[0] == direction else None
        cut_now = armed and armed[1] <= len(data)
        if cut_now:
            data = data[:armed[1]]
        elif armed:
            armed[1] -= len(data)
        self.passed[direction] += len(data)
        with contextlib.suppress(OSError):
            link.ends[1 - direction].sendall(data)
        if cut_now:
            self.armed = None
            self.cuts += 1
            self.cut(link, armed[2])

    def cut(self, link, how):
        for end in link.ends:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(end)
        self.links.remove(link)
        if how == "hang":
            self.orphans += link.ends
            return
        client, server = link.ends
        if how == "reset":
            for end in link.ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        if how == "half":
            self.orphans.append(server)
        else:
            server.close()
