// SPDX-License-Identifier: MIT
#include "cli/database.h"

#include "cli/failure.h"
#include "config/conninfo_error.h"
#include "config/setting.h"

#include <stdio.h>
#include <string.h>

static void print_failure(const struct command_line *line, const PGconn *conn)
{
	const char *verb = line->verb->name, *conninfo = line->config.database.conninfo;
	const char *message =
		conn ? conninfo_error(conninfo, PQerrorMessage(conn)) : "out of memory";
	const char *name = conn && PQdb(conn) ? PQdb(conn) : "";
	char missing[256], origin[SETTING_ORIGIN_MAX];

	failure_print(verb, "cannot connect to the database", message);
	fprintf(stderr, "avld %s: database.conninfo is from %s\n", verb,
		setting_origin(&line->config, "database.conninfo", origin));
	// A failed connection has no SQLSTATE. If the message is in another language the hint is omitted.
	snprintf(missing, sizeof(missing), "database \"%s\" does not exist", name);
	if (strstr(message, missing))
		fprintf(stderr, "avld %s: create it first: createdb %s\n", verb, name);
}

PGconn *database_connect(const struct command_line *line)
{
	char name[64];
	const char *const keywords[] = {
		"dbname", "fallback_application_name", "client_encoding", NULL};
	const char *const values[] = {line->config.database.conninfo, name, "UTF8", NULL};

	snprintf(name, sizeof(name), "avld %s", line->verb->name);
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	print_failure(line, conn);
	PQfinish(conn);
	return NULL;
}

bool database_fail(const char *verb, const char *what, const PGconn *conn, const char *state)
{
	failure_print(verb, what, PQerrorMessage(conn));
	if (state && !strcmp(state, "42501"))
		fprintf(stderr,
			"avld %s: grant the rights of a reader to the role: GRANT avld_reader TO "
			"%s\n",
			verb, PQuser(conn));
	if (state && (!strcmp(state, "42P01") || !strcmp(state, "3F000")))
		fprintf(stderr,
			"avld %s: the database has no tables of avld, or older ones; 'avld "
			"migrate' "
			"creates them\n",
			verb);
	return false;
}
