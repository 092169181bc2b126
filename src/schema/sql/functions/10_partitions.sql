-- Daily partitions (UTC) of positions and statuses, a day of positions perhaps in parts, and deletion of old rows. The owner of the schema owns them, whoever calls.

-- The catalog has bounds as text, written and read here with one DateStyle. UTC, because abbreviations of zones are ambiguous.
-- TimescaleDB's chunks have theirs in a view; they need not be days.
CREATE OR REPLACE FUNCTION avld.list_partitions(
	OUT parent regclass, OUT partition regclass, OUT starts_at timestamptz, OUT ends_at timestamptz
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
BEGIN
	IF avld.engine() = 'timescaledb' THEN
		RETURN QUERY EXECUTE
			'SELECT format(''%I.%I'', c.hypertable_schema, c.hypertable_name)::regclass,'
			' format(''%I.%I'', c.chunk_schema, c.chunk_name)::regclass, c.range_start, c.range_end'
			' FROM timescaledb_information.chunks AS c'
			' WHERE c.hypertable_schema = ''avld'' AND c.hypertable_name IN (''positions'', ''statuses'') ORDER BY 1, 3';
		RETURN;
	END IF;
	RETURN QUERY
	SELECT
		i.inhparent::regclass, c.oid::regclass,
		CASE WHEN b.bound LIKE '% FROM (MINVALUE) %' THEN '-infinity'
			ELSE substring(b.bound FROM $re$ FROM \('([^']+)'\)$re$)::timestamptz END,
		CASE WHEN b.bound LIKE '% TO (MAXVALUE)' THEN 'infinity'
			ELSE substring(b.bound FROM $re$ TO \('([^']+)'\)$re$)::timestamptz END
	FROM pg_inherits i
	JOIN pg_class c ON c.oid = i.inhrelid
	CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
	WHERE i.inhparent IN ('avld.positions'::regclass, 'avld.statuses'::regclass) AND b.bound <> 'DEFAULT'
	ORDER BY 1, 3;
END
$$;

-- A chunk of TimescaleDB may be part of a day, or several.
CREATE OR REPLACE FUNCTION avld.list_days(OUT starts_at timestamptz, OUT ends_at timestamptz) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
	SELECT p.starts_at, p.ends_at FROM avld.list_partitions() AS p
	WHERE p.parent = 'avld.positions'::regclass AND avld.engine() <> 'timescaledb'
	UNION ALL
	SELECT day, day + interval '1 day'
	FROM (
		SELECT DISTINCT generate_series(date_trunc('day', p.starts_at), p.ends_at - interval '1 us', interval '1 day') AS day
		FROM avld.list_partitions() AS p
		WHERE p.parent = 'avld.positions'::regclass AND avld.engine() = 'timescaledb'
	) AS t
	ORDER BY 1
$$;

-- Creates the new tables beside the parent, where they block nobody. The locks that follow are short: ATTACH takes SHARE UPDATE
-- EXCLUSIVE on the parent, which blocks no reader or writer, and an exclusive lock on DEFAULT, which is quick while DEFAULT is
-- small. DEFAULT is locked before its rows are moved, so that no row is added between the move and ATTACH. If another session
-- reads DEFAULT for long, this fails after 2 s (lock_not_available): no row is lost, new rows go to DEFAULT, and the next call
-- moves them.
-- If the owner has moved the primary key from the table to its partitions (only then can a foreign table be a partition), each
-- new partition gets its own.
-- every: less than a day makes a day of positions a partitioned table itself. An index as large as a day of many trackers does not
-- stay in memory, that of an hour does. Citus has no partitions of partitions: there a day stays whole. TimescaleDB makes chunks by
-- itself when rows arrive.
CREATE OR REPLACE FUNCTION avld.ensure_partitions(first date, last date, every interval) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
SET lock_timeout = 0
SET client_min_messages = warning -- Citus has four lines for each partition with rows
AS $$
DECLARE
	missing text[];
	item text[]; -- 1 parent, 2 partition key, 3 DEFAULT, 4 partition, 5 from, 6 to
	part timestamptz;
	engine CONSTANT text := avld.engine();
	is_parted boolean;
BEGIN
	IF every NOT IN (interval '1 day', interval '6 hours', interval '1 hour') THEN
		RAISE EXCEPTION 'avld.ensure_partitions: % is not 1 day, 6 hours or 1 hour', every
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT isfinite(first) OR NOT isfinite(last) OR last - first >= 450 THEN
		RAISE EXCEPTION 'avld.ensure_partitions: % to % is more than 450 days', first, last
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF engine = 'timescaledb' THEN
		RETURN 0;
	END IF;
	PERFORM pg_advisory_xact_lock(1635151972, 2); -- one call at a time; the next one finds the partitions
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
			-- a detached partition of that name: its day stays in DEFAULT
			AND to_regclass('avld.' || t.parent || to_char(day, '_YYYYMMDD')) IS NULL
		ORDER BY t.parent, day);
	IF missing = '{}' THEN
		RETURN 0;
	END IF;

	FOREACH item SLICE 1 IN ARRAY missing LOOP
		is_parted := item[1] = 'positions' AND every < interval '1 day' AND engine <> 'citus';
		EXECUTE format('CREATE TABLE avld.%4$I (LIKE avld.%1$I INCLUDING ALL EXCLUDING COMMENTS)', VARIADIC item)
			|| CASE WHEN is_parted THEN format(' PARTITION BY RANGE (%2$I)', VARIADIC item) ELSE '' END;
		IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ('avld.' || item[1])::regclass AND contype = 'p') THEN
			EXECUTE format('ALTER TABLE avld.%4$I ADD PRIMARY KEY (device_id, %2$I, dedup)', VARIADIC item);
		END IF;
		FOR part IN SELECT generate_series(item[5]::timestamptz, item[6]::timestamptz - every, every) WHERE is_parted LOOP
			EXECUTE format('CREATE TABLE avld.%I PARTITION OF avld.%I FOR VALUES FROM (%L) TO (%L)',
				item[4] || to_char(part, '_HH24'), item[4], part, part + every);
		END LOOP;
	END LOOP;
	FOREACH item SLICE 1 IN ARRAY missing LOOP
		EXECUTE format('LOCK TABLE ONLY avld.%1$I IN SHARE UPDATE EXCLUSIVE MODE', VARIADIC item);
		IF to_regclass('avld.' || item[3]) IS NOT NULL THEN -- its owner may have dropped it
			EXECUTE format('LOCK TABLE ONLY avld.%3$I IN ACCESS EXCLUSIVE MODE', VARIADIC item);
			EXECUTE format('WITH moved AS (DELETE FROM avld.%3$I WHERE %2$I >= %5$L AND %2$I < %6$L RETURNING *)'
				' INSERT INTO avld.%4$I SELECT * FROM moved', VARIADIC item);
		END IF;
		EXECUTE format('ALTER TABLE avld.%1$I ATTACH PARTITION avld.%4$I FOR VALUES FROM (%5$L) TO (%6$L)',
			VARIADIC item);
		IF engine = 'citus' THEN -- it copies the rows to the shards, and leaves them here as well
			EXECUTE format('SELECT truncate_local_data_after_distributing_table(''avld.%4$I'')', VARIADIC item);
		END IF;
	END LOOP;
	RETURN array_length(missing, 1);
END
$$;

CREATE OR REPLACE FUNCTION avld.ensure_partitions(first date, last date) RETURNS integer
LANGUAGE sql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT avld.ensure_partitions(first, last, interval '1 day')
$$;

-- The age that data must have before the role of the daemon can delete it. Only the owner can change it: who takes over the
-- daemon cannot delete what is younger.
CREATE OR REPLACE FUNCTION avld.least_retention() RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT l.value FROM avld.limits AS l WHERE l.name = 'least_retention'), interval '7 days')
$$;

CREATE OR REPLACE FUNCTION avld.set_least_retention(age interval) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF age IS NOT NULL AND (age < interval '1 day' OR age > interval '36500 days') THEN
		RAISE EXCEPTION 'avld.set_least_retention: % is not 1 to 36500 days', age USING ERRCODE = 'invalid_parameter_value';
	END IF;
	DELETE FROM avld.limits AS l WHERE l.name = 'least_retention';
	INSERT INTO avld.limits (name, value) SELECT 'least_retention', age WHERE age IS NOT NULL;
END
$$;

-- Used by the functions that delete with the rights of the owner. Returns the time from which on the caller must keep data;
-- infinity: he may delete all. The caller is the role that was SET, else that of the session: current_user is the owner.
CREATE OR REPLACE FUNCTION avld.kept_from(age interval) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user)::name, n.nspowner, 'USAGE')
		THEN timestamptz 'infinity' ELSE now() - kept_from.age END
	FROM pg_namespace AS n WHERE n.nspname = 'avld'
$$;

-- DROP takes an exclusive lock on the parent: if it cannot get it within 2 s it fails (lock_not_available), so that other sessions
-- never wait longer. Drops whole days in the past only, and for the role of the daemon only those older than the least
-- retention: it can delete nothing else. A day that was moved to another server (a foreign table) is left for its owner to delete.
-- Chunks of TimescaleDB are dropped whole, too, compressed ones as well; how many is what is returned.
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
	IF before > avld.kept_from(avld.least_retention())::date THEN
		RAISE EXCEPTION 'avld.drop_partitions: days up to % are younger than avld.least_retention(), which is %; the owner of the'
			' schema can lower it with avld.set_least_retention', before, avld.least_retention()
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM pg_advisory_xact_lock(1635151972, 2);

	IF avld.engine() = 'timescaledb' THEN
		EXECUTE format('SELECT count(*) FROM (VALUES (''avld.positions''::regclass), (''avld.statuses'')) AS t (parent)'
			' CROSS JOIN LATERAL %s.drop_chunks(t.parent, older_than => $1) AS c', avld.timescaledb_schema())
			INTO dropped USING before::timestamptz;
		RETURN dropped;
	END IF;
	FOR old IN
		SELECT p.partition FROM avld.list_partitions() AS p
		WHERE p.ends_at <= before::timestamptz AND p.ends_at = p.starts_at + interval '1 day'
			AND NOT EXISTS (SELECT FROM pg_partition_tree(p.partition) AS t
				JOIN pg_class AS f ON f.oid = t.relid WHERE f.relkind NOT IN ('r', 'p'))
		ORDER BY p.parent::text, p.starts_at
	LOOP
		EXECUTE format('DROP TABLE %s', old);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;

-- Used by delete_before: rows of DEFAULT. A hypertable has none, and the owner may have dropped it. Rows of Citus have no ctid that
-- a statement for all shards could use: there all old rows of DEFAULT go at once.
CREATE OR REPLACE FUNCTION avld.delete_from_default(table_name text, before timestamptz, max_rows integer) RETURNS integer
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	engine CONSTANT text := avld.engine();
	key CONSTANT text := CASE table_name WHEN 'positions' THEN 'fixed_at' ELSE 'reported_at' END;
	deleted integer;
BEGIN
	IF engine = 'timescaledb' OR to_regclass('avld.' || quote_ident(table_name || '_default')) IS NULL THEN
		RETURN 0;
	END IF;
	EXECUTE format(CASE engine
		WHEN 'citus' THEN 'DELETE FROM avld.%1$I WHERE %2$I < $1'
		ELSE 'DELETE FROM avld.%1$I AS t WHERE t.ctid = ANY (ARRAY('
			'SELECT p.ctid FROM avld.%1$I AS p WHERE p.%2$I < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))' END, table_name || '_default', key)
		USING before, max_rows;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

-- Retention of tables without partitions, and of rows in DEFAULT. Small batches hold few locks: the daemon calls it until it
-- returns less than max_rows. The role of the daemon can delete nothing else.
CREATE OR REPLACE FUNCTION avld.delete_before(table_name text, before timestamptz, max_rows integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	deleted integer;
	oldest interval;
BEGIN
	IF before > now() OR max_rows < 1 THEN
		RAISE EXCEPTION 'avld.delete_before: before (%) must not be in the future, and max_rows (%) must be positive',
			before, max_rows
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- strangers can fill these three: a day must be enough
	oldest := CASE WHEN table_name IN ('rejects', 'connections', 'unknown_devices')
		THEN least(avld.least_retention(), interval '1 day') ELSE avld.least_retention() END;
	IF before > avld.kept_from(oldest) THEN
		RAISE EXCEPTION 'avld.delete_before: rows of % up to % are younger than avld.least_retention(), which is %; the owner of'
			' the schema can lower it with avld.set_least_retention', table_name, before, oldest
			USING ERRCODE = 'insufficient_privilege';
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
	WHEN 'positions', 'statuses' THEN
		RETURN avld.delete_from_default(table_name, before, max_rows);
	ELSE
		RAISE EXCEPTION 'avld.delete_before: no retention for table %', table_name
			USING ERRCODE = 'invalid_parameter_value';
	END CASE;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

COMMENT ON FUNCTION avld.list_partitions() IS
	'Lists the partitions (TimescaleDB: chunks) of positions and statuses with their bounds, without DEFAULT.';
COMMENT ON FUNCTION avld.list_days() IS 'Used by tracks_geo: the UTC days with a partition of positions.';
COMMENT ON FUNCTION avld.ensure_partitions(date, date) IS
	'Creates missing daily partitions, first to last inclusive, at most 450 days; moves their rows out of DEFAULT. Returns '
	'the number of new partitions.';
COMMENT ON FUNCTION avld.ensure_partitions(date, date, interval) IS
	'The same; a day of positions gets partitions of 6 hours or 1 hour of its own, if that is the interval (1 day: none). The '
	'daemon calls it with database.partition_interval. Example: SELECT avld.ensure_partitions(current_date, current_date + 7, '
	'''1 hour'')';
COMMENT ON FUNCTION avld.drop_partitions(date) IS
	'Drops the daily partitions before that day (UTC). Returns how many. The role of the daemon can drop only days older than '
	'avld.least_retention().';
COMMENT ON FUNCTION avld.least_retention() IS
	'The age that positions, statuses, alarms, media and commands must have before the role of the daemon can delete them; '
	'7 days unless set. For rejects, connections and unknown_devices one day, if that is less.';
COMMENT ON FUNCTION avld.set_least_retention(interval) IS
	'Sets avld.least_retention(), 1 day or more; NULL: the default. For the owner of the schema. Best the value of '
	'database.retention. Example: SELECT avld.set_least_retention(''90 days'')';
COMMENT ON FUNCTION avld.kept_from(interval) IS
	'Used by drop_partitions and delete_before: the time from which on the caller must keep data; infinity for the owner.';
COMMENT ON FUNCTION avld.delete_from_default(text, timestamptz, integer) IS
	'Used by delete_before: deletes old rows from the DEFAULT partition of positions or statuses.';
COMMENT ON FUNCTION avld.delete_before(text, timestamptz, integer) IS
	'Deletes at most max_rows rows older than that from rejects, connections, unknown_devices, alarms, media, commands (ended '
	'ones), or from the DEFAULT partition of positions or statuses (drop_partitions drops whole days). Returns how many. '
	'Example: SELECT avld.delete_before(''rejects'', now() - interval ''30 days'')';
