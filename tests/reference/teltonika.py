# SPDX-License-Identifier: MIT
"""Teltonika, slow and obvious: what each TCP frame must give, and random frames. Written from the protocol's documents
without a look at the decoder."""
import datetime
import json
import struct
from fractions import Fraction

from common import Reject, half_up, report

MOST = 16384
EPOCH = datetime.datetime(1970, 1, 1)
AVL, TEXT = (0x07, 0x08, 0x8E, 0x10), (0x0C, 0x0D, 0x0E, 0x0F)

ZONES = {*range(155, 175), *range(61, 66), 70, 88, *range(91, 100), 153, 154, *range(190, 199), 208, 209, *range(216, 232), 175}
ALARMS = {(246, 1): "tow", (249, 1): "jamming", (318, 2): "jamming", (251, 1): "idle", (242, 1): "fallDown", (252, 1): "powerCut",
          (253, 1): "hardAcceleration", (253, 2): "hardBraking", (253, 3): "hardCornering", (236, 1): "general",
          **{(247, n): "accident" for n in range(1, 7)}}
SIGNED = {(32, 1), (17, 2), (18, 2), (19, 2), (72, 4), (73, 4), (74, 4), (75, 4), (25, 2), (26, 2), (27, 2), (28, 2), (115, 2),
          (701, 2), (702, 2), (703, 2), (704, 2), *((n, 2) for n in range(10640, 10650)), *((n, 2) for n in range(10800, 10804)),
          *((n, 2) for n in range(10832, 10836))}
TAGS = (548, 10828, 10829, 10831, 11317)


class Device:
    """What is remembered: the ident of the connection, the last overspeed event of each device."""
    def __init__(self):
        self.ident = None
        self.overspeed = {}


class BadShape(Exception):
    pass


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def raw(self, count):
        if count > self.left():
            raise BadShape
        self.at += count
        return self.data[self.at - count:self.at]

    def u(self, count):
        return int.from_bytes(self.raw(count), "big")

    def s(self, count):
        return int.from_bytes(self.raw(count), "big", signed=True)


def crc(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def time_text(ms):
    return (EPOCH + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (ms % 1000)


# Extra: JSON texts, in order, at most 4096 bytes. What does not fit is left out, and there is "incomplete":true ---------

def quoted(text):
    return '"' + "".join("\\" + c if c in '"\\' else c if c >= " " else "\\u%04x" % ord(c) for c in text) + '"'


def fixed(value, decimals):
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return ("-" if value < 0 else "") + digits[:len(digits) - decimals] + "." + digits[len(digits) - decimals:]


class Extra(list):
    def text(self, name, value):
        if value:
            self.append((name, quoted(value)))

    def number(self, name, value):
        self.append((name, str(value)))

    def members(self):
        out, used, mark = {}, 0, len(',"incomplete":true')
        for name, value in self:
            size = len(name) + 3 + len(value) + (1 if out else 0)
            if size + mark <= 4096 - used:
                out[name] = json.loads(value)
                used += size
            elif "incomplete" not in out:
                used += mark - (0 if out else 1)
                out["incomplete"] = True
        return out


# Elements -----------------------------------------------------------------------------------------------------------------

def groups(r, id_size, count_size, widths):
    """Returns [(id, width, bytes)]; width 0 is the group of varying lengths."""
    found = []
    for width in widths:
        for _ in range(r.u(2 if width == 0 else count_size)):
            ident = r.u(id_size)
            found.append((ident, width, r.raw(width or r.u(2))))
    return found


def is_text(data):
    return all(0x20 <= byte <= 0x7E for byte in data)


def find(elements, ident, *widths):
    """The last element of that id and width, as a number; None if there is none."""
    value = None
    for each, width, data in elements:
        if each == ident and width in widths:
            value = int.from_bytes(data, "big")
    return value


def last_bytes(elements, ident, width):
    value = None
    for each, size, data in elements:
        if each == ident and size == width:
            value = data
    return value


def set_columns(out, elements):
    """Sets the columns. Returns the (id, width) that are not repeated in extra, and the members that come first in it."""
    used, first = set(), Extra()

    def take(ident, *widths, most=None):
        value = find(elements, ident, *widths)
        if value is None or most is not None and value > most:
            return None
        used.update((ident, width) for width in widths)
        return value

    value = take(239, 1)
    if value is not None:
        out["ignition"] = value != 0
    for name, ids in (("inputs", (1, 2, 3, 4)), ("outputs", (179, 180, 380))):
        for bit, ident in enumerate(ids):
            value = take(ident, 1)
            if value is not None:
                out[name] = (out.get(name) or 0) | (value != 0) << bit
    adc = [None] * 4
    for ident, channel in ((9, 0), (6, 1), (10, 1), (11, 2), (245, 3)):
        value = take(ident, 2)
        if value is not None:
            adc[channel] = value
    while adc and adc[-1] is None:
        adc.pop()
    if adc:
        out["adc"] = adc
    value = take(21, 1, most=5)
    if value is not None:
        out["gsm_percent"] = value * 20
    for ident, name in ((66, "power_v"), (67, "battery_v")):
        value = take(ident, 2)
        if value is not None:
            out[name] = value / 1000
    value = take(113, 1, most=100)
    if value is not None:
        out["battery_percent"] = value
    value = take(16, 4)
    if value is not None:
        out["odometer_m"] = value
    value = take(182, 2, most=999)
    if value is not None:
        out["hdop"] = value / 10
    value = take(78, 8)
    if value:
        out["driver"] = "%016X" % value
    card = [last_bytes(elements, ident, 8) for ident in (195, 196)]
    if not value and None not in card:
        text = b"".join(card).rstrip(b"\0 ")
        if text and is_text(text):
            out["driver"] = text.decode()
            used.update([(195, 8), (196, 8)])
    value = find(elements, 241, 4)
    if value is not None and 10000 <= value <= 999999:
        used.add((241, 4))
        first.number("mcc", int(str(value)[:3]))
        first.number("mnc", int(str(value)[3:]))
    counting = [element for element in elements if any(element[2])]
    lac, cid = find(counting, 206, 2), find(counting, 636, 4) or find(counting, 205, 2, 4)
    if lac and cid:
        used.update([(206, 2), (636, 4), (205, 2), (205, 4)])
        first.number("lac", lac)
        first.number("cid", cid)
    cells = []
    for n in range(4):
        ids = [(1200 + n, 2), (287 + 3 * n, 2), (288 + 3 * n, 2), (289 + 3 * n, 1)]
        values = [find(elements, *each) for each in ids]
        if None not in values and (values[1] or values[2]):
            used.update(ids)
            cells.append("%d,%d,%d" % (values[1], values[2], -values[3]))
    first.text("cells", ";".join(cells))
    return used, first


def beacons(data, n):
    """n: the beacons of the record before these."""
    r, out = Bytes(data), Extra()
    r.u(1)
    while r.left():
        n += 1
        name, flags = "beacon%d" % n, r.u(1)
        if flags >> 4:
            out.text(name + "Uuid", r.raw(16).hex())
            out.number(name + "Major", r.u(2))
            out.number(name + "Minor", r.u(2))
        else:
            out.text(name + "Namespace", r.raw(10).hex())
            out.text(name + "Instance", r.raw(6).hex())
        out.number(name + "Rssi", r.s(1))
        if flags & 2:
            out.append((name + "Battery", fixed(r.u(2), 3)))
        if flags & 4:
            out.number(name + "Temp", r.u(2))
    return out, n


def tag(r, name, out):
    ident = r.u(1)
    data = r.raw(r.u(1))
    sizes = {0: 1, 6: 2, 7: 1, 8: 1, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 6}
    if ident in sizes and len(data) != sizes[ident]:
        raise BadShape
    unsigned, signed = (int.from_bytes(data, "big", signed=each) for each in (False, True))
    if ident in (0, 11, 12):
        out.number(name + {0: "Rssi", 11: "Pitch", 12: "Roll"}[ident], signed)
    elif ident == 7:
        if unsigned <= 100:
            out.number(name + "Humidity", unsigned)
    elif ident == 10:
        out.number(name + "MotionCount", unsigned)
    elif ident in (8, 9, 13):
        out.append((name + {8: "Magnet", 9: "Motion", 13: "LowBattery"}[ident], "true" if unsigned else "false"))
    elif ident in (1, 15):
        out.text(name + {1: "Id", 15: "Mac"}[ident], data.hex())
    elif ident == 2:
        flags = Bytes(data)
        bits = flags.u(1)
        if bits & 0x40:
            out.append((name + "LowBattery", "true"))
        if bits & 0x80:
            out.number(name + "Voltage", flags.u(1) * 10 + 2000)
    elif ident == 5:
        if not is_text(data):
            raise BadShape
        out.text(name + "Name", data.decode())
    elif ident == 6:
        out.append((name + "Temp", fixed(signed, 2)))
    elif ident == 14:
        out.append((name + "Battery", fixed(unsigned, 3)))


def tags(data, n):
    r, out = Bytes(data), Extra()
    r.u(1)
    while r.left():
        n += 1
        one = Bytes(r.raw(r.u(1)))
        while one.left():
            tag(one, "tag%d" % n, out)
    return out, n


def special(ident, data, seen):
    """The members of a string element, or None: hex. seen: how many tags and beacons the record had before."""
    out = Extra()
    try:
        if ident in (256, 325, 281):
            if not is_text(data):
                return None
            out.text("dtcs" if ident == 281 else "vin", data.decode().replace(",", " ") if ident == 281 else data.decode())
            return out
        if ident == 385 and data:
            out, seen["beacon"] = beacons(data, seen["beacon"])
            return out
        if ident in TAGS and data:
            out, seen["tag"] = tags(data, seen["tag"])
            return out
    except BadShape:
        pass
    return None


def add_rest(extra, elements, used):
    seen = {"tag": 0, "beacon": 0}
    for ident, width, data in elements:
        if (ident, width) in used:
            continue
        members = special(ident, data, seen) if width == 0 else None
        if members is not None:
            extra += members
        elif width in (1, 2, 4):
            extra.number("io%d" % ident, int.from_bytes(data, "big", signed=(ident, width) in SIGNED))
        else:
            extra.text("io%d" % ident, data.hex())


def add_alarms(out, event, elements, ms, state):
    for ident, width, data in elements:
        if width != 1 or event not in (0, ident):
            continue
        value = data[0]
        if (ident, value) in ALARMS:
            out["alarms"].append(ALARMS[ident, value])
        if event == 0:
            continue
        if ident in ZONES and value in (0, 1, 3) and (value < 2 or ident != 175):
            out["alarms"].append(("geofenceExit", "geofenceEnter", None, "overspeed")[value])
        if ident == 252 and value == 0:
            out["alarms"].append("powerRestored")
        if ident == 255:
            last = state.overspeed.get(out["ident"])
            is_end = last and 0 <= ms - last[0] < 600000 and last[1] >= value
            if value and not is_end:
                out["alarms"].append("overspeed")
            state.overspeed[out["ident"]] = ms, value


# Records ------------------------------------------------------------------------------------------------------------------

def read_record(r, codec, has_16):
    """Reads one record, without a look at its meaning."""
    if codec == 7:
        record = {"word": r.u(4), "mask": r.u(1), "gps": None}
        if record["mask"] & 1:
            mask = r.u(1)
            record["gps"] = {name: r.raw(size) for bit, name, size in (
                (0, "place", 8), (1, "altitude", 2), (2, "course", 1), (3, "speed", 1), (4, "satellites", 1), (5, "cell", 4),
                (6, "rssi", 1), (7, "operator", 4)) if mask >> bit & 1}
        record["elements"] = groups(r, 1, 1, [width for bit, width in ((1, 1), (2, 2), (3, 4)) if record["mask"] >> bit & 1])
        return record
    wide = codec == 0x8E
    record = {"ms": r.u(8), "priority": r.u(1), "longitude": r.s(4), "latitude": r.s(4), "altitude": r.s(2), "angle": r.u(2),
              "satellites": r.u(1), "speed": r.u(2), "event": r.u(1 if codec == 8 else 2)}
    if codec == 0x10:
        record["generation"] = r.u(1)
    r.u(2 if wide else 1)
    widths = [1, 2, 4, 8] + [16] * has_16 + [0] * wide
    record["elements"] = groups(r, 1 if codec == 8 else 2, 2 if wide else 1, widths)
    if record["ms"] >= 4102444800000:
        raise BadShape
    return record


def read_records(body):
    codec, count = body[0], body[1]
    for has_16 in (False,) if codec == 7 else (False, True):
        r = Bytes(body)
        r.u(2)
        try:
            records = [read_record(r, codec, has_16) for _ in range(count)]
            if r.raw(1)[0] == count and r.left() == 0:
                return records
        except BadShape:
            pass
    raise Reject("bad length")


def place(out, lat, lon, satellites):
    """Returns true if the record has a position. lat, lon: 1e-7 degrees, None: not a number."""
    if satellites is not None and satellites <= 60:
        out["satellites"] = satellites
    fix = satellites != 0
    if lat is None or lon is None or abs(lat) > 900000000 or abs(lon) > 1800000000 or not fix and lat == 0 and lon == 0:
        return False
    out["valid"], out["latitude"], out["longitude"] = fix, lat, lon
    return True


def record_report(record, state):
    out = report(state.ident, str(record["event"]))
    used, extra = set_columns(out, record["elements"])
    if place(out, record["latitude"], record["longitude"], record["satellites"]):
        if -1000 <= record["altitude"] <= 20000:
            out["altitude_m"] = record["altitude"]
        if record["angle"] <= 360:
            out["course_deg"] = record["angle"]
        if record["speed"] <= 1000:
            out["speed_kmh"] = record["speed"]
    out["device_time"] = time_text(record["ms"])
    if record["priority"]:
        extra.number("priority", record["priority"])
    if "generation" in record:
        extra.number("generation", record["generation"])
    add_rest(extra, record["elements"], used)
    add_alarms(out, record["event"], record["elements"], record["ms"], state)
    out["extra"] = extra.members()
    return out


def degrees(data):
    value = struct.unpack(">f", data)[0]
    if value != value or abs(value) > 1000:
        return None
    return half_up(Fraction(value), 7)


def old_report(record, state):
    """A record of codec 7."""
    out, extra, gps = report(state.ident, "0"), Extra(), record["gps"] or {}
    out["device_time"] = time_text(((record["word"] & 0x3FFFFFFF) + 1167609600) * 1000)
    number = {name: int.from_bytes(data, "big") for name, data in gps.items()}
    placed = "place" not in gps
    if "place" in gps:
        placed = place(out, degrees(gps["place"][:4]), degrees(gps["place"][4:]), number.get("satellites"))
    elif number.get("satellites", 61) <= 60:
        out["satellites"] = number["satellites"]
    if placed:
        if number.get("altitude", 20001) <= 20000:
            out["altitude_m"] = number["altitude"]
        if "course" in gps:
            out["course_deg"] = half_up(Fraction(number["course"] * 360, 256), 2) / 100
        out["speed_kmh"] = number.get("speed")
    elements = list(record["elements"])
    if "operator" in gps:
        if 10000 <= number["operator"] <= 999999:
            extra.number("mcc", int(str(number["operator"])[:3]))
            extra.number("mnc", int(str(number["operator"])[3:]))
        else:
            extra.number("io241", number["operator"])
    if "cell" in gps:
        extra.number("lac", number["cell"] >> 16)
        extra.number("cid", number["cell"] & 0xFFFF)
    if "rssi" in gps:
        extra.number("gsm", number["rssi"])
    for ident, _, data in elements:
        value = int.from_bytes(data, "big")
        if ident == 1 and value <= 100:
            out["battery_percent"] = value
        elif ident == 20 and value <= 999:
            out["hdop"] = value / 10
        elif ident == 67 and value <= 100000:
            out["battery_v"] = value / 1000
        elif ident == 222 and value == 1:
            out["alarms"].append("sos")
        else:
            extra.number("io%d" % ident, value)
    out["extra"] = extra.members()
    return out


# Texts --------------------------------------------------------------------------------------------------------------------

def read_messages(body):
    codec, count = body[0], body[1]
    r, messages = Bytes(body), []
    r.u(2)
    try:
        for _ in range(count):
            kind, size = r.u(1), r.u(4)
            if codec == 0x0D and count == 1 and size + 12 == len(body):
                size += 4
            messages.append((kind, r.raw(size)))
        if r.raw(1)[0] == count and r.left() == 0:
            return messages
    except BadShape:
        pass
    raise Reject("bad length")


def read_stamp(codec, payload):
    """Returns the time in ms, if any, and the text."""
    if codec == 0x0E and len(payload) >= 8:
        return None, payload[8:]
    if codec == 0x0F and len(payload) >= 12:
        return int.from_bytes(payload[:4], "big") * 1000, payload[12:]
    if codec == 0x0D and len(payload) >= 4:
        for size, unit in ((4, 1000), (8, 1)):
            ms = int.from_bytes(payload[:size], "big") * unit
            if len(payload) >= size and ms < 10 ** 14 and 2005 <= (EPOCH + datetime.timedelta(milliseconds=ms)).year <= 2040:
                return ms, payload[size:]
        return None, payload[4:]
    return None, payload


def text_report(codec, kind, payload, state):
    out, extra = report(state.ident, "%02X" % codec), Extra()
    extra.number("type", kind)
    ms, text = read_stamp(codec, payload)
    out["device_time"] = None if ms is None else time_text(ms)
    shown = text.strip(b" \r\n")
    parts = shown.split(b"|")
    if codec == 0x0C and kind == 0x0D:
        extra.text("data", payload[:256].hex())
    elif codec != 0x0E and parts[0] == b"GTSL" and len(parts) > 4 and is_text(parts[4]) and 0 < len(parts[4]) <= 64:
        out["driver"] = parts[4].decode()
    elif any(not 0x20 <= byte <= 0x7E and byte not in (9, 10, 13) for byte in text):
        extra.text("result", text.hex())
    else:
        extra.text("result", shown.decode())
    out["extra"] = extra.members()
    return out


# Frames -------------------------------------------------------------------------------------------------------------------

def answer(data, when):
    return {"reply": data.decode("latin-1"), "when": when}


def login(data, state):
    ident = data[2:]
    if not ident.isdigit():
        raise Reject("bad value: ident")
    if state.ident not in (None, ident.decode()):
        state.ident = None
        raise Reject("bad value: ident")
    state.ident = ident.decode()
    return [answer(b"\1", "now"), answer(b"\0", "refused")]


def packet(data, state):
    size = int.from_bytes(data[4:8], "big")
    body = data[8:8 + size]
    if crc(body) != int.from_bytes(data[8 + size:], "big"):
        raise Reject("bad checksum")
    if size < 3:
        raise Reject("bad length")
    if state.ident is None:
        raise Reject("before login")
    return read_body(body, b"\0\0\0", state)


def read_body(body, head, state):
    """head: the bytes of the answer before the number of records."""
    codec = body[0]
    if codec in TEXT:
        return [text_report(codec, *message, state) for message in read_messages(body)]
    if codec in AVL:
        make = old_report if codec == 7 else record_report
        lines = [make(record, state) for record in read_records(body)]
    else:
        lines = [report(state.ident, "%02X" % codec)]
        lines[0]["extra"] = {"data": body[:256].hex()}
    return lines + [answer(head + body[1:2], "stored" if lines else "now")]


def decode_datagram(data, state):
    """A sound datagram."""
    digits = int.from_bytes(data[6:8], "big")
    state.ident = data[8:8 + digits].decode()
    return read_body(data[8 + digits:], b"\0\5" + data[2:4] + b"\1" + data[5:6], state)


def decode(data, state):
    try:
        return packet(data, state) if data[:2] == b"\0\0" else login(data, state)
    except Reject as reject:
        return [{"reject": str(reject), "frame": data.hex()}]


# Random frames ------------------------------------------------------------------------------------------------------------

USUAL = [(239, 1), (240, 1), (21, 1), (66, 2), (67, 2), (16, 4), (78, 8), (1, 1), (2, 1), (4, 1), (179, 1), (180, 1), (380, 1), (9, 2),
         (10, 2), (6, 2), (11, 2), (11, 8), (245, 2), (113, 1), (113, 4), (182, 2), (181, 2), (241, 4), (206, 2), (205, 2), (205, 4),
         (636, 4), (195, 8), (196, 8), (253, 1), (252, 1), (251, 1), (246, 1), (247, 1), (247, 4), (249, 1), (318, 1), (242, 1), (236, 1),
         (255, 1), (155, 1), (175, 1), (61, 1), (231, 1), (191, 1), (254, 1), (72, 4), (72, 2), (25, 2), (32, 1), (17, 2), (115, 2),
         (701, 2), (10640, 2), (10832, 2), (1200, 2), (287, 2), (288, 2), (289, 1), (1202, 2), (293, 2), (294, 2), (295, 1), (65535, 1)]
OLD = [(1, 1), (20, 2), (67, 2), (222, 1), (2, 1), (5, 4), (240, 1), (67, 4), (20, 1)]


def number_bytes(rng, ident, width):
    top = (1 << 8 * width) - 1
    value = rng.choice([0, 1, 2, 3, rng.randrange(7), 100, 101, rng.randrange(top + 1), top, rng.randrange(min(top, 200) + 1)])
    if ident == 241:
        value = rng.choice([26202, 310410, 9999, 10000, 999999, 1000000, value])
    if ident in (195, 196) and width == 8 and rng.random() < .9:
        return rng.choice([b"DRV00000", b"17\0\0\0\0\0\0", b"        ", bytes(8), b"AB\0C    "])
    return min(value, top).to_bytes(width, "big")


def string_element(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([256, 325]), rng.choice([b"TESTVIN0000000017", b"", b"VIN\xff", b'A"\\B'])
    if kind == 1:
        return 281, rng.choice([b"P0133,U0100", b"", b"P0133\n", b",".join([b"P0%03d" % rng.randrange(1000)] * rng.randrange(9))])
    if kind == 2:
        data = rng.randbytes(1)
        for _ in range(rng.randrange(4)):
            flags = rng.choice([0x01, 0x21, 0x23, 0x03, 0x07, rng.randrange(256)])
            data += bytes([flags]) + rng.randbytes(20 if flags >> 4 else 16) + rng.randbytes(1)
            data += rng.randbytes(2) * bool(flags & 2) + rng.randbytes(2) * bool(flags & 4)
        return 385, cut(rng, data)
    if kind < 6:
        data = rng.randbytes(1)
        for _ in range(rng.randrange(4)):
            one = b""
            for _ in range(rng.randrange(5)):
                ident, value = random_tag(rng)
                one += bytes([ident, len(value)]) + value
            data += bytes([len(one)]) + one
        return rng.choice(TAGS), cut(rng, data)
    if rng.random() < .02:
        return rng.randrange(65536), rng.randbytes(rng.randrange(2100))
    return rng.choice([403, 387, 132, 10500]), rng.randbytes(rng.randrange(40))


def random_tag(rng):
    ident = rng.choice([0, 1, 2, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 3, 16])
    sizes = {0: 1, 1: 6, 2: 1, 6: 2, 7: 1, 8: 1, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 6, 3: 3, 16: 0}
    if ident == 5:
        return ident, rng.choice([b"EYE1", b"", b"tag \xff" if rng.random() < .2 else b"Tag", b'"q"'])
    value = rng.randbytes(sizes[ident] + (rng.random() < .02))
    if ident == 2:
        value = bytes([rng.choice([0x00, 0x40, 0x80, 0xC0])]) + rng.randbytes(1)
        value = value[:1] if value[0] < 0x80 or rng.random() < .05 else value
    return ident, value


def cut(rng, data):
    return data[:rng.randrange(len(data) + 1)] if rng.random() < .1 else data


def random_groups(rng, codec, has_16, full):
    wide = codec == 0x8E
    id_size, count_size = 1 if codec in (7, 8) else 2, 2 if wide else 1
    most = rng.choice([0, 3, 8, 8, 12])
    chosen = [rng.choice(OLD if codec == 7 else USUAL) for _ in range(most)]
    if most > 3 and rng.random() < .5:
        chosen += rng.choice([[(206, 2), (205, 2)], [(206, 2), (636, 4), (205, 4)], [(195, 8), (196, 8)],
                              [(1200, 2), (287, 2), (288, 2), (289, 1)]])
    if codec != 7:
        chosen += [(rng.randrange(256 if codec == 8 else 65536), rng.choice([1, 1, 2, 4, 8])) for _ in range(rng.randrange(3))]
    if full and codec != 7:
        chosen += [(rng.randrange(256 if codec == 8 else 65536), width) for width in (1, 2, 4, 8) for _ in range(rng.choice([0, 40, 300]))]
    chosen, out = list(dict.fromkeys(chosen)), b""
    for width in [1, 2, 4] + [8] * (codec != 7) + [16] * has_16:
        ids = [ident for ident, each in chosen if each == width and (id_size == 2 or ident < 256)][:255]
        if width == 16:
            ids = [203, 204][:rng.randrange(3)]
        if codec == 7 and not ids:
            continue
        out += len(ids).to_bytes(count_size, "big")
        for ident in ids:
            out += ident.to_bytes(id_size, "big") + (rng.randbytes(16) if width == 16 else number_bytes(rng, ident, width))
    if wide:
        strings = [string_element(rng) for _ in range(rng.choice([0, 0, 1, 2, 5]))]
        out += len(strings).to_bytes(2, "big")
        for ident, data in strings:
            out += struct.pack(">HH", ident, len(data)) + data
    mask = sum(1 << bit for bit, width in ((1, 1), (2, 2), (3, 4)) if any(each == width for _, each in chosen))
    return out, mask, chosen


def old_record(rng):
    body, mask, _ = random_groups(rng, 7, False, False)
    gps = b""
    if rng.random() < .9:
        bits = rng.choice([0x1F, 0x7F, 0xFF, 0x80, 0x1E, 0x01, 0x0F, rng.randrange(256)])
        lat, lon = rng.choice([(rng.uniform(-91, 91), rng.uniform(-181, 181)), (0, 0), (float("nan"), 1e30)] if rng.random() < .2
                              else [(rng.uniform(-90, 90), rng.uniform(-180, 180))])
        parts = [struct.pack(">ff", lat, lon), struct.pack(">H", rng.choice([0, 158, 20001])), rng.randbytes(1), rng.randbytes(1),
                 bytes([rng.choice([0, 7, 60, 61, 248])]), rng.randbytes(4), rng.randbytes(1), number_bytes(rng, 241, 4)]
        gps = bytes([bits]) + b"".join(part for bit, part in enumerate(parts) if bits >> bit & 1)
    return struct.pack(">IB", rng.getrandbits(32), mask | bool(gps)) + gps + body


def new_record(rng, codec, has_16, full):
    body, _, chosen = random_groups(rng, codec, has_16, full)
    seconds = rng.choice([1773400000, 1773400000 + rng.randrange(3000)] * 30 + [0, 100000000, 4102444799] + [4102444800] * (rng.random() < .1))
    place = rng.choice([(rng.randint(-1800000000, 1800000000), rng.randint(-900000000, 900000000))] * 8 + [
        (0, 0), (1800000001, 5), (-1800000000, 900000000), (5, -900000001)])
    satellites = rng.choice([0, 0, 1, 7, 11, 60, 61, 248])
    events = [ident for ident, width in chosen if width == 1 and (codec != 8 or ident < 256)] or [0]
    event = rng.choice([0, rng.choice(events), rng.choice(events), rng.randrange(256)])
    out = struct.pack(">QBiihHBH", seconds * 1000 + rng.randrange(1000), rng.choice([0, 0, 1, 2]), *place,
                      rng.choice([113, -3, -1001, 20001, 521]), rng.choice([0, 271, 360, 361]), satellites, rng.choice([0, 47, 1000, 1001]))
    out += event.to_bytes(1 if codec == 8 else 2, "big")
    if codec == 0x10:
        out += bytes([rng.randrange(8)])
    total = rng.randrange(20)
    return out + total.to_bytes(2 if codec == 0x8E else 1, "big") + body


def random_text(rng, codec):
    text = rng.choice([b"DOUT1:1 Timeout:INFINITY", b" hello\r\n", b"", b"\r\n", b"two\r\nlines\tx", b"GTSL|6|1|0|12345678|1|\r\n", b"GTSL|6|1",
                       b"GTSL|6|1|0||1|", b"\x01\x02", b"caf\xc3\xa9", b'say "no" \\ ', b"error: invalid", rng.randbytes(rng.randrange(600)),
                       b"UUUUww1;2;3;4;5;6;7;8;9;10;11;12;SSS", b"x" * rng.choice([4000, 4090, 9000])])
    imei = bytes.fromhex("0860000000000017")
    if codec == 0x0C:
        return text
    if codec == 0x0D:
        return rng.choice([struct.pack(">I", rng.choice([1773480000, 1104537599, 1104537600, 2240611199, 2240611200, 0])),
                           struct.pack(">Q", rng.choice([1773480000123, 2240611199999, 2240611200000, 1 << 50]))]) + text
    return (imei if codec == 0x0E else rng.randbytes(4) + imei) + text


def random_body(rng):
    codec = rng.choice([0x07, 0x08, 0x08, 0x8E, 0x8E, 0x8E, 0x10, 0x0C, 0x0D, 0x0E, 0x0F])
    if codec in TEXT:
        count = rng.choice([1, 1, 1, 1, 2, 3, 0])
        body = b""
        for _ in range(count):
            payload = random_text(rng, codec)
            payload = payload[:rng.randrange(14)] if rng.random() < .05 else payload
            size = len(payload) - 4 * (codec == 0x0D and len(payload) >= 4 and rng.random() < .2)
            body += struct.pack(">BI", rng.choice([5, 6, 6, 6, 0x0B, 0x0D, 0x11]), size) + payload
    elif codec == 7:
        count = rng.choice([1, 1, 2, 5])
        body = b"".join(old_record(rng) for _ in range(count))
    else:
        full, has_16 = rng.random() < .02, rng.random() < .05
        count = rng.choice([1, 1, 1, 2, 3, 0, 10] if not full else [3, 20, 60])
        body = b"".join(new_record(rng, codec, has_16, full) for _ in range(count))
    if len(body) > MOST - 20:
        return random_body(rng)
    fault = rng.random()
    if fault < .01:
        body = body[:rng.randrange(len(body) + 1)]
    elif fault < .02:
        return bytes([codec, count]) + body + bytes([count ^ 1])
    elif fault < .03 and len(body) > 30:
        at = rng.randrange(28, len(body))
        body = body[:at] + rng.randbytes(1) + body[at + 1:]
    elif fault < .04:
        codec = rng.choice([0x09, 0x11, 0x00, 0xFE])
    elif fault < .045:
        return rng.randbytes(rng.randrange(3))
    return bytes([codec, count]) + body + bytes([count])


def seal(body):
    return bytes(4) + struct.pack(">I", len(body)) + body + struct.pack(">I", crc(body))


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them)."""
    idents = [b"860000000000017", b"860000000000025", b"86000000000033", b"8600000000000417"]
    current = None
    for _ in range(count):
        if rng.random() < (.05 if current else .8):
            ident = b"86000000000001x" if rng.random() < .05 else rng.choice(idents) if not current or rng.random() < .3 else current
            current = ident if ident.isdigit() and current in (None, ident) else None if ident.isdigit() else current
            frame = struct.pack(">H", len(ident)) + ident
        else:
            frame = seal(random_body(rng))
            if rng.random() < .02:
                at = rng.randrange(8, len(frame))
                frame = frame[:at] + bytes([frame[at] ^ 1 << rng.randrange(8)]) + frame[at + 1:]
        yield rng.choice([b"", b"", b"", b"\xff", b"\xff\xff\xff"]) + frame, frame
