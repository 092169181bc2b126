// SPDX-License-Identifier: MIT
// When each simulated report is due, and its device time.
//
// Device time is the real time while a device reports at most once a second. A faster device starts in the past: with a
// count, so that its last report has the time at which it is sent; without one, until it has caught up with the clock.
#ifndef AVLD_SIMULATE_SIMULATE_SCHEDULE_H
#define AVLD_SIMULATE_SIMULATE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_ENDLESS    UINT64_MAX
#define SCHEDULE_DEVICE_MAX (300 * 86400) /* reports per device: one a second for 300 days */

struct simulate_schedule {
	uint32_t devices;
	uint64_t count;      /* reports in all, or SCHEDULE_ENDLESS */
	uint64_t rate_milli; /* reports of all devices in 1000 seconds; 0: no limit */
	int64_t start_us;    /* start of the run: UTC, µs since 1970 */
	int64_t base_us;     /* device time of the first report */
	int64_t step_us;     /* between two reports of a device, at least 1 s */
	int64_t offset_us;   /* from one device to the next */
};

// Returns false if a device would have to send more than SCHEDULE_DEVICE_MAX reports.
bool simulate_schedule_make(struct simulate_schedule *schedule, uint32_t devices, uint64_t count,
	uint64_t rate_milli, int64_t now_us);
// Returns the number of reports due by now, of all devices together; devices take turns.
uint64_t simulate_schedule_due(const struct simulate_schedule *schedule, int64_t now_us);
// Returns how many of the first `due` reports are those of device `index` (0..).
uint64_t simulate_schedule_share(
	const struct simulate_schedule *schedule, uint64_t due, uint32_t index);
// Returns the device time of report `n` (0..) of that device.
int64_t simulate_schedule_time(
	const struct simulate_schedule *schedule, uint32_t index, uint64_t n);

#endif
