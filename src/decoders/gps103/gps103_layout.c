// SPDX-License-Identifier: MIT
// The layouts of a GPS103's sentences, from the maker's paper (Coban, "GPRS data protocol") and captures. 4th: empty, a phone
// number, an RFID, or the battery in percent.
//
//   imei:id,keyword,local time,4th,F,hhmmss.sss,A,lat,N,lon,E,knots,course,alt,acc,door,fuel1,fuel2,temp
//   imei:id,keyword,local time,4th,L,,,LAC,,CID,,,,,acc,door,fuel1,fuel2,temp
//   imei:id,OBD,yymmddhhmmss,km,instant,average,hours,km/h,load,coolant,throttle,rpm,volts,code,code ...
//   imei:id,name,event,sensor,volts,hhmmss,ddmmyy,rssi,gps,lat,lon,km/h,course,alt,hdop,sats,acc,charge,error,*
//
// The local time is yymmddhhmm[ss] or yy/mm/dd hh:mm by the device's clock, hhmmss.sss is UTC. Their difference is the
// device's zone, for the sentences without UTC that follow. Of F, everything after the longitude may be missing, and so may a
// hemisphere; L may end anywhere. Fields of another shape are kept as text.
#include "decoders/gps103/gps103_layout.h"

#include "decoders/gps103/gps103_other.h"
#include "decoders/gps103/gps103_position.h"

#define STAR_FIELDS 19 /* at least */

// Keywords --------------------------------------------------------------------

static const struct {
	const char *word;
	uint8_t alarm;
} alarms[] = {
	{"HELP ME", ALARM_SOS},
	{"LOW BATTERY", ALARM_LOW_BATTERY},
	{"STOCKADE", ALARM_GEOFENCE},
	{"MOVE", ALARM_MOVEMENT},
	{"SPEED", ALARM_OVERSPEED},
	{"DOOR ALARM", ALARM_DOOR},
	{"AC ALARM", ALARM_POWER_CUT},
	{"SENSOR ALARM", ALARM_VIBRATION},
	{"ACCIDENT ALARM", ALARM_ACCIDENT},
	{"BONNET ALARM", ALARM_BONNET},
	{"FOOTBRAKE ALARM", ALARM_FOOT_BRAKE},
	{"DTC", ALARM_FAULT},
};

// Returns true and cuts the word off if the text begins with it. word: in upper case.
static bool cut_word(struct text *text, const char *word)
{
	const size_t len = strlen(word);
	if (text->len < len || !fields_is_word((struct text){text->data, len}, word))
		return false;
	text->data += len;
	text->len -= len;
	return true;
}

static void apply_oil(const struct gps103_message *m, struct text value)
{
	const struct text number = fields_trim(value);
	report_add_alarm(m->report, ALARM_FUEL_LEAK);
	if (value.len == 0 || value.data[0] != ' ')
		return;
	if (!gps103_message_add_marked_percent(m, "fuel", number))
		gps103_message_add_percent(m, "fuel", number);
}

static void apply_keyword(struct gps103_message *m)
{
	struct text rest = m->keyword;
	for (size_t i = 0; i < sizeof alarms / sizeof alarms[0]; i++) {
		if (fields_is_word(m->keyword, alarms[i].word)) {
			report_add_alarm(m->report, (enum alarm)alarms[i].alarm);
			return;
		}
	}
	if (fields_is_word(m->keyword, "ACC ON") || fields_is_word(m->keyword, "ACC OFF")) {
		report_set_ignition(m->report, m->keyword.len == 6);
	} else if (cut_word(&rest, "T:")) {
		const size_t before = m->report->extra.len;
		report_add_alarm(m->report, ALARM_TEMPERATURE);
		gps103_message_add_number(m, "temp1", rest);
		m->has_temp = m->report->extra.len > before;
	} else if (cut_word(&rest, "OIL")) {
		apply_oil(m, rest);
	}
}

// Decoding --------------------------------------------------------------------

static void set_event(const struct gps103_message *m, struct text event)
{
	if (fields_is_printable(event, EVENT_MAX))
		m->report->event = event;
	else
		gps103_message_add_text(m, "keyword", event);
}

// Chooses the layout by the fields that show it, and fills in the report.
static enum gps103_fit decode_fields(struct gps103_message *m, bool is_star)
{
	const struct text type = gps103_message_get(m, GPS103_TYPE);
	if (is_star && m->fields->count >= STAR_FIELDS && !gps103_layout_is_usual(m->fields)) {
		set_event(m, gps103_other_get(m, 2));
		return gps103_other_decode_star(m);
	}
	set_event(m, gps103_message_get(m, GPS103_KEYWORD));
	apply_keyword(m);
	if (fields_is_letter(type, 'F'))
		return gps103_position_decode_gps(m);
	if (fields_is_letter(type, 'L'))
		return gps103_position_decode_none(m);
	if (fields_is_word(m->keyword, "OBD") &&
		fields_is_digits(gps103_message_get(m, GPS103_LOCAL), 12, 12))
		return gps103_other_decode_obd(m);
	// A part of a photo that is not fetched.
	return fields_is_word(m->keyword, "VR") ? GPS103_FIT_YES : GPS103_FIT_NO;
}

enum decode_status gps103_layout_decode(struct session *session, const struct fields *fields,
	bool is_star, struct report *report, struct decoded *out)
{
	struct gps103_message message = {
		session, fields, gps103_layout_keyword(fields), report, out, false};
	const enum gps103_fit fit = decode_fields(&message, is_star);
	if (fit == GPS103_FIT_BAD)
		return DECODE_BAD_VALUE;
	if (fit == GPS103_FIT_NO)
		gps103_message_add_text(&message, "data", fields_from(fields, GPS103_LOCAL));
	return DECODE_OK;
}
