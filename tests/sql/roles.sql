-- What each role may do and may not do, tried with SET ROLE.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

SELECT has_role(r) FROM unnest(ARRAY['avld_writer', 'avld_reader', 'avld_operator']) AS r;
SELECT is(rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication, false,
	rolname || ' is a plain group')
FROM pg_roles WHERE rolname IN ('avld_writer', 'avld_reader', 'avld_operator');

-- Rights of each role on every table and view: s(elect) i(nsert) u(pdate) d(elete) t(runcate).
CREATE FUNCTION pg_temp.rights(role name, relation text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(left(p, 1), '' ORDER BY n) FROM unnest(ARRAY['select', 'insert', 'update', 'delete', 'truncate'])
		WITH ORDINALITY AS t (p, n)
	WHERE has_table_privilege(role, 'avld.' || relation, p)
$$;
SELECT is(pg_temp.rights('avld_writer', t.name), t.rights, 'writer on ' || t.name)
FROM (VALUES ('schema_version', 's'), ('limits', 's'), ('checkpoint', 'siu'), ('devices', 'si'), ('positions', 'si'), ('statuses', 'si'),
	('alarms', 'si'), ('commands', 's'), ('media', 'siu'), ('media_parts', 'sid'), ('device_state', 'siu'), ('rejects', 'i'), ('unknown_devices', 'siu'), ('connections', 'i'),
	('positions_default', NULL), ('statuses_default', NULL), ('latest_positions', NULL)) AS t (name, rights);
SELECT is(pg_temp.rights(r, c.relname), CASE WHEN c.relname LIKE '%\_default' OR c.relname = 'devices' THEN NULL ELSE 's' END,
	r || ' on ' || c.relname)
FROM unnest(ARRAY['avld_reader', 'avld_operator']) AS r, pg_class c
WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY 1;
-- All of devices but the secret.
CREATE FUNCTION pg_temp.readable(role name) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'avld.devices'::regclass AND attnum > 0
		AND has_column_privilege(role, attrelid, attnum, 'SELECT')
$$;
SELECT is(pg_temp.readable(r), 'created_at id ident model name networks protocol state', r || ' on the columns of devices')
FROM unnest(ARRAY['avld_reader', 'avld_operator']) AS r;
SELECT is(pg_temp.readable('avld_writer'), 'created_at id ident model name networks protocol secret state', 'writer on the columns of devices');

CREATE ROLE avld_stranger;
SELECT is(pg_temp.rights('avld_stranger', c.relname), NULL, 'a role without grants on ' || c.relname)
FROM pg_class c WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = 'avld'::regnamespace AND has_function_privilege('avld_stranger', p.oid, 'EXECUTE')$$,
	'a role without grants may call no function');
SELECT is_empty($$SELECT r.rolname, p.oid::regprocedure FROM pg_proc p, pg_roles r
	WHERE p.pronamespace = 'avld'::regnamespace AND p.prosecdef AND r.rolname IN ('avld_reader', 'avld_operator')
		AND (r.rolname, p.proname) <> ('avld_operator', 'cancel_command')
		AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')$$, 'readers may call no function with the rights of the owner');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'avld'::regnamespace
	AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']$$, 'each function sets its search_path');

-- pgTAP writes to its own tables: the roles under test need rights on them.
SELECT lives_ok(format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO PUBLIC', nspname), 'set up')
FROM pg_namespace WHERE oid = pg_my_temp_schema();
GRANT ALL ON ALL SEQUENCES IN SCHEMA pg_temp TO PUBLIC;

-- The daemon calls each of these: days of the rows, database.retention, the other retentions.
SELECT is(string_agg(proname::text, ' ' ORDER BY proname), 'check_engine delete_before drop_partitions engine ensure_partitions ensure_partitions least_retention',
	'functions that the writer may call')
FROM pg_proc WHERE pronamespace = 'avld'::regnamespace AND has_function_privilege('avld_writer', oid, 'EXECUTE');
SELECT is(has_schema_privilege('avld_writer', 'avld', p), p = 'USAGE', 'writer: ' || p || ' on schema avld')
FROM unnest(ARRAY['USAGE', 'CREATE']) AS p;
SELECT is(has_database_privilege('avld_writer', current_database(), 'CREATE'), false, 'writer: CREATE on the database');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname <> 'avld_writer' AND pg_has_role('avld_writer', oid, 'MEMBER')$$,
	'writer is a member of no other role');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relowner = 'avld_writer'::regrole$$, 'writer owns nothing');
CREATE SCHEMA another;
CREATE TABLE another.private (n integer);
SELECT isnt(set_config('avld.owner', current_user, true), '', 'set up');

SET LOCAL ROLE avld_writer;
SELECT lives_ok('SELECT max(version) FROM avld.schema_version', 'writer: reads the version');
SELECT lives_ok($$INSERT INTO avld.checkpoint (instance, journal, lsn)
	VALUES ('main', '00000000-0000-4000-8000-000000000001', 0) ON CONFLICT (instance) DO NOTHING$$, 'writer: starts a checkpoint');
SELECT lives_ok($$UPDATE avld.checkpoint SET lsn = 4096, updated_at = now() WHERE instance = 'main' AND lsn = 0$$,
	'writer: moves the checkpoint');
SELECT lives_ok($$INSERT INTO avld.devices (ident) VALUES ('5020001') ON CONFLICT (ident) DO NOTHING RETURNING id$$,
	'writer: inserts a device, with an id from the sequence');
SELECT lives_ok('CREATE TEMP TABLE stage (LIKE avld.positions) ON COMMIT DELETE ROWS', 'writer: creates a staging table');
SELECT lives_ok($$INSERT INTO stage (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
	SELECT id, now(), now(), 'device', true, 43.5, 7.25, false, 1 FROM avld.devices$$, 'writer: fills the staging table');
SELECT lives_ok('INSERT INTO avld.positions SELECT * FROM stage ON CONFLICT DO NOTHING', 'writer: positions');
SELECT lives_ok('INSERT INTO avld.positions SELECT * FROM stage
	ON CONFLICT (device_id, fixed_at, dedup) DO NOTHING RETURNING dedup',
	'writer: positions again');
SELECT lives_ok($$INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
	VALUES (1, now(), now(), 'device', false, 1) ON CONFLICT (device_id, reported_at, dedup) DO NOTHING$$, 'writer: statuses');
SELECT lives_ok($$INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
	VALUES (1, now(), now(), 'sos', false, 1) ON CONFLICT (device_id, occurred_at, alarm, dedup) DO NOTHING$$, 'writer: alarms');
SELECT lives_ok($$INSERT INTO avld.device_state AS s (device_id, last_seen) VALUES (1, now())
	ON CONFLICT (device_id) DO UPDATE SET last_seen = greatest(s.last_seen, excluded.last_seen)$$, 'writer: device_state');
SELECT lives_ok($$UPDATE avld.device_state SET connected = false WHERE instance = 'main' AND connected$$,
	'writer: sets connected');
SELECT lives_ok($$INSERT INTO avld.rejects (received_at, reason, frame) VALUES (now(), 'unknown protocol', '\x00')$$,
	'writer: rejects');
SELECT lives_ok($$INSERT INTO avld.unknown_devices AS u VALUES ('5020009', 'pt502', '192.0.2.1:4000', now(), now(), 1)
	ON CONFLICT (ident) DO UPDATE SET last_seen = excluded.last_seen, count = u.count + 1$$, 'writer: unknown_devices');
SELECT lives_ok($$INSERT INTO avld.connections
	VALUES (now(), now(), '192.0.2.1:4000', 'tcp', 'pt502', '5020001', 100, 1, 0, 'peer closed')$$,
	'writer: connections');
SELECT is(avld.ensure_partitions('2024-05-01', '2024-05-02'), 4, 'writer: creates partitions');
SELECT lives_ok($$INSERT INTO avld.positions
	(device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
	VALUES (1, '2024-05-01 10:00+00', now(), 'device', true, 43.5, 7.25, false, 2)$$, 'writer: writes into them');
SELECT is(avld.drop_partitions('2024-05-02'), 2, 'writer: drops partitions');
SELECT lives_ok('SELECT avld.drop_partitions((now() AT TIME ZONE ''UTC'')::date - 7)', 'writer: drops days older than the least retention');
SELECT throws_like('SELECT avld.drop_partitions((now() AT TIME ZONE ''UTC'')::date - 6)',
	'%are younger than avld.least_retention(), which is 7 days; the owner of the schema can lower it with avld.set_least_retention',
	'writer may not: drop younger days');
SELECT throws_ok('SELECT avld.drop_partitions(current_date)', '42501', NULL, 'writer may not: drop all days');
SELECT throws_like(format('SELECT avld.delete_before(%L, now() - interval ''6 days 23 hours'')', name), '%rows of ' || name || ' up to%which is 7 days;%',
	'writer may not: delete younger rows of ' || name) FROM unnest(ARRAY['alarms', 'commands', 'media', 'positions', 'statuses']) AS name;
SELECT lives_ok(format('SELECT avld.delete_before(%L, now() - interval ''1 day'')', name), 'writer: deletes rows of yesterday of ' || name)
FROM unnest(ARRAY['rejects', 'connections', 'unknown_devices']) AS name;
SELECT throws_like(format('SELECT avld.delete_before(%L, now() - interval ''23 hours'')', name), '%which is 1 day;%',
	'writer may not: delete younger rows of ' || name) FROM unnest(ARRAY['rejects', 'connections', 'unknown_devices']) AS name;
SELECT is(avld.least_retention(), '7 days', 'writer: reads the least retention');
SELECT throws_ok(statement, '42501', NULL, 'writer may not: ' || statement) FROM (VALUES
	('SELECT avld.set_least_retention(''1 day'')'), ('INSERT INTO avld.limits VALUES (''least_retention'', ''1 s'')'),
	('DELETE FROM avld.limits'), ('SELECT avld.kept_from(''0'')')) AS t (statement);
RESET ROLE;
SELECT lives_ok('SELECT avld.set_least_retention(''2 days'')', 'owner: sets the least retention');
SET LOCAL ROLE avld_writer;
SELECT lives_ok('SELECT avld.drop_partitions((now() AT TIME ZONE ''UTC'')::date - 2)', 'writer: drops older days then');
SELECT throws_ok('SELECT avld.drop_partitions((now() AT TIME ZONE ''UTC'')::date - 1)', '42501', NULL, 'writer may not: drop younger ones');
SELECT is(avld.ensure_partitions('2024-05-02', '2024-05-02'), 2, 'writer: creates a day that it has dropped');
SELECT is(avld.delete_before(name, '2000-01-01'), 0, 'writer: deletes old rows of ' || name)
FROM unnest(ARRAY['rejects', 'connections', 'unknown_devices', 'alarms', 'commands', 'positions', 'statuses']) AS name;
SELECT throws_ok(statement, '42501', NULL, 'writer may not: ' || statement) FROM (VALUES
	('DELETE FROM avld.positions'), ('UPDATE avld.positions SET valid = false'), ('TRUNCATE avld.positions'),
	('SELECT FROM avld.positions_20240502'), ('DROP TABLE avld.positions_20240502'), ('DELETE FROM avld.checkpoint'),
	('UPDATE avld.devices SET state = ''blocked'''), ('DELETE FROM avld.devices'), ('DELETE FROM avld.rejects'),
	('UPDATE avld.connections SET bytes = 0'), ('DELETE FROM avld.device_state'), ('DELETE FROM avld.unknown_devices'),
	('INSERT INTO avld.schema_version VALUES (2, ''x'')'), ('SELECT FROM avld.latest_positions'), ('SELECT FROM avld.rejects'),
	('CREATE TABLE avld.mine ()'),
	('CREATE TABLE avld.p PARTITION OF avld.positions FOR VALUES FROM (''2024-07-01'') TO (''2024-07-02'')'),
	('SELECT avld.grant_rights()'), ('DROP SCHEMA avld CASCADE'), ('SELECT avld.enable_postgis()'),
	('SELECT avld.enable_citus()'), ('SELECT avld.disable_citus()'), ('SELECT avld.enable_timescaledb()'), ('SELECT avld.disable_timescaledb()'),
	('SELECT avld.track(''5020001'', now(), now())'), ('SELECT avld.diagnose()'),
	('SELECT avld.list_partitions()'), ('SELECT avld.send_command(''5020001'', ''engineStop'')'),
	('DROP TABLE avld.positions'), ('DROP TABLE avld.rejects'), ('DROP FUNCTION avld.drop_partitions(date)'),
	('TRUNCATE avld.rejects'), ('TRUNCATE avld.media_parts'), ('ALTER TABLE avld.positions ADD COLUMN mine integer'),
	('ALTER TABLE avld.devices OWNER TO avld_writer'), ('ALTER SCHEMA avld OWNER TO avld_writer'),
	('ALTER TABLE avld.positions DETACH PARTITION avld.positions_20240502'), ('CREATE INDEX ON avld.positions (valid)'),
	('CREATE TRIGGER mine BEFORE UPDATE ON avld.checkpoint FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	('CREATE FUNCTION avld.mine() RETURNS integer LANGUAGE sql AS ''SELECT 1'''), ('CREATE SCHEMA mine'),
	('COMMENT ON TABLE avld.positions IS ''mine'''), ('CREATE ROLE mine'), ('ALTER ROLE avld_writer SUPERUSER'),
	('INSERT INTO avld.commands (device_id, command) VALUES (1, ''engineStop'')'), ('DELETE FROM avld.commands'),
	('UPDATE avld.commands SET command = ''engineStop'''), ('SELECT FROM another.private'),
	('SELECT pg_read_file(''/etc/passwd'')'), ('COPY avld.devices TO PROGRAM ''true'''), ('COPY avld.devices TO ''/tmp/mine'''),
	('SET session_replication_role = replica'), (format('GRANT %I TO avld_writer', current_setting('avld.owner')))
) AS t (statement);
-- Since PostgreSQL 15 nobody may by default.
SELECT CASE WHEN current_setting('server_version_num')::integer >= 150000
	THEN throws_ok('CREATE TABLE public.mine ()', '42501', NULL, 'writer may not create in public')
	ELSE skip('before PostgreSQL 15 everyone may create in public') END;
RESET ROLE;

-- Reader and operator.
CREATE FUNCTION pg_temp.refused(role text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT throws_ok(statement, '42501', NULL, role || ' may not: ' || statement) FROM (VALUES
		('INSERT INTO avld.devices (ident) VALUES (''5020003'')'), ('UPDATE avld.devices SET name = ''x'''),
		('DELETE FROM avld.alarms'), ('UPDATE avld.checkpoint SET lsn = 0'), ('TRUNCATE avld.rejects'),
		('INSERT INTO avld.rejects VALUES (now(), NULL, NULL, NULL, NULL, ''x'', ''x'')'),
		('SELECT avld.ensure_partitions(''2024-05-01'', ''2024-05-01'')'), ('SELECT avld.drop_partitions(''2024-05-01'')'),
		('SELECT avld.grant_rights()'), ('CREATE TABLE avld.mine ()'), ('SELECT FROM avld.positions_20240502'),
		('SELECT secret FROM avld.devices'), ('SELECT * FROM avld.devices'),
		('SELECT avld.delete_before(''rejects'', ''2000-01-01'')'), ('SELECT avld.set_least_retention(''1 day'')'),
		('SELECT avld.enable_postgis()'), ('SELECT avld.enable_citus()'), ('SELECT avld.disable_citus()'),
		('SELECT avld.enable_timescaledb()'), ('SELECT avld.disable_timescaledb()')
	) AS t (statement)
$$;
CREATE FUNCTION pg_temp.granted(role text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT lives_ok('SELECT FROM avld.' || name, role || ' reads ' || name)
	FROM unnest(ARRAY['positions', 'statuses', 'alarms', 'devices', 'device_state', 'rejects', 'unknown_devices', 'connections',
		'checkpoint', 'schema_version', 'latest_positions', 'list_partitions()',
		'track(''5020001'', ''2024-05-01'', ''2024-05-02'')', 'trips(''5020001'', ''2024-05-01'', ''2024-05-02'')',
		'stops(''5020001'', ''2024-05-01'', ''2024-05-02'')', 'distance_km(''5020001'', ''2024-05-01'', ''2024-05-02'')',
		'distance_km(1, 2, 3, 4)', 'daily_summary(''5020001'', ''2024-05-01'', ''2024-05-02'')',
		'last_known(''5020001'', ''2024-05-02'')', 'engine()', 'within(1, 2, 3, 4, ''2024-05-01'', ''2024-05-02'')',
		'near(1, 2, 3, ''2024-05-01'', ''2024-05-02'')', 'track_geojson(''5020001'', ''2024-05-01'', ''2024-05-02'')',
		'track_gpx(''5020001'', ''2024-05-01'', ''2024-05-02'')', 'alarms_since(''2024-05-01'')', 'diagnose(''5020001'')',
		'diagnose()']) AS name
$$;
SET LOCAL ROLE avld_reader;
SELECT pg_temp.granted('reader');
SELECT pg_temp.refused('reader');
RESET ROLE;
SET LOCAL ROLE avld_operator;
SELECT pg_temp.granted('operator');
SELECT pg_temp.refused('operator');
RESET ROLE;
SET LOCAL ROLE avld_stranger;
SELECT throws_ok('SELECT FROM avld.devices', '42501', NULL, 'a role without grants may not use the schema');
RESET ROLE;

-- grant_rights restores rights.
REVOKE ALL ON avld.alarms, avld.devices FROM avld_reader;
SELECT is(pg_temp.rights('avld_reader', 'alarms'), NULL, 'a right is revoked');
SELECT is(pg_temp.readable('avld_reader'), NULL, 'rights on columns are revoked');
SELECT lives_ok('SELECT avld.grant_rights()', 'grant_rights runs');
SELECT is(pg_temp.rights('avld_reader', 'alarms'), 's', 'the right is granted again');
SELECT is(pg_temp.readable('avld_reader'), 'created_at id ident model name networks protocol state', 'the rights on columns are, too');
-- As a migration from a schema without the secret finds it.
GRANT SELECT ON avld.devices TO avld_reader;
SELECT lives_ok('SELECT avld.grant_rights()', 'grant_rights runs again');
SELECT is(pg_temp.readable('avld_reader'), 'created_at id ident model name networks protocol state', 'the secret is not readable any more');

SELECT * FROM finish();
ROLLBACK;
