# SPDX-License-Identifier: MIT
"""Monitoring: /health, /metrics, /status, avld status."""
import json
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import books
import pt502
from conftest import AVLD, Database, free_port, wait_for


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()


def metrics(port):
    return books.read(get(port, "/metrics")[1])


def words(page):
    """The reasons of a page /health."""
    return [reason["reason"] for reason in page["reasons"]]


@pytest.fixture
def monitored(daemons):
    port = free_port()
    return daemons({"http.listen": f"127.0.0.1:{port}"}).start(), port


def test_metrics_count_events(monitored, database):
    avld, port = monitored
    time = pt502.now()
    avld.send_tcp(pt502.record(time=time) * 2 + pt502.record(ident="12"))
    avld.send_tcp(b"GET / HTTP/1.0\r\n\r\n")
    database.wait("SELECT count(*)::int FROM avld.rejects", 2)
    with avld.tcp() as peer:
        peer.sendall(pt502.record(ident="5020002", event="IN1"))
        database.wait("SELECT count(*)::int FROM avld.alarms", 1)
        wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all stored")
        counted = metrics(port)
        assert counted["avld_connections"] == 1
    assert counted["avld_reports_total"] == 3
    assert counted["avld_positions_total"] == 2
    assert counted["avld_duplicates_total"] == 1
    assert counted["avld_alarms_total"] == 1
    assert counted["avld_devices"] == 2
    assert counted["avld_rejects_total"] == 2
    text = get(port, "/metrics")[1]
    assert 'avld_rejected_total{protocol="pt502",reason="bad value: ident"} 1' in text
    assert 'avld_rejected_total{protocol="-",reason="unknown protocol"} 1' in text


def test_refused_connections_are_counted_by_reason(daemons):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}", "server.max_connections_per_ip": "1"}).start()
    with avld.tcp(), avld.tcp() as second, avld.tcp() as third:
        assert second.recv(1) == b"" and third.recv(1) == b""
    text = get(port, "/metrics")[1]
    assert 'avld_connections_refused_total{reason="server.max_connections_per_ip reached"} 2' in text
    assert 'avld_connections_refused_total{reason="server.max_connections reached"} 0' in text
    assert "2  connections refused: server.max_connections_per_ip reached" in get(port, "/status")[1]


def test_health(monitored, database):
    avld, port = monitored
    wait_for(lambda: json.loads(get(port, "/health")[1]) == {"status": "ok", "database": "connected", "reasons": []}, "health")


def test_health_without_database(daemons):
    port = free_port()
    daemons({"http.listen": f"127.0.0.1:{port}"}, of=Database("avld_nowhere")).start()
    status, text = get(port, "/health")
    page = json.loads(text)
    assert status == 200 and page["status"] == "degraded" and page["database"] == "away" and "problem" not in page
    assert words(page) == ["database_unreachable"] and page["reasons"][0]["text"]


def test_other_paths_and_methods(monitored):
    _, port = monitored
    with pytest.raises(urllib.error.HTTPError) as error:
        get(port, "/secret")
    assert error.value.code == 404
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", data=b"x", method="POST")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    assert error.value.code == 405


def test_avld_status(monitored):
    _, port = monitored
    done = subprocess.run([AVLD, "status", "-c", "/dev/null", "-o", f"http.listen=127.0.0.1:{port}"],
                          capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("avld ") and "rows into positions" in done.stdout


def test_avld_status_without_a_daemon():
    done = subprocess.run([AVLD, "status", "-c", "/dev/null", "-o", f"http.listen=127.0.0.1:{free_port()}"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "is avld running" in done.stderr


def test_a_configured_address_in_use_is_an_error(monitored, daemons, tmp_path):
    _, port = monitored
    second = daemons({"http.listen": f"127.0.0.1:{port}"}, folder=tmp_path / "second").spawn()
    assert second.process.wait(30) == 1
    assert f'cannot serve http listen=127.0.0.1:{port} reason="Address already in use"' in second.logged()
    assert "Bad file descriptor" not in second.logged()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 10)


def test_many_connections_opened_and_closed_at_once(monitored):
    """With a limit of its own, libmicrohttpd stops listening for good when all its connections end at once."""
    _, port = monitored
    for _ in range(50):
        peers = [connect(port) for _ in range(64)]
        for peer in peers:
            peer.close()
    assert get(port, "/health")[0] == 200


def test_idle_connections_make_room(monitored):
    _, port = monitored
    idle = [connect(port) for _ in range(128)]
    for _ in range(3):
        assert get(port, "/health")[0] == 200
    ended = [peer for peer in idle if closed_within(peer, 0)]
    assert len(ended) >= 96
    for peer in idle:
        peer.close()


def closed_within(peer, seconds):
    peer.settimeout(seconds)
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True
    except (BlockingIOError, TimeoutError):
        return False


def test_slow_clients_are_closed(monitored):
    """One sends nothing, one a part of a request, one a byte now and then, one reads no reply."""
    _, port = monitored
    with connect(port) as silent, connect(port) as partial, connect(port) as slow, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        partial.sendall(b"GET /health HTTP/1.1\r\n")
        slow.sendall(b"GET /health HTTP/1.1\r\nA: ")

        def send_and_ask():
            try:
                slow.sendall(b"a")
            except OSError:
                return True
            return closed_within(slow, 0.5)
        wait_for(send_and_ask, "the slow client to be closed", 9)
        assert closed_within(silent, 3) and closed_within(partial, 3)
        assert open_sockets_of(port) == 0
    assert get(port, "/health")[0] == 200


def open_sockets_of(port):
    """Connections of the server that are established, as /proc/net/tcp lists them."""
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as file:
        return sum(line.split()[1] == wanted and line.split()[3] == "01" for line in file)


def test_one_connection_serves_one_request(monitored):
    _, port = monitored
    with connect(port) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        answer = b""
        while part := peer.recv(4096):
            answer += part
    assert answer.count(b"HTTP/1.1 200") == 1 and b"Connection: close" in answer


def test_health_answers_while_trackers_hold_all_descriptors(daemons):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}).start(wrap=["prlimit", "--nofile=160:160"])
    trackers = [avld.tcp() for _ in range(200)]
    avld.wait_log("cannot accept connections")
    idle = [connect(port) for _ in range(40)]  # more than descriptors are reserved for HTTP
    status, text = get(port, "/health")
    assert status == 200 and "file_descriptors" in words(json.loads(text))
    for peer in trackers + idle:
        peer.close()
    assert "http cannot accept" not in avld.logged()


def test_no_descriptor_for_http_is_logged(daemons):
    """Something else than trackers holds all descriptors."""
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}).start()
    wait_for(lambda: json.loads(get(port, "/health")[1])["database"] == "connected", "the database")
    subprocess.run(["prlimit", f"--pid={avld.process.pid}", "--nofile=5:1024"], check=True)
    with connect(port) as peer:
        avld.wait_log('http cannot accept connections error="Too many open files"')
        subprocess.run(["prlimit", f"--pid={avld.process.pid}", "--nofile=1024:1024"], check=True)
        peer.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert b" 200 " in peer.recv(4096)
    assert avld.logged().count("http cannot accept") == 1
