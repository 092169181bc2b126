-- Fixes in a box or a circle, and alarms.

CREATE OR REPLACE FUNCTION avld.within(
	lat_min double precision, lon_min double precision, lat_max double precision, lon_max double precision,
	since timestamptz, until timestamptz,
	OUT ident text, OUT name text, OUT fixed_at timestamptz, OUT latitude double precision, OUT longitude double precision,
	OUT speed_kmh real
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT d.ident, d.name, p.fixed_at, p.latitude, p.longitude, p.speed_kmh
	FROM avld.positions AS p
	JOIN avld.devices AS d ON d.id = p.device_id
	WHERE p.fixed_at >= since AND p.fixed_at < until AND p.valid AND p.latitude BETWEEN lat_min AND lat_max
		AND CASE WHEN lon_min <= lon_max THEN p.longitude BETWEEN lon_min AND lon_max
			ELSE p.longitude >= lon_min OR p.longitude <= lon_max END -- across the date line
	ORDER BY p.fixed_at, d.ident, p.dedup;
END
$$;

CREATE OR REPLACE FUNCTION avld.near(
	lat double precision, lon double precision, metres double precision, since timestamptz, until timestamptz,
	OUT ident text, OUT name text, OUT fixed_at timestamptz, OUT latitude double precision, OUT longitude double precision,
	OUT speed_kmh real, OUT distance_m double precision
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	-- a box around the circle, slightly too large; all longitudes if it contains a pole
	lat_span double precision := least(metres, 20100000) / 111194 + 1e-9;
	pole boolean := abs(lat) + lat_span >= 90;
	lon_span double precision := CASE WHEN pole THEN 180
		ELSE degrees(asin(least(1, sin(radians(lat_span)) / cos(radians(lat))))) + 1e-9 END;
	west double precision := lon - lon_span;
	east double precision := lon + lon_span;
BEGIN
	IF west < -180 OR east > 180 THEN
		west := CASE WHEN west < -180 THEN west + 360 ELSE west END;
		east := CASE WHEN east > 180 THEN east - 360 ELSE east END;
	END IF;
	IF lon_span >= 180 THEN
		west := -180;
		east := 180;
	END IF;
	RETURN QUERY
	SELECT n.ident, n.name, n.fixed_at, n.latitude, n.longitude, n.speed_kmh, round(n.far::numeric, 1)::double precision
	FROM (
		SELECT w.*, 1000 * avld.distance_km(lat, lon, w.latitude, w.longitude) AS far
		FROM avld.within(lat - lat_span, west, lat + lat_span, east, since, until) AS w
	) AS n
	WHERE n.far <= metres
	ORDER BY n.fixed_at, n.ident;
END
$$;

CREATE OR REPLACE FUNCTION avld.alarms_since(
	since timestamptz, only_ident text DEFAULT NULL,
	OUT occurred_at timestamptz, OUT ident text, OUT name text, OUT alarm text, OUT told text, OUT event text,
	OUT latitude double precision, OUT longitude double precision, OUT speed_kmh real, OUT received_at timestamptz
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT a.occurred_at, d.ident, d.name, a.alarm, CASE WHEN a.stored THEN 'then' ELSE 'now' END, a.event, a.latitude, a.longitude,
		a.speed_kmh, a.received_at
	FROM avld.alarms AS a
	JOIN avld.devices AS d ON d.id = a.device_id
	WHERE a.received_at >= since AND (only_ident IS NULL OR d.ident = only_ident)
	ORDER BY a.occurred_at, d.ident, a.alarm, a.dedup;
END
$$;

COMMENT ON FUNCTION avld.within(
	double precision, double precision, double precision, double precision, timestamptz, timestamptz) IS
	'Fixes inside a box, degrees: south, west, north, east; west > east: across the date line. One row per fix, since <= '
	'fixed_at < until. Example: SELECT DISTINCT ident FROM avld.within(48.0, 11.3, 48.2, 11.7, ''2026-11-22 10:00'', '
	'''2026-11-22 11:00'')';
COMMENT ON FUNCTION avld.near(double precision, double precision, double precision, timestamptz, timestamptz) IS
	'Fixes within a distance (metres) of a place (latitude, longitude in degrees). One row per fix, since <= fixed_at < until. '
	'Example: SELECT * FROM avld.near(48.1, 11.5, 500, ''2026-11-22 10:00'', ''2026-11-22 11:00'')';
COMMENT ON FUNCTION avld.alarms_since(timestamptz, text) IS
	'Alarms received since a time, of all devices or one, ordered by occurred_at. told: now (live), or then (read from the log of '
	'the tracker). Example: SELECT * FROM avld.alarms_since(now() - interval ''1 day'')';
