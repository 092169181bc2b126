// SPDX-License-Identifier: MIT
// Photos of the PT-502.
//
//   tracker  $PHO<size>[-<camera>],id,...            an ordinary record; size 0: no photo
//   server   #PHD<offset>,<count> CR LF              at most 960 bytes at a time
//   tracker  BF FB .. $PHD<offset>,<count>,<bytes> CR LF
//   ... until size is reached
//
// One part is asked for at a time, again when it does not come, and only when it comes the next one:
// an answer that comes twice must not double what follows.
#include "decoders/pt502/pt502.h"
#include "protocol/photo.h"
#include "util/scan.h"

#define ASK_US  INT64_C(10000000) /* after which a part is asked for again, */
#define TRIES   3                 /* so many times */
#define LATE_US INT64_C(60000000) /* for so long parts of the last photo may still come */

static size_t put_number(char *out, uint32_t value)
{
	char digits[10];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	memcpy(out, digits + at, sizeof digits - at);
	return sizeof digits - at;
}

static void ask(struct session *session, int64_t now_us, struct decoded *out)
{
	struct photo *photo = session->photo;
	char line[32] = "#PHD";
	size_t len = 4;
	len += put_number(line + len, photo->asked * PHOTO_PART);
	line[len++] = ',';
	len += put_number(line + len, photo_part_len(photo, photo->asked));
	line[len++] = '\r';
	line[len++] = '\n';
	photo->asked_us = now_us;
	decoded_reply(out, REPLY_NOW, line, len); // if it does not fit, it is asked for later
}

static void end(struct session *session, int64_t now_us)
{
	memcpy(session->memo + PT502_MEMO_PHOTO, &now_us, sizeof now_us);
	photo_end(session);
}

// The record came twice: it tells of the photo that is being fetched.
static bool is_same(
	const struct photo *photo, const struct report *report, uint64_t size, int camera)
{
	return photo && photo->announced_size == size && photo->camera == camera &&
	       photo->body.device_time_us == report->body.device_time_us &&
	       photo->ident_len == report->ident.len &&
	       memcmp(photo->ident, report->ident.data, report->ident.len) == 0;
}

void pt502_open_photo(struct session *session, const struct report *report, uint64_t size,
	int camera, struct decoded *out)
{
	// What is asked for is the newest photo: not the one that an old record tells of.
	if (report->body.flags & FLAG_STORED || is_same(session->photo, report, size, camera))
		return;
	if (photo_open(session, report, size, camera))
		ask(session, session->received_us, out);
}

void pt502_ask_again(struct session *session, struct decoded *out)
{
	struct photo *photo = session->photo;
	if (!photo)
		return;
	if (session->now_us < photo->asked_us) // the clock was put back
		photo->asked_us = session->now_us;
	if (session->now_us - photo->asked_us < ASK_US)
		return;
	if (photo->tries++ == TRIES)
		end(session, session->now_us);
	else
		ask(session, session->now_us, out);
}

// Something of the photo that has ended just now.
static bool is_late(const struct session *session)
{
	int64_t ended_us;
	memcpy(&ended_us, session->memo + PT502_MEMO_PHOTO, sizeof ended_us);
	return ended_us != 0 && session->received_us - ended_us < LATE_US;
}

static enum decode_status take_part(struct session *session, uint64_t offset, const uint8_t *data,
	uint64_t count, struct decoded *out)
{
	struct photo *photo = session->photo;
	const uint32_t part = (uint32_t)(offset / PHOTO_PART);
	if (offset % PHOTO_PART != 0 || offset >= photo->size)
		return pt502_refuse(out, DECODE_BAD_VALUE, "photo data: offset");
	// Less than was asked for is all that the tracker has.
	const uint32_t whole = photo_part_len(photo, part);
	if (count > whole || (count < whole && part != photo->asked))
		return pt502_refuse(out, DECODE_BAD_VALUE, "photo data: count");
	photo->received_us = session->received_us;
	if (photo_has(photo, part))
		return DECODE_IGNORED;
	photo_add_part(photo, part, data, (uint32_t)count);
	if (part != photo->asked)
		return DECODE_OK;
	photo->tries = 0;
	photo->asked = photo_missing(photo);
	if (count < whole || photo->asked * PHOTO_PART >= photo->size)
		end(session, session->received_us);
	else
		ask(session, session->received_us, out);
	return DECODE_OK;
}

enum decode_status pt502_decode_photo(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct scan scan = {(const char *)data + 4, (const char *)data + len};
	uint64_t offset, count;
	if (!session->photo && !is_late(session))
		return pt502_refuse(out, DECODE_DETAIL, "photo data: not asked for");
	if (!scan_uint(&scan, 9, &offset) || !scan_is(&scan, ',') || ++scan.at == scan.end ||
		!scan_uint(&scan, 9, &count) || !scan_is(&scan, ','))
		return pt502_refuse(out, DECODE_BAD_VALUE, "photo data");
	scan.at++;
	const uint8_t *bytes = (const uint8_t *)scan.at;
	size_t left = scan_left(&scan);
	if (left < count || left - count > 2)
		return pt502_refuse(out, DECODE_BAD_LENGTH, "photo data");
	while (left > count) {
		if (!pt502_is_line_end(bytes[--left]))
			return pt502_refuse(out, DECODE_BAD_LENGTH, "photo data");
	}
	return session->photo ? take_part(session, offset, bytes, count, out) : DECODE_IGNORED;
}
