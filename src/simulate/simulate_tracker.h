// SPDX-License-Identifier: MIT
// Trackers that are not there: vehicles on the streets of a made-up town, and their reports as real
// trackers would send them. Pure and deterministic: the same seed gives the same trackers on the
// same ways.
#ifndef AVLD_SIMULATE_SIMULATE_H
#define AVLD_SIMULATE_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// simulate_road.c: the vehicle --------------------------------------------------------------
struct vehicle {
	uint64_t random; /* state of its dice */
	int64_t time_us; /* UTC, µs since 1970 */
	int64_t wait_us; /* stands still that much longer */
	double along_m;  /* way since the crossing behind */
	double speed_ms;
	double limit_ms; /* how fast this driver goes on this street */
	double exit_ms;  /* speed at the crossing ahead; 0: stops there */
	double temper;   /* driver's part of the limit, 0.85..1.08 */
	double odometer_m;
	int16_t x, y;    /* the crossing behind, in blocks from the middle of town */
	uint8_t heading; /* 0 up, 1 right, 2 down, 3 left on the town's grid */
	uint8_t next;    /* heading behind the crossing ahead */
	bool parks;      /* stops there for long */
	bool ignition;
	bool told_ignition; /* as in the newest report */
	bool speeding;
	uint8_t satellites;
	uint8_t gsm;
};

enum sighting_event {
	SIGHTING_POSITION,
	SIGHTING_IGNITION,
	SIGHTING_OVERSPEED,
	SIGHTING_SOS,
	SIGHTING_LOW_BATTERY,
};

// What a tracker knows at one moment.
struct sighting {
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
	enum sighting_event event;
};

// A vehicle somewhere in town at time_us. number: 1..; the same seed and number give the same
// vehicle.
void vehicle_start(struct vehicle *vehicle, uint32_t seed, uint32_t number, int64_t time_us);
// Goes on until time_us (not before its time so far) and looks where it is.
struct sighting vehicle_drive(struct vehicle *vehicle, int64_t time_us);

// simulate_device.c: the tracker in it, and what protocols share ----------------------------
#define SIMULATE_RECORD_MAX 192  /* bytes of one report or heart-beat */
#define SIMULATE_HELLO_MAX  32   /* bytes of a log-in */
#define SIMULATE_REPLY_MAX  1024 /* bytes that a command is answered with */
#define SIMULATE_GAP_MAX    8    /* records a tracker stores while it is out of coverage */
#define SIMULATE_BURST_MAX  ((SIMULATE_GAP_MAX + 2) * SIMULATE_RECORD_MAX) /* bytes made at once */
#define SIMULATE_SEED_MAX   999999
#define SIMULATE_NUMBER_MAX 999999

struct simulate_protocol;

struct simulated_camera {
	bool on;
	bool open;        /* the newest photo has not been fetched whole */
	uint32_t reports; /* so far */
	uint32_t told;    /* the report that told of the newest photo */
	uint32_t count;   /* photos taken */
	uint32_t given;   /* of these, fetched to their end */
	uint32_t size;    /* of the newest */
	uint32_t answers;
};

struct simulated {
	const struct simulate_protocol *protocol;
	uint32_t number;
	uint16_t serial; /* of the newest numbered frame */
	uint8_t ident_len;
	char ident[16];  /* NUL-terminated */
	uint8_t outputs; /* bit 0 is output 1, the engine's relay */
	bool deltas;     /* sends what differs from the record before (pt502) */
	bool gaps;       /* is out of coverage now and then (pt502) */
	bool ends;       /* the report at hand is its last: nothing may stay in its log */
	struct simulated_camera camera; /* pt502 */
	struct vehicle vehicle;
	struct sighting last;      /* in the newest report */
	struct simulated_log *log; /* NULL: neither deltas nor gaps */
};

// A tracker's own memory: the record it made last, and those it could not send.
struct simulated_log {
	uint32_t made, gap_left; /* records; of the gap still to come */
	size_t last_len, len;
	uint8_t last[SIMULATE_RECORD_MAX];
	uint8_t bytes[SIMULATE_GAP_MAX * SIMULATE_RECORD_MAX]; /* ready to send */
};

enum simulate_answer {
	ANSWER_MORE,  /* not whole yet */
	ANSWER_ACK,   /* *used bytes acknowledge the record of *key */
	ANSWER_OTHER, /* *used bytes (maybe more than there are) say something else */
	ANSWER_BAD,   /* no answer of this protocol */
};

// How a tracker of this kind talks. Writers fill out, which has room for the _MAX, and return the
// length.
struct simulate_protocol {
	const char *name;
	uint8_t (*ident)(uint32_t seed, uint32_t number, char out[16]);
	size_t (*hello)(struct simulated *device, uint8_t *out); /* log-in, or NULL */
	// With a log it may be none (out of coverage) or several: SIMULATE_BURST_MAX.
	size_t (*report)(struct simulated *device, const struct sighting *seen, uint8_t *out);
	size_t (*beat)(
		struct simulated *device, const struct sighting *seen, uint8_t *out); /* or NULL */
	size_t (*length)(
		const uint8_t *record, size_t len); /* of the first record among these, our own */
	bool (*is_report)(const uint8_t *record);
	// Takes the server's bytes apart; NULL: the server has nothing to say. key: of a record
	// that waits for its ACK.
	enum simulate_answer (*answer)(
		const uint8_t *data, size_t len, size_t *used, uint32_t *key);
	uint32_t (*key)(const uint8_t *record, size_t len);
	// The length of the command at the head of these bytes of the server; 0: not whole yet. With `answer` only what is
	// ANSWER_OTHER gets here.
	size_t (*command_length)(const uint8_t *data, size_t len);
	// Does what one command says. Fills reply (SIMULATE_REPLY_MAX), returns its length.
	size_t (*obey)(
		struct simulated *device, const uint8_t *command, size_t len, uint8_t *reply);
};

extern const struct simulate_protocol simulate_pt502, simulate_gt06;

// simulate_command.c: what they do when told --------------------------------------------------
// The words of a command without '#' and the rest; sets outputs. Is it one of those known?
bool simulate_set_output(struct simulated *device, const char *words, size_t len);

// simulate_photo.c: a camera --------------------------------------------------------------------
// Does the report at hand tell of a new photo (device->camera.size bytes)? To be asked at each.
bool simulate_tell_photo(struct simulated *device);
// "#PHD<offset>,<count>" CR LF: fills reply with that part, or now and then with nothing.
size_t simulate_give_part(
	struct simulated *device, const uint8_t *line, size_t len, uint8_t *reply);

// The tracker of that number; its vehicle is not started. seed and number: 1.. their _MAX.
void simulated_init(struct simulated *device, const struct simulate_protocol *protocol,
	uint32_t seed, uint32_t number);
// Ident of 7 or 13 digits, first digit 5; of 15 digits with an IMEI's check digit. Returns the
// length.
uint8_t simulate_ident_short(uint32_t seed, uint32_t number, char out[16]);
uint8_t simulate_ident_imei(uint32_t seed, uint32_t number, char out[16]);

struct simulate_date {
	int year, month, day, hour, minute, second, ms;
};
struct simulate_date simulate_calendar(int64_t time_us);

// simulate_schedule.c: when each report is due, and what its device time is -----------------
#define SCHEDULE_ENDLESS    UINT64_MAX
#define SCHEDULE_DEVICE_MAX (300 * 86400) /* reports of one device: one a second, 300 days back */

struct schedule {
	uint32_t devices;
	uint64_t count; /* reports in all, or SCHEDULE_ENDLESS */
	uint64_t
		rate_milli; /* reports in 1000 seconds, all devices; 0: as fast as they are taken */
	int64_t start_us;   /* when it begins: UTC, µs since 1970 */
	int64_t base_us;    /* device time of the first report */
	int64_t step_us;    /* between two reports of a device, at least 1 s */
	int64_t offset_us;  /* from one device to the next */
};

// Device time is the real one while a device reports at most once a second. Faster than that it
// starts in the past: with a count so that the last report is of the moment when it is sent;
// without, it catches up with the clock and then keeps to it. False: more than SCHEDULE_DEVICE_MAX
// reports a device.
bool schedule_make(struct schedule *schedule, uint32_t devices, uint64_t count, uint64_t rate_milli,
	int64_t now_us);
// Reports due by now, all devices together; they go round in turn.
uint64_t schedule_due(const struct schedule *schedule, int64_t now_us);
// Device `index`'s part (0..) of the first `due` reports.
uint64_t schedule_share(const struct schedule *schedule, uint64_t due, uint32_t index);
// Device time of that device's report `n` (0..).
int64_t schedule_time(const struct schedule *schedule, uint32_t index, uint64_t n);

#endif
