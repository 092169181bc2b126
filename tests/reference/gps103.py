# SPDX-License-Identifier: MIT
"""GPS103, slow and obvious: what each sentence must give, and random sentences. Written from the protocol's documents without
a look at the decoder."""
import datetime
import re
from fractions import Fraction

from common import Reject, half_up, is_decimal, knots, number, reply, report, speed

ALARMS = {"help me": "sos", "low battery": "lowBattery", "stockade": "geofence", "move": "movement", "speed": "overspeed",
          "door alarm": "door", "ac alarm": "powerCut", "sensor alarm": "vibration", "accident alarm": "accident",
          "bonnet alarm": "bonnet", "footbrake alarm": "footBrake", "dtc": "fault"}
ALTERNATIVE = ("name event sensor_id sensor_voltage clock date gsm gps lat lon speed course altitude hdop satellites acc charge "
               "error").split()


class Device:
    """What is remembered of the connection: the ident, and the device's zone in minutes."""
    def __init__(self):
        self.ident = None
        self.zone = None


class NoShape(Exception):
    """The fields are not those of the layout."""


def get(fields, index):
    return fields[index] if index < len(fields) else ""


# Times --------------------------------------------------------------------------------------------------------------------

def local_clock(text):
    """The device's own clock as a datetime; None: no clock."""
    shape = re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?", text) or re.fullmatch(
        r"(\d\d)/(\d\d)/(\d\d) (\d\d):(\d\d)()", text)
    if not shape:
        return None
    year, month, day, hour, minute, second = (int(part or "0") for part in shape.groups())
    try:
        return datetime.datetime(year + (2000 if year < 80 else 1900), month, day, hour, minute, second)
    except ValueError:
        return None


def utc_clock(text):
    """(hour, minute, second, milliseconds); None: no time of day."""
    shape = re.fullmatch(r"(\d\d)(\d\d)(\d\d)(?:\.(\d*))?", text)
    if not shape:
        return None
    hour, minute, second = (int(part) for part in shape.groups()[:3])
    return (hour, minute, second, int((shape[4] or "").ljust(3, "0")[:3])) if hour < 24 and minute < 60 and second < 60 else None


def show(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (time.microsecond // 1000)


def gps_time(out, local_text, utc_text):
    """Sets device_time; returns the zone in minutes, if both clocks are there."""
    local, utc = local_clock(local_text), utc_clock(utc_text)
    if local is None:
        return None
    if utc is None:
        out["device_time"] = show(local)
        out["extra"]["local_time"] = local_text
        return None
    hour, minute, second, ms = utc
    delta = local.hour * 60 + local.minute - (hour * 60 + minute)
    if delta <= -720:
        delta += 1440
    elif delta > 720:
        delta -= 1440
    time = local.replace(second=second, microsecond=ms * 1000) - datetime.timedelta(minutes=delta)
    out["device_time"] = show(time)
    return min(range(-720, 721, 15), key=lambda zone: abs(zone - delta))


def local_time(out, text, state):
    local = local_clock(text)
    if local is None:
        return
    if state.zone is None:
        out["extra"]["local_time"] = text
    else:
        out["device_time"] = show(local - datetime.timedelta(minutes=state.zone))


# Fields -------------------------------------------------------------------------------------------------------------------

def need_shape(*texts):
    if not all(re.fullmatch(r"\d+\.?\d*|\.\d+|", text) for text in texts):
        raise NoShape


def angle(text, most, name):
    """1e-7 degrees; None: the field is empty."""
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    degrees, minutes = int(whole[:-2] or "0"), Fraction((whole[-2:] or "0") + "." + (fraction or "0"))
    e7 = half_up(degrees + minutes / 60, 7)
    if minutes >= 60 or e7 > most * 10000000:
        raise Reject("bad value: " + name)
    return e7


def percent(extra, name, text):
    if re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", text) and float(text[:-1]) <= 100:
        extra[name] = float(text[:-1])


def altitude(out, text):
    if is_decimal(text) and -100000 <= half_up(Fraction(text), 2) <= 2000000:
        out["altitude_m"] = half_up(Fraction(text), 2) / 100


def course(out, text):
    if is_decimal(text) and 0 <= half_up(Fraction(text), 2) <= 36000:
        out["course_deg"] = half_up(Fraction(text), 2) / 100


def fourth(out, keyword, text):
    if re.fullmatch(r"\d{1,3}%", text) and int(text[:-1]) <= 100:
        out["battery_percent"] = int(text[:-1])
    elif keyword == "rfid" and text and len(text) <= 64 and re.fullmatch("[ -~]*", text):
        out["driver"] = text
    elif re.fullmatch(r"\+?\d{5,20}", text):
        out["extra"]["phone"] = text
    elif text:
        out["extra"]["info"] = text


def tail(out, keyword, fields):
    """Ignition, door, fuel, mileage or trouble code, temperature, and what may follow."""
    extra = out["extra"]
    acc, door, fuel1, fuel2, temp = (get(fields, index) for index in range(5))
    if acc in ("0", "1"):
        out["ignition"] = acc == "1"
    if door in ("0", "1"):
        extra["door"] = door == "1"
    percent(extra, "fuel1", fuel1)
    percent(extra, "fuel2", fuel2)
    if re.fullmatch(r"\d{1,18}", fuel2) and 1 <= int(fuel2) <= 2000000:
        out["odometer_m"] = int(fuel2) * 1000
    elif keyword == "dtc" and re.match("[A-Za-z]", fuel2):
        extra["dtcs"] = fuel2
    if "temp1" not in extra:
        number(extra, "temp1", temp)
    if any(fields[5:]):
        extra["unknown"] = ",".join(fields[5:])


def keyword_effects(out, keyword):
    extra = out["extra"]
    if keyword in ALARMS:
        out["alarms"].append(ALARMS[keyword])
    elif keyword == "acc on":
        out["ignition"] = True
    elif keyword == "acc off":
        out["ignition"] = False
    elif keyword.startswith("t:"):
        out["alarms"].append("temperature")
        number(extra, "temp1", keyword[2:])
    elif keyword.startswith("oil"):
        out["alarms"].append("fuelLeak")
        value = re.fullmatch(r"oil +(\d{1,3}(?:\.\d{1,6})?)%?", keyword)
        if value and float(value[1]) <= 100:
            extra["fuel"] = float(value[1])


# Layouts ------------------------------------------------------------------------------------------------------------------

def side(fields, at, letters):
    """One coordinate: (number, its letter, index of the field after it)."""
    if get(fields, at) and get(fields, at) in letters:
        return get(fields, at + 1), get(fields, at), at + 2
    after = get(fields, at + 1)
    if after == "" or after in letters:
        return get(fields, at), after or letters[0], at + 2
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", after):
        raise NoShape
    return get(fields, at), letters[0], at + 1


def gps(out, keyword, f, state):
    if get(f, 6) not in ("", "A", "V"):
        raise NoShape
    lat, north, at = side(f, 7, "NS")
    lon, east, at = side(f, at, "EW")
    need_shape(lat, lon)
    lat, lon = angle(lat, 90, "latitude"), angle(lon, 180, "longitude")
    valid = get(f, 6) == "A"
    if lat is not None and lon is not None and (valid or lat or lon):
        out["valid"] = valid
        out["latitude"], out["longitude"] = lat if north == "N" else -lat, lon if east == "E" else -lon
        knots(out, get(f, at))
        course(out, get(f, at + 1))
        altitude(out, get(f, at + 2))
    zone = gps_time(out, f[2], get(f, 5))
    fourth(out, keyword, f[3])
    tail(out, keyword, f[at + 3:])
    if zone is not None:
        state.zone = zone


def no_gps(out, keyword, f, state):
    lac, cid = get(f, 7), get(f, 9)
    need_shape(get(f, 5))
    if get(f, 6) not in ("", "A", "V"):
        raise NoShape
    if not re.fullmatch("[0-9a-fA-F]{0,8}", lac) or not re.fullmatch("[0-9a-fA-F]{0,8}", cid):
        raise NoShape
    for name, text in (("lac", lac), ("cid", cid)):
        if text:
            out["extra"][name] = int(text, 16)
    local_time(out, f[2], state)
    fourth(out, keyword, f[3])
    tail(out, keyword, f[14:])


def obd(out, f, state):
    extra = out["extra"]
    local_time(out, f[2], state)
    if is_decimal(get(f, 3)) and 0 <= half_up(Fraction(f[3]), 3) <= 2000000000:
        out["odometer_m"] = half_up(Fraction(f[3]), 3)
    for name, index in (("fuel_instant", 4), ("fuel_average", 5), ("hours", 6), ("obd_speed", 7)):
        if not get(f, index).startswith("-"):
            number(extra, name, get(f, index))
    number(extra, "coolant_temp", get(f, 9))
    percent(extra, "engine_load", get(f, 8))
    percent(extra, "throttle", get(f, 10))
    if is_decimal(get(f, 11)) and 0 <= float(f[11]) < 16383:
        number(extra, "rpm", f[11])
    if is_decimal(get(f, 12)) and 0 < half_up(Fraction(f[12]), 3) <= 1000000:
        out["power_v"] = half_up(Fraction(f[12]), 3) / 1000
    codes = [field for field in f[13:] if field]
    if codes:
        extra["dtcs"] = " ".join(codes)


def degrees(text, most, name):
    if not text:
        return None
    e7 = half_up(Fraction(text), 7)
    if abs(e7) > most * 10000000:
        raise Reject("bad value: " + name)
    return e7


def whole(text):
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


def alternative(out, f):
    v = {name: "" if re.fullmatch("-+", text) else text for name, text in zip(ALTERNATIVE, f[1:])}
    if any(v[name] and not is_decimal(v[name]) for name in ("lat", "lon")):
        raise NoShape
    lat, lon = degrees(v["lat"], 90, "latitude"), degrees(v["lon"], 180, "longitude")
    valid = v["gps"] == "1"
    extra = out["extra"]
    if lat is not None and lon is not None and (valid or lat or lon):
        out["valid"], out["latitude"], out["longitude"] = valid, lat, lon
        if is_decimal(v["speed"]):
            speed(out, Fraction(v["speed"]))
        course(out, v["course"])
        altitude(out, v["altitude"])
    date, clock = re.fullmatch(r"(\d\d)(\d\d)(\d\d)", v["date"]), utc_clock(v["clock"])
    if date and clock:
        day, month, year = date.groups()
        time = local_clock(year + month + day + "%02d%02d%02d" % clock[:3])
        out["device_time"] = time and show(time.replace(microsecond=clock[3] * 1000))
    if is_decimal(v["hdop"]) and 0 <= half_up(Fraction(v["hdop"]), 2) <= 9999:
        out["hdop"] = half_up(Fraction(v["hdop"]), 2) / 100
    if whole(v["satellites"]) is not None and whole(v["satellites"]) <= 99:
        out["satellites"] = whole(v["satellites"])
    if v["acc"] in ("0", "1"):
        out["ignition"] = v["acc"] == "1"
    if v["charge"] in ("0", "1"):
        extra["charge"] = v["charge"] == "1"
    number(extra, "gsm", v["gsm"])
    number(extra, "sensor_voltage", v["sensor_voltage"])
    for name in ("sensor_id", "error"):
        if v[name]:
            extra[name] = v[name]
    if any(f[1 + len(ALTERNATIVE):]):
        extra["unknown"] = ",".join(f[1 + len(ALTERNATIVE):])


# Sentences ----------------------------------------------------------------------------------------------------------------

def set_ident(state, ident):
    if not re.fullmatch(r"\d{1,20}", ident):
        raise Reject("bad value: ident")
    if state.ident != ident:
        state.ident, state.zone = ident, None


def unknown(text, state):
    if not state.ident or not re.fullmatch("[ -~]+", text):
        raise Reject("unknown message")
    out = report(state.ident, "")
    out["extra"]["data"] = text
    return [out]


def event_of(out, text):
    if re.fullmatch("[ -~]{0,32}", text):
        out["event"] = text or None
    else:
        out["extra"]["keyword"] = text


def imei_sentence(text, star, state):
    f = text.split(",", 127)
    ident = f[0][5:]
    if star and re.fullmatch("imei:[^,]*,[Ll],", text):
        if state.ident:
            return []
        set_ident(state, ident)
        return [reply("LOAD", "now")]
    set_ident(state, ident)
    if len(text) <= 30 and get(f, 4) not in ("F", "L"):
        return [reply("LOAD", "now")]
    out = report(ident, "")
    is_alternative = star and len(f) > len(ALTERNATIVE) and f[4] not in ("F", "L")
    event_of(out, "" if is_alternative and re.fullmatch("-+", f[2]) else f[2] if is_alternative else get(f, 1))
    if is_alternative:
        try:
            alternative(out, f)
        except NoShape:
            event = {key: out["extra"][key] for key in ("keyword",) if key in out["extra"]}
            out = {**report(ident, out["event"]), "extra": {**event, "data": ",".join(f[2:])}}
        return [out]
    keyword = get(f, 1).strip(" ").lower()
    keyword_effects(out, keyword)
    before = {**out, "extra": dict(out["extra"]), "alarms": list(out["alarms"])}
    is_normal = get(f, 4) in ("F", "L")
    try:
        if get(f, 4) == "F":
            gps(out, keyword, f, state)
        elif get(f, 4) == "L":
            no_gps(out, keyword, f, state)
        elif keyword == "obd" and re.fullmatch(r"\d{12}", get(f, 2)):
            obd(out, f, state)
        elif keyword == "vr":
            pass
        else:
            raise NoShape
    except NoShape:
        out = before
        if ",".join(f[2:]):
            out["extra"]["data"] = ",".join(f[2:])
    answer = [reply(f"**,imei:{ident},E;", "stored")] if keyword == "help me" and is_normal else []
    return [out] + answer


def decode(data, state):
    text = data.decode("utf-8", "replace")
    star = text.endswith("*")
    if text[-1:] in (";", "*", "\n"):
        text = text[:-1].removesuffix("\r")
    outputs, heartbeat = [], False
    glued = re.match(r"\d{1,20}(?=imei:)", text)
    try:
        if not text:
            return []
        if text.startswith("##"):
            login = re.fullmatch(r"##,imei:([^,]*),[Aa],?", text)
            if login:
                set_ident(state, login[1])
                return [reply("LOAD", "now")]
            return unknown(text, state)
        if re.fullmatch(r"\d{15}", text):
            set_ident(state, text)
            return [reply("ON", "now")]
        if glued:
            heartbeat = True
            text = text[glued.end():]
        outputs = imei_sentence(text, star, state) if text.startswith("imei:") else unknown(text, state)
    except Reject as reject:
        outputs = [{"reject": str(reject), "frame": data.hex()}]
    if heartbeat:
        login = [one for one in outputs if one.get("reply") == "LOAD"]
        outputs = [one for one in outputs if one not in login]
        at = next((i for i, one in enumerate(outputs) if "reply" in one), len(outputs))
        outputs.insert(at, reply("ON" + "LOAD" * len(login), "now"))
    return outputs


# Random sentences ---------------------------------------------------------------------------------------------------------

KEYWORDS = ["tracker"] * 8 + list(ALARMS) + [
    "Tracker", "acc on", "acc off", "acc alarm", "help me", "Help Me", "HELP ME", " move ", "rfid", "rfid", "service", "jt", "kt",
    "vt12", "lf", "001", "150", "", "oil", "oil1", "oil ", "oilx", "oil 51.6", "oil 12.5%", "oil 120", "T:+31.5", "T:", "t:x",
    "DTC", "x" * 33, "caf\xe9", "keyword of some length"]


def local_text(rng):
    if rng.random() < .12:
        return rng.choice(["", "000000000", "0000000119", "000000000000", "3113141215", "310230121500", "310514241500",
                           "31051412153", "31/05/14 12:15", "31/13/14 12:15", "31/05/14 12:60", "99/12/31 23:59", "x"])
    text = "%02d%02d%02d%02d%02d" % (rng.randint(20, 40), rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24),
                                     rng.randrange(60))
    return text + rng.choice(["", "%02d" % rng.randrange(60)])


def utc_text(rng):
    if rng.random() < .1:
        return rng.choice(["", "17.0", "0.0", "240000", "126000.000", "12", "x"])
    return "%02d%02d%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60)) + rng.choice(
        ["", ".000", ".000", ".5", ".", ".987654"])


def angle_text(rng, most, width):
    if rng.random() < .03:
        return rng.choice(["", "", "0", "0.0000", "x", "12a0.00", "-1220.0", "%d60.0000" % most, "%d00.0000" % most,
                           "%d00.0001" % most, "%d01.0" % (most + 20), "7.7360", ".7360", "1234567.0", "1"])
    text = "%0*d%02d.%0*d" % (width, rng.randrange(most), rng.randrange(60), 4, rng.randrange(10000))
    return rng.choice([text, text, text + str(rng.randrange(10)), text.lstrip("0") or "0"])


def side_text(rng, most, width, letters):
    text = angle_text(rng, most, width)
    shape = rng.random()
    letter = rng.choice(letters)
    if shape < .7:
        return [text, letter]
    if shape < .8:
        return [letter, text]
    if shape < .88:
        return [text, ""]
    if shape < .95:
        return [text]
    return [text, rng.choice(["X", letter.lower(), "EN"])]


def value(rng, *values):
    return rng.choice(["", *values, "x", "-"] if rng.random() < .3 else values)


def tail_text(rng):
    return [value(rng, "0", "1", "2"), value(rng, "0", "1"), value(rng, "45.20%", "0.0", "100%", "100.1%", "48.2", "7%"),
            value(rng, "0.00%", "12.5%", "123456", "0", "2000000", "2000001", "P0301", "0.0", "9" * 17),
            value(rng, "+21", "-5", "20", "23.0", "+", "1.2.3")]


def fourth_text(rng):
    return rng.choice(["", "", "", "85%", "0%", "100%", "101%", "12.5%", "13900000000", "+4900000000", "0", "2", "42.0",
                       "0013A2F4", "N 1", "caf\xe9", "r" * 65])


def cut(rng, fields):
    return fields[:rng.randint(2, len(fields))] if rng.random() < .15 else fields


def position(rng):
    f = [local_text(rng), fourth_text(rng), "F", utc_text(rng), rng.choice("AAAAAAV" + "x" * (rng.random() < .1)), *side_text(
        rng, 90, 2, "NS"), *side_text(rng, 180, 3, "EW")]
    if rng.random() < .05:
        f[4:] = rng.choice([["V", "0.0000", "N", "0.0000", "E"], ["V", "", "", "", ""], ["", "", "N", "", "E"], ["V", "0", "0"],
                            ["A", "0000.0000", "N", "00000.0000", "E"]])
    f += [value(rng, "0.00", "33.00", "%.2f" % (rng.random() * 100), "600", "-1"), value(rng, "0", "274.50", "360", "360.01"),
          value(rng, "0", "-3.5", "65.43", "25000")] + tail_text(rng)
    if rng.random() < .05:
        f += [value(rng, "7", "a b"), value(rng, "8")]
    return f[:rng.randint(9, len(f))] if rng.random() < .4 else f


def network(rng):
    f = [local_text(rng), fourth_text(rng), "L", value(rng, "", "", "091500.000"), value(rng, "", "", "V"), value(rng, "1B2C", "0", "ffffffff", "123456789"), "",
         value(rng, "A1B2", "0", "00a1b2"), "", "", "", ""] + tail_text(rng)
    return cut(rng, f)


def obd_text(rng):
    return cut(rng, [rng.choice([local_text(rng), "310514121800", "310514121800"]),
                     value(rng, "123456", "0", "2000000", "2000001", "-1", "1.5"), value(rng, "3.20"), value(rng, "8.50", "-1"),
                     value(rng, "1200", "-1"), value(rng, "54", "-1"), value(rng, "42.10%", "42.10", "101%"), value(rng, "+88", "-5", "88"),
                     value(rng, "22.35%"), value(rng, "1890", "16383", "16383.0", "20000", "-1"), value(rng, "13.92", "0.00", "-1", "1001"),
                     value(rng, "P0301"), value(rng, "P0420"), "", ""])


def alternative_text(rng):
    dash = "-" * rng.randint(1, 6)
    full = rng.random() < .8
    place = [rng.choice(["12.345600", "-33.9", "90", "0", "91.5", "x", dash]) if rng.random() < .2 else "%.6f" % (
        rng.random() * 180 - 90), "%.6f" % (rng.random() * 360 - 180)]
    f = [rng.choice(["Unit 1", ""]), rng.choice([dash, "Event", "help me", "", "e" * 33]), rng.choice([dash, "S1", ""]),
         rng.choice([dash, "3.92", "V"]), "%02d%02d%02d" % (rng.randrange(25), rng.randrange(61), rng.randrange(60)),
         "%02d%02d%02d" % (rng.randint(1, 31), rng.randint(1, 12), rng.randint(20, 40)), rng.choice(["21", dash]),
         rng.choice(["0", "1", dash]), *place, value(rng, "058", "0"), value(rng, "274", "361"), value(rng, "0152", "-12"),
         value(rng, "1.20", "99.99", "100"), value(rng, "09", "100"), value(rng, "0", "1"), value(rng, "0", "1"),
         rng.choice([dash, "7", "low"])]
    return (f + value(rng, "", "", "7,8").split(",") if full else f[:rng.randint(3, len(f))]) + rng.choice([[""], []])


def body(rng):
    kind = rng.random()
    if kind < .55:
        return [rng.choice(KEYWORDS)] + position(rng), ""
    if kind < .7:
        return [rng.choice(KEYWORDS)] + network(rng), ""
    if kind < .8:
        return [rng.choice(["OBD", "OBD", "obd"])] + obd_text(rng), ""
    if kind < .88:
        return alternative_text(rng), "*"
    if kind < .91:
        return rng.choice([["A"], ["L", ""], ["l", ""], ["B"], [], ["L"], ["move", "", "", "L"]]), rng.choice(["", "*"])
    if kind < .93:
        return ["vr", "0000000000" + "ffd8" * rng.randrange(900)], ""
    return [rng.choice(KEYWORDS), local_text(rng), fourth_text(rng)] + rng.choice(
        [[], ["X", "1", "2"], ["FL", "1"], ["", "a", "b"], ["f", "091500.000", "A"]]), ""


def generate(rng, count):
    """Yields (bytes on the wire, the sentence in them)."""
    idents = ["860000000000017", "860000000000018", "8600000000019"]
    ident = idents[0]
    for number_ in range(count):
        if rng.random() < .02:
            ident = rng.choice(idents)
        kind = rng.random()
        star = ""
        if kind < .03:
            text = rng.choice([f"##,imei:{ident},A", f"##,imei:{ident},a,", f"##,imei:{ident},B", "##,imei:,A", "##", "#x"])
        elif kind < .06:
            text = rng.choice([ident, ident, "860000000000018", "12345", "8600000000000170"])
        elif kind < .08 and number_ > 0:
            text = rng.choice(["hello", "0.00,E,12", "IMEI:860000000000017,tracker,,,F,", "imei", "", ",", "caf\xe9"])
        else:
            fields, star = body(rng)
            name = ident if rng.random() > .01 else rng.choice(["", "1" * 21, "1" * 20, "86000000000001x", " 860000000000017"])
            text = ",".join([f"imei:{name}"] + fields)
            if rng.random() < .08:  # one byte is replaced, left out or put in
                at = rng.randrange(len(text))
                text = text[:at] + rng.choice(["", rng.choice("0123456789,,,.%+-ANFL vt")]) + text[at + rng.randrange(2):]
            if rng.random() < .03:
                text = rng.choice([ident, "1"]) + text
        end = star or rng.choice([";", ";", ";", ";", "\n", "\r\n", "*" if rng.random() < .05 else ";"])
        frame = (text + end).encode("latin-1")
        before = rng.choice([b"", b"", b"", b"\r\n", b" \0"])
        yield before + frame + rng.choice([b"", b"", b"\r\n"]), frame.lstrip(b"\r\n \0")
