// SPDX-License-Identifier: MIT
#include "cli/time_argument.h"

#include "config/setting_value.h"
#include "util/clock.h"
#include "util/text.h"

#include <string.h>

static bool digits_at(const char *text, size_t len, int *value)
{
	uint64_t number;
	if (strnlen(text, len) < len || !text_uint((struct text){text, len}, &number))
		return false;
	*value = (int)number;
	return true;
}

// Reads "Z", "+02:00", "-0530" or "" (UTC) as minutes east of UTC.
static bool read_zone(const char *text, int *minutes)
{
	int hour, minute;
	*minutes = 0;
	if (!strcmp(text, "") || !strcmp(text, "Z") || !strcmp(text, "z"))
		return true;
	if ((*text != '+' && *text != '-') || !digits_at(text + 1, 2, &hour))
		return false;
	const char *rest = text + 3 + (text[3] == ':');
	if (!digits_at(rest, 2, &minute) || rest[2] || hour > 23 || minute > 59)
		return false;
	*minutes = (*text == '-' ? -1 : 1) * (hour * 60 + minute);
	return true;
}

// Reads RFC 3339; the time of day, seconds, fraction and zone are optional.
static bool read_time(const char *text, int64_t *time_us)
{
	int year, month, day, hour = 0, minute = 0, second = 0, us = 0, zone;
	if (!digits_at(text, 4, &year) || text[4] != '-' || !digits_at(text + 5, 2, &month) ||
		text[7] != '-' || !digits_at(text + 8, 2, &day))
		return false;
	text += 10;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		if (!digits_at(text + 1, 2, &hour) || text[3] != ':' ||
			!digits_at(text + 4, 2, &minute))
			return false;
		text += 6;
		if (*text == ':') {
			if (!digits_at(text + 1, 2, &second))
				return false;
			text += 3;
		}
		if (*text == '.') {
			int unit = 100000;
			for (text++; text_is_digit(*text); text++, unit /= 10)
				us += (*text - '0') * unit;
		}
	}
	if (!read_zone(text, &zone) ||
		!text_make_time(year, month, day, hour, minute, second, us, time_us))
		return false;
	*time_us -= (int64_t)zone * 60 * 1000000;
	return true;
}

bool time_argument_read(const char *text, int64_t *time_us)
{
	int64_t ago_us;
	if (read_time(text, time_us))
		return true;
	if (!setting_value_read_duration(text, &ago_us) || ago_us < 0)
		return false;
	*time_us = clock_utc_us() - ago_us;
	return true;
}
