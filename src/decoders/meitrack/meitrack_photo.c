// SPDX-License-Identifier: MIT
// Photos, from the maker's paper. The tracker keeps them as files, which are requested by name.
//
//   tracker  D03,OK, or event 39 with the name of a file        a photo is there
//   server   D00,<file>,<part>                                  requests eight parts, from this one
//   tracker  D00,<file>,<parts>,<number>,<bytes>                number 0 to parts - 1
//
// The next eight parts are requested after number 7, 15 and so on. A part that was not announced opens a photo too: the
// connection may have broken in between. The end of the last photo is kept for a minute: parts sent again do not open another one.
#include "decoders/meitrack/meitrack_photo.h"

#include "protocol/photo.h"
#include "util/decimal.h"

#define FLAG        'O'
#define AT_A_TIME   8 /* parts of a request */
#define FILE_MOST   64
#define DIGITS_MOST 4
#define LATE_US     INT64_C(60000000)

_Static_assert(FILE_MOST <= PHOTO_NAME_MAX, "room for the name");

struct late {
	uint32_t hash; /* of the name of the last photo */
	int64_t ended_us;
};

static struct late get_late(const struct session *session)
{
	struct late late;
	memcpy(&late.hash, session->memo + MEITRACK_MEMO_LATE, sizeof late.hash);
	memcpy(&late.ended_us, session->memo + MEITRACK_MEMO_LATE + sizeof late.hash,
		sizeof late.ended_us);
	return late;
}

static void set_late(struct session *session, struct late late)
{
	memcpy(session->memo + MEITRACK_MEMO_LATE, &late.hash, sizeof late.hash);
	memcpy(session->memo + MEITRACK_MEMO_LATE + sizeof late.hash, &late.ended_us,
		sizeof late.ended_us);
}

static bool is_late(const struct session *session, struct text file)
{
	const struct late late = get_late(session);
	return late.ended_us != 0 && session->received_us - late.ended_us < LATE_US &&
	       late.hash == fields_hash_word(file);
}

static struct text name_of(const struct photo *photo)
{
	return (struct text){photo->name, photo->name_len};
}

static void end_photo(struct session *session, int64_t now_us)
{
	set_late(session, (struct late){fields_hash_word(name_of(session->photo)), now_us});
	photo_end(session);
}

static void request(struct session *session, int64_t now_us, struct decoded *out)
{
	struct photo *photo = session->photo;
	char start[4 + FILE_MOST + 1 + DECIMAL_MAX] = "D00,",
				       frame[MEITRACK_AROUND + IDENT_MAX + sizeof start];
	char *end = fields_put(start + 4, photo->name, photo->name_len);
	*end++ = ',';
	end = decimal_write(end, photo_missing(photo));
	photo->asked_us = now_us;
	const struct text ident = {photo->ident, photo->ident_len},
			  parts[2] = {{start, (size_t)(end - start)}, {"", 0}};
	const size_t len = meitrack_frame_write(frame, "@@", FLAG, ident, parts);
	decoded_reply(out, REPLY_NOW, frame, len); // if it does not fit, a retry follows
}

// Opens a photo that the newest report announces.
static bool open_photo(const struct meitrack_message *m, struct text file, uint32_t parts)
{
	const struct photo_plan plan = {"image/jpeg", 0, parts, -1};
	struct photo *photo = photo_open(m->session, m->report, &plan);
	if (!photo)
		return false;
	photo->name_len = (uint8_t)file.len;
	memcpy(photo->name, file.data, file.len);
	return true;
}

bool meitrack_photo_is_name(struct text file)
{
	return file.len > 0 && fields_is_printable(file, FILE_MOST) &&
	       !memchr(file.data, ',', file.len) && !memchr(file.data, '*', file.len);
}

void meitrack_photo_announce(const struct meitrack_message *m, struct text file, bool may_repeat)
{
	struct session *session = m->session;
	if (session->photo || !meitrack_photo_is_name(file) ||
		(may_repeat && is_late(session, file)))
		return;
	if (open_photo(m, file, PHOTO_PARTS)) // their number is in the first part
		request(session, session->received_us, m->out);
}

static bool is_of(const struct photo *photo, const struct session *session, struct text file)
{
	return text_same(name_of(photo), file) &&
	       text_same((struct text){photo->ident, photo->ident_len},
		       (struct text){session->ident, session->ident_len});
}

// Adds the report of a photo that was not announced, and opens it.
static bool open_unannounced(struct meitrack_message *m, struct text file, uint32_t parts)
{
	if (!meitrack_message_begin(m, m->content, m->raw))
		return false;
	m->report->event = (struct text){"D00", 3};
	extra_text(m->out, m->report, "file", file.data, file.len);
	extra_int(m->out, m->report, "parts", parts);
	return open_photo(m, file, parts);
}

static enum decode_status add_part(
	const struct meitrack_message *m, struct text bytes, uint32_t parts, uint32_t part)
{
	struct session *session = m->session;
	struct photo *photo = session->photo;
	if (photo->arrived == 0)
		photo_expect(photo, parts);
	if (photo->planned != parts)
		return DECODE_IGNORED;
	photo->received_us = session->received_us;
	if (photo_has(photo, part))
		return DECODE_IGNORED;
	if (!photo_add_part(photo, part, (const uint8_t *)bytes.data, (uint32_t)bytes.len))
		return DECODE_OK; // no room: a retry follows
	photo->tries = 0;
	photo->asked_us = session->received_us;
	if (photo_missing(photo) == parts)
		end_photo(session, session->received_us);
	else if (part % AT_A_TIME == AT_A_TIME - 1 || part + 1 == parts)
		request(session, session->received_us, m->out);
	return DECODE_OK;
}

bool meitrack_photo_decode(struct meitrack_message *m, enum decode_status *status)
{
	struct session *session = m->session;
	struct text bytes = m->data, file, total, number;
	uint64_t parts, part;
	if (!bytes.data || !text_next(&bytes, ',', &file) || !text_next(&bytes, ',', &total) ||
		!text_next(&bytes, ',', &number) || !bytes.data || file.len == 0 ||
		!fields_is_printable(file, FILE_MOST) || !fields_is_digits(total, 1, DIGITS_MOST) ||
		!fields_is_digits(number, 1, DIGITS_MOST) || !text_uint(total, &parts) ||
		!text_uint(number, &part) || part >= parts)
		return false;
	*status = DECODE_IGNORED;
	if (!session->photos || parts > PHOTO_PARTS || !meitrack_photo_is_name(file))
		return true;
	if (session->photo ? !is_of(session->photo, session, file) : is_late(session, file))
		return true;
	*status = DECODE_OK;
	if (session->photo || open_unannounced(m, file, (uint32_t)parts))
		*status = add_part(m, bytes, (uint32_t)parts, (uint32_t)part);
	return true;
}

void meitrack_photo_wake(struct session *session, int64_t last_us, struct decoded *out)
{
	(void)last_us;
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
