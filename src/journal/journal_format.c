// SPDX-License-Identifier: MIT
// The journal's bytes, version 1. All integers little-endian, all checks XXH3 (64 bits, no seed).
//
// A folder holds
//   FIRST.seg          segments; FIRST = LSN of the file's byte 0, 16 hex digits
//   journal.meta       text: uuid, newest segment, reserved LSNs, boot, orderly close (journal_meta.c)
//   stored             text: LSN up to which the database has everything; for people
//   lock               locked (flock) by the process that writes; its pid
//   damaged-LSN.bin    copies of bytes that could not be read
//   *.damaged          segments that could not be read at all; *.foreign: of another journal
//
// An LSN is FIRST + offset in the file. A segment, SIZE bytes, preallocated with zeros:
//
//      0 magic "AVLDJRNL"             8 version u32 (1)          12 header size u32 (128)
//     16 FIRST u64                   24 SIZE u64                 32 uuid, 16 bytes
//     48 created, µs i64             56 FIRST of the previous segment u64, all ones for none
//     64 zeros                      120 check u64 of the bytes 0..119
//    128 entries, each at a multiple of 8, back to back:
//
//      0 length u32 (1..131072)       4 zeros u32                 8 check u64
//     16 payload, length bytes (entry.c), zeros up to a multiple of 8
//
// An entry's check covers 40 bytes: LSN u64, length u32, zeros u32, XXH3 of the payload u64, uuid.
// The length is written last: it makes the entry valid. No entry crosses into the next segment;
// length 0 ends a segment. Every later version keeps: magic, version, header size, and the check in
// the last 8 bytes of the header.
#include "journal/journal_format.h"
#include "util/text.h"

#define XXH_INLINE_ALL
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static const char magic[8] = {'A', 'V', 'L', 'D', 'J', 'R', 'N', 'L'};

static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_SIZE, "format");
static_assert(offsetof(struct segment_header, first) == 16, "format");
static_assert(offsetof(struct segment_header, uuid) == 32, "format");
static_assert(offsetof(struct segment_header, previous) == 56, "format");
static_assert(offsetof(struct segment_header, check) == 120, "format");
static_assert(sizeof(struct entry_header) == ENTRY_HEADER_SIZE, "format");
static_assert(offsetof(struct entry_header, check) == 8, "format");

void journal_format_segment_name(uint64_t first, char name[static SEGMENT_NAME_SIZE])
{
	snprintf(name, SEGMENT_NAME_SIZE, "%016" PRIx64 ".seg", first);
}

bool journal_format_parse_lsn(const char *text, uint64_t *lsn)
{
	uint64_t value = 0;
	for (int i = 0; i < 16; i++) {
		const int digit = text_hex_digit(text[i]);
		if (digit < 0 || (text[i] >= 'A' && text[i] <= 'F'))
			return false;
		value = value << 4 | (unsigned)digit;
	}
	*lsn = value;
	return true;
}

uint64_t journal_format_check(const void *data, size_t size)
{
	return XXH3_64bits(data, size - 8);
}

void journal_format_seal_header(struct segment_header *header)
{
	memcpy(header->magic, magic, sizeof(magic));
	header->version = JOURNAL_VERSION;
	header->header_size = sizeof(*header);
	header->check = journal_format_check(header, sizeof(*header));
}

enum segment_header_state journal_format_judge_header(
	const struct segment_header *header, size_t got)
{
	if (got < 16 || memcmp(header->magic, magic, sizeof(magic)) != 0)
		return HEADER_BAD;
	if (header->version > JOURNAL_VERSION)
		return HEADER_NEWER;
	const bool good = got == sizeof(*header) && header->version == JOURNAL_VERSION &&
			  header->header_size == sizeof(*header) &&
			  header->check == journal_format_check(header, sizeof(*header)) &&
			  header->size >= SEGMENT_MIN && header->size <= SEGMENT_MAX;
	return good ? HEADER_GOOD : HEADER_BAD;
}

uint64_t journal_format_entry_check(
	const sd_id128_t *uuid, uint64_t lsn, const uint8_t *payload, uint32_t length)
{
	struct {
		uint64_t lsn;
		uint32_t length, zeros;
		uint64_t payload;
		sd_id128_t uuid;
	} block = {.lsn = lsn, .length = length, .payload = XXH3_64bits(payload, length)};
	static_assert(sizeof(block) == 40, "format");
	block.uuid = *uuid;
	return XXH3_64bits(&block, sizeof(block));
}

uint32_t journal_format_entry_at(
	const sd_id128_t *uuid, const uint8_t *map, uint64_t first, uint64_t offset, uint64_t limit)
{
	if (offset > limit || limit - offset < ENTRY_HEADER_SIZE)
		return 0;
	const struct entry_header *header =
		(const struct entry_header *)(const void *)(map + offset);
	const uint32_t length = __atomic_load_n(&header->length, __ATOMIC_ACQUIRE);
	if (length == 0 || length > ENTRY_MAX || header->reserved != 0 ||
		limit - offset - ENTRY_HEADER_SIZE < length)
		return 0;
	const uint8_t *payload = map + offset + ENTRY_HEADER_SIZE;
	const uint64_t check = journal_format_entry_check(uuid, first + offset, payload, length);
	return check == header->check ? length : 0;
}

static const uint8_t zeros[4096];

uint64_t journal_format_find_entry(
	const sd_id128_t *uuid, const uint8_t *map, uint64_t first, uint64_t offset, uint64_t limit)
{
	for (; offset < limit && limit - offset >= ENTRY_HEADER_SIZE; offset += 8) {
		// Most of a segment may be unused.
		while (offset % sizeof(zeros) == 0 &&
			limit - offset >= sizeof(zeros) + ENTRY_HEADER_SIZE &&
			!memcmp(map + offset, zeros, sizeof(zeros)))
			offset += sizeof(zeros);
		uint64_t word; /* length and zeros */
		memcpy(&word, map + offset, sizeof(word));
		if (word - 1 < ENTRY_MAX &&
			journal_format_entry_at(uuid, map, first, offset, limit))
			return offset;
	}
	return limit;
}

uint64_t journal_format_nonzero_end(const uint8_t *map, uint64_t from, uint64_t to)
{
	while (to - from >= sizeof(zeros) &&
		!memcmp(map + to - sizeof(zeros), zeros, sizeof(zeros)))
		to -= sizeof(zeros);
	while (to > from && map[to - 1] == 0)
		to--;
	return to;
}
