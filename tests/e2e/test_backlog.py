# SPDX-License-Identifier: MIT
"""A backlog is stored in many batches, the next one built while the current one is being written: each record once, also
with repeats, rows that the database refuses, and sessions that are terminated in between."""
import conftest
import pt502

RECORDS = 6000
AGAIN = 130  # a repeat follows after so many records: in the same batch or the next


def close_database(database):
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    conftest.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'")


def end_backends(database):
    conftest.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   f"WHERE datname = '{database.name}' AND application_name LIKE 'avld%'")


def test_each_record_of_a_backlog_is_stored_once(daemons, database):
    avld = daemons({"database.batch_rows": "200"}).start()
    avld.wait_log("database ready")
    # The database refuses every 80th record.
    database.query("ALTER TABLE avld.positions ADD CONSTRAINT slow CHECK (speed_kmh < 100)")
    close_database(database)
    times = pt502.last(RECORDS // 10)[::-1]
    records = [pt502.record(ident=f"50200{n % 10:02d}", time=times[n // 10], speed="90.00" if n % 80 == 79 else "22.40")
               for n in range(RECORDS)]
    data = []
    for n, record in enumerate(records):
        data.append(record)
        if n >= AGAIN and n % 3 == 0:
            data.append(records[n - AGAIN])
    avld.send_tcp(b"".join(data))

    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    for share in range(1, 10):
        conftest.wait_for(lambda: database.one("SELECT count(*) FROM avld.positions") >= RECORDS * share / 10,
                          f"{share} tenths of the rows")
        end_backends(database)
    refused = RECORDS // 80
    database.wait("SELECT count(*) FROM avld.positions", RECORDS - refused)
    # A repeat is refused again if the first copy's key is no longer remembered: each refused record has one reject or more.
    assert database.one("SELECT count(DISTINCT frame) FROM avld.rejects") == refused
    assert database.one("SELECT count(DISTINCT (device_id, fixed_at)) FROM avld.positions") == RECORDS - refused
    avld.end()
