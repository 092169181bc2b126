-- positions and statuses distributed over the nodes of Citus by device, made on request, and back. All other tables stay on the
-- coordinator; they are entered in Citus's metadata, so that every node can read them. Citus's names are used in dynamic SQL only.

-- What each worker lacks: the roles of the daemon, of readers and operators, their memberships, and PostGIS if there are views that
-- use it. Citus sends roles that are made after the nodes were added, but not those from before; without them a shard refuses the
-- daemon with 42501.
CREATE OR REPLACE FUNCTION avld.missing_on_workers() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	node record;
	missing text[];
BEGIN
	FOR node IN EXECUTE $q$
		SELECT w.nodename || ':' || w.nodeport AS name, w.result::jsonb -> 'roles' AS roles, w.result::jsonb -> 'members' AS members,
			w.result::jsonb -> 'extensions' AS extensions
		FROM run_command_on_workers($c$
			SELECT json_build_object('roles', (SELECT json_agg(r.rolname) FROM pg_roles AS r),
				'members', (SELECT json_agg(m.roleid::regrole || ' TO ' || m.member::regrole) FROM pg_auth_members AS m),
				'extensions', (SELECT json_agg(e.extname) FROM pg_extension AS e))
			$c$) AS w WHERE w.success$q$
	LOOP
		missing := ARRAY(
			SELECT format('CREATE ROLE %I%s', r.rolname, CASE WHEN r.rolcanlogin THEN ' LOGIN' ELSE '' END)
			FROM pg_roles AS r
			WHERE NOT node.roles ? r.rolname AND (r.rolname IN ('avld_writer', 'avld_reader', 'avld_operator') OR EXISTS (
				SELECT FROM pg_auth_members AS m
				WHERE m.member = r.oid AND m.roleid::regrole::text IN ('avld_writer', 'avld_reader', 'avld_operator')))
			ORDER BY r.rolcanlogin, r.rolname)
			|| ARRAY(
			SELECT 'GRANT ' || t.what
			FROM pg_auth_members AS m
			CROSS JOIN LATERAL (SELECT m.roleid::regrole || ' TO ' || m.member::regrole) AS t (what)
			WHERE m.roleid::regrole::text IN ('avld_writer', 'avld_reader', 'avld_operator')
				AND NOT coalesce(node.members, '[]') ? t.what
			ORDER BY 1);
		IF to_regclass('avld.positions_geo') IS NOT NULL AND NOT node.extensions ? 'postgis' THEN
			missing := missing || 'CREATE EXTENSION postgis'::text;
		END IF;
		IF missing <> '{}' THEN
			RETURN NEXT format('worker %s lacks what this node has: as a superuser there, in database %I, SET citus.enable_ddl_propagation ='
				' off; %s;', node.name, current_database(), array_to_string(missing, '; '));
		END IF;
	END LOOP;
END
$$;

-- Of the two tables: what Citus cannot distribute.
CREATE OR REPLACE FUNCTION avld.find_undistributable() RETURNS SETOF text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH roots (oid) AS (
		SELECT t.name::regclass::oid FROM (VALUES ('avld.positions'), ('avld.statuses')) AS t (name)
	), parts AS (
		SELECT t.relid AS oid, t.parentrelid AS parent, c.relkind FROM roots AS r
		CROSS JOIN LATERAL pg_partition_tree(r.oid) AS t JOIN pg_class AS c ON c.oid = t.relid
		WHERE t.level = 1
	)
	SELECT k FROM avld.find_unfit_keys() AS k
	UNION ALL
	SELECT format('trigger %1$I of %2$s: DROP TRIGGER %1$I ON %2$s;', t.tgname, t.tgrelid::regclass)
	FROM pg_trigger AS t WHERE t.tgrelid IN (SELECT r.oid FROM roots AS r) AND NOT t.tgisinternal
	UNION ALL
	SELECT format('policy %1$I of %2$s: DROP POLICY %1$I ON %2$s;', p.polname, p.polrelid::regclass)
	FROM pg_policy AS p WHERE p.polrelid IN (SELECT r.oid FROM roots AS r)
	UNION ALL
	SELECT format('%2$s is on another server: ALTER TABLE %1$s DETACH PARTITION %2$s;', p.parent::regclass, p.oid::regclass)
	FROM parts AS p WHERE p.relkind = 'f'
	UNION ALL
	SELECT format('%2$s has partitions of its own, which Citus does not know: BEGIN; ALTER TABLE %1$s DETACH PARTITION %2$s; CREATE TABLE '
		'avld.whole_day (LIKE %2$s INCLUDING ALL); INSERT INTO avld.whole_day SELECT * FROM %2$s; DROP TABLE %2$s; ALTER TABLE avld.whole_day '
		'RENAME TO %3$I; ALTER TABLE %1$s ATTACH PARTITION %2$s %4$s; COMMIT;', p.parent::regclass, p.oid::regclass, c.relname,
		pg_get_expr(c.relpartbound, c.oid))
	FROM parts AS p JOIN pg_class AS c ON c.oid = p.oid WHERE p.relkind = 'p'
$$;

-- Whether the nodes are fit, asked in the order in which an answer makes sense.
CREATE OR REPLACE FUNCTION avld.find_unfit_nodes() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	node record;
	found integer;
BEGIN
	EXECUTE 'SELECT l.groupid FROM pg_dist_local_group AS l' INTO found;
	IF found <> 0 THEN
		EXECUTE 'SELECT n.nodename || '':'' || n.nodeport AS name FROM pg_dist_node AS n WHERE n.groupid = 0' INTO node;
		RETURN NEXT format('this is a worker: call it on the coordinator, %s', node.name);
		RETURN;
	END IF;
	EXECUTE 'SELECT count(*) FROM pg_dist_node AS n WHERE n.groupid = 0' INTO found;
	IF found = 0 THEN
		RETURN NEXT format('workers do not know this node: as a superuser, with the address that they reach it by, SELECT'
			' citus_set_coordinator_host(%L, %s);', coalesce(host(inet_server_addr()), 'HOST'), current_setting('port'));
	END IF;
	FOR node IN EXECUTE 'SELECT n.nodename, n.nodeport FROM pg_dist_node AS n WHERE n.groupid <> 0 AND n.noderole = ''primary'' AND NOT n.isactive'
	LOOP
		RETURN NEXT format('worker %s:%s is not active: as a superuser, SELECT citus_activate_node(%L, %s);',
			node.nodename, node.nodeport, node.nodename, node.nodeport);
	END LOOP;
	EXECUTE 'SELECT count(*) FROM pg_dist_node AS n WHERE n.noderole = ''primary'' AND n.shouldhaveshards' INTO found;
	IF found = 0 THEN
		RETURN NEXT 'no node takes shards: as a superuser, for each worker, SELECT citus_add_node(''HOST'', 5432);';
	END IF;
	FOR node IN EXECUTE 'SELECT w.nodename || '':'' || w.nodeport AS name, w.success, w.result FROM run_command_on_workers('
		'''SELECT current_setting($s$max_prepared_transactions$s$)'') AS w'
	LOOP
		IF NOT node.success THEN
			RETURN NEXT format('%s cannot ask worker %s (%s): let it in, in pg_hba.conf of the worker and .pgpass of this node', current_user,
				node.name, split_part(node.result, E'\n', 1));
		ELSIF node.result = '0' THEN
			RETURN NEXT format('worker %s: as a superuser there, ALTER SYSTEM SET max_prepared_transactions = 200; then restart it', node.name);
		END IF;
	END LOOP;
	RETURN QUERY SELECT avld.missing_on_workers();
END
$$;

-- In the order in which it has to be done.
CREATE OR REPLACE FUNCTION avld.missing_for_citus() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	engine CONSTANT text := avld.engine();
BEGIN
	IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus') THEN
		RETURN NEXT 'Citus is not installed on this server: install it on every node';
	END IF;
	-- a setting that its library defines when the server loads it
	IF current_setting('citus.shard_count', true) IS NULL THEN
		RETURN NEXT 'its library is not loaded: on every node, as a superuser, ALTER SYSTEM SET shared_preload_libraries = citus;'
			' (the first one, if there are others) then restart PostgreSQL';
	END IF;
	IF current_setting('max_prepared_transactions') = '0' THEN
		RETURN NEXT 'no transactions over several nodes: on every node, as a superuser, ALTER SYSTEM SET max_prepared_transactions = 200;'
			' then restart PostgreSQL';
	END IF;
	IF engine = 'timescaledb' THEN
		RETURN NEXT 'TimescaleDB keeps the tables: SELECT avld.disable_timescaledb();';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
		RETURN NEXT format('the extension is not in database %1$I: as a superuser, on every node, in a database of the name %1$I,'
			' CREATE EXTENSION citus;', current_database());
	ELSE
		RETURN QUERY SELECT avld.find_unfit_nodes();
	END IF;
	IF engine = 'postgresql' THEN
		RETURN QUERY SELECT avld.find_undistributable();
	END IF;
	IF NOT avld.is_sequential() AND NOT (SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database AS d WHERE d.datname = current_database()) THEN
		RETURN NEXT format('each commit would open a connection for every shard: as the owner of the database, ALTER DATABASE %I SET'
			' citus.multi_shard_modify_mode = ''sequential'';', current_database());
	END IF;
END
$$;

-- Whether the database tells its sessions to use one connection for each node, not for each shard: three times as fast.
CREATE OR REPLACE FUNCTION avld.is_sequential() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
		WHERE d.datname = current_database() AND s.setrole = 0 AND 'citus.multi_shard_modify_mode=sequential' = ANY (s.setconfig))
$$;

-- The tables of avld that Citus knows (or does not know), each with its identity column, if it has one.
CREATE OR REPLACE FUNCTION avld.list_tables(in_citus boolean, OUT name text, OUT identity_column text) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE $q$
		SELECT c.oid::regclass::text, (SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attidentity <> '')
		FROM pg_class AS c
		WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND pg_has_role(c.relowner, 'USAGE')
			AND $1 = EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = c.oid)
			AND NOT EXISTS (SELECT FROM pg_dist_shard AS s WHERE c.relname = (parse_ident(s.logicalrelid::text))[2] || '_' || s.shardid)
		ORDER BY c.relname$q$ USING in_citus;
END
$$;

-- Enters tables that are not yet in Citus's metadata. Returns how many. Citus makes the table anew in front of the old one, which
-- becomes its shard: a sequence begins again at 1, and is set to where it was.
CREATE OR REPLACE FUNCTION avld.add_local_tables() RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	last record;
	added integer := 0;
BEGIN
	FOR item IN SELECT t.name, t.identity_column AS key FROM avld.list_tables(false) AS t LOOP
		IF item.key IS NOT NULL THEN
			EXECUTE format('SELECT s.last_value, s.is_called FROM %s AS s', pg_get_serial_sequence(item.name, item.key)) INTO last;
		END IF;
		EXECUTE format('SELECT citus_add_local_table_to_metadata(%L)', item.name);
		IF item.key IS NOT NULL THEN
			PERFORM setval(pg_get_serial_sequence(item.name, item.key), last.last_value, last.is_called);
		END IF;
		added := added + 1;
	END LOOP;
	RETURN added;
END
$$;

-- Takes one table back from Citus, which makes it anew. Citus refuses to do so with an identity column: that is dropped on this node
-- before, and added after.
CREATE OR REPLACE FUNCTION avld.take_table_back(name text, identity_column text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
BEGIN
	IF identity_column IS NOT NULL THEN
		EXECUTE format('SELECT s.last_value, s.is_called FROM %s AS s', pg_get_serial_sequence(name, identity_column)) INTO last;
		PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY', name, identity_column);
		PERFORM set_config('citus.enable_ddl_propagation', 'on', true);
	END IF;
	EXECUTE format('SELECT undistribute_table(%L)', name);
	IF identity_column IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I ADD GENERATED ALWAYS AS IDENTITY', name, identity_column);
		PERFORM setval(pg_get_serial_sequence(name, identity_column), last.last_value, last.is_called);
	END IF;
END
$$;

-- The comments on tables, views and their columns, as statements: Citus makes tables and views anew without them.
CREATE OR REPLACE FUNCTION avld.list_comments() RETURNS SETOF text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN a.attname IS NULL
		THEN format('COMMENT ON %s %s IS %L', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::regclass, d.description)
		ELSE format('COMMENT ON COLUMN %s.%I IS %L', c.oid::regclass, a.attname, d.description) END
	FROM pg_class AS c
	JOIN pg_description AS d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid
	LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
	WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND pg_has_role(c.relowner, 'USAGE')
$$;

CREATE OR REPLACE FUNCTION avld.restore_comments(comments text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item text;
BEGIN
	FOR item IN SELECT unnest(comments) EXCEPT SELECT avld.list_comments() LOOP
		EXECUTE item;
	END LOOP;
END
$$;

-- Functions that queries may use beside the rows of positions, such as distance_km, run on the workers. From then on Citus sends each
-- new version of them.
CREATE OR REPLACE FUNCTION avld.share_functions() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item regprocedure;
BEGIN
	FOR item IN
		SELECT p.oid FROM pg_proc AS p
		WHERE p.pronamespace = 'avld'::regnamespace AND p.provolatile = 'i' AND pg_has_role(p.proowner, 'USAGE') ORDER BY 1
	LOOP
		EXECUTE format('SELECT create_distributed_function(%L)', item);
	END LOOP;
END
$$;

-- Few shards a node: each costs a statement in every commit.
CREATE OR REPLACE FUNCTION avld.enable_citus(shards integer DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = notice
AS $$
DECLARE
	with_views CONSTANT boolean := to_regclass('avld.positions_geo') IS NOT NULL;
	comments CONSTANT text[] := ARRAY(SELECT avld.list_comments());
	nodes integer;
BEGIN
	IF shards NOT BETWEEN 1 AND 1024 THEN
		RAISE EXCEPTION 'avld.enable_citus: shards (%) must be 1 to 1024', shards USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM avld.refuse_others('enable_citus');
	PERFORM avld.refuse_missing('enable_citus', ARRAY(SELECT avld.missing_for_citus()));
	-- each batch of the daemon begins with this table: in another order, each would wait for the other
	LOCK TABLE avld.checkpoint IN ACCESS EXCLUSIVE MODE;
	PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
	IF NOT avld.is_sequential() THEN
		EXECUTE format('ALTER DATABASE %I SET citus.multi_shard_modify_mode = ''sequential''', current_database());
		RETURN NEXT 'sequential mode is set for new sessions of this database: restart avld';
	END IF;
	IF avld.engine() = 'citus' THEN
		EXECUTE 'SELECT count(*) FROM pg_dist_shard AS s WHERE s.logicalrelid = ''avld.positions''::regclass' INTO shards;
		RETURN NEXT format('positions and statuses are distributed by device, %s shards', shards);
	ELSE
		EXECUTE 'SELECT count(*) FROM pg_dist_node AS n WHERE n.noderole = ''primary'' AND n.shouldhaveshards' INTO nodes;
		shards := coalesce(shards, 2 * nodes);
		PERFORM pg_advisory_xact_lock(1635151972, 2); -- no partitions are made meanwhile
		RAISE NOTICE 'distributing % of positions and statuses', (SELECT pg_size_pretty(sum(pg_total_relation_size(t.relid)))
			FROM (VALUES ('avld.positions'), ('avld.statuses')) AS r (name), LATERAL pg_partition_tree(r.name::regclass) AS t);
		PERFORM set_config('client_min_messages', 'warning', true); -- Citus has four lines for each partition with rows
		EXECUTE 'SELECT create_distributed_table(''avld.positions'', ''device_id'', shard_count => $1, colocate_with => ''none'')' USING shards;
		EXECUTE 'SELECT create_distributed_table(''avld.statuses'', ''device_id'', colocate_with => ''avld.positions'')';
		EXECUTE 'SELECT truncate_local_data_after_distributing_table(t.name::regclass) FROM (VALUES (''avld.positions''), (''avld.statuses'')) AS t (name)';
		RETURN NEXT format('positions and statuses are distributed by device, %s shards on %s nodes', shards, nodes);
	END IF;
	PERFORM set_config('client_min_messages', 'warning', true);
	RETURN NEXT format('tables of the coordinator that all nodes can read: %s new', avld.add_local_tables());
	PERFORM avld.share_functions();
	IF with_views THEN
		PERFORM avld.enable_postgis();
	END IF;
	PERFORM avld.restore_comments(comments);
	PERFORM avld.grant_rights();
END
$$;

CREATE OR REPLACE FUNCTION avld.disable_citus() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = error -- Citus warns of each view that it cannot send for the moment
AS $$
DECLARE
	with_views CONSTANT boolean := to_regclass('avld.positions_geo') IS NOT NULL;
	comments CONSTANT text[] := ARRAY(SELECT avld.list_comments());
	tables integer := 0;
	item record;
BEGIN
	PERFORM avld.refuse_others('disable_citus');
	IF avld.engine() <> 'citus' THEN
		RETURN NEXT 'positions and statuses are not distributed: nothing to do';
		RETURN;
	END IF;
	LOCK TABLE avld.checkpoint IN ACCESS EXCLUSIVE MODE; -- as in enable_citus
	PERFORM pg_advisory_xact_lock(1635151972, 2);
	PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
	FOR item IN SELECT * FROM avld.list_tables(true) LOOP
		PERFORM avld.take_table_back(item.name, item.identity_column);
		tables := tables + 1;
	END LOOP;
	RETURN NEXT format('tables of this node only, with all their rows: %s', tables);
	IF with_views THEN
		PERFORM avld.enable_postgis();
	END IF;
	PERFORM avld.restore_comments(comments);
	PERFORM avld.grant_rights();
	IF avld.is_sequential() THEN
		RETURN NEXT format('left as it is, of no effect: citus.multi_shard_modify_mode; to remove it: ALTER DATABASE %I RESET'
			' citus.multi_shard_modify_mode;', current_database());
	END IF;
END
$$;

COMMENT ON FUNCTION avld.enable_citus(integer) IS
	'On the coordinator of Citus: distributes positions and statuses over the nodes by device, with all their rows (shards: NULL: two '
	'for each node), and lets every node read the other tables. If something is missing it changes nothing and lists what to do. May '
	'be called again. For the owner of the schema. Example: SELECT avld.enable_citus()';
COMMENT ON FUNCTION avld.disable_citus() IS
	'Brings all rows of positions and statuses back to the coordinator. For the owner of the schema. Example: SELECT avld.disable_citus()';
COMMENT ON FUNCTION avld.missing_for_citus() IS 'Used by enable_citus: what has to be done first, with the statements.';
COMMENT ON FUNCTION avld.missing_on_workers() IS 'Used by enable_citus: roles, memberships and extensions that workers lack.';
COMMENT ON FUNCTION avld.find_undistributable() IS 'Used by enable_citus: what Citus cannot distribute, with the statements.';
COMMENT ON FUNCTION avld.find_unfit_nodes() IS 'Used by enable_citus: what is wrong with the nodes, with the statements.';
COMMENT ON FUNCTION avld.is_sequential() IS 'Used by enable_citus: whether sessions use one connection for each node.';
COMMENT ON FUNCTION avld.list_tables(boolean) IS 'Used by enable_citus and disable_citus: the tables that Citus knows, or does not know.';
COMMENT ON FUNCTION avld.take_table_back(text, text) IS 'Used by disable_citus: takes one table out of Citus.';
COMMENT ON FUNCTION avld.list_comments() IS 'Used by enable_citus and disable_citus: the comments of tables and views, as statements.';
COMMENT ON FUNCTION avld.restore_comments(text[]) IS 'Used by enable_citus and disable_citus: makes comments that are missing.';
COMMENT ON FUNCTION avld.share_functions() IS 'Used by enable_citus: makes functions that queries use beside rows on all nodes.';
COMMENT ON FUNCTION avld.add_local_tables() IS 'Used by enable_citus: enters tables in the metadata of Citus.';
