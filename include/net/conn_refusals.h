// SPDX-License-Identifier: MIT
// Refused connections: counted by reason, and written to avld.connections in so few rows that no flood of
// them can fill the journal.
#ifndef AVLD_NET_CONN_REFUSALS_H
#define AVLD_NET_CONN_REFUSALS_H

#include "intake/intake.h"

enum conn_refusal_reason {
	CONN_REFUSAL_MAX_CONNECTIONS,
	CONN_REFUSAL_MAX_PER_IP,
	CONN_REFUSAL_MEMORY,
	CONN_REFUSAL_REASONS
};
const char *conn_refusals_text(enum conn_refusal_reason reason);

#define CONN_REFUSALS_ADDRESSES 64 /* with rows of their own at a time */

struct conn_refusals_row {
	struct peer peer; /* of the newest */
	enum conn_refusal_reason reason;
	uint32_t written_s; /* clock_coarse_s when its last row was written; 0: never */
	uint64_t count;     /* refused since then */
	int64_t first_us;   /* time of the first of these */
};

// Zeroed it is empty.
struct conn_refusals {
	uint64_t counts[CONN_REFUSAL_REASONS];
	size_t rows;
	struct conn_refusals_row row[CONN_REFUSALS_ADDRESSES];
	struct conn_refusals_row
		others[CONN_REFUSAL_REASONS]; /* of all further addresses; peer [::]:0 */
};

// Counts one refused connection. The first of an address is written at once; those that follow make one row a
// minute, with their number in `rejects`.
void conn_refusals_note(struct conn_refusals *refused, struct intake *intake,
	const struct peer *peer, enum conn_refusal_reason reason);
void conn_refusals_each_second(struct conn_refusals *refused, struct intake *intake);
// Writes everything that is not written yet.
void conn_refusals_finish(struct conn_refusals *refused, struct intake *intake);

#endif
