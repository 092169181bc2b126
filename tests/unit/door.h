// SPDX-License-Identifier: MIT
// A decoder of lines, for the replies that no real decoder uses yet. Including this file puts it in the table of decoders,
// behind the real ones.
//
//   !L<ident> LF   log-in: a report; replies "ok" now, "st" stored, "no" if refused
//   !P... LF       a report, after the log-in; up to FRAME_MOST bytes
//   !C LF          replies "bye" and asks to close
//   !A<ident>,<password> LF   log-in with a password: replies "ok" now, "no" if refused; no report
//   !D<ident>,<password> LF   the same with a report
//   !F<ident>,<password> LF   the same, and the password is in the arena
//   !E<password> LF           a password in the arena, its bytes in reverse; no report
//   !O<ident> LF              two reports, the second of another device
//   !R<count> LF   so many reports, each tenth with an impossible position; replies their number, two bytes, stored. After
//                  !R<count>F LF the last one has no ident
//   !S<len> LF     a report; replies so many bytes "s" stored
//   !M<ident> LF   log-in: replies "MODEL/PROTOCOL", what is set for the device
//   !W             without LF: open; framing is lost if nothing follows
#ifndef AVLD_DOOR_H
#define AVLD_DOOR_H

#include "decoders/decoders.h"
#include "feed/registry_decoders.h"

#include <stdlib.h>
#include <string.h>

static enum probe door_probe(const uint8_t *data, size_t len, bool datagram)
{
	(void)len;
	(void)datagram;
	return data[0] == '!' ? PROBE_YES : PROBE_NO;
}

static struct frame door_frame(struct session *session, const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	if (!end && len > 1 && data[1] == 'W')
		return session->quiet ? (struct frame){FRAME_BAD, len}
				      : (struct frame){FRAME_OPEN, len + 1};
	return end ? (struct frame){FRAME_OK, (size_t)(end - data) + 1}
		   : (struct frame){FRAME_MORE, len + 1};
}

static enum decode_status door_records(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const unsigned long count = strtoul((const char *)data + 2, NULL, 10);
	for (unsigned long i = 0; i < count; i++) {
		struct report *report = decoded_report(out, session);
		if (!report) {
			decoded_reject(out, DECODE_DETAIL, "too many records", data, len);
			break;
		}
		report->raw = report->key = (struct text){(const char *)data, len};
		report_set_fix(report, i % 10 == 9 ? INT64_MAX : 0, 0, true);
		if (i == count - 1 && data[len - 2] == 'F')
			report->ident = (struct text){0};
	}
	const uint8_t number[] = {(uint8_t)(out->report_count >> 8), (uint8_t)out->report_count};
	decoded_reply(out, REPLY_STORED, number, sizeof(number));
	return DECODE_OK;
}

static enum decode_status door_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (len < 3)
		return DECODE_BAD_LENGTH;
	if (data[1] == 'C') {
		out->close = true;
		decoded_reply(out, REPLY_NOW, "bye", 3);
		return DECODE_OK;
	}
	if (data[1] == 'A' || data[1] == 'D' || data[1] == 'F' || data[1] == 'X') {
		const uint8_t *comma = memchr(data, ',', len);
		if (!comma || !session_set_ident(session, data + 2, (size_t)(comma - data) - 2))
			return DECODE_BAD_VALUE;
		const size_t password_len = (size_t)(data + len - comma) - 2;
		decoded_password(out,
			data[1] == 'F'
				? memcpy(decoded_arena(out, password_len), comma + 1, password_len)
				: comma + 1,
			password_len);
		if (data[1] == 'X')
			return DECODE_BAD_SUM;
		decoded_reply(out, REPLY_NOW, "ok", 2);
		decoded_reply(out, REPLY_REFUSED, "no", 2);
		if (data[1] == 'A')
			return DECODE_OK;
	}
	if (data[1] == 'E') {
		for (size_t i = 0; i < len - 3; i++)
			out->arena[out->arena_len++] = (char)data[len - 2 - i];
		decoded_password(out, out->arena + out->arena_len - (len - 3), len - 3);
		return DECODE_OK;
	}
	if (data[1] == 'M') {
		if (!session_set_ident(session, data + 2, len - 3))
			return DECODE_BAD_VALUE;
		const struct device_settings set = session_settings(session);
		const char *protocol = set.protocol ? set.protocol->name : "";
		decoded_reply(out, REPLY_NOW, set.model.data, set.model.len);
		decoded_reply(out, REPLY_NOW, "/", 1);
		decoded_reply(out, REPLY_NOW, protocol, strlen(protocol));
		return DECODE_OK;
	}
	if (data[1] == 'L') {
		if (!session_set_ident(session, data + 2, len - 3))
			return DECODE_BAD_VALUE;
		decoded_reply(out, REPLY_NOW, "ok", 2);
		decoded_reply(out, REPLY_STORED, "st", 2);
		decoded_reply(out, REPLY_REFUSED, "no", 2);
	}
	if (session->ident_len == 0)
		return DECODE_UNKNOWN;
	if (data[1] == 'R')
		return door_records(session, data, len, out);
	if (data[1] == 'S') {
		static uint8_t bytes[DECODED_REPLY];
		memset(bytes, 's', sizeof(bytes));
		decoded_reply(out, REPLY_STORED, bytes, strtoul((const char *)data + 2, NULL, 10));
	}
	struct report *report = decoded_report(out, session);
	report->raw = report->key = (struct text){(const char *)data, len};
	if (data[1] == 'O') {
		report = decoded_report(out, session);
		report->raw = report->key = (struct text){(const char *)data, len};
		report->ident = (struct text){(const char *)data + 2, len - 3};
	}
	return DECODE_OK;
}

static const struct decoder decoder_door = {.name = "door",
	.frame_max = FRAME_MOST,
	.probe = door_probe,
	.frame = door_frame,
	.decode = door_decode};

const struct decoder *const registry_decoders[] = {
	&decoder_gt06, &decoder_pt502, &decoder_door, &decoder_osmand, NULL};

#endif
