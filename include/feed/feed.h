// SPDX-License-Identifier: MIT
// Bytes in, reports out: sniff -> frame -> decode. Pure (no clock, no I/O), so that the daemon,
// `avld decode`, the tests and the fuzzer run the very same code.
#ifndef AVLD_FEED_FEED_H
#define AVLD_FEED_FEED_H

#include "feed/registry.h"
#include "protocol/device_memory.h"
#include "protocol/held_frames.h"
#include "protocol/photo.h"

struct feed {
	decoder_set set; /* who may be asked */
	uint32_t frames; /* decoded or ignored */
	uint32_t rejects;
	uint32_t garbage;   /* bytes since framing was lost */
	bool pinned;        /* the verdict holds */
	bool sniffed_again; /* the one new sniff after lost framing is spent */
	bool open;          /* after MORE: what is left is a frame unless more of it follows */
	struct session
		session; /* its decoder: the verdict, or the last one while sniffing again; NULL: none yet */
};

enum feed_verdict {
	FEED_MORE,  /* what is left is the start of a frame: keep it and come again with more behind
		       it */
	FEED_TAKEN, /* *used bytes are dealt with, the batch holds what they said; come again with
		       the rest */
	FEED_CLOSE, /* as TAKEN, and the conversation cannot go on: close the peer, batch.detail
		       says why */
};

// decoder: NULL to let the bytes decide. Afterwards session.memory may be set: what is remembered beyond
// one frame; and session.photos, for photos to be fetched. Both outlive the feed.
void feed_init(struct feed *feed, decoder_set set, const struct decoder *decoder, bool datagram);
// Frees what it holds. feed_expire with INT64_MAX first, or that is lost.
void feed_done(struct feed *feed);
// Before the steps of each datagram of a UDP sender: sniffed anew, the last decoder first.
void feed_datagram(struct feed *feed, int64_t received_us);

// Takes at most one frame from the head of the bytes. Resets and fills *batch. session.received_us
// is the caller's to set. A datagram (session.datagram) is never asked for more: its rest is a
// reject.
enum feed_verdict feed_step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch, size_t *used);

// As feed_step, when nothing has followed these bytes for a while, or nothing will: what is open is a
// frame.
enum feed_verdict feed_rest(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch, size_t *used);

// Does the feed hold frames that wait for something to come?
static inline bool feed_holds(const struct feed *feed)
{
	return held_frames_count(&feed->session) > 0;
}
// Or is a photo on its way? Then feed_expire wants to be called once a second.
static inline bool feed_waits(const struct feed *feed)
{
	return feed_holds(feed) || feed->session.photo || feed->session.finished;
}
// Has neither the batch anything to say, nor the feed a photo that is finished?
static inline bool feed_is_quiet(const struct feed *feed, const struct decoded *batch)
{
	return batch->report_count + batch->reject_count + batch->reply_len[REPLY_NOW] +
			       batch->reply_len[REPLY_STORED] ==
		       0 &&
	       !feed->session.finished;
}
// Looks after them: fills *batch with what has become of them elsewhere, and with rejects for those
// that came before before_us. The batch may stay empty.
#define FEED_HOLD_US INT64_C(120000000) /* how long a frame is held */
void feed_expire(struct feed *feed, int64_t now_us, int64_t before_us, struct decoded *batch);

// How many of the bytes at the head are blanks (CR, LF, NUL, space): what is left of a conversation
// that ends counts only if there is more than that.
size_t feed_blanks(const uint8_t *data, size_t len);

#endif
