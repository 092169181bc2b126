// SPDX-License-Identifier: MIT
// GT06 messages whose place is cells and access points, from the makers' manuals:
//
//   18, 24, 28, 2C, 2E   time, MCC, MNC, 7 x (LAC, CID u24, rssi), timing advance u8, points or
//                        language   (A1, A2: LAC u32, CID u64)
//   19, A5       CELL, STATUS
//   19 Space10X  time, MCC, MNC u8, n u8, n x (LAC, CID u24, rssi), u16
//   17, A7       CELL, telephone number of 21 bytes, language u16
//   24 WanWay    time, timing advance u8, MCC, MNC u8, n u8, n x (LAC, CID u24, rssi), filler
//   33 SL4X      time, MCC, MNC u8, 6 x (LAC, CID u32, rssi), timing advance u8, points;
//                or time, timing advance u8, MCC, MNC u16, 6 x (LAC, CID u32, rssi), points
//   34 SL4X      time, timing advance u8, MCC, MNC u16, cells as in 33 to the end
//   A9           time, MCC, MNC, 4G u8, n u8, n cells, timing advance u8, points, alarm, language
//   F3           time, n u8, n x (u16, MAC)
//   points       n u8, n x (MAC, rssi)
#include "decoders/gt06/gt06_network.h"
#include "decoders/gt06/gt06_block.h"
#include "util/text.h"

#include <string.h>

#define CELL_2G_SIZE 6 /* LAC, CID, rssi */
#define CELL_32_SIZE 7
#define POINT_SIZE   7

static size_t size_of(struct gt06_widths widths)
{
	return (size_t)widths.lac + widths.cid + 1;
}

// Reads a time. Returns false if it is invalid.
static bool is_time(struct reader *r)
{
	int64_t time_us;
	bool absent;
	return gt06_frame_read_time(r, &time_us, &absent);
}

// MCC and MNC, of two bytes if bit 15 of the MCC is set.
struct network {
	unsigned mcc, mnc;
};

static struct network read_network(struct reader *r)
{
	unsigned mcc = reader_be16(r);
	unsigned mnc = (unsigned)reader_be(r, mcc >> 15 ? 2 : 1);
	return (struct network){mcc & 0x7FFF, mnc};
}

static bool is_network(const struct network *network)
{
	return gt06_block_is_network(network->mcc, network->mnc);
}

// 19, A5, 17, A7 --------------------------------------------------------------

// STATUS has 5 bytes, CELL all bytes before it.
bool gt06_network_is_cell_status(const struct gt06_frame *f)
{
	size_t size = f->body.left >= 5 ? f->body.left - 5 : 0;
	const bool fits = f->type == 0xA5 ? size == 15 || size == 16 : size >= 8 && size <= 10;
	return fits && gt06_block_is_sized_cell(&f->body, size);
}

enum decode_status gt06_network_read_cell_status(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	gt06_frame_begin(f, -1);
	gt06_block_read_sized_cell(f, r, r->left - 5);
	gt06_block_read_status(f, r);
	return DECODE_OK;
}

enum decode_status gt06_network_read_phone(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	const size_t size = r->left > 23 ? r->left - 23 : 0;
	const bool fits = f->type == 0xA7 ? size == 15 || size == 16 : size == 8 || size == 9;
	if (!fits || !gt06_block_is_sized_cell(r, size))
		return gt06_frame_read_opaque(f);
	gt06_frame_begin(f, -1);
	gt06_block_read_sized_cell(f, r, size);
	struct reader phone = reader_of(r->at, 21);
	const uint8_t *nul = memchr(phone.at, 0, phone.left);
	size_t len = nul ? (size_t)(nul - phone.at) : phone.left;
	if (gt06_frame_is_printable(phone.at, len))
		extra_text(f->out, f->report, "phone", reader_bytes(&phone, len), len);
	gt06_frame_keep_filler(f, &phone);
	return DECODE_OK;
}

// 19 of Space10X, 24 of WanWay ------------------------------------------------

// Reads time, [timing advance,] MCC, MNC u8, n u8. Returns true if n cells fit in the rest.
static bool find_list(struct reader *r, bool has_advance, struct network *network, size_t *count)
{
	if (!is_time(r))
		return false;
	reader_bytes(r, has_advance);
	network->mcc = reader_be16(r);
	network->mnc = reader_u8(r);
	*count = reader_u8(r);
	return !r->bad && is_network(network) && *count * CELL_2G_SIZE <= r->left;
}

static enum decode_status read_list(struct gt06_frame *f, bool has_advance)
{
	struct reader *r = &f->body;
	struct reader time = *r;
	struct network network = {0, 0};
	size_t count = 0;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, &time);
	if (has_advance)
		extra_int(f->out, f->report, "timing_advance", time.at[0]);
	find_list(r, has_advance, &network, &count);
	gt06_block_read_cells(f, r, network.mcc, network.mnc, GT06_CELL_2G, count);
	gt06_frame_keep_filler(f, r);
	return DECODE_OK;
}

bool gt06_network_is_cell_list(const struct gt06_frame *f)
{
	struct reader r = f->body;
	struct network network;
	size_t count;
	return find_list(&r, false, &network, &count) && r.left == count * CELL_2G_SIZE + 2;
}

enum decode_status gt06_network_read_cell_list(struct gt06_frame *f)
{
	return read_list(f, false);
}

bool gt06_network_is_wanway(const struct gt06_frame *f)
{
	struct reader r = f->body;
	struct network network;
	size_t count;
	return find_list(&r, true, &network, &count);
}

enum decode_status gt06_network_read_wanway(struct gt06_frame *f)
{
	return read_list(f, true);
}

// 33 and 34 of SL4X -----------------------------------------------------------

#define SL4X_CELLS 6 /* in 33 */

// Returns true if points follow and fill the bytes.
static bool is_points(const struct reader *r)
{
	return r->left > 0 && r->left == 1 + r->at[0] * (size_t)POINT_SIZE;
}

static bool is_sl4x(struct reader r, bool advance_first, bool has_points)
{
	if (!is_time(&r))
		return false;
	reader_bytes(&r, advance_first);
	struct network network = {reader_be16(&r), 0};
	network.mnc = (unsigned)reader_be(&r, advance_first ? 2 : 1);
	if (has_points)
		reader_bytes(&r, (size_t)SL4X_CELLS * CELL_32_SIZE + !advance_first);
	return !r.bad && is_network(&network) && (!has_points || is_points(&r));
}

bool gt06_network_is_sl4x_33(const struct gt06_frame *f)
{
	return is_sl4x(f->body, false, true) || is_sl4x(f->body, true, true);
}

bool gt06_network_is_sl4x_34(const struct gt06_frame *f)
{
	return is_sl4x(f->body, true, false);
}

static void read_points(struct gt06_frame *f, struct reader *r)
{
	size_t count = reader_u8(r);
	gt06_block_read_wifi(f, r, count);
}

enum decode_status gt06_network_read_sl4x(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	const bool has_points = f->type == 0x33;
	const bool advance_first = !has_points || !is_sl4x(*r, false, true);
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	if (advance_first)
		extra_int(f->out, f->report, "timing_advance", reader_u8(r));
	unsigned mcc = reader_be16(r);
	unsigned mnc = (unsigned)reader_be(r, advance_first ? 2 : 1);
	size_t count = has_points ? SL4X_CELLS : r->left / CELL_32_SIZE;
	gt06_block_read_cells(f, r, mcc, mnc, GT06_CELL_32, count);
	if (!has_points) {
		gt06_frame_keep_filler(f, r);
		return DECODE_OK;
	}
	if (!advance_first)
		extra_int(f->out, f->report, "timing_advance", reader_u8(r));
	read_points(f, r);
	return DECODE_OK;
}

// 18, 24, 28, 2C, 2E, A1, A2 --------------------------------------------------

#define LBS_CELLS 7

// Finds the access points in the bytes after the timing advance. The language u16 may come before
// or after them, or alone. Returns false if the number of bytes fits none of these.
static bool find_points(struct reader *r)
{
	const size_t left = r->left;
	if (left == 0 || is_points(r) ||
		(left > 2 && left - 2 == 1 + r->at[0] * (size_t)POINT_SIZE))
		return true;
	if (left < 2)
		return false;
	reader_bytes(r, 2);
	return left == 2 || is_points(r);
}

enum decode_status gt06_network_read_lbs(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	struct gt06_widths widths =
		f->type == 0xA1 || f->type == 0xA2 ? GT06_CELL_4G : GT06_CELL_2G;
	struct reader time = *r;
	if (!is_time(&time))
		return gt06_frame_read_opaque(f);
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	struct reader cells = *r;
	struct network network = read_network(&cells);
	struct reader tail = cells;
	reader_bytes(&tail, LBS_CELLS * size_of(widths) + 1);
	if (tail.bad || !is_network(&network) || !find_points(&tail))
		return gt06_frame_keep_tail(f, r);
	gt06_block_read_cells(f, &cells, network.mcc, network.mnc, widths, LBS_CELLS);
	extra_int(f->out, f->report, "timing_advance", reader_u8(&cells));
	if (tail.left > 0)
		read_points(f, &tail);
	return DECODE_OK;
}

// A9 --------------------------------------------------------------------------

// Finds the widths of the cells such that all lengths add up: 4G ones if the flag says so, else
// with a CID of 3 or, in one firmware, 2 bytes.
static bool fit_alarm_cells(struct reader r, bool is_4g, size_t count, struct gt06_widths *widths)
{
	const struct gt06_widths forms[] = {
		is_4g ? GT06_CELL_4G : GT06_CELL_2G,
		{0, 2, 2},
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct reader points = r;
		*widths = forms[i];
		reader_bytes(&points, count * size_of(*widths) + 1);
		if (!points.bad && points.left >= 3 &&
			points.left == 3 + points.at[0] * (size_t)POINT_SIZE &&
			(points.at[points.left - 1] & 15) <= 3)
			return true;
	}
	return false;
}

enum decode_status gt06_network_read_alarm(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	struct reader cells = *r;
	struct gt06_widths widths;
	if (!is_time(&cells))
		return gt06_frame_read_opaque(f);
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	struct network network = read_network(&cells);
	bool is_4g = reader_u8(&cells) != 0;
	size_t count = reader_u8(&cells);
	if (cells.bad || !is_network(&network) || !fit_alarm_cells(cells, is_4g, count, &widths))
		return gt06_frame_keep_tail(f, r);
	gt06_block_read_cells(f, &cells, network.mcc, network.mnc, widths, count);
	extra_int(f->out, f->report, "timing_advance", reader_u8(&cells));
	read_points(f, &cells);
	unsigned code = reader_u8(&cells);
	code |= (reader_u8(&cells) & 0xF0u) << 4; // language; its high nibble belongs to the code
	gt06_block_set_alarm(f, 0, code);
	return DECODE_OK;
}

// F3, Topin-like --------------------------------------------------------------

#define F3_POINT_SIZE 8

bool gt06_network_is_access_points(const struct gt06_frame *f)
{
	struct reader r = f->body;
	return is_time(&r) && r.left > 0 && r.left == 1 + r.at[0] * (size_t)F3_POINT_SIZE;
}

enum decode_status gt06_network_read_access_points(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	gt06_frame_begin(f, -1);
	gt06_frame_read_clock(f, r);
	size_t count = reader_u8(r);
	gt06_block_read_macs(f, r, count);
	return DECODE_OK;
}

// Returns UINT8_MAX, which is no part of a time, if a half byte is above 9.
static unsigned of_bcd(uint8_t byte)
{
	const unsigned tens = byte >> 4, ones = byte & 15;
	return tens > 9 || ones > 9 ? UINT8_MAX : tens * 10 + ones;
}

// Topin-like: time in BCD, n x (MAC, rssi); then nothing, or m, MCC, MNC u8, m x (LAC u16, CID u16,
// rssi). n is in the place of the length field.
enum decode_status gt06_network_read_topin(struct gt06_frame *f)
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
	struct reader cells = *r;
	size_t count = reader_u8(&cells);
	unsigned mcc = reader_be16(&cells), mnc = reader_u8(&cells);
	if (!gt06_block_is_network(mcc, mnc)) {
		gt06_frame_keep(f, r, "unknown");
		return DECODE_OK;
	}
	gt06_block_read_cells(f, &cells, mcc, mnc, (struct gt06_widths){1, 2, 2}, count);
	return DECODE_OK;
}
