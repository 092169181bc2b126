// SPDX-License-Identifier: MIT
// Values of settings: flags, numbers with units.
#include "config/setting_value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// Names for the same factor are neighbours; the first one is used for output.
struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit sizes[] = {
	{"T", INT64_C(1) << 40},
	{"TiB", INT64_C(1) << 40},
	{"G", 1 << 30},
	{"GiB", 1 << 30},
	{"M", 1 << 20},
	{"MiB", 1 << 20},
	{"K", 1 << 10},
	{"KiB", 1 << 10},
	{"", 1},
	{"B", 1},
	{NULL, 0},
};

static const struct unit durations[] = {
	{"d", INT64_C(86400000000)},
	{"h", INT64_C(3600000000)},
	{"min", 60000000},
	{"m", 60000000},
	{"s", 1000000},
	{"", 1000000},
	{"ms", 1000},
	{"us", 1},
	{NULL, 0},
};

bool setting_value_read_bool(const char *text, bool *out)
{
	static const char *const words[][2] = {
		{"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int flag = 0; flag < 2; flag++) {
			if (!strcasecmp(text, words[i][flag])) {
				*out = flag;
				return true;
			}
		}
	}
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// Reads the digits at *text and moves *text past them. Returns INT64_MAX if the number does not fit.
static int64_t read_digits(const char **text)
{
	int64_t value = 0;
	for (; is_digit(**text); (*text)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, **text - '0', &value))
			value = INT64_MAX; // the next digit will not fit either
	return value;
}

bool setting_value_read_integer(const char *text, int64_t *out)
{
	bool minus = *text == '-';
	text += minus;
	if (!is_digit(*text))
		return false;
	int64_t value = read_digits(&text);
	if (*text)
		return false;
	if (minus)
		value = value == INT64_MAX ? INT64_MIN : -value;
	*out = value;
	return true;
}

// Reads the digits after a decimal point as a part of `factor`. At most six count: the unit of time is a microsecond.
static int64_t read_fraction(const char **text, int64_t factor)
{
	int64_t millionths = 0;
	int digits = 0;
	for (; is_digit(**text); (*text)++) {
		if (digits == 6)
			continue;
		millionths = millionths * 10 + (**text - '0');
		digits++;
	}
	for (; digits < 6; digits++)
		millionths *= 10;
	return factor * millionths / 1000000; // factor is at most 2^40: no overflow
}

static bool read_quantity(const char *text, const struct unit *units,
	int (*compare)(const char *, const char *), int64_t *out)
{
	if (!is_digit(*text))
		return false;
	int64_t value = read_digits(&text);
	const char *fraction = NULL;
	if (*text == '.') {
		fraction = ++text;
		text += strspn(text, "0123456789");
		if (text == fraction)
			return false;
	}
	text += strspn(text, " \t");
	while (units->name && compare(units->name, text))
		units++;
	if (!units->name)
		return false;
	int64_t part = fraction ? read_fraction(&fraction, units->factor) : 0;
	if (__builtin_mul_overflow(value, units->factor, &value) ||
		__builtin_add_overflow(value, part, &value))
		value = INT64_MAX;
	*out = value;
	return true;
}

bool setting_value_read_size(const char *text, int64_t *out)
{
	return read_quantity(text, sizes, strcasecmp, out);
}

bool setting_value_read_duration(const char *text, int64_t *out_us)
{
	return read_quantity(text, durations, strcmp, out_us); // M might be months
}

static const char *show_quantity(int64_t value, const struct unit *units, char *out)
{
	while (units[1].name && (value % units->factor || value < units->factor))
		units++;
	const char *name = value ? units->name : "";
	snprintf(out, VALUE_SHOW_MAX, "%lld%s", (long long)(value / units->factor), name);
	return out;
}

const char *setting_value_show_size(int64_t bytes, char *out)
{
	return show_quantity(bytes, sizes, out);
}

const char *setting_value_show_duration(int64_t us, char *out)
{
	return show_quantity(us, durations, out);
}

size_t setting_value_distance(const char *one, const char *other)
{
	size_t row[64];
	size_t one_len = strlen(one), other_len = strlen(other);
	if (one_len > 63 || other_len > 63)
		return SIZE_MAX;
	for (size_t j = 0; j <= other_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= one_len; i++) {
		size_t diagonal = row[0]; // of the row above
		row[0] = i;
		for (size_t j = 1; j <= other_len; j++) {
			size_t best = diagonal + (one[i - 1] != other[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[other_len];
}
