// SPDX-License-Identifier: MIT
// JSON members for values that have no field of their own in a report. Each function adds "name":value to
// report.extra, which must be the newest report of *decoded. name: as in JSON between its quotes, mostly a constant, whose
// length the compiler then knows. A member that does not fit in EXTRA_MAX or the arena is left out, and the report has
// "incomplete":true instead.
#ifndef AVLD_PROTOCOL_EXTRA_H
#define AVLD_PROTOCOL_EXTRA_H

#include "protocol/decoded.h"

// What the functions below call.
void extra_add_int(struct decoded *decoded, struct report *report, struct text name, int64_t value);
void extra_add_fixed(struct decoded *decoded, struct report *report, struct text name,
	int64_t value, unsigned decimals);
void extra_add_raw(
	struct decoded *decoded, struct report *report, struct text name, struct text value);
void extra_add_text(
	struct decoded *decoded, struct report *report, struct text name, struct text value);
void extra_add_hex(
	struct decoded *decoded, struct report *report, struct text name, struct text value);

static inline void extra_int(
	struct decoded *decoded, struct report *report, const char *name, int64_t value)
{
	extra_add_int(decoded, report, (struct text){name, strlen(name)}, value);
}

// Adds value / 10^decimals: extra_fixed(..., 1234, 2) adds 12.34.
static inline void extra_fixed(struct decoded *decoded, struct report *report, const char *name,
	int64_t value, unsigned decimals)
{
	extra_add_fixed(decoded, report, (struct text){name, strlen(name)}, value, decimals);
}

// Adds a value that is JSON already, no object or array.
static inline void extra_raw(
	struct decoded *decoded, struct report *report, const char *name, struct text value)
{
	extra_add_raw(decoded, report, (struct text){name, strlen(name)}, value);
}

static inline void extra_bool(
	struct decoded *decoded, struct report *report, const char *name, bool value)
{
	extra_raw(decoded, report, name,
		value ? (struct text){"true", 4} : (struct text){"false", 5});
}

// Adds a JSON string. Bytes that are not UTF-8 become U+FFFD, control characters are escaped, NUL is left out.
static inline void extra_text(struct decoded *decoded, struct report *report, const char *name,
	const void *data, size_t len)
{
	extra_add_text(
		decoded, report, (struct text){name, strlen(name)}, (struct text){data, len});
}

// Adds the bytes as a string of lower-case hex digits.
static inline void extra_hex(struct decoded *decoded, struct report *report, const char *name,
	const void *data, size_t len)
{
	extra_add_hex(decoded, report, (struct text){name, strlen(name)}, (struct text){data, len});
}

// Returns true if the report has a member of this name.
bool extra_has(const struct report *report, const char *name);

// Adds a text as extra_text does; of one that does not fit a half, a quarter and so on. The report has no member of this name.
void extra_text_start(struct decoded *decoded, struct report *report, const char *name,
	const void *data, size_t len);

// Removes the member of this name, if there is one: a later value of the frame replaces it. Its value must not be an object
// or array.
void extra_remove(struct decoded *decoded, struct report *report, const char *name);

#endif
