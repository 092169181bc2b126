-- trips, stops, daily_summary.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();

-- Adds a device with legs from 2024-05-01 22:00: minutes, km/h, one fix a minute, due north. ignition, speed, odometer: on, or -
-- (not reported). Each leg begins where the last one ended.
CREATE FUNCTION pg_temp.drive(who text, legs text, ignition text DEFAULT 'on', speed text DEFAULT 'on', odometer text DEFAULT '-')
RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.devices (ident) VALUES (who) ON CONFLICT DO NOTHING;
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, ignition,
		odometer_m, stored, dedup)
	SELECT (SELECT id FROM avld.devices WHERE ident = who), t.at, t.at, 'device', true,
		40 + sum(kmh / 60) OVER track / 111.19508, 7, CASE speed WHEN 'on' THEN kmh END,
		CASE ignition WHEN 'on' THEN kmh > 0 END, CASE odometer WHEN 'on' THEN 5000 + sum(kmh / 60) OVER track * 1000 END, false, n
	FROM (
		SELECT row_number() OVER (ORDER BY leg, minute) - 1 AS n, kmh
		FROM (
			SELECT leg, split_part(words, ' ', 1)::integer AS minutes, split_part(words, ' ', 2)::float8 AS kmh
			FROM unnest(string_to_array(legs, ', ')) WITH ORDINALITY AS l (words, leg)
		) AS l, generate_series(1, minutes) AS minute
	) AS m, LATERAL (SELECT timestamptz '2024-05-01 22:00+00' + n * interval '1 min') AS t (at)
	WINDOW track AS (ORDER BY n)
$$;
-- Return trips and stops: start and end in minutes, km or minutes.
CREATE FUNCTION pg_temp.trips_of(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s-%s %s', extract(epoch FROM started_at - '2024-05-01 22:00+00')::integer / 60,
		extract(epoch FROM ended_at - '2024-05-01 22:00+00')::integer / 60, round(distance_km::numeric, 1)), ', ')
	FROM avld.trips(who, '2024-05-01', '2024-05-03')
$$;
CREATE FUNCTION pg_temp.stops_of(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s-%s %s', extract(epoch FROM arrived_at - '2024-05-01 22:00+00')::integer / 60,
		coalesce((extract(epoch FROM left_at - '2024-05-01 22:00+00')::integer / 60)::text, ''),
		extract(epoch FROM duration)::integer / 60), ', ')
	FROM avld.stops(who, '2024-05-01', '2024-05-03')
$$;
SELECT avld.ensure_partitions('2024-05-01', '2024-05-02');

-- no fix, one fix, NULL
INSERT INTO avld.devices (ident) VALUES ('5020001');
SELECT is_empty(format('SELECT * FROM avld.%s(%L, ''2024-05-01'', ''2024-05-03'')', f, i), f || ' of ' || coalesce(i, 'NULL'))
FROM unnest(ARRAY['trips', 'stops']) AS f, unnest(ARRAY['5020000', '5020001', NULL, '''"<&']) AS i;
SELECT pg_temp.drive('5020002', '1 50');
SELECT is(pg_temp.trips_of('5020002'), NULL, 'one fix makes no trip');
SELECT is(pg_temp.stops_of('5020002'), NULL, 'one fix makes no stop');
SELECT is_empty($$SELECT * FROM avld.trips('5020002', '2024-05-01', '2024-05-03', NULL)$$, 'a NULL threshold: no rows');

-- by ignition, which is that of the minute before
SELECT pg_temp.drive('5020010', '10 0, 20 60, 30 0, 90 60, 10 0', odometer => 'on');
SELECT is(pg_temp.trips_of('5020010'), '10-30 19.0, 60-150 89.0', 'two trips, the second across midnight');
SELECT is(pg_temp.stops_of('5020010'), '0-10 10, 30-60 30, 150- 9', 'stops before, between and after trips');
SELECT row_eq($$SELECT * FROM avld.trips('5020010', '2024-05-01', '2024-05-01 23:00')$$,
	ROW('2024-05-01 22:10+00'::timestamptz, '2024-05-01 22:30+00'::timestamptz, (40 + 1 / 111.19508)::float8, 7::float8,
		(40 + 20 / 111.19508)::float8, 7::float8, interval '20 min', 19::float8, 19::float8, 60::float8, 57::float8, 21::bigint),
	'all columns of a trip');
SELECT row_eq($$SELECT * FROM avld.stops('5020010', '2024-05-01 22:30', '2024-05-01 23:00')$$,
	ROW('2024-05-01 22:30+00'::timestamptz, NULL::timestamptz, interval '29 min', (40 + 20 / 111.19508)::float8, 7::float8),
	'all columns of a stop without an end');
SELECT is((SELECT count(*) FROM avld.trips('5020010', '2024-05-01 22:15', '2024-05-01 22:20')), 1::bigint, 'a trip that is longer than the range');

-- thresholds
SELECT pg_temp.drive('5020011', '5 0, 10 60, 2 0, 10 60, 3 0, 10 60, 5 0');
SELECT is(pg_temp.trips_of('5020011'), '5-27 19.0, 30-40 9.0', 'a pause of 2 minutes is part of the trip, one of 3 ends it');
SELECT is((SELECT count(*) FROM avld.trips('5020011', '2024-05-01', '2024-05-03', min_stop => '4 min')), 1::bigint, 'min_stop');
SELECT is((SELECT count(*) FROM avld.trips('5020011', '2024-05-01', '2024-05-03', min_distance_m => 10000)), 1::bigint, 'min_distance_m');
SELECT is((SELECT count(*) FROM avld.stops('5020011', '2024-05-01', '2024-05-03', min_distance_m => 10000)), 2::bigint,
	'a trip below the threshold is part of the stop');
SELECT pg_temp.drive('5020012', '5 0, 1 1, 5 0');
SELECT is(pg_temp.trips_of('5020012'), NULL, 'ignition without motion is no trip');
SELECT is(pg_temp.stops_of('5020012'), '0- 10', 'it is part of the stop');

-- by motion
SELECT pg_temp.drive('5020020', '10 0, 20 60, 30 0, 20 60, 10 0', ignition => '-');
SELECT is(pg_temp.trips_of('5020020'), '9-30 20.0, 59-80 20.0', 'trips by speed');
SELECT pg_temp.drive('5020021', '10 0, 20 60, 30 0, 20 60, 10 0', ignition => '-', speed => '-');
SELECT is(pg_temp.trips_of('5020021'), '9-29 20.0, 59-79 20.0', 'trips by distance alone');
SELECT pg_temp.drive('5020022', '10 0, 20 4, 10 0', ignition => '-');
SELECT is(pg_temp.trips_of('5020022'), NULL, 'walking speed is no trip');
SELECT is((SELECT count(*) FROM avld.trips('5020022', '2024-05-01', '2024-05-03', min_speed_kmh => 3)), 1::bigint, 'unless min_speed_kmh is lower');
SELECT pg_temp.drive('5020023', '10 0, 20 60, 10 0');
UPDATE avld.positions SET ignition = NULL WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020023') AND dedup % 3 > 0;
SELECT is(pg_temp.trips_of('5020023'), '9-30 20.0', 'ignition in few rows is ignored');
UPDATE avld.positions SET ignition = speed_kmh > 0 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020023') AND dedup % 3 < 2;
SELECT is(pg_temp.trips_of('5020023'), '10-30 19.0', 'ignition in most rows holds until the next value');

-- odometer
SELECT is(odometer_km, NULL, 'odometer_km without an odometer') FROM avld.trips('5020011', '2024-05-01', '2024-05-03');
SELECT pg_temp.drive('5020030', '5 0, 20 60, 5 0', odometer => 'on');
UPDATE avld.positions SET odometer_m = odometer_m - 15000 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020030') AND dedup > 14;
SELECT is(odometer_km, 18::float8, 'odometer_km omits the minute of a reset') FROM avld.trips('5020030', '2024-05-01', '2024-05-03');
UPDATE avld.positions SET odometer_m = 4000000000 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020030') AND dedup = 10;
SELECT is(odometer_km, 16::float8, 'odometer_km omits wrong values') FROM avld.trips('5020030', '2024-05-01', '2024-05-03');

-- silence
SELECT pg_temp.drive('5020040', '10 60, 600 0, 10 60');
DELETE FROM avld.positions WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020040') AND speed_kmh = 0;
SELECT is(pg_temp.trips_of('5020040'), '0-9 9.0, 610-619 9.0', 'ten hours of silence without motion are a stop, with any ignition');
SELECT pg_temp.drive('5020041', '10 60, 120 90, 10 60');
DELETE FROM avld.positions WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020041') AND speed_kmh = 90;
SELECT is(pg_temp.trips_of('5020041'), '0-139 199.0', 'two hours of silence with 181 km are part of a trip');
SELECT pg_temp.drive('5020042', '30 60', ignition => '-', speed => '-');
DELETE FROM avld.positions WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042') AND dedup % 10 > 0;
SELECT is(pg_temp.trips_of('5020042'), '0-20 20.0', 'a trip with a fix every ten minutes');

-- a trip across the date line
SELECT pg_temp.drive('5020050', '5 0, 20 60, 5 0');
UPDATE avld.positions SET longitude = CASE WHEN dedup < 15 THEN 179.9999 ELSE -179.9999 END
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020050');
SELECT is(pg_temp.trips_of('5020050'), '5-25 19.0', 'a trip across the date line');

-- days
SELECT results_eq($$SELECT day, first_fix, last_fix, distance_km, odometer_km, trips, driving, stopped, max_speed_kmh, alarms, positions
	FROM avld.daily_summary('5020010', '2024-04-30', '2024-05-02')$$, $$VALUES
	('2024-04-30'::date, NULL::timestamptz, NULL::timestamptz, NULL::float8, NULL::float8, 0::bigint, NULL::interval, NULL::interval,
		NULL::float8, 0::bigint, 0::bigint),
	('2024-05-01', '2024-05-01 22:00+00', '2024-05-01 23:59+00', 80, 78, 2, '79 min', '40 min', 60, 0, 120),
	('2024-05-02', '2024-05-02 00:00+00', '2024-05-02 00:39+00', 29, 29, 1, '30 min', '9 min', 60, 0, 40)$$,
	'a trip across midnight counts in both days');
INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, stored, dedup)
SELECT id, t.at, t.at, 'sos', false, 1 FROM avld.devices,
	unnest(ARRAY['2024-04-30 22:00+00', '2024-05-01 21:59:59+00', '2024-05-01 22:00+00']::timestamptz[]) AS t (at) WHERE ident = '5020010';
SELECT results_eq($$SELECT day, trips, alarms, positions FROM avld.daily_summary('5020010', '2024-05-01', '2024-05-02', 'Europe/Berlin')$$,
	$$VALUES ('2024-05-01'::date, 0::bigint, 2::bigint, 0::bigint), ('2024-05-02', 2, 1, 160)$$, 'days in another time zone');
SELECT is(positions, 120::bigint, 'a single day has the same row') FROM avld.daily_summary('5020010', '2024-05-01', '2024-05-01');
SELECT is_empty($$SELECT * FROM avld.daily_summary('5020010', '2024-05-02', '2024-05-01')$$, 'last day before first: no rows');
SELECT is_empty($$SELECT * FROM avld.daily_summary('5020000', '2024-05-01', '2024-05-02')$$, 'an unknown device: no rows');
SELECT is_empty($$SELECT * FROM avld.daily_summary('5020010', '2024-05-01', NULL)$$, 'a NULL day: no rows');
SELECT throws_ok($$SELECT * FROM avld.daily_summary('5020010', '2024-05-01', 'infinity')$$, '22023', NULL, 'an infinite day is an error');
SELECT throws_ok($$SELECT * FROM avld.daily_summary('5020010', '2024-05-01', '2024-05-01', 'Moon/Base')$$, '22023', NULL, 'an unknown time zone is an error');

SELECT * FROM finish();
ROLLBACK;
