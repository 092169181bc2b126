# SPDX-License-Identifier: MIT
"""Attacks whose effect is a state, not a delay: replies larger than requests, a dead /health, a stolen device, a missing journal."""
import datetime
import importlib.machinery
import importlib.util
import os
import select
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

import gt06
import measure
import pt502
from harness import AVLD, FULL, HERE, journal, metrics, remove_folder, rounds, wait_for
from test_hostile import SHORT, daemon, ms, table  # noqa: F401  (fixtures)

THIEF = "127.0.3.1"


def line(name):
    """Registers a test; make check runs those of SHORT only."""
    def registered(test):
        return test if FULL or name in SHORT else None
    return registered


def verdict(table, results, title, made, stored, text, faults):
    """One row of the table, whose figures are in words."""
    table[title] = f"| {title} | {made - stored}, 0 | | | | | | {text} | {'; '.join(faults) or 'good'} |"
    print(title, text, faults)
    assert not faults, "; ".join(faults)
    results.add(15, title[:42], 1, made, stored, note=text)


def health(avld, timeout_s=3):
    """The text of /health; "" if there is none in time."""
    try:
        with urllib.request.urlopen(f"http://{avld.settings['http.listen']}/health", timeout=timeout_s) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


# ---- UDP amplification

def captured_blocks():
    """Each block of lines of the golden captures, and each of their single lines of text: many are whole frames."""
    loader = importlib.machinery.SourceFileLoader("golden", str(HERE.parent / "golden" / "run"))
    golden = importlib.util.module_from_spec(importlib.util.spec_from_loader("golden", loader))
    loader.exec_module(golden)
    blocks = []
    for path in sorted((HERE.parent / "golden").glob("*.hex")):
        block = b""
        for text in path.read_text("ascii").splitlines() + [""]:
            text = text.strip()
            if not text or text.startswith("#"):
                blocks.append(block)
                block = b""
            elif text.startswith('"'):
                blocks.append(golden.read_text(text))
                block += blocks[-1]
            else:
                block += bytes.fromhex(text)
    return [block for block in dict.fromkeys(blocks) if 0 < len(block) <= 4000]


def gt06_requests():
    one = gt06.login("861000000000051")
    yield gt06.frame(0x2A, gt06.gps(pt502.now(), -20.5, 30.25, 42, 90) + b"0" * 21 + bytes([0, 1]), 3)
    yield gt06.frame(0x2A, b"", 3)
    yield gt06.frame(0x8A, b"", 4)
    yield one + b"".join(gt06.frame(0x13, b"", n) for n in range(2, 102))
    yield b"".join(gt06.heartbeat(n) for n in range(1, 200))
    yield one + b"".join(gt06.position(n) for n in range(2, 60))
    yield one + gt06.frame(0x8A, b"", 2)


@line("udp_amplification")
def test_udp_answers_are_not_larger_than_what_is_asked(daemon, table, results):
    """One datagram each of senders that have not been heard before: at most one reply, at most as large."""
    avld = daemon({})
    requests = [*gt06_requests(), *captured_blocks()]
    peers, poll = {}, select.epoll()
    for number, request in enumerate(requests):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind((f"127.0.5.{1 + number % 250}", 0))
        poll.register(peer, select.EPOLLIN)
        peers[peer.fileno()] = [peer, request, 0, 0]
        peer.sendto(request, ("127.0.0.1", avld.port))
        if number % 50 == 49:
            time.sleep(0.02)
    while events := poll.poll(1.5):
        for number, _ in events:
            peers[number][2] += 1
            peers[number][3] += len(peers[number][0].recv(65536))
    larger = [(request[:24].hex(), len(request), size) for _, request, _, size in peers.values() if size > len(request)]
    many = [(request[:24].hex(), len(request), count) for _, request, count, _ in peers.values() if count > 1]
    worst = max((size / len(request) for _, request, _, size in peers.values()), default=0)
    for peer, *_ in peers.values():
        peer.close()
    print(*larger, "many:", *many, sep="\n  ")
    avld.end()
    faults = [f"{len(larger)} of {len(requests)} replies larger than the request"] * bool(larger)
    faults += [f"{max((count for _, _, count in many), default=0)} replies to one datagram"] * bool(many)
    verdict(table, results, "UDP replies before any proof of who asks", len(requests), len(requests),
            f"largest reply {worst:.1f} x the request", faults)


# ---- HTTP

@line("http_closed")
def test_http_survives_closed_and_slow_clients(daemon, table, results):
    avld = daemon({})
    host, port = avld.settings["http.listen"].split(":")
    turns = rounds(30, 1000)
    for turn in range(turns):
        peers = []
        for _ in range(64):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex((host, int(port)))
            peers.append(peer)
        for number, peer in enumerate(peers):
            try:
                if (number + turn) % 3 == 1:
                    peer.send(b"GET /metrics HTTP/1.1\r\n")
                elif (number + turn) % 3 == 2:
                    peer.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            except OSError:
                pass
            peer.close()
    faults, begin = [], time.monotonic()
    while not health(avld) and time.monotonic() < begin + 20:
        pass
    closed_s = time.monotonic() - begin
    if closed_s > 5:
        faults.append(f"/health dead for {closed_s:.0f} s after 64 at once were closed {turns} times")
    slow = []
    for _ in range(64):
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex((host, int(port)))
        slow.append(peer)
    time.sleep(0.2)
    for peer in slow:
        try:
            peer.send(b"GET /health HTTP/1.1\r\nHo")
        except OSError:
            pass
    begin = time.monotonic()
    while not health(avld) and time.monotonic() < begin + 30:
        pass
    slow_s = time.monotonic() - begin
    if slow_s > 15:
        faults.append(f"/health dead for {slow_s:.0f} s beside 64 slow clients")
    for peer in slow:
        peer.close()
    verdict(table, results, f"http: 64 connections at once closed, {turns} times; 64 slow ones", 1, 1,
            f"/health after {closed_s:.1f} s and {slow_s:.1f} s", faults)


# ---- thief

@line("thief")
def test_a_thief_over_udp_takes_nothing(daemon, own_database, table, results):
    """A known ident over UDP, while the device's TCP connection is open: it does not move the device, and gets no command."""
    avld = daemon({"commands.allow": "positionSingle, getVersion"})
    ident, faults = "5020777", []
    place = "SELECT round(latitude::numeric, 2)::float8 FROM avld.latest_positions WHERE ident = '5020777'"
    thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    thief.bind((THIEF, 0))
    thief.connect(("127.0.0.1", avld.port))
    with avld.tcp() as owner:
        owner.sendall(pt502.record(ident, time=pt502.now(-5)))
        own_database.wait(place, 48.12)
        for ahead in (0, 240, 540):
            thief.send(pt502.record(ident, time=pt502.now(ahead), lat="0100.0000,N", tail="A/00010,00000/0,0,0,0/9//fa7/"))
        owner.sendall(pt502.record(ident, time=pt502.now(-1), tail="A/00010,00000/0,0,0,0/2//fa7/"))
        wait_for(lambda: own_database.one("SELECT count(*)::int FROM avld.positions WHERE odometer_m = 2") == 1, "the owner's report")
        wait_for(lambda: metrics(avld)["avld_journal_waiting_bytes"] == 0, "all to be stored")
        if own_database.one(place) != 48.12:
            faults.append("the thief moved the device")
        own_database.query("SELECT avld.send_command('5020777', 'positionSingle')")
        owner.settimeout(10)
        try:
            asked = owner.recv(4096)
        except TimeoutError:
            asked = b""
        if not asked:
            faults.append("the owner did not get the command")
        thief.settimeout(1)
        try:
            if thief.recv(4096):
                faults.append("the thief was sent the command")
        except TimeoutError:
            pass
        findings = " ".join(map(str, own_database.query("SELECT * FROM avld.diagnose('5020777')")))
        if "two addresses" not in findings and "jumps" not in findings:
            faults.append("diagnose does not show it")
    verdict(table, results, "thief over UDP with a known ident", 2, 2, "`avld.diagnose`", faults)


# ---- photos

def send_photo(avld, database, ident, photo, patience_s):
    """An honest camera. Returns the seconds until its photo is stored; None if it is not."""
    stored = f"SELECT count(*)::int FROM avld.media m JOIN avld.devices d ON d.id = device_id WHERE complete AND ident = '{ident}'"
    begin = asked = time.monotonic()
    with avld.tcp("127.0.0.1") as peer:
        peer.sendall(pt502.record(ident, f"PHO{len(photo)}"))
        peer.settimeout(0.5)
        received = b""
        while time.monotonic() < begin + patience_s:
            if time.monotonic() > asked + 0.5:  # not with each part: a query takes longer than a part
                asked = time.monotonic()
                if database.one(stored):
                    return asked - begin
            try:
                received += peer.recv(4096)
            except TimeoutError:
                continue
            *lines, received = received.split(b"\r\n")
            for text in lines:
                if text.startswith(b"#PHD"):
                    offset, count = map(int, text[4:].split(b","))
                    peer.sendall(pt502.full(b"$PHD%d,%d,%s\r\n" % (offset, count, photo[offset:offset + count])))
    return None


PHOTO = b"\xff\xd8" + bytes(1000000) + b"\xff\xd9"  # what is left of the budget by 63 others is less


@line("photo_budget")
def test_an_honest_camera_is_served_beside_300_that_announce(daemon, own_database, table, results):
    avld = daemon({"media.photos": "on"})
    duration = rounds(4, 20)
    hostile = measure.start("hostile.py", "photos", avld.port, duration)
    wait_for(lambda: metrics(avld)["avld_devices"] >= 300, "the announcements")
    took_s = send_photo(avld, own_database, "5020778", PHOTO, 10)
    hostile.kill()
    hostile.wait(60)
    faults = [] if took_s else ["the honest photo was not fetched"]
    verdict(table, results, "300 cameras announce 1 MiB beside an honest one", 1, 1,
            f"stored after {took_s:.1f} s" if took_s else "not stored", faults)


@line("photos_held")
def test_an_honest_camera_is_served_beside_68_that_hold_all_memory(daemon, own_database, table, results):
    """They send a part every five seconds, so each makes progress. The log and a counter say that photos were cut."""
    avld = daemon({"media.photos": "on"})
    hostile = measure.start("hostile.py", "photos_held", avld.port, 600)
    try:
        wait_for(lambda: metrics(avld)["avld_photo_bytes"] > 60e6, "the memory to be in use", 120)
        held = metrics(avld)["avld_photo_bytes"]
        took_s = send_photo(avld, own_database, "5020778", PHOTO, 20)
        cut = metrics(avld)["avld_photos_cut_total"]
    finally:
        hostile.kill()
        hostile.wait(60)
    faults = [] if took_s else ["the honest photo was not fetched"]
    faults += ["no log line"] * ("photos cut count=" not in avld.logged()) + ["no counter"] * (not cut)
    verdict(table, results, "68 cameras hold all memory for photos, a part every 5 s, beside an honest one", 1, 1,
            f"{held / 1e6:.0f} MB held, {f'stored after {took_s:.1f} s' if took_s else 'not stored'}, {cut:.0f} cut", faults)


# ---- new trackers, and few descriptors

@line("newcomers")
def test_an_honest_fleet_moves_in(daemon, own_database, table, results):
    """28 new trackers a second (100,000 an hour) behind four addresses, half over UDP, half over TCP, with three reports each:
    all are stored."""
    avld, seconds = daemon({}), rounds(2, 90)
    count, pause = 28 * seconds, rounds(1.0, 3.0)
    sources = [f"127.0.6.{n}" for n in range(1, 5)]
    base, peers, plan = pt502.now(-3600), {}, []
    for number in range(count):
        plan += [(number / 28 + n * pause, number, n) for n in range(3)]
    begin = time.monotonic()
    for due, number, n in sorted(plan):
        time.sleep(max(0, begin + due - time.monotonic()))
        if number not in peers:
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if number % 2 else socket.SOCK_STREAM)
            peer.bind((sources[number // 2 % 4], 0))
            peer.connect(("127.0.0.1", avld.port))
            peers[number] = peer
        time_of = base + datetime.timedelta(seconds=60 * n)
        peers[number].send(pt502.record(f"{5300000 + number}", time=time_of, tail=f"A/00010,00000/0,0,0,0/{n}//fa7/"))
    stored = "SELECT count(*)::int FROM avld.positions"
    end = time.monotonic() + 20
    while own_database.one(stored) < 3 * count and time.monotonic() < end:
        time.sleep(0.3)
    got = own_database.one(stored)
    by_transport = own_database.query("SELECT right(ident, 1)::int % 2, count(*)::int FROM avld.positions p JOIN avld.devices d"
                                      " ON d.id = device_id GROUP BY 1 ORDER BY 1")
    for peer in peers.values():
        peer.close()
    print(by_transport, own_database.query("SELECT reason, count(*) FROM avld.rejects GROUP BY 1"))
    faults = [f"{3 * count - got} reports of new trackers lost"] * (got != 3 * count)
    verdict(table, results, "an honest fleet moves in, 28 new trackers/s", 3 * count, got, f"{count} trackers, 4 addresses", faults)


@line("few_descriptors")
def test_without_descriptors_it_does_not_spin(daemon, table, results):
    """1,000 idle connections with 256 descriptors: little processor time is used, and afterwards all is well."""
    avld = daemon({}, nofile=256)
    host, faults = ("127.0.0.1", avld.port), []

    def used_s():
        fields = open(f"/proc/{avld.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peers = []
    for _ in range(1000):
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex(host)
        peers.append(peer)
    time.sleep(1)
    before, seconds = used_s(), rounds(2, 10)
    time.sleep(seconds)
    share = (used_s() - before) / seconds
    if share > 0.3:
        faults.append(f"{share * 100:.0f} % of a processor while nothing happens")
    for peer in peers:
        peer.close()
    avld.send_tcp(pt502.record("5020779"))
    verdict(table, results, "256 descriptors, 1,000 idle connections", 1, 1, f"{share * 100:.0f} % of a processor", faults)


# ---- journal folder, tables

def beside_trackers(avld, database, folder, seconds, disturb):
    """Runs disturb() after a third of the time. Returns the figures of the trackers."""
    helper = threading.Timer(seconds / 3, disturb)
    helper.start()
    figures = measure.Run(avld, database, folder, seconds, 1).go()
    helper.join()
    return figures


@line("journal_moved")
@pytest.mark.parametrize("how", ["moved away and back", "removed"])
def test_a_missing_journal_folder_is_noticed(daemon, own_database, tmp_path, table, results, how):
    """Named in the log and in /health within seconds, and used again when it is back, or made anew."""
    avld, seen = daemon({}), {}
    place, elsewhere = tmp_path / "journal", tmp_path / "elsewhere"

    def disturb():
        begin = time.monotonic()
        if how == "removed":
            remove_folder(place)
        else:
            place.rename(elsewhere)
        while time.monotonic() < begin + 5:
            seen.setdefault("log", next((text for text in avld.logged().splitlines() if str(place) in text and
                                         ("ERROR" in text or "WARN" in text)), None))
            if seen["log"] is None:
                del seen["log"]
            text = health(avld)
            if text and '"status":"ok"' not in text:
                seen.setdefault("health", text)
            if len(seen) == 2:
                break
            time.sleep(0.1)
        seen["s"] = time.monotonic() - begin
        if how != "removed":
            if place.exists():
                remove_folder(place)
            elsewhere.rename(place)

    figures = beside_trackers(avld, own_database, tmp_path, rounds(9, 15), disturb)
    avld.log.flush()
    faults = [f"not in {what} within 5 s" for what in ("log", "health") if what not in seen]
    faults += [f"{figures.unfinished} trackers were not served again"] * bool(figures.unfinished)
    lost = figures.lost
    if lost and how != "removed":
        faults.append(f"{lost} honest reports lost")
    elif lost and "lsn" not in avld.logged().lower():
        faults.append(f"{lost} honest reports lost without a word")
    if '"status":"ok"' not in health(avld):
        faults.append("/health is not ok afterwards")
    text = f"{lost} of {figures.made} lost, noticed in {seen.get('s', 0):.1f} s"
    table_title = f"journal folder {how}"
    verdict(table, results, table_title, figures.made, figures.made if how == "removed" else figures.made - lost, text, faults)
    avld.end()
    assert journal(place).returncode == 0


@line("alter_table")
def test_a_changed_column_is_named(daemon, own_database, tmp_path, table, results):
    """The log names the column and the remedy; nothing is lost, and all is stored once the column is as it was."""
    avld, seen = daemon({}), {}
    seconds = rounds(6, 12)

    def disturb():
        own_database.query("ALTER TABLE avld.positions ALTER adc1 TYPE bigint")
        end = time.monotonic() + seconds / 3
        while time.monotonic() < end and "log" not in seen:
            found = [text for text in avld.logged().splitlines() if "adc1" in text and "positions" in text]
            if found:
                seen["log"] = found[0]
            time.sleep(0.1)
        own_database.query("ALTER TABLE avld.positions ALTER adc1 TYPE integer")

    figures = beside_trackers(avld, own_database, tmp_path, seconds, disturb)
    faults = [] if "log" in seen else ["the log does not name adc1"]
    faults += [f"{figures.lost} lost, {figures.twice} twice"] * bool(figures.lost or figures.twice)
    verdict(table, results, "ALTER TABLE positions ALTER adc1 TYPE bigint", figures.made, figures.made - figures.lost,
            f"visible p99 {ms(figures.p('visible', 0.99))} ms", faults)


# ---- rights

@line("drop_partitions")
def test_the_daemons_role_cannot_drop_what_retention_keeps(daemon, own_database, table, results):
    avld = daemon({})
    avld.send_tcp(pt502.record(time=pt502.now(-3 * 86400)))
    own_database.wait("SELECT count(*)::int FROM avld.positions", 1)
    faults = []
    try:
        own_database.query("SET ROLE avld_writer; SELECT avld.drop_partitions(current_date)")
    except Exception as error:  # whatever the server answers
        print(error)
    if own_database.one("SELECT count(*)::int FROM avld.positions") != 1:
        faults.append("drop_partitions dropped days that retention keeps")
    verdict(table, results, "the daemon's role calls drop_partitions(current_date)", 1, 1, "", faults)


@line("world_readable")
def test_a_world_readable_password_is_a_warning(own_database, tmp_path, table, results):
    settings = tmp_path / "avld.ini"
    settings.write_text(f"[database]\nconninfo = {own_database.conninfo} password=secret\n[server]\nlisten = 127.0.0.1:0\n"
                        f"[http]\nlisten =\n[journal]\ndir = {tmp_path}/journal\n")
    settings.chmod(0o644)
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([AVLD, "serve", "-c", settings], stdout=subprocess.PIPE, stderr=log)
        ready = process.stdout.readline()
        process.terminate()
        process.wait(30)
    text = (tmp_path / "log").read_text()
    faults = [] if "WARN" in text and str(settings) in text else ["no warning"]
    faults += ["the log holds the password"] * ("=secret" in text) + ["did not start"] * (not ready.startswith(b"ready"))
    verdict(table, results, "settings file 0644 with `password=`", 1, 1, "", faults)
