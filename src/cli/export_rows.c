// SPDX-License-Identifier: MIT
#include "cli/export_rows.h"

#include "util/text.h"

#include <stdio.h>
#include <string.h>

static bool is_safe(char c)
{
	return text_is_alnum(c) || c == '-' || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

bool export_rows_name(char name[EXPORT_NAME_MAX], const char *table, const char *day,
	const char *ident, enum export_format format, bool plain)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *end = format == EXPORT_CSV ? ".csv" : ".geojson";
	size_t at =
		(size_t)snprintf(name, EXPORT_NAME_MAX, "%s-%s%s", table, day, ident ? "-" : "");

	for (; ident && *ident && at + 3 < EXPORT_NAME_MAX; ident++) {
		if (is_safe(*ident)) {
			name[at++] = *ident;
			continue;
		}
		name[at++] = '%';
		name[at++] = digits[(unsigned char)*ident >> 4];
		name[at++] = digits[*ident & 15];
	}
	if (at + strlen(end) + sizeof(".gz") > EXPORT_NAME_MAX)
		return false;
	snprintf(name + at, EXPORT_NAME_MAX - at, "%s%s", end, plain ? "" : ".gz");
	return true;
}

static void keep_last(struct export_rows *rows, const char *data, size_t len)
{
	const size_t cap = sizeof(rows->last);
	const size_t kept = len < cap ? len : cap;

	memmove(rows->last, rows->last + kept, cap - kept);
	memcpy(rows->last + cap - kept, data + len - kept, kept);
}

void export_rows_count(struct export_rows *rows, const char *data, size_t len)
{
	const bool quotes = rows->format == EXPORT_CSV;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '"' && quotes)
			rows->quoted = !rows->quoted; // a doubled one changes nothing
		else if (data[i] == '\n' && !rows->quoted)
			rows->lines++;
	}
	if (len > 0)
		keep_last(rows, data, len);
}

bool export_rows_total(const struct export_rows *rows, uint64_t *count)
{
	const bool geojson = rows->format == EXPORT_GEOJSON;
	const uint64_t others = geojson ? 2 : 1; /* lines that are no rows */

	if (rows->quoted || rows->lines < others || rows->last[2] != '\n' ||
		(geojson && memcmp(rows->last, "]}\n", 3) != 0))
		return false;
	*count = rows->lines - others;
	return true;
}
