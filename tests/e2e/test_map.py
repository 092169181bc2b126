# SPDX-License-Identifier: MIT
"""avld map: the data of the page, its limits and errors, and the page in a browser where Chromium is installed."""
import base64
import html
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import AVLD

LEAFLET = "/usr/share/javascript/leaflet"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NASTY = '</script><script>window.bad=1</script><!--'  # at most 32 characters are an ident
IDENTS = {"5021234": "Boat", '"><img src=x onerror=bad()>&': "</script>\u2028<b>\U0001f6a4\\\"'", "5021235": None}
TINY_JPEG = base64.b64decode(  # one black pixel
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4gHYSUNDX1BST0ZJTEUAAQEAAAHIAAAAAAQwAABtbnRyUkdCIFhZWiAH4AABAAEAAAAAAABhY3NwAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAQAA9tYAAQAAAADTLQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAlkZXNjAAAA8AAAACRyWFlaAAABFAAA"
    "ABRnWFlaAAABKAAAABRiWFlaAAABPAAAABR3dHB0AAABUAAAABRyVFJDAAABZAAAAChnVFJDAAABZAAAAChiVFJDAAABZAAAAChjcHJ0AAABjAAAADxtbHVjAAAAAAAA"
    "AAEAAAAMZW5VUwAAAAgAAAAcAHMAUgBHAEJYWVogAAAAAAAAb6IAADj1AAADkFhZWiAAAAAAAABimQAAt4UAABjaWFlaIAAAAAAAACSgAAAPhAAAts9YWVogAAAAAAAA"
    "9tYAAQAAAADTLXBhcmEAAAAAAAQAAAACZmYAAPKnAAANWQAAE9AAAApbAAAAAAAAAABtbHVjAAAAAAAAAAEAAAAMZW5VUwAAACAAAAAcAEcAbwBvAGcAbABlACAASQBu"
    "AGMALgAgADIAMAAxADb/2wBDAP//////////////////////////////////////////////////////////////////////////////////////2wBDAf//////////"
    "////////////////////////////////////////////////////////////////////////////wAARCAABAAEDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAA"
    "AAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AJgA/9k=")
DAY = ("--from", "2026-05-04", "--to", "2026-05-05")
FILL = """
    INSERT INTO avld.positions (device_id, fixed_at, received_at, latitude, longitude, dedup, speed_kmh, valid, stored, time_source)
    SELECT d.id, t, t, 53.5 + 0.2 * sin(n / 900.0) + d.id / 50.0, 8.1 + n / 20000.0, n, CASE WHEN n %% 50 > 0 THEN n %% 140 END,
        true, false, 'device'
    FROM avld.devices d, generate_series(0, %s - 1) n, LATERAL (SELECT timestamptz '2026-05-04 06:00Z' + n * interval '2 s' AS t) at
"""


def run(database, *arguments, code=0):
    done = subprocess.run([AVLD, "map", "-c", "/dev/null", "-o", f"database.conninfo={database.conninfo}", *map(str, arguments)],
                          capture_output=True, text=True)
    assert done.returncode == code, done.stdout[:2000] + done.stderr
    return done


def read(page):
    """The data of a page, after checks of its form."""
    text = page if isinstance(page, str) else page.read_text()
    block = re.fullmatch(r'(?s).*<script type="application/json" id="data">(.*?)</script>.*', text)[1]
    assert not re.search("[<>&\u2028\u2029]", block)
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", text)[1]
    assert re.findall(r"<script(.*?)>", text.replace(block, "")) == [
        ' type="application/json" id="tiles"', ' type="application/json" id="data"', *[f' nonce="{nonce}"'] * 2]
    assert not re.search("@[a-z_]+@", text.partition('id="tiles"')[0])
    return json.loads(block)


def points_of(track):
    """[(time, latitude, longitude, speed)] from the differences."""
    points, at = [], (0, 0, 0)
    for i in range(1, len(track), 4):
        at = tuple(old + step for old, step in zip(at, track[i:i + 3], strict=True))
        points.append((*at, track[i + 3]))
    return points


@pytest.fixture
def fleet(database):
    """Three trackers, 3,000 points each, with alarms and photos."""
    for ident, name in IDENTS.items():
        database.query("INSERT INTO avld.devices (ident, name) VALUES (%s, %s)", ident, name)
    database.query(FILL, 3000)
    database.query("INSERT INTO avld.alarms (device_id, occurred_at, received_at, latitude, longitude, dedup, stored, alarm)"
                   " SELECT id, '2026-05-04 07:00Z', now(), 53.6, 8.2, 1, false, %s FROM avld.devices", NASTY)
    database.query("INSERT INTO avld.alarms (device_id, occurred_at, received_at, dedup, stored, alarm)"
                   " SELECT id, '2026-05-04 06:30Z', now(), 1, false, 'sos' FROM avld.devices WHERE ident = '5021234'")
    for n, (kind, photo) in enumerate((("image/jpeg", TINY_JPEG), ("image/svg+xml", b"<svg/>"), ("image/jpeg", b"<script>"))):
        database.query("INSERT INTO avld.media (device_id, taken_at, received_at, latitude, longitude, camera, content_type, complete,"
                       " dedup, bytes) SELECT id, timestamptz '2026-05-04 06:10Z' + %s * interval '1 s', now(), 53.55, 8.15, 1, %s,"
                       " true, 1, %s FROM avld.devices WHERE ident = '5021234'", n, kind, photo)
    return database


def test_page_has_what_the_sql_functions_return(fleet, tmp_path):
    page = tmp_path / "map.html"
    done = run(fleet, "--all", *DAY, "-o", page)
    assert "9000 points of 3 trackers, 4 alarms, 3 photos" in done.stderr and done.stdout == ""
    assert "left out the pictures of 2 photos" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]
    data = read(page)
    ids = {ident: number for number, ident, _ in data["devices"]}
    assert {ident: name for _, ident, name in data["devices"]} == IDENTS
    assert (data["to"] - data["from"], data["step"], len(data["tracks"])) == (86400, 1, 3)
    for track in data["tracks"]:
        expected = fleet.query(
            "SELECT extract(epoch FROM fixed_at)::bigint, round(latitude * 1e5)::int, round(longitude * 1e5)::int,"
            " coalesce(round(speed_kmh)::int, -1) FROM avld.track((SELECT ident FROM avld.devices WHERE id = %s),"
            " '2026-05-04Z', '2026-05-05Z')", track[0])
        assert points_of(track) == expected
    for kind, columns in (("trips", "started_at"), ("stops", "arrived_at")):
        expected = fleet.query(f"SELECT d.id, extract(epoch FROM {columns})::bigint FROM avld.devices d CROSS JOIN LATERAL"
                               f" avld.{kind}(d.ident, '2026-05-04Z', '2026-05-05Z') ORDER BY 2, 1")
        assert [tuple(row[:2]) for row in data[kind]] == expected
    assert len(data["trips"]) == 3
    assert [row[4] for row in data["alarms"]] == ["sos", NASTY, NASTY, NASTY] and data["alarms"][0][2:4] == [None, None]
    assert [row[0] for row in data["photos"]] == [ids["5021234"]] * 3
    assert [row[6] and base64.b64decode(row[6]) for row in data["photos"]] == [None, None, TINY_JPEG]
    assert data["left_out"] == {"points": 0, "implausible points": 0, "trips": 0, "stops": 0, "alarms": 0, "photos": 0, "pictures": 2}
    # one tracker, to standard output; half of the range; the setting after the file
    one = read(run(fleet, "--ident", "5021234", "--from", "2026-05-04T06:00:00Z", "--to", "2026-05-04T07:40:00+01:00", "-o", "-").stdout)
    assert [row[1] for row in one["devices"]] == ["5021234"] and [len(points_of(track)) for track in one["tracks"]] == [1200]


def test_points_above_the_limit_are_thinned_evenly(fleet, tmp_path):
    page = tmp_path / "map.html"
    done = run(fleet, "--all", *DAY, "--output", page, "--points", "1000")
    data = read(page)
    tracks = [points_of(track) for track in data["tracks"]]
    written = sum(map(len, tracks))
    assert 900 < written <= 1000 and data["left_out"]["points"] == 9000 - written and data["step"] == 10
    assert f"left out {9000 - written} points: every 10th of each tracker is drawn; --points 9000 draws all" in done.stderr
    for track in tracks:
        times = [point[0] - track[0][0] for point in track]
        assert times[-1] == 2 * 2999 and set(b - a for a, b in zip(times, times[1:-1], strict=False)) == {20}
    assert "3 trackers are too many for 6 points" in run(fleet, "--all", *DAY, "-o", page, "--points", "6", code=1).stderr
    # pictures beyond 16 MiB, the oldest first
    fleet.query("INSERT INTO avld.media (device_id, taken_at, received_at, content_type, complete, dedup, bytes)"
                " SELECT min(id), timestamptz '2026-05-04 09:00Z' + n * interval '1 s', now(), 'image/jpeg', true, 1,"
                " '\\xffd8ff' || decode(repeat('00', 5000000), 'hex') FROM avld.devices, generate_series(1, 4) n GROUP BY n")
    assert "9000 points of 3" in run(fleet, "--all", *DAY, "-o", page, "--points", "9000").stderr
    assert [bool(row[6]) for row in read(page)["photos"]] == [True] * 3 + [False] * 4


def test_usage_errors_and_empty_results(fleet, tmp_path):
    page = tmp_path / "map.html"
    for arguments, code, text in (
            ([], 2, "missing --output FILE"), (["-o", page], 2, "give --ident IDENT for one tracker, or --all"),
            (["-o", page, "--all", "--ident", "1"], 2, "exclude each other"),
            (["-o", page, "--all", "--from", "yesterday"], 2, "invalid time 'yesterday' for --from"),
            (["-o", page, "--all", "--from", "2026-05-04", "--to", "2026-05-04"], 2, "--from must be before --to"),
            (["-o", page, "--all", "--points", "0"], 2, "invalid number '0' for --points"),
            (["-o", page, "--all", "--tiles", "https://x/{z}/{x}/1.png"], 2, "invalid URL"),
            (["-o", page, "--all", "-o", "databse.conninfo=x"], 2, "databse.conninfo"),
            (["-o", page, "--ident", "502123"], 1, "no tracker has the ident 502123"),
            (["-o", page, "--all", "--to", "2020-01-01"], 1, "of any tracker from 2019-12-31T00:00:00.000Z to 2020-01-01T00:00:00.000Z"),
            (["-o", tmp_path / "no" / "map.html", "--all", *DAY], 1, "No such file or directory"),
            (["-o", tmp_path, "--all", *DAY], 1, "Is a directory"),
            (["-o", page, "--all", *DAY, "--leaflet", tmp_path], 1, "install the package libjs-leaflet"),
            (["-o", "/dev/full", "--all", *DAY], 1, "/dev/full: No space left on device")):
        assert text in run(fleet, *arguments, code=code).stderr
    assert list(tmp_path.iterdir()) == [] and not pathlib.Path("/dev/full").is_file()


# ---- in a browser

def browse(page, *options):
    done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                           f"--user-data-dir={page.parent / 'profile'}", "--window-size=1400,900", "--virtual-time-budget=20000",
                           "--enable-logging=stderr", *options, page.as_uri()], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def probe(page, script):
    """Runs the body of an async function after the script of the page, with its nonce. Returns its value, and the page."""
    text = page.read_text()
    nonce = re.search(r"'nonce-(\w+)'", text)[1]
    copy = page.with_name("probe.html")
    copy.write_text(text.replace("</body>", f'<script nonce="{nonce}">(async () => {{{script}}})().then('
                                 'value => { document.body.dataset.probe = JSON.stringify(value); })</script></body>'))
    dom = browse(copy, "--dump-dom")
    return json.loads(html.unescape(re.search(r'data-probe="([^"]*)"', dom)[1])), dom


@pytest.mark.skipif(not CHROMIUM, reason="the package chromium is not installed")
def test_chromium_draws_every_point_and_runs_no_text(fleet, tmp_path):
    page = tmp_path / "map.html"
    run(fleet, "--all", *DAY, "-o", page)
    seen, dom = probe(page, """
        const map = window.avldMap, whole = {...map, map: null}, rows = document.querySelectorAll('#rows tr').length;
        const select = (id, value) => {
            const control = document.getElementById(id);
            control.value = value;
            control.dispatchEvent(new Event(id === 'time' ? 'input' : 'change'));
            map.redraw();
            return map.drawn;
        };
        const early = select('time', 3600);
        const hour = select('trail', '600');
        const one = select('tracker', document.querySelector('#tracker').options[1].value);
        document.querySelector('#rows tr').click();
        const popup = document.querySelector('.avld-popup').textContent;
        select('tracker', '');
        [...document.querySelectorAll('#rows tr')].find(row => row.textContent.includes(' bytes') &&
            !row.textContent.includes('not in this page')).click();
        const picture = document.querySelector('.avld-popup img');
        await picture.decode();
        return {whole, rows, early, hour, one, bad: window.bad, popup, width: picture.naturalWidth};
    """)
    assert seen["whole"]["points"] == seen["whole"]["drawn"] == 9000 and 1000 < seen["whole"]["segments"] < 4500
    assert (seen["early"], seen["hour"], seen["one"]) == (3 * 1801, 3 * 301, 301)
    assert seen["rows"] == seen["whole"]["events"] == 4 + 3 + 3 + sum(1 for _ in read(page)["stops"])
    assert "trip" in seen["popup"] and seen["width"] == 1 and seen.get("bad") is None
    assert "<img src" not in dom.partition("<script")[0] and "<b>" not in dom.partition("<script")[0]


@pytest.mark.skipif(not CHROMIUM, reason="the package chromium is not installed")
def test_chromium_asks_only_the_tile_server(fleet, tmp_path):
    """Tiles have the attribution of their host; the page's policy names it."""
    page = tmp_path / "map.html"
    run(fleet, "--ident", "5021234", *DAY, "-o", page, "--tiles", "http://{s}.tiles.invalid:81/a&b/{z}/{x}/{y}.png")
    assert "img-src data: http://*.tiles.invalid:81\"" in page.read_text()
    seen, _ = probe(page, """
        const urls = [...document.querySelectorAll('.leaflet-tile')].map(tile => tile.src);
        document.querySelectorAll('.leaflet-tile').forEach(tile => tile.removeAttribute('src'));
        return {urls, text: document.querySelector('.leaflet-control-attribution').textContent};
    """)
    assert seen["urls"] and all(re.fullmatch(r"http://[abc]\.tiles\.invalid:81/a&b/\d+/\d+/\d+\.png", url) for url in seen["urls"])
    assert "tiles.invalid:81" in seen["text"]
