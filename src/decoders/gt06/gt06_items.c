// SPDX-License-Identifier: MIT
// GT06 messages that are lists of numbered items, from the makers' manuals:
//
//   36, 37  STATUS, items; GPS, CELL, UPLOAD, items    item: id u16, length u8, value
//   38      GPS, reason, buffered, radio type, cell, rssi, items
//   39      GPS, radio type, cell, rssi, STATUS, items
//   70      items                                            id u16, length u16, value
//   F1, F2  seconds since 1970 u32, items                    id u16, length u8, value
//
// Items of unknown meaning or unexpected length are kept in extra: "items":"id=hex;...".
#include "decoders/gt06/gt06_items.h"
#include "decoders/gt06/gt06_alarm.h"
#include "decoders/gt06/gt06_block.h"
#include "util/hex.h"

#include <string.h>

#define GT06_CELL_70 ((struct gt06_widths){2, 2, 3})
#define SECOND_US    INT64_C(1000000)

// Reads a value of 1 to 8 bytes as an integer. Returns false for other lengths.
static bool read_uint(struct reader value, uint64_t *number)
{
	size_t len = value.left;
	if (len < 1 || len > 8)
		return false;
	*number = reader_be(&value, len);
	return true;
}

// The items to be kept, as text.
struct kept {
	char text[1024];
	char *end;
};

// Appends an item, unless the text is full.
static void keep_item(struct kept *kept, unsigned id, struct reader value)
{
	const uint8_t id_bytes[2] = {(uint8_t)(id >> 8), (uint8_t)id};
	const size_t room = (size_t)(kept->text + sizeof kept->text - kept->end);
	if (room < 6 || (room - 6) / 2 < value.left)
		return;
	if (kept->end > kept->text)
		*kept->end++ = ';';
	kept->end = hex_write(kept->end, id_bytes, sizeof id_bytes);
	*kept->end++ = '=';
	kept->end = hex_write(kept->end, value.at, value.left);
}

// Decodes one item. Returns false if it is to be kept as hex.
typedef bool item_reader(struct gt06_frame *f, unsigned id, struct reader value);

enum item_size { SIZE_U8, SIZE_U16, SIZE_F2 };

// Reads the length of an item. In F2 that of item 0A is a u16, and a zero announces another byte.
static size_t read_size(struct reader *r, unsigned id, enum item_size kind)
{
	if (kind == SIZE_U16 || (kind == SIZE_F2 && id == 0x0A))
		return reader_be16(r);
	size_t size = reader_u8(r);
	return size == 0 && kind == SIZE_F2 ? reader_u8(r) : size;
}

// Reads items up to the end.
static void read_items(
	struct gt06_frame *f, struct reader *r, enum item_size kind, item_reader *read_item)
{
	struct kept kept;
	kept.end = kept.text;
	struct reader rest = *r; // from the item on
	while (r->left > 0) {
		rest = *r;
		unsigned id = reader_be16(r);
		size_t len = read_size(r, id, kind);
		const uint8_t *bytes = reader_bytes(r, len);
		if (r->bad || !bytes)
			break;
		struct reader value = reader_of(bytes, len);
		if (!read_item(f, id, value))
			keep_item(&kept, id, value);
	}
	if (r->bad)
		gt06_frame_keep_tail(f, &rest);
	if (kept.end > kept.text)
		extra_text(f->out, f->report, "items", kept.text, (size_t)(kept.end - kept.text));
}

bool gt06_items_fit(const struct reader *r)
{
	struct reader copy = *r;
	while (copy.left > 0) {
		reader_be16(&copy);
		reader_bytes(&copy, reader_u8(&copy));
	}
	return !copy.bad;
}

// 36 to 39 --------------------------------------------------------------------

static bool read_common_item(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number;
	if (!read_uint(value, &number) || number > UINT32_MAX)
		return false;
	switch (id) {
	case 0x18:
		return report_set_battery_mv(f->report, (int64_t)number * 10);
	case 0x27:
		return report_set_power_mv(f->report, (int64_t)number * 10);
	case 0x2E:
		return report_set_odometer(f->report, (int64_t)number);
	case 0x3B:
		extra_int(f->out, f->report, "accuracy_cm", (int64_t)number);
		return true;
	case 0x6A:
		return report_set_battery_percent(f->report, (int64_t)number);
	case 0x32:
		extra_int(f->out, f->report, "start_up", (int64_t)number);
		return true;
	default:
		return false;
	}
}

void gt06_items_read_list(struct gt06_frame *f, struct reader *r)
{
	read_items(f, r, SIZE_U8, read_common_item);
}

// Reads STATUS and items; keeps all as hex unless the items end exactly.
static enum decode_status read_status_and_items(struct gt06_frame *f, struct reader *r)
{
	struct reader items = *r;
	const uint8_t *bytes = reader_bytes(&items, 5);
	if (!bytes || !gt06_items_fit(&items))
		return gt06_frame_keep_tail(f, r);
	struct reader status = reader_of(bytes, 5);
	gt06_block_read_status(f, &status);
	gt06_items_read_list(f, &items);
	return DECODE_OK;
}

enum decode_status gt06_items_read_status(struct gt06_frame *f)
{
	if (f->body.left < 5)
		return DECODE_BAD_LENGTH;
	f->is_heartbeat = true;
	gt06_frame_begin(f, -1);
	return read_status_and_items(f, &f->body);
}

enum decode_status gt06_items_read_position(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!gt06_block_read_radio_cell(f, r))
		return gt06_frame_keep_tail(f, r);
	return read_status_and_items(f, r);
}

enum decode_status gt06_items_read_upload(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (r->left < 2)
		return gt06_frame_keep_tail(f, r);
	extra_int(f->out, f->report, "reason", reader_u8(r));
	f->buffered = reader_u8(r) == 1;
	if (!gt06_block_read_radio_cell(f, r) || !gt06_items_fit(r))
		return gt06_frame_keep_tail(f, r);
	gt06_items_read_list(f, r);
	return DECODE_OK;
}

// 70 --------------------------------------------------------------------------

// seconds since 1970 u32, satellites u8, altitude s16 m, lat, lon, speed u8, course word
static bool read_item_position(struct gt06_frame *f, struct reader value)
{
	if (value.left < 18)
		return false;
	if (gt06_frame_is_zero(value.at, value.left))
		return true;
	uint32_t epoch = reader_be32(&value);
	uint8_t satellites = reader_u8(&value);
	int16_t altitude_m = (int16_t)reader_be16(&value);
	uint32_t lat = reader_be32(&value), lon = reader_be32(&value);
	uint8_t speed = reader_u8(&value);
	f->has_clock = epoch > 0;
	f->clock_is_utc = true;
	f->clock_us = epoch * SECOND_US;
	const uint16_t course = reader_be16(&value) & 0x3FFF; // bits 15 and 14 are not ACC here
	if (!gt06_block_set_position(f, lat, lon, course, speed * INT64_C(100)))
		return false;
	gt06_block_set_satellites(f, satellites);
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
	if (gt06_alarm_of_item(code, &alarm))
		report_add_alarm(f->report, alarm);
	if (f->has_event) // extra has room for one
		return false;
	f->has_event = true;
	extra_int(f->out, f->report, "alarm", code);
	gt06_frame_keep(f, &value, "alarm_data");
	return true;
}

// MCC, MNC u16, LAC u16, CID u24, rssi; or a cell alone. Cells of other sizes may have other
// members, so they are kept as hex.
static bool read_item_cell(struct gt06_frame *f, struct reader value)
{
	size_t len = value.left;
	if (extra_has(f->report, "mcc")) // the first one is the serving cell
		return false;
	if (len != 10)
		return (len == 8 || len == 9 || len == 15 || len == 16) &&
		       gt06_block_is_sized_cell(&value, len) &&
		       gt06_block_read_sized_cell(f, &value, len);
	if (!gt06_block_is_cell(&value, GT06_CELL_70) || !memcmp(value.at + 6, "\0\0", 3))
		return false;
	gt06_block_read_cell(f, &value, GT06_CELL_70);
	extra_int(f->out, f->report, "rssi", -reader_u8(&value));
	return true;
}

static bool read_item_70(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number = 0;
	bool is_uint = read_uint(value, &number) && number <= UINT32_MAX;
	switch (id) {
	case 0x03:
		if (value.left != GT06_ICCID_SIZE)
			return false;
		gt06_frame_keep_iccid(f, value.at);
		return true;
	case 0x09:
		return is_uint && gt06_block_set_satellites(f, number);
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
	case 0x2E: // the only little-endian number of this protocol
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

enum decode_status gt06_items_read_plain(struct gt06_frame *f)
{
	gt06_frame_begin(f, -1);
	read_items(f, &f->body, SIZE_U16, read_item_70);
	return DECODE_OK;
}

// F1, F2 ----------------------------------------------------------------------

static bool read_item_f1(struct gt06_frame *f, unsigned id, struct reader value)
{
	uint64_t number;
	if (f->type != 0xF1 || !read_uint(value, &number) || number > UINT32_MAX)
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
	case 0x0B:
		extra_fixed(f->out, f->report, "battery_temperature", (int64_t)number, 1);
		return true;
	default:
		return false;
	}
}

enum decode_status gt06_items_read_epoch(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left < 4)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	f->clock_us = reader_be32(r) * SECOND_US;
	f->has_clock = f->clock_us > 0;
	f->clock_is_utc = true;
	read_items(f, r, f->type == 0xF2 ? SIZE_F2 : SIZE_U8, read_item_f1);
	return DECODE_OK;
}
