-- Tracks as GeoJSON and GPX.

-- RFC 7946: longitude first; a line is cut where it crosses the antimeridian.
CREATE OR REPLACE FUNCTION avld.track_geojson(ident text, since timestamptz, until timestamptz) RETURNS json
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
	WITH device AS (
		SELECT d.id, d.ident, d.name FROM avld.devices AS d WHERE d.ident = track_geojson.ident
	), points AS MATERIALIZED (
		SELECT t.*, row_number() OVER () AS n,
			to_char(t.fixed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time
		FROM device AS d
		CROSS JOIN LATERAL avld.track(d.ident, since, until) AS t
	), steps AS (
		SELECT p.n, p.longitude AS lon, p.latitude AS lat, lag(p.longitude) OVER track AS lon_before,
			lag(p.latitude) OVER track AS lat_before
		FROM points AS p
		WINDOW track AS (ORDER BY p.n)
	), parts AS (
		SELECT s.*, abs(s.lon - s.lon_before) > 180 AS crosses, CASE WHEN s.lon_before < 0 THEN -180 ELSE 180 END AS edge,
			count(*) FILTER (WHERE abs(s.lon - s.lon_before) > 180) OVER (ORDER BY s.n) AS part
		FROM steps AS s
	), cuts AS (
		-- where the line crosses; both of its ends may lie on the edge
		SELECT s.n, s.part, s.edge, round((s.lat_before + (s.lat - s.lat_before) * coalesce((s.edge - s.lon_before)
			/ nullif(s.lon + 2 * s.edge - s.lon_before, 0), 0.5))::numeric, 7) AS lat
		FROM parts AS s
		WHERE s.crosses
	), vertices AS (
		SELECT s.part, 2 * s.n AS n, json_build_array(s.lon, s.lat) AS vertex FROM parts AS s
		UNION ALL SELECT c.part - 1, 2 * c.n - 1, json_build_array(c.edge, c.lat) FROM cuts AS c
		UNION ALL SELECT c.part, 2 * c.n - 1, json_build_array(-c.edge, c.lat) FROM cuts AS c
	), lines AS (
		SELECT v.part, json_agg(v.vertex ORDER BY v.n) AS line FROM vertices AS v GROUP BY v.part
	), line AS (
		SELECT CASE count(*) WHEN 1 THEN json_build_object('type', 'LineString', 'coordinates', (array_agg(l.line))[1])
			ELSE json_build_object('type', 'MultiLineString', 'coordinates', json_agg(l.line ORDER BY l.part)) END AS geometry
		FROM lines AS l
	), features AS (
		SELECT 0 AS n, json_build_object(
			'type', 'Feature',
			'geometry', l.geometry,
			'properties', json_build_object('ident', d.ident, 'name', d.name, 'from', s.first, 'to', s.last,
				'distance_km', s.km, 'points', s.points)) AS feature
		FROM device AS d
		CROSS JOIN line AS l
		CROSS JOIN (
			SELECT min(p.time) AS first, max(p.time) AS last, round((sum(p.metres) / 1000)::numeric, 3) AS km, count(*) AS points
			FROM points AS p
		) AS s
		WHERE s.points > 1
		UNION ALL
		SELECT p.n, json_build_object(
			'type', 'Feature',
			'geometry', json_build_object('type', 'Point', 'coordinates', json_build_array(p.longitude, p.latitude)),
			'properties', json_build_object('time', p.time, 'speed_kmh', p.speed_kmh, 'course_deg', p.course_deg,
				'altitude_m', p.altitude_m, 'ignition', p.ignition, 'odometer_m', p.odometer_m, 'event', p.event, 'late', p.late))
		FROM points AS p
	)
	SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(f.feature ORDER BY f.n), '[]'::json))
	FROM features AS f
$$;

-- Omits characters that XML 1.0 cannot represent.
CREATE OR REPLACE FUNCTION avld.escape_xml(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT regexp_replace(replace(replace(replace(replace(words, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
		'[\x01-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFE\uFFFF]', '', 'g')
$$;

CREATE OR REPLACE FUNCTION avld.track_gpx(ident text, since timestamptz, until timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '<?xml version="1.0" encoding="UTF-8"?>' || E'\n'
		|| '<gpx version="1.1" creator="avld" xmlns="http://www.topografix.com/GPX/1/1">' || E'\n'
		|| '<trk><name>' || avld.escape_xml(coalesce(max(d.name), track_gpx.ident)) || '</name><trkseg>' || E'\n'
		|| coalesce(string_agg('<trkpt lat="' || round(t.latitude::numeric, 7) || '" lon="'
			-- the schema of GPX ends before 180
			|| coalesce(nullif(round(t.longitude::numeric, 7), 180), -180.0000000) || '">'
			|| coalesce('<ele>' || round(t.altitude_m::numeric, 2) || '</ele>', '') || '<time>'
			|| to_char(t.fixed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '</time></trkpt>' || E'\n', ''
			ORDER BY t.n), '')
		|| '</trkseg></trk>' || E'\n' || '</gpx>' || E'\n'
	FROM (SELECT 1) AS always
	LEFT JOIN avld.devices AS d ON d.ident = track_gpx.ident
	LEFT JOIN LATERAL (
		SELECT r.*, row_number() OVER () AS n FROM avld.track(d.ident, since, until) AS r
	) AS t ON true
$$;

COMMENT ON FUNCTION avld.track_geojson(text, timestamptz, timestamptz) IS
	'The track as GeoJSON (RFC 7946): a line, cut at the date line, then its points with time (UTC), speed_kmh and so on. '
	'Example: SELECT avld.track_geojson(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.track_gpx(text, timestamptz, timestamptz) IS
	'The track as GPX 1.1 (XML); ele in metres, time in UTC. Example: '
	'SELECT avld.track_gpx(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.escape_xml(text) IS 'Used by track_gpx: escapes text for XML. Example: SELECT avld.escape_xml(''a < b'')';
