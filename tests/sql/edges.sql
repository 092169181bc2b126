-- Every function of tracks on every edge case: no fix, one fix, midnight, the date line, a pole, repeated times, clocks that jump,
-- no motion. One table of results; tracks.sql, trips.sql, places.sql and exports.sql test the details.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();
SELECT avld.ensure_partitions('2024-05-01', '2024-05-02');

-- Adds a device with fixes: minutes after 2024-05-01 23:50, latitude, longitude; all with the same speed, ignition on if it moves.
CREATE FUNCTION pg_temp.put(who text, speed real, fixes text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.devices (ident) VALUES (who);
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, ignition, stored, dedup)
	SELECT d.id, t.at, t.at, 'device', true, split_part(fix, ' ', 2)::float8, split_part(fix, ' ', 3)::float8, speed, speed > 0, false, n
	FROM unnest(string_to_array(nullif(fixes, ''), ', ')) WITH ORDINALITY AS f (fix, n), avld.devices AS d,
		LATERAL (SELECT timestamptz '2024-05-01 23:50+00' + split_part(fix, ' ', 1)::float8 * interval '1 min') AS t (at)
	WHERE d.ident = who;
	INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, latitude, longitude, stored, dedup)
	SELECT p.device_id, p.fixed_at, p.fixed_at, 'sos', p.latitude, p.longitude, false, p.dedup
	FROM avld.positions AS p JOIN avld.devices AS d ON d.id = p.device_id WHERE d.ident = who AND p.dedup = 1;
$$;
SELECT pg_temp.put('none', 0, '');
SELECT pg_temp.put('one', 60, '0 47.5 7.25');
-- one fix a minute, 1 km apart
SELECT pg_temp.put('midnight', 60, (SELECT string_agg(m || ' ' || 47.5 + m / 111.195 || ' 7.25', ', ') FROM generate_series(0, 20) AS m));
SELECT pg_temp.put('line', 60, (SELECT string_agg(m || ' 0 ' || CASE WHEN m < 10 THEN 179.910067 + m / 111.195 ELSE -180.089933 + m / 111.195 END,
	', ') FROM generate_series(0, 20) AS m));
SELECT pg_temp.put('pole', 60, (SELECT string_agg(m || ' ' || 90 - abs(10 - m) / 111.195 || CASE WHEN m < 10 THEN ' 30' ELSE ' -150' END, ', ')
	FROM generate_series(0, 20) AS m));
SELECT pg_temp.put('twice', 60, (SELECT string_agg(m || ' ' || 47.5 + m / 111.195 || ' 7.25', ', ') FROM generate_series(0, 20) AS m, generate_series(1, 2)));
-- back: the fix of minute 15 has the time of minute 5; ahead: from minute 11 on, times are 6 hours later
SELECT pg_temp.put('back', 60, (SELECT string_agg(CASE m WHEN 15 THEN 5 ELSE m END || ' ' || 47.5 + m / 111.195 || ' 7.25', ', ') FROM generate_series(0, 20) AS m));
SELECT pg_temp.put('ahead', 60, (SELECT string_agg(CASE WHEN m > 10 THEN m + 360 ELSE m END || ' ' || 47.5 + m / 111.195 || ' 7.25', ', ') FROM generate_series(0, 20) AS m));
SELECT pg_temp.put('zero', 0, (SELECT string_agg(m || ' 47.5 7.25', ', ') FROM generate_series(0, 20) AS m));

-- Returns the result of each function for one device, in short; times as hour:minute.
CREATE FUNCTION pg_temp.answers(who text, OUT question text, OUT answer text) RETURNS SETOF record LANGUAGE sql AS $$
	VALUES
	('track', (SELECT format('%s fixes, %s..%s', count(*), to_char(min(fixed_at), 'HH24:MI'), to_char(max(fixed_at), 'HH24:MI'))
		FROM avld.track(who, '2024-05-01', '2024-05-03'))),
	('distance_km', (SELECT round(avld.distance_km(who, '2024-05-01', '2024-05-03')::numeric, 1)::text)),
	('trips', (SELECT string_agg(format('%s-%s %s km', to_char(started_at, 'HH24:MI'), to_char(ended_at, 'HH24:MI'), round(distance_km::numeric, 1)), ', ')
		FROM avld.trips(who, '2024-05-01', '2024-05-03'))),
	('stops', (SELECT string_agg(format('%s-%s', to_char(arrived_at, 'HH24:MI'), to_char(left_at, 'HH24:MI')), ', ')
		FROM avld.stops(who, '2024-05-01', '2024-05-03'))),
	('daily_summary', (SELECT string_agg(format('%s: %s km, %s trips, %s alarms', positions, round(distance_km::numeric, 1), trips, alarms), '; ')
		FROM avld.daily_summary(who, '2024-05-01', '2024-05-02'))),
	('last_known', (SELECT format('%s %s %s', to_char(fixed_at, 'HH24:MI'), round(latitude::numeric, 2), round(longitude::numeric, 2))
		FROM avld.last_known(who, '2024-05-02 00:00:30'))),
	('within', (SELECT count(*)::text FROM avld.within(-90, 150, 90, 60, '2024-05-01', '2024-05-03') WHERE ident = who)),
	('near', (SELECT count(*) || ', ' || round(min(n.distance_m)) || '..' || round(max(n.distance_m))
		FROM avld.last_known(who, '2024-05-03') AS l, avld.near(l.latitude, l.longitude, 5500, '2024-05-01', '2024-05-03') AS n WHERE n.ident = who)),
	('track_geojson', (SELECT string_agg(format('%s %s', f #>> '{geometry,type}', f #>> '{properties,points}'), ', ')
		|| ' ' || count(*) FROM jsonb_array_elements(avld.track_geojson(who, '2024-05-01', '2024-05-03')::jsonb -> 'features') WITH ORDINALITY AS t (f, n)
		WHERE n < 2)),
	('track_gpx', (SELECT array_length(xpath('//g:trkpt', avld.track_gpx(who, '2024-05-01', '2024-05-03')::xml,
		ARRAY[ARRAY['g', 'http://www.topografix.com/GPX/1/1']]), 1)::text)),
	('alarms_since', (SELECT string_agg(alarm || ' ' || to_char(occurred_at, 'HH24:MI'), ', ') FROM avld.alarms_since('2024-05-01', who))),
	('latest_positions', (SELECT coalesce(alarm, '-') FROM avld.latest_positions WHERE ident = who))
$$;

SELECT is(a.answer, w.answer, w.who || ': ' || w.question)
FROM (VALUES
	('none', 'track', '0 fixes, ..'), ('none', 'distance_km', NULL), ('none', 'trips', NULL), ('none', 'stops', NULL),
	('none', 'daily_summary', '0:  km, 0 trips, 0 alarms; 0:  km, 0 trips, 0 alarms'), ('none', 'last_known', NULL),
	('none', 'within', '0'), ('none', 'near', NULL), ('none', 'track_geojson', NULL), ('none', 'track_gpx', NULL),
	('none', 'alarms_since', NULL), ('none', 'latest_positions', '-'),
	('one', 'track', '1 fixes, 23:50..23:50'), ('one', 'distance_km', '0.0'), ('one', 'trips', NULL), ('one', 'stops', NULL),
	('one', 'daily_summary', '1: 0.0 km, 0 trips, 1 alarms; 0:  km, 0 trips, 0 alarms'),
	('one', 'last_known', '23:50 47.50 7.25'), ('one', 'within', '1'), ('one', 'near', '1, 0..0'),
	('one', 'track_geojson', 'Point  1'), ('one', 'track_gpx', '1'), ('one', 'alarms_since', 'sos 23:50'),
	('one', 'latest_positions', 'sos'),
	('midnight', 'track', '21 fixes, 23:50..00:10'), ('midnight', 'distance_km', '20.0'),
	('midnight', 'trips', '23:50-00:10 20.0 km'), ('midnight', 'stops', NULL),
	('midnight', 'daily_summary', '10: 9.0 km, 1 trips, 1 alarms; 11: 10.0 km, 1 trips, 0 alarms'),
	('midnight', 'last_known', '00:00 47.59 7.25'), ('midnight', 'within', '21'), ('midnight', 'near', '6, 0..5000'),
	('midnight', 'track_geojson', 'LineString 21 1'), ('midnight', 'track_gpx', '21'), ('midnight', 'alarms_since', 'sos 23:50'),
	('midnight', 'latest_positions', 'sos'),
	('line', 'track', '21 fixes, 23:50..00:10'), ('line', 'distance_km', '20.0'), ('line', 'trips', '23:50-00:10 20.0 km'),
	('line', 'stops', NULL), ('line', 'daily_summary', '10: 9.0 km, 1 trips, 1 alarms; 11: 10.0 km, 1 trips, 0 alarms'),
	('line', 'last_known', '00:00 0.00 -180.00'), ('line', 'within', '21'), ('line', 'near', '6, 0..5000'),
	('line', 'track_geojson', 'MultiLineString 21 1'), ('line', 'track_gpx', '21'), ('line', 'alarms_since', 'sos 23:50'),
	('line', 'latest_positions', 'sos'),
	('pole', 'track', '21 fixes, 23:50..00:10'), ('pole', 'distance_km', '20.0'), ('pole', 'trips', '23:50-00:10 20.0 km'),
	('pole', 'stops', NULL), ('pole', 'daily_summary', '10: 9.0 km, 1 trips, 1 alarms; 11: 10.0 km, 1 trips, 0 alarms'),
	('pole', 'last_known', '00:00 90.00 -150.00'), ('pole', 'within', '21'), ('pole', 'near', '6, 0..5000'),
	('pole', 'track_geojson', 'LineString 21 1'), ('pole', 'track_gpx', '21'), ('pole', 'alarms_since', 'sos 23:50'),
	('pole', 'latest_positions', 'sos'),
	('twice', 'track', '42 fixes, 23:50..00:10'), ('twice', 'distance_km', '20.0'), ('twice', 'trips', '23:50-00:10 20.0 km'),
	('twice', 'stops', NULL), ('twice', 'daily_summary', '20: 9.0 km, 1 trips, 1 alarms; 22: 10.0 km, 1 trips, 0 alarms'),
	('twice', 'last_known', '00:00 47.59 7.25'), ('twice', 'within', '42'), ('twice', 'near', '12, 0..5000'),
	('twice', 'track_geojson', 'LineString 42 1'), ('twice', 'track_gpx', '42'), ('twice', 'alarms_since', 'sos 23:50'),
	('twice', 'latest_positions', 'sos'),
	('back', 'track', '20 fixes, 23:50..00:10'), ('back', 'distance_km', '20.0'), ('back', 'trips', '23:50-00:10 20.0 km'),
	('back', 'stops', NULL), ('back', 'daily_summary', '10: 9.0 km, 1 trips, 1 alarms; 10: 10.0 km, 1 trips, 0 alarms'),
	('back', 'last_known', '00:00 47.59 7.25'), ('back', 'within', '21'), ('back', 'near', '6, 0..5000'),
	('back', 'track_geojson', 'LineString 20 1'), ('back', 'track_gpx', '20'), ('back', 'alarms_since', 'sos 23:50'),
	('back', 'latest_positions', 'sos'),
	('ahead', 'track', '21 fixes, 23:50..06:10'), ('ahead', 'distance_km', '20.0'),
	('ahead', 'trips', '23:50-00:00 10.0 km, 06:01-06:10 9.0 km'), ('ahead', 'stops', '00:00-06:01'),
	('ahead', 'daily_summary', '10: 9.0 km, 1 trips, 1 alarms; 11: 10.0 km, 1 trips, 0 alarms'),
	('ahead', 'last_known', '00:00 47.59 7.25'), ('ahead', 'within', '21'), ('ahead', 'near', '6, 0..5000'),
	('ahead', 'track_geojson', 'LineString 21 1'), ('ahead', 'track_gpx', '21'), ('ahead', 'alarms_since', 'sos 23:50'),
	('ahead', 'latest_positions', 'sos'),
	('zero', 'track', '21 fixes, 23:50..00:10'), ('zero', 'distance_km', '0.0'), ('zero', 'trips', NULL),
	('zero', 'stops', '23:50-'), ('zero', 'daily_summary', '10: 0.0 km, 0 trips, 1 alarms; 11: 0.0 km, 0 trips, 0 alarms'),
	('zero', 'last_known', '00:00 47.50 7.25'), ('zero', 'within', '21'), ('zero', 'near', '21, 0..0'),
	('zero', 'track_geojson', 'LineString 21 1'), ('zero', 'track_gpx', '21'), ('zero', 'alarms_since', 'sos 23:50'),
	('zero', 'latest_positions', 'sos')
) AS w (who, question, answer)
LEFT JOIN LATERAL pg_temp.answers(w.who) AS a ON a.question = w.question;

SELECT * FROM finish();
ROLLBACK;
