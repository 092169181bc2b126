// SPDX-License-Identifier: MIT
#include "util/json.h"

#include "util/hex.h"

#include <assert.h>

// Written from the last digit to the first. Not by printf, which takes most of the time to decode a frame of many members.
void json_fixed(struct json *json, int64_t value, unsigned decimals)
{
	char text[24];
	char *const end = text + sizeof text;
	char *at = end;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	assert(decimals < 20);
	// At least one digit before the point: 0.05 has the digits 005.
	for (unsigned count = 0; rest > 0 || count <= decimals; count++) {
		if (count == decimals && decimals > 0)
			*--at = '.';
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	}
	if (value < 0)
		*--at = '-';
	json_raw(json, at, (size_t)(end - at));
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

void json_text(struct json *json, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	json_raw(json, "\"", 1);
	for (size_t i = 0; i < len && !json->full;) {
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
