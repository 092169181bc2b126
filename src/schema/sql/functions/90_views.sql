-- Views. They come late because CREATE OR REPLACE VIEW locks the view against readers until the transaction ends.
--
-- CREATE OR REPLACE VIEW only adds columns at the end. To change the view otherwise, drop latest_positions_geo (IF EXISTS) and
-- the view in a step of ../tables; 95_postgis.sql creates the former again.

-- protocol: that of the newest frame, else the one that is set. The alarms are scalar subqueries: a query without them does not
-- read avld.alarms.
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

COMMENT ON VIEW avld.latest_positions IS
	'One row per device: newest valid fix, newest telemetry, newest alarm; devices never seen have NULLs. '
	'Example: SELECT ident, age, latitude, longitude, alarm FROM avld.latest_positions WHERE connected';
COMMENT ON COLUMN avld.latest_positions.protocol IS 'protocol of the newest frame; if never seen: devices.protocol';
COMMENT ON COLUMN avld.latest_positions.age IS 'age of the fix; slightly negative if the clock of the tracker is ahead';
COMMENT ON COLUMN avld.latest_positions.connected IS 'a TCP connection is open; NULL: never seen';
COMMENT ON COLUMN avld.latest_positions.alarm IS 'the newest alarm, however old';
COMMENT ON COLUMN avld.latest_positions.alarm_at IS 'time of that alarm';
