// SPDX-License-Identifier: MIT
// The blocks of GT06 messages, from the makers' manuals:
//
//   GPS     yy mm dd hh mm ss | satellites | lat u32 | lon u32 | speed km/h | course word u16
//   CELL    MCC u16 | MNC u8, or u16 if bit 15 of the MCC is set | LAC u16 | CID u24  (4G: u32, u64)
//   STATUS  info | battery level | GSM level | alarm | language
//
//   course word: 9..0 course, 10 north, 11 west, 12 valid, 13 differential, 14 "15 is ACC", 15 ACC
//   info:        0 armed, 1 ignition, 2 charging, 5..3 alarm, 6 GPS fix, 7 engine blocked
#include "decoders/gt06/gt06_block.h"
#include "decoders/gt06/gt06_alarm.h"
#include "util/decimal.h"
#include "util/hex.h"

#define GPS_SIZE   18
#define PLACE_SIZE 12         /* without the time */
#define LAT_MOST   162000000u /* 90 degrees */
#define LON_MOST   324000000u

#define SATELLITES_MOST 60

// GPS -------------------------------------------------------------------------

struct gps {
	int64_t time_us;
	bool no_time;
	uint8_t satellites, speed;
	uint16_t course;
	uint32_t lat, lon;
};

static bool is_valid(uint16_t course)
{
	return course >> 12 & 1;
}

static bool is_on_earth(uint32_t lat, uint32_t lon)
{
	return lat <= LAT_MOST && lon <= LON_MOST;
}

// Returns the name of the first field that is out of range, or NULL.
static const char *read_gps(struct reader *r, struct gps *gps)
{
	bool has_time = gt06_frame_read_time(r, &gps->time_us, &gps->no_time);
	gps->satellites = reader_u8(r) & 15; // the high nibble is the length of the block
	gps->lat = reader_be32(r);
	gps->lon = reader_be32(r);
	gps->speed = reader_u8(r);
	gps->course = reader_be16(r);
	if (!has_time)
		return "time";
	if (is_valid(gps->course) && !is_on_earth(gps->lat, gps->lon))
		return "position";
	return NULL;
}

bool gt06_block_is_gps(const struct reader *r)
{
	struct reader copy = *r;
	struct gps gps;
	return copy.left >= GPS_SIZE && !read_gps(&copy, &gps) && is_on_earth(gps.lat, gps.lon);
}

bool gt06_block_is_place(const struct reader *r)
{
	struct reader copy = *r;
	if (copy.left < PLACE_SIZE)
		return false;
	reader_u8(&copy);
	uint32_t lat = reader_be32(&copy), lon = reader_be32(&copy);
	return is_on_earth(lat, lon);
}

bool gt06_block_set_position(
	struct gt06_frame *f, uint32_t lat, uint32_t lon, uint16_t course, int64_t speed_e2)
{
	struct report *report = f->report;
	bool north = course >> 10 & 1, west = course >> 11 & 1;
	if (!is_on_earth(lat, lon))
		return !is_valid(course);
	if (course >> 14 & 1)
		report_set_ignition(report, course >> 15 & 1);
	// Without a fix, zeros are no position, and neither is a position without a time.
	if (!is_valid(course) && ((lat == 0 && lon == 0) || !f->has_clock))
		return true;
	// 1/1800000 degree to 1e-7: times 50/9, rounded.
	int64_t lat_e7 = ((int64_t)lat * 100 + 9) / 18, lon_e7 = ((int64_t)lon * 100 + 9) / 18;
	report_set_fix(report, north ? lat_e7 : -lat_e7, west ? -lon_e7 : lon_e7, is_valid(course));
	report_set_course(report, (course & 1023) * INT64_C(100));
	if (speed_e2 >= 0)
		report_set_speed(report, speed_e2);
	if (course >> 13 & 1)
		extra_bool(f->out, report, "differential", true);
	return true;
}

enum decode_status gt06_block_begin_gps(struct gt06_frame *f, struct reader *r)
{
	struct gps gps;
	if (r->left < GPS_SIZE)
		return DECODE_BAD_LENGTH;
	const char *wrong = read_gps(r, &gps);
	if (wrong && is_valid(gps.course)) {
		f->out->detail = wrong;
		return DECODE_BAD_VALUE;
	}
	// Before its first fix a tracker may have no valid time or position either; its status is still useful. But
	// the bytes may be of another layout: they give no satellites and no ignition.
	gt06_frame_begin(f, -1);
	f->has_clock = !wrong && !gps.no_time;
	f->clock_us = gps.time_us;
	if (wrong || !is_on_earth(gps.lat, gps.lon))
		return DECODE_OK;
	report_set_satellites(f->report, gps.satellites);
	gt06_block_set_position(f, gps.lat, gps.lon, gps.course, gps.speed * INT64_C(100));
	return DECODE_OK;
}

bool gt06_block_set_satellites(struct gt06_frame *f, uint64_t count)
{
	return count <= SATELLITES_MOST && report_set_satellites(f->report, (int64_t)count);
}

bool gt06_block_read_place(struct gt06_frame *f, struct reader *r)
{
	report_set_satellites(f->report, reader_u8(r) & 15);
	uint32_t lat = reader_be32(r), lon = reader_be32(r);
	uint8_t speed = reader_u8(r);
	return gt06_block_set_position(f, lat, lon, reader_be16(r), speed * INT64_C(100));
}

// Cells -----------------------------------------------------------------------

struct cell {
	unsigned mcc, mnc;
	uint64_t lac, cid;
};

static void set_network(struct gt06_frame *f, unsigned mcc, unsigned mnc)
{
	extra_int(f->out, f->report, "mcc", mcc);
	extra_int(f->out, f->report, "mnc", mnc);
}

static void set_cell(struct gt06_frame *f, const struct cell *cell)
{
	extra_int(f->out, f->report, "lac", (int64_t)cell->lac);
	extra_int(f->out, f->report, "cid", (int64_t)(cell->cid & INT64_MAX));
}

bool gt06_block_is_network(unsigned mcc, unsigned mnc)
{
	if ((mcc >= 200 && mcc <= 799) || mcc == 901)
		return mnc <= 999;
	return mcc == 0 && mnc == 0;
}

// Reads a cell. Returns false if bytes are missing or the network is impossible. Then *r is undefined.
static inline __attribute__((always_inline)) bool parse_cell(
	struct reader *r, struct gt06_widths widths, struct cell *cell)
{
	const unsigned mcc = reader_be16(r);
	const size_t mnc_size = widths.mnc ? widths.mnc : mcc >> 15 ? 2 : 1;
	cell->mcc = mcc & 0x7FFF;
	cell->mnc = (unsigned)reader_be(r, mnc_size);
	cell->lac = reader_be(r, widths.lac);
	cell->cid = reader_be(r, widths.cid);
	return !r->bad && !(mcc >> 15 && mnc_size == 1) &&
	       gt06_block_is_network(cell->mcc, cell->mnc);
}

bool gt06_block_read_cell(struct gt06_frame *f, struct reader *r, struct gt06_widths widths)
{
	struct reader rest = *r;
	struct cell cell;
	if (!parse_cell(&rest, widths, &cell))
		return false;
	*r = rest;
	if ((cell.mcc | cell.lac | cell.cid) == 0)
		return true;
	set_network(f, cell.mcc, cell.mnc);
	set_cell(f, &cell);
	return true;
}

bool gt06_block_is_cell(const struct reader *r, struct gt06_widths widths)
{
	struct reader copy = *r;
	struct cell cell;
	return parse_cell(&copy, widths, &cell);
}

struct gt06_widths gt06_block_widths_of(const uint8_t *cell, size_t size)
{
	if (size == 8)
		return (struct gt06_widths){1, 2, 3};
	if (size == 9)
		return cell[0] >> 7 ? GT06_CELL_2G : GT06_CELL_CID4;
	if (size == 10)
		return GT06_CELL_WIDE;
	return GT06_CELL_4G;
}

bool gt06_block_is_sized_cell(const struct reader *r, size_t size)
{
	if (size < 8 || size > r->left || (size == 15 && r->at[0] >> 7))
		return false;
	return gt06_block_is_cell(r, gt06_block_widths_of(r->at, size));
}

bool gt06_block_read_sized_cell(struct gt06_frame *f, struct reader *r, size_t size)
{
	const uint8_t *bytes = reader_bytes(r, size);
	if (!bytes || size < 8)
		return false;
	struct reader cell = reader_of(bytes, size);
	if (gt06_block_read_cell(f, &cell, gt06_block_widths_of(bytes, size)))
		return true;
	gt06_frame_keep(f, &cell, "cell");
	return false;
}

bool gt06_block_read_radio_cell(struct gt06_frame *f, struct reader *r)
{
	struct reader cell = *r;
	const uint8_t radio = reader_u8(&cell);
	bool is_4g = radio >= 3;
	size_t rssi_size = is_4g ? 2 : 1;
	struct gt06_widths widths = is_4g ? GT06_CELL_4G : GT06_CELL_2G;
	if (!gt06_block_is_cell(&cell, widths))
		return false;
	struct reader rest = cell;
	reader_bytes(
		&rest, 2 + (size_t)(cell.at[0] >> 7 ? 2 : 1) + widths.lac + widths.cid + rssi_size);
	if (rest.bad)
		return false;
	extra_int(f->out, f->report, "radio", radio);
	gt06_block_read_cell(f, &cell, widths);
	extra_int(f->out, f->report, "rssi", (int64_t)reader_be(&cell, rssi_size));
	*r = cell;
	return true;
}

// A list as text: items separated by ';', as many as fit.
#define ITEM_MOST 64
struct line {
	char text[1536];
	char *end;
};

// Adds a separator if needed. Returns false if another item might not fit.
static bool line_next(struct line *line)
{
	if (line->text + sizeof line->text - line->end < ITEM_MOST)
		return false;
	if (line->end > line->text)
		*line->end++ = ';';
	return true;
}

static void line_rssi(struct line *line, uint8_t rssi)
{
	*line->end++ = ',';
	if (rssi > 0)
		*line->end++ = '-';
	line->end = decimal_write(line->end, rssi);
}

static void line_keep(struct gt06_frame *f, const char *name, const struct line *line)
{
	const size_t len = (size_t)(line->end - line->text);
	if (len > 0)
		extra_text(f->out, f->report, name, line->text, len);
}

static void line_cell(struct line *line, const struct cell *cell, uint8_t rssi)
{
	if (!line_next(line))
		return;
	line->end = decimal_write(line->end, cell->lac);
	*line->end++ = ',';
	line->end = decimal_write(line->end, cell->cid);
	line_rssi(line, rssi);
}

static void read_cells(struct gt06_frame *f, struct reader *r, struct cell cell,
	struct gt06_widths widths, size_t count, bool has_serving)
{
	struct line line;
	line.end = line.text;
	for (size_t i = 0; i < count; i++) {
		cell.lac = reader_be(r, widths.lac);
		cell.cid = reader_be(r, widths.cid);
		uint8_t rssi = reader_u8(r);
		if (r->bad)
			break;
		if (cell.lac == 0 && cell.cid == 0)
			continue;
		if (has_serving) {
			set_network(f, cell.mcc, cell.mnc);
			set_cell(f, &cell);
			extra_int(f->out, f->report, "rssi", -rssi);
			has_serving = false;
		} else {
			line_cell(&line, &cell, rssi);
		}
	}
	line_keep(f, "cells", &line);
}

void gt06_block_read_cells(struct gt06_frame *f, struct reader *r, unsigned mcc, unsigned mnc,
	struct gt06_widths widths, size_t count)
{
	read_cells(f, r, (struct cell){mcc, mnc, 0, 0}, widths, count, true);
}

void gt06_block_read_neighbours(struct gt06_frame *f, struct reader *r, size_t count)
{
	read_cells(f, r, (struct cell){0}, GT06_CELL_2G, count, false);
}

void gt06_block_read_wifi(struct gt06_frame *f, struct reader *r, size_t count)
{
	struct line line;
	line.end = line.text;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *mac = reader_bytes(r, 6);
		uint8_t rssi = reader_u8(r);
		if (r->bad || !mac)
			break;
		if (!line_next(&line))
			continue;
		line.end = hex_write(line.end, mac, 6);
		line_rssi(&line, rssi);
	}
	line_keep(f, "wifi", &line);
}

void gt06_block_read_macs(struct gt06_frame *f, struct reader *r, size_t count)
{
	struct line line;
	line.end = line.text;
	for (size_t i = 0; i < count; i++) {
		reader_be16(r);
		const uint8_t *mac = reader_bytes(r, 6);
		if (mac && line_next(&line))
			line.end = hex_write(line.end, mac, 6);
	}
	line_keep(f, "wifi", &line);
}

void gt06_block_read_upload(struct gt06_frame *f, struct reader *r)
{
	report_set_ignition(f->report, reader_u8(r) != 0);
	extra_int(f->out, f->report, "reason", reader_u8(r));
	f->buffered = reader_u8(r) == 1;
}

// Status ----------------------------------------------------------------------

void gt06_block_set_info_low(struct gt06_frame *f, uint8_t info)
{
	report_set_ignition(f->report, info >> 1 & 1);
	extra_bool(f->out, f->report, "armed", info & 1);
	extra_bool(f->out, f->report, "charging", info >> 2 & 1);
}

void gt06_block_set_info(struct gt06_frame *f, uint8_t info)
{
	gt06_block_set_info_low(f, info);
	extra_bool(f->out, f->report, "gps_fix", info >> 6 & 1);
	report_set_outputs(f->report, info >> 7); // output 1 is the relay that blocks the engine
}

void gt06_block_set_level(struct gt06_frame *f, unsigned level)
{
	if (level <= 100)
		report_set_battery_percent(f->report, level <= 6 ? level * 100 / 6 : level);
}

void gt06_block_set_gsm(struct gt06_frame *f, unsigned level)
{
	if (level <= 4)
		report_set_gsm_percent(f->report, level * 25);
	else
		extra_int(f->out, f->report, "gsm", level);
}

bool gt06_block_is_status(const uint8_t *status)
{
	return status[1] <= 100 && status[2] <= 4 && (status[4] & 15) <= 2;
}

void gt06_block_set_alarm(struct gt06_frame *f, uint8_t info, unsigned code)
{
	// Without a code or alarm bits no variant matters.
	enum gt06_variant variant = code || info >> 3 & 7 ? gt06_frame_variant(f) : GT06_PLAIN;
	enum alarm alarm;
	if (code == 0xFE || code == 0xFF)
		report_set_ignition(f->report, code == 0xFE);
	if (code)
		extra_int(f->out, f->report, "alarm", code);
	if (code && gt06_alarm_of_code(code, variant, &alarm))
		report_add_alarm(f->report, alarm);
	if (gt06_alarm_of_info(info, variant, &alarm))
		report_add_alarm(f->report, alarm);
}

// Returns true if the high nibble of the language holds bits 11..8 of the alarm code.
static bool has_long_alarm(uint8_t type)
{
	return type == 0x27 || type == 0xA4 || type == 0x39 || type == 0xA9;
}

void gt06_block_read_status(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = 0, language = 0;
	unsigned code = 0;
	if (r->left > 0) {
		info = reader_u8(r);
		gt06_block_set_info(f, info);
	}
	if (r->left > 0)
		gt06_block_set_level(f, reader_u8(r));
	if (r->left > 0)
		gt06_block_set_gsm(f, reader_u8(r));
	if (r->left > 0)
		code = reader_u8(r);
	if (r->left > 0)
		language = reader_u8(r);
	if (has_long_alarm(f->type))
		code |= (language & 0xF0u) << 4;
	gt06_block_set_alarm(f, info, code);
}
