// SPDX-License-Identifier: MIT
// Binary frames of a GB100 and others, from captures and decoders of others. Big-endian.
//
//   +RSP, +BSP, +EVT, +BVT   type, mask u32, length u16, device 5, id 8, battery %, mV u16, state, satellites, content, end
//   +INF, +BNF               type, mask u16, length u16, id 8, device 5, content, end
//   +ACK                     type, mask, length u8, device 5, id 8, sub-type, serial u16, end     answer to a command
//   +CRD, +BRD, +LGN         type, mask, length u16, ...          +HBD   mask, length u8, ...
//   end                      year u16, month, day, h, m, s, count u16, sum u16, 0D 0A
//
//   RSP content   [type 08: 2][index][type 03: n, n bytes of a phone's number], number of positions, positions, counters
//                 type 64: points (queclink_points.c), cell, counters
//   EVT content   what the type adds, number, position, counters
//   position      hdop, km/h u16 and tenths, azimuth u16, altitude s16, lon s32, lat s32 (1e-6), time 7, cell 8, reserved
//   counters      trip km u24 and tenths, total km u24 and tenths, trip h, m, s, total h u32, m, s
//
// id: each byte is two digits, the last one one; a name padded with 00 if bit 6 of the mask is set. The length is that of the
// frame, the sum a CRC-16/CCITT-FALSE from the type on. BSP, BVT and BNF come from the buffer.
#include "decoders/queclink/queclink_binary.h"

#include "decoders/cells.h"
#include "decoders/queclink/queclink_command.h"
#include "decoders/queclink/queclink_points.h"
#include "decoders/queclink/queclink_value.h"
#include "util/checksum.h"
#include "util/hex.h"
#include "util/reader.h"

#define KEYWORD     4
#define END         13 /* bytes from the send time on */
#define ID          8
#define MASK_NAME   0x40
#define TYPE_POINTS 0x64
#define MCC_MOST    999

enum layout { RSP, EVT, INF, ACK, BEAT, OTHER };

struct keyword {
	char text[5];
	uint8_t layout; /* enum layout */
	uint8_t length_at, length_len;
	uint8_t mask_at, id_at, device_at, content_at; /* id_at 0: their layout is not known */
	bool is_stored;
};

static const struct keyword keywords[] = {
	{"+RSP", RSP, 9, 2, 8, 16, 11, 24, false},
	{"+BSP", RSP, 9, 2, 8, 16, 11, 24, true},
	{"+EVT", EVT, 9, 2, 8, 16, 11, 24, false},
	{"+BVT", EVT, 9, 2, 8, 16, 11, 24, true},
	{"+INF", INF, 7, 2, 6, 9, 17, 17, false},
	{"+BNF", INF, 7, 2, 6, 9, 17, 17, true},
	{"+ACK", ACK, 6, 1, 5, 12, 7, 20, false},
	{"+HBD", BEAT, 5, 1, 0, 0, 0, 0, false},
	{"+LGN", BEAT, 6, 2, 0, 0, 0, 0, false},
	{"+CRD", OTHER, 6, 2, 0, 0, 0, 0, false},
	{"+BRD", OTHER, 6, 2, 0, 0, 0, 0, true},
};

static const struct keyword *find_keyword(const uint8_t *data)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (memcmp(data, keywords[i].text, KEYWORD) == 0)
			return &keywords[i];
	return NULL;
}

enum probe queclink_binary_find(
	const uint8_t *data, size_t len, size_t *length_at, size_t *length_len)
{
	enum probe best = PROBE_NO;
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
		const struct keyword *keyword = &keywords[i];
		if (memcmp(data, keyword->text, len < KEYWORD ? len : KEYWORD) != 0)
			continue;
		if (len < KEYWORD || (keyword->layout == ACK && len == KEYWORD)) {
			best = PROBE_MORE;
			continue;
		}
		if (keyword->layout == ACK && data[KEYWORD] == ':') // a text
			continue;
		*length_at = keyword->length_at;
		*length_len = keyword->length_len;
		return PROBE_YES;
	}
	return best;
}

bool queclink_binary_is_sound(const uint8_t *data, size_t len)
{
	const uint8_t *sum = data + len - QUECLINK_BINARY_SUMS;
	return checksum_crc16_ccitt(data + KEYWORD, len - KEYWORD - QUECLINK_BINARY_SUMS) ==
	       ((unsigned)sum[0] << 8 | sum[1]);
}

// Parts -----------------------------------------------------------------------

static bool read_time(struct reader *r, int64_t *time_us)
{
	const unsigned year = reader_be16(r), month = reader_u8(r), day = reader_u8(r),
		       hour = reader_u8(r), minute = reader_u8(r), second = reader_u8(r);
	return !r->bad && text_make_time((int)year, (int)month, (int)day, (int)hour, (int)minute,
				  (int)second, 0, time_us);
}

// Reads the id. Returns false for bytes that are none.
static bool read_ident(struct session *session, const uint8_t *id, bool is_name)
{
	char digits[2 * ID];
	if (is_name) {
		size_t len = ID;
		while (len > 0 && id[len - 1] == 0)
			len--;
		return session_set_ident(session, id, len);
	}
	for (size_t i = 0; i < ID; i++) {
		if (id[i] > (i + 1 < ID ? 99 : 9))
			return false;
		fields_put_digits(digits + 2 * i, id[i], i + 1 < ID ? 2 : 1);
	}
	return session_set_ident(session, digits, 2 * ID - 1);
}

bool queclink_binary_set_place(struct report *report, int64_t lat_e6, int64_t lon_e6, bool is_valid)
{
	return (is_valid || lat_e6 != 0 || lon_e6 != 0) &&
	       report_set_fix(report, lat_e6 * 10, lon_e6 * 10, is_valid);
}

struct cell {
	uint64_t mcc, mnc, lac, cid;
};

static bool read_cell(struct reader *r, struct cell *cell)
{
	cell->mcc = reader_be16(r);
	cell->mnc = reader_be16(r);
	cell->lac = reader_be16(r);
	cell->cid = reader_be16(r);
	return cell->mcc > 0 && cell->mcc <= MCC_MOST && cell->mnc <= MCC_MOST &&
	       (cell->lac | cell->cid) > 0;
}

static void add_cell(struct reader *r, struct report *report, struct decoded *out)
{
	struct cell cell;
	if (read_cell(r, &cell) && !r->bad)
		cells_put_first(report, cell.mcc, cell.mnc, cell.lac, cell.cid, out);
	reader_u8(r);
}

static void set_counters(struct reader *r, struct report *report, struct decoded *out)
{
	reader_bytes(r, 4);
	const uint64_t km = reader_be(r, 3), tenths = reader_u8(r);
	reader_bytes(r, 3);
	const uint64_t hours = reader_be32(r), minutes = reader_u8(r), seconds = reader_u8(r);
	if (r->bad)
		return;
	if (tenths <= 9)
		report_set_odometer(report, (int64_t)(km * 1000 + tenths * 100));
	if (minutes < 60 && seconds < 60)
		extra_int(out, report, "hours_s", (int64_t)(hours * 3600 + minutes * 60 + seconds));
}

// Frames ----------------------------------------------------------------------

struct binary {
	struct session *session;
	struct decoded *out;
	const struct keyword *keyword;
	struct text raw;
	struct text event;
	uint8_t type;
	bool has_time;
	int64_t time_us; /* of sending */
	struct queclink_key key;
};

static void set_send_time(const struct binary *b, struct report *report)
{
	if (b->has_time)
		report_set_time(report, b->time_us);
}

// Appends a report. Returns NULL if there is no room.
static struct report *add_report(struct binary *b)
{
	const struct text key = queclink_points_make_key(b->out, &b->key, b->raw);
	struct report *report = decoded_report(b->out, b->session);
	if (!report)
		return NULL;
	report->key = key;
	report->raw = b->raw;
	report->event = b->event;
	if (b->keyword->is_stored)
		report->body.flags |= FLAG_STORED;
	b->key.index++;
	return report;
}

static void read_position(const struct binary *b, struct reader *r, struct report *report)
{
	const unsigned hdop = reader_u8(r), speed = reader_be16(r), tenths = reader_u8(r),
		       azimuth = reader_be16(r);
	const int16_t altitude = (int16_t)reader_be16(r);
	const int32_t lon = (int32_t)reader_be32(r), lat = (int32_t)reader_be32(r);
	int64_t time_us;
	const bool has_time = read_time(r, &time_us);
	if (!queclink_binary_set_place(report, lat, lon, hdop > 0)) {
		set_send_time(b, report);
	} else {
		if (hdop > 0)
			report_set_hdop(report, (int64_t)hdop * 100);
		if (tenths <= 9)
			report_set_speed(report, (int64_t)speed * 100 + (int64_t)tenths * 10);
		report_set_course(report, (int64_t)azimuth * 100);
		report_set_altitude(report, (int64_t)altitude * 100);
		if (has_time)
			report_set_time(report, time_us);
	}
	add_cell(r, report, b->out);
}

// The values of the head, which are those of the last position.
struct head {
	unsigned battery, mv, state, satellites;
};

static struct head read_head(struct reader *r)
{
	struct head head;
	head.battery = reader_u8(r);
	head.mv = reader_be16(r);
	head.state = reader_u8(r);
	head.satellites = reader_u8(r);
	return head;
}

static void set_head(const struct binary *b, struct report *report, const struct head *head)
{
	report_set_battery_percent(report, head->battery);
	report_set_power_mv(report, head->mv);
	queclink_value_set_state(b->out, report, head->state);
	report_set_satellites(report, head->satellites);
}

// Adds a phone's number, BCD up to an F.
static void add_phone(const struct binary *b, struct report *report, const uint8_t *bcd, size_t len)
{
	char digits[2 * UINT8_MAX];
	size_t count = 0;
	for (; count < 2 * len; count++) {
		const unsigned digit = count % 2 ? bcd[count / 2] & 15u : bcd[count / 2] >> 4;
		if (digit == 15)
			break;
		if (digit > 9)
			return;
		digits[count] = (char)('0' + digit);
	}
	if (count > 0)
		extra_text(b->out, report, "phone", digits, count);
}

// Reads so many positions, or a status if there are none. Returns the last report; NULL: they do not fit.
static struct report *read_positions(struct binary *b, struct reader *r, unsigned count)
{
	struct report *report = NULL;
	for (unsigned i = 0; i < count && !r->bad; i++) {
		report = add_report(b);
		if (!report)
			return NULL;
		read_position(b, r, report);
	}
	if (count == 0 && (report = add_report(b)))
		set_send_time(b, report);
	return r->bad ? NULL : report;
}

static bool read_points(struct binary *b, struct reader *r, const struct head *head)
{
	struct queclink_points points = {.left = reader_be16(r)};
	struct queclink_point point;
	struct report *report = NULL;
	while (queclink_points_next(&points, r, &point)) {
		report = add_report(b);
		if (!report)
			return false;
		if (queclink_binary_set_place(report, point.lat_e6, point.lon_e6, point.is_valid)) {
			report_set_time(report, point.time_s * 1000000);
			report_set_speed(report, point.speed_e1 * 10);
			report_set_course(report, point.azimuth * 100);
		} else {
			set_send_time(b, report);
		}
	}
	if (r->bad)
		return false;
	if (!report && (report = add_report(b)))
		set_send_time(b, report);
	if (!report)
		return false;
	add_cell(r, report, b->out);
	set_counters(r, report, b->out);
	set_head(b, report, head);
	return true;
}

static bool decode_positions(struct binary *b, struct reader *r)
{
	const struct head head = read_head(r);
	const uint8_t *phone = NULL;
	unsigned phone_len = 0;
	if (b->type == TYPE_POINTS)
		return read_points(b, r, &head);
	if (b->type == 0x08)
		reader_bytes(r, 2);
	reader_u8(r);
	if (b->type == 0x03) {
		phone_len = reader_u8(r);
		phone = reader_bytes(r, phone_len);
	}
	struct report *report = read_positions(b, r, reader_u8(r));
	if (!report)
		return false;
	set_counters(r, report, b->out);
	set_head(b, report, &head);
	if (phone)
		add_phone(b, report, phone, phone_len);
	return true;
}

// Returns how many bytes the type of an event adds.
static size_t count_added(uint8_t type)
{
	static const struct {
		uint8_t type, len;
	} added[] = {{0x06, 2}, {0x0F, 3}, {0x11, 4}, {0x15, 5}, {0x17, 1}, {0x1A, 12}, {0x1F, 2},
		{0x21, 1}, {0x22, 3}, {0x23, 1}, {0x2D, 7}, {0x2E, 7}};
	for (size_t i = 0; i < sizeof added / sizeof added[0]; i++)
		if (added[i].type == type)
			return added[i].len;
	return 0;
}

static void set_event(const struct binary *b, struct report *report, const uint8_t *added)
{
	switch (b->type) {
	case 0x06:
		report_add_alarm(report, ALARM_LOW_BATTERY);
		report_set_battery_mv(report, (int64_t)added[0] << 8 | added[1]);
		break;
	case 0x17:
		report_add_alarm(report, ALARM_ACCIDENT);
		break;
	case 0x21:
		if (added[0] != 0)
			report_add_alarm(report, ALARM_JAMMING);
		break;
	case 0x2D:
	case 0x2E:
		report_set_ignition(report, b->type == 0x2D);
		break;
	default:
		break;
	}
}

static bool decode_event(struct binary *b, struct reader *r)
{
	const struct head head = read_head(r);
	const uint8_t *added = reader_bytes(r, count_added(b->type));
	reader_u8(r);
	struct report *report = read_positions(b, r, 1);
	if (!report || !added)
		return false;
	set_counters(r, report, b->out);
	set_head(b, report, &head);
	set_event(b, report, added);
	return true;
}

// Information -----------------------------------------------------------------

static void add_iccid(const struct binary *b, struct report *report, const uint8_t *bcd)
{
	char digits[20];
	bool all_0 = true, all_f = true;
	for (size_t i = 0; i < sizeof digits; i++) {
		const unsigned digit = i % 2 ? bcd[i / 2] & 15u : bcd[i / 2] >> 4;
		digits[i] = "0123456789ABCDEF"[digit];
		all_0 &= digit == 0;
		all_f &= digit == 15;
	}
	if (!all_0 && !all_f)
		extra_text(b->out, report, "iccid", digits, sizeof digits);
}

static void add_cells(const struct binary *b, struct report *report, struct reader *r)
{
	struct cells cells;
	reader_u8(r);
	const unsigned count = reader_u8(r);
	cells_init(&cells, 0, 0, report, b->out);
	for (unsigned i = 0; i < count && !r->bad; i++) {
		struct cell cell;
		const bool is_cell = read_cell(r, &cell);
		reader_u8(r);
		const int64_t level = reader_u8(r);
		if (!is_cell || r->bad)
			continue;
		cells.mcc = cell.mcc;
		cells.mnc = cell.mnc;
		cells_put(&cells, cell.lac, cell.cid, level);
	}
	cells_end(&cells);
}

//   device 5, [06: 6], state, reserved, satellites, mode, last fix 7, 13 of settings, [07: charging, mV u16, battery mV u16,
//   battery %], ICCID 10, [05: CSQ, BER], zone 3, [0A: trigger, n, n x (cell 8, TA, level)]          type 01 has all of them
static bool decode_information(struct binary *b, struct reader *r)
{
	const bool has_all = b->type == 0x01;
	struct report *report = add_report(b);
	if (!report)
		return false;
	set_send_time(b, report);
	reader_bytes(r, has_all || b->type == 0x06 ? 5 + 6 : 5);
	queclink_value_set_state(b->out, report, reader_u8(r));
	reader_u8(r);
	report_set_satellites(report, reader_u8(r));
	reader_bytes(r, 1 + 7 + 13);
	if (has_all || b->type == 0x07) {
		const unsigned charging = reader_u8(r);
		if (charging <= 1)
			extra_bool(b->out, report, "charge", charging);
		report_set_power_mv(report, reader_be16(r));
		report_set_battery_mv(report, reader_be16(r));
		report_set_battery_percent(report, reader_u8(r));
	}
	const uint8_t *iccid = reader_bytes(r, 10);
	if (iccid)
		add_iccid(b, report, iccid);
	if (has_all || b->type == 0x05) {
		const unsigned csq = reader_u8(r);
		if (csq <= 31)
			report_set_gsm_percent(report, csq * 100 / 31);
		reader_u8(r);
	}
	reader_bytes(r, 3);
	if (has_all || b->type == 0x0A)
		add_cells(b, report, r);
	return true;
}

static bool decode_answer(struct binary *b, struct reader *r)
{
	struct report *report = add_report(b);
	const uint8_t *answer = reader_bytes(r, 3);
	if (!report || !answer)
		return false;
	set_send_time(b, report);
	extra_hex(b->out, report, "data", answer, 3);
	decoded_answer(b->out, ANSWER_GIVEN,
		(struct correlation){true, (uint32_t)answer[1] << 8 | answer[2]});
	return true;
}

static bool decode_content(struct binary *b, struct reader *r)
{
	switch (b->keyword->layout) {
	case RSP:
		return decode_positions(b, r);
	case EVT:
		return decode_event(b, r);
	case INF:
		return decode_information(b, r);
	case ACK:
		return decode_answer(b, r);
	default:
		return false;
	}
}

// Whole frame -----------------------------------------------------------------

static enum decode_status fail_ident(struct decoded *out)
{
	out->detail = "ident";
	return DECODE_BAD_VALUE;
}

// Returns the keyword and the type, EVT2D.
static struct text make_event(const struct keyword *keyword, uint8_t type, struct decoded *out)
{
	char *event = (char *)decoded_arena(out, 5);
	if (!event)
		return (struct text){"", 0};
	memcpy(event, keyword->text + 1, 3);
	event[3] = "0123456789ABCDEF"[type >> 4];
	event[4] = "0123456789ABCDEF"[type & 15];
	return (struct text){event, 5};
}

// Reads the end: time of sending and count.
static void read_end(struct binary *b, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data + len - END, END);
	b->has_time = read_time(&r, &b->time_us);
	b->key = (struct queclink_key){
		.kind = b->keyword->layout, .type = b->type, .sent = data + len - END};
}

// A content that does not fit is kept whole.
static void keep_content(struct binary *b, const uint8_t *data, size_t len)
{
	while (b->out->report_count > 0)
		decoded_drop_report(b->out);
	b->key.index = 0;
	struct report *report = add_report(b);
	if (!report)
		return;
	set_send_time(b, report);
	extra_hex(b->out, report, "data", data + KEYWORD, len - KEYWORD - QUECLINK_BINARY_SUMS);
}

enum decode_status queclink_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct binary b = {.session = session,
		.out = out,
		.keyword = find_keyword(data),
		.raw = {(const char *)data, len}};
	const struct keyword *keyword = b.keyword;
	if (keyword && keyword->layout == BEAT)
		return DECODE_IGNORED;
	if (!keyword || len < KEYWORD + 1 + END || len < (size_t)keyword->content_at + END)
		return DECODE_BAD_LENGTH;
	if (keyword->id_at > 0 ? !read_ident(session, data + keyword->id_at,
					 data[keyword->mask_at] & MASK_NAME)
			       : session->ident_len == 0)
		return fail_ident(out);
	if (keyword->id_at > 0)
		queclink_command_note_prefix(session, data[keyword->device_at]);
	b.type = data[KEYWORD];
	b.event = make_event(keyword, b.type, out);
	read_end(&b, data, len);
	struct reader r = reader_of(data + keyword->content_at, len - keyword->content_at - END);
	if (!decode_content(&b, &r) || r.bad || r.left > 0)
		keep_content(&b, data, len);
	return DECODE_OK;
}
