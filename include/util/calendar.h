// SPDX-License-Identifier: MIT
// Converts µs since 1970 to a date and time of day in UTC (Gregorian), and to text. Pure. text_make_time (util/text.h)
// converts back.
#ifndef AVLD_UTIL_CALENDAR_H
#define AVLD_UTIL_CALENDAR_H

#include <stdint.h>

struct calendar {
	int64_t year;
	int month, day; /* from 1 */
	int hour, minute, second, us;
};

// Correct for every int64_t, including times before 1970.
struct calendar calendar_of(int64_t time_us);

#define CALENDAR_TEXT_MAX 40 /* bytes of the longest text below, with its NUL */

// Writes "2026-11-22T10:15:00.000Z" with 3 or 6 decimals, cut off, or 0: without a point. out must have room for CALENDAR_TEXT_MAX bytes.
// Returns out.
char *calendar_text(int64_t time_us, unsigned decimals, char *out);

#endif
