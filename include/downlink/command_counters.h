// SPDX-License-Identifier: MIT
// What has become of commands since the start.
#ifndef AVLD_DOWNLINK_COMMAND_COUNTERS_H
#define AVLD_DOWNLINK_COMMAND_COUNTERS_H

#include <stdint.h>

struct command_counters {
	uint64_t sent, confirmed, failed, expired;
};

#endif
