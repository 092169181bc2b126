// SPDX-License-Identifier: MIT
// A member is written behind the members that the report already has; it counts only if all of it fitted. The report of one that
// did not fit has the member INCOMPLETE, for which there is always room.
#include "protocol/extra.h"

#include "util/decimal.h"
#include "util/hex.h"
#include "util/json.h"

#include <assert.h>

#define AROUND_NAME     3 /* bytes of the quotes and the colon */
#define INCOMPLETE      "\"incomplete\":true"
#define INCOMPLETE_ROOM sizeof(INCOMPLETE) /* with a comma */

// Copies a name, which has a few bytes. Returns the byte after it.
static inline char *put_name(char *out, struct text name)
{
	char *end = out + name.len;
	if (name.len >= 8) { // in words, the last of which may overlap the one before
		for (size_t at = 0; at + 8 < name.len; at += 8)
			memcpy(out + at, name.data + at, 8);
		memcpy(end - 8, name.data + name.len - 8, 8);
	} else if (name.len >= 4) {
		memcpy(out, name.data, 4);
		memcpy(end - 4, name.data + name.len - 4, 4);
	} else if (name.len >= 2) {
		memcpy(out, name.data, 2);
		memcpy(end - 2, name.data + name.len - 2, 2);
	} else if (name.len == 1) {
		*out = *name.data;
	}
	return end;
}

// Returns the bytes that are left for members of the report and INCOMPLETE.
static inline size_t room_of(const struct decoded *decoded, const struct report *report)
{
	const size_t in_arena = DECODED_ARENA - decoded->arena_len,
		     in_report = EXTRA_MAX - report->extra.len;
	return in_arena < in_report ? in_arena : in_report;
}

static bool check(struct decoded *decoded, const struct report *report)
{
	if (decoded->report_count == 0 || report != &decoded->reports[decoded->report_count - 1])
		decoded->fault = "extra for a report that is not the newest";
	else if (report->extra.len > 0 &&
		 report->extra.data + report->extra.len != decoded->arena + decoded->arena_len)
		decoded->fault = "decoded_arena between the members of a report";
	else
		return true;
	return false;
}

static inline void finish(struct decoded *decoded, struct report *report, const char *end)
{
	char *start = decoded->arena + decoded->arena_len;
	const size_t len = (size_t)(end - start);
	if (report->extra.len == 0)
		report->extra.data = start;
	report->extra.len += len;
	decoded->arena_len += len;
}

// Notes that a member did not fit.
static __attribute__((noinline, cold)) void add_incomplete(
	struct decoded *decoded, struct report *report)
{
	char *at = decoded->arena + decoded->arena_len;
	if (decoded->incomplete == decoded->report_count ||
		room_of(decoded, report) < INCOMPLETE_ROOM)
		return;
	decoded->incomplete = (uint16_t)decoded->report_count;
	if (report->extra.len > 0)
		*at++ = ',';
	memcpy(at, INCOMPLETE, sizeof(INCOMPLETE) - 1);
	finish(decoded, report, at + sizeof(INCOMPLETE) - 1);
}

// Writes the name of a member whose value has at least so many bytes. Returns where the value goes; NULL if it does not fit.
// The member counts after finish().
static inline __attribute__((always_inline)) char *begin(
	struct decoded *decoded, struct report *report, struct text name, size_t value_len)
{
	const size_t used = report->extra.len;
	char *at = decoded->arena + decoded->arena_len;
	if (!check(decoded, report))
		return NULL;
	if ((used > 0) + name.len + AROUND_NAME + value_len + INCOMPLETE_ROOM >
		room_of(decoded, report)) {
		add_incomplete(decoded, report);
		return NULL;
	}
	if (used > 0)
		*at++ = ',';
	*at++ = '"';
	at = put_name(at, name);
	*at++ = '"';
	*at++ = ':';
	return at;
}

void extra_add_int(struct decoded *decoded, struct report *report, struct text name, int64_t value)
{
	const uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	const unsigned count = decimal_count(magnitude);
	char *at = begin(decoded, report, name, count + (value < 0));
	if (!at)
		return;
	*at = '-';
	at += (value < 0) + count;
	decimal_fill(at, magnitude, count);
	finish(decoded, report, at);
}

void extra_add_fixed(struct decoded *decoded, struct report *report, struct text name,
	int64_t value, unsigned decimals)
{
	assert(decimals < 20);
	const struct decimal decimal = decimal_fixed(value, decimals);
	char *at = begin(decoded, report, name, decimal.len);
	if (!at)
		return;
	decimal_put(at, &decimal);
	finish(decoded, report, at + decimal.len);
}

void extra_add_raw(
	struct decoded *decoded, struct report *report, struct text name, struct text value)
{
	char *at = begin(decoded, report, name, value.len);
	if (!at)
		return;
	memcpy(at, value.data, value.len);
	finish(decoded, report, at + value.len);
}

static void add_escaped(
	struct decoded *decoded, struct report *report, struct text name, struct text value)
{
	char *at = begin(decoded, report, name, 2);
	if (!at)
		return;
	const char *end =
		decoded->arena + decoded->arena_len + room_of(decoded, report) - INCOMPLETE_ROOM;
	struct json json = json_of(at, (size_t)(end - at));
	json_text(&json, value.data, value.len);
	if (json.full)
		add_incomplete(decoded, report);
	else
		finish(decoded, report, json.at);
}

void extra_add_text(
	struct decoded *decoded, struct report *report, struct text name, struct text value)
{
	if (value.len == 0 || json_plain_len(value.data, value.len) < value.len) {
		add_escaped(decoded, report, name, value);
		return;
	}
	char *at = begin(decoded, report, name, value.len + 2);
	if (!at)
		return;
	*at = '"';
	memcpy(at + 1, value.data, value.len);
	at += 1 + value.len;
	*at = '"';
	finish(decoded, report, at + 1);
}

void extra_add_hex(
	struct decoded *decoded, struct report *report, struct text name, struct text value)
{
	char *at = begin(decoded, report, name, 2 * value.len + 2);
	if (!at)
		return;
	*at = '"';
	at = hex_write(at + 1, value.data, value.len);
	*at = '"';
	finish(decoded, report, at + 1);
}

// Returns the index of the member's quote in report->extra; its length if there is none. Quotes inside of values are
// escaped, so that none follows a comma.
static size_t find_member(const struct report *report, const char *name)
{
	const struct text extra = report->extra;
	const size_t name_len = strlen(name);
	for (size_t at = 0; at + name_len + 3 <= extra.len; at++) {
		const char *quote = memchr(extra.data + at, '"', extra.len - at);
		if (!quote)
			break;
		at = (size_t)(quote - extra.data);
		if (extra.len - at >= name_len + 3 && (at == 0 || quote[-1] == ',') &&
			!memcmp(quote + 1, name, name_len) && quote[name_len + 1] == '"' &&
			quote[name_len + 2] == ':')
			return at;
	}
	return extra.len;
}

// Returns the index after a member's value, which begins at `at`.
static size_t end_of_value(struct text extra, size_t at)
{
	const bool quoted = extra.data[at] == '"';
	for (at += quoted; at < extra.len; at++) {
		if (quoted && extra.data[at] == '\\')
			at++;
		else if (extra.data[at] == (quoted ? '"' : ','))
			return at + quoted;
	}
	return extra.len;
}

bool extra_has(const struct report *report, const char *name)
{
	return find_member(report, name) < report->extra.len;
}

void extra_text_start(struct decoded *decoded, struct report *report, const char *name,
	const void *data, size_t len)
{
	extra_text(decoded, report, name, data, len);
	while (len > 1 && !extra_has(report, name)) {
		len /= 2;
		extra_text(decoded, report, name, data, len);
	}
}

void extra_remove(struct decoded *decoded, struct report *report, const char *name)
{
	size_t start = find_member(report, name);
	if (start == report->extra.len)
		return;
	size_t end = end_of_value(report->extra, start + strlen(name) + 3);
	if (end < report->extra.len)
		end++; // the comma after it
	else if (start > 0)
		start--; // the comma before it
	char *members = decoded->arena + (report->extra.data - decoded->arena);
	memmove(members + start, members + end, report->extra.len - end);
	report->extra.len -= end - start;
	decoded->arena_len -= end - start;
}
