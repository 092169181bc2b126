// SPDX-License-Identifier: MIT
// For avld check: settings of the PostgreSQL server that cost a large fleet much.
#ifndef AVLD_CLI_SERVER_SETTINGS_H
#define AVLD_CLI_SERVER_SETTINGS_H

#include <libpq-fe.h>
#include <stdint.h>

// A setting whose value costs.
struct server_cost {
	const char *name;
	const char *better; /* value */
	const char *why;    /* what the present one costs */
	const char *apply;  /* what makes a changed line count */
	int64_t from_trackers; /* it costs from about so many on that report every SERVER_COST_EVERY_S */
	char value[64];        /* as it is */
	char place[512];       /* the file, and the line if the role may see it */
};

#define SERVER_COST_EVERY_S 30
#define SERVER_COSTS_MAX    4

// Reads the server's settings. interval_s: of a partition. Returns the number of costs; -1 after an error.
int server_settings_costs(
	PGconn *conn, int64_t interval_s, struct server_cost costs[SERVER_COSTS_MAX]);

#endif
