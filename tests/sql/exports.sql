-- track_geojson and track_gpx.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'Asia/Kolkata'; -- times must be UTC all the same
SET LOCAL extra_float_digits = -3;   -- and coordinates must have all digits
SET LOCAL DateStyle = 'German';
SELECT * FROM no_plan();
SELECT avld.ensure_partitions('2024-05-01', '2024-05-01');

CREATE FUNCTION pg_temp.drive(who text, fixes text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.devices (ident) VALUES (who) ON CONFLICT DO NOTHING;
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, speed_kmh, event, stored, dedup)
	SELECT (SELECT id FROM avld.devices WHERE ident = who), t.at, t.at, 'device', true, split_part(fix, ' ', 2)::float8,
		split_part(fix, ' ', 3)::float8, 41.48, 'E"V', false, n
	FROM unnest(string_to_array(fixes, ', ')) WITH ORDINALITY AS f (fix, n),
		LATERAL (SELECT timestamptz '2024-05-01 23:00+00' + split_part(fix, ' ', 1)::float8 * interval '1 s') AS t (at)
$$;
CREATE FUNCTION pg_temp.geojson(who text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT avld.track_geojson(who, '2024-05-01 00:00+00', '2024-05-03 00:00+00')::jsonb
$$;
CREATE FUNCTION pg_temp.line(who text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT pg_temp.geojson(who) -> 'features' -> 0 -> 'geometry'
$$;

SELECT is(pg_temp.geojson('nobody'), '{"type": "FeatureCollection", "features": []}', 'GeoJSON of an unknown device is empty');
SELECT is(pg_temp.geojson(NULL), NULL, 'GeoJSON of NULL is NULL');
SELECT pg_temp.drive('5020001', '0.25 43.5 7.1234567');
SELECT is(pg_temp.geojson('5020001'), '{"type": "FeatureCollection", "features": [{"type": "Feature",
	"geometry": {"type": "Point", "coordinates": [7.1234567, 43.5]},
	"properties": {"time": "2024-05-01T23:00:00.250Z", "speed_kmh": 41.48, "course_deg": null, "altitude_m": null, "ignition": null,
		"odometer_m": null, "event": "E\"V", "late": false}}]}', 'one fix is a point without a line');
SELECT pg_temp.drive('5020002', '0 43.5 7.25, 60 43.51 7.25, 120 43.52 7.26');
UPDATE avld.devices SET name = E'"Möwe" <\\&>\u2028' WHERE ident = '5020002';
SELECT is(pg_temp.line('5020002'), '{"type": "LineString", "coordinates": [[7.25, 43.5], [7.25, 43.51], [7.26, 43.52]]}', 'several fixes are a line, longitude first');
SELECT is(pg_temp.geojson('5020002') -> 'features' -> 0 -> 'properties', jsonb_build_object('ident', '5020002', 'name', E'"Möwe" <\\&>\u2028',
	'from', '2024-05-01T23:00:00.000Z', 'to', '2024-05-01T23:02:00.000Z', 'distance_km', 2.486, 'points', 3), 'the line has properties of the track');
SELECT is(jsonb_array_length(pg_temp.geojson('5020002') -> 'features'), 4, 'one feature per point follows');
SELECT pg_temp.drive('5020003', '0 43.5 7.25, 60 43.5 7.25');
SELECT is(pg_temp.line('5020003'), '{"type": "LineString", "coordinates": [[7.25, 43.5], [7.25, 43.5]]}', 'a line of two equal points');

-- the antimeridian
SELECT pg_temp.drive('5020010', '0 -17 179.98, 60 -17.02 -179.98, 120 -17.02 -179.96');
SELECT is(pg_temp.line('5020010'), '{"type": "MultiLineString", "coordinates": [[[179.98, -17], [180, -17.01]],
	[[-180, -17.01], [-179.98, -17.02], [-179.96, -17.02]]]}', 'a line eastwards is cut at the antimeridian');
SELECT pg_temp.drive('5020011', '0 -17 -179.99, 60 -17.03 179.98, 120 -17.03 -179.98');
SELECT is(pg_temp.line('5020011'), '{"type": "MultiLineString", "coordinates": [[[-179.99, -17], [-180, -17.01]],
	[[180, -17.01], [179.98, -17.03], [180, -17.03]], [[-180, -17.03], [-179.98, -17.03]]]}', 'a line westwards and back is cut twice');
SELECT pg_temp.drive('5020012', '0 -17 180, 60 -17 -180, 120 -17 -179.99');
SELECT is(pg_temp.line('5020012'), '{"type": "MultiLineString", "coordinates": [[[180, -17], [180, -17]],
	[[-180, -17], [-180, -17], [-179.99, -17]]]}', 'fixes at 180 and -180 degrees');

-- GPX
CREATE FUNCTION pg_temp.gpx(who text, path text) RETURNS text LANGUAGE sql AS $$
	SELECT array_to_string(xpath(path, avld.track_gpx(who, '2024-05-01 00:00+00', '2024-05-03 00:00+00')::xml,
		ARRAY[ARRAY['g', 'http://www.topografix.com/GPX/1/1']])::text[], ' ')
$$;
SELECT is(avld.track_gpx('5020001', '2024-05-01 00:00+00', '2024-05-03 00:00+00'), '<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="avld" xmlns="http://www.topografix.com/GPX/1/1">
<trk><name>5020001</name><trkseg>
<trkpt lat="43.5000000" lon="7.1234567"><time>2024-05-01T23:00:00.250Z</time></trkpt>
</trkseg></trk>
</gpx>
', 'GPX of one fix');
SELECT is(pg_temp.gpx('5020002', '/g:gpx/g:trk/g:trkseg/g:trkpt/@lat'), '43.5000000 43.5100000 43.5200000', 'GPX has its points in order');
SELECT is(xpath_exists('//g:trkpt', avld.track_gpx('nobody', now(), now())::xml, ARRAY[ARRAY['g', 'http://www.topografix.com/GPX/1/1']]), false,
	'GPX of an unknown device has no points');
SELECT is(avld.track_gpx(NULL, now(), now()), NULL, 'GPX of NULL is NULL');
SELECT is(avld.track_gpx('5020001', now(), NULL), NULL, 'GPX until NULL is NULL');
SELECT pg_temp.drive('5020004', '0 43.5 180, 60 43.51 -180, 120 43.5 179.9999999');
SELECT is(pg_temp.gpx('5020004', '//g:trkpt/@lon'), '-180.0000000 -180.0000000 179.9999999', 'GPX has no longitude 180');
UPDATE avld.positions SET altitude_m = -12.35 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020001');
SELECT is(pg_temp.gpx('5020001', '//g:ele/text()'), '-12.35', 'altitude is in metres');

-- names and idents are escaped
CREATE TEMP TABLE hostile (who text, words text);
INSERT INTO hostile SELECT 'h' || row_number() OVER (), words FROM (VALUES ('<!--'), (']]>'), ('</name><trkpt lat="0" lon="0"/><name>'),
	('&lt;'), ('"''`'), (E'a\nb\tc'), ('%s %I $1 \'), ('"}],"x":[{"'), (E'\u2028\u2029')) AS v (words);
SELECT pg_temp.drive(who, '0 43.5 7.25, 60 43.51 7.25') FROM hostile;
UPDATE avld.devices SET name = words FROM hostile WHERE ident = who;
SELECT is(pg_temp.gpx(who, 'count(//g:trkpt)'), '2', who || ': GPX stays well formed') FROM hostile;
SELECT is((xpath('/g:gpx/g:trk/g:name/text()', avld.track_gpx(who, '2024-05-01', '2024-05-03')::xml,
	ARRAY[ARRAY['g', 'http://www.topografix.com/GPX/1/1']]))[1]::text,
	(xpath('/a/text()', xmlelement(name a, words)))[1]::text, who || ': GPX has the name') FROM hostile;
SELECT is(pg_temp.geojson(who) #>> '{features,0,properties,name}', words, who || ': GeoJSON has the name') FROM hostile;
UPDATE avld.devices SET name = E'a\x01b\x1f\x7f' WHERE ident = '5020003';
SELECT is(pg_temp.gpx('5020003', '//g:name/text()'), 'ab', 'GPX omits characters that XML cannot represent');
SELECT is(pg_temp.geojson('5020003') #>> '{features,0,properties,name}', E'a\x01b\x1f\x7f', 'GeoJSON has them');
INSERT INTO avld.devices (ident) VALUES ('</x>''"&');
SELECT is(pg_temp.gpx('</x>''"&', '//g:name/text()'), '&lt;/x&gt;''"&amp;', 'an ident that looks like XML is escaped');

SELECT * FROM finish();
ROLLBACK;
