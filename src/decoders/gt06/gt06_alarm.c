// SPDX-License-Identifier: MIT
// The alarm codes of GT06 trackers, from the makers' manuals. Where a model differs, its row comes
// before the general one.
#include "decoders/gt06/gt06_alarm.h"

#define ANY UINT8_MAX

struct meaning {
	uint16_t code;
	uint8_t variant; /* the only enum gt06_variant it is valid for, or ANY */
	uint8_t alarm;
};

// Codes that raise no alarm are not listed and only kept in extra: 0A, 0B blind area, 0D first fix,
// 10 SIM change, 12 flight mode, 16 sound, 17 fake cell, 20 deep sleep.
static const struct meaning codes[] = {
	{0x01, ANY, ALARM_SOS},
	{0x02, ANY, ALARM_POWER_CUT},
	{0x03, ANY, ALARM_VIBRATION},
	{0x04, ANY, ALARM_GEOFENCE_ENTER},
	{0x05, ANY, ALARM_GEOFENCE_EXIT},
	{0x06, ANY, ALARM_OVERSPEED},
	{0x09, GT06_TRX16, ALARM_GEOFENCE},
	{0x09, GT06_VL, ALARM_TOW},
	{0x09, ANY, ALARM_VIBRATION},
	{0x0C, ANY, ALARM_POWER_ON},
	{0x0E, ANY, ALARM_LOW_POWER},
	{0x0F, ANY, ALARM_LOW_BATTERY},
	{0x11, ANY, ALARM_POWER_OFF},
	{0x13, ANY, ALARM_TAMPERING},
	{0x14, ANY, ALARM_DOOR},
	{0x15, ANY, ALARM_POWER_OFF},
	{0x18, GT06_LW, ALARM_ACCIDENT},
	{0x18, ANY, ALARM_REMOVING},
	{0x19, GT06_LW, ALARM_HARD_ACCELERATION},
	{0x19, ANY, ALARM_LOW_BATTERY},
	{0x1A, ANY, ALARM_HARD_BRAKING},
	{0x1B, ANY, ALARM_HARD_CORNERING},
	{0x23, ANY, ALARM_FALL_DOWN},
	{0x25, ANY, ALARM_TAMPERING},
	{0x26, ANY, ALARM_HARD_ACCELERATION},
	{0x27, ANY, ALARM_HARD_BRAKING},
	{0x28, GT06_SEEWORLD, ALARM_HARD_CORNERING},
	{0x28, GT06_VL, ALARM_POWER_OFF},
	{0x28, ANY, ALARM_HARD_BRAKING},
	{0x29, GT06_SEEWORLD, ALARM_ACCIDENT},
	{0x29, ANY, ALARM_HARD_ACCELERATION},
	{0x2A, ANY, ALARM_HARD_CORNERING},
	{0x2B, ANY, ALARM_HARD_CORNERING},
	{0x2C, ANY, ALARM_ACCIDENT},
	{0x2E, ANY, ALARM_HARD_CORNERING},
	{0x30, GT06_VL, ALARM_HARD_BRAKING},
	{0x30, ANY, ALARM_JAMMING},
	{0x32, ANY, ALARM_TAMPERING},
	{0x33, ANY, ALARM_LOCK},
	{0x34, ANY, ALARM_UNLOCK},
	{0x53, ANY, ALARM_FUEL_LEAK},
	{0x5B, ANY, ALARM_TEMPERATURE},
	{0x5C, ANY, ALARM_TEMPERATURE},
	{0xC9, ANY, ALARM_IDLE},
	{0xF0, ANY, ALARM_HARD_ACCELERATION},
	{0xF1, ANY, ALARM_HARD_BRAKING},
	{0xF2, ANY, ALARM_ACCIDENT},
	{0x107, ANY, ALARM_JAMMING},
	{0x10B, ANY, ALARM_JAMMING},
};

// Bits 5..3 of the info byte.
static const struct meaning info_codes[] = {
	{1, ANY, ALARM_VIBRATION},
	{2, ANY, ALARM_POWER_CUT},
	{3, ANY, ALARM_LOW_BATTERY},
	{4, ANY, ALARM_SOS},
	{6, ANY, ALARM_GEOFENCE},
	{7, GT06_VXT01, ALARM_OVERSPEED},
	{7, ANY, ALARM_REMOVING},
};

static const struct meaning media_events[] = {
	{0x0E, ANY, ALARM_LOW_POWER},
	{0x76, ANY, ALARM_TEMPERATURE},
	{0x80, ANY, ALARM_VIBRATION},
	{0x87, ANY, ALARM_OVERSPEED},
	{0x88, ANY, ALARM_POWER_CUT},
	{0x90, ANY, ALARM_HARD_ACCELERATION},
	{0x91, ANY, ALARM_HARD_BRAKING},
	{0x92, ANY, ALARM_HARD_CORNERING},
	{0x93, ANY, ALARM_ACCIDENT},
	// JC261 and JC400: driver and road as their cameras see them
	{0x47, ANY, ALARM_FATIGUE_DRIVING},
	{0x51, ANY, ALARM_DOOR},
	{0x6B, ANY, ALARM_FAULT},
	{0x6F, ANY, ALARM_FAULT},
	{0x84, ANY, ALARM_GENERAL}, /* seat belt */
	{0x8C, ANY, ALARM_FATIGUE_DRIVING},
	{0x8F, ANY, ALARM_GENERAL},
	{0x94, ANY, ALARM_GENERAL},
	{0x97, ANY, ALARM_GENERAL},
	{0x9A, ANY, ALARM_GENERAL},
	{0xA0, ANY, ALARM_FATIGUE_DRIVING},
	{0xA7, ANY, ALARM_GENERAL}, /* seat belt */
	{0xCC, ANY, ALARM_GENERAL},
	{0xCD, ANY, ALARM_LANE_CHANGE},
	{0xCE, ANY, ALARM_GENERAL},
};

static const struct meaning item_events[] = {
	{0x10, ANY, ALARM_DOOR},
	{0x12, ANY, ALARM_REMOVING},
	{0x14, ANY, ALARM_GEOFENCE_ENTER},
	{0x15, ANY, ALARM_GEOFENCE_EXIT},
	{0x16, ANY, ALARM_TEMPERATURE},
	{0x1A, ANY, ALARM_LOW_BATTERY},
	{0x1B, ANY, ALARM_OVERSPEED},
	{0x1C, ANY, ALARM_POWER_ON},
	{0x1D, ANY, ALARM_POWER_OFF},
	{0x20, ANY, ALARM_VIBRATION},
	{0x21, ANY, ALARM_POWER_CUT},
	{0x23, ANY, ALARM_TAMPERING},
};

static const struct meaning az735_codes[] = {
	{0xA2, ANY, ALARM_LOW_BATTERY},
	{0xA3, ANY, ALARM_LOW_BATTERY},
	{0xA4, ANY, ALARM_GENERAL},
	{0xA5, ANY, ALARM_DOOR},
};

static bool find(const struct meaning *table, size_t count, unsigned code,
	enum gt06_variant variant, enum alarm *alarm)
{
	for (size_t i = 0; i < count; i++) {
		const struct meaning *row = &table[i];
		if (row->code == code && (row->variant == ANY || row->variant == variant)) {
			*alarm = (enum alarm)row->alarm;
			return true;
		}
	}
	return false;
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

bool gt06_alarm_of_code(unsigned code, enum gt06_variant variant, enum alarm *alarm)
{
	return find(codes, COUNT(codes), code, variant, alarm);
}

bool gt06_alarm_of_info(uint8_t info, enum gt06_variant variant, enum alarm *alarm)
{
	return find(info_codes, COUNT(info_codes), info >> 3 & 7, variant, alarm);
}

bool gt06_alarm_of_media_event(uint8_t code, bool is_long, enum alarm *alarm)
{
	if (code == 0x01) {
		*alarm = is_long ? ALARM_SOS : ALARM_GENERAL;
		return true;
	}
	return find(media_events, COUNT(media_events), code, GT06_PLAIN, alarm);
}

bool gt06_alarm_of_item(uint8_t code, enum alarm *alarm)
{
	return find(item_events, COUNT(item_events), code, GT06_PLAIN, alarm);
}

// The status byte of AZ735. A1, disarmed, raises no alarm.
bool gt06_alarm_of_az735(uint8_t code, enum alarm *alarm)
{
	return find(az735_codes, COUNT(az735_codes), code, GT06_PLAIN, alarm);
}
