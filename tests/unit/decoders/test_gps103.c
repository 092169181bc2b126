// SPDX-License-Identifier: MIT
// GPS103: how sentences are cut, what opens a conversation, answers, the zone, photos and commands. The fields are compared by
// tests/reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ID       "860000000000017"
#define POSITION "imei:" ID ",tracker,310514121530,,F,091530.000,A,1220.7360,N,09845.9240,W,33.00"
#define SOS      "imei:" ID ",help me,310514121600,,L,,,1B2C,,A1B2"
#define SOS_STOP "**,imei:" ID ",E;"
#define NINE_16  INT64_C(1936516560000000) /* 2031-05-14 09:16 UTC */

static struct guarded page;
static struct decoded decoded;

struct outcome {
	size_t reports, rejects, photos;
	enum feed_verdict verdict;
	uint64_t dedup; /* of all reports, in order */
	char now[256], stored[256];
	char reason[DECODED_REASON_MAX]; /* of the last reject */
	struct report_body body;         /* of the last report */
};

static void append_reply(char *out, enum reply_when when)
{
	const size_t len = strlen(out);
	assert_true(len + decoded.reply_len[when] < 256);
	memcpy(out + len, decoded.reply[when], decoded.reply_len[when]);
}

static void add(struct outcome *outcome, struct feed *feed)
{
	for (size_t i = 0; i < decoded.report_count; i++) {
		outcome->body = decoded.reports[i].body;
		outcome->dedup = outcome->dedup * 31 + outcome->body.dedup;
	}
	outcome->reports += decoded.report_count;
	outcome->rejects += decoded.reject_count;
	append_reply(outcome->now, REPLY_NOW);
	append_reply(outcome->stored, REPLY_STORED);
	if (decoded.reject_count > 0)
		decoded_reject_reason(&decoded.rejects[decoded.reject_count - 1], outcome->reason);
	for (; feed->session.finished; photo_drop(&feed->session))
		outcome->photos += feed->session.finished->complete;
}

static struct device_settings known_settings(const void *context, struct text ident)
{
	(void)ident;
	return *(const struct device_settings *)context;
}

// Feeds the bytes in pieces of `step` to a conversation.
static void feed_more(
	struct feed *feed, const char *data, size_t len, size_t step, struct outcome *outcome)
{
	size_t start = 0, used;
	for (size_t end = 0; end < len && outcome->verdict != FEED_CLOSE;) {
		end = len - end < step ? len : end + step;
		while (start < end) {
			const uint8_t *at = guarded_copy(&page, data + start, end - start);
			outcome->verdict = feed_step(feed, at, end - start, &decoded, &used);
			if (outcome->verdict == FEED_MORE)
				break;
			add(outcome, feed);
			start += used;
			if (outcome->verdict == FEED_CLOSE)
				break;
		}
	}
}

static struct outcome feed_bytes(const char *data, size_t len, size_t step)
{
	struct outcome outcome = {0};
	struct photos photos = {0};
	struct feed feed;
	feed_init(&feed, DECODERS_ALL, NULL, false);
	feed.session.received_us = NINE_16;
	feed.session.photos = &photos;
	feed_more(&feed, data, len, step, &outcome);
	feed_done(&feed);
	return outcome;
}

#define FEED(literal, step) feed_bytes(literal, sizeof(literal) - 1, step)

static struct outcome datagram(struct feed *feed, const char *text)
{
	struct outcome outcome = {0};
	feed_datagram(feed, NINE_16);
	feed_more(feed, text, strlen(text), strlen(text), &outcome);
	assert_true(outcome.verdict != FEED_MORE);
	return outcome;
}

static void sentences_are_cut_the_same_in_any_pieces(void **state)
{
	static const char data[] = "##,imei:" ID ",A;" ID ";\r\n" POSITION ";" SOS ";\r\n" POSITION
				   ",0\r\n" ID POSITION ",1\n \0imei:" ID ",L,*imei:" ID
				   ",vt2,310514121530,,F,091530,A,1220.7360,N,09845.9240,W;"
				   "imei:" ID ",vr,00000000ffd8ffe00000;"
				   "imei:" ID ",vr,01000000ffd90000;;;" SOS ",;";
	const struct outcome whole = FEED(data, sizeof data);
	(void)state;
	assert_int_equal(whole.reports, 6);
	assert_int_equal(whole.rejects, 0);
	assert_int_equal(whole.photos, 1);
	assert_string_equal(whole.now, "LOADONON");
	assert_string_equal(whole.stored, SOS_STOP SOS_STOP);
	for (size_t step = 1; step < sizeof data; step++) {
		const struct outcome cut = FEED(data, step);
		assert_int_equal(cut.reports, whole.reports);
		assert_int_equal(cut.rejects, 0);
		assert_int_equal(cut.photos, 1);
		assert_int_equal(cut.dedup, whole.dedup);
		assert_string_equal(cut.now, whole.now);
		assert_string_equal(cut.stored, whole.stored);
	}
}

static void a_datagram_ends_its_last_sentence(void **state)
{
	struct feed feed;
	(void)state;
	feed_init(&feed, DECODERS_ALL, NULL, true);
	assert_int_equal(datagram(&feed, POSITION).reports, 1);
	assert_int_equal(datagram(&feed, POSITION ";" SOS).reports, 2);
	assert_string_equal(datagram(&feed, "imei:" ID ",A").now, "LOAD");
	assert_string_equal(datagram(&feed, "##,imei:" ID ",A").now, "LOAD");
	assert_int_equal(datagram(&feed, "imei:" ID ",move,310514121600,,L").reports, 1);
	assert_int_equal(datagram(&feed, "imei:" ID ",move,310514121600,,Lx").reports, 1);
	feed_done(&feed);
	feed_init(&feed, DECODERS_ALL, NULL, true);
	assert_string_equal(
		datagram(&feed, "imei:" ID ",move,310514121600,,Lx").reason, "unknown protocol");
	feed_done(&feed);
}

// Other protocols begin with the same digits.
static void digits_alone_count_for_a_known_device_only(void **state)
{
	struct device_settings settings = {0};
	struct feed feed;
	(void)state;
	for (int known = 0; known < 2; known++) {
		settings.known = known;
		for (int udp = 0; udp < 2; udp++) {
			struct outcome outcome = {0};
			const char *text = udp ? ID : ID "\r\n";
			feed_init(&feed, DECODERS_ALL, NULL, udp);
			feed.session.find_settings = known_settings;
			feed.session.settings_context = &settings;
			feed_more(&feed, text, strlen(text), 100, &outcome);
			assert_string_equal(outcome.now, known ? "ON" : "");
			assert_string_equal(
				outcome.reason, known ? "" : "heartbeat of an unknown device");
			assert_int_equal(feed.session.ident_len, known ? 15 : 0);
			assert_int_equal(decoded.close, !known);
			feed_done(&feed);
		}
	}
	// One that the conversation has named is known.
	feed_init(&feed, DECODERS_ALL, NULL, true);
	assert_int_equal(datagram(&feed, POSITION).reports, 1);
	assert_string_equal(datagram(&feed, ID).now, "ON");
	assert_int_equal(datagram(&feed, "860000000000018").rejects, 1);
	assert_false(decoded.close);
	feed_done(&feed);
	assert_string_equal(FEED(ID ";", 1).now, "ON");
}

static void a_heartbeat_without_a_terminator_ends_when_nothing_follows(void **state)
{
	static const char text[] = POSITION ";" ID;
	struct feed feed;
	size_t used;
	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		struct outcome outcome = {0};
		feed_init(&feed, DECODERS_ALL, NULL, false);
		feed_more(&feed, text, sizeof text - 1, step, &outcome);
		assert_int_equal(outcome.verdict, FEED_MORE);
		assert_string_equal(outcome.now, "");
		assert_true(feed.open);
		feed_rest(&feed, guarded_copy(&page, ID, 15), 15, &decoded, &used);
		add(&outcome, &feed);
		assert_int_equal(used, 15);
		assert_string_equal(outcome.now, "ON");
		feed_done(&feed);
	}
}

// What is read first may end behind the 15 digits that open another protocol.
static void digits_of_another_protocol_are_given_back(void **state)
{
	static const struct {
		const char *text;
		enum frame_kind kind;
	} rows[] = {{ID "x;", FRAME_BAD}, {ID "#D#;", FRAME_BAD}, {ID ";", FRAME_OK},
		{ID "\r\n", FRAME_OK}, {ID "imei:" ID ",A;", FRAME_OK}, {ID "im", FRAME_MORE}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		const size_t len = strlen(rows[i].text);
		const struct frame frame =
			decoder_gps103.frame(&session, guarded_copy(&page, rows[i].text, len), len);
		assert_int_equal(frame.kind, rows[i].kind);
	}
}

static void a_sentence_has_at_most_4096_bytes_and_a_part_of_a_photo_32768(void **state)
{
	static const struct {
		const char *head;
		size_t most;
	} rows[] = {{POSITION, 4096}, {"imei:" ID ",vr,", 32768}};
	struct session session = {0};
	char *text = malloc(40000);
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t len = rows[i].most - 1; len <= rows[i].most + 1; len++) {
			memset(text, '0', 40000);
			memcpy(text, rows[i].head, strlen(rows[i].head));
			text[len - 1] = ';';
			const size_t seen = len < 32768 ? len : 32768;
			const struct frame frame =
				decoder_gps103.frame(&session, (const uint8_t *)text, seen);
			assert_int_equal(frame.kind, len <= rows[i].most ? FRAME_OK : FRAME_BAD);
			assert_int_equal(frame.len, len <= rows[i].most ? len : rows[i].most);
		}
	}
	free(text);
}

static void the_first_bytes_decide(void **state)
{
	static const struct {
		const char *text;
		enum probe stream, datagram;
	} rows[] = {
		{"#", PROBE_MORE, PROBE_NO},
		{"##,imei:8600000000", PROBE_MORE, PROBE_NO},
		{"##,imei:8600000000,A", PROBE_YES, PROBE_YES},
		{"##,imei:86000000000000000,A;", PROBE_YES, PROBE_YES},
		{"##,imei:860000000000000000", PROBE_NO, PROBE_NO},
		{"##,imei:860000000,A", PROBE_NO, PROBE_NO},
		{"##,imei:8600000000,B", PROBE_NO, PROBE_NO},
		{"##,id", PROBE_NO, PROBE_NO},
		{"86000000000001", PROBE_MORE, PROBE_NO},
		{ID, PROBE_MAYBE, PROBE_MAYBE},
		{ID "8", PROBE_MORE, PROBE_NO},
		{ID "\r", PROBE_MAYBE, PROBE_MAYBE},
		{ID ";", PROBE_YES, PROBE_YES},
		{"86000000000001;", PROBE_NO, PROBE_NO},
		{"86000000000001\n", PROBE_NO, PROBE_NO},
		{ID "im", PROBE_MORE, PROBE_NO},
		{"1imei:", PROBE_YES, PROBE_YES},
		{ID "x", PROBE_NO, PROBE_NO},
		{"111111111111111111111", PROBE_NO, PROBE_NO},
		{"imei", PROBE_MORE, PROBE_NO},
		{"imei=", PROBE_NO, PROBE_NO},
		{"imei:86000000000", PROBE_MORE, PROBE_NO},
		{"imei:86000000000,", PROBE_NO, PROBE_NO},
		{"imei:860000000000000000", PROBE_NO, PROBE_NO},
		{"imei:" ID "&rmc:$GPRMC", PROBE_NO, PROBE_NO},
		{"imei:" ID ",tracker,,,F", PROBE_MORE, PROBE_YES},
		{"imei:" ID ",tracker,,,F,", PROBE_YES, PROBE_YES},
		{"imei:" ID ",tracker,,,L;", PROBE_YES, PROBE_YES},
		{"imei:" ID ",tracker,,,FL,", PROBE_NO, PROBE_NO},
		{"imei:" ID ",tracker,,,f,", PROBE_NO, PROBE_NO},
		{"imei:" ID ",tracker,,;", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",L,", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",L,*", PROBE_YES, PROBE_YES},
		{"imei:" ID ",a,", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",a;", PROBE_YES, PROBE_YES},
		{"imei:" ID ",A\r\n", PROBE_YES, PROBE_YES},
		{"imei:" ID ",B\r\n", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",OBD,31051412180", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",OBD,310514121800", PROBE_YES, PROBE_YES},
		{"imei:" ID ",vr,", PROBE_YES, PROBE_YES},
		{"imei:" ID ",4567890123456789012345678901234567890123", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",45678901234567890123456789012345678901234", PROBE_NO, PROBE_NO},
		{"imei:" ID ",,,,----,", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",,,,3.9,091530,140531,21,1,", PROBE_MORE, PROBE_NO},
		{"imei:" ID ",,,,3.9,091530,140531,21,1,*", PROBE_YES, PROBE_YES},
		{"imei:" ID ",,,,3.9,091530,140531,21,1,;*", PROBE_NO, PROBE_NO},
		{"imei:" ID ",,,,3.9,0915,", PROBE_NO, PROBE_NO},
		{"imei:" ID ",,,,12x,", PROBE_NO, PROBE_NO},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const size_t len = strlen(rows[i].text);
		const uint8_t *at = guarded_copy(&page, rows[i].text, len);
		if (decoder_gps103.probe(at, len, false) != rows[i].stream ||
			decoder_gps103.probe(at, len, true) != rows[i].datagram)
			fail_msg("%s", rows[i].text);
	}
	// Without the fifth field, 120 bytes decide.
	char text[140] = "imei:" ID ",tracker,";
	memset(text + strlen(text), '7', sizeof text - 1 - strlen(text));
	assert_int_equal(decoder_gps103.probe((const uint8_t *)text, 120, false), PROBE_MORE);
	assert_int_equal(decoder_gps103.probe((const uint8_t *)text, 121, false), PROBE_NO);
}

static void the_echo_is_answered_only_if_it_opens_the_connection(void **state)
{
	(void)state;
	assert_string_equal(FEED("imei:" ID ",L,*imei:" ID ",L,*", 7).now, "LOAD");
	assert_string_equal(FEED(POSITION ";imei:" ID ",L,*", 7).now, "");
	assert_string_equal(FEED("imei:" ID ",A;imei:" ID ",A;", 7).now, "LOADLOAD");
	// 30 bytes are no data unless the fifth field is F or L; 31 are.
	assert_string_equal(FEED(POSITION ";imei:" ID ",move,,,X,;", 7).now, "LOAD");
	assert_string_equal(FEED(POSITION ";imei:" ID ",move,,,L,;", 7).now, "");
	assert_int_equal(FEED(POSITION ";imei:" ID ",move,,,L,;", 7).reports, 2);
	assert_int_equal(FEED(POSITION ";imei:" ID ",speed,,,X,;", 7).reports, 2);
}

static void only_help_me_is_answered(void **state)
{
	(void)state;
	assert_string_equal(FEED(SOS ";", 9).stored, SOS_STOP);
	assert_string_equal(FEED(POSITION ";imei:" ID ",HELP ME,,,F,,V;", 9).stored, SOS_STOP);
	assert_string_equal(FEED(POSITION ";imei:" ID ",help me,,,X,1,2,3;", 9).stored, "");
	assert_string_equal(FEED("imei:" ID ",door alarm,310514121600,,L;", 9).stored, "");
	// Out of range: a reject, no answer.
	const struct outcome bad =
		FEED("imei:" ID ",help me,310514121600,,F,,A,9100.0000,N,09845.9240,W;", 9);
	assert_string_equal(bad.reason, "bad value: latitude");
	assert_string_equal(bad.stored, "");
}

static void the_zone_is_that_of_the_device(void **state)
{
	static const char other[] = "imei:860000000000018,move,310514121600,,L;";
	struct outcome outcome = FEED(POSITION ";" SOS ";", 99);
	(void)state;
	assert_int_equal(outcome.body.device_time_us, NINE_16);
	outcome = FEED(SOS ";", 99);
	assert_false(outcome.body.has & HAS_TIME);
	struct feed feed;
	feed_init(&feed, DECODERS_ALL, NULL, false);
	feed_more(&feed, POSITION ";", sizeof POSITION, 99, &outcome);
	feed_more(&feed, other, sizeof other - 1, 99, &outcome);
	assert_false(outcome.body.has & HAS_TIME);
	feed_more(&feed, SOS ";", sizeof SOS, 99, &outcome);
	assert_false(outcome.body.has & HAS_TIME);
	// A sentence that is rejected teaches nothing.
	static const char bad[] = "imei:" ID ",move,310514121600,,F,091600,A,9100.0,N,1.0,E;";
	feed_more(&feed, bad, sizeof bad - 1, 99, &outcome);
	feed_more(&feed, SOS ";", sizeof SOS, 99, &outcome);
	assert_false(outcome.body.has & HAS_TIME);
	feed_done(&feed);
}

#define VT3     "imei:" ID ",vt3,310514121530,,F,091530,A,1220.7360,N,09845.9240,W;"
#define VR(hex) "imei:" ID ",vr," hex ";"

static void a_photo_is_put_together(void **state)
{
	const struct outcome whole = FEED(VT3 VR("00000000ffd80000") VR("010000000102abcd")
						  VR("02000000ffd90000") VR("02000000ffd90000"),
		1000);
	(void)state;
	assert_int_equal(whole.photos, 1);
	assert_int_equal(whole.reports, 2); // the last part is of no photo
	assert_int_equal(whole.rejects, 0);
	// Of one photo a part is missing; parts that are none are statuses.
	const struct outcome bad =
		FEED(VT3 VR("00000000ffd80000") VR("0300000001020000") VR("0g00000001020000")
				VR("010000000102abc") VR("0100000001") VR("02000000ffd90000"),
			1000);
	assert_int_equal(bad.photos, 0);
	assert_int_equal(bad.reports, 5);
	// The announcement sent twice does not lose the parts between.
	const struct outcome twice = FEED(
		VT3 VR("00000000ffd80000") VR("010000000102abcd") VT3 VR("02000000ffd90000"), 1000);
	assert_int_equal(twice.photos, 1);
	assert_int_equal(twice.reports, 2);
}

static void commands_are_letters_or_numbers(void **state)
{
	static const struct {
		struct command command;
		const char *letter, *number;
	} rows[] = {
		{{.kind = COMMAND_ENGINE_STOP}, "J", "109"},
		{{.kind = COMMAND_ENGINE_RESUME}, "K", "110"},
		{{.kind = COMMAND_OUTPUT_CONTROL,
			 .args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 1}},
			"J", "109"},
		{{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 1}}, "K", "110"},
		{{.kind = COMMAND_POSITION_SINGLE}, "B", "100"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 30}}, "C,30s",
			"101,30s"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 90}}, "C,90s",
			"101,90s"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 300}}, "C,05m",
			"101,05m"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 7200}}, "C,02h",
			"101,02h"},
		{{.kind = COMMAND_ALARM_SPEED, .args = {[COMMAND_KMH] = 80}}, "H,080", "107,080"},
		{{.kind = COMMAND_SET_TIMEZONE, .args = {[COMMAND_HOURS] = 3}}, "I,+3", "108,+3"},
		{{.kind = COMMAND_SET_TIMEZONE, .args = {[COMMAND_HOURS] = -12}}, "I,-12",
			"108,-12"},
		{{.kind = COMMAND_REQUEST_PHOTO}, "160", "160"},
		{{.kind = COMMAND_CUSTOM, .text_len = 7, .text = "F,0400m"}, "F,0400m", "F,0400m"},
	};
	struct session session = {.decoder = &decoder_gps103};
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_gps103.encode_command(&session, &rows[0].command, out, sizeof out).result,
		ENCODE_LATER);
	session_set_ident(&session, ID, 15);
	for (int numbers = 0; numbers < 2; numbers++) {
		const char *model = numbers ? "403 numbers ;" : "103";
		const struct device_settings settings = {.model = {model, strlen(model)}};
		session.find_settings = known_settings;
		session.settings_context = &settings;
		for (size_t i = 0; i < COUNT(rows); i++) {
			char text[64];
			snprintf(text, sizeof text, "**,imei:" ID ",%s%s",
				numbers ? rows[i].number : rows[i].letter, numbers ? ";" : "");
			const size_t len = strlen(text);
			const struct encoded encoded =
				decoder_gps103.encode_command(&session, &rows[i].command, out, len);
			assert_int_equal(encoded.result, ENCODE_DONE);
			assert_int_equal(encoded.len, len);
			assert_memory_equal(out, text, len);
			assert_int_equal(
				decoder_gps103
					.encode_command(&session, &rows[i].command, out, len - 1)
					.result,
				ENCODE_NEVER);
		}
	}
}

// SMS mode would end all reports; '*' could begin a second command.
static void some_commands_are_never_sent(void **state)
{
	static const struct command rows[] = {
		{.kind = COMMAND_REBOOT_DEVICE},
		{.kind = COMMAND_GET_VERSION},
		{.kind = COMMAND_FACTORY_RESET},
		{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 2}},
		{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 100}},
		{.kind = COMMAND_CUSTOM, .text_len = 1, .text = "N"},
		{.kind = COMMAND_CUSTOM, .text_len = 3, .text = " n "},
		{.kind = COMMAND_CUSTOM, .text_len = 2, .text = "N;"},
		{.kind = COMMAND_CUSTOM, .text_len = 5, .text = "113,1"},
		{.kind = COMMAND_CUSTOM, .text_len = 5, .text = "113 ;"},
		{.kind = COMMAND_CUSTOM, .text_len = 6, .text = "B;**,N"},
	};
	struct session session = {.decoder = &decoder_gps103};
	uint8_t out[300];
	(void)state;
	session_set_ident(&session, ID, 15);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
			decoder_gps103.encode_command(&session, &rows[i], out, sizeof out).result,
			ENCODE_NEVER);
}

static void a_keyword_confirms_its_command(void **state)
{
	static const struct {
		const char *command, *keyword;
		enum confirmation confirmation;
	} rows[] = {
		{"J", "jt", CONFIRMATION_DONE},
		{"j", "JT", CONFIRMATION_DONE},
		{"J;", "jt", CONFIRMATION_DONE},
		{"J", "109", CONFIRMATION_DONE},
		{"109", "jt", CONFIRMATION_DONE},
		{"J", "kt", CONFIRMATION_NONE},
		{"J", "509", CONFIRMATION_NONE},
		{"J", "tracker", CONFIRMATION_NONE},
		{"J", "", CONFIRMATION_NONE},
		{"K", "kt", CONFIRMATION_DONE},
		{"B", "tracker", CONFIRMATION_DONE},
		{"100", "150", CONFIRMATION_DONE},
		{"B", "move", CONFIRMATION_NONE},
		{"C,30s", "ct", CONFIRMATION_DONE},
		{"G", "gt", CONFIRMATION_DONE},
		{"106", "gt", CONFIRMATION_DONE},
		{"105", "106", CONFIRMATION_NONE},
		{"L", "lt", CONFIRMATION_DONE},
		{"L", "511", CONFIRMATION_REFUSED},
		{"M", "511", CONFIRMATION_NONE},
		{"O,1,2;3,4", "525", CONFIRMATION_REFUSED},
		{"114,1,2;3,4", "526", CONFIRMATION_REFUSED},
		{"O,1,2;3,4", "ot", CONFIRMATION_DONE},
		{"160", "vt12", CONFIRMATION_DONE},
		{"XYZ", "", CONFIRMATION_NONE},
		{"XYZ", "001", CONFIRMATION_NONE},
	};
	struct session session = {.decoder = &decoder_gps103};
	uint8_t out[300];
	(void)state;
	session_set_ident(&session, ID, 15);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command command = {.kind = COMMAND_CUSTOM};
		command.text_len = (uint8_t)strlen(rows[i].command);
		memcpy(command.text, rows[i].command, command.text_len);
		const struct encoded encoded =
			decoder_gps103.encode_command(&session, &command, out, sizeof out);
		assert_int_equal(encoded.result, ENCODE_DONE);
		const struct report report = {.event = {rows[i].keyword, strlen(rows[i].keyword)}};
		if (decoder_gps103.confirms_command(&command, encoded.correlation, &report, NULL) !=
			rows[i].confirmation)
			fail_msg("%s, %s", rows[i].command, rows[i].keyword);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences_are_cut_the_same_in_any_pieces),
		cmocka_unit_test(a_datagram_ends_its_last_sentence),
		cmocka_unit_test(digits_alone_count_for_a_known_device_only),
		cmocka_unit_test(a_heartbeat_without_a_terminator_ends_when_nothing_follows),
		cmocka_unit_test(digits_of_another_protocol_are_given_back),
		cmocka_unit_test(a_sentence_has_at_most_4096_bytes_and_a_part_of_a_photo_32768),
		cmocka_unit_test(the_first_bytes_decide),
		cmocka_unit_test(the_echo_is_answered_only_if_it_opens_the_connection),
		cmocka_unit_test(only_help_me_is_answered),
		cmocka_unit_test(the_zone_is_that_of_the_device),
		cmocka_unit_test(a_photo_is_put_together),
		cmocka_unit_test(commands_are_letters_or_numbers),
		cmocka_unit_test(some_commands_are_never_sent),
		cmocka_unit_test(a_keyword_confirms_its_command),
	};
	page = guarded_new(8192);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
