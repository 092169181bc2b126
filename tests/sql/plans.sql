-- No function reads a whole partition: each call is planned with its values. Partitions of 100,000 rows.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SET LOCAL max_parallel_workers_per_gather = 0; -- reads of workers are not counted
SELECT * FROM no_plan();
SELECT avld.ensure_partitions('2024-05-01', '2024-05-03');
INSERT INTO avld.devices (ident) SELECT 'p' || n FROM generate_series(1, 100) AS n;
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, ignition, stored, dedup)
SELECT d.id, t.at + d.id % 86 * interval '1 s', t.at, 'device', true, 43 + random() / 100, 7 + random() / 100, 50, true, false, 1
FROM generate_series(timestamptz '2024-05-01', '2024-05-03 23:59', '86.4 s') AS t (at), avld.devices AS d
ORDER BY t.at;
INSERT INTO avld.device_state (device_id, last_seen, fixed_at) SELECT id, '2024-05-03 23:59', '2024-05-03 23:59' FROM avld.devices;
INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
SELECT d.id, t.at, t.at, 'sos', false, 1 FROM generate_series(timestamptz '2024-05-01', '2024-05-03', '60 s') AS t (at), avld.devices AS d;
INSERT INTO avld.rejects SELECT t.at, '192.0.2.1:4000', 'tcp', 'pt502', 'p' || n % 100, 'bad value: time', '\x00'
FROM generate_series(timestamptz '2024-05-01', '2024-05-03', '10 s') WITH ORDINALITY AS t (at, n);
ANALYZE avld.positions, avld.devices, avld.device_state, avld.alarms, avld.rejects;
-- BRIN covers only summarized pages. VACUUM does that, but not in a transaction.
SELECT brin_summarize_new_values(c.oid) FROM pg_class AS c JOIN pg_am AS am ON am.oid = c.relam
WHERE am.amname = 'brin' AND c.relkind = 'i' AND c.relnamespace = 'avld'::regnamespace;

-- Returns the rows of large tables that a query, with the functions it calls, read by sequential scans.
CREATE FUNCTION pg_temp.read_by(question text, OUT rows bigint) LANGUAGE plpgsql AS $$
DECLARE
	before jsonb;
BEGIN
	before := (SELECT jsonb_object_agg(relid, seq_tup_read) FROM pg_stat_xact_user_tables WHERE schemaname = 'avld');
	EXECUTE 'SELECT count(*) FROM ' || question;
	SELECT sum(seq_tup_read - (before ->> relid::text)::bigint) FILTER (WHERE relname ~ '^(positions|alarms|rejects)') INTO rows
	FROM pg_stat_xact_user_tables WHERE schemaname = 'avld';
END
$$;
SELECT cmp_ok(pg_temp.read_by('avld.positions WHERE speed_kmh < 0'), '>', 290000::bigint, 'a full scan is counted');
SELECT is(pg_temp.read_by(question), 0::bigint, 'no full scan: ' || question)
FROM unnest(ARRAY[
	'(SELECT p.* FROM avld.positions AS p JOIN avld.devices AS d ON d.id = p.device_id WHERE d.ident = ''p7'''
		' AND p.fixed_at >= ''2024-05-02'' AND p.fixed_at < ''2024-05-03'' ORDER BY p.fixed_at) AS t',
	'avld.latest_positions',
	'avld.track(''p7'', ''2024-05-02'', ''2024-05-03'')',
	'avld.track(''p7'', ''2024-05-01'', ''2024-05-04'')',
	'avld.trips(''p7'', ''2024-05-01'', ''2024-05-04'')',
	'avld.stops(''p7'', ''2024-05-01'', ''2024-05-04'')',
	'avld.daily_summary(''p7'', ''2024-05-01'', ''2024-05-03'')',
	'avld.last_known(''p7'', ''2024-05-02 12:00'')',
	'avld.last_known(''p7'', ''infinity'')',
	'avld.within(43, 7, 43.001, 7.001, ''2024-05-02 10:00'', ''2024-05-02 11:00'')',
	'avld.near(43, 7, 100, ''2024-05-02 10:00'', ''2024-05-02 11:00'')',
	'avld.alarms_since(''2024-05-02 23:30'')',
	'avld.alarms_since(''2024-05-01'', ''p7'')',
	'avld.diagnose(''p7'')',
	'avld.diagnose()',
	'avld.usual_silence(1, ''2024-05-03 23:59'')',
	'(SELECT avld.track_geojson(''p7'', ''2024-05-02'', ''2024-05-03'')) AS t',
	'(SELECT avld.distance_km(''p7'', ''2024-05-01'', ''2024-05-04'')) AS t',
	'(SELECT avld.delete_before(''rejects'', ''2024-05-01 01:00'')) AS t',
	'(SELECT avld.delete_before(''alarms'', ''2024-05-01 01:00'')) AS t']) AS question;

-- The usual silence of a device takes a few reads, however many reports it has. 50 devices with 2,000 reports in 7 days.
SELECT avld.ensure_partitions(current_date - 8, current_date + 1);
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
SELECT d.id, t.at + n * interval '1 s', t.at + n * interval '1 s', 'device', true, 43, 7, false, 1
FROM generate_series(1, 2000) AS k, LATERAL (SELECT now() - interval '1 h' - k * interval '5 min') AS t (at),
	(SELECT id, row_number() OVER (ORDER BY id) AS n FROM avld.devices LIMIT 50) AS d
ORDER BY t.at;
UPDATE avld.device_state SET last_seen = now() - CASE WHEN d.n <= 50 THEN interval '1 h' ELSE '0' END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM avld.devices) AS d WHERE d.id = device_id;
ANALYZE avld.positions;
SELECT is(count(*), 50::bigint, '50 devices are silent') FROM avld.diagnose() WHERE finding = 'silent longer than usual';
SELECT is(pg_temp.read_by('avld.diagnose()'), 0::bigint, 'no full scan: diagnose of 50 silent devices');
CREATE FUNCTION pg_temp.fetched() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'avld' AND relname ~ '^(positions|statuses)'
$$;
SELECT pg_temp.fetched() AS before \gset
SELECT lives_ok('SELECT avld.diagnose()', 'diagnose runs again');
SELECT cmp_ok(pg_temp.fetched() - :before, '<', 50 * 100::bigint, 'it reads few rows per device');

-- The plan of the view.
CREATE FUNCTION pg_temp.plan_of(question text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || question;
END
$$;
SELECT is_empty($$SELECT * FROM pg_temp.plan_of('SELECT * FROM avld.latest_positions') AS line WHERE line LIKE '%Seq Scan on alarms%'$$,
	'latest_positions reads alarms by index');
SELECT is_empty($$SELECT * FROM pg_temp.plan_of('SELECT ident, age, latitude FROM avld.latest_positions') AS line WHERE line LIKE '%alarms%'$$,
	'and only if the query has their columns');

-- With the settings of track, rows of a device are read in index order.
SAVEPOINT settings;
SET LOCAL enable_sort = off;
SELECT is_empty($$SELECT * FROM pg_temp.plan_of('SELECT * FROM avld.positions WHERE device_id = 1 AND valid AND fixed_at >= ''2024-05-01'''
	' AND fixed_at < ''2024-05-04'' ORDER BY fixed_at, dedup') AS line WHERE line ~ '(^| )Sort$|Bitmap|Seq Scan'$$, 'a track needs no sort');
ROLLBACK TO settings;
SELECT ok('enable_sort=off' = ANY (proconfig), 'track has that setting') FROM pg_proc WHERE oid = 'avld.track(text, timestamptz, timestamptz)'::regprocedure;

SELECT * FROM finish();
ROLLBACK;
