// SPDX-License-Identifier: MIT
// Reads the system's clocks.
#ifndef AVLD_UTIL_CLOCK_H
#define AVLD_UTIL_CLOCK_H

#include <stdint.h>

// Returns µs since 1970, UTC. Jumps when the clock is set.
int64_t clock_utc_us(void);

// Returns µs since an arbitrary fixed moment. Never goes back: for measurements and time-outs.
int64_t clock_monotonic_us(void);
// Returns the same in seconds.
static inline double clock_monotonic_s(void)
{
	return (double)clock_monotonic_us() / 1e6;
}

// Return the same in seconds and milliseconds, coarse (a few ms) and cheap. They wrap around: compare differences.
uint32_t clock_coarse_s(void);
uint32_t clock_coarse_ms(void);

#endif
