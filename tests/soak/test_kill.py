# SPDX-License-Identifier: MIT
"""Fault 1: kill -9 of avld at random moments under load. Fault 9: SIGTERM and SIGHUP in any state."""
import random
import signal
import time

import pytest

import pt502
from harness import FULL, PATIENCE_S, free_port, rounds, wait_for, wait_stored
from proxy import TO_CLIENT, TO_SERVER
from trackers import Fleet, Gt06

COUNT = "SELECT count(*)::int FROM avld.positions"


def fixed_port(daemons, options=()):
    """Starts a daemon that has the same port after each restart."""
    return daemons({"server.listen": f"127.0.0.1:{free_port()}", **dict(options)}).start()


def test_kills_at_random_moments_lose_nothing(daemons, database, results):
    """Also before it is ready, and while a batch is being sent."""
    chance = random.Random(1)
    avld = fixed_port(daemons)
    fleet = Fleet(avld.port)
    turns = rounds(12, 200)
    for turn in range(turns):
        time.sleep(chance.uniform(0, 0.4))  # a random moment
        avld.kill()
        if chance.random() < 0.25:  # also during the start
            avld.spawn()
            time.sleep(chance.uniform(0, 0.15))
            avld.kill()
        avld.start()
        if chance.random() < 0.3:
            avld.process.send_signal(signal.SIGHUP)
    expected = fleet.finish()
    stored, missing, twice = wait_stored(database, expected)
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects WHERE reason <> 'incomplete frame'") == 0
    results.add(1, "kill -9 of avld under load", turns, sum(expected.values()), stored, missing, twice)


# ---- fault 9

def unreachable(avld, proxy):
    proxy.block()


def silent_server(avld, proxy):
    """Accepts connections and never answers."""
    proxy.block()
    proxy.unblock()
    proxy.silent = True
    proxy.drop_all()


def hangs_in_copy(avld, proxy):
    proxy.arm(TO_SERVER, 2000, "hang")


def hangs_in_commit(avld, proxy):
    proxy.arm(TO_CLIENT, 1, "hang")


def all_is_well(avld, proxy):
    pass


STATES = [all_is_well, unreachable, hangs_in_commit] + [silent_server, hangs_in_copy] * FULL


@pytest.mark.parametrize("state", STATES, ids=[state.__name__ for state in STATES])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT] if FULL else [signal.SIGTERM])
def test_a_signal_ends_any_state_without_loss(daemons, proxy, database, results, state, number):
    options = {"database.conninfo": proxy.conninfo(database)}
    avld = fixed_port(daemons, options)
    tracker = Gt06(avld.port, "860000000000025", 200)
    tracker.start()
    database.wait("SELECT (count(*) > 10)::int FROM avld.positions", 1)
    state(avld, proxy)
    more = len(tracker.acknowledged) + 100
    wait_for(lambda: len(tracker.acknowledged) > more, "a backlog")
    avld.process.send_signal(signal.SIGHUP)
    avld.wait_log("SIGHUP")
    started = time.monotonic()
    avld.end(number)
    took = time.monotonic() - started
    assert took < 8, f"took {took:.1f} s to end"
    proxy.disarm()
    proxy.unblock()
    avld.start()
    tracker.finish()
    tracker.join(PATIENCE_S)
    stored, missing, twice = wait_stored(database, {tracker.device: tracker.made})
    avld.end()
    assert "everything is in the database" in avld.logged()
    results.add(9, f"{number.name}: {state.__name__}", 1, tracker.made, stored, missing, twice)


def test_signals_at_random_moments_lose_nothing(daemons, database, results):
    chance = random.Random(9)
    avld = fixed_port(daemons)
    fleet = Fleet(avld.port)
    turns = rounds(5, 50)
    for turn in range(turns):
        time.sleep(chance.uniform(0, 0.3))
        for _ in range(chance.randrange(3)):
            avld.process.send_signal(signal.SIGHUP)
        avld.end(chance.choice([signal.SIGTERM, signal.SIGINT]))
        avld.start()
    expected = fleet.finish()
    stored, missing, twice = wait_stored(database, expected)
    results.add(9, "SIGTERM, SIGINT, SIGHUP under load", turns, sum(expected.values()), stored, missing, twice)


def test_a_second_sigterm_does_not_wait_for_the_database(daemons, proxy, database):
    avld = daemons({"database.conninfo": proxy.conninfo(database)}).start()
    database.wait("SELECT count(*)::int FROM avld.checkpoint", 1)
    proxy.arm(TO_SERVER, 100, "hang")
    avld.send_tcp(pt502.record())
    wait_for(lambda: proxy.cuts == 1, "the batch to hang")
    avld.process.send_signal(signal.SIGTERM)
    avld.wait_log("stopping")
    started = time.monotonic()
    avld.end()
    assert time.monotonic() - started < 3
    assert "the journal keeps" in avld.logged()
    proxy.unblock()
    avld.start()
    database.wait(COUNT, 1)
