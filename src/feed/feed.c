// SPDX-License-Identifier: MIT
// Bytes in, reports out. A conversation is in one of two states:
//
//   sniffing (not pinned) --FOUND--> pinned --FRAME_BAD, first time--> sniffing --> ...
//        `--NONE--> close                `--FRAME_BAD, second time--> close
//
// A UDP sender keeps its feed from datagram to datagram; each is sniffed again, the last decoder
// first.
#include "feed/feed.h"

#define XXH_INLINE_ALL
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define QUIET_US 2000000 /* nothing more is on its way then */

void feed_init(struct feed *feed, decoder_set set, const struct decoder *decoder, bool datagram)
{
	memset(feed, 0, sizeof(*feed));
	feed->set = set;
	feed->session.decoder = decoder;
	feed->pinned = decoder != NULL;
	feed->session.datagram = datagram;
}

void feed_done(struct feed *feed)
{
	held_frames_free(&feed->session);
	photo_drop_all(&feed->session);
}

void feed_datagram(struct feed *feed, int64_t received_us)
{
	feed->pinned = false;
	feed->sniffed_again = false;
	feed->session.received_us = received_us;
}

size_t feed_blanks(const uint8_t *data, size_t len)
{
	size_t n = 0;
	while (n < len && (data[n] == '\r' || data[n] == '\n' || data[n] == ' ' || data[n] == 0))
		n++;
	return n;
}

static void reject(struct feed *feed, struct decoded *batch, enum decode_status status,
	const char *detail, const uint8_t *data, size_t len)
{
	feed->rejects++;
	decoded_reject(batch, status, detail, data, len);
}

// Rejects what is held and came before before_us. The oldest stand first.
static void reject_held(struct feed *feed, int64_t before_us, struct decoded *batch)
{
	while (feed_holds(feed)) {
		struct held_frames *held = feed->session.held;
		const struct held_frame *frame = &held->frames[0];
		const bool full = batch->reject_count == DECODED_REJECTS ||
				  frame->len > DECODED_ARENA - batch->arena_len;
		if (frame->received_us >= before_us || full)
			return;
		char *copy = batch->arena + batch->arena_len;
		memcpy(copy, held->bytes + frame->at, frame->len);
		batch->arena_len += frame->len;
		reject(feed, batch, DECODE_DETAIL, frame->detail, (const uint8_t *)copy,
			frame->len);
		held_frames_remove(held, 0);
	}
}

static void pin(struct feed *feed, const struct decoder *decoder, struct decoded *batch)
{
	if (feed->session.decoder && feed->session.decoder != decoder) {
		// Another protocol: what the first one had noted means nothing to it.
		reject_held(feed, INT64_MAX, batch);
		photo_drop_all(&feed->session);
		feed->session.ident_len = 0;
		memset(feed->session.memo, 0, sizeof(feed->session.memo));
	}
	feed->session.decoder = decoder;
	feed->pinned = true;
}

static void set_dedup(struct decoded *batch)
{
	for (size_t i = 0; i < batch->report_count; i++) {
		struct report *report = &batch->reports[i];
		report->body.dedup = XXH3_64bits(report->key.data, report->key.len);
	}
}

static void decode(struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch)
{
	const enum decode_status status =
		feed->session.decoder->decode(&feed->session, data, len, batch);
	const size_t parts = batch->reject_count;

	feed->rejects += (uint32_t)parts;
	if (status == DECODE_OK || status == DECODE_IGNORED)
		feed->frames++;
	else
		reject(feed, batch, status, batch->detail, data, len);
	set_dedup(batch);
}

// Bytes between lost framing and the next verdict. However they are cut into reads, they may be SNIFF_CAP in all.
static enum feed_verdict skip_garbage(struct feed *feed, const uint8_t *data, size_t len,
	size_t bad, struct decoded *batch, size_t *used)
{
	const size_t taken = bad == 0 || bad > len ? len : bad;

	reject(feed, batch, DECODE_DETAIL, "framing lost", data, taken);
	*used += taken;
	feed->garbage += (uint32_t)taken;
	if (feed->garbage <= SNIFF_CAP || feed->session.datagram)
		return FEED_TAKEN;
	batch->detail = "framing lost";
	return FEED_CLOSE;
}

// Framing is lost at data: the first time the rest is sniffed anew, the second time the peer has to go.
static enum feed_verdict lose_framing(struct feed *feed, const uint8_t *data, size_t len,
	size_t bad, struct decoded *batch, size_t *used)
{
	feed->pinned = false;
	if (!feed->sniffed_again) {
		feed->sniffed_again = true;
		feed->garbage = 0;
		return skip_garbage(feed, data, len, bad, batch, used);
	}
	feed->garbage = SNIFF_CAP;
	return skip_garbage(feed, data, len, len, batch, used);
}

// No decoder wants these bytes: at the start of a conversation that ends it; after lost framing the last decoder
// says how far the garbage goes.
static enum feed_verdict take_unknown(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch, size_t *used)
{
	if (feed->session.decoder && (feed->sniffed_again || !feed->session.datagram)) {
		feed->sniffed_again = true;
		const struct frame frame = feed->session.decoder->frame(&feed->session, data, len);
		return skip_garbage(
			feed, data, len, frame.kind == FRAME_BAD ? frame.len : len, batch, used);
	}
	reject(feed, batch, DECODE_DETAIL, "unknown protocol", data, len);
	*used += len;
	batch->detail = "unknown protocol";
	return FEED_CLOSE;
}

// What opens no conversation may go on with one: a UDP sender that is known answers a command in words of its own.
static enum sniff sniff_bytes(
	struct feed *feed, const uint8_t *data, size_t len, const struct decoder **found)
{
	const bool datagram = feed->session.datagram;
	const enum sniff sniff =
		registry_sniff(feed->set, feed->session.decoder, data, len, datagram, found);

	if (sniff != SNIFF_NONE || !datagram || !feed->session.decoder ||
		!feed->session.ident_len ||
		feed->session.decoder->frame(&feed->session, data, len).kind != FRAME_OK)
		return sniff;
	*found = feed->session.decoder;
	return SNIFF_FOUND;
}

// Where the framing of one protocol is lost, another may begin: sniffed once, before anything is passed over.
static enum sniff sniff_other(
	struct feed *feed, const uint8_t *data, size_t len, const struct decoder **found)
{
	if (feed->sniffed_again)
		return SNIFF_NONE;
	const enum sniff sniff = registry_sniff(
		feed->set, feed->session.decoder, data, len, feed->session.datagram, found);
	return sniff == SNIFF_FOUND && *found == feed->session.decoder ? SNIFF_NONE : sniff;
}

enum feed_verdict feed_step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch, size_t *used)
{
	decoded_reset(batch);
	*used = 0;
	feed->open = false;
	if (!feed->pinned) {
		*used = feed_blanks(data, len);
		data += *used;
		len -= *used;
		const struct decoder *found = NULL;
		const enum sniff sniff =
			len == 0 ? SNIFF_MORE : sniff_bytes(feed, data, len, &found);
		if (sniff == SNIFF_MORE)
			return *used ? FEED_TAKEN : FEED_MORE;
		if (sniff == SNIFF_NONE)
			return take_unknown(feed, data, len, batch, used);
		pin(feed, found, batch);
	}

	struct frame frame = feed->session.decoder->frame(&feed->session, data, len);
	if (frame.kind == FRAME_BAD) {
		const struct decoder *other;
		const enum sniff sniff = sniff_other(feed, data, len, &other);
		if (sniff == SNIFF_NONE)
			return lose_framing(feed, data, len, frame.len, batch, used);
		feed->pinned = false;
		if (sniff == SNIFF_MORE)
			return *used ? FEED_TAKEN : FEED_MORE;
		feed->sniffed_again = true;
		pin(feed, other, batch);
		frame = feed->session.decoder->frame(&feed->session, data, len);
	}
	switch (frame.kind) {
	case FRAME_OPEN:
		assert(!feed->session.datagram && !feed->session.quiet);
		feed->open = true;
		/* fall through */
	case FRAME_MORE:
		assert(frame.len > len && frame.len <= FRAME_CAP);
		if (!feed->session.datagram)
			return *used ? FEED_TAKEN : FEED_MORE;
		reject(feed, batch, DECODE_DETAIL, "incomplete frame", data, len);
		*used += len;
		return FEED_TAKEN;
	case FRAME_SKIP:
		assert(frame.len > 0 && frame.len <= len);
		*used += frame.len;
		return FEED_TAKEN;
	case FRAME_OK:
		assert(frame.len > 0 && frame.len <= len);
		*used += frame.len;
		decode(feed, data, frame.len, batch);
		return FEED_TAKEN;
	case FRAME_BAD:
		break;
	}
	return lose_framing(feed, data, len, frame.len, batch, used);
}

enum feed_verdict feed_rest(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *batch, size_t *used)
{
	feed->session.quiet = true;
	const enum feed_verdict verdict = feed_step(feed, data, len, batch, used);
	feed->session.quiet = false;
	return verdict;
}

void feed_expire(struct feed *feed, int64_t now_us, int64_t before_us, struct decoded *batch)
{
	decoded_reset(batch);
	if (!feed_waits(feed))
		return;
	feed->session.now_us = now_us;
	feed->session.quiet =
		now_us - feed->session.received_us >= QUIET_US || before_us == INT64_MAX;
	if (feed->session.decoder->wake)
		feed->session.decoder->wake(
			&feed->session, before_us == INT64_MAX ? INT64_MIN : before_us, batch);
	feed->session.quiet = false;
	set_dedup(batch);
	reject_held(feed, before_us, batch);
}
