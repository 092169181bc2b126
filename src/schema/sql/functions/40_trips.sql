-- Trips, stops, and daily summaries.

-- One pass over the track. The tracker moves between two fixes if
--   by ignition (if most of the first 2,000 fixes report it): the ignition was on at the first fix;
--   by motion: one of the fixes reports min_speed_kmh or more. If neither reports a speed, or they are min_stop or more apart:
--   if the distance between them takes that speed.
-- After a silence of an hour or more only the distance counts. A pause shorter than min_stop is part of the trip.
CREATE OR REPLACE FUNCTION avld.find_trips(
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
	was record;             -- the fix before, if later is true
	later boolean := false;
	ignition boolean;       -- last value reported
	odometer_m bigint;
	odometer_s double precision;
	seconds double precision;
	moves boolean := false;
	-- the current trip up to its last move, and the pause since then, which is part of the trip if it continues
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
			-- ignores an odometer that runs backwards or faster than 300 km/h: it was reset or is wrong
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

CREATE OR REPLACE FUNCTION avld.trips(
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

-- The time between trips, and before the first and after the last as far as there are fixes.
CREATE OR REPLACE FUNCTION avld.stops(
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

-- Calculates each day on its own, so that its row does not depend on the range.
CREATE OR REPLACE FUNCTION avld.daily_summary(
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
		RAISE EXCEPTION 'avld.daily_summary: first_day (%) and last_day (%) must be finite', first_day, last_day
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

COMMENT ON FUNCTION avld.trips(text, timestamptz, timestamptz, double precision, interval, double precision) IS
	'The trips of a device: by ignition if it reports it, else by motion (min_speed_kmh, default 5). A stop of min_stop (3 min) '
	'ends a trip; trips shorter than min_distance_m (100) are omitted. distance_km: by GPS; odometer_km: by the odometer of the '
	'tracker, NULL without one. Example: SELECT * FROM avld.trips(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.stops(text, timestamptz, timestamptz, double precision, interval, double precision) IS
	'Where a device stopped between its trips (same thresholds). left_at NULL: still there at the end of the range; duration is '
	'up to its last fix. Example: SELECT * FROM avld.stops(''5021234'', ''2026-11-22'', ''2026-11-23'')';
COMMENT ON FUNCTION avld.daily_summary(text, date, date, text) IS
	'One row per day, first to last inclusive, in time zone tz (default UTC). A trip across midnight counts in both days. '
	'distance_km: by GPS; odometer_km: by the tracker, of trips; driving + stopped = time from first to last fix. '
	'Example: SELECT * FROM avld.daily_summary(''5021234'', ''2026-11-01'', ''2026-11-30'', ''Europe/Berlin'')';
COMMENT ON FUNCTION avld.find_trips(text, timestamptz, timestamptz, double precision, interval) IS
	'Used by trips: metres by GPS, rolled_m by the odometer.';
