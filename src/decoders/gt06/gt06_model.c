// SPDX-License-Identifier: MIT
// GT06 messages of single models, from the makers' manuals. k: length of CELL.
//
//   NT      22, 25  source u8, IMEI, device time, GPS, k, CELL, info, power 10 mV, battery 100 mV,
//                   GSM, alarm, language, mileage u24, engine minutes u24; in 25 len, kind, driver
//   X1      34      alarm u32, GPS, u16, mileage, MCC, MNC u8, LAC, CID u32, driver u32,
//                   battery 10 mV, power 10 mV, ports u32 (bits 23..20: number of ADC), inputs u8,
//                   outputs u8, ADC 10 mV each
//   LW 4G   A2      GPS, 4G CELL, u8, info, power 10 mV, level, GSM, alarm, language, mileage,
//                   engine seconds u32, id of 8 bytes, inputs u16
//   TRX-16  17      GPS, CELL, RFID of 8 bytes, valid u8
//   TRX-16  36      GPS, [k], CELL with a CID of 4 bytes, ..., RFID of 8 bytes
#include "decoders/gt06/gt06_model.h"
#include "decoders/decimal.h"
#include "decoders/gt06/gt06_block.h"

// NT ----------------------------------------------------------------------------

#define NT_TAIL 13 /* bytes from info to minutes */

bool gt06_model_is_nt(const struct gt06_frame *f)
{
	return f->body.left >= 9 && gt06_frame_is_own_ident(f->session, f->body.at + 1);
}

// Finds the size of the cell such that the rest has the size of the tail. Whether k counts itself
// depends on firmware.
static bool fit_nt_cell(const struct reader *r, size_t k, bool has_driver, size_t *size)
{
	for (size_t c = k > 0 ? k - 1 : 0; c <= k; c++) {
		bool is_cell = c == 0 || (c >= 8 && c <= 10) || c >= 15;
		if (!is_cell || r->left < c + NT_TAIL)
			continue;
		size_t left = r->left - c - NT_TAIL;
		*size = c;
		// The length of the driver may or may not include its kind.
		size_t uncounted = has_driver && left > 0 ? left - r->at[c + NT_TAIL] : 0;
		if (has_driver ? uncounted == 1 || uncounted == 2 : left == 0)
			return true;
	}
	return false;
}

static void read_nt_tail(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	report_set_battery_mv(f->report, reader_u8(r) * INT64_C(100));
	gt06_block_set_gsm(f, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	report_set_odometer(f->report, (int64_t)reader_be(r, 3));
	extra_int(f->out, f->report, "engine_min", (int64_t)reader_be(r, 3));
	if (f->type != 0x25 || r->left < 2)
		return;
	reader_u8(r); // length of the driver
	extra_int(f->out, f->report, "driver_kind", reader_u8(r));
	size_t len = r->left;
	gt06_frame_set_driver(f, reader_bytes(r, len), len);
}

enum decode_status gt06_model_read_nt(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint8_t source = reader_u8(r);
	size_t size;
	reader_bytes(r, 14);
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	extra_int(f->out, f->report, "source", source);
	size_t k = reader_u8(r);
	if (!fit_nt_cell(r, k, f->type == 0x25, &size))
		return gt06_frame_keep_tail(f, r);
	if (size > 0)
		gt06_block_read_sized_cell(f, r, size);
	read_nt_tail(f, r);
	return DECODE_OK;
}

// X1 ----------------------------------------------------------------------------

static void set_driver_number(struct gt06_frame *f, uint32_t number)
{
	char digits[DECIMAL_MAX];
	const char *end = decimal_write(digits, number);
	if (number > 0)
		gt06_frame_set_driver(f, (const uint8_t *)digits, (size_t)(end - digits));
}

enum decode_status gt06_model_read_x1(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint32_t alarm = reader_be32(r);
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (alarm)
		extra_int(f->out, f->report, "alarm_bits", alarm);
	if (r->left < 29)
		return gt06_frame_keep_tail(f, r);
	reader_be16(r);
	gt06_frame_read_mileage(f, r);
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	set_driver_number(f, reader_be32(r));
	report_set_battery_mv(f->report, reader_be16(r) * INT64_C(10));
	gt06_frame_read_power(f, r);
	unsigned adc_count = reader_be32(r) >> 20 & 15;
	report_set_inputs(f->report, reader_u8(r));
	report_set_outputs(f->report, reader_u8(r));
	for (unsigned i = 0; i < adc_count && i < 4 && r->left >= 2; i++)
		report_set_adc(f->report, i, reader_be16(r) * 10); // mV
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// LW 4G -----------------------------------------------------------------------

#define LW_TAIL 26 /* bytes after CELL */

bool gt06_model_is_lw(const struct gt06_frame *f)
{
	return (f->length == 0x40 || f->length == 0x41) && gt06_block_is_gps(&f->body);
}

// Sets the driver to an id of eight bytes, unless they are all zero.
static void set_driver_id(struct gt06_frame *f, const uint8_t *id)
{
	uint8_t any = 0;
	for (size_t i = 0; id && i < 8; i++)
		any |= id[i];
	if (any)
		gt06_frame_set_driver_hex(f, id, 8);
}

enum decode_status gt06_model_read_lw(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	f->memo.variant = GT06_LW;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!gt06_block_read_cell(f, r, GT06_CELL_4G) || r->left != LW_TAIL)
		return gt06_frame_keep_tail(f, r);
	reader_u8(r);
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	gt06_block_set_level(f, reader_u8(r));
	gt06_block_set_gsm(f, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	gt06_frame_read_mileage(f, r);
	extra_int(f->out, f->report, "engine_s", reader_be32(r));
	set_driver_id(f, reader_bytes(r, 8));
	report_set_inputs(f->report, reader_be16(r));
	return DECODE_OK;
}

// TRX-16 ----------------------------------------------------------------------

bool gt06_model_is_trx_17(const struct gt06_frame *f)
{
	return f->length == 0x28;
}

enum decode_status gt06_model_read_trx_17(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!gt06_block_read_cell(f, r, GT06_CELL_2G) || r->left < 9)
		return gt06_frame_keep_tail(f, r);
	set_driver_id(f, reader_bytes(r, 8));
	extra_bool(f->out, f->report, "rfid_valid", reader_u8(r) != 0);
	return DECODE_OK;
}

bool gt06_model_is_trx_36(const struct gt06_frame *f)
{
	return !f->extended && f->length == 0x35 && gt06_block_is_gps(&f->body);
}

enum decode_status gt06_model_read_trx_36(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	// k is 8 to 10; an MCC begins with 00..03, or 80..83.
	if (r->left > 0 && r->at[0] >= 8 && r->at[0] <= 10)
		reader_u8(r);
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	if (r->left < 8)
		return gt06_frame_keep_tail(f, r);
	struct reader between = reader_of(r->at, r->left - 8);
	set_driver_id(f, r->at + between.left);
	gt06_frame_keep(f, &between, "unknown");
	return DECODE_OK;
}
