// SPDX-License-Identifier: MIT
// What the journal's own files share; nobody else includes it (but its test).
//
//   journal.c          append, room, segments made and released, start and end
//   journal_format.c   headers and checksums, finding entries in a segment, setting damage aside
//   journal_cursor.c     cursors
//   journal_folder.c   what is in the folder, and setting aside what does not belong there
//   journal_recover.c  open: where writing goes on
//   journal_meta.c     journal.meta, stored, lock
//   journal_files.c    segment files made and deleted, on a thread of its own
//   journal_syncer.c    fdatasync, on another
#ifndef AVLD_JOURNAL_JOURNAL_INTERNAL_H
#define AVLD_JOURNAL_JOURNAL_INTERNAL_H

#include "journal/journal.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/types.h>

#define JOURNAL_VERSION     1
#define SEGMENT_MAGIC       "AVLDJRNL"
#define SEGMENT_HEADER_SIZE 128
#define ENTRY_HEADER_SIZE   JOURNAL_ENTRY_HEADER
#define ENTRY_WASTE         (ENTRY_HEADER_SIZE + 7) /* most that an entry needs beyond its payload */
#define NO_LSN              UINT64_MAX
#define SEGMENT_NAME_SIZE   21 /* "0123456789abcdef.seg" and its NUL */
#define RESERVE_SEGMENTS    16 /* segments' worth of LSNs that are reserved ahead */
#define UNSYNCED_SEGMENTS   16 /* rolled segments that may wait for their fdatasync */
#define BOOT_SIZE           37 /* a boot id and its NUL */

struct segment_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t first;
	uint64_t size;
	uint8_t uuid[16];
	int64_t created_us;
	uint64_t previous;
	uint8_t reserved[56];
	uint64_t check;
};

struct entry_header {
	uint32_t length;
	uint32_t reserved;
	uint64_t check;
};

// What an entry takes of a segment.
static inline uint64_t entry_span(uint64_t length)
{
	return ENTRY_HEADER_SIZE + ((length + 7) & ~(uint64_t)7);
}

struct segment {
	uint64_t first;
	uint64_t size;      /* LSNs it spans; the file should have as many bytes */
	uint64_t bytes;     /* the file's size */
	uint64_t end;       /* behind its last entry; 0: not known yet */
	uint64_t previous;  /* first LSN of the one before, or NO_LSN */
	int64_t touched_us; /* last time it was written to, as far as known */
	uint8_t *map;       /* made ahead or current: mapped for writing */
	int fd;             /* likewise, else -1 */
	bool keep;          /* holds damage that could not be copied: is renamed, not deleted */
};

struct meta {
	uint8_t uuid[16];
	uint64_t last;        /* first LSN of the newest segment, or NO_LSN */
	uint64_t reserved;    /* no entry was ever put at or above this LSN */
	uint64_t closed;      /* behind the newest entry when it was closed in order, else NO_LSN */
	char boot[BOOT_SIZE]; /* the kernel's boot id, empty if not known */
};

struct syncer;
struct files;

struct journal {
	/* Appending. */
	uint8_t *map;       /* the current segment, NULL when there is none */
	uint64_t offset;    /* of the next entry in it */
	uint64_t left;      /* bytes behind offset */
	uint64_t ask_below; /* when less is left, the next segment is asked for */
	uint64_t populated; /* pages below are mapped */
	uint64_t dropped;   /* pages below are unmapped again */
	uint32_t pending;   /* length of the entry taken and not put yet */
	uint64_t first;     /* of the current segment, or NO_LSN */
	uint64_t end;

	/* Segments, oldest first. [0, next) are old or current, [next, count) made ahead and empty.
	 */
	struct segment *segments;
	size_t count, next, capacity;
	uint64_t next_first; /* least first LSN of the next one to be made */
	uint64_t total;      /* bytes of all files */
	uint64_t doomed;     /* of them, those that are being deleted */

	uint64_t released, released_written; /* stored in the database; told to the file */
	int64_t released_us;                 /* when it was told */
	uint64_t recovered;
	int64_t retry_us; /* the disk was full: no new attempt before */

	struct meta meta;
	struct syncer *sync;
	struct files *files;
	char uuid[37];
	struct journal_options options;
	char *dir;
	int dir_fd, lock_fd, stored_fd;
	bool active;      /* the meta file says that we run: room may be promised */
	bool no_populate; /* the kernel does not know how */
	bool map_failed;  /* told */
	uint64_t told;    /* read-only: LSN of the damage told last */
	journal_finding *finding;
	void *context;
	int (*allocate)(
		int fd, off_t offset, off_t len); /* posix_fallocate; tests fill the disk here */
};

// journal.c
void segment_name(uint64_t first, char name[static SEGMENT_NAME_SIZE]);
bool segments_add(struct journal *journal, const struct segment *segment);
bool segment_map(struct segment *segment, int fd); /* false: errno, nothing changed */
void segment_use(struct journal *journal, struct segment *segment, uint64_t end);

// journal_format.c
void journal_tell(const struct journal *journal, bool serious, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t header_check(const void *header, size_t size);
uint64_t entry_check(
	const struct journal *journal, uint64_t lsn, const uint8_t *payload, uint32_t length);
// Payload length of the sound entry at this offset, else 0. limit: readable bytes of the map.
uint32_t entry_at(const struct journal *journal, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit);
// Offset of the first sound entry at or behind `offset`, or limit.
uint64_t entry_find(const struct journal *journal, const uint8_t *map, uint64_t first,
	uint64_t offset, uint64_t limit);
// Offset behind the last byte in [from, to) that is not zero, or from.
uint64_t nonzero_end(const uint8_t *map, uint64_t from, uint64_t to);
// Copies [from, to) to damaged-LSN.bin and tells it. Known already (the copy is there): does
// nothing unless `again`.
void damage_set_aside(struct journal *journal, struct segment *segment, const uint8_t *map,
	uint64_t from, uint64_t to, bool again);

// journal_meta.c
enum meta_result { META_READ, META_ABSENT, META_DAMAGED, META_NEWER, META_ERROR };
enum meta_result meta_read(int dir_fd, struct meta *meta);
bool meta_write(int dir_fd, const struct meta *meta); /* durable when true; errno */
void boot_read(char boot[static BOOT_SIZE]);
void uuid_text(const uint8_t uuid[static 16], char text[static 37]);
bool uuid_parse(const char *text, uint8_t uuid[static 16]);
bool lsn_parse(const char *text,
	uint64_t *lsn); /* 16 lower-case hex digits, and nothing else before the 17th */
bool lock_take(struct journal *journal, char *error, size_t cap);
void stored_read(struct journal *journal);
void stored_write(struct journal *journal);
int64_t clock_us(int clock);

// journal_folder.c, journal_recover.c
#define MIN_SEGMENT ((uint64_t)1 << 20)
#define MAX_SEGMENT ((uint64_t)1 << 30)
struct recovery {
	struct journal *journal;
	enum meta_result meta;
	bool doubt;       /* LSNs behind the last entry may have been given */
	bool clean;       /* closed in order */
	uint64_t highest; /* first LSN of the newest file that was set aside, or 0 */
	bool has_uuid;
};
// Adds the folder's segments to the journal, oldest first. False: recovery_fail was called.
bool folder_take_segments(struct recovery *r);
// Keeps the message for journal_open's caller; returns false.
bool recovery_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// journal.c, too
bool journal_activate(struct journal *journal); /* false: errno */
void journal_go_on(struct journal *journal); /* the thread of journal_files.c has done something */

// journal_files.c
enum make_state { MAKE_NONE, MAKE_ASKED, MAKE_MADE, MAKE_FAILED };
struct files *files_new(struct journal *journal);
void files_free(struct files *files); /* ends the thread; what it has not begun is left undone */
void files_start(
	struct files *files, struct ev_loop *loop, journal_synced_callback *done, void *context);
bool files_started(const struct files *files);
// Makes this segment's file and map. Only when none is under way: files_made was MAKE_NONE.
void files_make(struct files *files, const struct segment *segment);
// What became of it. MAKE_MADE, MAKE_FAILED: told once.
enum make_state files_made(struct files *files, struct segment *made);
bool files_making(struct files *files); /* is one under way, or to be taken? */
// keep: is renamed. False: too many are waiting.
bool files_delete(struct files *files, uint64_t first, uint64_t bytes, bool keep);
uint64_t files_gone(struct files *files); /* bytes deleted since asked last */
bool files_pending(struct files *files);  /* is anything under way, or to be collected? */
bool files_wait(struct files *files);     /* until there is something to collect; false: nothing */

// journal_sync.c
// Runs run(argument) on a thread that no signal reaches: they are the loop's.
pthread_t journal_thread_start(void *(*run)(void *argument), void *argument);
struct syncer *syncer_new(struct journal *journal);
void syncer_free(struct syncer *sync);             /* ends the thread; does not sync */
void syncer_use(struct journal *journal, int fd);  /* the current segment's, or -1 */
void syncer_roll(struct journal *journal, int fd); /* takes fd over, closes it when it is synced */
bool syncer_full(struct journal *journal);         /* no place for another rolled segment now */
// The folder has changed: meta is written, folder synced, with the next round, or at once when
// there is no thread. fd: of a new segment, whose header is to be on disk before its name; or -1.
void syncer_meta(struct journal *journal, const struct meta *meta, int fd);
uint64_t syncer_reserved(struct journal *journal); /* meta.reserved as it is on disk */
void syncer_set(struct journal *journal, uint64_t synced, uint64_t reserved);

#endif
