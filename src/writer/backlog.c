// SPDX-License-Identifier: MIT
#include "writer/backlog.h"

#define SMALL  16384 /* bytes of a batch that is mostly overhead, and says nothing about speed */
#define WEIGHT 0.25  /* of the newest batch */

void backlog_stored(struct backlog *backlog, uint64_t bytes, double seconds)
{
	if (bytes < SMALL || seconds <= 0.)
		return;
	const double rate = (double)bytes / seconds;
	backlog->bytes_per_s =
		backlog->bytes_per_s > 0.
			? backlog->bytes_per_s + WEIGHT * (rate - backlog->bytes_per_s)
			: rate;
}

static double limit_of(const struct backlog *backlog, uint64_t full_batch)
{
	const double most = 2. * (double)full_batch;
	const double limit = backlog->bytes_per_s > 0. ? backlog->bytes_per_s * BACKLOG_S : most;

	return limit > most ? most : limit < most / 2 ? most / 2 : limit;
}

enum backlog_state backlog_state(struct backlog *backlog, uint64_t pending, uint64_t full_batch)
{
	const double limit = limit_of(backlog, full_batch);

	backlog->behind = (double)pending > (backlog->behind ? limit * 3 / 4 : limit);
	if (!backlog->behind)
		return BACKLOG_SMALL;
	return pending > 2 * full_batch ? BACKLOG_FAR : BACKLOG_BEHIND;
}
