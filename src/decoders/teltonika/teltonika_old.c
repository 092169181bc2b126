// SPDX-License-Identifier: MIT
// A record of codec 7 (GH3000). Source: the maker's "Data sending protocols".
//
//   time u32, bits 31..30 kind, 29..0 seconds since 2007 | mask | [GPS] | [elements]
//
//   mask   01 GPS; elements of 02 one byte, 04 two bytes, 08 four bytes
//   GPS    mask | 01 latitude f32, longitude f32 | 02 altitude u16 | 04 course u8, 360/256 degrees | 08 speed u8, km/h
//          10 satellites u8 | 20 LAC u16, cell id u16 | 40 RSSI u8, of unknown scale | 80 operator u32: MCC, MNC
//
// The elements' ids are not those of the other codecs, and may have any width.
#include "decoders/teltonika/teltonika_old.h"
#include "decoders/teltonika/teltonika_io.h"

#include <string.h>

#define SINCE_S INT64_C(1167609600) /* 2007-01-01 */

static struct teltonika_layout layout_of(unsigned mask)
{
	return (struct teltonika_layout){1, 1, (uint8_t)(mask >> 1 & 7)};
}

// Returns the bytes of a GPS block after its mask.
static size_t gps_len(unsigned mask)
{
	static const uint8_t lens[8] = {8, 2, 1, 1, 1, 4, 1, 4};
	size_t len = 0;
	for (unsigned bit = 0; bit < 8; bit++)
		len += mask >> bit & 1 ? lens[bit] : 0;
	return len;
}

static void skip_record(struct reader *r)
{
	reader_bytes(r, 4);
	const unsigned mask = reader_u8(r);
	if (mask & 1)
		reader_bytes(r, gps_len(reader_u8(r)));
	teltonika_elements_skip(r, layout_of(mask));
}

// Reads degrees as 1e-7 degrees, rounded half away from zero. What is no number, or beyond any angle, becomes INT32_MAX.
static int64_t read_degrees(struct reader *r)
{
	const uint32_t bits = reader_be32(r);
	float degrees;
	memcpy(&degrees, &bits, sizeof degrees);
	if (!(degrees > -200 && degrees < 200))
		return INT32_MAX;
	const double e7 = (double)degrees * 1e7; // exact: 48 bits
	return (int64_t)(e7 < 0 ? e7 - 0.5 : e7 + 0.5);
}

// Adds what the GPS block has of the network.
static void read_network(struct reader *r, unsigned mask, struct teltonika_extra *extra)
{
	const unsigned lac = mask & 0x20 ? reader_be16(r) : 0,
		       cid = mask & 0x20 ? reader_be16(r) : 0;
	const unsigned rssi = mask & 0x40 ? reader_u8(r) : 0;
	const uint32_t network = mask & 0x80 ? reader_be32(r) : 0;
	if (mask & 0x80 && teltonika_io_is_network(network))
		teltonika_io_network(extra, network);
	else if (mask & 0x80)
		teltonika_extra_int(extra, "io241", network);
	if (mask & 0x20) {
		teltonika_extra_int(extra, "lac", lac);
		teltonika_extra_int(extra, "cid", cid);
	}
	if (mask & 0x40)
		teltonika_extra_int(extra, "gsm", rssi);
}

static void read_gps(struct reader *r, struct report *report, struct teltonika_extra *extra)
{
	const unsigned mask = reader_u8(r);
	const int64_t lat_e7 = mask & 1 ? read_degrees(r) : 0,
		      lon_e7 = mask & 1 ? read_degrees(r) : 0;
	const int altitude_m = mask & 2 ? (int)reader_be16(r) : -1;
	const int course = mask & 4 ? (int)reader_u8(r) : -1;
	const int speed_kmh = mask & 8 ? (int)reader_u8(r) : -1;
	const int satellites = mask & 16 ? (int)reader_u8(r) : -1;
	bool has_place = true; // without coordinates the other values count
	if (mask & 1)
		has_place = teltonika_packet_place(report, lat_e7, lon_e7, satellites);
	else
		teltonika_packet_set_satellites(report, satellites);
	if (has_place && altitude_m >= 0)
		report_set_altitude(report, altitude_m * 100);
	if (has_place && course >= 0)
		report_set_course(report, (course * 36000 + 128) / 256);
	if (has_place && speed_kmh >= 0)
		report_set_speed(report, speed_kmh * 100);
	read_network(r, mask, extra);
}

// Sets the column or alarm of an element. Returns false if it has none. An id may come in two widths: what is out of range leaves
// the column as it is.
static bool set_column(struct report *report, const struct teltonika_element *e)
{
	const int64_t value = (int64_t)e->value;
	switch (e->id) {
	case 1:
		return value <= 100 && report_set_battery_percent(report, value);
	case 20:
		return value <= 999 && report_set_hdop(report, value * 10);
	case 67:
		return value <= 100000 && report_set_battery_mv(report, value);
	case 222:
		if (value == 1)
			report_add_alarm(report, ALARM_SOS);
		return value == 1;
	default:
		return false;
	}
}

static bool read_record(const struct teltonika_packet *packet, const uint8_t *data, size_t len)
{
	struct report *report = teltonika_packet_report(packet, data, len);
	struct reader r = reader_of(data, len);
	if (!report)
		return false;
	struct teltonika_extra extra = {packet->out, report};
	report->event = (struct text){"0", 1};
	report_set_time(report, ((reader_be32(&r) & 0x3FFFFFFF) + SINCE_S) * 1000000);
	const unsigned mask = reader_u8(&r);
	if (mask & 1)
		read_gps(&r, report, &extra);
	struct teltonika_elements elements = teltonika_elements_of(layout_of(mask), r.at, r.left);
	struct teltonika_element e;
	while (teltonika_elements_next(&elements, &e))
		if (!set_column(report, &e))
			teltonika_extra_int(&extra, teltonika_extra_name("io", e.id, "").text,
				(int64_t)e.value);
	return true;
}

enum decode_status teltonika_old_decode(const struct teltonika_packet *packet)
{
	struct reader r = teltonika_packet_content(packet);
	for (unsigned i = 0; i < packet->count; i++)
		skip_record(&r);
	if (!teltonika_packet_ends(packet, &r))
		return DECODE_BAD_LENGTH;
	r = teltonika_packet_content(packet);
	for (unsigned i = 0; i < packet->count; i++) {
		const uint8_t *data = r.at;
		skip_record(&r);
		if (!read_record(packet, data, (size_t)(r.at - data)))
			return teltonika_packet_overflow(packet);
	}
	return DECODE_OK;
}
