# SPDX-License-Identifier: MIT
"""Old days on a second PostgreSQL, as docs/scaling.md describes: read and written through the first, also while the second is
unreachable."""
import datetime
import io
import pathlib
import re

import psycopg2
import pytest

import pt502
from harness import HERE, wait_for

POSITIONS = "SELECT count(*)::int FROM avld.positions"
TRACK = "SELECT count(*)::int FROM avld.track('5020001', %s, %s)"
DAY = datetime.timedelta(days=1)


def steps():
    """Returns the SQL of the page, so that exactly that is tested."""
    text = pathlib.Path(HERE.parent.parent / "docs" / "scaling.md").read_text()
    section = re.search(r"^## Old days on a second PostgreSQL\n.*?(?=^## )", text, re.S | re.M)[0]
    return re.findall(r"```sql\n(.*?)```", section, re.S)


def run(database, sql):
    """Runs SQL as psql would: the query before \\gexec makes statements."""
    if "\\gexec" in sql:
        makes, sql = sql.split("\\gexec")
        for (made,) in database.query(makes):
            database.query(made)
    database.query(sql)


@pytest.fixture
def archive(cluster, own_database, database):
    """The second server; the day five days ago replaces 2001-01-01 of the page."""
    first = database.one("SELECT current_date - 5")

    def fit(sql):
        for old, day in (("2001-01-01", first), ("2001-01-02", first + DAY)):
            sql = sql.replace(old, str(day)).replace(old.replace("-", ""), f"{day:%Y%m%d}")
        return sql.replace("host 'archive.example.net', dbname 'avld'",
                           f"host '{cluster.folder}', port '{cluster.port}', dbname '{own_database.name}'").replace(
            "user 'avld', password '...'", f"user '{cluster.user}'").replace("postgres_fdw TO avld", "postgres_fdw TO CURRENT_USER")
    key, there, superuser, here = map(fit, steps())
    return {"day": datetime.datetime.combine(first, datetime.time(12), datetime.timezone.utc), "key": key, "there": there,
            "here": superuser + here, "table": f"positions_{first:%Y%m%d}", "database": own_database, "cluster": cluster}


def records(day, count, start=0):
    return b"".join(pt502.record(time=day + datetime.timedelta(minutes=n)) for n in range(start, start + count))


def wait_partition(database, archive):
    """Its rows are in the DEFAULT partition until the daemon has made one for that day."""
    database.wait(f"SELECT count(*)::int FROM pg_class WHERE oid = to_regclass('avld.{archive['table']}')", 1)


def move(database, archive):
    """Moves the day with its rows to the second server."""
    run(archive["database"], archive["there"])
    data = io.StringIO()
    for end, direction in ((database, "TO STDOUT"), (archive["database"], "FROM STDIN")):
        conn = psycopg2.connect(end.conninfo)
        with conn, conn.cursor() as cursor:
            cursor.copy_expert(f"COPY avld.{archive['table']} {direction}", data)
        conn.close()
        data.seek(0)
    run(database, archive["here"])


def test_a_day_on_a_second_server_is_read_and_written(daemons, database, archive):
    day, table = archive["day"], archive["table"]
    avld = daemons().start()
    avld.send_tcp(records(day, 10) + pt502.record())
    database.wait(POSITIONS, 11)
    wait_partition(database, archive)
    run(database, archive["key"])
    move(database, archive)
    assert database.one("SELECT relkind FROM pg_class WHERE oid = %s::regclass", f"avld.{table}") == "f"

    # today is stored, and queries read through
    times = pt502.last(5, -60)
    avld.send_tcp(b"".join(pt502.record(time=time) for time in times))
    database.wait(POSITIONS, 16)
    assert database.one(TRACK, day, day + DAY) == 10
    assert database.one(TRACK, day, times[0] + DAY) == 16
    assert database.one("SELECT fixed_at > now() - interval '1 min' FROM avld.latest_positions") is True

    # late data of the day goes there, repeats do not
    avld.end()
    avld.start()
    avld.send_tcp(records(day, 15))
    database.wait(POSITIONS, 21)
    assert archive["database"].one(f"SELECT count(*)::int FROM avld.{table}") == 15

    # a day made after the change has a key of its own, so repeats are one row there too
    other = day - 2 * DAY
    avld.send_tcp(records(other, 3))
    database.wait(POSITIONS, 24)
    avld.end()
    avld.start()
    avld.send_tcp(records(other, 4))
    database.wait(POSITIONS, 25)
    avld.end()
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_an_unreachable_second_server_delays_its_day_only(daemons, database, archive):
    """Today is stored. A record of the moved day keeps all in the journal until the server is back; then each is stored once."""
    day = archive["day"]
    avld = daemons().start()
    avld.send_tcp(records(day, 10))
    database.wait(POSITIONS, 10)
    wait_partition(database, archive)
    run(database, archive["key"])
    move(database, archive)
    archive["cluster"].stop()
    times = pt502.last(6, -60)
    today = f"SELECT count(*)::int FROM avld.positions WHERE fixed_at > '{day + 2 * DAY}'"
    avld.send_tcp(b"".join(pt502.record(time=time) for time in times[1:]))
    database.wait(today, 5)
    assert database.one("SELECT count(*)::int FROM avld.track('5020001', %s, %s)", times[-1], times[0]) == 5
    avld.send_tcp(records(day, 12) + pt502.record(time=times[0]))
    avld.wait_log("database unreachable")
    assert database.one(today) == 5
    archive["cluster"].start()
    database.wait(POSITIONS, 18)
    assert archive["database"].one(f"SELECT count(*)::int FROM avld.{archive['table']}") == 12
    assert database.one("SELECT count(*)::int FROM avld.rejects") == 0


def test_retention_rejects_late_data_of_the_moved_day(daemons, database, archive):
    """With a shorter retention such a day is neither written nor dropped."""
    day = archive["day"]
    avld = daemons().start()
    avld.send_tcp(records(day, 10))
    database.wait(POSITIONS, 10)
    wait_partition(database, archive)
    avld.end()
    run(database, archive["key"])
    move(database, archive)
    database.query("SELECT avld.ensure_partitions(current_date - 9, current_date - 9)")
    avld = daemons({"database.retention": "3d"}).start()
    avld.wait_log("partitions older than database.retention dropped count=3")  # two of the older day, and the statuses of the moved one
    archive["cluster"].stop()
    avld.send_tcp(records(day, 2, 20) + pt502.record())
    wait_for(lambda: database.one("SELECT count(*)::int FROM avld.rejects WHERE reason = 'older than database.retention'") == 2,
             "the late records to be rejected")
    archive["cluster"].start()
    database.wait(POSITIONS, 11)
    assert database.one(TRACK, day, day + DAY) == 10
