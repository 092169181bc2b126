// SPDX-License-Identifier: MIT
// The PT-502's decoder: what each report must hold is written as one line of text (see describe).
#include "checksum.h"
#include "decoders.h"
#include "fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PREFIX_MOST  4200

static struct guarded guard;
static struct batch batch;

// What came out, as text -------------------------------------------------------------------------

struct output {
	char text[65536];
	size_t len;
};

static struct output output, other;

__attribute__((format(printf, 2, 3))) static void say(struct output *out, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(out->text + out->len, sizeof out->text - out->len, format, args);
	va_end(args);
	assert_true(len >= 0 && (size_t)len < sizeof out->text - out->len);
	out->len += (size_t)len;
}

static void say_time(struct output *out, int64_t time_us)
{
	char text[32];
	time_t seconds = time_us / 1000000;
	struct tm tm;
	strftime(text, sizeof text, "%F/%T", gmtime_r(&seconds, &tm));
	say(out, " t=%s.%03d", text, (int)(time_us / 1000 % 1000));
}

static void say_text(struct output *out, const char *name, struct text text)
{
	if (text.len > 0)
		say(out, " %s=%.*s", name, (int)text.len, text.data);
}

static void describe_telemetry(struct output *out, const struct report_body *body)
{
	if (body->has & HAS_INPUTS)
		say(out, " in=%u", body->inputs);
	if (body->has & HAS_OUTPUTS)
		say(out, " out=%u", body->outputs);
	if (body->has & HAS_IGNITION)
		say(out, " ign=%d", (body->flags & FLAG_IGNITION) != 0);
	for (unsigned i = 0; i < 4; i++) {
		if (body->has & (uint32_t)HAS_ADC1 << i)
			say(out, " adc%u=%d", i + 1, body->adc[i]);
	}
	if (body->has & HAS_ODOMETER)
		say(out, " odo=%" PRId64, body->odometer_m);
	if (body->has & HAS_BATTERY_PERCENT)
		say(out, " bat=%u", body->battery_percent);
	if (body->has & HAS_GSM)
		say(out, " gsm=%u", body->gsm_percent);
	if (body->has & HAS_SATELLITES)
		say(out, " sat=%u", body->satellites);
	assert_false(body->has & (HAS_ALTITUDE | HAS_HDOP | HAS_BATTERY_V | HAS_POWER_V));
}

// "5020001 POS t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440 in=8 ..."; absent
// is left out.
static void describe(struct output *out, const struct report *report)
{
	const struct report_body *body = &report->body;
	say(out, "%.*s", (int)report->ident.len, report->ident.data);
	if (report->event.len > 0)
		say(out, " %.*s", (int)report->event.len, report->event.data);
	if (body->has & HAS_TIME)
		say_time(out, body->device_time_us);
	if (body->has & HAS_FIX)
		say(out, " %c %d %d", body->flags & FLAG_VALID ? 'A' : 'V', body->lat_e7,
			body->lon_e7);
	if (body->has & HAS_SPEED)
		say(out, " kmh=%u", body->speed_kmh_e2);
	if (body->has & HAS_COURSE)
		say(out, " deg=%u", body->course_deg_e2);
	describe_telemetry(out, body);
	say_text(out, "driver", report->driver);
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		if (body->alarms >> i & 1)
			say(out, " !%s", alarm_name((enum alarm)i));
	}
	say_text(out, "extra", report->extra);
	if (body->flags & FLAG_TEXT)
		say(out, " text");
	if (body->flags & FLAG_STORED)
		say(out, " stored");
	say(out, "\n");
}

static void describe_reject(struct output *out, enum decode_status status, const char *detail)
{
	const char *text = decode_status_text(status);
	say(out, "reject %s%s%s\n", text, *text && detail ? ": " : "", detail ? detail : "");
}

static void describe_batch(struct output *out, enum decode_status status)
{
	for (size_t i = 0; i < batch.report_count; i++)
		describe(out, &batch.reports[i]);
	for (size_t i = 0; i < batch.reject_count; i++)
		describe_reject(out, batch.rejects[i].status, batch.rejects[i].detail);
	if (status != DECODE_OK && status != DECODE_IGNORED) {
		assert_int_equal(batch.report_count, 0);
		describe_reject(out, status, batch.detail);
	}
}

// Takes frames off the bytes as long as there are whole ones; returns what is left. Each frame is
// laid flush against the unreadable page before it is decoded, as the bytes are before it is cut.
static size_t take_frames(
	struct session *session, const uint8_t *data, size_t len, struct output *out)
{
	while (len > 0) {
		struct frame cut =
			decoder_pt502.frame(session, guarded_copy(&guard, data, len), len);
		if (cut.kind == FRAME_MORE) {
			assert_in_range(cut.len, len + 1, FRAME_CAP);
			break;
		}
		assert_in_range(cut.len, 1, len);
		assert_true(cut.len <= FRAME_CAP);
		if (cut.kind == FRAME_BAD)
			say(out, "bad frame\n");
		if (cut.kind == FRAME_OK) {
			batch_reset(&batch);
			const uint8_t *frame = guarded_copy(&guard, data, cut.len);
			describe_batch(out, decoder_pt502.decode(session, frame, cut.len, &batch));
		}
		data += cut.len;
		len -= cut.len;
	}
	return len;
}

// What the bytes give when they come `step` at a time; left over: "left n".
static void stream(const void *data, size_t len, size_t step, struct output *out)
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
	if (held > 0)
		say(out, "left %zu\n", held);
}

static void check_stream(const char *data, size_t len, const char *expected)
{
	stream(data, len, len, &output);
	assert_string_equal(output.text, expected);
}

static void check_line(const char *line, const char *expected)
{
	check_stream(line, strlen(line), expected);
}

static size_t make_full(uint8_t *frame, const char *body, size_t len)
{
	frame[0] = 0xBF;
	frame[1] = 0xFB;
	frame[2] = checksum_xor((const uint8_t *)body, len);
	frame[3] = (uint8_t)(len + 5);
	frame[4] = (uint8_t)((len + 5) >> 8);
	memcpy(frame + 5, body, len);
	return len + 5;
}

static void check_full(const char *body, size_t len, const char *expected)
{
	uint8_t frame[FRAME_CAP + 100];
	check_stream((const char *)frame, make_full(frame, body, len), expected);
}

// Records
// --------------------------------------------------------------------------------------------

#define FRONT "$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126"
#define TOLD  "5020001 POS t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440"

static const struct {
	const char *tail, *expected;
} tails[] = {
	{"", ""},
	{",,,", ""},
	{",,,A", ""},
	{",,,A/00010,00000/0,0,0,0/1200//fa7/",
		" in=8 out=0 ign=1 adc1=0 adc2=0 adc3=0 adc4=0 odo=1200 bat=100 gsm=67 sat=7"},
	// the tails seen
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
	// ADC: an empty element is null in its place, a broken one too; the fifth and on go into
	// extra
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
	// what stands in the unnamed fields costs nothing
	{",1,2,A/0/", " in=0"},
	{",,,AAAAAAAAAAAAAAAA/0/", " in=0"},
};

// NULL: in a full frame without any
static const char *const terminators[] = {
	"\r\n", "\n", "\r\r", "\r", "#\n", "#\r\n", "\n\r\n\r", NULL};

// The cross of framing, tail and terminator gives the same values.
static void tails_in_every_framing(void **state)
{
	(void)state;
	char record[512], expected[512], key[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		for (size_t k = 0; k < COUNT(terminators); k++) {
			const char *end = terminators[k] ? terminators[k] : "";
			int len = snprintf(record, sizeof record, FRONT "%s%s", tails[i].tail, end);
			snprintf(key, sizeof key, FRONT "%s", tails[i].tail);
			snprintf(expected, sizeof expected, TOLD "%s%s\n", tails[i].expected,
				*end == '#' ? " stored" : "");
			for (int full = !terminators[k]; full <= 1; full++) {
				if (full)
					check_full(record, (size_t)len, expected);
				else
					check_line(record, expected);
				const struct report *report = &batch.reports[0];
				assert_int_equal(report->raw.len, len);
				assert_memory_equal(report->raw.data, record, (size_t)len);
				assert_int_equal(report->key.len, strlen(key));
				assert_memory_equal(report->key.data, key, report->key.len);
			}
		}
	}
}

// In a datagram the end of the bytes is the end of the record.
static void tails_in_a_datagram(void **state)
{
	(void)state;
	char record[512], expected[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		struct session session = {.datagram = true};
		int len = snprintf(record, sizeof record, FRONT "%s", tails[i].tail);
		snprintf(expected, sizeof expected, TOLD "%s\n", tails[i].expected);
		output.len = 0;
		assert_int_equal(
			take_frames(&session, (const uint8_t *)record, (size_t)len, &output), 0);
		assert_string_equal(output.text, expected);
	}
}

// $POS,5020001,<time>,<fix>,<lat..date> -> what stands behind the ident and event
static const struct {
	const char *fields, *expected;
} fronts[] = {
	// with a fix that claims to be valid, a broken field costs itself
	{"101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440"},
	{"101500,A,4807.0380,n,01131.0000,e,,,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 115166667"},
	{"235959.999,A,3356.7890,S,15112.3456,W,0,0,311226",
		" t=2026-12-31/23:59:59.999 A -339464833 -1512057600 kmh=0 deg=0"},
	{"101500.5,A,0000.0000,N,00000.0000,E,0.00,360,290224",
		" t=2024-02-29/10:15:00.500 A 0 0 kmh=0 deg=36000"},
	{"101500.000,A,4807.0380,N,204.6787,E,1.00,84.40,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 20779783 kmh=185 deg=8440"},
	{"101500.000,A,9000.0000,S,18000.0000,W,,,221126",
		" t=2026-11-22/10:15:00.000 A -900000000 -1800000000"},
	{"101500.000,A,9000.0001,N,01131.0000,E,1.00,84.40,221126",
		" t=2026-11-22/10:15:00.000 kmh=185 deg=8440"},
	{"101500.000,A,4860.0000,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,01160.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,18000.0001,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,X,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,E,01131.0000,N,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,,01131.0000,E,1.00,,221126", " t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,NN,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,,E,1.00,,221126", " t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,48o7.0380,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,-4807.0380,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,,,,,,,221126", " t=2026-11-22/10:15:00.000"},
	// speed is knots; course beyond 360 is a fault of real units
	{"101500.000,A,,,,,0.01,26815635,221126", " t=2026-11-22/10:15:00.000 kmh=2"},
	{"101500.000,A,,,,,539.9568,360.01,221126", " t=2026-11-22/10:15:00.000 kmh=100000"},
	{"101500.000,A,,,,,540,359.999,221126", " t=2026-11-22/10:15:00.000 deg=36000"},
	{"101500.000,A,,,,,1e1,84.4.4,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,A,,,,,-1,-1,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,A,,,,,999999999999999999999,.5,221126", " t=2026-11-22/10:15:00.000 deg=50"},
	{"101500.000,A,,,,,22.,84,221126", " t=2026-11-22/10:15:00.000 kmh=4074 deg=8400"},
	{"101500.000,A,,,,,22.4000000000000,84.40000000000000,221126",
		" t=2026-11-22/10:15:00.000 kmh=4148 deg=8440"},
	// without a fix
	{"101500.000,V,4807.0380,N,01131.0000,E,0.00,0.00,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667 kmh=0 deg=0"},
	{"101500.000,V,,,,,,,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,V,,N,,E,,,140209", " t=2009-02-14/10:15:00.000"},
	{"101500.000,,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	{"101500.000,AV,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	{"101500.000,X,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	// and without a time that can be: kept, unless it claims a valid fix
	{"240000.000,V,,,,,,,221126", ""},
	{",V,4807.0380,N,01131.0000,E,,,221126", " V 481173000 115166667"},
	{"101500.000,V,,,,,,,310426", ""},
	{"101500.000,V,,,,,,,", ""},
	{"101500.000,V,,,,,,,000000", ""},
	{"101500.000,X,,,,,,,310426", ""},
	{"101500.000,V", ""},
	{"", ""},
	{"240000.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"106000.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101560.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{",A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"10150,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"1015000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101500.0x,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,310426", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,290225", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,221326", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,001126", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,22112", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,2211266", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E", "reject bad value: date\n"},
	{"101500.000,A", "reject bad value: date\n"},
	{"101500.000,A/00000,00000/0,0,0,0/1200//fa7/", "reject bad value: date\n"},
};

static void fronts_in_both_framings(void **state)
{
	(void)state;
	char record[512], expected[512];
	for (size_t i = 0; i < COUNT(fronts); i++) {
		bool reject = fronts[i].expected[0] == 'r';
		// with a tail that shows that the fields behind a broken one keep their place
		const char *tail = strchr(fronts[i].fields, '/') || strlen(fronts[i].fields) < 44
					   ? ""
					   : ",,,A/0001,0///";
		int len = snprintf(
			record, sizeof record, "$POS,5020001,%s%s\r\n", fronts[i].fields, tail);
		if (reject)
			snprintf(expected, sizeof expected, "%s", fronts[i].expected);
		else
			snprintf(expected, sizeof expected, "5020001 POS%s%s\n", fronts[i].expected,
				*tail ? " in=8 out=0 ign=1" : "");
		check_line(record, expected);
		check_full(record, (size_t)len, expected);
	}
}

static void idents_are_4_to_15_digits(void **state)
{
	(void)state;
	static const struct {
		const char *ident;
		bool sound;
	} idents[] = {{"1234", true}, {"0042", true}, {"12345678", true}, {"00000000", true},
		{"860000000000017", true}, {"123", false}, {"8600000000000171", false}, {"", false},
		{"50200x1", false}, {"-502001", false}, {" 5020001", false}, {"5020001 ", false}};
	char record[128], expected[128];
	for (size_t i = 0; i < COUNT(idents); i++) {
		snprintf(record, sizeof record, "$POS,%s,101500.000,V,,,,,,,221126\r\n",
			idents[i].ident);
		snprintf(expected, sizeof expected, "%s POS t=2026-11-22/10:15:00.000\n",
			idents[i].ident);
		check_line(record, idents[i].sound ? expected : "reject bad value: ident\n");
	}
	check_line("$POS,\r\n", "reject bad value: ident\n");
	check_line("$POS,5020001\r\n", "5020001 POS\n");
	check_line("$POS,5020001/0001/\r\n", "5020001 POS in=8 ign=1\n");
}

// The session knows its device by the newest record that names one, even if that record is
// rejected.
static void sessions_learn_the_ident(void **state)
{
	(void)state;
	static const struct {
		const char *line, *ident;
	} lines[] = {{"$POS,5020001,101500.000,V,,,,,,,221126\n", "5020001"},
		{"$POS,5020002,24,A,,,,,,,221126\n", "5020002"}, {"$OK\n", "5020002"},
		{"$POS,xx,101500.000,V,,,,,,,221126\n", "5020002"}, {"$FUS0042,a,b\r\r", "0042"}};
	struct session session = {0};
	output.len = 0;
	for (size_t i = 0; i < COUNT(lines); i++) {
		const char *line = lines[i].line;
		take_frames(&session, (const uint8_t *)line, strlen(line), &output);
		assert_int_equal(session.ident_len, strlen(lines[i].ident));
		assert_memory_equal(session.ident, lines[i].ident, session.ident_len);
	}
}

static void events_and_their_alarms(void **state)
{
	(void)state;
	static const struct {
		const char *code, *expected;
	} events[] = {{"POS", "POS"}, {"IN1", "IN1 !sos"}, {"IN2", "IN2 !general"},
		{"IN3", "IN3 !general"}, {"IN4", "IN4"}, {"IU1", "IU1"}, {"IU4", "IU4"},
		{"GOF", "GOF !geofence"}, {"GEO", "GEO !geofence"}, {"SPD", "SPD !overspeed"},
		{"LPA", "LPA !lowBattery"}, {"CPA", "CPA !powerCut"}, {"TOW", "TOW !tow"},
		{"HDA", "HDA !hardAcceleration"}, {"HDB", "HDB !hardBraking"},
		{"FDA", "FDA !fatigueDriving"}, {"DFR", "DFR"}, {"SKA", "SKA !vibration"},
		{"PMA", "PMA !movement"}, {"AD1", "AD1 !general"}, {"AD12", "AD12 !general"},
		{"ADX", "ADX"}, {"MLA", "MLA"}, {"SLP", "SLP"}, {"XYZ", "XYZ"}, {"IN12", "IN12"},
		{"AB", "AB"}, {"A-1", "A-1"}, {"ABCDEFGH", "ABCDEFGH"}, {"FUS", "FUS"},
		{"PHO", "PHO"}, {"PHOX", "PHOX"}, {"PHO12-", "PHO12-"}};
	char record[128], expected[128];
	for (size_t i = 0; i < COUNT(events); i++) {
		const char *alarm = strchr(events[i].expected, ' ');
		snprintf(record, sizeof record, "$%s,5020001,101500.000,V,,,,,,,221126\r\n",
			events[i].code);
		snprintf(expected, sizeof expected, "5020001 %s t=2026-11-22/10:15:00.000%s\n",
			events[i].code, alarm ? alarm : "");
		check_line(record, expected);
		check_full(record, strlen(record), expected);
	}
}

static void photos_and_firmware(void **state)
{
	(void)state;
	static const struct {
		const char *line, *expected;
	} lines[] = {
		{"$PHO12345,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 extra=\"photo_size\":12345\n"},
		{"$PHO0,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 extra=\"photo_size\":0\n"},
		{"$PHO0-1,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 "
			"extra=\"photo_size\":0,\"camera\":1\n"},
		{"$PHO1234567-12,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 "
			"extra=\"photo_size\":1234567,\"camera\":12\n"},
		{"$PHO77,5020001,101500.000,V,,,,,,,221126,,,A//1,2,3,4,5///fa7/spec#\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 adc1=1 adc2=2 adc3=3 adc4=4 bat=100 "
			"gsm=67 "
			"sat=7 extra=\"photo_size\":77,\"adc5\":5,\"spec\":\"spec\" stored\n"},
		{"$FUS5020001,PT502-V2.1,20240101\r\r",
			"5020001 FUS extra=\"firmware\":\"PT502-V2.1\",\"version\":\"20240101\"\n"},
		{"$FUS860000000000017,A,B,C#\n",
			"860000000000017 FUS extra=\"firmware\":\"A\",\"version\":\"B,C\" "
			"stored\n"},
		{"$FUS0042,,1\r\r", "0042 FUS extra=\"version\":\"1\"\n"},
		{"$FUS0042,A\r\r", "0042 FUS extra=\"firmware\":\"A\"\n"},
		{"$FUS0042,\r\r", "0042 FUS\n"},
		{"$FUS042,A,B\r\r", "reject bad value: ident\n"},
		{"$FUS8600000000000171,A,B\r\r", "reject bad value: ident\n"},
		{"$PHD0,960,xyz\r\n", "reject photo data: not asked for\n"},
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		check_line(lines[i].line, lines[i].expected);
		check_full(lines[i].line, strlen(lines[i].line), lines[i].expected);
	}
}

static void lines_that_are_no_record_are_text(void **state)
{
	(void)state;
#define KNOWN "$FUS0042,A\r\r"
#define GIVES "0042 FUS extra=\"firmware\":\"A\"\n"
	static const struct {
		const char *line, *text;
	} lines[] = {{"$OK\r\n", "$OK"}, {"#RCP OK\r\n", "#RCP OK"}, {"#\n", "#"}, {"$\n", "$"},
		{"$OPC1,1 done,ok\n", NULL}, {"$Set ok,5020001\r\n", "$Set ok,5020001"},
		{"$A,5020001\n", "$A,5020001"}, {"#POS,5020001,101500\n", "#POS,5020001,101500"},
		{"$OK #\n", "$OK #"}, {"$ABCDEFGHI,5020001\n", "$ABCDEFGHI,5020001"},
		{"$FUS0000000000000000000,A\n", "$FUS0000000000000000000,A"},
		{"$say \"x\"\xFF\n", "$say \\\"x\\\"\xEF\xBF\xBD"}};
	char bytes[256], expected[256];
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (!lines[i].text) // a code and a comma: a record, and a broken one
			snprintf(expected, sizeof expected, GIVES "reject bad value: ident\n");
		else
			snprintf(expected, sizeof expected,
				GIVES "0042 extra=\"text\":\"%s\" text\n", lines[i].text);
		snprintf(bytes, sizeof bytes, KNOWN "%s", lines[i].line);
		check_line(bytes, expected);
		check_full(bytes, strlen(bytes), expected);
	}
	check_line("$OK\r\n", "reject text before ident\n");
	check_line("#OK\r\n", "reject text before ident\n");
}

// Full frames ------------------------------------------------------------------------------------

#define SHORT_1 "$POS,5020001,101500.000,V,,,,,,,221126"
#define SHORT_2 "$IN1,5020001,101515.000,V,,,,,,,221126"
#define SAID_1  "5020001 POS t=2026-11-22/10:15:00.000\n"
#define SAID_2  "5020001 IN1 t=2026-11-22/10:15:15.000 !sos\n"
#define DELTA                                                                                      \
	"@\x6d\x02\x04\x06"                                                                        \
	"15.000\x03\x04\x03"                                                                       \
	"513"

static void bodies_hold_several_records(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		size_t len;
		const char *expected;
	} bodies[] = {
#define BODY(text) text, sizeof(text) - 1
		{BODY(SHORT_1 "\r\n" SHORT_2 "\r\n"), SAID_1 SAID_2},
		{BODY(SHORT_1 "#\n" SHORT_2),
			"5020001 POS t=2026-11-22/10:15:00.000 stored\n" SAID_2},
		{BODY("\r\n \0\n" SHORT_1 "\r\r\n\n" SHORT_2 "\n"), SAID_1 SAID_2},
		{BODY(SHORT_1 "\r\nrubbish\r\n" SHORT_2 "\r\n"),
			SAID_1 SAID_2 "reject bad value: record\n"},
		{BODY("rubbish" SHORT_1), SAID_1 "reject bad value: record\n"},
		{BODY("rubbish"), "reject bad value: record\n"},
		{BODY(SHORT_1 "\r\n$POS,xx,\r\n" SHORT_2),
			SAID_1 SAID_2 "reject bad value: ident\n"},
		{BODY(SHORT_1 "\r\n" DELTA), SAID_1 "reject delta: not decoded yet\n"},
		{BODY(DELTA SHORT_1), SAID_1 "reject delta: not decoded yet\n"},
		{BODY(DELTA "@\x40\x06\x01\x01"
			    "2" SHORT_1),
			SAID_1 "reject delta: not decoded yet\nreject delta: not decoded yet\n"},
		{BODY(DELTA), "reject delta: not decoded yet\n"},
		{BODY(DELTA "\x01\x00\x05"
			    "ab"),
			"reject bad length: delta\n"},
		{BODY("@"), "reject bad length: delta\n"},
		{BODY("@\x01"), "reject bad length: delta\n"},
		{BODY("@\x01" SHORT_1), SAID_1 "reject bad length: delta\n"},
		{BODY("$PHD0,12,\xFF\xD8$\r\nPOS,1\r\n\r\n"), "reject photo data: not asked for\n"},
		{BODY(SHORT_1 "\r\n$PHD960,12,\xFF\xD8$\r\n$POS,1234\r\n\r\n"),
			SAID_1 "reject photo data: not asked for\n"},
		{BODY("\r\n"), ""},
		{BODY("$OK\r\n" SHORT_1 "\r\n$OK\r\n"),
			SAID_1 "5020001 extra=\"text\":\"$OK\" text\nreject text before ident\n"},
	};
	for (size_t i = 0; i < COUNT(bodies); i++)
		check_full(bodies[i].body, bodies[i].len, bodies[i].expected);
}

// A part that is the whole body takes the frame along; else it is quarantined by itself.
static void rejects_show_their_bytes(void **state)
{
	(void)state;
	check_full(BODY("$POS,xx,\r\n"), "reject bad value: ident\n");
	assert_int_equal(batch.reject_count, 0);
	check_full(BODY("$POS,xx,\r\n" SHORT_1), SAID_1 "reject bad value: ident\n");
	assert_int_equal(batch.reject_count, 1);
	assert_int_equal(batch.rejects[0].raw.len, 10);
	assert_memory_equal(batch.rejects[0].raw.data, "$POS,xx,\r\n", 10);
}

static void a_wrong_verify_byte_is_noted_once(void **state)
{
	(void)state;
	uint8_t frame[256];
	size_t len = make_full(frame, BODY(SHORT_1 "\r\n" SHORT_2 "\r\n"));
	for (unsigned verify = 0; verify < 256; verify++) {
		bool wrong = verify != checksum_xor(frame + 5, len - 5) && verify != 0xFF;
		frame[2] = (uint8_t)verify;
		check_stream((const char *)frame, len,
			wrong ? "5020001 POS t=2026-11-22/10:15:00.000 "
				"extra=\"verify_bad\":true\n" SAID_2
			      : SAID_1 SAID_2);
	}
}

// The texts of a frame belong to the device that was known when they came.
static void each_report_keeps_its_own_ident(void **state)
{
	(void)state;
	check_full(BODY("$FUS0042,A\r\r$OK\r\n$POS,5020001,101500.000,V,,,,,,,221126\r\n"),
		GIVES "0042 extra=\"text\":\"$OK\" text\n" SAID_1);
	char bytes[512];
	struct session session = {0};
	output.len = 0;
	take_frames(&session, (const uint8_t *)KNOWN, sizeof KNOWN - 1, &output);
	output.len = 0;
	size_t len = make_full((uint8_t *)bytes, BODY("$OK\r\n" SHORT_1 "\r\n$OK\r\n"));
	take_frames(&session, (const uint8_t *)bytes, len, &output);
	assert_string_equal(output.text, "0042 extra=\"text\":\"$OK\" text\n" SAID_1
					 "5020001 extra=\"text\":\"$OK\" text\n");
}

static void a_frame_may_hold_too_many_records(void **state)
{
	(void)state;
	static char body[FRAME_CAP - 5];
	for (size_t i = 0; i < sizeof body; i += 10)
		memcpy(body + i, "$AB,1234\r\n", sizeof body - i < 10 ? sizeof body - i : 10);
	uint8_t frame[FRAME_CAP];
	struct session session = {0};
	batch_reset(&batch);
	size_t len = make_full(frame, body, sizeof body);
	assert_int_equal(decoder_pt502.decode(&session, frame, len, &batch), DECODE_OK);
	assert_int_equal(batch.report_count, BATCH_REPORTS);
	assert_int_equal(batch.reject_count, BATCH_REJECTS);
	const struct text last = batch.rejects[BATCH_REJECTS - 1].raw;
	assert_ptr_equal(last.data + last.len, frame + len); // nothing is lost from sight
}

static void a_long_text_is_kept_or_rejected(void **state)
{
	(void)state;
	static char body[FRAME_CAP - 5];
	memset(body, '\x01', sizeof body); // six bytes each in JSON
	memcpy(body, "$FUS0042,A\r\r$", 13);
	stream(NULL, 0, 1, &output);
	uint8_t frame[FRAME_CAP];
	struct session session = {0};
	for (size_t i = 0; i < 2; i++) {
		size_t len = make_full(frame, body, i ? 12 + 681 : sizeof body);
		batch_reset(&batch);
		assert_int_equal(decoder_pt502.decode(&session, frame, len, &batch), DECODE_OK);
		assert_int_equal(batch.report_count, i ? 2 : 1);
		assert_int_equal(batch.reject_count, i ? 0 : 1);
	}
}

// Framing
// --------------------------------------------------------------------------------------------

static struct frame cut_frame(const void *data, size_t len, bool datagram)
{
	struct session session = {.datagram = datagram};
	return decoder_pt502.frame(&session, guarded_copy(&guard, data, len), len);
}

#define FULL "\xBF\xFB\x46\x2d\x00" SHORT_1 "\r\n"

static void prefixes_want_more(void **state)
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
			assert_int_equal(cut.kind, whole ? FRAME_OK : FRAME_MORE);
			if (whole)
				assert_int_equal(cut.len, len);
			else
				assert_in_range(cut.len, len + 1, samples[i].frame_len);
		}
	}
}

static void framing_has_limits(void **state)
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

static void blanks_are_skipped_and_rubbish_is_bad(void **state)
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

static void bare_deltas_are_framed(void **state)
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
			{FRAME_OK, 7}, {FRAME_OK, 7}},
		{BODY("@c\x01\x00\x00"), {FRAME_OK, 5}, {FRAME_OK, 5}},
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
			{FRAME_OK, 11}, {FRAME_OK, 11}},
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
	assert_int_equal(cut_frame(bytes, 1022, false).kind, FRAME_OK); // 340 triples
	assert_int_equal(
		cut_frame(bytes, 1023, false).kind, FRAME_BAD); // the 341st would go beyond
	check_line(DELTA, "reject delta: not decoded yet\n");
	check_line(DELTA SHORT_1 "\r\n", "reject delta: not decoded yet\n" SAID_1);
}

// A read may end between two triples: what comes then goes on with the delta, whatever byte it
// begins with.
static void a_delta_goes_on_with_the_next_read(void **state)
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
		assert_non_null(strstr(output.text, SAID_1 "reject delta: not decoded yet\n"));
		assert_non_null(strstr(output.text, SAID_2));
		assert_null(strstr(output.text, "bad"));
	}
}

// Many frames of all kinds: whole, byte by byte, and split at each position.
static void any_split_gives_the_same(void **state)
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

// Sniffing
// -------------------------------------------------------------------------------------------

static enum probe ask(const void *data, size_t len, bool datagram)
{
	return decoder_pt502.probe(guarded_copy(&guard, data, len), len, datagram);
}

static void openings_are_known_by_their_shape(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		size_t decided; /* bytes after which the verdict stands; before that MORE */
		enum probe verdict;
	} samples[] = {
		{BODY(SHORT_1 "\r\n"), 19, PROBE_YES},
		{BODY("$A-1,860000000000017,101500"), 27, PROBE_YES},
		{BODY("$PHO123456-1,0042,101500"), 24, PROBE_YES},
		{BODY("$FUS5020001,V1,2\r\r"), 12, PROBE_YES},
		{BODY(FULL), 6, PROBE_YES},
		{BODY("\xBF\xFB\xFF\x0a\x00" DELTA), 6, PROBE_YES},
		{BODY("@c\x01\x00\x02"
		      "ab"),
			7, PROBE_YES},
		// one field is broken, the shape is there: better rejected by name than unknown
		{BODY("$POS,xx,101500.000,A,4807"), 21, PROBE_MAYBE},
		{BODY("$POS,5020001,,V,,,,,,,221126"), 16, PROBE_MAYBE},
		{BODY("$POS,5020001,2460,A,4807"), 20, PROBE_MAYBE},
		// others
		{BODY("$OK\r\n" SHORT_1 "\r\n"), 4, PROBE_NO},
		{BODY("$OK,5020001,101500"), 4, PROBE_NO},
		{BODY("$GPRMC,123519,A,4807.038,N"), 15, PROBE_NO},
		{BODY("$GPRMC,081836.00,A,3751.65,S"), 18, PROBE_NO},
		{BODY("$GPGGA,123519,4807.038,N,01131.000,E"), 24, PROBE_NO},
		{BODY("$$A123,860000000000017,AAA"), 2, PROBE_NO},
		{BODY("$MGV002,860000000000017,DeviceName,R"), 25, PROBE_NO},
		{BODY("$POS,5020001\r\n"), 13, PROBE_NO},
		{BODY("$POS,5020001,1015\r\n"), 18, PROBE_NO},
		{BODY("$pos,5020001,101500"), 2, PROBE_NO},
		{BODY("$ABCDEFGHIJKLMNOPQRST,"), 20, PROBE_NO},
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
			enum probe verdict = ask(samples[i].bytes, len, false);
			enum probe expected =
				len < samples[i].decided ? PROBE_MORE : samples[i].verdict;
			if (verdict != expected && !(delta && len < samples[i].decided))
				fail_msg("sample %zu '%s' at %zu: %d", i, samples[i].bytes, len,
					(int)verdict);
			// in a datagram nothing more will come
			assert_int_equal(ask(samples[i].bytes, len, true),
				verdict == PROBE_MORE ? PROBE_NO : verdict);
		}
	}
	assert_int_equal(ask("@c\x01\x00\x02"
			     "ab$P",
				 9, false),
		PROBE_YES);
	assert_int_equal(ask("@c\x01\x00\x02"
			     "ab\xBF\xFB",
				 9, false),
		PROBE_YES);
}

static void each_record_is_sniffed_when_it_is_there(void **state)
{
	(void)state;
	char record[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		int len = snprintf(record, sizeof record, FRONT "%s", tails[i].tail);
		assert_int_equal(ask(record, (size_t)len, true), PROBE_YES);
		assert_int_equal(ask(record, (size_t)len, false), PROBE_YES);
	}
}

// Anything at all --------------------------------------------------------------------------------

static uint32_t chance(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static bool is_within(struct text text, const void *start, size_t len)
{
	return text.data >= (const char *)start &&
	       text.data + text.len <= (const char *)start + len;
}

static void check_sound(const struct report *report, const uint8_t *data, size_t len)
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

static void damaged_bytes_do_no_harm(void **state)
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
		ask(bytes, len, session.datagram);
		output.len = 0;
		take_frames(&session, bytes, len, &output);
		// and decode() by itself, of what no frame() has cut
		batch_reset(&batch);
		const uint8_t *data = guarded_copy(&guard, bytes, len);
		decoder_pt502.decode(&session, data, len, &batch);
		for (size_t i = 0; i < batch.report_count; i++)
			check_sound(&batch.reports[i], data, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tails_in_every_framing),
		cmocka_unit_test(tails_in_a_datagram),
		cmocka_unit_test(fronts_in_both_framings),
		cmocka_unit_test(idents_are_4_to_15_digits),
		cmocka_unit_test(sessions_learn_the_ident),
		cmocka_unit_test(events_and_their_alarms),
		cmocka_unit_test(photos_and_firmware),
		cmocka_unit_test(lines_that_are_no_record_are_text),
		cmocka_unit_test(bodies_hold_several_records),
		cmocka_unit_test(rejects_show_their_bytes),
		cmocka_unit_test(a_wrong_verify_byte_is_noted_once),
		cmocka_unit_test(each_report_keeps_its_own_ident),
		cmocka_unit_test(a_frame_may_hold_too_many_records),
		cmocka_unit_test(a_long_text_is_kept_or_rejected),
		cmocka_unit_test(prefixes_want_more),
		cmocka_unit_test(framing_has_limits),
		cmocka_unit_test(blanks_are_skipped_and_rubbish_is_bad),
		cmocka_unit_test(bare_deltas_are_framed),
		cmocka_unit_test(a_delta_goes_on_with_the_next_read),
		cmocka_unit_test(any_split_gives_the_same),
		cmocka_unit_test(openings_are_known_by_their_shape),
		cmocka_unit_test(each_record_is_sniffed_when_it_is_there),
		cmocka_unit_test(damaged_bytes_do_no_harm),
	};
	guard = guarded_new(65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guarded_free(&guard);
	return failed;
}
