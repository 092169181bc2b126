-- diagnose: each finding appears when it should, and only then.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();
SELECT avld.ensure_partitions(current_date - 8, current_date + 1);

-- Returns severities and findings, in order.
CREATE FUNCTION pg_temp.found(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(severity || ': ' || finding, '; ') FROM avld.diagnose(who)
$$;
CREATE FUNCTION pg_temp.say(who text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(detail || ' -> ' || coalesce(next_step, '-'), '; ') FROM avld.diagnose(who) WHERE finding LIKE what
$$;
-- Adds a device that was last seen `ago`, with reports before that, one per `every`.
CREATE FUNCTION pg_temp.add(who text, ago interval, every interval DEFAULT '1 min', reports integer DEFAULT 100, ok boolean DEFAULT true)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.devices (ident) VALUES (who);
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, satellites, stored, dedup)
	SELECT d.id, now() - ago - n * every, now() - ago - n * every, 'device', ok, 43.5, 7.25, 3, false, n
	FROM avld.devices AS d, generate_series(0, reports - 1) AS n WHERE d.ident = who;
	INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, connected, instance, fixed_at)
	SELECT d.id, now() - ago, 'pt502', 'tcp', '192.0.2.7:4000', true, 'avld', CASE WHEN ok THEN now() - ago END
	FROM avld.devices AS d WHERE d.ident = who;
$$;

-- text
SELECT is(avld.say_span(s::interval), w) FROM (VALUES ('0', '0 s'), ('-5 s', '5 s'), ('119 s', '119 s'), ('2 min', '2 min'), ('2 h', '2 h'),
	('47 h', '47 h'), ('2 days', '2 days'), ('400 days', '400 days')) AS t (s, w);
SELECT is(avld.say_time('2024-05-01 12:00+00') LIKE '2024-05-01 12:00:00 UTC (% days ago)', true, 'say_time of a past time');
SELECT is(avld.say_time(now() + interval '1 h') LIKE '%ago%', false, 'say_time of a future time');
SELECT is(avld.say_frame('\x24412c310d0a'), '24412c310d0a = "$A,1"', 'say_frame of text');
SELECT is(avld.say_frame('\xbffb00'), 'bffb00', 'say_frame of binary data');
SELECT is(avld.say_frame(''), 'no bytes', 'say_frame of no bytes');
SELECT is(avld.say_frame(decode(repeat('41', 33), 'hex')), repeat('41', 32) || '... = "' || repeat('A', 32) || '"', 'say_frame truncates');
SELECT is(avld.say_frame('\x1b5b324a'), '1b5b324a', 'say_frame prints no control characters');

-- no device
SELECT is(pg_temp.found(NULL), NULL, 'a NULL ident has no findings');
SELECT is(pg_temp.found('5020000'), 'problem: not in avld.devices; info: settings to check in the tracker', 'an unknown ident in an empty database');
SELECT is((SELECT count(*) FROM avld.diagnose()), 1::bigint, 'diagnose() of an empty database has one finding');
SELECT is(finding, 'no frame received yet', 'namely that nothing was received') FROM avld.diagnose();

-- a working device
SELECT pg_temp.add('5020001', '20 s');
SELECT is(pg_temp.found('5020001'), 'ok: protocol recognised; ok: reports; ok: valid fixes', 'a working device has no problems');
SELECT ok(pg_temp.say('5020001', 'reports') LIKE 'last frame % (20 s ago) over tcp from 192.0.2.7:4000; connected; usually silent no longer than 60 s -> -',
	'its last frame, connection and usual silence');
SELECT is_empty('SELECT * FROM avld.diagnose()', 'diagnose() has no findings');

-- usual silence
SELECT is(avld.usual_silence(id, now()), '1 min'::interval, 'the usual silence with one report a minute') FROM avld.devices WHERE ident = '5020001';
SELECT is(avld.usual_silence(0, now()), NULL, 'of an unknown device');
SELECT pg_temp.add('5020002', '12 min');
SELECT is(pg_temp.found('5020002'), 'ok: protocol recognised; problem: silent longer than usual; ok: valid fixes',
	'12 minutes of silence with one report a minute');
SELECT results_eq('SELECT severity, ident, finding FROM avld.diagnose()', $$VALUES ('problem', '5020002', 'silent longer than usual')$$, 'diagnose() lists it');
SELECT pg_temp.add('5020003', '90 min', '1 h', 20);
SELECT is(pg_temp.found('5020003'), 'ok: protocol recognised; ok: reports; ok: valid fixes', '90 minutes of silence with one report an hour');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020003'), 0::bigint, 'diagnose() does not list it');
SELECT pg_temp.add('5020004', '10 h', '10 s', 1000);
UPDATE avld.positions SET received_at = received_at - d.n * interval '14 h', fixed_at = fixed_at - d.n * interval '14 h'
FROM (SELECT id, generate_series(1, 4) AS n FROM avld.devices WHERE ident = '5020004') AS d WHERE device_id = d.id AND dedup / 200 = d.n;
SELECT ok(pg_temp.found('5020004') LIKE 'ok: protocol recognised; ok: reports;%', '10 hours of silence with 14 silent hours a day');
SELECT pg_temp.add('5020005', '12 min', '1 min', 1);
SELECT ok(pg_temp.say('5020005', 'silent%') LIKE '%too few reports to know its usual silence%', 'one report is too few');
UPDATE avld.device_state SET ignition = false WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020002');
SELECT ok(pg_temp.say('5020002', 'silent%') LIKE '%ignition was off%', 'ignition off is shown');

-- Adds a device with reports every 10 s on each of 6 days, the last one `ago`, and none between.
CREATE FUNCTION pg_temp.add_days(who text, ago interval, reports integer) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.add(who, ago, reports => 0);
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
	SELECT d.id, t.at, t.at, 'device', true, 43.5, 7.25, false, n
	FROM avld.devices AS d, generate_series(0, 5) AS day, generate_series(0, reports - 1) AS n,
		LATERAL (SELECT now() - ago - day * interval '1 day' - n * interval '10 s') AS t (at) WHERE d.ident = who;
$$;
CREATE FUNCTION pg_temp.usual(who text) RETURNS interval LANGUAGE sql AS $$
	SELECT date_trunc('min', avld.usual_silence(d.id, s.last_seen))
	FROM avld.devices AS d JOIN avld.device_state AS s ON s.device_id = d.id WHERE d.ident = who
$$;
SAVEPOINT silences;
SELECT pg_temp.add_days('5020101', '9 h', 3600);
SELECT is(pg_temp.usual('5020101'), '14 h', '14 silent hours each night, 3,600 reports each day');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020101'), 0::bigint, 'it is not missing in the evening');
SELECT pg_temp.add('5020102', '30 min', '1 min', 3000);
UPDATE avld.positions SET received_at = now() - interval '30 min' - (dedup / 60) * interval '1 h'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020102');
SELECT cmp_ok(pg_temp.usual('5020102'), '>', '40 min'::interval, 'a fix a minute, received once an hour');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020102'), 0::bigint, 'it is not missing within that hour');
SELECT pg_temp.add('5020103', '30 s', '1 min', 3000);
UPDATE avld.positions SET received_at = received_at + interval '2 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020103');
UPDATE avld.device_state SET last_seen = last_seen - interval '20 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020103');
SELECT is(pg_temp.usual('5020103'), '1 min', 'a clock that is behind is no silence');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020103'), 1::bigint, 'such a device is missing after 20 minutes');
SELECT pg_temp.add('5020104', '30 min', reports => 0);
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
SELECT d.id, t.at, t.at, 'device', false, n
FROM avld.devices AS d, generate_series(1, 100) AS n, LATERAL (SELECT now() - n * interval '30 min') AS t (at) WHERE d.ident = '5020104';
SELECT is(pg_temp.usual('5020104'), '30 min', 'a heartbeat each half hour');
SELECT pg_temp.add('5020105', '1 h', '1 min', 300);
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
SELECT d.id, t.at, t.at, 'device', false, n
FROM avld.devices AS d, generate_series(1, 50) AS n, LATERAL (SELECT now() - interval '6 h' - n * interval '1 h') AS t (at) WHERE d.ident = '5020105';
SELECT is(pg_temp.usual('5020105'), '1 h', 'a heartbeat an hour while parked');
SELECT pg_temp.add('5020106', '2 days', '3 days', 3);
SELECT cmp_ok(pg_temp.usual('5020106'), '>=', '3 days'::interval, 'a report every third day');
SELECT pg_temp.add('5020107', '1 h', '1 min', 100);
UPDATE avld.positions SET stored = true WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020107');
SELECT is(pg_temp.usual('5020107'), NULL, 'stored reports do not count');
SELECT pg_temp.add('5020108', '1 h', '0', 100);
SELECT is(pg_temp.usual('5020108'), NULL, 'reports with the same time do not count');
ROLLBACK TO silences;

SELECT pg_temp.add('5020006', '15 days');
SELECT ok(detail LIKE 'last frame % (15 days ago) over tcp', 'after two weeks of silence nothing is usual') FROM avld.diagnose() WHERE ident = '5020006';

-- all trackers
SAVEPOINT all_silent;
UPDATE avld.device_state SET last_seen = last_seen - interval '1 day';
SELECT results_eq('SELECT severity, ident, finding FROM avld.diagnose()', $$VALUES ('problem', NULL::text, 'no frames from any tracker')$$,
	'if all are silent, that is the only finding');
ROLLBACK TO all_silent;

-- state and protocol
SELECT pg_temp.add('5020010', '20 s');
UPDATE avld.devices SET state = 'blocked', protocol = 'gt06' WHERE ident = '5020010';
SELECT is(pg_temp.found('5020010'), 'problem: blocked; problem: protocol is set; ok: reports; ok: valid fixes', 'blocked, and another protocol is set');
SELECT ok(pg_temp.say('5020010', 'protocol%') LIKE 'only gt06 is accepted; its newest frame: pt502 -> UPDATE %', 'both protocols are named');
UPDATE avld.devices SET state = 'active', protocol = 'pt502' WHERE ident = '5020010';
SELECT is(pg_temp.found('5020010'), 'info: protocol is set; ok: reports; ok: valid fixes', 'its own protocol is set');
INSERT INTO avld.devices (ident) VALUES ('5020011');
SELECT is(pg_temp.found('5020011'), 'problem: never seen; info: settings to check in the tracker', 'inserted, and never seen');
SELECT is(finding, 'never seen', 'diagnose() lists it') FROM avld.diagnose() WHERE ident = '5020011';

-- unknown devices
INSERT INTO avld.unknown_devices VALUES ('5020020', 'pt502', '192.0.2.8:4000', now() - interval '1 h', now() - interval '5 min', 12);
SELECT is(pg_temp.found('5020020'), 'problem: not in avld.devices; problem: rejected: devices.unknown = refuse, and it is not in avld.devices; '
	'info: settings to check in the tracker', 'rejected as unknown');
SELECT ok(pg_temp.say('5020020', 'rejected%') LIKE '12 reports since % from 192.0.2.8:4000, protocol pt502 -> %VALUES (''5020020'')', 'with time, peer and next step');
SELECT is(finding, 'rejected: not in avld.devices', 'diagnose() lists it') FROM avld.diagnose() WHERE ident = '5020020';
SELECT is(detail, '5020020, in avld.unknown_devices', 'an ident with other leading zeros is similar') FROM avld.diagnose('0005020020') WHERE severity = 'info' LIMIT 1;

-- rejects
SELECT pg_temp.add('5020030', '20 s');
INSERT INTO avld.rejects
SELECT now() - n * interval '1 min', '192.0.2.9:4000', 'tcp', 'pt502', '5020030', CASE WHEN n < 3 THEN 'delta: no reference' ELSE 'bad value: time' END,
	('$POS,' || n)::bytea FROM generate_series(1, 5) AS n;
INSERT INTO avld.rejects VALUES (now() - interval '8 days', NULL, 'tcp', 'pt502', '5020030', 'old', '');
SELECT is(pg_temp.found('5020030'), 'ok: protocol recognised; ok: reports; warning: rejected: deltas; '
	'warning: rejected: bad value: time; ok: valid fixes', 'rejects of 7 days, each reason once');
SELECT ok(pg_temp.say('5020030', 'rejected: bad%') LIKE '3 in 7 days, the last % (3 min ago): 24504f532c33 = "$POS,3" -> %', 'their number, and the newest frame');
SELECT results_eq($$SELECT finding FROM avld.diagnose() WHERE ident = '5020030'$$,
	$$VALUES ('rejected: delta: no reference'), ('rejected: bad value: time')$$, 'diagnose() lists them');

-- connections
SELECT pg_temp.add('5020031', '20 s');
INSERT INTO avld.connections SELECT t.at - interval '20 s', t.at, '192.0.2.9:4000', 'tcp', 'pt502', '5020031', 100, 1, 0, 'device connected again'
FROM generate_series(1, 60) AS n, LATERAL (SELECT now() - n * interval '1 min') AS t (at);
SELECT ok(pg_temp.say('5020031', 'reconnects often') LIKE '60 in the last day, half of them within 20 s; the last one % (60 s ago): device connected again -> %',
	'many short connections');

-- fixes
SELECT pg_temp.add('5020040', '20 s', ok => false);
SELECT ok(pg_temp.found('5020040') LIKE '%problem: no valid fix yet', 'never a valid fix');
SELECT pg_temp.add('5020041', '20 s', reports => 0);
UPDATE avld.device_state SET fixed_at = NULL WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020041');
SELECT ok(pg_temp.say('5020041', 'no valid fix yet') LIKE 'it reports, but without coordinates -> %', 'no coordinates');
SELECT pg_temp.add('5020042', '20 s');
UPDATE avld.positions SET valid = false WHERE dedup < 50 AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
UPDATE avld.device_state SET fixed_at = now() - interval '50 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
SELECT ok(pg_temp.say('5020042', 'no valid fix at present') LIKE 'the last valid fix % (50 min ago); 3 satellites -> %', 'invalid fixes, and since when');
UPDATE avld.positions SET valid = dedup <> 50 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
UPDATE avld.device_state SET fixed_at = now() - interval '20 s' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
SELECT ok(pg_temp.say('5020042', 'valid fixes') LIKE 'the last % (20 s ago); the last invalid one % (50 min ago) -> -', 'valid fixes, and since when');
SELECT ok(pg_temp.say('5020001', 'valid fixes') LIKE 'the last % (20 s ago); no recent invalid one -> -', 'always valid');
SELECT pg_temp.add('5020043', '20 s', reports => 0);
UPDATE avld.device_state SET fixed_at = now() - interval '50 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020043');
SELECT ok(pg_temp.found('5020043') LIKE '%warning: reports without valid fixes', 'heartbeats only');

-- clocks
SELECT pg_temp.add('5020050', '20 s');
UPDATE avld.positions SET time_source = 'received', device_time = received_at - interval '500 days'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020050');
SELECT ok(pg_temp.say('5020050', 'clock implausible%') LIKE '%off by 500 days; 100 of its newest reports -> %', 'a clock far off');
SELECT pg_temp.add('5020051', '20 s');
UPDATE avld.positions SET time_source = 'rollover', device_time = fixed_at - interval '7168 days'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020051');
SELECT ok(pg_temp.found('5020051') LIKE '%warning: clock 1024 weeks behind (GPS week rollover), corrected%', 'GPS week rollover');
SELECT pg_temp.add('5020052', '20 s');
UPDATE avld.positions SET received_at = received_at + interval '1 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020052');
SELECT ok(pg_temp.say('5020052', 'clock behind%') LIKE 'half of its newest 100 reports are at least 60 min old%', 'a wrong time zone');
SELECT pg_temp.add('5020053', '20 s');
UPDATE avld.positions SET received_at = received_at - interval '5 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020053');
SELECT ok(pg_temp.found('5020053') LIKE '%warning: clock ahead%', 'a clock ahead');
SELECT pg_temp.add('5020054', '20 s');
UPDATE avld.positions SET time_source = 'received' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020054');
SELECT ok(pg_temp.found('5020054') NOT LIKE '%clock%', 'a protocol without times has no findings about its clock');

-- gaps, power
SELECT pg_temp.add('5020060', '20 s', '1 min', 300);
DELETE FROM avld.positions WHERE dedup BETWEEN 20 AND 49 AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020060');
SELECT ok(pg_temp.say('5020060', 'gaps%') LIKE '1 in 7 days, the longest 31 min, from % (50 min ago) -> %', 'a gap of half an hour');
SELECT pg_temp.add('5020061', '20 s');
UPDATE avld.device_state SET battery_percent = 10, gsm_percent = NULL WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020061');
SELECT ok(pg_temp.say('5020061', 'weak%') LIKE 'battery 10 %, GSM signal ? % -> %', 'a weak battery');

-- two peers with one ident
SELECT pg_temp.add('5020080', '20 s');
UPDATE avld.device_state SET transport = 'udp', peer = '192.0.2.7:4000', other_peer = '203.0.113.9:5000', other_peer_at = now() - interval '30 s',
	two_peers_at = now() - interval '20 s' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020080');
SELECT is(pg_temp.found('5020080'), 'ok: protocol recognised; ok: reports; warning: heard from two addresses; ok: valid fixes', 'two senders at once');
SELECT ok(pg_temp.say('5020080', 'heard from%') LIKE '192.0.2.7:4000, last % (20 s ago); 203.0.113.9:5000, last % (30 s ago); both at % (20 s ago) -> %'
	'UPDATE avld.devices SET networks = ''{...}'' WHERE ident = ''5020080''', 'both addresses and times, and the remedy');
SELECT ok(detail LIKE '192.0.2.7:4000, last %', 'diagnose() lists it') FROM avld.diagnose() WHERE ident = '5020080' AND finding = 'heard from two addresses';
UPDATE avld.device_state SET two_peers_at = now() - interval '25 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020080');
SELECT is(pg_temp.found('5020080'), 'ok: protocol recognised; ok: reports; ok: valid fixes', 'not after a day');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020080'), 0::bigint, 'nor in diagnose()');

-- Adds connections that were displaced, n minutes ago each.
CREATE FUNCTION pg_temp.displace(who text, VARIADIC minutes integer[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.connections
	SELECT now() - n * interval '1 min' - interval '9 s', now() - n * interval '1 min', CASE WHEN i % 2 = 0 THEN '192.0.2.7:' ELSE '203.0.113.9:' END || 4000 + i,
		'tcp', 'pt502', who, 100, 1, 0, 'device connected again'
	FROM unnest(minutes) WITH ORDINALITY AS t (n, i)
$$;
SELECT pg_temp.add('5020081', '20 s');
SELECT pg_temp.displace('5020081', 3, 2, 1);
SELECT ok(pg_temp.say('5020081', 'heard from%') LIKE '203.0.113.9:4003, last % (60 s ago); 192.0.2.7:4002, last % (2 min ago); 3 TCP connections %',
	'two connections that displace each other');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020081'), 1::bigint, 'diagnose() lists it');
SELECT pg_temp.add('5020082', '20 s');
SELECT pg_temp.displace('5020082', 300, 200, 100, 20, 2);
SELECT is(pg_temp.say('5020082', 'heard from%'), NULL, 'a tracker that connects again now and then is not two');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020082'), 0::bigint, 'nor in diagnose()');

-- Moves the positions of a device with these numbers, counted back from the newest, to another place.
CREATE FUNCTION pg_temp.move(who text, lat double precision, lon double precision, VARIADIC numbers bigint[]) RETURNS void LANGUAGE sql AS $$
	UPDATE avld.positions SET latitude = lat, longitude = lon
	WHERE dedup = ANY (numbers) AND device_id = (SELECT id FROM avld.devices WHERE ident = who)
$$;
SELECT pg_temp.add('5020083', '20 s');
SELECT pg_temp.move('5020083', 43.5, 7.29, 10); -- 3 km in a minute
SELECT is(pg_temp.say('5020083', 'jumps'), NULL, 'fast is no jump');
SELECT pg_temp.move('5020083', 43.5, 7.35, 10, 11, 30); -- 8 km
SELECT ok(pg_temp.say('5020083', 'jumps') LIKE '4 in the last day, the last to 43.50000, 7.25000 at % (9 min ago): 8.1 km from 43.50000, 7.35000 in 60 s -> %',
	'places that no vehicle can reach');
SELECT is(pg_temp.found('5020083'), 'ok: protocol recognised; ok: reports; warning: jumps; ok: valid fixes', 'as a warning');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020083'), 0::bigint, 'diagnose() looks for jumps only where it hears two');
UPDATE avld.device_state SET other_peer = '203.0.113.9:5000', other_peer_at = now(), two_peers_at = now()
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020083');
SELECT results_eq($$SELECT finding, next_step FROM avld.diagnose() WHERE ident = '5020083'$$,
	$$VALUES ('heard from two addresses', 'SELECT * FROM avld.diagnose(''5020083'')'), ('jumps', 'SELECT * FROM avld.diagnose(''5020083'')')$$, 'there it does');
SELECT pg_temp.move('5020083', 43.5, 7.25, 10, 11, 30);
UPDATE avld.positions SET valid = false, latitude = 0 WHERE dedup = 5 AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020083');
SELECT is(pg_temp.say('5020083', 'jumps'), NULL, 'invalid fixes are no jumps');
UPDATE avld.devices SET networks = '{192.0.2.0/24}' WHERE ident = '5020083';
INSERT INTO avld.rejects VALUES (now(), '203.0.113.9:5000', 'udp', 'pt502', '5020083', 'not from the device''s networks', '');
SELECT ok(pg_temp.say('5020083', 'rejected:%') LIKE '%see avld.devices.networks; the senders: SELECT peer%''5020083''', 'a frame from elsewhere');

-- unidentified peers
INSERT INTO avld.rejects VALUES (now() - interval '2 min', '192.0.2.66:1', 'tcp', NULL, NULL, 'unknown protocol', '\x474554202f'),
	(now() - interval '1 min', '192.0.2.66:2', 'tcp', NULL, NULL, 'unknown protocol', '\x16030100'),
	(now() - interval '2 days', '192.0.2.67:1', 'tcp', NULL, NULL, 'unknown protocol', '\x00'),
	(now() - interval '3 min', '[2001:db8::1]:4000', 'udp', NULL, NULL, 'unknown protocol', '\x00');
INSERT INTO avld.connections VALUES (now() - interval '5 min', now() - interval '4 min', '192.0.2.68:9', 'tcp', NULL, NULL, 0, 0, 0, 'login timeout'),
	(now() - interval '5 min', now() - interval '4 min', '192.0.2.66:2', 'tcp', NULL, NULL, 4, 0, 1, 'unknown protocol');
SELECT results_eq('SELECT address, count, what FROM avld.find_strangers(10)', $$VALUES
	('192.0.2.66', 2::bigint, 'unknown protocol: 16030100'), ('[2001:db8::1]', 1, 'unknown protocol: 00'),
	('192.0.2.68', 1, 'sent 0 bytes at most; closed: login timeout')$$, 'each address once, with its newest bytes');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE finding = 'a peer that never identified itself'), 3::bigint, 'diagnose() lists them');
SAVEPOINT refused;
INSERT INTO avld.connections VALUES
	(now() - interval '3 min', now() - interval '3 min', '192.0.2.69:9', 'tcp', NULL, NULL, 0, 0, 1, 'server.max_connections reached'),
	(now() - interval '3 min', now() - interval '2 min', '192.0.2.69:10', 'tcp', NULL, NULL, 0, 0, 41, 'server.max_connections reached'),
	(now() - interval '3 days', now() - interval '3 days', '192.0.2.70:10', 'tcp', NULL, NULL, 0, 0, 7, 'server.max_connections reached'),
	(now() - interval '3 min', now() - interval '2 min', '192.0.2.71:10', 'tcp', NULL, NULL, 0, 0, 2, 'server.max_connections_per_ip reached'),
	(now() - interval '3 min', now() - interval '1 min', '[2001:db8::2]:10', 'tcp', NULL, NULL, 0, 0, 3, 'server.max_connections_per_ip reached');
SELECT results_eq($$SELECT severity, ident, finding, regexp_replace(detail, ', the last .*', ''), next_step FROM avld.diagnose()
	WHERE finding LIKE 'connections refused%'$$, $$VALUES
	('warning', NULL::text, 'connections refused: server.max_connections reached', '42 in the last day, from 1 address',
		'raise it if these are your trackers: SELECT peer, rejects FROM avld.connections WHERE reason LIKE ''server.max_connections %'''),
	('warning', NULL, 'connections refused: server.max_connections_per_ip reached', '5 in the last day, from 2 addresses',
		'raise it if these are your trackers: SELECT peer, rejects FROM avld.connections WHERE reason LIKE ''server.max_connections_per_ip %''')$$,
	'refused connections, by setting');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE finding = 'a peer that never identified itself'), 3::bigint, 'their addresses are not listed as unidentified peers');
SELECT is((SELECT count(*) FROM avld.diagnose('5020000') WHERE detail LIKE '192.0.2.69%closed: server.max_connections reached%'), 1::bigint,
	'but they are, for a tracker that was never seen');
ROLLBACK TO refused;
SELECT is((SELECT count(*) FROM avld.diagnose('5020000') WHERE finding LIKE 'a peer that%'), 3::bigint, 'a tracker that was never seen may be one of these peers');
SELECT is((SELECT count(*) FROM avld.diagnose('5020001') WHERE finding LIKE 'a peer that%'), 0::bigint, 'a tracker that reports is not');

-- hostile
INSERT INTO avld.unknown_devices VALUES ('''); DROP --', NULL, 'x', now(), now(), 1);
SELECT ok(pg_temp.say('''); DROP --', 'rejected%') LIKE '%VALUES (''''''); DROP --'')', 'an ident in a next step is quoted');
SELECT is(count(*), 1::bigint, 'in diagnose(), too') FROM avld.diagnose() WHERE next_step LIKE '%VALUES (''''''); DROP --'')';
SELECT ok(pg_temp.say('%s%I', 'not in%') IS NOT NULL, 'an ident is not used as a format');

SELECT * FROM finish();
ROLLBACK;
