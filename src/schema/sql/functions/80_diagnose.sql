-- Why a tracker is missing: findings from all tables, in words.

CREATE OR REPLACE FUNCTION avld.say_span(span interval) RETURNS text
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

CREATE OR REPLACE FUNCTION avld.say_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT to_char(at, 'YYYY-MM-DD HH24:MI:SS TZ') || CASE WHEN at <= now() THEN ' (' || avld.say_span(now() - at) || ' ago)' ELSE '' END
$$;

-- The bytes may come from anybody: they are shown as text only if they are printable ASCII.
CREATE OR REPLACE FUNCTION avld.say_frame(frame bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN length(frame) = 0 THEN 'no bytes'
		ELSE encode(substring(frame FOR 32), 'hex') || CASE WHEN length(frame) > 32 THEN '...' ELSE '' END
			|| CASE WHEN words ~ '^[ -~]+$' AND strpos(words, '\') = 0 THEN ' = "' || words || '"' ELSE '' END END
	FROM (SELECT rtrim(encode(substring(frame FOR 32), 'escape'), E'\r\n') AS words) AS t
$$;

-- Returns the usual silence of each device in the 7 days up to `newest`: for four fifths of that time it was silent for no longer.
-- Measured by time, not by reports: a vehicle that is parked silently every night is usually silent that long, however often it
-- reports by day. Samples 12 moments, each with the live report before and after it; in a whole week they are 14 hours apart, so
-- that every second hour of the day is sampled once. Their number does not depend on the number of reports.
-- A report is received after its own time: by a delay that all reports share (clock, time zone), or for lack of coverage, which
-- counts as silence. If there is no report within a day, the silence is taken to be as long as it may have been.
-- One query for all devices; in Citus one for each, which its shard answers alone: a join with an array is none that Citus can do.
CREATE OR REPLACE FUNCTION avld.usual_silences(devices bigint[], newest timestamptz[], OUT device bigint, OUT usual interval)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_sort = off -- reads the rows in index order
SET jit = off
AS $$
DECLARE
	-- $1, $2: devices and times; $3, $4: bounds, constants for the planner, so that other partitions are not opened
	question CONSTANT text := $q$
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
							AND p.fixed_at > $3 AND p.fixed_at < $4
						ORDER BY p.fixed_at DESC LIMIT 1)
						UNION ALL
						(SELECT s.reported_at FROM avld.statuses AS s
						WHERE s.device_id = d.device AND s.reported_at > t.at - interval '1 day' AND s.reported_at <= t.at AND NOT s.stored
							AND s.reported_at > $3 AND s.reported_at < $4 AND r.tells
						ORDER BY s.reported_at DESC LIMIT 1)
					) AS u
				) AS b
				LEFT JOIN LATERAL (
					SELECT u.at, u.heard_at
					FROM (
						(SELECT p.fixed_at AS at, p.received_at AS heard_at FROM avld.positions AS p
						WHERE p.device_id = d.device AND p.fixed_at > t.at AND p.fixed_at <= t.at + interval '1 day' AND NOT p.stored
							AND p.fixed_at > $3 AND p.fixed_at < $4
						ORDER BY p.fixed_at LIMIT 1)
						UNION ALL
						(SELECT s.reported_at, s.received_at FROM avld.statuses AS s
						WHERE s.device_id = d.device AND s.reported_at > t.at AND s.reported_at <= t.at + interval '1 day' AND NOT s.stored
							AND s.reported_at > $3 AND s.reported_at < $4 AND r.tells
						ORDER BY s.reported_at LIMIT 1)
					) AS u
					ORDER BY u.at
					LIMIT 1
				) AS a ON true
			) AS g
			WHERE r.last > r.first)
		FROM %s AS d (device, newest)
		CROSS JOIN LATERAL (
			SELECT min(p.fixed_at) AS first, max(p.fixed_at) AS last FROM avld.positions AS p
			WHERE p.device_id = d.device AND p.fixed_at > d.newest - interval '7 days' AND p.fixed_at < d.newest + interval '1 day'
				AND NOT p.stored AND p.fixed_at > $3 AND p.fixed_at < $4
		) AS p
		CROSS JOIN LATERAL (
			SELECT min(s.reported_at) AS first, max(s.reported_at) AS last FROM avld.statuses AS s
			WHERE s.device_id = d.device AND s.reported_at > d.newest - interval '7 days' AND s.reported_at < d.newest + interval '1 day'
				AND NOT s.stored AND s.reported_at > $3 AND s.reported_at < $4
		) AS s
		CROSS JOIN LATERAL (SELECT least(p.first, s.first) AS first, greatest(p.last, s.last) AS last, s.first IS NOT NULL AS tells) AS r$q$;
BEGIN
	IF avld.engine() = 'citus' THEN
		FOR i IN 1 .. cardinality(devices) LOOP
			RETURN QUERY EXECUTE format(question, '(SELECT $1, $2)')
			USING devices[i], newest[i], newest[i] - interval '7 days', newest[i] + interval '1 day';
		END LOOP;
	ELSE
		RETURN QUERY EXECUTE format(question, 'unnest($1, $2)')
		USING devices, newest, (SELECT min(n) - interval '7 days' FROM unnest(newest) AS n),
			(SELECT max(n) + interval '1 day' FROM unnest(newest) AS n);
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION avld.usual_silence(device bigint, newest timestamptz) RETURNS interval
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.usual FROM avld.usual_silences(ARRAY[usual_silence.device], ARRAY[usual_silence.newest]) AS u
$$;

-- Peers of the last day that never identified themselves, whether they sent bytes or not.
CREATE OR REPLACE FUNCTION avld.find_strangers(
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
			'sent ' || max(c.bytes) || ' bytes at most; closed: ' || (array_agg(c.reason ORDER BY c.closed_at DESC))[1] AS what
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

-- The open commands of a device, and those that failed or expired in the last day.
CREATE OR REPLACE FUNCTION avld.diagnose_commands(
	device bigint, OUT severity text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT
		CASE WHEN c.state IN ('failed', 'expired') THEN 'warning' ELSE 'info' END,
		'command ' || c.id || ' (' || c.command || ') is ' || c.state,
		format('created %s by %s, sent %s times', avld.say_time(c.created_at), c.created_by, c.attempts)
			|| coalesce('; ' || c.reason, '') || coalesce('; reply: ' || left(c.reply, 100), ''),
		CASE
			WHEN c.reason LIKE '%commands.allow%' THEN 'add it to commands.allow in the settings of avld'
			WHEN c.state = 'queued' THEN 'it is sent after the next report unless reason says otherwise; expires '
				|| avld.say_time(c.expires_at)
			WHEN c.state = 'sent' THEN 'wait for the reply or the next report of the tracker'
			ELSE 'send it again if it is still needed'
		END
	FROM avld.commands AS c
	WHERE c.device_id = device AND (c.state IN ('queued', 'sent')
		OR c.state IN ('failed', 'expired') AND c.ended_at > now() - interval '1 day')
	ORDER BY c.id DESC
	LIMIT 5
$$;

-- Two TCP connections that displace each other: three of the last day within 10 minutes, of which these are the last two.
CREATE OR REPLACE FUNCTION avld.find_fight(
	ident text, OUT peer text, OUT closed_at timestamptz, OUT other_peer text, OUT other_closed_at timestamptz, OUT count bigint
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.peer, t.closed_at, t.other_peer, t.other_closed_at, t.count
	FROM (
		SELECT c.peer, c.closed_at, lag(c.peer) OVER w AS other_peer, lag(c.closed_at) OVER w AS other_closed_at,
			lag(c.closed_at, 2) OVER w AS third, count(*) OVER () AS count
		FROM avld.connections AS c
		WHERE c.ident = find_fight.ident AND c.closed_at > now() - interval '1 day' AND c.reason = 'device connected again'
		WINDOW w AS (ORDER BY c.closed_at, c.peer)
	) AS t
	WHERE t.closed_at - t.third < interval '10 min'
	ORDER BY t.closed_at DESC
	LIMIT 1
$$;

-- Jumps of the last day, among its newest 5,000 valid fixes: from one to the next more than 1 km, faster than 300 km/h.
-- PL/pgSQL: Citus does not take parameters of SQL functions.
CREATE OR REPLACE FUNCTION avld.find_jumps(
	device bigint, OUT count bigint, OUT fixed_at timestamptz, OUT km double precision, OUT seconds double precision,
	OUT from_latitude double precision, OUT from_longitude double precision,
	OUT to_latitude double precision, OUT to_longitude double precision
) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT count(*) OVER (), t.fixed_at, t.km, t.seconds, t.from_latitude, t.from_longitude, t.latitude, t.longitude
	FROM (
		SELECT p.fixed_at, p.latitude, p.longitude, p.from_latitude, p.from_longitude,
			avld.distance_km(p.from_latitude, p.from_longitude, p.latitude, p.longitude) AS km,
			extract(epoch FROM p.fixed_at - p.before)::double precision AS seconds
		FROM (
			SELECT p.fixed_at, p.latitude, p.longitude, lag(p.fixed_at) OVER w AS before,
				lag(p.latitude) OVER w AS from_latitude, lag(p.longitude) OVER w AS from_longitude
			FROM (
				SELECT p.fixed_at, p.dedup, p.latitude, p.longitude FROM avld.positions AS p
				WHERE p.device_id = device AND p.fixed_at > now() - interval '1 day' AND p.fixed_at < now() + interval '1 hour'
					AND p.valid
				ORDER BY p.fixed_at DESC, p.dedup DESC LIMIT 5000
			) AS p
			WINDOW w AS (ORDER BY p.fixed_at, p.dedup)
		) AS p
		WHERE p.latitude <> p.from_latitude OR p.longitude <> p.from_longitude
	) AS t
	WHERE t.km > 1 AND t.km > 300 * greatest(t.seconds, 1) / 3600
	ORDER BY t.fixed_at DESC
	LIMIT 1;
END
$$;

-- Who else sends with the ident of a device, in the last day, and where the device jumps: at most one row each.
CREATE OR REPLACE FUNCTION avld.diagnose_peers(
	device bigint, ident text, OUT severity text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	WITH pairs AS (
		SELECT s.peer AS a, s.last_seen AS a_at, s.other_peer AS b, s.other_peer_at AS b_at,
			'both at ' || avld.say_time(s.two_peers_at) AS what
		FROM avld.device_state AS s
		WHERE s.device_id = device AND s.two_peers_at > now() - interval '1 day' AND s.other_peer IS NOT NULL
		UNION ALL
		SELECT f.peer, f.closed_at, f.other_peer, f.other_closed_at,
			f.count || ' TCP connections in the last day ended because another one named the device'
		FROM avld.find_fight(ident) AS f
	)
	(SELECT 'warning', 'heard from two addresses',
		string_agg(format('%s, last %s; %s, last %s; %s', p.a, avld.say_time(p.a_at), p.b, avld.say_time(p.b_at), p.what), '; '),
		format('two trackers with one ident, or somebody else who knows it: bind it: UPDATE avld.devices SET networks = ''{...}'' '
			'WHERE ident = %L', ident)
	FROM pairs AS p
	HAVING count(*) > 0)
	UNION ALL
	SELECT 'warning', 'jumps',
		format('%s in the last day, the last to %s, %s at %s: %s km from %s, %s in %s', j.count, round(j.to_latitude::numeric, 5),
			round(j.to_longitude::numeric, 5), avld.say_time(j.fixed_at), round(j.km::numeric, 1),
			round(j.from_latitude::numeric, 5), round(j.from_longitude::numeric, 5), avld.say_span(j.seconds * interval '1 s')),
		'a bad fix, if it is rare; else two trackers with one ident, or somebody else who knows it'
	FROM avld.find_jumps(device) AS j
$$;

-- Findings about one device, for people. Data from unknown peers is only shown, never run or trusted.
CREATE OR REPLACE FUNCTION avld.diagnose(
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
	device record;
	state avld.device_state;
	newest record;
	item record;
	usual interval;
	silence interval;
BEGIN
	-- not d.*: readers may not read the secret
	SELECT d.id, d.ident, d.name, d.protocol, d.state, d.created_at INTO device FROM avld.devices AS d WHERE d.ident = asked;
	SELECT s.* INTO state FROM avld.device_state AS s WHERE s.device_id = device.id;

	-- identity
	IF device.id IS NULL THEN
		severity := 'problem';
		finding := 'not in avld.devices';
		detail := 'no tracker with this ident has been accepted yet';
		next_step := 'compare it with the label of the tracker (serial number or IMEI, with leading zeros)';
		RETURN NEXT;
		FOR item IN
			SELECT u.* FROM avld.unknown_devices AS u WHERE u.ident = asked
		LOOP
			finding := 'rejected: devices.unknown = refuse, and it is not in avld.devices';
			detail := format('%s reports since %s, the last %s from %s, protocol %s', item.count, avld.say_time(item.first_seen),
				avld.say_time(item.last_seen), item.peer, coalesce(item.protocol, 'unknown'));
			next_step := format('if it is your tracker: INSERT INTO avld.devices (ident) VALUES (%L)', asked);
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
			finding := 'similar ident';
			detail := format('%s, in %s', item.ident, item.origin);
			next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
			RETURN NEXT;
		END LOOP;
	ELSIF device.state = 'blocked' THEN
		severity := 'problem';
		finding := 'blocked';
		detail := 'devices.state is blocked: its reports are rejected';
		next_step := format('UPDATE avld.devices SET state = ''active'' WHERE ident = %L', asked);
		RETURN NEXT;
	END IF;

	IF device.protocol IS NOT NULL THEN
		severity := CASE WHEN device.protocol <> state.protocol THEN 'problem' ELSE 'info' END;
		finding := 'protocol is set';
		detail := format('only %s is accepted; its newest frame: %s', device.protocol, coalesce(state.protocol, 'none'));
		next_step := CASE WHEN device.protocol <> state.protocol
			THEN format('UPDATE avld.devices SET protocol = NULL WHERE ident = %L', asked) END;
		RETURN NEXT;
	ELSIF state.protocol IS NOT NULL THEN
		severity := 'ok';
		finding := 'protocol recognised';
		detail := state.protocol;
		next_step := NULL;
		RETURN NEXT;
	END IF;

	-- silence
	IF state.device_id IS NULL THEN
		IF device.id IS NOT NULL THEN
			severity := 'problem';
			finding := 'never seen';
			detail := format('in avld.devices since %s, but no frame was received', avld.say_time(device.created_at));
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
			CASE WHEN usual IS NULL THEN 'too few reports to know its usual silence'
				ELSE 'usually silent no longer than ' || avld.say_span(usual) END);
		next_step := CASE WHEN severity <> 'problem' THEN NULL
			WHEN state.ignition IS FALSE THEN 'its ignition was off: check whether it is parked out of coverage, or its battery is empty'
			WHEN state.gsm_percent < 20 THEN 'its GSM signal was ' || state.gsm_percent || ' %: check coverage'
			ELSE 'check power, coverage and credit of the SIM; then server address and APN in the tracker' END;
		RETURN NEXT;
	END IF;

	SELECT count(*) AS count, max(c.closed_at) AS last, (array_agg(c.reason ORDER BY c.closed_at DESC))[1] AS reason,
		percentile_disc(0.5) WITHIN GROUP (ORDER BY c.closed_at - c.opened_at) AS median
	INTO item
	FROM avld.connections AS c
	WHERE c.ident = asked AND c.closed_at > now() - interval '1 day';
	IF item.count > 0 THEN
		severity := CASE WHEN item.count > 50 THEN 'warning' ELSE 'info' END;
		finding := CASE WHEN item.count > 50 THEN 'reconnects often' ELSE 'closed connections' END;
		detail := format('%s in the last day, half of them within %s; the last one %s: %s', item.count,
			avld.say_span(item.median), avld.say_time(item.last), item.reason);
		next_step := CASE WHEN item.count > 50
			THEN 'check coverage; two trackers with one ident; a tracker that expects another reply' END;
		RETURN NEXT;
	END IF;

	-- rejects
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
		finding := CASE WHEN item.reason LIKE 'delta:%' THEN 'rejected: deltas' ELSE 'rejected: ' || item.reason END;
		detail := format('%s in 7 days, the last %s: %s', item.count, avld.say_time(item.last), item.frame);
		next_step := CASE
			WHEN item.reason LIKE 'delta:%' THEN 'deltas need a full record first: wait for the next one, or switch Smart Report off'
			WHEN item.reason LIKE 'device is blocked%' THEN 'see avld.devices.state'
			WHEN item.reason LIKE 'not the protocol set%' THEN 'see avld.devices.protocol'
			WHEN item.reason LIKE 'not from the device''s networks%' THEN
				'see avld.devices.networks; the senders: SELECT peer, received_at FROM avld.rejects WHERE ident = ' || quote_literal(asked)
			WHEN item.reason LIKE 'wrong secret%' THEN 'set the password in the tracker, or here: SELECT avld.set_secret('
				|| quote_literal(asked) || ', ...)'
			WHEN item.reason LIKE 'unknown device%' THEN 'insert it into avld.devices, or set devices.unknown = accept'
			ELSE 'SELECT * FROM avld.rejects WHERE ident = ' || quote_literal(asked) || ' ORDER BY received_at DESC' END;
		RETURN NEXT;
	END LOOP;

	RETURN QUERY SELECT * FROM avld.diagnose_peers(device.id, asked);

	-- fixes and clock
	IF state.device_id IS NOT NULL THEN
		SELECT p.fixed_at, p.received_at, p.valid, p.satellites INTO newest
		FROM avld.positions AS p
		WHERE p.device_id = device.id AND p.fixed_at > state.last_seen - interval '7 days'
		ORDER BY p.fixed_at DESC, p.dedup DESC
		LIMIT 1;
		IF state.fixed_at IS NULL THEN
			severity := 'problem';
			finding := 'no valid fix yet';
			detail := CASE WHEN newest.fixed_at IS NULL THEN 'it reports, but without coordinates'
				ELSE 'its newest coordinates, ' || avld.say_time(newest.fixed_at) || ', are marked as invalid' END;
			next_step := 'put it under the open sky for 15 minutes; then check its GPS antenna';
		ELSIF newest.valid IS FALSE THEN
			severity := 'warning';
			finding := 'no valid fix at present';
			detail := format('the last valid fix %s; %s satellites', avld.say_time(state.fixed_at),
				coalesce(newest.satellites::text, 'unknown number of'));
			next_step := 'check whether it is indoors; then its GPS antenna, or jamming';
		ELSIF state.last_seen - state.fixed_at > interval '1 day' THEN
			severity := 'warning';
			finding := 'reports without valid fixes';
			detail := format('last frame %s, last valid fix %s', avld.say_time(state.last_seen), avld.say_time(state.fixed_at));
			next_step := 'check its GPS antenna, and whether it is configured to report positions';
		ELSE
			severity := 'ok';
			finding := 'valid fixes';
			SELECT max(p.fixed_at) AS at INTO item
			FROM (
				SELECT p.fixed_at, p.valid FROM avld.positions AS p
				WHERE p.device_id = device.id AND p.fixed_at > week AND p.fixed_at < now() + interval '1 hour'
				ORDER BY p.fixed_at DESC LIMIT 5000
			) AS p
			WHERE NOT p.valid;
			detail := format('the last %s; %s', avld.say_time(state.fixed_at),
				coalesce('the last invalid one ' || avld.say_time(item.at), 'no recent invalid one'));
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
				finding := 'clock implausible: time of receipt used';
				detail := format('it sent %s at %s: off by %s; %s of its newest reports', item.device_time, item.last,
					avld.say_span(item.last - item.device_time), item.count);
				next_step := 'a tracker sets its clock by GPS: wait for a valid fix; then set its time zone to 0';
			ELSIF item.time_source = 'rollover' THEN
				finding := 'clock 1024 weeks behind (GPS week rollover), corrected';
				detail := format('it sent %s at %s; %s of its newest reports', item.device_time, item.last, item.count);
				next_step := 'update its firmware; stored rows are correct';
			ELSE
				finding := CASE WHEN item.lag < '0' THEN 'clock ahead' ELSE 'clock behind, or reports delayed' END;
				detail := format('half of its newest %s reports are %s %s old on receipt', item.count,
					CASE WHEN item.lag < '0' THEN 'minus' ELSE 'at least' END, avld.say_span(item.lag));
				next_step := 'an offset of whole hours is a time zone: set it to 0; else check coverage';
			END IF;
			RETURN NEXT;
		END LOOP;

		-- gaps
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
			next_step := 'it was switched off, or out of coverage and has no log';
			RETURN NEXT;
		END IF;

		IF state.battery_percent < 15 OR state.gsm_percent < 20 THEN
			severity := 'warning';
			finding := 'weak battery or signal';
			detail := format('battery %s %%, GSM signal %s %%', coalesce(state.battery_percent::text, '?'),
				coalesce(state.gsm_percent::text, '?'));
			next_step := 'check external power and its fuse; the place of the GSM antenna';
			RETURN NEXT;
		END IF;

		RETURN QUERY SELECT * FROM avld.diagnose_commands(device.id);
	END IF;

	-- it may be a peer that never identified itself
	IF state.device_id IS NULL THEN
		FOR item IN SELECT * FROM avld.find_strangers(5) LOOP
			severity := 'info';
			finding := 'a peer that never identified itself may be this tracker';
			detail := format('%s, %s times, the last %s: %s', item.address, item.count, avld.say_time(item.last_seen), item.what);
			next_step := 'compare the address with that of its SIM, and the bytes with its manual';
			RETURN NEXT;
		END LOOP;
		severity := 'info';
		finding := 'settings to check in the tracker';
		detail := 'server address and port (8888), TCP or UDP, APN with user and password, data credit of the SIM, coverage';
		next_step := 'on the server, tcpdump -n port 8888 shows whether anything arrives; the firewall must allow TCP and UDP';
		RETURN NEXT;
	END IF;
END
$$;

-- Findings about all devices. The usual silence of all silent devices is calculated in one call.
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
	-- all trackers
	SELECT max(s.last_seen) AS last_seen, (SELECT max(c.updated_at) FROM avld.checkpoint AS c) AS stored INTO item
	FROM avld.device_state AS s;
	IF item.last_seen IS NULL OR item.last_seen < now() - interval '10 min' THEN
		severity := 'problem';
		finding := CASE WHEN item.last_seen IS NULL THEN 'no frame received yet' ELSE 'no frames from any tracker' END;
		detail := format('last frame %s; avld last stored data %s', coalesce(avld.say_time(item.last_seen), 'never'),
			coalesce(avld.say_time(item.stored), 'never'));
		next_step := 'run avld status and journalctl -u avld; check the firewall: TCP and UDP 8888';
		RETURN NEXT;
	END IF;

	-- a usual silence, measured in a week, is shorter than two weeks
	SELECT array_agg(d.id), array_agg(s.last_seen) INTO silent, since
	FROM avld.devices AS d
	JOIN avld.device_state AS s ON s.device_id = d.id
	WHERE finding IS NULL -- if all are silent, none of them is the cause
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
		finding := 'rejected: ' || item.reason;
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
		finding := 'rejected: not in avld.devices';
		detail := format('%s reports, the last %s from %s, protocol %s', item.count, avld.say_time(item.last_seen), item.peer,
			coalesce(item.protocol, 'unknown'));
		next_step := format('if it is your tracker: INSERT INTO avld.devices (ident) VALUES (%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	FOR item IN
		SELECT d.ident, p.*
		FROM (
			SELECT s.device_id FROM avld.device_state AS s WHERE s.two_peers_at > now() - interval '1 day'
			UNION
			SELECT d.id
			FROM avld.connections AS c
			JOIN avld.devices AS d ON d.ident = c.ident
			WHERE c.closed_at > now() - interval '1 day' AND c.reason = 'device connected again'
			GROUP BY d.id
			HAVING count(*) >= 3
		) AS t
		JOIN avld.devices AS d ON d.id = t.device_id
		CROSS JOIN LATERAL avld.diagnose_peers(d.id, d.ident) AS p
		ORDER BY d.ident, p.finding
		LIMIT 100
	LOOP
		severity := item.severity;
		ident := item.ident;
		finding := item.finding;
		detail := item.detail;
		next_step := format('SELECT * FROM avld.diagnose(%L)', item.ident);
		RETURN NEXT;
	END LOOP;

	ident := NULL;
	FOR item IN
		SELECT split_part(c.reason, ' ', 1) AS setting, sum(c.rejects) AS count, max(c.closed_at) AS last,
			count(DISTINCT regexp_replace(c.peer, ':\d+$', '')) AS addresses
		FROM avld.connections AS c
		WHERE c.closed_at > now() - interval '1 day' AND c.ident IS NULL AND c.reason LIKE 'server.max_connections%'
		GROUP BY 1
		ORDER BY 1
	LOOP
		severity := 'warning';
		finding := 'connections refused: ' || item.setting || ' reached';
		detail := format('%s in the last day, from %s address%s, the last %s', item.count, item.addresses,
			CASE WHEN item.addresses = 1 THEN '' ELSE 'es' END, avld.say_time(item.last));
		next_step := format('raise it if these are your trackers: SELECT peer, rejects FROM avld.connections WHERE reason LIKE %L',
			item.setting || ' %');
		RETURN NEXT;
	END LOOP;

	FOR item IN SELECT * FROM avld.find_strangers(20) AS s WHERE s.what NOT LIKE '% closed: server.max_connections%' LOOP
		severity := 'info';
		finding := 'a peer that never identified itself';
		detail := format('%s, %s times, the last %s: %s', item.address, item.count, avld.say_time(item.last_seen), item.what);
		next_step := 'if it may be your tracker, see avld.rejects; port scans can be ignored';
		RETURN NEXT;
	END LOOP;
END
$$;

COMMENT ON FUNCTION avld.diagnose(text) IS
	'Why a tracker is missing: findings in the order to read them; severity: problem, warning, info, ok. '
	'Example: SELECT * FROM avld.diagnose(''5021234'')';
COMMENT ON FUNCTION avld.diagnose() IS
	'Which trackers are missing: devices silent for twice their usual silence and at least 10 minutes, rejected ones, those heard '
	'from two addresses, refused connections, and peers that never identified themselves. Example: SELECT * FROM avld.diagnose()';
COMMENT ON FUNCTION avld.say_span(interval) IS 'Used by diagnose: a length of time as text.';
COMMENT ON FUNCTION avld.say_time(timestamptz) IS 'Used by diagnose: a time, and how long ago it is, as text.';
COMMENT ON FUNCTION avld.say_frame(bytea) IS 'Used by diagnose: the first 32 bytes in hex, and as text if they are printable.';
COMMENT ON FUNCTION avld.usual_silence(bigint, timestamptz) IS
	'The usual silence of a device (devices.id) in the 7 days before a time; NULL: too few reports.';
COMMENT ON FUNCTION avld.diagnose_commands(bigint) IS 'Used by diagnose: open and failed commands of a device (devices.id).';
COMMENT ON FUNCTION avld.diagnose_peers(bigint, text) IS
	'Used by diagnose: whether a device (devices.id, ident) is heard from two addresses, and jumps.';
COMMENT ON FUNCTION avld.find_fight(text) IS
	'Used by diagnose: two TCP peers that displace each other with one ident; no row: there are none.';
COMMENT ON FUNCTION avld.find_jumps(bigint) IS
	'Used by diagnose: the newest jump of a device (devices.id) in the last day, and how many there are; no row: none.';
COMMENT ON FUNCTION avld.find_strangers(integer) IS
	'Peers of the last day that never identified themselves, newest first, at most so many: address, count, and the bytes '
	'they sent. Example: SELECT * FROM avld.find_strangers(20)';
COMMENT ON FUNCTION avld.usual_silences(bigint[], timestamptz[]) IS
	'The usual silence of each device (devices.id) in the 7 days before its time; NULL: too few reports.';
