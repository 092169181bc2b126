// SPDX-License-Identifier: MIT
#include "cli/check_database.h"

#include "cli/check_print.h"
#include "cli/server_settings.h"
#include "config/conninfo_error.h"
#include "config/setting.h"
#include "schema/engine.h"
#include "schema/migrate.h"
#include "schema/migrations.h"
#include "schema/shape.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_VERSION_MIN  130000
#define SERVER_VERSION_TEXT "13"

// Joins the lines of a message of libpq.
static const char *one_line(const char *message, char *out, size_t cap)
{
	snprintf(out, cap, "%s", message);
	for (char *end = out + strlen(out); end > out && end[-1] == '\n';)
		*--end = '\0';
	for (char *at = out; *at; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	return out;
}

static bool database_problem(const struct config *config, PGconn *conn, const char *remedy)
{
	char text[1024];
	const char *special = conn ? conninfo_error_remedy(PQerrorMessage(conn)) : NULL;
	return check_print_problem(config, "database.conninfo", "%s; %s",
		one_line(conn ? conninfo_error(config->database.conninfo, PQerrorMessage(conn))
			      : "out of memory",
			text, sizeof(text)),
		special ? special : remedy);
}

// Returns the first column of the first row (the caller frees it), "" without a row, NULL after an error.
static char *ask(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	char *text = NULL;
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		text = strdup(PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

static bool check_schema(const struct config *config, int version)
{
	if (version > SCHEMA_VERSION)
		return check_print_problem(config, "database.conninfo",
			"the schema is version %d, this avld is older than the schema (it needs "
			"%d); upgrade avld",
			version, SCHEMA_VERSION);
	if (version == SCHEMA_VERSION) {
		check_print_ok("schema version %d", version);
		return true;
	}
	if (config->database.migrate) {
		check_print_note("schema version %d: serve upgrades it to %d (database.migrate)",
			version, SCHEMA_VERSION);
		return true;
	}
	if (!version)
		return check_print_problem(config, "database.conninfo",
			"the database has no schema avld; run avld migrate as the role that is to "
			"own it");
	return check_print_problem(config, "database.conninfo",
		"the schema is version %d, this avld needs %d; run avld migrate as its owner",
		version, SCHEMA_VERSION);
}

// Lists the rights that the writer lacks. Each is queried alone: has_table_privilege with a list is true if any is
// granted.
static const char missing_rights[] =
	"SELECT string_agg(missing, ', ') FROM ("
	"SELECT r || ' ON avld.' || name AS missing FROM (VALUES"
	" ('schema_version', 'SELECT'), ('commands', 'SELECT'), ('limits', 'SELECT'), ('devices', "
	"'SELECT INSERT'),"
	" ('positions', 'SELECT INSERT'), ('statuses', 'SELECT INSERT'),"
	" ('alarms', 'SELECT INSERT'), ('rejects', 'INSERT'), ('connections', 'INSERT'),"
	" ('checkpoint', 'SELECT INSERT UPDATE'), ('device_state', 'SELECT INSERT UPDATE'),"
	" ('unknown_devices', 'SELECT INSERT UPDATE'), ('media', 'SELECT INSERT UPDATE'),"
	" ('media_parts', 'SELECT INSERT DELETE')) AS t (name, rights),"
	" unnest(string_to_array(rights, ' ')) AS r"
	" WHERE NOT has_table_privilege('avld.' || name, r)"
	" UNION ALL "
	"SELECT 'EXECUTE ON FUNCTION avld.' || name FROM (VALUES"
	" ('ensure_partitions(date, date)'), "
	"('ensure_partitions(date, date, interval)'), ('drop_partitions(date)'),"
	" ('delete_before(text, timestamptz, integer)'), ('least_retention()')) AS f (name)"
	" WHERE NOT has_function_privilege('avld.' || name, 'EXECUTE')"
	" UNION ALL "
	"SELECT 'UPDATE (' || c || ') ON avld.commands' FROM unnest(ARRAY["
	"'state', 'sent_at', 'ended_at', 'attempts', 'correlation', 'reply', 'reason']) AS c"
	" WHERE NOT has_column_privilege('avld.commands', c, 'UPDATE')"
	" UNION ALL "
	"SELECT 'TEMPORARY ON DATABASE ' || current_database()"
	" WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')) AS m";

static int64_t days_of(int64_t age_us)
{
	return age_us / INT64_C(86400000000);
}

// Notes a retention that is shorter than what the owner of the schema allows this role to delete.
static void note_short_retention(const struct config *config, PGconn *conn)
{
	const struct {
		const char *key;
		int64_t age_us;
	} settings[] = {{"database.retention", config->database.retention_us},
		{"database.alarms_retention", config->database.alarms_retention_us},
		{"database.media_retention", config->database.media_retention_us},
		{"database.commands_retention", config->database.commands_retention_us}};
	char *least = ask(conn, "SELECT extract(epoch FROM avld.least_retention())::bigint FROM "
				"pg_namespace WHERE nspname = 'avld' AND NOT "
				"pg_has_role(nspowner, 'USAGE')"); /* the owner may delete all */
	const int64_t least_us = least ? strtoll(least, NULL, 10) * 1000000 : 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].age_us > 0 && settings[i].age_us < least_us)
			check_print_note("%s = %" PRId64
					 "d deletes nothing: %s may delete only what is older "
					 "than %" PRId64 " days; as the schema's owner: SELECT "
					 "avld.set_least_retention('%" PRId64 " days')",
				settings[i].key, days_of(settings[i].age_us), PQuser(conn),
				days_of(least_us), days_of(settings[i].age_us));
	free(least);
}

static bool check_rights(const struct config *config, PGconn *conn)
{
	char *missing = ask(conn, missing_rights);
	if (!missing)
		return database_problem(
			config, conn, "check that avld migrate created this schema");
	bool good = !*missing;
	if (good) {
		check_print_ok("rights of %s", PQuser(conn));
		note_short_retention(config, conn);
	} else
		check_print_problem(config, "database.conninfo",
			"%s lacks %s; GRANT avld_writer TO %s, or SELECT avld.grant_rights() as "
			"the schema's owner",
			PQuser(conn), missing, PQuser(conn));
	free(missing);
	return good;
}

// Returns true if the role may use the schema, or if there is none.
static bool check_usage(const struct config *config, PGconn *conn)
{
	char *usage = ask(conn, "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE "
				"nspname = 'avld'");
	bool good = usage && *usage != 'f';
	if (!usage)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	else if (!good)
		check_print_problem(config, "database.conninfo",
			"%s may not use the schema avld; GRANT avld_writer TO %s as the schema's "
			"owner",
			PQuser(conn), PQuser(conn));
	free(usage);
	return good;
}

static bool check_is_coordinator(const struct config *config, PGconn *conn)
{
	char *coordinator = engine_find_coordinator(conn);
	if (!coordinator)
		return true;
	check_print_problem(config, "database.conninfo", ENGINE_WORKER_FORMAT, coordinator);
	free(coordinator);
	return false;
}

static bool check_server(const struct config *config, PGconn *conn)
{
	const char *version = PQparameterStatus(conn, "server_version");
	if (PQserverVersion(conn) < SERVER_VERSION_MIN)
		return check_print_problem(config, "database.conninfo",
			"PostgreSQL %s is too old; avld needs " SERVER_VERSION_TEXT " or newer",
			version);
	char *standby = ask(conn, "SELECT pg_is_in_recovery()");
	bool good = standby && *standby == 'f';
	if (!standby)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	else if (!good)
		check_print_problem(config, "database.conninfo",
			"this server is a standby; name the primary, or several hosts with "
			"target_session_attrs=read-write");
	else
		check_print_ok("database %s as %s at %s: PostgreSQL %s", PQdb(conn), PQuser(conn),
			PQhost(conn), version);
	free(standby);
	return good;
}

// Names each column that is not as the writer needs it.
static bool check_shape(const struct config *config, PGconn *conn)
{
	PGresult *result = PQexec(conn, shape_query);
	const bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
	const int problems = PQntuples(result);

	if (!read)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	for (int i = 0; i < problems; i++)
		check_print_problem(config, "database.conninfo", "%s", PQgetvalue(result, i, 0));
	PQclear(result);
	return read && !problems;
}

// Prints what the database says about its engine (Citus, TimescaleDB; nothing for PostgreSQL alone). Functions of an older avld have
// nothing to say.
static bool check_engine(const struct config *config, PGconn *conn)
{
	char *exists = ask(conn, "SELECT to_regprocedure('avld.check_engine()') IS NOT NULL");
	const bool skip = !exists || *exists != 't';
	free(exists);
	if (skip)
		return true;
	PGresult *result = PQexec(conn, "SELECT severity, message FROM avld.check_engine()");
	bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!good)
		database_problem(
			config, conn, "GRANT avld_writer to this user as the schema's owner");
	for (int i = 0; i < PQntuples(result); i++) {
		const char *message = PQgetvalue(result, i, 1);
		if (!strcmp(PQgetvalue(result, i, 0), "problem"))
			good = check_print_problem(config, "database.conninfo", "%s", message);
		else
			check_print_ok("%s", message);
	}
	PQclear(result);
	return good;
}

// Round numbers: they are estimates.
static int64_t round_down(int64_t number)
{
	int64_t unit = 1;
	while (number / unit >= 100)
		unit *= 10;
	return number / unit * unit;
}

// Names each setting of the server that costs, and the line to change.
static void note_server_settings(const struct config *config, PGconn *conn)
{
	struct server_cost costs[SERVER_COSTS_MAX];
	static const int64_t seconds[] = {
		[PARTITION_1D] = 86400, [PARTITION_6H] = 21600, [PARTITION_1H] = 3600};
	const int count =
		server_settings_costs(conn, seconds[config->database.partition_interval], costs);

	for (int i = 0; i < count; i++)
		check_print_note("PostgreSQL: %s = %s costs from about %" PRId64
				 " trackers on that report every %d s: %s; in %s: %s = %s; then %s",
			costs[i].name, costs[i].value, round_down(costs[i].from_trackers),
			SERVER_COST_EVERY_S, costs[i].why, costs[i].place, costs[i].name,
			costs[i].better, costs[i].apply);
}

bool check_database(const struct config *config)
{
	// Later keywords override earlier ones: conninfo may set its own timeout.
	static const char *const keywords[] = {
		"connect_timeout", "fallback_application_name", "dbname", NULL};
	const char *const values[] = {"5", "avld check", config->database.conninfo, NULL};
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	bool good = false;
	if (PQstatus(conn) != CONNECTION_OK) {
		database_problem(config, conn,
			"start PostgreSQL, create the database, or correct the setting");
	} else if (check_server(config, conn) && check_is_coordinator(config, conn) &&
		   check_usage(config, conn)) {
		note_server_settings(config, conn);
		int version = migrate_version(conn);
		if (version < 0)
			database_problem(config, conn,
				"GRANT avld_writer to this user as the schema's owner");
		else
			good = check_schema(config, version) &&
			       (version != SCHEMA_VERSION ||
				       (check_shape(config, conn) && check_rights(config, conn) &&
					       check_engine(config, conn)));
	}
	PQfinish(conn);
	return good;
}
