// SPDX-License-Identifier: MIT
// The state of an open journal, shared by the journal's own files and its tests.
//
//   journal.c           open and close, append
//   journal_segments.c  room: segments made ahead and deleted, the quota
//   journal_cursor.c    reading
//   journal_recover.c   what a start finds, and where writing resumes
//   journal_folder.c    which files of the folder are segments
//   journal_watch.c     a folder that is moved or removed
//   journal_findings.c  what is wrong with the journal, and damaged bytes set aside
//   journal_syncer.c    fdatasync, on a thread
//   journal_files.c     segment files made and deleted, on another thread
//   journal_meta.c      journal.meta, stored, lock
//   journal_format.c    the bytes of a segment
#ifndef AVLD_JOURNAL_JOURNAL_STATE_H
#define AVLD_JOURNAL_JOURNAL_STATE_H

#include "journal/journal_files.h"
#include "journal/journal_meta.h"

struct journal_syncer;

struct journal {
	/* Appending. */
	uint8_t *map;           /* the current segment, NULL if there is none */
	uint64_t offset;        /* of the next entry in it */
	uint64_t populated;     /* pages below are mapped */
	uint64_t left;          /* bytes after offset */
	uint64_t request_below; /* when less is left, the next segment is requested */
	uint64_t dropped;       /* pages below are unmapped again */
	uint32_t begun;         /* length of the entry begun and not committed, or 0 */
	uint64_t first;         /* of the current segment, or NO_LSN */
	uint64_t end;
	uint64_t appended; /* entries, by this process */

	/* Segments, oldest first. [0, next) are old or current, [next, count) made ahead and empty. */
	struct segment *segments;
	size_t count, next, capacity;
	uint64_t next_first; /* least first LSN of the next one to be made */
	uint64_t total;      /* bytes of all files */
	uint64_t deleting;   /* of them, those that are being deleted */
	int64_t retry_us; /* time (monotonic) before which no segment is requested: the disk was full */

	uint64_t released;         /* everything below is in the database */
	uint64_t pinned;           /* journal_pin */
	uint64_t released_written; /* the same in the file `stored` */
	int64_t released_us;       /* time of writing that file */
	uint64_t recovered;

	struct journal_meta meta;
	struct journal_syncer *syncer;
	struct journal_files *files;
	char uuid[UUID_TEXT_SIZE];
	char *dir;
	uint64_t segment_size, max_size; /* options of journal_open */
	int64_t retain_us;
	bool read_only;
	int dir_fd, lock_fd, stored_fd;
	bool active;          /* meta on disk says that this process writes: LSNs may be given */
	bool no_populate;     /* the kernel has no MADV_POPULATE_WRITE */
	bool map_failed;      /* a finding was made of it */
	uint64_t last_damage; /* read-only: LSN of the damage found last */
	char problem[512];    /* journal_watch.c */
	char *error;          /* in journal_open: where its caller wants the reason of a failure */
	size_t error_size;
	void (*finding)(void *context, bool serious, const char *text);
	void *context; /* of finding */
	void (*synced)(void *context);
	void *synced_context;
	journal_files_allocate *allocate; /* posix_fallocate; tests have a full disk here */
};

#endif
