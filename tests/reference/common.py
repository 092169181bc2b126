# SPDX-License-Identifier: MIT
"""What the references of all protocols share: the shape of the output of `avld decode`, numbers and times."""
import datetime
import re
from fractions import Fraction


class Reject(Exception):
    """The reason of a reject."""


def report(ident, event):
    return {"ident": ident, "event": event or None, "alarms": [], "extra": {}, "stored": False}


def reply(text, when):
    return {"reply": text, "when": when}


def calendar_time(year, month, day, hour, minute, second):
    """Returns the time as avld prints it, None if it is impossible."""
    try:
        return datetime.datetime(year, month, day, hour, minute, second).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    except ValueError:
        return None


def is_decimal(text):
    return bool(re.fullmatch(r"[+-]?(\d{1,12}(\.\d*)?|\.\d+)", text))


def half_up(value, decimals):
    """Rounds half away from zero and returns an integer number of 10^-decimals."""
    scaled = abs(value) * 10 ** decimals
    whole = int(scaled + Fraction(1, 2))
    return whole if value >= 0 else -whole


def number(extra, name, text):
    """A number in extra, if the text is one."""
    if is_decimal(text):
        extra[name] = float(text)


def speed(out, kmh):
    if 0 <= half_up(kmh, 2) <= 100000:
        out["speed_kmh"] = half_up(kmh, 2) / 100


def knots(out, text):
    if is_decimal(text) and not text.startswith(("+", "-")):
        micro = half_up(Fraction(text), 6)
        if micro < 1000000000:
            speed(out, Fraction(micro, 1000000) * Fraction(1852, 1000))


def add_cells(extra, mcc, mnc, cells):
    """cells: (lac, cid, rssi or None). 0/0 is none."""
    cells = [one for one in cells if one[0] or one[1]]
    if not cells:
        return
    extra.update(mcc=mcc, mnc=mnc, lac=cells[0][0], cid=cells[0][1])
    if cells[0][2] is not None:
        extra["rssi"] = cells[0][2]
    if cells[1:]:
        extra["cells"] = ";".join(",".join(str(value) for value in one if value is not None) for one in cells[1:])
