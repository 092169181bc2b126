// SPDX-License-Identifier: MIT
// GT06 messages that are lists of numbered items: 36 and 39, 70, F1 and F2. An item whose length
// does not fit its meaning, and one without a known meaning, is kept: "xxxx=hex;...".
#include "decoders/gt06/gt06.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)

// An item's value as an integer of its own length; false when it is none.
static bool take_uint(struct reader value, uint64_t *number)
{
	size_t len = value.left;
	if (len < 1 || len > 8)
		return false;
	*number = reader_be(&value, len);
	return true;
}

struct others {
	size_t len;
	char text[1024];
};

static void put_hex(struct others *others, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		others->text[others->len++] = digits[data[i] >> 4];
		others->text[others->len++] = digits[data[i] & 15];
	}
}

static void keep_item(struct others *others, unsigned id, struct reader value)
{
	const uint8_t id_bytes[2] = {(uint8_t)(id >> 8), (uint8_t)id};
	size_t room = sizeof others->text - others->len;
	if (room < 6 || (room - 6) / 2 < value.left)
		return;
	if (others->len > 0)
		others->text[others->len++] = ';';
	put_hex(others, id_bytes, sizeof id_bytes);
	others->text[others->len++] = '=';
	put_hex(others, value.at, value.left);
}

typedef bool item_reader(struct gt06_frame *f, unsigned id, struct reader value);

// Items of id u16, length of len_size bytes, value, up to the end.
static void read_items(
	struct gt06_frame *f, struct reader *r, size_t len_size, item_reader *read_item)
{
	struct others others = {0};
	while (r->left > 0) {
		unsigned id = reader_be16(r);
		size_t len = (size_t)reader_be(r, len_size);
		const uint8_t *bytes = reader_bytes(r, len);
		if (r->bad || !bytes)
			break;
		struct reader value = reader_of(bytes, len);
		if (!read_item(f, id, value))
			keep_item(&others, id, value);
	}
	if (r->bad)
		gt06_mark_bad_length(f);
	if (others.len > 0)
		extra_text(f->out, f->report, "items", others.text, others.len);
}

// 36, 39 ----------------------------------------------------------------------

static bool read_status_item(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number;
	if (!take_uint(value, &number) || number > UINT32_MAX)
		return false;
	switch (id) {
	case 0x18:
		return report_set_battery_mv(f->report, (int64_t)number * 10);
	case 0x6A:
		return report_set_battery_percent(f->report, (int64_t)number);
	case 0x32:
		extra_int(f->out, f->report, "start_up", (int64_t)number);
		return true;
	default:
		return false;
	}
}

// 39 has GPS, then a cell with its radio type in front (from 3 on: 4G) and rssi before the status.
enum decode_status gt06_read_status_items(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (f->type == 0x39) {
		enum decode_status status = gt06_begin_gps(f, r);
		if (status != DECODE_OK)
			return status;
		uint8_t radio = reader_u8(r);
		if (!gt06_read_cell(f, r, radio >= 3 ? gt06_cell_4g : gt06_cell_2g) || r->left < 6)
			return gt06_give_up_tail(f, r);
		extra_int(f->out, f->report, "rssi", reader_u8(r));
	} else {
		if (r->left < 5)
			return DECODE_BAD_LENGTH;
		gt06_begin(f, -1);
	}
	struct reader status_block = reader_of(reader_bytes(r, 5), 5);
	gt06_read_status(f, &status_block);
	read_items(f, r, 1, read_status_item);
	return DECODE_OK;
}

// 70 --------------------------------------------------------------------------

// epoch u32, satellites u8, altitude s16 m, lat, lon, speed u8, course word.
static bool read_item_position(struct gt06_frame *f, struct reader value)
{
	if (value.left < 18)
		return false;
	uint32_t epoch = reader_be32(&value);
	uint8_t satellites = reader_u8(&value);
	int16_t altitude_m = (int16_t)reader_be16(&value);
	uint32_t lat = reader_be32(&value), lon = reader_be32(&value);
	uint8_t speed = reader_u8(&value);
	f->has_clock = epoch > 0;
	f->clock_is_utc = true;
	f->clock_us = epoch * SECOND_US;
	if (!gt06_set_position(f, lat, lon, reader_be16(&value), speed * INT64_C(100)))
		return false;
	report_set_satellites(f->report, satellites);
	if (f->report->body.has & HAS_FIX)
		report_set_altitude(f->report, altitude_m * INT64_C(100));
	return true;
}

static bool read_item_event(struct gt06_frame *f, struct reader value)
{
	enum alarm alarm;
	if (value.left == 0)
		return false;
	uint8_t code = reader_u8(&value);
	extra_int(f->out, f->report, "alarm", code);
	if (gt06_alarm_of_item(code, &alarm))
		report_add_alarm(f->report, alarm);
	gt06_keep(f, &value, "alarm_data");
	return true;
}

// Other sizes than these might be another order of members: they stay hex.
static bool read_item_cell(struct gt06_frame *f, struct reader value)
{
	size_t len = value.left;
	return (len == 8 || len == 9 || len == 15 || len == 16) &&
	       gt06_read_sized_cell(f, &value, len);
}

static bool read_item_70(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number = 0;
	bool is_uint = take_uint(value, &number) && number <= UINT32_MAX;
	switch (id) {
	case 0x03:
		extra_hex(f->out, f->report, "iccid", value.at, value.left);
		return true;
	case 0x09:
		return is_uint && report_set_satellites(f->report, (int64_t)number);
	case 0x0A:
		if (is_uint)
			extra_int(f->out, f->report, "satellites_visible", (int64_t)number);
		return is_uint;
	case 0x11:
		return read_item_cell(f, value);
	case 0x18:
		return is_uint && report_set_battery_mv(f->report, (int64_t)number * 10);
	case 0x28:
		return is_uint && report_set_hdop(f->report, (int64_t)number * 10);
	case 0x2A:
		extra_hex(f->out, f->report, "door_tamper", value.at, value.left);
		return true;
	case 0x2E: // the one little-endian number of this protocol
		return value.left == 4 &&
		       report_set_odometer(f->report, (int64_t)reader_le(&value, 4));
	case 0x33:
		return read_item_position(f, value);
	case 0x34:
		return read_item_event(f, value);
	default:
		return false;
	}
}

enum decode_status gt06_read_items(struct gt06_frame *f)
{
	gt06_begin(f, -1);
	read_items(f, &f->body, 2, read_item_70);
	return DECODE_OK;
}

// F1, F2 ----------------------------------------------------------------------

static bool read_item_f1(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number;
	if (f->type != 0xF1 || !take_uint(value, &number) || number > UINT32_MAX)
		return false;
	switch (id) {
	case 0x01:
		extra_bool(f->out, f->report, "motion", number == 2 || number == 4);
		return true;
	case 0x02:
		extra_bool(f->out, f->report, "armed", number != 0);
		return true;
	case 0x04:
		report_set_ignition(f->report, number != 0);
		return true;
	case 0x05:
		return report_set_power_mv(f->report, (int64_t)number * 10);
	case 0x07:
		extra_bool(f->out, f->report, "charging", number != 0);
		return true;
	default:
		return false;
	}
}

enum decode_status gt06_read_epoch_items(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left < 4)
		return DECODE_BAD_LENGTH;
	gt06_begin(f, -1);
	f->clock_us = reader_be32(r) * SECOND_US;
	f->has_clock = f->clock_us > 0;
	f->clock_is_utc = true;
	read_items(f, r, 1, read_item_f1);
	return DECODE_OK;
}
