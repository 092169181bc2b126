// SPDX-License-Identifier: MIT
#include "intake/conversation_share.h"

#include "util/clock.h"

// A device may cost as much as 11 hours of reports every 10 s at once, and 100 reports a second. A stranger gets enough for a
// log-in and its first reports; so does a device that is new, so that inventing one gains nothing.
static const struct share_rate of_device = {.burst = 4096, .per_s = 100},
			       of_stranger = {.burst = 32, .per_s = 4};
#define SHARE_BYTES 1024 /* received, that count as one report */

void conversation_share_begin(struct device *device)
{
	share_spend(&device->share, &of_device, (uint64_t)(of_device.burst - of_stranger.burst),
		clock_coarse_ms());
}

bool conversation_share_is_left(struct conversation *c, uint32_t now_ms)
{
	if (conversation_is_established(c))
		return share_is_left(&c->device->share, &of_device, now_ms);
	return share_is_left(&c->share, &of_stranger, now_ms);
}

// Until avld.devices has been read all devices seem to be new.
void conversation_share_begin_probation(
	const struct intake *intake, struct conversation *c, const struct device *device)
{
	if (device->state == DEVICE_UNKNOWN && device_directory_loaded(intake->directory))
		c->probation = PROBATION_BEGINS;
}

void conversation_share_charge(const struct intake *intake, struct conversation *c,
	const struct intake_counters *before, size_t bytes)
{
	const struct intake_counters *after = &intake->counters;
	const uint64_t frames = after->frames - before->frames + after->fillers - before->fillers;
	const uint64_t entries =
		after->reports - before->reports + after->rejects - before->rejects;
	const uint64_t work = (frames > entries ? frames : entries) + bytes / SHARE_BYTES;

	if (conversation_is_established(c))
		share_spend(&c->device->share, &of_device, work, clock_coarse_ms());
	else
		share_spend(&c->share, &of_stranger, work, clock_coarse_ms());
	if (c->probation == PROBATION_BEGINS)
		c->probation = PROBATION_HEARD;
	else if (c->probation == PROBATION_HEARD && frames && clock_coarse_s() != c->active_s)
		c->probation = PROBATION_NONE;
}
