-- within, near, alarms_since, latest alarms, delete_before.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();
SELECT avld.ensure_partitions('2024-05-01', '2024-05-01');

-- Each device has one fix, some seconds after 12:00.
INSERT INTO avld.devices (ident, name) VALUES
	('sea', 'Buoy'), ('west', NULL), ('east', NULL), ('line', NULL), ('pole', NULL), ('beyond', NULL), ('south', NULL);
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, stored, dedup)
SELECT d.id, '2024-05-01 12:00+00'::timestamptz + n * interval '1 s', now(), 'device', true, lat, lon, 5, false, n
FROM (VALUES ('sea', 43.5, 7.25, 0), ('west', -17, 179.9, 1), ('east', -17, -179.9, 2), ('line', -17, 180, 3),
	('pole', 89.99, 10, 4), ('beyond', 89.99, -170, 5), ('south', -90, 0, 6)) AS p (ident, lat, lon, n)
JOIN avld.devices AS d USING (ident);
CREATE FUNCTION pg_temp.in_box(s float8, w float8, n float8, e float8) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(ident, ' ' ORDER BY fixed_at) FROM avld.within(s, w, n, e, '2024-05-01', '2024-05-02')
$$;
CREATE FUNCTION pg_temp.in_circle(lat float8, lon float8, metres float8) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(ident || ' ' || round(distance_m), ', ' ORDER BY fixed_at)
	FROM avld.near(lat, lon, metres, '2024-05-01', '2024-05-02')
$$;

SELECT row_eq($$SELECT * FROM avld.within(43, 7, 44, 8, '2024-05-01', '2024-05-02')$$,
	ROW('sea'::text, 'Buoy'::text, '2024-05-01 12:00+00'::timestamptz, 43.5::float8, 7.25::float8, 5::real), 'a fix in a box');
SELECT is(pg_temp.in_box(43.5, 7.25, 43.5, 7.25), 'sea', 'borders are inside the box');
SELECT is(pg_temp.in_box(44, 7, 43, 8), NULL, 'a box with north below south is empty');
SELECT is(pg_temp.in_box(-18, 179, -16, -179), 'west east line', 'a box across the date line');
SELECT is(pg_temp.in_box(-18, 179, -16, 180), 'west line', 'a box up to the date line');
SELECT is(pg_temp.in_box(-18, -180, -16, 180), 'west east line', 'a box of all longitudes');
SELECT is(pg_temp.in_box(-90, -180, 90, 180), 'sea west east line pole beyond south', 'a box around the world');
SELECT is(pg_temp.in_box(NULL, -180, 90, 180), NULL, 'a NULL bound');
SELECT is_empty($$SELECT * FROM avld.within(-90, -180, 90, 180, '2024-05-01', '2024-05-01 12:00')$$, 'until is outside the range');
SELECT is((SELECT count(*) FROM avld.within(-90, -180, 90, 180, '2024-05-01 12:00', '2024-05-01 12:00:01')), 1::bigint, 'since is inside the range');
SELECT is_empty($$SELECT * FROM avld.within(-90, -180, 90, 180, '2023-05-01', '2023-05-02')$$, 'no fixes in an earlier range');

SELECT row_eq($$SELECT * FROM avld.near(43.5, 7.26, 1000, '2024-05-01', '2024-05-02')$$, ROW('sea'::text, 'Buoy'::text,
	'2024-05-01 12:00+00'::timestamptz, 43.5::float8, 7.25::float8, 5::real, 806.6::float8), 'a fix in a circle');
SELECT is(pg_temp.in_circle(43.5, 7.26, 806), NULL, 'a smaller circle');
SELECT is(pg_temp.in_circle(43.5, 7.25, 0), 'sea 0', 'a circle of radius 0');
SELECT is(pg_temp.in_circle(43.5, 7.25, -1), NULL, 'a negative radius');
SELECT is(pg_temp.in_circle(-17, 179.95, 20000), 'west 5317, east 15950, line 5317', 'a circle across the date line, centre in the west');
SELECT is(pg_temp.in_circle(-17, -179.95, 20000), 'west 15950, east 5317, line 5317', 'centre in the east');
SELECT is(pg_temp.in_circle(-17, 180, 20000), 'west 10634, east 10634, line 0', 'centre on the line at 180');
SELECT is(pg_temp.in_circle(-17, -180, 20000), 'west 10634, east 10634, line 0', 'centre on the line at -180');
SELECT is(pg_temp.in_circle(90, 0, 2000), 'pole 1112, beyond 1112', 'a circle around the pole');
SELECT is(pg_temp.in_circle(89.995, 10, 2000), 'pole 556, beyond 1668', 'a circle across the pole');
SELECT is(pg_temp.in_circle(-90, 123, 1), 'south 0', 'the south pole, at any longitude');
SELECT is(pg_temp.in_circle(0, 0, 1e9), 'sea 4890426, west 18124766, east 18124766, line 18124798, pole 10006462, beyond 10008652, south 10007557',
	'a circle around the world');
SELECT is(pg_temp.in_circle(43.5, NULL, 1), NULL, 'a NULL coordinate');
UPDATE avld.positions SET valid = false;
SELECT is(pg_temp.in_box(-90, -180, 90, 180), NULL, 'invalid fixes are in no box');
SELECT is(pg_temp.in_circle(0, 0, 1e9), NULL, 'and in no circle');

-- alarms
SELECT is_empty($$SELECT * FROM avld.alarms_since('-infinity')$$, 'no alarms at first');
SELECT row_eq($$SELECT alarm, alarm_at FROM avld.latest_positions WHERE ident = 'sea'$$, ROW(NULL::text, NULL::timestamptz),
	'latest_positions shows no alarm');
INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, event, latitude, longitude, speed_kmh, valid, stored, dedup)
SELECT d.id, occurred_at::timestamptz, received_at::timestamptz, alarm, 'EV', 43.5, 7.25, 5, true, stored, 1
FROM (VALUES ('sea', '2024-05-01 12:00+00', '2024-05-01 12:00+00', 'sos', false),
	('sea', '2024-05-01 10:00+00', '2024-05-01 13:00+00', 'powerCut', true),
	('west', '2024-05-01 12:00+00', '2024-05-01 12:00+00', 'tow', false),
	('sea', '2024-05-01 12:00+00', '2024-05-01 12:00+00', 'overspeed', false)) AS a (ident, occurred_at, received_at, alarm, stored)
JOIN avld.devices AS d USING (ident);
SELECT results_eq($$SELECT occurred_at, ident, alarm, told FROM avld.alarms_since('2024-05-01')$$, $$VALUES
	('2024-05-01 10:00+00'::timestamptz, 'sea', 'powerCut', 'then'), ('2024-05-01 12:00+00', 'sea', 'overspeed', 'now'),
	('2024-05-01 12:00+00', 'sea', 'sos', 'now'), ('2024-05-01 12:00+00', 'west', 'tow', 'now')$$, 'alarms ordered by time, with told');
SELECT results_eq($$SELECT alarm FROM avld.alarms_since('2024-05-01 12:30+00')$$, $$VALUES ('powerCut')$$,
	'since refers to receipt, not to the alarm itself');
SELECT results_eq($$SELECT alarm, name FROM avld.alarms_since('2024-05-01', 'sea')$$,
	$$VALUES ('powerCut', 'Buoy'), ('overspeed', 'Buoy'), ('sos', 'Buoy')$$, 'alarms of one device');
SELECT is_empty($$SELECT * FROM avld.alarms_since('2024-05-01', 'nobody')$$, 'alarms of an unknown device');
SELECT is_empty($$SELECT * FROM avld.alarms_since(NULL)$$, 'alarms since NULL');
SELECT row_eq($$SELECT alarm, alarm_at FROM avld.latest_positions WHERE ident = 'sea'$$,
	ROW('sos'::text, '2024-05-01 12:00+00'::timestamptz), 'latest_positions shows the alarm that occurred last');

-- retention
INSERT INTO avld.rejects SELECT '2024-05-01 12:00+00'::timestamptz + n * interval '1 s', NULL, NULL, NULL, NULL, 'x', '' FROM generate_series(1, 25) AS n;
INSERT INTO avld.connections SELECT t.at, t.at, 'x', 'tcp', NULL, NULL, 0, 0, 0, 'x' FROM unnest(ARRAY['2024-05-01', '2024-05-03']::timestamptz[]) AS t (at);
SELECT is(avld.delete_before('rejects', '2024-05-01 12:00:21+00', 10), 10, 'deletes max_rows rows');
SELECT is(avld.delete_before('rejects', '2024-05-01 12:00:21+00', 10), 10, 'deletes the next ones');
SELECT is(avld.delete_before('rejects', '2024-05-01 12:00:21+00', 10), 0, 'no more rows are old enough');
SELECT is((SELECT min(received_at) FROM avld.rejects), '2024-05-01 12:00:21+00'::timestamptz, 'newer rows are kept');
SELECT is(avld.delete_before('connections', '2024-05-02'), 1, 'connections, by closed_at');
SELECT is(avld.delete_before('alarms', '2024-05-01 11:00+00'), 1, 'alarms, by occurred_at');
SELECT is(avld.delete_before('alarms', '-infinity'), 0, 'none before -infinity');
INSERT INTO avld.unknown_devices VALUES ('5020008', 'pt502', '192.0.2.1:4000', '2024-05-01', '2024-05-01', 1),
	('5020009', 'pt502', '192.0.2.1:4000', '2024-05-01', '2024-05-03', 2);
SELECT is(avld.delete_before('unknown_devices', '2024-05-02'), 1, 'unknown devices, by last_seen');
SELECT results_eq('SELECT ident FROM avld.unknown_devices', $$VALUES ('5020009')$$, 'the newer one is kept');
INSERT INTO avld.commands (device_id, command, args) SELECT id, 'custom', jsonb_build_object('text', n::text)
FROM avld.devices, generate_series(1, 4) AS n WHERE ident = 'sea';
UPDATE avld.commands SET state = 'confirmed', sent_at = '2024-05-01', ended_at = '2024-05-01' WHERE args @> '{"text": "1"}';
UPDATE avld.commands SET state = 'failed', ended_at = '2024-05-03' WHERE args @> '{"text": "2"}';
UPDATE avld.commands SET state = 'sent', sent_at = '2024-05-01' WHERE args @> '{"text": "3"}';
SELECT is(avld.delete_before('commands', '2024-05-02'), 1, 'commands, by ended_at');
SELECT results_eq('SELECT (args->>''text'')::integer FROM avld.commands ORDER BY id', 'SELECT generate_series(2, 4)',
	'open commands are kept');
SELECT to_regclass('avld.media') IS NOT NULL AS has_media \gset
\if :has_media
SELECT lives_ok($$INSERT INTO avld.media (device_id, taken_at, received_at, content_type, complete, dedup, bytes)
	SELECT 1, day, now(), 'image/jpeg', true, 1, '\xffd8' FROM unnest(ARRAY['2024-05-01', '2024-05-03']::timestamptz[]) AS day$$,
	'inserts photos');
SELECT is(avld.delete_before('media', '2024-05-02'), 1, 'photos, by taken_at');
\endif
-- positions and statuses in DEFAULT; rows of daily partitions are dropped with them
SELECT avld.ensure_partitions('2023-05-01', '2023-05-01');
SELECT avld.delete_before(name, now()) FROM unnest(ARRAY['positions', 'statuses']) AS name;
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
SELECT 1, t.at, t.at, 'device', true, 43.5, 7.25, false, n
FROM generate_series(1, 25) AS n, unnest(ARRAY['2023-05-01', '2023-06-01', '2023-07-01']::timestamptz[]) AS t (at);
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
SELECT device_id, fixed_at, received_at, time_source, stored, dedup FROM avld.positions WHERE device_id = 1 AND fixed_at < '2024-01-01';
SELECT results_eq(format('SELECT avld.delete_before(%L, ''2023-07-01'', 10) FROM generate_series(1, 4)', name), 'VALUES (10), (10), (5), (0)',
	name || ' in DEFAULT, max_rows at a time') FROM unnest(ARRAY['positions', 'statuses']) AS name;
SELECT results_eq('SELECT fixed_at::date, count(*) FROM avld.positions WHERE fixed_at < ''2024-01-01'' GROUP BY 1 ORDER BY 1',
	$$VALUES ('2023-05-01'::date, 25::bigint), ('2023-07-01', 25)$$, 'rows of a daily partition and newer rows are kept');
SELECT results_eq('SELECT reported_at::date, count(*) FROM avld.statuses GROUP BY 1 ORDER BY 1',
	$$VALUES ('2023-05-01'::date, 25::bigint), ('2023-07-01', 25)$$, 'of statuses, too');
SELECT is(avld.delete_before(NULL, now()), NULL, 'a NULL table');
SELECT throws_ok($$SELECT avld.delete_before('rejects', now() + interval '1 s')$$, '22023', NULL, 'a future time is an error');
SELECT throws_ok($$SELECT avld.delete_before('rejects', 'infinity')$$, '22023', NULL, 'infinity is an error');
SELECT throws_ok($$SELECT avld.delete_before('rejects', now(), 0)$$, '22023', NULL, 'max_rows of 0 is an error');
SELECT throws_ok(format('SELECT avld.delete_before(%L, now())', t), '22023', NULL, 'an error: ' || t)
FROM unnest(ARRAY['positions_default', 'devices', 'checkpoint', 'avld.rejects', 'rejects; DROP TABLE avld.devices', '']) AS t;

SELECT * FROM finish();
ROLLBACK;
