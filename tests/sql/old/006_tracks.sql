-- Tracks sooner; latest_positions tells the protocol that is spoken. ASCII only: it is compiled in.

-- ---------------------------------------------------------------------------------------------------------------------------
-- Tracks

-- As before, and: rows are taken out of the index in their order. The planner believes that a device's rows lie anywhere, and
-- would rather collect and sort them; but in a day they were written in the order of time, as the index has them.
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
	far double precision;     -- from it; NULL: there is none
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
				* (1 + cos(radians(fix.latitude + lat))) / 2) -- that is cos^2 of the latitude between
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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Reading

-- As before, and: the protocol is the one that it speaks, also where its owner has set none.
CREATE OR REPLACE VIEW avld.latest_positions AS
SELECT
	d.ident, d.name, coalesce(s.protocol, d.protocol) AS protocol, d.state, d.id AS device_id,
	s.fixed_at, now() - s.fixed_at AS age, s.latitude, s.longitude, s.altitude_m, s.speed_kmh, s.course_deg, s.satellites,
	s.ignition, s.inputs, s.outputs, s.odometer_m, s.battery_percent, s.battery_v, s.power_v, s.gsm_percent, s.driver, s.event,
	s.connected, s.last_seen, s.transport, s.peer,
	(SELECT a.alarm FROM avld.alarms AS a WHERE a.device_id = d.id
		ORDER BY a.occurred_at DESC, a.alarm DESC, a.dedup DESC LIMIT 1) AS alarm,
	(SELECT a.occurred_at FROM avld.alarms AS a WHERE a.device_id = d.id ORDER BY a.occurred_at DESC LIMIT 1) AS alarm_at
FROM avld.devices d
LEFT JOIN avld.device_state s ON s.device_id = d.id;

COMMENT ON COLUMN avld.latest_positions.protocol IS 'of the newest frame; never seen: what devices.protocol says';
