// SPDX-License-Identifier: MIT
// Characters and lines of the PT-502, and the layout of its session memo. The bottom of the
// decoder.
#ifndef AVLD_DECODERS_PT502_LINE_H
#define AVLD_DECODERS_PT502_LINE_H

#include "protocol/decoder.h"
#include "util/checksum.h"
#include "util/text.h"

#include <string.h>

#define PT502_IDENT_LEAST 4
#define PT502_IDENT_MOST  15
#define PT502_RECORD_MOST 255 /* bytes of a record that a delta can refer to */

// Offsets in session.memo. Ticks (device_memory_tick) are 4 bytes, the time 8.
#define PT502_MEMO_CUT        0  /* 1 byte: a bare delta ended because nothing followed it */
#define PT502_MEMO_UNRESOLVED 4  /* tick of the last delta not resolved at once */
#define PT502_MEMO_START      8  /* tick of the conversation's first record or delta */
#define PT502_MEMO_PHOTO      16 /* when a photo ended, in µs */

// Sets the reason of a reject. Returns status.
static inline enum decode_status pt502_refuse(
	struct decoded *out, enum decode_status status, const char *detail)
{
	out->detail = detail;
	return status;
}

static inline bool pt502_is_same(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Returns true if the first tick (device_memory_tick) is after the second.
static inline bool pt502_is_later(uint32_t tick, uint32_t other)
{
	return (int32_t)(tick - other) > 0;
}

static inline uint8_t pt502_xor(struct text text)
{
	return checksum_xor((const uint8_t *)text.data, text.len);
}

static inline bool pt502_is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

// Returns true for a record from the tracker's log: it has a '#' before the line end.
static inline bool pt502_is_stored(struct text record)
{
	while (record.len > 1 && pt502_is_line_end((uint8_t)record.data[record.len - 1]))
		record.len--;
	return record.len > 1 && record.data[record.len - 1] == '#';
}

static inline bool pt502_is_code_char(char c)
{
	return (c >= 'A' && c <= 'Z') || text_is_digit(c) || c == '-';
}

// Returns true for the code of a record, between '$' and ',': exactly three characters, or PHO, PHD
// or FUS and digits. After PHO a camera may follow: PHO2048-1. Others are not a PT-502's: $GPRMC.
static inline bool pt502_is_code(const char *code, size_t len)
{
	size_t at = 3;
	if (len <= 3)
		return len == 3;
	const bool is_photo = memcmp(code, "PHO", 3) == 0;
	if (!is_photo && memcmp(code, "PHD", 3) != 0 && memcmp(code, "FUS", 3) != 0)
		return false;
	while (at < len && text_is_digit(code[at]))
		at++;
	if (is_photo && at > 3 && at < len - 1 && code[at] == '-')
		at++;
	while (at < len && text_is_digit(code[at]))
		at++;
	return at == len;
}

// Returns true for 4 to 15 digits. Leading zeros are part of the ident.
static inline bool pt502_is_ident(const char *data, size_t len)
{
	if (len < PT502_IDENT_LEAST || len > PT502_IDENT_MOST)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!text_is_digit(data[i]))
			return false;
	}
	return true;
}

// Returns true for $PHD. It is binary: only the length of its full frame ends it.
static inline bool pt502_is_photo_data(const uint8_t *data, size_t len)
{
	return len >= 4 && memcmp(data, "$PHD", 4) == 0;
}

#endif
