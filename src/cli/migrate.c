// SPDX-License-Identifier: MIT
// avld migrate: makes or upgrades the schema, or prints the SQL that would.
#include "schema/migrate.h"
#include "cli/cli.h"

#include <string.h>

static const char usage[] =
	"usage: avld migrate [-c FILE] [-o SECTION.KEY=VALUE]... [--dry-run]\n\n"
	"Makes or upgrades the schema avld in the database that database.conninfo names. Each "
	"migration\n"
	"is one transaction; running it again, or twice at once, does no harm.\n\n"
	"  -c, --config FILE         settings (default /etc/avld/avld.ini, if it is there)\n"
	"  -o, --option S.KEY=VALUE  a setting, over those of the file\n"
	"      --dry-run             print the SQL that would run, for psql, and change nothing\n"
	"  -h, --help                this text\n";

// Takes the option out of argv, for cli_settings knows only its own.
static bool take_dry_run(int *argc, char **argv)
{
	int kept = 0;
	bool found = false;
	for (int i = 0; i < *argc; i++) {
		if (i > 0 && !strcmp(argv[i], "--dry-run"))
			found = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	return found;
}

// As PQconnectdb, with a name that pg_stat_activity shows unless conninfo has one. NULL only when
// out of memory.
static PGconn *dial(const char *conninfo)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
	const char *const values[] = {conninfo, "avld migrate", NULL};
	return PQconnectdbParams(keywords, values, 1);
}

// libpq ends its messages with a line's end, some of them with several lines.
static void report(const char *message)
{
	const size_t len = strlen(message);
	const bool ended = len > 0 && message[len - 1] == '\n';
	fprintf(stderr, "avld migrate: %s%s", message, ended ? "" : "\n");
}

static void report_no_connection(const PGconn *conn)
{
	const char *message = conn ? PQerrorMessage(conn) : "out of memory";
	const char *name = conn && PQdb(conn) ? PQdb(conn) : "";
	char missing[256];

	report(message);
	fprintf(stderr, "avld migrate: database.conninfo is from %s\n",
		config_origin("database.conninfo"));
	// A failed connection has no SQLSTATE to ask for. In another language the hint is left out.
	snprintf(missing, sizeof(missing), "database \"%s\" does not exist", name);
	if (strstr(message, missing))
		fprintf(stderr, "avld migrate: make it first: createdb %s\n", name);
}

static int migrate(const struct config *config, bool dry_run)
{
	char error[1024];
	PGconn *conn = dial(config->database.conninfo);
	int code = 1;

	if (PQstatus(conn) != CONNECTION_OK)
		report_no_connection(conn);
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

int migrate_verb(int argc, char **argv)
{
	struct config config;
	int code;

	const bool dry_run = take_dry_run(&argc, argv);
	if (!cli_settings(argc, argv, usage, &config, &code))
		return code;
	code = migrate(&config, dry_run);
	config_done(&config);
	return code;
}
