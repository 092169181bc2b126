// SPDX-License-Identifier: MIT
// OsmAnd: what opens a conversation, where requests end, answers, limits, and what identifies a record. The fields are compared by
// tests/reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "decoders/number.h"
#include "feed/feed.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_CLOSE   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define OK_KEEP    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
#define CONTINUE   "HTTP/1.1 100 Continue\r\n\r\n"
#define FAULT(why) "HTTP/1.1 " why "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define PLACE      "id=phone-017&lat=52.5&lon=21.25&timestamp=1773480413"
#define MOST       (FRAME_MOST + 4096)

static struct guarded page;
static struct decoded decoded;

// Everything that a feed has returned for a stream.
struct result {
	size_t used, reports, rejects;
	char now[4096], stored[4096];
	char reason[DECODED_REASON_MAX]; /* of the newest reject */
	uint64_t dedup;                  /* of the newest report */
	bool closed;
};

static void add(struct result *result)
{
	const size_t now = strlen(result->now), stored = strlen(result->stored);
	memcpy(result->now + now, decoded.reply[REPLY_NOW], decoded.reply_len[REPLY_NOW]);
	memcpy(result->stored + stored, decoded.reply[REPLY_STORED],
		decoded.reply_len[REPLY_STORED]);
	result->reports += decoded.report_count;
	result->rejects += decoded.reject_count;
	if (decoded.report_count > 0)
		result->dedup = decoded.reports[decoded.report_count - 1].body.dedup;
	if (decoded.reject_count > 0)
		decoded_reject_reason(&decoded.rejects[decoded.reject_count - 1], result->reason);
}

// Feeds a stream in pieces of `step` bytes.
static struct result *feed_steps(const char *data, size_t len, size_t step)
{
	static struct result result;
	struct feed feed;
	result = (struct result){0};
	feed_init(&feed, DECODERS_ALL, NULL, false);
	for (size_t end = step < len ? step : len;; end = len - end < step ? len : end + step) {
		enum feed_verdict verdict = FEED_TAKEN;
		while (result.used < end && verdict == FEED_TAKEN) {
			size_t used;
			const size_t left = end - result.used;
			const uint8_t *at = guarded_copy(&page, data + result.used, left);
			verdict = feed_step(&feed, at, left, &decoded, &used);
			if (verdict == FEED_MORE)
				break;
			result.used += used;
			add(&result);
			result.closed = verdict == FEED_CLOSE || decoded.close;
			if (result.closed)
				break;
		}
		if (result.closed || end == len)
			break;
	}
	feed_done(&feed);
	return &result;
}

static struct result *feed_text(const char *text)
{
	return feed_steps(text, strlen(text), strlen(text));
}

// Sniffing --------------------------------------------------------------------

static void a_method_and_a_target_open_a_conversation(void **state)
{
	static const char *const own[] = {"GET /", "POST /", "PUT /", "HEAD /", "GET http://"};
	static const char *const foreign[] = {"get /", "GET  /", "GET ?", "GET\t/", "DELETE /",
		"OPTIONS /", "CONNECT a:1", "PRI * HTTP/2.0", "HTTP/1.1 200", "POST h2", "PATCH /",
		"X"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		for (size_t prefix = 0; prefix <= len; prefix++) {
			const uint8_t *at = guarded_copy(&page, own[i], prefix);
			assert_int_equal(decoder_osmand.probe(at, prefix, false),
				prefix < len ? PROBE_MORE : PROBE_YES);
			assert_int_equal(decoder_osmand.probe(at, prefix, true), PROBE_NO);
		}
	}
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(
			decoder_osmand.probe(guarded_copy(&page, foreign[i], strlen(foreign[i])),
				strlen(foreign[i]), false),
			PROBE_NO);
}

static void a_request_without_an_ident_is_a_scanners(void **state)
{
	static const struct {
		const char *request, *now;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", FAULT("400 no ident")},
		{"GET /.env HTTP/1.1\r\n\r\n", FAULT("400 no ident")},
		{"GET /?id= HTTP/1.1\r\n\r\n", FAULT("400 no ident")},
		{"POST /?x=1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nid=1", FAULT("400 no ident")},
		{"POST /api HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", FAULT("400 no ident")},
		{"GET / HTTP/3\r\n\r\n", FAULT("400 bad request line")},
		{"GET /\r\n\r\n", FAULT("400 bad request line")},
		{"GET / HTTP/1.1\r\n folded: x\r\n\r\n", FAULT("400 bad header")},
		{"GET / HTTP/1.1\r\nbad : x\r\n\r\n", FAULT("400 bad header")},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].request);
		for (size_t step = 1; step <= len; step += len - 1) {
			const struct result *result = feed_steps(rows[i].request, len, step);
			assert_string_equal(result->reason, "unknown protocol");
			assert_int_equal(result->rejects, 1);
			assert_string_equal(result->now, rows[i].now);
			assert_true(result->closed);
			assert_int_equal(result->used, len);
		}
	}
}

// Requests ---------------------------------------------------------------------

static void answers_keep_or_close_the_connection(void **state)
{
	static const struct {
		const char *request, *stored;
		bool closes;
	} rows[] = {
		{"GET /?" PLACE " HTTP/1.1\r\n\r\n", OK, false},
		{"GET /?" PLACE " HTTP/1.1\n\n", OK, false},
		{"HEAD /x?" PLACE " HTTP/1.1\r\n\r\n", OK, false},
		{"PUT /?" PLACE " HTTP/1.1\r\n\r\n", OK, false},
		{"GET /?" PLACE " HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", OK, false},
		{"GET /?" PLACE " HTTP/1.1\r\nCONNECTION:x , Close\r\n\r\n", OK_CLOSE, true},
		{"GET /?" PLACE " HTTP/1.0\r\n\r\n", OK, true},
		{"GET /?" PLACE " HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", OK_KEEP, false},
		{"GET /?" PLACE " HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", OK_CLOSE,
			true},
		{"POST / HTTP/1.1\r\nContent-Length: 52\r\n\r\n" PLACE, OK, false},
		{"POST /? HTTP/1.1\r\ncontent-length:52\r\nContent-Length: 52\r\n\r\n" PLACE, OK,
			false},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "05;x=y\r\nid=ph\r\n2F \r\none-017&lat=52.5&lon=21.25&timestamp=1773480413\r\n"
		 "000\r\nTrailer: x\r\n\r\n",
			OK, false},
		{"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n34\n" PLACE "\n0\n\n", OK, false},
		{"POST /?" PLACE " HTTP/1.1\r\nContent-Length: 5\r\n\r\nother", OK, false},
		{"POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\n"
		 "{\"device_id\":\"1\"}",
			OK, false},
	};
	uint64_t dedup = 0;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].request);
		for (size_t step = 1; step <= len; step++) {
			const struct result *result = feed_steps(rows[i].request, len, step);
			assert_int_equal(result->reports, 1);
			assert_int_equal(result->rejects, 0);
			assert_string_equal(result->stored, rows[i].stored);
			assert_string_equal(result->now, "");
			assert_int_equal(result->closed, rows[i].closes);
			assert_int_equal(result->used, len);
			/* the same record, however it comes */
			if (i + 1 < sizeof rows / sizeof rows[0])
				assert_true(dedup == 0 || dedup == result->dedup);
			dedup = i + 1 < sizeof rows / sizeof rows[0] ? result->dedup : 0;
		}
	}
}

static void requests_may_follow_each_other(void **state)
{
#define GET  "GET /?" PLACE " HTTP/1.1\r\nHost: a\r\n\r\n"
#define FORM "POST / HTTP/1.1\r\nContent-Length: 52\r\n\r\n" PLACE
	static const char stream[] = GET "\r\n" FORM GET "\r\n\n" GET "GET / HTTP/1.1\r\n\r\n" GET;
	(void)state;
	for (size_t step = 1; step <= sizeof stream - 1; step++) {
		const struct result *result = feed_steps(stream, sizeof stream - 1, step);
		assert_int_equal(result->reports, 4);
		assert_string_equal(result->stored, OK OK OK OK);
		assert_string_equal(result->now, FAULT("400 no ident"));
		assert_string_equal(result->reason, "no ident");
		assert_true(result->closed);
	}
	/* two empty lines, not three */
	assert_int_equal(feed_text(GET "\r\n\r\n" GET)->reports, 2);
	assert_string_equal(feed_text(GET "\r\n\r\n\r\n" GET)->reason, "bad request line");
}

static void a_client_that_waits_for_its_body_is_asked_for_it(void **state)
{
#define HEAD_OF(more) "POST / HTTP/1.1\r\nExpect: 100-continue\r\n" more "\r\n"
	static const struct {
		const char *head, *body;
	} rows[] = {
		{HEAD_OF("Content-Length: 52\r\n"), PLACE},
		{HEAD_OF("Transfer-Encoding: chunked\r\n"), "34\r\n" PLACE "\r\n0\r\n\r\n"},
		{HEAD_OF("Content-Type: application/json\r\nContent-Length: 19\r\n"),
			"\n\n{\"device_id\":\"1\"}"},
	};
	char stream[512];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t head = strlen(rows[i].head);
		const size_t len = (size_t)snprintf(
			stream, sizeof stream, "%s%s" GET, rows[i].head, rows[i].body);
		/* the body comes later, */
		const struct result *result = feed_steps(stream, len, head);
		assert_string_equal(result->now, CONTINUE);
		assert_string_equal(result->stored, OK OK);
		assert_int_equal(result->reports, 2);
		assert_int_equal(result->used, len);
		result = feed_steps(stream, len, 1);
		assert_string_equal(result->now, CONTINUE);
		assert_string_equal(result->stored, OK OK);
		/* or is there already */
		result = feed_steps(stream, len, len);
		assert_string_equal(result->now, "");
		assert_string_equal(result->stored, OK OK);
	}
	/* HTTP/1.0 has no 100 Continue */
	const size_t len = (size_t)snprintf(stream, sizeof stream,
		"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 52\r\n\r\n%s", PLACE);
	const struct result *result = feed_steps(stream, len, len - 52);
	assert_string_equal(result->now, "");
	assert_string_equal(result->stored, OK);
	/* a body that does not count is not waited for */
	result = feed_text(
		"POST /?" PLACE " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
	assert_string_equal(result->stored, OK_CLOSE);
	assert_true(result->closed);
	/* nor one that is too long */
	result = feed_text(
		"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
	assert_string_equal(result->now, FAULT("413 body too long"));
}

// Limits -----------------------------------------------------------------------

static char stream[2 * MOST];

// Returns the result of a request, whole, whose reason is the same in pieces.
static struct result *feed_long(size_t len)
{
	char reason[DECODED_REASON_MAX];
	memcpy(reason, feed_steps(stream, len, 997)->reason, sizeof reason);
	struct result *result = feed_steps(stream, len, len);
	assert_string_equal(result->reason, reason);
	return result;
}

// Writes a request line of so many bytes, and `fields` lines of so many bytes.
static size_t write_head(size_t line, size_t fields, size_t each)
{
	size_t len = (size_t)sprintf(stream, "GET /?" PLACE "&x=");
	memset(stream + len, 'x', line - len - 11);
	len = line - 11 + (size_t)sprintf(stream + line - 11, " HTTP/1.1\r\n");
	for (size_t i = 0; i < fields; i++, len += each) {
		memset(stream + len, 'y', each);
		memcpy(stream + len, "Y:", 2);
		memcpy(stream + len + each - 2, "\r\n", 2);
	}
	return len + (size_t)sprintf(stream + len, "\r\n");
}

static void heads_have_limits(void **state)
{
	(void)state;
	assert_int_equal(feed_long(write_head(8192, 0, 0))->reports, 1);
	assert_string_equal(
		feed_long(write_head(8193, 0, 0))->now, FAULT("414 request line too long"));
	memset(stream, 'x', 9000);
	memcpy(stream, "GET /", 5);
	assert_string_equal(feed_long(8192)->now, FAULT("414 request line too long"));
	assert_int_equal(feed_long(8191)->used, 0);
	assert_int_equal(feed_long(write_head(100, 64, 20))->reports, 1);
	assert_string_equal(feed_long(write_head(100, 65, 20))->now, FAULT("431 headers too long"));
	assert_int_equal(feed_long(write_head(100, 1, 16382))->reports, 1);
	assert_string_equal(
		feed_long(write_head(100, 1, 16383))->now, FAULT("431 headers too long"));
	assert_string_equal(
		feed_long(write_head(100, 1, 40000))->now, FAULT("431 headers too long"));
}

static size_t write_body(size_t body)
{
	const size_t head = (size_t)sprintf(
		stream, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n" PLACE "&x=", body);
	memset(stream + head, 'x', body);
	return head + body - strlen(PLACE "&x=");
}

// Writes the same in chunks of so many bytes.
static size_t write_chunks(size_t body, size_t each)
{
	static char bytes[MOST];
	size_t len =
		(size_t)sprintf(stream, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes, PLACE "&x=", strlen(PLACE "&x="));
	for (size_t at = 0; at < body && len < sizeof stream - 100; at += each) {
		const size_t size = body - at < each ? body - at : each;
		len += (size_t)sprintf(stream + len, "%zx\r\n", size);
		memcpy(stream + len, bytes + at, size);
		len += size + (size_t)sprintf(stream + len + size, "\r\n");
	}
	return len + (size_t)sprintf(stream + len, "0\r\n\r\n");
}

static void bodies_have_limits(void **state)
{
	(void)state;
	assert_int_equal(feed_long(write_body(65536))->reports, 1);
	assert_string_equal(feed_long(write_body(65537))->now, FAULT("413 body too long"));
	assert_int_equal(feed_long(write_chunks(65536, 65536))->reports, 1);
	assert_int_equal(feed_long(write_chunks(65536, 1000))->reports, 1);
	assert_string_equal(feed_long(write_chunks(65537, 1000))->now, FAULT("413 body too long"));
	/* so many small chunks that the frame would be too long */
	assert_string_equal(feed_long(write_chunks(65536, 1))->now, FAULT("413 body too long"));
	assert_in_range(feed_long(write_chunks(65536, 1))->used, 90000, FRAME_MOST);
	/* the longest head and body */
	size_t len = write_head(8192, 63, 250);
	memcpy(stream, "POST /#", 7);
	len = len - 2 + (size_t)sprintf(stream + len - 2, "Content-Length: 65536\r\n\r\n");
	memset(stream + len, 'x', 65536);
	memcpy(stream + len, PLACE "&x=", strlen(PLACE "&x="));
	assert_int_equal(feed_long(len + 65536)->reports, 1);
}

static void odd_chunks_are_refused(void **state)
{
	static const struct {
		const char *chunks, *reason;
	} rows[] = {
		{"\r\n", "bad chunk"},
		{"g\r\n", "bad chunk"},
		{"-1\r\n", "bad chunk"},
		{"5 x\r\n", "bad chunk"},
		{"000000005\r\n", "bad chunk"},
		{"1\r\nxy\r\n", "bad chunk"},
		{"1\r\nx\ry", "bad chunk"},
		{"ffffffff\r\n", "body too long"},
		{"10001\r\n", "body too long"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int len = sprintf(stream,
			"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%s", rows[i].chunks);
		assert_string_equal(feed_steps(stream, (size_t)len, 1)->reason, rows[i].reason);
		assert_string_equal(feed_long((size_t)len)->reason, rows[i].reason);
		assert_true(feed_long((size_t)len)->closed);
	}
	/* a line without end */
	const size_t head =
		(size_t)sprintf(stream, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;");
	memset(stream + head, 'x', 1000);
	assert_string_equal(feed_long(head + 1000)->reason, "bad chunk");
	assert_int_equal(feed_long(head + 200)->closed, false);
}

static size_t write_batch(size_t records)
{
	static char body[MOST];
	size_t len = (size_t)sprintf(body, "{\"device_id\":\"1\",\"location\":[");
	for (size_t i = 0; i < records; i++)
		len += (size_t)sprintf(body + len, "%s{\"timestamp\":%zu,\"coords\":null}",
			i ? "," : "", 1773480413 + i);
	len += (size_t)sprintf(body + len, "]}");
	return (size_t)sprintf(
		stream, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", len, body);
}

static void a_request_has_as_many_records_and_fields_as_a_frame_may_have(void **state)
{
	(void)state;
	assert_int_equal(feed_long(write_batch(DECODED_REPORTS))->reports, DECODED_REPORTS);
	struct result *result = feed_long(write_batch(DECODED_REPORTS + 1));
	assert_string_equal(result->now, FAULT("413 too many records"));
	assert_int_equal(result->reports, 0);
	assert_string_equal(feed_long(write_batch(0))->stored, OK);
	for (size_t more = 0; more <= 1; more++) {
		size_t len = (size_t)sprintf(stream, "GET /?" PLACE);
		for (size_t i = 4; i < 128 + more; i++)
			len += (size_t)sprintf(stream + len, "&&k%zu=1", i);
		len += (size_t)sprintf(stream + len, " HTTP/1.1\r\n\r\n");
		assert_string_equal(feed_long(len)->reason, more ? "too many fields" : "");
	}
}

// Records ----------------------------------------------------------------------

static uint64_t dedup_of_json(const char *body)
{
	const int len = sprintf(
		stream, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	const struct result *result = feed_steps(stream, (size_t)len, (size_t)len);
	assert_int_equal(result->reports, 1);
	return result->dedup;
}

static void a_location_sent_again_is_the_same_record(void **state)
{
#define LOCATION(uuid, age) "{\"uuid\":" uuid ",\"age\":" age ",\"coords\":{}}"
#define ONE(location)       "{\"device_id\":\"1\",\"location\":" location "}"
#define FORWARDED(status)                                                                          \
	"{\"position\":{\"fixTime\":\"2026-03-14T09:26:53Z\"},\"device\":{\"uniqueId\":\"1\","     \
	"\"status\":\"" status "\"}}"
	(void)state;
	const uint64_t first = dedup_of_json(ONE(LOCATION("\"a\"", "5")));
	assert_true(first == dedup_of_json(ONE(LOCATION("\"a\"", "70"))));
	assert_true(first == dedup_of_json(ONE("[" LOCATION("\"a\"", "70") "]")));
	assert_false(first == dedup_of_json(ONE(LOCATION("\"b\"", "5"))));
	assert_false(dedup_of_json(ONE(LOCATION("\"\"", "5"))) ==
		     dedup_of_json(ONE(LOCATION("\"\"", "6"))));
	assert_true(dedup_of_json(FORWARDED("online")) == dedup_of_json(FORWARDED("offline")));
}

static void texts_with_escapes_outlive_the_request(void **state)
{
	static const char body[] =
		"{\"device_id\":\"1\",\"location\":{\"event\":\"a\\u0062\",\"extras\":"
		"{\"driverUniqueId\":\"\\u0044 7\",\"\\u0072pm\":5,\"e\\\"\":\"\\ud83d\"}}}";
	(void)state;
	dedup_of_json(body);
	const struct report *report = &decoded.reports[0];
	assert_int_equal(report->event.len, 2);
	assert_memory_equal(report->event.data, "ab", 2);
	assert_int_equal(report->driver.len, 3);
	assert_memory_equal(report->driver.data, "D 7", 3);
	static const char extra[] = "\"rpm\":5,\"e\\\"\":\"\xef\xbf\xbd\"";
	assert_int_equal(report->extra.len, sizeof extra - 1);
	assert_memory_equal(report->extra.data, extra, sizeof extra - 1);
}

static void every_name_has_its_column_in_any_case(void **state)
{
	static const char *const pairs[] = {"lat=1&lon=2", "LOCATION=1,2", "timestamp=1773480413",
		"speed=1", "bearing=1", "heading=1", "altitude=1", "batt=1", "BatteryLevel=1",
		"hdop=1", "valid=1", "ignition=1", "odometer=1", "alarm=sos", "event=1", "sat=1",
		"battery=1", "power=1", "input=1", "output=1", "adc1=1", "adc2=1", "adc3=1",
		"ADC4=1", "driverUniqueId=1", "archive=true", "notificationToken=1", "deviceid=2",
		"attributes=", "\xc3\x97tamp=1773480413"};
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		const int len = sprintf(stream, "GET /?id=1&%s HTTP/1.1\r\n\r\n", pairs[i]);
		assert_int_equal(feed_steps(stream, (size_t)len, (size_t)len)->reports, 1);
		assert_int_equal(decoded.reports[0].extra.len, 0);
	}
	for (const char *name = "accuracy\0charge\0cell\0wifi\0latx\0deviceids\0id\x11\0"; *name;
		name += strlen(name) + 1) {
		const int len = sprintf(stream, "GET /?id=1&%s=1 HTTP/1.1\r\n\r\n", name);
		feed_steps(stream, (size_t)len, (size_t)len);
		if (!strchr(name, 0x11))
			assert_true(decoded.reports[0].extra.len > 0);
	}
}

// The last one counts, also if it cannot be read: nothing of the others stays.
static void a_field_given_again_takes_back_the_first(void **state)
{
	static const char request[] = "GET /?" PLACE "&timestamp=x&speed=5&speed=x&bearing=5&"
				      "bearing=x&altitude=5&altitude=x&batt=5&batt=x"
				      "&hdop=5&hdop=x&ignition=true&ignition=x&odometer=5&odometer="
				      "x&sat=5&sat=x&battery=5&battery=x"
				      "&power=5&power=x&input=5&input=x&output=5&output=x&adc1=5&"
				      "adc1=x&adc4=5&adc4=x HTTP/1.1\r\n\r\n";
	const struct report_body wanted = {
		.has = HAS_FIX, .flags = FLAG_VALID, .lat_e7 = 525000000, .lon_e7 = 212500000};

	(void)state;
	assert_int_equal(feed_steps(request, sizeof request - 1, SIZE_MAX)->reports, 1);
	struct report_body body = decoded.reports[0].body;
	body.dedup = 0;
	assert_memory_equal(&body, &wanted, sizeof body);
}

static void numbers_are_rounded_and_cut(void **state)
{
	static const struct {
		const char *text;
		int64_t rounded_e2, cut; /* INT64_MIN: no number */
	} rows[] = {
		{"5", 500, 5},
		{" +5.125 ", 513, 5},
		{"-5.125", -513, -5},
		{"5.0E-4", 0, 0},
		{"5.0e-3", 1, 0},
		{"-4.9999e-3", 0, 0},
		{"1234.5e2", 12345000, 123450},
		{"0.000001e6", 100, 1},
		{"00012.50", 1250, 12},
		{"9e999999999", NUMBER_MOST, NUMBER_MOST},
		{"99999999999999999999", NUMBER_MOST, NUMBER_MOST},
		{"-99999999999999999999", -NUMBER_MOST, -NUMBER_MOST},
		{"999999999999999999", NUMBER_MOST, INT64_C(999999999999999999)},
		{"-1234567890123456789012345", -NUMBER_MOST, -NUMBER_MOST},
		{"0e999999999", 0, 0},
		{"1e-999999999", 0, 0},
		{"0.000000000000000000000000000000000001e36", 100, 1},
		{"", INT64_MIN, 0},
		{".5", INT64_MIN, 0},
		{"5.", INT64_MIN, 0},
		{"1e", INT64_MIN, 0},
		{"1e+", INT64_MIN, 0},
		{"1,5", INT64_MIN, 0},
		{"+-5", INT64_MIN, 0},
		{"NaN", INT64_MIN, 0},
		{"1 2", INT64_MIN, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].text);
		const struct text number = number_of(
			(struct text){(const char *)guarded_copy(&page, rows[i].text, len), len});
		assert_int_equal(number.len > 0, rows[i].rounded_e2 != INT64_MIN);
		if (number.len == 0)
			continue;
		assert_true(number_round(number, 2) == rows[i].rounded_e2);
		assert_true(number_cut(number, 0) == rows[i].cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_method_and_a_target_open_a_conversation),
		cmocka_unit_test(a_request_without_an_ident_is_a_scanners),
		cmocka_unit_test(answers_keep_or_close_the_connection),
		cmocka_unit_test(requests_may_follow_each_other),
		cmocka_unit_test(a_client_that_waits_for_its_body_is_asked_for_it),
		cmocka_unit_test(heads_have_limits),
		cmocka_unit_test(bodies_have_limits),
		cmocka_unit_test(odd_chunks_are_refused),
		cmocka_unit_test(a_request_has_as_many_records_and_fields_as_a_frame_may_have),
		cmocka_unit_test(a_location_sent_again_is_the_same_record),
		cmocka_unit_test(texts_with_escapes_outlive_the_request),
		cmocka_unit_test(every_name_has_its_column_in_any_case),
		cmocka_unit_test(a_field_given_again_takes_back_the_first),
		cmocka_unit_test(numbers_are_rounded_and_cut),
	};
	page = guarded_new(2 * MOST);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
