// SPDX-License-Identifier: MIT
#include "util/scan.h"

struct scan_number scan_long_fraction(
	struct scan scan, unsigned places, uint64_t whole, unsigned digits)
{
	struct scan rest = {scan.at + digits + 1, scan.end};
	uint64_t fraction;
	// The usual case, "52.2296756".
	const unsigned count = scan_run(&rest, &fraction);
	if (count <= places && digits + places <= 18 && !scan_is_digit(&rest))
		return (struct scan_number){rest.at,
			whole * scan_power(places) + fraction * scan_power(places - count)};
	return scan_long_fixed(scan, places);
}

struct scan_number scan_long_fixed(struct scan scan, unsigned places)
{
	const struct scan_number malformed = {NULL, 0};
	uint64_t whole = 0, fraction = 0, value;
	unsigned next = 0;
	bool digits = scan_is_digit(&scan);
	if (digits && !scan_uint(&scan, 15, &whole))
		return malformed;
	if (scan_is(&scan, '.')) {
		scan.at++;
		digits |= scan_is_digit(&scan);
		fraction = scan_fraction(&scan, places, &next);
	}
	if (!digits || __builtin_mul_overflow(whole, scan_power(places), &whole))
		return malformed;
	if (__builtin_add_overflow(whole, fraction + (next >= 5), &value) || value > INT64_MAX)
		return malformed;
	return (struct scan_number){scan.at, value};
}
