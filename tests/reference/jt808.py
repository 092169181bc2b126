# SPDX-License-Identifier: MIT
"""JT/T 808 and its dialects, slow and obvious: what each frame must give, and random frames. Written from the protocol's
documents without a look at the decoder."""
from fractions import Fraction

from common import Reject, calendar_time, half_up, is_decimal, reply, report, speed
import datetime
import re

ALARMS = {0: "sos", 1: "overspeed", 2: "fatigueDriving", 3: "general", 4: "fault", 5: "gpsAntennaCut", 6: "gpsAntennaCut",
          7: "lowPower", 8: "powerCut", 9: "fault", 10: "fault", 11: "fault", 12: "fault", 15: "vibration", 16: "tampering",
          17: "tampering", 19: "parking", 20: "geofence", 21: "geofence", 23: "geofence", 24: "fault", 25: "fuelLeak",
          26: "general", 28: "movement", 29: "accident", 30: "accident", 31: "door"}
DATA = {"0200", "0704", "0210", "0900", "0107", "6006", "0702", "0800", "0801"}
AT_ONCE = {"0002", "0003", "0506", "1007", "8888", "0102"}
SILENT = {"0001", "0104", "0201", "0701", "1300", "2070"}
CELLS_MOST = 3072


class Raw(Exception):
    """The bytes do not fit their layout, or a value is impossible."""


class Device:
    def __init__(self):
        self.serial = 0
        self.words = {}
        self.messages = {}
        self.ident = None
        self.media = (None, 0)


# Bytes ---------------------------------------------------------------------------------------------------------------

def be(data):
    return int.from_bytes(data, "big")


def signed(data):
    return int.from_bytes(data, "big", signed=True)


def minus15(data):
    """Bit 15 is the sign of the other bits."""
    value = be(data)
    return -(value & 0x7FFF) if value >> 15 else value


def need(condition):
    if not condition:
        raise Raw


class Bytes:
    """Reads from the front; Raw beyond the end."""
    def __init__(self, data):
        self.data = data

    def take(self, count):
        need(count <= len(self.data))
        head, self.data = self.data[:count], self.data[count:]
        return head

    def u(self, count):
        return be(self.take(count))

    def s(self, count):
        return signed(self.take(count))

    def end(self):
        need(not self.data)


def bcd(data):
    text = data.hex()
    return text if text.isdigit() else None


def local_time(data):
    """yymmddhhmmss of UTC+8, or None."""
    text = bcd(data)
    if text is None or text[:2] == "00":
        return None
    part = [int(text[i:i + 2]) for i in range(0, 12, 2)]
    try:
        time = datetime.datetime(2000 + part[0], *part[1:]) - datetime.timedelta(hours=8)
    except ValueError:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def gbk(data):
    out, at = "", 0
    while at < len(data):
        two = data[at:at + 2]
        if data[at] < 0x80:
            out += chr(data[at])
            at += 1
        elif len(two) == 2 and 0x81 <= two[0] <= 0xFE and 0x40 <= two[1] <= 0xFE and two[1] != 0x7F:
            try:
                out += two.decode("gbk")
            except UnicodeDecodeError:
                out += "\ufffd"
            at += 2
        else:
            out += "\ufffd"
            at += 1
    return out.replace("\0", "")


def trim_bytes(data):
    while data and data[0] <= 0x20:
        data = data[1:]
    while data and data[-1] <= 0x20:
        data = data[:-1]
    return data


def ascii_text(data):
    """Printable text without blanks and control characters at both ends."""
    data = trim_bytes(data)
    need(all(0x20 <= byte <= 0x7E for byte in data))
    return data.decode()


def records(data, id_size, len_size, counts_id=False):
    """(id, value) of a list that adds up."""
    out, rest = [], Bytes(data)
    while rest.data:
        if counts_id:
            size = rest.u(len_size)
            need(size >= id_size)
            out.append((rest.u(id_size), rest.take(size - id_size)))
        else:
            key = rest.u(id_size)
            out.append((key, rest.take(rest.u(len_size))))
    return out


def wide(value):
    need(len(value) in (1, 2, 4))
    return be(value)


# What an item may set ----------------------------------------------------------------------------------------------------

class Block:
    """One report in the making."""
    def __init__(self, out, model):
        self.out, self.extra, self.model = out, out["extra"], model
        self.cells, self.wifi, self.network = [], [], None
        self.fence = None
        self.aovx = None

    def percent(self, value):
        need(value <= 100)
        self.out["battery_percent"] = value

    def battery(self, mv):
        need(mv <= 100000)
        self.out["battery_v"] = mv / 1000

    def power(self, mv):
        need(mv <= 1000000)
        self.out["power_v"] = mv / 1000

    def share(self, name, value):
        """In %."""
        need(0 <= value <= 100)
        self.extra[name] = value

    def csq(self, value):
        need(value <= 31)
        self.out["gsm_percent"] = value * 100 // 31

    def satellites(self, value):
        need(value <= 99)
        self.out["satellites"] = value

    def driver(self, text):
        need(len(text) <= 64)
        if text:
            self.out["driver"] = text

    def alarm(self, name):
        self.out["alarms"].append(name)

    def text(self, name, value):
        if value:
            self.extra[name] = value

    def cell(self, mcc, mnc, lac, cid, rssi=None):
        if lac == 0 and cid == 0:
            return
        if self.network is None:
            self.network = (mcc, mnc)
        self.cells.append((lac, cid, rssi))

    def cells_of(self, cells):
        for mcc, *_ in cells:
            need(mcc <= 999)
        for each in cells:
            self.cell(*each)

    def finish(self):
        if self.network is not None:
            self.extra["mcc"], self.extra["mnc"] = self.network
            if len(self.cells) == 1 and self.cells[0][2] is None:
                self.extra["lac"], self.extra["cid"] = self.cells[0][:2]
            else:
                self.extra["cells"] = ";".join(f"{lac},{cid}" + ("" if rssi is None else f",-{rssi}")
                                               for lac, cid, rssi in self.cells)
        if self.wifi:
            self.extra["wifi"] = ";".join(f"{mac},{rssi}" for mac, rssi in self.wifi)


def wifi(b, rest, count):
    for _ in range(count):
        mac = rest.take(6).hex()
        b.wifi.append((mac, rest.s(1)))


def iccid(b, data):
    text = ascii_text(data)
    need(text.startswith("89"))
    b.extra["iccid"] = text


def imei(b, data):
    need(len(data) == 15 and re.fullmatch(rb"\d{15}", data))
    b.extra["imei"] = data.decode()


def bcd_imei(data):
    text = bcd(data)
    need(text is not None and text[0] == "0")
    return text[1:]


def iccid_hex(data):
    text = data.hex()
    while text.endswith("f"):
        text = text[:-1]
    return text


OBD_RT = ["power_v", "rpm", "obdSpeed", "throttle", "engineLoad", "coolantTemp", "fuelConsumption", "fuelConsumption",
          "tripOdometer", "obdOdometer", "tripFuelUsed", "fuelUsed"]


def obd_rt(b, data):
    text = data.decode("latin-1").strip("".join(map(chr, range(33))))
    need(text.startswith("$OBD-RT,"))
    for name, value in zip(OBD_RT, text[8:].split(",")):
        value = value.strip(" ")
        if not is_decimal(value):
            continue
        if name == "power_v":
            mv = half_up(Fraction(value), 3)
            if 0 <= mv <= 1000000:
                b.out["power_v"] = mv / 1000
        else:
            b.extra[name] = float(half_up(Fraction(value), 6)) / 1000000


OBD_80 = {0x03: ("obdSpeed", 10), 0x80: ("obdSpeed", 1), 0x81: ("rpm", 1), 0x83: ("engineLoad", 1), 0x85: ("fuelConsumption", 1),
          0x87: ("intakeFlow", 1), 0x88: ("intakePressure", 1), 0x89: ("throttle", 1), 0x8C: ("obdOdometer", Fraction(1, 100)),
          0x8D: ("tripOdometer", Fraction(1, 1000)), 0x02: ("fuel", 10)}


def table_80(b, data):
    for key, value in records(data, 1, 1):
        try:
            if key == 0x01:
                b.out["odometer_m"] = wide(value) * 100
            elif key in OBD_80:
                name, scale = OBD_80[key]
                b.extra[name] = float(Fraction(wide(value)) / scale)
            elif key == 0x56:
                need(len(value) == 2)
                b.percent(value[1])
            elif key in (0x61, 0x82):
                b.power(wide(value) * (10 if key == 0x61 else 100))
            elif key == 0x69:
                b.battery(wide(value) * 10)
            elif key == 0x8E:
                b.share("fuelLevel", wide(value))
            elif key in (0x84, 0x86):
                b.extra["coolantTemp" if key == 0x84 else "intakeTemp"] = wide(value) - 40
            elif key == 0x8B:
                need(len(value) == 17)
                b.text("vin", ascii_text(value))
            elif key == 0xA0:
                b.text("dtcs", ascii_text(value.replace(b",", b" ")))
            elif key == 0xCC:
                need(len(value) == 20)
                iccid(b, value)
            else:
                raise Raw
        except Raw:
            b.extra.setdefault(f"i80{key:02x}", value[:64].hex())


OBD_F3 = {0x02: ("obdSpeed", 10), 0x03: ("rpm", 1), 0x05: ("obdOdometer", Fraction(1, 100)), 0x07: ("fuelConsumption", 10),
          0x08: ("engineLoad", 10), 0x0B: ("intakePressure", 1), 0x0D: ("intakeFlow", 1), 0x100: ("tripOdometer", 10),
          0x102: ("tripFuel", 10), 0x112: ("hardAccelerationCount", 1), 0x113: ("hardBrakingCount", 1),
          0x114: ("hardCorneringCount", 1)}


def table_f3(b, pairs):
    for key, value in pairs:
        try:
            if key in OBD_F3:
                name, scale = OBD_F3[key]
                b.extra[name] = float(Fraction(wide(value)) / scale)
            elif key == 0x04:
                b.power(wide(value))
            elif key in (0x09, 0x0C):
                b.extra["coolantTemp" if key == 9 else "intakeTemp"] = wide(value) - 40
            elif key == 0x0E:
                b.extra["throttle"] = wide(value) * 100 // 255
            elif key in (0x50, 0x52):
                b.text("vin" if key == 0x50 else "calid", ascii_text(value))
            elif key == 0x51:
                b.text("cvn", value.hex())
        except Raw:
            pass


def tags(b, data):
    rest, found, n, all_read = Bytes(data), {}, 0, True
    mask = rest.u(1)
    need(rest.data)
    while rest.data:
        n += 1
        found[f"tag{n}Mac"] = rest.take(6).hex()
        found[f"tag{n}Rssi"] = rest.s(1)
        if mask & 1:
            found[f"tag{n}Name"] = ascii_text(rest.take(10))
        if mask & 2:
            rest.take(2)
        if mask & 4:
            found[f"tag{n}Battery"] = rest.u(2) / 1000
        if mask & 8:
            found[f"tag{n}Temp"] = rest.s(2) / 10
        if mask & 16:
            humidity = rest.s(2) / 10
            if 0 <= humidity <= 100:
                found[f"tag{n}Humidity"] = humidity
            else:
                all_read = False
        rest.take(sum(size for bit, size in ((5, 6), (6, 2), (7, 2)) if mask >> bit & 1))
    b.extra.update({key: value for key, value in found.items() if value != ""})
    need(all_read)


def eb_item(b, key, v):
    if key == 0x0001 and len(v) >= 2:
        b.extra["fuel1"] = be(v[:2]) / 10
    elif key == 0x0023 and len(v) == 6:
        need(is_decimal(v.decode("latin-1")))
        b.extra["fuel2"] = float(half_up(Fraction(v.decode()), 6)) / 1000000
    elif key == 0x002D and len(v) == 4:
        b.power(be(v))
    elif key == 0x002D and len(v) == 2:
        b.battery(be(v))
    elif key == 0x0089 and len(v) == 4:
        if not be(v) & 1:
            b.alarm("powerOff")
        if not be(v) >> 12 & 1:
            b.alarm("removing")
    elif key in (0x00A8, 0x00E1) and len(v) == 1:
        b.percent(v[0])
    elif key == 0x00B2 and len(v) == 10:
        b.text("iccid", iccid_hex(v))
    elif key == 0x00B9 and len(v) >= 1:
        fields = v[1:].decode("latin-1").split(",")
        need(len(fields) % 2 == 0)
        pairs = list(zip(fields[::2], fields[1::2]))
        need(all(re.fullmatch("[0-9A-Fa-f:]{12,17}", mac) and re.fullmatch(r"-?\d{1,3}", rssi) for mac, rssi in pairs))
        b.wifi += pairs
    elif key == 0x00C5 and len(v) == 4:
        if not be(v) >> 6 & 1:
            b.alarm("vibration")
        state = be(v) >> 23 & 3
        if state < 2:
            b.extra["motion"] = state == 0
    elif key == 0x00C6 and len(v) == 1:
        b.extra["batteryAlarm"] = v[0]
        if v[0] in (3, 4):
            b.alarm("lowBattery")
    elif key == 0x00CE and len(v) == 2:
        b.power(be(v) * 10)
    elif key == 0x00D5:
        imei(b, v)
    elif key == 0x00D8 and len(v) >= 9:
        b.cells_of([(be(v[:2]), v[2], be(v[3:5]), be(v[5:9]))])
    else:
        raise Raw


def item_eb(b, v):
    need(v)
    if all(0x20 <= byte <= 0x7E for byte in v):
        b.text("timezone", ascii_text(v))
        return
    try:
        pairs = records(v, 2, 2, counts_id=True)
    except Raw:
        need(len(v) >= 3 and len(v) % 5 == 3 and 201 <= be(v[:2]) <= 999)
        b.cells_of([(be(v[:2]), v[2], be(v[i:i + 2]), be(v[i + 2:i + 4]), v[i + 4]) for i in range(3, len(v), 5)])
        return
    for key, value in pairs:
        try:
            eb_item(b, key, value)
        except Raw:
            b.extra.setdefault(f"ieb{key:04x}", value[:64].hex())


E8_ALARMS = {0x400: "hardAcceleration", 0x412: "hardAcceleration", 0x401: "hardBraking", 0x413: "hardBraking",
             0x402: "hardCornering", 0x414: "hardCornering", 0x403: "overspeed", 0x405: "accident", 0x416: "accident",
             0x417: "accident", 0x406: "vibration", 0x407: "tow", 0x408: "geofenceEnter", 0x409: "geofenceExit",
             0x40C: "door", 0x415: "laneChange", 0xC01: "sos", 0xC02: "lowPower", 0xC05: "general", 0xC0E: "powerCut",
             0xC0F: "lowBattery", 0xC10: "powerOff", 0xC12: "tampering", 1: "fault"}


def e8_2005(b, pairs):
    for key, v in pairs:
        try:
            if key == 0x0001:
                b.battery(wide(v) * 10)
            elif key == 0x0002:
                need(len(v) == 4)
                b.extra["dataUsage"] = be(v)
            elif key == 0x0003:
                b.percent(wide(v))
            elif key == 0x0004:
                b.extra["charge"] = wide(v) == 0
            elif key == 0x0005:
                digits = v.hex() if len(v) == 10 else v.decode("latin-1")
                need(re.fullmatch(r"[0-9]{19}", digits[:19]))
                b.extra["iccid"] = digits[:19]
            elif key == 0x0007:
                need(wide(v) * 10 <= 9999)
                b.out["hdop"] = wide(v) / 10
            else:
                need(key == 0x2001)
                b.power(wide(v) * 100)
        except Raw:
            b.extra.setdefault(f"ie82005{key:04x}", v[:64].hex())


def item_e8(b, v):
    if len(v) == 3:
        b.extra["lockStatus"] = be(v)
        return
    need(len(v) > 3)
    for key, value in records(v, 2, 1):
        try:
            rest = Bytes(value)
            if key == 0x2003:
                need(len(value) == 7)
                charge, level, battery, gsm, power = rest.u(1), rest.u(1), rest.u(2), rest.u(1), rest.u(2)
                need(battery <= 10000)
                b.extra["charge"] = charge == 1
                if 1 <= level <= 6:
                    b.percent(level * 100 // 6)
                b.battery(battery * 10)
                b.extra["gsm"] = gsm
                b.power(power * 10)
                need(level <= 6)
            elif key == 0x2002:
                need(len(value) == 2)
                b.extra["uploadMode"], b.extra["buffered"] = value[0], value[1] == 1
                if value[1] == 1:
                    b.out["stored"] = True
            elif key == 0x2005:
                e8_2005(b, records(value, 2, 1))
            else:
                need(key >> 8 in (0x04, 0x0C) or key == 1)
                b.extra["eventCode"] = key
                if key in (0xC03, 0xC04):
                    b.out["ignition"] = key == 0xC03
                if key in E8_ALARMS:
                    b.alarm(E8_ALARMS[key])
        except Raw:
            b.extra.setdefault(f"ie8{key:04x}", value[:64].hex())


def item_ea(b, v):
    need(len(v) > 3)
    for key, value in records(v[1:], 1, 1):
        if key == 0x11 and len(value) >= 3:
            b.extra["externalAlarms"], b.extra["alarmThresholdType"] = be(value[:2]), value[2]
        elif key in (0x13, 0x14) and len(value) == 2:
            b.extra["externalIlluminance" if key == 0x13 else "externalAirPressure"] = be(value)
        elif key == 0x15 and len(value) == 2 and be(value) <= 1000:
            b.extra["externalHumidity"] = be(value) / 10
        elif key == 0x16 and len(value) == 2:
            b.extra["externalTemp"] = (be(value) - 500) / 10
        else:
            b.extra.setdefault(f"iea{key:02x}", value[:64].hex())


def item_lock(b, v):
    rest = Bytes(v)
    found = {"lockCommand": rest.u(1)}
    need(len(v) not in (3, 4))
    if len(v) in (5, 6):
        found["lockCard"] = rest.u(4)
    elif len(v) >= 7:
        password = rest.take(6)
        need(all(0x20 <= byte <= 0x7E for byte in password))
        found["lockPassword"] = ascii_text(password)
    if len(v) % 2 == 0:
        found["unlockResult"] = rest.u(1)
    b.extra.update({key: value for key, value in found.items() if value != ""})


def item_77(b, v):
    need(len(v) % 8 == 0)
    for at in range(0, len(v), 8):
        i, sensor, pressure, temp, status = v[at], v[at + 1:at + 4].hex(), be(v[at + 4:at + 6]), v[at + 6], v[at + 7]
        b.extra.update({f"tire{i}SensorId": sensor, f"tire{i}Pressure": (pressure & 1023) / 40, f"tire{i}Temp": temp - 50,
                        f"tire{i}Status": status})


def item_e6(b, v):
    if v[:7] == b"$OBD-RT":
        obd_rt(b, v)
        return
    need(v and len(v) % 11 == 0)
    all_read = True
    for at in range(0, len(v), 11):
        i = v[at]
        for name, value in (("temp", v[at + 7:at + 9]), ("humidity", v[at + 9:at + 11])):
            whole = signed(value[:1])
            number = abs(whole) + Fraction(value[1], 255)
            value = half_up(-number if whole < 0 else number, 6) / 1000000
            if name == "temp" or 0 <= value <= 100:
                b.extra[f"{name}{i}"] = value
            else:
                all_read = False
    need(all_read)


def item_f6(b, v):
    if len(v) == 2:
        b.extra["airPressure"] = be(v)
        return
    if len(v) == 8 and bcd(v) and v[0] < 16:
        b.extra["imei"] = bcd(v)[1:]
        return
    rest, found, all_read = Bytes(v), {}, True
    found["eventCode"] = rest.u(1)
    if found["eventCode"] == 2:
        found["motion"] = True
    mask = rest.u(1)
    need(mask & 0xC0 == 0)
    if mask & 1:
        found["lightSensor"] = rest.u(2)
    if mask & 2:
        found["temp1"] = rest.s(2) / 10
    if mask & 4:
        humidity = rest.s(2) / 10
        if 0 <= humidity <= 100:
            found["humidity"] = humidity
        else:
            all_read = False
    if mask & 8:
        found["gSensor"] = "[%d,%d,%d]" % (rest.s(2), rest.s(2), rest.s(2))
    if mask & 16:
        rest.take(10)
    if mask & 32:
        found["airPressure"] = rest.u(2)
    rest.end()
    b.extra.update(found)
    need(all_read)


def item_f9(b, v):
    rest, hdop, temp = Bytes(v), None, None
    mask = rest.u(2)
    need(mask & ~0x6F == 0)
    for bit, size in ((0, 4), (1, 4)):
        if mask >> bit & 1:
            rest.take(size)
    if mask & 4:
        hdop = rest.u(2) * 10
        need(hdop <= 9999)
    if mask & 8:
        rest.take(6)
    if mask & 32:
        rest.take(8)
    if mask & 64:
        temp = rest.s(2)
        rest.take(4)
    rest.end()
    if hdop is not None:
        b.out["hdop"] = hdop / 100
    if temp is not None:
        b.extra["temp3"] = temp / 10


def item_d5(b, v):
    if len(v) == 2:
        b.battery(be(v) * 10)
        return
    need(v and len(v) == 1 + 13 * v[0])
    for n in range(v[0]):
        one = v[1 + 13 * n:14 + 13 * n]
        b.extra.update({f"lock{n + 1}Id": one[:5].hex(), f"lock{n + 1}Card": one[5:10].hex(), f"lock{n + 1}Battery": one[10],
                        f"lock{n + 1}Locked": not be(one[11:13]) >> 5 & 1})


def item_e1(b, v):
    if len(v) == 1:
        charge_or_percent(b, v)
    elif len(v) == 2:
        b.power(be(v) * 100)
    elif len(v) == 4:
        b.driver(str(be(v)))
    else:
        need(len(v) > 4 and len(v) % 8 == 4)
        b.cells_of([(be(v[:2]), be(v[2:4]), be(v[i:i + 3]), be(v[i + 3:i + 7]), v[i + 7]) for i in range(4, len(v), 8)])


def charge_or_percent(b, v):
    if v[0] == 0xFF:
        b.extra["charge"] = True
    else:
        b.percent(v[0])


def item(b, key, v, rest):
    """rest: the bytes of the message after the item."""
    extra, size = b.extra, len(v)
    numbers = {(0x04, 2): "confirmEvent", (0x14, 4): "videoAlarm", (0x15, 4): "videoLost", (0x16, 4): "videoCovered",
               (0x17, 2): "storageFault", (0x25, 4): "signals", (0x2A, 2): "io", (0x33, 1): "mode", (0xF5, 2): "illuminance",
               (0xFC, 1): "geofence"}
    if (key, size) in numbers:
        extra[numbers[key, size]] = be(v)
    elif key == 0x01 and size == 4:
        b.out["odometer_m"] = be(v) * 100
    elif key == 0x02 and size == 2:
        if be(v) >> 15:
            need(be(v) & 0x7FFF <= 100)
            extra["fuelLevel"] = be(v) & 0x7FFF
        else:
            extra["fuel"] = be(v) / 10
    elif key == 0x03 and size == 2:
        extra["recorderSpeed"] = be(v) / 10
    elif key == 0x06 and size == 1:
        b.percent(v[0])
    elif key == 0x06 and size == 2:
        extra["temp1"] = minus15(v)
    elif key == 0x0B:
        item_lock(b, v)
    elif key == 0x11 and size in (1, 5):
        if v[0] and size == 5:
            extra["area"] = be(v[1:])
    elif key == 0x12 and size == 6:
        need(v[5] <= 1)
        extra["area"] = be(v[1:5])
        b.fence = "geofenceExit" if v[5] else "geofenceEnter"
    elif key == 0x13 and size == 7:
        extra["route"], extra["routeTime"], extra["routeResult"] = be(v[:4]), be(v[4:6]), v[6]
    elif key == 0x18 and size in (2, 3):
        extra["driving"] = be(v[:2])
    elif key in (0x2B, 0xA7) and size == 4:
        b.out["adc"] = [be(v[2:]), be(v[:2])]
    elif key == 0x30 and size == 1:
        b.csq(v[0])
    elif key == 0x31 and size == 1:
        b.satellites(v[0])
    elif key == 0x33 and size == 13 and v[:4] == b"*M00" and re.fullmatch(rb"\d{3}", v[10:]):
        b.battery(int(v[10:]) * 10)
    elif key == 0x51 and size % 2 == 0:
        for i in range(0, size, 2):
            if v[i:i + 2] != b"\xff\xff":
                extra[f"temp{i // 2 + 1}"] = minus15(v[i:i + 2]) / 10
    elif key in (0x53, 0x5D):
        need(v and size in (1 + 8 * v[0], 1 + 10 * v[0]))
        width = 2 if size == 1 + 8 * v[0] else 4
        one = 6 + width
        parts = [v[i:i + one] for i in range(1, size, one)]
        b.cells_of([(be(p[:2]), p[2], be(p[3:5]), be(p[5:5 + width]), p[-1]) for p in parts])
    elif key == 0x54:
        need(v and size == 1 + 7 * v[0])
        wifi(b, Bytes(v[1:]), v[0])
    elif key == 0x56 and size in (1, 2):
        b.percent(v[0] * 10)
    elif key == 0x57 and size == 8:
        for bit, name in ((8, "hardAcceleration"), (9, "hardBraking"), (10, "hardCornering")):
            if be(v[:2]) >> bit & 1:
                b.alarm(name)
        if be(v[2:4]):
            extra["switches"] = be(v[2:4])
        if b.model in ("MV710G", "MV810G"):
            extra["door"] = bool(be(v[4:]) >> 16 & 1)
    elif key == 0x60 and size >= 2:
        event = be(v[:2])
        extra["lockEvent"] = event
        if size >= 11 and all(0x20 <= byte <= 0x7E for byte in v[-8:]):
            card = ascii_text(v[-8:])
            if 0x61 <= event <= 0x66:
                b.driver(card)
            else:
                b.text("card", card)
    elif key == 0x61 and size == 2:
        b.power(be(v) * 10)
    elif key in (0x82, 0xD3) and size == 2:
        b.power(be(v) * 100)
    elif key == 0x63 and size % 11 == 0:
        for n in range(size // 11):
            one = v[n * 11:n * 11 + 11]
            extra.update({f"lock{n + 1}Id": one[:6].hex(), f"lock{n + 1}Battery": be(one[6:8]) / 1000,
                          f"lock{n + 1}Seal": one[8] == 0x31})
    elif key in (0x64, 0x65) and size >= 6:
        extra["adasAlarm" if key == 0x64 else "dmsAlarm"] = v[5]
        if size >= 47:
            extra["alarmLabel"] = v[-16:].hex()
    elif key == 0x67 and size == 8:
        b.text("password", ascii_text(v))
    elif key == 0x68 and size in (2, 4):
        b.percent(be(v) // 100)
    elif key == 0x69 and size == 2:
        b.battery(be(v) * 10)
    elif key == 0x6C:
        imei(b, v)
    elif key in (0x71, 0xCC, 0xD6) and size == 20:
        iccid(b, v)
    elif key == 0x70 and size >= 6:
        extra["behaviour"] = v[5]
        names = {1: "hardAcceleration", 2: "hardBraking", 3: "hardCornering", 0x16: "accident"}
        if v[5] in names:
            b.alarm(names[v[5]])
    elif key == 0x77:
        item_77(b, v)
    elif key == 0x80 and size == 1:
        try:
            table_80(b, rest)
        except Raw:
            extra.setdefault("i80", (v + rest)[:64].hex())
        return True
    elif key == 0x91 and size >= 22:
        need(be(v[:2]) * 100 <= 1000000)
        b.power(be(v[:2]) * 100)
        extra.update(rpm=be(v[2:4]), obdSpeed=v[4], throttle=v[5] * 100 // 255, engineLoad=v[6] * 100 // 255, coolantTemp=v[7] - 40,
                     fuelConsumption=be(v[10:12]) / 100, fuelUsed=be(v[20:22]) / 100)
    elif key == 0x94:
        b.text("vin", ascii_text(v))
    elif key == 0xAC and size == 4:
        b.out["odometer_m"] = be(v)
    elif key == 0xBC:
        fixed_text(b, "driverName", v)
    elif key == 0xBD:
        b.driver(ascii_text(v))
    elif key == 0xD0 and size == 4:
        extra["userStatus"] = be(v)
        if be(v) >> 3 & 1:
            b.alarm("vibration")
    elif key in (0xD4, 0xE9) and size == 1:
        charge_or_percent(b, v)
    elif key in (0xD4, 0xE9) and size == 4:
        b.driver(str(be(v)))
    elif key == 0xD5:
        item_d5(b, v)
    elif key == 0xDA and size >= 3:
        extra.update(cuts=be(v[:2]), string=bool(v[2] & 1), motion=bool(v[2] & 4), cover=bool(v[2] & 8))
    elif key == 0xE1:
        item_e1(b, v)
    elif key == 0xE2 and size == 4:
        need(b.model != "DT800")
        extra["fuel"] = be(v) / 10
    elif key == 0xE3 and size in (4, 6):
        need(v[1] <= 100 and be(v[2:4]) * 10 <= 100000)
        b.percent(v[1])
        b.battery(be(v[2:4]) * 10)
    elif key == 0xE4 and size == 2:
        b.percent(v[1])
        if v[0] == 0:
            extra["charge"] = True
    elif key == 0xE5 and size == 1:
        extra["motion"] = v[0] == 1
    elif key == 0xE6:
        item_e6(b, v)
    elif key == 0xE7 and size == 8:
        if be(v[:2]) & 1:
            b.alarm("vibration")
        if be(v[:2]) & 14:
            b.alarm("sos")
    elif key == 0xE8:
        item_e8(b, v)
    elif key == 0xEA:
        item_ea(b, v)
    elif key == 0xEB:
        item_eb(b, v)
    elif key in (0xEC, 0xF4) and size % 7 == 0:
        wifi(b, Bytes(v), size // 7)
    elif key == 0xED:
        b.text("card", ascii_text(v))
    elif key == 0xEE and size == 6:
        need(v[5] <= 99)
        extra["gsm"] = v[0]
        b.power(be(v[1:3]))
        b.battery(be(v[3:5]))
        b.satellites(v[5])
    elif key == 0xEE and size == 10:
        b.cells_of([(be(v[:2]), v[2], be(v[3:5]), be(v[5:9]))])
    elif key == 0xF0 and size % 13 == 0:
        b.cells_of([(be(v[i:i + 2]), be(v[i + 2:i + 4]), be(v[i + 8:i + 12]), be(v[i + 4:i + 8]), v[i + 12])
                    for i in range(0, size, 13)])
    elif key == 0xF1 and size == 4:
        b.power(be(v))
    elif key == 0xF1 and size in (19, 20):
        b.text("iccid", ascii_text(v))
    elif key == 0xF2:
        b.text("versionFw", ascii_text(v))
        b.aovx = v[5:10].decode("latin-1") if v[:5] == b"AOVX_" else None
    elif key == 0xF3:
        try:
            pairs = records(v, 2, 1)
            need(pairs and all(each < 0x300 for each, _ in pairs))
        except Raw:
            tags(b, v)
        else:
            table_f3(b, pairs)
    elif key == 0xF6:
        item_f6(b, v)
    elif key == 0xF7 and size == 2:
        b.share("humidity", be(v) / 10)
    elif key == 0xF7 and size in (4, 5, 6):
        need(be(v[:4]) <= 100000 and (size < 6 or v[5] <= 100))
        b.battery(be(v[:4]))
        if size > 4 and v[4] in (2, 3):
            extra["charge"] = True
        if size > 5:
            b.percent(v[5])
    elif key == 0xF8 and size == 2 and b.model in ("C5", "C5L"):
        extra["steps"] = be(v)
    elif key == 0xF8 and size >= 19:
        number = bcd_imei(v[1:9])
        extra["mode"], extra["imei"] = v[0], number
        b.text("iccid", iccid_hex(v[9:19]))
    elif key == 0xF9:
        item_f9(b, v)
    elif key == 0xFB:
        b.text("container", ascii_text(v))
    elif key == 0xFD and size == 10:
        b.cells_of([(be(v[:2]), be(v[2:4]), be(v[8:]), be(v[4:8]))])
    elif key == 0xFF and size == 12:
        b.cells_of([(be(v[:2]), be(v[2:4]), be(v[4:8]), be(v[8:]))])
    elif key == 0xFE and size == 1:
        b.percent(v[0])
    elif key == 0xFE and size == 2:
        b.power(be(v) * 100)
    elif key == 0xFE and size == 4:
        b.out["odometer_m"] = be(v)
    elif key == 0xFE and size > 4 and v[0] == 0x7C:
        for sub, value in records(v[1:], 1, 1):
            if sub == 1 and len(value) == 4:
                for bit, name in enumerate(("hardAcceleration", "hardBraking", "hardCornering", "accident", "tampering")):
                    if be(value) >> bit & 1:
                        b.alarm(name)
            if sub != 1 or len(value) != 4 or be(value) > 31:
                b.extra.setdefault(f"ife{sub:02x}", value[:64].hex())
    else:
        raise Raw
    return False


def split_items(data):
    """(id, value, rest), and whether the lengths add up. The last one is what is there."""
    out = []
    while len(data) >= 2:
        key, size = data[0], data[1]
        value, data = data[2:2 + size], data[2 + size:]
        out.append((key, value, data))
        if len(value) < size:
            return out, False
    return out, not data


def padlock(b, tail):
    rest = Bytes(tail)
    rest.take(4)
    mileage = rest.u(4)
    if mileage <= 10 ** 9:
        b.out["odometer_m"] = mileage * 1000
    mv = rest.u(2) * 100
    if mv <= 100000:
        b.out["battery_v"] = mv / 1000
    b.extra["area"] = rest.u(4)
    b.extra["gsm"] = rest.u(1)


def items(b, data, reader=item):
    found, adds_up = split_items(data)
    if not adds_up and len(data) == 18 and reader is item:
        padlock(b, data)
        return
    for key, value, rest in found:
        try:
            if reader(b, key, value, rest):
                return
        except Raw:
            b.extra.setdefault(f"i{key:02x}", value[:64].hex())


# Positions -----------------------------------------------------------------------------------------------------------------

def place(out, status, lat, lon, altitude=None, kmh_e1=None, course=None, fix=None):
    valid = bool(status >> 1 & 1) if fix is None else fix
    if lat > 90000000 or lon > 180000000 or (lat == lon == 0 and not valid):
        return
    out["valid"] = valid
    out["latitude"] = lat * (-10 if status >> 2 & 1 else 10)
    out["longitude"] = lon * (-10 if status >> 3 & 1 else 10)
    if altitude is not None and -1000 <= altitude <= 20000:
        out["altitude_m"] = altitude
    if kmh_e1 is not None:
        speed(out, Fraction(kmh_e1, 10))
    if course is not None and course < 360:
        out["course_deg"] = course


def status_bits(b, status):
    b.out["ignition"] = bool(status & 1)
    b.extra["status"] = status
    if status >> 10 & 1:
        b.extra["blocked"] = True
    if status >> 26 & 1:
        b.extra["charge"] = True


def position(out, data, state, is_2019):
    b = Block(out, "")
    word, status = be(data[:4]), be(data[4:8])
    if word:
        b.extra["alarm"] = word
    status_bits(b, status)
    place(out, status, be(data[8:12]), be(data[12:16]), signed(data[16:18]), be(data[18:20]), be(data[20:22]))
    out["device_time"] = local_time(data[22:28])
    items(b, data[28:])
    b.finish()
    new = word & ~state.words.get(out["ident"], 0)
    state.words[out["ident"]] = word
    for bit in range(32):
        if not new >> bit & 1:
            continue
        if b.aovx in ("AL300", "GL100"):
            if bit == 16:
                b.alarm("movement")
        elif b.aovx == "VL300" and bit in (29, 30) or is_2019 and bit in (15, 16, 17):
            continue
        elif bit == 20 and b.fence:
            b.alarm(b.fence)
        elif bit in ALARMS:
            b.alarm(ALARMS[bit])


# Other messages ------------------------------------------------------------------------------------------------------------

def fixed_text(b, name, data):
    """A field of fixed length. Chinese text in GBK."""
    b.text(name, gbk(trim_bytes(data.split(b"\0")[0])))


def register(b, body, is_2019):
    r = Bytes(body)
    sizes = (11, 30, 30) if is_2019 else (5, 20, 7)
    if not is_2019 and len(body) < 37:
        sizes = (5, 8, 7)
    b.extra["province"], b.extra["county"] = r.u(2), r.u(2)
    for name, size in zip(("maker", "model", "terminal"), sizes):
        fixed_text(b, name, r.take(size))
    b.extra["colour"] = r.u(1)
    fixed_text(b, "plate", r.data)


def heartbeat(b, body):
    need(len(body) == 3)
    b.percent(body[0])
    b.extra["gsm"], b.extra["status"] = body[1], body[2]


def attributes(b, body, is_2019):
    r = Bytes(body)
    sizes = (5, 30, 30) if is_2019 else (5, 20, 7)
    b.extra["type"] = r.u(2)
    for name, size in zip(("maker", "model", "terminal"), sizes):
        fixed_text(b, name, r.take(size))
    b.text("iccid", iccid_hex(r.take(10)))
    for name in ("versionHw", "versionFw"):
        if r.data:
            fixed_text(b, name, r.take(r.u(1)))
    if r.data:
        b.extra["unknown"] = r.data[:64].hex()


def card(b, body):
    r = Bytes(body)
    status = r.u(1)
    need(status in (1, 2))
    time = local_time(r.take(6))
    b.extra["cardStatus"] = status
    b.out["device_time"] = time
    if not r.data:
        return
    b.extra["cardResult"] = r.u(1)
    fixed_text(b, "driverName", r.take(r.u(1)))
    code = ascii_text(r.take(20).split(b"\0")[0])
    b.text("cardCode", code)
    fixed_text(b, "cardAgency", r.take(r.u(1)))
    validity = r.take(4)
    r.end()
    if validity != bytes(4):
        b.extra["cardValidity"] = validity.hex()
    if status == 1:
        b.driver(code)


def acceleration(b, body):
    need(body and len(body) % 12 == 0)
    samples = ["[%d,%d,%d]" % tuple(minus15(body[at + i:at + i + 2]) for i in (6, 8, 10)) for at in range(0, len(body), 12)]
    b.extra["gSensor"] = "[" + ",".join(samples[:64]) + "]"


def result(b, text):
    text = text.replace("\0", "").strip("".join(map(chr, range(33))))
    if text:
        b.extra["result"] = text


F0_NUMBERS = {0x103: ("fuel", 100, 0), 0x52A: ("fuel", 100, 0), 0x105: ("fuelUsed", 100, 0), 0x52C: ("fuelUsed", 100, 0),
              0x111: ("fuelTemp", 1, 40), 0x12E: ("oilLevel", 10, 0), 0x14A: ("fuelConsumption", 100, 0),
              0x537: ("fuelConsumption", 100, 0), 0x538: ("fuelConsumption", 100, 0), 0x539: ("fuelConsumption", 100, 0),
              0x52D: ("coolantTemp", 1, 40), 0x52E: ("airTemp", 1, 40), 0x535: ("obdSpeed", 10, 0),
              0x536: ("rpm", 1, 0), 0x53D: ("intakePressure", 10, 0), 0x544: ("liquidLevel", 1, 0), 0x547: ("throttle", 1, 0),
              0x548: ("throttle", 1, 0)}
F0_ALARMS = {1: "powerRestored", 2: "powerCut", 0x0E: "idle", 0x1A: "hardAcceleration", 0x1B: "hardBraking",
             0x1C: "hardCornering", 0x1D: "laneChange", 0x1E: "laneChange", 0x1F: "laneChange", 0x23: "fatigueDriving",
             0x25: "overspeed", 0x26: "accident", 0x27: "accident", 0x28: "accident", 0x31: "door", 0x32: "door"}


def f0_value(b, key, v):
    try:
        if key in (0x102, 0x528, 0x546):
            b.out["odometer_m"] = wide(v) * 100
        elif key in F0_NUMBERS:
            name, scale, less = F0_NUMBERS[key]
            b.extra[name] = (wide(v) - less) / scale
        elif key == 0x530:
            b.power(wide(v))
        elif key == 0x52B:
            b.share("fuelLevel", wide(v))
        elif key == 0xFEEC:
            b.text("vin", ascii_text(v))
        else:
            raise Raw
    except Raw:
        b.extra[f"io{key}"] = be(v) if len(v) in (1, 2, 4) else v[:64].hex()


def f0_place(b, r):
    status, lat, lon = r.u(4), r.u(4), r.u(4)
    r.end()
    status_bits(b, status)
    place(b.out, status, lat, lon)


def peripheral(b, body):
    """0900/F0."""
    r = Bytes(body[1:])
    b.out["device_time"] = local_time(r.take(6))
    b.out["stored"] = r.u(1) != 0
    r.take(1)
    sub = r.u(1)
    if sub == 1:
        for _ in range(r.u(1)):
            key = r.u(2)
            f0_value(b, key, r.take(r.u(1)))
        f0_place(b, r)
    elif sub == 2:
        texts = []
        for _ in range(r.u(2)):
            r.take(4)
            for _ in range(r.u(2)):
                r.take(8)
                texts.append(ascii_text(r.take(r.u(2))))
        f0_place(b, r)
        b.text("dtcs", " ".join(text for text in texts if text))
    elif sub == 3:
        for _ in range(r.u(1)):
            code = r.u(1)
            r.take(r.u(1))
            if code in F0_ALARMS:
                b.alarm(F0_ALARMS[code])
            else:
                b.extra["data"] = body[:256].hex()
        f0_place(b, r)
    elif sub == 4:
        kind = r.u(1)
        b.extra["property"], b.extra["tripNumber"] = kind, r.u(4)
        r.take(6)
        if kind == 2:
            r.take(6 + 8 + 8 + 1)
            b.extra["idlingCount"], b.extra["idlingTime"] = r.u(2), r.u(2)
            b.extra["tripOdometer"], b.extra["tripFuel"] = r.u(2) * 100, r.u(2) / 100
        r.end()
    elif sub == 0x0B:
        if r.u(1):
            b.text("vin", ascii_text(r.take(17)))
        r.end()
    elif sub == 0x15:
        code = r.u(4)
        r.end()
        b.extra["behaviour"] = code
        names = {51: "hardAcceleration", 52: "hardBraking", 53: "hardCornering", 54: "laneChange", 56: "accident"}
        if code in names:
            b.alarm(names[code])
    else:
        raise Raw


def sensors(b, body):
    """0900/53 and 54."""
    kind, r = body[0], Bytes(body[1:])
    status, lat, lon = r.u(4), r.u(4), r.u(4)
    altitude, kmh, course, time = r.s(2), r.u(2), r.u(2), r.take(6)
    found = {}
    if kind == 0x53:
        for _ in range(r.u(1)):
            name = f"tag{r.u(1) + 1}"
            found[name + "Mac"], found[name + "Rssi"] = r.take(6).hex(), r.s(1)
            data = r.take(r.u(1))
            if data:
                found[name + "Data"] = data[:64].hex()
        r.end()
    else:
        while r.data:
            mask = r.u(2)
            r.take(6)
            need(mask & ~0x1F == 0)
            if mask & 1:
                found["lightSensor"] = r.u(2)
            if mask & 2:
                found["deviceTemp"], humidity = r.s(2) / 10, r.s(2) / 10
                if 0 <= humidity <= 100:
                    found["humidity"] = humidity
                else:
                    found["data"] = body[:256].hex()
            if mask & 4:
                found["temp3"] = r.s(2) / 10
            if mask & 8:
                r.take(6)
            if mask & 16:
                found["airPressure"] = r.u(2)
    status_bits(b, status)
    place(b.out, status, lat, lon, altitude, kmh, course)
    b.out["device_time"] = local_time(time)
    b.extra.update(found)


def transparent(b, body):
    kind, rest = body[0], body[1:]
    if kind == 0x40:
        if len(rest) >= 2 and be(rest[:2]) == len(rest) - 2:
            rest = rest[2:]
        fields = trim_bytes(rest).split(b"|")
        need(fields[0] == b"GTSL" and len(fields) >= 5)
        b.driver(ascii_text(fields[4]))
    elif kind == 0x41:
        obd_rt(b, rest)
    elif kind == 0xF0:
        peripheral(b, body)
    elif kind == 0xF3:
        pairs = records(rest, 2, 2)
        need(pairs)
        for key, value in pairs:
            if key == 2 and len(value) == 2:
                b.extra["collision"] = be(value) / 25600
            elif key == 6 and len(value) == 6:
                b.out["device_time"] = local_time(value) or b.out.get("device_time")
            else:
                b.extra["data"] = body[:256].hex()
    elif kind == 0xFF:
        r = Bytes(rest)
        time, lat, lon = r.take(6), r.s(4), r.s(4)
        altitude, kmh, course = r.s(2), r.u(2), r.u(2)
        b.out["device_time"] = local_time(time)
        place(b.out, (lat < 0) << 2 | (lon < 0) << 3, abs(lat), abs(lon), altitude, kmh, course, True)
    elif kind in (0x53, 0x54):
        sensors(b, body)
    else:
        raise Raw


def transparent_event(body):
    event = "0900"
    if body:
        event += "/%02X" % body[0]
        if body[0] == 0xF0 and len(body) >= 10:
            event += "/%02X" % body[9]
    return event


def angle(digits, degrees, most):
    """Digits of degrees and minutes with four decimals."""
    if not digits.isdigit():
        return None
    whole, minutes = int(digits[:degrees]), int(digits[degrees:])
    e7 = whole * 10000000 + (minutes * 100 + 3) // 6
    return None if minutes >= 600000 or e7 > most * 10000000 else e7


def lock_item(b, key, v, _):
    if key == 0x02 and len(v) == 2:
        need(-1000 <= signed(v) <= 20000)
        b.out["altitude_m"] = signed(v)
    elif key == 0x0A and len(v) in (3, 4):
        need(be(v[:2]) <= 999)
        b.extra["mcc"], b.extra["mnc"] = be(v[:2]), be(v[2:])
    elif key == 0x0B:
        item_lock(b, v)
    elif key == 0x0C and len(v) == 6:
        b.extra["tilt"] = "[%d,%d,%d]" % (signed(v[:2]), signed(v[2:4]), signed(v[4:]))
    elif key == 0x10 and len(v) == 1:
        b.extra["wakeSource"] = v[0]
    elif key == 0xFC and len(v) == 1:
        b.extra["geofence"] = v[0]
    else:
        raise Raw


def padlock_message(out, body):
    """5501, 5502."""
    b, r, extra = Block(out, ""), Bytes(body), out["extra"]
    date, clock = r.take(3).hex(), r.take(3).hex()
    lat_digits, lon_digits = r.take(4).hex(), r.take(5).hex()
    knots, course, rssi, satellites = r.take(1).hex(), r.u(1) * 2, r.u(1), r.u(1)
    mileage, battery, cid, lac, product, status, alarm = r.u(4), r.u(1), r.u(4), r.u(2), r.u(1), r.u(2), r.u(2)
    if (date + clock).isdigit() and date[4:] != "00":
        day = [int((date + clock)[i:i + 2]) for i in range(0, 12, 2)]
        out["device_time"] = calendar_time(2000 + day[2], day[1], day[0], *day[3:])
    flags = int(lon_digits[9], 16)
    lat, lon = angle(lat_digits, 2, 90), angle(lon_digits[:9], 3, 180)
    valid = bool(flags & 1)
    if lat is not None and lon is not None and (lat or lon or valid):
        out["valid"] = valid
        out["latitude"], out["longitude"] = lat if flags & 2 else -lat, lon if flags & 4 else -lon
        if knots.isdigit():
            speed(out, Fraction(int(knots) * 1852, 1000))
        if course < 360:
            out["course_deg"] = course
    if rssi <= 31:
        out["gsm_percent"] = rssi * 100 // 31
    if satellites <= 99:
        out["satellites"] = satellites
    if mileage <= 10 ** 9:
        out["odometer_m"] = mileage * 1000
    if battery <= 100:
        out["battery_percent"] = battery
    elif battery in (0xAA, 0xAB):
        extra["charge"] = True
    if cid and lac:
        extra["cid"], extra["lac"] = cid, lac
    extra["product"], extra["status"] = product, status
    if alarm:
        extra["alarm"] = alarm
    if product in (1, 2) and alarm & 1:
        b.alarm("lowPower")
    if product == 3:
        names = {0: "overspeed", 1: "lowPower", 2: "vibration", 3: "lowBattery", 5: "geofenceEnter", 6: "geofenceExit"}
        for bit, name in names.items():
            if alarm >> bit & 1:
                b.alarm(name)
        if status >> 5 & 1:
            extra["blocked"] = True
    items(b, r.data, lock_item)


# Frames --------------------------------------------------------------------------------------------------------------------

def xor(data):
    value = 0
    for byte in data:
        value ^= byte
    return value


def escape(data, is_e7):
    table = {0xE6: b"\xe6\x01", 0xE7: b"\xe6\x02", 0x3E: b"\x3e\x01", 0x3D: b"\x3e\x02"} if is_e7 else {
        0x7D: b"\x7d\x01", 0x7E: b"\x7d\x02"}
    return b"".join(table.get(byte, bytes([byte])) for byte in data)


def unescape(data, is_e7):
    pairs = {b"\xe6\x01": 0xE6, b"\xe6\x02": 0xE7, b"\x3e\x01": 0x3E, b"\x3e\x02": 0x3D} if is_e7 else {
        b"\x7d\x01": 0x7D, b"\x7d\x02": 0x7E}
    out, at = bytearray(), 0
    leads = {pair[0] for pair in pairs}
    while at < len(data):
        if data[at] in leads:
            pair = data[at:at + 2]
            if pair not in pairs:
                raise Reject("bad value: escape")
            out.append(pairs[pair])
            at += 2
        else:
            out.append(data[at])
            at += 1
    return bytes(out)


def wrap(content, is_e7=False):
    mark = b"\xe7" if is_e7 else b"\x7e"
    return mark + escape(content + bytes([xor(content)]), is_e7) + mark


def luhn(number):
    total = 0
    for i, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def ident_of(data):
    text = data.hex()
    if text.isdigit():
        return text.lstrip("0") or "0"
    if len(data) > 7:
        raise Reject("bad value: ident")
    number = str(be(data))
    return number + luhn(number)


class Frame:
    def __init__(self, data):
        self.is_e7 = data[:1] == b"\xe7"
        plain = unescape(data[1:-1], self.is_e7)
        if len(plain) < 2:
            raise Reject("bad length")
        if xor(plain):
            raise Reject("bad checksum")
        plain = plain[:-1]
        self.id = plain[:2].hex().upper()
        self.attributes = be(plain[2:4])
        self.is_lock = self.id in ("5501", "5502")
        self.is_2019 = bool(self.attributes & 0x4000) and not self.is_lock
        self.is_split = bool(self.attributes & 0x2000) and not self.is_lock
        at = 4
        self.version = plain[at:at + self.is_2019]
        at += self.is_2019
        size = 10 if self.is_2019 else 7 if self.is_e7 else 6
        self.number = plain[at:at + size]
        at += size
        width = 1 if self.is_lock else 2
        self.serial = be(plain[at:at + width])
        at += width
        if self.is_split:
            self.total, self.part = be(plain[at:at + 2]), be(plain[at + 2:at + 4])
            at += 4
        if len(plain) < at:
            raise Reject("bad length")
        self.body = plain[at:]

    def answer(self, kind, body, state, when):
        attributes = len(body) | (0x4000 if self.is_2019 else 0)
        content = bytes.fromhex(kind) + attributes.to_bytes(2, "big") + self.version + self.number
        content += (b"\1" if kind == "4401" else state.serial.to_bytes(2, "big")) + body
        if kind != "4401":
            state.serial = (state.serial + 1) & 0xFFFF
        return {"reply": wrap(content, self.is_e7).hex(), "when": when}

    def acknowledge(self, state, when, code=0):
        return self.answer("8001", self.serial.to_bytes(2, "big") + bytes.fromhex(self.id) + bytes([code]), state, when)


def status_report(frame, state, fill, event=None):
    """A report that `fill` completes; with the body in hex where it does not fit."""
    out = report(state.ident, event or frame.id)
    b = Block(out, "")
    try:
        fill(b)
        b.finish()
    except Raw:
        out = report(state.ident, event or frame.id)
        if frame.body:
            out["extra"]["data"] = frame.body[:256].hex()
    return out


def raw(_):
    raise Raw


def position_report(frame, state, block, stored=False):
    out = report(state.ident, frame.id)
    out["stored"] = stored
    position(out, block, state, frame.is_2019)
    out["stored"] = out["stored"] or stored
    return out


def batch(frame, state):
    body, out = frame.body, []
    if frame.id == "0210" and len(body) == 7 and body[0] <= 100:
        def fill(b):
            b.percent(body[0])
            b.out["device_time"] = local_time(body[1:])
        return [status_report(frame, state, fill)]
    width, at, stored = (1, 0, False) if frame.id == "0210" else (2, 3, len(body) > 2 and body[2] != 0)
    while at + width <= len(body):
        size = be(body[at:at + width])
        block = body[at + width:at + width + size]
        if len(block) < 28:
            break
        out.append(position_report(frame, state, block, stored))
        at += width + size
    return out or [status_report(frame, state, raw)]


def decode_whole(frame, state):
    kind, body = frame.id, frame.body
    if kind in ("0200", "0201"):
        block = body[2:] if kind == "0201" else body
        if len(block) < 28:
            raise Reject("bad length")
        return [position_report(frame, state, block)]
    if kind in ("0704", "0210"):
        return batch(frame, state)
    if kind in ("5501", "5502"):
        out = report(state.ident, kind)
        try:
            padlock_message(out, body)
        except Raw:
            out = status_report(frame, state, raw)
        out["stored"] = kind == "5502"
        return [out]
    if kind == "0900":
        return [status_report(frame, state, (lambda b: transparent(b, body)) if body else raw, transparent_event(body))]
    if kind == "0100":
        return [status_report(frame, state, lambda b: register(b, body, frame.is_2019))]
    if kind == "0107":
        return [status_report(frame, state, lambda b: attributes(b, body, frame.is_2019))]
    if kind == "0702":
        return [status_report(frame, state, lambda b: card(b, body))]
    if kind == "2070":
        return [status_report(frame, state, lambda b: acceleration(b, body))]
    if kind == "6006":
        return [status_report(frame, state, lambda b: (need(body), result(b, gbk(body[1:]))))]
    if kind == "1300":
        def fill(b):
            need(len(body) >= 2 and len(body) % 2 == 0)
            result(b, body[2:].decode("utf-16-be", "replace"))
        return [status_report(frame, state, fill)]
    if kind == "0701":
        def fill(b):
            need(len(body) >= 4 and be(body[:4]) == len(body) - 4)
            result(b, body[4:].decode("ascii", "replace"))
        return [status_report(frame, state, fill)]
    if kind == "0002":
        return [status_report(frame, state, lambda b: heartbeat(b, body))] if body else []
    if kind == "0102":
        if frame.is_2019 and body and len(body) == 1 + body[0] + 15 + 20 and re.fullmatch(
                rb"\d{15}", body[1 + body[0]:16 + body[0]]):
            def fill(b):
                b.extra["imei"] = body[1 + body[0]:16 + body[0]].decode()
                fixed_text(b, "software", body[16 + body[0]:])
            return [status_report(frame, state, fill)]
        return []
    if kind == "0001" and len(body) == 5:
        return []
    if (kind in ("0003", "0109", "0506", "1007", "8888") or kind == "0004" and frame.is_2019) and not body:
        return []
    return [status_report(frame, state, raw)]


def answers(frame, state):
    kind = frame.id
    if kind == "0100":
        serial = frame.serial.to_bytes(2, "big")
        refused = Device()
        refused.serial = state.serial
        yes = frame.answer("8100", serial + b"\0" + state.ident.encode(), state, "now")
        no = frame.answer("8100", serial + b"\4", refused, "refused")
        return [yes, no]
    if kind == "0109":
        return [frame.answer("8109", bytes(8), state, "now")]
    if kind == "0004" and frame.is_2019:
        return [frame.answer("8004", bytes(6), state, "now")]
    if frame.is_lock:
        wanted = frame.attributes & 0x8000
        return [frame.answer("4401", bytes.fromhex(kind) + b"\0", state, "stored")] if wanted else []
    if kind in SILENT and not frame.is_split:
        return []
    return [frame.acknowledge(state, "now" if kind in AT_ONCE else "stored")]


def text_frame(data, state):
    text = data.decode("latin-1")
    if not state.ident:
        raise Reject("bad value: ident")
    if ",BASE,2,TIME)" in text:
        return [{"reply": text, "when": "now"}]
    out = report(state.ident, "text")
    out["extra"]["result"] = data.decode("ascii", "replace").replace("\0", "")
    return [out]


def can_be_block(data):
    if len(data) < 28 or data[:3] == b"\xff\xd8\xff":
        return False
    return (be(data[8:12]) <= 90000000 and be(data[12:16]) <= 180000000
            and (local_time(data[22:28]) is not None or data[22:28] == bytes(6)))


def media(frame, state):
    """0801 while photos are off: the first part makes a report. None: not a part of a medium."""
    body = frame.body
    total, part = (frame.total, frame.part) if frame.is_split else (1, 1)
    first = (frame.serial - part + 1) & 0xFFFF
    if not 1 <= part <= total or not body or part == 1 and len(body) < 8:
        return None
    out = []
    if part == 1:
        state.media = (first, be(body[:4]))
        one = report(state.ident, "0801")
        b = Block(one, "")
        b.extra.update(mediaId=be(body[:4]), mediaType=body[4], mediaFormat=body[5], mediaEvent=body[6], mediaChannel=body[7])
        if can_be_block(body[8:]):
            block = body[8:36]
            if be(block[:4]):
                b.extra["alarm"] = be(block[:4])
            status_bits(b, be(block[4:8]))
            place(one, be(block[4:8]), be(block[8:12]), be(block[12:16]), signed(block[16:18]), be(block[18:20]),
                  be(block[20:22]))
            one["device_time"] = local_time(block[22:28])
        out.append(one)
    answer = frame.acknowledge(state, "stored")
    if part == total and state.media[0] == first:
        whole = frame.answer("8800", state.media[1].to_bytes(4, "big"), state, "stored")
        answer["reply"] += whole["reply"]
    return out + [answer]


def join(frame, state):
    """True if the frame completes its message, which is then its body."""
    if not 1 <= frame.part <= frame.total or not frame.body:
        frame.body_is_raw = True
        return True
    if frame.total == 1:
        return True
    key = (state.ident, frame.id, (frame.serial - frame.part + 1) & 0xFFFF)
    total, parts = state.messages.setdefault(key, (frame.total, {}))
    if frame.part in parts:
        return False
    parts[frame.part] = frame.body
    if len(parts) < total:
        return False
    del state.messages[key]
    frame.body = b"".join(parts[i] for i in sorted(parts))
    return True


def decode(data, state):
    try:
        if data[:1] == b"(":
            return text_frame(data, state)
        frame = Frame(data if data[0] in (0x7E, 0xE7) else b"\x7e" + data)  # two frames may share a delimiter
        if frame.attributes & 0x0400:
            raise Reject("encrypted")
        state.ident = ident_of(frame.number)
        if frame.id == "0801":
            outputs = media(frame, state)
            return outputs or [status_report(frame, state, raw), frame.acknowledge(state, "stored")]
        if frame.is_split:
            if not join(frame, state):
                held = [frame.acknowledge(state, "stored")]
                key = (state.ident, frame.id, (frame.serial - frame.part + 1) & 0xFFFF)
                total, parts = state.messages[key]
                missing = [i for i in range(1, total + 1) if i not in parts]
                if frame.part == total and missing:
                    first = (frame.serial - frame.part + 1) & 0xFFFF
                    body = first.to_bytes(2, "big") + bytes([len(missing)])
                    body += b"".join(i.to_bytes(2, "big") for i in missing)
                    held.insert(0, frame.answer("8003", body, state, "now"))
                return held
            if getattr(frame, "body_is_raw", False):
                return [status_report(frame, state, raw), frame.acknowledge(state, "stored")]
        return decode_whole(frame, state) + answers(frame, state)
    except Reject as reject:
        return [{"reject": str(reject), "frame": data.hex()}]


def mask(text):
    """A reply in hex, without the server's clock."""
    data = text.encode("latin-1")
    if data[:1] == b"(":
        return re.sub(r"20\d{12}\)$", "TIME)", data.decode())
    plain = unescape(data[1:-1], data[:1] == b"\xe7")[:-1] if data.count(data[:1]) == 2 else b""
    size = {b"\x81\x09": 8, b"\x80\x04": 6}.get(plain[:2])
    if size is None:
        return data.hex()
    return wrap(plain[:-size] + bytes(size), data[:1] == b"\xe7").hex()


# Random frames -----------------------------------------------------------------------------------------------------------

NUMBERS = ["086000000017", "086000000018", "000000000000", "123456789012", "4e376f736001", "000000000a00"]


def some(rng, count):
    return bytes(rng.choice((rng.randrange(256), 0, 0xFF, rng.randrange(16))) for _ in range(count))


def number(rng, count):
    return (rng.choice((rng.randrange(256 ** count), rng.randrange(256), 0, 256 ** count - 1)) % 256 ** count).to_bytes(count, "big")


def clock(rng):
    if rng.random() < .08:
        return bytes.fromhex(rng.choice(("000000000000", "001231235959", "261332101010", "2603142a1010", "260231000000")))
    return bytes.fromhex("%02d%02d%02d%02d%02d%02d" % (rng.randint(1, 99), rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24),
                                                      rng.randrange(60), rng.randrange(60)))


def words(rng, count):
    text = "".join(rng.choice("ABCXYZ019 -,.") for _ in range(count)).encode()
    return text if rng.random() < .9 else text[:-1] + rng.choice((b"\0", b"\x01", b"\x90"))


def chinese(rng, count):
    text = "".join(rng.choice("\u4e2d\u56fd\u8f66A7 ") for _ in range(count)).encode("gbk")[:count]
    return rng.choice((text, text, words(rng, count) if count else b"", some(rng, count)))


def padded(rng, text, size):
    return text[:size].ljust(size, rng.choice((b"\0", b" ")))


def listed(rng, id_size, len_size, ids, counts_id=False):
    out = b""
    for _ in range(rng.randint(1, 4)):
        key = rng.choice(ids) if rng.random() < .9 else rng.randrange(256 ** id_size)
        key, sizes = key if isinstance(key, tuple) else (key, (1, 2, 4, rng.randrange(12)))
        value = rng.choice((number, some))(rng, rng.choice(sizes)) if sizes != "text" else words(rng, rng.randint(1, 20))
        if counts_id:
            out += (len(value) + id_size).to_bytes(len_size, "big") + key.to_bytes(id_size, "big") + value
        else:
            out += key.to_bytes(id_size, "big") + len(value).to_bytes(len_size, "big") + value
    return out if rng.random() < .9 else out[:-1]


def cells(rng, head, one, count):
    """head and one: sizes of the numbers; the first of a country is small."""
    def country():
        return rng.choice((262, 460, 1, 1200, 250)).to_bytes(2, "big")
    def values(sizes):
        return b"".join(country() if size == "mcc" else number(rng, size) for size in sizes)
    return values(head) + b"".join(values(one) for _ in range(count))


def wifi_text(rng):
    pairs = ["%012x,-%d" % (rng.randrange(1 << 48), rng.randrange(100)) for _ in range(rng.randint(1, 3))]
    if rng.random() < .2:
        pairs.append(rng.choice(("x", "aabbccddeeff", "aabbccddeeff,1,2", "zz,1")))
    return b"\1" + ",".join(pairs).encode()


def obd_text(rng):
    values = [rng.choice(("", "13.8", "12", "-1.25", "x", "1700", "0.1234567", " 5 ", "99999999")) for _ in range(rng.randint(1, 14))]
    return b"$OBD-RT," + ",".join(values).encode() + rng.choice((b"", b"\r\n"))


def eb_list(rng):
    ids = [(1, (2, 3, 1)), (0x23, (6,)), (0x2D, (2, 4)), (0x89, (4,)), (0xA8, (1,)), (0xE1, (1,)), (0xB2, (10,)), (0xC5, (4,)),
           (0xC6, (1,)), (0xCE, (2,)), (0xD8, (9, 10)), (0xD5, (15,)), 0x77]
    out = listed(rng, 2, 2, ids, True)
    extra = rng.choice((b"", b"\0\x08\0\x23012.34", b"\0\x11\0\xd5860000000000017", None))
    text = wifi_text(rng)
    return out + (extra if extra is not None else (len(text) + 2).to_bytes(2, "big") + b"\0\xb9" + text)


def e8_list(rng):
    status = listed(rng, 2, 1, [(1, (2,)), (2, (4,)), (3, (1,)), (4, (1,)), (5, (10, 20)), (7, (1, 2)), (0x2001, (2,)), 9])
    out = b"\x20\x05" + bytes([len(status)]) + status if rng.random() < .5 else b""
    return out + listed(rng, 2, 1, [(0x2003, (7,)), (0x2002, (2,)), (0x400 + rng.randrange(24), (0, 4, 16)),
                                    (0xC00 + rng.randrange(20), (0, 2)), (1, (0, 3)), 0x1234])


def tag_list(rng):
    mask = rng.randrange(256)
    out = bytes([mask])
    for _ in range(rng.randint(1, 3)):
        out += some(rng, 7) + (padded(rng, words(rng, 6), 10) if mask & 1 else b"")
        out += some(rng, sum((2, 2, 2, 2, 6, 2, 2)[bit - 1] for bit in range(1, 8) if mask >> bit & 1))
    return out if rng.random() < .9 else out + b"\0"


def masked(rng, width, sizes):
    mask = sum(1 << bit for bit in range(len(sizes)) if rng.random() < .5)
    if rng.random() < .05:
        mask |= 1 << rng.randrange(8)
    return mask.to_bytes(width, "big") + some(rng, sum(size for bit, size in enumerate(sizes) if mask >> bit & 1))


def counted(rng, one, sizes_of):
    count = rng.randrange(4)
    return bytes([count]) + b"".join(sizes_of() for _ in range(count)) + (b"" if rng.random() < .95 else b"\0")


def item_value(rng, key):
    """A value that fits the item mostly."""
    sizes = {0x01: (4,), 0x02: (2,), 0x03: (2,), 0x04: (2,), 0x06: (1, 2), 0x0B: range(1, 12), 0x11: (1, 5), 0x12: (6,), 0x13: (7,),
             0x14: (4,), 0x15: (4,), 0x16: (4,), 0x17: (2,), 0x18: (2, 3), 0x25: (4,), 0x2A: (2,), 0x2B: (4,), 0x30: (1,),
             0x31: (1,), 0x33: (1,), 0x51: (2, 4, 8), 0x56: (1, 2), 0x57: (8,), 0x61: (2,), 0x63: (11, 22), 0x64: (6, 47, 50),
             0x65: (6, 47), 0x68: (2, 4), 0x69: (2,), 0x70: (6, 9), 0x77: (8, 16), 0x82: (2,), 0x91: (22, 24), 0xA7: (4,),
             0xAC: (4,), 0xD0: (4,), 0xD3: (2,), 0xD4: (1, 4), 0xDA: (3, 4), 0xE2: (4,), 0xE3: (4, 6), 0xE4: (2,), 0xE5: (1,),
             0xE7: (8,), 0xE9: (1, 4), 0xEC: (7, 14), 0xF4: (7, 14), 0xF5: (2,), 0xF7: (2, 4, 5, 6), 0xF8: (2, 19, 21),
             0xFC: (1,), 0xFE: (1, 2, 4)}
    if key in sizes and rng.random() < .95:
        value = rng.choice((number, some))(rng, rng.choice(sizes[key]))
        if key == 0x0B and len(value) >= 7 and rng.random() < .7:
            value = value[:1] + b"123456" + value[7:]
        if key == 0x33 and rng.random() < .5:
            value = b"*M00" + some(rng, 6) + rng.choice((b"387", b"3x7", b"412"))
        if key == 0x12:
            value = value[:5] + rng.choice((b"\0", b"\1", b"\1", b"\2"))
        if key == 0xF8 and len(value) >= 19 and rng.random() < .7:
            value = value[:1] + bytes.fromhex("0860000000000017") + rng.choice((value[9:], b"\x89\x86" + b"\x01" * 7 + b"\x1f"))
        return value
    shapes = {
        **{key: lambda: counted(rng, 8, lambda: cells(rng, (), ("mcc", 1, 2, 2, 1), 1)) if rng.random() < .5 else
           counted(rng, 10, lambda: cells(rng, (), ("mcc", 1, 2, 4, 1), 1)) for key in (0x53, 0x5D)},
        0x54: lambda: counted(rng, 7, lambda: some(rng, 7)),
        0x60: lambda: number(rng, 2) + rng.choice((b"", some(rng, 9), b"1" * 6 + words(rng, 8), b"\0" + words(rng, 8))),
        0x67: lambda: words(rng, 8), 0x6C: lambda: rng.choice((b"860000000000017", words(rng, 15))),
        0x71: lambda: rng.choice((b"89" + b"0" * 18, words(rng, 20))), 0xCC: lambda: b"89" + words(rng, 18),
        0xD6: lambda: b"8901234567890123456\0", 0x80: lambda: some(rng, rng.choice((1, 1, 2))),
        0x94: lambda: words(rng, 17), 0xBC: lambda: chinese(rng, rng.randrange(12)), 0xBD: lambda: words(rng, rng.choice((4, 8, 70))),
        0xD5: lambda: rng.choice((number(rng, 2), counted(rng, 13, lambda: some(rng, 13)))),
        0xE1: lambda: rng.choice((number(rng, 1), number(rng, 2), number(rng, 4), cells(rng, ("mcc", 2), (3, 4, 1), rng.randrange(1, 4)))),
        0xE6: lambda: rng.choice((obd_text(rng), some(rng, rng.choice((11, 22))))),
        0xE8: lambda: rng.choice((some(rng, 3), e8_list(rng))),
        0xEA: lambda: b"\1" + listed(rng, 1, 1, [(0x11, (3, 4)), (0x13, (2,)), (0x14, (2,)), (0x15, (2,)), (0x16, (2,)), 0x20]),
        0xEB: lambda: rng.choice((b"GMT+08:00", eb_list(rng), eb_list(rng), cells(rng, ("mcc", 1), (2, 2, 1), rng.randrange(4)))),
        0xED: lambda: words(rng, 8), 0xEE: lambda: rng.choice((some(rng, 6), cells(rng, (), ("mcc", 1, 2, 4, 1), 1))),
        0xF0: lambda: cells(rng, (), ("mcc", 2, 4, 4, 1), rng.randrange(4)),
        0xF1: lambda: rng.choice((number(rng, 4), words(rng, 19), b"8" * 20)),
        0xF2: lambda: rng.choice((b"AOVX_", b"AOVX_", b"V1.0")) + rng.choice((b"AL300", b"VL300", b"GL100", b"XX", b"AL300-1")),
        0xF3: lambda: rng.choice((tag_list(rng), listed(rng, 2, 1, [0x02, 0x03, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E,
                                                                    (0x50, "text"), 0x51, (0x52, "text"), 0x100, 0x102, 0x112]))),
        0xF6: lambda: rng.choice((number(rng, 2), bytes.fromhex("0860000000000017"),
                                  some(rng, 1) + masked(rng, 1, (2, 2, 2, 6, 10, 2)))),
        0xF9: lambda: masked(rng, 2, (4, 4, 2, 6, 0, 8, 6)),
        0xFB: lambda: words(rng, 11), 0xFD: lambda: cells(rng, (), ("mcc", 2, 4, 2), 1),
        0xFF: lambda: cells(rng, (), ("mcc", 2, 4, 4), 1)}
    if key == 0xFE and rng.random() < .7:
        return b"\x7c" + listed(rng, 1, 1, [(1, (4,)), 2])
    return shapes[key]()[:255] if key in shapes and rng.random() < .95 else some(rng, rng.randrange(40))


KNOWN_ITEMS = [0x01, 0x02, 0x03, 0x04, 0x06, 0x0B, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x25, 0x2A, 0x2B, 0x30, 0x31, 0x33,
               0x51, 0x53, 0x54, 0x56, 0x57, 0x5D, 0x60, 0x61, 0x63, 0x64, 0x65, 0x67, 0x68, 0x69, 0x6C, 0x70, 0x71, 0x77, 0x82,
               0x91, 0x94, 0xA7, 0xAC, 0xBC, 0xBD, 0xCC, 0xD0, 0xD3, 0xD4, 0xD5, 0xD6, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5,
               0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xEB, 0xEC, 0xED, 0xEE, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9,
               0xFB, 0xFC, 0xFD, 0xFE, 0xFF]


def item_bytes(rng):
    out = b""
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8))):
        key = rng.choice(KNOWN_ITEMS) if rng.random() < .93 else rng.randrange(256)
        value = item_value(rng, key)[:255]
        out += bytes([key, len(value)]) + value
    if rng.random() < .06:
        out += b"\x80\1\xaa" + listed(rng, 1, 1, [1, 2, 3, 0x61, 0x69, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                                                    (0x56, (2,)), (0x8B, (17,)), 0x8C, 0x8D, 0x8E, (0xA0, "text"), (0xCC, (20,))])
    shape = rng.random()
    if shape < .03:
        return out[:-1]
    if shape < .06:
        return some(rng, 18)
    return out if shape < .97 else out + some(rng, 1)


def bits(rng, most=3):
    return sum(1 << bit for bit in {rng.randrange(32) for _ in range(rng.randint(0, most))})


def coordinate(rng, most):
    return rng.choice((0, rng.randrange(most * 1000000 + 1), most * 1000000, most * 1000000 + rng.randrange(5))).to_bytes(4, "big")


def block_bytes(rng, with_items=True):
    status = rng.choice((3, 2, 0, 1, 7, 15, 11)) | bits(rng, 2)
    out = bits(rng).to_bytes(4, "big") + status.to_bytes(4, "big") + coordinate(rng, 90) + coordinate(rng, 180)
    out += number(rng, 2) + number(rng, 2) + rng.choice((rng.randrange(360), 359, 360, 400)).to_bytes(2, "big") + clock(rng)
    return out + (item_bytes(rng) if with_items else b"")


def batch_bytes(rng, width):
    out = b""
    for _ in range(rng.randrange(5)):
        one = block_bytes(rng)[:255 if width == 1 else 600]
        if rng.random() < .03:
            one = one[:rng.randrange(30)]
        out += len(one).to_bytes(width, "big") + one
    return out[:-rng.randrange(1, 40)] if rng.random() < .05 else out


def transparent_bytes(rng):
    kind = rng.choice((0x40, 0x41, 0x53, 0x54, 0xF0, 0xF0, 0xF0, 0xF3, 0xFF, 0x77))
    status_place = (rng.choice((0, 1, 3, 15)) | bits(rng, 1)).to_bytes(4, "big") + coordinate(rng, 90) + coordinate(rng, 180)
    if kind == 0x40:
        text = rng.choice((b"GTSL|1|2|3|%s|5\0", b"GTSL|1|2|%s", b"OTHER|%s", b"\0 GTSL|||| %s ")) % words(rng, 6)
        body = rng.choice((b"", len(text).to_bytes(2, "big"))) + text
    elif kind == 0x41:
        body = obd_text(rng)
    elif kind in (0x53, 0x54):
        body = status_place + number(rng, 2) + number(rng, 2) + rng.choice((90, 400)).to_bytes(2, "big") + clock(rng)
        if kind == 0x53:
            count = rng.randrange(4)
            body += bytes([count])
            for _ in range(count):
                data = some(rng, rng.randrange(9))
                body += bytes([rng.randrange(4)]) + some(rng, 7) + bytes([len(data)]) + data
        else:
            for _ in range(rng.randrange(4)):
                mask = rng.randrange(34)
                size = sum((2, 4, 2, 6, 2)[bit] for bit in range(5) if mask >> bit & 1)
                body += mask.to_bytes(2, "big") + clock(rng) + some(rng, size)
    elif kind == 0xF0:
        sub = rng.choice((1, 1, 2, 3, 3, 4, 0x0B, 0x15, 0x20))
        body = clock(rng) + bytes([rng.choice((0, 1)), 1, sub])
        if sub == 1:
            values = [(rng.choice([*F0_NUMBERS, 0x102, 0x530, 0xFEEC, 0x999]), rng.choice((1, 2, 4, 3, 17))) for _ in range(rng.randrange(5))]
            body += bytes([len(values)])
            for key, size in values:
                value = words(rng, size) if key == 0xFEEC else number(rng, size)
                body += key.to_bytes(2, "big") + bytes([len(value)]) + value
        elif sub == 2:
            systems = rng.randrange(3)
            body += systems.to_bytes(2, "big")
            for _ in range(systems):
                codes = rng.randrange(3)
                body += some(rng, 4) + codes.to_bytes(2, "big")
                for _ in range(codes):
                    text = words(rng, rng.randrange(1, 7))
                    body += some(rng, 8) + len(text).to_bytes(2, "big") + text
        elif sub == 3:
            codes = [rng.choice([*F0_ALARMS, 0x50]) for _ in range(rng.randrange(4))]
            body += bytes([len(codes)])
            for code in codes:
                data = some(rng, rng.randrange(4))
                body += bytes([code, len(data)]) + data
        elif sub == 4:
            body += rng.choice((b"\1" + some(rng, 10), b"\2" + some(rng, 41)))
        elif sub == 0x0B:
            body += rng.choice((b"\0", b"\1" + words(rng, 17)))
        elif sub == 0x15:
            body += rng.choice((51, 52, 53, 54, 55, 56, 60)).to_bytes(4, "big")
        if sub <= 3:
            body += status_place
    elif kind == 0xF3:
        body = listed(rng, 2, 2, [(2, (2,)), (6, (6,)), 9])
    elif kind == 0xFF:
        body = clock(rng) + b"".join(rng.choice((-1, 1, 0)).__mul__(rng.randrange(most)).to_bytes(4, "big", signed=True)
                                     for most in (95000000, 185000000)) + some(rng, 4) + b"\0\x5a" + some(rng, rng.randrange(4))
    else:
        body = some(rng, rng.randrange(12))
    return bytes([kind]) + body


def padlock_bytes(rng):
    lat = "%02d%06d" % (rng.choice((rng.randrange(90), 0, 95)), rng.choice((rng.randrange(600000), 0, 600000)))
    lon = "%03d%06d" % (rng.choice((rng.randrange(180), 0, 181)), rng.choice((rng.randrange(600000), 0)))
    date = clock(rng)
    out = bytes([date[2], date[1], date[0]]) + date[3:] + bytes.fromhex(lat + lon + "%x" % rng.randrange(16))
    out += rng.choice((b"\x17", b"\x00", b"\x1a")) + some(rng, 1) + bytes([rng.randrange(40), rng.choice((9, 0, 120))]) + number(rng, 4)
    out += rng.choice((b"\x57", b"\xaa", b"\xab", b"\xff")) + rng.choice((bytes(4), number(rng, 4))) + number(rng, 2)
    out += bytes([rng.randrange(5)]) + number(rng, 2) + number(rng, 2)
    for _ in range(rng.randrange(4)):
        key = rng.choice((0x02, 0x0A, 0x0B, 0x0C, 0x10, 0xFC, 0x44))
        value = {0x02: lambda: number(rng, 2), 0x0A: lambda: cells(rng, (), ("mcc", rng.choice((1, 2))), 1),
                 0x0B: lambda: item_value(rng, 0x0B), 0x0C: lambda: some(rng, 6)}.get(key, lambda: some(rng, 1))()
        out += bytes([key, len(value)]) + value
    return out


def card_bytes(rng):
    out = bytes([rng.choice((1, 1, 2, 3))]) + clock(rng)
    if rng.random() < .2:
        return out
    name, agency = chinese(rng, rng.randrange(9)), chinese(rng, rng.randrange(5))
    return (out + b"\0" + bytes([len(name)]) + name + padded(rng, words(rng, rng.randrange(20)), 20) + bytes([len(agency)]) + agency
            + rng.choice((bytes(4), b"\x20\x30\x12\x31")))


def body_bytes(rng, kind, is_2019):
    """A body that fits the id mostly."""
    if kind in ("0200", "0201"):
        return (number(rng, 2) if kind == "0201" else b"") + block_bytes(rng)
    if kind == "0704":
        return number(rng, 2) + bytes([rng.randrange(2)]) + batch_bytes(rng, 2)
    if kind == "0210":
        return bytes([rng.randrange(120)]) + clock(rng) if rng.random() < .3 else batch_bytes(rng, 1)
    if kind == "0900":
        return transparent_bytes(rng)
    if kind in ("5501", "5502"):
        return padlock_bytes(rng)
    if kind == "0100":
        sizes = (11, 30, 30) if is_2019 else rng.choice(((5, 8, 7), (5, 20, 7)))
        return number(rng, 4) + b"".join(padded(rng, chinese(rng, 6), size) for size in sizes) + b"\1" + chinese(rng, 8)
    if kind == "0107":
        sizes = (5, 30, 30) if is_2019 else (5, 20, 7)
        tail = rng.choice((b"", b"\2V1\3F22", b"\2V1\3F22\x0f\xff"))
        return number(rng, 2) + b"".join(padded(rng, words(rng, 6), size) for size in sizes) + b"\x89\x86" + some(rng, 8) + tail
    if kind == "0702":
        return card_bytes(rng)
    if kind == "2070":
        return b"".join(clock(rng) + some(rng, 6) for _ in range(rng.choice((1, 2, 70))))
    if kind == "6006":
        return b"\1" + chinese(rng, rng.randrange(30))
    if kind == "1300":
        return number(rng, 2) + "".join(rng.choice("OK \u4e2d\U0001F600") for _ in range(rng.randrange(9))).encode("utf-16-be") + (
            some(rng, 4) if rng.random() < .3 else b"")
    if kind == "0701":
        text = b"".join(rng.choice((b"A", b" ", b"1")) for _ in range(rng.randrange(20)))
        return len(text).to_bytes(4, "big") + text
    if kind == "0002":
        return rng.choice((b"", b"", some(rng, 3)))
    if kind == "0102":
        return b"\x04CODE" + b"860000000000017" + padded(rng, b"SW1", 20) if is_2019 and rng.random() < .7 else b"86000000017"
    if kind == "0001":
        return some(rng, 5)
    if kind == "0801":
        block = rng.choice((b"", block_bytes(rng, False)))
        return number(rng, 4) + some(rng, 4) + block + b"\xff\xd8\xff" + some(rng, rng.randrange(40))
    if kind == "0104":
        return some(rng, 9)
    return b"" if rng.random() < .6 else some(rng, rng.randrange(300))


KINDS = (["0200"] * 30 + ["0704"] * 4 + ["0210"] * 3 + ["0900"] * 8 + ["5501", "5502"] * 3 + ["0702"] * 2 + ["0201", "0100", "0102", "0002",
         "0107", "2070", "6006", "1300", "0701", "0001", "0104", "0801", "0800", "0003", "0004", "0109", "0506", "1007", "8888", "0705"])


class Writer:
    def __init__(self, rng):
        self.rng, self.serial = rng, rng.randrange(65536)

    def header(self, kind, length, number_text, is_2019, is_e7, flags=0, part=b""):
        is_lock = kind in ("5501", "5502")
        attributes = length & 0x3FF | (0x4000 if is_2019 else 0) | flags
        count = 20 if is_2019 else 14 if is_e7 else 12
        serial = (self.serial & 0xFF).to_bytes(1, "big") if is_lock else (self.serial & 0xFFFF).to_bytes(2, "big")
        self.serial += 1
        return (bytes.fromhex(kind) + attributes.to_bytes(2, "big") + (b"\1" if is_2019 else b"")
                + bytes.fromhex(number_text.rjust(count, "0")) + serial + part)

    def one(self):
        """A frame without its escapes and sum, and whether it is of the E7 dialect."""
        rng = self.rng
        kind, is_e7 = rng.choice(KINDS), rng.random() < .05
        is_2019 = rng.random() < .25 and kind not in ("5501", "5502")
        body = body_bytes(rng, kind, is_2019)
        if rng.random() < .04:
            body = body[:rng.randrange(len(body) + 1)]
        body = body[:1000]
        flags = 0x8000 if rng.random() < .5 and kind in ("5501", "5502") else 0x0400 if rng.random() < .01 else 0
        length = len(body) if rng.random() < .97 else rng.randrange(1024)
        return self.header(kind, length, rng.choice(NUMBERS), is_2019, is_e7, flags) + body, is_e7

    def parts(self):
        """The frames of one message, in any order; some come twice."""
        rng = self.rng
        kind = rng.choice(("0200", "0201", "0704", "0900", "6006", "0701", "0801", "0705"))
        body = body_bytes(rng, kind, False) + (b"" if kind != "0801" else some(rng, 100))
        count = min(rng.randint(1, 5), len(body))
        cuts = sorted(rng.sample(range(1, len(body)), count - 1)) if count > 1 else []
        shares = [body[a:b] for a, b in zip([0] + cuts, cuts + [len(body)])]
        number_text = rng.choice(NUMBERS[:2])
        frames = [self.header(kind, len(share), number_text, False, False, 0x2000,
                              count.to_bytes(2, "big") + (i + 1).to_bytes(2, "big")) + share for i, share in enumerate(shares)]
        order = list(range(count))
        if rng.random() < .4:
            rng.shuffle(order)
        if count > 1 and rng.random() < .2:
            order.insert(1, order[0])
        return [frames[i] for i in order]


def text_bytes(rng):
    return rng.choice((b"(700160818000,1,001,BASE,2,TIME)", b"(700160818000,1,001,BASE,4,17)", b"(1,OK)"))


def faulty(rng, content, is_e7):
    """A frame that must be rejected, or one with bytes that make no sense."""
    shape = rng.randrange(4)
    if shape == 0:
        at = rng.randrange(len(content))
        check = bytes([xor(content)])
        content = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1:]
        mark = b"\xe7" if is_e7 else b"\x7e"
        return mark + escape(content + check, is_e7) + mark
    if shape == 1:
        return b"\x7e" + escape(content, False) + b"\x7d\x03\x7e"
    if shape == 2:
        return b"\x7e" + escape(content[:rng.randrange(11)], False) + b"\x7e" if content[:1] else b""
    return wrap(content[:rng.randrange(1, 12)], False)


def generate(rng, count):
    """Yields (bytes on the wire, the frame in them)."""
    writer, sent = Writer(rng), 0
    wire = wrap(writer.header("0200", 28, NUMBERS[0], False, False) + bytes(22) + b"\x26\x03\x14\x17\x26\x53")
    yield wire, wire
    shares_mark = True
    while sent < count:
        shape = rng.random()
        if shape < .02:
            wire = text_bytes(rng)
            yield wire, wire
            sent += 1
        elif shape < .05:
            for content in writer.parts():
                wire = wrap(content)
                yield wire, wire
                sent += 1
                shares_mark = True
        elif shape < .08:
            wire = faulty(rng, *writer.one())
            if wire[1:2] == wire[:1]:
                continue
            yield wire, wire
            sent += 1
            shares_mark = False
        else:
            content, is_e7 = writer.one()
            wire = frame = wrap(content, is_e7)
            if shares_mark and not is_e7 and content[0] not in (0x0D, 0x0A, 0x28) and rng.random() < .1:
                wire = frame = wire[1:]
            elif rng.random() < .05:
                wire = rng.choice((b"\r\n", wire[:1])) + wire
            yield wire, frame
            sent += 1
            shares_mark = not is_e7 and not content[2] & 0x04
