# SPDX-License-Identifier: MIT
"""Watch (SeTracker, Beesure), slow and obvious: where each frame ends, what it must give, and random streams. Written from the
protocol's documents before the decoder. Not covered: frames above 2,048 bytes, and bytes that are not UTF-8 outside of photos
and voice."""
import re
from fractions import Fraction

from common import calendar_time, half_up, is_decimal, number, reply, report

MODELS = ["", "", "", "", "echo"]  # devices.model of each stream
TEXT_MOST = 2048  # bytes of content
HEAD = re.compile(rb"\[([A-Z0-9]{2})\*([ -)+-Z\\^-~]{0,64})\*(?:([0-9A-Fa-f]{1,8})\*)?([0-9A-Fa-f]{4})\*")
FOLLOWER = re.compile(rb"\r|\n|\0|\[[A-Z0-9]{2}\*\d+\*")
FILLER = b"\r\n \0"
MAC = "[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}"
DECIMAL = r"(\d{1,15}(\.\d*)?|\.\d+)"
POSITION = [r"(\d{6})?", r"(\d{6})?", "[AV]", " *-?" + DECIMAL, "[NS]?", " *-?" + DECIMAL, "[EW]?", DECIMAL, DECIMAL, "-?" + DECIMAL,
            r"\d{1,18}", r"\d{1,18}", r"\d{1,18}", r"\d{1,18}", r"\d{1,18}", "[0-9A-Fa-f]{1,8}"]
HIGH = {16: "sos", 17: "lowBattery", 18: "geofenceExit", 19: "geofenceEnter", 20: "removing", 21: "fallDown", 22: "fallDown"}
LOW = {0: "lowBattery", 1: "geofenceExit", 2: "geofenceEnter", 14: "powerOff"}
HEALTH = {  # the names of the values; None: not kept
    "PULSE": ["heartRate"], "HEART": ["heartRate"], "BLOOD": ["pressureHigh", "pressureLow", "heartRate"],
    "BPHRT": ["pressureHigh", "pressureLow", "heartRate", None, None, None, None], "TEMP": ["temp1"],
    "BTEMP2": [None, "temp1"], "OXYGEN": [None, "bloodOxygen"]}
POSITIVE = ["heartRate", "pressureHigh", "pressureLow"]
AT_ONCE = {"INIT": "INIT,1", "CONFIG": "CONFIG,1"}
ECHOED = "TKQ TKQ2 RYIMEI ICCID APPCONTACTTEL PHLQ SOSQ REMINDQ LGZONE".split()


class Device:
    """The low alarm bits of each device, by ident."""
    def __init__(self):
        self.states = {}


current = {"model": ""}


# Where a frame ends --------------------------------------------------------------------------------------------------------

def end_by_brackets(data):
    """The end of the frame at the head of data, by its brackets; None: none is found."""
    depth = 0
    for at, byte in enumerate(data):
        depth += (byte == ord("[")) - (byte == ord("]"))
        if depth == 0:
            return at + 1
    for at, byte in enumerate(data):
        if byte == ord("]") and (at + 1 == len(data) or FOLLOWER.match(data, at + 1)):
            return at + 1
    return None


def end_of_frame(data, head):
    length, start = int(head[4], 16), head.end()
    if length <= TEXT_MOST and data[start + length:start + length + 1] == b"]":
        return start + length + 1
    return end_by_brackets(data[:start + TEXT_MOST + 1])


def cut(data):
    """Yields (bytes on the wire, the frame in them) for the whole input."""
    at = 0
    while at < len(data):
        start = at
        while at < len(data) and data[at] in FILLER:
            at += 1
        if at == len(data):
            return
        rest = data[at:at + 65536]
        head = HEAD.match(rest)
        end = end_of_frame(rest, head) if head else None
        if not end:
            end = 1
            while end < len(rest) and rest[end] not in b"[" + FILLER:
                end += 1
        yield data[start:at + end], rest[:end]
        at += end


# Parts of messages ---------------------------------------------------------------------------------------------------------

def has_all(patterns, texts):
    return len(texts) >= len(patterns) and all(re.fullmatch(*pair) for pair in zip(patterns, texts))


def clock_time(date, clock, order):
    """order: where year, month and day are in the date."""
    if not date or not clock:
        return None
    year, month, day = (int(date[at:at + 2]) for at in order)
    return calendar_time(year + (2000 if year < 80 else 1900), month, day, int(clock[:2]), int(clock[2:4]), int(clock[4:]))


def coordinate(text, letter, negative_letter):
    e7 = half_up(Fraction(text.strip(" ")), 7)
    return -abs(e7) if letter == negative_letter else e7


def set_range(out, name, value, least, most, decimals=0):
    if least * 10 ** decimals <= half_up(value, decimals) <= most * 10 ** decimals:
        out[name] = half_up(value, decimals) / 10 ** decimals if decimals else int(value)


def read_cells(extra, rest):
    """Returns how many fields were understood."""
    if not re.fullmatch("0?[0-7]", rest[0]):
        return 0
    count = int(rest[0])
    if count == 0:
        return 1
    used = 4 + 3 * count
    codes = "[0-9A-Fa-f]{1,10}"
    if not has_all(["", r"\d{0,9}", r"FFFF|\d{0,9}", r"FFFF|\d{0,9}"][1:] + [codes, codes, r"(-?\d{1,3})?"] * count, rest[1:used]):
        return 0
    for name, text in (("mcc", rest[2]), ("mnc", rest[3])):
        if text not in ("", "FFFF") and int(text) <= 999:
            extra[name] = int(text)
    groups = [rest[at:at + 3] for at in range(4, used, 3)]
    base = 16 if re.search("[A-Fa-f]", "".join(lac + cid for lac, cid, _ in groups)) else 10
    cells = [[int(lac, base), int(cid, base)] + ([int(rssi)] if rssi else []) for lac, cid, rssi in groups]
    extra.update(zip(("lac", "cid", "rssi"), cells[0]))
    if cells[1:]:
        extra["cells"] = ";".join(",".join(map(str, cell)) for cell in cells[1:])
    return used


def read_points(extra, rest):
    """The Wi-Fi points: as many fields as there are to spare may be further parts of a name with commas."""
    if rest[0] == "":
        return 1
    if not re.fullmatch(r"\d{1,2}", rest[0]) or 3 * int(rest[0]) > len(rest) - 1:
        return 0
    at, spare, points = 1, len(rest) - 1 - 3 * int(rest[0]), []
    for _ in range(int(rest[0])):
        more = next((n for n in range(spare + 1) if re.fullmatch(MAC, rest[at + 1 + n])), 0)
        mac, level = rest[at + 1 + more:at + 3 + more]
        if re.fullmatch(MAC, mac) and re.fullmatch(r"-?\d{1,3}", level):
            points.append(f"{mac.replace(':', '').lower()},{int(level)}")
        spare -= more
        at += 3 + more
    if points:
        extra["wifi"] = ";".join(points)
    return at


def read_last(extra, rest):
    text = rest[0]
    if re.fullmatch(r"\d{1,12}\.\d*|\.\d+", text):
        if half_up(Fraction(text), 6) > 0:
            extra["accuracy"] = float(text)
        return 1
    return 1 if text in ("00", "10", "0", "") else 0


def read_networks(extra, rest):
    for part in (read_cells, read_points, read_last):
        used = part(extra, rest) if rest else 0
        rest = rest[used:]
        if not used:
            break
    if any(rest):
        extra["tail"] = ",".join(rest)


def raise_alarms(out, word, is_alarm, ident, state):
    before = state.states.get(ident, 0)
    high = [name for bit, name in HIGH.items() if word >> bit & 1]
    low = [name for bit, name in LOW.items() if word >> bit & 1]
    out["alarms"] += high + [name for bit, name in LOW.items() if word >> bit & ~before >> bit & 1]
    if is_alarm and not high:
        out["alarms"] += low or ["general"]
    state.states[ident] = word & 0xFFFF


def position(out, f, state):
    """Returns False if the fields do not fit."""
    if not has_all(POSITION, f[1:]):
        return False
    date, clock, mark, lat, ns, lon, ew, kmh, course, altitude, satellites, gsm, battery, steps, turns, word = f[1:17]
    lat, lon = coordinate(lat, ns, "S"), coordinate(lon, ew, "W")
    if abs(lat) > 900000000 or abs(lon) > 1800000000:
        return False
    out["device_time"] = clock_time(date, clock, (4, 2, 0))
    if mark == "A" or lat or lon:
        out["valid"], out["latitude"], out["longitude"] = mark == "A", lat, lon
        set_range(out, "speed_kmh", Fraction(kmh), 0, 1000, 2)
        set_range(out, "course_deg", Fraction(course), 0, 360, 2)
        if half_up(Fraction(altitude), 2) != -100:
            set_range(out, "altitude_m", Fraction(altitude), -1000, 20000, 2)
    set_range(out, "satellites", int(satellites), 0, 99)
    set_range(out, "gsm_percent", int(gsm), 0, 100)
    set_range(out, "battery_percent", int(battery), 0, 100)
    out["stored"] = bool(re.match("UD2(_|$)", f[0].upper()))
    out["extra"].update(steps=int(steps), turns=int(turns), status=int(word, 16))
    raise_alarms(out, int(word, 16), f[0].upper().startswith("AL"), out["ident"], state)
    read_networks(out["extra"], f[17:])
    return True


# Messages ------------------------------------------------------------------------------------------------------------------

def keep_alive(out, f):
    """LK,steps,turns,battery[,more] or LK,steps,battery"""
    values = f[1:4] if len(f) > 3 else [f[1], "", f[2]] if len(f) == 3 else None
    if not values or not has_all([r"\d{0,18}"] * 3, values):
        out["extra"].update({"data": ",".join(f[1:])} if len(f) > 2 or f[1] else {})
        return
    for name, text in zip(("steps", "turns"), values):
        number(out["extra"], name, text)
    if values[2]:
        set_range(out, "battery_percent", int(values[2]), 0, 100)
    if any(f[4:]):
        out["extra"]["tail"] = ",".join(f[4:])


def health(out, f):
    names, extra = HEALTH[f[0].upper()], {}
    if len(f) == 2 and not names[0]:
        out["extra"].update({"data": f[1]} if f[1] else {})
        return
    for name, text in zip(names, f[1:]):
        if not name or text == "":
            continue
        if not is_decimal(text):
            out["extra"]["data"] = ",".join(f[1:])
            return
        micro = half_up(Fraction(text), 6)
        if name == "temp1" or name in POSITIVE and micro > 0 or name == "bloodOxygen" and 0 <= micro <= 100000000:
            extra[name] = float(text)
    if f[0].upper() == "BTEMP2" and f[1] == "0":
        extra = {}
    out["extra"].update(extra)
    if any(f[1 + len(names):]):
        out["extra"]["tail"] = ",".join(f[1 + len(names):])


def photo(out, content):
    found = re.match(rb"[^,]*,([^,]*),(\d{12}),", content)
    if not found:
        return False
    number(out["extra"], "kind", found[1].decode("latin-1"))
    text = found[2].decode()
    out["device_time"] = clock_time(text[:6], text[6:], (0, 2, 4))
    return True


def voice_part(out, content):
    found = re.match(rb"[^,]*,([^,]*),([ -+\--~]{0,64}),(\d{1,9}),(\d{1,9}),", content)
    if not found:
        return False
    number(out["extra"], "kind", found[1].decode("latin-1"))
    if found[2]:
        out["extra"]["file"] = found[2].decode()
    out["extra"].update(part=int(found[3]), parts=int(found[4]))
    return True


def keep_bytes(out, content):
    data = content.partition(b",")[2][:1024]
    if data:
        out["extra"]["data"] = data.hex()


def binary(out, word, content):
    if word == "IMG":
        fits = photo(out, content)
    elif word == "JXTK":
        fits = voice_part(out, content)
    else:
        fits = True
    if not fits:
        keep_bytes(out, content)


def decode(data, state):
    head = HEAD.match(data)
    if not head or data[-1:] != b"]":
        return [{"reject": "framing lost", "frame": data.hex()}]
    maker, ident, index, _ = (group.decode() if group else "" for group in head.groups())
    if not re.fullmatch("[0-9A-Za-z._:-]{1,32}", ident):
        return [{"reject": "bad value: ident", "frame": data.hex()}]
    content = data[head.end():-1]
    if not content:
        return []

    def answer(text, when):
        return reply(f"[{maker}*{ident}*{index + '*' if index else ''}{len(text):04X}*{text}]", when)

    text = content.decode("utf-8", "replace").replace("\0", "")  # kept texts are without NUL
    f = text.split(",")
    word, has_word = f[0].upper(), re.fullmatch("[ -~]{1,32}", f[0])
    out = report(ident, f[0] if has_word else None)
    if word[:2] in ("UD", "AL", "WT", "PP"):
        if not position(out, f, state):
            data = text[len(f[0]) + 1:] if has_word else text
            out["extra"].update({"data": data} if data else {})
            out["alarms"] += ["general"] if word[:2] == "AL" else []
        if word[:2] == "AL":
            return [out, answer(f[0] if "echo" in current["model"] and has_word and len(f[0]) > 2 else "AL", "stored")]
        return [out]
    if not has_word:
        out["extra"]["data"] = text
        return [out]
    if word == "LK":
        if len(f) == 1:
            return [answer("LK", "now")]
        keep_alive(out, f)
        return [out, answer("LK", "stored")]
    if word in HEALTH and len(f) > 1:
        health(out, f)
        return [out]
    if word in ("IMG", "JXTK") and len(f) > 1 or word in ("TK", "TK2") and len(content.partition(b",")[2]) > 1:
        binary(out, word, content)
        return [out] + ([answer("JXTKR,1", "stored")] if word == "JXTK" else [])
    data = text[len(f[0]) + 1:]
    if data:
        out["extra"]["data"] = data
    if word in AT_ONCE or word in ECHOED:
        return ([out] if data else []) + [answer(AT_ONCE.get(word, f[0]), "now")]
    return [out]


# Random streams ------------------------------------------------------------------------------------------------------------

def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def decimal_text(rng, most):
    value = rng.random() * most
    return rng.choice(["%.6f" % value, "%.2f" % value, "%.1f" % value, "%d" % value, "%08.3f" % value, "%d." % value, "0", "0.0", "00.00",
                       "%.9f" % value])


def angle_text(rng, most):
    if rng.random() < .02:
        return rng.choice(["%d" % most, "%d.0000001" % most, "%d.5" % most, "", "x", "1e5", "--5", "+5", "-"])
    text = rng.choice(["%.6f", "%.7f", "%.4f", "%.8f", "%d", "%010.6f"]) % (rng.random() * most)
    return rng.choice(["", "", "", " ", "  "]) + rng.choice(["", "", "", "-"]) + text


def mac(rng):
    text = ":".join("%02x" % rng.randrange(256) for _ in range(6))
    return text.upper() if rng.random() < .3 else text


def name(rng):
    return rng.choice(["home", "cafe, bar", "", "a,b,c", "[5G] net", "x]y", "[z", "*HQ*", "Wi-Fi 7}", "caf\u00e9", "0", "12.5"])


def points_text(rng):
    count = rng.choice([0, 0, 1, 2, 3, 7, 15])
    if count == 0:
        return [rng.choice(["0", "0", "", "00"])]
    entries = []
    for _ in range(count):
        kind = rng.random()
        if kind < .06:
            entries.append(rng.choice([["", "", ""], ["0", "0", ""], ["lost", "", "-60"], ["half", mac(rng), ""]]))
        else:
            entries.append([name(rng), mac(rng), str(rng.choice([-61, -100, 0, 45, -7]))])
    count += rng.choice([0] * 30 + [1, -1])
    return [str(count)] + sum(entries, [])


def cells_text(rng):
    count = rng.choice([0, 0, 1, 1, 2, 4, 6, 7])
    if count == 0:
        return ["0"]
    out = [str(count), rng.choice(["255", "1", "0", ""]), rng.choice(["502", "FFFF", "", "310", "0", "1234"]), rng.choice(["10", "010", "FFFF", ""])]
    in_hex = rng.random() < .2
    for _ in range(count):
        lac, cid = rng.randrange(65536), rng.choice([rng.randrange(65536), rng.randrange(1 << 28), 0])
        out += ["%X" % lac, "%X" % cid] if in_hex else [str(lac), str(cid)]
        out.append(rng.choice(["45", "", "-71", "0", "255", "132"]))
    if rng.random() < .04:
        out[rng.randrange(len(out))] = rng.choice(["", "x", "8", "1b2c", "-5", "99999999999"])
    return out


def position_text(rng):
    word = rng.choice("UD UD UD UD2 UD2_LTE UD3 UD_LTE UD_WCDMA ud AL AL AL_LTE ALCUSTOMER1 al WT PP UD2X ALARM".split())
    date = "%02d%02d%02d" % (rng.randint(1, 28), rng.randint(1, 12), rng.randint(0, 99))
    clock = "%02d%02d%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60))
    if rng.random() < .05:
        date, clock = rng.choice([("000000", clock), ("310231", clock), ("", clock), (date, ""), (date, "240000"), (date, "126000"), (date, "12000"),
                                  ("010120", "000000")])
    if rng.random() < .15:
        zero = rng.choice(["0", "0.0", "00.000000", "000.000000", "-0.0"])
        place = [rng.choice("VVVA"), zero, rng.choice(["N", "", "S"]), zero, rng.choice(["E", "", "W"])]
    else:
        place = [rng.choice("AAAAV"), angle_text(rng, 90), rng.choice(["N", "S", "N", ""]), angle_text(rng, 180), rng.choice(["E", "W", ""])]
    f = [word, date, clock] + place + [
        decimal_text(rng, 130), decimal_text(rng, 360), rng.choice(["-1", "-1.0", "-1.004", "-2.5", decimal_text(rng, 3000), "25000", "-1001"]),
        str(rng.randrange(20)), str(rng.choice([0, 50, 99, 100, 101, 7])), str(rng.choice([0, 50, 100, 101, 255])), str(rng.randrange(20000)),
        str(rng.randrange(50)), status_text(rng)]
    if rng.random() < .03:
        f[rng.randrange(3, 17)] = rng.choice(["", "x", "-5", "12", "1.2.3", " 1", "1000.01", "400", "123456789", "9" * 19])
    f += cells_text(rng) + rng.choice([points_text(rng), points_text(rng), []])
    f += rng.choice([["25.0"], ["0.0"], ["00"], ["10"], ["0"], [], ["12.5"], ["7"], ["5.0", "x"], [""]])
    if rng.random() < .03:
        f = f[:rng.randrange(1, len(f))]
    return ",".join(f)


def status_text(rng):
    bits = 0
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        bits |= 1 << rng.choice([0, 1, 2, 3, 4, 14, 16, 17, 18, 19, 20, 21, 22, 23, 31])
    return rng.choice(["%08X", "%08X", "%08x", "%X"]) % bits if bits >> 16 or rng.random() < .7 else "%04X" % bits


def value(rng):
    return rng.choice([str(rng.randrange(200)), str(rng.randrange(200)), "0", "", "36.6", "-1.5", "100", "100.5", "x", "007", "0.0"] if rng.random() < .5 else ["98"])


def short_text(rng):
    word = rng.choice("LK LK LK lk PULSE heart HEART BLOOD bphrt TEMP btemp2 oxygen INIT CONFIG TKQ TKQ2 RYIMEI ICCID APPCONTACTTEL PHLQ "
                      "SOSQ REMINDQ LGZONE UPLOAD CR SOS1 RESET rcapture FFZD TK TK2 JXTK img".split())
    kind = rng.random()
    if kind < .35:
        return word
    if word.upper() == "LK":
        return ",".join([word] + [value(rng) for _ in range(rng.randint(1, 5))])
    if word.upper() in HEALTH:
        return ",".join([word] + [value(rng) for _ in range(rng.choice([1, 2, 3, 7, 9]))])
    return word + "," + rng.choice(["1", "0", "860000000000017", "a,b", "", "TY:G36,LANG:0", "x y"])


def binary_content(rng):
    data = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 30, 500])))
    for raw, code in ((b"\x7d", b"\x7d\x01"), (b"[", b"\x7d\x02"), (b"]", b"\x7d\x03"), (b",", b"\x7d\x04"), (b"*", b"\x7d\x05")):
        data = data.replace(raw, code)
    return rng.choice([
        b"TK,#!AMR\n" + data, b"TK2,#!AMR\n" + data, b"JXTK,0,v_7_20310514092200,%d,%d,#!AMR\n" % (rng.randint(1, 9), rng.randint(1, 9)) + data,
        b"img,%d,310514%06d,\xff\xd8" % (rng.randrange(6), rng.randrange(300000)) + data, b"img,x,1,\xff" + data, b"JXTK,0,v,x,2," + data,
        b"JXTK,,,1,1," + data, b"IMG,5,310231091500," + data, b"TK," + data])


def content_random(rng):
    kind = rng.random()
    if kind < .55:
        return position_text(rng).encode()
    if kind < .85:
        return short_text(rng).encode()
    if kind < .95:
        return binary_content(rng)
    return rng.choice([b"", b",", b",a", b"x" * 33 + b",1", b"AL" + b"x" * 31, b"UD_" + b"x" * 30 + b",1", b"WT\x01", b"z", "\u00e9t\u00e9,1".encode(), b"LK " * 3, b"1,2"])


def ident_random(rng):
    if rng.random() < .02:
        return rng.choice([b"", b"8" * 33, b"86 17", b"8" * 32, b"abc", b"86+17", b"8" * 65])
    return rng.choice([b"8600000017", b"860000000000017", b"8600000018"])


def frame_random(rng):
    content = content_random(rng)
    length = len(content)
    if rng.random() < .06:
        length = max(0, rng.choice([length + 1, length - 1, 0xFF, 0xFFFF, 0, 10, length + 40]))
    index = b"%04X*" % rng.randrange(65536) if rng.random() < .2 else rng.choice([b""] * 30 + [b"1*", b"12345678*", b"xyz*"])
    group = rng.choice([b"%04X", b"%04X", b"%04x"]) % length
    frame = b"[" + rng.choice([b"3G", b"ZJ", b"SG", b"CS"]) + b"*" + ident_random(rng) + b"*" + index + group + b"*" + content + b"]"
    if rng.random() < .01:
        at = rng.randrange(len(frame))
        frame = frame[:at] + rng.choice([b"", b"[", b"]", b",", b"*", b"9"]) + frame[at + 1:]
    return frame


def is_bearable(pieces):
    """True unless so many undecodable bytes follow each other that the connection would be closed, or a text has swallowed bytes
    that are not UTF-8."""
    run = 0
    for _, frame in pieces:
        run = 0 if HEAD.match(frame) and frame.endswith(b"]") else run + len(frame)
        if run > 512 or binary_in_text(frame):
            return False
    return True


def generate(rng, count, model=""):
    """Yields (bytes on the wire, the frame in them), in stretches that end with more blanks than a frame may have bytes."""
    current["model"] = model
    start = b"[3G*8600000017*0002*LK]"
    while count > 0:
        stream = start
        for _ in range(min(count, 100)):
            frame = frame_random(rng)
            if rng.random() < .005:
                frame += rng.choice([b"x", b"junk]", b"3G*1*", b"\xff\xfe"])
            if not binary_in_text(frame):  # bytes that are not UTF-8 must not end up in a text
                stream += rng.choice([b"", b"", b"\r\n", b" \0"]) + frame
        pieces = list(cut(stream + b"\n" * (TEXT_MOST + 100) + start))
        if is_bearable(pieces):
            yield from pieces
            count -= 100


def binary_in_text(frame):
    head = HEAD.match(frame)
    content = frame[head.end():] if head else frame
    if re.match(rb"(TK2?|JXTK|img),", content, re.I):
        return not head or int(head[4], 16) != len(content) - 1
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False
