// SPDX-License-Identifier: MIT
// The share of work that a peer may cost before it has to give way to others: a token bucket of 8 bytes. The unit of work is
// a report, a reject, or a frame without one; 1 KiB received counts as one more.
#ifndef AVLD_MODEL_SHARE_H
#define AVLD_MODEL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

// Zeroed nothing is spent.
struct share {
	int32_t spent;
	uint32_t at_ms; /* clock_coarse_ms up to which the spent work has been reduced */
};

struct share_rate {
	int32_t burst; /* work that may be spent at once */
	int32_t per_s; /* spent work that is forgotten in a second */
};

#define SHARE_DEBT_S 10 /* after that time without work something is left in any case */
// Counts work. Of what exceeds the burst only SHARE_DEBT_S seconds are counted.
void share_spend(
	struct share *share, const struct share_rate *rate, uint64_t work, uint32_t now_ms);
// Returns true while less than the burst is spent.
bool share_is_left(struct share *share, const struct share_rate *rate, uint32_t now_ms);

#endif
