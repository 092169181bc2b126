-- diagnose: each finding where it is due, and not where it is not.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM no_plan();
SELECT avld.ensure_partitions(current_date - 8, current_date + 1);

-- Severities and findings, in order.
CREATE FUNCTION pg_temp.found(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(severity || ': ' || finding, '; ') FROM avld.diagnose(who)
$$;
CREATE FUNCTION pg_temp.say(who text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(detail || ' -> ' || coalesce(next_step, '-'), '; ') FROM avld.diagnose(who) WHERE finding LIKE what
$$;
-- A device that was last seen so long ago; with reports before that, every so often.
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

-- words
SELECT is(avld.say_span(s::interval), w) FROM (VALUES ('0', '0 s'), ('-5 s', '5 s'), ('119 s', '119 s'), ('2 min', '2 min'), ('2 h', '2 h'),
	('47 h', '47 h'), ('2 days', '2 days'), ('400 days', '400 days')) AS t (s, w);
SELECT is(avld.say_time('2024-05-01 12:00+00') LIKE '2024-05-01 12:00:00 UTC (% days ago)', true, 'a time');
SELECT is(avld.say_time(now() + interval '1 h') LIKE '%ago%', false, 'a time to come');
SELECT is(avld.say_frame('\x24412c310d0a'), '24412c310d0a = "$A,1"', 'text');
SELECT is(avld.say_frame('\xbffb00'), 'bffb00', 'bytes');
SELECT is(avld.say_frame(''), 'no bytes', 'none');
SELECT is(avld.say_frame(decode(repeat('41', 33), 'hex')), repeat('41', 32) || '... = "' || repeat('A', 32) || '"', 'long ones');
SELECT is(avld.say_frame('\x1b5b324a'), '1b5b324a', 'nothing that a terminal obeys');

-- nobody
SELECT is(pg_temp.found(NULL), NULL, 'NULL');
SELECT is(pg_temp.found('5020000'), 'problem: not in avld.devices; info: what to check in the tracker', 'an unknown ident, an empty database');
SELECT is((SELECT count(*) FROM avld.diagnose()), 1::bigint, 'all of none');
SELECT is(finding, 'nothing came yet', 'says so') FROM avld.diagnose();

-- a good one
SELECT pg_temp.add('5020001', '20 s');
SELECT is(pg_temp.found('5020001'), 'ok: protocol found by its bytes; ok: reports; ok: valid fixes', 'a good one');
SELECT ok(pg_temp.say('5020001', 'reports') LIKE 'last frame % (20 s ago) over tcp from 192.0.2.7:4000; connected; usually silent no longer than 60 s -> -',
	'how it is there');
SELECT is_empty('SELECT * FROM avld.diagnose()', 'nothing to say of all');

-- the habit
SELECT is(avld.usual_silence(id, now()), '1 min'::interval, 'one report a minute') FROM avld.devices WHERE ident = '5020001';
SELECT is(avld.usual_silence(0, now()), NULL, 'of nobody');
SELECT pg_temp.add('5020002', '12 min');
SELECT is(pg_temp.found('5020002'), 'ok: protocol found by its bytes; problem: silent longer than usual; ok: valid fixes',
	'12 minutes without the report of each minute');
SELECT results_eq('SELECT severity, ident, finding FROM avld.diagnose()', $$VALUES ('problem', '5020002', 'silent longer than usual')$$, 'told of all');
SELECT pg_temp.add('5020003', '90 min', '1 h', 20);
SELECT is(pg_temp.found('5020003'), 'ok: protocol found by its bytes; ok: reports; ok: valid fixes', 'who reports once an hour may be silent for 90 minutes');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020003'), 0::bigint, 'of all as well');
SELECT pg_temp.add('5020004', '10 h', '10 s', 1000);
UPDATE avld.positions SET received_at = received_at - d.n * interval '14 h', fixed_at = fixed_at - d.n * interval '14 h'
FROM (SELECT id, generate_series(1, 4) AS n FROM avld.devices WHERE ident = '5020004') AS d WHERE device_id = d.id AND dedup / 200 = d.n;
SELECT ok(pg_temp.found('5020004') LIKE 'ok: protocol found by its bytes; ok: reports;%', 'who says nothing for 14 hours a day may be silent for 10');
SELECT pg_temp.add('5020005', '12 min', '1 min', 1);
SELECT ok(pg_temp.say('5020005', 'silent%') LIKE '%too few reports to know its habit%', 'one report makes no habit');
UPDATE avld.device_state SET ignition = false WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020002');
SELECT ok(pg_temp.say('5020002', 'silent%') LIKE '%ignition was off%', 'it may be parked');

-- A day of a device: so many reports every 10 s, the last so long ago; each day of 6, and nothing between them.
CREATE FUNCTION pg_temp.add_days(who text, ago interval, reports integer) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.add(who, ago, reports => 0);
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
	SELECT d.id, t.at, t.at, 'device', true, 43.5, 7.25, false, n
	FROM avld.devices AS d, generate_series(0, 5) AS day, generate_series(0, reports - 1) AS n,
		LATERAL (SELECT now() - ago - day * interval '1 day' - n * interval '10 s') AS t (at) WHERE d.ident = who;
$$;
CREATE FUNCTION pg_temp.habit(who text) RETURNS interval LANGUAGE sql AS $$
	SELECT date_trunc('min', avld.usual_silence(d.id, s.last_seen))
	FROM avld.devices AS d JOIN avld.device_state AS s ON s.device_id = d.id WHERE d.ident = who
$$;
SAVEPOINT habits;
SELECT pg_temp.add_days('5020101', '9 h', 3600);
SELECT is(pg_temp.habit('5020101'), '14 h', 'silent for 14 hours each night, 3,600 reports each day');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020101'), 0::bigint, 'in the evening nobody misses it');
SELECT pg_temp.add('5020102', '30 min', '1 min', 3000);
UPDATE avld.positions SET received_at = now() - interval '30 min' - (dedup / 60) * interval '1 h'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020102');
SELECT cmp_ok(pg_temp.habit('5020102'), '>', '40 min'::interval, 'a fix a minute, heard of once an hour');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020102'), 0::bigint, 'is not missed within that');
SELECT pg_temp.add('5020103', '30 s', '1 min', 3000);
UPDATE avld.positions SET received_at = received_at + interval '2 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020103');
UPDATE avld.device_state SET last_seen = last_seen - interval '20 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020103');
SELECT is(pg_temp.habit('5020103'), '1 min', 'a clock that is behind is no silence');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE ident = '5020103'), 1::bigint, 'and is missed');
SELECT pg_temp.add('5020104', '30 min', reports => 0);
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
SELECT d.id, t.at, t.at, 'device', false, n
FROM avld.devices AS d, generate_series(1, 100) AS n, LATERAL (SELECT now() - n * interval '30 min') AS t (at) WHERE d.ident = '5020104';
SELECT is(pg_temp.habit('5020104'), '30 min', 'a heart-beat each half hour is a habit as well');
SELECT pg_temp.add('5020105', '1 h', '1 min', 300);
INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
SELECT d.id, t.at, t.at, 'device', false, n
FROM avld.devices AS d, generate_series(1, 50) AS n, LATERAL (SELECT now() - interval '6 h' - n * interval '1 h') AS t (at) WHERE d.ident = '5020105';
SELECT is(pg_temp.habit('5020105'), '1 h', 'parked, it says so once an hour');
SELECT pg_temp.add('5020106', '2 days', '3 days', 3);
SELECT cmp_ok(pg_temp.habit('5020106'), '>=', '3 days'::interval, 'one that reports every third day');
SELECT pg_temp.add('5020107', '1 h', '1 min', 100);
UPDATE avld.positions SET stored = true WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020107');
SELECT is(pg_temp.habit('5020107'), NULL, 'what came out of the log says nothing of the habit');
SELECT pg_temp.add('5020108', '1 h', '0', 100);
SELECT is(pg_temp.habit('5020108'), NULL, 'nor do reports of one moment');
ROLLBACK TO habits;

SELECT pg_temp.add('5020006', '15 days');
SELECT ok(detail LIKE 'last frame % (15 days ago) over tcp', 'two weeks of silence are no habit') FROM avld.diagnose() WHERE ident = '5020006';

-- all at once
SAVEPOINT all_silent;
UPDATE avld.device_state SET last_seen = last_seen - interval '1 day';
SELECT results_eq('SELECT severity, ident, finding FROM avld.diagnose()', $$VALUES ('problem', NULL::text, 'nothing comes from any tracker')$$,
	'where all are silent it is not the trackers');
ROLLBACK TO all_silent;

-- state and protocol
SELECT pg_temp.add('5020010', '20 s');
UPDATE avld.devices SET state = 'blocked', protocol = 'gt06' WHERE ident = '5020010';
SELECT is(pg_temp.found('5020010'), 'problem: blocked; problem: protocol set by the owner; ok: reports; ok: valid fixes', 'blocked, and bound to another protocol');
SELECT ok(pg_temp.say('5020010', 'protocol%') LIKE 'gt06 and no other; it last spoke pt502 -> UPDATE %', 'which');
UPDATE avld.devices SET state = 'active', protocol = 'pt502' WHERE ident = '5020010';
SELECT is(pg_temp.found('5020010'), 'info: protocol set by the owner; ok: reports; ok: valid fixes', 'bound to its own');
INSERT INTO avld.devices (ident) VALUES ('5020011');
SELECT is(pg_temp.found('5020011'), 'problem: never seen; info: what to check in the tracker', 'entered, and never seen');
SELECT is(finding, 'never seen', 'of all as well') FROM avld.diagnose() WHERE ident = '5020011';

-- unknown ones
INSERT INTO avld.unknown_devices VALUES ('5020020', 'pt502', '192.0.2.8:4000', now() - interval '1 h', now() - interval '5 min', 12);
SELECT is(pg_temp.found('5020020'), 'problem: not in avld.devices; problem: refused: devices.unknown = refuse, and it is not listed; '
	'info: what to check in the tracker', 'refused as unknown');
SELECT ok(pg_temp.say('5020020', 'refused%') LIKE '12 reports since % from 192.0.2.8:4000, protocol pt502 -> %VALUES (''5020020'')', 'when, whence, and what to do');
SELECT is(finding, 'refused: not in avld.devices', 'of all as well') FROM avld.diagnose() WHERE ident = '5020020';
SELECT is(detail, '5020020, in avld.unknown_devices', 'an ident that lacks zeros') FROM avld.diagnose('0005020020') WHERE severity = 'info' LIMIT 1;

-- rejects
SELECT pg_temp.add('5020030', '20 s');
INSERT INTO avld.rejects
SELECT now() - n * interval '1 min', '192.0.2.9:4000', 'tcp', 'pt502', '5020030', CASE WHEN n < 3 THEN 'delta: no reference' ELSE 'bad value: time' END,
	('$POS,' || n)::bytea FROM generate_series(1, 5) AS n;
INSERT INTO avld.rejects VALUES (now() - interval '8 days', NULL, 'tcp', 'pt502', '5020030', 'old', '');
SELECT is(pg_temp.found('5020030'), 'ok: protocol found by its bytes; ok: reports; warning: deltas that cannot be used; '
	'warning: refused: bad value: time; ok: valid fixes', 'rejects of 7 days, each reason once');
SELECT ok(pg_temp.say('5020030', 'refused%') LIKE '3 in 7 days, the last % (3 min ago): 24504f532c33 = "$POS,3" -> %', 'how many, and the newest frame');
SELECT results_eq($$SELECT finding FROM avld.diagnose() WHERE ident = '5020030'$$,
	$$VALUES ('refused: delta: no reference'), ('refused: bad value: time')$$, 'of all as well');

-- connections
SELECT pg_temp.add('5020031', '20 s');
INSERT INTO avld.connections SELECT t.at - interval '20 s', t.at, '192.0.2.9:4000', 'tcp', 'pt502', '5020031', 100, 1, 0, 'device connected again'
FROM generate_series(1, 60) AS n, LATERAL (SELECT now() - n * interval '1 min') AS t (at);
SELECT ok(pg_temp.say('5020031', 'connects again and again') LIKE '60 in the last day, half of them within 20 s; the last ended % (60 s ago): device connected again -> %',
	'one that never stays');

-- fixes
SELECT pg_temp.add('5020040', '20 s', ok => false);
SELECT ok(pg_temp.found('5020040') LIKE '%problem: no valid fix yet', 'never a valid fix');
SELECT pg_temp.add('5020041', '20 s', reports => 0);
UPDATE avld.device_state SET fixed_at = NULL WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020041');
SELECT ok(pg_temp.say('5020041', 'no valid fix yet') LIKE 'it reports, but no coordinates -> %', 'no coordinates at all');
SELECT pg_temp.add('5020042', '20 s');
UPDATE avld.positions SET valid = false WHERE dedup < 50 AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
UPDATE avld.device_state SET fixed_at = now() - interval '50 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
SELECT ok(pg_temp.say('5020042', 'no valid fix at present') LIKE 'the last valid one was % (50 min ago); 3 satellites -> %', 'lost, and since when');
UPDATE avld.positions SET valid = dedup <> 50 WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
UPDATE avld.device_state SET fixed_at = now() - interval '20 s' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020042');
SELECT ok(pg_temp.say('5020042', 'valid fixes') LIKE 'the last % (20 s ago); the last invalid one % (50 min ago) -> -', 'got back, and since when');
SELECT ok(pg_temp.say('5020001', 'valid fixes') LIKE 'the last % (20 s ago); no invalid one of late -> -', 'never lost');
SELECT pg_temp.add('5020043', '20 s', reports => 0);
UPDATE avld.device_state SET fixed_at = now() - interval '50 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020043');
SELECT ok(pg_temp.found('5020043') LIKE '%warning: talks, but does not say where it is', 'heart-beats only');

-- clocks
SELECT pg_temp.add('5020050', '20 s');
UPDATE avld.positions SET time_source = 'received', device_time = received_at - interval '500 days'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020050');
SELECT ok(pg_temp.say('5020050', 'clock implausible%') LIKE '%off by 500 days; 100 of its newest reports -> %', 'far off');
SELECT pg_temp.add('5020051', '20 s');
UPDATE avld.positions SET time_source = 'rollover', device_time = fixed_at - interval '7168 days'
WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020051');
SELECT ok(pg_temp.found('5020051') LIKE '%warning: clock 1024 weeks behind (GPS week rollover), corrected%', 'rollover');
SELECT pg_temp.add('5020052', '20 s');
UPDATE avld.positions SET received_at = received_at + interval '1 h' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020052');
SELECT ok(pg_temp.say('5020052', 'clock behind%') LIKE 'half of its newest 100 reports are at least 60 min old%', 'a time zone');
SELECT pg_temp.add('5020053', '20 s');
UPDATE avld.positions SET received_at = received_at - interval '5 min' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020053');
SELECT ok(pg_temp.found('5020053') LIKE '%warning: clock ahead%', 'ahead');
SELECT pg_temp.add('5020054', '20 s');
UPDATE avld.positions SET time_source = 'received' WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020054');
SELECT ok(pg_temp.found('5020054') NOT LIKE '%clock%', 'a protocol without times has no clock to be wrong');

-- gaps, power
SELECT pg_temp.add('5020060', '20 s', '1 min', 300);
DELETE FROM avld.positions WHERE dedup BETWEEN 20 AND 49 AND device_id = (SELECT id FROM avld.devices WHERE ident = '5020060');
SELECT ok(pg_temp.say('5020060', 'gaps%') LIKE '1 in 7 days, the longest 31 min, from % (50 min ago) -> %', 'a hole of half an hour');
SELECT pg_temp.add('5020061', '20 s');
UPDATE avld.device_state SET battery_percent = 10, gsm_percent = NULL WHERE device_id = (SELECT id FROM avld.devices WHERE ident = '5020061');
SELECT ok(pg_temp.say('5020061', 'weak') LIKE 'battery 10 %, GSM signal ? % -> %', 'a weak battery');

-- strangers
INSERT INTO avld.rejects VALUES (now() - interval '2 min', '192.0.2.66:1', 'tcp', NULL, NULL, 'unknown protocol', '\x474554202f'),
	(now() - interval '1 min', '192.0.2.66:2', 'tcp', NULL, NULL, 'unknown protocol', '\x16030100'),
	(now() - interval '2 days', '192.0.2.67:1', 'tcp', NULL, NULL, 'unknown protocol', '\x00'),
	(now() - interval '3 min', '[2001:db8::1]:4000', 'udp', NULL, NULL, 'unknown protocol', '\x00');
INSERT INTO avld.connections VALUES (now() - interval '5 min', now() - interval '4 min', '192.0.2.68:9', 'tcp', NULL, NULL, 0, 0, 0, 'login timeout'),
	(now() - interval '5 min', now() - interval '4 min', '192.0.2.66:2', 'tcp', NULL, NULL, 4, 0, 1, 'unknown protocol');
SELECT results_eq('SELECT address, count, what FROM avld.find_strangers(10)', $$VALUES
	('192.0.2.66', 2::bigint, 'unknown protocol: 16030100'), ('[2001:db8::1]', 1, 'unknown protocol: 00'),
	('192.0.2.68', 1, 'sent 0 bytes at most; ended: login timeout')$$, 'each address once, its newest bytes');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE finding = 'a peer that never identified itself'), 3::bigint, 'told of all');
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
		'raise it if these are trackers of yours: SELECT peer, rejects FROM avld.connections WHERE reason LIKE ''server.max_connections %'''),
	('warning', NULL, 'connections refused: server.max_connections_per_ip reached', '5 in the last day, from 2 addresses',
		'raise it if these are trackers of yours: SELECT peer, rejects FROM avld.connections WHERE reason LIKE ''server.max_connections_per_ip %''')$$,
	'who was turned away, by the setting that did it');
SELECT is((SELECT count(*) FROM avld.diagnose() WHERE finding = 'a peer that never identified itself'), 3::bigint, 'and is no stranger for that');
SELECT is((SELECT count(*) FROM avld.diagnose('5020000') WHERE detail LIKE '192.0.2.69%ended: server.max_connections reached%'), 1::bigint,
	'but may be the one that is looked for');
ROLLBACK TO refused;
SELECT is((SELECT count(*) FROM avld.diagnose('5020000') WHERE finding LIKE 'a peer that%'), 3::bigint, 'and to who looks for one that is not there');
SELECT is((SELECT count(*) FROM avld.diagnose('5020001') WHERE finding LIKE 'a peer that%'), 0::bigint, 'not to who looks for one that is');

-- hostile
INSERT INTO avld.unknown_devices VALUES ('''); DROP --', NULL, 'x', now(), now(), 1);
SELECT ok(pg_temp.say('''); DROP --', 'refused%') LIKE '%VALUES (''''''); DROP --'')', 'what it says to run is quoted');
SELECT is(count(*), 1::bigint, 'of all as well') FROM avld.diagnose() WHERE next_step LIKE '%VALUES (''''''); DROP --'')';
SELECT ok(pg_temp.say('%s%I', 'not in%') IS NOT NULL, 'an ident is no format');

SELECT * FROM finish();
ROLLBACK;
