// SPDX-License-Identifier: MIT
// A member is written behind the members that the report already has; it counts only if all of it fitted.
#include "protocol/extra.h"

#include "util/json.h"

static struct json begin(struct decoded *decoded, const struct report *report, const char *name)
{
	if (decoded->report_count == 0 || report != &decoded->reports[decoded->report_count - 1]) {
		decoded->fault = "extra for a report that is not the newest";
		return (struct json){.full = true};
	}
	size_t room = DECODED_ARENA - decoded->arena_len;
	if (report->extra.len > 0 &&
		report->extra.data + report->extra.len != decoded->arena + decoded->arena_len) {
		decoded->fault = "decoded_arena between the members of a report";
		return (struct json){.full = true};
	}
	if (room > EXTRA_MAX - report->extra.len)
		room = EXTRA_MAX - report->extra.len;
	struct json json = json_of(decoded->arena + decoded->arena_len, room);
	if (report->extra.len > 0)
		json_raw(&json, ",", 1);
	json_raw(&json, "\"", 1);
	json_raw(&json, name, strlen(name));
	json_raw(&json, "\":", 2);
	return json;
}

static void finish(struct decoded *decoded, struct report *report, const struct json *json)
{
	if (json->full)
		return;
	char *start = decoded->arena + decoded->arena_len;
	const size_t len = (size_t)(json->at - start);
	if (report->extra.len == 0)
		report->extra.data = start;
	report->extra.len += len;
	decoded->arena_len += len;
}

void extra_int(struct decoded *decoded, struct report *report, const char *name, int64_t value)
{
	extra_fixed(decoded, report, name, value, 0);
}

void extra_fixed(struct decoded *decoded, struct report *report, const char *name, int64_t value,
	unsigned decimals)
{
	struct json json = begin(decoded, report, name);
	json_fixed(&json, value, decimals);
	finish(decoded, report, &json);
}

void extra_bool(struct decoded *decoded, struct report *report, const char *name, bool value)
{
	struct json json = begin(decoded, report, name);
	json_raw(&json, value ? "true" : "false", value ? 4 : 5);
	finish(decoded, report, &json);
}

void extra_raw(struct decoded *decoded, struct report *report, const char *name, struct text value)
{
	struct json json = begin(decoded, report, name);
	json_raw(&json, value.data, value.len);
	finish(decoded, report, &json);
}

void extra_text(struct decoded *decoded, struct report *report, const char *name, const void *data,
	size_t len)
{
	struct json json = begin(decoded, report, name);
	json_text(&json, data, len);
	finish(decoded, report, &json);
}

void extra_hex(struct decoded *decoded, struct report *report, const char *name, const void *data,
	size_t len)
{
	struct json json = begin(decoded, report, name);
	json_hex(&json, data, len);
	finish(decoded, report, &json);
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
