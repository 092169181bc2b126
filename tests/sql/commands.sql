-- avld.commands: checks of arguments, rights, and cancelling.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

INSERT INTO avld.devices (ident, state) VALUES ('5020001', 'active'), ('5020002', 'active'), ('5020003', 'blocked');
INSERT INTO avld.device_state (device_id, last_seen, fixed_at, latitude, longitude, speed_kmh)
	SELECT id, now(), now() - interval '60 s', 43.5, 7.25, 80 FROM avld.devices WHERE ident = '5020001';

SELECT col_not_null('avld', 'commands', 'expires_at', 'each command has an expiry');
SELECT has_index('avld', 'commands', 'commands_open', 'open commands have an index');
SELECT has_trigger('avld', 'commands', 'accept', 'each insert is checked');

-- arguments
CREATE FUNCTION pg_temp.verdict(command text, args jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	PERFORM avld.check_command(command, args);
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
	RETURN SQLSTATE || ' ' || said;
END
$$;
SELECT is(pg_temp.verdict(command, args::jsonb), wanted, coalesce(command, 'NULL') || ' ' || coalesce(args, 'NULL')) FROM (VALUES
	('engineStop', '{}', 'fine'), ('engineResume', '{}', 'fine'), ('positionSingle', '{}', 'fine'),
	('requestPhoto', '{}', 'fine'), ('getVersion', '{}', 'fine'), ('factoryReset', '{}', 'fine'),
	('outputControl', '{"index": 1, "value": 0}', 'fine'), ('outputControl', '{"index": 8, "value": 1}', 'fine'),
	('outputControl', '{"index": 9, "value": 1}', '22023 outputControl: "index" must be a whole number from 1 to 8'),
	('outputControl', '{"index": 1, "value": true}', '22023 outputControl: "value" must be a whole number from 0 to 1'),
	('outputControl', '{"index": "1", "value": 1}', '22023 outputControl: "index" must be a whole number from 1 to 8'),
	('outputControl', '{"index": 1.5, "value": 1}', '22023 outputControl: "index" must be a whole number from 1 to 8'),
	('outputControl', '{"index": null, "value": 1}', '22023 outputControl: "index" must be a whole number from 1 to 8'),
	('outputControl', '{"index": 1}', '22023 outputControl: argument "value" is missing'),
	('positionPeriodic', '{"seconds": 86400}', 'fine'), ('positionPeriodic', '{"seconds": 30.0}', 'fine'),
	('positionPeriodic', '{"seconds": 3e1}', 'fine'),
	('positionPeriodic', '{"seconds": 0}', '22023 positionPeriodic: "seconds" must be a whole number from 1 to 86400'),
	('positionPeriodic', '{"seconds": 1e30}', '22023 positionPeriodic: "seconds" must be a whole number from 1 to 86400'),
	('alarmSpeed', '{"kmh": 300}', 'fine'),
	('alarmSpeed', '{"kmh": 301}', '22023 alarmSpeed: "kmh" must be a whole number from 1 to 300'),
	('rebootDevice', '{}', 'fine'), ('rebootDevice', '{"what": 2}', 'fine'),
	('rebootDevice', '{"what": 3}', '22023 rebootDevice: "what" must be a whole number from 0 to 2'),
	('setTimezone', '{"hours": -12}', 'fine'),
	('setTimezone', '{"hours": -13}', '22023 setTimezone: "hours" must be a whole number from -12 to 14'),
	('custom', '{"text": "AN1,5"}', 'fine'),
	('custom', '{"text": ""}', '22023 custom: text must be 1 to 200 characters of printable ASCII, without line ends'),
	('custom', '{"text": "a\r\nb"}', '22023 custom: text must be 1 to 200 characters of printable ASCII, without line ends'),
	('custom', '{"text": "a\n"}', '22023 custom: text must be 1 to 200 characters of printable ASCII, without line ends'),
	('custom', '{"text": "\u00e9"}', '22023 custom: text must be 1 to 200 characters of printable ASCII, without line ends'),
	('custom', '{"text": 5}', '22023 custom: text must be 1 to 200 characters of printable ASCII, without line ends'),
	('engineStop', '{"value": 1}', '22023 engineStop: unknown argument "value"'),
	('engineStop', '[]', '22023 engineStop: args must be a JSON object, such as {"index": 2, "value": 1}'),
	('engineStop', NULL, '22023 engineStop: args must be a JSON object, such as {"index": 2, "value": 1}'),
	('enginestop', '{}', '22023 unknown command ''enginestop'''), (NULL, '{}', '22023 unknown command NULL')
) AS t (command, args, wanted);
SELECT is(pg_temp.verdict('custom', jsonb_build_object('text', repeat('x', n))) = 'fine', n = 200, n || ' characters of custom text')
FROM unnest(ARRAY[200, 201]) AS n;

SELECT is(avld.stops_engine(command, args::jsonb), wanted, 'stops the engine: ' || command || ' ' || args) FROM (VALUES
	('engineStop', '{}', true), ('engineResume', '{}', false), ('outputControl', '{"index": 1, "value": 1}', true),
	('outputControl', '{"index": 1.0, "value": 1.00}', true),
	('outputControl', '{"index": 1, "value": 0}', false), ('outputControl', '{"index": 2, "value": 1}', false),
	('custom', '{"text": "#opc 1, 1"}', true), ('custom', '{"text": "Relay,1#"}', true), ('custom', '{"text": "DYD,000000#"}', true),
	('custom', '{"text": "J"}', true), ('custom', '{"text": "AV010"}', true), ('custom', '{"text": "S20,1,1"}', true), ('custom', '{"text": " 109 "}', true), ('custom', '{"text": "j,1"}', true),
	('custom', '{"text": "K"}', false), ('custom', '{"text": "JUST"}', false), ('custom', '{"text": "101,30s"}', false),
	('custom', '{"text": "setdigout 1?"}', true), ('custom', '{"text": "setdigout 0"}', false),
	('custom', '{"text": "S20,1,30"}', true), ('custom', '{"text": "S20,1,0"}', false), ('custom', '{"text": "CMD,stop654321"}', true),
	('custom', '{"text": "J;"}', true), ('custom', '{"text": "Enable1"}', true), ('custom', '{"text": "Disable1"}', false),
	('custom', '{"text": "04;01"}', true), ('custom', '{"text": "#0;1"}', true), ('custom', '{"text": "#10;1"}', false),
	('custom', '{"text": "AT+GTOUT=gv300,1,,,0,0$"}', true), ('custom', '{"text": "AT+GTOUT=gv300,0,,,0,0$"}', false),
	('custom', '{"text": "C01,0,12222"}', true), ('custom', '{"text": "C01,0,21222"}', false),
	('custom', '{"text": "OPC1,0"}', false), ('getVersion', '{}', false)
) AS t (command, args, wanted);

-- send_command
SELECT lives_ok($$SELECT avld.send_command('5020001', 'positionPeriodic', '{"seconds": 30}', '1 hour')$$, 'send_command inserts a command');
SELECT results_eq($$SELECT d.ident, c.command, c.args, c.state, c.attempts, c.created_by = session_user,
	c.expires_at - c.created_at BETWEEN '3599 s' AND '3600 s', c.sent_at IS NULL AND c.ended_at IS NULL AND c.reply IS NULL
	FROM avld.commands c JOIN avld.devices d ON d.id = c.device_id$$,
	$$VALUES ('5020001', 'positionPeriodic', '{"seconds": 30}'::jsonb, 'queued', 0, true, true, true)$$, 'with all its columns');
SELECT lives_ok($$SELECT avld.send_command('5020001', 'getVersion')$$, 'send_command has defaults');
SELECT lives_ok($$INSERT INTO avld.commands (device_id, command) SELECT id, 'getVersion' FROM avld.devices WHERE ident = '5020001'$$,
	'a command can be inserted without send_command');
SELECT lives_ok($$INSERT INTO avld.commands (device_id, command, args, state, attempts, reply, sent_at, created_by)
	SELECT id, 'getVersion', NULL, 'confirmed', 5, 'x', now(), 'root' FROM avld.devices WHERE ident = '5020001'$$,
	'an insert may set other columns');
SELECT results_eq($$SELECT state, attempts, reply, sent_at, created_by = session_user, args FROM avld.commands ORDER BY id DESC LIMIT 1$$,
	$$VALUES ('queued', 0, NULL, NULL::timestamptz, true, '{}'::jsonb)$$, 'but the row starts as a new command');
SELECT throws_ok($$SELECT avld.send_command('5029999', 'getVersion')$$, '22023', 'unknown device ''5029999''', 'an unknown device is an error');
SELECT throws_ok($$SELECT avld.send_command(NULL, 'getVersion')$$, '22023', 'unknown device NULL', 'a NULL device is an error');
SELECT throws_ok($$SELECT avld.send_command('5020003', 'getVersion')$$, '55000', 'device 5020003 is blocked', 'a blocked device is an error');
SELECT throws_ok($$INSERT INTO avld.commands (device_id, command) VALUES (-1, 'getVersion')$$, '23503', 'no device with id -1',
	'an unknown id is an error');
SELECT throws_ok(format('SELECT avld.send_command(''5020001'', ''getVersion'', ttl => %L)', ttl), '22023',
	'getVersion: must expire between 1 second and 30 days from now', 'ttl ' || coalesce(ttl, 'NULL'))
FROM unnest(ARRAY['0 s', '-1 min', '31 days', NULL]) AS ttl;
SELECT throws_ok($$INSERT INTO avld.commands (device_id, command, expires_at)
	SELECT id, 'getVersion', 'infinity' FROM avld.devices WHERE ident = '5020001'$$, '22023', NULL, 'an infinite expiry is an error');

-- engineStop
SELECT lives_ok($$SELECT avld.send_command('5020001', 'engineStop', ttl => '14 min')$$, 'engineStop is accepted on a recent fix');
SELECT throws_ok($$SELECT avld.send_command('5020001', 'engineStop', ttl => '16 min')$$, '22023',
	'engineStop: must expire within 15 minutes', 'engineStop must expire soon');
SELECT throws_ok($$SELECT avld.send_command('5020002', 'engineStop')$$, '55000',
	'engineStop: 5020002 has no valid fix yet', 'engineStop needs a fix');
UPDATE avld.device_state SET fixed_at = now() - interval '121 s';
SELECT throws_like($$SELECT avld.send_command('5020001', 'engineStop')$$,
	'engineStop: the newest valid fix of 5020001 is of %, and must be at most 2 minutes old', 'engineStop needs a recent fix');
SELECT throws_like($$SELECT avld.send_command('5020001', 'outputControl', '{"index": 1, "value": 1}')$$,
	'outputControl: the newest valid fix of 5020001 is of %', 'so does outputControl of output 1');
SELECT throws_like($$SELECT avld.send_command('5020001', 'custom', '{"text": "OPC1,1"}')$$,
	'custom: the newest valid fix of 5020001 is of %', 'and a custom text that stops the engine');
UPDATE avld.device_state SET fixed_at = now() + interval '150 s';
SELECT throws_like($$SELECT avld.send_command('5020001', 'engineStop')$$, 'engineStop: the newest valid fix%', 'a fix in the future is not recent');
UPDATE avld.device_state SET fixed_at = now();

-- cancel_command
SELECT is(avld.cancel_command(max(id)), true, 'cancels a command') FROM avld.commands;
SELECT results_eq($$SELECT state, reason = 'cancelled by ' || session_user, ended_at IS NOT NULL FROM avld.commands
	ORDER BY id DESC LIMIT 1$$, $$VALUES ('failed', true, true)$$, 'with a reason that names the role');
SELECT is(avld.cancel_command(max(id)), false, 'cancels it once only') FROM avld.commands;
SELECT throws_ok('SELECT avld.cancel_command(-1)', '22023', 'no command -1', 'an unknown command is an error');
SELECT throws_ok($$UPDATE avld.commands SET state = 'lost'$$, '23514', NULL, 'an unknown state is an error');

-- diagnose_commands
SELECT results_eq($$SELECT severity, finding LIKE 'command % (engineStop) is failed', detail LIKE '%; cancelled by %'
	FROM avld.diagnose_commands((SELECT id FROM avld.devices WHERE ident = '5020001')) LIMIT 1$$, $$VALUES ('warning', true, true)$$,
	'diagnose shows failed commands');
SELECT is(count(*), 5::bigint, 'diagnose shows open commands')
FROM avld.diagnose_commands((SELECT id FROM avld.devices WHERE ident = '5020001'));

-- rights
SELECT lives_ok(format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO PUBLIC', nspname), 'set up')
FROM pg_namespace WHERE oid = pg_my_temp_schema();
GRANT ALL ON ALL SEQUENCES IN SCHEMA pg_temp TO PUBLIC;
CREATE ROLE avld_clerk;
GRANT avld_reader TO avld_clerk;
GRANT INSERT ON avld.commands TO avld_clerk;

SET LOCAL ROLE avld_operator;
SELECT lives_ok($$SELECT avld.send_command('5020001', 'engineStop')$$, 'operator: engineStop');
SELECT lives_ok($$INSERT INTO avld.commands (device_id, command, args, expires_at)
	SELECT id, 'alarmSpeed', '{"kmh": 90}', now() + interval '1 hour' FROM avld.devices WHERE ident = '5020001'$$, 'operator: inserts');
SELECT is(avld.cancel_command(max(id)), true, 'operator: cancels') FROM avld.commands;
SELECT throws_ok(statement, '42501', NULL, 'operator may not: ' || statement) FROM (VALUES
	('UPDATE avld.commands SET state = ''queued'''), ('DELETE FROM avld.commands'), ('TRUNCATE avld.commands'),
	('INSERT INTO avld.commands (device_id, command, state) VALUES (1, ''getVersion'', ''sent'')'),
	('INSERT INTO avld.commands (device_id, command, created_by) VALUES (1, ''getVersion'', ''x'')')
) AS t (statement);
RESET ROLE;
SET LOCAL ROLE avld_reader;
SELECT lives_ok('SELECT FROM avld.commands', 'reader: reads');
SELECT throws_ok(statement, '42501', NULL, 'reader may not: ' || statement) FROM (VALUES
	('SELECT avld.send_command(''5020001'', ''getVersion'')'), ('SELECT avld.cancel_command(1)'),
	('INSERT INTO avld.commands (device_id, command) VALUES (1, ''getVersion'')'), ('UPDATE avld.commands SET state = ''sent''')
) AS t (statement);
RESET ROLE;
SET LOCAL ROLE avld_clerk;
SELECT lives_ok($$INSERT INTO avld.commands (device_id, command) SELECT id, 'getVersion' FROM avld.devices WHERE ident = '5020001'$$,
	'a role with INSERT: inserts');
SELECT throws_ok($$INSERT INTO avld.commands (device_id, command) SELECT id, 'engineStop' FROM avld.devices WHERE ident = '5020001'$$,
	'42501', 'engineStop: only a member of avld_operator may stop an engine, and avld_clerk is not', 'a role with INSERT: no engineStop');
SELECT throws_ok($$INSERT INTO avld.commands (device_id, command, args)
	SELECT id, 'custom', '{"text": "Relay,1#"}' FROM avld.devices WHERE ident = '5020001'$$,
	'42501', 'custom: only a member of avld_operator may stop an engine, and avld_clerk is not', 'a role with INSERT: no custom text that stops the engine');
RESET ROLE;
SET LOCAL ROLE avld_writer;
SELECT lives_ok($$UPDATE avld.commands SET state = 'sent', sent_at = now(), attempts = 1, reason = NULL, reply = NULL, ended_at = NULL
	WHERE state = 'queued'$$, 'writer: updates their state');
SELECT throws_ok(statement, '42501', NULL, 'writer may not: ' || statement) FROM (VALUES
	('INSERT INTO avld.commands (device_id, command) VALUES (1, ''getVersion'')'), ('DELETE FROM avld.commands'),
	('UPDATE avld.commands SET command = ''engineStop'''), ('UPDATE avld.commands SET expires_at = now()'),
	('SELECT avld.send_command(''5020001'', ''getVersion'')'), ('SELECT avld.cancel_command(1)')
) AS t (statement);
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
