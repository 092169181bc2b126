// SPDX-License-Identifier: MIT
#include "decoders/watch/watch_head.h"

#include "util/simd.h"

#define LENGTH_DIGITS 4

static bool is_maker(char c)
{
	return text_is_digit(c) || (c >= 'A' && c <= 'Z');
}

// Returns the set of bytes that an ident cannot have: controls, * [ and ].
static uint32_t find_others(lanes bytes)
{
	return lanes_set(
		(lanes)((bytes - (uint8_t)' ' > (uint8_t)('~' - ' ')) | (bytes == (uint8_t)'*') |
			(bytes == (uint8_t)'[') | (bytes == (uint8_t)']')));
}

// Reads the groups after the ident: the length, or an index and the length. Four hex digits and a * after the first group
// make that an index.
static enum probe read_groups(struct text text, size_t at, struct watch_head *head)
{
	const size_t first = watch_head_count_hex(text, at, WATCH_HEAD_INDEX),
		     second = at + first + 1;
	uint64_t length;
	if (at + first == text.len)
		return PROBE_MORE;
	if (first == 0 || text.data[at + first] != '*')
		return PROBE_NO;
	const size_t digits = watch_head_count_hex(text, second, LENGTH_DIGITS);
	const size_t end = second + digits;
	if (end >= text.len)
		return PROBE_MORE;
	const bool has_index = digits == LENGTH_DIGITS && text.data[end] == '*';
	if (!has_index && first != LENGTH_DIGITS)
		return PROBE_NO;
	head->index = (struct text){text.data + at, has_index ? first : 0};
	head->start = has_index ? end + 1 : second;
	if (!text_hex((struct text){text.data + (has_index ? second : at), LENGTH_DIGITS}, &length))
		return PROBE_NO;
	head->length = (size_t)length;
	return PROBE_YES;
}

enum probe watch_head_read(const uint8_t *data, size_t len, struct watch_head *head)
{
	const struct text text = {(const char *)data, len};
	size_t at = 4;
	for (size_t i = 0; i < at && i < len; i++)
		if (i == 0       ? text.data[i] != '['
			: i == 3 ? text.data[i] != '*'
				 : !is_maker(text.data[i]))
			return PROBE_NO;
	for (uint32_t others = 0; !others && at < len && at <= 4 + WATCH_HEAD_IDENT;) {
		others = find_others(lanes_load_until(text.data + at, text.data + len));
		at += others ? (size_t)__builtin_ctz(others) : sizeof(lanes);
	}
	if (at > 4 + WATCH_HEAD_IDENT)
		return PROBE_NO;
	if (at >= len)
		return PROBE_MORE;
	if (text.data[at] != '*')
		return PROBE_NO;
	head->maker = (struct text){text.data + 1, 2};
	head->ident = (struct text){text.data + 4, at - 4};
	return read_groups(text, at + 1, head);
}

char *watch_head_write(char *out, const struct watch_head *head, struct text content)
{
	*out++ = '[';
	out = fields_put(out, head->maker.data, head->maker.len);
	*out++ = '*';
	out = fields_put(out, head->ident.data, head->ident.len);
	*out++ = '*';
	if (head->index.len > 0) {
		out = fields_put(out, head->index.data, head->index.len);
		*out++ = '*';
	}
	for (int shift = 12; shift >= 0; shift -= 4)
		*out++ = "0123456789ABCDEF"[content.len >> shift & 15];
	*out++ = '*';
	out = fields_put(out, content.data, content.len);
	*out++ = ']';
	return out;
}
