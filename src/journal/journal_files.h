// SPDX-License-Identifier: MIT
// Makes and deletes segment files, and maps their pages ahead of the end, on a thread of its own once started. Shown in
// journal_files.c.
#ifndef AVLD_JOURNAL_JOURNAL_FILES_H
#define AVLD_JOURNAL_JOURNAL_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-id128.h>

// So many older segments are kept open, so that they can be read when someone has removed them.
#define JOURNAL_FDS_KEPT 256

struct segment {
	uint64_t first;
	uint64_t size;      /* LSNs it spans; the file should have as many bytes */
	uint64_t bytes;     /* size of the file */
	uint64_t end;       /* LSN after its last entry; 0: not known yet */
	uint64_t previous;  /* first LSN of the previous one, or NO_LSN */
	uint64_t populated; /* made ahead: bytes from its start whose pages are mapped */
	int64_t touched_us; /* time of the last write, as far as known */
	uint8_t *map; /* of the current segment and those made ahead, for writing; else NULL */
	int fd;       /* likewise; of older ones for reading, of JOURNAL_FDS_KEPT; else -1 */
	bool keep;    /* holds damage that could not be copied: renamed, not deleted */
};
// Maps the segment for writing and stores fd in it. False: errno, nothing changed.
bool journal_files_map(struct segment *segment, int fd);

// posix_fallocate, or what a test has in its place.
typedef int journal_files_allocate(int fd, off_t offset, off_t len);

struct journal_files;
struct ev_loop;

struct journal_files *journal_files_new(int dir_fd); /* NULL: out of memory */
void journal_files_free(
	struct journal_files *files); /* ends the thread; pending work is not done */
// done: called on the loop's thread when there are results.
void journal_files_start(struct journal_files *files, struct ev_loop *loop,
	void (*done)(void *context), void *context);
bool journal_files_started(const struct journal_files *files);

// Requests this segment's file and map. Only if none is being made.
void journal_files_make(struct journal_files *files, const struct segment *segment, sd_id128_t uuid,
	journal_files_allocate *allocate);
bool journal_files_making(
	struct journal_files *files); /* requested, and its result not collected */
enum make_state { MAKE_NONE, MAKE_REQUESTED, MAKE_MADE, MAKE_FAILED };
// Collects the result. MAKE_MADE (*made is the caller's now) and MAKE_FAILED are returned once.
enum make_state journal_files_collect_made(struct journal_files *files, struct segment *made);

// Requests that a file is deleted, or renamed if `keep`. False: too many are pending.
bool journal_files_delete(struct journal_files *files, uint64_t first, uint64_t bytes, bool keep);
// Returns the bytes deleted since the last call.
uint64_t journal_files_collect_deleted(struct journal_files *files);

// Requests that the pages [from, to) of the map are mapped, unless such a request is pending, and returns how far the last one
// of this map has got: 0 if none has ended. Without a thread it does nothing.
uint64_t journal_files_populate(
	struct journal_files *files, uint8_t *map, uint64_t from, uint64_t to);
// Ends what is requested for this map: it may be unmapped afterwards. Waits for the piece at hand.
void journal_files_end_populate(struct journal_files *files, const uint8_t *map);

// Maps pages of a file for writing. False: errno; EINVAL: the kernel is older than 5.14.
bool journal_files_map_pages(uint8_t *map, uint64_t from, uint64_t to);

// Returns true if a file is being made or deleted, or there is a result to collect.
bool journal_files_pending(struct journal_files *files);
// Waits for a result to collect. False: there will be none.
bool journal_files_wait(struct journal_files *files);

#endif
