# SPDX-License-Identifier: MIT
"""OsmAnd: simulated phones, whose tracks must be what they sent; each form of a request, with a real HTTP client; the order of
answers; devices that are not admitted."""
import datetime
import html
import http.client
import json
import pathlib
import re
import time
import urllib.parse

import pytest

import simulated
import osmand  # the slow reference: simulated adds its folder

POSITIONS = simulated.POSITIONS
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_IDENT = b"HTTP/1.1 400 no ident\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PLACE = "SELECT ident, latitude, longitude, round(speed_kmh::numeric, 2)::float FROM avld.positions JOIN avld.devices d ON d.id = device_id ORDER BY fixed_at"


def now(ago=0):
    return int(time.time()) - ago


def query(ident="phone-017", ago=0, **fields):
    pairs = {"id": ident, "lat": "52.5", "lon": "21.25", "timestamp": now(ago), **fields}
    return "&".join(f"{key}={value}" for key, value in pairs.items())


def get(*args, head="", **fields):
    return f"GET /?{query(*args, **fields)} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode()


def location(ago, **members):
    stamp = datetime.datetime.fromtimestamp(now(ago), datetime.timezone.utc).isoformat()
    return {"timestamp": stamp, "coords": {"latitude": 52.5, "longitude": 21.25, "speed": 10}, **members}


def receive(peer):
    """All bytes until the server closes."""
    peer.settimeout(30)
    return b"".join(iter(lambda: peer.recv(65536), b""))


class Client:
    def __init__(self, avld):
        self.connection = http.client.HTTPConnection("127.0.0.1", avld.port, timeout=30)

    def send(self, method, target, body=None, kind=None, chunked=False):
        headers = {"Content-Type": kind} if kind else {}
        self.connection.request(method, target, iter([body[:7], body[7:]]) if chunked else body, headers, encode_chunked=chunked)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def test_tracks_are_what_was_sent(avld, database):
    streams, printed = simulated.run(avld, "osmand", False)
    assert "never acknowledged" not in printed
    reports = []
    for stream in streams:
        state = osmand.Device()
        for request in stream.split(b"\r\n\r\n")[:-1]:
            reports.append(osmand.decode(request + b"\r\n\r\n", state)[0])
    simulated.check_tracks(database, reports, ["satellites", "battery_percent", "odometer_m"])


def test_each_form_over_one_connection(avld, database):
    client = Client(avld)
    assert client.send("GET", f"/?{query(ago=50, speed=10)}") == 200
    socket = client.connection.sock
    assert client.send("POST", f"/?{query(ago=40, alarm='sos')}", b"") == 200
    assert client.send("POST", "/", query(ago=30).encode(), "application/x-www-form-urlencoded") == 200
    assert client.send("POST", "/", query(ago=20).encode(), chunked=True) == 200
    body = json.dumps({"device_id": "phone-017", "location": location(10, battery={"level": .87})}).encode()
    assert client.send("POST", "/", body, "application/json") == 200
    body = json.dumps({"position": {"fixTime": location(5)["timestamp"], "latitude": 1, "longitude": 2, "valid": True, "speed": 10},
                       "device": {"uniqueId": "bus-7"}}).encode()
    assert client.send("POST", "/positions", body, "application/json") == 200
    assert client.connection.sock is socket  # never closed
    database.wait(POSITIONS, 6)
    place = ("phone-017", 52.5, 21.25)
    assert database.query(PLACE) == [(*place, 18.52), (*place, None), (*place, None), (*place, None), (*place, 36.0), ("bus-7", 1.0, 2.0, 18.52)]
    assert database.query("SELECT alarm FROM avld.alarms") == [("sos",)]
    assert database.query("SELECT DISTINCT s.protocol, transport FROM avld.device_state s") == [("osmand", "tcp")]
    assert database.one("SELECT battery_percent FROM avld.positions WHERE battery_percent IS NOT NULL") == 87


def test_traccar_forwards_by_url(avld, database):
    """The URL that docs/migrating.md gives for Traccar's forward.url, with its placeholders filled in as Traccar does."""
    text = (pathlib.Path(__file__).parents[2] / "docs/migrating.md").read_text("utf-8")
    [url] = re.findall(r"<entry key='forward.url'>http://avld.example:8888(/\?[^<]+)</entry>", text)
    values = {"uniqueId": "bus-7", "fixTime": now(60) * 1000 + 250, "latitude": -33.8567844, "longitude": 1.5E-4, "speed": 10.0,
              "course": 271.5, "altitude": -3.25, "accuracy": 4.0, "valid": "true",
              "attributes": urllib.parse.quote_plus(json.dumps({"ignition": True, "sat": 9, "batteryLevel": 87, "alarm": "sos", "fuel": 41.5}))}
    target = re.sub(r"{(\w+)}", lambda found: str(values[found[1]]), html.unescape(url))
    assert Client(avld).send("GET", target) == 200
    database.wait(POSITIONS, 1)
    assert database.query(
        "SELECT ident, date_part('epoch', fixed_at) * 1000, latitude, longitude, round(speed_kmh::numeric, 2)::float, course_deg::float, "
        "altitude_m::float, valid, ignition, satellites, battery_percent, extra FROM avld.positions JOIN avld.devices d ON d.id = device_id"
    ) == [("bus-7", values["fixTime"], -33.8567844, .00015, 18.52, 271.5, -3.25, True, True, 9, 87, {"accuracy": 4.0, "fuel": 41.5})]
    assert database.query("SELECT alarm FROM avld.alarms") == [("sos",)]


def test_a_batch_and_its_repetition(avld, database):
    client = Client(avld)
    batch = [location(ago, uuid=f"u{ago}", age=ago) for ago in range(100, 300)] + [location(50, coords=None), location(40, coords={"latitude": 91, "longitude": 0})]
    body = json.dumps({"device_id": "phone-017", "location": batch}).encode()
    assert client.send("POST", "/", body, "application/json") == 200
    again = json.dumps({"device_id": "phone-017", "locations": [{**one, "age": 999} for one in batch]}).encode()
    assert client.send("POST", "/", again, "application/json") == 200
    assert client.send("GET", f"/?{query(ago=1)}") == 200
    database.wait(POSITIONS, 201)
    assert database.one("SELECT count(*)::int FROM avld.statuses") == 2  # it has no uuid: another age, another record
    assert database.query("SELECT reason FROM avld.rejects") == [("bad value: latitude",)] * 2


def test_answers_come_in_the_order_of_the_requests(avld, database):
    with avld.tcp() as peer:
        peer.sendall(get(ago=3) + get(ago=2) + get(ago=1) + b"GET /?lat=1&lon=2 HTTP/1.1\r\n\r\n" + get())
        assert receive(peer) == OK * 3 + NO_IDENT
    with avld.tcp() as peer:  # the body comes after its head has been answered
        body = query(ago=10).encode()
        peer.sendall(get(ago=40) + b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert simulated.read_until(peer, b"\r\n\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n") == OK + b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(body)
        assert receive(peer) == OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with avld.tcp() as peer:
        peer.sendall(get(ago=20).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert receive(peer) == OK
    database.wait(POSITIONS, 6)
    assert database.query("SELECT reason FROM avld.rejects") == [("no ident",)]


def test_a_device_that_is_not_admitted(daemons, database):
    database.query("INSERT INTO avld.devices(ident) VALUES ('phone-017')")
    avld = daemons({"devices.unknown": "refuse"}).start()
    avld.wait_log("database ready")
    with avld.tcp() as peer:
        peer.sendall(get(ago=9, head="Connection: close\r\n"))
        receive(peer)
    database.wait(POSITIONS, 1)  # the devices have been read
    body = json.dumps({"device_id": "phone-018", "location": location(1)}).encode()
    # The refusal comes after the answer to the request before it, which waits for the journal.
    for request, status in ((get("phone-018"), b"400 device not admitted"),
                            (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body, b"404 unknown device")):
        with avld.tcp() as peer:
            peer.sendall(get() + request + get())
            assert receive(peer) == OK + b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    database.wait("SELECT count(*)::int FROM avld.unknown_devices WHERE ident = 'phone-018'", 1)
    assert database.one("SELECT count(*)::int FROM avld.devices") == 1


@pytest.mark.parametrize("whole", [True, False])
def test_a_scanner_is_refused_and_leaves_one_row(avld, database, whole):
    request = b"GET /.env HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(3):
        with avld.tcp() as peer:
            for piece in [request] if whole else [request[at:at + 1] for at in range(len(request))]:
                peer.sendall(piece)
            assert receive(peer) == NO_IDENT
    with avld.tcp() as peer:  # one that gives up
        peer.sendall(request[:-2])
    database.wait("SELECT count(*)::int FROM avld.connections WHERE reason = 'scanner: http'", 1)
    avld.end()
    assert database.query("SELECT reason FROM avld.rejects") == [("unknown protocol",)]
    assert database.one("SELECT count(*)::int FROM avld.connections") == 1
