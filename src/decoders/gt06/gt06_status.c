// SPDX-License-Identifier: MIT
// GT06 messages without a position, from the makers' manuals: heart-beats, batteries, beacons, answers
// to commands. Layouts are drawn above the functions.
#include "decoders/gt06/gt06_status.h"
#include "decoders/gt06/gt06_block.h"
#include "util/text.h"

#include <string.h>

// Heart-beats -----------------------------------------------------------------

// OBD models: info, signal u16 (bits 14..10 and 9..5 satellites, 4..0 rssi), alarm, language,
// battery %, mode, power 10 mV, u8, u16, and in mode 4 the temperature s16 in tenths.
static enum decode_status read_heartbeat_obd(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	unsigned signal = reader_be16(r);
	gt06_block_set_satellites(f, (signal >> 10 & 31) + (signal >> 5 & 31));
	extra_int(f->out, f->report, "rssi", signal & 31);
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	report_set_battery_percent(f->report, reader_u8(r));
	uint8_t mode = reader_u8(r);
	extra_int(f->out, f->report, "mode", mode);
	gt06_frame_read_power(f, r);
	const size_t size = mode == 4 ? 3 : r->left;
	struct reader unknown = reader_of(reader_bytes(r, size), size);
	gt06_frame_keep(f, &unknown, "unknown");
	if (mode == 4)
		extra_fixed(f->out, f->report, "temperature", (int16_t)reader_be16(r), 1);
	return DECODE_OK;
}

// Wrist models: u8, u16, alarm, language, battery %, 8 bytes, temperature u16 in tenths with bit 15
// set for plus.
static enum decode_status read_heartbeat_wrist(struct gt06_frame *f, struct reader *r)
{
	reader_bytes(r, 3);
	gt06_block_set_alarm(f, 0, reader_u8(r));
	reader_u8(r); // language
	report_set_battery_percent(f->report, reader_u8(r));
	struct reader unknown = reader_of(reader_bytes(r, 8), 8);
	gt06_frame_keep(f, &unknown, "unknown");
	unsigned word = reader_be16(r);
	int tenths = word & 0x7FFF;
	extra_fixed(f->out, f->report, "temperature", word >> 15 ? tenths : -tenths, 1);
	return DECODE_OK;
}

// The STATUS of one heart-beat of LW (info, level, GSM, 100 mV in 12 bits), SEEWORLD (info, level, GSM %, volts,
// language), or R11 (info, power 10 mV, GSM, alarm).
static void read_heartbeat_variant(
	struct gt06_frame *f, struct reader *r, enum gt06_variant variant)
{
	uint8_t info = reader_u8(r);
	uint8_t code = 0;
	gt06_block_set_info(f, info);
	if (variant == GT06_R11)
		gt06_frame_read_power(f, r);
	else
		gt06_block_set_level(f, reader_u8(r));
	if (variant == GT06_SEEWORLD)
		report_set_gsm_percent(f->report, reader_u8(r));
	else
		gt06_block_set_gsm(f, reader_u8(r));
	if (variant == GT06_LW)
		report_set_power_mv(f->report, (reader_be16(r) & 0xFFF) * INT64_C(100));
	else if (variant == GT06_SEEWORLD)
		report_set_power_mv(f->report, (reader_be16(r) >> 8) * INT64_C(1000));
	else
		code = reader_u8(r);
	gt06_block_set_alarm(f, info, code);
}

// Some models use the bytes of STATUS after info otherwise. A GSM level above 4 shows that all of
// them differ (R11, SEEWORLD), a language above 3 that the last two do (LW).
static void read_heartbeat_status(struct gt06_frame *f, struct reader *r)
{
	const size_t size = r->left < 5 ? r->left : 5;
	const bool is_other = size >= 3 && r->at[2] > 4;
	const size_t known = is_other ? 1 : size == 5 && r->at[4] > 3 ? 3 : size;
	struct reader status = reader_of(reader_bytes(r, known), known);
	gt06_block_read_status(f, &status);
}

enum decode_status gt06_status_read_heartbeat(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	f->is_heartbeat = true;
	gt06_frame_begin(f, -1);
	if (f->length == 0x13)
		return read_heartbeat_obd(f, r);
	if (f->length == 0x15)
		return read_heartbeat_wrist(f, r);
	const enum gt06_variant variant = r->left == 5 ? gt06_frame_variant(f) : GT06_PLAIN;
	if (variant == GT06_LW || variant == GT06_SEEWORLD || variant == GT06_R11)
		read_heartbeat_variant(f, r, variant);
	else
		read_heartbeat_status(f, r);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// info (only bits 2..0), battery 10 mV, GSM.
enum decode_status gt06_status_read_heartbeat_4g(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	gt06_frame_begin(f, -1);
	gt06_block_set_info_low(f, reader_u8(r));
	const bool has_battery = r->left >= 2; // a single byte is not known to be the GSM level
	if (has_battery)
		report_set_battery_mv(f->report, reader_be16(r) * INT64_C(10));
	if (has_battery && r->left > 0)
		gt06_block_set_gsm(f, reader_u8(r));
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// info, u16, level 0..6 (not used in the long form), GSM %, power V u8, language
static void read_gl21l(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	struct reader unknown = reader_of(reader_bytes(r, 2), 2);
	uint8_t level = reader_u8(r);
	if (r->left == 3 && level <= 6)
		gt06_block_set_level(f, level);
	report_set_gsm_percent(f->report, reader_u8(r));
	report_set_power_mv(f->report, reader_u8(r) * INT64_C(1000));
	reader_u8(r); // language
	gt06_block_set_alarm(f, info, 0);
	if (r->left == 0)
		gt06_frame_keep_filler(f, &unknown);
}

bool gt06_status_is_gl21l(const struct gt06_frame *f)
{
	const uint8_t *at = f->body.at;
	size_t left = f->body.left;
	return (left == 7 || (left >= 16 && left <= 19 && at[13] <= 100)) && at[4] <= 100 &&
	       at[6] <= 3;
}

enum decode_status gt06_status_read_gl21l(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	f->is_heartbeat = true;
	gt06_frame_begin(f, -1);
	read_gl21l(f, r);
	if (r->left == 0)
		return DECODE_OK;
	extra_int(f->out, f->report, "sound", reader_u8(r));
	extra_int(f->out, f->report, "light", reader_u8(r));
	extra_int(f->out, f->report, "steps", reader_be32(r));
	report_set_battery_percent(f->report, reader_u8(r));
	extra_int(f->out, f->report, "charge", reader_u8(r));
	extra_int(f->out, f->report, "motion", reader_u8(r));
	gt06_frame_keep_filler(f, r);
	return DECODE_OK;
}

// Battery 40, beacon B2 -------------------------------------------------------

static void keep_time(struct gt06_frame *f, uint32_t epoch)
{
	f->clock_us = epoch * INT64_C(1000000);
	f->has_clock = epoch > 0;
	f->clock_is_utc = true;
}

// Keeps a share of 100; more is none.
static void keep_percent(struct gt06_frame *f, const char *name, uint8_t percent)
{
	if (percent <= 100)
		extra_int(f->out, f->report, name, percent);
}

static void keep_printable(struct gt06_frame *f, const char *name, const uint8_t *data, size_t len)
{
	while (len > 0 && (data[len - 1] == 0 || data[len - 1] == ' '))
		len--;
	if (gt06_frame_is_printable(data, len))
		extra_text(f->out, f->report, name, data, len);
}

// WD-209, a battery: serial 8, seconds since 1970 u32, charge % u8, capacity left u16, absolute %
// u8, full capacity u16, health u8, temperature u16 (0.1 K), current u16, battery mV u16, cycles
// u16, 14 cells u16 mV, intervals u16 u16, bar code 16, version u16, maker 16, three words of state.
enum decode_status gt06_status_read_wd209(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	gt06_frame_begin(f, -1);
	extra_hex(f->out, f->report, "battery_serial", reader_bytes(r, 8), 8);
	keep_time(f, reader_be32(r));
	report_set_battery_percent(f->report, reader_u8(r));
	extra_int(f->out, f->report, "capacity_left", reader_be16(r));
	keep_percent(f, "absolute_percent", reader_u8(r));
	extra_int(f->out, f->report, "capacity_full", reader_be16(r));
	keep_percent(f, "health", reader_u8(r));
	const int64_t kelvin_e1 = reader_be16(r);
	if (kelvin_e1 > 0)
		extra_fixed(f->out, f->report, "battery_temperature", kelvin_e1 - 2731, 1);
	extra_int(f->out, f->report, "current", reader_be16(r));
	report_set_battery_mv(f->report, reader_be16(r));
	extra_int(f->out, f->report, "cycles", reader_be16(r));
	extra_hex(f->out, f->report, "cells_mv", reader_bytes(r, 28), 28);
	extra_hex(f->out, f->report, "intervals", reader_bytes(r, 4), 4);
	keep_printable(f, "bar_code", reader_bytes(r, 16), 16);
	extra_int(f->out, f->report, "version", reader_be16(r));
	keep_printable(f, "maker", reader_bytes(r, 16), 16);
	extra_hex(f->out, f->report, "battery_state", reader_bytes(r, 12), 12);
	return DECODE_OK;
}

// time, rssi s8, MAC 6, UUID 16, major u16, minor u16, battery 10 mV, u8
enum decode_status gt06_status_read_beacon(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (!gt06_frame_is_time(r))
		return DECODE_BAD_VALUE;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	extra_int(f->out, f->report, "tag_rssi", (int8_t)reader_u8(r));
	extra_hex(f->out, f->report, "tag", reader_bytes(r, 6), 6);
	extra_hex(f->out, f->report, "tag_uuid", reader_bytes(r, 16), 16);
	extra_int(f->out, f->report, "tag_major", reader_be16(r));
	extra_int(f->out, f->report, "tag_minor", reader_be16(r));
	extra_fixed(f->out, f->report, "tag_battery_v", reader_be16(r), 2);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// X1: announces a picture. time, fix u8, lat, lon without hemispheres, camera u8, source u8, format
// u8, size u32, id u32. The pictures are not fetched.
enum decode_status gt06_status_read_picture(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (!gt06_frame_is_time(r))
		return DECODE_BAD_VALUE;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	extra_hex(f->out, f->report, "place", reader_bytes(r, 9), 9);
	extra_int(f->out, f->report, "camera", reader_u8(r));
	extra_int(f->out, f->report, "source", reader_u8(r));
	extra_int(f->out, f->report, "format", reader_u8(r));
	extra_int(f->out, f->report, "size", reader_be32(r));
	extra_int(f->out, f->report, "picture", reader_be32(r));
	return DECODE_OK;
}

// Answers to commands ---------------------------------------------------------

static enum decode_status set_text(
	struct gt06_frame *f, uint32_t flag, const uint8_t *text, size_t len)
{
	while (len > 0 && text[len - 1] == 0)
		len--;
	f->report->body.flags |= FLAG_TEXT;
	decoded_answer(f->out, decoded_judge_text(text, len), (struct correlation){true, flag});
	extra_int(f->out, f->report, "command", flag);
	extra_text_start(f->out, f->report, "text", text, len);
	return DECODE_OK;
}

// len u8 (of flag and text), flag u32, text, language u16. len may be 0; then the first NUL ends
// the text, and may be the first byte of the language.
enum decode_status gt06_status_read_answer(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	size_t len = reader_u8(r);
	uint32_t flag = reader_be32(r);
	if (r->bad)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	if (len >= 4 && len - 4 <= r->left)
		return set_text(f, flag, r->at, len - 4);
	const uint8_t *nul = r->left > 0 ? memchr(r->at, 0, r->left) : NULL;
	return set_text(f, flag, r->at, nul ? (size_t)(nul - r->at) : r->left);
}

static uint32_t next_utf16(struct reader *r)
{
	uint32_t unit = reader_be16(r);
	if (unit < 0xD800 || unit > 0xDFFF)
		return unit;
	struct reader ahead = *r;
	uint32_t low = reader_be16(&ahead);
	if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
		return 0xFFFD;
	*r = ahead;
	return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static size_t put_utf8(uint32_t code, uint8_t out[4])
{
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = len; i-- > 1; code >>= 6)
		out[i] = (uint8_t)(0x80 | (code & 0x3F));
	out[0] = (uint8_t)(leads[len] | code);
	return len;
}

// flag u32, coding u8 (1 ASCII, 2 UTF-16BE), text.
enum decode_status gt06_status_read_answer_coded(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint8_t text[EXTRA_MAX];
	size_t len = 0;
	uint32_t flag = reader_be32(r);
	uint8_t coding = reader_u8(r);
	if (r->bad)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	if (coding != 2)
		return set_text(f, flag, r->at, r->left);
	while (r->left >= 2 && len <= sizeof text - 4)
		len += put_utf8(next_utf16(r), text + len);
	return set_text(f, flag, text, len);
}
