// SPDX-License-Identifier: MIT
// What the numbers stand on is measured (docs/performance.md). The rows of a tracker go to one page of the index at a time: so
// after each checkpoint a fleet writes about one page, 8 KiB, for each tracker to the WAL once more.
#include "cli/server_settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_BYTES 50.  /* of a position in the index */
#define WAL_BYTES   400. /* of a position, without full pages */
#define PAGE_BYTES  8192.
#define PACKED      3.  /* a compressed page takes one part of so many */
#define NOTICED     1e6 /* bytes of full pages in a second that count */
#define FILL_SHARE  2. /* a checkpoint begins when one part of so many of max_wal_size is written */

static const char query[] =
	"SELECT name, setting, current_setting(name), "
	"coalesce(sourcefile || ':' || sourceline, 'postgresql.conf') FROM pg_settings "
	"WHERE name IN ('shared_buffers', 'max_wal_size', 'checkpoint_timeout', "
	"'wal_compression')";

// The settings that count, as they are.
struct server {
	const PGresult *result;
	double shared_buffers; /* bytes */
	double max_wal_size;   /* bytes */
	double timeout_s;      /* checkpoint_timeout */
	bool packed;           /* wal_compression */
	double interval_s;     /* of partitions */
};

// Returns a column of the setting's row; "" if the server does not have it.
static const char *value_of(const PGresult *result, const char *name, int column)
{
	for (int row = 0; row < PQntuples(result); row++)
		if (!strcmp(PQgetvalue(result, row, 0), name))
			return PQgetvalue(result, row, column);
	return "";
}

static double number_of(const PGresult *result, const char *name)
{
	return strtod(value_of(result, name, 1), NULL);
}

// The functions below return from how many trackers on the setting costs; 0: never.

// The index of the current partition does not fit into half of the memory any more.
static double buffers_cost(const struct server *server)
{
	const double rows = server->interval_s / SERVER_COST_EVERY_S;

	return server->shared_buffers < 4e9 ? server->shared_buffers / 2 / (rows * INDEX_BYTES) : 0;
}

// Checkpoints are not as rare any more as checkpoint_timeout allows.
static double wal_size_cost(const struct server *server)
{
	const double bytes = server->timeout_s / SERVER_COST_EVERY_S * WAL_BYTES;

	return server->max_wal_size < 8e9 ? server->max_wal_size / FILL_SHARE / bytes : 0;
}

static double timeout_cost(const struct server *server)
{
	const double page = PAGE_BYTES / (server->packed ? PACKED : 1);

	return server->timeout_s < 1800 ? NOTICED * server->timeout_s / page : 0;
}

static double compression_cost(const struct server *server)
{
	return server->packed ? 0 : NOTICED * server->timeout_s / PAGE_BYTES;
}

static const struct {
	const char *name, *better, *why, *apply;
	double (*from)(const struct server *server);
} settings[] = {
	{"shared_buffers", "a quarter of the memory, at most 8GB",
		"the index of the current day does not fit, and its pages are read and written "
		"again and again",
		"a restart of PostgreSQL", buffers_cost},
	{"max_wal_size", "'8GB' or more",
		"checkpoints come more often than checkpoint_timeout, and each makes pages be "
		"written whole once more",
		"pg_reload_conf()", wal_size_cost},
	{"checkpoint_timeout", "'30min'",
		"each checkpoint makes pages be written to the WAL whole once more, over 1 MB a "
		"second",
		"pg_reload_conf()", timeout_cost},
	{"wal_compression", "lz4, or on before PostgreSQL 15",
		"pages written to the WAL whole take over 1 MB a second", "pg_reload_conf()",
		compression_cost},
};

int server_settings_costs(
	PGconn *conn, int64_t interval_s, struct server_cost costs[SERVER_COSTS_MAX])
{
	PGresult *result = PQexec(conn, query);
	int count = 0;

	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		PQclear(result);
		return -1;
	}
	const struct server server = {
		.result = result,
		.shared_buffers = number_of(result, "shared_buffers") * 8192,
		.max_wal_size = number_of(result, "max_wal_size") * 1048576,
		.timeout_s = number_of(result, "checkpoint_timeout"),
		.packed = strcmp(value_of(result, "wal_compression", 1), "off") != 0,
		.interval_s = (double)interval_s,
	};
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const double from = settings[i].from(&server);
		if (from <= 0)
			continue;
		struct server_cost *cost = &costs[count++];
		*cost = (struct server_cost){.name = settings[i].name,
			.better = settings[i].better,
			.why = settings[i].why,
			.apply = settings[i].apply,
			.from_trackers = (int64_t)from};
		snprintf(cost->value, sizeof(cost->value), "%s", value_of(result, cost->name, 2));
		snprintf(cost->place, sizeof(cost->place), "%s", value_of(result, cost->name, 3));
	}
	PQclear(result);
	return count;
}
