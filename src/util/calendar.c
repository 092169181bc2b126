// SPDX-License-Identifier: MIT
#include "util/calendar.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_US  INT64_C(86400000000)
#define ERA     146097 /* days of 400 years */
#define TO_1970 719468 /* days from 1 March of the year 0 to 1 January 1970 */

// Rounds towards minus infinity, so that days before 1970 come out right.
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

// Days are counted in eras of 400 years that begin on 1 March, so that a leap day is the last of its year (the method
// of Howard Hinnant's civil_from_days).
struct calendar calendar_of(int64_t time_us)
{
	const int64_t days = floor_div(time_us, DAY_US);
	const int64_t rest = time_us % DAY_US, us = rest < 0 ? rest + DAY_US : rest;
	const int64_t era = floor_div(days + TO_1970, ERA);
	const int of_era = (int)(days + TO_1970 - era * ERA);
	const int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const int of_year = of_era - (365 * year + year / 4 - year / 100);
	const int month = (5 * of_year + 2) / 153; /* 0 is March */
	const int seconds = (int)(us / 1000000);

	return (struct calendar){
		.year = era * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
		.hour = seconds / 3600,
		.minute = seconds / 60 % 60,
		.second = seconds % 60,
		.us = (int)(us % 1000000),
	};
}

char *calendar_text(int64_t time_us, unsigned decimals, char *out)
{
	const struct calendar c = calendar_of(time_us);
	const int len = snprintf(out, CALENDAR_TEXT_MAX, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d",
		c.year, c.month, c.day, c.hour, c.minute, c.second);

	if (decimals == 0)
		snprintf(out + len, CALENDAR_TEXT_MAX - (size_t)len, "Z");
	else if (decimals == 6)
		snprintf(out + len, CALENDAR_TEXT_MAX - (size_t)len, ".%06dZ", c.us);
	else
		snprintf(out + len, CALENDAR_TEXT_MAX - (size_t)len, ".%03dZ", c.us / 1000);
	return out;
}
