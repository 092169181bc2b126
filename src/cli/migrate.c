// SPDX-License-Identifier: MIT
// avld migrate: creates or upgrades the schema, or prints the SQL that would.
#include "schema/migrate.h"
#include "cli/verbs.h"
#include "config/conninfo_error.h"
#include "config/setting.h"

#include <string.h>

// Connects like PQconnectdb, with a name for pg_stat_activity unless conninfo has one. Returns NULL only when out of
// memory.
static PGconn *dial(const char *conninfo)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
	const char *const values[] = {conninfo, "avld migrate", NULL};
	return PQconnectdbParams(keywords, values, 1);
}

// libpq ends most messages with a newline.
static void report(const char *message)
{
	const size_t len = strlen(message);
	const bool ended = len > 0 && message[len - 1] == '\n';
	fprintf(stderr, "avld migrate: %s%s", message, ended ? "" : "\n");
}

static void report_no_connection(const struct config *config, const PGconn *conn)
{
	const char *message = conn ? conninfo_error(config->database.conninfo, PQerrorMessage(conn))
				   : "out of memory";
	const char *name = conn && PQdb(conn) ? PQdb(conn) : "";
	char missing[256], origin[SETTING_ORIGIN_MAX];

	report(message);
	fprintf(stderr, "avld migrate: database.conninfo is from %s\n",
		setting_origin(config, "database.conninfo", origin));
	// A failed connection has no SQLSTATE. If the message is in another language the hint is omitted.
	snprintf(missing, sizeof(missing), "database \"%s\" does not exist", name);
	if (strstr(message, missing))
		fprintf(stderr, "avld migrate: create it first: createdb %s\n", name);
}

static int migrate(const struct config *config, bool dry_run)
{
	char error[1024];
	PGconn *conn = dial(config->database.conninfo);
	int code = 1;

	if (PQstatus(conn) != CONNECTION_OK)
		report_no_connection(config, conn);
	else if (dry_run ? migrate_print(conn, stdout, error, sizeof(error))
			 : migrate_run(conn, stdout, error, sizeof(error)))
		code = 0;
	else
		report(error);
	PQfinish(conn);

	if (fflush(stdout) || ferror(stdout)) {
		report("cannot write to stdout");
		code = 1;
	}
	return code;
}

int migrate_verb(struct command_line *line)
{
	return migrate(&line->config, command_line_value(line, "dry-run") != NULL);
}
