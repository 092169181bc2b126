// SPDX-License-Identifier: MIT
// Shared by the journal's tests: a temporary folder, numbered entries, the findings made.
#ifndef AVLD_JOURNAL_FIXTURE_H
#define AVLD_JOURNAL_FIXTURE_H

#include "folder.h"
#include "journal/journal.h"
#include "journal/journal_format.h"
#include "journal/journal_meta.h"
#include "journal/journal_state.h"
#include "util/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

struct findings {
	size_t count, serious;
	char text[64][400];
};

static struct findings findings;
static char dir[64];

static inline void on_finding(void *context, bool serious, const char *text)
{
	(void)context;
	findings.serious += serious;
	if (findings.count < sizeof(findings.text) / sizeof(findings.text[0]))
		snprintf(findings.text[findings.count++], sizeof(findings.text[0]), "%s", text);
}

static inline bool was_found(const char *part)
{
	for (size_t i = 0; i < findings.count; i++)
		if (strstr(findings.text[i], part))
			return true;
	return false;
}

static inline void forget_findings(void)
{
	findings.count = findings.serious = 0;
}

static inline char *path_of(const char *name)
{
	static char path[4][400];
	static unsigned n;
	char *at = path[n++ % 4];
	snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
	return at;
}

static inline char *segment_path(uint64_t first)
{
	char name[SEGMENT_NAME_SIZE];
	journal_format_segment_name(first, name);
	return path_of(name);
}

static inline bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline void empty_folder(void)
{
	DIR *at = opendir(dir);
	for (struct dirent *entry; at && (entry = readdir(at));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove(path_of(entry->d_name));
	if (at)
		closedir(at);
}

static inline size_t files_with(const char *part)
{
	size_t n = 0;
	DIR *at = opendir(dir);
	for (struct dirent *entry; at && (entry = readdir(at));)
		n += strstr(entry->d_name, part) != NULL;
	if (at)
		closedir(at);
	return n;
}

static inline int make_folder(void **state)
{
	(void)state;
	forget_findings();
	return folder_new(dir, sizeof(dir), "journal") ? 0 : -1;
}

static inline int drop_folder(void **state)
{
	(void)state;
	empty_folder();
	return rmdir(dir);
}

static inline struct journal_options small_options(void)
{
	return (struct journal_options){.dir = dir, .segment_size = MIB, .max_size = 64 * MIB};
}

static inline struct journal *open_with(const struct journal_options *options)
{
	char error[JOURNAL_ERROR_SIZE];
	struct journal *journal = journal_open(options, on_finding, NULL, error);
	if (!journal)
		fail_msg("journal_open: %s", error);
	return journal;
}

static inline struct journal *open_small(void)
{
	struct journal_options options = small_options();
	return open_with(&options);
}

static inline struct journal *open_read_only(void)
{
	struct journal_options options = small_options();
	options.read_only = true;
	return open_with(&options);
}

// Closes it as a kill would: nothing is synced or written.
static inline void crash(struct journal *journal)
{
	journal->read_only = true;
	journal_close(journal);
}

// Makes the next start believe that the machine was restarted: what was not synced may be lost.
static inline void another_boot(void)
{
	struct journal_meta meta;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(journal_meta_read(fd, &meta), META_READ);
	memset(&meta.boot, 0xff, sizeof(meta.boot));
	assert_true(journal_meta_write(fd, &meta));
	close(fd);
}

// Returns the length of entry number n; its length and bytes follow from the number.
static inline size_t length_of(uint32_t n, size_t most)
{
	return 4 + (n * 2654435761u >> 7) % (most - 3);
}

static inline void fill(uint8_t *at, uint32_t n, size_t len)
{
	memcpy(at, &n, 4);
	for (size_t i = 4; i < len; i++)
		at[i] = (uint8_t)(n * 31 + i * 7 + 1);
}

// Waits for a segment that is being made.
static inline bool has_room(struct journal *journal, size_t len)
{
	bool room;
	do
		room = journal_room(journal, 1, len);
	while (!room && journal_wait(journal));
	return room;
}

static inline uint64_t put_entry(struct journal *journal, uint32_t n, size_t len)
{
	assert_true(has_room(journal, len));
	fill(journal_begin(journal, len), n, len);
	return journal_commit(journal);
}

// Returns the number of the entry that the cursor has read; its bytes must be those written.
static inline uint32_t number_of(const struct journal_cursor *cursor)
{
	uint32_t n;
	uint8_t expected[JOURNAL_ENTRY_MAX];
	assert_true(cursor->len >= 4 && cursor->len <= sizeof(expected));
	memcpy(&n, cursor->data, 4);
	fill(expected, n, cursor->len);
	assert_memory_equal(cursor->data, expected, cursor->len);
	return n;
}

// Reads all entries from lsn on: numbers must increase. Returns how many; *last: the last number.
static inline size_t read_all(struct journal *journal, uint64_t lsn, uint32_t *last)
{
	struct journal_cursor cursor;
	size_t count = 0;
	uint32_t before = 0;
	journal_cursor_init(&cursor, journal, lsn);
	while (journal_cursor_next(&cursor)) {
		uint32_t n = number_of(&cursor);
		assert_true(count == 0 || n > before);
		before = n;
		count++;
	}
	if (!journal->read_only)
		assert_int_equal(cursor.lsn, journal_end(journal));
	journal_cursor_done(&cursor);
	if (last)
		*last = before;
	return count;
}

static inline void patch(const char *path, uint64_t offset, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)offset), len);
	close(fd);
}

static inline void flip(const char *path, uint64_t offset, unsigned bit)
{
	uint8_t byte;
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= (uint8_t)(1u << bit);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
}

// A child appends as fast as it can and counts committed entries in shared memory; it is killed at a
// random moment, at most `most_ns` after its first entry, and all entries must be there. 40 rounds.
static inline void kill_at_random(void append(_Atomic uint32_t *committed), long most_ns)
{
	srandom((unsigned)time(NULL));
	_Atomic uint32_t *put =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(put, MAP_FAILED);
	uint64_t end = 0;
	for (int round = 0; round < 40; round++) {
		const uint32_t before = *put;
		pid_t pid = fork();
		if (pid == 0) {
			append(put);
			_exit(1);
		}
		while (*put == before) /* until its first entry */
			assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		struct timespec some = {0, random() % most_ns};
		nanosleep(&some, NULL);
		kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));

		struct journal *journal = open_small();
		uint32_t last = 0;
		read_all(journal, 0, &last);
		/* The child may have died between committing and counting. */
		assert_true(last == *put || last == *put + 1);
		*put = last;
		assert_true(journal_end(journal) > end);
		end = journal_end(journal);
		assert_int_equal(findings.serious, 0);
		crash(journal);
	}
	munmap((void *)(uintptr_t)put, 4096);
}

#endif
