# SPDX-License-Identifier: MIT
"""GT06 frames as a tracker sends them, and the replies it expects."""
import struct

from pt502 import now


def crc(data):
    """CRC-16/X-25."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value ^ 0xFFFF


def frame(kind, body, serial, bad_crc=False):
    inner = bytes([len(body) + 5, kind]) + body + struct.pack(">H", serial)
    return b"\x78\x78" + inner + struct.pack(">H", crc(inner) ^ (1 if bad_crc else 0)) + b"\r\n"


def long_frame(kind, body, serial):
    inner = struct.pack(">HB", len(body) + 5, kind) + body + struct.pack(">H", serial)
    return b"\x79\x79" + inner + struct.pack(">H", crc(inner)) + b"\r\n"


def login(imei="860000000000017", serial=1):
    return frame(0x01, bytes.fromhex("0" + imei), serial)


def gps(time, lat, lon, kmh, course, satellites=9, valid=True):
    word = course | (1 << 10 if lat >= 0 else 0) | (1 << 11 if lon < 0 else 0) | (1 << 12 if valid else 0)
    return (bytes([time.year - 2000, time.month, time.day, time.hour, time.minute, time.second, 0xC0 | satellites]) +
            struct.pack(">IIBH", round(abs(lat) * 1800000), round(abs(lon) * 1800000), kmh, word))


CELL = bytes.fromhex("01f60a1b2c00a1b2")


def position(serial, time=None, lat=-20.5, lon=30.25, kmh=42, course=90, **kwargs):
    return frame(0x12, gps(time or now(), lat, lon, kmh, course) + CELL, serial, **kwargs)


def alarm(serial, code=1, time=None, lat=-20.5, lon=30.25):
    return frame(0x26, gps(time or now(), lat, lon, 0, 0) + bytes([9]) + CELL + bytes([0x46, 4, 4, code, 2]), serial)


def heartbeat(serial, code=0):
    return frame(0x13, bytes([0x46, 5, 3, code, 2]), serial)


def answer(kind, serial):
    inner = bytes([5, kind]) + struct.pack(">H", serial)
    return b"\x78\x78" + inner + struct.pack(">H", crc(inner)) + b"\r\n"


def read_exactly(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        assert more, f"closed after {data.hex()}"
        data += more
    return data
