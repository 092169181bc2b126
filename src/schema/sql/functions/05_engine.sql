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

COMMENT ON FUNCTION avld.engine() IS
	'What keeps positions and statuses: postgresql (partitions by day), citus (distributed by device), timescaledb (hypertables).';
COMMENT ON FUNCTION avld.timescaledb_schema() IS 'Used by drop_partitions and enable_timescaledb: the schema of the extension.';
