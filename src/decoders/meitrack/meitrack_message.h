// SPDX-License-Identifier: MIT
// A message of a Meitrack while it is decoded, and the fields that its layouts share.
#ifndef AVLD_DECODERS_MEITRACK_MESSAGE_H
#define AVLD_DECODERS_MEITRACK_MESSAGE_H

#include "decoders/fields.h"
#include "decoders/meitrack/meitrack_frame.h"

#define MEITRACK_KEPT_MOST 2000      /* bytes kept as hex or text */
#define MEITRACK_NONE      INT64_MIN /* an absent number */

#define MEITRACK_NUMBERS_MOST 10 /* digits of an event or driver */

// Bytes of the session's memo.
#define MEITRACK_MEMO_GARBAGE 0 /* 2: undecodable bytes in a row */
#define MEITRACK_MEMO_SERIAL  2 /* 1: commands sent */
#define MEITRACK_MEMO_LATE    4 /* 4 and 8, see meitrack_photo.c */

struct meitrack_message {
	struct session *session;
	struct decoded *out;
	struct report *report; /* the newest; NULL before meitrack_message_begin */
	struct text raw;       /* the frame */
	struct text content;   /* from the command to the * */
	struct text command;   /* "AAA" */
	struct text data;      /* after the comma behind it; data NULL: there is none */
	char flag;
};

// Adds a report. key: the bytes that identify it. Returns false if there is no room.
bool meitrack_message_begin(struct meitrack_message *m, struct text key, struct text raw);

// Returns a whole frame with one record of a frame that has more; data NULL: no room. head: the bytes between command and
// records, with the comma.
struct text meitrack_message_cut(
	const struct meitrack_message *m, const char *head, size_t head_len, struct text record);

// Acknowledges so many records, or whatever the command counts.
void meitrack_message_answer(
	const struct meitrack_message *m, enum reply_when when, uint64_t count);

// Adds the first MEITRACK_KEPT_MOST bytes as hex, unless there are none.
void meitrack_message_keep_bytes(const struct meitrack_message *m, struct text bytes);

// Writes the number of an event to room, of MEITRACK_NUMBERS_MOST bytes, and makes it the event.
void meitrack_message_set_event(const struct meitrack_message *m, char *room, uint32_t event);

// Adds the alarm of an event. Event 126 is a general one.
#define MEITRACK_CAMERA 126
void meitrack_message_add_alarm(const struct meitrack_message *m, uint32_t event);

// Numbers or MEITRACK_NONE. An HDOP of 0 is none.
struct meitrack_place {
	int64_t lat_e7, lon_e7;
	bool valid;
	int64_t kmh_e2, course_e2, altitude_e2, hdop_e2;
};
// Sets the place and what belongs to it. 0/0 that is not valid is no place.
void meitrack_message_set_place(
	const struct meitrack_message *m, const struct meitrack_place *place);

void meitrack_message_set_gsm(const struct meitrack_message *m, int64_t level);

// Seconds since 2000.
int64_t meitrack_message_time_us(uint32_t seconds);
// Adds a time as text: "2026-03-14T09:37:00Z".
void meitrack_message_add_time(const struct meitrack_message *m, const char *name, int64_t time_us);

// Numbers or MEITRACK_NONE. Returns true if country and network are possible.
bool meitrack_message_is_network(int64_t mcc, int64_t mnc);
void meitrack_message_add_cell(
	const struct meitrack_message *m, int64_t mcc, int64_t mnc, int64_t lac, int64_t cid);

// Sets battery, power and ADC 1 to 3 from the converter's numbers, or MEITRACK_NONE. Returns false, and sets nothing, if their
// scale is unknown.
bool meitrack_message_set_volts(
	const struct meitrack_message *m, int64_t battery, int64_t power, const int64_t ads[3]);

#endif
