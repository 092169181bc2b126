-- 10 million positions of 1,000 devices in 30 days, stored as the daemon stores them: daily partitions, rows in order of time.
-- Device 1 reports every 10 s (8,640 a day), the others every 266 s. Each moves on a circle twice a day.
-- psql variables: devices (1000), days (30), dense_s (10), sparse_s (266), first (a date).
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET synchronous_commit = off;
INSERT INTO avld.devices (ident, name) SELECT (5030000 + n)::text, 'bench ' || n FROM generate_series(1, :devices) AS n;
SELECT avld.ensure_partitions(:'first', :'first'::date + :days - 1);

CREATE PROCEDURE pg_temp.fill(first date, days integer, dense_s integer, sparse_s integer)
LANGUAGE plpgsql AS $$
DECLARE
	midnight timestamptz;
BEGIN
	FOR day IN 0 .. days - 1 LOOP
		midnight := (first + day)::timestamptz;
		INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, altitude_m,
			speed_kmh, course_deg, satellites, hdop, ignition, inputs, outputs, adc1, odometer_m, battery_percent, power_v,
			gsm_percent, stored, dedup)
		SELECT
			r.id, r.at, r.at + interval '2 s', 'device', 'POS', true,
			40 + r.n % 40 * 0.2 + 0.05 * sin(r.angle), -30 + r.n / 40 * 0.4 + 0.05 * cos(r.angle), 1,
			CASE WHEN r.driving THEN 50 + 30 * sin(r.s / 60) ELSE 0 END, mod((-degrees(r.angle))::numeric, 360) + 360, 9, 1,
			r.driving, r.driving::integer, 0, 0, (day * 155000 + r.driven_s * 14)::bigint, 100, 13.5, 70, false, r.s
		FROM (
			SELECT m.*, day * 2 + m.driven_s / 2200.0 AS angle
			FROM (
				-- in motion: 100 minutes in the morning, 80 in the evening, shifted per device
				SELECT d.id, d.id - f.least AS n, midnight + t.s * interval '1 s' AS at, t.s,
					t.s - o.off BETWEEN 25200 AND 31200 OR t.s - o.off BETWEEN 59400 AND 64200 AS driving,
					greatest(0, least(t.s - o.off - 25200, 6000)) + greatest(0, least(t.s - o.off - 59400, 4800)) AS driven_s
				FROM (SELECT min(id) AS least FROM avld.devices) AS f
				CROSS JOIN avld.devices AS d
				CROSS JOIN LATERAL (SELECT (d.id * 37 % 5400)::integer AS off) AS o
				CROSS JOIN LATERAL generate_series(
					CASE WHEN d.id = f.least THEN 0 ELSE (d.id % sparse_s)::integer END, 86399,
					CASE WHEN d.id = f.least THEN dense_s ELSE sparse_s END) AS t (s)
			) AS m
		) AS r
		ORDER BY r.at;
		COMMIT;
	END LOOP;
END
$$;
CALL pg_temp.fill(:'first', :days, :dense_s, :sparse_s);

INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, connected, instance, fixed_at, latitude, longitude,
	speed_kmh, telemetry_at, event, ignition)
SELECT d.id, p.received_at, 'pt502', 'tcp', '192.0.2.1:4000', true, 'avld', p.fixed_at, p.latitude, p.longitude, p.speed_kmh, p.fixed_at,
	p.event, p.ignition
FROM avld.devices AS d
CROSS JOIN LATERAL (SELECT * FROM avld.positions AS p WHERE p.device_id = d.id ORDER BY p.fixed_at DESC LIMIT 1) AS p;
INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, event, latitude, longitude, speed_kmh, valid, stored, dedup)
SELECT device_id, fixed_at, received_at, 'overspeed', 'POS', latitude, longitude, speed_kmh, true, false, dedup
FROM avld.positions WHERE speed_kmh > 79.9 AND device_id % 10 = 0;
VACUUM (ANALYZE) avld.positions, avld.devices, avld.device_state, avld.alarms;
