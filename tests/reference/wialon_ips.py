# SPDX-License-Identifier: MIT
"""Wialon IPS 1.1, 2.0 and 2.1, slow and obvious: what each packet must give, and random streams. Written from the protocol's
documents before the decoder. Not covered: datagrams, photos that are kept, packets above 65,536 bytes, compressed ones of more than 256 records, bytes that are not UTF-8."""
import datetime
import re
import zlib
from fractions import Fraction

from common import half_up, reply, report

PIECE_BYTES, PIECE_PARTS = 16384, 256  # of a black box, so many are read at once
DECIMAL = r"[+-]?(\d{1,15}(\.\d*)?|\.\d+)"
ALARMS = """general sos vibration movement lowspeed overspeed fallDown lowPower lowBattery fault powerOff powerOn door lock unlock
geofence geofenceEnter geofenceExit gpsAntennaCut accident tow idle highRpm hardAcceleration hardBraking hardCornering laneChange
fatigueDriving powerCut powerRestored jamming temperature parking bonnet footBrake fuelLeak tampering removing""".split()
NAMES = """SOS bat battery batteryLevel pwr_ext Uext Board pwr_int Accum Uacc odo mileage can_mileage temp ign ignition motion accuracy gsm
csq avl_driver text alarm""".split()
PERCENT, POWER, BATTERY = ("bat", "battery", "batteryLevel"), ("pwr_ext", "Uext", "Board"), ("pwr_int", "Accum", "Uacc")
CELL = ("mcc", "mnc", "lac", "cell_id")
STRUCTURE, TIME, PLACE, MOTION, SATELLITES, MASKS, ADC, SUM = range(8)
SD_CODES = {STRUCTURE: "-1", TIME: "0", PLACE: "10", MOTION: "11", SATELLITES: "12", SUM: "13"}
D_CODES = {STRUCTURE: "-1", TIME: "0", PLACE: "10", MOTION: "11", SATELLITES: "12", MASKS: "13", ADC: "14", SUM: "16"}


class Fault(Exception):
    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind, self.reason = kind, reason


class Device:
    """What a connection remembers."""
    def __init__(self):
        self.ident, self.is_2, self.count = None, False, None


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def is_sum(text):
    return bool(re.fullmatch("(0[xX])?[0-9A-Fa-f]{1,4}", text))


def sum_fits(text, covered):
    return int(text, 16) == crc16(covered.encode())


def is_absent(text):
    return text.upper() in ("", "NA")


# Fields --------------------------------------------------------------------------------------------------------------------

def read_time(date, clock, fault=TIME):
    """Returns the time as avld prints it, or None."""
    day = seconds = None
    try:
        if not is_absent(date):
            if not re.fullmatch(r"\d{6}", date):
                raise ValueError
            year = int(date[4:])
            day = datetime.date(year + (2000 if year < 80 else 1900), int(date[2:4]), int(date[:2]))
        if not is_absent(clock):
            found = re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\.\d*)?", clock)
            seconds = datetime.time(*map(int, found.groups()[:3]))
            ms = (found[4] or ".")[1:4].ljust(3, "0")
    except (ValueError, TypeError, AttributeError):
        raise Fault(fault, "bad value: time") from None
    return f"{day}T{seconds}.{ms}Z" if day and seconds is not None else None


def decimal(text, kind, reason):
    if is_absent(text):
        return None
    if not re.fullmatch(DECIMAL, text):
        raise Fault(kind, f"bad value: {reason}")
    return Fraction(text if text[-1] != "." else text + "0")


def set_range(out, name, value, least, most, decimals=0):
    if value is not None and least * 10 ** decimals <= half_up(value, decimals) <= most * 10 ** decimals:
        out[name] = half_up(value, decimals) / 10 ** decimals if decimals else int(value)


def read_angles(texts, letters):
    """Returns 1e-7 degrees of latitude and longitude, or None."""
    found = [None if is_absent(text) else re.fullmatch(r"(\d{1,9})(\.\d*)?", text) or "bad" for text in texts]
    shorts = [(one, full) for one, full in zip(found, (4, 5)) if one not in (None, "bad") and len(one[1]) < full]
    minutes_short = any(one[1][0] == "0" for one, _ in shorts) and all(len(one[1]) == full - 1 for one, full in shorts)
    out = []
    for one, full, letter, sides, most, name in zip(found, (4, 5), letters, ("NS", "EW"), (90, 180), ("latitude", "longitude")):
        if one == "bad" or not (is_absent(letter) or letter.upper() in tuple(sides)):
            raise Fault(PLACE, f"bad value: {name}")
        if one is None:
            out.append(None)
            continue
        cut = full - 2 if minutes_short and len(one[1]) < full else max(0, len(one[1]) - 2)
        minutes = Fraction(one[1][cut:] + "." + (one[2] or ".")[1:] + "0")
        e7 = half_up(int(one[1][:cut] or 0) + minutes / 60, 7)
        if e7 > most * 10 ** 7:
            raise Fault(PLACE, f"bad value: {name}")
        out.append(None if is_absent(letter) else -e7 if letter.upper() == sides[1] else e7)
    return out


def read_mask(text, name):
    if is_absent(text):
        return None
    if not re.fullmatch(r"\d{1,18}", text):
        raise Fault(MASKS, f"bad value: {name}")
    return int(text) if int(text) < 1 << 32 else None


def read_adc(out, text):
    if is_absent(text):
        return
    values = [decimal(member, ADC, "adc") for member in text.split(",")]
    if all(value is None for value in values):
        return
    out["extra"]["adc"] = text
    columns = [None if value is None or abs(half_up(value, 3)) > 2147483647 else half_up(value, 3) for value in values[:4]]
    while columns and columns[-1] is None:
        columns.pop()
    if columns:
        out["adc"] = columns


# Parameters ----------------------------------------------------------------------------------------------------------------

def param_value(text):
    """A number, true, false or a text."""
    number = text.strip(" ")
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?", number) and len(number) <= 40:
        return float(number) if re.search("[.eE]", number) else int(number)
    return {"TRUE": True, "FALSE": False}.get(text.upper(), text)


def is_driver(text):
    return bool(re.fullmatch("[ -~]{1,64}", text))


def set_param(out, name, text):
    """Returns False if it goes into extra."""
    value = param_value(text)
    if name == "SOS":
        if value is not False and (not isinstance(value, (int, float)) or value != 0):
            out["alarms"].append("sos")
        return True
    if name in PERCENT and re.fullmatch(r"[+-]?\d{1,18}", text) and 0 <= int(text) <= 100:
        out["battery_percent"] = int(text)
        return True
    for names, column, most in ((POWER, "power_v", 1000), (BATTERY, "battery_v", 100)):
        if name in names and re.fullmatch(DECIMAL, text):
            volts = half_up(Fraction(text + "0" if text[-1] == "." else text), 3)
            if 0 <= volts <= most * 1000:
                out[column] = volts / 1000
                return True
    if name in ("ign", "ignition") and isinstance(value, (int, float)):
        out["ignition"] = value != 0
        return True
    if name == "avl_driver" and "driver" not in out and is_driver(text):
        out["driver"] = text
        return True
    if name == "alarm" and text.lower() in [alarm.lower() for alarm in ALARMS]:
        out["alarms"].append(next(alarm for alarm in ALARMS if alarm.lower() == text.lower()))
        return True
    return False


def read_params(out, text):
    if is_absent(text):
        return
    extra, params = out["extra"], []
    for param in text.split(","):
        found = re.fullmatch(r"([^:]{1,128}):\d:(.*)", param, re.S)
        if found and not is_absent(found[2]):
            params.append((next((name for name in NAMES if name.lower() == found[1].lower()), found[1]), found[2]))
    groups = {}
    for name, value in params:
        found = re.fullmatch(r"(mcc|mnc|lac|cell_id)([1-9]?)", name, re.I)
        if found and re.fullmatch(r"\d{1,18}", value):
            groups.setdefault(found[2], {})[found[1].lower()] = int(value)
    cells = []
    for index in [""] + [str(number) for number in range(1, 10)]:
        if len(groups.get(index, {})) == 4:
            cells.append((index, groups[index]))
        elif index:
            break
    cells = [(index, cell) for index, cell in cells if all(cell[name] == cells[0][1][name] for name in ("mcc", "mnc"))]
    used = [index for index, _ in cells]
    csq = None
    for name, value in params:
        if re.fullmatch(r"(mcc|mnc|lac|cell_id)[1-9]?", name, re.I) and re.fullmatch(r"\d{1,18}", value) or set_param(out, name, value):
            continue
        if name == "csq":
            csq = param_value(value)
        if name != "adc" or "adc" not in extra:
            extra[name] = param_value(value)
    if csq is not None and "gsm" not in extra:
        extra["gsm"] = csq
    extra.update((name + index, value) for index, group in groups.items() if index not in used for name, value in group.items())
    if cells:
        first = cells[0][1]
        extra.update(mcc=first["mcc"], mnc=first["mnc"], lac=first["lac"], cid=first["cell_id"])
        extra.pop("cells", None)
        if cells[1:]:
            extra["cells"] = ";".join(f"{cell['lac']},{cell['cell_id']}" for _, cell in cells[1:])


# Data ----------------------------------------------------------------------------------------------------------------------

def read_record(ident, event, fields, base, stored=False):
    """One record of SD (base 10), D or B (base 16). `fields` is without the sum."""
    out = report(ident, event)
    out["stored"] = stored
    if len(fields) < 10:
        raise Fault(STRUCTURE, "bad length")
    f = fields[:base] + [""] * (16 - min(base, len(fields)))
    out["device_time"] = read_time(f[0], f[1])
    lat, lon = read_angles((f[2], f[4]), (f[3], f[5]))
    speed, course, altitude = (decimal(text, MOTION, name) for text, name in zip(f[6:9], ("speed", "course", "altitude")))
    if not is_absent(f[9]) and not re.fullmatch(r"[+-]?\d{1,18}", f[9]):
        raise Fault(SATELLITES, "bad value: satellites")
    satellites = None if is_absent(f[9]) else int(f[9])
    set_range(out, "satellites", satellites, 0, 99)
    set_range(out, "hdop", decimal(f[10], SATELLITES, "hdop"), 0, 99.99, 2)
    out["inputs"], out["outputs"] = read_mask(f[11], "inputs"), read_mask(f[12], "outputs")
    read_adc(out, f[13])
    valid = satellites is None or satellites >= 3
    placed = lat is not None and lon is not None
    if placed and (valid or lat or lon):
        out["valid"], out["latitude"], out["longitude"] = valid, lat, lon
    if not placed or valid or lat or lon:
        set_range(out, "speed_kmh", speed, 0, 1000, 2)
        set_range(out, "course_deg", course, 0, 360, 2)
        set_range(out, "altitude_m", altitude, -1000, 20000, 2)
    if not is_absent(f[14]):
        if is_driver(f[14]):
            out["driver"] = f[14]
        else:
            out["extra"]["driver"] = f[14]
    read_params(out, f[15])
    rest = ";".join(fields[base:]).rstrip(";")
    if rest:
        out["extra"]["data"] = rest
    return out


def cut_sum(body, base, is_2):
    """Returns the fields without the sum."""
    fields = body.split(";")
    while len(fields) > base and fields[-1] == "":
        fields.pop()
    covered = ";".join(fields[:-1]) + ";"
    if len(fields) == base + 1 and is_sum(fields[-1]):
        if not sum_fits(fields[-1], covered):
            raise Fault(SUM, "bad checksum")
        return fields[:-1]
    if base == 16 and is_2 and 11 <= len(fields) <= 16 and is_sum(fields[-1]) and sum_fits(fields[-1], covered):
        return fields[:-1]
    return fields


def data_packet(kind, body, frame, state):
    base, codes = (10, SD_CODES) if kind == "SD" else (16, D_CODES)

    def answer(code, when):
        return reply(f"#A{kind}#{code}\r\n", when)

    if state.ident is None:
        return [{"reject": "before login", "frame": frame.hex()}, answer("-1", "now")]
    try:
        return [read_record(state.ident, kind, cut_sum(body, base, state.is_2), base), answer("1", "stored")]
    except Fault as fault:
        return [{"reject": fault.reason, "frame": frame.hex()}, answer(codes[fault.kind], "now")]


def pieces_of(parts, whole, end):
    """Yields lists of parts. whole, end: the bytes of the line, and of its end."""
    if whole <= PIECE_BYTES and len(parts) <= PIECE_PARTS:
        yield parts
        return
    piece, size = [], 3
    for number, part in enumerate(parts):
        length = len(part.encode()) + (1 if number + 1 < len(parts) else end)
        if piece and (len(piece) == PIECE_PARTS or size + length > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(part)
        size += length
    yield piece


def black_box(body, frame, state, compressed):
    def answer(code, when):
        return reply(f"#AB#{code}\r\n", when)

    if state.ident is None:
        return [{"reject": "before login", "frame": frame.hex()}, answer("0", "now")]
    parts = body.split("|")
    if is_sum(parts[-1]):
        if not sum_fits(parts[-1], body[:len(body) - len(parts[-1])]):
            return [{"reject": "bad checksum", "frame": frame.hex()}, answer("", "now")]
    out, count = [], 0
    for piece in [parts] if compressed else pieces_of(parts, len(frame), 2 if frame.endswith(b"\r\n") else 1):
        rejects = []
        for part in piece:
            if part == "" or part is parts[-1] and is_sum(part):
                continue
            try:
                out.append(read_record(state.ident, "B", part.split(";"), 16, True))
                count += 1
            except Fault as fault:
                rejects.append({"reject": fault.reason, "frame": part.encode().hex()})
        out += rejects
    return out + [answer(count, "stored")]


# Other packets -------------------------------------------------------------------------------------------------------------

def login(body, frame, state):
    def refuse(reason, code, close=True):
        if close:
            state.__init__()
        return [{"reject": reason, "frame": frame.hex()}] + ([reply(f"#AL#{code}\r\n", "now")] if code else [])

    f = body.split(";")
    is_2 = len(f) >= 3 and bool(re.fullmatch(r"\d\.\d", f[0]))
    if len(f) > 4 or not is_2 and (len(f) > 3 or len(f) == 3 and f[2] != ""):
        return refuse("bad length", "0")
    if is_2 and len(f) == 4 and not (is_sum(f[3]) and sum_fits(f[3], ";".join(f[:3]) + ";")):
        return refuse("bad checksum", "10", False)
    ident = f[1] if is_2 else f[0]
    if state.ident not in (None, ident):
        return refuse("bad value: ident", None)
    if not re.fullmatch("[0-9A-Za-z._:-]{1,32}", ident):
        return refuse("bad value: ident", "0")
    state.ident, state.is_2 = ident, is_2
    return [reply("#AL#1\r\n", "now"), reply("#AL#0\r\n", "refused"), reply("#AL#01\r\n", "wrong password")]


def message(body, frame, state):
    if state.ident is None:
        return [{"reject": "before login", "frame": frame.hex()}, reply("#AM#0\r\n", "now")]
    head, separator, last = body.rpartition(";")
    if separator and is_sum(last):
        if sum_fits(last, head + separator):
            body = head
        elif state.is_2:
            return [{"reject": "bad checksum", "frame": frame.hex()}, reply("#AM#01\r\n", "now")]
    out = report(state.ident, "M")
    if body:
        out["extra"]["text"] = body.replace("\0", "")
    return [out, reply("#AM#1\r\n", "stored")]


def is_count(text):
    return bool(re.fullmatch(r"\d{1,9}", text))


def photo(line, data, frame, state):
    def refuse(reason, code):
        return [{"reject": reason, "frame": frame.hex()}, reply(f"#AI#{code}\r\n", "now")]

    f = line.split(";")
    if state.ident is None:
        return refuse("before login", "NA;0")
    if not 6 <= len(f) <= 7:
        return refuse("bad length", "NA;0")
    if not all(map(is_count, f[:3])) or int(f[0]) == 0 or int(f[1]) > int(f[2]):
        return refuse("bad value: block", "NA;0")
    if len(f) == 7 and not (is_sum(f[6]) and int(f[6], 16) == crc16(data)):
        return refuse("bad checksum", f"{int(f[1])};01")
    out = report(state.ident, "I")
    try:
        out["device_time"] = read_time(f[3], f[4])
    except Fault as fault:
        return refuse(fault.reason, "NA;0")
    if not is_absent(f[5]):
        out["extra"]["file"] = f[5]
    out["extra"]["parts"] = int(f[2]) + 1
    answer = reply("#AI#1\r\n" if int(f[1]) == int(f[2]) else f"#AI#{int(f[1])};1\r\n", "stored")
    return ([out] if int(f[1]) == 0 else []) + [answer]


def tachograph(body, frame, state):
    def refuse(reason, code):
        return [{"reject": reason, "frame": frame.hex()}, reply(f"#AIT#{code}\r\n", "now")]

    f = body.split(";")
    if state.ident is None:
        return refuse("before login", "0")
    if not 5 <= len(f) <= 6:
        return refuse("bad length", "0")
    if len(f) == 6 and not (is_sum(f[5]) and sum_fits(f[5], ";".join(f[:5]) + ";")):
        return refuse("bad checksum", "01")
    if not is_count(f[4]):
        return refuse("bad value: block", "0")
    out = report(state.ident, "IT")
    try:
        out["device_time"] = read_time(f[0], f[1])
    except Fault as fault:
        return refuse(fault.reason, "0")
    if is_driver(f[2]) and not is_absent(f[2]):
        out["driver"] = f[2]
    elif not is_absent(f[2]):
        out["extra"]["driver"] = f[2]
    if not is_absent(f[3]):
        out["extra"]["code"] = f[3]
    out["extra"]["parts"] = int(f[4]) + 1
    state.count = int(f[4])
    return [out, reply("#AIT#1\r\n", "stored")]


def tachograph_block(line, data, frame, state):
    def refuse(reason, code):
        return [{"reject": reason, "frame": frame.hex()}, reply(f"#AT#{code}\r\n", "now")]

    f = line.split(";")
    if state.ident is None:
        return refuse("before login", "NA;0")
    if not 3 <= len(f) <= 4:
        return refuse("bad length", "NA;0")
    if not all(map(is_count, f[1:3])) or int(f[1]) == 0 and is_absent(f[0]):
        return refuse("bad value: block", "NA;0")
    if len(f) == 4 and not (is_sum(f[3]) and int(f[3], 16) == crc16(data)):
        return refuse("bad checksum", f"{int(f[2])};01")
    if state.count is None or int(f[2]) > state.count:
        return refuse("bad value: block", f"{int(f[2])};0")
    out = []
    if not is_absent(f[0]):
        out.append(report(state.ident, "T"))
        out[0]["extra"]["code"] = f[0]
    return out + [reply("#AT#1\r\n" if int(f[2]) == state.count else f"#AT#{int(f[2])};1\r\n", "stored")]


def decode(frame, state):
    compressed = frame[:1] == b"\xff"
    data = frame
    if compressed:
        try:
            data = zlib.decompress(frame[3:])
        except zlib.error:
            return [{"reject": "bad compression", "frame": frame.hex()}]
        if len(data) > min(49152, 4096 + 64 * (len(frame) - 3)):
            return [{"reject": "too long", "frame": frame.hex()}]
    out = decode_packet(data, frame, state, compressed)
    rest = split_packet(data)[2] if compressed else b""
    if rest.strip(b"\r\n") and not any(line.get("frame") == frame.hex() for line in out):
        at = next((number for number, line in enumerate(out) if "reply" in line), len(out))
        out.insert(at, {"reject": "more than one packet", "frame": rest.hex()})
    return out


def split_packet(data):
    """Returns the line without its end, the bytes of its block, and what follows them, in a container."""
    line, _, rest = data.partition(b"\n")
    found = re.match(rb"#(?:I#(\d{1,9})|T#[^;]*;(\d{1,9}))(?=;|\r?$)", line, re.I)
    size = int(found[1] or found[2]) if found else 0
    return line.removesuffix(b"\r"), rest[:size], rest[size:]


def decode_packet(data, frame, state, compressed):
    line, block, _ = split_packet(data)
    found = re.fullmatch("#([0-9A-Za-z]{1,8})#(.*)", line.decode(), re.S)
    if not found:
        return [{"reject": "unknown message", "frame": frame.hex()}]
    name, body = found.groups()
    kind = name.upper()
    if kind == "L":
        return login(body, frame, state)
    if kind == "P":
        return [reply("#AP#\r\n", "now")]
    if kind in ("SD", "D"):
        return data_packet(kind, body, frame, state)
    if kind == "B":
        return black_box(body, frame, state, compressed)
    if kind == "M":
        return message(body, frame, state)
    if kind == "I":
        return photo(body, block, frame, state)
    if kind == "IT":
        return tachograph(body, frame, state)
    if kind == "T":
        return tachograph_block(body, block, frame, state)
    if state.ident is None:
        return [{"reject": "before login", "frame": frame.hex()}]
    if kind == "AM":
        return []
    out = report(state.ident, name)
    if body:
        out["extra"]["data"] = body
    return [out]


# Random streams ------------------------------------------------------------------------------------------------------------

def some(rng, usual, odd, chance):
    return rng.choice(odd) if rng.random() < chance else usual


def sum_text(rng, covered):
    crc = crc16(covered if isinstance(covered, bytes) else covered.encode())
    text = rng.choice(["%04X", "%04X", "%04X", "%04x", "%X", "0x%04x", "0X%x"]) % crc
    return some(rng, text, ["0001", "12345", "", "xyz", "0x", "%04X" % (crc ^ 1)], .02)


def time_fields(rng):
    date = some(rng, "%02d%02d%02d" % (rng.randint(1, 28), rng.randint(1, 12), rng.randint(0, 99)),
                ["NA", "", "320326", "290226", "290224", "na", "000000", "14032", "1403266", "14 326"], .04)
    clock = "%02d%02d%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60))
    clock = some(rng, clock, [clock + ".5", clock + ".123456789", clock + ".", clock + ".999999999"], .1)
    return [date, some(rng, clock, ["NA", "", "240000", "126000", "120060", "9265", "09:26:53", "1200000"], .04)]


def angle_text(rng, degrees, most):
    value = rng.randrange(most)
    minutes = rng.choice(["%07.4f", "%08.5f", "%05.2f", "%09.6f", "%02.0f", "%010.7f"]) % (rng.random() * rng.choice([59, 59, 59, 98]))
    kind = rng.random()
    if kind < .04:
        return rng.choice(["", "NA", "x", "-5213.78", "5213,78", "9913.7805", "18100.5", "9000.0000", "9000.0001", "18000", ".5", "5", "52", "0",
                           "523", "053.5", "12345678901"])
    if kind < .12:
        return "%d%s" % (value, minutes)
    if kind < .2:
        return "%0*d%.5f" % (degrees, value, rng.random() * 9.9)
    return "%0*d%s" % (degrees, value, minutes)


def number_text(rng, most):
    value = rng.random() * most
    text = rng.choice(["%d" % value, "%d" % value, "%.1f" % value, "%.3f" % value, "%.9f" % value, "%d." % value, "0"])
    return some(rng, text, ["NA", "", "-1", "-12.5", "+7", ".5", "fast", "1e3", "--1", "99999999", "1" * 16, " 5", "5,5"], .06)


def adc_text(rng):
    if rng.random() < .4:
        return rng.choice(["", "NA"])
    members = [some(rng, "%.*f" % (rng.randrange(4), rng.random() * 30), ["NA", "", "-1.5", "3000000", "2147483.647", "2147483.648"], .15)
               for _ in range(rng.choice([1, 2, 4, 5, 12]))]
    return some(rng, ",".join(members), ["x", "1;2", "1.2.3", "na,NA,"], .01)


def value_text(rng):
    return rng.choice(["0", "1", "5", "99", "100", "101", "-1", "12.5", "0.0", "3.3", "NA", "", "true", "False", "hello world", "A:1:b", "v1.7",
                       "%", "004", "1e2", "-0.5", "sos", "overSpeed", "geofenceenter", "caf\u00e9", "a\"b", "12345678901234", " 7", "1e", "7."])


def param_text(rng):
    kind = rng.random()
    if kind < .5:
        name = rng.choice(NAMES)
        name = some(rng, name, [name.lower(), name.upper()], .3)
    elif kind < .7:
        name = rng.choice(CELL) + rng.choice(["", "1", "2", "3", "9", "0", "10"])
    else:
        name = rng.choice(["fw", "mode", "x y", "adc", "hdop", "sats", "speed", "\u0442\u0435\u043c\u043f", "count", "cells", "cid", "n\"m", "A1", "a1"])
    return some(rng, f"{name}:{rng.randrange(10)}:{value_text(rng)}", ["bad", "a:b:1", ":1:2", "a:1", "a::1", "a:12:1", "", "n" * 129 + ":1:2"], .04)


def params_text(rng):
    if rng.random() < .2:
        return rng.choice(["", "NA", "na"])
    params = [param_text(rng) for _ in range(rng.choice([0, 1, 2, 5, 12, 30]))]
    for index in rng.choice([[], [], [], [""], ["1"], ["", "1"], ["1", "2"], ["", "2"], ["1", "2", "3", "4"]]):
        params += [f"{name}{index}:1:{rng.choice(['260', '02', '6699', '3149', '0'])}" for name in CELL]
    rng.shuffle(params)
    return ",".join(params)


def record_fields(rng, count):
    f = time_fields(rng)
    if rng.random() < .08:
        f += ["NA"] * 4 + rng.choice([["NA"] * 3, [number_text(rng, most) for most in (130, 360, 3000)]]) + [rng.choice(["NA", "0", ""])]
    else:
        f += [angle_text(rng, 2, 90), some(rng, rng.choice("NS"), ["", "NA", "n", "x", "E"], .03),
              angle_text(rng, 3, 180), some(rng, rng.choice("EW"), ["", "NA", "w", "x", "N"], .03)]
        if rng.random() < .03:
            f[2], f[4] = "0000.0000", "00000.0000"
        f += [number_text(rng, 130), number_text(rng, 360), number_text(rng, 3000),
              some(rng, str(rng.randrange(20)), ["NA", "", "0", "2", "3", "100", "-1", "+5", "7.0", "x"], .15)]
    f += [number_text(rng, 5)]
    f += [some(rng, str(rng.getrandbits(rng.choice([1, 8, 32]))), ["NA", "", "4294967296", "0x1F", "-1", "1.0"], .06) for _ in range(2)]
    f += [adc_text(rng), rng.choice(["NA", "", "0000001A2B3C4D", "card 7", "k" * 65, "\u00e9"]), params_text(rng)]
    return f[:count]


def record_line(rng, is_2):
    kind = rng.choice(["SD", "D", "D", "D", "sd"])
    count = 10 if kind.upper() == "SD" else some(rng, 16, [10, 11, 12, 15, 14, 9, 1], .1)
    f = record_fields(rng, count)
    if rng.random() < .02:
        f += rng.choice([[""], ["", ""], ["x"], ["1.1", "7"], ["zz", ""]])
    body = ";".join(f)
    if rng.random() < (.8 if is_2 else .2):
        body += ";" + sum_text(rng, body + ";") + some(rng, "", [";"], .02)
    return f"#{kind}#{body}"


def box_line(rng):
    parts = [";".join(record_fields(rng, rng.choice([10, 16, 16, 16, 11, 9]) if rng.random() < .2 else rng.choice([10, 16])))
             for _ in range(some(rng, rng.randrange(6), [20, 60], .1))]
    parts = [some(rng, part, ["", "x", "1;2;3"], .03) for part in parts]
    body = "|".join(parts)
    if rng.random() < .6:
        body += "|" + sum_text(rng, body + "|")
    return "#B#" + body


def long_box(rng):
    """A black box that is read in pieces."""
    good = "140326;092653;5213.7805;N;02100.7337;E;47;271;113;11"
    parts = [some(rng, good, ["x", ";".join(record_fields(rng, 16))], .01) for _ in range(rng.choice([256, 257, 300, 500, 1100]))]
    body = "|".join(parts)
    return "#B#" + body + rng.choice(["", "|" + sum_text(rng, body + "|")])


def login_line(rng, ident):
    ident = some(rng, ident, ["", "8" * 33, "86 17", "x;y;z;w", "4711", "2.0"], .1)
    password = rng.choice(["NA", "", "secret", "NA"])
    if rng.random() < .5:
        body = f"2.{rng.randrange(2)};{ident};{password}"
        return "#L#" + some(rng, body + ";" + sum_text(rng, body + ";"), [body], .1)
    return "#L#" + rng.choice([ident, f"{ident};{password}", f"{ident};{password}", f"{ident};{password};"])


def block_bytes(rng):
    return rng.choice([b"\xff\xd8ABCDEFGHIJ\r\n#\xff\xd9", bytes(rng.randrange(256) for _ in range(rng.choice([1, 2, 50, 400])))])


def media_packet(rng):
    data, last = block_bytes(rng), rng.choice([0, 1, 5])
    number = some(rng, rng.randint(0, last), [7, 99], .05)
    crc = [] if rng.random() < .2 else [sum_text(rng, data)]
    if rng.random() < .6:
        f = ["%d" % len(data), some(rng, str(number), ["x", "", "00"], .03), str(last)] + time_fields(rng) + [rng.choice(["cam1.jpg", "", "NA"])]
        return ("#I#" + ";".join(f + crc)).encode() + b"\r\n" + data
    if rng.random() < .5:
        body = ";".join(time_fields(rng) + [rng.choice(["NA", "driver 1", ""]), rng.choice(["", "", "5"]), some(rng, str(last), ["x", ""], .05)])
        return ("#IT#" + body + rng.choice(["", ";" + sum_text(rng, body + ";")])).encode() + b"\r\n"
    return ("#T#" + ";".join([rng.choice(["", "", "", "3"]), str(len(data)), str(number)] + crc)).encode() + b"\r\n" + data


def message_line(rng, is_2):
    text = rng.choice(["hello", "a;b", "a;12", "\u043f\u0440\u0438\u0432\u0435\u0442", "", "ok;", "x" * 300])
    if rng.random() < (.8 if is_2 else .2):
        text += ";" + sum_text(rng, text + ";")
    return "#M#" + text


def packet(rng, ident, is_2):
    """One packet with its line end, uncompressed."""
    kind = rng.random()
    if kind < .1:
        return media_packet(rng)
    line = record_line(rng, is_2) if kind < .68 else box_line(rng) if kind < .85 else message_line(rng, is_2) if kind < .9 else \
        "#P#" if kind < .93 else login_line(rng, ident) if kind < .95 else long_box(rng) if kind < .952 else \
        rng.choice(["#QLV#1;2", "#AM#1", "#AM#0", "#XY#", "#p#", "x", "##", "#TOOLONGTYPE#x", "#SD", "#SD#", "#D#", "#B#", "#B#|", "#L#", "#I#", "#T#",
                    "#IT#", "#M#", "#I#x;0;0;NA;NA;", "hello", "##1#"])
    return line.encode() + rng.choice([b"\r\n", b"\r\n", b"\n"])


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them). Each stretch begins with a log-in."""
    state = Device()
    while count > 0:
        ident = rng.choice(["860000000000017", "860000000000025", "truck-7"])
        data = (login_line(rng, ident) + "\r\n").encode()
        for _ in range(rng.randint(1, 60)):
            if rng.random() < .07 and data.count(b"|") < PIECE_PARTS:
                data = some(rng, data, [data + b"#P#\r\n", data + b"x"], .05)
                packed = zlib.compress(data.removesuffix(b"\r\n") if rng.random() < .5 and data[1:2] not in b"IT" else data, rng.choice([1, 6, 9]))
                packed = some(rng, packed, [packed[:-1] + bytes([packed[-1] ^ 1]), packed[:-3]], .05)
                data = b"\xff" + len(packed).to_bytes(2, "little") + packed
            decode(data, state)
            yield some(rng, b"", [b"\r\n", b"\n", b"\r\n\r\n"], .05) + data, data
            count -= 1
            data = packet(rng, ident, state.is_2)
