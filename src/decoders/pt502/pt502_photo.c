// SPDX-License-Identifier: MIT
// Photos of the PT-502, from the maker's manual:
//
//   tracker  $PHO<size>[-<camera>],id,...            an ordinary record; size 0: no photo was taken
//   server   #PHD<offset>,<count> CR LF              at most 960 bytes at a time
//   tracker  BF FB .. $PHD<offset>,<count>,<bytes> CR LF
//   ... up to size
//
// Requests one part at a time, and repeats the request if the part does not arrive. The next part
// is requested only when the pending one has arrived, so that a repeated answer does not double the
// rest.
#include "decoders/pt502/pt502_photo.h"
#include "decoders/pt502/pt502_line.h"
#include "protocol/photo.h"
#include "util/decimal.h"
#include "util/scan.h"

#define PART    960u              /* bytes of a part, except the last */
#define LATE_US INT64_C(60000000) /* parts of the last photo are ignored so long after its end */

// Returns the bytes that the part has unless the tracker announced too many.
static uint32_t part_len(const struct photo *photo, uint32_t part)
{
	const uint32_t left = photo->announced_size - part * PART;
	return left < PART ? left : PART;
}

static void request(struct session *session, int64_t now_us, struct decoded *out)
{
	struct photo *photo = session->photo;
	char line[4 + 2 * DECIMAL_MAX + 3] = "#PHD", *end = line + 4;
	end = decimal_write(end, photo->asked * PART);
	*end++ = ',';
	end = decimal_write(end, part_len(photo, photo->asked));
	*end++ = '\r';
	*end++ = '\n';
	photo->asked_us = now_us;
	decoded_reply(
		out, REPLY_NOW, line, (size_t)(end - line)); // if it does not fit, a retry follows
}

static void end_photo(struct session *session, int64_t now_us)
{
	memcpy(session->memo + PT502_MEMO_PHOTO, &now_us, sizeof now_us);
	photo_end(session);
}

// Returns true if the record announces the photo that is being fetched: it was sent twice.
static bool is_same(
	const struct photo *photo, const struct report *report, uint64_t size, int camera)
{
	return photo && photo->announced_size == size && photo->camera == camera &&
	       photo->body.device_time_us == report->body.device_time_us &&
	       photo->ident_len == report->ident.len &&
	       memcmp(photo->ident, report->ident.data, report->ident.len) == 0;
}

void pt502_photo_open(struct session *session, const struct report *report, uint64_t size,
	int camera, struct decoded *out)
{
	// A tracker sends only its newest photo, and an old record announces another one.
	if (report->body.flags & FLAG_STORED || is_same(session->photo, report, size, camera))
		return;
	const struct photo_plan plan = {
		"image/jpeg", size, (uint32_t)((size + PART - 1) / PART), camera};
	if (size <= PHOTO_BYTES && photo_open(session, report, &plan))
		request(session, session->received_us, out);
}

void pt502_photo_retry(struct session *session, struct decoded *out)
{
	switch (photo_retry(session)) {
	case PHOTO_WAIT:
		break;
	case PHOTO_ASK:
		request(session, session->now_us, out);
		break;
	case PHOTO_GIVE_UP:
		end_photo(session, session->now_us);
	}
}

// Returns true if a photo has ended so recently that its parts may still arrive.
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
	const uint32_t part = (uint32_t)(offset / PART);
	if (offset % PART != 0 || part >= photo->parts)
		return pt502_refuse(out, DECODE_BAD_VALUE, "photo data: offset");
	// A part that is shorter than requested is the photo's last.
	const uint32_t whole = part_len(photo, part);
	if (count > whole || (count < whole && part != photo->asked))
		return pt502_refuse(out, DECODE_BAD_VALUE, "photo data: count");
	photo->received_us = session->received_us;
	if (photo_has(photo, part))
		return DECODE_IGNORED;
	photo_add_part(photo, part, data, (uint32_t)count);
	if (count < whole)
		photo_cut(photo, part + (count > 0));
	if (part != photo->asked)
		return DECODE_OK;
	photo->tries = 0;
	photo->asked = photo_missing(photo);
	if (photo->asked == photo->parts)
		end_photo(session, session->received_us);
	else
		request(session, session->received_us, out);
	return DECODE_OK;
}

enum decode_status pt502_photo_decode(
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
