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
		log_fatal("out of memory for=\"batch\"");
	states->rows = rows;
	states->cap = cap;
}

struct device_states *device_state_new(void)
{
	struct device_states *states = calloc(1, sizeof(*states));
	if (!states)
		log_fatal("out of memory for=\"batch\"");
	allocate(states, FIRST_CAP);
	return states;
}

void device_state_free(struct device_states *states)
{
	if (!states)
		return;
	free(states->rows);
	free(states->slots);
	free(states->ends);
	free(states);
}

void device_state_clear(struct device_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		states->slots[states->rows[i].slot] = 0;
	states->count = states->end_count = 0;
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

// Notes that the device is heard from this peer next; it matters if that and row->seen.peer are different ones by UDP.
static void note_change(struct state_row *row, const struct peer *next)
{
	struct state_other *other = &row->other;

	if (row->seen.peer.transport != TRANSPORT_UDP || next->transport != TRANSPORT_UDP ||
		is_same_peer(&row->seen.peer, next) || other->both)
		return;
	other->both = other->known && is_same_peer(&other->peer, next);
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
	if (!made)
		note_change(row, &entry->peer);
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

static bool same_address(const struct peer *a, const struct peer *b)
{
	return memcmp(a->address, b->address, sizeof(a->address)) == 0 && a->port == b->port;
}

void device_state_disconnected(
	struct device_states *states, int64_t device_id, const struct peer *peer)
{
	const uint32_t found = states->slots[slot_of(states, device_id)];
	struct state_seen *seen = found ? &states->rows[found - 1].seen : NULL;

	if (seen && seen->certain) {
		/* The end of an older connection changes nothing. */
		if (same_address(&seen->peer, peer))
			seen->open = false;
		return;
	}
	if (states->end_count == states->end_cap) {
		states->end_cap = states->end_cap ? states->end_cap * 2 : 16;
		states->ends = realloc(states->ends, states->end_cap * sizeof(*states->ends));
		if (!states->ends)
			log_fatal("out of memory for=\"batch\"");
	}
	states->ends[states->end_count++] = (struct state_end){device_id, *peer};
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

static void add_text(char *to, uint8_t *to_len, size_t cap, struct text text, bool newer)
{
	if (text.len && (newer || !*to_len))
		*to_len = copy_text(to, cap, text);
}

// body: telemetry only.
static void add_telemetry(struct state_telemetry *telemetry, struct report_body body,
	struct text event, struct text driver, int64_t time_us)
{
	const bool newer = !telemetry->known || time_us >= telemetry->time_us;

	if (newer) {
		complete(&body, &telemetry->body);
		telemetry->body = body;
		telemetry->time_us = time_us;
		telemetry->known = true;
	} else {
		complete(&telemetry->body, &body);
	}
	add_text(telemetry->event, &telemetry->event_len, sizeof(telemetry->event), event, newer);
	add_text(telemetry->driver, &telemetry->driver_len, sizeof(telemetry->driver), driver,
		newer);
}

static void add_fix(struct state_fix *fix, const struct report_body *body, int64_t time_us)
{
	if (!fix->known || time_us >= fix->time_us)
		*fix = (struct state_fix){true, time_us, *body};
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
	if (entry->body.has & HAS_FIX && entry->body.flags & FLAG_VALID)
		add_fix(&row->fix, &entry->body, fixed.time_us);
	struct report_body body = entry->body;
	body.flags &= body.has & HAS_IGNITION ? FLAG_IGNITION : 0;
	add_telemetry(&row->telemetry, body, entry->event, entry->driver, fixed.time_us);
}

// ---- merging

// Call it before merge_seen.
static void merge_other(struct state_row *row, const struct state_row *next)
{
	const struct state_other *other = &next->other;

	if (other->both) {
		row->other = *other;
		return;
	}
	if (row->other.both || !next->seen.known)
		return;
	if (!row->seen.known) {
		row->other = *other;
		return;
	}
	/* The next range has other->peer, if that is known, and then next->seen.peer. */
	note_change(row, other->known ? &other->peer : &next->seen.peer);
	if (!other->known || row->other.both)
		return;
	row->other = (struct state_other){true,
		row->other.known && is_same_peer(&row->other.peer, &next->seen.peer), other->peer,
		other->time_us};
}

static void merge_seen(struct state_seen *seen, const struct state_seen *next)
{
	if (!next->known)
		return;
	if (!seen->known) {
		*seen = *next;
		return;
	}
	if (next->time_us >= seen->time_us)
		seen->time_us = next->time_us;
	seen->protocol_len = copy_text(seen->protocol, sizeof(seen->protocol),
		(struct text){next->protocol, next->protocol_len});
	if (next->certain) {
		seen->peer = next->peer;
		seen->certain = true;
		seen->open = next->open;
	} else if (!seen->certain || !seen->open) {
		seen->peer = next->peer;
	}
}

static void merge_row(struct device_states *states, const struct state_row *next)
{
	bool made;
	struct state_row *row = row_of(states, next->device_id, &made);
	const struct state_telemetry *telemetry = &next->telemetry;

	merge_other(row, next);
	merge_seen(&row->seen, &next->seen);
	if (next->fix.known)
		add_fix(&row->fix, &next->fix.body, next->fix.time_us);
	if (telemetry->known)
		add_telemetry(&row->telemetry, telemetry->body,
			(struct text){telemetry->event, telemetry->event_len},
			(struct text){telemetry->driver, telemetry->driver_len},
			telemetry->time_us);
}

void device_state_merge(struct device_states *states, const struct device_states *next)
{
	for (size_t i = 0; i < next->end_count; i++)
		device_state_disconnected(states, next->ends[i].device_id, &next->ends[i].peer);
	for (size_t i = 0; i < next->count; i++)
		merge_row(states, &next->rows[i]);
}

void device_state_cut(struct device_states *states, size_t count)
{
	for (size_t i = count; i < states->count; i++)
		states->slots[states->rows[i].slot] = 0;
	if (count < states->count)
		states->count = count;
	states->end_count = 0;
}
