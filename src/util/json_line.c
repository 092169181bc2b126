// SPDX-License-Identifier: MIT
#include "util/json_line.h"

#include "util/calendar.h"
#include "util/hex.h"

#include <inttypes.h>
#include <string.h>

void json_line_name(struct json_line *json, const char *name)
{
	fprintf(json->to, "%c\"%s\":", json->begun ? ',' : '{', name);
	json->begun = true;
}

void json_line_text(struct json_line *json, const char *name, struct text text)
{
	json_line_name(json, name);
	fputc('"', json->to);
	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = (unsigned char)text.data[i];
		if (c == '"' || c == '\\')
			fprintf(json->to, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(json->to, "\\u%04x", c);
		else
			fputc(c, json->to);
	}
	fputc('"', json->to);
}

void json_line_string(struct json_line *json, const char *name, const char *string)
{
	json_line_text(json, name, (struct text){string, strlen(string)});
}

void json_line_int(struct json_line *json, const char *name, int64_t value)
{
	json_line_name(json, name);
	fprintf(json->to, "%" PRId64, value);
}

void json_line_uint(struct json_line *json, const char *name, uint64_t value)
{
	json_line_name(json, name);
	fprintf(json->to, "%" PRIu64, value);
}

void json_line_fixed(struct json_line *json, const char *name, int64_t value, unsigned decimals)
{
	int64_t unit = 1;
	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	const int64_t size = value < 0 ? -value : value;
	json_line_name(json, name);
	fprintf(json->to, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", size / unit,
		(int)decimals, size % unit);
}

void json_line_bool(struct json_line *json, const char *name, bool value)
{
	json_line_name(json, name);
	fputs(value ? "true" : "false", json->to);
}

void json_line_hex(struct json_line *json, const char *name, const void *data, size_t len)
{
	char digits[512];
	json_line_name(json, name);
	fputc('"', json->to);
	for (size_t at = 0; at < len; at += sizeof(digits) / 2) {
		const size_t left = len - at;
		const size_t n = left < sizeof(digits) / 2 ? left : sizeof(digits) / 2;
		const char *end = hex_write(digits, (const uint8_t *)data + at, n);
		fwrite(digits, 1, (size_t)(end - digits), json->to);
	}
	fputc('"', json->to);
}

void json_line_time(struct json_line *json, const char *name, int64_t time_us)
{
	char text[CALENDAR_TEXT_MAX];
	json_line_string(json, name, calendar_text(time_us, 3, text));
}

void json_line_end(struct json_line *json)
{
	fputs(json->begun ? "}\n" : "{}\n", json->to);
	json->begun = false;
}

// Reads the character at the head of text, which begins with a byte from 80 on. Returns its length; 1 and U+FFFD if it is no
// UTF-8.
static size_t read_utf8(const unsigned char *text, uint32_t *c)
{
	const size_t len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	const bool is_lead = text[0] >= 0xc2 && text[0] <= 0xf4;
	size_t i = 1;

	*c = text[0] & (0x7fU >> len);
	for (; i < len && (text[i] & 0xc0) == 0x80; i++) // ends at the NUL, too
		*c = *c << 6 | (text[i] & 0x3f);
	if (is_lead && i == len)
		return len;
	*c = 0xfffd;
	return 1;
}

void json_line_ascii(FILE *to, const char *json)
{
	const unsigned char *at = (const unsigned char *)json;
	uint32_t c;

	while (*at) {
		if (*at < 0x7f) {
			fputc(*at++, to);
			continue;
		}
		if (*at == 0x7f) { // DEL
			fputs("\\u007f", to);
			at++;
			continue;
		}
		at += read_utf8(at, &c);
		if (c >= 0x10000)
			fprintf(to, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10 & 0x3ff),
				0xdc00 + (c & 0x3ff));
		else
			fprintf(to, "\\u%04x", c);
	}
}
