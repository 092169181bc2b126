-- The same answers sooner: tracks, and who is silent. What is old goes from DEFAULT, too; latest_positions tells the protocol
-- that is spoken. ASCII only: it is compiled in.

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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Who is silent

-- The silence that is usual for each of the devices, in the 7 days up to `newest`: four fifths of its time it was no longer
-- silent than that. Time is counted, not reports: who parks every night without a word is used to that, however much he says by
-- day. So 12 moments are looked at, each with the live report before and the one after it; in a whole week they are 14 hours
-- apart, every second hour of the day once. Their number does not grow with that of the reports.
-- A report is heard after its time: by the delay that all of them have (a clock, a time zone), or for want of coverage, which
-- is silence. Where there is none within a day, the silence is taken to be as long as it may have been.
CREATE FUNCTION avld.usual_silences(devices bigint[], newest timestamptz[], OUT device bigint, OUT usual interval)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_sort = off -- rows come out of the index in their order
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	-- known to the planner, so that other days are not even opened
	oldest CONSTANT timestamptz := (SELECT min(n) - interval '7 days' FROM unnest(newest) AS n);
	latest CONSTANT timestamptz := (SELECT max(n) + interval '1 day' FROM unnest(newest) AS n);
BEGIN
	RETURN QUERY
	SELECT d.device, (
		SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY coalesce(g.heard_at - g.lag, r.last) - coalesce(g.before, r.first))
		FROM (
			SELECT b.at AS before, a.heard_at, min(a.heard_at - a.at) OVER () AS lag
			FROM generate_series(1, 12) AS n
			CROSS JOIN LATERAL (SELECT r.first + (r.last - r.first) * ((n - 0.5) / 12) AS at) AS t
			CROSS JOIN LATERAL (
				SELECT max(u.at) AS at
				FROM (
					(SELECT p.fixed_at AS at FROM avld.positions AS p
					WHERE p.device_id = d.device AND p.fixed_at > t.at - interval '1 day' AND p.fixed_at <= t.at AND NOT p.stored
						AND p.fixed_at > oldest AND p.fixed_at < latest
					ORDER BY p.fixed_at DESC LIMIT 1)
					UNION ALL
					(SELECT s.reported_at FROM avld.statuses AS s
					WHERE s.device_id = d.device AND s.reported_at > t.at - interval '1 day' AND s.reported_at <= t.at AND NOT s.stored
						AND s.reported_at > oldest AND s.reported_at < latest AND r.tells
					ORDER BY s.reported_at DESC LIMIT 1)
				) AS u
			) AS b
			LEFT JOIN LATERAL (
				SELECT u.at, u.heard_at
				FROM (
					(SELECT p.fixed_at AS at, p.received_at AS heard_at FROM avld.positions AS p
					WHERE p.device_id = d.device AND p.fixed_at > t.at AND p.fixed_at <= t.at + interval '1 day' AND NOT p.stored
						AND p.fixed_at > oldest AND p.fixed_at < latest
					ORDER BY p.fixed_at LIMIT 1)
					UNION ALL
					(SELECT s.reported_at, s.received_at FROM avld.statuses AS s
					WHERE s.device_id = d.device AND s.reported_at > t.at AND s.reported_at <= t.at + interval '1 day' AND NOT s.stored
						AND s.reported_at > oldest AND s.reported_at < latest AND r.tells
					ORDER BY s.reported_at LIMIT 1)
				) AS u
				ORDER BY u.at
				LIMIT 1
			) AS a ON true
		) AS g
		WHERE r.last > r.first)
	FROM unnest(devices, newest) AS d (device, newest)
	CROSS JOIN LATERAL (
		SELECT min(p.fixed_at) AS first, max(p.fixed_at) AS last FROM avld.positions AS p
		WHERE p.device_id = d.device AND p.fixed_at > d.newest - interval '7 days' AND p.fixed_at < d.newest + interval '1 day'
			AND NOT p.stored AND p.fixed_at > oldest AND p.fixed_at < latest
	) AS p
	CROSS JOIN LATERAL (
		SELECT min(s.reported_at) AS first, max(s.reported_at) AS last FROM avld.statuses AS s
		WHERE s.device_id = d.device AND s.reported_at > d.newest - interval '7 days' AND s.reported_at < d.newest + interval '1 day'
			AND NOT s.stored AND s.reported_at > oldest AND s.reported_at < latest
	) AS s
	CROSS JOIN LATERAL (SELECT least(p.first, s.first) AS first, greatest(p.last, s.last) AS last, s.first IS NOT NULL AS tells) AS r;
END
$$;

CREATE OR REPLACE FUNCTION avld.usual_silence(device bigint, newest timestamptz) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.usual FROM avld.usual_silences(ARRAY[usual_silence.device], ARRAY[usual_silence.newest]) AS u
$$;

-- As before, with the habits of all who are silent asked for at once.
CREATE OR REPLACE FUNCTION avld.diagnose(
	OUT severity text, OUT ident text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	item record;
	silent bigint[];
	since timestamptz[];
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

	-- what was usual in a week is shorter than two
	SELECT array_agg(d.id), array_agg(s.last_seen) INTO silent, since
	FROM avld.devices AS d
	JOIN avld.device_state AS s ON s.device_id = d.id
	WHERE finding IS NULL -- if all are silent, none says anything of itself
		AND d.state = 'active' AND s.last_seen < now() - interval '10 min' AND s.last_seen > now() - interval '14 days';
	FOR item IN
		SELECT d.ident, s.last_seen, s.transport, s.ignition, s.gsm_percent, u.usual
		FROM avld.devices AS d
		JOIN avld.device_state AS s ON s.device_id = d.id
		LEFT JOIN avld.usual_silences(silent, since) AS u ON u.device = d.id
		WHERE finding IS NULL AND d.state = 'active' AND s.last_seen < now() - interval '10 min'
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

-- ---------------------------------------------------------------------------------------------------------------------------
-- Retention

-- As before, and: positions and statuses that have no day, in DEFAULT. Days are dropped whole, by drop_partitions.
CREATE OR REPLACE FUNCTION avld.delete_before(table_name text, before timestamptz, max_rows integer DEFAULT 10000) RETURNS integer
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
	WHEN 'unknown_devices' THEN
		DELETE FROM avld.unknown_devices AS t WHERE t.ctid = ANY (ARRAY(
			SELECT u.ctid FROM avld.unknown_devices AS u WHERE u.last_seen < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'commands' THEN
		DELETE FROM avld.commands AS t WHERE t.ctid = ANY (ARRAY(
			SELECT c.ctid FROM avld.commands AS c
			WHERE c.ended_at < before AND c.state NOT IN ('queued', 'sent') LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'media' THEN
		DELETE FROM avld.media AS t WHERE t.ctid = ANY (ARRAY(
			SELECT m.ctid FROM avld.media AS m WHERE m.taken_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'positions' THEN
		DELETE FROM avld.positions_default AS t WHERE t.ctid = ANY (ARRAY(
			SELECT p.ctid FROM avld.positions_default AS p WHERE p.fixed_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	WHEN 'statuses' THEN
		DELETE FROM avld.statuses_default AS t WHERE t.ctid = ANY (ARRAY(
			SELECT s.ctid FROM avld.statuses_default AS s WHERE s.reported_at < before LIMIT max_rows FOR UPDATE SKIP LOCKED));
	ELSE
		RAISE EXCEPTION 'avld.delete_before: no rows of this table are deleted: %', table_name
			USING ERRCODE = 'invalid_parameter_value';
	END CASE;
	GET DIAGNOSTICS deleted = ROW_COUNT;
	RETURN deleted;
END
$$;

REVOKE ALL ON FUNCTION avld.usual_silences(bigint[], timestamptz[]) FROM PUBLIC;
SELECT avld.grant_rights();

COMMENT ON COLUMN avld.latest_positions.protocol IS 'of the newest frame; never seen: what devices.protocol says';
COMMENT ON FUNCTION avld.usual_silences(bigint[], timestamptz[]) IS
	'The silence that is usual for each of these devices (devices.id) in the 7 days before a time each; NULL: too few reports.';
COMMENT ON FUNCTION avld.delete_before(text, timestamptz, integer) IS
	'Deletes at most max_rows rows of rejects, connections, unknown_devices, alarms, media or commands (ended ones) that are '
	'older than that, or of positions or statuses in DEFAULT (days of their own are dropped by drop_partitions); returns how '
	'many. Example: SELECT avld.delete_before(''rejects'', now() - interval ''30 days'')';
