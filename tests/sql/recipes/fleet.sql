-- The data of the examples in docs/sql.md: boats on 4 May 2026, calculated, without random values. Rows for diagnose have times
-- relative to now.
SET TimeZone = 'UTC';
SELECT avld.ensure_partitions('2026-05-03', '2026-05-05');
SELECT avld.ensure_partitions(current_date - 1, current_date);
INSERT INTO avld.devices (ident, name) VALUES ('5021234', 'Kite'), ('5021235', 'Dory'), ('860000000000017', 'Tern'), ('5021240', 'Gull');

-- Rounds on the lake: start, minutes, seconds between fixes, centre and radius in degrees, number of turns, whether ignition is
-- reported, whether the fixes were sent later from the log. Outside of the rounds each boat reports every 10 minutes.
CREATE TEMP TABLE rounds (device_id bigint, starts timestamptz, minutes integer, every integer, lat float8, lon float8,
	radius float8, turns float8, ignition boolean, stored boolean);
INSERT INTO rounds
SELECT d.id, v.starts, v.minutes, v.every, v.lat, v.lon, v.radius, v.turns, v.ignition, v.stored
FROM (VALUES
	('5021234', timestamptz '2026-05-04 07:10', 42, 30, 47.91, 11.31, 0.02, 1, true, false),
	('5021234', '2026-05-04 12:05', 25, 30, 47.91, 11.31, 0.02, 1, true, false),
	('5021234', '2026-05-04 16:40', 35, 30, 47.91, 11.31, 0.02, 1, true, false),
	('5021235', '2026-05-04 08:00', 60, 60, 47.88, 11.31, 0.04, 1, NULL, true),
	('5021235', '2026-05-04 23:40', 45, 60, 47.88, 11.31, 0.04, 1, NULL, false),
	('860000000000017', '2026-05-04 09:00', 90, 60, -17, 180, 0.1, 0.5, true, false)
) AS v (ident, starts, minutes, every, lat, lon, radius, turns, ignition, stored)
JOIN avld.devices AS d USING (ident);

CREATE TEMP TABLE fixes AS
SELECT r.device_id, r.starts + t.s * interval '1 s' AS at, r.stored, r.ignition AND t.s < r.minutes * 60 AS ignition,
	r.lat - r.radius * cos(a.angle) AS lat, r.lon + 1.5 * r.radius * sin(a.angle) AS lon,
	CASE WHEN t.s BETWEEN 1 AND r.minutes * 60 - 1 THEN round((r.radius * 111.195 * 2 * pi() * r.turns / r.minutes * 60)::numeric, 1) ELSE 0 END AS kmh
FROM rounds AS r
CROSS JOIN LATERAL generate_series(0, r.minutes * 60, r.every) AS t (s)
CROSS JOIN LATERAL (SELECT 2 * pi() * r.turns * t.s / (r.minutes * 60) AS angle) AS a;
-- Moored: at the end of the last round, or at the start of the first one.
INSERT INTO fixes
SELECT d.device_id, t.at, false, CASE WHEN d.ignition IS NOT NULL THEN false END, p.lat, p.lon, 0
FROM (SELECT DISTINCT device_id, bool_or(ignition) AS ignition FROM rounds GROUP BY device_id) AS d
CROSS JOIN generate_series(timestamptz '2026-05-04 06:00', '2026-05-05 01:00', '10 min') AS t (at)
CROSS JOIN LATERAL (
	SELECT f.lat, f.lon FROM fixes AS f WHERE f.device_id = d.device_id
	ORDER BY f.at > t.at, abs(extract(epoch FROM f.at - t.at)) LIMIT 1) AS p
WHERE NOT EXISTS (SELECT FROM rounds AS r WHERE r.device_id = d.device_id
	AND t.at BETWEEN r.starts - interval '1 min' AND r.starts + (r.minutes + 1) * interval '1 min');

INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, speed_kmh, satellites,
	ignition, odometer_m, stored, dedup)
SELECT f.device_id, f.at, f.at + CASE WHEN f.stored THEN interval '2 h' ELSE interval '1 s' END, 'device', 'POS', true,
	round(f.lat::numeric, 6), round((CASE WHEN f.lon > 180 THEN f.lon - 360 ELSE f.lon END)::numeric, 6), f.kmh, 9, f.ignition,
	CASE WHEN f.ignition IS NOT NULL THEN 100000 + sum(f.kmh / 3.6 * s.seconds) OVER (PARTITION BY f.device_id ORDER BY f.at) END, f.stored,
	extract(epoch FROM f.at)::bigint
FROM fixes AS f
CROSS JOIN LATERAL (SELECT CASE WHEN f.kmh = 0 THEN 0 ELSE (SELECT r.every FROM rounds AS r WHERE r.device_id = f.device_id
	AND f.at BETWEEN r.starts AND r.starts + r.minutes * interval '1 min') END AS seconds) AS s;
-- An implausible fix.
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, speed_kmh, satellites,
	ignition, stored, dedup)
SELECT id, '2026-05-04 07:20:15', '2026-05-04 07:20:16', 'device', 'POS', true, 0, 0, 0, 4, true, false, 1 FROM avld.devices WHERE name = 'Kite';

INSERT INTO avld.alarms (device_id, occurred_at, received_at, alarm, event, latitude, longitude, speed_kmh, valid, stored, dedup)
SELECT d.id, v.at, v.received_at, v.alarm, v.alarm, p.latitude, p.longitude, p.speed_kmh, true, v.stored, 1
FROM (VALUES ('Kite', timestamptz '2026-05-04 12:20', timestamptz '2026-05-04 12:20:01', 'sos', false),
	('Dory', '2026-05-04 08:30', '2026-05-04 10:30', 'powerCut', true),
	('Tern', '2026-05-04 09:30', '2026-05-04 09:30:01', 'overspeed', false)) AS v (name, at, received_at, alarm, stored)
JOIN avld.devices AS d USING (name) JOIN avld.positions AS p ON p.device_id = d.id AND p.fixed_at = v.at;
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, event, battery_percent, stored, extra, dedup)
SELECT id, '2026-05-04 06:00', '2026-05-04 06:00:01', 'device', 'FUS', 95, false, '{"firmware": "V4.17"}', 1 FROM avld.devices WHERE name = 'Kite';

INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, connected, instance, fixed_at, latitude, longitude,
	speed_kmh, satellites, telemetry_at, event, ignition, odometer_m, battery_percent, gsm_percent)
SELECT d.id, now() - interval '20 s', 'pt502', 'tcp', '192.0.2.' || d.id || ':4000', true, 'avld', p.fixed_at, p.latitude, p.longitude,
	p.speed_kmh, p.satellites, p.fixed_at, p.event, p.ignition, p.odometer_m, 95, 67
FROM avld.devices AS d
CROSS JOIN LATERAL (SELECT * FROM avld.positions AS p WHERE p.device_id = d.id ORDER BY p.fixed_at DESC LIMIT 1) AS p;

-- Gull stopped reporting three hours ago, while moving; its newest record was rejected. 5021241 is not in avld.devices.
INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, event, valid, latitude, longitude, speed_kmh, stored, dedup)
SELECT d.id, t.at, t.at, 'device', 'POS', true, 47.91, 11.31, 12, false, n
FROM avld.devices AS d, generate_series(0, 99) AS n, LATERAL (SELECT now() - interval '3 h' - n * interval '1 min') AS t (at) WHERE d.name = 'Gull';
INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, fixed_at, latitude, longitude, speed_kmh, gsm_percent)
SELECT id, now() - interval '3 h', 'pt502', 'udp', '192.0.2.9:4000', now() - interval '3 h', 47.91, 11.31, 12, 14 FROM avld.devices WHERE name = 'Gull';
INSERT INTO avld.rejects VALUES
	(now() - interval '3 h', '192.0.2.9:4000', 'udp', 'pt502', '5021240', 'bad value: time', '$POS,5021240,996100.000,A,'),
	(now() - interval '5 min', '198.51.100.7:51000', 'tcp', NULL, NULL, 'unknown protocol', '\x16030100ee');
INSERT INTO avld.unknown_devices VALUES ('5021241', 'pt502', '192.0.2.10:4000', now() - interval '2 h', now() - interval '1 min', 120);
INSERT INTO avld.connections VALUES
	(now() - interval '6 min', now() - interval '5 min', '198.51.100.7:51000', 'tcp', NULL, NULL, 5, 0, 1, 'unknown protocol'),
	(now() - interval '9 h', now() - interval '8 h', '192.0.2.1:4000', 'tcp', 'pt502', '5021234', 40960, 320, 0, 'closed by peer'),
	(now() - interval '7 h', now() - interval '6 h', '192.0.2.1:4001', 'tcp', 'pt502', '5021234', 20480, 160, 0, 'idle timeout');
INSERT INTO avld.checkpoint VALUES ('avld', '00000000-0000-4000-8000-000000000001', 4096);

-- A confirmed command and a queued one; a photo.
INSERT INTO avld.commands (device_id, command, args) SELECT id, c.command, c.args::jsonb
FROM avld.devices, (VALUES ('outputControl', '{"index": 2, "value": 1}'), ('positionSingle', '{}')) AS c (command, args) WHERE name = 'Kite';
UPDATE avld.commands SET state = 'confirmed', sent_at = now(), ended_at = now(), attempts = 1, reply = 'OPC OK' WHERE command = 'outputControl';
INSERT INTO avld.media (device_id, taken_at, received_at, latitude, longitude, camera, content_type, complete, dedup, bytes)
SELECT id, '2026-05-04 12:20', '2026-05-04 12:20:09', 47.9, 11.31, 1, 'image/jpeg', true, 1, decode(repeat('00', 9120), 'hex')
FROM avld.devices WHERE name = 'Kite';
