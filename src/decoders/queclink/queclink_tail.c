// SPDX-License-Identifier: MIT
// From Queclink's @Track documents and captures. r: reserved or an append mask, which has been read (queclink_place.c).
//
//   vehicles              r,km,hours,ADC1,ADC2[,ADC3],battery %,state,rpm,fuel rate,fuel %     found by the state
//   GV200                 r,km,hours,ADC1,ADC2,ADC3,DI,DO,UART
//   GL500M, GL505         CSQ,BER,append mask,battery %,mode,motion,temperature
//   GT501                 r | CSQ,BER  battery %
//   GL200, GL300, GMT100  r | km  [mac,level,]  battery %
#include "decoders/queclink/queclink_tail.h"

#include "decoders/queclink/queclink_place.h"
#include "decoders/queclink/queclink_value.h"
#include "decoders/wifi.h"

#define STATE_LEAST  3 /* tail fields before the state */
#define ADC_FIRST    3
#define VEHICLE_LAST 5 /* battery, state, rpm, fuel rate, fuel % */

enum layout { VEHICLE, GV200, ASSET, GT501, GL5XX, GL320M };

static enum layout layout_of(const struct queclink_message *m)
{
	const bool is_extended = m->type == QUECLINK_TYPE('E', 'R', 'I');
	switch (m->prefix) {
	case 0x04:
	case 0x35:
		return GV200;
	case 0xDE:
	case 0x2E:
		return ASSET;
	case 0x42:
		return is_extended ? VEHICLE : GT501;
	case 0x44:
		return is_extended ? ASSET : GL5XX;
	case 0x11:
	case 0x40:
		if (is_extended)
			return ASSET;
		return m->type == QUECLINK_TYPE('S', 'T', 'R') ||
				       m->type == QUECLINK_TYPE('C', 'T', 'N')
			       ? GL5XX
			       : VEHICLE;
	case 0xC3:
		return is_extended ? GL320M : VEHICLE;
	default:
		return VEHICLE;
	}
}

bool queclink_tail_is_plain(const struct queclink_message *m)
{
	const enum layout layout = layout_of(m);
	return layout != ASSET && layout != GT501 && layout != GL320M;
}

// Vehicles --------------------------------------------------------------------

static bool is_state(struct text text, size_t a, size_t b)
{
	return (text.len == a || text.len == b) && fields_is_hex(text, a, b) &&
	       queclink_value_is_state((unsigned)text_hex_digit(text.data[0]) << 4 |
				       (unsigned)text_hex_digit(text.data[1]));
}

// Returns the tail field with the state; 0: none has one.
static size_t find_state(const struct queclink_message *m)
{
	const size_t count = m->tail.count;
	if (m->prefix == 0xDF)
		return count >= STATE_LEAST + 4 &&
				       is_state(queclink_message_tail(m, count - 4), 2, 2)
			       ? count - 4
			       : 0;
	for (size_t k = STATE_LEAST; k < count; k++)
		if (is_state(queclink_message_tail(m, k), 6, 10))
			return k;
	return 0;
}

// Returns true for what may be where the state is: it may be missing or unknown.
static bool may_be_state(struct text text)
{
	return text.len == 0 || ((text.len == 2 || text.len == 6 || text.len == 10) &&
					fields_is_hex(text, text.len, text.len));
}

static void set_analog(const struct queclink_message *m, size_t battery)
{
	const unsigned most =
		m->prefix == 0xC2 || m->prefix == 0xDC                                    ? 1
		: m->prefix == 0x802004 || m->prefix == 0x802005 || m->prefix == 0x80201E ? 2
											  : 3;
	for (unsigned i = 0; i < most && ADC_FIRST + i < battery; i++)
		queclink_value_set_adc(
			m->out, m->report, i + 1, queclink_message_tail(m, ADC_FIRST + i));
}

static void add_engine(const struct queclink_message *m, const char *name, struct text text)
{
	if (text.len > 0 && text.data[0] != '-' && text.data[0] != '+')
		fields_add_number(m->out, m->report, name, text);
}

static void set_vehicle(const struct queclink_message *m, size_t state, bool has_engine)
{
	set_analog(m, state - 1);
	queclink_value_set_battery(m->report, queclink_message_tail(m, state - 1));
	queclink_value_set_status(m->out, m->report, queclink_message_tail(m, state));
	if (!has_engine)
		return;
	const struct text fuel = queclink_message_tail(m, state + 3);
	add_engine(m, "rpm", queclink_message_tail(m, state + 1));
	add_engine(m, "fuelConsumption", queclink_message_tail(m, state + 2));
	if (fuel.len > 0 && fuel.data[0] != '+' && fuel.data[0] != '-')
		queclink_value_set_percent(m->out, m->report, "fuel_percent", fuel);
}

// Others ----------------------------------------------------------------------

static void set_gv200(const struct queclink_message *m)
{
	const struct text di = queclink_message_tail(m, 6), out = queclink_message_tail(m, 7);
	uint64_t bits;
	for (unsigned i = 0; i < 3; i++)
		queclink_value_set_adc(
			m->out, m->report, i + 1, queclink_message_tail(m, ADC_FIRST + i));
	if (fields_is_hex(di, 2, 2) && text_hex(di, &bits)) {
		report_set_ignition(m->report, bits & 1);
		report_set_inputs(m->report, (uint32_t)bits >> 1);
	}
	if (fields_is_hex(out, 2, 2) && text_hex(out, &bits))
		report_set_outputs(m->report, (uint32_t)bits);
}

static void set_temperature(const struct queclink_message *m, struct text text)
{
	if (!queclink_value_is_decimal(text, true, 2, 1, 1))
		return;
	extra_remove(m->out, m->report, "temp1");
	fields_add_number(m->out, m->report, "temp1", text);
}

static void set_asset(struct queclink_message *m)
{
	queclink_place_take_append(m, 2);
	queclink_value_set_csq(m->report, queclink_message_tail(m, 0));
	queclink_value_set_battery(m->report, queclink_message_tail(m, 3));
	queclink_value_set_flag(m->out, m->report, "motion", queclink_message_tail(m, 5));
	set_temperature(m, queclink_message_tail(m, 6));
}

// Returns true if the tail has a Wi-Fi point, which becomes the report's.
static bool set_point(const struct queclink_message *m)
{
	char list[WIFI_POINT];
	int64_t level;
	for (size_t k = 0; k + 2 < m->tail.count; k++) {
		const struct text mac = queclink_message_tail(m, k);
		if (!queclink_value_is_mac(mac) ||
			!fields_level(queclink_message_tail(m, k + 1), &level))
			continue;
		const size_t len = wifi_put_bare(list, 0, mac, level);
		extra_remove(m->out, m->report, "wifi");
		extra_text(m->out, m->report, "wifi", list, len);
		return true;
	}
	return false;
}

static void set_personal(const struct queclink_message *m)
{
	const size_t count = m->tail.count;
	const bool has_point = set_point(m);
	if (count == 2 || (has_point && (count == 4 || count == 5)))
		queclink_value_set_battery(m->report, queclink_message_tail(m, count - 1));
}

// Temperature and battery are before the position.
static void set_gl5xx(const struct queclink_message *m)
{
	if (m->name == 0 || m->start != m->name + 6)
		return;
	fields_add_number(m->out, m->report, "temp1", queclink_message_get(m, m->start - 2));
	queclink_value_set_battery(m->report, queclink_message_get(m, m->start - 1));
}

// Reports ---------------------------------------------------------------------

void queclink_tail_decode_fixed(struct queclink_message *m)
{
	const size_t count = m->tail.count;
	const enum layout layout = layout_of(m);
	if (layout == GL5XX) {
		set_gl5xx(m);
	} else if (layout == ASSET) {
		set_asset(m);
	} else if (layout == GV200) {
		set_gv200(m);
	} else if (layout == GT501) {
		if (count == 2 || count == 3)
			queclink_value_set_battery(m->report, queclink_message_tail(m, count - 1));
	} else {
		const size_t state = find_state(m);
		if (state > 0)
			set_vehicle(m, state, true);
		else if (count >= 9 &&
			 may_be_state(queclink_message_tail(m, count - VEHICLE_LAST + 1)))
			set_vehicle(m, count - VEHICLE_LAST + 1, true);
		else
			set_personal(m);
	}
}

size_t queclink_tail_decode_extended(struct queclink_message *m)
{
	const enum layout layout = layout_of(m);
	if (layout == GV200) {
		set_gv200(m);
		return queclink_message_tail_index(m, 8);
	}
	if (layout == ASSET) {
		set_asset(m);
		return 0;
	}
	if (layout == GL320M) {
		queclink_value_set_km(m->report, queclink_message_tail(m, 0));
		queclink_value_set_battery(m->report, queclink_message_tail(m, 1));
		return 0;
	}
	const size_t state = find_state(m);
	if (state == 0)
		return 0;
	set_vehicle(m, state, false);
	return queclink_message_tail_index(m, state + 1);
}

void queclink_tail_decode_light(struct queclink_message *m)
{
	if (m->tail.count != 7)
		return;
	queclink_value_set_csq(m->report, queclink_message_tail(m, 0));
	queclink_value_set_battery(m->report, queclink_message_tail(m, 3));
	queclink_value_set_flag(m->out, m->report, "motion", queclink_message_tail(m, 5));
	set_temperature(m, queclink_message_tail(m, 6));
}
