// SPDX-License-Identifier: MIT
// Reads binary fields with a sticky error: read twenty fields, check once.
#ifndef AVLD_UTIL_READER_H
#define AVLD_UTIL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad; /* a read went beyond the end; it returned 0 */
};

static inline struct reader reader_of(const uint8_t *data, size_t len)
{
	return (struct reader){data, len, false};
}

// Returns the next n bytes. If fewer are left, sets bad and returns NULL.
static inline const uint8_t *reader_bytes(struct reader *r, size_t n)
{
	if (r->left < n) {
		r->bad = true;
		r->at += r->left;
		r->left = 0;
		return NULL;
	}
	const uint8_t *bytes = r->at;
	r->at += n;
	r->left -= n;
	return bytes;
}

// Reads a big-endian integer of n bytes, 1..8. Returns 0 beyond the end.
static inline uint64_t reader_be(struct reader *r, size_t n)
{
	const uint8_t *bytes = reader_bytes(r, n);
	uint64_t value = 0;
	for (size_t i = 0; bytes && i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

// Reads a little-endian integer of n bytes, 1..8. Returns 0 beyond the end.
static inline uint64_t reader_le(struct reader *r, size_t n)
{
	const uint8_t *bytes = reader_bytes(r, n);
	uint64_t value = 0;
	for (size_t i = n; bytes && i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

// The usual ones, without a loop.
static inline uint8_t reader_u8(struct reader *r)
{
	const uint8_t *bytes = reader_bytes(r, 1);
	return bytes ? bytes[0] : 0;
}

static inline uint16_t reader_be16(struct reader *r)
{
	const uint8_t *bytes = reader_bytes(r, 2);
	return (uint16_t)(bytes ? (unsigned)bytes[0] << 8 | bytes[1] : 0);
}

static inline uint32_t reader_be32(struct reader *r)
{
	const uint8_t *bytes = reader_bytes(r, 4);
	if (!bytes)
		return 0;
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

#endif
