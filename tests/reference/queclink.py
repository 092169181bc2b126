# SPDX-License-Identifier: MIT
"""Queclink @Track, text and binary, slow and obvious: what each frame must give, and random frames. Written from the protocol's
documents before the decoder."""
import re
import struct
import datetime
from fractions import Fraction

from common import calendar_time, half_up, is_decimal, number, reply, report

LON, LAT, D14 = r"-?\d{1,3}\.\d{6}", r"-?\d{1,2}\.\d{6}", r"\d{14}"
HEX4, MAC, KM, HOURS = "[0-9A-Fa-f]{4}", "[0-9A-Fa-f]{12}", r"\d{1,12}\.\d", r"\d{5,9}:[0-5]\d:[0-5]\d"
VIN = "[A-HJ-NPR-Z0-9]{17}"
IDENT = "[0-9A-Za-z._:-]{1,32}"
STATES = {0x11: (False, False), 0x12: (False, True), 0x16: (False, True), 0x1A: (False, True), 0x21: (True, False),
          0x22: (True, True), 0x41: (None, False), 0x42: (None, True)}  # ignition, motion
FIXED = "FRI RTL DOG SOS SPD NMR GEO TOW DIS IGL HBM STR CTN TEM TMP".split()
LISTED = FIXED + ("ERI IGN IGF VGN VGF INF CAN OBD STT BPL MPN MPF EPN EPF JDR JDS SWG BTC STC IDN IDF PNA PFA LSW TSW LSA IDA DAR "
                  "BAA BID DAT DTT VER LBS GSM WIF TRI").split()
ALARMS = {"SOS": "sos", "SPD": "overspeed", "TOW": "tow", "SWG": "geofence", "IDL": "idle", "IDN": "idle", "EPF": "powerCut",
          "MPF": "powerCut", "EPN": "powerRestored", "MPN": "powerRestored", "PNA": "powerOn", "PFA": "powerOff", "BPL": "lowBattery",
          "TEM": "temperature", "TMP": "temperature", "JDR": "jamming", "JDS": "jamming", "CRA": "accident", "ANT": "gpsAntennaCut"}
NO_PLACE = {name: at for at, names in {  # where the empty position begins after the name
    4: "FRI RTL SOS SPD TOW GEO NMR DOG DIS IGL HBM TEM TMP", 5: "ERI", 6: "STR CTN", 2: "IGN IGF VGN VGF BPL STT STC BTC",
    1: "MPN MPF EPN EPF JDR"}.items() for name in names.split()}
VIN_FIRST = ("1F", "36", "5E", "2D")


class Device:
    """The ident that the connection has given last."""
    def __init__(self):
        self.ident = None


def is_percent(text):
    return is_decimal(text) and 0 <= half_up(Fraction(text), 6) <= 100 * 10 ** 6


def fits(pattern, text):
    return text is not None and re.fullmatch(pattern, text) is not None


def ranged(out, name, value, least, most, decimals=0):
    """value: a Fraction or an integer."""
    scaled = half_up(Fraction(value), decimals)
    if least * 10 ** decimals <= scaled <= most * 10 ** decimals:
        out[name] = scaled / 10 ** decimals if decimals else scaled


def time14(text):
    return calendar_time(int(text[:4]), *(int(text[at:at + 2]) for at in range(4, 14, 2))) if 1970 <= int(text[:4]) <= 2199 else None


# Text ----------------------------------------------------------------------------------------------------------------------

class Message:
    def __init__(self, text):
        self.v = text.split(",")
        head = self.v[0]
        self.keyword, _, name = head.partition(":")
        self.event = name[2:] if name.upper().startswith("GT") and len(name) > 2 else name
        self.type = self.event.upper()
        self.bare = fits(r"\d{15}", self.get(1))
        self.version = "" if self.bare else self.get(1) or ""
        self.ident = self.get(1 if self.bare else 2) or ""
        length = {6: 2, 10: 6}.get(len(self.version))
        prefix = self.version[:length] if length else ""
        self.prefix = prefix.upper() if fits("[0-9A-Fa-f]+", prefix) else ""
        self.first = 2 if self.bare else 3
        self.find_end()
        self.vin = self.at(3) if not self.bare and self.type != "GSM" and fits(VIN, self.at(3)) else None
        self.name = 4 if self.vin or self.prefix in VIN_FIRST and self.type != "GSM" else 3
        self.named = not self.bare

    def get(self, index):
        return self.v[index] if 0 <= index < len(self.v) else None

    def at(self, index):
        """A field of the content."""
        return self.v[index] if 0 <= index < self.end else None

    def after(self, offset):
        return self.at(self.name + offset) if self.named else None

    def is_send(self, index):
        return index >= self.first and fits(D14, self.get(index)) and not fits(LAT, self.get(index - 1))

    def find_end(self):
        n = len(self.v)
        self.send = self.count = None
        if self.bare and self.is_send(n - 3) and fits(HEX4, self.get(n - 2)):
            self.end, self.count = n - 3, self.v[n - 2]
        elif self.is_send(n - 2) and fits(HEX4, self.get(n - 1)):
            self.end, self.count = n - 2, self.v[n - 1]
        elif self.is_send(n - 1):
            self.end = n - 1
        else:
            last = self.v[n - 1]  # it may lack its end; the answer to a command is kept as text
            cut = fits(r"20\d{6,11}", last) if self.keyword.upper() == "ACK" else not fits(D14, last)
            self.end = n - 1 if n - 1 >= self.first and cut else n
            return
        self.send = self.v[self.end]


def read_points(m, at):
    """Wi-Fi points between a position and its cell: returns (points, the index after them)."""
    if not fits(r"\d{1,2}", m.at(at)):
        return [], at
    if int(m.at(at)) == 0:  # no points, or mcc 0
        return [], at + (1 if fits(r"\d{3,4}", m.at(at + 1)) else 0)
    if not fits(MAC, m.at(at + 1)):
        return [], at
    count, points, start = int(m.at(at)), [], at
    at += 1
    for i in range(count):
        if not fits(MAC, m.at(at)):
            return [], start
        if fits(r"-?\d{1,3}", m.at(at + 1)):
            points.append((m.at(at).lower(), int(m.at(at + 1))))
        if i + 1 < count:
            at += 4 if fits(MAC, m.at(at + 4)) else 5
        else:
            long = m.at(at + 2) == m.at(at + 3) == m.at(at + 4) == "" and fits(r"\d{3,4}", m.at(at + 5))
            at += 5 if long else 4
    return points, at


def add_points(out, points):
    if points:
        out["extra"]["wifi"] = ";".join(f"{mac},{level}" for mac, level in points)


def read_cell(m, at):
    mcc, mnc, lac, cid = (m.at(at + i) for i in range(4))
    if not fits(r"\d{1,4}", mcc) or not fits(r"\d{1,5}", mnc):
        return None
    if not fits("[0-9A-Fa-f]{1,8}", lac) or not fits("[0-9A-Fa-f]{1,8}", cid):
        return None
    return int(mcc), int(mnc), int(lac, 16), int(cid, 16)


def add_cell(m, out, at):
    one = read_cell(m, at)
    mcc = m.at(at)
    if fits("[0-9A-Fa-f]{14}", m.ident) and fits(r"\d{4,5}", mcc) and int(mcc) > 999:
        if m.at(at + 3) is not None:
            out["extra"]["cdma"] = ",".join(m.v[at:at + 4])
    elif one and 0 < one[0] <= 999 and one[1] <= 999 and (one[2] or one[3]):
        out["extra"].update(zip(("mcc", "mnc", "lac", "cid"), one))


def find_places(m):
    """Returns (index of the block, index of its cell, its Wi-Fi points) for each position."""
    places, i = [], m.first + 4
    while i + 2 < m.end:
        if fits(LON, m.v[i]) and fits(LAT, m.v[i + 1]) and fits(D14, m.v[i + 2]):
            points, cell = read_points(m, i + 3)
            places.append((i - 4, cell, points))
            i += 3
        else:
            i += 1
    return places


def set_place(m, out, start):
    hdop, kmh, azimuth, altitude, lon, lat, time = m.v[start:start + 7]
    good = True
    if is_decimal(hdop):
        good = half_up(Fraction(hdop), 2) != 0
    lat, lon = half_up(Fraction(lat), 7), half_up(Fraction(lon), 7)
    if abs(lat) > 900000000 or abs(lon) > 1800000000 or (not good and lat == 0 and lon == 0):
        return False
    out["valid"], out["latitude"], out["longitude"] = good, lat, lon
    out["device_time"] = time14(time)
    if good and is_decimal(hdop):
        ranged(out, "hdop", Fraction(hdop), 0, Fraction(9999, 100), 2)
    if is_decimal(kmh):
        ranged(out, "speed_kmh", Fraction(kmh), 0, 1000, 2)
    if is_decimal(azimuth):
        ranged(out, "course_deg", Fraction(azimuth), 0, 360, 2)
    if is_decimal(altitude):
        ranged(out, "altitude_m", Fraction(altitude), -1000, 20000, 2)
    return True


def set_state(out, state):
    if state in STATES:
        ignition, motion = STATES[state]
        if ignition is not None:
            out["ignition"] = ignition
        out["extra"]["motion"] = motion


def set_battery(out, text):
    if fits(r"\d{1,3}", text):
        ranged(out, "battery_percent", int(text), 0, 100)


def set_status(out, text):
    """6 or 10 hex digits, or 2."""
    if int(text[:2], 16) not in STATES:
        return
    set_state(out, int(text[:2], 16))
    half = (len(text) - 2) // 2
    if half:
        out["inputs"] = int(text[2:2 + half], 16) >> 1
        out["outputs"] = int(text[2 + half:], 16)


def set_adc(out, channel, text):
    """channel: from 1"""
    if fits(r"\d{1,5}", text):
        out[f"adc{channel}"] = int(text)
    elif fits(r"F\d{1,5}", text):
        out["extra"][f"fuel{channel}"] = int(text[1:])


def take_append(out, tail, at=0):
    """Reads the append mask at tail[at]; returns the tail with only the mask left of what it adds."""
    if len(tail) <= at or not fits("0[1-3]", tail[at]):
        return tail
    mask = int(tail[at])
    if mask & 1 and len(tail) > at + 1 and fits(r"\d{1,2}", tail[at + 1]):
        out["satellites"] = int(tail[at + 1])
    return tail[:at + 1] + tail[at + 1 + (mask & 1) + (mask >> 1):]


def set_counters(out, tail):
    km = next((each for each in tail[:6] if fits(KM, each)), None)
    if km:
        ranged(out, "odometer_m", Fraction(km) * 1000, 0, 10 ** 12)
    hours = next((each for each in tail if fits(HOURS, each)), None)
    if hours:
        h, mi, s = (int(part) for part in hours.split(":"))
        out["extra"]["hours_s"] = h * 3600 + mi * 60 + s


def find_state(m, tail):
    if m.prefix == "DF":
        at = len(tail) - 4
        return at if at >= 3 and fits("[0-9A-Fa-f]{2}", tail[at]) and int(tail[at], 16) in STATES else None
    for at in range(3, len(tail)):
        if fits("[0-9A-Fa-f]{6}|[0-9A-Fa-f]{10}", tail[at]) and int(tail[at][:2], 16) in STATES:
            return at
    return None


def set_analog(m, out, tail, battery):
    """ADCs are between the hours and the battery."""
    most = 1 if m.prefix in ("C2", "DC") else 2 if m.prefix in ("802004", "802005", "80201E") else 3
    for channel in range(1, most + 1):
        if 2 + channel < battery:
            set_adc(out, channel, tail[2 + channel])


def set_engine(out, fields):
    """rpm, fuel rate, fuel %"""
    for name, text in zip(("rpm", "fuelConsumption", "fuel_percent"), fields):
        if is_decimal(text) and text[0] not in "+-":
            if name != "fuel_percent" or is_percent(text):
                out["extra"][name] = float(text)


def vehicle_tail(m, out, tail):
    state = find_state(m, tail)
    if state is None and len(tail) >= 9 and fits("([0-9A-Fa-f]{2}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{10})?", tail[-4]):
        state = len(tail) - 4
    if state is None:
        points = [at for at in range(len(tail) - 2) if fits(MAC, tail[at]) and fits(r"-?\d{1,3}", tail[at + 1])]
        if points:
            add_points(out, [(tail[points[0]].lower(), int(tail[points[0] + 1]))])
        if len(tail) == 2 or points and len(tail) in (4, 5):
            set_battery(out, tail[-1])
        return
    set_analog(m, out, tail, state - 1)
    set_battery(out, tail[state - 1])
    if fits("[0-9A-Fa-f]{2}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{10}", tail[state]):
        set_status(out, tail[state])
    set_engine(out, tail[state + 1:state + 4])


def gv200_tail(out, tail):
    for channel in (1, 2, 3):
        if len(tail) > 2 + channel:
            set_adc(out, channel, tail[2 + channel])
    if len(tail) > 6 and fits("[0-9A-Fa-f]{2}", tail[6]):
        out["inputs"], out["ignition"] = int(tail[6], 16) >> 1, bool(int(tail[6], 16) & 1)
    if len(tail) > 7 and fits("[0-9A-Fa-f]{2}", tail[7]):
        out["outputs"] = int(tail[7], 16)


def set_csq(out, text):
    if fits(r"\d{1,2}", text) and int(text) <= 31:
        out["gsm_percent"] = int(text) * 100 // 31


def asset_tail(out, tail):
    """CSQ, BER, append mask, battery, mode, motion, temperature"""
    tail = take_append(out, tail, 2) + [None] * 7
    set_csq(out, tail[0])
    set_battery(out, tail[3])
    if fits("[01]", tail[5]):
        out["extra"]["motion"] = tail[5] == "1"
    if fits(r"-?\d{1,2}\.\d", tail[6]):
        out["extra"]["temp1"] = float(tail[6])


def low_nibble(text):
    return int(text, 16) & 15 if fits("[0-9A-Fa-f]{1,2}", text) else None


def by_type(m, out):
    text, kind = m.after(2), low_nibble(m.after(2))
    if kind is None:
        return
    if m.type == "GEO":
        if kind in (0, 1):
            out["alarms"].append("geofenceEnter" if kind else "geofenceExit")
        fence = text[:1] if fits("[0-9A-Fa-f]{2}", text) else m.after(1) if fits("[0-9A-Fa-f]", text) else None
        if fits("[0-9A-Fa-f]", fence):
            out["extra"]["geofence"] = int(fence, 16)
        elif fits("[0-9A-Fa-f]{2}", fence):
            out["extra"]["geofence"] = fence  # 19 may be hex or not
    elif m.type == "NMR" and m.prefix != "42" and kind in (0, 1):
        out["extra"]["motion"] = kind == 1
    elif m.type == "DIS" and fits("[1-9A-Fa-f][01]", text):
        out["extra"][f"in{int(text[0], 16)}"] = text[1] == "1"
    elif m.type == "IGL" and kind in (0, 1):
        out["ignition"] = kind == 1
    elif m.type == "HBM":
        alarm = {0: "hardBraking", 3: "hardBraking", 1: "hardAcceleration", 4: "hardAcceleration", 2: "hardCornering"}.get(kind)
        out["alarms"] += [alarm] if alarm else []


def fixed_report(m, out, start, tail):
    gl5xx = m.prefix == "44" or m.prefix in ("11", "40") and m.type in ("STR", "CTN")
    if m.prefix == "42":
        if m.type in ("FRI", "NMR") and fits("[0-9A-Fa-f]{1,2}", m.after(2)):
            out["extra"].update(motion=bool(int(m.after(2), 16) & 1), charge=bool(int(m.after(2), 16) & 2))
    elif m.type in ("TEM", "TMP"):
        if m.named:
            number(out["extra"], "temp1", m.after(2) or "")
    elif m.type == "GEO" and fits("[0-9A-Fa-f]", m.after(2)) and fits("[0-9A-Fa-f]{1,2}", m.after(1)):
        pass  # the fence
    elif not gl5xx and fits(r"\d{1,6}", m.after(1)) and int(m.after(1)) > 10:
        out["power_v"] = int(m.after(1)) / 1000
    if gl5xx:
        if start is not None and m.named and start == m.name + 6:
            number(out["extra"], "temp1", m.v[start - 2])
            set_battery(out, m.v[start - 1])
    elif tail is None:
        pass
    elif m.prefix in ("DE", "2E"):
        asset_tail(out, tail)
    elif m.prefix == "42":
        if len(tail) in (2, 3):
            set_battery(out, tail[-1])
    elif m.prefix in ("04", "35"):
        gv200_tail(out, tail)
    else:
        vehicle_tail(m, out, tail)
    by_type(m, out)


class Misfit(Exception):
    """The sensors after a GTERI do not add up."""


class Sensors:
    def __init__(self, m, at, mask):
        self.m, self.i, self.mask, self.found, self.tags = m, at, mask, {}, 0

    def take(self, pattern=None):
        text = self.m.at(self.i)
        if text is None or pattern and not fits(pattern, text):
            raise Misfit
        self.i += 1
        return text

    def count(self):
        return int(self.take(r"\d{1,2}"))

    def put(self, name, text):
        if text and is_decimal(text):
            self.found[name] = float(text)

    def put_percent(self, name, text):
        if is_percent(text):
            self.found[name] = float(text)

    def fuel(self, f1):
        for k in range(1, self.count() + 1):
            number = "" if k == 1 else str(k)
            self.take()
            if f1:
                self.take()
                if self.mask & 1:
                    self.take()
            if self.mask & 8:
                percent = self.take()
                self.put_percent(f"fuel{number}_percent", percent)
            if self.mask & 16:
                self.put(f"fuel{number}_l", self.take())

    def wires(self):
        for k in range(1, self.count() + 1):
            self.take("[0-9A-Fa-f]{1,16}")
            self.take()
            text = self.take("([0-9A-Fa-f]{4})?")
            if text:
                self.found[f"temp{k}"] = struct.unpack(">h", bytes.fromhex(text))[0] / 16

    def radio(self):
        for _ in range(self.count()):
            self.tags += 1
            serial, kind, temp = self.take(), self.take(r"\d{1,2}"), self.take()
            if serial:
                self.found[f"tag{self.tags}Id"] = serial
            self.put(f"tag{self.tags}Temp", temp)
            if int(kind) == 2:
                self.put_percent(f"tag{self.tags}Humidity", self.take())

    def bluetooth(self):
        for _ in range(self.count()):
            self.tags += 1
            for _ in range(5 if self.m.prefix in ("C2", "DC") else 4):
                self.take()
            items = int(self.take(HEX4), 16)
            if items & 0x8040:
                raise Misfit
            value = {bit: self.take() for bit in range(15) if items >> bit & 1}
            if value.get(1):
                self.found[f"tag{self.tags}Id"] = value[1]
            for name, bits in (("Temp", (4, 11)), ("Humidity", (5,)), ("Battery", (13,))):
                put = self.put if name == "Temp" else self.put_percent
                put(f"tag{self.tags}{name}", next((value[bit] for bit in bits if is_decimal(value.get(bit) or "")), ""))

    def read(self):
        """Returns what was found; the parts must end where the content does, unless one of unknown length comes before."""
        prefix, mask = self.m.prefix, self.mask
        f1 = prefix == "F1"
        if mask & 1 and not f1:
            self.found["fuelRaw"] = int(self.take("[0-9A-Fa-f]{1,8}"), 16)
        if mask & 2:
            self.wires()
        if mask & 4:
            self.take(".?")  # state
            self.take("([0-9A-Fa-f]{8})?")
            return self.found
        if mask & (25 if f1 else 24):
            self.fuel(f1)
        if mask & 0x60:
            return self.found
        if mask & 0x80:
            self.radio()
        if mask & 0x100:
            self.bluetooth()
        if mask < 0x200 and self.i != self.m.end:
            raise Misfit
        return self.found


def extended_report(m, out, tail, tail_at):
    if fits(r"\d{1,6}", m.after(2)):
        out["power_v"] = int(m.after(2)) / 1000
    if tail is None:
        return
    if m.prefix in ("04", "35"):
        gv200_tail(out, tail)
        sensors = 8
    elif m.prefix in ("11", "40", "44", "DE", "2E"):
        asset_tail(out, tail)
        return
    elif m.prefix == "C3":
        set_counters(out, [km for km in tail[:1] if fits(KM, km)])
        set_battery(out, tail[1] if len(tail) > 1 else None)
        return
    else:
        state = find_state(m, tail)
        if state is None:
            return
        set_analog(m, out, tail, state - 1)
        set_battery(out, tail[state - 1])
        set_status(out, tail[state])
        sensors = state + 1
    if not fits("[0-9A-Fa-f]{8}", m.after(1)) or int(m.after(1), 16) == 0:
        return
    at = m.end - len(tail) + sensors
    for uart in (1, 0):
        try:
            out["extra"].update(Sensors(m, at + uart, int(m.after(1), 16)).read())
            return
        except Misfit:
            pass


def information(m, out):
    if not m.named:
        return
    if fits("[0-9A-Fa-f]{2}", m.after(1)):
        set_state(out, int(m.after(1), 16))
    if fits("[0-9A-Za-z]{1,20}", m.after(2)):
        out["extra"]["iccid"] = m.after(2)
    set_csq(out, m.after(3))
    supply = 6
    if fits(MAC, m.after(6)):
        out["extra"]["tag1Id"] = m.after(6)
        number(out["extra"], "tag1Temp", m.after(7) or "")
        if is_percent(m.after(8) or ""):
            out["extra"]["tag1Humidity"] = float(m.after(8))
        supply = 9
    if fits(KM, m.after(supply)):
        ranged(out, "odometer_m", Fraction(m.after(supply)) * 1000, 0, 10 ** 12)
    elif fits(r"\d{1,6}", m.after(supply)):
        out["power_v"] = int(m.after(supply)) / 1000
    if m.prefix in ("C2", "DC") and fits(r"\d{1,6}", m.after(supply + 1)):
        out["extra"]["power2_v"] = int(m.after(supply + 1)) / 1000
    at = m.name + supply + 1
    while at < m.end and not fits(r"\d\.\d{1,2}|" + D14, m.v[at]):
        at += 1
    if at < m.end and "." in m.v[at]:
        ranged(out, "battery_v", Fraction(m.v[at]), 0, 100, 3)
        if fits("[01]", m.at(at + 1)):
            out["extra"]["charge"] = m.v[at + 1] == "1"
    while at < m.end and not fits(D14, m.v[at]):
        at += 1
    fix = at
    if fits(r"[+-]\d{4}", m.at(m.end - 2)):
        low, high = m.at(m.end - 4), m.at(m.end - 3)
        if fits("[0-9A-Fa-f]{2}", low) and fits("[0-9A-Fa-f]{2}", high):
            out["inputs"], out["outputs"] = int(low, 16) >> 1, int(high, 16)
        for channel in (1, 2, 3):
            if fix + 1 + channel < m.end - 4:
                set_adc(out, channel, m.v[fix + 1 + channel])
        return
    if not m.send or not 4 <= m.end - fix - 1 <= 6:  # battery, [x], [temperature], 3 reserved
        return
    set_battery(out, m.at(fix + 1))
    temp = next((m.at(fix + k) for k in (2, 3) if fits(r"-?\d{1,2}\.\d", m.at(fix + k))), None)
    if temp:
        out["extra"]["temp1"] = float(temp)


def plain(names):
    def put(out, index, text):
        if text:
            number(out["extra"], names, text)
    return put


def text_item(name, pattern=".{1,64}"):
    def put(out, index, text):
        if fits(pattern, text):
            out["extra"].setdefault(name, text)
    return put


def percent_item(name):
    def put(out, index, text):
        if is_percent(text):
            out["extra"][name] = float(text)
    return put


def can_ignition(out, index, text):
    if fits("[0-2]", text):
        out["ignition"] = text != "0"


def can_distance(out, index, text):
    if fits(r"H\d{1,9}(\.\d)?", text):
        out["extra"]["obdOdometer"] = int(Fraction(text[1:]) * 100)


def can_fuel(out, index, text):
    if fits(r"P\d{1,3}(\.\d{1,2})?", text) and Fraction(text[1:]) <= 100:
        out["extra"]["fuel_percent"] = float(text[1:])
    elif fits(r"L\d{1,6}(\.\d{1,2})?", text):
        out["extra"]["fuel_l"] = float(text[1:])


def skip(out, index, text):
    pass


CAN = [text_item("vin", VIN), can_ignition, can_distance, plain("fuelUsed"), plain("rpm"), plain("obdSpeed"), plain("coolantTemp"),
       text_item("fuelConsumption", "[ -~]{1,32}"), can_fuel, skip, plain("throttle"), plain("engineHours"), plain("drivingHours"),
       plain("idleHours"), plain("idleFuelUsed"), plain("axleWeight"), skip, skip, skip, text_item("doors", "[0-9A-Fa-f]{1,8}"), skip, skip]
OBD = [text_item("vin", VIN), skip, skip, skip, plain("rpm"), plain("obdSpeed"), plain("coolantTemp"), plain("fuelConsumption"), skip,
       skip, skip, plain("dtcs"), skip, plain("throttle"), plain("engineLoad"), percent_item("fuel_percent"), skip]


def items(m, out, known, at, end, mask, stops):
    """Reads the items of the bits in their order, up to `end`. Returns the index after them, None if there are bits of unknown length."""
    for bit, put in enumerate(known):
        if mask >> bit & 1:
            if at >= end:
                return None
            put(out, bit, m.at(at))
            at += 1
    return None if mask & stops else at


def can_second(m, at):
    """The expansion mask, its items, the third mask and its items. Returns (the index after them, the cards), or None."""
    if not fits("[0-9A-Fa-f]{8}", m.at(at)):
        return None
    mask, cards = int(m.at(at), 16), {}
    at += 1
    for bit in range(31):
        if mask >> bit & 1:
            if bit in (15, 16) and fits("[ -~]{1,32}", m.at(at)):
                cards[f"driver{bit - 14}Card"] = m.at(at)
            at += 1
    if mask >> 31:
        if not fits("[0-9A-Fa-f]{8}", m.at(at)) or int(m.at(at), 16) > 7:
            return None
        at += 1 + bin(int(m.at(at), 16)).count("1")
    return at, cards


def can_more(m, out, at, mask, places):
    """Bits 22 to 29. Returns the index after their items, None if they do not end at the position."""
    known = {"F1": range(22, 25), "802005": range(22, 29)}.get(m.prefix, ())
    bits = [bit for bit in range(22, 29) if mask >> bit & 1]
    if any(bit not in known for bit in bits):
        return None
    at, cards = at + len(bits), {}
    if mask >> 29 & 1:
        second = can_second(m, at)
        if second is None:
            return None
        at, cards = second
    if places and at != places[-1][0] or not places and not (mask >> 30 & 1 and is_empty_place(m, at)):
        return None
    out["extra"].update(cards)
    return at


def engine_report(m, out, places):
    can = m.type == "CAN"
    mask_at = 3 if can else 2
    if not fits("[0-9A-Fa-f]{6,8}", m.after(mask_at)):
        return
    mask = int(m.after(mask_at), 16)
    end = places[-1][0] if places else m.end
    at = items(m, out, CAN if can else OBD, m.name + mask_at + 1, end, mask, 0 if can else 0xFF860000)
    if can and at is not None and mask & 0x3FC00000:
        at = can_more(m, out, at, mask, places)
    if not can and at is not None and at < end and mask & 1 << 19:
        if fits(r"\d{1,9}", m.at(at)):
            out["extra"]["obdOdometer"] = int(m.at(at)) * 1000
        at += 1
    if places or at is None:
        return
    place, cell = (30, 31) if can else (20, 21)
    if mask >> place & 1:
        if not is_empty_place(m, at):
            return
        at += 7
    if mask >> cell & 1:
        add_cell(m, out, at)
        at += 5
    if not can and mask >> 22 & 1 and fits(KM, m.at(at)):
        ranged(out, "odometer_m", Fraction(m.at(at)) * 1000, 0, 10 ** 12)


def other(m, out, start, tail):
    """The short ones."""
    if m.type == "STT" and fits("[0-9A-Fa-f]{2}", m.after(1)):
        set_state(out, int(m.after(1), 16))
        if int(m.after(1), 16) in (0x12, 0x16, 0x1A, 0x22, 0x42):
            out["alarms"].append("movement")
    elif m.type == "BPL" and fits(r"\d{1,2}\.\d{1,2}", m.after(1)):
        ranged(out, "battery_v", Fraction(m.after(1)), 0, 100, 3)
    elif m.type in ("IGN", "VGN", "IGF", "VGF"):
        out["ignition"] = m.type[2] == "N"
    elif m.type in ("LSW", "TSW") and fits("[01]", m.after(2)):
        out["extra"]["in1" if m.type == "LSW" else "in2"] = m.after(2) == "1"
    elif m.type == "LSA" and tail and len(tail) == 7:
        set_csq(out, tail[0])
        set_battery(out, tail[3])
        if fits("[01]", tail[5]):
            out["extra"]["motion"] = tail[5] == "1"
        if fits(r"-?\d{1,2}\.\d", tail[6]):
            out["extra"]["temp1"] = float(tail[6])
    elif m.type == "IDA" and fits("[!-~]{1,64}", m.after(2)):
        out["driver"] = m.after(2)
    elif m.type == "DAR" and fits(r"\d{1,3}", m.after(1)):
        if int(m.after(1)) == 1:
            out["alarms"].append("fatigueDriving")
        else:
            out["extra"]["warningType"] = int(m.after(1))
    elif m.type == "BAA":
        accessory(m, out, start)
    elif m.type == "BID" and m.named:
        beacons(m, out, start)
    elif m.type == "DAT" and m.after(4):
        out["extra"]["data"] = m.after(4)
    elif m.type == "DTT" and fits("([0-9A-Fa-f]{2})+", m.after(5)):
        text = bytes.fromhex(m.after(5)).decode("latin-1")
        out["extra"]["data"] = text if fits("[ -~]+", text) else m.after(5)
    elif m.type == "VER":
        for index, name in ((2, "versionFw"), (3, "versionHw")):
            if fits(HEX4, m.after(index)):
                out["extra"][name] = m.after(index)
    elif m.type == "LBS":
        set_battery(out, m.after(3))
        if fits("[01]", m.after(5)):
            out["extra"]["motion"] = m.after(5) == "1"
        if m.named:
            add_groups(m, out, m.name + 9, False)
    elif m.type == "GSM":
        add_groups(m, out, 4, True)
    elif m.type == "WIF" and fits(r"\d{1,2}", m.after(1)):
        points, count = [], int(m.after(1))
        for at in range(2, 2 + 5 * count, 5):
            if fits(MAC, m.after(at)) and fits(r"-?\d{1,3}", m.after(at + 1)):
                points.append((m.after(at).lower(), int(m.after(at + 1))))
        add_points(out, points)
        if m.name + 2 + 5 * count + 5 == m.end:
            set_battery(out, m.at(m.end - 1))


def add_groups(m, out, at, last_serves):
    groups = []
    while at + 5 < m.end:
        groups.append((read_cell(m, at), m.at(at + 4)))
        at += 6
    def sound(group):
        cell = group[0]
        return cell and 0 < cell[0] <= 999 and cell[1] <= 999 and (cell[2] or cell[3])
    def level(group):
        return [int(group[1])] if fits(r"-?\d{1,3}", group[1]) else []
    serving = None
    if last_serves and groups:
        serving = groups.pop()
        serving = serving if sound(serving) else None
    groups = [group for group in groups if sound(group)]
    if not last_serves and groups:
        serving = groups.pop(0)
    if serving:
        out["extra"].update(zip(("mcc", "mnc", "lac", "cid", "rssi"), list(serving[0]) + level(serving)))
    if groups:
        out["extra"]["cells"] = ";".join(",".join(map(str, list(group[0][2:]) + level(group))) for group in groups)


def accessory(m, out, start):
    if not fits(HEX4, m.after(5)):
        return
    mask = int(m.after(5), 16)
    if mask & ~0x3F or not begins_place(m, m.name + 6 + bin(mask).count("1"), start):
        return
    at = 6
    for bit, name in enumerate(("Name", "Mac", "Status", "Voltage", "Temp", "Humidity")):
        if not mask >> bit & 1:
            continue
        text = m.after(at)
        at += 1
        if bit < 2 and text:
            out["extra"]["accessory" + name] = text
        elif bit == 3 and fits(r"\d{1,6}", text):
            out["extra"]["accessoryVoltage"] = int(text) / 1000
        elif bit == 5 and is_percent(text):
            out["extra"]["accessoryHumidity"] = float(text)
        elif bit in (2, 4) and text:
            number(out["extra"], "accessory" + name, text)


def beacons(m, out, start):
    if not fits(r"\d{1,2}", m.after(1)):
        return
    at, found = m.name + 2, {}
    for k in range(1, int(m.after(1)) + 1):
        if not fits("[0-9A-Fa-f]{1,4}", m.at(at + 1)) or int(m.at(at + 1), 16) & ~0xA:
            return
        mask = int(m.at(at + 1), 16)
        at += 2
        if mask & 2:
            if m.at(at):
                found[f"tag{k}Id"] = m.at(at)
            at += 1
        at += mask >> 3 & 1
    if begins_place(m, at, start):
        out["extra"].update(found)


def begins_place(m, at, start):
    return at == start if start is not None else is_empty_place(m, at)


def is_empty_place(m, at):
    return fits("(0(\\.0)?)?", m.at(at)) and all(m.at(at + i) == "" for i in range(1, 7))


def find_no_place(m):
    """Returns (start, cell, points) of an empty position, or None."""
    offset = NO_PLACE.get(m.type)
    if not offset or not m.named:
        return None
    if m.prefix == "BD" and m.type in ("IGN", "IGF", "VGN", "VGF"):
        offset = 4
    offsets = [offset] + ([5] if m.prefix == "42" and offset == 4 else []) + ([6] if m.prefix == "44" and offset == 4 else [])
    for each in offsets:
        if is_empty_place(m, m.name + each):
            points, cell = read_points(m, m.name + each + 7)
            return m.name + each, cell, points
    return None


def has_plain_tail(m):
    """Its tail begins with an append mask and has odometer and hours."""
    if m.type == "LSA" or m.type == "ERI" and m.prefix in ("11", "40", "44", "DE", "2E", "C3"):
        return False
    return not (m.type in FIXED and m.prefix in ("DE", "2E", "42"))


def decode_report(m):
    outs, places = [], find_places(m)
    stored = m.keyword.upper().endswith("BUFF") or m.buffered
    spans = places or [None]
    for number_, place in enumerate(spans):
        out = report(m.ident, m.event)
        out["stored"] = stored
        last = number_ + 1 == len(spans)
        if not place or not set_place(m, out, place[0]):
            out["device_time"] = time14(m.send) if m.send else None
        if last and m.vin:
            out["extra"]["vin"] = m.vin
        where = place or find_no_place(m)
        tail = None
        if where:
            add_points(out, where[2])
            add_cell(m, out, where[1])
            tail = m.v[where[1] + 4:m.end if last else spans[number_ + 1][0]]
            if has_plain_tail(m):
                tail = take_append(out, tail)
                set_counters(out, tail if m.type in LISTED else tail[:1])
        outs.append(out)
    alarm = ALARMS.get(m.type)
    out["alarms"] += [alarm] if alarm else []
    start = where[0] if where else None
    if m.type in FIXED:
        fixed_report(m, out, start, tail)
    elif m.type == "ERI":
        extended_report(m, out, tail, None)
    elif m.type == "INF":
        information(m, out)
    elif m.type in ("CAN", "OBD"):
        engine_report(m, out, places)
    elif m.type in LISTED:
        other(m, out, start, tail)
    elif not places and any(m.v[m.first:m.end if m.send else None]):
        out["extra"]["data"] = ",".join(m.v[m.first:m.end if m.send else None])
    return outs


def decode_text(frame, state):
    text = frame.decode("latin-1").rstrip("\r\n\0")
    text = text[:-1] if text.endswith("$") else text
    buffered = text.startswith("#BUF#")
    text = text[5:] if buffered else text
    m = Message(text[1:])
    m.buffered = buffered
    if not fits(IDENT, m.ident):
        return [{"reject": "bad value: ident", "frame": frame.hex()}]
    state.ident = m.ident
    if m.keyword.upper() == "ACK":
        if m.type == "HBD":
            return [reply(f"+SACK:GTHBD,{m.version},{m.count}$", "now")] if m.count else []
        out = report(m.ident, m.event)
        out["device_time"], out["stored"] = time14(m.send) if m.send else None, buffered
        if m.name + 1 < m.end and ",".join(m.v[m.name + 1:m.end]):
            out["extra"]["data"] = ",".join(m.v[m.name + 1:m.end])
        outs = [out]
    else:
        outs = decode_report(m)
    return outs + ([reply(f"+SACK:{m.count}$", "stored")] if m.count else [])


# Binary --------------------------------------------------------------------------------------------------------------------

def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc


class Reader:
    def __init__(self, data):
        self.data, self.i = data, 0

    def take(self, n):
        if self.i + n > len(self.data):
            raise Misfit
        self.i += n
        return self.data[self.i - n:self.i]

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def s(self, n):
        return int.from_bytes(self.take(n), "big", signed=True)

    def left(self):
        return len(self.data) - self.i


def binary_time(data):
    year = int.from_bytes(data[:2], "big")
    return calendar_time(year, *data[2:7]) if 1970 <= year <= 2199 else None


def unix_time(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def binary_ident(data, named):
    if named:
        text = data.rstrip(b"\0").decode("latin-1")
        return text if fits(IDENT, text) else None
    if any(byte > 99 for byte in data[:7]) or data[7] > 9:
        return None
    return "".join(f"{byte:02d}" for byte in data[:7]) + str(data[7])


def place_of(out, valid, lat_e6, lon_e6):
    if abs(lat_e6) > 90000000 or abs(lon_e6) > 180000000 or not valid and lat_e6 == 0 and lon_e6 == 0:
        return False
    out["valid"], out["latitude"], out["longitude"] = valid, lat_e6 * 10, lon_e6 * 10
    return True


def binary_cell(out, r):
    mcc, mnc, lac, cid = (r.u(2) for _ in range(4))
    if 0 < mcc <= 999 and mnc <= 999 and (lac or cid):
        out["extra"].update(mcc=mcc, mnc=mnc, lac=lac, cid=cid)


def binary_block(out, r, send):
    hdop, speed, tenths, azimuth = r.u(1), r.u(2), r.u(1), r.u(2)
    altitude, lon, lat, time = r.s(2), r.s(4), r.s(4), r.take(7)
    if place_of(out, hdop != 0, lat, lon):
        out["device_time"] = binary_time(time)
        if hdop:
            ranged(out, "hdop", hdop, 0, Fraction(9999, 100), 2)
        if tenths <= 9:
            ranged(out, "speed_kmh", speed + Fraction(tenths, 10), 0, 1000, 2)
        ranged(out, "course_deg", azimuth, 0, 360, 2)
        ranged(out, "altitude_m", altitude, -1000, 20000, 2)
    else:
        out["device_time"] = send
    binary_cell(out, r)
    r.u(1)


def binary_counters(out, r):
    r.take(4)
    km, tenths = r.u(3), r.u(1)
    if tenths <= 9:
        ranged(out, "odometer_m", km * 1000 + tenths * 100, 0, 10 ** 12)
    r.take(3)
    hours, minutes, seconds = r.u(4), r.u(1), r.u(1)
    if minutes < 60 and seconds < 60:
        out["extra"]["hours_s"] = hours * 3600 + minutes * 60 + seconds


def binary_head(out, head):
    battery, power, state, satellites = head
    ranged(out, "battery_percent", battery, 0, 100)
    ranged(out, "power_v", Fraction(power, 1000), 0, 1000, 3)
    set_state(out, state)
    ranged(out, "satellites", satellites, 0, 99)


def points_of(r, make, send):
    outs, now, last = [], None, None
    for _ in range(r.u(2)):
        kind = r.data[r.i] >> 6 if r.left() else 0
        if now is not None:
            now += 1
        if kind == 1:
            bits = r.u(3)
            lon, lat = r.s(4), r.s(4)
            if now is None:
                now = r.u(4)
            last = [bits >> 9 & 0xFFF, bits & 0x1FF, lon, lat]
        elif kind == 2 and last:
            bits = r.u(5)
            signed = lambda value, width: value - (1 << width) if value >> width - 1 else value
            last = [last[0] + signed(bits >> 30 & 127, 7), (last[1] + signed(bits >> 23 & 127, 7)) % 360,
                    last[2] + signed(bits >> 11 & 4095, 12), last[3] + signed(bits & 2047, 11)]
        elif kind == 2:
            raise Misfit
        else:
            r.u(1)
            continue
        out = make()
        fix = bool(bits >> (21 if kind == 1 else 37) & 1)
        if place_of(out, fix, last[3], last[2]):
            out["device_time"] = unix_time(now)
            ranged(out, "speed_kmh", Fraction(last[0], 10), 0, 1000, 2)
            ranged(out, "course_deg", last[1] % 360, 0, 360, 2)
        else:
            out["device_time"] = send
        outs.append(out)
    return outs


EVENT_MORE = {0x06: 2, 0x0F: 3, 0x11: 4, 0x15: 5, 0x17: 1, 0x21: 1, 0x23: 1, 0x1A: 12, 0x1F: 2, 0x22: 3, 0x2D: 7, 0x2E: 7}


def binary_places(keyword, kind, r, make, head, send):
    """+RSP and +EVT after the head. Returns the reports."""
    more = b""
    if keyword in ("EVT", "BVT"):
        more = r.take(EVENT_MORE.get(kind, 0))
        r.u(1)
        count = 1
    else:
        if kind == 0x64:
            outs = points_of(r, make, send) or [dict(make(), device_time=send)]
            binary_cell(outs[-1], r)
            r.u(1)
            binary_counters(outs[-1], r)
            binary_head(outs[-1], head)
            return outs
        if kind == 0x08:
            r.take(2)
        r.u(1)
        if kind == 0x03:
            phone = r.take(r.u(1)).hex()
        count = r.u(1)
    outs = []
    for _ in range(count):
        outs.append(make())
        binary_block(outs[-1], r, send)
    if not outs:
        outs.append(dict(make(), device_time=send))
    out = outs[-1]
    binary_counters(out, r)
    binary_head(out, head)
    if keyword in ("EVT", "BVT"):
        if kind == 0x06:
            out["alarms"].append("lowBattery")
            ranged(out, "battery_v", Fraction(int.from_bytes(more, "big"), 1000), 0, 100, 3)
        elif kind == 0x21 and more != b"\0":
            out["alarms"].append("jamming")
        elif kind == 0x17:
            out["alarms"].append("accident")
        elif kind in (0x2D, 0x2E):
            out["ignition"] = kind == 0x2D
    elif kind == 0x03:
        digits = phone.partition("f")[0]
        if digits.isdigit():
            out["extra"]["phone"] = digits
    return outs


def binary_information(kind, r, out):
    every = kind == 0x01
    r.take(5)
    if kind == 0x06 or every:
        r.take(6)
    set_state(out, r.u(1))
    r.u(1)
    ranged(out, "satellites", r.u(1), 0, 99)
    r.take(1 + 7 + 2 + 6 + 5)
    if kind == 0x07 or every:
        charge = r.u(1)
        if charge <= 1:
            out["extra"]["charge"] = charge == 1
        ranged(out, "power_v", Fraction(r.u(2), 1000), 0, 1000, 3)
        ranged(out, "battery_v", Fraction(r.u(2), 1000), 0, 100, 3)
        ranged(out, "battery_percent", r.u(1), 0, 100)
    iccid = r.take(10).hex().upper()
    if iccid.strip("0") and iccid.strip("F"):
        out["extra"]["iccid"] = iccid
    if kind == 0x05 or every:
        csq = r.u(1)
        if csq <= 31:
            out["gsm_percent"] = csq * 100 // 31
        r.u(1)
    r.take(3)
    if kind == 0x0A or every:
        r.u(1)
        cells = []
        for _ in range(r.u(1)):
            mcc, mnc, lac, cid = (r.u(2) for _ in range(4))
            r.u(1)
            rx = r.u(1)
            if 0 < mcc <= 999 and mnc <= 999 and (lac or cid):
                cells.append((mcc, mnc, lac, cid, rx))
        if cells:
            out["extra"].update(zip(("mcc", "mnc", "lac", "cid", "rssi"), cells[0]))
        if cells[1:]:
            out["extra"]["cells"] = ";".join(",".join(map(str, cell[2:])) for cell in cells[1:])


def decode_binary(frame, state):
    keyword = frame[1:4].decode()
    if crc16(frame[4:-4]) != int.from_bytes(frame[-4:-2], "big"):
        return [{"reject": "bad checksum", "frame": frame.hex()}]
    if keyword in ("HBD", "LGN"):
        return []
    kind = frame[4]
    ident_at = {"RSP": 16, "EVT": 16, "INF": 9, "ACK": 12}.get({"BSP": "RSP", "BVT": "EVT", "BNF": "INF"}.get(keyword, keyword))
    send = binary_time(frame[-13:-6])
    if not ident_at and not state.ident:
        return [{"reject": "bad value: ident", "frame": frame.hex()}]
    if not ident_at:
        return [dict(report(state.ident, f"{keyword}{kind:02X}"), device_time=send, extra={"data": frame[4:-4].hex()},
                     stored=keyword == "BRD")]
    mask = frame[5:9] if ident_at == 16 else frame[5:7] if ident_at == 9 else frame[5:6]
    ident = binary_ident(frame[ident_at:ident_at + 8], mask[-1] & 0x40)
    if not ident:
        return [{"reject": "bad value: ident", "frame": frame.hex()}]
    state.ident = ident

    def make():
        out = report(ident, f"{keyword}{kind:02X}")
        out["stored"] = keyword in ("BSP", "BVT", "BNF")
        return out
    r = Reader(frame[:-13])
    try:
        if ident_at == 16:
            r.i = 24
            head = r.u(1), r.u(2), r.u(1), r.u(1)
            outs = binary_places(keyword, kind, r, make, head, send)
        else:
            outs = [dict(make(), device_time=send)]
            if ident_at == 9:
                r.i = 17
                binary_information(kind, r, outs[0])
            else:
                r.i = 20
                outs[0]["extra"]["data"] = r.take(3).hex()
        if r.left() or len(outs) > 256:
            raise Misfit
    except Misfit:
        outs = [dict(make(), device_time=send, extra={"data": frame[4:-4].hex()})]
    return outs


def sized(r):
    size = r.u(1)
    return (size & 0x7F) << 8 | r.u(1) if size & 0x80 else size


def decode_records(frame, state):
    r = Reader(frame[:-4])
    r.i = 4
    try:
        if r.u(1) & 0x80:
            r.u(2)
        digits = r.take(8).hex()[1:]
    except Misfit:
        digits = ""
    if not fits(r"\d{15}", digits):
        return [{"reject": "bad value: ident", "frame": frame.hex()}]
    state.ident, outs = digits, []
    try:
        r.take(5)
        r.take(r.u(1))
        while r.left():
            start = r.i
            size = sized(r)
            if size < r.i - start:
                raise Misfit
            body = Reader(r.take(size - (r.i - start)))
            time, _, code = body.u(4), body.u(2), body.take(2).hex().upper()
            out = report(digits, code)
            out["device_time"] = unix_time(time)
            while body.left():
                item = body.u(1)
                data = Reader(body.take(sized(body)))
                if item == 0x52 and data.left() >= 22 and "latitude" not in out:
                    flags, lon, lat, fixed, speed, hdop = data.u(1), data.s(4), data.s(4), data.u(4), data.u(2), data.u(1)
                    azimuth, altitude, satellites = data.u(2), data.s(3), data.u(1)
                    good = flags >> 2 & 3 == 2
                    if place_of(out, good, lat, lon):
                        out["device_time"] = unix_time(fixed)
                        ranged(out, "speed_kmh", Fraction(speed, 10), 0, 1000, 2)
                        ranged(out, "course_deg", azimuth, 0, 360, 2)
                        ranged(out, "altitude_m", Fraction(altitude, 10), -1000, 20000, 2)
                        if hdop:
                            ranged(out, "hdop", Fraction(hdop, 10), 0, Fraction(9999, 100), 2)
                    ranged(out, "satellites", satellites, 0, 99)
            outs.append(out)
        if not outs or len(outs) > 256:
            raise Misfit
    except Misfit:
        outs = [report(digits, None)]
        outs[0]["extra"]["data"] = frame[4:-4].hex()
    return outs


def decode(frame, state):
    return [with_list(out) for out in decode_frame(frame, state)]


def with_list(out):
    """Puts adc1 to adc3 into a list, as avld prints them."""
    adc = [out.pop(f"adc{channel}", None) for channel in (1, 2, 3)]
    while adc and adc[-1] is None:
        adc.pop()
    return dict(out, adc=adc) if adc else out


def decode_frame(frame, state):
    is_text = frame[:5].upper() in (b"+RESP", b"+BUFF", b"+ACK:", b"#BUF#")
    if frame[:2] == b"+\0":
        return decode_records(frame, state)
    return decode_text(frame.strip(b"\r\n\0 "), state) if is_text else decode_binary(frame, state)


# Random frames -------------------------------------------------------------------------------------------------------------

IMEIS = ["860000000000017", "860000000000025", "A0000000000017", "012345678901234"]
VERSIONS = ("060502 210102 1A0401 080100 5E0100 360701 2D0102 1F0101 400201 110101 440102 DE0114 2E0101 420102 040502 350303 DF0101 "
            "BD0101 C20101 DC0101 C30101 F1040C FC0101 310201 6E0A03 8020040101 8020050101 80201E0101 380101 ZZ-_01 070101").split()


def pick(rng, *choices):
    return rng.choice(choices)


def make_place(rng):
    if rng.random() < 0.06:
        return [pick(rng, "0", "", "0.0")] + [""] * 6
    lon, lat = rng.uniform(-185, 185), rng.uniform(-92, 92)
    if rng.random() < 0.05:
        lon = lat = 0
    return [pick(rng, "0", "1", "12", "", "1.5", "50", "0.0", "120"), f"{rng.uniform(0, 250):.1f}", pick(rng, "", str(rng.randint(0, 370))),
            pick(rng, "", f"{rng.uniform(-100, 3000):.1f}"), f"{lon:.6f}", f"{lat:.6f}", make_time(rng)]


def make_time(rng):
    if rng.random() < 0.03:
        return pick(rng, "20261314092653", "00000000000000", "20260230000000", "20260314246060")
    return f"202{rng.randint(4, 6)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}{rng.randint(0, 23):02}{rng.randint(0, 59):02}{rng.randint(0, 59):02}"


def make_cell(rng):
    if rng.random() < 0.15:
        return pick(rng, ["", "", "", ""], ["0000", "0000", "0000", "0000"], ["4523", "12", "0", "777"], ["0260", "02", "", "0C4D"])
    return [pick(rng, "0260", "460", "0001", "1999"), pick(rng, "0002", "00", "01"), f"{rng.getrandbits(16):04X}",
            f"{rng.getrandbits(pick(rng, 16, 28)):04x}"]


def make_point(rng, empties):
    return [f"02005E{rng.getrandbits(24):06x}", pick(rng, "-39", "-101", "", "x", "7")] + [""] * empties


def make_points(rng, empties):
    count = rng.randint(0, 4)
    return [str(count)] + [field for _ in range(count) for field in make_point(rng, empties)]


def make_append(rng):
    return pick(rng, ["00"], ["00"], [""], ["01", str(rng.randint(0, 20))], ["02", "0"], ["03", "7", "0"], ["05", "7"])


def make_km(rng):
    return pick(rng, "", f"{rng.uniform(0, 99999):.1f}", "0.0")


def make_hours(rng):
    return pick(rng, "", f"{rng.randint(0, 99999):05}:{rng.randint(0, 59):02}:{rng.randint(0, 61):02}")


def make_adc(rng):
    return pick(rng, "", str(rng.randint(0, 28000)), f"F{rng.randint(0, 100)}", "x")


def make_status(rng):
    return pick(rng, "11", "12", "16", "1A", "21", "22", "41", "42", "1a", "33") + pick(rng, "0100", "0303", "00010002", "FFFF", "")


def make_battery(rng):
    return pick(rng, "", str(rng.randint(0, 100)), "101", "7.5")


def make_gv_tail(rng):
    tail = make_append(rng) + [make_km(rng), make_hours(rng)] + [make_adc(rng) for _ in range(rng.randint(1, 3))]
    tail += [make_battery(rng), pick(rng, make_status(rng), ""), pick(rng, "", "790"), pick(rng, "", "nan", "inf", "1.2"), pick(rng, "", "45", "101")]
    return tail


def make_tail(rng, prefix):
    if prefix in ("DE", "2E"):
        return [pick(rng, "18", "99", "", "31", "32"), "0"] + make_append(rng) + [make_battery(rng), "0", pick(rng, "0", "1", "2"), pick(rng, "21.5", "-3.0", "")]
    if prefix in ("04", "35"):
        return make_append(rng) + [make_km(rng), make_hours(rng), make_adc(rng), make_adc(rng), make_adc(rng), pick(rng, "01", "0F", ""), pick(rng, "00", "03", "Z"), ""]
    if prefix == "42":
        return pick(rng, ["00", make_battery(rng)], [pick(rng, "18", "-1"), "0", make_battery(rng)])
    if rng.random() < 0.4:
        return pick(rng, ["00", make_battery(rng)], [make_km(rng), make_battery(rng)], ["00"], [""], [],
                    ["00"] + make_point(rng, 0) + [make_battery(rng)], ["00"] + make_point(rng, 1) + [make_battery(rng)])
    return make_gv_tail(rng)


def make_block(rng, wifi=True):
    block = make_place(rng)
    if wifi and rng.random() < 0.1:
        block += make_points(rng, pick(rng, 2, 3))
    return block + make_cell(rng)


def make_sensors(rng, prefix, mask):
    out = []
    if mask & 1 and prefix != "F1":
        out.append(pick(rng, "01A4", "0", "FFFF"))
    if mask & 2:
        n = rng.randint(0, 3)
        out.append(str(n))
        for _ in range(n):
            out += [f"28{rng.getrandbits(56):014X}", "1", pick(rng, "", f"{rng.getrandbits(16):04X}")]
    if mask & 4:
        return out + pick(rng, ["1", "0000C00F", "800"], ["0", ""], ["1", "C00F"])
    if mask & (25 if prefix == "F1" else 24):
        n = rng.randint(0, 2)
        out.append(str(n))
        for _ in range(n):
            out += ["6"] + (["1"] + (["0AB1"] if mask & 1 else []) if prefix == "F1" else [])
            out += ([pick(rng, "", "45.5", "100", "155", "-1")] if mask & 8 else []) + ([pick(rng, "", "120")] if mask & 16 else [])
    if mask & 0x60:
        return out + ["1"]
    if mask & 0x80:
        n = rng.randint(0, 2)
        out.append(str(n))
        for _ in range(n):
            kind = rng.randint(1, 2)
            out += [pick(rng, "12345", ""), str(kind), pick(rng, "", "-7", "21")] + ([pick(rng, "", "55")] if kind == 2 else [])
    if mask & 0x100:
        n = rng.randint(0, 3)
        out.append(str(n))
        for _ in range(n):
            out += [f"{rng.getrandbits(4):02}", "6", "5"] + (["4"] if prefix in ("C2", "DC") else []) + [pick(rng, "", "0E7109BB")]
            items = rng.getrandbits(16) & 0x7FBF if rng.random() < 0.9 else rng.getrandbits(16)
            out.append(f"{items:04X}")
            out += [pick(rng, "", "02005E100001", str(rng.randint(0, 99)), f"{rng.uniform(-20, 60):.2f}") for bit in range(16) if items >> bit & 1]
    return out + (["x"] if mask >= 0x200 else [])


def make_group(rng):
    return make_cell(rng) + [pick(rng, "17", "", "-71", "0"), ""] if rng.random() < 0.8 else [""] * 6


def make_content(rng, kind, prefix):
    """The fields between the name and the send time."""
    block, number_ = make_block(rng), str(rng.randint(0, 15))
    if kind in FIXED:
        head = pick(rng, [pick(rng, "13650", "", "0", "10", "12010"), pick(rng, "10", "00", "11", "21", "13", "34", "42", "A1"), number_],
                    [str(rng.randint(0, 19)), str(rng.randint(0, 4)), number_])
        if kind in ("STR", "CTN") or prefix == "44":
            head = ["0", "1", number_, pick(rng, "", "21.5", "-4"), make_battery(rng)]
        if prefix == "42" and rng.random() < 0.5:
            head = head + ["0"]
        if kind in ("TEM", "TMP"):
            head[1] = pick(rng, "-12.3", "45", "")
        tail = make_tail(rng, prefix)
        for _ in range(rng.choice([0, 0, 0, 1, 2, 13]) if kind == "FRI" else 0):
            block = block + pick(rng, make_append(rng), [make_km(rng)]) + make_block(rng)
        return head + block + tail
    if kind == "ERI":
        mask = rng.choice([0, 1, 2, 8, 16, 24, 0x80, 0x100, 0x102, 0x103, 4, 6, 0x20, 0x200, 0x182, 0x19B])
        tail = make_gv_tail(rng)[:-3] if prefix not in ("DE", "2E", "11", "40", "44", "04", "35") else make_tail(rng, "DE" if prefix not in ("04", "35") else "04")
        if prefix == "C3":
            tail = [make_km(rng), make_battery(rng)]
        if prefix not in ("04", "35"):
            tail += pick(rng, ["0"], ["1"], [])
        return [f"{mask:08X}", pick(rng, "13650", "", "0", "x"), "10", number_] + block + tail + make_sensors(rng, prefix, mask)
    if kind in ("IGN", "IGF", "VGN", "VGF"):
        return (["", "0"] if prefix == "BD" else []) + ["1958"] + block + make_append(rng) + [make_hours(rng), make_km(rng)]
    if kind == "INF":
        vehicle = rng.random() < 0.5
        out = [make_status(rng)[:2], pick(rng, "8900000000000000017F", "", "89-"), pick(rng, "22", "99", "31"), "0", "1"]
        out += [f"02005E{rng.getrandbits(24):06X}", "21.5", "40"] if rng.random() < 0.2 else []
        out += [pick(rng, "13650", "", "123.4"), pick(rng, "", "12600"), pick(rng, "4.10", "", "3.7"), pick(rng, "1", "0", ""), "0", "0", ""]
        out += [pick(rng, make_time(rng), "")]
        if vehicle:
            return out + ["0"] + [make_adc(rng) for _ in range(rng.randint(0, 3))] + [pick(rng, "01", "05", "x"), pick(rng, "00", "03"), pick(rng, "+0000", "-0330"), "0"]
        return out + [make_battery(rng)] + pick(rng, [], [""]) + [pick(rng, "21.5", "-3.0", "")] + ["", "", ""]
    if kind == "CAN":
        mask = rng.getrandbits(32) & pick(rng, 0xC03FFFFF, 0xC000FFFF, 0xFFFFFFFF, 0xE00000FF, 0xE1FFFFFF, 0x80000FFF)
        values = ["1HGBH41JXMN109186", pick(rng, "0", "1", "2", "3"), pick(rng, "H12345", "I99", "H12.5"), "120.5", "790", "33", "88", pick(rng, "L/H5.1", "L/100"),
                  pick(rng, "P45", "L30.5", "P101"), "200", "15", "100.1", "90.5", "10", "2", "1500", "0A", "00", "01", "0F", "1", "2"]
        out = ["0", "1", f"{mask:08X}"] + [pick(rng, "", values[bit]) for bit in range(22) if mask >> bit & 1] + ["9" for bit in range(22, 29) if mask >> bit & 1]
        if mask >> 29 & 1:
            second, third = rng.getrandbits(32) & pick(rng, 0xFFFFFFFF, 0x18001), pick(rng, 7, 1, 0, 8)
            out += [f"{second:08X}"] + [pick(rng, "", "D1234567890") for bit in range(31) if second >> bit & 1]
            out += [f"{third:08X}"] + ["1"] * bin(third).count("1") if second >> 31 else []
        return out + (make_place(rng) if mask >> 30 & 1 else []) + (make_cell(rng) + ["00"] if mask >> 31 else [])
    if kind == "OBD":
        mask = rng.getrandbits(23) & pick(rng, 0x79FFFF, 0x7FFFFF, 0x700FFF)
        values = ["1HGBH41JXMN109186", "1", "14000", "983A8140", "790", "33", "88", pick(rng, "nan", "inf", "7.1"), "5", "0", "0", "2", "0103", "15", "40", "55", "6", "", "", "1234"]
        out = ["0", f"{mask:06X}"] + [pick(rng, "", values[bit]) for bit in range(20) if mask >> bit & 1]
        return out + (make_place(rng) if mask >> 20 & 1 else []) + (make_cell(rng) + ["00"] if mask >> 21 & 1 else []) + ([make_km(rng)] if mask >> 22 else [])
    if kind in ("STT", "BPL", "JDS", "SWG", "BTC", "STC"):
        return [{"STT": make_status(rng)[:2], "BPL": pick(rng, "3.65", "3.7", "")}.get(kind, "1")] + block + make_append(rng)
    if kind in ("MPN", "MPF", "EPN", "EPF", "JDR"):
        return block + make_append(rng)
    if kind in ("IDN", "IDF"):
        return ["1", "2"] + block + make_append(rng)
    if kind in ("PNA", "PFA"):
        return pick(rng, [], ["0"])
    if kind in ("LSW", "TSW"):
        return ["0", pick(rng, "0", "1", "")] + block + make_append(rng)
    if kind == "LSA":
        return ["0", "1", "1"] + block + ["18", "0", "3", make_battery(rng), "0", pick(rng, "0", "1"), "21.5"]
    if kind == "IDA":
        return ["", pick(rng, "01A2B3C4", "", "a b"), "1", "1"] + block + ["00", make_km(rng), "", "", "", ""]
    if kind == "DAR":
        return [pick(rng, "1", "2", "", "17"), "3", "", "", "1"] + block + make_append(rng)
    if kind == "BAA":
        mask = rng.getrandbits(6)
        return ["FF", "3", "0", "04", f"{mask:04X}"] + [pick(rng, "", "BOX1", "3065", "24.5") for bit in range(6) if mask >> bit & 1] + block + [""]
    if kind == "BID":
        n = rng.randint(0, 3)
        out = [str(n)]
        for _ in range(n):
            mask = rng.choice([0, 2, 8, 10, 2, 10, 1])
            out += ["4", f"{mask:04X}"] + (["02005E100001"] if mask & 2 else []) + (["2900"] if mask & 8 else [])
        return out + block + make_append(rng)
    if kind == "DAT":
        return ["0", "", "", pick(rng, "hello", "", "a\\b\"c")] + block + make_append(rng)
    if kind == "DTT":
        return ["", "", "1", "5", pick(rng, "48656C6C6F", "", "4", "00414200")] + block
    if kind == "VER":
        return ["GV300", pick(rng, "0101", "x"), "0A02"]
    if kind == "LBS":
        return ["0", "1", make_battery(rng), "", pick(rng, "0", "1", ""), "", "", "007F"] + [field for _ in range(7) for field in make_group(rng)]
    if kind == "WIF":
        return make_points(rng, 3) + [""] * 4 + [make_battery(rng)]
    return pick(rng, [], ["1", "2"], ["a", "b"] + block, [""])


def make_text(rng):
    kind = rng.choice(LISTED + ["FRI"] * 8 + ["ERI"] * 5 + ["INF", "CAN", "OBD"] * 2 + "GSS ANT PDP CRA ALL XYZ".split())
    version = rng.choice(VERSIONS)
    prefix = version[:2] if len(version) == 6 else version[:6]
    ident = rng.choice(IMEIS)
    end = [make_time(rng), f"{rng.getrandbits(16):04X}"]
    keyword = rng.choice(["RESP", "RESP", "RESP", "BUFF"])
    if rng.random() < 0.06:
        fields = ["ACK:GT" + pick(rng, "HBD", "RTO", "FRI", "OUT"), version, ident, "van1"] + pick(rng, [], ["0011"], ["RTL", "0011"]) + end
    elif kind == "GSM":
        fields = [f"{keyword}:GTGSM", version, ident, pick(rng, "STR", "NMR")] + [field for _ in range(7) for field in make_group(rng)] + end
    elif kind == "TRI":
        ident = IMEIS[0]
        fields = [f"{keyword}:GTTRI", ident, "1", "0", "99"] + make_block(rng) + make_append(rng) + end + ["0102"]
    else:
        vin = [pick(rng, "", "1HGBH41JXMN109186")] if prefix in VIN_FIRST else ["1HGBH41JXMN109186"] if rng.random() < 0.03 else []
        fields = [f"{keyword}:GT{kind}", version, ident] + vin + [pick(rng, "", "van1")] + make_content(rng, kind, prefix) + end
    for _ in range(rng.choice([0, 0, 0, 0, 1, 2])):  # faults
        at = rng.randrange(3, len(fields))
        junk = pick(rng, "", "x", "-1", "99999999999999999999", "0", "FF", "1.5", "nan", "00", "210100", "20260314092653", "1234.5", "02")
        change = rng.random()
        if change < 0.6:
            fields[at] = junk
        elif change < 0.8:
            fields.insert(at, junk)
        elif len(fields) > 5:
            del fields[at]
    text = ",".join(fields)
    if rng.random() < 0.03:
        text = text[:rng.randrange(text.index(ident) + len(ident) + 1, len(text) + 1)]
    if rng.random() < 0.01:
        text = text.replace(ident, "", 1) if rng.random() < 0.5 else text.replace(ident, "8" * 33, 1)
    start = "#BUF#+" if rng.random() < 0.02 else "+"
    return (start + text + pick(rng, "$", "$", "$", "$", "$\r\n", "\0", "\r\n")).encode()


def make_binary_block(rng):
    return struct.pack(">BHBHhiiH5B4HB", rng.choice([0, 1, 1, 1, 30]), rng.randint(0, 200), rng.choice([0, 3, 9, 12]), rng.randint(0, 365),
                       rng.randint(-200, 3000), *rng.choice([(0, 0), (21012228, 52229675), (-70123456, -33987654), (190000000, 91000000)]),
                       2026, rng.randint(1, 12), rng.randint(0, 29), rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 60),
                       rng.choice([260, 0, 460]), 2, rng.getrandbits(16), rng.getrandbits(16), 0)


def make_binary_counters(rng):
    return (rng.getrandbits(20).to_bytes(3, "big") + bytes([5]) + rng.getrandbits(20).to_bytes(3, "big") + bytes([rng.choice([0, 9, 11])])
            + bytes([1, 2, 3]) + struct.pack(">IBB", rng.randint(0, 99999), rng.randint(0, 60), rng.randint(0, 59)))


def make_points_64(rng):
    out, n = b"", rng.randint(0, 12)
    first = True
    for i in range(n):
        kind = 1 if first and rng.random() < 0.9 else rng.choice([0, 1, 2, 2, 2, 3])
        if kind == 1:
            out += (1 << 22 | rng.getrandbits(1) << 21 | rng.randint(0, 1500) << 9 | rng.randint(0, 359)).to_bytes(3, "big")
            out += struct.pack(">ii", 21012228, 52229675)
            out += struct.pack(">I", rng.randint(1700000000, 1773480413)) if first else b""
            first = False
        elif kind == 2:
            out += (1 << 39 | rng.choice([0, 1, 1]) << 37 | rng.getrandbits(37)).to_bytes(5, "big")
        else:
            out += bytes([kind << 6 | rng.getrandbits(6)])
    return struct.pack(">H", n) + out


def make_binary(rng):
    keyword = rng.choice(["RSP", "RSP", "BSP", "EVT", "EVT", "EVT", "BVT", "INF", "BNF", "ACK", "HBD", "CRD", "BRD", "LGN"])
    ident = bytes.fromhex(rng.choice(["5600000000000107", "5600000000000205", "5664000000000107", "0102030405060708"]))
    kind, name = rng.choice([0x07, 0x03, 0x08, 0x64, 0x64, 0x02]), 0xBF
    if rng.random() < 0.1:
        ident, name = rng.choice([b"VAN1\0\0\0\0", b"TRUCK-17", b"a b\0\0\0\0\0"]), 0xFF
    tail = struct.pack(">H5BH", 2026, 3, 14, 9, rng.randint(0, 60), 55, rng.getrandbits(16))
    device = b"\x45\x01\x02\x02\x09"
    state = struct.pack(">BHBB", rng.randint(0, 102), rng.randint(0, 30000), rng.choice([0x11, 0x22, 0x41, 0x16, 0x99]), rng.randint(0, 100))
    if keyword in ("RSP", "BSP"):
        if kind == 0x64:
            body = make_points_64(rng) + struct.pack(">4HB", 260, 2, 6699, 3149, 0)
        else:
            n = rng.choice([0, 1, 1, 1, 3])
            body = (b"\0\0" if kind == 8 else b"") + b"\1"
            body += bytes([6]) + bytes.fromhex(rng.choice(["48123456789F", "4812345678FF", "48123A56789F"])) if kind == 3 else b""
            body += bytes([n]) + b"".join(make_binary_block(rng) for _ in range(n))
        content = bytes([kind]) + bytes([0, 0xFC, 0x1F, name]) + b"LL" + device + ident + state + body + make_binary_counters(rng)
    elif keyword in ("EVT", "BVT"):
        kind = rng.choice(list(EVENT_MORE) + [0x01, 0x02, 0x40])
        body = rng.choice([rng.randbytes, bytes])(EVENT_MORE.get(kind, 0)) + b"\1" + make_binary_block(rng)
        content = bytes([kind]) + bytes([0, 0xFC, 0x1F, name]) + b"LL" + device + ident + state + body + make_binary_counters(rng)
    elif keyword in ("INF", "BNF"):
        kind = rng.choice([1, 2, 5, 6, 7, 0x0A])
        n = rng.randint(0, 4)
        body = (bytes(6) if kind in (1, 6) else b"") + bytes([rng.choice([0x11, 0x22, 0x55]), 0, rng.randint(0, 12), 1]) + bytes(7 + 2 + 6 + 5)
        body += struct.pack(">BHHB", rng.randint(0, 2), rng.randint(0, 30000), rng.randint(0, 4200), rng.randint(0, 101)) if kind in (1, 7) else b""
        body += rng.choice([bytes.fromhex("8900000000000000017F"), bytes(10), b"\xff" * 10]) + (bytes([rng.choice([22, 99, 31]), 0]) if kind in (1, 5) else b"") + bytes(3)
        if kind in (1, 10):
            body += bytes([0, n]) + b"".join(struct.pack(">4HBB", rng.choice([260, 0]), 2, rng.getrandbits(16), rng.getrandbits(16), 0, rng.randint(0, 63)) for _ in range(n))
        content = bytes([kind]) + bytes([0x1F, name]) + b"LL" + ident + device + body
    elif keyword == "ACK":
        content = bytes([kind, name]) + b"L" + device + ident + struct.pack(">BH", 2, rng.getrandbits(16))
    elif keyword == "HBD":
        content = bytes([name]) + b"L" + device + ident
    else:
        content = bytes([kind, name]) + b"LL" + device + ident
    if rng.random() < 0.05 and keyword not in ("HBD", "CRD", "BRD", "LGN", "ACK"):
        content += b"\0"
    length = 4 + len(content) + len(tail) + 4
    at = {"R": 5, "E": 5, "I": 3, "A": 2, "H": 1, "C": 2, "L": 2}["C" if keyword == "BRD" else "I" if keyword in ("INF", "BNF") else "E" if keyword in ("BSP", "BVT") else keyword[0]]
    short = keyword in ("ACK", "HBD")
    content = content[:at] + (bytes([length]) if short else struct.pack(">H", length)) + content[at + (1 if short else 2):]
    data = b"+" + keyword.encode() + content + tail
    crc = crc16(data[4:])
    if rng.random() < 0.05:
        crc ^= 1 << rng.randrange(16)
    return data + struct.pack(">H", crc) + b"\r\n"


def make_records(rng):
    body = b""
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        items = b""
        for _ in range(rng.randint(0, 2)):
            item, data = rng.choice([0x10, 0x52, 0x52]), rng.randbytes(rng.choice([3, 21, 130]))
            if item == 0x52:
                data = struct.pack(">BiiIHBH", rng.choice([0x29, 0x21, 0]), *rng.choice([(21012228, 52229675), (0, 0), (0, 95000000)]), 1773480413,
                                   rng.randint(0, 1500), rng.choice([0, 9, 200]), rng.randint(0, 400)) + rng.randint(-2000, 30000).to_bytes(3, "big", signed=True) + b"\x0b"
                data += rng.choice([b"", b"\1"])
            items += bytes([item]) + (bytes([len(data)]) if len(data) < 128 else bytes([0x80, len(data)])) + data
        body_len = 8 + len(items)
        size = bytes([body_len + 1]) if body_len + 1 < 128 else struct.pack(">H", 0x8000 | body_len + 2)
        body += size + struct.pack(">IHBB", 1773480415, rng.getrandbits(16), rng.getrandbits(8), rng.getrandbits(8)) + items
    flags = rng.choice([b"\0", b"\0", b"\x80\0\1"])
    head = flags + bytes.fromhex(rng.choice(["0860000000000017", "0860000000000017", "0A60000000000017"])) + b"\x82\3\0\3\0"
    more = rng.choice([b"\0", b"\0", b"\2ab"])
    body = head + more + body + (b"\5" if rng.random() < 0.05 else b"")
    return b"+\0" + struct.pack(">H", 4 + len(body) + 4) + body + struct.pack(">HB", rng.getrandbits(16), rng.getrandbits(8)) + b"$"


def generate(rng, count):
    for number_ in range(count):
        way = rng.random()
        if number_ == 0:
            data = b"+RESP:GTPNA,060502,860000000000017,van1,20260314092655,0001$"
        elif way < 0.8:
            data = make_text(rng)
        else:
            data = make_records(rng) if way > 0.97 else make_binary(rng)
        yield data, data
