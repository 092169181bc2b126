// SPDX-License-Identifier: MIT
// Prints one JSON object on a line, member by member.
#ifndef AVLD_UTIL_JSON_LINE_H
#define AVLD_UTIL_JSON_LINE_H

#include "util/text.h"

#include <stdio.h>

// {.to = file} begins an object, json_line_end ends it and the line.
struct json_line {
	FILE *to;
	bool begun; /* has a member */
};

// Prints {"name": or ,"name": and leaves the value to the caller.
void json_line_name(struct json_line *json, const char *name);
// Bytes beyond printable ASCII become \u00XX.
void json_line_text(struct json_line *json, const char *name, struct text text);
void json_line_string(struct json_line *json, const char *name, const char *string);
void json_line_int(struct json_line *json, const char *name, int64_t value);
void json_line_uint(struct json_line *json, const char *name, uint64_t value);
// value / 10^decimals, with all decimals.
void json_line_fixed(struct json_line *json, const char *name, int64_t value, unsigned decimals);
void json_line_bool(struct json_line *json, const char *name, bool value);
void json_line_hex(struct json_line *json, const char *name, const void *data, size_t len);
// "2026-11-22T10:15:00.000Z"
void json_line_time(struct json_line *json, const char *name, int64_t time_us);
void json_line_end(struct json_line *json);

// Prints JSON whose characters beyond ASCII are UTF-8, with \uXXXX in their place and in that of DEL: for logs and terminals,
// which may obey what they do not show.
void json_line_ascii(FILE *to, const char *json);

#endif
