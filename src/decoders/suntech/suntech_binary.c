// SPDX-License-Identifier: MIT
// From the makers' manuals and captures. Numbers are big-endian; BCD where marked by d. ident: 5 bytes of BCD.
//
//   02 | length 2 | type | ident 5 | model | version 2 | y m d h m s | cell 3 | lat 1.3d | lon 1.3d | km/h 2.1d | course 2.1d
//      | flags | metres 4 | power V 1.1d | I/O | mode or id | [number 2d, STT] | [minutes 4 | battery V 1.1d | type] | 03
//
//   type: 10 STT, 11 EMG, 12 EVT, 13 ALT; others up to 1f are kept as bytes. length: of what follows it, without the 03.
//   flags: 80 fix, 40 south, 20 west, satellites. An ident of nine digits has a 0 after them.
//
//   81 or 82 | length 2 | ident 5 | map 3 | fields of the map, as in suntech_universal.c | assigned values
//
//   81 STT, 82 ALT. The sizes of the fields are in a table below. Bit 31 of a coordinate is its sign.
#include "decoders/suntech/suntech_binary.h"

#include "util/bcd.h"
#include "util/hex.h"
#include "util/reader.h"

#define HEAD         3 /* bytes before the ident or type */
#define LENGTH_MOST  0x200
#define IDENT        5 /* bytes */
#define LEGACY_FIXED 41
#define METER        7 /* bytes */
#define NUMBER       2
#define FIELDS       20 /* the last bit whose field has a fixed size */

// Sniffing --------------------------------------------------------------------

static bool is_type(uint8_t type)
{
	return type >= 0x10 && type <= 0x1f;
}

static bool is_known_type(uint8_t type)
{
	return type >= 0x10 && type <= 0x13;
}

static bool is_ident(const uint8_t *data)
{
	return bcd_number(data, 0, 2 * (size_t)IDENT) >= 0;
}

enum probe suntech_binary_probe(const uint8_t *data, size_t len, size_t *need)
{
	const bool is_legacy = data[0] == 0x02;
	*need = HEAD + 1;
	if (len > 1 && data[1] > LENGTH_MOST >> 8)
		return PROBE_NO;
	if (len <= HEAD)
		return PROBE_MORE;
	const size_t length = (size_t)data[1] << 8 | data[2];
	if (length > LENGTH_MOST || length < (size_t)IDENT + is_legacy ||
		(is_legacy && !is_type(data[HEAD])))
		return PROBE_NO;
	*need = HEAD + length + is_legacy;
	if (len < *need)
		return PROBE_MORE;
	return !is_legacy || data[*need - 1] == 0x03 ? PROBE_MAYBE : PROBE_NO;
}

enum probe suntech_binary_probe_opening(const uint8_t *data, size_t len, size_t *need)
{
	const bool is_legacy = data[0] == 0x02;
	const enum probe verdict = suntech_binary_probe(data, len, need);
	if (verdict == PROBE_NO || (is_legacy && len > HEAD && !is_known_type(data[HEAD])))
		return PROBE_NO;
	return verdict == PROBE_MAYBE && !is_ident(data + HEAD + is_legacy) ? PROBE_NO : verdict;
}

// Both kinds ------------------------------------------------------------------

// Sets the ident, without the 0 after nine digits if it may have that. Returns false if it is not BCD.
static bool set_ident(struct session *session, const uint8_t *data, bool is_short)
{
	char ident[2 * IDENT];
	size_t len = sizeof ident;
	if (!is_ident(data))
		return false;
	hex_write(ident, data, IDENT);
	if (is_short && ident[len - 1] == '0')
		len--;
	return session_set_ident(session, ident, len);
}

static void set_time(const struct suntech_message *m, const uint8_t date[3], const uint8_t clock[3])
{
	int64_t time_us;
	if (text_make_time(
		    2000 + date[0], date[1], date[2], clock[0], clock[1], clock[2], 0, &time_us))
		report_set_time(m->report, time_us);
}

// Returns the id as a text.
static struct text id_text(char out[3], uint8_t id)
{
	size_t len = 0;
	if (id >= 100)
		out[len++] = (char)('0' + id / 100);
	if (id >= 10)
		out[len++] = (char)('0' + id / 10 % 10);
	out[len++] = (char)('0' + id % 10);
	return (struct text){out, len};
}

static void acknowledge(const struct suntech_message *m, const uint8_t *ident)
{
	uint8_t reply[1 + IDENT] = {0x15};
	memcpy(reply + 1, ident, IDENT);
	if (m->session->datagram)
		decoded_reply(m->out, REPLY_STORED, reply, sizeof reply);
}

// Legacy ----------------------------------------------------------------------

static uint64_t big_endian(const uint8_t *data, size_t len)
{
	struct reader reader = reader_of(data, len);
	return reader_be(&reader, len);
}

// Returns an integer of `whole` bytes and a BCD byte after it as hundredths; SUNTECH_NO: it is not BCD.
static int64_t hundredths(const uint8_t *data, size_t whole)
{
	const int64_t fraction = bcd_number(data + whole, 0, 2);
	return fraction < 0 ? SUNTECH_NO : (int64_t)big_endian(data, whole) * 100 + fraction;
}

static int64_t coordinate(const uint8_t *data, bool negative)
{
	const int64_t fraction = bcd_number(data + 1, 0, 6);
	const int64_t e7 = (data[0] * INT64_C(1000000) + fraction) * 10;
	return fraction < 0 ? SUNTECH_NO : negative ? -e7 : e7;
}

static void set_legacy_place(const struct suntech_message *m, const uint8_t *v)
{
	const uint8_t flags = v[32];
	set_time(m, v + 9, v + 12);
	suntech_message_set_fix(m, coordinate(v + 18, flags & 0x40),
		coordinate(v + 22, flags & 0x20), flags & 0x80, hundredths(v + 26, 2),
		hundredths(v + 29, 2));
	report_set_satellites(m->report, flags & 31);
	report_set_odometer(m->report, (int64_t)big_endian(v + 33, 4));
	const int64_t power_e2 = hundredths(v + 37, 1);
	if (power_e2 != SUNTECH_NO)
		report_set_power_mv(m->report, power_e2 * 10);
	report_set_ignition(m->report, v[39] & 1);
	report_set_inputs(m->report, v[39] >> 1 & 7);
	report_set_outputs(m->report, v[39] >> 4 & 3);
}

static void add_number(const struct suntech_message *m, const uint8_t *data)
{
	const int64_t number = bcd_number(data, 0, 4);
	if (number >= 0)
		extra_int(m->out, m->report, "index", number);
}

static void set_meter(const struct suntech_message *m, const uint8_t *data)
{
	const int64_t battery_e2 = hundredths(data + 4, 1);
	if (battery_e2 != SUNTECH_NO)
		report_set_battery_mv(m->report, battery_e2 * 10);
	if (data[6] == 0)
		m->report->body.flags |= FLAG_STORED;
}

// Adds what follows the mode or id: the lengths show what it is.
static void add_legacy_end(
	const struct suntech_message *m, const uint8_t *end, size_t left, bool is_stt)
{
	bool has_meter = left >= METER;
	if (is_stt && (left == NUMBER || left >= NUMBER + METER)) {
		add_number(m, end);
		end += NUMBER;
		left -= NUMBER;
		has_meter = left >= METER;
	} else if (is_stt && left != METER) {
		has_meter = false;
	}
	if (has_meter) {
		set_meter(m, end);
		end += METER;
		left -= METER;
	}
	suntech_message_keep_bytes(m, end, left);
}

static void decode_legacy(const struct suntech_message *m, const uint8_t *v, size_t len)
{
	char digits[3];
	if (len < LEGACY_FIXED || !is_known_type(v[0])) {
		suntech_message_keep_bytes(m, v + 1 + IDENT, len - 1 - IDENT);
		return;
	}
	const struct text id = id_text(digits, v[40]);
	set_legacy_place(m, v);
	if (v[0] == 0x10)
		suntech_message_add(m, "mode", id);
	else if (v[0] == 0x11)
		suntech_message_set_emergency(m, id);
	else if (v[0] == 0x12)
		suntech_message_add(m, "event", id);
	else
		suntech_message_set_alert(m, id);
	add_legacy_end(m, v + LEGACY_FIXED, len - LEGACY_FIXED, v[0] == 0x10);
}

// Universal -------------------------------------------------------------------

struct universal {
	uint64_t map;
	const uint8_t *bytes[FIELDS + 1];
	int64_t at[FIELDS + 1]; /* SUNTECH_NO: absent */
	int64_t number;         /* of STT; SUNTECH_NO: absent */
	struct text data;       /* of ALT */
};

static const uint8_t sizes[FIELDS + 1] = {
	0, 1, 3, 1, 3, 3, 4, 2, 2, 2, 1, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1};

// Reads the map and its fields. Returns false if they are cut off.
static bool read_universal(struct reader *r, bool is_stt, struct universal *u)
{
	u->map = reader_be(r, 3);
	u->number = SUNTECH_NO;
	u->data = (struct text){"", 0};
	for (unsigned bit = 0; bit <= FIELDS; bit++) {
		u->at[bit] = SUNTECH_NO;
		u->bytes[bit] = NULL;
		if (bit == 0 || !(u->map >> bit & 1))
			continue;
		u->bytes[bit] = reader_bytes(r, sizes[bit]);
		if (!u->bytes[bit])
			return false;
		u->at[bit] = (int64_t)big_endian(u->bytes[bit], sizes[bit]);
	}
	if (u->map >> 21 & 1) {
		if (is_stt) {
			u->number = reader_be16(r);
		} else {
			u->data.len = reader_u8(r);
			u->data.data = (const char *)reader_bytes(r, u->data.len);
		}
	}
	return !r->bad;
}

static int64_t signed_e7(int64_t value)
{
	if (value == SUNTECH_NO)
		return value;
	const int64_t e7 = (value & INT64_C(0x7FFFFFFF)) * 10;
	return value >> 31 ? -e7 : e7;
}

static void set_universal_place(const struct suntech_message *m, const struct universal *u)
{
	if (u->bytes[4] && u->bytes[5])
		set_time(m, u->bytes[4], u->bytes[5]);
	if (u->at[3] == 0)
		m->report->body.flags |= FLAG_STORED;
	suntech_message_set_fix(m, signed_e7(u->at[11]), signed_e7(u->at[12]),
		u->at[16] == SUNTECH_NO ? u->at[15] != 0 : u->at[16] == 1, u->at[13], u->at[14]);
	const struct suntech_cell cell = {u->at[7] > 999 ? SUNTECH_NO : u->at[7],
		u->at[8] > 999 ? SUNTECH_NO : u->at[8], u->at[9], u->at[6], u->at[10]};
	suntech_message_add_cell(m, &cell);
	if (u->at[15] != SUNTECH_NO)
		report_set_satellites(m->report, u->at[15]);
	if (u->at[17] != SUNTECH_NO) {
		report_set_ignition(m->report, u->at[17] & 1);
		report_set_inputs(m->report, (uint32_t)u->at[17] >> 1);
	}
	if (u->at[18] != SUNTECH_NO)
		report_set_outputs(m->report, (uint32_t)u->at[18]);
}

static void add_known(const struct suntech_message *m, const char *name, int64_t value)
{
	if (value != SUNTECH_NO)
		extra_int(m->out, m->report, name, value);
}

// Sets the driver from 8 bytes.
static void set_driver(const struct suntech_message *m, struct text data)
{
	char *digits = (char *)decoded_arena(m->out, 2 * data.len);
	if (!digits)
		return;
	hex_write(digits, data.data, data.len);
	suntech_message_set_driver(m, (struct text){digits, 2 * data.len});
}

static void add_alert(const struct suntech_message *m, const struct universal *u)
{
	char digits[3];
	if (u->at[19] != SUNTECH_NO)
		suntech_message_set_alert(m, id_text(digits, (uint8_t)u->at[19]));
	add_known(m, "alertModifier", u->at[20]);
	if (u->data.len > 0 && (u->at[19] != 59 || u->data.len != 8))
		extra_hex(m->out, m->report, "alertData", u->data.data, u->data.len);
}

static void decode_universal(const struct suntech_message *m, const uint8_t *v, size_t len)
{
	struct reader reader = reader_of(v, len);
	struct universal u;
	const bool is_stt = (uint8_t)m->raw.data[0] == 0x81;
	if (!read_universal(&reader, is_stt, &u)) {
		suntech_message_keep_bytes(m, v, len);
		return;
	}
	if (u.at[19] == 59 && u.data.len == 8)
		set_driver(m, u.data); // before the members
	set_universal_place(m, &u);
	if (is_stt) {
		add_known(m, "mode", u.at[19]);
		add_known(m, "reason", u.at[20]);
		add_known(m, "index", u.number);
	} else {
		add_alert(m, &u);
	}
	if (reader.left > 0)
		extra_hex(m->out, m->report, "assign", reader.at, reader.left);
}

// Returns the name of the text with the same content; of a type without one its number.
static struct text event_of(const uint8_t *data, struct decoded *out)
{
	static const char *const types[] = {"STT", "EMG", "EVT", "ALT"};
	if (data[0] != 0x02)
		return (struct text){data[0] == 0x81 ? "STT" : "ALT", 3};
	if (is_known_type(data[HEAD]))
		return (struct text){types[data[HEAD] & 3], 3};
	char *digits = (char *)decoded_arena(out, 2);
	if (!digits)
		return (struct text){"", 0};
	hex_write(digits, data + HEAD, 1);
	return (struct text){digits, 2};
}

enum decode_status suntech_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const bool is_legacy = data[0] == 0x02;
	const uint8_t *ident = data + HEAD + is_legacy;
	const struct text frame = {(const char *)data, len};
	struct suntech_message m; // not initialised: it has no fields
	if (!set_ident(session, ident, is_legacy)) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	m.session = session;
	m.out = out;
	m.text = m.raw = frame;
	suntech_head_remember(
		session, is_legacy ? SUNTECH_LEGACY : SUNTECH_UNIVERSAL, (struct text){"", 0});
	suntech_message_begin(&m, event_of(data, out));
	if (is_legacy)
		decode_legacy(&m, data + HEAD, len - HEAD - 1);
	else
		decode_universal(&m, ident + IDENT, len - HEAD - IDENT);
	if (session->datagram)
		acknowledge(&m, ident);
	else if (is_legacy && data[HEAD] == 0x11)
		suntech_message_answer_emergency(&m);
	return DECODE_OK;
}
