// SPDX-License-Identifier: MIT
// The normalised report that every decoder produces. Values are integers until SQL; a field is valid only if its bit in
// `has` is set (an absent field is NULL in SQL, never 0).
#ifndef AVLD_MODEL_REPORT_H
#define AVLD_MODEL_REPORT_H

#include "util/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IDENT_MAX  32 /* bytes of an ident; at least 1 */
#define EVENT_MAX  32
#define DRIVER_MAX 64
#define EXTRA_MAX  4096 /* bytes of JSON members of one report */

// Alarm names are Traccar's. The number of an alarm is its bit in report.body.alarms and part of the journal's format:
// never renumber; append before ALARM_COUNT.
enum alarm {
	ALARM_GENERAL,
	ALARM_SOS,
	ALARM_VIBRATION,
	ALARM_MOVEMENT,
	ALARM_LOW_SPEED,
	ALARM_OVERSPEED,
	ALARM_FALL_DOWN,
	ALARM_LOW_POWER,
	ALARM_LOW_BATTERY,
	ALARM_FAULT,
	ALARM_POWER_OFF,
	ALARM_POWER_ON,
	ALARM_DOOR,
	ALARM_LOCK,
	ALARM_UNLOCK,
	ALARM_GEOFENCE,
	ALARM_GEOFENCE_ENTER,
	ALARM_GEOFENCE_EXIT,
	ALARM_GPS_ANTENNA_CUT,
	ALARM_ACCIDENT,
	ALARM_TOW,
	ALARM_IDLE,
	ALARM_HIGH_RPM,
	ALARM_HARD_ACCELERATION,
	ALARM_HARD_BRAKING,
	ALARM_HARD_CORNERING,
	ALARM_LANE_CHANGE,
	ALARM_FATIGUE_DRIVING,
	ALARM_POWER_CUT,
	ALARM_POWER_RESTORED,
	ALARM_JAMMING,
	ALARM_TEMPERATURE,
	ALARM_PARKING,
	ALARM_BONNET,
	ALARM_FOOT_BRAKE,
	ALARM_FUEL_LEAK,
	ALARM_TAMPERING,
	ALARM_REMOVING,
	ALARM_COUNT
};

enum report_has {
	HAS_TIME = 1u << 0,
	HAS_FIX = 1u << 1, /* lat_e7, lon_e7 and FLAG_VALID */
	HAS_ALTITUDE = 1u << 2,
	HAS_SPEED = 1u << 3,
	HAS_COURSE = 1u << 4,
	HAS_SATELLITES = 1u << 5,
	HAS_HDOP = 1u << 6,
	HAS_IGNITION = 1u << 7, /* FLAG_IGNITION */
	HAS_INPUTS = 1u << 8,
	HAS_OUTPUTS = 1u << 9,
	HAS_ADC1 = 1u << 10, /* adc[n] has HAS_ADC1 << n */
	HAS_ADC2 = 1u << 11,
	HAS_ADC3 = 1u << 12,
	HAS_ADC4 = 1u << 13,
	HAS_ODOMETER = 1u << 14,
	HAS_BATTERY_PERCENT = 1u << 15,
	HAS_BATTERY_V = 1u << 16,
	HAS_POWER_V = 1u << 17,
	HAS_GSM = 1u << 18,
};

enum report_flag {
	FLAG_VALID = 1u << 0,    /* the tracker marked the fix as valid */
	FLAG_IGNITION = 1u << 1, /* on */
	FLAG_STORED = 1u << 2,   /* from the tracker's log, not live */
	FLAG_TEXT = 1u << 3,     /* a reply or notice: extra holds {"text": ...} */
	FLAG_SHARED = 1u << 4,   /* received over a gateway's connection, not the device's own */
	FLAG_ASIDE = 1u << 5,    /* the device has its own connection: not for its latest state */
};

// The part of fixed size. The journal stores it unchanged (little endian), so its layout is a file format: entry.c asserts
// the offsets, and a change needs a new journal version.
struct report_body {
	int64_t device_time_us; /* UTC, µs since 1970 */
	int64_t odometer_m;
	uint64_t alarms; /* bit n is enum alarm n */
	uint64_t dedup;  /* hash of `key`, set by the feed */
	uint32_t has;    /* enum report_has */
	int32_t lat_e7;  /* 1e-7 degree, north positive, -900000000..900000000 */
	int32_t lon_e7;  /* 1e-7 degree, east positive, -1800000000..1800000000 */
	int32_t altitude_m_e2;
	uint32_t speed_kmh_e2;
	uint16_t course_deg_e2; /* 0..36000 */
	uint16_t hdop_e2;
	int32_t adc[4];
	uint32_t inputs;     /* bit 0 is input number 1 */
	uint32_t outputs;    /* bit 0 is output number 1 */
	uint32_t battery_mv; /* the tracker's own battery */
	uint32_t power_mv;   /* external power */
	uint8_t satellites;
	uint8_t battery_percent; /* 0..100 */
	uint8_t gsm_percent;     /* 0..100 */
	uint8_t flags;           /* enum report_flag */
	uint32_t reserved;       /* 0 */
};

struct report {
	struct report_body body;
	struct text ident;  /* 1..IDENT_MAX printable ASCII */
	struct text event;  /* the protocol's own code, printable ASCII, or empty (NULL in SQL) */
	struct text driver; /* printable ASCII, may be empty (NULL in SQL) */
	struct text extra;  /* JSON members without the braces: "a":1,"b":"x"; may be empty */
	struct text
		key; /* the bytes that identify this record, without its terminator: dedup is their hash */
	struct text raw; /* the record's bytes as received, decodable on their own */
};

// Returns Traccar's name of an alarm. alarm < ALARM_COUNT.
const char *report_alarm_name(enum alarm alarm);

// Makes *report empty.
static inline void report_clear(struct report *report)
{
	// In pieces, which compile to a few stores; the whole would compile to a slow string instruction.
	enum { PIECE = 64 };
	_Static_assert(sizeof *report == 3 * PIECE, "pieces");
	memset(report, 0, PIECE);
	memset((char *)report + PIECE, 0, PIECE);
	memset((char *)report + 2 * PIECE, 0, PIECE);
}

// The setters check the range and set the `has` bit. A value out of range leaves the field absent and returns false. Units
// are those in the field names.
bool report_set_fix(struct report *report, int64_t lat_e7, int64_t lon_e7, bool valid);
bool report_set_speed(struct report *report, int64_t kmh_e2);  /* 0..100000 (1,000 km/h) */
bool report_set_course(struct report *report, int64_t deg_e2); /* 0..36000 */
bool report_set_altitude(struct report *report, int64_t m_e2); /* -1,000..20,000 m */
bool report_set_satellites(struct report *report, int64_t n);  /* 0..99 */
bool report_set_hdop(struct report *report, int64_t e2);       /* 0..9999 */
bool report_set_odometer(struct report *report, int64_t m);    /* 0..1e12 */
bool report_set_battery_percent(struct report *report, int64_t percent);
bool report_set_battery_mv(struct report *report, int64_t mv); /* 0..100,000 */
bool report_set_power_mv(struct report *report, int64_t mv);   /* 0..1,000,000 */
bool report_set_gsm_percent(struct report *report, int64_t percent);
void report_set_time(struct report *report, int64_t time_us);
void report_set_ignition(struct report *report, bool on);
void report_set_inputs(struct report *report, uint32_t bits);
void report_set_outputs(struct report *report, uint32_t bits);
void report_set_adc(struct report *report, unsigned channel, int32_t value); /* channel 0..3 */
void report_add_alarm(struct report *report, enum alarm alarm);
// Takes back values that were set, of these HAS_ bits: as if they had never been.
void report_unset(struct report *report, uint32_t has);

// The source of the time by which a report is ordered and stored.
enum time_source { TIME_DEVICE, TIME_ROLLOVER, TIME_RECEIVED };
struct fixed_time {
	int64_t time_us;
	enum time_source source;
};
// Returns the device time if it is plausible (at most 400 days before and 10 minutes after the receipt), else device time +
// 1024 weeks if that is plausible, else the time of receipt. Pure.
struct fixed_time report_fixed_time(const struct report_body *body, int64_t received_us);
// Returns "device", "rollover" or "received".
const char *report_time_source_name(enum time_source source);

#endif
