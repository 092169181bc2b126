// SPDX-License-Identifier: MIT
// Binary records of the H02. Digits are BCD; no checksum, no terminator. Sources: the makers' papers and captures.
//
//   0  $ | id 5 | hh mm ss | dd mm yy | latitude DD MM mmmm 4 | battery 1 | longitude DDD MM mmmm 4.5, flags .5
//   22 speed 1.5, course 1.5 | status 4 | tail from 29 on
//
//   flags   8 east, 4 north, 2 valid        speed   knots
//   battery 1..3 (n - 1) * 10 %, 4..6 (n - 1) * 20 %, 7..100 %, F1..F6 the low half in %
//
//   32 bytes  the tail is a counter
//   45        FF 00 | GSM 0..31 | satellites, or mileage u32;  4 unused; MCC u16 | MNC u8 | LAC u16 | CID u16 | counter
//   46        4 unknown | odometer in m, BCD | temperature | fuel | unknown | altitude u16 | LAC u16 | CID u16
//   42        with an id of 8 bytes (15 digits), all else 3 bytes later; the tail is not known
//   48        the tail is not known
//   X, 32     bytes 1..5 are a mileage; the id is the connection's
#include "decoders/h02/h02_binary.h"
#include "decoders/cells.h"
#include "decoders/h02/h02_report.h"
#include "util/bcd.h"
#include "util/hex.h"
#include "util/reader.h"

#define LONG_ID_LEN 42

static enum decode_status refuse(struct decoded *out, const char *field)
{
	out->detail = field;
	return DECODE_BAD_VALUE;
}

static bool set_ident(struct session *session, const uint8_t *digits, size_t count)
{
	char ident[15];
	if (bcd_number(digits, 0, (count + 1) / 2 * 2) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		ident[i] = (char)('0' + (i % 2 ? digits[i / 2] & 15 : digits[i / 2] >> 4));
	return session_set_ident(session, ident, count);
}

static void set_time(struct report *report, int64_t clock, int64_t date)
{
	int64_t time_us;
	const int year = scan_year((unsigned)(date % 100));
	if (text_make_time(year, (int)(date / 100 % 100), (int)(date / 10000), (int)(clock / 10000),
		    (int)(clock / 100 % 100), (int)(clock % 100), 0, &time_us))
		report_set_time(report, time_us);
}

static void set_battery(struct report *report, uint8_t byte)
{
	if (byte >= 1 && byte <= 3)
		report_set_battery_percent(report, (byte - 1) * 10);
	else if (byte >= 4 && byte <= 6)
		report_set_battery_percent(report, (byte - 1) * 20);
	else if (byte >= 7 && byte <= 100)
		report_set_battery_percent(report, byte);
	else if (byte >= 0xF1 && byte <= 0xF6)
		report_set_battery_percent(report, byte & 15);
}

// Converts DDDMMmmmm to 1e-7 degree. Returns false if out of range.
static bool to_angle(int64_t value, unsigned most, int64_t *e7)
{
	const int64_t micro = value % 1000000 * 100;
	*e7 = value / 1000000 * 10000000 + (micro + 3) / 6;
	return micro < 60000000 && *e7 <= (int64_t)most * 10000000;
}

// d: the bytes as in a record with an id of 5 bytes. Returns the field that is bad, or NULL.
static const char *decode_front(struct report *report, const uint8_t *d)
{
	const int64_t clock = bcd_number(d, 12, 18), date = bcd_number(d, 18, 24),
		      lat = bcd_number(d, 24, 32);
	const int64_t lon = bcd_number(d, 34, 43), speed = bcd_number(d, 44, 47),
		      course = bcd_number(d, 47, 50);
	const bool valid = d[21] & 2;
	int64_t lat_e7 = 0, lon_e7 = 0;
	if (clock < 0)
		return "time";
	if (date < 0)
		return "date";
	if (lat < 0 || (lon >= 0 && speed >= 0 && course >= 0 && !to_angle(lat, 90, &lat_e7)))
		return "latitude";
	if (lon < 0 || (speed >= 0 && course >= 0 && !to_angle(lon, 180, &lon_e7)))
		return "longitude";
	if (speed < 0 || course < 0)
		return speed < 0 ? "speed" : "course";
	set_time(report, clock, date);
	if (valid || lat || lon) {
		report_set_fix(
			report, d[21] & 4 ? lat_e7 : -lat_e7, d[21] & 8 ? lon_e7 : -lon_e7, valid);
		report_set_speed(report, (speed * 18520 + 50) / 100);
		report_set_course(report, course * 100);
	}
	set_battery(report, d[16]);
	return NULL;
}

static void decode_cell_tail(struct report *report, struct reader r, struct decoded *out)
{
	const uint32_t first = reader_be32(&r);
	if (first >> 16 == 0xFF00) {
		const unsigned gsm = first >> 8 & 255;
		if (gsm <= 31)
			report_set_gsm_percent(report, gsm * 100 / 31);
		report_set_satellites(report, first & 255);
	} else {
		extra_int(out, report, "mileage", first);
	}
	reader_be32(&r);
	const uint16_t mcc = reader_be16(&r);
	const uint8_t mnc = reader_u8(&r);
	const uint16_t lac = reader_be16(&r), cid = reader_be16(&r);
	if (mcc >= 200 && mcc <= 799 && (lac || cid))
		cells_put_first(report, mcc, mnc, lac, cid, out);
}

static void decode_fuel_tail(struct report *report, struct reader r, struct decoded *out)
{
	reader_be32(&r);
	const int64_t odometer_m = bcd_number(r.at, 0, 8);
	report_set_odometer(report, odometer_m);
	reader_be32(&r);
	extra_int(out, report, "temp1", (int8_t)reader_u8(&r));
	const uint8_t fuel = reader_u8(&r);
	if (fuel <= 100)
		extra_int(out, report, "fuel", fuel);
	reader_u8(&r);
	report_set_altitude(report, reader_be16(&r) * INT64_C(100));
	const uint16_t lac = reader_be16(&r), cid = reader_be16(&r);
	if (lac || cid) {
		extra_int(out, report, "lac", lac);
		extra_int(out, report, "cid", cid);
	}
}

static void decode_status(
	struct session *session, struct report *report, const uint8_t *status, struct decoded *out)
{
	char text[8];
	hex_write(text, status, 4);
	for (size_t i = 0; i < sizeof text; i++)
		if (text[i] >= 'a')
			text[i] = (char)(text[i] - 0x20);
	const uint32_t word = (uint32_t)status[0] << 24 | (uint32_t)status[1] << 16 |
			      (uint32_t)status[2] << 8 | status[3];
	h02_report_status(session, report, word, (struct text){text, sizeof text}, out);
}

// Asks the tracker to stop repeating the record: *HQ,<id>,R12,<hhmmss>#
static void answer(const struct session *session, struct decoded *out)
{
	char reply[64], *end = reply;
	const int64_t second = session->received_us / 1000000 % 86400;
	end = fields_put(end, "*", 1);
	end = fields_put(end, h02_report_letters(session), 2);
	end = fields_put(end, ",", 1);
	end = fields_put(end, session->ident, session->ident_len);
	end = fields_put(end, ",R12,", 5);
	end = fields_put_digits(end, (unsigned)(second / 3600), 2);
	end = fields_put_digits(end, (unsigned)(second / 60 % 60), 2);
	end = fields_put_digits(end, (unsigned)(second % 60), 2);
	end = fields_put(end, "#", 1);
	decoded_reply(out, REPLY_STORED, reply, (size_t)(end - reply));
}

// Other protocols have such bytes too: they open a conversation only for a device that is known.
static enum decode_status refuse_unknown(struct session *session, struct decoded *out)
{
	session->ident_len = 0;
	out->detail = "binary record of an unknown device";
	out->close = true;
	return DECODE_DETAIL;
}

enum decode_status h02_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const bool is_x = data[0] == 'X', has_long_id = len == LONG_ID_LEN;
	const bool opens = session->ident_len == 0;
	const uint8_t *d = has_long_id ? data + 3 : data;
	const int64_t mileage = is_x ? bcd_number(data + 1, 0, 10) : 0;
	if (mileage < 0)
		return refuse(out, "mileage");
	if (is_x ? session->ident_len == 0 || session->datagram
		 : !set_ident(session, data + 1, has_long_id ? 15 : 10))
		return refuse(out, "ident");
	if (opens && !session_settings(session).known)
		return refuse_unknown(session, out);
	struct report *report = decoded_report(out, session);
	const char *bad = decode_front(report, d);
	if (bad) {
		decoded_drop_report(out);
		return refuse(out, bad);
	}
	report->event = (struct text){(const char *)data, 1};
	report->raw = report->key = (struct text){(const char *)data, len};
	decode_status(session, report, d + 25, out);
	const struct reader tail = reader_of(d + 29, (size_t)(data + len - d) - 29);
	if (is_x)
		extra_int(out, report, "mileage", mileage);
	else if (len == 45)
		decode_cell_tail(report, tail, out);
	else if (len == 46)
		decode_fuel_tail(report, tail, out);
	else if (len != 32)
		extra_hex(out, report, "data", tail.at, tail.left);
	if (!is_x && !has_long_id)
		answer(session, out);
	return DECODE_OK;
}

// Sniffing --------------------------------------------------------------------

// Returns true if the bytes after an id of id_len bytes can be time, date and latitude, as far as they are there.
static bool is_front(const uint8_t *data, size_t len, size_t id_len)
{
	static const uint8_t mosts[] = {0x23, 0x59, 0x59, 0x31, 0x12, 0x99, 0x90, 0x59};
	const size_t end = 1 + id_len + 10 < len ? 1 + id_len + 10 : len;
	for (size_t i = 1; i < end; i++) {
		if (data[i] >> 4 > 9 || (data[i] & 15) > 9)
			return false;
		const size_t at = i - 1 - id_len;
		if (i <= id_len || at >= sizeof mosts)
			continue;
		if (data[i] > mosts[at] || ((at == 3 || at == 4) && data[i] == 0))
			return false;
	}
	return true;
}

enum probe h02_binary_probe(const uint8_t *data, size_t len)
{
	if (!is_front(data, len, 5) && !is_front(data, len, 8))
		return PROBE_NO;
	return len < 32 ? PROBE_MORE : PROBE_MAYBE;
}
