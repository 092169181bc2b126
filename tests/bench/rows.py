# SPDX-License-Identifier: MIT
"""The measurements: one function per part, named in PARTS; each returns rows of the table."""
import dataclasses
import importlib.machinery
import pathlib
import re
import select
import statistics
import struct
import subprocess
import threading
import time

import client
import fleet as large_fleet
import place
from place import Daemon, one, query

US = 1e6
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
capture = importlib.machinery.SourceFileLoader("capture", str(GOLDEN / "run")).load_module()


@dataclasses.dataclass
class Row:
    """A line of the table. ours, other: one value per round. holds: a condition on the medians of ours and of the ratio."""
    what: str
    unit: str
    ours: list
    goal: str
    holds: object
    other: list = None
    other_name: str = ""
    note: str = ""

    @property
    def ratios(self):
        return [a / b for a, b in zip(self.ours, self.other)] if self.other else []

    def is_met(self):
        ratio = statistics.median(self.ratios) if self.other else None
        return self.holds(statistics.median(self.ours), ratio)


class Bench:
    def __init__(self, rounds, scale, say):
        self.rounds = rounds
        self.scale = scale
        self.say = say

    def each_round(self, what):
        for number in range(1, self.rounds + 1):
            self.say(f"{what}: round {number} of {self.rounds}")
            yield number

    def count(self, full):
        return max(1000, int(full * self.scale))


# --- without sockets --------------------------------------------------------------------------------------

def feed(bench):
    """From bytes to reports and into the journal."""
    frames = bench.count(2_000_000)
    program = pathlib.Path(place.AVLD).parent / "bench/pipeline"
    bench.say(f"feed: {bench.rounds} rounds of {frames} frames")
    out = place.run(program, place.FOLDER / "journal", frames, bench.rounds).stdout
    times, allocations, faults = read_pipeline(out)
    instructions = instruction_counts(program)
    return [
        Row("feed, mixed PT-502 frames", "ns/frame", times["feed"], "<= 60, <= 8x",
            lambda ours, ratio: ours <= 60 and ratio <= 8, times["scan"], "memchr of the bytes",
            f"{instructions['feed']:.0f} instructions a frame"),
        Row("allocations in that", "", allocations["feed"], "0", lambda ours, _: ours == 0),
        Row("feed and remember for deltas", "ns/frame", times["remember"], "", lambda ours, _: True,
            times["feed"], "feed alone", f"{instructions['remember']:.0f} instructions a frame"),
        Row("that and journal append", "ns/frame", times["append"], "<= 120", lambda ours, _: ours <= 120,
            times["feed"], "feed alone", f"{instructions['append']:.0f} instructions a frame"),
        Row("page faults of the loop in that", "/1,000 frames", [1000 * each for each in faults["append"]], "<= 1",
            lambda ours, _: ours <= 1),
        *(feed_other(bench, program, protocol) for protocol in
          ("gt06", "h02", "gps103", "tk103", "jt808", "teltonika", "watch", "osmand", "suntech", "wialon_ips",
           "queclink", "meitrack")),
        *sniffing(bench),
    ]


def read_pipeline(out):
    """The times, allocations and page faults (a frame) of each measurement, by its name."""
    times, allocations, faults = {}, {}, {}
    for name, ns, count, faulted in (line.split() for line in out.splitlines()):
        times.setdefault(name, []).append(float(ns))
        allocations.setdefault(name, []).append(int(count))
        faults.setdefault(name, []).append(float(faulted))
    return times, allocations, faults


def feed_other(bench, program, protocol):
    frames = bench.count(500_000)
    out = place.run(program, place.FOLDER / f"journal-{protocol}", frames, bench.rounds, protocol).stdout
    times, _, _ = read_pipeline(out)
    return Row(f"feed, {protocol} frames", "ns/frame", times["feed"], "<= 400", lambda ours, _: ours <= 400,
               times["scan"], "memchr of the bytes")


def write_openings(folder):
    """Writes the first line of each golden capture, as a connection would begin, to files of the protocols' names."""
    for path in sorted(GOLDEN.glob("*_*.hex")):
        lines = (line.strip() for line in path.read_text("ascii").splitlines())
        line = next(line for line in lines if line and not line.startswith("#"))
        data = capture.read_text(line) if line.startswith('"') else bytes.fromhex(line)
        with open(folder / path.stem.partition("_")[0], "ab") as file:
            file.write(struct.pack("<I", len(data)) + data)


def sniffing(bench):
    """What a connection costs before its protocol is found."""
    bench.say("sniffing")
    folder = place.FOLDER / "openings"
    folder.mkdir()
    write_openings(folder)
    out = place.run(pathlib.Path(place.AVLD).parent / "bench/sniff", folder, bench.rounds).stdout
    found = {}
    for line in out.splitlines():
        name, *numbers = line.split()
        found.setdefault(name, []).append([float(number) for number in numbers])
    for name, rounds in sorted(found.items()):
        mean, worst, bytes_mean, bytes_worst = zip(*rounds)
        yield Row(f"sniffing among all, worst opening of {name}", "ns", list(worst), "<= 1,000",
                  lambda ours, _: ours <= 1000, note=f"mean {statistics.median(mean):.0f} ns; byte by byte, all sniffs "
                  f"together: mean {statistics.median(bytes_mean):.0f} ns, worst {statistics.median(bytes_worst):.0f} ns")


def instruction_counts(program, frames=20000):
    """Instructions per frame, counted by valgrind: repeatable, unlike times."""
    total = {}
    for what in ("nothing", "feed", "remember", "append"):
        done = place.run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
                         place.FOLDER / f"journal-{what}", frames, what)
        total[what] = int(re.search(r"refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))
    return {what: (total[what] - total["nothing"]) / frames for what in ("feed", "remember", "append")}


# --- live traffic -----------------------------------------------------------------------------------------

def live(bench):
    """100 connections, one frame per read."""
    stored_us, journaled_us, read_us = [], [], []
    bursts = bench.count(2000)
    for _ in bench.each_round("live"):
        place.empty_tables()
        with Daemon() as daemon:
            daemon.wait_connected()
            stored_us.append(live_cpu_us(daemon, bursts))
        with Daemon(database__conninfo="host=127.0.0.1 port=1") as daemon:
            journaled_us.append(live_cpu_us(daemon, bursts))
        with ReadLoop() as loop:
            read_us.append(live_cpu_us(loop, bursts))
    calls, reads = count_calls(bench)
    return [
        Row("one frame a read, 100 connections: CPU", "us/frame", stored_us, "<= 3", lambda ours, _: ours <= 3,
            other=read_us, other_name="libev, reads only",
            note="25,000 frames/s in bursts of 100; writing to PostgreSQL included"),
        Row("the same, into the journal only", "us/frame", journaled_us, "ratio <= 1.3", lambda _, ratio: ratio <= 1.3,
            other=read_us, other_name="libev, reads only", note="PostgreSQL unreachable"),
        Row("the same: system calls", "/frame", calls, "<= 1.2", lambda ours, _: ours <= 1.2,
            note=f"counted by strace at 5,000 frames/s; {statistics.median(reads):.2f} of them recvfrom"),
    ]


def live_cpu_us(receiver, bursts):
    """Returns the CPU time of a frame, of a process with port, pid and count_frames."""
    client.send_bursts(receiver.port, 100, 20, 0.01)
    before, frames = place.cpu_s(receiver.pid), receiver.count_frames()
    client.send_bursts(receiver.port, 100, bursts, 0.004, 1001)
    frames = receiver.count_frames() - frames
    return (place.cpu_s(receiver.pid) - before) * US / frames


class ReadLoop:
    """tests/bench/read_loop.c. Use it in a with statement."""

    def __enter__(self):
        self.process = subprocess.Popen([pathlib.Path(place.AVLD).parent / "bench/read_loop"], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def count_frames(self):
        """Returns the reads so far: each is a frame."""
        self.process.stdin.write("\n")
        return int(self.process.stdout.readline())


def count_calls(bench, bursts=200):
    calls, reads = [], []
    for _ in bench.each_round("system calls"):
        with Daemon() as daemon:
            daemon.wait_connected()
            client.send_bursts(daemon.port, 100, 20, 0.01)
            frames = daemon.metric("frames_total")
            out = place.FOLDER / "strace.out"
            tracer = subprocess.Popen(["strace", "-c", "-f", "-q", "-p", str(daemon.pid), "-o", str(out)],
                                      stderr=subprocess.DEVNULL)
            place.wait(lambda: is_traced(daemon.pid), "strace")
            client.send_bursts(daemon.port, 100, bursts, 0.02, 1001)
            tracer.terminate()
            tracer.wait()
            frames = daemon.metric("frames_total") - frames
            counts = {}
            for line in out.read_text().splitlines():
                fields = line.split()
                if len(fields) >= 5 and fields[3].isdigit():
                    counts[fields[-1]] = int(fields[3])
            counts.pop("total", None)
            calls.append(sum(counts.values()) / frames)
            reads.append(counts.get("recvfrom", 0) / frames)
    return calls, reads


def is_traced(pid):
    return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()


# --- storing ----------------------------------------------------------------------------------------------

EXPORT = "bench_rows.bin"


def copy_rate(rows):
    """Runs `psql \\copy` with the rows that avld has stored, in their order, into the same table after emptying it."""
    file = place.FOLDER / EXPORT
    psql("COPY (SELECT * FROM avld.positions) TO STDOUT (FORMAT binary)", stdout=file)
    place.empty_tables()
    begin = time.monotonic()
    psql(f"\\copy avld.positions FROM '{file}' (FORMAT binary)")
    seconds = time.monotonic() - begin
    file.unlink()
    return rows / seconds


def psql(command, stdout=None):
    to = open(stdout, "wb") if stdout else subprocess.DEVNULL
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", place.NAME, "-c", command], check=True, stdout=to)


def store(bench):
    """100 connections at full speed, into SQL."""
    rows = bench.count(2_000_000)
    ours, other, cpu_us, backend_us = [], [], [], []
    for number in bench.each_round("store"):
        place.empty_tables()
        with Daemon() as daemon:
            daemon.wait_connected()
            cpu, backend = place.cpu_s(daemon.pid), place.backends_cpu_s()
            begin = time.monotonic()
            sender = daemon.simulate(devices=100, rate=0, count=rows, seed=100 + number)
            end = daemon.wait_stored(rows)
            cpu_us.append((place.cpu_s(daemon.pid) - cpu) * US / rows)
            backend_us.append((place.backends_cpu_s() - backend) * US / rows)
            sender.wait()
        ours.append(rows / (end - begin))
        stored = one("SELECT count(*) FROM avld.positions")
        assert stored == rows, f"{stored} rows of {rows}"
        other.append(copy_rate(rows))
    return [
        Row("stored positions, 100 connections at full speed", "/s", ours, ">= 0.75", lambda _, ratio: ratio >= 0.75,
            other, "psql \\copy binary", f"PostgreSQL's backend: {statistics.median(backend_us):.1f} us a position"),
        Row("CPU of the daemon a stored position", "us", cpu_us, "<= 2", lambda ours, _: ours <= 2),
    ]


def drain(bench):
    """Stores the journal's backlog after an outage of the database, while 2,000 reports/s arrive."""
    rows = bench.count(1_000_000)
    ours, other = [], []
    for number in bench.each_round("drain"):
        place.empty_tables()
        with Daemon() as daemon:
            daemon.wait_connected()
            place.open_database(False)
            try:
                daemon.simulate(devices=100, rate=0, count=rows, seed=200 + number).wait()
                live_sender = daemon.simulate(devices=1000, rate=2000, seed=300 + number)
            finally:
                place.open_database(True)
            first, last = rows * 0.05, rows * 0.95
            begin = daemon.wait_stored(first)
            count = daemon.metric("positions_total")
            end = daemon.wait_stored(last)
            ours.append((daemon.metric("positions_total") - count) / (end - begin))
            live_sender.terminate()
            live_sender.wait()
        stored = one("SELECT count(*) FROM avld.positions")
        other.append(copy_rate(stored))
    return [Row("backlog drain, 2,000 reports/s coming in", "/s", ours, ">= 0.75", lambda _, ratio: ratio >= 0.75,
                other, "psql \\copy binary")]


# --- latency ----------------------------------------------------------------------------------------------

TRIGGER = """
CREATE FUNCTION public.bench_tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NOTIFY bench; RETURN NULL; END$$;
CREATE TRIGGER bench_tell AFTER UPDATE ON avld.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION public.bench_tell();
CREATE TABLE public.bench_probe (n integer);
CREATE TRIGGER bench_tell AFTER INSERT ON public.bench_probe FOR EACH STATEMENT EXECUTE FUNCTION public.bench_tell();
"""


class Watcher:
    """Gets each commit by NOTIFY, then queries the newest fix of each device."""

    def __init__(self, devices=None):
        """devices: looks at those with the numbers up to this one; None: at all."""
        self.conn = place.connect()
        self.cursor = self.conn.cursor()
        self.cursor.execute("LISTEN bench")
        only = "" if devices is None else f" WHERE ident IN (SELECT '5' || lpad(n::text, 12, '0') FROM generate_series(1, {devices}) n)"
        self.cursor.execute("PREPARE seen AS SELECT ident, fixed_at FROM avld.latest_positions" + only)

    def wait(self, timeout_s):
        ready = select.select([self.conn], [], [], timeout_s)[0]
        self.conn.poll()
        self.conn.notifies.clear()
        return bool(ready)

    def look(self):
        self.cursor.execute("EXECUTE seen")
        seen = {int(ident[1:]): at.timestamp() for ident, at in self.cursor.fetchall() if at}
        return time.monotonic(), seen

    def own_error_s(self):
        """Returns the median time from a commit in another session to the watcher's result."""
        conn = place.connect()
        cursor = conn.cursor()
        found = []
        for _ in range(200):
            cursor.execute("INSERT INTO public.bench_probe VALUES (1)")
            begin = time.monotonic()
            self.wait(1)
            found.append(self.look()[0] - begin)
        conn.close()
        return statistics.median(found)


def latency(bench):
    """From the last byte sent to a visible row."""
    p50, p99, errors = [], [], []
    query(TRIGGER)
    try:
        for _ in bench.each_round("latency"):
            place.empty_tables()
            with Daemon(database__batch_interval="20ms") as daemon:
                daemon.wait_connected()
                pacer = client.Pacer(daemon.port, 100, 5000, 8 * min(1, bench.scale))
                watcher = Watcher()
                daemon.wait_stored(100)
                errors.append(watcher.own_error_s())
                found = watch(watcher, pacer)
            p50.append(found[len(found) // 2] * 1000)
            p99.append(found[len(found) * 99 // 100] * 1000)
    finally:
        query("DROP FUNCTION public.bench_tell CASCADE; DROP TABLE public.bench_probe")
    note = f"5,000/s, batch_interval 20 ms; found by LISTEN and a SELECT, {statistics.median(errors) * 1000:.1f} ms of it"
    return [
        Row("last byte sent to visible in SQL, p50", "ms", p50, "<= 25", lambda ours, _: ours <= 25, note=note),
        Row("the same, p99", "ms", p99, "<= 60", lambda ours, _: ours <= 60),
    ]


def watch(watcher, pacer):
    """Returns the sorted latencies of all frames. A frame counts as visible when its device's newest fix is that frame's or a
    later one: the transaction that writes a position writes it too, in the order of sending."""
    looks = []
    pacer.go()
    while not pacer.is_done():
        if watcher.wait(0.1):
            looks.append(watcher.look())
    sent = pacer.result()
    newest = {number: ms for number, ms, _ in sent}
    end = time.monotonic() + 10
    while time.monotonic() < end:
        watcher.wait(0.1)
        looks.append(watcher.look())
        if all(looks[-1][1].get(number, 0) * 1000 > ms - 0.5 for number, ms in newest.items()):
            break
    waiting = {}
    for number, ms, at in sent:
        waiting.setdefault(number, []).append((ms, at))
    latencies = []
    position = dict.fromkeys(waiting, 0)
    for at, seen in looks:
        for number, fixed_s in seen.items():
            frames = waiting.get(number, [])
            while position.get(number, 0) < len(frames) and frames[position[number]][0] < fixed_s * 1000 + 0.5:
                latencies.append(at - frames[position[number]][1])
                position[number] += 1
    assert len(latencies) == len(sent), f"{len(latencies)} of {len(sent)} frames were seen"
    return sorted(latencies)


# --- many devices -----------------------------------------------------------------------------------------

def first_frames(bench):
    """10,000 connections, each sending its first frame."""
    new, known = [], []
    devices = 10000
    for number in bench.each_round("first frames"):
        place.empty_tables()
        query("DELETE FROM avld.devices")
        with Daemon(server__login_timeout="10m") as daemon:
            daemon.wait_connected()
            new.append(send_first(daemon, devices, 3600))
            known.append(send_first(daemon, devices, 60))
    return [
        Row("first frames of 10,000 new devices, all in SQL", "s", new, "<= 1", lambda ours, _: ours <= 1),
        Row("the same, devices known", "s", known, "<= 0.5", lambda ours, _: ours <= 0.5),
    ]


def send_first(daemon, devices, ago_s):
    sockets = client.open_connections(daemon.port, devices)
    place.wait(lambda: daemon.metric("connections") >= devices, "connections")
    frames = [client.frame(number, time.time() - ago_s) for number in range(1, devices + 1)]
    before = one("SELECT count(*) FROM avld.positions")
    begin = time.monotonic()
    for peer, data in zip(sockets, frames):
        peer.send(data)
    conn = place.connect()
    cursor = conn.cursor()

    def all_stored():
        cursor.execute("SELECT count(*) FROM avld.positions")
        return cursor.fetchone()[0] >= before + devices
    place.wait(all_stored, "first frames", pause_s=0.01)
    seconds = time.monotonic() - begin
    conn.close()
    client.close_all(sockets)
    place.wait(lambda: daemon.metric("connections") == 0, "connections to end")
    return seconds


def idle(bench):
    """19,000 connections after one report each."""
    slope, cpu_percent = [], []
    few, many = 1000, 19000
    for _ in bench.each_round("idle"):
        place.empty_tables()
        query("TRUNCATE avld.devices CASCADE")
        insert_devices(1, many)
        with Daemon(http__listen="", server__login_timeout="10m") as daemon:
            warm_up(daemon, many)
            crowd = client.Crowd(daemon.port)
            crowd.grow(few)
            settle(many + few)
            before = place.rss_bytes(daemon.pid)
            crowd.grow(many)
            settle(2 * many)
            slope.append((place.rss_bytes(daemon.pid) - before) / (many - few))
            cpu = place.cpu_s(daemon.pid)
            time.sleep(10)
            cpu_percent.append((place.cpu_s(daemon.pid) - cpu) * 10)
            crowd.end()
    return [
        Row("memory an idle connection, 1,000 to 19,000", "bytes", slope, "<= 400", lambda ours, _: ours <= 400),
        Row("CPU with 19,000 idle connections", "% of a core", cpu_percent, "< 0.1", lambda ours, _: ours < 0.1),
    ]


def warm_up(daemon, devices):
    """Sends a report of each device over one connection first, so that later growth is due to connections."""
    data = b"".join(client.frame(number, time.time() - 3600) for number in range(1, devices + 1))
    for peer in client.open_connections(daemon.port, 1):
        peer.sendall(data)
        settle(devices)
        peer.close()


def settle(positions):
    place.wait(lambda: one("SELECT count(*) FROM avld.positions") >= positions, f"{positions} positions", pause_s=0.1)
    time.sleep(1)  # for work that the daemon does after answering


def insert_devices(first, last):
    query("INSERT INTO avld.devices (ident) SELECT '5' || lpad(n::text, 12, '0') FROM generate_series(%s, %s) n",
          first, last)


def known(bench):
    """1,000,000 devices in avld.devices compared with 1,000: memory, and the cost of a position."""
    sizes, costs = {1000: [], 1_000_000: []}, {1000: [], 1_000_000: []}
    for number in bench.each_round("known devices"):
        for devices in sizes:
            query("TRUNCATE avld.devices CASCADE")
            insert_devices(1, devices)
            query("VACUUM ANALYZE avld.devices")
            place.empty_tables()
            with Daemon() as daemon:
                daemon.wait_connected()
                sizes[devices].append(place.rss_bytes(daemon.pid))
                costs[devices].append(cost_us(daemon, bench.count(500_000), 400 + number))
    query("TRUNCATE avld.devices CASCADE")
    return [
        Row("memory a known device, up to 1,000,000", "bytes",
            [(b - a) / 999000 for a, b in zip(sizes[1000], sizes[1_000_000])], "<= 200", lambda ours, _: ours <= 200),
        Row("CPU a position, 1,000,000 devices known", "us", costs[1_000_000], "<= 1.3x", lambda _, ratio: ratio <= 1.3,
            costs[1000], "1,000 known", "daemon and PostgreSQL's backend"),
    ]


def cost_us(daemon, rows, seed):
    """Returns the CPU time of daemon and backend per position."""
    cpu = place.cpu_s(daemon.pid) + place.backends_cpu_s()
    before = daemon.metric("positions_total")
    sender = daemon.simulate(devices=1000, rate=0, count=rows, seed=seed)
    daemon.wait_stored(before + rows)
    cpu = place.cpu_s(daemon.pid) + place.backends_cpu_s() - cpu
    sender.wait()
    return cpu * US / rows


FILL = """
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
SELECT n %% 1000 + 1000000, date_trunc('day', now(), 'UTC') - %s * interval '1 day' + n * interval '1 second', now(),
'device', true, 48, 11, false, n FROM generate_series(1, 5000) n
"""


def partitions(bench):
    """A hundred days with rows compared with one."""
    many, few = [], []
    for number in bench.each_round("partitions"):
        for days, costs in ((1, few), (100, many)):
            place.make_database()
            query("SELECT avld.ensure_partitions((now() AT TIME ZONE 'UTC')::date - %s, (now() AT TIME ZONE 'UTC')::date + 2)",
                  days - 1)
            for day in range(days):
                query(FILL, day)
            query("CHECKPOINT")
            with Daemon() as daemon:
                daemon.wait_connected()
                costs.append(cost_us(daemon, bench.count(500_000), 500 + number))
    place.make_database()
    return [Row("CPU a position, 100 days filled", "us", many, "<= 1.3x", lambda _, ratio: ratio <= 1.3, few, "1 day",
                "daemon and PostgreSQL's backend")]


# --- the journal ------------------------------------------------------------------------------------------

def udp(bench):
    """More than 150,000 datagrams per second into the journal, without the database."""
    rate, seconds = 165_000, 8 * min(1, bench.scale)
    taken, lost, no_room = [], [], 0
    for number in bench.each_round("udp"):
        place.empty_tables()
        with Daemon() as daemon:
            place.open_database(False)
            try:
                begin = time.monotonic()
                sent = int(rate * seconds)
                daemon.simulate(devices=100, rate=rate, count=sent, seed=600 + number, udp=True).wait()
                took = time.monotonic() - begin
                place.wait(lambda: is_drained(daemon.port), "the socket")
                reports = daemon.metric("reports_total")
                no_room += daemon.metric("udp_no_room_total")
            finally:
                place.open_database(True)
            taken.append(reports / took)
            lost.append(sent - reports)
    return [
        Row("UDP into the journal, one report a datagram", "/s", taken, ">= 150,000", lambda ours, _: ours >= 150_000,
            note="sent at 165,000/s, less the sender's start and end"),
        Row("datagrams lost of those", "", lost, "0 each round", lambda *_: max(lost) == 0,
            note=f"{no_room:.0f} of them for lack of room in the journal, the others in the socket's buffer"),
    ]


def is_drained(port):
    """Returns true if the UDP socket's buffer is empty."""
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rsplit(":", 1)[1], 16) == port:
            return int(fields[4].split(":")[1], 16) == 0
    return True


def start(bench):
    """Starts with a journal of 1 GB that is not in the database yet."""
    seconds = []
    place.empty_tables()
    with Daemon() as daemon:
        place.open_database(False)
        try:
            sender = daemon.simulate(devices=100, rate=0, seed=700)
            place.wait(lambda: daemon.metric("journal_waiting_bytes") >= bench.scale * 2**30, "the backlog")
            sender.terminate()
            sender.wait()
            for _ in bench.each_round("start"):
                daemon.stop(9)
                daemon.start()
                seconds.append(daemon.ready_s)
            daemon.stop(9)
        finally:
            place.open_database(True)
    return [Row("start with 1 GB in the journal, until it listens", "s", seconds, "<= 1", lambda ours, _: ours <= 1,
                note="killed before; the database unreachable")]


def fleet(bench):
    """100,000 devices in turn."""
    for interval in ("1d", "1h"):
        yield from large_fleet.full_day(bench, Row, interval)
    yield from large_fleet.visible(bench, Row, TRIGGER, watch, Watcher)
    yield from large_fleet.new_devices(bench, Row)
    yield from large_fleet.drain(bench, Row, 100_000, 10_000_000)
    yield from large_fleet.drain(bench, Row, 1_000_000, 5_000_000)


# --- the client alone -------------------------------------------------------------------------------------

def sink(bench):
    """The rate of avld simulate against a server that discards everything. Measured first: the client must not be the limit."""
    tcp, datagrams = [], []
    count = bench.count(1_000_000)
    for _ in bench.each_round("client against a sink"):
        for is_udp, rates in ((False, tcp), (True, datagrams)):
            target = client.Sink(is_udp)
            begin = time.monotonic()
            place.simulate(f"127.0.0.1:{target.port}", devices=100, rate=0, count=count, udp=is_udp).wait()
            rates.append(count / (time.monotonic() - begin))
            target.close()
    return [
        Row("client alone, TCP into a sink", "/s", tcp, ">= 200,000", lambda ours, _: ours >= 200_000,
            note="shares the cores with the sink"),
        Row("client alone, UDP into a sink", "/s", datagrams, ">= 200,000", lambda ours, _: ours >= 200_000),
    ]


PARTS = {part.__name__: part for part in (
    sink, feed, live, store, drain, latency, first_frames, idle, known, partitions, udp, start, fleet)}
