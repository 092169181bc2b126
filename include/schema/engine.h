// SPDX-License-Identifier: MIT
// What keeps positions and statuses, asked without avld's own SQL functions: workers of Citus do not have them, and those of
// an older avld may differ.
#ifndef AVLD_SCHEMA_ENGINE_H
#define AVLD_SCHEMA_ENGINE_H

#include <libpq-fe.h>

// The server of Citus that avld must connect to, if it is another one.
#define ENGINE_WORKER_FORMAT                                                                       \
	"this server is a worker of Citus; avld must connect to the coordinator, %s: correct "     \
	"host and port in database.conninfo"

// One row: the extension that may be the engine, 'citus' or 'timescaledb'. No row: PostgreSQL alone.
extern const char engine_extension_query[];

// Returns the query about that extension; NULL for any other text. It has one row: the engine ('postgresql' if the extension
// serves other tables only), and 'host:port' of the coordinator if this server is a worker of Citus, else NULL.
const char *engine_query(const char *extension);

// Returns 'host:port' of the coordinator, which the caller frees, if the connection is to a worker of Citus; NULL if it is not,
// or if that could not be asked. Blocks.
char *engine_find_coordinator(PGconn *conn);

#endif
