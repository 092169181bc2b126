// SPDX-License-Identifier: MIT
// What a batch says about the newest state of each device, reduced to one row a device: what goes
// into avld.device_state.
//
// Order in the journal is truth for connections; time is for fixes and telemetry (a record out of a
// tracker's log never replaces a newer one).
#ifndef AVLD_WRITER_DEVICE_STATE_H
#define AVLD_WRITER_DEVICE_STATE_H

#include "journal/entry.h"
#include "writer/pgcopy.h"

struct device_states;

struct device_states *device_state_new(void);
void device_state_free(struct device_states *latest);
void device_state_clear(struct device_states *latest); /* no devices; memory is kept */

// A frame of the device came. live: this process received it, so a TCP connection is open by it.
void device_state_seen(
	struct device_states *latest, int64_t device_id, const struct entry *entry, bool live);
// What the report says of the device's position and telemetry. After device_state_seen.
void device_state_report(struct device_states *latest, int64_t device_id, const struct entry *entry,
	struct fixed_time fixed);
// The device's connection from entry->peer ended. False: no connection of its was seen open in this
// batch, so that the table has to be asked whether this was the one.
bool device_state_disconnected(
	struct device_states *latest, int64_t device_id, const struct entry *entry);

// The columns of a row, and all rows. `instance`, our name, is in the rows that know whether a TCP
// connection is open whatever the table says; where it is NULL, `connected` is false and counts
// only if the table's peer is the row's.
extern const char device_state_columns[];
void device_state_write(
	const struct device_states *latest, const char *instance, struct pgcopy *copy);

#endif
