// SPDX-License-Identifier: MIT
#include "decoders/fields.h"

#include "util/json.h"
#include "util/simd.h"

#include <string.h>
#include <strings.h>

void fields_split_at(struct text text, char separator, struct fields *out)
{
	const char *start = text.data, *end = text.data + text.len;
	size_t count = 0;
	for (const char *at = start; at < end; at += sizeof(lanes)) {
		uint32_t found = lanes_either(
			lanes_load_until(at, end), (uint8_t)separator, (uint8_t)separator);
		for (; found && count < FIELDS_MOST - 1; found &= found - 1) {
			const char *mark = at + __builtin_ctz(found);
			out->at[count++] = (struct text){start, (size_t)(mark - start)};
			start = mark + 1;
		}
	}
	out->at[count++] = (struct text){start, (size_t)(end - start)};
	out->count = count;
}

void fields_split(struct text text, struct fields *out)
{
	fields_split_at(text, ',', out);
}

bool fields_level(struct text text, int64_t *level)
{
	const bool negative = text.len > 0 && text.data[0] == '-';
	const char *at = text.data + negative, *end = text.data + text.len;
	int64_t magnitude = 0;
	if (at == end || end - at > 3)
		return false;
	for (; at < end; at++) {
		if (!text_is_digit(*at))
			return false;
		magnitude = magnitude * 10 + (*at - '0');
	}
	*level = negative ? -magnitude : magnitude;
	return true;
}

bool fields_is_printable(struct text text, size_t most)
{
	if (text.len > most)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7E)
			return false;
	return true;
}

bool fields_is_word(struct text text, const char *word)
{
	size_t i = 0;
	for (; i < text.len && word[i]; i++) {
		const char c = text.data[i];
		if ((c >= 'a' && c <= 'z' ? c - 0x20 : c) != word[i])
			return false;
	}
	return i == text.len && !word[i];
}

uint32_t fields_hash_word(struct text word)
{
	uint32_t hash = UINT32_C(2166136261);
	for (size_t i = 0; i < word.len; i++) {
		const char c = word.data[i];
		const uint8_t upper = (uint8_t)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
		hash = (hash ^ upper) * UINT32_C(16777619);
	}
	return hash;
}

bool fields_number(struct text text, int64_t *value, unsigned *decimals)
{
	size_t whole = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
	const size_t start = whole;
	while (whole < text.len && text_is_digit(text.data[whole]))
		whole++;
	const size_t left = text.len - whole;
	*decimals = left > 7 ? 6 : left > 1 ? (unsigned)left - 1 : 0;
	return whole - start <= 12 && text_fixed(text, *decimals, value);
}

void fields_add_number(
	struct decoded *out, struct report *report, const char *name, struct text text)
{
	int64_t value;
	unsigned decimals;
	if (fields_number(text, &value, &decimals))
		extra_fixed(out, report, name, value, decimals);
}

bool fields_write_name(struct text name, char out[FIELDS_NAME_ROOM])
{
	if (name.len == 0 || name.len > FIELDS_NAME_MOST)
		return false;
	struct json json = json_of(out, FIELDS_NAME_ROOM - 1);
	json_text(&json, name.data, name.len);
	const size_t len = (size_t)(json.at - out) - 2;
	memmove(out, out + 1, len);
	out[len] = 0;
	return len > 0;
}

bool fields_add_alarm(struct report *report, struct text name)
{
	for (int i = 0; i < ALARM_COUNT; i++) {
		const char *known = report_alarm_name((enum alarm)i);
		if (strlen(known) != name.len || strncasecmp(name.data, known, name.len) != 0)
			continue;
		report_add_alarm(report, (enum alarm)i);
		return true;
	}
	return false;
}

void fields_set_knots(struct report *report, struct text text)
{
	struct scan scan = text_scan(text);
	uint64_t e6;
	if (scan_fixed(&scan, 6, &e6) && scan.at == scan.end && e6 < UINT64_C(1000000000))
		report_set_speed(report, (int64_t)((e6 * 1852 + 5000000) / 10000000));
}

void fields_set_course(struct report *report, struct text text)
{
	int64_t e2;
	if (text_fixed(text, 2, &e2))
		report_set_course(report, e2);
}

enum fields_angle fields_read_angle(struct text text, unsigned most, int64_t *e7)
{
	text = fields_trim(text);
	if (text.len == 0)
		return FIELDS_ANGLE_EMPTY;
	if (text.data[0] == '-')
		text.data++, text.len--;
	size_t dash = text.len;
	while (dash > 0 && text.data[dash - 1] != '-')
		dash--;
	struct text before = {text.data, dash ? dash - 1 : 0};
	struct scan scan = {text.data + dash, text.data + text.len};
	const char *start = scan.at;
	uint64_t whole = 0, micro = 0, degrees = 0;
	while (scan_is_digit(&scan) && scan.at - start < 10)
		whole = whole * 10 + (uint64_t)(*scan.at++ - '0');
	size_t digits = (size_t)(scan.at - start);
	if (scan_is(&scan, '.')) {
		unsigned next;
		const char *point = scan.at++;
		micro = scan_fraction(&scan, 6, &next);
		if (digits == 0 && scan.at == point + 1)
			return FIELDS_ANGLE_ODD;
	} else {
		micro = whole % 10000 * 100;
		whole /= 10000;
		if (digits == 0)
			return FIELDS_ANGLE_ODD;
		digits = digits > 4 ? digits - 4 : 0;
	}
	if (scan.at != scan.end || digits > (dash ? 2 : 5))
		return FIELDS_ANGLE_ODD;
	if (!dash) {
		degrees = whole / 100;
		whole %= 100;
	} else if (before.len > 3 || (before.len > 0 && !text_uint(before, &degrees))) {
		return FIELDS_ANGLE_ODD;
	}
	micro += whole * 1000000;
	*e7 = (int64_t)(degrees * 10000000 + (micro + 3) / 6);
	return micro >= 60000000 || *e7 > (int64_t)most * 10000000 ? FIELDS_ANGLE_RANGE
								   : FIELDS_ANGLE_OK;
}
