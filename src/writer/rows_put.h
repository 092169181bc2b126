// SPDX-License-Identifier: MIT
// Fields of COPY BINARY: length(4) bytes. Numbers are big-endian; the length of a NULL is -1. Each function writes a field at
// `out`, where there is room, and returns the byte after it.
#ifndef AVLD_WRITER_ROWS_PUT_H
#define AVLD_WRITER_ROWS_PUT_H

#include "util/text.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ROWS_PUT_MOST          12 /* bytes of a field of fixed size, with its length */
#define ROWS_PUT_EPOCH_2000_US INT64_C(946684800000000)
#define ROWS_PUT_YEAR_1800_US  INT64_C(-5364662400000000)
#define ROWS_PUT_YEAR_9999_US  INT64_C(253370764800000000)

static inline uint8_t *rows_put_raw32(uint8_t *out, uint32_t value)
{
	const uint32_t wire = htobe32(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *rows_put_raw64(uint8_t *out, uint64_t value)
{
	const uint64_t wire = htobe64(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *rows_put_null(uint8_t *out)
{
	return rows_put_raw32(out, UINT32_MAX);
}

static inline uint8_t *rows_put_bool(uint8_t *out, bool value)
{
	out = rows_put_raw32(out, 1);
	*out = value;
	return out + 1;
}

static inline uint8_t *rows_put_int2(uint8_t *out, int16_t value)
{
	const uint16_t wire = htobe16((uint16_t)value);
	out = rows_put_raw32(out, 2);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *rows_put_int4(uint8_t *out, int32_t value)
{
	return rows_put_raw32(rows_put_raw32(out, 4), (uint32_t)value);
}

static inline uint8_t *rows_put_int8(uint8_t *out, int64_t value)
{
	return rows_put_raw64(rows_put_raw32(out, 8), (uint64_t)value);
}

static inline uint8_t *rows_put_real(uint8_t *out, float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return rows_put_raw32(rows_put_raw32(out, 4), bits);
}

static inline uint8_t *rows_put_double(uint8_t *out, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return rows_put_raw64(rows_put_raw32(out, 8), bits);
}

// Writes µs since 1970, UTC, or NULL outside the years 1800 to 9999.
static inline uint8_t *rows_put_time(uint8_t *out, int64_t time_us)
{
	if (time_us < ROWS_PUT_YEAR_1800_US || time_us >= ROWS_PUT_YEAR_9999_US)
		return rows_put_null(out);
	return rows_put_int8(out, time_us - ROWS_PUT_EPOCH_2000_US);
}

// Writes '?' for bytes that are not printable ASCII.
static inline uint8_t *rows_put_printable(uint8_t *out, struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t c = (uint8_t)text.data[i];
		out[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	return out + text.len;
}

static inline uint8_t *rows_put_text_always(uint8_t *out, struct text text)
{
	return rows_put_printable(rows_put_raw32(out, (uint32_t)text.len), text);
}

// The same, with NULL for an empty text.
static inline uint8_t *rows_put_text(uint8_t *out, struct text text)
{
	return text.len ? rows_put_text_always(out, text) : rows_put_null(out);
}

// Writes JSON members, without their braces, as jsonb; NULL if there are none. Takes 7 + len.
static inline uint8_t *rows_put_members(uint8_t *out, struct text members)
{
	if (!members.len)
		return rows_put_null(out);
	out = rows_put_raw32(out, (uint32_t)members.len + 3);
	*out++ = 1; /* jsonb's version */
	*out++ = '{';
	out = rows_put_printable(out, members);
	*out++ = '}';
	return out;
}

static inline uint8_t *rows_put_bytes(uint8_t *out, struct text bytes)
{
	out = rows_put_raw32(out, (uint32_t)bytes.len);
	if (bytes.len)
		memcpy(out, bytes.data, bytes.len);
	return out + bytes.len;
}

static inline uint8_t *rows_put_literal(uint8_t *out, const char *literal)
{
	return rows_put_text_always(out, (struct text){literal, strlen(literal)});
}

#endif
