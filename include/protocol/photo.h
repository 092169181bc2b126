// SPDX-License-Identifier: MIT
// Photos and other media that a conversation receives from its tracker in parts, and received ones until the journal has
// them. Allocated here, because decoders allocate nothing.
//
//   photo_open  ->  open: photo_add_part for each part  ->  photo_end  ->  finished, until photo_drop
//
// Memory is used as parts arrive, not by announcements. When less than an eighth of it is left, a photo that needs more makes
// open photos yield that are slower: those without a part for more than twice the time that its own newest part took
// (PHOTO_SLOW_US to PHOTO_IDLE_US), the one without progress for longest first, and then those open for PHOTO_OPEN_US. The
// feed ends them within a second. So a photo that makes progress is completed, and one whose tracker has stopped sending
// does not keep the memory from one whose tracker sends.
#ifndef AVLD_PROTOCOL_PHOTO_H
#define AVLD_PROTOCOL_PHOTO_H

#include "protocol/session.h"

#define PHOTO_BYTES    (UINT32_C(1) << 20) /* bytes of one photo, at most */
#define PHOTO_PARTS    4096                /* parts of one photo, at most */
#define PHOTO_TYPE_MAX 32                  /* bytes of a content type, with its NUL */
#define PHOTO_NAME_MAX 64                  /* bytes of a name */
#define PHOTOS_BYTES   ((size_t)64 << 20)  /* bytes of memory for all photos */
#define PHOTO_SLOW_US  INT64_C(2000000)
#define PHOTO_IDLE_US  INT64_C(10000000)
#define PHOTO_OPEN_US  INT64_C(1800000000)

// The memory used by the photos of all conversations. Initialised by zeros.
struct photos {
	size_t bytes;
	size_t yielding;            /* bytes of these, of photos that are about to end */
	bool full;                  /* the newest announcement or part found no room */
	uint64_t cut;               /* open ones that had to yield so far */
	struct photo *first, *last; /* open ones, the one without progress for longest first */
};

// What the decoder knows of a photo when it opens it.
struct photo_plan {
	const char *type; /* content type, such as "image/jpeg" */
	uint64_t size;    /* bytes announced; 0: unknown */
	uint32_t parts;   /* their number; they may differ in size */
	int camera;       /* -1: unknown */
};

struct photo {
	struct photos *all;
	struct photo *next;            /* finished ones, oldest first */
	struct photo *before, *after;  /* open ones, in `all` */
	bool listed;                   /* it is in that list */
	bool yields;                   /* the feed is to end it */
	const struct decoder *decoder; /* that opened it */
	struct report_body body;       /* of the report that announced it: time and position */
	int64_t announced_us;          /* receipt of that report */
	int64_t received_us;           /* receipt of the newest part */
	int64_t progress_us;           /* of the newest one that was added */
	int64_t asked_us;              /* the decoder's: time of the newest request */
	uint32_t asked;                /* the decoder's: number of the part requested */
	uint32_t tries;                /* the decoder's: earlier requests for that part */
	uint32_t size;                 /* bytes received; finished: before the first missing part */
	uint32_t announced_size;       /* 0: unknown */
	uint32_t planned;              /* parts announced */
	uint32_t parts;                /* parts expected, or kept at the end */
	uint32_t arrived;              /* parts received */
	uint32_t saved;                /* intake's: of these, parts in the journal */
	uint64_t key;                  /* intake's: of their entries; 0: none */
	int16_t camera;                /* -1: unknown */
	bool complete;                 /* finished: all bytes were received and are sound */
	uint8_t ident_len;
	char ident[IDENT_MAX];
	char type[PHOTO_TYPE_MAX];
	uint8_t name_len;
	char name[PHOTO_NAME_MAX]; /* the decoder's: of the file to request */
	uint32_t room;             /* bytes allocated for data */
	uint8_t *data;             /* the parts received, in order of their numbers */
	uint32_t part_room;        /* parts allocated */
	struct photo_part *part;
};

struct photo_part {
	uint32_t len;     /* of the part of this number; 0: missing */
	uint32_t arrived; /* number of the part that was the n-th to arrive */
};

// Opens the photo that the report announces; an open one ends. Returns NULL if photos are off (session.photos), the plan
// has no parts or exceeds PHOTO_BYTES or PHOTO_PARTS, or there is no room.
struct photo *photo_open(
	struct session *session, const struct report *report, const struct photo_plan *plan);

static inline bool photo_has(const struct photo *photo, uint32_t part)
{
	return part < photo->parts && part < photo->part_room && photo->part[part].len > 0;
}
// Returns the number of the first missing part; the number of parts if none is missing.
uint32_t photo_missing(const struct photo *photo);
// Adds a part. Returns false, and adds nothing, if the part is beyond the end, empty, or received already, or if the photo
// would have more than PHOTO_BYTES or the bytes announced, or there is no room.
bool photo_add_part(struct photo *photo, uint32_t part, const uint8_t *data, uint32_t len);
// Returns the bytes of a part, whose length is photo->part[part].len.
const uint8_t *photo_part_data(const struct photo *photo, uint32_t part);
// What a decoder that requests parts has to do once a second (wake). The same part is requested again after ten seconds,
// three times. The decoder sets asked_us with each request, and tries to 0 when the part arrives.
enum photo_retry { PHOTO_WAIT, PHOTO_ASK, PHOTO_GIVE_UP };
enum photo_retry photo_retry(struct session *session);
// Sets what the report that announces the photo says, if it was not the first part to arrive.
void photo_describe(struct photo *photo, const struct report *report, const char *type, int camera);
// Sets the number of parts, which was not known when the photo was opened: it has no parts yet.
void photo_expect(struct photo *photo, uint32_t parts);
// Sets the number of parts to a lower one: the photo has turned out to be shorter, and will not be complete.
void photo_cut(struct photo *photo, uint32_t parts);

// Ends the session's open photo, if any. Keeps the bytes before the first missing part; without any, drops the photo
// (intake does that if parts of it are in the journal).
void photo_end(struct session *session);

// For intake, at the start: returns the finished photo of this key, opened if there is none; NULL: no room.
struct photo *photo_restore(struct session *session, uint64_t key, const struct report *report,
	const struct photo_plan *plan);
// Ends the restored photos, as photo_end does.
void photo_end_restored(struct session *session);

// For the feed and intake: free the first finished photo, and all photos of the session.
void photo_drop(struct session *session);
void photo_drop_all(struct session *session);

#endif
