-- What is deleted when it is old, and days that live on another server. ASCII only: it is compiled into the program.

-- As before, and: commands that have ended, photos, trackers that were turned away, and positions and statuses that have no
-- day, in DEFAULT (days are dropped whole, by drop_partitions). The daemon's role can delete nothing else.
CREATE OR REPLACE FUNCTION avld.delete_before(table_name text, before timestamptz, max_rows integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	deleted integer;
BEGIN
	IF before > now() OR max_rows < 1 THEN
		RAISE EXCEPTION 'avld.delete_before: % is in the future, or % is no number of rows', before, max_rows
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	CASE table_name
	WHEN 'rejects' THEN
		DELETE FROM avld.rejects AS t WHERE t.ctid = ANY (ARRAY(
			SELECT r.ctid FROM avld.rejects AS r WHERE r.received_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'connections' THEN
		DELETE FROM avld.connections AS t WHERE t.ctid = ANY (ARRAY(
			SELECT c.ctid FROM avld.connections AS c WHERE c.closed_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'alarms' THEN
		DELETE FROM avld.alarms AS t WHERE t.ctid = ANY (ARRAY(
			SELECT a.ctid FROM avld.alarms AS a WHERE a.occurred_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'unknown_devices' THEN
		DELETE FROM avld.unknown_devices AS t WHERE t.ctid = ANY (ARRAY(
			SELECT u.ctid FROM avld.unknown_devices AS u WHERE u.last_seen < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'commands' THEN
		DELETE FROM avld.commands AS t WHERE t.ctid = ANY (ARRAY(
			SELECT c.ctid FROM avld.commands AS c
			WHERE c.ended_at < before AND c.state NOT IN ('queued', 'sent') LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'media' THEN
		DELETE FROM avld.media AS t WHERE t.ctid = ANY (ARRAY(
			SELECT m.ctid FROM avld.media AS m WHERE m.taken_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'positions' THEN
		DELETE FROM avld.positions_default AS t WHERE t.ctid = ANY (ARRAY(
			SELECT p.ctid FROM avld.positions_default AS p WHERE p.fixed_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'statuses' THEN
		DELETE FROM avld.statuses_default AS t WHERE t.ctid = ANY (ARRAY(
			SELECT s.ctid FROM avld.statuses_default AS s WHERE s.reported_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	ELSE
		RAISE EXCEPTION 'avld.delete_before: no rows of this table are deleted: %', table_name
			USING ERRCODE = 'invalid_parameter_value';
	END CASE;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

-- As before, and: a day that was moved to another server (a foreign table) is its owner's to delete.
CREATE OR REPLACE FUNCTION avld.drop_partitions(before date) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
SET lock_timeout = '2s'
AS $$
DECLARE
	old regclass;
	dropped integer := 0;
BEGIN
	IF before > now()::date THEN
		RAISE EXCEPTION 'avld.drop_partitions: % is in the future', before
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pg_advisory_xact_lock(1635151972, 2);

	FOR old IN
		SELECT p.partition FROM avld.list_partitions() AS p
		JOIN pg_class AS c ON c.oid = p.partition
		WHERE p.ends_at <= before::timestamptz AND p.ends_at = p.starts_at + interval '1 day' AND c.relkind = 'r'
		ORDER BY p.parent::text, p.starts_at
	LOOP
		EXECUTE format('DROP TABLE %s', old);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;

-- As before, and: where the owner has moved the primary key from the table to its partitions (a foreign table can only be a
-- partition of a table without one), each new day gets its own.
CREATE OR REPLACE FUNCTION avld.ensure_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
SET lock_timeout = 0
AS $$
DECLARE
	missing text[];
	item text[]; -- 1 parent, 2 its key, 3 its DEFAULT, 4 the partition, 5 from, 6 to
BEGIN
	IF NOT isfinite(first) OR NOT isfinite(last) OR last - first >= 450 THEN
		RAISE EXCEPTION 'avld.ensure_partitions: % to % is more than 450 days', first, last
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pg_advisory_xact_lock(1635151972, 2); -- one at a time; the second finds all made
	PERFORM set_config('lock_timeout', '2s', true);

	missing := ARRAY(
		SELECT ARRAY[t.parent, t.key, t.parent || '_default', t.parent || to_char(day, '_YYYYMMDD'),
			day::text, (day + interval '1 day')::text]
		FROM (VALUES ('positions', 'fixed_at'), ('statuses', 'reported_at')) AS t (parent, key)
		CROSS JOIN generate_series(first::timestamptz, last::timestamptz, interval '1 day') AS day
		WHERE NOT EXISTS (
			SELECT FROM avld.list_partitions() AS p
			WHERE p.parent = ('avld.' || t.parent)::regclass
				AND p.starts_at < day + interval '1 day' AND p.ends_at > day)
			-- a partition that was detached and kept: its day stays with DEFAULT
			AND to_regclass('avld.' || t.parent || to_char(day, '_YYYYMMDD')) IS NULL
		ORDER BY t.parent, day);
	IF missing = '{}' THEN
		RETURN 0;
	END IF;

	FOREACH item SLICE 1 IN ARRAY missing LOOP
		EXECUTE format('CREATE TABLE avld.%4$I (LIKE avld.%1$I INCLUDING ALL EXCLUDING COMMENTS)', VARIADIC item);
		IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ('avld.' || item[1])::regclass AND contype = 'p') THEN
			EXECUTE format('ALTER TABLE avld.%4$I ADD PRIMARY KEY (device_id, %2$I, dedup)', VARIADIC item);
		END IF;
	END LOOP;
	FOREACH item SLICE 1 IN ARRAY missing LOOP
		EXECUTE format('LOCK TABLE ONLY avld.%1$I IN SHARE UPDATE EXCLUSIVE MODE', VARIADIC item);
		EXECUTE format('LOCK TABLE ONLY avld.%3$I IN ACCESS EXCLUSIVE MODE', VARIADIC item);
		EXECUTE format('WITH moved AS (DELETE FROM avld.%3$I WHERE %2$I >= %5$L AND %2$I < %6$L RETURNING *)'
			' INSERT INTO avld.%4$I SELECT * FROM moved', VARIADIC item);
		EXECUTE format('ALTER TABLE avld.%1$I ATTACH PARTITION avld.%4$I FOR VALUES FROM (%5$L) TO (%6$L)',
			VARIADIC item);
	END LOOP;
	RETURN array_length(missing, 1);
END
$$;

COMMENT ON FUNCTION avld.delete_before(text, timestamptz, integer) IS
	'Deletes at most max_rows rows of rejects, connections, unknown_devices, alarms, media or commands (ended ones) that are '
	'older than that, or of positions or statuses in DEFAULT (days of their own are dropped by drop_partitions); returns how '
	'many. Example: SELECT avld.delete_before(''rejects'', now() - interval ''30 days'')';
