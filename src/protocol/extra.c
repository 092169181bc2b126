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
