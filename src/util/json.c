// SPDX-License-Identifier: MIT
#include "util/json.h"

#include "util/hex.h"
#include "util/simd.h"

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

size_t json_plain_len(const void *data, size_t len)
{
	const char *at = data, *end = at + len;

	for (; at < end; at += sizeof(lanes)) {
		const lanes each = lanes_load_until(at, end);
		const uint32_t others =
			lanes_set((lanes)((each - 0x20 >= 0x60) | (each == '"') | (each == '\\')));
		if (others) {
			const size_t plain =
				(size_t)(at - (const char *)data) + (size_t)__builtin_ctz(others);
			return plain < len ? plain : len; // the zeros after the end count as others
		}
	}
	return len;
}

void json_text(struct json *json, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	json_raw(json, "\"", 1);
	for (size_t i = 0; i < len && !json->full;) {
		const size_t plain = json_plain_len(bytes + i, len - i);
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
