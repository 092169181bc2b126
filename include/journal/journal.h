// SPDX-License-Identifier: MIT
// The durable queue between sockets and database: a folder of mapped segment files, append at one end, read at
// the other. It knows lengths and checksums, not what the payloads mean (entry.h). Format: drawn in journal_format.c.
//
// LSN: 64-bit position in the endless log; a segment's file name is its first LSN. An LSN once given to an
// entry is never given to another, whatever is cut, lost or deleted.
#ifndef AVLD_JOURNAL_JOURNAL_H
#define AVLD_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

#define JOURNAL_ENTRY_MAX    131072 /* bytes of a payload, at least 1 */
#define JOURNAL_ENTRY_HEADER 16     /* bytes before each payload; its LSN is theirs */

struct journal_options {
	const char *dir;       /* made (0750) when it is not there */
	uint64_t segment_size; /* bytes, a power of two, 1 MiB..1 GiB; 0: 64 MiB */
	uint64_t max_size;     /* quota of the folder in bytes, at least 2 segments */
	int64_t retain_us; /* keep segments this long after they are wholly stored; 0: delete at once */
	bool read_only; /* look, do not lock, make or mend anything (`avld journal`) */
};

// One thing that start-up found and what was done about it. Told through the callback as it is found.
typedef void journal_finding(void *context, bool serious, const char *text);

// Opens, locks, recovers. NULL: *error is a message for a person (static or in a buffer of the module; use at
// once), for instance that another process (its pid) holds the folder. Looks at every segment's header and at every
// entry of the newest segment (a backlog of gigabytes must not delay the start); the older ones are checked as they are
// read. What cannot be read is copied aside and told through `finding` (which is kept: cursors tell too), new entries
// go behind it, and LSNs that may have been given to lost entries are not given again.
struct journal *journal_open(const struct journal_options *options, journal_finding *finding,
	void *context, const char **error);
void journal_close(struct journal *journal); /* syncs, unlocks, frees */

// The files are mapped: what the disk cannot give, or a file cut short by someone, ends the process by SIGBUS. Once, by a
// program that opens a journal, so that it says why before.
void journal_say_faults(const char *dir);

const char *journal_uuid(const struct journal *journal); /* 36 characters; made with the folder */
uint64_t journal_start(const struct journal *journal);   /* LSN of the oldest entry kept */
uint64_t journal_end(const struct journal *journal);     /* LSN behind the newest entry */
// journal_end as it was after journal_open
uint64_t journal_recovered(const struct journal *journal);
// everything below survives the loss of power
uint64_t journal_synced(const struct journal *journal);
uint64_t journal_bytes(const struct journal *journal); /* size of the folder's segments on disk */
// as released last, also by an earlier process; may lag
uint64_t journal_stored(const struct journal *journal);

// The segments, oldest first; false behind the last.
struct journal_segment {
	uint64_t first; /* LSN of the file's first byte */
	uint64_t size;  /* LSNs it spans */
	uint64_t bytes; /* of the file */
	char file[24];
};
bool journal_segment_at(const struct journal *journal, size_t index, struct journal_segment *out);

// Is that the name of a file that a start has set aside, since it could not be read (a copy of damage, a segment)?
bool journal_is_aside(const char *name);

// Is room for payloads of `bytes` in all, in at most `entries` entries, promised? Makes the next segment when it is
// time (the one place where the disk can be full). While false, take nothing in. The state is checked again at each
// call, so room that came back is seen (a full disk is asked ten times a second).
//
// After journal_sync_start segments are made and deleted by a thread. The next one is asked for when the current one
// is half used; when it is needed and not there yet, there is no room and journal_pending is true: journal_sync_start's
// `done` is called when it is worth asking again. Bytes count until they are off the disk.
bool journal_room(struct journal *journal, size_t entries, size_t bytes);
bool journal_pending(const struct journal *journal); /* is a file being made or deleted? */
// Waits until one has been: for those who cannot come again. False: none is on its way, do not wait for room.
bool journal_wait(struct journal *journal);

// Appending, two steps without a copy: where `len` payload bytes are to be written, then the entry's birth. Room
// must have been promised by journal_room; assert otherwise. put returns the LSN behind the entry.
uint8_t *journal_take(struct journal *journal, size_t len);
uint64_t journal_put(struct journal *journal);

// Reading from an LSN on. The payload is valid until the next call on the cursor, or journal_release.
struct journal_cursor {
	struct journal *journal;
	uint64_t lsn;        /* of the next entry */
	const uint8_t *data; /* payload just read */
	size_t len;
	uint8_t *map; /* the segment at hand */
	uint64_t map_first, map_len, map_dropped;
};
void journal_cursor_init(struct journal_cursor *cursor, struct journal *journal, uint64_t lsn);
bool journal_next(struct journal_cursor *cursor); /* false at the end: lsn is journal_end then */
void journal_cursor_done(struct journal_cursor *cursor);

// Everything below lsn is stored in the database: segments wholly below may go (options.retain_us).
void journal_release(struct journal *journal, uint64_t lsn);

// fdatasync off the loop (a thread that does nothing else: a disk may take seconds, the loop may not). Asks for
// everything appended up to now; one is under way at most, the next covers all that came meanwhile. When one has
// ended, `done` is called on the loop's thread, and also when there may be room again (see journal_room). A failure to
// sync is fatal: the process ends before anything is acknowledged.
struct ev_loop;
typedef void journal_synced_callback(void *context);
void journal_sync_start(struct journal *journal, struct ev_loop *loop,
	journal_synced_callback *done, void *context);
void journal_sync(struct journal *journal);     /* ask */
void journal_sync_now(struct journal *journal); /* and wait: only at the end of the process */

#endif
