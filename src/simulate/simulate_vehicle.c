// SPDX-License-Identifier: MIT
// The town is a grid of streets, turned by 12 degrees.
//
//      |    |    |    |    |        one block is 250 m, the town ends 24 blocks from its middle
//    --+----+----+----+----+==      every 4th street is a main road, every 8th a fast one
//      |    |    |    |    H        a vehicle has its previous crossing (x, y), its heading and the distance driven
//    --+----o->--+----+----+==      since; at each crossing it decides what to do at the next one: drive on, turn,
//      |    |    |    |    H        wait at a red light, or park with the ignition off
//
// It accelerates up to the limit, but never beyond the speed from which it can brake before the crossing.
#include "simulate/simulate_vehicle.h"

#include <assert.h>
#include <math.h>

#define BLOCK_M    250.0
#define TOWN_EDGE  24
#define TOWN_TURN  12 /* degrees, clockwise */
#define TURN_COS   0.9781476007338057
#define TURN_SIN   0.20791169081775934
#define MIDDLE_LAT 481170000 /* 1e-7 degree */
#define MIDDLE_LON 115170000
#define MIDDLE_COS 0.6676116843967367 /* of the latitude */
#define DEGREE_M   111195.08          /* of a great circle */

#define ACCELERATION 1.8 /* m/s² */
#define BRAKES       3.0
#define TURNING_MS   5.5     /* speed around a corner */
#define CREEP_MS     1.5     /* lowest speed before a crossing */
#define STEP_US      1000000 /* longest step of the computation */

#define SPEEDING_MS (110 / 3.6) /* the tracker's overspeed alarm */
#define SLOWED_MS   (100 / 3.6) /* ends it */

static const int8_t step_x[4] = {0, 1, 0, -1};
static const int8_t step_y[4] = {1, 0, -1, 0};

// splitmix64
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

// Returns a random number, 0..sides-1.
static uint32_t dice(struct simulate_vehicle *v, uint32_t sides)
{
	v->random += 0x9e3779b97f4a7c15u;
	return (uint32_t)((mix(v->random) >> 32) * sides >> 32);
}

static unsigned street_of(int x, int y, uint8_t heading)
{
	return (unsigned)(heading % 2 == 0 ? x + TOWN_EDGE : y + TOWN_EDGE);
}

static double limit_of(unsigned street)
{
	if (street % 8 == 0)
		return 120 / 3.6;
	if (street % 4 == 0)
		return 60 / 3.6;
	return (street % 3 == 0 ? 30 : 50) / 3.6;
}

static bool leads_out(int x, int y, uint8_t heading)
{
	int ahead_x = x + step_x[heading];
	int ahead_y = y + step_y[heading];
	return ahead_x < -TOWN_EDGE || ahead_x > TOWN_EDGE || ahead_y < -TOWN_EDGE ||
	       ahead_y > TOWN_EDGE;
}

// Decides at the start of a street what to do at the next crossing.
static void plan(struct simulate_vehicle *v)
{
	int x = v->x + step_x[v->heading];
	int y = v->y + step_y[v->heading];
	unsigned street = street_of(x, y, v->heading);
	unsigned crossed = street_of(x, y, (uint8_t)(v->heading + 1));
	uint8_t right = (v->heading + 1) & 3;
	uint8_t left = (v->heading + 3) & 3;
	uint32_t chance = dice(v, 1000);
	bool fast = street % 8 == 0;
	bool may_turn = !fast || crossed % 4 == 0;

	v->limit_ms = limit_of(street) * v->temper;
	v->exit_ms = v->limit_ms;
	v->next = v->heading;
	v->parks = false;
	if (leads_out(x, y, v->heading) || (may_turn && chance < 280)) {
		v->next = chance % 2 ? left : right;
		if (leads_out(x, y, v->next))
			v->next = v->next == left ? right : left;
		v->exit_ms = TURNING_MS;
	} else if (!fast && chance >= 280 && chance < 365) {
		v->exit_ms = 0;
		v->parks = chance >= 345;
	}
}

static void cross(struct simulate_vehicle *v)
{
	v->x = (int16_t)(v->x + step_x[v->heading]);
	v->y = (int16_t)(v->y + step_y[v->heading]);
	v->heading = v->next;
	if (v->exit_ms <= 0) {
		v->speed_ms = 0;
		v->ignition = !v->parks;
		v->wait_us = 1000000 * (int64_t)(v->parks ? 120 + dice(v, 780) : 10 + dice(v, 30));
	}
	plan(v);
}

static void move(struct simulate_vehicle *v, double seconds)
{
	double left = BLOCK_M - v->along_m;
	double room = fmax(0, left - v->speed_ms * seconds);
	double brakes = sqrt(v->exit_ms * v->exit_ms + 2 * BRAKES * room);
	double speed = fmin(fmin(v->speed_ms + ACCELERATION * seconds, v->limit_ms), brakes);
	speed = fmax(speed, CREEP_MS);
	double driven = (v->speed_ms + speed) / 2 * seconds;
	v->speed_ms = speed;
	if (driven < left) {
		v->along_m += driven;
		v->odometer_m += driven;
		return;
	}
	bool stops = v->exit_ms <= 0;
	cross(v);
	v->along_m = stops ? 0 : driven - left;
	v->odometer_m += stops ? left : driven;
}

static void drive_until(struct simulate_vehicle *v, int64_t time_us)
{
	while (v->time_us < time_us) {
		int64_t step = time_us - v->time_us;
		if (v->wait_us > 0) {
			if (step > v->wait_us)
				step = v->wait_us;
			v->wait_us -= step;
			if (v->wait_us == 0)
				v->ignition = true;
		} else {
			if (step > STEP_US)
				step = STEP_US;
			move(v, (double)step / 1e6);
		}
		v->time_us += step;
	}
}

static uint8_t wander(struct simulate_vehicle *v, uint8_t value, uint8_t low, uint8_t high)
{
	uint32_t chance = dice(v, 10);
	if (chance == 0 && value > low)
		return (uint8_t)(value - 1);
	if (chance == 1 && value < high)
		return (uint8_t)(value + 1);
	return value;
}

// Returns the event of the report: at most one each.
static enum simulate_event find_event(struct simulate_vehicle *v)
{
	if (v->ignition != v->reported_ignition) {
		v->reported_ignition = v->ignition;
		return SIGHTING_IGNITION;
	}
	if (v->speed_ms < SLOWED_MS)
		v->speeding = false;
	if (v->speed_ms > SPEEDING_MS && !v->speeding) {
		v->speeding = true;
		return SIGHTING_OVERSPEED;
	}
	uint32_t chance = dice(v, 8000);
	return chance < 2 ? SIGHTING_SOS : chance == 2 ? SIGHTING_LOW_BATTERY : SIGHTING_POSITION;
}

static void place(const struct simulate_vehicle *v, struct simulate_sighting *seen)
{
	double right = v->x * BLOCK_M + step_x[v->heading] * v->along_m;
	double up = v->y * BLOCK_M + step_y[v->heading] * v->along_m;
	double north = up * TURN_COS - right * TURN_SIN;
	double east = up * TURN_SIN + right * TURN_COS;
	seen->lat_e7 = MIDDLE_LAT + (int32_t)lrint(north * (1e7 / DEGREE_M));
	seen->lon_e7 = MIDDLE_LON + (int32_t)lrint(east * (1e7 / DEGREE_M / MIDDLE_COS));
	seen->course_deg_e2 = (uint16_t)(v->heading * 9000 + TOWN_TURN * 100);
}

void simulate_vehicle_start(
	struct simulate_vehicle *v, uint32_t seed, uint32_t number, int64_t time_us)
{
	*v = (struct simulate_vehicle){
		.random = mix((uint64_t)seed << 32 | number), .time_us = time_us};
	v->x = (int16_t)((int)dice(v, 2 * TOWN_EDGE - 1) - TOWN_EDGE + 1);
	v->y = (int16_t)((int)dice(v, 2 * TOWN_EDGE - 1) - TOWN_EDGE + 1);
	v->heading = (uint8_t)dice(v, 4);
	v->temper = 0.85 + dice(v, 24) / 100.0;
	v->odometer_m = 1000.0 * dice(v, 150000);
	v->satellites = (uint8_t)(7 + dice(v, 6));
	v->gsm = (uint8_t)(8 + dice(v, 7));
	v->ignition = dice(v, 10) > 0;
	v->reported_ignition = v->ignition;
	v->wait_us = v->ignition ? 0 : 1000000 * (int64_t)(10 + dice(v, 600));
	v->along_m = dice(v, (uint32_t)BLOCK_M / 2);
	plan(v);
}

struct simulate_sighting simulate_vehicle_drive(struct simulate_vehicle *v, int64_t time_us)
{
	assert(time_us >= v->time_us);
	drive_until(v, time_us);
	struct simulate_sighting seen = {.time_us = time_us};
	place(v, &seen);
	v->satellites = wander(v, v->satellites, 5, 14);
	v->gsm = wander(v, v->gsm, 5, 15);
	seen.event = find_event(v);
	seen.speed_kmh_e2 = (uint32_t)lrint(v->speed_ms * 360);
	seen.odometer_m = lrint(v->odometer_m);
	seen.satellites = v->satellites;
	seen.gsm = v->gsm;
	seen.battery = seen.event == SIGHTING_LOW_BATTERY ? 2 : 15;
	seen.adc = (uint16_t)(900 - seen.odometer_m / 1000 % 800);
	seen.ignition = v->ignition;
	return seen;
}
