// SPDX-License-Identifier: MIT
// GT06 (Concox and its many relatives): the log-in, the table of messages, and the answers.
//
//   tracker  01 log-in with its ident            server  01 empty, with the same serial
//   tracker  13 heart-beat                       server  13 empty, at once
//   tracker  22 position, and others with data   server  22 empty, once the report is stored
//
// Sources: the makers' protocol manuals. Frames are drawn in gt06_wire.c, the blocks of most
// messages in gt06_block.c, each message in the file whose function `messages` names. To add a
// message, write a reader and a row; to add a layout of a known type, also its length or a test that
// recognises it.
#include "decoders/decoders.h"
#include "decoders/gt06/gt06_block.h"
#include "decoders/gt06/gt06_command.h"
#include "decoders/gt06/gt06_extended.h"
#include "decoders/gt06/gt06_items.h"
#include "decoders/gt06/gt06_model.h"
#include "decoders/gt06/gt06_network.h"
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
	return gt06_position_read_phone(f);
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
		f->memo = (struct gt06_memo){.command_serial = f->memo.command_serial};
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
	struct gt06_device *device = gt06_frame_device(f);
	if (device->zone_min != zone_min)
		device->used_min = 0;
	device->zone_min = (int16_t)zone_min;
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
	if (f->crc_bad && f->memo.bad_sums == 0)
		f->memo.bad_sums = 1;
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

// Returns true if the session has an ident, which this message may set. Apart from the log-in two
// messages have the IMEI: 94/0A, and 22 and 25 of the NT models, where a position must follow it. A
// damaged one, whose length is wrong, does not count.
static bool find_ident(struct gt06_frame *f)
{
	const struct reader *r = &f->body;
	if (f->session->ident_len > 0)
		return true;
	if (!f->answerable || r->left < 9 || r->at[1] >> 4 != 0)
		return false;
	if (f->type == 0x94 && r->at[0] == 0x0A)
		return set_ident(f, r->at + 1);
	if ((f->type != 0x22 && f->type != 0x25) || r->left < 15)
		return false;
	const struct reader sent = reader_of(r->at + 9, 6);
	struct reader gps = reader_of(r->at + 15, r->left - 15);
	return gt06_frame_is_time(&sent) && gt06_block_is_gps(&gps) && set_ident(f, r->at + 1);
}

// Messages --------------------------------------------------------------------

static bool is_extended(const struct gt06_frame *f)
{
	return f->extended;
}

static bool is_short(const struct gt06_frame *f)
{
	return !f->extended;
}

static bool has_gps(const struct gt06_frame *f)
{
	return gt06_block_is_gps(&f->body);
}

// When a message is acknowledged: never; at once; when its report is stored.
enum answer { NONE, NOW, STORED };

// One layout of a message type.
struct layout {
	uint8_t length;  /* the length field; 0: any */
	gt06_test *fits; /* NULL: any message of this type and length */
	gt06_reader *read;
	enum answer answer;
	bool gps_first; /* a GPS block comes first, and is kept even if the length is wrong */
};

#define ANY          NULL
#define RAW          gt06_frame_read_opaque
#define LAYOUTS_MOST 4 /* of one type */

// All messages, by type. The first layout that fits is used.
static const struct layout messages[256][LAYOUTS_MOST] = {
	[0x01] = {{0, ANY, read_login, NOW, false}},
	[0x10] = {{0, ANY, gt06_position_read_cell, STORED, true}}, // without a cell
	[0x11] = {{0, ANY, gt06_position_read_cell, STORED, true}},
	[0x12] = {{0, ANY, gt06_position_read_cell, STORED, true}},
	[0x13] = {{0, ANY, gt06_status_read_heartbeat, NOW, false}},
	[0x15] = {{0, ANY, gt06_status_read_answer, NONE, false}},
	[0x16] = {{0x24, ANY, gt06_position_read_cell, STORED, true}, // alarm of VXT01
		{0, ANY, gt06_position_read_status, STORED, true}},   // alarm
	[0x17] = {{0x28, has_gps, gt06_model_read_trx_17, STORED, false},
		{0, ANY, gt06_network_read_phone, STORED,
			false}}, // address request of other models
	[0x18] = {{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0x19] = {{0, gt06_network_is_cell_status, gt06_network_read_cell_status, STORED, false},
		{0, gt06_network_is_cell_list, gt06_network_read_cell_list, STORED, false}},
	[0x1A] = {{0, has_gps, gt06_position_read_phone, STORED, true}},
	[0x1E] = {{0, has_gps, gt06_model_read_ji09, STORED, true}},
	[0x21] = {{0, ANY, gt06_status_read_answer_coded, NONE, false}},
	[0x22] = {{0, gt06_model_is_nt, gt06_model_read_nt, STORED, false},
		{0x2F, has_gps, gt06_model_read_gl21l, STORED, true},
		{0, ANY, gt06_position_read_acc, STORED, true}},
	[0x23] = {{0, ANY, gt06_status_read_heartbeat_4g, NOW, false}},
	[0x24] = {{0x2E, has_gps, gt06_model_read_sr411, STORED, true},
		{0x31, gt06_network_is_wanway, gt06_network_read_wanway, STORED, false},
		{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0x25] = {{0, gt06_model_is_nt, gt06_model_read_nt, STORED, false}},
	[0x26] = {{0, ANY, gt06_position_read_status, STORED, true}}, // alarm
	[0x27] = {{0, ANY, gt06_position_read_status, STORED, true}}, // alarm with fence
	[0x28] = {{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0x2A] = {{0, ANY, answer_address, NONE, false}},
	[0x2C] = {{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0x2D] = {{0, ANY, gt06_position_read_acc, STORED, true}},
	[0x2E] = {{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0x31] = {{0x2A, ANY, gt06_model_read_sl4x, STORED, true},
		{0, ANY, gt06_position_read_acc, STORED, true}},
	[0x32] = {{0, gt06_model_is_az735, gt06_model_read_az735, STORED, false},
		{0, is_extended, RAW, STORED, false},
		{0, ANY, gt06_position_read_status, STORED, true}},
	[0x33] = {{0, gt06_model_is_az735, gt06_model_read_az735, STORED, false},
		{0, is_extended, RAW, STORED, false},
		{0, gt06_network_is_sl4x_33, gt06_network_read_sl4x, STORED, false}},
	[0x34] = {{0, gt06_model_is_x1, gt06_model_read_x1, STORED, false},
		{0, gt06_network_is_sl4x_34, gt06_network_read_sl4x, STORED, false}},
	[0x35] = {{0x1F, is_short, gt06_status_read_picture, NONE, false},
		{0, is_extended, RAW, STORED, false}},
	[0x36] = {{0x35, gt06_model_is_trx_36, gt06_model_read_trx_36, STORED, false},
		{0, is_short, gt06_items_read_status, STORED, false},
		{0, ANY, RAW, STORED, false}}, // part of a picture
	[0x37] = {{0, ANY, gt06_position_read_acc, STORED, true}},
	[0x38] = {{0, has_gps, gt06_items_read_upload, STORED, true}, {0, ANY, RAW, STORED, false}},
	[0x39] = {{0, ANY, gt06_items_read_position, STORED, true}},
	[0x40] = {{0x6E, ANY, gt06_status_read_wd209, STORED, false}, {0, ANY, RAW, STORED, false}},
	[0x41] = {{0, ANY, RAW, STORED, false}}, // picture
	[0x61] = {{0x2E, gt06_model_is_ibutton, gt06_model_read_ibutton, STORED, false}},
	[0x65] = {{0, ANY, gt06_extended_read_obd, NONE, false}},
	[0x66] = {{0, ANY, gt06_extended_read_obd, NONE, false}},
	[0x70] = {{0, ANY, gt06_items_read_plain, STORED, false}},
	[0x80] = {{0, ANY, RAW, NONE, false}}, // 80, 81, 82: our commands, returned
	[0x81] = {{0, ANY, RAW, NONE, false}},
	[0x82] = {{0, ANY, RAW, NONE, false}},
	[0x84] = {{0, ANY, RAW, NONE, false}},
	[0x8A] = {{0, ANY, answer_time, NONE, false}},
	[0x8C] = {{0, ANY, gt06_extended_read_obd, NONE, false}},
	[0x94] = {{0x07, is_short, gt06_extended_read_power, NONE, false},
		{0, ANY, gt06_extended_read_information, NONE, false}},
	[0x95] = {{0, ANY, gt06_extended_read_media_event, STORED, false}},
	[0x9B] = {{0, ANY, gt06_extended_read_serial_port, NONE, false}},
	[0xA0] = {{0, ANY, gt06_position_read_acc, STORED, true}},
	[0xA1] = {{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0xA2] = {{0, gt06_model_is_lw, gt06_model_read_lw, STORED, false},
		{0, ANY, gt06_network_read_lbs, STORED, false}},
	[0xA3] = {{0, gt06_status_is_gl21l, gt06_status_read_gl21l, STORED, false},
		{0, ANY, gt06_position_read_status, STORED, true}},   // alarm with fence
	[0xA4] = {{0, ANY, gt06_position_read_status, STORED, true}}, // alarm with fence
	[0xA5] = {{0, gt06_network_is_cell_status, gt06_network_read_cell_status, STORED, false}},
	[0xA6] = {{0, ANY, RAW, STORED, false}}, // A6, A8: of unknown layout
	[0xA7] = {{0, ANY, gt06_network_read_phone, STORED, false}},
	[0xA8] = {{0, ANY, RAW, STORED, false}},
	[0xA9] = {{0, ANY, gt06_network_read_alarm, STORED, false}},
	[0xB2] = {{0x29, ANY, gt06_status_read_beacon, STORED, false}},
	[0xF1] = {{0, ANY, gt06_items_read_epoch, STORED, false}},
	[0xF2] = {{0, ANY, gt06_items_read_epoch, STORED, false}},
	[0xF3] = {{0, gt06_network_is_access_points, gt06_network_read_access_points, NONE, false},
		{0, ANY, RAW, NONE, false}},
	[0xFD] = {{0, ANY, RAW, NONE, false}},
};

// Messages of unknown layout are kept as hex. Those of unknown type are acknowledged if they are
// short, so that a tracker that expects an answer does not send them for ever.
static const struct layout *find_layout(const struct gt06_frame *f)
{
	static const struct layout raw[] = {
		[NONE] = {0, ANY, RAW, NONE, false},
		[NOW] = {0, ANY, RAW, NOW, false},
		[STORED] = {0, ANY, RAW, STORED, false},
	};
	const struct layout *layouts = messages[f->type];
	for (size_t i = 0; i < LAYOUTS_MOST && layouts[i].read; i++) {
		const struct layout *layout = &layouts[i];
		if ((layout->length == 0 || layout->length == f->length) &&
			(!layout->fits || layout->fits(f)))
			return layout;
	}
	if (layouts[0].read)
		return &raw[layouts[0].answer];
	return f->extended ? &raw[NONE] : &raw[STORED];
}

// Decoding --------------------------------------------------------------------

// Reads the message, or only the GPS block at its start if its length is wrong.
static enum decode_status read_message(struct gt06_frame *f, const struct layout *layout)
{
	// An empty message has no data, but expects its answer.
	if (f->body.left == 0 && layout->answer != NONE && f->type != 0x01)
		return f->shape == GT06_WHOLE ? DECODE_IGNORED : DECODE_BAD_LENGTH;
	if (f->shape == GT06_WHOLE)
		return layout->read(f);
	if (!layout->gps_first || !gt06_block_is_gps(&f->body))
		return DECODE_BAD_LENGTH;
	enum decode_status status = gt06_block_begin_gps(f, &f->body);
	return status == DECODE_OK ? gt06_frame_keep_tail(f, &f->body) : status;
}

// Reads a message that fits no layout, with f->body as it was. Its checksum shows that it was
// received as sent.
static enum decode_status read_raw(struct gt06_frame *f)
{
	if (f->out->report_count > 0)
		decoded_drop_report(f->out);
	f->out->detail = NULL;
	f->has_clock = f->buffered = f->is_heartbeat = false;
	return gt06_frame_read_opaque(f);
}

static bool is_read(enum decode_status status)
{
	return status == DECODE_OK || status == DECODE_IGNORED;
}

static enum decode_status read_frame(struct gt06_frame *f)
{
	if (f->shape == GT06_TOPIN) {
		answer_topin(f);
		return gt06_network_read_topin(f);
	}
	const struct layout *layout = find_layout(f);
	const struct reader body = f->body;
	enum decode_status status = read_message(f, layout);
	if (!is_read(status) && f->answerable && f->type != 0x01) {
		f->body = body;
		status = read_raw(f);
	}
	// The checksum confirms the serial.
	if (f->answerable && layout->answer != NONE && is_read(status)) {
		bool now = layout->answer == NOW || status == DECODE_IGNORED;
		acknowledge(f, now ? REPLY_NOW : REPLY_STORED);
	}
	return status;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct gt06_frame f;
	gt06_wire_open(&f, session, data, len, out);
	const bool whole = f.shape == GT06_WHOLE;

	if (whole && !f.crc_bad && f.memo.bad_sums < GT06_SUMS_NEVER_RIGHT)
		f.memo.bad_sums = 0;
	if (whole && !f.answerable) {
		memcpy(session->memo, &f.memo, sizeof f.memo);
		return DECODE_BAD_SUM;
	}
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
	.transports = "TCP, UDP",
	.confirmed_by = "the CRC of the first frame",
	.acknowledges = "log-in and heartbeat at once, data once stored",
	.frame_max = GT06_WIRE_MOST,
	.probe = gt06_wire_probe,
	.frame = gt06_wire_frame,
	.decode = decode,
	.device_size = sizeof(struct gt06_device),
	.encode_command = gt06_command_encode,
	.confirms_command = gt06_command_confirms,
};
