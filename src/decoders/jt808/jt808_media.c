// SPDX-License-Identifier: MIT
// 0801, of the standard. All parts together are
//
//   id u32 | kind u8 | format u8 | event u8 | channel u8 | [position block, without items] | data
//
// The block is missing in 2011: a JPEG begins where it would be. Each part is answered by 8001, the last one to arrive also
// by 8800. The first part makes a report.
//
//   none --a part--> OPEN --all parts--> DONE: parts that are sent again are answered
//                      `--no part, though requested RETRIES times--> none
#include "decoders/jt808/jt808_media.h"
#include "decoders/jt808/jt808_position.h"
#include "decoders/jt808/jt808_reply.h"
#include "protocol/photo.h"

#define HEADER   8
#define RETRY_US INT64_C(10000000) /* without a part: requests the missing ones */
#define RETRIES  3

struct part {
	uint16_t first; /* serial of the first part */
	uint32_t count, number;
	const uint8_t *data; /* without the header */
	size_t len;
	const uint8_t *block; /* position block of the first part; NULL: none */
};

static const char *type_of(uint8_t format)
{
	static const char *const types[] = {
		"image/jpeg", "image/tiff", "audio/mpeg", "audio/wav", "video/x-ms-wmv"};
	return format < sizeof types / sizeof types[0] ? types[format] : "application/octet-stream";
}

// Returns true if the bytes after the header can be a position block.
static bool is_block(const uint8_t *v, size_t len)
{
	int64_t time_us;
	static const uint8_t no_time[6];
	if (len < JT808_BLOCK || (len >= 3 && !memcmp(v, "\xFF\xD8\xFF", 3)))
		return false;
	return jt808_u32(v + 8) <= 90000000 && jt808_u32(v + 12) <= 180000000 &&
	       (jt808_report_read_time(v + 22, &time_us) || !memcmp(v + 22, no_time, 6));
}

// Returns false if it is no part.
static bool read_part(const struct jt808_frame *f, struct part *part)
{
	*part = (struct part){f->serial, 1, 1, f->body, f->len, NULL};
	if (f->is_part) {
		part->first = (uint16_t)(f->serial - f->number + 1);
		part->count = f->count;
		part->number = f->number;
	}
	if (part->number < 1 || part->number > part->count || part->len == 0)
		return false;
	if (part->number > 1)
		return true;
	if (part->len < HEADER)
		return false;
	part->data += HEADER;
	part->len -= HEADER;
	if (is_block(part->data, part->len)) {
		part->block = part->data;
		part->data += JT808_BLOCK;
		part->len -= JT808_BLOCK;
	}
	return true;
}

// Adds the report of the first part. Returns NULL if there is no room.
static const struct report *add_report(const struct jt808_frame *f, const struct part *part)
{
	struct jt808_report r;
	if (!jt808_report_begin(&r, f, NULL, 0))
		return NULL;
	jt808_report_int(&r, "mediaId", jt808_u32(f->body));
	jt808_report_int(&r, "mediaType", f->body[4]);
	jt808_report_int(&r, "mediaFormat", f->body[5]);
	jt808_report_int(&r, "mediaEvent", f->body[6]);
	jt808_report_int(&r, "mediaChannel", f->body[7]);
	if (part->block) {
		if (jt808_u32(part->block))
			jt808_report_int(&r, "alarm", jt808_u32(part->block));
		jt808_position_read_place(&r, part->block + 4);
		jt808_report_time(&r, part->block + 22);
	}
	const size_t key_len = (size_t)(part->data - f->body);
	jt808_report_end(&r, (struct text){(const char *)f->body, key_len}, f->raw);
	return r.report;
}

// Returns the photo that the part belongs to, opened if need be; NULL: no room, or photos are off.
static struct photo *find_photo(const struct jt808_frame *f, const struct part *part,
	const struct report *report, struct jt808_memo *memo)
{
	struct session *session = f->session;
	struct photo *photo = session->photo;
	const struct report unknown = {.ident = {session->ident, session->ident_len}};
	const bool is_first = part->number == 1;
	const char *type = is_first ? type_of(f->body[5]) : "application/octet-stream";
	const int camera = is_first ? f->body[7] : -1;
	if (!report)
		report = &unknown;
	if (photo && memo->photo == part->first && memo->photo_state == JT808_PHOTO_OPEN &&
		photo->planned == part->count && photo->ident_len == session->ident_len &&
		!memcmp(photo->ident, session->ident, session->ident_len)) {
		if (is_first && !photo_has(photo, 0))
			photo_describe(photo, report, type, camera);
		return photo;
	}
	const struct photo_plan plan = {type, 0, part->count, camera};
	photo = photo_open(session, report, &plan);
	memo->photo = part->first;
	memo->photo_state = photo ? JT808_PHOTO_OPEN : JT808_PHOTO_NONE;
	return photo;
}

static void request_missing(
	struct session *session, struct decoded *out, const struct jt808_memo *memo, int64_t now_us)
{
	struct photo *photo = session->photo;
	uint16_t numbers[JT808_MISSING_MOST];
	size_t count = 0;
	for (uint32_t i = 0; i < photo->parts && count < JT808_MISSING_MOST; i++)
		if (!photo_has(photo, i))
			numbers[count++] = (uint16_t)(i + 1);
	photo->asked_us = now_us;
	jt808_reply_missing(session, out, &memo->peer, memo->photo, numbers, count);
}

// Adds the part. Returns false if there is no room for it.
static bool store_part(struct session *session, struct photo *photo, const struct part *part)
{
	if (photo_has(photo, part->number - 1) || part->len == 0)
		return true;
	photo->received_us = session->received_us;
	photo->tries = 0;
	return photo_add_part(photo, part->number - 1, part->data, (uint32_t)part->len);
}

static bool is_done(const struct jt808_memo *memo, const struct part *part)
{
	return memo->photo_state == JT808_PHOTO_DONE && memo->photo == part->first;
}

// Adds the part to the photo, and answers.
static void store(const struct jt808_frame *f, const struct part *part, const struct report *report,
	struct jt808_memo *memo)
{
	struct session *session = f->session;
	struct photo *photo = find_photo(f, part, report, memo);
	const bool whole =
		photo && store_part(session, photo, part) && photo_missing(photo) == photo->parts;
	memcpy(session->memo, memo, sizeof *memo);
	if (!photo || (part->len > 0 && !photo_has(photo, part->number - 1)))
		return; // the device sends it again
	jt808_reply_acknowledge(f, REPLY_STORED);
	if (whole) {
		jt808_reply_media(f, memo->media_id);
		memcpy(memo, session->memo, sizeof *memo);
		memo->photo_state = JT808_PHOTO_DONE;
		memcpy(session->memo, memo, sizeof *memo);
		photo_end(session);
	} else if (part->number == part->count) {
		request_missing(session, f->out, memo, session->received_us);
	}
}

bool jt808_media_decode(const struct jt808_frame *f)
{
	struct session *session = f->session;
	struct jt808_memo memo;
	struct part part;
	const struct report *report = NULL;
	if (!read_part(f, &part))
		return false;
	memcpy(&memo, session->memo, sizeof memo);
	if (is_done(&memo, &part)) {
		jt808_reply_acknowledge(f, REPLY_STORED);
		return true;
	}
	const bool again = session->photo && memo.photo == part.first &&
			   memo.photo_state == JT808_PHOTO_OPEN && photo_has(session->photo, 0);
	if (part.number == 1 && !again)
		report = add_report(f, &part);
	if (part.number == 1)
		memo.media_id = jt808_u32(f->body);
	if (session->photos) {
		store(f, &part, report, &memo);
		return true;
	}
	if (part.number == 1)
		memo.photo = part.first;
	memcpy(session->memo, &memo, sizeof memo);
	jt808_reply_acknowledge(f, REPLY_STORED);
	if (part.number == part.count && memo.photo == part.first)
		jt808_reply_media(f, memo.media_id);
	return true;
}

void jt808_media_wake(struct session *session, struct decoded *out)
{
	struct photo *photo = session->photo;
	struct jt808_memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	if (!photo || memo.photo_state != JT808_PHOTO_OPEN)
		return;
	if (session->now_us < photo->asked_us) // the clock was set back
		photo->asked_us = session->now_us;
	const int64_t newest_us =
		photo->asked_us > photo->received_us ? photo->asked_us : photo->received_us;
	if (session->now_us - newest_us < RETRY_US)
		return;
	if (photo->tries++ < RETRIES) {
		request_missing(session, out, &memo, session->now_us);
		return;
	}
	memo.photo_state = JT808_PHOTO_NONE;
	memcpy(session->memo, &memo, sizeof memo);
	photo_end(session);
}
