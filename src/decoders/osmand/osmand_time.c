// SPDX-License-Identifier: MIT
#include "decoders/osmand/osmand_time.h"

#define SECONDS_BELOW  INT64_C(2147483647)
#define TIME_DIGITS    15
#define TIME_BEFORE_US INT64_C(7258118400000000) /* the year 2200 */
#define SECOND_US      INT64_C(1000000)

// Parses exactly `count` digits.
static bool read_digits(struct scan *scan, unsigned count, int *value)
{
	*value = 0;
	for (; count > 0; count--) {
		if (!scan_is_digit(scan))
			return false;
		*value = *value * 10 + (*scan->at++ - '0');
	}
	return true;
}

static bool skip(struct scan *scan, char c)
{
	const bool is = scan_is(scan, c);
	scan->at += is;
	return is;
}

static bool read_epoch(struct text text, int64_t *time_us)
{
	struct scan scan = text_scan(text);
	uint64_t whole, fraction = 0;
	unsigned next;
	if (!scan_uint(&scan, TIME_DIGITS, &whole))
		return false;
	const bool seconds = whole < SECONDS_BELOW;
	if (skip(&scan, '.')) {
		if (!scan_is_digit(&scan))
			return false;
		fraction = scan_fraction(&scan, seconds ? 6 : 3, &next);
	}
	if (!seconds && whole > (uint64_t)TIME_BEFORE_US / 1000)
		return false;
	*time_us = (int64_t)(whole * (seconds ? 1000000 : 1000) + fraction);
	return scan.at == scan.end && *time_us > 0 && *time_us < TIME_BEFORE_US;
}

// Reads "Z", "+02:00", "-0330" or nothing: the time that a clock there is ahead of UTC.
static bool read_zone(struct scan *scan, int64_t *ahead_us)
{
	int hours, minutes;
	*ahead_us = 0;
	if (scan->at == scan->end || skip(scan, 'Z'))
		return true;
	const bool behind = scan_is(scan, '-');
	if (!behind && !scan_is(scan, '+'))
		return false;
	scan->at++;
	if (!read_digits(scan, 2, &hours))
		return false;
	skip(scan, ':');
	if (!read_digits(scan, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ahead_us = (hours * 60 + minutes) * 60 * SECOND_US;
	if (behind)
		*ahead_us = -*ahead_us;
	return true;
}

// Reads ":53.250", which may be missing if it is optional.
static bool read_second(struct scan *scan, bool optional, int *second, int *us)
{
	unsigned next;
	*second = *us = 0;
	if (!skip(scan, ':'))
		return optional;
	if (!read_digits(scan, 2, second))
		return false;
	if (!skip(scan, '.'))
		return true;
	if (!scan_is_digit(scan))
		return false;
	*us = (int)scan_fraction(scan, 6, &next);
	return true;
}

static bool read_calendar(struct text text, int64_t *time_us)
{
	struct scan scan = text_scan(text);
	int year, month, day, hour, minute, second, us;
	int64_t ahead_us = 0;
	if (!read_digits(&scan, 4, &year) || !skip(&scan, '-') || !read_digits(&scan, 2, &month) ||
		!skip(&scan, '-') || !read_digits(&scan, 2, &day))
		return false;
	const bool has_zone = skip(&scan, 'T');
	if ((!has_zone && !skip(&scan, ' ')) || !read_digits(&scan, 2, &hour) ||
		!skip(&scan, ':') || !read_digits(&scan, 2, &minute) ||
		!read_second(&scan, has_zone, &second, &us) ||
		(has_zone && !read_zone(&scan, &ahead_us)) || scan.at != scan.end ||
		!text_make_time(year, month, day, hour, minute, second, us, time_us))
		return false;
	*time_us -= ahead_us;
	return true;
}

bool osmand_time_read(struct text text, int64_t *time_us)
{
	return read_epoch(text, time_us) || read_calendar(text, time_us);
}
