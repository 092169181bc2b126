// SPDX-License-Identifier: MIT
// A record of codec 8, 8E or 16. Source: the maker's "Data sending protocols".
//
//   0   time u64, ms since 1970 | 8 priority | 9 longitude s32 | 13 latitude s32, 1e-7 degrees | 17 altitude s16, m
//   19  angle u16 | 21 satellites | 22 speed u16, km/h | 24 event | [generation, codec 16] | count of elements | elements
//
//                       8    8E   16
//   event               u8   u16  u16    the element that caused the record; 0: periodic
//   count of elements   u8   u16  u8     for information only
//   group's count       u8   u16  u8
//   ids                 u8   u16  u16
#include "decoders/teltonika/teltonika_record.h"
#include "decoders/teltonika/teltonika_io.h"

#define PLACE_AT     9
#define TIME_END_MS  UINT64_C(4102444800000) /* the year 2100 */
#define EVENT_MOST   5                       /* digits */
#define RECORDS_MOST 255

// How records of a codec are written.
struct shape {
	struct teltonika_layout layout;
	uint8_t event_bytes;
	uint8_t head_bytes; /* up to the elements */
	bool has_generation;
};

#define GROUPS (TELTONIKA_GROUP_1 | TELTONIKA_GROUP_2 | TELTONIKA_GROUP_4 | TELTONIKA_GROUP_8)

static struct shape shape_of(unsigned codec)
{
	if (codec == TELTONIKA_CODEC_8)
		return (struct shape){{1, 1, GROUPS}, 1, 26, false};
	if (codec == TELTONIKA_CODEC_8E)
		return (struct shape){{2, 2, GROUPS | TELTONIKA_GROUP_X}, 2, 28, false};
	return (struct shape){{2, 1, GROUPS}, 2, 28, true};
}

// Returns the length of the record at the reader and skips it; 0: it goes beyond the end, or its time is impossible.
static size_t skip_record(struct reader *r, const struct shape *shape)
{
	const size_t left = r->left;
	const uint8_t *head = reader_bytes(r, shape->head_bytes);
	if (!head)
		return 0;
	struct reader time = reader_of(head, 8);
	teltonika_elements_skip(r, shape->layout);
	return r->bad || reader_be(&time, 8) >= TIME_END_MS ? 0 : left - r->left;
}

// Finds the lengths of the records. Returns false if the last one does not end where the packet does.
static bool measure(const struct teltonika_packet *packet, const struct shape *shape,
	uint16_t lens[RECORDS_MOST])
{
	struct reader r = teltonika_packet_content(packet);
	for (unsigned i = 0; i < packet->count; i++) {
		lens[i] = (uint16_t)skip_record(&r, shape);
		if (lens[i] == 0)
			return false;
	}
	return teltonika_packet_ends(packet, &r);
}

// Reads the place, whose bytes begin with the longitude.
static void read_place(struct report *report, struct reader r)
{
	const int32_t lon_e7 = (int32_t)reader_be32(&r), lat_e7 = (int32_t)reader_be32(&r);
	const int altitude_m = (int16_t)reader_be16(&r);
	const unsigned angle = reader_be16(&r), satellites = reader_u8(&r);
	const unsigned speed_kmh = reader_be16(&r);
	if (!teltonika_packet_place(report, lat_e7, lon_e7, (int)satellites))
		return;
	report_set_altitude(report, altitude_m * 100);
	report_set_course(report, angle * INT64_C(100));
	report_set_speed(report, speed_kmh * INT64_C(100));
}

// Sets the event to a decimal number.
static bool set_event(const struct teltonika_packet *packet, struct report *report, unsigned event)
{
	report->event = (struct text){"0", 1};
	if (event == 0)
		return true;
	char *text = (char *)decoded_arena(packet->out, EVENT_MOST);
	if (!text)
		return false;
	report->event = (struct text){text, (size_t)(decimal_write(text, event) - text)};
	return true;
}

// Decodes one record, which fits. Returns false if there is no room for it.
static bool read_record(const struct teltonika_packet *packet, const struct shape *shape,
	const uint8_t *data, size_t len)
{
	struct report *report = teltonika_packet_report(packet, data, len);
	struct reader r = reader_of(data, len);
	const int64_t time_us = (int64_t)reader_be(&r, 8) * 1000;
	const unsigned priority = reader_u8(&r);
	reader_bytes(&r, 15); // the place
	const unsigned event = teltonika_elements_number(&r, shape->event_bytes);
	const unsigned generation = shape->has_generation ? reader_u8(&r) : 0;
	if (!report || !set_event(packet, report, event))
		return false;
	report_set_time(report, time_us);
	read_place(report, reader_of(data + PLACE_AT, 15));
	struct teltonika_io io = {
		.session = packet->session,
		.out = packet->out,
		.report = report,
		.elements = teltonika_elements_of(
			shape->layout, data + shape->head_bytes, len - shape->head_bytes),
		.event = event,
		.time_us = time_us,
	};
	struct teltonika_extra extra = {packet->out, report};
	teltonika_io_columns(&io);
	teltonika_io_cells(&io, &extra);
	if (priority > 0)
		teltonika_extra_int(&extra, "priority", priority);
	if (shape->has_generation)
		teltonika_extra_int(&extra, "generation", generation);
	teltonika_io_others(&io, &extra);
	return true;
}

enum decode_status teltonika_record_decode(const struct teltonika_packet *packet)
{
	uint16_t lens[RECORDS_MOST];
	struct shape shape = shape_of(packet->codec);
	bool ok = measure(packet, &shape, lens);
	if (!ok) { // rare old firmware
		shape.layout.groups |= TELTONIKA_GROUP_16;
		ok = measure(packet, &shape, lens);
	}
	if (!ok)
		return DECODE_BAD_LENGTH;
	const uint8_t *data = packet->body + 2;
	for (unsigned i = 0; i < packet->count; data += lens[i++])
		if (!read_record(packet, &shape, data, lens[i]))
			return teltonika_packet_overflow(packet);
	return DECODE_OK;
}
