// SPDX-License-Identifier: MIT
// Writes JSON into a buffer of fixed size. What does not fit sets `full`, and everything after it is left out, so that
// a caller checks once. Pure.
#ifndef AVLD_UTIL_JSON_H
#define AVLD_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json {
	char *at, *end;
	bool full; /* something did not fit: what was written is incomplete */
};

static inline struct json json_of(char *out, size_t cap)
{
	return (struct json){out, out + cap, false};
}

// Writes the bytes as they are: punctuation, literals.
static inline void json_raw(struct json *json, const char *data, size_t len)
{
	if (json->full || len > (size_t)(json->end - json->at)) {
		json->full = true;
		return;
	}
	memcpy(json->at, data, len);
	json->at += len;
}

// Returns how many bytes at the head of a string are written as they are: ASCII that needs no escape.
size_t json_plain_len(const void *data, size_t len);

// Writes a string in quotes. Bytes that are not UTF-8 become U+FFFD, control characters are escaped, NUL is left out.
void json_text(struct json *json, const void *data, size_t len);

#endif
