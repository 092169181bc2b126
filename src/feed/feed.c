// SPDX-License-Identifier: MIT
// A conversation is in one of two states:
//
//   sniffing (not pinned) --FOUND--> pinned --FRAME_BAD, first time--> sniffing --> ...
//        `--NONE--> close                `--FRAME_BAD, second time--> close
//
// A UDP sender keeps its feed; each datagram is sniffed again, with the last decoder preferred.
//
// Nothing that a decoder returns can end the process: the bytes on which it breaks its contract (protocol/decoder.h)
// become a reject with the reason "decoder fault".
#include "feed/feed.h"

#define XXH_INLINE_ALL
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define QUIET_US 2000000 /* without bytes: no more are expected */

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
	message_drop_all(&feed->session);
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

// Returns how many of the bytes frame() may see: never more than the decoder's longest frame has, so that the result for a
// longer one does not depend on how the bytes are cut into reads.
static inline size_t visible(const struct feed *feed, size_t len)
{
	const size_t max = decoder_frame_max(feed->session.decoder);
	return len < max ? len : max;
}

static inline struct frame find_frame(struct feed *feed, const uint8_t *data, size_t len)
{
	return feed->session.decoder->frame(&feed->session, data, visible(feed, len));
}

static __attribute__((noinline, cold)) void reject(struct feed *feed, struct decoded *decoded,
	enum decode_status status, const char *detail, const uint8_t *data, size_t len)
{
	feed->rejects++;
	feed->consumed = FEED_REJECTED;
	decoded_reject(decoded, status, detail, data, len);
}

// Rejects what is held and was received before before_us, oldest first, as far as there is room.
static void reject_held(struct feed *feed, int64_t before_us, struct decoded *decoded)
{
	struct held_frames *held = feed->session.held;
	const size_t rejects = decoded->reject_count;
	while (held && held->count > 0 && held->frames[0].received_us < before_us &&
		held_frames_reject(held, 0, NULL, decoded))
		;
	message_reject(&feed->session, before_us, decoded);
	feed->rejects += (uint32_t)(decoded->reject_count - rejects);
}

static void pin(struct feed *feed, const struct decoder *decoder, struct decoded *decoded)
{
	if (feed->session.decoder && feed->session.decoder != decoder) {
		// Another protocol cannot use the state of the previous one.
		reject_held(feed, INT64_MAX, decoded);
		photo_end(&feed->session);
		feed->session.ident_len = 0;
		memset(feed->session.memo, 0, sizeof(feed->session.memo));
	}
	feed->session.decoder = decoder;
	feed->pinned = true;
}

// Checks what the decoder returned, and hashes the keys of its reports. Returns the rule of decoder.h that it broke, or
// NULL. Checks only what costs next to nothing per frame; the functions of decoded.h enforce the other limits.
static inline const char *complete(struct decoded *decoded)
{
	if (decoded->fault)
		return decoded->fault;
	if (decoded->report_count > DECODED_REPORTS)
		return "decode: too many reports";
	struct report *end = decoded->reports + decoded->report_count;
	for (struct report *report = decoded->reports; report < end; report++) {
		if (report->ident.len - 1 >= IDENT_MAX)
			return "decode: a report's ident is missing or too long";
		report->body.dedup = XXH3_64bits(report->key.data, report->key.len);
	}
	return NULL;
}

// Replaces the decoder's result by one reject of the bytes, because it broke a rule of its contract.
static __attribute__((noinline, cold)) void reject_fault(struct feed *feed, struct decoded *decoded,
	const char *rule, const uint8_t *data, size_t len)
{
	decoded_undo(decoded);
	decoded_reset(decoded);
	decoded->fault = rule;
	feed->faults++;
	reject(feed, decoded, DECODE_DETAIL, DECODED_FAULT, data, len);
}

// Concludes the frame that completed a message. If it was rejected, so are the others of the message.
static __attribute__((noinline, cold)) void conclude(
	struct feed *feed, bool accepted, enum decode_status status, struct decoded *decoded)
{
	message_conclude(&feed->session, accepted, status, decoded);
	if (!accepted)
		reject_held(feed, INT64_MIN + 1, decoded);
}

// Rejects a frame whose decoder has found that it is no tracker's.
static __attribute__((noinline, cold)) enum feed_verdict close_foreign(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded)
{
	feed->session.decoder = NULL;
	feed->pinned = false;
	reject(feed, decoded, DECODE_DETAIL, "unknown protocol", data, len);
	decoded->detail = "unknown protocol";
	return FEED_CLOSE;
}

static inline enum feed_verdict decode(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded)
{
	const enum decode_status status =
		feed->session.decoder->decode(&feed->session, data, len, decoded);
	const bool accepted = (unsigned)status <= DECODE_IGNORED;
	const char *rule = complete(decoded);

	if (!rule && !accepted && (unsigned)status >= DECODE_STATUS_COUNT)
		rule = "decode: status out of range";
	if (rule) {
		reject_fault(feed, decoded, rule, data, len);
	} else if (status == DECODE_FOREIGN) {
		return close_foreign(feed, data, len, decoded);
	} else {
		feed->rejects += (uint32_t)decoded->reject_count;
		if (accepted) {
			feed->frames++;
			feed->consumed = FEED_ACCEPTED;
		} else {
			reject(feed, decoded, status, decoded->detail, data, len);
		}
	}
	if (feed->session.whole)
		conclude(feed, accepted && !rule, rule ? DECODE_DETAIL : status, decoded);
	return FEED_TAKEN;
}

// Rejects bytes between lost framing and the next verdict: `bad` bytes, or all if that is 0. Closes after SNIFF_CAP bytes
// in all, however they are cut into reads.
static enum feed_verdict skip_garbage(struct feed *feed, const uint8_t *data, size_t len,
	size_t bad, struct decoded *decoded, size_t *used)
{
	const size_t skipped = bad == 0 || bad > len ? len : bad;

	reject(feed, decoded, DECODE_DETAIL, "framing lost", data, skipped);
	*used += skipped;
	feed->garbage += (uint32_t)skipped;
	if (feed->garbage <= SNIFF_CAP || feed->session.datagram)
		return FEED_TAKEN;
	decoded->detail = "framing lost";
	return FEED_CLOSE;
}

// Handles framing lost at data: the first time the rest is sniffed again, the second time the conversation is closed.
static __attribute__((noinline, cold)) enum feed_verdict lose_framing(struct feed *feed,
	const uint8_t *data, size_t len, size_t bad, struct decoded *decoded, size_t *used)
{
	feed->pinned = false;
	if (!feed->sniffed_again) {
		feed->sniffed_again = true;
		feed->garbage = 0;
		return skip_garbage(feed, data, len, bad, decoded, used);
	}
	feed->garbage = SNIFF_CAP;
	return skip_garbage(feed, data, len, len, decoded, used);
}

// Handles bytes that no decoder recognises: closes a new conversation; after lost framing the last decoder tells how many
// bytes are garbage.
static enum feed_verdict reject_unknown(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	if (feed->session.decoder && (feed->sniffed_again || !feed->session.datagram)) {
		feed->sniffed_again = true;
		const struct frame frame = find_frame(feed, data, len);
		return skip_garbage(
			feed, data, len, frame.kind == FRAME_BAD ? frame.len : len, decoded, used);
	}
	reject(feed, decoded, DECODE_DETAIL, "unknown protocol", data, len);
	*used += len;
	decoded->detail = "unknown protocol";
	return FEED_CLOSE;
}

// Sniffs the bytes, and drops blanks at their head one by one while no decoder is found; *blanks: the number dropped. A
// datagram that opens no conversation may continue one: a known UDP sender may answer a command in a format of its own,
// which the last decoder can frame.
static enum sniff sniff_bytes(struct feed *feed, const uint8_t *data, size_t len,
	const struct decoder **found, size_t *blanks)
{
	const bool datagram = feed->session.datagram;
	const size_t all_blanks = feed_blanks(data, len);
	enum sniff sniff = SNIFF_NONE;

	for (*blanks = 0; *blanks < len; ++*blanks) {
		sniff = registry_sniff(feed->set, feed->session.decoder, data + *blanks,
			len - *blanks, datagram, found);
		if (sniff != SNIFF_NONE || *blanks == all_blanks)
			break;
	}
	if (*blanks == len)
		return SNIFF_MORE;
	if (sniff != SNIFF_NONE || !datagram || !feed->session.decoder ||
		!feed->session.ident_len ||
		find_frame(feed, data + *blanks, len - *blanks).kind != FRAME_OK)
		return sniff;
	*found = feed->session.decoder;
	return SNIFF_FOUND;
}

// Sniffs for another protocol where framing is lost: once per conversation, before any byte is skipped.
static enum sniff sniff_other(
	struct feed *feed, const uint8_t *data, size_t len, const struct decoder **found)
{
	if (feed->sniffed_again)
		return SNIFF_NONE;
	const enum sniff sniff = registry_sniff(
		feed->set, feed->session.decoder, data, len, feed->session.datagram, found);
	return *found && *found == feed->session.decoder ? SNIFF_NONE : sniff;
}

// Acts on what the decoder's frame() returned for the first `seen` bytes. Rejects these if that breaks a rule of decoder.h.
static __attribute__((noinline)) enum feed_verdict process(struct feed *feed, struct frame frame,
	const uint8_t *data, size_t len, size_t seen, struct decoded *decoded, size_t *used)
{
	const char *rule = "frame: unknown kind";

	switch (frame.kind) {
	case FRAME_OPEN:
		rule = "frame: OPEN though no more bytes are expected";
		if (feed->session.datagram || feed->session.quiet)
			break;
		feed->open = true;
		/* fall through */
	case FRAME_MORE:
		rule = "frame: length of MORE out of range";
		if (frame.len <= seen || frame.len > decoder_frame_max(feed->session.decoder))
			break;
		if (!feed->session.datagram)
			return *used ? FEED_TAKEN : FEED_MORE;
		reject(feed, decoded, DECODE_DETAIL, "incomplete frame", data, len);
		*used += len;
		return FEED_TAKEN;
	case FRAME_SKIP:
	case FRAME_OK:
		rule = "frame: length of OK or SKIP out of range";
		if (frame.len - 1 >= seen)
			break;
		*used += frame.len;
		return frame.kind == FRAME_OK ? decode(feed, data, frame.len, decoded) : FEED_TAKEN;
	case FRAME_BAD:
		rule = "frame: length of BAD out of range";
		if (frame.len > seen)
			break;
		return lose_framing(feed, data, len, frame.len, decoded, used);
	}
	feed->open = false;
	reject_fault(feed, decoded, rule, data, seen);
	*used += seen;
	return FEED_TAKEN;
}

// Pins the decoder that these bytes have found, and processes the frame at their head. Unless the frame is whole now, it will
// be given to the decoder as one that was not probed, with more bytes.
static enum feed_verdict process_found(struct feed *feed, const struct decoder *found,
	enum sniff sniff, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	assert(found);
	if (feed->session.decoder && feed->session.decoder != found && feed_holds(feed)) {
		// In a step of its own: the new frame may need more bytes, and what a step gives with MORE is dropped.
		reject_held(feed, INT64_MAX, decoded);
		if (decoded->reject_count > 0)
			return FEED_TAKEN;
	}
	pin(feed, found, decoded);
	feed->session.probed = sniff == SNIFF_SURE;
	const enum feed_verdict verdict = process(
		feed, find_frame(feed, data, len), data, len, visible(feed, len), decoded, used);
	feed->session.probed = false;
	return verdict;
}

// Handles bytes at which the pinned decoder finds no frame: framing is lost, or they begin another protocol.
static __attribute__((noinline)) enum feed_verdict handle_bad(struct feed *feed,
	const uint8_t *data, size_t len, size_t bad, struct decoded *decoded, size_t *used)
{
	const struct decoder *other;
	const enum sniff sniff = sniff_other(feed, data, len, &other);
	if (sniff == SNIFF_NONE)
		return lose_framing(feed, data, len, bad, decoded, used);
	feed->pinned = false;
	if (sniff == SNIFF_MORE)
		return *used ? FEED_TAKEN : FEED_MORE;
	feed->sniffed_again = true;
	return process_found(feed, other, sniff, data, len, decoded, used);
}

static inline enum feed_verdict step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	const size_t seen = visible(feed, len);
	const struct frame frame = feed->session.decoder->frame(&feed->session, data, seen);
	// process() would do the same. Here it costs less, and most frames are whole.
	if (frame.kind == FRAME_OK && frame.len - 1 < seen) {
		*used += frame.len;
		return decode(feed, data, frame.len, decoded);
	}
	if (frame.kind == FRAME_BAD && frame.len <= seen)
		return handle_bad(feed, data, len, frame.len, decoded, used);
	return process(feed, frame, data, len, seen, decoded, used);
}

// Chooses the decoder by the bytes, then steps.
static __attribute__((noinline)) enum feed_verdict sniff_and_step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	const struct decoder *found = NULL;
	const enum sniff sniff = sniff_bytes(feed, data, len, &found, used);
	data += *used;
	len -= *used;
	if (sniff == SNIFF_MORE)
		return *used ? FEED_TAKEN : FEED_MORE;
	if (sniff == SNIFF_NONE)
		return reject_unknown(feed, data, len, decoded, used);
	if (feed->session.decoder && !feed->session.datagram)
		feed->sniffed_again = true; // handle_bad() had too few bytes to find it
	return process_found(feed, found, sniff, data, len, decoded, used);
}

enum feed_verdict feed_step(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	decoded_reset(decoded);
	*used = 0;
	feed->open = false;
	feed->consumed = FEED_NO_FRAME;
	if (!feed->pinned)
		return sniff_and_step(feed, data, len, decoded, used);
	return step(feed, data, len, decoded, used);
}

enum feed_verdict feed_rest(
	struct feed *feed, const uint8_t *data, size_t len, struct decoded *decoded, size_t *used)
{
	feed->session.quiet = true;
	const enum feed_verdict verdict = feed_step(feed, data, len, decoded, used);
	feed->session.quiet = false;
	return verdict;
}

void feed_expire(struct feed *feed, int64_t now_us, int64_t before_us, struct decoded *decoded)
{
	decoded_reset(decoded);
	feed->consumed = FEED_NO_FRAME;
	const struct decoder *decoder =
		feed->session.decoder; // NULL: not a tracker, after a photo of one
	if (!feed_waits(feed))
		return;
	feed->session.now_us = now_us;
	feed->session.quiet =
		now_us - feed->session.received_us >= QUIET_US || before_us == INT64_MAX;
	if (decoder && decoder->wake)
		decoder->wake(
			&feed->session, before_us == INT64_MAX ? INT64_MIN : before_us, decoded);
	feed->session.quiet = false;
	if (feed->session.photo && feed->session.photo->yields)
		photo_end(&feed->session);
	const char *rule = complete(decoded);
	if (rule)
		reject_fault(feed, decoded, rule, (const uint8_t *)"", 0);
	feed->consumed = FEED_NO_FRAME;
	reject_held(feed, before_us, decoded);
}
