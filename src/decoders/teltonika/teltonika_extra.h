// SPDX-License-Identifier: MIT
// Members of a report's extra.
#ifndef AVLD_DECODERS_TELTONIKA_EXTRA_H
#define AVLD_DECODERS_TELTONIKA_EXTRA_H

#include "protocol/decoder.h"
#include "util/decimal.h"

struct teltonika_extra {
	struct decoded *out;
	struct report *report;
};

// A name with a number: "io" and 240 make io240; "tag", 2 and "Rssi" make tag2Rssi.
struct teltonika_name {
	char text[48];
};

static inline struct teltonika_name teltonika_extra_name(
	const char *start, unsigned number, const char *end)
{
	struct teltonika_name name;
	const size_t len = strlen(start);
	memcpy(name.text, start, len);
	memcpy(decimal_write(name.text + len, number), end, strlen(end) + 1);
	return name;
}

static inline void teltonika_extra_fixed(
	struct teltonika_extra *extra, const char *name, int64_t value, unsigned decimals)
{
	extra_fixed(extra->out, extra->report, name, value, decimals);
}

static inline void teltonika_extra_int(
	struct teltonika_extra *extra, const char *name, int64_t value)
{
	teltonika_extra_fixed(extra, name, value, 0);
}

static inline void teltonika_extra_bool(struct teltonika_extra *extra, const char *name, bool value)
{
	extra_bool(extra->out, extra->report, name, value);
}

// Empty texts and bytes are left out.
static inline void teltonika_extra_text(
	struct teltonika_extra *extra, const char *name, const void *data, size_t len)
{
	if (len > 0)
		extra_text(extra->out, extra->report, name, data, len);
}

static inline void teltonika_extra_hex(
	struct teltonika_extra *extra, const char *name, const void *data, size_t len)
{
	if (len > 0)
		extra_hex(extra->out, extra->report, name, data, len);
}

// Returns true for printable ASCII, or no bytes.
static inline bool teltonika_extra_is_text(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] < 0x20 || data[i] > 0x7E)
			return false;
	return true;
}

#endif
