// SPDX-License-Identifier: MIT
#include "util/scan.h"

bool scan_long_fixed(struct scan *scan, unsigned places, uint64_t *value)
{
	uint64_t whole = 0, fraction = 0;
	unsigned next = 0;
	bool digits = scan_is_digit(scan);
	if (digits && !scan_uint(scan, 15, &whole))
		return false;
	if (scan_is(scan, '.')) {
		scan->at++;
		digits |= scan_is_digit(scan);
		fraction = scan_fraction(scan, places, &next);
	}
	if (!digits || __builtin_mul_overflow(whole, scan_power(places), &whole))
		return false;
	return !__builtin_add_overflow(whole, fraction + (next >= 5), value) && *value <= INT64_MAX;
}
