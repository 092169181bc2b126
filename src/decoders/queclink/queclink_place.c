// SPDX-License-Identifier: MIT
// From Queclink's @Track documents (GL200, GL300, GV200, GV300, GMT100) and captures:
//
//   hdop,km/h,azimuth,altitude,longitude,latitude,yyyymmddhhmmss,[n,n x Wi-Fi,]mcc,mnc,lac,cell,tail
//
// Degrees with six decimals: longitude, latitude and time are found by their shape, wherever they are. hdop 0: the last known
// position. Wi-Fi is mac,level and two or three empty fields. lac and cell are hex. A CDMA device gives SID, NID, 0 and BID.
//
//   tail   reserved | odometer | append mask[,satellites][,trigger], then what the type has
#include "decoders/queclink/queclink_place.h"

#include "decoders/queclink/queclink_value.h"
#include "decoders/wifi.h"

#define PLACE_FIELDS 7
#define POINTS_ROOM  2048
#define KM_MOST      6 /* the odometer is one of the first fields of the tail */
#define MCC_MOST     999

// Finding ---------------------------------------------------------------------

// Reads degrees with six decimals, and at most so many digits before them.
static bool read_degrees(struct text text, unsigned whole_most, int64_t *e7)
{
	if (text.len < 8 || text.data[text.len - 7] != '.')
		return false;
	const char *at = text.data, *end = at + text.len, *point = end - 7;
	const bool is_negative = *at == '-';
	int64_t whole = 0;
	at += is_negative;
	if (at == point || point - at > (ptrdiff_t)whole_most)
		return false;
	for (; at < point; at++) {
		if (!text_is_digit(*at))
			return false;
		whole = whole * 10 + (*at - '0');
	}
	// The digits of the fraction, without the two bytes before them.
	const uint64_t micro = (scan_word(end - 8) ^ UINT64_C(0x3030303030303030)) >> 16 << 16;
	if (scan_others(micro))
		return false;
	const int64_t magnitude = (whole * 1000000 + (int64_t)scan_sum(micro)) * 10;
	*e7 = is_negative ? -magnitude : magnitude;
	return true;
}

// Returns the first field from `at` on, below `end`, that has a point in front of its last six bytes, as degrees have; `end`
// if none has.
static size_t find_degrees(const struct queclink_fields *fields, size_t at, size_t end)
{
	const char *data = fields->data;
	for (; at < end; at++) {
		const uint16_t *start = fields->start + at;
		const unsigned len = (unsigned)(start[1] - start[0] - 1);
		if (len - 8 <= 3 && data[start[1] - 8] == '.')
			return at;
	}
	return end;
}

// Reads longitude, latitude and time.
static bool read_place(const struct queclink_message *m, size_t at, struct queclink_place *place)
{
	return read_degrees(queclink_message_get(m, at), 3, &place->lon_e7) &&
	       read_degrees(queclink_message_get(m, at + 1), 2, &place->lat_e7) &&
	       fields_is_digits(queclink_message_get(m, at + 2), 14, 14);
}

static bool is_empty(const struct queclink_message *m, size_t at)
{
	return at < m->end && queclink_message_at(m, at).len == 0;
}

// Returns how many fields a Wi-Fi point has. is_last: the cell follows.
static size_t count_point_fields(const struct queclink_message *m, size_t at, bool is_last)
{
	if (!is_last)
		return queclink_value_is_mac(queclink_message_at(m, at + 4)) ? 4 : 5;
	return is_empty(m, at + 2) && is_empty(m, at + 3) && is_empty(m, at + 4) &&
			       fields_is_digits(queclink_message_at(m, at + 5), 3, 4)
		       ? 5
		       : 4;
}

// Finds Wi-Fi points between position and cell, which is there otherwise.
static void find_network(const struct queclink_message *m, size_t at, struct queclink_place *place)
{
	const struct text text = queclink_message_at(m, at);
	uint64_t count = 0;
	place->cell = at;
	place->points = 0;
	if (!fields_is_digits(text, 1, 2) || !text_uint(text, &count))
		return;
	if (count == 0) { // no points, or mcc 0
		place->cell += fields_is_digits(queclink_message_at(m, at + 1), 3, 4);
		return;
	}
	size_t next = at + 1;
	for (uint64_t i = 0; i < count; i++) {
		if (!queclink_value_is_mac(queclink_message_at(m, next)))
			return;
		next += count_point_fields(m, next, i + 1 == count);
	}
	place->points = count;
	place->first_point = at + 1;
	place->cell = next;
}

bool queclink_place_find(const struct queclink_message *m, size_t *at, struct queclink_place *place)
{
	size_t lon = *at > m->first + 4 ? *at : m->first + 4;
	const size_t end = m->end > 2 ? m->end - 2 : 0;
	for (; (lon = find_degrees(m->fields, lon, end)) < end; lon++) {
		if (!read_place(m, lon, place))
			continue;
		place->start = lon - 4;
		*at = lon + 3;
		find_network(m, lon + 3, place);
		return true;
	}
	return false;
}

bool queclink_place_is_empty(const struct queclink_message *m, size_t at)
{
	const struct text hdop = queclink_message_at(m, at);
	if (at >= m->end || (hdop.len > 0 && !text_equal(hdop, "0") && !text_equal(hdop, "0.0")))
		return false;
	for (size_t i = 1; i < PLACE_FIELDS; i++)
		if (!is_empty(m, at + i))
			return false;
	return true;
}

bool queclink_place_find_empty(
	const struct queclink_message *m, size_t at, struct queclink_place *place)
{
	if (!queclink_place_is_empty(m, at))
		return false;
	place->start = at;
	find_network(m, at + PLACE_FIELDS, place);
	return true;
}

// Position --------------------------------------------------------------------

// Reads a number of 0.01. Without a sign and with at most two decimals it is the usual case.
static bool read_e2(const struct queclink_message *m, size_t at, int64_t *e2)
{
	const char *end;
	struct scan scan = queclink_message_scan(m, at, &end);
	uint64_t whole, fraction = 0;
	if (scan.at == end)
		return false;
	unsigned digits = scan_run(&scan, &whole), decimals = 0;
	if (digits > 0 && scan.at < end && *scan.at == '.') {
		scan.at++;
		decimals = scan_run(&scan, &fraction);
	}
	if (digits == 0 || digits > 7 || decimals > 2 || scan.at != end)
		return text_fixed(queclink_message_get(m, at), 2, e2);
	*e2 = (int64_t)(whole * 100 + fraction * scan_power(2 - decimals));
	return true;
}

bool queclink_place_set(const struct queclink_message *m, const struct queclink_place *place)
{
	const size_t at = place->start;
	struct report *report = m->report;
	int64_t value, time_us;
	const bool has_hdop = read_e2(m, at, &value), valid = !has_hdop || value != 0;
	if (!valid && place->lat_e7 == 0 && place->lon_e7 == 0)
		return false;
	if (!report_set_fix(report, place->lat_e7, place->lon_e7, valid))
		return false;
	if (has_hdop && valid)
		report_set_hdop(report, value);
	if (read_e2(m, at + 1, &value))
		report_set_speed(report, value);
	if (read_e2(m, at + 2, &value))
		report_set_course(report, value);
	if (read_e2(m, at + 3, &value))
		report_set_altitude(report, value);
	if (queclink_value_time(queclink_message_get(m, at + 6), &time_us))
		report_set_time(report, time_us);
	return true;
}

// Network ---------------------------------------------------------------------

bool queclink_place_read_cell(
	const struct queclink_message *m, size_t at, struct queclink_cell *cell)
{
	const struct text mcc = queclink_message_at(m, at), mnc = queclink_message_at(m, at + 1),
			  lac = queclink_message_at(m, at + 2),
			  cid = queclink_message_at(m, at + 3);
	return mcc.len <= 4 && mnc.len <= 5 && lac.len <= 8 && cid.len <= 8 &&
	       text_uint(mcc, &cell->mcc) && text_uint(mnc, &cell->mnc) &&
	       text_hex(lac, &cell->lac) && text_hex(cid, &cell->cid) && cell->mcc > 0 &&
	       cell->mcc <= MCC_MOST && cell->mnc <= MCC_MOST && (cell->lac | cell->cid) > 0;
}

static bool is_cdma(const struct queclink_message *m, size_t at)
{
	const struct text sid = queclink_message_at(m, at);
	uint64_t value;
	return fields_is_hex(m->ident, 14, 14) && fields_is_digits(sid, 4, 5) &&
	       text_uint(sid, &value) && value > MCC_MOST;
}

void queclink_place_add_cell(const struct queclink_message *m, size_t at)
{
	struct queclink_cell cell;
	if (is_cdma(m, at)) {
		if (at + 3 < m->end) {
			const struct text all = queclink_message_span(m, at, at + 4);
			extra_text(m->out, m->report, "cdma", all.data, all.len);
		}
	} else if (queclink_place_read_cell(m, at, &cell)) {
		extra_int(m->out, m->report, "mcc", (int64_t)cell.mcc);
		extra_int(m->out, m->report, "mnc", (int64_t)cell.mnc);
		extra_int(m->out, m->report, "lac", (int64_t)cell.lac);
		extra_int(m->out, m->report, "cid", (int64_t)cell.cid);
	}
}

void queclink_place_add_network(
	const struct queclink_message *m, const struct queclink_place *place)
{
	char list[POINTS_ROOM];
	size_t len = 0;
	int64_t level;
	size_t at = place->first_point;
	for (uint64_t i = 0; i < place->points; i++) {
		if (fields_level(queclink_message_at(m, at + 1), &level) &&
			POINTS_ROOM - len >= WIFI_POINT)
			len = wifi_put_bare(list, len, queclink_message_at(m, at), level);
		at += count_point_fields(m, at, i + 1 == place->points);
	}
	if (len > 0)
		extra_text(m->out, m->report, "wifi", list, len);
	queclink_place_add_cell(m, place->cell);
}

// Tail ------------------------------------------------------------------------

void queclink_place_take_append(struct queclink_message *m, size_t k)
{
	const struct text mask = queclink_message_tail(m, k);
	uint64_t satellites;
	if (mask.len != 2 || mask.data[0] != '0' || mask.data[1] < '1' || mask.data[1] > '3')
		return;
	const unsigned bits = (unsigned)(mask.data[1] - '0');
	const struct text text = queclink_message_tail(m, k + 1);
	if (bits & 1 && fields_is_digits(text, 1, 2) && text_uint(text, &satellites))
		report_set_satellites(m->report, (int64_t)satellites);
	const size_t more = m->tail.count - k - 1, skip = (bits & 1) + (bits >> 1);
	m->tail.split = k + 1;
	m->tail.skip = skip < more ? skip : more;
	m->tail.count -= m->tail.skip;
}

// Parses hours, minutes and seconds, 00321:07:44.
static bool read_hours(struct text text, int64_t *seconds)
{
	uint64_t hours, minutes, rest;
	if (text.len < 11 || text.len > 15 || text.data[text.len - 3] != ':' ||
		text.data[text.len - 6] != ':')
		return false;
	const char *end = text.data + text.len;
	if (!text_uint((struct text){text.data, text.len - 6}, &hours) ||
		!text_uint((struct text){end - 5, 2}, &minutes) ||
		!text_uint((struct text){end - 2, 2}, &rest) || minutes > 59 || rest > 59)
		return false;
	*seconds = (int64_t)(hours * 3600 + minutes * 60 + rest);
	return true;
}

void queclink_place_set_counters(const struct queclink_message *m, size_t most)
{
	const struct queclink_fields *fields = m->fields;
	const size_t count = m->tail.count < most ? m->tail.count : most;
	bool has_km = false, has_hours = false;
	int64_t seconds;
	for (size_t k = 0; k < count; k++) {
		const size_t index = queclink_message_tail_index(m, k);
		if (index >= m->end)
			break;
		const unsigned start = fields->start[index], end = fields->start[index + 1] - 1u;
		if (end - start < 3 ||
			(fields->data[end - 2] != '.' && fields->data[end - 3] != ':'))
			continue;
		const struct text text = {fields->data + start, end - start};
		if (!has_km && k < KM_MOST && queclink_value_set_km(m->report, text)) {
			has_km = true;
		} else if (!has_hours && read_hours(text, &seconds)) {
			extra_int(m->out, m->report, "hours_s", seconds);
			has_hours = true;
		}
	}
}
