// SPDX-License-Identifier: MIT
//   real time      rate <= 1/s per device   device time = the time at which the report is due
//   fast, count    base ---- step ---- step ---- end = when the last report is sent
//   fast, endless  base = now - what a day's run gains on the clock, at most 300 days; device time then stops at the
//                  clock
#include "simulate/simulate_schedule.h"

#define SECOND_US   INT64_C(1000000)
#define DAY_US      (86400 * SECOND_US)
#define BACK_MAX_US (300 * DAY_US)
#define STEP_MAX    10          /* seconds */
#define SPAN_S      (12 * 3600) /* steps shrink, down to 1 s, so that a run spans no more */
#define STAGGERED   1000        /* devices do not all report in the same millisecond */

static int64_t count_us(const struct simulate_schedule *s, uint64_t reports)
{
	return (int64_t)((double)reports * 1e9 / (double)s->rate_milli);
}

static bool is_fast(const struct simulate_schedule *s)
{
	return s->rate_milli == 0 || s->rate_milli > (uint64_t)s->devices * 1000;
}

static bool plan_counted(struct simulate_schedule *s)
{
	uint64_t each = (s->count + s->devices - 1) / s->devices;
	if (each > SCHEDULE_DEVICE_MAX)
		return false;
	uint64_t step = each == 0 ? 1 : SPAN_S / each;
	s->step_us = SECOND_US * (int64_t)(step < 1 ? 1 : step > STEP_MAX ? STEP_MAX : step);
	int64_t end = s->start_us + (s->rate_milli ? count_us(s, s->count) : 0);
	s->base_us = end - s->step_us * (int64_t)(each == 0 ? 0 : each - 1);
	return true;
}

static void plan_endless(struct simulate_schedule *s)
{
	double gain = (double)s->rate_milli / 1000 / s->devices - 1; /* seconds per second */
	int64_t back = BACK_MAX_US;
	if (s->rate_milli && gain < 300)
		back = (int64_t)(gain * (double)DAY_US);
	s->step_us = SECOND_US;
	s->base_us = s->start_us - back;
}

bool simulate_schedule_make(struct simulate_schedule *s, uint32_t devices, uint64_t count,
	uint64_t rate_milli, int64_t now_us)
{
	*s = (struct simulate_schedule){
		.devices = devices, .count = count, .rate_milli = rate_milli, .start_us = now_us};
	if (!is_fast(s)) {
		s->base_us = now_us;
		s->step_us = count_us(s, devices);
		s->offset_us = count_us(s, 1);
		return true;
	}
	s->offset_us = -SECOND_US / STAGGERED;
	if (count != SCHEDULE_ENDLESS)
		return plan_counted(s);
	plan_endless(s);
	return true;
}

uint64_t simulate_schedule_due(const struct simulate_schedule *s, int64_t now_us)
{
	uint64_t due = s->count;
	if (s->rate_milli) {
		double elapsed_s = (double)(now_us - s->start_us) / 1e6;
		uint64_t by_rate = (uint64_t)(elapsed_s * (double)s->rate_milli / 1000) + 1;
		due = by_rate < due ? by_rate : due;
	}
	if (is_fast(s) && s->count == SCHEDULE_ENDLESS) {
		uint64_t by_clock =
			((uint64_t)((now_us - s->base_us) / s->step_us) + 1) * s->devices;
		due = by_clock < due ? by_clock : due;
	}
	return due;
}

uint64_t simulate_schedule_share(const struct simulate_schedule *s, uint64_t due, uint32_t index)
{
	return due / s->devices + (index < due % s->devices);
}

int64_t simulate_schedule_time(const struct simulate_schedule *s, uint32_t index, uint64_t n)
{
	int64_t offset = is_fast(s) ? (int64_t)(index % STAGGERED) : (int64_t)index;
	return s->base_us + offset * s->offset_us + (int64_t)n * s->step_us;
}
