# SPDX-License-Identifier: MIT
"""H02, slow and obvious: what each frame must give, and random frames. Written from the protocol's documents without a
look at the decoder."""
import re

from common import Reject, add_cells, calendar_time, is_decimal, knots, number, reply, report

ALARMS = {0: "vibration", 1: "sos", 2: "overspeed", 4: "geofenceEnter", 7: "geofenceExit", 18: "sos", 19: "powerCut",
          20: "powerCut"}
WORD = re.compile(r"[0-9A-Fa-f]{8}")


class Device:
    """What is remembered: the ident and letters of the connection, the last status word of each device."""
    def __init__(self):
        self.ident = None
        self.letters = "HQ"
        self.words = {}


def frame_time(date, clock):
    if not re.fullmatch(r"\d{6}", date) or not re.fullmatch(r"\d{6}", clock):
        return None
    year = int(date[4:])
    return calendar_time(year + (2000 if year < 80 else 1900), int(date[2:4]), int(date[:2]), int(clock[:2]),
                         int(clock[2:4]), int(clock[4:]))


def add_status(out, word, state):
    """Alarms of the bits that fell since the last word, ignition, extra.status."""
    if not word:
        return
    bits = int(word, 16)
    last = state.words.get(out["ident"], 0xFFFFFFFF)
    state.words[out["ident"]] = bits
    out["alarms"] += [name for bit, name in ALARMS.items() if last >> bit & 1 and not bits >> bit & 1]
    out["ignition"] = bool(bits >> 10 & 1)
    out["extra"]["status"] = word
    for bit, name in ((8, "door"), (9, "armed"), (27, "blocked")):
        if not bits >> bit & 1:
            out["extra"][name] = True


class NoShape(Exception):
    """The fields do not fit the shape of their type."""


def angle(text, most, name):
    """Returns 1e-7 degrees, or None if the field is empty."""
    text = text.strip(" ")
    if not text:
        return None
    text = text[1:] if text[0] == "-" else text
    degrees, dash, minutes = text.rpartition("-")
    if "." not in minutes:
        if not re.fullmatch(r"\d+", minutes):
            raise NoShape
        minutes = minutes.rjust(4, "0")
        minutes = minutes[:-4] + "." + minutes[-4:]
    if not dash:
        whole = minutes.index(".")
        degrees, minutes = minutes[:max(whole - 2, 0)], minutes[max(whole - 2, 0):]
    if not re.fullmatch(r"\d{0,3}", degrees) or not re.fullmatch(r"\d{0,2}\.\d*", minutes) or minutes == ".":
        raise NoShape
    degrees = int(degrees or "0")
    before, _, after = minutes.partition(".")
    micro = int(before or "0") * 1000000 + int(after[:6].ljust(6, "0"))
    e7 = degrees * 10000000 + (micro + 3) // 6
    if micro >= 60000000 or e7 > most * 10000000:
        raise Reject("bad value: " + name)
    return e7


def cell(values):
    """Returns the cell's extra, {} for four zeros, None if the values stay text."""
    texts = [value.strip(" ") for value in values]
    is_hex = (any(re.search("[a-fA-F]", text) for text in texts[:2]) or texts != list(values)
              or all(len(text) == 6 for text in texts))
    for base in (16,) if is_hex else (10, 16):
        digits = r"[0-9a-fA-F]{1,8}" if base == 16 else r"\d{1,10}"
        if not all(re.fullmatch(digits, text) for text in texts):
            if base == 10 and re.fullmatch(r"\d{1,10}", texts[0]) and 200 <= int(texts[0]) <= 799:
                return None
            continue
        mcc, mnc, lac, cid = (int(text, base) for text in texts)
        if not (mcc or mnc or lac or cid):
            return {}
        if 200 <= mcc <= 799:
            fits = mnc <= 999 and lac <= 65535 and (lac or cid)
            return {"mcc": mcc, "mnc": mnc, "lac": lac, "cid": cid} if fits else None
    return None


def are_sensors(more):
    return (len(more) == 6 and is_decimal(more[2]) and "." in more[2] and 0 <= float(more[2]) <= 100
            and re.fullmatch(r"\d{0,12}", more[0]) and all(not value or is_decimal(value) for value in (more[1], more[3]))
            and all(re.fullmatch("[0-9A-Fa-f]{0,8}", value) for value in more[4:]) and bool(more[4]) == bool(more[5]))


def add_more(out, kind, more):
    extra = out["extra"]
    if are_sensors(more):
        if more[0]:
            out["odometer_m"] = int(more[0])
        number(extra, "temp1", more[1])
        number(extra, "fuel", more[2])
        if is_decimal(more[3]) and -1000 <= float(more[3]) <= 20000:
            out["altitude_m"] = float(more[3])
        if more[4] and (int(more[4], 16) or int(more[5], 16)):
            extra["lac"], extra["cid"] = int(more[4], 16), int(more[5], 16)
        return
    first = 0
    if len(more) >= 4:
        found = cell(more[:4])
        if found is not None:
            first = 4
            extra.update(found)
    for index, value in enumerate(more[first:], first + 1):
        if kind == "V6" and index == 5 and 15 <= len(value) <= 22:
            extra["iccid"] = value
        elif value:
            extra[f"io{index}"] = value


def get(fields, index):
    return fields[index] if 0 <= index < len(fields) else ""


def v_type(out, kind, f, state):
    """Any position type: f are all fields, counted as in the documents."""
    place = next((i for i in range(5, len(f) - 2) if f[i] in ("N", "S") and f[i + 2] in ("E", "W")), None)
    if kind == "V4":
        if place is None:
            out["extra"]["result"] = ",".join(f[3:])
            return
        if place - 3 > 3:
            out["extra"]["result"] = ",".join(f[3:place - 3])
    lat = lon = None
    valid = False
    if place is not None:
        lat, lon = angle(f[place - 1], 90, "latitude"), angle(f[place + 1], 180, "longitude")
        valid = f[place - 2] == "A" or bool(re.fullmatch(r"\d", f[place - 2]))
    has_fix = lat is not None and lon is not None and (valid or lat or lon)
    at = 6 if place is None else place
    if has_fix:
        out["valid"] = valid
        out["latitude"] = -lat if f[at] == "S" else lat
        out["longitude"] = -lon if f[at + 2] == "W" else lon
        knots(out, get(f, at + 3).strip(" "))
        course = get(f, at + 4).strip(" ")
        if is_decimal(course) and 0 <= float(course) <= 360:
            out["course_deg"] = float(course)
    clock, date, mark = f[at - 3], get(f, at + 5), f[at - 2]
    if lat is not None and lon is not None and re.fullmatch(r"\d+", date) and len(date) != 6 and re.fullmatch(r"\d{6}", get(f, at + 6)):
        out["extra"]["battery"] = date
        at += 1
        date = f[at + 5]
    status = at + 6
    if kind == "V19" and get(f, status) == "" and len(f) > status + 3:
        status += 3
    if not has_fix and not (len(f) > at + 5 and re.fullmatch(r"[AVB0-9]?", mark) and re.fullmatch(r"(\d{6})?", date)
                            and re.fullmatch(f"({WORD.pattern})?", get(f, status))):
        raise NoShape
    out["device_time"] = frame_time(date, clock)
    word = get(f, status)
    if not WORD.fullmatch(word):
        if word:
            status -= 1
        word = ""
    add_status(out, word, state)
    if kind == "V19" and at + 9 in (status, status + 1):
        for name, value in (("phone", f[at + 7]), ("iccid", f[at + 8])):
            if value:
                out["extra"][name] = value
    add_more(out, kind, f[status + 1:])


def whole(text, most=18):
    if not re.fullmatch(r"\d{1,%d}" % most, text):
        raise NoShape
    return int(text)


def signed(text):
    if text == "":
        return None
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise NoShape
    return int(text)


def optional(pattern, text):
    if text and not re.fullmatch(pattern, text):
        raise NoShape
    return text


def groups(values, size):
    return [values[i:i + size] for i in range(0, len(values), size)]


def nbr(out, f, state):
    count = whole(get(f, 4), 2)
    end = 5 + 3 * count
    if len(f) not in (end + 2, end + 3):
        raise NoShape
    date, word = optional(r"\d{6}", f[end]), optional(WORD.pattern, f[end + 1])
    cells = [(whole(a, 9), whole(b, 10), signed(c)) for a, b, c in groups(f[5:end], 3)]
    mcc, mnc = whole(f[1], 3), whole(f[2], 3)
    out["device_time"] = frame_time(date, f[0])
    add_status(out, word, state)
    add_cells(out["extra"], mcc, mnc, cells)
    if len(f) == end + 3 and f[end + 2]:
        out["extra"]["battery"] = f[end + 2]


def v3(out, f, state):
    count = whole(get(f, 2), 2)
    end = 3 + 4 * count
    if len(f) != end + 5 or f[end + 2] != "X" or not re.fullmatch(r"\d{4,6}", f[1]):
        raise NoShape
    battery = optional("[0-9A-Fa-f]{4}", f[end])
    date, word = optional(r"\d{6}", f[end + 3]), optional(WORD.pattern, f[end + 4])
    cells = []
    for lac, cid, level, dbm in groups(f[3:end], 4):
        level, dbm = signed(level), signed(dbm)
        rssi = dbm if dbm is not None and dbm < 0 else level - 220 if level and 0 < level < 220 else None
        cells.append((whole(lac, 9), whole(cid, 10), rssi))
    out["device_time"] = frame_time(date, f[0])
    add_status(out, word, state)
    add_cells(out["extra"], int(f[1][:3]), int(f[1][3:]), cells)
    if battery:
        out["extra"]["battery"] = int(battery, 16)


def vp1(out, f):
    if f[0] in ("A", "B") and len(f) >= 5 and f[2] in ("N", "S") and f[4] in ("E", "W"):
        lat, lon = angle(f[1], 90, "latitude"), angle(f[3], 180, "longitude")
        if lat is None or lon is None:
            raise NoShape
        if f[0] == "A" or lat or lon:
            out["valid"] = f[0] == "A"
            out["latitude"], out["longitude"] = -lat if f[2] == "S" else lat, -lon if f[4] == "W" else lon
            knots(out, get(f, 5).strip(" "))
            course = get(f, 6).strip(" ")
            if is_decimal(course) and 0 <= float(course) <= 360:
                out["course_deg"] = float(course)
        return
    if f[0] != "V":
        raise NoShape
    parts = ",".join(f[1:]).split("Y")
    first = parts[0].split(",")
    cells = [first[2:]] + [part.split(",") for part in parts[1:]]
    if len(first) != 5 or any(len(one) != 3 for one in cells):
        raise NoShape
    add_cells(out["extra"], whole(first[0], 3), whole(first[1], 3), [(whole(a, 9), whole(b, 10), signed(c)) for a, b, c in cells])


def link(out, f, state):
    if len(f) != 8:
        raise NoShape
    values = [optional(r"\d{1,9}", value) for value in f[1:6]]
    date, word = optional(r"\d{6}", f[6]), optional(WORD.pattern, f[7])
    out["device_time"] = frame_time(date, f[0])
    add_status(out, word, state)
    for name, value in zip(("gsm", "satellites", "battery_percent", "steps", "turnovers"), values):
        if value and not (name == "satellites" and int(value) > 99 or name == "battery_percent" and int(value) > 100):
            (out if "s_" not in name and name in ("satellites", "battery_percent") else out["extra"])[name] = int(value)


def base(out, f, state):
    if len(f) != 7:
        raise NoShape
    values = [whole(value, size) for value, size in zip(f[1:5], (3, 3, 9, 10))]
    date, word = optional(r"\d{6}", f[5]), optional(WORD.pattern, f[6])
    out["device_time"] = frame_time(date, f[0])
    add_status(out, word, state)
    add_cells(out["extra"], values[0], values[1], [(values[2], values[3], None)])


def bs(out, f, state):
    if len(f) != 15:
        raise NoShape
    for value in f[1:3] + [value for i, value in enumerate(f[3:12]) if i % 3 < 2]:
        if not re.fullmatch("[0-9A-Fa-f]{1,8}", value):
            raise NoShape
    cells = [(int(a, 16), int(b, 16), signed(c)) for a, b, c in groups(f[3:12], 3)]
    date, word = optional(r"\d{6}", f[12]), optional(WORD.pattern, f[13])
    out["device_time"] = frame_time(date, f[0])
    add_status(out, word, state)
    add_cells(out["extra"], int(f[1], 16), int(f[2], 16), [one for one in cells if one[0]])
    if f[14]:
        out["extra"]["battery"] = f[14]


def beat(out, f):
    if len(f) > 1 or f and not re.fullmatch(r"(\d{1,3})?", f[0]):
        raise NoShape
    if f and f[0] and int(f[0]) <= 100:
        out["battery_percent"] = int(f[0])


def text_frame(data, state):
    body = data[1:-1].decode("latin-1")
    f = body.split(",", 127)
    ident = get(f, 1)
    if ident:
        if not re.fullmatch(r"[0-9A-Za-z._:-]{1,32}", ident):
            raise Reject("bad value: ident")
        state.ident = ident
    if re.fullmatch("[A-Za-z]{2}", f[0]):
        state.letters = f[0]
    if not state.ident:
        raise Reject("bad value: ident")
    event = get(f, 2)
    kind = event.upper()
    out = report(state.ident, event)
    rest = body.split(",", 3)[3] if len(f) > 3 else ""
    before = dict(state.words)
    try:
        if kind in ("V0", "HTBT"):
            beat(out, f[3:])
        elif kind == "V3":
            v3(out, f[3:], state)
        elif kind == "VP1":
            vp1(out, f[3:])
        elif kind.startswith("V"):
            v_type(out, kind, f, state)
        elif kind == "NBR":
            nbr(out, f[3:], state)
        elif kind == "LINK":
            link(out, f[3:], state)
        elif kind == "BASE":
            base(out, f[3:], state)
        elif kind == "BS":
            bs(out, f[3:], state)
        elif kind == "SMS":
            out["extra"]["result"] = rest
        else:
            raise NoShape
    except (NoShape, IndexError):
        state.words = before
        out = report(state.ident, event)
        if rest:
            out["extra"]["data"] = rest
    outputs = [out]
    if kind in ("V1", "NBR"):
        outputs.append(reply(f"*{state.letters},{state.ident},V4,{kind},<clock14>#", "stored"))
    if kind in ("V0", "HTBT"):
        outputs.append(reply(f"*{state.letters},{state.ident},{event}#", "now"))
    return outputs


def digits(data, name):
    text = data.hex()
    if not text.isdigit():
        raise Reject("bad value: " + name)
    return text


def binary_frame(data, state):
    is_x = data[:1] == b"X"
    long_id = len(data) == 42
    shift = 3 if long_id else 0
    d = data[shift:]
    number_text = digits(data[1:9] if long_id else data[1:6], "mileage" if is_x else "ident")
    if not is_x:
        state.ident = number_text[:15]
    elif not state.ident:
        raise Reject("bad value: ident")
    out = report(state.ident, "X" if is_x else "$")
    clock, date = digits(d[6:9], "time"), digits(d[9:12], "date")
    lat = digits(d[12:16], "latitude")
    lon = d[17:22].hex()[:9]
    if not lon.isdigit():
        raise Reject("bad value: longitude")
    speed, course = d[22:25].hex()[:3], d[22:25].hex()[3:]
    if not speed.isdigit() or not course.isdigit():
        raise Reject("bad value: speed" if not speed.isdigit() else "bad value: course")
    lat = angle(lat[:4] + "." + lat[4:], 90, "latitude")
    lon = angle(lon[:5] + "." + lon[5:], 180, "longitude")
    flags = d[21]
    valid = bool(flags & 2)
    if valid or lat or lon:
        out["valid"] = valid
        out["latitude"], out["longitude"] = lat if flags & 4 else -lat, lon if flags & 8 else -lon
        knots(out, speed)
        if int(course) <= 360:
            out["course_deg"] = int(course)
    out["device_time"] = frame_time(date, clock)
    battery = d[16]
    percent = ((battery - 1) * 10 if 1 <= battery <= 3 else (battery - 1) * 20 if 4 <= battery <= 6 else
               battery if 7 <= battery <= 100 else battery & 15 if 0xF1 <= battery <= 0xF6 else None)
    if percent is not None:
        out["battery_percent"] = percent
    add_status(out, d[25:29].hex().upper(), state)
    extra = out["extra"]
    if is_x:
        extra["mileage"] = int(number_text)
    elif len(data) == 45:
        if d[29:31] == b"\xff\x00":
            if d[31] <= 31:
                out["gsm_percent"] = d[31] * 100 // 31
            if d[32] <= 99:
                out["satellites"] = d[32]
        else:
            extra["mileage"] = int.from_bytes(d[29:33], "big")
        mcc, lac, cid = (int.from_bytes(d[i:i + 2], "big") for i in (37, 40, 42))
        if 200 <= mcc <= 799 and (lac or cid):
            extra.update(mcc=mcc, mnc=d[39], lac=lac, cid=cid)
    elif len(data) == 46:
        if d[33:37].hex().isdigit():
            out["odometer_m"] = int(d[33:37].hex())
        extra["temp1"] = int.from_bytes(d[37:38], "big", signed=True)
        if d[38] <= 100:
            extra["fuel"] = d[38]
        altitude = int.from_bytes(d[40:42], "big")
        if altitude <= 20000:
            out["altitude_m"] = altitude
        lac, cid = int.from_bytes(d[42:44], "big"), int.from_bytes(d[44:46], "big")
        if lac or cid:
            extra.update(lac=lac, cid=cid)
    elif len(data) in (42, 48):
        extra["data"] = d[29:].hex()
    outputs = [out]
    if not is_x and not long_id:
        outputs.append(reply(f"*{state.letters},{state.ident},R12,<clock6>#", "stored"))
    return outputs


def decode(data, state):
    try:
        return text_frame(data, state) if data[:1] == b"*" else binary_frame(data, state)
    except Reject as reject:
        return [{"reject": str(reject), "frame": data.hex()}]


# Random frames -----------------------------------------------------------------------------------------------------------

def clock(rng):
    return rng.choice(["", "000000", "091569"]) if rng.random() < .1 else "%02d%02d%02d" % (
        rng.randrange(24), rng.randrange(60), rng.randrange(60))


def date(rng):
    return rng.choice(["", "000000", "320131", "310231"]) if rng.random() < .1 else "%02d%02d%02d" % (
        rng.randint(1, 28), rng.randint(1, 12), rng.randint(0, 40))


def word(rng):
    value = 0xFFFFFFFF
    for _ in range(rng.randrange(4)):
        value &= ~(1 << rng.randrange(32))
    return rng.choice(["%08X", "%08X", "%08x"]) % value


def angle_text(rng, most, width):
    degrees, minutes = rng.randrange(most), rng.randrange(600000)
    if rng.random() < .02:
        degrees, minutes = rng.choice([(most, 1), (most + 1, 0), (1, 600000), (most, 0)])
    shape = rng.randrange(8)
    text = "%0*d%02d.%04d" % (width, degrees, minutes // 10000, minutes % 10000)
    if shape == 0:
        return text + str(rng.randrange(10))
    if shape == 1:
        return text.lstrip("0") or "0"
    if shape == 2:
        return "-%0*d-%02d.%04d" % (width, degrees, minutes // 10000, minutes % 10000)
    if shape == 3:
        return text.replace(".", "")
    if shape == 4:
        return "%02d.%04d" % (minutes // 10000, minutes % 10000)
    return text


def odd(rng):
    return rng.choice(["", "", "", "0", "1", "x", "-", "7.5", "abc", "123456", "FFFFFBFF", "N", "E"])


def cell_text(rng):
    mcc, mnc, lac, cid = rng.randint(150, 850), rng.choice([0, 1, 10, 99, 1200]), rng.randrange(70000), rng.randrange(1 << 20)
    shape = rng.randrange(7)
    if shape == 0:
        return ["%x" % mcc, "%x" % mnc, "%x" % lac, "%x" % cid]
    if shape == 1:
        return ["%3x" % mcc, "%2x" % mnc, " %x" % lac, "%x" % cid]
    if shape == 2:
        return ["%06x" % value for value in (mcc, mnc, lac, cid)]
    if shape == 3:
        return ["0", "0", "0", "0"]
    if shape == 4:
        return ["", "", "%x" % (lac + 16777216), str(cid)]
    if shape == 5:
        return [str(mcc), str(mnc), "0", "0"]
    return [str(mcc), "%02d" % mnc, str(lac), str(cid)]


def more_text(rng):
    shape = rng.randrange(6)
    if shape == 0:
        return []
    if shape == 1:
        return [str(rng.randrange(1 << 30)), str(rng.randint(-40, 80)), "%.1f" % (rng.random() * 110),
                str(rng.randint(-100, 5000)), "%X" % rng.randrange(65536), "%X" % rng.randrange(1 << 28)]
    if shape == 2:
        return [odd(rng) for _ in range(rng.choice([rng.randint(1, 9), 6, 20]))]
    more = cell_text(rng) + [odd(rng) for _ in range(rng.choice([0, 0, 1, 2, 4]))]
    if shape == 3 and len(more) > 4:
        more[4] = "8900000000000000%03dF" % rng.randrange(1000)
    return more


def position(rng, kind):
    shape = rng.randrange(10)
    if shape == 0:
        place = [rng.choice(["V", "", "B", "A", "1", "Q"]), "", rng.choice(["", "0", "N"]), "", rng.choice(["", "0", "E"])]
    elif shape == 1:
        place = ["V", "0.0000", rng.choice("N0"), "0.0000", rng.choice("E0")]
    else:
        place = [rng.choice("AAAAAAVB1x"), angle_text(rng, 90, 2), rng.choice("NS"), angle_text(rng, 180, 3), rng.choice("EW")]
    speed = rng.choice(["", "0.00", "%06.2f" % (rng.random() * 300), "%5.1f" % rng.random(), "9999", "x"])
    f = [clock(rng), *place, speed, rng.choice(["", "000", str(rng.randrange(400)), "%.1f" % (rng.random() * 360)])]
    if rng.random() < .1:
        f.append(str(rng.randrange(1000)))
    f.append(date(rng))
    end = rng.random()
    if end < .05:
        return f
    if kind == "V19" and end < .9:
        f += ["", rng.choice(["", "15551234567", "192.0.2.1"]), rng.choice(["", "8900000000000000017", "89000000000000000?"])]
    f.append(word(rng) if end < .95 else odd(rng))
    return f + more_text(rng)


def small_cell(rng):
    return [rng.choice(["0", str(rng.randrange(65536))]), str(rng.randrange(1 << 20)), rng.choice(["", "45", "-31", "0"])]


def text_random(rng):
    kind = rng.choice(["V1"] * 8 + "V2 V4 V5 V6 V8 V19 VI1 V0 HTBT NBR V3 VP1 LINK SMS BASE BS XT I3 v1 FOO".split())
    name, upper = kind, kind.upper()
    f = []
    if upper in ("V0", "HTBT"):
        f = rng.choice([[], [], [str(rng.randrange(120))], ["x", "2"]])
    elif upper == "NBR":
        count = rng.randrange(5)
        f = [clock(rng), "502", rng.choice(["10", "010"]), "0", str(count)]
        for _ in range(count + (rng.random() < .05)):
            f += small_cell(rng)
        f += [date(rng), word(rng)] + rng.choice([[], [str(rng.randint(1, 6))]])
    elif upper == "V3":
        count = rng.randrange(4)
        f = [clock(rng), "50210", "%02d" % count]
        for _ in range(count):
            f += ["%06d" % rng.randrange(65536), "%06d" % rng.randrange(99999), str(rng.randrange(220)), rng.choice(["", "0", "-80"])]
        f += [rng.choice(["0301", ""]), "0", rng.choice("XXXY"), date(rng), word(rng)]
    elif upper == "VP1":
        if rng.random() < .5:
            f = [rng.choice("AB"), angle_text(rng, 90, 2), rng.choice("NS"), angle_text(rng, 180, 3), rng.choice("EW"), "0.50", "90.0", "140531"]
        else:
            f = ["V", "502", "10"] + "Y".join(",".join(small_cell(rng)) for _ in range(rng.randint(1, 4))).split(",")
    elif upper == "LINK":
        f = [clock(rng)] + [rng.choice(["", str(rng.randrange(120))]) for _ in range(5)] + [date(rng), word(rng)]
    elif upper == "BASE":
        f = [clock(rng), "502", "10", rng.choice(["0", "6956"]), rng.choice(["0", "41394"]), date(rng), word(rng)]
    elif upper == "BS":
        f = [clock(rng), "1f6", "a"]
        for _ in range(3):
            f += [rng.choice(["0", "1b2c"]), "%x" % rng.randrange(1 << 20), rng.choice(["30", "-31", ""])]
        f += [date(rng), word(rng), rng.choice(["", "5"])]
    elif upper == "SMS":
        f = ["a,b\nc" + str(rng.randrange(100))]
    elif upper.startswith("V"):
        f = position(rng, upper)
        if upper == "V4":
            f = rng.choice([["S20", "DONE"], ["R7"], []]) + ["091750"] + f if rng.random() < .9 else ["S20", "091750", "1", "1"]
    else:
        f = [odd(rng) for _ in range(rng.randrange(5))]
    letters = rng.choice(["HQ", "HQ", "HQ", "hq", "TH"])
    ident = rng.choice(["8600000017", "860000000000017", "8600000018", "", "8600000019", "bad/ident" if rng.random() < .1 else "1" * 20])
    return ("*" + ",".join([letters, ident, name] + f) + "#").encode() + rng.choice([b"", b"", b"\r\n"])


def bcd(rng, text):
    data = bytes.fromhex(text)
    if rng.random() < .01:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([data[at] | 0x0A]) + data[at + 1:]
    return data


def binary_random(rng, ident, length):
    head = b"$" + (bcd(rng, ident) if length != 42 else bytes.fromhex("8600000000000170"))
    if length == 0:
        head, length = b"X" + bcd(rng, "%010d" % rng.randrange(10 ** 9)), 32
    lat, lon = rng.choice([(rng.randrange(90), rng.randrange(60)), (rng.randrange(99), rng.randrange(70)), (0, 0)]), rng.randrange(180)
    minutes = rng.randrange(10000) * (lat != (0, 0))
    body = bcd(rng, "%02d%02d%02d" % (rng.randrange(25), rng.randrange(61), rng.randrange(60)))
    body += bcd(rng, date(rng) or "000000") + bcd(rng, "%02d%02d%04d" % (*lat, minutes))
    body += bytes([rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 0xF1, 0xF6, 0xFF, rng.randrange(256)])])
    lon_text = "%03d%02d%04d" % (lon, rng.randrange(60), minutes) if lat != (0, 0) else "000000000"
    body += bcd(rng, lon_text + "%x" % rng.randrange(10)) if rng.random() < .5 else bytes.fromhex(lon_text + "%x" % rng.randrange(16))
    body += bcd(rng, "%03d%03d" % (rng.randrange(1000), rng.randrange(400))) + bytes.fromhex(word(rng))
    tail = bytes(rng.randrange(256) for _ in range(length - len(head) - len(body)))
    if length == 45:
        tail = rng.choice([b"\xff\x00" + bytes([rng.randrange(40), rng.randrange(120)]), tail[:4]]) + tail[4:8]
        tail += rng.choice([500, 100, 799]).to_bytes(2, "big") + bytes([10]) + rng.choice([bytes(4), b"\x1b\x2c\xa1\xb2"]) + b"\1"
    if length == 46 and rng.random() < .8:
        tail = tail[:4] + bytes.fromhex("%08d" % rng.randrange(10 ** 8)) + tail[8:]
    return head + body + tail


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them). All binary records of a stream have one length, as a tracker's do."""
    sent, length = 0, rng.choice([32, 45, 46, 42, 48])
    yield b"*HQ,8600000017,V1,091530,A,1220.7360,N,09845.9240,W,033.00,274,140531,FFFFFFFF#", None
    while sent < count:
        if rng.random() < .9:
            wire = text_random(rng)
            yield wire, wire.rstrip(b"\r\n")
            sent += 1
            continue
        ident = rng.choice(["8600000017", "8600000018"])
        for _ in range(rng.randint(1, 5)):
            frame = binary_random(rng, ident, length)
            if frame[1:6] != bytes.fromhex(ident) and length != 42:
                continue
            # Bytes that look like the end of a shorter record would be cut there.
            if any(frame[n:n + 1] in (b"*", b"X", b"$") for n in (32, 45, 46, 42) if n < len(frame)):
                continue
            yield frame, frame
            sent += 1
        if rng.random() < .3 and length == 32:
            frame = binary_random(rng, ident, 0)
            yield frame, frame
            sent += 1
        wire = text_random(rng)  # another id would not end a record
        yield wire, wire.rstrip(b"\r\n")
