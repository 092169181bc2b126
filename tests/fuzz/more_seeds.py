# SPDX-License-Identifier: MIT
"""Seeds of the fuzzers of everything but the feed and the entries, and their dictionaries. The head of each fuzz_NAME.c draws
its inputs."""
import functools
import itertools
import json
import operator
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
KINDS = ["engineStop", "engineResume", "outputControl", "positionSingle", "positionPeriodic", "alarmSpeed", "rebootDevice",
         "requestPhoto", "setTimezone", "getVersion", "factoryReset", "custom"]
ARGUMENTS = [b"2", b"1", b"60", b"80", b"0", b"-3", b"Relay,1#"]
FULL, STORED, DELTA, DELTA_OF, AGAIN, MADE, EXPIRE, CONNECT, RESTART = range(9)  # of fuzz_delta.c
RECORD = bytes([1, 2, 30, 4, 5, 6, 7, 0])  # what a step that makes a record reads


def registry(path, word):
    return re.findall(word, (TOP / path).read_text())


def delta_seeds():
    def steps(*kinds):
        for n, kind in enumerate(kinds):
            yield bytes([kind])
            if kind in (FULL, STORED, DELTA, DELTA_OF, MADE):
                yield bytes([n, n * 7 % 60, n * 13 % 256, n, n * 5 % 256, n, n * 11 % 256, n % 4])
            if kind in (DELTA_OF, AGAIN, EXPIRE):
                yield bytes([n % 4])
    plans = {"chain": [FULL] + [DELTA] * 12, "log": [STORED] * 4 + [DELTA, DELTA, FULL, DELTA], "held": [MADE, DELTA, DELTA, AGAIN, EXPIRE],
             "connections": [FULL, DELTA, CONNECT, DELTA, CONNECT, DELTA, DELTA], "restart": [FULL, DELTA, RESTART, DELTA, AGAIN, DELTA],
             "far": [FULL] * 6 + [DELTA_OF] * 6, "expires": [MADE, DELTA, EXPIRE, EXPIRE, CONNECT]}
    for name, plan in plans.items():
        for how in (0, 1, 2, 3, 8, 10, 16, 24):
            yield f"{name}_{how}", bytes([how]) + b"".join(steps(*plan))


def journal_seeds():
    for name, data in journal_changes():
        yield name, data
        if data:
            yield f"{name}_small", bytes([data[0] | 128]) + data[1:]


def journal_changes():
    lsn = (5 << 20).to_bytes(8, "big")
    yield "as_it_was", b""
    for file in range(4):
        yield f"bytes_{file}", bytes([0, file, 0, 1, 0, 4]) + b"\xff" * 4
        yield f"near_{file}", bytes([1, file, 0, 128, 4]) + b"\xff" * 4
        yield f"entry_{file}", bytes([2, file, 0, 16, 9]) + b"a payload"
        yield f"header_{file}", bytes([3, file, 1, 1]) + lsn
        yield f"cut_{file}", bytes([4, file, 8, 0, 0])
        yield f"delete_{file}", bytes([5, file])
        yield f"rename_{file}", bytes([6, file, 1]) + lsn
    for kind in range(6):
        yield f"add_{kind}", bytes([7, 0, kind, 1]) + lsn + bytes([16]) + b"0000000000200000"
    yield "meta", bytes([8, 0]) + (b"\x01" + lsn) * 3
    yield "two", bytes([5, 0, 8, 0]) + (b"\x01" + lsn) * 3


def settings_seeds():
    text = (TOP / "conf/avld.ini").read_bytes()
    sections = re.split(rb"\n(?=\[)", text)
    for n, section in enumerate(sections[1:]):
        plain = re.sub(rb"(?m)^#(\w+ =)", rb"\1", section)
        yield f"section_{n}", b"\n".join(line for line in plain.splitlines() if not line.startswith(b"#"))
    yield "options", b"\0".join([b"", *(b"server." + option for option in (
        b"listen=[::1]:8888", b"max_connections=0", b"transports=udp", b"idle_timeout=1h")), b"journal.max_size=64M", b"log.level=debug"])
    yield "odd", b"[server]\nlisten = *:1 ; comment\n listen=*:2\n[x\n=\nprotocols = gt06, pt502,\n\xef\xbb\xbf[http]\nlisten=\n"


def settings_words():
    keys = re.findall(r"\w+\.\w+", (TOP / "src/config/setting.c").read_text())
    return {*keys, *(part for key in keys for part in key.split(".")), "[server]", "100ms", "64M", "yes", "off", "accept", "refuse"}


def command_seeds():
    decoders = len(registry("src/feed/registry_decoders.c", r"&decoder_(\w+)"))
    for decoder in range(decoders):
        for kind in range(len(KINDS)):
            given = b"".join(bytes([len(text)]) + text for text in ARGUMENTS)
            yield f"{decoder}_{KINDS[kind]}", bytes([decoder, kind, 127]) + given
    for name, start in (("gt06_day", 0), ("pt502_day", 1), ("h02_messages", 2), ("gps103_day", 3), ("jt808_standard", 5)):
        yield f"{name}_custom", bytes([start, 11, 64, 8]) + b"Relay,1#" + golden_bytes(name)[:2000]


def golden_bytes(name):
    """The tracker's bytes of a capture of the golden tests, hex lines only."""
    path = TOP / "tests/golden" / f"{name}.hex"
    return b"".join(golden_lines(path)) if path.exists() else b""


def simulate_seeds():
    """The server's replies in the golden captures, and its commands."""
    names = registry("src/simulate/simulate_registry.c", r"&simulate_(\w+)")
    texts = [b"#PHD0,960\r\n", b"$OPC2,1\r\n", b"#PHD960,4\r\n", b"Relay,1#", b"*HQ,8600000017,S20,121212,1,1#", b"**,imei:860000000000017,J;LOADON",
             b"(086000000017AV011)"]
    for number, name in enumerate(names):
        replies = []
        for path in sorted((TOP / "tests/golden").glob(f"{name}_*.jsonl")):
            for line in path.read_text().splitlines():
                reply = json.loads(line).get("reply", "")
                if re.fullmatch("([0-9a-f]{2})+", reply):
                    replies.append(bytes.fromhex(reply))
        replies = list(dict.fromkeys(replies))
        for how in (0, 7):
            yield f"{name}_{how}_replies", bytes([number, how]) + b"".join(replies)[:3000]
            for n, text in enumerate(texts):
                yield f"{name}_{how}_command_{n}", bytes([number, how]) + text


def http_seeds():
    requests = [b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.0\r\n\r\n", b"HEAD /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /x%00y?a=b;c#d HTTP/1.1\r\n\r\n",
                b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", b"\x16\x03\x01\0\xc8\x01", b"GET"]
    parts = []
    for n, request in enumerate(requests):
        padded = request + b"\r" * (-len(request) % 4) if len(request) % 4 else request
        part = bytes([n % 4 | (128 if n % 3 == 0 else 0), len(padded) // 4]) + padded
        parts.append(part)
        yield f"one_{n}", part
    yield "all", b"".join(parts)


def http_words():
    return {"GET ", "HEAD ", "POST ", "/health", "/metrics", "/status", " HTTP/1.1", "Host: ", "Content-Length: ", "Connection: close", "Transfer-Encoding: chunked",
            "Expect: 100-continue"}


GIVE, CLOSE, PASS, DEVICE, FILL, STORE, CHANGE, COMMAND, UNREAD, WATCH, START_ANEW = range(11)  # of fuzz_intake.c
PHOTOS, REFUSES, ROW_LIMITS, TRIALS, LOADED = 1, 2, 4, 8, 16
TCP, OTHER_TCP, UDP = 0, 1, 5


def golden_lines(path):
    """The lines of a capture that are sent, one frame each as a rule."""
    lines = [line.strip() for line in path.read_text("ascii").splitlines()]
    return [golden_line(line) for line in lines if line and not line.startswith("#")]


def golden_line(line):
    return line[1:-1].encode().decode("unicode_escape").encode("latin-1") if line.startswith('"') else bytes.fromhex(line)


def action(kind, who=0, value=0, data=b""):
    return bytes([kind, who, value]) + len(data).to_bytes(2, "big") + data


def intake_seeds():
    """Two plans for each capture, so that each protocol has several."""
    for number, path in enumerate(sorted((TOP / "tests/golden").glob("*.hex"))):
        lines = [line for line in golden_lines(path) if len(line) < 1500]
        size = sum(total < 2000 for total in itertools.accumulate(map(len, lines)))
        give, again, datagrams = ([action(GIVE, who, 0, line) for line in lines[:most]] for who, most in ((TCP, size), (OTHER_TCP, 8), (UDP, size)))
        second, full, store = action(PASS), action(FILL), action(STORE)
        changes = [action(DEVICE, TCP, value) + give[-1] for value in (1, 2, 8, 16, 96, 128)]
        plans = {"plain": (PHOTOS | LOADED, [*give, second, action(CLOSE)]),
                 "displaced": (PHOTOS, [*give, full, *again]),
                 "udp": (PHOTOS | LOADED | TRIALS, [second.join(datagrams), *give[:4]]),
                 "owner": (PHOTOS | ROW_LIMITS, [*give[:6], *changes, *again]),
                 "full": (PHOTOS | REFUSES, [*give, full, action(CLOSE), *again, action(START_ANEW, 0, 1), *again, store, second])}
        for name in (list(plans) * 2)[number % 5::3][:2]:
            settings, actions = plans[name]
            yield f"{path.stem}_{name}", bytes([settings]) + b"".join(actions)
    yield from trial_seeds()
    yield from delta_of_another_seeds()


def trial_seeds():
    """More idents over UDP than are admitted at once; then the owner decides on one, and they are heard again."""
    idents = [b"50200%02d" % n for n in range(6)]
    records = [b"$POS,%s,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126\r\n" % ident for ident in idents]
    heard = b"".join(action(GIVE, UDP + n % 3, 0, record) for n, record in enumerate(records))
    for value in (0, 1, 2, 24, 96):
        yield f"trial_{value}", bytes([PHOTOS | LOADED | TRIALS]) + heard + action(DEVICE, 0, value, idents[5]) + action(PASS, 0, 3) + heard


def delta_of_another_seeds():
    """A delta over UDP, or of a gateway, whose reference comes over the device's own connection."""
    def record(time, ident=b"5020001"):
        return b"$POS,%s,%s.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126\r\n" % (ident, time)
    delta = bytes([ord("@"), functools.reduce(operator.xor, record(b"101500"))]) + b"\x02\x04\x0615.000"
    others = b"".join(action(GIVE, OTHER_TCP, 0, record(b"101400", b"50200%02d" % n)) for n in range(2, 12))
    for who, before in ((UDP, b""), (OTHER_TCP, others)):
        for after in (CLOSE, PASS):
            yield f"delta_of_another_{who}_{after}", bytes([LOADED]) + before + action(GIVE, who, 0, record(b"101400")) + action(
                GIVE, who, 0, delta) + action(GIVE, TCP, 0, record(b"101500")) + action(after, who)


def intake_frames():
    """The frames that the mutator inserts."""
    frames = dict.fromkeys(line for path in sorted((TOP / "tests/golden").glob("*.hex")) for line in golden_lines(path))
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames if len(frame) < 1500)


SEEDS = {"delta": delta_seeds, "journal": journal_seeds, "settings": settings_seeds, "command": command_seeds, "simulate": simulate_seeds,
         "http": http_seeds, "intake": intake_seeds}
WORDS = {"settings": settings_words, "http": http_words, "command": lambda: set(KINDS),
         "simulate": lambda: {"#PHD", "OPC", "Relay,", "**,imei:", "*HQ,", ";", "#", "ON", "LOAD"}}
