-- Invented data: 12 trackers, of which 10 report for five days up to the setting avld.newest, one has never been seen, and one is
-- blocked. They drive by day and stand by night; some reports are late, some from a log, some without a fix, some have no partition.
SELECT avld.ensure_partitions((current_setting('avld.newest')::timestamptz AT TIME ZONE 'UTC')::date - 3,
	(current_setting('avld.newest')::timestamptz AT TIME ZONE 'UTC')::date);
INSERT INTO avld.devices (ident, name, state, created_at)
SELECT to_char(5020000 + n, 'FM0000000'), 'tracker ' || n, CASE n WHEN 12 THEN 'blocked' ELSE 'active' END, current_setting('avld.newest')::timestamptz
FROM generate_series(1, 12) AS n;
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, altitude_m, speed_kmh, course_deg,
	satellites, ignition, inputs, odometer_m, battery_percent, gsm_percent, stored, extra, dedup)
SELECT d.id, t.at, t.at + CASE WHEN n % 40 = 7 THEN interval '30 min' ELSE interval '2 s' END, 'device', 'POS', n % 37 <> 0,
	45 + d.id / 50.0 + m.place / 3000, 7 + m.place / 2500, 200, CASE WHEN m.moves THEN 40 + n % 30 ELSE 0 END, n % 360, 8, m.moves, n % 4,
	(m.place * 1000)::bigint, 90, 60, n % 53 = 0, CASE WHEN n % 10 = 0 THEN jsonb_build_object('n', n) END, n
FROM avld.devices AS d
CROSS JOIN generate_series(1, 1440) AS n
CROSS JOIN LATERAL (SELECT current_setting('avld.newest')::timestamptz - n * interval '5 min' - d.id * interval '1 s' AS at) AS t
CROSS JOIN LATERAL (SELECT n % 288 BETWEEN 60 AND 200 AND n % 24 > 5 AS moves, (n / 288) * 115 + least(greatest(n % 288 - 60, 0), 140) AS place) AS m
WHERE d.ident <= '5020010' AND (n + d.id) % 97 > 3;
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, event, battery_percent, stored, dedup)
SELECT d.id, t.at, t.at + interval '1 s', 'device', 'HB', 80, false, n
FROM avld.devices AS d
CROSS JOIN generate_series(1, 200) AS n
CROSS JOIN LATERAL (SELECT current_setting('avld.newest')::timestamptz - n * interval '35 min' - d.id * interval '1 s' AS at) AS t
WHERE d.ident <= '5020010';
INSERT INTO avld.alarms (device_id, occurred_at, received_at, latitude, longitude, speed_kmh, valid, stored, alarm, event, dedup)
SELECT p.device_id, p.fixed_at, p.received_at, p.latitude, p.longitude, p.speed_kmh, p.valid, p.stored,
	(ARRAY['sos', 'overspeed', 'powerCut'])[1 + p.dedup % 3], p.event, p.dedup
FROM avld.positions AS p WHERE p.dedup % 111 = 5;
INSERT INTO avld.device_state (device_id, last_seen, fixed_at, latitude, longitude, speed_kmh, protocol, transport, peer, connected)
SELECT DISTINCT ON (p.device_id) p.device_id, p.received_at, p.fixed_at, p.latitude, p.longitude, p.speed_kmh, 'pt502', 'tcp', '192.0.2.1:5000', false
FROM avld.positions AS p WHERE p.valid ORDER BY p.device_id, p.fixed_at DESC;
INSERT INTO avld.rejects (received_at, peer, transport, protocol, ident, reason, frame)
SELECT current_setting('avld.newest')::timestamptz - n * interval '1 hour', '192.0.2.9:' || n, 'tcp', 'pt502', CASE WHEN n % 2 = 0 THEN '5020001' END,
	'bad value: time', '\x2450' FROM generate_series(1, 200) AS n;
INSERT INTO avld.connections (opened_at, closed_at, peer, transport, protocol, ident, bytes, frames, rejects, reason)
SELECT t.at - interval '50 min', t.at, '192.0.2.1:' || n, 'tcp', 'pt502', '502000' || n % 10, 1000 + n, 10, 0, 'closed by peer'
FROM generate_series(1, 100) AS n, LATERAL (SELECT current_setting('avld.newest')::timestamptz - n * interval '1 hour') AS t (at);
INSERT INTO avld.unknown_devices (ident, protocol, peer, first_seen, last_seen, count)
VALUES ('5029999', 'pt502', '192.0.2.9:1', current_setting('avld.newest')::timestamptz - interval '1 day', current_setting('avld.newest')::timestamptz, 3);
INSERT INTO avld.commands (device_id, command) SELECT d.id, 'positionSingle' FROM avld.devices AS d WHERE d.ident <= '5020003' ORDER BY d.id;
INSERT INTO avld.media (device_id, taken_at, received_at, camera, content_type, complete, dedup, bytes)
SELECT d.id, current_setting('avld.newest')::timestamptz, current_setting('avld.newest')::timestamptz, 1, 'image/jpeg', true, 1, '\xffd8ffd9'
FROM avld.devices AS d WHERE d.ident = '5020001';
