// SPDX-License-Identifier: MIT
// From Queclink's @Track documents. A message has any number of positions, the oldest first; the values that describe the
// device belong to the last one. Without a position it is a status, of the time of sending.
//
//   FRI and its like  name, mV | id, id and type, number, positions, tail
//   ERI               name, mask, mV, id and type, number, positions, tail, sensors by the mask
#include "decoders/queclink/queclink_report.h"

#include "decoders/queclink/queclink_engine.h"
#include "decoders/queclink/queclink_other.h"
#include "decoders/queclink/queclink_place.h"
#include "decoders/queclink/queclink_sensor.h"
#include "decoders/queclink/queclink_tail.h"
#include "decoders/queclink/queclink_value.h"

#define NO_ALARM    ALARM_COUNT
#define POWER_LEAST 11 /* mV; a lower number before FRI's position is its id */

typedef void decode_type(struct queclink_message *m);

static decode_type decode_fixed, decode_zone, decode_motion, decode_input, decode_ignition,
	decode_driving, decode_temperature, decode_extended, keep_content;

enum tail { PLAIN, BY_DEVICE, LIGHT };

struct type {
	char letters[4];
	uint8_t no_place; /* where an empty position begins after the name; 0: there is none */
	uint8_t alarm;
	uint8_t tail;        /* enum tail */
	decode_type *decode; /* the rest; NULL: there is none */
};

static const struct type types[] = {
	{"FRI", 4, NO_ALARM, BY_DEVICE, decode_fixed},
	{"ERI", 5, NO_ALARM, BY_DEVICE, decode_extended},
	{"INF", 0, NO_ALARM, PLAIN, queclink_other_decode_information},
	{"RTL", 4, NO_ALARM, BY_DEVICE, decode_fixed},
	{"DOG", 4, NO_ALARM, BY_DEVICE, decode_fixed},
	{"SOS", 4, ALARM_SOS, BY_DEVICE, decode_fixed},
	{"SPD", 4, ALARM_OVERSPEED, BY_DEVICE, decode_fixed},
	{"TOW", 4, ALARM_TOW, BY_DEVICE, decode_fixed},
	{"GEO", 4, NO_ALARM, BY_DEVICE, decode_zone},
	{"NMR", 4, NO_ALARM, BY_DEVICE, decode_motion},
	{"DIS", 4, NO_ALARM, BY_DEVICE, decode_input},
	{"IGL", 4, NO_ALARM, BY_DEVICE, decode_ignition},
	{"HBM", 4, NO_ALARM, BY_DEVICE, decode_driving},
	{"STR", 6, NO_ALARM, BY_DEVICE, decode_fixed},
	{"CTN", 6, NO_ALARM, BY_DEVICE, decode_fixed},
	{"TEM", 4, ALARM_TEMPERATURE, BY_DEVICE, decode_temperature},
	{"TMP", 4, ALARM_TEMPERATURE, BY_DEVICE, decode_temperature},
	{"IGN", 2, NO_ALARM, PLAIN, queclink_other_decode_ignition_on},
	{"IGF", 2, NO_ALARM, PLAIN, queclink_other_decode_ignition_off},
	{"VGN", 2, NO_ALARM, PLAIN, queclink_other_decode_ignition_on},
	{"VGF", 2, NO_ALARM, PLAIN, queclink_other_decode_ignition_off},
	{"STT", 2, NO_ALARM, PLAIN, queclink_other_decode_state},
	{"BPL", 2, ALARM_LOW_BATTERY, PLAIN, queclink_other_decode_battery},
	{"STC", 2, NO_ALARM, PLAIN, NULL},
	{"BTC", 2, NO_ALARM, PLAIN, NULL},
	{"MPN", 1, ALARM_POWER_RESTORED, PLAIN, NULL},
	{"MPF", 1, ALARM_POWER_CUT, PLAIN, NULL},
	{"EPN", 1, ALARM_POWER_RESTORED, PLAIN, NULL},
	{"EPF", 1, ALARM_POWER_CUT, PLAIN, NULL},
	{"JDR", 1, ALARM_JAMMING, PLAIN, NULL},
	{"JDS", 0, ALARM_JAMMING, PLAIN, NULL},
	{"SWG", 0, ALARM_GEOFENCE, PLAIN, NULL},
	{"IDN", 0, ALARM_IDLE, PLAIN, NULL},
	{"IDF", 0, NO_ALARM, PLAIN, NULL},
	{"PNA", 0, ALARM_POWER_ON, PLAIN, NULL},
	{"PFA", 0, ALARM_POWER_OFF, PLAIN, NULL},
	{"CAN", 0, NO_ALARM, PLAIN, queclink_engine_decode_can},
	{"OBD", 0, NO_ALARM, PLAIN, queclink_engine_decode_obd},
	{"LSW", 0, NO_ALARM, PLAIN, queclink_other_decode_light_switch},
	{"TSW", 0, NO_ALARM, PLAIN, queclink_other_decode_tamper_switch},
	{"LSA", 0, NO_ALARM, LIGHT, queclink_tail_decode_light},
	{"IDA", 0, NO_ALARM, PLAIN, queclink_other_decode_driver},
	{"DAR", 0, NO_ALARM, PLAIN, queclink_other_decode_fatigue},
	{"BAA", 0, NO_ALARM, PLAIN, queclink_other_decode_accessory},
	{"BID", 0, NO_ALARM, PLAIN, queclink_other_decode_beacons},
	{"DAT", 0, NO_ALARM, PLAIN, queclink_other_decode_data},
	{"DTT", 0, NO_ALARM, PLAIN, queclink_other_decode_hex_data},
	{"VER", 0, NO_ALARM, PLAIN, queclink_other_decode_version},
	{"LBS", 0, NO_ALARM, PLAIN, queclink_other_decode_cells},
	{"GSM", 0, NO_ALARM, PLAIN, queclink_other_decode_neighbours},
	{"WIF", 0, NO_ALARM, PLAIN, queclink_other_decode_points},
	{"TRI", 0, NO_ALARM, PLAIN, NULL},
	{"IDL", 4, ALARM_IDLE, BY_DEVICE, decode_fixed},
	{"CRA", 0, ALARM_ACCIDENT, PLAIN, keep_content},
	{"ANT", 0, ALARM_GPS_ANTENNA_CUT, PLAIN, keep_content},
	{"GSS", 0, NO_ALARM, PLAIN, keep_content},
	{"PDP", 0, NO_ALARM, PLAIN, keep_content},
};

// Any other: its position, or else its content as text.
static const struct type unknown = {"", 0, NO_ALARM, PLAIN, keep_content};

static const struct type *find_type(uint32_t type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		const char *letters = types[i].letters;
		if (QUECLINK_TYPE(letters[0], letters[1], letters[2]) == type)
			return &types[i];
	}
	return &unknown;
}

// Types -----------------------------------------------------------------------

static void keep_content(struct queclink_message *m)
{
	const size_t end = m->send.len > 0 ? m->end : m->fields->count; // also what may be cut
	const struct text text = queclink_message_span(m, m->first, end);
	bool any = false;
	for (size_t i = 0; i < text.len; i++)
		any |= text.data[i] != ',';
	if (m->places == 0 && any)
		extra_text(m->out, m->report, "data", text.data, text.len);
}

static void set_power(const struct queclink_message *m)
{
	queclink_value_set_power(m->report, queclink_message_after(m, 1), POWER_LEAST);
}

// Before the position of a GL500 and GL530 there is no voltage.
static bool is_gl5xx(const struct queclink_message *m)
{
	const bool is_start =
		m->type == QUECLINK_TYPE('S', 'T', 'R') || m->type == QUECLINK_TYPE('C', 'T', 'N');
	return m->prefix == 0x44 || ((m->prefix == 0x11 || m->prefix == 0x40) && is_start);
}

static void decode_tail(struct queclink_message *m)
{
	if (m->has_place)
		queclink_tail_decode_fixed(m);
}

// Parses two hex digits, id and type, or one, the type alone.
static bool read_type(const struct queclink_message *m, unsigned *id, unsigned *type)
{
	const struct text text = queclink_message_after(m, 2);
	uint64_t value;
	if (!fields_is_hex(text, 1, 2) || !text_hex(text, &value))
		return false;
	*id = (unsigned)value >> 4;
	*type = (unsigned)value & 15;
	return true;
}

static void replace_bool(const struct queclink_message *m, const char *name, bool value)
{
	extra_remove(m->out, m->report, name);
	extra_bool(m->out, m->report, name, value);
}

// The second field of a GT501 has bits: motion, charging.
static void set_gt501(const struct queclink_message *m)
{
	unsigned id, type;
	if (!read_type(m, &id, &type))
		return;
	extra_bool(m->out, m->report, "motion", type & 1);
	extra_bool(m->out, m->report, "charge", type & 2);
}

static void decode_fixed(struct queclink_message *m)
{
	if (m->prefix == 0x42) {
		if (m->type == QUECLINK_TYPE('F', 'R', 'I'))
			set_gt501(m);
	} else if (!is_gl5xx(m)) {
		set_power(m);
	}
	decode_tail(m);
}

// The fence is the first digit of the type, or before the type of one digit: also as two digits, hex or not.
static void decode_zone(struct queclink_message *m)
{
	const struct text first = queclink_message_after(m, 1);
	const bool is_fence = queclink_message_after(m, 2).len == 1 && fields_is_hex(first, 1, 2);
	unsigned id, type;
	if (is_fence)
		decode_tail(m);
	else
		decode_fixed(m);
	if (!read_type(m, &id, &type))
		return;
	if (type <= 1)
		report_add_alarm(m->report, type ? ALARM_GEOFENCE_ENTER : ALARM_GEOFENCE_EXIT);
	if (queclink_message_after(m, 2).len == 2)
		extra_int(m->out, m->report, "geofence", id);
	else if (is_fence && first.len == 2)
		extra_text(m->out, m->report, "geofence", first.data, first.len);
	else if (is_fence)
		extra_int(m->out, m->report, "geofence", text_hex_digit(first.data[0]));
}

static void decode_motion(struct queclink_message *m)
{
	unsigned id, type;
	if (m->prefix == 0x42)
		set_gt501(m);
	decode_fixed(m);
	if (m->prefix != 0x42 && read_type(m, &id, &type) && type <= 1)
		replace_bool(m, "motion", type);
}

static void decode_input(struct queclink_message *m)
{
	char name[QUECLINK_VALUE_NAME];
	unsigned id, type;
	decode_fixed(m);
	if (read_type(m, &id, &type) && id > 0 && type <= 1)
		extra_bool(m->out, m->report, queclink_value_name(name, "in", id, ""), type);
}

static void decode_ignition(struct queclink_message *m)
{
	unsigned id, type;
	decode_fixed(m);
	if (read_type(m, &id, &type) && type <= 1)
		report_set_ignition(m->report, type);
}

static void decode_driving(struct queclink_message *m)
{
	static const enum alarm alarms[] = {ALARM_HARD_BRAKING, ALARM_HARD_ACCELERATION,
		ALARM_HARD_CORNERING, ALARM_HARD_BRAKING, ALARM_HARD_ACCELERATION};
	unsigned id, type;
	decode_fixed(m);
	if (read_type(m, &id, &type) && type < sizeof alarms / sizeof alarms[0])
		report_add_alarm(m->report, alarms[type]);
}

static void decode_temperature(struct queclink_message *m)
{
	if (m->prefix != 0x42)
		fields_add_number(m->out, m->report, "temp1", queclink_message_after(m, 2));
	decode_tail(m);
}

static void decode_extended(struct queclink_message *m)
{
	const struct text text = queclink_message_after(m, 1);
	uint64_t mask;
	queclink_value_set_power(m->report, queclink_message_after(m, 2), 0);
	if (!m->has_place)
		return;
	const size_t at = queclink_tail_decode_extended(m);
	if (at > 0 && fields_is_hex(text, 8, 8) && text_hex(text, &mask) && mask > 0)
		queclink_sensor_decode(m, (uint32_t)mask, at);
}

// Reports ---------------------------------------------------------------------

static void set_tail(struct queclink_message *m, size_t at, size_t end)
{
	m->tail = (struct queclink_tail){.at = at, .count = end > at ? end - at : 0};
	m->tail.split = m->tail.count;
}

// Adds what follows a position up to `end`: network, satellites, odometer.
static void add_rest(struct queclink_message *m, const struct type *type,
	const struct queclink_place *place, size_t end)
{
	queclink_place_add_network(m, place);
	set_tail(m, place->cell + 4, end);
	if (type->tail == LIGHT || (type->tail == BY_DEVICE && !queclink_tail_is_plain(m)))
		return;
	queclink_place_take_append(m, 0);
	queclink_place_set_counters(m, type->decode == keep_content ? 1 : SIZE_MAX);
}

static void add_vin(const struct queclink_message *m)
{
	if (m->vin.len > 0)
		extra_text(m->out, m->report, "vin", m->vin.data, m->vin.len);
}

static void add_status(struct queclink_message *m)
{
	int64_t time_us;
	queclink_message_begin(m, (struct text){"", 0}, m->send, 0);
	if (queclink_value_time(m->send, &time_us))
		report_set_time(m->report, time_us);
}

static void add_position(struct queclink_message *m, const struct queclink_place *place)
{
	int64_t time_us;
	queclink_message_begin(m, queclink_message_span(m, place->start, place->start + 7),
		queclink_message_get(m, place->start + 6), m->places);
	if (!queclink_place_set(m, place) && queclink_value_time(m->send, &time_us))
		report_set_time(m->report, time_us);
	m->start = place->start;
	m->has_place = true;
	m->places++;
}

// Adds the positions, or else a status with what follows an empty position.
static void add_places(struct queclink_message *m, const struct type *type)
{
	struct queclink_place place, next;
	size_t at = 0;
	bool more = queclink_place_find(m, &at, &place);
	if (!more) {
		add_status(m);
		add_vin(m);
	}
	while (more) {
		more = queclink_place_find(m, &at, &next);
		add_position(m, &place);
		if (!more)
			add_vin(m);
		add_rest(m, type, &place, more ? next.start : m->end);
		if (more)
			place = next;
	}
}

// Finds an empty position, where the type and the device have it.
static void add_empty_place(struct queclink_message *m, const struct type *type)
{
	struct queclink_place place;
	size_t offset = type->no_place;
	if (offset == 0 || m->name == 0)
		return;
	if (m->prefix == 0xBD && (type->decode == queclink_other_decode_ignition_on ||
					 type->decode == queclink_other_decode_ignition_off))
		offset = 4;
	bool found = queclink_place_find_empty(m, m->name + offset, &place);
	if (!found && offset == 4 && type->tail == BY_DEVICE && m->prefix == 0x42)
		found = queclink_place_find_empty(m, m->name + 5, &place);
	if (!found && offset == 4 && type->tail == BY_DEVICE && m->prefix == 0x44)
		found = queclink_place_find_empty(m, m->name + 6, &place);
	if (!found)
		return;
	m->start = place.start;
	m->has_place = true;
	add_rest(m, type, &place, m->end);
}

void queclink_report_decode(struct queclink_message *m)
{
	const struct type *type = find_type(m->type);
	add_places(m, type);
	if (m->places == 0)
		add_empty_place(m, type);
	if (type->alarm != NO_ALARM)
		report_add_alarm(m->report, (enum alarm)type->alarm);
	if (type->decode)
		type->decode(m);
}
