-- Distances, tracks, and the last known place.
--
-- Functions for queries run with the rights of the caller. A NULL argument or an unknown ident gives no rows. Ranges are half
-- open, since <= t < until. Functions that read positions set plan_cache_mode: each call is planned with its values, so that it
-- reads only the partitions in the range.

CREATE OR REPLACE FUNCTION avld.distance_km(
	lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- haversine on the mean sphere, 6371.0088 km
	SELECT 12742.0176 * asin(least(1, sqrt(sin(radians(lat2 - lat1) / 2) ^ 2
		+ cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ^ 2)))
$$;

-- Omits outliers: fixes that no vehicle can reach, at 300 km/h, from the fix before. There the track jumps.
--
--     kept       jump   doubt     jump   next
--     o o o o o -----> x x x ----------> ...
--
-- Up to 3 fixes between two jumps are omitted, unless the last fix kept and the first one after the second jump are as far
-- apart: then the fixes after that jump are in doubt. At the ends of the track, where there is only one jump, up to 3 fixes are
-- omitted if more than 3 are on the other side.
-- Distances below 50 m are noise of the GPS, and count as 0, if both fixes report a speed below 1 km/h. Distances below some
-- 10 km are calculated on a plane: as accurate, and faster.
-- One pass over the rows, with a few of them in memory.
-- enable_sort = off reads the rows in index order. The planner assumes that the rows of a device are scattered, and prefers to
-- sort them; but a day's rows were written in the order of time, which is the order of the index.
CREATE OR REPLACE FUNCTION avld.track(ident text, since timestamptz, until timestamptz) RETURNS SETOF avld.fix
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	jump CONSTANT double precision := 300 / 3.6; -- m/s
	device CONSTANT bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = track.ident);
	fix avld.fix;
	kept avld.fix[] := '{}';  -- the first fixes, while they are too few to be trusted
	count integer := 0;       -- number of fixes kept
	doubt avld.fix[] := '{}';
	doubts integer := 0;
	-- the last fix kept
	at timestamptz;
	lat double precision;
	lon double precision;
	speed real;
	-- the last fix in doubt
	doubt_at timestamptz;
	doubt_lat double precision;
	doubt_lon double precision;
	far double precision;     -- distance from the last fix kept, metres; NULL: none yet
BEGIN
	FOR fix IN
		SELECT p.fixed_at, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.altitude_m, p.ignition, p.odometer_m, p.event,
			p.stored, p.stored OR p.received_at - p.fixed_at > interval '10 min', NULL
		FROM avld.positions AS p
		WHERE p.device_id = device AND p.fixed_at >= since AND p.fixed_at < until AND p.valid
		ORDER BY p.fixed_at, p.dedup
	LOOP
		far := CASE WHEN abs(fix.latitude - lat) < 0.1 AND abs(fix.longitude - lon) < 0.1 AND abs(lat) < 80
			THEN 111195.08 * sqrt((fix.latitude - lat) * (fix.latitude - lat) + (fix.longitude - lon) * (fix.longitude - lon)
				* (1 + cos(radians(fix.latitude + lat))) / 2) -- cos^2 of the mean latitude
			ELSE 1000 * avld.distance_km(lat, lon, fix.latitude, fix.longitude) END;
		IF far > jump AND far > jump * date_part('epoch', fix.fixed_at - at) THEN
			IF doubts > 0 THEN
				fix.metres := 1000 * avld.distance_km(doubt_lat, doubt_lon, fix.latitude, fix.longitude);
				IF fix.metres > jump
					AND fix.metres > jump * date_part('epoch', fix.fixed_at - doubt_at) THEN
					doubts := 0;
					doubt := '{}';
				END IF;
			END IF;
			IF doubts = 0 THEN
				fix.metres := far;
			END IF;
			doubt := doubt || fix;
			doubts := doubts + 1;
			doubt_at := fix.fixed_at;
			doubt_lat := fix.latitude;
			doubt_lon := fix.longitude;
			CONTINUE WHEN doubts <= 3;

			-- the majority is right, wherever it is
			IF count <= 3 THEN
				kept := '{}';
				count := 0;
			END IF;
			FOREACH fix IN ARRAY doubt LOOP
				count := count + 1;
				IF count = 1 THEN
					fix.metres := 0;
				END IF;
				RETURN NEXT fix;
			END LOOP;
			doubts := 0;
			doubt := '{}';
			at := fix.fixed_at;
			lat := fix.latitude;
			lon := fix.longitude;
			speed := fix.speed_kmh;
			CONTINUE;
		END IF;

		IF doubts > 0 THEN
			doubts := 0;
			doubt := '{}';
		END IF;
		fix.metres := CASE WHEN far < 50 AND fix.speed_kmh < 1 AND speed < 1 THEN 0 ELSE coalesce(far, 0) END;
		at := fix.fixed_at;
		lat := fix.latitude;
		lon := fix.longitude;
		speed := fix.speed_kmh;
		IF count > 3 THEN
			RETURN NEXT fix;
		ELSE
			count := count + 1;
			kept := kept || fix;
			IF count = 4 THEN
				RETURN QUERY SELECT k.* FROM unnest(kept) AS k;
			END IF;
		END IF;
	END LOOP;
	IF count <= 3 THEN
		RETURN QUERY SELECT k.* FROM unnest(kept || doubt) AS k;
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION avld.distance_km(ident text, since timestamptz, until timestamptz) RETURNS double precision
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT round((sum(t.metres) / 1000)::numeric, 3)::double precision
	FROM avld.track(distance_km.ident, since, until) AS t
$$;

-- Searches backwards in growing strides, so that only partitions near `at` are read, not those of years.
CREATE OR REPLACE FUNCTION avld.last_known(
	ident text, at timestamptz,
	OUT fixed_at timestamptz, OUT latitude double precision, OUT longitude double precision, OUT speed_kmh real,
	OUT course_deg real, OUT altitude_m real, OUT ignition boolean, OUT odometer_m bigint, OUT event text,
	OUT stored boolean
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	device bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = last_known.ident);
	newest timestamptz := least(at, now() + interval '1 day');
	stride interval;
	oldest timestamptz;
BEGIN
	FOREACH stride IN ARRAY ARRAY['1 day', '10 days', '100 days', '1000 days', NULL]::interval[] LOOP
		-- no row is older than GPS
		oldest := CASE WHEN stride IS NULL OR newest < '1980-01-01' THEN '-infinity' ELSE newest - stride END;
		RETURN QUERY
		SELECT p.fixed_at, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.altitude_m, p.ignition, p.odometer_m, p.event,
			p.stored
		FROM avld.positions AS p
		WHERE p.device_id = device AND p.valid AND p.fixed_at <= newest AND p.fixed_at > oldest
		ORDER BY p.fixed_at DESC, p.dedup DESC
		LIMIT 1;
		EXIT WHEN FOUND OR device IS NULL OR oldest = '-infinity';
	END LOOP;
END
$$;

COMMENT ON FUNCTION avld.track(text, timestamptz, timestamptz) IS
	'The track of a device, since <= fixed_at < until, in order: its valid fixes without implausible ones (over 300 km/h). '
	'late: read from the log of the tracker, or received more than 10 minutes later. metres: distance from the fix before. '
	'Example: SELECT * FROM avld.track(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.distance_km(double precision, double precision, double precision, double precision) IS
	'Great-circle distance in km between two places (latitude, longitude, latitude, longitude in degrees), on a sphere: within '
	'0.5 %. Example: SELECT avld.distance_km(48.1, 11.5, 47.3, 11.4)';
COMMENT ON FUNCTION avld.distance_km(text, timestamptz, timestamptz) IS
	'Distance that a device covered, by GPS, in km; NULL: no fix. Example: SELECT avld.distance_km(''5021234'', ''2026-11-22'', '
	'''2026-11-23'')';
COMMENT ON FUNCTION avld.last_known(text, timestamptz) IS
	'Where a device was at a time: its newest valid fix up to then, or no row. Example: '
	'SELECT * FROM avld.last_known(''5021234'', ''2026-11-22 12:00'')';
