// SPDX-License-Identifier: MIT
// Connections that were turned away as they came: counted by reason, and told to avld.connections in so few rows that
// no flood of them can fill the journal.
#ifndef AVLD_NET_CONN_REFUSALS
#define AVLD_NET_CONN_REFUSALS

#include "intake/intake.h"

enum refused_why {
	REFUSED_MAX_CONNECTIONS,
	REFUSED_MAX_CONNECTIONS_PER_IP,
	REFUSED_MEMORY,
	REFUSED_REASONS
};
const char *refused_reason(enum refused_why why);

#define REFUSED_ADDRESSES 64 /* told by name at a time */

struct refused_row {
	struct peer peer; /* of the newest */
	enum refused_why why;
	uint32_t told_s;  /* when its last row was written */
	uint64_t count;   /* since then */
	int64_t first_us; /* the first of these */
};

struct refused {
	uint64_t counts[REFUSED_REASONS];
	size_t rows;
	struct refused_row row[REFUSED_ADDRESSES];
	struct refused_row others[REFUSED_REASONS]; /* of all addresses beyond these; peer [::]:0 */
};

// One was. An address's first is a row at once; those that follow are one row a minute, its `rejects` their number.
void refused_note(struct refused *refused, struct intake *intake, const struct peer *peer,
	enum refused_why why);
void refused_each_second(struct refused *refused, struct intake *intake);
void refused_finish(struct refused *refused, struct intake *intake); /* what is not told yet */

#endif
