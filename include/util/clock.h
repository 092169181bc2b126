// SPDX-License-Identifier: MIT
// The system's clocks, each in the unit its users count in.
#ifndef AVLD_UTIL_CLOCK_H
#define AVLD_UTIL_CLOCK_H

#include <stdint.h>

// Returns µs since 1970, UTC. Jumps when the clock is set.
int64_t clock_utc_us(void);

// Returns µs since some fixed moment. Never goes back; for measuring and for time-outs.
int64_t clock_monotonic_us(void);

// The same in seconds and milliseconds, coarse (a few ms) and cheap. They wrap around: compare differences.
uint32_t clock_coarse_s(void);
uint32_t clock_coarse_ms(void);

#endif
