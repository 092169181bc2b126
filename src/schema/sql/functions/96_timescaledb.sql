-- positions and statuses as hypertables of TimescaleDB, made on request, and back. Nothing else depends on the extension; its names
-- are used in dynamic SQL only.
--
-- A partitioned table cannot become a hypertable. So each of the two is replaced: renamed to NAME_old, made anew, filled, and the
-- old one dropped, all in one transaction.

-- What would be lost with the tables, or keep them from being dropped. Not avld's own views, which are made again.
CREATE OR REPLACE FUNCTION avld.find_dependents() RETURNS SETOF text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE family (oid) AS (
		SELECT t.name::regclass::oid FROM (VALUES ('avld.positions'), ('avld.statuses')) AS t (name)
		UNION
		SELECT i.inhrelid FROM family AS f JOIN pg_inherits AS i ON i.inhparent = f.oid
	), roots (oid) AS (
		SELECT t.name::regclass::oid FROM (VALUES ('avld.positions'), ('avld.statuses')) AS t (name)
	), own_views (oid) AS (
		SELECT to_regclass(t.name)::oid FROM (VALUES ('avld.positions_geo'), ('avld.tracks_geo')) AS t (name)
		WHERE to_regclass(t.name) IS NOT NULL
	), members (classid, oid) AS (
		SELECT 'pg_class'::regclass::oid, f.oid FROM family AS f
		UNION ALL SELECT 'pg_class'::regclass::oid, v.oid FROM own_views AS v
		UNION ALL SELECT 'pg_type'::regclass::oid, c.reltype FROM pg_class AS c
			WHERE c.oid IN (SELECT f.oid FROM family AS f UNION ALL SELECT v.oid FROM own_views AS v)
	), users AS (
		SELECT DISTINCT coalesce(r.ev_class, c.oid) AS relation, d.classid, d.objid
		FROM members AS m
		JOIN pg_depend AS d ON d.refclassid = m.classid AND d.refobjid = m.oid AND d.deptype = 'n'
		LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
		LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	)
	SELECT format('%s reads them: keep its definition to make it again, then DROP %s %s;',
		CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || c.oid::regclass,
		CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass)
	FROM (SELECT DISTINCT u.relation FROM users AS u) AS u
	JOIN pg_class AS c ON c.oid = u.relation AND c.relkind IN ('v', 'm')
	WHERE c.oid NOT IN (SELECT v.oid FROM own_views AS v)
	UNION ALL
	SELECT format('function %1$s uses their types: keep its definition to make it again, then DROP FUNCTION %1$s;', u.objid::regprocedure)
	FROM (SELECT DISTINCT u.objid FROM users AS u WHERE u.classid = 'pg_proc'::regclass) AS u
	UNION ALL
	SELECT k FROM avld.find_unfit_keys() AS k
	UNION ALL
	SELECT format('trigger %1$I of %2$s: keep its definition to make it again, then DROP TRIGGER %1$I ON %2$s;', t.tgname, t.tgrelid::regclass)
	FROM pg_trigger AS t
	WHERE t.tgrelid IN (SELECT r.oid FROM roots AS r) AND NOT t.tgisinternal AND t.tgname <> 'ts_insert_blocker'
	UNION ALL
	SELECT format('policy %1$I of %2$s: keep its definition to make it again, then DROP POLICY %1$I ON %2$s;', p.polname, p.polrelid::regclass)
	FROM pg_policy AS p WHERE p.polrelid IN (SELECT r.oid FROM roots AS r)
	UNION ALL
	SELECT format('row-level security of %1$s: ALTER TABLE %1$s DISABLE ROW LEVEL SECURITY;', c.oid::regclass)
	FROM pg_class AS c WHERE c.oid IN (SELECT r.oid FROM roots AS r) AND c.relrowsecurity
	UNION ALL
	SELECT format('publication %1$I of %2$s: ALTER PUBLICATION %1$I DROP TABLE %2$s;', b.pubname, p.prrelid::regclass)
	FROM pg_publication_rel AS p JOIN pg_publication AS b ON b.oid = p.prpubid
	WHERE p.prrelid IN (SELECT f.oid FROM family AS f)
	UNION ALL
	SELECT format('%2$s is on another server: ALTER TABLE %1$s DETACH PARTITION %2$s;', i.inhparent::regclass, c.oid::regclass)
	FROM family AS f
	JOIN pg_class AS c ON c.oid = f.oid AND c.relkind = 'f'
	JOIN pg_inherits AS i ON i.inhrelid = c.oid
$$;

-- In the order in which it has to be done.
CREATE OR REPLACE FUNCTION avld.missing_for_timescaledb() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	libraries text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
		RETURN NEXT 'TimescaleDB is not installed on this server: as root, apt-get install postgresql-'
			|| current_setting('server_version_num')::integer / 10000 || '-timescaledb';
	END IF;
	-- a setting that its library defines when the server loads it
	IF current_setting('timescaledb.disable_load', true) IS NULL THEN
		BEGIN
			libraries := nullif(current_setting('shared_preload_libraries'), '');
		EXCEPTION WHEN insufficient_privilege THEN
			libraries := '...'; -- what is there already
		END;
		RETURN NEXT format('its library is not loaded: as a superuser, ALTER SYSTEM SET shared_preload_libraries = %s; then restart'
			' PostgreSQL', concat_ws(', ', libraries, 'timescaledb'));
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
		RETURN NEXT format('the extension is not in database %I: as a superuser or its owner, CREATE EXTENSION timescaledb;', current_database());
	END IF;
	IF avld.engine() = 'citus' THEN
		RETURN NEXT 'Citus keeps the tables: SELECT avld.disable_citus();';
	ELSIF avld.engine() = 'postgresql' THEN
		RETURN QUERY SELECT * FROM avld.find_dependents();
	END IF;
END
$$;

-- Renames the table to NAME_old and makes an empty one of the same columns, checks, comments, owner and rights. Returns the
-- statements for its keys and indexes: their names are free once the old table is dropped.
CREATE OR REPLACE FUNCTION avld.replace_table(name text, partition_by text) RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old CONSTANT regclass := format('avld.%I', name)::regclass;
	statements text[];
	item record;
BEGIN
	statements := ARRAY(
		SELECT format('ALTER TABLE avld.%I ADD CONSTRAINT %I %s', name, c.conname, pg_get_constraintdef(c.oid))
		FROM pg_constraint AS c WHERE c.conrelid = old AND c.contype IN ('p', 'u') ORDER BY c.contype)
		|| ARRAY(
		SELECT replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
		FROM pg_index AS i
		WHERE i.indrelid = old AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.conrelid = old)
		ORDER BY i.indexrelid);
	EXECUTE format('ALTER TABLE avld.%I RENAME TO %I', name, name || '_old');
	EXECUTE format('CREATE TABLE avld.%I (LIKE avld.%I INCLUDING ALL EXCLUDING INDEXES) %s', name, name || '_old', partition_by);
	EXECUTE format('COMMENT ON TABLE avld.%I IS %L', name, obj_description(old, 'pg_class'));
	SELECT c.relowner::regrole AS role, c.relacl AS rights INTO item FROM pg_class AS c WHERE c.oid = old;
	EXECUTE format('ALTER TABLE avld.%I OWNER TO %s', name, item.role);
	FOR item IN
		SELECT format('GRANT %s%s ON avld.%I TO %s%s', a.privilege_type, r.columns, name,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
		FROM (
			SELECT c.relacl AS rights, '' AS columns, c.relowner AS owner FROM pg_class AS c WHERE c.oid = old
			UNION ALL
			SELECT t.attacl, format(' (%I)', t.attname), 0 FROM pg_attribute AS t
			WHERE t.attrelid = old AND t.attnum > 0 AND NOT t.attisdropped
		) AS r
		CROSS JOIN LATERAL aclexplode(r.rights) AS a
		WHERE a.grantee <> r.owner
	LOOP
		EXECUTE item.statement;
	END LOOP;
	RETURN statements;
END
$$;

-- Moves the rows of avld.NAME_old of the range start to ends, or all rows of one of its partitions, and reports progress.
CREATE OR REPLACE FUNCTION avld.move_rows(name text, source text, progress text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text; -- their order may differ
	moved bigint;
BEGIN
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
	FROM pg_attribute AS a
	WHERE a.attrelid = format('avld.%I', name)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
	EXECUTE format('INSERT INTO avld.%I (%s) SELECT %s FROM %s', name, columns, columns, source);
	GET DIAGNOSTICS moved = ROW_COUNT;
	RAISE NOTICE 'avld.%: % rows of %', name, moved, progress;
	RETURN moved;
END
$$;

-- Columnstore where the licence has it. Returns what was done, as text.
CREATE OR REPLACE FUNCTION avld.set_columnstore(compress_after interval) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	IF current_setting('timescaledb.license') <> 'timescale' THEN
		RETURN 'no columnstore: this TimescaleDB has features of the Apache licence only, as Debian''s package; rows are stored as they are';
	END IF;
	FOR item IN
		SELECT t.name, t.key FROM (VALUES ('positions', 'fixed_at'), ('statuses', 'reported_at')) AS t (name, key)
	LOOP
		IF avld.has_columnstore(item.name) IS NOT TRUE THEN
			EXECUTE format('ALTER TABLE avld.%I SET (timescaledb.compress, timescaledb.compress_segmentby = ''device_id'','
				' timescaledb.compress_orderby = %L)', item.name, item.key || ', dedup');
		END IF;
		EXECUTE format('SELECT %s.remove_compression_policy(%L, if_exists => true)', avld.timescaledb_schema(), 'avld.' || item.name);
		IF compress_after IS NOT NULL THEN
			EXECUTE format('SELECT %s.add_compression_policy(%L, $1)', avld.timescaledb_schema(), 'avld.' || item.name) USING compress_after;
		END IF;
	END LOOP;
	RETURN CASE WHEN compress_after IS NULL THEN 'columnstore without a policy: chunks are compressed when you call compress_chunk'
		ELSE format('columnstore: a job of TimescaleDB compresses chunks older than %s', compress_after) END;
END
$$;

CREATE OR REPLACE FUNCTION avld.has_columnstore(name text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found boolean;
BEGIN
	EXECUTE 'SELECT h.compression_enabled FROM timescaledb_information.hypertables AS h'
		' WHERE h.hypertable_schema = ''avld'' AND h.hypertable_name = $1' INTO found USING name;
	RETURN found;
END
$$;

-- Makes one table a hypertable. Chunks of a day begin at midnight UTC, as partitions do.
CREATE OR REPLACE FUNCTION avld.make_hypertable(name text, key text, chunk_interval interval) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
DECLARE
	statement text;
	statements text[];
	parts regclass[];
	moved bigint := 0;
BEGIN
	parts := ARRAY(
		SELECT t.relid FROM pg_partition_tree(format('avld.%I', name)::regclass) AS t
		WHERE t.isleaf AND t.level > 0 ORDER BY t.relid::text);
	statements := avld.replace_table(name, '');
	EXECUTE format('SELECT FROM %1$s.create_hypertable(%2$L, %1$s.by_range(%3$L, $1), create_default_indexes => false)',
		avld.timescaledb_schema(), 'avld.' || name, key) USING chunk_interval;
	FOR i IN 1 .. cardinality(parts) LOOP
		moved := moved + avld.move_rows(name, parts[i]::text, format('%s (%s of %s)', parts[i], i, cardinality(parts)));
	END LOOP;
	EXECUTE format('DROP TABLE avld.%I', name || '_old');
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
	RETURN format('%s is a hypertable with chunks of %s; rows moved: %s', name, chunk_interval, moved);
END
$$;

CREATE OR REPLACE FUNCTION avld.enable_timescaledb(compress_after interval DEFAULT '7 days', chunk_interval interval DEFAULT '1 day')
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	with_views CONSTANT boolean := to_regclass('avld.positions_geo') IS NOT NULL;
BEGIN
	IF chunk_interval IS NULL OR chunk_interval NOT BETWEEN interval '1 hour' AND interval '31 days' OR compress_after < interval '0' THEN
		RAISE EXCEPTION 'avld.enable_timescaledb: chunk_interval (%) must be 1 hour to 31 days, compress_after (%) not negative',
			chunk_interval, compress_after USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM avld.refuse_others('enable_timescaledb');
	PERFORM avld.refuse_missing('enable_timescaledb', ARRAY(SELECT avld.missing_for_timescaledb()));
	IF avld.engine() = 'timescaledb' THEN
		EXECUTE format('SELECT %1$s.set_chunk_time_interval(''avld.positions'', $1), %1$s.set_chunk_time_interval(''avld.statuses'', $1)',
			avld.timescaledb_schema()) USING chunk_interval;
		RETURN NEXT format('positions and statuses are hypertables; new chunks have %s', chunk_interval);
	ELSE
		PERFORM pg_advisory_xact_lock(1635151972, 2); -- no partitions are made meanwhile
		LOCK TABLE avld.checkpoint, avld.positions, avld.statuses IN ACCESS EXCLUSIVE MODE; -- as a batch of the daemon does
		IF with_views THEN
			DROP VIEW avld.positions_geo, avld.tracks_geo;
		END IF;
		RETURN NEXT avld.make_hypertable('positions', 'fixed_at', chunk_interval);
		RETURN NEXT avld.make_hypertable('statuses', 'reported_at', chunk_interval);
		PERFORM avld.grant_rights();
		IF with_views THEN
			PERFORM avld.enable_postgis();
		END IF;
	END IF;
	RETURN NEXT avld.set_columnstore(compress_after);
	RETURN NEXT 'retention: database.retention of the daemon, which drops whole chunks';
END
$$;

-- Makes one hypertable a table partitioned by day again. The days of its rows get partitions when both tables are there.
CREATE OR REPLACE FUNCTION avld.refill_table(name text, key text, statements text[], starts timestamptz[], ends timestamptz[])
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
DECLARE
	statement text;
	moved bigint := 0;
BEGIN
	FOR i IN 1 .. cardinality(starts) LOOP
		moved := moved + avld.move_rows(name, format('avld.%1$I WHERE %2$I >= %3$L AND %2$I < %4$L', name || '_old', key, starts[i], ends[i]),
			format('%s to %s (%s of %s)', starts[i], ends[i], i, cardinality(starts)));
	END LOOP;
	EXECUTE format('DROP TABLE avld.%I', name || '_old');
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
	RETURN format('%s is partitioned by day; rows moved: %s', name, moved);
END
$$;

CREATE OR REPLACE FUNCTION avld.disable_timescaledb() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
DECLARE
	with_views CONSTANT boolean := to_regclass('avld.positions_geo') IS NOT NULL;
	item record;
	chunks record;
	statements jsonb := '{}';
BEGIN
	PERFORM avld.refuse_others('disable_timescaledb');
	IF avld.engine() <> 'timescaledb' THEN
		RETURN NEXT 'positions and statuses are no hypertables: nothing to do';
		RETURN;
	END IF;
	PERFORM avld.refuse_missing('disable_timescaledb', ARRAY(SELECT avld.find_dependents()));
	PERFORM pg_advisory_xact_lock(1635151972, 2);
	LOCK TABLE avld.checkpoint, avld.positions, avld.statuses IN ACCESS EXCLUSIVE MODE; -- as a batch of the daemon does
	IF with_views THEN
		DROP VIEW avld.positions_geo, avld.tracks_geo;
	END IF;
	CREATE TEMP TABLE avld_chunks ON COMMIT DROP AS
		SELECT c.relname::text AS name, p.starts_at, p.ends_at
		FROM avld.list_partitions() AS p JOIN pg_class AS c ON c.oid = p.parent;
	FOR item IN
		SELECT t.name, t.key FROM (VALUES ('positions', 'fixed_at'), ('statuses', 'reported_at')) AS t (name, key)
	LOOP
		statements := statements || jsonb_build_object(item.name,
			avld.replace_table(item.name, format('PARTITION BY RANGE (%I)', item.key)));
		EXECUTE format('CREATE TABLE avld.%I PARTITION OF avld.%I DEFAULT', item.name || '_default', item.name);
		EXECUTE format('COMMENT ON TABLE avld.%I IS %L', item.name || '_default',
			'Rows whose day has no partition; avld.ensure_partitions moves them.');
	END LOOP;
	PERFORM avld.ensure_partitions(t.day::date, t.day::date)
	FROM (
		SELECT DISTINCT generate_series(date_trunc('day', c.starts_at), c.ends_at - interval '1 us', interval '1 day') AS day
		FROM pg_temp.avld_chunks AS c ORDER BY 1
	) AS t;
	FOR item IN
		SELECT t.name, t.key FROM (VALUES ('positions', 'fixed_at'), ('statuses', 'reported_at')) AS t (name, key)
	LOOP
		SELECT coalesce(array_agg(c.starts_at ORDER BY c.starts_at), '{}') AS starts,
			coalesce(array_agg(c.ends_at ORDER BY c.starts_at), '{}') AS ends INTO chunks
		FROM pg_temp.avld_chunks AS c WHERE c.name = item.name;
		RETURN NEXT avld.refill_table(item.name, item.key, ARRAY(SELECT jsonb_array_elements_text(statements -> item.name)),
			chunks.starts, chunks.ends);
	END LOOP;
	DROP TABLE pg_temp.avld_chunks;
	PERFORM avld.grant_rights();
	IF with_views THEN
		PERFORM avld.enable_postgis();
	END IF;
END
$$;

COMMENT ON FUNCTION avld.enable_timescaledb(interval, interval) IS
	'Makes positions and statuses hypertables of TimescaleDB, with all their rows, and sets when chunks are compressed (where the '
	'licence allows; NULL: never by itself). If something is missing it changes nothing and lists what to do. May be called again. '
	'For the owner of the schema. Example: SELECT avld.enable_timescaledb(compress_after => ''7 days'')';
COMMENT ON FUNCTION avld.disable_timescaledb() IS
	'Makes positions and statuses tables of PostgreSQL again, partitioned by day, with all their rows. For the owner of the schema. '
	'Example: SELECT avld.disable_timescaledb()';
COMMENT ON FUNCTION avld.missing_for_timescaledb() IS 'Used by enable_timescaledb: what has to be done first, with the statements.';
COMMENT ON FUNCTION avld.find_dependents() IS
	'Used by enable_timescaledb and disable_timescaledb: what would be lost with positions and statuses, with the statements.';
COMMENT ON FUNCTION avld.replace_table(text, text) IS
	'Used by enable_timescaledb and disable_timescaledb: renames a table and makes an empty one like it. Returns the statements for its indexes.';
COMMENT ON FUNCTION avld.move_rows(text, text, text) IS 'Used by enable_timescaledb and disable_timescaledb: copies rows, reports how many.';
COMMENT ON FUNCTION avld.set_columnstore(interval) IS 'Used by enable_timescaledb: compression, where the licence has it.';
COMMENT ON FUNCTION avld.has_columnstore(text) IS 'Used by enable_timescaledb: whether a hypertable can be compressed.';
COMMENT ON FUNCTION avld.make_hypertable(text, text, interval) IS 'Used by enable_timescaledb: replaces one table.';
COMMENT ON FUNCTION avld.refill_table(text, text, text[], timestamptz[], timestamptz[]) IS 'Used by disable_timescaledb: fills one table.';
