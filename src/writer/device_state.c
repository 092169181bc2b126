// SPDX-License-Identifier: MIT
// Rows are found through an open-addressing table of row numbers.
#include "writer/device_state.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>

#define HAS_TELEMETRY                                                                              \
	(HAS_IGNITION | HAS_INPUTS | HAS_OUTPUTS | HAS_ADC1 | HAS_ADC2 | HAS_ADC3 | HAS_ADC4 |     \
		HAS_ODOMETER | HAS_BATTERY_PERCENT | HAS_BATTERY_V | HAS_POWER_V | HAS_GSM)

#define FIRST_CAP    256
#define UDP_AHEAD_US INT64_C(60000000) /* a fix further ahead counts as of its receipt */

static void allocate(struct device_states *states, size_t cap)
{
	struct state_row *rows = realloc(states->rows, cap * sizeof(*rows));
	free(states->slots);
	states->slots = calloc(cap * 2, sizeof(*states->slots));
	if (!rows || !states->slots)
		log_fatal("out of memory: batch");
	states->rows = rows;
	states->cap = cap;
}

struct device_states *device_state_new(void)
{
	struct device_states *states = calloc(1, sizeof(*states));
	if (!states)
		log_fatal("out of memory: batch");
	allocate(states, FIRST_CAP);
	return states;
}

void device_state_free(struct device_states *states)
{
	if (!states)
		return;
	free(states->rows);
	free(states->slots);
	free(states);
}

void device_state_clear(struct device_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		states->slots[states->rows[i].slot] = 0;
	states->count = 0;
}

// Returns the slot of the device's row, or the free one for it. Ids are consecutive: the multiplication spreads them.
static size_t slot_of(const struct device_states *states, int64_t device_id)
{
	const size_t mask = states->cap * 2 - 1;
	size_t slot = (size_t)(((uint64_t)device_id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
	while (states->slots[slot] && states->rows[states->slots[slot] - 1].device_id != device_id)
		slot = (slot + 1) & mask;
	return slot;
}

static void enlarge(struct device_states *states)
{
	allocate(states, states->cap * 2);
	for (size_t i = 0; i < states->count; i++) {
		states->rows[i].slot = slot_of(states, states->rows[i].device_id);
		states->slots[states->rows[i].slot] = (uint32_t)i + 1;
	}
}

// Returns the device's row. *made: it is new, and empty.
static struct state_row *row_of(struct device_states *states, int64_t device_id, bool *made)
{
	size_t slot = slot_of(states, device_id);
	*made = !states->slots[slot];
	if (!*made)
		return &states->rows[states->slots[slot] - 1];
	if (states->count == states->cap) {
		enlarge(states);
		slot = slot_of(states, device_id);
	}
	struct state_row *row = &states->rows[states->count++];
	states->slots[slot] = (uint32_t)states->count;
	memset(row, 0, sizeof(*row));
	row->device_id = device_id;
	row->slot = slot;
	return row;
}

// Returns the bytes copied.
static uint8_t copy_text(char *to, size_t cap, struct text text)
{
	const size_t len = text.len < cap ? text.len : cap;
	if (len)
		memcpy(to, text.data, len);
	return (uint8_t)len;
}

static bool is_same_peer(const struct peer *a, const struct peer *b)
{
	return a->port == b->port && a->transport == b->transport &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

// Returns true if the report is not for the device's latest state.
static bool is_aside(const struct entry *entry)
{
	return entry->kind == ENTRY_REPORT && entry->body.flags & FLAG_ASIDE;
}

// Notes that the peer changes from row->seen.peer to that of the entry, both by UDP.
static void note_change(struct state_row *row, const struct entry *entry)
{
	struct state_other *other = &row->other;

	if (other->both)
		return;
	other->both = other->known && is_same_peer(&other->peer, &entry->peer);
	other->known = true;
	other->peer = row->seen.peer;
	other->time_us = row->seen.time_us;
}

void device_state_seen(
	struct device_states *states, int64_t device_id, const struct entry *entry, bool live)
{
	bool made;
	struct state_row *row = row_of(states, device_id, &made);
	struct state_seen *seen = &row->seen;

	if (is_aside(entry)) {
		row->other = (struct state_other){true, true, entry->peer, entry->received_us};
		return;
	}
	made = !seen->known;
	seen->known = true;
	if (!made && entry->peer.transport == TRANSPORT_UDP &&
		seen->peer.transport == TRANSPORT_UDP && !is_same_peer(&seen->peer, &entry->peer))
		note_change(row, entry);
	const bool tcp = entry->peer.transport == TRANSPORT_TCP &&
			 !(entry->kind == ENTRY_REPORT && entry->body.flags & FLAG_SHARED);

	if (made || entry->received_us >= seen->time_us)
		seen->time_us = entry->received_us;
	seen->protocol_len = copy_text(seen->protocol, sizeof(seen->protocol), entry->protocol);
	/* While a TCP connection is open, the peer stays its peer: the connection's end is found by it. */
	if (tcp || made || !seen->certain || !seen->open)
		seen->peer = entry->peer;
	if (tcp && live)
		seen->certain = seen->open = true;
}

bool device_state_disconnected(
	struct device_states *states, int64_t device_id, const struct entry *entry)
{
	const uint32_t found = states->slots[slot_of(states, device_id)];
	struct state_seen *seen = found ? &states->rows[found - 1].seen : NULL;

	if (!seen || !seen->certain)
		return false;
	/* The end of an older connection changes nothing. */
	if (!memcmp(seen->peer.address, entry->peer.address, sizeof(seen->peer.address)) &&
		seen->peer.port == entry->peer.port)
		seen->open = false;
	return true;
}

// Adds the telemetry that `from` has and `to` lacks.
static void complete(struct report_body *to, const struct report_body *from)
{
	const uint32_t missing = from->has & ~to->has & HAS_TELEMETRY;

	if (!missing)
		return;
	if (missing & HAS_IGNITION)
		to->flags |= from->flags & FLAG_IGNITION;
	if (missing & HAS_INPUTS)
		to->inputs = from->inputs;
	if (missing & HAS_OUTPUTS)
		to->outputs = from->outputs;
	for (unsigned i = 0; i < 4; i++)
		if (missing & (uint32_t)HAS_ADC1 << i)
			to->adc[i] = from->adc[i];
	if (missing & HAS_ODOMETER)
		to->odometer_m = from->odometer_m;
	if (missing & HAS_BATTERY_PERCENT)
		to->battery_percent = from->battery_percent;
	if (missing & HAS_BATTERY_V)
		to->battery_mv = from->battery_mv;
	if (missing & HAS_POWER_V)
		to->power_mv = from->power_mv;
	if (missing & HAS_GSM)
		to->gsm_percent = from->gsm_percent;
	to->has |= missing;
}

static void add_telemetry(
	struct state_telemetry *telemetry, const struct entry *entry, int64_t time_us)
{
	const bool newer = !telemetry->known || time_us >= telemetry->time_us;
	struct report_body body = entry->body;

	body.flags &= body.has & HAS_IGNITION ? FLAG_IGNITION : 0;
	if (newer) {
		complete(&body, &telemetry->body);
		telemetry->body = body;
		telemetry->time_us = time_us;
		telemetry->known = true;
	} else {
		complete(&telemetry->body, &body);
	}
	if (entry->event.len && (newer || !telemetry->event_len))
		telemetry->event_len =
			copy_text(telemetry->event, sizeof(telemetry->event), entry->event);
	if (entry->driver.len && (newer || !telemetry->driver_len))
		telemetry->driver_len =
			copy_text(telemetry->driver, sizeof(telemetry->driver), entry->driver);
}

void device_state_report(struct device_states *states, int64_t device_id, const struct entry *entry,
	struct fixed_time fixed)
{
	/* A record from the tracker's log without a plausible time may be of any age. */
	if ((fixed.source == TIME_RECEIVED && entry->body.flags & FLAG_STORED) || is_aside(entry))
		return;
	/* A stranger's datagram must not stay the newest while the device reports. */
	const int64_t ahead_us = fixed.time_us - entry->received_us;
	if (entry->peer.transport == TRANSPORT_UDP && ahead_us > UDP_AHEAD_US)
		fixed.time_us = entry->received_us;
	bool made;
	struct state_row *row = row_of(states, device_id, &made);
	if (entry->body.has & HAS_FIX && entry->body.flags & FLAG_VALID &&
		(!row->fix.known || fixed.time_us >= row->fix.time_us))
		row->fix = (struct state_fix){true, fixed.time_us, entry->body};
	add_telemetry(&row->telemetry, entry, fixed.time_us);
}
