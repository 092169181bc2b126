// SPDX-License-Identifier: MIT
// Photos and voice of a Watch, from the maker's paper and captures. Their bytes are escaped: 7D 01 is }, 02 [, 03 ], 04 , and
// 05 *.
//
//   img,kind,yymmddhhmmss,<JPEG>
//   TK,<AMR>                        a voice message; TK,0 and TK,1 are answers
//   JXTK,kind,file,n,total,<AMR>    part n of one; each part is answered JXTKR,1 once stored
//
// Photos go into avld.media. Voice is not kept: its message becomes a status.
#include "decoders/watch/watch_media.h"

#include "protocol/photo.h"

#define DATA_MOST 1024 /* bytes kept of a message that does not fit */
#define FILE_MOST 64

static const char *const words[] = {"TK,", "TK2,", "JXTK,", "IMG,"};

bool watch_media_is(struct text content)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const size_t len = strlen(words[i]);
		if (content.len >= len &&
			fields_is_word((struct text){content.data, len}, words[i]))
			return true;
	}
	return false;
}

// Writes the bytes without their escapes to out, which has room for as many. Returns their number. A 7D that begins none
// stays.
static size_t remove_escapes(struct text data, uint8_t *out)
{
	size_t len = 0;
	for (size_t at = 0; at < data.len; at++) {
		const uint8_t next = at + 1 < data.len ? (uint8_t)data.data[at + 1] : 0;
		if (data.data[at] == 0x7D && next >= 1 && next <= 5)
			out[len++] = (uint8_t) "}[],*"[data.data[++at] - 1];
		else
			out[len++] = (uint8_t)data.data[at];
	}
	return len;
}

static void store_photo(const struct watch_message *m, struct text data)
{
	const struct photo_plan plan = {"image/jpeg", 0, 1, -1};
	uint8_t *bytes = data.len > 0 ? decoded_arena(m->out, data.len) : NULL;
	struct photo *photo = bytes ? photo_open(m->session, m->report, &plan) : NULL;
	if (!photo)
		return;
	photo->received_us = m->session->received_us;
	photo_add_part(photo, 0, bytes, (uint32_t)remove_escapes(data, bytes));
	photo_end(m->session);
}

static bool decode_photo(const struct watch_message *m)
{
	struct text rest = m->rest, kind, time;
	int64_t date_us, clock_us;
	if (!text_next(&rest, ',', &kind) || !text_next(&rest, ',', &time) || !rest.data ||
		!fields_is_digits(time, 12, 12))
		return false;
	if (text_yymmdd((struct text){time.data, 6}, &date_us) &&
		text_hhmmss((struct text){time.data + 6, 6}, &clock_us))
		report_set_time(m->report, date_us + clock_us);
	fields_add_number(m->out, m->report, "kind", kind);
	store_photo(m, rest);
	return true;
}

static bool decode_part(const struct watch_message *m)
{
	struct text rest = m->rest, kind, file, number, total;
	uint64_t part, parts;
	if (!text_next(&rest, ',', &kind) || !text_next(&rest, ',', &file) ||
		!text_next(&rest, ',', &number) || !text_next(&rest, ',', &total) || !rest.data ||
		!fields_is_printable(file, FILE_MOST) || !fields_is_digits(number, 1, 9) ||
		!fields_is_digits(total, 1, 9) || !text_uint(number, &part) ||
		!text_uint(total, &parts))
		return false;
	fields_add_number(m->out, m->report, "kind", kind);
	watch_message_keep(m, "file", file);
	extra_int(m->out, m->report, "part", (int64_t)part);
	extra_int(m->out, m->report, "parts", (int64_t)parts);
	return true;
}

bool watch_media_decode(struct watch_message *m)
{
	const bool is_photo = fields_is_word(m->word, "IMG"),
		   is_part = fields_is_word(m->word, "JXTK");
	if (!watch_media_is(m->content) || (!is_photo && !is_part && m->rest.len < 2))
		return false;
	watch_message_begin(m);
	if ((is_photo && !decode_photo(m)) || (is_part && !decode_part(m))) {
		const size_t len = m->rest.len < DATA_MOST ? m->rest.len : DATA_MOST;
		if (len > 0)
			extra_hex(m->out, m->report, "data", m->rest.data, len);
	}
	if (is_part)
		watch_message_answer(m, REPLY_STORED, (struct text){"JXTKR,1", 7});
	return true;
}
