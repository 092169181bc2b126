// SPDX-License-Identifier: MIT
// Damaged journals: a start reports what it found, loses nothing readable, invents nothing, and gives no
// LSN twice.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"

#define ENTRIES 40

struct written {
	uint64_t lsn[ENTRIES + 1]; /* of each entry, and after the last */
};

// Makes a journal of one segment with entries 0..39, as a killed process leaves it.
static struct written a_journal(void)
{
	struct written written = {{SEGMENT_HEADER_SIZE}};
	empty_folder();
	forget_findings();
	struct journal *journal = open_small();
	for (uint32_t n = 0; n < ENTRIES; n++)
		written.lsn[n + 1] = put_entry(journal, n, 10 + n % 5 * 8);
	crash(journal);
	return written;
}

static size_t file_size(const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return (size_t)status.st_size;
}

// Checks that `good` entries are read, by a read-only and a writing journal, and that new entries are read
// too, at LSNs not below `not_before`, also after another restart.
static void check_resumes(size_t good, uint64_t not_before)
{
	struct journal *journal = open_read_only();
	assert_int_equal(read_all(journal, 0, NULL), good);
	journal_close(journal);
	forget_findings();

	journal = open_small();
	assert_true(journal_end(journal) >= not_before);
	assert_int_equal(journal_recovered(journal), journal_end(journal));
	assert_int_equal(read_all(journal, 0, NULL), good);
	uint64_t from = journal_end(journal);
	assert_true(put_entry(journal, 1000, 100) > not_before);
	put_entry(journal, 1001, 100);
	assert_int_equal(read_all(journal, 0, NULL), good + 2);
	assert_int_equal(read_all(journal, from, NULL), 2);
	crash(journal);
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), good + 2);
	assert_int_equal(read_all(journal, from, NULL), 2);
	journal_close(journal);
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t back = 0; back <= 150; back++) {
		struct written w = a_journal();
		uint64_t cut = w.lsn[ENTRIES] - back;
		assert_int_equal(truncate(segment_path(0), (off_t)cut), 0);
		size_t good = 0;
		while (good < ENTRIES && w.lsn[good + 1] <= cut)
			good++;
		/* An entry without its padding is complete. */
		if (good < ENTRIES && w.lsn[good] + 16 + 10 + good % 5 * 8 <= cut)
			good++;
		check_resumes(good, w.lsn[ENTRIES]);
		assert_true(was_found("is cut short"));
		if (cut > w.lsn[good])
			assert_true(
				file_exists(path_of("damaged-")) || files_with("damaged-") == 1);
	}
}

static void zeros_from_every_byte(void **state)
{
	(void)state;
	static const uint8_t zeros[200];
	for (size_t back = 1; back <= 150; back++) {
		struct written w = a_journal();
		uint64_t cut = w.lsn[ENTRIES] - back;
		another_boot();
		patch(segment_path(0), cut, zeros, back);
		size_t good = 0;
		while (good < ENTRIES && w.lsn[good + 1] <= cut)
			good++;
		if (good < ENTRIES && w.lsn[good] + 16 + 10 + good % 5 * 8 <= cut)
			good++;
		check_resumes(good, w.lsn[ENTRIES]);
	}
}

// One bit costs at most one entry, and that is set aside.
static void one_bit_flipped_in_every_byte(void **state)
{
	(void)state;
	struct written w = a_journal();
	for (uint64_t at = w.lsn[ENTRIES - 3]; at < w.lsn[ENTRIES]; at++) {
		const unsigned bit = (unsigned)at % 8;
		w = a_journal();
		flip(segment_path(0), at, bit);
		size_t hit = ENTRIES - 3;
		while (w.lsn[hit + 1] <= at)
			hit++;
		bool padding = at - w.lsn[hit] >= 16 + 10 + hit % 5 * 8;
		bool last = hit == ENTRIES - 1;
		check_resumes(padding ? ENTRIES : ENTRIES - 1, last ? w.lsn[hit] : w.lsn[ENTRIES]);
		assert_true(
			padding || files_with("damaged-") == 1 || was_found("was never finished"));
	}
}

static void damaged_bytes_are_copied_aside(void **state)
{
	(void)state;
	struct written w = a_journal();
	uint8_t before[200], after[200];
	flip(segment_path(0), w.lsn[20] + 20, 3);
	size_t len = w.lsn[21] - w.lsn[20];
	int fd = open(segment_path(0), O_RDONLY);
	assert_int_equal(pread(fd, before, len, (off_t)w.lsn[20]), len);
	close(fd);

	struct journal *journal = open_small();
	char name[64];
	snprintf(name, sizeof(name), "damaged-%016" PRIx64 ".bin", w.lsn[20]);
	assert_int_equal(findings.serious, 1);
	assert_true(was_found(name) && was_found("0000000000000000.seg") && was_found(dir));
	assert_int_equal(file_size(path_of(name)), len);
	fd = open(path_of(name), O_RDONLY);
	assert_int_equal(read(fd, after, sizeof(after)), len);
	close(fd);
	assert_memory_equal(before, after, len);
	assert_int_equal(journal_end(journal),
		w.lsn[ENTRIES]); /* the last entry is sound: writing resumes after it */
	assert_int_equal(read_all(journal, 0, NULL), ENTRIES - 1);
	assert_int_equal(read_all(journal, 0, NULL), ENTRIES - 1);
	assert_int_equal(findings.count, 1); /* reported once, not by each cursor */
	journal_close(journal);
}

// The copy fails (its name is taken by a folder here): the segment is kept when it would be deleted.
static void a_segment_is_kept_if_damage_cannot_be_copied(void **state)
{
	(void)state;
	struct written w = a_journal();
	char name[64];
	flip(segment_path(0), w.lsn[20] + 20, 3);
	snprintf(name, sizeof(name), "damaged-%016" PRIx64 ".bin.tmp", w.lsn[20]);
	assert_int_equal(mkdir(path_of(name), 0700), 0);
	struct journal *journal = open_small();
	assert_true(was_found("the segment is kept"));
	for (uint32_t n = ENTRIES; journal_bytes(journal) < 3 * MIB; n++)
		put_entry(journal, n, 5000);
	journal_release(journal, journal_end(journal));
	assert_false(file_exists(segment_path(0)));
	assert_true(file_exists(path_of("0000000000000000.seg.damaged")));
	journal_close(journal);
	assert_int_equal(rmdir(path_of(name)), 0);
}

static void an_unfinished_entry_is_wiped(void **state)
{
	(void)state;
	struct written w = a_journal();
	struct journal *journal = open_small();
	fill(journal_begin(journal, 5000), 7, 5000);
	crash(journal);
	journal = open_small();
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.serious, 0);
	assert_true(was_found("never finished"));
	assert_int_equal(journal_end(journal), w.lsn[ENTRIES]);
	for (uint32_t n = ENTRIES; n < 2 * ENTRIES; n++) /* over the same bytes */
		put_entry(journal, n, 60);
	crash(journal);
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), 2 * ENTRIES);
	assert_int_equal(findings.count, 1);
	journal_close(journal);
}

static void an_old_segment_is_checked_when_read(void **state)
{
	(void)state;
	uint64_t lsn[4000];
	struct journal *journal = open_small();
	for (uint32_t n = 0; n < 4000; n++)
		lsn[n] = put_entry(journal, n, 1000);
	journal_close(journal);
	flip(segment_path(0), 5000, 1);
	flip(segment_path(MIB), 7000, 1);
	flip(segment_path(MIB), 17000, 1);
	journal = open_small();
	assert_int_equal(findings.count, 0);
	assert_int_equal(read_all(journal, 0, NULL), 3997);
	assert_int_equal(findings.serious, 3);
	assert_int_equal(files_with("damaged-"), 3);
	assert_int_equal(read_all(journal, lsn[2999], NULL), 1000);
	journal_close(journal);
}

static uint32_t several_segments(void)
{
	struct journal *journal = open_small();
	uint32_t n = 0;
	while (journal_bytes(journal) < 4 * MIB || journal->next < journal->count)
		put_entry(journal, n++, 1000);
	crash(journal);
	return n;
}

static void a_missing_segment_is_reported(void **state)
{
	(void)state;
	uint32_t per_segment = (uint32_t)((MIB - SEGMENT_HEADER_SIZE) / 1016);
	for (unsigned gone = 0; gone < 4; gone++) {
		char name[SEGMENT_NAME_SIZE];
		empty_folder();
		forget_findings();
		uint32_t n = several_segments();
		journal_format_segment_name(gone * MIB, name);
		assert_int_equal(unlink(path_of(name)), 0);
		struct journal *journal = open_small();
		assert_true(was_found(name) && was_found("is missing"));
		assert_int_equal(findings.serious, 1);
		uint32_t lost = gone < 3 ? per_segment : n - 3 * per_segment;
		assert_int_equal(read_all(journal, 0, NULL), n - lost);
		assert_true(journal_end(journal) >= 3 * MIB + 128 + (n - 3 * per_segment) * 1016);
		put_entry(journal, n, 1000);
		assert_int_equal(read_all(journal, 0, NULL), n - lost + 1);
		journal_close(journal);
	}
}

static void all_segments_missing(void **state)
{
	(void)state;
	several_segments();
	for (uint64_t first = 0; first < 4 * MIB; first += MIB)
		assert_int_equal(unlink(segment_path(first)), 0);
	struct journal *journal = open_small();
	assert_int_equal(findings.serious, 1);
	assert_true(journal_end(journal) >= 4 * MIB);
	assert_int_equal(read_all(journal, 0, NULL), 0);
	put_entry(journal, 1, 10);
	journal_close(journal);
	forget_findings();
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), 1);
	assert_int_equal(findings.count, 0);
	journal_close(journal);
}

static void a_stored_and_deleted_segment_is_not_missing(void **state)
{
	(void)state;
	several_segments();
	struct journal *journal = open_small();
	journal_release(journal, journal_end(journal));
	assert_false(file_exists(segment_path(0)));
	crash(journal);
	journal = open_small();
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void other_files_are_left_alone(void **state)
{
	(void)state;
	a_journal();
	static const char *const names[] = {"notes.txt", "0000000000100000.seg.bak", "core",
		"ABCDEF0000000000.seg", "000.seg", "x.tmp"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		close(open(path_of(names[i]), O_CREAT | O_WRONLY, 0600));
	struct journal *journal = open_small();
	assert_int_equal(findings.count, sizeof(names) / sizeof(names[0]));
	assert_int_equal(findings.serious, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(was_found(names[i]) && file_exists(path_of(names[i])));
	assert_int_equal(read_all(journal, 0, NULL), ENTRIES);
	journal_close(journal);
}

static void unfinished_files_are_deleted(void **state)
{
	(void)state;
	a_journal();
	static const char *const names[] = {
		"0000000000100000.seg.tmp", "journal.meta.tmp", "damaged-0000000000000080.bin.tmp"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		close(open(path_of(names[i]), O_CREAT | O_WRONLY, 0600));
	struct journal *journal = open_read_only();
	journal_close(journal);
	assert_int_equal(files_with(".tmp"), 3);
	journal = open_small();
	assert_int_equal(findings.count, 0);
	assert_int_equal(files_with(".tmp"), 0);
	journal_close(journal);
}

static void an_empty_segment_file(void **state)
{
	(void)state;
	struct written w = a_journal();
	close(open(segment_path(MIB), O_CREAT | O_WRONLY, 0600));
	struct journal *journal = open_read_only();
	assert_true(was_found("0000000000100000.seg is empty"));
	assert_int_equal(read_all(journal, 0, NULL), ENTRIES);
	journal_close(journal);
	assert_true(file_exists(segment_path(MIB)));
	check_resumes(ENTRIES, w.lsn[ENTRIES]);
	assert_true(file_exists(path_of("0000000000100000.seg.damaged")));
	assert_int_equal(file_size(path_of("0000000000100000.seg.damaged")), 0);
}

// Whatever byte of the header is damaged, the entries are read; a later version is refused.
static void a_damaged_header(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < SEGMENT_HEADER_SIZE; at += at < 64 ? 1 : 5) {
		const unsigned bit = (unsigned)at % 8;
		struct written w = a_journal();
		flip(segment_path(0), at, bit);
		if (at >= 8 && at < 12 && (at > 8 || bit > 0)) {
			struct journal_options options = small_options();
			char error[JOURNAL_ERROR_SIZE];
			assert_null(journal_open(&options, on_finding, NULL, error));
			assert_non_null(strstr(error, "is of version"));
			assert_true(file_exists(segment_path(0)));
			continue;
		}
		check_resumes(ENTRIES, w.lsn[ENTRIES]);
		assert_true(was_found("damaged header"));
	}
}

// A header that is right in itself, but whose size is more than there is up to the next segment.
static void a_segment_that_reaches_into_the_next_one(void **state)
{
	(void)state;
	for (uint64_t sealed = 0; sealed < 3; sealed++) {
		struct segment_header header;
		empty_folder();
		forget_findings();
		const uint32_t n = several_segments();
		int fd = open(segment_path(sealed * MIB), O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
		close(fd);
		header.size = 8 * MIB;
		journal_format_seal_header(&header);
		patch(segment_path(sealed * MIB), 0, &header, sizeof(header));
		struct journal *journal = open_small();
		assert_true(was_found("reaches into the next one"));
		assert_int_equal(read_all(journal, 0, NULL), n);
		put_entry(journal, n, 1000);
		assert_int_equal(read_all(journal, 0, NULL), n + 1);
		journal_close(journal);
	}
}

static void files_that_are_no_segments(void **state)
{
	(void)state;
	struct written w = a_journal();
	static uint8_t noise[4096];
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * i >> 3);
	int fd = open(segment_path(MIB), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	check_resumes(ENTRIES, w.lsn[ENTRIES]);
	assert_true(file_exists(path_of("0000000000100000.seg.damaged")));
	/* A good segment with the name of another: its entries are not valid there. */
	w = a_journal();
	assert_int_equal(rename(segment_path(0), segment_path(5 * MIB)), 0);
	struct journal *journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), 0);
	assert_true(file_exists(path_of("0000000000500000.seg.damaged")));
	assert_true(journal_end(journal) >= w.lsn[ENTRIES]);
	journal_close(journal);
}

static void a_newer_version_is_refused_and_not_touched(void **state)
{
	(void)state;
	struct written w = a_journal();
	struct journal_options options = small_options();
	char error[JOURNAL_ERROR_SIZE];
	uint32_t version = 2;
	patch(segment_path(0), 8, &version, 4);
	for (int look = 0; look < 2; look++) {
		options.read_only = look;
		assert_null(journal_open(&options, on_finding, NULL, error));
		assert_non_null(strstr(error, "0000000000000000.seg is of version 2"));
	}
	assert_int_equal(files_with(".seg"), 1);
	version = 1;
	patch(segment_path(0), 8, &version, 4);
	check_resumes(ENTRIES, w.lsn[ENTRIES]);
	patch(path_of("journal.meta"), 13, "2", 1);
	options.read_only = false;
	assert_null(journal_open(&options, on_finding, NULL, error));
	assert_non_null(strstr(error, "newer avld"));
}

static void a_segment_of_another_journal(void **state)
{
	(void)state;
	several_segments();
	uint8_t *copy = malloc(MIB);
	int fd = open(segment_path(2 * MIB), O_RDONLY);
	assert_int_equal(read(fd, copy, MIB), MIB);
	close(fd);
	struct written w = a_journal();
	fd = open(segment_path(2 * MIB), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, copy, MIB), MIB);
	close(fd);
	free(copy);
	check_resumes(ENTRIES, w.lsn[ENTRIES]);
	assert_true(was_found("another journal"));
	assert_true(file_exists(path_of("0000000000200000.seg.foreign")));
}

static void a_damaged_or_missing_meta_file(void **state)
{
	(void)state;
	size_t size = 1;
	for (size_t at = 0; at < size; at += 2) {
		char uuid[37];
		struct written w = a_journal();
		size = file_size(path_of("journal.meta"));
		struct journal *journal = open_read_only();
		memcpy(uuid, journal_uuid(journal), sizeof(uuid));
		journal_close(journal);
		forget_findings();
		if (at % 10 == 0)
			assert_int_equal(unlink(path_of("journal.meta")), 0);
		else
			flip(path_of("journal.meta"), at, 7);
		journal = open_read_only();
		assert_int_equal(findings.serious, 1);
		assert_string_equal(journal_uuid(journal), uuid);
		journal_close(journal);
		check_resumes(ENTRIES, w.lsn[ENTRIES]);
		journal = open_small();
		assert_string_equal(journal_uuid(journal), uuid);
		journal_close(journal);
	}
}

// Such LSNs would leave no room after them: what is appended there, the next start could not find.
static void a_meta_file_with_lsns_that_no_journal_reaches_is_damaged(void **state)
{
	(void)state;
	for (int field = 0; field < 4; field++) {
		const struct written w = a_journal();
		const int fd = open(dir, O_RDONLY | O_DIRECTORY);
		struct journal_meta meta;
		assert_int_equal(journal_meta_read(fd, &meta), META_READ);
		uint64_t *const fields[] = {
			&meta.last, &meta.reserved, &meta.closed, &meta.reserved};
		*fields[field] = field < 3 ? LSN_MAX + 1 : NO_LSN;
		assert_true(journal_meta_write(fd, &meta));
		assert_int_equal(journal_meta_read(fd, &meta), META_DAMAGED);
		close(fd);
		check_resumes(ENTRIES, w.lsn[ENTRIES]);
	}
}

static void a_segment_that_no_journal_reaches_is_left_alone(void **state)
{
	(void)state;
	const struct written w = a_journal();
	const char *const name = path_of("4000000000000001.seg");
	const int fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "no segment", 10), 10);
	close(fd);
	struct journal *const journal = open_small();
	assert_true(was_found("is not part of the journal; left alone"));
	journal_close(journal);
	assert_true(file_exists(name));
	check_resumes(ENTRIES, w.lsn[ENTRIES]);
}

// After a power failure, what was not synced may be gone without a trace, and its LSNs may be in the
// database.
static void no_lsn_is_given_twice_after_a_power_failure(void **state)
{
	(void)state;
	uint64_t highest = 0;
	static const uint8_t zeros[4096];
	empty_folder();
	uint32_t n = 0, kept = 0;
	for (int round = 0; round < 6; round++) {
		struct journal *journal = open_small();
		assert_int_equal(findings.count, 0);
		assert_true(journal_end(journal) >= highest);
		assert_int_equal(read_all(journal, 0, NULL), kept);
		uint64_t from = journal_end(journal);
		uint64_t half = 0;
		for (int i = 0; i < 100; i++) {
			highest = put_entry(journal, n++, 1000);
			if (i == 49)
				half = highest;
		}
		kept += 50;
		uint64_t first = journal->first;
		crash(journal);
		assert_true(half > from);
		for (uint64_t at = half; at < highest; at += 8)
			patch(segment_path(first), at - first, zeros, 8);
		another_boot();
	}
	struct journal *journal = open_small();
	assert_true(journal_end(journal) >= highest);
	journal_close(journal);
	journal = open_small(); /* nor after an orderly close without new entries */
	assert_true(journal_end(journal) >= highest);
	put_entry(journal, n, 10);
	assert_int_equal(read_all(journal, 0, NULL), kept + 1);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void entries_missing_after_an_orderly_close(void **state)
{
	(void)state;
	static const uint8_t zeros[4096];
	struct written w = a_journal();
	journal_close(open_small());
	patch(segment_path(0), w.lsn[30], zeros, w.lsn[ENTRIES] - w.lsn[30]);
	struct journal *journal = open_small();
	assert_int_equal(findings.serious, 1);
	assert_true(was_found("are missing"));
	assert_true(journal_end(journal) >= w.lsn[ENTRIES]);
	assert_int_equal(read_all(journal, 0, NULL), 30);
	journal_close(journal);
}

// A small quota and a damaged end: there is room again once the readable entries are stored.
static void damage_does_not_block_a_small_journal(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 2 * MIB;
	struct journal *journal = open_with(&options);
	uint32_t n = 0;
	for (; journal_room(journal, 1, 1000); n++)
		put_entry(journal, n, 1000);
	uint64_t end = journal_end(journal);
	crash(journal);
	flip(segment_path(MIB), end - MIB - 500, 1);
	for (int round = 0; round < 3; round++) {
		journal = open_with(&options);
		struct journal_cursor cursor;
		journal_cursor_init(&cursor, journal, 0);
		uint64_t last = 0;
		while (journal_cursor_next(&cursor))
			last = cursor.lsn;
		journal_cursor_done(&cursor);
		journal_release(journal, last);
		assert_true(journal_room(journal, 1, 1000));
		put_entry(journal, n++, 1000);
		assert_true(journal_end(journal) > end);
		crash(journal);
	}
}

// These bytes of version 1 must stay readable.
static void version_1_is_read(void **state)
{
	(void)state;
	static const uint8_t head[] = {'A', 'V', 'L', 'D', 'J', 'R', 'N', 'L', 1, 0, 0, 0, 0x80, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, /* first LSN, size */
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
		0xee, 0xff, 0x88, 0x18, 0x5f, 0x03, 0xdc, 0x60, 0x06, 0, /* uuid, created */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};         /* no previous segment */
	static const uint8_t rest[] = {0x9b, 0xaa, 0x98, 0xe5, 0xff, 0x5f, 0x5a, 0xb0, /* check */
		5, 0, 0, 0, 0, 0, 0, 0, 0x40, 0xd7, 0x0a, 0xc0, 0x9f, 0x55, 0x78, 0x77, 'f', 'i',
		'r', 's', 't', 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0x76, 0x5b, 0xea, 0x62, 0x01,
		0xa1, 0x8d, 's', 'e', 'c', 'o', 'n', 'd', '.', '.'};
	static const char meta[] = "avld-journal 1\n"
				   "uuid 00112233-4455-6677-8899-aabbccddeeff\n"
				   "last 0000000000000000\n"
				   "reserved 00000000000000b0\n"
				   "closed 00000000000000b0\n"
				   "boot e6e211f1-5cf7-41a3-a030-24dc8133ac71\n"
				   "check a6ce24eef2105317\n";
	close(open(segment_path(0), O_CREAT | O_WRONLY, 0600));
	close(open(path_of("journal.meta"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(truncate(segment_path(0), (off_t)MIB), 0);
	patch(segment_path(0), 0, head, sizeof(head));
	patch(segment_path(0), 120, rest, sizeof(rest));
	patch(path_of("journal.meta"), 0, meta, sizeof(meta) - 1);
	struct journal *journal = open_small();
	struct journal_cursor cursor;
	journal_cursor_init(&cursor, journal, 0);
	assert_true(journal_cursor_next(&cursor));
	assert_int_equal(cursor.len, 5);
	assert_memory_equal(cursor.data, "first", 5);
	assert_true(journal_cursor_next(&cursor));
	assert_int_equal(cursor.len, 8);
	assert_memory_equal(cursor.data, "second..", 8);
	assert_false(journal_cursor_next(&cursor));
	assert_int_equal(cursor.lsn, 0xb0);
	journal_cursor_done(&cursor);
	put_entry(journal, 1, 10); /* another boot, but closed in order */
	assert_int_equal(journal_end(journal), 0xb0 + 16 + 16);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

// Files are deleted while the journal is open: its entries are read all the same, except those of old files that are not kept
// open.
static void a_segment_deleted_at_run_time(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	for (uint32_t n = 0; n < 2000; n++)
		put_entry(journal, n, 1000);
	uint32_t old = (uint32_t)((MIB - SEGMENT_HEADER_SIZE) / 1016);
	assert_int_equal(unlink(segment_path(MIB)), 0);
	assert_int_equal(read_all(journal, 0, NULL), 2000);
	assert_int_equal(unlink(segment_path(0)), 0);
	assert_int_equal(read_all(journal, 0, NULL), 2000);
	assert_int_equal(findings.count, 0);
	assert_int_equal(close(journal->segments[0].fd), 0);
	journal->segments[0].fd = -1; /* as beyond JOURNAL_FDS_KEPT */
	assert_int_equal(read_all(journal, 0, NULL), 2000 - old);
	assert_int_equal(findings.serious, 1);
	assert_true(was_found("0000000000000000.seg is missing"));
	journal_close(journal);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(cut_at_every_byte),
		IN_FOLDER(zeros_from_every_byte),
		IN_FOLDER(one_bit_flipped_in_every_byte),
		IN_FOLDER(damaged_bytes_are_copied_aside),
		IN_FOLDER(a_segment_is_kept_if_damage_cannot_be_copied),
		IN_FOLDER(an_unfinished_entry_is_wiped),
		IN_FOLDER(an_old_segment_is_checked_when_read),
		IN_FOLDER(a_missing_segment_is_reported),
		IN_FOLDER(all_segments_missing),
		IN_FOLDER(a_stored_and_deleted_segment_is_not_missing),
		IN_FOLDER(other_files_are_left_alone),
		IN_FOLDER(unfinished_files_are_deleted),
		IN_FOLDER(an_empty_segment_file),
		IN_FOLDER(a_damaged_header),
		IN_FOLDER(a_segment_that_reaches_into_the_next_one),
		IN_FOLDER(files_that_are_no_segments),
		IN_FOLDER(a_newer_version_is_refused_and_not_touched),
		IN_FOLDER(a_segment_of_another_journal),
		IN_FOLDER(a_damaged_or_missing_meta_file),
		IN_FOLDER(a_meta_file_with_lsns_that_no_journal_reaches_is_damaged),
		IN_FOLDER(a_segment_that_no_journal_reaches_is_left_alone),
		IN_FOLDER(no_lsn_is_given_twice_after_a_power_failure),
		IN_FOLDER(entries_missing_after_an_orderly_close),
		IN_FOLDER(damage_does_not_block_a_small_journal),
		IN_FOLDER(version_1_is_read),
		IN_FOLDER(a_segment_deleted_at_run_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
