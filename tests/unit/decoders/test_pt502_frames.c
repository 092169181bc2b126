// SPDX-License-Identifier: MIT
// The PT-502's full frames, framing and sniffing, also of damaged bytes.
#include "decoders/pt502_fixture.h"

#define PREFIX_MOST 4200

static void body_may_hold_several_parts(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		size_t len;
		const char *expected;
	} bodies[] = {
		{BODY(SHORT_1 "\r\n" SHORT_2 "\r\n"), REPORT_1 REPORT_2},
		{BODY(SHORT_1 "#\n" SHORT_2),
			"5020001 POS t=2026-11-22/10:15:00.000 stored\n" REPORT_2},
		{BODY("\r\n \0\n" SHORT_1 "\r\r\n\n" SHORT_2 "\n"), REPORT_1 REPORT_2},
		{BODY(SHORT_1 "\r\nrubbish\r\n" SHORT_2 "\r\n"),
			REPORT_1 REPORT_2 "reject bad value: record\n"},
		{BODY("rubbish" SHORT_1), REPORT_1 "reject bad value: record\n"},
		{BODY("rubbish"), "reject bad value: record\n"},
		{BODY(SHORT_1 "\r\n$POS,xx,\r\n" SHORT_2),
			REPORT_1 REPORT_2 "reject bad value: ident\n"},
		{BODY(SHORT_1 "\r\n" DELTA), REPORT_1 "reject delta: reference not seen\n"},
		{BODY(DELTA SHORT_1), REPORT_1 "reject delta: reference not seen\n"},
		{BODY(DELTA "@\x40\x06\x01\x01"
			    "2" SHORT_1),
			REPORT_1
			"reject delta: reference not seen\nreject delta: reference not seen\n"},
		{BODY(DELTA), "reject delta: reference not seen\n"},
		{BODY(DELTA "\x01\x00\x05"
			    "ab"),
			"reject bad length: delta\n"},
		{BODY("@"), "reject bad length: delta\n"},
		{BODY("@\x01"), "reject bad length: delta\n"},
		{BODY("@\x01" SHORT_1), REPORT_1 "reject bad length: delta\n"},
		{BODY("$PHD0,12,\xFF\xD8$\r\nPOS,1\r\n\r\n"), "reject photo data: not asked for\n"},
		{BODY(SHORT_1 "\r\n$PHD960,12,\xFF\xD8$\r\n$POS,1234\r\n\r\n"),
			REPORT_1 "reject photo data: not asked for\n"},
		{BODY("\r\n"), ""},
		{BODY("$OK\r\n" SHORT_1 "\r\n$OK\r\n"),
			REPORT_1 "5020001 extra=\"text\":\"$OK\" text\nreject text before ident\n"},
	};
	for (size_t i = 0; i < COUNT(bodies); i++)
		check_full(bodies[i].body, bodies[i].len, bodies[i].expected);
}

// If the rejected part is the whole body, the frame is the reject; else only the part.
static void reject_has_the_bytes_of_its_part(void **state)
{
	(void)state;
	check_full(BODY("$POS,xx,\r\n"), "reject bad value: ident\n");
	assert_int_equal(batch.reject_count, 0);
	check_full(BODY("$POS,xx,\r\n" SHORT_1), REPORT_1 "reject bad value: ident\n");
	assert_int_equal(batch.reject_count, 1);
	assert_int_equal(batch.rejects[0].raw.len, 10);
	assert_memory_equal(batch.rejects[0].raw.data, "$POS,xx,\r\n", 10);
}

static void wrong_verify_byte_is_noted_once(void **state)
{
	(void)state;
	uint8_t frame[256];
	size_t len = make_full(frame, BODY(SHORT_1 "\r\n" SHORT_2 "\r\n"));
	for (unsigned verify = 0; verify < 256; verify++) {
		bool wrong = verify != checksum_xor(frame + 5, len - 5) && verify != 0xFF;
		frame[2] = (uint8_t)verify;
		check_stream((const char *)frame, len,
			wrong ? "5020001 POS t=2026-11-22/10:15:00.000 "
				"extra=\"verify_bad\":true\n" REPORT_2
			      : REPORT_1 REPORT_2);
	}
}

// Texts get the ident that the session has at their place in the frame.
static void each_report_keeps_the_ident_of_its_part(void **state)
{
	(void)state;
	check_full(BODY("$FUS0042,A\r\r$OK\r\n$POS,5020001,101500.000,V,,,,,,,221126\r\n"),
		KNOWN_REPORT "0042 extra=\"text\":\"$OK\" text\n" REPORT_1);
	char bytes[512];
	struct session session = {0};
	output.len = 0;
	take_frames(&session, (const uint8_t *)KNOWN, sizeof KNOWN - 1, &output);
	output.len = 0;
	size_t len = make_full((uint8_t *)bytes, BODY("$OK\r\n" SHORT_1 "\r\n$OK\r\n"));
	take_frames(&session, (const uint8_t *)bytes, len, &output);
	assert_string_equal(output.text, "0042 extra=\"text\":\"$OK\" text\n" REPORT_1
					 "5020001 extra=\"text\":\"$OK\" text\n");
}

static void too_many_records_in_a_frame_are_rejected(void **state)
{
	(void)state;
	static char body[FRAME_CAP - 5];
	for (size_t i = 0; i < sizeof body; i += 12)
		memcpy(body + i, "$POS,1234,\r\n", sizeof body - i < 12 ? sizeof body - i : 12);
	uint8_t frame[FRAME_CAP];
	struct session session = {0};
	decoded_reset(&batch);
	size_t len = make_full(frame, body, sizeof body);
	assert_int_equal(decoder_pt502.decode(&session, frame, len, &batch), DECODE_OK);
	assert_int_equal(batch.report_count, DECODED_REPORTS);
	assert_int_equal(batch.reject_count, DECODED_REJECTS);
	const struct text last = batch.rejects[DECODED_REJECTS - 1].raw;
	assert_ptr_equal(last.data + last.len, frame + len); // the last reject covers the rest
}

static void text_too_long_for_extra_is_rejected(void **state)
{
	(void)state;
	static char body[FRAME_CAP - 5];
	memset(body, '\x01', sizeof body); // six bytes each in JSON
	memcpy(body, "$FUS0042,A\r\r$", 13);
	uint8_t frame[FRAME_CAP];
	struct session session = {0};
	for (size_t i = 0; i < 2; i++) {
		size_t len = make_full(frame, body, i ? 12 + 678 : sizeof body);
		decoded_reset(&batch);
		assert_int_equal(decoder_pt502.decode(&session, frame, len, &batch), DECODE_OK);
		assert_int_equal(batch.report_count, i ? 2 : 1);
		assert_int_equal(batch.reject_count, i ? 0 : 1);
	}
}

static struct frame cut_frame(const void *data, size_t len, bool datagram)
{
	struct session session = {.datagram = datagram};
	return decoder_pt502.frame(&session, guarded_copy(&guard, data, len), len);
}

#define FULL "\xBF\xFB\x46\x2d\x00" SHORT_1 "\r\n"

static void prefix_of_a_frame_asks_for_more(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len, frame_len; /* the shortest prefix that is a frame */
	} samples[] = {
		{BODY(SHORT_1 "\r\n"), sizeof SHORT_1},
		{BODY(SHORT_1 "\n"), sizeof SHORT_1},
		{BODY(SHORT_1 "\r\r"), sizeof SHORT_1},
		{BODY(SHORT_1 "#\n"), sizeof SHORT_1 + 1},
		{BODY("$FUS0042,A,B\r\r"), 13},
		{BODY("#RCP\r\n"), 5},
		{BODY(FULL), sizeof FULL - 1},
		{BODY("@\x40\x02\x00\x03"
		      "abc"),
			8},
	};
	for (size_t i = 0; i < COUNT(samples); i++) {
		for (size_t len = 0; len <= samples[i].len; len++) {
			struct frame cut = cut_frame(samples[i].bytes, len, false);
			bool whole = len >= samples[i].frame_len;
			if (whole && samples[i].bytes[0] == '@') {
				assert_int_equal(cut.kind, FRAME_OPEN);
				continue;
			}
			assert_int_equal(cut.kind, whole ? FRAME_OK : FRAME_MORE);
			if (whole)
				assert_int_equal(cut.len, len);
			else
				assert_in_range(cut.len, len + 1, samples[i].frame_len);
		}
	}
}

static void frames_beyond_the_limits_are_bad(void **state)
{
	(void)state;
	static char bytes[PREFIX_MOST];
	memset(bytes, 'x', sizeof bytes);
	bytes[0] = '$';
	assert_int_equal(cut_frame(bytes, 1023, false).kind, FRAME_MORE);
	assert_int_equal(cut_frame(bytes, 1024, false).kind, FRAME_BAD);
	assert_int_equal(cut_frame(bytes, 4200, true).kind, FRAME_BAD);
	assert_int_equal(cut_frame(bytes, 1023, true).kind, FRAME_OK);
	bytes[1023] = '\n';
	assert_int_equal(cut_frame(bytes, 4200, false).len, 1024);
	memset(bytes + 1023, '\n', sizeof bytes - 1023);
	assert_int_equal(cut_frame(bytes, 4200, false).len, FRAME_CAP);

	static const struct {
		unsigned total;
		enum frame_kind kind;
	} lengths[] = {{0, FRAME_BAD}, {5, FRAME_BAD}, {6, FRAME_MORE}, {977, FRAME_MORE},
		{4096, FRAME_MORE}, {4097, FRAME_BAD}, {65535, FRAME_BAD}};
	for (size_t i = 0; i < COUNT(lengths); i++) {
		memcpy(bytes, "\xBF\xFB\x00", 3);
		bytes[3] = (char)lengths[i].total;
		bytes[4] = (char)(lengths[i].total >> 8);
		struct frame cut = cut_frame(bytes, 5, false);
		assert_int_equal(cut.kind, lengths[i].kind);
		if (cut.kind == FRAME_MORE)
			assert_int_equal(cut.len, lengths[i].total);
	}
	bytes[3] = 0;
	bytes[4] = 0x10;
	assert_int_equal(cut_frame(bytes, 4200, false).len, 4096);
	assert_int_equal(cut_frame("\xBF\xFA", 2, false).kind, FRAME_BAD);
}

static void blanks_are_skipped_and_garbage_is_bad(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		struct frame cut;
	} samples[] = {
		{BODY("\r\n"), {FRAME_SKIP, 2}},
		{BODY("\n\r \0$POS"), {FRAME_SKIP, 4}},
		{BODY("xyz$POS"), {FRAME_BAD, 3}},
		{BODY("xyz\xBF\xFB"), {FRAME_BAD, 3}},
		{BODY("xyz\r\n"), {FRAME_BAD, 3}},
		{BODY("xyz"), {FRAME_BAD, 3}},
		{BODY("\x01\x02"), {FRAME_BAD, 2}},
	};
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct frame cut = cut_frame(samples[i].bytes, samples[i].len, false);
		assert_int_equal(cut.kind, samples[i].cut.kind);
		assert_int_equal(cut.len, samples[i].cut.len);
	}
}

static void bare_deltas_are_cut_after_their_triples(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		struct frame stream, datagram;
	} samples[] = {
		{BODY("@"), {FRAME_MORE, 5}, {FRAME_OK, 1}},
		{BODY("@c"), {FRAME_MORE, 5}, {FRAME_OK, 2}},
		{BODY("@$\x01"), {FRAME_MORE, 5}, {FRAME_OK, 3}},
		{BODY("@c\x01\x00\x02"
		      "a"),
			{FRAME_MORE, 7}, {FRAME_OK, 6}},
		{BODY("@c\x01\x00\x02"
		      "ab"),
			{FRAME_OPEN, 8}, {FRAME_OK, 7}},
		{BODY("@c\x01\x00\x00"), {FRAME_OPEN, 6}, {FRAME_OK, 5}},
		{BODY("@c\x01\x00\x02"
		      "ab$POS"),
			{FRAME_OK, 7}, {FRAME_OK, 7}},
		{BODY("@c\x01\x00\x02"
		      "ab@c\x01"),
			{FRAME_OK, 7}, {FRAME_OK, 7}},
		{BODY("@c\x01\x00\x02"
		      "ab\xBF\xFB"),
			{FRAME_OK, 7}, {FRAME_OK, 7}},
		{BODY("@c\x0D\x00\x01"
		      "a\x0A\x00\x02"
		      "$@"),
			{FRAME_OPEN, 12}, {FRAME_OK, 11}},
		{BODY("@c\x0D\x00\x01"
		      "a\x0A"),
			{FRAME_MORE, 9}, {FRAME_OK, 7}},
		{BODY("@c\x01\x00\x02"
		      "ab\x02\xff\xff"),
			{FRAME_MORE, 265}, {FRAME_OK, 10}},
	};
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct frame cut = cut_frame(samples[i].bytes, samples[i].len, false);
		assert_int_equal(cut.kind, samples[i].stream.kind);
		assert_int_equal(cut.len, samples[i].stream.len);
		cut = cut_frame(samples[i].bytes, samples[i].len, true);
		assert_int_equal(cut.kind, samples[i].datagram.kind);
		assert_int_equal(cut.len, samples[i].datagram.len);
	}
	static char bytes[PREFIX_MOST] = "@c";
	assert_int_equal(cut_frame(bytes, 1025, false).kind, FRAME_BAD);
	assert_int_equal(cut_frame(bytes, 1022, false).kind, FRAME_OPEN); // 340 triples
	assert_int_equal(
		cut_frame(bytes, 1023, false).kind, FRAME_BAD); // the 341st would go beyond
	check_line(DELTA, "reject delta: reference not seen\n");
	check_line(DELTA SHORT_1 "\r\n", "reject delta: reference not seen\n" REPORT_1);
}

// A read may end between two triples. The next bytes continue the delta, whatever the first of them
// is.
static void next_read_continues_an_open_delta(void **state)
{
	(void)state;
#define LONG_DELTA                                                                                 \
	"@\x40\x02\x00\x03"                                                                        \
	"abc\x0D\x01\x01"                                                                          \
	"x\x0A\x00\x02"                                                                            \
	"yz\x00\x00\x01"                                                                           \
	"w"
	static const char bytes[] = SHORT_1 "\r\n" LONG_DELTA SHORT_2 "\r\n";
	for (size_t split = sizeof SHORT_1 + 1; split < sizeof bytes - 1; split++) {
		struct session session = {0};
		static uint8_t rest[sizeof bytes];
		output.len = other.len = 0;
		size_t left = take_frames(&session, (const uint8_t *)bytes, split, &output);
		size_t len = sizeof bytes - 1 - (split - left);
		memcpy(rest, bytes + split - left, len);
		assert_int_equal(take_frames(&session, rest, len, &output), 0);
		assert_non_null(strstr(output.text, REPORT_1 "reject delta: reference not seen\n"));
		assert_non_null(strstr(output.text, REPORT_2));
		assert_null(strstr(output.text, "bad"));
	}
}

// Frames of all kinds: whole, in pieces of several sizes, and split at each position.
static void any_split_gives_the_same_reports(void **state)
{
	(void)state;
	static uint8_t bytes[8192];
	size_t len = 0;
	for (size_t i = 0; i < COUNT(tails); i++) {
		char record[512];
		const char *end = terminators[i % 7];
		int size = snprintf(record, sizeof record, FRONT "%s%s", tails[i].tail, end);
		if (i % 5 == 4)
			len += make_full(bytes + len, record, (size_t)size);
		else
			memcpy(bytes + len, record, (size_t)size), len += (size_t)size;
		memcpy(bytes + len, "\r\n \0", i % 3), len += i % 3;
	}
	memcpy(bytes + len, BODY("$OK\r\n#RCP\r\n$FUS0042,A,B\r\r")), len += 26;
	stream(bytes, len, len, &other);
	assert_true(other.len > 3000);
	static const size_t steps[] = {1, 2, 3, 5, 7, 64, 127, 1000};
	for (size_t i = 0; i < COUNT(steps); i++) {
		stream(bytes, len, steps[i], &output);
		assert_string_equal(output.text, other.text);
	}
	for (size_t split = 1; split < len; split += 1) {
		struct session session = {0};
		output.len = 0;
		size_t left = take_frames(&session, bytes, split, &output);
		assert_int_equal(
			take_frames(&session, bytes + split - left, len - split + left, &output),
			0);
		assert_string_equal(output.text, other.text);
	}
}

static enum probe probe_of(const void *data, size_t len, bool datagram)
{
	return decoder_pt502.probe(guarded_copy(&guard, data, len), len, datagram);
}

static void probe_recognises_the_shape_of_first_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		size_t decided; /* bytes after which the verdict is final; before that PROBE_MORE */
		enum probe verdict;
	} samples[] = {
		{BODY(SHORT_1 "\r\n"), 19, PROBE_YES},
		{BODY("$A-1,860000000000017,101500"), 27, PROBE_YES},
		{BODY("$PHO123456-1,0042,101500"), 24, PROBE_YES},
		{BODY("$PHO0,0042,101500"), 17, PROBE_YES},
		{BODY("$PHO,0042,101500"), 16, PROBE_YES},
		{BODY("$IN4,502000100000001,235959"), 27, PROBE_YES},
		{BODY("$HDA,5020001,000000,A"), 19, PROBE_YES},
		{BODY("$FUS5020001,V1,2\r\r"), 12, PROBE_YES},
		{BODY(FULL), 6, PROBE_YES},
		{BODY("\xBF\xFB\xFF\x0a\x00" DELTA), 6, PROBE_YES},
		{BODY("@c\x01\x00\x02"
		      "ab"),
			7, PROBE_YES},
		// one field is invalid, but the shape fits: rejected by this decoder, not as
		// unknown
		{BODY("$POS,xx,101500.000,A,4807"), 21, PROBE_MAYBE},
		{BODY("$POS,5020001,,V,,,,,,,221126"), 16, PROBE_MAYBE},
		{BODY("$POS,5020001,2460,A,4807"), 20, PROBE_MAYBE},
		// other protocols
		{BODY("$OK\r\n" SHORT_1 "\r\n"), 4, PROBE_NO},
		{BODY("$OK,5020001,101500"), 4, PROBE_NO},
		{BODY("$GPRMC,123519,A,4807.038,N"), 5, PROBE_NO},
		{BODY("$GPRMC,081836.00,A,3751.65,S"), 5, PROBE_NO},
		{BODY("$GPGGA,123519,4807.038,N,01131.000,E"), 5, PROBE_NO},
		{BODY("$$A123,860000000000017,AAA"), 2, PROBE_NO},
		{BODY("$MGV002,860000000000017,DeviceName,R"), 5, PROBE_NO},
		{BODY("$AVRMC,99999991,164339,A,4351.0542,N,07923.5445,W"), 5, PROBE_NO},
		{BODY("$GPRMC,imei:860000000000017,101500,A"), 5, PROBE_NO},
		{BODY("$AVSYS,99999991,V1.50,SN0000103,32768*15\r\n"), 5, PROBE_NO},
		{BODY("$POS1,5020001,101500"), 5, PROBE_NO},
		{BODY("$PHOX,5020001,101500"), 5, PROBE_NO},
		{BODY("$PHO-1,5020001,101500"), 5, PROBE_NO},
		{BODY("$PHO12-,5020001,101500"), 8, PROBE_NO},
		{BODY("$PHO12-1-2,5020001,101500"), 9, PROBE_NO},
		{BODY("$PHD0-1,5020001,101500"), 6, PROBE_NO},
		{BODY("$FUS5020001A,V1,2\r\r"), 12, PROBE_NO},
		{BODY("$AB,5020001,101500"), 4, PROBE_NO},
		{BODY("$POS,5020001\r\n"), 13, PROBE_NO},
		{BODY("$POS,5020001,1015\r\n"), 18, PROBE_NO},
		{BODY("$pos,5020001,101500"), 2, PROBE_NO},
		{BODY("$FUS012345678901234,V1,2"), 20, PROBE_YES},
		{BODY("$FUS0123456789012345,V1,2"), 20, PROBE_NO},
		{BODY("$ABCDEFGHIJKLMNOPQRST,"), 5, PROBE_NO},
		{BODY("#RCP OK\r\n"), 1, PROBE_NO},
		{BODY("##,imei:860000000000017,A;"), 1, PROBE_NO},
		{BODY("\xBF\xFA"), 2, PROBE_NO},
		{BODY("\xBF\xFB\xFF\x05\x00"), 5, PROBE_NO},
		{BODY("\xBF\xFB\xFF\x01\x10"), 5, PROBE_NO},
		{BODY("\xBF\xFB\xFF\x0a\x00x"), 6, PROBE_NO},
		{BODY("@@\x00\x1b\x13\x61"), 6, PROBE_MORE},
		{BODY("@@\x00\x1b\x13\x01"), 6, PROBE_NO},
		{BODY("@cx"), 3, PROBE_NO},
		{BODY("@c\x01\x00\x02"
		      "a\x80"),
			7, PROBE_NO},
		{BODY("@c\x01\x00\x01"
		      "ax"),
			7, PROBE_NO},
		{BODY("\x78\x78\x0d\x01"), 1, PROBE_NO},
		{BODY("GET / HTTP/1.1\r\n"), 1, PROBE_NO},
	};
	for (size_t i = 0; i < COUNT(samples); i++) {
		bool delta = samples[i].bytes[0] == '@';
		for (size_t len = 0; len <= samples[i].len; len++) {
			enum probe verdict = probe_of(samples[i].bytes, len, false);
			enum probe expected =
				len < samples[i].decided ? PROBE_MORE : samples[i].verdict;
			if (verdict != expected && !(delta && len < samples[i].decided))
				fail_msg("sample %zu '%s' at %zu: %d", i, samples[i].bytes, len,
					(int)verdict);
			// no more bytes follow in a datagram
			assert_int_equal(probe_of(samples[i].bytes, len, true),
				verdict == PROBE_MORE ? PROBE_NO : verdict);
		}
	}
	assert_int_equal(probe_of("@c\x01\x00\x02"
				  "ab$P",
				 9, false),
		PROBE_YES);
	assert_int_equal(probe_of("@c\x01\x00\x02"
				  "ab\xBF\xFB",
				 9, false),
		PROBE_YES);
}

static void probe_accepts_every_known_tail(void **state)
{
	(void)state;
	char record[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		int len = snprintf(record, sizeof record, FRONT "%s", tails[i].tail);
		assert_int_equal(probe_of(record, (size_t)len, true), PROBE_YES);
		assert_int_equal(probe_of(record, (size_t)len, false), PROBE_YES);
	}
}

static bool is_within(struct text text, const void *start, size_t len)
{
	return text.data >= (const char *)start &&
	       text.data + text.len <= (const char *)start + len;
}

static void check_valid(const struct report *report, const uint8_t *data, size_t len)
{
	assert_in_range(report->ident.len, 4, 15);
	assert_true(report->event.len <= EVENT_MAX && report->driver.len <= DRIVER_MAX);
	assert_true(report->extra.len <= EXTRA_MAX);
	assert_true(is_within(report->raw, data, len));
	assert_true(is_within(report->key, report->raw.data, report->raw.len));
	assert_true(report->event.len == 0 || is_within(report->event, data, len));
	assert_true(report->driver.len == 0 || is_within(report->driver, data, len));
	assert_true(
		report->extra.len == 0 || is_within(report->extra, batch.arena, batch.arena_len));
	assert_true(!(report->body.flags & FLAG_VALID) || report->body.has & HAS_FIX);
	assert_true(!(report->body.flags & FLAG_VALID) || report->body.has & HAS_TIME);
}

static void damaged_bytes_give_only_valid_reports(void **state)
{
	(void)state;
	static const char alphabet[] = "$@#,/\r\n0123456789.AVNSEWPOSHDFU-\xBF\xFB\xFF";
	uint32_t seed = 502;
	for (unsigned round = 0; round < 200000; round++) {
		uint8_t bytes[512];
		char record[400];
		size_t n = chance(&seed) % COUNT(tails);
		int size = snprintf(
			record, sizeof record, FRONT "%s\r\n" DELTA SHORT_2 "#\n", tails[n].tail);
		size_t len = (size_t)size;
		if (chance(&seed) % 2)
			len = make_full(bytes, record, len);
		else
			memcpy(bytes, record, len);
		for (unsigned hits = chance(&seed) % 6; hits > 0; hits--)
			bytes[chance(&seed) % len] =
				chance(&seed) % 2
					? (uint8_t)chance(&seed)
					: (uint8_t)alphabet[chance(&seed) % (sizeof alphabet - 1)];
		len -= chance(&seed) % 3 ? 0 : chance(&seed) % len;

		struct session session = {.datagram = chance(&seed) % 4 == 0};
		probe_of(bytes, len, session.datagram);
		output.len = 0;
		take_frames(&session, bytes, len, &output);
		// decode() alone, of bytes that frame() has not cut
		decoded_reset(&batch);
		const uint8_t *data = guarded_copy(&guard, bytes, len);
		decoder_pt502.decode(&session, data, len, &batch);
		for (size_t i = 0; i < batch.report_count; i++)
			check_valid(&batch.reports[i], data, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_may_hold_several_parts),
		cmocka_unit_test(reject_has_the_bytes_of_its_part),
		cmocka_unit_test(wrong_verify_byte_is_noted_once),
		cmocka_unit_test(each_report_keeps_the_ident_of_its_part),
		cmocka_unit_test(too_many_records_in_a_frame_are_rejected),
		cmocka_unit_test(text_too_long_for_extra_is_rejected),
		cmocka_unit_test(prefix_of_a_frame_asks_for_more),
		cmocka_unit_test(frames_beyond_the_limits_are_bad),
		cmocka_unit_test(blanks_are_skipped_and_garbage_is_bad),
		cmocka_unit_test(bare_deltas_are_cut_after_their_triples),
		cmocka_unit_test(next_read_continues_an_open_delta),
		cmocka_unit_test(any_split_gives_the_same_reports),
		cmocka_unit_test(probe_recognises_the_shape_of_first_bytes),
		cmocka_unit_test(probe_accepts_every_known_tail),
		cmocka_unit_test(damaged_bytes_give_only_valid_reports),
	};
	guard = guarded_new(65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guarded_free(&guard);
	return failed;
}
