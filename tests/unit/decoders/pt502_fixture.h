// SPDX-License-Identifier: MIT
// For the tests of the PT-502: results as text, one line a report (see describe); bytes as streams
// and full frames; the tails that the tests combine with framings.
#ifndef AVLD_PT502_FIXTURE_H
#define AVLD_PT502_FIXTURE_H

#include "decoders/decoders.h"
#include "fixture.h"
#include "util/checksum.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct guarded guard;
static struct decoded batch;

struct output {
	char text[65536];
	size_t len;
};

static struct output output, other;

__attribute__((format(printf, 2, 3))) static inline void print(
	struct output *out, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(out->text + out->len, sizeof out->text - out->len, format, args);
	va_end(args);
	assert_true(len >= 0 && (size_t)len < sizeof out->text - out->len);
	out->len += (size_t)len;
}

static inline void print_time(struct output *out, int64_t time_us)
{
	char text[32];
	time_t seconds = time_us / 1000000;
	struct tm tm;
	strftime(text, sizeof text, "%F/%T", gmtime_r(&seconds, &tm));
	print(out, " t=%s.%03d", text, (int)(time_us / 1000 % 1000));
}

static inline void print_text(struct output *out, const char *name, struct text text)
{
	if (text.len > 0)
		print(out, " %s=%.*s", name, (int)text.len, text.data);
}

static inline void describe_telemetry(struct output *out, const struct report_body *body)
{
	if (body->has & HAS_INPUTS)
		print(out, " in=%u", body->inputs);
	if (body->has & HAS_OUTPUTS)
		print(out, " out=%u", body->outputs);
	if (body->has & HAS_IGNITION)
		print(out, " ign=%d", (body->flags & FLAG_IGNITION) != 0);
	for (unsigned i = 0; i < 4; i++) {
		if (body->has & (uint32_t)HAS_ADC1 << i)
			print(out, " adc%u=%d", i + 1, body->adc[i]);
	}
	if (body->has & HAS_ODOMETER)
		print(out, " odo=%" PRId64, body->odometer_m);
	if (body->has & HAS_BATTERY_PERCENT)
		print(out, " bat=%u", body->battery_percent);
	if (body->has & HAS_GSM)
		print(out, " gsm=%u", body->gsm_percent);
	if (body->has & HAS_SATELLITES)
		print(out, " sat=%u", body->satellites);
	assert_false(body->has & (HAS_ALTITUDE | HAS_HDOP | HAS_BATTERY_V | HAS_POWER_V));
}

// Prints "5020001 POS t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440 in=8 ...".
// Absent values are left out.
static inline void describe(struct output *out, const struct report *report)
{
	const struct report_body *body = &report->body;
	print(out, "%.*s", (int)report->ident.len, report->ident.data);
	if (report->event.len > 0)
		print(out, " %.*s", (int)report->event.len, report->event.data);
	if (body->has & HAS_TIME)
		print_time(out, body->device_time_us);
	if (body->has & HAS_FIX)
		print(out, " %c %d %d", body->flags & FLAG_VALID ? 'A' : 'V', body->lat_e7,
			body->lon_e7);
	if (body->has & HAS_SPEED)
		print(out, " kmh=%u", body->speed_kmh_e2);
	if (body->has & HAS_COURSE)
		print(out, " deg=%u", body->course_deg_e2);
	describe_telemetry(out, body);
	print_text(out, "driver", report->driver);
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		if (body->alarms >> i & 1)
			print(out, " !%s", report_alarm_name((enum alarm)i));
	}
	print_text(out, "extra", report->extra);
	if (body->flags & FLAG_TEXT)
		print(out, " text");
	if (body->flags & FLAG_STORED)
		print(out, " stored");
	print(out, "\n");
}

static inline void describe_reject(
	struct output *out, enum decode_status status, const char *detail)
{
	const char *text = decoded_status_text(status);
	print(out, "reject %s%s%s\n", text, *text && detail ? ": " : "", detail ? detail : "");
}

static inline void describe_batch(struct output *out, enum decode_status status)
{
	for (size_t i = 0; i < batch.report_count; i++)
		describe(out, &batch.reports[i]);
	for (size_t i = 0; i < batch.reject_count; i++)
		describe_reject(out, batch.rejects[i].status, batch.rejects[i].detail);
	if (status != DECODE_OK && status != DECODE_IGNORED) {
		assert_int_equal(batch.report_count, 0);
		describe_reject(out, status, batch.detail);
	} else {
		assert_null(batch.detail);
	}
}

// Decodes all whole frames. Returns the number of bytes left. The bytes are laid flush against an
// unreadable page before a frame is cut, and so is the frame before it is decoded.
static inline size_t take_frames(
	struct session *session, const uint8_t *data, size_t len, struct output *out)
{
	while (len > 0) {
		struct frame cut =
			decoder_pt502.frame(session, guarded_copy(&guard, data, len), len);
		if (cut.kind == FRAME_MORE || cut.kind == FRAME_OPEN) {
			assert_in_range(cut.len, len + 1, FRAME_CAP);
			break;
		}
		assert_in_range(cut.len, 1, len);
		assert_true(cut.len <= FRAME_CAP);
		if (cut.kind == FRAME_BAD)
			print(out, "bad frame\n");
		if (cut.kind == FRAME_OK) {
			decoded_reset(&batch);
			const uint8_t *frame = guarded_copy(&guard, data, cut.len);
			describe_batch(out, decoder_pt502.decode(session, frame, cut.len, &batch));
		}
		data += cut.len;
		len -= cut.len;
	}
	return len;
}

// Prints the results of bytes that arrive `step` at a time. Undecoded bytes at the end: "left n".
static inline void stream(const void *data, size_t len, size_t step, struct output *out)
{
	static uint8_t buffer[65536];
	struct session session = {0};
	size_t held = 0;
	out->len = 0;
	out->text[0] = 0;
	for (size_t at = 0; at < len; at += step) {
		size_t more = len - at < step ? len - at : step;
		memcpy(buffer + held, (const uint8_t *)data + at, more);
		held += more;
		size_t left = take_frames(&session, buffer, held, out);
		memmove(buffer, buffer + held - left, left);
		held = left;
	}
	session.quiet = true; // an open frame is whole now
	held = held > 0 ? take_frames(&session, buffer, held, out) : 0;
	if (held > 0)
		print(out, "left %zu\n", held);
}

static inline void check_stream(const char *data, size_t len, const char *expected)
{
	stream(data, len, len, &output);
	assert_string_equal(output.text, expected);
}

static inline void check_line(const char *line, const char *expected)
{
	check_stream(line, strlen(line), expected);
}

static inline size_t make_full(uint8_t *frame, const char *body, size_t len)
{
	frame[0] = 0xBF;
	frame[1] = 0xFB;
	frame[2] = checksum_xor((const uint8_t *)body, len);
	frame[3] = (uint8_t)(len + 5);
	frame[4] = (uint8_t)((len + 5) >> 8);
	memcpy(frame + 5, body, len);
	return len + 5;
}

static inline void check_full(const char *body, size_t len, const char *expected)
{
	uint8_t frame[FRAME_CAP + 100];
	check_stream((const char *)frame, make_full(frame, body, len), expected);
}

#define BODY(text) text, sizeof(text) - 1

#define SHORT_1  "$POS,5020001,101500.000,V,,,,,,,221126"
#define SHORT_2  "$IN1,5020001,101515.000,V,,,,,,,221126"
#define REPORT_1 "5020001 POS t=2026-11-22/10:15:00.000\n"
#define REPORT_2 "5020001 IN1 t=2026-11-22/10:15:15.000 !sos\n"
#define DELTA                                                                                      \
	"@\x6d\x02\x04\x06"                                                                        \
	"15.000\x03\x04\x03"                                                                       \
	"513"

#define KNOWN        "$FUS0042,A\r\r"
#define KNOWN_REPORT "0042 FUS extra=\"firmware\":\"A\"\n"

#define FRONT        "$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126"
#define FRONT_REPORT "5020001 POS t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440"

static const struct {
	const char *tail, *expected;
} tails[] = {
	{"", ""},
	{",,,", ""},
	{",,,A", ""},
	{",,,A/00010,00000/0,0,0,0/1200//fa7/",
		" in=8 out=0 ign=1 adc1=0 adc2=0 adc3=0 adc4=0 odo=1200 bat=100 gsm=67 sat=7"},
	// tails from captures
	{",,,A/00010,00000/0/5360872", " in=8 out=0 ign=1 adc1=0 odo=5360872"},
	{",,,A/00000,00000/0/0/", " in=0 out=0 ign=0 adc1=0 odo=0"},
	{",,,A/00000,00000/0/23895000//", " in=0 out=0 ign=0 adc1=0 odo=23895000"},
	{",,,A/0000,0/0/55000//a71/", " in=0 out=0 ign=0 adc1=0 odo=55000 bat=67 gsm=47 sat=1"},
	{",,,A/0000,0//232300//5b3/", " in=0 out=0 ign=0 odo=232300 bat=33 gsm=73 sat=3"},
	{",,,A/0000,0/1f8/388900//f33//",
		" in=0 out=0 ign=0 adc1=504 odo=388900 bat=100 gsm=20 sat=3"},
	{",,,A/00010,00000/0,0,0,0/185100//f59/",
		" in=8 out=0 ign=1 adc1=0 adc2=0 adc3=0 adc4=0 odo=185100 bat=100 gsm=33 sat=9"},
	{",,,A/00000,10/1,0/234//FD9/",
		" in=0 out=1 ign=0 adc1=1 adc2=0 odo=234 bat=100 gsm=87 sat=9"},
	{",,/00000,00000/0,0,0,0/106945600//f00//",
		" in=0 out=0 ign=0 adc1=0 adc2=0 adc3=0 adc4=0 odo=106945600 bat=100 gsm=0 sat=0"},
	{",,,A/00000,00000/142,0,0,0/62792900//f65//", " in=0 out=0 ign=0 adc1=322 adc2=0 adc3=0 "
						       "adc4=0 odo=62792900 bat=100 gsm=40 sat=5"},
	{",,,N/00000,00000/6/0/", " in=0 out=0 ign=0 adc1=6 odo=0"},
	// inputs and outputs: the leftmost is number 1; ignition is input 4 of four or more
	{",,,A/10000,00001/", " in=1 out=16 ign=0"},
	{",,,A/0001,10/", " in=8 out=1 ign=1"},
	{",,,A/000,1/", " in=0 out=1"},
	{",,,A/1,1/", " in=1 out=1"},
	{",,,A/11111111111111111111111111111111,0", " in=4294967295 out=0 ign=1"},
	{",,,A/111111111111111111111111111111111,0", " out=0"},
	{",,,A/00010", " in=8 ign=1"},
	{",,,A/,00010/", " out=8"},
	{",,,A/0002,10/5/", " out=1 adc1=5"},
	{",,,A/00010,1x/5/", " in=8 ign=1 adc1=5"},
	{",,,A/00010,1,1/5/", " in=8 out=1 ign=1 adc1=5"},
	// ADC: an empty or invalid element is absent; elements from the fifth on go into extra
	{",,,A//,5,,7/9/", " adc2=5 adc4=7 odo=9"},
	{",,,A//1,xx,3,4/9/", " adc1=1 adc3=3 adc4=4 odo=9"},
	{",,,A//3ff,3FF,3fF/9/", " adc1=1023 adc2=1023 adc3=1023 odo=9"},
	{",,,A//7fffffff,80000000,000000001/9/", " adc1=2147483647 odo=9"},
	{",,,A//1,2,3,4,5,,7/9/", " adc1=1 adc2=2 adc3=3 adc4=4 odo=9 extra=\"adc5\":5,\"adc7\":7"},
	{",,,A//,,,,a/9/", " odo=9 extra=\"adc5\":10"},
	// odometer
	{",,,A///12x//f00/", " bat=100 gsm=0 sat=0"},
	{",,,A///-5//", ""},
	{",,,A///1,5//f00/", " bat=100 gsm=0 sat=0"},
	{",,,A///1000000000000", " odo=1000000000000"},
	{",,,A///1000000000001", ""},
	{",,,A///99999999999999999999//f00/", " bat=100 gsm=0 sat=0"},
	// driver
	{",,,A////04A1B2C3D4/f00/", " bat=100 gsm=0 sat=0 driver=04A1B2C3D4"},
	{",,,A////\xFC/f00/", " bat=100 gsm=0 sat=0"},
	{",,,A////1234567890123456789012345678901234567890123456789012345678901234/",
		" driver=1234567890123456789012345678901234567890123456789012345678901234"},
	{",,,A////12345678901234567890123456789012345678901234567890123456789012345/", ""},
	// state: three hex digits, either case, or nothing
	{",,,A/////000", " bat=0 gsm=0 sat=0"},
	{",,,A/////1Ff", " bat=7 gsm=100 sat=15"},
	{",,,A/////fa", ""},
	{",,,A/////fa77/", ""},
	{",,,A/////fz7/", ""},
	// spec
	{",,,A//////abc", " extra=\"spec\":\"abc\""},
	{",,,A//////a\"b/c//", " extra=\"spec\":\"a\\\"b/c\""},
	// the unnamed fields are ignored
	{",1,2,A/0/", " in=0"},
	{",,,AAAAAAAAAAAAAAAA/0/", " in=0"},
};

// NULL: none, in a full frame
static const char *const terminators[] = {
	"\r\n", "\n", "\r\r", "\r", "#\n", "#\r\n", "\n\r\n\r", NULL};

// Returns the next pseudo-random number of 24 bits.
static inline uint32_t chance(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

#endif
