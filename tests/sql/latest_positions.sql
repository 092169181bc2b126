-- latest_positions has one row per device, also without any report.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

SELECT is_empty('SELECT * FROM avld.latest_positions', 'no rows without devices');

INSERT INTO avld.devices (ident, name, protocol, state) VALUES
	('5020001', 'Buoy', 'pt502', 'active'), ('5020002', NULL, NULL, 'active'), ('860000000000017', NULL, NULL, 'blocked');
INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, connected, instance, fixed_at, latitude,
	longitude, altitude_m, speed_kmh, course_deg, satellites, hdop, telemetry_at, event, ignition, inputs, outputs, odometer_m,
	battery_percent, battery_v, power_v, gsm_percent, driver)
SELECT id, now(), 'pt502', 'tcp', '192.0.2.1:4000', true, 'main', now() - interval '90 s', 43.5, 7.25, 2.5, 41.5, 84.5, 7, 1.25,
	now(), 'POS', true, 8, 1, 1200, 100, 4.125, 12.5, 67, '0042' FROM avld.devices WHERE ident = '5020001';
INSERT INTO avld.device_state (device_id, last_seen, protocol, transport, peer, telemetry_at, event, battery_percent)
SELECT id, now(), 'pt502', 'udp', '[2001:db8::1]:4000', now(), 'FUS', 50 FROM avld.devices WHERE ident = '5020002';

SELECT results_eq('SELECT ident, name, protocol, state FROM avld.latest_positions ORDER BY ident', $$VALUES
	('5020001', 'Buoy', 'pt502', 'active'), ('5020002', NULL, 'pt502', 'active'), ('860000000000017', NULL, NULL, 'blocked')$$,
	'each device has a row');
UPDATE avld.devices SET protocol = 'gt06' WHERE ident <> '5020002';
SELECT results_eq('SELECT ident, protocol FROM avld.latest_positions ORDER BY ident', $$VALUES
	('5020001', 'pt502'), ('5020002', 'pt502'), ('860000000000017', 'gt06')$$, 'the protocol of the newest frame, else the one that is set');
SELECT is(device_id, id, ident || ': device_id') FROM avld.latest_positions JOIN avld.devices USING (ident);

SELECT row_eq($$SELECT fixed_at, age, latitude, longitude, altitude_m, speed_kmh, course_deg, satellites, ignition, inputs,
	outputs, odometer_m, battery_percent, battery_v, power_v, gsm_percent, driver, event, connected, last_seen,
	transport, peer
	FROM avld.latest_positions WHERE ident = '5020001'$$, ROW(now() - interval '90 s', interval '90 s', 43.5::float8, 7.25::float8,
	2.5::real, 41.5::real, 84.5::real, 7::smallint, true, 8, 1, 1200::bigint, 100::smallint, 4.125::real, 12.5::real,
	67::smallint, '0042'::text, 'POS'::text, true, now(), 'tcp'::text, '192.0.2.1:4000'::text), 'a device with all values');
SELECT row_eq($$SELECT fixed_at, age, latitude, longitude, speed_kmh, battery_percent, event, connected, last_seen,
	transport, peer
	FROM avld.latest_positions WHERE ident = '5020002'$$, ROW(NULL::timestamptz, NULL::interval, NULL::float8,
	NULL::float8,
	NULL::real, 50::smallint, 'FUS'::text, false, now(), 'udp'::text, '[2001:db8::1]:4000'::text), 'a device without a fix');
SELECT row_eq($$SELECT fixed_at, age, latitude, longitude, speed_kmh, battery_percent, event, connected, last_seen,
	transport, peer
	FROM avld.latest_positions WHERE ident = '860000000000017'$$, ROW(NULL::timestamptz, NULL::interval, NULL::float8,
	NULL::float8,
	NULL::real, NULL::smallint, NULL::text, NULL::boolean, NULL::timestamptz, NULL::text, NULL::text), 'a device never seen');

SELECT * FROM finish();
ROLLBACK;
