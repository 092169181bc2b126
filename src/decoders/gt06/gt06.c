// SPDX-License-Identifier: MIT
// GT06 (Concox and its many relatives): the log-in, the table of messages, and the answers.
//
//   tracker  01 log-in with its ident            server  01 empty, with the same serial
//   tracker  13 heart-beat                       server  13 empty, at once
//   tracker  22 position, and others with data   server  22 empty, once the report is stored
//
// Sources: the makers' protocol manuals. Frames are drawn in gt06_wire.c, the blocks of most
// messages in gt06_block.c, each message in the file whose function `messages` names. To add a
// message, write a reader and a row; to add a layout of a known type, also a test that recognises
// it.
#include "decoders/decoders.h"
#include "decoders/gt06/gt06_block.h"
#include "decoders/gt06/gt06_command.h"
#include "decoders/gt06/gt06_extended.h"
#include "decoders/gt06/gt06_items.h"
#include "decoders/gt06/gt06_model.h"
#include "decoders/gt06/gt06_position.h"
#include "decoders/gt06/gt06_status.h"
#include "decoders/gt06/gt06_wire.h"
#include "util/calendar.h"

#include <string.h>

// Answers ---------------------------------------------------------------------

static void reply(struct gt06_frame *f, enum reply_when when, bool extended, const uint8_t *payload,
	size_t len)
{
	uint8_t bytes[64];
	size_t size = gt06_wire_seal(bytes, extended, payload, len, f->serial);
	decoded_reply(f->out, when, bytes, size);
}

// Returns type and serial to the tracker. 79 79 32, 79 79 33 and any 41 are answered with the long
// header.
static void acknowledge(struct gt06_frame *f, enum reply_when when)
{
	bool extended = (f->extended && (f->type == 0x32 || f->type == 0x33)) || f->type == 0x41;
	reply(f, when, extended, &f->type, 1);
}

// 8A: the tracker requests the time. Answer: yy mm dd hh mm ss, UTC.
static enum decode_status answer_time(struct gt06_frame *f)
{
	const struct calendar now = calendar_of(f->session->received_us);
	const uint8_t payload[7] = {
		f->type,
		(uint8_t)(now.year % 100),
		(uint8_t)now.month,
		(uint8_t)now.day,
		(uint8_t)now.hour,
		(uint8_t)now.minute,
		(uint8_t)now.second,
	};
	reply(f, REPLY_NOW, false, payload, sizeof payload);
	return DECODE_OK;
}

// 2A: the tracker requests the address of its position. Answer: length, flag u32, a text that says
// that the address is not available.
static enum decode_status answer_address(struct gt06_frame *f)
{
	static const uint8_t payload[] = "\x97\x0F\0\0\0\0NA&&NA&&0##";
	reply(f, REPLY_NOW, true, payload, sizeof payload - 1);
	return gt06_position_read_front(f);
}

// 78 78 00 type, the time as received, 0D 0A.
static void answer_topin(struct gt06_frame *f)
{
	uint8_t bytes[12] = {0x78, 0x78, 0x00, f->type};
	memcpy(bytes + 4, f->body.at, 6); // gt06_wire_frame has checked that the time is there
	bytes[10] = 0x0D;
	bytes[11] = 0x0A;
	decoded_reply(f->out, REPLY_STORED, bytes, sizeof bytes);
}

// Log-in ----------------------------------------------------------------------

static bool set_ident(struct gt06_frame *f, const uint8_t id[8])
{
	char digits[16];
	size_t len = gt06_frame_ident(id, digits);
	if (len == 0)
		return false;
	if (!gt06_frame_is_own_ident(f->session, id))
		f->memo = (struct gt06_memo){0};
	return session_set_ident(f->session, digits, len);
}

// Bits 15..4: hours * 100 + minutes, 3: west, 1..0: language.
static void set_zone(struct gt06_frame *f, unsigned word)
{
	unsigned hours = (word >> 4) / 100, minutes = (word >> 4) % 100;
	const bool valid = hours <= 14 && minutes < 60;
	int zone_min = valid ? (int)(hours * 60 + minutes) : 0;
	if (word >> 3 & 1)
		zone_min = -zone_min;
	if (f->memo.zone_min != zone_min)
		f->memo.used_min = 0;
	f->memo.zone_min = (int16_t)zone_min;
	if (valid)
		extra_int(f->out, f->report, "zone_min", zone_min);
	extra_int(f->out, f->report, "language", word & 3);
}

// IMEI, [model u16, [zone and language u16]]
static enum decode_status read_login(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left < 8)
		return DECODE_BAD_LENGTH;
	if (!set_ident(f, reader_bytes(r, 8))) {
		f->out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	gt06_frame_begin(f, -1);
	if (r->left >= 2)
		extra_hex(f->out, f->report, "model", reader_bytes(r, 2), 2);
	if (r->left >= 2)
		set_zone(f, reader_be16(r));
	if (f->crc_bad)
		extra_bool(f->out, f->report, "crc_bad", true);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// Returns true if the session has an ident, which this message may set. Apart from the log-in two
// messages have the IMEI: 94/0A, and 22 and 25 of the NT models, where a position must follow it.
static bool find_ident(struct gt06_frame *f)
{
	const struct reader *r = &f->body;
	if (f->session->ident_len > 0)
		return true;
	if (r->left < 9 || r->at[1] >> 4 != 0)
		return false;
	if (f->type == 0x94 && r->at[0] == 0x0A)
		return set_ident(f, r->at + 1);
	if ((f->type != 0x22 && f->type != 0x25) || r->left < 15)
		return false;
	struct reader gps = reader_of(r->at + 15, r->left - 15);
	return gt06_block_is_gps(&gps) && set_ident(f, r->at + 1);
}

// Messages --------------------------------------------------------------------

static enum decode_status ignore(struct gt06_frame *f)
{
	(void)f;
	return DECODE_IGNORED;
}

static enum decode_status read_unknown(struct gt06_frame *f)
{
	(void)f;
	return DECODE_UNKNOWN;
}

static bool is_extended(const struct gt06_frame *f)
{
	return f->extended;
}

// When a message is acknowledged: never; at once; when its report is stored.
enum answer { NONE, NOW, STORED };

// One layout of a message type.
struct layout {
	gt06_test *fits; /* NULL: any message of this type */
	gt06_reader *read;
	enum answer answer;
	bool gps_first; /* a GPS block comes first, and is kept even if the length is wrong */
};

#define ANY          NULL
#define LAYOUTS_MOST 2 /* of one type */

// All messages, by type. The first layout that fits is used.
static const struct layout messages[256][LAYOUTS_MOST] = {
	[0x01] = {{ANY, read_login, NOW, false}},
	[0x10] = {{ANY, gt06_position_read_cell, STORED, true}}, // without a cell
	[0x11] = {{ANY, gt06_position_read_cell, STORED, true}},
	[0x12] = {{ANY, gt06_position_read_cell, STORED, true}},
	[0x13] = {{ANY, gt06_status_read_heartbeat, NOW, false}},
	[0x15] = {{ANY, gt06_status_read_answer, NONE, false}},
	[0x16] = {{ANY, gt06_position_read_status, STORED, true}}, // alarm
	[0x17] = {{gt06_model_is_trx_17, gt06_model_read_trx_17, STORED, false},
		{ANY, gt06_position_read_front, STORED, false}}, // address request of other models
	[0x18] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0x19] = {{ANY, gt06_status_read_cell, STORED, false}},
	[0x21] = {{ANY, gt06_status_read_answer_coded, NONE, false}},
	[0x22] = {{gt06_model_is_nt, gt06_model_read_nt, STORED, false},
		{ANY, gt06_position_read_acc, STORED, true}},
	[0x23] = {{ANY, gt06_status_read_heartbeat_4g, NOW, false}},
	[0x24] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0x25] = {{gt06_model_is_nt, gt06_model_read_nt, STORED, false},
		{ANY, read_unknown, STORED, false}},               // an empty one is acknowledged
	[0x26] = {{ANY, gt06_position_read_status, STORED, true}}, // alarm
	[0x27] = {{ANY, gt06_position_read_status, STORED, true}}, // alarm with fence
	[0x28] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0x2A] = {{ANY, answer_address, NONE, false}},
	[0x2C] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0x2D] = {{ANY, gt06_position_read_acc, STORED, true}},
	[0x2E] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0x31] = {{ANY, gt06_position_read_acc, STORED, true}},
	[0x32] = {{is_extended, gt06_frame_read_opaque, STORED, false}, // AZ735
		{ANY, gt06_position_read_status, STORED, true}},
	[0x33] = {{is_extended, gt06_frame_read_opaque, STORED, false}}, // AZ735
	[0x34] = {{ANY, gt06_model_read_x1, STORED, false}},
	[0x36] = {{gt06_model_is_trx_36, gt06_model_read_trx_36, STORED, false},
		{ANY, gt06_items_read_status, STORED, false}},
	[0x37] = {{ANY, gt06_position_read_acc, STORED, true}},
	[0x38] = {{ANY, gt06_position_read_front, STORED, false}},
	[0x39] = {{ANY, gt06_items_read_position, STORED, true}},
	[0x40] = {{ANY, gt06_frame_read_opaque, STORED, false}},
	[0x41] = {{ANY, gt06_frame_read_opaque, STORED, false}}, // picture
	[0x65] = {{ANY, gt06_frame_read_opaque, NONE, false}},
	[0x66] = {{ANY, gt06_frame_read_opaque, NONE, false}},
	[0x70] = {{ANY, gt06_items_read_plain, STORED, false}},
	[0x80] = {{ANY, ignore, NONE, false}}, // 80, 81, 82: our commands, returned
	[0x81] = {{ANY, ignore, NONE, false}},
	[0x82] = {{ANY, ignore, NONE, false}},
	[0x8A] = {{ANY, answer_time, NONE, false}},
	[0x8C] = {{ANY, gt06_extended_read_obd, NONE, false}},
	[0x94] = {{ANY, gt06_extended_read_information, NONE, false}},
	[0x95] = {{ANY, gt06_extended_read_media_event, STORED, false}},
	[0x9B] = {{ANY, gt06_extended_read_serial_port, NONE, false}},
	[0xA0] = {{ANY, gt06_position_read_acc, STORED, true}},
	[0xA1] = {{ANY, gt06_status_read_lbs, STORED, false}},
	[0xA2] = {{gt06_model_is_lw, gt06_model_read_lw, STORED, false},
		{ANY, gt06_status_read_lbs, STORED, false}},
	[0xA3] = {{ANY, gt06_position_read_status, STORED, true}}, // alarm with fence
	[0xA4] = {{ANY, gt06_position_read_status, STORED, true}}, // alarm with fence
	[0xA5] = {{ANY, gt06_status_read_cell, STORED, false}},
	[0xA9] = {{ANY, gt06_position_read_status, STORED, true}},
	[0xF1] = {{ANY, gt06_items_read_epoch, STORED, false}},
	[0xF2] = {{ANY, gt06_items_read_epoch, STORED, false}},
};

static const struct layout *find_layout(const struct gt06_frame *f)
{
	static const struct layout unknown = {ANY, read_unknown, NONE, false};
	const struct layout *layouts = messages[f->type];
	for (size_t i = 0; i < LAYOUTS_MOST && layouts[i].read; i++) {
		if (!layouts[i].fits || layouts[i].fits(f))
			return &layouts[i];
	}
	return &unknown;
}

// Decoding --------------------------------------------------------------------

static enum decode_status read_whole(struct gt06_frame *f)
{
	const struct layout *layout = find_layout(f);
	// An empty message has no data, but expects its answer.
	bool is_empty = f->body.left == 0 && layout->answer != NONE && f->type != 0x01;
	enum decode_status status = is_empty ? DECODE_IGNORED : layout->read(f);
	if (layout->answer == NOW && (status == DECODE_OK || status == DECODE_IGNORED))
		acknowledge(f, REPLY_NOW);
	// A reject is acknowledged too: it is stored, and sending it again would not make it valid.
	if (layout->answer == STORED && status != DECODE_UNKNOWN)
		acknowledge(f, status == DECODE_IGNORED ? REPLY_NOW : REPLY_STORED);
	return status;
}

// Keeps the GPS block at the start of a message of the wrong length if it is plausible.
// Acknowledges the message only if the checksum of the received bytes holds.
static enum decode_status read_bad_length(struct gt06_frame *f)
{
	if (!find_layout(f)->gps_first || !gt06_block_is_gps(&f->body))
		return DECODE_BAD_LENGTH;
	enum decode_status status = gt06_block_begin_gps(f, &f->body);
	if (status != DECODE_OK)
		return status;
	gt06_frame_keep_tail(f, &f->body);
	if (f->answerable)
		acknowledge(f, REPLY_STORED);
	return DECODE_OK;
}

static enum decode_status read_frame(struct gt06_frame *f)
{
	switch (f->shape) {
	case GT06_WHOLE:
		return read_whole(f);
	case GT06_TOPIN:
		answer_topin(f);
		return gt06_status_read_topin(f);
	case GT06_BAD_LENGTH:
		break;
	}
	return read_bad_length(f);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct gt06_frame f;
	gt06_wire_open(&f, session, data, len, out);
	const bool whole = f.shape == GT06_WHOLE;

	if (whole && !f.answerable)
		return DECODE_BAD_SUM;
	if (!(whole && f.type == 0x01) && !find_ident(&f)) {
		out->detail = "before login";
		return DECODE_DETAIL;
	}
	enum decode_status status = read_frame(&f);
	if (status == DECODE_OK && f.report)
		gt06_frame_finish(&f);
	memcpy(session->memo, &f.memo, sizeof f.memo);
	return status;
}

const struct decoder decoder_gt06 = {
	.name = "gt06",
	.probe = gt06_wire_probe,
	.frame = gt06_wire_frame,
	.decode = decode,
	.encode_command = gt06_command_encode,
	.confirms_command = gt06_command_confirms,
};
