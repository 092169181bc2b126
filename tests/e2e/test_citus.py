# SPDX-License-Identifier: MIT
"""The writer's answer to errors as Citus has them, with a PostgreSQL that raises them. tests/engines has the real one."""
import pt502
from conftest import free_port, wait_for
from test_http import metrics

POSITIONS = "SELECT count(*)::int FROM avld.positions"
# In a COPY, Citus reports a row that a shard has already with XX000. Through a stage, ON CONFLICT leaves it out.
REPEAT = """
    CREATE FUNCTION repeat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_temp.avld_positions) AND EXISTS (SELECT FROM avld.positions AS p
                WHERE (p.device_id, p.fixed_at, p.dedup) = (NEW.device_id, NEW.fixed_at, NEW.dedup)) THEN
            RAISE 'duplicate key value violates unique constraint "positions_20260314_pkey_102027"' USING ERRCODE = 'XX000';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER repeat BEFORE INSERT ON avld.positions FOR EACH ROW EXECUTE FUNCTION repeat()"""


def test_repeats_are_left_out_and_counted(daemons, database):
    """After a restore the journal is written again: the rows of a batch may be there in part."""
    port = free_port()
    records = [pt502.record(time=time) for time in pt502.last(300, -60)]
    database.query(REPEAT)
    avld = daemons({"http.listen": f"127.0.0.1:{port}", "journal.retain": "1h"}).start()
    avld.send_tcp(b"".join(records))
    database.wait(POSITIONS, 300)
    avld.end()
    database.query("UPDATE avld.checkpoint SET lsn = 0, state_lsn = 0")
    database.query("DELETE FROM avld.positions WHERE fixed_at > (SELECT max(fixed_at) - interval '50 s' FROM avld.positions)")
    avld.start()
    database.wait(POSITIONS, 300)
    wait_for(lambda: metrics(port)["avld_journal_waiting_bytes"] == 0, "all to be stored")
    counted = metrics(port)
    assert (counted["avld_positions_total"], counted["avld_duplicates_total"], counted["avld_refused_total"]) == (50, 250, 0)
