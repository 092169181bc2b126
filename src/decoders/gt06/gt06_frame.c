// SPDX-License-Identifier: MIT
// The parts that all GT06 messages share. Contracts are in the header.
#include "decoders/gt06/gt06_frame.h"
#include "protocol/device_memory.h"
#include "util/decimal.h"
#include "util/hex.h"
#include "util/text.h"

#include <assert.h>
#include <string.h>

#define EVENT_ROOM 8
#define MINUTE_US  INT64_C(60000000)
#define LIVE_MOST  (120 * MINUTE_US) /* between the time of a live record and its receipt */
#define KEEP_MOST  1024              /* bytes kept as hex; raw has the whole frame */

_Static_assert(sizeof(struct gt06_memo) <= SESSION_MEMO, "the memo fits");

// Models -----------------------------------------------------------------------

// Returns true if the texts are the same but for case; is_start: if the name is the start of the text.
static bool is_named(struct text text, const char *name, bool is_start)
{
	const size_t len = strlen(name);
	if (text.len < len || (!is_start && text.len > len))
		return false;
	for (size_t i = 0; i < len; i++) {
		const char c = text.data[i];
		if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != name[i])
			return false;
	}
	return true;
}

enum gt06_variant gt06_frame_model(const struct session *session)
{
	static const struct {
		char name[9];
		bool is_start; /* the names of several models begin so */
		uint8_t variant;
	} models[] = {
		{"R11", false, GT06_R11},
		{"LW", true, GT06_LW},
		{"SEEWORLD", false, GT06_SEEWORLD},
		{"VL103", false, GT06_VL},
		{"LL303", false, GT06_VL},
		{"VL512", false, GT06_VL},
		{"G18", false, GT06_VL},
		{"NT11", false, GT06_NT},
		{"NT20", false, GT06_NT},
		{"NT26", false, GT06_NT},
		{"NT40", false, GT06_NT},
		{"NT46", false, GT06_NT},
		{"VL100", false, GT06_NT},
		{"XT40", false, GT06_NT},
		{"QH302R", false, GT06_QH302R},
		{"G109", false, GT06_G109},
	};
	const struct text model = session_settings(session).model;
	for (size_t i = 0; model.len > 0 && i < sizeof models / sizeof models[0]; i++) {
		if (is_named(model, models[i].name, models[i].is_start))
			return (enum gt06_variant)models[i].variant;
	}
	return GT06_PLAIN;
}

enum gt06_variant gt06_frame_variant(const struct gt06_frame *f)
{
	return f->variant != GT06_PLAIN ? (enum gt06_variant)f->variant
					: gt06_frame_model(f->session);
}

// Ident -----------------------------------------------------------------------

static unsigned nibble_of(const uint8_t *bytes, size_t index)
{
	return index % 2 ? bytes[index / 2] & 15u : bytes[index / 2] >> 4;
}

size_t gt06_frame_ident(const uint8_t id[8], char digits[16])
{
	size_t len = 0;
	for (size_t i = 0; i < 16; i++) {
		unsigned nibble = nibble_of(id, i);
		if (nibble > 9)
			return 0;
		if (i > 0 || nibble > 0)
			digits[len++] = (char)('0' + nibble);
	}
	return len;
}

bool gt06_frame_is_imei(const uint8_t id[8])
{
	char digits[16];
	return id[0] >> 4 == 0 && gt06_frame_ident(id, digits) == 15;
}

bool gt06_frame_is_own_ident(const struct session *session, const uint8_t id[8])
{
	char digits[16];
	size_t len = gt06_frame_ident(id, digits);
	return len > 0 && len == session->ident_len && memcmp(digits, session->ident, len) == 0;
}

struct gt06_device *gt06_frame_device(struct gt06_frame *f)
{
	struct gt06_device *device = device_memory_block(f->session);
	return device ? device : &f->memo.device;
}

// The report ------------------------------------------------------------------

void gt06_frame_begin(struct gt06_frame *f, int sub)
{
	static const char digits[] = "0123456789ABCDEF";
	f->report = decoded_report(f->out, f->session);
	assert(f->report && DECODED_ARENA - f->out->arena_len >= EVENT_ROOM + DRIVER_MAX);
	// Event and driver come before the extra members, which must end the arena.
	char *event = f->out->arena + f->out->arena_len;
	f->driver = event + EVENT_ROOM;
	f->out->arena_len += EVENT_ROOM + DRIVER_MAX;
	event[0] = digits[f->type >> 4];
	event[1] = digits[f->type & 15];
	event[2] = '/';
	event[3] = digits[sub >> 4 & 15];
	event[4] = digits[sub & 15];
	f->report->event = (struct text){event, sub < 0 ? 2 : 5};
}

// Returns the zone of the frame's clock. New firmware sends UTC, old firmware the local time
// announced at log-in. For a live record the one nearer to the time of receipt is right. A buffered
// record uses the device's zone of the live ones before it, and so does a record far from the time of receipt
// in either zone: several messages have no mark for buffered records.
static int64_t find_zone(struct gt06_frame *f)
{
	if (f->clock_is_utc)
		return 0;
	struct gt06_device *device = gt06_frame_device(f);
	int64_t zone_min = device->zone_min;
	if (zone_min == 0)
		return 0;
	if (f->buffered)
		return device->used_min;
	int64_t as_utc = f->session->received_us - f->clock_us;
	int64_t as_local = as_utc + zone_min * MINUTE_US;
	int64_t utc_off = as_utc < 0 ? -as_utc : as_utc;
	int64_t local_off = as_local < 0 ? -as_local : as_local;
	if (utc_off > LIVE_MOST && local_off > LIVE_MOST)
		return device->used_min;
	if (utc_off <= local_off)
		zone_min = 0;
	device->used_min = (int16_t)zone_min;
	return zone_min;
}

// A tracker repeats an alarm in each heartbeat until it clears: only the first one raises it. One that is not stored,
// because the device is not admitted, does not count.
static void drop_repeated_alarms(struct gt06_frame *f)
{
	struct gt06_device *device = gt06_frame_device(f);
	const uint64_t alarms = f->report->body.alarms;
	f->report->body.alarms &= ~device->alarms;
	if (device == &f->memo.device)
		device->alarms = alarms;
	else
		decoded_change(f->out, &device->alarms, alarms);
}

void gt06_frame_finish(struct gt06_frame *f)
{
	f->report->key = f->key;
	f->report->raw = f->raw;
	if (f->crc_bad && f->shape == GT06_WHOLE)
		extra_bool(f->out, f->report, "crc_bad", true);
	if (f->buffered)
		f->report->body.flags |= FLAG_STORED;
	if (f->is_heartbeat)
		drop_repeated_alarms(f);
	if (!f->has_clock)
		return;
	int64_t zone_min = find_zone(f);
	report_set_time(f->report, f->clock_us - zone_min * MINUTE_US);
	if (zone_min)
		extra_int(f->out, f->report, "time_zone_min", zone_min);
}

// Fields ----------------------------------------------------------------------

bool gt06_frame_read_time(struct reader *r, int64_t *time_us, bool *absent)
{
	const uint8_t *t = reader_bytes(r, 6);
	if (!t)
		return false;
	*absent = !(t[0] | t[1] | t[2] | t[3] | t[4] | t[5]);
	*time_us = 0;
	return *absent || text_make_time(2000 + t[0], t[1], t[2], t[3], t[4], t[5], 0, time_us);
}

void gt06_frame_read_clock(struct gt06_frame *f, struct reader *r)
{
	bool absent;
	f->has_clock = gt06_frame_read_time(r, &f->clock_us, &absent) && !absent;
}

bool gt06_frame_is_time(const struct reader *r)
{
	struct reader copy = *r;
	int64_t time_us;
	bool absent;
	return gt06_frame_read_time(&copy, &time_us, &absent);
}

void gt06_frame_read_mileage(struct gt06_frame *f, struct reader *r)
{
	report_set_odometer(f->report, reader_be32(r));
}

void gt06_frame_read_power(struct gt06_frame *f, struct reader *r)
{
	report_set_power_mv(f->report, reader_be16(r) * INT64_C(10));
}

bool gt06_frame_is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i])
			return false;
	}
	return true;
}

bool gt06_frame_is_printable(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] < 0x20 || data[i] > 0x7E)
			return false;
	}
	return len > 0;
}

void gt06_frame_set_driver_hex(struct gt06_frame *f, const uint8_t *data, size_t len)
{
	if (len == 0)
		return;
	if (len > DRIVER_MAX / 2) {
		extra_hex(f->out, f->report, "driver", data, len);
		return;
	}
	hex_write(f->driver, data, len);
	f->report->driver = (struct text){f->driver, 2 * len};
}

void gt06_frame_set_driver(struct gt06_frame *f, const uint8_t *data, size_t len)
{
	while (len > 0 && (data[len - 1] == 0 || data[len - 1] == ' '))
		len--;
	while (len > 0 && (data[0] == 0 || data[0] == ' ')) {
		data++;
		len--;
	}
	if (len > DRIVER_MAX)
		extra_text(f->out, f->report, "driver", data, len);
	else if (!gt06_frame_is_printable(data, len))
		gt06_frame_set_driver_hex(f, data, len);
	else
		f->report->driver = (struct text){memcpy(f->driver, data, len), len};
}

void gt06_frame_set_driver_number(struct gt06_frame *f, uint64_t number)
{
	char digits[DECIMAL_MAX] = {0};
	const char *end = decimal_write(digits, number);
	if (number > 0)
		gt06_frame_set_driver(f, (const uint8_t *)digits, (size_t)(end - digits));
}

void gt06_frame_set_driver_id(struct gt06_frame *f, const uint8_t *id)
{
	if (id && !gt06_frame_is_zero(id, 8))
		gt06_frame_set_driver_hex(f, id, 8);
}

// Undecoded bytes -------------------------------------------------------------

void gt06_frame_keep_imei(struct gt06_frame *f, const uint8_t id[8])
{
	char digits[16];
	const size_t len = gt06_frame_ident(id, digits);
	if (len == 0)
		extra_hex(f->out, f->report, "imei", id, 8);
	else if (!gt06_frame_is_own_ident(f->session, id))
		extra_text(f->out, f->report, "imei", digits, len);
}

void gt06_frame_keep_digits(
	struct gt06_frame *f, const char *name, const uint8_t *bytes, size_t size, bool padded)
{
	char digits[2 * GT06_ICCID_SIZE];
	size_t len = 0, end = bytes ? 2 * size : 0;
	while (end > 0 && nibble_of(bytes, end - 1) == 15)
		end--;
	for (size_t i = 0; i < end && len < sizeof digits; i++) {
		const unsigned nibble = nibble_of(bytes, i);
		if (nibble > 9) {
			extra_hex(f->out, f->report, name, bytes, size);
			return;
		}
		if (i > 0 || nibble > 0 || !padded)
			digits[len++] = (char)('0' + nibble);
	}
	if (len > 0)
		extra_text(f->out, f->report, name, digits, len);
}

void gt06_frame_keep_iccid(struct gt06_frame *f, const uint8_t *bytes)
{
	uint8_t swapped[GT06_ICCID_SIZE];
	if (bytes && bytes[0] == 0x98) { // every ICCID begins with 89
		for (size_t i = 0; i < GT06_ICCID_SIZE; i++)
			swapped[i] = (uint8_t)(bytes[i] << 4 | bytes[i] >> 4);
		bytes = swapped;
	}
	gt06_frame_keep_digits(f, "iccid", bytes, GT06_ICCID_SIZE, false);
}

void gt06_frame_keep(struct gt06_frame *f, struct reader *r, const char *name)
{
	size_t len = r->left;
	const uint8_t *bytes = reader_bytes(r, len);
	if (len > 0 && bytes)
		extra_hex(f->out, f->report, name, bytes, len < KEEP_MOST ? len : KEEP_MOST);
}

void gt06_frame_keep_filler(struct gt06_frame *f, struct reader *r)
{
	if (!gt06_frame_is_zero(r->at, r->left))
		gt06_frame_keep(f, r, "unknown");
}

void gt06_frame_mark_length(struct gt06_frame *f)
{
	extra_bool(f->out, f->report, "length_bad", true);
}

enum decode_status gt06_frame_keep_tail(struct gt06_frame *f, struct reader *r)
{
	gt06_frame_mark_length(f);
	gt06_frame_keep(f, r, "unknown");
	return DECODE_OK;
}

enum decode_status gt06_frame_read_opaque(struct gt06_frame *f)
{
	gt06_frame_begin(f, -1);
	gt06_frame_keep(f, &f->body, "data");
	return DECODE_OK;
}
