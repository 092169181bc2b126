-- track, distance_km, last_known: outliers, marks, poles and the date line.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();

-- Adds fixes of a device: seconds after 2024-05-01 23:00, latitude, longitude; optionally a speed in km/h.
CREATE FUNCTION pg_temp.drive(who text, fixes text, speed real DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.devices (ident) VALUES (who) ON CONFLICT DO NOTHING;
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, stored, dedup)
	SELECT (SELECT id FROM avld.devices WHERE ident = who), t.at, t.at, 'device', true, split_part(fix, ' ', 2)::float8,
		split_part(fix, ' ', 3)::float8, speed, false, n
	FROM unnest(string_to_array(fixes, ', ')) WITH ORDINALITY AS f (fix, n),
		LATERAL (SELECT timestamptz '2024-05-01 23:00+00' + split_part(fix, ' ', 1)::float8 * interval '1 s') AS t (at)
$$;
-- Return the track: seconds, and metres from the fix before.
CREATE FUNCTION pg_temp.left_of(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(extract(epoch FROM fixed_at - '2024-05-01 23:00+00')::integer::text, ' ')
	FROM avld.track(who, '2024-05-01', '2024-05-03')
$$;
CREATE FUNCTION pg_temp.metres_of(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(round(metres)::text, ' ') FROM avld.track(who, '2024-05-01', '2024-05-03')
$$;
SELECT avld.ensure_partitions('2024-05-01', '2024-05-02');

-- nothing, one, NULL
SELECT is_empty($$SELECT * FROM avld.track('5020000', '2024-05-01', '2024-05-03')$$, 'no such device: no rows');
INSERT INTO avld.devices (ident) VALUES ('5020001');
SELECT is_empty($$SELECT * FROM avld.track('5020001', '2024-05-01', '2024-05-03')$$, 'no fix: no rows');
SELECT is(avld.distance_km('5020001', '2024-05-01', '2024-05-03'), NULL, 'no fix: no distance');
SELECT is_empty($$SELECT * FROM avld.last_known('5020001', '2024-05-03')$$, 'no fix: no last known place');
SELECT is_empty('SELECT * FROM avld.track(NULL, now(), now())', 'NULL for the ident');
SELECT is_empty($$SELECT * FROM avld.track('5020001', NULL, now())$$, 'NULL for since');
SELECT is_empty($$SELECT * FROM avld.track('5020001', now(), NULL)$$, 'NULL for until');
SELECT is(avld.distance_km(NULL, now(), now()), NULL, 'the distance of NULL');
SELECT is_empty($$SELECT * FROM avld.last_known('5020001', NULL)$$, 'the place at NULL');
SELECT pg_temp.drive('5020002', '0 43.5 7.25');
SELECT row_eq($$SELECT * FROM avld.track('5020002', '2024-05-01', '2024-05-03')$$,
	ROW('2024-05-01 23:00+00'::timestamptz, 43.5::float8, 7.25::float8, NULL, NULL, NULL, NULL, NULL, NULL, false, false,
		0::float8)::avld.fix, 'one fix is a track');
SELECT is(avld.distance_km('5020002', '2024-05-01', '2024-05-03'), 0::float8, 'the distance of one fix is 0');
SELECT is_empty($$SELECT * FROM avld.track('5020002', '2024-05-03', '2024-05-01')$$, 'until before since: no rows');
SELECT isnt_empty($$SELECT * FROM avld.track('5020002', '-infinity', 'infinity')$$, 'an infinite range');

-- the range is half open, across midnight
SELECT pg_temp.drive('5020003', '0 43.5 7.25, 1800 43.51 7.25, 3600 43.52 7.25, 5400 43.53 7.25');
SELECT is(pg_temp.left_of('5020003'), '0 1800 3600 5400', 'a track across midnight, in order');
SELECT results_eq($$SELECT fixed_at FROM avld.track('5020003', '2024-05-01 23:30', '2024-05-02')$$,
	$$VALUES ('2024-05-01 23:30+00'::timestamptz)$$, 'since is inside the range, until is not');
SELECT is(avld.distance_km('5020003', '2024-05-01', '2024-05-03'), 3.336::float8, 'the distance of three hundredths of a degree');
SELECT is(avld.distance_km('5020003', '2024-05-01 23:30', '2024-05-02'), 0::float8, 'the distance of one fix in range');

-- invalid fixes
UPDATE avld.positions SET valid = false WHERE fixed_at = '2024-05-02 00:00+00';
SELECT is(pg_temp.left_of('5020003'), '0 1800 5400', 'invalid fixes are omitted');

-- marks
UPDATE avld.positions SET received_at = fixed_at + interval '10 min' WHERE fixed_at = '2024-05-01 23:30+00';
UPDATE avld.positions SET received_at = fixed_at + interval '10 min 1 s' WHERE fixed_at = '2024-05-02 00:30+00';
UPDATE avld.positions SET stored = true WHERE fixed_at = '2024-05-01 23:00+00'
	AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020003');
SELECT results_eq($$SELECT stored, late FROM avld.track('5020003', '2024-05-01', '2024-05-03')$$,
	'VALUES (true, true), (false, false), (false, true)', 'late: stored, or received more than 10 minutes later');

-- outliers
SELECT pg_temp.drive('5020010', '0 43.5 7, 10 43.5 7.001, 20 43.5 7.002, 30 43.5 7.003, 40 0 0, 50 43.5 7.005, 60 43.5 7.006');
SELECT is(pg_temp.left_of('5020010'), '0 10 20 30 50 60', 'one outlier is omitted');
SELECT is(pg_temp.metres_of('5020010'), '0 81 81 81 161 81', 'distances skip it');
SELECT is(avld.distance_km('5020010', '2024-05-01', '2024-05-03'), 0.484::float8, 'so does the total');
SELECT pg_temp.drive('5020011', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 0 0, 50 0 0, 60 0 0, 70 43.5 7, 80 43.5 7');
SELECT is(pg_temp.left_of('5020011'), '0 10 20 30 70 80', 'three outliers at one place are omitted');
SELECT pg_temp.drive('5020012', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 0 0, 50 60 60, 60 -60 60, 70 20 20, 80 43.5 7');
SELECT is(pg_temp.left_of('5020012'), '0 10 20 30 80', 'four outliers at different places are omitted');
SELECT pg_temp.drive('5020013', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 10 10, 50 10 10, 60 10 10, 70 10 10, 80 10 10');
SELECT is(pg_temp.left_of('5020013'), '0 10 20 30 40 50 60 70 80', 'a new place with more than three fixes is kept');
SELECT pg_temp.drive('5020014', '0 0 0, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 43.5 7, 50 43.5 7');
SELECT is(pg_temp.left_of('5020014'), '10 20 30 40 50', 'an outlier at the start is omitted');
SELECT is(pg_temp.metres_of('5020014'), '0 0 0 0 0', 'the next fix has no distance');
SELECT pg_temp.drive('5020015', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 43.5 7, 50 0 0');
SELECT is(pg_temp.left_of('5020015'), '0 10 20 30 40', 'an outlier at the end is omitted');
SELECT pg_temp.drive('5020016', '0 43.5 7, 10 0 0');
SELECT is(pg_temp.left_of('5020016'), '0 10', 'of two fixes both are kept');
SELECT pg_temp.drive('5020017', '0 43.5 7, 10 0 0, 20 43.5 7, 30 0 0, 40 43.5 7, 50 0 0, 60 43.5 7');
SELECT is(pg_temp.left_of('5020017'), '0 20 40 60', 'of alternating places the first is kept');
SELECT pg_temp.drive('5020018', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 43.6 7, 50 43.6 7, 60 43.5 7, 3000 43.6 7');
SELECT is(pg_temp.left_of('5020018'), '0 10 20 30 60 3000', 'a place is kept once there was time to reach it');
SELECT pg_temp.drive('5020019', '0 43.5 7, 3600 45.5 7, 7200 47.5 7, 10800 49.5 7');
SELECT is(pg_temp.left_of('5020019'), '0 3600 7200 10800', 'fixes hours apart, below 300 km/h');

-- times
SELECT pg_temp.drive('5020020', '0 43.5 7, 0 43.5 7.0001, 0 43.5 7.0002, 10 43.5 7.001');
SELECT is(pg_temp.left_of('5020020'), '0 0 0 10', 'several fixes with the same time');
SELECT pg_temp.drive('5020021', '0 43.5 7, 0 43.5 7, 0 43.5 7');
SELECT is(pg_temp.metres_of('5020021'), '0 0 0', 'repeated equal fixes');
SELECT pg_temp.drive('5020022', '0 43.5 7, 10 43.5 7, 20 43.5 7, 30 43.5 7, 40 43.5 7, 25 48 12');
SELECT is(pg_temp.left_of('5020022'), '0 10 20 30 40', 'a clock that jumps back: the fix is an outlier at that time');

-- no motion
SELECT pg_temp.drive('5020023', '0 43.5 7, 10 43.50009 7, 20 43.5 7, 30 43.5009 7', 0);
SELECT is(pg_temp.metres_of('5020023'), '0 0 0 100', 'GPS noise at rest counts as 0; a longer distance does not');
SELECT pg_temp.drive('5020024', '0 43.5 7, 10 43.50009 7', 10);
SELECT is(pg_temp.metres_of('5020024'), '0 10', 'a short distance in motion counts');

-- the date line and the poles
SELECT pg_temp.drive('5020030', '0 -17 179.99, 60 -17 -179.99, 120 -17 179.99');
SELECT is(pg_temp.metres_of('5020030'), '0 2127 2127', 'a track across the date line');
SELECT pg_temp.drive('5020031', '0 89.99 0, 60 89.99 180, 120 90 -77, 180 89.99 90');
SELECT is(pg_temp.metres_of('5020031'), '0 2224 1112 1112', 'a track across the pole');
SELECT pg_temp.drive('5020032', '0 89.9999 0, 60 89.9999 0.09');
SELECT is(pg_temp.metres_of('5020032'), '0 0', 'a track around the pole');

-- distance_km of two places
SELECT is(round(avld.distance_km(0, 0, 0, 90)::numeric, 3), 10007.557, 'a quarter of the equator');
SELECT is(round(avld.distance_km(-90, 0, 90, 0)::numeric, 3), 20015.114, 'pole to pole');
SELECT is(round(avld.distance_km(0, 0, 0, 180)::numeric, 3), 20015.114, 'to the antipode');
SELECT is(round(avld.distance_km(10, 179.5, 10, -179.5)::numeric, 3), round(avld.distance_km(10, 0, 10, 1)::numeric, 3), 'a distance across the date line');
SELECT is(avld.distance_km(43.5, 7.25, 43.5, 7.25), 0::float8, 'to the same place');
SELECT is(avld.distance_km(NULL, 0, 0, 0), NULL, 'a NULL coordinate');

-- plane and sphere agree
SELECT is_empty($$
	SELECT lat, bearing
	FROM generate_series(-79, 79, 7) AS lat, generate_series(0, 330, 30) AS bearing,
		LATERAL (SELECT 0.07 * cos(radians(bearing)) AS dlat, 0.07 * sin(radians(bearing)) AS dlon) AS d,
		LATERAL (SELECT 111195.08 * sqrt(dlat * dlat + dlon * dlon * (1 + cos(radians(2 * lat + dlat))) / 2) AS flat,
			1000 * avld.distance_km(lat, 0, lat + dlat, dlon) AS round) AS m
	WHERE abs(flat - round) > 0.1$$, 'the distance on a plane is within 0.1 m of that on the sphere');

-- last_known
SELECT is(longitude, 7.001::float8, 'last_known at the time of a fix') FROM avld.last_known('5020010', '2024-05-01 23:00:10');
SELECT is(longitude, 7.001::float8, 'last_known some seconds later') FROM avld.last_known('5020010', '2024-05-01 23:00:19');
SELECT is(fixed_at, '2024-05-02 00:30+00'::timestamptz, 'last_known years later') FROM avld.last_known('5020003', 'infinity');
SELECT is(fixed_at, '2024-05-01 23:30+00'::timestamptz, 'last_known omits invalid fixes') FROM avld.last_known('5020003', '2024-05-02 00:10');
SELECT is_empty($$SELECT * FROM avld.last_known('5020010', '2024-05-01 22:59:59')$$, 'last_known before the first fix');
SELECT is_empty($$SELECT * FROM avld.last_known('5020010', '-infinity')$$, 'last_known at -infinity');
SELECT is_empty($$SELECT * FROM avld.last_known('nobody', now())$$, 'last_known of an unknown device');

-- hostile
SELECT is_empty($$SELECT * FROM avld.track('''; DROP TABLE avld.devices; --', '2024-05-01', '2024-05-03')$$, 'an ident is not run as SQL');

SELECT * FROM finish();
ROLLBACK;
