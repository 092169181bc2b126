// SPDX-License-Identifier: MIT
// JT/T 808-2011, -2013 and -2019, Chinese vehicle terminals, and the dialects of Huabao, Jimi, AOVX, Jointech and others: what
// each message gives, and its answer. TCP and UDP. Frames are drawn in jt808_wire.c, position blocks in jt808_position.c.
//
//   message, one frame or joined from parts  ->  report(s)  ->  8001, or the answer of its own
//
// Conventions of the reports. event: the message's id in hex ("0200"), of 0900 with kind and sub-type ("0900/F0/03"). extra:
// i<id>, and ieb<id> and so on within lists, are the items that were not understood, in hex; data a whole body.
#include "decoders/decoders.h"
#include "decoders/jt808/jt808_command.h"
#include "decoders/jt808/jt808_media.h"
#include "decoders/jt808/jt808_message.h"
#include "decoders/jt808/jt808_padlock.h"
#include "decoders/jt808/jt808_position.h"
#include "decoders/jt808/jt808_reply.h"
#include "decoders/jt808/jt808_transparent.h"
#include "protocol/message.h"

#define ID_LOGIN        0x0102
#define ID_POSITION     0x0200
#define ID_POSITION_ASK 0x0201
#define ID_BATCH        0x0704
#define ID_BATCH_2      0x0210
#define ID_MEDIA        0x0801
#define ID_TRANSPARENT  0x0900
#define ID_LOCK_SAVED   0x5502
#define ATTR_ANSWER     0x8000 /* of 5501, 5502 */

enum answer { STORED, NOW, NONE, REGISTER, TIME, PADLOCK };

static const struct message {
	uint16_t id;
	uint8_t answer;             /* enum answer */
	bool may_be_empty;          /* an empty body makes no report */
	jt808_message_reader *read; /* NULL: the body is kept in hex */
} messages[] = {
	{0x0002, NOW, true, jt808_message_read_heartbeat},
	{0x0900, STORED, false, jt808_transparent_read},
	{0x5501, PADLOCK, false, jt808_padlock_read},
	{ID_LOCK_SAVED, PADLOCK, false, jt808_padlock_read},
	{ID_BATCH_2, STORED, false, jt808_message_read_battery},
	{0x0001, NONE, false, NULL},
	{0x0003, NOW, true, NULL},
	{0x0100, REGISTER, false, jt808_message_read_register},
	{ID_LOGIN, NOW, true, jt808_message_read_login},
	{0x0104, NONE, false, NULL},
	{0x0107, STORED, false, jt808_message_read_attributes},
	{0x0109, TIME, true, NULL},
	{ID_POSITION_ASK, NONE, false, NULL},
	{0x0506, NOW, true, NULL},
	{0x0701, NONE, false, jt808_message_read_0701},
	{0x0702, STORED, false, jt808_message_read_card},
	{0x1007, NOW, true, NULL},
	{0x1300, NONE, false, jt808_message_read_1300},
	{0x2070, NONE, false, jt808_message_read_acceleration},
	{0x6006, STORED, false, jt808_message_read_6006},
	{0x8888, NOW, true, NULL},
};

static const struct message *find_message(const struct jt808_frame *f)
{
	static const struct message unknown = {0, STORED, false, NULL};
	static const struct message time_2019 = {0x0004, TIME, true, NULL};
	if (f->id == 0x0004 && f->peer.is_2019)
		return &time_2019;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (messages[i].id == f->id)
			return &messages[i];
	return &unknown;
}

// Reports --------------------------------------------------------------------

// Returns what identifies a message that is sent again: id and body; of one that came in parts the body, which is long. An
// empty part has the id.
static struct text key_of(const struct jt808_frame *f)
{
	uint8_t *key = f->is_part && f->len > 0 ? NULL : decoded_arena(f->out, f->len + 2);
	if (!key)
		return (struct text){(const char *)f->body, f->len};
	key[0] = (uint8_t)(f->id >> 8);
	key[1] = (uint8_t)f->id;
	memcpy(key + 2, f->body, f->len);
	return (struct text){(const char *)key, f->len + 2};
}

// Adds the report of a message; read: NULL, or false for a body that is kept in hex.
static void add_report(const struct jt808_frame *f, jt808_message_reader *read)
{
	struct jt808_report r;
	uint8_t kind[2];
	const size_t kinds =
		f->id == ID_TRANSPARENT ? jt808_transparent_kind(f->body, f->len, kind) : 0;
	const struct text key = key_of(f);
	if (!jt808_report_begin(&r, f, kind, kinds))
		return;
	if (!read || !read(&r, f->body, f->len)) {
		decoded_drop_report(f->out);
		if (!jt808_report_begin(&r, f, kind, kinds))
			return;
		jt808_report_keep_body(&r);
	}
	if (f->id == ID_LOCK_SAVED)
		r.report->body.flags |= FLAG_STORED;
	jt808_report_end(&r, key, f->raw);
}

// Adds the report of a position block, of at least JT808_BLOCK bytes. Returns false if there is no room for it.
static bool add_position(
	const struct jt808_frame *f, const uint8_t *block, size_t len, bool stored, struct text raw)
{
	struct jt808_report r;
	if (!jt808_report_begin(&r, f, NULL, 0))
		return false;
	jt808_position_read(&r, block, len);
	if (stored)
		r.report->body.flags |= FLAG_STORED;
	jt808_report_end(&r, (struct text){(const char *)block, len}, raw);
	return true;
}

// Batches --------------------------------------------------------------------

static bool is_batch(const struct jt808_frame *f)
{
	return f->id == ID_BATCH || f->id == ID_BATCH_2;
}

// One record of a batch. 0704: len u16, block, after count u16 and kind u8; 0210: len u8, block.
struct record {
	uint8_t head[5]; /* with count 1: what comes before a record that is alone */
	size_t head_len;
	const uint8_t *block;
	size_t len;
};

// Reads the record at `at`. Returns false if there is none of at least JT808_BLOCK bytes.
static bool read_record(const struct jt808_frame *f, size_t at, struct record *record)
{
	struct reader in = reader_of(f->body + at, f->len - at);
	const bool is_0704 = f->id == ID_BATCH;
	*record = (struct record){.head = {0, 1}};
	const size_t size = (size_t)reader_be(&in, is_0704 ? 2 : 1);
	record->block = in.at;
	record->len = size < in.left ? size : in.left;
	if (is_0704) {
		record->head[2] = f->body[2];
		record->head[3] = (uint8_t)(size >> 8);
		record->head[4] = (uint8_t)size;
		record->head_len = 5;
	} else {
		record->head[0] = (uint8_t)size;
		record->head_len = 1;
	}
	return !in.bad && record->len >= JT808_BLOCK;
}

// Returns the record, with all bytes after it if it is the last one, as a frame of its own.
static struct text raw_of(const struct jt808_frame *f, const struct record *record, bool is_last)
{
	const uint8_t *end = f->body + f->len;
	const struct text head = {(const char *)record->head, record->head_len};
	const struct text raw = jt808_wire_rebuild(
		f, head, record->block, is_last ? (size_t)(end - record->block) : record->len);
	return raw.len > 0 ? raw : f->raw;
}

// Rejects the records from this one on, for which there is no room.
static void reject_rest(const struct jt808_frame *f, const struct record *record)
{
	const struct text raw = raw_of(f, record, true);
	decoded_reject(
		f->out, DECODE_DETAIL, "too many records", (const uint8_t *)raw.data, raw.len);
}

// Adds the reports of a batch. Returns false if it has no record.
static bool add_batch(const struct jt808_frame *f)
{
	struct record record, next;
	const bool is_0704 = f->id == ID_BATCH;
	const bool stored = is_0704 && f->len > 2 && f->body[2] != 0;
	const size_t first = is_0704 ? 3 : 0;
	if (f->len < first || !read_record(f, first, &record))
		return false;
	for (bool more = true; more; record = next) {
		const size_t at = (size_t)(record.block + record.len - f->body);
		more = read_record(f, at, &next);
		const bool is_alone = !more && f->out->report_count == 0 && !f->is_part;
		const struct text raw = is_alone ? f->raw : raw_of(f, &record, !more);
		if (!add_position(f, record.block, record.len, stored, raw)) {
			reject_rest(f, &record);
			break;
		}
	}
	return true;
}

// Messages -------------------------------------------------------------------

// Adds what the message gives. Returns OK, or the reason of the reject.
static enum decode_status read_message(const struct jt808_frame *f, const struct message *message)
{
	const size_t skip = f->id == ID_POSITION_ASK ? 2 : 0;
	if (f->id == ID_POSITION || f->id == ID_POSITION_ASK) {
		if (f->len < skip + JT808_BLOCK)
			return DECODE_BAD_LENGTH;
		add_position(f, f->body + skip, f->len - skip, false, f->raw);
		return DECODE_OK;
	}
	const bool is_battery = f->id == ID_BATCH_2 && f->len == 7;
	if (is_batch(f) && !is_battery && add_batch(f))
		return DECODE_OK;
	if (f->id == ID_LOGIN) {
		const struct text code = jt808_message_login_code(f);
		decoded_password(f->out, code.data, code.len);
		if (code.data != (const char *)f->body)
			add_report(f, message->read);
		return DECODE_OK;
	}
	if (f->id == 0x0001 && jt808_command_note_general(f))
		return DECODE_OK;
	if (f->len > 0 || !message->may_be_empty)
		add_report(f, message->read);
	return DECODE_OK;
}

// Notes the answers to commands, of the report just added.
static void note_answer(const struct jt808_frame *f)
{
	const uint16_t serial = f->len >= 2 ? (uint16_t)jt808_u16(f->body) : 0;
	if (f->id == ID_POSITION_ASK)
		jt808_command_note(f, ANSWER_GIVEN, 0x8201, serial);
	else if (f->id == 0x0104 && f->len >= 2)
		jt808_command_note(f, ANSWER_GIVEN, 0x8104, serial);
	else if (f->id == 0x1300 && f->len >= 2)
		jt808_command_note(f, ANSWER_GIVEN, 0x8300, serial);
	else if (f->id == 0x6006 || f->id == 0x0701)
		jt808_command_note_text(f);
}

static void answer(const struct jt808_frame *f, const struct message *message)
{
	switch ((enum answer)message->answer) {
	case STORED:
		jt808_reply_acknowledge(f, REPLY_STORED);
		break;
	case NOW:
		jt808_reply_acknowledge(f, REPLY_NOW);
		break;
	case REGISTER:
		jt808_reply_register(f);
		break;
	case TIME:
		jt808_reply_time(f);
		break;
	case PADLOCK:
		if (f->attributes & ATTR_ANSWER)
			jt808_reply_padlock(f);
		break;
	case NONE:
		// Each part is answered, whatever the message is.
		if (f->is_part)
			jt808_reply_acknowledge(f, REPLY_STORED);
		break;
	}
}

static enum decode_status decode_message(const struct jt808_frame *f)
{
	const struct message *message = find_message(f);
	const enum decode_status status = read_message(f, message);
	if (status != DECODE_OK)
		return status;
	note_answer(f);
	answer(f, message);
	return DECODE_OK;
}

// Messages in parts ----------------------------------------------------------

static void request_missing(const struct jt808_frame *f, uint64_t id)
{
	uint16_t numbers[JT808_MISSING_MOST];
	const uint32_t missing = message_missing(f->session, id, numbers, JT808_MISSING_MOST);
	if (missing > 0)
		jt808_reply_missing(f->session, f->out, &f->peer, (uint16_t)id, numbers,
			missing < JT808_MISSING_MOST ? missing : JT808_MISSING_MOST);
}

// Adds a part, and decodes the message if it is the last one.
static enum decode_status decode_part(struct jt808_frame *f)
{
	const uint64_t id = (uint64_t)f->id << 16 | (uint16_t)(f->serial - f->number + 1);
	const struct message_part part = {.id = id,
		.count = f->count,
		.number = f->number,
		.data = f->body,
		.len = f->len,
		.frame = (const uint8_t *)f->raw.data,
		.frame_len = f->raw.len};
	struct text whole;
	if (f->number < 1 || f->number > f->count || f->len == 0) {
		add_report(f, NULL);
		jt808_reply_acknowledge(f, REPLY_STORED);
		return DECODE_OK;
	}
	switch (message_add(f->session, &part, f->out, &whole)) {
	case MESSAGE_HELD:
		jt808_reply_acknowledge(f, REPLY_STORED);
		if (f->number == f->count)
			request_missing(f, id);
		return DECODE_OK;
	case MESSAGE_REFUSED:
		break;
	case MESSAGE_WHOLE:
		f->body = (const uint8_t *)whole.data;
		f->len = whole.len;
		if (!is_batch(f))
			f->raw = jt808_wire_rebuild(f, (struct text){NULL, 0}, f->body, f->len);
		return decode_message(f);
	}
	f->out->detail = "no room for a part";
	return DECODE_DETAIL;
}

// Frames ---------------------------------------------------------------------

// Text between frames: a padlock asks for the time, or sends a result.
static enum decode_status decode_text(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	static const char ask[] = ",BASE,2,TIME)";
	const size_t ask_len = sizeof ask - 1;
	struct jt808_report r;
	const struct jt808_frame f = {
		.session = session, .out = out, .raw = {(const char *)data, len}};
	if (len > JT808_TEXT_MOST)
		return DECODE_BAD_LENGTH;
	if (session->ident_len == 0) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	if (len >= ask_len && !memcmp(data + len - ask_len, ask, ask_len)) {
		jt808_reply_text_time(session, out, f.raw, len - 5);
		return DECODE_OK;
	}
	if (!jt808_report_begin(&r, &f, NULL, 0))
		return DECODE_OK;
	r.report->event = (struct text){"text", 4};
	jt808_report_text(&r, "result", f.raw);
	jt808_report_end(&r, f.raw, f.raw);
	return DECODE_OK;
}

static enum decode_status decode_frame(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct jt808_frame f;
	if (data[0] == '(')
		return decode_text(session, data, len, out);
	const enum decode_status status = jt808_wire_open(&f, session, data, len, out);
	if (status != DECODE_OK)
		return status;
	if (!jt808_wire_set_ident(session, &f.peer)) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	if (f.id == ID_MEDIA && jt808_media_decode(&f))
		return DECODE_OK;
	return f.is_part && f.id != ID_MEDIA ? decode_part(&f) : decode_message(&f);
}

// Blanks a log-in that is rejected, after its id: the code may be anywhere.
static void hide_code(const uint8_t *data, size_t len, struct decoded *out)
{
	const size_t at = jt808_wire_is_mark(data[0]); // it may be missing
	if (len > at + 2 && jt808_u16(data + at) == ID_LOGIN)
		decoded_password(out, data + at + 2, len - at - 2);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const enum decode_status status = decode_frame(session, data, len, out);
	if (status > DECODE_IGNORED)
		hide_code(data, len, out);
	return status;
}

static void wake(struct session *session, int64_t last_us, struct decoded *out)
{
	(void)last_us;
	jt808_media_wake(session, out);
}

const struct decoder decoder_jt808 = {
	.name = "jt808",
	.transports = "TCP, UDP",
	.confirmed_by = "the XOR and the length of the first frame",
	.acknowledges = "log-in and heartbeat at once, data once stored",
	.sniff_max = JT808_SNIFF_MAX,
	.probe = jt808_wire_probe,
	.frame = jt808_wire_frame,
	.decode = decode,
	.device_size = sizeof(struct jt808_device),
	.wake = wake,
	.encode_command = jt808_command_encode,
	.confirms_command = jt808_command_confirms,
};
