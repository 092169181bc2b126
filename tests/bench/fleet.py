# SPDX-License-Identifier: MIT
"""A large fleet: 100,000 trackers that report in turn over 100 connections, all in one day, so that neighbouring rows are of
different devices. Beside it COPY of the same rows, as they arrived, into the same table."""
import datetime
import multiprocessing
import statistics
import time

import client
import place
from place import Daemon, one, query

US = 1e6
CONNECTIONS = 100
PROBES = 100  # devices whose rows are waited for
FILLS = (0, 10, 30)  # millions of rows in the day before

# 30 million are spread over the whole day.
FILL = """
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, speed_kmh,
    course_deg, ignition, inputs, outputs, adc1, adc2, adc3, adc4, odometer_m, battery_percent, stored, dedup)
SELECT 1 + (n * 7919) %% %s, %s::timestamptz + n * interval '2880 us', now(), 'device', 'POS', true, 48.1, 11.5, 41.5, 84.4, true, 8,
    0, 0, 0, 0, 0, n, 100, false, hashint8extended(n, 0) FROM generate_series(%s::bigint, %s::bigint - 1) AS n"""


def ident(number):
    return b"%014d" % (57000000000000 + number)


def _send(port, devices, turns, first_s, rate, first_device, ready):
    """Each connection has a share of the devices, which report in turn; a turn of all is one second of device time later."""
    sockets = client.open_connections(port, CONNECTIONS)
    ready.send(True)
    ready.recv()
    heads = [b"$POS,%s," % ident(first_device + number) for number in range(devices)]
    each = max(1, min(50, devices // CONNECTIONS))
    begin, sent = time.monotonic(), 0
    for turn in range(turns):
        when = datetime.datetime.fromtimestamp(first_s + turn, datetime.timezone.utc)
        tail = b"%s,A,4807.0380,N,01131.0000,E,22.40,84.40,%s,,,A/00010,00000/0,0,0,0/%d//fa7/\r\n" % (
            when.strftime("%H%M%S.000").encode(), when.strftime("%d%m%y").encode(), 1200 + turn)
        for start in range(0, devices // CONNECTIONS, each):
            for index, peer in enumerate(sockets):
                end = min(start + each, devices // CONNECTIONS)
                peer.sendall(b"".join([heads[index + CONNECTIONS * n] + tail for n in range(start, end)]))
                sent += end - start
                if rate and (ahead := begin + sent / rate - time.monotonic()) > 0:
                    time.sleep(ahead)
    ready.send(True)
    ready.recv()
    client.close_all(sockets)


class Fleet:
    """Sends from a process of its own."""

    def __init__(self, port, devices, turns, first_s, rate=0, first_device=1):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(
            target=_send, args=(port, devices, turns, first_s, rate, first_device, theirs), daemon=True)
        self.process.start()
        self.pipe.recv()

    def go(self):
        self.pipe.send(True)

    def end(self):
        self.pipe.recv()
        self.pipe.send(True)
        self.process.join()

    def stop(self):
        self.process.terminate()
        self.process.join()


def wal():
    return int(one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def table_bytes():
    return int(one("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('avld.positions') WHERE isleaf"))


def day_start():
    """Midnight, or yesterday's while the day is young: the rows must not lie in the future."""
    now = time.time()
    return now - now % 86400 - (86400 if now % 86400 < 7200 else 0)


def is_settled(daemon, positions):
    found = daemon.metrics()
    return found["positions_total"] >= positions and found["device_state_lag_bytes"] == 0


def store(daemon, devices, turns, first_s):
    """Returns rows a second, the backend's CPU and WAL a row: until device_state has all."""
    rows = devices * turns
    before = daemon.metric("positions_total")
    fleet = Fleet(daemon.port, devices, turns, first_s)
    cpu, written, begin = place.backends_cpu_s(), wal(), time.monotonic()
    fleet.go()
    place.wait(lambda: is_settled(daemon, before + rows), f"{rows} rows", patience_s=1200, pause_s=0.02)
    seconds = time.monotonic() - begin
    result = rows / seconds, (place.backends_cpu_s() - cpu) * US / rows, (wal() - written) / rows
    fleet.end()
    return result


def copy(begin_s, end_s):
    """Copies the rows of that time once more, half a second later, in the order in which they arrived. Returns the same."""
    conn = place.connect()
    cursor = conn.cursor()
    cursor.execute("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), pg_backend_pid() FROM pg_attribute "
                   "WHERE attrelid = 'avld.positions'::regclass AND attnum > 0 AND NOT attisdropped")
    columns, pid = cursor.fetchone()
    path = place.FOLDER / "fleet.bin"
    shifted = columns.replace("fixed_at", "fixed_at + interval '500 ms'", 1)
    with open(path, "wb") as file:
        cursor.copy_expert(f"COPY (SELECT {shifted} FROM avld.positions WHERE fixed_at >= to_timestamp({begin_s}) AND "
                           f"fixed_at < to_timestamp({end_s}) ORDER BY received_at) TO STDOUT (FORMAT binary)", file)
    cpu, written, begin = place.cpu_s(pid), wal(), time.monotonic()
    with open(path, "rb") as file:
        cursor.copy_expert(f"COPY avld.positions ({columns}) FROM STDIN (FORMAT binary)", file, 65536)
    seconds, rows = time.monotonic() - begin, cursor.rowcount
    result = rows / seconds, (place.cpu_s(pid) - cpu) * US / rows, (wal() - written) / rows
    conn.close()
    path.unlink()
    return result


def fill(devices, start_s, first, last):
    for n in range(first, last, 1_000_000):
        query(FILL, devices, datetime.datetime.fromtimestamp(start_s, datetime.timezone.utc), n, min(n + 1_000_000, last))


def make_database(interval, start_s):
    """A day that holds all rows of a measurement, in the partitions of the interval."""
    place.make_database()
    day = datetime.datetime.fromtimestamp(start_s, datetime.timezone.utc).date()
    query("SELECT avld.ensure_partitions(%s, %s, %s::interval)", day, day, interval.replace("d", " day").replace("h", " hours"))


def full_day(bench, make_row, interval):
    """Storing with an empty day, and with rows in it."""
    devices, turns = bench.count(100_000) // CONNECTIONS * CONNECTIONS, 10
    ours = {size: [] for size in FILLS}
    other = {size: [] for size in FILLS}
    sizes = []
    for _ in bench.each_round(f"fleet, partitions of {interval}"):
        start_s = day_start()
        make_database(interval, start_s)
        first_s, filled = start_s + 3600, 0
        for size in FILLS:
            with Daemon(database__partition_interval=interval) as daemon:
                daemon.wait_connected()
                if size == 0:
                    store(daemon, devices, 1, first_s - 10)  # the devices are new
                fill(devices, start_s, filled, int(size * US * min(1, bench.scale)))
                filled = int(size * US * min(1, bench.scale))
                before = table_bytes()
                query("CHECKPOINT")
                ours[size].append(store(daemon, devices, turns, first_s))
                if size == 0:
                    sizes.append((table_bytes() - before) / (devices * turns))
            query("CHECKPOINT")
            other[size].append(copy(first_s, first_s + turns))
            assert one("SELECT count(*) FROM avld.device_state AS s JOIN avld.devices AS d ON d.id = s.device_id "
                       "WHERE s.fixed_at < to_timestamp(%s)", first_s + turns - 1) == 0, "device_state is not the newest"
            first_s += 3600 // len(FILLS) // 2
    yield from describe(ours, other, sizes, make_row, f"{interval} partitions")


def describe(ours, other, sizes, make_row, where):
    def column(of, size, number):
        return [each[number] for each in of[size]]
    for size in FILLS:
        what = f"100,000 devices in turn, {where}, {size} million rows in the day"
        most = 350 if size == 0 else 450
        yield make_row(f"{what}: stored", "/s", column(ours, size, 0), "", lambda *_: True, column(other, size, 0), "COPY")
        yield make_row("backend's CPU a position", "us", column(ours, size, 1), "<= 1.0x", lambda _, ratio: ratio <= 1,
                       column(other, size, 1), "COPY")
        yield make_row("WAL a position", "bytes", column(ours, size, 2), f"<= {most}", lambda found, _, most=most: found <= most,
                       column(other, size, 2), "COPY")
    yield make_row("bytes of table and index a position", "", sizes, "<= 150", lambda found, _: found <= 150)
    yield make_row(f"stored with {FILLS[-1]} million rows in the day", "/s", column(ours, FILLS[-1], 0), ">= 0.85",
                   lambda _, ratio: ratio >= 0.85, column(ours, 0, 0), "an empty day")


def visible(bench, make_row, trigger, watch, watcher_of):
    """5,000 reports a second of 100,000 devices; probes among them are looked for in SQL. Then with rows in the day."""
    devices = bench.count(100_000) // CONNECTIONS * CONNECTIONS
    start_s = time.time() // 86400 * 86400
    for size in (FILLS[0], FILLS[-1]):
        p50, p99 = [], []
        make_database("1d", start_s)
        query(trigger)
        with Daemon() as daemon:
            daemon.wait_connected()
            store(daemon, devices, 1, time.time() - 600)
        fill(devices, start_s, 0, int(size * US * min(1, bench.scale)))
        for number in bench.each_round(f"fleet: latency, {size} million rows in the day"):
            query("CHECKPOINT")
            with Daemon(database__batch_interval="20ms") as daemon:
                daemon.wait_connected()
                pacer = client.Pacer(daemon.port, PROBES, PROBES, 20 * min(1, bench.scale))
                fleet = Fleet(daemon.port, devices, 1000, time.time() - 500 - 600 * number, rate=5000 - PROBES)
                fleet.go()
                found = watch(watcher_of(PROBES), pacer)
                fleet.stop()
            p50.append(found[len(found) // 2] * 1000)
            p99.append(found[len(found) * 99 // 100] * 1000)
        yield make_row(f"100,000 devices, 5,000/s, {size} million rows in the day: last byte sent to visible in SQL, p99", "ms", p99,
                       "<= 60", lambda found, _: found <= 60, note=f"p50 {statistics.median(p50):.0f} ms, batch_interval 20 ms")


def new_devices(bench, make_row):
    devices = bench.count(100_000) // CONNECTIONS * CONNECTIONS
    seconds = []
    for _ in bench.each_round("fleet: new devices"):
        place.make_database()
        with Daemon() as daemon:
            daemon.wait_connected()
            rate, _, _ = store(daemon, devices, 1, time.time() - 600)
            seconds.append(devices / rate)
    yield make_row("first frames of 100,000 new devices, all in SQL", "s", seconds, "<= 1.2", lambda found, _: found <= 1.2)


def drain(bench, make_row, devices, rows):
    """Stores a backlog."""
    devices = bench.count(devices) // CONNECTIONS * CONNECTIONS
    turns = max(1, int(rows * bench.scale) // devices)
    rates, cpu_us = [], []
    for _ in bench.each_round(f"fleet: drain, {devices} devices"):
        place.make_database()
        with Daemon(journal__max_size="16G") as daemon:
            daemon.wait_connected()
            store(daemon, devices, 1, time.time() - 7200)
            place.open_database(False)
            before = daemon.metric("positions_total")
            fleet = Fleet(daemon.port, devices, turns, time.time() - 3600)
            fleet.go()
            fleet.end()
            place.open_database(True)
            daemon.wait_connected()
            cpu, done, begin = place.backends_cpu_s(), daemon.metric("positions_total"), time.monotonic()
            place.wait(lambda: is_settled(daemon, before + devices * turns), "the backlog", patience_s=1800, pause_s=0.05)  # noqa: B023
            left = before + devices * turns - done
            rates.append(left / (time.monotonic() - begin))
            cpu_us.append((place.backends_cpu_s() - cpu) * US / left)
    yield make_row(f"drain of {devices * turns:,} positions of {devices:,} devices", "/s", rates, "", lambda *_: True,
                   note=f"backend's CPU {statistics.median(cpu_us):.1f} us a position")


