# SPDX-License-Identifier: MIT
"""Meitrack: simulated trackers, whose tracks must be what they sent; answers at the right time, over TCP and UDP; photos; commands."""
import datetime
import random
import socket
import struct

import pytest

import simulated
import meitrack  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
ID = "860000000000017"
NOW = datetime.datetime.now(datetime.timezone.utc)


def before(ago):
    return NOW - datetime.timedelta(seconds=ago)


def frame(content, flag="A"):
    return meitrack.seal(b"$$", flag, f",{ID},".encode() + content)


def server(content, flag="A"):
    return meitrack.seal(b"@@", flag, f",{ID},{content}".encode())


def place(ago, tail=""):
    return f"-23.550520,-46.633308,{before(ago):%y%m%d%H%M%S},A,9,21,47,271,1.1,760,1234600,890100,724|5|2F19|A893,0401,0|0|0|019A|0550{tail}".encode()


def fixed(*agos):
    records = b"".join(
        struct.pack("<BiiIBBBHHHhIIHHHHBBHHHI", 35, -23550520, -46633308, int(before(ago).timestamp()) - 946684800, 1, 9, 22, 47, 271, 9, 760,
                    1234600, 890100, 724, 5, 0x2F19, 0xA893, 4, 1, 3, 410, 1366, 0) for ago in agos)
    return b"CCC," + struct.pack("<HHI", 0x0102, 52, len(agos)) + records


def read_answer(peer):
    return simulated.read_until(peer, b"\r\n")


def split(stream):
    """The frames of a stream."""
    frames = []
    while stream:
        length, _, _ = stream[3:].partition(b",")
        end = 3 + len(length) + int(length)
        frames.append(stream[:end])
        stream = stream[end:]
    return frames


@pytest.mark.parametrize("udp, lost", [(False, ()), (True, ()), (True, range(100, 110))], ids=["tcp", "udp", "udp with losses"])
def test_tracks_are_what_was_sent(avld, database, udp, lost):
    """The flags of answers begin again after 26: a datagram that is lost is not taken for answered by that of a later one."""
    streams, printed = simulated.run(avld, "meitrack", udp, lost)
    assert "0 missing, 0 unexpected replies" in printed
    columns = ["satellites", "hdop", "altitude_m", "inputs", "outputs", "odometer_m", "battery_v", "power_v", "gsm_percent"]
    reports = []
    for stream in streams:
        for each in split(stream):
            reports += [{"ignition": None, **out} for out in meitrack.decode(each, None) if "latitude" in out]
    simulated.check_tracks(database, reports, columns)


def send_photo(peer, photo):
    """Announces a photo, and sends its parts as they are requested."""
    parts, name = [photo[at:at + 900] for at in range(0, len(photo), 900)], "260314102000_C1E1_N1U1D1.jpg"
    peer.sendall(frame(b"AAA,39," + place(10, f",{name}")))
    for asked in range(0, len(parts), 8):
        assert read_answer(peer) == server(f"D00,{name},{asked}", "O")
        for number, part in list(enumerate(parts))[asked:asked + 8]:
            peer.sendall(frame(b"D00,%s,%d,%d," % (name.encode(), len(parts), number) + part))


def test_answers_and_a_photo(daemons, database):
    avld, photo = daemons({"media.photos": "on"}).start(), b"\xff\xd8" + random.Random(17).randbytes(9000) + b"\xff\xd9"
    with avld.tcp() as peer:
        peer.settimeout(30)
        peer.sendall(frame(b"AAC", "z") + frame(b"AAA,35," + place(9)) + frame(b"AFF,0002,23," + place(8), "B") + frame(b"AFF,OK"))
        # The heart-beat is answered at once; the event once it is stored, as is what came before.
        assert [read_answer(peer) for _ in range(2)] == [server("AAC,1", "z"), server("AFF,1", "B")]
        wrong = frame(b"AFF,0001,1," + place(1), "C")
        peer.sendall(wrong[:-4] + (b"00" if wrong[-4:-2] != b"00" else b"01") + b"\r\n" + frame(fixed(7, 6, 5), "D"))
        assert read_answer(peer) == server("CCC,3", "D")
        send_photo(peer, photo)
        database.wait("SELECT count(*)::int FROM avld.media WHERE complete AND content_type = 'image/jpeg'", 1)
    assert bytes(database.one("SELECT bytes FROM avld.media")) == photo
    database.wait(POSITIONS, 6)
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'bad checksum'", 1)
    assert database.one("SELECT count(*)::int FROM avld.alarms WHERE alarm = 'powerCut'") == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", avld.port))
        peer.settimeout(30)
        peer.send(frame(b"AFF,0001,35," + place(4), "E")[:-2])
        assert peer.recv(100) == server("AFF,1", "E")
        # Sent again: it is stored once.
        peer.send(frame(b"AFF,0003,35," + place(4), "F"))
        assert peer.recv(100) == server("AFF,1", "F")
        peer.send(frame(fixed(3, 2), "G"))
        assert peer.recv(100) == server("CCC,2", "G")
    database.wait(POSITIONS, 9)


def test_commands(daemons, database):
    with simulated.obeying(daemons, database, "meitrack", "engineStop engineResume positionSingle custom", 8) as (_, devices):
        for device in devices:
            simulated.send(database, device, "engineStop")
            database.wait(f"SELECT outputs FROM avld.latest_positions WHERE device_id = {device}", 1)
            simulated.send(database, device, "engineResume")
            simulated.send(database, device, "positionSingle")
            simulated.send(database, device, "custom", '{"text": "B21,1"}')
