// SPDX-License-Identifier: MIT
// Types count by name: a domain as its base type, varchar as text, which have the same bytes in COPY BINARY. A column that avld
// does not fill may not ask for a value.
#include "schema/shape.h"

#define TIME   "timestamp with time zone"
#define MOTION "altitude_m real, speed_kmh real, course_deg real, satellites smallint, hdop real, "
#define TELEMETRY                                                                                  \
	"ignition boolean, inputs integer, outputs integer, adc1 integer, adc2 integer, "          \
	"adc3 integer, adc4 integer, odometer_m bigint, battery_percent smallint, "                \
	"battery_v real, power_v real, gsm_percent smallint, driver text, "
#define PLACE "latitude double precision, longitude double precision, "
#define MEDIA                                                                                      \
	"device_id bigint, taken_at " TIME ", received_at " TIME ", " PLACE "camera smallint, "    \
	"content_type text, complete boolean, dedup bigint, bytes bytea"
#define REPORT(time)                                                                               \
	"device_id bigint, " time " " TIME ", received_at " TIME ", device_time " TIME             \
	", time_source text, event text, "

const char shape_query[] =
	"WITH wanted AS (SELECT t.number, c.n, t.tab, split_part(c.item, ' ', 1) AS col, "
	"substr(c.item, strpos(c.item, ' ') + 1) AS type FROM (VALUES "
	"(1, 'checkpoint', 'instance text, journal uuid, lsn bigint, state_lsn bigint, "
	"updated_at " TIME "'), "
	"(2, 'devices', 'id bigint, ident text, protocol text, state text, model text, "
	"secret text, networks cidr[]'), "
	"(3, 'positions', '" REPORT("fixed_at") "valid boolean, " PLACE MOTION TELEMETRY
						"stored boolean, extra jsonb, dedup bigint'), "
						"(4, 'statuses', '" REPORT("reported_at")
							MOTION TELEMETRY
	"stored boolean, extra jsonb, dedup bigint'), "
	"(5, 'alarms', 'device_id bigint, occurred_at " TIME ", received_at " TIME
	", alarm text, event text, " PLACE "speed_kmh real, valid boolean, stored boolean, "
	"dedup bigint'), "
	"(6, 'device_state', 'device_id bigint, last_seen " TIME ", protocol text, "
	"transport text, peer text, connected boolean, instance text, fixed_at " TIME
	", " PLACE MOTION "telemetry_at " TIME ", " TELEMETRY "event text, other_peer text, "
	"other_peer_at " TIME ", two_peers_at " TIME "'), "
	"(7, 'rejects', 'received_at " TIME ", peer text, transport text, protocol text, "
	"ident text, reason text, frame bytea'), "
	"(8, 'unknown_devices', 'ident text, protocol text, peer text, first_seen " TIME
	", last_seen " TIME ", count bigint'), "
	"(9, 'connections', 'opened_at " TIME ", closed_at " TIME ", peer text, transport text, "
	"protocol text, ident text, bytes bigint, frames bigint, rejects bigint, reason text'), "
	"(10, 'commands', 'id bigint, device_id bigint, command text, args jsonb, state text, "
	"created_at " TIME ", expires_at " TIME ", sent_at " TIME ", ended_at " TIME
	", attempts integer, reply text, reason text, correlation bigint'), "
	"(11, 'media', '" MEDIA "'), "
	"(12, 'media_parts', 'key bigint, part integer, parts integer, " MEDIA ", stored_at " TIME
	"')) AS t (number, tab, columns), "
	"unnest(string_to_array(t.columns, ', ')) WITH ORDINALITY AS c (item, n)), "
	"tables AS (SELECT DISTINCT w.number, w.tab, to_regclass('avld.' || w.tab) AS oid "
	"FROM wanted w), "
	"found AS (SELECT t.number, t.tab, a.attname AS col, a.attnum, "
	"CASE coalesce(nullif(y.typbasetype, 0), y.oid)::regtype::text "
	"WHEN 'character varying' THEN 'text' "
	"ELSE coalesce(nullif(y.typbasetype, 0), y.oid)::regtype::text END AS type, "
	"a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS asks "
	"FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 "
	"AND NOT a.attisdropped JOIN pg_type y ON y.oid = a.atttypid) "
	"SELECT message FROM ("
	"SELECT t.number, 0 AS n, format('avld.%I is missing: restore it from a backup, or run "
	"avld migrate on another database and copy its definition', t.tab) AS message "
	"FROM tables t WHERE t.oid IS NULL "
	"UNION ALL "
	"SELECT w.number, w.n, CASE WHEN f.col IS NULL THEN format('avld.%1$I.%2$I is missing, "
	"expected %3$s: ALTER TABLE avld.%1$I ADD COLUMN %2$I %3$s', w.tab, w.col, w.type) "
	"ELSE format('avld.%1$I.%2$I is %4$s, expected %3$s: ALTER TABLE avld.%1$I ALTER COLUMN "
	"%2$I TYPE %3$s', w.tab, w.col, w.type, f.type) END "
	"FROM wanted w JOIN tables t USING (tab) LEFT JOIN found f USING (tab, col) "
	"WHERE t.oid IS NOT NULL AND f.type IS DISTINCT FROM w.type "
	"UNION ALL "
	"SELECT f.number, 1000 + f.attnum, format('avld.%1$I.%2$I is NOT NULL without a default, "
	"and avld does not fill it: ALTER TABLE avld.%1$I ALTER COLUMN %2$I DROP NOT NULL, or "
	"SET DEFAULT', f.tab, f.col) "
	"FROM found f WHERE f.asks AND NOT EXISTS (SELECT FROM wanted w WHERE w.tab = f.tab AND "
	"w.col = f.col)) m ORDER BY number, n";
