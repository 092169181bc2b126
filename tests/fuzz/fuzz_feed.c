// SPDX-License-Identifier: MIT
// libFuzzer: any bytes through the feed, as a stream and as datagrams.
//
//   how | cut | bytes of a peer ...
//
//   how  bit 0: datagrams; bits 1..6: the configured protocol (0: sniffed); bit 7: the frames of
//        GT06, JT808, Meitrack, Queclink and Teltonika get a right checksum, which mutation does not find
//   cut  seed of the lengths of the pieces, and of the models that the devices have in avld.devices; bit 0 and `how` bit 7:
//        frames of JT808 get a right length too
//
// FUZZ_PROTOCOL=NAME in the environment keeps bits 1..6 at this protocol, FUZZ_PROTOCOL=sniff at 0.
//
// For any bytes each step must make progress, all results must be in range, and a stream must give
// the same results in one piece and in many. Only where framing is lost may the results depend on
// the pieces.
#include "fuzz_models.h"
#include "fuzz_seal.h"

#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define HOW_DATAGRAM 1u
#define HOW_PROTOCOL 126u
#define HOW_SEALED   128u
#define RECEIVED_US  INT64_C(1795342500000000) /* 2026-11-22 10:15 */
#define BETWEEN_US   INT64_C(7000000)          /* datagrams */
#define INPUT_MOST   16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t most);

static int kept_protocol = -1; // of FUZZ_PROTOCOL, as in `how`; -1: any
static struct photos photos;
static struct messages messages;
static struct decoded batch; // half a megabyte: not for the stack

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_feed: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

// Texts -----------------------------------------------------------------------

static bool is_inside(struct text text, const uint8_t *data, size_t len)
{
	const uint8_t *start = (const uint8_t *)text.data;
	return start >= data && start <= data + len && text.len <= (size_t)(data + len - start);
}

static bool is_printable(struct text text, size_t least, size_t most)
{
	if (text.len < least || text.len > most)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < 0x20 || text.data[i] > 0x7E)
			return false;
	}
	return true;
}

// JSON members without the braces, as PostgreSQL's jsonb accepts them. Each function cuts its part
// off *json.
static bool take(struct text *json, char c)
{
	if (json->len == 0 || json->data[0] != c)
		return false;
	json->data++;
	json->len--;
	return true;
}

static bool take_escape(struct text *json)
{
	unsigned code = 0;
	if (take(json, '"') || take(json, '\\'))
		return true;
	if (!take(json, 'u') || json->len < 4)
		return false;
	for (int i = 0; i < 4; i++, json->data++, json->len--) {
		const char *digits = "0123456789abcdef", *digit = memchr(digits, json->data[0], 16);
		if (!digit)
			return false;
		code = code << 4 | (unsigned)(digit - digits);
	}
	return code != 0 && (code < 0xD800 || code > 0xDFFF);
}

static bool take_utf8(struct text *json)
{
	static const uint32_t leasts[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t lead = (uint8_t)json->data[0];
	const size_t size = lead < 0x80   ? 1
			    : lead < 0xC0 ? 0
			    : lead < 0xE0 ? 2
			    : lead < 0xF0 ? 3
					  : 4;
	if (size < 2 || lead > 0xF4 || json->len < size)
		return size == 1 && lead >= 0x20 && json->data++ && json->len--;
	uint32_t code = lead & (0x7Fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (((uint8_t)json->data[i] & 0xC0) != 0x80)
			return false;
		code = code << 6 | ((uint8_t)json->data[i] & 0x3F);
	}
	json->data += size;
	json->len -= size;
	return code >= leasts[size] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

static bool take_string(struct text *json)
{
	if (!take(json, '"'))
		return false;
	while (json->len > 0 && !take(json, '"')) {
		if (!(take(json, '\\') ? take_escape(json) : take_utf8(json)))
			return false;
	}
	return json->data[-1] == '"';
}

static size_t take_digits(struct text *json)
{
	size_t count = 0;
	for (; json->len > 0 && json->data[0] >= '0' && json->data[0] <= '9'; count++)
		take(json, json->data[0]);
	return count;
}

static bool take_value(struct text *json)
{
	if (json->len > 0 && json->data[0] == '"')
		return take_string(json);
	for (int i = 0; i < 2; i++) {
		const char *word = i ? "true" : "false";
		const size_t len = strlen(word);
		if (json->len >= len && !memcmp(json->data, word, len)) {
			json->data += len;
			json->len -= len;
			return true;
		}
	}
	take(json, '-');
	const bool zero = take(json, '0');
	if ((take_digits(json) == 0) != zero)
		return false;
	if (take(json, '.') && take_digits(json) == 0)
		return false;
	if (!take(json, 'e') && !take(json, 'E'))
		return true;
	if (!take(json, '-'))
		take(json, '+');
	return take_digits(json) > 0;
}

static bool is_members(struct text json)
{
	if (json.len == 0)
		return true;
	do {
		if (!take_string(&json) || !take(&json, ':') || !take_value(&json))
			return false;
	} while (take(&json, ','));
	return json.len == 0;
}

// Results ---------------------------------------------------------------------

#define BETWEEN(value, least, most) ((value) >= (least) && (value) <= (most))

// Each value must be in range if present, and 0 if absent.
static void check_body(const struct report_body *body)
{
	const uint32_t has = body->has;
	CHECK(has < HAS_GSM << 1 && body->flags < FLAG_TEXT << 1 && body->reserved == 0);
	CHECK(body->alarms < UINT64_C(1) << ALARM_COUNT);
	CHECK(has & HAS_TIME || body->device_time_us == 0);
	CHECK(has & HAS_FIX ? BETWEEN(body->lat_e7, -900000000, 900000000) : body->lat_e7 == 0);
	CHECK(has & HAS_FIX ? BETWEEN(body->lon_e7, -1800000000, 1800000000) : body->lon_e7 == 0);
	CHECK(has & HAS_FIX || !(body->flags & FLAG_VALID));
	CHECK(has & HAS_ALTITUDE ? BETWEEN(body->altitude_m_e2, -100000, 2000000)
				 : body->altitude_m_e2 == 0);
	CHECK(body->speed_kmh_e2 <= (has & HAS_SPEED ? 100000 : 0));
	CHECK(body->course_deg_e2 <= (has & HAS_COURSE ? 36000 : 0));
	CHECK(body->satellites <= (has & HAS_SATELLITES ? 99 : 0));
	CHECK(body->hdop_e2 <= (has & HAS_HDOP ? 9999 : 0));
	CHECK(has & HAS_IGNITION || !(body->flags & FLAG_IGNITION));
	CHECK(has & HAS_INPUTS || body->inputs == 0);
	CHECK(has & HAS_OUTPUTS || body->outputs == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(has & (uint32_t)HAS_ADC1 << i || body->adc[i] == 0);
	CHECK(BETWEEN(body->odometer_m, 0, has & HAS_ODOMETER ? INT64_C(1000000000000) : 0));
	CHECK(body->battery_percent <= (has & HAS_BATTERY_PERCENT ? 100 : 0));
	CHECK(body->battery_mv <= (has & HAS_BATTERY_V ? 100000 : 0));
	CHECK(body->power_mv <= (has & HAS_POWER_V ? 1000000 : 0));
	CHECK(body->gsm_percent <= (has & HAS_GSM ? 100 : 0));
}

// Returns true if the text is in the frame or in the arena.
static bool is_from(struct text text, const uint8_t *data, size_t used)
{
	return is_inside(text, data, used) ||
	       is_inside(text, (const uint8_t *)batch.arena, batch.arena_len);
}

static void check_report(const struct report *report, const uint8_t *data, size_t used)
{
	check_body(&report->body);
	CHECK(is_printable(report->ident, 1, IDENT_MAX));
	CHECK(is_printable(report->event, 0, EVENT_MAX));
	CHECK(is_printable(report->driver, 0, DRIVER_MAX));
	CHECK(report->extra.len <= EXTRA_MAX && is_members(report->extra));
	CHECK(!(report->body.flags & FLAG_TEXT) || report->extra.len > 0);
	CHECK(report->raw.len > 0 && is_from(report->raw, data, used));
	CHECK(report->key.len > 0 && is_from(report->key, data, used));
	CHECK(report->body.dedup == XXH3_64bits(report->key.data, report->key.len));
}

// The results of a conversation.
struct outcome {
	size_t reports, rejects;
	uint64_t sum;         /* of reports and replies, in order */
	bool cuts_may_show;   /* framing was lost: results may depend on the pieces */
	bool is_sniff_capped; /* no protocol was found in time */
};

static void add_to_sum(struct outcome *outcome, uint64_t value)
{
	outcome->sum = (outcome->sum ^ value) * UINT64_C(0x9E3779B97F4A7C15);
}

static bool begins(const char *text, const char *start)
{
	return text && !strncmp(text, start, strlen(start));
}

// Returns true for what may be a binary record of an H02: it ends where the bytes end. After the `$` it has an ident of
// ten digits in BCD, which no PT-502 record has.
static bool is_h02_binary(struct text raw)
{
	bool digits = raw.data[0] == '$' && BETWEEN(raw.len, 32, 48);
	for (size_t i = 1; digits && i <= 5; i++)
		digits = ((uint8_t)raw.data[i] >> 4) <= 9 && (raw.data[i] & 15) <= 9;
	return digits;
}

static void check_batch(struct outcome *outcome, const uint8_t *data, size_t used)
{
	CHECK(!batch.fault); // a fault is a reject in the daemon, but a defect here
	CHECK(batch.report_count <= DECODED_REPORTS && batch.reject_count <= DECODED_REJECTS);
	CHECK(batch.arena_len <= DECODED_ARENA);
	for (size_t i = 0; i < batch.report_count; i++) {
		check_report(&batch.reports[i], data, used);
		if (is_h02_binary(batch.reports[i].raw))
			outcome->cuts_may_show = true;
		add_to_sum(outcome, batch.reports[i].body.dedup);
	}
	for (size_t i = 0; i < batch.reject_count; i++) {
		const struct reject *reject = &batch.rejects[i];
		char reason[DECODED_REASON_MAX];
		const size_t len = decoded_reject_reason(reject, reason);
		CHECK(is_printable((struct text){reason, len}, 1, DECODED_REASON_MAX - 1));
		CHECK(reject->raw.len > 0 && is_from(reject->raw, data, used));
		if (begins(reject->detail, "framing lost") || is_h02_binary(reject->raw))
			outcome->cuts_may_show = true;
		if (begins(reject->detail, "unknown protocol"))
			outcome->is_sniff_capped =
				reject->raw.len >= registry_sniff_max(DECODERS_ALL);
	}
	for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
		CHECK(batch.reply_len[kind] <= DECODED_REPLY);
		if (batch.reply_len[kind] > 0)
			add_to_sum(outcome, XXH3_64bits(batch.reply[kind], batch.reply_len[kind]));
	}
	outcome->reports += batch.report_count;
	outcome->rejects += batch.reject_count;
}

// Checks and drops the finished photos.
static void check_photos(struct session *session, struct outcome *outcome)
{
	for (; session->finished; photo_drop(session)) {
		const struct photo *photo = session->finished;
		const uint32_t announced = photo->announced_size; // 0: unknown
		CHECK(BETWEEN(photo->size, 1, announced ? announced : PHOTO_BYTES));
		CHECK(!photo->complete || !announced || photo->size == announced);
		add_to_sum(outcome, XXH3_64bits(photo->data, photo->size));
	}
}

// Conversations ---------------------------------------------------------------

static const struct decoder *chosen_decoder(uint8_t how)
{
	size_t count = 0;
	while (registry_decoders[count])
		count++;
	const size_t chosen = (how >> 1 & 63u) % (count + 1);
	return chosen > 0 ? registry_decoders[chosen - 1] : NULL;
}

static struct feed begin(uint8_t how, uint32_t seed)
{
	struct feed feed;
	feed_init(&feed, DECODERS_ALL, chosen_decoder(how), how & HOW_DATAGRAM);
	feed.session.received_us = RECEIVED_US;
	feed.session.memory = device_memory_new(4);
	feed.session.photos = &photos;
	feed.session.all_messages = &messages;
	set_model(&feed.session, seed);
	CHECK(feed.session.memory);
	return feed;
}

// Ends a conversation: decodes an open frame and expires the held ones.
static void end_feed(struct feed *feed, const uint8_t *data, size_t len, struct outcome *outcome)
{
	if (feed->open) {
		size_t used = SIZE_MAX;
		CHECK(feed_rest(feed, data, len, &batch, &used) != FEED_MORE);
		CHECK(BETWEEN(used, 1, len));
		check_batch(outcome, data, used);
	}
	while (feed_holds(feed)) {
		feed_expire(feed, RECEIVED_US, INT64_MAX, &batch);
		check_batch(outcome, data, 0);
	}
	photo_end(&feed->session);
	check_photos(&feed->session, outcome);
	device_memory_free(feed->session.memory);
	feed_done(feed);
	CHECK(photos.bytes == 0 && photos.yielding == 0);
	CHECK(messages.bytes == 0 && messages.yielding == 0 && !messages.first);
}

// Steps until more bytes are needed or all are used. Returns the number used; *closed: the
// connection is to be closed. The bytes lie flush against the red zone of the heap.
static size_t step_through(
	struct feed *feed, const uint8_t *data, size_t len, struct outcome *outcome, bool *closed)
{
	uint8_t *copy = malloc(len);
	size_t at = 0;
	CHECK(copy);
	memcpy(copy, data, len);
	*closed = false;
	while (at < len && !*closed) {
		size_t used = SIZE_MAX;
		const enum feed_verdict verdict =
			feed_step(feed, copy + at, len - at, &batch, &used);
		if (verdict == FEED_MORE) {
			CHECK(used == 0 && !feed->session.datagram);
			CHECK(len - at < (feed->pinned ? decoder_frame_max(feed->session.decoder)
						       : registry_sniff_max(feed->set)));
			break;
		}
		CHECK(BETWEEN(used, batch.reject_count > 0 ? 0 : 1, len - at));
		CHECK(feed->session.ident_len <= IDENT_MAX);
		// A scanner may get an answer, but has no protocol.
		CHECK(feed->session.decoder ||
			(batch.report_count == 0 &&
				(!batch.reply_len[0] || verdict == FEED_CLOSE)));
		check_batch(outcome, copy + at, used);
		check_photos(&feed->session, outcome);
		at += used;
		*closed = verdict == FEED_CLOSE;
		CHECK(!*closed || batch.detail);
	}
	free(copy);
	return at;
}

static size_t next_piece(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	const uint32_t n = *seed >> 16;
	return 1 + (n & 1 ? n >> 1 & 3 : n >> 1 & 63);
}

// The following give the bytes in pieces, or in one piece.
static struct outcome feed_stream(
	uint8_t how, const uint8_t *data, size_t len, uint32_t seed, bool in_pieces)
{
	struct outcome outcome = {0};
	struct feed feed = begin(how, seed);
	size_t start = 0, end = 0;
	bool closed = false;
	while (end < len && !closed) {
		const size_t piece = in_pieces ? next_piece(&seed) : len;
		end = piece < len - end ? end + piece : len;
		start += step_through(&feed, data + start, end - start, &outcome, &closed);
	}
	end_feed(&feed, data + start, end - start, &outcome);
	return outcome;
}

// Between datagrams time passes.
static void feed_datagrams(
	uint8_t how, const uint8_t *data, size_t len, uint32_t seed, bool in_pieces)
{
	struct outcome outcome = {0};
	struct feed feed = begin(how, seed);
	int64_t now_us = RECEIVED_US;
	for (size_t at = 0, size; at < len; at += size) {
		bool closed;
		size = in_pieces ? 4 * next_piece(&seed) : len;
		if (size > len - at)
			size = len - at;
		feed_datagram(&feed, now_us);
		const size_t used = step_through(&feed, data + at, size, &outcome, &closed);
		CHECK(used == size || closed);
		now_us += BETWEEN_US;
		feed_expire(&feed, now_us, now_us - FEED_HOLD_US, &batch);
		check_batch(&outcome, data, 0);
		check_photos(&feed.session, &outcome);
	}
	end_feed(&feed, data, 0, &outcome);
}

// Returns true if a conversation opens with a bare delta. It has no terminator, so its end depends
// on the first read.
static bool opens_with_delta(const uint8_t *data, size_t len)
{
	const size_t blanks = feed_blanks(data, len);
	return blanks < len && data[blanks] == '@';
}

static void check_input(uint8_t how, uint32_t seed, const uint8_t *data, size_t len)
{
	if (how & HOW_DATAGRAM) {
		feed_datagrams(how, data, len, seed, false);
		feed_datagrams(how, data, len, seed, true);
		return;
	}
	const struct outcome whole = feed_stream(how, data, len, seed, false);
	const struct outcome cut = feed_stream(how, data, len, seed, true);
	if (opens_with_delta(data, len))
		return;
	if (whole.cuts_may_show || cut.cuts_may_show || cut.is_sniff_capped)
		return;
	CHECK(whole.reports == cut.reports && whole.rejects == cut.rejects);
	CHECK(whole.sum == cut.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 3 || len > INPUT_MOST)
		return 0;
	uint8_t *copy = malloc(len - 2);
	CHECK(copy);
	memcpy(copy, data + 2, len - 2);
	if (data[0] & HOW_SEALED)
		seal_frames(copy, len - 2, data[1] & 1);
	check_input(data[0], data[1] + 1u, copy, len - 2);
	free(copy);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_PROTOCOL");
	(void)argc;
	(void)argv;
	if (!name || !*name)
		return 0;
	kept_protocol = 0;
	for (int i = 0; registry_decoders[i] && kept_protocol == 0; i++)
		if (strcmp(name, registry_decoders[i]->name) == 0)
			kept_protocol = i + 1;
	if (kept_protocol > 0 || strcmp(name, "sniff") == 0)
		return 0;
	fprintf(stderr, "fuzz_feed: FUZZ_PROTOCOL=%s: no such protocol\n", name);
	exit(1);
}

// Mutates as libFuzzer does, and keeps the protocol in the input itself: a finding fails without FUZZ_PROTOCOL too.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most, unsigned seed)
{
	(void)seed;
	len = LLVMFuzzerMutate(data, len, most);
	if (kept_protocol >= 0 && len > 0)
		data[0] = (uint8_t)((data[0] & ~HOW_PROTOCOL) | (unsigned)kept_protocol << 1);
	return len;
}
