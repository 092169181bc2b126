// SPDX-License-Identifier: MIT
// The bytes of a segment: headers, checksums, names. Drawn in journal_format.c. Pure.
#ifndef AVLD_JOURNAL_JOURNAL_FORMAT_H
#define AVLD_JOURNAL_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

#define JOURNAL_VERSION     1
#define SEGMENT_HEADER_SIZE 128
#define SEGMENT_MIN         ((uint64_t)1 << 20)
#define SEGMENT_MAX         ((uint64_t)1 << 30)
#define SEGMENT_NAME_SIZE   21 /* "0123456789abcdef.seg" and its NUL */
#define ENTRY_HEADER_SIZE   16
#define ENTRY_MAX           131072                  /* bytes of a payload */
#define ENTRY_WASTE         (ENTRY_HEADER_SIZE + 7) /* most that an entry needs beyond its payload */
#define LSN_MAX             ((uint64_t)1 << 62)     /* no journal gets so far: damage */
#define NO_LSN              UINT64_MAX

struct segment_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t first;
	uint64_t size;
	sd_id128_t uuid;
	int64_t created_us;
	uint64_t previous;
	uint8_t reserved[56];
	uint64_t check;
};

struct entry_header {
	uint32_t length;
	uint32_t reserved;
	uint64_t check;
};

// Returns the bytes of an entry in a segment: header, payload, padding.
static inline uint64_t entry_span(uint64_t length)
{
	return ENTRY_HEADER_SIZE + ((length + 7) & ~(uint64_t)7);
}

// Writes the file name of the segment whose first LSN this is.
void journal_format_segment_name(uint64_t first, char name[static SEGMENT_NAME_SIZE]);
// Reads 16 lower-case hex digits; whatever follows them is ignored. False: they are not.
bool journal_format_parse_lsn(const char *text, uint64_t *lsn);

// Returns the check of all bytes but the last 8.
uint64_t journal_format_check(const void *data, size_t size);

// Completes a header whose first, size, uuid, created_us and previous are set.
void journal_format_seal_header(struct segment_header *header);
enum segment_header_state { HEADER_GOOD, HEADER_BAD, HEADER_NEWER /* version */ };
// Judges the first `got` bytes of a file.
enum segment_header_state journal_format_judge_header(
	const struct segment_header *header, size_t got);

// Returns the check of an entry.
uint64_t journal_format_entry_check(
	const sd_id128_t *uuid, uint64_t lsn, const uint8_t *payload, uint32_t length);

// Below: a mapped segment with first LSN `first`; limit is its readable bytes.

// Returns the payload length of the sound entry at this offset, or 0.
uint32_t journal_format_entry_at(const sd_id128_t *uuid, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit);
// Returns the offset of the first sound entry at or after `offset`, or limit.
uint64_t journal_format_find_entry(const sd_id128_t *uuid, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit);
// Returns the offset after the last byte in [from, to) that is not zero, or from.
uint64_t journal_format_nonzero_end(const uint8_t *map, uint64_t from, uint64_t to);

#endif
