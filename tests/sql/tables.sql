-- Every table, column, type, key and comment.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

SELECT is(nspname, 'avld', 'the schema exists') FROM pg_namespace WHERE nspname = 'avld';
SELECT results_eq($$SELECT version, regexp_replace(name, '[0-9a-f]{16}$', 'HASH') FROM avld.schema_version WHERE version < 10 ORDER BY version$$,
	$$VALUES (0, 'functions HASH'), (9, '009_baseline')$$, 'the steps that were applied');
SELECT is(string_agg(tgrelid::regclass::text || ' ' || tgname, ', ' ORDER BY tgname), 'avld.commands accept, avld.commands notify, '
	'avld.devices tell_devices', 'the triggers')
FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'avld'::regnamespace) AND NOT tgisinternal;

SELECT tables_are('avld', ARRAY['schema_version', 'checkpoint', 'devices', 'positions', 'positions_default', 'statuses',
	'statuses_default', 'alarms', 'device_state', 'rejects', 'unknown_devices', 'connections', 'commands',
	'media', 'media_parts', 'limits']);
SELECT views_are('avld', ARRAY['latest_positions']);
SELECT functions_are('avld', ARRAY['list_partitions', 'tell_devices', 'ensure_partitions', 'drop_partitions', 'grant_rights', 'delete_before',
	'track', 'trips', 'stops', 'distance_km', 'daily_summary', 'last_known', 'within', 'near', 'track_geojson', 'track_gpx',
	'alarms_since', 'diagnose', 'enable_postgis', 'find_trips', 'escape_xml', 'say_span', 'say_time', 'say_frame',
	'usual_silence', 'usual_silences', 'diagnose_commands', 'find_strangers', 'check_command', 'stops_engine',
	'accept_command', 'notify_commands', 'send_command', 'cancel_command', 'set_secret', 'least_retention',
	'set_least_retention', 'kept_from', 'diagnose_peers', 'find_fight', 'find_jumps',
	'engine', 'timescaledb_schema', 'list_days', 'delete_from_default', 'refuse_missing', 'refuse_others', 'find_dependents',
	'missing_for_timescaledb', 'replace_table', 'move_rows', 'set_columnstore', 'has_columnstore', 'make_hypertable',
	'find_unfit_keys', 'enable_timescaledb', 'refill_table', 'disable_timescaledb', 'missing_on_workers', 'find_undistributable', 'find_unfit_nodes',
	'missing_for_citus', 'is_sequential', 'list_tables', 'add_local_tables', 'take_table_back', 'list_comments',
	'restore_comments', 'share_functions', 'enable_citus', 'disable_citus', 'check_engine']);

-- Returns the columns of a table in order: name, type, ! for NOT NULL.
CREATE FUNCTION pg_temp.columns_of(relation regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN '!' ELSE '' END, ', '
		ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;
CREATE FUNCTION pg_temp.key_of(relation regclass) RETURNS text LANGUAGE sql AS $$
	SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = relation AND contype = 'p'
$$;
CREATE TEMP VIEW telemetry AS SELECT
	'altitude_m real, speed_kmh real, course_deg real, hdop real, ' AS motion,
	'inputs integer, outputs integer, adc1 integer, adc2 integer, adc3 integer, adc4 integer, battery_v real, power_v real, ' AS numbers;

SELECT is(pg_temp.columns_of(('avld.' || t.name)::regclass), t.columns, t.name || ': columns')
FROM telemetry, LATERAL (VALUES
	('schema_version', 'version integer!, name text!, applied_at timestamp with time zone!'),
	('checkpoint', 'instance text!, journal uuid!, lsn bigint!, updated_at timestamp with time zone!, state_lsn bigint'),
	('devices', 'id bigint!, ident text!, name text, protocol text, state text!, created_at timestamp with time zone!, model text, '
		'secret text, networks cidr[]'),
	('limits', 'name text!, value interval!'),
	('positions', 'device_id bigint!, fixed_at timestamp with time zone!, received_at timestamp with time zone!, '
		'device_time timestamp with time zone, latitude double precision!, longitude double precision!, odometer_m bigint, '
		'dedup bigint!, ' || motion || numbers || 'satellites smallint, battery_percent smallint, gsm_percent smallint, '
		'valid boolean!, ignition boolean, stored boolean!, time_source text!, event text, driver text, extra jsonb'),
	('statuses', 'device_id bigint!, reported_at timestamp with time zone!, received_at timestamp with time zone!, '
		'device_time timestamp with time zone, odometer_m bigint, dedup bigint!, ' || motion || numbers
		|| 'satellites smallint, battery_percent smallint, gsm_percent smallint, '
		'ignition boolean, stored boolean!, time_source text!, event text, driver text, extra jsonb'),
	('alarms', 'device_id bigint!, occurred_at timestamp with time zone!, received_at timestamp with time zone!, '
		'latitude double precision, longitude double precision, dedup bigint!, speed_kmh real, '
		'valid boolean, stored boolean!, alarm text!, event text'),
	('device_state', 'device_id bigint!, last_seen timestamp with time zone!, fixed_at timestamp with time zone, '
		'latitude double precision, longitude double precision, telemetry_at timestamp with time zone, odometer_m bigint, '
		|| numbers || motion || 'satellites smallint, battery_percent smallint, gsm_percent smallint, ignition boolean, '
		'connected boolean!, protocol text, transport text, peer text, instance text, event text, driver text, '
		'other_peer text, other_peer_at timestamp with time zone, two_peers_at timestamp with time zone'),
	('rejects', 'received_at timestamp with time zone!, peer text, transport text, protocol text, ident text, '
		'reason text!, frame bytea!'),
	('unknown_devices', 'ident text!, protocol text, peer text, first_seen timestamp with time zone!, '
		'last_seen timestamp with time zone!, count bigint!'),
	('connections', 'opened_at timestamp with time zone!, closed_at timestamp with time zone!, peer text!, '
		'transport text!, protocol text, ident text, bytes bigint!, frames bigint!, rejects bigint!, reason text!'),
	('media', 'id bigint!, device_id bigint!, taken_at timestamp with time zone!, received_at timestamp with time zone!, '
		'latitude double precision, longitude double precision, camera smallint, content_type text!, complete boolean!, '
		'dedup bigint!, bytes bytea!'),
	('media_parts', 'key bigint!, part integer!, parts integer!, device_id bigint!, taken_at timestamp with time zone!, received_at timestamp with time zone!, '
		'latitude double precision, longitude double precision, camera smallint, content_type text!, complete boolean!, '
		'dedup bigint!, bytes bytea!, '
		'stored_at timestamp with time zone!'),
	('commands', 'id bigint!, device_id bigint!, command text!, args jsonb!, state text!, created_at timestamp with time zone!, '
		'created_by text!, expires_at timestamp with time zone!, sent_at timestamp with time zone, '
		'ended_at timestamp with time zone, attempts integer!, reply text, reason text, correlation bigint'),
	('latest_positions', 'ident text, name text, protocol text, state text, device_id bigint, '
		'fixed_at timestamp with time zone, age interval, latitude double precision, longitude double precision, '
		'altitude_m real, speed_kmh real, course_deg real, satellites smallint, ignition boolean, inputs integer, '
		'outputs integer, odometer_m bigint, battery_percent smallint, battery_v real, power_v real, '
		'gsm_percent smallint, driver text, event text, connected boolean, '
		'last_seen timestamp with time zone, transport text, peer text, alarm text, alarm_at timestamp with time zone')
) AS t (name, columns);

SELECT ok(bool_and(size <= before), t || ': columns of 8 bytes come first, then of 4, 2, 1, then texts: no byte is lost between them')
FROM (SELECT attrelid::regclass AS t, greatest(attlen, 0) AS size,
	lag(greatest(attlen, 0), 1, 8) OVER (PARTITION BY attrelid ORDER BY attnum) AS before
	FROM pg_attribute WHERE attrelid IN ('avld.positions'::regclass, 'avld.statuses'::regclass, 'avld.alarms'::regclass) AND attnum > 0) c
GROUP BY t ORDER BY t;

SELECT is(pg_temp.key_of(('avld.' || t.name)::regclass), 'PRIMARY KEY (' || t.key || ')', t.name || ': primary key')
FROM (VALUES
	('schema_version', 'version'), ('checkpoint', 'instance'), ('devices', 'id'),
	('positions', 'device_id, fixed_at, dedup'), ('statuses', 'device_id, reported_at, dedup'),
	('alarms', 'device_id, occurred_at, alarm, dedup'), ('device_state', 'device_id'), ('unknown_devices', 'ident'),
	('media', 'id'), ('media_parts', 'key, part'), ('limits', 'name')
) AS t (name, key);
SELECT is(pg_temp.key_of(('avld.' || t.name)::regclass), NULL, t.name || ': no primary key')
FROM (VALUES ('rejects'), ('connections')) AS t (name);

SELECT is_partitioned('avld', 'positions', 'positions is partitioned');
SELECT is_partitioned('avld', 'statuses', 'statuses is partitioned');
SELECT is(am.amname, 'brin', i.name || ' is BRIN')
FROM (VALUES ('positions_fixed_at'), ('statuses_reported_at'), ('alarms_occurred_at'), ('alarms_received_at'), ('rejects_received_at'),
	('connections_closed_at')) AS i (name)
LEFT JOIN pg_class c ON c.oid = to_regclass('avld.' || i.name) LEFT JOIN pg_am am ON am.oid = c.relam;
SELECT has_index('avld', 'rejects', 'rejects_ident', 'ident', 'rejects have an index on ident');
SELECT has_index('avld', 'connections', 'connections_ident', 'ident', 'connections have an index on ident');

-- devices
INSERT INTO avld.devices (ident) VALUES ('5020001');
SELECT results_eq('SELECT ident, name, protocol, state FROM avld.devices', $$VALUES ('5020001', NULL, NULL, 'active')$$,
	'a new device is active');
SELECT throws_ok($$INSERT INTO avld.devices (ident) VALUES ('5020001')$$, '23505', NULL, 'an ident is unique');
SELECT throws_ok($$INSERT INTO avld.devices (ident) VALUES ('')$$, '23514', NULL, 'an ident is not empty');
SELECT lives_ok($$INSERT INTO avld.devices (ident) VALUES (repeat('9', 32))$$, 'an ident of 32 characters');
SELECT throws_ok($$INSERT INTO avld.devices (ident) VALUES (repeat('9', 33))$$, '23514', NULL, 'an ident of 33 characters is an error');
SELECT throws_ok($$INSERT INTO avld.devices (ident, state) VALUES ('5020002', 'off')$$, '23514', NULL, 'an unknown state is an error');
SELECT throws_ok($$UPDATE avld.devices SET model = ''$$, '23514', NULL, 'a model is not empty');
SELECT lives_ok($$UPDATE avld.devices SET model = repeat('m', 64)$$, 'a model of 64 bytes');
SELECT throws_ok($$UPDATE avld.devices SET model = repeat('m', 65)$$, '23514', NULL, 'a model of 65 bytes is an error');
SELECT throws_ok($$UPDATE avld.devices SET secret = 'parrot'$$, '23514', NULL, 'a password in clear is no secret');
SELECT throws_ok($$UPDATE avld.devices SET secret = 'md5$s$' || repeat('0', 64)$$, '23514', NULL, 'a secret is made by SHA-256');
SELECT throws_ok($$UPDATE avld.devices SET secret = 'sha256$s$' || repeat('0', 63)$$, '23514', NULL, 'a secret has 64 digits');
SELECT lives_ok($$UPDATE avld.devices SET secret = 'sha256$s$' || repeat('0', 64)$$, 'a secret');
SELECT lives_ok($$UPDATE avld.devices SET model = NULL, secret = NULL$$, 'neither has to be set');
SELECT throws_ok(format('UPDATE avld.devices SET networks = %L', value), '23514', 'new row for relation "devices" violates check constraint '
	'"devices_networks_are_1_to_16_none_null"', 'these are no networks: ' || value)
FROM (VALUES ('{}'), ('{NULL}'), ('{192.0.2.0/24,NULL}'), ('{{192.0.2.0/24}}'), ('{' || repeat('192.0.2.0/24,', 16) || '10.0.0.0/8}')) AS t (value);
SELECT throws_ok($$UPDATE avld.devices SET networks = '{192.0.2.1/24}'$$, '22P02', 'invalid cidr value: "192.0.2.1/24"', 'nor is an address with a mask');
SELECT lives_ok(format('UPDATE avld.devices SET networks = %L', value), 'networks: ' || value)
FROM (VALUES ('{192.0.2.7}'), ('{192.0.2.0/24,2001:db8::/32}'), ('{' || repeat('192.0.2.0/24,', 15) || '10.0.0.0/8}')) AS t (value);

-- Comments, as \d+ shows them.
SELECT is_empty($$
	SELECT c.oid::regclass FROM pg_class c
	WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v')
		AND obj_description(c.oid, 'pg_class') IS NULL$$, 'each table and view has a comment');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = 'avld'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL$$,
	'each function has a comment');
SELECT is_empty($$
	SELECT a.attrelid::regclass, a.attname FROM pg_attribute a
	WHERE a.attrelid IN ('avld.positions'::regclass, 'avld.statuses'::regclass, 'avld.device_state'::regclass)
		AND a.attnum > 0 AND a.attname NOT IN ('device_id', 'longitude', 'latitude')
		AND col_description(a.attrelid, a.attnum) IS NULL$$, 'each column of reports has a comment');
SELECT isnt(obj_description('avld'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');

SELECT * FROM finish();
ROLLBACK;
