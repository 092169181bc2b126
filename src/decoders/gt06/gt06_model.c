// SPDX-License-Identifier: MIT
// GT06 messages with a position of single models, from the makers' manuals. k: length of CELL.
// CELL32: CELL with a CID of 4 bytes. UPLOAD: ignition, reason, buffered.
//
//   NT      22, 25  source u8, IMEI, device time, GPS, k, CELL, info, power 10 mV, battery 100 mV,
//                   GSM %, alarm, language, mileage u24, engine minutes u24; in 25 len, kind, driver
//   XT40    25      the same with k = 0A: MCC, MNC u8, LAC, CID u32, u8
//   GL21L   22      GPS, CELL32, UPLOAD, mileage, travel time u32 s, temperature u16 and humidity u16
//                   in hundredths; bit 15 of the temperature: minus
//   SR411   24      GPS, CELL, ignition u8, power 10 mV, battery 10 mV, filler of 10 bytes
//   JI09    1E      GPS, MCC, MNC, k x (LAC, CID u24, rssi), timing advance u8, language u16
//   SL4X    31      GPS, MCC, MNC u16, LAC, CID u32, UPLOAD, mileage, altitude s16 m
//   X1      34      alarm u32, GPS, u16, mileage, MCC, MNC u8, LAC, CID u32, driver u32,
//                   battery 10 mV, power 10 mV, ports u32 (bits 23..20: number of ADC), inputs u8,
//                   outputs u8, ADC 10 mV each
//   iButton 61      IMEI, GPS, MCC, MNC u8, LAC, CID u32, driver u48
//   LW 4G   A2      GPS, 4G CELL, u8, info, power 10 mV, level, GSM, alarm, language, mileage,
//                   engine seconds u32, IMEI, inputs u16
//   TRX-16  17      GPS, CELL, RFID of 8 bytes, valid u8
//   TRX-16  36      GPS, CELL32, UPLOAD, mileage, power 10 mV, battery 100 mV, engine minutes u24,
//                   RFID of 8 bytes
//   AZ735   79 79 32, 33   time, g (0, or 0C: GPS without its time), c (0, or 9 and more: CELL, c - 9
//                   bytes, rssi), a and a bytes of cells, w and w bytes of access points, status u8,
//                   e and e bytes
#include "decoders/gt06/gt06_model.h"
#include "decoders/gt06/gt06_alarm.h"
#include "decoders/gt06/gt06_block.h"

// NT ----------------------------------------------------------------------------

#define NT_TAIL 13 /* bytes from info to minutes */

// The IMEI is that of the log-in; if the tracker logs in with another ident, devices.model decides.
bool gt06_model_is_nt(const struct gt06_frame *f)
{
	if (f->body.left < 15)
		return false;
	if (gt06_frame_is_own_ident(f->session, f->body.at + 1))
		return true;
	const struct reader sent = reader_of(f->body.at + 9, 6);
	struct reader gps = reader_of(f->body.at + 15, f->body.left - 15);
	return gt06_frame_is_imei(f->body.at + 1) && gt06_frame_is_time(&sent) &&
	       gt06_block_is_gps(&gps) && gt06_frame_model(f->session) == GT06_NT;
}

// Returns true if the rest has the size of the tail after a cell of c bytes. uncounted: bytes of the
// driver, its length included, that its length does not count.
static bool is_nt_cell(const struct reader *r, size_t c, bool has_driver, size_t uncounted)
{
	bool is_cell = c == 0 || (c >= 8 && c <= 10) || c == 15 || c == 16;
	if (!is_cell || r->left < c + NT_TAIL)
		return false;
	size_t left = r->left - c - NT_TAIL;
	return has_driver ? left > 0 && left == r->at[c + NT_TAIL] + uncounted : left == 0;
}

// Returns true if a possible cell of this size follows, or none.
static bool is_sound(const struct reader *r, size_t size)
{
	return size == 0 || gt06_block_is_sized_cell(r, size) ||
	       (size == 10 && gt06_block_is_cell(r, GT06_CELL_CID4));
}

// Finds the size of the cell. Whether k counts itself, and the length of the driver its kind, depends
// on firmware; k = 0A in 25 is XT40's and does not count itself. A possible cell is preferred.
static bool fit_nt_cell(const struct reader *r, size_t k, bool has_driver, size_t *size)
{
	const size_t first = k > 0 && !(has_driver && k == 10) ? k - 1 : k;
	const size_t sizes[2] = {first, first == k && k > 0 ? k - 1 : k};
	bool found = false;
	for (size_t i = 0; i < 4; i++) {
		const size_t candidate = sizes[i % 2], uncounted = 1 + i / 2;
		if (!is_nt_cell(r, candidate, has_driver, uncounted))
			continue;
		const bool sound = is_sound(r, candidate);
		if (sound || !found)
			*size = candidate;
		if (sound)
			return true;
		found = true;
	}
	return found;
}

// 25 with k = 0A: XT40, whose MNC has one byte. A two-byte MNC above 999 shows the same.
static void read_nt_cell(struct gt06_frame *f, struct reader *r, size_t k, size_t size)
{
	struct reader cell = reader_of(reader_bytes(r, size), size);
	bool is_xt40 = size == 10 &&
		       ((f->type == 0x25 && k == 10) || !gt06_block_is_cell(&cell, GT06_CELL_WIDE));
	if (!is_xt40 && size > 0)
		gt06_block_read_sized_cell(f, &cell, size);
	else if (is_xt40 && !gt06_block_read_cell(f, &cell, GT06_CELL_CID4))
		gt06_frame_keep(f, &cell, "cell");
}

static void read_nt_tail(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	report_set_battery_mv(f->report, reader_u8(r) * INT64_C(100));
	report_set_gsm_percent(f->report, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	report_set_odometer(f->report, (int64_t)reader_be(r, 3));
	extra_int(f->out, f->report, "engine_min", (int64_t)reader_be(r, 3));
	if (f->type != 0x25 || r->left < 2)
		return;
	reader_u8(r); // length of the driver
	extra_int(f->out, f->report, "driver_kind", reader_u8(r));
	size_t len = r->left;
	gt06_frame_set_driver_hex(f, reader_bytes(r, len), len);
}

enum decode_status gt06_model_read_nt(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	uint8_t source = reader_u8(r);
	size_t size;
	const uint8_t *id = reader_bytes(r, 8);
	reader_bytes(r, 6); // the time of sending
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	extra_int(f->out, f->report, "source", source);
	gt06_frame_keep_imei(f, id);
	size_t k = reader_u8(r);
	if (!fit_nt_cell(r, k, f->type == 0x25, &size))
		return gt06_frame_keep_tail(f, r);
	read_nt_cell(f, r, k, size);
	read_nt_tail(f, r);
	return DECODE_OK;
}

// 22 of GL21L, 24 of SR411, 1E of JI09, 31 of SL4X ------------------------------

// Opens the report with the GPS block, if `left` bytes follow it whose cell is possible. Returns
// false if the reader must end with *status.
static bool begin(
	struct gt06_frame *f, size_t left, struct gt06_widths widths, enum decode_status *status)
{
	*status = gt06_block_begin_gps(f, &f->body);
	if (*status != DECODE_OK)
		return false;
	if (f->body.left == left && gt06_block_is_cell(&f->body, widths))
		return true;
	*status = gt06_frame_keep_tail(f, &f->body);
	return false;
}

enum decode_status gt06_model_read_gl21l(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status;
	if (!begin(f, 24, GT06_CELL_CID4, &status))
		return status;
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	gt06_block_read_upload(f, r);
	gt06_frame_read_mileage(f, r);
	extra_int(f->out, f->report, "travel_time_s", reader_be32(r));
	unsigned word = reader_be16(r);
	int degrees = word & 0x7FFF;
	extra_fixed(f->out, f->report, "temperature", word >> 15 ? -degrees : degrees, 2);
	const uint16_t humidity_e2 = reader_be16(r);
	if (humidity_e2 <= 10000) // %
		extra_fixed(f->out, f->report, "humidity", humidity_e2, 2);
	return DECODE_OK;
}

enum decode_status gt06_model_read_sr411(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status;
	if (!begin(f, 23, (struct gt06_widths){1, 2, 3}, &status))
		return status;
	gt06_block_read_cell(f, r, GT06_CELL_2G);
	report_set_ignition(f->report, reader_u8(r) != 0);
	gt06_frame_read_power(f, r);
	report_set_battery_mv(f->report, reader_be16(r) * INT64_C(10));
	gt06_frame_keep_filler(f, r);
	return DECODE_OK;
}

enum decode_status gt06_model_read_ji09(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	struct reader cells = *r;
	unsigned mcc = reader_be16(&cells), mnc = reader_u8(&cells);
	if (cells.left < 3 || (cells.left - 3) % 6 || !gt06_block_is_network(mcc, mnc))
		return gt06_frame_keep_tail(f, r);
	*r = cells;
	gt06_block_read_cells(f, r, mcc, mnc, GT06_CELL_2G, (r->left - 3) / 6);
	extra_int(f->out, f->report, "timing_advance", reader_u8(r));
	return DECODE_OK;
}

enum decode_status gt06_model_read_sl4x(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status;
	if (!begin(f, 19, GT06_CELL_WIDE, &status))
		return status;
	gt06_block_read_cell(f, r, GT06_CELL_WIDE);
	gt06_block_read_upload(f, r);
	gt06_frame_read_mileage(f, r);
	report_set_altitude(f->report, (int16_t)reader_be16(r) * INT64_C(100));
	return DECODE_OK;
}

// 61 of iButton readers ---------------------------------------------------------

bool gt06_model_is_ibutton(const struct gt06_frame *f)
{
	if (f->body.left != 41)
		return false;
	struct reader gps = reader_of(f->body.at + 8, 33);
	struct reader cell = reader_of(gps.at + 18, 15);
	return gt06_block_is_gps(&gps) && gt06_block_is_cell(&cell, GT06_CELL_CID4);
}

enum decode_status gt06_model_read_ibutton(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	const uint8_t *id = reader_bytes(r, 8);
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	gt06_frame_keep_imei(f, id);
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	gt06_frame_set_driver_number(f, reader_be(r, 6));
	return DECODE_OK;
}

// X1 ----------------------------------------------------------------------------

bool gt06_model_is_x1(const struct gt06_frame *f)
{
	if (f->body.left < 51)
		return false;
	struct reader gps = reader_of(f->body.at + 4, f->body.left - 4);
	struct reader cell = reader_of(gps.at + 24, 9);
	size_t adc_count =
		f->body.at[46] >> 4; // 41 to 44 are battery and power, 45 to 48 the ports
	return f->body.left == 51 + 2 * adc_count && gt06_block_is_gps(&gps) &&
	       gt06_block_is_cell(&cell, GT06_CELL_CID4);
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
	extra_int(f->out, f->report, "terminal", reader_be16(r));
	gt06_frame_read_mileage(f, r);
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	gt06_frame_set_driver_number(f, reader_be32(r));
	report_set_battery_mv(f->report, reader_be16(r) * INT64_C(10));
	gt06_frame_read_power(f, r);
	const uint32_t ports = reader_be32(r);
	const unsigned adc_count = ports >> 20 & 15;
	extra_int(f->out, f->report, "ports", ports);
	report_set_inputs(f->report, reader_u8(r));
	report_set_outputs(f->report, reader_u8(r));
	for (unsigned i = 0; i < adc_count && i < 4; i++)
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

// Returns true if a possible cell follows, and then the bytes of the tail with a possible level and language.
static bool is_lw_tail(const struct reader *r)
{
	const size_t size = r->left >= LW_TAIL ? r->left - LW_TAIL : 0;
	const uint8_t *tail = r->at + size;
	return size == 15u + (size > 0 && r->at[0] >> 7) && gt06_block_is_cell(r, GT06_CELL_4G) &&
	       tail[4] <= 100 && tail[7] <= 3;
}

enum decode_status gt06_model_read_lw(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!is_lw_tail(r))
		return gt06_frame_keep_tail(f, r);
	f->variant = GT06_LW;
	gt06_block_read_cell(f, r, GT06_CELL_4G);
	extra_int(f->out, f->report, "network", reader_u8(r));
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	gt06_block_set_level(f, reader_u8(r));
	gt06_block_set_gsm(f, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
	gt06_frame_read_mileage(f, r);
	extra_int(f->out, f->report, "engine_s", reader_be32(r));
	struct reader id = reader_of(reader_bytes(r, 8), 8);
	if (!gt06_frame_is_own_ident(f->session, id.at))
		gt06_frame_keep_filler(f, &id);
	report_set_inputs(f->report, reader_be16(r));
	return DECODE_OK;
}

// TRX-16 ----------------------------------------------------------------------

enum decode_status gt06_model_read_trx_17(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!gt06_block_read_cell(f, r, GT06_CELL_2G) || r->left != 9)
		return gt06_frame_keep_tail(f, r);
	gt06_frame_set_driver_id(f, reader_bytes(r, 8));
	extra_bool(f->out, f->report, "rfid_valid", reader_u8(r) != 0);
	return DECODE_OK;
}

bool gt06_model_is_trx_36(const struct gt06_frame *f)
{
	return !f->extended && gt06_block_is_gps(&f->body);
}

enum decode_status gt06_model_read_trx_36(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status;
	if (!begin(f, 30, GT06_CELL_CID4, &status))
		return status;
	gt06_block_read_cell(f, r, GT06_CELL_CID4);
	gt06_block_read_upload(f, r);
	gt06_frame_read_mileage(f, r);
	gt06_frame_read_power(f, r);
	report_set_battery_mv(f->report, reader_u8(r) * INT64_C(100));
	extra_int(f->out, f->report, "engine_min", (int64_t)reader_be(r, 3));
	gt06_frame_set_driver_id(f, reader_bytes(r, 8));
	return DECODE_OK;
}

// AZ735 -----------------------------------------------------------------------

// The variable parts, each with its length in front.
struct az735 {
	struct reader gps, cell, cells, wifi, extension;
	uint8_t status;
};

static struct reader next_part(struct reader *r)
{
	size_t size = reader_u8(r);
	const uint8_t *bytes = reader_bytes(r, size);
	return reader_of(bytes, bytes ? size : 0);
}

// Returns true if CELL and an rssi follow, perhaps with bytes between them.
static bool is_az735_cell(const struct reader *r)
{
	return r->left >= 9u + (r->at[0] >> 7) && gt06_block_is_cell(r, GT06_CELL_2G);
}

static bool split_az735(struct reader r, struct az735 *parts)
{
	reader_bytes(&r, 6);
	parts->gps = next_part(&r);
	parts->cell = next_part(&r);
	parts->cells = next_part(&r);
	parts->wifi = next_part(&r);
	parts->status = reader_u8(&r);
	parts->extension = next_part(&r);
	return !r.bad && r.left == 0 &&
	       (parts->gps.left == 0 ||
		       (parts->gps.left == 12 && gt06_block_is_place(&parts->gps))) &&
	       (parts->cell.left == 0 || is_az735_cell(&parts->cell)) &&
	       parts->cells.left % 6 == 0 && parts->wifi.left % 7 == 0;
}

bool gt06_model_is_az735(const struct gt06_frame *f)
{
	struct az735 parts;
	return f->extended && gt06_frame_is_time(&f->body) && split_az735(f->body, &parts);
}

static void read_az735_cell(struct gt06_frame *f, struct reader *r)
{
	if (r->left == 0)
		return;
	gt06_block_read_cell(f, r, GT06_CELL_2G);
	reader_bytes(r, r->left - 1);
	extra_int(f->out, f->report, "rssi", -reader_u8(r));
}

enum decode_status gt06_model_read_az735(struct gt06_frame *f)
{
	struct az735 parts;
	enum alarm alarm;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, &f->body);
	split_az735((struct reader){f->body.at - 6, f->body.left + 6, false}, &parts);
	if (parts.gps.left > 0)
		gt06_block_read_place(f, &parts.gps);
	read_az735_cell(f, &parts.cell);
	gt06_block_read_neighbours(f, &parts.cells, parts.cells.left / 6);
	gt06_block_read_wifi(f, &parts.wifi, parts.wifi.left / 7);
	extra_int(f->out, f->report, f->type == 0x33 ? "alarm" : "status", parts.status);
	if (f->type == 0x33 && gt06_alarm_of_az735(parts.status, &alarm))
		report_add_alarm(f->report, alarm);
	gt06_frame_keep(f, &parts.extension, "unknown");
	return DECODE_OK;
}
