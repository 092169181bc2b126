-- Rights of the roles avld_writer, avld_reader and avld_operator. The last file: it grants what all others created.

-- Grants rights on tables, not on partitions: access through the table needs none on its partitions. Readers get every table and
-- view except devices.secret, and every function that is not VOLATILE. The daemon's staging tables need TEMPORARY on the database, which PUBLIC has
-- unless it was revoked. Tables, views and functions of other owners are theirs to grant.
CREATE OR REPLACE FUNCTION avld.grant_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	-- before devices.secret, readers had SELECT on the whole table
	FOR item IN SELECT r.rolname FROM pg_roles AS r WHERE r.rolname IN ('avld_reader', 'avld_operator') LOOP
		EXECUTE format('REVOKE SELECT ON avld.devices FROM %I', item.rolname);
	END LOOP;
	-- before, the daemon's role might call this function, which it does not need
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'avld_writer') THEN
		REVOKE EXECUTE ON FUNCTION avld.list_partitions() FROM avld_writer;
	END IF;
	FOR item IN
		SELECT r.rolname, t.rights
		FROM (
			VALUES
			('avld_writer', 'USAGE ON SCHEMA avld'),
			('avld_writer', 'SELECT ON avld.schema_version, avld.commands, avld.limits'),
			('avld_writer', 'SELECT, INSERT ON avld.devices, avld.positions, avld.statuses, avld.alarms'),
			('avld_writer', 'INSERT ON avld.rejects, avld.connections'),
			('avld_writer', 'SELECT, INSERT, UPDATE ON avld.checkpoint, avld.device_state, avld.unknown_devices, avld.media'),
			('avld_writer', 'SELECT, INSERT, DELETE ON avld.media_parts'),
			('avld_writer', 'EXECUTE ON FUNCTION avld.ensure_partitions(date, date), avld.ensure_partitions(date, date, interval), avld.drop_partitions(date),'
				' avld.delete_before(text, timestamptz, integer), avld.least_retention(), avld.engine(), avld.check_engine()'),
			('avld_writer', 'UPDATE (state, sent_at, ended_at, attempts, correlation, reply, reason) ON avld.commands'),
			('avld_operator', 'INSERT (device_id, command, args, expires_at) ON avld.commands'),
			('avld_operator', 'EXECUTE ON FUNCTION avld.send_command(text, text, jsonb, interval),'
				' avld.cancel_command(bigint)'),
			('avld_reader avld_operator', 'USAGE ON SCHEMA avld')
			UNION ALL
			SELECT 'avld_reader avld_operator', format('SELECT ON %s', c.oid::regclass)
			FROM pg_class AS c
			WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
				AND pg_has_role(c.relowner, 'USAGE') AND c.oid <> 'avld.devices'::regclass
			UNION ALL
			SELECT 'avld_reader avld_operator',
				format('SELECT (%s) ON avld.devices', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
			FROM pg_attribute AS a
			WHERE a.attrelid = 'avld.devices'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'secret'
			UNION ALL
			SELECT 'avld_reader avld_operator', format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
			FROM pg_proc AS p
			WHERE p.pronamespace = 'avld'::regnamespace AND p.provolatile <> 'v' AND NOT p.prosecdef
				AND pg_has_role(p.proowner, 'USAGE')
		) AS t (roles, rights)
		JOIN pg_roles AS r ON r.rolname = ANY (string_to_array(t.roles, ' '))
	LOOP
		EXECUTE format('GRANT %s TO %I', item.rights, item.rolname);
	END LOOP;
END
$$;

COMMENT ON FUNCTION avld.grant_rights() IS
	'Grants avld_writer, avld_reader and avld_operator their rights, if these roles exist.';

-- A new function can be executed by PUBLIC. Grants that the owner has made on older ones are kept.
DO $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT p.oid::regprocedure AS function FROM pg_proc AS p
		WHERE p.pronamespace = 'avld'::regnamespace AND pg_has_role(p.proowner, 'USAGE')
			AND p.oid::text <> ALL (string_to_array(current_setting('avld.functions_before'), ' '))
	LOOP
		EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', item.function);
	END LOOP;
END
$$;
SELECT avld.grant_rights();
