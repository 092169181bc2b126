-- Views for PostGIS, made on request. Nothing else depends on the extension.
--
-- tracks_geo asks each device and day by itself, so that a query about one day reads one partition. Citus cannot: there all days of
-- the devices asked about are read and grouped.

CREATE OR REPLACE FUNCTION avld.enable_postgis() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gis text;
	view record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis') THEN
		RAISE EXCEPTION 'PostGIS is not installed on this server'
			USING ERRCODE = 'feature_not_supported', HINT = 'Debian: apt-get install postgresql-'
				|| current_setting('server_version_num')::integer / 10000 || '-postgis-3';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis') THEN
		CREATE EXTENSION postgis SCHEMA public;
	END IF;
	SELECT quote_ident(n.nspname) INTO gis
	FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
	WHERE e.extname = 'postgis';

	FOR view IN
		SELECT v.name, replace(v.query, 'gis.', gis || '.') AS query, v.meaning
		FROM (VALUES
			('positions_geo', $view$
				SELECT d.ident, d.name, p.*,
					gis.ST_SetSRID(gis.ST_MakePoint(p.longitude, p.latitude), 4326)::gis.geography(Point, 4326) AS place
				FROM avld.positions AS p
				JOIN avld.devices AS d ON d.id = p.device_id
				$view$, 'avld.positions with ident and name; place: a point, WGS 84. Filter by fixed_at.'),
			('latest_positions_geo', $view$
				SELECT l.device_id, l.ident, l.name, l.protocol, l.state, l.fixed_at,
					round(extract(epoch FROM l.age))::bigint AS age_s, -- GDAL has no type for intervals
					l.latitude, l.longitude, l.altitude_m, l.speed_kmh, l.course_deg, l.satellites, l.ignition, l.inputs,
					l.outputs, l.odometer_m, l.battery_percent, l.battery_v, l.power_v, l.gsm_percent, l.driver, l.event,
					l.connected, l.last_seen, l.transport, l.peer, l.alarm, l.alarm_at,
					gis.ST_SetSRID(gis.ST_MakePoint(l.longitude, l.latitude), 4326)::gis.geography(Point, 4326) AS place
				FROM avld.latest_positions AS l
				$view$, 'avld.latest_positions, age in seconds; place: a point, WGS 84. Key: device_id.'),
			('tracks_geo', CASE avld.engine()
				WHEN 'citus' THEN $view$
				SELECT p.device_id, d.ident, d.name, (p.fixed_at AT TIME ZONE 'UTC')::date AS day, min(p.fixed_at) AS started_at,
					max(p.fixed_at) AS ended_at, count(*) AS positions,
					gis.ST_MakeLine(gis.ST_SetSRID(gis.ST_MakePoint(p.longitude, p.latitude), 4326)
						ORDER BY p.fixed_at, p.dedup)::gis.geometry(LineString, 4326) AS track
				FROM avld.positions AS p
				JOIN avld.devices AS d ON d.id = p.device_id
				WHERE p.valid
				GROUP BY p.device_id, d.ident, d.name, (p.fixed_at AT TIME ZONE 'UTC')::date
				HAVING count(*) > 1
				$view$
				ELSE $view$
				SELECT d.id AS device_id, d.ident, d.name, (day.starts_at AT TIME ZONE 'UTC')::date AS day, t.started_at,
					t.ended_at, t.positions, t.track
				FROM avld.devices AS d
				CROSS JOIN avld.list_days() AS day
				CROSS JOIN LATERAL (
					SELECT min(p.fixed_at) AS started_at, max(p.fixed_at) AS ended_at, count(*) AS positions,
						gis.ST_MakeLine(gis.ST_SetSRID(gis.ST_MakePoint(p.longitude, p.latitude), 4326)
							ORDER BY p.fixed_at, p.dedup)::gis.geometry(LineString, 4326) AS track
					FROM avld.positions AS p
					WHERE p.device_id = d.id AND p.fixed_at >= day.starts_at AND p.fixed_at < day.ends_at AND p.valid
				) AS t
				WHERE t.positions > 1
				$view$ END, 'One line per device and UTC day: its valid fixes in order, outliers included. Key: device_id, day.')
		) AS v (name, query, meaning)
	LOOP
		BEGIN
			EXECUTE format('CREATE OR REPLACE VIEW avld.%I AS %s', view.name, view.query);
		EXCEPTION
			WHEN invalid_table_definition THEN -- its columns have changed
				EXECUTE format('DROP VIEW avld.%I', view.name);
				EXECUTE format('CREATE VIEW avld.%I AS %s', view.name, view.query);
		END;
		EXECUTE format('COMMENT ON VIEW avld.%I IS %L', view.name, view.meaning);
	END LOOP;
	PERFORM avld.grant_rights();
END
$$;

COMMENT ON FUNCTION avld.enable_postgis() IS
	'Creates the extension PostGIS, if the server has it, and the views positions_geo, latest_positions_geo and tracks_geo, '
	'which QGIS and ogr2ogr can read. For the owner of the schema. Example: SELECT avld.enable_postgis()';

-- Where the views exist they follow changes of the tables and of this file.
DO $$
DECLARE
	other record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis' AND installed_version IS NOT NULL)
		OR coalesce(to_regclass('avld.positions_geo'), to_regclass('avld.latest_positions_geo'), to_regclass('avld.tracks_geo')) IS NULL
	THEN
		RETURN;
	END IF;
	SELECT c.oid::regclass AS view, c.relowner::regrole AS owner INTO other
	FROM pg_class AS c
	WHERE c.oid IN (to_regclass('avld.positions_geo'), to_regclass('avld.latest_positions_geo'), to_regclass('avld.tracks_geo'))
		AND NOT pg_has_role(c.relowner, 'USAGE')
	LIMIT 1;
	IF FOUND THEN
		RAISE NOTICE 'view % is unchanged: it belongs to %. To update it, run SELECT avld.enable_postgis() as %',
			other.view, other.owner, other.owner;
	ELSE
		PERFORM avld.enable_postgis();
	END IF;
END
$$;
