// SPDX-License-Identifier: MIT
// Decompresses zlib streams (RFC 1950, 1951) into a buffer of fixed size. Pure: no allocation.
#ifndef AVLD_UTIL_INFLATE_H
#define AVLD_UTIL_INFLATE_H

#include <stddef.h>
#include <stdint.h>

enum inflate {
	INFLATE_DONE, /* *used bytes of room hold the content, whose checksum is right */
	INFLATE_FULL, /* the content has more bytes than the room */
	INFLATE_BAD,  /* no zlib stream, a wrong checksum, or the end is missing */
};

// Decompresses the stream at the head of data. Bytes after it are ignored.
enum inflate inflate_zlib(const uint8_t *data, size_t len, uint8_t *out, size_t room, size_t *used);

#endif
