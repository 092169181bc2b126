// SPDX-License-Identifier: MIT
// Times on the command line.
#ifndef AVLD_CLI_TIME_ARGUMENT_H
#define AVLD_CLI_TIME_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

// Reads RFC 3339, of which the time of day, seconds, fraction and zone (UTC) are optional, or a duration before now: 10m,
// 2h, 3d. Sets *time_us to µs since 1970.
bool time_argument_read(const char *text, int64_t *time_us);

#endif
