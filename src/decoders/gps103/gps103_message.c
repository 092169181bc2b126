// SPDX-License-Identifier: MIT
#include "decoders/gps103/gps103_message.h"

#define MINUTE_US      INT64_C(60000000)
#define DAY_MINUTES    1440
#define QUARTER        15 /* minutes */
#define ZONE_OFFSET    49 /* see GPS103_MEMO_ZONE */
#define PERCENT_DIGITS 6  /* after the point */

bool gps103_message_cut_percent(struct text *text)
{
	if (text->len == 0 || text->data[text->len - 1] != '%')
		return false;
	text->len--;
	return true;
}

void gps103_message_add_percent(
	const struct gps103_message *m, const char *name, struct text number)
{
	const char *point = number.len > 0 ? memchr(number.data, '.', number.len) : NULL;
	const size_t whole = point ? (size_t)(point - number.data) : number.len;
	const struct text fraction = {point ? point + 1 : NULL, point ? number.len - whole - 1 : 0};
	int64_t value, e6;
	unsigned decimals;
	if (!fields_is_digits((struct text){number.data, whole}, 1, 3) ||
		(point && !fields_is_digits(fraction, 1, PERCENT_DIGITS)) ||
		!text_fixed(number, PERCENT_DIGITS, &e6) || e6 > 100000000 ||
		!fields_number(number, &value, &decimals))
		return;
	extra_fixed(m->out, m->report, name, value, decimals);
}

bool gps103_message_add_marked_percent(
	const struct gps103_message *m, const char *name, struct text text)
{
	if (!gps103_message_cut_percent(&text))
		return false;
	gps103_message_add_percent(m, name, text);
	return true;
}

void gps103_message_add_unknown(const struct gps103_message *m, size_t at)
{
	const struct text more = fields_from(m->fields, at);
	for (size_t i = 0; i < more.len; i++) {
		if (more.data[i] == ',')
			continue;
		gps103_message_add_text(m, "unknown", more);
		return;
	}
}

// Parses the device's clock as if it were UTC.
static bool read_local(struct text text, int64_t *us)
{
	char digits[] = "000000000000";
	const size_t len = text.len == 14 ? 10 : text.len;
	int64_t date_us, clock_us;
	if (len != 10 && len != 12)
		return false;
	if (text.len == 14) {
		const char *at = text.data;
		if (at[2] != '/' || at[5] != '/' || at[8] != ' ' || at[11] != ':')
			return false;
		for (size_t i = 0; i < len; i += 2, at += 3)
			memcpy(digits + i, at, 2);
	} else {
		memcpy(digits, text.data, len);
	}
	if (!text_yymmdd((struct text){digits, 6}, &date_us) ||
		!text_hhmmss((struct text){digits + 6, 6}, &clock_us))
		return false;
	*us = date_us + clock_us;
	return true;
}

// The difference of the two clocks is their shorter distance on the dial; UTC's has the right seconds.
void gps103_message_set_gps_time(const struct gps103_message *m)
{
	const struct text local_text = gps103_message_get(m, GPS103_LOCAL);
	int64_t local_us, utc_us;
	if (!read_local(local_text, &local_us))
		return;
	if (!text_hhmmss(gps103_message_get(m, GPS103_UTC), &utc_us)) {
		report_set_time(m->report, local_us);
		gps103_message_add_text(m, "local_time", local_text);
		return;
	}
	const int64_t minute = local_us / MINUTE_US;
	int delta = (int)(minute % DAY_MINUTES - utc_us / MINUTE_US);
	if (delta <= -DAY_MINUTES / 2)
		delta += DAY_MINUTES;
	else if (delta > DAY_MINUTES / 2)
		delta -= DAY_MINUTES;
	report_set_time(m->report, (minute - delta) * MINUTE_US + utc_us % MINUTE_US);
	const int half = delta < 0 ? -(QUARTER / 2) : QUARTER / 2;
	m->session->memo[GPS103_MEMO_ZONE] = (uint8_t)((delta + half) / QUARTER + ZONE_OFFSET);
}

void gps103_message_set_local_time(const struct gps103_message *m)
{
	const struct text text = gps103_message_get(m, GPS103_LOCAL);
	const int zone = m->session->memo[GPS103_MEMO_ZONE];
	int64_t us;
	if (!read_local(text, &us))
		return;
	if (zone)
		report_set_time(m->report, us - (zone - ZONE_OFFSET) * QUARTER * MINUTE_US);
	else
		gps103_message_add_text(m, "local_time", text);
}
