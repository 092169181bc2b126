// SPDX-License-Identifier: MIT
// Photos and tachograph files, from the maker's papers. After the line of I and T come so many bytes as it says; their sum is that
// of these bytes only.
//
//   #I#size;number;last;date;time;name[;sum]      a block of a photo, number 0 to last       #AI#number;1, #AI#1 for the last
//   #IT#date;time;driver;code;last[;sum]          a tachograph file follows                  #AIT#1
//   #T#code;size;number[;sum]                     a block of it                              #AT#number;1, #AT#1 for the last
//
//   none --a block--> OPEN --all blocks--> DONE: the last one, sent again, is answered
//                       `--no block for IDLE_US--> none, with the blocks before the first missing one
#include "decoders/wialon/wialon_media.h"

#include "protocol/photo.h"
#include "util/checksum.h"

#define COUNT_DIGITS 9
#define IDLE_US      INT64_C(120000000)

struct block {
	uint32_t number, last;
	struct text sum;
	bool has_sum;
};

static bool read_count(struct text text, uint32_t *value)
{
	uint64_t number;
	if (!fields_is_digits(text, 1, COUNT_DIGITS) || !text_uint(text, &number))
		return false;
	*value = (uint32_t)number;
	return true;
}

uint32_t wialon_media_size(struct text type, struct text body)
{
	struct text fields[3];
	uint32_t size = 0;
	const size_t at = fields_is_letter(type, 'I') || fields_is_letter(type, 'i') ? 0 : 1;
	if (wialon_message_split(body, fields, 3) > at)
		read_count(fields[at], &size);
	return size;
}

// Answers -----------------------------------------------------------------------

static enum decode_status refuse_structure(const struct wialon_message *m, const char *type,
	enum decode_status status, const char *why)
{
	wialon_message_answer(m, REPLY_NOW, type, (struct text){"NA;0", 4});
	return wialon_message_refuse(m, status, why);
}

static enum decode_status refuse_block(const struct wialon_message *m, const char *type,
	const struct block *block, const char *tail, enum decode_status status, const char *why)
{
	wialon_message_answer_number(m, REPLY_NOW, type, block->number, tail);
	return wialon_message_refuse(m, status, why);
}

static enum decode_status refuse_file(const struct wialon_message *m, const char *code,
	enum decode_status status, const char *why)
{
	wialon_message_answer(m, REPLY_NOW, "IT", (struct text){code, strlen(code)});
	return wialon_message_refuse(m, status, why);
}

// whole: all blocks are there.
static void confirm(
	const struct wialon_message *m, const char *type, const struct block *block, bool whole)
{
	if (whole && block->number == block->last)
		wialon_message_answer(m, REPLY_STORED, type, (struct text){"1", 1});
	else
		wialon_message_answer_number(m, REPLY_STORED, type, block->number, ";1");
}

// Storing -----------------------------------------------------------------------

// Returns the FNV-1a hash of the text.
static uint32_t hash_of(struct text text)
{
	uint32_t hash = UINT32_C(2166136261);
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.data[i]) * UINT32_C(16777619);
	return hash;
}

static const char *type_of(struct text data)
{
	if (data.len >= 2 && memcmp(data.data, "\xFF\xD8", 2) == 0)
		return "image/jpeg";
	if (data.len >= 4 && memcmp(data.data, "\x89PNG", 4) == 0)
		return "image/png";
	return "application/octet-stream";
}

static bool is_open(
	const struct session *session, const struct wialon_memo *memo, uint32_t media, bool is_file)
{
	return memo->media_state == WIALON_MEDIA_OPEN && memo->media == media &&
	       memo->is_file == is_file && session->photo;
}

static uint16_t sum_of(struct text data)
{
	return checksum_crc16_arc((const uint8_t *)data.data, data.len);
}

// Returns true for the block that completed the photo or file, sent again. Others begin a new one, which may have the same name.
static bool is_done(const struct wialon_memo *memo, uint32_t media, bool is_file,
	const struct wialon_message *m)
{
	return memo->media_state == WIALON_MEDIA_DONE && memo->media == media &&
	       memo->is_file == is_file && memo->media_sum == sum_of(m->data);
}

static bool open_media(struct session *session, const struct report *report, const char *type,
	uint32_t last, struct wialon_memo *memo)
{
	const struct photo_plan plan = {type, 0, last < PHOTO_PARTS ? last + 1 : 0, -1};
	const bool is_open = photo_open(session, report, &plan) != NULL;
	memo->media_state = is_open ? WIALON_MEDIA_OPEN : WIALON_MEDIA_NONE;
	return is_open;
}

// Adds the block to the open photo or file. Returns false if there is no room for it. *whole: all are there now.
static bool store(const struct wialon_message *m, const struct block *block,
	struct wialon_memo *memo, bool *whole)
{
	struct session *session = m->session;
	struct photo *photo = session->photo;
	*whole = false;
	if (block->number >= photo->parts)
		return false;
	if (!photo_has(photo, block->number) && m->data.len > 0) {
		photo->received_us = session->received_us;
		if (!photo_add_part(photo, block->number, (const uint8_t *)m->data.data,
			    (uint32_t)m->data.len))
			return false;
	}
	*whole = photo_missing(photo) == photo->parts;
	if (*whole) {
		memo->media_state = WIALON_MEDIA_DONE;
		memo->media_sum = sum_of(m->data);
		photo_end(session);
	}
	return true;
}

// Photos ------------------------------------------------------------------------

static struct report *add_photo_report(
	const struct wialon_message *m, const struct text *fields, uint32_t last)
{
	int64_t time_us;
	bool has_time;
	const struct text key = {
		fields[2].data, (size_t)(fields[5].data + fields[5].len - fields[2].data)};
	struct report *report = wialon_message_begin(m, (struct text){"I", 1}, key);
	if (wialon_message_time(fields[3], fields[4], &time_us, &has_time) && has_time)
		report_set_time(report, time_us);
	if (!wialon_message_is_absent(fields[5]))
		extra_text(m->out, report, "file", fields[5].data, fields[5].len);
	extra_int(m->out, report, "parts", (int64_t)last + 1);
	return report;
}

static enum decode_status store_photo(
	const struct wialon_message *m, const struct text *fields, const struct block *block)
{
	struct session *session = m->session;
	struct wialon_memo memo = wialon_memo_load(session);
	const uint32_t media = hash_of((struct text){
		fields[2].data, (size_t)(fields[5].data + fields[5].len - fields[2].data)});
	bool whole = true, kept = true;
	if (!session->photos) {
		if (block->number == 0)
			add_photo_report(m, fields, block->last);
	} else if (!is_done(&memo, media, false, m)) {
		const char *type =
			block->number == 0 ? type_of(m->data) : "application/octet-stream";
		if (!is_open(session, &memo, media, false)) {
			memo.media = media;
			memo.is_file = false;
			kept = open_media(session, add_photo_report(m, fields, block->last), type,
				block->last, &memo);
		} else if (block->number == 0 && !photo_has(session->photo, 0)) {
			const struct report same = {.body = session->photo->body,
				.ident = {session->ident, session->ident_len}};
			photo_describe(session->photo, &same, type, -1);
		}
		kept = kept && store(m, block, &memo, &whole);
		wialon_memo_save(session, &memo);
	}
	if (kept)
		confirm(m, "I", block, whole);
	else
		wialon_message_answer_number(m, REPLY_NOW, "I", block->number, ";0");
	return DECODE_OK;
}

enum decode_status wialon_media_decode_photo(struct wialon_message *m)
{
	struct text fields[8];
	struct block block;
	uint32_t size;
	int64_t time_us;
	bool has_time;
	const size_t count = wialon_message_split(m->body, fields, 8);
	if (!m->is_known)
		return refuse_structure(m, "I", DECODE_DETAIL, "before login");
	if (count < 6 || count > 7)
		return refuse_structure(m, "I", DECODE_BAD_LENGTH, NULL);
	if (!read_count(fields[0], &size) || !read_count(fields[1], &block.number) ||
		!read_count(fields[2], &block.last) || size == 0 || block.number > block.last)
		return refuse_structure(m, "I", DECODE_BAD_VALUE, "block");
	if (size > WIALON_MEDIA_BLOCK || m->data.len < size)
		return refuse_block(m, "I", &block, ";0", DECODE_BAD_LENGTH, NULL);
	m->data.len = size;
	if (count == 7 && !wialon_message_sum_fits(fields[6], m->data))
		return refuse_block(m, "I", &block, ";01", DECODE_BAD_SUM, NULL);
	if (!wialon_message_time(fields[3], fields[4], &time_us, &has_time))
		return refuse_structure(m, "I", DECODE_BAD_VALUE, "time");
	return store_photo(m, fields, &block);
}

// Tachograph files --------------------------------------------------------------

enum decode_status wialon_media_decode_file(const struct wialon_message *m)
{
	struct session *session = m->session;
	struct wialon_memo memo = wialon_memo_load(session);
	struct text fields[7];
	uint32_t last;
	int64_t time_us;
	bool has_time;
	const size_t count = wialon_message_split(m->body, fields, 7);
	if (!m->is_known)
		return refuse_file(m, "0", DECODE_DETAIL, "before login");
	if (count < 5 || count > 6)
		return refuse_file(m, "0", DECODE_BAD_LENGTH, NULL);
	const struct text covered = {
		m->body.data, (size_t)(fields[4].data + fields[4].len - m->body.data)};
	if (count == 6 &&
		!wialon_message_sum_fits(fields[5], (struct text){covered.data, covered.len + 1}))
		return refuse_file(m, "01", DECODE_BAD_SUM, NULL);
	if (!read_count(fields[4], &last))
		return refuse_file(m, "0", DECODE_BAD_VALUE, "block");
	if (!wialon_message_time(fields[0], fields[1], &time_us, &has_time))
		return refuse_file(m, "0", DECODE_BAD_VALUE, "time");
	struct report *report = wialon_message_begin(m, (struct text){"IT", 2}, covered);
	if (has_time)
		report_set_time(report, time_us);
	wialon_message_driver(m, report, fields[2]);
	if (!wialon_message_is_absent(fields[3]))
		extra_text(m->out, report, "code", fields[3].data, fields[3].len);
	extra_int(m->out, report, "parts", (int64_t)last + 1);
	const uint32_t media = hash_of(covered);
	memo.blocks = last + 1;
	if (session->photos && !is_open(session, &memo, media, true)) {
		memo.media = media;
		memo.is_file = true;
		open_media(session, report, "application/octet-stream", last, &memo);
	}
	wialon_memo_save(session, &memo);
	wialon_message_answer(m, REPLY_STORED, "IT", (struct text){"1", 1});
	return DECODE_OK;
}

enum decode_status wialon_media_decode_block(struct wialon_message *m)
{
	struct wialon_memo memo = wialon_memo_load(m->session);
	struct text fields[5];
	struct block block;
	uint32_t size;
	bool whole = true;
	const size_t count = wialon_message_split(m->body, fields, 5);
	if (!m->is_known)
		return refuse_structure(m, "T", DECODE_DETAIL, "before login");
	if (count < 3 || count > 4)
		return refuse_structure(m, "T", DECODE_BAD_LENGTH, NULL);
	const bool has_code = !wialon_message_is_absent(fields[0]);
	if (!read_count(fields[1], &size) || !read_count(fields[2], &block.number) ||
		(size == 0 && !has_code))
		return refuse_structure(m, "T", DECODE_BAD_VALUE, "block");
	if (size > WIALON_MEDIA_BLOCK || m->data.len < size)
		return refuse_block(m, "T", &block, ";0", DECODE_BAD_LENGTH, NULL);
	m->data.len = size;
	if (count == 4 && !wialon_message_sum_fits(fields[3], m->data))
		return refuse_block(m, "T", &block, ";01", DECODE_BAD_SUM, NULL);
	if (block.number >= memo.blocks)
		return refuse_block(m, "T", &block, ";0", DECODE_BAD_VALUE, "block");
	block.last = memo.blocks - 1;
	if (m->session->photos && !is_done(&memo, memo.media, true, m) &&
		(!is_open(m->session, &memo, memo.media, true) || !store(m, &block, &memo, &whole)))
		return refuse_block(m, "T", &block, ";0", DECODE_DETAIL, "no room for the file");
	wialon_memo_save(m->session, &memo);
	if (has_code) {
		struct report *report = wialon_message_begin(m, (struct text){"T", 1}, m->body);
		extra_text(m->out, report, "code", fields[0].data, fields[0].len);
	}
	confirm(m, "T", &block, whole);
	return DECODE_OK;
}

// Waiting -----------------------------------------------------------------------

void wialon_media_wake(struct session *session, int64_t last_us, struct decoded *out)
{
	struct wialon_memo memo = wialon_memo_load(session);
	(void)last_us;
	(void)out;
	if (!session->photo || memo.media_state != WIALON_MEDIA_OPEN ||
		session->now_us - session->photo->received_us < IDLE_US)
		return;
	memo.media_state = WIALON_MEDIA_NONE;
	wialon_memo_save(session, &memo);
	photo_end(session);
}
