// SPDX-License-Identifier: MIT
// A vehicle on the streets of a made-up town. Pure and deterministic: the same seed and number drive the same way.
#ifndef AVLD_SIMULATE_SIMULATE_VEHICLE_H
#define AVLD_SIMULATE_SIMULATE_VEHICLE_H

#include <stdbool.h>
#include <stdint.h>

struct simulate_vehicle {
	uint64_t random; /* state of its random numbers */
	int64_t time_us; /* UTC, µs since 1970 */
	int64_t wait_us; /* remaining time of the current stop */
	double along_m;  /* distance from the previous crossing */
	double speed_ms;
	double limit_ms; /* this driver's top speed on this street */
	double exit_ms;  /* speed at the next crossing; 0: stops there */
	double temper;   /* the driver's factor on the speed limit, 0.85..1.08 */
	double odometer_m;
	int16_t x, y;    /* the previous crossing, in blocks from the middle of town */
	uint8_t heading; /* 0 up, 1 right, 2 down, 3 left on the town's grid */
	uint8_t next;    /* heading after the next crossing */
	bool parks;      /* the next stop is a long one, with the ignition off */
	bool ignition;
	bool reported_ignition; /* as in the newest report */
	bool speeding;
	uint8_t satellites;
	uint8_t gsm;
};

enum simulate_event {
	SIGHTING_POSITION,
	SIGHTING_IGNITION,
	SIGHTING_OVERSPEED,
	SIGHTING_SOS,
	SIGHTING_LOW_BATTERY,
};

// What a tracker measures at one moment.
struct simulate_sighting {
	int64_t time_us;
	int64_t odometer_m;
	int32_t lat_e7;
	int32_t lon_e7;
	uint32_t speed_kmh_e2;
	uint16_t course_deg_e2; /* 0..35999 */
	uint16_t adc;           /* 10 bits: a fuel gauge */
	uint8_t satellites;     /* 0..15 */
	uint8_t battery;        /* 0..15 */
	uint8_t gsm;            /* 0..15 */
	bool ignition;
	enum simulate_event event;
};

// Places a vehicle somewhere in town at time_us. number: from 1.
void simulate_vehicle_start(
	struct simulate_vehicle *vehicle, uint32_t seed, uint32_t number, int64_t time_us);

// Drives until time_us (not before the vehicle's time) and returns the measurements there.
struct simulate_sighting simulate_vehicle_drive(struct simulate_vehicle *vehicle, int64_t time_us);

#endif
