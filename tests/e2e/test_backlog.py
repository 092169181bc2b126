# SPDX-License-Identifier: MIT
"""A backlog is stored in many batches, the next one built while the current one is being written: each record once, also
with repeats, rows that the database refuses, and sessions that are terminated in between."""
import psycopg2

import conftest
import pt502
from test_http import free_port, metrics

RECORDS = 6000
AGAIN = 130  # a repeat follows after so many records: in the same batch or the next


def close_database(database):
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    conftest.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'")


def end_backends(database):
    conftest.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   f"WHERE datname = '{database.name}' AND application_name LIKE 'avld%'")


def test_each_record_of_a_backlog_is_stored_once(daemons, database):
    port = free_port()
    avld = daemons({"database.batch_rows": "200", "http.listen": f"127.0.0.1:{port}"}).start()
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
        metrics(port)  # the books balance
        end_backends(database)
    refused = RECORDS // 80
    database.wait("SELECT count(*) FROM avld.positions", RECORDS - refused)
    # A repeat is refused again if the first copy's key is no longer remembered: each refused record has one reject or more.
    assert database.one("SELECT count(DISTINCT frame) FROM avld.rejects") == refused
    assert database.one("SELECT count(DISTINCT (device_id, fixed_at)) FROM avld.positions") == RECORDS - refused
    conftest.wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
    counted = metrics(port)
    assert counted["avld_positions_total"] == RECORDS - refused
    assert counted["avld_reports_left_out_total"] == counted["avld_reports_total"] - RECORDS + refused - counted["avld_duplicates_total"]
    avld.end()


def test_device_state_is_written_when_the_backlog_is_stored(daemons, database):
    """Meanwhile the metric and the second LSN of the checkpoint show that it is not complete; also after a kill it will be."""
    devices, turns = 500, 4
    port = free_port()
    avld = daemons({"database.batch_rows": "200", "http.listen": f"127.0.0.1:{port}", "devices.new_per_address": "0"}).start()
    avld.wait_log("database ready")
    blocker = psycopg2.connect(database.conninfo)
    blocker.cursor().execute("SELECT pg_advisory_lock(1)")  # rows of device_state wait for it
    database.query("""CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END$$;
        CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON avld.device_state FOR EACH ROW EXECUTE FUNCTION public.hold()""")
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    end_backends(database)
    times = pt502.last(turns)
    avld.send_tcp(b"".join(pt502.record(ident=f"520{device:04d}", time=time) for time in times for device in range(devices)))
    conftest.wait_for(lambda: metrics(port)["avld_reports_total"] == devices * turns, "all reports")
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    conftest.wait_for(lambda: metrics(port)["avld_device_state_lag_bytes"] > 0, "device_state to be incomplete")
    behind = "SELECT (lsn > state_lsn)::int FROM avld.checkpoint"
    database.wait(behind, 1)
    avld.kill()
    blocker.close()
    database.wait(behind, 1)
    avld.start()
    database.wait("SELECT count(*)::int FROM avld.positions", devices * turns)
    conftest.wait_for(lambda: metrics(port)["avld_device_state_lag_bytes"] == 0, "device_state to be complete")
    database.wait(behind, 0)
    assert database.one("SELECT count(*)::int FROM avld.device_state WHERE fixed_at = "
                        "(SELECT max(fixed_at) FROM avld.positions)") == devices
    avld.end()


def test_refused_ends_of_connections_do_not_stay(daemons, database):
    """They were collected during a backlog, and a trigger of the owner refuses them: they are dropped, and not sent for ever."""
    devices = 200
    port = free_port()
    avld = daemons({"database.batch_rows": "50", "http.listen": f"127.0.0.1:{port}", "devices.new_per_address": "0"}).start()
    peers = [avld.tcp() for _ in range(devices)]
    for n, peer in enumerate(peers):
        peer.sendall(pt502.record(ident=f"520{n:04d}"))
    database.wait("SELECT count(*)::int FROM avld.device_state WHERE connected", devices)
    conftest.wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
    database.query("""CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;
        CREATE TRIGGER stop BEFORE UPDATE ON avld.device_state FOR EACH ROW WHEN (OLD.connected AND NOT NEW.connected)
        EXECUTE FUNCTION public.stop()""")
    close_database(database)
    for peer in peers:
        peer.close()
    conftest.wait_for(lambda: metrics(port)["avld_connections"] == 0, "the ends of the connections")
    conftest.admin(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    database.wait("SELECT count(*)::int FROM avld.connections", devices)
    avld.wait_log("the database refuses ends of connections in device_state, dropped them")
    avld.send_tcp(pt502.record())
    conftest.wait_for(lambda: metrics(port)["avld_device_state_lag_bytes"] == 0, "device_state to be complete")
    avld.end()


def test_a_backlog_longer_than_what_a_start_reads(daemons, database):
    """The start reads the newest 64 MiB for the device memory, from the beginning of an entry: it finds no damage."""
    avld = daemons({"database.conninfo": "host=127.0.0.1 port=9"}).start()
    avld.simulate("--protocol", "all", "--devices", 26, "--count", 230_000, "--rate", 0)
    avld.kill()
    journal = avld.folder / "journal"
    assert sum(path.stat().st_size for path in journal.glob("*.seg")) > 66 << 20, list(journal.iterdir())
    avld.start()
    assert "device memory restored" in avld.logged() and "ERROR" not in avld.logged()
    assert not list(journal.glob("damaged*"))
