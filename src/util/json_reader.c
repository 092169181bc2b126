// SPDX-License-Identifier: MIT
#include "util/json_reader.h"

#include <assert.h>
#include <string.h>

#define NO_CHARACTER 0xFFFD

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

static bool skip(struct scan *scan, char c)
{
	const bool is = scan_is(scan, c);
	scan->at += is;
	return is;
}

// Checking --------------------------------------------------------------------

static bool check_escape(struct scan *scan)
{
	if (scan->at >= scan->end)
		return false;
	const char c = *scan->at++;
	if (c != 'u')
		return memchr("\"\\/bfnrt", c, 8) != NULL;
	for (int i = 0; i < 4; i++, scan->at++)
		if (scan->at >= scan->end || text_hex_digit(*scan->at) < 0)
			return false;
	return true;
}

static bool check_string(struct scan *scan)
{
	if (!skip(scan, '"'))
		return false;
	while (scan->at < scan->end) {
		const char c = *scan->at++;
		if (c == '"')
			return true;
		if ((uint8_t)c < ' ' || (c == '\\' && !check_escape(scan)))
			return false;
	}
	return false;
}

static bool skip_digits(struct scan *scan)
{
	const char *start = scan->at;
	while (scan_is_digit(scan))
		scan->at++;
	return scan->at > start;
}

static bool check_number(struct scan *scan)
{
	skip(scan, '-');
	if (!skip(scan, '0') && !skip_digits(scan))
		return false;
	if (skip(scan, '.') && !skip_digits(scan))
		return false;
	if (!skip(scan, 'e') && !skip(scan, 'E'))
		return true;
	if (!skip(scan, '+'))
		skip(scan, '-');
	return skip_digits(scan);
}

static bool check_word(struct scan *scan, const char *word)
{
	const size_t len = strlen(word);
	if (scan_left(scan) < len || memcmp(scan->at, word, len) != 0)
		return false;
	scan->at += len;
	return true;
}

// Checks a value that is no object or array.
static bool check_plain(struct scan *scan)
{
	if (scan->at >= scan->end)
		return false;
	switch (*scan->at) {
	case '"':
		return check_string(scan);
	case 't':
		return check_word(scan, "true");
	case 'f':
		return check_word(scan, "false");
	case 'n':
		return check_word(scan, "null");
	default:
		return check_number(scan);
	}
}

static bool check_key(struct scan *scan)
{
	skip_blanks(scan);
	if (!check_string(scan))
		return false;
	skip_blanks(scan);
	return skip(scan, ':');
}

// The objects and arrays around the value at hand.
struct nesting {
	unsigned depth, most;
	uint32_t objects; /* bit n: the one at depth n is an object */
};

static bool enter(struct nesting *nesting, bool object)
{
	if (nesting->depth == nesting->most)
		return false;
	const uint32_t bit = UINT32_C(1) << nesting->depth++;
	nesting->objects = object ? nesting->objects | bit : nesting->objects & ~bit;
	return true;
}

static bool is_in_object(const struct nesting *nesting)
{
	return nesting->objects >> (nesting->depth - 1) & 1;
}

// Checks what follows a value, up to the next value or the end. *done: the outermost value is complete.
static bool check_after(struct scan *scan, struct nesting *nesting, bool *done)
{
	for (;; nesting->depth--) {
		*done = nesting->depth == 0;
		if (*done)
			return true;
		skip_blanks(scan);
		if (skip(scan, ','))
			return !is_in_object(nesting) || check_key(scan);
		if (!skip(scan, is_in_object(nesting) ? '}' : ']'))
			return false;
	}
}

// Checks the start of the value: all of a plain one, or a bracket. *complete: nothing of it is left.
static bool check_start(struct scan *scan, struct nesting *nesting, bool *complete)
{
	skip_blanks(scan);
	const bool object = scan_is(scan, '{');
	*complete = true;
	if (!object && !scan_is(scan, '['))
		return check_plain(scan);
	scan->at++;
	if (!enter(nesting, object))
		return false;
	skip_blanks(scan);
	*complete = scan_is(scan, object ? '}' : ']'); /* an empty one: check_after sees its end */
	return *complete || !object || check_key(scan);
}

bool json_reader_check(struct text text, unsigned depth, struct text *value)
{
	struct scan scan = text_scan(text);
	struct nesting nesting = {.most = depth};
	bool complete, done = false;
	assert(depth <= JSON_READER_DEPTH);
	skip_blanks(&scan);
	const char *start = scan.at;
	while (!done)
		if (!check_start(&scan, &nesting, &complete) ||
			(complete && !check_after(&scan, &nesting, &done)))
			return false;
	*value = (struct text){start, (size_t)(scan.at - start)};
	skip_blanks(&scan);
	return scan.at == scan.end;
}

// Reading ---------------------------------------------------------------------

enum json_kind json_reader_kind(struct text value)
{
	if (value.len == 0)
		return JSON_NONE;
	switch (value.data[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

struct text json_reader_open(struct text value)
{
	const enum json_kind kind = json_reader_kind(value);
	if (kind != JSON_OBJECT && kind != JSON_ARRAY)
		return (struct text){"", 0};
	return (struct text){value.data + 1, value.len - 2};
}

static void skip_string(struct scan *scan)
{
	for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++)
		if (*scan->at == '\\' && scan_left(scan) > 1)
			scan->at++;
	skip(scan, '"');
}

static void skip_brackets(struct scan *scan)
{
	size_t depth = 0;
	while (scan->at < scan->end) {
		const char c = *scan->at;
		if (c == '"') {
			skip_string(scan);
			continue;
		}
		scan->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return;
	}
}

// Moves a value off the head of a checked text.
static struct text cut_value(struct scan *scan)
{
	skip_blanks(scan);
	const char *start = scan->at;
	if (scan_is(scan, '"'))
		skip_string(scan);
	else if (scan_is(scan, '{') || scan_is(scan, '['))
		skip_brackets(scan);
	else
		while (scan->at < scan->end && !memchr(", \t\r\n}]:", *scan->at, 8))
			scan->at++;
	return (struct text){start, (size_t)(scan->at - start)};
}

static struct text after_comma(struct scan *scan)
{
	skip_blanks(scan);
	skip(scan, ',');
	return (struct text){scan->at, scan_left(scan)};
}

bool json_reader_next_member(struct text *rest, struct text *key, struct text *value)
{
	struct scan scan = text_scan(*rest);
	*key = cut_value(&scan);
	if (key->len == 0)
		return false;
	skip_blanks(&scan);
	skip(&scan, ':');
	*value = cut_value(&scan);
	*rest = after_comma(&scan);
	return true;
}

bool json_reader_next_element(struct text *rest, struct text *value)
{
	struct scan scan = text_scan(*rest);
	*value = cut_value(&scan);
	*rest = after_comma(&scan);
	return value->len > 0;
}

// Strings ---------------------------------------------------------------------

// Reads the four digits after \u.
static uint32_t read_unit(struct scan *scan)
{
	uint32_t unit = 0;
	for (int i = 0; i < 4 && scan->at < scan->end; i++)
		unit = unit << 4 | (uint32_t)text_hex_digit(*scan->at++);
	return unit;
}

static uint32_t read_character(struct scan *scan)
{
	const uint32_t high = read_unit(scan);
	if (high < 0xD800 || high > 0xDFFF)
		return high;
	if (high > 0xDBFF || scan_left(scan) < 6 || memcmp(scan->at, "\\u", 2) != 0)
		return NO_CHARACTER;
	struct scan next = {scan->at + 2, scan->end};
	const uint32_t low = read_unit(&next);
	if (low < 0xDC00 || low > 0xDFFF)
		return NO_CHARACTER;
	*scan = next;
	return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

// Writes the bytes of a character. Returns their number, at most 4.
static size_t write_utf8(char out[4], uint32_t c)
{
	const size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(marks[len] | c);
	return len;
}

static size_t read_escape(struct scan *scan, char out[4])
{
	static const char codes[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char c = *scan->at++;
	if (c == 'u')
		return write_utf8(out, read_character(scan));
	const char *code = memchr(codes, c, sizeof codes - 1);
	out[0] = code ? meanings[code - codes] : c;
	return 1;
}

struct text json_reader_string(struct text value, char *out, size_t cap)
{
	if (json_reader_kind(value) != JSON_STRING)
		return (struct text){"", 0};
	struct scan scan = {value.data + 1, value.data + value.len - 1};
	if (!memchr(scan.at, '\\', scan_left(&scan)))
		return (struct text){scan.at, scan_left(&scan)};
	size_t len = 0;
	while (scan.at < scan.end) {
		char bytes[4] = {*scan.at++};
		const size_t more =
			bytes[0] == '\\' && scan.at < scan.end ? read_escape(&scan, bytes) : 1;
		if (more > cap - len)
			break;
		memcpy(out + len, bytes, more);
		len += more;
	}
	return (struct text){out, len};
}
