# SPDX-License-Identifier: MIT
"""Wialon IPS: simulated devices, whose tracks must be what they sent, over TCP and UDP; answers in the order of the packets; long
black boxes; passwords; photos; compressed packets; commands."""
import datetime
import random
import socket
import zlib

import pytest

import simulated
import wialon_ips as wialon  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "860000000000017"


def seal(body, separator=";"):
    return f"{body}{separator}{wialon.crc16((body + separator).encode()):04X}"


def login(ident=ID, password="NA"):
    return f"#L#{seal(f'2.0;{ident};{password}')}\r\n".encode()


def body(ago_s=0, tail=""):
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s)
    return f"{then:%d%m%y;%H%M%S};5213.7805;N;02100.7337;E;47;271;113;11{tail}"


def read_line(peer):
    return simulated.read_until(peer, b"\r\n")


def connect(avld, *args, answer=b"#AL#1\r\n"):
    peer = avld.tcp()
    peer.settimeout(30)
    peer.sendall(login(*args))
    assert read_line(peer) == answer
    return peer


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_tracks_are_what_was_sent(avld, database, udp):
    streams, printed = simulated.run(avld, "wialon_ips", udp)
    assert "never acknowledged" not in printed
    reports = []
    for stream in streams:
        state = wialon.Device()
        for line in stream.splitlines(keepends=True):
            if udp:
                prefix, _, line = line.partition(b"#")
                state.ident, state.is_2, line = prefix.decode()[4:], True, b"#" + line
            if line.startswith(b"#D#"):
                reports.append(wialon.decode(line, state)[0])
            else:
                wialon.decode(line, state)
    simulated.check_tracks(database, reports, ["satellites", "hdop", "inputs", "battery_percent"])


def test_answers_come_in_the_order_of_the_packets(avld, database):
    with connect(avld) as peer:
        peer.sendall(f"#SD#{seal(body(50))}\r\n#P#\r\n#SD#{body(40)};0001\r\n#D#{body(30)}\r\n#M#hello\r\n#SD#x\r\n".encode())
        assert [read_line(peer) for _ in range(6)] == [
            b"#ASD#1\r\n", b"#AP#\r\n", b"#ASD#13\r\n", b"#AD#1\r\n", b"#AM#1\r\n", b"#ASD#-1\r\n"]
        packed = zlib.compress(f"#B#{body(20)}|{body(10)}|x".encode())
        peer.sendall(b"\xff" + len(packed).to_bytes(2, "little") + packed)
        assert read_line(peer) == b"#AB#2\r\n"
    database.wait(POSITIONS, 4)
    database.wait("SELECT count(*)::int FROM avld.statuses WHERE event = 'M' AND extra ->> 'text' = 'hello'", 1)
    database.wait("SELECT count(*)::int FROM avld.rejects", 3)
    assert database.one("SELECT count(*)::int FROM avld.positions WHERE stored") == 2


def test_a_black_box_of_5000_records_is_stored_once(avld, database):
    line = f"#B#{seal('|'.join(body(5000 - n, f';1;1;0;;NA;n:1:{n}') for n in range(5000)), '|')}\r\n".encode()
    assert 300000 < len(line) < 1 << 20
    for _ in range(2):
        with connect(avld) as peer:
            peer.sendall(line)
            assert read_line(peer) == b"#AB#5000\r\n"
    database.wait(POSITIONS, 5000)
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_a_device_with_a_secret_needs_its_password(avld, database):
    with connect(avld) as peer:
        peer.sendall(f"#SD#{body(60)}\r\n".encode())
        assert read_line(peer) == b"#ASD#1\r\n"
    database.wait(POSITIONS, 1)
    database.query(f"SELECT avld.set_secret('{ID}', 'parrot')")

    def is_refused():
        with avld.tcp() as peer:
            peer.settimeout(30)
            peer.sendall(login(password="pigeon"))
            answer = read_line(peer)
            assert answer in (b"#AL#1\r\n", b"#AL#01\r\n")  # the settings of devices are read once a second
            return answer == b"#AL#01\r\n" and peer.recv(1) == b""
    while not is_refused():
        pass
    connect(avld, ID, "NA", answer=b"#AL#01\r\n").close()
    with connect(avld, ID, "parrot") as peer:
        peer.sendall(f"#SD#{body(30)}\r\n".encode())
        assert read_line(peer) == b"#ASD#1\r\n"
    database.wait(POSITIONS, 2)
    assert database.one("SELECT count(*)::int FROM avld.rejects WHERE position('pigeon'::bytea IN frame) > 0") == 0


def test_a_refused_device_is_told(daemons, database):
    database.query(f"INSERT INTO avld.devices(ident, state) VALUES ('{ID}', 'blocked')")
    avld = daemons().start()
    with connect(avld, "other") as peer:
        peer.sendall(f"#SD#{body()}\r\n".encode())
        assert read_line(peer) == b"#ASD#1\r\n"
    database.wait(POSITIONS, 1)  # the devices are loaded before that
    with connect(avld, answer=b"#AL#0\r\n") as peer:
        assert peer.recv(1) == b""


def test_datagrams_are_answered(avld, database):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        peer.settimeout(30)
        for kind, line in (("SD", seal(body(30))), ("D", seal(body(20))), ("B", f"{body(10)}|{body(5)}")):
            peer.send(f"2.0;{ID}#{kind}#{line}\r\n".encode())
            assert peer.recv(100) == f"#A{kind}#{2 if kind == 'B' else 1}\r\n".encode()
    database.wait(POSITIONS, 4)


def test_a_photo_is_stored(daemons, database):
    avld = daemons({"media.photos": "on"}).start()
    photo = b"\xff\xd8" + random.Random(17).randbytes(90000) + b"\xff\xd9"
    blocks, taken = [photo[at:at + 40000] for at in range(0, len(photo), 40000)], body()[:13]
    with connect(avld) as peer:
        for number, block in enumerate(blocks):
            peer.sendall(f"#I#{len(block)};{number};2;{taken};cam1.jpg;{wialon.crc16(block):04X}\r\n".encode() + block)
            assert read_line(peer) == (b"#AI#1\r\n" if number == 2 else b"#AI#%d;1\r\n" % number)
    database.wait("SELECT count(*)::int FROM avld.media", 1)
    stored, complete, kind = database.query("SELECT bytes, complete, content_type FROM avld.media")[0]
    assert bytes(stored) == photo and complete and kind == "image/jpeg"


def test_commands(daemons, database):
    with simulated.obeying(daemons, database, "wialon_ips", "requestPhoto custom", 6) as (_, devices):
        for device in devices:
            simulated.send(database, device, "requestPhoto")
            simulated.send(database, device, "custom", '{"text": "#M#call the office"}')
            simulated.send(database, device, "custom", '{"text": "VER?"}')
    database.wait("SELECT count(*)::int FROM avld.statuses WHERE extra ->> 'text' = 'VER? OK'", 2)
