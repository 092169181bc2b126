// SPDX-License-Identifier: MIT
// GT06 messages that usually come in extended frames, from the makers' manuals:
//
//   94  sub-type u8, its data         information
//   95  time, ..., event, ...         event with pictures or videos, in three layouts
//   9B  port u8, data                 serial port
//   8C  time, ACC, "id=value,...", GPS without its time    OBD; 65 and 66 too, with other ids
#include "decoders/gt06/gt06_extended.h"
#include "decoders/fields.h"
#include "decoders/gt06/gt06_alarm.h"
#include "decoders/gt06/gt06_block.h"
#include "util/text.h"

#include <string.h>

#define PLACE_SIZE 12 /* GPS without its time */

static struct text rest_of(struct reader *r)
{
	size_t len = r->left;
	const uint8_t *bytes = reader_bytes(r, len);
	return (struct text){(const char *)bytes, len};
}

static void keep_text(struct gt06_frame *f, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text_start(f->out, f->report, name, text.data, text.len);
}

// Keeps the remaining bytes, as text if they are printable, else as hex.
static void keep_bytes(struct gt06_frame *f, struct reader *r)
{
	if (gt06_frame_is_printable(r->at, r->left))
		keep_text(f, "text", rest_of(r));
	else
		gt06_frame_keep(f, r, "data");
}

// 94 --------------------------------------------------------------------------

// DYD: 0 engine connected, 1 cut, 2 pending until there is a fix, 3 pending until the speed is low.
static void set_relay(struct gt06_frame *f, struct text hex)
{
	uint64_t bits;
	if (!text_hex(hex, &bits) || bits > 0xFF)
		return;
	extra_int(f->out, f->report, "dyd", (int64_t)bits);
	if (bits & 3)
		report_set_outputs(f->report, bits >> 1 & 1);
}

// KEY=hex;KEY=hex;... (ALM1-4, STA1, DYD, SOS, CENTER, FENCE, MODE)
static void read_settings(struct gt06_frame *f, struct reader *r)
{
	struct text rest = rest_of(r), setting, key;
	keep_text(f, "settings", rest);
	while (text_next(&rest, ';', &setting)) {
		if (text_next(&setting, '=', &key) && fields_is_word(key, "DYD"))
			set_relay(f, setting);
	}
}

// [time] u8: bit 0 door, 1 trigger, 2 I/O
static void read_door(struct gt06_frame *f, struct reader *r)
{
	if (r->left >= 7 && gt06_frame_is_time(r))
		gt06_frame_read_clock(f, r);
	if (r->left != 1)
		return;
	uint8_t bits = reader_u8(r);
	extra_bool(f->out, f->report, "door", bits & 1);
	extra_bool(f->out, f->report, "trigger", bits >> 1 & 1);
	extra_bool(f->out, f->report, "io", bits >> 2 & 1);
}

// Returns the next bytes, or NULL and reads nothing if fewer are left.
static const uint8_t *next_bytes(struct reader *r, size_t size)
{
	return r->left >= size ? reader_bytes(r, size) : NULL;
}

static void read_identities(struct gt06_frame *f, struct reader *r)
{
	gt06_frame_keep_digits(f, "imei", next_bytes(r, 8), 8, true);
	gt06_frame_keep_digits(f, "imsi", next_bytes(r, 8), 8, true);
	gt06_frame_keep_iccid(f, next_bytes(r, GT06_ICCID_SIZE));
}

// One byte: the network; two: external power in 10 mV.
static void read_network_or_power(struct gt06_frame *f, struct reader *r)
{
	if (r->left == 2)
		gt06_frame_read_power(f, r);
	else if (r->left == 1 && r->at[0] <= 1)
		keep_text(f, "network", (struct text){reader_u8(r) ? "4G" : "2G", 2});
}

// [time] !AIOIL,address,output,temperature,version,codes,level,...
static void read_fuel(struct gt06_frame *f, struct reader *r)
{
	if (r->left > 6 && r->at[0] != '!' && r->at[6] == '!' && gt06_frame_is_time(r))
		gt06_frame_read_clock(f, r);
	struct text rest = rest_of(r), field;
	keep_text(f, "fuel_sensor", rest);
	for (size_t i = 0; i <= 6 && text_next(&rest, ',', &field); i++) {
		if (i == 3)
			keep_text(f, "fuel_temperature", field);
		else if (i == 6)
			keep_text(f, "fuel_level", field);
	}
}

static bool is_letter(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_padding(char byte, bool is_text)
{
	return byte == 0 || (is_text && (byte == '\r' || byte == '\n'));
}

// STX, kind, id of 4 bytes, check, ETX.
static bool is_framed_card(const struct reader *r)
{
	return r->left == 8 && r->at[0] == 0x02 && r->at[7] == 0x03;
}

// Sets the driver to the id of a framed card, in the capitals that are printed on it.
static void set_card(struct gt06_frame *f, const uint8_t id[4])
{
	static const char digits[] = "0123456789ABCDEF";
	char text[8];
	for (size_t i = 0; i < 4; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 15];
	}
	if (!gt06_frame_is_zero(id, 4))
		gt06_frame_set_driver(f, (const uint8_t *)text, sizeof text);
}

// A card's number: text, after "RFID:" in some firmware; framed; or bytes, with zeros at the end.
static void read_rfid(struct gt06_frame *f, struct reader *r)
{
	static const char mark[] = "RFID:";
	const size_t mark_len = sizeof mark - 1;
	if (r->left == 0)
		return;
	if (is_framed_card(r)) {
		set_card(f, reader_bytes(r, 8) + 2);
		return;
	}
	bool is_text = is_letter(r->at[0]);
	struct text text = rest_of(r);
	if (is_text && text.len > mark_len &&
		fields_is_word((struct text){text.data, mark_len}, mark))
		text = (struct text){text.data + mark_len, text.len - mark_len};
	while (text.len > 0 && is_padding(text.data[text.len - 1], is_text))
		text.len--;
	if (is_text)
		gt06_frame_set_driver(f, (const uint8_t *)text.data, text.len);
	else
		gt06_frame_set_driver_hex(f, (const uint8_t *)text.data, text.len);
}

static void read_climate(struct gt06_frame *f, struct reader *r)
{
	if (r->left < 8)
		return;
	extra_fixed(f->out, f->report, "temperature", (int32_t)reader_be32(r), 1);
	const int32_t humidity_e1 = (int32_t)reader_be32(r);
	if (humidity_e1 >= 0 && humidity_e1 <= 1000) // %
		extra_fixed(f->out, f->report, "humidity", humidity_e1, 1);
}

static void read_voltage(struct gt06_frame *f, struct reader *r)
{
	if (r->left == 2)
		gt06_frame_read_power(f, r);
}

enum decode_status gt06_extended_read_power(struct gt06_frame *f)
{
	gt06_frame_begin(f, -1);
	gt06_frame_read_power(f, &f->body);
	return DECODE_OK;
}

enum decode_status gt06_extended_read_information(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left == 0)
		return DECODE_BAD_LENGTH;
	uint8_t sub = reader_u8(r);
	gt06_frame_begin(f, sub);
	switch (sub) {
	case 0x00:
		read_voltage(f, r);
		break;
	case 0x04:
		read_settings(f, r);
		break;
	case 0x05:
		read_door(f, r);
		break;
	case 0x09:
		gt06_frame_keep(f, r, "satellite_list");
		break;
	case 0x0A:
		read_identities(f, r);
		break;
	case 0x0B:
		read_network_or_power(f, r);
		break;
	case 0x0D:
		read_fuel(f, r);
		break;
	case 0x1B:
		read_rfid(f, r);
		break;
	case 0x1E:
		read_climate(f, r);
		break;
	default:
		break;
	}
	gt06_frame_keep(f, r, "data");
	return DECODE_OK;
}

// 95 --------------------------------------------------------------------------

static void read_event(struct gt06_frame *f, struct reader *r, bool is_long)
{
	enum alarm alarm;
	uint8_t code = reader_u8(r);
	extra_int(f->out, f->report, "alarm", code);
	if (gt06_alarm_of_media_event(code, is_long, &alarm))
		report_add_alarm(f->report, alarm);
	if (!is_long)
		return;
	if (r->left >= 2)
		extra_int(f->out, f->report, "value", reader_be16(r));
	keep_text(f, "files", rest_of(r));
}

static enum decode_status bad_position(struct gt06_frame *f)
{
	decoded_drop_report(f->out);
	f->report = NULL;
	f->out->detail = "position";
	return DECODE_BAD_VALUE;
}

// time, lat, lon, course word, event u8, u16, file names
static enum decode_status read_event_position(struct gt06_frame *f, struct reader *r)
{
	if (r->left < 17)
		return DECODE_BAD_LENGTH;
	if (!gt06_frame_is_time(r))
		return DECODE_BAD_VALUE;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	uint32_t lat = reader_be32(r), lon = reader_be32(r);
	if (!gt06_block_set_position(f, lat, lon, reader_be16(r), -1))
		return bad_position(f);
	read_event(f, r, true);
	return DECODE_OK;
}

// FFFF, version u8, time, satellites, lat, lon, course word, speed u16, power u16 in 100 mV, event
// u8, u16, file names
static enum decode_status read_event_camera(struct gt06_frame *f, struct reader *r)
{
	if (r->left < 25)
		return DECODE_BAD_LENGTH;
	const struct reader time = reader_of(r->at + 3, 6);
	if (!gt06_frame_is_time(&time))
		return DECODE_BAD_VALUE;
	gt06_frame_begin(f, -1);
	reader_be16(r);
	extra_int(f->out, f->report, "version", reader_u8(r));
	gt06_frame_read_clock(f, r);
	report_set_satellites(f->report, reader_u8(r) & 15);
	uint32_t lat = reader_be32(r), lon = reader_be32(r);
	uint16_t course = reader_be16(r);
	if (!gt06_block_set_position(f, lat, lon, course, reader_be16(r) * INT64_C(100)))
		return bad_position(f);
	report_set_power_mv(f->report, reader_be16(r) * INT64_C(100));
	read_event(f, r, true);
	return DECODE_OK;
}

enum decode_status gt06_extended_read_media_event(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left >= 2 && r->at[0] == 0xFF && r->at[1] == 0xFF)
		return read_event_camera(f, r);
	if (r->left > 7)
		return read_event_position(f, r);
	if (r->left < 7)
		return DECODE_BAD_LENGTH;
	if (!gt06_frame_is_time(r))
		return DECODE_BAD_VALUE;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	read_event(f, r, false);
	return DECODE_OK;
}

// 9B, 8C ----------------------------------------------------------------------

enum decode_status gt06_extended_read_serial_port(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left == 0)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	extra_int(f->out, f->report, "port", reader_u8(r));
	keep_bytes(f, r);
	return DECODE_OK;
}

// Sets the OBD value whose id starts with these two digits. Numbers are hex, in hundredths.
static void set_obd_value(struct gt06_frame *f, struct text id, struct text value)
{
	static const struct {
		char id[3];
		const char *name;
	} values[] = {
		{"28", "obd_odometer"},
		{"2B", "fuel"},
		{"2D", "coolant_temperature"},
		{"35", "obd_speed"},
		{"36", "rpm"},
		{"47", "fuel_used"},
		{"49", "engine_hours"},
	};
	uint64_t number;
	if (id.len < 2)
		return;
	id.len = 2;
	if (fields_is_word(id, "4A") &&
		gt06_frame_is_printable((const uint8_t *)value.data, value.len))
		keep_text(f, "vin", value);
	if (!text_hex(value, &number) || number > UINT32_MAX)
		return;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		if (fields_is_word(id, values[i].id))
			extra_fixed(f->out, f->report, values[i].name, (int64_t)number, 2);
	}
}

static void read_obd_text(struct gt06_frame *f, struct text text)
{
	struct text item, id;
	keep_text(f, "obd", text);
	while (f->type == 0x8C && text_next(&text, ',', &item)) {
		if (text_next(&item, '=', &id))
			set_obd_value(f, id, item);
	}
}

enum decode_status gt06_extended_read_obd(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left < 7 || !gt06_frame_is_time(r) || r->at[6] > 1)
		return gt06_frame_read_opaque(f);
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	report_set_ignition(f->report, reader_u8(r) != 0);
	size_t len = r->left >= PLACE_SIZE ? r->left - PLACE_SIZE : 0;
	struct reader place = reader_of(r->at + len, r->left - len);
	if (!gt06_block_is_place(&place) || (len > 0 && !gt06_frame_is_printable(r->at, len)))
		return gt06_frame_keep_tail(f, r);
	gt06_block_read_place(f, &place);
	read_obd_text(f, (struct text){(const char *)r->at, len});
	return DECODE_OK;
}
