# SPDX-License-Identifier: MIT
"""OsmAnd and Traccar Client over HTTP, slow and obvious: what each request must give, and random requests. Written from the
protocol's documents before the decoder. Not covered: Expect, whose answer depends on how the bytes arrive, bytes that are not
UTF-8, and lone surrogates in JSON."""
import datetime
import json
import re
from fractions import Fraction

from common import half_up, reply, report

NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
ALARMS = """general sos vibration movement lowspeed overspeed fallDown lowPower lowBattery fault powerOff powerOn door lock unlock geofence
geofenceEnter geofenceExit gpsAntennaCut accident tow idle highRpm hardAcceleration hardBraking hardCornering laneChange fatigueDriving
powerCut powerRestored jamming temperature parking bonnet footBrake fuelLeak tampering removing""".split()
SCALED = {  # column: its keys, decimals, least, most
    "altitude_m": (["altitude"], 2, -1000, 20000), "course_deg": (["bearing", "heading"], 2, 0, 360), "hdop": (["hdop"], 2, 0, Fraction(9999, 100)),
    "battery_v": (["battery"], 3, 0, 100), "power_v": (["power"], 3, 0, 1000)}
WHOLE = {"satellites": ("sat", 99), "inputs": ("input", 2**32 - 1), "outputs": ("output", 2**32 - 1)}
ERRORS = {"bad request line": 400, "bad header": 400, "bad length": 400, "bad chunk": 400, "bad JSON": 400, "no ident": 400,
          "bad value: ident": 400, "bad method": 405, "body too long": 413, "too many records": 413, "too many fields": 413,
          "request line too long": 414, "compressed body": 415, "headers too long": 431, "unknown transfer coding": 501}

FOREIGN = ["no ident", "bad request line", "bad header", "bad method", "request line too long", "headers too long"]  # of strangers


class Device:
    """Whether the connection has named a device."""
    def __init__(self):
        self.named = False


class Failed(Exception):
    """Why the request is refused."""


class NotStored(Exception):
    """The field that is out of range."""


class Number(str):
    """A number of JSON, as it was written."""


# Values --------------------------------------------------------------------------------------------------------------------

def value_of(text):
    """The number as a fraction, or None."""
    found = NUMBER.fullmatch(text.strip(" "))
    if not found:
        return None
    exponent = max(-400, min(400, int(found[4] or 0)))
    return Fraction((found[1] or "") + found[2] + "." + (found[3] or "0")) * Fraction(10) ** exponent


def as_json(text):
    """What extra has for a number: a number unless it is long or has a large exponent."""
    found = NUMBER.fullmatch(text.strip(" "))
    plain = text.strip(" ")
    if len(plain) > 40 or abs(int(found[4] or 0)) > 40:
        return text
    return float(plain) if found[3] or found[4] else int(plain)


def time_of(text):
    zone = datetime.timezone.utc
    if re.fullmatch(r"\d{1,15}(\.\d+)?", text):
        whole, _, fraction = text.partition(".")
        seconds = Fraction(text) if int(whole) < 2147483647 else Fraction(text) / 1000
        micro = int(seconds * 1000000)
        if not 0 < micro < 7258118400 * 10**6:
            return None
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micro)
        return printed_time(moment)
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?|"
                         r" (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)", text)
    if not found:
        return None
    parts = found.groups()
    year, month, day = map(int, parts[:3])
    hour, minute, second, fraction = parts[3:7] if parts[3] else parts[8:12]
    try:
        moment = datetime.datetime(year, month, day, int(hour), int(minute), int(second or 0), int(((fraction or "") + "000000")[:6]), zone)
    except ValueError:
        return None
    if parts[7] and parts[7] != "Z":
        sign = -1 if parts[7][0] == "-" else 1
        hours, minutes = int(parts[7][1:3]), int(parts[7][-2:])
        if hours > 23 or minutes > 59:
            return None
        moment -= sign * datetime.timedelta(hours=hours, minutes=minutes)
    return printed_time(moment) if 1970 <= year <= 2199 else None


def printed_time(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)


# A record ------------------------------------------------------------------------------------------------------------------

class Record:
    """Fields set one after the other: a later one replaces an earlier one."""
    def __init__(self, ident):
        self.out = report(ident, None)
        self.extra = self.out["extra"]
        self.lat = self.lon = self.valid = None
        self.outdated = False
        self.cells, self.wifi = [], []

    def keep(self, key, value):
        """Other values: a number, true or false, or a text; what was a string in JSON stays one."""
        if not key or len(key.encode()) > 128:
            return
        if isinstance(value, bool):
            self.extra[key] = value
        elif isinstance(value, Text):
            self.extra[key] = value.replace("\0", "")
        elif value_of(value) is not None:
            self.extra[key] = as_json(value)
        elif value.lower() in ("true", "false"):
            self.extra[key] = value.lower() == "true"
        else:
            self.extra[key] = value.replace("\0", "")

    def scaled(self, key, value, column, decimals, least, most, factor=1):
        number = value_of(value)
        self.out.pop(column, None)
        if number is None:
            self.keep(key, Text(value))
        elif half_up(least, decimals) <= half_up(number * factor, decimals) <= half_up(most, decimals):
            self.out[column] = half_up(number * factor, decimals) / 10**decimals

    def place(self, key, value, lat, lon):
        lat, lon = lat if lat is None else value_of(lat), lon if lon is None else value_of(lon)
        if lat is None and lon is None:
            self.keep(key, Text(value))
        return lat, lon

    def set(self, key, value):
        word, text = key.lower(), ("true" if value else "false") if isinstance(value, bool) else value
        if word != "cell":
            self.extra.pop(key, None)
        if word in ("notificationtoken", "_") and (word != "_" or key == "_"):
            if word == "_":
                self.keep(key, value)
        elif word == "lat":
            self.lat = self.place(key, text, text, None)[0]
        elif word == "lon":
            self.lon = self.place(key, text, None, text)[1]
        elif word == "location":
            both = text.split(",")
            pair = [value_of(each) for each in both] if len(both) == 2 else [None, None]
            self.lat, self.lon = pair if None not in pair else (None, None)
            if None in pair:
                self.keep(key, Text(text))
        elif word in ("timestamp", "\u00d7tamp"):
            self.out.pop("device_time", None)
            moment = time_of(text)
            if moment:
                self.out["device_time"] = moment
            elif text and not re.fullmatch("0{1,15}", text):
                self.extra["timestamp"] = text
        elif word == "speed":
            self.scaled(key, text, "speed_kmh", 2, 0, 1000, Fraction(1852, 1000))
        elif word in [each for keys, *_ in SCALED.values() for each in keys]:
            column = next(column for column, (keys, *_) in SCALED.items() if word in keys)
            self.scaled(key, text, column, *SCALED[column][1:])
        elif word in ("batt", "batterylevel"):
            self.out.pop("battery_percent", None)
            number = value_of(text)
            if number is None or number > 100:
                self.keep(key, value if number is not None else Text(text))
            elif half_up(number, 0) >= 0:
                self.out["battery_percent"] = half_up(number, 0)
        elif word == "odometer":
            self.out.pop("odometer_m", None)
            number = value_of(text)
            if number is None:
                self.keep(key, Text(text))
            elif 0 <= number and int(number) <= 10**12:
                self.out["odometer_m"] = int(number)
        elif word in ("sat", "input", "output"):
            column, (_, most) = next((column, one) for column, one in WHOLE.items() if one[0] == word)
            self.whole(key, value, text, column, 0, most)
        elif re.fullmatch("adc[1-4]", word):
            self.whole(key, value, text, word, -2**31, 2**31 - 1)
        elif word == "accuracy":
            number = value_of(text)
            if number is None:
                self.keep(key, Text(text))
            elif number >= 0:
                self.keep(key, str(text))
        elif word == "valid":
            self.valid = text.lower() in ("true", "1")
        elif word == "charge":
            if text.lower() in ("true", "1", "false", "0"):
                self.extra[key] = text.lower() in ("true", "1")
            else:
                self.keep(key, value)
        elif word == "ignition":
            self.out.pop("ignition", None)
            if text.lower() in ("true", "1", "on", "false", "0", "off"):
                self.out["ignition"] = text.lower() in ("true", "1", "on")
            else:
                self.keep(key, value)
        elif word == "archive" and text.lower() in ("true", "false"):
            self.out["stored"] = text.lower() == "true"
        elif word == "alarm":
            names = [each.strip(" ") for each in text.split(",")]
            by_lower = {name.lower(): name for name in ALARMS}
            self.out["alarms"] = [by_lower[name.lower()] for name in names if name.lower() in by_lower]
            unknown = [name for name in names if name and name.lower() not in by_lower]
            if unknown:
                self.extra[key] = ",".join(unknown)
        elif word == "event" or word == "driveruniqueid":
            column, most = ("event", 32) if word == "event" else ("driver", 64)
            self.out[column] = None
            if re.fullmatch("[ -~]{1,%d}" % most, text):
                self.out[column] = text
            elif text:
                self.keep(key, Text(text))
        elif word == "cell":
            found = re.fullmatch(r"(\d{1,4}),(\d{1,4}),(\d{1,10}),(\d{1,12})(?:,(-?\d{1,3})?)?", text)
            cell = [int(each) if each else None for each in found.groups()] if found else []
            if found and cell[:2] == (self.cells or [cell])[0][:2]:
                self.cells.append(cell)
            else:
                self.keep(key, Text(text))
        elif word == "wifi":
            found = re.fullmatch(r"([0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}),(-?\d{1,3})", text)
            if found:
                self.wifi.append(f"{re.sub('[:-]', '', found[1]).lower()},{int(found[2])}")
            else:
                self.keep(key, Text(text))
        else:
            self.keep(key, value)

    def whole(self, key, value, text, column, least, most):
        number = value_of(text)
        self.out.pop(column, None)
        if number is None or number != int(number):
            self.keep(key, value if number is not None else Text(text))
        elif least <= number <= most:
            self.out[column] = int(number)

    def end(self):
        """The report. Raises NotStored if it is nowhere on earth."""
        if self.cells:
            mcc, mnc, lac, cid, rssi = self.cells[0]
            self.extra.update(mcc=mcc, mnc=mnc, lac=lac, cid=cid)
            if rssi is not None:
                self.extra["rssi"] = rssi
            others = [",".join(str(each) for each in cell[2:] if each is not None) for cell in self.cells[1:]]
            if others:
                self.extra["cells"] = ";".join(others)
        if self.wifi:
            self.extra["wifi"] = ";".join(self.wifi)
        adc = [self.out.pop(f"adc{number}", None) for number in range(1, 5)]
        while adc and adc[-1] is None:
            adc.pop()
        self.out["adc"] = adc or None
        for name, value, most in (("lat", self.lat, 90), ("lon", self.lon, 180)):
            if value is not None and None in (self.lat, self.lon) and abs(half_up(value, 7)) <= most * 10**7:
                self.extra[name] = half_up(value, 7) / 10**7
        if self.lat is not None and self.lon is not None:
            lat, lon = half_up(self.lat, 7), half_up(self.lon, 7)
            if abs(lat) > 900000000 or abs(lon) > 1800000000:
                raise NotStored("latitude" if abs(lat) > 900000000 else "longitude")
            valid = self.valid is not False and not self.outdated
            if valid or lat or lon:
                self.out.update(latitude=lat, longitude=lon, valid=valid)
        return self.out


class Text(str):
    """A text that stays one, whatever it looks like."""


# The two forms -------------------------------------------------------------------------------------------------------------

def unescape(text):
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.replace(b"+", b" "))
    return data.decode("utf-8", "replace")


def read_json(text):
    def fail(_):
        raise Failed("bad JSON")
    try:
        value = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=fail)
    except ValueError:
        raise Failed("bad JSON") from None
    if depth_of(value) > 16:
        raise Failed("bad JSON")
    return value


def depth_of(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def members(value):
    """The members of an object that can be fields; strings of JSON stay texts where they have no column."""
    for key, each in value.items() if isinstance(value, dict) else []:
        if isinstance(each, bool) or isinstance(each, Number):
            yield key, each if isinstance(each, bool) else str(each)
        elif isinstance(each, str):
            yield key, Text(each)


def check_ident(ident):
    if not ident:
        raise Failed("no ident")
    if not re.fullmatch(r"[0-9A-Za-z._:-]{1,32}", ident):
        raise Failed("bad value: ident")


def query_records(text):
    pairs = [tuple(unescape(part) for part in (pair + b"=").split(b"=", 1)) for pair in re.split(b"[&;]", text) if pair]
    pairs = [(key, value[:-1]) for key, value in pairs]
    if len(pairs) > 128:
        raise Failed("too many fields")
    idents = [value for key, value in pairs if key.lower() in ("id", "deviceid")]
    ident = idents[-1] if idents else ""
    check_ident(ident)
    record = Record(ident)
    packed = [value for key, value in pairs if key.lower() == "attributes"]
    nested = packed[-1] if packed else ""
    try:
        inner = read_json(nested.encode())
    except Failed:
        inner = None
    if isinstance(inner, dict):
        for key, value in members(inner):
            record.set(key, value) if key.lower() not in ("id", "deviceid", "attributes") else record.keep(key, value)
    elif nested:
        record.keep("attributes", Text(nested))
    for key, value in pairs:
        if key.lower() not in ("id", "deviceid", "attributes"):
            record.set(key, value)
    yield record, None


def usable(value, kind):
    return value if isinstance(value, kind) and not (kind is str and isinstance(value, Number)) else None


def plain(value):
    """A number's text, else None."""
    return str(value) if isinstance(value, Number) else None


def location_record(ident, one):
    record = Record(ident)
    for key, value in members(one.get("extras")):
        if key.lower() in ("id", "deviceid", "attributes"):
            record.keep(key, value)
        else:
            record.set(key, value)
    stamp = one.get("timestamp")
    if isinstance(stamp, str):
        record.set("timestamp", str(stamp))
    coords = one.get("coords") if isinstance(one.get("coords"), dict) else {}
    for key, name in (("latitude", "lat"), ("longitude", "lon"), ("heading", "heading"), ("accuracy", "accuracy"), ("altitude", "altitude")):
        if plain(coords.get(key)):
            record.set(name, str(coords[key]))
    if plain(coords.get("speed")):
        record.scaled("speed", str(coords["speed"]), "speed_kmh", 2, 0, 1000, Fraction(36, 10))
    if isinstance(one.get("is_moving"), bool):
        record.extra["motion"] = one["is_moving"]
    if plain(one.get("odometer")):
        record.set("odometer", str(one["odometer"]))
    for name in ("event", "alarm"):
        if usable(one.get(name), str) is not None:
            record.set(name, Text(one[name]))
    battery = one.get("battery") if isinstance(one.get("battery"), dict) else {}
    if plain(battery.get("level")):
        record.scaled("level", str(battery["level"]), "battery_percent", 0, 0, 100, 100)
    if isinstance(battery.get("is_charging"), bool):
        record.extra["charge"] = battery["is_charging"]
    activity = one.get("activity") if isinstance(one.get("activity"), dict) else {}
    if usable(activity.get("type"), str) is not None:
        record.extra["activity"] = activity["type"].replace("\0", "")
    if isinstance(one.get("mock"), bool):
        record.extra["mock"] = one["mock"]
    return record


def forwarded_record(ident, position):
    record = Record(ident)
    for key, value in members(position.get("attributes")):
        if key.lower() in ("id", "deviceid", "attributes"):
            record.keep(key, value)
        else:
            record.set(key, value)
    if isinstance(position.get("fixTime"), str):
        record.set("timestamp", str(position["fixTime"]))
    if isinstance(position.get("valid"), bool):
        record.set("valid", position["valid"])
    record.outdated = position.get("outdated") is True
    for key, name in (("latitude", "lat"), ("longitude", "lon"), ("altitude", "altitude"), ("speed", "speed"), ("course", "bearing"),
                      ("accuracy", "accuracy")):
        if plain(position.get(key)):
            record.set(name, str(position[key]))
    return record


def json_records(text):
    value = read_json(text)
    if not isinstance(value, dict):
        raise Failed("bad JSON")
    position, device = value.get("position"), value.get("device")
    if isinstance(position, dict) and isinstance(device, dict):
        ident = device.get("uniqueId")
        check_ident(str(ident) if isinstance(ident, str) else "")
        yield forwarded_record(str(ident), position), None
        return
    ident = value.get("device_id")
    check_ident(str(ident) if isinstance(ident, str) else "")
    location = value.get("location")
    if not isinstance(location, (dict, list)):
        location = value["locations"] if isinstance(value.get("locations"), list) else {}
    elements = location if isinstance(location, list) else [location]
    if len(elements) > 256:
        raise Failed("too many records")
    written = list(element_bytes(text)) if isinstance(location, list) else [None]
    for one, element in zip(elements, written):
        if isinstance(one, dict):
            yield location_record(str(ident), one), element


def element_bytes(text):
    """The elements of the array of locations, as they are written. The generator puts nothing but strings before it."""
    text = text.decode()
    at = re.search(r'"locations?"\s*:\s*\[', text).end()
    while text[at:].lstrip(" \t\r\n")[:1] != "]":
        at = re.compile(r"[ \t\r\n,]*").match(text, at).end()
        end = json.JSONDecoder().raw_decode(text, at)[1]
        yield text[at:end].encode()
        at = end


# Requests ------------------------------------------------------------------------------------------------------------------

class Request:
    def __init__(self, data):
        head, blank, self.body = re.match(rb"(.*?\n)(\r?\n)(.*)", data, re.S).groups() if re.search(rb"\n\r?\n", data) else (data, b"", b"")
        lines = [line[:-1] if line.endswith(b"\r") else line for line in head.split(b"\n")[:-1]]
        found = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/1\.(\d)", lines[0])
        if not found:
            raise Failed("bad request line")
        if found[1] not in (b"GET", b"POST", b"PUT", b"HEAD"):
            raise Failed("bad method")
        self.old = found[3] == b"0"
        self.query = found[2].partition(b"#")[0].partition(b"?")[2]
        self.fields = []
        for line in lines[1:]:
            if not re.match(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:", line):
                raise Failed("bad header")
            name, _, value = line.partition(b":")
            self.fields.append((name.lower().decode(), value.strip(b" \t").decode("latin-1")))
        self.read_options()

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def read_options(self):
        lengths = set(self.all("content-length"))
        if len(lengths) > 1 or any(not re.fullmatch(r"\d{1,18}", each) for each in lengths):
            raise Failed("bad length")
        coding = self.all("transfer-encoding")
        if any(each.lower() != "chunked" for each in coding):
            raise Failed("unknown transfer coding")
        if coding and lengths:
            raise Failed("bad length")
        if any(each and each.lower() != "identity" for each in self.all("content-encoding")):
            raise Failed("compressed body")
        if lengths and int(next(iter(lengths))) > 65536:
            raise Failed("body too long")
        if coding:
            self.read_chunks()
        tokens = [token.strip(" \t").lower() for each in self.all("connection") for token in each.split(",")]
        self.kept = self.old and "keep-alive" in tokens and "close" not in tokens
        self.closes = "close" in tokens or (self.old and not self.kept)
        self.says_close = "close" in tokens

    def read_chunks(self):
        rest, self.body = self.body, b""
        while True:
            found = re.match(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\n]*)?\r?\n", rest)
            if not found:
                raise Failed("bad chunk")
            size, rest = int(found[1], 16), rest[found.end():]
            if size == 0:
                return
            end = re.match(rb"\r?\n", rest[size:])
            if len(self.body) + size > 65536:
                raise Failed("body too long")
            if not end:
                raise Failed("bad chunk")
            self.body, rest = self.body + rest[:size], rest[size + end.end():]

    def records(self):
        """Whether it is JSON, and the records."""
        kind = ([""] + self.all("content-type"))[-1].partition(";")[0].strip(" \t").lower()
        if self.query and not (self.body and kind == "application/json"):
            return False, list(query_records(self.query))
        if kind == "application/json" or self.body.lstrip(b" \t\r\n")[:1] == b"{":
            return True, list(json_records(self.body))
        return False, list(query_records(self.body))


def answer(status, more=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n"


def is_json(data):
    try:
        request = Request(data)
        return request.records()[0]
    except Failed:
        return False


def decode(data, state):
    try:
        request = Request(data)
        json_form, records = request.records()
    except Failed as failure:
        reason = str(failure)
        named, state.named = state.named, False
        refusal = reply(answer(f"{ERRORS[reason]} {reason}", "Connection: close\r\n"), "now")
        if reason in FOREIGN and not named:
            return [{"protocol": None, "reject": "unknown protocol", "frame": data.hex()}, refusal]
        return [{"reject": reason, "frame": data.hex()}, refusal]
    out, rejects = [], []
    for record, element in records:
        try:
            out.append(record.end())
        except NotStored as field:
            rejects.append({"reject": f"bad value: {field}", "frame": (data if element is None else element).hex()})
    more = "Connection: close\r\n" if request.says_close else "Connection: keep-alive\r\n" if request.kept else ""
    state.named = not request.closes
    refused = answer("404 unknown device" if json_form else "400 device not admitted", "Connection: close\r\n")
    return out + rejects + [reply(answer("200 OK", more), "stored"), reply(refused, "refused")]


# Random requests -----------------------------------------------------------------------------------------------------------

def number_text(rng, most):
    value = rng.random() * most
    return rng.choice(["%.6f" % value, "%.2f" % value, "%.1f" % value, "%d" % value, "%.3E" % value, "%.9fe-2" % value, "-%.4f" % value,
                       "+%.1f" % value, "0", "0.0", " %.2f " % value, "%d" % (value * 1000), "%012.4f" % value])


def odd_text(rng):
    return rng.choice(["", "NaN", "Infinity", "59,437", "x", "1e", "1.", ".5", "--5", "5 5", "0x10", "1e999", "1E-999", "9" * 30, "9" * 45, "true",
                       "FALSE", "caf\u00e9", "a&b=c;d", "100%", "%41", "%zz", "a+b", "1e41", "-0", "007", "null", 'say "hi"', "back\\slash", "\t"])


def time_text(rng):
    moment = datetime.datetime(2026, 1, 1) + datetime.timedelta(milliseconds=rng.randrange(10**11))
    return rng.choice([
        "%d" % (1773480413 + rng.randrange(10**7)), "%d" % (1773480413000 + rng.randrange(10**10)), "%d.%d" % (1773480413, rng.randrange(10**4)),
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%dT%H:%M:%S.250+02:00"), moment.strftime("%Y-%m-%dT%H:%MZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S"), moment.strftime("%Y-%m-%d %H:%M:%S.1234567"), moment.strftime("%Y-%m-%dT%H:%M:%S.9-0330"),
        moment.strftime("%Y-%m-%dT%H:%M"), "0", "2147483647", "2147483646", "00", "-5", "2026-02-30T00:00:00Z", "2026-03-14T25:00:00Z",
        "2026-03-14T09:26:53+99:00", "2026-03-14", "tomorrow", "", "9" * 16, "9" * 15, "1.5", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z",
        "2026-03-14 09:26", "2026-03-14T09:26:53.", "2026-03-14T09:26:53 02:00"])


def field_random(rng):
    kind = rng.randrange(24)
    if kind < 8:
        key = rng.choice(["speed", "bearing", "heading", "altitude", "hdop", "accuracy", "battery", "power", "odometer", "batt", "batteryLevel"])
        most = {"battery": 5, "power": 30, "odometer": 10**6, "batt": 120, "batteryLevel": 100, "hdop": 20}.get(key, 400)
        return key, number_text(rng, most) if rng.random() < .85 else odd_text(rng)
    if kind < 10:
        return rng.choice(["sat", "input", "output", "adc1", "adc2", "adc4"]), rng.choice(["5", "9.0", "12", "0", "4294967295", "-7", "3.5", "100", odd_text(rng)])
    if kind < 12:
        key = rng.choice(["valid", "charge", "ignition", "motion", "archive", "IGNITION"])
        return key, rng.choice(["true", "false", "1", "0", "on", "OFF", "True", "4", "", "yes"])
    if kind < 14:
        names = [rng.choice(["sos", "TOW", "lowBattery", "xyz", "", "overspeed", "accident ", "unknown one"]) for _ in range(rng.choice([1, 1, 2, 3]))]
        return "alarm", ",".join(names)
    if kind < 16:
        return "cell", rng.choice(["260,2,6699,3149,-71", "310,026,0012,123456", "260,2,6699,3149,", "260,2", "a,b,c,d", "260,2,1,2,3,4", "0,0,0,0"])
    if kind < 17:
        return "wifi", rng.choice(["02-00-5e-10-00-01,-61", "02:00:5E:10:00:02,-7", "02005e100001,-61", "02:00:5e:10:00:01", "", "02:00:5e:10:00:03,0"])
    if kind < 18:
        return rng.choice(["event", "driverUniqueId"]), rng.choice(["5", "motionchange", "a b", "", "x" * 33, "x" * 65, "caf\u00e9", "true"])
    if kind < 19:
        return "notificationToken", "abc:def"
    if kind < 20:
        return "location", rng.choice(["52.5,21.25", "52.5", "a,b", "91,0", "1,2,3", "0,0", "", "-5.0E-4,7"])
    key = rng.choice(["rpm", "fuel", "note", "vacc", "Note", "h\u00f6he", 'a"b', "a\\b", "x" * 128, "x" * 129, "", "deviceName", "totalDistance", "a b"])
    return key, rng.choice([number_text(rng, 5000), odd_text(rng)])


def place_fields(rng):
    if rng.random() < .08:
        return rng.choice([[], [("lat", "52.5")], [("lat", "59,437"), ("lon", "24,75")], [("lat", "0"), ("lon", "0")],
                           [("lat", "0"), ("lon", "0.0"), ("valid", "false")], [("lat", "90.00000001"), ("lon", "180")], [("lat", "1"), ("lon", "2"), ("lat", "x")],
                           [("lat", "90.1"), ("lon", "5")], [("lat", "5"), ("lon", "-180.5")], [("lat", "1e300"), ("lon", "5")], [("Lat", "4"), ("LON", "-5")]])
    return [("lat", rng.choice(["%.7f", "%.6f", "%.8f", "%d", "%.10E"]) % (rng.random() * 180 - 90)),
            ("lon", rng.choice(["%.7f", "%.5f", "%.8f", "%d", "%.10E"]) % (rng.random() * 360 - 180))]


def escape(rng, text):
    out = b""
    for byte in text.encode():
        if chr(byte) in "&;=+%" or byte <= 32 or byte >= 127 or rng.random() < .01 or chr(byte) in '#"\\':
            out += b"+" if byte == 32 and rng.random() < .5 else rng.choice([b"%%%02X", b"%%%02x"]) % byte
        else:
            out += bytes([byte])
    return out


def ident_random(rng):
    if rng.random() < .02:
        return rng.choice(["", "x" * 33, "a b", "caf\u00e9", "x" * 32])
    return rng.choice(["860000000000017", "phone-017", "123456", "a.b_c:d"])


def query_random(rng):
    fields = [(rng.choice(["id", "id", "deviceid", "DeviceID"]), ident_random(rng))] + place_fields(rng)
    if rng.random() < .95:
        fields.append((rng.choice(["timestamp", "timestamp", "timestamp", "\u00d7tamp", "Timestamp"]), time_text(rng)))
    fields += [field_random(rng) for _ in range(rng.choice([0, 2, 3, 5, 8, 12]))]
    if rng.random() < .15:
        fields.append(("attributes", rng.choice([json_text(rng, dict(extras_random(rng))), "{", "", "[]", "5", '{"id":"x","rpm":1}'])))
    if rng.random() < .02:
        fields += [("k%d" % n, "1") for n in range(rng.choice([60, 140]))]
    if rng.random() < .3:
        rng.shuffle(fields)
    parts = [escape(rng, key) + (b"=" + escape(rng, value) if value or rng.random() < .8 else b"") for key, value in fields]
    parts = [part for part in parts if part]
    if rng.random() < .03:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice([b"", b"note=100%", b"=5", b"note=%4", b"a=b=c"]))
    return rng.choice([b"&", b"&", b"&", b";"]).join(parts)


class Raw(str):
    """Written into JSON as it is."""


def json_text(rng, value):
    blank = rng.choice(["", "", "", " ", "\n "])
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + blank + ("," + blank).join(json_text(rng, key) + ":" + blank + json_text(rng, each) for key, each in value.items()) + blank + "}"
    if isinstance(value, list):
        return "[" + blank + ("," + blank).join(json_text(rng, each) for each in value) + blank + "]"
    return json.dumps(value, ensure_ascii=rng.random() < .5)


def json_number(rng, most):
    value = rng.random() * most
    return Raw(rng.choice(["%.6f" % value, "%.2f" % value, "%d" % value, "%.3E" % value, "-1", "-1.0", "0", "0.0", "%.9f" % value]))


def extras_random(rng):
    for _ in range(rng.choice([0, 0, 1, 2, 4])):
        key, value = field_random(rng)
        if key not in ("location", "cell", "wifi") or rng.random() < .3:
            number = Raw(value) if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value) else value
            yield key, rng.choice([value, number, number, True, False, None, {"a": 1}, [1]])


def some(rng, value, odds=.9):
    """A member, usually; or null, or of another type."""
    return value if rng.random() < odds else rng.choice([None, "x", Raw("5"), True, [], {}])


def coords_random(rng):
    place = [(key, value) for key, value in place_fields(rng) if re.fullmatch(r"-?\d.*", value) and "," not in value]
    names = {"lat": "latitude", "lon": "longitude"}
    coords = {names.get(key.lower(), key): Raw(re.sub(r"^(-?)0+(?=\d)", r"\1", value)) for key, value in place}
    for name, most in (("speed", 40), ("heading", 360), ("accuracy", 50), ("altitude", 3000)):
        if rng.random() < .8:
            coords[name] = some(rng, json_number(rng, most), .97)
    if rng.random() < .3:
        coords.update(altitude_accuracy=Raw("3.5"), floor=None)
    return coords


def location_random(rng):
    one = {"timestamp": rng.choice([time_text(rng), Raw("%d" % (1773480413 + rng.randrange(10**6)))]), "coords": some(rng, coords_random(rng), .95)}
    members = {"is_moving": rng.random() < .5, "odometer": json_number(rng, 10**6), "event": rng.choice(["motionchange", "heartbeat", "", "x" * 40]),
               "battery": {"level": some(rng, Raw(rng.choice(["0.87", "1", "0.005", "-1", "0.876", "1.2", "0"])), .95), "is_charging": rng.random() < .5},
               "activity": {"type": rng.choice(["in_vehicle", "still"]), "confidence": Raw("90")}, "mock": rng.random() < .5, "age": Raw("300"),
               "uuid": "%032x" % rng.randrange(2**128), "alarm": rng.choice(["sos", "xyz,tow"]), "extras": dict(extras_random(rng)), "unknown": [Raw("1")]}
    for name, value in members.items():
        if rng.random() < .4:
            one[name] = some(rng, value, .96)
    return one


def forwarded_random(rng):
    position = {"id": Raw("0"), "protocol": "gt06", "fixTime": some(rng, time_text(rng), .97), "outdated": rng.random() < .2, "network": None}
    if rng.random() < .9:
        position["valid"] = rng.random() < .8
    coords = coords_random(rng)
    position.update({"course" if name == "heading" else name: value for name, value in coords.items()})
    position["attributes"] = some(rng, dict(extras_random(rng)), .97)
    return {"position": position, "device": {"id": Raw("7"), "name": "Bus 7", "uniqueId": some(rng, ident_random(rng), .98)}}


def json_body(rng):
    kind = rng.random()
    if kind < .02:
        return rng.choice([b"{", b"{}", b'{"device_id":"a",}', b"[]", b'{"device_id":"a","location":{"x":' + b"[" * 15 + b"]" * 15 + b"}}", b'{"a":01}',
                           b'{"device_id":"a","location":{"x":' + b"[" * 14 + b"]" * 14 + b"}}", b'{"device_id":"a","x":"\t"}', b'{"device_id":"a"} x'])
    if kind < .3:
        return json_text(rng, forwarded_random(rng)).encode()
    whole = {"device_id": rng.choice([ident_random(rng), Raw("123456")])}
    kind = rng.random()
    if kind < .7:
        whole["location"] = location_random(rng)
    elif kind < .95:
        elements = [some(rng, location_random(rng), .97) for _ in range(rng.choice([0, 1, 2, 5, 20]))]
        whole["location" if rng.random() < .5 else "locations"] = elements
    whole.update(rng.choice([{}, {"_": "&id=5"}]))
    return json_text(rng, whole).encode()


def head_of(rng, method, target, fields):
    end = rng.choice([b"\r\n", b"\r\n", b"\r\n", b"\n"])
    lines = [method + b" " + target + b" HTTP/1." + (b"0" if rng.random() < .05 else b"1")] + fields
    return end.join(lines) + end + end


def common_fields(rng):
    fields = [b"Host: t.example:8888"]
    fields += rng.choice([[], [], [b"User-Agent: okhttp/4.9"], [b"connection:Keep-Alive"], [b"Connection: close"], [b"Connection: Upgrade, close"], [b"Accept:"]])
    return fields


def with_body(rng, target, kind, body):
    fields = common_fields(rng) + ([b"Content-Type: " + kind] if kind else [])
    rng.shuffle(fields)
    if rng.random() < .2:
        chunks = b""
        while body:
            size = rng.randint(1, len(body)) if len(body) < 50 or rng.random() < .5 else len(body)
            chunks += rng.choice([b"%x", b"%X", b"%04x"]) % size + rng.choice([b"", b"", b";ext=1", b" "]) + b"\r\n" + body[:size] + b"\r\n"
            body = body[size:]
        return head_of(rng, b"POST", target, fields + [b"Transfer-Encoding: Chunked"]) + chunks + b"0\r\n" + rng.choice([b"", b"", b"X: y\r\n"]) + b"\r\n"
    return head_of(rng, rng.choice([b"POST", b"POST", b"PUT"]), target, fields + [b"Content-Length: %d" % len(body)]) + body


def faulty(rng):
    query = b"/?" + query_random(rng)
    return rng.choice([
        b"GET / HTTP/1.1\r\n\r\n", b"GET /?lat=1&lon=2 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET " + query + b"\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n",
        b"DELETE " + query + b" HTTP/1.1\r\n\r\n", b"GET " + query + b" HTTP/1.1\r\n folded\r\n\r\n", b"GET " + query + b" HTTP/1.1\r\nbad header: 5\r\n\r\n",
        b"POST " + query + b" HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n",
        b"GET " + query + b" HTTP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n"])


def request_random(rng):
    kind = rng.random()
    if kind < .02:
        return faulty(rng)
    if kind < .5:
        prefix = rng.choice([b"/?", b"/?", b"/path/x?", b"http://t.example:8888/?"])
        return head_of(rng, rng.choice([b"GET", b"GET", b"GET", b"POST", b"HEAD"]), prefix + query_random(rng) + rng.choice([b"", b"", b"#top"]), common_fields(rng))
    target = rng.choice([b"/", b"/?", b"/positions", b"/#x?y", b"/?id=phone-017"])
    if kind < .65:
        return with_body(rng, target, rng.choice([b"application/x-www-form-urlencoded", b"application/x-www-form-urlencoded; charset=utf-8", b""]), query_random(rng))
    return with_body(rng, target, rng.choice([b"application/json", b"Application/JSON; charset=utf-8", b"text/plain", b""]), rng.choice([b"", b"", b" \n"]) + json_body(rng))


def generate(rng, count):
    """Yields (bytes on the wire, the request in them)."""
    for _ in range(count):
        request = request_random(rng)
        yield rng.choice([b"", b"", b"", b"", b"\r\n", b"\n\r\n"]) + request, request
