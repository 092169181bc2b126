// SPDX-License-Identifier: MIT
// Wialon IPS: what opens a conversation, where frames end, long black boxes, datagrams, passwords, photos, compressed packets and
// commands. The fields are compared by tests/reference.
#define TESTED decoder_wialon_ips
#include "decoders/text_frames.h"

#include "protocol/photo.h"
#include "util/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD     "140326;092653;5213.7805;N;02100.7337;E;47;271;113;11"
#define LOGIN    "#L#860000000000017;NA\r\n"
#define LOGIN_2  "#L#2.0;860000000000017;NA;5760\r\n"
#define LONG_ALL (2u << 20)

static void assert_reply(enum reply_when when, const char *reply)
{
	assert_int_equal(decoded.reply_len[when], strlen(reply));
	assert_memory_equal(decoded.reply[when], reply, strlen(reply));
}

static struct session logged_in(const char *login)
{
	struct session session = {0};
	assert_int_equal(decode_with(&session, login), DECODE_OK);
	return session;
}

// Sniffing --------------------------------------------------------------------

static enum probe probe(const char *data, size_t len, bool datagram)
{
	return decoder_wialon_ips.probe(guarded_copy(&page, data, len), len, datagram);
}

static void a_type_between_marks_opens_a_conversation(void **state)
{
	static const char *const own[] = {"#L#", "#SD#", "#D#", "#B#", "#P#", "#M#", "#I#", "#IT#",
		"#T#", "#QLV#", "#sd#", "\xff\x02\x30\x78\x9c", "\xff\x02\x30\x78\xda"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		assert_in_range(len, 3, 8);
		for (size_t prefix = 0; prefix < len; prefix++)
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_NO);
	}
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"L", "##", "#8", "#860000000000017#", "#X#", "#LL#",
		"#SDD", "#S#", "\xff\x02\x30\x79", "\xff\x02\x30\x78\x02", " #L#"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i], strlen(foreign[i]), false), PROBE_NO);
}

static void a_datagram_begins_with_an_ident(void **state)
{
#define IDENT_64 "1234567890123456789012345678901234567890123456789012345678901234"
	static const struct {
		const char *data;
		enum probe probe;
	} rows[] = {
		{"2.0;17#SD#", PROBE_YES},
		{"17#P#\r\n", PROBE_YES},
		{"truck 7#d#x", PROBE_YES},
		{IDENT_64 "#P#", PROBE_YES},
		{"2.1;" IDENT_64 "#P#", PROBE_YES},
		{IDENT_64 "5#P#", PROBE_NO},
		{"#P#", PROBE_NO},
		{"2.0;#P#", PROBE_NO},
		{"2;17#P#", PROBE_NO},
		{"2.0;2.0;17#P#", PROBE_NO},
		{"17#X#", PROBE_NO},
		{"17#P", PROBE_NO},
		{"17", PROBE_NO},
		{"", PROBE_NO},
		{"1\x01#P#", PROBE_NO},
		{"\xff\x02", PROBE_NO},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(probe(rows[i].data, strlen(rows[i].data), true), rows[i].probe);
	assert_int_equal(probe("\xff\x06\x00\x78\x9c\0\0\0\0", 9, true), PROBE_YES);
	assert_int_equal(probe("\xff\x07\x00\x78\x9c\0\0\0\0", 9, true), PROBE_NO);
}

// Framing ---------------------------------------------------------------------

static struct frame cut(const char *data, size_t len, bool datagram)
{
	struct session session = {.datagram = datagram, .ident_len = 1, .ident = "1"};
	return decoder_wialon_ips.frame(&session, guarded_copy(&page, data, len), len);
}

static void a_frame_is_a_line_and_the_bytes_that_it_announces(void **state)
{
	static const struct {
		const char *data;
		bool datagram;
		enum frame_kind kind;
		size_t len; /* 0: one byte more than there are */
	} rows[] = {
		{"", false, FRAME_MORE, 0},
		{"\r\n\n#P#", false, FRAME_SKIP, 3},
		{"#P#", false, FRAME_MORE, 0},
		{"#P#\r", false, FRAME_MORE, 0},
		{"#P#\r\n#P", false, FRAME_OK, 5},
		{"#P#\n", false, FRAME_OK, 4},
		{"hello\n", false, FRAME_OK, 6},
		{"#B#a|b\r\n", false, FRAME_OK, 8},
		{"#B#a|b", false, FRAME_MORE, 0},
		/* blocks */
		{"#I#4;0;0;;;\r\n", false, FRAME_MORE, 17},
		{"#I#4;0;0;;;\r\na\nb#x", false, FRAME_OK, 17},
		{"#i#4;0;0;;;\nabcd", false, FRAME_OK, 16},
		{"#T#;4;0\r\nab", false, FRAME_MORE, 13},
		{"#T#;4;0\r\nabcd", false, FRAME_OK, 13},
		{"#I#;0;0;;;\r\nab", false, FRAME_OK, 12},
		{"#I#x4;0;0;;;\r\nab", false, FRAME_OK, 14},
		{"#IT#4;4;0;;;\r\nab", false, FRAME_OK, 14},
		{"#I#65537;0;0;;;\r\nab", false, FRAME_OK, 17},
		/* datagrams end with their bytes */
		{"17#P#", true, FRAME_OK, 5},
		{"17#P#\r\n", true, FRAME_OK, 7},
		{"17#I#4;0;0;;;\r\nab", true, FRAME_MORE, 19},
		{"17#I#70000;0;0;;;\r\nab", true, FRAME_OK, 21},
		{"17#B#a|b|c", true, FRAME_OK, 10},
		/* compressed */
		{"\xff", false, FRAME_MORE, 3},
		{"\xff\x08\x01\x78", false, FRAME_MORE, 267},
		{"\xff\x08\x01\x79", false, FRAME_BAD, 4},
		{"\xff\x05\x20\x78", false, FRAME_MORE, 8200},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].data);
		const struct frame frame = cut(rows[i].data, len, rows[i].datagram);
		assert_int_equal(frame.kind, rows[i].kind);
		assert_int_equal(frame.len, rows[i].len ? rows[i].len : len + 1);
	}
	assert_int_equal(cut("\xff\x05\0\x78\x9c\0\0\0", 8, false).kind, FRAME_BAD);
}

static void a_line_has_at_most_65536_bytes(void **state)
{
	static char data[65537];
	(void)state;
	memset(data, 'x', sizeof data);
	memcpy(data, "#M#", 3);
	assert_int_equal(cut(data, 65535, false).kind, FRAME_MORE);
	assert_int_equal(cut(data, 65536, false).kind, FRAME_BAD);
	data[65535] = '\n';
	assert_int_equal(cut(data, 65536, false).kind, FRAME_OK);
}

static void a_block_that_is_too_large_is_dropped(void **state)
{
	static uint8_t data[100000];
	struct feed feed;
	size_t used, at = 0;
	const int head = sprintf((char *)data, LOGIN "#I#70000;0;0;140326;093200;a.jpg\r\n");
	(void)state;
	memset(data + head, 'x', 70000);
	memcpy(data + head + 70000, "#P#\r\n", 5);
	feed_init(&feed, DECODERS_ALL, NULL, false);
	assert_int_equal(feed_step(&feed, data, 200, &decoded, &used), FEED_TAKEN);
	at += used;
	assert_int_equal(feed_step(&feed, data + at, 200, &decoded, &used), FEED_TAKEN);
	at += used;
	assert_int_equal(decoded.reject_count, 1);
	assert_reply(REPLY_NOW, "#AI#0;0\r\n");
	while (at < (size_t)head + 70000) {
		const size_t left = (size_t)head + 70005 - at;
		assert_int_equal(
			feed_step(&feed, data + at, left < 777 ? left : 777, &decoded, &used),
			FEED_TAKEN);
		at += used;
	}
	assert_int_equal(feed_step(&feed, data + at, 5, &decoded, &used), FEED_TAKEN);
	assert_reply(REPLY_NOW, "#AP#\r\n");
	feed_done(&feed);
}

// Black boxes -----------------------------------------------------------------

struct result {
	size_t frames, reports, rejects;
	char reply[64]; /* the last one */
	bool stored, closed;
};

// Feeds the bytes in pieces of this length.
static struct result feed_all(const uint8_t *data, size_t len, size_t step)
{
	struct result result = {0};
	struct feed feed;
	size_t at = 0, end = 0;
	feed_init(&feed, DECODERS_ALL, NULL, false);
	while (at < len && !result.closed) {
		size_t used;
		end = end > at ? end : at;
		const enum feed_verdict verdict =
			feed_step(&feed, data + at, end - at, &decoded, &used);
		at += used;
		if (verdict == FEED_MORE || end == at) {
			end = len - end < step ? len : end + step;
			if (verdict == FEED_MORE)
				continue;
		}
		result.closed = verdict == FEED_CLOSE;
		result.frames++;
		result.reports += decoded.report_count;
		result.rejects += decoded.reject_count;
		for (size_t kind = 0; kind <= REPLY_STORED; kind++)
			if (decoded.reply_len[kind] > 0) {
				snprintf(result.reply, sizeof result.reply, "%.*s",
					(int)decoded.reply_len[kind], (char *)decoded.reply[kind]);
				result.stored = kind == REPLY_STORED;
			}
	}
	feed_done(&feed);
	return result;
}

// Writes a log-in and a black box of so many records, with a sum if that is not -1; returns its length. wrong: added to it.
static size_t write_box(uint8_t *out, size_t records, int wrong)
{
	char *end = (char *)out + sprintf((char *)out, LOGIN "#B#"), *start = end;
	for (size_t i = 0; i < records; i++)
		end += sprintf(end, "%s" GOOD ";0.9;1;0;;NA;n:1:%zu", i ? "|" : "", i);
	if (wrong >= 0) {
		*end++ = '|';
		const unsigned sum = checksum_crc16_arc((uint8_t *)start, (size_t)(end - start));
		end += sprintf(end, "%04X", (sum + (unsigned)wrong) & 0xFFFF);
	}
	return (size_t)(end + sprintf(end, "\r\n") - (char *)out);
}

static void black_boxes_of_any_length_are_stored_and_counted(void **state)
{
	static const size_t counts[] = {1, 60, 180, 256, 257, 700, 1100, 5000, 12000};
	static const size_t steps[] = {LONG_ALL, 16384, 1400};
	uint8_t *data = malloc(LONG_ALL);
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		for (int sum = -1; sum < 1; sum++)
			for (size_t step = 0; step < 3; step++) {
				char reply[32];
				const size_t len = write_box(data, counts[i], sum);
				const struct result result = feed_all(data, len, steps[step]);
				sprintf(reply, "#AB#%zu\r\n", counts[i]);
				assert_int_equal(result.reports, counts[i]);
				assert_int_equal(result.rejects, 0);
				assert_string_equal(result.reply, reply);
				assert_true(result.stored);
			}
	free(data);
}

static void a_black_box_with_a_wrong_sum_stores_nothing_below_98304_bytes(void **state)
{
	uint8_t *data = malloc(LONG_ALL);
	(void)state;
	for (size_t records = 1; records < 1200; records += 299) {
		const size_t len = write_box(data, records, 1);
		assert_in_range(len, 1, 98304);
		const struct result result = feed_all(data, len, 1400);
		assert_int_equal(result.reports, 0);
		assert_int_equal(result.rejects, 1);
		assert_string_equal(result.reply, "#AB#\r\n");
	}
	/* beyond: what is stored is stored, but the sender repeats it */
	const struct result result = feed_all(data, write_box(data, 5000, 1), 1400);
	assert_in_range(result.reports, 4700, 4999);
	assert_int_equal(result.rejects, 1);
	assert_string_equal(result.reply, "#AB#\r\n");
	free(data);
}

static void an_endless_black_box_loses_framing(void **state)
{
	uint8_t *data = malloc(LONG_ALL);
	(void)state;
	const size_t len = write_box(data, 19000, -1);
	assert_in_range(len, (1 << 20) + 1, LONG_ALL);
	const struct result result = feed_all(data, len, 16384);
	assert_true(result.closed || result.rejects > 0);
	/* a record without an end, and one before the log-in */
	memset(data, 'x', 200000);
	memcpy(data, LOGIN "#B#", strlen(LOGIN "#B#"));
	assert_true(feed_all(data, 200000, 16384).rejects > 0);
	memset(data, '|', 200000);
	memcpy(data, "#B#", 3);
	assert_true(feed_all(data, 200000, 16384).rejects > 0);
	free(data);
}

static void records_of_a_black_box_are_decodable_alone(void **state)
{
	struct session session = {.datagram = true};
	(void)state;
	decode_with(&session, "2.0;17#B#" GOOD "|x|" GOOD ";1.5|\r\n");
	assert_int_equal(decoded.report_count, 2);
	assert_int_equal(decoded.reject_count, 1);
	assert_reply(REPLY_STORED, "#AB#2\r\n");
	const struct report report = decoded.reports[1];
	char raw[256];
	snprintf(raw, sizeof raw, "%.*s", (int)report.raw.len, report.raw.data);
	assert_string_equal(raw, "2.0;17#B#" GOOD ";1.5\r\n");
	decode_with(&session, raw);
	assert_int_equal(decoded.report_count, 1);
	assert_memory_equal(&decoded.reports[0].body, &report.body, sizeof report.body);
}

static void a_record_has_the_same_key_however_it_is_sent(void **state)
{
	static const char *const packets[] = {"#SD#" GOOD "\r\n", "#SD#" GOOD ";9E25\r\n",
		"#D#" GOOD "\r\n", "#D#" GOOD ";9E25\r\n", "#B#" GOOD "\r\n", "#B#x|" GOOD "|\r\n"};
	struct session session = logged_in(LOGIN_2);
	(void)state;
	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		assert_int_equal(decode_with(&session, packets[i]), DECODE_OK);
		assert_int_equal(decoded.reports[0].key.len, strlen(GOOD));
		assert_memory_equal(decoded.reports[0].key.data, GOOD, strlen(GOOD));
	}
}

// Log-in ----------------------------------------------------------------------

static void a_log_in_passes_its_password(void **state)
{
	static const struct {
		const char *packet, *password; /* NULL: none */
	} rows[] = {
		{"#L#17;secret\r\n", "secret"}, {"#L#17;NA\r\n", NULL}, {"#L#17;\r\n", NULL},
		{"#L#17\r\n", NULL}, {"#L#2.0;17;secret\r\n", "secret"}, {"#L#2.0;17;NA\r\n", NULL},
		{"#L#2.0;17\r\n", "17"}, /* version 1.1, and an odd ident */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		logged_in(rows[i].packet);
		assert_int_equal(decoded.has_password, rows[i].password != NULL);
		if (rows[i].password)
			assert_true(text_equal(decoded.password, rows[i].password));
		assert_reply(REPLY_NOW, "#AL#1\r\n");
		assert_reply(REPLY_REFUSED, "#AL#0\r\n");
		assert_reply(REPLY_WRONG_PASSWORD, "#AL#01\r\n");
	}
}

static void refused_log_ins_close_the_connection(void **state)
{
	static const struct {
		const char *packet;
		enum decode_status status;
		const char *reply;
		bool closes;
		const char *hidden; /* not to be stored with the reject */
	} rows[] = {
		{"#L#\r\n", DECODE_BAD_VALUE, "#AL#0\r\n", true, NULL},
		{"#L#a b;secret\r\n", DECODE_BAD_VALUE, "#AL#0\r\n", true, "secret"},
		{"#L#a;b;c;d\r\n", DECODE_BAD_LENGTH, "#AL#0\r\n", true, "b;c;d"},
		{"#L#2.0;a;b;c;d;e\r\n", DECODE_BAD_LENGTH, "#AL#0\r\n", true, "b;c;d;e"},
		{"#L#2.0;17;secret;0001\r\n", DECODE_BAD_SUM, "#AL#10\r\n", false, "secret;0001"},
		{"#L#2.0;17;NA;\r\n", DECODE_BAD_SUM, "#AL#10\r\n", false, "NA;"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		assert_int_equal(decode_with(&session, rows[i].packet), rows[i].status);
		assert_reply(REPLY_NOW, rows[i].reply);
		assert_int_equal(decoded.close, rows[i].closes);
		assert_int_equal(session.ident_len, 0);
		assert_int_equal(decoded.has_password, rows[i].hidden != NULL);
		if (rows[i].hidden)
			assert_true(text_equal(decoded.password, rows[i].hidden));
	}
	struct session session = logged_in(LOGIN);
	assert_int_equal(decode_with(&session, "#L#17;NA\r\n"), DECODE_BAD_VALUE);
	assert_reply(REPLY_NOW, "");
	assert_true(decoded.close);
}

// Datagrams -------------------------------------------------------------------

static void a_datagram_names_its_device(void **state)
{
	struct session session = {.datagram = true};
	(void)state;
	assert_int_equal(decode_with(&session, "17#SD#" GOOD), DECODE_OK);
	assert_int_equal(decoded.report_count, 1);
	assert_true(text_equal(decoded.reports[0].ident, "17"));
	assert_reply(REPLY_STORED, "#ASD#1\r\n");
	assert_int_equal(decode_with(&session, "2.0;18#SD#" GOOD ";9E25\r\n"), DECODE_OK);
	assert_true(text_equal(decoded.reports[0].ident, "18"));
	/* the earlier one's ident does not count */
	assert_int_equal(decode_with(&session, "#SD#" GOOD "\r\n"), DECODE_DETAIL);
	assert_string_equal(decoded.detail, "before login");
	assert_reply(REPLY_NOW, "#ASD#-1\r\n");
	assert_int_equal(
		decode_with(&session, "123456789012345678901234567890123#P#"), DECODE_BAD_VALUE);
	/* a message's sum is due with version 2 */
	assert_int_equal(decode_with(&session, "2.0;17#M#hello;8EF6\r\n"), DECODE_BAD_SUM);
	assert_reply(REPLY_NOW, "#AM#01\r\n");
	assert_int_equal(decode_with(&session, "17#M#hello;8EF6\r\n"), DECODE_OK);
	assert_int_equal(decode_with(&session, "2.0;17#M#hello;8EF5\r\n"), DECODE_OK);
	assert_int_equal(decoded.reports[0].extra.len, strlen("\"text\":\"hello\""));
}

static void a_datagram_does_not_take_bytes_of_the_next(void **state)
{
	static const uint8_t first[] = "17#I#70000;0;0;NA;NA;\r\nab", second[] = "17#P#\r\n";
	struct feed feed;
	size_t used;
	(void)state;
	feed_init(&feed, DECODERS_ALL, NULL, true);
	feed_datagram(&feed, 1);
	feed_step(&feed, first, sizeof first - 1, &decoded, &used);
	assert_int_equal(used, sizeof first - 1);
	assert_int_equal(decoded.reject_count, 1);
	assert_reply(REPLY_NOW, "#AI#0;0\r\n");
	feed_datagram(&feed, 2);
	feed_step(&feed, second, sizeof second - 1, &decoded, &used);
	assert_reply(REPLY_NOW, "#AP#\r\n");
	feed_done(&feed);
}

static void short_minutes_are_told_from_short_degrees(void **state)
{
#define NO_FIELDS ";12;90;760;NA;NA;NA;NA;;NA;NA"
	static const struct {
		const char *place, *rest;
		bool datagram;
		int32_t lat_e7, lon_e7;
	} rows[] = {
		{"523.03120;N;0218.99850;E", NO_FIELDS, true, 520505200, 211499750},
		{"523.03120;N;1218.99850;E", NO_FIELDS, true, 520505200, 1211499750},
		/* one of the two short numbers begins with 0 */
		{"523.0312;N;0218.9985;E", ";NA;NA;NA;NA", false, 520505200, 211499750},
		{"053.0312;N;02218.9985;E", ";NA;NA;NA;NA", false, 50505200, 223166417},
		/* degrees otherwise */
		{"756.0930;N;9838.6403;E", ";NA;NA;NA;NA", false, 79348833, 986440050},
		{"523.03120;N;1218.99850;E", NO_FIELDS, false, 53838533, 123166417},
		{"523.0312;N;1218.9985;E", NO_FIELDS, true, 53838533, 123166417},
		{"523.03120;N;1218.99850;E", ";12;90;760;9;NA;NA;NA;;NA;NA", true, 53838533,
			123166417},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session =
			rows[i].datagram ? (struct session){.datagram = true} : logged_in(LOGIN);
		char packet[256];
		snprintf(packet, sizeof packet, "%s#D#140326;093300;%s%s\r\n",
			rows[i].datagram ? "17" : "", rows[i].place, rows[i].rest);
		assert_int_equal(decode_with(&session, packet), DECODE_OK);
		assert_int_equal(decoded.reports[0].body.lat_e7, rows[i].lat_e7);
		assert_int_equal(decoded.reports[0].body.lon_e7, rows[i].lon_e7);
	}
}

// Media -----------------------------------------------------------------------

static const char *decode_block(
	struct session *session, unsigned number, unsigned last, const char *bytes)
{
	static char packet[256];
	snprintf(packet, sizeof packet, "#I#%zu;%u;%u;140326;093200;a.jpg\r\n%s", strlen(bytes),
		number, last, bytes);
	assert_int_equal(decode_with(session, packet), DECODE_OK);
	static char reply[64];
	const enum reply_when when = decoded.reply_len[REPLY_NOW] ? REPLY_NOW : REPLY_STORED;
	snprintf(reply, sizeof reply, "%s %.*s", when == REPLY_NOW ? "now" : "stored",
		(int)decoded.reply_len[when] - 2, (char *)decoded.reply[when]);
	return reply;
}

static void a_photo_is_put_together_from_its_blocks(void **state)
{
	struct photos photos = {0};
	struct session session = logged_in(LOGIN);
	(void)state;
	session.photos = &photos;
	assert_string_equal(decode_block(&session, 1, 2, "cd"), "stored #AI#1;1");
	assert_int_equal(decoded.report_count, 1);
	assert_string_equal(decode_block(&session, 1, 2, "cd"), "stored #AI#1;1");
	assert_int_equal(decoded.report_count, 0);
	assert_string_equal(decode_block(&session, 0, 2, "\xff\xd8"), "stored #AI#0;1");
	assert_null(session.finished);
	assert_string_equal(decode_block(&session, 2, 2, "\xff\xd9"), "stored #AI#1");
	const struct photo *photo = session.finished;
	assert_non_null(photo);
	assert_true(photo->complete);
	assert_string_equal(photo->type, "image/jpeg");
	assert_int_equal(photo->size, 6);
	assert_memory_equal(photo->data,
		"\xff\xd8"
		"cd\xff\xd9",
		6);
	assert_true(photo->body.has & HAS_TIME);
	photo_drop_all(&session);
	/* again: it is done */
	assert_string_equal(decode_block(&session, 2, 2, "\xff\xd9"), "stored #AI#1");
	assert_null(session.photo);
	/* another one of the same name, from its first block on */
	assert_string_equal(decode_block(&session, 0, 2, "\xff\xd8x"), "stored #AI#0;1");
	assert_non_null(session.photo);
	/* another one; what has no room is not kept */
	assert_string_equal(decode_block(&session, 0, 1, "ab"), "stored #AI#0;1");
	assert_string_equal(decode_block(&session, 0, 5000, "ab"), "now #AI#0;0");
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
}

static void a_tachograph_file_is_put_together(void **state)
{
	struct photos photos = {0};
	struct session session = logged_in(LOGIN);
	(void)state;
	session.photos = &photos;
	assert_int_equal(decode_with(&session, "#T#;2;0\r\nab"), DECODE_BAD_VALUE);
	assert_reply(REPLY_NOW, "#AT#0;0\r\n");
	assert_int_equal(decode_with(&session, "#IT#140326;093200;Ann;;1\r\n"), DECODE_OK);
	assert_reply(REPLY_STORED, "#AIT#1\r\n");
	assert_int_equal(decode_with(&session, "#T#;2;0\r\nab"), DECODE_OK);
	assert_reply(REPLY_STORED, "#AT#0;1\r\n");
	assert_int_equal(decode_with(&session, "#T#;1;1\r\nc"), DECODE_OK);
	assert_reply(REPLY_STORED, "#AT#1\r\n");
	assert_non_null(session.finished);
	assert_string_equal(session.finished->type, "application/octet-stream");
	assert_memory_equal(session.finished->data, "abc", 3);
	photo_drop_all(&session);
	assert_int_equal(decode_with(&session, "#T#;1;1\r\nc"), DECODE_OK);
	assert_reply(REPLY_STORED, "#AT#1\r\n");
	assert_int_equal(photos.bytes, 0);
	/* the same announcement again: the file is sent anew */
	assert_int_equal(decode_with(&session, "#IT#140326;093200;Ann;;1\r\n"), DECODE_OK);
	assert_non_null(session.photo);
	assert_int_equal(decode_with(&session, "#T#;2;0\r\nxy"), DECODE_OK);
	assert_reply(REPLY_STORED, "#AT#0;1\r\n");
	photo_drop_all(&session);
}

static void a_photo_without_progress_ends(void **state)
{
	struct photos photos = {0};
	struct session session = logged_in(LOGIN);
	(void)state;
	session.photos = &photos;
	decode_block(&session, 0, 1, "ab");
	session.now_us = session.received_us + 119000000;
	decoder_wialon_ips.wake(&session, INT64_MIN, &decoded);
	assert_non_null(session.photo);
	session.now_us += 1000000;
	decoder_wialon_ips.wake(&session, INT64_MIN, &decoded);
	assert_null(session.photo);
	assert_non_null(session.finished);
	assert_false(session.finished->complete);
	photo_drop_all(&session);
}

// Compressed packets ----------------------------------------------------------

// Writes a container whose stream has stored blocks.
static size_t write_container(uint8_t *out, const char *content, size_t len)
{
	uint8_t *end = out + 3;
	uint32_t a = 1, b = 0;
	*end++ = 0x78;
	*end++ = 0x01;
	for (size_t at = 0; at <= len; at += 65535) {
		const size_t part = len - at < 65535 ? len - at : 65535;
		const uint8_t head[] = {at + part == len, (uint8_t)part, (uint8_t)(part >> 8),
			(uint8_t)~part, (uint8_t)(~part >> 8)};
		memcpy(end, head, 5);
		memcpy(end + 5, content + at, part);
		end += 5 + part;
	}
	for (size_t i = 0; i < len; i++) {
		a = (a + (uint8_t)content[i]) % 65521;
		b = (b + a) % 65521;
	}
	const uint8_t sum[] = {(uint8_t)(b >> 8), (uint8_t)b, (uint8_t)(a >> 8), (uint8_t)a};
	memcpy(end, sum, 4);
	end += 4;
	const size_t all = (size_t)(end - out) - 3;
	out[0] = 0xFF;
	out[1] = (uint8_t)all;
	out[2] = (uint8_t)(all >> 8);
	return all + 3;
}

static void a_compressed_black_box_has_at_most_256_records(void **state)
{
	static uint8_t data[70000];
	static char content[60000];
	struct session session = logged_in(LOGIN);
	char *end = content + sprintf(content, "#B#");
	(void)state;
	for (size_t i = 0; i < 300; i++)
		end += sprintf(end, "%s" GOOD ";%zu", i ? "|" : "", i);
	const size_t len = write_container(data, content, (size_t)(end - content));
	decoded_reset(&decoded);
	assert_int_equal(decoder_wialon_ips.decode(&session, data, len, &decoded), DECODE_OK);
	assert_int_equal(decoded.report_count, 256);
	assert_int_equal(decoded.reject_count, 44);
	assert_string_equal(decoded.rejects[0].detail, "too many records");
	assert_reply(REPLY_STORED, "#AB#256\r\n");
}

static void a_compressed_packet_has_at_most_49152_bytes(void **state)
{
	static uint8_t data[70000];
	static char content[49153];
	struct session session = logged_in(LOGIN);
	(void)state;
	memset(content, 'x', sizeof content);
	memcpy(content, "#M#", 3);
	for (size_t more = 0; more < 2; more++) {
		const size_t len = write_container(data, content, 49152 + more);
		decoded_reset(&decoded);
		assert_int_equal(decoder_wialon_ips.decode(&session, data, len, &decoded),
			more ? DECODE_DETAIL : DECODE_OK);
	}
	assert_string_equal(decoded.detail, "too long");
	assert_reply(REPLY_STORED, "");
}

static void a_packet_that_was_compressed_to_almost_nothing_is_too_long(void **state)
{
	/* a message of 9,000 letters */
	static const uint8_t data[] = {0xff, 0x23, 0x00, 0x78, 0xda, 0xed, 0xc1, 0x01, 0x01, 0x00,
		0x00, 0x08, 0x02, 0xa0, 0x31, 0xee, 0xf1, 0x8f, 0xf3, 0x1b, 0x12, 0x90, 0x66, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0xc0, 0x01, 0x44, 0x7e, 0x7c, 0x44};
	struct session session = logged_in(LOGIN);
	(void)state;
	decoded_reset(&decoded);
	assert_int_equal(
		decoder_wialon_ips.decode(&session, data, sizeof data, &decoded), DECODE_DETAIL);
	assert_string_equal(decoded.detail, "too long");
}

// Commands --------------------------------------------------------------------

static void commands_are_lines(void **state)
{
#define CUSTOM(t)                                                                                  \
	{                                                                                          \
		.kind = COMMAND_CUSTOM, .text_len = sizeof(t) - 1, .text = t                       \
	}
	static const struct {
		struct command command;
		const char *plain, *version_2; /* NULL: there is none */
	} goldens[] = {
		{{.kind = COMMAND_REQUEST_PHOTO}, "#QI#\r\n", "#QI#\r\n"},
		{CUSTOM("#M#hello"), "#M#hello\r\n", "#M#hello;8EF5\r\n"},
		{CUSTOM("#QT#Ann"), "#QT#Ann\r\n", "#QT#Ann\r\n"},
		{CUSTOM("USSD:*100#"), "USSD:*100#\r\n", "USSD:*100#\r\n"},
		{{.kind = COMMAND_ENGINE_STOP}, NULL, NULL},
		{{.kind = COMMAND_POSITION_SINGLE}, NULL, NULL},
	};
	struct session plain = {.decoder = &decoder_wialon_ips}, datagram = {.datagram = true};
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_wialon_ips.encode_command(&plain, &goldens[0].command, out, sizeof out)
			.result,
		ENCODE_LATER);
	decode_with(&datagram, "17#P#");
	assert_int_equal(
		decoder_wialon_ips.encode_command(&datagram, &goldens[0].command, out, sizeof out)
			.result,
		ENCODE_LATER);
	plain = logged_in(LOGIN);
	struct session version_2 = logged_in(LOGIN_2);
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		check_command(&plain, &goldens[i].command, goldens[i].plain);
		check_command(&version_2, &goldens[i].command, goldens[i].version_2);
	}
}

static void an_answer_confirms_a_command_of_its_kind(void **state)
{
	static const struct {
		const char *text; /* of a custom command */
		const char *answer;
		enum confirmation confirmation;
	} rows[] = {
		{"VER?", "#M#v1.7\r\n", CONFIRMATION_DONE},
		{"VER?", "#M#error 5\r\n", CONFIRMATION_REFUSED},
		{"VER?", "#AM#1\r\n", CONFIRMATION_NONE},
		{"VER?", "#D#" GOOD "\r\n", CONFIRMATION_NONE},
		{"#M#hello", "#AM#1\r\n", CONFIRMATION_DONE},
		{"#M#hello", "#AM#0\r\n", CONFIRMATION_REFUSED},
		{"#M#hello", "#M#v1.7\r\n", CONFIRMATION_NONE},
		{"#QI#", "#I#2;0;0;NA;NA;\r\nab", CONFIRMATION_DONE},
		{"#QI#", "#IT#NA;NA;NA;;0\r\n", CONFIRMATION_NONE},
		{"#QT#Ann", "#IT#NA;NA;NA;;0\r\n", CONFIRMATION_DONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = logged_in(LOGIN);
		struct command command = {
			.kind = COMMAND_CUSTOM, .text_len = (uint8_t)strlen(rows[i].text)};
		uint8_t out[300];
		memcpy(command.text, rows[i].text, command.text_len);
		const struct encoded sent =
			decoder_wialon_ips.encode_command(&session, &command, out, sizeof out);
		decode_with(&session, rows[i].answer);
		const struct command_answer *answer =
			decoded.answer_count > 0 ? &decoded.answers[0] : NULL;
		assert_int_equal(decoder_wialon_ips.confirms_command(
					 &command, sent.correlation, &decoded.reports[0], answer),
			rows[i].confirmation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_type_between_marks_opens_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(a_datagram_begins_with_an_ident),
		cmocka_unit_test(a_frame_is_a_line_and_the_bytes_that_it_announces),
		cmocka_unit_test(a_line_has_at_most_65536_bytes),
		cmocka_unit_test(a_block_that_is_too_large_is_dropped),
		cmocka_unit_test(black_boxes_of_any_length_are_stored_and_counted),
		cmocka_unit_test(a_black_box_with_a_wrong_sum_stores_nothing_below_98304_bytes),
		cmocka_unit_test(an_endless_black_box_loses_framing),
		cmocka_unit_test(records_of_a_black_box_are_decodable_alone),
		cmocka_unit_test(a_record_has_the_same_key_however_it_is_sent),
		cmocka_unit_test(a_log_in_passes_its_password),
		cmocka_unit_test(refused_log_ins_close_the_connection),
		cmocka_unit_test(a_datagram_names_its_device),
		cmocka_unit_test(a_datagram_does_not_take_bytes_of_the_next),
		cmocka_unit_test(short_minutes_are_told_from_short_degrees),
		cmocka_unit_test(a_photo_is_put_together_from_its_blocks),
		cmocka_unit_test(a_tachograph_file_is_put_together),
		cmocka_unit_test(a_photo_without_progress_ends),
		cmocka_unit_test(a_compressed_black_box_has_at_most_256_records),
		cmocka_unit_test(a_compressed_packet_has_at_most_49152_bytes),
		cmocka_unit_test(a_packet_that_was_compressed_to_almost_nothing_is_too_long),
		cmocka_unit_test(commands_are_lines),
		cmocka_unit_test(an_answer_confirms_a_command_of_its_kind),
	};
	page = guarded_new(80000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
