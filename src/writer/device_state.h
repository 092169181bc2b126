// SPDX-License-Identifier: MIT
// What a batch says about the newest state of each device, reduced to one row a device: what goes
// into avld.device_state.
//
// Order in the journal is truth for connections; time is for fixes and telemetry (a record out of a
// tracker's log never replaces a newer one).
#ifndef AVLD_WRITER_DEVICE_STATE
#define AVLD_WRITER_DEVICE_STATE

#include "journal/entry.h"
#include "writer/pgcopy.h"

struct latest;

struct latest *latest_new(void);
void latest_free(struct latest *latest);
void latest_clear(struct latest *latest); /* no devices; memory is kept */

// A frame of the device came. live: this process received it, so a TCP connection is open by it.
void latest_seen(struct latest *latest, int64_t device_id, const struct entry *entry, bool live);
// What the report says of the device's position and telemetry. After latest_seen.
void latest_report(struct latest *latest, int64_t device_id, const struct entry *entry,
	struct fixed_time fixed);
// The device's connection from entry->peer ended. False: no connection of its was seen open in this
// batch, so that the table has to be asked whether this was the one.
bool latest_disconnected(struct latest *latest, int64_t device_id, const struct entry *entry);

// The columns of a row, and all rows. `instance`, our name, is in the rows that know whether a TCP
// connection is open whatever the table says; where it is NULL, `connected` is false and counts
// only if the table's peer is the row's.
extern const char latest_columns[];
void latest_write(const struct latest *latest, const char *instance, struct copy *copy);

#endif
