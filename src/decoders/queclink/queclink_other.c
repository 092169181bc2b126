// SPDX-License-Identifier: MIT
// From Queclink's @Track documents and captures; the fields after the name:
//
//   INF  state,ICCID,CSQ,BER,supply,[MAC,temperature,humidity,]mV | km,second mV,battery V,charging,...,last fix,
//        vehicles: reserved,ADC mV x 0..3,DI,DO,zone,DST    others: battery %,[x,]temperature,3 reserved
//   STT  state, position           BPL  battery V, position          LSW, TSW  type,state, position
//   IDA  reserved,id,authorised,number, position                     DAR  type,degree,,,number, position
//   BAA  index,type,model,alarm,items,an item for each of their bits, position
//   BID  n, n x (model,items,MAC (bit 1),mV (bit 3)), position
//   DAT  type,,,text, position     DTT  ,,type,length,hex            VER  type,firmware,hardware
//   LBS  trigger,type,battery %,,motion,,,mask,7 x cell              cell  mcc,mnc,lac,cell,level,reserved
//   GSM  without a name: the report's type, neighbours x cell, the serving cell
//   WIF  n, n x (mac,level,,,),,,,,battery %
#include "decoders/queclink/queclink_other.h"

#include "decoders/cells.h"
#include "decoders/queclink/queclink_place.h"
#include "decoders/queclink/queclink_value.h"
#include "decoders/wifi.h"

#define CELL_FIELDS  6
#define POINT_FIELDS 5

#define PERSONAL_LEAST 4 /* fields after the last fix: battery %, [x,] [temperature,] 3 reserved */
#define PERSONAL_MOST  6

#define POINTS_ROOM 4096

static void add_text(const struct queclink_message *m, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(m->out, m->report, name, text.data, text.len);
}

static bool read_hex(struct text text, size_t least, size_t most, uint64_t *value)
{
	return fields_is_hex(text, least, most) && text_hex(text, value);
}

static bool read_digits(struct text text, size_t most, uint64_t *value)
{
	return fields_is_digits(text, 1, most) && text_uint(text, value);
}

// Information -----------------------------------------------------------------

static bool is_time(struct text text)
{
	return fields_is_digits(text, 14, 14);
}

// Returns the index of the battery's voltage, of one digit and decimals, or of the last fix if that comes first; the end if
// neither is there.
static size_t find_battery(const struct queclink_message *m, size_t at)
{
	while (at < m->end && !is_time(queclink_message_at(m, at)) &&
		!queclink_value_is_decimal(queclink_message_at(m, at), false, 1, 1, 2))
		at++;
	return at;
}

// After the last fix of a vehicle, which gives its time zone third from the end.
static void set_vehicle(const struct queclink_message *m, size_t fix)
{
	const struct text di = queclink_message_at(m, m->end - 4),
			  out = queclink_message_at(m, m->end - 3);
	uint64_t inputs, outputs;
	if (read_hex(di, 2, 2, &inputs) && read_hex(out, 2, 2, &outputs)) {
		report_set_inputs(m->report, (uint32_t)inputs >> 1);
		report_set_outputs(m->report, (uint32_t)outputs);
	}
	for (unsigned i = 1; i <= 3 && fix + 1 + i + 4 < m->end; i++)
		queclink_value_set_adc(m->out, m->report, i, queclink_message_at(m, fix + 1 + i));
}

static void set_personal(const struct queclink_message *m, size_t fix)
{
	const size_t count = m->end > fix ? m->end - fix - 1 : 0;
	if (m->send.len == 0 || count < PERSONAL_LEAST || count > PERSONAL_MOST)
		return;
	queclink_value_set_battery(m->report, queclink_message_at(m, fix + 1));
	for (size_t i = 2; i <= 3; i++) {
		const struct text text = queclink_message_at(m, fix + i);
		if (queclink_value_is_decimal(text, true, 2, 1, 1)) {
			fields_add_number(m->out, m->report, "temp1", text);
			return;
		}
	}
}

static bool is_zone(struct text text)
{
	return text.len == 5 && (text.data[0] == '+' || text.data[0] == '-') &&
	       fields_is_digits((struct text){text.data + 1, 4}, 4, 4);
}

// Sets what is before the battery's voltage. Returns the index of the field after it.
static size_t set_supply(const struct queclink_message *m)
{
	uint64_t mv;
	size_t supply = 6;
	if (queclink_value_is_mac(queclink_message_after(m, 6))) {
		add_text(m, "tag1Id", queclink_message_after(m, 6));
		fields_add_number(m->out, m->report, "tag1Temp", queclink_message_after(m, 7));
		queclink_value_set_percent(
			m->out, m->report, "tag1Humidity", queclink_message_after(m, 8));
		supply = 9;
	}
	queclink_value_set_km(m->report, queclink_message_after(m, supply));
	queclink_value_set_power(m->report, queclink_message_after(m, supply), 0);
	if ((m->prefix == 0xC2 || m->prefix == 0xDC) &&
		read_digits(queclink_message_after(m, supply + 1), 6, &mv))
		extra_fixed(m->out, m->report, "power2_v", (int64_t)mv, 3);
	return m->name + supply + 1;
}

static bool is_iccid(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text_is_alnum(text.data[i]))
			return false;
	return text.len >= 1 && text.len <= 20;
}

void queclink_other_decode_information(struct queclink_message *m)
{
	const struct text iccid = queclink_message_after(m, 2);
	uint64_t state;
	if (m->name == 0)
		return;
	if (read_hex(queclink_message_after(m, 1), 2, 2, &state))
		queclink_value_set_state(m->out, m->report, (unsigned)state);
	if (is_iccid(iccid))
		add_text(m, "iccid", iccid);
	queclink_value_set_csq(m->report, queclink_message_after(m, 3));
	size_t at = find_battery(m, set_supply(m));
	if (at < m->end && !is_time(queclink_message_at(m, at))) {
		queclink_value_set_battery_v(m->report, queclink_message_at(m, at));
		queclink_value_set_flag(
			m->out, m->report, "charge", queclink_message_at(m, at + 1));
	}
	while (at < m->end && !is_time(queclink_message_at(m, at)))
		at++;
	if (m->end >= 4 && is_zone(queclink_message_at(m, m->end - 2)))
		set_vehicle(m, at);
	else
		set_personal(m, at);
}

// Short ones ------------------------------------------------------------------

void queclink_other_decode_state(struct queclink_message *m)
{
	uint64_t state;
	if (!read_hex(queclink_message_after(m, 1), 2, 2, &state))
		return;
	queclink_value_set_state(m->out, m->report, (unsigned)state);
	if (state == 0x12 || state == 0x16 || state == 0x1A || state == 0x22 || state == 0x42)
		report_add_alarm(m->report, ALARM_MOVEMENT);
}

void queclink_other_decode_battery(struct queclink_message *m)
{
	queclink_value_set_battery_v(m->report, queclink_message_after(m, 1));
}

void queclink_other_decode_ignition_on(struct queclink_message *m)
{
	report_set_ignition(m->report, true);
}

void queclink_other_decode_ignition_off(struct queclink_message *m)
{
	report_set_ignition(m->report, false);
}

void queclink_other_decode_light_switch(struct queclink_message *m)
{
	queclink_value_set_flag(m->out, m->report, "in1", queclink_message_after(m, 2));
}

void queclink_other_decode_tamper_switch(struct queclink_message *m)
{
	queclink_value_set_flag(m->out, m->report, "in2", queclink_message_after(m, 2));
}

void queclink_other_decode_driver(struct queclink_message *m)
{
	const struct text id = queclink_message_after(m, 2);
	if (id.len > 0 && fields_is_printable(id, DRIVER_MAX) && !memchr(id.data, ' ', id.len))
		m->report->driver = id;
}

void queclink_other_decode_fatigue(struct queclink_message *m)
{
	uint64_t type;
	if (!read_digits(queclink_message_after(m, 1), 3, &type))
		return;
	if (type == 1)
		report_add_alarm(m->report, ALARM_FATIGUE_DRIVING);
	else
		extra_int(m->out, m->report, "warningType", (int64_t)type);
}

// Returns true if the position begins at a field, also an empty one.
static bool begins_place(const struct queclink_message *m, size_t at)
{
	return m->has_place ? at == m->start : queclink_place_is_empty(m, at);
}

void queclink_other_decode_accessory(struct queclink_message *m)
{
	static const char *const names[] = {"accessoryName", "accessoryMac", "accessoryStatus",
		"accessoryVoltage", "accessoryTemp", "accessoryHumidity"};
	uint64_t mask, mv;
	if (!read_hex(queclink_message_after(m, 5), 4, 4, &mask) || mask >> 6 > 0 ||
		!begins_place(m, m->name + 6 + queclink_value_count_bits(mask)))
		return;
	size_t at = 6;
	for (unsigned bit = 0; bit < 6; bit++) {
		if (!(mask >> bit & 1))
			continue;
		const struct text text = queclink_message_after(m, at++);
		if (bit < 2)
			add_text(m, names[bit], text);
		else if (bit == 3 && read_digits(text, 6, &mv))
			extra_fixed(m->out, m->report, names[bit], (int64_t)mv, 3);
		else if (bit == 5)
			queclink_value_set_percent(m->out, m->report, names[bit], text);
		else if (bit != 3)
			fields_add_number(m->out, m->report, names[bit], text);
	}
}

// Reads the beacons, and adds them if they end where the position begins.
static size_t read_beacons(const struct queclink_message *m, uint64_t count, bool adds)
{
	char name[QUECLINK_VALUE_NAME];
	size_t at = m->name + 2;
	for (unsigned k = 1; k <= count; k++) {
		uint64_t mask;
		if (!read_hex(queclink_message_at(m, at + 1), 1, 4, &mask) ||
			(mask & ~UINT64_C(0xA)) > 0)
			return 0;
		at += 2;
		if (mask & 2 && adds)
			add_text(m, queclink_value_name(name, "tag", k, "Id"),
				queclink_message_at(m, at));
		at += queclink_value_count_bits(mask);
	}
	return at;
}

void queclink_other_decode_beacons(struct queclink_message *m)
{
	uint64_t count;
	if (!read_digits(queclink_message_after(m, 1), 2, &count))
		return;
	const size_t end = read_beacons(m, count, false);
	if (end > 0 && begins_place(m, end))
		read_beacons(m, count, true);
}

void queclink_other_decode_data(struct queclink_message *m)
{
	add_text(m, "data", queclink_message_after(m, 4));
}

// The bytes as text; as hex, as they came, if they are none.
void queclink_other_decode_hex_data(struct queclink_message *m)
{
	const struct text hex = queclink_message_after(m, 5);
	char bytes[QUECLINK_FRAME_MOST / 2];
	const struct text text = {bytes, hex.len / 2};
	if (hex.len % 2 > 0 || !fields_is_hex(hex, 2, QUECLINK_FRAME_MOST))
		return;
	for (size_t i = 0; i < text.len; i++)
		bytes[i] = (char)((unsigned)text_hex_digit(hex.data[2 * i]) << 4 |
				  (unsigned)text_hex_digit(hex.data[2 * i + 1]));
	add_text(m, "data", fields_is_printable(text, text.len) ? text : hex);
}

void queclink_other_decode_version(struct queclink_message *m)
{
	const struct text firmware = queclink_message_after(m, 2),
			  hardware = queclink_message_after(m, 3);
	if (fields_is_hex(firmware, 4, 4))
		add_text(m, "versionFw", firmware);
	if (fields_is_hex(hardware, 4, 4))
		add_text(m, "versionHw", hardware);
}

// Network ---------------------------------------------------------------------

static void put_cell(const struct queclink_message *m, struct cells *cells, size_t at)
{
	struct queclink_cell cell;
	int64_t level;
	if (!queclink_place_read_cell(m, at, &cell))
		return;
	if (!fields_level(queclink_message_at(m, at + 4), &level))
		level = CELLS_NO_RSSI;
	cells->mcc = cell.mcc;
	cells->mnc = cell.mnc;
	cells_put(cells, cell.lac, cell.cid, level);
}

// Adds the cells from a field on. The serving one is the first, or the last.
static void add_cells(const struct queclink_message *m, size_t at, bool last_serves)
{
	struct cells cells;
	const size_t count = m->end > at ? (m->end - at) / CELL_FIELDS : 0;
	cells_init(&cells, 0, 0, m->report, m->out);
	size_t others = count;
	if (last_serves && count > 0) {
		others--;
		put_cell(m, &cells, at + others * CELL_FIELDS);
		cells.count = 1; // also if it is missing: none of the others serves
	}
	for (size_t i = 0; i < others; i++)
		put_cell(m, &cells, at + i * CELL_FIELDS);
	cells_end(&cells);
}

void queclink_other_decode_cells(struct queclink_message *m)
{
	queclink_value_set_battery(m->report, queclink_message_after(m, 3));
	queclink_value_set_flag(m->out, m->report, "motion", queclink_message_after(m, 5));
	if (m->name > 0)
		add_cells(m, m->name + 9, false);
}

void queclink_other_decode_neighbours(struct queclink_message *m)
{
	add_cells(m, 4, true);
}

void queclink_other_decode_points(struct queclink_message *m)
{
	char list[POINTS_ROOM];
	uint64_t count;
	int64_t level;
	size_t len = 0, at = 2;
	if (!read_digits(queclink_message_after(m, 1), 2, &count))
		return;
	for (uint64_t i = 0; i < count; i++, at += POINT_FIELDS) {
		const struct text mac = queclink_message_after(m, at);
		if (queclink_value_is_mac(mac) &&
			fields_level(queclink_message_after(m, at + 1), &level) &&
			POINTS_ROOM - len >= WIFI_POINT)
			len = wifi_put_bare(list, len, mac, level);
	}
	if (len > 0)
		extra_text(m->out, m->report, "wifi", list, len);
	if (m->name + at + POINT_FIELDS == m->end)
		queclink_value_set_battery(m->report, queclink_message_at(m, m->end - 1));
}
