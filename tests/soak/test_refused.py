# SPDX-License-Identifier: MIT
"""Fault 7: two daemons. Fault 8: rows and schemas that the database refuses. Fault 10: records that arrive more than once."""
from datetime import timedelta
import random
import socket
import threading

import pytest

import pt502
from harness import journal, rounds, series, wait_for, wait_stored
from test_kill import fixed_port
from trackers import Fleet

COUNT = "SELECT count(*)::int FROM avld.positions"


# ---- fault 7

def test_a_second_daemon_on_one_journal_does_not_start(daemons, database, tmp_path):
    """The second names the process that holds the journal and does not touch it."""
    first = daemons().start()
    first.send_tcp(pt502.record())
    second = daemons({"journal.dir": first.settings["journal.dir"], "database.instance": "other"},
                     folder=tmp_path / "second").spawn()
    assert second.process.wait(30) == 1
    assert f"in use by process {first.process.pid}" in second.logged()
    assert second.process.stdout.read() == b""
    assert journal(first.settings["journal.dir"]).returncode == 0  # reading is always allowed
    first.send_tcp(pt502.record(ident="5020002"))
    database.wait(COUNT, 2)
    first.kill()
    second.start()  # a dead process holds no lock
    second.end()


def test_two_daemons_with_one_instance_never_write_both(daemons, database, tmp_path, results):
    """The second writes nothing while the first has the lock; once it takes the instance over, the first ends with an error."""
    first = daemons({"database.conninfo": database.conninfo + " application_name=first"}).start()
    first.send_tcp(series(100))
    database.wait(COUNT, 100)
    second = daemons(folder=tmp_path / "second").start()
    second.send_tcp(series(100, "5020002"))
    second.wait_log("database in use by another avld")
    assert "two daemons must not have the same database.instance" in second.logged()
    assert database.one(COUNT) == 100
    # The first one's session is terminated until the second gets the lock first.
    wait_for(lambda: end_first(database), "the second to take the instance over")
    assert "taking over instance=avld from another journal" in second.logged()
    second.end()  # frees the lock; the first finds another checkpoint than its own
    assert first.process.wait(60) != 0
    assert "another avld writes as instance=avld" in first.logged()
    first.start()
    first.send_tcp(series(100, "5020003"))
    database.wait(COUNT, 300)
    assert "taking over instance=avld from another journal" in first.logged()
    first.end()
    results.add(7, "two daemons with one instance", 1, 300, database.one(COUNT))


def end_first(database):
    """Returns true once the second has stored its records."""
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name = 'first' AND datname = current_database()")
    return database.one(COUNT) == 200


def test_a_foreign_checkpoint_stops_the_writer(daemons, database):
    """Without the lock (a pooler, an operator): a checkpoint of another writer stops this one before it stores a row twice."""
    avld = daemons().start()
    avld.send_tcp(pt502.record())
    database.wait(COUNT, 1)
    database.query("UPDATE avld.checkpoint SET lsn = lsn + 8")
    avld.send_tcp(pt502.record(ident="5020002"))
    assert avld.process.wait(30) != 0
    assert "another avld writes as instance=avld" in avld.logged()
    assert database.one(COUNT) == 1


# ---- fault 8

def check_constraint(database):
    database.query("ALTER TABLE avld.positions ADD CONSTRAINT no_low_odometer CHECK (odometer_m % 100 <> 7)")
    return "no_low_odometer"


def trigger_that_raises(database):
    database.query("CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                   "IF NEW.odometer_m % 100 = 7 THEN RAISE EXCEPTION 'not these: %', NEW.odometer_m; END IF; RETURN NEW; END $$")
    database.query("CREATE TRIGGER stop BEFORE INSERT ON avld.positions FOR EACH ROW EXECUTE FUNCTION stop()")
    return "not these"


def column_too_small(database):
    database.query("ALTER TABLE avld.positions ALTER COLUMN driver TYPE varchar(3)")
    return "too long for type character varying(3)"


@pytest.mark.parametrize("refusal", [check_constraint, trigger_that_raises, column_too_small],
                         ids=lambda refusal: refusal.__name__)
def test_a_refused_row_goes_to_rejects(daemons, database, results, refusal):
    """The reject has the database's message; all other rows of the batch are stored."""
    message = refusal(database)
    avld = daemons().start()
    count = rounds(1000, 20000)
    now = pt502.now()
    avld.send_tcp(b"".join(
        pt502.record(time=now - timedelta(seconds=n),
                     tail=f"A/00010,00000/0/{n}/{'ABCD' if n % 100 == 7 and refusal is column_too_small else ''}/fa7/")
        for n in range(count)))
    bad = count // 100
    database.wait("SELECT count(*)::int FROM avld.rejects", bad, 120)
    database.wait(COUNT, count - bad)
    avld.send_tcp(pt502.record(ident="5020002", tail="A/00010,00000/0/1//fa7/"))  # later batches are stored
    database.wait(COUNT, count - bad + 1)
    reasons = database.query("SELECT DISTINCT reason, protocol, ident, convert_from(frame, 'SQL_ASCII') ~ '/0/([0-9]*0)?7/(ABCD)?/fa7/'"
                             " FROM avld.rejects")
    assert all(reason[0].startswith("database: ") and message in reason[0] and reason[1:] == ("pt502", "5020001", True)
               for reason in reasons), reasons[:3]
    avld.end()
    results.add(8, refusal.__name__.replace("_", " "), 1, count + 1, database.one(COUNT) + bad, note=f"{bad} of these in rejects")


def a_table_is_missing(database):
    database.query("ALTER TABLE avld.statuses RENAME TO gone")
    return lambda: database.query("ALTER TABLE avld.gone RENAME TO statuses")


def a_column_is_missing(database):
    database.query("ALTER TABLE avld.positions RENAME COLUMN hdop TO gone")
    return lambda: database.query("ALTER TABLE avld.positions RENAME COLUMN gone TO hdop")


def a_right_is_missing(database):
    database.query("REVOKE ALL ON avld.positions FROM avld_writer")
    return lambda: database.query("GRANT SELECT, INSERT ON avld.positions TO avld_writer")


def the_database_is_read_only(database):
    database.query(f"ALTER ROLE avld_soak IN DATABASE {database.name} SET default_transaction_read_only = on")
    database.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                   "RAISE read_only_sql_transaction; END $$")
    database.query("CREATE TRIGGER refuse BEFORE UPDATE ON avld.checkpoint FOR EACH ROW EXECUTE FUNCTION refuse()")
    return lambda: database.query("DROP TRIGGER refuse ON avld.checkpoint")


@pytest.fixture
def as_writer(database):
    """A conninfo whose role has the rights of avld_writer only."""
    database.query("DO $$ BEGIN IF to_regrole('avld_soak') IS NULL THEN "
                   "CREATE ROLE avld_soak LOGIN PASSWORD 'soak'; END IF; END $$")
    database.query("GRANT avld_writer TO avld_soak")
    return database.conninfo + " user=avld_soak password=soak"


MISFITS = [a_table_is_missing, a_column_is_missing, a_right_is_missing, the_database_is_read_only]


@pytest.mark.parametrize("misfit", MISFITS, ids=lambda misfit: misfit.__name__)
def test_an_unsuitable_schema_drops_nothing(daemons, database, as_writer, results, misfit):
    """One clear error, retries with back-off, and all is stored once the schema is repaired."""
    avld = daemons({"database.conninfo": as_writer}).start()
    avld.send_tcp(pt502.record(ident="5020002", time=pt502.now(-3600)))
    database.wait(COUNT, 1)
    repair = misfit(database)
    count = 500
    avld.send_tcp(series(count) + b"$FUS5020001,ABC_V1,3.4\r\r")
    avld.wait_log("cannot write to the database, retrying; nothing is dropped")
    assert avld.logged().count("cannot write to the database") == 1
    avld.kill()
    avld.start()
    avld.wait_log("nothing is dropped")
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    repair()
    database.wait(COUNT, count + 1)
    database.wait("SELECT count(*)::int FROM avld.statuses", 1)
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0
    results.add(8, misfit.__name__.replace("_", " "), 1, count + 2, database.one(COUNT) + 1)


# ---- fault 10

def test_a_log_sent_many_times_is_stored_once(daemons, database, results):
    """Live and stored records mixed, over two connections and UDP at once, across restarts."""
    chance = random.Random(10)
    avld = fixed_port(daemons)
    count = rounds(2000, 40000)
    time = pt502.now(-count - 10)
    live = [pt502.record(time=time + timedelta(seconds=n), tail=f"A/00010,00000/0/{n}//fa7/") for n in range(count)]
    stored = [record.replace(b"\r\n", b"#\n") for record in live]

    def over_tcp(records):
        for first in range(0, len(records), 100):
            while True:
                try:
                    avld_port = avld.port
                    with socket.create_connection(("127.0.0.1", avld_port), 30) as peer:
                        peer.sendall(b"".join(records[first:first + 100]))
                        peer.shutdown(socket.SHUT_WR)
                        peer.settimeout(30)
                        while peer.recv(100):
                            pass
                    break
                except OSError:
                    continue  # the device's other connection replaced this one, or avld restarts

    def over_udp(records):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for first in range(0, len(records), 5):
                peer.sendto(b"".join(records[first:first + 5]), ("127.0.0.1", avld.port))

    for turn in range(2):
        mixed = [record for pair in zip(live, stored) for record in chance.sample(pair, 2)]
        senders = [threading.Thread(target=over_tcp, args=(live + stored,)), threading.Thread(target=over_tcp, args=(mixed,)),
                   threading.Thread(target=over_udp, args=(stored,))]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(300)
            assert not sender.is_alive()
        avld.kill()  # empties the cache of recent keys
        avld.start()
    result = wait_stored(database, {"5020001": count})
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects WHERE reason <> 'incomplete frame'") == 0
    results.add(10, "a log sent ten times, TCP, UDP, live, stored", 2, count, *result)


def test_repeats_with_a_broken_clock_are_stored_once(daemons, database, results):
    """Records with the same wrong time, which differ in other fields; each is sent twice in a row."""
    avld = daemons().start()
    time = pt502.now().replace(year=1980)
    records = [pt502.record(time=time, tail=f"A/00010,00000/0/{n}//fa7/") for n in range(500)]
    avld.send_tcp(b"".join(record * 2 for record in records))
    result = wait_stored(database, {"5020001": 500})
    results.add(10, "sent twice with a clock of 1980", 1, 500, *result)


def test_kills_between_small_batches_lose_nothing(daemons, database, results):
    """The load of fault 1 with small batches, so that many kills fall between two of them."""
    avld = fixed_port(daemons, {"database.batch_rows": "50", "database.batch_interval": "1ms"})
    fleet = Fleet(avld.port, 2, 2)
    turns = rounds(4, 40)
    for turn in range(turns):
        stored = database.one(COUNT)
        database.wait(f"SELECT (count(*) > {stored} + 100)::int FROM avld.positions", 1)
        avld.kill()
        avld.start()
    expected = fleet.finish()
    result = wait_stored(database, expected)
    avld.end()
    results.add(1, "kill -9, batches of 50 rows", turns, sum(expected.values()), *result)

