# SPDX-License-Identifier: MIT
"""GT06, slow and obvious: a writer of random frames. Each layout below writes the body of one message from random values,
and beside it what these values must become. Written from the protocol's documents; what they leave open (which variant a
connection keeps, which of two layouts of one length is tried first) follows the decoder.

Trackers log in by turns, so that what is remembered of a device across connections is compared too: its zone, and the
alarms of its heartbeats. Some clocks are at local time, some at UTC; records are live, or a day old and older. Each stream
has a model of its own (MODELS). Not covered: Topin-like frames, wrong lengths."""
import datetime
import struct
import time as system_time

from common import reply, report

COUNT = 20000

CODES = {0x01: "sos", 0x02: "powerCut", 0x03: "vibration", 0x04: "geofenceEnter", 0x05: "geofenceExit", 0x06: "overspeed",
         0x09: "vibration", 0x0C: "powerOn", 0x0E: "lowPower", 0x0F: "lowBattery", 0x11: "powerOff", 0x13: "tampering",
         0x14: "door", 0x15: "powerOff", 0x18: "removing", 0x19: "lowBattery", 0x1A: "hardBraking", 0x1B: "hardCornering",
         0x23: "fallDown", 0x25: "tampering", 0x26: "hardAcceleration", 0x27: "hardBraking", 0x28: "hardBraking",
         0x29: "hardAcceleration", 0x2A: "hardCornering", 0x2B: "hardCornering", 0x2C: "accident", 0x2E: "hardCornering",
         0x30: "jamming", 0x32: "tampering", 0x33: "lock", 0x34: "unlock", 0x53: "fuelLeak", 0x5B: "temperature",
         0x5C: "temperature", 0xC9: "idle", 0xF0: "hardAcceleration", 0xF1: "hardBraking", 0xF2: "accident",
         0x107: "jamming", 0x10B: "jamming"}
VARIANT_CODES = {"TRX16": {0x09: "geofence"}, "LW": {0x18: "accident", 0x19: "hardAcceleration"},
                 "SEEWORLD": {0x28: "hardCornering", 0x29: "accident"},
                 "VL": {0x09: "tow", 0x28: "powerOff", 0x30: "hardBraking"}}
# devices.model of a stream, and what it means where the bytes do not decide.
MODELS = {None: None, "LW4G-4B": "LW", "r11": "R11", "SeeWorld": "SEEWORLD", "VL103": "VL", "NT20": "NT", "QH302R": "QH302R",
          "TR06": None}
INFO = {1: "vibration", 2: "powerCut", 3: "lowBattery", 4: "sos", 6: "geofence", 7: "removing"}
MEDIA = {0x0E: "lowPower", 0x76: "temperature", 0x80: "vibration", 0x87: "overspeed", 0x88: "powerCut",
         0x90: "hardAcceleration", 0x91: "hardBraking", 0x92: "hardCornering", 0x93: "accident", 0x47: "fatigueDriving",
         0x8C: "fatigueDriving", 0xA0: "fatigueDriving", 0x51: "door", 0x6B: "fault", 0x6F: "fault", 0xCD: "laneChange",
         0x84: "general", 0xA7: "general", 0x8F: "general", 0x94: "general", 0x97: "general", 0x9A: "general",
         0xCC: "general", 0xCE: "general"}
ITEM_EVENTS = {0x10: "door", 0x12: "removing", 0x14: "geofenceEnter", 0x15: "geofenceExit", 0x16: "temperature",
               0x1A: "lowBattery", 0x1B: "overspeed", 0x1C: "powerOn", 0x1D: "powerOff", 0x20: "vibration",
               0x21: "powerCut", 0x23: "tampering"}
AZ735 = {0xA2: "lowBattery", 0xA3: "lowBattery", 0xA4: "general", 0xA5: "door"}


# Frames ------------------------------------------------------------------------------------------------------------------

def crc_entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value


CRC = [crc_entry(value) for value in range(256)]


def crc(data):
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ CRC[(value ^ byte) & 255]
    return value ^ 0xFFFF


def seal(kind, body, serial, is_long):
    size = len(body) + 5
    checked = struct.pack(">H" if is_long else ">B", size) + bytes([kind]) + body + struct.pack(">H", serial)
    return (b"yy" if is_long else b"xx") + checked + struct.pack(">H", crc(checked)) + b"\r\n"


class Frame(bytes):
    """The bytes, the name of the layout, and the lines that avld must print."""
    name = None
    lines = ()

    def __repr__(self):
        return f"of layout {self.name}: {self.hex()}"


class Tracker:
    """What is remembered of a device: alarms of the last heartbeat, zone of the log-in, zone of the last live record."""
    def __init__(self, rng):
        self.ident = "86%013d" % rng.randrange(10 ** 13)
        self.alarms, self.zone, self.used = set(), 0, 0
        self.is_local = rng.random() < .7


class Device:
    """A connection: its tracker, variant that its messages have shown, meaning of the model; and all trackers so far."""
    def __init__(self, model=None):
        self.model, self.variant, self.tracker, self.trackers = MODELS[model], None, None, []

    @property
    def ident(self):
        return self.tracker.ident


class Message:
    """A message while it is written."""
    def __init__(self, rng, state, kind):
        self.rng, self.state, self.kind = rng, state, kind
        self.body = bytearray()
        self.out = report(state.ident, "%02X" % kind)
        self.extra = self.out["extra"]
        self.variant = state.variant or state.model
        self.beats, self.when = False, None

    def u(self, size, value=None, most=None):
        """Writes an unsigned number, by default a random one, and returns it."""
        if value is None:
            value = self.rng.randrange((most if most is not None else (1 << 8 * size) - 1) + 1)
            if most is None and self.rng.random() < .1:
                value = self.rng.choice([0, (1 << 8 * size) - 1])
        self.body += value.to_bytes(size, "big")
        return value

    def s(self, size):
        value = self.u(size)
        return value - (1 << 8 * size) if value >> 8 * size - 1 else value

    def raw(self, size):
        data = bytes(self.rng.randrange(256) for _ in range(size))
        self.body += data
        return data

    def add(self, data):
        self.body += data
        return data

    def chance(self, share):
        return self.rng.random() < share

    def choose(self, *values):
        return self.rng.choice(values)


LAYOUTS = []


def layout(kind, answer="stored", is_long=False):
    def register(write):
        LAYOUTS.append((write.__name__, kind, answer, is_long, write))
        return write
    return register


# Blocks ------------------------------------------------------------------------------------------------------------------

NOW = datetime.datetime.fromtimestamp(int(system_time.time()), datetime.timezone.utc).replace(tzinfo=None)


def pick_time(m):
    """Long ago; a day from now; or now, if the zone is not so near to UTC that the two could be confused."""
    rng, tracker = m.rng, m.state.tracker
    if m.chance(.4):
        return datetime.datetime(rng.randint(2001, 2024), rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24),
                                 rng.randrange(60), rng.randrange(60))
    shift = datetime.timedelta(minutes=tracker.zone if tracker.is_local else 0)
    if m.chance(.3) or abs(tracker.zone) < 160:
        return NOW + shift + datetime.timedelta(hours=rng.uniform(30, 50) * rng.choice([-1, 1]))
    return NOW + shift + datetime.timedelta(minutes=rng.uniform(-20, 20))


def clock(m, can_be_zero=False):
    m.when = None
    if can_be_zero and m.chance(.05):
        m.add(bytes(6))
        return None
    when = pick_time(m).replace(microsecond=0)
    m.add(bytes([when.year - 2000, when.month, when.day, when.hour, when.minute, when.second]))
    m.when = when
    return printed_time(when)


def printed_time(when):
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def find_zone(m):
    """The zone of the tracker's clock, in minutes."""
    tracker, hours = m.state.tracker, datetime.timedelta(hours=2)
    if m.out["stored"] or tracker.zone == 0:
        return tracker.used
    off = {zone: abs(NOW - m.when + datetime.timedelta(minutes=zone)) for zone in (0, tracker.zone)}
    if min(off.values()) > hours:
        return tracker.used
    tracker.used = min(off, key=off.get)
    return tracker.used


def time(m):
    m.out["device_time"] = clock(m, True)


def place(m, has_time=True, satellites=True, speed=True, acc=True):
    """Satellites, latitude, longitude, speed, WORD. speed: a u8 before WORD; "after": a u16 after it."""
    fix = m.chance(.85) and has_time
    if satellites:
        m.out["satellites"] = m.u(1) & 15
    lat, lon = m.u(4, most=162000000), m.u(4, most=324000000)
    if not fix and m.chance(.5):
        del m.body[-8:]
        lat, lon = m.u(4, 0), m.u(4, 0)
    kmh = m.u(1) if speed is True else None
    course = m.rng.randint(0, 360)
    word = course | m.rng.randrange(64) << 10
    word = word | 1 << 12 if fix else word & ~(1 << 12)
    m.u(2, word)
    if speed == "after":
        kmh = m.u(2, most=1000)
    if acc and word >> 14 & 1:
        m.out["ignition"] = bool(word >> 15 & 1)
    if not fix and (not has_time or lat == lon == 0):
        return False
    lat, lon = round(lat * 50 / 9), round(lon * 50 / 9)
    m.out.update(valid=fix, latitude=lat if word >> 10 & 1 else -lat, longitude=-lon if word >> 11 & 1 else lon,
                 course_deg=course)
    if kmh is not None:
        m.out["speed_kmh"] = kmh
    if word >> 13 & 1:
        m.extra["differential"] = True
    return True


def gps(m):
    time(m)
    place(m, m.out["device_time"] is not None)


def network(m, mnc_size=None):
    """Returns MCC and MNC. mnc_size None: two bytes if bit 15 of the MCC is set."""
    mcc, mnc = m.choose(m.rng.randint(200, 799), 901), m.rng.randint(4, 255)
    wide = mnc_size is None and m.chance(.3)
    if wide or mnc_size == 2:
        mnc = m.rng.randint(0, 999)
    m.u(2, mcc | 0x8000 if wide else mcc)
    m.u(2 if wide else mnc_size or 1, mnc)
    return mcc, mnc


def cell(m, mnc_size=None, lac=2, cid=3):
    if m.chance(.05):
        m.add(bytes(2 + (mnc_size or 1) + lac + cid))
        return
    mcc, mnc = network(m, mnc_size)
    m.extra.update(mcc=mcc, mnc=mnc, lac=m.u(lac), cid=m.u(cid, most=(1 << 40) - 1 if cid == 8 else None))


def cell_4g(m, mnc_size=None):
    cell(m, mnc_size, 4, 8)


def near(m, mcc, mnc, count, lac=2, cid=3):
    """count cells with their rssi. The first that is no filler serves."""
    texts, serves = [], mcc is not None
    for _ in range(count):
        if m.chance(.3):
            m.add(bytes(lac + cid) + bytes([m.rng.randrange(256)]))
            continue
        values = m.u(lac), m.u(cid, most=(1 << 40) - 1 if cid == 8 else None), -m.u(1)
        if values[0] == values[1] == 0:
            continue
        if serves:
            m.extra.update(mcc=mcc, mnc=mnc, lac=values[0], cid=values[1], rssi=values[2])
            serves = False
        else:
            texts.append("%d,%d,%d" % values)
    if texts:
        m.extra["cells"] = ";".join(texts)


def access_points(m, count):
    texts = []
    for _ in range(count):
        texts.append("%s,%d" % (m.raw(6).hex(), -m.u(1)))
    if texts:
        m.extra["wifi"] = ";".join(texts)


def macs(m):
    access_points(m, m.u(1, most=6))


def info(m, low=False):
    value = m.u(1)
    m.out["ignition"] = bool(value & 2)
    m.extra.update(armed=bool(value & 1), charging=bool(value & 4))
    if not low:
        m.extra["gps_fix"] = bool(value & 64)
        m.out["outputs"] = value >> 7
    return value


def level(m, most=100):
    value = m.u(1, most=most) if m.chance(.5) else m.u(1, most=6)
    if value <= 100:
        m.out["battery_percent"] = value * 100 // 6 if value <= 6 else value
    return value


def gsm(m, most=4):
    value = m.u(1, most=most)
    if value <= 4:
        m.out["gsm_percent"] = value * 25
    else:
        m.extra["gsm"] = value


def alarm(m, info_byte, code):
    bits = info_byte >> 3 & 7
    if code in (0xFE, 0xFF):
        m.out["ignition"] = code == 0xFE
    if code:
        m.extra["alarm"] = code
    name = VARIANT_CODES.get(m.variant, {}).get(code) or CODES.get(code)
    if name:
        m.out["alarms"].append(name)
    if bits == 7 and m.variant == "VXT01":
        m.out["alarms"].append("overspeed")
    elif bits in INFO:
        m.out["alarms"].append(INFO[bits])


def code_byte(m):
    return m.u(1, m.rng.choice(list(CODES)) & 255 if m.chance(.6) else None)


def status(m, long_alarm=False, language_most=2):
    value = info(m)
    level(m)
    gsm(m)
    code = code_byte(m)
    language = m.u(1, most=language_most)
    if long_alarm and m.chance(.3):
        high = m.rng.randrange(1, 16)
        m.body[-1] = language | high << 4
        code |= high << 8
    alarm(m, value, code)


def upload(m):
    m.out["ignition"] = m.u(1, most=1) == 1
    m.extra["reason"] = m.u(1)
    m.out["stored"] = m.u(1, most=1) == 1


def mileage(m):
    m.out["odometer_m"] = m.u(4)


def power(m):
    m.out["power_v"] = m.u(2) / 100


def battery(m):
    m.out["battery_v"] = m.u(2, most=10000) / 100


def driver_id(m):
    data = m.add(bytes(8)) if m.chance(.1) else m.raw(8)
    if any(data):
        m.out["driver"] = data.hex()


def filler(m, size):
    """Mostly zeros; other bytes are kept."""
    data = m.add(bytes(size)) if m.chance(.8) else m.raw(size)
    if any(data):
        m.extra["unknown"] = data.hex()


def phone(m, size):
    """The text, and if it is shorter a NUL and filler."""
    text = "".join(m.rng.choice("0123456789+*#") for _ in range(m.rng.randint(0, size)))
    rest = m.add(text.encode().ljust(size, b"\0"))[len(text):]
    if m.chance(.1) and len(rest) > 1:
        del m.body[-len(rest):]
        rest = m.add(b"\0" + bytes(m.rng.randrange(256) for _ in rest[1:]))
    if text:
        m.extra["phone"] = text
    if any(rest):
        m.extra["unknown"] = rest.hex()


def items(m, fields):
    """id u16, length u8, value."""
    kept = []
    for _ in range(m.rng.randrange(5)):
        size, name, scale = m.rng.choice(fields + [(m.rng.randint(1, 6), None, 1)])
        number = {0x18: 2, 0x27: 2, 0x2E: 4, 0x3B: 2, 0x32: 1, 0x6A: 1}
        if name is None:
            one = m.rng.randrange(0x100, 0xFFFF)
            m.u(2, one)
            m.u(1, size)
            kept.append("%04x=%s" % (one, m.raw(size).hex()))
            continue
        m.u(2, size)
        m.u(1, number[size])
        value = m.u(number[size], most={0x6A: 100, 0x18: 10000}.get(size))
        where = m.extra if name in ("accuracy_cm", "start_up") else m.out
        where[name] = value / scale if scale != 1 else value
    if kept:
        m.extra["items"] = ";".join(kept)


COMMON_ITEMS = [(0x18, "battery_v", 100), (0x27, "power_v", 100), (0x2E, "odometer_m", 1), (0x3B, "accuracy_cm", 1),
                (0x6A, "battery_percent", 1), (0x32, "start_up", 1)]


def radio_cell(m):
    kind = m.extra["radio"] = m.u(1, most=5)
    if kind >= 3:
        cell_4g(m)
        m.extra["rssi"] = m.u(2)
    else:
        cell(m)
        m.extra["rssi"] = m.u(1)


# Cells whose length byte counts itself or not, and the tail -----------------------------------------------------------------

def counted_cell(m, forms):
    """k and the cell. 0: no cell, but filler; 39: a wrong k."""
    form = m.rng.choice(forms)
    if form == "none":
        m.u(1, 0)
        m.raw(m.choose(0, 8, 45))
        return form
    at = len(m.body)
    m.u(1, 0)
    if form == "cell":
        cell(m)
    elif form == "cell32":
        cell(m, 1, 2, 4)
    elif form == "wide":
        cell(m, 2, 2, 4)
    else:
        cell_4g(m)
    size = len(m.body) - at - 1
    m.body[at] = size + m.rng.randrange(2)
    # An empty cell of 4G does not show where it ends; a wrong k with a long MNC or CID is not decided by the values.
    if m.chance(.1) and "mcc" in m.extra and (size == 8 or form == "4g"):
        m.body[at] = m.choose(0x39, 0x40, 0xFF)
    return form


def counted(m, forms, tails, long_alarm=False):
    gps(m)
    form = counted_cell(m, forms)
    tail = m.rng.choice(tails)
    if m.kind == 0x16 and form == "cell32" and tail == 5:
        m.variant = "SEEWORLD"
        value = info(m)
        m.out["battery_percent"], m.out["gsm_percent"] = m.u(1, most=100), m.u(1, most=100)
        alarm(m, value, code_byte(m))
        m.u(1, most=2)
        return
    status(m, long_alarm)
    if tail in (6, 10):
        fence = m.u(1)
        if fence != 255:
            m.extra["fence"] = fence
    if tail in (9, 10):
        mileage(m)
    if tail == 7:
        m.out["altitude_m"] = m.u(2, most=9000)


ALL_CELLS = ["cell", "cell", "cell32", "none"]


@layout(0x16)
def k_16(m):
    counted(m, ALL_CELLS, [5, 9])


@layout(0x26)
def k_26(m):
    counted(m, ALL_CELLS, [5, 9])


@layout(0x27)
def k_27(m):
    counted(m, ALL_CELLS + ["4g"], [6, 10], True)


@layout(0xA4)
def k_a4(m):
    counted(m, ALL_CELLS + ["4g", "4g"], [6, 10], True)


@layout(0xA3)
def k_a3(m):
    counted(m, ["cell", "4g", "none"], [5, 6, 9, 10])


@layout(0x32)
def k_32(m):
    counted(m, ["cell", "wide", "wide", "none"], [5, 7])


@layout(0x16)
def trx16_16(m):
    gps(m)
    m.u(1, m.choose(8, 9))
    cell(m, 1)
    m.variant = "TRX16"
    status(m)
    driver_id(m)


# Positions -------------------------------------------------------------------------------------------------------------------

@layout(0x10)
def gps_10(m):
    gps(m)
    rest = m.raw(m.rng.randrange(6))
    if rest:
        m.extra["unknown"] = rest.hex()


@layout(0x11)
def cell_11(m):
    gps(m)
    cell(m, 2, 2, 4)


@layout(0x12)
def plain_12(m):
    gps(m)
    cell(m, 1)
    tail = m.rng.randrange(4)
    if tail & 1:
        upload(m)
    if tail & 2:
        mileage(m)


@layout(0x12)
def benway_12(m):
    gps(m)
    cell(m, 1)
    word = m.u(2)
    m.out["ignition"], m.out["inputs"] = bool(word >> 15), (word >> 14 & 1) * 2
    if word >> 12 & 1:
        m.extra["temperature"] = (word & 511) * (-1 if word >> 9 & 1 else 1)
    else:
        m.extra["adc"] = (word & 1023) / (1 if word >> 13 & 1 else 10)


def vxt01(m):
    gps(m)
    cell(m, 1)
    m.variant = m.state.variant = "VXT01"
    value = info(m)
    power(m)
    gsm(m, 6)
    m.extra["unknown"] = "%02x" % m.u(1)
    alarm(m, value, 0)


@layout(0x12)
def vxt01_12(m):
    vxt01(m)


@layout(0x16)
def vxt01_16(m):
    vxt01(m)


@layout(0x12)
def s5_12(m):
    gps(m)
    cell(m, 1)
    value = info(m)
    power(m)
    gsm(m)
    code = code_byte(m)
    m.extra["oil"] = m.u(2, most=0x1FFF)  # a printable one might be the text of a card
    degrees = m.u(1)
    m.extra["temperature"] = -(degrees & 127) if degrees & 128 else degrees
    m.out["odometer_m"] = m.u(4, most=90000000) * 10
    alarm(m, value, code)


@layout(0x12)
def card_12(m):
    gps(m)
    cell(m, 1)
    mileage(m)
    text = m.choose("", "0", " " * m.rng.randint(1, 20), "".join(m.rng.choice("AB019 -") for _ in range(m.rng.randint(1, 40))))
    text = text or "CARD-0077"
    has_time = m.chance(.5)
    if len(text) == (3 if has_time else 5) and m.body[-1] <= 4:  # S5 has the same length, and its GSM level there
        text = "0"
    m.u(1, len(text))
    m.add(text.encode())
    if text != "0" and text.strip():
        m.out["driver"] = text.strip()
    code, m.extra["card_state"] = m.u(1, most=3), m.u(1)
    if code:
        m.extra["alarm"] = code
    if has_time:
        m.extra["driving_time"] = m.u(2)
        if code:
            m.out["alarms"].append("general")


def imei(m, model):
    """The tracker's own, or only with the model that of another."""
    own = m.state.ident
    if m.state.model == model and m.chance(.5):
        own = m.extra["imei"] = "86%013d" % m.rng.randrange(10 ** 13)
    m.add(bytes.fromhex("0" + own))


@layout(0x12)
def qh302r_12(m):
    imei(m, "QH302R" if m.state.variant is None else "")
    gps(m)
    cell(m, 1)


@layout(0x17)
def trx_17(m):
    gps(m)
    cell(m, 1)
    driver_id(m)
    m.extra["rfid_valid"] = m.u(1, most=1) == 1


@layout(0x1A)
def phone_1a(m):
    gps(m)
    phone(m, m.rng.randint(0, 21))


@layout(0x2A, "address")
def phone_2a(m):
    gps(m)
    phone(m, 21)
    m.u(2, most=3)


@layout(0x1E)
def ji09_1e(m):
    gps(m)
    near(m, *network(m, 1), m.rng.randint(0, 8))
    m.extra["timing_advance"] = m.u(1)
    m.u(2, 2)


def acc(m, write_cell):
    gps(m)
    write_cell(m)
    upload(m)
    if m.chance(.5):
        mileage(m)


@layout(0x22)
def upload_22(m):
    acc(m, cell)


@layout(0x2D)
def upload_2d(m):
    acc(m, cell)


@layout(0x31)
def upload_31(m):
    acc(m, cell)


@layout(0xA0)
def upload_a0(m):
    acc(m, cell_4g)


@layout(0x31)
def sl4x_31(m):
    gps(m)
    cell(m, 2, 2, 4)
    upload(m)
    mileage(m)
    m.out["altitude_m"] = m.u(2, most=9000)


@layout(0x22)
def gl21l_22(m):
    gps(m)
    cell(m, 1, 2, 4)
    upload(m)
    mileage(m)
    m.extra["travel_time_s"] = m.u(4)
    word = m.u(2)
    m.extra["temperature"] = (word & 0x7FFF) / (-100 if word >> 15 else 100)
    humidity = m.u(2, most=m.choose(10000, 0xFFFF))
    m.extra["humidity"] = humidity / 100 if humidity <= 10000 else None


def nt(m, forms):
    m.extra["source"] = m.u(1)
    imei(m, "NT")
    clock(m)
    gps(m)
    form = m.rng.choice(forms)
    if form == "xt40":
        m.u(1, 10)
        cell(m, 1, 2, 4)
        m.u(1)
    else:
        at = len(m.body)
        m.u(1, 0)
        if form == "cell":
            cell(m)
        else:
            cell_4g(m)
        m.body[at] = len(m.body) - at
        if m.kind == 0x22 or m.body[at] != 11:
            m.body[at] -= m.rng.randrange(2) if m.body[at] != 11 else 0
        if m.kind == 0x25 and m.body[at] == 10:
            m.body[at] = 9
    value = info(m)
    power(m)
    m.out["battery_v"] = m.u(1) / 10
    m.out["gsm_percent"] = m.u(1, most=100)
    alarm(m, value, code_byte(m))
    m.u(1, most=2)
    m.out["odometer_m"], m.extra["engine_min"] = m.u(3), m.u(3)


@layout(0x22)
def nt_22(m):
    nt(m, ["cell", "cell", "4g"])


@layout(0x25)
def nt_25(m):
    nt(m, ["cell", "xt40"])
    if m.chance(.3):
        m.u(1, 0)
        return
    size = m.rng.randint(2, 9)
    m.u(1, size)
    m.extra["driver_kind"] = m.u(1)
    m.out["driver"] = m.raw(size - 1).hex()


@layout(0x24)
def sr411_24(m):
    gps(m)
    cell(m, 1)
    m.out["ignition"] = m.u(1, most=1) == 1
    power(m)
    battery(m)
    filler(m, 10)


@layout(0x34)
def x1_34(m):
    bits = m.u(4)
    if bits:
        m.extra["alarm_bits"] = bits
    gps(m)
    m.extra["terminal"] = m.u(2)
    mileage(m)
    cell(m, 1, 2, 4)
    number = m.u(4)
    if number:
        m.out["driver"] = str(number)
    battery(m)
    power(m)
    count = m.rng.randrange(5)
    m.extra["ports"] = m.u(4, m.rng.randrange(1 << 32) & ~(15 << 20) | count << 20)
    m.out["inputs"], m.out["outputs"] = m.u(1), m.u(1)
    if count:
        m.out["adc"] = [m.u(2) * 10 for _ in range(count)]


@layout(0x36)
def trx_36(m):
    gps(m)
    cell(m, 1, 2, 4)
    upload(m)
    mileage(m)
    power(m)
    m.out["battery_v"] = m.u(1) / 10
    m.extra["engine_min"] = m.u(3)
    driver_id(m)


@layout(0x37)
def items_37(m):
    gps(m)
    cell(m)
    upload(m)
    items(m, COMMON_ITEMS)


@layout(0x38)
def items_38(m):
    gps(m)
    m.extra["reason"] = m.u(1)
    m.out["stored"] = m.u(1, most=1) == 1
    radio_cell(m)
    items(m, COMMON_ITEMS)


@layout(0x38, is_long=True)
def items_38_long(m):
    items_38(m)


@layout(0x39, is_long=True)
def items_39_long(m):
    gps(m)
    radio_cell(m)
    status(m, True)
    items(m, COMMON_ITEMS)


@layout(0x61)
def ibutton_61(m):
    m.add(bytes.fromhex("0" + m.state.ident))
    gps(m)
    cell(m, 1, 2, 4)
    number = m.u(6)
    if number:
        m.out["driver"] = str(number)


@layout(0xA2)
def lw_a2(m):
    gps(m)
    cell_4g(m)
    m.variant = "LW"
    m.extra["network"] = m.u(1)
    value = info(m)
    power(m)
    level(m)
    gsm(m)
    alarm(m, value, code_byte(m))
    m.u(1, most=2)
    mileage(m)
    m.extra["engine_s"] = m.u(4)
    if m.chance(.9):
        m.add(bytes.fromhex("0" + m.state.ident))
    else:
        m.extra["unknown"] = m.raw(8).hex()
    m.out["inputs"] = m.u(2)


def obd(m, text):
    m.out["device_time"] = clock(m)
    m.out["ignition"] = m.u(1, most=1) == 1
    ignition = m.out["ignition"]
    if text:
        m.extra["obd"] = text
    m.add(text.encode())
    place(m)
    if "ignition" not in m.out:
        m.out["ignition"] = ignition


@layout(0x8C, None, True)
def obd_8c(m):
    names = {"28": "obd_odometer", "2B": "fuel", "2D": "coolant_temperature", "35": "obd_speed", "36": "rpm",
             "47": "fuel_used", "49": "engine_hours"}
    text = ""
    for key in m.rng.sample(sorted(names), m.rng.randrange(5)):
        value = m.rng.randrange(1 << 31)
        text += "%s3=%08x," % (key, value)
        m.extra[names[key]] = value / 100
    if m.chance(.3):
        text += "4A3=TESTVIN0000000017,"
        m.extra["vin"] = "TESTVIN0000000017"
    obd(m, text)


@layout(0x66, None, True)
def obd_66(m):
    obd(m, m.choose("", "2110=00003d84,", "2105=0000%04x,3=1," % m.rng.randrange(65536)))


@layout(0x65, None)
def obd_65(m):
    obd(m, m.choose("", "2110=00003d84,"))


def media_code(m):
    code = m.u(1, m.rng.choice(list(MEDIA)) if m.chance(.7) else None)
    m.extra["alarm"] = code
    return code


def files(m):
    m.extra["value"] = m.u(2)
    text = m.choose("", "EVENT_1.mp4", "A.mp4,B.mp4")
    m.add(text.encode())
    if text:
        m.extra["files"] = text


def media_alarm(m, code, first):
    name = first if code == 1 else MEDIA.get(code)
    if name:
        m.out["alarms"].append(name)


@layout(0x95)
def media_95_short(m):
    time(m)
    media_alarm(m, media_code(m), "general")


@layout(0x95)
def media_95(m):
    time(m)
    place(m, m.out["device_time"] is not None, satellites=False, speed=False)
    media_alarm(m, media_code(m), "sos")
    files(m)


@layout(0x95)
def media_95_camera(m):
    m.u(2, 0xFFFF)
    m.extra["version"] = m.u(1)
    time(m)
    place(m, m.out["device_time"] is not None, speed="after")
    m.out["power_v"] = m.u(2, most=10000) / 10
    media_alarm(m, media_code(m), "sos")
    files(m)


def az735(m, has_alarm):
    m.out["device_time"] = clock(m)
    if m.chance(.7):
        m.u(1, 12)
        place(m)
    else:
        m.u(1, 0)
    if m.chance(.7):
        at = len(m.body)
        m.u(1, 0)
        cell(m)
        m.raw(m.rng.randrange(3))
        m.extra["rssi"] = -m.u(1)
        m.body[at] = len(m.body) - at - 1
    else:
        m.u(1, 0)
    count = m.rng.randrange(5)
    m.u(1, 6 * count)
    near(m, None, None, count)
    count = m.rng.randrange(5)
    m.u(1, 7 * count)
    access_points(m, count)
    code = m.u(1, m.choose(0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0x21))
    m.extra["alarm" if has_alarm else "status"] = code
    if has_alarm and code in AZ735:
        m.out["alarms"].append(AZ735[code])
    rest = m.raw(m.u(1, most=4))
    if rest:
        m.extra["unknown"] = rest.hex()


@layout(0x32, "long", True)
def az735_32(m):
    az735(m, False)


@layout(0x33, "long", True)
def az735_33(m):
    az735(m, True)


# Cells and access points without a position -----------------------------------------------------------------------------------

def seven(m, form, lac=2, cid=3):
    time(m)
    near(m, *network(m), 7, lac, cid)
    m.extra["timing_advance"] = m.u(1)
    if form == "language":
        m.u(2, 2)
    else:
        macs(m)


@layout(0x28)
def lbs_28(m):
    seven(m, "language")


@layout(0x2E)
def lbs_2e(m):
    seven(m, "language")


@layout(0x24)
def lbs_24(m):
    seven(m, "language")


@layout(0x18)
def lbs_18(m):
    seven(m, m.choose("language", "macs"))


@layout(0x2C)
def lbs_2c(m):
    seven(m, "macs")


@layout(0xA1)
def lbs_a1(m):
    seven(m, "language", 4, 8)


@layout(0xA2)
def lbs_a2(m):
    seven(m, "macs", 4, 8)


@layout(0x24)
def wanway_24(m):
    time(m)
    m.extra["timing_advance"] = m.u(1)
    mcc, mnc = network(m, 1)
    count = m.u(1, most=5)
    near(m, mcc, mnc, count)
    filler(m, 0x31 - 5 - len(m.body))


@layout(0x33)
def sl4x_33(m):
    time(m)
    near(m, *network(m, 1), 6, 2, 4)
    m.extra["timing_advance"] = m.u(1)
    macs(m)


@layout(0x33)
def sl4x_33_wide(m):
    time(m)
    m.extra["timing_advance"] = m.u(1)
    near(m, *network(m, 2), 6, 2, 4)
    macs(m)


@layout(0x34)
def sl4x_34(m):
    time(m)
    m.extra["timing_advance"] = m.u(1)
    near(m, *network(m, 2), m.rng.randint(1, 5), 2, 4)
    filler(m, m.rng.randrange(7))


@layout(0x19)
def cell_status_19(m):
    cell(m)
    status(m)


@layout(0xA5)
def cell_status_a5(m):
    cell_4g(m)
    status(m)


@layout(0x19)
def space10x_19(m):
    time(m)
    mcc, mnc = network(m, 1)
    count = m.u(1, m.rng.randint(1, 7))
    near(m, mcc, mnc, count)
    filler(m, 2)


@layout(0x17)
def phone_17(m):
    cell(m, 1)
    phone(m, 21)
    m.u(2, most=3)


@layout(0xA7)
def phone_a7(m):
    cell_4g(m)
    phone(m, 21)
    m.u(2, most=3)


@layout(0xA9)
def alarm_a9(m):
    time(m)
    mcc, mnc = network(m)
    is_4g, count = m.u(1, most=1), m.u(1, most=6)
    near(m, mcc, mnc, count, *((4, 8) if is_4g else (2, 3)))
    m.extra["timing_advance"] = m.u(1)
    macs(m)
    code = code_byte(m)
    language = m.rng.randrange(3)
    high = m.rng.choice([0, 0, 1])
    m.u(1, language | high << 4)
    alarm(m, 0, code | high << 8)


@layout(0xF3, None)
def points_f3(m):
    time(m)
    texts = []
    for _ in range(m.u(1, most=6)):
        m.u(2)
        texts.append(m.raw(6).hex())
    if texts:
        m.extra["wifi"] = ";".join(texts)


# Statuses ---------------------------------------------------------------------------------------------------------------------

READ_BY_MODEL = ("LW", "R11", "SEEWORLD")  # heartbeats of five bytes


@layout(0x13, "now")
def heartbeat_13(m):
    m.beats = True
    size = m.rng.randint(1, 4 if m.variant in READ_BY_MODEL else 5)
    value, code = info(m), 0
    if size > 1:
        level(m)
    if size > 2:
        gsm(m)
    if size > 3:
        code = code_byte(m)
    if size > 4:
        m.u(1, most=3)
    alarm(m, value, code)


@layout(0x13, "now")
def heartbeat_13_by_model(m):
    """Without a model only what is sure: GSM above 4 or language above 3 show another layout."""
    m.beats = True
    value, code = info(m), 0
    if m.variant == "R11":
        power(m)
        gsm(m, 9)
        code = code_byte(m)
    elif m.variant == "LW":
        level(m, 110)
        gsm(m, 9)
        m.out["power_v"] = (m.u(2) & 4095) / 10
    elif m.variant == "SEEWORLD":
        level(m, 110)
        m.out["gsm_percent"], m.out["power_v"] = m.u(1, most=100), m.u(1)
        m.u(1, most=3)
    elif m.chance(.5):
        m.extra["unknown"] = (m.raw(1) + bytes([m.u(1, m.rng.randint(5, 255))]) + m.raw(2)).hex()
    else:
        level(m)
        gsm(m)
        m.extra["unknown"] = (m.raw(1) + bytes([m.u(1, m.rng.randint(4, 255))])).hex()
    alarm(m, value, code)


@layout(0x13, "now")
def heartbeat_13_obd(m):
    m.beats = True
    value, signal = info(m), m.u(2)
    used, m.extra["rssi"] = (signal >> 10 & 31) + (signal >> 5 & 31), signal & 31
    m.out["satellites"] = used if used <= 60 else None
    alarm(m, value, code_byte(m))
    m.u(1, most=2)
    m.out["battery_percent"] = m.u(1, most=100)
    m.extra["mode"] = m.u(1, most=5)
    power(m)
    m.extra["unknown"] = m.raw(3 if m.extra["mode"] == 4 else 5).hex()
    if m.extra["mode"] == 4:
        m.extra["temperature"] = m.s(2) / 10


@layout(0x13, "now")
def heartbeat_13_wrist(m):
    m.beats = True
    m.raw(3)
    alarm(m, 0, code_byte(m))
    m.u(1, most=2)
    m.out["battery_percent"] = m.u(1, most=100)
    m.extra["unknown"] = m.raw(8).hex()
    word = m.u(2)
    m.extra["temperature"] = (word & 0x7FFF) / (10 if word >> 15 else -10)


@layout(0x23, "now")
def heartbeat_23(m):
    info(m, True)
    size = m.rng.choice([1, 3, 4, 6])
    if size >= 3:
        battery(m)
    if size >= 4:
        gsm(m, 6)
    if size == 6:
        m.extra["unknown"] = m.raw(2).hex()


@layout(0x36)
def heartbeat_36(m):
    m.beats = True
    status(m)
    items(m, COMMON_ITEMS)


@layout(0xA3)
def gl21l_a3(m):
    m.beats = True
    alarm(m, info(m), 0)
    m.raw(2)
    m.u(1)
    m.out["gsm_percent"], m.out["power_v"] = m.u(1, most=100), m.u(1)
    m.u(1, most=2)
    m.extra.update(sound=m.u(1), light=m.u(1), steps=m.u(4))
    m.out["battery_percent"] = m.u(1, most=100)
    m.extra.update(charge=m.u(1), motion=m.u(1))
    rest = m.raw(m.rng.randrange(4))
    if any(rest):
        m.extra["unknown"] = rest.hex()


@layout(0xA3)
def gl21l_a3_short(m):
    m.beats = True
    alarm(m, info(m), 0)
    unknown = m.raw(2)
    if any(unknown):
        m.extra["unknown"] = unknown.hex()
    m.out["battery_percent"] = m.u(1, most=6) * 100 // 6
    m.out["gsm_percent"], m.out["power_v"] = m.u(1, most=100), m.u(1)
    m.u(1, most=2)


@layout(0x94, None)
def power_94_short(m):
    power(m)


@layout(0x40)
def wd209_40(m):
    x = m.extra
    x["battery_serial"] = m.raw(8).hex()
    epoch(m)
    m.out["battery_percent"] = m.u(1, most=100)
    x["capacity_left"], absolute, x["capacity_full"], health = m.u(2), m.u(1), m.u(2), m.u(1)
    x["absolute_percent"], x["health"] = absolute if absolute <= 100 else None, health if health <= 100 else None
    kelvin = m.u(2)
    x["battery_temperature"] = (kelvin - 2731) / 10 if kelvin else None
    x["current"] = m.u(2)
    m.out["battery_v"] = m.u(2) / 1000
    x["cycles"] = m.u(2)
    x["cells_mv"] = m.raw(28).hex()
    x["intervals"] = m.raw(4).hex()
    x["bar_code"] = m.add(b"BARCODE00000%04d" % m.rng.randrange(10000)).decode()
    x["version"] = m.u(2)
    m.add(b"MAKER           ")
    x["maker"] = "MAKER"
    x["battery_state"] = m.raw(12).hex()


@layout(0xB2)
def beacon_b2(m):
    time(m)
    m.extra.update(tag_rssi=m.s(1), tag=m.raw(6).hex(), tag_uuid=m.raw(16).hex(), tag_major=m.u(2), tag_minor=m.u(2),
                   tag_battery_v=m.u(2) / 100)
    m.extra["unknown"] = "%02x" % m.u(1)


@layout(0x35, None)
def picture_35(m):
    time(m)
    m.extra.update(place=m.raw(9).hex(), camera=m.u(1), source=m.u(1), format=m.u(1), size=m.u(4), picture=m.u(4))


def epoch(m):
    days = m.rng.randint(11000, 20000)
    seconds = m.rng.randrange(86400)
    m.u(4, days * 86400 + seconds)
    m.out["device_time"] = utc(days * 86400 + seconds)


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@layout(0xF1, is_long=True)
def epoch_f1(m):
    epoch(m)
    kept = []
    for one in m.rng.sample([1, 2, 4, 5, 7, 11, 10, 99], m.rng.randrange(7)):
        m.u(2, one)
        size = 2 if one in (5, 10, 11) else 1
        m.u(1, size)
        value = m.u(size, most=None if size == 2 else 5)
        if one == 1:
            m.extra["motion"] = value in (2, 4)
        elif one == 2:
            m.extra["armed"] = value != 0
        elif one == 4:
            m.out["ignition"] = value != 0
        elif one == 5:
            m.out["power_v"] = value / 100
        elif one == 7:
            m.extra["charging"] = value != 0
        elif one == 11:
            m.extra["battery_temperature"] = value / 10
        else:
            kept.append("%04x=%0*x" % (one, 2 * size, value))
    if kept:
        m.extra["items"] = ";".join(kept)


@layout(0xF2, is_long=True)
def epoch_f2(m):
    epoch(m)
    kept = []
    for _ in range(m.rng.randrange(4)):
        one = m.u(2, m.choose(10, 12, 7))
        size = m.rng.randint(1, 20)
        if one == 10:
            m.u(2, size)
        else:
            if m.chance(.3):
                m.u(1, 0)
            m.u(1, size)
        kept.append("%04x=%s" % (one, m.raw(size).hex()))
    if kept:
        m.extra["items"] = ";".join(kept)


def answer_text(m):
    return m.choose("OK!", "DYD=Success!", "Current position!Lat:N12.3", "fail: speed, \"fast\"", "x" * m.rng.randint(1, 60))


@layout(0x15, None)
def answer_15(m):
    text = answer_text(m)
    m.u(1, m.choose(4 + len(text), 0))
    m.out = {"ident": m.state.ident, "command": m.u(4), "text": text}
    m.add(text.encode())
    m.u(2, 2)


@layout(0x21, None, True)
def answer_21(m):
    text = answer_text(m)
    m.out = {"ident": m.state.ident, "command": m.u(4)}
    if m.u(1, m.choose(1, 2)) == 2:
        text += m.choose("", "\u6210\u529f", "\u00e9", "\U0001f600")
        m.add(text.encode("utf-16-be"))
    else:
        m.add(text.encode())
    m.out["text"] = text


@layout(0x9B, None, True)
def serial_9b(m):
    m.extra["port"] = m.u(1)
    if m.chance(.5):
        m.extra["text"] = m.add(m.choose(b"AB900B8C", b"one line of text")).decode()
    else:
        m.extra["data"] = (m.add(b"\x01") + m.raw(m.rng.randrange(30))).hex()


# 70 and 94 --------------------------------------------------------------------------------------------------------------------

def write_iccid(m):
    """Its nibbles may be swapped."""
    iccid = "89%017d" % m.rng.randrange(10 ** 17)
    digits = iccid + "f"
    if m.chance(.5):
        digits = "".join(digits[i + 1] + digits[i] for i in range(0, 20, 2))
    m.add(bytes.fromhex(digits))
    return iccid


@layout(0x70, is_long=True)
def items_70(m):
    x, kept = m.extra, []
    for one in m.rng.sample([0x01, 0x02, 0x03, 0x09, 0x0A, 0x11, 0x18, 0x28, 0x2A, 0x2E, 0x33, 0x34], m.rng.randint(1, 9)):
        m.u(2, one)
        at = len(m.body)
        m.u(2, 0)
        if one in (0x01, 0x02):
            kept.append("%04x=%s" % (one, m.raw(8).hex()))
        elif one == 0x03:
            x["iccid"] = write_iccid(m)
        elif one == 0x09:
            m.out["satellites"] = m.u(1, most=60)
        elif one == 0x0A:
            x["satellites_visible"] = m.u(1)
        elif one == 0x11:
            mcc, mnc = network(m, 2)
            x.update(mcc=mcc, mnc=mnc, lac=m.u(2), cid=m.u(3, m.rng.randint(1, 0xFFFFFF)), rssi=-m.u(1))
        elif one == 0x18:
            battery(m)
        elif one == 0x28:
            m.out["hdop"] = m.u(1) / 10
        elif one == 0x2A:
            x["door_tamper"] = "%02x" % m.u(1)
        elif one == 0x2E:
            value = m.rng.randrange(1 << 32)
            m.add(value.to_bytes(4, "little"))
            m.out["odometer_m"] = value
        elif one == 0x33:
            epoch(m)
            satellites = m.u(1, most=60)
            altitude = m.u(2, most=9000)
            if place(m, satellites=False, acc=False):
                m.out["altitude_m"] = altitude
            m.out["satellites"] = satellites
        else:
            code = m.u(1, m.rng.choice(list(ITEM_EVENTS) + [0x11, 0x60]))
            x["alarm"], x["alarm_data"] = code, m.raw(5).hex()
            if code in ITEM_EVENTS:
                m.out["alarms"].append(ITEM_EVENTS[code])
        m.body[at:at + 2] = struct.pack(">H", len(m.body) - at - 2)
    if kept:
        x["items"] = ";".join(kept)


@layout(0x94, None, True)
def information_94(m):
    sub = m.choose(0x00, 0x04, 0x05, 0x09, 0x0A, 0x0B, 0x0D, 0x1B, 0x1E, 0x77)
    m.u(1, sub)
    m.out["event"] += "/%02X" % sub
    x = m.extra
    if sub == 0x00:
        power(m)
    elif sub == 0x04:
        bits = m.rng.randrange(16)
        x["settings"] = m.add(b"ALM1=44;ALM2=D5;DYD=%02X;MODE=1;" % bits).decode()
        x["dyd"] = bits
        if bits & 3:
            m.out["outputs"] = bits >> 1 & 1
    elif sub == 0x05:
        if m.chance(.5):
            time(m)
        bits = m.u(1)
        x.update(door=bool(bits & 1), trigger=bool(bits & 2), io=bool(bits & 4))
    elif sub == 0x09:
        x["satellite_list"] = m.raw(m.rng.randint(1, 20)).hex()
    elif sub == 0x0A:
        imei, imsi = "86%013d" % m.rng.randrange(10 ** 13), "502%012d" % m.rng.randrange(10 ** 12)
        m.add(bytes.fromhex("0" + imei + "0" + imsi))
        x.update(imei=imei, imsi=imsi, iccid=write_iccid(m))
    elif sub == 0x0B:
        if m.chance(.5):
            power(m)
        else:
            x["network"] = "4G" if m.u(1, most=1) else "2G"
    elif sub == 0x0D:
        if m.chance(.5):
            time(m)
        x["fuel_sensor"] = m.add(b"!AIOIL,02,008.290,029.600,519J,0400,008.430,0,0,AB").decode()
        x.update(fuel_temperature="029.600", fuel_level="008.430")
    elif sub == 0x1B:
        shape = m.rng.randrange(4)
        if shape == 0:
            m.out["driver"] = "%08X" % m.rng.randrange(1 << 32)
            m.add(b"RFID:" + m.out["driver"].encode() + b"\r\n")
        elif shape == 1:
            m.u(1, 2)
            m.u(1)
            card = m.raw(4)
            if any(card):
                m.out["driver"] = card.hex().upper()
            m.u(1)
            m.u(1, 3)
        elif shape == 2:
            card = bytes([m.rng.randrange(0x10, 0x40)]) + bytes(m.rng.randint(1, 255) for _ in range(m.rng.randrange(4)))
            m.out["driver"] = m.add(card).hex()
            m.add(bytes(8 - len(card)))
        else:
            m.add(bytes(8))
    elif sub == 0x1E:
        x["temperature"], humidity = m.s(4) / 10, m.u(4, most=1000) if m.chance(.5) else m.s(4)
        x["humidity"] = humidity / 10 if 0 <= humidity <= 1000 else None
    else:
        x["data"] = m.raw(m.rng.randint(1, 20)).hex()


@layout(0x8A, "clock")
def clock_8a(m):
    m.out = None


# Raw --------------------------------------------------------------------------------------------------------------------------

RAW_STORED = (0x14, 0x1F, 0x8D, 0x97, 0xB0)


def opaque(m):
    m.extra["data"] = m.raw(m.rng.randint(1, 40)).hex()


def register_raw():
    for kind in RAW_STORED:
        LAYOUTS.append(("unknown_%02x" % kind, kind, "stored", False, opaque))
    for kind in (0x80, 0x81, 0x82, 0x84, 0xFD):
        LAYOUTS.append(("raw_%02x" % kind, kind, None, False, opaque))
    LAYOUTS.append(("unknown_long", 0x1F, None, True, opaque))
    for kind in (0xA6, 0xA8):
        LAYOUTS.append(("unknown_long_%02x" % kind, kind, "stored", True, opaque))
    LAYOUTS.append(("picture_36", 0x36, "stored", True, opaque))
    LAYOUTS.append(("picture_41", 0x41, "long", True, opaque))


register_raw()


# Streams ----------------------------------------------------------------------------------------------------------------------

CLOCK = "xx\x0b\x8a%s%s\r\n"


def mask(text):
    """The clock in the answer to 8A, if it is right, and the sum over it."""
    data = text.encode("latin-1")
    if len(data) != 16 or data[:4] != b"xx\x0b\x8a" or struct.pack(">H", crc(data[2:12])) != data[12:14]:
        return text
    now = datetime.datetime(2000 + data[4], *data[5:10])
    return CLOCK % ("<clock>", text[10:12]) if abs(now - NOW) < datetime.timedelta(minutes=30) else text


def answers(kind, serial, answer):
    if answer in ("now", "stored"):
        return [reply(seal(kind, b"", serial, False).decode("latin-1"), answer)]
    if answer == "long":
        return [reply(seal(kind, b"", serial, True).decode("latin-1"), "stored")]
    if answer == "clock":
        return [reply(CLOCK % ("<clock>", struct.pack(">H", serial).decode("latin-1")), "now")]
    if answer == "address":
        return [reply(seal(0x97, b"\x0f\0\0\0\0NA&&NA&&0##", serial, True).decode("latin-1"), "now")]
    return []


def log_in(rng, state):
    before = state.tracker
    if state.trackers and rng.random() < .6:
        state.tracker = rng.choice(state.trackers)
    else:
        state.tracker = Tracker(rng)
        state.trackers.append(state.tracker)
    if state.tracker is not before:
        state.variant = None
    m = Message(rng, state, 0x01)
    m.add(bytes.fromhex("0" + state.ident))
    more = rng.randrange(3)
    if more > 0:
        m.extra["model"] = m.raw(2).hex()
    if more > 1:
        write_zone(m)
    return finish(m, "log_in", "now", False)


def write_zone(m):
    """Mostly the one of last time. Another is learned anew."""
    tracker, rng = m.state.tracker, m.rng
    zone = tracker.zone
    if zone == 0 or m.chance(.1):
        zone = rng.choice([480, 330, -180, rng.randint(0, 14) * 60 + rng.choice([0, 30, 45]), -rng.randint(0, 14) * 60])
    if zone != tracker.zone:
        tracker.used = 0
    tracker.zone = m.extra["zone_min"] = zone
    m.extra["language"] = rng.randrange(4)
    m.u(2, (abs(zone) // 60 * 100 + abs(zone) % 60) << 4 | (zone < 0) << 3 | m.extra["language"])


def finish(m, name, answer, is_long):
    serial = m.rng.randrange(65536)
    frame = Frame(seal(m.kind, bytes(m.body), serial, is_long))
    if m.beats:
        raised = set(m.out["alarms"])
        m.out["alarms"] = sorted(raised - m.state.tracker.alarms)
        m.state.tracker.alarms = raised
    if m.when:
        zone = find_zone(m)
        m.out["device_time"] = printed_time(m.when - datetime.timedelta(minutes=zone))
        if zone:
            m.extra["time_zone_min"] = zone
    frame.name = name
    frame.lines = [*([m.out] if m.out else []), *answers(m.kind, serial, answer)]
    return frame


def generate(rng, count, model):
    """Several trackers, by turns."""
    state = Device(model)
    for sent in range(count):
        if sent % 50 == 0:
            frame = log_in(rng, state)
        else:
            name, kind, answer, is_long, write = rng.choice(LAYOUTS)
            m = Message(rng, state, kind)
            write(m)
            frame = finish(m, name, answer, is_long)
        yield frame, frame


def decode(frame, state):
    return frame.lines
