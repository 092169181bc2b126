# SPDX-License-Identifier: MIT
"""/metrics: its page in docs, promtool, and the books (books.py) under load, hostile bytes, an outage and a kill."""
import json
import pathlib
import random
import re
import shutil
import subprocess
import threading

import psycopg2
import pytest

import books
import conftest
import gt06
import pt502
from test_backlog import close_database
from test_http import free_port, get, metrics

ROOT = pathlib.Path(__file__).parents[2]


def families(text):
    """Returns the families of a page: name -> (type, names of the labels). A histogram's `le` is left out."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in found, f"{name} has two TYPE lines"
            found[name] = (kind, set())
        elif not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            family = name if name in found else re.sub("_(bucket|sum|count)$", "", name)
            found[family][1].update(set(re.findall(r'(\w+)="', labels or "")) - {"le"})
    return found


def described():
    """Returns the same of docs/metrics.md."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/metrics.md").read_text(), re.M)
    found = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert len(found) == len(rows), "docs/metrics.md describes a metric twice"
    return found


def promtool(text):
    """Returns what `promtool check metrics` finds; "" also without promtool, which few machines have."""
    if not shutil.which("promtool"):
        return ""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


class Scraper(threading.Thread):
    """Reads /metrics all the time, while `running`; the first fault ends it."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.pages, self.fault, self.stopped = port, 0, None, threading.Event()
        self.start()

    def run(self):
        while not self.stopped.wait(0.01):
            try:
                metrics(self.port)
                self.pages += 1
            except AssertionError as fault:
                self.fault = fault
                return
            except OSError:
                pass  # it has been killed

    def stop(self):
        self.stopped.set()
        self.join()
        if self.fault:
            raise self.fault


def attack(avld, seed):
    """Everything that can become of a frame, over TCP and UDP."""
    chance = random.Random(seed)
    times = pt502.last(400, -1000 * seed)
    records = [pt502.record(ident=f"50200{seed}{n % 7}", time=times[n]) for n in range(400)]
    avld.send_tcp(b"".join(records[n // 2] for n in range(800)))  # each twice
    avld.send_tcp(records[0] + b"\n\r\n \0\r\n" + records[1])
    avld.send_tcp(pt502.record(ident="12") + pt502.record(fix="V", lat="", lon="") + b"$POS,5020")
    avld.send_tcp(gt06.login(f"86000000000001{seed}") + b"x" * 100)
    for _ in range(20):
        with avld.tcp() as peer:  # the daemon may close it before all is sent
            try:
                peer.sendall(chance.randbytes(chance.randrange(1, 3000)))
            except ConnectionError:
                pass
    avld.send_tcp(b"GET / HTTP/1.0\r\n\r\n")
    avld.send_udp(*[pt502.record(ident=f"77{seed}{n:04d}", time=times[n]) for n in range(120)],  # some on trial
                  *[chance.randbytes(300) for _ in range(50)], b"x" * 5000, b"\r\n")


def test_the_books_balance_at_any_time(daemons, database):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}", "devices.new_per_address": "20", "database.batch_rows": "200"}).start()
    avld.wait_log("database ready")
    scraper = Scraper(port)
    database.query("ALTER TABLE avld.positions ADD CONSTRAINT slow CHECK (speed_kmh < 100)")
    avld.send_tcp(pt502.record(speed="90.00") + pt502.record(ident="5020666"))
    database.wait("SELECT count(*) FROM avld.devices WHERE ident = '5020666'", 1)
    attack(avld, 1)
    close_database(database)
    attack(avld, 2)
    before = conftest.wait_for(lambda: metrics(port) if metrics(port)["avld_database_connected"] == 0 else None, "the outage")
    assert books.of_family(before, "avld_frame_outcomes_total")['protocol="pt502",transport="udp",outcome="on_trial"'] > 0
    assert before["avld_reports_pending"] > 0 and before["avld_journal_oldest_pending_seconds"] > 0
    avld.kill()
    avld.start()
    attack(avld, 3)
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    conftest.wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
    after = metrics(port)
    scraper.stop()
    assert scraper.pages > 5
    assert after["avld_reports_again_total"] >= before["avld_reports_pending"]
    assert after["avld_journal_oldest_pending_seconds"] == 0
    assert after["avld_receipt_to_commit_seconds_count"] == after["avld_reports_total"] + after["avld_reports_again_total"]
    outcomes = books.of_family(after, "avld_frame_outcomes_total")
    assert outcomes['protocol="pt502",transport="tcp",outcome="position"'] == 802
    assert outcomes['protocol="gt06",transport="tcp",outcome="status"'] == outcomes['protocol="gt06",transport="tcp",outcome="rejected"'] == 1
    assert after["avld_fillers_total"] > 0
    check_pages(get(port, "/metrics")[1])
    check_fleet(database)


def check_pages(text):
    """A page with every family that has labels only if something has happened."""
    found = families(text)
    check_names(found)
    assert found == described(), sorted(set(found) ^ set(described()))
    assert promtool(text) == ""
    process = {name: value for name, value in books.read(text).items() if name.startswith("process_")}
    assert 1e6 < process["process_resident_memory_bytes"] < process["process_virtual_memory_bytes"]
    assert 5 < process["process_open_fds"] < process["process_max_fds"]


def named_metrics(text):
    """The metrics, and the labels of each, that PromQL in the text names."""
    found = {}
    for name, labels in re.findall(r"\b((?:avld|process)_\w+)(?:\{([^}]*)\})?", text.replace('\\"', '"')):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*=", labels))
    return found


def check_names(found):
    """Every metric and label that the rules and the dashboard name is on the page. Prometheus adds instance and job."""
    rules, board = (ROOT / "conf" / name for name in ("prometheus/avld.rules.yml", "grafana/avld.json"))
    expressions = [target["expr"] for panel in json.loads(board.read_text())["panels"] for target in panel.get("targets", [])]
    assert len(expressions) > 40
    for name, labels in named_metrics(rules.read_text() + "\n".join(expressions)).items():
        family = name if name in found else re.sub("_(bucket|sum|count)$", "", name)
        assert family in found, f"there is no metric {name}"
        assert labels <= found[family][1] | {"instance", "job", "le"}, f"{name} has no labels {labels - found[family][1]}"
    grouped = re.findall(r"by \(([\w, ]+)\)", rules.read_text() + "\n".join(expressions))
    known = set().union(*(labels for _, labels in found.values())) | {"instance", "le"}
    assert {label for labels in grouped for label in labels.split(", ")} <= known


def without_macros(sql):
    """Replaces Grafana's macros for PostgreSQL as Grafana does."""
    begin, end = "'2000-01-01T00:00:00Z'", "'2100-01-01T00:00:00Z'"
    sql = re.sub(r"\$__timeFilter\((.*?)\)", rf"\1 BETWEEN {begin} AND {end}", sql)
    sql = re.sub(r"\$__timeGroup\((\w+), '1m'\)", r"floor(extract(epoch FROM \1) / 60) * 60", sql)
    sql = sql.replace("$__timeFrom()", begin).replace("$__timeTo()", end)
    assert "$" not in sql
    return sql


def check_fleet(database):
    """Each query of the fleet's dashboard runs, for a reader, and has the columns that its panel names."""
    panels = json.loads((ROOT / "conf/grafana/avld-fleet.json").read_text())["panels"]
    with psycopg2.connect(database.conninfo) as conn, conn.cursor() as cursor:
        cursor.execute("SET ROLE avld_reader")
        rows = {}
        for panel in panels:
            cursor.execute(without_macros(panel["targets"][0]["rawSql"]))
            columns = {column.name for column in cursor.description}
            rows[panel["title"]] = len(cursor.fetchall())
            for layer in panel.get("options", {}).get("layers", []):
                style = layer["config"]["style"]
                wanted = {layer["location"]["latitude"], layer["location"]["longitude"], style["color"]["field"], style["text"]["field"]}
                assert wanted <= columns, wanted - columns
    conn.close()
    assert rows["Where everybody is"] > 10 and rows["Positions per minute"] > 10 and rows["Trackers"] == 1
    assert rows["Frames that could not be used"] > 3


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (package prometheus)")
def test_the_alert_rules_fire_when_they_should():
    done = subprocess.run(["promtool", "test", "rules", ROOT / "tests/monitoring/avld.rules.test.yml"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (package prometheus)")
def test_promtool_finds_faults():
    assert promtool("# TYPE x counter\nx 1\n") != ""
