// SPDX-License-Identifier: MIT
// The durable queue between sockets and database: a folder of mapped segment files, appended to at one end, read at the
// other. It handles lengths and checksums, not the meaning of payloads (entry.h). Format: drawn in journal_format.c.
//
// LSN: 64-bit position in the endless log; a segment's file name is its first LSN. An LSN once given to an entry is never
// given to another, whatever is cut, lost or deleted.
#ifndef AVLD_JOURNAL_JOURNAL_H
#define AVLD_JOURNAL_JOURNAL_H

#include "journal/journal_cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_ENTRY_MAX  131072 /* bytes of a payload, at least 1 */
#define JOURNAL_ERROR_SIZE 1024   /* bytes of journal_open's error, with its NUL */

struct journal_options {
	const char *dir;       /* created (0750) if it does not exist */
	uint64_t segment_size; /* bytes, a power of two, 1 MiB..1 GiB; 0: 64 MiB */
	uint64_t max_size;     /* quota of the folder in bytes, at least 2 segments */
	int64_t retain_us;     /* how long wholly stored segments are kept; 0: deleted at once */
	bool read_only;        /* locks, creates and repairs nothing (`avld journal`) */
};

// Receives one thing that is wrong with the journal, and what was done about it.
typedef void journal_finding(void *context, bool serious, const char *text);

// Opens, locks and repairs a journal. NULL: error (JOURNAL_ERROR_SIZE bytes) holds the reason for a person, for instance
// that another process (its pid) holds the folder. Reads every segment's header and every entry of the newest segment (a
// backlog of gigabytes must not delay the start); older segments are checked as they are read. Copies aside what cannot
// be read and gives it to `finding` (kept until journal_close: cursors have findings too). New entries go after it, and
// LSNs that may have been given to lost entries are not given again.
struct journal *journal_open(const struct journal_options *options, journal_finding *finding,
	void *context, char *error);
// Syncs, records the orderly close, unlocks, frees.
void journal_close(struct journal *journal);

// Makes the process say why before it dies of SIGBUS: the files are mapped, so what the disk cannot deliver, or a file
// that someone cut short, raises it. To be called once, by a program that opens a journal.
void journal_explain_sigbus(const char *dir);

const char *journal_uuid(const struct journal *journal);  /* 36 characters; made with the folder */
uint64_t journal_start(const struct journal *journal);    /* LSN of the oldest entry kept */
uint64_t journal_end(const struct journal *journal);      /* LSN after the newest entry */
uint64_t journal_appended(const struct journal *journal); /* entries, since journal_open */
// Returns journal_end as it was after journal_open.
uint64_t journal_recovered(const struct journal *journal);
// Returns the LSN below which everything survives a power failure.
uint64_t journal_synced(const struct journal *journal);
// Returns the size of the segments' files on disk, those being deleted included.
uint64_t journal_bytes(const struct journal *journal);
// Returns the LSN released last, also by an earlier process; then it may lag by a second.
uint64_t journal_stored(const struct journal *journal);

// Returns the segments, oldest first, by index; false after the last.
struct journal_segment {
	uint64_t first; /* LSN of the file's first byte */
	uint64_t size;  /* LSNs it spans */
	uint64_t bytes; /* size of the file */
	char file[24];
};
bool journal_segment_at(const struct journal *journal, size_t index, struct journal_segment *out);

// Returns true for the name of a file that a start set aside because it could not be read: a copy of damage, or a segment.
bool journal_is_aside(const char *name);

// Returns true if there is room for payloads of `bytes` in all, in at most `entries` entries; that is a promise to
// journal_begin. Makes the next segment in time (only here can the disk be full). While false, accept no data. Checks
// anew at each call, so room that came back is seen (a full disk is tried ten times a second).
//
// After journal_sync_start a thread makes and deletes segments. The next segment is requested when the current one is
// half used; if it is needed before it is made, there is no room and journal_pending is true: journal_sync_start's `done`
// is called when it is worth asking again. Bytes of a deleted segment count until the file is gone.
bool journal_room(struct journal *journal, size_t entries, size_t bytes);
// Returns true if a file is being made or deleted.
bool journal_pending(const struct journal *journal);
// Waits until a file has been made or deleted, for callers that cannot ask again later. False: none is pending.
bool journal_wait(struct journal *journal);

// Sets the options of the same names, as for journal_open.
void journal_set_limits(struct journal *journal, uint64_t max_size, int64_t retain_us);

// Begins an entry: returns where its payload of `len` bytes is to be written. Room must have been promised by
// journal_room; asserted.
uint8_t *journal_begin(struct journal *journal, size_t len);
// Appends the entry that was begun, once its payload is written. Returns the LSN after it.
uint64_t journal_commit(struct journal *journal);

// Declares everything below lsn stored in the database: segments wholly below may be deleted (options.retain_us).
void journal_release(struct journal *journal, uint64_t lsn);

// Keeps the segments with entries from lsn on, though they are stored, until called with another LSN; UINT64_MAX: none.
void journal_pin(struct journal *journal, uint64_t lsn);

// Starts the threads that sync (a disk may take seconds, the loop may not) and that make and delete segments. `done` is
// called on the loop's thread when a sync has ended, and when there may be room again (see journal_room). A sync that
// fails is fatal: the process ends before anything is acknowledged.
struct ev_loop;
typedef void journal_synced_callback(void *context);
void journal_sync_start(struct journal *journal, struct ev_loop *loop,
	journal_synced_callback *done, void *context);
// Requests a sync of everything appended so far. One is running at most; the next covers all appended meanwhile.
void journal_sync(struct journal *journal);
// Requests it and waits for it: only when the process ends.
void journal_sync_now(struct journal *journal);

#endif
