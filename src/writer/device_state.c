// SPDX-License-Identifier: MIT
// One row a device, found through an open-addressing table of row numbers.
#include "writer/device_state.h"

#include "util/log.h"

#include <stdlib.h>

#define PROTOCOL_MAX 32

#define HAS_TELEMETRY                                                                              \
	(HAS_IGNITION | HAS_INPUTS | HAS_OUTPUTS | HAS_ADC1 | HAS_ADC2 | HAS_ADC3 | HAS_ADC4 |     \
		HAS_ODOMETER | HAS_BATTERY_PERCENT | HAS_BATTERY_V | HAS_POWER_V | HAS_GSM)

struct seen {
	int64_t time_us; /* receipt of the newest frame */
	struct peer peer;
	bool certain; /* a connection was seen open in this batch: `open` is the truth */
	bool open;
	uint8_t protocol_len;
	char protocol[PROTOCOL_MAX];
};

struct fix {
	bool known;
	int64_t time_us;
	struct report_body body; /* only where it was and how it moved */
};

struct telemetry {
	bool known;
	uint8_t event_len;
	uint8_t driver_len;
	int64_t time_us;
	struct report_body body; /* only what HAS_TELEMETRY speaks of */
	char event[EVENT_MAX];
	char driver[DRIVER_MAX];
};

struct row {
	int64_t device_id;
	size_t slot;
	struct seen seen;
	struct fix fix;
	struct telemetry telemetry;
};

struct device_states {
	struct row *rows;
	size_t count, cap;
	uint32_t *slots; /* number of a row + 1, or 0; twice `cap` of them, a power of two */
};

#define FIRST_CAP 256

static void allocate(struct device_states *latest, size_t cap)
{
	struct row *rows = realloc(latest->rows, cap * sizeof(*rows));
	free(latest->slots);
	latest->slots = calloc(cap * 2, sizeof(*latest->slots));
	if (!rows || !latest->slots)
		log_fatal("out of memory: batch");
	latest->rows = rows;
	latest->cap = cap;
}

struct device_states *device_state_new(void)
{
	struct device_states *latest = calloc(1, sizeof(*latest));
	if (!latest)
		log_fatal("out of memory: batch");
	allocate(latest, FIRST_CAP);
	return latest;
}

void device_state_free(struct device_states *latest)
{
	if (!latest)
		return;
	free(latest->rows);
	free(latest->slots);
	free(latest);
}

void device_state_clear(struct device_states *latest)
{
	for (size_t i = 0; i < latest->count; i++)
		latest->slots[latest->rows[i].slot] = 0;
	latest->count = 0;
}

// The slot of the device's row, or the free one where it would be. Ids are consecutive numbers:
// spread them.
static size_t slot_of(const struct device_states *latest, int64_t device_id)
{
	const size_t mask = latest->cap * 2 - 1;
	size_t slot = (size_t)(((uint64_t)device_id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
	while (latest->slots[slot] && latest->rows[latest->slots[slot] - 1].device_id != device_id)
		slot = (slot + 1) & mask;
	return slot;
}

static void enlarge(struct device_states *latest)
{
	allocate(latest, latest->cap * 2);
	for (size_t i = 0; i < latest->count; i++) {
		latest->rows[i].slot = slot_of(latest, latest->rows[i].device_id);
		latest->slots[latest->rows[i].slot] = (uint32_t)i + 1;
	}
}

// The device's row; made from the entry if the batch has none yet.
static struct row *row_of(struct device_states *latest, int64_t device_id, bool *made)
{
	size_t slot = slot_of(latest, device_id);
	*made = !latest->slots[slot];
	if (!*made)
		return &latest->rows[latest->slots[slot] - 1];
	if (latest->count == latest->cap) {
		enlarge(latest);
		slot = slot_of(latest, device_id);
	}
	struct row *row = &latest->rows[latest->count++];
	latest->slots[slot] = (uint32_t)latest->count;
	memset(row, 0, sizeof(*row));
	row->device_id = device_id;
	row->slot = slot;
	return row;
}

static uint8_t keep(char *to, size_t cap, struct text text)
{
	const size_t len = text.len < cap ? text.len : cap;
	if (len)
		memcpy(to, text.data, len);
	return (uint8_t)len;
}

void device_state_seen(
	struct device_states *latest, int64_t device_id, const struct entry *entry, bool live)
{
	bool made;
	struct seen *seen = &row_of(latest, device_id, &made)->seen;
	const bool tcp = entry->peer.transport == TRANSPORT_TCP &&
			 !(entry->kind == ENTRY_REPORT && entry->body.flags & FLAG_SHARED);

	if (made || entry->received_us >= seen->time_us)
		seen->time_us = entry->received_us;
	seen->protocol_len = keep(seen->protocol, sizeof(seen->protocol), entry->protocol);
	/* While a TCP connection is open the peer is its peer: by that its end is known. */
	if (tcp || made || !seen->certain || !seen->open)
		seen->peer = entry->peer;
	if (tcp && live)
		seen->certain = seen->open = true;
}

bool device_state_disconnected(
	struct device_states *latest, int64_t device_id, const struct entry *entry)
{
	const uint32_t found = latest->slots[slot_of(latest, device_id)];
	struct seen *seen = found ? &latest->rows[found - 1].seen : NULL;

	if (!seen || !seen->certain)
		return false;
	/* The end of another connection than the newest changes nothing. */
	if (!memcmp(seen->peer.address, entry->peer.address, sizeof(seen->peer.address)) &&
		seen->peer.port == entry->peer.port)
		seen->open = false;
	return true;
}

// What `to` lacks and `from` has.
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

static void take_telemetry(struct telemetry *telemetry, const struct entry *entry, int64_t time_us)
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
			keep(telemetry->event, sizeof(telemetry->event), entry->event);
	if (entry->driver.len && (newer || !telemetry->driver_len))
		telemetry->driver_len =
			keep(telemetry->driver, sizeof(telemetry->driver), entry->driver);
}

void device_state_report(struct device_states *latest, int64_t device_id, const struct entry *entry,
	struct fixed_time fixed)
{
	/* A record out of the log without a sound time says nothing about now. */
	if (fixed.source == TIME_RECEIVED && entry->body.flags & FLAG_STORED)
		return;
	bool made;
	struct row *row = row_of(latest, device_id, &made);
	if (entry->body.has & HAS_FIX && entry->body.flags & FLAG_VALID &&
		(!row->fix.known || fixed.time_us >= row->fix.time_us))
		row->fix = (struct fix){true, fixed.time_us, entry->body};
	take_telemetry(&row->telemetry, entry, fixed.time_us);
}

const char device_state_columns[] =
	"device_id, last_seen, protocol, transport, peer, connected, "
	"instance, fixed_at, latitude, longitude, "
	"altitude_m, speed_kmh, course_deg, satellites, hdop, telemetry_at, "
	"event, ignition, inputs, outputs, "
	"adc1, adc2, adc3, adc4, odometer_m, battery_percent, battery_v, "
	"power_v, gsm_percent, driver";
#define COLUMNS 30

static uint8_t *put_seen(uint8_t *out, const struct seen *seen, struct text instance)
{
	char peer[PEER_TEXT_MAX];
	const char *transport = peer_transport_name(seen->peer.transport);

	peer_text(&seen->peer, peer);
	out = pgcopy_put_time(out, seen->time_us);
	out = pgcopy_put_text(out, (struct text){seen->protocol, seen->protocol_len});
	out = pgcopy_put_text(out, (struct text){transport, strlen(transport)});
	out = pgcopy_put_text(out, (struct text){peer, strlen(peer)});
	out = pgcopy_put_bool(out, seen->certain && seen->open);
	return seen->certain ? pgcopy_put_text_always(out, instance) : pgcopy_put_null(out);
}

static uint8_t *put_fix(uint8_t *out, const struct fix *fix)
{
	if (!fix->known) {
		for (int i = 0; i < 8; i++)
			out = pgcopy_put_null(out);
		return out;
	}
	out = pgcopy_put_time(out, fix->time_us);
	out = pgcopy_put_double(out, fix->body.lat_e7 / 1e7);
	out = pgcopy_put_double(out, fix->body.lon_e7 / 1e7);
	return pgcopy_put_motion(out, &fix->body);
}

static uint8_t *put_telemetry(uint8_t *out, const struct telemetry *telemetry)
{
	if (!telemetry->known) {
		for (int i = 0; i < 15; i++)
			out = pgcopy_put_null(out);
		return out;
	}
	out = pgcopy_put_time(out, telemetry->time_us);
	out = pgcopy_put_text(out, (struct text){telemetry->event, telemetry->event_len});
	out = pgcopy_put_telemetry(out, &telemetry->body);
	return pgcopy_put_text(out, (struct text){telemetry->driver, telemetry->driver_len});
}

void device_state_write(
	const struct device_states *latest, const char *instance, struct pgcopy *copy)
{
	const struct text name = {instance, strlen(instance)};
	const size_t size = COLUMNS * PGCOPY_FIELD_MAX + PROTOCOL_MAX + PEER_TEXT_MAX + EVENT_MAX +
			    DRIVER_MAX + name.len;

	for (size_t i = 0; i < latest->count; i++) {
		const struct row *row = &latest->rows[i];
		uint8_t *out = pgcopy_row(copy, COLUMNS, size, 0);
		out = pgcopy_put_int8(out, row->device_id);
		out = put_seen(out, &row->seen, name);
		out = put_fix(out, &row->fix);
		out = put_telemetry(out, &row->telemetry);
		pgcopy_row_end(copy, out);
	}
}
