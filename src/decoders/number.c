// SPDX-License-Identifier: MIT
#include "decoders/number.h"

#include "decoders/fields.h"

#define EXPONENT_MOST 9999 /* larger ones count as this */
#define EXPONENT_JSON 40
#define NUMBER_JSON   40 /* bytes of a number in JSON */

static size_t count_digits(const char *at, const char *end)
{
	const char *start = at;
	while (at < end && text_is_digit(*at))
		at++;
	return (size_t)(at - start);
}

static bool is_sign(char c)
{
	return c == '+' || c == '-';
}

struct text number_of(struct text text)
{
	static const struct text none = {"", 0};
	text = fields_trim(text);
	const char *at = text.data, *end = text.data + text.len;
	if (at < end && is_sign(*at))
		at++;
	size_t digits = count_digits(at, end);
	if (digits == 0)
		return none;
	at += digits;
	if (at < end && *at == '.') {
		digits = count_digits(++at, end);
		if (digits == 0)
			return none;
		at += digits;
	}
	if (at == end)
		return text;
	if (*at != 'e' && *at != 'E')
		return none;
	at++;
	if (at < end && is_sign(*at))
		at++;
	digits = count_digits(at, end);
	return digits > 0 && at + digits == end ? text : none;
}

// The parts of a number: digits before and after the point, and the exponent.
struct parts {
	const char *whole, *fraction;
	size_t whole_len, fraction_len;
	int exponent;
	bool negative;
};

static struct parts split(struct text number)
{
	const char *at = number.data, *end = number.data + number.len;
	struct parts parts = {.negative = *at == '-'};
	if (is_sign(*at))
		at++;
	parts.whole = at;
	parts.whole_len = count_digits(at, end);
	at += parts.whole_len;
	if (at < end && *at == '.') {
		parts.fraction = ++at;
		parts.fraction_len = count_digits(at, end);
		at += parts.fraction_len;
	}
	if (at < end)
		at++; // the e
	const bool below = at < end && *at == '-';
	if (at < end && is_sign(*at))
		at++;
	for (; at < end; at++)
		if (parts.exponent < EXPONENT_MOST)
			parts.exponent = parts.exponent * 10 + (*at - '0');
	if (below)
		parts.exponent = -parts.exponent;
	return parts;
}

// Returns the digit at an index, 0 behind the last one.
static unsigned digit_at(const struct parts *parts, size_t index)
{
	if (index < parts->whole_len)
		return (unsigned)(parts->whole[index] - '0');
	index -= parts->whole_len;
	return index < parts->fraction_len ? (unsigned)(parts->fraction[index] - '0') : 0;
}

// Calculates digit by digit.
static int64_t scale(struct text number, unsigned places, bool cuts)
{
	const struct parts parts = split(number);
	const int64_t count = (int64_t)parts.whole_len + parts.exponent + places;
	int64_t sum = 0;
	for (int64_t i = 0; i < count; i++) {
		if (sum == 0 && i >= (int64_t)(parts.whole_len + parts.fraction_len))
			break;
		if (sum >= NUMBER_MOST / 10) // the next digit would reach it
			return parts.negative ? -NUMBER_MOST : NUMBER_MOST;
		sum = sum * 10 + digit_at(&parts, (size_t)i);
	}
	if (!cuts && count >= 0 && digit_at(&parts, (size_t)count) >= 5)
		sum++;
	return parts.negative ? -sum : sum;
}

int64_t number_round(struct text number, unsigned places)
{
	int64_t value;
	// Fails if there is an exponent, or for very large ones.
	if (text_fixed(number, places, &value) && value < NUMBER_MOST && value > -NUMBER_MOST)
		return value;
	return scale(number, places, false);
}

bool number_read(struct text text, unsigned places, int64_t *value)
{
	// The usual case has no blanks, plus or exponent.
	if (text.len > 0 && (text_is_digit(text.data[0]) || text.data[0] == '-') &&
		text_is_digit(text.data[text.len - 1]) &&
		(text.data[0] != '-' || text_is_digit(text.data[text.len > 1])) &&
		text_fixed(text, places, value) && *value < NUMBER_MOST && -NUMBER_MOST < *value)
		return true;
	text = number_of(text);
	if (text.len == 0)
		return false;
	*value = scale(text, places, false);
	return true;
}

int64_t number_cut(struct text number, unsigned places)
{
	struct scan scan = text_scan(number);
	uint64_t whole;
	// The usual case, "1234.5" without its fraction.
	if (places == 0 && scan_uint(&scan, 15, &whole) &&
		(scan.at == scan.end ||
			(*scan.at == '.' &&
				fields_is_digits((struct text){scan.at + 1, scan_left(&scan) - 1},
					1, SIZE_MAX))))
		return (int64_t)whole;
	return scale(number, places, true);
}

bool number_whole(struct text number, int64_t *value)
{
	if (text_int(number, value))
		return true;
	const struct parts parts = split(number);
	const int64_t count = (int64_t)parts.whole_len + parts.exponent;
	for (size_t i = count > 0 ? (size_t)count : 0; i < parts.whole_len + parts.fraction_len;
		i++)
		if (digit_at(&parts, i) != 0)
			return false;
	*value = scale(number, 0, true);
	return true;
}

// Returns true for a number as JSON has it, without an exponent: -?digits[.digits] without zeros before it.
static bool is_json(struct text text)
{
	if (text.len > 0 && text.data[0] == '-')
		text = (struct text){text.data + 1, text.len - 1};
	if (text.len >= NUMBER_JSON || (text.len > 1 && text.data[0] == '0' && text.data[1] != '.'))
		return false;
	if (fields_is_digits(text, 1, NUMBER_JSON))
		return true;
	const size_t whole = count_digits(text.data, text.data + text.len);
	return whole > 0 && whole < text.len && text.data[whole] == '.' &&
	       fields_is_digits(
		       (struct text){text.data + whole + 1, text.len - whole - 1}, 1, NUMBER_JSON);
}

// Writes a number as JSON has it: without a plus and zeros before it. Returns it; empty if the text is no number, or so long,
// or its exponent so large, that a database might not store it.
static struct text write_json(struct text text, char out[NUMBER_JSON])
{
	static const struct text none = {"", 0};
	if (is_json(text)) // the usual case
		return text;
	const struct text number = number_of(text);
	if (number.len == 0 || number.len > NUMBER_JSON)
		return none;
	const struct parts parts = split(number);
	const char *start = parts.whole, *end = number.data + number.len;
	char *at = out;
	if (parts.exponent > EXPONENT_JSON || parts.exponent < -EXPONENT_JSON)
		return none;
	while (*start == '0' && start + 1 < end && text_is_digit(start[1]))
		start++;
	if (parts.negative)
		*at++ = '-';
	at = fields_put(at, start, (size_t)(end - start));
	return (struct text){out, (size_t)(at - out)};
}

void number_add(struct decoded *out, struct report *report, const char *name, struct text value)
{
	char buffer[NUMBER_JSON];
	const struct text json = write_json(value, buffer);
	if (json.len > 0)
		extra_raw(out, report, name, json);
	else if (fields_is_word(value, "TRUE"))
		extra_bool(out, report, name, true);
	else if (fields_is_word(value, "FALSE"))
		extra_bool(out, report, name, false);
	else
		extra_text(out, report, name, value.data, value.len);
}
