// SPDX-License-Identifier: MIT
// GT06 messages that begin with a GPS block, from the makers' manuals:
//
//   10, 11, 12                 GPS [CELL [tail]]
//   16, 26, 27, 32, A3, A4     GPS k CELL STATUS [fence u8] [mileage u32]   k: length of CELL
//   22, 2D, 31, A0             GPS CELL ACC [mileage u32]
//   37                         GPS CELL ACC items
//   1A, 2A                     GPS, telephone number
//   ACC                        ignition u8, reason u8, buffered u8
//
// The layout depends on firmware and only the length shows which one was sent. A tail that fits no
// layout is kept as hex; the position remains valid.
#include "decoders/gt06/gt06_position.h"
#include "decoders/gt06/gt06_block.h"
#include "decoders/gt06/gt06_items.h"

#define ACC_SIZE 3

// Types 10, 11, 12 ------------------------------------------------------------

// Reads the tail of Benway. Bit 15: ACC; 14: input 2; 12: temperature, in bits 8..0 with the sign
// in 9; else a voltage in bits 9..0, in tenths unless bit 13 is set.
static void read_benway(struct gt06_frame *f, struct reader *r)
{
	unsigned word = reader_be16(r);
	int size = word & 0x1FF;
	report_set_ignition(f->report, word >> 15 & 1);
	report_set_inputs(f->report, (word >> 14 & 1) << 1);
	if (word >> 12 & 1)
		extra_int(f->out, f->report, "temperature", word >> 9 & 1 ? -size : size);
	else
		extra_fixed(f->out, f->report, "adc", word & 0x3FF, word >> 13 & 1 ? 0 : 1);
}

static void read_vxt01(struct gt06_frame *f, struct reader *r)
{
	f->memo.variant = f->variant = GT06_VXT01;
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	gt06_block_set_gsm(f, reader_u8(r));
	gt06_block_set_alarm(f, info, 0);
	gt06_frame_keep(f, r, "unknown");
}

// Returns m if a card follows: mileage u32, m u8, m bytes of card text, and four bytes (WeTrust) or
// two (GT06E). Else returns 0.
static size_t card_size(const struct reader *r)
{
	const size_t size = r->left > 4 ? r->at[4] : 0;
	return r->left == 9 + size || r->left == 7 + size ? size : 0;
}

// A card of three or five bytes can have the length of the tail of S5. A GSM level above 4 shows the
// card, a text that is not printable shows S5; if neither does, both are possible.
#define OIL_SIZE 12
#define GSM_MOST 4

static bool is_oil(const struct reader *r)
{
	const size_t size = card_size(r);
	return size == 0 || (r->at[3] <= GSM_MOST && !gt06_frame_is_printable(r->at + 5, size));
}

// Returns false, and reads nothing, if no card follows or it may be the tail of S5.
static bool read_card(struct gt06_frame *f, struct reader *r)
{
	const size_t size = card_size(r);
	const bool has_time = r->left == 9 + size;
	if (size == 0 || (r->left == OIL_SIZE && r->at[3] <= GSM_MOST))
		return false;
	gt06_frame_read_mileage(f, r);
	reader_u8(r);
	const uint8_t *card = reader_bytes(r, size);
	if (!(size == 1 && card[0] == '0'))
		gt06_frame_set_driver(f, card, size);
	uint8_t alarm = reader_u8(r);
	if (alarm)
		extra_int(f->out, f->report, "alarm", alarm);
	if (alarm && has_time)
		report_add_alarm(f->report, ALARM_GENERAL);
	extra_int(f->out, f->report, "card_state", reader_u8(r)); // 1: card was read
	if (has_time)
		extra_int(f->out, f->report, "driving_time", reader_be16(r));
	return true;
}

static void read_oil(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	gt06_block_set_gsm(f, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	extra_int(f->out, f->report, "oil", reader_be16(r));
	uint8_t temperature = reader_u8(r);
	int degrees = temperature & 0x7F;
	extra_int(f->out, f->report, "temperature", temperature >> 7 ? -degrees : degrees);
	report_set_odometer(f->report, reader_be32(r) * INT64_C(10));
}

struct tail {
	size_t length;                        /* the frame's length field, 0: any */
	size_t left;                          /* bytes after the cell */
	bool (*fits)(const struct reader *r); /* NULL: any bytes */
	void (*read)(struct gt06_frame *f, struct reader *r);
};

static void read_acc_mileage(struct gt06_frame *f, struct reader *r)
{
	gt06_block_read_upload(f, r);
	gt06_frame_read_mileage(f, r);
}

static const struct tail tails[] = {
	{0x21, 2, NULL, read_benway},
	{0x24, 5, NULL, read_vxt01},
	{0x2B, OIL_SIZE, is_oil, read_oil},
	{0, ACC_SIZE, NULL, gt06_block_read_upload},
	{0, 4, NULL, gt06_frame_read_mileage},
	{0, 7, NULL, read_acc_mileage},
};

static enum decode_status read_tail(struct gt06_frame *f, struct reader *r, size_t length)
{
	if (r->left == 0)
		return DECODE_OK;
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		const struct tail *tail = &tails[i];
		if ((tail->length == 0 || tail->length == length) && tail->left == r->left &&
			(!tail->fits || tail->fits(r))) {
			tail->read(f, r);
			return DECODE_OK;
		}
	}
	return f->type == 0x12 && read_card(f, r) ? DECODE_OK : gt06_frame_keep_tail(f, r);
}

// Returns true for a 12 of QH302R, which puts an IMEI in front: that of the log-in, else devices.model decides.
static bool is_qh302r(const struct gt06_frame *f)
{
	if (f->type != 0x12 || f->body.left < 8)
		return false;
	if (gt06_frame_is_own_ident(f->session, f->body.at))
		return true;
	struct reader gps = reader_of(f->body.at + 8, f->body.left - 8);
	return f->length == 0x27 && gt06_frame_is_imei(f->body.at) && gt06_block_is_gps(&gps) &&
	       gt06_frame_model(f->session) == GT06_QH302R;
}

enum decode_status gt06_position_read_cell(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	size_t length = f->length;
	const uint8_t *id = is_qh302r(f) ? reader_bytes(r, 8) : NULL;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (id) {
		length -= 8;
		gt06_frame_keep_imei(f, id);
	}
	if (f->type == 0x10) {
		gt06_frame_keep(f, r, "unknown");
		return DECODE_OK;
	}
	if (!gt06_block_read_cell(f, r, f->type == 0x11 ? GT06_CELL_WIDE : GT06_CELL_2G))
		return gt06_frame_keep_tail(f, r);
	return read_tail(f, r, length);
}

// Types 16, 26, 27, 32, A3, A4 ------------------------------------------------

static bool is_legal(const uint8_t sizes[4], size_t size)
{
	for (size_t i = 0; i < 4 && sizes[i]; i++) {
		if (sizes[i] == size)
			return true;
	}
	return false;
}

static bool is_cell_of(const struct reader *r, size_t size, const uint8_t tail_sizes[4])
{
	bool is_cell = (size >= 8 && size <= 10) || size == 15 || size == 16;
	return is_cell && size <= r->left && is_legal(tail_sizes, r->left - size);
}

// Returns true if the network and the STATUS of a cell of this size are possible. It must have a
// tail of legal size.
static bool is_possible(const struct reader *r, size_t size)
{
	// 8 and 15 bytes have no room for a long MNC, 16 bytes have it.
	if (size != 9 && size != 10 && (size == 16) != r->at[0] >> 7)
		return false;
	return gt06_block_is_cell(r, gt06_block_widths_of(r->at, size)) &&
	       gt06_block_is_status(r->at + size);
}

// Without a cell (k = 0) bytes of any content may take its place.
static bool fit_no_cell(const struct reader *r, const uint8_t tail_sizes[4], size_t *size)
{
	static const uint8_t sizes[] = {45, 8, 0};
	bool found = false;
	for (size_t i = 0; i < sizeof sizes; i++) {
		if (sizes[i] > r->left || !is_legal(tail_sizes, r->left - sizes[i]))
			continue;
		bool possible = gt06_block_is_status(r->at + sizes[i]);
		if (!found || possible)
			*size = sizes[i];
		if (possible)
			return true;
		found = true;
	}
	return found;
}

// Finds the size of the cell such that the rest has the size of a known tail. Whether the length
// byte k counts itself depends on firmware. A k that fits neither way, or gives an impossible cell,
// is ignored if another size gives possible values.
static bool fit_cell(const struct reader *r, size_t k, const uint8_t tail_sizes[4], size_t *size)
{
	static const uint8_t sizes[] = {8, 9, 10, 15, 16};
	if (k == 0)
		return fit_no_cell(r, tail_sizes, size);
	bool counts_itself = is_cell_of(r, k - 1, tail_sizes),
	     counts_not = is_cell_of(r, k, tail_sizes);
	if (counts_itself && counts_not) // only in A3
		counts_itself = is_possible(r, k - 1) || !is_possible(r, k);
	const size_t by_k = counts_itself ? k - 1 : k;
	const bool fits = counts_itself || counts_not;
	*size = by_k;
	if (fits && gt06_block_is_sized_cell(r, by_k))
		return true;
	for (size_t i = 0; i < sizeof sizes; i++) {
		*size = sizes[i];
		if (is_cell_of(r, *size, tail_sizes) && is_possible(r, *size))
			return true;
	}
	*size = by_k;
	return fits;
}

static const uint8_t *tail_sizes_of(uint8_t type)
{
	static const uint8_t plain[4] = {5, 9, 13}, fence[4] = {6, 10}, both[4] = {5, 6, 9, 10},
			     sl4x[4] = {5, 7};
	switch (type) {
	case 0x16:
	case 0x26:
		return plain;
	case 0xA3:
		return both;
	case 0x32:
		return sl4x;
	default:
		return fence;
	}
}

// Reads the STATUS of SEEWORLD: level and GSM in percent.
static void read_percent_status(struct gt06_frame *f, struct reader *r)
{
	f->variant = GT06_SEEWORLD;
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	report_set_battery_percent(f->report, reader_u8(r));
	report_set_gsm_percent(f->report, reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	reader_u8(r); // language
}

// Reads STATUS and what follows it: [fence u8] [mileage u32], altitude s16 (SL4X), or an RFID
// (TRX16).
static void read_status_tail(struct gt06_frame *f, struct reader *r)
{
	if (r->left == 13 && f->type == 0x16)
		f->variant = GT06_TRX16;
	gt06_block_read_status(f, r);
	if (r->left == 1 || r->left == 5) {
		uint8_t fence = reader_u8(r);
		if (fence != 0xFF)
			extra_int(f->out, f->report, "fence", fence);
	}
	if (r->left == 2)
		report_set_altitude(f->report, (int16_t)reader_be16(r) * INT64_C(100));
	if (r->left == 8 && f->type == 0x16)
		gt06_frame_set_driver_id(f, reader_bytes(r, 8));
	if (r->left == 4)
		gt06_frame_read_mileage(f, r);
	gt06_frame_keep(f, r, "unknown");
}

enum decode_status gt06_position_read_status(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	size_t size = 0;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (r->left == 0)
		return gt06_frame_keep_tail(f, r);
	size_t k = reader_u8(r);
	if (!fit_cell(r, k, tail_sizes_of(f->type), &size)) {
		extra_int(f->out, f->report, "cell_size", (int64_t)k);
		return gt06_frame_keep_tail(f, r);
	}
	struct reader tail = {r->at + size, r->left - size, false};
	struct reader cell = reader_of(r->at, size);
	const bool is_seeworld = f->type == 0x16 && size == 9 && tail.left == 5 && !(r->at[0] >> 7);
	if (k > 0)
		gt06_block_read_sized_cell(f, &cell, size);
	if (is_seeworld)
		read_percent_status(f, &tail);
	else
		read_status_tail(f, &tail);
	return DECODE_OK;
}

// Types 22, 2D, 31, 37, A0 ----------------------------------------------------

// Reads the part after the cell. In 37 items follow, in some firmware after the mileage.
static enum decode_status read_acc_tail(struct gt06_frame *f, struct reader *r)
{
	struct reader rest = *r, items;
	bool has_items = f->type == 0x37;
	reader_bytes(&rest, ACC_SIZE);
	items = rest;
	reader_bytes(&items, 4);
	bool mileage = rest.left == 4 || (has_items && rest.left > 4 && gt06_items_fit(&items));
	bool plain = rest.left == 0 || (has_items && gt06_items_fit(&rest));
	if (rest.bad || !(plain || mileage))
		return gt06_frame_keep_tail(f, r);
	gt06_block_read_upload(f, r);
	if (!plain)
		gt06_frame_read_mileage(f, r);
	if (has_items)
		gt06_items_read_list(f, r);
	return DECODE_OK;
}

enum decode_status gt06_position_read_acc(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (!gt06_block_read_cell(f, r, f->type == 0xA0 ? GT06_CELL_4G : GT06_CELL_2G))
		return gt06_frame_keep_tail(f, r);
	return read_acc_tail(f, r);
}

// Types 1A, 2A ----------------------------------------------------------------

static size_t text_len(const struct reader *r)
{
	size_t len = 0;
	while (len < r->left && r->at[len])
		len++;
	return len;
}

enum decode_status gt06_position_read_phone(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (f->type == 0x2A && r->left != 23)
		return gt06_frame_keep_tail(f, r);
	struct reader phone = reader_of(r->at, f->type == 0x2A ? 21 : r->left);
	size_t len = text_len(&phone);
	if (gt06_frame_is_printable(phone.at, len))
		extra_text(f->out, f->report, "phone", reader_bytes(&phone, len), len);
	gt06_frame_keep_filler(f, &phone);
	return DECODE_OK;
}
