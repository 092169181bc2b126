// SPDX-License-Identifier: MIT
#include "util/scan.h"

// Parses up to seven digits, a point and up to eight, "52.2296756". `at` NULL: the number has another shape.
static struct scan_number read_degrees(struct scan scan, unsigned places)
{
	const struct scan_number other = {NULL, 0};
	uint64_t whole, fraction;
	const unsigned before = scan_run(&scan, &whole);
	if (before - 1 > 6 || !scan_is(&scan, '.'))
		return other;
	scan.at++;
	const unsigned after = scan_run(&scan, &fraction);
	if (after > places || before + places > 18 || scan_is_digit(&scan))
		return other;
	return (struct scan_number){
		scan.at, whole * scan_power(places) + fraction * scan_power(places - after)};
}

struct scan_number scan_long_fixed(struct scan scan, unsigned places)
{
	const struct scan_number malformed = {NULL, 0}, usual = read_degrees(scan, places);
	uint64_t whole = 0, fraction = 0, value;
	unsigned next = 0;
	if (usual.at)
		return usual;
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
