// SPDX-License-Identifier: MIT
// From a decoded batch into the journal: what TCP and UDP do alike once the bytes are understood.
#ifndef AVLD_INTAKE_INTAKE_H
#define AVLD_INTAKE_INTAKE_H

#include "config/config.h"
#include "downlink/command_queue.h"
#include "feed/feed.h"
#include "journal/entry.h"
#include "journal/journal.h"
#include "model/device_directory.h"
#include "protocol/photo.h"

struct intake_counters {
	uint64_t frames, reports, rejects;
	uint64_t udp_no_room; /* datagrams dropped because the journal was full */
	uint64_t udp_lost;    /* datagrams that the kernel dropped because the socket was full */
	uint64_t photos;
};

// Rejects by protocol and reason. The table is full when REASONS_MAX differ; reasons are fixed
// texts, not a peer's.
#define REASONS_MAX 128
struct reason_count {
	const char *protocol; /* "-": none found */
	char reason[DECODED_REASON_MAX];
	uint64_t count;
};

struct intake {
	const struct config *config;
	struct journal *journal;
	struct device_directory *directory;
	struct device_memory *memory;   /* of all devices */
	struct command_queue *commands; /* NULL: none are sent */
	struct photos photos;           /* of all conversations */
	bool photos_full;               /* one found no room when last looked */
	bool full;                      /* the journal had no room when last asked */
	bool waits;    /* while intake_room says no: only until a segment is made */
	bool stopping; /* nothing is left for later: such moments are waited for */
	struct intake_counters counters;
	struct reason_count reasons[REASONS_MAX];
	struct decoded batch; /* of the frame at hand, whoever's it is */
	struct decoded late;  /* of a conversation that ends meanwhile */
};

// Is there room for all that one frame may become? To be asked before each frame; the answer's
// change is logged. While `waits` it is worth asking again when the journal says so
// (journal_sync_start), and what has not been read yet is to stay where it is.
bool intake_room(struct intake *intake);
// The same for what has been read and cannot be put back: waits that moment.
bool intake_room_at_last(struct intake *intake);

// Is there room for whatever so many bytes may become, to all experience? If not, do not take them
// where they would be lost with this process.
bool intake_is_ample(const struct intake *intake, size_t bytes);

// A conversation begins: what is remembered beyond its frames, as the settings want it.
void intake_begin(struct intake *intake, struct session *session);

// Appends what intake->batch holds, and photos that the feed has finished, as far as there is room for
// them (else the next call does it); with a refusal (intake_admit) its reports become rejects for
// that reason (counted in the feed), and its photos are dropped. Returns the LSN behind it: replies of kind STORED wait for intake_safe to reach it.
uint64_t intake_batch(
	struct intake *intake, struct feed *feed, const struct peer *peer, const char *refusal);

// The conversation ends, also while intake->batch is in use for another: what is open is a frame, what
// waits has waited in vain, what else is left is no whole frame. Frees what the feed holds.
void intake_end(struct intake *intake, struct feed *feed, const struct peer *peer,
	const uint8_t *rest, size_t len);

// After intake_batch without a refusal: what else the peer is to get now, a command for its device.
// out has room for COMMAND_FRAME_MAX. 0: nothing.
size_t intake_command(
	struct intake *intake, const struct feed *feed, const struct peer *peer, uint8_t *out);

// Everything below this LSN may be acknowledged under the sync mode set.
uint64_t intake_safe(const struct intake *intake);

// Bytes that nobody could use, outside a batch: a reject with a reason that stands alone. May be
// left out (and only counted) while the journal is full.
void intake_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, const uint8_t *data, size_t len);

// A TCP peer's ident became known; a device it had named is not on it any more, unless its end says
// so of its last ident; the connection ended (traffic, reason).
void intake_connected(struct intake *intake, const struct feed *feed, const struct peer *peer);
void intake_left(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device);
void intake_disconnected(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct traffic *traffic, const char *reason);

// What its owner has against this device speaking as it does, or NULL.
const char *intake_objection(const struct device *device, const struct feed *feed);

// May this session's device speak this protocol to us? NULL: yes, and *device is it. Else the
// reason why not.
const char *intake_admit(struct intake *intake, const struct feed *feed, struct device **device);

// The device with this ident, made if need be. NULL: it may not be made.
struct device *intake_device(struct intake *intake, struct text ident);

// Is that a reason of intake_admit? What was refused is not to be taken in later.
bool intake_is_refusal(struct text reason);

// The clock, in µs since 1970 (UTC).
int64_t intake_now_us(void);
// Seconds that only go forward, whatever is done to the clock: for time-outs.
uint32_t intake_now_s(void);

#endif
