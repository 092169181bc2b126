// SPDX-License-Identifier: MIT
// Frames of records, from a capture. Big-endian.
//
//   2B 00 | length u16 | flags | [flags bit 7: 2] | IMEI 8 BCD, the first digit dropped | device u16 | protocol u16 | custom |
//   n, n bytes | records | count u16 | check | $
//
//   record  size | Unix time u32 | number u16 | id | event code | items         the size counts itself
//   item    id | size | data                                                  sizes have 1 byte, or 2 with the top bit set
//   52      flags (bits 2-3 = 2: fix), lon s32, lat s32 (1e-6), Unix time u32, 0.1 km/h u16, hdop 0.1, azimuth u16,
//           altitude s24 0.1 m, satellites
#include "decoders/queclink/queclink_records.h"

#include "decoders/fields.h"
#include "decoders/queclink/queclink_binary.h"
#include "util/hex.h"
#include "util/reader.h"

#define HEAD        4 /* bytes up to the flags */
#define END         4 /* bytes from the count on */
#define ITEM_PLACE  0x52
#define PLACE_LEAST 22
#define SECOND_US   INT64_C(1000000)

static size_t read_size(struct reader *r)
{
	const size_t size = reader_u8(r);
	return size & 0x80 ? (size & 0x7F) << 8 | reader_u8(r) : size;
}

static void set_place(struct report *report, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	const unsigned flags = reader_u8(&r);
	const int32_t lon = (int32_t)reader_be32(&r), lat = (int32_t)reader_be32(&r);
	const int64_t time_s = reader_be32(&r), speed = reader_be16(&r), hdop = reader_u8(&r),
		      azimuth = reader_be16(&r);
	const uint32_t altitude = (uint32_t)reader_be(&r, 3);
	const unsigned satellites = reader_u8(&r);
	if (queclink_binary_set_place(report, lat, lon, (flags >> 2 & 3) == 2)) {
		report_set_time(report, time_s * SECOND_US);
		report_set_speed(report, speed * 10);
		report_set_course(report, azimuth * 100);
		report_set_altitude(report, ((int64_t)altitude - (altitude >> 23 << 24)) * 10);
		if (hdop > 0)
			report_set_hdop(report, hdop * 10);
	}
	report_set_satellites(report, satellites);
}

// Writes id and event code as four hex digits into the arena.
static struct text make_event(struct decoded *out, const uint8_t *codes)
{
	char *event = (char *)decoded_arena(out, 4);
	if (!event)
		return (struct text){"", 0};
	for (size_t i = 0; i < 4; i++)
		event[i] = "0123456789ABCDEF"[i % 2 ? codes[i / 2] & 15 : codes[i / 2] >> 4];
	return (struct text){event, 4};
}

// Reads one record. Returns false if it does not fit.
static bool read_record(
	struct session *session, struct reader *r, struct text raw, struct decoded *out)
{
	const uint8_t *start = r->at;
	const size_t size = read_size(r), head = (size_t)(r->at - start);
	const uint8_t *rest = size >= head ? reader_bytes(r, size - head) : NULL;
	if (!rest)
		return false;
	struct reader record = reader_of(rest, size - head);
	const int64_t time_s = reader_be32(&record);
	reader_be16(&record);
	const uint8_t *codes = reader_bytes(&record, 2);
	if (!codes)
		return false;
	const struct text event = make_event(out, codes);
	struct report *report = decoded_report(out, session);
	if (!report)
		return false;
	report->key = (struct text){(const char *)start, size};
	report->raw = raw;
	report->event = event;
	report_set_time(report, time_s * SECOND_US);
	while (record.left > 0) {
		const unsigned item = reader_u8(&record);
		const size_t len = read_size(&record);
		const uint8_t *data = reader_bytes(&record, len);
		if (!data)
			return false;
		if (item == ITEM_PLACE && len >= PLACE_LEAST && !(report->body.has & HAS_FIX))
			set_place(report, data, len);
	}
	return !record.bad;
}

static bool read_records(
	struct session *session, struct reader *r, struct text raw, struct decoded *out)
{
	reader_bytes(r, 2 + 2 + 1);
	reader_bytes(r, reader_u8(r));
	if (r->bad || r->left == 0)
		return false;
	while (r->left > 0)
		if (!read_record(session, r, raw, out))
			return false;
	return true;
}

static void keep_content(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	while (out->report_count > 0)
		decoded_drop_report(out);
	struct report *report = decoded_report(out, session);
	report->key = report->raw = (struct text){(const char *)data, len};
	extra_hex(out, report, "data", data + HEAD, len - HEAD - END);
}

enum decode_status queclink_records_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (len < QUECLINK_RECORDS_LEAST)
		return DECODE_BAD_LENGTH;
	struct reader r = reader_of(data + HEAD, len - HEAD - END);
	if (reader_u8(&r) & 0x80)
		reader_bytes(&r, 2);
	const uint8_t *bcd = reader_bytes(&r, 8);
	char digits[16];
	if (bcd)
		hex_write(digits, bcd, 8);
	if (!bcd || !fields_is_digits((struct text){digits + 1, 15}, 15, 15) ||
		!session_set_ident(session, digits + 1, 15)) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	if (!read_records(session, &r, (struct text){(const char *)data, len}, out))
		keep_content(session, data, len, out);
	return DECODE_OK;
}
