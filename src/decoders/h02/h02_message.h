// SPDX-License-Identifier: MIT
// A text message of the H02 while it is decoded, for the files that decode its parts.
#ifndef AVLD_DECODERS_H02_MESSAGE_H
#define AVLD_DECODERS_H02_MESSAGE_H

#include "decoders/fields.h"
#include "decoders/h02/h02_report.h"

#define H02_TYPE  2 /* fields, counted from the letters */
#define H02_FIRST 3

// The frame being decoded.
struct h02_message {
	struct session *session;
	struct report *report;
	struct decoded *out;
	struct fields fields;
	const char *bad; /* the field that is out of range */
};

static inline struct text h02_message_get(const struct h02_message *message, size_t index)
{
	return fields_get(&message->fields, index);
}

static inline void h02_message_set_time(
	const struct h02_message *message, struct text date, struct text clock)
{
	int64_t date_us, clock_us;
	if (clock.len == 6 && text_hhmmss(clock, &clock_us) && text_ddmmyy(date, &date_us))
		report_set_time(message->report, date_us + clock_us);
}

static inline void h02_message_set_status(const struct h02_message *message, struct text word)
{
	uint64_t value;
	if (word.len > 0 && text_hex(word, &value))
		h02_report_status(
			message->session, message->report, (uint32_t)value, word, message->out);
}

static inline void h02_message_add_text(
	const struct h02_message *message, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(message->out, message->report, name, text.data, text.len);
}

static inline bool h02_message_is_date(struct text text)
{
	return text.len == 0 || fields_is_digits(text, 6, 6);
}

static inline bool h02_message_is_word(struct text text)
{
	return fields_is_hex(text, 8, 8);
}

static inline bool h02_message_decimal(struct text text, size_t most, uint64_t *value)
{
	return fields_is_digits(text, 1, most) && text_uint(text, value);
}

#endif
