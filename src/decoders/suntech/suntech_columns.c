// SPDX-License-Identifier: MIT
#include "decoders/suntech/suntech_columns.h"

bool suntech_columns_is_clock(struct text text)
{
	if (text.len != 8)
		return false;
	for (size_t i = 0; i < 8; i++)
		if (i % 3 == 2 ? text.data[i] != ':' : !text_is_digit(text.data[i]))
			return false;
	return true;
}

// Returns true for a sign, one to three digits, a point and at least four decimals.
static bool is_coordinate(struct text text)
{
	if (text.len < 4 || (text.data[0] != '+' && text.data[0] != '-'))
		return false;
	size_t at = 1;
	while (at < text.len && at < 4 && text_is_digit(text.data[at]))
		at++;
	return at > 1 && at < text.len && text.data[at] == '.' &&
	       fields_is_digits((struct text){text.data + at + 1, text.len - at - 1}, 4, SIZE_MAX);
}

struct suntech_columns suntech_columns_find(const struct fields *fields, size_t start)
{
	struct suntech_columns found = {SUNTECH_NONE_FOUND, SUNTECH_NONE_FOUND};
	size_t end = fields->count;
	for (size_t i = start; i + 1 < fields->count; i++) {
		if (!is_coordinate(fields->at[i]) || !is_coordinate(fields->at[i + 1]))
			continue;
		found.lat = end = i;
		break;
	}
	for (size_t i = start; i + 1 < end; i++) {
		if (!suntech_columns_is_clock(fields->at[i + 1]) ||
			!fields_is_digits(fields->at[i], 8, 8))
			continue;
		found.date = i;
		break;
	}
	return found;
}

// Returns how many fields of the cell are between time and latitude.
static size_t count_cell(const struct suntech_head *head)
{
	return fields_is_word(head->family, "ST600")   ? 5
	       : fields_is_word(head->family, "ST500") ? 0
						       : 1;
}

struct suntech_columns suntech_columns_find_legacy(
	const struct fields *fields, const struct suntech_head *head)
{
	struct suntech_columns found = suntech_columns_find(fields, 2);
	if (found.lat != SUNTECH_NONE_FOUND || found.date == SUNTECH_NONE_FOUND)
		return found;
	const size_t lat = found.date + 2 + count_cell(head);
	if (lat + 5 < fields->count && fields->at[lat].len == 0 && fields->at[lat + 1].len == 0)
		found.lat = lat;
	return found;
}
