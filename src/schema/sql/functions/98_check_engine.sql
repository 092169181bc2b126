-- For avld check, which the role of the daemon runs: the engine, and what would keep the daemon from storing. PostgreSQL: no rows.
CREATE OR REPLACE FUNCTION avld.check_engine(OUT severity text, OUT message text) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	engine CONSTANT text := avld.engine();
	node record;
BEGIN
	IF engine = 'timescaledb' THEN
		RETURN QUERY EXECUTE $q$
			SELECT 'ok', format('TimescaleDB %s: positions and statuses in %s chunks, %s of them compressed', e.extversion, count(c.chunk_name),
				count(c.chunk_name) FILTER (WHERE c.is_compressed))
			FROM pg_extension AS e
			LEFT JOIN timescaledb_information.chunks AS c
				ON c.hypertable_schema = 'avld' AND c.hypertable_name IN ('positions', 'statuses')
			WHERE e.extname = 'timescaledb' GROUP BY e.extversion$q$;
	ELSIF engine = 'citus' THEN
		RETURN QUERY EXECUTE $q$
			SELECT 'ok', format('Citus %s: positions and statuses in %s shards on %s nodes', (SELECT e.extversion FROM pg_extension AS e
				WHERE e.extname = 'citus'), count(DISTINCT s.shardid), count(DISTINCT p.groupid))
			FROM pg_dist_shard AS s JOIN pg_dist_placement AS p USING (shardid)
			WHERE s.logicalrelid = 'avld.positions'::regclass$q$;
		FOR node IN EXECUTE $q$
			SELECT n.nodename || ':' || n.nodeport AS name FROM pg_dist_node AS n WHERE n.noderole = 'primary' AND NOT n.isactive$q$
		LOOP
			severity := 'problem';
			message := format('node %s of Citus is not active: start it, then SELECT citus_activate_node(...) as a superuser', node.name);
			RETURN NEXT;
		END LOOP;
		FOR node IN EXECUTE $q$
			SELECT w.nodename || ':' || w.nodeport AS name, w.success, w.result
			FROM run_command_on_workers($c$
				SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')
				FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
				WHERE n.nspname = 'avld' AND c.relname = 'positions'$c$) AS w$q$
		LOOP
			CONTINUE WHEN node.success AND node.result = 't';
			severity := 'problem';
			message := CASE WHEN node.success
				THEN format('worker %s does not let %s store: as a superuser there, SET citus.enable_ddl_propagation = off; GRANT avld_writer'
					' TO %s', node.name, quote_ident(current_user), quote_ident(current_user))
				ELSE format('worker %s cannot be asked as %s: %s', node.name, quote_ident(current_user), split_part(node.result, E'\n', 1)) END;
			RETURN NEXT;
		END LOOP;
	END IF;
END
$$;

COMMENT ON FUNCTION avld.check_engine() IS 'Used by avld check: the engine, and what is wrong with its nodes.';
