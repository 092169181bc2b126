// SPDX-License-Identifier: MIT
// avld migrate: creates or upgrades the schema, or prints the SQL that would.
#include "schema/migrate.h"
#include "cli/database.h"
#include "cli/verbs.h"

#include <string.h>

// libpq ends most messages with a newline.
static void report(const char *message)
{
	const size_t len = strlen(message);
	const bool ended = len > 0 && message[len - 1] == '\n';
	fprintf(stderr, "avld migrate: %s%s", message, ended ? "" : "\n");
}

int migrate_verb(struct command_line *line)
{
	const bool dry_run = command_line_value(line, "dry-run") != NULL;
	char error[1024];
	PGconn *conn = database_connect(line);
	int code = 1;

	if (!conn)
		return 1;
	if (dry_run ? migrate_print(conn, stdout, error, sizeof(error))
		    : migrate_run(conn, stdout, error, sizeof(error)))
		code = 0;
	else
		report(error);
	PQfinish(conn);
	return code;
}
