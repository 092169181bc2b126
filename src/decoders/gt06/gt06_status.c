// SPDX-License-Identifier: MIT
// GT06 messages without a position, from the makers' manuals: heart-beats, cells and access points,
// answers to commands. Layouts are drawn above the functions.
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
	report_set_satellites(f->report, (signal >> 10 & 31) + (signal >> 5 & 31));
	extra_int(f->out, f->report, "rssi", signal & 31);
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	report_set_battery_percent(f->report, reader_u8(r));
	uint8_t mode = reader_u8(r);
	extra_int(f->out, f->report, "mode", mode);
	gt06_frame_read_power(f, r);
	struct reader unknown = reader_of(reader_bytes(r, 3), 3);
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

// Models that use the five bytes of STATUS otherwise. LW, SEEWORLD: info, level, GSM, volts; R11:
// info, power 10 mV, GSM, alarm.
static void read_heartbeat_variant(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	uint8_t code = 0;
	gt06_block_set_info(f, info);
	if (f->memo.variant == GT06_R11)
		gt06_frame_read_power(f, r);
	else
		gt06_block_set_level(f, reader_u8(r));
	gt06_block_set_gsm(f, reader_u8(r));
	if (f->memo.variant == GT06_LW)
		report_set_power_mv(f->report, (reader_be16(r) & 0xFFF) * INT64_C(100));
	else if (f->memo.variant == GT06_SEEWORLD)
		report_set_power_mv(f->report, reader_u8(r) * INT64_C(1000));
	else
		code = reader_u8(r);
	gt06_block_set_alarm(f, info, code);
}

enum decode_status gt06_status_read_heartbeat(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint8_t variant = f->memo.variant;
	gt06_frame_begin(f, -1);
	if (f->length == 0x13)
		return read_heartbeat_obd(f, r);
	if (f->length == 0x15)
		return read_heartbeat_wrist(f, r);
	if (r->left >= 5 && (variant == GT06_LW || variant == GT06_SEEWORLD || variant == GT06_R11))
		read_heartbeat_variant(f, r);
	else
		gt06_block_read_status(f, r);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// info (only bits 2..0), battery 10 mV, rssi.
enum decode_status gt06_status_read_heartbeat_4g(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	gt06_frame_begin(f, -1);
	gt06_block_set_info_low(f, reader_u8(r));
	if (r->left >= 2)
		report_set_battery_mv(f->report, reader_be16(r) * INT64_C(10));
	if (r->left > 0)
		extra_int(f->out, f->report, "rssi", reader_u8(r));
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// Cells -----------------------------------------------------------------------

// CELL, STATUS. STATUS has 5 bytes, CELL all bytes before it.
enum decode_status gt06_status_read_cell(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	size_t size = r->left >= 5 ? r->left - 5 : 0;
	bool fits = f->type == 0xA5 ? size >= 15 : size >= 8 && size <= 10;
	if (!fits)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	gt06_block_read_sized_cell(f, r, size);
	gt06_block_read_status(f, r);
	return DECODE_OK;
}

// Reads the bytes after the cells: timing advance u8, then access points (count, count x (MAC,
// rssi)) and the language u16, in the order that fits the number of bytes, or the language alone.
static void read_lbs_tail(struct gt06_frame *f, struct reader *r)
{
	if (r->left == 0)
		return;
	extra_int(f->out, f->report, "timing_advance", reader_u8(r));
	size_t left = r->left;
	if (left >= 3 && r->at[2] > 0 && left == 3 + r->at[2] * (size_t)7)
		reader_be16(r);
	else if (left < 8 || r->at[0] * (size_t)7 > left - 1)
		return;
	size_t count = reader_u8(r);
	gt06_block_read_wifi(f, r, count);
}

// time, MCC, MNC, 7 x (LAC, CID, rssi), and the tail above.
enum decode_status gt06_status_read_lbs(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	bool is_4g = f->type == 0xA1 || f->type == 0xA2;
	if (r->left < 9)
		return DECODE_BAD_LENGTH;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	unsigned mcc = reader_be16(r);
	unsigned mnc = (unsigned)reader_be(r, mcc >> 15 ? 2 : 1);
	struct gt06_widths widths = is_4g ? GT06_CELL_4G : GT06_CELL_2G;
	gt06_block_read_cells(f, r, mcc & 0x7FFF, mnc, widths, 7);
	if (r->bad)
		gt06_frame_mark_length(f);
	read_lbs_tail(f, r);
	return DECODE_OK;
}

static unsigned of_bcd(uint8_t byte)
{
	return (byte >> 4) * 10u + (byte & 15);
}

// Topin-like: time in BCD, n x (MAC, rssi); then nothing, or m, MCC, MNC u8, m x (LAC u16, CID u16,
// rssi). n is in the place of the length field.
enum decode_status gt06_status_read_topin(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint8_t t[6] = {0};
	const uint8_t *time = reader_bytes(r, sizeof t);
	gt06_frame_begin(f, -1);
	if (time)
		memcpy(t, time, sizeof t);
	f->has_clock =
		text_make_time(2000 + (int)of_bcd(t[0]), (int)of_bcd(t[1]), (int)of_bcd(t[2]),
			(int)of_bcd(t[3]), (int)of_bcd(t[4]), (int)of_bcd(t[5]), 0, &f->clock_us);
	gt06_block_read_wifi(f, r, f->length);
	if (r->left == 0)
		return DECODE_OK;
	size_t count = reader_u8(r);
	unsigned mcc = reader_be16(r), mnc = reader_u8(r);
	gt06_block_read_cells(f, r, mcc, mnc, (struct gt06_widths){1, 2, 2}, count);
	return DECODE_OK;
}

// Answers to commands ---------------------------------------------------------

static enum decode_status set_text(
	struct gt06_frame *f, uint32_t flag, const uint8_t *text, size_t len)
{
	while (len > 0 && text[len - 1] == 0)
		len--;
	f->report->body.flags |= FLAG_TEXT;
	extra_int(f->out, f->report, "command", flag);
	extra_text(f->out, f->report, "text", text, len);
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
