// SPDX-License-Identifier: MIT
// Parts of the text records that several simulated protocols write.
#ifndef AVLD_SIMULATE_SIMULATE_TEXT_H
#define AVLD_SIMULATE_SIMULATE_TEXT_H

#include <stdint.h>
#include <string.h>

// Appends a text without its NUL. Returns the byte after it.
static inline char *simulate_text_put(char *out, const char *text)
{
	const size_t len = strlen(text);
	memcpy(out, text, len);
	return out + len;
}

// Appends exactly width digits. Returns the byte after them.
static inline char *simulate_text_digits(char *out, uint32_t value, unsigned width)
{
	for (unsigned i = width; i > 0; i--, value /= 10)
		out[i - 1] = (char)('0' + value % 10);
	return out + width;
}

// Appends value / 10^decimals with exactly width bytes: 00123.4500. Returns the byte after them.
static inline char *simulate_text_fixed(
	char *out, uint32_t value, unsigned width, unsigned decimals)
{
	simulate_text_digits(out, value, width - 1);
	memmove(out + width - decimals, out + width - 1 - decimals, decimals);
	out[width - 1 - decimals] = '.';
	return out + width;
}

// Returns an angle without its sign in 0.0001 minutes.
static inline uint32_t simulate_text_minutes_e4(int32_t e7)
{
	const uint32_t magnitude = e7 < 0 ? (uint32_t)-e7 : (uint32_t)e7;
	return (uint32_t)(((uint64_t)magnitude * 60 + 500) / 1000);
}

// Appends degrees and minutes without a sign: "4807.0380" with 2 digits of degrees. Returns the byte after them.
static inline char *simulate_text_angle(char *out, int32_t e7, unsigned degree_digits)
{
	const uint32_t minutes_e4 = simulate_text_minutes_e4(e7);
	out = simulate_text_digits(out, minutes_e4 / 600000, degree_digits);
	return simulate_text_fixed(out, minutes_e4 % 600000, 7, 4);
}

#endif
