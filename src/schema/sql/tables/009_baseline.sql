-- Tables, roles, and comments on tables and columns: all that has to be kept when avld is upgraded. Functions, triggers and
-- views are in ../functions. ASCII only: this file is compiled into the program.
--
-- Runs in a database without a schema avld, and in databases of avld 0.1.0 at any of its versions 1 to 8. In those most of this
-- exists and is left as it is. A later change of a table gets a file of its own: 010_name.sql, plain SQL, run once.

-- A user who may not create schemas can be given an empty schema avld.
DO $$
BEGIN
	IF to_regnamespace('avld') IS NULL THEN
		CREATE SCHEMA avld;
	ELSIF to_regclass('avld.schema_version') IS NULL
		AND EXISTS (SELECT FROM pg_class WHERE relnamespace = 'avld'::regnamespace AND relkind IN ('r', 'p', 'v', 'f', 'm')) THEN
		RAISE EXCEPTION 'schema avld has tables, but not those of avld: there is no avld.schema_version'
			USING ERRCODE = 'duplicate_schema', HINT = 'Rename that schema, or use another database.';
	END IF;
END
$$;

SET LOCAL client_min_messages = warning; -- no "already exists, skipping"

CREATE TABLE IF NOT EXISTS avld.schema_version (
	version integer PRIMARY KEY,
	name text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS avld.checkpoint (
	instance text PRIMARY KEY,
	journal uuid NOT NULL,
	lsn bigint NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

CREATE TABLE IF NOT EXISTS avld.devices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	ident text NOT NULL UNIQUE CHECK (length(ident) BETWEEN 1 AND 32),
	name text,
	protocol text,
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked')),
	created_at timestamptz NOT NULL DEFAULT now()
);

-- The columns of the large tables are in the order of their alignment, 8 bytes first: between them no byte is lost. In databases of
-- avld 0.1.0 they are in another order, and stay so.

-- Reports with coordinates. Partitioned by day; DEFAULT holds rows whose day has no partition.
CREATE TABLE IF NOT EXISTS avld.positions (
	device_id bigint NOT NULL,
	fixed_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,
	latitude double precision NOT NULL,
	longitude double precision NOT NULL,
	odometer_m bigint,
	dedup bigint NOT NULL,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	hdop real,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	battery_v real,
	power_v real,
	satellites smallint,
	battery_percent smallint,
	gsm_percent smallint,
	valid boolean NOT NULL,
	ignition boolean,
	stored boolean NOT NULL,
	time_source text NOT NULL,
	event text,
	driver text,
	extra jsonb,
	PRIMARY KEY (device_id, fixed_at, dedup)
) PARTITION BY RANGE (fixed_at);

-- Reports without coordinates: heartbeats, firmware status, texts. Partitioned like positions.
CREATE TABLE IF NOT EXISTS avld.statuses (
	device_id bigint NOT NULL,
	reported_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,
	odometer_m bigint,
	dedup bigint NOT NULL,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	hdop real,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	battery_v real,
	power_v real,
	satellites smallint,
	battery_percent smallint,
	gsm_percent smallint,
	ignition boolean,
	stored boolean NOT NULL,
	time_source text NOT NULL,
	event text,
	driver text,
	extra jsonb,
	PRIMARY KEY (device_id, reported_at, dedup)
) PARTITION BY RANGE (reported_at);

CREATE TABLE IF NOT EXISTS avld.alarms (
	device_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	latitude double precision,
	longitude double precision,
	dedup bigint NOT NULL,
	speed_kmh real,
	valid boolean,
	stored boolean NOT NULL,
	alarm text NOT NULL,
	event text,
	PRIMARY KEY (device_id, occurred_at, alarm, dedup)
);

-- The current state of each device, one row each.
CREATE TABLE IF NOT EXISTS avld.device_state (
	device_id bigint PRIMARY KEY,
	last_seen timestamptz NOT NULL,
	-- the newest plausible valid fix
	fixed_at timestamptz,
	latitude double precision,
	longitude double precision,
	-- the newest telemetry
	telemetry_at timestamptz,
	odometer_m bigint,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	battery_v real,
	power_v real,
	-- of the fix
	altitude_m real,
	speed_kmh real,
	course_deg real,
	hdop real,
	satellites smallint,
	-- of the telemetry
	battery_percent smallint,
	gsm_percent smallint,
	ignition boolean,
	connected boolean NOT NULL DEFAULT false,
	protocol text,
	transport text,
	peer text,
	instance text,
	event text,
	driver text
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS avld.rejects (
	received_at timestamptz NOT NULL,
	peer text,
	transport text,
	protocol text,
	ident text,
	reason text NOT NULL,
	frame bytea NOT NULL
);

CREATE TABLE IF NOT EXISTS avld.unknown_devices (
	ident text PRIMARY KEY,
	protocol text,
	peer text,
	first_seen timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	count bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS avld.connections (
	opened_at timestamptz NOT NULL,
	closed_at timestamptz NOT NULL,
	peer text NOT NULL,
	transport text NOT NULL,
	protocol text,
	ident text,
	bytes bigint NOT NULL,
	frames bigint NOT NULL,
	rejects bigint NOT NULL,
	reason text NOT NULL
);

CREATE TABLE IF NOT EXISTS avld.commands (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	device_id bigint NOT NULL,
	command text NOT NULL,
	args jsonb NOT NULL DEFAULT '{}',
	state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'confirmed', 'failed', 'expired')),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT session_user,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '5 minutes',
	sent_at timestamptz,
	ended_at timestamptz,
	attempts integer NOT NULL DEFAULT 0,
	reply text,
	reason text
);

CREATE TABLE IF NOT EXISTS avld.media (
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

-- Parts of photos that are not complete yet. The daemon moves a photo to media when it has all its parts.
CREATE TABLE IF NOT EXISTS avld.media_parts (
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

-- What belongs to these tables, each with the version of avld 0.1.0 that brought it. Runs only in databases older than that:
-- IF NOT EXISTS would lock the tables, and would bring back what their owner has dropped or replaced.
DO $$
DECLARE
	has CONSTANT integer := (SELECT coalesce(max(v.version), 0) FROM avld.schema_version AS v);
	item record;
BEGIN
	FOR item IN
		SELECT t.statement
		FROM (VALUES
			(1, 'CREATE TABLE avld.positions_default PARTITION OF avld.positions DEFAULT'),
			(1, 'CREATE TABLE avld.statuses_default PARTITION OF avld.statuses DEFAULT'),
			(1, 'CREATE INDEX positions_fixed_at ON avld.positions USING brin (fixed_at)'
				' WITH (pages_per_range = 32, autosummarize = on)'),
			(1, 'CREATE INDEX statuses_reported_at ON avld.statuses USING brin (reported_at)'
				' WITH (pages_per_range = 32, autosummarize = on)'),
			(1, 'CREATE INDEX alarms_occurred_at ON avld.alarms USING brin (occurred_at) WITH (autosummarize = on)'),
			(1, 'CREATE INDEX rejects_received_at ON avld.rejects USING brin (received_at) WITH (autosummarize = on)'),
			(1, 'CREATE INDEX rejects_ident ON avld.rejects (ident) WHERE ident IS NOT NULL'),
			(1, 'CREATE INDEX connections_closed_at ON avld.connections USING brin (closed_at) WITH (autosummarize = on)'),
			(1, 'CREATE INDEX connections_ident ON avld.connections (ident) WHERE ident IS NOT NULL'),
			-- rows are added in the order of receipt: a few pages of index are enough
			(2, 'CREATE INDEX alarms_received_at ON avld.alarms USING brin (received_at) WITH (autosummarize = on)'),
			(2, 'CREATE TYPE avld.fix AS (fixed_at timestamptz, latitude double precision, longitude double precision,'
				' speed_kmh real, course_deg real, altitude_m real, ignition boolean, odometer_m bigint, event text,'
				' stored boolean, late boolean, metres double precision)'),
			(3, 'CREATE INDEX commands_open ON avld.commands (id) WHERE state IN (''queued'', ''sent'')'),
			(3, 'CREATE INDEX commands_device ON avld.commands (device_id, id)'),
			-- photos are compressed already
			(4, 'ALTER TABLE avld.media ALTER COLUMN bytes SET STORAGE EXTERNAL'),
			(4, 'ALTER TABLE avld.media_parts ALTER COLUMN bytes SET STORAGE EXTERNAL')
		) AS t (since, statement)
		WHERE t.since > has
	LOOP
		EXECUTE item.statement;
	END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Roles: groups without LOGIN. GRANT avld_writer TO the role of the daemon. Roles are shared by all databases of the server:
-- they may exist already, and the user who migrates may lack the right to create them.

SET LOCAL client_min_messages = notice;

DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['avld_writer', 'avld_reader', 'avld_operator'] LOOP
		CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role_name);
		BEGIN
			EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
		EXCEPTION
			WHEN insufficient_privilege THEN
				RAISE NOTICE 'no role %: % may not create roles. To add it, run CREATE ROLE % NOLOGIN as a superuser,'
					' then SELECT avld.grant_rights() as %',
					role_name, current_user, role_name, current_user;
			WHEN duplicate_object OR unique_violation THEN
				NULL; -- the migration of another database has just created it
		END;
	END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Comments, for \d+ and for clients that show them

COMMENT ON SCHEMA avld IS
	'GPS trackers: their reports, and why one is missing. Created by `avld migrate`. NULL always means: not reported.';

COMMENT ON TABLE avld.schema_version IS
	'One row per change of the tables that was applied; the highest version is the version of the schema. '
	'Version 0: the functions and views that were applied last, by a hash of their text.';

COMMENT ON TABLE avld.checkpoint IS
	'How much of the journal of each daemon is stored in this database. Do not edit: rows would be lost or stored twice.';
COMMENT ON COLUMN avld.checkpoint.instance IS 'setting database.instance of the daemon';
COMMENT ON COLUMN avld.checkpoint.journal IS 'id of the journal that lsn refers to';
COMMENT ON COLUMN avld.checkpoint.lsn IS 'everything before this byte of the journal is stored';

COMMENT ON TABLE avld.devices IS 'The trackers. The daemon adds new ones unless devices.unknown = refuse.';
COMMENT ON COLUMN avld.devices.ident IS 'serial number or IMEI as the tracker sends it, with leading zeros';
COMMENT ON COLUMN avld.devices.name IS 'any text; set by you';
COMMENT ON COLUMN avld.devices.protocol IS 'set by you: accept this protocol only; NULL: any';
COMMENT ON COLUMN avld.devices.state IS 'set by you: active, or blocked (its reports are rejected)';

COMMENT ON TABLE avld.positions IS
	'One row per report with coordinates, invalid ones included (see valid). Partitioned by UTC day of fixed_at.';
COMMENT ON TABLE avld.statuses IS
	'One row per report without coordinates: heartbeats, firmware, texts. Partitioned by UTC day of reported_at.';
COMMENT ON TABLE avld.alarms IS 'One row per alarm; a report with two alarms makes two rows.';
COMMENT ON TABLE avld.device_state IS
	'One row per device, its current state: connection, newest plausible valid fix, newest telemetry. Read it through '
	'avld.latest_positions.';

COMMENT ON COLUMN avld.positions.fixed_at IS
	'time of the fix by the tracker''s clock; time of receipt if that clock is implausible (see time_source)';
COMMENT ON COLUMN avld.positions.valid IS 'true: a GPS fix; false: the last known or an estimated place';
COMMENT ON COLUMN avld.positions.latitude IS 'degrees, WGS 84, north positive';
COMMENT ON COLUMN avld.positions.longitude IS 'degrees, WGS 84, east positive';
COMMENT ON COLUMN avld.statuses.reported_at IS
	'time of the report by the tracker''s clock; time of receipt if that clock is implausible (see time_source)';
COMMENT ON COLUMN avld.alarms.occurred_at IS 'fixed_at or reported_at of the report with this alarm';
COMMENT ON COLUMN avld.alarms.alarm IS
	'sos, powerCut, lowBattery, overspeed, geofenceExit, ...: the same names for every protocol';
COMMENT ON COLUMN avld.alarms.valid IS 'true: the place is a GPS fix; NULL: the report has no coordinates';
COMMENT ON COLUMN avld.device_state.last_seen IS 'receipt of the newest frame of any kind';
COMMENT ON COLUMN avld.device_state.protocol IS 'protocol of the newest frame';
COMMENT ON COLUMN avld.device_state.transport IS 'tcp, udp';
COMMENT ON COLUMN avld.device_state.peer IS 'address:port that sent the newest frame';
COMMENT ON COLUMN avld.device_state.connected IS 'a TCP connection is open';
COMMENT ON COLUMN avld.device_state.instance IS 'checkpoint.instance of the daemon that has the connection';
COMMENT ON COLUMN avld.device_state.fixed_at IS
	'time of the newest plausible valid fix; latitude to hdop belong to it. NULL: none yet';
COMMENT ON COLUMN avld.device_state.telemetry_at IS 'time of the newest report; event to driver belong to it';

COMMENT ON TYPE avld.fix IS 'One fix of a track, as avld.track returns it.';

-- Columns that several tables share have the same comment.
DO $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT c.oid::regclass AS owner, a.attname, t.meaning
		FROM (VALUES
			('received_at', 'when the daemon read it from the network'),
			('device_time', 'time sent by the tracker, where it differs from the time of the row; else NULL'),
			('time_source', 'device: as sent; rollover: as sent + 1024 weeks; received: the clock was implausible or absent'),
			('event', 'event code of the protocol'),
			('altitude_m', 'metres above sea level'),
			('speed_kmh', 'km/h over ground'),
			('course_deg', 'degrees from true north, clockwise'),
			('satellites', 'satellites used in the fix'),
			('hdop', 'horizontal dilution of precision: below 2 is good'),
			('ignition', 'true: on'),
			('inputs', 'bit 0 = input 1'),
			('outputs', 'bit 0 = output 1'),
			('adc1', 'analogue input 1, as sent'),
			('adc2', 'analogue input 2, as sent'),
			('adc3', 'analogue input 3, as sent'),
			('adc4', 'analogue input 4, as sent'),
			('odometer_m', 'metres'),
			('battery_percent', 'internal battery, 0 to 100'),
			('battery_v', 'internal battery, volts'),
			('power_v', 'external supply, volts'),
			('gsm_percent', 'signal strength, 0 to 100'),
			('driver', 'card or key, as sent'),
			('stored', 'read from the log of the tracker, not live'),
			('extra', 'other values of the protocol, by name'),
			('dedup', 'hash of the frame: a record sent twice is one row')
		) AS t (name, meaning)
		JOIN pg_attribute a ON a.attname = t.name
		JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.oid IN ('avld.positions'::regclass, 'avld.statuses'::regclass, 'avld.alarms'::regclass,
			'avld.device_state'::regclass)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', item.owner, item.attname, item.meaning);
	END LOOP;
	-- the owner may have replaced partitions by something else
	FOR item IN
		SELECT to_regclass(t.name) AS partition FROM (VALUES ('avld.positions_default'), ('avld.statuses_default')) AS t (name)
		WHERE to_regclass(t.name) IS NOT NULL
	LOOP
		EXECUTE format('COMMENT ON TABLE %s IS %L', item.partition,
			'Rows whose day has no partition; avld.ensure_partitions moves them.');
	END LOOP;
END
$$;

COMMENT ON TABLE avld.rejects IS 'Bytes that could not be used, and the reason. Look here when a tracker is missing.';
COMMENT ON COLUMN avld.rejects.peer IS 'address:port of the sender';
COMMENT ON COLUMN avld.rejects.transport IS 'tcp, udp';
COMMENT ON COLUMN avld.rejects.protocol IS 'NULL: no protocol recognised';
COMMENT ON COLUMN avld.rejects.ident IS 'NULL: not known at that time';
COMMENT ON COLUMN avld.rejects.frame IS 'as received; may be truncated';

COMMENT ON TABLE avld.unknown_devices IS 'Trackers that report but are not in avld.devices (devices.unknown = refuse).';
COMMENT ON COLUMN avld.unknown_devices.peer IS 'address:port of the newest report';
COMMENT ON COLUMN avld.unknown_devices.count IS 'rejected reports';

COMMENT ON TABLE avld.connections IS
	'One row per closed TCP connection, with the reason. Connections refused because of a limit: one row per minute and address.';
COMMENT ON COLUMN avld.connections.peer IS 'address:port; [::]:0: all other addresses that were refused';
COMMENT ON COLUMN avld.connections.protocol IS 'NULL: no protocol recognised';
COMMENT ON COLUMN avld.connections.ident IS 'NULL: it never identified itself';
COMMENT ON COLUMN avld.connections.bytes IS 'bytes received';
COMMENT ON COLUMN avld.connections.frames IS 'accepted frames';
COMMENT ON COLUMN avld.connections.rejects IS 'rejected frames: see avld.rejects; for refused connections: how many connections';
COMMENT ON COLUMN avld.connections.reason IS 'why it was closed';

COMMENT ON TABLE avld.commands IS
	'Commands to trackers and their results. Insert device_id, command, args, expires_at, or call avld.send_command.';
COMMENT ON COLUMN avld.commands.device_id IS 'devices.id';
COMMENT ON COLUMN avld.commands.command IS
	'engineStop, engineResume, outputControl, positionSingle, positionPeriodic, alarmSpeed, rebootDevice, requestPhoto, '
	'setTimezone, getVersion, factoryReset, custom';
COMMENT ON COLUMN avld.commands.args IS 'arguments by name: {"index": 2, "value": 1}';
COMMENT ON COLUMN avld.commands.state IS
	'queued; sent; confirmed: by a reply or a later report; failed: see reason; expired: not sent, or not confirmed, in time';
COMMENT ON COLUMN avld.commands.created_by IS 'role that inserted it';
COMMENT ON COLUMN avld.commands.expires_at IS 'not sent after this time, and confirmed only until then';
COMMENT ON COLUMN avld.commands.sent_at IS 'when it was last sent';
COMMENT ON COLUMN avld.commands.ended_at IS 'when it was confirmed, failed or expired';
COMMENT ON COLUMN avld.commands.attempts IS 'how often it was sent';
COMMENT ON COLUMN avld.commands.reply IS 'reply of the tracker, if it sends text';
COMMENT ON COLUMN avld.commands.reason IS 'why it failed, expired or is not sent yet';

COMMENT ON TABLE avld.media IS 'Photos from trackers. "avld media --export DIR" writes them to files.';
COMMENT ON COLUMN avld.media.device_id IS 'devices.id';
COMMENT ON COLUMN avld.media.taken_at IS 'time of the report that announced it: positions.fixed_at';
COMMENT ON COLUMN avld.media.received_at IS 'receipt of its last part';
COMMENT ON COLUMN avld.media.latitude IS 'as in that report; NULL without a valid fix';
COMMENT ON COLUMN avld.media.longitude IS 'as in that report; NULL without a valid fix';
COMMENT ON COLUMN avld.media.camera IS 'number of the camera, if the tracker sends it';
COMMENT ON COLUMN avld.media.content_type IS 'image/jpeg';
COMMENT ON COLUMN avld.media.complete IS
	'false: a part is missing (bytes end before the first missing part), or it is not a whole JPEG';
COMMENT ON COLUMN avld.media.dedup IS 'distinguishes photos of the same time; the same if a photo is sent again';
COMMENT ON COLUMN avld.media.bytes IS 'the file';

COMMENT ON TABLE avld.media_parts IS
	'Parts of photos whose other parts are still in the journal. The daemon joins complete ones and deletes the parts.';
COMMENT ON COLUMN avld.media_parts.key IS 'the same for all parts of a photo';
COMMENT ON COLUMN avld.media_parts.part IS '0 to parts - 1';
COMMENT ON COLUMN avld.media_parts.stored_at IS 'when it was inserted; deleted after 30 days';
