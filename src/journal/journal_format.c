// SPDX-License-Identifier: MIT
// The journal's bytes, version 1. All integers little-endian, all checks XXH3 (64 bits, no seed).
//
// A folder holds
//   FIRST.seg          segments; FIRST = LSN of the file's byte 0, 16 hex digits
//   journal.meta       text: uuid, newest segment, reserved LSNs, boot, order (journal_meta.c)
//   stored             text: the LSN below which all is in the database; for people
//   lock               held (flock) by the process that writes; its pid
//   damaged-LSN.bin    copies of what could not be read
//   *.damaged          segments that could not be read at all; *.foreign: another folder's
//
// An LSN is FIRST + offset in the file. A segment, SIZE bytes, preallocated with zeros:
//
//      0 magic "AVLDJRNL"             8 version u32 (1)          12 header size u32 (128)
//     16 FIRST u64                   24 SIZE u64                 32 uuid, 16 bytes
//     48 created, µs i64             56 FIRST of the segment before u64, all ones for none
//     64 zeros                      120 check u64 of the bytes 0..119
//    128 entries, each at a multiple of 8, one behind the other:
//
//      0 length u32 (1..131072)       4 zeros u32                 8 check u64
//     16 payload, length bytes (entry.c), zeros up to a multiple of 8
//
// An entry's check is that of 40 bytes: LSN u64, length u32, zeros u32, XXH3 of the payload u64,
// uuid. The length is written last: an entry is born with it. No entry crosses into the next
// segment; length 0 ends a segment. Every later version keeps: magic, version, header size, and the
// check in the last 8 bytes of the header.
#include "journal/journal_internal.h"
#include "util/log.h"

#define XXH_INLINE_ALL
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_SIZE, "format");
static_assert(offsetof(struct segment_header, first) == 16, "format");
static_assert(offsetof(struct segment_header, previous) == 56, "format");
static_assert(offsetof(struct segment_header, check) == 120, "format");
static_assert(sizeof(struct entry_header) == ENTRY_HEADER_SIZE, "format");
static_assert(offsetof(struct entry_header, check) == 8, "format");

void journal_tell(const struct journal *journal, bool serious, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (!journal->finding)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	journal->finding(journal->context, serious, text);
}

void journal_say_faults(const char *dir)
{
	log_last_words(SIGBUS,
		"a file of the journal in %s cannot be read or written: the disk fails, or "
		"someone has cut the file short; avld ends signal=SIGBUS what_to_do=\"look for "
		"disk errors (dmesg); the next start says what is damaged, and goes on with the "
		"rest\"",
		dir);
}

uint64_t header_check(const void *header, size_t size)
{
	return XXH3_64bits(header, size - 8);
}

uint64_t entry_check(
	const struct journal *journal, uint64_t lsn, const uint8_t *payload, uint32_t length)
{
	struct {
		uint64_t lsn;
		uint32_t length, zeros;
		uint64_t payload;
		uint8_t uuid[16];
	} block = {.lsn = lsn, .length = length, .payload = XXH3_64bits(payload, length)};
	static_assert(sizeof(block) == 40, "format");
	memcpy(block.uuid, journal->meta.uuid, sizeof(block.uuid));
	return XXH3_64bits(&block, sizeof(block));
}

uint32_t entry_at(const struct journal *journal, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit)
{
	if (offset > limit || limit - offset < ENTRY_HEADER_SIZE)
		return 0;
	const struct entry_header *header =
		(const struct entry_header *)(const void *)(map + offset);
	uint32_t length = __atomic_load_n(&header->length, __ATOMIC_ACQUIRE);
	if (length == 0 || length > JOURNAL_ENTRY_MAX || header->reserved != 0 ||
		limit - offset - ENTRY_HEADER_SIZE < length)
		return 0;
	const uint8_t *payload = map + offset + ENTRY_HEADER_SIZE;
	return entry_check(journal, first + offset, payload, length) == header->check ? length : 0;
}

uint64_t entry_find(const struct journal *journal, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit)
{
	for (; offset < limit && limit - offset >= ENTRY_HEADER_SIZE; offset += 8) {
		uint64_t word; /* length and zeros */
		memcpy(&word, map + offset, sizeof(word));
		if (word - 1 < JOURNAL_ENTRY_MAX && entry_at(journal, map, first, offset, limit))
			return offset;
	}
	return limit;
}

uint64_t nonzero_end(const uint8_t *map, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[4096];
	while (to - from >= sizeof(zeros) &&
		!memcmp(map + to - sizeof(zeros), zeros, sizeof(zeros)))
		to -= sizeof(zeros);
	while (to > from && map[to - 1] == 0)
		to--;
	return to;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

// A copy that is whole, or none.
static bool copy_aside(struct journal *journal, const char *name, const uint8_t *data, size_t len)
{
	char temp[64];
	snprintf(temp, sizeof(temp), "%s.tmp", name);
	int fd = openat(journal->dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	bool good = write_all(fd, data, len) && !fsync(fd);
	int reason = errno;
	close(fd);
	if (good && !renameat(journal->dir_fd, temp, journal->dir_fd, name))
		return true;
	if (good)
		reason = errno;
	unlinkat(journal->dir_fd, temp, 0);
	errno = reason;
	return false;
}

void damage_set_aside(struct journal *journal, struct segment *segment, const uint8_t *map,
	uint64_t from, uint64_t to, bool again)
{
	char name[SEGMENT_NAME_SIZE], copy[48];
	struct stat stat;
	uint64_t lsn = segment->first + from, bytes = to - from;
	segment_name(segment->first, name);
	snprintf(copy, sizeof(copy), "damaged-%016" PRIx64 ".bin", lsn);

	bool known = !fstatat(journal->dir_fd, copy, &stat, 0) && (uint64_t)stat.st_size == bytes;
	if ((known || segment->keep) && !again)
		return;
	if (known) {
		journal_tell(journal, true,
			"segment %s: %" PRIu64 " bytes at LSN %016" PRIx64
			" cannot be read as entries; they are in %s/%s",
			name, bytes, lsn, journal->dir, copy);
	} else if (journal->options.read_only) {
		journal_tell(journal, true,
			"segment %s: %" PRIu64 " bytes at LSN %016" PRIx64
			" cannot be read as entries",
			name, bytes, lsn);
	} else if (copy_aside(journal, copy, map + from, bytes)) {
		journal_tell(journal, true,
			"segment %s: %" PRIu64 " bytes at LSN %016" PRIx64
			" cannot be read as entries; copied to %s/%s",
			name, bytes, lsn, journal->dir, copy);
	} else {
		segment->keep = true;
		journal_tell(journal, true,
			"segment %s: %" PRIu64 " bytes at LSN %016" PRIx64
			" cannot be read as entries, nor be copied to %s/%s (%s); the segment is "
			"kept",
			name, bytes, lsn, journal->dir, copy, strerror(errno));
	}
}
