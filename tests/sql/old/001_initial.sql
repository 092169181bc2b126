-- The schema avld: tables, partitions, roles. Run by `avld migrate` inside one transaction, search_path pg_catalog only.
-- ASCII only: it is compiled into the program.

-- Whoever may not create schemas can be given an empty one of their own.
DO $$
BEGIN
	IF to_regnamespace('avld') IS NULL THEN
		CREATE SCHEMA avld;
	END IF;
END
$$;

CREATE TABLE avld.schema_version (
	version integer PRIMARY KEY,
	name text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE avld.checkpoint (
	instance text PRIMARY KEY,
	journal uuid NOT NULL,
	lsn bigint NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

CREATE TABLE avld.devices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	ident text NOT NULL UNIQUE CHECK (length(ident) BETWEEN 1 AND 32),
	name text,
	protocol text,                       -- set by the owner: this protocol and no other; NULL: any
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked')),
	created_at timestamptz NOT NULL DEFAULT now()
);

-- A change by anybody but the daemon is told to the daemon, which reads the table again. Its own sessions set avld.writer.
CREATE FUNCTION avld.tell_devices() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF current_setting('avld.writer', true) IS DISTINCT FROM 'on' THEN
		PERFORM pg_notify('avld_devices', '');
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION avld.tell_devices() IS 'Trigger: avld takes up a change of avld.devices at once.';
CREATE TRIGGER tell_devices AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON avld.devices
	FOR EACH STATEMENT EXECUTE FUNCTION avld.tell_devices();

-- One row per report that carries coordinates. Partitioned by day; DEFAULT catches what has no day yet.
CREATE TABLE avld.positions (
	device_id bigint NOT NULL,
	fixed_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,             -- what the tracker sent, where it differs from fixed_at
	time_source text NOT NULL,           -- device, rollover, received
	event text,
	valid boolean NOT NULL,
	latitude double precision NOT NULL,
	longitude double precision NOT NULL,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	ignition boolean,
	inputs integer,                      -- bit 0 = input 1
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text,
	stored boolean NOT NULL,             -- came out of the tracker's log
	extra jsonb,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, fixed_at, dedup)
) PARTITION BY RANGE (fixed_at);
CREATE INDEX positions_fixed_at ON avld.positions USING brin (fixed_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE avld.positions_default PARTITION OF avld.positions DEFAULT;

-- Reports without coordinates: heart-beats, firmware status, texts.
CREATE TABLE avld.statuses (
	device_id bigint NOT NULL,
	reported_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,
	time_source text NOT NULL,
	event text,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	ignition boolean,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text,
	stored boolean NOT NULL,
	extra jsonb,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, reported_at, dedup)
) PARTITION BY RANGE (reported_at);
CREATE INDEX statuses_reported_at ON avld.statuses USING brin (reported_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE avld.statuses_default PARTITION OF avld.statuses DEFAULT;

CREATE TABLE avld.alarms (
	device_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	alarm text NOT NULL,
	event text,
	latitude double precision,
	longitude double precision,
	speed_kmh real,
	valid boolean,                       -- NULL: no coordinates
	stored boolean NOT NULL,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, occurred_at, alarm, dedup)
);
CREATE INDEX alarms_occurred_at ON avld.alarms USING brin (occurred_at) WITH (autosummarize = on);

-- One row per device, always its newest.
CREATE TABLE avld.device_state (
	device_id bigint PRIMARY KEY,
	last_seen timestamptz NOT NULL,      -- receipt of the newest frame
	protocol text,
	transport text,                      -- tcp, udp
	peer text,                           -- address:port
	connected boolean NOT NULL DEFAULT false, -- a TCP connection is open
	instance text,                       -- the avld that holds it
	-- the newest plausible valid fix
	fixed_at timestamptz,
	latitude double precision,
	longitude double precision,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	-- the newest telemetry
	telemetry_at timestamptz,
	event text,
	ignition boolean,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text
) WITH (fillfactor = 70);

-- What could not be used, with the reason and the bytes.
CREATE TABLE avld.rejects (
	received_at timestamptz NOT NULL,
	peer text,
	transport text,
	protocol text,
	ident text,
	reason text NOT NULL,
	frame bytea NOT NULL
);
CREATE INDEX rejects_received_at ON avld.rejects USING brin (received_at) WITH (autosummarize = on);
CREATE INDEX rejects_ident ON avld.rejects (ident) WHERE ident IS NOT NULL;

-- Trackers that reported but are not in avld.devices ([devices] unknown = refuse).
CREATE TABLE avld.unknown_devices (
	ident text PRIMARY KEY,
	protocol text,
	peer text,
	first_seen timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	count bigint NOT NULL
);

-- One row per TCP connection that ended, and why.
CREATE TABLE avld.connections (
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
CREATE INDEX connections_closed_at ON avld.connections USING brin (closed_at) WITH (autosummarize = on);
CREATE INDEX connections_ident ON avld.connections (ident) WHERE ident IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Reading

-- One row per device, also for one that was never seen or never had a fix.
CREATE VIEW avld.latest_positions AS
SELECT
	d.ident, d.name, d.protocol, d.state, d.id AS device_id,
	s.fixed_at, now() - s.fixed_at AS age, s.latitude, s.longitude, s.altitude_m, s.speed_kmh, s.course_deg, s.satellites,
	s.ignition, s.inputs, s.outputs, s.odometer_m, s.battery_percent, s.battery_v, s.power_v, s.gsm_percent, s.driver, s.event,
	s.connected, s.last_seen, s.transport, s.peer
FROM avld.devices d
LEFT JOIN avld.device_state s ON s.device_id = d.id;

-- The bounds come from the catalog as text, written and read in one DateStyle; UTC so that no abbreviation of a zone misleads.
CREATE FUNCTION avld.list_partitions(
	OUT parent regclass, OUT partition regclass, OUT starts_at timestamptz, OUT ends_at timestamptz
) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
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
	ORDER BY 1, 3
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Partitions: one a day, UTC. They belong to the owner of the schema, whoever calls.

-- The new tables are made beside the parent, where nobody waits for them. Then come the short locks: ATTACH takes SHARE UPDATE
-- EXCLUSIVE on the parent, which stops no reader or writer, and locks DEFAULT fully, which is quick while DEFAULT is small. It
-- is locked before its rows move, so that none is added between the move and ATTACH. Whoever reads DEFAULT for long makes this
-- fail after 2 s (lock_not_available): nothing is lost, rows go to DEFAULT meanwhile, and the next call moves them.
CREATE FUNCTION avld.ensure_partitions(first date, last date) RETURNS integer
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

-- DROP locks the parent fully: where that is not to be had within 2 s it gives up (lock_not_available), so that nobody queues
-- behind it for longer. Only whole days in the past: the daemon's role can delete nothing else.
CREATE FUNCTION avld.drop_partitions(before date) RETURNS integer
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
		WHERE p.ends_at <= before::timestamptz AND p.ends_at = p.starts_at + interval '1 day'
		ORDER BY p.parent::text, p.starts_at
	LOOP
		EXECUTE format('DROP TABLE %s', old);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION avld.list_partitions(), avld.ensure_partitions(date, date), avld.drop_partitions(date) FROM PUBLIC;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Roles: groups that nobody logs in as; GRANT avld_writer TO the daemon's role. Roles belong to the whole cluster: another
-- database may have made them, and whoever migrates may lack the right to.

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
				RAISE NOTICE 'no role %: % may not create roles. If you want it: CREATE ROLE % NOLOGIN as a'
					' role that may, then SELECT avld.grant_rights() as %',
					role_name, current_user, role_name, current_user;
			WHEN duplicate_object OR unique_violation THEN
				NULL; -- another database's migration was quicker
		END;
	END LOOP;
END
$$;

-- Rights go to the parents: whoever reads or writes through positions needs none on its partitions. The daemon's staging
-- tables need TEMPORARY on the database, which everybody has unless it was revoked.
CREATE FUNCTION avld.grant_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT r.rolname, t.rights
		FROM (VALUES
			('avld_writer', 'USAGE ON SCHEMA avld'),
			('avld_writer', 'SELECT ON avld.schema_version'),
			('avld_writer', 'SELECT, INSERT ON avld.devices, avld.positions, avld.statuses, avld.alarms'),
			('avld_writer', 'INSERT ON avld.rejects, avld.connections'),
			('avld_writer', 'SELECT, INSERT, UPDATE ON avld.checkpoint, avld.device_state, avld.unknown_devices'),
			('avld_writer', 'EXECUTE ON FUNCTION avld.list_partitions(), avld.ensure_partitions(date, date),'
				' avld.drop_partitions(date)'),
			('avld_reader avld_operator', 'USAGE ON SCHEMA avld'),
			('avld_reader avld_operator', 'SELECT ON avld.schema_version, avld.checkpoint, avld.devices,'
				' avld.positions, avld.statuses, avld.alarms, avld.device_state, avld.rejects,'
				' avld.unknown_devices, avld.connections, avld.latest_positions'),
			('avld_reader avld_operator', 'EXECUTE ON FUNCTION avld.list_partitions()')
		) AS t (roles, rights)
		JOIN pg_roles r ON r.rolname = ANY (string_to_array(t.roles, ' '))
	LOOP
		EXECUTE format('GRANT %s TO %I', item.rights, item.rolname);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION avld.grant_rights() FROM PUBLIC;
SELECT avld.grant_rights();

-- ---------------------------------------------------------------------------------------------------------------------------
-- What it all means, for \d+ and whoever looks from a client

COMMENT ON SCHEMA avld IS
	'GPS trackers: what they report, and why one is not seen. Made by `avld migrate`; NULL always means: not reported.';

COMMENT ON TABLE avld.schema_version IS 'One row per migration that was run; the highest is the version of this schema.';

COMMENT ON TABLE avld.checkpoint IS
	'How far each daemon''s journal has been stored here. Do not edit: it is what keeps reports from being lost or '
	'stored twice.';
COMMENT ON COLUMN avld.checkpoint.instance IS 'setting database.instance of the daemon';
COMMENT ON COLUMN avld.checkpoint.journal IS 'the journal that lsn belongs to';
COMMENT ON COLUMN avld.checkpoint.lsn IS 'everything before this byte of the journal is stored';

COMMENT ON TABLE avld.devices IS 'The trackers. The daemon adds those it meets unless devices.unknown = refuse.';
COMMENT ON COLUMN avld.devices.ident IS 'what the tracker calls itself: serial number or IMEI, leading zeros kept';
COMMENT ON COLUMN avld.devices.name IS 'for people; yours to set';
COMMENT ON COLUMN avld.devices.protocol IS 'yours to set: this protocol and no other; NULL: any';
COMMENT ON COLUMN avld.devices.state IS 'yours to set: active, or blocked (reports are refused)';

COMMENT ON TABLE avld.positions IS
	'One row per report that carries coordinates, also invalid ones (see valid). Partitioned by UTC day of fixed_at.';
COMMENT ON TABLE avld.positions_default IS 'Rows whose day has no partition; avld.ensure_partitions moves them.';
COMMENT ON TABLE avld.statuses IS
	'Reports without coordinates: heart-beats, firmware, texts. Partitioned by UTC day of reported_at.';
COMMENT ON TABLE avld.statuses_default IS 'Rows whose day has no partition; avld.ensure_partitions moves them.';
COMMENT ON TABLE avld.alarms IS 'One row per alarm; a report that raises two makes two.';
COMMENT ON TABLE avld.device_state IS
	'One row per device, its newest: connection, plausible valid fix, telemetry. Read it through avld.latest_positions.';

COMMENT ON COLUMN avld.positions.fixed_at IS
	'when the tracker was there; the time of receipt if its clock is implausible (see time_source)';
COMMENT ON COLUMN avld.positions.valid IS 'the tracker had a GPS fix; false: the last known or guessed place';
COMMENT ON COLUMN avld.positions.latitude IS 'degrees, WGS 84, north positive';
COMMENT ON COLUMN avld.positions.longitude IS 'degrees, WGS 84, east positive';
COMMENT ON COLUMN avld.statuses.reported_at IS
	'when the tracker said it; the time of receipt if its clock is implausible (see time_source)';
COMMENT ON COLUMN avld.alarms.occurred_at IS 'fixed_at or reported_at of the report that raised it';
COMMENT ON COLUMN avld.alarms.alarm IS
	'sos, powerCut, lowBattery, overspeed, geofenceExit, ...: the same names for every protocol';
COMMENT ON COLUMN avld.alarms.valid IS 'the place is a GPS fix; NULL: the report had no coordinates';
COMMENT ON COLUMN avld.device_state.last_seen IS 'receipt of the newest frame of any kind';
COMMENT ON COLUMN avld.device_state.protocol IS 'of the newest frame';
COMMENT ON COLUMN avld.device_state.transport IS 'tcp, udp';
COMMENT ON COLUMN avld.device_state.peer IS 'address:port the newest frame came from';
COMMENT ON COLUMN avld.device_state.connected IS 'a TCP connection is open';
COMMENT ON COLUMN avld.device_state.instance IS 'checkpoint.instance of the daemon that holds it';
COMMENT ON COLUMN avld.device_state.fixed_at IS
	'of the newest plausible valid fix; latitude to hdop belong to it. NULL: there was none yet';
COMMENT ON COLUMN avld.device_state.telemetry_at IS 'of the newest report; event to driver belong to it';

-- The same columns in several tables: the same words.
DO $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT c.oid::regclass AS owner, a.attname, t.meaning
		FROM (VALUES
			('received_at', 'when the daemon read it from the network'),
			('device_time', 'what the tracker sent, where it differs from the time the row is filed under; else NULL'),
			('time_source', 'device: as sent; rollover: as sent + 1024 weeks; received: the clock was implausible or absent'),
			('event', 'the protocol''s own code'),
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
			('battery_percent', 'the tracker''s own battery, 0 to 100'),
			('battery_v', 'the tracker''s own battery, volts'),
			('power_v', 'external supply, volts'),
			('gsm_percent', 'signal strength, 0 to 100'),
			('driver', 'card or key, as sent'),
			('stored', 'came out of the tracker''s log, not live'),
			('extra', 'what else the protocol says, name and value'),
			('dedup', 'hash of the frame: a record sent twice is one row')
		) AS t (name, meaning)
		JOIN pg_attribute a ON a.attname = t.name
		JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.oid IN ('avld.positions'::regclass, 'avld.statuses'::regclass, 'avld.alarms'::regclass,
			'avld.device_state'::regclass)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', item.owner, item.attname, item.meaning);
	END LOOP;
END
$$;

COMMENT ON TABLE avld.rejects IS 'What could not be used, with the reason and the bytes. Look here when a tracker is not seen.';
COMMENT ON COLUMN avld.rejects.peer IS 'address:port it came from';
COMMENT ON COLUMN avld.rejects.transport IS 'tcp, udp';
COMMENT ON COLUMN avld.rejects.protocol IS 'NULL: no decoder took the bytes';
COMMENT ON COLUMN avld.rejects.ident IS 'NULL: not known when it was refused';
COMMENT ON COLUMN avld.rejects.frame IS 'as received; may be cut';

COMMENT ON TABLE avld.unknown_devices IS 'Trackers that reported but are not in avld.devices (devices.unknown = refuse).';
COMMENT ON COLUMN avld.unknown_devices.peer IS 'address:port it was last seen at';
COMMENT ON COLUMN avld.unknown_devices.count IS 'reports refused so far';

COMMENT ON TABLE avld.connections IS 'One row per TCP connection that ended, and why.';
COMMENT ON COLUMN avld.connections.peer IS 'address:port';
COMMENT ON COLUMN avld.connections.protocol IS 'NULL: no decoder took the bytes';
COMMENT ON COLUMN avld.connections.ident IS 'NULL: it never said who it is';
COMMENT ON COLUMN avld.connections.bytes IS 'received';
COMMENT ON COLUMN avld.connections.frames IS 'good ones';
COMMENT ON COLUMN avld.connections.rejects IS 'frames refused; see avld.rejects';
COMMENT ON COLUMN avld.connections.reason IS 'why it ended';

COMMENT ON VIEW avld.latest_positions IS
	'One row per device: where it was last, and how it is. Also those never seen (NULLs) or without a fix.';
COMMENT ON COLUMN avld.latest_positions.protocol IS 'devices.protocol';
COMMENT ON COLUMN avld.latest_positions.age IS 'how old the fix is; a little negative if the tracker''s clock is ahead';
COMMENT ON COLUMN avld.latest_positions.connected IS 'a TCP connection is open; NULL: never seen';

COMMENT ON FUNCTION avld.list_partitions() IS 'The partitions of positions and statuses with their bounds, without DEFAULT.';
COMMENT ON FUNCTION avld.ensure_partitions(date, date) IS
	'Makes the missing daily partitions, first to last inclusive, at most 450 days; moves rows out of DEFAULT. Returns '
	'how many it made.';
COMMENT ON FUNCTION avld.drop_partitions(date) IS
	'Drops the daily partitions that end before that day begins (UTC). Returns how many.';
COMMENT ON FUNCTION avld.grant_rights() IS
	'Grants avld_writer, avld_reader and avld_operator their rights, as far as these roles exist.';
