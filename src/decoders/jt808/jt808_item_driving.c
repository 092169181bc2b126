// SPDX-License-Identifier: MIT
// Items about driving:
//
//   57  alarms u16 | switches u16 | u32, bit 16 door          64, 65, 70  serial u32 | flag u8 | kind u8 | ..
//   91  power u16 | rpm u16 | speed | throttle | load | coolant | 2 | consumption u16 | 8 | used u16
//   FE  battery u8, power u16, odometer u32; or 7C and a list, of which 01 has alarms
#include "decoders/jt808/jt808_item_driving.h"
#include "decoders/jt808/jt808_entries.h"

bool jt808_item_driving_read_18(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 2 && len != 3)
		return false;
	jt808_report_int(r, "driving", jt808_u16(v));
	return true;
}

static void add_alarms(struct jt808_report *r, uint32_t bits, const uint8_t *alarms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bits >> i & 1)
			report_add_alarm(r->report, (enum alarm)alarms[i]);
}

static const uint8_t driving_alarms[] = {ALARM_HARD_ACCELERATION, ALARM_HARD_BRAKING,
	ALARM_HARD_CORNERING, ALARM_ACCIDENT, ALARM_TAMPERING};

bool jt808_item_driving_read_57(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 8)
		return false;
	add_alarms(r, jt808_u16(v) >> 8, driving_alarms, 3);
	if (jt808_u16(v + 2))
		jt808_report_int(r, "switches", jt808_u16(v + 2));
	if (jt808_report_is_model(r, "MV710G") || jt808_report_is_model(r, "MV810G"))
		jt808_report_bool(r, "door", jt808_u32(v + 4) >> 16 & 1);
	return true;
}

static bool read_warning(struct jt808_report *r, const char *name, const uint8_t *v, size_t len)
{
	if (len < 6)
		return false;
	jt808_report_int(r, name, v[5]);
	if (len >= 47)
		jt808_report_hex(r, "alarmLabel", v + len - 16, 16);
	return true;
}

bool jt808_item_driving_read_64(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return read_warning(r, "adasAlarm", v, len);
}

bool jt808_item_driving_read_65(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return read_warning(r, "dmsAlarm", v, len);
}

bool jt808_item_driving_read_70(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < 6)
		return false;
	jt808_report_int(r, "behaviour", v[5]);
	if (v[5] >= 1 && v[5] <= 3)
		report_add_alarm(r->report, (enum alarm)driving_alarms[v[5] - 1]);
	else if (v[5] == 0x16)
		report_add_alarm(r->report, ALARM_ACCIDENT);
	return true;
}

// Returns false also if some of the alarms are not known.
static bool read_fe_entry(struct jt808_report *r, const struct jt808_entry *entry)
{
	const size_t count = sizeof driving_alarms;
	if (entry->id != 1 || entry->len != 4)
		return false;
	add_alarms(r, jt808_u32(entry->v), driving_alarms, count);
	return jt808_u32(entry->v) >> count == 0;
}

bool jt808_item_driving_read_fe(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 1)
		return jt808_report_value(r, JT808_PERCENT, v[0]);
	if (len == 2)
		return jt808_report_value(r, JT808_POWER, jt808_u16(v) * INT64_C(100));
	if (len == 4)
		return jt808_report_value(r, JT808_ODOMETER, jt808_u32(v));
	return len >= 5 && v[0] == 0x7C &&
	       jt808_entries_read(r, v + 1, len - 1, 1, "ife", read_fe_entry);
}

bool jt808_item_driving_read_91(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < 22 || !jt808_report_value(r, JT808_POWER, jt808_u16(v) * INT64_C(100)))
		return false;
	jt808_report_int(r, "rpm", jt808_u16(v + 2));
	jt808_report_int(r, "obdSpeed", v[4]);
	jt808_report_int(r, "throttle", v[5] * 100 / 255);
	jt808_report_int(r, "engineLoad", v[6] * 100 / 255);
	jt808_report_int(r, "coolantTemp", v[7] - 40);
	jt808_report_fixed(r, "fuelConsumption", jt808_u16(v + 10), 2);
	jt808_report_fixed(r, "fuelUsed", jt808_u16(v + 20), 2);
	return true;
}

bool jt808_item_driving_read_d0(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 4)
		return false;
	jt808_report_int(r, "userStatus", jt808_u32(v));
	if (jt808_u32(v) >> 3 & 1)
		report_add_alarm(r->report, ALARM_VIBRATION);
	return true;
}

bool jt808_item_driving_read_e7(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 8)
		return false;
	if (jt808_u16(v) & 1)
		report_add_alarm(r->report, ALARM_VIBRATION);
	if (jt808_u16(v) & 14)
		report_add_alarm(r->report, ALARM_SOS);
	return true;
}
