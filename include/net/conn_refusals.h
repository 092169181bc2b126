// SPDX-License-Identifier: MIT
// Connections that were turned away as they came: counted by reason, and told to avld.connections in so few rows that
// no flood of them can fill the journal.
#ifndef AVLD_NET_CONN_REFUSALS_H
#define AVLD_NET_CONN_REFUSALS_H

#include "intake/intake.h"

enum refused_why {
	REFUSED_MAX_CONNECTIONS,
	REFUSED_MAX_CONNECTIONS_PER_IP,
	REFUSED_MEMORY,
	REFUSED_REASONS
};
const char *conn_refusals_reason(enum refused_why why);

#define REFUSED_ADDRESSES 64 /* told by name at a time */

struct conn_refusals_row {
	struct peer peer; /* of the newest */
	enum refused_why why;
	uint32_t told_s;  /* when its last row was written */
	uint64_t count;   /* since then */
	int64_t first_us; /* the first of these */
};

struct conn_refusals {
	uint64_t counts[REFUSED_REASONS];
	size_t rows;
	struct conn_refusals_row row[REFUSED_ADDRESSES];
	struct conn_refusals_row
		others[REFUSED_REASONS]; /* of all addresses beyond these; peer [::]:0 */
};

// One was. An address's first is a row at once; those that follow are one row a minute, its `rejects` their number.
void conn_refusals_note(struct conn_refusals *refused, struct intake *intake,
	const struct peer *peer, enum refused_why why);
void conn_refusals_each_second(struct conn_refusals *refused, struct intake *intake);
void conn_refusals_finish(
	struct conn_refusals *refused, struct intake *intake); /* what is not told yet */

#endif
