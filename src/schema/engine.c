// SPDX-License-Identifier: MIT
// Tables of an extension can be named only where it is: so the extension is asked for first.
#include "schema/engine.h"

#include <stdlib.h>
#include <string.h>

const char engine_extension_query[] =
	"SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('citus', 'timescaledb') "
	"ORDER BY extname LIMIT 1";

// A server that was never added to a cluster, and the coordinator, have group 0.
static const char citus_query[] =
	"SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_dist_partition p WHERE p.partmethod = "
	"'h' AND p.logicalrelid = to_regclass('avld.positions')) THEN 'citus' ELSE 'postgresql' "
	"END, CASE WHEN l.groupid <> 0 THEN coalesce((SELECT n.nodename || ':' || n.nodeport FROM "
	"pg_catalog.pg_dist_node n WHERE n.groupid = 0 LIMIT 1), 'which this worker does not "
	"know') END FROM pg_catalog.pg_dist_local_group l";

static const char timescaledb_query[] =
	"SELECT CASE WHEN EXISTS (SELECT FROM timescaledb_information.hypertables h WHERE "
	"h.hypertable_schema = 'avld' AND h.hypertable_name = 'positions') THEN 'timescaledb' ELSE "
	"'postgresql' END, NULL";

const char *engine_query(const char *extension)
{
	if (!strcmp(extension, "citus"))
		return citus_query;
	return strcmp(extension, "timescaledb") ? NULL : timescaledb_query;
}

// Returns a value of the first row, which the caller frees; NULL if there is none.
static char *ask(PGconn *conn, const char *query, int column)
{
	PGresult *result = PQexec(conn, query);
	char *value = NULL;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
		!PQgetisnull(result, 0, column))
		value = strdup(PQgetvalue(result, 0, column));
	PQclear(result);
	return value;
}

char *engine_find_coordinator(PGconn *conn)
{
	char *extension = ask(conn, engine_extension_query, 0);
	const char *query = extension ? engine_query(extension) : NULL;
	char *coordinator = query ? ask(conn, query, 1) : NULL;

	free(extension);
	return coordinator;
}
