# SPDX-License-Identifier: MIT
"""Monitoring: /health, /metrics, /status, avld status."""
import json
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import pt502
from conftest import AVLD, Database, wait_for


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()


def metrics(port):
    return {name: int(value) for name, value in re.findall(r"^(\S+) (\d+)$", get(port, "/metrics")[1], re.M)}


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
    wait_for(lambda: json.loads(get(port, "/health")[1]) == {"status": "ok", "database": "connected"}, "health")


def test_health_without_database(daemons):
    port = free_port()
    daemons({"http.listen": f"127.0.0.1:{port}"}, of=Database("avld_nowhere")).start()
    status, text = get(port, "/health")
    assert status == 200 and json.loads(text) == {"status": "ok", "database": "away"}


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
    assert f"http.listen=127.0.0.1:{port}: Address already in use" in second.logged()
    assert "Bad file descriptor" not in second.logged()
