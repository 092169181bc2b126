// SPDX-License-Identifier: MIT
// From captures:
//
//   CRR;id;number;total;size; | data, size bytes | ;sum CR
//
// The data of all parts, joined, little-endian: four blocks, 3, 2 and 1 s before the crash and 1 s after it.
//
//   y m d h m s | (lat s32 | lon s32 | km/h u16 | course u16 | (x y z s16) x k) x 4      1e-7 degree, 0.01 km/h, 0.01 degree
#include "decoders/suntech/suntech_crash.h"

#include "protocol/message.h"
#include "util/decimal.h"
#include "util/reader.h"

#define TIME   6
#define BLOCKS 4
#define FIXED  12 /* bytes of a block before its samples */
#define SAMPLE 6
#define DIGITS 4  /* of number, total and size, at most */
#define AXES   24 /* bytes of a sample as text, at most */
#define SECOND INT64_C(1000000)

static const int8_t shifts_s[BLOCKS] = {-3, -2, -1, 1};

// Reads 1..most digits and a ;. Moves *at behind them.
static enum probe read_number(struct text text, size_t *at, size_t most, struct text *digits)
{
	const size_t start = *at;
	while (*at < text.len && *at - start < most && text_is_digit(text.data[*at]))
		++*at;
	*digits = (struct text){text.data + start, *at - start};
	if (*at == text.len)
		return PROBE_MORE;
	return digits->len > 0 && text.data[(*at)++] == ';' ? PROBE_YES : PROBE_NO;
}

enum probe suntech_crash_find(struct text text, struct suntech_crash *crash)
{
	struct text fields[4]; /* ident, number, total, size */
	uint64_t size;
	size_t at = 4;
	for (size_t i = 0; i < 4; i++) {
		const enum probe found =
			read_number(text, &at, i == 0 ? IDENT_MAX : DIGITS, &fields[i]);
		if (found != PROBE_YES)
			return found;
	}
	if (!text_uint(fields[1], &crash->number) || !text_uint(fields[2], &crash->total) ||
		!text_uint(fields[3], &size))
		return PROBE_NO;
	crash->start = at;
	crash->size = (size_t)size;
	return PROBE_YES;
}

bool suntech_crash_fits(struct text text, const struct suntech_crash *crash)
{
	const size_t at = crash->start + crash->size;
	return at + SUNTECH_CRASH_END <= text.len && text.data[at] == ';' &&
	       text_hex_digit(text.data[at + 1]) >= 0 && text_hex_digit(text.data[at + 2]) >= 0;
}

// Data ------------------------------------------------------------------------

struct block {
	int64_t lat_e7, lon_e7;
	uint16_t speed_e2, course_e2;
	const uint8_t *samples;
	size_t len; /* of the samples */
};

static struct block read_block(const uint8_t *data, size_t len)
{
	struct reader reader = reader_of(data, len);
	struct block block;
	block.lat_e7 = (int32_t)reader_le(&reader, 4);
	block.lon_e7 = (int32_t)reader_le(&reader, 4);
	block.speed_e2 = (uint16_t)reader_le(&reader, 2);
	block.course_e2 = (uint16_t)reader_le(&reader, 2);
	block.samples = reader.at;
	block.len = reader.left;
	return block;
}

static bool is_possible(const struct block *block)
{
	return block->lat_e7 >= -900000000 && block->lat_e7 <= 900000000 &&
	       block->lon_e7 >= -1800000000 && block->lon_e7 <= 1800000000 &&
	       block->course_e2 <= 36000;
}

static bool read_time(const uint8_t *data, int64_t *time_us)
{
	return text_make_time(
		2000 + data[0], data[1], data[2], data[3], data[4], data[5], 0, time_us);
}

// Returns true if time, sizes and places are possible.
static bool is_whole(struct text data)
{
	const uint8_t *v = (const uint8_t *)data.data;
	const size_t size = data.len < TIME ? 0 : (data.len - TIME) / BLOCKS;
	int64_t time_us;
	if (size < FIXED || (data.len - TIME) % BLOCKS != 0 || (size - FIXED) % SAMPLE != 0 ||
		!read_time(v, &time_us))
		return false;
	for (size_t i = 0; i < BLOCKS; i++) {
		const struct block block = read_block(v + TIME + i * size, size);
		if (!is_possible(&block))
			return false;
	}
	return true;
}

// Adds "[[x,y,z],[x,y,z]]".
static void add_samples(const struct suntech_message *m, const struct block *block)
{
	char text[EXTRA_MAX], *end = text;
	struct reader reader = reader_of(block->samples, block->len);
	if (block->len == 0)
		return;
	*end++ = '[';
	while (reader.left > 0) {
		if (text + sizeof text - end < AXES)
			return;
		if (end > text + 1)
			*end++ = ',';
		for (unsigned axis = 0; axis < 3; axis++) {
			*end++ = axis == 0 ? '[' : ',';
			end = decimal_write_signed(end, (int16_t)reader_le(&reader, 2));
		}
		*end++ = ']';
	}
	*end++ = ']';
	extra_text(m->out, m->report, "gSensor", text, (size_t)(end - text));
}

static void add_reports(struct suntech_message *m, struct text data)
{
	const uint8_t *v = (const uint8_t *)data.data;
	const size_t size = (data.len - TIME) / BLOCKS;
	int64_t time_us;
	if (!read_time(v, &time_us))
		return;
	for (size_t i = 0; i < BLOCKS; i++) {
		const uint8_t *start = v + TIME + i * size;
		const struct block block = read_block(start, size);
		suntech_message_begin(m, m->head.type);
		m->report->key = (struct text){(const char *)start, size};
		report_set_time(m->report, time_us + shifts_s[i] * SECOND);
		suntech_message_set_fix(
			m, block.lat_e7, block.lon_e7, true, block.speed_e2, block.course_e2);
		add_samples(m, &block);
	}
}

static void decode_data(struct suntech_message *m, struct text data)
{
	if (is_whole(data)) {
		add_reports(m, data);
		return;
	}
	suntech_message_begin(m, m->head.type);
	suntech_message_keep_bytes(m, data.data, data.len);
}

// Parts -----------------------------------------------------------------------

// Returns the number of the crash report that the part belongs to. Parts have none: a part that is there already begins another
// one.
static uint64_t find_id(struct suntech_message *m, const struct suntech_crash *crash)
{
	uint16_t missing[MESSAGE_PARTS];
	uint8_t *begun = m->session->memo + SUNTECH_MEMO_CRASH;
	const uint64_t id = (uint64_t)*begun << 16 | crash->total;
	const uint32_t count = message_missing(m->session, id, missing, MESSAGE_PARTS);
	for (uint32_t i = 0; i < count && i < MESSAGE_PARTS; i++)
		if (missing[i] == crash->number)
			return id;
	if (count > 0)
		++*begun;
	return (uint64_t)*begun << 16 | crash->total;
}

static enum decode_status decode_part(
	struct suntech_message *m, const struct suntech_crash *crash, struct text data)
{
	const struct message_part part = {.id = find_id(m, crash),
		.count = (uint32_t)crash->total,
		.number = (uint32_t)crash->number,
		.data = (const uint8_t *)data.data,
		.len = data.len,
		.frame = (const uint8_t *)m->raw.data,
		.frame_len = m->raw.len};
	struct text whole;
	switch (message_add(m->session, &part, m->out, &whole)) {
	case MESSAGE_HELD:
		return DECODE_OK;
	case MESSAGE_WHOLE:
		decode_data(m, whole);
		return DECODE_OK;
	case MESSAGE_REFUSED:
		break;
	}
	m->out->detail = "no room for a part";
	return DECODE_DETAIL;
}

// Returns the text after the ident.
static struct text after_ident(struct text text)
{
	struct text field;
	text_next(&text, ';', &field);
	text_next(&text, ';', &field);
	return text.data ? text : (struct text){"", 0};
}

enum decode_status suntech_crash_decode(struct suntech_message *m)
{
	struct suntech_crash crash;
	if (suntech_crash_find(m->text, &crash) != PROBE_YES ||
		!suntech_crash_fits(m->text, &crash) ||
		crash.start + crash.size + SUNTECH_CRASH_END != m->text.len || crash.number < 1 ||
		crash.number > crash.total || crash.total > MESSAGE_PARTS ||
		(crash.total > 1 && crash.size == 0)) {
		const struct text rest = after_ident(m->text);
		suntech_message_begin(m, m->head.type);
		suntech_message_keep_bytes(m, rest.data, rest.len);
		return DECODE_OK;
	}
	const struct text data = {m->text.data + crash.start, crash.size};
	if (crash.total > 1)
		return decode_part(m, &crash, data);
	decode_data(m, data);
	return DECODE_OK;
}
