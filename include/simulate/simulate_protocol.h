// SPDX-License-Identifier: MIT
// What a protocol of simulated trackers consists of. One file and one line in simulate_registry.c make a protocol.
#ifndef AVLD_SIMULATE_SIMULATE_PROTOCOL_H
#define AVLD_SIMULATE_SIMULATE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMULATE_RECORD_MAX 192  /* bytes of one report or heartbeat */
#define SIMULATE_LOGIN_MAX  96   /* bytes of a log-in, with escapes */
#define SIMULATE_REPLY_MAX  1024 /* bytes of the answer to a command */
#define SIMULATE_GAP_MAX    8    /* records that a tracker stores while it is out of coverage */
#define SIMULATE_BURST_MAX                                                                         \
	((SIMULATE_GAP_MAX + 2) * SIMULATE_RECORD_MAX) /* bytes of one report() */

#define SIMULATE_NO_ANSWER 0

struct simulate_tracker;
struct simulate_sighting;

enum simulate_answer {
	ANSWER_MORE,  /* incomplete */
	ANSWER_ACK,   /* *used bytes acknowledge the record of *key */
	ANSWER_OTHER, /* *used bytes (perhaps more than were given) are something else */
	ANSWER_BAD,   /* not of this protocol */
};

// Functions that write fill out, which has room for the _MAX, and return the length.
struct simulate_protocol {
	const char *name;
	bool tcp_only;
	bool one_by_one; /* over UDP a report waits for the answer to the last */
	uint8_t (*ident)(uint32_t seed, uint32_t number, char out[16]);
	// Log-in; 0 bytes: none over this transport. NULL: the protocol has none.
	size_t (*login)(struct simulate_tracker *tracker, uint8_t *out);
	// One record; none while out of coverage, several after that (SIMULATE_BURST_MAX), if tracker->log is set.
	size_t (*report)(struct simulate_tracker *tracker, const struct simulate_sighting *seen,
		uint8_t *out);
	// Heartbeat. NULL: the protocol has none.
	size_t (*heartbeat)(struct simulate_tracker *tracker, const struct simulate_sighting *seen,
		uint8_t *out);
	// Returns the length of the first of these records, which the protocol wrote itself.
	size_t (*length)(const uint8_t *record, size_t len);
	bool (*is_report)(const uint8_t *record);
	// Parses the server's bytes. NULL: the server acknowledges nothing.
	enum simulate_answer (*answer)(
		const uint8_t *data, size_t len, size_t *used, uint32_t *key);
	// Returns what the acknowledgement of the record will have as *key; SIMULATE_NO_ANSWER: it has none.
	uint32_t (*key)(const uint8_t *record, size_t len);
	// Returns the length of the command at the head of the server's bytes; 0: incomplete. With `answer`, called only for
	// ANSWER_OTHER.
	size_t (*command_length)(const uint8_t *data, size_t len);
	// Executes one command. Fills reply (SIMULATE_REPLY_MAX) and returns its length. NULL: no commands.
	size_t (*execute)(struct simulate_tracker *tracker, const uint8_t *command, size_t len,
		uint8_t *reply);
};

#endif
