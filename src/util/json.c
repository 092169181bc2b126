// SPDX-License-Identifier: MIT
#include "util/json.h"

#include "util/hex.h"
#include "util/scan.h"

#include <assert.h>

static unsigned count_digits(uint64_t value)
{
	unsigned count = 1;

	while (count < 19 && value >= scan_power(count))
		count++;
	return count;
}

// In place, from the last digit to the first, two per step. Not by printf, which takes most of the time to decode a frame of
// many members.
void json_fixed(struct json *json, int64_t value, unsigned decimals)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	unsigned digits = count_digits(rest);

	assert(decimals < 20);
	if (digits <= decimals)
		digits = decimals + 1; // at least one before the point: 0.05 has the digits 005
	const size_t len = digits + (decimals > 0) + (value < 0);
	if (json->full || len > (size_t)(json->end - json->at)) {
		json->full = true;
		return;
	}
	char *at = json->at += len;
	for (unsigned i = 0; i < decimals; i++, rest /= 10)
		*--at = (char)('0' + rest % 10);
	if (decimals > 0)
		*--at = '.';
	for (digits -= decimals; digits >= 2; digits -= 2, rest /= 100) {
		const unsigned pair = (unsigned)(rest % 100);
		*--at = (char)('0' + pair % 10);
		*--at = (char)('0' + pair / 10);
	}
	if (digits > 0)
		*--at = (char)('0' + rest);
	if (value < 0)
		*--at = '-';
}

// Returns the length of the UTF-8 character at the head of data; 0 if it is not well-formed: an overlong form, a
// surrogate or a value beyond U+10FFFF (Unicode, table 3-7).
static size_t utf8_len(const uint8_t *data, size_t len)
{
	uint8_t lead = data[0], least = 0x80, most = 0xBF;
	size_t want = lead < 0x80   ? 1
		      : lead < 0xC2 ? 0
		      : lead < 0xE0 ? 2
		      : lead < 0xF0 ? 3
		      : lead < 0xF5 ? 4
				    : 0;
	if (want < 2)
		return want;
	if (len < want)
		return 0;
	if (lead == 0xE0)
		least = 0xA0;
	else if (lead == 0xED)
		most = 0x9F;
	else if (lead == 0xF0)
		least = 0x90;
	else if (lead == 0xF4)
		most = 0x8F;
	if (data[1] < least || data[1] > most)
		return 0;
	for (size_t i = 2; i < want; i++) {
		if ((data[i] & 0xC0) != 0x80)
			return 0;
	}
	return want;
}

static void put_ascii(struct json *json, char c)
{
	if (c == '"' || c == '\\') {
		json_raw(json, (const char[2]){'\\', c}, 2);
	} else if (c >= 0x20) {
		json_raw(json, &c, 1);
	} else if (c != 0) { // jsonb has no NUL
		const char escape[6] = {
			'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
		json_raw(json, escape, sizeof escape);
	}
}

// Returns how many bytes at the head of data are written as they are: ASCII that needs no escape.
static size_t plain_len(const uint8_t *data, size_t len)
{
	size_t i = 0;

	while (i < len && data[i] >= 0x20 && data[i] < 0x80 && data[i] != '"' && data[i] != '\\')
		i++;
	return i;
}

void json_text(struct json *json, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	json_raw(json, "\"", 1);
	for (size_t i = 0; i < len && !json->full;) {
		const size_t plain = plain_len(bytes + i, len - i);
		if (plain > 0) {
			json_raw(json, (const char *)bytes + i, plain);
			i += plain;
			continue;
		}
		const size_t step = utf8_len(bytes + i, len - i);
		if (step == 1)
			put_ascii(json, (char)bytes[i]);
		else if (step > 1)
			json_raw(json, (const char *)bytes + i, step);
		else
			json_raw(json, "\xEF\xBF\xBD", 3);
		i += step ? step : 1;
	}
	json_raw(json, "\"", 1);
}

void json_hex(struct json *json, const void *data, size_t len)
{
	json_raw(json, "\"", 1);
	if (json->full || len > (size_t)(json->end - json->at) / 2)
		json->full = true;
	else
		json->at = hex_write(json->at, data, len);
	json_raw(json, "\"", 1);
}
