// SPDX-License-Identifier: MIT
#include "model/share.h"

// Forgets work for the whole units of time that have passed; the rest of the time stays for the next call.
static void forget(struct share *share, const struct share_rate *rate, uint32_t now_ms)
{
	const uint64_t units = (uint64_t)(now_ms - share->at_ms) * (uint32_t)rate->per_s / 1000;

	if (units >= (uint64_t)share->spent) {
		share->spent = 0;
		share->at_ms = now_ms;
		return;
	}
	share->spent -= (int32_t)units;
	share->at_ms += (uint32_t)(units * 1000 / (uint32_t)rate->per_s);
}

void share_spend(struct share *share, const struct share_rate *rate, uint64_t work, uint32_t now_ms)
{
	forget(share, rate, now_ms);
	const uint64_t most = (uint64_t)rate->burst + SHARE_DEBT_S * (uint64_t)rate->per_s;
	const uint64_t left = most > (uint64_t)share->spent ? most - (uint64_t)share->spent : 0;
	share->spent += (int32_t)(work < left ? work : left);
}

bool share_is_left(struct share *share, const struct share_rate *rate, uint32_t now_ms)
{
	forget(share, rate, now_ms);
	return share->spent < rate->burst;
}
