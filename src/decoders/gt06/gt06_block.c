// SPDX-License-Identifier: MIT
// The blocks GT06 messages are made of, each turned into fields of the report:
//
//   GPS     yy mm dd hh mm ss | satellites | lat u32 | lon u32 | speed | course word u16
//   CELL    MCC u16 | MNC u8, u16 if bit 15 of the MCC is set | LAC u16 | CID u24    (4G: u32, u64)
//   STATUS  info | battery level | GSM level | alarm | language
//
//   course word: 9..0 course, 10 north, 11 west, 12 valid, 13 differential, 14 "15 is ACC", 15 ACC
//   info:        0 armed, 1 ignition, 2 charging, 5..3 alarm, 6 GPS fix, 7 engine blocked
#include "decoders/gt06/gt06.h"
#include "util/text.h"

#include <assert.h>
#include <string.h>

#define EVENT_ROOM 8
#define GPS_SIZE   18
#define LAT_MOST   162000000u /* 90 degrees */
#define LON_MOST   324000000u
#define MINUTE_US  INT64_C(60000000)
#define KEEP_MOST  1024 /* bytes kept as hex: the whole frame is there in raw */

const struct gt06_widths gt06_cell_2g = {0, 2, 3}, gt06_cell_4g = {0, 4, 8};
const struct gt06_widths gt06_cell_wide = {2, 2, 4}, gt06_cell_cid4 = {1, 2, 4};

static const char upper_digits[] = "0123456789ABCDEF";
static const char lower_digits[] = "0123456789abcdef";

void gt06_begin(struct gt06_frame *f, int sub)
{
	f->report = decoded_report(f->out, f->session);
	assert(f->report && DECODED_ARENA - f->out->arena_len >= EVENT_ROOM + DRIVER_MAX);
	// Event and driver lie in the arena ahead of the extra members, which must be its end.
	char *event = f->out->arena + f->out->arena_len;
	f->driver = event + EVENT_ROOM;
	f->out->arena_len += EVENT_ROOM + DRIVER_MAX;
	event[0] = upper_digits[f->type >> 4];
	event[1] = upper_digits[f->type & 15];
	event[2] = '/';
	event[3] = upper_digits[sub >> 4 & 15];
	event[4] = upper_digits[sub & 15];
	f->report->event = (struct text){event, sub < 0 ? 2 : 5};
}

// New firmware sends UTC, older the local time that it announced at log-in: a live record tells by
// which of the two is nearer to its receipt, a buffered one goes with the live ones before it.
static int64_t find_zone(struct gt06_frame *f)
{
	int64_t zone_min = f->memo.zone_min;
	if (f->clock_is_utc || zone_min == 0)
		return 0;
	if (f->buffered)
		return f->memo.used_min;
	int64_t as_utc = f->session->received_us - f->clock_us;
	int64_t as_local = as_utc + zone_min * MINUTE_US;
	if ((as_utc < 0 ? -as_utc : as_utc) <= (as_local < 0 ? -as_local : as_local))
		zone_min = 0;
	f->memo.used_min = (int16_t)zone_min;
	return zone_min;
}

void gt06_finish(struct gt06_frame *f)
{
	f->report->key = f->key;
	f->report->raw = f->raw;
	if (f->buffered)
		f->report->body.flags |= FLAG_STORED;
	if (!f->has_clock)
		return;
	int64_t zone_min = find_zone(f);
	report_set_time(f->report, f->clock_us - zone_min * MINUTE_US);
	if (zone_min)
		extra_int(f->out, f->report, "time_zone_min", zone_min);
}

bool gt06_read_time(struct reader *r, int64_t *time_us, bool *absent)
{
	const uint8_t *t = reader_bytes(r, 6);
	if (!t)
		return false;
	*absent = !(t[0] | t[1] | t[2] | t[3] | t[4] | t[5]);
	*time_us = 0;
	return *absent || text_make_time(2000 + t[0], t[1], t[2], t[3], t[4], t[5], 0, time_us);
}

void gt06_set_clock(struct gt06_frame *f, struct reader *r)
{
	bool absent;
	f->has_clock = gt06_read_time(r, &f->clock_us, &absent) && !absent;
}

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

// NULL, or the field that is wrong.
static const char *read_gps(struct reader *r, struct gps *gps)
{
	bool has_time = gt06_read_time(r, &gps->time_us, &gps->no_time);
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

bool gt06_gps_is_sound(const struct reader *r)
{
	struct reader copy = *r;
	struct gps gps;
	return copy.left >= GPS_SIZE && !read_gps(&copy, &gps) && is_on_earth(gps.lat, gps.lon);
}

bool gt06_set_position(
	struct gt06_frame *f, uint32_t lat, uint32_t lon, uint16_t course, int64_t speed_e2)
{
	struct report *report = f->report;
	bool north = course >> 10 & 1, west = course >> 11 & 1;
	if (course >> 14 & 1)
		report_set_ignition(report, course >> 15 & 1);
	if (!is_on_earth(lat, lon))
		return !is_valid(course);
	// Without a fix, zeros are no place; with a time of none it is no position either.
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

enum decode_status gt06_begin_gps(struct gt06_frame *f, struct reader *r)
{
	struct gps gps;
	if (r->left < GPS_SIZE)
		return DECODE_BAD_LENGTH;
	const char *wrong = read_gps(r, &gps);
	if (wrong && is_valid(gps.course)) {
		f->out->detail = wrong;
		return DECODE_BAD_VALUE;
	}
	// Before its first fix a tracker may have no clock either; its status counts all the same.
	gt06_begin(f, -1);
	f->has_clock = !wrong && !gps.no_time;
	f->clock_us = gps.time_us;
	report_set_satellites(f->report, gps.satellites);
	gt06_set_position(f, gps.lat, gps.lon, gps.course, gps.speed * INT64_C(100));
	return DECODE_OK;
}

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

bool gt06_read_cell(struct gt06_frame *f, struct reader *r, struct gt06_widths widths)
{
	unsigned mcc = reader_be16(r);
	size_t mnc_size = widths.mnc ? widths.mnc : mcc >> 15 ? 2 : 1;
	struct cell cell = {mcc & 0x7FFF, (unsigned)reader_be(r, mnc_size), 0, 0};
	cell.lac = reader_be(r, widths.lac);
	cell.cid = reader_be(r, widths.cid);
	if (r->bad || (cell.mcc | cell.lac | cell.cid) == 0)
		return !r->bad;
	set_network(f, cell.mcc, cell.mnc);
	set_cell(f, &cell);
	return true;
}

bool gt06_read_sized_cell(struct gt06_frame *f, struct reader *r, size_t size)
{
	const uint8_t *bytes = reader_bytes(r, size);
	if (!bytes || size < 8)
		return false;
	struct reader cell = reader_of(bytes, size);
	bool long_mnc = bytes[0] >> 7;
	if (size == 8)
		return gt06_read_cell(f, &cell, (struct gt06_widths){1, 2, 3});
	if (size == 9)
		return gt06_read_cell(f, &cell, long_mnc ? gt06_cell_2g : gt06_cell_cid4);
	if (size == 10)
		return gt06_read_cell(f, &cell, gt06_cell_wide);
	return gt06_read_cell(f, &cell, gt06_cell_4g);
}

// Text of a list, one item after another while there is room.
struct line {
	size_t len;
	char text[1536];
};
#define ITEM_MOST 64

static void line_char(struct line *line, char c)
{
	line->text[line->len++] = c;
}

static void line_uint(struct line *line, uint64_t value)
{
	char digits[20];
	size_t len = 0;
	do
		digits[len++] = (char)('0' + value % 10);
	while (value /= 10);
	while (len > 0)
		line_char(line, digits[--len]);
}

// Room for one more item, behind a separator.
static bool line_next(struct line *line)
{
	if (sizeof line->text - line->len < ITEM_MOST)
		return false;
	if (line->len > 0)
		line_char(line, ';');
	return true;
}

static void line_rssi(struct line *line, uint8_t rssi)
{
	line_char(line, ',');
	if (rssi > 0)
		line_char(line, '-');
	line_uint(line, rssi);
}

void gt06_read_cells(struct gt06_frame *f, struct reader *r, unsigned mcc, unsigned mnc,
	struct gt06_widths widths, size_t count)
{
	struct line line = {0};
	bool first = true;
	for (size_t i = 0; i < count; i++) {
		struct cell cell = {mcc, mnc, reader_be(r, widths.lac), reader_be(r, widths.cid)};
		uint8_t rssi = reader_u8(r);
		if (r->bad)
			break;
		if (cell.lac == 0 && cell.cid == 0)
			continue;
		if (first) {
			set_network(f, mcc, mnc);
			set_cell(f, &cell);
			extra_int(f->out, f->report, "rssi", -rssi);
		} else if (line_next(&line)) {
			line_uint(&line, cell.lac);
			line_char(&line, ',');
			line_uint(&line, cell.cid);
			line_rssi(&line, rssi);
		}
		first = false;
	}
	if (line.len > 0)
		extra_text(f->out, f->report, "cells", line.text, line.len);
}

void gt06_read_wifi(struct gt06_frame *f, struct reader *r, size_t count)
{
	struct line line = {0};
	for (size_t i = 0; i < count; i++) {
		const uint8_t *mac = reader_bytes(r, 6);
		uint8_t rssi = reader_u8(r);
		if (r->bad || !mac)
			break;
		if (!line_next(&line))
			continue;
		for (size_t n = 0; n < 6; n++) {
			line_char(&line, lower_digits[mac[n] >> 4]);
			line_char(&line, lower_digits[mac[n] & 15]);
		}
		line_rssi(&line, rssi);
	}
	if (line.len > 0)
		extra_text(f->out, f->report, "wifi", line.text, line.len);
}

void gt06_set_info_low(struct gt06_frame *f, uint8_t info)
{
	report_set_ignition(f->report, info >> 1 & 1);
	extra_bool(f->out, f->report, "armed", info & 1);
	extra_bool(f->out, f->report, "charging", info >> 2 & 1);
}

void gt06_set_info(struct gt06_frame *f, uint8_t info)
{
	gt06_set_info_low(f, info);
	extra_bool(f->out, f->report, "gps_fix", info >> 6 & 1);
	report_set_outputs(f->report, info >> 7); // output 1 is the relay that blocks the engine
}

void gt06_set_level(struct gt06_frame *f, unsigned level)
{
	if (level <= 100)
		report_set_battery_percent(f->report, level <= 6 ? level * 100 / 6 : level);
}

void gt06_set_gsm(struct gt06_frame *f, unsigned level)
{
	if (level <= 4)
		report_set_gsm_percent(f->report, level * 25);
	else
		extra_int(f->out, f->report, "gsm", level);
}

void gt06_set_alarm(struct gt06_frame *f, uint8_t info, unsigned code)
{
	enum gt06_variant variant = (enum gt06_variant)f->memo.variant;
	enum alarm alarm;
	if (code == 0xFE || code == 0xFF)
		report_set_ignition(f->report, code == 0xFE);
	if (code)
		extra_int(f->out, f->report, "alarm", code);
	if (gt06_alarm_of_code(code, variant, &alarm) || gt06_alarm_of_info(info, variant, &alarm))
		report_add_alarm(f->report, alarm);
}

// The high nibble of the language goes above the alarm byte in these messages only.
static bool has_long_alarm(uint8_t type)
{
	return type == 0x27 || type == 0xA4 || type == 0x39 || type == 0xA9;
}

void gt06_read_status(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = 0, language = 0;
	unsigned code = 0;
	if (r->left > 0) {
		info = reader_u8(r);
		gt06_set_info(f, info);
	}
	if (r->left > 0)
		gt06_set_level(f, reader_u8(r));
	if (r->left > 0)
		gt06_set_gsm(f, reader_u8(r));
	if (r->left > 0)
		code = reader_u8(r);
	if (r->left > 0)
		language = reader_u8(r);
	if (has_long_alarm(f->type))
		code |= (language & 0xF0u) << 4;
	gt06_set_alarm(f, info, code);
}

bool gt06_is_printable(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] < 0x20 || data[i] > 0x7E)
			return false;
	}
	return len > 0;
}

void gt06_set_driver_hex(struct gt06_frame *f, const uint8_t *data, size_t len)
{
	if (len == 0 || len > DRIVER_MAX / 2)
		return;
	for (size_t i = 0; i < len; i++) {
		f->driver[2 * i] = lower_digits[data[i] >> 4];
		f->driver[2 * i + 1] = lower_digits[data[i] & 15];
	}
	f->report->driver = (struct text){f->driver, 2 * len};
}

void gt06_set_driver(struct gt06_frame *f, const uint8_t *data, size_t len)
{
	while (len > 0 && (data[len - 1] == 0 || data[len - 1] == ' '))
		len--;
	while (len > 0 && (data[0] == 0 || data[0] == ' ')) {
		data++;
		len--;
	}
	if (len > DRIVER_MAX)
		extra_text(f->out, f->report, "driver", data, len);
	else if (!gt06_is_printable(data, len))
		gt06_set_driver_hex(f, data, len);
	else
		f->report->driver = (struct text){memcpy(f->driver, data, len), len};
}

void gt06_keep(struct gt06_frame *f, struct reader *r, const char *name)
{
	size_t len = r->left;
	const uint8_t *bytes = reader_bytes(r, len);
	if (len > 0 && bytes)
		extra_hex(f->out, f->report, name, bytes, len < KEEP_MOST ? len : KEEP_MOST);
}

void gt06_mark_bad_length(struct gt06_frame *f)
{
	extra_bool(f->out, f->report, "length_bad", true);
}

enum decode_status gt06_give_up_tail(struct gt06_frame *f, struct reader *r)
{
	gt06_mark_bad_length(f);
	gt06_keep(f, r, "unknown");
	return DECODE_OK;
}

void gt06_read_mileage(struct gt06_frame *f, struct reader *r)
{
	report_set_odometer(f->report, reader_be32(r));
}

void gt06_read_power(struct gt06_frame *f, struct reader *r)
{
	report_set_power_mv(f->report, reader_be16(r) * INT64_C(10));
}
