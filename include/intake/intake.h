// SPDX-License-Identifier: MIT
// What all conversations share, and the way of decoded frames into the journal.
#ifndef AVLD_INTAKE_INTAKE_H
#define AVLD_INTAKE_INTAKE_H

#include "config/config.h"
#include "downlink/command_queue.h"
#include "feed/feed.h"
#include "intake/frame_counts.h"
#include "intake/hold.h"
#include "intake/row_limits.h"
#include "intake/scanners.h"
#include "journal/entry.h"
#include "journal/journal.h"
#include "model/device_directory.h"
#include "protocol/photo.h"
#include "util/tally.h"
#include "writer/backlog.h"

struct intake_counters {
	uint64_t frames, reports, rejects;
	uint64_t fillers;             /* blank lines and the like between frames */
	uint64_t reports_decoded;     /* accepted, refused, or on trial */
	uint64_t reports_refused;     /* decoded, not accepted */
	uint64_t reports_journaled;   /* entries of accepted reports */
	uint64_t devices_connected;   /* now: with a TCP connection that carries no other device */
	uint64_t udp_datagrams;       /* received, whatever became of them */
	uint64_t udp_no_room;         /* datagrams dropped because the journal was full */
	uint64_t udp_no_memory;       /* datagrams of new senders dropped for lack of memory */
	uint64_t udp_lost;            /* datagrams dropped by the kernel, the socket was full */
	uint64_t udp_replies_dropped; /* held replies dropped because too many were held */
	uint64_t udp_over_share;      /* datagrams dropped because the sender was above its share */
	uint64_t udp_withheld; /* replies not sent to senders that had not proved themselves */
	uint64_t photos;
};

_Static_assert(TALLY_TEXT_MAX >= DECODED_REASON_MAX, "a tally has room for a reason");

// Tables whose rows any peer can cause.
enum limited_table { LIMITED_REJECTS, LIMITED_CONNECTIONS, LIMITED_TABLES };
struct limited_log {
	uint64_t left_out; /* rows, when logged last */
	uint32_t at_s;     /* clock_coarse_s; 0: never */
};

struct intake {
	const struct config *config;
	struct journal *journal;
	struct device_directory *directory;
	struct device_memory *memory;   /* of all devices */
	struct command_queue *commands; /* NULL: no commands are sent */
	struct messages messages;       /* of all conversations, likewise: */
	struct photos photos;
	struct holds holds;
	struct orphan *orphans;      /* intake/orphans.h */
	struct newcomers *newcomers; /* intake/newcomers.h; NULL: no limits of new idents */
	uint32_t newcomers_warned_s; /* when a limit was logged; 0: never */
	bool photos_full;            /* photos.full as logged last */
	uint64_t photos_cut;         /* photos.cut, likewise */
	uint32_t photos_cut_s;       /* clock_coarse_s then; 0: never */
	bool full;                   /* the journal had no room when asked last */
	bool waits;                  /* no room only until the next segment is made */
	enum backlog_state backlog;  /* unless SMALL, peers above their share are paused */
	bool stopping;               /* nothing can be read later: wait for such segments */
	decoder_set faulty;          /* decoders whose broken contract has been logged */
	struct row_limits *limits[LIMITED_TABLES]; /* intake/row_summaries.h; NULL: none */
	struct limited_log limited_logs[LIMITED_TABLES];
	struct intake_counters counters;
	struct scanners scanners;
	struct frame_counts frames;
	enum frame_outcome outcome; /* of the frame counted last */
	const char *refusal;        /* of it: as conversation_admission_ask gives it */
	struct trace *trace;        /* intake/trace.h; NULL: nobody watches */
	struct tally reasons;       /* rejects by protocol ("-": none found) and reason */
	struct tally ends;          /* TCP connections that were closed, by reason */
	struct decoded decoded;     /* of the current frame, shared by all conversations */
	struct decoded ending;      /* of a conversation that ends while `decoded` is in use */
};

// Returns true if the journal has room for everything one frame can become. Ask before each frame. Logs
// when the answer changes. While it is false and `waits` is true, ask again when the journal's thread has
// reported (journal_sync_start), and leave unread data where it is.
bool intake_has_room(struct intake *intake);
// Returns true if the journal has room for payloads of `bytes` in all, in at most `entries` entries, beside what was found for
// a frame, which may be at hand.
bool intake_has_room_beside(const struct intake *intake, size_t entries, size_t bytes);
// intake_has_room for data that cannot be left unread: waits for the next segment.
bool intake_wait_for_room(struct intake *intake);

// The room for a read of up to `bytes`. INTAKE_AMPLE: for all of them, and then for a frame of any size. INTAKE_SCARCE: for a
// frame, but perhaps not for all of them; read only what can be left in the socket until it is journaled.
enum intake_room { INTAKE_FULL, INTAKE_SCARCE, INTAKE_AMPLE };
enum intake_room intake_room(struct intake *intake, size_t bytes);

// Returns the frames, fillers, reports and rejects so far: the work done for peers.
static inline uint64_t intake_work(const struct intake *intake)
{
	const struct intake_counters *counters = &intake->counters;

	return counters->frames + counters->fillers + counters->reports + counters->rejects;
}

// Returns the counts of what this conversation sends now.
static inline struct frame_counts_row *intake_counts(
	struct intake *intake, const struct feed *feed, const struct peer *peer)
{
	return frame_counts_of(&intake->frames, feed->session.decoder, peer->transport);
}
// Counts bytes of which no frame could be made.
void intake_count_unusable(
	struct intake *intake, const struct feed *feed, const struct peer *peer, size_t bytes);

// Gives a new session the settings of devices, and the memory of devices, messages and photos, as configured.
void intake_begin(struct intake *intake, struct session *session);

// Appends *decoded, and the feed's finished photos as far as there is room for them (the next call
// appends the others). With a refusal the reports become rejects for that reason (counted in the feed)
// and the photos are dropped. Returns the LSN after it: replies of kind REPLY_STORED may be sent once
// intake_safe has reached it.
uint64_t intake_append(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const char *refusal);
// The same without the photos.
void intake_append_reports(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const char *refusal);

// Appends the finished photos as far as there is room for them.
void intake_append_photos(struct intake *intake, struct feed *feed, const struct peer *peer);
// Drops all photos: the session's device is not admitted.
void intake_drop_photos(struct intake *intake, struct feed *feed, const struct peer *peer);
// Appends all finished photos, and waits for room for them. Those for which there is none stay finished.
void intake_flush_photos(struct intake *intake, struct feed *feed, const struct peer *peer);

// Everything below this LSN may be acknowledged in the sync mode set.
uint64_t intake_safe(const struct intake *intake);

// Of the bytes of a reject, so many are kept.
#define REJECT_RAW_MAX 512

// Appends an entry of the caller's own, which uses the spare room. Returns false if the journal has no room for it.
bool intake_append_entry(struct intake *intake, const struct entry *entry);

// Appends a reject that stands alone. It is only counted while the journal is full, and beyond the limits of avld.rejects.
void intake_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, const uint8_t *data, size_t len);

// Appends a reject in place of a report of the frame at hand, which resolves what has this mark (key 0: nothing), also
// beyond the limits.
void intake_reject_report(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, struct text raw, struct held_mark mark);

// Append an entry about a TCP connection: it has named a device; it no longer carries a device that it
// had named (the entry of its end covers the ident named last); it has closed. Omitted while the journal
// is full.
void intake_connected(struct intake *intake, const struct feed *feed, const struct peer *peer);
void intake_left(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device);
void intake_disconnected(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct traffic *traffic, const char *reason);
// As intake_disconnected. Beyond the limits of avld.connections, only that the device (NULL: none) has left. They count by
// device if it is in avld.devices, else by address.
void intake_closed(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device, const struct traffic *traffic, const char *reason);

#endif
