# SPDX-License-Identifier: MIT
"""Faults 1 and 2 with a large fleet: many devices that report in turn, in bursts for which the writer is too slow, so that
device_state is written later than positions."""
import datetime
import random
import socket
import threading
import time

import pt502
from harness import FULL, compare, free_port, rounds, wait_for
from test_kill import fixed_port
from test_states import BEHIND, DIFFERENT

CONNECTIONS = 4
DEVICES = rounds(10_000, 100_000) // CONNECTIONS  # of each connection
BURST = rounds(4000, 5000)  # records of each connection in a round
PIECE = 500  # records that are sent at once


class Gateway(threading.Thread):
    """Sends bursts of records, of its devices in turn, over a connection each, which it closes. It gets no acknowledgements: a
    burst counts as read when avld has closed the connection in order, and was not killed meanwhile; otherwise it is sent again."""

    def __init__(self, fleet, number):
        super().__init__(daemon=True)
        self.fleet = fleet
        self.idents = [f"{52_000_000 + DEVICES * number + n}" for n in range(DEVICES)]
        self.heads = [b"$POS,%s," % ident.encode() for ident in self.idents]
        self.done = 0  # bursts
        self.begun = 0  # connections

    def record(self, number):
        turn, device = divmod(number, DEVICES)
        clock, date = pt502.stamp(self.fleet.start_time + datetime.timedelta(seconds=turn))
        return self.heads[device] + f"{clock},A,4807.0380,N,01131.0000,E,22.40,84.40,{date},,,A/00010,00000/0/{turn}//fa7/\r\n".encode()

    def send(self, burst):
        """Returns true if avld has read it."""
        kills = self.fleet.kills
        with socket.create_connection(("127.0.0.1", self.fleet.port), 5) as peer:
            self.begun += 1
            peer.settimeout(60)
            for first in range(burst * BURST, (burst + 1) * BURST, PIECE):
                peer.sendall(b"".join(map(self.record, range(first, first + PIECE))))
            peer.shutdown(socket.SHUT_WR)
            return peer.recv(1) == b"" and self.fleet.kills == kills

    def run(self):
        while self.fleet.wait_due(self.done):
            try:
                if self.send(self.done):
                    self.done += 1
                    continue
            except OSError:
                pass
            time.sleep(0.02)  # before it connects again

    def expected(self):
        """Ident -> number of records."""
        turns, more = divmod(self.done * BURST, DEVICES)
        return {ident: turns + (n < more) for n, ident in enumerate(self.idents)}


class Gateways:
    def __init__(self, port):
        self.port = port
        self.start_time = pt502.now(-7200)
        self.kills = 0  # of avld: increased before each
        self.due = 0    # bursts of each gateway
        self.ended = False
        self.changed = threading.Condition()
        self.members = [Gateway(self, number) for number in range(CONNECTIONS)]
        for member in self.members:
            member.start()

    def burst(self):
        with self.changed:
            self.due += 1
            self.changed.notify_all()

    def wait_due(self, done):
        """Waits until a burst after these is due. Returns false after the last one."""
        with self.changed:
            self.changed.wait_for(lambda: self.due > done or self.ended)
            return self.due > done

    def finish(self, patience_s=120):
        """Returns ident -> number of records."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        expected = {}
        for member in self.members:
            member.join(patience_s)
            assert not member.is_alive(), f"burst {member.done} is not read"
            expected |= member.expected()
        return expected

    def repeats(self):
        return sum(member.begun - member.done for member in self.members)


def settings():
    return {"database.batch_rows": "1000", "server.max_connections_per_ip": "0", "devices.new_per_minute": "0",
            "devices.new_per_address": "0", "journal.segment_size": "16M", "http.listen": f"127.0.0.1:{free_port()}"}


def verify(database, avld, fleet, results, fault, what, turns, behind):
    expected = fleet.finish()
    sent = sum(expected.values())
    wait_for(lambda: database.one("SELECT count(*) FROM avld.positions") >= sent, f"{sent} positions", rounds(120, 600))
    stored, missing, twice = compare(database, expected)
    database.wait(DIFFERENT, 0, patience_s=120)
    avld.end()
    assert behind > 0 or not FULL
    assert database.one("SELECT count(*)::int FROM avld.checkpoint WHERE state_lsn <> lsn") == 0
    assert database.one("SELECT count(*)::int FROM avld.device_state") == sum(count > 0 for count in expected.values())
    assert database.one("SELECT count(*)::int FROM avld.rejects WHERE reason <> 'incomplete frame'") == 0
    results.add(fault, what, turns, sent, stored, missing, twice,
                f"{len(expected)} devices; device_state was later in {behind} rounds; bursts sent again: {fleet.repeats()}")


def is_behind(database):
    """Returns 1 if device_state is later than positions; 0 also before the first connection of avld."""
    return database.one("SELECT coalesce((" + BEHIND + "), 0)")


def test_kills_of_avld_under_a_fleet_lose_nothing(daemons, database, results):
    chance = random.Random(16)
    avld = fixed_port(daemons, settings())
    fleet = Gateways(avld.port)
    turns, behind = rounds(3, 100), 0
    for _ in range(turns):
        fleet.burst()
        time.sleep(chance.uniform(0, 1))  # a random moment of the burst, or after it
        fleet.kills += 1
        avld.kill()
        behind += is_behind(database)
        avld.start()
    verify(database, avld, fleet, results, 1, "kill -9 of avld under a fleet", turns, behind)


def test_kills_of_the_database_under_a_fleet_lose_nothing(daemons, cluster, own_database, results):
    chance = random.Random(17)
    avld = fixed_port(daemons, {**settings(), "database.conninfo": own_database.conninfo})
    avld.database = own_database
    fleet = Gateways(avld.port)
    turns, behind = rounds(2, 30), 0
    for _ in range(turns):
        fleet.burst()
        time.sleep(chance.uniform(0, 2))
        cluster.kill()
        cluster.start()
        behind += cluster.admin("SELECT coalesce((" + BEHIND + "), 0)", own_database.name)[0][0]
    verify(own_database, avld, fleet, results, 2, "kill -9 of the database under a fleet", turns, behind)
