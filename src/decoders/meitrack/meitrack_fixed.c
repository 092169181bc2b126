// SPDX-License-Identifier: MIT
// Records with a fixed layout, little-endian.
//
//   CCC, | version u16 | size of a record u16 | cached u32 | record ...
//
//   record  event u8 | lat s32 | lon s32, 1e-6 degree | s since 2000 u32 | valid u8 | satellites u8 | GSM u8 | km/h u16
//           | course u16 | HDOP u16 /10 | altitude s16 | metres u32 | run time u32 | mcc u16 | mnc u16 | lac u16 | cell u16
//           | inputs u8 | outputs u8 | ad1 u16 | battery u16 | power u16 | fence u32 | more
//
// Other versions have other records.
#include "decoders/meitrack/meitrack_fixed.h"

#include "util/reader.h"

#define HEAD         8
#define VERSION      1         /* its upper byte */
#define RECORD       52        /* bytes */
#define TIME_LEAST   157852800 /* 2005 */
#define LAT_MOST     90000000
#define LON_MOST     180000000
#define EVENT_DIGITS 3

static struct reader reader_at(const uint8_t *record, size_t at)
{
	return reader_of(record + at, RECORD - at);
}

static int32_t read_s32(struct reader *r)
{
	return (int32_t)(uint32_t)reader_le(r, 4);
}

static bool is_possible(const uint8_t *record)
{
	struct reader r = reader_at(record, 1);
	const int32_t lat = read_s32(&r), lon = read_s32(&r);
	return lat >= -LAT_MOST && lat <= LAT_MOST && lon >= -LON_MOST && lon <= LON_MOST &&
	       reader_le(&r, 4) >= TIME_LEAST;
}

static void set_place(const struct meitrack_message *m, struct reader *r)
{
	struct meitrack_place place;
	place.lat_e7 = read_s32(r) * INT64_C(10);
	place.lon_e7 = read_s32(r) * INT64_C(10);
	report_set_time(m->report, meitrack_message_time_us((uint32_t)reader_le(r, 4)));
	place.valid = reader_u8(r) == 1;
	report_set_satellites(m->report, reader_u8(r));
	meitrack_message_set_gsm(m, reader_u8(r));
	place.kmh_e2 = (int64_t)reader_le(r, 2) * 100;
	place.course_e2 = (int64_t)reader_le(r, 2) * 100;
	place.hdop_e2 = (int64_t)reader_le(r, 2) * 10;
	place.altitude_e2 = (int16_t)(uint16_t)reader_le(r, 2) * INT64_C(100);
	meitrack_message_set_place(m, &place);
}

// Keeps the numbers of an unknown scale as the text layouts list them.
static void add_analog(
	const struct meitrack_message *m, unsigned ad1, unsigned battery, unsigned power)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[] = "0000|||0000|0000";
	static const uint8_t at[3] = {0, 7, 12};
	const unsigned values[3] = {ad1, battery, power};
	for (size_t i = 0; i < 3; i++)
		for (size_t digit = 0; digit < 4; digit++)
			text[at[i] + digit] = digits[values[i] >> (12 - 4 * digit) & 15];
	extra_text(m->out, m->report, "analog", text, sizeof text - 1);
}

static void set_others(const struct meitrack_message *m, struct reader *r)
{
	report_set_odometer(m->report, (int64_t)reader_le(r, 4));
	extra_int(m->out, m->report, "runtime", (int64_t)reader_le(r, 4));
	const int64_t mcc = (int64_t)reader_le(r, 2), mnc = (int64_t)reader_le(r, 2),
		      lac = (int64_t)reader_le(r, 2), cid = (int64_t)reader_le(r, 2);
	meitrack_message_add_cell(m, mcc, mnc, lac, cid);
	report_set_inputs(m->report, reader_u8(r));
	report_set_outputs(m->report, reader_u8(r));
	const unsigned ad1 = (unsigned)reader_le(r, 2), battery = (unsigned)reader_le(r, 2),
		       power = (unsigned)reader_le(r, 2);
	const int64_t ads[3] = {ad1, MEITRACK_NONE, MEITRACK_NONE},
		      fence = (int64_t)reader_le(r, 4);
	if (!meitrack_message_set_volts(m, battery, power, ads))
		add_analog(m, ad1, battery, power);
	if (fence != 0)
		extra_int(m->out, m->report, "fence", fence);
}

static bool decode_record(
	struct meitrack_message *m, const struct text *head, struct text record, bool is_alone)
{
	char *room = (char *)decoded_arena(m->out, EVENT_DIGITS);
	const struct text raw =
		is_alone ? m->raw : meitrack_message_cut(m, head->data, head->len, record);
	if (!room || !meitrack_message_begin(m, record, raw))
		return false;
	struct reader r = reader_of((const uint8_t *)record.data, record.len);
	meitrack_message_set_event(m, room, reader_u8(&r));
	set_place(m, &r);
	set_others(m, &r);
	return true;
}

// Returns how many records there are; 0 unless all have the layout of this file.
static size_t count_records(struct text payload, size_t size)
{
	const uint8_t *data = (const uint8_t *)payload.data;
	if (payload.len < HEAD || data[1] != VERSION || size < RECORD)
		return 0;
	const size_t count = (payload.len - HEAD) / size;
	for (size_t i = 0; i < count; i++)
		if (!is_possible(data + HEAD + i * size))
			return 0;
	return count;
}

// Keeps records of another layout, and acknowledges those that were kept.
static void keep(struct meitrack_message *m, size_t size)
{
	const struct text payload = m->data;
	size_t kept = payload.len < MEITRACK_KEPT_MOST ? payload.len : MEITRACK_KEPT_MOST;
	if (!meitrack_message_begin(m, m->content, m->raw))
		return;
	m->report->event = (struct text){"CCC", 3};
	meitrack_message_keep_bytes(m, payload);
	if (kept <= HEAD)
		return;
	kept -= HEAD;
	meitrack_message_answer(m, REPLY_STORED, size > 0 && kept >= size ? kept / size : 1);
}

void meitrack_fixed_decode(struct meitrack_message *m)
{
	const struct text payload = m->data;
	struct reader r = reader_of((const uint8_t *)payload.data, payload.len);
	reader_le(&r, 2);
	const size_t size = (size_t)reader_le(&r, 2), count = count_records(payload, size);
	if (count == 0) {
		keep(m, size);
		return;
	}
	// The command's comma is part of the head.
	const struct text head = {payload.data - 1, HEAD + 1};
	size_t done = 0;
	while (done < count &&
		decode_record(m, &head, (struct text){payload.data + HEAD + done * size, size},
			count == 1))
		done++;
	meitrack_message_answer(m, REPLY_STORED, done);
}
