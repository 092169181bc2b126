// SPDX-License-Identifier: MIT
#include "cli/export_query.h"

#include <inttypes.h>
#include <string.h>

const struct export_table export_query_tables[EXPORT_TABLES] = {
	{"positions", "fixed_at"},
	{"statuses", "reported_at"},
	{"alarms", "occurred_at"},
};

bool export_query_begin(PGconn *conn, char state[6])
{
	PGresult *result = PQexec(conn,
		"SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; "
		"SET extra_float_digits = 1; SET default_transaction_read_only = on; "
		"SELECT FROM avld.devices LIMIT 0");
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const bool sound = PQresultStatus(result) == PGRES_TUPLES_OK;

	snprintf(state, 6, "%s", code ? code : "");
	PQclear(result);
	return sound;
}

// All queries have these parameters.
#define TABLE  "$1::text"
#define TIME   "$2::text"
#define FROM   "$3::text"
#define BEFORE "$4::text"
#define IDENT  "$5::text"

// clang-format off

// The condition, as a text of SQL. Midnight of a day in UTC is the same in each session.
#define CONDITION \
	"format('t.%1$I < %2$L', " TIME ", " BEFORE " || ' 00:00:00+00')" \
	" || CASE WHEN " FROM " IS NULL THEN '' ELSE format(' AND t.%1$I >= %2$L', " TIME ", " FROM " || ' 00:00:00+00') END" \
	" || CASE WHEN " IDENT " IS NULL THEN '' ELSE format(" \
		"' AND t.device_id = (SELECT d.id FROM avld.devices AS d WHERE d.ident = %L)', " IDENT ") END"

static const char days_sql[] =
	"SELECT format('SELECT to_char(s.day, ''YYYY-MM-DD''), to_char(s.day + 1, ''YYYY-MM-DD''), s.rows FROM ("
		"SELECT (t.%1$I AT TIME ZONE ''UTC'')::date AS day, count(*) AS rows FROM avld.%2$I AS t WHERE %3$s GROUP BY 1"
		") AS s ORDER BY s.day', " TIME ", " TABLE ", " CONDITION ")";

// The columns of the table, as a text of SQL. CASES: "WHEN ... THEN ..." for columns that are written in another way; ONLY:
// "AND ..." for those wanted. a: the row of pg_attribute.
#define COLUMNS(CASES, ONLY) \
	"(SELECT string_agg(CASE WHEN a.atttypid = 'timestamptz'::regtype THEN format(" \
		"'to_char(t.%1$I AT TIME ZONE ''UTC'', ''YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'') AS %1$I', a.attname) " CASES \
		"ELSE format('t.%I', a.attname) END, ', ' ORDER BY a.attnum) " \
	"FROM pg_attribute AS a WHERE a.attrelid = ('avld.' || " TABLE ")::regclass " \
		"AND a.attnum > 0 AND NOT a.attisdropped" ONLY ")"

#define ROWS \
	"FROM avld.%1$I AS t LEFT JOIN avld.devices AS d ON d.id = t.device_id"
#define ORDER \
	"WHERE %4$s ORDER BY t.device_id, t.%2$I, t.dedup"

static const char csv_sql[] =
	"SELECT format('COPY (SELECT d.ident, d.name, %3$s " ROWS " " ORDER ") TO STDOUT (FORMAT csv, HEADER)', "
		TABLE ", " TIME ", " COLUMNS("", "") ", " CONDITION ")";

// JSON has neither of the two control characters: COPY writes it as it is. dedup is a text, since most readers of JSON know no
// integers above 2^53.
#define GEOJSON(GEOMETRY, ONLY) \
	"SELECT format('COPY (SELECT ''{\"type\":\"Feature\",\"geometry\":'' || " GEOMETRY \
		" || '',\"properties\":'' || row_to_json(p)::text || ''}'' " ROWS \
		" CROSS JOIN LATERAL (SELECT d.ident, d.name, %3$s) AS p " ORDER \
		") TO STDOUT (FORMAT csv, DELIMITER E''\\x01'', QUOTE E''\\x02'')', " \
		TABLE ", " TIME ", " COLUMNS("WHEN a.attname = 'dedup' THEN 't.dedup::text AS dedup' ", ONLY) ", " CONDITION ")"

static const char geojson_sql[] = GEOJSON(
	"CASE WHEN t.latitude BETWEEN -90 AND 90 AND t.longitude BETWEEN -180 AND 180 THEN ''{\"type\":\"Point\",\"coordinates\":[''"
		" || t.longitude || '','' || t.latitude || '']}'' ELSE ''null'' END",
	" AND a.attname NOT IN ('latitude', 'longitude')");

// Of a table without coordinates.
static const char unplaced_sql[] = GEOJSON("''null''", "");
// clang-format on

static PGresult *ask(PGconn *conn, const char *sql, int table, const struct export_range *range)
{
	const char *const values[] = {export_query_tables[table].name,
		export_query_tables[table].time, range->from, range->before, range->ident};

	return PQexecParams(conn, sql, 5, NULL, values, NULL, NULL, 0);
}

PGresult *export_query_days(PGconn *conn, int table, const struct export_range *range)
{
	PGresult *statement = ask(conn, days_sql, table, range);

	if (PQresultStatus(statement) != PGRES_TUPLES_OK)
		return statement;
	PGresult *days = PQexec(conn, PQgetvalue(statement, 0, 0));
	PQclear(statement);
	return days;
}

PGresult *export_query_copy(
	PGconn *conn, int table, enum export_format format, const struct export_range *range)
{
	const char *sql = format == EXPORT_CSV       ? csv_sql
			  : table == EXPORT_STATUSES ? unplaced_sql
						     : geojson_sql;

	return ask(conn, sql, table, range);
}

void export_query_print_drop(FILE *out, const bool tables[EXPORT_TABLES],
	const uint64_t rows[EXPORT_TABLES], const char *before)
{
	// the lock of functions/10_partitions.sql first: the daemon takes the two in this order
	fputs("DO $$\nDECLARE\n\tstored bigint;\nBEGIN\n"
	      "\tPERFORM pg_advisory_xact_lock(1635151972, 2);\n",
		out);
	for (int i = 0; i < EXPORT_TABLES; i++)
		if (tables[i])
			fprintf(out,
				"\tLOCK TABLE avld.%s IN SHARE MODE; -- nothing is added "
				"meanwhile\n",
				export_query_tables[i].name);
	for (int i = 0; i < EXPORT_TABLES; i++) {
		const char *name = export_query_tables[i].name;
		if (!tables[i])
			continue;
		fprintf(out,
			"\tSELECT count(*) INTO stored FROM avld.%s WHERE %s < '%s 00:00:00+00';\n"
			"\tIF stored <> %" PRIu64 " THEN\n"
			"\t\tRAISE EXCEPTION 'avld.%s has %% rows before %s, the files have "
			"%" PRIu64
			": nothing is dropped; run avld export again, without --from', stored;\n"
			"\tEND IF;\n",
			name, export_query_tables[i].time, before, rows[i], name, before, rows[i]);
	}
	if (tables[EXPORT_POSITIONS])
		fprintf(out, "\tPERFORM avld.drop_partitions('%s');\n", before);
	for (int i = 0; i < EXPORT_TABLES; i++)
		if (tables[i])
			fprintf(out,
				"\tWHILE avld.delete_before('%s', '%s 00:00:00+00') > 0 LOOP END "
				"LOOP;\n",
				export_query_tables[i].name, before);
	fputs("END\n$$;\n", out);
}
