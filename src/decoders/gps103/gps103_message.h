// SPDX-License-Identifier: MIT
// A GPS103's sentence while it is decoded: its fields, and what several layouts have in common.
#ifndef AVLD_DECODERS_GPS103_MESSAGE_H
#define AVLD_DECODERS_GPS103_MESSAGE_H

#include "decoders/fields.h"

// session.memo: quarters of an hour from UTC to the device's clock, plus 49 (1..97); 0: unknown.
#define GPS103_MEMO_ZONE 0

// Fields, counted from imei:id.
#define GPS103_KEYWORD 1
#define GPS103_LOCAL   2 /* time */
#define GPS103_FOURTH  3
#define GPS103_TYPE    4 /* F: GPS, L: none */
#define GPS103_UTC     5

#define GPS103_MILEAGE_MOST 2000000 /* km */

struct gps103_message {
	struct session *session;
	const struct fields *fields;
	struct text keyword; /* without blanks around it */
	struct report *report;
	struct decoded *out;
	bool has_temp; /* the keyword has the temperature */
};

// Whether the fields are those of a layout. Unless YES, nothing has been set.
enum gps103_fit {
	GPS103_FIT_NO,
	GPS103_FIT_BAD, /* a coordinate is out of range: out->detail names it */
	GPS103_FIT_YES,
};

static inline struct text gps103_message_get(const struct gps103_message *m, size_t index)
{
	return fields_get(m->fields, index);
}

static inline void gps103_message_add_text(
	const struct gps103_message *m, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(m->out, m->report, name, text.data, text.len);
}

static inline void gps103_message_add_number(
	const struct gps103_message *m, const char *name, struct text text)
{
	fields_add_number(m->out, m->report, name, text);
}

static inline bool gps103_message_is_bit(struct text text)
{
	return fields_is_letter(text, '0') || fields_is_letter(text, '1');
}

// Removes a '%' at the end. Returns false if there is none.
bool gps103_message_cut_percent(struct text *text);
// Adds a number of 0..100 without sign, if the text is one.
void gps103_message_add_percent(
	const struct gps103_message *m, const char *name, struct text number);
// Does the same for "45.20%". Returns false for a text that does not end with '%'.
bool gps103_message_add_marked_percent(
	const struct gps103_message *m, const char *name, struct text text);

// Adds the fields from index `at` to the end as they are, unless all are empty.
void gps103_message_add_unknown(const struct gps103_message *m, size_t at);

// Sets the time from the device's clock and UTC's time of day, and remembers the zone.
void gps103_message_set_gps_time(const struct gps103_message *m);
// Sets the time of a sentence without UTC.
void gps103_message_set_local_time(const struct gps103_message *m);

#endif
