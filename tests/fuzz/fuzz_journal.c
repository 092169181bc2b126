// SPDX-License-Identifier: MIT
// libFuzzer: a journal's folder in which any bytes of any file were changed, files cut, deleted, renamed or added.
//
//   change, its bytes ... | change ...
//
// The first change with bit 7 is to a small journal, which takes a fraction of the time: its two segments are nearly empty, the
// second one because the process was killed. Otherwise the first segment is full.
//
// Whatever was changed: it opens, or says why not. Then what can be read is sound and in order, it can be written to, and what
// was written is read by the next start.
#include "fuzz.h"

#include "journal/journal.h"
#include "journal/journal_format.h"
#include "journal/journal_meta.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FILES_MOST   8
#define LARGE        100000 /* bytes of some entries, so that there are two segments */
#define SMALL        100
#define CHANGES_MOST 8
#define READ_MOST    100000

enum change {
	CHANGE_BYTES,  /* file | offset u24 | count | bytes */
	CHANGE_NEAR,   /* file | offset u16 | count | bytes */
	CHANGE_ENTRY,  /* file | offset u16 * 8 | count | payload: a sound entry there */
	CHANGE_HEADER, /* file | field | value u64: and a right check */
	CHANGE_CUT,    /* file | length u24 */
	CHANGE_DELETE, /* file */
	CHANGE_RENAME, /* file | LSN u64 */
	CHANGE_ADD,    /* kind of name | LSN u64 | count | bytes */
	CHANGE_META,   /* fields u64: a right journal.meta */
	CHANGES
};

struct file {
	char name[64];
	size_t len, used; /* used: without the zeros at its end */
	uint8_t *data;
};

// A journal before the changes.
struct base {
	struct file files[FILES_MOST];
	size_t count;
	struct journal_meta meta;
};

static struct base bases[2]; /* large, small */
static struct base *base;    /* of this input */

static const char *path_of(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
	return path;
}

static struct journal_options options(bool read_only)
{
	return (struct journal_options){.dir = fuzz_folder(),
		.segment_size = SEGMENT_MIN,
		.max_size = 64 * SEGMENT_MIN,
		.read_only = read_only};
}

static void on_finding(void *context, bool serious, const char *text)
{
	(void)context;
	(void)serious;
	CHECK(strlen(text) > 0);
}

static struct journal *open_journal(bool read_only)
{
	char error[JOURNAL_ERROR_SIZE] = "";
	const struct journal_options how = options(read_only);
	struct journal *journal = journal_open(&how, on_finding, NULL, error);
	CHECK(journal || error[0]);
	return journal;
}

// Appends an entry of bytes that follow from its number. Returns its LSN, or NO_LSN if there is no room.
static uint64_t append(struct journal *journal, uint8_t number, size_t len)
{
	if (!journal_room(journal, 1, len))
		return NO_LSN;
	const uint64_t before = journal_end(journal);
	memset(journal_begin(journal, len), number, len);
	const uint64_t after = journal_commit(journal);
	CHECK(after > before && after == journal_end(journal));
	return after - entry_span(len);
}

static void keep_file(const char *name)
{
	struct file *file = &base->files[base->count];
	struct stat state;
	const int fd = open(path_of(name), O_RDONLY);
	CHECK(base->count < FILES_MOST && fd >= 0 && !fstat(fd, &state));
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->len = (size_t)state.st_size;
	file->data = malloc(file->len + 1);
	CHECK(file->data && read(fd, file->data, file->len) == (ssize_t)file->len);
	close(fd);
	file->used = file->len;
	while (file->used > 0 && file->data[file->used - 1] == 0)
		file->used--;
	base->count++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

// Opens the journal, appends entries and closes it.
static void append_entries(uint8_t first, uint8_t last, size_t large)
{
	struct journal *journal = open_journal(false);
	CHECK(journal);
	for (uint8_t n = first; n <= last; n++)
		append(journal, n, n % 2 ? large : n);
	journal_release(journal, 1000);
	journal_close(journal);
}

// Makes the journal look as after a power failure: the next start appends to a new segment.
static void forget_close(void)
{
	struct journal_meta meta;
	const int fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY);
	CHECK(journal_meta_read(fd, &meta) == META_READ);
	meta.closed = NO_LSN;
	meta.boot = (sd_id128_t){{0}};
	CHECK(journal_meta_write(fd, &meta));
	close(fd);
}

// Makes the base once, and keeps its files.
static void make_base(void)
{
	const bool small = base == &bases[1];
	if (base->count > 0)
		return;
	fuzz_empty_folder(fuzz_folder());
	append_entries(1, small ? 12 : 25, small ? SMALL : LARGE);
	if (small) {
		forget_close();
		append_entries(13, 25, SMALL);
	}
	const int fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY);
	CHECK(journal_meta_read(fd, &base->meta) == META_READ);
	close(fd);
	DIR *at = opendir(fuzz_folder());
	for (struct dirent *entry; at && (entry = readdir(at));)
		if (entry->d_name[0] != '.')
			keep_file(entry->d_name);
	closedir(at);
	qsort(base->files, base->count, sizeof(base->files[0]), by_name);
}

static void write_at(const char *name, const void *data, size_t len, size_t offset)
{
	const int fd = open(path_of(name), O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return;
	CHECK(pwrite(fd, data, len, (off_t)offset) == (ssize_t)len);
	close(fd);
}

// Writes the file without the zeros at its end, which take no memory then.
static void restore_file(const struct file *file)
{
	write_at(file->name, file->data, file->used, 0);
	CHECK(!truncate(path_of(file->name), (off_t)file->len));
}

static void restore_base(void)
{
	fuzz_empty_folder(fuzz_folder());
	for (size_t i = 0; i < base->count; i++)
		restore_file(&base->files[i]);
}

static uint64_t input_u64(struct input *input)
{
	const uint64_t high = input_number(input, 4);
	return high << 32 | input_number(input, 4);
}

// Returns an LSN near those of the journal, or any.
static uint64_t input_lsn(struct input *input)
{
	return input_byte(input) & 1 ? input_u64(input) : (uint64_t)input_byte(input) << 16;
}

static void put_entry(struct input *input, const char *name)
{
	uint64_t first;
	const size_t offset = (size_t)input_number(input, 2) * 8;
	const struct input payload = input_bytes(input, input_byte(input));
	if (!journal_format_parse_lsn(name, &first) || payload.len == 0)
		return;
	const struct entry_header header = {.length = (uint32_t)payload.len,
		.check = journal_format_entry_check(
			&base->meta.uuid, first + offset, payload.data, (uint32_t)payload.len)};
	write_at(name, &header, sizeof(header), offset);
	write_at(name, payload.data, payload.len, offset + sizeof(header));
}

static void put_header(struct input *input, const struct file *file)
{
	struct segment_header header;
	if (file->len < sizeof(header))
		return;
	memcpy(&header, file->data, sizeof(header));
	const uint8_t field = input_byte(input) % 4;
	uint64_t *const fields[] = {&header.first, &header.size, &header.previous, &header.check};
	*fields[field] = input_lsn(input);
	if (field < 3)
		journal_format_seal_header(&header);
	write_at(file->name, &header, sizeof(header), 0);
}

static void put_meta(struct input *input)
{
	struct journal_meta changed = base->meta;
	changed.last = input_lsn(input);
	changed.reserved = input_lsn(input);
	changed.closed = input_lsn(input);
	const int fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY);
	CHECK(journal_meta_write(fd, &changed));
	close(fd);
}

static void add_file(struct input *input)
{
	char name[64], segment[SEGMENT_NAME_SIZE];
	const uint8_t kind = input_byte(input) % 6;
	journal_format_segment_name(input_lsn(input), segment);
	const char *const suffixes[] = {"", ".tmp", ".damaged", ".foreign", "x"};
	snprintf(name, sizeof(name), "%s%s", kind < 5 ? segment : "stored",
		kind < 5 ? suffixes[kind] : "");
	const struct input bytes = input_bytes(input, input_byte(input));
	if (bytes.len > 0)
		write_at(name, bytes.data, bytes.len, 0);
}

static void rename_file(struct input *input, const char *name)
{
	char from[200], to[SEGMENT_NAME_SIZE];
	snprintf(from, sizeof(from), "%s", path_of(name));
	journal_format_segment_name(input_lsn(input), to);
	rename(from, path_of(to));
}

static void put_bytes(struct input *input, const struct file *file, unsigned offset_bytes)
{
	const size_t offset = input_number(input, offset_bytes) % (file->len + 64);
	const struct input bytes = input_bytes(input, input_byte(input));
	if (bytes.len > 0)
		write_at(file->name, bytes.data, bytes.len, offset);
}

static void make_change(struct input *input)
{
	const enum change change = (input_byte(input) & 127) % CHANGES;
	const struct file *file = &base->files[input_byte(input) % base->count];
	switch (change) {
	case CHANGE_BYTES:
		put_bytes(input, file, 3);
		return;
	case CHANGE_NEAR:
		put_bytes(input, file, 2);
		return;
	case CHANGE_ENTRY:
		put_entry(input, file->name);
		return;
	case CHANGE_HEADER:
		put_header(input, file);
		return;
	case CHANGE_CUT:
		if (truncate(path_of(file->name), input_number(input, 3) % (file->len + 4096)))
			return;
		return;
	case CHANGE_DELETE:
		remove(path_of(file->name));
		return;
	case CHANGE_RENAME:
		rename_file(input, file->name);
		return;
	case CHANGE_ADD:
		add_file(input);
		return;
	default:
		put_meta(input);
	}
}

// Reads every entry: LSNs increase, each lies below the end. Returns true if one begins at `wanted`.
static bool read_all(struct journal *journal, uint64_t wanted)
{
	struct journal_cursor cursor;
	uint64_t before = 0;
	bool found = false;
	size_t count = 0;
	journal_cursor_init(&cursor, journal, 0);
	while (journal_cursor_next(&cursor)) {
		CHECK(cursor.len >= 1 && cursor.len <= JOURNAL_ENTRY_MAX && cursor.lsn > before);
		CHECK(cursor.lsn <= journal_end(journal) && ++count < READ_MOST);
		before = cursor.lsn;
		found |= cursor.lsn - entry_span(cursor.len) == wanted;
		volatile uint8_t sum = 0;
		for (size_t i = 0; i < cursor.len; i += 512)
			sum = (uint8_t)(sum + cursor.data[i]);
	}
	journal_cursor_done(&cursor);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = {data, len};
	base = &bases[len > 0 ? data[0] >> 7 : 0];
	make_base();
	restore_base();
	for (int changes = 0; input.len > 0 && changes < CHANGES_MOST; changes++)
		make_change(&input);

	struct journal *journal = open_journal(true);
	if (journal) {
		read_all(journal, NO_LSN);
		journal_close(journal);
	}
	journal = open_journal(false);
	if (!journal)
		return 0;
	const uint64_t end = journal_end(journal);
	read_all(journal, NO_LSN);
	const uint64_t lsn = append(journal, 77, 100);
	CHECK(lsn == NO_LSN || lsn >= end);
	if (lsn != NO_LSN)
		CHECK(read_all(journal, lsn));
	journal_close(journal);
	if (lsn == NO_LSN)
		return 0;
	journal = open_journal(false);
	CHECK(journal && journal_end(journal) > lsn && read_all(journal, lsn));
	journal_close(journal);
	return 0;
}
