// SPDX-License-Identifier: MIT
// Numbers in the binary records that several simulated protocols write and read.
#ifndef AVLD_SIMULATE_SIMULATE_BYTES_H
#define AVLD_SIMULATE_SIMULATE_BYTES_H

#include <stdint.h>

// Appends the lowest bytes of a value, the highest first. Returns the byte after them.
static inline uint8_t *simulate_bytes_put(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		*out++ = (uint8_t)(value >> (8 * (i - 1)));
	return out;
}

#endif
