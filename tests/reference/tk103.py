# SPDX-License-Identifier: MIT
"""TK103, slow and obvious: what each frame must give, and random frames. Written from the protocol's documents before the
decoder."""
import re
from fractions import Fraction

from common import Reject, add_cells, calendar_time, half_up, is_decimal, reply, report, speed

HEX8 = "[0-9A-Fa-f]{8}"
STATE_AT_END = "[01]{2}[0-9A-Fa-f]{6}"
ANGLE = r" *\d{1,5}\.\d+"
POSITION = re.compile(rf"(\d{{6}})([AV])({ANGLE})([NS])({ANGLE})([EW])", re.S)

BO01 = ["powerCut", "accident", "sos", "vibration", "lowspeed", "overspeed", "geofenceExit", "movement"]
BQ81 = ["lowBattery", "overspeed", "idle", "hardAcceleration", "hardBraking", "temperature"]
COMMA_ALARMS = {
    "movement": "ZC11 DW31 DW51", "lowBattery": "ZC12 DW32 DW52", "powerCut": "ZC13 DW33 DW53", "removing": "ZC17 DW37 DW57",
    "sos": "ZC25 DW3E DW5E", "tampering": "ZC26 DW3F DW5F", "lowPower": "ZC27 DW40 DW60"}
IGNITION_ON = "ZC15 ZC29 DW35 DW42 DW55 DW62".split()
IGNITION_OFF = "ZC16 DW36 DW56".split()


class Device:
    """What a connection remembers: the ident of its last frame, and whether its last state had the panic bit."""
    def __init__(self):
        self.ident = None
        self.panic = None


class NoShape(Exception):
    """The fields do not fit the shape of their command."""


# Parts of both styles ----------------------------------------------------------------------------------------------------

def frame_time(year, month, day, clock):
    if not re.fullmatch(r"\d{6}", clock):
        return None
    return calendar_time(int(year) + (2000 if int(year) < 80 else 1900), int(month), int(day), int(clock[:2]),
                         int(clock[2:4]), int(clock[4:]))


def packed_time(date, clock):
    return frame_time(date[:2], date[2:4], date[4:], clock)


def comma_time(date, clock):
    return frame_time(date[4:], date[2:4], date[:2], clock) if re.fullmatch(r"\d{6}", date) else None


def angle(text, most, name):
    whole, _, fraction = text.strip(" ").partition(".")
    whole = whole.rjust(5, "0")
    degrees, micro = int(whole[:-2]), int(whole[-2:]) * 1000000 + int(fraction[:6].ljust(6, "0"))
    e7 = degrees * 10000000 + (micro + 3) // 6
    if micro >= 60000000 or e7 > most * 10000000:
        raise Reject("bad value: " + name)
    return e7


def add_fix(out, valid, lat, north, lon, east):
    """Returns False if there are no coordinates: 0/0 without a fix."""
    lat, lon = angle(lat, 90, "latitude"), angle(lon, 180, "longitude")
    if not valid and lat == 0 and lon == 0:
        return False
    out["valid"] = valid
    out["latitude"], out["longitude"] = lat if north == "N" else -lat, lon if east == "E" else -lon
    return True


def add_speed_and_course(out, kmh, course):
    kmh, course = kmh.strip(" "), course.strip(" ")
    if is_decimal(kmh):
        speed(out, Fraction(kmh))
    if is_decimal(course) and 0 <= half_up(Fraction(course), 2) <= 36000:
        out["course_deg"] = half_up(Fraction(course), 2) / 100


def add_state(out, text, state):
    """P I X1 X2 X3 FFF"""
    extra = out["extra"]
    if text[0] in "01":
        extra["charge"] = text[0] == "0"
    if text[1] in "01":
        out["ignition"] = text[1] == "1"
    x1, x2, x3 = (int(digit, 16) for digit in text[2:5])
    out["inputs"] = 2 if x1 & 1 else 0
    out["outputs"] = 2 if x1 & 4 else 0
    for name, bit in (("panic", x1 & 2), ("blocked", x1 & 8), ("door", x2 & 8), ("hs1", x2 & 4), ("hs2", x2 & 2),
                      ("hs3", x2 & 1), ("ls1", x3 & 8), ("ls2", x3 & 4), ("ls3", x3 & 2)):
        if bit:
            extra[name] = True
    extra["fuel"] = int(text[5:], 16)
    panic = bool(x1 & 2)
    if state.panic is False and panic and out["event"] != "BO01":
        out["alarms"].append("sos")
    state.panic = panic


def add_mileage(out, text):
    """What follows the L: mileage and perhaps a temperature."""
    found = re.match("[0-9A-Fa-f]{7,8}", text)
    if not found:
        return
    out["odometer_m"] = int(found[0], 16)
    tail = text[found.end():]
    if re.fullmatch(r"[+-]\d{3}\.\d", tail):
        out["extra"]["temp1"] = float(tail)


def shaped(pattern, text):
    if not re.fullmatch(pattern, text):
        raise NoShape
    return text


# Packed ------------------------------------------------------------------------------------------------------------------

def packed_tail(out, date, tail, has_fix, state):
    """What follows the coordinates."""
    head = re.match(r"([\d. ]{5})(\d{6})", tail)
    if not head:
        if tail:
            out["extra"]["data"] = tail
        return
    out["device_time"] = packed_time(date, head[2])
    rest, course = tail[11:], ""
    narrow = re.match(rf"(\d\d)({HEX8})L", rest)
    wide = re.match(rf"([\d. ]{{6}})({HEX8})L", rest)
    if narrow or wide:
        course = (narrow or wide)[1]
        add_state(out, (narrow or wide)[2], state)
        add_mileage(out, rest[(narrow or wide).end():])
    else:
        course = re.match(r"[\d. ]{0,6}", rest)[0]
        if "." in course:
            course += re.match(r"\d*", rest[len(course):])[0]
        rest = rest[len(course):]
        if re.match(rf",{HEX8}L", rest):
            add_state(out, rest[1:9], state)
            add_mileage(out, rest[10:])
        elif re.fullmatch(f",{STATE_AT_END}", rest):
            add_state(out, rest[1:], state)
    if has_fix:
        add_speed_and_course(out, head[1], course)


def packed_position(out, found, rest, state):
    date, mark, lat, north, lon, east = found.groups()
    has_fix = add_fix(out, mark == "A", lat, north, lon, east)
    packed_tail(out, date, rest[found.end():], has_fix, state)


def braced_cells(out, rest, state):
    group = r"\{(\d{1,3}),(\d{1,3}),(\d{1,9}),(\d{1,10})\}"
    shape = re.fullmatch(rf"(\d{{15}})?,?((?:{group}[\r\n ]*)+)(,{STATE_AT_END})?", rest)
    if not shape:
        raise NoShape
    add_imei(out, shape[1] or "")
    groups = [[int(value) for value in one] for one in re.findall(group, shape[2])]
    groups = [one for one in groups if one[2] or one[3]]
    network = groups[0][:2] if groups else None
    add_cells(out["extra"], *(network or (0, 0)), [(*one[2:], None) for one in groups if one[:2] == network])
    if any(one[:2] != network for one in groups):
        out["extra"]["data"] = shape[2]
    if shape[7]:
        add_state(out, shape[7][1:], state)


def listed_cells(out, rest, state):
    """,mcc,mnc,groups of two or three[,state]"""
    f = rest.split(",")
    if len(f) < 3 or f[0] != "":
        raise NoShape
    mcc, mnc = int(shaped(r"\d{1,3}", f[1])), int(shaped(r"\d{1,3}", f[2]))
    f, last = f[3:], None
    if f and len(f[-1]) == 8:
        last = shaped(HEX8, f.pop())
    size = 3 if len(f) % 3 == 0 and all(len(value) < 4 for value in f[2::3]) else 2
    if len(f) % size:
        raise NoShape
    cells = []
    for i in range(0, len(f), size):
        lac, cid = (int(shaped("[0-9A-Fa-f]{4,8}", value), 16) for value in f[i:i + 2])
        rssi = shaped(r"-?\d{1,3}|", f[i + 2]) if size == 3 else ""
        cells.append((lac, cid, int(rssi) if rssi else None))
    add_cells(out["extra"], mcc, mnc, cells)
    if last:
        add_state(out, last, state)


def add_imei(out, digits):
    if re.fullmatch(r"\d{15}", digits) and not digits.startswith("000"):
        out["extra"]["imei"] = digits


def battery_block(out, rest):
    """BS50: little-endian."""
    block = bytes.fromhex(shaped("([0-9A-Fa-f]{2}){88,}", rest))
    u16 = lambda at: int.from_bytes(block[at:at + 2], "little")
    n, m, extra = block[3], block[72], out["extra"]
    if n > 24 or m > 7:
        raise NoShape
    if n:
        extra["cell_mv"] = ",".join(str(u16(4 + 2 * i)) for i in range(n))
    extra["charge"] = block[52] == 0
    extra["current"] = u16(53) / 10
    if u16(55) * 10 <= 100000:
        out["battery_v"] = u16(55) / 100
    if block[57] <= 100:
        out["battery_percent"] = block[57]
    extra["cycles"], extra["fault"], extra["power_temp"] = u16(63), block[65], block[73] - 40
    if m:
        extra["temps"] = ",".join(str(value - 40) for value in block[75:75 + m])


def battery_items(out, rest):
    """BS51: big-endian items of eight bytes. The first of each id counts; those kept as hex are joined."""
    items = [one.split(":") for one in shaped("([0-9A-Fa-f]{2}:[0-9A-Fa-f]{16},)*", rest + ",")[:-1].split(",")]
    extra, seen = out["extra"], {}
    for name, text in items:
        seen.setdefault(name, []).append(text)
    for name, texts in seen.items():
        item = bytes.fromhex(texts[0])
        u16 = lambda at: int.from_bytes(item[at:at + 2], "big")
        if name == "90":
            if u16(0) * 100 <= 100000:
                out["battery_v"] = u16(0) / 10
            extra["current"] = (u16(4) - 30000) / 10
            if u16(6) // 10 <= 100:
                out["battery_percent"] = u16(6) // 10
        elif name == "91":
            extra["cell_max_mv"], extra["cell_min_mv"] = u16(0), u16(3)
        elif name == "92":
            extra["temp_max"], extra["temp_min"] = item[0] - 40, item[2] - 40
        elif "93" <= name <= "98" and name.isdigit():
            texts = [text for text in texts if text.strip("0")]
            if texts:
                extra["bms_" + name] = ",".join(texts)
        else:
            extra["data"] = rest


def packed(state, ident, command, rest):
    def answer(text, when):
        return [reply(f"({ident}{text})", when)]

    if command == "BP00" and re.fullmatch(r"\d{0,16}HSO.*", rest, re.S | re.I):
        return answer("AP01HSO", "now")
    out, replies = report(ident, command), []
    extra = out["extra"]
    found = POSITION.search(rest)
    before = rest[:found.start()] if found else None
    kept = rest  # if nothing is found in it
    if command == "BO01":
        n = re.match(r"\d*", before if found else rest)[0]
        if 1 <= len(n) <= 2 and (not found or n == before):
            if int(n) < 8:
                out["alarms"].append(BO01[int(n)])
            else:
                extra["alarm"] = int(n)
            replies = answer("AS01" + n, "stored")
            kept = rest[len(n):]
    if command == "BQ81":
        n = re.match(r",ALARM,(\d{1,3}),", rest, re.I)
        if n and int(n[1]) < 6:
            out["alarms"].append(BQ81[int(n[1])])
        elif n:
            extra["alarm"] = int(n[1])
    if found:
        add_imei(out, before)
        packed_position(out, found, rest, state)
        return [out] + (answer("AP05", "stored") if command == "BP05" else replies)
    panic, backup = state.panic, ({**out, "extra": {**extra}})
    try:
        if "{" in rest:
            braced_cells(out, rest, state)
            replies = answer("AP05", "stored") if command == "BP05" else replies
        elif command == "BP05":
            replies = answer("AP05", "now")
            shaped(r"\d{15}", rest)
            add_imei(out, rest)
        elif command == "BZ00":
            listed_cells(out, rest, state)
        elif command == "BV00":
            extra["vin"] = shaped(r".{17}", rest)
        elif command == "BS50":
            battery_block(out, rest)
        elif command == "BS51":
            battery_items(out, rest)
        else:
            raise NoShape
    except NoShape:
        state.panic, out = panic, backup
        if command == "BP05":
            replies = answer("AP05", "now")
        kept = kept[1:] if kept.startswith(",") else kept
        if kept:
            out["extra"]["data"] = kept
    return [out] + replies


# Comma style -------------------------------------------------------------------------------------------------------------

def comma_position(out, f, state):
    lat, lon = (re.fullmatch(rf"({ANGLE})([{sides}])", text) for text, sides in zip(f[4:6], ("NS", "EW")))
    if not lat or not lon or f[3] not in ("A", "V"):
        raise NoShape
    has_fix = add_fix(out, f[3] == "A", lat[1], lat[2], lon[1], lon[2])
    is_ten = len(f) == 10
    f = f + [""] * 11
    out["device_time"] = comma_time(f[2], f[7])
    if has_fix:
        add_speed_and_course(out, f[6], f[8])
    if re.fullmatch(HEX8, f[9]) and re.match("L[0-9A-Fa-f]", f[10]):
        add_state(out, f[9], state)
        add_mileage(out, f[10][1:])
        return
    if is_ten and re.fullmatch(STATE_AT_END, f[9]):
        add_state(out, f[9], state)
        return
    if has_fix and is_decimal(f[9]) and -100000 <= half_up(Fraction(f[9]), 2) <= 2000000:
        out["altitude_m"] = half_up(Fraction(f[9]), 2) / 100
    if re.fullmatch(r"\d{1,9}", f[10]) and int(f[10]) <= 99:
        out["satellites"] = int(f[10])


def comma_status(out, f):
    if len(f) < 7:
        raise NoShape
    date, clock = shaped(r"(\d{6})?", f[2]), shaped(r"(\d{6})?", f[3])
    level, battery, power = (int(shaped(r"\d{0,9}", value) or -1) for value in f[4:7])
    out["device_time"] = comma_time(date, clock)
    if level in (2, 3, 4, 5, 6):
        out["battery_percent"] = {6: 100, 5: 80, 4: 50, 3: 20, 2: 10}[level]
    if battery not in (-1, 65535) and battery * 10 <= 100000:
        out["battery_v"] = battery / 100
    if power not in (-1, 65535) and power * 100 <= 1000000:
        out["power_v"] = power / 10


def comma_answer(out, f, body):
    if len(f) < 5:
        raise NoShape
    date, clock = shaped(r"(\d{6})?", f[2]), shaped(r"(\d{6})?", f[3])
    text = body.split(",", 4)[4]
    if not text.startswith("$"):
        raise NoShape
    out["device_time"] = comma_time(date, clock)
    text = text[1:text.rindex("$")] if text.count("$") > 1 else text[1:]
    if text:
        out["extra"]["result"] = text


def comma_cells(out, f):
    if len(f) < 9 or not re.fullmatch(r"\d{1,3}", f[6]) or len(f) != 9 + int(f[6]):
        raise NoShape
    mcc, mnc, lac, cid = (int(shaped(rf"\d{{1,{most}}}", value)) for value, most in zip(f[2:6], (3, 3, 9, 10)))
    points = []
    for point in f[7:-2]:
        mac, rssi, _ = shaped(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\*-?\d{1,3}\*\d{1,3}", point).split("*")
        points.append(f"{mac.replace(':', '').lower()},{int(rssi)}")
    date, clock = shaped(r"(\d{6})?", f[-2]), shaped(r"(\d{6})?", f[-1])
    out["device_time"] = comma_time(date, clock)
    add_cells(out["extra"], mcc, mnc, [(lac, cid, None)])
    if points:
        out["extra"]["wifi"] = ";".join(points)


def comma(state, ident, body):
    f = body.split(",", 127)
    event, command = f[1], f[1].upper()
    out = report(ident, event if re.fullmatch("[ -~]{1,32}", event) else None)
    out["alarms"] += [name for name, commands in COMMA_ALARMS.items() if command in commands.split()]
    if command in IGNITION_ON + IGNITION_OFF:
        out["ignition"] = command in IGNITION_ON
    panic, backup = state.panic, {**out, "extra": {}, "alarms": out["alarms"][:]}
    try:
        if command == "ZC20":
            comma_status(out, f)
        elif command == "ZC03":
            comma_answer(out, f, body)
        elif re.match("DW[56].", command):
            comma_cells(out, f)
        else:
            if len(f) < 6:
                raise NoShape
            comma_position(out, f, state)
    except NoShape:
        state.panic, out = panic, backup
        kept = body.split(",", 2)[2:] if out["event"] or not event else body.split(",", 1)[1:]
        if kept and kept[0]:
            out["extra"]["data"] = kept[0]
    return [out]


def split(body):
    """Returns ident, command and rest; command None in comma style."""
    found = re.match(r"(\d{6,17}),", body)
    if found:
        return found[1], None, body
    for at in [12, 11, 15] + list(range(6, 33)):
        if re.fullmatch(f"[0-9A-Za-z]{{{at}}}", body[:at]) and re.match(r"B[A-Z]\d\d", body[at:]):
            return body[:at], body[at:at + 4], body[at + 4:]
    raise Reject("bad value: ident")


def decode(data, state):
    if data[:1] != b"(":
        return [{"reject": "framing lost", "frame": data.hex()}]
    body = data[1:-1].decode("latin-1")
    try:
        ident, command, rest = split(body)
        if state.ident != ident:
            state.ident, state.panic = ident, None
        return packed(state, ident, command, rest) if command else comma(state, ident, body)
    except Reject as reject:
        return [{"reject": str(reject), "frame": data.hex()}]


# Random frames -----------------------------------------------------------------------------------------------------------

def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def hexes(rng, count):
    return "".join(rng.choice("0123456789ABCDEF") for _ in range(count))


def clock(rng):
    return rng.choice(["000000", "240000", "091569"]) if rng.random() < .05 else "%02d%02d%02d" % (
        rng.randrange(24), rng.randrange(60), rng.randrange(60))


def date(rng, comma_style=False):
    if rng.random() < .05:
        return rng.choice(["000000", "311801", "310231", "320131"])
    parts = ["%02d" % rng.randint(0, 99), "%02d" % rng.randint(1, 12), "%02d" % rng.randint(1, 28)]
    return "".join(parts[::-1] if comma_style else parts)


def angle_text(rng, most, width):
    degrees, minutes = rng.randrange(most), rng.randrange(600000)
    if rng.random() < .02:
        degrees, minutes = rng.choice([(most, 0), (most, 1), (most + 1, 0), (1, 600000), (1, 999999)])
    text = "%0*d%02d.%04d" % (width, degrees, minutes // 10000, minutes % 10000)
    shape = rng.randrange(12)
    if shape == 0:
        return "%02d.%04d" % (minutes // 10000, minutes % 10000)
    if shape == 1:
        return text.lstrip("0").rjust(len(text)) if text.lstrip("0")[0] != "." else text
    if shape == 2:
        return text + rng.choice(["5", "05", "123"])
    return text


def state_text(rng):
    shape = rng.randrange(8)
    if shape == 0:
        return hexes(rng, 8)
    if shape == 1:
        return rng.choice(["0000000G", "1100 000", "3F00000a"])
    return rng.choice("01") + rng.choice("01") + hexes(rng, 3) + "%03X" % rng.choice([0, 10, 100, 4095]) if shape < 5 else (
        "".join(rng.choice("01") for _ in range(5)) + "000")


def mileage_text(rng):
    return "L" + rng.choice([hexes(rng, 8), hexes(rng, 8), hexes(rng, 7), "00000000", "FFFFFFFF", hexes(rng, 9), hexes(rng, 4), "", "x"]) + rng.choice(
        [""] * 8 + ["+021.5", "-003.0", "T000", "P23B1", ",310514,091500", "+021.5,", "-5", "+1234.5"])


def speed_text(rng):
    return rng.choice(["061.1", "2.381", "35.12", " 35.0", "00000", "000.0", "     ", "1.2.3", "3 5.0", "%05.1f" % (rng.random() * 300),
                       "99999", "  .5 "])


def course_text(rng):
    return rng.choice(["274.50", "35.100", "000000", " 87.30", "%06.2f" % (rng.random() * 360), "359.99", "400.00", "      ",
                       "0.0000", "360.00"])


def packed_position_text(rng):
    if rng.random() < .06:
        place = ["V", rng.choice(["0000.0000", "00.0000"]), "N", "00000.0000", "E"]
    else:
        place = [rng.choice("AAAAAV"), angle_text(rng, 90, 2), rng.choice("NS"), angle_text(rng, 180, 3), rng.choice("EW")]
    if rng.random() < .03:
        place[rng.randrange(5)] = rng.choice(["", "Q", "9", "12345", "-12.5", "123456.0000"])
    text = date(rng) + "".join(place)
    shape = rng.randrange(16)
    if shape == 0:
        return text + rng.choice(["", "061", "061.10915", "061.1AAAAAA", "0x1.1091500"])
    text += speed_text(rng) + clock(rng)
    if shape == 1:
        return text + digits(rng, 2) + state_text(rng) + mileage_text(rng)
    if shape == 2:
        return text + rng.choice(["72.016", "172.0161", "45", "5.5", ""]) + rng.choice(["", ",3", "T000", ",310514,091500"])
    if shape == 3:
        return text + rng.choice([course_text(rng), "172.0161", "45"]) + "," + state_text(rng)
    if shape == 4:
        return text + rng.choice([course_text(rng), "172.0161", "45"]) + "," + state_text(rng) + mileage_text(rng)
    if shape == 5:
        return text + course_text(rng) + rng.choice([state_text(rng), state_text(rng)[:7] + mileage_text(rng), "3)"[:1]])
    return text + course_text(rng) + state_text(rng) + mileage_text(rng)


def braced_text(rng):
    groups = ["{%d,%d,%d,%d}" % (rng.choice([502, 310, 0]), rng.choice([10, 0]), rng.choice([6956, 0]), rng.choice([41394, 0, 268435455]))
              for _ in range(rng.randint(1, 8))]
    if rng.random() < .1:
        groups[rng.randrange(len(groups))] = rng.choice(["{502,10,6956}", "{502,10,1b2c,1}", "{}", "{5020,1,1,1}", "{502,10,6956,41394,1}"])
    text = "".join(group + rng.choice(["\n", "\n", "\n", "\r\n", ""]) for group in groups)
    return rng.choice(["", "860000000000017", "000600000000017", "1"]) + rng.choice([",", ",", ""]) + text + rng.choice(
        [",11000000", ",0A2F1064", "," + state_text(rng), "", ",x"])


def listed_text(rng):
    size, groups = rng.choice([2, 3]), []
    for _ in range(rng.randrange(5)):
        groups += [rng.choice(["1b2c", "0000", "1B2C"]), rng.choice(["a1b2", "0000", "a1b3"])]
        if size == 3:
            groups.append(rng.choice(["43", "0", "-61", "", "127"]))
    if rng.random() < .1 and groups:
        groups[rng.randrange(len(groups))] = rng.choice(["", "g", "1234", "99999", "43"])
    last = rng.choice([[], [state_text(rng)], ["11000000"]])
    return "," + ",".join([rng.choice(["502", "310", "x"] if rng.random() < .1 else ["502"]), rng.choice(["010", "10", "0"])] + groups + last)


def battery_text(rng):
    block = bytearray(rng.randrange(256) for _ in range(rng.choice([88, 102, 102, 102, 87])))
    block[3], block[72] = rng.choice([0, 4, 13, 24, 24, 25]), rng.choice([0, 1, 4, 7, 7, 8])
    block[52] = rng.choice([0, 0, 1])
    block[57] = rng.randrange(120)
    block[55:57] = rng.choice([5423, 10000, 10001, 0]).to_bytes(2, "little")
    text = block.hex().upper()
    return rng.choice([text, text, text, text.lower(), text + "F", text + "\n"])


def items_text(rng):
    items = []
    for _ in range(rng.randint(1, 10)):
        name = rng.choice(["90", "91", "92", "93", "94", "95", "95", "95", "96", "97", "98"] + ["99"] * (rng.random() < .2) + ["9A"])
        value = rng.choice([hexes(rng, 16), hexes(rng, 16), "0" * 16, "021E021D753A0259"])
        if rng.random() < .02:
            value = value[1:]
        items.append(f"{name}:{value}")
    return ",".join(items)


def packed_random(rng, ident):
    command = rng.choice(["BR00"] * 6 + ["BP05"] * 4 + ["BO01"] * 3 + "BP00 BP04 BR01 BR02 BP02 BQ81 BQ81 BZ00 BZ00 BZ00 BV00 BV01 BS50 "
                         "BS51 BQ86 BT00 BP07 BP12 BX33".split())
    position = packed_position_text(rng)
    extras = {
        "BP00": ["860000000000017HSO", "HSO", "000600000000017HSO0B2C", "hso", "12345678901234567HSO", "860000000000017", position],
        "BP05": ["860000000000017" + position] * 3 + ["000600000000017" + position, position, braced_text(rng), "860000000000017", "",
                                                      "000600000000017", "junk"],
        "BO01": [rng.choice("0123456789") + position] * 5 + ["12" + position, position, "2", "", "x" + position, "123" + position, "2junk", "12", "2," + braced_text(rng),
                 "860000000000017," + braced_text(rng)],
        "BP02": [",G,2," + position, position, ",G"],
        "BQ81": [f",ALARM,{rng.choice('0123456789')},20," + position] * 4 + [",alarm,4,20," + position, ",ALARM,x", ",ALARM,3,1", position],
        "BZ00": [listed_text(rng)] * 3 + [braced_text(rng), "," + braced_text(rng), position, "", ",502"],
        "BV00": ["TESTVIN0000000017", "0", "1", "", "TESTVIN000000017"],
        "BV01": ["0", "1", ""],
        "BS50": [battery_text(rng)],
        "BS51": [items_text(rng)],
        "BQ86": [",0," + hexes(rng, 20) + ",2031-05-14 09:15:30,11000000", "0," + hexes(rng, 8)],
        "BX33": [position, "junk", ",a,b", braced_text(rng)],
    }
    rest = rng.choice(extras.get(command, [position] * 5 + ["", "OK", braced_text(rng)]))
    return f"({ident}{command}{rest})"


def comma_position_text(rng, command):
    if rng.random() < .06:
        place = ["V", rng.choice(["0000.0000N", "00.00000S"]), "00000.0000E"]
    else:
        place = [rng.choice("AAAAAV"), angle_text(rng, 90, 2) + rng.choice("NS"), angle_text(rng, 180, 3) + rng.choice("EW")]
    if rng.random() < .04:
        place[rng.randrange(3)] = rng.choice(["", "Q", "1220.7360", "N", "-20.5N"])
    f = [command, rng.choice([date(rng, True), date(rng, True), date(rng, True), ""]) if rng.random() < .1 else date(rng, True), *place]
    f += [rng.choice(["0.50", "000.0", "2.381", "", "x", "9999", " 35.0"]), clock(rng), rng.choice(["274.50", "301.25", "", "361", "0"])]
    shape = rng.randrange(10)
    if shape == 0:
        return ",".join(f[:rng.randint(2, len(f))])
    if shape == 1:
        return ",".join(f)
    if shape in (2, 3):
        return ",".join(f + [state_text(rng), mileage_text(rng)])
    if shape == 4:
        return ",".join(f + [state_text(rng)] + rng.choice([[], [""], ["9"]]))
    f += [rng.choice(["35.10", "-0.20", "", "x", "-2000", "25000", "8848.86"]), rng.choice([str(rng.randrange(20)), "", "100", "x"])]
    return ",".join(f + rng.choice([[], [], ["0"], ["x", "y"]]))


def point_text(rng):
    return ":".join(hexes(rng, 2) for _ in range(6)) + f"*{rng.randint(-99, 5)}*{rng.randint(1, 13)}"


def comma_random(rng, ident):
    """Returns the frame, and whether its last $ is missing."""
    command = rng.choice("BP05 ZC07 ZC11 ZC12 ZC13 ZC15 ZC16 ZC17 ZC25 ZC26 ZC27 ZC29 zc13 ZC1F BR00 DW30 DW31 DW32 DW33 DW35 DW36 "
                         "DW37 DW3B DW3E DW3F DW40 DW42".split())
    text = comma_position_text(rng, command)
    shape = rng.randrange(12)
    if shape == 0:
        values = [rng.choice(["0", "1", "2", "3", "4", "5", "6", "255", "", "x" if rng.random() < .1 else "7"]),
                  rng.choice(["398", "0", "65535", "10000", "10001", ""]), rng.choice(["121", "0", "65535", "10000", "10001", ""]), "0"]
        text = ",".join(["ZC20", date(rng, True), clock(rng)] + values[:rng.choice([4, 4, 4, 3, 2])])
    if shape == 1:
        words = rng.choice(["Set: a)b\nMode (2)", "Ok", "", "a,b)c", "(x", "Fail)"])
        end = rng.choice(["$", "$", "$", "$,x", ""])
        start = "" if end == "" and rng.random() < .1 else "$"
        text = f"ZC03,{date(rng, True)},{clock(rng)},{start}{words}{end}"
        if not start and ")" in words:
            text = f"ZC03,{date(rng, True)},{clock(rng)},Ok"
    if shape in (2, 3):
        n = rng.randrange(6)
        cell = rng.choice([["502", "10", "6956", "41394"], ["0", "0", "0", "0"], ["502", "10", "1b2c", "1"], ["", "", "", ""]]
                          if rng.random() < .3 else [["502", "10", str(rng.randrange(65536)), str(rng.randrange(1 << 28))]])
        points = [point_text(rng) for _ in range(n)]
        if points and rng.random() < .05:
            points[0] = rng.choice(["", "02:00:5E:10:00:01*-61", "02005E100001*-61*6", "02:00:5E:10:00:0G*-61*6"])
        n += rng.choice([0] * 20 + [1, -1])
        code = rng.choice("50 51 52 53 55 56 57 5B 5E 5F 60 62 5b 6F".split())
        text = ",".join(["DW" + code, *cell, str(n), *points, date(rng, True), clock(rng)])
    if shape == 4:
        text = rng.choice(["ZC99", "ZC99,1,2", "FOO,a", "", "ZC13", "x" * 33 + ",1", "BZ00,502", "DW51", "ZC20", "ZC03"])
    return f"({ident},{text})", text.count("$") % 2 == 1


def ident_random(rng, packed_style):
    shape = rng.randrange(40)
    if shape == 0:
        return rng.choice(["12345", "600-00000017", "", "6" * 33, "BR00", "6000000 0017"])
    if shape == 1:
        return rng.choice(["600000", "12345678", "60000000000000001", "6" * 17]) if not packed_style else rng.choice(
            ["600000", "12345678", "6" * 20, "6" * 32, "ABCDEFGHIJKLMNOPQ"])
    if shape == 2:
        return "6" * 18
    if packed_style:
        return rng.choice(["600000000017", "600000000017", "600000000018", "TESTERUNIT17", "60000000017", "860000000000017"])
    return rng.choice(["860000000000017", "860000000000017", "6000000017", "600000000017"])


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them)."""
    opening = b"(600000000017BP00860000000000017HSO)"
    yield opening, None
    after_garbage = False
    for _ in range(count):
        if rng.random() < .02 and not after_garbage:
            garbage = rng.choice([b"x", b"}", b")", b"\x01"])  # one byte: how more are cut depends on the reads
            yield garbage, garbage
            after_garbage = True
            continue
        packed_style, is_open = rng.random() < .7, False
        ident = ident_random(rng, packed_style)
        if packed_style:
            frame = packed_random(rng, ident)
        else:
            frame, is_open = comma_random(rng, ident)
        if rng.random() < .01 and ")" not in frame[1:-1]:
            at = rng.randrange(1, len(frame) - 1)
            frame = frame[:at] + rng.choice(["", "", "{", ",", "9", "B"]) + frame[at + 1:]
            is_open = frame.count("$") % 2 == 1
        if is_open and "$" not in frame[frame.rindex("$"):-1]:
            # The text ends where another frame begins.
            for close in [at for at, c in enumerate(frame[:-1]) if c == ")" and frame[:at].count("$") % 2 == 0]:
                frame = frame[:close] + "]" + frame[close + 1:]
        frame = frame.encode("latin-1")
        yield frame + rng.choice([b"", b"", b"\r\n", b" "]), frame
        if is_open:
            yield opening, opening
        after_garbage = False
