-- Photos. The journal brings them in pieces; the writer puts them together once all are there. ASCII only: it is compiled in.

CREATE TABLE avld.media (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	device_id bigint NOT NULL,
	taken_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	latitude double precision,
	longitude double precision,
	camera smallint,
	content_type text NOT NULL,
	complete boolean NOT NULL,
	dedup bigint NOT NULL,
	bytes bytea NOT NULL,
	UNIQUE (device_id, taken_at, dedup)
);
-- They are compressed already.
ALTER TABLE avld.media ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE avld.media_parts (
	key bigint NOT NULL,
	part integer NOT NULL,
	parts integer NOT NULL,
	device_id bigint NOT NULL,
	taken_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	latitude double precision,
	longitude double precision,
	camera smallint,
	content_type text NOT NULL,
	complete boolean NOT NULL,
	dedup bigint NOT NULL,
	bytes bytea NOT NULL,
	stored_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (key, part)
);
ALTER TABLE avld.media_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Roles: as before, and who may do what with photos

CREATE OR REPLACE FUNCTION avld.grant_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT r.rolname, t.rights
		FROM (
			VALUES
			('avld_writer', 'USAGE ON SCHEMA avld'),
			('avld_writer', 'SELECT ON avld.schema_version, avld.commands'),
			('avld_writer', 'SELECT, INSERT ON avld.devices, avld.positions, avld.statuses, avld.alarms'),
			('avld_writer', 'INSERT ON avld.rejects, avld.connections'),
			('avld_writer', 'SELECT, INSERT, UPDATE ON avld.checkpoint, avld.device_state, avld.unknown_devices, avld.media'),
			('avld_writer', 'SELECT, INSERT, DELETE ON avld.media_parts'),
			('avld_writer', 'EXECUTE ON FUNCTION avld.list_partitions(), avld.ensure_partitions(date, date),'
				' avld.drop_partitions(date), avld.delete_before(text, timestamptz, integer)'),
			('avld_writer', 'UPDATE (state, sent_at, ended_at, attempts, reply, reason) ON avld.commands'),
			('avld_operator', 'INSERT (device_id, command, args, expires_at) ON avld.commands'),
			('avld_operator', 'EXECUTE ON FUNCTION avld.send_command(text, text, jsonb, interval),'
				' avld.cancel_command(bigint)'),
			('avld_reader avld_operator', 'USAGE ON SCHEMA avld')
			UNION ALL
			SELECT 'avld_reader avld_operator', format('SELECT ON %s', c.oid::regclass)
			FROM pg_class AS c
			WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
			UNION ALL
			SELECT 'avld_reader avld_operator', format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
			FROM pg_proc AS p
			WHERE p.pronamespace = 'avld'::regnamespace AND p.provolatile <> 'v' AND NOT p.prosecdef
		) AS t (roles, rights)
		JOIN pg_roles AS r ON r.rolname = ANY (string_to_array(t.roles, ' '))
	LOOP
		EXECUTE format('GRANT %s TO %I', item.rights, item.rolname);
	END LOOP;
END
$$;
SELECT avld.grant_rights();

-- ---------------------------------------------------------------------------------------------------------------------------

COMMENT ON TABLE avld.media IS 'Photos from trackers. "avld media --export DIR" writes them into files.';
COMMENT ON COLUMN avld.media.device_id IS 'devices.id';
COMMENT ON COLUMN avld.media.taken_at IS 'the time of the report that told of it: positions.fixed_at';
COMMENT ON COLUMN avld.media.received_at IS 'when its last part came';
COMMENT ON COLUMN avld.media.latitude IS 'as in that report; NULL without a valid fix';
COMMENT ON COLUMN avld.media.longitude IS 'as in that report; NULL without a valid fix';
COMMENT ON COLUMN avld.media.camera IS 'its number, where the tracker tells one';
COMMENT ON COLUMN avld.media.content_type IS 'image/jpeg';
COMMENT ON COLUMN avld.media.complete IS
	'false: not all of it came (bytes end where the first part is missing), or it is no whole JPEG';
COMMENT ON COLUMN avld.media.dedup IS 'tells photos of one moment apart; the same when one is sent again';
COMMENT ON COLUMN avld.media.bytes IS 'the file';
COMMENT ON TABLE avld.media_parts IS
	'Pieces of photos of which others are still in the journal. The daemon puts them together and takes them out.';
COMMENT ON COLUMN avld.media_parts.key IS 'the same in all pieces of a photo';
COMMENT ON COLUMN avld.media_parts.part IS '0 to parts - 1';
COMMENT ON COLUMN avld.media_parts.stored_at IS 'when it came into this table; after 30 days it is given up';
