# SPDX-License-Identifier: MIT
"""PT-502 records as a tracker sends them."""
import datetime
import os
import re

NOW = object()


def stamp(time):
    return time.strftime("%H%M%S.") + f"{time.microsecond // 1000:03d}", time.strftime("%d%m%y")


def now(offset_s=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)).replace(
        microsecond=0)


def last(count, offset_s=0):
    """Returns count different seconds, newest first. (Calling now() for each could give one second twice.)"""
    newest = now(offset_s)
    return [newest - datetime.timedelta(seconds=k) for k in range(count)]


def record(ident="5020001", event="POS", time=None, fix="A", lat="4807.0380,N", lon="01131.0000,E",
           speed="22.40", course="84.40", tail="A/00010,00000/0,0,0,0/1200//fa7/", end=b"\r\n"):
    clock, date = stamp(time or now())
    return f"${event},{ident},{clock},{fix},{lat},{lon},{speed},{course},{date},,,{tail}".encode() + end


def full(body):
    """Returns the framed form: BF FB, verify, length, body."""
    verify = 0
    for byte in body:
        verify ^= byte
    return b"\xbf\xfb" + bytes([verify]) + (len(body) + 5).to_bytes(2, "little") + body


def split(text):
    return re.split(rb"[,/]", text)


def delta(reference, text):
    """Returns what a tracker sends instead of `text` right after it has made `reference`."""
    old, new = split(reference), split(text)
    assert len(old) == len(new)
    check = 0
    for byte in reference:
        check ^= byte
    out = b"@" + bytes([check])
    for number, (a, b) in enumerate(zip(old, new)):
        if a != b:
            same = len(os.path.commonprefix([a, b]))
            out += bytes([number, same, len(b) - same]) + b[same:]
    return out
