// SPDX-License-Identifier: MIT
#include "cli/pace.h"

#include <stdbool.h>

#define SLEEP_S    0.001
#define BUSY_RATE  2000.     /* frames per second */
#define BUSY_BYTES (1 << 20) /* pending */
#define MEASURE_S  0.1       /* the rate is measured over this time or longer */

void pace_choose(struct pace *pace, struct ev_loop *loop, uint64_t frames, uint64_t pending)
{
	const double now = ev_now(loop), passed = now - pace->time_s;

	if (passed >= 0. && passed < MEASURE_S)
		return;
	const bool busy =
		(double)(frames - pace->frames) >= BUSY_RATE * passed || pending >= BUSY_BYTES;
	ev_set_io_collect_interval(loop, busy ? SLEEP_S : 0.);
	pace->frames = frames;
	pace->time_s = now;
}
