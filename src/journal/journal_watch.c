// SPDX-License-Identifier: MIT
// A journal whose folder somebody moves or removes.
//
//   at the path               the folder that is open       then
//   the open folder           its files are there           good
//   the open folder           its files are gone            new files in it
//   nothing                   moved                         written to where it is now, until it is back
//   nothing                   removed                       the folder is made again, new files in it
//   another folder            moved or removed              new files in that one, unless it holds another journal
//
// What the old files hold can be read as long as the process lives: their descriptors stay open.
#include "journal/journal_watch.h"

#include "journal/journal.h"
#include "journal/journal_findings.h"
#include "journal/journal_meta.h"
#include "journal/journal_segments.h"
#include "journal/journal_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *journal_watch_problem(const struct journal *journal)
{
	return journal->problem;
}

// Keeps the problem, and makes a finding of it if it is a new one.
__attribute__((format(printf, 2, 3))) static void note(
	struct journal *journal, const char *format, ...)
{
	char text[sizeof(journal->problem)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!strcmp(text, journal->problem))
		return;
	memcpy(journal->problem, text, sizeof(text));
	journal_findings_add(journal, true, "%s", text);
}

static bool is_unlinked(int fd)
{
	struct stat stat;

	return fd >= 0 && !fstat(fd, &stat) && stat.st_nlink == 0;
}

// Returns true if a file that is written to has lost its name.
static bool has_lost_files(const struct journal *journal)
{
	const bool has_current = journal->map && journal->left > 0;
	bool lost = is_unlinked(journal->lock_fd);

	for (size_t i = has_current ? journal->next - 1 : journal->next; i < journal->count; i++)
		lost = lost || is_unlinked(journal->segments[i].fd);
	return lost;
}

// Returns true if the folder is empty as far as a journal goes, or holds a copy of this one.
static bool may_use(struct journal *journal, int fd)
{
	struct journal_meta meta;
	const enum meta_result result = journal_meta_read(fd, &meta);

	if (result == META_ABSENT ||
		(result == META_READ && sd_id128_equal(meta.uuid, journal->meta.uuid)))
		return true;
	note(journal,
		"folder %s was replaced by one with another journal, which is not used: move the "
		"right one back, or empty it",
		journal->dir);
	return false;
}

// Opens and locks the folder at the path. Returns its descriptor, or -1.
static int open_new(struct journal *journal, int *lock_fd)
{
	char error[JOURNAL_ERROR_SIZE];
	const int fd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		note(journal, "folder %s cannot be opened: %s", journal->dir, strerror(errno));
		return -1;
	}
	if (may_use(journal, fd)) {
		*lock_fd = journal_meta_lock(fd, journal->dir, error, sizeof(error));
		if (*lock_fd >= 0)
			return fd;
		note(journal, "%s", error);
	}
	close(fd);
	return -1;
}

// Begins new files in the folder at the path, after all LSNs that may be in use.
static void switch_folder(struct journal *journal, const char *what)
{
	int lock_fd = -1;
	const int fd = open_new(journal, &lock_fd);

	if (fd < 0)
		return;
	journal_segments_leave(journal);
	/* The threads have this descriptor: it stays, and names the other folder from now on. */
	dup3(fd, journal->dir_fd, O_CLOEXEC);
	close(fd);
	close(journal->lock_fd);
	journal->lock_fd = lock_fd;
	if (journal->stored_fd >= 0)
		close(journal->stored_fd);
	journal->stored_fd = -1;
	journal->released_written = 0;
	journal->problem[0] = '\0';
	journal_findings_add(journal, true,
		"folder %s %s; new files are written there from LSN %" PRIu64
		" on; until they are in the database, entries from LSN %" PRIu64 " to %" PRIu64
		" are kept by this process only",
		journal->dir, what, journal->next_first, journal->released, journal->end);
	journal_segments_request_next(journal);
}

static void watch_missing(struct journal *journal, bool removed)
{
	if (!removed) {
		note(journal,
			"folder %s was moved away: it is written to where it is now, but a restart "
			"would not find it; move it back",
			journal->dir);
	} else if (mkdir(journal->dir, 0750)) {
		note(journal,
			"folder %s was removed and cannot be made again: %s; until it is there, "
			"entries from LSN %" PRIu64 " on that are not in the database are kept by "
			"this process only, and it soon accepts no more",
			journal->dir, strerror(errno), journal->released);
	} else {
		switch_folder(journal, "was removed, and made again");
	}
}

void journal_watch(struct journal *journal)
{
	struct stat own, path;

	if (journal->read_only || fstat(journal->dir_fd, &own))
		return;
	if (stat(journal->dir, &path) || !S_ISDIR(path.st_mode)) {
		watch_missing(journal, own.st_nlink == 0);
	} else if (own.st_dev != path.st_dev || own.st_ino != path.st_ino) {
		switch_folder(journal, own.st_nlink == 0 ? "was removed, and is there again"
							 : "was moved, and is there again");
	} else if (has_lost_files(journal)) {
		switch_folder(journal, "has lost files of this journal");
	} else if (journal->problem[0]) {
		journal->problem[0] = '\0';
		journal_findings_add(journal, false, "folder %s is back", journal->dir);
	} else if (journal->map && journal->left == 0) {
		journal_segments_request_next(journal); /* after a switch, until there is one */
	}
}
