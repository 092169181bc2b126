// SPDX-License-Identifier: MIT
// GT06 messages that begin with a GPS block, from the makers' manuals:
//
//   10, 11, 12                     GPS [CELL [tail]]
//   16, 26, 27, 32, A3, A4, A9     GPS k CELL STATUS [fence u8] [mileage u32]   k: length of CELL
//   22, 2D, 31, 37, A0             GPS CELL ACC [mileage u32]
//   ACC                            ignition u8, reason u8, buffered u8
//
// The layout depends on firmware and only the length shows which one was sent. A tail that fits no
// layout is kept as hex; the position remains valid.
#include "decoders/gt06/gt06_position.h"
#include "decoders/gt06/gt06_block.h"

// Reads the ACC block.
static void read_acc(struct gt06_frame *f, struct reader *r)
{
	report_set_ignition(f->report, reader_u8(r) != 0);
	extra_int(f->out, f->report, "reason", reader_u8(r));
	f->buffered = reader_u8(r) == 1;
}

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
	f->memo.variant = GT06_VXT01;
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	extra_int(f->out, f->report, "rssi", reader_u8(r));
	gt06_block_set_alarm(f, info, 0);
	gt06_frame_keep(f, r, "unknown");
}

// Reads the text of a card, which may have its length in front.
static void read_card(struct gt06_frame *f, struct reader *r, size_t size)
{
	const uint8_t *card = reader_bytes(r, size);
	if (!card || size == 0)
		return;
	bool has_length = card[0] == size - 1;
	gt06_frame_set_driver(f, card + has_length, size - has_length);
}

static void read_card_status(struct gt06_frame *f, struct reader *r)
{
	gt06_frame_read_mileage(f, r);
	read_card(f, r, r->left - 4);
	gt06_block_set_alarm(f, 0, reader_u8(r));
	extra_int(f->out, f->report, "card_state", reader_u8(r));
	extra_int(f->out, f->report, "driving_time", reader_be16(r));
}

static void read_long_card(struct gt06_frame *f, struct reader *r)
{
	gt06_frame_read_mileage(f, r);
	read_card(f, r, r->left - 2);
	gt06_frame_keep(f, r, "unknown");
}

static void read_oil(struct gt06_frame *f, struct reader *r)
{
	uint8_t info = reader_u8(r);
	gt06_block_set_info(f, info);
	gt06_frame_read_power(f, r);
	extra_int(f->out, f->report, "rssi", reader_u8(r));
	gt06_block_set_alarm(f, info, reader_u8(r));
	extra_int(f->out, f->report, "oil", reader_be16(r));
	uint8_t temperature = reader_u8(r);
	int degrees = temperature & 0x7F;
	extra_int(f->out, f->report, "temperature", temperature >> 7 ? -degrees : degrees);
	report_set_odometer(f->report, reader_be32(r) * INT64_C(10));
}

struct tail {
	size_t length; /* the frame's length field, 0: any */
	size_t left;   /* bytes after the cell */
	void (*read)(struct gt06_frame *f, struct reader *r);
};

static void read_acc_mileage(struct gt06_frame *f, struct reader *r)
{
	read_acc(f, r);
	gt06_frame_read_mileage(f, r);
}

static const struct tail tails[] = {
	{0x21, 2, read_benway},
	{0x24, 5, read_vxt01},
	{0x29, 10, read_card_status},
	{0x2B, 12, read_oil},
	{0, 3, read_acc},
	{0, 4, gt06_frame_read_mileage},
	{0, 7, read_acc_mileage},
};

static enum decode_status read_tail(struct gt06_frame *f, struct reader *r, size_t length)
{
	if (r->left == 0)
		return DECODE_OK;
	if (length >= 0x71 && r->left > 6) {
		read_long_card(f, r);
		return DECODE_OK;
	}
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		const struct tail *tail = &tails[i];
		if ((tail->length == 0 || tail->length == length) && tail->left == r->left) {
			tail->read(f, r);
			return DECODE_OK;
		}
	}
	return gt06_frame_keep_tail(f, r);
}

enum decode_status gt06_position_read_cell(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	size_t length = f->length;
	if (f->type == 0x12 && r->left >= 8 && gt06_frame_is_own_ident(f->session, r->at)) {
		reader_bytes(r, 8); // QH302R repeats its IMEI
		length -= 8;
	}
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	if (f->type == 0x10) {
		gt06_frame_keep(f, r, "unknown");
		return DECODE_OK;
	}
	if (!gt06_block_read_cell(f, r, f->type == 0x11 ? GT06_CELL_WIDE : GT06_CELL_2G))
		return gt06_frame_keep_tail(f, r);
	return read_tail(f, r, length);
}

// Types 16, 26, 27, 32, A3, A4, A9 --------------------------------------------

static bool is_legal(const uint8_t sizes[4], size_t size)
{
	for (size_t i = 0; i < 4 && sizes[i]; i++) {
		if (sizes[i] == size)
			return true;
	}
	return false;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i])
			return false;
	}
	return true;
}

static bool is_cell_of(const struct reader *r, size_t size, const uint8_t tail_sizes[4])
{
	bool is_cell = (size >= 8 && size <= 10) || size >= 15;
	return is_cell && size <= r->left && is_legal(tail_sizes, r->left - size);
}

// Finds the size of the cell such that the rest has the size of a known tail. Whether the length
// byte k counts itself depends on firmware. Without a cell (k = 0) zeros may take its place.
static bool fit_cell(const struct reader *r, size_t k, const uint8_t tail_sizes[4], size_t *size)
{
	static const uint8_t empty_sizes[3] = {45, 8, 0};
	for (size_t i = 0; k == 0 && i < 3; i++) {
		*size = empty_sizes[i];
		if (*size <= r->left && is_legal(tail_sizes, r->left - *size) &&
			is_zero(r->at, *size))
			return true;
	}
	if (k == 0)
		return false;
	bool counts_itself = is_cell_of(r, k - 1, tail_sizes),
	     counts_not = is_cell_of(r, k, tail_sizes);
	// If both fit (A3): 8 and 15 bytes have no room for a long MNC.
	if (counts_itself && counts_not && (k == 9 || k == 16) && r->at[0] >> 7)
		counts_itself = false;
	*size = counts_itself ? k - 1 : k;
	return counts_itself || counts_not;
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

// Reads STATUS and what follows it: [fence u8] [mileage u32], altitude s16 (SL4X), or an RFID
// (TRX16).
static void read_status_tail(struct gt06_frame *f, struct reader *r)
{
	gt06_block_read_status(f, r);
	if (r->left == 1 || r->left == 5) {
		uint8_t fence = reader_u8(r);
		if (fence != 0xFF)
			extra_int(f->out, f->report, "fence", fence);
	}
	if (r->left == 2)
		report_set_altitude(f->report, (int16_t)reader_be16(r) * INT64_C(100));
	if (r->left == 8 && f->type == 0x16)
		gt06_frame_set_driver_hex(f, reader_bytes(r, 8), 8);
	if (r->left >= 4)
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
	if (f->type == 0x32 && (f->length == 0x27 || f->length == 0x29)) {
		size = 10; // SL4X
	} else if (!fit_cell(r, k, tail_sizes_of(f->type), &size)) {
		extra_int(f->out, f->report, "cell_size", (int64_t)k);
		return gt06_frame_keep_tail(f, r);
	}
	struct reader tail = {r->at + size, r->left - size, false};
	struct reader cell = reader_of(r->at, size);
	if (k > 0)
		gt06_block_read_sized_cell(f, &cell, size);
	read_status_tail(f, &tail);
	return DECODE_OK;
}

// Types 22, 2D, 31, 37, A0 ----------------------------------------------------

static bool read_item_37(struct gt06_frame *f, struct reader *r)
{
	unsigned id = reader_be16(r);
	size_t len = reader_u8(r);
	const uint8_t *bytes = reader_bytes(r, len);
	if (!bytes)
		return false;
	struct reader value = reader_of(bytes, len);
	if (id == 0x27 && len == 2)
		gt06_frame_read_power(f, &value);
	else if (id == 0x2E && len == 4)
		gt06_frame_read_mileage(f, &value);
	else if (id == 0x3B && len >= 1 && len <= 4)
		extra_int(f->out, f->report, "accuracy_cm", (int64_t)reader_be(&value, len));
	else
		gt06_frame_keep(f, &value, "item");
	return true;
}

// Reads ACC and mileage. In 37 an item follows the mileage or replaces it; its length byte shows
// which.
static enum decode_status read_acc_tail(struct gt06_frame *f, struct reader *r)
{
	bool has_items = f->type == 0x37;
	read_acc(f, r);
	if (r->left >= 4 && !(has_items && r->at[2] == r->left - 3))
		gt06_frame_read_mileage(f, r);
	while (has_items && r->left >= 3 && read_item_37(f, r))
		;
	if (r->bad)
		gt06_frame_mark_length(f);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

static enum decode_status read_sl4x_tail(struct gt06_frame *f, struct reader *r)
{
	read_acc_mileage(f, r);
	report_set_altitude(f->report, (int16_t)reader_be16(r) * INT64_C(100));
	return DECODE_OK;
}

enum decode_status gt06_position_read_acc(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	bool is_sl4x = f->type == 0x31 && f->length == 0x2A;
	enum decode_status status = gt06_block_begin_gps(f, r);
	if (status != DECODE_OK)
		return status;
	struct gt06_widths widths = is_sl4x           ? GT06_CELL_WIDE
				    : f->type == 0xA0 ? GT06_CELL_4G
						      : GT06_CELL_2G;
	if (!gt06_block_read_cell(f, r, widths))
		return gt06_frame_keep_tail(f, r);
	if (is_sl4x)
		return read_sl4x_tail(f, r);
	if (r->left == 3 || r->left == 7 || (f->type == 0x37 && r->left > 3))
		return read_acc_tail(f, r);
	return gt06_frame_keep_tail(f, r);
}

enum decode_status gt06_position_read_front(struct gt06_frame *f)
{
	if (!gt06_block_is_gps(&f->body))
		return gt06_frame_read_opaque(f);
	enum decode_status status = gt06_block_begin_gps(f, &f->body);
	gt06_frame_keep(f, &f->body, "unknown");
	return status;
}
