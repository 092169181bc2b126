// SPDX-License-Identifier: MIT
// A simulated tracker: its ident, its vehicle and camera, and what the protocols remember of it.
#ifndef AVLD_SIMULATE_SIMULATE_TRACKER_H
#define AVLD_SIMULATE_SIMULATE_TRACKER_H

#include "simulate/simulate_camera.h"
#include "simulate/simulate_protocol.h"
#include "simulate/simulate_vehicle.h"

// A tracker's own memory: the record it made last, and records it could not send.
struct simulate_log {
	uint32_t made;     /* records made */
	uint32_t gap_left; /* records until the current gap ends */
	size_t last_len, len;
	uint8_t last[SIMULATE_RECORD_MAX];
	uint8_t bytes[SIMULATE_GAP_MAX * SIMULATE_RECORD_MAX]; /* ready to send */
};

struct simulate_tracker {
	const struct simulate_protocol *protocol;
	uint32_t number;
	uint16_t serial; /* of the newest numbered frame */
	uint8_t ident_len;
	char ident[16];  /* NUL-terminated */
	uint8_t outputs; /* bit 0 is output 1, the engine's relay */
	bool deltas;     /* sends the difference from the previous record (pt502) */
	bool gaps;       /* is out of coverage now and then (pt502) */
	bool udp;        /* sends datagrams (h02, teltonika) */
	bool ends;       /* the current report is its last: nothing may stay in its log */
	struct simulate_camera camera; /* pt502 */
	struct simulate_vehicle vehicle;
	struct simulate_sighting last; /* of the newest report */
	struct simulate_log *log;      /* owned by the caller; NULL: neither deltas nor gaps */
};

// Makes the tracker of that number; its vehicle is not started. seed: 1..SIMULATE_SEED_MAX, number:
// 1..SIMULATE_NUMBER_MAX.
void simulate_tracker_init(struct simulate_tracker *tracker,
	const struct simulate_protocol *protocol, uint32_t seed, uint32_t number);

#define SIMULATE_NUMBER_MAX 999999

// Write an ident of 7 or 13 digits, the first 5; of 10 or 15 digits; or of 15 digits with an IMEI's check digit. Return the
// length.
uint8_t simulate_tracker_ident_short(uint32_t seed, uint32_t number, char out[16]);
uint8_t simulate_tracker_ident_ten(uint32_t seed, uint32_t number, char out[16]);
uint8_t simulate_tracker_ident_imei(uint32_t seed, uint32_t number, char out[16]);

// Sets an output by the text of a command: "OPC2,1", "Relay,1#". Returns false if it is another command.
bool simulate_tracker_set_output(struct simulate_tracker *tracker, const char *text, size_t len);

#endif
