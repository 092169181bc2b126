# SPDX-License-Identifier: MIT
"""Suntech, slow and obvious: what each frame must give, and random frames. Written from the makers' manuals before the decoder.
Not covered: datagrams, and bytes between frames that begin like a binary frame."""
import re
from fractions import Fraction

from common import Reject, calendar_time, half_up, reply, report, speed

LEGACY = re.compile(r"((?:ST|SA)\d{3,4})([A-Z]{3})", re.I)
NINE = re.compile(r"ST9\d\d", re.I)
UNIVERSAL = "STT ALT UEX BLE RES ALV BSA CRR".split()
NUMBER = r"[+-]?(\d{1,15}(\.\d*)?|\.\d+)"
COORDINATE = r"[+-]\d{1,3}\.\d{4,}"
IO = r"[01]{6}|[01]{8}|0{0,5}"
ADC = r"\d{1,6}\.\d+"
TEMPERATURE = r"([0-9A-Fa-f]{16}:[+-]?\d{1,3}\.\d{1,2})|:"
EMG = {1: "sos", 2: "parking", 3: "powerCut", 5: "door", 6: "door", 7: "movement", 8: "vibration"}
ALT = {1: "overspeed", 49: "overspeed", 3: "gpsAntennaCut", 5: "geofenceExit", 6: "geofenceEnter", 13: "fault", 14: "lowBattery",
       15: "vibration", 16: "accident", 40: "powerRestored", 41: "powerCut", 42: "sos", 46: "hardAcceleration", 47: "hardBraking",
       48: "hardCornering", 50: "jamming", 61: "idle", 68: "idle", 64: "highRpm", 26: "highRpm", 73: "fuelLeak", 75: "temperature",
       76: "temperature", 132: "door"}
CELLS = {"SA200": 1, "ST500": 0, "ST600": 5}  # fields between the time and the latitude, where 1 is not meant


class Device:
    """The header that the connection used last, and the parts of crash reports."""
    def __init__(self):
        self.family = "ST300"
        self.crashes = {}


def is_(pattern, text):
    return re.fullmatch(pattern, text) is not None


def get(f, index):
    return f[index] if index < len(f) else ""


# Values --------------------------------------------------------------------------------------------------------------------

def keep(extra, name, fields):
    if any(fields):
        extra[name] = ";".join(fields)


def keep_bytes(extra, data):
    if data:
        extra["data"] = data[:1024].hex()


def value(extra, name, text):
    """A number if it has digits only, else text."""
    if text:
        extra[name] = int(text) if is_(r"\d{1,18}", text) else text


def minutes(out, text):
    if is_(r"\d{1,10}", text):
        out["extra"]["hours_s"] = int(text) * 60


def volts(out, name, text, most):
    if is_(NUMBER, text) and 0 <= half_up(Fraction(text), 3) <= most * 1000:
        out[name] = half_up(Fraction(text), 3) / 1000


def whole(out, name, text, most):
    if is_(r"\d{1,18}", text) and int(text) <= most:
        out[name] = int(text)


def set_time(out, date, clock):
    if is_(r"\d{8}", date) and is_(r"\d\d:\d\d:\d\d", clock):
        out["device_time"] = calendar_time(int(date[:4]), int(date[4:6]), int(date[6:]), *map(int, clock.split(":")))
        if int(date[:4]) < 1970 or int(date[:4]) > 2199:
            out["device_time"] = None


def set_motion(out, kmh, course):
    """kmh and course: in hundredths, or None"""
    if kmh is not None:
        speed(out, Fraction(kmh, 100))
    if course is not None and 0 <= course <= 36000:
        out["course_deg"] = course / 100


def set_place(out, lat, lon, valid, kmh, course):
    """lat, lon: 1e-7 degree, or None"""
    if lat is None or lon is None or abs(lat) > 900000000 or abs(lon) > 1800000000 or not (valid or lat or lon):
        return
    out["valid"], out["latitude"], out["longitude"] = valid, lat, lon
    set_motion(out, kmh, course)


def scaled(text, decimals):
    return half_up(Fraction(text), decimals) if is_(NUMBER, text) else None


def text_place(out, lat, lon, valid, kmh, course):
    set_place(out, scaled(lat, 7), scaled(lon, 7), valid, scaled(kmh, 2), scaled(course, 2))


def set_cell(extra, mcc, mnc, lac, cid, rssi):
    """The numbers, or None."""
    if lac or cid:
        extra.update({name: number for name, number in (("mcc", mcc), ("mnc", mnc), ("lac", lac), ("cid", cid)) if number is not None})
    if rssi is not None:
        extra["rssi"] = rssi


def integer(text, pattern, base=10):
    return int(text, base) if is_(pattern, text) else None


def hex_cell(extra, cid, mcc, mnc, lac, rx):
    code = r"[0-9A-Fa-f]{1,8}"
    set_cell(extra, integer(mcc, r"\d{1,3}"), integer(mnc, r"\d{1,3}"), integer(lac, code, 16), integer(cid, code, 16), integer(rx, r"-?\d{1,3}"))


def set_driver(out, text):
    if text.strip("0"):
        out["driver"] = text


def set_alert(out, name, text, names):
    value(out["extra"], name, text)
    number = integer(text, r"\d{1,9}")
    if number in names:
        out["alarms"].append(names[number])
    if names is ALT and number in (33, 34):
        out["ignition"] = number == 33


# What follows the fields of the type ---------------------------------------------------------------------------------------

def is_hbm(r):
    return len(r) >= 3 and is_(r"\d{1,10}", r[0]) and is_(r"\d\.\d{1,2}", r[1]) and is_("[01]", r[2])


def is_cell(r):
    patterns = [r"\d{1,10}", r"\d{3}", r"\d{1,3}", r"-\d{1,3}", r"\d{1,6}"]
    return len(r) >= 5 and all(is_(*pair) for pair in zip(patterns, r))


def add_more(out, r):
    extra, tail, done = out["extra"], [], set()
    hbm = is_hbm(r)
    if hbm:
        minutes(out, r[0])
        volts(out, "battery_v", r[1], 100)
        out["stored"] = r[2] == "0"
        r = r[3:]
    while r:
        if hbm and "adc" not in done and is_(f"({ADC})?", r[0]):
            done.add("adc")
            adc = [None] * 3
            for column in range(3):
                if not r or not is_(f"({ADC})?", r[0]):
                    break
                if r[0]:
                    adc[column] = half_up(Fraction(r[0]), 3)
                r = r[1:]
            while adc and adc[-1] is None:
                adc.pop()
            out["adc"] = adc or None
        elif hbm and "rpm" not in done and is_(r"\d{1,5}", r[0]) and is_("[0-9A-Fa-f]{14}", get(r, 1)):
            done.add("rpm")
            extra["rpm"] = int(r[0])
            r = r[1:]
        elif "driver" not in done and is_("[0-9A-Fa-f]{14,16}", r[0]) and is_("[01]", get(r, 1)):
            done.add("driver")
            set_driver(out, r[0])
            r = r[2:]
        elif "temp" not in done and is_(TEMPERATURE, r[0]):
            done.add("temp")
            for number in (1, 2, 3):
                if not r or not is_(TEMPERATURE, r[0]):
                    break
                if r[0] != ":":
                    extra[f"temp{number}"] = float(r[0].partition(":")[2])
                r = r[1:]
        elif "cell" not in done and "cid" not in extra and "rssi" not in extra and is_cell(r):
            done.add("cell")
            set_cell(extra, int(r[1]), int(r[2]), int(r[4]), int(r[0]), int(r[3]))
            r = r[6:] if is_(r"\d{1,5}", get(r, 5)) else r[5:]
        else:
            tail.append(r[0])
            r = r[1:]
    keep(extra, "tail", tail)


# Serial data ---------------------------------------------------------------------------------------------------------------

def cut_serial(rest, length):
    """rest: the bytes of the frame behind the length's ;. Returns (payload, fields behind its sum) or None."""
    end = int(length) if is_(r"\d{1,4}", length) else None
    if end is None or not re.match(rb";[0-9A-Fa-f]{2}(;|\r|$)", rest[end:]):
        found = re.search(rb";[0-9A-Fa-f]{2}(?=;|\r|$)", rest)
        if not found:
            return None
        end = found.start()
    more = rest[end + 3:].rstrip(b"\r").decode("latin-1")
    return rest[:end], more.split(";")[1:]


def add_serial(out, payload):
    text = payload.strip(b" \r\n")
    if not re.fullmatch(rb"[ -~]*", text):
        out["extra"]["data"] = payload[:1024].hex()
        return
    text = text.decode()
    if text:
        out["extra"]["serial"] = text
    found = re.match(r"GTSL\|[^|]*\|[^|]*\|[^|]*\|([^|]{1,64})\|", text) or re.fullmatch("RFID:([0-9A-Fa-f]{1,64})", text)
    if found:
        set_driver(out, found[1])


# Kinds of messages ---------------------------------------------------------------------------------------------------------

class NoShape(Exception):
    """The fields fit no layout."""


def find_date(f, start, end=None):
    return next((i for i in range(start, (len(f) if end is None else end) - 1) if is_(r"\d{8}", f[i]) and is_(r"\d\d:\d\d:\d\d", f[i + 1])), None)


def find_place(f, start):
    return next((i for i in range(start, len(f) - 1) if is_(COORDINATE, f[i]) and is_(COORDINATE, f[i + 1])), None)


def legacy_head(f, family):
    """Returns the indexes of date (None: none) and latitude."""
    lat = find_place(f, 2)
    date = find_date(f, 2, lat)
    if lat is None and date is not None:
        lat = date + 2 + CELLS.get(family.upper(), 1)
        if lat + 5 >= len(f) or f[lat] or f[lat + 1]:
            lat = None
    return date, lat


def legacy_type_at(f, lat):
    """The index of the first field of the type."""
    return lat + 8 + is_(IO, get(f, lat + 8))


def legacy(out, f, family, kind, serial):
    date, lat = legacy_head(f, family)
    if date is not None:
        set_time(out, f[date], f[date + 1])
    if lat is None or kind == "UEX" and not serial:
        raise NoShape
    if date is not None and lat - date == 7:
        hex_cell(out["extra"], f[date + 2], f[date + 3], f[date + 4], f[date + 5], f[date + 6])
    text_place(out, f[lat], f[lat + 1], get(f, lat + 5) == "1", get(f, lat + 2), get(f, lat + 3))
    whole(out, "satellites", get(f, lat + 4), 99)
    whole(out, "odometer_m", get(f, lat + 6), 10 ** 12)
    volts(out, "power_v", get(f, lat + 7), 1000)
    io = get(f, lat + 8)
    if is_("[01]{6}|[01]{8}", io):
        ins = 3 if len(io) == 6 else 4
        out["ignition"] = io[0] == "1"
        out["inputs"] = int(io[1:1 + ins][::-1], 2)
        out["outputs"] = int(io[1 + ins:][::-1], 2)
    at = legacy_type_at(f, lat)
    extra, r = out["extra"], f[at + 1:]
    if kind == "STT":
        value(extra, "mode", get(f, at))
        value(extra, "index", get(f, at + 1))
        r = f[at + 2:]
    elif kind == "EMG":
        set_alert(out, "emergency", get(f, at), EMG)
    elif kind == "ALT":
        set_alert(out, "alert", get(f, at), ALT)
    elif kind == "EVT":
        value(extra, "event", get(f, at))
        if not is_hbm(r) and is_(r"\d", get(r, 0)) and is_(r"\d{1,6}", get(r, 1)) and (len(r) == 2 or is_hbm(r[2:])):
            value(extra, "mode", r[0])
            value(extra, "index", r[1])
            r = r[2:]
    else:
        add_serial(out, serial[0])
        r = serial[1]
    add_more(out, r)


def asset(out, f):
    """Returns False if it is not this layout."""
    is_41 = get(f, 3) == "41"
    at = 5 if is_41 else 4
    cells = f[at:at + 42]
    battery = at + 42
    levels = [3 if i == 0 else 6 * i + 4 for i in range(7)]
    if len(f) < battery + 6 or not all(is_(r"-?\d{1,3}" if i in levels else r"\d{1,10}", cell) for i, cell in enumerate(cells)):
        return False
    if not is_(r"\d{1,2}\.\d{1,2}", f[battery]) or not is_("[01]", f[battery + 1]):
        return False
    at = battery + 4
    network, temperature, motion = "", "", ""
    if is_41:
        has_motion = is_(r"\d", get(f, at + 2)) and is_(r"(\d{8})?", get(f, at + 3))  # where it is if one network is sent
        if len(f[at]) == 3 and is_(r"(\d{8})?", get(f, at + 4)) and not has_motion:
            at += 1
        network, temperature, motion = (get(f, at + i) for i in range(3))
        at += 3
    elif len(f[at]) == 3:
        at += 1
    if len(f) < at + 2 or not is_(r"(\d{8})?", f[at]):
        return False
    extra = out["extra"]
    groups = [cells[i:i + 6] for i in range(0, 42, 6)]
    listed = [(g[0], g[1], g[2], *(g[4:2:-1] if i == 0 else g[3:5])) for i, g in enumerate(groups)]  # cid mcc mnc lac rx
    listed = [tuple(map(int, one)) for one in listed]
    listed = [one for one in listed if one[0] > 0]
    others = []
    for number, (cid, mcc, mnc, lac, rx) in enumerate(listed):
        if number == 0:
            extra.update(mcc=mcc, mnc=mnc, lac=lac, cid=cid)
            if rx:
                extra["rssi"] = rx
        else:
            others.append(f"{lac},{cid}" + (f",{rx}" if rx else ""))
    if others:
        extra["cells"] = ";".join(others)
    volts(out, "battery_v", f[battery], 100)
    out["stored"] = f[battery + 1] == "0"
    value(extra, "index", f[battery + 2])
    value(extra, "status", f[battery + 3])
    if is_(NUMBER, temperature):
        extra["temp1"] = float(temperature)
    if motion in ("1", "2"):
        extra["motion"] = motion == "2"
    set_time(out, f[at], get(f, at + 1))
    if f[at]:
        text_place(out, get(f, at + 2), get(f, at + 3), get(f, at + 7) == "1", get(f, at + 4), get(f, at + 5))
        whole(out, "satellites", get(f, at + 6), 99)
    keep(extra, "tail", f[at + 8:])
    return True


def nine(out, f, kind):
    if kind in ("EMERGENCY", "ALERT"):
        out["alarms"].append("general")
    lat = find_place(f, 3)
    date = find_date(f, 3, lat)
    if date is not None:
        set_time(out, f[date], f[date + 1])
    if lat is None:
        raise NoShape
    text_place(out, f[lat], f[lat + 1], get(f, lat + 4) == "1", get(f, lat + 2), get(f, lat + 3))
    r, extra = f[lat + 5:], out["extra"]
    name = kind.lower() if kind != "LOCATION" else None
    if name and len(r) == 1:
        value(extra, name, r[0])
        return
    if name and len(r) == 2 and is_(r"\d{1,18}", r[0]):
        whole(out, "odometer_m", r[0], 10 ** 12)
        value(extra, name, r[1])
        return
    if is_(r"\d\.\d{1,2}", get(r, 0)):
        volts(out, "battery_v", r[0], 100)
        r = r[1:]
    elif is_(r"\d{1,18}", get(r, 0)) and is_(r"\d{1,3}", get(r, 1)):
        whole(out, "odometer_m", r[0], 10 ** 12)
        whole(out, "battery_percent", r[1], 100)
        r = r[2:]
    if is_(r"\d", get(r, 0)) and is_(r"\d", get(r, 1)) and is_(r"\d{1,6}", get(r, 2)):
        value(extra, "index", r[2])
    keep(extra, "tail", r)


def travel(out, f):
    date = find_date(f, 2, find_place(f, 2))
    last = f[-1] if len(f) > 2 and is_("[ -~]{1,64}", f[-1]) else ""
    r = f[date + 2:] if date is not None else []
    if len(r) < 6 or not is_(r"\d{1,18}", r[0]) or not is_(r"\d{1,3}\.\d{1,3}", r[1]) or not is_hbm(r[2:]):
        set_driver(out, last)
        keep(out["extra"], "data", f[2:-1] if last else f[2:])
        return
    set_driver(out, last)
    set_time(out, f[date], f[date + 1])
    whole(out, "odometer_m", r[0], 10 ** 12)
    volts(out, "power_v", r[1], 1000)
    minutes(out, r[2])
    volts(out, "battery_v", r[3], 100)
    out["stored"] = r[4] == "0"
    keep(out["extra"], "tail", r[5:-1] if last else r[5:])


def bits_of(mask, first, last):
    return [bit for bit in range(first, last + 1) if mask >> bit & 1]


def universal(out, f, kind, serial):
    mask = integer(get(f, 2), "[0-9A-Fa-f]{1,8}", 16)
    if mask is None or kind == "UEX" and not serial:
        raise NoShape
    seen = bits_of(mask, 1, 18 if kind == "UEX" else 22)
    v = dict(zip(seen, f[3:]))
    rest = f[3 + len(seen):]
    of = lambda bit: v.get(bit, "")
    if kind == "UEX":
        rest = serial[1][1:] if mask >> 22 & 1 else serial[1]
    extra = out["extra"]
    set_time(out, of(4), of(5))
    out["stored"] = of(3) == "0"
    valid = of(16) == "1" if mask >> 16 & 1 else not is_("0+", of(15))
    text_place(out, of(11), of(12), valid, of(13), of(14))
    hex_cell(extra, of(6), of(7), of(8), of(9), of(10))
    whole(out, "satellites", of(15), 99)
    if is_("[01]{1,32}", of(17)):
        out["ignition"] = of(17)[-1] == "1"
        out["inputs"] = int(of(17), 2) >> 1
    if is_("[01]{1,32}", of(18)):
        out["outputs"] = int(of(18), 2)
    if kind == "STT":
        for bit, name in ((19, "mode"), (20, "reason"), (21, "index")):
            value(extra, name, of(bit))
    elif kind == "ALT":
        set_alert(out, "alert", of(19), ALT)
        value(extra, "alertModifier", of(20))
        if of(19) == "59" and is_("[0-9A-Fa-f]{16}", of(21)):
            set_driver(out, of(21))
        elif of(21):
            extra["alertData"] = of(21)
    else:
        add_serial(out, serial[0])
    if mask >> 23 & 1 and kind != "UEX" and rest:
        assigned = integer(rest[0], "[0-9A-Fa-f]{1,8}", 16)
        if assigned is not None:
            rest = rest[1:]
            for bit in bits_of(assigned, 0, 30):
                if rest and rest[0]:
                    extra[f"io{bit + 1}"] = rest[0]
                rest = rest[1:]
    for number, text in enumerate(rest, 1):
        if text:
            extra[f"assign{number}"] = text


def beacons(out, f):
    if len(f) < 9 or not is_(r"\d{1,3}", f[8]):
        raise NoShape
    set_time(out, f[4], f[5])
    text_place(out, f[6], f[7], True, "", "")
    rest, extra = f[9:], out["extra"]
    for number in range(1, int(f[8]) + 1):
        if len(rest) < 7:
            break
        if rest[3]:
            extra[f"tag{number}Id"] = rest[3]
        level = integer(rest[0], r"-?\d{1,3}")
        if level is not None:
            extra[f"tag{number}Rssi"] = level
        for name, text in zip(("Samples", "Major", "Minor"), rest[4:7]):
            value(extra, f"tag{number}{name}", text)
        rest = rest[7:]
    keep(extra, "tail", rest)


# Frames --------------------------------------------------------------------------------------------------------------------

def check_ident(text):
    if not is_(r"\d{1,32}", text):
        raise Reject("bad value: ident")
    return text


def serial_of(data, index):
    """What is behind the field of this index, the length."""
    parts = data.split(b";", index + 1)
    return cut_serial(parts[index + 1], parts[index].decode("latin-1")) if len(parts) > index + 1 else None


def legacy_frame(data, f, family, kind, state):
    is_result = get(f, 1).upper() == "RES"
    ident = check_ident(get(f, 2 if is_result else 1))
    state.family = family
    if is_result:
        out = report(ident, f[0][-3:])
        keep(out["extra"], "result", f[4:])
        return [out]
    if kind == "ALV":
        return []
    out = report(ident, f[0][-3:])
    serial = None
    try:
        if kind == "HTE":
            travel(out, f)
        elif kind in ("STT", "EMG", "ALT", "EVT", "UEX"):
            if kind in ("STT", "ALT") and is_("st4..", family.lower()) and asset(out, f):
                return [out]
            out = report(ident, f[0][-3:])
            columns = f
            if kind == "UEX":  # a payload counts for nothing but itself
                columns = data.partition(b"\r")[0].decode("latin-1").split(";")
                lat = legacy_head(columns, family)[1]
                serial = serial_of(data, legacy_type_at(columns, lat)) if lat is not None else None
                columns = columns[:legacy_type_at(columns, lat)] if serial else columns
            legacy(out, columns, family, kind, serial)
        else:
            raise NoShape
    except NoShape:
        keep(out["extra"], "data", f[2:])
    if kind == "EMG":
        return [out, reply(f"{family}CMD;{ident};02;AckEmerg\r", "stored")]
    return [out]


def universal_frame(data, f, kind):
    ident = check_ident(get(f, 1))
    out = report(ident, f[0])
    if kind == "ALV" or kind == "BSA" and not any(f[2:]):
        return []
    if kind == "RES":
        keep(out["extra"], "result", f[2:])
        return [out]
    try:
        if kind == "BLE":
            beacons(out, f)
        elif kind == "BSA":
            raise NoShape
        else:
            mask = integer(get(f, 2), "[0-9A-Fa-f]{1,8}", 16)
            serial = serial_of(data, 3 + len(bits_of(mask, 1, 18))) if kind == "UEX" and mask is not None else None
            universal(out, f, kind, serial)
    except NoShape:
        out = report(ident, f[0])
        keep(out["extra"], "data", f[2:])
    return [out]


def crash_report(ident, body):
    """The outputs of a whole crash report."""
    size, out = (len(body) - 6) // 4, []
    when = calendar_time(2000 + body[0], *body[1:6]) if len(body) >= 6 else None
    if (len(body) - 6) % 4 or size < 12 or (size - 12) % 6 or when is None:
        return None
    for index, shift in enumerate((-3, -2, -1, 1)):
        block = body[6 + index * size:6 + (index + 1) * size]
        lat, lon = (int.from_bytes(block[i:i + 4], "little", signed=True) for i in (0, 4))
        kmh, course = (int.from_bytes(block[i:i + 2], "little") for i in (8, 10))
        axes = [int.from_bytes(block[i:i + 2], "little", signed=True) for i in range(12, size, 2)]
        if abs(lat) > 900000000 or abs(lon) > 1800000000 or course > 36000:
            return None
        one = report(ident, "CRR")
        one["device_time"] = shifted(when, shift)
        one["valid"], one["latitude"], one["longitude"] = True, lat, lon
        set_motion(one, kmh, course)
        if axes:
            text = "[" + ",".join("[%d,%d,%d]" % tuple(axes[i:i + 3]) for i in range(0, len(axes), 3)) + "]"
            if len(text) + 12 <= 4096:
                one["extra"]["gSensor"] = text
        out.append(one)
    return out


def shifted(text, seconds):
    import datetime
    when = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.000Z") + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def crash_frame(data, state):
    found = re.fullmatch(rb"CRR;(\d{1,32});(\d{1,4});(\d{1,4});(\d{1,4});(.*);[0-9A-Fa-f]{2}\r", data, re.S | re.I)
    ident = check_ident(get(data.decode("latin-1").rstrip("\r").split(";"), 1))
    out = report(ident, "CRR")
    if not found or int(found[4]) != len(found[5]) or not 1 <= int(found[2]) <= int(found[3]) <= 1024 or (
            int(found[3]) > 1 and not found[5]):
        keep_bytes(out["extra"], data.rstrip(b"\r").split(b";", 2)[2] if data.count(b";") > 1 else b"")
        return [out]
    number, total, body = int(found[2]), int(found[3]), found[5]
    if total > 1:
        parts = state.crashes.setdefault((ident, total), {})
        parts[number] = body
        if len(parts) < total:
            return []
        body = b"".join(parts[i] for i in range(1, total + 1))
        del state.crashes[ident, total]
    outputs = crash_report(ident, body)
    if outputs is None:
        keep_bytes(out["extra"], body)
        return [out]
    return outputs


def decode_text(data, state):
    text = data.decode("latin-1").rstrip("\r")
    f = text.split(";")
    if data[:4].upper() == b"CRR;":
        return crash_frame(data, state)
    # A payload may hold line ends and separators; only the fields before it count.
    head = LEGACY.fullmatch(f[0])
    if head and len(f) > 1:
        return legacy_frame(data, f, head[1], head[2].upper(), state)
    if f[0].upper() in UNIVERSAL and len(f) > 1:
        return universal_frame(data, f, f[0].upper())
    if NINE.fullmatch(f[0]) and len(f) > 2:
        out = report(check_ident(f[2]), f[1] if is_("[ -~]{1,32}", f[1]) else None)
        state.family = f[0]
        kind = f[1].upper()
        try:
            if kind not in ("LOCATION", "EMERGENCY", "ALERT"):
                raise NoShape
            nine(out, f, kind)
        except NoShape:
            keep(out["extra"], "data", f[3:])
        return [out]
    return []


def bcd(data):
    text = data.hex()
    return int(text) if text.isdigit() else None


def zip_ident(data):
    if not data.hex().isdigit():
        raise Reject("bad value: ident")
    return data.hex()


def binary_time(v):
    return calendar_time(2000 + v[0], *v[1:6])


def legacy_zip(data, state):
    v = data[3:-1]
    ident = zip_ident(v[1:6])
    ident = ident[:9] if ident[9] == "0" else ident
    kind = {0x10: "STT", 0x11: "EMG", 0x12: "EVT", 0x13: "ALT"}.get(v[0], v[:1].hex())
    out = report(ident, kind)
    extra = out["extra"]
    answer = [reply(f"{state.family}CMD;{ident};02;AckEmerg\r", "stored")] if kind == "EMG" else []
    if len(v) < 41 or v[0] > 0x13:
        if v[6:]:
            extra["data"] = v[6:].hex()
        return [out] + answer
    out["device_time"] = binary_time(v[9:15])
    lat, lon = bcd(v[19:22]), bcd(v[23:26])
    flags = v[32]
    if lat is not None and lon is not None:
        lat, lon = (v[18] * 10 ** 6 + lat) * 10, (v[22] * 10 ** 6 + lon) * 10
        lat, lon = -lat if flags & 64 else lat, -lon if flags & 32 else lon
    kmh, course, power = (None if bcd(v[i + size:i + size + 1]) is None else int.from_bytes(v[i:i + size], "big") * 100 + bcd(v[i + size:i + size + 1])
                          for i, size in ((26, 2), (29, 2), (37, 1)))
    set_place(out, lat, lon, bool(flags & 128), kmh, course)
    out["satellites"] = flags & 31
    out["odometer_m"] = int.from_bytes(v[33:37], "big")
    if power is not None:
        out["power_v"] = power / 100
    out["ignition"], out["inputs"], out["outputs"] = bool(v[39] & 1), v[39] >> 1 & 7, v[39] >> 4 & 3
    code, rest = str(v[40]), v[41:]
    if kind == "STT":
        extra["mode"] = v[40]
        if len(rest) == 2 or len(rest) >= 9:
            if bcd(rest[:2]) is not None:
                extra["index"] = bcd(rest[:2])
            rest = rest[2:]
        hbm = len(rest) >= 7
    else:
        set_alert(out, {"EMG": "emergency", "ALT": "alert", "EVT": "event"}[kind], code, {"EMG": EMG, "ALT": ALT, "EVT": {}}[kind])
        hbm = len(rest) >= 7
    if kind == "STT" and len(v) == 49:  # msgnum would leave 6
        hbm = False
    if hbm:
        if bcd(rest[5:6]) is not None:
            out["battery_v"] = (rest[4] * 100 + bcd(rest[5:6])) / 100 if rest[4] * 100 + bcd(rest[5:6]) <= 10000 else None
        out["stored"] = rest[6] == 0
        rest = rest[7:]
    if rest:
        extra["data"] = rest.hex()
    return [out] + answer


class Short(Exception):
    pass


class Bytes:
    def __init__(self, data):
        self.data = data

    def take(self, size):
        if len(self.data) < size:
            raise Short
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def number(self, size):
        return int.from_bytes(self.take(size), "big")


def universal_zip(data):
    ident = zip_ident(data[3:8])
    kind = "STT" if data[0] == 0x81 else "ALT"
    out = report(ident, kind)
    try:
        v = Bytes(data[8:])
        mask = v.number(3)
        has = lambda bit: mask >> bit & 1
        sizes = {1: 1, 2: 3, 3: 1, 4: 3, 5: 3, 6: 4, 7: 2, 8: 2, 9: 2, 10: 1, 11: 4, 12: 4, 13: 2, 14: 2, 15: 1, 16: 1, 17: 1, 18: 1, 19: 1, 20: 1}
        raw = {bit: v.take(size) for bit, size in sizes.items() if has(bit)}
        n = {bit: int.from_bytes(piece, "big") for bit, piece in raw.items()}
        last = None
        if has(21):
            last = v.number(2) if kind == "STT" else v.take(v.number(1))
    except Short:
        if data[8:]:
            out["extra"]["data"] = data[8:].hex()
        return [out]
    extra = out["extra"]
    if 4 in raw and 5 in raw:
        out["device_time"] = binary_time(raw[4] + raw[5])
    out["stored"] = n.get(3) == 0
    place = [None if n.get(bit) is None else (n[bit] & 0x7FFFFFFF) * (-10 if n[bit] >> 31 else 10) for bit in (11, 12)]
    valid = n[16] == 1 if 16 in n else n.get(15) != 0
    set_place(out, *place, valid, n.get(13), n.get(14))
    set_cell(extra, *(n.get(bit) if n.get(bit) is not None and n[bit] <= 999 else None for bit in (7, 8)), n.get(9), n.get(6), n.get(10))
    if n.get(15, 100) <= 99:
        out["satellites"] = n[15]
    if 17 in n:
        out["ignition"], out["inputs"] = bool(n[17] & 1), n[17] >> 1
    if 18 in n:
        out["outputs"] = n[18]
    if kind == "STT":
        extra.update({name: number for name, number in (("mode", n.get(19)), ("reason", n.get(20)), ("index", last)) if number is not None})
    else:
        if 19 in n:
            set_alert(out, "alert", str(n[19]), ALT)
        if 20 in n:
            extra["alertModifier"] = n[20]
        if last and n.get(19) == 59 and len(last) == 8:
            set_driver(out, last.hex())
        elif last:
            extra["alertData"] = last.hex()
    if v.data:
        extra["assign"] = v.data.hex()
    return [out]


def decode(data, state):
    try:
        if data[0] == 2:
            return legacy_zip(data, state)
        return universal_zip(data) if data[0] in (0x81, 0x82) else decode_text(data, state)
    except Reject as reject:
        return [{"reject": str(reject), "frame": data.hex()}]


# Random frames -------------------------------------------------------------------------------------------------------------

def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def hexes(rng, count):
    return "".join(rng.choice("0123456789ABCDEFabcdef") for _ in range(count))


def odd(rng):
    return rng.choice(["", "", "0", "1", "x", "-", "7.5", "4.1", "abc", "123456", "+1.5", "0000", "20260314", "A7", "12:00:00", "-65"])


def date(rng):
    if rng.random() < .05:
        return rng.choice(["", "20110101", "20260231", "20261301", "00000000", "2026031", "99990101"])
    return "%04d%02d%02d" % (rng.randint(2008, 2030), rng.randint(1, 12), rng.randint(1, 28))


def clock(rng):
    if rng.random() < .05:
        return rng.choice(["", "24:00:00", "12:60:00", "120000", "1:2:3", "23:59:59"])
    return "%02d:%02d:%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60))


def angle(rng, most, sign=True):
    if rng.random() < .04:
        return rng.choice(["", "+00.000000", "-000.000000", "+%d.000001" % most, "+%d.000000" % most, "x"])
    return (rng.choice("+-") if sign or rng.random() < .5 else "") + rng.choice(["%09.6f", "%010.6f", "%.6f", "%.4f", "%.8f"]) % (rng.random() * most)


def kmh(rng):
    return rng.choice(["%07.3f" % (rng.random() * 200), "%.2f" % (rng.random() * 100), "000.000", "", "1001.00", "-1.00", "12", "x"])


def course(rng):
    return rng.choice(["%06.2f" % (rng.random() * 360), "000.00", "360.00", "361.00", ""])


def small(rng):
    return rng.choice([str(rng.randrange(20)), "0", "99", "100", "", "x"])


def io(rng):
    return rng.choice(["".join(rng.choice("01") for _ in range(rng.choice([6, 6, 6, 8, 8, 7]))), "0", "", "000000"])


def hbm(rng):
    return [digits(rng, rng.choice([1, 5, 6, 10])), rng.choice(["4.1", "4.10", "0.0", "3.9", "12.1", ""]), rng.choice("0111x")]


def more(rng):
    """What follows the fields of the type."""
    out = hbm(rng) if rng.random() < .7 else []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        kind = rng.randrange(8)
        if kind == 0:
            out += [rng.choice(["0.05", "12.40", "", "11.9"]) for _ in range(rng.randint(1, 4))]
        elif kind == 1:
            out += [digits(rng, rng.randint(1, 6)), hexes(rng, rng.choice([14, 14, 16])), rng.choice("012")]
        elif kind == 2:
            out += [rng.choice([hexes(rng, rng.choice([13, 14, 15, 16, 17])), "0" * 14]), rng.choice("01")]
        elif kind == 3:
            out += [rng.choice([hexes(rng, 16) + ":" + rng.choice(["+21.5", "-3.0", "7.25"]), ":", hexes(rng, 16) + ":", "28F:+1.0"]) for _ in range(rng.randint(1, 4))]
        elif kind == 4:
            out += [digits(rng, 5), "724", "5", rng.choice(["-65", "65"]), digits(rng, 4), rng.choice(["255", "1", ""])]
        elif kind == 5:
            out += ["0", "724", "05", "-70", "0"]
        else:
            out += [odd(rng) for _ in range(rng.randint(1, 3))]
    return out


def ident(rng, lengths=(6, 9, 9, 10)):
    if rng.random() < .02:
        return rng.choice(["", "x", "1" * 33, "12a", "-5", "1" * 32, "0"])
    return rng.choice(["860000017", "0860000017", "000123", digits(rng, rng.choice(lengths))])


def cell(rng, family):
    if family == "ST500":
        return []
    if family == "ST600":
        return [rng.choice([hexes(rng, 8), "0", "00000000"]), rng.choice(["724", "0", "", "1234"]), rng.choice(["5", "05", "x"]),
                rng.choice([hexes(rng, 4), "0", ""]), rng.choice(["23", "-65", "", "99", "x"])]
    return [hexes(rng, 6)]


def payload(rng):
    return rng.choice([
        b"GTSL|6|1|0|%d|1|\r\n" % rng.randrange(10 ** 8), b"RFID:" + hexes(rng, 10).encode(), b"RFID:00000000", b"CabAVL\"CabMensaje,0,12,13,\r\n", b"t_0=00FA",
        b"a;b;c\r\n", b"  text \n\r", b"", b"line\r\nline", b"\x00\x01\x02\xff;A7;x", b"\xe9t\xe9", b"x;A7;y", b"x;1F\ry", b"GTSL|6|1|0||1|", b"\r\n"])


def serial_fields(rng):
    """Returns the bytes of length, payload and sum."""
    data = payload(rng)
    length = len(data)
    if rng.random() < .2 and data.endswith(b"\r\n"):
        data = data[:-2]
    if rng.random() < .03:
        return rng.choice([b"x", b"", b"99999"]) + b";plain;%02X" % rng.randrange(256)
    return b"%d;" % length + data + b";%02X" % rng.randrange(256)


def legacy_text(rng):
    family = rng.choice(["ST300"] * 4 + ["SA200", "ST500", "ST600", "ST600", "ST910", "ST480", "st300", "ST3300", "ST410"])
    kind = rng.choice("STT STT STT STT EMG EVT ALT ALT UEX ALV HTE CMD RPT XYZ stt".split())
    f = [family + kind, ident(rng)]
    if kind == "ALV":
        return f
    if kind in ("CMD", "RPT") and rng.random() < .9:
        return [family + kind, rng.choice(["Res", "RES", "res"]), ident(rng), "315"] + rng.choice([["Enable1"], ["Preset", "a=1", "", "b"], [], ["ReqVer", "1.2"]])
    if family != "SA200":
        f.append(digits(rng, 2))
    f += [rng.choice(["315", "319H", ""]), date(rng), clock(rng)]
    if kind == "HTE":
        f += [digits(rng, 6), "12.28"] + hbm(rng) + [odd(rng) for _ in range(rng.randrange(9))] + [rng.choice(["01E04D44160017", "0" * 14, "", "driver 7"])]
        return f if rng.random() < .9 else f[:rng.randrange(2, len(f))]
    f += cell(rng, family.upper()) + [angle(rng, 90), angle(rng, 180)]
    if rng.random() < .05:
        f[-2:] = ["", ""]
    f += [kmh(rng), course(rng), small(rng), rng.choice("11110x"), rng.choice([digits(rng, 7), "0", "", "9" * 14]), rng.choice(["13.65", "00.00", "", "x", "1000.1", "24"])]
    kind = kind.upper()
    if rng.random() < .9:
        f.append(io(rng) if kind != "UEX" else "100010")
    if kind == "STT":
        f += [rng.choice("12450"), digits(rng, 4)]
    elif kind == "EMG":
        f.append(str(rng.randrange(10)))
    elif kind == "ALT":
        f.append(str(rng.choice(list(ALT) + [33, 34, 2, 4, 9, 44, 59, 200, 999])))
    elif kind == "EVT":
        f += [str(rng.randint(1, 6))] + rng.choice([[], [], ["1", "0185"], ["2", "x"]])
    elif kind == "UEX":
        f.append(None)
    f += more(rng)
    if rng.random() < .02 and None not in f:
        f = f[:rng.randrange(2, len(f))]
    return f


def asset_text(rng):
    model = rng.choice(["01", "10", "41", "41"])
    f = [rng.choice(["ST410STT", "ST419STT", "ST419ALT", "ST410ALT"]), ident(rng), "306", model]
    if model == "41":
        f.append("04")
    for number in range(7):
        present = rng.random() < .5
        rx = rng.choice(["-65", "0", "40"])
        lac = digits(rng, 4)
        f += [digits(rng, 5), "724", "5"] + ([rx, lac] if number == 0 else [lac, rx]) + ["255"] if present else ["0"] * 6
    f += [rng.choice(["3.92", "4.1", "x"]) if rng.random() < .1 else "3.92", rng.choice("01"), digits(rng, 4), rng.choice("012")]
    if rng.random() < .4:
        f.append(rng.choice(["tim", "724"]))
    if model == "41":
        f += [rng.choice(["00010000", "net", ""]), rng.choice(["26.1", "-5", "x", ""]), rng.choice("123")]
    f += rng.choice([[date(rng), clock(rng)], ["", ""]])
    f += [angle(rng, 90), angle(rng, 180), kmh(rng), course(rng), small(rng), rng.choice("01")] if rng.random() < .9 else []
    return f + rng.choice([[], [], [odd(rng)]])


def nine_text(rng):
    kind = rng.choice(["Location", "Location", "Emergency", "Alert", "location", "Other"])
    f = [rng.choice(["ST910", "ST940", "st900"]), kind, ident(rng)]
    if kind != "Alert" or rng.random() < .5:
        f.append("500")
    f += [date(rng), clock(rng)] + rng.choice([[], [hexes(rng, 10)]]) + [angle(rng, 90), angle(rng, 180), kmh(rng), course(rng), rng.choice("011")]
    end = rng.randrange(6)
    if end == 0:
        f += [str(rng.randrange(20))]
    elif end == 1:
        f += [digits(rng, 6), "1"]
    elif end == 2:
        f += ["3.8", "1", "1", digits(rng, 4)]
    elif end == 3:
        f += [digits(rng, 6), rng.choice(["72", "100", "101"]), "1", "0", digits(rng, 4), "02", "724", "05", "-339"]
    elif end == 4:
        f += [odd(rng) for _ in range(rng.randrange(5))]
    return f


def inputs(rng):
    return rng.choice(["".join(rng.choice("01") for _ in range(8)), "00000001", "", "x", "2"])


def universal_text(rng):
    kind = rng.choice("STT STT STT ALT ALT UEX stt".split())
    mask = rng.choice([0x3FFFFF, 0x3FFFFF, 0xFFFFFF, 0x7FFFFF, 0xBFFFFF, rng.randrange(1 << 24), rng.randrange(1 << 26)])
    alert = rng.choice(list(ALT) + [33, 34, 59, 59, 60, 200]) if kind == "ALT" else rng.choice([1, 2, "", "x"])
    data = rng.choice([hexes(rng, 16), "0" * 16, "12", ""]) if kind == "ALT" else digits(rng, 4)
    values = {1: "52", 2: "1.0.17", 3: rng.choice("0111x"), 4: date(rng), 5: clock(rng), 6: rng.choice([hexes(rng, 7), "0", ""]), 7: rng.choice(["724", "", "9999"]),
              8: rng.choice(["11", ""]), 9: rng.choice([hexes(rng, 4), "0"]), 10: rng.choice(["33", "-71", ""]), 11: angle(rng, 90, False), 12: angle(rng, 180, False),
              13: kmh(rng), 14: course(rng), 15: small(rng), 16: rng.choice("0111"), 17: inputs(rng), 18: inputs(rng), 19: str(alert), 20: rng.choice(["2", "", "x"]),
              21: data, 22: rng.choice(["", "r"])}
    f = [kind, ident(rng, (10,)), rng.choice(["%X", "%06X", "%08X", "%x"]) % mask]
    if rng.random() < .02:
        f[2] = rng.choice(["", "xyz", "123456789"])
    last = 18 if kind == "UEX" else 22
    f += [values[bit] for bit in bits_of(mask, 1, last)]
    if kind == "UEX":
        f.append(None)
        if mask >> 22 & 1:
            f.append(values[22])
    elif mask >> 23 & 1:
        assigned = rng.choice([0x800B, rng.randrange(1 << 8), 0x80000001, 0x40000000])
        f.append(rng.choice(["%08X" % assigned] * 9 + ["x"]))
        f += [rng.choice(["4.1", "0.00", "", "97"]) for _ in bits_of(assigned, 0, 30)]
    f += [rng.choice(["164", "0", "11.82", "", "x"]) for _ in range(rng.choice([0, 0, 1, 3]))]
    if rng.random() < .03 and None not in f:
        f = f[:rng.randrange(2, len(f))]
    return f


def other_text(rng):
    kind = rng.choice("BLE BLE RES ALV BSA ble".split())
    f = [kind, ident(rng, (10,))]
    if kind.upper() == "BLE":
        count = rng.randrange(4)
        f += ["52", "1.0.17", date(rng), clock(rng), angle(rng, 90, False), angle(rng, 180, False), str(count + rng.choice([0] * 9 + [1]))]
        for _ in range(count):
            f += [rng.choice(["-43", "", "x"]), "-46", "-41", rng.choice(["02005E100001", ""]), str(rng.randrange(300)), digits(rng, 2), rng.choice(["0", "", "x"])]
        return f + rng.choice([[], [], ["52"], ["a", "b"]]) if rng.random() < .95 else f[:rng.randrange(2, len(f))]
    if kind == "RES":
        return f + rng.choice([["04", "01"], ["03", "02", "text", "more"], []])
    if kind == "BSA":
        return f + rng.choice([[], ["52", "1"], [""]])
    return f


def is_found(data):
    """True if the serial data behind these bytes can be found: else the frame's first CR would end it."""
    f = data.decode("latin-1").split(";")
    head = LEGACY.fullmatch(f[0])
    if not head:
        return is_("[0-9A-Fa-f]{1,8}", f[2])
    lat = legacy_head(f, head[1])[1]
    return lat is not None and legacy_type_at(f, lat) == len(f) - 1


def line(rng, f):
    if None not in f:
        return ";".join(f).encode() + b"\r"
    at = f.index(None)
    before, behind = ";".join(f[:at]).encode() + b";", b"".join(b";" + field.encode() for field in f[at + 1:]) + b"\r"
    if not is_found(before):
        return before + b"5;plain;A7" + behind
    return before + serial_fields(rng) + behind


def legacy_bytes(rng):
    kind = rng.choice([0x10, 0x10, 0x11, 0x12, 0x13] * 4 + [0x14, 0x1f])
    body = bytes([kind]) + bytes.fromhex(rng.choice(["8600000170", "0860000017", "1234567890", "86000a0170" if rng.random() < .05 else "8600000170"]))
    body += bytes([0x2d, 1, 0x3b, rng.randrange(8, 40), rng.randint(0, 12), rng.randint(1, 28), rng.randrange(25), rng.randrange(60), rng.randrange(60)])
    body += bytes(rng.randrange(256) for _ in range(3))
    two = lambda: int("%02d" % rng.randrange(100), 16) if rng.random() < .98 else 0xFA
    body += bytes([rng.randrange(95), two(), two(), two(), rng.randrange(190), two(), two(), two()]) if rng.random() < .95 else bytes(8)
    body += bytes([rng.choice([0, 0, 0, 3, 9]), rng.randrange(200), two(), rng.randrange(2), rng.randrange(256), two()])
    body += bytes([rng.randrange(256)]) + rng.randrange(1 << 32).to_bytes(4, "big") + bytes([rng.randrange(30), two(), rng.randrange(64)])
    body += bytes([rng.choice([1, 2, 3, 33, 34, 41, 42, 132])])
    if kind == 0x10 and rng.random() < .8:
        body += bytes([1, two()])
    if rng.random() < .5:
        body += bytes([0, 1, 2, 3, rng.choice([3, 4, 200]), two(), rng.choice([0, 1, 1, 2])])
    body += bytes(rng.randrange(256) for _ in range(rng.choice([0] * 9 + [1, 2, 5, 9])))
    if rng.random() < .03:
        body = body[:rng.randrange(6, len(body))]
    return b"\x02" + len(body).to_bytes(2, "big") + body + b"\x03"


def universal_bytes(rng):
    kind = rng.choice([0x81, 0x82])
    mask = rng.choice([0x3FFFFE, 0x3FFFFE, 0x3FFFFF, rng.randrange(1 << 24)])
    sign = lambda most: (rng.randrange(most * 10 ** 6) | rng.randrange(2) << 31).to_bytes(4, "big") if rng.random() < .97 else rng.choice([bytes(4), b"\x7f\xff\xff\xff"])
    byte = lambda: bytes([rng.randrange(256)])
    alert = rng.choice(list(ALT) + [33, 34, 59, 59, 60])
    data = rng.choice([b"\x08" + bytes(rng.randrange(256) for _ in range(8)), b"\x08" + bytes(8), b"\0", b"\x03abc"]) if kind == 0x82 else byte() + byte()
    values = {1: byte(), 2: b"\x01\0\x11", 3: rng.choice([b"\0", b"\1", b"\1", b"\2"]), 4: bytes([rng.randrange(10, 40), rng.randrange(13), rng.randint(1, 28)]),
              5: bytes([rng.randrange(24), rng.randrange(61), rng.randrange(60)]), 6: rng.choice([bytes(4), b"\0\0\x06\x97"]), 7: rng.choice([b"\x02\xd4", b"\xff\xff"]), 8: b"\0\x0b",
              9: rng.choice([bytes(2), b"\x4e\xda"]), 10: byte(), 11: sign(90), 12: sign(180), 13: byte() + byte(), 14: bytes([rng.randrange(145)]) + byte(),
              15: bytes([rng.choice([0, 5, 11, 99, 100])]), 16: rng.choice([b"\0", b"\1", b"\1"]), 17: byte(), 18: byte(), 19: bytes([alert]), 20: byte(), 21: data}
    body = bytes.fromhex(rng.choice(["0860000017", "0860000018"] * 20 + ["08600000ff"])) + mask.to_bytes(3, "big")
    body += b"".join(values[bit] for bit in bits_of(mask, 1, 21))
    body += bytes(rng.randrange(256) for _ in range(rng.choice([0, 0, 2, 8])))
    if rng.random() < .03:
        body = body[:rng.randrange(5, len(body))]
    return bytes([kind]) + len(body).to_bytes(2, "big") + body


def crash_body(rng):
    k = rng.choice([0, 1, 2, 4, 20, 100])
    body = bytes([rng.randrange(20, 30), rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24), rng.randrange(60), rng.randrange(60)])
    for _ in range(4):
        body += rng.randrange(-900000000, 900000000).to_bytes(4, "little", signed=True) + rng.randrange(-1800000000, 1800000000).to_bytes(4, "little", signed=True)
        body += rng.randrange(65536).to_bytes(2, "little") + rng.randrange(36001).to_bytes(2, "little") + bytes(rng.randrange(256) for _ in range(6 * k))
    if rng.random() < .2:
        body = rng.choice([body[:-1], body + b"x", b"\0" + body[1:2] + b"\x20" + body[3:], body[:6] + b"\xff\xff\xff\x7f" + body[10:], b"", b"abc"])
    return body


def crash_frames(rng):
    body = crash_body(rng)
    total = rng.choice([1, 1, 2, 3]) if len(body) < 3000 else rng.choice([1, 2, 3])
    size = max(1, -(-len(body) // total))
    who = rng.choice([b"0860000017", b"0860000018"])
    for number in range(1, total + 1):
        part = body[(number - 1) * size:number * size]
        yield b"CRR;%s;%d;%d;%04d;" % (who, number, total, len(part)) + part + b";%02X\r" % rng.randrange(256)


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them)."""
    for _ in range(count):
        kind = rng.random()
        if kind < .4:
            frames = [line(rng, legacy_text(rng))]
        elif kind < .45:
            frames = [line(rng, asset_text(rng))]
        elif kind < .52:
            frames = [line(rng, nine_text(rng))]
        elif kind < .75:
            frames = [line(rng, universal_text(rng))]
        elif kind < .8:
            frames = [line(rng, other_text(rng))]
        elif kind < .88:
            frames = [legacy_bytes(rng)]
        elif kind < .96:
            frames = [universal_bytes(rng)]
        elif kind < .98:
            frames = list(crash_frames(rng))
        else:
            frames = [rng.choice([b"-Error\r", b"ST300;860000017\r", b"ST300STT\r", b"hello;1;2\r", b"ST91;Location;1\r", b";\r", b"ST910;x\r"])]
        for frame in frames:
            yield frame + rng.choice([b"", b"", b"\n", b"\r\n"]), frame
