-- Who was turned away because of a limit: such connections have rows in avld.connections, one a minute of each address, and
-- diagnose() tells of them. ASCII only: it is compiled into the program.

-- As before, and: who was turned away because of a limit.
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
		next_step := format('raise it if these are trackers of yours: SELECT peer, rejects FROM avld.connections WHERE reason LIKE %L',
			item.setting || ' %');
		RETURN NEXT;
	END LOOP;

	FOR item IN SELECT * FROM avld.find_strangers(20) AS s WHERE s.what NOT LIKE '% ended: server.max_connections%' LOOP
		severity := 'info';
		finding := 'a peer that never identified itself';
		detail := format('%s, %s times, the last %s: %s', item.address, item.count, avld.say_time(item.last_seen), item.what);
		next_step := 'a tracker of yours that is not understood? Else somebody who tries ports: nothing to do';
		RETURN NEXT;
	END LOOP;
END
$$;

COMMENT ON TABLE avld.connections IS 'One row per TCP connection that ended, and why; those turned away at once are one row a minute of each address.';
COMMENT ON COLUMN avld.connections.peer IS 'address:port; [::]:0: further addresses that were turned away';
COMMENT ON COLUMN avld.connections.rejects IS 'frames refused: see avld.rejects; or, turned away at once, how many connections were';
