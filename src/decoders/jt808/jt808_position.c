// SPDX-License-Identifier: MIT
// A position block, of the standard:
//
//   0  alarm u32 | status u32 | latitude u32 | longitude u32 | altitude s16 | speed u16 | course u16 | time, BCD | items
//
//   1e-6 degree    m    0.1 km/h    degrees    yymmddhhmmss of UTC+8
//
//   status  0 ignition  1 fix  2 south  3 west  10 fuel cut  26 charging; 5 says that coordinates are encrypted, which
//           makers set on plain ones
//
// Alarm bits stay set while the state lasts: only a bit that the device's block before it had at 0 raises an alarm. Some
// models use other bits; a model is known by devices.model, or by item F2.
#include "decoders/jt808/jt808_position.h"
#include "decoders/jt808/jt808_items.h"
#include "protocol/device_memory.h"

#define LAT_MOST 90000000u
#define LON_MOST 180000000u
#define NONE     ALARM_COUNT

#define STATUS_FIX     (1u << 1)
#define STATUS_SOUTH   (1u << 2)
#define STATUS_WEST    (1u << 3)
#define STATUS_BLOCKED (1u << 10)
#define STATUS_CHARGE  (1u << 26)
#define BIT_FENCE      20
#define BITS_2013      (7u << 15) /* their meaning is another one in a 2019 header */
#define BITS_ACCIDENT  (3u << 29)

static const uint8_t alarms[32] = {ALARM_SOS, ALARM_OVERSPEED, ALARM_FATIGUE_DRIVING, ALARM_GENERAL,
	ALARM_FAULT, ALARM_GPS_ANTENNA_CUT, ALARM_GPS_ANTENNA_CUT, ALARM_LOW_POWER, ALARM_POWER_CUT,
	ALARM_FAULT, ALARM_FAULT, ALARM_FAULT, ALARM_FAULT, NONE, NONE, ALARM_VIBRATION,
	ALARM_TAMPERING, ALARM_TAMPERING, NONE, ALARM_PARKING, ALARM_GEOFENCE, ALARM_GEOFENCE, NONE,
	ALARM_GEOFENCE, ALARM_FAULT, ALARM_FUEL_LEAK, ALARM_GENERAL, NONE, ALARM_MOVEMENT,
	ALARM_ACCIDENT, ALARM_ACCIDENT, ALARM_DOOR};

// Alarms ---------------------------------------------------------------------

// Returns true if this is the model that the owner or the tracker itself names.
static bool is_aovx(const struct jt808_report *r, const char *model)
{
	return jt808_report_is_model(r, model) || (r->aovx && !memcmp(r->aovx, model, 5));
}

static void add_padlock_alarms(struct jt808_report *r, uint32_t bits)
{
	if (bits & (1u << 0 | 1u << 4))
		report_add_alarm(r->report, ALARM_REMOVING);
	if (bits & 1u << 1)
		report_add_alarm(r->report, ALARM_TAMPERING);
}

static void add_alarms(struct jt808_report *r, uint32_t bits)
{
	if (is_aovx(r, "AL300") || is_aovx(r, "GL100")) {
		if (bits & 1u << 16)
			report_add_alarm(r->report, ALARM_MOVEMENT);
		return;
	}
	if (jt808_report_is_model(r, "G-360P") || jt808_report_is_model(r, "G-508P")) {
		add_padlock_alarms(r, bits);
		return;
	}
	if (is_aovx(r, "VL300"))
		bits &= ~BITS_ACCIDENT;
	if (r->frame->peer.is_2019)
		bits &= ~BITS_2013;
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(bits >> bit & 1))
			continue;
		if (bit == BIT_FENCE && r->fence)
			report_add_alarm(r->report,
				r->fence == 1 ? ALARM_GEOFENCE_ENTER : ALARM_GEOFENCE_EXIT);
		else
			report_add_alarm(r->report, (enum alarm)alarms[bit]);
	}
}

// Raises the alarms of the bits that have risen, and remembers the word.
static void read_alarms(struct jt808_report *r, uint32_t word)
{
	struct jt808_device *device = device_memory_block(r->frame->session);
	const uint32_t risen = word & ~(device ? (uint32_t)device->alarms : 0);
	if (device)
		decoded_change(r->out, &device->alarms, word);
	if (risen)
		add_alarms(r, risen);
}

// The block ------------------------------------------------------------------

static void set_model_status(struct jt808_report *r, uint32_t status)
{
	if (jt808_report_is_model(r, "G1C Pro"))
		jt808_report_bool(r, "motion", status >> 4 & 1);
	else if (jt808_report_is_model(r, "G10LS"))
		jt808_report_bool(r, "armed", status >> 6 & 1);
	else if (jt808_report_is_model(r, "MV710G") || jt808_report_is_model(r, "MV810G"))
		jt808_report_bool(r, "door", status >> 16 & 1);
}

void jt808_position_set_status(struct jt808_report *r, uint32_t status)
{
	report_set_ignition(r->report, status & 1);
	jt808_report_int(r, "status", status);
	if (status & STATUS_BLOCKED)
		jt808_report_bool(r, "blocked", true);
	if (status & STATUS_CHARGE)
		jt808_report_bool(r, "charge", true);
	if (r->model.len > 0)
		set_model_status(r, status);
}

bool jt808_position_set_place(struct jt808_report *r, uint32_t status, uint32_t lat, uint32_t lon)
{
	const bool valid = status & STATUS_FIX;
	if (lat > LAT_MOST || lon > LON_MOST || (!valid && lat == 0 && lon == 0))
		return false;
	const int64_t lat_e7 = lat * INT64_C(10), lon_e7 = lon * INT64_C(10);
	return report_set_fix(r->report, status & STATUS_SOUTH ? -lat_e7 : lat_e7,
		status & STATUS_WEST ? -lon_e7 : lon_e7, valid);
}

void jt808_position_set_motion(struct jt808_report *r, const uint8_t v[6])
{
	report_set_altitude(r->report, jt808_s16(v) * INT64_C(100));
	report_set_speed(r->report, jt808_u16(v + 2) * INT64_C(10));
	if (jt808_u16(v + 4) < 360)
		report_set_course(r->report, jt808_u16(v + 4) * INT64_C(100));
}

void jt808_position_read_place(struct jt808_report *r, const uint8_t *v)
{
	const uint32_t status = jt808_u32(v);
	jt808_position_set_status(r, status);
	if (jt808_position_set_place(r, status, jt808_u32(v + 4), jt808_u32(v + 8)))
		jt808_position_set_motion(r, v + 12);
}

void jt808_position_read(struct jt808_report *r, const uint8_t *block, size_t len)
{
	const uint32_t word = jt808_u32(block);
	if (word)
		jt808_report_int(r, "alarm", word);
	jt808_position_read_place(r, block + 4);
	jt808_report_time(r, block + 22);
	jt808_items_read(r, block + JT808_BLOCK, len - JT808_BLOCK);
	read_alarms(r, word);
}
