-- Functions to ask with: tracks, trips, stops, distances, neighbourhoods, exports, and "why do I not see it?".
-- ASCII only: it is compiled into the program.
--
-- They run with the caller's rights. A NULL argument or an unknown ident gives no rows. Ranges are half open,
-- since <= t < until. What reads positions pins plan_cache_mode: each call is planned with its values, so that only the days
-- asked for are touched.

-- ---------------------------------------------------------------------------------------------------------------------------
-- Distance

CREATE FUNCTION avld.distance_km(
	lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- haversine on the mean sphere, 6371.0088 km
	SELECT 12742.0176 * asin(least(1, sqrt(sin(radians(lat2 - lat1) / 2) ^ 2
		+ cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ^ 2)))
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Tracks

CREATE TYPE avld.fix AS (
	fixed_at timestamptz,
	latitude double precision,
	longitude double precision,
	speed_kmh real,
	course_deg real,
	altitude_m real,
	ignition boolean,
	odometer_m bigint,
	event text,
	stored boolean,
	late boolean,
	metres double precision
);

-- Outliers: between two fixes that nobody can reach one from the other, at 300 km/h, the track jumps.
--
--     kept       jump   doubt     jump   next
--     o o o o o -----> x x x ----------> ...
--
-- At most 3 fixes between two jumps are left out, unless the last of what is kept and the first behind the second jump lie as
-- far apart: then what is behind it is in doubt. At the ends, where there is one jump only, up to 3 fixes are left out if more
-- than 3 are on the other side.
-- Standing still is no distance: where both fixes say so (below 1 km/h), what is left below 50 m is the noise of the GPS. Less
-- than some 10 km are calculated flat: as good, and quicker.
-- A loop: one pass over the rows, whatever is in them, with the memory of a few.
CREATE FUNCTION avld.track(ident text, since timestamptz, until timestamptz) RETURNS SETOF avld.fix
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	jump CONSTANT double precision := 300 / 3.6; -- m/s
	device CONSTANT bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = track.ident);
	fix avld.fix;
	kept avld.fix[] := '{}';  -- the first ones, as long as they are too few to be believed
	count integer := 0;       -- kept so far
	doubt avld.fix[] := '{}';
	doubts integer := 0;
	-- the last one kept
	at timestamptz;
	lat double precision;
	lon double precision;
	speed real;
	-- the last one in doubt
	doubt_at timestamptz;
	doubt_lat double precision;
	doubt_lon double precision;
	far double precision := 0;
BEGIN
	FOR fix IN
		SELECT p.fixed_at, p.latitude, p.longitude, p.speed_kmh, p.course_deg, p.altitude_m, p.ignition, p.odometer_m, p.event,
			p.stored, p.stored OR p.received_at - p.fixed_at > interval '10 min', NULL
		FROM avld.positions AS p
		WHERE p.device_id = device AND p.fixed_at >= since AND p.fixed_at < until AND p.valid
		ORDER BY p.fixed_at, p.dedup
	LOOP
		IF count > 0 THEN
			far := CASE WHEN abs(fix.latitude - lat) < 0.1 AND abs(fix.longitude - lon) < 0.1 AND abs(lat) < 80
				THEN 111195.08 * sqrt((fix.latitude - lat) * (fix.latitude - lat) + (fix.longitude - lon) * (fix.longitude - lon)
					* (1 + cos(radians(fix.latitude + lat))) / 2) -- that is cos^2 of the latitude between
				ELSE 1000 * avld.distance_km(lat, lon, fix.latitude, fix.longitude) END;
			IF far > jump AND far > jump * extract(epoch FROM fix.fixed_at - at)::double precision THEN
				IF doubts > 0 THEN
					fix.metres := 1000 * avld.distance_km(doubt_lat, doubt_lon, fix.latitude, fix.longitude);
					IF fix.metres > jump
						AND fix.metres > jump * extract(epoch FROM fix.fixed_at - doubt_at)::double precision THEN
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

				-- the many are right, wherever they come from
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
		END IF;

		IF doubts > 0 THEN
			doubts := 0;
			doubt := '{}';
		END IF;
		fix.metres := CASE WHEN far < 50 AND fix.speed_kmh < 1 AND speed < 1 THEN 0 ELSE far END;
		at := fix.fixed_at;
		lat := fix.latitude;
		lon := fix.longitude;
		speed := fix.speed_kmh;
		count := count + 1;
		IF count > 4 THEN
			RETURN NEXT fix;
		ELSE
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

CREATE FUNCTION avld.distance_km(ident text, since timestamptz, until timestamptz) RETURNS double precision
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT round((sum(t.metres) / 1000)::numeric, 3)::double precision
	FROM avld.track(distance_km.ident, since, until) AS t
$$;

-- Steps back in time in growing strides, so that of years of days only those near `at` are looked at.
CREATE FUNCTION avld.last_known(
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
		-- nothing is filed under a time before GPS
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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Trips and stops

-- One walk along the track. Between two fixes the tracker moves if
--   by ignition (most of the first 2,000 fixes report it): it was on at the first of the two;
--   by motion: one of the two says min_speed_kmh or more; where neither says anything, or they are min_stop apart or more: if
--   the way between them takes that speed.
-- In a silence of an hour or more the way between alone counts. A pause shorter than min_stop belongs to the trip.
CREATE FUNCTION avld.find_trips(
	ident text, since timestamptz, until timestamptz, min_speed_kmh double precision, min_stop interval,
	OUT started_at timestamptz, OUT start_latitude double precision, OUT start_longitude double precision,
	OUT ended_at timestamptz, OUT end_latitude double precision, OUT end_longitude double precision,
	OUT metres double precision, OUT rolled_m bigint, OUT fastest_kmh real, OUT positions bigint
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	device CONSTANT bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = find_trips.ident);
	stop_s CONSTANT double precision := extract(epoch FROM min_stop);
	by_ignition boolean;
	fix record;
	was record;             -- the fix before, if there is one:
	later boolean := false;
	ignition boolean;       -- as last reported
	odometer_m bigint;
	odometer_s double precision;
	seconds double precision;
	moves boolean := false;
	-- the trip, if there is one, up to its last move; and what came since, which is part of it if it moves on
	under_way boolean := false;
	pause_metres double precision;
	pause_rolled_m bigint;
	pause_fastest_kmh real;
	pause_positions bigint;
BEGIN
	SELECT 2 * count(p.ignition) > count(*) INTO by_ignition
	FROM (
		SELECT p.ignition FROM avld.positions AS p
		WHERE p.device_id = device AND p.fixed_at >= since AND p.fixed_at < until AND p.valid
		ORDER BY p.fixed_at
		LIMIT 2000
	) AS p;

	FOR fix IN
		SELECT t.fixed_at, t.latitude, t.longitude, t.speed_kmh, t.ignition, t.odometer_m, t.metres,
			extract(epoch FROM t.fixed_at)::double precision AS s
		FROM avld.track(ident, since, until) AS t
	LOOP
		IF later THEN
			seconds := fix.s - was.s;
			moves := coalesce(CASE
				WHEN seconds >= 3600 THEN fix.metres * 3.6 >= min_speed_kmh * seconds
				WHEN by_ignition THEN ignition
				WHEN seconds >= stop_s OR fix.speed_kmh IS NULL AND was.speed_kmh IS NULL
					THEN fix.metres > 0 AND fix.metres * 3.6 >= min_speed_kmh * seconds
				ELSE greatest(fix.speed_kmh, was.speed_kmh) >= min_speed_kmh
			END, false);
		END IF;

		IF moves AND NOT under_way THEN
			under_way := true;
			started_at := was.fixed_at;
			start_latitude := was.latitude;
			start_longitude := was.longitude;
			metres := 0;
			rolled_m := NULL;
			fastest_kmh := was.speed_kmh;
			positions := 1;
			pause_metres := 0;
			pause_rolled_m := NULL;
			pause_fastest_kmh := NULL;
			pause_positions := 0;
		END IF;
		IF under_way THEN
			pause_metres := pause_metres + fix.metres;
			pause_fastest_kmh := greatest(pause_fastest_kmh, fix.speed_kmh);
			pause_positions := pause_positions + 1;
			-- what runs backwards, or faster than 300 km/h, is no way: it was reset, or is nonsense
			IF fix.odometer_m BETWEEN odometer_m AND odometer_m + 1000 + (fix.s - odometer_s) * 300 / 3.6 THEN
				pause_rolled_m := coalesce(pause_rolled_m, 0) + fix.odometer_m - odometer_m;
			END IF;
		END IF;
		IF moves THEN
			ended_at := fix.fixed_at;
			end_latitude := fix.latitude;
			end_longitude := fix.longitude;
			metres := metres + pause_metres;
			rolled_m := CASE WHEN pause_rolled_m IS NULL THEN rolled_m ELSE coalesce(rolled_m, 0) + pause_rolled_m END;
			fastest_kmh := greatest(fastest_kmh, pause_fastest_kmh);
			positions := positions + pause_positions;
			pause_metres := 0;
			pause_rolled_m := NULL;
			pause_fastest_kmh := NULL;
			pause_positions := 0;
		ELSIF under_way AND fix.fixed_at - ended_at >= min_stop THEN
			under_way := false;
			RETURN NEXT;
		END IF;

		was := fix;
		later := true;
		ignition := coalesce(fix.ignition, ignition);
		IF fix.odometer_m IS NOT NULL THEN
			odometer_m := fix.odometer_m;
			odometer_s := fix.s;
		END IF;
	END LOOP;
	IF under_way THEN
		RETURN NEXT;
	END IF;
END
$$;

CREATE FUNCTION avld.trips(
	ident text, since timestamptz, until timestamptz,
	min_speed_kmh double precision DEFAULT 5, min_stop interval DEFAULT '3 min', min_distance_m double precision DEFAULT 100,
	OUT started_at timestamptz, OUT ended_at timestamptz,
	OUT start_latitude double precision, OUT start_longitude double precision,
	OUT end_latitude double precision, OUT end_longitude double precision,
	OUT duration interval, OUT distance_km double precision, OUT odometer_km double precision,
	OUT max_speed_kmh double precision, OUT mean_speed_kmh double precision, OUT positions bigint
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.started_at, t.ended_at, t.start_latitude, t.start_longitude, t.end_latitude, t.end_longitude,
		t.ended_at - t.started_at, round((t.metres / 1000)::numeric, 3)::double precision, t.rolled_m / 1000.0::double precision,
		round(t.fastest_kmh::numeric, 1)::double precision,
		round((t.metres * 3.6 / nullif(extract(epoch FROM t.ended_at - t.started_at), 0)::double precision)::numeric, 1)
			::double precision,
		t.positions
	FROM avld.find_trips(trips.ident, since, until, min_speed_kmh,
		min_stop) AS t
	WHERE greatest(t.metres, t.rolled_m) >= min_distance_m
	ORDER BY t.started_at
$$;

-- What is between the trips, and before and behind them as far as there are fixes.
CREATE FUNCTION avld.stops(
	ident text, since timestamptz, until timestamptz,
	min_speed_kmh double precision DEFAULT 5, min_stop interval DEFAULT '3 min', min_distance_m double precision DEFAULT 100,
	OUT arrived_at timestamptz, OUT left_at timestamptz, OUT duration interval,
	OUT latitude double precision, OUT longitude double precision
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	device bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = stops.ident);
	last_fix record;
	trip record;
BEGIN
	SELECT p.fixed_at INTO arrived_at
	FROM avld.positions AS p
	WHERE p.device_id = device AND p.fixed_at >= since AND p.fixed_at < until AND p.valid
	ORDER BY p.fixed_at, p.dedup
	LIMIT 1;
	SELECT p.fixed_at, p.latitude, p.longitude INTO last_fix
	FROM avld.positions AS p
	WHERE p.device_id = device AND p.fixed_at >= since AND p.fixed_at < until AND p.valid
	ORDER BY p.fixed_at DESC, p.dedup DESC
	LIMIT 1;
	latitude := NULL;

	FOR trip IN
		SELECT t.* FROM avld.trips(ident, since, until, min_speed_kmh, min_stop, min_distance_m) AS t
	LOOP
		left_at := trip.started_at;
		duration := left_at - arrived_at;
		latitude := coalesce(latitude, trip.start_latitude);
		longitude := coalesce(longitude, trip.start_longitude);
		IF duration >= min_stop THEN
			RETURN NEXT;
		END IF;
		arrived_at := trip.ended_at;
		latitude := trip.end_latitude;
		longitude := trip.end_longitude;
	END LOOP;

	left_at := NULL;
	duration := last_fix.fixed_at - arrived_at;
	latitude := coalesce(latitude, last_fix.latitude);
	longitude := coalesce(longitude, last_fix.longitude);
	IF duration >= min_stop THEN
		RETURN NEXT;
	END IF;
END
$$;

-- Each day by itself, so that a day's row is the same whatever range it was asked in.
CREATE FUNCTION avld.daily_summary(
	ident text, first_day date, last_day date, tz text DEFAULT 'UTC',
	OUT day date, OUT first_fix timestamptz, OUT last_fix timestamptz, OUT distance_km double precision,
	OUT odometer_km double precision, OUT trips bigint, OUT driving interval, OUT stopped interval,
	OUT max_speed_kmh double precision, OUT alarms bigint, OUT positions bigint
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 31
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	device bigint := (SELECT d.id FROM avld.devices AS d WHERE d.ident = daily_summary.ident);
	begins timestamptz;
	ends timestamptz;
BEGIN
	IF device IS NULL THEN
		RETURN;
	END IF;
	IF NOT isfinite(first_day) OR NOT isfinite(last_day) THEN
		RAISE EXCEPTION 'avld.daily_summary: % to % has no end', first_day, last_day
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR number IN 0 .. last_day - first_day LOOP
		day := first_day + number;
		begins := day::timestamp AT TIME ZONE tz;
		ends := (day + 1)::timestamp AT TIME ZONE tz;
		SELECT min(t.fixed_at), max(t.fixed_at), round((sum(t.metres) / 1000)::numeric, 3), round(max(t.speed_kmh)::numeric, 1),
			count(*)
		INTO first_fix, last_fix, distance_km, max_speed_kmh, positions
		FROM avld.track(ident, begins, ends) AS t;
		SELECT count(*), coalesce(sum(t.duration), '0'), sum(t.odometer_km)
		INTO trips, driving, odometer_km
		FROM avld.trips(ident, begins, ends) AS t;
		driving := CASE WHEN positions > 0 THEN driving END;
		stopped := last_fix - first_fix - driving;
		SELECT count(*) INTO alarms
		FROM avld.alarms AS a
		WHERE a.device_id = device AND a.occurred_at >= begins AND a.occurred_at < ends;
		RETURN NEXT;
	END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Who was there

CREATE FUNCTION avld.within(
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

CREATE FUNCTION avld.near(
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
	-- a box round the circle, a little too large; where it holds a pole, all round
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

CREATE FUNCTION avld.alarms_since(
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
-- Rows come in the order of receipt: a few pages of index are enough.
CREATE INDEX alarms_received_at ON avld.alarms USING brin (received_at) WITH (autosummarize = on);

-- Scalar subqueries: who does not select the alarm does not pay for it.
CREATE OR REPLACE VIEW avld.latest_positions AS
SELECT
	d.ident, d.name, d.protocol, d.state, d.id AS device_id,
	s.fixed_at, now() - s.fixed_at AS age, s.latitude, s.longitude, s.altitude_m, s.speed_kmh, s.course_deg, s.satellites,
	s.ignition, s.inputs, s.outputs, s.odometer_m, s.battery_percent, s.battery_v, s.power_v, s.gsm_percent, s.driver, s.event,
	s.connected, s.last_seen, s.transport, s.peer,
	(SELECT a.alarm FROM avld.alarms AS a WHERE a.device_id = d.id
		ORDER BY a.occurred_at DESC, a.alarm DESC, a.dedup DESC LIMIT 1) AS alarm,
	(SELECT a.occurred_at FROM avld.alarms AS a WHERE a.device_id = d.id ORDER BY a.occurred_at DESC LIMIT 1) AS alarm_at
FROM avld.devices d
LEFT JOIN avld.device_state s ON s.device_id = d.id;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Tracks for other programs

-- RFC 7946: longitude first, and a line that crosses the antimeridian is cut there.
CREATE FUNCTION avld.track_geojson(ident text, since timestamptz, until timestamptz) RETURNS json
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
		-- where it crosses; both ends may lie on the edge itself
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

-- Characters that XML 1.0 has no way to write are left out.
CREATE FUNCTION avld.escape_xml(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT regexp_replace(replace(replace(replace(replace(words, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
		'[\x01-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFE\uFFFF]', '', 'g')
$$;

CREATE FUNCTION avld.track_gpx(ident text, since timestamptz, until timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '<?xml version="1.0" encoding="UTF-8"?>' || E'\n'
		|| '<gpx version="1.1" creator="avld" xmlns="http://www.topografix.com/GPX/1/1">' || E'\n'
		|| '<trk><name>' || avld.escape_xml(coalesce(max(d.name), track_gpx.ident)) || '</name><trkseg>' || E'\n'
		|| coalesce(string_agg('<trkpt lat="' || round(t.latitude::numeric, 7) || '" lon="' || round(t.longitude::numeric, 7) || '">'
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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Why do I not see it?

CREATE FUNCTION avld.say_span(span interval) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN s < 120 THEN round(s) || ' s'
		WHEN s < 7200 THEN round(s / 60) || ' min'
		WHEN s < 172800 THEN round(s / 3600) || ' h'
		ELSE round(s / 86400) || ' days' END
	FROM (SELECT abs(extract(epoch FROM span))::numeric AS s) AS t
$$;

CREATE FUNCTION avld.say_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT to_char(at, 'YYYY-MM-DD HH24:MI:SS TZ') || CASE WHEN at <= now() THEN ' (' || avld.say_span(now() - at) || ' ago)' ELSE '' END
$$;

-- Bytes come from strangers: what is not plain text is shown in hex only.
CREATE FUNCTION avld.say_frame(frame bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN length(frame) = 0 THEN 'no bytes'
		ELSE encode(substring(frame FOR 32), 'hex') || CASE WHEN length(frame) > 32 THEN '...' ELSE '' END
			|| CASE WHEN words ~ '^[ -~]+$' AND strpos(words, '\') = 0 THEN ' = "' || words || '"' ELSE '' END END
	FROM (SELECT rtrim(encode(substring(frame FOR 32), 'escape'), E'\r\n') AS words) AS t
$$;

-- The silence that is usual for a device: four fifths of its time it was no longer silent than that; of the newest 2,000 live
-- reports in the 7 days up to `newest`. Time is counted, not reports: who parks every night without a word is used to that,
-- however much he says by day.
CREATE FUNCTION avld.usual_silence(device bigint, newest timestamptz) RETURNS interval
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
	RETURN (
		WITH reports AS (
			(SELECT p.received_at AS at FROM avld.positions AS p
			WHERE p.device_id = device AND p.fixed_at > newest - interval '7 days' AND p.fixed_at < newest + interval '1 day'
				AND NOT p.stored
			ORDER BY p.fixed_at DESC LIMIT 2000)
			UNION ALL
			(SELECT s.received_at FROM avld.statuses AS s
			WHERE s.device_id = device AND s.reported_at > newest - interval '7 days'
				AND s.reported_at < newest + interval '1 day' AND NOT s.stored
			ORDER BY s.reported_at DESC LIMIT 2000)
		), gaps AS (
			SELECT r.at - lag(r.at) OVER (ORDER BY r.at) AS gap FROM reports AS r
		), shares AS (
			SELECT g.gap, sum(g.gap) OVER (ORDER BY g.gap) AS up_to, sum(g.gap) OVER () AS total FROM gaps AS g WHERE g.gap > '0'
		)
		SELECT min(s.gap) FROM shares AS s WHERE s.up_to >= 0.8 * s.total);
END
$$;

-- Replaced by the migration that makes commands.
CREATE FUNCTION avld.diagnose_commands(
	device bigint, OUT severity text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT NULL::text, NULL::text, NULL::text, NULL::text WHERE false
$$;

-- Peers of the last day that sent bytes, or nothing, and never said who they are.
CREATE FUNCTION avld.find_strangers(
	most integer, OUT address text, OUT count bigint, OUT last_seen timestamptz, OUT what text
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
	WITH told AS (
		SELECT regexp_replace(r.peer, ':\d+$', '') AS address, count(*) AS count, max(r.received_at) AS last_seen,
			(array_agg(r.reason || ': ' || avld.say_frame(r.frame) ORDER BY r.received_at DESC))[1] AS what
		FROM avld.rejects AS r
		WHERE r.received_at > now() - interval '1 day' AND r.ident IS NULL AND r.peer IS NOT NULL
		GROUP BY 1
	), silent AS (
		SELECT regexp_replace(c.peer, ':\d+$', '') AS address, count(*) AS count, max(c.closed_at) AS last_seen,
			'sent ' || max(c.bytes) || ' bytes at most; ended: ' || (array_agg(c.reason ORDER BY c.closed_at DESC))[1] AS what
		FROM avld.connections AS c
		WHERE c.closed_at > now() - interval '1 day' AND c.ident IS NULL
		GROUP BY 1
	)
	SELECT t.address, t.count, t.last_seen, t.what
	FROM (
		SELECT * FROM told
		UNION ALL
		SELECT s.* FROM silent AS s WHERE NOT EXISTS (SELECT FROM told AS t WHERE t.address = s.address)
	) AS t
	ORDER BY t.last_seen DESC, t.address
	LIMIT most
$$;

-- One device, for people. Nothing of what strangers sent is run or believed, only shown.
CREATE FUNCTION avld.diagnose(
	ident text, OUT severity text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	asked CONSTANT text := ident;
	week CONSTANT timestamptz := now() - interval '7 days';
	device avld.devices;
	state avld.device_state;
	newest record;
	item record;
	usual interval;
	silence interval;
BEGIN
	SELECT d.* INTO device FROM avld.devices AS d WHERE d.ident = asked;
	SELECT s.* INTO state FROM avld.device_state AS s WHERE s.device_id = device.id;

	-- who it is
	IF device.id IS NULL THEN
		severity := 'problem';
		finding := 'not in avld.devices';
		detail := 'no tracker with this ident was taken in so far';
		next_step := 'compare it with what is written on the tracker (serial number or IMEI, each zero counts)';
		RETURN NEXT;
		FOR item IN
			SELECT u.* FROM avld.unknown_devices AS u WHERE u.ident = asked
		LOOP
			finding := 'refused: devices.unknown = refuse, and it is not listed';
			detail := format('%s reports since %s, the last %s from %s, protocol %s', item.count, avld.say_time(item.first_seen),
				avld.say_time(item.last_seen), item.peer, coalesce(item.protocol, 'unknown'));
			next_step := format('if it is yours: INSERT INTO avld.devices (ident) VALUES (%L)', asked);
			RETURN NEXT;
		END LOOP;
		FOR item IN
			SELECT t.ident, t.origin
			FROM (
				SELECT d.ident, 'avld.devices' AS origin FROM avld.devices AS d
				UNION ALL SELECT u.ident, 'avld.unknown_devices' FROM avld.unknown_devices AS u
			) AS t
			WHERE t.ident <> asked AND length(asked) >= 4 AND length(t.ident) >= 4
				AND (ltrim(t.ident, '0') = ltrim(asked, '0') OR right(t.ident, length(asked)) = asked
					OR right(asked, length(t.ident)) = t.ident)
			ORDER BY t.ident
			LIMIT 3
		LOOP
			severity := 'info';
			finding := 'one much like it is known';
			detail := format('%s, in %s', item.ident, item.origin);
			next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
			RETURN NEXT;
		END LOOP;
	ELSIF device.state = 'blocked' THEN
		severity := 'problem';
		finding := 'blocked';
		detail := 'its owner set devices.state = blocked: its reports are refused';
		next_step := format('UPDATE avld.devices SET state = ''active'' WHERE ident = %L', asked);
		RETURN NEXT;
	END IF;

	IF device.protocol IS NOT NULL THEN
		severity := CASE WHEN device.protocol <> state.protocol THEN 'problem' ELSE 'info' END;
		finding := 'protocol set by the owner';
		detail := format('%s and no other; %s', device.protocol, coalesce('it last spoke ' || state.protocol, 'it never spoke'));
		next_step := CASE WHEN device.protocol <> state.protocol
			THEN format('UPDATE avld.devices SET protocol = NULL WHERE ident = %L', asked) END;
		RETURN NEXT;
	ELSIF state.protocol IS NOT NULL THEN
		severity := 'ok';
		finding := 'protocol found by its bytes';
		detail := state.protocol;
		next_step := NULL;
		RETURN NEXT;
	END IF;

	-- is it there
	IF state.device_id IS NULL THEN
		IF device.id IS NOT NULL THEN
			severity := 'problem';
			finding := 'never seen';
			detail := format('in avld.devices since %s, but no frame of it came', avld.say_time(device.created_at));
			next_step := 'see the last finding';
			RETURN NEXT;
		END IF;
	ELSE
		usual := avld.usual_silence(device.id, state.last_seen);
		silence := now() - state.last_seen;
		severity := CASE WHEN silence > greatest(2 * usual, interval '10 min') THEN 'problem' ELSE 'ok' END;
		finding := CASE WHEN severity = 'problem' THEN 'silent longer than usual' ELSE 'reports' END;
		detail := format('last frame %s over %s from %s; %s; %s', avld.say_time(state.last_seen), state.transport, state.peer,
			CASE WHEN state.connected THEN 'connected' WHEN state.transport = 'udp' THEN 'UDP has no connection'
				ELSE 'not connected' END,
			CASE WHEN usual IS NULL THEN 'too few reports to know its habit'
				ELSE 'usually silent no longer than ' || avld.say_span(usual) END);
		next_step := CASE WHEN severity <> 'problem' THEN NULL
			WHEN state.ignition IS FALSE THEN 'its ignition was off: parked out of coverage, or its battery is empty?'
			WHEN state.gsm_percent < 20 THEN 'its signal was ' || state.gsm_percent || ' %: out of coverage?'
			ELSE 'power, coverage, credit of the SIM; then server address and APN in the tracker' END;
		RETURN NEXT;
	END IF;

	SELECT count(*) AS count, max(c.closed_at) AS last, (array_agg(c.reason ORDER BY c.closed_at DESC))[1] AS reason,
		percentile_disc(0.5) WITHIN GROUP (ORDER BY c.closed_at - c.opened_at) AS median
	INTO item
	FROM avld.connections AS c
	WHERE c.ident = asked AND c.closed_at > now() - interval '1 day';
	IF item.count > 0 THEN
		severity := CASE WHEN item.count > 50 THEN 'warning' ELSE 'info' END;
		finding := CASE WHEN item.count > 50 THEN 'connects again and again' ELSE 'connections that ended' END;
		detail := format('%s in the last day, half of them within %s; the last ended %s: %s', item.count,
			avld.say_span(item.median), avld.say_time(item.last), item.reason);
		next_step := CASE WHEN item.count > 50
			THEN 'coverage; two trackers with one ident; a tracker that waits for another reply' END;
		RETURN NEXT;
	END IF;

	-- is it understood
	FOR item IN
		SELECT r.reason, count(*) AS count, max(r.received_at) AS last,
			(array_agg(avld.say_frame(r.frame) ORDER BY r.received_at DESC))[1] AS frame
		FROM avld.rejects AS r
		WHERE r.ident = asked AND r.received_at > week
		GROUP BY r.reason
		ORDER BY max(r.received_at) DESC
		LIMIT 5
	LOOP
		severity := 'warning';
		finding := CASE WHEN item.reason LIKE 'delta:%' THEN 'deltas that cannot be used' ELSE 'refused: ' || item.reason END;
		detail := format('%s in 7 days, the last %s: %s', item.count, avld.say_time(item.last), item.frame);
		next_step := CASE
			WHEN item.reason LIKE 'delta:%' THEN 'they need a full record before them: its next one mends it, or switch Smart Report off'
			WHEN item.reason LIKE 'device is blocked%' THEN 'see devices.state'
			WHEN item.reason LIKE 'not the protocol set%' THEN 'see devices.protocol'
			WHEN item.reason LIKE 'unknown device%' THEN 'enter it into avld.devices, or set devices.unknown = accept'
			ELSE 'SELECT * FROM avld.rejects WHERE ident = ' || quote_literal(asked) || ' ORDER BY received_at DESC' END;
		RETURN NEXT;
	END LOOP;

	-- does it know where it is, and when
	IF state.device_id IS NOT NULL THEN
		SELECT p.fixed_at, p.received_at, p.valid, p.satellites INTO newest
		FROM avld.positions AS p
		WHERE p.device_id = device.id AND p.fixed_at > state.last_seen - interval '7 days'
		ORDER BY p.fixed_at DESC, p.dedup DESC
		LIMIT 1;
		IF state.fixed_at IS NULL THEN
			severity := 'problem';
			finding := 'no valid fix yet';
			detail := CASE WHEN newest.fixed_at IS NULL THEN 'it reports, but no coordinates'
				ELSE 'its newest coordinates, ' || avld.say_time(newest.fixed_at) || ', are marked as invalid' END;
			next_step := 'put it under the open sky for 15 minutes; then its GPS antenna';
		ELSIF newest.valid IS FALSE THEN
			severity := 'warning';
			finding := 'no valid fix at present';
			detail := format('the last valid one was %s; %s satellites', avld.say_time(state.fixed_at),
				coalesce(newest.satellites::text, 'unknown number of'));
			next_step := 'in a garage? else its GPS antenna, or jamming';
		ELSIF state.last_seen - state.fixed_at > interval '1 day' THEN
			severity := 'warning';
			finding := 'talks, but does not say where it is';
			detail := format('last frame %s, last valid fix %s', avld.say_time(state.last_seen), avld.say_time(state.fixed_at));
			next_step := 'its GPS antenna; whether it is set to report positions';
		ELSE
			severity := 'ok';
			finding := 'valid fixes';
			detail := format('the last %s', avld.say_time(state.fixed_at));
			next_step := NULL;
		END IF;
		RETURN NEXT;

		FOR item IN
			SELECT t.time_source, count(*) AS count, max(t.received_at) AS last,
				(array_agg(t.device_time ORDER BY t.received_at DESC))[1] AS device_time,
				percentile_disc(0.5) WITHIN GROUP (ORDER BY t.received_at - t.at) AS lag
			FROM (
				(SELECT p.time_source, p.received_at, p.fixed_at AS at, p.device_time
				FROM avld.positions AS p
				WHERE p.device_id = device.id AND p.fixed_at > week AND p.fixed_at < now() + interval '1 hour' AND NOT p.stored
				ORDER BY p.fixed_at DESC LIMIT 1000)
				UNION ALL
				(SELECT s.time_source, s.received_at, s.reported_at, s.device_time
				FROM avld.statuses AS s
				WHERE s.device_id = device.id AND s.reported_at > week AND s.reported_at < now() + interval '1 hour' AND NOT s.stored
				ORDER BY s.reported_at DESC LIMIT 1000)
			) AS t
			GROUP BY t.time_source
			ORDER BY t.time_source
		LOOP
			CONTINUE WHEN item.time_source = 'device' AND item.lag BETWEEN '-1 min' AND '10 min'
				OR item.time_source = 'received' AND item.device_time IS NULL;
			severity := 'warning';
			IF item.time_source = 'received' THEN
				finding := 'clock implausible: filed by time of receipt';
				detail := format('it said %s when it was %s: off by %s; %s of its newest reports', item.device_time, item.last,
					avld.say_span(item.last - item.device_time), item.count);
				next_step := 'it sets its clock by GPS: a valid fix mends it; else its time zone must be 0';
			ELSIF item.time_source = 'rollover' THEN
				finding := 'clock 1024 weeks behind (GPS week rollover), corrected';
				detail := format('it said %s when it was %s; %s of its newest reports', item.device_time, item.last, item.count);
				next_step := 'newer firmware; nothing is wrong with what is stored';
			ELSE
				finding := CASE WHEN item.lag < '0' THEN 'clock ahead' ELSE 'clock behind, or reports come late' END;
				detail := format('half of its newest %s reports are %s %s old on receipt', item.count,
					CASE WHEN item.lag < '0' THEN 'minus' ELSE 'at least' END, avld.say_span(item.lag));
				next_step := 'an offset of whole hours is a time zone: it must be 0; else coverage';
			END IF;
			RETURN NEXT;
		END LOOP;

		-- holes
		SELECT count(*) AS count, max(t.gap) AS longest, (array_agg(t.at ORDER BY t.gap DESC))[1] AS since INTO item
		FROM (
			SELECT lag(p.fixed_at) OVER (ORDER BY p.fixed_at, p.dedup) AS at,
				p.fixed_at - lag(p.fixed_at) OVER (ORDER BY p.fixed_at, p.dedup) AS gap
			FROM (
				SELECT p.fixed_at, p.dedup FROM avld.positions AS p
				WHERE p.device_id = device.id AND p.fixed_at > week AND p.fixed_at < now() + interval '1 hour'
				ORDER BY p.fixed_at DESC LIMIT 5000
			) AS p
		) AS t
		WHERE t.gap > greatest(2 * usual, interval '10 min');
		IF item.count > 0 THEN
			severity := 'info';
			finding := 'gaps in its track';
			detail := format('%s in 7 days, the longest %s, from %s', item.count, avld.say_span(item.longest), avld.say_time(item.since));
			next_step := 'switched off, or out of coverage without a log in the tracker';
			RETURN NEXT;
		END IF;

		IF state.battery_percent < 15 OR state.gsm_percent < 20 THEN
			severity := 'warning';
			finding := 'weak';
			detail := format('battery %s %%, GSM signal %s %%', coalesce(state.battery_percent::text, '?'),
				coalesce(state.gsm_percent::text, '?'));
			next_step := 'external power and its fuse; where the GSM antenna is';
			RETURN NEXT;
		END IF;

		RETURN QUERY SELECT * FROM avld.diagnose_commands(device.id);
	END IF;

	-- it may be one of those that did not say who they are
	IF state.device_id IS NULL THEN
		FOR item IN SELECT * FROM avld.find_strangers(5) LOOP
			severity := 'info';
			finding := 'a peer that never identified itself: is it this one?';
			detail := format('%s, %s times, the last %s: %s', item.address, item.count, avld.say_time(item.last_seen), item.what);
			next_step := 'compare the address with that of its SIM; the bytes with its manual';
			RETURN NEXT;
		END LOOP;
		severity := 'info';
		finding := 'what to check in the tracker';
		detail := 'server address and port (8888), TCP or UDP, APN with user and password, data credit of the SIM, coverage';
		next_step := 'on the server: tcpdump -n port 8888 shows whether anything comes; a firewall must let TCP and UDP in';
		RETURN NEXT;
	END IF;
END
$$;

CREATE FUNCTION avld.diagnose(
	OUT severity text, OUT ident text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	item record;
BEGIN
	-- all at once
	SELECT max(s.last_seen) AS last_seen, (SELECT max(c.updated_at) FROM avld.checkpoint AS c) AS stored INTO item
	FROM avld.device_state AS s;
	IF item.last_seen IS NULL OR item.last_seen < now() - interval '10 min' THEN
		severity := 'problem';
		finding := CASE WHEN item.last_seen IS NULL THEN 'nothing came yet' ELSE 'nothing comes from any tracker' END;
		detail := format('last frame %s; avld last wrote %s', coalesce(avld.say_time(item.last_seen), 'never'),
			coalesce(avld.say_time(item.stored), 'never'));
		next_step := 'avld status; journalctl -u avld; the firewall: TCP and UDP 8888';
		RETURN NEXT;
	END IF;

	FOR item IN
		SELECT d.ident, s.last_seen, s.transport, s.ignition, s.gsm_percent, u.usual
		FROM avld.devices AS d
		JOIN avld.device_state AS s ON s.device_id = d.id
		-- what was usual in a week is shorter than two
		CROSS JOIN LATERAL (SELECT CASE WHEN s.last_seen > now() - interval '14 days' THEN avld.usual_silence(d.id, s.last_seen) END)
			AS u (usual)
		WHERE finding IS NULL -- if all are silent, none says anything of itself
			AND d.state = 'active' AND s.last_seen < now() - interval '10 min'
			AND s.last_seen < now() - 2 * coalesce(u.usual, interval '5 min')
		ORDER BY s.last_seen DESC, d.ident
	LOOP
		severity := 'problem';
		ident := item.ident;
		finding := 'silent longer than usual';
		detail := format('last frame %s over %s', avld.say_time(item.last_seen), item.transport)
			|| coalesce('; usually silent no longer than ' || avld.say_span(item.usual), '')
			|| CASE WHEN item.ignition IS FALSE THEN '; ignition was off' ELSE '' END
			|| CASE WHEN item.gsm_percent < 20 THEN '; GSM signal was ' || item.gsm_percent || ' %' ELSE '' END;
		next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	FOR item IN
		SELECT d.ident, d.created_at FROM avld.devices AS d
		WHERE d.state = 'active' AND NOT EXISTS (SELECT FROM avld.device_state AS s WHERE s.device_id = d.id)
		ORDER BY d.ident
	LOOP
		severity := 'warning';
		ident := item.ident;
		finding := 'never seen';
		detail := format('in avld.devices since %s', avld.say_time(item.created_at));
		next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	FOR item IN
		SELECT r.ident, r.reason, count(*) AS count, max(r.received_at) AS last
		FROM avld.rejects AS r
		WHERE r.received_at > now() - interval '1 day' AND r.ident IS NOT NULL AND r.reason <> 'unknown device'
		GROUP BY r.ident, r.reason
		ORDER BY max(r.received_at) DESC, r.ident, r.reason
		LIMIT 100
	LOOP
		severity := 'warning';
		ident := item.ident;
		finding := 'refused: ' || item.reason;
		detail := format('%s in the last day, the last %s', item.count, avld.say_time(item.last));
		next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	FOR item IN
		SELECT u.* FROM avld.unknown_devices AS u
		WHERE u.last_seen > now() - interval '7 days' AND NOT EXISTS (SELECT FROM avld.devices AS d WHERE d.ident = u.ident)
		ORDER BY u.last_seen DESC, u.ident
		LIMIT 100
	LOOP
		severity := 'warning';
		ident := item.ident;
		finding := 'refused: not in avld.devices';
		detail := format('%s reports, the last %s from %s, protocol %s', item.count, avld.say_time(item.last_seen), item.peer,
			coalesce(item.protocol, 'unknown'));
		next_step := format('if it is yours: INSERT INTO avld.devices (ident) VALUES (%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	ident := NULL;
	FOR item IN SELECT * FROM avld.find_strangers(20) LOOP
		severity := 'info';
		finding := 'a peer that never identified itself';
		detail := format('%s, %s times, the last %s: %s', item.address, item.count, avld.say_time(item.last_seen), item.what);
		next_step := 'a tracker of yours that is not understood? Else somebody who tries ports: nothing to do';
		RETURN NEXT;
	END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Retention of what is not partitioned: small batches that hold few locks, for the daemon to call until it returns less than it
-- asked for. The daemon's role can delete nothing else.
CREATE FUNCTION avld.delete_before(table_name text, before timestamptz, max_rows integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
	deleted integer;
BEGIN
	IF before > now() OR max_rows < 1 THEN
		RAISE EXCEPTION 'avld.delete_before: % is in the future, or % is no number of rows', before, max_rows
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	CASE table_name
	WHEN 'rejects' THEN
		DELETE FROM avld.rejects AS t WHERE t.ctid = ANY (ARRAY(
			SELECT r.ctid FROM avld.rejects AS r WHERE r.received_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'connections' THEN
		DELETE FROM avld.connections AS t WHERE t.ctid = ANY (ARRAY(
			SELECT c.ctid FROM avld.connections AS c WHERE c.closed_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'alarms' THEN
		DELETE FROM avld.alarms AS t WHERE t.ctid = ANY (ARRAY(
			SELECT a.ctid FROM avld.alarms AS a WHERE a.occurred_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	ELSE
		RAISE EXCEPTION 'avld.delete_before: not a table with a retention of its own: %', table_name
			USING ERRCODE = 'invalid_parameter_value';
	END CASE;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- PostGIS, for whoever wants it: views only, so that nothing else depends on it.
CREATE FUNCTION avld.enable_postgis() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gis text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis') THEN
		RAISE EXCEPTION 'PostGIS is not installed on this server'
			USING ERRCODE = 'feature_not_supported', HINT = 'Debian: apt-get install postgresql-'
				|| current_setting('server_version_num')::integer / 10000 || '-postgis-3';
	END IF;
	CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;
	SELECT quote_ident(n.nspname) INTO gis
	FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
	WHERE e.extname = 'postgis';

	EXECUTE replace($view$
		CREATE OR REPLACE VIEW avld.positions_geo AS
		SELECT d.ident, d.name, p.*,
			gis.ST_SetSRID(gis.ST_MakePoint(p.longitude, p.latitude), 4326)::gis.geography(Point, 4326) AS place
		FROM avld.positions AS p
		JOIN avld.devices AS d ON d.id = p.device_id
		$view$, 'gis.', gis || '.');
	EXECUTE replace($view$
		CREATE OR REPLACE VIEW avld.latest_positions_geo AS
		SELECT l.device_id, l.ident, l.name, l.protocol, l.state, l.fixed_at,
			round(extract(epoch FROM l.age))::bigint AS age_s, -- GDAL knows no intervals
			l.latitude, l.longitude, l.altitude_m, l.speed_kmh, l.course_deg, l.satellites, l.ignition, l.inputs, l.outputs,
			l.odometer_m, l.battery_percent, l.battery_v, l.power_v, l.gsm_percent, l.driver, l.event, l.connected, l.last_seen,
			l.transport, l.peer, l.alarm, l.alarm_at,
			gis.ST_SetSRID(gis.ST_MakePoint(l.longitude, l.latitude), 4326)::gis.geography(Point, 4326) AS place
		FROM avld.latest_positions AS l
		$view$, 'gis.', gis || '.');
	EXECUTE replace($view$
		CREATE OR REPLACE VIEW avld.tracks_geo AS
		SELECT d.id AS device_id, d.ident, d.name, (day.starts_at AT TIME ZONE 'UTC')::date AS day, t.started_at, t.ended_at,
			t.positions, t.track
		FROM avld.devices AS d
		CROSS JOIN avld.list_partitions() AS day
		CROSS JOIN LATERAL (
			SELECT min(p.fixed_at) AS started_at, max(p.fixed_at) AS ended_at, count(*) AS positions,
				gis.ST_MakeLine(gis.ST_SetSRID(gis.ST_MakePoint(p.longitude, p.latitude), 4326)
					ORDER BY p.fixed_at, p.dedup)::gis.geometry(LineString, 4326) AS track
			FROM avld.positions AS p
			WHERE p.device_id = d.id AND p.fixed_at >= day.starts_at AND p.fixed_at < day.ends_at AND p.valid
		) AS t
		WHERE day.parent = 'avld.positions'::regclass AND t.positions > 1
		$view$, 'gis.', gis || '.');
	COMMENT ON VIEW avld.positions_geo IS 'avld.positions with ident and name; place: a point, WGS 84. Filter by fixed_at.';
	COMMENT ON VIEW avld.latest_positions_geo IS 'avld.latest_positions, age in seconds; place: a point, WGS 84. Key: device_id.';
	COMMENT ON VIEW avld.tracks_geo IS
		'One line per device and UTC day: its valid fixes in order, outliers included. Key: device_id, day.';
	PERFORM avld.grant_rights();
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Rights: as before, and readers get whatever only reads: each table and view, and each function that is not VOLATILE.
CREATE OR REPLACE FUNCTION avld.grant_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT r.rolname, t.rights
		FROM (
			VALUES
			('avld_writer', 'USAGE ON SCHEMA avld'),
			('avld_writer', 'SELECT ON avld.schema_version'),
			('avld_writer', 'SELECT, INSERT ON avld.devices, avld.positions, avld.statuses, avld.alarms'),
			('avld_writer', 'INSERT ON avld.rejects, avld.connections'),
			('avld_writer', 'SELECT, INSERT, UPDATE ON avld.checkpoint, avld.device_state, avld.unknown_devices'),
			('avld_writer', 'EXECUTE ON FUNCTION avld.list_partitions(), avld.ensure_partitions(date, date),'
				' avld.drop_partitions(date), avld.delete_before(text, timestamptz, integer)'),
			('avld_reader avld_operator', 'USAGE ON SCHEMA avld')
			UNION ALL
			SELECT 'avld_reader avld_operator', format('SELECT ON %s', c.oid::regclass)
			FROM pg_class AS c
			WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
			UNION ALL
			SELECT 'avld_reader avld_operator', format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
			FROM pg_proc AS p
			WHERE p.pronamespace = 'avld'::regnamespace AND p.provolatile <> 'v' AND NOT p.prosecdef
		) AS t (roles, rights)
		JOIN pg_roles AS r ON r.rolname = ANY (string_to_array(t.roles, ' '))
	LOOP
		EXECUTE format('GRANT %s TO %I', item.rights, item.rolname);
	END LOOP;
END
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA avld FROM PUBLIC;
SELECT avld.grant_rights();

-- ---------------------------------------------------------------------------------------------------------------------------
-- What it all means

COMMENT ON VIEW avld.latest_positions IS
	'One row per device: where it was last, how it is, and its newest alarm. Also those never seen (NULLs) or without a fix. '
	'Example: SELECT ident, age, latitude, longitude, alarm FROM avld.latest_positions WHERE connected';
COMMENT ON COLUMN avld.latest_positions.alarm IS 'the newest alarm, however old';
COMMENT ON COLUMN avld.latest_positions.alarm_at IS 'when that was';

COMMENT ON TYPE avld.fix IS 'One fix of a track: what avld.track gives.';
COMMENT ON FUNCTION avld.track(text, timestamptz, timestamptz) IS
	'The way of a device, since <= fixed_at < until, in order: valid fixes without those it could not have reached at 300 km/h. '
	'late: out of the tracker''s log, or received more than 10 minutes after. speed_kmh km/h, altitude_m and odometer_m metres; metres: from the fix before. '
	'Example: SELECT * FROM avld.track(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.trips(text, timestamptz, timestamptz, double precision, interval, double precision) IS
	'The trips of a device: by ignition where it reports it, else by motion (min_speed_kmh, default 5 km/h). A halt of min_stop '
	'(3 min) ends a trip; trips shorter than min_distance_m (100 m) are left out. distance_km by GPS; odometer_km by the '
	'tracker''s odometer, NULL if there is none. Example: SELECT * FROM avld.trips(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.stops(text, timestamptz, timestamptz, double precision, interval, double precision) IS
	'Where a device stood between its trips (same thresholds). left_at NULL: still there at the end of the range, duration up to '
	'its last fix. Example: SELECT * FROM avld.stops(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.distance_km(double precision, double precision, double precision, double precision) IS
	'Great-circle distance in km between two places (latitude, longitude, latitude, longitude in degrees); sphere, good to '
	'0.5 %. Example: SELECT avld.distance_km(48.1, 11.5, 47.3, 11.4)';
COMMENT ON FUNCTION avld.distance_km(text, timestamptz, timestamptz) IS
	'How far a device went, by GPS, in km; NULL: no fix. Example: SELECT avld.distance_km(''5021234'', ''2026-11-22'', '
	'''2026-11-23'')';
COMMENT ON FUNCTION avld.daily_summary(text, date, date, text) IS
	'One row per day, first to last inclusive, in time zone tz (default UTC); each day by itself: a trip across midnight counts '
	'in both. distance_km by GPS, odometer_km by the tracker, of trips; driving and stopped make up the time from first to last '
	'fix. Example: SELECT * FROM avld.daily_summary(''5021234'', ''2026-11-01'', ''2026-11-30'', ''Europe/Berlin'')';
COMMENT ON FUNCTION avld.last_known(text, timestamptz) IS
	'Where a device was at a time: its newest valid fix not after that; no row if there is none. speed_kmh km/h, odometer_m '
	'metres. Example: SELECT * FROM avld.last_known(''5021234'', ''2026-11-22 12:00'')';
COMMENT ON FUNCTION avld.within(
	double precision, double precision, double precision, double precision, timestamptz, timestamptz) IS
	'Who was inside a box, degrees: south, west, north, east; west > east: across the date line. One row per fix, since <= '
	'fixed_at < until. Example: SELECT DISTINCT ident FROM avld.within(48.0, 11.3, 48.2, 11.7, ''2026-11-22 10:00'', '
	'''2026-11-22 11:00'')';
COMMENT ON FUNCTION avld.near(double precision, double precision, double precision, timestamptz, timestamptz) IS
	'Who was within so many metres of a place (latitude, longitude in degrees). One row per fix, since <= fixed_at < until; '
	'distance_m metres. Example: SELECT * FROM avld.near(48.1, 11.5, 500, ''2026-11-22 10:00'', ''2026-11-22 11:00'')';
COMMENT ON FUNCTION avld.alarms_since(timestamptz, text) IS
	'The alarms that came in since, of all devices or one, by when they happened. told: now, or then: out of the tracker''s log. '
	'Example: SELECT * FROM avld.alarms_since(now() - interval ''1 day'')';
COMMENT ON FUNCTION avld.track_geojson(text, timestamptz, timestamptz) IS
	'The track as GeoJSON (RFC 7946): the line, cut at the date line, then its points with time (UTC), speed_kmh and so on. '
	'Example: SELECT avld.track_geojson(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.track_gpx(text, timestamptz, timestamptz) IS
	'The track as GPX 1.1 (XML); ele metres, time UTC. Example: SELECT avld.track_gpx(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.diagnose(text) IS
	'Why do I not see this tracker? Findings in the order to read them; severity: problem, warning, info, ok. '
	'Example: SELECT * FROM avld.diagnose(''5021234'')';
COMMENT ON FUNCTION avld.diagnose() IS
	'Whom do I not see? Devices silent for twice their usual silence and at least 10 minutes, refused ones, and peers that never '
	'said who they are. Example: SELECT * FROM avld.diagnose()';
COMMENT ON FUNCTION avld.delete_before(text, timestamptz, integer) IS
	'Deletes at most max_rows rows of rejects, connections or alarms that are older than that; returns how many. '
	'Example: SELECT avld.delete_before(''rejects'', now() - interval ''30 days'')';
COMMENT ON FUNCTION avld.enable_postgis() IS
	'Makes the extension PostGIS, where the server has it, and the views positions_geo, latest_positions_geo and tracks_geo, '
	'which QGIS and ogr2ogr open. For the owner of the schema. Example: SELECT avld.enable_postgis()';

COMMENT ON FUNCTION avld.find_trips(text, timestamptz, timestamptz, double precision, interval) IS
	'Inside trips: metres by GPS, rolled_m by the odometer.';
COMMENT ON FUNCTION avld.escape_xml(text) IS 'Inside track_gpx. Example: SELECT avld.escape_xml(''a < b'')';
COMMENT ON FUNCTION avld.say_span(interval) IS 'Inside diagnose: a length of time in words.';
COMMENT ON FUNCTION avld.say_time(timestamptz) IS 'Inside diagnose: a time, and how long ago that is.';
COMMENT ON FUNCTION avld.say_frame(bytea) IS 'Inside diagnose: the first 32 bytes in hex, and as text where they are text.';
COMMENT ON FUNCTION avld.usual_silence(bigint, timestamptz) IS
	'The silence that is usual for a device (devices.id) in the 7 days before a time; NULL: too few reports.';
COMMENT ON FUNCTION avld.diagnose_commands(bigint) IS 'Inside diagnose: what its commands say.';
COMMENT ON FUNCTION avld.find_strangers(integer) IS
	'Peers of the last day that never said who they are, newest first, at most so many: their address, how often, and what they '
	'sent. Example: SELECT * FROM avld.find_strangers(20)';
