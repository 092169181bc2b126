// SPDX-License-Identifier: MIT
#include "cli/status_rates.h"

#include "util/text.h"

#include <inttypes.h>
#include <string.h>

// Splits a line "   NUMBER  WHAT". Returns false if it is no such line.
static bool split(struct text line, uint64_t *number, struct text *what)
{
	size_t at = 0;

	while (at < line.len && line.data[at] == ' ')
		at++;
	const size_t begin = at;
	while (at < line.len && text_is_digit(line.data[at]))
		at++;
	*what = (struct text){line.data + at, line.len - at};
	return begin > 0 && text_uint((struct text){line.data + begin, at - begin}, number);
}

// Returns the number of this name in the page; `missing` if it has none.
static uint64_t find(const char *page, struct text name, uint64_t missing)
{
	struct text rest = {page, strlen(page)}, line, what;
	uint64_t number;

	while (text_next(&rest, '\n', &line))
		if (split(line, &number, &what) && text_same(what, name))
			return number;
	return missing;
}

static void print_line(FILE *to, struct text line, const char *before, double seconds)
{
	uint64_t number;
	struct text what;
	char rate[32] = "";

	if (!split(line, &number, &what)) {
		fprintf(to, "%.*s\n", (int)line.len, line.data);
		return;
	}
	// A line that is new on the page counts from 0: it appears with the first event.
	const uint64_t old = before ? find(before, what, 0) : number;
	if (old != number && seconds > 0.)
		snprintf(rate, sizeof(rate), "%+.0f/s", ((double)number - (double)old) / seconds);
	fprintf(to, "%12" PRIu64 " %12s%.*s\n", number, rate, (int)what.len, what.data);
}

void status_rates_print(
	FILE *to, const char *page, const char *before, double seconds, unsigned lines)
{
	struct text rest = {page, strlen(page)}, line;
	unsigned all = 0, count = 0;

	for (const char *at = page; (at = strchr(at, '\n')); at++)
		all++;
	while (count < all && text_next(&rest, '\n', &line)) {
		if (lines && count + 1 == lines && all > lines) {
			fprintf(to, "... %u more lines; the window is too low\n", all - count);
			return;
		}
		print_line(to, line, before, seconds);
		count++;
	}
}
