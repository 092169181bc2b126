// SPDX-License-Identifier: MIT
#include "decoders/meitrack/meitrack_message.h"

#include "util/calendar.h"
#include "util/decimal.h"

#define EPOCH_US  INT64_C(946684800000000) /* 2000-01-01 */
#define COMMAND   3                        /* bytes of an acknowledged command */
#define GSM_MOST  31
#define CODE_MOST 999

bool meitrack_message_begin(struct meitrack_message *m, struct text key, struct text raw)
{
	struct report *report = raw.data ? decoded_report(m->out, m->session) : NULL;
	if (!report)
		return false;
	m->report = report;
	report->key = key.len > 0 ? key : raw;
	report->raw = raw;
	return true;
}

struct text meitrack_message_cut(
	const struct meitrack_message *m, const char *head, size_t head_len, struct text record)
{
	const struct text ident = {m->session->ident, m->session->ident_len};
	char content[16];
	memcpy(content, m->command.data, COMMAND);
	memcpy(content + COMMAND, head, head_len);
	const struct text parts[2] = {{content, COMMAND + head_len}, record};
	char *frame = (char *)decoded_arena(
		m->out, MEITRACK_AROUND + ident.len + parts[0].len + record.len);
	if (!frame)
		return (struct text){NULL, 0};
	return (struct text){frame, meitrack_frame_write(frame, "$$", m->flag, ident, parts)};
}

void meitrack_message_answer(const struct meitrack_message *m, enum reply_when when, uint64_t count)
{
	char content[COMMAND + 1 + DECIMAL_MAX],
		frame[MEITRACK_AROUND + IDENT_MAX + sizeof content];
	char *end = content;
	for (size_t i = 0; i < COMMAND; i++) // in capitals
		*end++ = (char)(m->command.data[i] & (m->command.data[i] >= 'a' ? 0xDF : 0xFF));
	*end++ = ',';
	end = decimal_write(end, count);
	const struct text ident = {m->session->ident, m->session->ident_len},
			  parts[2] = {{content, (size_t)(end - content)}, {"", 0}};
	decoded_reply(
		m->out, when, frame, meitrack_frame_write(frame, "@@", m->flag, ident, parts));
}

void meitrack_message_keep_bytes(const struct meitrack_message *m, struct text bytes)
{
	if (bytes.len > 0)
		extra_hex(m->out, m->report, "data", bytes.data,
			bytes.len < MEITRACK_KEPT_MOST ? bytes.len : MEITRACK_KEPT_MOST);
}

// Events ----------------------------------------------------------------------

void meitrack_message_set_event(const struct meitrack_message *m, char *room, uint32_t event)
{
	m->report->event = (struct text){room, (size_t)(decimal_write(room, event) - room)};
	meitrack_message_add_alarm(m, event);
}

// Their alarms plus 1; 0: none.
static const uint8_t alarms[] = {
	[1] = ALARM_SOS + 1,
	[17] = ALARM_LOW_BATTERY + 1,
	[18] = ALARM_LOW_POWER + 1,
	[19] = ALARM_OVERSPEED + 1,
	[20] = ALARM_GEOFENCE_ENTER + 1,
	[21] = ALARM_GEOFENCE_EXIT + 1,
	[22] = ALARM_POWER_RESTORED + 1,
	[23] = ALARM_POWER_CUT + 1,
	[28] = ALARM_GPS_ANTENNA_CUT + 1,
	[36] = ALARM_TOW + 1,
	[40] = ALARM_POWER_OFF + 1,
	[44] = ALARM_JAMMING + 1,
	[50] = ALARM_TEMPERATURE + 1,
	[51] = ALARM_TEMPERATURE + 1,
	[54] = ALARM_FUEL_LEAK + 1,
	[58] = ALARM_GENERAL + 1,
	[78] = ALARM_ACCIDENT + 1,
	[79] = ALARM_FALL_DOWN + 1,
	[81] = ALARM_REMOVING + 1,
	[90] = ALARM_HARD_CORNERING + 1,
	[91] = ALARM_HARD_CORNERING + 1,
	[MEITRACK_CAMERA] = ALARM_GENERAL + 1,
	[129] = ALARM_HARD_BRAKING + 1,
	[130] = ALARM_HARD_ACCELERATION + 1,
	[133] = ALARM_IDLE + 1,
	[135] = ALARM_FATIGUE_DRIVING + 1,
};

void meitrack_message_add_alarm(const struct meitrack_message *m, uint32_t event)
{
	if (event < sizeof alarms && alarms[event] > 0)
		report_add_alarm(m->report, (enum alarm)(alarms[event] - 1));
}

// Place, time and network -----------------------------------------------------

void meitrack_message_set_place(
	const struct meitrack_message *m, const struct meitrack_place *place)
{
	if (!place->valid && place->lat_e7 == 0 && place->lon_e7 == 0)
		return;
	if (!report_set_fix(m->report, place->lat_e7, place->lon_e7, place->valid))
		return;
	report_set_speed(m->report, place->kmh_e2);
	report_set_course(m->report, place->course_e2);
	report_set_altitude(m->report, place->altitude_e2);
	if (place->hdop_e2 > 0)
		report_set_hdop(m->report, place->hdop_e2);
}

void meitrack_message_set_gsm(const struct meitrack_message *m, int64_t level)
{
	if (level >= 0 && level <= GSM_MOST)
		report_set_gsm_percent(m->report, level * 100 / GSM_MOST);
}

int64_t meitrack_message_time_us(uint32_t seconds)
{
	return EPOCH_US + seconds * INT64_C(1000000);
}

void meitrack_message_add_time(const struct meitrack_message *m, const char *name, int64_t time_us)
{
	char text[CALENDAR_TEXT_MAX];
	extra_text(m->out, m->report, name, text, strlen(calendar_text(time_us, 0, text)));
}

bool meitrack_message_is_network(int64_t mcc, int64_t mnc)
{
	return mcc > 0 && mcc <= CODE_MOST && mnc >= 0 && mnc <= CODE_MOST;
}

void meitrack_message_add_cell(
	const struct meitrack_message *m, int64_t mcc, int64_t mnc, int64_t lac, int64_t cid)
{
	if (!meitrack_message_is_network(mcc, mnc))
		return;
	extra_int(m->out, m->report, "mcc", mcc);
	extra_int(m->out, m->report, "mnc", mnc);
	if (lac <= 0 && cid <= 0)
		return;
	if (lac >= 0)
		extra_int(m->out, m->report, "lac", lac);
	if (cid >= 0)
		extra_int(m->out, m->report, "cid", cid);
}

// Voltages --------------------------------------------------------------------

// The model is not sent. All have one Li-ion cell, and the ranges of its numbers do not meet.
static const struct scale {
	uint16_t least, most;               /* of the battery's number */
	uint32_t small_mv, large_mv, steps; /* mV of so many steps: battery and ADCs; power */
} scales[] = {
	{0, 450, 10, 10, 1},
	{451, 768, 6000, 48000, 1024},
	{1551, 2793, 6600, 52800, 4096},
};

static int64_t to_mv(int64_t number, uint32_t mv, uint32_t steps)
{
	return (number * mv + steps / 2) / steps;
}

bool meitrack_message_set_volts(
	const struct meitrack_message *m, int64_t battery, int64_t power, const int64_t ads[3])
{
	const struct scale *scale = scales, *end = scales + sizeof scales / sizeof scales[0];
	while (scale < end && (battery < scale->least || battery > scale->most))
		scale++;
	if (scale == end)
		return false;
	report_set_battery_mv(m->report, to_mv(battery, scale->small_mv, scale->steps));
	if (power >= 0)
		report_set_power_mv(m->report, to_mv(power, scale->large_mv, scale->steps));
	for (unsigned i = 0; i < 3; i++)
		if (ads[i] >= 0)
			report_set_adc(m->report, i,
				(int32_t)to_mv(ads[i], scale->small_mv, scale->steps));
	return true;
}
