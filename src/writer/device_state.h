// SPDX-License-Identifier: MIT
// The newest state of each device in a range of the journal, for avld.device_state: one row a device. States of ranges that
// follow each other can be merged.
//
// For connections the order in the journal counts; for fixes and telemetry the time does (a record from a tracker's log
// never replaces a newer one).
#ifndef AVLD_WRITER_DEVICE_STATE_H
#define AVLD_WRITER_DEVICE_STATE_H

#include "journal/entry.h"

#define STATE_PROTOCOL_MAX 32

struct state_seen {
	bool known;
	int64_t time_us; /* receipt of the newest frame */
	struct peer peer;
	bool certain; /* the batch has a connection's start: `open` holds whatever the table says */
	bool open;
	uint8_t protocol_len;
	char protocol[STATE_PROTOCOL_MAX];
};

// Another peer that sends for the device at the same time.
struct state_other {
	bool known; /* `peer` was heard by UDP before seen.peer, or was set aside */
	bool both;  /* set aside, or heard before and after seen.peer: for avld.device_state */
	struct peer peer;
	int64_t time_us; /* receipt of its newest report */
};

struct state_fix {
	bool known;
	int64_t time_us;
	struct report_body body; /* position and motion only */
};

struct state_telemetry {
	bool known;
	uint8_t event_len;
	uint8_t driver_len;
	int64_t time_us;
	struct report_body body; /* telemetry only */
	char event[EVENT_MAX];
	char driver[DRIVER_MAX];
};

struct state_row {
	int64_t device_id;
	size_t slot;
	struct state_seen seen;
	struct state_other other;
	struct state_fix fix;
	struct state_telemetry telemetry;
};

// The end of a connection that began before the range: if it is the device's connection in the table, that one is over.
struct state_end {
	int64_t device_id;
	struct peer peer;
};

struct device_states {
	struct state_row *rows;
	size_t count, cap;
	uint32_t *slots;        /* row number + 1, or 0; twice `cap` of them, a power of two */
	struct state_end *ends; /* before everything in the rows */
	size_t end_count, end_cap;
};

struct device_states *device_state_new(void);
void device_state_free(struct device_states *states);
void device_state_clear(struct device_states *states); /* removes all rows, keeps the memory */

// Notes a frame of the device. live: this process received it, so a TCP connection of the device is open. A report that is
// set aside (FLAG_ASIDE) is noted in `other` only.
void device_state_seen(
	struct device_states *states, int64_t device_id, const struct entry *entry, bool live);
// Notes the report's position and telemetry, unless it is set aside. Call device_state_seen first.
void device_state_report(struct device_states *states, int64_t device_id, const struct entry *entry,
	struct fixed_time fixed);
// Notes that the device's connection from this peer has ended.
void device_state_disconnected(
	struct device_states *states, int64_t device_id, const struct peer *peer);
// Adds the states of the range that follows.
void device_state_merge(struct device_states *states, const struct device_states *next);
// Removes all ends, and all rows from number `count` on.
void device_state_cut(struct device_states *states, size_t count);

#endif
