-- Which engine keeps positions and statuses. What differs between engines asks here; all else is one SQL for all of them.
-- Names of an extension's objects are used in dynamic SQL only: this file is applied where no extension is.

-- Not by the extension alone: it may serve other tables of this database.
CREATE OR REPLACE FUNCTION avld.engine() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	is_its_own boolean;
BEGIN
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition AS d WHERE d.logicalrelid = ''avld.positions''::regclass'
			' AND d.partmethod = ''h'')' INTO is_its_own;
		IF is_its_own THEN
			RETURN 'citus';
		END IF;
	END IF;
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM timescaledb_information.hypertables AS h WHERE h.hypertable_schema = ''avld'''
			' AND h.hypertable_name = ''positions'')' INTO is_its_own;
		IF is_its_own THEN
			RETURN 'timescaledb';
		END IF;
	END IF;
	RETURN 'postgresql';
END
$$;

-- The schema of the extension: its functions cannot be called without.
CREATE OR REPLACE FUNCTION avld.timescaledb_schema() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
	WHERE e.extname = 'timescaledb'
$$;

-- Refuses to begin with something missing. items: each ends with the statement that mends it.
CREATE OR REPLACE FUNCTION avld.refuse_missing(caller text, items text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF cardinality(items) > 0 THEN
		RAISE EXCEPTION 'avld.%: something else has to be done first; nothing was changed', caller
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = array_to_string(items, E'\n'),
				HINT = 'Do this, in that order, then call it again.';
	END IF;
END
$$;

-- Who may not change the tables is told so before anything else is looked at.
CREATE OR REPLACE FUNCTION avld.refuse_others(caller text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner text;
BEGIN
	SELECT pg_get_userbyid(c.relowner) INTO owner
	FROM pg_class AS c
	WHERE c.oid IN ('avld.positions'::regclass, 'avld.statuses'::regclass) AND NOT pg_has_role(c.relowner, 'USAGE')
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'avld.%: positions and statuses belong to %: call it as that role', caller, owner
			USING ERRCODE = 'insufficient_privilege';
	END IF;
END
$$;

-- Keys of the two tables that no engine but PostgreSQL takes, and those that are missing.
CREATE OR REPLACE FUNCTION avld.find_unfit_keys() RETURNS SETOF text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH roots (oid) AS (
		SELECT t.name::regclass::oid FROM (VALUES ('avld.positions'), ('avld.statuses')) AS t (name)
	)
	SELECT format('foreign key %1$I of %2$s: ALTER TABLE %2$s DROP CONSTRAINT %1$I;', c.conname, c.conrelid::regclass)
	FROM pg_constraint AS c
	WHERE c.contype = 'f' AND c.conparentid = 0 AND (c.conrelid IN (SELECT r.oid FROM roots AS r) OR c.confrelid IN (SELECT r.oid FROM roots AS r))
	UNION ALL
	SELECT format('%1$s has no primary key: ALTER TABLE %1$s ADD PRIMARY KEY (device_id, %2$I, dedup);', r.oid::regclass,
		CASE r.oid::regclass::text WHEN 'avld.positions' THEN 'fixed_at' ELSE 'reported_at' END)
	FROM roots AS r
	WHERE NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = r.oid AND c.contype = 'p')
$$;

COMMENT ON FUNCTION avld.engine() IS
	'What keeps positions and statuses: postgresql (partitions by day), citus (distributed by device), timescaledb (hypertables).';
COMMENT ON FUNCTION avld.timescaledb_schema() IS 'Used by drop_partitions and enable_timescaledb: the schema of the extension.';
COMMENT ON FUNCTION avld.refuse_missing(text, text[]) IS 'Used by enable_timescaledb and enable_citus: an error if there are items.';
COMMENT ON FUNCTION avld.refuse_others(text) IS 'Used by enable_timescaledb and enable_citus: an error unless the caller owns the tables.';
COMMENT ON FUNCTION avld.find_unfit_keys() IS
	'Used by enable_timescaledb and enable_citus: keys that stand in the way, with the statements.';
