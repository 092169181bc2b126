// SPDX-License-Identifier: MIT
// A journal entry's payload, version 1. Little-endian; offsets in bytes:
//
//    0       1           2          3              4           5           6            7
//   +-------+-----------+----------+--------------+-----------+-----------+------------+----------+
//   | kind  | transport | head_len | protocol_len | ident_len | event_len | driver_len | body_len |
//   +-------+-----------+----------+--------------+-----------+-----------+------------+----------+
//    8               10              12                                   16
//   +---------------+---------------+------------------------------------+
//   | extra_len u16 | port u16      | raw_len u32                        |
//   +---------------+---------------+------------------------------------+------------------------+
//   | received_us i64 (16..23)      | address, 16 bytes (24..39)                                  |
//   +-------------------------------+-------------------------------------------------------------+
//   head_len (40):  body, body_len bytes
//                     REPORT (96, or 112 with what it resolves): the bytes of struct report_body
//                                 (asserted below) | mark (16)
//                     REJECT (0, or 16 with what it resolves): mark
//                     DISCONNECTED (24): opened_us i64 | bytes u64 | frames u32 | rejects u32
//                     COMMAND (16): id i64 | attempts u32 | state u32
//                     MEDIA (40): key u64 | dedup u64 | taken_us i64 | lat_e7 i32 | lon_e7 i32 |
//                                 piece u16 | pieces u16 | camera i16 | flags u16
//                     HELD, RELEASED (16): mark: key u64 | number u32 | 0 u32
//                     MEDIA_PART (128): key u64 | announced_us i64 | number u32 | parts u32 | size u32 |
//                                 camera i16 | 0 u16 | report_body (96)
//                     others: none
//   then, back to back: protocol, ident, event (REPORT) or reason (others), driver, extra, raw
//
// kind: enum entry_kind. transport: 0 tcp, 1 udp. address: IPv6, IPv4 as ::ffff:a.b.c.d. port: host
// order. A later version may make head and body longer, never shorter; the offsets above stay.
#include "journal/entry.h"

#include <assert.h>
#include <string.h>

#define HEAD_LEN     40
#define TRAFFIC_LEN  24
#define CHANGE_LEN   16
#define MEDIA_LEN    40
#define MARK_LEN     16
#define PART_LEN     32 /* without the report_body after it */
#define PROTOCOL_MAX 32
#define REASON_MAX   128

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the journal is little-endian");

// The fields in the file have the order of the struct, without padding.
static_assert(sizeof(struct entry_head) == HEAD_LEN, "head");
static_assert(offsetof(struct entry_head, extra_len) == 8, "head");
static_assert(offsetof(struct entry_head, raw_len) == 12, "head");
static_assert(offsetof(struct entry_head, received_us) == 16, "head");
static_assert(offsetof(struct entry_head, address) == 24, "head");

#define AT(field, offset)                                                                          \
	static_assert(offsetof(struct report_body, field) == (offset), "report_body is a format")
AT(device_time_us, 0);
AT(odometer_m, 8);
AT(alarms, 16);
AT(dedup, 24);
AT(has, 32);
AT(lat_e7, 36);
AT(lon_e7, 40);
AT(altitude_m_e2, 44);
AT(speed_kmh_e2, 48);
AT(course_deg_e2, 52);
AT(hdop_e2, 54);
AT(adc, 56);
AT(inputs, 72);
AT(outputs, 76);
AT(battery_mv, 80);
AT(power_mv, 84);
AT(satellites, 88);
AT(battery_percent, 89);
AT(gsm_percent, 90);
AT(flags, 91);
AT(reserved, 92);
#define BODY_LEN 96
static_assert(sizeof(struct report_body) == BODY_LEN, "report_body is a format");

static_assert(sizeof(struct traffic) == TRAFFIC_LEN, "traffic is a format");
static_assert(offsetof(struct traffic, bytes) == 8, "traffic is a format");
static_assert(offsetof(struct traffic, frames) == 16, "traffic is a format");
static_assert(offsetof(struct traffic, rejects) == 20, "traffic is a format");

static_assert(sizeof(struct command_change) == CHANGE_LEN, "command_change is a format");
static_assert(offsetof(struct command_change, attempts) == 8, "command_change is a format");
static_assert(offsetof(struct command_change, state) == 12, "command_change is a format");

static_assert(sizeof(struct media_piece) == MEDIA_LEN, "media_piece is a format");
static_assert(offsetof(struct media_piece, dedup) == 8, "media_piece is a format");
static_assert(offsetof(struct media_piece, taken_us) == 16, "media_piece is a format");
static_assert(offsetof(struct media_piece, lat_e7) == 24, "media_piece is a format");
static_assert(offsetof(struct media_piece, lon_e7) == 28, "media_piece is a format");
static_assert(offsetof(struct media_piece, piece) == 32, "media_piece is a format");
static_assert(offsetof(struct media_piece, pieces) == 34, "media_piece is a format");
static_assert(offsetof(struct media_piece, camera) == 36, "media_piece is a format");
static_assert(offsetof(struct media_piece, flags) == 38, "media_piece is a format");

static_assert(sizeof(struct held_mark) == MARK_LEN, "held_mark is a format");
static_assert(offsetof(struct held_mark, number) == 8, "held_mark is a format");

static_assert(sizeof(struct media_part) == PART_LEN, "media_part is a format");
static_assert(offsetof(struct media_part, announced_us) == 8, "media_part is a format");
static_assert(offsetof(struct media_part, number) == 16, "media_part is a format");
static_assert(offsetof(struct media_part, parts) == 20, "media_part is a format");
static_assert(offsetof(struct media_part, size) == 24, "media_part is a format");
static_assert(offsetof(struct media_part, camera) == 28, "media_part is a format");

static_assert(HEAD_LEN + BODY_LEN + PART_LEN + PROTOCOL_MAX + IDENT_MAX + REASON_MAX + DRIVER_MAX +
			      EXTRA_MAX + ENTRY_RAW_MAX <=
		      ENTRY_SIZE_MAX,
	"ENTRY_SIZE_MAX");
static_assert(EXTRA_MAX <= UINT16_MAX && REASON_MAX <= UINT8_MAX, "lengths fit their fields");

const char *entry_command_state_name(enum command_state state)
{
	static const char *const names[COMMAND_STATES] = {
		[COMMAND_QUEUED] = "queued",
		[COMMAND_SENT] = "sent",
		[COMMAND_CONFIRMED] = "confirmed",
		[COMMAND_FAILED] = "failed",
		[COMMAND_EXPIRED] = "expired",
	};
	assert((unsigned)state < COMMAND_STATES);
	return names[state];
}

static size_t at_most(size_t len, size_t max)
{
	return len < max ? len : max;
}

// The members of struct entry that make up the bodies, one after another. The second is optional in a REPORT.
static const struct field {
	uint16_t at, len;
} fields[ENTRY_KINDS][2] = {
#define FIELD(member, size)                                                                        \
	{                                                                                          \
		offsetof(struct entry, member), size                                               \
	}
	[ENTRY_REPORT] = {FIELD(body, BODY_LEN), FIELD(mark, MARK_LEN)},
	[ENTRY_REJECT] = {FIELD(mark, MARK_LEN)},
	[ENTRY_DISCONNECTED] = {FIELD(traffic, TRAFFIC_LEN)},
	[ENTRY_COMMAND] = {FIELD(change, CHANGE_LEN)},
	[ENTRY_MEDIA] = {FIELD(media, MEDIA_LEN)},
	[ENTRY_HELD] = {FIELD(mark, MARK_LEN)},
	[ENTRY_MEDIA_PART] = {FIELD(part, PART_LEN), FIELD(body, BODY_LEN)},
	[ENTRY_RELEASED] = {FIELD(mark, MARK_LEN)},
#undef FIELD
};

// Returns true if the body ends with a mark only when there is something that the entry resolves.
static bool has_optional_mark(enum entry_kind kind)
{
	return kind == ENTRY_REPORT || kind == ENTRY_REJECT;
}

// Returns the least length of an entry's body.
static size_t body_len(enum entry_kind kind)
{
	return fields[kind][0].len + fields[kind][1].len -
	       (has_optional_mark(kind) ? (size_t)MARK_LEN : 0);
}

// This and other_head decide which fields an entry of each kind has, and what is cut.
struct entry_head entry_report_head(const struct report *report, int64_t received_us,
	const struct peer *peer, struct text protocol)
{
	struct entry_head head = {
		.kind = ENTRY_REPORT,
		.transport = peer->transport,
		.head_len = HEAD_LEN,
		.protocol_len = (uint8_t)at_most(protocol.len, PROTOCOL_MAX),
		.ident_len = (uint8_t)at_most(report->ident.len, IDENT_MAX),
		.event_len = (uint8_t)at_most(report->event.len, EVENT_MAX),
		.driver_len = (uint8_t)at_most(report->driver.len, DRIVER_MAX),
		.body_len = BODY_LEN,
		.extra_len = (uint16_t)at_most(report->extra.len, EXTRA_MAX),
		.port = peer->port,
		.raw_len = (uint32_t)at_most(report->raw.len, ENTRY_RAW_MAX),
		.received_us = received_us,
	};
	memcpy(head.address, peer->address, sizeof(head.address));
	return head;
}

static struct entry_head other_head(const struct entry *entry)
{
	const enum entry_kind kind = entry->kind;
	struct entry_head head = {
		.kind = (uint8_t)kind,
		.transport = entry->peer.transport,
		.head_len = HEAD_LEN,
		.protocol_len = (uint8_t)at_most(entry->protocol.len, PROTOCOL_MAX),
		.ident_len = (uint8_t)at_most(entry->ident.len, IDENT_MAX),
		.event_len = (uint8_t)at_most(entry->reason.len, REASON_MAX),
		.body_len = (uint8_t)body_len(kind),
		.port = entry->peer.port,
		.received_us = entry->received_us,
	};
	if (kind == ENTRY_COMMAND)
		head.extra_len = (uint16_t)at_most(entry->extra.len, EXTRA_MAX);
	if (kind == ENTRY_REJECT || kind == ENTRY_MEDIA || kind == ENTRY_HELD ||
		kind == ENTRY_MEDIA_PART)
		head.raw_len = (uint32_t)at_most(entry->raw.len, ENTRY_RAW_MAX);
	memcpy(head.address, entry->peer.address, sizeof(head.address));
	return head;
}

static struct report report_of(const struct entry *entry)
{
	return (struct report){.body = entry->body,
		.ident = entry->ident,
		.event = entry->event,
		.driver = entry->driver,
		.extra = entry->extra,
		.raw = entry->raw};
}

static struct entry_head head_of(const struct entry *entry)
{
	struct entry_head head;
	if (entry->kind == ENTRY_REPORT) {
		const struct report report = report_of(entry);
		head = entry_report_head(
			&report, entry->received_us, &entry->peer, entry->protocol);
	} else {
		head = other_head(entry);
	}
	if (has_optional_mark(entry->kind) && entry->mark.key)
		head.body_len += MARK_LEN;
	return head;
}

size_t entry_size(const struct entry *entry)
{
	const struct entry_head head = head_of(entry);
	return entry_head_size(&head);
}

// Copies a text and returns the byte after it. Most texts have at most 16 bytes: two overlapping copies of
// fixed size are faster than a call.
static inline uint8_t *put(uint8_t *at, const char *data, size_t len)
{
	if (len >= 8 && len <= 16) {
		uint64_t first, last;
		memcpy(&first, data, 8);
		memcpy(&last, data + len - 8, 8);
		memcpy(at, &first, 8);
		memcpy(at + len - 8, &last, 8);
	} else if (len >= 4 && len < 8) {
		uint32_t first, last;
		memcpy(&first, data, 4);
		memcpy(&last, data + len - 4, 4);
		memcpy(at, &first, 4);
		memcpy(at + len - 4, &last, 4);
	} else if (len > 16) {
		memcpy(at, data, len);
	} else {
		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)data[i];
	}
	return at + len;
}

void entry_report_write(const struct report *report, struct text protocol,
	const struct entry_head *head, uint8_t *out)
{
	memcpy(out, head, HEAD_LEN);
	memcpy(out + HEAD_LEN, &report->body, BODY_LEN);
	out += HEAD_LEN + BODY_LEN;
	out = put(out, protocol.data, head->protocol_len);
	out = put(out, report->ident.data, head->ident_len);
	out = put(out, report->event.data, head->event_len);
	out = put(out, report->driver.data, head->driver_len);
	out = put(out, report->extra.data, head->extra_len);
	put(out, report->raw.data, head->raw_len);
}

void entry_write(const struct entry *entry, uint8_t *out)
{
	const struct entry_head head = head_of(entry);
	const bool report = entry->kind == ENTRY_REPORT;
	const struct text name = report ? entry->event : entry->reason;
	const uint8_t *body_end = out + HEAD_LEN + head.body_len;
	memcpy(out, &head, HEAD_LEN);
	out += HEAD_LEN;
	for (const struct field *field = fields[entry->kind]; out < body_end; field++) {
		memcpy(out, (const char *)entry + field->at, field->len);
		out += field->len;
	}
	out = put(out, entry->protocol.data, head.protocol_len);
	out = put(out, entry->ident.data, head.ident_len);
	out = put(out, name.data, head.event_len);
	out = put(out, entry->driver.data, head.driver_len);
	out = put(out, entry->extra.data, head.extra_len);
	put(out, entry->raw.data, head.raw_len);
}

// Returns true if entry_write, of this version or a later one, could have written this head.
static bool is_sound(const struct entry_head *head)
{
	bool report = head->kind == ENTRY_REPORT;
	return head->kind >= ENTRY_REPORT && head->kind < ENTRY_KINDS &&
	       head->transport <= TRANSPORT_UDP && head->head_len >= HEAD_LEN &&
	       head->body_len >= body_len(head->kind) && head->protocol_len <= PROTOCOL_MAX &&
	       head->ident_len <= IDENT_MAX &&
	       head->event_len <= (report ? EVENT_MAX : REASON_MAX) &&
	       head->driver_len <= DRIVER_MAX && head->extra_len <= EXTRA_MAX &&
	       head->raw_len <= ENTRY_RAW_MAX;
}

static struct text read_text(const uint8_t **at, size_t len)
{
	struct text text = {(const char *)*at, len};
	*at += len;
	return text;
}

bool entry_read(const uint8_t *data, size_t len, struct entry *entry)
{
	struct entry_head head;
	if (len < HEAD_LEN)
		return false;
	memcpy(&head, data, HEAD_LEN);
	if (!is_sound(&head) || entry_head_size(&head) != len)
		return false;

	*entry = (struct entry){.kind = head.kind, .received_us = head.received_us};
	memcpy(entry->peer.address, head.address, sizeof(head.address));
	entry->peer.port = head.port;
	entry->peer.transport = head.transport;
	const uint8_t *at = data + head.head_len;
	if (head.kind == ENTRY_REPORT) // nearly all are: copied without a call
		memcpy(&entry->body, at, BODY_LEN);
	size_t offset = head.kind == ENTRY_REPORT ? BODY_LEN : 0;
	for (const struct field *field = &fields[head.kind][offset > 0];
		field < fields[head.kind] + 2 && offset + field->len <= head.body_len; field++) {
		memcpy((char *)entry + field->at, at + offset, field->len);
		offset += field->len;
	}
	if (head.kind == ENTRY_MEDIA && entry->media.piece >= entry->media.pieces)
		return false;
	if (head.kind == ENTRY_MEDIA_PART && entry->part.number >= entry->part.parts)
		return false;
	if (head.kind == ENTRY_COMMAND && entry->change.state >= COMMAND_STATES)
		return false;
	at += head.body_len;
	entry->protocol = read_text(&at, head.protocol_len);
	entry->ident = read_text(&at, head.ident_len);
	*(head.kind == ENTRY_REPORT ? &entry->event : &entry->reason) =
		read_text(&at, head.event_len);
	entry->driver = read_text(&at, head.driver_len);
	entry->extra = read_text(&at, head.extra_len);
	entry->raw = read_text(&at, head.raw_len);
	return true;
}
