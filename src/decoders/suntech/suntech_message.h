// SPDX-License-Identifier: MIT
// A message of a Suntech while it is decoded, and the fields that several layouts share.
#ifndef AVLD_DECODERS_SUNTECH_MESSAGE_H
#define AVLD_DECODERS_SUNTECH_MESSAGE_H

#include "decoders/suntech/suntech_head.h"

#define SUNTECH_NAME_MOST 40   /* bytes of a member's name with a number */
#define SUNTECH_KEPT_MOST 1024 /* bytes kept as hex */

struct suntech_message {
	struct session *session;
	struct decoded *out;
	struct report *report;    /* NULL before suntech_message_begin */
	struct text raw;          /* the frame */
	struct text text;         /* without its CR; of a binary frame, the whole */
	struct suntech_head head; /* of a text */
	struct fields fields;     /* of a text */
};

// Adds the report.
void suntech_message_begin(struct suntech_message *m, struct text event);

// Returns a field, empty if there is none.
static inline struct text suntech_message_get(const struct suntech_message *m, size_t index)
{
	return fields_get(&m->fields, index);
}

// Returns true for digits, a point and digits: at most so many before and after it.
bool suntech_message_is_fixed(struct text text, size_t most_before, size_t most_after);

// Adds a text, unless it is empty or has separators only.
void suntech_message_keep(const struct suntech_message *m, const char *name, struct text text);
// Adds the first SUNTECH_KEPT_MOST bytes as hex, unless there are none.
void suntech_message_keep_bytes(const struct suntech_message *m, const void *data, size_t len);
// Adds a number, or a text if it has other characters than digits; nothing if it is empty.
void suntech_message_add(const struct suntech_message *m, const char *name, struct text text);
// Writes prefix, number and suffix with a NUL. Returns out.
const char *suntech_message_name(
	char out[SUNTECH_NAME_MOST], const char *prefix, uint64_t number, const char *suffix);

// Set fields from texts, if these fit. stored: "0" for what comes from the tracker's memory.
void suntech_message_set_time(const struct suntech_message *m, struct text date, struct text clock);
void suntech_message_set_satellites(const struct suntech_message *m, struct text text);
void suntech_message_set_odometer(const struct suntech_message *m, struct text text);
void suntech_message_set_power(const struct suntech_message *m, struct text text);
void suntech_message_set_battery(const struct suntech_message *m, struct text text);
void suntech_message_set_stored(const struct suntech_message *m, struct text text);
void suntech_message_set_minutes(const struct suntech_message *m, struct text text);
// Sets the driver, unless the text has zeros only.
void suntech_message_set_driver(const struct suntech_message *m, struct text text);

struct suntech_place {
	struct text lat, lon, speed, course; /* degrees with a sign, km/h */
	bool valid;
};
// Sets the place and, if it has one, speed and course.
void suntech_message_set_place(const struct suntech_message *m, const struct suntech_place *place);
// The same from numbers: 1e-7 degree, 0.01 km/h, 0.01 degree. SUNTECH_NO: unknown.
#define SUNTECH_NO INT64_MIN
void suntech_message_set_fix(const struct suntech_message *m, int64_t lat_e7, int64_t lon_e7,
	bool valid, int64_t speed_e2, int64_t course_e2);

// A cell and its level; SUNTECH_NO: unknown.
struct suntech_cell {
	int64_t mcc, mnc, lac, cid, rssi;
};
void suntech_message_add_cell(const struct suntech_message *m, const struct suntech_cell *cell);
// The same from fields in the order cid (hex), mcc, mnc, lac (hex), level.
void suntech_message_add_hex_cell(const struct suntech_message *m, const struct text fields[5]);

// Add the id of an emergency or alert, and what it means.
void suntech_message_set_emergency(const struct suntech_message *m, struct text id);
void suntech_message_set_alert(const struct suntech_message *m, struct text id);

// Sends "ST300CMD;<id>;02;AckEmerg" once the report is stored.
void suntech_message_answer_emergency(const struct suntech_message *m);
// Sends "ST300ACK;<id>", or "ACK;<id>" without a family, once the report is stored, if it came in a datagram.
void suntech_message_acknowledge(const struct suntech_message *m, struct text family);

#endif
