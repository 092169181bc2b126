# SPDX-License-Identifier: MIT
"""More nodes of Citus, and more daemons: a node that is added while rows arrive, two daemons that hear the same trackers, a daemon that
connects to a worker, and a dump under load."""
import contextlib
import datetime
import signal
import socket
import subprocess
import threading

import pytest

from conftest import AVLD, DAEMON, OWNER, PATIENCE_S, READER, wait_for
from test_daemon import NOW, Daemon, check, positions, pt502, records
from test_kills import TIME, read_track


@pytest.fixture(name="daemons")
def fixture_daemons(tmp_path):
    """A function that starts a daemon; all are killed at the end."""
    started = []

    def start(database, instance, **options):
        started.append(Daemon(database, tmp_path, instance, **options))
        return started[-1]

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.end(signal.SIGKILL)


@contextlib.contextmanager
def trackers(daemon, track, rate=500):
    """Trackers that report while the block runs; track: what they have sent, all of it acknowledged."""
    sender = subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{daemon.port}", "--protocol", "gt06", "--devices", "20", "--rate",
                               str(rate), "--track", str(track)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield
        sender.send_signal(signal.SIGINT)
        out, err = sender.communicate(timeout=PATIENCE_S)
        assert sender.returncode == 0 and " 0 missing" in out, out + err
    finally:
        sender.kill()
        sender.wait()


def stored(database):
    rows = database.rows(f"SELECT d.ident, {TIME} FROM avld.positions p JOIN avld.devices d ON d.id = device_id")
    assert len(rows) == len(set(rows)), "twice"
    return set(rows)


def shards(database):
    """The number of shards of positions on each node."""
    return dict(database.rows("SELECT nodeport, count(*) FROM citus_shards WHERE table_name = 'avld.positions'::regclass GROUP BY 1"))


@pytest.mark.parametrize("rebalance", ["SELECT rebalance_table_shards()", "SELECT rebalance_table_shards(shard_transfer_mode := 'block_writes')",
                                       "SELECT citus_rebalance_start(); SELECT citus_rebalance_wait()"])
def test_a_node_is_added(citus, daemons, tmp_path, rebalance):
    """One worker, rows arrive, a second one is added, takes half of the shards and is removed again: nothing is missing, nothing is there
    twice."""
    if len(citus.servers) < 3:
        pytest.skip("AVLD_CITUS names fewer than two workers")
    mode = "block_writes" if "block_writes" in rebalance else "auto"
    if mode == "auto" and any(server.setting("wal_level") != "logical" for server in citus.servers[1:3]):
        pytest.skip("the workers have another wal_level than logical")
    database = citus.plain()
    citus.prepare(database, nodes=1)
    citus.enable(database, "shards => 4")
    old, new = citus.servers[1:3]
    assert shards(database) == {old.port: 4}
    daemon = daemons(database, "avld")
    with trackers(daemon, tmp_path / "track"):
        wait_for(lambda: positions(database) > 1000, "rows on one worker")
        # a role that the new node lacks is named before rows get there
        new.run(f"REVOKE avld_writer FROM {DAEMON}")
        try:
            citus.add_node(database, new)
            state, detail = database.refused("SELECT avld.enable_citus()")
            assert state == "55000" and f"GRANT avld_writer TO {DAEMON};" in detail, detail
            assert "does not let" in check(database)
        finally:
            new.run(f"GRANT avld_writer TO {DAEMON}")
        citus.enable(database)
        for statement in rebalance.split("; "):
            database.rows(statement)
        assert shards(database) == {old.port: 2, new.port: 2}
        before = daemon.number("positions_total")
        wait_for(lambda: daemon.number("positions_total") > before + 1000, "rows on two workers")
        assert database.value("SELECT count(avld.distance_km(45, 7, latitude, longitude)) FROM avld.positions", user=READER) > 1000
        # and away again
        database.server.run(f"SELECT citus_drain_node('{new.host}', {new.port}, '{mode}'); SELECT citus_remove_node('{new.host}', {new.port})",
                            database.name)
        assert shards(database) == {old.port: 4}
        before = daemon.number("positions_total")
        wait_for(lambda: daemon.number("positions_total") > before + 500, "rows on one worker")
    wait_for(lambda: daemon.number("journal_waiting_bytes") == 0, "all to be stored")
    assert stored(database) == read_track(tmp_path / "track")
    assert database.value("SELECT avld.ensure_partitions('2027-01-01', '2027-01-01')", user=DAEMON) == 2
    assert database.value("SELECT count(*) FROM avld.rejects") == 0
    daemon.end()
    assert " ERROR " not in daemon.logged(), daemon.logged()


def test_a_new_day_while_a_shard_is_moved(citus, daemons):
    """A move that takes long: records are stored meanwhile, also of a day without a partition; it is made afterwards."""
    if len(citus.servers) < 3 or any(server.setting("wal_level") != "logical" for server in citus.servers[1:3]):
        pytest.skip("AVLD_CITUS names fewer than two workers, or they have another wal_level than logical")
    database = citus.plain()
    citus.prepare(database, nodes=1)
    citus.enable(database)
    old, new = citus.servers[1:3]
    daemon = daemons(database, "avld")
    daemon.send(records(0, 10))
    wait_for(lambda: positions(database) == 10, "10 rows")
    citus.add_node(database, new)
    day = NOW - datetime.timedelta(days=9)
    with contextlib.closing(old.connect(database.name)) as holder:
        # the move's replication slot waits for all transactions that write on this node
        holder.cursor().execute("BEGIN; SELECT pg_current_xact_id()")
        mover = threading.Thread(target=database.rows, args=("SELECT rebalance_table_shards()",))
        mover.start()
        try:
            wait_for(lambda: database.value("SELECT count(*) FROM get_rebalance_progress()") > 0, "the move")
            daemon.send(records(10, 10), pt502.record(time=day))
            wait_for(lambda: positions(database) == 21, "all rows")
            wait_for(lambda: "cannot make partitions" in daemon.logged(), "a warning")
            daemon.send(records(20, 10))
            wait_for(lambda: positions(database) == 31, "more rows")
            assert database.value("SELECT count(*) FROM avld.positions_default") == 1
            assert mover.is_alive()
        finally:
            holder.cursor().execute("COMMIT")
            mover.join()
    assert shards(database) == {old.port: 1, new.port: 1}
    wait_for(lambda: database.value("SELECT count(*) FROM avld.positions_default") == 0, "a partition of that day")
    assert positions(database) == 31
    daemon.end()


def test_two_daemons(citus, daemons):
    """The same trackers send the same records to both at once: each is one row; commands and checkpoints of both are kept."""
    database = citus.ready()
    citus.enable(database)
    both = [daemons(database, name, commands__allow="positionSingle", database__batch_rows=200) for name in ("east", "west")]

    def report(daemon, order):
        for part in range(10):
            daemon.send(*(records(part * 100, 100, device, event="IN1") for device in order))

    # in another order each, so that they lock rows in another order
    threads = [threading.Thread(target=report, args=(daemon, order))
               for daemon, order in zip(both, (range(1, 9), range(8, 0, -1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: all(daemon.number("journal_waiting_bytes") == 0 for daemon in both), "both to have stored all")
    assert positions(database) == 8000
    assert database.value("SELECT count(DISTINCT (device_id, fixed_at, dedup)) FROM avld.positions") == 8000
    assert database.value("SELECT count(*) FROM avld.alarms") == 8000
    assert database.value("SELECT count(*) FROM avld.devices") == 8
    assert sum(daemon.number("positions_total") for daemon in both) == 8000
    assert sum(daemon.number("duplicates_total") for daemon in both) == 8000
    assert database.lines("SELECT instance FROM avld.checkpoint ORDER BY 1") == ["east", "west"]
    for turn, daemon in enumerate(both):
        with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE_S) as peer:
            peer.sendall(records(2000, 1, turn + 1))
            wait_for(lambda t=turn: positions(database) == 8001 + t, "a row")
            number = database.value("SELECT avld.send_command(%s, 'positionSingle')", f"502000{turn + 1}")
            peer.settimeout(PATIENCE_S)
            assert peer.recv(4096), "a command arrives from the daemon that hears the tracker"
            wait_for(lambda n=number: database.value("SELECT state FROM avld.commands WHERE id = %s", n) in ("sent", "confirmed"), "it is sent")
        wait_for(lambda: not database.value("SELECT bool_or(connected) FROM avld.device_state"), "it is disconnected")
    for daemon in both:
        daemon.end()
    assert database.value("SELECT count(*) FROM avld.rejects") == 0


def test_a_deadlock_over_two_nodes(citus, daemons):
    """Another session, as of another daemon, stores the same records on the nodes in another order. Citus ends the younger of both
    transactions, the daemon's: it sends the batch again."""
    if len(citus.servers) < 3:
        pytest.skip("AVLD_CITUS names fewer than two workers")
    database = citus.ready()
    citus.enable(database)
    first = daemons(database, "first")
    first.send(*(records(0, 50, device) for device in range(1, 13)))
    wait_for(lambda: positions(database) == 600, "600 rows")
    numbers = database.rows("SELECT min(id), min(ident) FROM avld.devices GROUP BY get_shard_id_for_distribution_column('avld.positions', id)"
                            " ORDER BY 1")
    nodes = {number: database.value("SELECT p.nodeport FROM pg_dist_shard_placement AS p"
                                    " WHERE shardid = get_shard_id_for_distribution_column('avld.positions', %s)", number) for number, _ in numbers}
    (low, low_ident) = numbers[0]
    (high, high_ident) = next(item for item in numbers if nodes[item[0]] != nodes[low])
    # so many that a node has stored some before the end of the COPY, whatever the order in which the nodes are told of it
    first.send(records(50, 2950, int(high_ident) - 5020000))
    wait_for(lambda: positions(database) == 3550, "3550 rows")
    first.end()
    database.rows("CREATE TABLE public.kept AS SELECT * FROM avld.positions; DELETE FROM avld.positions")
    put = "INSERT INTO avld.positions SELECT * FROM public.kept WHERE device_id = %s"

    with contextlib.closing(database.connect()) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute(put, (low,))
        second = daemons(database, "second", database__batch_interval="1s")
        second.send(records(0, 50, int(low_ident) - 5020000), records(0, 3000, int(high_ident) - 5020000))
        wait_for(lambda: database.value("SELECT count(*) FROM citus_lock_waits") == 1, "the daemon waits")
        cursor.execute(put, (high,))  # each waits for the other
        cursor.execute("COMMIT")
    wait_for(lambda: second.number("journal_waiting_bytes") == 0, "all to be stored")
    assert database.rows("SELECT * FROM avld.positions EXCEPT SELECT * FROM public.kept") == []
    assert positions(database) == 3050
    assert second.number("duplicates_total") == 3050
    assert second.number("retries_total") > 0
    second.end()


class OnNode:
    """A database as another node sees it."""

    def __init__(self, database, server):
        self.server, self.name = server, database.name


def test_a_worker_is_no_coordinator(citus, daemons):
    """avld refuses to store through a worker, and says where to connect to. What it has received meanwhile is stored through the
    coordinator later."""
    database = citus.ready()
    citus.enable(database)
    worker = OnNode(database, citus.servers[1])
    first = database.server
    remedy = f"this server is a worker of Citus; avld must connect to the coordinator, {first.host}:{first.port}: correct host and port"
    daemon = daemons(worker, "avld")
    daemon.send(records(0, 50))
    wait_for(lambda: f'cannot write to the database, retrying; nothing is dropped sqlstate=none reason="{remedy}' in daemon.logged(), "an error")
    daemon.end()
    assert f"problem: -o: database.conninfo: {remedy}" in check(worker)
    run = subprocess.run([AVLD, "migrate", "-o", f"database.conninfo={worker.server.conninfo} dbname={database.name} user={OWNER}"],
                         capture_output=True, text=True, timeout=PATIENCE_S)
    assert run.returncode == 1 and remedy in run.stderr, run.stderr
    assert positions(database) == 0 and "worker of Citus" not in check(database)

    daemon = daemons(database, "avld")
    wait_for(lambda: positions(database) == 50, "rows from the journal")
    daemon.end()


def dump(source, target):
    """Copies the schema avld by pg_dump and pg_restore of the server's own version, which the server runs, while no batch is
    under way: as docs/scaling.md says, as the owner."""
    server = source.server
    at = f"-h {server.host} -p {server.port} -U {OWNER}"
    with contextlib.closing(server.connect(source.name)) as session, contextlib.closing(source.connect()) as lock:
        cursor = session.cursor()
        cursor.execute("SELECT setting || '/' FROM pg_config WHERE name = 'BINDIR'")
        folder = cursor.fetchone()[0]
        lock.cursor().execute("BEGIN; LOCK TABLE avld.checkpoint IN EXCLUSIVE MODE")
        wait_for(lambda: cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))",
                                        (lock.info.backend_pid,)) or cursor.fetchone()[0] == 1, "the daemon waits")
        cursor.execute(f"COPY (SELECT) TO PROGRAM '{folder}pg_dump {at} -n avld -Fc {source.name}"
                       f" | {folder}pg_restore {at} -d {target.name} --exit-on-error'")
        lock.cursor().execute("COMMIT")


def test_dump_and_restore(citus, daemons, tmp_path):
    """A dump of the coordinator has the rows of all nodes, as of one moment; with the journal since then nothing is missing."""
    database, target = citus.ready(), citus.plain(schema=False)
    database.fill()
    citus.enable(database)
    daemon = daemons(database, "avld", journal__retain="1d")
    with trackers(daemon, tmp_path / "track", 300):
        wait_for(lambda: positions(database) > 5000, "rows")
        dump(database, target)
        before = daemon.number("positions_total")
        wait_for(lambda: daemon.number("positions_total") > before + 300, "rows after the dump")
    wait_for(lambda: daemon.number("journal_waiting_bytes") == 0, "all to be stored")
    daemon.end()
    assert target.value("SELECT avld.engine()") == "postgresql"
    assert 0 < positions(target) < positions(database)
    restored = daemons(target, "avld", journal__retain="1d")
    wait_for(lambda: positions(target) == positions(database), "the rows since the dump")
    restored.end()
    assert stored(target) == stored(database)
    rows, wanted = target.hashes(), database.hashes()
    for table in ("positions", "statuses", "alarms", "devices", "rejects", "media"):
        assert rows[table] == wanted[table], table
    # and it may become a cluster of its own
    citus.prepare(target)
    citus.enable(target)
    assert target.hashes()["positions"] == wanted["positions"]
    assert target.value("INSERT INTO avld.devices (ident) VALUES ('new') RETURNING id") > target.value("SELECT max(id) - 1 FROM avld.devices")
