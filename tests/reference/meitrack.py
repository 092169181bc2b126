# SPDX-License-Identifier: MIT
"""Meitrack, slow and obvious: what each frame must give, and random frames. Written from the maker's papers and captures before the
decoder. Not covered: datagrams, photos, and lengths that lead nowhere, except those of frames whose CR LF was stripped."""
import datetime
import re
from fractions import Fraction

from common import Reject, calendar_time, half_up, reply, report, speed

ALARMS = {1: "sos", 17: "lowBattery", 18: "lowPower", 19: "overspeed", 20: "geofenceEnter", 21: "geofenceExit", 22: "powerRestored",
          23: "powerCut", 28: "gpsAntennaCut", 36: "tow", 40: "powerOff", 44: "jamming", 50: "temperature", 51: "temperature",
          54: "fuelLeak", 58: "general", 78: "accident", 79: "fallDown", 81: "removing", 90: "hardCornering", 91: "hardCornering",
          129: "hardBraking", 130: "hardAcceleration", 133: "idle", 135: "fatigueDriving"}
CAMERA = 126
EPOCH = datetime.datetime(2000, 1, 1)
KEPT = 2000  # bytes
NUMBER = r"[+-]?(\d{1,15}(\.\d*)?|\.\d+)"
IDENT = rb"[0-9A-Za-z._:-]{1,32}"


class Device:
    """Nothing is remembered."""


def fits(pattern, text):
    return re.fullmatch(pattern, text) is not None


def get(fields, index):
    return fields[index] if index < len(fields) else ""


def scaled(text, decimals):
    return half_up(Fraction(text), decimals) if fits(NUMBER, text) else None


def integer(text, most):
    return int(text) if fits(r"\d{1,18}", text) and int(text) <= most else None


def since_2000(seconds, end=".000Z"):
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + end


def text_time(text):
    if not fits(r"\d{12}", text):
        return None
    year, *rest = (int(text[i:i + 2]) for i in range(0, 12, 2))
    return calendar_time(year + (2000 if year < 80 else 1900), *rest)


# What the layouts share ----------------------------------------------------------------------------------------------------

def set_event(out, number):
    out["event"] = str(number)
    if number == CAMERA:
        out["alarms"].append("general")
    elif number in ALARMS:
        out["alarms"].append(ALARMS[number])


def set_place(out, lat, lon, valid, kmh, course, altitude, hdop):
    """1e-7 degree, hundredths; None: absent"""
    if lat is None or lon is None or abs(lat) > 900000000 or abs(lon) > 1800000000 or not (valid or lat or lon):
        return
    out["valid"], out["latitude"], out["longitude"] = valid, lat, lon
    if kmh is not None:
        speed(out, Fraction(kmh, 100))
    if course is not None and 0 <= course <= 36000:
        out["course_deg"] = course / 100
    if altitude is not None and -100000 <= altitude <= 2000000:
        out["altitude_m"] = altitude / 100
    if hdop is not None and 0 < hdop <= 9999:
        out["hdop"] = hdop / 100


def set_signal(out, satellites, gsm):
    if satellites is not None and satellites <= 99:
        out["satellites"] = satellites
    if gsm is not None and gsm <= 31:
        out["gsm_percent"] = gsm * 100 // 31


def set_cell(extra, mcc, mnc, lac, cid):
    if not 0 < mcc <= 999 or mnc > 999:
        return
    extra["mcc"], extra["mnc"] = mcc, mnc
    if lac or cid:
        extra["lac"], extra["cid"] = lac, cid


def set_volts(out, battery, power, ads):
    """Raw numbers, or None. Returns False if their scale is unknown."""
    if battery is None:
        return False
    if battery <= 450:
        small = large = Fraction(1, 100)
    elif battery <= 768:
        small, large = Fraction(6, 1024), Fraction(48, 1024)
    elif 1551 <= battery <= 2793:
        small, large = Fraction(66, 40960), Fraction(528, 40960)
    else:
        return False
    out["battery_v"] = half_up(battery * small, 3) / 1000
    if power is not None and half_up(power * large, 3) <= 1000000:
        out["power_v"] = half_up(power * large, 3) / 1000
    adc = [None if ad is None else half_up(ad * small, 3) for ad in ads]
    while adc and adc[-1] is None:
        adc.pop()
    out["adc"] = adc or None
    return True


# Texts ---------------------------------------------------------------------------------------------------------------------

def set_analog(out, text):
    if not text.strip("|"):
        return
    out["extra"]["analog"] = text
    v = text.split("|")
    if "." in text:
        for name, value, most in (("battery_v", get(v, 0), 100000), ("power_v", get(v, 1), 1000000)):
            mv = scaled(value, 3)
            if mv is not None and 0 <= mv <= most:
                out[name] = mv / 1000
        return
    base, pattern = 16, "[0-9A-Fa-f]{1,4}"
    if fits(pattern, get(v, 3)) and int(v[3], 16) > 0xFFF:
        base, pattern = 10, r"\d{1,4}"
    number = lambda index: int(v[index], base) if fits(pattern, get(v, index)) else None
    set_volts(out, number(3), number(4), [number(0), number(1), number(2)])


def set_temperatures(extra, text, version):
    for one in text.split("|"):
        if not fits("[0-9A-Fa-f]{6}", one):
            continue
        value = int(one[2:], 16)
        value -= 65536 if value >= 32768 else 0
        if version is None or version < 3:
            whole, part = int(one[2:4], 16), int(one[4:], 16)
            whole -= 256 if whole >= 128 else 0
            if part > 99:
                continue
            value = whole * 100 + (part if whole >= 0 else -part)
        extra[f"temp{int(one[:2], 16)}"] = value / 100


def set_fuel(extra, text):
    if fits("[0-9A-Fa-f]{4}", text):
        whole, part = int(text[:2], 16), int(text[2:], 16)
        if part <= 99 and whole * 100 + part <= 10000:
            extra["fuel"] = (whole * 100 + part) / 100


def set_taxi(extra, text):
    if not text:
        return
    extra["taxi"] = text
    v = text.split("|")
    if fits("[0-9A-Fa-f][01]", v[0]):
        extra["taxiState"] = ("started", "stopped")[int(v[0][1])]
    for name, value in (("taxiStart", get(v, 1)), ("taxiEnd", get(v, 2))):
        if text_time(value):
            extra[name] = text_time(value).replace(".000Z", "Z")
    extra["taxiDistance"] = integer(get(v, 3), 0xFFFFFFFF)
    if integer(get(v, 4), 0xFFFFFFFF) is not None:
        extra["taxiFare"] = int(v[4]) / 100
    for name, value in (("taxiTrip_s", get(v, 5)), ("taxiWaiting_s", get(v, 6))):
        if fits(r"\d{2}[0-5]\d[0-5]\d", value):
            extra[name] = int(value[:2]) * 3600 + int(value[2:4]) * 60 + int(value[4:])


def set_event_data(out, event, text):
    name = {20: "fence", 21: "fence", 35: "flags", 39: "file", 50: "sensor", 51: "sensor", 58: "source"}.get(event, "event_data")
    if not text:
        return
    if event == 37 and fits("[ -~]{1,64}", text):
        out["driver"] = text
    else:
        out["extra"][name] = text


def decode_position(ident, f):
    """f: the fields from the event on"""
    event, out = int(f[0]), report(ident, "")
    extra = out["extra"]
    set_event(out, event)
    out["device_time"] = text_time(get(f, 3))
    set_place(out, scaled(get(f, 1), 7), scaled(get(f, 2), 7), get(f, 4) in ("A", "a"), scaled(get(f, 7), 2), scaled(get(f, 8), 2),
              scaled(get(f, 10), 2), scaled(get(f, 9), 2))
    set_signal(out, integer(get(f, 5), 99), integer(get(f, 6), 31))
    out["odometer_m"] = integer(get(f, 11), 0xFFFFFFFF)
    extra["runtime"] = integer(get(f, 12), 0xFFFFFFFF)
    cell = get(f, 13).split("|")
    if len(cell) >= 4 and fits(r"\d{1,3}", cell[0]) and fits(r"\d{1,3}", cell[1]):
        lac = int(cell[2], 16) if fits("[0-9A-Fa-f]{1,4}", cell[2]) else None
        cid = int(cell[3], 16) if fits("[0-9A-Fa-f]{1,8}", cell[3]) else None
        set_cell(extra, int(cell[0]), int(cell[1]), lac, cid)
    if fits("[0-9A-Fa-f]{4}", get(f, 14)):
        out["inputs"], out["outputs"] = int(f[14][:2], 16), int(f[14][2:], 16)
    set_analog(out, get(f, 15))
    set_event_data(out, event, get(f, 16))
    extra["custom"] = get(f, 17) or None
    extra["version"] = version = integer(get(f, 18), 999999999)
    set_fuel(extra, get(f, 19))
    set_temperatures(extra, get(f, 20), version)
    extra["maxAcceleration"], extra["maxDeceleration"] = integer(get(f, 21), 0xFFFFFFFF), integer(get(f, 22), 0xFFFFFFFF)
    extra["sensors"] = get(f, 23).strip("|") and f[23] or None
    unknown = f[24:27] + f[28:]
    extra["unknown"] = ",".join(unknown) if any(unknown) else None
    set_taxi(extra, get(f, 27))
    for name, text in extra.items():  # what is no UTF-8 becomes U+FFFD
        if isinstance(text, str):
            extra[name] = text.encode("latin-1").decode("utf-8", "replace")
    out["extra"] = {name: value for name, value in extra.items() if value is not None}
    return out


def decode_result(ident, command, content):
    out = report(ident, command if fits("[ -~]{1,32}", command) else None)
    if content and fits(r"[ -~]*", content):
        out["extra"]["result"] = content[:KEPT]
    elif content:
        out["extra"]["data"] = content[:KEPT].encode("latin-1").hex()
    return out


# CCC -----------------------------------------------------------------------------------------------------------------------

def u(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


def s(data, at, size):
    return int.from_bytes(data[at:at + size], "little", signed=True)


def is_possible(r):
    return abs(s(r, 1, 4)) <= 90000000 and abs(s(r, 5, 4)) <= 180000000 and u(r, 9, 4) >= (datetime.datetime(2005, 1, 1) - EPOCH).total_seconds()


def fixed_record(ident, r):
    out = report(ident, "")
    extra = out["extra"]
    set_event(out, r[0])
    out["device_time"] = since_2000(u(r, 9, 4))
    set_place(out, s(r, 1, 4) * 10, s(r, 5, 4) * 10, r[13] == 1, u(r, 16, 2) * 100, u(r, 18, 2) * 100, s(r, 22, 2) * 100, u(r, 20, 2) * 10)
    set_signal(out, r[14], r[15])
    out["odometer_m"], extra["runtime"] = u(r, 24, 4), u(r, 28, 4)
    set_cell(extra, u(r, 32, 2), u(r, 34, 2), u(r, 36, 2), u(r, 38, 2))
    out["inputs"], out["outputs"] = r[40], r[41]
    if not set_volts(out, u(r, 44, 2), u(r, 46, 2), [u(r, 42, 2)]):
        extra["analog"] = f"{u(r, 42, 2):04X}|||{u(r, 44, 2):04X}|{u(r, 46, 2):04X}"
    if u(r, 48, 4):
        extra["fence"] = u(r, 48, 4)
    return out


def decode_fixed(ident, payload):
    """The reports, and the number to acknowledge."""
    records, size = payload[8:], u(payload, 2, 2)
    count = len(records) // size if size else 0
    cut = [records[i * size:(i + 1) * size] for i in range(count)]
    if len(payload) >= 8 and payload[1] == 1 and size >= 52 and cut and all(map(is_possible, cut)):
        return [fixed_record(ident, one) for one in cut], count
    out = report(ident, "CCC")
    if payload:
        out["extra"]["data"] = payload[:KEPT].hex()
    kept = min(len(records), KEPT - 8)
    return [out], max(1, kept // size if size else 0) if records else 0


# CCE -----------------------------------------------------------------------------------------------------------------------

NUMBERS = {0x0D: "runtime", 0x1C: "flags", 0x27: "sensor", 0x5B: "deadReckoning", 0xFEA0: "drivingState", 0xFEF4: "engine_min",
           0xFEA1: "parking_s", 0xFE2F: "fatigue_s", 0x93: "clutch", 0x94: "tachograph", 0x95: "handBrake", 0x96: "cruise", 0x97: "throttle",
           0x98: "fuelUsed", 0x99: "rpm", 0x9A: "engine_h", 0x9B: "obdOdometer", 0x9D: "fuelLevel", 0x9E: "torque", 0xA1: "torqueA1",
           0xA0: "fuelUsed_ml", 0xA3: "axleWeight", 0xA4: "service_km", 0xA5: "consumption", 0xC9: "fuelConsumption",
           0xF825: "vehicleBattery", 0xF826: "coolantLevel", 0xF827: "tripFuel", 0x91: "obdSpeed", 0x92: "obdSpeed"}
SIGNED = {0x9C: "coolantTemp", 0x9F: "outsideTemp"}


def cut_parameters(record):
    """record: the bytes after its size. Returns the parameters, (id, bytes), and the bytes that make no sense."""
    found, at = [], 2
    if len(record) < 2:
        return found, record
    for width in (1, 2, 4, None):
        if at == len(record):
            return found, b""
        count, at = record[at], at + 1
        for _ in range(count):
            start = at
            size = 2 if record[at:at + 1] in (b"\xfe", b"\xf8") else 1
            name, at = int.from_bytes(record[at:at + size], "big"), at + size
            if width is None and at < len(record):
                length, at = record[at], at + 1
            elif width is None:
                return found, record[start:]
            else:
                length = width
            if at + length > len(record):
                return found, record[start:]
            found.append((name, record[at:at + length]))
            at += length
    return found, record[at:]


def beacons(v):
    found, at = [], 1
    while at < len(v):
        end = at + 1 + v[at] + 8
        if end > len(v):
            return None
        name, rest = v[at + 1:at + 1 + v[at]], v[at + 1 + v[at]:end]
        found.append((name, rest[:6], rest[6], s(rest, 7, 1)))
        at = end
    return found if v else None


def is_text(data):
    return all(0x20 <= byte <= 0x7E for byte in data)


def add_text(extra, name, data):
    if data and is_text(data):
        extra[name] = data.decode()


class Record:
    def __init__(self, ident):
        self.out = report(ident, "CCE")
        self.extra = self.out["extra"]
        self.n = {}  # numbers that are used together
        self.cells, self.wifi, self.tags, self.beacons = [], [], 0, 0
        self.card = self.alarm = self.level = self.power = None

    def structure(self, name, v):
        """Returns False if the bytes are not of this form."""
        extra = self.extra
        if 0x0E <= name <= 0x13:
            if len(v) != 12:
                return False
            cell = u(v, 0, 2), u(v, 2, 2), u(v, 4, 2), u(v, 6, 4), s(v, 10, 2) or None
            if not cell[0] or not (cell[2] or cell[3]):
                return True
            if cell[0] > 999 or cell[1] > 999:
                return False
            if self.cells and self.cells[0][:2] != cell[:2]:
                return False
            self.cells.append(cell)
        elif 0x1D <= name <= 0x25:
            if len(v) != 8:
                return False
            self.wifi.append(f"{v[:6].hex()},{s(v, 6, 2)}")
        elif name == 0x28:
            if len(v) != 8:
                return False
            extra["pictureTime"], extra["pictureSuffix"] = since_2000(u(v, 0, 4), "Z"), u(v, 4, 4)
        elif 0x2A <= name <= 0x31:
            if len(v) != 3:
                return False
            if -6000 <= s(v, 1, 2) <= 12000:
                extra[f"temp{name - 0x2A}"] = s(v, 1, 2) / 100
                extra[f"temp{name - 0x2A}Label"] = v[0]
        elif name == 0x39:
            if not v or v[0] != len(v) - 1 or v[0] > 64 or not is_text(v[1:]):
                return False
            self.card = v[1:].decode() or self.card
        elif name == 0x49:
            if len(v) != 9 or v[8] >= 128:
                return False
            extra["cameras"], extra["cameraMask"] = v[0], u(v, 1, 8)
        elif name == 0x4B:
            if len(v) < 3 or v[2] != len(v) - 3 or not is_text(v[3:]):
                return False
            extra["networkType"] = v[1]
            add_text(extra, "network", v[3:])
        elif name == 0x4C:
            if not v or len(v) != 1 + 3 * v[0]:
                return False
            for i in range(v[0]):
                number, mv = v[1 + 3 * i], u(v, 2 + 3 * i, 2)
                if number == 0x22:
                    self.power = mv / 1000
                else:
                    extra[f"analog{number}"] = mv / 1000
        elif name == 0x6A:
            if len(v) != 15:
                return False
            extra["tripDistance"], extra["trip_s"], extra["tripAverageSpeed"], extra["tripTopSpeed"] = u(v, 1, 4), u(v, 5, 4), u(v, 9, 2), u(v, 11, 2)
            extra["tripFuelUsed"] = u(v, 13, 2) / 100
        elif name == 0xDB:
            if len(v) < 2 or v[0] != 1 or len(v) != 2 + 11 * v[1]:
                return False
            for i in range(v[1]):
                one = v[2 + 11 * i:13 + 11 * i]
                extra[f"sensor{one[0]}Id"], extra[f"sensor{one[0]}Temp"] = one[1:9].hex(), s(one, 9, 2) / 100
        elif name == 0xFE31:
            if len(v) < 2:
                return False
            extra["alarm_type"] = f"{v[0]}:{v[1]}"
            add_text(extra, "file", v[2:].split(b"\0")[0])
            self.alarm = v[0], v[1]
        elif name == 0xFE73:
            if len(v) < 21 or len(v) != 21 + v[1] or not is_text(v[2:2 + v[1]]):
                return False
            self.tags += 1
            tag, rest = f"tag{self.tags}", v[2 + v[1]:]
            add_text(extra, tag + "Name", v[2:2 + v[1]])
            extra[tag + "Mac"], extra[tag + "Limits"] = rest[:6].hex(), rest[11:].hex()
            if rest[6] <= 100:
                extra[tag + "Battery"] = rest[6]
            extra[tag + "Temp"] = half_up(Fraction(s(rest, 7, 2), 256), 2) / 100
            humidity = s(rest, 9, 2)
            if 0 <= humidity <= 100 * 256:
                extra[tag + "Humidity"] = half_up(Fraction(humidity, 256), 2) / 100
        elif name in (0xFE71, 0xFE72):
            found = beacons(v)
            if found is None or not all(is_text(one[0]) for one in found):
                return False
            for label, mac, battery, rssi in found:
                self.beacons += 1
                beacon = f"beacon{self.beacons}"
                add_text(extra, beacon + "Name", label)
                extra[beacon + "Mac"], extra[beacon + "Battery"], extra[beacon + "Rssi"] = mac.hex(), battery, rssi
        elif name == 0xFEA8:
            if len(v) != 7:
                return False
            for k in range(3):
                if v[2 * k] and v[2 * k + 1] <= 100:
                    extra[f"battery{k + 1}Level"] = v[2 * k + 1]
                    if k == 0:
                        self.level = v[1]
            extra["batteryAlert"] = v[6]
        elif name in (0xFEF2, 0xFEF3):
            if not v or len(v) != 1 + 8 * v[0]:
                return False
            for i in range(v[0]):
                one = v[1 + 8 * i:9 + 8 * i]
                tyre = f"tyre{one[0]}"
                extra[tyre + "Id"], extra[tyre + "Pressure"] = one[1:4].hex(), u(one, 4, 2) * 25 / 1000
                extra[tyre + "Temp"], extra[tyre + "Flags"] = one[6] - 50, one[7]
        elif name == 0xF82E:
            if len(v) != 32:
                return False
            for at, what in ((0, "Start"), (12, "End")):
                extra["speeding" + what] = since_2000(u(v, at, 4), "Z")
                extra[f"speeding{what}Longitude"], extra[f"speeding{what}Latitude"] = s(v, at + 4, 4) / 1e6, s(v, at + 8, 4) / 1e6
            extra["speeding_s"], extra["speedingAverageSpeed"], extra["speedingTopSpeed"] = u(v, 24, 4), u(v, 28, 2) / 10, u(v, 30, 2) / 10
        else:
            return False
        return True

    def number(self, name, v):
        """Returns False if it is no number of known meaning."""
        value, signed, extra, out = u(v, 0, len(v)), s(v, 0, len(v)), self.extra, self.out
        if not 1 <= len(v) <= 4:
            return False
        if name in (0x91, 0x92) and "obdSpeed" in extra:
            return False
        if name in (0x01, 0x40, 0x05, 0x08, 0x09, 0x0A, 0x15, 0x42):
            self.n[name] = value
        elif name in (0x02, 0x03, 0x0B):
            self.n[name] = signed
        elif name == 0x04:
            out["device_time"] = since_2000(value)
        elif name == 0x06:
            set_signal(out, value, None)
        elif name == 0x07:
            set_signal(out, None, value)
        elif name == 0x0C:
            out["odometer_m"] = value
        elif name == 0x14:
            out["outputs"] = value
        elif 0x16 <= name <= 0x18:
            if value <= 65535:
                adc = (out.get("adc") or []) + [None] * 3
                adc[name - 0x16] = value * 10
                out["adc"] = adc[:3]
        elif name == 0x41:
            if value <= 65535:
                extra["adc6"] = value * 10
        elif name == 0x19:
            if value <= 10000:
                out["battery_v"] = value / 100
        elif name == 0x1A:
            if value <= 100000:
                out["power_v"] = value / 100
        elif name == 0x1B:
            if value:
                extra["fence"] = value
        elif name == 0x25:
            self.n[name] = value
        elif name == 0x29:
            if value <= 10000:
                extra["fuel"] = value / 100
        elif name == 0x47:
            if value > 2:
                return False
            if value:
                extra["lock"] = value == 2
        elif name == 0xFE69:
            if value <= 100:
                out["battery_percent"] = value
        elif name == 0xA2:
            extra["rate"] = value / 100
        elif name in SIGNED:
            extra[SIGNED[name]] = signed
        elif name in NUMBERS:
            extra[NUMBERS[name]] = value
        else:
            return False
        return True

    def finish(self):
        out, extra, n = self.out, self.extra, self.n
        event = n.get(0x40, n.get(0x01))
        if event is not None:
            set_event(out, event)
        if event == CAMERA and self.alarm:
            tired = {1: (1, 2), 2: (5, 6)}.get(self.alarm[0], ())
            out["alarms"] = ["fatigueDriving"] if self.alarm[1] in tired else [] if self.alarm == (2, 132) else ["general"]
        times = lambda name, factor: None if n.get(name) is None else n[name] * factor
        set_place(out, times(0x02, 10), times(0x03, 10), n.get(0x05) == 1, times(0x08, 100), times(0x09, 100), times(0x0B, 100), times(0x0A, 10))
        inputs = n.get(0x42, n.get(0x15))
        if inputs is not None:
            out["inputs"] = inputs
        if self.card or n.get(0x25):
            out["driver"] = self.card or str(n[0x25])
        if self.power is not None:
            out["power_v"] = self.power
        if self.level is not None and out.get("battery_percent") is None:
            out["battery_percent"] = self.level
        if self.cells:
            mcc, mnc, lac, cid, rssi = self.cells[0]
            extra.update(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi)
        if self.cells[1:]:
            extra["cells"] = ";".join(",".join(str(part) for part in one[2:] if part is not None) for one in self.cells[1:])
        if self.wifi:
            extra["wifi"] = ";".join(self.wifi)
        adc = out.get("adc") or []
        while adc and adc[-1] is None:
            adc.pop()
        out["adc"] = adc or None
        return out


COLUMNS = [*range(0x01, 0x0E), *range(0x14, 0x1C), 0x25, 0x29, 0x40, 0x41, 0x42, 0xFE69]


def decode_record(ident, data):
    record = Record(ident)
    found, rest = cut_parameters(data)
    is_column = lambda name, v: name in COLUMNS and 1 <= len(v) <= 4
    for i, (name, v) in enumerate(found):
        if is_column(name, v) and any(later[0] == name and is_column(*later) for later in found[i + 1:]):
            continue  # the last one counts
        if not record.structure(name, v) and not record.number(name, v) and v:
            record.extra[f"id{name:02x}" if name < 256 else f"id{name:04x}"] = v.hex()
    if rest:
        record.extra["data"] = rest[:KEPT].hex()
    return record.finish()


def decode_records(ident, payload):
    """The reports, and the number to acknowledge."""
    outs, at = [], 6
    for _ in range(u(payload, 4, 2) if len(payload) >= 6 else 0):
        size = u(payload, at, 2)
        if at + 2 > len(payload) or size > len(payload) - at - 2 or len(outs) == 256:
            break
        outs.append(decode_record(ident, payload[at + 2:at + 2 + size]))
        at += 2 + size
    if outs:
        return outs, len(outs)
    out = report(ident, "CCE")
    if payload:
        out["extra"]["data"] = payload[:KEPT].hex()
    return [out], 0


# Frames --------------------------------------------------------------------------------------------------------------------

def checksum(data):
    return sum(data) & 0xFF


def seal(start, flag, body):
    """A frame: start is $$ or @@, body from the comma before the ident to the byte before the *."""
    frame = start + flag.encode() + b"%02d" % (len(body) + 5) + body + b"*"
    return frame + b"%02X\r\n" % checksum(frame)


def answer(flag, ident, command, count, when):
    return reply(seal(b"@@", flag, f",{ident},{command},{count}".encode()).decode(), when)


def decode_frame(frame):
    head = re.match(rb"\$\$([A-z])(\d{2,4}),", frame)
    if frame[-2:] != b"\r\n" or frame[-5:-4] != b"*" or head.end() - 1 + int(head[2]) != len(frame):
        raise Reject("bad length")
    if not re.fullmatch(rb"[0-9A-Fa-f]{2}", frame[-4:-2]) or int(frame[-4:-2], 16) != checksum(frame[:-4]):
        raise Reject("bad checksum")
    ident, _, content = frame[head.end():-5].partition(b",")
    if not re.fullmatch(IDENT, ident):
        raise Reject("bad value: ident")
    flag, ident = head[1].decode(), ident.decode()
    command, comma, data = content.partition(b",")
    command, text = command.decode("latin-1"), content.decode("latin-1")
    word, f = command.upper(), data.decode("latin-1").split(",")
    if word == "CCC" and comma or word == "CCE" and comma:
        outs, count = (decode_fixed if word == "CCC" else decode_records)(ident, data)
        return outs + ([answer(flag, ident, word, count, "stored")] if count else [])
    if word == "AAC":
        return ([decode_result(ident, command, text)] if data else []) + [answer(flag, ident, word, 1, "now")]
    if word == "AAA" and fits(r"\d{1,9}", f[0]):
        return [decode_position(ident, f)]
    if word == "AFF" and fits("[0-9A-Fa-f]{4}", f[0]) and fits(r"\d{1,9}", get(f, 1)):
        out = decode_position(ident, f[1:])
        out["extra"]["cached"] = int(f[0], 16)
        return [out, answer(flag, ident, word, 1, "stored")]
    if word == "D00" and len(f) >= 4 and fits("[ -~]{1,64}", f[0]) and fits(r"\d{1,4}", f[1]) and fits(r"\d{1,4}", f[2]) and int(f[2]) < int(f[1]):
        return []
    outs = [decode_result(ident, command, text)]
    if word == "AFF" and data.upper() != b"OK":
        outs.append(answer(flag, ident, word, 1, "stored"))
    return outs


def decode(frame, _state):
    try:
        return decode_frame(frame)
    except Reject as reject:
        return [{"reject": str(reject), "frame": frame.hex()}]


# Random frames -------------------------------------------------------------------------------------------------------------

def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def hexes(rng, count):
    return "".join(rng.choice("0123456789ABCDEFabcdef") for _ in range(count))


def odd(rng):
    return rng.choice(["", "x", "-", "1e3", ".", "+", "A|B", "9" * 19, "-1", "\xe9", '"', "\\", " ", "0x10", "1.5.2"])


def some(rng, usual, odds=.03):
    return odd(rng) if rng.random() < odds else usual


def event(rng):
    return rng.choice(list(ALARMS) + [35, 35, 35, 2, 3, 9, 31, 37, 37, 39, 126, 126, 134, 145, 576, 700])


def angle(rng, most):
    return rng.choice([f"{rng.uniform(-most, most):.6f}"] * 12 + ["0.000000", "0.000000", "90.000000", "-180.000000", f"{most + 1}.5", "52", "-.5"])


def moment(rng):
    return f"{rng.randrange(20, 30):02}{rng.randint(0, 13):02}{rng.randint(1, 31):02}{rng.randrange(25):02}{rng.randrange(60):02}{rng.randrange(61):02}"


def number(rng, most=0xFFFFFFFF):
    return rng.choice([0, 1, most, most + 1, rng.randrange(most), rng.randrange(most)])


def analog(rng):
    kind = rng.randrange(12)
    battery = rng.choice([0, 413, 450, 451, 652, 768, 769, 1550, 1551, 2631, 2793, 2794, 4095, rng.randrange(4096)])
    member = lambda: rng.choice(["", "0", "0003", f"{rng.randrange(4096):X}", f"{rng.randrange(4096):04X}"])
    if kind < 7:
        return "|".join([member(), member(), member(), rng.choice([f"{battery:04X}", f"{battery:x}"]), member()] + [member() for _ in range(rng.choice([0, 0, 1, 3]))])
    if kind == 7:
        return "|".join(str(rng.randrange(3000)) for _ in range(3)) + f"|{rng.choice([1000, 1551, 2709, 2793, 3000, 9999])}|{rng.choice(['878', '9A', ''])}"
    if kind == 8:
        return "|".join(rng.choice([f"{rng.uniform(0, 20):.2f}", "3.3", "x", "", "-1.0", "101.5"]) for _ in range(rng.choice([1, 2, 5])))
    if kind == 9:
        return "|".join([member(), member(), member(), "", member()])
    return rng.choice(["", "||||", "3|0|0|A58|432", "0|0|0|12345|1", "0|0|0|2A09|1", "1|2"])


def temperatures(rng):
    return "|".join(rng.choice([f"{rng.randrange(9):02X}{rng.randrange(65536):04X}", "02FE70", "001206", "0AFB06", "01", "xx1234"]) for _ in range(rng.choice([0, 0, 1, 2, 3])))


def taxi(rng):
    v = [rng.choice(["10", "11", "01", "0A", "x"]), moment(rng), moment(rng), str(number(rng)), str(number(rng)), rng.choice(["013055", "996000", "12"]), "000030"]
    return rng.choice(["", "", "|".join(v[:rng.randint(1, 7)])])


def position(rng):
    f = [str(event(rng)), angle(rng, 90), angle(rng, 180), moment(rng), rng.choice("AAAAVVa"), str(rng.choice([0, 3, 11, 99, 100])), str(rng.choice([0, 12, 31, 32, 99])),
         rng.choice(["0", "47", "12.5", "1001", f"{rng.uniform(0, 200):.2f}"]), rng.choice(["0", "271", "359.5", "361"]), rng.choice(["0", "0.0", "1", "0.9", "99.99", "100"]),
         rng.choice(["113", "-12", "0", "20001", "3.25"]), str(number(rng)), str(number(rng)),
         rng.choice(["260|2|1A2B|0C4D", "724|5|2f19|A893", "0|0||", "310|260|2B03|A1B2C3D", "310|260||", "260|2|0000|0000", "260|2|12345|1", "260|2|1A2B", "1000|2|1|1", "x|y|z|w", "260|2|1A2B|"]),
         rng.choice([hexes(rng, 4), "0400", "040"]), analog(rng)]
    tail = [rng.choice(["", "00000001", "8BEBA39", "20260314_C1E1.jpg", "02", '"', "\xe9", "x" * 70]), rng.choice(["", "", "data"]), rng.choice(["3", "3", "1", "108", "", "2", "x"]),
            rng.choice(["0000", "0C32", "6400", "6401", "0C64", "", "0C3"]), temperatures(rng), rng.choice(["0", "360", ""]), rng.choice(["0", "511", "x"]),
            rng.choice(["", "0|1", "|"]), rng.choice(["", "", "u"]), "", rng.choice(["", "w"]), taxi(rng), rng.choice(["", "z"])]
    f += tail[:rng.choice([0, 1, 3, 5, 7, 12, 13, 13])]
    f = [some(rng, each, .01) for each in f[:1]] + [some(rng, each) for each in f[1:]]
    return f[:rng.randrange(1, 17)] if rng.random() < .04 else f


def fixed_bytes(rng):
    r = bytes([rng.choice([event(rng) & 255, rng.randrange(256)])])
    good = rng.random() < .97
    r += rng.choice([0, rng.randrange(-90000000, 90000001)] if good else [90000001]).to_bytes(4, "little", signed=True)
    r += rng.choice([0, rng.randrange(-180000000, 180000001)] if good or rng.random() < .5 else [-180000001]).to_bytes(4, "little", signed=True)
    r += rng.choice([rng.randrange(700000000, 900000000)] * 30 + [157852800, 157852799 if not good else 157852800]).to_bytes(4, "little")
    r += bytes([rng.choice([0, 1, 1, 1, 2]), rng.choice([0, 9, 100]), rng.choice([0, 22, 31, 32])])
    two = lambda *choices: rng.choice(choices).to_bytes(2, "little", signed=False)
    r += two(0, 47, 1001) + two(0, 271, 361) + two(0, 9, 65535) + two(113, 65533, 40000) + rng.randbytes(8)
    r += two(0, 260, 724, 1000) + two(2, 5, 1000) + two(0, 0x1A2B) + two(0, 0x0C4D) + rng.randbytes(2)
    r += two(0, 3, 65535) + two(0, 413, 450, 451, 768, 769, 1551, 2793, 2794, rng.randrange(3000)) + two(0, 1366, 65535) + rng.choice([0, 5, 0xFFFFFFFF]).to_bytes(4, "little")
    return r


def fixed(rng):
    size = rng.choice([52, 52, 52, 56, 60, 51, 20, 0, 2100])
    version = rng.choice([0x0102, 0x0102, 0x0100, 0x0501, 0x0001])
    records = b"".join((fixed_bytes(rng) + rng.randbytes(max(0, size - 52)))[:size] for _ in range(rng.choice([0, 1, 1, 2, 3, 20]) if size < 1000 else 1))
    payload = version.to_bytes(2, "little") + size.to_bytes(2, "little") + rng.randrange(1 << 32).to_bytes(4, "little") + records + rng.randbytes(rng.choice([0, 0, 0, 3]))
    return payload[:rng.randrange(12)] if rng.random() < .03 else payload


def id_bytes(name):
    return name.to_bytes(1 if name < 256 else 2, "big")


def value_of(rng, name, size):
    usual = {0x01: event(rng) & 255, 0x40: event(rng), 0x02: rng.randrange(-90000000, 90000001), 0x03: rng.randrange(-180000000, 180000001), 0x04: rng.randrange(700000000, 900000000),
             0x05: rng.choice([0, 1, 1]), 0x06: 9, 0x07: rng.choice([22, 31, 32]), 0x08: 47, 0x09: 271, 0x0A: rng.choice([0, 9]), 0x0B: rng.choice([113, -3]), 0x47: rng.randrange(4),
             0x29: rng.choice([6250, 10000, 10001]), 0xFE69: rng.choice([0, 87, 100, 101]), 0x19: 403, 0x1A: 1366, 0x25: rng.choice([0, 4112001])}
    value = usual.get(name, rng.choice([0, 1, rng.randrange(1 << 8 * size)]))
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def structure_of(rng, name):
    label = rng.choice([b"", b"tag", b"Bus 7"])
    if 0x0E <= name <= 0x13:
        return rng.choice([260, 260, 724, 0, 1000]).to_bytes(2, "little") + b"\x02\0" + rng.choice([b"\0\0" + bytes(4), rng.randbytes(6)]) + rng.choice([b"\0\0", b"\xb9\xff"])
    if 0x1D <= name <= 0x25:
        return rng.randbytes(6) + b"\xc4\xff"
    if name == 0x39:
        text = rng.choice([b"", b"CARD 17", b"\xff", b"x" * 64, b"x" * 65])
        return bytes([len(text)]) + text
    if name == 0x4B:
        return bytes([1, rng.randrange(4), len(label)]) + label
    if name == 0x4C:
        n = rng.randrange(4)
        return bytes([n]) + b"".join(bytes([rng.choice([1, 2, 0x22])]) + rng.randbytes(2) for _ in range(n))
    if name == 0xDB:
        n = rng.randrange(3)
        return bytes([1, n]) + rng.randbytes(11 * n)
    if name == 0xFE31:
        return bytes([rng.randrange(4), rng.choice([1, 2, 4, 5, 6, 7, 11, 132])]) + rng.choice([b"", b"a.jpg", b"a.jpg\0\0", b"\xff\0"])
    if name == 0xFE73:
        return bytes([1, len(label)]) + label + rng.randbytes(19)
    if name in (0xFE71, 0xFE72):
        return b"\x01" + b"".join(bytes([len(label)]) + label + rng.randbytes(8) for _ in range(rng.randrange(3)))
    if name in (0xFEF2, 0xFEF3):
        n = rng.randrange(3)
        return bytes([n]) + rng.randbytes(8 * n)
    if name == 0xFEA8:
        return bytes([rng.randrange(2), rng.choice([0, 87, 101]), 0, 0, rng.randrange(2), 56, rng.randrange(2)])
    return rng.randbytes({0x28: 8, 0x49: 9, 0x6A: 15, 0xF82E: 32}.get(name, 3))


STRUCTURES = [*range(0x0E, 0x14), *range(0x1D, 0x26), 0x28, *range(0x2A, 0x32), 0x39, 0x49, 0x4B, 0x4C, 0x6A, 0xDB, 0xFE31, 0xFE73, 0xFE71, 0xFE72, 0xFEA8, 0xFEF2, 0xFEF3, 0xF82E]
OTHERS = [*NUMBERS, *SIGNED, 0xA2, 0x47, 0x29, 0xFE69, 0x41, 0x42, 0x1B, 0x25, 0x40, 0x16, 0x17, 0x18, 0x5C, 0xFE12, 0xF8FF, 0xB7]


def parameters(rng):
    groups = [[0x01, 0x05, 0x06, 0x07, 0x14, 0x15], [0x08, 0x09, 0x0A, 0x0B, 0x19, 0x1A], [0x02, 0x03, 0x04, 0x0C, 0x0D]]
    keep = rng.choice([1, 1, 1, .7, .2, 0])
    groups = [[name for name in group if rng.random() < keep] for group in groups]
    for _ in range(rng.choice([0, 0, 1, 4, 12])):
        groups[rng.randrange(3)].append(rng.choice(OTHERS))
    if rng.random() < .03:
        groups[rng.randrange(3)].append(rng.choice(STRUCTURES + [0x02, 0x0B, 0x08]))
    found = b""
    for size, group in zip((1, 2, 4), groups):
        found += bytes([len(group)]) + b"".join(id_bytes(name) + value_of(rng, name, size) for name in group)
    last = []
    for _ in range(rng.choice([0, 0, 1, 2, 6])):
        name = rng.choice(STRUCTURES)
        data = structure_of(rng, name)
        last.append((name, data if rng.random() < .95 else data[:rng.randrange(len(data) + 1)] if rng.random() < .5 else data + b"x"))
    if rng.random() < .1:
        name = rng.choice(OTHERS + [0x02, 0x04, 0x08])
        last.append((name, rng.randbytes(rng.choice([0, 1, 2, 3, 4, 5, 8, 40]))))
    return found + bytes([len(last)]) + b"".join(id_bytes(name) + bytes([len(data)]) + data for name, data in last), sum(map(len, groups)) + len(last)


def records(rng):
    found, count = b"", rng.choice([0, 1, 1, 1, 2, 3, 8])
    for _ in range(count):
        data, number_ = parameters(rng)
        data = number_.to_bytes(2, "little") + data
        cut = rng.random()
        if cut < .03:
            data = data[:rng.randrange(len(data))]
        elif cut < .06:
            at = rng.randrange(len(data))
            data = data[:at] + rng.randbytes(1) + data[at + 1:]
        elif cut < .08:
            data += rng.randbytes(rng.randrange(1, 5))
        found += len(data).to_bytes(2, "little") + data
    if rng.random() < .03:
        found = found[:rng.randrange(len(found) + 1)]
    if rng.random() < .02:
        found, count = found + bytes(2 * rng.choice([3, 300])), count + 300
    return rng.randrange(1 << 32).to_bytes(4, "little") + max(0, count + rng.choice([0] * 30 + [1, -1])).to_bytes(2, "little") + found + rng.choice([b""] * 20 + [b"ab"])


def content(rng):
    kind = rng.random()
    if kind < .4:
        return ",".join(["AAA" if rng.random() < .95 else "aaa"] + position(rng)).encode("latin-1")
    if kind < .5:
        return ",".join(["AFF", some(rng, rng.choice(["0004", "ffff", "1"]))] + position(rng)).encode("latin-1")
    if kind < .62:
        return b"CCC," + fixed(rng)
    if kind < .9:
        return b"CCE," + records(rng)
    return rng.choice([b"AAC", b"AAC", b"AAC,1", b"AFF,OK", b"AFF,ok", b"AFF", b"D82,0", b"C01,OK", b"E91,FWV1.00,12345678", b"D03,OK", b"D01,3,0,a.jpg|b.jpg|", b"A11,Error", b"",
                       b"D00,a.jpg,9,0,\xff\xd8*\r\n$$A25,", b"D00,a.jpg,9,9,\xff", b"D00,a.jpg,1", b"D00,,9,0,x", b"CCC", b"CCE", b"CCC,", b"CCE,", b"AAA", b"AAA,OK", b"X\x01Y,\x02", b"G00,\xc3\xa9",
                       b"Z" * 40 + b",1", b"Q" * 2100, b"AAA,1234567890,1"])


def frame_of(rng):
    ident = rng.choice([b"860000000000017"] * 20 + [b"86000000000017", b"86000000000001a", b"8" * 33, b"", b"8600 0000000017"])
    flag = chr(rng.randrange(0x41, 0x7B))
    body = b"," + ident + b"," + content(rng)
    while len(body) > 4080:
        body = b"," + ident + b"," + content(rng)
    frame = seal(b"$$", flag, body)
    fault = rng.random()
    if fault < .02:
        frame = frame[:-4] + rng.choice([b"%02X" % (int(frame[-4:-2], 16) ^ 1), b"zz"]) + b"\r\n"
    elif fault < .04:
        frame = frame[:-4] + frame[-4:-2].lower() + b"\r\n"
    elif fault < .05 and len(frame) < 999:
        size = str(len(body) + 5).encode()
        frame = frame.replace(size, size.zfill(4), 1)
        frame = frame[:-4] + b"%02X\r\n" % checksum(frame[:-4])
    return frame


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them)."""
    for left in range(count, 0, -1):
        frame = frame_of(rng)
        if left > 1 and rng.random() < .01 and b"$$" not in frame[2:] and len(frame) < 300:
            frame = frame[:-2]  # saved without its CR LF
            yield frame, frame
        else:
            yield frame + rng.choice([b"", b"", b"", b"\r\n"]), frame
