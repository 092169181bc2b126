// SPDX-License-Identifier: MIT
// Turns the bytes of one conversation into reports: sniff -> frame -> decode. Pure (no clock, no I/O), so that the daemon,
// `avld decode`, the tests and the fuzzer run the same code.
#ifndef AVLD_FEED_FEED_H
#define AVLD_FEED_FEED_H

#include "feed/registry.h"
#include "protocol/device_memory.h"
#include "protocol/held_frames.h"
#include "protocol/message.h"
#include "protocol/photo.h"

// What a step has consumed.
enum feed_consumed {
	FEED_NO_FRAME, /* filler, or nothing: the result is what was held */
	FEED_ACCEPTED, /* a frame, decoded or ignored */
	FEED_REJECTED, /* a frame, or other bytes, of which a reject was made */
};

struct feed {
	decoder_set set; /* the decoders in use */
	uint32_t frames; /* frames decoded or ignored */
	uint32_t rejects;
	uint32_t faults;    /* times that a decoder broke its contract (decoded.fault) */
	uint32_t garbage;   /* bytes since framing was lost */
	bool pinned;        /* session.decoder decodes; else sniffing */
	bool sniffed_again; /* the one new sniff after lost framing has been used */
	bool open;          /* after FEED_MORE: the bytes are a frame unless more of it follows */
	uint8_t consumed;   /* enum feed_consumed: by the last step */
	/* Its decoder is the one found, or the last one while sniffing again; NULL: none yet. */
	struct session session;
};

enum feed_verdict {
	FEED_MORE, /* the bytes are the start of a frame: call again with more bytes after them */
	FEED_TAKEN, /* *used bytes are done, *decoded has the result; call again with the rest. *used may be 0
		       if another protocol follows: then the result is what the previous one held */
	FEED_CLOSE, /* like TAKEN, but the conversation cannot continue: close it, decoded.detail is
		       the reason */
};

// decoder: NULL to find it by the bytes. Afterwards the caller may set session.memory, to remember devices beyond one
// frame, session.all_messages, to hold parts of messages, and session.photos, to fetch photos. All must outlive the feed.
void feed_init(struct feed *feed, decoder_set set, const struct decoder *decoder, bool datagram);
// Frees held frames, messages and photos. Call feed_expire with INT64_MAX first, or they are lost.
void feed_done(struct feed *feed);
// Starts a datagram of a UDP sender: it is sniffed again, with the last decoder preferred.
void feed_datagram(struct feed *feed, int64_t received_us);

// Processes at most one frame at the head of the bytes (len > 0). Resets and fills *decoded. The caller sets
// session.received_us. For a datagram (session.datagram) the result is never MORE: an incomplete rest is a reject.
enum feed_verdict feed_step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used);

// Does the same when no bytes have followed for a while, or none will: an open frame is complete.
enum feed_verdict feed_rest(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used);

// Returns true if the feed holds frames until their reference arrives, or parts of messages until all are there.
static inline bool feed_holds(const struct feed *feed)
{
	return held_frames_count(&feed->session) > 0 || message_is_held(&feed->session);
}
// Returns true if the feed holds anything or has a photo: call feed_expire once a second.
static inline bool feed_waits(const struct feed *feed)
{
	return feed_holds(feed) || feed->session.photo || feed->session.finished;
}
// Returns true if *decoded asks for nothing and the feed has no finished photo.
static inline bool feed_is_quiet(const struct feed *feed, const struct decoded *decoded)
{
	return decoded->report_count + decoded->reject_count + decoded->reply_len[REPLY_NOW] +
			       decoded->reply_len[REPLY_STORED] + decoded->answer_count ==
		       0 &&
	       !decoded->close && !feed->session.finished;
}
// Tries held frames again, requests missing photo parts, and rejects held frames, and messages without a new part, received
// before before_us (INT64_MAX: the conversation ends). Resets and fills *decoded, which may stay empty.
#define FEED_HOLD_US INT64_C(120000000) /* longest time that a frame is held */
void feed_expire(struct feed *feed, int64_t now_us, int64_t before_us, struct decoded *decoded);

// Returns the number of blanks (CR, LF, NUL, space) at the head of the bytes. When a conversation ends, a rest of blanks
// is no reject.
size_t feed_blanks(const uint8_t *data, size_t len);

#endif
